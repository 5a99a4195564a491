// SPDX-License-Identifier: Apache-2.0
// Linear layers that are written as an Einsum of the data and a matrix, or as a convolution over
// one step.
#include "onnx_parts.h"

#include <string.h>

enum { MOST_LABELS = 2 * ONNX_RANK }; // of two operands
#define MOST_PRODUCTS (UINT64_C(1) << 40)

// Two operands and what they make, a letter for each axis: "bth,hk->btk".
struct equation {
    char of[3][ONNX_RANK + 1];
};

static int read_equation(struct onnx_graph *graph, struct equation *q) {
    const Onnx__AttributeProto *given = onnx_attribute(graph, "equation");
    const char *text = given ? (const char *)given->s.data : "";
    int part = 0, used = 0;

    memset(q, 0, sizeof *q);
    for (size_t i = 0; given && i < given->s.len; i++) {
        const char c = text[i];
        if (c == ' ')
            continue;
        const bool arrow = c == '-' && i + 1 < given->s.len && text[i + 1] == '>';
        if ((c == ',' && part == 0) || (arrow && part == 1)) {
            part++;
            used = 0;
            i += arrow;
        } else if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && used < ONNX_RANK) {
            q->of[part][used++] = c;
        } else {
            part = -1;
            break;
        }
    }
    return part == 2 ? 0
                     : onnx_fail(graph, "has an equation that is not of two operands and what they "
                                        "make, a letter for each axis");
}

// Rows of the data times a matrix: the last axis is summed over, and becomes that of the columns.
int onnx_einsum(struct onnx_reader *r) {
    const size_t data = onnx_input(r, 0)->kind == ONNX_FLOW ? 0 : 1;
    struct equation q;

    if (read_equation(r->graph, &q) != 0)
        return -1;
    const struct onnx_value *x = onnx_input(r, data);
    const char *rows = q.of[data], *matrix = q.of[1 - data], *made = q.of[2];
    const size_t rank = strlen(rows);
    char summed = '\0';
    if (rank > 0)
        summed = rows[rank - 1];
    const bool outputs_first = matrix[0] != summed;
    const char column = matrix[outputs_first ? 0 : 1];
    bool good = x && (int)rank == x->rank && strlen(matrix) == 2 &&
                matrix[outputs_first ? 1 : 0] == summed && strlen(made) == rank &&
                memcmp(rows, made, rank - 1) == 0 && made[rank - 1] == column &&
                !strchr(rows, column);
    for (size_t i = 0; good && i + 1 < rank; i++)
        good = !strchr(rows + i + 1, rows[i]);
    if (!good)
        return onnx_fail(r->graph, "has an equation that is not rows of the data times a matrix, "
                                   "as in \"bth,hk->btk\"; this version takes that only");
    return onnx_add_product(
        r, &(struct onnx_product){
               .x = data, .weights = 1 - data, .outputs_first = outputs_first, .scale = 1});
}

int onnx_eval_einsum(struct onnx_eval *e) {
    const struct onnx_tensor *in[2] = {onnx_eval_input(e, 0), onnx_eval_input(e, 1)};
    struct onnx_tensor *out = onnx_eval_output(e, 0);
    struct equation q;
    char label[MOST_LABELS];
    int64_t size[MOST_LABELS], step[3][MOST_LABELS] = {{0}}, index[MOST_LABELS] = {0};
    int64_t dims[ONNX_RANK];
    int count = 0, rank = 0;

    if (e->graph->node->n_input != 2 || !in[0] || !in[1] || !onnx_is_real(in[0]->type) ||
        !onnx_is_real(in[1]->type))
        return onnx_eval_unsupported(e);
    if (read_equation(e->graph, &q) != 0)
        return -1;
    for (int k = 0; k < 2; k++) {
        int64_t next = 1;
        if ((int)strlen(q.of[k]) != in[k]->rank)
            return onnx_fail(e->graph, "has an equation of other axes than its inputs have");
        for (int i = in[k]->rank; i-- > 0; next *= in[k]->dims[i]) {
            const char *known = count ? memchr(label, q.of[k][i], (size_t)count) : NULL;
            const int at = known ? (int)(known - label) : count;
            if (known && size[at] != in[k]->dims[i])
                return onnx_fail(e->graph,
                                 "multiplies values of shapes that do not fit each other");
            count += !known;
            label[at] = q.of[k][i];
            size[at] = in[k]->dims[i];
            step[k][at] += next;
        }
    }
    for (const char *at = q.of[2]; *at; at++) {
        const char *known = count ? memchr(label, *at, (size_t)count) : NULL;
        if (!known || strchr(at + 1, *at))
            return onnx_fail(e->graph, "makes an axis that no input has, or one twice");
        dims[rank++] = size[known - label];
    }
    for (int64_t next = 1, i = rank; i-- > 0; next *= dims[i])
        step[2][(char *)memchr(label, q.of[2][i], (size_t)count) - label] = next;
    if (onnx_eval_create(e, out, in[0]->type, rank, dims) != 0)
        return -1;
    uint64_t products = 1;
    for (int i = 0; i < count; i++) {
        if (size[i] > 0 && products > MOST_PRODUCTS / (uint64_t)size[i])
            return onnx_fail(e->graph, "multiplies more numbers than can be computed");
        products *= (uint64_t)size[i];
    }
    memset(out->real, 0, out->count * sizeof *out->real);
    for (uint64_t n = 0; n < products; n++) {
        int64_t from[3] = {0};
        for (int i = 0; i < count; i++)
            for (int k = 0; k < 3; k++)
                from[k] += index[i] * step[k][i];
        out->real[from[2]] += in[0]->real[from[0]] * in[1]->real[from[1]];
        for (int i = 0; i < count && ++index[i] == size[i]; i++)
            index[i] = 0;
    }
    return 0;
}

// ---- Conv

// A window of one step, that goes on by one, over all features.
static int check_window(struct onnx_graph *graph, const struct onnx_tensor *w) {
    static const char *const ones[] = {"strides", "dilations", "kernel_shape"};
    const Onnx__AttributeProto *pads = onnx_attribute(graph, "pads");
    bool good = w && onnx_is_real(w->type) && w->rank == 3 && w->dims[2] == 1 &&
                onnx_int(graph, "group", 1) == 1;

    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        const Onnx__AttributeProto *list = onnx_attribute(graph, ones[i]);
        for (size_t k = 0; good && list && k < list->n_ints; k++)
            good = list->ints[k] == 1;
    }
    for (size_t i = 0; good && pads && i < pads->n_ints; i++)
        good = pads->ints[i] == 0;
    return good ? 0
                : onnx_fail(graph, "is a convolution over several steps, or in groups; this "
                                   "version has those over one step and all features, which are a "
                                   "linear layer");
}

int onnx_conv(struct onnx_reader *r) {
    if (check_window(r->graph, onnx_constant(r, 1)) != 0)
        return -1;
    return onnx_add_product(r, &(struct onnx_product){.weights = 1,
                                                      .bias = 2,
                                                      .outputs_first = true,
                                                      .channels = true,
                                                      .scale = 1,
                                                      .bias_scale = 1});
}

int onnx_eval_conv(struct onnx_eval *e) {
    const struct onnx_tensor *x = onnx_eval_input(e, 0), *w = onnx_eval_input(e, 1);
    const struct onnx_tensor *b = onnx_eval_input(e, 2);
    struct onnx_tensor *out = onnx_eval_output(e, 0);

    if (check_window(e->graph, w) != 0)
        return -1;
    if (!onnx_is_real(x->type) || x->rank != 3 || x->dims[1] != w->dims[1] ||
        (b && (!onnx_is_real(b->type) || b->count != (size_t)w->dims[0])))
        return onnx_fail(e->graph, "has weights whose shapes do not fit its input");
    const int64_t dims[3] = {x->dims[0], w->dims[0], x->dims[2]};
    const size_t inputs = (size_t)w->dims[1], units = (size_t)dims[1], steps = (size_t)dims[2];
    if (onnx_eval_create(e, out, x->type, 3, dims) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++) {
        const size_t n = i / (units * steps), u = i / steps % units, t = i % steps;
        double sum = b ? b->real[u] : 0;
        for (size_t k = 0; k < inputs; k++)
            sum += w->real[u * inputs + k] * x->real[(n * inputs + k) * steps + t];
        out->real[i] = sum;
    }
    return 0;
}
