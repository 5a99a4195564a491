// SPDX-License-Identifier: Apache-2.0
// Weights of the fast engine as they are multiplied, and how long the pieces are that 32 bits hold
// (int_fast.h).
#ifdef __x86_64__

#    include "int_fast.h"
#    include "int_lanes.h"
#    include "train/fixed_point.h"

#    include <string.h>

LANES_BEGIN

static int rounded(int count) {
    return (count + MR_FAST_WIDE - 1) / MR_FAST_WIDE * MR_FAST_WIDE;
}

// Rows of the gates that a phase has: of the first one, or of the second.
static int gates_of(const struct mr_int_cell *cell, bool second) {
    return second ? 1 : cell->second >= 0 ? cell->gates - 1 : cell->gates;
}

// Sums backwards over the rows of x, of h, or of r h.
static int sums_of(const struct mr_int_cell *cell, const int *row_of, bool reset) {
    int count = 0;

    for (int s = 0; s < cell->sums; s++)
        count += row_of[s] >= 0 && (row_of == cell->x_row || (s == cell->second) == reset);
    return count;
}

static void lay_out(struct mr_fast_weights *weights, size_t results, size_t pairs,
                    struct mr_fast_memory *memory) {
    weights->w = mr_fast_take(memory, results * pairs * 2, sizeof *weights->w);
}

void mr_fast_lay_out_layer(const struct mr_int_layer *layer, struct mr_fast_layer *to,
                           struct mr_fast_memory *memory) {
    const struct mr_int_cell *cell = layer->cell;

    to->units = layer->units;
    to->inputs = layer->inputs;
    to->wide_units = rounded(layer->units);
    to->wide_inputs = rounded(layer->inputs);
    to->unit_pairs = (layer->units + 1) / 2;
    to->input_pairs = (layer->inputs + 1) / 2;
    const size_t units = (size_t)to->wide_units, inputs = (size_t)to->wide_inputs;
    const size_t columns = (size_t)(to->unit_pairs + to->input_pairs);
    const size_t rows = (size_t)to->unit_pairs;
    lay_out(&to->forward, (size_t)gates_of(cell, false) * units, columns, memory);
    lay_out(&to->by_x, inputs, (size_t)sums_of(cell, cell->x_row, false) * rows, memory);
    lay_out(&to->by_h, units, (size_t)sums_of(cell, cell->h_row, false) * rows, memory);
    if (cell->second >= 0) {
        lay_out(&to->second, units, columns, memory);
        lay_out(&to->by_reset, units, rows, memory);
    }
    to->bias_low = mr_fast_take(memory, (size_t)cell->sums * units, sizeof *to->bias_low);
    to->bias_high = mr_fast_take(memory, (size_t)cell->sums * units, sizeof *to->bias_high);
}

// 16 weights as they are multiplied, mr_train_weight; 0 where there are none.
static lanes_t weights(const int32_t *w, __mmask16 there) {
    return _mm512_srai_epi32(_mm512_maskz_loadu_epi32(there, w), 8);
}

static __mmask16 first_of(int count) {
    return (__mmask16)(count >= LANES ? 0xffff : count <= 0 ? 0 : (1U << count) - 1);
}

// The greatest sum of magnitudes of a result's weights in a piece. A block has up to four times 16
// results side by side. (32,768 counts as 32,767.)
static int32_t greatest_of(const int16_t *w, int pairs, int results, int piece) {
    const int vectors = results / LANES;
    lanes_t sum[MR_FAST_BLOCK], most = lanes_all(0);

    for (int first = 0; first < pairs; first += piece) {
        for (int r = 0; r < vectors; r++)
            sum[r] = lanes_all(0);
        for (int k = first; k < first + piece && k < pairs; k++) {
            for (int r = 0; r < vectors; r++) {
                const lanes_t at = _mm512_loadu_si512(w + (size_t)(k * vectors + r) * 2 * LANES);
                const lanes_t size =
                    _mm512_max_epi16(at, _mm512_subs_epi16(_mm512_setzero_si512(), at));
                sum[r] = _mm512_add_epi32(sum[r], _mm512_madd_epi16(size, _mm512_set1_epi16(1)));
            }
        }
        for (int r = 0; r < vectors; r++)
            most = _mm512_max_epi32(most, sum[r]);
    }
    return _mm512_reduce_max_epi32(most);
}

// The longest pieces, of all pairs halved again and again, that 32 bits hold; 0: all pairs. One
// pair is always held.
static void choose_piece(struct mr_fast_weights *to, int results, int side, int pairs) {
    for (int piece = pairs; piece > 1; piece = piece == 2 ? 1 : (piece + 1) / 2) {
        int32_t greatest = 0;
        for (int first = 0; first < results; first += side) {
            const int some = results - first < side ? results - first : side;
            const int32_t most =
                greatest_of(to->w + (size_t)first * (size_t)pairs * 2, pairs, some, piece);
            greatest = most > greatest ? most : greatest;
        }
        if (piece == pairs)
            to->greatest = (int64_t)greatest + 2 * pairs; // those that count too little
        if (greatest <= MR_FAST_MOST - 2) {               // two such ones at the most
            to->piece = piece == pairs ? 0 : piece;
            return;
        }
    }
    if (pairs == 1)
        to->greatest = MR_FAST_MOST;
    to->piece = 1;
}

// A block: 16 units of all gates of a phase, over the pairs of x and then of h.
static void pack_forward(const struct mr_int_layer *layer, const struct mr_fast_layer *shape,
                         bool second, struct mr_fast_weights *to) {
    const int first = second ? layer->cell->gates - 1 : 0, gates = gates_of(layer->cell, second);
    const int pairs = shape->input_pairs + shape->unit_pairs;

    to->block = (size_t)(pairs * gates * MR_FAST_WIDE * 2);
    for (int block = 0; block < shape->wide_units / MR_FAST_WIDE; block++) {
        const __mmask16 there = first_of(layer->units - block * MR_FAST_WIDE);
        for (int g = 0; g < gates; g++) {
            const size_t row = (size_t)((first + g) * layer->units + block * MR_FAST_WIDE);
            const size_t step = (size_t)(gates * MR_FAST_WIDE * 2);
            int16_t *at = to->w + (size_t)block * to->block + g * MR_FAST_WIDE * 2;

            for (int part = 0; part < 2; part++) {
                const int columns = part ? layer->units : layer->inputs;
                const int32_t *w = (part ? layer->h.w : layer->x.w) + row * (size_t)columns;
                const lanes_t rows = _mm512_mullo_epi32(
                    _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                    lanes_all(columns));
                for (int k = 0; k < columns; k += 2, at += step) {
                    const lanes_t none = _mm512_setzero_si512();
                    const __mmask16 more = k + 1 < columns ? there : 0;
                    const lanes_t one = _mm512_mask_i32gather_epi32(none, there, rows, w + k, 4);
                    const lanes_t other =
                        _mm512_mask_i32gather_epi32(none, more, rows, w + k + 1, 4);
                    _mm512_storeu_si512(
                        at, pairs_of(_mm512_srai_epi32(one, 8), _mm512_srai_epi32(other, 8)));
                }
            }
        }
    }
    choose_piece(to, gates * shape->wide_units, gates * MR_FAST_WIDE, pairs);
}

// A block: up to four times 16 columns, over the pairs of rows of the sums that have them.
static void pack_backward(const struct mr_int_layer *layer, const struct mr_fast_layer *shape,
                          const int32_t *w, int columns, const int *row_of, bool reset,
                          struct mr_fast_weights *to) {
    const int wide = rounded(columns) / MR_FAST_WIDE;
    const bool by_x = row_of == layer->cell->x_row;
    const int pairs = sums_of(layer->cell, row_of, reset) * shape->unit_pairs;
    int16_t *at = to->w;

    to->block = (size_t)(pairs * MR_FAST_WIDE * 2); // for each 16 columns
    for (int first = 0; first < wide; first += MR_FAST_BLOCK) {
        const int some = wide - first < MR_FAST_BLOCK ? wide - first : MR_FAST_BLOCK;
        for (int s = 0; s < layer->cell->sums; s++) {
            if (row_of[s] < 0 || (!by_x && (s == layer->cell->second) != reset))
                continue;
            for (int u = 0; u < shape->unit_pairs * 2; u += 2) {
                const int row = row_of[s] * layer->units + u;
                const bool both = u + 1 < layer->units;
                for (int k = first * MR_FAST_WIDE; k < (first + some) * MR_FAST_WIDE; k += LANES) {
                    const int32_t *from = w + (size_t)row * (size_t)columns + k;
                    const __mmask16 there = first_of(columns - k);
                    _mm512_storeu_si512(
                        at, pairs_of(weights(from, there),
                                     weights(both ? from + columns : from, both ? there : 0)));
                    at += 2 * LANES;
                }
            }
        }
    }
    choose_piece(to, wide * MR_FAST_WIDE, MR_FAST_BLOCK * MR_FAST_WIDE, pairs);
}

void mr_fast_pack_layer(const struct mr_int_layer *layer, struct mr_fast_layer *to) {
    const struct mr_int_cell *cell = layer->cell;

    pack_forward(layer, to, false, &to->forward);
    pack_backward(layer, to, layer->x.w, layer->inputs, cell->x_row, false, &to->by_x);
    pack_backward(layer, to, layer->h.w, layer->units, cell->h_row, false, &to->by_h);
    if (cell->second >= 0) {
        pack_forward(layer, to, true, &to->second);
        pack_backward(layer, to, layer->h.w, layer->units, cell->h_row, true, &to->by_reset);
    }
    for (int s = 0; s < cell->sums; s++) {
        for (int u = 0; u < to->wide_units; u++) {
            const int32_t bias = u < layer->units ? layer->bias.w[s * layer->units + u] : 0;
            to->bias_low[s * to->wide_units + u] = ((bias & 255) + 128) << 7;
            to->bias_high[s * to->wide_units + u] = bias >> 8;
        }
    }
}

void mr_fast_add_row(int64_t *to, const int32_t *sum, const int64_t *all, size_t columns) {
    for (size_t k = 0; k < columns; k += 8) {
        const __mmask8 there = (__mmask8)(columns - k >= 8 ? 0xff : (1U << (columns - k)) - 1);
        const __m256i part = _mm256_maskz_loadu_epi32(there, sum + k);
        lanes_t x =
            _mm512_add_epi64(_mm512_maskz_loadu_epi64(there, to + k), _mm512_cvtepi32_epi64(part));
        if (all)
            x = _mm512_add_epi64(x, _mm512_maskz_loadu_epi64(there, all + k));
        _mm512_mask_storeu_epi64(to + k, there, x);
    }
}

int32_t mr_fast_pair_rows(const int16_t *rows, int16_t *pairs, size_t sequences, size_t wide) {
    pairs_t most = _mm512_setzero_si512();

    for (size_t b = 0; b < sequences; b += 2) {
        for (size_t k = 0; k < wide; k += LANES) {
            const pairs_t both = pairs_of_rows(rows + b * wide + k, rows + (b + 1) * wide + k);
            pairs_store(pairs + b * wide + 2 * k, both);
            most = _mm512_max_epi16(most, _mm512_abs_epi16(both));
        }
    }
    return pairs_most(most);
}

void mr_fast_make_curves(struct lanes_curves *curves) {
    lanes_make_curves(curves);
}

LANES_END

#endif
