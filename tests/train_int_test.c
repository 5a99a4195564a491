// SPDX-License-Identifier: Apache-2.0
// Training in whole numbers (docs/training.md): steps of random networks are near those of float32,
// the fast engine gives the bits of the one that goes unit by unit, also where sums need their
// pieces and numbers are at their ends, and a training that is taken up again those of the unbroken
// one.
#include "int_numbers.h"
#include "int_trainer.h"
#include "op.h"
#include "random.h"
#include "train_weights.h"

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CELLS = 4 };
static const char *const cells[CELLS] = {"lstm", "gru", "gru_reset_first", "rnn_tanh"};
static uint64_t first_seed;
static bool thorough;

struct problem {
    uint64_t state;
    struct mr_network network;
    struct mr_train_chain chain;
    struct mr_trainer_options options;
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

static void tell(struct problem *p, const char *text, int number) {
    const size_t used = strlen(p->about);
    snprintf(p->about + used, sizeof p->about - used, text, number);
}

static size_t rows_of(const struct problem *p) {
    return p->options.batch * (p->chain.per_step ? p->options.steps : 1);
}

static void draw_data(struct problem *p, double range) {
    const size_t inputs = p->options.batch * p->options.steps * (size_t)p->chain.inputs;
    const size_t targets = rows_of(p) * (size_t)mr_train_targets(&p->chain, p->options.loss);

    p->x = calloc(inputs, sizeof *p->x);
    p->y = calloc(targets, sizeof *p->y);
    ck_assert(p->x && p->y);
    random_numbers(&p->state, p->x, inputs, range);
    for (size_t i = 0; i < targets; i++)
        p->y[i] = p->options.loss == MR_TRAIN_CE
                      ? (float)random_between(&p->state, 0, p->chain.outputs - 1)
                  : p->options.loss == MR_TRAIN_BCE ? (float)random_between(&p->state, 0, 1)
                                                    : random_number(&p->state, range);
}

// A chain whose first layer is of a cell, with layers of so many units at most.
static struct problem make_problem(uint64_t seed, int cell, int most_units) {
    struct problem p = {.state = seed};
    struct mr_error error = {0};
    char text[400] = "";
    const int layers = random_between(&p.state, 1, 3);
    const enum mr_train_loss loss = (enum mr_train_loss)random_between(&p.state, 0, 2);

    p.options = (struct mr_trainer_options){
        .loss = loss,
        .optimiser = MR_TRAIN_ADAM,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .seed = random_bits(&p.state),
        .batch = (size_t)random_between(&p.state, 1, 11),
        .steps = (size_t)random_between(&p.state, 1, 6),
        .device = "cpu:",
    };
    snprintf(p.about, sizeof p.about, "seed %llu:", (unsigned long long)seed);
    ck_assert_int_eq(mr_network_create(&p.network, random_between(&p.state, 1, most_units)), 0);
    for (int l = 0; l < layers; l++) {
        const int kind = l == 0 ? cell : random_between(&p.state, 0, CELLS - 1);
        const int units = random_between(&p.state, 1, most_units);
        add(&p.network, cells[kind], units, 0);
        tell(&p, " ", 0);
        tell(&p, cells[kind], 0);
        tell(&p, " %d,", units);
    }
    if (random_between(&p.state, 0, 1))
        add(&p.network, "last", 0, 0);
    add(&p.network, "dense", random_between(&p.state, loss == MR_TRAIN_CE ? 2 : 1, 5),
        loss == MR_TRAIN_BCE ? MR_ACTIVATION_SIGMOID : MR_ACTIVATION_LINEAR);
    if (loss == MR_TRAIN_CE)
        add(&p.network, "softmax", 0, 0);
    ck_assert_int_eq(
        mr_network_output(&p.network, p.network.stream_count - 1, "y", text, sizeof text), 0);
    ck_assert_msg(mr_train_chain_of(&p.network, loss, &p.chain, &error) == 0, "%s", error.text);
    mr_train_draw_weights(&p.network, &p.chain, random_bits(&p.state));
    tell(&p, " loss %d,", (int)loss);
    tell(&p, p.chain.per_step ? " every step, %d sequences" : " %d sequences",
         (int)p.options.batch);
    tell(&p, " of %d steps", (int)p.options.steps);
    return p;
}

static void free_problem(struct problem *p) {
    mr_network_free(&p->network);
    free(p->x);
    free(p->y);
}

static const struct mr_trainer_kind *kind_of(const char *name) {
    struct mr_error error = {0};
    const struct mr_trainer_kind *kind = mr_trainer_kind_find(name, "cpu:", &error);
    ck_assert_msg(kind, "%s", error.text);
    return kind;
}

static void *open_of(const struct problem *p, const char *name) {
    struct mr_error error = {0};
    void *trainer = kind_of(name)->open(&p->network, &p->options, &error);
    ck_assert_msg(trainer, "%s: %s", p->about, error.text);
    return trainer;
}

static double step_of(const struct problem *p, const char *name, void *trainer, size_t sequences,
                      size_t steps, double rate) {
    struct mr_error error = {0};
    double loss = 0;
    struct mr_train_losses losses = {.of = &loss};
    const int code =
        kind_of(name)->step(trainer, p->x, p->y, sequences, steps, rate, &losses, &error);
    ck_assert_msg(code == 0, "%s: %s", p->about, error.text);
    ck_assert_uint_eq(losses.count, 1);
    return loss;
}

// ---- beside float32

// What a step of gradient descent took from the weights.
static float *descent(const struct problem *p, const char *name, double rate, double *loss) {
    const size_t count = mr_train_weight_count(&p->chain);
    float *before = calloc(2 * count, sizeof *before), *after = before + count;
    void *trainer = open_of(p, name);

    ck_assert_ptr_nonnull(before);
    mr_train_read_weights(&p->network, &p->chain, before);
    *loss = step_of(p, name, trainer, p->options.batch, p->options.steps, rate);
    struct mr_network *network = (struct mr_network *)&p->network;
    kind_of(name)->weights(trainer, network);
    mr_train_read_weights(network, &p->chain, after);
    mr_train_write_weights(network, &p->chain, before);
    for (size_t k = 0; k < count; k++)
        before[k] -= after[k];
    kind_of(name)->close(trainer);
    return before;
}

static void near_float32(int cell, uint64_t seed) {
    struct problem p = make_problem(seed, cell, 12);
    double loss[2], most = 0, off = 0;

    p.options.optimiser = MR_TRAIN_SGD;
    p.options.momentum = 0;
    draw_data(&p, 1);
    // So that no weight moves by a quarter, where whole numbers have an end.
    float *float32 = descent(&p, "float32", 0.05, &loss[0]);
    float *whole = descent(&p, "int", 0.05, &loss[1]);
    ck_assert_msg(fabs(loss[0] - loss[1]) < 0.002 * (1 + loss[0]), "%s: loss %g, %g", p.about,
                  loss[0], loss[1]);
    for (size_t k = 0; k < mr_train_weight_count(&p.chain); k++) {
        most = fmax(most, fabs((double)float32[k]));
        off = fmax(off, fabs((double)float32[k] - (double)whole[k]));
    }
    // Tables of 128 segments err by up to 2^-10, and so do factors of derivatives.
    ck_assert_msg(off < 0.02 * most + 1e-5, "%s: gradients up to %g are off by %g", p.about, most,
                  off);
    free(float32);
    free(whole);
    free_problem(&p);
}

START_TEST(steps_are_near_those_of_float32) {
    for (int i = 0; i < (thorough ? 400 : 24); i++)
        near_float32(i % CELLS, first_seed + (uint64_t)i);
}
END_TEST

// ---- engines

static void same_state(const struct problem *p, void *a, void *b, const char *when) {
    const struct mr_trainer_kind *kind = kind_of("int");
    const size_t size = kind->state_size(a);
    unsigned char *x = malloc(size), *y = malloc(size);

    ck_assert(x && y);
    kind->read_state(a, x);
    kind->read_state(b, y);
    for (size_t i = 0; i < size; i++)
        ck_assert_msg(x[i] == y[i], "%s: states differ at byte %zu %s", p->about, i, when);
    free(x);
    free(y);
}

static void same_outputs(const struct problem *p, void *a, void *b) {
    const struct mr_trainer_kind *kind = kind_of("int");
    const size_t count = rows_of(p) * (size_t)p->chain.outputs;
    float *x = calloc(count, sizeof *x), *y = calloc(count, sizeof *y);
    struct mr_error error = {0};

    ck_assert(x && y);
    ck_assert_int_eq(kind->predict(a, p->x, p->options.batch, p->options.steps, x, &error), 0);
    ck_assert_int_eq(kind->predict(b, p->x, p->options.batch, p->options.steps, y, &error), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(x[i] == y[i] && isfinite(x[i]), "%s: output %zu is %g and %g", p->about, i,
                      (double)x[i], (double)y[i]);
    free(x);
    free(y);
}

static void draw_options(struct problem *p) {
    struct mr_trainer_options *options = &p->options;

    options->optimiser = random_between(&p->state, 0, 2) ? MR_TRAIN_ADAM : MR_TRAIN_SGD;
    options->clip = random_between(&p->state, 0, 2) ? 0 : 0.1;
    options->l2 = random_between(&p->state, 0, 2) ? 0 : 0.01;
    options->dropout = random_between(&p->state, 0, 2) ? 0 : 0.1 * random_between(&p->state, 1, 8);
    options->threads = (size_t)random_between(&p->state, 1, 3);
}

static void engines_agree(int cell, uint64_t seed, bool extreme, bool many) {
    struct problem p = make_problem(seed, cell, many ? 12 : seed % 5 == 0 ? 70 : 20);

    if (many) {
        p.options.batch = (size_t)random_between(&p.state, 1, 80);
        p.options.steps = (size_t)random_between(&p.state, 1, 40);
        tell(&p, "; instead %d sequences", (int)p.options.batch);
        tell(&p, " of %d steps", (int)p.options.steps);
    }
    draw_options(&p);
    if (extreme) {
        float *list = calloc(mr_train_weight_count(&p.chain), sizeof *list);
        ck_assert_ptr_nonnull(list);
        for (size_t k = 0; k < mr_train_weight_count(&p.chain); k++)
            list[k] = random_between(&p.state, 0, 1) ? 9 : -9; // beyond +-8
        mr_train_write_weights(&p.network, &p.chain, list);
        free(list);
    }
    draw_data(&p, extreme ? ldexp(1, random_between(&p.state, -20, 20)) : 1);
    for (size_t k = 0; extreme && k < p.options.batch * p.options.steps * (size_t)p.chain.inputs;
         k++)
        p.x[k] = p.x[k] < 0 ? -1e30F : 1e30F;
    void *plain = open_of(&p, "int"), *fast = open_of(&p, "int");
    ck_assert_int_eq(mr_int_use(plain, "scalar"), 0);
    same_outputs(&p, plain, fast);
    for (int i = 0; i < 3; i++) {
        const size_t sequences = (size_t)random_between(&p.state, 1, (int)p.options.batch);
        const size_t steps = (size_t)random_between(&p.state, 1, (int)p.options.steps);
        const double rate = ldexp(1, random_between(&p.state, -12, extreme ? 10 : -5));
        const double a = step_of(&p, "int", plain, sequences, steps, rate);
        const double b = step_of(&p, "int", fast, sequences, steps, rate);
        ck_assert_msg(a == b, "%s: losses are %g and %g", p.about, a, b);
        same_state(&p, plain, fast, "of engines");
    }
    same_outputs(&p, plain, fast);
    kind_of("int")->close(plain);
    kind_of("int")->close(fast);
    free_problem(&p);
}

START_TEST(engines_give_the_same_bits) {
    for (int i = 0; i < (thorough ? 600 : 16); i++)
        engines_agree(i % CELLS, first_seed + 1000 + (uint64_t)i, false, false);
}
END_TEST

START_TEST(engines_agree_at_the_ends_of_numbers) {
    for (int i = 0; i < (thorough ? 600 : 16); i++)
        engines_agree(i % CELLS, first_seed + 100000 + (uint64_t)i, true, false);
}
END_TEST

// So many that the fast engine takes gradients of steps together, group after group, and that
// derivatives fade on the way back.
START_TEST(engines_agree_over_many_steps) {
    for (int i = 0; i < (thorough ? 200 : 8); i++)
        engines_agree(i % CELLS, first_seed + 200000 + (uint64_t)i, i % 8 >= CELLS, true);
}
END_TEST

// ---- going on

START_TEST(a_training_goes_on_with_the_same_bits) {
    for (int cell = 0; cell < CELLS; cell++) {
        struct problem p = make_problem(first_seed + 7 + (uint64_t)cell, cell, 20);
        const struct mr_trainer_kind *kind = kind_of("int");
        struct mr_error error = {0};

        draw_options(&p);
        draw_data(&p, 3);
        p.options.threads = 2;
        void *whole = open_of(&p, "int"), *first = open_of(&p, "int");
        p.options.threads = 1;
        void *then = open_of(&p, "int"), *other = open_of(&p, "int");
        for (int i = 0; i < 100; i++)
            step_of(&p, "int", whole, p.options.batch, p.options.steps, 1e-3);
        for (int i = 0; i < 43; i++)
            step_of(&p, "int", first, p.options.batch, p.options.steps, 1e-3);
        const size_t size = kind->state_size(first);
        unsigned char *state = malloc(size);
        ck_assert_ptr_nonnull(state);
        kind->read_state(first, state);
        ck_assert_msg(kind->write_state(then, state, size, &error) == 0, "%s", error.text);
        for (int i = 43; i < 100; i++)
            step_of(&p, "int", then, p.options.batch, p.options.steps, 1e-3);
        same_state(&p, whole, then, "when it went on");
        // A state that is none is told, and changes nothing.
        ck_assert_int_ne(kind->write_state(other, state, size - 1, &error), 0);
        memset(state + size / 2, 0xff, size - size / 2);
        ck_assert_int_ne(kind->write_state(other, state, size, &error), 0);
        for (int i = 0; i < 100; i++)
            step_of(&p, "int", other, p.options.batch, p.options.steps, 1e-3);
        same_state(&p, whole, other, "with another number of threads");
        free(state);
        kind->close(whole);
        kind->close(first);
        kind->close(then);
        kind->close(other);
        free_problem(&p);
    }
}
END_TEST

// The loss before 200 steps on the same sequences, and behind them.
static void train(const struct problem *p, const char *name, double *start, double *end) {
    void *trainer = open_of(p, name);
    const double rate = p->options.optimiser == MR_TRAIN_ADAM ? 0.01 : 0.05;

    *start = step_of(p, name, trainer, p->options.batch, p->options.steps, rate);
    for (int i = 0; i < 200; i++)
        *end = step_of(p, name, trainer, p->options.batch, p->options.steps, rate);
    kind_of(name)->close(trainer);
}

// It learns as float32 does, where targets that are drawn can be learnt at all. A step along a
// gradient that is off by a fiftieth of its largest number at most (near_float32) lessens the loss
// by more than half of what it should. Each loss is off by 0.002 (1 + loss) itself.
START_TEST(losses_fall) {
    for (int cell = 0; cell < CELLS; cell++) {
        for (int adam = 0; adam < 2; adam++) {
            struct problem p = make_problem(first_seed + 70 + (uint64_t)cell, cell, 12);
            double start, end, float_start, float_end;
            p.options.optimiser = adam ? MR_TRAIN_ADAM : MR_TRAIN_SGD;
            p.options.threads = 1;
            draw_data(&p, 1);
            train(&p, "int", &start, &end);
            train(&p, "float32", &float_start, &float_end);
            ck_assert_msg(start - end > (float_start - float_end) / 2 - 0.004 * (1 + start),
                          "%s: the loss was %g and is %g, that of float32 was %g and is %g",
                          p.about, start, end, float_start, float_end);
            free_problem(&p);
        }
    }
}
END_TEST

START_TEST(what_cannot_be_trained_is_told) {
    struct problem p = make_problem(first_seed, 0, 5);
    struct mr_error error = {0};
    double loss;
    struct mr_train_losses losses = {.of = &loss};

    draw_data(&p, 1);
    p.options.steps = 70000;
    ck_assert_ptr_null(kind_of("int")->open(&p.network, &p.options, &error));
    ck_assert_ptr_nonnull(strstr(error.text, "too large for whole numbers"));
    p.options.steps = 2;
    p.options.batch = 1;
    void *trainer = open_of(&p, "int");
    ck_assert_int_ne(kind_of("int")->step(trainer, p.x, p.y, 2, 2, 0.1, &losses, &error), 0);
    p.x[0] = NAN;
    ck_assert_int_eq(kind_of("int")->step(trainer, p.x, p.y, 1, 1, 0.1, &losses, &error),
                     MR_ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(error.text, "step 1: a number of the mini-batch is not finite"));
    kind_of("int")->close(trainer);
    free_problem(&p);
}
END_TEST

// ---- numbers of a mini-batch

// Rows of every length up to two vectors and more, from numbers at their ends, at ties, and drawn.
START_TEST(rows_are_rounded_as_numbers_are) {
    static const float ends[] = {
        0,        -0.0F,     0.5F,    -0.5F,   1.5F,       -1.5F,      0.49999997F, -0.50000006F,
        32766.5F, -32766.5F, 32767,   -32767,  32767.5F,   -32768,     65536,       -1e30F,
        FLT_MAX,  -FLT_MAX,  FLT_MIN, -1e-45F, 32766.498F, -32766.502F};
    enum { ENDS = sizeof ends / sizeof *ends, MOST = 11 };
    uint64_t state = first_seed;

    for (int bits = -120; bits <= 100; bits += bits == -1 || bits == 0 ? 1 : 7) {
        for (int draw = 0; draw < 200; draw++) {
            const size_t count = (size_t)random_between(&state, 0, MOST);
            float x[MOST], most = 0;
            int16_t to[MOST + 1] = {0};
            for (size_t k = 0; k < count; k++) {
                x[k] = random_between(&state, 0, 1) ? ends[random_between(&state, 0, ENDS - 1)]
                                                    : random_number(&state, 40000);
                x[k] = random_between(&state, 0, 3) ? ldexpf(x[k], -bits) : x[k];
                if (!isfinite(x[k]))
                    x[k] = FLT_MAX;
                most = fmaxf(most, fabsf(x[k]));
            }
            to[count] = 77;
            mr_int_whole_row(x, count, ldexpf(1, bits), to);
            ck_assert_int_eq(to[count], 77);
            ck_assert(mr_int_greatest(x, count) == (double)most);
            uint64_t beyond = 0;
            for (size_t k = 0; k < count; k++) {
                ck_assert_msg(to[k] == mr_int_whole(x[k], bits, 32767), "%a 2^%d is %d, and not %d",
                              (double)x[k], bits, to[k], mr_int_whole(x[k], bits, 32767));
                beyond += fabsf(x[k]) > 32767;
            }
            ck_assert_uint_eq(mr_int_count_beyond(x, count, 32767), beyond);
            if (count == 0)
                continue;
            x[random_between(&state, 0, (int)count - 1)] = draw % 2 ? NAN : -INFINITY;
            ck_assert(isinf(mr_int_greatest(x, count)));
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_int");
    TCase *all = tcase_create("all");
    const char *seed = getenv("SEED");

    thorough = getenv("THOROUGH") != NULL;
    first_seed = seed ? strtoull(seed, NULL, 0) : thorough ? (uint64_t)time(NULL) : 1;
    printf("seed %llu\n", (unsigned long long)first_seed);
    tcase_set_timeout(all, 600);
    tcase_add_test(all, rows_are_rounded_as_numbers_are);
    tcase_add_test(all, steps_are_near_those_of_float32);
    tcase_add_test(all, engines_give_the_same_bits);
    tcase_add_test(all, engines_agree_at_the_ends_of_numbers);
    tcase_add_test(all, engines_agree_over_many_steps);
    tcase_add_test(all, a_training_goes_on_with_the_same_bits);
    tcase_add_test(all, losses_fall);
    tcase_add_test(all, what_cannot_be_trained_is_told);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
