// SPDX-License-Identifier: Apache-2.0
// A piece of layer.h: in which cycles of a step which columns go through the lanes, and which units
// through the cell. A step has ROUNDS times STEP cycles, which pass and k count.
//
// x first: in each pass the columns of x, [0, X_WORDS), and of h, [H_BEGIN, H_END). In one pass the
// layer waits at the end of the step, from UNITS_BEGIN on.
//
// h first (LAYER_H_FIRST) in one pass: the columns of h, [0, X_BEGIN), which need nothing of the
// step, and of x, [X_BEGIN, X_END). From UNITS_BEGIN on the layer waits for D, for the next columns
// are those of h.
//
// h first in R passes: R rounds for the columns of h and R for those of x. What the columns of h
// left of a pass's sums is kept until its columns of x come. Where there is something to wait for,
// it waits in whole rounds.
#define X_WORDS MR_CEIL_DIV(LAYER_INPUTS, LAYER_LC)
#define H_WORDS MR_CEIL_DIV(LAYER_HIDDEN, LAYER_LC)
#define PASS_WORDS MR_CEIL_DIV(H_WORDS, LAYER_PASSES)        // of units
#define UNITS_STORED (LAYER_PASSES * PASS_WORDS)             // words
#define HIDDEN_BEFORE_LAST ((LAYER_PASSES - 1) * PASS_WORDS) // words of h ahead of the last pass's
#define LAST_WORDS (H_WORDS - HIDDEN_BEFORE_LAST)            // of units of the last pass
#define LANES (LAYER_PASSES == 1 ? LAYER_HIDDEN : PASS_WORDS * LAYER_LC) // of a gate
#define WORDS (X_WORDS + H_WORDS)

// What the lanes add to the latency of the cell.
#define OF_LANES                                                                                   \
    (MR_WAY_LATENCY(LANES, LAYER_CROSSING) + MR_PAIRED_LATENCY(LAYER_LC, LAYER_COLUMN_BITS))

// From the last column of h or x on, where there is a second phase, its wait and its columns.
#if SECOND
#    define WAIT (LAYER_SECOND_LATENCY + OF_LANES)
#    define SECOND_PHASE (WAIT + H_WORDS)
#else
#    define SECOND_PHASE 0
#endif
// What D takes beyond the columns of h that were there before.
#define GAP (LAYER_LATENCY + OF_LANES - HIDDEN_BEFORE_LAST)

#define X_PASS MR_H_FIRST_PASS(X_WORDS, H_WORDS, LAYER_PASSES)
#if LAYER_H_FIRST
#    define EARLY MR_H_FIRST_WAIT(GAP, X_PASS, LAYER_PASSES)
#    define TURNS 1
#    define H_DISTANCE (EARLY + HIDDEN_BEFORE_LAST)
#else
#    define H_PHASES (H_WORDS + SECOND_PHASE)
#    define X_PHASE MR_X_PHASE(X_WORDS, GAP, H_PHASES, LAYER_SLOTS, LAYER_PASSES)
#    define EARLY (LAYER_PASSES == 1 ? X_PHASE - X_WORDS : 0)
#    define TURNS MR_TURNS(GAP, X_PHASE, H_PHASES, LAYER_PASSES)
#    define H_DISTANCE ((TURNS - 1) * ROUNDS * STEP + X_PHASE + HIDDEN_BEFORE_LAST)
#endif
#define ALL_EARLY (EARLY >= LAST_WORDS) // all its units do

#if LAYER_H_FIRST && LAYER_PASSES > 1
#    define STEP X_PASS
#    define ROUNDS (2 * LAYER_PASSES + EARLY / STEP)
#    define IN_X (pass >= LAYER_PASSES && pass < 2 * LAYER_PASSES)
#    define IN_H (pass < LAYER_PASSES && k < H_WORDS)
#    define TAKES_X (pass == LAYER_PASSES && k < X_WORDS)
#    define TAKES_H (pass == 0 && k < H_WORDS)
#    define HAS_X (IN_X && k < X_WORDS)
#    define PUTS_ASIDE (IN_X && k == 0)
#    define SUMS_BEGIN (pass < LAYER_PASSES && k == 0)
#    define SUM_BEFORE(g, j) (PUTS_ASIDE ? oldest[g][j] : acc[g][j])
#    define PASS_BEGINS (pass < 2 * LAYER_PASSES && k == 0)
#    define H_WORD (IN_H ? k : 0)
#    define W_WORD (HAS_X ? k : IN_H ? k + X_WORDS : 0)
#    define LEAVES (k == 0)
#    define OF_BEFORE (pass == 0)
#    define UNIT_WORD k
#    define HAS_OWN_UNITS                                                                          \
        (pass > LAYER_PASSES &&                                                                    \
         (pass < 2 * LAYER_PASSES ? k < PASS_WORDS : pass == 2 * LAYER_PASSES && k < LAST_WORDS))
#    define RUN_ENDS (pass == (ALL_EARLY ? 2 * LAYER_PASSES : 0) && k == LAST_WORDS - 1)
#    define COLUMNS_END 0 // of a cell with a second phase, which has one pass
#    define UNITS_BEGIN 0
#else
#    if LAYER_H_FIRST
#        define ROUNDS 1
#        define X_BEGIN H_WORDS
#        define X_END (X_BEGIN + X_WORDS)
#        define COLUMNS_END X_END
#        define IN_X (k >= X_BEGIN && k < X_END)
#        define TAKES_X IN_X
#        define TAKES_H (k < X_BEGIN)
#        define PUTS_ASIDE (k == X_BEGIN)
#        define H_WORD (k < X_BEGIN ? k : 0)
#        define W_WORD (k >= X_END ? 0 : k >= X_BEGIN ? k - X_BEGIN : k + X_WORDS)
#    else
#        define ROUNDS LAYER_PASSES
#        define H_BEGIN (X_PHASE - EARLY)
#        define H_END (H_BEGIN + H_WORDS)
#        define COLUMNS_END H_END
#        define IN_X (k < H_BEGIN)
#        define TAKES_X (k < X_WORDS && pass == 0)
#        define TAKES_H (k >= H_BEGIN && k < H_END && pass == 0)
#        define HAS_X (k < X_WORDS)
#        define PUTS_ASIDE (k == H_BEGIN)
#        define H_WORD (k >= H_BEGIN && k < H_END ? k - H_BEGIN : 0)
#        define W_WORD                                                                             \
            (k >= H_END ? 0 : k >= H_BEGIN ? k - (H_BEGIN - X_WORDS) : k < X_WORDS ? k : 0)
#    endif
// What it waits at the end of a step is EARLY, from which on the step's units pass.
#    define STEP (COLUMNS_END + SECOND_PHASE + EARLY)
#    define UNITS_BEGIN (STEP - EARLY)
#    define IN_H (k < COLUMNS_END) // where it is not in x
#    define SUMS_BEGIN (k == 0)
#    define SUM_BEFORE(g, j) acc[g][j]
#    define LEAVES (k == UNITS_BEGIN % STEP)
#    define OF_BEFORE (pass == 0 && k < UNITS_BEGIN)
#    define UNIT_WORD (k < UNITS_BEGIN ? k + EARLY : k - UNITS_BEGIN)
#    define HAS_OWN_UNITS                                                                          \
        ((LAYER_PASSES == 1 ? k < UNITS_BEGIN + LAST_WORDS : k < PASS_WORDS) && HAS_ROW)
#    define RUN_ENDS (k == (UNITS_BEGIN + LAST_WORDS - 1) % STEP)
#endif
