// SPDX-License-Identifier: Apache-2.0
// What an ONNX graph means: executes the nodes that the output needs, one after the other, with
// abstract values.
#define _POSIX_C_SOURCE 200809L
#include "onnx_curves.h"
#include "onnx_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Values and nodes

const struct onnx_value *onnx_input(const struct onnx_reader *r, size_t index) {
    int value = onnx_input_index(r->graph, index);

    return value >= 0 ? &r->values[value] : NULL;
}

struct onnx_value *onnx_output(const struct onnx_reader *r, size_t index) {
    int value = onnx_output_index(r->graph, index);

    return value >= 0 && r->graph->needed[value] ? &r->values[value] : NULL;
}

const char *onnx_name(const struct onnx_reader *r, const struct onnx_value *value) {
    return r->graph->names[value - r->values];
}

const struct onnx_tensor *onnx_constant(const struct onnx_reader *r, size_t index) {
    return onnx_eval_input(&r->fold, index);
}

const struct onnx_tensor *onnx_real_constant(const struct onnx_reader *r, size_t index) {
    const struct onnx_tensor *tensor = onnx_constant(r, index);

    return tensor && onnx_is_real(tensor->type) ? tensor : NULL;
}

int onnx_check_finite(struct onnx_reader *r, size_t input) {
    const struct onnx_tensor *tensor = onnx_constant(r, input);

    for (size_t i = 0; i < tensor->count; i++) {
        if (!isfinite((float)tensor->real[i]))
            return onnx_fail(r->graph,
                             "uses tensor '%.100s', whose element %zu is not a finite number",
                             onnx_name(r, onnx_input(r, input)), i);
    }
    return 0;
}

bool onnx_sizes(const struct onnx_reader *r, size_t index, struct onnx_value *sizes) {
    const struct onnx_tensor *t = onnx_constant(r, index);
    const struct onnx_value *in = onnx_input(r, index);

    *sizes = (struct onnx_value){.kind = ONNX_SIZES};
    if (in && in->kind == ONNX_SIZES)
        *sizes = *in;
    if (!t)
        return sizes->count > 0;
    if (onnx_is_real(t->type) || t->rank > 1 || t->count > ONNX_INTS)
        return false;
    sizes->rank = t->rank;
    sizes->count = (int)t->count;
    for (int i = 0; i < sizes->count; i++)
        sizes->ints[i] = (struct onnx_size){t->whole[i], SYMBOL_NONE};
    return true;
}

int onnx_list(struct onnx_reader *r, const char *name, size_t input, int64_t *list, int *count) {
    const struct onnx_value *in = onnx_input(r, input);

    if (in && in->kind != ONNX_CONSTANT)
        return onnx_fail(r->graph, "has %s that %s", name,
                         in->kind == ONNX_SIZES ? "depend on the size of the input"
                                                : "are not constant");
    return onnx_eval_list(&r->fold, name, input, list, count);
}

// What to do about an operator that is not taken, from where it stands.
static const char *advice(const struct onnx_reader *r) {
    static const char *const others[] = {"Loop", "Scan", "If"};
    const Onnx__NodeProto *node = r->graph->node;
    bool recurrent = onnx_attribute(r->graph, "hidden_size") != NULL;

    if (onnx_is(r->graph, "Loop") || onnx_is(r->graph, "Scan"))
        return "; no LSTM, GRU or RNN was found in its body, so write its steps as one of these, "
               "or "
               "export its layer as one: from PyTorch by nn.LSTM, from Keras by tf2onnx with a "
               "standard LSTM or GRU layer";
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        recurrent = recurrent || onnx_is(r->graph, others[i]);
    if (node->op_type && strstr(node->op_type, "Quantize"))
        return "; import the model as it was before it was quantised";
    if (node->domain && strcmp(node->domain, "millrace") == 0)
        return "; give the file of this cell by --cell";
    if (node->domain && node->domain[0] && strcmp(node->domain, "ai.onnx") != 0)
        return "; export it with the operators of ONNX itself";
    for (size_t i = 0; i < node->n_input && !recurrent; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (!in || in->kind != ONNX_FLOW)
            continue;
        if (in->layer == ONNX_X)
            return "; leave it out of the export and apply it to the inputs";
        if (!r->layers[in->layer].recurrent)
            return "; leave it out of the export and apply it to the outputs";
    }
    return "";
}

static int unknown_operator(struct onnx_reader *r) {
    const Onnx__NodeProto *node = r->graph->node;
    const char *domain = node->domain && strcmp(node->domain, "ai.onnx") != 0 ? node->domain : "";
    char number[32], known[500];

    onnx_operator_list(known, sizeof known);
    return onnx_fail_file(
        r->graph, "node '%.100s' has operator %.60s%s%.60s; this version imports %s%s",
        onnx_node_name(r->graph, number, sizeof number), domain, domain[0] ? "." : "",
        node->op_type ? node->op_type : "", known, advice(r));
}

static int run_constant(struct onnx_reader *r) {
    if (onnx_eval_node(&r->fold) != 0)
        return -1;
    for (size_t i = 0; i < r->graph->node->n_output; i++) {
        struct onnx_value *out = onnx_output(r, i);
        const struct onnx_tensor *constant = out ? onnx_eval_output(&r->fold, i) : NULL;
        if (!constant || !constant->type)
            continue;
        out->kind = ONNX_CONSTANT;
        out->rank = constant->rank;
        for (int k = 0; k < out->rank; k++)
            out->dims[k] = (struct onnx_size){constant->dims[k], SYMBOL_NONE};
    }
    return 0;
}

// May the current node move states on that come from an input?
static bool keeps_states(const struct onnx_reader *r) {
    for (size_t i = 0; i < r->graph->node->n_input; i++)
        if (onnx_input(r, i) && onnx_input(r, i)->kind == ONNX_FLOW)
            return false;
    return onnx_has(r->graph, ONNX_MOVES) || onnx_is(r->graph, "Split") ||
           onnx_is(r->graph, "Concat") || onnx_is(r->graph, "TopK") || onnx_is(r->graph, "Shape") ||
           onnx_is(r->graph, "ReduceSum"); // of a mask, which are lengths
}

// States that come from an input stay what they are where they are moved.
static bool move_states(struct onnx_reader *r) {
    const struct onnx_value *from = NULL;

    for (size_t i = 0; i < r->graph->node->n_input && keeps_states(r); i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (in && in->kind == ONNX_INPUT)
            from = in;
    }
    for (size_t i = 0; from && i < r->graph->node->n_output; i++)
        if (onnx_output(r, i))
            *onnx_output(r, i) = (struct onnx_value){.kind = from->kind,
                                                     .rank = RANK_UNKNOWN,
                                                     .layer = from->layer,
                                                     .sorted = from->sorted,
                                                     .minus = from->minus};
    return from != NULL;
}

int onnx_refuse_input(struct onnx_reader *r, const struct onnx_value *in) {
    if (r->graph->takes_states)
        return onnx_fail(r->graph,
                         "reads the input '%.100s'; a decoder takes one input at each step, the "
                         "token, and states that its layers start from: attention over the steps "
                         "of the encoder, or its result beside each token, is not supported",
                         onnx_name(r, in));
    return onnx_fail(r->graph,
                     "reads the input '%.100s'; this version takes one input, the sequence",
                     onnx_name(r, in));
}

// Values that nothing but a recurrent operator may compute with, which then says why.
static int check_input(struct onnx_reader *r, const struct onnx_value *in) {
    if (onnx_has(r->graph, ONNX_RECURRENT) || keeps_states(r) || onnx_reads_lengths(r))
        return 0;
    return in->kind == ONNX_INPUT ? onnx_refuse_input(r, in) : 0;
}

// What the inputs of the current node are. *constant: all are; *flow: one is the data.
static int look_at_inputs(struct onnx_reader *r, bool *constant, bool *flow) {
    struct onnx_graph *graph = r->graph;

    *constant = true;
    *flow = false;
    for (size_t i = 0; i < graph->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (graph->node->input[i][0] && (!in || in->kind == ONNX_NONE))
            return onnx_fail(graph, "reads '%.100s', which nothing before it makes",
                             graph->node->input[i]);
        if (!in)
            continue;
        if (check_input(r, in) != 0)
            return -1;
        if (in->split && !onnx_is(graph, "Identity") && !onnx_is(graph, "Cast") &&
            !onnx_is(graph, "Shape"))
            return onnx_fail(graph, "reads numbers that a Reshape has put along several axes; this "
                                    "version takes that as an output only");
        *constant = *constant && in->kind == ONNX_CONSTANT;
        *flow = (*flow || in->kind == ONNX_FLOW) && !onnx_is(graph, "Shape");
    }
    return 0;
}

static int run_node(struct onnx_reader *r) {
    struct onnx_graph *graph = r->graph;
    const struct onnx_operator *row = graph->row;
    const bool recurrent = onnx_has(graph, ONNX_RECURRENT);
    bool constant, flow;

    if (look_at_inputs(r, &constant, &flow) != 0 || onnx_take_clips(r) != 0)
        return -1;
    if (!row)
        return unknown_operator(r);
    if (!onnx_output(r, 0) && !onnx_has(graph, ONNX_PARTS))
        return onnx_fail(graph, "has no first output that is used");
    if (constant && !onnx_has(graph, ONNX_HEAVY))
        return run_constant(r);
    if (onnx_reads_lengths(r))
        return onnx_take_steps(r);
    if (onnx_reads_order(r))
        return onnx_order(r);
    if (move_states(r))
        return 0;
    if (onnx_reads_mask(r) && !recurrent)
        return onnx_mask(r);
    if ((flow || recurrent) && row->read) {
        const struct onnx_value *first = onnx_input(r, 0);
        if (!first)
            return onnx_fail(graph, "has no first input");
        if (first->kind != ONNX_FLOW && !recurrent && !onnx_has(graph, ONNX_EITHER))
            return onnx_fail(graph, "reads the data elsewhere than at its first input, which this "
                                    "version does not support");
        return !recurrent && onnx_reads_stack(r) ? onnx_each_layer(r) : row->read(r);
    }
    if (!constant && !flow)
        return onnx_fold(r);
    return constant && row->read ? onnx_eval_unsupported(&r->fold) : unknown_operator(r);
}

// ---- The input

static const Onnx__NodeProto *maker(const struct onnx_graph *graph, const char *name,
                                    size_t *before) {
    while (*before > 0) {
        const Onnx__NodeProto *node = graph->g->node[--*before];
        for (size_t j = 0; j < node->n_output; j++) {
            if (strcmp(node->output[j], name) == 0)
                return node;
        }
    }
    return NULL;
}

static bool is_input(const struct onnx_graph *graph, int value) {
    return (size_t)value >= graph->g->n_initializer && (size_t)value < graph->input_end;
}

// The input that the first recurrent layer's sequence comes from, else the first that is needed,
// else the first; -1 when there is none.
static int find_input(struct onnx_graph *graph) {
    for (size_t i = 0; i < graph->g->n_node; i++) {
        if (!onnx_select(graph, i) || !onnx_has(graph, ONNX_RECURRENT))
            continue;
        size_t before = i;
        for (const Onnx__NodeProto *node = graph->node; node;) {
            size_t k = 0;
            while (k < node->n_input && onnx_find(graph, node->input[k]) >= 0 &&
                   graph->constants[onnx_find(graph, node->input[k])].type)
                k++;
            int value = k < node->n_input ? onnx_find(graph, node->input[k]) : -1;
            if (value >= 0 && is_input(graph, value))
                return value;
            node = value >= 0 ? maker(graph, node->input[k], &before) : NULL;
        }
        break;
    }
    int first = -1;
    for (size_t i = graph->input_end; i-- > graph->g->n_initializer;) {
        if (graph->needed[i] || first < 0 || !graph->needed[first])
            first = (int)i;
    }
    return first;
}

static int add_input(struct onnx_reader *r) {
    struct onnx_graph *graph = r->graph;

    for (size_t i = 0; i < graph->value_count; i++) {
        if (is_input(graph, (int)i))
            r->values[i] =
                (struct onnx_value){.kind = ONNX_INPUT, .rank = RANK_UNKNOWN, .layer = (int)i};
    }
    graph->input = find_input(graph);
    const Onnx__ValueInfoProto *info = onnx_input_info(graph);
    if (!info)
        return onnx_fail_file(graph, "the graph has no input");
    const Onnx__TypeProto *type = info->type;
    bool tensor =
        type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && type->tensor_type;
    const int element = tensor ? type->tensor_type->elem_type : 0;
    bool whole = element == ONNX__TENSOR_PROTO__DATA_TYPE__INT32 ||
                 element == ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    if (!whole && !onnx_is_real(element))
        return onnx_fail_file(graph,
                              "input '%.100s' is not a float32 tensor; export the model in float32",
                              info->name);
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    if (!shape || shape->n_dim < 1 || shape->n_dim > INPUT_RANK)
        return onnx_fail_file(
            graph,
            "input '%.100s' has %zu axes; batch, time and features are expected, or some of them, "
            "so export the model with an input of shape [N, T, F] or [T, N, F]",
            info->name, shape ? shape->n_dim : 0);
    struct onnx_value *value = &r->values[graph->input];
    value->kind = ONNX_FLOW;
    value->rank = r->input_rank = (int)shape->n_dim;
    value->layer = ONNX_X;
    value->whole = value->cast.whole = whole; // as if x were cast before it comes in
    for (int i = 0; i < value->rank; i++) {
        int64_t size = onnx_fixed_size(shape->dim[i]);
        value->axis[i] = (enum onnx_axis)i;
        value->dims[i] = (struct onnx_size){size, size > 0 ? SYMBOL_NONE : i + 1};
    }
    return 0;
}

// ---- The outputs

// Its rows must come with their features last; how they stand otherwise goes to *result. The rows
// of several layers become one.
static int check_output(struct onnx_reader *r, int value, struct onnx_result *result) {
    struct onnx_value *out = &r->values[value];
    const char *name = onnx_name(r, out);
    int feature = ONNX_RANK, last = -1, used = 0;

    if (onnx_is_moment(out))
        return onnx_fail_file(r->graph,
                              "the output '%.100s' is a mean or a variance of the features, which "
                              "this version takes as a part of a layer normalisation only",
                              name);
    if (out->kind != ONNX_FLOW || out->layer == ONNX_X)
        return onnx_fail_file(r->graph, "the output '%.100s' is not made by a layer of the network",
                              name);
    if (out->tail)
        return onnx_fail_file(r->graph,
                              "the output '%.100s' has some of the last steps; this version gives "
                              "all of them, so take them from its output",
                              name);
    if (out->sum || out->blank || out->flat)
        return onnx_fail_file(r->graph,
                              "the output '%.100s' is a sum of steps, or has steps that a mask has "
                              "changed; this version gives one row of each sequence's own steps",
                              name);
    if (out->quantised)
        return onnx_fail_file(r->graph,
                              "the output '%.100s' is what a QuantizeLinear gives; make what it "
                              "reads the output",
                              name);
    if (out->sorted)
        return onnx_fail_file(
            r->graph,
            "the output '%.100s' has the sequences in the order of their lengths; "
            "this version gives them as they come",
            name);
    for (int i = 0; i < out->rank; i++) {
        // Behind that of the outer layers it is a part of it.
        if (out->axis[i] == AXIS_SUBSTACK && (i == 0 || out->axis[i - 1] != AXIS_STACK))
            return onnx_fail_file(r->graph,
                                  "the output '%.100s' has the states of %d layers along two axes "
                                  "that are not side by side; make each an output of its own",
                                  name, out->count);
        if (out->axis[i] == AXIS_FEATURE)
            feature = i;
        if (out->axis[i] == AXIS_FEATURE || out->axis[i] == AXIS_ONE ||
            out->axis[i] == AXIS_SUBSTACK)
            continue;
        for (int k = 0; k < (out->axis[i] == AXIS_ROWS ? 2 : 1) && used < 3; k++) {
            const enum onnx_axis axis = out->axis[i] == AXIS_ROWS ? out->row_axis[k] : out->axis[i];
            result->order[used++] = "TLN"[(int)axis == r->time_axis ? 0
                                          : axis == AXIS_STACK      ? 1
                                                                    : 2];
        }
        last = i;
        if (out->merged && out->axis[i] == AXIS_STACK)
            return onnx_fail_file(
                r->graph,
                "the output '%.100s' has the rows of %d layers, one layer behind the other for all "
                "sequences, and an output is a row for each sequence; take one layer (h_n[-1]) or "
                "put the layers side by side (h_n.transpose(0, 1).flatten(1))",
                name, out->count);
    }
    if (feature < last)
        return onnx_fail_file(r->graph,
                              "the output '%.100s' has its numbers before the sequences or steps; "
                              "this version gives the outputs of one sequence after the other",
                              name);
    result->chosen = out->whole && !out->cast.whole && !out->cast.truth;
    if (!onnx_is_stack(out))
        return 0;
    if (!onnx_is_plain(out))
        return onnx_fail_file(
            r->graph,
            "the output '%.100s' has numbers of %d layers that a cast, a choice or "
            "a logarithm has made; make each an output of its own",
            name, out->count);
    if (feature == ONNX_RANK && out->rank == ONNX_RANK)
        return onnx_fail_file(r->graph, "the output '%.100s' has %d axes", name, ONNX_RANK);
    if (feature == ONNX_RANK) { // of size 1, which the file has dropped
        feature = out->rank++;
        out->axis[feature] = AXIS_FEATURE;
    }
    result->layers = (size_t)out->count;
    return onnx_join_stack(r, out, feature);
}

static bool is_cell(const struct onnx_reader *r, const struct onnx_value *out) {
    return out->kind == ONNX_FLOW && out->layer != ONNX_X &&
           strcmp(r->layers[out->layer].kind, "lstm_cell") == 0;
}

// Is it a state that the caller would hand in again with the next step?
static bool is_state(const struct onnx_reader *r, const struct onnx_value *out) {
    if (out->kind == ONNX_INPUT || is_cell(r, out))
        return true;
    return out->kind == ONNX_FLOW && out->last && onnx_is_stack(out);
}

// Outputs of states beside others: a session keeps them itself.
static void leave_out_states(struct onnx_reader *r) {
    struct onnx_graph *graph = r->graph;
    int kept = 0;

    if (graph->gives_states)
        return;
    for (int i = 0; i < graph->output_count; i++)
        kept += !is_state(r, &r->values[graph->outputs[i]]);
    if (kept == 0) // which check_output refuses
        return;
    kept = 0;
    for (int i = 0; i < graph->output_count; i++) {
        const struct onnx_value *out = &r->values[graph->outputs[i]];
        if (is_state(r, out) && !graph->takes_states)
            onnx_note(graph,
                      "the output '%.100s', the state of %s, is left out: a session keeps its "
                      "state from call to call, saves and restores it",
                      onnx_name(r, out), is_cell(r, out) ? "the cells" : "all layers together");
        else if (!is_state(r, out))
            graph->outputs[kept++] = graph->outputs[i];
    }
    graph->output_count = kept;
}

// First what recurrent layers need, and these: what is made of x beside them then knows which of
// its axes is that of the steps.
static int run_nodes(struct onnx_reader *r) {
    struct onnx_graph *graph = r->graph;
    bool *leads = calloc(graph->g->n_node + 1, sizeof *leads);
    int result = leads ? onnx_mark_leading(graph, leads) : -1;

    if (!leads)
        return onnx_fail_file(graph, "not enough memory");
    for (int beside = 0; beside < 2; beside++)
        for (size_t i = 0; result == 0 && i < graph->g->n_node; i++)
            if (leads[i] != (bool)beside && onnx_select(graph, i))
                result = run_node(r);
    free(leads);
    return result;
}

static int read_network(struct onnx_reader *r) {
    struct onnx_graph *graph = r->graph;

    r->values = calloc(graph->value_count + 1, sizeof *r->values);
    r->noted = calloc(graph->value_count + 1, sizeof *r->noted);
    if (!r->values || !r->noted)
        return onnx_fail_file(graph, "not enough memory");
    for (size_t i = 0; i < graph->g->n_initializer; i++) {
        const struct onnx_tensor *constant = &graph->constants[i];
        r->values[i] = (struct onnx_value){.kind = constant->type ? ONNX_CONSTANT : ONNX_NONE,
                                           .rank = constant->rank};
        for (int k = 0; k < constant->rank; k++)
            r->values[i].dims[k] = (struct onnx_size){constant->dims[k], SYMBOL_NONE};
    }
    if (add_input(r) != 0)
        return -1;
    if (run_nodes(r) != 0)
        return -1;
    if (onnx_check_lengths(r) != 0)
        return -1;
    leave_out_states(r);
    for (int i = 0; i < graph->output_count; i++) {
        if (check_output(r, graph->outputs[i], &r->results[i]) != 0)
            return -1;
    }
    return onnx_emit(r);
}

int onnx_read(struct onnx_graph *graph, struct mr_network *network, struct onnx_result *results) {
    struct onnx_reader r = {
        .graph = graph,
        .fold = {.graph = graph, .values = graph->constants, .budget = &graph->budget},
        .network = network,
        .results = results,
        .feature_axis = -1,
        .time_axis = -1,
        .batch_axis = -1,
        .turned_axis = -1,
        .sorted_axis = -1,
        .first_of_x = -1,
        .last_of_x = -1,
    };

    struct onnx_curves curves;

    memset(network, 0, sizeof *network);
    int result = onnx_curves_find(graph, &curves) != 0 ? -1 : read_network(&r);
    onnx_curves_free(graph, &curves);
    for (int i = 0; i < r.layer_count; i++) {
        onnx_tensor_free(&r.layers[i].factor);
        onnx_tensor_free(&r.layers[i].bias);
    }
    free(r.layers);
    free(r.values);
    free(r.noted);
    if (result != 0)
        mr_network_free(network);
    return result;
}
