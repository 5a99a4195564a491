// SPDX-License-Identifier: Apache-2.0
// A cell that was found (onnx_written.h) as a recurrent operator of ONNX.
#include "onnx_written.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *type;
    int gates, functions;
    int fallback[3]; // what ONNX takes where nothing is said
} operators[] = {
    [WRITTEN_LSTM] = {"LSTM", 4, 3, {FUNCTION_SIGMOID, FUNCTION_TANH, FUNCTION_TANH}},
    [WRITTEN_GRU] = {"GRU", 3, 2, {FUNCTION_SIGMOID, FUNCTION_TANH, -1}},
    [WRITTEN_RNN] = {"RNN", 1, 1, {FUNCTION_TANH, -1, -1}},
};

// A start that other values give, as [1, N, H]; NULL with a sentence.
static const char *computed_start(struct onnx_written *w, const struct onnx_written_cell *cell,
                                  int which) {
    const int32_t *symbol = cell->start_symbol[which];
    const int count = cell->chains * cell->units;
    const int64_t axis = 0;
    struct onnx_family f = {cell->units, 1, cell->chains, NULL};
    const char *rows;
    bool reversed;

    const struct onnx_symbol *first = onnx_symbol(&w->s, symbol[0] < 0 ? 0 : symbol[0]);
    const int value = first->kind == SYMBOL_ATOM ? w->s.bases[first->a].value : -1;
    for (int i = 0; i < count; i++)
        if (symbol[i] < 0) {
            onnx_fail_symbol(w, cell->h[0], "starts from a state of which only a part is constant");
            return NULL;
        }
    // An input of the file, whose numbers a session keeps: the reader asks for no shape.
    if (value >= 0 && (size_t)value < w->graph->input_end)
        return onnx_take_value(w, value) == 0 ? w->graph->names[value] : NULL;
    f.symbol = malloc((size_t)count * sizeof *f.symbol);
    if (!f.symbol) {
        onnx_fail_file(w->graph, "needs more memory than there is");
        return NULL;
    }
    for (int k = 0; k < cell->units; k++)
        for (int c = 0; c < cell->chains; c++)
            f.symbol[k * cell->chains + c] = symbol[c * cell->units + k];
    rows = onnx_exact_rows(w, &f, false, &reversed);
    free(f.symbol);
    return rows ? onnx_emit_simple(w, "Unsqueeze", rows, NULL, NULL, "axes", &axis, 1) : NULL;
}

// initial_h or initial_c, "" where it is zero; NULL with a sentence.
static const char *start_of(struct onnx_written *w, const struct onnx_written_cell *cell,
                            int which) {
    const double *start = cell->start[which];
    bool zero = true, same = true;

    for (int i = 0; i < cell->chains * cell->units; i++) {
        if (cell->start_symbol[which][i] >= 0)
            return computed_start(w, cell, which);
        zero = zero && start[i] == 0;
        same = same && start[i] == start[i % cell->units];
    }
    const int64_t dims[3] = {1, same ? 1 : cell->chains, cell->units};
    return zero ? "" : onnx_emit_tensor(w, 3, dims, start);
}

static const char *weights_of(struct onnx_written *w, const struct onnx_written_cell *cell,
                              const struct onnx_rows *x, int gates) {
    const size_t rows = (size_t)gates * (size_t)cell->units, width = (size_t)x->width;
    const int64_t dims[3] = {1, (int64_t)rows, x->width};
    double *list = calloc(rows * width + 1, sizeof *list);
    const char *name = NULL;

    for (size_t row = 0; list && row < rows; row++)
        for (int p = 0; p < cell->inputs; p++) {
            const double number = cell->w[row * (size_t)cell->inputs + (size_t)p];
            if (x->column[p] >= 0)
                list[row * width + (size_t)x->column[p]] += number;
            else
                cell->b[row] += number * x->constant[p];
        }
    if (list)
        name = onnx_emit_tensor(w, 3, dims, list);
    else
        onnx_fail_file(w->graph, "needs more memory than there is");
    free(list);
    return name;
}

static int set_attributes(struct onnx_written *w, const struct onnx_written_cell *cell,
                          Onnx__NodeProto *node) {
    const int count = operators[cell->kind].functions;
    const char *words[3];
    bool usual = true;

    for (int i = 0; i < count; i++) {
        const int function =
            cell->function[i] >= 0 ? cell->function[i] : operators[cell->kind].fallback[i];
        words[i] = onnx_function_name(function);
        usual = usual && function == operators[cell->kind].fallback[i];
    }
    if (onnx_emit_int(w, node, "hidden_size", cell->units) != 0 ||
        (!usual && onnx_emit_words(w, node, "activations", words, (size_t)count, true) != 0))
        return -1;
    if (cell->function[0] == FUNCTION_HARD && // its factor and offset are in the weights
        (onnx_emit_float(w, node, "activation_alpha", 1) != 0 ||
         onnx_emit_float(w, node, "activation_beta", 0) != 0))
        return -1;
    const char *reverse = "reverse";
    if (cell->reversed && onnx_emit_words(w, node, "direction", &reverse, 1, false) != 0)
        return -1;
    return cell->linear_before_reset ? onnx_emit_int(w, node, "linear_before_reset", 1) : 0;
}

static int emit(struct onnx_written *w, struct onnx_written_cell *cell, const struct onnx_rows *x) {
    const int gates = operators[cell->kind].gates, n = cell->units;
    const int64_t r_dims[3] = {1, gates * n, n}, b_dims[2] = {1, 2 * gates * n};
    const int64_t p_dims[2] = {1, 3 * n}, direction = 1, first = 0;
    const bool lstm = cell->kind == WRITTEN_LSTM;
    const char *inputs[8], *outputs[3];
    size_t count = 6;

    inputs[0] = x->name;
    inputs[1] = weights_of(w, cell, x, gates);
    inputs[2] = onnx_emit_tensor(w, 3, r_dims, cell->r);
    inputs[3] = onnx_emit_tensor(w, 2, b_dims, cell->b);
    inputs[4] = "";
    inputs[5] = start_of(w, cell, 0);
    inputs[6] = lstm ? start_of(w, cell, 1) : "";
    inputs[7] = cell->peepholes ? onnx_emit_tensor(w, 2, p_dims, cell->p) : "";
    count = cell->peepholes ? 8 : lstm ? 7 : 6;
    for (int i = 0; i < 3; i++)
        outputs[i] = onnx_new_name(w);
    Onnx__NodeProto *node =
        onnx_emit_node(w, operators[cell->kind].type, inputs, count, outputs, lstm ? 3 : 2);
    if (!node || set_attributes(w, cell, node) != 0)
        return -1;
    cell->rows = onnx_emit_simple(w, "Squeeze", outputs[0], NULL, NULL, "axes", &direction, 1);
    cell->last = onnx_emit_simple(w, "Squeeze", outputs[1], NULL, NULL, "axes", &first, 1);
    if (lstm)
        cell->last_cell = onnx_emit_simple(w, "Squeeze", outputs[2], NULL, NULL, "axes", &first, 1);
    return cell->rows && cell->last && (!lstm || cell->last_cell) ? 0 : -1;
}

int onnx_emit_cell(struct onnx_written *w, struct onnx_written_cell *cell) {
    const struct onnx_family f = {cell->inputs, cell->steps, cell->chains, cell->x};
    const Onnx__NodeProto *const kept = w->from;
    struct onnx_rows x = {0};

    if (cell->rows)
        return 0;
    if (cell->emitting)
        return onnx_fail_symbol(w, cell->h[0],
                                "gives a state that is read by the same step of the "
                                "recurrence that it comes from");
    cell->emitting = true;
    w->from = cell->node = onnx_symbol(&w->s, cell->h[0])->node;
    int result = onnx_find_rows(w, &f, true, &x);
    w->from = cell->node;
    if (result == 0) {
        cell->reversed = x.reversed;
        result = emit(w, cell, &x);
    }
    onnx_rows_free(&x);
    w->from = kept;
    return result;
}
