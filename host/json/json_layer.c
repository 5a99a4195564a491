// SPDX-License-Identifier: Apache-2.0
// A layer of the text: one of the keys `kinds` says what it is.
#include "json_parts.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

// A layer while it is read; node has its place and what it reads.
struct reading {
    struct desc *net;
    const char *path;
    const json_t *layer;
    struct desc_node node;
    int at; // the last node that was made of it, or the one before
};

static int add(struct reading *r) {
    r->node.input = r->at;
    return desc_add(r->net, &r->node, &r->at);
}

// What the layer reads is added to what it gives.
static int add_residual(struct reading *r, int before) {
    struct desc_node sum = {.kind = DESC_ADD, .joins_by = "Add", .input = r->at, .other = before};

    snprintf(sum.path, sizeof sum.path, "%s", r->path);
    if (desc_width(r->net, before) != desc_width(r->net, r->at))
        return desc_fail(r->net, r->path,
                         "has a residual link from %d numbers to %d; they must be as many",
                         desc_width(r->net, before), desc_width(r->net, r->at));
    return desc_add(r->net, &sum, &r->at);
}

// ---- cells

static int check_gates(struct reading *r) {
    const struct desc_cell *cell = r->node.cell;
    const char *given = NULL;
    char place[DESC_PATH];
    bool seen[8] = {false};

    if (desc_get_text(r->net, r->path, r->layer, "gates", &given) != 0)
        return -1;
    if (!given)
        return 0;
    desc_place(place, r->path, "gates");
    if (!cell || cell->gates < 2)
        return desc_fail(r->net, place, "is an order of gates, which %s",
                         cell ? "an rnn does not have" : "the file of a cell of your own says");
    bool good = strlen(given) == (size_t)cell->gates;
    for (int i = 0; good && i < cell->gates; i++) {
        const char *at = strchr(cell->order, given[i]);
        // The candidate has other names.
        if (!at && strchr("cghn", given[i]))
            at = strpbrk(cell->order, "gn");
        good = at && !seen[at - cell->order];
        if (good)
            seen[at - cell->order] = true;
    }
    if (!good)
        return desc_fail(
            r->net, place, "is '%.20s'; the letters %s are expected, in the order of the weights%s",
            given, cell->torch, cell->gates == 4 ? " (c for g as well)" : " (h for n as well)");
    r->node.gates = given;
    return 0;
}

// The functions, of which the candidate's is that of the output too, where an LSTM says no other.
static int read_functions(struct reading *r) {
    static const char *const keys[] = {"gate_activation", "activation", "output_activation"};
    const int first = r->node.cell && r->node.cell->functions == 1 ? 1 : 0;
    const int count = r->node.cell ? r->node.cell->functions : 0;
    char place[DESC_PATH];

    for (int i = 0; i < DESC_FUNCTIONS; i++) {
        const bool has = i >= first && i < first + count;
        desc_place(place, r->path, keys[i]);
        if (!has && json_object_get(r->layer, keys[i]))
            return desc_fail(r->net, place, "is what %s does not have",
                             r->node.own ? "a cell of your own" : r->node.cell->name);
        if (has && desc_get_function(r->net, r->path, r->layer, keys[i], DESC_IN_CELL,
                                     &r->node.functions[i - first]) != 0)
            return -1;
    }
    if (count == 3 && !json_object_get(r->layer, keys[2]))
        r->node.functions[2] = r->node.functions[1];
    return 0;
}

static int read_start(struct reading *r) {
    static const char *const keys[] = {"h", "c", NULL};
    const json_t *start = json_object_get(r->layer, "start");
    const bool second =
        r->node.own ? r->node.own->kind->second_field : strcmp(r->node.cell->name, "lstm") == 0;
    char place[DESC_PATH];

    if (!start)
        return 0;
    desc_place(place, r->path, "start");
    if (!json_is_object(start))
        return desc_fail(r->net, place, "is no object with h%s", second ? " and c" : "");
    if (desc_check_keys(r->net, place, start, keys) != 0)
        return -1;
    r->node.start_h = json_object_get(start, "h");
    r->node.start_c = json_object_get(start, "c");
    return r->node.start_c && !second ? desc_fail(r->net, place, "has c, and the cell has h only")
                                      : 0;
}

static int find_cell(struct reading *r) {
    const char *given = NULL, *names[64];
    char place[DESC_PATH], text[400] = "";
    size_t count;

    if (desc_get_text(r->net, r->path, r->layer, "cell", &given) != 0)
        return -1;
    r->node.own = mr_own_cell_find(r->net->own, given);
    r->node.cell = r->node.own ? NULL : desc_find_cell(given);
    if (r->node.own || r->node.cell)
        return 0;
    desc_place(place, r->path, "cell");
    desc_cell_names(r->net, names, &count, sizeof names / sizeof *names);
    desc_suggest(text, sizeof text, given, names, count);
    return desc_fail(r->net, place,
                     "is '%.40s', which is not known (--cell adds a cell of your "
                     "own)%s",
                     given, text);
}

static int read_cell(struct reading *r) {
    static const char *const resets[] = {"after", "before", NULL};
    struct desc_node *node = &r->node;
    bool residual = false;
    int reset = 0;
    double dropout = 0;

    if (find_cell(r) != 0)
        return -1;
    const bool is_lstm = node->cell && strcmp(node->cell->name, "lstm") == 0;
    const bool is_gru = node->cell && strcmp(node->cell->name, "gru") == 0;
    node->levels = 1;
    if (desc_get_whole(r->net, r->path, r->layer, "hidden", 1, MR_MAX_WIDTH, &node->hidden) != 0 ||
        desc_get_whole(r->net, r->path, r->layer, "layers", 1, MR_MAX_LAYERS, &node->levels) != 0 ||
        desc_get_bool(r->net, r->path, r->layer, "bidirectional", &node->bidirectional) != 0 ||
        desc_get_bool(r->net, r->path, r->layer, "reverse", &node->reverse) != 0 ||
        desc_get_bool(r->net, r->path, r->layer, "coupled", &node->coupled) != 0 ||
        desc_get_bool(r->net, r->path, r->layer, "residual", &residual) != 0 ||
        desc_get_real(r->net, r->path, r->layer, "dropout", 0, 1, &dropout) != 0 ||
        desc_get_real(r->net, r->path, r->layer, "clip", FLT_MIN, FLT_MAX, &node->clip) != 0 ||
        desc_get_whole(r->net, r->path, r->layer, "proj_size", 0, MR_MAX_WIDTH,
                       &node->projection) != 0 ||
        desc_get_word(r->net, r->path, r->layer, "reset", resets, &reset) != 0 ||
        desc_get_bias(r->net, r->path, r->layer, &r->node.bias) != 0 || read_functions(r) != 0 ||
        check_gates(r) != 0 || read_start(r) != 0)
        return -1;
    if (node->hidden == 0)
        return desc_fail(r->net, r->path, "has no \"hidden\", the number of its units");
    if (json_object_get(r->layer, "reset") && !is_gru)
        return desc_fail(r->net, r->path, "has a reset, which a gru has");
    if (node->coupled && !is_lstm)
        return desc_fail(r->net, r->path, "is coupled, which an lstm may be");
    if (node->projection && (!is_lstm || node->projection >= node->hidden))
        return desc_fail(r->net, r->path, "has a proj_size of %d, which %s", node->projection,
                         is_lstm ? "must be less than hidden" : "an lstm may have");
    if (node->bidirectional && node->reverse)
        return desc_fail(r->net, r->path, "is bidirectional, so it cannot be reverse too");
    if (!desc_per_step(r->net, r->at))
        return desc_fail(r->net, r->path,
                         "reads one row for a sequence; a recurrent layer reads every step");
    if (residual && node->levels > 1)
        return desc_fail(r->net, r->path,
                         "has residual links around several layers; write each "
                         "as a layer of its own");
    node->reset_first = reset == 1;
    node->units = desc_h(node) * (node->bidirectional ? 2 : 1);
    const int before = r->at;
    for (node->level = 0; node->level < node->levels; node->level++)
        if (add(r) != 0)
            return -1;
    return residual ? add_residual(r, before) : 0;
}

// ---- other layers

static int add_activation(struct reading *r, enum desc_use use) {
    r->node.kind = DESC_ACTIVATION;
    if (desc_get_function(r->net, r->path, r->layer, "activation", use, &r->node.function) != 0)
        return -1;
    r->node.units = 0;
    r->node.weights = NULL;
    return r->node.function.row ? add(r) : 0;
}

static int read_dense(struct reading *r) {
    bool residual = false;
    const int before = r->at;

    r->node.kind = DESC_DENSE;
    if (desc_get_whole(r->net, r->path, r->layer, "dense", 1, MR_MAX_WIDTH, &r->node.units) != 0 ||
        desc_get_bool(r->net, r->path, r->layer, "residual", &residual) != 0 ||
        desc_get_bias(r->net, r->path, r->layer, &r->node.bias) != 0)
        return -1;
    if (add(r) != 0 || add_activation(r, DESC_IN_LAYER) != 0)
        return -1;
    return residual ? add_residual(r, before) : 0;
}

static int read_embedding(struct reading *r) {
    r->node.kind = DESC_EMBEDDING;
    if (desc_get_whole(r->net, r->path, r->layer, "embedding", 1, MR_MAX_WIDTH, &r->node.units) !=
        0)
        return -1;
    if (r->at != DESC_X || !r->net->tokens)
        return desc_fail(r->net, r->path,
                         r->net->tokens ? "reads what is not the input; an "
                                          "embedding is the first layer"
                                        : "is an embedding, which reads tokens: "
                                          "\"inputs\": {\"tokens\": N}");
    return add(r);
}

static int read_norm(struct reading *r) {
    const bool batch = json_object_get(r->layer, "batch_norm");
    bool there = true;

    r->node.kind = batch ? DESC_BATCH_NORM : DESC_LAYER_NORM;
    r->node.epsilon = 1e-5;
    r->node.affine = true;
    if (desc_get_bool(r->net, r->path, r->layer, batch ? "batch_norm" : "layer_norm", &there) !=
            0 ||
        desc_get_real(r->net, r->path, r->layer, "epsilon", 0, 1, &r->node.epsilon) != 0 ||
        desc_get_bool(r->net, r->path, r->layer, "affine", &r->node.affine) != 0)
        return -1;
    if (!batch && !r->node.affine && r->node.weights)
        return desc_fail(r->net, r->path, "has weights and is not affine");
    return there ? add(r) : 0;
}

// "dropout" drops nothing when the network is run.
static int read_dropout(struct reading *r) {
    double rate = 0;

    return desc_get_real(r->net, r->path, r->layer, "dropout", 0, 1, &rate);
}

static int read_activation(struct reading *r) {
    return add_activation(r, DESC_IN_LAYER);
}

// "concat" and those that make one row of two, with their operators in ONNX, name the other layer.
static const struct {
    const char *key, *onnx;
} joints[] = {
    {"add", "Add"}, {"multiply", "Mul"}, {"max", "Max"}, {"min", "Min"}, {"concat", NULL}};

static int read_joint(struct reading *r) {
    const char *key, *other = NULL;
    char place[DESC_PATH];
    size_t i = 0;

    while (!json_object_get(r->layer, joints[i].key))
        i++;
    key = joints[i].key;
    r->node.joins_by = joints[i].onnx;
    const bool sum = r->node.joins_by;
    desc_place(place, r->path, key);
    r->node.kind = sum ? DESC_ADD : DESC_CONCAT;
    if (desc_get_text(r->net, r->path, r->layer, key, &other) != 0 ||
        desc_find_node(r->net, place, other, &r->node.other) != 0)
        return -1;
    const int left = desc_width(r->net, r->at), right = desc_width(r->net, r->node.other);
    if (sum && left != right)
        return desc_fail(r->net, place, "%s rows of %d and of %d numbers; they must be as many",
                         strcmp(key, "add") == 0 ? "adds" : "makes one row of", left, right);
    if (desc_per_step(r->net, r->at) != desc_per_step(r->net, r->node.other))
        return desc_fail(r->net, place, "joins a row for every step with one for a sequence");
    if (r->net->tokens && (r->at == DESC_X || r->node.other == DESC_X))
        return desc_fail(r->net, place, "reads tokens, which only an embedding does");
    r->node.units = sum ? left : left + right;
    return add(r);
}

// The key that says what a layer is, all keys that it may have beside name and from, and how it is
// read.
static const struct {
    const char *key;
    const char *known[20];
    bool in_head;
    int (*read)(struct reading *r);
} kinds[] = {
    {"cell",
     {"cell", "hidden", "layers", "bidirectional", "reverse", "bias", "reset", "gate_activation",
      "activation", "output_activation", "clip", "coupled", "start", "residual", "dropout",
      "proj_size", "gates", "weights", NULL},
     false,
     read_cell},
    {"dense", {"dense", "activation", "bias", "residual", "weights", NULL}, true, read_dense},
    {"embedding", {"embedding", "weights", NULL}, false, read_embedding},
    {"layer_norm", {"layer_norm", "epsilon", "affine", "weights", NULL}, true, read_norm},
    {"batch_norm", {"batch_norm", "epsilon", "affine", "weights", NULL}, true, read_norm},
    {"add", {"add", NULL}, true, read_joint},
    {"multiply", {"multiply", NULL}, true, read_joint},
    {"max", {"max", NULL}, true, read_joint},
    {"min", {"min", NULL}, true, read_joint},
    {"concat", {"concat", NULL}, true, read_joint},
    {"dropout", {"dropout", NULL}, true, read_dropout},          // a cell may have it too
    {"activation", {"activation", NULL}, true, read_activation}, // others may have it too
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static int find_kind(struct reading *r) {
    const char *names[KINDS], *key;
    const json_t *value;
    char text[400] = "";

    for (int i = 0; i < KINDS; i++) {
        if (json_object_get(r->layer, kinds[i].key))
            return i;
        names[i] = kinds[i].key;
    }
    json_object_foreach((json_t *)(uintptr_t)r->layer, key, value) {
        const char *near = mr_nearest(key, names, KINDS);
        if (near)
            return desc_fail(r->net, r->path,
                             "has a key '%.40s' that is not known; did you mean "
                             "'%s'?",
                             key, near);
    }
    desc_suggest(text, sizeof text, "", names, KINDS);
    return desc_fail(r->net, r->path, "does not say what it is%s", text);
}

static int name_node(struct reading *r, const char *name) {
    struct desc *net = r->net;

    for (int i = 0; i < net->name_count; i++)
        if (strcmp(net->names[i], name) == 0)
            return desc_fail(net, r->path, "has the name '%.40s' of another layer", name);
    if (strcmp(name, "inputs") == 0)
        return desc_fail(net, r->path, "has the name 'inputs', which is the input's");
    if (net->name_count == DESC_NODES)
        return desc_fail(net, r->path, "is one name more than the %d that are possible",
                         DESC_NODES);
    net->names[net->name_count] = name;
    net->named[net->name_count++] = r->at;
    return 0;
}

int desc_read_layer(struct desc *net, const char *path, const json_t *layer, bool in_head,
                    int *at) {
    const char *known[24] = {"name", "from"}, *name = NULL, *from = NULL;
    struct reading r = {.net = net, .path = path, .layer = layer, .at = *at};
    char place[DESC_PATH];

    if (!json_is_object(layer))
        return desc_fail(net, path, "is no object");
    const int kind = find_kind(&r);
    if (kind < 0)
        return -1;
    for (size_t i = 0; kinds[kind].known[i]; i++)
        known[i + 2] = kinds[kind].known[i];
    if (desc_check_keys(net, path, layer, known) != 0 ||
        desc_get_text(net, path, layer, "name", &name) != 0 ||
        desc_get_text(net, path, layer, "from", &from) != 0)
        return -1;
    desc_place(place, path, "from");
    if (from && desc_find_node(net, place, from, &r.at) != 0)
        return -1;
    if (in_head && !kinds[kind].in_head)
        return desc_fail(net, path,
                         "is a layer that stands among the network's \"layers\", not "
                         "in a head");
    if (net->tokens && r.at == DESC_X && strcmp(kinds[kind].key, "embedding") != 0 &&
        strcmp(kinds[kind].key, "dropout") != 0)
        return desc_fail(net, path,
                         "reads tokens; the first layer must be {\"embedding\": "
                         "WIDTH}");
    snprintf(r.node.path, sizeof r.node.path, "%s", path);
    r.node.weights = json_object_get(layer, "weights");
    if (kinds[kind].read(&r) != 0)
        return -1;
    *at = r.at;
    return name ? name_node(&r, name) : 0;
}
