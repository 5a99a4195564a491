// SPDX-License-Identifier: Apache-2.0
// ONNX files of random networks: cells mixed in one stack, linear layers before, between and behind
// them, heads on the last step and on every step, several outputs. Of cells and ends those are
// used that the program knows. The same seed gives the same file.
#ifndef ONNX_RANDOM_H
#define ONNX_RANDOM_H

#include "onnx_ops.h"
#include "onnx_writer.h"
#include "op.h"

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Its parts

struct random_cell {
    const char *type, *kind, *activation;
    int gates;
    bool linear_before_reset, peepholes;
};

// A cell that the program has, both to read and to run.
static inline const struct random_cell *random_cell(uint64_t *state) {
    static const struct random_cell cells[] = {
        {"LSTM", "lstm", NULL, 4, false, false},
        {"LSTM", "lstm_peephole", NULL, 4, false, true},
        {"GRU", "gru", NULL, 3, true, false},
        {"GRU", "gru_reset_first", NULL, 3, false, false},
        {"RNN", "rnn_tanh", NULL, 1, false, false},
        {"RNN", "rnn_relu", "Relu", 1, false, false},
    };
    const int count = sizeof cells / sizeof *cells;
    int at = random_between(state, 0, count - 1);

    while (!onnx_operator_find(cells[at].type) || !mr_op_kind_find(cells[at].kind))
        at = (at + 1) % count;
    return &cells[at];
}

// The value at hand: the data's name, width and axes.
struct random_value {
    char name[16];
    int width;
    bool time_first, every_step; // [T, N, F], else [N, T, F]; without steps [N, F]
};

static inline void random_transpose(struct random_file *f, struct random_value *v) {
    const char *const inputs[] = {v->name};
    const int64_t perm[3] = {1, 0, 2};

    begin_node(f, "Transpose", inputs, 1);
    put_attribute_list(f, "perm", 3, perm);
    new_value(f, v->name);
    end_node(f, v->name);
    v->time_first = !v->time_first;
}

// A linear layer in one of the ways in which it is written.
static inline void random_dense(struct random_file *f, struct random_value *v, int units) {
    static const char *const activations[] = {
        "", "Sigmoid", "Tanh", "Relu", "Softplus", "Elu", "Selu", "HardSigmoid", "LeakyRelu"};
    const bool gemm = !v->every_step && random_between(&f->state, 0, 1);
    char w[16], b[16], product[16];
    const int way = random_between(&f->state, 0, 3);

    new_value(f, w);
    new_value(f, b);
    put_weights(f, w, 2, gemm ? units : v->width, gemm ? v->width : units, 0, v->width, 1.5);
    put_weights(f, b, 1, units, 0, 0, 1, 0.3);
    const char *const inputs[] = {v->name, w, b};
    begin_node(f, gemm ? "Gemm" : "MatMul", inputs, gemm ? 3 : 2);
    if (gemm)
        put_attribute(f, "transB", 1);
    new_value(f, product);
    end_node(f, product);
    strcpy(v->name, product);
    v->width = units;
    if (!gemm && random_between(&f->state, 0, 3)) { // some have no bias
        const char *const sum[] = {v->name, b};
        begin_node(f, "Add", sum, 2);
        new_value(f, product);
        end_node(f, product);
        strcpy(v->name, product);
    }
    say(f, ", dense", units);
    if (random_between(&f->own, 0, 7) == 0)
        random_pair(f, v->name);
    if (way == 0)
        return;
    const char *const end[] = {v->name};
    begin_node(f, activations[way], end, 1);
    new_value(f, product);
    end_node(f, product);
    strcpy(v->name, product);
    say(f, " ", -1);
    say(f, activations[way], -1);
}

// Arithmetic with a constant: one number for all features, or one for each.
static inline void random_arithmetic(struct random_file *f, struct random_value *v) {
    static const char *const types[] = {"Mul", "Add", "Sub", "Div"};
    const int type = random_between(&f->state, 0, 3), first = random_between(&f->state, 0, 1);
    const int64_t count = random_between(&f->state, 0, 1) ? v->width : 1;
    char constant[16], made[16];
    float list[64];

    ck_assert_int_le(count, 64);
    for (int64_t i = 0; i < count; i++)
        list[i] = (type == 0 || type == 3 ? 1.0f : 0.0f) + random_number(&f->state, 0.5);
    new_value(f, constant);
    put_tensor(f, constant, 1, 1, &count, list, (size_t)count * sizeof *list);
    const bool turned = first == 1 && type != 3; // a constant is not divided
    const char *const inputs[] = {turned ? constant : v->name, turned ? v->name : constant};
    begin_node(f, types[type], inputs, 2);
    new_value(f, made);
    end_node(f, made);
    strcpy(v->name, made);
    say(f, " ", -1);
    say(f, types[type], (int)count);
}

// A function of single numbers that stands on its own.
static inline void random_function(struct random_file *f, struct random_value *v) {
    static const char *const types[] = {"Sigmoid", "Tanh",     "Relu", "Neg",
                                        "Elu",     "Softplus", "Selu", "ThresholdedRelu"};
    const int type = random_between(&f->state, 0, 7);
    const char *const inputs[] = {v->name};
    char made[16];

    begin_node(f, types[type], inputs, 1);
    new_value(f, made);
    end_node(f, made);
    strcpy(v->name, made);
    say(f, " ", -1);
    say(f, types[type], -1);
}

// One node, whose name and value v becomes; other: "" where it has one input.
static inline void put_node(struct random_file *f, const char *type, struct random_value *v,
                            const char *first, const char *other) {
    const char *const inputs[] = {first, other};

    begin_node(f, type, inputs, other[0] ? 2 : 1);
    if (strcmp(type, "ReduceMean") == 0) {
        const int64_t last = -1;
        put_attribute_list(f, "axes", 1, &last);
    }
    new_value(f, v->name);
    end_node(f, v->name);
}

// A normalisation of each row, as one operator or as older exporters write it.
static inline void random_norm(struct random_file *f, struct random_value *v) {
    char factor[16], offset[16], centred[16];
    const int64_t one = 1;
    const float two = 2, epsilon = 1e-3f;

    new_value(f, factor);
    new_value(f, offset);
    put_weights(f, factor, 1, v->width, 0, 0, 1, 1.5);
    put_weights(f, offset, 1, v->width, 0, 0, 1, 0.5);
    if (random_between(&f->state, 0, 1)) {
        const char *const inputs[] = {v->name, factor, offset};
        begin_node(f, "LayerNormalization", inputs, 3);
        put_attribute_float(f, "epsilon", epsilon);
        new_value(f, v->name);
        end_node(f, v->name);
    } else {
        struct random_value x = *v;
        char number[16], small[16];
        new_value(f, number);
        new_value(f, small);
        put_tensor(f, number, 1, 1, &one, &two, sizeof two);
        put_tensor(f, small, 1, 1, &one, &epsilon, sizeof epsilon);
        put_node(f, "ReduceMean", v, v->name, "");
        put_node(f, "Sub", v, x.name, v->name);
        strcpy(centred, v->name);
        if (random_between(&f->state, 0, 1))
            put_node(f, "Pow", v, centred, number);
        else
            put_node(f, "Mul", v, centred, centred);
        put_node(f, "ReduceMean", v, v->name, "");
        put_node(f, "Add", v, v->name, small);
        put_node(f, "Sqrt", v, v->name, "");
        if (random_between(&f->state, 0, 1)) {
            put_node(f, "Div", v, centred, v->name);
        } else {
            put_node(f, "Reciprocal", v, v->name, "");
            put_node(f, "Mul", v, v->name, centred);
        }
        put_node(f, "Mul", v, v->name, factor);
        put_node(f, "Add", v, offset, v->name);
    }
    say(f, " norm", -1);
}

static inline void random_between_layers(struct random_file *f, struct random_value *v) {
    if (random_between(&f->own, 0, 7) == 0)
        random_pair(f, v->name);
    if (random_between(&f->state, 0, 5) == 0)
        random_norm(f, v);
    while (random_between(&f->state, 0, 2) == 0)
        random_arithmetic(f, v);
    if (random_between(&f->state, 0, 5) == 0)
        random_function(f, v);
}

// A linear layer and the link past it.
static inline void random_link(struct random_file *f, struct random_value *v) {
    const struct random_value before = *v;

    random_dense(f, v, v->width);
    if (random_between(&f->state, 0, 1))
        put_node(f, "Add", v, v->name, before.name);
    else
        put_node(f, "Add", v, before.name, v->name);
    say(f, " link", -1);
}

// One row of all steps.
static inline void random_pool(struct random_file *f, struct random_value *v) {
    static const char *const types[] = {"Gather", "ReduceMean", "ReduceMax"};
    const int type = random_between(&f->state, 0, 2);
    const int64_t axis = v->time_first ? 0 : 1;
    const char *const inputs[] = {v->name, "zero"};

    begin_node(f, types[type], inputs, type == 0 ? 2 : 1);
    if (type == 0) {
        put_attribute(f, "axis", axis);
    } else {
        put_attribute_list(f, "axes", 1, &axis);
        put_attribute(f, "keepdims", 0);
    }
    new_value(f, v->name);
    end_node(f, v->name);
    v->every_step = false;
    say(f, types[type], -1);
}

// A node with one or two inputs, whose attributes are lists; it renames the value to what it makes.
static inline void random_node(struct random_file *f, const char *type, char *name,
                               const char *other, const char *attribute, int count,
                               const int64_t *list) {
    const char *const inputs[] = {name, other};

    begin_node(f, type, inputs, *other ? 2 : 1);
    if (attribute && count > 0)
        put_attribute_list(f, attribute, count, list);
    else if (attribute)
        put_attribute(f, attribute, *list);
    new_value(f, name);
    end_node(f, name);
}

// Rows of both directions beside each other, from the axis of the directions, which is in front of
// that of the features: as exporters write it, or by hand.
static inline void random_join(struct random_file *f, char *name, int axis, int rank) {
    static const int64_t to_front[2][4] = {{0, 2, 1, 3}, {1, 0, 2, 0}};
    const int64_t along = axis, features = rank - 2;
    char half[2][16];

    if (random_between(&f->state, 0, 1)) {
        if (axis < rank - 2)
            random_node(f, "Transpose", name, "", "perm", axis == 0 ? 3 : 4, to_front[axis == 0]);
        random_node(f, "Reshape", name, rank == 3 ? "joined3" : "joined4", NULL, 0, NULL);
        return;
    }
    for (int i = 0; i < 2; i++) {
        strcpy(half[i], name);
        random_node(f, "Gather", half[i], i ? "one" : "zero", "axis", 0, &along);
    }
    random_node(f, "Concat", half[0], half[1], "axis", 0, &features);
    strcpy(name, half[0]);
}

// Other activations than a cell has by itself, in each direction, with numbers or without, and a
// clip. tied: those of gates are sigmoids or hard, without a clip, as peepholes and input_forget
// need it.
static inline void random_activations(struct random_file *f, int gates, int directions, bool tied) {
    // Numbers that each takes; Affine without them is the line that a cell state may have.
    static const struct {
        const char *name;
        bool alpha, beta;
    } names[] = {{"Relu", 0, 0},        {"Tanh", 0, 0},        {"Sigmoid", 0, 0},
                 {"HardSigmoid", 1, 1}, {"LeakyRelu", 1, 0},   {"ThresholdedRelu", 1, 0},
                 {"ScaledTanh", 1, 1},  {"Softsign", 0, 0},    {"Softplus", 0, 0},
                 {"Elu", 1, 0},         {"HardSigmoid", 1, 1}, {"Affine", 1, 1}};
    static const char *const own[] = {"Sigmoid", "Tanh", "Tanh"};
    const int places = gates == 4 ? 3 : gates == 3 ? 2 : 1;
    const bool usual = random_between(&f->state, 0, 2) == 0;
    float alpha[6], beta[6];
    char words[160] = "";
    int alphas = 0, betas = 0;

    for (int i = 0; i < places * directions; i++) {
        const int at = tied && i % places == 0
                           ? 2 + random_between(&f->state, 0, 1)
                           : random_between(&f->state, 0, usual || i % places == 2 ? 10 : 11);
        const bool other = random_between(&f->state, 0, 1);
        strcat(words, other ? names[at].name : own[places == 1 ? 1 : i % places]);
        strcat(words, " ");
        if (other && names[at].alpha)
            alpha[alphas++] = (names[at].beta ? 1 : 0.3f) + random_number(&f->state, 0.2);
        if (other && names[at].beta)
            beta[betas++] = 0.3f + random_number(&f->state, 0.2);
    }
    words[strlen(words) - 1] = '\0';
    put_attribute_words(f, "activations", words, 1);
    if (alphas > 0 && !usual)
        put_attribute_floats(f, "activation_alpha", alphas, alpha);
    if (betas > 0 && !usual)
        put_attribute_floats(f, "activation_beta", betas, beta);
    if (!tied && random_between(&f->state, 0, 3) == 0) {
        const float clip = 1.2f + random_number(&f->state, 0.5);
        // A threshold is 1 without a number; below it a clip leaves nothing, which is refused.
        const bool at_1 = usual && strstr(words, "ThresholdedRelu");
        put_attribute_float(f, "clip", at_1 && clip < 1.1f ? 1.1f : clip);
        say(f, " clipped", -1);
    }
    say(f, " ", -1);
    say(f, words, -1);
}

// A recurrent layer on every step, in one direction or both; *last gets its last state, [N, H].
static inline void random_layer(struct random_file *f, struct random_value *v,
                                struct random_value *last) {
    static const char *const directions[] = {"forward", "reverse", "bidirectional"};
    const struct random_cell *cell = random_cell(&f->state);
    const int units = 1 + random_between(&f->state, 0, 11), rows = cell->gates * units;
    const bool bias = random_between(&f->state, 0, 3) != 0;
    const int way = f->one_way ? 0 : random_between(&f->state, 0, 5) % 4 % 3,
              count = way == 2 ? 2 : 1;
    bool swapped = !v->time_first && random_between(&f->state, 0, 2) == 0;
    char w[16], r[16], b[16], p[16], y[16], h[16];

    if (!v->time_first && !swapped)
        random_transpose(f, v);
    new_value(f, w);
    new_value(f, r);
    new_value(f, b);
    new_value(f, p);
    put_weights(f, w, 3, count, rows, v->width, v->width, 1.5);
    put_weights(f, r, 3, count, rows, units, units, cell->gates > 1 ? 1.2 : 0.6);
    if (bias)
        put_weights(f, b, 2, count, 2 * rows, 0, 1, 0.5);
    if (cell->peepholes)
        put_weights(f, p, 2, count, 3 * units, 0, 1, 0.7);
    const char *const inputs[] = {v->name, w,  r, bias ? b : "", f->masked ? "lengths" : "",
                                  "",      "", p};
    begin_node(f, cell->type, inputs, cell->peepholes ? 8 : f->masked ? 5 : bias ? 4 : 3);
    put_attribute(f, "hidden_size", units);
    if (swapped)
        put_attribute(f, "layout", 1);
    if (way > 0)
        put_attribute_word(f, "direction", directions[way]);
    const bool coupled = cell->gates == 4 && random_between(&f->state, 0, 3) == 0;
    if (coupled)
        put_attribute(f, "input_forget", 1);
    if (cell->linear_before_reset)
        put_attribute(f, "linear_before_reset", 1);
    if (cell->activation)
        put_attribute_words(f, "activations", cell->activation, count);
    else if (random_between(&f->state, 0, 1))
        random_activations(f, cell->gates, count, coupled || cell->peepholes);
    new_value(f, y);
    new_value(f, h);
    put_text(&f->node, 2, y);
    end_node(f, h);
    // [T, D, N, H], or [N, T, D, H]; the state [D, N, H] or [N, D, H].
    *last = (struct random_value){0};
    if (count == 2) {
        f->reduced = random_between(&f->own, 0, 3) == 0;
        if (!random_stack(f, y, swapped ? 2 : 1, 4))
            random_join(f, y, swapped ? 2 : 1, 4);
        if (!random_stack(f, h, swapped ? 1 : 0, 3))
            random_join(f, h, swapped ? 1 : 0, 3);
        strcpy(v->name, y);
        strcpy(last->name, h);
        f->backward++;
    } else {
        const char *const all[] = {y, swapped ? "axis2" : "axis1"};
        begin_node(f, "Squeeze", all, 2);
        new_value(f, v->name);
        end_node(f, v->name);
        const char *const state[] = {h, swapped ? "axis1" : "axis0"};
        begin_node(f, "Squeeze", state, 2);
        new_value(f, last->name);
        end_node(f, last->name);
    }
    v->width = last->width = f->reduced ? units : count * units;
    f->reduced = false;
    if (f->batch_first && v->time_first && random_between(&f->state, 0, 1))
        random_transpose(f, v);
    say(f, " -> ", -1);
    if (way > 0)
        say(f, directions[way], -1);
    say(f, " ", -1);
    say(f, cell->kind, units);
}

// The last step of a value with all of them.
static inline void random_last(struct random_file *f, struct random_value *v) {
    const char *const inputs[] = {v->name, "minus"};

    begin_node(f, "Gather", inputs, 2);
    put_attribute(f, "axis", v->time_first ? 0 : 1);
    new_value(f, v->name);
    end_node(f, v->name);
    v->every_step = false;
}

static inline void put_output(struct random_file *f, const struct random_value *v) {
    char name[16];
    const char *const inputs[] = {v->name};

    snprintf(name, sizeof name, "y%d", f->outputs++);
    if (f->sorted) { // back to where they were
        const char *const back[] = {v->name, "back"};
        begin_node(f, "Gather", back, 2);
        put_attribute(f, "axis", v->every_step && v->time_first ? 1 : 0);
    } else {
        begin_node(f, "Identity", inputs, 1);
    }
    end_node(f, name);
    put_value_info(f, 12, name, 1, 0, NULL);
}

// An output: of a layer, on every step or the last one, with linear layers and an end.
static inline void random_head(struct random_file *f, struct random_value v,
                               const struct random_value *last) {
    static const char *const ends[] = {"Softmax", "ArgMax", "LogSoftmax"};
    static const char *const kinds[] = {"softmax", "argmax", "dense"};
    const int drawn = random_between(&f->state, 0, 3), layers = random_between(&f->state, 0, 3);
    const int way = f->masked ? 1 + drawn % 2 : drawn; // behind the end there is padding
    const int end = random_between(&f->state, 0, 4);

    say(f,
        way == 0   ? "; last"
        : way == 1 ? "; last state"
        : way == 2 ? "; every step"
                   : "; one row by ",
        -1);
    const bool late = way == 0 && random_between(&f->state, 0, 3) == 0; // select behind the layers
    if (way == 0 && !late)
        random_last(f, &v);
    if (way == 1)
        v = *last;
    if (way == 3)
        random_pool(f, &v);
    random_between_layers(f, &v);
    for (int i = 0; i < layers; i++) {
        random_dense(f, &v, 1 + random_between(&f->state, 0, 7));
        random_between_layers(f, &v);
    }
    if (late)
        random_last(f, &v);
    if (layers > 0 && end < 3 && onnx_operator_find(ends[end]) && mr_op_kind_find(kinds[end])) {
        if (random_between(&f->state, 0, 3) == 0 && f->outputs < 4)
            put_output(f, &v); // with its logits
        const char *const inputs[] = {v.name};
        begin_node(f, ends[end], inputs, 1);
        put_attribute(f, "axis", -1);
        if (end == 1)
            put_attribute(f, "keepdims", 1);
        new_value(f, v.name);
        end_node(f, v.name);
        say(f, " ", -1);
        say(f, kinds[end], -1);
    }
    put_output(f, &v);
}

// The input, whole numbers without an axis of features, is looked up in a table.
static inline void random_table(struct random_file *f, struct random_value *v) {
    const int entries = 1 + random_between(&f->state, 0, 39);
    const char *const inputs[] = {"table", v->name};

    put_weights(f, "table", 2, entries, v->width, 0, 1, 1);
    begin_node(f, "Gather", inputs, 2);
    new_value(f, v->name);
    end_node(f, v->name);
    f->inputs = 1;
    say(f, ", looked up in a table of", entries);
}

// Makes the file.
static inline void random_onnx(uint64_t seed, struct random_file *f) {
    struct random_value v = {.name = "x", .every_step = true}, last;
    struct bytes set = {0}, model = {0};

    memset(f, 0, sizeof *f);
    f->state = seed;
    f->batch_first = random_between(&f->state, 0, 1);
    f->inputs = v.width = 1 + random_between(&f->state, 0, 9);
    v.time_first = !f->batch_first;
    const int64_t dims[3] = {0, 0, random_between(&f->state, 0, 3) ? f->inputs : 0};
    f->tokens = random_between(&f->state, 0, 5) == 0;
    put_value_info(f, 11, "x", f->tokens ? 7 : 1, f->tokens ? 2 : 3, dims);
    put_whole(f, "minus", 0, -1);
    put_whole(f, "axis0", 1, 0);
    put_whole(f, "axis1", 1, 1);
    put_whole(f, "axis2", 1, 2);
    say(f, f->batch_first ? "[N, T, F], F =" : "[T, N, F], F =", f->inputs);
    put_whole(f, "zero", 0, 0);
    put_whole(f, "one", 0, 1);
    put_tensor(f, "joined3", 7, 1, (int64_t[]){2}, (int64_t[]){0, -1}, 2 * sizeof(int64_t));
    put_tensor(f, "joined4", 7, 1, (int64_t[]){3}, (int64_t[]){0, 0, -1}, 3 * sizeof(int64_t));
    f->own = seed ^ 0x6d61736b;
    if (random_between(&f->own, 0, 4) == 0)
        random_lengths(f, &f->own, v.time_first, v.name);
    if (f->tokens)
        random_table(f, &v);
    while (random_between(&f->state, 0, 2) == 0)
        random_arithmetic(f, &v);
    if (random_between(&f->state, 0, 4) == 0)
        random_dense(f, &v, 1 + random_between(&f->state, 0, 7));
    f->layers = 1 + random_between(&f->state, 0, RANDOM_LAYERS - 1);
    for (int i = 0; i < f->layers; i++) {
        random_layer(f, &v, &last);
        if (random_between(&f->state, 0, 4) == 0)
            random_link(f, &v);
        if (i + 1 < f->layers && random_between(&f->state, 0, 3) == 0)
            random_between_layers(f, &v);
        if (i + 1 < f->layers && random_between(&f->state, 0, 5) == 0)
            random_dense(f, &v, 1 + random_between(&f->state, 0, 7));
        if (i + 1 < f->layers && random_between(&f->state, 0, 5) == 0)
            random_head(f, v, &last);
    }
    for (int heads = 1 + random_between(&f->state, 0, 1); heads > 0; heads--)
        random_head(f, v, &last);
    put_text(&f->graph, 2, "random");
    put_int(&set, 2, 14);
    put_int(&model, 1, 7);
    put_message(&model, 8, &set);
    put_message(&model, 7, &f->graph);
    f->data = model.data;
    f->size = model.size;
}

#endif
