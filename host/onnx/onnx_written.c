// SPDX-License-Identifier: Apache-2.0
// From a file whose recurrences are written out to a graph with recurrent operators
// (onnx_written.h).
#include "onnx_written.h"

#include <stdlib.h>
#include <string.h>

// Sizes of open axes: different ones, so that a value's axes show what they are; of a single one,
// that of the sequences where the steps are written out, a small one.
static const int64_t open_sizes[ONNX_RANK] = {5, 6, 7, 2, 2, 2, 2, 2};
enum { ONLY_SIZE = 2 };

enum { MOST_TRIES = 4 };

// ---- The file with symbols

static const Onnx__TypeProto__Tensor *type_of(const Onnx__ValueInfoProto *info) {
    const Onnx__TypeProto *type = info->type;

    return type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE ? type->tensor_type
                                                                           : NULL;
}

static int64_t main_size(const struct onnx_written *w, const Onnx__TensorShapeProto *shape,
                         size_t axis) {
    int open = 0;

    if (w->s.wanted[axis] > 0)
        return w->s.wanted[axis];
    for (size_t i = 0; i < shape->n_dim; i++)
        open += onnx_fixed_size(shape->dim[i]) == 0 && w->s.wanted[i] == 0;
    return open == 1 ? ONLY_SIZE : open_sizes[axis];
}

// The size of an open axis is that of the network's input of the same name, where it has one.
static int64_t open_size(const struct onnx_written *w, const Onnx__ValueInfoProto *info, int axis) {
    const Onnx__ValueInfoProto *main = onnx_input_info(w->graph);
    const Onnx__TensorShapeProto__Dimension *own = type_of(info)->shape->dim[axis];
    const Onnx__TypeProto__Tensor *other = main ? type_of(main) : NULL;

    if (!other || !other->shape || other->shape->n_dim > ONNX_RANK)
        return open_sizes[0];
    for (size_t i = 0; main != info && i < other->shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = other->shape->dim[i];
        if (own->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
            dim->value_case == own->value_case && own->dim_param && dim->dim_param &&
            strcmp(own->dim_param, dim->dim_param) == 0)
            return main_size(w, other->shape, i);
    }
    return main_size(w, other->shape, main == info ? (size_t)axis : 0);
}

static int make_inputs(struct onnx_written *w, struct onnx_eval *e) {
    struct onnx_graph *graph = w->graph;

    for (size_t i = 0; i < graph->g->n_input; i++) {
        const Onnx__ValueInfoProto *info = graph->g->input[i];
        const Onnx__TypeProto__Tensor *type = type_of(info);
        const int value = onnx_find(graph, info->name);
        int64_t dims[ONNX_RANK];
        if (!graph->needed[value] || graph->constants[value].type || e->values[value].type)
            continue;
        if (!type || !type->shape || type->shape->n_dim > ONNX_RANK)
            return onnx_fail_file(graph, "input '%.100s' has no known number of axes", info->name);
        for (size_t k = 0; k < type->shape->n_dim; k++) {
            dims[k] = onnx_fixed_size(type->shape->dim[k]);
            if (dims[k] == 0)
                dims[k] = open_size(w, info, (int)k);
        }
        if (onnx_symbol_base(&w->s, e->budget, value, !onnx_is_real(type->elem_type),
                             (int)type->shape->n_dim, dims, &e->values[value]) != 0)
            return -1;
    }
    return 0;
}

static void free_values(struct onnx_written *w) {
    for (size_t i = 0; w->values && i < w->graph->value_count; i++)
        onnx_tensor_free(&w->values[i]);
    free(w->values);
    w->values = NULL;
}

// Computes the file once. 1: some axis should be longer.
static int compute(struct onnx_written *w) {
    size_t work = ONNX_WORK;
    struct onnx_eval e = {.graph = w->graph,
                          .budget = &w->graph->budget,
                          .work = &work,
                          .wide = true,
                          .symbols = &w->s};
    int64_t wanted[ONNX_RANK];

    memcpy(wanted, w->s.wanted, sizeof wanted);
    onnx_symbols_free(&w->s);
    memcpy(w->s.wanted, wanted, sizeof wanted);
    w->s.graph = w->graph;
    free_values(w);
    w->values = e.values = calloc(w->graph->value_count + 1, sizeof *e.values);
    if (!e.values)
        return onnx_fail_file(w->graph, "needs more memory than there is");
    w->graph->node = NULL;
    const int result = make_inputs(w, &e) == 0 ? onnx_eval_nodes(&e) : -1;
    if (memcmp(wanted, w->s.wanted, sizeof wanted) != 0)
        return 1;
    return result;
}

// ---- What is known of its symbols

static int create_lists(struct onnx_written *w) {
    const size_t n = w->s.count + 1;

    w->stops = calloc(n, sizeof *w->stops);
    w->depth = calloc(n, sizeof *w->depth);
    w->source = calloc(n, sizeof *w->source);
    w->owner = malloc(n * sizeof *w->owner);
    w->place = malloc(n * sizeof *w->place);
    w->unit_of = malloc(n * sizeof *w->unit_of);
    w->x_of = malloc(n * sizeof *w->x_of);
    w->site_n = malloc(n * sizeof *w->site_n);
    w->site_t = malloc(n * sizeof *w->site_t);
    w->of_states = calloc(n, sizeof *w->of_states);
    w->explained = calloc(w->s.matrix_count + 1, sizeof *w->explained);
    w->roles = calloc(w->s.base_count + 1, sizeof *w->roles);
    w->there = calloc(w->graph->value_count + 1, sizeof *w->there);
    if (!w->stops || !w->depth || !w->source || !w->owner || !w->place || !w->unit_of || !w->x_of ||
        !w->site_n || !w->site_t || !w->of_states || !w->explained || !w->roles || !w->there)
        return onnx_fail_file(w->graph, "needs more memory than there is");
    for (size_t i = 0; i < n; i++)
        w->owner[i] = w->unit_of[i] = w->x_of[i] = w->site_n[i] = w->site_t[i] = -1;
    return 0;
}

static void free_all(struct onnx_written *w) {
    for (int i = 0; i < w->cell_count; i++)
        onnx_cell_free(w->cells[i]);
    free(w->cells);
    free(w->stops);
    free(w->depth);
    free(w->source);
    free(w->owner);
    free(w->place);
    free(w->unit_of);
    free(w->x_of);
    free(w->site_n);
    free(w->site_t);
    free(w->of_states);
    free(w->explained);
    free(w->roles);
    free(w->there);
    free_values(w);
    onnx_symbols_free(&w->s);
}

// The sequence and step of an element of a base whose axes are known.
static void find_site(struct onnx_written *w, size_t symbol) {
    const struct onnx_symbol *n = &w->s.list[symbol];
    const struct onnx_base *base = &w->s.bases[n->a];
    const struct onnx_role *role = &w->roles[n->a];
    int32_t rest = n->b;

    if (!role->known)
        return;
    w->site_n[symbol] = w->site_t[symbol] = 0;
    for (int i = base->rank; i-- > 0; rest = (int32_t)(rest / base->dims[i])) {
        if (i == role->batch)
            w->site_n[symbol] = (int32_t)(rest % base->dims[i]);
        if (i == role->time)
            w->site_t[symbol] = (int32_t)(rest % base->dims[i]);
    }
}

static void take_site(struct onnx_written *w, size_t to, int32_t from) {
    w->of_states[to] = w->of_states[to] || w->of_states[from];
    if (w->site_n[to] >= 0)
        return;
    w->site_n[to] = w->site_n[from];
    w->site_t[to] = w->site_t[from];
}

// Of all symbols, from those that they are made of, which stand before them.
static void find_sites(struct onnx_written *w) {
    for (size_t i = 0; i < w->s.count; i++) {
        const struct onnx_symbol *n = &w->s.list[i];
        if (w->owner[i] >= 0) {
            const struct onnx_written_cell *cell = w->cells[w->owner[i] / 2];
            const int t = w->place[i] / cell->units % cell->steps;
            w->site_n[i] = w->place[i] / cell->units / cell->steps;
            w->site_t[i] = cell->reversed ? cell->steps - 1 - t : t;
            w->of_states[i] = true;
        } else if (n->kind == SYMBOL_ATOM) {
            find_site(w, i);
        } else if (n->kind == SYMBOL_LINEAR) {
            for (int32_t k = 0; k < w->s.rows[n->a].count; k++)
                take_site(w, i, onnx_row_of(&w->s, n->a)[k]);
        } else if (n->kind != SYMBOL_CONSTANT) {
            take_site(w, i, n->a);
            if (n->kind != SYMBOL_FUNCTION)
                take_site(w, i, n->b);
        }
    }
}

// ---- The new graph

// The input with the size of an axis that the file leaves open and takes only one of.
static Onnx__ValueInfoProto *fixed_input(struct onnx_written *w, const Onnx__ValueInfoProto *info) {
    const Onnx__TypeProto__Tensor *type = type_of(info);
    const size_t rank = type->shape->n_dim;
    struct {
        Onnx__ValueInfoProto info;
        Onnx__TypeProto type;
        Onnx__TypeProto__Tensor tensor;
        Onnx__TensorShapeProto shape;
        Onnx__TensorShapeProto__Dimension dim[ONNX_RANK], *dims[ONNX_RANK];
    } *copy = onnx_allocate(w->view, sizeof *copy);

    if (!copy)
        return NULL;
    copy->info = *info;
    copy->type = *info->type;
    copy->tensor = *type;
    copy->shape = *type->shape;
    copy->info.type = &copy->type;
    copy->type.tensor_type = &copy->tensor;
    copy->tensor.shape = &copy->shape;
    copy->shape.dim = copy->dims;
    for (size_t i = 0; i < rank; i++) {
        copy->dims[i] = &copy->dim[i];
        copy->dim[i] = *type->shape->dim[i];
        if (w->s.wanted[i] > 0 && onnx_fixed_size(&copy->dim[i]) == 0) {
            copy->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            copy->dim[i].dim_value = w->s.wanted[i];
        }
    }
    return &copy->info;
}

static int copy_inputs(struct onnx_written *w) {
    const struct onnx_graph *graph = w->graph;

    w->g->n_input = graph->g->n_input;
    w->g->input = onnx_allocate(w->view, (w->g->n_input + 1) * sizeof(Onnx__ValueInfoProto *));
    for (size_t i = 0; w->g->input && i < w->g->n_input; i++) {
        Onnx__ValueInfoProto *info = graph->g->input[i];
        if (onnx_find(graph, info->name) == graph->input)
            info = fixed_input(w, info);
        if (!info)
            return -1;
        w->g->input[i] = info;
    }
    return w->g->input ? 0 : -1;
}

static int begin_graph(struct onnx_written *w) {
    const struct onnx_graph *graph = w->graph;
    struct onnx_graph *view = w->view;

    view->file = graph->file;
    view->folder = graph->folder;
    view->error = graph->error;
    view->error_size = graph->error_size;
    view->opset = graph->opset;
    view->budget = graph->budget;
    view->own = graph->own;
    view->gives_states = graph->gives_states;
    view->takes_states = graph->takes_states;
    view->tries_states = graph->tries_states;
    w->g = onnx_allocate(view, sizeof *w->g);
    if (!w->g)
        return -1;
    onnx__graph_proto__init(w->g);
    if (copy_inputs(w) != 0)
        return -1;
    w->g->n_output = graph->g->n_output;
    w->g->output = graph->g->output;
    w->tensor_limit = graph->g->n_initializer + 64;
    w->g->initializer = onnx_allocate(view, w->tensor_limit * sizeof(Onnx__TensorProto *));
    if (!w->g->initializer)
        return -1;
    if (graph->g->n_initializer > 0)
        memcpy(w->g->initializer, graph->g->initializer,
               graph->g->n_initializer * sizeof(Onnx__TensorProto *));
    w->g->n_initializer = graph->g->n_initializer;
    view->g = w->g;
    return 0;
}

static int build(struct onnx_written *w) {
    if (begin_graph(w) != 0)
        return -1;
    for (int i = 0; i < w->cell_count; i++)
        if (onnx_emit_cell(w, w->cells[i]) != 0)
            return -1;
    find_sites(w);
    for (size_t i = 0; i < w->graph->g->n_output; i++)
        if (onnx_take_value(w, onnx_find(w->graph, w->graph->g->output[i]->name)) != 0)
            return -1;
    return onnx_graph_index(w->view);
}

static void tell(struct onnx_written *w) {
    const struct onnx_written_cell *cell = w->cells[0];
    int64_t steps = 0;
    bool fixed = false;

    for (size_t b = 0; b < w->s.base_count; b++) {
        const struct onnx_base *base = &w->s.bases[b];
        if (!w->roles[b].known || w->roles[b].time < 0 || base->value != w->graph->input)
            continue;
        steps = base->dims[w->roles[b].time];
        fixed =
            onnx_fixed_size(type_of(onnx_input_info(w->graph))->shape->dim[w->roles[b].time]) > 0 ||
            w->s.wanted[w->roles[b].time] > 0;
    }
    onnx_note(w->view,
              "the file writes %d recurrent layer%s out by elementary operators, which %s read as "
              "what it computes",
              w->cell_count, w->cell_count == 1 ? "" : "s", w->cell_count == 1 ? "is" : "are");
    if (fixed && cell->steps > 1)
        onnx_note(w->view,
                  "the file has %lld steps written out; they do not limit the model, which takes "
                  "sequences of other lengths too",
                  (long long)steps);
}

static bool has_bodies(const struct onnx_graph *graph) {
    for (size_t i = 0; i < graph->g->n_node; i++)
        for (size_t k = 0; k < graph->g->node[i]->n_attribute; k++)
            if (graph->g->node[i]->attribute[k]->g)
                return true;
    return false;
}

// Steps that are written out one by one are all that the file takes, also where it leaves their
// number open, and the size that was chosen for it is the same by chance.
static bool fixes_steps(struct onnx_written *w) {
    bool fixed = false;

    for (size_t i = 0; i < w->graph->g->n_node; i++)
        for (size_t k = 0; k < w->graph->g->node[i]->n_attribute; k++)
            if (w->graph->g->node[i]->attribute[k]->name &&
                strcmp(w->graph->g->node[i]->attribute[k]->name, "body") == 0)
                return false;
    for (size_t b = 0; b < w->s.base_count; b++) {
        const struct onnx_role *role = &w->roles[b];
        if (w->s.bases[b].value != w->graph->input || !role->known || role->time < 0 ||
            w->s.wanted[role->time] > 0 ||
            onnx_fixed_size(type_of(onnx_input_info(w->graph))->shape->dim[role->time]) > 0)
            continue;
        w->s.wanted[role->time] = w->s.bases[b].dims[role->time];
        fixed = true;
    }
    return fixed;
}

// 1: there is no recurrence; 2: some axis should have another size.
static int rewrite(struct onnx_written *w) {
    int64_t wanted[ONNX_RANK];
    int result = compute(w);

    if (result != 0) // of a graph that may have no recurrence the reader says more
        return result > 0 ? 2 : has_bodies(w->graph) ? -1 : 1;
    memcpy(wanted, w->s.wanted, sizeof wanted);
    result = create_lists(w);
    if (result == 0)
        result = onnx_find_cells(w);
    for (size_t i = 0; result == 0 && i < w->s.count; i++)
        w->stops[i] = w->owner[i] >= 0;
    if (result == 0 && w->cell_count == 0)
        result = 1;
    if (result == 0)
        result = build(w);
    if (result == 0 && fixes_steps(w))
        return 2;
    if (result == 0)
        tell(w);
    if (result < 0 && memcmp(wanted, w->s.wanted, sizeof wanted) != 0)
        return 2;
    return result < 0 && !w->found ? 1 : result;
}

int onnx_rewrite(struct onnx_graph *graph, struct onnx_graph *view) {
    int64_t wanted[ONNX_RANK] = {0};
    int result = 2;

    memset(view, 0, sizeof *view);
    // What the reader has computed is for sizes that it left open.
    for (size_t i = graph->input_end; i < graph->value_count; i++)
        onnx_tensor_free(&graph->constants[i]);
    for (int i = 0; result == 2 && i < MOST_TRIES; i++) {
        struct onnx_written w = {.graph = graph, .view = view};
        onnx_graph_close(view);
        memset(view, 0, sizeof *view);
        memcpy(w.s.wanted, wanted, sizeof wanted);
        result = rewrite(&w);
        memcpy(wanted, w.s.wanted, sizeof wanted);
        free_all(&w);
    }
    return result == 2 ? 1 : result;
}
