// SPDX-License-Identifier: Apache-2.0
// A layer's steps in the fast engine: products and units of four sequences and 16 units at a time
// (int_fast.h).
#ifdef __x86_64__

#    include "int_fast.h"
#    include "int_lanes.h"
#    include "train/fixed_point.h"

#    include <string.h>

LANES_BEGIN

// Sums of 16 results for four sequences; or of 16 columns for four rows.
typedef struct {
    lanes_t a, b, c, d;
} fours_t;

#    define ALWAYS static inline __attribute__((always_inline))

// v is in a register here, and in one: gcc copied each sum behind every product.
#    define KEEP(v) __asm__("" : "+v"(v))

ALWAYS fours_t nothing(void) {
    const fours_t q = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                       _mm512_setzero_si512()};
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
static void spill(lanes_t to[2], lanes_t sum) {
    to[0] = _mm512_add_epi64(to[0], _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum)));
    to[1] = _mm512_add_epi64(to[1], _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1)));
}

static lanes_t dropped(const lanes_t sum[2], __m128i drop) {
    const __m256i low = _mm512_cvtsepi64_epi32(_mm512_sra_epi64(sum[0], drop));
    const __m256i high = _mm512_cvtsepi64_epi32(_mm512_sra_epi64(sum[1], drop));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// A sum in pieces, of the 16 results at `result` of each pair in w: all >> drop, within 32 bits.
static void multiply_pieces(lanes_t sum[4], const struct operands *of, int count, int result,
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

// ---- forwards

// What a block of 16 units and four sequences has: sums cut to Q20, with their biases, of the
// sequence j at [j].
struct sums {
    lanes_t of[4][MR_INT_SUMS];
};

ALWAYS void take_sums(struct sums *sums, int s, const fours_t *p, const int32_t *bias) {
    const lanes_t b = _mm512_loadu_si512(bias);
    sums->of[0][s] = _mm512_add_epi32(_mm512_srai_epi32(p->a, 7), b);
    sums->of[1][s] = _mm512_add_epi32(_mm512_srai_epi32(p->b, 7), b);
    sums->of[2][s] = _mm512_add_epi32(_mm512_srai_epi32(p->c, 7), b);
    sums->of[3][s] = _mm512_add_epi32(_mm512_srai_epi32(p->d, 7), b);
}

// of: the operands over x and over h (or r h), for `side` gates side by side. Of a GRU the last
// gate has a sum for each.
ALWAYS void sum_fast(struct sums *sums, const struct operands of[2], int side, bool apart,
                     const int32_t *bias, int wide) {
    fours_t p = nothing(), q = nothing(), r = nothing(), s = nothing();

    multiply(&p, &q, &r, &s, side, &of[0]);
    if (apart)
        multiply(&p, &q, &s, &r, side, &of[1]);
    else
        multiply(&p, &q, &r, &s, side, &of[1]);
    take_sums(sums, 0, &p, bias);
    if (side > 1)
        take_sums(sums, 1, &q, bias + wide);
    if (side > 2)
        take_sums(sums, 2, &r, bias + 2 * wide);
    if (side > 3 || apart)
        take_sums(sums, 3, &s, bias + 3 * wide);
}

// The same in pieces. Whatever is beyond 2^30 is beyond all arguments.
static void sum_pieces(struct sums *sums, const struct operands of[2], int side, bool apart,
                       const int32_t *bias, int wide, int piece) {
    const int count = side + apart;

    for (int s = 0; s < count; s++) {
        const int gate = s < side ? s : side - 1;
        const bool only_x = apart && s == side - 1, only_h = s == side;
        lanes_t sum[4];

        multiply_pieces(sum, of + only_h, only_x || only_h ? 1 : 2, gate, piece, 7);
        for (int j = 0; j < 4; j++)
            sums->of[j][s] = _mm512_add_epi32(lanes_clamp(sum[j], -(1 << 30), 1 << 30),
                                              _mm512_loadu_si512(bias + s * wide));
    }
}

static void sums_of(struct sums *sums, enum mr_train_cell kind, const struct operands of[2],
                    int side, const int32_t *bias, int wide, int piece) {
    if (piece)
        sum_pieces(sums, of, side, kind == MR_TRAIN_GRU, bias, wide, piece);
    else if (kind == MR_TRAIN_GRU)
        sum_fast(sums, of, 3, true, bias, wide);
    else if (side == 4)
        sum_fast(sums, of, 4, false, bias, wide);
    else if (side == 2)
        sum_fast(sums, of, 2, false, bias, wide);
    else
        sum_fast(sums, of, 1, false, bias, wide);
}

// Rows of 16 bits of four sequences, and the same as pairs.
static void put_rows(int16_t *rows, int16_t *pairs, size_t wide, const lanes_t h[4]) {
    for (int j = 0; j < 4; j++)
        lanes_store(rows + (size_t)j * wide, h[j]);
    _mm512_storeu_si512(pairs, lanes_pair(h[0], h[1]));
    _mm512_storeu_si512(pairs + 2 * wide, lanes_pair(h[2], h[3]));
}

// A step of a part and layer: where its rows are.
struct place {
    const int16_t *x, *h, *x_pairs, *h_pairs;
    int16_t *next, *next_pairs, *reset, *reset_pairs, *kept;
    const int32_t *above;
};

static struct place place_of(const struct mr_fast_part *part, int i, size_t t) {
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

static void operands_of(struct operands of[2], const struct mr_fast_layer *layer,
                        const struct mr_fast_weights *weights, int side, int block,
                        const int16_t *x, const int16_t *h) {
    const size_t step = (size_t)(side * 2 * MR_FAST_WIDE);

    of[0] = (struct operands){.w = weights->w + (size_t)block * weights->block,
                              .v = x,
                              .w_step = step,
                              .v_step = 2,
                              .v_row = (size_t)layer->wide_inputs,
                              .pairs = layer->input_pairs};
    of[1] = (struct operands){.w = of[0].w + (size_t)layer->input_pairs * step,
                              .v = h,
                              .w_step = step,
                              .v_step = 2,
                              .v_row = (size_t)layer->wide_units,
                              .pairs = layer->unit_pairs};
}

// Four sequences from b on, and the 16 units of a block.
ALWAYS void forward_block(struct mr_fast_part *part, int i, enum mr_train_cell kind,
                          const struct place *at, int block, size_t b) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const size_t wide = (size_t)layer->wide_units, blocks = wide / MR_FAST_WIDE;
    const size_t here = b * wide + (size_t)(block * MR_FAST_WIDE);
    const size_t pair = b * wide + (size_t)(block * 2 * MR_FAST_WIDE);
    const int side = kind == MR_TRAIN_LSTM              ? 4
                     : kind == MR_TRAIN_GRU             ? 3
                     : kind == MR_TRAIN_GRU_RESET_FIRST ? 2
                                                        : 1;
    struct operands of[2];
    struct sums sums;
    lanes_t h[4];

    operands_of(of, layer, &layer->forward, side, block, at->x + b * (size_t)layer->wide_inputs,
                at->h + b * wide);
    sums_of(&sums, kind, of, side, layer->bias + block * MR_FAST_WIDE, layer->wide_units,
            layer->forward.piece);
    for (size_t j = 0; j < 4; j++) {
        int16_t *kept = at->kept + ((b + j) * blocks + (size_t)block) * MR_FAST_KEPT;
        const lanes_t before = lanes_load(at->h + here + j * wide);

        h[j] = kind == MR_TRAIN_LSTM
                   ? lanes_lstm(sums.of[j], part->layers[i].cell + here + j * wide, kept)
               : kind == MR_TRAIN_GRU             ? lanes_gru(sums.of[j], before, kept)
               : kind == MR_TRAIN_GRU_RESET_FIRST ? lanes_first_gates(sums.of[j], before, kept)
                                                  : lanes_rnn(sums.of[j][0], kept);
    }
    if (kind == MR_TRAIN_GRU_RESET_FIRST)
        put_rows(at->reset + here, at->reset_pairs + pair, wide, h);
    else
        put_rows(at->next + here, at->next_pairs + pair, wide, h);
}

// The second phase of the GRU whose reset gate works on the state.
static void second_block(struct mr_fast_part *part, int i, const struct place *at, int block,
                         size_t b) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const size_t wide = (size_t)layer->wide_units, blocks = wide / MR_FAST_WIDE;
    const size_t here = b * wide + (size_t)(block * MR_FAST_WIDE);
    struct operands of[2];
    struct sums sums;
    lanes_t h[4];

    operands_of(of, layer, &layer->second, 1, block, at->x + b * (size_t)layer->wide_inputs,
                at->reset + b * wide);
    sums_of(&sums, MR_TRAIN_RNN_TANH, of, 1,
            layer->bias + 2 * layer->wide_units + block * MR_FAST_WIDE, layer->wide_units,
            layer->second.piece);
    for (size_t j = 0; j < 4; j++)
        h[j] = lanes_first(sums.of[j][0],
                           at->kept + ((b + j) * blocks + (size_t)block) * MR_FAST_KEPT);
    put_rows(at->next + here, at->next_pairs + b * wide + (size_t)(block * 2 * MR_FAST_WIDE), wide,
             h);
}

ALWAYS void forward_steps(struct mr_fast_part *part, int i, enum mr_train_cell kind) {
    const int blocks = part->fast->layers[i].wide_units / MR_FAST_WIDE;

    for (size_t t = 0; t < part->fast->batch->steps; t++) {
        const struct place at = place_of(part, i, t);
        for (int block = 0; block < blocks; block++)
            for (size_t b = 0; b < part->sequences; b += MR_FAST_BLOCK)
                forward_block(part, i, kind, &at, block, b);
        for (int block = 0; kind == MR_TRAIN_GRU_RESET_FIRST && block < blocks; block++)
            for (size_t b = 0; b < part->sequences; b += MR_FAST_BLOCK)
                second_block(part, i, &at, block, b);
    }
}

void mr_fast_forward(struct mr_fast_part *part, int i) {
    switch (part->fast->model->layers[i].kind) {
    case MR_TRAIN_LSTM:
        forward_steps(part, i, MR_TRAIN_LSTM);
        break;
    case MR_TRAIN_GRU:
        forward_steps(part, i, MR_TRAIN_GRU);
        break;
    case MR_TRAIN_GRU_RESET_FIRST:
        forward_steps(part, i, MR_TRAIN_GRU_RESET_FIRST);
        break;
    default:
        forward_steps(part, i, MR_TRAIN_RNN_TANH);
    }
}

// ---- backwards: units

// What has been told of the sums of a block of 16 units in a step: magnitudes and biases'
// gradients.
static void put_deltas(struct mr_fast_part *part, struct mr_fast_run *run, int sums, size_t wide,
                       size_t b, size_t first, int from, int end, lanes_t delta[2][MR_INT_SUMS]) {
    lanes_t largest = _mm512_loadu_si512(part->largest);

    for (int s = from; s < end; s++) {
        const size_t column = (size_t)s * wide + first, all = (size_t)sums * wide;
        const lanes_t one = _mm512_abs_epi32(delta[0][s]), other = _mm512_abs_epi32(delta[1][s]);
        int32_t *magnitude = part->magnitude + column, *bias = run->sum_bias + column;

        lanes_store(part->delta + b * all + column, delta[0][s]);
        lanes_store(part->delta + (b + 1) * all + column, delta[1][s]);
        _mm512_storeu_si512(part->delta_pairs + b / 2 * all + column,
                            lanes_pair(delta[0][s], delta[1][s]));
        largest = _mm512_max_epi32(largest, _mm512_max_epi32(one, other));
        _mm512_storeu_si512(magnitude, _mm512_add_epi32(_mm512_loadu_si512(magnitude),
                                                        _mm512_add_epi32(one, other)));
        _mm512_storeu_si512(bias, _mm512_add_epi32(_mm512_loadu_si512(bias),
                                                   _mm512_add_epi32(delta[0][s], delta[1][s])));
    }
    _mm512_storeu_si512(part->largest, largest);
}

ALWAYS void back_units(struct mr_fast_part *part, int i, enum mr_train_cell kind,
                       const struct place *at, bool has_above, lanes_back_t *back) {
    struct mr_fast_run *run = &part->layers[i];
    const size_t wide = (size_t)part->fast->layers[i].wide_units, blocks = wide / MR_FAST_WIDE;
    const int sums = part->fast->model->layers[i].cell->sums;

    for (size_t block = 0; block < blocks; block++) {
        for (size_t b = 0; b < part->sequences; b += 2) {
            lanes_t delta[2][MR_INT_SUMS];
            for (size_t j = 0; j < 2; j++) {
                const size_t here = (b + j) * wide + block * MR_FAST_WIDE;
                const int16_t *kept = at->kept + ((b + j) * blocks + block) * MR_FAST_KEPT;
                const lanes_t before = _mm512_loadu_si512(part->before + here);
                lanes_t dh = _mm512_loadu_si512(part->behind + here);

                if (has_above)
                    dh = _mm512_add_epi32(dh, _mm512_loadu_si512(at->above + here));
                if (kind == MR_TRAIN_LSTM) {
                    _mm512_storeu_si512(part->before + here,
                                        lanes_lstm_back(kept, dh, before, back, delta[j]));
                } else if (kind == MR_TRAIN_RNN_TANH) {
                    lanes_rnn_back(kept, dh, back, delta[j]);
                } else {
                    dh = _mm512_add_epi32(dh, before);
                    _mm512_storeu_si512(part->before + here,
                                        kind == MR_TRAIN_GRU
                                            ? lanes_gru_back(kept, dh, back, delta[j])
                                            : lanes_first_back(kept, dh, back, delta[j]));
                }
            }
            const int from = kind == MR_TRAIN_GRU_RESET_FIRST;
            put_deltas(part, run, sums, wide, b, block * MR_FAST_WIDE, from,
                       kind == MR_TRAIN_RNN_TANH          ? 1
                       : kind == MR_TRAIN_GRU_RESET_FIRST ? 3
                                                          : 4,
                       delta);
        }
    }
}

// ---- backwards: dh and dx

// 16 to 64 columns for four sequences: to (sequences, wide). sums: which deltas; count of them.
ALWAYS void back_columns(const struct mr_fast_part *part, int i, const struct mr_fast_weights *by,
                         int piece, const int *sums, int count, int side, int first, size_t b,
                         int shift, int32_t *to, size_t wide) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const size_t units = (size_t)layer->wide_units;
    const size_t all = units * (size_t)part->fast->model->layers[i].cell->sums;
    const __m128i drop = _mm_cvtsi32_si128(shift - 1);
    fours_t p[4] = {nothing(), nothing(), nothing(), nothing()};
    struct operands of[MR_INT_SUMS];

    for (int n = 0; n < count; n++) {
        of[n] = (struct operands){
            .w = by->w + (size_t)first * by->block +
                 (size_t)(n * layer->unit_pairs * side * 2 * MR_FAST_WIDE),
            .v = part->delta + b * all + (size_t)sums[n] * units,
            .w_step = (size_t)(side * 2 * MR_FAST_WIDE),
            .v_step = 2,
            .v_row = all,
            .pairs = layer->unit_pairs,
        };
        if (!piece)
            multiply(&p[0], &p[1], &p[2], &p[3], side, &of[n]);
    }
    for (int r = 0; r < side; r++) {
        lanes_t sum[4] = {_mm512_sra_epi32(p[r].a, drop), _mm512_sra_epi32(p[r].b, drop),
                          _mm512_sra_epi32(p[r].c, drop), _mm512_sra_epi32(p[r].d, drop)};
        if (piece)
            multiply_pieces(sum, of, count, r, piece, shift - 1);
        for (size_t j = 0; j < 4; j++)
            _mm512_storeu_si512(to + (b + j) * wide + (size_t)((first + r) * MR_FAST_WIDE),
                                lanes_clamp(lanes_halve(sum[j]), -8388608, 8388607));
    }
}

static void back_matrix(const struct mr_fast_part *part, int i, const struct mr_fast_weights *by,
                        const int *row_of, int only, int without, int shift, int32_t *to,
                        int wide) {
    const struct mr_int_cell *cell = part->fast->model->layers[i].cell;
    int sums[MR_INT_SUMS], count = 0;

    for (int s = 0; s < cell->sums; s++)
        if (row_of[s] >= 0 && s != without && (only < 0 || s == only))
            sums[count++] = s;
    const int vectors = wide / MR_FAST_WIDE;
    // Most steps have lesser deltas than there can be.
    const int64_t largest = _mm512_reduce_max_epi32(_mm512_loadu_si512(part->largest));
    const int piece = by->greatest * largest <= INT32_MAX ? 0 : by->piece;
    for (int first = 0; first < vectors; first += MR_FAST_BLOCK) {
        for (size_t b = 0; b < part->sequences; b += MR_FAST_BLOCK) {
            switch (vectors - first) {
            case 1:
                back_columns(part, i, by, piece, sums, count, 1, first, b, shift, to, (size_t)wide);
                break;
            case 2:
                back_columns(part, i, by, piece, sums, count, 2, first, b, shift, to, (size_t)wide);
                break;
            case 3:
                back_columns(part, i, by, piece, sums, count, 3, first, b, shift, to, (size_t)wide);
                break;
            default:
                back_columns(part, i, by, piece, sums, count, 4, first, b, shift, to, (size_t)wide);
            }
        }
    }
}

// Of the GRU whose reset gate works on the state: dh by r h, and with it r's delta.
static void back_reset(struct mr_fast_part *part, int i, const struct place *at, int shift,
                       lanes_back_t *back) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const struct mr_int_cell *cell = part->fast->model->layers[i].cell;
    const size_t wide = (size_t)layer->wide_units, blocks = wide / MR_FAST_WIDE;

    // dh of the step behind has been taken: there is room.
    back_matrix(part, i, &layer->by_reset, cell->h_row, cell->second, -1, shift, part->behind,
                layer->wide_units);
    for (size_t block = 0; block < blocks; block++) {
        for (size_t b = 0; b < part->sequences; b += 2) {
            lanes_t delta[2][MR_INT_SUMS];
            for (size_t j = 0; j < 2; j++) {
                const size_t here = (b + j) * wide + block * MR_FAST_WIDE;
                lanes_t before = _mm512_loadu_si512(part->before + here);
                delta[j][0] =
                    lanes_first_reset(at->kept + ((b + j) * blocks + block) * MR_FAST_KEPT,
                                      _mm512_loadu_si512(part->behind + here), &before, back);
                _mm512_storeu_si512(part->before + here, before);
            }
            put_deltas(part, &part->layers[i], cell->sums, wide, b, block * MR_FAST_WIDE, 0, 1,
                       delta);
        }
    }
}

// ---- backwards: gradients of weights

// Adds 32-bit sums to those of 64 bits.
static void flush(int32_t *sum, int64_t *all, size_t count) {
    for (size_t k = 0; k < count; k += LANES) {
        const lanes_t x = _mm512_loadu_si512(sum + k);
        lanes_t to[2] = {_mm512_loadu_si512(all + k), _mm512_loadu_si512(all + k + 8)};
        spill(to, x);
        _mm512_storeu_si512(all + k, to[0]);
        _mm512_storeu_si512(all + k + 8, to[1]);
        _mm512_storeu_si512(sum + k, _mm512_setzero_si512());
    }
}

ALWAYS fours_t load_rows(const int32_t *from, size_t wide) {
    const fours_t q = {_mm512_loadu_si512(from), _mm512_loadu_si512(from + wide),
                       _mm512_loadu_si512(from + 2 * wide), _mm512_loadu_si512(from + 3 * wide)};
    return q;
}

ALWAYS void store_rows(int32_t *to, size_t wide, const fours_t *q) {
    _mm512_storeu_si512(to, q->a);
    _mm512_storeu_si512(to + wide, q->b);
    _mm512_storeu_si512(to + 2 * wide, q->c);
    _mm512_storeu_si512(to + 3 * wide, q->d);
}

ALWAYS void gradient_block(int32_t *sum, size_t wide, int side, const struct operands *of) {
    fours_t p = load_rows(sum, wide), q = nothing(), r = nothing(), s = nothing();

    if (side > 1)
        q = load_rows(sum + 16, wide);
    if (side > 2)
        r = load_rows(sum + 32, wide);
    if (side > 3)
        s = load_rows(sum + 48, wide);
    multiply(&p, &q, &r, &s, side, of);
    store_rows(sum, wide, &p);
    if (side > 1)
        store_rows(sum + 16, wide, &q);
    if (side > 2)
        store_rows(sum + 32, wide, &r);
    if (side > 3)
        store_rows(sum + 48, wide, &s);
}

// Four rows of gradients: sum (rows, wide) += deltas (pairs of sequences, rows) times columns
// (pairs of sequences, wide).
static void gradient_rows(int32_t *sum, size_t wide, const int32_t *deltas, size_t all,
                          const int16_t *columns, size_t first, size_t end) {
    for (size_t k = 0; k < wide; k += (size_t)(MR_FAST_BLOCK * LANES)) {
        const struct operands of = {.w = columns + first * 2 * wide + 2 * k,
                                    .v = (const int16_t *)(deltas + first * all),
                                    .w_step = 2 * wide,
                                    .v_step = 2 * all,
                                    .v_row = 2,
                                    .pairs = (int)(end - first)};
        switch ((wide - k) / LANES) {
        case 1:
            gradient_block(sum + k, wide, 1, &of);
            break;
        case 2:
            gradient_block(sum + k, wide, 2, &of);
            break;
        case 3:
            gradient_block(sum + k, wide, 3, &of);
            break;
        default:
            gradient_block(sum + k, wide, 4, &of);
        }
    }
}

// The rows of a gate's units from u on, over x and over h.
struct gradient {
    int32_t *sum;
    int64_t *all;
    const int16_t *columns;
    size_t wide;
};

static void add_gradient(const struct mr_fast_part *part, const struct gradient *to, size_t column,
                         size_t all, bool flushes, bool apart) {
    const size_t pairs = part->sequences / 2;

    if (!to->sum)
        return;
    if (flushes)
        flush(to->sum, to->all, MR_FAST_BLOCK * to->wide);
    if (!apart) {
        gradient_rows(to->sum, to->wide, part->delta_pairs + column, all, to->columns, 0, pairs);
        return;
    }
    for (size_t pair = 0; pair < pairs; pair++) { // 32 bits hold one pair for certain
        gradient_rows(to->sum, to->wide, part->delta_pairs + column, all, to->columns, pair,
                      pair + 1);
        flush(to->sum, to->all, MR_FAST_BLOCK * to->wide);
    }
}

static struct gradient gradient_of(int32_t *sum, int64_t *all, int row, size_t units, size_t u,
                                   size_t wide, const int16_t *columns) {
    const size_t first = ((size_t)(row < 0 ? 0 : row) * units + u) * wide;
    const struct gradient to = {row < 0 ? NULL : sum + first, all + first, columns, wide};
    return to;
}

static void add_gradients(struct mr_fast_part *part, int i, const struct place *at) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const struct mr_int_cell *cell = part->fast->model->layers[i].cell;
    struct mr_fast_run *run = &part->layers[i];
    const size_t units = (size_t)layer->wide_units, all = units * (size_t)cell->sums;

    for (int s = 0; s < cell->sums; s++) {
        for (size_t u = 0; u < (size_t)layer->units; u += MR_FAST_BLOCK) {
            const size_t column = (size_t)s * units + u;
            int32_t most = 0;
            for (size_t r = 0; r < MR_FAST_BLOCK; r++)
                most = part->magnitude[column + r] > most ? part->magnitude[column + r] : most;
            if (most == 0)
                continue;
            const struct gradient x = gradient_of(run->sum_x, run->all_x, cell->x_row[s], units, u,
                                                  (size_t)layer->wide_inputs, at->x_pairs);
            const struct gradient h =
                gradient_of(run->sum_h, run->all_h, cell->h_row[s], units, u, units,
                            s == cell->second ? at->reset_pairs : at->h_pairs);
            const bool flushes = part->since[column] + most > MR_FAST_MOST;
            const bool apart = most > MR_FAST_MOST;
            add_gradient(part, &x, column, all, flushes, apart);
            add_gradient(part, &h, column, all, flushes, apart);
            part->since[column] = apart ? 0 : flushes ? most : part->since[column] + most;
        }
    }
}

// ---- backwards

static uint32_t all_of(lanes_t x) {
    return (uint32_t)_mm512_reduce_or_epi32(x);
}

ALWAYS void backward_steps(struct mr_fast_part *part, int i, enum mr_train_cell kind) {
    const struct mr_int_model *model = part->fast->model;
    const struct mr_int_layer *layer = &model->layers[i];
    const struct mr_fast_layer *shape = &part->fast->layers[i];
    const size_t steps = part->fast->batch->steps;
    const size_t wide = (size_t)shape->wide_units;
    const int shift = (int)mr_train_shift(layer->delta_scale, layer->state_scale);
    const bool always = i < model->layer_count - 1 || model->per_step;
    lanes_back_t back = {
        _mm_cvtsi32_si128((int)mr_train_cell_shift(layer->state_scale, layer->delta_scale) - 1),
        _mm512_setzero_si512(), _mm512_setzero_si512()};

    memset(part->behind, 0, part->sequences * wide * sizeof *part->behind);
    memset(part->before, 0, part->sequences * wide * sizeof *part->before);
    memset(part->since, 0, (size_t)layer->cell->sums * wide * sizeof *part->since);
    for (size_t t = steps; t-- > 0;) {
        const struct place at = place_of(part, i, t);
        memset(part->magnitude, 0, (size_t)layer->cell->sums * wide * sizeof *part->magnitude);
        memset(part->largest, 0, sizeof part->largest);
        back_units(part, i, kind, &at, always || t == steps - 1, &back);
        if (kind == MR_TRAIN_GRU_RESET_FIRST)
            back_reset(part, i, &at, shift, &back);
        add_gradients(part, i, &at);
        if (t > 0)
            back_matrix(part, i, &shape->by_h, layer->cell->h_row, -1, layer->cell->second, shift,
                        part->behind, shape->wide_units);
        if (i > 0)
            back_matrix(part, i, &shape->by_x, layer->cell->x_row, -1, -1,
                        (int)mr_train_shift(layer->delta_scale, model->layers[i - 1].state_scale),
                        part->layers[i - 1].above +
                            t * part->sequences * (size_t)shape->wide_inputs,
                        shape->wide_inputs);
    }
    part->layers[i].seen_state = all_of(back.seen_state);
    part->layers[i].seen_delta = all_of(back.seen_delta);
}

void mr_fast_backward(struct mr_fast_part *part, int i) {
    switch (part->fast->model->layers[i].kind) {
    case MR_TRAIN_LSTM:
        backward_steps(part, i, MR_TRAIN_LSTM);
        break;
    case MR_TRAIN_GRU:
        backward_steps(part, i, MR_TRAIN_GRU);
        break;
    case MR_TRAIN_GRU_RESET_FIRST:
        backward_steps(part, i, MR_TRAIN_GRU_RESET_FIRST);
        break;
    default:
        backward_steps(part, i, MR_TRAIN_RNN_TANH);
    }
}

LANES_END

#endif
