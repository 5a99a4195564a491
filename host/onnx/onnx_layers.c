// SPDX-License-Identifier: Apache-2.0
// Layers that an ONNX graph was found to have, and the operators of the network that they become.
#define _POSIX_C_SOURCE 200809L
#include "onnx_parts.h"

#include "op.h"
#include "projection.h"

#include <stdlib.h>
#include <string.h>

int onnx_check_numbers(struct onnx_reader *r, const struct onnx_value *value) {
    if (onnx_is_moment(value))
        return onnx_fail(r->graph, "reads a mean or a variance of the features, which this version "
                                   "takes as a part of a layer normalisation only");
    if (onnx_is_stack(value))
        return onnx_fail(r->graph, "computes with rows of several layers or directions, stacked "
                                   "along an axis of their own; take one of them, or join them "
                                   "along the features, before it");
    if (value->only)
        return onnx_fail(r->graph, "reads some of the features; give the others the weight 0");
    if (value->sum)
        return onnx_fail(r->graph, "reads a sum of all steps; this version has it where it is "
                                   "divided by the lengths of the sequences only, as a mean");
    if (value->blank || value->flat)
        return onnx_fail(r->graph,
                         "reads steps that a mask has changed behind the ends of "
                         "sequences, or that are one behind the other; this version takes "
                         "them where they become one row of each sequence only");
    if (value->tail)
        return onnx_fail(r->graph, "reads some of the last steps; this version takes them where "
                                   "they are put side by side, as one row, only");
    if (value->quantised && !onnx_has(r->graph, ONNX_TAKES_QUANTISED))
        return onnx_fail(r->graph, "reads what a QuantizeLinear gives; this version takes that "
                                   "through a DequantizeLinear only");
    if (value->whole)
        return onnx_fail(r->graph, "reads whole numbers; cast them back to float before it");
    if (value->log_softmax)
        return onnx_fail(r->graph, "reads what a LogSoftmax gives; this version takes that as an "
                                   "output only");
    if (value->cast.clips)
        return onnx_fail(r->graph, "reads what a Clip gives in a way that this version does not "
                                   "support");
    if (value->layer != ONNX_X && (value->cast.whole || value->cast.truth || value->cast.side))
        return onnx_fail(r->graph,
                         "reads numbers that a cast has made whole or bool; this version takes "
                         "such a cast of the input or of an output only");
    return 0;
}

int onnx_append_layer(struct onnx_reader *r, struct onnx_layer layer, int *index) {
    if (layer.depth > MR_MAX_OPS)
        return onnx_fail(r->graph, "is one operator more than the %d that are supported",
                         MR_MAX_OPS);
    if (r->layer_count == r->layer_limit) {
        int limit = r->layer_limit > 0 ? 2 * r->layer_limit : 32;
        struct onnx_layer *grown = realloc(r->layers, (size_t)limit * sizeof *grown);
        if (!grown)
            return onnx_fail(r->graph, "needs more memory than there is");
        r->layers = grown;
        r->layer_limit = limit;
    }
    layer.node = r->graph->node_index;
    layer.first = layer.last = layer.stream = -1;
    if (layer.bias.type)
        layer.bias = onnx_tensor_share(&layer.bias);
    if (layer.factor.type)
        layer.factor = onnx_tensor_share(&layer.factor);
    *index = r->layer_count;
    r->layers[r->layer_count++] = layer;
    return 0;
}

static bool is_reverse(const struct onnx_layer *layer) {
    return strcmp(layer->kind, "reverse") == 0;
}

// Those of the layer that reads it.
int onnx_width_of_x(const struct onnx_reader *r) {
    int width = 0;

    for (int i = 0; i < r->layer_count && width == 0; i++)
        width = r->layers[i].input == ONNX_X ? r->layers[i].inputs : 0;
    return width;
}

int onnx_row_of_x(struct onnx_reader *r, struct onnx_value *value, bool first) {
    int *known = first ? &r->first_of_x : &r->last_of_x;
    const struct onnx_layer layer = {.kind = first ? "first" : "last",
                                     .input = ONNX_X,
                                     .inputs = onnx_width_of_x(r),
                                     .units = onnx_width_of_x(r),
                                     .cast = value->cast,
                                     .scaled = -1,
                                     .depth = 1};

    if (layer.inputs == 0)
        return onnx_fail(r->graph, "takes one step of what no layer has read");
    if (onnx_check_numbers(r, value) != 0)
        return -1;
    const bool same = *known >= 0 && r->layers[*known].cast.whole == value->cast.whole &&
                      r->layers[*known].cast.truth == value->cast.truth;
    if (!same && onnx_append_layer(r, layer, known) != 0)
        return -1;
    value->layer = *known;
    value->cast = (struct mr_cast){0};
    value->last = true;
    return 0;
}

// The layer that gives the first or the last row of a layer. A head on every step of which only one
// is taken is put behind the selection: it gives the same and has less to do.
static int one_row(struct onnx_reader *r, int layer, bool first, int *result) {
    if (layer == ONNX_X)
        return onnx_fail(r->graph, "takes one step of what no recurrent layer has read");
    struct onnx_layer made = r->layers[layer];
    const int known = first ? made.first : made.last;
    if (!made.per_step)
        *result = layer;
    else if (known >= 0)
        *result = known;
    if (!made.per_step || known >= 0)
        return 0;
    if (strcmp(made.kind, "repeat") == 0) {
        *result = made.input;
        return 0;
    }
    if (!made.recurrent && made.joins && made.input != ONNX_X && made.other != ONNX_X) {
        if (one_row(r, made.input, first, &made.input) != 0 ||
            one_row(r, made.other, first, &made.other) != 0)
            return -1;
    } else if (is_reverse(&made) && made.input != ONNX_X) {
        return one_row(r, made.input, !first, result);
    } else if (made.recurrent || made.joins || is_reverse(&made) || made.input == ONNX_X) {
        made = (struct onnx_layer){.kind = first ? "first" : "last",
                                   .input = layer,
                                   .inputs = made.units,
                                   .units = made.units,
                                   .scaled = -1,
                                   .depth = made.depth + 1};
    } else {
        if (one_row(r, made.input, first, &made.input) != 0)
            return -1;
        made.depth = r->layers[made.input].depth + 1;
    }
    made.per_step = false;
    if (onnx_append_layer(r, made, result) != 0)
        return -1;
    r->layers[*result].node = r->layers[layer].node;
    *(first ? &r->layers[layer].first : &r->layers[layer].last) = *result;
    return 0;
}

int onnx_first_row(struct onnx_reader *r, int layer, int *result) {
    return one_row(r, layer, true, result);
}

int onnx_source(struct onnx_reader *r, const struct onnx_value *value, int *layer) {
    *layer = value->layer;
    return value->last ? one_row(r, value->layer, false, layer) : 0;
}

static bool is_linear_diagonal(const struct onnx_layer *layer) {
    return layer->diagonal && onnx_is_linear(layer);
}

int onnx_add_layer(struct onnx_reader *r, const struct onnx_value *from, struct onnx_layer layer,
                   int *index) {
    if (onnx_check_numbers(r, from) != 0 || onnx_source(r, from, &layer.input) != 0)
        return -1;
    struct mr_cast cast = from->cast;
    if (layer.input != ONNX_X && r->layers[layer.input].units == 0) // the input, turned round
        r->layers[layer.input].inputs = r->layers[layer.input].units = layer.inputs;
    layer.scaled = -1;
    if (layer.w && layer.input != ONNX_X && is_linear_diagonal(&r->layers[layer.input])) {
        layer.scaled = layer.input;
        cast = r->layers[layer.scaled].cast;
        layer.input = r->layers[layer.scaled].input;
        if (r->layers[layer.scaled].inputs > layer.inputs)
            layer.inputs = r->layers[layer.scaled].inputs;
    }
    const bool first = layer.input == ONNX_X;
    layer.depth = first ? 1 : r->layers[layer.input].depth + 1;
    layer.per_step = first || r->layers[layer.input].per_step;
    layer.cast = first ? cast : (struct mr_cast){0};
    return onnx_append_layer(r, layer, index);
}

int onnx_change_layer(struct onnx_reader *r, const struct onnx_value *from, struct onnx_layer layer,
                      int *index) {
    layer.range = 0; // which was that of the other numbers
    return onnx_check_numbers(r, from) != 0 ? -1 : onnx_append_layer(r, layer, index);
}

// ---- The network

static int stream_of(const struct onnx_reader *r, int layer) {
    return layer == ONNX_X ? 0 : r->layers[layer].stream;
}

static int emit_layer(struct onnx_reader *r, struct onnx_layer *layer) {
    const struct mr_op_kind *kind = mr_kind_find(r->graph->own, layer->kind);
    const struct mr_network *network = r->network;
    const struct mr_cast cast = network->input_cast;
    char text[400];

    onnx_select(r->graph, layer->node);
    if (!kind)
        return onnx_fail(r->graph, "needs the operator '%s', which this version does not have",
                         layer->kind);
    if (layer->inputs == 0)
        return onnx_fail(r->graph, "reads features whose number the file leaves open");
    if (layer->input == ONNX_X && layer->inputs != network->streams[0].width)
        return onnx_fail(r->graph, "reads %d features of the input where others read %d",
                         layer->inputs, network->streams[0].width);
    if (layer->input == ONNX_X &&
        (layer->cast.whole != cast.whole || layer->cast.truth != cast.truth))
        return onnx_fail(r->graph, "reads the input through another cast than others do");
    struct mr_op *op =
        mr_network_add_bare(r->network, kind, stream_of(r, layer->input),
                            layer->joins ? stream_of(r, layer->other) : -1,
                            layer->joins ? 0 : layer->units, layer->activation, text, sizeof text);
    if (!op)
        return onnx_fail(r->graph, "does not fit the network: %s", text);
    if (!onnx_is_linear(layer))
        op->places[MR_PLACE_G] = layer->in[MR_PLACE_G].place;
    op->epsilon = layer->epsilon;
    op->entries = layer->entries;
    if (kind->repeats)
        r->network->streams[op->output].steps = layer->steps;
    if (mr_op_weights(op) != 0)
        return onnx_fail(r->graph, "needs more memory than there is");
    layer->stream = op->output;
    for (int i = 0; i < MR_PRECISIONS; i++)
        r->network->streams[op->output].greatest[i] = layer->range;
    for (int field = 0; field < (kind->second_field ? 2 : 1); field++)
        if (layer->start.input[field])
            r->graph->states[r->graph->state_count++] =
                (struct onnx_state){r->network->op_count - 1, field, layer->start.input[field] - 1};
    if (onnx_give_start(r, layer, op) != 0)
        return -1;
    return layer->fill ? layer->fill(r, layer, op) : 0;
}

// The layers of the outputs are needed, and what they read; a layer stands behind its input.
static int find_needed(struct onnx_reader *r, int *outputs) {
    for (int i = 0; i < r->graph->output_count; i++) {
        if (onnx_source(r, &r->values[r->graph->outputs[i]], &outputs[i]) != 0)
            return -1;
        r->layers[outputs[i]].needed = true;
    }
    for (int i = r->layer_count; i-- > 0;) {
        const struct onnx_layer *layer = &r->layers[i];
        if (layer->needed && layer->input != ONNX_X)
            r->layers[layer->input].needed = true;
        if (layer->needed && layer->joins && layer->other != ONNX_X)
            r->layers[layer->other].needed = true;
        for (int field = 0; field < 2; field++) {
            const int given = layer->start.given[field][layer->direction];
            if (layer->needed && given)
                r->layers[given - 1].needed = true;
        }
    }
    return 0;
}

static char *network_name(const char *file) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    size_t length = strlen(name);

    if (length > 5 && (strcmp(name + length - 5, ".onnx") == 0 ||
                       strcmp(name + length - 5, ".json") == 0)) // json.h
        length -= 5;
    return strndup(name, length);
}

static int create(struct onnx_reader *r) {
    struct mr_network *network = r->network;
    const struct onnx_layer *first = r->layers;

    // Of a chain to the input there is a first.
    while (!first->needed || first->input != ONNX_X)
        first++;
    if (mr_network_create(network, first->inputs) != 0 ||
        !(network->name = network_name(r->graph->file)) ||
        !(network->input_name = strdup(r->graph->names[r->graph->input])))
        return onnx_fail_file(r->graph, "not enough memory");
    network->input_cast = first->cast;
    for (int i = 0; i < MR_PRECISIONS; i++)
        network->streams[0].greatest[i] = r->input_range;
    for (int i = 0; i < r->input_rank && r->time_axis >= 0; i++)
        network->layout[i] = "NTF"[i == r->feature_axis ? 2 : i == r->time_axis];
    network->layout[r->input_rank] = '\0';
    if (r->time_axis >= 0 && r->steps.symbol == SYMBOL_NONE && r->steps.k <= INT32_MAX)
        network->steps = (int)r->steps.k;
    return 0;
}

static int set_lengths(struct onnx_reader *r) {
    r->network->mask = r->mask;
    if (r->mask.only > r->network->streams[0].width)
        return onnx_fail_file(r->graph, "masks steps by feature %d, and there are %d",
                              r->mask.only - 1, r->network->streams[0].width);
    if (!r->lengths)
        return 0;
    if (mr_network_lengths(r->network, (int)r->lengths->count) != 0)
        return onnx_fail_file(r->graph, "not enough memory");
    for (size_t i = 0; i < r->lengths->count; i++)
        r->network->lengths[i] = (int32_t)r->lengths->whole[i];
    return 0;
}

// Where sequences are turned round, there is room for those of the file.
static int set_steps(struct onnx_reader *r) {
    struct mr_network *network = r->network;

    if (network->steps > MR_MOST_STEPS_LIMIT && mr_network_shortest(network))
        return onnx_fail_file(r->graph,
                              "a layer reads sequences of %d steps from their end; at most %d are "
                              "possible",
                              network->steps, MR_MOST_STEPS_LIMIT);
    if (network->steps > 0)
        mr_network_set_most_steps(network, network->steps);
    return 0;
}

int onnx_emit(struct onnx_reader *r) {
    struct onnx_graph *graph = r->graph;
    int outputs[MR_MAX_OUTPUTS];
    char text[400];

    if (find_needed(r, outputs) != 0 || create(r) != 0)
        return -1;
    for (int i = 0; i < r->layer_count; i++) {
        if (r->layers[i].needed && emit_layer(r, &r->layers[i]) != 0)
            return -1;
    }
    for (int i = 0; i < graph->output_count; i++) {
        const int value = graph->outputs[i];
        if (mr_network_output(r->network, r->layers[outputs[i]].stream, graph->names[value], text,
                              sizeof text) != 0)
            return onnx_fail_file(graph, "%s", text);
        r->network->outputs[i].cast = r->values[value].cast;
        r->network->outputs[i].log_softmax = r->values[value].log_softmax;
    }
    for (int i = 0; i < r->network->op_count && graph->takes_states; i++)
        if (r->network->ops[i].projects)
            return onnx_fail_file(graph,
                                  "a layer of the decoder has a projection, and a state that "
                                  "is projected cannot be given to it");
    if (set_lengths(r) != 0)
        return -1;
    if (mr_projections_fold(r->network, text, sizeof text) != 0 ||
        mr_network_check(r->network, text, sizeof text) != 0)
        return onnx_fail_file(graph, "%s", text);
    return set_steps(r);
}
