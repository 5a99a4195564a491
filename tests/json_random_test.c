// SPDX-License-Identifier: Apache-2.0
// Random networks described in JSON, their weights as PyTorch, Keras, ONNX or the text itself has
// them, against a plain computation of what the description says.
#define _POSIX_C_SOURCE 200809L
#define JSON_FOLDER "build/json_random_test"
#include "json_fixture.h"
#include "text.h"
#include "walk.h"

#include <math.h>

enum { SEEDS = 300, N = 2, T = 5, WIDE = 32, MAX_CELLS = 3 };

enum layout { BY_PREFIX, BY_NAME, KERAS, ONNX, IN_TEXT, LAYOUTS };

// A recurrent layer with its weights as PyTorch has them: gates in order, (gates * hidden, ...).
struct cell {
    const char *name; // "lstm", "gru", "rnn"
    int gates, hidden, inputs, directions;
    bool reverse, bias, reset_first, relu, residual;
    float *w[2], *r[2], *bx[2], *bh[2];
    double h0, c0;
};

struct rows {
    int width;
    double at[N][T][WIDE]; // a row for each step
};

struct net {
    struct state state;
    struct mr_text text;
    uint64_t seed;
    int matrices; // names given
};

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

// ---- what a description says

static void step(const struct cell *c, int d, const double *x, double *h, double *s) {
    double a[4][WIDE], of_h[4][WIDE], old[WIDE];
    const size_t n = (size_t)c->hidden, in = (size_t)c->inputs;

    memcpy(old, h, n * sizeof *old);
    for (int pass = 0; pass < 2; pass++) // the second for a reset before the product
        for (int g = 0; g < c->gates; g++)
            for (size_t j = 0; j < n; j++) {
                const size_t row = (size_t)g * n + j;
                a[g][j] = c->bias ? (double)c->bx[d][row] : 0;
                for (size_t k = 0; k < in; k++)
                    a[g][j] += (double)c->w[d][row * in + k] * x[k];
                double sum = c->bias ? (double)c->bh[d][row] : 0;
                for (size_t k = 0; k < n; k++) {
                    const bool reset = pass == 1 && g == 2 && c->reset_first;
                    sum += (double)c->r[d][row * n + k] *
                           (reset ? sigmoid(a[0][k] + of_h[0][k]) * old[k] : old[k]);
                }
                of_h[g][j] = sum;
            }
    for (size_t j = 0; j < n; j++) {
        if (c->gates == 4) {
            s[j] = sigmoid(a[1][j] + of_h[1][j]) * s[j] +
                   sigmoid(a[0][j] + of_h[0][j]) * tanh(a[2][j] + of_h[2][j]);
            h[j] = sigmoid(a[3][j] + of_h[3][j]) * tanh(s[j]);
        } else if (c->gates == 3) {
            const double r = c->reset_first ? 1 : sigmoid(a[0][j] + of_h[0][j]);
            const double z = sigmoid(a[1][j] + of_h[1][j]);
            h[j] = (1 - z) * tanh(a[2][j] + r * of_h[2][j]) + z * old[j];
        } else {
            const double sum = a[0][j] + of_h[0][j];
            h[j] = c->relu ? fmax(sum, 0) : tanh(sum);
        }
    }
}

// y: rows of all directions; last: the states behind the last steps that each takes.
static void run_cell(const struct cell *c, const struct rows *x, struct rows *y, struct rows *last,
                     struct rows *cells) {
    y->width = last->width = cells->width = c->hidden * c->directions;
    for (int n = 0; n < N; n++)
        for (int d = 0; d < c->directions; d++) {
            double h[WIDE], s[WIDE];
            for (int j = 0; j < c->hidden; j++) {
                h[j] = c->h0;
                s[j] = c->c0;
            }
            for (int k = 0; k < T; k++) {
                const int t = d == 1 || c->reverse ? T - 1 - k : k;
                step(c, d, x->at[n][t], h, s);
                memcpy(y->at[n][t] + d * c->hidden, h, (size_t)c->hidden * sizeof *h);
            }
            memcpy(last->at[n][0] + d * c->hidden, h, (size_t)c->hidden * sizeof *h);
            memcpy(cells->at[n][0] + d * c->hidden, s, (size_t)c->hidden * sizeof *s);
        }
    for (int n = 0; n < N && c->residual; n++)
        for (int t = 0; t < T; t++)
            for (int j = 0; j < y->width; j++)
                y->at[n][t][j] += x->at[n][t][j];
}

static double activate(int which, double x) {
    return which == 1 ? sigmoid(x) : which == 2 ? tanh(x) : which == 3 ? fmax(x, 0) : x;
}

// ---- the text and the tensors

static void say(struct net *net, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct net *net, const char *format, ...) {
    char text[4096];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mr_text_add(&net->text, "%s", text);
}

// A matrix, or with columns 0 a list, as a member of "weights": a tensor or numbers in the text.
static void put_member(struct net *net, const char *key, size_t planes, size_t rows, size_t columns,
                       const float *data, bool inside) {
    if (!inside) {
        float *to = tensor(&net->state, 1, planes * rows * (columns ? columns : 1), 0, "m%d",
                           net->matrices);
        struct mr_tensor *t = &net->state.list[net->state.count - 1];
        memcpy(to, data, t->count * sizeof *to);
        t->rank = 0;
        if (planes > 1 || *key == 'W' || *key == 'R' || *key == 'B')
            t->shape[t->rank++] = planes;
        t->shape[t->rank++] = rows;
        if (columns > 0)
            t->shape[t->rank++] = columns;
        say(net, "\"%s\": \"m%d\"", key, net->matrices++);
        return;
    }
    say(net, "\"%s\": [", key);
    for (size_t i = 0; i < rows; i++) {
        say(net, "%s%s", i ? ", " : "", columns ? "[" : "");
        for (size_t k = 0; k < (columns ? columns : 1); k++)
            say(net, "%s%.9g", k ? ", " : "", (double)data[i * (columns ? columns : 1) + k]);
        say(net, "%s", columns ? "]" : "");
    }
    say(net, "]");
}

// Rows of gates in another order: gate g of the new one is order[g] of the old.
static void sort_gates(const struct cell *c, const int *order, size_t columns, const float *from,
                       float *to) {
    const size_t block = (size_t)c->hidden * columns;

    for (int g = 0; g < c->gates; g++)
        memcpy(to + (size_t)g * block, from + (size_t)order[g] * block, block * sizeof *to);
}

static void transpose(size_t rows, size_t columns, const float *from, float *to) {
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            to[k * rows + i] = from[i * columns + k];
}

static void put_cell(struct net *net, struct cell *c, int index, int layout, bool alone) {
    static const int same[4] = {0, 1, 2, 3}, onnx_lstm[4] = {0, 3, 1, 2}, zrn[3] = {1, 0, 2};
    static const int shuffled[2][4] = {{3, 1, 0, 2}, {2, 0, 1}}; // "ofig", "nrz"
    const size_t rows = (size_t)(c->gates * c->hidden), in = (size_t)c->inputs;
    const size_t n = (size_t)c->hidden;
    const bool shuffle = c->gates > 1 && random_bits(&net->seed) % 3 == 0;
    const int *order = shuffle                            ? shuffled[c->gates == 3]
                       : layout == KERAS && c->gates == 3 ? zrn
                       : layout == ONNX && c->gates == 4  ? onnx_lstm
                       : layout == ONNX && c->gates == 3  ? zrn
                                                          : same;
    static float all[4][1 << 12], turned[1 << 12];
    const char *const ends[2] = {"", "_reverse"};

    if (shuffle)
        say(net, ", \"gates\": \"%s\"", c->gates == 4 ? "ofig" : "nrz");
    if (layout == BY_PREFIX || layout == BY_NAME || layout == IN_TEXT) {
        if (layout == BY_PREFIX && !alone)
            say(net, ", \"weights\": \"core.%d\"", index);
        else if (layout != BY_PREFIX)
            say(net, ", \"weights\": {");
        for (int d = 0; d < c->directions; d++) {
            const float *const from[4] = {c->w[d], c->r[d], c->bx[d], c->bh[d]};
            static const char *const roles[4] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
            const size_t columns[4] = {in, n, 0, 0};
            for (int i = 0; i < (c->bias ? 4 : 2); i++) {
                char key[40];
                sort_gates(c, order, columns[i] ? columns[i] : 1, from[i], all[i]);
                if (layout == BY_PREFIX) {
                    memcpy(tensor(&net->state, columns[i] ? 2 : 1, rows, columns[i],
                                  "core.%d.%s_l0%s", index, roles[i], ends[d]),
                           all[i], rows * (columns[i] ? columns[i] : 1) * sizeof(float));
                    continue;
                }
                snprintf(key, sizeof key, "%s%s", roles[i], ends[d]);
                say(net, "%s", d + i ? ", " : "");
                put_member(net, key, 1, rows, columns[i], all[i], layout == IN_TEXT);
            }
        }
        say(net, "%s", layout == BY_PREFIX ? "" : "}");
        return;
    }
    say(net, ", \"weights\": {");
    if (layout == KERAS)
        for (int d = 0; d < c->directions; d++) {
            char key[40];
            snprintf(key, sizeof key, "kernel%s", ends[d]);
            sort_gates(c, order, in, c->w[d], all[0]);
            transpose(rows, in, all[0], turned);
            say(net, "%s", d ? ", " : "");
            put_member(net, key, 1, in, rows, turned, false);
            snprintf(key, sizeof key, "recurrent_kernel%s", ends[d]);
            sort_gates(c, order, n, c->r[d], all[0]);
            transpose(rows, n, all[0], turned);
            say(net, ", ");
            put_member(net, key, 1, n, rows, turned, false);
            snprintf(key, sizeof key, "bias%s", ends[d]);
            sort_gates(c, order, 1, c->bx[d], all[0]);
            sort_gates(c, order, 1, c->bh[d], all[0] + rows);
            say(net, "%s", c->bias ? ", " : "");
            if (c->bias)
                put_member(net, key, 1, 2, rows, all[0], false);
        }
    if (layout == ONNX) {
        const size_t directions = (size_t)c->directions;
        for (size_t d = 0; d < directions; d++) {
            sort_gates(c, order, in, c->w[d], all[0] + d * rows * in);
            sort_gates(c, order, n, c->r[d], all[1] + d * rows * n);
            sort_gates(c, order, 1, c->bx[d], all[2] + d * 2 * rows);
            sort_gates(c, order, 1, c->bh[d], all[2] + (2 * d + 1) * rows);
        }
        put_member(net, "W", directions, rows, in, all[0], false);
        say(net, ", ");
        put_member(net, "R", directions, rows, n, all[1], false);
        say(net, "%s", c->bias ? ", " : "");
        if (c->bias)
            put_member(net, "B", directions, 2 * rows, 0, all[2], false);
    }
    say(net, "}");
}

static float *draw(struct net *net, size_t count, double range) {
    float *list = malloc(count * sizeof *list);

    ck_assert_ptr_nonnull(list);
    random_numbers(&net->seed, list, count, range);
    return list;
}

static void draw_cell(struct net *net, struct cell *c, int inputs, int index, bool alone) {
    static const char *const names[3] = {"lstm", "gru", "rnn"};
    const int which = random_between(&net->seed, 0, 2);

    memset(c, 0, sizeof *c);
    c->name = names[which];
    c->gates = which == 0 ? 4 : which == 1 ? 3 : 1;
    c->inputs = inputs;
    c->hidden = random_between(&net->seed, 1, 5);
    c->directions = random_between(&net->seed, 0, 3) == 0 ? 2 : 1;
    c->reverse = c->directions == 1 && random_between(&net->seed, 0, 4) == 0;
    c->bias = random_between(&net->seed, 0, 3) > 0;
    c->reset_first = which == 1 && random_between(&net->seed, 0, 1);
    c->relu = which == 2 && random_between(&net->seed, 0, 1);
    c->residual = c->hidden * c->directions == inputs;
    c->h0 = random_between(&net->seed, 0, 2) == 0 ? 0.25 : 0;
    c->c0 = which == 0 && random_between(&net->seed, 0, 2) == 0 ? -0.5 : 0;
    const size_t rows = (size_t)(c->gates * c->hidden);
    for (int d = 0; d < c->directions; d++) {
        c->w[d] = draw(net, rows * (size_t)inputs, 0.7);
        c->r[d] = draw(net, rows * (size_t)c->hidden, 0.4);
        c->bx[d] = draw(net, rows, 0.5);
        c->bh[d] = draw(net, rows, 0.5);
    }
    say(net, "{\"name\": \"cell%d\", \"cell\": \"%s\", \"hidden\": %d", index, c->name, c->hidden);
    if (c->directions == 2)
        say(net, ", \"bidirectional\": true");
    if (c->reverse)
        say(net, ", \"reverse\": true");
    if (random_between(&net->seed, 0, 1))
        say(net, ", \"bias\": %s", c->bias ? "true" : "false");
    if (c->reset_first)
        say(net, ", \"reset\": \"before\"");
    if (c->relu)
        say(net, ", \"activation\": \"relu\"");
    if (c->residual)
        say(net, ", \"residual\": true");
    if (c->h0 != 0 || c->c0 != 0)
        say(net, ", \"start\": {\"h\": %g%s", c->h0, which == 0 ? ", \"c\": " : "}");
    if ((c->h0 != 0 || c->c0 != 0) && which == 0)
        say(net, "%g}", c->c0);
    put_cell(net, c, index, random_between(&net->seed, 0, LAYOUTS - 1), alone);
    say(net, "}");
}

static void free_cell(struct cell *c) {
    for (int d = 0; d < 2; d++) {
        free(c->w[d]);
        free(c->r[d]);
        free(c->bx[d]);
        free(c->bh[d]);
    }
}

// A dense layer of x: its text behind "dense": or "outputs":, and what it gives, in place.
static void put_dense(struct net *net, struct rows *x, int units, int steps) {
    static const char *const names[4] = {"linear", "sigmoid", "tanh", "relu"};
    const int which = random_between(&net->seed, 0, 3);
    const bool bias = random_between(&net->seed, 0, 1), keras = random_between(&net->seed, 0, 1);
    const size_t in = (size_t)x->width, out = (size_t)units;
    float *w = draw(net, in * out, 0.8), *b = draw(net, out, 0.5), *turned = draw(net, in * out, 1);
    static struct rows y;

    say(net, ", \"activation\": \"%s\", \"weights\": {", names[which]);
    transpose(out, in, w, turned);
    const bool inside = random_between(&net->seed, 0, 2) == 0;
    put_member(net, keras ? "kernel" : "weight", 1, keras ? in : out, keras ? out : in,
               keras ? turned : w, inside);
    say(net, "%s", bias ? ", " : "");
    if (bias)
        put_member(net, "bias", 1, out, 0, b, inside);
    say(net, "}");
    for (int n = 0; n < N; n++)
        for (int t = 0; t < steps; t++)
            for (size_t u = 0; u < out; u++) {
                double sum = bias ? (double)b[u] : 0;
                for (size_t k = 0; k < in; k++)
                    sum += (double)w[u * in + k] * x->at[n][t][k];
                y.at[n][t][u] = activate(which, sum);
            }
    y.width = units;
    *x = y;
    free(w);
    free(b);
    free(turned);
}

// What a head takes of the rows; in place. How many rows are left.
static int take_rows(struct rows *x, const struct rows *state, const char *what) {
    static struct rows y;

    if (strcmp(what, "all") == 0)
        return T;
    for (int n = 0; n < N; n++)
        for (int j = 0; j < x->width; j++) {
            double mean = 0, most = -INFINITY;
            for (int t = 0; t < T; t++) {
                mean += x->at[n][t][j] / T;
                most = fmax(most, x->at[n][t][j]);
            }
            y.at[n][0][j] = *what == 'l'     ? x->at[n][T - 1][j]
                            : *what == 'f'   ? x->at[n][0][j]
                            : *what == 's'   ? state->at[n][0][j]
                            : what[1] == 'e' ? mean
                                             : most;
        }
    y.width = x->width;
    *x = y;
    return 1;
}

static void draw_input(struct net *net, struct rows *x, float *given) {
    const int width = random_between(&net->seed, 1, 6), scaled = random_between(&net->seed, 0, 3);

    x->width = width;
    for (int n = 0; n < N; n++)
        for (int t = 0; t < T; t++)
            for (int k = 0; k < width; k++) {
                const float v = random_number(&net->seed, 2);
                given[(n * T + t) * width + k] = v;
                x->at[n][t][k] = scaled == 0   ? (double)v
                                 : scaled == 1 ? (double)v * (k + 1) - 0.5
                                               : ((double)v - 0.25) / (scaled == 2 ? 2 : k + 2);
            }
    say(net, "{\"inputs\": ");
    if (scaled == 0)
        say(net, "%d", width);
    else
        say(net, "{\"features\": %d, ", width);
    if (scaled == 1)
        say(net, "\"offset\": -0.5, \"scale\": [");
    else if (scaled == 3)
        say(net, "\"mean\": 0.25, \"std\": [");
    for (int k = 0; k < width && scaled & 1; k++)
        say(net, "%s%d", k ? ", " : "", scaled == 1 ? k + 1 : k + 2);
    say(net, "%s, \"layers\": [",
        scaled == 0   ? ""
        : scaled == 2 ? "\"mean\": 0.25, \"std\": 2}"
                      : "]}");
}

START_TEST(networks_are_what_they_say) {
    static const char *const takes[6] = {"last", "first", "mean", "max", "all", "state"};
    static struct net net;
    static struct rows x, y, last, cells, out[3];
    static float given[N * T * WIDE];
    static double own[3 * N * T * WIDE];
    struct mr_network network;
    int rows[3], count;

    memset(&net, 0, sizeof net);
    net.seed = (uint64_t)_i;
    draw_input(&net, &x, given);
    if (random_between(&net.seed, 0, 3) == 0) {
        const int units = random_between(&net.seed, 1, 5);
        say(&net, "{\"dense\": %d", units);
        put_dense(&net, &x, units, T);
        say(&net, "}, ");
    }
    count = random_between(&net.seed, 1, MAX_CELLS);
    bool residual = false;
    for (int i = 0; i < count; i++) {
        struct cell c;
        say(&net, "%s", i ? ", " : "");
        draw_cell(&net, &c, x.width, i, count == 1);
        run_cell(&c, &x, &y, &last, &cells);
        x = y;
        residual = c.residual;
        free_cell(&c);
    }
    say(&net, "], \"heads\": [");
    const int heads = random_between(&net.seed, 1, 3);
    for (int i = 0; i < heads; i++) {
        const char *what = takes[random_between(&net.seed, 0, residual ? 4 : 5)];
        const int units = random_between(&net.seed, 0, 4);
        out[i] = x;
        say(&net, "%s{\"return\": \"%s\"", i ? ", " : "", what);
        rows[i] = take_rows(&out[i], &last, what);
        if (random_between(&net.seed, 0, 3) == 0) {
            say(&net, ", \"layers\": [{\"dense\": 3");
            put_dense(&net, &out[i], 3, rows[i]);
            say(&net, "}]");
        }
        if (units > 0) {
            say(&net, ", \"outputs\": %d", units);
            put_dense(&net, &out[i], units, rows[i]);
        }
        say(&net, "}");
    }
    say(&net, "]%s}", net.state.count ? ", \"weights\": \"w.safetensors\"" : "");
    ck_assert(!net.text.failed);
    size_t size;
    unsigned char *weights = pack_state(&net.state, &size);
    struct mr_onnx *onnx = read_json(net.text.data, weights, size, &network);
    ck_assert_msg(onnx != NULL, "seed %d: %s\n%s", _i, error, net.text.data);
    ck_assert_int_eq(mr_float_run(&network, given, N, T, own), 0);
    const double *at = own;
    for (int i = 0; i < heads; i++)
        for (int n = 0; n < N; n++)
            for (int t = 0; t < rows[i]; t++)
                for (int j = 0; j < out[i].width; j++, at++)
                    ck_assert_msg(fabs(*at - out[i].at[n][t][j]) < 1e-5,
                                  "seed %d, head %d, step %d, number %d: %g is %g\n%s", _i, i, t, j,
                                  out[i].at[n][t][j], *at, net.text.data);
    if (_i < 40)
        keep_seed("random", _i, net.text.data, weights, size);
    mr_network_free(&network);
    mr_onnx_close(onnx);
    free(weights);
    free(net.text.data);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_random");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, networks_are_what_they_say, 0, SEEDS);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
