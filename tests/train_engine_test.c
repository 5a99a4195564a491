// SPDX-License-Identifier: Apache-2.0
// Training engines of small networks, as C and as RTL with random idles and back-pressure, against
// the trainer of the CPU, one unit after the other (host/train/int_scalar.c): every weight, moment,
// scale and output of some mini-batches, bit for bit, and cycles as planned. Writes below
// build/train_engine_test.
#define _POSIX_C_SOURCE 200809L
#include "build.h"
#include "int_model.h"
#include "loader.h"
#include "network_fixture.h"
#include "train_plan.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define FOLDER "build/train_engine_test"
enum { LOAD, READ, TRAIN, PREDICT }; // commands of the engine
enum { COMMAND, STEPS, BATCHES, X_UNIT, Y_UNIT, SCALARS };
enum { X, TARGET, RULES, PARAMS_IN, INPUTS };
enum { PARAMS_OUT, Y, OUTPUTS };
enum { RANDOM_MODELS = 16 };

struct shape {
    struct mr_train_shape is;
    int x_unit, y_unit;
};

static char error[2000];

// ---- an engine, as C or as RTL

struct engine {
    const struct shape *shape;
    struct mr_loaded *loaded;
    void *instance;
    uint64_t cycles; // of its last run
};

static void *make(size_t count, size_t size) {
    void *made = calloc(count + 1, size);
    ck_assert_ptr_nonnull(made);
    return made;
}

static void write_source(const struct mr_train_shape *s, const char *path) {
    char text[1000];
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    mr_train_source(s, "train", text, sizeof text);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

// place: a name for its files.
static struct engine build_engine(const struct shape *s, int place, bool rtl) {
    char name[200], path[300], command[1000], so[4096];
    snprintf(name, sizeof name, FOLDER "/%d", place);
    snprintf(path, sizeof path, "%s.c", name);
    ck_assert_int_eq(system("mkdir -p " FOLDER), 0);
    write_source(&s->is, path);
    snprintf(command, sizeof command, "build/hlsc %s --top train -I hls/kernels -o %s", path, name);
    ck_assert_int_eq(system(command), 0);
    // Those of a few cycles are built the sooner.
    setenv("MILLRACE_OPTIMISE", s->is.batch * s->is.steps > 1000 ? "1" : "0", 1);
    const struct mr_build build = {
        .data_dir = ".", .gen_dir = name, .top = "train", .assertions = true, .merged = true};
    ck_assert_msg(
        !(rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so, error, sizeof error), "%s",
        error);
    struct engine e = {.shape = s, .loaded = mr_kernel_load(so, error, sizeof error)};
    ck_assert_msg(e.loaded != NULL, "%s", error);
    return e;
}

static void open_engine(struct engine *e, uint32_t idle, uint32_t stall, uint64_t seed) {
    const struct mr_open_options options = {
        .idle_chance = idle, .stall_chance = stall, .seed = seed};
    e->instance = e->loaded->kernel->open(&options, error, sizeof error);
    ck_assert_msg(e->instance != NULL, "%s", error);
}

static void close_engine(struct engine *e) {
    e->loaded->kernel->close(e->instance);
    e->instance = NULL;
}

static void run_engine(struct engine *e, int command, int steps, int batches,
                       struct mr_stream_in *in, struct mr_stream_out *out) {
    const uint64_t scalars[SCALARS] = {[COMMAND] = (uint64_t)command,
                                       [STEPS] = (uint64_t)steps,
                                       [BATCHES] = (uint64_t)batches,
                                       [X_UNIT] = (uint64_t)e->shape->x_unit,
                                       [Y_UNIT] = (uint64_t)e->shape->y_unit};
    struct mr_run run = {.scalars = scalars, .in = in, .out = out};
    ck_assert_msg(!e->loaded->kernel->run(e->instance, &run, error, sizeof error), "%s", error);
    e->cycles = run.cycles;
    for (int i = 0; i < INPUTS; i++)
        ck_assert_uint_eq(in[i].taken, in[i].count);
    for (int i = 0; i < OUTPUTS; i++)
        ck_assert_uint_eq(out[i].count, out[i].capacity);
}

// ---- its parameters

// Where a number of the engine's parameters is in the model; no tensor: padding.
struct spot {
    struct mr_int_tensor *tensor;
    size_t at;
};

static struct spot spot_of(const struct mr_train_shape *s, struct mr_int_model *m, size_t number) {
    const struct mr_train_place at = mr_train_place_of(s, number);
    struct mr_int_layer *layer = &m->layers[at.part <= MR_TRAIN_BIAS ? at.layer : 0];
    const size_t row = (size_t)(at.gate * layer->units + at.unit), column = (size_t)at.column;
    switch (at.part) {
    case MR_TRAIN_OVER_X:
        return (struct spot){&layer->x, row * (size_t)layer->inputs + column};
    case MR_TRAIN_OVER_H:
        return (struct spot){&layer->h, row * (size_t)layer->units + column};
    case MR_TRAIN_BIAS:
        return (struct spot){&layer->bias, row};
    case MR_TRAIN_HEAD:
        return (struct spot){&m->w, (size_t)(at.unit * s->width[s->layers]) + column};
    case MR_TRAIN_HEAD_BIAS:
        return (struct spot){&m->bias, (size_t)at.unit};
    default:
        return (struct spot){0};
    }
}

// Numbers w, m, v of all words and scales, as the engine takes and gives them.
static uint32_t *params_of(const struct mr_train_shape *s, struct mr_int_model *m, size_t *words) {
    const size_t params = mr_train_param_words(s), lc = (size_t)s->lc;
    *words = params + (size_t)s->layers;
    uint32_t *numbers = make(*words * lc * 3, 4);
    for (size_t i = 0; i < params * lc; i++) {
        const struct spot spot = spot_of(s, m, i);
        uint32_t *to = numbers + i / lc * lc * 3 + i % lc;
        if (!spot.tensor)
            continue;
        to[0] = (uint32_t)spot.tensor->w[spot.at];
        to[lc] = spot.tensor->m[spot.at];
        to[lc * 2] = spot.tensor->v[spot.at];
    }
    for (int l = 0; l < s->layers; l++) {
        numbers[(params + (size_t)l) * lc * 3] = (uint32_t)m->layers[l].state_scale;
        numbers[(params + (size_t)l) * lc * 3 + lc] = (uint32_t)m->layers[l].delta_scale;
    }
    return numbers;
}

static void load_params(struct engine *e, struct mr_int_model *m) {
    size_t words;
    uint32_t *numbers = params_of(&e->shape->is, m, &words);
    struct mr_stream_in in[INPUTS] = {[PARAMS_IN] = {.data = numbers, .count = words}};
    struct mr_stream_out out[OUTPUTS] = {0};
    run_engine(e, LOAD, 1, 1, in, out);
    free(numbers);
}

static void expect_params(struct engine *e, struct mr_int_model *m, const char *when) {
    size_t words;
    uint32_t *want = params_of(&e->shape->is, m, &words);
    uint32_t *got = make(words * (size_t)e->shape->is.lc * 3, 4);
    struct mr_stream_in in[INPUTS] = {0};
    struct mr_stream_out out[OUTPUTS] = {[PARAMS_OUT] = {.data = got, .capacity = words}};
    run_engine(e, READ, 1, 1, in, out);
    const size_t lc = (size_t)e->shape->is.lc;
    for (size_t i = 0; i < words * lc * 3; i++)
        ck_assert_msg(got[i] == want[i], "%s: word %zu of %zu, number %zu, %s: %d, not %d", when,
                      i / (lc * 3), words, i % lc, &"w\0m\0v"[i / lc % 3 * 2], (int)got[i],
                      (int)want[i]);
    free(want);
    free(got);
}

// ---- mini-batches

struct batches {
    int count, steps;
    int16_t *x;      // [count][steps][batch][inputs]
    int32_t *target; // [count][batch][outputs]
    train_rule_t *rule;
};

static uint32_t packed(double value) {
    int exponent;
    const double mantissa = frexp(value, &exponent);
    number_t n = {value < 0, (int16_t)(exponent - 1), (uint16_t)(fabs(mantissa) * 65536)};
    return mr_number_pack(n);
}

static struct batches draw(const struct mr_train_shape *s, int count, int steps, uint64_t *seed) {
    struct batches b = {.count = count, .steps = steps};
    const size_t numbers = (size_t)(count * s->batch * steps * s->width[0]);
    const size_t targets = (size_t)(count * s->batch * s->outputs);
    b.x = make(numbers, 2);
    b.target = make(targets, 4);
    b.rule = make((size_t)count, sizeof *b.rule);
    for (size_t i = 0; i < numbers; i++)
        b.x[i] = (int16_t)random_between(seed, -32767, 32767);
    for (size_t i = 0; i < targets; i++)
        b.target[i] = random_between(seed, -2097152, 2097151);
    for (int i = 0; i < count; i++)
        b.rule[i] = (train_rule_t){.scale = packed(1.0 / s->batch),
                                   .l2 = packed(random_between(seed, 0, 1) * 0.01),
                                   .keep_m = packed(0.9),
                                   .take_m = packed(0.1),
                                   .keep_v = packed(0.999),
                                   .take_v = packed(0.001),
                                   .floor = packed(1e-12),
                                   .rate = packed(1e-3 * random_between(seed, 1, 20)),
                                   .adam = random_between(seed, 0, 3) != 0};
    return b;
}

static void free_batches(struct batches *b) {
    free(b->x);
    free(b->target);
    free(b->rule);
}

// A mini-batch of the trainer; the engine's rule in the place of its own.
static void learn(struct mr_int_model *m, void *scalar, const struct mr_int_batch *batch,
                  train_rule_t rule) {
    struct mr_int_job jobs[3 * MR_ENGINE_LAYERS + 2];
    int count = 0;
    mr_int_scalar.run(scalar, m, batch);
    for (int l = 0; l < m->layer_count; l++) {
        struct mr_int_layer *layer = &m->layers[l];
        struct mr_int_tensor *const of[] = {&layer->x, &layer->h, &layer->bias};
        for (int i = 0; i < 3; i++)
            jobs[count++] = (struct mr_int_job){of[i], rule, of[i]->from - layer->delta_scale};
    }
    jobs[count++] = (struct mr_int_job){&m->w, rule, m->w.from};
    jobs[count++] = (struct mr_int_job){&m->bias, rule, m->bias.from};
    mr_int_scalar.update(scalar, jobs, count);
    mr_int_rescale(m);
}

static void run_batches(struct engine *e, struct mr_int_model *m, void *scalar,
                        const struct batches *b, bool learns) {
    const struct mr_train_shape *s = &e->shape->is;
    const size_t outputs = (size_t)(s->batch * s->outputs), all = outputs * (size_t)b->count;
    const size_t x_numbers = (size_t)(s->batch * b->steps * s->width[0]);
    const size_t words = mr_train_column_words(s, (size_t)b->steps);
    unsigned char *rules = make((size_t)b->count, MR_TRAIN_RULE_BYTES);
    int16_t *columns = make((size_t)b->count * words * (size_t)(s->nb * s->lc), 2);
    for (int i = 0; i < b->count; i++) {
        mr_train_rule(&b->rule[i], rules + i * MR_TRAIN_RULE_BYTES);
        mr_train_columns(s, b->x + (size_t)i * x_numbers, (size_t)s->batch, (size_t)b->steps,
                         columns + (size_t)i * words * (size_t)(s->nb * s->lc));
    }
    int32_t *y = make(all, 4), *wanted = make(outputs, 4);
    struct mr_stream_in in[INPUTS] = {
        [X] = {.data = columns, .count = words * (size_t)b->count},
        [TARGET] = {.data = b->target, .count = learns ? all : 0},
        [RULES] = {.data = rules, .count = learns ? (size_t)b->count : 0},
    };
    struct mr_stream_out out[OUTPUTS] = {
        [Y] = {.data = y, .capacity = all},
    };
    run_engine(e, learns ? TRAIN : PREDICT, b->steps, b->count, in, out);
    for (int i = 0; i < b->count; i++) {
        const struct mr_int_batch batch = {.sequences = (size_t)s->batch,
                                           .steps = (size_t)b->steps,
                                           .x = b->x + (size_t)i * x_numbers,
                                           .targets = b->target + (size_t)i * outputs,
                                           .outputs = wanted,
                                           .learns = learns};
        if (learns)
            learn(m, scalar, &batch, b->rule[i]);
        else
            mr_int_scalar.run(scalar, m, &batch);
        for (size_t k = 0; k < outputs; k++)
            ck_assert_msg(y[(size_t)i * outputs + k] == wanted[k],
                          "batch %d, output %zu: %d, not %d", i, k, y[(size_t)i * outputs + k],
                          wanted[k]);
    }
    free(wanted);
    free(rules);
    free(columns);
    free(y);
}

// The trainer's model of the shape, its units those of the engine and its weights random.
static struct mr_int_model *make_model(const struct shape *shape, uint64_t *seed) {
    const struct mr_train_shape *s = &shape->is;
    const struct mr_trainer_options options = {.loss = MR_TRAIN_MSE,
                                               .optimiser = MR_TRAIN_ADAM,
                                               .batch = (size_t)s->batch,
                                               .steps = (size_t)s->steps,
                                               .device = "cpu:"};
    struct mr_network network;
    struct mr_error why;
    net_chain(&network,
              s->cell == MR_TRAIN_LSTM  ? "lstm"
              : s->cell == MR_TRAIN_GRU ? "gru"
                                        : "rnn_tanh",
              s->width[0], s->layers, s->width + 1, s->outputs, MR_ACTIVATION_LINEAR);
    struct mr_int_model *m = mr_int_open(&network, &options, &why);
    ck_assert_msg(m != NULL, "%s", why.text);
    mr_network_free(&network);
    mr_int_settle(m, ldexp(1, shape->x_unit), ldexp(4, shape->y_unit));
    for (size_t i = 0; i < mr_train_param_words(s) * (size_t)s->lc; i++) {
        const struct spot spot = spot_of(s, m, i);
        if (spot.tensor)
            spot.tensor->w[spot.at] = random_between(seed, -700000, 700000);
    }
    return m;
}

static void engine_trains(struct engine *e, uint64_t seed, bool counts) {
    const struct mr_train_shape *s = &e->shape->is;
    struct mr_int_model *m = make_model(e->shape, &seed);
    void *scalar = mr_int_scalar.open(m);
    ck_assert_ptr_nonnull(scalar);
    load_params(e, m);
    expect_params(e, m, "loaded");
    uint64_t beside[5] = {0};
    for (int i = 0; i < 5; i++) {
        const int steps = i == 0 ? s->steps : random_between(&seed, 1, s->steps);
        const int count = i == 2 ? 3 : i == 3 ? 2 : 1;
        const bool learns = i != 1;
        struct batches b = draw(s, count, steps, &seed);
        run_batches(e, m, scalar, &b, learns);
        beside[i] = e->cycles - (uint64_t)count * mr_train_cycles(s, steps, learns);
        expect_params(e, m, "after a mini-batch");
        free_batches(&b);
    }
    if (counts) {
        const uint64_t batch = beside[3] - beside[0];
        printf("  %llu cycles a mini-batch of %d steps, and %llu for the stages\n",
               (unsigned long long)mr_train_cycles(s, s->steps, true), s->steps,
               (unsigned long long)beside[0]);
        fflush(stdout);
        ck_assert_uint_lt(beside[0], 400);
        ck_assert_uint_lt(beside[1], beside[0]);
        ck_assert_uint_lt(batch, 400);
        ck_assert_uint_eq(beside[2], beside[0] + 2 * batch);
        ck_assert_uint_eq(beside[4], beside[0]);
    }
    mr_int_scalar.close(scalar);
    mr_int_close(m);
}

static const struct shape shapes[] = {
    {{MR_TRAIN_LSTM, 2, {2, 3, 2}, 1, 2, 2, 4, 2}, 1, 2},
    {{MR_TRAIN_LSTM, 3, {3, 5, 2, 4}, 1, 2, 2, 4, 3}, 0, 0},
    {{MR_TRAIN_GRU, 2, {4, 3, 5}, 2, 3, 1, 3, 2}, 0, 0},
    {{MR_TRAIN_RNN_TANH, 1, {7, 6}, 1, 4, 2, 6, 4}, 0, 1},
};

static uint64_t say(const struct shape *s, const char *what) {
    const struct mr_train_shape *is = &s->is;
    const uint64_t seed = (uint64_t)time(NULL);
    printf("%s ", is->cell == MR_TRAIN_LSTM ? "LSTM" : is->cell == MR_TRAIN_GRU ? "GRU" : "RNN");
    for (int l = 0; l <= is->layers; l++)
        printf("%d-", is->width[l]);
    printf("%d, LC %d, NB %d, batch %d, %d steps, units %d and %d, %s: seed %llu\n", is->outputs,
           is->lc, is->nb, is->batch, is->steps, s->x_unit, s->y_unit, what,
           (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

START_TEST(c_equals_trainer) {
    const uint64_t seed = say(&shapes[_i], "C");
    struct engine e = build_engine(&shapes[_i], _i, false);
    open_engine(&e, 0, 0, seed);
    engine_trains(&e, seed, false);
    close_engine(&e);
    mr_kernel_unload(e.loaded);
}
END_TEST

START_TEST(rtl_equals_trainer) {
    const uint64_t seed = say(&shapes[_i], "RTL");
    struct engine e = build_engine(&shapes[_i], _i, true);
    open_engine(&e, 0, 0, seed);
    engine_trains(&e, seed, true);
    close_engine(&e);
    open_engine(&e, 50, 50, seed);
    engine_trains(&e, seed + 1, false);
    close_engine(&e);
    mr_kernel_unload(e.loaded);
}
END_TEST

static struct shape draw_shape(uint64_t *seed) {
    static const enum mr_train_cell cells[] = {MR_TRAIN_LSTM, MR_TRAIN_GRU, MR_TRAIN_RNN_TANH};
    struct shape s = {.is = {.cell = cells[random_between(seed, 0, 2)],
                             .layers = random_between(seed, 1, MR_ENGINE_LAYERS),
                             .outputs = random_between(seed, 1, 3),
                             .lc = random_between(seed, 1, 6),
                             .nb = random_between(seed, 1, 2),
                             .steps = random_between(seed, 1, 4)},
                      .x_unit = random_between(seed, 0, 2),
                      .y_unit = random_between(seed, 0, 2)};
    for (int l = 0; l <= s.is.layers; l++)
        s.is.width[l] = random_between(seed, 1, 8);
    s.is.batch = s.is.nb * random_between(seed, 1, 4);
    return s;
}

START_TEST(random_shapes) {
    uint64_t seed = (uint64_t)time(NULL) * 64 + (uint64_t)_i;
    const bool rtl = _i >= RANDOM_MODELS;
    if (getenv("SEED"))
        seed = strtoull(getenv("SEED"), NULL, 10);
    printf("SEED=%llu: ", (unsigned long long)seed);
    const struct shape s = draw_shape(&seed);
    say(&s, rtl ? "RTL" : "C");
    struct engine e = build_engine(&s, 10 + _i, rtl);
    open_engine(&e, 0, 0, seed);
    engine_trains(&e, seed, rtl);
    close_engine(&e);
    mr_kernel_unload(e.loaded);
}
END_TEST

// A full mini-batch of NASA's turbofans' network: 64 sequences of 50 steps.
START_TEST(turbofan) {
    static const struct shape s3 = {{MR_TRAIN_LSTM, 2, {25, 25, 25}, 1, 9, 2, 64, 50}, 0, 0};
    const uint64_t seed = say(&s3, "RTL");
    struct engine e = build_engine(&s3, 9, true);
    open_engine(&e, 0, 0, seed);
    engine_trains(&e, seed, true);
    close_engine(&e);
    mr_kernel_unload(e.loaded);
}
END_TEST

int main(void) {
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    const bool thorough = getenv("THOROUGH") != NULL;
    Suite *suite = suite_create("train_engine");
    TCase *c = tcase_create("c"), *rtl = tcase_create("rtl");
    tcase_set_timeout(c, 3000);
    tcase_set_timeout(rtl, 3000);
    tcase_add_loop_test(c, c_equals_trainer, 0, SHAPES);
    tcase_add_loop_test(c, random_shapes, 0, thorough ? RANDOM_MODELS : 1);
    tcase_add_loop_test(rtl, rtl_equals_trainer, 0, thorough ? SHAPES : 1);
    if (thorough) {
        TCase *large = tcase_create("large");
        tcase_set_timeout(large, 3000);
        tcase_add_loop_test(rtl, random_shapes, RANDOM_MODELS, RANDOM_MODELS + 3);
        tcase_add_test(large, turbofan);
        suite_add_tcase(suite, large);
    }
    suite_add_tcase(suite, c);
    suite_add_tcase(suite, rtl);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
