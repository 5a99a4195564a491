// SPDX-License-Identifier: Apache-2.0
// A piece of layer.h: in which cycles of a step which columns go through the lanes, and which units
// through the cell. A step has ROUNDS times STEP cycles, which k counts.
//
// x first: in each pass the columns of x, [0, X_WORDS), and of h, [H_BEGIN, H_END). In one pass the
// layer waits at the end of the step, from UNITS_BEGIN on.
//
// h first (LAYER_H_FIRST): the columns of h of all passes, [0, X_BEGIN), which need nothing of the
// step; then those of x of all passes, [X_BEGIN, X_END), a pass in X_PASS cycles. What the columns
// of h left of a pass's sums is kept until its columns of x come. From UNITS_BEGIN on the layer
// waits for D, for the next columns are those of h.
#define X_WORDS MR_CEIL_DIV(LAYER_INPUTS, LAYER_LC)
#define H_WORDS MR_CEIL_DIV(LAYER_HIDDEN, LAYER_LC)
#define PASS_WORDS MR_CEIL_DIV(H_WORDS, LAYER_PASSES)        // of units
#define UNITS_STORED (LAYER_PASSES * PASS_WORDS)             // words
#define HIDDEN_BEFORE_LAST ((LAYER_PASSES - 1) * PASS_WORDS) // words of h ahead of the last pass's
#define LAST_WORDS (H_WORDS - HIDDEN_BEFORE_LAST)            // of units of the last pass
#define LANES (LAYER_PASSES == 1 ? LAYER_HIDDEN : PASS_WORDS * LAYER_LC) // of a gate
#define WORDS (X_WORDS + H_WORDS)

// From the last column of h or x on, where there is a second phase, its wait and its columns.
#if SECOND
#    define WAIT (OF_CELL(_SECOND_LATENCY)(LAYER_LC) + MR_WAY_LATENCY(LANES, LAYER_CROSSING))
#    define SECOND_PHASE (WAIT + H_WORDS)
#else
#    define SECOND_PHASE 0
#endif
// What D takes beyond the columns of h that were there before.
#define GAP                                                                                        \
    (OF_CELL(_LATENCY)(LAYER_LC) + MR_WAY_LATENCY(LANES, LAYER_CROSSING) - HIDDEN_BEFORE_LAST)

#if LAYER_H_FIRST
#    define ROUNDS 1
#    define X_PASS MR_X_PASS(X_WORDS, PASS_WORDS, LAYER_PASSES)
#    define X_BEGIN (LAYER_PASSES * H_WORDS)
#    define X_END (X_BEGIN + LAYER_PASSES * X_PASS)
#    define COLUMNS_END X_END
#    define EARLY MR_MAX(GAP, 0)
#    define TURNS 1
#    define H_DISTANCE (EARLY + HIDDEN_BEFORE_LAST)
#    define IN_X (k >= X_BEGIN && k < X_END)
#    define TAKES_X (k >= X_BEGIN && k < X_BEGIN + X_WORDS)
#    define PUTS_ASIDE (k == X_BEGIN)
#else
#    define ROUNDS LAYER_PASSES
#    define H_PHASES (H_WORDS + SECOND_PHASE)
#    define X_PHASE MR_X_PHASE(X_WORDS, GAP, H_PHASES, LAYER_SLOTS)
#    define EARLY (LAYER_PASSES == 1 ? X_PHASE - X_WORDS : 0)
#    define H_BEGIN (X_PHASE - EARLY)
#    define H_END (H_BEGIN + H_WORDS)
#    define COLUMNS_END H_END
#    define TURNS MR_TURNS(GAP, X_PHASE, H_PHASES)
#    define H_DISTANCE ((TURNS - 1) * STEP + X_PHASE + HIDDEN_BEFORE_LAST)
#    define IN_X (k < H_BEGIN)
#    define TAKES_X (k < X_WORDS && pass == 0)
#    define PUTS_ASIDE (k == H_BEGIN)
#endif
// What it waits at the end of a step is EARLY, from which on the step's units pass.
#define STEP (COLUMNS_END + SECOND_PHASE + EARLY)
#define UNITS_BEGIN (STEP - EARLY)
#define ALL_EARLY (EARLY >= LAST_WORDS) // all its units do

#if LAYER_H_FIRST && LAYER_PASSES > 1
// Registers know the pass and the word in it.
#    undef PUTS_ASIDE
#    define HAS_X (IN_X && pass_word < X_WORDS)
#    define PUTS_ASIDE (IN_X && pass_word == 0)
#    define SUMS_BEGIN (k < X_BEGIN && pass_word == 0)
#    define SUM_BEFORE(g, j) (PUTS_ASIDE ? oldest[g][j] : acc[g][j])
#    define H_WORD (k < X_BEGIN ? pass_word : 0)
#    define W_WORD (k < X_END ? pass_word : 0)
#    define LEAVES (k == UNITS_BEGIN % STEP || PUTS_ASIDE)
#    define OF_BEFORE (k < X_BEGIN)
#    define UNIT_WORD (k < X_BEGIN ? k + EARLY : k < X_END ? pass_word : k - X_END)
#    define HAS_OWN_UNITS                                                                          \
        (k < X_END ? pass_now > 0 && pass_word < PASS_WORDS : k < X_END + LAST_WORDS)
#else
#    define SUMS_BEGIN (k == 0)
#    define SUM_BEFORE(g, j) acc[g][j]
#    if LAYER_H_FIRST
#        define H_WORD (k < X_BEGIN ? k : 0)
#        define W_WORD (k >= X_BEGIN + X_WORDS ? 0 : k >= X_BEGIN ? k - X_BEGIN : k + X_WORDS)
#    else
#        define HAS_X (k < X_WORDS)
#        define H_WORD (k >= H_BEGIN && k < H_END ? k - H_BEGIN : 0)
#        define W_WORD                                                                             \
            (k >= H_END ? 0 : k >= H_BEGIN ? k - (H_BEGIN - X_WORDS) : k < X_WORDS ? k : 0)
#    endif
#    define LEAVES (k == UNITS_BEGIN % STEP)
#    define OF_BEFORE (pass == 0 && k < UNITS_BEGIN)
#    define UNIT_WORD (k < UNITS_BEGIN ? k + EARLY : k - UNITS_BEGIN)
#    define HAS_OWN_UNITS                                                                          \
        (LAYER_PASSES == 1 ? k < UNITS_BEGIN + LAST_WORDS && HAS_ROW : k < PASS_WORDS)
#endif
