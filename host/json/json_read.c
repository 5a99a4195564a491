// SPDX-License-Identifier: Apache-2.0
// The text as a whole: input, layers, heads. What comes of it are nodes, each behind those that it
// reads.
#include "json_parts.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

// ---- nodes

int desc_width(const struct desc *net, int node) {
    if (node != DESC_X)
        return net->nodes[node].units;
    return net->tokens ? 1 : net->features;
}

bool desc_per_step(const struct desc *net, int node) {
    return node == DESC_X || net->nodes[node].per_step;
}

int desc_add(struct desc *net, const struct desc_node *node, int *index) {
    if (net->node_count == DESC_NODES)
        return desc_fail(net, node->path, "is one layer more than the %d that are possible",
                         DESC_NODES);
    struct desc_node *made = &net->nodes[net->node_count];
    *made = *node;
    made->inputs = node->kind == DESC_EMBEDDING ? net->tokens : desc_width(net, node->input);
    if (made->units == 0)
        made->units = made->inputs;
    made->per_step =
        desc_per_step(net, node->input) && (node->kind != DESC_SELECT || node->select == DESC_ALL);
    *index = net->node_count++;
    return 0;
}

int desc_find_node(const struct desc *net, const char *path, const char *name, int *node) {
    const char *names[DESC_NODES + 1] = {"inputs"};
    char text[300] = "";

    *node = DESC_X;
    if (strcmp(name, "inputs") == 0)
        return 0;
    for (int i = 0; i < net->name_count; i++) {
        names[i + 1] = net->names[i];
        *node = net->named[i];
        if (strcmp(net->names[i], name) == 0)
            return 0;
    }
    desc_suggest(text, sizeof text, name, names, (size_t)net->name_count + 1);
    return desc_fail(net, path, "names '%.40s', and no layer before it has that name%s", name,
                     text);
}

// ---- the input

// An affine node of a number for all features, or one for each, where the members are there.
static int add_affine(struct desc *net, const char *path, const json_t *object, int *at) {
    struct desc_node node = {.kind = DESC_AFFINE,
                             .input = *at,
                             .scale = json_object_get(object, "scale"),
                             .offset = json_object_get(object, "offset"),
                             .mean = json_object_get(object, "mean"),
                             .deviation = json_object_get(object, "std")};

    if (!node.scale && !node.offset && !node.mean && !node.deviation)
        return 0;
    if ((node.scale || node.offset) && (node.mean || node.deviation))
        return desc_fail(net, path,
                         "has scale or offset beside mean or std; give x * scale + "
                         "offset, or (x - mean) / std");
    snprintf(node.path, sizeof node.path, "%s", path);
    return desc_add(net, &node, at);
}

static int read_layout(struct desc *net, const char *path, const json_t *object) {
    static const char *const of_features[] = {"NTF", "TNF", "NFT", "TFN", "FNT", "FTN",
                                              "TF",  "FT",  "NT",  "TN",  NULL};
    static const char *const of_tokens[] = {"NT", "TN", NULL};
    const char *const *words = net->tokens ? of_tokens : of_features;
    int word = 0;

    if (desc_get_word(net, path, object, "layout", words, &word) != 0)
        return -1;
    if (!net->tokens && !strchr(words[word], 'F') && net->features != 1)
        return desc_fail(net, path, "has the layout %s, which has one feature, and %d features",
                         words[word], net->features);
    snprintf(net->layout, sizeof net->layout, "%s", words[word]);
    return 0;
}

static int read_input(struct desc *net, int *at) {
    static const char *const keys[] = {"features", "tokens", "name", "layout", "steps",
                                       "scale",    "offset", "mean", "std",    NULL};
    const json_t *inputs = json_object_get(net->root, "inputs");
    const char *path = json_is_object(inputs) ? "inputs" : "";
    // A lone number is that of the features.
    const json_t *object = json_is_object(inputs) ? inputs : net->root;
    const char *key = json_is_object(inputs) ? "features" : "inputs";

    net->input_name = "x";
    if (!inputs)
        return desc_fail_file(net, "it has no \"inputs\", the number of features of a step");
    if (desc_get_whole(net, path, object, key, 1, MR_MAX_WIDTH, &net->features) != 0)
        return -1;
    if (object == net->root)
        return read_layout(net, "inputs", inputs);
    if (desc_check_keys(net, path, inputs, keys) != 0 ||
        desc_get_whole(net, path, inputs, "tokens", 1, MR_MAX_ENTRIES, &net->tokens) != 0 ||
        desc_get_text(net, path, inputs, "name", &net->input_name) != 0 ||
        desc_get_whole(net, path, inputs, "steps", 1, MR_MOST_STEPS_LIMIT, &net->steps) != 0)
        return -1;
    if (!net->features == !net->tokens)
        return desc_fail(net, path,
                         "needs one of \"features\", the numbers of a step, and "
                         "\"tokens\", of how many one comes a step");
    if (net->tokens && (json_object_get(inputs, "scale") || json_object_get(inputs, "offset") ||
                        json_object_get(inputs, "mean") || json_object_get(inputs, "std")))
        return desc_fail(net, path, "has tokens, which are not scaled");
    return read_layout(net, path, inputs) != 0 ? -1 : add_affine(net, path, inputs, at);
}

// ---- lists of layers

static int read_layers(struct desc *net, const char *path, const json_t *object, bool in_head,
                       int *at) {
    const json_t *list = json_object_get(object, "layers");
    char place[DESC_PATH], each[DESC_PATH + 24];

    desc_place(place, path, "layers");
    if (list && !json_is_array(list))
        return desc_fail(net, place, "is no list");
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(each, sizeof each, "%s[%zu]", place, i);
        if (desc_read_layer(net, each, json_array_get(list, i), in_head, at) != 0)
            return -1;
    }
    return 0;
}

// ---- heads

static int read_select(struct desc *net, const char *path, const json_t *head, int *at) {
    static const char *const words[] = {[DESC_ALL] = "all",         [DESC_LAST] = "last",
                                        [DESC_FIRST] = "first",     [DESC_MEAN] = "mean",
                                        [DESC_MAX] = "max",         [DESC_STATE] = "state",
                                        [DESC_CELL_STATE] = "cell", NULL};
    struct desc_node node = {.kind = DESC_SELECT, .input = *at};
    int select = DESC_LAST;

    if (desc_get_word(net, path, head, "return", words, &select) != 0)
        return -1;
    node.select = (enum desc_select)select;
    desc_place(node.path, path, "return");
    if (!desc_per_step(net, *at) || select == DESC_ALL)
        return !desc_per_step(net, *at) && json_object_get(head, "return")
                   ? desc_fail(net, node.path, "is '%s' of what has one row for a sequence",
                               words[select])
                   : 0;
    if (*at == DESC_X)
        return desc_fail(net, path, "reads the input, which no layer has read");
    const struct desc_node *from = &net->nodes[*at];
    if (select >= DESC_STATE && from->kind != DESC_CELL)
        return desc_fail(net, node.path,
                         "is '%s', which a recurrent layer has, and reads %s, which is none; say "
                         "which layer with \"from\"",
                         words[select], from->path);
    if (select == DESC_CELL_STATE && (from->own || strcmp(from->cell->name, "lstm") != 0))
        return desc_fail(net, node.path, "is 'cell', the cell state, which an lstm has");
    if (select == DESC_CELL_STATE)
        node.units = from->hidden * (from->bidirectional ? 2 : 1);
    return desc_add(net, &node, at);
}

// Behind a softmax or an arg-max numbers stay as they are.
static int check_behind(const struct desc *net, const char *path, const json_t *head,
                        const struct desc_function *end) {
    static const char *const keys[] = {"scale", "offset", "mean", "std", "clip", "above"};
    char place[DESC_PATH];

    for (size_t i = 0; end->row && end->row->ends && i < sizeof keys / sizeof *keys; i++) {
        if (!json_object_get(head, keys[i]))
            continue;
        desc_place(place, path, keys[i]);
        return desc_fail(net, place,
                         "stands behind the activation '%s', whose numbers stay as they "
                         "are",
                         end->row->name);
    }
    return 0;
}

// The dense layer, its activation, and what is done to its numbers.
static int read_end(struct desc *net, const char *path, const json_t *head, int *at) {
    struct desc_node node = {
        .kind = DESC_DENSE, .input = *at, .weights = json_object_get(head, "weights")};
    struct desc_node end = {.kind = DESC_ACTIVATION};

    snprintf(node.path, sizeof node.path, "%s", path);
    snprintf(end.path, sizeof end.path, "%s", path);
    if (desc_get_whole(net, path, head, "outputs", 1, MR_MAX_WIDTH, &node.units) != 0 ||
        desc_get_bias(net, path, head, &node.bias) != 0 ||
        desc_get_function(net, path, head, "activation", DESC_AT_END, &end.function) != 0 ||
        check_behind(net, path, head, &end.function) != 0)
        return -1;
    if (node.units > 0 && desc_add(net, &node, at) != 0)
        return -1;
    if (node.units == 0 && (node.weights || node.bias != DESC_AS_FOUND))
        return desc_fail(net, path, "has %s and no \"outputs\", so there is no dense layer",
                         node.weights ? "weights" : "a bias");
    end.input = *at;
    if (end.function.row && strcmp(end.function.row->onnx, "ArgMax") == 0)
        end.units = 1;
    if (end.function.row && desc_add(net, &end, at) != 0)
        return -1;
    return add_affine(net, path, head, at);
}

// What a number becomes outside of the pipeline.
static int read_casts(struct desc *net, const char *path, const json_t *head, int *at) {
    const json_t *clip = json_object_get(head, "clip");
    struct desc_node node = {.kind = DESC_CLIP};

    if (clip) {
        desc_place(node.path, path, "clip");
        node.low = json_number_value(json_array_get(clip, 0));
        node.high = json_number_value(json_array_get(clip, 1));
        node.input = *at;
        if (json_array_size(clip) != 2 || !json_is_number(json_array_get(clip, 0)) ||
            !json_is_number(json_array_get(clip, 1)) || !(node.low <= node.high))
            return desc_fail(net, node.path, "is not [LOW, HIGH]");
        if (desc_add(net, &node, at) != 0)
            return -1;
    }
    if (!json_object_get(head, "above"))
        return 0;
    node.kind = DESC_ABOVE;
    node.input = *at;
    desc_place(node.path, path, "above");
    if (desc_get_real(net, path, head, "above", -FLT_MAX, FLT_MAX, &node.low) != 0)
        return -1;
    return desc_add(net, &node, at);
}

static int read_head(struct desc *net, size_t index, size_t count, const json_t *head, int trunk) {
    static const char *const keys[] = {"name", "from",       "return",  "layers", "outputs",
                                       "bias", "activation", "weights", "scale",  "offset",
                                       "mean", "std",        "clip",    "above",  NULL};
    struct desc_head *made = &net->heads[net->head_count];
    char path[DESC_PATH], place[DESC_PATH];
    const char *from = NULL;
    int at = trunk;

    snprintf(path, sizeof path, "heads[%zu]", index);
    snprintf(made->own_name, sizeof made->own_name, count > 1 ? "y%zu" : "y", index);
    made->name = made->own_name;
    if (!json_is_object(head))
        return desc_fail(net, path, "is no object");
    if (desc_check_keys(net, path, head, keys) != 0 ||
        desc_get_text(net, path, head, "name", &made->name) != 0 ||
        desc_get_text(net, path, head, "from", &from) != 0)
        return -1;
    desc_place(place, path, "from");
    if (from && desc_find_node(net, place, from, &at) != 0)
        return -1;
    if (read_select(net, path, head, &at) != 0 || read_layers(net, path, head, true, &at) != 0 ||
        read_end(net, path, head, &at) != 0 || read_casts(net, path, head, &at) != 0)
        return -1;
    for (int i = 0; i < net->head_count; i++)
        if (strcmp(net->heads[i].name, made->name) == 0)
            return desc_fail(net, path, "has the name '%.40s' of another head", made->name);
    if (strcmp(made->name, net->input_name) == 0)
        return desc_fail(net, path, "has the name '%.40s', which is the input's", made->name);
    made->node = at;
    net->head_count++;
    return 0;
}

static int read_heads(struct desc *net, int trunk) {
    const json_t *heads = json_object_get(net->root, "heads");
    const size_t count = json_array_size(heads);

    if (!json_is_array(heads) || count < 1 || count > MR_MAX_OUTPUTS)
        return desc_fail_file(net, "it has no list of 1 to %d \"heads\", which give the outputs",
                              MR_MAX_OUTPUTS);
    for (size_t i = 0; i < count; i++)
        if (read_head(net, i, count, json_array_get(heads, i), trunk) != 0)
            return -1;
    return 0;
}

// ---- all of it

// Files of other programs that are JSON too.
static int check_others(const struct desc *net) {
    if (json_object_get(net->root, "class_name"))
        return desc_fail_file(net, "it is the architecture of a Keras model, without its weights; "
                                   "export the model itself: model.export(\"net.onnx\", "
                                   "format=\"onnx\") in Keras 3, or python -m tf2onnx.convert");
    if (json_object_get(net->root, "weight_map"))
        return desc_fail_file(net, "it is the index of several safetensors files; list these under "
                                   "\"weights\" of a description of the layers");
    return 0;
}

int desc_read(struct desc *net) {
    static const char *const keys[] = {"about", "inputs", "layers", "heads", "weights", NULL};
    const char *about;
    int at = DESC_X;

    if (!json_is_object(net->root))
        return desc_fail_file(net, "it is no JSON object with inputs, layers and heads");
    if (check_others(net) != 0 || desc_check_keys(net, "", net->root, keys) != 0 ||
        desc_get_text(net, "", net->root, "about", &about) != 0 || read_input(net, &at) != 0 ||
        read_layers(net, "", net->root, false, &at) != 0)
        return -1;
    return read_heads(net, at);
}
