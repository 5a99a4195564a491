// SPDX-License-Identifier: Apache-2.0
// How far a network in whole numbers may be from the same network in float at most: an error beside
// every number, carried from operator to operator and from step to step. It knows float weights,
// formats and shifts, and no whole weight, so that a wrong one is seen.
//
// A number is its float value v and a bound e: the device's number is within v - e and v + e.
//   Sum        e_a + e_b.
//   Product    |a| e_b + |b| e_a + e_a e_b.
//   Rounding   to nearest adds half a unit of the format.
//   Cut        to the ends of a format moves no two numbers apart; what v itself is beyond adds.
//              The device's number is between the ends, so e is at most what v is off the farther.
//              Else errors of a gate times a state, both without ends, would square at each step.
//   Function   that rises: what lies between v - e and v + e lies between f of both. With the
//              Lipschitz constant (1/4 of sigmoid, 1 of tanh) it would be larger.
//   Table      of sigmoid and tanh: 1 unit of Q15 off the function that is cut to what Q15 holds
//              (tables_test), and 0.004 units, for the argument is cut to +-16.
//   Pool       the greatest of bounds that differ is off by the largest e, as the least is; a mean
//              by the mean e and a unit, for its reciprocal is cut (pool.h).
//   Row        a weight is rounded to nearest at scale s - f, s the row's scale and f the column's
//              fraction bits: half of 2^(f - s), times the column's magnitude, v and e together.
//              One of 8 bits is cut to 127 such units. The bias: half of 2^-s. The shift: half a
//              unit of the argument.
//   Column     of 8 bits: rounded to 2^8 of its units, and cut to 8 bits of them.
// Double precision is taken to be exact.
#ifndef BOUND_H
#define BOUND_H

#include "cells/gru.h"
#include "network_fixture.h"
#include "places.h"

#include <math.h>

struct bound {
    double v, e;
};

static inline struct bound bound_add(struct bound a, struct bound b) {
    return (struct bound){a.v + b.v, a.e + b.e};
}

static inline struct bound bound_mul(struct bound a, struct bound b) {
    return (struct bound){a.v * b.v, fabs(a.v) * b.e + fabs(b.v) * a.e + a.e * b.e};
}

static inline struct bound bound_off(struct bound a, double by) {
    return (struct bound){a.v, a.e + by};
}

// To nearest, with so many fraction bits.
static inline struct bound bound_round(struct bound a, int frac) {
    return bound_off(a, ldexp(0.5, -frac));
}

// To signed numbers of so many bits with so many fraction bits.
static inline struct bound bound_cut(struct bound a, int bits, int frac) {
    const double unit = ldexp(1, -frac), high = ldexp(1, bits - 1 - frac) - unit;
    const double low = -(high + unit), beyond = fmax(0, fmax(a.v - high, low - a.v));
    return (struct bound){a.v, fmin(a.e + beyond, fmax(high - a.v, a.v - low))};
}

static inline struct bound bound_rising(double (*f)(double), struct bound a) {
    const double v = f(a.v);
    return (struct bound){v, fmax(f(a.v + a.e) - v, v - f(a.v - a.e))};
}

static inline double bound_logistic(double x) {
    return 1 / (1 + exp(-x));
}

static inline double bound_rectify(double x) {
    return fmax(x, 0);
}

static inline struct bound bound_table(double (*f)(double), struct bound sum) {
    return bound_off(bound_cut(bound_rising(f, sum), 16, 15), ldexp(1.004, -15));
}

static inline struct bound bound_sigmoid(struct bound sum) {
    return bound_table(bound_logistic, sum);
}

// tanh of the table ends at -32767.
static inline struct bound bound_tanh(struct bound sum) {
    const struct bound y = bound_table(tanh, sum);
    return bound_off(y, fmax(0, ldexp(-32767, -15) - y.v));
}

// ---- a network

struct bound_walk {
    const struct mr_network *network;
    struct bound *all[MR_MAX_STREAMS];              // rows of a sequence
    struct bound *stream[MR_MAX_STREAMS];           // the row at hand
    struct bound *h[MR_MAX_OPS], *cell[MR_MAX_OPS]; // states
};

// Columns of a row: w beside numbers and their fraction bits; frac NULL: Q15.
struct bound_run {
    const float *w;
    const struct bound *column;
    const int32_t *frac;
    int count;
};

static inline struct bound bound_weight(const struct mr_op *op, float w, int frac) {
    const struct bound exact = {w, 0};
    const double most = op->precision.weight_bits == 8 ? ldexp(127, -frac) : INFINITY;
    return bound_off(bound_round(exact, frac), fmax(0, fabs(exact.v) - most));
}

static inline struct bound bound_column(const struct mr_op *op, struct bound column, int frac) {
    return op->precision.column_bits == 8 ? bound_cut(bound_round(column, frac - 8), 8, frac - 8)
                                          : column;
}

// Both may be NULL. sum: its place in bias and shift.
static inline struct bound bound_row(const struct mr_op *op, const struct bound_run *x,
                                     const struct bound_run *h, int sum, int argument_frac) {
    const int scale = argument_frac + op->rows.shift[sum];
    const struct bound_run *const runs[] = {x, h};
    struct bound total = bound_round((struct bound){op->bias[sum], 0}, scale);
    for (int i = 0; i < 2; i++)
        for (int k = 0; runs[i] && k < runs[i]->count; k++) {
            const int frac = runs[i]->frac ? runs[i]->frac[k] : MR_HIDDEN_FRAC;
            const struct bound w = bound_weight(op, runs[i]->w[k], scale - frac);
            const struct bound column = bound_column(op, runs[i]->column[k], frac);
            total = bound_add(total, bound_mul(w, column));
        }
    return bound_round(total, argument_frac);
}

// What a cell needs to know of one unit.
struct bound_unit {
    const struct bound_walk *walk;
    const struct mr_op *op;
    const struct bound *h; // of all units, before
    int unit;
    int frac; // of h
};

enum { BOUND_OF_X = 1, BOUND_OF_H = 2, BOUND_OF_BOTH = 3 };

// The sum `sum` of a gate over its columns of x, of h or both. h: in the place of the state.
static inline struct bound bound_gate(const struct bound_unit *u, int gate, int sum, int over,
                                      const struct bound *h, int argument_frac) {
    const struct mr_op *op = u->op;
    const size_t row = (size_t)(gate * op->units + u->unit);
    const struct bound_run x = {op->w_x + row * (size_t)op->inputs, u->walk->stream[op->input],
                                u->walk->network->streams[op->input].frac, op->inputs};
    const struct bound_run state = {op->w_h + row * (size_t)op->units, h,
                                    u->walk->network->streams[op->output].frac, op->units};
    return bound_row(op, over & BOUND_OF_X ? &x : NULL, over & BOUND_OF_H ? &state : NULL,
                     sum * op->units + u->unit, argument_frac);
}

static inline struct bound bound_whole(const struct bound_unit *u, int gate, int argument_frac) {
    return bound_gate(u, gate, gate, BOUND_OF_BOTH, u->h, argument_frac);
}

// All that a function gives between v - e and v + e, for one that rises or falls from end to end of
// what `at` parts; there it may jump to 0.
static inline struct bound bound_parted(const struct mr_place *f, double at, struct bound a) {
    const double v = mr_place_float(f, a.v), ends[] = {a.v - a.e, a.v + a.e, at, at};
    double e = 0;
    if (MR_IS_SMOOTH(f->kind)) // which turn, and are nowhere steeper
        return (struct bound){v, (f->kind == MR_ACTIVATION_HARD_SWISH ? 1.5 : 1.13) * a.e};
    for (int i = 0; i < 4; i++) {
        const bool inside = i < 2 || fabs(at - a.v) <= a.e;
        const double there = i == 3 ? fmax(at, f->low) : mr_place_float(f, ends[i]);
        e = inside ? fmax(e, fabs(there - v)) : e;
    }
    return (struct bound){v, e};
}

// What an activation makes of an argument, whose format has so many fraction bits, in a format of
// 16 bits, or of so many more as a cell state has. A clip and a threshold are rounded. A factor has
// 15 bits. places.h: tables of segments that widen are 1.1 units off, softsign ends where it is
// half of one from 1.
static inline struct bound bound_place(const struct mr_place *f, struct bound argument, int from,
                                       int bits, int frac) {
    struct mr_place rounded = *f;
    const bool has_end = !MR_IS_OPEN(f->kind);
    const double at = f->kind == MR_ACTIVATION_THRESHOLDED ? f->alpha : 0;
    const double of_table = f->kind == MR_ACTIVATION_HARD  ? 0
                            : has_end                      ? 1.6
                            : f->kind == MR_ACTIVATION_ELU ? 1.1 * fabs(f->alpha)
                            : MR_HAS_FINE_PART(f->kind)    ? 1.1
                                                           : 0;
    if (isfinite(f->low))
        argument = bound_off(argument, ldexp(0.5, -from));
    rounded.scale = 1;
    struct bound y = bound_parted(&rounded, at, argument);
    if (f->kind == MR_ACTIVATION_SIGMOID || f->kind == MR_ACTIVATION_TANH)
        y = bound_off(bound_cut(y, 16, 15), ldexp(1.004 + (f->kind == MR_ACTIVATION_TANH), -15));
    else
        y = bound_off(y, ldexp(of_table, -15));
    y = (struct bound){f->scale * y.v, fabs(f->scale) * y.e};
    if (f->scale != 1 || f->alpha != 0)
        y = bound_off(y, ldexp(fabs(y.v) + y.e + 1, -15));
    return bound_cut(bound_round(y, frac), bits, frac);
}

static inline int bound_frac(const struct bound_unit *u, enum mr_place_of_cell where) {
    return mr_place_argument_frac(&u->op->places[where]);
}

// The sum of a gate that sees a cell state, where its cell has peepholes: p has the format of all
// constants, whose exponent is that of the cell states; the product is rounded.
static inline struct bound bound_seeing(const struct bound_unit *u, int gate, int constant,
                                        struct bound cell) {
    const struct mr_op *op = u->op;
    const struct bound sum = bound_whole(u, gate, bound_frac(u, MR_PLACE_GATE));
    if (op->kind->constants == 0)
        return sum;
    const struct bound p = {op->constants[constant * op->units + u->unit], 0};
    const struct bound rounded = bound_round(p, op->rows.constant_frac + op->exponent);
    return bound_add(sum, bound_round(bound_mul(rounded, cell), 15));
}

// At a place of a cell, by a sum. As a cell has it by itself more is known.
static inline struct bound bound_at(const struct bound_unit *u, enum mr_place_of_cell where,
                                    struct bound sum) {
    const struct mr_place *f = &u->op->places[where];
    const bool plain = f->scale == 1 && isinf(f->low);
    if (plain && f->kind == MR_ACTIVATION_SIGMOID)
        return bound_sigmoid(sum);
    if (plain && f->kind == MR_ACTIVATION_TANH)
        return bound_tanh(sum);
    return bound_place(f, sum, mr_place_argument_frac(f), 16, f->frac);
}

// Of the cell state, before it is cut to 24 bits, as tanh takes it. What has no end takes it
// behind.
static inline struct bound bound_state(const struct bound_unit *u, struct bound c) {
    const struct mr_place *f = &u->op->places[MR_PLACE_H];
    const int frac = 16 - u->op->exponent;
    if (MR_IS_OPEN(f->kind))
        return bound_place(f, bound_cut(c, 24, frac), frac, 25, frac);
    if (f->kind == MR_ACTIVATION_TANH && f->scale == 1 && isinf(f->low) && f->factor == 1 &&
        f->offset == 0)
        return bound_tanh(c);
    const bool is_line = f->factor != 1 || f->offset != 0;
    struct mr_place behind = *f;
    behind.factor = 1;
    behind.offset = 0;
    if (is_line) {
        c = bound_cut(c, 24, frac);
        const struct bound of = {f->factor, ldexp(fabs(f->factor), -15)};
        c = bound_off(bound_add(bound_mul(of, c), (struct bound){f->offset, 0}), ldexp(1, -15));
    } else {
        c = bound_round(c, 15);
    }
    return bound_place(&behind, c, 15, 16, 15 - (fabs(f->scale) > 1 ? 8 : 0));
}

// c' = f c + i g in units of 2^(exponent - 16): i g is cut to 2^-15 of them, or as many as the
// gates have, the sum is rounded. tanh takes c' before it is cut to 24 bits.
static inline struct bound bound_lstm(const struct bound_unit *u, struct bound *cell) {
    const struct bound i = bound_at(u, MR_PLACE_GATE, bound_seeing(u, 0, 0, *cell)),
                       f = bound_at(u, MR_PLACE_GATE, bound_seeing(u, 1, 1, *cell)),
                       g = bound_at(u, MR_PLACE_G, bound_whole(u, 2, bound_frac(u, MR_PLACE_G)));
    const int frac = 16 - u->op->exponent, gate_frac = u->op->places[MR_PLACE_GATE].frac;
    const struct bound written = bound_off(bound_mul(i, g), ldexp(1, -gate_frac - frac));
    const struct bound c = bound_round(bound_add(bound_mul(f, *cell), written), frac);
    *cell = bound_cut(c, 24, frac);
    const struct bound o = bound_at(u, MR_PLACE_GATE, bound_seeing(u, 3, 2, *cell));
    return bound_cut(bound_round(bound_mul(o, bound_state(u, c)), u->frac), 16, u->frac);
}

// h' = (1 - z) n + z h. The device's z times the errors of both, and the error of z times their
// distance: with a device's z between 0 and 1 the first is at most the larger of its two ends.
static inline struct bound bound_mix(const struct bound_unit *u, struct bound z, struct bound n,
                                     struct bound h) {
    if (gru_CUTS((int)u->op->places[MR_PLACE_GATE].kind)) {
        const struct bound rest = {1 - z.v, z.e};
        return bound_cut(bound_round(bound_add(bound_mul(rest, n), bound_mul(z, h)), u->frac), 16,
                         u->frac);
    }
    const double least = fmax(z.v - z.e, 0), most = fmin(z.v + z.e, 1);
    const double e = fmax((1 - least) * n.e + least * h.e, (1 - most) * n.e + most * h.e);
    return bound_round((struct bound){(1 - z.v) * n.v + z.v * h.v, e + z.e * fabs(h.v - n.v)},
                       u->frac);
}

static inline struct bound bound_gru(const struct bound_unit *u, struct bound *cell) {
    const int of_gate = bound_frac(u, MR_PLACE_GATE), frac = bound_frac(u, MR_PLACE_G);
    const struct bound r = bound_at(u, MR_PLACE_GATE, bound_whole(u, 0, of_gate)),
                       z = bound_at(u, MR_PLACE_GATE, bound_whole(u, 1, of_gate));
    const struct bound of_x = bound_cut(bound_gate(u, 2, 2, BOUND_OF_X, u->h, frac), 27, frac),
                       of_h = bound_cut(bound_gate(u, 2, 3, BOUND_OF_H, u->h, frac), 27, frac);
    (void)cell;
    const struct bound sum = bound_add(of_x, bound_round(bound_mul(r, of_h), frac));
    return bound_mix(u, z, bound_at(u, MR_PLACE_G, sum), u->h[u->unit]);
}

static inline struct bound bound_gru_reset_first(const struct bound_unit *u, struct bound *cell) {
    const int of_gate = bound_frac(u, MR_PLACE_GATE), frac = bound_frac(u, MR_PLACE_G);
    struct bound *gated = calloc((size_t)u->op->units, sizeof *gated);
    net_need(gated != NULL, "not enough memory");
    for (int j = 0; j < u->op->units; j++) {
        struct bound_unit other = *u;
        other.unit = j;
        const struct bound r = bound_at(u, MR_PLACE_GATE, bound_whole(&other, 0, of_gate));
        gated[j] = bound_cut(bound_round(bound_mul(r, u->h[j]), u->frac), 16, u->frac);
    }
    const struct bound z = bound_at(u, MR_PLACE_GATE, bound_whole(u, 1, of_gate)),
                       n = bound_at(u, MR_PLACE_G, bound_gate(u, 2, 2, BOUND_OF_BOTH, gated, frac));
    (void)cell;
    free(gated);
    return bound_mix(u, z, n, u->h[u->unit]);
}

static inline struct bound bound_rnn_tanh(const struct bound_unit *u, struct bound *cell) {
    (void)cell;
    return bound_at(u, MR_PLACE_G, bound_whole(u, 0, bound_frac(u, MR_PLACE_G)));
}

static inline struct bound bound_rnn_relu(const struct bound_unit *u, struct bound *cell) {
    (void)cell;
    return bound_cut(bound_rising(bound_rectify, bound_whole(u, 0, u->frac)), 16, u->frac);
}

static inline void bound_dense(const struct bound_walk *walk, const struct mr_op *op,
                               struct bound *out) {
    const struct mr_stream *to = &walk->network->streams[op->output];
    for (int o = 0; o < op->units; o++) {
        const struct bound_run x = {op->w_x + (size_t)o * (size_t)op->inputs,
                                    walk->stream[op->input], walk->network->streams[op->input].frac,
                                    op->inputs};
        const struct mr_place *f = &op->places[MR_PLACE_G];
        const struct bound_unit unit = {.walk = walk, .op = op};
        const struct bound sum = bound_row(op, &x, NULL, o, MR_ARGUMENT_FRAC(f->kind, to->frac[o]));
        if (!MR_IS_OPEN(f->kind) || f->kind > MR_ACTIVATION_RELU || isfinite(f->low) ||
            isfinite(f->high))
            out[o] = bound_at(&unit, MR_PLACE_G, sum);
        else if (f->kind == MR_ACTIVATION_RELU)
            out[o] = bound_cut(bound_rising(bound_rectify, sum), to->bits, to->frac[o]);
        else
            out[o] = bound_cut(sum, to->bits, to->frac[o]);
    }
}

// 1 / (1 + sum of exp(x_j - x_i) over the others) rises in x_i and falls in the others, so its ends
// are where all errors pull one way. hls/kernels/heads/softmax.h tells the kernel's own error.
static inline void bound_softmax(const struct mr_op *op, const struct bound *x, struct bound *out) {
    for (int i = 0; i < op->units; i++) {
        double sum = 1, low = 1, high = 1;
        for (int j = 0; j < op->units; j++)
            if (j != i) {
                const double apart = x[j].v - x[i].v, e = x[j].e + x[i].e;
                sum += exp(apart);
                low += exp(apart + e);
                high += exp(apart - e);
            }
        out[i] = (struct bound){1 / sum, fmax(1 / sum - 1 / low, 1 / high - 1 / sum)};
        out[i] = bound_off(out[i], ldexp(3 + op->units / 65536.0, -24));
    }
}

// The first greatest. On the device it may be any whose upper end reaches all lower ends.
static inline void bound_argmax(const struct mr_op *op, const struct bound *x, struct bound *out) {
    int at = 0;
    double lower = -INFINITY, e = 0;
    for (int i = 0; i < op->inputs; i++) {
        at = x[i].v > x[at].v ? i : at;
        lower = fmax(lower, x[i].v - x[i].e);
    }
    for (int i = 0; i < op->inputs; i++)
        if (x[i].v + x[i].e >= lower)
            e = fmax(e, abs(i - at));
    *out = (struct bound){at, e};
}

// Of a product |a b - a' b'| <= |a| e_b + |b| e_a + e_a e_b; the greater of two moves by no more
// than the one that moves most.
static inline void bound_pair(const struct bound_walk *walk, const struct mr_op *op,
                              struct bound *out) {
    const int frac = walk->network->streams[op->output].frac[0];
    const bool greater = strcmp(op->kind->name, "greater") == 0;
    for (int i = 0; i < op->units; i++) {
        const struct bound a = walk->stream[op->input][i], b = walk->stream[op->other][i];
        const struct bound made =
            strcmp(op->kind->name, "add") == 0 ? bound_add(a, b)
            : op->kind->multiplies
                ? (struct bound){a.v * b.v, fabs(a.v) * b.e + fabs(b.v) * a.e + a.e * b.e}
                : (struct bound){greater ? fmax(a.v, b.v) : fmin(a.v, b.v), fmax(a.e, b.e)};
        out[i] = bound_cut(bound_round(made, frac), 16, frac);
    }
}

// Of a side with more fraction bits than the rows that it goes into, numbers are rounded.
static inline void bound_joined(const struct bound_walk *walk, const struct mr_op *op,
                                struct bound *out) {
    const int32_t *frac = walk->network->streams[op->output].frac;
    for (int i = 0; i < op->units; i++) {
        const int stream = i < op->inputs ? op->input : op->other;
        const int at = i < op->inputs ? i : i - op->inputs;
        const struct bound number = walk->stream[stream][at];
        const bool cut = walk->network->streams[stream].frac[at] > frac[i];
        out[i] = cut ? bound_round(number, frac[i]) : number;
    }
}

static inline void bound_embedding(const struct bound_walk *walk, const struct mr_op *op,
                                   struct bound *out) {
    const double index = walk->stream[op->input]->v, row = index < 0 ? index + op->entries : index;
    for (int i = 0; i < op->units; i++) {
        const struct bound exact = {(double)op->w_x[(int)row * op->units + i], 0};
        out[i] = bound_round(exact, walk->network->streams[op->output].frac[i]);
    }
}

// With d = x - mean and s^2 the mean of d^2: d moves by e_x and the mean of all e at most, and s, a
// norm, by no more than the norm of all e; so does sqrt(s^2 + epsilon). The device's epsilon is
// rounded to a unit of n^2 times the squares. |y| is below sqrt(n). hls/kernels/heads/layer_norm.h
// tells the kernel's own error, a unit.
static inline void bound_layer_norm(const struct bound_walk *walk, const struct mr_op *op,
                                    struct bound *out) {
    const struct bound *x = walk->stream[op->input];
    const struct mr_stream *to = &walk->network->streams[op->output];
    const double n = op->units, unit = ldexp(1 / n, -walk->network->streams[op->input].frac[0]);
    double mean = 0, mean_e = 0, squares = 0, squares_e = 0;
    for (int i = 0; i < op->units; i++) {
        mean += x[i].v / n;
        mean_e += x[i].e / n;
        squares_e += x[i].e * x[i].e / n;
    }
    for (int i = 0; i < op->units; i++)
        squares += (x[i].v - mean) * (x[i].v - mean) / n;
    const double own = sqrt(squares + op->epsilon);
    const double apart = sqrt(squares_e) + unit * unit / own;
    const double least = fmax(own - apart, sqrt(fmax(op->epsilon - unit * unit, unit * unit / 2)));
    for (int i = 0; i < op->units; i++) {
        const double y = (x[i].v - mean) / own;
        const double e = (x[i].e + mean_e + fabs(y) * apart) / least;
        const struct bound exact = {y, fmin(e, fabs(y) + sqrt(n))};
        out[i] = bound_off(bound_cut(exact, 16, to->frac[0]), ldexp(1, -to->frac[0]));
    }
}

static const struct bound_cell {
    const char *name;
    struct bound (*unit)(const struct bound_unit *u, struct bound *cell);
} bound_cells[] = {
    {"lstm", bound_lstm},         {"lstm_peephole", bound_lstm},
    {"gru", bound_gru},           {"gru_reset_first", bound_gru_reset_first},
    {"rnn_tanh", bound_rnn_tanh}, {"rnn_relu", bound_rnn_relu},
};

static inline void bound_recurrent(const struct bound_walk *walk, int index, struct bound *out) {
    const struct mr_op *op = &walk->network->ops[index];
    const struct bound_cell *cell = bound_cells, *end = cell + sizeof bound_cells / sizeof *cell;
    while (cell < end && strcmp(cell->name, op->kind->name) != 0)
        cell++;
    net_need(cell < end, "bound.h has no bound for a cell of ops.def");
    for (int j = 0; j < op->units; j++) {
        const struct bound_unit unit = {walk, op, walk->h[index], j,
                                        walk->network->streams[op->output].frac[0]};
        out[j] = cell->unit(&unit, &walk->cell[index][j]);
    }
    memcpy(walk->h[index], out, (size_t)op->units * sizeof *out);
}

// One row of those of all steps, from that of step t of so many.
static inline void bound_pool(const struct bound_walk *walk, const struct mr_op *op, size_t t,
                              size_t steps, struct bound *out) {
    const char *kind = op->kind->name;
    const bool adds = strcmp(kind, "mean") == 0 || strcmp(kind, "sum") == 0;
    for (int k = 0; k < op->units; k++) {
        const struct bound x = walk->stream[op->input][k];
        const int frac = walk->network->streams[op->output].frac[k];
        if (t == 0)
            out[k] = x;
        else if (adds)
            out[k] = bound_add(out[k], x);
        else if (strcmp(kind, "first") != 0)
            out[k] =
                (struct bound){strcmp(kind, "max") == 0 ? fmax(out[k].v, x.v) : fmin(out[k].v, x.v),
                               fmax(out[k].e, x.e)};
        if (t == steps - 1 && strcmp(kind, "mean") == 0) // pool.h
            out[k] = (struct bound){out[k].v / (double)steps,
                                    out[k].e / (double)steps + ldexp(1.01, -frac)};
        if (t == steps - 1 && strcmp(kind, "sum") == 0)
            out[k] = bound_cut(bound_round(out[k], frac), 16, frac);
    }
}

// Step t of so many.
static inline void bound_op(const struct bound_walk *walk, int i, size_t t, size_t steps) {
    const struct mr_op *op = &walk->network->ops[i];
    struct bound *out = walk->stream[op->output];
    if (op->kind->recurrent)
        bound_recurrent(walk, i, out);
    else if (strcmp(op->kind->name, "dense") == 0)
        bound_dense(walk, op, out);
    else if (strcmp(op->kind->name, "embedding") == 0)
        bound_embedding(walk, op, out);
    else if (strcmp(op->kind->name, "layer_norm") == 0)
        bound_layer_norm(walk, op, out);
    else if (strcmp(op->kind->name, "softmax") == 0)
        bound_softmax(op, walk->stream[op->input], out);
    else if (strcmp(op->kind->name, "argmax") == 0)
        bound_argmax(op, walk->stream[op->input], out);
    else if (op->kind->joins && op->kind->passes)
        bound_joined(walk, op, out);
    else if (op->kind->joins)
        bound_pair(walk, op, out);
    else if (strcmp(op->kind->name, "last") == 0 || op->kind->reverses || op->kind->repeats)
        memcpy(out, walk->stream[op->input], (size_t)op->inputs * sizeof *out);
    else if (strcmp(op->kind->process, "pool") == 0)
        bound_pool(walk, op, t, steps, out);
    else
        net_need(false, "bound.h has no bound for an operator of ops.def");
}

// Makes the row of a step that at hand; of a stream per sequence there is one.
static inline void bound_row_at(struct bound_walk *walk, int stream, size_t step) {
    const struct mr_stream *of = &walk->network->streams[stream];
    walk->stream[stream] =
        walk->all[stream] + (of->rate == MR_PER_STEP ? step * (size_t)of->width : 0);
}

// All operators, on a sequence of so many steps.
static inline void bound_rows(struct bound_walk *walk, size_t steps) {
    for (int i = 0; i < walk->network->op_count; i++) {
        const struct mr_op *op = &walk->network->ops[i];
        const size_t rows = mr_stream_rows(&walk->network->streams[mr_op_pace(op)], steps);
        for (size_t t = 0; t < rows; t++) {
            bound_row_at(walk, op->input, op->kind->reverses ? rows - 1 - t : t);
            if (op->kind->joins)
                bound_row_at(walk, op->other, t);
            bound_row_at(walk, op->output, t);
            bound_op(walk, i, t, rows);
        }
    }
}

static inline void bound_input(const struct bound_walk *walk, const float *x) {
    for (int k = 0; k < walk->network->streams[0].width; k++) {
        const int frac = walk->network->streams[0].frac[k];
        const struct bound exact = {mr_cast(walk->network->input_cast, x[k]), 0};
        walk->stream[0][k] = bound_cut(bound_round(exact, frac), 16, frac);
    }
}

// The states before a sequence, from rounded numbers.
static inline void bound_start(const struct bound_walk *walk) {
    const struct mr_network *network = walk->network;
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const int frac = op->kind->recurrent ? network->streams[op->output].frac[0] : 0;
        memset(walk->h[i], 0, (size_t)op->units * sizeof(struct bound));
        memset(walk->cell[i], 0, (size_t)op->units * sizeof(struct bound));
        for (int j = 0; op->start && j < op->units; j++) {
            walk->h[i][j] = bound_cut(bound_round((struct bound){op->start[j], 0}, frac), 16, frac);
            if (op->kind->second_field)
                walk->cell[i][j] =
                    bound_round((struct bound){op->start[op->units + j], 0}, 16 - op->exponent);
        }
    }
}

static inline struct bound *bound_list(int count) {
    struct bound *list = calloc((size_t)count, sizeof *list);
    net_need(list != NULL, "not enough memory");
    return list;
}

// The outputs of a quantised network, laid out as mr_float_run lays them out (walk.h), before the
// casts.
static inline void bound_network(const struct mr_network *network, const float *x, size_t sequences,
                                 size_t steps, struct bound *y) {
    struct bound_walk walk = {.network = network};
    for (int s = 0; s < network->stream_count; s++)
        walk.all[s] = walk.stream[s] =
            bound_list(network->streams[s].width * (int)mr_network_most_rows(network, steps));
    for (int i = 0; i < network->op_count; i++) {
        walk.h[i] = bound_list(network->ops[i].units);
        walk.cell[i] = bound_list(network->ops[i].units);
    }
    for (size_t n = 0; n < sequences; n++) {
        bound_start(&walk);
        for (size_t t = 0; t < steps; t++) {
            bound_row_at(&walk, 0, t);
            bound_input(&walk, x + (n * steps + t) * (size_t)network->streams[0].width);
        }
        bound_rows(&walk, steps);
        struct bound *to = y;
        for (int o = 0; o < network->output_count; o++) {
            const int stream = network->outputs[o].stream;
            const size_t rows = mr_output_rows(network, o, steps);
            const size_t numbers = rows * (size_t)network->streams[stream].width;
            memcpy(to + n * numbers, walk.all[stream], numbers * sizeof *to);
            to += sequences * numbers;
        }
    }
    for (int s = 0; s < network->stream_count; s++)
        free(walk.all[s]);
    for (int i = 0; i < network->op_count; i++) {
        free(walk.h[i]);
        free(walk.cell[i]);
    }
}

#endif
