// SPDX-License-Identifier: Apache-2.0
// .millrace files (model.h): what is in them, and writing them. The description (JSON) lists the
// operators in the order of the graph with their input streams, the formats of all streams, and the
// outputs.
#include "model.h"

#include "file.h"
#include "json_append.h"
#include "model_entries.h"
#include "op.h"
#include "places.h"

#include <jansson.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const mr_activation_words[MR_ACTIVATIONS] = {
    [MR_ACTIVATION_LINEAR] = "linear",
    [MR_ACTIVATION_SIGMOID] = "sigmoid",
    [MR_ACTIVATION_TANH] = "tanh",
    [MR_ACTIVATION_RELU] = "relu",
    [MR_ACTIVATION_HARD] = "hard",
    [MR_ACTIVATION_LEAKY] = "leaky_relu",
    [MR_ACTIVATION_THRESHOLDED] = "thresholded_relu",
    [MR_ACTIVATION_SOFTSIGN] = "softsign",
    [MR_ACTIVATION_SOFTPLUS] = "softplus",
    [MR_ACTIVATION_ELU] = "elu",
    [MR_ACTIVATION_SWISH] = "swish",
    [MR_ACTIVATION_GELU] = "gelu",
    [MR_ACTIVATION_GELU_TANH] = "gelu_tanh",
    [MR_ACTIVATION_HARD_SWISH] = "hard_swish",
    [MR_ACTIVATION_MISH] = "mish",
};

const char *const mr_place_words[MR_PLACES] = {"gates", "candidate", "cell_state"};

void mr_model_data_free(struct mr_model_data *model) {
    mr_network_free(&model->network);
    free(model->output_accuracy);
    for (size_t i = 0; i < model->source_count; i++)
        free(model->sources[i]);
    free(model->sources);
    memset(model, 0, sizeof *model);
}

// ---- Tensors

struct list {
    struct mr_entry_of_model *entries;
    size_t count;
    const char *op;
};

// columns: 0 for a vector
static void add(struct list *list, const char *prefix, const char *name, enum mr_dtype dtype,
                int rows, int columns, void *data) {
    struct mr_entry_of_model *e = &list->entries[list->count++];

    *e = (struct mr_entry_of_model){.dtype = dtype,
                                    .rank = columns > 0 ? 2 : 1,
                                    .shape = {(size_t)rows, (size_t)columns},
                                    .data = data};
    snprintf(e->name, sizeof e->name, "%s%s.%s", prefix, list->op, name);
}

size_t mr_model_entries(const struct mr_network *network, struct mr_entry_of_model *entries) {
    struct list list = {.entries = entries};

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const int rows = mr_op_rows(op), columns = mr_op_columns(op), sums = mr_op_sums(op);
        const bool recurrent = op->kind->recurrent;
        list.op = op->name;
        if (rows == 0)
            continue;
        add(&list, "", "weight", op->precision.weight_bits == 8 ? MR_I8 : MR_I16, rows, columns,
            op->rows.weight);
        add(&list, "float.", recurrent ? "weight_ih" : "weight", MR_F32, rows,
            recurrent ? op->inputs : columns, op->w_x);
        if (recurrent)
            add(&list, "float.", "weight_hh", MR_F32, rows, op->units, op->w_h);
        if (sums == 0)
            continue;
        add(&list, "", "bias", MR_I64, sums, 0, op->rows.bias);
        add(&list, "", "shift", MR_I32, sums, 0, op->rows.shift);
        add(&list, "float.", "bias", MR_F32, sums, 0, op->bias);
        if (mr_op_constants(op) > 0) {
            add(&list, "", "constants", MR_I32, mr_op_constants(op), 0, op->rows.constant);
            add(&list, "float.", "constants", MR_F32, mr_op_constants(op), 0, op->constants);
        }
        if (op->start_rows > 0)
            add(&list, "float.", "start", MR_F32, op->start_rows, mr_op_start_columns(op),
                op->start);
    }
    list.op = "input";
    add(&list, "", "frac_bits", MR_I32, network->streams[0].width, 0, network->streams[0].frac);
    if (network->offset)
        add(&list, "", "offset", MR_F32, network->streams[0].width, 0, network->offset);
    if (network->encoder) {
        struct mr_stream *encoder = &network->streams[network->encoder];
        list.op = "encoder";
        add(&list, "", "frac_bits", MR_I32, encoder->width, 0, encoder->frac);
    }
    return list.count;
}

// ---- The description

static bool put(json_t *object, const char *key, json_t *value) {
    return value && json_object_set_new(object, key, value) == 0;
}

const char *mr_cast_words(struct mr_cast cast) {
    return cast.whole ? (cast.truth ? "int bool" : "int") : cast.truth ? "bool" : NULL;
}

static bool put_cast(json_t *root, const char *key, struct mr_cast cast) {
    return !mr_cast_words(cast) || put(root, key, json_string(mr_cast_words(cast)));
}

static json_t *accuracy_list(const struct mr_accuracy *list, int count) {
    json_t *array = json_array();

    for (int i = 0; list && i < count; i++)
        mr_json_append(
            &array, json_pack("[f, f, f]", list[i].rms_error, list[i].max_error, list[i].snr_db));
    return array;
}

// One number where all of a stream have the same format, else a list.
static json_t *frac_json(const struct mr_stream *stream) {
    bool same = true;
    json_t *list = json_array();

    for (int o = 0; o < stream->width; o++) {
        same = same && stream->frac[o] == stream->frac[0];
        mr_json_append(&list, json_integer(stream->frac[o]));
    }
    if (!same || !list)
        return list;
    json_decref(list);
    return json_integer(stream->frac[0]);
}

static bool full_precision(struct mr_precision precision) {
    return precision.weight_bits == 16 && precision.column_bits == 16;
}

// Of an activation that the cell has by itself nothing, of one without numbers its word.
static bool put_place(json_t *object, const struct mr_op *op, enum mr_place_of_cell where) {
    const struct mr_place *place = &op->places[where], own = mr_place_own(where);
    const bool of_cell = !op->kind->has_activation;
    const char *kind = mr_activation_words[place->kind];
    json_t *of = json_pack("{s:s}", "kind", kind);
    const struct {
        const char *key;
        double value, usual;
    } numbers[] = {{"alpha", place->alpha, 0},     {"scale", place->scale, 1},
                   {"low", place->low, -INFINITY}, {"high", place->high, INFINITY},
                   {"factor", place->factor, 1},   {"offset", place->offset, 0}};
    bool good = of, plain = true;

    for (size_t i = 0; good && i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].value != numbers[i].usual) {
            good = put(of, numbers[i].key, json_real(numbers[i].value));
            plain = false;
        }
    // Of the candidate of a cell without a second field it is the output's.
    if (good && place->frac != own.frac && (op->kind->second_field || where == MR_PLACE_GATE)) {
        good = put(of, "frac_bits", json_integer(place->frac));
        plain = false;
    }
    if (good && (!plain || !of_cell || place->kind != own.kind))
        good = put(object, of_cell ? mr_place_words[where] : "activation",
                   plain ? json_string(kind) : json_incref(of));
    json_decref(of);
    return good;
}

static json_t *operator_json(const struct mr_network *network, const struct mr_op *op) {
    char name[MR_PRECISION_NAME];
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:o}", "type", op->kind->name, "input", op->input, "units",
                  op->units, "frac_bits", frac_json(&network->streams[op->output]));
    bool good = object;

    if (good && op->start_rows > 0)
        good = put(object, "start_rows", json_integer(op->start_rows));
    if (good && op->kind->joins)
        good = put(object, "other", json_integer(op->other));
    if (good && op->given[0] >= 0)
        good = put(object, "given_h", json_integer(op->given[0]));
    if (good && op->given[1] >= 0)
        good = put(object, "given_second", json_integer(op->given[1]));
    if (good && mr_op_is_whole(op))
        good = put(object, "most_steps", json_integer(op->most_steps));
    if (good && op->kind->repeats)
        good = put(object, "steps", json_integer(network->streams[op->output].steps));
    if (good && op->kind->own)
        good = put(object, "own_cell", json_string(op->kind->own));
    if (good && op->kind->has_activation)
        good = put_place(object, op, MR_PLACE_G);
    if (good && op->kind->looks_up)
        good = put(object, "entries", json_integer(op->entries));
    if (good && op->kind->has_epsilon)
        good = put(object, "epsilon", json_real(op->epsilon));
    for (int p = 0; good && p < MR_PLACES; p++)
        good = op->kind->places[p] == 0 || put_place(object, op, (enum mr_place_of_cell)p);
    if (good && op->kind->constants)
        good = put(object, "constant_frac_bits", json_integer(op->rows.constant_frac));
    if (good && op->exponent)
        good = put(object, "cell_exponent", json_integer(op->exponent));
    if (good && !full_precision(op->precision))
        good = put(object, "precision", json_string(mr_precision_name(op->precision, name)));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *output_json(const struct mr_sink *output) {
    json_t *object = json_pack("{s:s, s:i}", "name", output->name, "stream", output->stream);

    bool good = object && put_cast(object, "cast", output->cast);
    if (good && output->log_softmax)
        good = put(object, "log_softmax", json_true());
    if (good && output->cast.clips)
        good = put(object, "clip", json_pack("[f, f]", output->cast.low, output->cast.high));
    if (good && output->cast.side)
        good = put(object, output->cast.side > 0 ? "above" : "below", json_real(output->cast.than));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *mask_json(const struct mr_mask *mask) {
    json_t *object = json_pack("{s:f}", mr_relation_words[mask->relation], mask->than);
    bool good = object;

    if (good && mask->whole)
        good = put(object, "whole", json_true());
    if (good && mask->only)
        good = put(object, "feature", json_integer(mask->only - 1));
    if (good)
        return object;
    json_decref(object);
    return NULL;
}

// The encoder's input.
static json_t *encoder_json(const struct mr_network *n) {
    json_t *object = json_pack("{s:i, s:s}", "inputs", n->streams[n->encoder].width, "input_name",
                               n->encoder_name ? n->encoder_name : "x");

    if (!object || put_cast(object, "input_cast", n->encoder_cast))
        return object;
    json_decref(object);
    return NULL;
}

// NULL when memory is short or a name is no UTF-8.
static json_t *describe(const struct mr_model_data *model) {
    const struct mr_network *n = &model->network;
    json_t *root = json_object(), *operators = json_array(), *outputs = json_array();
    bool good = put(root, "name", json_string(n->name ? n->name : "")) &&
                put(root, "layout", json_string(n->layout)) &&
                put(root, "steps", json_integer(n->steps)) &&
                put(root, "inputs", json_integer(n->streams[0].width)) &&
                put(root, "input_name", json_string(n->input_name ? n->input_name : "x")) &&
                put_cast(root, "input_cast", n->input_cast);

    if (good && n->encoder)
        good = put(root, "encoder", encoder_json(n));
    if (good && n->offset)
        good = put(root, "input_offset", json_true());
    if (good && n->lengths) {
        json_t *lengths = json_array();
        for (int i = 0; i < n->length_count; i++)
            mr_json_append(&lengths, json_integer(n->lengths[i]));
        good = put(root, "lengths", lengths);
    }
    if (good && n->mask.given)
        good = put(root, "mask", mask_json(&n->mask));
    for (int i = 0; i < n->op_count; i++)
        good = good && json_array_append_new(operators, operator_json(n, &n->ops[i])) == 0;
    for (int o = 0; o < n->output_count; o++)
        good = good && json_array_append_new(outputs, output_json(&n->outputs[o])) == 0;
    good = good && json_object_set(root, "operators", operators) == 0 &&
           json_object_set(root, "outputs", outputs) == 0;
    if (good && model->accuracy.count > 0)
        good =
            put(root, "accuracy",
                json_pack("{s:I, s:f, s:f, s:f, s:o}", "outputs", (json_int_t)model->accuracy.count,
                          "rms_error", model->accuracy.rms_error, "max_error",
                          model->accuracy.max_error, "snr_db", model->accuracy.snr_db, "each",
                          accuracy_list(model->output_accuracy, mr_network_width(n))));
    json_decref(operators);
    json_decref(outputs);
    if (good)
        return root;
    json_decref(root);
    return NULL;
}

size_t mr_entry_count(const struct mr_entry_of_model *entry) {
    return entry->shape[0] * (entry->rank > 1 ? entry->shape[1] : 1);
}

size_t mr_entry_bytes(const struct mr_entry_of_model *entry) {
    return mr_entry_count(entry) *
           (entry->dtype == MR_I8 ? sizeof(int16_t) : mr_dtype_size(entry->dtype));
}

int mr_model_data_identity(const struct mr_model_data *model,
                           unsigned char identity[MR_MODEL_IDENTITY]) {
    static const char *const no_part[] = {"name",   "accuracy",   "steps",
                                          "layout", "input_name", "outputs"};
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct mr_entry_of_model *list = calloc(MR_MODEL_ENTRIES, sizeof *list);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    json_t *root = describe(model);

    for (size_t i = 0; root && i < sizeof no_part / sizeof *no_part; i++)
        json_object_del(root, no_part[i]);
    char *text =
        root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    bool good = list && context && text && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, text, strlen(text)) == 1;
    const size_t count = good ? mr_model_entries(&model->network, list) : 0;
    for (size_t i = 0; good && i < count; i++)
        if (list[i].dtype != MR_F32)
            good = EVP_DigestUpdate(context, list[i].name, strlen(list[i].name) + 1) == 1 &&
                   EVP_DigestUpdate(context, list[i].data, mr_entry_bytes(&list[i])) == 1;
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    if (good)
        memcpy(identity, digest, MR_MODEL_IDENTITY);
    EVP_MD_CTX_free(context);
    json_decref(root);
    free(list);
    free(text);
    return good ? 0 : -1;
}

// Numbers of 8 bits as the file has them; NULL when memory is short.
static int8_t *narrow(const struct mr_entry_of_model *entry) {
    const size_t count = mr_entry_count(entry);
    const int16_t *from = entry->data;
    int8_t *bytes = malloc(count);

    for (size_t i = 0; bytes && i < count; i++)
        bytes[i] = (int8_t)from[i];
    return bytes;
}

// The tensors of a file, as many as of the network; -1 when memory is short. Free with
// free_tensors in either case.
static int make_tensors(const struct mr_entry_of_model *list, size_t count,
                        struct mr_tensor *tensors) {
    for (size_t i = 0; i < count; i++) {
        const void *data = list[i].dtype == MR_I8 ? narrow(&list[i]) : list[i].data;
        tensors[i] = (struct mr_tensor){.name = list[i].name,
                                        .dtype = list[i].dtype,
                                        .rank = list[i].rank,
                                        .shape = {list[i].shape[0], list[i].shape[1]},
                                        .count = mr_entry_count(&list[i]),
                                        .data = data};
        if (!data)
            return -1;
    }
    return 0;
}

static void free_tensors(struct mr_tensor *tensors, size_t count) {
    for (size_t i = 0; tensors && i < count; i++)
        if (tensors[i].dtype == MR_I8)
            free((void *)tensors[i].data);
    free(tensors);
}

int mr_model_data_save(const struct mr_model_data *model, const char *path, char *error,
                       size_t error_size) {
    struct mr_entry_of_model *list = calloc(MR_MODEL_ENTRIES, sizeof *list);
    struct mr_tensor *tensors = calloc(MR_MODEL_ENTRIES, sizeof *tensors);
    json_t *description = describe(model);
    char *text =
        description ? json_dumps(description, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    const size_t count = list ? mr_model_entries(&model->network, list) : 0;
    int result;

    json_decref(description);
    if (!list || !tensors || !text || make_tensors(list, count, tensors) != 0) {
        result = mr_fail(error, error_size,
                         "%s cannot be written: not enough memory, or the model's name is not "
                         "UTF-8",
                         path);
    } else {
        const struct mr_pair metadata[] = {
            {"format", "millrace"},
            // What has no encoder is read by programs from before there were any.
            {"version", model->network.encoder ? "4" : "3"},
            {"description", text}};
        result = mr_safetensors_write(path, tensors, count, metadata, 3, error, error_size);
    }
    free_tensors(tensors, count);
    free(list);
    free(text);
    return result;
}
