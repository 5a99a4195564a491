// SPDX-License-Identifier: Apache-2.0
// The beginning of layer.h: what defines a layer and is not given, what cannot be, and the names
// that the layer is written with. layer_end.h forgets them.
#ifndef LAYER_LATENCY
#    define LAYER_LATENCY OF_CELL(_LATENCY)(LAYER_LC)
#endif
#ifndef LAYER_SECOND_LATENCY
#    define LAYER_SECOND_LATENCY OF_CELL(_SECOND_LATENCY)(LAYER_LC)
#endif
#ifndef LAYER_COUNTS
#    define LAYER_COUNTS 0
#endif
#ifndef LAYER_CELL_EXPONENT
#    define LAYER_CELL_EXPONENT 0
#endif
#ifndef LAYER_WEIGHT_BITS
#    define LAYER_WEIGHT_BITS 16
#endif
#ifndef LAYER_COLUMN_BITS
#    define LAYER_COLUMN_BITS 16
#endif
#ifndef LAYER_PASSES
#    define LAYER_PASSES 1
#endif
#ifndef LAYER_SLOTS
#    define LAYER_SLOTS 1
#endif
#ifndef LAYER_H_FIRST
#    define LAYER_H_FIRST 0
#endif
#ifndef LAYER_PORTS
#    define LAYER_PORTS 1
#endif
#ifndef LAYER_MEMORY
#    define LAYER_MEMORY auto
#endif
#ifndef LAYER_CROSSING
#    define LAYER_CROSSING 0
#endif
#if LAYER_PORTS < 1 || LAYER_PORTS > 2 || LAYER_PORTS > LAYER_LC
#    error "a layer's weights are read by 1 port, or by 2 where it takes 2 columns a cycle or more"
#endif
#ifndef LAYER_FOLLOWS
#    define LAYER_FOLLOWS 0
#endif
#ifdef LAYER_START
#    define STARTS_H (LAYER_START & 1)
#    define STARTS_CELL (LAYER_START & 2)
#    if LAYER_SLOTS > 1
#        error "a layer that starts from streams takes one slot"
#    endif
#else
#    define STARTS_H 0
#    define STARTS_CELL 0
#endif
#ifndef LAYER_PADS
#    define LAYER_PADS 0
#endif
#ifndef LAYER_START_H
#    define LAYER_START_H 0
#endif
#ifndef LAYER_START_CELL
#    define LAYER_START_CELL 0
#endif
#ifndef LAYER_START_PAST
#    define LAYER_START_PAST 0
#endif
#if LAYER_SLOTS > 1 && LAYER_H_FIRST
#    error "a layer with slots takes x first"
#endif

#define OF_CELL(what) HLS_JOIN(LAYER_CELL, what)
#define GATES OF_CELL(_GATES)
#define SPLIT OF_CELL(_SPLIT)
#define SECOND OF_CELL(_SECOND)
#define HAS_CELL OF_CELL(_HAS_CELL)
#define COUNTS (OF_CELL(_COUNTS) || LAYER_COUNTS || STARTS_H || STARTS_CELL)
#if STARTS_CELL && !HAS_CELL
#    error "a stream gives the cell state of a cell that has none"
#endif
#ifdef LAYER_CONSTANT_FRAC
#    define CONSTANTS OF_CELL(_CONSTANTS)
#endif
// The activations in front of the sums, and behind them a unit's own constants.
#ifdef LAYER_GATE
#    define UNIT OF_CELL(_unit_of)
#    define PLACES gate, to_g, to_h,
#else
#    define UNIT OF_CELL(_unit)
#    define PLACES
#endif
#ifdef LAYER_CONSTANT_FRAC
#    define OWN own, LAYER_CONSTANT_FRAC,
#else
#    define OWN
#endif
#if SPLIT && SECOND
#    error "a cell with a second phase keeps no sums apart"
#endif
#define WHOLE (GATES - SPLIT)  // gates with one sum
#define FIRST (GATES - SECOND) // gates that take the columns of h
#define SUMS (GATES + SPLIT)
// Of a gate row; the importer keeps every sum below 2^39, in which columns of 8 bits count
// 2^8-fold.
#define SUM_BITS (24 + LAYER_COLUMN_BITS)
#define SCALED(sum, bias, shift) ((MR_LANE_SUM(LAYER_COLUMN_BITS, sum) + (bias)) >> (shift))

#if SECOND && LAYER_PASSES > 1
#    error "a cell with a second phase takes one pass"
#endif
#include "frame/order.h"
#define PORT_WORDS (LAYER_PASSES * WORDS) // of weights, behind each other
#define PORT_LC MR_CEIL_DIV(LAYER_LC, LAYER_PORTS)
#define VEC MR_VEC(LAYER_LC)

// A pass writes h while later ones read what the step found, unless all have read it by then.
#if LAYER_PASSES > 1 && !LAYER_H_FIRST
#    define H_COPIES 2
#    define H_FOUND FOUND // the copy of h that the step finds
#    define H_WRITTEN (of_before ? FOUND_BEFORE : !FOUND)
#    define H_OLD (of_before ? !FOUND_BEFORE : FOUND)
#else
#    define H_COPIES 1
#    define H_FOUND 0
#    define H_WRITTEN 0
#    define H_OLD 0
#endif
#if LAYER_PASSES > 1
#    define H_TERMS true assert // which copy it is, or which word, hlsc cannot know
#    define WEIGHTS_AT pass_weights
#    define UNITS_AT pass_units
#else
#    define H_TERMS true
#    define WEIGHTS_AT 0
#    define UNITS_AT 0
#endif

#if LAYER_SLOTS > 1
#    define LAST_TURN turns
#    define HAS_ROW has_row // in turn t
#    define FOUND h_found[slot]
#    define FOUND_BEFORE found_before
#    define OF_SLOT(place, word) ((place) + (word))
// Behind the words of a slot lie those of the next one: a state that is thrown away is not read
// there, for hlsc counts with it.
#    define NO_STATE(forget, word) (forget || (word) >= H_WORDS)
#else
#    define LAST_TURN total
#    define HAS_ROW true
#    define FOUND h_found
#    define FOUND_BEFORE h_found
#    define OF_SLOT(place, word) (word)
#    define NO_STATE(forget, word) forget
#endif

// Which slot a word is of, in a walk over those of all.
#if LAYER_SLOTS > 1 && H_COPIES > 1
#    define WALK_SLOTS                                                                             \
        uint8_t slot = 0;                                                                          \
        uint16_t last_word = H_WORDS - 1;
#    define WALKED(word, c)                                                                        \
        if ((word) == last_word && (c) == LAYER_LC - 1) {                                          \
            slot++;                                                                                \
            last_word += H_WORDS;                                                                  \
        }
#else
#    define WALK_SLOTS
#    define WALKED(word, c)
#endif

// The state of a unit before a step. Where a sequence starts from streams, their row is kept until
// the units of its first step are through.
#if LAYER_FOLLOWS && STARTS_H
#    define START_H(word, c) start_of_h[word][c]
#    define START_COLUMN(c) (IN_H ? start_column[c] : 0)
#else
#    define START_H(word, c) 0
#    define START_COLUMN(c) 0
#endif
#if LAYER_FOLLOWS && STARTS_CELL
#    define START_CELL(word, c) start_of_cell[word][c]
#else
#    define START_CELL(word, c) 0
#endif
#define OLD_H(forget, word, c, kept) (forget ? START_H(word, c) : kept)
#if HAS_CELL
#    define OLD_CELL(forget, word, c, at) (forget ? START_CELL(word, c) : cell[at][c])
#else
#    define OLD_CELL(forget, word, c, at) 0
#endif
