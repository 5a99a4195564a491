// SPDX-License-Identifier: Apache-2.0
// A user's own cells in an ONNX file: operators of the domain "millrace" with the cell's name,
// whose inputs are those of ONNX's own recurrent operators, gates in the cell's order. What such a
// node computes is what the cell's float twin says.
#include "onnx_cell.h"

#include "onnx_graph.h"

#include <stdlib.h>

static void step(const struct onnx_run *run, const double *x, const double *s, double *h, double *c,
                 double *scratch) {
    const struct mr_own_cell *own = run->own;
    const int gates = own->kind->gates, apart = own->kind->sums - gates;
    const int early = gates - own->second, whole = gates - apart;
    const size_t n = run->units;
    double sum[2 * ONNX_MAX_GATES];

    for (size_t j = 0; own->second && j < n; j++) {
        for (int g = 0; g < early; g++)
            sum[g] = x[(size_t)g * n + j] + s[(size_t)g * n + j];
        scratch[j] = own->float_columns(sum, h[j]);
    }
    for (size_t j = 0; j < n; j++) {
        for (int g = 0; g < gates; g++) {
            const size_t row = (size_t)g * n + j;
            double of_h = s[row];
            if (g >= early)
                of_h = onnx_dot(run->r + row * n, scratch, n) +
                       (run->b ? run->b[(size_t)gates * n + row] : 0);
            sum[g] = g < whole ? x[row] + of_h : x[row];
            if (g >= whole)
                sum[gates + g - whole] = of_h;
        }
        own->float_unit(sum, &h[j], &c[j]);
    }
}

const struct onnx_cell *onnx_own_row(struct onnx_graph *graph) {
    const struct mr_own_cells *own = graph->own;

    if (!graph->own_rows && !(graph->own_rows = calloc(own->count, sizeof *graph->own_rows))) {
        onnx_fail(graph, "needs more memory than there is");
        return NULL;
    }
    const struct mr_own_cell *cell = onnx_own_cell(graph);
    struct onnx_cell *row = &graph->own_rows[cell - own->list];
    row->type = row->kind = cell->kind->name;
    row->gates = cell->kind->gates;
    for (int g = 0; g < row->gates; g++)
        row->order[g] = g;
    row->step = step;
    return row;
}
