// SPDX-License-Identifier: Apache-2.0
// A cell of a recurrent operator of ONNX: how its gates stand in the file, and one step of it in
// double precision.
#ifndef MR_ONNX_CELL_H
#define MR_ONNX_CELL_H

#include "onnx_wire.h"
#include "own_cells.h"

#include <stdbool.h>
#include <stddef.h>

enum { ONNX_MAX_GATES = 6, ONNX_MAX_ACTIVATIONS = 3, ONNX_DIRECTIONS = 2 };

struct onnx_graph;
struct onnx_cell;

// The gates' function: sigmoid, or max(0, min(1, factor x + offset)).
struct onnx_gate {
    bool hard;
    double factor, offset;
};

// An operator as it is computed. Rows are gate * units + unit, gates in ONNX's order.
struct onnx_run {
    const struct onnx_cell *cell;
    const struct mr_own_cell *own; // where it is a user's own, else NULL
    size_t inputs, units;
    bool batch_first;                              // layout 1
    struct onnx_gate gate, gates[ONNX_DIRECTIONS]; // of one direction, and of all
    bool coupled;                                  // the forget gate is one minus the input gate
    const double *w, *r, *b;                       // b: of x, then of h; NULL: 0; of all directions
    const double *p;                               // peepholes of an LSTM (3 * units); NULL: 0
    size_t width;                                  // numbers of h: units, or of the projection,
    const double *projection;                      // (width, units), NULL: h is what units give
    size_t directions;
    bool reverse[ONNX_DIRECTIONS];
};

// A cell. A step gets the sums of each row over x (with its bias) and over h (with its own), and
// moves h and c (units) on; scratch: (units) numbers.
struct onnx_cell {
    const char *type;                 // of the ONNX operator
    const char *kind;                 // of the network's operator
    const char *cells;                // of the one that gives the cell states; NULL: it has none
    bool peepholes;                   // it has them
    bool linear_before_reset;         // the attribute that it takes
    int gates, order[ONNX_MAX_GATES]; // gate g of the network is gate order[g] of ONNX
    const char *activations[ONNX_MAX_ACTIVATIONS];
    void (*step)(const struct onnx_run *run, const double *x, const double *h_sum, double *h,
                 double *c, double *scratch);
};

// Four partial sums, so that the additions need not wait for one another.
static inline double onnx_dot(const double *w, const double *v, size_t count) {
    double sum[4] = {0};
    size_t k = 0;

    for (; k + 4 <= count; k += 4) {
        for (size_t j = 0; j < 4; j++)
            sum[j] += w[k + j] * v[k + j];
    }
    for (; k < count; k++)
        sum[0] += w[k] * v[k];
    return sum[0] + sum[1] + (sum[2] + sum[3]);
}

// onnx_gate.c

double onnx_gate(const struct onnx_gate *gate, double x);
// Are these the cell's activations in all directions, but for gates that are all hard?
bool onnx_has_activations(const struct onnx_cell *cell, const Onnx__AttributeProto *given,
                          size_t directions);
// The gates of a direction of the current node.
struct onnx_gate onnx_gate_of(const struct onnx_graph *graph, size_t direction);

// onnx_own_cell.c: the cell of a user's own that the current node is; NULL with a sentence when
// memory is short.
const struct onnx_cell *onnx_own_row(struct onnx_graph *graph);

#endif
