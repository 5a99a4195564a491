// SPDX-License-Identifier: Apache-2.0
// From float weights to whole numbers: for each row the largest scale at which its weights fit
// 16 bits, its sums fit 39 bits and its shift fits the hardware.
#include "quantise.h"

#include "file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HIDDEN_FRAC = 15,
    SIGMOID_FRAC = 15, // of a sigmoid's argument
    TANH_FRAC = 16,    // of a tanh's argument
    LINEAR_SCALE_MAX = 46,
};

// One row in float and what it may become.
struct row {
    const float *w[2]; // two runs of columns: inputs, hidden
    int columns[2];
    const int32_t *frac[2]; // fraction bits of the columns; NULL: HIDDEN_FRAC
    double bias;
    int blame;      // the column that is too large, or -1
    char label[64]; // for messages
};

static double round_up(double v) {
    return floor(v + 0.5);
}

static double quantised_weight(const struct row *row, int run, int k, int scale) {
    int frac = row->frac[run] ? row->frac[run][k] : HIDDEN_FRAC;

    return round_up(ldexp(row->w[run][k], scale - frac));
}

// Does the row fit at this scale? If not, *column is the weight to blame, or -1 for bias and sum.
static bool fits(const struct row *row, int scale, int64_t half, int *column) {
    double sum = 0;
    int at = 0;

    *column = -1;
    for (int run = 0; run < 2; run++) {
        for (int k = 0; k < row->columns[run]; k++, at++) {
            double w = quantised_weight(row, run, k, scale);
            if (w < INT16_MIN || w > INT16_MAX) {
                *column = at;
                return false;
            }
            sum += fabs(w);
        }
    }
    // All terms are whole numbers below 2^53 or far beyond the bound, so the sum is exact enough.
    return sum * 32768 + fabs(round_up(ldexp(row->bias, scale)) + (double)half) <
           ldexp(1, MR_SUM_BITS);
}

static void fill_row(const struct row *row, int scale, int shift, struct mr_rows *out, int index) {
    int16_t *weight = out->weight + (size_t)index * (size_t)out->columns;

    for (int run = 0; run < 2; run++) {
        for (int k = 0; k < row->columns[run]; k++)
            *weight++ = (int16_t)quantised_weight(row, run, k, scale);
    }
    out->bias[index] = (int64_t)round_up(ldexp(row->bias, scale)) + ((int64_t)1 << (shift - 1));
    out->shift[index] = shift;
}

static int too_large(struct row *row, int column, char *error, size_t error_size) {
    char where[120] = "bias or sum of weights is";

    row->blame = column;
    if (column >= 0) {
        const int run = column >= row->columns[0], k = run ? column - row->columns[0] : column;
        const int32_t *frac = row->frac[run];
        int used = snprintf(where, sizeof where, "weight of column %d is %.4g", column,
                            (double)row->w[run][k]);
        if (frac && used > 0 && (size_t)used < sizeof where)
            snprintf(where + used, sizeof where - (size_t)used, " for inputs within %.4g, which is",
                     ldexp(1, 15 - frac[k]));
        else if (used > 0 && (size_t)used < sizeof where)
            snprintf(where + used, sizeof where - (size_t)used, ", which is");
    }
    return mr_fail(error, error_size,
                   "%s: the %s too large for 16-bit weights; rescale the inputs of the model or "
                   "retrain it with weight decay",
                   row->label, where);
}

// A row whose shift follows from its scale, as in gates and in a head with a sigmoid.
static int quantise_row(struct row *row, int argument_frac, struct mr_rows *out, int index,
                        char *error, size_t error_size) {
    int column = -1;

    for (int shift = MR_SHIFT_MAX; shift >= MR_SHIFT_MIN; shift--) {
        if (fits(row, shift + argument_frac, (int64_t)1 << (shift - 1), &column)) {
            fill_row(row, shift + argument_frac, shift, out, index);
            return 0;
        }
    }
    return too_large(row, column, error, error_size);
}

static int quantise_layer(const struct mr_lstm *layer, int number, const int32_t *frac,
                          struct mr_quantised_layer *out, int *feature, char *error,
                          size_t error_size) {
    size_t inputs = (size_t)layer->inputs, hidden = (size_t)layer->hidden;

    out->inputs = layer->inputs;
    out->hidden = layer->hidden;
    if (mr_rows_create(&out->gates, MR_GATES * layer->hidden, layer->inputs + layer->hidden) != 0)
        return mr_fail(error, error_size, "not enough memory for the weights of layer %d", number);
    for (int gate = 0; gate < MR_GATES; gate++) {
        for (int unit = 0; unit < layer->hidden; unit++) {
            int index = gate * layer->hidden + unit;
            struct row row = {
                .w = {layer->w_ih + (size_t)index * inputs, layer->w_hh + (size_t)index * hidden},
                .columns = {layer->inputs, layer->hidden},
                .frac = {frac, NULL},
                .bias = layer->bias[index],
            };
            snprintf(row.label, sizeof row.label, "layer %d, gate %s, unit %d", number,
                     mr_gate_name(gate), unit);
            if (quantise_row(&row, gate == 2 ? TANH_FRAC : SIGMOID_FRAC, &out->gates, index, error,
                             error_size) != 0) {
                *feature = number == 0 && row.blame < layer->inputs ? row.blame : -1;
                return -1;
            }
        }
    }
    return 0;
}

static struct row head_row(const struct mr_dense *head, int index) {
    struct row row = {
        .w = {head->w + (size_t)index * (size_t)head->inputs, NULL},
        .columns = {head->inputs, 0},
        .bias = head->bias[index],
    };

    snprintf(row.label, sizeof row.label, "head, output %d", index);
    return row;
}

// The largest number of fraction bits at which no output of the row overflows 31 bits.
static int output_frac(const struct row *row) {
    double bound = fabs(row->bias);

    for (int k = 0; k < row->columns[0]; k++)
        bound += fabs((double)row->w[0][k]);
    for (int frac = LINEAR_SCALE_MAX - MR_SHIFT_MIN; frac > 0; frac--) {
        if (ldexp(bound, frac) < 2147483000.0)
            return frac;
    }
    return 0;
}

// The largest magnitude of a row's sum at its scale, whatever the vector of 16-bit numbers.
static int64_t bound_of(const struct mr_rows *rows, int row) {
    const int16_t *weight = rows->weight + (size_t)row * (size_t)rows->columns;
    int64_t sum = 0;

    for (int k = 0; k < rows->columns; k++)
        sum += abs(weight[k]);
    return sum * 32768 + llabs(rows->bias[row]);
}

// A linear output has 32 bits and is never cut.
static bool output_fits(const struct mr_rows *rows, int row) {
    return bound_of(rows, row) >> rows->shift[row] < INT32_MAX;
}

// Outputs may be of very different sizes, so each has a format of its own: the finest at which it
// fits 32 bits whatever the hidden state.
static int quantise_linear(const struct mr_dense *head, struct mr_quantised_head *out, int index,
                           char *error, size_t error_size) {
    const int64_t half = (int64_t)1 << (MR_SHIFT_MAX - 1);
    struct row row = head_row(head, index);
    int scale = LINEAR_SCALE_MAX, column = -1;

    while (scale > 0 && !fits(&row, scale, half, &column))
        scale--;
    if (scale == 0 || fabs(row.bias) > 2147483000.0)
        return too_large(&row, column, error, error_size);
    int frac = output_frac(&row);
    if (frac > scale - MR_SHIFT_MIN)
        frac = scale - MR_SHIFT_MIN;
    for (; frac >= 0; frac--) { // the weights' rounding may ask for one less
        int shift = scale - frac < MR_SHIFT_MAX ? scale - frac : MR_SHIFT_MAX;
        fill_row(&row, frac + shift, shift, &out->rows, index);
        if (output_fits(&out->rows, index)) {
            out->frac_bits[index] = frac;
            return 0;
        }
    }
    return too_large(&row, -1, error, error_size);
}

static int quantise_head(const struct mr_dense *head, struct mr_quantised_head *out, char *error,
                         size_t error_size) {
    out->inputs = head->inputs;
    out->outputs = head->outputs;
    out->sigmoid = head->sigmoid;
    out->frac_bits = calloc((size_t)head->outputs, sizeof *out->frac_bits);
    if (mr_rows_create(&out->rows, head->outputs, head->inputs) != 0 || !out->frac_bits)
        return mr_fail(error, error_size, "not enough memory for the weights of the head");
    for (int i = 0; i < head->outputs; i++) {
        struct row row = head_row(head, i);
        out->frac_bits[i] = SIGMOID_FRAC;
        if ((head->sigmoid ? quantise_row(&row, SIGMOID_FRAC, &out->rows, i, error, error_size)
                           : quantise_linear(head, out, i, error, error_size)) != 0)
            return -1;
    }
    return 0;
}

static int quantise(const struct mr_network *network, const int32_t *frac, struct mr_quantised *out,
                    int *feature, char *error, size_t error_size) {
    int inputs = network->layers[0].inputs;

    out->layers = calloc((size_t)network->layer_count, sizeof *out->layers);
    out->input_frac_bits = malloc((size_t)inputs * sizeof *out->input_frac_bits);
    if (!out->layers || !out->input_frac_bits)
        return mr_fail(error, error_size, "not enough memory to quantise the network");
    for (int k = 0; k < inputs; k++)
        out->input_frac_bits[k] = frac ? frac[k] : MR_FRAC_DEFAULT;
    out->input_cast = network->input_cast;
    out->output_cast = network->output_cast;
    for (int l = 0; l < network->layer_count; l++) {
        out->layer_count = l + 1;
        if (quantise_layer(&network->layers[l], l, l == 0 ? out->input_frac_bits : NULL,
                           &out->layers[l], feature, error, error_size) != 0)
            return -1;
    }
    return quantise_head(&network->head, &out->head, error, error_size);
}

double mr_cell_limit(int cell_exponent) {
    return ldexp(1, 7 + cell_exponent);
}

void mr_quantise_cells(struct mr_quantised *quantised, const double *greatest) {
    for (int l = 0; l < quantised->layer_count; l++) {
        int exponent = 0;
        while (exponent < MR_CELL_EXPONENT_MAX && mr_cell_limit(exponent) < 2 * greatest[l])
            exponent++;
        quantised->layers[l].cell_exponent = exponent;
    }
}

int mr_quantise(const struct mr_network *network, const int32_t *frac,
                struct mr_quantised *quantised, int *feature, char *error, size_t error_size) {
    int blame = -1;

    memset(quantised, 0, sizeof *quantised);
    if (network->layer_count < 1)
        return mr_fail(error, error_size, "the network has no layer");
    int result = quantise(network, frac, quantised, &blame, error, error_size);
    if (feature)
        *feature = blame;
    if (result != 0)
        mr_quantised_free(quantised);
    return result;
}

int mr_rows_create(struct mr_rows *rows, int row_count, int column_count) {
    size_t count = (size_t)row_count * (size_t)column_count;

    rows->rows = row_count;
    rows->columns = column_count;
    rows->weight = calloc(count, sizeof *rows->weight);
    rows->bias = calloc((size_t)row_count, sizeof *rows->bias);
    rows->shift = calloc((size_t)row_count, sizeof *rows->shift);
    return rows->weight && rows->bias && rows->shift ? 0 : -1;
}

static void free_rows(struct mr_rows *rows) {
    free(rows->weight);
    free(rows->bias);
    free(rows->shift);
}

void mr_quantised_free(struct mr_quantised *quantised) {
    for (int l = 0; l < quantised->layer_count; l++)
        free_rows(&quantised->layers[l].gates);
    free(quantised->layers);
    free_rows(&quantised->head.rows);
    free(quantised->head.frac_bits);
    free(quantised->input_frac_bits);
    memset(quantised, 0, sizeof *quantised);
}

static int check_rows(const struct mr_rows *rows, const char *name, const char *part, char *error,
                      size_t error_size) {
    const int64_t bound = (int64_t)1 << MR_SUM_BITS;

    for (int row = 0; row < rows->rows; row++) {
        const int64_t bias = rows->bias[row];

        if (rows->shift[row] < MR_SHIFT_MIN || rows->shift[row] > MR_SHIFT_MAX)
            return mr_fail(error, error_size, "%s: %s, row %d has shift %d; %d to %d is possible",
                           name, part, row, (int)rows->shift[row], MR_SHIFT_MIN, MR_SHIFT_MAX);
        if (bias <= -bound || bias >= bound || bound_of(rows, row) >= bound)
            return mr_fail(error, error_size,
                           "%s: %s, row %d has weights and a bias whose sum may reach 2^%d", name,
                           part, row, MR_SUM_BITS);
    }
    return 0;
}

int mr_quantised_check(const struct mr_quantised *q, const char *name, char *error,
                       size_t error_size) {
    char part[32];

    for (int k = 0; k < q->layers[0].inputs; k++) {
        if (q->input_frac_bits[k] < MR_FRAC_MIN || q->input_frac_bits[k] > MR_FRAC_MAX)
            return mr_fail(error, error_size,
                           "%s: input %d has %d fraction bits; %d to %d is "
                           "possible",
                           name, k, (int)q->input_frac_bits[k], MR_FRAC_MIN, MR_FRAC_MAX);
    }
    for (int l = 0; l < q->layer_count; l++) {
        const struct mr_quantised_layer *layer = &q->layers[l];
        if (l > 0 && layer->inputs != q->layers[l - 1].hidden)
            return mr_fail(error, error_size,
                           "%s: layer %d has %d inputs after a layer of %d units", name, l,
                           layer->inputs, q->layers[l - 1].hidden);
        if (layer->cell_exponent < 0 || layer->cell_exponent > MR_CELL_EXPONENT_MAX)
            return mr_fail(error, error_size,
                           "%s: layer %d has cell exponent %d; 0 to %d is possible", name, l,
                           layer->cell_exponent, MR_CELL_EXPONENT_MAX);
        snprintf(part, sizeof part, "layer %d", l);
        if (check_rows(&layer->gates, name, part, error, error_size) != 0)
            return -1;
    }
    if (q->head.inputs != q->layers[q->layer_count - 1].hidden)
        return mr_fail(error, error_size, "%s: the head has %d inputs after a layer of %d units",
                       name, q->head.inputs, q->layers[q->layer_count - 1].hidden);
    for (int o = 0; o < q->head.outputs; o++) {
        const int frac = q->head.frac_bits[o];
        if (q->head.sigmoid ? frac != SIGMOID_FRAC : frac < 0 || frac > LINEAR_SCALE_MAX)
            return mr_fail(error, error_size,
                           "%s: output %d of the head has %d fraction bits, which is not possible",
                           name, o, frac);
    }
    if (check_rows(&q->head.rows, name, "head", error, error_size) != 0)
        return -1;
    for (int row = 0; !q->head.sigmoid && row < q->head.outputs; row++)
        if (!output_fits(&q->head.rows, row))
            return mr_fail(error, error_size,
                           "%s: output %d may reach beyond the 32 bits of the device; import the "
                           "model again",
                           name, row);
    return 0;
}
