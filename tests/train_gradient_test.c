// SPDX-License-Identifier: Apache-2.0
// Gradients of the float32 trainer: those of every weight, by every kernel that this processor has,
// are what numerical differentiation of the double walker says, over random chains of all cells,
// widths, losses and heads; steps of SGD and Adam are what their formulas say; and neither threads
// nor a state that is read and written again change a bit.
#define _POSIX_C_SOURCE 200809L
#include "float32_parts.h"
#include "op.h"
#include "random.h"
#include "train_loss.h"
#include "train_weights.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CELLS = 5, STEPS_MOST = 6, MOST = 40 };

static const char *const cells[CELLS] = {"lstm", "gru", "gru_reset_first", "rnn_tanh", "rnn_relu"};
static uint64_t first_seed;

struct problem {
    uint64_t state;
    struct mr_network network;
    struct mr_train_chain chain;
    enum mr_train_loss loss;
    size_t sequences, steps, rows;
    float *x, *y;
    char about[400];
};

static struct mr_op *add(struct mr_network *network, const char *kind, int units,
                         enum mr_activation activation) {
    char text[400] = "";
    struct mr_op *op = mr_network_add(network, mr_op_kind_find(kind), network->stream_count - 1,
                                      units, activation, text, sizeof text);
    ck_assert_msg(op, "%s", text);
    return op;
}

static enum mr_activation draw_activation(struct problem *p) {
    static const enum mr_activation list[] = {MR_ACTIVATION_LINEAR, MR_ACTIVATION_SIGMOID,
                                              MR_ACTIVATION_TANH};

    if (p->loss == MR_TRAIN_CE)
        return MR_ACTIVATION_LINEAR;
    return list[random_between(&p->state, 0, p->loss == MR_TRAIN_BCE ? 1 : 2)];
}

static void draw_data(struct problem *p) {
    const size_t targets = (size_t)mr_train_targets(&p->chain, p->loss);
    const size_t count = p->sequences * p->rows * targets;

    p->x = calloc(p->sequences * p->steps * (size_t)p->chain.inputs, sizeof *p->x);
    p->y = calloc(count, sizeof *p->y);
    ck_assert(p->x && p->y);
    random_numbers(&p->state, p->x, p->sequences * p->steps * (size_t)p->chain.inputs, 1);
    for (size_t i = 0; i < count; i++)
        p->y[i] = p->loss == MR_TRAIN_CE ? (float)random_between(&p->state, 0, p->chain.outputs - 1)
                  : p->loss == MR_TRAIN_BCE ? fabsf(random_number(&p->state, 1))
                                            : random_number(&p->state, 1);
}

static struct problem make_problem(uint64_t seed, int cell) {
    struct problem p = {.state = seed};
    struct mr_error error = {0};
    char text[400] = "";
    const int layers = random_between(&p.state, 1, 3);
    const bool last = random_between(&p.state, 0, 1), early = random_between(&p.state, 0, 1);

    p.loss = (enum mr_train_loss)random_between(&p.state, 0, 2);
    p.sequences = (size_t)random_between(&p.state, 1, 19);
    p.steps = (size_t)random_between(&p.state, 1, STEPS_MOST);
    ck_assert_int_eq(mr_network_create(&p.network, random_between(&p.state, 1, 7)), 0);
    for (int l = 0; l < layers; l++) {
        const char *kind = cells[l == 0 ? cell : random_between(&p.state, 0, CELLS - 1)];
        struct mr_op *op = add(&p.network, kind, random_between(&p.state, 1, 9), 0);
        snprintf(p.about + strlen(p.about), sizeof p.about - strlen(p.about), "%s %d, ", kind,
                 op->units);
    }
    if (last && early)
        add(&p.network, "last", 0, 0);
    const int outputs = random_between(&p.state, p.loss == MR_TRAIN_CE ? 2 : 1, 4);
    add(&p.network, "dense", outputs, draw_activation(&p));
    if (p.loss == MR_TRAIN_CE && random_between(&p.state, 0, 1))
        add(&p.network, "softmax", 0, 0);
    if (last && !early && p.loss != MR_TRAIN_CE)
        add(&p.network, "last", 0, 0);
    ck_assert_int_eq(
        mr_network_output(&p.network, p.network.stream_count - 1, "y", text, sizeof text), 0);
    ck_assert_msg(mr_train_chain_of(&p.network, p.loss, &p.chain, &error) == 0, "%s", error.text);
    p.rows = p.chain.per_step ? p.steps : 1;
    mr_train_draw_weights(&p.network, &p.chain, random_bits(&p.state));
    draw_data(&p);
    snprintf(p.about + strlen(p.about), sizeof p.about - strlen(p.about),
             "%d outputs, activation %d%s%s, loss %d, %zu sequences of %zu steps, seed %llu",
             p.chain.outputs, (int)p.chain.activation, p.chain.softmax ? " softmax" : "",
             p.chain.per_step ? " every step" : "", (int)p.loss, p.sequences, p.steps,
             (unsigned long long)seed);
    return p;
}

static void free_problem(struct problem *p) {
    mr_network_free(&p->network);
    free(p->x);
    free(p->y);
}

// ---- what the loss should be, in double

static double log1p_exp(double x) {
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double row_loss(const struct problem *p, const double *out, const float *y) {
    const int outputs = p->chain.outputs;
    double all = 0;

    if (p->loss == MR_TRAIN_CE) {
        double sum = 0;
        if (p->chain.softmax)
            return -log(out[(int)y[0]]);
        for (int o = 0; o < outputs; o++)
            sum += exp(out[o]);
        return log(sum) - out[(int)y[0]];
    }
    for (int o = 0; o < outputs; o++) {
        if (p->loss == MR_TRAIN_MSE)
            all += (out[o] - y[o]) * (out[o] - y[o]);
        else if (p->chain.activation == MR_ACTIVATION_SIGMOID)
            all -= y[o] * log(out[o]) + (1 - y[o]) * log(1 - out[o]);
        else
            all += log1p_exp(out[o]) - y[o] * out[o];
    }
    return all / outputs;
}

static double double_loss(const struct problem *p) {
    const size_t outputs = (size_t)p->chain.outputs;
    const size_t targets = (size_t)mr_train_targets(&p->chain, p->loss);
    double *out = calloc(p->sequences * p->rows * outputs, sizeof *out), all = 0;

    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(mr_float_run(&p->network, p->x, p->sequences, p->steps, out), 0);
    for (size_t i = 0; i < p->sequences * p->rows; i++)
        all += row_loss(p, out + i * outputs, p->y + i * targets);
    free(out);
    return all / (double)(p->sequences * p->rows);
}

// The derivative by each weight, to either side; they differ where a ReLU has its corner there.
struct slope {
    double up, down;
};

static double slope_middle(struct slope s) {
    return (s.up + s.down) / 2;
}

// By difference quotients, around the weights that are there.
static struct slope *double_gradient(const struct problem *p) {
    const size_t count = mr_train_weight_count(&p->chain);
    struct mr_network *network = (struct mr_network *)&p->network;
    float *w = calloc(count, sizeof *w);
    struct slope *gradient = calloc(count, sizeof *gradient);
    const double here = double_loss(p);

    ck_assert(w && gradient);
    mr_train_read_weights(&p->network, &p->chain, w);
    for (size_t i = 0; i < count; i++) {
        const float kept = w[i], more = kept + 0x1p-17F, less = kept - 0x1p-17F;
        w[i] = more;
        mr_train_write_weights(network, &p->chain, w);
        gradient[i].up = (double_loss(p) - here) / ((double)more - (double)kept);
        w[i] = less;
        mr_train_write_weights(network, &p->chain, w);
        gradient[i].down = (here - double_loss(p)) / ((double)kept - (double)less);
        w[i] = kept;
    }
    mr_train_write_weights(network, &p->chain, w);
    free(w);
    return gradient;
}

// ---- by the kernels

// The gradient of all sequences, slice by slice, and the loss.
static double slice_gradient(const struct problem *p, const struct mr_float32_kernels *kernels,
                             float *gradient) {
    struct mr_float32_net net;
    struct mr_slice slice = {0};
    const size_t count = mr_train_weight_count(&p->chain);
    float *part = calloc(count, sizeof *part);
    double loss = 0;

    ck_assert_ptr_nonnull(part);
    ck_assert_int_eq(mr_float32_net_create(&net, &p->chain, kernels), 0);
    ck_assert_uint_eq(net.count, count);
    net.loss = p->loss;
    mr_train_read_weights(&p->network, &p->chain, net.w);
    mr_float32_net_pack(&net);
    ck_assert_int_eq(mr_slice_reserve(&slice, &net, p->steps), 0);
    memset(gradient, 0, count * sizeof *gradient);
    const size_t targets = (size_t)mr_train_targets(&p->chain, p->loss);
    for (size_t first = 0; first < p->sequences; first += MR_SLICE) {
        struct mr_slice_work work = {
            .x = p->x + first * p->steps * (size_t)p->chain.inputs,
            .y = p->y + first * p->rows * targets,
            .sequences = p->sequences - first < MR_SLICE ? p->sequences - first : MR_SLICE,
            .steps = p->steps,
            .weight = 1 / ((double)(p->sequences * p->rows) * (double)targets),
            .gradient = part,
        };
        // All of it is to be written.
        for (size_t i = 0; i < count; i++)
            part[i] = NAN;
        mr_slice_run(&net, &slice, &work);
        loss += work.loss;
        for (size_t i = 0; i < count; i++)
            gradient[i] += part[i];
    }
    mr_slice_free(&slice);
    mr_float32_net_free(&net);
    free(part);
    return loss;
}

static void compare_gradients(uint64_t seed, int cell) {
    struct problem p = make_problem(seed, cell);
    const size_t count = mr_train_weight_count(&p.chain);
    struct slope *expected = double_gradient(&p);
    double largest = 0;
    float *gradient = calloc(count, sizeof *gradient);
    const struct mr_float32_kernels *kernels;

    ck_assert_ptr_nonnull(gradient);
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(slope_middle(expected[i])));
    for (int k = 0; (kernels = mr_float32_kernels(k)); k++) {
        const double loss = slice_gradient(&p, kernels, gradient);
        ck_assert_msg(fabs(loss - double_loss(&p)) < 2e-6 * (1 + loss),
                      "%s: loss %.9g, not %.9g: %s", kernels->name, loss, double_loss(&p), p.about);
        // The sums are of a few dozen products, each to 2^-24; the quotients are as near.
        for (size_t i = 0; i < count; i++) {
            const struct slope due = expected[i];
            const double slack = 1e-7 + 1e-5 * largest;
            ck_assert_msg(gradient[i] > fmin(due.up, due.down) - slack &&
                              gradient[i] < fmax(due.up, due.down) + slack,
                          "%s: weight %zu of %zu has gradient %.9g, not %.9g: %s", kernels->name, i,
                          count, (double)gradient[i], slope_middle(due), p.about);
        }
    }
    free(expected);
    free(gradient);
    free_problem(&p);
}

START_TEST(test_gradients) {
    const int rounds = getenv("THOROUGH") ? 400 : 8;

    for (int i = 0; i < rounds; i++)
        compare_gradients(first_seed + (uint64_t)i, _i);
}
END_TEST

// ---- the trainer

static struct mr_trainer_options options_of(const struct problem *p) {
    return (struct mr_trainer_options){.loss = p->loss,
                                       .optimiser = MR_TRAIN_ADAM,
                                       .momentum = 0.9,
                                       .beta1 = 0.9,
                                       .beta2 = 0.999,
                                       .epsilon = 1e-8,
                                       .seed = p->state,
                                       .batch = p->sequences,
                                       .steps = p->steps,
                                       .device = "cpu:"};
}

static void *open_trainer(const struct problem *p, const struct mr_trainer_options *options) {
    struct mr_error error = {0};
    void *trainer = mr_trainer_float32.open(&p->network, options, &error);

    ck_assert_msg(trainer, "%s", error.text);
    return trainer;
}

static double do_step(void *trainer, const struct problem *p, double rate) {
    struct mr_error error = {0};
    double loss;
    struct mr_train_losses losses = {.of = &loss};

    ck_assert_msg(mr_trainer_float32.step(trainer, p->x, p->y, p->sequences, p->steps, rate,
                                          &losses, &error) == 0,
                  "%s", error.text);
    return loss;
}

// Three steps by the formulas, in double; what the trainer has is near.
static void compare_steps(uint64_t seed, enum mr_train_optimiser optimiser) {
    struct problem p = make_problem(seed, (int)(seed % CELLS));
    struct mr_trainer_options options = options_of(&p);
    const size_t count = mr_train_weight_count(&p.chain);
    double *m = calloc(count, sizeof *m), *v = calloc(count, sizeof *v);
    float *w = calloc(count, sizeof *w), *is = calloc(count, sizeof *is);

    ck_assert(m && v && w && is);
    options.optimiser = optimiser;
    options.l2 = 0.02;
    options.clip = 0.05;
    void *trainer = open_trainer(&p, &options);
    mr_train_read_weights(&p.network, &p.chain, w);
    for (int step = 1; step <= 3; step++) {
        struct slope *gradient = double_gradient(&p);
        double norm = 0;
        for (size_t i = 0; i < count; i++)
            norm += slope_middle(gradient[i]) * slope_middle(gradient[i]);
        const double scale = sqrt(norm) > options.clip ? options.clip / sqrt(norm) : 1;
        for (size_t i = 0; i < count; i++) {
            const double g = scale * slope_middle(gradient[i]) + options.l2 * w[i];
            if (optimiser == MR_TRAIN_SGD) {
                m[i] = options.momentum * m[i] + g;
                w[i] -= (float)(0.1 * m[i]);
                continue;
            }
            m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
            v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
            w[i] -= (float)(0.01 * m[i] / (1 - pow(options.beta1, step)) /
                            (sqrt(v[i] / (1 - pow(options.beta2, step))) + options.epsilon));
        }
        free(gradient);
        do_step(trainer, &p, optimiser == MR_TRAIN_SGD ? 0.1 : 0.01);
        mr_trainer_float32.weights(trainer, &p.network);
        mr_train_read_weights(&p.network, &p.chain, is);
        // Adam divides a gradient by its own size, so one near 0 may go anywhere.
        for (size_t i = 0; i < count; i++)
            if (optimiser == MR_TRAIN_SGD || sqrt(v[i]) > 1e-5)
                ck_assert_msg(fabs(is[i] - w[i]) < 2e-4 * (optimiser == MR_TRAIN_SGD ? 0.1 : 1),
                              "step %d: weight %zu is %.9g, not %.9g: %s", step, i, (double)is[i],
                              (double)w[i], p.about);
        memcpy(w, is, count * sizeof *w);
    }
    mr_trainer_float32.close(trainer);
    free(m);
    free(v);
    free(w);
    free(is);
    free_problem(&p);
}

START_TEST(test_steps) {
    for (uint64_t i = 0; i < 6; i++) {
        compare_steps(first_seed + i, MR_TRAIN_SGD);
        compare_steps(first_seed + i, MR_TRAIN_ADAM);
    }
}
END_TEST

static void *read_all(void *trainer, size_t *size) {
    *size = mr_trainer_float32.state_size(trainer);
    void *state = malloc(*size);
    ck_assert_ptr_nonnull(state);
    mr_trainer_float32.read_state(trainer, state);
    return state;
}

// With dropout and several slices: one thread, three, and a trainer that goes on from the state of
// another have the same bits.
START_TEST(test_bits) {
    struct problem p = make_problem(first_seed + (uint64_t)_i, _i % CELLS);
    struct mr_trainer_options options = options_of(&p);
    struct mr_error error;
    size_t size, other_size;

    options.dropout = 0.3;
    options.threads = 1;
    void *one = open_trainer(&p, &options);
    options.threads = 3;
    void *many = open_trainer(&p, &options), *later = open_trainer(&p, &options);
    for (int i = 0; i < 2; i++)
        ck_assert(do_step(one, &p, 0.01) == do_step(many, &p, 0.01));
    void *state = read_all(one, &size);
    ck_assert_int_eq(mr_trainer_float32.write_state(later, state, size, &error), 0);
    ck_assert_int_lt(mr_trainer_float32.write_state(later, state, size - 1, &error), 0);
    free(state);
    for (int i = 0; i < 3; i++) {
        const double loss = do_step(one, &p, 0.01);
        ck_assert(loss == do_step(many, &p, 0.01) && loss == do_step(later, &p, 0.01));
    }
    state = read_all(one, &size);
    void *const others[] = {many, later};
    for (int i = 0; i < 2; i++) {
        void *other = read_all(others[i], &other_size);
        ck_assert_uint_eq(size, other_size);
        ck_assert_msg(memcmp(state, other, size) == 0, "%s", p.about);
        free(other);
    }
    free(state);
    mr_trainer_float32.close(one);
    mr_trainer_float32.close(many);
    mr_trainer_float32.close(later);
    free_problem(&p);
}
END_TEST

// Prediction is that of the double walker, and dropout is of no effect on it.
START_TEST(test_predict) {
    struct problem p = make_problem(first_seed + (uint64_t)_i, _i % CELLS);
    struct mr_trainer_options options = options_of(&p);
    struct mr_error error;
    const size_t count = p.sequences * p.rows * (size_t)p.chain.outputs;
    float *is = calloc(count, sizeof *is);
    double *due = calloc(count, sizeof *due);

    ck_assert(is && due);
    options.dropout = 0.5;
    void *trainer = open_trainer(&p, &options);
    do_step(trainer, &p, 0.01);
    ck_assert_int_eq(mr_trainer_float32.predict(trainer, p.x, p.sequences, p.steps, is, &error), 0);
    mr_trainer_float32.weights(trainer, &p.network);
    ck_assert_int_eq(mr_float_run(&p.network, p.x, p.sequences, p.steps, due), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(fabs(is[i] - due[i]) < 1e-6 * (1 + fabs(due[i])),
                      "number %zu is %g, not %g: %s", i, (double)is[i], due[i], p.about);
    mr_trainer_float32.close(trainer);
    free(is);
    free(due);
    free_problem(&p);
}
END_TEST

// A rate that is far too large is told, with the step. Of the squared error of a linear head: its
// gradient is as large as the error, that of a cross entropy or of a head with ends stays within 1.
START_TEST(test_divergence) {
    uint64_t seed = first_seed;
    struct problem p = make_problem(seed, 4);
    while (p.loss != MR_TRAIN_MSE || p.chain.activation != MR_ACTIVATION_LINEAR) {
        free_problem(&p);
        p = make_problem(++seed, 4);
    }
    struct mr_trainer_options options = options_of(&p);
    struct mr_error error = {0};
    double loss;
    int code = 0;

    options.optimiser = MR_TRAIN_SGD;
    void *trainer = open_trainer(&p, &options);
    for (int i = 0; i < 200 && code == 0; i++) {
        struct mr_train_losses losses = {.of = &loss};
        code =
            mr_trainer_float32.step(trainer, p.x, p.y, p.sequences, p.steps, 1e30, &losses, &error);
    }
    ck_assert_msg(code == MR_ERROR_INPUT, "%s", p.about);
    ck_assert_ptr_nonnull(strstr(error.text, "step "));
    mr_trainer_float32.close(trainer);
    free_problem(&p);
}
END_TEST

int main(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    first_seed = getenv("THOROUGH") ? (uint64_t)now.tv_sec : 1;
    const char *seed = getenv("SEED");
    if (seed)
        first_seed = strtoull(seed, NULL, 10);
    printf("seed %llu\n", (unsigned long long)first_seed);
    Suite *suite = suite_create("train_gradient");
    TCase *tests = tcase_create("train_gradient");
    tcase_set_timeout(tests, 600);
    tcase_add_loop_test(tests, test_gradients, 0, CELLS);
    tcase_add_test(tests, test_steps);
    tcase_add_loop_test(tests, test_bits, 0, 10);
    tcase_add_loop_test(tests, test_predict, 0, 10);
    tcase_add_test(tests, test_divergence);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
