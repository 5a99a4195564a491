// SPDX-License-Identifier: Apache-2.0
// The numbers of a recurrent layer: its gates in the order of the network, with what their
// activations and a normalisation in front put into weights and biases.
#include "onnx_parts.h"

#include "op.h"

#include <math.h>
#include <stdlib.h>

// Gates of an LSTM in the network's order; a GRU's candidate has the same place.
enum { INPUT, FORGET, CANDIDATE, OUTPUT };

// The rows of a gate times `scale`, and what a diagonal layer in front adds to their sums over x.
// of_h: those over h where they are not the file's. False where a number is beyond float32.
static bool fill_gate(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op,
                      size_t to, size_t from, double scale, const float *of_h) {
    const size_t inputs = (size_t)layer->inputs, n = (size_t)layer->units;
    const size_t columns = (size_t)layer->w->dims[2];
    const struct onnx_layer *before = layer->scaled >= 0 ? &r->layers[layer->scaled] : NULL;
    const size_t first = before ? (size_t)before->skip : 0;
    bool good = true;

    for (size_t j = 0; j < n; j++) {
        const double *w = layer->w->real + (from + j) * columns;
        double added = 0;
        for (size_t k = 0; k < columns; k++) {
            float *own = &op->w_x[(to + j) * inputs + first + k];
            *own = (float)(scale * w[k] * (before ? onnx_each(&before->factor, k, 1) : 1));
            added += before ? scale * w[k] * onnx_each(&before->bias, k, 0) : 0;
            good = good && isfinite(*own);
        }
        op->bias[to + j] = (float)added;
        for (size_t k = 0; k < n; k++) {
            float *own = &op->w_h[(to + j) * n + k];
            *own = (float)(scale *
                           (of_h ? (double)of_h[j * n + k] : layer->h->real[(from + j) * n + k]));
            good = good && isfinite(*own);
        }
    }
    return good;
}

// The activation of a gate of the network, NULL where a user's own cell has it.
static const struct onnx_in_place *place_of(const struct onnx_layer *layer, int gate) {
    if (!layer->cell->activations[0])
        return NULL;
    const bool first = layer->cell->places[0] == MR_PLACE_GATE && gate != CANDIDATE;

    return &layer->in[first ? MR_PLACE_GATE : MR_PLACE_G];
}

// What the numbers of a gate are multiplied by, and what is added to its sum: its activation's
// factor and offset. Of the gate that is one minus another they change sign.
static double gate_scale(const struct onnx_layer *layer, int gate) {
    const double sign = layer->coupled && gate == FORGET ? -1 : 1;
    const struct onnx_in_place *in = place_of(layer, gate);

    return sign * (in ? in->factor : 1);
}

static double gate_offset(const struct onnx_layer *layer, int gate) {
    const struct onnx_in_place *in = place_of(layer, gate);
    const bool line = in && in->place.kind != MR_ACTIVATION_SIGMOID;

    if (!in)
        return 0;
    return layer->coupled && gate == FORGET && line ? 1 - in->offset : in->offset;
}

// Where the numbers of a gate stand, in units; its peephole, in ONNX of i, o and f, has the place
// of its rows.
static size_t gate_place(const struct onnx_layer *layer, int gate) {
    return (size_t)layer->cell->order[layer->coupled && gate == FORGET ? INPUT : gate];
}

static int fill_peepholes(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    static const int gates[] = {INPUT, FORGET, OUTPUT};
    const size_t n = (size_t)layer->units;

    for (size_t k = 0; layer->p && k < sizeof gates / sizeof *gates; k++)
        for (size_t j = 0; j < n; j++) {
            const size_t from = 3 * (size_t)layer->direction + gate_place(layer, gates[k]);
            float *own = &op->constants[k * n + j];
            *own = (float)(gate_scale(layer, gates[k]) * layer->p->real[from * n + j]);
            if (!isfinite(*own))
                return onnx_fail(r->graph, "has peepholes that are beyond float32");
        }
    return 0;
}

// A bias for each sum; gates that keep their sums apart, the last ones, have one of x and one of h.
static int fill_gates(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op,
                      const float *of_h) {
    const size_t n = (size_t)layer->units;
    const int gates = layer->cell->gates, apart = op->kind->sums - op->kind->gates;
    const size_t before = (size_t)layer->direction * (size_t)gates * n; // rows of other directions

    if (op->kind->gates != gates || apart < 0 || apart > gates)
        return onnx_fail(r->graph, "has another number of gates than '%s'", op->kind->name);
    for (int gate = 0; gate < gates; gate++) {
        const double scale = gate_scale(layer, gate), offset = gate_offset(layer, gate);
        const size_t to = (size_t)gate * n, from = gate_place(layer, gate) * n;
        const double *b = layer->b ? layer->b->real + 2 * before + from : NULL;
        bool good =
            fill_gate(r, layer, op, to, before + from, scale, of_h ? of_h + from * n : NULL);
        for (size_t j = 0; b && j < n; j++) {
            const double of_x = op->bias[to + j] + scale * b[j];
            const double of_h = scale * b[(size_t)gates * n + j];
            const bool split = gate >= gates - apart;
            op->bias[to + j] = (float)(split ? of_x : of_x + of_h);
            if (split)
                op->bias[to + (size_t)apart * n + j] = (float)of_h;
        }
        for (size_t j = 0; j < n; j++) {
            op->bias[to + j] = (float)(op->bias[to + j] + offset);
            good = good && isfinite(op->bias[to + j]);
        }
        if (!good)
            return onnx_fail(r->graph, "has weights or sums of biases that are beyond float32");
    }
    return 0;
}

int onnx_fill_gates(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    const size_t rows = (size_t)layer->cell->gates * (size_t)layer->units;
    float *of_h = NULL;
    int result = layer->projection ? onnx_projected(r, layer, rows, &of_h) : 0;

    if (result == 0)
        result = fill_gates(r, layer, op, of_h);
    free(of_h);
    if (result != 0)
        return -1;
    for (int i = 0; i < MR_PLACES; i++)
        if (layer->cell->activations[i])
            op->places[layer->cell->places[i]] = layer->in[layer->cell->places[i]].place;
    if (fill_peepholes(r, layer, op) != 0)
        return -1;
    return onnx_fill_start(r, layer, op);
}
