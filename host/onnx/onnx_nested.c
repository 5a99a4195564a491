// SPDX-License-Identifier: Apache-2.0
// Nodes with graphs inside of them, Loop, Scan and If: a body is a graph of its own, which sees the
// values of the one around it, and is computed once for each iteration.
#define _POSIX_C_SOURCE 200809L
#include "onnx_eval.h"

#include <stdlib.h>
#include <string.h>

enum { BOOL = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64 };

// With symbols, of which each iteration makes many.
enum { MOST_ITERATIONS = 4096 };

// ---- Bodies

static void uses_of_body(struct onnx_graph *graph, const Onnx__GraphProto *body,
                         void (*use)(struct onnx_graph *, int, void *), void *data) {
    for (size_t i = 0; i < body->n_node; i++) {
        const Onnx__NodeProto *node = body->node[i];
        for (size_t k = 0; k < node->n_input; k++) {
            const int value = onnx_find(graph, node->input[k]);
            if (value >= 0)
                use(graph, value, data);
        }
        onnx_body_uses(graph, node, use, data);
    }
    for (size_t i = 0; i < body->n_output; i++) {
        const int value = onnx_find(graph, body->output[i]->name);
        if (value >= 0)
            use(graph, value, data);
    }
}

// A name that the body makes itself is counted too, which only keeps a value that nobody needs.
// The depth is that of the file's messages, which is bounded where they are decoded.
void onnx_body_uses(struct onnx_graph *graph, const Onnx__NodeProto *node,
                    void (*use)(struct onnx_graph *graph, int value, void *data), void *data) {
    for (size_t i = 0; i < node->n_attribute; i++)
        if (node->attribute[i]->g)
            uses_of_body(graph, node->attribute[i]->g, use, data);
}

// Constants of a body are decoded once, and not in each iteration.
static int fold_constants(struct onnx_graph *body) {
    struct onnx_eval e = {.graph = body, .values = body->constants, .budget = &body->budget};

    for (size_t i = 0; i < body->g->n_node; i++)
        if (onnx_select(body, i) && onnx_is(body, "Constant") && onnx_eval_node(&e) != 0)
            return -1;
    return 0;
}

struct onnx_graph *onnx_body(struct onnx_graph *graph, const char *attribute) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, attribute);
    struct onnx_graph *body = graph->bodies;

    if (!a || !a->g) {
        onnx_fail(graph, "has no %s", attribute);
        return NULL;
    }
    while (body && body->g != a->g)
        body = body->next;
    if (body) {
        body->error = graph->error;
        body->error_size = graph->error_size;
        return body;
    }
    body = calloc(1, sizeof *body);
    if (!body) {
        onnx_fail(graph, "needs more memory than there is");
        return NULL;
    }
    *body = (struct onnx_graph){.file = graph->file,
                                .folder = graph->folder,
                                .error = graph->error,
                                .error_size = graph->error_size,
                                .g = a->g,
                                .opset = graph->opset,
                                .budget = graph->budget / 4,
                                .outer = graph,
                                .own = graph->own,
                                .next = graph->bodies};
    graph->budget -= body->budget;
    graph->bodies = body;
    if (onnx_graph_index(body) != 0 || fold_constants(body) != 0) {
        graph->bodies = body->next;
        graph->budget += body->budget; // what it has used stays counted
        onnx_graph_close(body);
        free(body);
        return NULL;
    }
    return body;
}

static void free_all(struct onnx_tensor *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        onnx_tensor_free(&list[i]);
}

// in: [body inputs], out: [body outputs], which are the caller's, also after a failure.
static int run_body(const struct onnx_eval *e, struct onnx_graph *body,
                    const struct onnx_tensor *in, size_t inputs, struct onnx_tensor *out) {
    struct onnx_eval own = *e;
    int result = 0;

    own.graph = body;
    own.outer = e;
    own.lifted = NULL;
    own.values = calloc(body->value_count + 1, sizeof *own.values);
    memset(out, 0, body->g->n_output * sizeof *out);
    if (!own.values)
        return onnx_fail(e->graph, "needs more memory than there is");
    for (size_t i = 0; i < inputs; i++) {
        const int value = onnx_find(body, body->g->input[i]->name);
        if (in[i].type && value >= 0 && !own.values[value].type)
            own.values[value] = onnx_tensor_share(&in[i]);
    }
    result = onnx_eval_nodes(&own);
    for (size_t i = 0; result == 0 && i < body->g->n_output; i++) {
        const char *name = body->g->output[i]->name ? body->g->output[i]->name : "";
        const struct onnx_tensor *made = onnx_eval_find(&own, name);
        if (!made)
            result = onnx_fail(e->graph, "has a body whose output '%.100s' nothing makes", name);
        else
            out[i] = onnx_tensor_share(made);
    }
    free_all(own.values, body->value_count);
    free(own.values);
    return result;
}

// Outputs of a body that are wanted: as those of the node.
static int put_output(struct onnx_eval *e, size_t index, struct onnx_tensor *made) {
    struct onnx_tensor *out = onnx_eval_output(e, index);

    if (!out)
        return 0;
    if (!made->type)
        return onnx_fail(e->graph, "gives nothing as output %zu", index);
    *out = *made;
    memset(made, 0, sizeof *made);
    return 0;
}

// ---- If

// A condition that is one number and known. -1 with a sentence.
static int truth(struct onnx_eval *e, const struct onnx_tensor *t, bool *yes) {
    if (!t || t->type >= ONNX_SYMBOLS || onnx_is_real(t->type) || t->count != 1)
        return onnx_fail(e->graph, "has a condition that is not one number, or depends on the "
                                   "numbers of the input");
    *yes = t->whole[0] != 0;
    return 0;
}

int onnx_eval_if(struct onnx_eval *e) {
    bool yes;

    if (truth(e, onnx_eval_input(e, 0), &yes) != 0)
        return -1;
    struct onnx_graph *body = onnx_body(e->graph, yes ? "then_branch" : "else_branch");
    if (!body)
        return -1;
    if (body->g->n_output < e->graph->node->n_output)
        return onnx_fail(e->graph, "has a branch with fewer outputs than it has itself");
    struct onnx_tensor *out = calloc(body->g->n_output + 1, sizeof *out);
    int result = out ? run_body(e, body, NULL, 0, out)
                     : onnx_fail(e->graph, "needs more memory than there is");
    for (size_t i = 0; result == 0 && i < e->graph->node->n_output; i++)
        result = put_output(e, i, &out[i]);
    if (out)
        free_all(out, body->g->n_output);
    free(out);
    return result;
}

// ---- Loop and Scan: both carry states from one iteration to the next, and collect others

struct loop {
    struct onnx_eval *e;
    struct onnx_graph *body;
    size_t first;                      // input of the body that is the first state
    size_t states, scanned, collected; // inputs of Scan that are cut into steps; outputs
    struct onnx_tensor *in, *out;      // of the body
    struct onnx_tensor *rows;          // [iterations][collected]
    size_t iterations, capacity;
};

static int start_loop(struct loop *l, size_t inputs, size_t outputs) {
    l->in = calloc(inputs + 1, sizeof *l->in);
    l->out = calloc(outputs + 1, sizeof *l->out);
    return l->in && l->out ? 0 : onnx_fail(l->e->graph, "needs more memory than there is");
}

static void end_loop(struct loop *l) {
    if (l->in)
        free_all(l->in, l->body->g->n_input);
    if (l->out)
        free_all(l->out, l->body->g->n_output);
    free_all(l->rows, l->iterations * l->collected);
    free(l->in);
    free(l->out);
    free(l->rows);
}

// Runs the body; its states become inputs, what it collects is kept. skip: outputs before the
// states.
static int iterate(struct loop *l, size_t skip) {
    if (l->iterations == l->capacity) {
        l->capacity = 2 * l->capacity + 16;
        struct onnx_tensor *grown =
            realloc(l->rows, (l->capacity * l->collected + 1) * sizeof *grown);
        if (!grown)
            return onnx_fail(l->e->graph, "needs more memory than there is");
        l->rows = grown;
    }
    if (run_body(l->e, l->body, l->in, l->body->g->n_input, l->out) != 0)
        return -1;
    for (size_t i = 0; i < l->states; i++) {
        onnx_tensor_free(&l->in[l->first + i]);
        l->in[l->first + i] = l->out[skip + i];
        memset(&l->out[skip + i], 0, sizeof *l->out);
    }
    struct onnx_tensor *rows = l->rows + l->iterations * l->collected;
    memset(rows, 0, l->collected * sizeof *rows);
    l->iterations++;
    for (size_t i = 0; i < l->collected; i++) {
        rows[i] = l->out[skip + l->states + i];
        memset(&l->out[skip + l->states + i], 0, sizeof *l->out);
    }
    return 0;
}

// What output `index` has collected, stacked along a new axis.
static int stack_rows(struct loop *l, size_t index, int64_t axis, bool backwards,
                      struct onnx_tensor *made) {
    const struct onnx_tensor *first = &l->rows[index];
    int64_t dims[ONNX_RANK];
    size_t after = 1;
    int at;

    if (l->iterations == 0)
        return onnx_fail(l->e->graph, "has no iteration, and its output %zu no shape", index);
    if (first->rank >= ONNX_RANK || first->type == ONNX_SEQUENCE)
        return onnx_eval_unsupported(l->e);
    if (onnx_axis(l->e->graph, axis, first->rank + 1, &at) != 0)
        return -1;
    for (size_t t = 0; t < l->iterations; t++) {
        const struct onnx_tensor *row = &l->rows[t * l->collected + index];
        if (row->rank != first->rank ||
            (row->type != first->type && row->type < ONNX_SYMBOLS && first->type < ONNX_SYMBOLS) ||
            memcmp(row->dims, first->dims, (size_t)first->rank * sizeof *dims) != 0)
            return onnx_fail(l->e->graph, "collects values of different shapes or types");
    }
    for (int i = 0; i <= first->rank; i++)
        dims[i] = i < at ? first->dims[i] : i == at ? (int64_t)l->iterations : first->dims[i - 1];
    for (int i = at; i < first->rank; i++)
        after *= (size_t)first->dims[i];
    bool symbols = false;
    for (size_t t = 0; t < l->iterations; t++)
        symbols = symbols || l->rows[t * l->collected + index].type == ONNX_SYMBOLS;
    const int type = symbols ? ONNX_SYMBOLS : first->type;
    if (onnx_eval_create(l->e, made, type, first->rank + 1, dims) != 0)
        return -1;
    for (size_t t = 0; t < l->iterations; t++) {
        const size_t place = backwards ? l->iterations - 1 - t : t;
        struct onnx_tensor row;
        if (onnx_eval_lift(l->e, &l->rows[t * l->collected + index], symbols, &row) != 0)
            return -1;
        for (size_t i = 0; i < row.count; i++)
            made->whole[(i / after * l->iterations + place) * after + i % after] = row.whole[i];
        onnx_tensor_free(&row);
    }
    return 0;
}

static int put_rows(struct loop *l, size_t index, int64_t axis, bool backwards) {
    struct onnx_tensor made = {0};
    int result = 0;

    if (onnx_eval_output(l->e, l->states + index)) {
        result = stack_rows(l, index, axis, backwards, &made);
        if (result == 0)
            result = put_output(l->e, l->states + index, &made);
        onnx_tensor_free(&made);
    }
    return result;
}

// A whole number as the body gets it.
static int put_number(struct onnx_eval *e, struct onnx_tensor *to, int type, int64_t number) {
    onnx_tensor_free(to);
    if (onnx_eval_create(e, to, type, 0, NULL) != 0)
        return -1;
    to->whole[0] = number;
    return 0;
}

static int run_loop(struct loop *l) {
    struct onnx_eval *e = l->e;
    const struct onnx_tensor *trip = onnx_eval_input(e, 0), *start = onnx_eval_input(e, 1);
    bool more = true;

    if (trip && (trip->type >= ONNX_SYMBOLS || onnx_is_real(trip->type) || trip->count != 1))
        return onnx_fail(e->graph, "has a number of iterations that is no whole number, or "
                                   "depends on the numbers of the input");
    if (start && truth(e, start, &more) != 0)
        return -1;
    for (size_t i = 0; i < l->states; i++) {
        const struct onnx_tensor *state = onnx_eval_input(e, 2 + i);
        if (!state)
            return onnx_fail(e->graph, "lacks the start of a state");
        l->in[2 + i] = onnx_tensor_share(state);
    }
    for (int64_t i = 0; more && (!trip || i < trip->whole[0]); i++) {
        if (e->symbols && i == MOST_ITERATIONS)
            return onnx_fail(e->graph, "has more iterations than this version follows; export it "
                                       "with fewer steps, or with a number of them that is open");
        if (e->work && *e->work == 0)
            return onnx_fail(e->graph, "has more iterations than this version follows");
        if (e->work) // also of bodies without a node
            --*e->work;
        if (put_number(e, &l->in[0], INT64, i) != 0 || put_number(e, &l->in[1], BOOL, 1) != 0 ||
            iterate(l, 1) != 0)
            return -1;
        int result = truth(e, &l->out[0], &more);
        onnx_tensor_free(&l->out[0]);
        if (result != 0)
            return -1;
    }
    for (size_t i = 0; i < l->states; i++)
        if (put_output(e, i, &l->in[2 + i]) != 0)
            return -1;
    for (size_t i = 0; i < l->collected; i++)
        if (put_rows(l, i, 0, false) != 0)
            return -1;
    return 0;
}

int onnx_eval_loop(struct onnx_eval *e) {
    const size_t inputs = e->graph->node->n_input, outputs = e->graph->node->n_output;
    struct loop l = {.e = e, .body = onnx_body(e->graph, "body"), .first = 2};

    if (!l.body)
        return -1;
    const Onnx__GraphProto *g = l.body->g;
    if (inputs < 2 || g->n_input != inputs || g->n_output != outputs + 1 || outputs + 2 < inputs)
        return onnx_fail(e->graph, "has a body whose inputs and outputs do not fit its own");
    l.states = inputs - 2;
    l.collected = outputs - l.states;
    int result = start_loop(&l, g->n_input, g->n_output);
    if (result == 0)
        result = run_loop(&l);
    end_loop(&l);
    return result;
}

static int64_t entry(const struct onnx_graph *graph, const char *name, size_t index) {
    const Onnx__AttributeProto *a = onnx_attribute(graph, name);

    return a && index < a->n_ints ? a->ints[index] : 0;
}

// Step t of an input along an axis.
static int cut(struct onnx_eval *e, const struct onnx_tensor *in, int axis, int64_t t,
               struct onnx_tensor *to) {
    int64_t dims[ONNX_RANK];
    size_t after = 1;

    for (int i = 0, k = 0; i < in->rank; i++)
        if (i != axis)
            dims[k++] = in->dims[i];
    for (int i = axis + 1; i < in->rank; i++)
        after *= (size_t)in->dims[i];
    onnx_tensor_free(to);
    if (onnx_eval_create(e, to, in->type, in->rank - 1, dims) != 0)
        return -1;
    for (size_t i = 0; i < to->count; i++)
        to->whole[i] =
            in->whole[(i / after * (size_t)in->dims[axis] + (size_t)t) * after + i % after];
    return 0;
}

static int run_scan(struct loop *l) {
    struct onnx_eval *e = l->e;
    int64_t steps = -1;
    int result = 0;

    for (size_t i = 0; i < l->states + l->scanned; i++) {
        const struct onnx_tensor *in = onnx_eval_input(e, i);
        int axis;
        if (!in || in->type == ONNX_SEQUENCE)
            return onnx_fail(e->graph, "lacks an input");
        if (i < l->states)
            l->in[i] = onnx_tensor_share(in);
        if (i < l->states)
            continue;
        if (onnx_axis(e->graph, entry(e->graph, "scan_input_axes", i - l->states), in->rank,
                      &axis) != 0)
            return -1;
        if (steps >= 0 && in->dims[axis] != steps)
            return onnx_fail(e->graph, "reads sequences of %lld and %lld steps", (long long)steps,
                             (long long)in->dims[axis]);
        steps = in->dims[axis];
    }
    for (int64_t t = 0; result == 0 && t < steps; t++) {
        for (size_t i = 0; result == 0 && i < l->scanned; i++) {
            const struct onnx_tensor *in = onnx_eval_input(e, l->states + i);
            const int64_t axis = entry(e->graph, "scan_input_axes", i);
            const bool backwards = entry(e->graph, "scan_input_directions", i) != 0;
            result = cut(e, in, (int)(axis < 0 ? axis + in->rank : axis),
                         backwards ? steps - 1 - t : t, &l->in[l->states + i]);
        }
        if (e->work && *e->work == 0)
            return onnx_fail(e->graph, "has more iterations than this version follows");
        if (e->work)
            --*e->work;
        if (result == 0)
            result = iterate(l, 0);
    }
    for (size_t i = 0; result == 0 && i < l->states; i++)
        result = put_output(e, i, &l->in[i]);
    for (size_t i = 0; result == 0 && i < l->collected; i++)
        result = put_rows(l, i, entry(e->graph, "scan_output_axes", i),
                          entry(e->graph, "scan_output_directions", i) != 0);
    return result;
}

int onnx_eval_scan(struct onnx_eval *e) {
    const size_t inputs = e->graph->node->n_input, outputs = e->graph->node->n_output;
    const int64_t scanned = onnx_int(e->graph, "num_scan_inputs", 0);
    struct loop l = {.e = e, .body = onnx_body(e->graph, "body")};

    if (!l.body)
        return -1;
    if (e->graph->opset == 8 || onnx_attribute(e->graph, "directions"))
        return onnx_fail(e->graph, "is a Scan of version 8, which this version does not read; "
                                   "export it with a later opset");
    const Onnx__GraphProto *g = l.body->g;
    if (scanned < 1 || (uint64_t)scanned > inputs || g->n_input != inputs ||
        g->n_output != outputs || outputs < inputs - (size_t)scanned)
        return onnx_fail(e->graph, "has a body whose inputs and outputs do not fit its own");
    l.scanned = (size_t)scanned;
    l.states = inputs - l.scanned;
    l.collected = outputs - l.states;
    int result = start_loop(&l, g->n_input, g->n_output);
    if (result == 0)
        result = run_scan(&l);
    end_loop(&l);
    return result;
}
