// SPDX-License-Identifier: Apache-2.0
// Products of the fast engine, of pairs of columns for four sequences or rows at a time
// (int_fast.h), and where a step's rows lie.
#ifndef MR_INT_FAST_PRODUCTS_H
#define MR_INT_FAST_PRODUCTS_H

#include "int_fast.h"
#include "int_lanes.h"

#include <string.h>

LANES_BEGIN

// Sums of 16 results for four sequences; or of 16 columns for four rows.
typedef struct {
    lanes_t a, b, c, d;
} fours_t;

#define ALWAYS static inline __attribute__((always_inline))

// v is in a register here, and in one: gcc copied each sum behind every product.
#define KEEP(v) __asm__("" : "+v"(v))

ALWAYS fours_t nothing(void) {
    const fours_t q = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                       _mm512_setzero_si512()};
    return q;
}

ALWAYS fours_t same(lanes_t x) {
    const fours_t q = {x, x, x, x};
    return q;
}

ALWAYS lanes_t broadcast(const int16_t *pair) {
    int32_t both;
    memcpy(&both, pair, sizeof both);
    return lanes_all(both);
}

ALWAYS void add(fours_t *sum, const int16_t *w, const fours_t *v) {
    lanes_t x = _mm512_loadu_si512(w);
    KEEP(x);
    sum->a = _mm512_dpwssd_epi32(sum->a, x, v->a);
    sum->b = _mm512_dpwssd_epi32(sum->b, x, v->b);
    sum->c = _mm512_dpwssd_epi32(sum->c, x, v->c);
    sum->d = _mm512_dpwssd_epi32(sum->d, x, v->d);
    KEEP(sum->a);
    KEEP(sum->b);
    KEEP(sum->c);
    KEEP(sum->d);
}

// Where pairs of weights and of what they are multiplied by lie, in numbers of 16 bits.
struct operands {
    const int16_t *w, *v;
    size_t w_step, v_step; // from a pair to the next one
    size_t v_row;          // from one of four to the next one
    int pairs;
};

// Four, three, two or one time 16 results side by side in w, each with four v.
ALWAYS void multiply(fours_t *p, fours_t *q, fours_t *r, fours_t *s, int side,
                     const struct operands *of) {
    fours_t a = *p, b = *q, c = *r, d = *s;
    const int16_t *w = of->w, *v = of->v;
    const size_t row = of->v_row;

    for (int k = 0; k < of->pairs; k++, w += of->w_step, v += of->v_step) {
        const fours_t x = {broadcast(v), broadcast(v + row), broadcast(v + 2 * row),
                           broadcast(v + 3 * row)};
        add(&a, w, &x);
        if (side > 1)
            add(&b, w + 32, &x);
        if (side > 2)
            add(&c, w + 64, &x);
        if (side > 3)
            add(&d, w + 96, &x);
    }
    *p = a;
    *q = b;
    *r = c;
    *s = d;
}

// Adds a sum of 32 bits to one of 64: the lower half of the lanes and the upper half.
ALWAYS void spill(lanes_t to[2], lanes_t sum) {
    to[0] = _mm512_add_epi64(to[0], _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)));
    to[1] = _mm512_add_epi64(to[1], _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1)));
}

ALWAYS lanes_t dropped(const lanes_t sum[2], __m128i drop) {
    const __m256i low = _mm512_cvtsepi64_epi32(_mm512_sra_epi64(sum[0], drop));
    const __m256i high = _mm512_cvtsepi64_epi32(_mm512_sra_epi64(sum[1], drop));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// A sum in pieces, of the 16 results at `result` of each pair in w: all >> drop, within 32 bits.
static inline void multiply_pieces(lanes_t sum[4], const struct operands *of, int count, int result,
                                   int piece, int drop) {
    lanes_t all[4][2];

    for (int j = 0; j < 4; j++)
        all[j][0] = all[j][1] = _mm512_setzero_si512();
    for (int i = 0; i < count; i++) {
        for (int first = 0; first < of[i].pairs; first += piece) {
            fours_t p = nothing(), none = nothing();
            struct operands some = of[i];
            const int left = of[i].pairs - first;

            some.w += (size_t)first * some.w_step + (size_t)(result * 32);
            some.v += (size_t)first * some.v_step;
            some.pairs = left < piece ? left : piece;
            multiply(&p, &none, &none, &none, 1, &some);
            spill(all[0], p.a);
            spill(all[1], p.b);
            spill(all[2], p.c);
            spill(all[3], p.d);
        }
    }
    for (int j = 0; j < 4; j++)
        sum[j] = dropped(all[j], _mm_cvtsi32_si128(drop));
}

// A step of a part and layer: where its rows are.
struct place {
    const int16_t *x, *h, *x_pairs, *h_pairs;
    int16_t *next, *next_pairs, *reset, *reset_pairs, *kept;
    const int32_t *above;
};

static inline struct place place_of(const struct mr_fast_part *part, int i, size_t t) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const struct mr_fast_run *run = &part->layers[i];
    const size_t rows = t * part->sequences, units = (size_t)layer->wide_units,
                 inputs = (size_t)layer->wide_inputs;
    struct place at = {
        .h = run->h + rows * units,
        .h_pairs = run->h_pairs + rows * units,
        .next = run->h + (rows + part->sequences) * units,
        .next_pairs = run->h_pairs + (rows + part->sequences) * units,
        .kept = run->kept + rows * units / MR_FAST_WIDE * MR_FAST_KEPT,
        .above = run->above + rows * units,
    };

    if (run->x) {
        at.x = run->x + rows * inputs;
        at.x_pairs = run->x_pairs + rows * inputs;
    } else { // h of the layer below, of this step
        at.x = part->layers[i - 1].h + (rows + part->sequences) * inputs;
        at.x_pairs = part->layers[i - 1].h_pairs + (rows + part->sequences) * inputs;
    }
    if (run->reset) {
        at.reset = run->reset + rows * units;
        at.reset_pairs = run->reset_pairs + rows * units;
    }
    return at;
}

// What is kept of a block of 16 units and two sequences from b on.
ALWAYS int16_t *kept_of(const struct place *at, const struct mr_fast_part *part, size_t block,
                        size_t b) {
    return at->kept + (block * part->sequences + b) * MR_FAST_KEPT;
}

LANES_END

#endif
