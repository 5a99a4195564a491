// SPDX-License-Identifier: Apache-2.0
// A layer's steps backwards in the fast engine: products and units of four sequences and 16 units
// at a time (int_fast.h).
#ifdef __x86_64__

#    include "int_cells.h"
#    include "int_fast_products.h"
#    include "train/fixed_point.h"

LANES_BEGIN

// ---- units

// Where the pairs of deltas of a block of 16 units begin, of a step.
ALWAYS size_t deltas_at(const struct mr_fast_part *part, size_t column, size_t slot) {
    return (column / LANES * part->slots + slot) * (part->sequences / 2) * LANES;
}

// What has been told of the deltas of a block of 16 units and two sequences in a step: magnitudes
// and biases' gradients.
ALWAYS void put_delta(struct mr_fast_part *part, struct mr_fast_run *run, int sums, size_t wide,
                      size_t b, size_t first, int s, pairs_t delta) {
    const size_t column = (size_t)s * wide + first, all = (size_t)sums * wide;
    const pairs_t size = _mm512_abs_epi16(delta), one = pairs_all(1);
    int32_t *magnitude = part->magnitude + part->slot * all + column;
    int32_t *bias = run->sum_bias + column;

    pairs_store_rows(part->delta + b * all + column, part->delta + (b + 1) * all + column, delta);
    _mm512_storeu_si512(part->delta_pairs + deltas_at(part, column, part->slot) + b / 2 * LANES,
                        delta);
    pairs_store(part->largest, _mm512_max_epi16(pairs_load(part->largest), size));
    _mm512_storeu_si512(magnitude, _mm512_dpwssd_epi32(_mm512_loadu_si512(magnitude), size, one));
    _mm512_storeu_si512(bias, _mm512_dpwssd_epi32(_mm512_loadu_si512(bias), delta, one));
}

ALWAYS void back_units(struct mr_fast_part *part, int i, enum mr_train_cell kind,
                       const struct place *at, bool has_above, lanes_back_t *back) {
    struct mr_fast_run *run = &part->layers[i];
    const size_t wide = (size_t)part->fast->layers[i].wide_units, blocks = wide / MR_FAST_WIDE;
    const int sums = part->fast->model->layers[i].cell->sums;

    for (size_t block = 0; block < blocks; block++) {
        for (size_t b = 0; b < part->sequences; b += 2) {
            const size_t first = block * MR_FAST_WIDE, here = b * wide + first, next = here + wide;
            const int16_t *kept = kept_of(at, part, block, b);
            int32_t *before = part->before + here;
            const twice_t direct = twice_load(before, before + wide);
            twice_t dh = twice_load(part->behind + here, part->behind + next);
            pairs_t delta[MR_INT_SUMS];

            if (has_above)
                dh = twice_add(dh, twice_load(at->above + here, at->above + next));
            if (kind == MR_TRAIN_LSTM)
                twice_store(before, before + wide, pairs_lstm_back(kept, dh, direct, back, delta));
            else if (kind == MR_TRAIN_GRU)
                twice_store(before, before + wide,
                            pairs_gru_back(kept, twice_add(dh, direct), back, delta));
            else if (kind == MR_TRAIN_GRU_RESET_FIRST)
                twice_store(before, before + wide,
                            pairs_first_back(kept, twice_add(dh, direct), back, delta));
            else
                delta[0] = pairs_rnn_back(kept, dh, back);
            const int from = kind == MR_TRAIN_GRU_RESET_FIRST;
            const int end = kind == MR_TRAIN_RNN_TANH          ? 1
                            : kind == MR_TRAIN_GRU_RESET_FIRST ? 3
                                                               : 4;
            for (int s = from; s < end; s++)
                put_delta(part, run, sums, wide, b, first, s, delta[s]);
        }
    }
}

// ---- backwards: dh and dx

// Deltas that lie one behind the other: from a sum's first unit on.
struct rows {
    int sum, pairs;
};

// 16 to 64 columns for four sequences: to (sequences, wide).
ALWAYS void back_columns(const struct mr_fast_part *part, int i, const struct mr_fast_weights *by,
                         int piece, const struct rows *rows, int count, int side, int first,
                         size_t b, int shift, int32_t *to, size_t wide) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const size_t units = (size_t)layer->wide_units;
    const size_t all = units * (size_t)part->fast->model->layers[i].cell->sums;
    const int16_t *w = by->w + (size_t)first * by->block;
    const __m128i drop = _mm_cvtsi32_si128(shift - 1);
    fours_t p[4] = {nothing(), nothing(), nothing(), nothing()};
    struct operands of[MR_INT_SUMS];

    for (int n = 0; n < count; n++) {
        of[n] = (struct operands){
            .w = w,
            .v = part->delta + b * all + (size_t)rows[n].sum * units,
            .w_step = (size_t)(side * 2 * MR_FAST_WIDE),
            .v_step = 2,
            .v_row = all,
            .pairs = rows[n].pairs,
        };
        w += (size_t)rows[n].pairs * of[n].w_step;
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

static int32_t largest_of(const struct mr_fast_part *part) {
    return pairs_most(pairs_load(part->largest));
}

static void back_matrix(const struct mr_fast_part *part, int i, const struct mr_fast_weights *by,
                        const int *row_of, int only, int without, int shift, int32_t *to,
                        int wide) {
    const struct mr_int_cell *cell = part->fast->model->layers[i].cell;
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const bool dense = layer->units == layer->wide_units;
    struct rows rows[MR_INT_SUMS];
    int count = 0, last = -1;

    for (int s = 0; s < cell->sums; s++) {
        if (row_of[s] < 0 || s == without || (only >= 0 && s != only))
            continue;
        if (dense && count && last == s - 1)
            rows[count - 1].pairs += layer->unit_pairs;
        else
            rows[count++] = (struct rows){s, layer->unit_pairs};
        last = s;
    }
    const int vectors = wide / MR_FAST_WIDE;
    // Most steps have lesser deltas than there can be.
    const int64_t largest = largest_of(part);
    if (largest == 0) {
        memset(to, 0, part->sequences * (size_t)wide * sizeof *to);
        return;
    }
    const int piece = by->greatest * largest <= INT32_MAX ? 0 : by->piece;
    for (int first = 0; first < vectors; first += MR_FAST_BLOCK) {
        for (size_t b = 0; b < part->sequences; b += MR_FAST_BLOCK) {
            switch (vectors - first) {
            case 1:
                back_columns(part, i, by, piece, rows, count, 1, first, b, shift, to, (size_t)wide);
                break;
            case 2:
                back_columns(part, i, by, piece, rows, count, 2, first, b, shift, to, (size_t)wide);
                break;
            case 3:
                back_columns(part, i, by, piece, rows, count, 3, first, b, shift, to, (size_t)wide);
                break;
            default:
                back_columns(part, i, by, piece, rows, count, 4, first, b, shift, to, (size_t)wide);
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
            const size_t first = block * MR_FAST_WIDE, here = b * wide + first, next = here + wide;
            twice_t before = twice_load(part->before + here, part->before + next);
            const pairs_t delta = pairs_first_reset(
                kept_of(at, part, block, b), twice_load(part->behind + here, part->behind + next),
                &before, back);
            twice_store(part->before + here, part->before + next, before);
            put_delta(part, &part->layers[i], cell->sums, wide, b, first, 0, delta);
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

// Four rows of gradients: sum (rows, wide) += deltas (pairs of sequences, 16) times columns (pairs
// of sequences, wide), of the pairs from first to end.
static void gradient_rows(int32_t *sum, size_t wide, const int32_t *deltas, const int16_t *columns,
                          size_t first, size_t end) {
    for (size_t k = 0; k < wide; k += (size_t)(MR_FAST_BLOCK * LANES)) {
        const struct operands of = {.w = columns + first * 2 * wide + 2 * k,
                                    .v = (const int16_t *)(deltas + first * LANES),
                                    .w_step = 2 * wide,
                                    .v_step = 2 * LANES,
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

// A matrix's gradients of the steps that are taken together.
struct gradients {
    int32_t *sum;   // (gates, wide units, wide): of columns of which are
    int64_t *all;   // (the same)
    int32_t *since; // (sums, wide units)
    bool *has_all;
    size_t wide;
    int32_t most; // sum of magnitudes of deltas that 32 bits hold
};

static int32_t magnitude_of(const struct mr_fast_part *part, size_t all, size_t slot,
                            size_t column) {
    const int32_t *at = part->magnitude + slot * all + column;
    int32_t most = 0;

    for (size_t r = 0; r < MR_FAST_BLOCK; r++)
        most = at[r] > most ? at[r] : most;
    return most;
}

// Four rows, of the steps of the slots from first to end. all: of rows in the layer.
static void add_four_rows(struct mr_fast_part *part, const struct gradients *to, size_t row,
                          size_t column, size_t all, const int16_t *columns, size_t first,
                          size_t end) {
    const size_t pairs = part->sequences / 2;
    const int32_t *deltas = part->delta_pairs + deltas_at(part, column, 0) + column % LANES;
    int32_t *sum = to->sum + row * to->wide, *since = to->since + column;
    int64_t *whole = to->all + row * to->wide;

    for (size_t slot = first; slot < end; slot++) {
        const int32_t most = magnitude_of(part, all, slot, column);
        if (most == 0 && first == slot)
            first++;
        if (*since <= to->most - most) {
            *since += most;
            continue;
        }
        *to->has_all = true;
        gradient_rows(sum, to->wide, deltas, columns, first * pairs, slot * pairs);
        flush(sum, whole, MR_FAST_BLOCK * to->wide);
        *since = most;
        first = slot;
        if (most <= to->most)
            continue;
        for (size_t pair = slot * pairs; pair < (slot + 1) * pairs; pair++) {
            gradient_rows(sum, to->wide, deltas, columns, pair, pair + 1); // is always held
            flush(sum, whole, MR_FAST_BLOCK * to->wide);
        }
        *since = 0;
        first = slot + 1;
    }
    if (first < end)
        gradient_rows(sum, to->wide, deltas, columns, first * pairs, end * pairs);
}

static void add_matrix(struct mr_fast_part *part, int i, const struct gradients *to,
                       const int *row_of, const int16_t *columns, const int16_t *reset,
                       size_t first, size_t end) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const struct mr_int_cell *cell = part->fast->model->layers[i].cell;
    const size_t units = (size_t)layer->wide_units;

    for (int s = 0; s < cell->sums; s++)
        for (size_t u = 0; row_of[s] >= 0 && u < (size_t)layer->units; u += MR_FAST_BLOCK)
            add_four_rows(part, to, (size_t)row_of[s] * units + u, (size_t)s * units + u,
                          (size_t)cell->sums * units, s == cell->second && reset ? reset : columns,
                          first, end);
}

// at: of the step at slot 0.
static void add_gradients(struct mr_fast_part *part, int i, const struct place *at, size_t first,
                          size_t end) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const struct mr_int_cell *cell = part->fast->model->layers[i].cell;
    struct mr_fast_run *run = &part->layers[i];
    const struct gradients x = {run->sum_x,
                                run->all_x,
                                part->since_x,
                                &run->has_all,
                                (size_t)layer->wide_inputs,
                                INT32_MAX / (run->most_x + 1)};
    const struct gradients h = {run->sum_h,
                                run->all_h,
                                part->since_h,
                                &run->has_all,
                                (size_t)layer->wide_units,
                                INT32_MAX / (run->most_h + 1)};

    add_matrix(part, i, &x, cell->x_row, at->x_pairs, NULL, first, end);
    add_matrix(part, i, &h, cell->h_row, at->h_pairs, at->reset_pairs, first, end);
}

// ---- backwards

// No delta of the steps before can be other than 0: nothing comes from above or from behind, and
// what `before` has becomes less, and is too little. A delta is it times 2^18 at the most.
static bool fades(const struct mr_fast_part *part, size_t count, int shift) {
    lanes_t most = _mm512_setzero_si512();

    for (size_t k = 0; k < count; k += LANES)
        most = _mm512_max_epi32(most, _mm512_abs_epi32(_mm512_loadu_si512(part->before + k)));
    return (int64_t)_mm512_reduce_max_epi32(most) << 18 < (int64_t)1 << (shift - 1);
}

ALWAYS void backward_steps(struct mr_fast_part *part, int i, enum mr_train_cell kind) {
    const struct mr_int_model *model = part->fast->model;
    const struct mr_int_layer *layer = &model->layers[i];
    const struct mr_fast_layer *shape = &part->fast->layers[i];
    const size_t steps = part->fast->batch->steps;
    const size_t wide = (size_t)shape->wide_units, rows = (size_t)layer->cell->sums * wide;
    const int shift = (int)mr_train_shift(layer->delta_scale, layer->state_scale);
    const int cell_shift = (int)mr_train_cell_shift(layer->state_scale, layer->delta_scale);
    struct mr_fast_run *run = &part->layers[i];
    lanes_back_t back = lanes_back_of(cell_shift);
    size_t t = steps;

    memset(part->behind, 0, part->sequences * wide * sizeof *part->behind);
    memset(part->before, 0, part->sequences * wide * sizeof *part->before);
    memset(part->since_x, 0, rows * sizeof *part->since_x);
    memset(part->since_h, 0, rows * sizeof *part->since_h);
    for (bool ends = false; t > 0 && !ends;) {
        const struct place at = place_of(part, i, --t);
        part->slot = t % part->slots;
        memset(part->magnitude + part->slot * rows, 0, rows * sizeof *part->magnitude);
        memset(part->largest, 0, sizeof part->largest);
        back_units(part, i, kind, &at, t >= run->above_from, &back);
        if (kind == MR_TRAIN_GRU_RESET_FIRST)
            back_reset(part, i, &at, shift, &back);
        ends = largest_of(part) == 0 && t <= run->above_from &&
               fades(part, part->sequences * wide, cell_shift);
        if (t > 0 && !ends)
            back_matrix(part, i, &shape->by_h, layer->cell->h_row, -1, layer->cell->second, shift,
                        part->behind, shape->wide_units);
        if (i > 0)
            back_matrix(part, i, &shape->by_x, layer->cell->x_row, -1, -1,
                        (int)mr_train_shift(layer->delta_scale, model->layers[i - 1].state_scale),
                        part->layers[i - 1].above +
                            t * part->sequences * (size_t)shape->wide_inputs,
                        shape->wide_inputs);
        if (part->slot == 0 || ends) {
            const size_t first = t - part->slot, end = first + part->slots;
            const struct place start = place_of(part, i, first);
            add_gradients(part, i, &start, part->slot, (end < steps ? end : steps) - first);
        }
    }
    if (i > 0)
        part->layers[i - 1].above_from = t;
    run->seen_state = lanes_seen(&back.state);
    run->seen_delta = lanes_seen(&back.delta);
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
