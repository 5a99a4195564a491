// SPDX-License-Identifier: Apache-2.0
// A cell of a recurrent operator of ONNX: how its gates stand in the file, and one step of it in
// double precision.
#ifndef MR_ONNX_CELL_H
#define MR_ONNX_CELL_H

#include "onnx_wire.h"
#include "own_cells.h"
#include "places.h"

#include <stdbool.h>
#include <stddef.h>

enum { ONNX_MAX_GATES = 6, ONNX_DIRECTIONS = 2 };

struct onnx_graph;
struct onnx_cell;

// A function at a place of a cell, with its numbers; its argument is cut to -clip to clip.
struct onnx_activation {
    const struct function *function; // onnx_activation.c
    double alpha, beta, clip;
};

// The same as a network has it: of sums that the weights make `factor` times as large, and to whose
// bias `offset` is added.
struct onnx_in_place {
    struct mr_place place;
    double factor, offset;
};

// An operator as it is computed. Rows are gate * units + unit, gates in ONNX's order.
struct onnx_run {
    const struct onnx_cell *cell;
    const struct mr_own_cell *own; // where it is a user's own, else NULL
    size_t inputs, units;
    bool batch_first; // layout 1
    // Of all directions, and of one: in the order of ONNX, f, g and h.
    struct onnx_activation activations[ONNX_DIRECTIONS][MR_PLACES], activation[MR_PLACES];
    bool coupled;             // the forget gate is one minus the input gate
    const double *w, *r, *b;  // b: of x, then of h; NULL: 0; of all directions
    const double *p;          // peepholes of an LSTM (3 * units); NULL: 0
    size_t width;             // numbers of h: units, or of the projection,
    const double *projection; // (width, units), NULL: h is what units give
    size_t directions;
    bool reverse[ONNX_DIRECTIONS];
};

// A cell. A step gets the sums of each row over x (with its bias) and over h (with its own), and
// moves h and c (units) on; scratch: (units) numbers.
struct onnx_cell {
    const char *type;                   // of the ONNX operator
    const char *kind;                   // of the network's operator
    const char *cells;                  // of the one that gives the cell states; NULL: it has none
    bool peepholes;                     // it has them
    bool linear_before_reset;           // the attribute that it takes
    int gates, order[ONNX_MAX_GATES];   // gate g of the network is gate order[g] of ONNX
    const char *activations[MR_PLACES]; // where the file names none
    enum mr_place_of_cell places[MR_PLACES]; // in the network
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

// onnx_activation.c

double onnx_function(const struct onnx_activation *a, double x);
// Those of the current node in all directions. -1 with a sentence.
int onnx_activations(struct onnx_graph *graph, const struct onnx_cell *cell, size_t directions,
                     struct onnx_activation (*of)[MR_PLACES]);
// That of an operator, or attribute, of this name, which has its numbers in the current node's
// attributes of these names; false: there is none.
bool onnx_named_activation(const struct onnx_graph *graph, const char *name, const char *alpha,
                           const char *beta, struct onnx_activation *a);
// As a network has it. coupled: its gates are those of an LSTM whose forget gate is one minus the
// input gate. -1 with a sentence.
int onnx_place(struct onnx_graph *graph, const struct onnx_activation *a,
               enum mr_place_of_cell where, bool coupled, struct onnx_in_place *in);
// alpha and beta of a HardSigmoid that is the first function of the current node.
void onnx_hard_numbers(const struct onnx_graph *graph, double *alpha, double *beta);
// Is it Relu without a clip?
bool onnx_is_plain_relu(const struct onnx_activation *a);
// The function of ONNX at a place of a network, but for its clip, with its numbers, each NAN where
// it takes none. NULL: there is none.
const char *onnx_function_of(const struct mr_place *place, double *alpha, double *beta);

// onnx_recurrent.c: the row of an operator of the network, by its kind; NULL: of none that is one
// of ONNX and gives h.
const struct onnx_cell *onnx_cell_of(const char *kind);

// onnx_own_cell.c: the cell of a user's own that the current node is; NULL with a sentence when
// memory is short.
const struct onnx_cell *onnx_own_row(struct onnx_graph *graph);

#endif
