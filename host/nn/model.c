// SPDX-License-Identifier: Apache-2.0
// Reader and writer of .millrace files.
#include "model.h"

#include "file.h"
#include "safetensors.h"

#include <jansson.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 40, LAYER_TENSORS = 6, OTHER_TENSORS = 6 };

void mr_model_data_free(struct mr_model_data *model) {
    mr_network_free(&model->network);
    mr_quantised_free(&model->quantised);
    free(model->output_accuracy);
    for (size_t i = 0; i < model->source_count; i++)
        free(model->sources[i]);
    free(model->sources);
    memset(model, 0, sizeof *model);
}

// One tensor of the file and where it lives in memory; the same list serves both directions.
struct entry {
    char name[NAME_SIZE];
    enum mr_dtype dtype;
    int rank;
    size_t shape[2];
    void *data;
};

static struct entry entry2(const char *prefix, int layer, const char *name, enum mr_dtype dtype,
                           int rows, int columns, void *data) {
    struct entry e = {.dtype = dtype,
                      .rank = columns > 0 ? 2 : 1,
                      .shape = {(size_t)rows, (size_t)columns},
                      .data = data};

    if (layer >= 0)
        snprintf(e.name, sizeof e.name, "%slstm%d.%s", prefix, layer, name);
    else
        snprintf(e.name, sizeof e.name, "%s%s", prefix, name);
    return e;
}

// Lists all tensors of a model whose sizes are set.
static size_t list_entries(const struct mr_network *n, const struct mr_quantised *q,
                           struct entry *list) {
    size_t count = 0;

    for (int l = 0; l < n->layer_count; l++) {
        const struct mr_lstm *f = &n->layers[l];
        const struct mr_rows *g = &q->layers[l].gates;
        int rows = MR_GATES * f->hidden;
        list[count++] = entry2("", l, "weight", MR_I16, rows, f->inputs + f->hidden, g->weight);
        list[count++] = entry2("", l, "bias", MR_I64, rows, 0, g->bias);
        list[count++] = entry2("", l, "shift", MR_I32, rows, 0, g->shift);
        list[count++] = entry2("float.", l, "weight_ih", MR_F32, rows, f->inputs, f->w_ih);
        list[count++] = entry2("float.", l, "weight_hh", MR_F32, rows, f->hidden, f->w_hh);
        list[count++] = entry2("float.", l, "bias", MR_F32, rows, 0, f->bias);
    }
    const struct mr_dense *f = &n->head;
    const struct mr_rows *g = &q->head.rows;
    list[count++] = entry2("", -1, "head.weight", MR_I16, f->outputs, f->inputs, g->weight);
    list[count++] = entry2("", -1, "head.bias", MR_I64, f->outputs, 0, g->bias);
    list[count++] = entry2("", -1, "head.shift", MR_I32, f->outputs, 0, g->shift);
    list[count++] = entry2("float.", -1, "head.weight", MR_F32, f->outputs, f->inputs, f->w);
    list[count++] = entry2("float.", -1, "head.bias", MR_F32, f->outputs, 0, f->bias);
    list[count++] =
        entry2("", -1, "input.frac_bits", MR_I32, n->layers[0].inputs, 0, q->input_frac_bits);
    return count;
}

// ---- Writing

static bool put(json_t *object, const char *key, json_t *value) {
    return value && json_object_set_new(object, key, value) == 0;
}

// As words, "int" before "bool"; NULL for none.
static const char *cast_words(struct mr_cast cast) {
    return cast.whole ? (cast.truth ? "int bool" : "int") : cast.truth ? "bool" : NULL;
}

static bool put_cast(json_t *root, const char *key, struct mr_cast cast) {
    return !cast_words(cast) || put(root, key, json_string(cast_words(cast)));
}

static json_t *accuracy_list(const struct mr_accuracy *list, int count) {
    json_t *array = json_array();

    for (int i = 0; list && i < count; i++)
        json_array_append_new(
            array, json_pack("[f, f, f]", list[i].rms_error, list[i].max_error, list[i].snr_db));
    return array;
}

// One number where all outputs have the same format, else a list.
static json_t *frac_json(const struct mr_quantised_head *head) {
    bool same = true;
    json_t *list = json_array();

    for (int o = 0; o < head->outputs; o++) {
        same = same && head->frac_bits[o] == head->frac_bits[0];
        json_array_append_new(list, json_integer(head->frac_bits[o]));
    }
    if (!same)
        return list;
    json_decref(list);
    return json_integer(head->frac_bits[0]);
}

// The description; NULL when memory is short or the name is no UTF-8.
static json_t *describe(const struct mr_model_data *model) {
    const struct mr_network *n = &model->network;
    json_t *root = json_object(), *layers = json_array();
    bool good = root && layers;

    for (int l = 0; good && l < n->layer_count; l++) {
        const int exponent = model->quantised.layers[l].cell_exponent;
        json_t *layer = json_pack("{s:s, s:i, s:i}", "type", "lstm", "inputs", n->layers[l].inputs,
                                  "hidden", n->layers[l].hidden);
        good = json_array_append_new(layers, layer) == 0 &&
               (!exponent || put(layer, "cell_exponent", json_integer(exponent)));
    }
    good = good && put(root, "name", json_string(n->name ? n->name : "")) &&
           put(root, "batch_first", json_boolean(n->batch_first)) &&
           put(root, "steps", json_integer(n->steps)) &&
           json_object_set(root, "layers", layers) == 0 &&
           put(root, "head",
               json_pack("{s:s, s:i, s:i, s:s, s:o}", "type", "dense", "inputs", n->head.inputs,
                         "outputs", n->head.outputs, "activation",
                         n->head.sigmoid ? "sigmoid" : "linear", "frac_bits",
                         frac_json(&model->quantised.head)));
    good = good && put_cast(root, "input_cast", n->input_cast) &&
           put_cast(root, "output_cast", n->output_cast);
    if (good && model->accuracy.count > 0)
        good =
            put(root, "accuracy",
                json_pack("{s:I, s:f, s:f, s:f, s:o}", "outputs", (json_int_t)model->accuracy.count,
                          "rms_error", model->accuracy.rms_error, "max_error",
                          model->accuracy.max_error, "snr_db", model->accuracy.snr_db, "each",
                          accuracy_list(model->output_accuracy, n->head.outputs)));
    json_decref(layers);
    if (good)
        return root;
    json_decref(root);
    return NULL;
}

static size_t size_of(const struct entry *entry) {
    return entry->shape[0] * (entry->rank > 1 ? entry->shape[1] : 1);
}

int mr_model_data_identity(const struct mr_model_data *model,
                           unsigned char identity[MR_MODEL_IDENTITY]) {
    static const char *const no_part[] = {"name", "accuracy", "steps", "batch_first"};
    const size_t limit = (size_t)model->network.layer_count * LAYER_TENSORS + OTHER_TENSORS;
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct entry *list = calloc(limit, sizeof *list);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    json_t *root = describe(model);
    for (size_t i = 0; root && i < sizeof no_part / sizeof *no_part; i++)
        json_object_del(root, no_part[i]);
    char *text =
        root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17)) : NULL;
    bool good = list && context && text && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(context, text, strlen(text)) == 1;
    const size_t count = good ? list_entries(&model->network, &model->quantised, list) : 0;
    for (size_t i = 0; good && i < count; i++)
        if (list[i].dtype != MR_F32)
            good = EVP_DigestUpdate(context, list[i].name, strlen(list[i].name) + 1) == 1 &&
                   EVP_DigestUpdate(context, list[i].data,
                                    size_of(&list[i]) * mr_dtype_size(list[i].dtype)) == 1;
    good = good && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    if (good)
        memcpy(identity, digest, MR_MODEL_IDENTITY);
    EVP_MD_CTX_free(context);
    json_decref(root);
    free(list);
    free(text);
    return good ? 0 : -1;
}

int mr_model_data_save(const struct mr_model_data *model, const char *path, char *error,
                       size_t error_size) {
    size_t limit = (size_t)model->network.layer_count * LAYER_TENSORS + OTHER_TENSORS;
    struct entry *list = calloc(limit, sizeof *list);
    struct mr_tensor *tensors = calloc(limit, sizeof *tensors);
    json_t *description = describe(model);
    char *text =
        description ? json_dumps(description, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    int result;

    json_decref(description);

    if (!list || !tensors || !text) {
        result = mr_fail(error, error_size,
                         "%s cannot be written: not enough memory, or the model's name is not "
                         "UTF-8",
                         path);
    } else {
        size_t count = list_entries(&model->network, &model->quantised, list);
        for (size_t i = 0; i < count; i++)
            tensors[i] = (struct mr_tensor){.name = list[i].name,
                                            .dtype = list[i].dtype,
                                            .rank = list[i].rank,
                                            .shape = {list[i].shape[0], list[i].shape[1]},
                                            .count = size_of(&list[i]),
                                            .data = list[i].data};
        const struct mr_pair metadata[] = {
            {"format", "millrace"}, {"version", "2"}, {"description", text}};
        result = mr_safetensors_write(path, tensors, count, metadata, 3, error, error_size);
    }
    free(list);
    free(tensors);
    free(text);
    return result;
}

// ---- Reading

struct reader {
    const char *name;
    char *error;
    size_t error_size;
};

static int bad(const struct reader *r, const char *what) {
    return mr_fail(r->error, r->error_size, "%s: the description of the model %s", r->name, what);
}

// A whole number of an object, from low to high.
static bool number(const json_t *object, const char *key, int low, int high, int *value) {
    const json_t *v = json_object_get(object, key);

    if (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high)
        return false;
    *value = (int)json_integer_value(v);
    return true;
}

static bool word(const json_t *object, const char *key, const char *expected) {
    const char *text = json_string_value(json_object_get(object, key));

    return text && strcmp(text, expected) == 0;
}

static int read_layers(const struct reader *r, const json_t *root, struct mr_model_data *model) {
    const json_t *layers = json_object_get(root, "layers");
    size_t count = json_array_size(layers);

    if (count < 1 || count > MR_MAX_LAYERS)
        return mr_fail(r->error, r->error_size,
                       "%s: the description of the model does not list 1 to %d layers", r->name,
                       (int)MR_MAX_LAYERS);
    model->network.layers = calloc(count, sizeof *model->network.layers);
    model->quantised.layers = calloc(count, sizeof *model->quantised.layers);
    if (!model->network.layers || !model->quantised.layers)
        return bad(r, "needs more memory than there is");
    model->network.layer_count = model->quantised.layer_count = (int)count;
    for (size_t l = 0; l < count; l++) {
        const json_t *entry = json_array_get(layers, l);
        struct mr_lstm *layer = &model->network.layers[l];
        if (!word(entry, "type", "lstm"))
            return bad(r, "has a layer that is not of type lstm");
        if (!number(entry, "inputs", 1, MR_MAX_WIDTH, &layer->inputs) ||
            !number(entry, "hidden", 1, MR_MAX_WIDTH, &layer->hidden))
            return mr_fail(r->error, r->error_size,
                           "%s: the description of the model has a layer that is not of 1 to %d "
                           "inputs and units",
                           r->name, (int)MR_MAX_WIDTH);
        if (l > 0 && layer->inputs != model->network.layers[l - 1].hidden)
            return bad(r, "has layers that do not fit each other");
        if (json_object_get(entry, "cell_exponent") &&
            !number(entry, "cell_exponent", 0, MR_CELL_EXPONENT_MAX,
                    &model->quantised.layers[l].cell_exponent))
            return bad(r, "has a layer whose cell exponent is not from 0 to 16");
        model->quantised.layers[l].inputs = layer->inputs;
        model->quantised.layers[l].hidden = layer->hidden;
    }
    return 0;
}

// One number of them, or several of a list.
static bool read_figures(const json_t *rms, const json_t *max, const json_t *snr,
                         struct mr_accuracy *out) {
    out->rms_error = json_number_value(rms);
    out->max_error = json_number_value(max);
    out->snr_db = json_number_value(snr);
    return json_is_number(rms) && json_is_number(max) && json_is_number(snr);
}

static int read_accuracy(const struct reader *r, const json_t *entry, struct mr_model_data *model) {
    const json_t *outputs = json_object_get(entry, "outputs"),
                 *each = json_object_get(entry, "each");
    const size_t count = json_array_size(each);

    if (!entry)
        return 0;
    if (!json_is_integer(outputs) || json_integer_value(outputs) < 1 ||
        !read_figures(json_object_get(entry, "rms_error"), json_object_get(entry, "max_error"),
                      json_object_get(entry, "snr_db"), &model->accuracy) ||
        (count > 0 && count != (size_t)model->network.head.outputs))
        return bad(r, "has an accuracy that is not of numbers");
    model->accuracy.count = (size_t)json_integer_value(outputs);
    if (count == 0)
        return 0;
    model->output_accuracy = calloc(count, sizeof *model->output_accuracy);
    if (!model->output_accuracy)
        return bad(r, "needs more memory than there is");
    for (size_t i = 0; i < count; i++) {
        const json_t *list = json_array_get(each, i);
        if (!read_figures(json_array_get(list, 0), json_array_get(list, 1), json_array_get(list, 2),
                          &model->output_accuracy[i]))
            return bad(r, "has an accuracy that is not of numbers");
        model->output_accuracy[i].count = model->accuracy.count / count;
    }
    return 0;
}

static int read_cast(const struct reader *r, const json_t *root, const char *key,
                     struct mr_cast *cast) {
    const json_t *entry = json_object_get(root, key);
    static const struct mr_cast possible[] = {{true, false}, {false, true}, {true, true}};

    for (size_t i = 0; entry && i < sizeof possible / sizeof *possible; i++) {
        if (word(root, key, cast_words(possible[i]))) {
            *cast = possible[i];
            return 0;
        }
    }
    return entry ? bad(r, "has a cast that is not known") : 0;
}

static int read_frac(const struct reader *r, const json_t *entry, struct mr_quantised_head *head) {
    head->frac_bits = calloc((size_t)head->outputs, sizeof *head->frac_bits);
    if (!head->frac_bits)
        return bad(r, "needs more memory than there is");
    for (int o = 0; o < head->outputs; o++) {
        const json_t *one = json_is_array(entry) ? json_array_get(entry, (size_t)o) : entry;
        if (!json_is_integer(one) || json_integer_value(one) < 0 || json_integer_value(one) > 63)
            return bad(r, "has no usable formats of the outputs");
        head->frac_bits[o] = (int32_t)json_integer_value(one);
    }
    return json_is_array(entry) && json_array_size(entry) != (size_t)head->outputs
               ? bad(r, "has formats for another number of outputs")
               : 0;
}

static int read_description(const struct reader *r, const json_t *root,
                            struct mr_model_data *model) {
    const json_t *head = json_object_get(root, "head");
    const char *name = json_string_value(json_object_get(root, "name"));
    struct mr_network *n = &model->network;
    struct mr_quantised_head *q = &model->quantised.head;

    if (read_layers(r, root, model) != 0)
        return -1;
    if (!name || !json_is_boolean(json_object_get(root, "batch_first")) ||
        !number(root, "steps", 0, INT32_MAX, &n->steps))
        return bad(r, "lacks name, batch_first or steps");
    n->batch_first = json_is_true(json_object_get(root, "batch_first"));
    n->name = malloc(strlen(name) + 1);
    if (!n->name)
        return bad(r, "needs more memory than there is");
    strcpy(n->name, name);
    if (!word(head, "type", "dense") ||
        !(word(head, "activation", "linear") || word(head, "activation", "sigmoid")) ||
        !number(head, "inputs", 1, MR_MAX_WIDTH, &n->head.inputs) ||
        !number(head, "outputs", 1, MR_MAX_WIDTH, &n->head.outputs))
        return bad(r, "has no usable dense head");
    if (n->head.inputs != n->layers[n->layer_count - 1].hidden)
        return bad(r, "has a head that does not fit the last layer");
    n->head.sigmoid = q->sigmoid = word(head, "activation", "sigmoid");
    q->inputs = n->head.inputs;
    q->outputs = n->head.outputs;
    if (read_frac(r, json_object_get(head, "frac_bits"), q) != 0)
        return -1;
    if (read_cast(r, root, "input_cast", &n->input_cast) != 0 ||
        read_cast(r, root, "output_cast", &n->output_cast) != 0)
        return -1;
    model->quantised.input_cast = n->input_cast;
    model->quantised.output_cast = n->output_cast;
    return read_accuracy(r, json_object_get(root, "accuracy"), model);
}

static int check_tensor(const struct reader *r, const struct mr_safetensors *file,
                        const struct entry *e) {
    const struct mr_tensor *t = mr_safetensors_find(file, e->name);

    if (!t)
        return mr_fail(r->error, r->error_size, "%s lacks tensor '%s'; import the model again",
                       r->name, e->name);
    if (t->dtype != e->dtype || t->rank != e->rank || t->shape[0] != e->shape[0] ||
        (e->rank > 1 && t->shape[1] != e->shape[1]))
        return mr_fail(r->error, r->error_size,
                       "%s: tensor '%s' is not %s of the shape that the description asks for",
                       r->name, e->name, mr_dtype_name(e->dtype));
    return 0;
}

static bool allocate(struct mr_model_data *model) {
    for (int l = 0; l < model->network.layer_count; l++) {
        struct mr_lstm *f = &model->network.layers[l];
        size_t rows = MR_GATES * (size_t)f->hidden;
        f->w_ih = malloc(rows * (size_t)f->inputs * sizeof(float));
        f->w_hh = malloc(rows * (size_t)f->hidden * sizeof(float));
        f->bias = malloc(rows * sizeof(float));
        if (!f->w_ih || !f->w_hh || !f->bias ||
            mr_rows_create(&model->quantised.layers[l].gates, MR_GATES * f->hidden,
                           f->inputs + f->hidden) != 0)
            return false;
    }
    struct mr_dense *f = &model->network.head;
    f->w = malloc((size_t)f->outputs * (size_t)f->inputs * sizeof(float));
    f->bias = malloc((size_t)f->outputs * sizeof(float));
    model->quantised.input_frac_bits =
        malloc((size_t)model->network.layers[0].inputs * sizeof(int32_t));
    return f->w && f->bias && model->quantised.input_frac_bits &&
           mr_rows_create(&model->quantised.head.rows, f->outputs, f->inputs) == 0;
}

static int read_tensors(const struct reader *r, const struct mr_safetensors *file,
                        struct mr_model_data *model, struct entry *list) {
    size_t count = list_entries(&model->network, &model->quantised, list);

    if (file->tensor_count != count)
        return mr_fail(r->error, r->error_size,
                       "%s holds %zu tensors; its description asks for %zu", r->name,
                       file->tensor_count, count);
    // Once all are seen to be in the file, memory for them is no more than the file's size.
    for (size_t i = 0; i < count; i++) {
        if (check_tensor(r, file, &list[i]) != 0)
            return -1;
    }
    if (!allocate(model))
        return mr_fail(r->error, r->error_size, "%s: not enough memory for the weights", r->name);
    list_entries(&model->network, &model->quantised, list);
    for (size_t i = 0; i < count; i++) {
        const struct mr_tensor *t = mr_safetensors_find(file, list[i].name);
        memcpy(list[i].data, t->data, t->count * mr_dtype_size(t->dtype));
        for (size_t k = 0; list[i].dtype == MR_F32 && k < t->count; k++) {
            if (!isfinite(((float *)list[i].data)[k]))
                return mr_fail(r->error, r->error_size,
                               "%s: tensor '%s', element %zu is not a finite number", r->name,
                               list[i].name, k);
        }
    }
    return mr_quantised_check(&model->quantised, r->name, r->error, r->error_size);
}

static int read_model(const struct reader *r, const struct mr_safetensors *file,
                      struct mr_model_data *model) {
    const char *format = mr_safetensors_metadata(file, "format");
    const char *version = mr_safetensors_metadata(file, "version");
    const char *text = mr_safetensors_metadata(file, "description");
    json_error_t where;

    if (!format || strcmp(format, "millrace") != 0 || !version || !text)
        return mr_fail(r->error, r->error_size,
                       "%s is a safetensors file but not a model of this program; make one with "
                       "millrace import",
                       r->name);
    // Version 1 had no casts, one range of cell states, and one format for all outputs.
    if (strcmp(version, "1") != 0 && strcmp(version, "2") != 0)
        return mr_fail(r->error, r->error_size,
                       "%s has format version %.20s; this program reads versions 1 and 2", r->name,
                       version);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return mr_fail(r->error, r->error_size,
                       "%s: the description of the model is not JSON at byte %d: %s", r->name,
                       where.position, where.text);
    int result = read_description(r, root, model);
    json_decref(root);
    if (result != 0)
        return -1;
    struct entry *list =
        calloc((size_t)model->network.layer_count * LAYER_TENSORS + OTHER_TENSORS, sizeof *list);
    if (!list)
        return mr_fail(r->error, r->error_size, "%s: not enough memory", r->name);
    result = read_tensors(r, file, model, list);
    free(list);
    return result;
}

static int finish(const char *name, struct mr_safetensors *file, struct mr_model_data *model,
                  char *error, size_t error_size) {
    const struct reader r = {name, error, error_size};
    int result = read_model(&r, file, model);

    mr_safetensors_free(file);
    if (result != 0)
        mr_model_data_free(model);
    return result;
}

int mr_model_data_parse(const void *data, size_t size, const char *name,
                        struct mr_model_data *model, char *error, size_t error_size) {
    struct mr_safetensors file;

    memset(model, 0, sizeof *model);
    if (mr_safetensors_parse(data, size, name, &file, error, error_size) != 0)
        return -1;
    return finish(name, &file, model, error, error_size);
}

int mr_model_data_load(const char *path, struct mr_model_data *model, char *error,
                       size_t error_size) {
    struct mr_safetensors file;

    memset(model, 0, sizeof *model);
    if (mr_safetensors_read(path, &file, error, error_size) != 0)
        return -1;
    return finish(path, &file, model, error, error_size);
}
