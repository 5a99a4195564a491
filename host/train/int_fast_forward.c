// SPDX-License-Identifier: Apache-2.0
// A layer's steps forwards in the fast engine: products and units of four sequences and 16 units at
// a time (int_fast.h).
#ifdef __x86_64__

#    include "int_cells.h"
#    include "int_fast_products.h"
#    include "train/fixed_point.h"

LANES_BEGIN

// What a block of 16 units and four sequences has, of the sequence j at [j]: arguments before they
// are cut to 16 bits; of a GRU's n its sum over x, Q20, with 128 more.
struct sums {
    lanes_t of[4][MR_INT_SUMS];
};

// A bias is b = 256 high + low - 128. (sum >> 7) + b + 128 is an argument with 8 bits behind, so
// low is in the sum from the start, and high comes behind.
struct bias {
    const int32_t *low, *high;
    int wide;
};

ALWAYS lanes_t low_of(const struct bias *bias, int s) {
    return _mm512_loadu_si512(bias->low + s * bias->wide);
}

ALWAYS lanes_t high_of(const struct bias *bias, int s) {
    return _mm512_loadu_si512(bias->high + s * bias->wide);
}

ALWAYS lanes_t taken(lanes_t sum, lanes_t high, bool fine) {
    return fine ? _mm512_add_epi32(_mm512_srai_epi32(sum, 7), _mm512_slli_epi32(high, 8))
                : _mm512_add_epi32(_mm512_srai_epi32(sum, 15), high);
}

ALWAYS void take_sums(struct sums *sums, int s, const fours_t *p, const struct bias *bias,
                      bool fine) {
    const lanes_t high = high_of(bias, s);
    sums->of[0][s] = taken(p->a, high, fine);
    sums->of[1][s] = taken(p->b, high, fine);
    sums->of[2][s] = taken(p->c, high, fine);
    sums->of[3][s] = taken(p->d, high, fine);
}

// of: the operands over x and over h (or r h), for `side` gates side by side. Of a GRU the last
// gate has a sum for each.
ALWAYS void sum_fast(struct sums *sums, const struct operands of[2], int side, bool apart,
                     const struct bias *bias) {
    fours_t p = same(low_of(bias, 0)), q = nothing(), r = nothing(), s = nothing();

    if (side > 1)
        q = same(low_of(bias, 1));
    if (side > 2)
        r = same(low_of(bias, 2));
    if (side > 3 || apart)
        s = same(low_of(bias, 3));
    multiply(&p, &q, &r, &s, side, &of[0]);
    if (apart)
        multiply(&p, &q, &s, &r, side, &of[1]);
    else
        multiply(&p, &q, &r, &s, side, &of[1]);
    take_sums(sums, 0, &p, bias, false);
    if (side > 1)
        take_sums(sums, 1, &q, bias, false);
    if (side > 2)
        take_sums(sums, 2, &r, bias, apart);
    if (side > 3 || apart)
        take_sums(sums, 3, &s, bias, false);
}

// The same in pieces. Whatever is beyond 2^30 is beyond all arguments.
static void sum_pieces(struct sums *sums, const struct operands of[2], int side, bool apart,
                       const struct bias *bias, int piece) {
    const int count = side + apart;

    for (int s = 0; s < count; s++) {
        const int gate = s < side ? s : side - 1;
        const bool only_x = apart && s == side - 1, only_h = s == side;
        const lanes_t more = _mm512_add_epi32(_mm512_srai_epi32(low_of(bias, s), 7),
                                              _mm512_slli_epi32(high_of(bias, s), 8));
        lanes_t sum[4];

        multiply_pieces(sum, of + only_h, only_x || only_h ? 1 : 2, gate, piece, 7);
        for (int j = 0; j < 4; j++)
            sums->of[j][s] = _mm512_srai_epi32(
                _mm512_add_epi32(lanes_clamp(sum[j], -(1 << 30), 1 << 30), more), only_x ? 0 : 8);
    }
}

static void sums_of(struct sums *sums, enum mr_train_cell kind, const struct operands of[2],
                    int side, const struct bias *bias, int piece) {
    if (piece)
        sum_pieces(sums, of, side, kind == MR_TRAIN_GRU, bias, piece);
    else if (kind == MR_TRAIN_GRU)
        sum_fast(sums, of, 3, true, bias);
    else if (side == 4)
        sum_fast(sums, of, 4, false, bias);
    else if (side == 2)
        sum_fast(sums, of, 2, false, bias);
    else
        sum_fast(sums, of, 1, false, bias);
}

// Of the sequences j and j + 1.
ALWAYS pairs_t argument_of(const struct sums *sums, int j, int s) {
    return pairs_of(sums->of[j][s], sums->of[j + 1][s]);
}

static struct bias bias_of(const struct mr_fast_layer *layer, int s, int block) {
    const int first = s * layer->wide_units + block * MR_FAST_WIDE;
    const struct bias bias = {layer->bias_low + first, layer->bias_high + first, layer->wide_units};
    return bias;
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
                          const struct place *at, int block, size_t b, pairs_t *most) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const struct lanes_curves *curves = part->fast->curves;
    const size_t wide = (size_t)layer->wide_units;
    const struct bias bias = bias_of(layer, 0, block);
    const int side = kind == MR_TRAIN_LSTM              ? 4
                     : kind == MR_TRAIN_GRU             ? 3
                     : kind == MR_TRAIN_GRU_RESET_FIRST ? 2
                                                        : 1;
    int16_t *rows = kind == MR_TRAIN_GRU_RESET_FIRST ? at->reset : at->next;
    int16_t *pairs = kind == MR_TRAIN_GRU_RESET_FIRST ? at->reset_pairs : at->next_pairs;
    struct operands of[2];
    struct sums sums;

    operands_of(of, layer, &layer->forward, side, block, at->x + b * (size_t)layer->wide_inputs,
                at->h + b * wide);
    sums_of(&sums, kind, of, side, &bias, layer->forward.piece);
    for (int j = 0; j < 4; j += 2) {
        const size_t row = b + (size_t)j, here = row * wide + (size_t)(block * MR_FAST_WIDE);
        const size_t pair = row * wide + (size_t)(block * PAIRS);
        int16_t *kept = kept_of(at, part, (size_t)block, row);
        pairs_t h;

        if (kind == MR_TRAIN_LSTM) {
            const pairs_t argument[4] = {argument_of(&sums, j, 0), argument_of(&sums, j, 1),
                                         argument_of(&sums, j, 2), argument_of(&sums, j, 3)};
            h = pairs_lstm(curves, argument, part->layers[i].cell + pair, kept);
        } else if (kind == MR_TRAIN_GRU) {
            const twice_t n = {sums.of[j][2], sums.of[j + 1][2]};
            h = pairs_gru(curves, argument_of(&sums, j, 0), argument_of(&sums, j, 1), n,
                          argument_of(&sums, j, 3), pairs_load(at->h_pairs + pair), kept);
        } else if (kind == MR_TRAIN_GRU_RESET_FIRST) {
            h = pairs_first_gates(curves, argument_of(&sums, j, 0), argument_of(&sums, j, 1),
                                  pairs_load(at->h_pairs + pair), kept);
        } else {
            h = pairs_rnn(curves, argument_of(&sums, j, 0), kept);
        }
        pairs_store(pairs + pair, h);
        pairs_store_rows(rows + here, rows + here + wide, h);
        *most = _mm512_max_epi16(*most, _mm512_abs_epi16(h));
    }
}

// The second phase of the GRU whose reset gate works on the state.
static void second_block(struct mr_fast_part *part, int i, const struct place *at, int block,
                         size_t b, pairs_t *most) {
    const struct mr_fast_layer *layer = &part->fast->layers[i];
    const size_t wide = (size_t)layer->wide_units;
    const struct bias bias = bias_of(layer, 2, block);
    struct operands of[2];
    struct sums sums;

    operands_of(of, layer, &layer->second, 1, block, at->x + b * (size_t)layer->wide_inputs,
                at->reset + b * wide);
    sums_of(&sums, MR_TRAIN_RNN_TANH, of, 1, &bias, layer->second.piece);
    for (int j = 0; j < 4; j += 2) {
        const size_t row = b + (size_t)j, here = row * wide + (size_t)(block * MR_FAST_WIDE);
        const pairs_t h = pairs_first_state(part->fast->curves, argument_of(&sums, j, 0),
                                            kept_of(at, part, (size_t)block, row));
        pairs_store(at->next_pairs + row * wide + (size_t)(block * PAIRS), h);
        pairs_store_rows(at->next + here, at->next + here + wide, h);
        *most = _mm512_max_epi16(*most, _mm512_abs_epi16(h));
    }
}

ALWAYS void forward_steps(struct mr_fast_part *part, int i, enum mr_train_cell kind) {
    const int blocks = part->fast->layers[i].wide_units / MR_FAST_WIDE;
    pairs_t most = _mm512_setzero_si512(); // of h

    for (size_t t = 0; t < part->fast->batch->steps; t++) {
        const struct place at = place_of(part, i, t);
        for (int block = 0; block < blocks; block++)
            for (size_t b = 0; b < part->sequences; b += MR_FAST_BLOCK)
                forward_block(part, i, kind, &at, block, b, &most);
        for (int block = 0; kind == MR_TRAIN_GRU_RESET_FIRST && block < blocks; block++)
            for (size_t b = 0; b < part->sequences; b += MR_FAST_BLOCK)
                second_block(part, i, &at, block, b, &most);
    }
    part->layers[i].most_h = pairs_most(most);
    if (!part->layers[i].x)
        part->layers[i].most_x = part->layers[i - 1].most_h;
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

LANES_END

#endif
