// SPDX-License-Identifier: Apache-2.0
// GRU: h' = (1 - z) n + z h, with the reset gate r on the product of h (as torch.nn.GRU and cuDNN
// have it), n = tanh(W x + b + r (R h + b')), or on h before it (Cho et al. 2014, the default of
// ONNX), n = tanh(W x + R (r h) + b).
#include "cells/gru.h"
#include "arithmetic.h"
#include "cells/gru_reset_first.h"
#include "recurrent.h"
#include "recurrent_fold.h"

#include <math.h>

// Other activations may stand in the places of sigmoid and tanh.
enum { R, Z, N, N_H };

static double mix(double z, double n, double h) {
    return (1 - z) * n + z * h;
}

static void float_unit(const struct mr_op *op, const double *sum, double *h, double *cell,
                       double *reach) {
    const struct mr_place *gate = &op->places[MR_PLACE_GATE];
    const double r = mr_reach(reach, MR_PLACE_GATE, mr_place_float(gate, sum[R]));
    const double z = mr_reach(reach, MR_PLACE_GATE, mr_place_float(gate, sum[Z]));
    const double n = mr_place_float(&op->places[MR_PLACE_G], sum[N] + r * sum[N_H]);

    (void)cell;
    *h = mix(z, mr_reach(reach, MR_PLACE_G, n), *h);
}

static double float_gated(const struct mr_op *op, const double *sum, double h) {
    return mr_place_float(&op->places[MR_PLACE_GATE], sum[R]) * h;
}

static void float_unit_first(const struct mr_op *op, const double *sum, double *h, double *cell,
                             double *reach) {
    const struct mr_place *gate = &op->places[MR_PLACE_GATE];
    const double z = mr_reach(reach, MR_PLACE_GATE, mr_place_float(gate, sum[Z]));
    const double n = mr_reach(reach, MR_PLACE_G, mr_place_float(&op->places[MR_PLACE_G], sum[N]));

    (void)cell;
    mr_reach(reach, MR_PLACE_GATE, mr_place_float(gate, sum[R]));
    mr_reach(reach, MR_PLACE_G, float_gated(op, sum, *h)); // it has the format of h too
    *h = mix(z, n, *h);
}

static int64_t one(int frac) {
    return INT64_C(1) << frac;
}

// How far values were beyond their ranges, in units of h those that are not of gates.
struct past {
    int64_t gate, other;
};

static int64_t past_of(const mr_place_t *at, const struct past *past) {
    return past->other + mr_past_units(past->gate, at[MR_PLACE_GATE].frac, at[MR_PLACE_G].frac);
}

static int32_t integer_mix(int64_t z, int64_t n, int64_t h, int frac, struct past *past) {
    return (int32_t)mr_clamp_past(((one(frac) - z) * n + z * h + one(frac - 1)) >> frac, 16,
                                  &past->other);
}

static int64_t integer_unit(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                            int32_t *h, int32_t *cell) {
    const mr_place_t *gate = &at[MR_PLACE_GATE], *to_n = &at[MR_PLACE_G];
    struct past past = {0};
    int64_t past_sum = 0; // beyond the ends of a tanh it is of no effect
    const int64_t r = mr_place_fixed(gate, sum[R], &past.gate);
    const int64_t z = mr_place_fixed(gate, sum[Z], &past.gate);
    const int64_t over_x = mr_clamp_past(sum[N], 27, &past_sum);
    const int64_t over_h = mr_clamp_past(sum[N_H], 27, &past_sum);
    const int64_t of_h = (r * over_h + one(gate->frac - 1)) >> gate->frac;
    const int64_t n = mr_place_fixed(to_n, over_x + of_h, &past.other);

    (void)op, (void)cell;
    *h = integer_mix(z, n, *h, gate->frac, &past);
    return past_of(at, &past) + (MR_IS_OPEN(to_n->kind) ? past_sum : 0);
}

// r h
static int32_t weighed(const mr_place_t *gate, const int64_t *sum, int32_t h, struct past *past) {
    const int64_t r = mr_place_fixed(gate, sum[R], &past->gate);

    return (int32_t)mr_clamp_past((r * h + one(gate->frac - 1)) >> gate->frac, 16, &past->other);
}

static int32_t integer_gated(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                             int32_t h) {
    struct past past = {0}; // integer_unit_first tells

    (void)op;
    return weighed(&at[MR_PLACE_GATE], sum, h, &past);
}

static int64_t integer_unit_first(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                                  int32_t *h, int32_t *cell) {
    const mr_place_t *gate = &at[MR_PLACE_GATE];
    struct past past = {0};
    const int64_t z = mr_place_fixed(gate, sum[Z], &past.gate);
    const int64_t n = mr_place_fixed(&at[MR_PLACE_G], sum[N], &past.other);

    (void)op, (void)cell;
    weighed(gate, sum, *h, &past);
    *h = integer_mix(z, n, *h, gate->frac, &past);
    return past_of(at, &past);
}

// Beyond n and h where z is not from 0 to 1.
static bool cuts_h(const struct mr_op *op) {
    return gru_CUTS((int)op->places[MR_PLACE_GATE].kind);
}

static bool reaches(const struct mr_op *op) {
    return mr_cell_goes_far(op, MR_PLACE_G) || cuts_h(op);
}

static bool repeats(const struct mr_op *op) {
    const struct mr_place *gate = &op->places[MR_PLACE_GATE];

    return gru_reset_first_TWICE((int)gate->kind, gate->frac);
}

// Gates without an end are cut too, and counted in units of h.
static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    const int frac = mr_hidden_frac(network, op), of_gate = op->places[MR_PLACE_GATE].frac;
    const bool has_open_gate = MR_IS_OPEN(op->places[MR_PLACE_GATE].kind);

    if (!MR_IS_OPEN(op->places[MR_PLACE_G].kind) && !cuts_h(op))
        return (struct mr_op_limit){0};
    return (struct mr_op_limit){ldexp(1, 15 - (has_open_gate && of_gate > frac ? of_gate : frac)),
                                ldexp(1, -frac)};
}

// Columns of 8 bits leave no time, in the cycle that takes h to the lanes, for what the product of
// a scaled n takes longer than a table.
static bool is_other(const struct mr_op *op) {
    const mr_place_t n = mr_cell_place(op, MR_PLACE_G);

    return cuts_h(op) || n.kind != MR_TANH || (op->precision.column_bits == 8 && n.shift > 0);
}

static uint32_t latency(const struct mr_op *op, int lc) {
    return (uint32_t)gru_LATENCY_OF(mr_cell_cycles(op, MR_PLACE_GATE),
                                    mr_cell_cycles(op, MR_PLACE_G), is_other(op), lc);
}

// Nor for z below 1 times h - n, which hlsc then makes one with the sum behind it.
static uint32_t latency_first(const struct mr_op *op, int lc) {
    const mr_place_t gate = mr_cell_place(op, MR_PLACE_GATE);
    const bool below_1 =
        op->precision.column_bits == 8 && gate.kind == MR_HARD_SIGMOID && gate.clips;

    return (uint32_t)gru_reset_first_LATENCY_OF(mr_cell_cycles(op, MR_PLACE_GATE),
                                                mr_cell_cycles(op, MR_PLACE_G),
                                                is_other(op) || below_1, lc);
}

static uint32_t late_latency(const struct mr_op *op, int lc) {
    return (uint32_t)gru_reset_first_SECOND_LATENCY_OF(mr_cell_cycles(op, MR_PLACE_GATE),
                                                       cuts_h(op), lc);
}

// n (1 - z) in the sum of r's place, then h' of it.
static void fold_mix(struct mr_fold *to, const struct mr_op *op, int h) {
    mr_fold_vector(to, (struct mr_fold_vector){.elements = op->units,
                                               .addend = FOLDED_ADD_P,
                                               .p_is_active = true,
                                               .p = N,
                                               .has_q = true,
                                               .less = true,
                                               .q = Z,
                                               .apart = true,
                                               .into = FOLDED_INTO_SUM,
                                               .to = {R, true}});
    mr_fold_vector(to, (struct mr_fold_vector){.elements = op->units,
                                               .addend = FOLDED_ADD_SUM,
                                               .sum = {R, true},
                                               .number = h,
                                               .has_q = true,
                                               .q = Z,
                                               .apart = true,
                                               .shift = FOLDED_SHIFT_15,
                                               .to = {h, false}});
}

static void fold(struct mr_fold *to, const struct mr_op *op) {
    const int units = op->units, index = (int)(op - to->network->ops);
    const int h = to->h[index], over_h = mr_fold_take(to, units);
    const struct mr_fold_row rows[gru_GATES + gru_SPLIT] = {
        {R * units, R * units, true, true},
        {Z * units, Z * units, true, true},
        {N * units, N * units, true, false},
        {N * units, N_H * units, false, true},
    };

    mr_fold_rows(to, op, rows, gru_GATES + gru_SPLIT, to->place[op->input], h, FOLDED_CUT_27);
    mr_fold_table(to, op, false, R, true, R);
    mr_fold_table(to, op, false, Z, true, Z);
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .addend = FOLDED_ADD_SUM,
                                               .sum = {N_H, true},
                                               .to = {over_h, false}});
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .addend = FOLDED_ADD_HIGH,
                                               .sum = {N, true},
                                               .number = over_h,
                                               .has_q = true,
                                               .q = R,
                                               .apart = true,
                                               .shift = FOLDED_SHIFT_15,
                                               .into = FOLDED_INTO_SUM,
                                               .to = {N, true}});
    mr_fold_table(to, op, true, N, true, N);
    fold_mix(to, op, h);
}

static void fold_first(struct mr_fold *to, const struct mr_op *op) {
    const int units = op->units, index = (int)(op - to->network->ops);
    const int h = to->h[index], weighed = mr_fold_take(to, units);
    const struct mr_fold_row none = {.row = -1}, of_n = {N * units, N * units, true, true};
    const struct mr_fold_row rows[4] = {
        {R * units, R * units, true, true}, {Z * units, Z * units, true, true}, none, none};

    mr_fold_rows(to, op, rows, 4, to->place[op->input], h, FOLDED_CUT_32);
    mr_fold_table(to, op, false, R, true, R);
    mr_fold_table(to, op, false, Z, true, Z);
    mr_fold_vector(to, (struct mr_fold_vector){.elements = units,
                                               .number = h,
                                               .has_q = true,
                                               .q = R,
                                               .apart = true,
                                               .shift = FOLDED_SHIFT_15,
                                               .to = {weighed, false}});
    mr_fold_rows(to, op, &of_n, 1, to->place[op->input], weighed, FOLDED_CUT_32);
    mr_fold_table(to, op, true, 0, false, N);
    fold_mix(to, op, h);
}

// A gate that is cut below a half takes no h of 16 bits as far as 16 bits.
static int gated_bits(const struct mr_op *op) {
    const mr_place_t gate = mr_cell_place(op, MR_PLACE_GATE);
    const int64_t most = (mr_place_reach(&gate) * (1 << 15) + one(gate.frac - 1)) >> gate.frac;
    int bits = 1;

    while (bits < 16 && most >= one(bits - 1))
        bits++;
    return bits;
}

static const char *const names[gru_GATES] = {"r", "z", "n"};
static const enum mr_place_of_cell places[gru_GATES + gru_SPLIT] = {MR_PLACE_GATE, MR_PLACE_GATE,
                                                                    MR_PLACE_G, MR_PLACE_G};

const struct mr_cell mr_op_gru = {
    .kind = {.name = "gru",
             .process = "gru",
             MR_RECURRENT,
             MR_KIND_OF(gru),
             .places = {2, 1, 0},
             .gate_names = names,
             .limit = limit},
    .header = "gru.h",
    MR_CELL_OF(gru),
    .place_of = places,
    .h_place = MR_PLACE_G,
    .reaches = reaches,
    .latency = latency,
    .multipliers = 2, // r * n, z * (h - n)
    .h_reads = 3,
    .float_unit = float_unit,
    .integer_unit = integer_unit,
    .fold = fold,
};

const struct mr_cell mr_op_gru_reset_first = {
    .kind = {.name = "gru_reset_first",
             .process = "gru",
             MR_RECURRENT,
             MR_KIND_OF(gru_reset_first),
             .places = {2, 1, 0},
             .gate_names = names,
             .limit = limit},
    .header = "gru_reset_first.h",
    MR_CELL_OF(gru_reset_first),
    .place_of = places,
    .h_place = MR_PLACE_G,
    .reaches = reaches,
    .repeats = repeats,
    .latency = latency_first,
    .late_latency = late_latency,
    .gated_bits = gated_bits,
    .multipliers = 2, // r * h, z * (h - n)
    .h_reads = 4,
    .float_unit = float_unit_first,
    .float_gated = float_gated,
    .integer_unit = integer_unit_first,
    .integer_gated = integer_gated,
    .fold = fold_first,
};
