// SPDX-License-Identifier: Apache-2.0
// The plain reference of the pipeline in whole numbers: what every device has to give bit for bit.
#include "../hls/kernels/activation_tables.h"
#include "file.h"
#include "quantise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t clamp(int64_t v, int bits) {
    int64_t limit = (int64_t)1 << (bits - 1);

    return v < -limit ? -limit : v >= limit ? limit - 1 : v;
}

static int64_t interpolate(const int32_t *base, const int16_t *slope, int64_t argument) {
    int64_t idx = (argument + (1 << 19)) >> 10, frac = argument & 1023;

    return (base[idx] * (int64_t)1024 + slope[idx] * frac + (1 << 11)) >> 12;
}

static int64_t sigmoid(int64_t argument) {
    return interpolate(mr_sigmoid_base, mr_sigmoid_slope, argument);
}

static int64_t hyperbolic(int64_t argument) {
    return interpolate(mr_tanh_base, mr_tanh_slope, argument);
}

// (sum of a row over two vectors + bias) >> shift
static int64_t product(const struct mr_rows *rows, int row, const int16_t *x, int inputs,
                       const int16_t *h, int hidden) {
    const int16_t *w = rows->weight + (size_t)row * (size_t)rows->columns;
    int64_t sum = rows->bias[row];

    for (int k = 0; k < inputs; k++)
        sum += w[k] * (int32_t)x[k];
    for (int k = 0; k < hidden; k++)
        sum += w[inputs + k] * (int32_t)h[k];
    return sum >> rows->shift[row];
}

static void step(const struct mr_quantised_layer *layer, const int16_t *x, int16_t *h,
                 const int16_t *h_before, int32_t *c) {
    int hidden = layer->hidden;

    for (int j = 0; j < hidden; j++) {
        int64_t arg[MR_GATES];
        for (int gate = 0; gate < MR_GATES; gate++)
            arg[gate] = clamp(
                product(&layer->gates, gate * hidden + j, x, layer->inputs, h_before, hidden), 20);
        int64_t i = sigmoid(arg[0]), f = sigmoid(arg[1]), g = hyperbolic(arg[2]);
        int64_t o = sigmoid(arg[3]);
        int64_t sum = (f * c[j] + ((2 * i * g) >> layer->cell_exponent) + (1 << 14)) >> 15;
        int64_t tanh_arg = clamp(sum, 20 - layer->cell_exponent) * (1 << layer->cell_exponent);
        c[j] = (int32_t)clamp(sum, MR_CELL_BITS);
        h[j] = (int16_t)((o * hyperbolic(tanh_arg) + (1 << 14)) >> 15);
    }
}

static int32_t output(const struct mr_quantised_head *head, int row, const int16_t *h) {
    int64_t v = product(&head->rows, row, h, head->inputs, NULL, 0);

    return (int32_t)(head->sigmoid ? sigmoid(clamp(v, 20)) : clamp(v, 32));
}

int mr_quantised_run(const struct mr_quantised *q, const int16_t *x_q, size_t sequences,
                     size_t steps, int32_t *y_q) {
    size_t units = 0;

    for (int l = 0; l < q->layer_count; l++)
        units += (size_t)q->layers[l].hidden;
    int32_t *c = malloc(units * sizeof *c);
    int16_t *states = malloc(2 * units * sizeof *states); // of this step and of the one before
    if (!c || !states) {
        free(c);
        free(states);
        return -1;
    }
    for (size_t n = 0; n < sequences; n++) {
        int16_t *now = states, *before = states + units;
        memset(c, 0, units * sizeof *c);
        memset(states, 0, 2 * units * sizeof *states);
        for (size_t t = 0; t < steps; t++) {
            const int16_t *x = x_q;
            size_t at = 0;
            int16_t *swap = now;
            now = before;
            before = swap;
            for (int l = 0; l < q->layer_count; l++) {
                step(&q->layers[l], x, now + at, before + at, c + at);
                x = now + at;
                at += (size_t)q->layers[l].hidden;
            }
            x_q += q->layers[0].inputs;
        }
        const int16_t *last = now + units - q->head.inputs;
        for (int row = 0; row < q->head.outputs; row++)
            *y_q++ = output(&q->head, row, last);
    }
    free(c);
    free(states);
    return 0;
}

static void note_cut(struct mr_input_cuts *cuts, float x) {
    if (cuts->count++ == 0 || fabsf(x) > fabsf(cuts->farthest))
        cuts->farthest = x;
}

int mr_quantise_input(const struct mr_quantised *q, const float *x, size_t steps, int16_t *x_q,
                      struct mr_input_cuts *cuts, char *error, size_t error_size) {
    int inputs = q->layers[0].inputs;

    for (int k = 0; k < inputs; k++) {
        double scale = ldexp(1, q->input_frac_bits[k]);
        for (size_t i = 0; i < steps; i++) {
            size_t at = i * (size_t)inputs + (size_t)k;
            double v = floor(mr_cast(q->input_cast, x[at]) * scale + 0.5);
            if (!isfinite(v))
                return mr_fail(error, error_size,
                               "input: step %zu, feature %d is not a finite number", i, k);
            x_q[at] = (int16_t)(v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : v);
            if (cuts && (v < INT16_MIN || v > INT16_MAX))
                note_cut(&cuts[k], x[at]);
        }
    }
    return 0;
}

void mr_quantised_output(const struct mr_quantised *q, const int32_t *y_q, size_t count, float *y) {
    const size_t outputs = (size_t)q->head.outputs;

    for (size_t i = 0; i < count * outputs; i++)
        y[i] = (float)mr_cast(q->output_cast, ldexp(y_q[i], -q->head.frac_bits[i % outputs]));
}
