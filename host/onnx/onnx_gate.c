// SPDX-License-Identifier: Apache-2.0
// The functions of a recurrent operator of ONNX: those of a cell, with sigmoids that may be hard.
#include "onnx_cell.h"
#include "onnx_graph.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static bool same_name(const ProtobufCBinaryData *text, const char *name) {
    // Upper and lower case are the same in ONNX.
    return text->len == strlen(name) && strncasecmp((const char *)text->data, name, text->len) == 0;
}

static bool is_hard(const ProtobufCBinaryData *text) {
    return same_name(text, "HardSigmoid");
}

bool onnx_has_activations(const struct onnx_cell *cell, const Onnx__AttributeProto *given,
                          size_t directions) {
    size_t count = 0, hard = 0;

    while (count < ONNX_MAX_ACTIVATIONS && cell->activations[count])
        count++;
    if (given->n_strings != count * directions)
        return false;
    for (size_t i = 0; i < given->n_strings; i++) {
        const char *own = cell->activations[i % count];
        const bool may = i % count == 0 && strcmp(own, "Sigmoid") == 0;
        hard += may && is_hard(&given->strings[i]);
        if (!same_name(&given->strings[i], own) && !(may && is_hard(&given->strings[i])))
            return false;
    }
    return hard == 0 || hard == directions;
}

// Of the numbers of a list each direction's gates take one.
static double number(const struct onnx_graph *graph, const char *name, size_t index,
                     double fallback) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, name);

    return a && index < a->n_floats ? (double)a->floats[index] : fallback;
}

struct onnx_gate onnx_gate_of(const struct onnx_graph *graph, size_t direction) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, "activations");
    const bool hard = a && a->n_strings > 0 && is_hard(&a->strings[0]);

    return (struct onnx_gate){
        .hard = hard,
        .factor = hard ? number(graph, "activation_alpha", direction, 0.2f) : 1,
        .offset = hard ? number(graph, "activation_beta", direction, 0.5f) : 0};
}

double onnx_gate(const struct onnx_gate *gate, double x) {
    return gate->hard ? fmin(fmax(gate->factor * x + gate->offset, 0), 1) : 1 / (1 + exp(-x));
}
