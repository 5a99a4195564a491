// SPDX-License-Identifier: Apache-2.0
// LSTM: c' = sigmoid(f) c + sigmoid(i) tanh(g), h' = sigmoid(o) tanh(c')
// (Hochreiter and Schmidhuber 1997 with the forget gate of Gers 2000, as torch.nn.LSTM has it.)
// Other activations may stand in the places of sigmoid and both tanhs. With peepholes i and f see
// c, and o sees c' (Gers and Schmidhuber 2000).
#include "cells/lstm.h"
#include "arithmetic.h"
#include "cells/lstm_peephole.h"
#include "recurrent.h"
#include "recurrent_fold.h"

#include <math.h>

enum { I, F, G, O, P_I, P_F, P_O };

// What a place gives, whose reach calibration sees.
static double at_place(const struct mr_op *op, enum mr_place_of_cell place, double sum,
                       double *reach) {
    return mr_reach(reach, place, mr_place_float(&op->places[place], sum));
}

static void float_unit(const struct mr_op *op, const double *sum, double *h, double *cell,
                       double *reach) {
    const double i = at_place(op, MR_PLACE_GATE, sum[I], reach);
    const double f = at_place(op, MR_PLACE_GATE, sum[F], reach);
    const double o = at_place(op, MR_PLACE_GATE, sum[O], reach);

    *cell = f * *cell + i * at_place(op, MR_PLACE_G, sum[G], reach);
    *h = mr_reach(reach, MR_PLACE_H, o * mr_place_float(&op->places[MR_PLACE_H], *cell));
}

static void float_peephole_unit(const struct mr_op *op, const double *sum, double *h, double *cell,
                                double *reach) {
    const double i = at_place(op, MR_PLACE_GATE, sum[I] + sum[P_I] * *cell, reach);
    const double f = at_place(op, MR_PLACE_GATE, sum[F] + sum[P_F] * *cell, reach);

    *cell = f * *cell + i * at_place(op, MR_PLACE_G, sum[G], reach);
    const double o = at_place(op, MR_PLACE_GATE, sum[O] + sum[P_O] * *cell, reach);
    *h = mr_reach(reach, MR_PLACE_H, o * mr_place_float(&op->places[MR_PLACE_H], *cell));
}

// How far values were beyond their ranges, by the places that give them.
struct past {
    int64_t gate, g, cell, h;
};

// In units of the cell state.
static int64_t past_of(const struct mr_op *op, const mr_place_t *at, const struct past *past) {
    const int frac = MR_CELL_FRAC - op->exponent;

    return past->cell + mr_past_units(past->gate, at[MR_PLACE_GATE].frac, frac) +
           mr_past_units(past->g, at[MR_PLACE_G].frac, frac) +
           mr_past_units(past->h, at[MR_PLACE_H].frac, frac);
}

// c', not cut yet, of i and f and the sum of g.
static int64_t next_cell(const struct mr_op *op, const mr_place_t *at, int64_t i, int64_t f,
                         int64_t sum, int32_t cell, struct past *past) {
    const int frac = at[MR_PLACE_GATE].frac, of_g = at[MR_PLACE_G].frac;
    const int64_t g = mr_place_fixed(&at[MR_PLACE_G], sum, &past->g);
    const int64_t written = i * g * (1 << (16 - of_g));

    return (f * cell + (written >> op->exponent) + (INT64_C(1) << (frac - 1))) >> frac;
}

static int32_t next_h(const struct mr_op *op, const mr_place_t *at, int64_t o, int64_t c,
                      struct past *past) {
    const mr_place_t *last = &at[MR_PLACE_H];
    const int64_t squashed = mr_place_state_fixed(last, c, op->exponent);
    const int frac = MR_IS_OPEN(last->kind) ? MR_CELL_FRAC - op->exponent : MR_HIDDEN_FRAC;
    const int down = at[MR_PLACE_GATE].frac + frac - last->frac;

    return (int32_t)mr_clamp_past((o * squashed + (INT64_C(1) << (down - 1))) >> down, 16,
                                  &past->h);
}

static int64_t integer_unit(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                            int32_t *h, int32_t *cell) {
    struct past past = {0};
    const mr_place_t *gate = &at[MR_PLACE_GATE];
    const int64_t i = mr_place_fixed(gate, sum[I], &past.gate);
    const int64_t f = mr_place_fixed(gate, sum[F], &past.gate);
    const int64_t c = next_cell(op, at, i, f, sum[G], *cell, &past);

    *cell = (int32_t)mr_clamp_past(c, MR_CELL_BITS, &past.cell);
    *h = next_h(op, at, mr_place_fixed(gate, sum[O], &past.gate), c, &past);
    return past_of(op, at, &past);
}

// A gate that sees a cell state: p times it in units of Q15, rounded. The exponent is in p.
static int64_t seeing_gate(const struct mr_op *op, const mr_place_t *at, int64_t sum, int64_t p,
                           int64_t cell, struct past *past) {
    const int shift = op->rows.constant_frac + 1;

    return mr_place_fixed(&at[MR_PLACE_GATE],
                          sum + ((p * cell + (INT64_C(1) << (shift - 1))) >> shift), &past->gate);
}

static int64_t integer_peephole_unit(const struct mr_op *op, const mr_place_t *at,
                                     const int64_t *sum, int32_t *h, int32_t *cell) {
    struct past past = {0};
    const int64_t i = seeing_gate(op, at, sum[I], sum[P_I], *cell, &past);
    const int64_t f = seeing_gate(op, at, sum[F], sum[P_F], *cell, &past);
    const int64_t c = next_cell(op, at, i, f, sum[G], *cell, &past);

    *cell = (int32_t)mr_clamp_past(c, MR_CELL_BITS, &past.cell);
    *h = next_h(op, at, seeing_gate(op, at, sum[O], sum[P_O], *cell, &past), c, &past);
    return past_of(op, at, &past);
}

// Gates four apart; i's sum becomes that of i g, and g's activation that of c'.
static void fold(struct mr_fold *to, const struct mr_op *op) {
    const int units = op->units, index = (int)(op - to->network->ops);
    const int h = to->h[index], c = to->second[index];
    const struct mr_fold_row rows[lstm_GATES] = {
        {0, 0, true, true},
        {units, units, true, true},
        {2 * units, 2 * units, true, true},
        {3 * units, 3 * units, true, true},
    };

    mr_fold_rows(to, op, rows, lstm_GATES, to->place[op->input], h, FOLDED_CUT_32);
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units * lstm_GATES,
                                               .activates = true,
                                               .tanh = 1u << G,
                                               .into = FOLDED_INTO_ACTIVE});
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .p_is_active = true,
                                               .p = G,
                                               .has_q = true,
                                               .q = I,
                                               .apart = true,
                                               .shift = FOLDED_SHIFT_LEFT,
                                               .into = FOLDED_INTO_SUM,
                                               .to = {0, true}});
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .addend = FOLDED_ADD_SUM,
                                               .sum = {0, true},
                                               .number = c,
                                               .has_q = true,
                                               .q = F,
                                               .apart = true,
                                               .shift = FOLDED_SHIFT_15,
                                               .cut = FOLDED_CUT_24,
                                               .to = {c, false}});
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .activates = true,
                                               .of_number = true,
                                               .number = c,
                                               .tanh = 15,
                                               .into = FOLDED_INTO_ACTIVE,
                                               .to = {G, true}});
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .p_is_active = true,
                                               .p = G,
                                               .has_q = true,
                                               .q = O,
                                               .apart = true,
                                               .shift = FOLDED_SHIFT_15,
                                               .to = {h, false}});
}

static bool reaches(const struct mr_op *op) {
    return mr_cell_goes_far(op, MR_PLACE_H) || mr_cell_goes_far(op, MR_PLACE_GATE);
}

// The least of what is cut: the state, the gates and the candidate where they have no end, and h.
static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    double least = mr_exponent_limit(op->exponent);

    for (int p = 0; p < MR_PLACES; p++)
        if (p == MR_PLACE_H ? reaches(op) : MR_IS_OPEN(op->places[p].kind))
            least = fmin(least, ldexp(1, 15 - op->places[p].frac));
    (void)network;
    return (struct mr_op_limit){least, ldexp(1, op->exponent - 16)};
}

// Of what is given in 16 bits.
static struct mr_op_limit limit_given(const struct mr_network *network, const struct mr_op *op) {
    const struct mr_op_limit own = limit(network, op);
    const double given = ldexp(1, 15 - network->streams[op->output].frac[0]);

    return (struct mr_op_limit){fmin(given, own.limit), own.unit};
}

// Of the cell state lines give what has no 16 bits to be cut to, a cycle sooner. A sigmoid of it
// may be 1.0, as the gate is, so that h is cut where anything is, a cycle later. Columns of 8 bits
// leave no time for rounding to its argument.
static int last_cycles(const struct mr_op *op) {
    const enum mr_activation kind = op->places[MR_PLACE_H].kind;
    bool cuts = false;

    for (int p = 0; p < MR_PLACES; p++)
        cuts = cuts || MR_IS_OPEN(op->places[p].kind) || op->places[p].frac != 15;
    return mr_cell_cycles(op, MR_PLACE_H) -
           (kind == MR_ACTIVATION_LINEAR || kind == MR_ACTIVATION_RELU) +
           (kind == MR_ACTIVATION_SIGMOID && (cuts || op->precision.column_bits == 8));
}

static uint32_t latency(const struct mr_op *op, int lc) {
    return (uint32_t)lstm_LATENCY_OF(mr_cell_cycles(op, MR_PLACE_GATE),
                                     mr_cell_cycles(op, MR_PLACE_G), last_cycles(op), lc);
}

static uint32_t peephole_latency(const struct mr_op *op, int lc) {
    return (uint32_t)lstm_peephole_LATENCY_OF(mr_cell_cycles(op, MR_PLACE_GATE),
                                              mr_cell_cycles(op, MR_PLACE_G), last_cycles(op), lc);
}

static const char *const names[lstm_GATES] = {"i", "f", "g", "o"};
static const enum mr_place_of_cell places[lstm_GATES] = {MR_PLACE_GATE, MR_PLACE_GATE, MR_PLACE_G,
                                                         MR_PLACE_GATE};

// With and without peepholes
#define OF_LSTM .process = "lstm", MR_RECURRENT, .places = {3, 1, 1}, .gate_names = names
#define OF_LSTM_CELL .place_of = places, .h_place = MR_PLACE_H, .reaches = reaches, .h_reads = 2
// Multipliers: f * c, i * g, o * tanh(c).
#define LSTM                                                                                       \
    .header = "lstm.h", MR_CELL_OF(lstm), OF_LSTM_CELL, .latency = latency, .multipliers = 3,      \
    .float_unit = float_unit, .integer_unit = integer_unit, .fold = fold
// And those of three peepholes, which add to the sums of gates.
#define PEEPHOLE                                                                                   \
    .header = "lstm_peephole.h", MR_CELL_OF(lstm_peephole), OF_LSTM_CELL,                          \
    .latency = peephole_latency, .multipliers = 6, .float_unit = float_peephole_unit,              \
    .integer_unit = integer_peephole_unit

const struct mr_cell mr_op_lstm = {
    .kind = {.name = "lstm", OF_LSTM, MR_KIND_OF(lstm), .limit = limit},
    LSTM,
};

const struct mr_cell mr_op_lstm_peephole = {
    .kind = {.name = "lstm_peephole",
             OF_LSTM,
             MR_KIND_OF(lstm_peephole),
             .constants = lstm_peephole_CONSTANTS,
             .limit = limit},
    PEEPHOLE,
};

// The same, of which what follows reads the cell states.
const struct mr_cell mr_op_lstm_cell = {
    .kind = {.name = "lstm_cell",
             OF_LSTM,
             MR_KIND_OF(lstm),
             .gives_second = true,
             .limit = limit_given},
    LSTM,
};

const struct mr_cell mr_op_lstm_peephole_cell = {
    .kind = {.name = "lstm_peephole_cell",
             OF_LSTM,
             MR_KIND_OF(lstm_peephole),
             .constants = lstm_peephole_CONSTANTS,
             .gives_second = true,
             .limit = limit_given},
    PEEPHOLE,
};
