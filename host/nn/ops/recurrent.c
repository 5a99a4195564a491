// SPDX-License-Identifier: Apache-2.0
// What all recurrent operators share (recurrent.h).
#include "recurrent.h"

#include "arithmetic.h"
#include "file.h"
#include "frame/pace.h"
#include "quantise.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int split_of(const struct mr_op *op) {
    return op->kind->sums - op->kind->gates;
}

mr_place_t mr_cell_place(const struct mr_op *op, enum mr_place_of_cell place) {
    return mr_place_constants(&op->places[place], place == MR_PLACE_H ? op->exponent : -1);
}

bool mr_cell_goes_far(const struct mr_op *op, enum mr_place_of_cell place) {
    return MR_IS_OPEN(op->places[place].kind) || fabs(op->places[place].scale) > 1;
}

// How often a unit has the activation of a place.
static int uses_of(const struct mr_op *op, enum mr_place_of_cell place) {
    const struct mr_cell *cell = mr_cell_of(op);

    return op->kind->places[place] +
           (place == MR_PLACE_GATE && cell->repeats && cell->repeats(op) ? 1 : 0);
}

int mr_cell_multipliers(const struct mr_op *op) {
    const struct mr_cell *cell = mr_cell_of(op);
    int count = cell->multipliers + (cell->repeats && cell->repeats(op) ? 1 : 0);

    for (int p = 0; p < MR_PLACES; p++) {
        const mr_place_t at = mr_cell_place(op, (enum mr_place_of_cell)p);
        count += uses_of(op, (enum mr_place_of_cell)p) * mr_place_multipliers(&at);
    }
    return count;
}

int mr_cell_tables(const struct mr_op *op) {
    int count = mr_cell_of(op)->tables;

    for (int p = 0; p < MR_PLACES; p++) {
        const mr_place_t at = mr_cell_place(op, (enum mr_place_of_cell)p);
        count += uses_of(op, (enum mr_place_of_cell)p) * mr_place_tables(&at);
    }
    return count;
}

// Does h have a format that calibration chooses?
static bool is_ranged(const struct mr_op *op) {
    const struct mr_cell *cell = mr_cell_of(op);

    return cell->ranged || (mr_op_has_places(op) && cell->reaches(op));
}

int mr_hidden_frac(const struct mr_network *network, const struct mr_op *op) {
    if (!op->kind->gives_second)
        return network->streams[op->output].frac[0];
    return mr_op_has_places(op) ? op->places[mr_cell_of(op)->h_place].frac : MR_HIDDEN_FRAC;
}

// The activation that takes a sum, or NULL.
static const struct mr_place *place_of(const struct mr_op *op, int sum) {
    const enum mr_place_of_cell *places = mr_cell_of(op)->place_of;

    return places ? &op->places[places[sum]] : NULL;
}

static int argument_frac(const struct mr_op *op, int sum, int h_frac) {
    const struct mr_place *place = place_of(op, sum);

    if (place)
        return mr_place_argument_frac(place);
    return mr_cell_of(op)->argument_frac[sum] ? mr_cell_of(op)->argument_frac[sum] : h_frac;
}

void mr_recurrent_describe(const struct mr_network *network, struct mr_op *op,
                           struct mr_stream *out) {
    (void)network;
    out->width = op->units;
    out->bits = 16;
}

// ---- float

// The sums of gates [first, end), h standing for the columns of h.
static void float_sums(const struct mr_op *op, int first, int end, int unit, const double *x,
                       const double *h, double *sum) {
    const size_t inputs = (size_t)op->inputs, units = (size_t)op->units;
    const int gates = op->kind->gates, whole = gates - split_of(op);

    for (int gate = first; gate < end; gate++) {
        const size_t row = (size_t)gate * units + (size_t)unit;
        const double of_x = op->bias[row] + mr_dot(op->w_x + row * inputs, x, inputs);
        const double of_h = mr_dot(op->w_h + row * units, h, units);
        sum[gate] = gate < whole ? of_x + of_h : of_x;
        if (gate >= whole) {
            const int apart = gates + gate - whole;
            sum[apart] = op->bias[(size_t)apart * units + (size_t)unit] + of_h;
        }
    }
}

void mr_recurrent_float(const struct mr_op *op, const double *in, double *state, double *out) {
    const struct mr_cell *cell = mr_cell_of(op);
    const int units = op->units, gates = op->kind->gates, early = gates - cell->late;
    double *h = state, *second = state + units, *gated = second + units, *reach = gated + units;

    if (cell->late)
        for (int j = 0; j < units; j++) {
            double sum[MR_SUMS_MAX];
            float_sums(op, 0, early, j, in, h, sum);
            gated[j] = cell->float_gated(op, sum, h[j]);
        }
    for (int j = 0; j < units; j++) {
        double sum[MR_SUMS_MAX];
        float_sums(op, 0, early, j, in, h, sum);
        float_sums(op, early, gates, j, in, gated, sum);
        for (int n = 0; n < op->kind->constants; n++)
            sum[op->kind->sums + n] = op->constants[n * units + j];
        out[j] = h[j];
        cell->float_unit(op, sum, &out[j], &second[j], reach);
    }
    memcpy(h, out, (size_t)units * sizeof *h);
    if (op->kind->gives_second)
        memcpy(out, second, (size_t)units * sizeof *out);
}

// ---- quantisation

static void label_gate(const struct mr_op *op, int gate, int unit, struct mr_float_row *row) {
    const char *const *names = op->kind->gate_names;

    if (names)
        snprintf(row->label, sizeof row->label, "layer %d, gate %s, unit %d", op->layer,
                 names[gate], unit);
    else
        snprintf(row->label, sizeof row->label, "layer %d, unit %d", op->layer, unit);
}

// Does what takes a gate's sum end at +-16 or +-8?
static bool has_ends(const struct mr_op *op, int gate) {
    const struct mr_place *place = place_of(op, gate);

    return place && op->kind->constants == 0 &&
           (place->kind == MR_ACTIVATION_SIGMOID || place->kind == MR_ACTIVATION_TANH);
}

// A gate's row: one sum over both runs of columns, or one over each.
static int quantise_gate(const struct mr_network *network, struct mr_op *op, int gate, int unit,
                         const int32_t *x_frac, const int32_t *h_frac, int *column, char *error,
                         size_t error_size) {
    const int gates = op->kind->gates, whole = gates - split_of(op);
    const int index = gate * op->units + unit, apart = gates + gate - whole;
    const float *w_x = op->w_x + (size_t)index * (size_t)op->inputs;
    const float *w_h = op->w_h + (size_t)index * (size_t)op->units;
    struct mr_float_row row = {.w = {w_x, w_h},
                               .columns = {op->inputs, gate < whole ? op->units : 0},
                               .frac = {x_frac, h_frac},
                               .bias = op->bias[index] + mr_network_offset(network, op, w_x),
                               .ends = network->cuts_weights && gate < whole && has_ends(op, gate),
                               .blame = -1};
    int frac = argument_frac(op, gate, h_frac[0]);

    label_gate(op, gate, unit, &row);
    const int bits = op->precision.weight_bits;
    int result = mr_row_fixed(&row, bits, frac, &op->rows, index, 0, index, error, error_size);
    if (result != 0)
        *column = row.blame < op->inputs ? row.blame : -1;
    if (result != 0 || gate < whole)
        return result;
    const int sum = apart * op->units + unit;
    struct mr_float_row of_h = {
        .w = {w_h, NULL}, .columns = {op->units, 0}, .frac = {h_frac, NULL}, .bias = op->bias[sum]};
    frac = argument_frac(op, apart, h_frac[0]);
    label_gate(op, gate, unit, &of_h);
    return mr_row_fixed(&of_h, bits, frac, &op->rows, index, op->inputs, sum, error, error_size);
}

// The largest magnitude of the states that sequences start from: of h, or of the second field.
static double greatest_start(const struct mr_op *op, bool second) {
    const int columns = mr_op_start_columns(op), first = second ? op->units : 0;
    double greatest = 0;

    for (int row = 0; row < op->start_rows; row++)
        for (int j = first; j < first + op->units && j < columns; j++)
            greatest = fmax(greatest, fabs((double)op->start[row * columns + j]));
    return greatest;
}

static int hidden_frac(const struct mr_network *network, const struct mr_op *op) {
    const int precision = mr_stream_precision(network, op->output);
    double seen = op->kind->gives_second ? 0 : network->streams[op->output].greatest[precision];

    if (op->given[0] >= 0)
        seen = fmax(seen, network->streams[op->given[0]].greatest[precision]);
    if (!is_ranged(op))
        return MR_HIDDEN_FRAC;
    if (mr_op_has_places(op) && (op->kind->gives_second || !op->kind->second_field))
        seen = fmax(seen, op->places[mr_cell_of(op)->h_place].greatest);
    seen = fmax(seen, greatest_start(op, false));
    return seen > 0 ? mr_frac_of(2 * seen, 0, MR_HIDDEN_FRAC) : MR_FRAC_DEFAULT;
}

// What o times what comes of the second field has of fraction bits, less one that rounds.
static int most_hidden_frac(const struct mr_op *op) {
    const int squashed = MR_IS_OPEN(op->places[MR_PLACE_H].kind) ? MR_CELL_FRAC - op->exponent : 15;

    return op->places[MR_PLACE_GATE].frac + squashed - 1;
}

// The formats of the gates, the candidate, the second field and h, of which the last is returned.
static int choose_formats(const struct mr_network *network, struct mr_op *op) {
    struct mr_place *places = op->places;
    const enum mr_place_of_cell h_place = mr_cell_of(op)->h_place;
    int hidden = hidden_frac(network, op);

    op->exponent =
        op->kind->second_field ? mr_exponent_of(fmax(op->greatest, greatest_start(op, true))) : 0;
    if (!mr_op_has_places(op))
        return hidden;
    for (int p = 0; p < MR_PLACES; p++)
        places[p].frac = mr_place_frac(&places[p], places[p].greatest, p == MR_PLACE_GATE);
    if (op->kind->second_field) {
        // Half a unit of c in that of i g is not less than one.
        const int least = 17 - places[MR_PLACE_GATE].frac - places[MR_PLACE_G].frac;
        op->exponent = op->exponent < least ? least : op->exponent;
        const int most = most_hidden_frac(op);
        hidden = hidden < most ? hidden : most;
    } else if (!MR_IS_OPEN(places[h_place].kind)) {
        const int most = places[h_place].frac; // which holds all that it gives
        hidden = hidden < most ? hidden : most;
    }
    places[h_place].frac = hidden;
    return hidden;
}

// Where the second field is given: what calibration saw of it, with as much head-room again.
static int given_frac(const struct mr_network *network, const struct mr_op *op) {
    const double seen =
        network->streams[op->output].greatest[mr_stream_precision(network, op->output)];
    const int most =
        MR_CELL_FRAC - op->exponent < MR_HIDDEN_FRAC ? MR_CELL_FRAC - op->exponent : MR_HIDDEN_FRAC;

    if (seen > 0)
        return mr_frac_of(2 * seen, 0, most);
    return MR_FRAC_DEFAULT < most ? MR_FRAC_DEFAULT : most;
}

// By how many bits the second field is cut to be given; what is added first rounds it.
static int given_shift(const struct mr_network *network, const struct mr_op *op) {
    return MR_CELL_FRAC - op->exponent - network->streams[op->output].frac[0];
}

// Constants weigh the second field, whose exponent goes into them: one format for all, with as many
// fraction bits as they can have.
static int quantise_constants(struct mr_op *op, char *error, size_t error_size) {
    const int count = mr_op_constants(op);
    const double most = ldexp(1, MR_CONSTANT_BITS - 1) - 1;
    double greatest = 0;

    if (count == 0)
        return 0;
    for (int i = 0; i < count; i++)
        greatest = fmax(greatest, fabs((double)op->constants[i]));
    if (mr_rows_constants(&op->rows, count) != 0)
        return mr_fail(error, error_size, "not enough memory for the weights of layer %d",
                       op->layer);
    op->rows.constant_frac = MR_CONSTANT_FRAC_MAX;
    while (op->rows.constant_frac >= 0 &&
           !(floor(ldexp(greatest, op->rows.constant_frac + op->exponent) + 0.5) <= most))
        op->rows.constant_frac--;
    if (op->rows.constant_frac < 0)
        return mr_fail(error, error_size,
                       "layer %d has a peephole of %.4g for cell states within +-%g, and there at "
                       "most %.6g is possible; retrain the model with weight decay",
                       op->layer, greatest, mr_exponent_limit(op->exponent),
                       ldexp(most, -op->exponent));
    for (int i = 0; i < count; i++)
        op->rows.constant[i] = (int32_t)floor(
            ldexp((double)op->constants[i], op->rows.constant_frac + op->exponent) + 0.5);
    return 0;
}

int mr_recurrent_quantise(const struct mr_network *network, struct mr_op *op, int32_t *frac,
                          int *column, char *error, size_t error_size) {
    const int gates = op->kind->gates, units = op->units;

    const int hidden = choose_formats(network, op);

    for (int j = 0; j < units; j++)
        frac[j] = hidden;
    if (ldexp(greatest_start(op, false), hidden) > 32768)
        return mr_fail(error, error_size,
                       "layer %d starts from hidden states of up to %g, and its hidden states are "
                       "held within +-%g; start from smaller ones",
                       op->layer, greatest_start(op, false), ldexp(1, 15 - hidden));
    if (mr_rows_create(&op->rows, gates * units, op->inputs + units, op->kind->sums * units) != 0)
        return mr_fail(error, error_size, "not enough memory for the weights of layer %d",
                       op->layer);
    for (int gate = 0; gate < gates; gate++)
        for (int unit = 0; unit < units; unit++)
            if (quantise_gate(network, op, gate, unit, network->streams[op->input].frac, frac,
                              column, error, error_size) != 0)
                return -1;
    for (int j = 0; op->kind->gives_second && j < units; j++)
        frac[j] = given_frac(network, op);
    return quantise_constants(op, error, error_size);
}

enum { GIVEN_LEFT_MAX = 31 };

// Fraction bits of h, and of the second field.
static int state_frac(const struct mr_network *network, const struct mr_op *op, int field) {
    if (field == 1)
        return MR_CELL_FRAC - op->exponent;
    return mr_hidden_frac(network, op);
}

// By how many bits numbers of the stream that a field starts from are shifted left.
static int given_left(const struct mr_network *network, const struct mr_op *op, int field) {
    return state_frac(network, op, field) - network->streams[op->given[field]].frac[0];
}

// What choose_formats sees to.
static bool places_fit(const struct mr_network *network, const struct mr_op *op) {
    const struct mr_place *places = op->places;
    const enum mr_place_of_cell h_place = mr_cell_of(op)->h_place;
    bool good = places[h_place].frac == mr_hidden_frac(network, op) &&
                (is_ranged(op) || places[h_place].frac == MR_HIDDEN_FRAC);

    for (int p = 0; p < MR_PLACES; p++)
        good = good && (op->kind->places[p] == 0 ||
                        mr_place_is_possible(&places[p], (enum mr_place_of_cell)p));
    // What sees a cell state has its argument in Q15.
    if (op->kind->constants > 0)
        good = good && (places[MR_PLACE_GATE].kind == MR_ACTIVATION_SIGMOID ||
                        places[MR_PLACE_GATE].kind == MR_ACTIVATION_HARD);
    if (!op->kind->second_field)
        return good;
    return good && op->exponent + places[MR_PLACE_GATE].frac + places[MR_PLACE_G].frac >= 17 &&
           places[h_place].frac <= most_hidden_frac(op);
}

int mr_recurrent_check(const struct mr_network *network, const struct mr_op *op, char *error,
                       size_t error_size) {
    char part[MR_NAME + 16];

    if (op->exponent < 0 || op->exponent > (op->kind->second_field ? MR_EXPONENT_MAX : 0))
        return mr_fail(error, error_size, "layer %d has cell exponent %d; 0 to %d is possible",
                       op->layer, op->exponent, op->kind->second_field ? MR_EXPONENT_MAX : 0);
    const int32_t *frac = network->streams[op->output].frac;
    const int least = is_ranged(op) || op->kind->gives_second ? 0 : MR_HIDDEN_FRAC;
    for (int j = 0; j < op->units; j++)
        if (frac[j] < least || frac[j] > MR_HIDDEN_FRAC || frac[j] != frac[0] ||
            (op->kind->gives_second && given_shift(network, op) < 0))
            return mr_fail(error, error_size,
                           "layer %d has %d fraction bits in unit %d, which is not possible",
                           op->layer, (int)frac[j], j);
    for (int field = 0; field < 2; field++)
        if (op->given[field] >= 0 && abs(given_left(network, op, field)) > GIVEN_LEFT_MAX)
            return mr_fail(
                error, error_size,
                "layer %d starts from numbers of %d fraction bits, which is not possible",
                op->layer, (int)network->streams[op->given[field]].frac[0]);
    const int32_t end = 1 << (MR_CONSTANT_BITS - 1);
    for (int i = 0; i < mr_op_constants(op); i++)
        if (op->rows.constant[i] < -end || op->rows.constant[i] >= end)
            return mr_fail(error, error_size,
                           "layer %d has the constant %d, which is more than %d bits", op->layer,
                           (int)op->rows.constant[i], MR_CONSTANT_BITS);
    if (mr_op_has_places(op) && !places_fit(network, op))
        return mr_fail(error, error_size,
                       "layer %d has activations with formats that do not fit each other",
                       op->layer);
    snprintf(part, sizeof part, "layer %d", op->layer);
    return mr_rows_check(&op->rows, op->precision.weight_bits, op->inputs, part, error, error_size);
}

// ---- whole numbers

// Rounded, and cut before it becomes an integer: a file may hold any finite number.
static int32_t start_fixed(float number, int frac, int bits) {
    const double end = ldexp(1, bits - 1);

    return (int32_t)fmin(fmax(floor(ldexp((double)number, frac) + 0.5), -end), end - 1);
}

void mr_recurrent_start(const struct mr_network *network, const struct mr_op *op, size_t sequence,
                        int unit, int32_t *h, int32_t *second) {
    const size_t columns = (size_t)mr_op_start_columns(op);
    const float *of = op->start + sequence % (size_t)op->start_rows * columns + unit;

    *h = start_fixed(of[0], state_frac(network, op, 0), 16);
    *second = op->kind->second_field
                  ? start_fixed(of[op->units], state_frac(network, op, 1), MR_CELL_BITS)
                  : 0;
}

// A number shifted left, or right and rounded.
static double shifted(double number, int left) {
    return floor(ldexp(number, left) + 0.5);
}

// The same, cut to so many bits; how far it was beyond counts shifted `to` bits.
static int32_t take_number(int32_t number, int left, int bits, int to, struct mr_cuts *cuts) {
    const double exact = shifted(number, left), end = ldexp(1, bits - 1);
    const double kept = fmin(fmax(exact, -end), end - 1);

    if (cuts && kept != exact) {
        cuts->count++;
        cuts->past += (uint32_t)shifted(fabs(exact - kept), to);
    }
    return (int32_t)kept;
}

void mr_recurrent_take(const struct mr_network *network, const struct mr_op *op,
                       const int32_t *given_h, const int32_t *given_second, int unit, int32_t *h,
                       int32_t *second, struct mr_cuts *cuts) {
    const bool has_cell = given_h && op->kind->second_field;
    // What h is beyond counts in the units of the cell state, where there is one.
    const int to = has_cell ? state_frac(network, op, 1) - state_frac(network, op, 0) : 0;

    *h = given_h ? take_number(given_h[unit], given_left(network, op, 0), 16, to, cuts) : 0;
    *second = given_second ? take_number(given_second[unit], given_left(network, op, 1),
                                         MR_CELL_BITS, 0, cuts)
                           : 0;
}

static void integer_sums(const struct mr_op *op, int first, int end, int unit, const int32_t *x,
                         const int32_t *h, int64_t *sum) {
    const struct mr_rows *rows = &op->rows;
    const size_t units = (size_t)op->units, columns = (size_t)rows->columns;
    const int gates = op->kind->gates, whole = gates - split_of(op);
    int64_t (*const dot)(const int16_t *, const int32_t *, int) =
        op->precision.column_bits == 8 ? mr_integer_dot8 : mr_integer_dot;

    for (int gate = first; gate < end; gate++) {
        const size_t row = (size_t)gate * units + (size_t)unit;
        const int16_t *w = rows->weight + row * columns;
        const int64_t of_x = dot(w, x, op->inputs);
        const int64_t of_h = dot(w + op->inputs, h, op->units);
        sum[gate] = (rows->bias[row] + of_x + (gate < whole ? of_h : 0)) >> rows->shift[row];
        if (gate >= whole) {
            const size_t apart = (size_t)(gates + gate - whole) * units + (size_t)unit;
            sum[gates + gate - whole] = (rows->bias[apart] + of_h) >> rows->shift[apart];
        }
    }
}

int32_t mr_recurrent_unit(const struct mr_network *network, const struct mr_op *op,
                          const mr_place_t *at, const int64_t *sum, int32_t *h, int32_t *second,
                          struct mr_cuts *cuts) {
    const int64_t past = mr_cell_of(op)->integer_unit(op, at, sum, h, second);
    struct mr_cuts given = {0};
    int32_t out = *h;

    if (op->kind->gives_second) {
        const int shift = given_shift(network, op);
        const int64_t half = (INT64_C(1) << shift) >> 1;
        out = (int32_t)mr_clamp_counted((*second + half) >> shift, 16, &given);
    }
    if (cuts) {
        cuts->count += past != 0 || given.count != 0;
        cuts->past += (uint64_t)past;
    }
    return out;
}

void mr_recurrent_integer(const struct mr_network *network, const struct mr_op *op,
                          const int32_t *in, int32_t *state, int32_t *out, struct mr_cuts *cuts) {
    const struct mr_cell *cell = mr_cell_of(op);
    const int units = op->units, gates = op->kind->gates, early = gates - cell->late;
    int32_t *h = state, *second = state + units, *gated = second + units;
    // A cell that gives its second field has no late gates.
    int32_t *h_new = op->kind->gives_second ? gated : out;
    mr_place_t at[MR_PLACES];

    for (int p = 0; p < MR_PLACES; p++)
        at[p] = mr_cell_place(op, (enum mr_place_of_cell)p);
    if (cell->late)
        for (int j = 0; j < units; j++) {
            int64_t sum[MR_SUMS_MAX];
            integer_sums(op, 0, early, j, in, h, sum);
            gated[j] = cell->integer_gated(op, at, sum, h[j]);
        }
    for (int j = 0; j < units; j++) {
        int64_t sum[MR_SUMS_MAX];
        integer_sums(op, 0, early, j, in, h, sum);
        integer_sums(op, early, gates, j, in, gated, sum);
        for (int n = 0; n < op->kind->constants; n++)
            sum[op->kind->sums + n] = op->rows.constant[n * units + j];
        h_new[j] = h[j];
        out[j] = mr_recurrent_unit(network, op, at, sum, &h_new[j], &second[j], cuts);
    }
    memcpy(h, h_new, (size_t)units * sizeof *h);
}

// ---- hardware

static uint64_t lane_products(const struct mr_op *op, const struct mr_op_layout *layout) {
    return (uint64_t)op->kind->gates * (uint64_t)mr_op_lane_units(op, layout) *
           (uint64_t)layout->lc;
}

// Two rows of 8 bits share a multiplier where they share their columns: the gates of a cell with a
// second phase do not.
uint64_t mr_lane_multipliers(const struct mr_op *op, const struct mr_op_layout *layout) {
    const uint64_t units = (uint64_t)mr_op_lane_units(op, layout), lc = (uint64_t)layout->lc;
    const uint64_t gates = (uint64_t)op->kind->gates;

    if (op->precision.column_bits != 8)
        return lane_products(op, layout);
    return lc * (mr_cell_of(op)->late ? gates * ((units + 1) / 2) : (gates * units + 1) / 2);
}

void mr_recurrent_cost(const struct mr_op *op, const struct mr_op_layout *layout,
                       struct mr_op_cost *cost) {
    const struct mr_cell *cell = mr_cell_of(op);
    const uint64_t units = (uint64_t)op->units, gates = (uint64_t)op->kind->gates;
    const uint64_t inputs = (uint64_t)op->inputs, lanes = (uint64_t)layout->lc;
    const uint64_t multipliers = (uint64_t)mr_cell_multipliers(op);
    const int lc = layout->lc, passes = layout->passes;
    const int x_words = mr_ceil_div(op->inputs, lc), h_words = mr_ceil_div(op->units, lc);
    const int pass_words = mr_ceil_div(h_words, passes), stored = passes * pass_words;
    const int to_lanes = MR_WAY_LATENCY(mr_op_lane_units(op, layout), layout->crossing) +
                         MR_PAIRED_LATENCY(lc, op->precision.column_bits);
    const int latency = (int)cell->latency(op, lc) + to_lanes;
    const int wait = latency - (stored - pass_words);
    const int h_phases =
        h_words + (cell->late ? (int)cell->late_latency(op, lc) + to_lanes + h_words : 0);
    const int x_phase = layout->h_first
                            ? MR_H_FIRST_PASS(x_words, h_words, passes)
                            : MR_X_PHASE(x_words, wait, h_phases, layout->slots, passes);
    // What it waits at the end of a row, and the vectors of the last pass.
    const int early = layout->h_first ? MR_H_FIRST_WAIT(wait, x_phase, passes)
                      : passes == 1   ? x_phase - x_words
                                      : 0;
    const int last_words = h_words - (stored - pass_words);

    cost->latency = (uint32_t)latency;
    const int h_pass = layout->h_first && passes > 1 ? x_phase : h_words;
    cost->row_cycles = (uint32_t)(passes * (x_phase + h_pass + h_phases - h_words) +
                                  (layout->h_first ? early : 0));
    cost->turns = layout->h_first ? 1 : (uint32_t)MR_TURNS(wait, x_phase, h_phases, passes);
    cost->tail = last_words - early;
    cost->before = layout->h_first ? (uint32_t)(passes * h_pass) : 0;
    cost->giving = (uint32_t)last_words;
    cost->way = cost->row_cycles - (uint32_t)(early + x_words) - cost->before + cost->latency +
                cost->giving;
    cost->lanes = lane_products(op, layout);
    cost->products = cost->lanes + multipliers * lanes;
    cost->multipliers = mr_lane_multipliers(op, layout) + multipliers * lanes;
    cost->lane_useful = gates * units * (inputs + units);
    cost->useful = cost->lane_useful + multipliers * units;
    mr_recurrent_memory(op, layout, &cost->memory);
}

// The kernel's text of a cell, once for all layers that have it; messages name the lines of a
// user's own file.
static void emit_cell(const struct mr_cell *cell, struct mr_text *text) {
    if (!cell->text) {
        mr_text_add(text, "#include \"cells/%s\"\n", cell->header);
        return;
    }
    mr_text_add(text, "#ifndef OWN_CELL_%s\n#define OWN_CELL_%s\n#line 1 \"%s\"\n%s\n#endif\n",
                cell->cell, cell->cell, cell->header, cell->text);
    size_t lines = 2; // up to the next one
    for (size_t i = 0; i < text->size; i++)
        lines += text->data[i] == '\n';
    mr_text_add(text, "#line %zu \"network.c\"\n", lines);
}

// The streams that the state starts from.
static void emit_start(const struct mr_network *network, const struct mr_op *op,
                       struct mr_text *text) {
    if (!op->follows && (!network->encoder || mr_op_encodes(network, op)))
        return;
    if (op->follows)
        mr_text_add(text, "#define LAYER_FOLLOWS 1\n");
    mr_text_add(text, "#define LAYER_START %d\n",
                (op->given[0] >= 0 ? 1 : 0) + (op->given[1] >= 0 ? 2 : 0));
    if (op->given[0] >= 0)
        mr_text_add(text, "#define LAYER_START_H %d\n", given_left(network, op, 0));
    if (op->given[1] >= 0)
        mr_text_add(text, "#define LAYER_START_CELL %d\n", given_left(network, op, 1));
    if (op->given[0] >= 0 && op->kind->second_field)
        mr_text_add(text, "#define LAYER_START_PAST %d\n",
                    state_frac(network, op, 1) - state_frac(network, op, 0));
}

static bool has_other_places(const struct mr_op *op) {
    bool other = false;

    for (int p = 0; p < MR_PLACES; p++) {
        const struct mr_place *place = &op->places[p], own = mr_place_own((enum mr_place_of_cell)p);
        other = other || (op->kind->places[p] > 0 &&
                          (place->kind != own.kind || place->frac != own.frac ||
                           place->scale != 1 || place->factor != 1 || place->offset != 0 ||
                           mr_cell_place(op, (enum mr_place_of_cell)p).clips));
    }
    return other;
}

bool mr_cell_is_plain(const struct mr_op *op) {
    return !op->kind->own && !op->kind->constants && !has_other_places(op);
}

static void emit_places(const struct mr_op *op, const struct mr_op_layout *layout,
                        const struct mr_network *network, struct mr_text *text) {
    static const char *const macros[MR_PLACES] = {"LAYER_GATE", "LAYER_G", "LAYER_H"};
    const struct mr_cell *cell = mr_cell_of(op);

    for (int p = 0; p < MR_PLACES; p++) {
        const mr_place_t at = mr_cell_place(op, (enum mr_place_of_cell)p);
        mr_place_text(text, macros[p], &at);
    }
    mr_text_add(text, "#define LAYER_LATENCY %u\n", cell->latency(op, layout->lc));
    if (cell->late)
        mr_text_add(text, "#define LAYER_SECOND_LATENCY %u\n", cell->late_latency(op, layout->lc));
    if (op->kind->limit && op->kind->limit(network, op).limit > 0)
        mr_text_add(text, "#define LAYER_COUNTS 1\n");
}

void mr_recurrent_emit(const struct mr_network *network, const struct mr_op *op,
                       const struct mr_op_layout *layout, struct mr_text *text) {
    const struct mr_cell *cell = mr_cell_of(op);

    if (op->kind->gives_second)
        mr_text_add(text, "#define LAYER_GIVES_CELL %d\n", given_shift(network, op));
    emit_cell(cell, text);
    mr_text_add(text, "#define LAYER %s\n#define LAYER_CELL %s\n", op->name, cell->cell);
    if (op->units % layout->lc && (op->kind->own || has_other_places(op)))
        mr_text_add(text, "#define LAYER_PADS 1\n");
    if (has_other_places(op))
        emit_places(op, layout, network, text);
    mr_text_add(text, "#define LAYER_INPUTS %d\n#define LAYER_HIDDEN %d\n", op->inputs, op->units);
    mr_text_add(text, "#define LAYER_LC %d\n", layout->lc);
    if (layout->passes > 1)
        mr_text_add(text, "#define LAYER_PASSES %d\n", layout->passes);
    if (layout->h_first)
        mr_text_add(text, "#define LAYER_H_FIRST 1\n");
    if (layout->slots > 1)
        mr_text_add(text, "#define LAYER_SLOTS %d\n", layout->slots);
    if (layout->ports)
        mr_text_add(text, "#define LAYER_PORTS %d\n#define LAYER_MEMORY %s\n", layout->ports,
                    mr_storage_name(layout->memory));
    if (layout->crossing)
        mr_text_add(text, "#define LAYER_CROSSING %d\n", layout->crossing);
    if (layout->rest_from)
        mr_text_add(text, "#define LAYER_REST_FROM %d\n#define LAYER_REST_MEMORY %s\n",
                    layout->rest_from, mr_storage_name(layout->rest));
    if (op->kind->constants)
        mr_text_add(text, "#define LAYER_CONSTANT_FRAC %d\n", op->rows.constant_frac);
    if (op->exponent)
        mr_text_add(text, "#define LAYER_CELL_EXPONENT %d\n", op->exponent);
    if (op->precision.weight_bits != 16)
        mr_text_add(text, "#define LAYER_WEIGHT_BITS %d\n", op->precision.weight_bits);
    if (op->precision.column_bits != 16)
        mr_text_add(text, "#define LAYER_COLUMN_BITS %d\n", op->precision.column_bits);
    emit_start(network, op, text);
    mr_text_add(text, "#include \"frame/layer.h\"\n");
}
