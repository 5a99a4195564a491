// SPDX-License-Identifier: Apache-2.0
// Dense: y = f(W x + b). What goes on to another operator has 16 bits, what goes to the host 32.
// The identity, sigmoid, tanh and ReLU are the kernel's own; others are those that cells have at
// their places, and give 16 bits in one format.
#include "arithmetic.h"
#include "file.h"
#include "fold.h"
#include "op.h"
#include "places.h"
#include "plain_rows.h"
#include "quantise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct mr_place *place_of(const struct mr_op *op) {
    return &op->places[MR_PLACE_G];
}

static bool is_squashed(const struct mr_op *op) {
    return !MR_IS_OPEN(place_of(op)->kind);
}

// Has the kernel it by itself?
static bool is_own(const struct mr_op *op) {
    const struct mr_place *place = place_of(op);

    return place->kind <= MR_ACTIVATION_RELU && place->scale == 1 && isinf(place->low) &&
           isinf(place->high);
}

// Fraction bits of what has ends.
static int ended_frac(const struct mr_op *op) {
    return mr_place_frac(place_of(op), 0, 0);
}

static mr_place_t constants_of(const struct mr_op *op) {
    return mr_place_constants(place_of(op), -1);
}

static void describe(const struct mr_network *network, struct mr_op *op, struct mr_stream *out) {
    (void)network;
    out->width = op->units;
    out->bits = 32; // until another operator reads it
}

static void float_row(const struct mr_op *op, const double *in, double *state, double *out) {
    const size_t inputs = (size_t)op->inputs;

    (void)state;
    for (int o = 0; o < op->units; o++) {
        const double sum = op->bias[o] + mr_dot(op->w_x + (size_t)o * inputs, in, inputs);
        out[o] = mr_place_float(place_of(op), sum);
    }
}

// ---- formats

static struct mr_float_row row_of(const struct mr_network *network, const struct mr_op *op, int o) {
    struct mr_float_row row = {
        .w = {op->w_x + (size_t)o * (size_t)op->inputs, NULL},
        .columns = {op->inputs, 0},
        .frac = {network->streams[op->input].frac, NULL},
        .bias =
            op->bias[o] + mr_network_offset(network, op, op->w_x + (size_t)o * (size_t)op->inputs),
        .ends = network->cuts_weights && is_squashed(op),
        .blame = -1,
    };

    snprintf(row.label, sizeof row.label, "%s, output %d", op->name, o);
    return row;
}

enum { SHARED_FRAC_MAX = 30, PLACE_FRAC_MAX = 15 };

// Of a 16-bit output: one for all, such that what calibration saw fits, with as much head-room
// again, or whatever the input where that is less.
static int shared_frac(const struct mr_network *network, const struct mr_op *op) {
    const int precision = mr_stream_precision(network, op->output);
    const double seen = network->streams[op->output].greatest[precision];
    double bound = 0;

    for (int o = 0; o < op->units; o++) {
        const struct mr_float_row row = row_of(network, op, o);
        const double sum = mr_row_bound(&row);
        bound = fmax(bound, fmax(fabs(mr_place_float(place_of(op), sum)),
                                 fabs(mr_place_float(place_of(op), -sum))));
    }
    return mr_frac_of(seen > 0 ? fmin(2 * seen, bound) : bound, 0,
                      is_own(op) ? SHARED_FRAC_MAX : PLACE_FRAC_MAX);
}

static int quantise_16(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                       int *column, char *error, size_t error_size) {
    int shared = is_squashed(op) ? ended_frac(op) : shared_frac(network, op);

    for (int o = 0; o < op->units;) {
        struct mr_float_row row = row_of(network, op, o);
        const int argument = MR_ARGUMENT_FRAC(place_of(op)->kind, shared);
        if (mr_row_fixed(&row, 16, argument, &op->rows, o, 0, o, error, error_size) == 0) {
            frac[o++] = shared;
        } else if (!is_squashed(op) && shared > 0) { // weights may ask for a coarser one
            shared--;
            o = 0;
        } else {
            *column = row.blame;
            return -1;
        }
    }
    op->places[MR_PLACE_G].frac = shared;
    return 0;
}

static int quantise_32(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                       int *column, char *error, size_t error_size) {
    const bool uniform = network->streams[op->output].uniform;
    int most = uniform ? MR_FRAC_MAX : MR_SCALE_MAX;

    // Outputs may be of very different sizes, so each has a format of its own, unless a reader
    // compares them.
    for (int o = 0; o < op->units;) {
        struct mr_float_row row = row_of(network, op, o);
        const int result =
            is_squashed(op) ? mr_row_fixed(&row, 16, MR_ARGUMENT_FRAC(place_of(op)->kind, 15),
                                           &op->rows, o, 0, o, error, error_size)
                            : mr_row_number(&row, most, &op->rows, o, &frac[o], error, error_size);
        if (result != 0) {
            *column = row.blame;
            return -1;
        }
        if (is_squashed(op))
            frac[o] = ended_frac(op);
        const bool again = uniform && frac[o] < most && o > 0;
        if (uniform && frac[o] < most)
            most = frac[o];
        o = again ? 0 : o + 1;
    }
    return 0;
}

static int quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size) {
    if (mr_rows_create(&op->rows, op->units, op->inputs, op->units) != 0)
        return mr_fail(error, error_size, "not enough memory for the weights of the %s", op->name);
    return network->streams[op->output].bits == 16 || !is_own(op)
               ? quantise_16(network, op, frac, column, error, error_size)
               : quantise_32(network, op, frac, column, error, error_size);
}

static int check(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size) {
    const struct mr_stream *out = &network->streams[op->output];
    const int most = is_own(op) ? MR_SCALE_MAX : PLACE_FRAC_MAX;

    for (int o = 0; o < op->units; o++) {
        const int frac = out->frac[o];
        if (is_squashed(op) ? frac != ended_frac(op) : frac < 0 || frac > most)
            return mr_fail(error, error_size,
                           "output %d of the %s has %d fraction bits, which is not possible", o,
                           op->name, frac);
        // The ends of a vector's numbers are told as one limit.
        if ((out->bits == 16 || !is_own(op)) && frac != out->frac[0])
            return mr_fail(error, error_size,
                           "outputs 0 and %d of the %s have different formats, and they must "
                           "have one",
                           o, op->name);
    }
    struct mr_place place = *place_of(op);
    if (is_own(op)) // whose format is the stream's alone
        place.frac = MR_HIDDEN_FRAC;
    if (!mr_place_is_possible(&place, MR_PLACE_G))
        return mr_fail(error, error_size, "the %s has an activation with numbers that cannot be",
                       op->name);
    if (mr_rows_check(&op->rows, 16, op->inputs, op->name, error, error_size) != 0)
        return -1;
    for (int o = 0; o < op->units && out->bits == 32 && is_own(op) && !is_squashed(op); o++)
        if (!mr_row_fits_number(&op->rows, o))
            return mr_fail(error, error_size,
                           "output %d of the %s may reach beyond the 32 bits of the device; import "
                           "the model again",
                           o, op->name);
    return 0;
}

// ---- whole numbers

static int32_t of_sum(const struct mr_network *network, const struct mr_op *op, int64_t sum,
                      struct mr_cuts *cuts) {
    const mr_place_t at = constants_of(op);
    int64_t past = 0;

    if (is_own(op) && !is_squashed(op))
        return at.kind == MR_RELU && sum < 0
                   ? 0
                   : (int32_t)mr_clamp_counted(sum, network->streams[op->output].bits, cuts);
    const int32_t number = (int32_t)mr_place_fixed(&at, sum, &past);
    if (cuts)
        cuts->count += past != 0;
    return number;
}

static void integer_row(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    (void)state;
    for (int o = 0; o < op->units; o++) {
        const int16_t *w = op->rows.weight + (size_t)o * (size_t)op->inputs;
        const int64_t sum =
            (op->rows.bias[o] + mr_integer_dot(w, in, op->inputs)) >> op->rows.shift[o];
        out[o] = of_sum(network, op, sum, cuts);
    }
}

// What goes on to another operator, or has 16 bits anyway, may be beyond what calibration saw.
static bool counts(const struct mr_network *network, const struct mr_op *op) {
    return (network->streams[op->output].bits == 16 || !is_own(op)) && !is_squashed(op);
}

static struct mr_op_limit limit(const struct mr_network *network, const struct mr_op *op) {
    return counts(network, op) ? mr_one_format_limit(network, op) : (struct mr_op_limit){0};
}

// ---- hardware

static void cost(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost) {
    const uint64_t outputs = (uint64_t)op->units, inputs = (uint64_t)op->inputs;
    const int x_words = mr_ceil_div(op->inputs, layout->lc);
    const int at_once = layout->out_lc ? layout->out_lc : 1;
    const mr_place_t at = constants_of(op);
    const int squash = at_once * mr_place_multipliers(&at);

    cost->row_cycles = (uint32_t)(x_words + mr_ceil_div(op->units, at_once));
    cost->lanes = outputs * (uint64_t)layout->lc;
    cost->products = cost->multipliers = cost->lanes + (uint64_t)squash;
    cost->lane_useful = outputs * inputs;
    cost->useful = outputs * (inputs + (uint64_t)mr_place_multipliers(&at));
    mr_memory_expect(&cost->memory, x_words, layout->lc * 16, outputs);
    mr_memory_expect(&cost->memory, op->units, 48 + 5, 1);
    if (mr_place_tables(&at))
        mr_memory_table(&cost->memory, 1024, 18 + 16,
                        (uint64_t)(mr_place_tables(&at) * mr_ceil_div(at_once, 2)));
}

static void emit(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text) {
    const mr_place_t at = constants_of(op);

    mr_text_add(text, "#define DENSE %s\n#define DENSE_INPUTS %d\n#define DENSE_OUTPUTS %d\n",
                op->name, op->inputs, op->units);
    mr_text_add(text, "#define DENSE_LC %d\n#define DENSE_OUT_LC %d\n", layout->lc, layout->out_lc);
    mr_text_add(text, "#define DENSE_ACTIVATION %d\n", at.kind);
    if (!is_own(op))
        mr_place_text(text, "DENSE_PLACE", &at);
    if (counts(network, op))
        mr_text_add(text, "#define DENSE_COUNTS 1\n");
    mr_text_add(text, "#include \"heads/dense.h\"\n");
}

// As many rows as the kernel has sums for, then the next ones.
static void fold_part(struct mr_fold *to, const struct mr_op *op, int first, int count) {
    struct mr_fold_row rows[FOLDED_SUMS];
    struct mr_fold_vector vector = {.elements = count,
                                    .to = {to->place[op->output] + first, false}};
    const enum mr_activation kind = place_of(op)->kind;

    for (int r = 0; r < count; r++)
        rows[r] = (struct mr_fold_row){first + r, first + r, true, false};
    mr_fold_matrix(to, op, rows, count, to->place[op->input], 0, FOLDED_CUT_32);
    if (is_squashed(op)) {
        vector.activates = true;
        vector.tanh = kind == MR_ACTIVATION_TANH ? 15 : 0;
    } else {
        vector.addend = FOLDED_ADD_SUM;
        vector.relu = kind == MR_ACTIVATION_RELU;
        vector.cut = to->network->streams[op->output].bits == 16 ? FOLDED_CUT_16 : FOLDED_CUT_32;
    }
    mr_fold_vector(to, vector);
}

static void fold(struct mr_fold *to, const struct mr_op *op) {
    if (!is_own(op))
        mr_fold_refuse(to, "the %s has an activation that it does not have", op->name);
    for (int first = 0; first < op->units && !to->code; first += FOLDED_SUMS)
        fold_part(to, op, first, op->units - first < FOLDED_SUMS ? op->units - first : FOLDED_SUMS);
}

const struct mr_op_kind mr_op_dense = {
    .name = "dense",
    .process = "head",
    .gates = 1,
    .sums = 1,
    .has_activation = true,
    .describe = describe,
    .float_row = float_row,
    .quantise = quantise,
    .check = check,
    .integer_row = integer_row,
    .of_sum = of_sum,
    .limit = limit,
    .cost = cost,
    .emit = emit,
    .scalars = "command, rows",
    .fold = fold,
};
