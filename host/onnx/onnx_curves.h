// SPDX-License-Identifier: Apache-2.0
// Activations that a file writes out, as the reader sees them.
#ifndef MR_ONNX_CURVES_H
#define MR_ONNX_CURVES_H

#include "onnx_graph.h"

// What the graph was before, while the reader sees another one.
struct onnx_curves {
    const Onnx__GraphProto *g;
    bool *needed;
    Onnx__GraphProto seen;
};

// Puts activations in the place of the operators that write them out, until onnx_curves_free, which
// is called in any case. -1 with a sentence.
int onnx_curves_find(struct onnx_graph *graph, struct onnx_curves *found);
void onnx_curves_free(struct onnx_graph *graph, struct onnx_curves *found);

#endif
