// SPDX-License-Identifier: Apache-2.0
// The network in floating point.
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double sigmoid(double x) {
    return 1.0 / (1.0 + exp(-x));
}

// Four partial sums, so that the additions need not wait for one another.
static double dot(const float *w, const double *v, int count) {
    double sum[4] = {0};
    int k = 0;

    for (; k + 4 <= count; k += 4) {
        for (int j = 0; j < 4; j++)
            sum[j] += w[k + j] * v[k + j];
    }
    for (; k < count; k++)
        sum[0] += w[k] * v[k];
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

// One step of one layer: state is h (hidden) then c (hidden); gates is scratch (4*hidden).
static void step(const struct mr_lstm *layer, const double *x, double *state, double *gates) {
    int hidden = layer->hidden;
    double *h = state, *c = state + hidden;

    for (int row = 0; row < MR_GATES * hidden; row++) {
        gates[row] = layer->bias[row] +
                     dot(layer->w_ih + (size_t)row * layer->inputs, x, layer->inputs) +
                     dot(layer->w_hh + (size_t)row * hidden, h, hidden);
    }
    for (int j = 0; j < hidden; j++) {
        double i = sigmoid(gates[j]), f = sigmoid(gates[hidden + j]);
        double g = tanh(gates[2 * hidden + j]), o = sigmoid(gates[3 * hidden + j]);
        c[j] = f * c[j] + i * g;
        h[j] = o * tanh(c[j]);
    }
}

static double greatest_of(const double *list, int count, double so_far) {
    for (int j = 0; j < count; j++)
        so_far = fmax(so_far, fabs(list[j]));
    return so_far;
}

// y and greatest are as in the functions below; either may be NULL.
static int run(const struct mr_network *network, const float *x, size_t sequences, size_t steps,
               double *y, double *greatest) {
    int inputs = network->layers[0].inputs, widest = 0;
    size_t states = 0;

    for (int l = 0; l < network->layer_count; l++) {
        states += 2 * (size_t)network->layers[l].hidden;
        if (network->layers[l].hidden > widest)
            widest = network->layers[l].hidden;
    }
    double *state = calloc(states + MR_GATES * (size_t)widest + (size_t)inputs, sizeof *state);
    if (!state)
        return -1;
    double *gates = state + states, *input = gates + MR_GATES * (size_t)widest;

    for (size_t n = 0; n < sequences; n++) {
        memset(state, 0, states * sizeof *state);
        const double *last = state;
        for (size_t t = 0; t < steps; t++) {
            double *at = state;
            last = input;
            for (int k = 0; k < inputs; k++)
                input[k] = mr_cast(network->input_cast, *x++);
            for (int l = 0; l < network->layer_count; l++) {
                const int hidden = network->layers[l].hidden;
                step(&network->layers[l], last, at, gates);
                if (greatest)
                    greatest[l] = greatest_of(at + hidden, hidden, greatest[l]);
                last = at;
                at += 2 * hidden;
            }
        }
        // Without a step the head sees the zero state of the last layer.
        if (steps == 0)
            last = state + states - 2 * (size_t)network->layers[network->layer_count - 1].hidden;
        for (int r = 0; y && r < network->head.outputs; r++) {
            double sum =
                network->head.bias[r] +
                dot(network->head.w + (size_t)r * network->head.inputs, last, network->head.inputs);
            *y++ = network->head.sigmoid ? sigmoid(sum) : sum;
        }
    }
    free(state);
    return 0;
}

int mr_reference_run_uncast(const struct mr_network *network, const float *x, size_t sequences,
                            size_t steps, double *y) {
    return run(network, x, sequences, steps, y, NULL);
}

int mr_reference_cells(const struct mr_network *network, const float *x, size_t sequences,
                       size_t steps, double *greatest) {
    for (int l = 0; l < network->layer_count; l++)
        greatest[l] = 0;
    return run(network, x, sequences, steps, NULL, greatest);
}

int mr_reference_run(const struct mr_network *network, const float *x, size_t sequences,
                     size_t steps, float *y) {
    size_t count = sequences * (size_t)network->head.outputs;
    double *wide = malloc((count + 1) * sizeof *wide);
    int result = wide ? mr_reference_run_uncast(network, x, sequences, steps, wide) : -1;

    for (size_t i = 0; result == 0 && i < count; i++)
        y[i] = (float)mr_cast(network->output_cast, wide[i]);
    free(wide);
    return result;
}
