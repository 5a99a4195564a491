// SPDX-License-Identifier: Apache-2.0
// Recurrent operators of ONNX that stand for a single step, as scripted loops and newer exporters
// have them of nn.LSTMCell: they become the expressions that they stand for.
#include "onnx_symbols.h"

#include "onnx_cell.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct cell {
    struct onnx_eval *e;
    struct onnx_symbols *s;
    int gates;
    size_t inputs, units;
    const struct onnx_tensor *w, *r, *b;
    int functions[3];         // of the gates, of what goes in, of the state
    double factor, offset;    // of hard gates
    int64_t *x, *h;           // [gates * units] sums
    int64_t *state[2], *next; // [units] h and c of a sequence
};

static int function_named(const ProtobufCBinaryData *text) {
    for (int i = 0; i < FUNCTIONS; i++) {
        const char *name = onnx_function_name(i);
        if (name && strlen(name) == text->len &&
            strncasecmp(name, (const char *)text->data, text->len) == 0)
            return i;
    }
    return -1;
}

// Gates and their functions; false for what is not followed.
static bool find_functions(struct cell *c) {
    const struct onnx_graph *graph = c->e->graph;
    const Onnx__AttributeProto *a = onnx_attribute(graph, "activations");
    const bool lstm = onnx_is(graph, "LSTM"), gru = onnx_is(graph, "GRU");
    const size_t count = lstm ? 3 : gru ? 2 : 1;

    c->gates = lstm ? 4 : gru ? 3 : 1;
    c->functions[0] = lstm || gru ? FUNCTION_SIGMOID : FUNCTION_TANH;
    c->functions[1] = c->functions[2] = FUNCTION_TANH;
    onnx_hard_numbers(graph, &c->factor, &c->offset);
    if (a && a->n_strings != count)
        return false;
    for (size_t i = 0; a && i < count; i++) {
        c->functions[i] = function_named(&a->strings[i]);
        if (c->functions[i] < 0 || (i > 0 && c->functions[i] == FUNCTION_HARD))
            return false;
    }
    const Onnx__AttributeProto *direction = onnx_attribute(graph, "direction");
    return !onnx_attribute(graph, "clip") &&
           (!direction || (direction->s.len == 7 && memcmp(direction->s.data, "forward", 7) == 0));
}

static int32_t sum(struct cell *c, int32_t a, int32_t b) {
    return onnx_symbol_sum(c->s, a, b);
}

static int32_t product(struct cell *c, int32_t a, int32_t b) {
    return onnx_symbol_product(c->s, a, b);
}

static int32_t both(struct cell *c, size_t row) {
    return sum(c, (int32_t)c->x[row], (int32_t)c->h[row]);
}

static int32_t apply(struct cell *c, int which, int32_t x) {
    if (c->functions[which] == FUNCTION_HARD)
        x = sum(c, onnx_symbol_scaled(c->s, x, c->factor), onnx_symbol_constant(c->s, c->offset));
    return onnx_symbol_function(c->s, (enum onnx_function)c->functions[which], x);
}

static int32_t rest_of(struct cell *c, int32_t gate) {
    return sum(c, onnx_symbol_constant(c->s, 1), onnx_symbol_scaled(c->s, gate, -1));
}

// Sums of all rows over a row of symbols, with a bias.
static void sums(struct cell *c, const int64_t *from, size_t count, const struct onnx_tensor *w,
                 const double *bias, int64_t *to) {
    const size_t rows = (size_t)c->gates * c->units;
    const struct onnx_matrix m = {
        .tensor = *w, .inner = count, .columns = rows, .down = 1, .right = count};
    const int32_t matrix = onnx_symbol_matrix(c->s, &m);
    const int32_t row = onnx_symbol_row(c->s, from, count, 1);

    for (size_t i = 0; i < rows && !c->s->failed; i++)
        to[i] = sum(c, onnx_symbol_linear(c->s, row, matrix, i),
                    onnx_symbol_constant(c->s, bias ? bias[i] : 0));
}

static void lstm_step(struct cell *c) {
    const size_t n = c->units;
    const bool coupled = onnx_int(c->e->graph, "input_forget", 0) != 0;

    for (size_t j = 0; j < n && !c->s->failed; j++) {
        const int32_t i = apply(c, 0, both(c, j)), o = apply(c, 0, both(c, n + j));
        const int32_t f = coupled ? rest_of(c, i) : apply(c, 0, both(c, 2 * n + j));
        const int32_t g = apply(c, 1, both(c, 3 * n + j));
        c->state[1][j] = sum(c, product(c, f, (int32_t)c->state[1][j]), product(c, i, g));
        c->state[0][j] = product(c, o, apply(c, 2, (int32_t)c->state[1][j]));
    }
}

static void gru_step(struct cell *c) {
    const size_t n = c->units;
    const bool linear = onnx_int(c->e->graph, "linear_before_reset", 0) != 0;
    int32_t row = 0, matrix = 0;

    if (!linear) { // the reset gate weighs h before the product
        const struct onnx_matrix m = {
            .tensor = *c->r, .inner = n, .columns = (size_t)c->gates * n, .down = 1, .right = n};
        for (size_t j = 0; j < n && !c->s->failed; j++)
            c->next[j] = product(c, apply(c, 0, both(c, n + j)), (int32_t)c->state[0][j]);
        matrix = onnx_symbol_matrix(c->s, &m);
        row = onnx_symbol_row(c->s, c->next, n, 1);
    }
    for (size_t j = 0; j < n && !c->s->failed; j++) {
        const size_t k = 2 * n + j;
        const int32_t z = apply(c, 0, both(c, j));
        int32_t of_h = (int32_t)c->h[k];
        if (linear)
            of_h = product(c, apply(c, 0, both(c, n + j)), of_h);
        else
            of_h = sum(c, onnx_symbol_linear(c->s, row, matrix, k),
                       onnx_symbol_constant(c->s, c->b ? c->b->real[3 * n + k] : 0));
        const int32_t made = apply(c, 1, sum(c, (int32_t)c->x[k], of_h));
        c->next[j] =
            sum(c, product(c, rest_of(c, z), made), product(c, z, (int32_t)c->state[0][j]));
    }
    memcpy(c->state[0], c->next, n * sizeof *c->next);
}

static void step(struct cell *c, const int64_t *x) {
    const double *bias = c->b ? c->b->real : NULL;

    sums(c, x, c->inputs, c->w, bias, c->x);
    sums(c, c->state[0], c->units, c->r, bias ? bias + (size_t)c->gates * c->units : NULL, c->h);
    if (c->gates == 4)
        lstm_step(c);
    else if (c->gates == 3)
        gru_step(c);
    for (size_t j = 0; c->gates == 1 && j < c->units && !c->s->failed; j++)
        c->state[0][j] = apply(c, 0, both(c, j));
}

// x: [steps, batch, inputs], or [batch, steps, inputs]
static int run(struct cell *c, const struct onnx_tensor *x, const struct onnx_tensor *const *start,
               bool swapped, struct onnx_tensor *const *out) {
    const size_t steps = (size_t)x->dims[swapped], batch = (size_t)x->dims[!swapped];

    for (size_t n = 0; n < batch; n++) {
        for (int k = 0; k < 2; k++)
            for (size_t j = 0; j < c->units; j++)
                c->state[k][j] = start[k]->whole[n * c->units + j];
        for (size_t t = 0; t < steps; t++) {
            const size_t row = swapped ? n * steps + t : t * batch + n;
            step(c, x->whole + row * c->inputs);
            if (out[0])
                memcpy(out[0]->whole + row * c->units, c->state[0], c->units * sizeof *c->x);
        }
        for (int k = 0; k < 2; k++)
            if (out[1 + k])
                memcpy(out[1 + k]->whole + n * c->units, c->state[k], c->units * sizeof *c->x);
    }
    return 0;
}

static bool is_matrix(const struct onnx_tensor *t, int64_t rows, int64_t columns) {
    return t && onnx_is_real(t->type) && t->rank == 3 && t->dims[0] == 1 && t->dims[1] == rows &&
           t->dims[2] == columns;
}

// A state to start from as symbols, zeros where it is left out.
static int start_of(struct onnx_eval *e, size_t input, int64_t batch, int64_t units,
                    struct onnx_tensor *to) {
    const struct onnx_tensor *given = onnx_eval_input(e, input);
    const int64_t count = batch * units;

    if (given && (given->count != (size_t)count ||
                  (given->type != ONNX_SYMBOLS && !onnx_is_real(given->type))))
        return onnx_fail(e->graph, "has a state whose shape does not fit its input");
    if (given)
        return onnx_eval_lift(e, given, true, to);
    if (onnx_eval_create(e, to, ONNX_SYMBOLS, 1, &count) != 0)
        return -1;
    for (int64_t i = 0; i < count; i++)
        to->whole[i] = onnx_symbol_constant(e->symbols, 0);
    return 0;
}

static int follow(struct cell *c, const struct onnx_tensor *x, bool swapped) {
    struct onnx_eval *e = c->e;
    const int64_t batch = x->dims[!swapped], units = (int64_t)c->units;
    const int64_t y[4] = {x->dims[0], swapped ? x->dims[1] : 1, swapped ? 1 : batch, units};
    const int64_t last[3] = {swapped ? batch : 1, swapped ? 1 : batch, units};
    const int64_t room = (2 * c->gates + 3) * units;
    struct onnx_tensor start[2] = {{0}}, lifted = {0}, work = {0};
    struct onnx_tensor *out[3];
    int result = onnx_eval_lift(e, x, true, &lifted);

    for (size_t k = 0; k < 3; k++) {
        out[k] = onnx_eval_output(e, k);
        if (result == 0 && out[k])
            result = onnx_eval_create(e, out[k], ONNX_SYMBOLS, k ? 3 : 4, k ? last : y);
    }
    for (size_t k = 0; result == 0 && k < 2; k++)
        result = start_of(e, 5 + k, batch, units, &start[k]);
    if (result == 0)
        result = onnx_eval_create(e, &work, ONNX_SYMBOLS, 1, &room);
    if (result == 0) {
        c->x = work.whole;
        c->h = c->x + (size_t)c->gates * c->units;
        c->state[0] = c->h + (size_t)c->gates * c->units;
        c->state[1] = c->state[0] + units;
        c->next = c->state[1] + units;
        result = run(c, &lifted, (const struct onnx_tensor *const[]){&start[0], &start[1]}, swapped,
                     out);
    }
    onnx_tensor_free(&lifted);
    onnx_tensor_free(&start[0]);
    onnx_tensor_free(&start[1]);
    onnx_tensor_free(&work);
    return result;
}

int onnx_symbolic_recurrent(struct onnx_eval *e) {
    const struct onnx_tensor *x = onnx_eval_input(e, 0);
    const bool swapped = onnx_int(e->graph, "layout", 0) == 1;
    struct cell c = {.e = e,
                     .s = e->symbols,
                     .w = onnx_eval_input(e, 1),
                     .r = onnx_eval_input(e, 2),
                     .b = onnx_eval_input(e, 3)};

    if (x->rank != 3 || (x->type != ONNX_SYMBOLS && !onnx_is_real(x->type)) ||
        onnx_eval_input(e, 4) || onnx_eval_input(e, 7) || !c.r || c.r->rank != 3 ||
        (!e->outer && x->dims[swapped] != 1) || !find_functions(&c))
        return 1;
    const int64_t units = c.r->dims[2], inputs = x->dims[2];
    if (units < 1 || units > INT32_MAX || x->dims[!swapped] > INT32_MAX ||
        !is_matrix(c.w, c.gates * units, inputs) || !is_matrix(c.r, c.gates * units, units) ||
        (c.b && (!onnx_is_real(c.b->type) || c.b->count != (size_t)(2 * c.gates * units))))
        return onnx_fail(e->graph, "has weights whose shapes do not fit its input");
    c.inputs = (size_t)inputs;
    c.units = (size_t)units;
    return follow(&c, x, swapped);
}
