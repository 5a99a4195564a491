// SPDX-License-Identifier: Apache-2.0
// What the folded kernel and those who write its programs agree on: its sizes, its commands, and
// the bits of an instruction, which is a memory word, of which four 16-bit parts count
// (docs/folded.md).
#ifndef MR_FOLDED_FORMAT_H
#define MR_FOLDED_FORMAT_H

// Numbers are addressed by 9 bits, sums and activations by 8.
#ifndef FOLDED_WORDS
#    define FOLDED_WORDS 16384 // memory words: programs and weights
#endif
#define FOLDED_NUMBERS 512 // of 32 bits
#define FOLDED_SUMS 256    // of 32 bits, and as many activations of 16
#define FOLDED_PARTS 4     // of an instruction, 16 bits each
// Rows of weights that are multiplied at a time, and parts of a memory word: 4, 8 or 16, of each
// instance of the kernel. The host has them of the board (boards.def).
#ifndef FOLDED_ROWS
#    define FOLDED_ROWS 4
#endif
#define FOLDED_ROWS_MOST 16

// Commands: word 0 of three.
#define FOLDED_LOAD 0
#define FOLDED_WRITE 1
#define FOLDED_READ 2
#define FOLDED_RUN 3
#define FOLDED_LOAD_WORDS 8192 // memory words that a host loads by one command, at most

// Part 0 of every instruction: what it is, and whether it is the last one of its program.
#define FOLDED_NOTHING 0
#define FOLDED_MATRIX 1
#define FOLDED_VECTOR 2
#define FOLDED_MOVE 3
#define FOLDED_KIND_BITS 2
#define FOLDED_LAST 4

// MATRIX: groups of FOLDED_ROWS rows, which stand behind the instruction. For each group there is
// a memory word for each column (or for two, of 8 bits), and one for each row of bias (40 bits) and
// shift, of which that is one more. The results, cut, are sums from the first one on.
//   part 0: flags, and from bit 5 on the columns of the first run, 0: there is one run
//   part 1: the number that is the first column
//   part 2: the first one of the second run; where results go and how they are cut, as of a vector
//   part 3: columns of both, and from bit 9 on groups
#define FOLDED_COLUMN8 8  // columns are rounded to their upper 8 bits
#define FOLDED_WEIGHT8 16 // weights of 8 bits: the even column's is the lower one
#define FOLDED_RUN_AT 5
#define FOLDED_GROUPS_AT 9

// VECTOR: for each element  result = cut((addend + p q) >> shift)
//   part 0: flags
//   part 1: the first number of p; and from the bits below on others
//   part 2: where the first result goes
//   part 3: elements
// An element's sums and activations are four apart where their stride flag is set, from an offset
// on; else they begin at 0.
#define FOLDED_ACTIVATE 8   // addend, p, q and shift are those of a table; the argument is a sum,
#define FOLDED_OF_NUMBER 16 // or the number of p
#define FOLDED_TANH_AT 5    // four bits: tanh for elements whose number is 0, 1, 2, 3 modulo 4
#define FOLDED_RELU 512     // what is below 0 becomes 0
#define FOLDED_ADDEND_AT 10 // 0, sum, sum 2^15, p
#define FOLDED_ADD_NOTHING 0
#define FOLDED_ADD_SUM 1
#define FOLDED_ADD_HIGH 2
#define FOLDED_ADD_P 3
#define FOLDED_SHIFT_AT 12 // none, 12 and 15 bits rounded, -1
#define FOLDED_SHIFT_NONE 0
#define FOLDED_SHIFT_12 1
#define FOLDED_SHIFT_15 2
#define FOLDED_SHIFT_LEFT 3
#define FOLDED_P_ACTIVE 16384 // p is an activation, else a number
#define FOLDED_P_OFFSET_AT 9
#define FOLDED_Q_OFFSET_AT 11
#define FOLDED_Q_LESS 8192         // q is 32767 less an activation
#define FOLDED_SUM_STRIDE 16384    // of the sum that is read
#define FOLDED_ACTIVE_STRIDE 32768 // of the activations that are read
#define FOLDED_INTO_AT 9           // number, sum, activation
#define FOLDED_INTO_NUMBER 0
#define FOLDED_INTO_SUM 1
#define FOLDED_INTO_ACTIVE 2
#define FOLDED_CUT_AT 11 // to 32, 16, 24, 27 bits
#define FOLDED_CUT_32 0
#define FOLDED_CUT_16 1
#define FOLDED_CUT_24 2
#define FOLDED_CUT_27 3
#define FOLDED_SUM_OFFSET_AT 13
#define FOLDED_INTO_STRIDE 32768 // of a sum or activation that is written
#define FOLDED_Q_ZERO 32768      // part 0: q is 0

// MOVE: numbers from `in` or to `out`.
//   part 1: the first number;  part 3: words
#define FOLDED_GIVE 8  // to out
#define FOLDED_WIDE 16 // two words for a number, low half first; else one, with its sign

#endif
