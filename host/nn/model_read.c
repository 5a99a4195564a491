// SPDX-License-Identifier: Apache-2.0
// Reader of .millrace files (model.h), of all versions.
#include "arithmetic.h"
#include "file.h"
#include "file_kind.h"
#include "json_append.h"
#include "model.h"
#include "model_entries.h"
#include "op.h"
#include "places.h"
#include "quantise.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *name;
    const struct mr_own_cells *own; // may be NULL
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

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static bool word(const json_t *object, const char *key, const char *expected) {
    const char *text = text_of(object, key);

    return text && strcmp(text, expected) == 0;
}

static int copy_text(const struct reader *r, const char *from, char **to) {
    const size_t size = strlen(from) + 1;

    *to = malloc(size);
    if (!*to)
        return bad(r, "needs more memory than there is");
    memcpy(*to, from, size);
    return 0;
}

static int read_cast(const struct reader *r, const json_t *root, const char *key,
                     struct mr_cast *cast) {
    static const struct mr_cast possible[] = {
        {.whole = true}, {.truth = true}, {.whole = true, .truth = true}};
    const json_t *entry = json_object_get(root, key);

    for (size_t i = 0; entry && i < sizeof possible / sizeof *possible; i++) {
        if (word(root, key, mr_cast_words(possible[i]))) {
            *cast = possible[i];
            return 0;
        }
    }
    return entry ? bad(r, "has a cast that is not known") : 0;
}

// ---- Operators

// One number for all, or a list.
static int read_frac(const struct reader *r, const json_t *entry, struct mr_stream *stream) {
    stream->frac = calloc((size_t)stream->width, sizeof *stream->frac);
    if (!stream->frac)
        return bad(r, "needs more memory than there is");
    for (int o = 0; o < stream->width; o++) {
        const json_t *one = json_is_array(entry) ? json_array_get(entry, (size_t)o) : entry;
        if (!json_is_integer(one) || json_integer_value(one) < MR_FRAC_MIN ||
            json_integer_value(one) > MR_SCALE_MAX)
            return bad(r, "has no usable formats of the outputs");
        stream->frac[o] = (int32_t)json_integer_value(one);
    }
    return json_is_array(entry) && json_array_size(entry) != (size_t)stream->width
               ? bad(r, "has formats for another number of outputs")
               : 0;
}

// MR_ACTIVATIONS: none of them.
static int find_activation(const char *text) {
    int activation = 0;

    while (activation < MR_ACTIVATIONS &&
           !(text && strcmp(text, mr_activation_words[activation]) == 0))
        activation++;
    return activation;
}

static bool real(const json_t *object, const char *key, double *value) {
    const json_t *v = json_object_get(object, key);

    if (v)
        *value = json_number_value(v);
    return !v || json_is_number(v);
}

// A word, or an object with numbers beside it.
static int read_place(const struct reader *r, const json_t *entry, enum mr_place_of_cell where,
                      struct mr_op *op) {
    const bool own = op->kind->has_activation && where == MR_PLACE_G;
    const json_t *of = json_object_get(entry, own ? "activation" : mr_place_words[where]);
    struct mr_place *place = &op->places[where];

    if (!of && !own)
        return 0;
    const int kind =
        find_activation(json_is_object(of) ? text_of(of, "kind") : json_string_value(of));
    if (kind == MR_ACTIVATIONS)
        return bad(r, "has an operator whose activation is not known");
    if (op->kind->places[where] == 0 && !own)
        return bad(r, "has an operator with an activation at a place that it does not have");
    *place = mr_place_plain((enum mr_activation)kind);
    if (!json_is_object(of))
        return 0;
    if (!real(of, "alpha", &place->alpha) || !real(of, "scale", &place->scale) ||
        !real(of, "low", &place->low) || !real(of, "high", &place->high) ||
        !real(of, "factor", &place->factor) || !real(of, "offset", &place->offset) ||
        (json_object_get(of, "frac_bits") && !number(of, "frac_bits", 0, 15, &place->frac)))
        return bad(r, "has an operator with an activation whose numbers are none");
    return 0;
}

static int read_precision(const struct reader *r, const json_t *entry, struct mr_op *op) {
    const char *name = text_of(entry, "precision");

    if (!json_object_get(entry, "precision"))
        return 0;
    if (!op->kind->recurrent)
        return bad(r, "gives a precision to an operator that is not recurrent");
    if (!name || !mr_precision_parse(name, &op->precision))
        return bad(r, "has an operator whose precision is none of w16a16, w8a16 and w8a8");
    return 0;
}

// The kind of an operator: where it is a user's own cell, of the file that it was imported with.
static const struct mr_op_kind *read_kind(const struct reader *r, const json_t *entry) {
    const char *type = text_of(entry, "type"), *own = text_of(entry, "own_cell");
    const struct mr_op_kind *kind = type ? mr_kind_find(r->own, type) : NULL;

    if (own && !kind)
        mr_fail(r->error, r->error_size,
                "%s has layers of the cell '%.40s', which is none of this program's; give its file "
                "by --cell %.40s.c",
                r->name, type ? type : "", type ? type : "");
    else if (!kind)
        mr_fail(r->error, r->error_size,
                "%s: the description of the model has an operator of type '%.40s', which "
                "this version does not know",
                r->name, type ? type : "");
    else if (!own != !kind->own || (own && strcmp(own, kind->own) != 0))
        mr_fail(r->error, r->error_size,
                "%s was imported with another file of the cell '%.40s'; give that one, or import "
                "the network again",
                r->name, type);
    else
        return kind;
    return NULL;
}

// The stream that a field of the state starts from, where there is one.
static int read_given(const struct reader *r, const json_t *entry, const char *key, int field,
                      struct mr_network *network, struct mr_op *op) {
    char text[300];
    int stream;

    if (!json_object_get(entry, key))
        return 0;
    if (!number(entry, key, 1, op->output - 1, &stream) || network->streams[stream].writer < 0)
        return bad(r, "has an operator whose state comes from no stream before it");
    if (mr_network_give(network, op, field, stream, text, sizeof text) != 0)
        return mr_fail(r->error, r->error_size, "%s: %s", r->name, text);
    return 0;
}

static int read_operator(const struct reader *r, const json_t *entry, struct mr_network *network) {
    const struct mr_op_kind *kind = read_kind(r, entry);
    char text[300];
    int input, other = -1, units, exponent = 0;

    if (!kind)
        return -1;
    if (!number(entry, "input", 0, network->stream_count - 1, &input) ||
        !number(entry, "units", 1, MR_MAX_WIDTH, &units))
        return mr_fail(r->error, r->error_size,
                       "%s: the description of the model has an operator without its input, or not "
                       "of 1 to %d units",
                       r->name, MR_MAX_WIDTH);
    if (kind->joins && !number(entry, "other", 0, network->stream_count - 1, &other))
        return bad(r, "has an operator without its second input");
    if (json_object_get(entry, "cell_exponent") &&
        !number(entry, "cell_exponent", 0, kind->second_field ? MR_EXPONENT_MAX : 0, &exponent))
        return bad(r, "has an operator whose cell exponent is not from 0 to 16, or that has none");
    struct mr_op *op = mr_network_add_bare(network, kind, input, other, units, MR_ACTIVATION_LINEAR,
                                           text, sizeof text);
    if (!op)
        return mr_fail(r->error, r->error_size, "%s: %s", r->name, text);
    if (op->units != units)
        return bad(r, "has an operator whose units do not follow from its input");
    if (read_given(r, entry, "given_h", 0, network, op) != 0 ||
        read_given(r, entry, "given_second", 1, network, op) != 0)
        return -1;
    op->exponent = exponent;
    for (int p = 0; p < MR_PLACES; p++)
        if (read_place(r, entry, (enum mr_place_of_cell)p, op) != 0)
            return -1;
    if (json_object_get(entry, "start_rows") &&
        (!kind->recurrent || op->follows ||
         !number(entry, "start_rows", 1, MR_MAX_STARTS, &op->start_rows)))
        return bad(r, "has an operator that starts from no possible number of states");
    if (mr_op_is_whole(op) && !number(entry, "most_steps", 1, MR_MOST_STEPS_LIMIT, &op->most_steps))
        return bad(r, "has an operator that waits for no possible number of steps");
    if (kind->repeats &&
        !number(entry, "steps", 0, MR_MOST_OWN_STEPS, &network->streams[op->output].steps))
        return bad(r, "has an operator that repeats a row at no possible number of steps");
    if (kind->looks_up ? !number(entry, "entries", 1, MR_MAX_ENTRIES, &op->entries)
                       : json_object_get(entry, "entries") != NULL)
        return bad(r,
                   "has a table that is not of 1 to 32768 rows, or entries of what has no table");
    if (kind->constants
            ? !number(entry, "constant_frac_bits", 0, MR_CONSTANT_FRAC_MAX, &op->rows.constant_frac)
            : json_object_get(entry, "constant_frac_bits") != NULL)
        return bad(r, "has constants without their fraction bits from 0 to 30, or these of none");
    op->epsilon = json_number_value(json_object_get(entry, "epsilon"));
    if (kind->has_epsilon != (json_object_get(entry, "epsilon") != NULL) ||
        !isfinite(op->epsilon) || op->epsilon < 0)
        return bad(r, "has an operator without its epsilon, or with one that it does not take");
    if (read_precision(r, entry, op) != 0)
        return -1;
    if (read_frac(r, json_object_get(entry, "frac_bits"), &network->streams[op->output]) != 0)
        return -1;
    // What a cell without a second field gives has the format of its candidate, and a dense layer's
    // activation that of what it gives.
    if ((mr_op_has_places(op) && !kind->second_field) || kind->has_activation)
        op->places[MR_PLACE_G].frac = network->streams[op->output].frac[0];
    return 0;
}

static int read_output(const struct reader *r, const json_t *entry, struct mr_network *network) {
    const char *name = text_of(entry, "name");
    char text[300];
    int stream;

    if (!name || !number(entry, "stream", 1, network->stream_count - 1, &stream))
        return bad(r, "has an output without its name or stream");
    if (mr_network_output(network, stream, name, text, sizeof text))
        return mr_fail(r->error, r->error_size, "%s: %s", r->name, text);
    struct mr_sink *output = &network->outputs[network->output_count - 1];
    const json_t *above = json_object_get(entry, "above"), *below = json_object_get(entry, "below");
    if ((above && (below || !json_is_real(above))) || (below && !json_is_real(below)))
        return bad(r, "compares an output with what is no number");
    output->log_softmax = json_is_true(json_object_get(entry, "log_softmax"));
    if (read_cast(r, entry, "cast", &output->cast) != 0)
        return -1;
    const json_t *clip = json_object_get(entry, "clip");
    if (clip) {
        const json_t *low = json_array_get(clip, 0), *high = json_array_get(clip, 1);
        if (!json_is_real(low) || !json_is_real(high) ||
            !(json_real_value(low) <= json_real_value(high)))
            return bad(r, "clips an output to what is no range");
        output->cast.clips = true;
        output->cast.low = json_real_value(low);
        output->cast.high = json_real_value(high);
    }
    if (above || below) {
        output->cast.side = above ? 1 : -1;
        output->cast.than = json_real_value(above ? above : below);
    }
    return 0;
}

static int read_encoder(const struct reader *r, const json_t *root, struct mr_network *network) {
    const json_t *encoder = json_object_get(root, "encoder");
    const char *name = text_of(encoder, "input_name");
    int inputs;

    if (!encoder)
        return 0;
    if (!name || !number(encoder, "inputs", 1, MR_MAX_WIDTH, &inputs))
        return bad(r, "has an encoder without its input");
    mr_network_encode(network, inputs);
    return copy_text(r, name, &network->encoder_name) != 0 ||
                   read_cast(r, encoder, "input_cast", &network->encoder_cast) != 0
               ? -1
               : 0;
}

static int read_graph(const struct reader *r, const json_t *root, struct mr_network *network) {
    const json_t *operators = json_object_get(root, "operators"),
                 *outputs = json_object_get(root, "outputs");
    const char *input_name = text_of(root, "input_name");

    if (!input_name || copy_text(r, input_name, &network->input_name) != 0)
        return bad(r, "has no name of the input");
    if (json_array_size(operators) < 1 || json_array_size(outputs) < 1)
        return bad(r, "lists no operators or no outputs");
    for (size_t i = 0; i < json_array_size(operators); i++)
        if (read_operator(r, json_array_get(operators, i), network) != 0)
            return -1;
    for (size_t i = 0; i < json_array_size(outputs); i++)
        if (read_output(r, json_array_get(outputs, i), network) != 0)
            return -1;
    return 0;
}

// ---- Versions 1 and 2: LSTM layers in a row and a dense head on the last step

// The same as a list of operators.
static json_t *modern(const json_t *root) {
    const json_t *layers = json_object_get(root, "layers"), *head = json_object_get(root, "head");
    const json_t *cast = json_object_get(root, "output_cast");
    const int count = (int)json_array_size(layers);
    json_t *graph = json_copy((json_t *)root), *operators = json_array();
    json_t *output = json_pack("{s:s, s:i}", "name", "y", "stream", count + 2);

    for (int l = 0; l < count; l++) {
        json_t *op = json_copy(json_array_get(layers, (size_t)l));
        json_object_set(op, "units", json_object_get(op, "hidden"));
        json_object_set_new(op, "input", json_integer(l));
        json_object_set_new(op, "frac_bits", json_integer(MR_HIDDEN_FRAC));
        mr_json_append(&operators, op);
    }
    mr_json_append(&operators,
                   json_pack("{s:s, s:i, s:O*, s:i}", "type", "last", "input", count, "units",
                             json_object_get(head, "inputs"), "frac_bits", MR_HIDDEN_FRAC));
    json_t *dense = json_copy((json_t *)head);
    json_object_set(dense, "units", json_object_get(head, "outputs"));
    json_object_set_new(dense, "input", json_integer(count + 1));
    mr_json_append(&operators, dense);
    if (cast)
        json_object_set(output, "cast", (json_t *)cast);
    json_object_set_new(graph, "operators", operators);
    json_object_set_new(graph, "outputs", json_pack("[o]", output));
    json_object_set_new(graph, "input_name", json_string("x"));
    json_object_set(graph, "inputs", json_object_get(json_array_get(layers, 0), "inputs"));
    return graph;
}

// What the files of those versions say twice must agree.
static bool agrees(const json_t *root, const struct mr_network *network) {
    const json_t *layers = json_object_get(root, "layers"), *head = json_object_get(root, "head");

    for (size_t l = 0; l < json_array_size(layers); l++)
        if (!word(json_array_get(layers, l), "type", "lstm") ||
            json_integer_value(json_object_get(json_array_get(layers, l), "inputs")) !=
                network->ops[l].inputs)
            return false;
    return word(head, "type", "dense") && json_integer_value(json_object_get(head, "inputs")) ==
                                              network->ops[network->op_count - 1].inputs;
}

// ---- The rest of the description

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
        (count > 0 && count != (size_t)mr_network_width(&model->network)))
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

// Up to version 0.2 there were two, told apart by batch_first.
static int read_layout(const json_t *root, struct mr_network *network) {
    const json_t *older = json_object_get(root, "batch_first");
    const char *layout = text_of(root, "layout");

    if (!layout && json_is_boolean(older))
        layout = json_is_true(older) ? "NTF" : "TNF";
    if (!layout || !mr_layout_is_valid(layout))
        return -1;
    snprintf(network->layout, sizeof network->layout, "%s", layout);
    return 0;
}

// Of the sequences of a run, where they are not all as long.
static int read_lengths(const struct reader *r, const json_t *root, struct mr_network *network) {
    const json_t *lengths = json_object_get(root, "lengths");
    const size_t count = json_array_size(lengths);

    if (!lengths)
        return 0;
    if (count < 1 || count > MR_MAX_STARTS)
        return bad(r, "has no possible list of lengths");
    if (mr_network_lengths(network, (int)count) != 0)
        return bad(r, "needs more memory than there is");
    for (size_t i = 0; i < count; i++) {
        const json_t *length = json_array_get(lengths, i);
        if (!json_is_integer(length) || json_integer_value(length) < 1 ||
            json_integer_value(length) > INT32_MAX)
            return bad(r, "has a length that is no number from 1 on");
        network->lengths[i] = (int32_t)json_integer_value(length);
    }
    return 0;
}

// Which steps count, where the sequences' lengths are found from x.
static int read_mask(const struct reader *r, const json_t *root, struct mr_network *network) {
    const json_t *mask = json_object_get(root, "mask");

    if (!mask)
        return 0;
    for (int i = 0; i < MR_RELATIONS; i++) {
        const json_t *than = json_object_get(mask, mr_relation_words[i]);
        if (json_is_number(than) && !network->mask.given)
            network->mask = (struct mr_mask){.given = true,
                                             .relation = (enum mr_relation)i,
                                             .than = json_number_value(than),
                                             .whole = json_is_true(json_object_get(mask, "whole"))};
    }
    int feature;
    if (network->mask.given && json_object_get(mask, "feature")) {
        network->mask.given = number(mask, "feature", 0, network->streams[0].width - 1, &feature);
        network->mask.only = feature + 1;
    }
    if (!network->mask.given || network->lengths)
        return bad(r, network->lengths ? "has a mask beside lengths" : "has no possible mask");
    return 0;
}

static int read_description(const struct reader *r, const json_t *root,
                            struct mr_model_data *model) {
    struct mr_network *n = &model->network;
    const char *name = text_of(root, "name");
    char text[300];
    int inputs;

    if (!name || !number(root, "inputs", 1, MR_MAX_WIDTH, &inputs))
        return bad(r, "lacks name or the number of inputs");
    if (mr_network_create(n, inputs) != 0)
        return bad(r, "needs more memory than there is");
    if (read_layout(root, n) != 0)
        return bad(r, "lacks the layout of the input");
    if (!number(root, "steps", 0, INT32_MAX, &n->steps))
        return bad(r, "lacks steps");
    if (read_lengths(r, root, n) != 0 || read_mask(r, root, n) != 0 ||
        copy_text(r, name, &n->name) != 0 || read_encoder(r, root, n) != 0 ||
        read_graph(r, root, n) != 0 || read_cast(r, root, "input_cast", &n->input_cast) != 0)
        return -1;
    if (json_is_true(json_object_get(root, "input_offset")) &&
        !(n->offset = calloc((size_t)inputs, sizeof *n->offset)))
        return bad(r, "needs more memory than there is");
    if (n->offset && !mr_network_takes_offsets(n))
        return bad(r, "has offsets of an input that others than rows of weights read");
    if (mr_network_check(n, text, sizeof text) != 0)
        return mr_fail(r->error, r->error_size, "%s: %s", r->name, text);
    return read_accuracy(r, json_object_get(root, "accuracy"), model);
}

// ---- Tensors

static int check_tensor(const struct reader *r, const struct mr_safetensors *file,
                        const struct mr_entry_of_model *e) {
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

static bool allocate(struct mr_network *network) {
    for (int i = 0; i <= network->encoder; i++) {
        struct mr_stream *input = &network->streams[i];
        input->frac = malloc((size_t)input->width * sizeof(int32_t));
        if (!input->frac)
            return false;
    }
    for (int i = 0; i < network->op_count; i++) {
        struct mr_op *op = &network->ops[i];
        if (mr_op_rows(op) &&
            (mr_op_weights(op) ||
             mr_rows_create(&op->rows, mr_op_rows(op), mr_op_columns(op), mr_op_sums(op))))
            return false;
        if (mr_op_constants(op) > 0 && mr_rows_constants(&op->rows, mr_op_constants(op)))
            return false;
        if (op->start_rows > 0 && mr_op_starts(op, op->start_rows))
            return false;
    }
    return true;
}

// Takes the numbers of a tensor, of which all are finite.
static int take_numbers(const struct reader *r, const struct mr_tensor *t,
                        const struct mr_entry_of_model *e) {
    const int8_t *bytes = t->data;
    const float *real = e->data;
    int16_t *wide = e->data;

    if (e->dtype != MR_I8)
        memcpy(e->data, t->data, mr_entry_bytes(e));
    for (size_t k = 0; k < t->count; k++) {
        if (e->dtype == MR_I8)
            wide[k] = bytes[k];
        else if (e->dtype == MR_F32 && !isfinite(real[k]))
            return mr_fail(r->error, r->error_size,
                           "%s: tensor '%s', element %zu is not a finite number", r->name, e->name,
                           k);
    }
    return 0;
}

static int read_tensors(const struct reader *r, const struct mr_safetensors *file,
                        struct mr_network *network, struct mr_entry_of_model *list) {
    const size_t count = mr_model_entries(network, list);

    if (file->tensor_count != count)
        return mr_fail(r->error, r->error_size,
                       "%s holds %zu tensors; its description asks for %zu", r->name,
                       file->tensor_count, count);
    // Once all are seen to be in the file, memory for them is at most twice the file's size.
    for (size_t i = 0; i < count; i++) {
        if (check_tensor(r, file, &list[i]) != 0)
            return -1;
    }
    if (!allocate(network))
        return mr_fail(r->error, r->error_size, "%s: not enough memory for the weights", r->name);
    mr_model_entries(network, list);
    for (size_t i = 0; i < count; i++) {
        if (take_numbers(r, mr_safetensors_find(file, list[i].name), &list[i]) != 0)
            return -1;
    }
    return mr_quantised_check(network, r->name, r->error, r->error_size);
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
    // Version 1 had no casts, one range of cell states, and one format for all outputs; version 4
    // has an encoder.
    const bool old = strcmp(version, "1") == 0 || strcmp(version, "2") == 0;
    if (!old && strcmp(version, "3") != 0 && strcmp(version, "4") != 0)
        return mr_fail(r->error, r->error_size,
                       "%s has format version %.20s; this program reads versions 1 to 4", r->name,
                       version);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    if (!root)
        return mr_fail(r->error, r->error_size,
                       "%s: the description of the model is not JSON at byte %d: %s", r->name,
                       where.position, where.text);
    json_t *graph = old ? modern(root) : json_incref(root);
    int result = read_description(r, graph, model);
    if (result == 0 && old && !agrees(root, &model->network))
        result = bad(r, "has layers or a head that do not fit each other");
    json_decref(graph);
    json_decref(root);
    struct mr_entry_of_model *list = result == 0 ? calloc(MR_MODEL_ENTRIES, sizeof *list) : NULL;
    if (result == 0 && !list)
        return mr_fail(r->error, r->error_size, "%s: not enough memory", r->name);
    result = result == 0 ? read_tensors(r, file, &model->network, list) : result;
    free(list);
    return result;
}

static int finish(const char *name, const struct mr_own_cells *own, struct mr_safetensors *file,
                  struct mr_model_data *model, char *error, size_t error_size) {
    const struct reader r = {name, own, error, error_size};
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
    return finish(name, NULL, &file, model, error, error_size);
}

int mr_model_data_load(const char *path, struct mr_model_data *model, char *error,
                       size_t error_size) {
    return mr_model_data_load_own(path, NULL, model, error, error_size);
}

int mr_model_data_load_own(const char *path, const struct mr_own_cells *own,
                           struct mr_model_data *model, char *error, size_t error_size) {
    struct mr_safetensors file;

    memset(model, 0, sizeof *model);
    if (mr_safetensors_read(path, mr_check_model_file, &file, error, error_size) != 0)
        return -1;
    return finish(path, own, &file, model, error, error_size);
}
