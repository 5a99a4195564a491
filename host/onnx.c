// SPDX-License-Identifier: Apache-2.0
// Import of LSTM networks from ONNX files: decodes the file within a memory budget, then executes
// the nodes that the output needs, one after the other, with abstract values.
#include "onnx.h"

#include "file.h"
#include "file_kind.h"
#include "onnx_parts.h"
#include "onnx_wire.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t max_file = (size_t)1 << 31;

enum { MAX_VALUES = 65536 };

struct onnx_chunk {
    struct onnx_chunk *next;
    max_align_t data[];
};

static int pass_through(struct onnx_reader *r);

static const struct {
    const char *type;
    int (*run)(struct onnx_reader *r);
} operators[] = {
    {"Add", onnx_add},
    {"Cast", pass_through},
    {"Concat", onnx_concat},
    {"Constant", onnx_constant},
    {"ConstantOfShape", onnx_constant_of_shape},
    {"Dropout", pass_through},
    {"Expand", onnx_expand},
    {"Flatten", onnx_flatten},
    {"Gather", onnx_gather},
    {"Gemm", onnx_gemm},
    {"Identity", pass_through},
    {"LSTM", onnx_lstm},
    {"MatMul", onnx_matmul},
    {"Mul", onnx_arithmetic},
    {"Reshape", onnx_reshape},
    {"Shape", onnx_shape},
    {"Sigmoid", onnx_sigmoid},
    {"Slice", onnx_slice},
    {"Squeeze", onnx_squeeze},
    {"Sub", onnx_arithmetic},
    {"Transpose", onnx_transpose},
    {"Unsqueeze", onnx_unsqueeze},
};

void *onnx_allocate(struct onnx_reader *r, size_t count, size_t size) {
    size_t bytes;

    if (!mr_multiply(count, size, &bytes) || bytes > r->budget ||
        r->budget - bytes < sizeof(struct onnx_chunk))
        return NULL;
    struct onnx_chunk *chunk = malloc(sizeof *chunk + bytes);
    if (!chunk)
        return NULL;
    r->budget -= bytes + sizeof *chunk;
    chunk->next = r->chunks;
    r->chunks = chunk;
    return chunk->data;
}

int onnx_fail(struct onnx_reader *r, const char *format, ...) {
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *name = r->node->name ? r->node->name : "";
    if (!name[0] && r->node->n_output > 0)
        name = r->node->output[0];
    return mr_fail(r->error, r->error_size, "%s: node '%.100s' (%.40s) %s", r->file, name,
                   r->node->op_type ? r->node->op_type : "no operator", text);
}

// The slot of a name: where it is, or where it would be put.
static size_t find_slot(const struct onnx_reader *r, const char *name) {
    uint64_t hash = 14695981039346656037u;

    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    size_t slot = (size_t)(hash ^ hash >> 29) & (r->slot_count - 1);
    while (r->slots[slot] >= 0 && strcmp(r->values[r->slots[slot]].name, name) != 0)
        slot = (slot + 1) & (r->slot_count - 1);
    return slot;
}

static struct onnx_value *find(const struct onnx_reader *r, const char *name) {
    if (!name[0])
        return NULL;
    size_t slot = find_slot(r, name);
    return r->slots[slot] >= 0 ? &r->values[r->slots[slot]] : NULL;
}

// Adds a name; NULL when it is there already.
static struct onnx_value *add(struct onnx_reader *r, const char *name) {
    size_t slot = find_slot(r, name);

    if (r->slots[slot] >= 0 || r->value_count == r->value_limit)
        return NULL;
    struct onnx_value *value = &r->values[r->value_count];
    r->slots[slot] = (int32_t)r->value_count++;
    value->name = name;
    return value;
}

const struct onnx_value *onnx_input(struct onnx_reader *r, size_t index) {
    return index < r->node->n_input ? find(r, r->node->input[index]) : NULL;
}

struct onnx_value *onnx_output(struct onnx_reader *r, size_t index) {
    return index < r->node->n_output ? find(r, r->node->output[index]) : NULL;
}

void onnx_copy(struct onnx_value *to, const struct onnx_value *from) {
    const char *name = to->name;
    bool needed = to->needed;

    *to = *from;
    to->name = name;
    to->needed = needed;
}

const Onnx__AttributeProto *onnx_attribute(struct onnx_reader *r, const char *name) {
    for (size_t i = 0; i < r->node->n_attribute; i++) {
        if (r->node->attribute[i]->name && strcmp(r->node->attribute[i]->name, name) == 0)
            return r->node->attribute[i];
    }
    return NULL;
}

int64_t onnx_int(struct onnx_reader *r, const char *name, int64_t fallback) {
    const Onnx__AttributeProto *a = onnx_attribute(r, name);

    return a && a->has_i ? a->i : fallback;
}

float onnx_float(struct onnx_reader *r, const char *name, float fallback) {
    const Onnx__AttributeProto *a = onnx_attribute(r, name);

    return a && a->has_f ? a->f : fallback;
}

int onnx_list(struct onnx_reader *r, const char *name, size_t input, int64_t *list, int *count) {
    const Onnx__AttributeProto *a = onnx_attribute(r, name);
    const struct onnx_value *in = onnx_input(r, input);

    *count = -1;
    if (a && !in) {
        if (a->n_ints > ONNX_INTS)
            return onnx_fail(r, "has more than %d %s", ONNX_INTS, name);
        *count = (int)a->n_ints;
        for (int i = 0; i < *count; i++)
            list[i] = a->ints[i];
    } else if (in) {
        if (in->kind != ONNX_VECTOR)
            return onnx_fail(r, "has %s that are not constant", name);
        *count = in->count;
        for (int i = 0; i < *count; i++) {
            if (in->ints[i].symbol != SYMBOL_NONE)
                return onnx_fail(r, "has %s that depend on the size of the input", name);
            list[i] = in->ints[i].k;
        }
    }
    return 0;
}

int onnx_axis(struct onnx_reader *r, int64_t axis, int rank, int *result) {
    if (axis < -rank || axis >= rank)
        return onnx_fail(r, "names axis %lld of a value that has %d", (long long)axis, rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

// Operators that change nothing in inference.
static int pass_through(struct onnx_reader *r) {
    if (r->node->op_type[0] == 'D') {
        const struct onnx_value *training = onnx_input(r, 2), *mask = onnx_output(r, 1);
        if (training && !onnx_all_zero(training) &&
            !(training->kind == ONNX_VECTOR && training->count == 1 && training->ints[0].k == 0))
            return onnx_fail(r, "is in training mode; export the model after model.eval()");
        if (mask && mask->needed)
            return onnx_fail(r, "has a mask that is used, which this version does not support");
    }
    onnx_copy(onnx_output(r, 0), onnx_input(r, 0));
    return 0;
}

static int run_node(struct onnx_reader *r) {
    const char *type = r->node->op_type ? r->node->op_type : "";
    const char *domain = r->node->domain ? r->node->domain : "";
    bool usual = !domain[0] || strcmp(domain, "ai.onnx") == 0;

    for (size_t i = 0; i < r->node->n_input; i++) {
        const struct onnx_value *in = onnx_input(r, i);
        if (r->node->input[i][0] && (!in || in->kind == ONNX_NONE))
            return onnx_fail(r, "reads '%.100s', which nothing before it makes", r->node->input[i]);
    }
    for (size_t i = 0; usual && i < sizeof operators / sizeof operators[0]; i++) {
        if (strcmp(type, operators[i].type) != 0)
            continue;
        if (!onnx_output(r, 0) && strcmp(type, "LSTM") != 0)
            return onnx_fail(r, "has no first output");
        if (!onnx_input(r, 0) && strcmp(type, "Constant") != 0)
            return onnx_fail(r, "has no first input");
        return operators[i].run(r);
    }
    const char *name = r->node->name && r->node->name[0] ? r->node->name
                       : r->node->n_output > 0           ? r->node->output[0]
                                                         : "";
    return mr_fail(r->error, r->error_size,
                   "%s: node '%.100s' has operator %.60s%s%.60s; this version imports LSTM layers "
                   "and one linear head (Gemm, or MatMul and Add) with an optional Sigmoid",
                   r->file, name, domain, usual ? "" : ".", type);
}

static int add_input(struct onnx_reader *r, const Onnx__ValueInfoProto *info, bool first) {
    struct onnx_value *value = add(r, info->name);
    const Onnx__TypeProto *type = info->type;

    if (!value)
        return mr_fail(r->error, r->error_size, "%s: input '%.100s' is defined twice", r->file,
                       info->name);
    value->kind = ONNX_OPAQUE;
    if (!first)
        return 0;
    if (!type || type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !type->tensor_type ||
        type->tensor_type->elem_type != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return mr_fail(r->error, r->error_size,
                       "%s: input '%.100s' is not a float32 tensor; export the model in float32",
                       r->file, info->name);
    const Onnx__TensorShapeProto *shape = type->tensor_type->shape;
    if (!shape || shape->n_dim != 3)
        return mr_fail(r->error, r->error_size,
                       "%s: input '%.100s' has %zu axes; batch, time and features are expected",
                       r->file, info->name, shape ? shape->n_dim : 0);
    value->kind = ONNX_FLOW;
    value->rank = 3;
    value->layer = -1;
    for (int i = 0; i < 3; i++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[i];
        bool fixed = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
                     d->dim_value > 0;
        value->axis[i] = (enum onnx_axis)i;
        value->dims[i] =
            fixed ? (struct onnx_size){d->dim_value, SYMBOL_NONE} : (struct onnx_size){0, i + 1};
    }
    return 0;
}

// Names of everything: constants first, as older files list them among the inputs too.
static int add_values(struct onnx_reader *r, const Onnx__GraphProto *g) {
    bool first = true;

    for (size_t i = 0; i < g->n_initializer; i++) {
        const char *name = g->initializer[i]->name;
        if (!name || !name[0] || !add(r, name))
            return mr_fail(r->error, r->error_size,
                           "%s: initializer %zu has no name or is defined twice", r->file, i);
    }
    for (size_t i = 0; i < g->n_input; i++) {
        if (!g->input[i]->name || !g->input[i]->name[0])
            return mr_fail(r->error, r->error_size, "%s: input %zu has no name", r->file, i);
        if (find(r, g->input[i]->name))
            continue;
        if (add_input(r, g->input[i], first) != 0)
            return -1;
        first = false;
    }
    for (size_t i = 0; i < g->n_node; i++) {
        for (size_t j = 0; j < g->node[i]->n_output; j++) {
            const char *name = g->node[i]->output[j];
            if (name[0] && !add(r, name))
                return mr_fail(r->error, r->error_size, "%s: value '%.100s' is defined twice",
                               r->file, name);
        }
    }
    return 0;
}

static bool is_needed(struct onnx_reader *r) {
    for (size_t i = 0; i < r->node->n_output; i++) {
        const struct onnx_value *out = onnx_output(r, i);
        if (out && out->needed)
            return true;
    }
    return false;
}

static int run_graph(struct onnx_reader *r, const Onnx__GraphProto *g) {
    if (g->n_output != 1 || !g->output[0]->name)
        return mr_fail(r->error, r->error_size,
                       "%s: the graph has %zu outputs; this version takes one, the linear head's",
                       r->file, g->n_output);
    struct onnx_value *result = find(r, g->output[0]->name);
    if (!result)
        return mr_fail(r->error, r->error_size, "%s: nothing makes the output '%.100s'", r->file,
                       g->output[0]->name);
    result->needed = true;
    // Nodes stand in the order of execution, so one pass backwards finds all that is needed.
    for (size_t i = g->n_node; i-- > 0;) {
        r->node = g->node[i];
        if (!is_needed(r))
            continue;
        for (size_t j = 0; j < r->node->n_input; j++) {
            struct onnx_value *in = find(r, r->node->input[j]);
            if (in)
                in->needed = true;
        }
    }
    for (size_t i = 0; i < g->n_initializer; i++) {
        struct onnx_value *value = find(r, g->initializer[i]->name);
        if (value->needed && onnx_decode(r, g->initializer[i], value) != 0)
            return -1;
    }
    for (size_t i = 0; i < g->n_node; i++) {
        r->node = g->node[i];
        if (is_needed(r) && run_node(r) != 0)
            return -1;
    }
    if (result->kind != ONNX_FLOW || !result->dense)
        return mr_fail(r->error, r->error_size,
                       "%s: the output '%.100s' is not that of a linear layer after an LSTM",
                       r->file, result->name);
    if (r->network->head.sigmoid != result->squash)
        return mr_fail(r->error, r->error_size,
                       "%s: the output '%.100s' branches off before the sigmoid", r->file,
                       result->name);
    for (int o = 0; o < r->network->head.outputs; o++) {
        bool good = isfinite(r->network->head.bias[o]);
        for (int k = 0; good && k < r->network->head.inputs; k++)
            good = isfinite(r->network->head.w[(size_t)o * r->network->head.inputs + k]);
        if (!good)
            return mr_fail(r->error, r->error_size,
                           "%s: output %d of the linear head has weights beyond float32", r->file,
                           o);
    }
    for (int l = 0; l < r->network->layer_count; l++) {
        const struct mr_lstm *layer = &r->network->layers[l];
        for (int row = 0; row < MR_GATES * layer->hidden; row++) {
            if (!isfinite(layer->bias[row]))
                return mr_fail(r->error, r->error_size,
                               "%s: layer %d, row %d has biases whose sum is beyond float32",
                               r->file, l, row);
        }
    }
    return 0;
}

static char *copy_name(const char *name) {
    size_t length = strlen(name);

    if (length > 5 && strcmp(name + length - 5, ".onnx") == 0)
        length -= 5;
    for (size_t i = length; i-- > 0;) {
        if (name[i] == '/') {
            name += i + 1;
            length -= i + 1;
            break;
        }
    }
    char *copy = malloc(length + 1);
    if (copy) {
        memcpy(copy, name, length);
        copy[length] = 0;
    }
    return copy;
}

static int import(struct onnx_reader *r, const Onnx__ModelProto *model) {
    const Onnx__GraphProto *g = model->graph;

    if (!g)
        return mr_fail(r->error, r->error_size, "%s holds no graph", r->file);
    size_t names = g->n_initializer + g->n_input;
    for (size_t i = 0; i < g->n_node; i++)
        names += g->node[i]->n_output;
    if (names > MAX_VALUES || g->n_node > MAX_VALUES)
        return mr_fail(r->error, r->error_size, "%s: the graph has more than %d values", r->file,
                       MAX_VALUES);
    r->value_limit = names;
    for (r->slot_count = 16; r->slot_count < 2 * names + 2;)
        r->slot_count *= 2;
    r->values = calloc(names + 1, sizeof *r->values);
    r->slots = malloc(r->slot_count * sizeof *r->slots);
    r->network->name = copy_name(r->file);
    if (!r->values || !r->slots || !r->network->name)
        return mr_fail(r->error, r->error_size, "%s: not enough memory", r->file);
    memset(r->slots, 0xff, r->slot_count * sizeof *r->slots);
    return add_values(r, g) != 0 ? -1 : run_graph(r, g);
}

int mr_onnx_parse(const void *data, size_t size, const char *name, struct mr_network *network,
                  char *error, size_t error_size) {
    struct onnx_wire wire;

    memset(network, 0, sizeof *network);
    if (size > max_file)
        return mr_fail(error, error_size, "%s is larger than the 2 GiB an ONNX file may have",
                       name);
    Onnx__ModelProto *model = onnx_wire_decode(&wire, data, size, name, error, error_size);
    if (!model)
        return -1;
    struct onnx_reader r = {.file = name,
                            .error = error,
                            .error_size = error_size,
                            .budget = 8 * size + 65536,
                            .network = network,
                            .time_axis = -1};
    int result = import(&r, model);
    while (r.chunks) {
        struct onnx_chunk *next = r.chunks->next;
        free(r.chunks);
        r.chunks = next;
    }
    free(r.values);
    free(r.slots);
    onnx_wire_free(&wire, model);
    if (result != 0)
        mr_network_free(network);
    return result;
}

int mr_onnx_read(const char *path, struct mr_network *network, char *error, size_t error_size) {
    unsigned char *data;
    size_t size;

    memset(network, 0, sizeof *network);
    if (mr_file_read_checked(path, max_file, mr_check_network_file, &data, &size, error,
                             error_size) != 0)
        return -1;
    int result = mr_onnx_parse(data, size, path, network, error, error_size);
    free(data);
    return result;
}
