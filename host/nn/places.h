// SPDX-License-Identifier: Apache-2.0
// Activations at the places of recurrent cells (graph.h): in double, and in whole numbers as the
// kernels have them (hls/kernels/place.h), written independently of these.
#ifndef MR_PLACES_H
#define MR_PLACES_H

#include "graph.h"
#include "text.h"

#include <stddef.h>
#include <stdint.h>

// An activation without anything beside it; as a cell has it at a place by itself.
struct mr_place mr_place_plain(enum mr_activation kind);
struct mr_place mr_place_own(enum mr_place_of_cell place);

double mr_place_float(const struct mr_place *place, double x);

// Fraction bits of what has ends, and the most of what has none but reached so far (0: unknown).
int mr_place_frac(const struct mr_place *place, double seen, int least);

// The constants of the kernel, at a sum (exponent < 0) or at a cell state of this exponent.
mr_place_t mr_place_constants(const struct mr_place *place, int exponent);

// Fraction bits of a sum that is its argument.
int mr_place_argument_frac(const struct mr_place *place);

// What comes of a sum, 16 bits, with how far it was beyond these added to *past; of a cell state,
// of which it takes 24 bits in units of 2^(exponent - 16) where it has no end.
int64_t mr_place_fixed(const mr_place_t *at, int64_t sum, int64_t *past);
int64_t mr_place_state_fixed(const mr_place_t *at, int64_t c, int exponent);

// As the kernels write it.
void mr_place_text(struct mr_text *text, const char *macro, const mr_place_t *at);

// Its cycles, its multipliers, and its tables, of base and slope.
int mr_place_cycles(const mr_place_t *at);
int mr_place_multipliers(const mr_place_t *at);
int mr_place_tables(const mr_place_t *at);

// The greatest magnitude of what a sum gives that hlsc cannot rule out, at least.
int64_t mr_place_reach(const mr_place_t *at);

// Of one layer and of another: do they take as much hardware?
bool mr_places_are_alike(const struct mr_place *a, const struct mr_place *b);

// Are these numbers that a kernel can have? kind: known
bool mr_place_is_possible(const struct mr_place *place, enum mr_place_of_cell where);

#endif
