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

// The layers whose rows it is, one for each direction.
static int read_rows(struct onnx_reader *r, int which, int directions, int64_t units,
                     const struct onnx_value *state, struct onnx_start *start) {
    const int along = !start->batch; // the axis of directions
    const bool stacked = onnx_is_stack(state);

    if (state->rank != 3 || (int)state->axis[start->batch] != r->batch_axis ||
        state->axis[2] != AXIS_FEATURE || state->merged || state->layer == ONNX_X ||
        (directions > 1 ? state->axis[along] != AXIS_STACK || state->count != directions
                        : state->axis[along] != AXIS_ONE))
        return onnx_fail(r->graph,
                         "has an %s ('%.100s') that is not [%s] of %d direction%s, a row of each "
                         "sequence as a layer gives it last, or a head of that",
                         names[which], onnx_name(r, state),
                         start->batch ? "directions, sequences, units"
                                      : "sequences, directions, units",
                         directions, directions == 1 ? "" : "s");
    for (int d = 0; d < directions; d++) {
        const struct onnx_value row = stacked ? onnx_layer_of(r, state, d) : *state;
        int layer;
        if (onnx_check_numbers(r, &row) != 0 || onnx_source(r, &row, &layer) != 0)
            return -1;
        if (r->layers[layer].per_step)
            return onnx_fail(r->graph,
                             "has an %s ('%.100s') that comes at every step; a state is one row of "
                             "each sequence",
                             names[which], onnx_name(r, state));
        if (r->layers[layer].units != units)
            return onnx_fail(r->graph, "has an %s of %d units, and its layer has %lld",
                             names[which], r->layers[layer].units, (long long)units);
        start->given[which][d] = layer + 1;
    }
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
        if (state->kind == ONNX_FLOW) {
            if (onnx_projection(r))
                return onnx_fail(r->graph, "has a projection, and starts from a state that the "
                                           "file computes; this version takes one of both");
            if (read_rows(r, which, directions, which ? units : width, state, start) != 0)
                return -1;
        } else if (state->kind == ONNX_INPUT && r->graph->takes_states) {
            start->input[which] = state->layer + 1;
        } else if (state->kind == ONNX_INPUT) {
            note_input(r, state->layer);
        } else if (state->kind == ONNX_FILL && isfinite(state->fill)) {
            start->fill[which] = state->fill;
        } else if (!constant) {
            return onnx_fail(r->graph,
                             "has an %s ('%.100s') that is no constant, no input and no row of a "
                             "layer; this version starts sequences from these",
                             names[which], onnx_name(r, state));
        } else if (read_constant(r, which, directions, start->batch, which ? units : width,
                                 sequences, start) != 0) {
            return -1;
        }
    }
    if (start->rows[0] > 1 && start->rows[1] > 1 && start->rows[0] != start->rows[1])
        return onnx_fail(r->graph, "has states for %d sequences and for %d", start->rows[0],
                         start->rows[1]);
    const bool given = start->given[0][0] || start->given[1][0];
    if (given &&
        (start->tensor[0] || start->tensor[1] || start->fill[0] != 0 || start->fill[1] != 0))
        return onnx_fail(r->graph, "starts from a row of a layer and from a constant that is not "
                                   "zero; this version takes one of both");
    return 0;
}

int onnx_give_start(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    char text[300];

    for (int field = 0; field < (op->kind->second_field ? 2 : 1); field++) {
        const int given = layer->start.given[field][layer->direction];
        if (given && mr_network_give(r->network, op, field, r->layers[given - 1].stream, text,
                                     sizeof text) != 0)
            return onnx_fail(r->graph, "does not fit the network: %s", text);
    }
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

// ---- Steps that are constant

static int fill_row(struct onnx_reader *r, const struct onnx_layer *layer, struct mr_op *op) {
    for (int u = 0; u < layer->units; u++) {
        op->bias[u] = (float)onnx_each(&layer->bias, (size_t)u, 0);
        if (!isfinite(op->bias[u]))
            return onnx_fail(r->graph, "reads numbers beyond float32");
    }
    return 0;
}

// The row of `x` at each step, as a tensor; the same at all. -1 with a sentence.
static int constant_row(struct onnx_reader *r, const struct onnx_value *x, int64_t units,
                        struct onnx_tensor *row) {
    const struct onnx_tensor *all = x->kind == ONNX_CONSTANT ? onnx_real_constant(r, 0) : NULL;

    if (x->kind == ONNX_CONSTANT && !all)
        return onnx_fail(r->graph, "reads constants that are no real numbers");
    if (all && all->count == 0)
        return onnx_fail(r->graph, "reads constants of no step");
    if (onnx_tensor_create(row, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 1, &units,
                           &r->graph->budget) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    for (size_t i = 0; i < row->count; i++)
        row->real[i] = all ? all->real[i] : x->fill;
    for (size_t i = 0; all && i < all->count; i++)
        if (all->real[i] != row->real[i % row->count])
            return onnx_fail(r->graph, "reads constants that are not the same at each step; this "
                                       "version takes zeros, or one row at all steps");
    return 0;
}

int onnx_own_steps(struct onnx_reader *r, bool swapped, struct onnx_value *x) {
    const int time = swapped ? 1 : 0;
    const struct onnx_value *state = NULL, given = *x;
    struct onnx_tensor row = {0};

    for (size_t i = 5; i < 7 && !state; i++)
        state = onnx_input(r, i) && onnx_input(r, i)->kind == ONNX_FLOW ? onnx_input(r, i) : NULL;
    if (state && r->time_axis >= 0 && given.kind == ONNX_FLOW && given.rank == 3 &&
        given.axis[time] == AXIS_ONE && given.layer != ONNX_X)
        return onnx_repeat_row(r, x, time, (struct onnx_size){1, SYMBOL_NONE});
    if (!state || r->time_axis < 0 || given.rank != 3 || given.dims[2].symbol != SYMBOL_NONE ||
        given.dims[2].k < 1 || given.dims[2].k > MR_MAX_WIDTH ||
        (given.kind != ONNX_FILL && given.kind != ONNX_CONSTANT))
        return 0;
    const struct onnx_value of = onnx_is_stack(state) ? onnx_layer_of(r, state, 0) : *state;
    struct onnx_layer layer = {.kind = "dense", .units = (int)given.dims[2].k, .fill = fill_row};
    int index, source;
    int result = constant_row(r, &given, given.dims[2].k, &row);
    if (result == 0)
        result = onnx_source(r, &of, &source);
    if (result == 0) {
        layer.inputs = r->layers[source].units;
        layer.bias = row;
        result = onnx_add_layer(r, &of, layer, &index);
    }
    onnx_tensor_free(&row);
    if (result != 0)
        return -1;
    *x = of;
    x->rank = 3;
    x->layer = index;
    x->last = false;
    x->axis[time] = AXIS_ONE;
    x->dims[time] = (struct onnx_size){1, SYMBOL_NONE};
    x->axis[!time] = (enum onnx_axis)r->batch_axis;
    x->dims[!time] = given.dims[!time];
    x->axis[2] = AXIS_FEATURE;
    x->dims[2] = given.dims[2];
    return onnx_repeat_row(r, x, time, given.dims[time]);
}
