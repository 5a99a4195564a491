// SPDX-License-Identifier: Apache-2.0
// The sizes of a training engine, from what its instance defines:
//   TRAIN_CELL        lstm, gru, gru_reset_first or rnn, whose header (NAME_cell.h) is included
//                     before
//   TRAIN_LAYERS      L, 1 to 16
//   TRAIN_WIDTH_0     numbers of x; TRAIN_WIDTH_1 to _L: units of the layers
//   TRAIN_OUTPUTS     of the head
//   TRAIN_LOSS        0: mean squared error; 1: binary, 2: categorical cross-entropy
//   TRAIN_PER_STEP    1: the head is on every step, else 0: on the last one
//   TRAIN_CLIP        1: the norm of all gradients is clipped, else 0
//   TRAIN_DROPOUT     1: dropout between layers, else 0
//   TRAIN_LC          columns a cycle: units that pass through the cells in a cycle, too
//   TRAIN_NB          1 or 2: sequences that share a weight, which are columns side by side
//   TRAIN_BATCH       B, a multiple of NB; B / NB groups of sequences have their turns
//   TRAIN_STEPS       T at most
//   TRAIN_PORT        1: the stash and all parameters are outside, behind memory ports (port.h); 0
//                     or not defined: on the chip
//   TRAIN_W_MEMORY    bram or uram: what the weights beside the lanes lie in; not defined: LUTs.
//                     Of bram: words from TRAIN_W_LAST_FROM on in LUTs, units from
//                     TRAIN_W_REST_FROM on in UltraRAM; 0 or not defined: none
//
// A layer has rows of lanes for the gates of the widest one, and its columns are h, then x, LC a
// cycle. A turn of a layer takes LEN cycles for forward, and as many for the derivatives by its
// columns; of layer 0 only those of h are wanted. The weights' gradients take as long, word after
// word of the columns and in each one turn after turn, so that a step's sums stay in the lanes;
// from there they go, GRADIENT_UNITS units a cycle, to what the steps behind gave. Where the first
// gate weighs the columns of h that the last one has, its sums over them are turns of their own,
// and so are backwards the derivatives by them and what the cells make of those. Values come back
// after TURNS turns at the earliest, which is what hides the latency of lanes and cells: where the
// batch has fewer groups, some turns are empty.
#ifndef MR_TRAIN_SHAPE_H
#define MR_TRAIN_SHAPE_H

#include "hls.h"
#include "mr_command.h"

#define TRAIN_MSE 0 // TRAIN_LOSS
#define TRAIN_BCE 1
#define TRAIN_CE 2

#define TRAIN_LOAD 0    // takes parameters
#define TRAIN_READ 1    // gives them
#define TRAIN_TRAIN 2   // mini-batches of x and targets; gives outputs
#define TRAIN_PREDICT 3 // of x; gives outputs
#define TRAIN_SET 4     // takes settings
#define TRAIN_JOB(command, flags)                                                                  \
    ((command) == MR_COMMAND_WRITE_STATE  ? TRAIN_LOAD                                             \
     : (command) == MR_COMMAND_READ_STATE ? TRAIN_READ                                             \
     : (command) != MR_COMMAND_RUN        ? TRAIN_SET                                              \
     : (flags) >> MR_FLAGS_OWN            ? TRAIN_TRAIN                                            \
                                          : TRAIN_PREDICT)

// The host's plan (host/train/train_plan.c) includes this with expressions of its own in their
// place.
#ifndef TRAIN_PORT
#    define TRAIN_PORT 0
#endif
#ifndef TRAIN_W_MEMORY
#    define TRAIN_W_MEMORY lutram
#endif
#ifndef TRAIN_WIDTH_2
#    define TRAIN_WIDTH_2 0
#endif
#ifndef TRAIN_WIDTH_3
#    define TRAIN_WIDTH_3 0
#endif
#ifndef TRAIN_WIDTH_4
#    define TRAIN_WIDTH_4 0
#endif
#ifndef TRAIN_WIDTH_5
#    define TRAIN_WIDTH_5 0
#endif
#ifndef TRAIN_WIDTH_6
#    define TRAIN_WIDTH_6 0
#endif
#ifndef TRAIN_WIDTH_7
#    define TRAIN_WIDTH_7 0
#endif
#ifndef TRAIN_WIDTH_8
#    define TRAIN_WIDTH_8 0
#endif
#ifndef TRAIN_WIDTH_9
#    define TRAIN_WIDTH_9 0
#endif
#ifndef TRAIN_WIDTH_10
#    define TRAIN_WIDTH_10 0
#endif
#ifndef TRAIN_WIDTH_11
#    define TRAIN_WIDTH_11 0
#endif
#ifndef TRAIN_WIDTH_12
#    define TRAIN_WIDTH_12 0
#endif
#ifndef TRAIN_WIDTH_13
#    define TRAIN_WIDTH_13 0
#endif
#ifndef TRAIN_WIDTH_14
#    define TRAIN_WIDTH_14 0
#endif
#ifndef TRAIN_WIDTH_15
#    define TRAIN_WIDTH_15 0
#endif
#ifndef TRAIN_WIDTH_16
#    define TRAIN_WIDTH_16 0
#endif

#define TRAIN_MOST_NB 2
#define TRAIN_OF_CELL(what) HLS_JOIN(TRAIN_CELL, what)
#ifndef TRAIN_GATES
#    define TRAIN_GATES TRAIN_OF_CELL(_TRAIN_GATES)
#    define TRAIN_SUMS TRAIN_OF_CELL(_TRAIN_SUMS)
#    define TRAIN_RESET TRAIN_OF_CELL(_TRAIN_RESET)
#    if TRAIN_NB < 1 || TRAIN_NB > TRAIN_MOST_NB
#        error "a weight serves one sequence, or two side by side: TRAIN_NB is 1 or 2"
#    elif TRAIN_BATCH % TRAIN_NB
#        error "TRAIN_BATCH is a multiple of TRAIN_NB"
#    endif
#endif
#define TRAIN_KEPT TRAIN_OF_CELL(_TRAIN_KEPT)
#define TRAIN_HAS_STATE TRAIN_OF_CELL(_TRAIN_HAS_STATE)

#ifndef TRAIN_MAX
#    define TRAIN_IN_KERNEL
#    define TRAIN_MAX(a, b) ((a) > (b) ? (a) : (b))
#    define TRAIN_MIN(a, b) ((a) < (b) ? (a) : (b))
#endif
#define TRAIN_WORDS(n) (((n) + TRAIN_LC - 1) / TRAIN_LC)
// The word of a unit: u / LC, which hlsc has for powers of two alone.
#define TRAIN_WORD_OF(u) ((u) * (65536 / TRAIN_LC + 1) >> 16)
// Lists over the layers, of as many places as tables and registers have: 4, 8 or 16.
#define TRAIN_MOST_LAYERS 16
#define TRAIN_PLACES_OF(layers) ((layers) <= 4 ? 4 : (layers) <= 8 ? 8 : TRAIN_MOST_LAYERS)
#define TRAIN_OVER_4(f) (f(0) + f(1) + f(2) + f(3))
#define TRAIN_OVER_8(f) (TRAIN_OVER_4(f) + f(4) + f(5) + f(6) + f(7))
#define TRAIN_OVER_16(f)                                                                           \
    (TRAIN_OVER_8(f) + f(8) + f(9) + f(10) + f(11) + f(12) + f(13) + f(14) + f(15))
#define TRAIN_GREATEST(f, a, b, c, d) TRAIN_MAX(TRAIN_MAX(f(a), f(b)), TRAIN_MAX(f(c), f(d)))
#define TRAIN_GREATEST_4(f) TRAIN_GREATEST(f, 0, 1, 2, 3)
#define TRAIN_GREATEST_8(f) TRAIN_MAX(TRAIN_GREATEST_4(f), TRAIN_GREATEST(f, 4, 5, 6, 7))
#define TRAIN_GREATEST_16(f)                                                                       \
    TRAIN_MAX(TRAIN_GREATEST_8(f),                                                                 \
              TRAIN_MAX(TRAIN_GREATEST(f, 8, 9, 10, 11), TRAIN_GREATEST(f, 12, 13, 14, 15)))
#define TRAIN_LIST_4(f) f(0), f(1), f(2), f(3)
#define TRAIN_LIST_8(f) TRAIN_LIST_4(f), f(4), f(5), f(6), f(7)
#define TRAIN_LIST_16(f) TRAIN_LIST_8(f), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
// Where each layer begins behind those before it.
#define TRAIN_TO_3(f) f(0) + f(1) + f(2)
#define TRAIN_TO_4(f) TRAIN_TO_3(f) + f(3)
#define TRAIN_TO_6(f) TRAIN_TO_4(f) + f(4) + f(5)
#define TRAIN_TO_8(f) TRAIN_TO_6(f) + f(6) + f(7)
#define TRAIN_TO_10(f) TRAIN_TO_8(f) + f(8) + f(9)
#define TRAIN_TO_12(f) TRAIN_TO_10(f) + f(10) + f(11)
#define TRAIN_TO_14(f) TRAIN_TO_12(f) + f(12) + f(13)
#define TRAIN_BASES_4(f) 0, f(0), f(0) + f(1), TRAIN_TO_3(f)
#define TRAIN_BASES_8(f)                                                                           \
    TRAIN_BASES_4(f), TRAIN_TO_4(f), TRAIN_TO_4(f) + f(4), TRAIN_TO_6(f), TRAIN_TO_6(f) + f(6)
#define TRAIN_BASES_16(f)                                                                          \
    TRAIN_BASES_8(f), TRAIN_TO_8(f), TRAIN_TO_8(f) + f(8), TRAIN_TO_10(f), TRAIN_TO_10(f) + f(10), \
        TRAIN_TO_12(f), TRAIN_TO_12(f) + f(12), TRAIN_TO_14(f), TRAIN_TO_14(f) + f(14)
#ifndef TRAIN_IN_KERNEL
#    define TRAIN_PLACES TRAIN_PLACES_OF(TRAIN_LAYERS)
#    define TRAIN_OF_ALL(list) list##16
#elif TRAIN_LAYERS <= 4
#    define TRAIN_PLACES 4
#    define TRAIN_OF_ALL(list) list##4
#elif TRAIN_LAYERS <= 8
#    define TRAIN_PLACES 8
#    define TRAIN_OF_ALL(list) list##8
#else
#    define TRAIN_PLACES 16
#    define TRAIN_OF_ALL(list) list##16
#endif
#define TRAIN_OVER TRAIN_OF_ALL(TRAIN_OVER_) // a sum over the layers
#define TRAIN_MAX_OF TRAIN_OF_ALL(TRAIN_GREATEST_)
#define TRAIN_ALL(f)                                                                               \
    { TRAIN_OF_ALL(TRAIN_LIST_)(f) }
#define TRAIN_BASE(f)                                                                              \
    { TRAIN_OF_ALL(TRAIN_BASES_)(f) }

// Words of the columns of x, and of the units of layer l.
#define TRAIN_XW TRAIN_WORDS(TRAIN_WIDTH_0)
#define TRAIN_UNITS_0 TRAIN_WIDTH_1
#define TRAIN_UNITS_1 TRAIN_WIDTH_2
#define TRAIN_UNITS_2 TRAIN_WIDTH_3
#define TRAIN_UNITS_3 TRAIN_WIDTH_4
#define TRAIN_UNITS_4 TRAIN_WIDTH_5
#define TRAIN_UNITS_5 TRAIN_WIDTH_6
#define TRAIN_UNITS_6 TRAIN_WIDTH_7
#define TRAIN_UNITS_7 TRAIN_WIDTH_8
#define TRAIN_UNITS_8 TRAIN_WIDTH_9
#define TRAIN_UNITS_9 TRAIN_WIDTH_10
#define TRAIN_UNITS_10 TRAIN_WIDTH_11
#define TRAIN_UNITS_11 TRAIN_WIDTH_12
#define TRAIN_UNITS_12 TRAIN_WIDTH_13
#define TRAIN_UNITS_13 TRAIN_WIDTH_14
#define TRAIN_UNITS_14 TRAIN_WIDTH_15
#define TRAIN_UNITS_15 TRAIN_WIDTH_16
#define TRAIN_BELOW_0 TRAIN_WIDTH_0
#define TRAIN_BELOW_1 TRAIN_WIDTH_1
#define TRAIN_BELOW_2 TRAIN_WIDTH_2
#define TRAIN_BELOW_3 TRAIN_WIDTH_3
#define TRAIN_BELOW_4 TRAIN_WIDTH_4
#define TRAIN_BELOW_5 TRAIN_WIDTH_5
#define TRAIN_BELOW_6 TRAIN_WIDTH_6
#define TRAIN_BELOW_7 TRAIN_WIDTH_7
#define TRAIN_BELOW_8 TRAIN_WIDTH_8
#define TRAIN_BELOW_9 TRAIN_WIDTH_9
#define TRAIN_BELOW_10 TRAIN_WIDTH_10
#define TRAIN_BELOW_11 TRAIN_WIDTH_11
#define TRAIN_BELOW_12 TRAIN_WIDTH_12
#define TRAIN_BELOW_13 TRAIN_WIDTH_13
#define TRAIN_BELOW_14 TRAIN_WIDTH_14
#define TRAIN_BELOW_15 TRAIN_WIDTH_15
#define TRAIN_UNITS(l) TRAIN_UNITS_##l
#define TRAIN_BELOW(l) TRAIN_BELOW_##l
#define TRAIN_IS(l) (TRAIN_LAYERS > l)
#define TRAIN_HW(l) TRAIN_WORDS(TRAIN_UNITS_##l)
#define TRAIN_BW(l) TRAIN_WORDS(TRAIN_BELOW_##l)
#define TRAIN_KW(l) (TRAIN_IS(l) ? TRAIN_HW(l) + TRAIN_BW(l) : 0)
#define TRAIN_CW(l) (TRAIN_NB * TRAIN_HW(l)) // cycles of the cells in a turn
#define TRAIN_ROWS(l) (TRAIN_GATES * TRAIN_UNITS_##l)
#define TRAIN_LEN(l) (TRAIN_IS(l) ? TRAIN_MAX(TRAIN_KW(l), TRAIN_CW(l)) : 0)
// Of h alone, and of the cells; a slot has 2 cycles.
#define TRAIN_H_LEN(l) (TRAIN_IS(l) ? TRAIN_MAX(TRAIN_HW(l), 2) : 0)
#define TRAIN_FIRST_LEN(l) (TRAIN_IS(l) ? TRAIN_MAX(TRAIN_CW(l), 2) : 0)
#define TRAIN_BACK_LEN(l) (l == 0 ? TRAIN_H_LEN(0) : TRAIN_LEN(l))

// Constants, for a list cannot be within another one.
#define TRAIN_FIND_MAX_UNITS TRAIN_MAX_OF(TRAIN_UNITS)
#ifdef TRAIN_IN_KERNEL
enum { train_max_units = TRAIN_FIND_MAX_UNITS };
#    define TRAIN_MAX_UNITS train_max_units
#endif
#define TRAIN_MAX_HW TRAIN_WORDS(TRAIN_MAX_UNITS)
#define TRAIN_TOP_UNITS_OF(l) (TRAIN_LAYERS - 1 == l ? TRAIN_UNITS(l) : 0)
#define TRAIN_TOP_HW TRAIN_WORDS(TRAIN_OVER(TRAIN_TOP_UNITS_OF))

// From what a turn reads to what the next step of the same sequence reads; hlsc checks it.
#ifndef TRAIN_LATENCY
#    define TRAIN_LATENCY (TRAIN_DROPOUT ? 42 : 36)
#endif
#define TRAIN_GROUPS (TRAIN_BATCH / TRAIN_NB)
// With memory ports, from the last word that is stored to the first one that is fetched: the stages
// of the loop, and both ways to a memory, of 200 cycles each. And turns last so long that what is
// fetched in one phase, a word a cycle, is there in the next.
#define TRAIN_PORT_WAIT (TRAIN_PORT ? 600 : 0)
#define TRAIN_PORT_TURNS (TRAIN_PORT ? TRAIN_LATENCY : 1)
#define TRAIN_SHORTEST_OF(l)                                                                       \
    (TRAIN_IS(l) ? TRAIN_MIN(TRAIN_FIRST_LEN(l), TRAIN_RESET ? TRAIN_H_LEN(l) : TRAIN_BACK_LEN(l)) \
                 : TRAIN_LATENCY)
// Below TRAIN_LATENCY, which is more than that of any layer that is not there.
#define TRAIN_LESS_OF(l) (TRAIN_LATENCY - TRAIN_MIN(TRAIN_SHORTEST_OF(l), TRAIN_LATENCY))
#define TRAIN_SHORTEST (TRAIN_LATENCY - TRAIN_MAX_OF(TRAIN_LESS_OF))
#define TRAIN_FIND_TURNS                                                                           \
    TRAIN_MAX(TRAIN_MAX(TRAIN_GROUPS, TRAIN_PORT_TURNS),                                           \
              3 + (TRAIN_LATENCY + TRAIN_SHORTEST - 1) / TRAIN_SHORTEST)
#ifdef TRAIN_IN_KERNEL
enum { train_turns = TRAIN_FIND_TURNS };
#    define TRAIN_TURNS train_turns
#endif

// Sums of a word of columns leave the lanes while those of the next one are formed, so many units a
// cycle, to a memory of gradients: a layer's words of columns, of each its units' words. A layer is
// updated before the next one's turns, but where gradients are clipped.
#define TRAIN_GRADIENT_UNITS ((TRAIN_MAX_UNITS + TRAIN_TURNS - 1) / TRAIN_TURNS)
#define TRAIN_LEAVES(l)                                                                            \
    (TRAIN_IS(l) ? (TRAIN_UNITS(l) + TRAIN_GRADIENT_UNITS - 1) / TRAIN_GRADIENT_UNITS : 0)
#define TRAIN_GRADIENTS(l) (TRAIN_KW(l) * TRAIN_LEAVES(l))
#define TRAIN_GRADIENT_WORDS                                                                       \
    (TRAIN_CLIP ? TRAIN_OVER(TRAIN_GRADIENTS) : TRAIN_MAX_OF(TRAIN_GRADIENTS))
// A word of it is read again no sooner than so many cycles after it was written.
#define TRAIN_GRADIENT_CYCLES 8

#define TRAIN_STASH(l) (TRAIN_STEPS * TRAIN_GROUPS * TRAIN_HW(l))
// The derivatives by h that a layer has from above; of the port, where each layer's are, those of
// two layers in turn.
#define TRAIN_OF_ABOVE (TRAIN_STEPS * TRAIN_GROUPS * TRAIN_MAX_HW)
#define TRAIN_ABOVE(l) ((TRAIN_LAYERS - 1 - l) % 2 != 0 ? TRAIN_OF_ABOVE : 0)
// And of a step, on the chip.
#define TRAIN_WINDOW (TRAIN_GROUPS * TRAIN_MAX_HW)
#define TRAIN_STATES(l) (TRAIN_GROUPS * TRAIN_CW(l))
#define TRAIN_HEAD_WORDS (TRAIN_TOP_HW + 1) // of an output: the last one is the bias
// Of the last layer's h, what the head sees.
#define TRAIN_HEAD_STEPS(steps) (TRAIN_PER_STEP ? (steps) : 1)
#define TRAIN_SEEN(steps) (TRAIN_HEAD_STEPS(steps) * TRAIN_GROUPS * TRAIN_TOP_HW)
// A layer's parameters: biases, sum after sum, then weights, h before x: for each word of columns
// all rows.
#define TRAIN_PARAMS(l) (TRAIN_ROWS(l) * TRAIN_KW(l) + TRAIN_SUMS * TRAIN_HW(l))
#define TRAIN_PARAM_WORDS (TRAIN_OVER(TRAIN_PARAMS) + TRAIN_OUTPUTS * TRAIN_HEAD_WORDS)

// Elements of x (ports.h): rules and keys are a number each, and so is a target.
#define TRAIN_X_NUMBERS TRAIN_MAX(TRAIN_NB *TRAIN_LC, 2)
#define TRAIN_OF_RULE 9
#define TRAIN_RULE_NUMBERS (TRAIN_OF_RULE + 2 * TRAIN_PLACES)
#define TRAIN_TARGETS(steps) (TRAIN_HEAD_ROWS(steps) * (TRAIN_LOSS == TRAIN_CE ? 1 : TRAIN_OUTPUTS))
// Beats of a word of parameters, 3 LC numbers of 32 bits.
#define TRAIN_PARAM_BEATS ((TRAIN_LC * 3 + 15) / 16)

// Cycles of the lanes: forward and backward, for a step of all sequences, and beside.
#define TRAIN_FORWARD_STEP(l)                                                                      \
    (TRAIN_TURNS * (TRAIN_LEN(l) + (TRAIN_RESET ? TRAIN_FIRST_LEN(l) : 0)))
#define TRAIN_SECOND_BACK(l)                                                                       \
    (TRAIN_TURNS * (TRAIN_H_LEN(l) + TRAIN_FIRST_LEN(l)) + TRAIN_FIRST_LEN(l) - TRAIN_H_LEN(l))
#define TRAIN_BACK_STEP(l)                                                                         \
    (TRAIN_IS(l) ? TRAIN_TURNS * (TRAIN_BACK_LEN(l) + TRAIN_LEN(l)) +                              \
                       TRAIN_MAX(TRAIN_FIRST_LEN(l) - TRAIN_BACK_LEN(l), 0) +                      \
                       (TRAIN_RESET ? TRAIN_SECOND_BACK(l) : 0)                                    \
                 : 0)
// Of the port: what the cells of the last step have kept is fetched before the layer's turns.
#define TRAIN_FETCH_LEN(l)                                                                         \
    (TRAIN_PORT && TRAIN_IS(l) ? TRAIN_GROUPS * TRAIN_HW(l) + TRAIN_PORT_WAIT : 0)
#define TRAIN_BACK_REST(l) (TRAIN_TURNS * TRAIN_FIRST_LEN(l) + TRAIN_FETCH_LEN(l))
// Where gradients are clipped, the biases' ones are put away, a word a cycle. Behind layer 0
// follows the update, which reads gradients when the last sums have left the lanes.
#define TRAIN_KEEP_LEN(l)                                                                          \
    (!TRAIN_IS(l) ? 0                                                                              \
     : l == 0     ? TRAIN_MAX(TRAIN_HW(l), TRAIN_LEAVES(l) + TRAIN_GRADIENT_CYCLES)                \
                  : TRAIN_HW(l))
// Slots of the update: the biases, and of the weights a word of columns; where that is one row, for
// slots of a cycle would come too late, all words.
#define TRAIN_UPDATE_SLOTS(l) (!TRAIN_IS(l) ? 0 : 1 + (TRAIN_ROWS(l) == 1 ? 1 : TRAIN_KW(l)))
// Cycles of the lanes' loop. Where gradients are clipped their squares are added up first, which
// takes as many cycles as the update.
#define TRAIN_FORWARD_CYCLES(steps)                                                                \
    ((steps)*TRAIN_OVER(TRAIN_FORWARD_STEP) + TRAIN_OVER(TRAIN_FIRST_LEN) +                        \
     TRAIN_LAYERS * TRAIN_PORT_WAIT)
#define TRAIN_BACK_CYCLES(steps)                                                                   \
    ((steps)*TRAIN_OVER(TRAIN_BACK_STEP) + TRAIN_OVER(TRAIN_BACK_REST) + TRAIN_PARAM_WORDS +       \
     (TRAIN_CLIP ? TRAIN_OVER(TRAIN_KEEP_LEN) : 0))
#define TRAIN_CLIP_CYCLES (TRAIN_CLIP ? TRAIN_PARAM_WORDS : 0)
// And of the head's. Its rows are those of a step, or of all.
#define TRAIN_HEAD_ROWS(steps) (TRAIN_HEAD_STEPS(steps) * TRAIN_BATCH)
#define TRAIN_HEAD_CYCLES TRAIN_MAX(TRAIN_HEAD_WORDS, 4)
#define TRAIN_OUTPUT_CYCLES(steps) (TRAIN_HEAD_ROWS(steps) * TRAIN_OUTPUTS * TRAIN_HEAD_WORDS)
#define TRAIN_ERROR_CYCLES(steps)                                                                  \
    (TRAIN_HEAD_ROWS(steps) * TRAIN_OUTPUTS *                                                      \
     (TRAIN_HEAD_CYCLES + (TRAIN_LOSS == TRAIN_CE ? 2 : 0)))

#endif
