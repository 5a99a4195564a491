// SPDX-License-Identifier: Apache-2.0
// Where the sequences of a recurrent operator start: states that are constants of the file, and
// inputs of the graph, which a session keeps itself.
#include "onnx_parts.h"

#include "op.h"

#include <math.h>
#include <stdlib.h>

static const char *const names[] = {"initial_h", "initial_c"};

static void note_input(struct onnx_reader *r, int input) {
    if (!r->noted[input])
        onnx_note(r->graph,
                  "the input '%.100s', a state, is left out: a sequence starts from zero, and a "
                  "session keeps its state from call to call, saves and restores it",
                  onnx_name(r, &r->values[input]));
    r->noted[input] = true;
}

// A constant of [directions, sequences, units], of which the last two axes may be in another order.
static int read_constant(struct onnx_reader *r, int which, int directions, int batch, int64_t units,
                         const struct onnx_size *sequences, struct onnx_start *start) {
    const struct onnx_tensor *t = onnx_real_constant(r, 5 + (size_t)which);

    if (!t || t->rank != 3 || t->dims[!batch] != directions || t->dims[2] != units ||
        t->dims[batch] < 1)
        return onnx_fail(r->graph, "has an %s that is not [%s] of %d direction%s and %lld units",
                         names[which],
                         batch ? "directions, sequences, units" : "sequences, directions, units",
                         directions, directions == 1 ? "" : "s", (long long)units);
    if (onnx_check_finite(r, 5 + (size_t)which) != 0)
        return -1;
    const int64_t rows = t->dims[batch], stride = batch ? units : directions * units;
    bool same = true;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < directions * units; k++) {
            const int64_t first = k / units * (batch ? rows * units : units) + k % units;
            same = same && t->real[first + i * stride] == t->real[first];
        }
    if (!same &&
        (rows > MR_MAX_STARTS || (sequences->symbol == SYMBOL_NONE && sequences->k != rows)))
        return onnx_fail(r->graph,
                         "has an %s for %lld sequences, each with a state of its own; this version "
                         "takes as many as the input has, at most %d",
                         names[which], (long long)rows, MR_MAX_STARTS);
    start->tensor[which] = t;
    start->rows[which] = same ? 1 : (int)rows;
    return 0;
}

int onnx_read_starts(struct onnx_reader *r, int directions, bool swapped, int64_t width,
                     int64_t units, const struct onnx_size *sequences, struct onnx_start *start) {
    *start = (struct onnx_start){.batch = swapped ? 0 : 1};
    for (int which = 0; which < 2; which++) {
        const struct onnx_value *state = onnx_input(r, 5 + (size_t)which);
        const struct onnx_tensor *constant = onnx_constant(r, 5 + (size_t)which);
        if (!state || (constant && onnx_all_zero(constant)))
            continue;
        if (state->kind == ONNX_INPUT && r->graph->takes_states) {
            start->input[which] = state->layer + 1;
        } else if (state->kind == ONNX_INPUT) {
            note_input(r, state->layer);
        } else if (state->kind == ONNX_FILL && isfinite(state->fill)) {
            start->fill[which] = state->fill;
        } else if (!constant) {
            return onnx_fail(r->graph,
                             "has an %s ('%.100s') that is no constant and no input; this version "
                             "starts sequences from constants, or from where the last call ended",
                             names[which], onnx_name(r, state));
        } else if (read_constant(r, which, directions, start->batch, which ? units : width,
                                 sequences, start) != 0) {
            return -1;
        }
    }
    if (start->rows[0] > 1 && start->rows[1] > 1 && start->rows[0] != start->rows[1])
        return onnx_fail(r->graph, "has states for %d sequences and for %d", start->rows[0],
                         start->rows[1]);
    return 0;
}

// Number `unit` of the state from which sequence `row` starts.
static double number(const struct onnx_start *start, int which, int directions, int direction,
                     int row, int unit, int units) {
    const struct onnx_tensor *t = start->tensor[which];

    if (!t)
        return start->fill[which];
    const int64_t sequences = t->dims[start->batch], at = row % sequences;
    const int64_t place = start->batch ? direction * sequences + at : at * directions + direction;
    return t->real[place * units + unit];
}

int onnx_fill_start(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    const struct onnx_start *start = &layer->start;
    const int fields = op->kind->second_field ? 2 : 1, columns = mr_op_start_columns(op);
    const int rows = start->rows[0] > start->rows[1] ? start->rows[0] : start->rows[1];
    bool given = false;

    for (int which = 0; which < fields; which++)
        given = given || start->tensor[which] || start->fill[which] != 0;
    if (!given)
        return 0;
    if (mr_op_starts(op, rows > 1 ? rows : 1) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (int row = 0; row < op->start_rows; row++) {
        const int width = layer->projection ? (int)layer->projection->dims[1] : 0;
        float *own = op->start + row * columns;
        float *h = width ? malloc((size_t)width * sizeof *h) : NULL;
        int result = width && !h ? onnx_fail(r->graph, "needs more memory than there is") : 0;
        for (int k = 0; h && k < width; k++)
            h[k] = (float)number(start, 0, layer->directions, layer->direction, row, k, width);
        if (h)
            result = onnx_project_start(r, layer, h, own);
        free(h);
        if (result != 0)
            return -1;
        for (int k = width ? op->units : 0; k < columns; k++)
            own[k] = (float)number(start, k / op->units, layer->directions, layer->direction, row,
                                   k % op->units, op->units);
    }
    return 0;
}
