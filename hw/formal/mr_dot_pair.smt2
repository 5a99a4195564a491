; SPDX-License-Identifier: Apache-2.0
; Two sums of products of 8 bits side by side in one accumulator (hw/rtl/mr_dot_pair.sv): for all weights and
; columns of up to COLUMNS columns (fewer are zeros in the others) the DSPs hold every number, and both sums come out.
; Each check asks for a counterexample. run.sh writes the number for COLUMNS: 7, and 8 for a counterexample.
(define-fun byte ((x Int)) Bool (and (<= (- 128) x) (<= x 127)))
(define-fun fits ((x Int) (limit Int)) Bool (and (<= (- limit) x) (< x limit)))

; One column: the pre-adder (A + D, 27 bits) and the product (45 bits).
(declare-const a Int) ; the weight of row 0
(declare-const d Int) ; and of row 1, 18 bits above it
(declare-const b Int) ; the column
(define-fun ad () Int (+ a (* 262144 d)))
(define-fun p () Int (* a b))
(define-fun q () Int (* d b))
(assert (and (byte a) (byte d) (byte b)))
(push)
(assert (or (not (fits ad 67108864)) (not (= (* ad b) (+ p (* 262144 q))))))
(check-sat)
(pop)
(push)
(assert (not (and (<= (- 16256) p) (<= p 16384))))
(check-sat)
(pop)

; The sum of all: any products in these ranges, from 2^17 on.
(declare-const ps Int)
(declare-const qs Int)
(assert (and (<= (* COLUMNS (- 16256)) ps) (<= ps (* COLUMNS 16384))))
(assert (and (<= (* COLUMNS (- 16256)) qs) (<= qs (* COLUMNS 16384))))
(define-fun last () Int (+ 131072 ps (* 262144 qs)))
(define-fun low () Int (mod last 262144)) ; P[17:0]
(define-fun high () Int (mod (div last 262144) 262144)) ; P[35:18]
(define-fun signed ((x Int)) Int (ite (>= x 131072) (- x 262144) x))
; ~P[17] in front of P[16:0]
(define-fun turned () Int (ite (>= low 131072) (- low 131072) (+ low 131072)))
(push)
(assert (or (not (fits last 140737488355328)) (not (= (signed turned) ps)) (not (= (signed high) qs))))
(check-sat)
(pop)
