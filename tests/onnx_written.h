// SPDX-License-Identifier: Apache-2.0
// Recurrent layers written out by elementary operators, in the ways in which exporters and people
// write them: step by step, as a Loop or as a Scan, with weights merged or apart.
#ifndef ONNX_WRITTEN_H
#define ONNX_WRITTEN_H

#include "onnx_random.h"

#include <string.h>

// A node of inputs and outputs that are separated by blanks; "-" is one left out. It stays open for
// attributes until the next call of finish.
static inline void open_node(struct random_file *f, const char *type, const char *inputs,
                             const char *outputs) {
    const char *const lists[2] = {inputs, outputs};

    put_text(&f->node, 4, type);
    for (int l = 0; l < 2; l++)
        for (const char *at = lists[l] + strspn(lists[l], " "); *at; at += strspn(at, " ")) {
            const size_t length = strcspn(at, " ");
            put_data(&f->node, l + 1, at, length == 1 && *at == '-' ? 0 : length);
            at += length;
        }
}

static inline void finish(struct random_file *f) {
    put_message(&f->graph, 1, &f->node);
}

static inline void put_op(struct random_file *f, const char *type, const char *inputs,
                          const char *outputs) {
    open_node(f, type, inputs, outputs);
    finish(f);
}

static inline void put_axis(struct random_file *f, const char *type, const char *inputs,
                            const char *outputs, int64_t axis) {
    open_node(f, type, inputs, outputs);
    put_attribute(f, "axis", axis);
    finish(f);
}

static inline void put_list(struct random_file *f, const char *name, int count,
                            const int64_t *list) {
    const int64_t size = count;

    put_tensor(f, name, 7, 1, &size, list, (size_t)count * sizeof *list);
}

static inline void put_real(struct random_file *f, const char *name, float value) {
    put_tensor(f, name, 1, 0, NULL, &value, sizeof value);
}

// A body: what is put between these goes into a graph of its own, which becomes an attribute of the
// node that is open then.
static inline struct bytes begin_body(struct random_file *f) {
    const struct bytes outer = f->graph;

    f->graph = (struct bytes){0};
    return outer;
}

static inline struct bytes end_body(struct random_file *f, struct bytes outer) {
    const struct bytes body = f->graph;

    f->graph = outer;
    return body;
}

static inline void put_body(struct random_file *f, const char *name, struct bytes *body) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    put_message(&a, 6, body);
    put_int(&a, 20, 5);
    put_message(&f->node, 5, &a);
}

// Input (field 11) or output (12) of a body.
static inline void put_port(struct random_file *f, int field, const char *name) {
    struct bytes info = {0};

    put_text(&info, 1, name);
    put_message(&f->graph, field, &info);
}

// ---- A cell

enum written_cell { W_LSTM, W_GRU, W_GRU_FIRST, W_RNN, W_RELU, W_CELLS };
enum { W_GATES = 4 };

struct written {
    enum written_cell kind;
    int inputs, units, gates;
    bool merged; // one product for all gates
    bool joined; // of x and h behind each other
    bool gemm;   // Gemm with transposed weights, else MatMul and Add
    bool hard;   // gates
    int form;    // how 1 - z is written
    int order[W_GATES];
    char x[W_GATES][16], h[W_GATES][16], b[W_GATES][16], sizes[16];
};

static inline bool is_gru(const struct written *c) {
    return c->kind == W_GRU || c->kind == W_GRU_FIRST;
}

static inline int rows_of(const struct written *c) {
    return c->units * (c->merged ? c->gates : 1);
}

// Weights of the file, which stand outside of bodies.
static inline void draw_cell(struct random_file *f, struct written *c, int inputs) {
    static const int gates[W_CELLS] = {4, 3, 3, 1, 1};
    static const char *const names[W_CELLS] = {"lstm", "gru", "gru_reset_first", "rnn_tanh",
                                               "rnn_relu"};

    memset(c, 0, sizeof *c);
    c->kind = (enum written_cell)random_between(&f->state, 0, W_CELLS - 1);
    c->inputs = inputs;
    c->units = 1 + random_between(&f->state, 0, 5);
    c->gates = gates[c->kind];
    // A GRU weighs what is of h only, with its reset gate.
    c->merged = c->kind != W_GRU_FIRST && random_between(&f->state, 0, 1);
    c->joined = c->kind != W_GRU && random_between(&f->state, 0, 1);
    c->gemm = random_between(&f->state, 0, 1);
    c->hard = c->gates > 1 && random_between(&f->state, 0, 4) == 0;
    c->form = random_between(&f->state, 0, 4);
    for (int i = 0; i < c->gates; i++)
        c->order[i] = i;
    for (int i = c->gates - 1; i > 0; i--) {
        const int k = random_between(&f->state, 0, i), other = c->order[k];
        c->order[k] = c->order[i];
        c->order[i] = other;
    }
    for (int g = 0; g < (c->merged ? 1 : c->gates); g++) {
        const int rows = rows_of(c), width = inputs + (c->joined ? c->units : 0);
        new_value(f, c->x[g]);
        new_value(f, c->h[g]);
        new_value(f, c->b[g]);
        put_weights(f, c->x[g], 2, c->gemm ? rows : width, c->gemm ? width : rows, 0, width, 1.2);
        if (!c->joined)
            put_weights(f, c->h[g], 2, c->gemm ? rows : c->units, c->gemm ? c->units : rows, 0,
                        c->units, c->gates > 1 ? 1.2 : 0.6);
        put_weights(f, c->b[g], 1, rows, 0, 0, 1, 0.5);
    }
    int64_t sizes[W_GATES];
    for (int i = 0; i < c->gates; i++)
        sizes[i] = c->units;
    new_value(f, c->sizes);
    put_list(f, c->sizes, c->gates, sizes);
    say(f, names[c->kind], c->units);
    say(f, c->merged ? " merged" : " apart", -1);
    say(f, c->joined ? " joined" : "", -1);
    say(f, c->gemm ? " gemm" : "", -1);
    say(f, c->hard ? " hard" : "", -1);
}

static inline void two(struct random_file *f, const char *type, const char *a, const char *b,
                       char *to) {
    char inputs[600];

    snprintf(inputs, sizeof inputs, "%s %s", a, b);
    new_value(f, to);
    put_op(f, type, inputs, to);
}

static inline void one(struct random_file *f, const char *type, const char *a, char *to) {
    new_value(f, to);
    put_op(f, type, a, to);
}

static inline void product_of(struct random_file *f, const struct written *c, const char *in,
                              const char *weights, const char *bias, char *to) {
    char inputs[600], sum[16];

    if (c->gemm) {
        snprintf(inputs, sizeof inputs, "%s %s %s", in, weights, bias);
        new_value(f, to);
        open_node(f, "Gemm", inputs, to);
        put_attribute(f, "transB", 1);
        finish(f);
        return;
    }
    two(f, "MatMul", in, weights, to);
    if (*bias) {
        two(f, "Add", bias, to, sum);
        strcpy(to, sum);
    }
}

static inline void join_two(struct random_file *f, const char *a, const char *b, char *to) {
    char inputs[600];

    snprintf(inputs, sizeof inputs, "%s %s", a, b);
    new_value(f, to);
    put_axis(f, "Concat", inputs, to, 1);
}

// The sums of gate g over x and h; over h alone goes to of_h where that is not NULL.
static inline void sum_of(struct random_file *f, const struct written *c, int g, const char *x,
                          const char *h, char *to, char *of_h) {
    char a[16], b[16];

    if (c->joined) {
        join_two(f, x, h, a);
        product_of(f, c, a, c->x[g], c->b[g], to);
        return;
    }
    product_of(f, c, x, c->x[g], c->b[g], a);
    product_of(f, c, h, c->h[g], "", b);
    if (of_h) {
        strcpy(to, a);
        strcpy(of_h, b);
    } else {
        two(f, "Add", a, b, to);
    }
}

static inline void split_of(struct random_file *f, const struct written *c, const char *from,
                            char to[W_GATES][16]) {
    char outputs[80] = "", inputs[600];

    for (int i = 0; i < c->gates; i++)
        new_value(f, to[c->order[i]]);
    for (int i = 0; i < c->gates; i++) {
        strcat(outputs, to[c->order[i]]);
        strcat(outputs, " ");
    }
    snprintf(inputs, sizeof inputs, "%s %s", from, c->sizes);
    put_axis(f, "Split", inputs, outputs, 1);
}

// All gates' sums; of_h apart where it is not NULL.
static inline void sums_of(struct random_file *f, const struct written *c, const char *x,
                           const char *h, char to[W_GATES][16], char of_h[W_GATES][16]) {
    char all[16], all_h[16];

    if (!c->merged) {
        for (int g = 0; g < c->gates; g++)
            sum_of(f, c, g, x, h, to[g], of_h ? of_h[g] : NULL);
        return;
    }
    sum_of(f, c, 0, x, h, all, of_h ? all_h : NULL);
    if (c->gates == 1) {
        strcpy(to[0], all);
        return;
    }
    split_of(f, c, all, to);
    if (of_h)
        split_of(f, c, all_h, of_h);
}

static inline void gate_of(struct random_file *f, const struct written *c, const char *sum,
                           char *to) {
    char a[16], b[16];

    if (!c->hard) {
        one(f, "Sigmoid", sum, to);
    } else if (c->form % 2) {
        one(f, "HardSigmoid", sum, to);
    } else { // 0.25 x + 0.5, cut
        two(f, "Mul", sum, "quarter", a);
        two(f, "Add", a, "half", b);
        snprintf(a, sizeof a, "%s", b);
        new_value(f, to);
        char inputs[600];
        snprintf(inputs, sizeof inputs, "%s nought unit", a);
        put_op(f, "Clip", inputs, to);
    }
}

// z h + (1 - z) n, in one of the ways.
static inline void blend_of(struct random_file *f, const struct written *c, const char *z,
                            const char *h, const char *n, char *to) {
    char a[16], b[16], d[16];

    switch (c->form) {
    case 0: // (1 - z) n + z h
    case 4:
        two(f, "Sub", "unit", z, a);
        two(f, "Mul", a, n, b);
        two(f, "Mul", z, h, a);
        two(f, "Add", b, a, to);
        break;
    case 1: // n + z (h - n)
        two(f, "Sub", h, n, a);
        two(f, "Mul", a, z, b);
        two(f, "Add", n, b, to);
        break;
    case 2: // n - z n + z h
        two(f, "Mul", z, n, a);
        two(f, "Sub", n, a, b);
        two(f, "Mul", h, z, a);
        two(f, "Add", a, b, to);
        break;
    default: // h + (1 - z) (n - h)
        one(f, "Neg", z, a);
        two(f, "Add", a, "unit", b);
        two(f, "Sub", n, h, a);
        two(f, "Mul", b, a, d);
        two(f, "Add", h, d, to);
    }
}

// One step; h and c become those behind it.
static inline void step_of(struct random_file *f, const struct written *c, const char *x, char *h,
                           char *cell) {
    char sum[W_GATES][16], of_h[W_GATES][16], gate[W_GATES][16], a[16], b[16];

    if (c->gates == 1) {
        sums_of(f, c, x, h, sum, NULL);
        one(f, c->kind == W_RELU ? "Relu" : "Tanh", sum[0], h);
        return;
    }
    if (c->kind == W_LSTM) { // i f o g
        sums_of(f, c, x, h, sum, NULL);
        for (int g = 0; g < 3; g++)
            gate_of(f, c, sum[g], gate[g]);
        one(f, "Tanh", sum[3], gate[3]);
        two(f, "Mul", gate[1], cell, a);
        two(f, "Mul", gate[3], gate[0], b);
        two(f, "Add", a, b, cell);
        one(f, "Tanh", cell, a);
        two(f, "Mul", gate[2], a, h);
        return;
    }
    if (c->kind == W_GRU) { // z r n
        sums_of(f, c, x, h, sum, of_h);
        for (int g = 0; g < 2; g++) {
            two(f, "Add", of_h[g], sum[g], a);
            gate_of(f, c, a, gate[g]);
        }
        two(f, "Add", of_h[2], "offset", a);
        two(f, "Mul", a, gate[1], b);
        two(f, "Add", sum[2], b, a);
    } else {
        for (int g = 0; g < 2; g++) {
            sum_of(f, c, g, x, h, sum[g], NULL);
            gate_of(f, c, sum[g], gate[g]);
        }
        two(f, "Mul", gate[1], h, b);
        sum_of(f, c, 2, x, b, a, NULL);
    }
    one(f, "Tanh", a, b);
    strcpy(a, h);
    blend_of(f, c, gate[0], a, b, h);
}

// ---- A layer

// A state of zeros for as many sequences as x has.
static inline void zeros_of(struct random_file *f, const struct random_value *v, int units,
                            char *to) {
    char shape[16], count[16], width[16], size[16], inputs[600];

    new_value(f, width);
    put_list(f, width, 1, (const int64_t[]){units});
    one(f, "Shape", v->name, shape);
    snprintf(inputs, sizeof inputs, "%s %s", shape, v->time_first ? "axis1" : "axis0");
    new_value(f, count);
    put_axis(f, "Gather", inputs, count, 0);
    snprintf(inputs, sizeof inputs, "%s %s", count, width);
    new_value(f, size);
    put_axis(f, "Concat", inputs, size, 0);
    one(f, "ConstantOfShape", size, to);
}

static inline void written_steps(struct random_file *f, struct random_value *v, struct written *c,
                                 bool back, struct random_value *last) {
    char h[16], cell[16], x[16], index[16], inputs[600], steps[600] = "";
    char rows[16][16];

    zeros_of(f, v, c->units, h);
    strcpy(cell, h);
    for (int k = 0; k < f->steps; k++) {
        const int t = back ? f->steps - 1 - k : k;
        new_value(f, index);
        put_whole(f, index, 0, t);
        snprintf(inputs, sizeof inputs, "%s %s", v->name, index);
        new_value(f, x);
        put_axis(f, "Gather", inputs, x, v->time_first ? 0 : 1);
        step_of(f, c, x, h, cell);
        strcpy(rows[t], h);
    }
    strcpy(last->name, h);
    for (int t = 0; t < f->steps; t++) {
        two(f, "Unsqueeze", rows[t], v->time_first ? "axis0" : "axis1", x);
        strcat(steps, x);
        strcat(steps, " ");
    }
    new_value(f, v->name);
    put_axis(f, "Concat", steps, v->name, v->time_first ? 0 : 1);
}

static inline void written_loop(struct random_file *f, struct random_value *v, struct written *c,
                                bool back, struct random_value *last) {
    char zero[16], h[16], cell[16], x[16], count[16], shape[16], at[16], inputs[600], outputs[80];
    char in_h[16], in_c[16], iteration[16], more[16], go[16], end[16];

    zeros_of(f, v, c->units, zero);
    one(f, "Shape", v->name, shape);
    snprintf(inputs, sizeof inputs, "%s %s", shape, v->time_first ? "zero" : "one");
    new_value(f, count);
    put_axis(f, "Gather", inputs, count, 0);
    two(f, "Sub", count, "one", end);
    new_value(f, in_h);
    new_value(f, in_c);
    new_value(f, iteration);
    new_value(f, more);
    const struct bytes outer = begin_body(f);
    strcpy(at, iteration);
    if (back)
        two(f, "Sub", end, iteration, at);
    snprintf(inputs, sizeof inputs, "%s %s", v->name, at);
    new_value(f, x);
    put_axis(f, "Gather", inputs, x, v->time_first ? 0 : 1);
    strcpy(h, in_h);
    strcpy(cell, in_c);
    step_of(f, c, x, h, cell);
    if (c->form % 2) // as Keras' loops say it
        two(f, "Less", iteration, count, go);
    else
        one(f, "Identity", more, go);
    put_port(f, 11, iteration);
    put_port(f, 11, more);
    put_port(f, 11, in_h);
    put_port(f, 11, in_c);
    put_port(f, 12, go);
    put_port(f, 12, h);
    put_port(f, 12, cell);
    put_port(f, 12, h);
    struct bytes body = end_body(f, outer);
    new_value(f, last->name);
    new_value(f, x);
    snprintf(inputs, sizeof inputs, "%s - %s %s", count, zero, zero);
    snprintf(outputs, sizeof outputs, "%s - %s", last->name, x);
    open_node(f, "Loop", inputs, outputs);
    put_body(f, "body", &body);
    finish(f);
    strcpy(v->name, x);
    if (back) { // collected from the last step on
        snprintf(inputs, sizeof inputs, "%s minus1 least axis0 minus1", x);
        new_value(f, v->name);
        put_op(f, "Slice", inputs, v->name);
    }
    v->time_first = true;
}

static inline void written_scan(struct random_file *f, struct random_value *v, struct written *c,
                                bool back, struct random_value *last) {
    char zero[16], h[16], cell[16], x[16], inputs[600], outputs[80], in_h[16], in_c[16];
    const int64_t axis = v->time_first ? 0 : 1, direction = back;

    zeros_of(f, v, c->units, zero);
    new_value(f, in_h);
    new_value(f, in_c);
    new_value(f, x);
    const struct bytes outer = begin_body(f);
    strcpy(h, in_h);
    strcpy(cell, in_c);
    step_of(f, c, x, h, cell);
    put_port(f, 11, in_h);
    put_port(f, 11, in_c);
    put_port(f, 11, x);
    put_port(f, 12, h);
    put_port(f, 12, cell);
    put_port(f, 12, h);
    struct bytes body = end_body(f, outer);
    snprintf(inputs, sizeof inputs, "%s %s %s", zero, zero, v->name);
    new_value(f, last->name);
    new_value(f, v->name);
    snprintf(outputs, sizeof outputs, "%s - %s", last->name, v->name);
    open_node(f, "Scan", inputs, outputs);
    put_body(f, "body", &body);
    put_attribute(f, "num_scan_inputs", 1);
    put_attribute_list(f, "scan_input_axes", 1, &axis);
    put_attribute_list(f, "scan_output_axes", 1, &axis);
    put_attribute_list(f, "scan_input_directions", 1, &direction);
    put_attribute_list(f, "scan_output_directions", 1, &direction);
    finish(f);
}

static inline void written_layer(struct random_file *f, struct random_value *v,
                                 struct random_value *last) {
    static void (*const ways[])(struct random_file *, struct random_value *, struct written *, bool,
                                struct random_value *) = {written_steps, written_loop,
                                                          written_scan};
    static const char *const names[] = {"steps", "loop", "scan"};
    const int way = random_between(&f->state, f->steps > 0 ? 0 : 1, 2);
    const bool back = random_between(&f->state, 0, 3) == 0;
    struct written c;

    say(f, " -> ", -1);
    say(f, names[way], -1);
    say(f, back ? " back " : " ", -1);
    draw_cell(f, &c, v->width);
    *last = (struct random_value){.width = c.units};
    ways[way](f, v, &c, back, last);
    v->width = c.units;
}

// A file with such layers. steps: as many as it has, 0: open.
static inline void begin_written(uint64_t seed, struct random_file *f, int64_t rows,
                                 int64_t columns, int64_t features) {
    const int64_t dims[3] = {rows, columns, features};

    memset(f, 0, sizeof *f);
    f->state = seed;
    f->one_way = true;
    put_value_info(f, 11, "x", 1, 3, dims);
    put_whole(f, "minus", 0, -1);
    put_whole(f, "minus1", 1, -1);
    put_whole(f, "least", 1, -INT32_MAX);
    put_whole(f, "zero", 0, 0);
    put_whole(f, "one", 0, 1);
    put_whole(f, "axis0", 1, 0);
    put_whole(f, "axis1", 1, 1);
    put_whole(f, "axis2", 1, 2);
    put_real(f, "unit", 1);
    put_real(f, "nought", 0);
    put_real(f, "quarter", 0.25f);
    put_real(f, "half", 0.5f);
    put_real(f, "offset", 0.125f);
}

static inline void end_written(struct random_file *f, int opset) {
    struct bytes set = {0}, model = {0};

    put_text(&f->graph, 2, "written");
    put_int(&set, 2, opset);
    put_int(&model, 1, 7);
    put_message(&model, 8, &set);
    put_message(&model, 7, &f->graph);
    f->data = model.data;
    f->size = model.size;
}

static inline void written_onnx(uint64_t seed, struct random_file *f) {
    struct random_value v = {.name = "x", .every_step = true}, last;
    uint64_t state = seed;

    const bool batch_first = random_between(&state, 0, 1);
    const int inputs = 1 + random_between(&state, 0, 4);
    const int steps = random_between(&state, 0, 2) ? 1 + random_between(&state, 1, 6) : 0;
    begin_written(state, f, batch_first ? 0 : steps, batch_first ? steps : 0, inputs);
    f->steps = steps;
    f->batch_first = batch_first;
    f->inputs = v.width = inputs;
    v.time_first = !batch_first;
    say(f, batch_first ? "[N, T, F], T =" : "[T, N, F], T =", steps);
    f->layers = 1 + random_between(&f->state, 0, 2);
    for (int i = 0; i < f->layers; i++) {
        written_layer(f, &v, &last);
        if (i + 1 < f->layers && random_between(&f->state, 0, 3) == 0)
            random_dense(f, &v, 1 + random_between(&f->state, 0, 4));
    }
    for (int heads = 1 + random_between(&f->state, 0, 1); heads > 0; heads--)
        random_head(f, v, &last);
    end_written(f, 14);
}

#endif
