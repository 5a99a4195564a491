// SPDX-License-Identifier: Apache-2.0
// Training engines of small networks, as C and as RTL with random idles and back-pressure, against
// the trainer of the CPU, one unit after the other (host/train/int_scalar.c): every weight, moment,
// scale and output of some mini-batches, bit for bit, and cycles as planned.
#define _POSIX_C_SOURCE 200809L
#include "int_device.h"
#include "network_fixture.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

enum { RANDOM_MODELS = 16 };

struct shape {
    struct mr_train_shape is;
    int x_unit, y_unit;
};

static struct mr_error error;

static const char *const kinds[] = {[MR_TRAIN_LSTM] = "lstm",
                                    [MR_TRAIN_GRU] = "gru",
                                    [MR_TRAIN_GRU_RESET_FIRST] = "gru_reset_first",
                                    [MR_TRAIN_RNN_TANH] = "rnn_tanh"};

static void *make(size_t count, size_t size) {
    void *made = calloc(count + 1, size);
    ck_assert_ptr_nonnull(made);
    return made;
}

// idle, stall: chances of 256; RTL.
static struct mr_int_device *open_engine(const struct shape *s, bool rtl, uint32_t idle,
                                         uint32_t stall, uint64_t seed) {
    const struct mr_int_device_options options = {.device = rtl ? "sim:" : "hls:",
                                                  .idle_chance = idle,
                                                  .stall_chance = stall,
                                                  .seed = seed,
                                                  .assertions = true};
    // Those of a few cycles are built the sooner; of many lanes and parameters they are millions.
    if (mr_train_lanes(&s->is) > 7000)
        unsetenv("MILLRACE_OPTIMISE");
    else
        setenv("MILLRACE_OPTIMISE", s->is.batch * s->is.steps > 1000 ? "1" : "0", 1);
    struct mr_int_device *engine = mr_int_device_open(&s->is, &options, &error);
    ck_assert_msg(engine != NULL, "%s", error.text);
    return engine;
}

// ---- its parameters

static size_t state_of(const struct mr_int_model *m, int32_t **state) {
    const size_t size = mr_int_state_size(m);
    *state = make(size, 1);
    mr_int_read_state(m, *state);
    return size / sizeof **state;
}

// Another model with the weights and scales of the engine; those of this one are expected.
static void expect_params(struct mr_int_device *engine, const struct mr_int_model *m,
                          struct mr_int_model *read, const char *when) {
    int32_t *want, *got;
    const size_t size = mr_int_state_size(m);
    state_of(m, &want);
    ck_assert_int_eq(mr_int_write_state(read, want, size, &error), 0);
    for (int l = 0; l < read->layer_count; l++)
        read->layers[l].state_scale = read->layers[l].delta_scale = -1;
    memset(read->w.w, 1, read->w.count * sizeof *read->w.w);
    memset(read->layers[0].x.m, 1, read->layers[0].x.count * sizeof *read->w.m);
    ck_assert_msg(!mr_int_device_read(engine, read, &error), "%s", error.text);
    const size_t count = state_of(read, &got);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(got[i] == want[i], "%s: number %zu of %zu of the state: %d, not %d", when, i,
                      count, (int)got[i], (int)want[i]);
    free(want);
    free(got);
}

// ---- mini-batches

struct batches {
    int count;
    size_t sequences, steps;
    int16_t *x;      // [count][steps][sequences][inputs]
    int32_t *target; // [count][sequences][outputs]
    train_rule_t *rule;
    uint64_t (*keys)[MR_ENGINE_LAYERS]; // of dropout
};

static size_t rows_of(const struct mr_train_shape *s, size_t sequences, size_t steps) {
    return s->per_step ? sequences * steps : sequences;
}

static size_t targets_of(const struct mr_train_shape *s) {
    return s->loss == MR_TRAIN_CE ? 1 : (size_t)s->outputs;
}

static struct batches draw(const struct mr_train_shape *s, int count, int sequences, int steps,
                           uint64_t *seed) {
    struct batches b = {.count = count, .sequences = (size_t)sequences, .steps = (size_t)steps};
    const size_t numbers = (size_t)(count * sequences * steps * s->width[0]);
    const size_t targets = (size_t)count * rows_of(s, b.sequences, b.steps) * targets_of(s);
    b.x = make(numbers, 2);
    b.target = make(targets, 4);
    b.rule = make((size_t)count, sizeof *b.rule);
    b.keys = make((size_t)count, sizeof *b.keys);
    for (int i = 0; i < count * MR_ENGINE_LAYERS; i++)
        b.keys[i / MR_ENGINE_LAYERS][i % MR_ENGINE_LAYERS] =
            (uint64_t)random_between(seed, 0, INT32_MAX) * 0x100000001U;
    for (size_t i = 0; i < numbers; i++)
        b.x[i] = (int16_t)random_between(seed, -32767, 32767);
    for (size_t i = 0; i < targets; i++)
        b.target[i] = s->loss == MR_TRAIN_CE    ? random_between(seed, 0, s->outputs - 1)
                      : s->loss == MR_TRAIN_BCE ? random_between(seed, 0, 1) << 20
                                                : random_between(seed, -2097152, 2097151);
    for (int i = 0; i < count; i++)
        b.rule[i] = (train_rule_t){.scale = mr_int_number(1.0 / sequences),
                                   .l2 = mr_int_number(random_between(seed, 0, 1) * 0.01),
                                   .keep_m = mr_int_number(0.9),
                                   .take_m = mr_int_number(0.1),
                                   .keep_v = mr_int_number(0.999),
                                   .take_v = mr_int_number(0.001),
                                   .floor = mr_int_number(1e-12),
                                   .rate = mr_int_number(1e-3 * random_between(seed, 1, 20)),
                                   .adam = random_between(seed, 0, 3) != 0};
    return b;
}

static void free_batches(struct batches *b) {
    free(b->x);
    free(b->target);
    free(b->rule);
    free(b->keys);
}

// A mini-batch of the trainer; the engine's rule in the place of its own.
static void learn(struct mr_int_model *m, void *scalar, const struct mr_int_batch *batch,
                  train_rule_t rule) {
    mr_int_scalar.run(scalar, m, batch);
    mr_int_update(m, &mr_int_scalar, scalar, rule);
    mr_int_rescale(m);
}

static void run_batches(const struct mr_train_shape *s, struct mr_int_device *engine,
                        struct mr_int_model *m, void *scalar, const struct batches *b,
                        bool learns) {
    const size_t rows = rows_of(s, b->sequences, b->steps);
    const size_t outputs = rows * (size_t)m->outputs, targets = rows * targets_of(s);
    const size_t x_numbers = b->sequences * b->steps * (size_t)m->chain.inputs;
    int32_t *y = make((size_t)b->count * outputs, 4), *wanted = make(outputs, 4);
    struct mr_int_batch *batch = make((size_t)b->count, sizeof *batch);
    for (int i = 0; i < b->count; i++)
        batch[i] = (struct mr_int_batch){.sequences = b->sequences,
                                         .steps = b->steps,
                                         .x = b->x + (size_t)i * x_numbers,
                                         .targets = b->target + (size_t)i * targets,
                                         .outputs = y + (size_t)i * outputs,
                                         .learns = learns,
                                         .keys = b->keys[i]};
    for (int i = 0; i < b->count; i++)
        ck_assert_msg(!mr_int_device_put(engine, &batch[i], learns ? &b->rule[i] : NULL, &error),
                      "%s", error.text);
    ck_assert_msg(!mr_int_device_flush(engine, &error), "%s", error.text);
    ck_assert_uint_eq(mr_int_device_waiting(engine), 0);
    for (int i = 0; i < b->count; i++) {
        batch[i].outputs = wanted;
        if (learns)
            learn(m, scalar, &batch[i], b->rule[i]);
        else
            mr_int_scalar.run(scalar, m, &batch[i]);
        for (size_t k = 0; k < outputs; k++)
            ck_assert_msg(y[(size_t)i * outputs + k] == wanted[k],
                          "batch %d, output %zu: %d, not %d", i, k, y[(size_t)i * outputs + k],
                          wanted[k]);
    }
    free(batch);
    free(wanted);
    free(y);
}

static void draw_weights(struct mr_int_tensor *tensor, uint64_t *seed) {
    for (size_t i = 0; i < tensor->count; i++)
        tensor->w[i] = random_between(seed, -700000, 700000);
}

// The trainer's model of the shape, its units those of the engine and its weights random.
static struct mr_int_model *make_model(const struct shape *shape, uint64_t *seed) {
    const struct mr_train_shape *s = &shape->is;
    const struct mr_trainer_options options = {.loss = s->loss,
                                               .optimiser = MR_TRAIN_ADAM,
                                               .batch = (size_t)s->batch,
                                               .steps = (size_t)s->steps,
                                               .clip = s->clips ? 0.25 : 0,
                                               .dropout = s->drops ? 0.3 : 0,
                                               .device = "cpu:"};
    struct mr_network network;
    struct mr_error why;
    int stream = 0;
    net_create(&network, s->width[0], "trained");
    for (int l = 0; l < s->layers; l++)
        stream = net_add(&network, kinds[s->cell], stream, s->width[l + 1], MR_ACTIVATION_LINEAR);
    if (!s->per_step)
        stream = net_add(&network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    net_output(&network, net_add(&network, "dense", stream, s->outputs, MR_ACTIVATION_LINEAR), "y");
    struct mr_int_model *m = mr_int_open(&network, &options, &why);
    ck_assert_msg(m != NULL, "%s", why.text);
    mr_network_free(&network);
    mr_int_settle(m, ldexp(1, shape->x_unit), ldexp(4, shape->y_unit));
    for (int l = 0; l < s->layers; l++) {
        draw_weights(&m->layers[l].x, seed);
        draw_weights(&m->layers[l].h, seed);
        draw_weights(&m->layers[l].bias, seed);
    }
    draw_weights(&m->w, seed);
    draw_weights(&m->bias, seed);
    return m;
}

static void engine_trains(const struct shape *shape, struct mr_int_device *engine, uint64_t seed,
                          bool counts) {
    const struct mr_train_shape *s = &shape->is;
    struct mr_int_model *m = make_model(shape, &seed), *read = make_model(shape, &seed);
    void *scalar = mr_int_scalar.open(m);
    ck_assert_ptr_nonnull(scalar);
    ck_assert_msg(!mr_int_device_load(engine, m, &error), "%s", error.text);
    expect_params(engine, m, read, "loaded");
    for (int i = 0; i < 5; i++) {
        const int steps = i == 0 ? s->steps : random_between(&seed, 1, s->steps);
        const int sequences = i == 0 ? s->batch : random_between(&seed, 1, s->batch);
        const int count = i == 2 ? 3 : i == 3 ? 2 : 1;
        const bool learns = i != 1;
        struct batches b = draw(s, count, sequences, steps, &seed);
        const struct mr_train_cycles before = mr_int_device_cycles(engine, learns);
        run_batches(s, engine, m, scalar, &b, learns);
        struct mr_train_cycles cycles = mr_int_device_cycles(engine, learns);
        cycles.counted -= before.counted;
        cycles.planned -= before.planned;
        if (counts) {
            printf("  %s, %d of %d steps: %llu cycles\n", learns ? "learns" : "predicts", count,
                   steps, (unsigned long long)cycles.counted);
            fflush(stdout);
            ck_assert_uint_gt(cycles.counted, 0);
            ck_assert_uint_eq(cycles.counted, cycles.planned);
        }
        expect_params(engine, m, read, "after a mini-batch");
        free_batches(&b);
    }
    mr_int_scalar.close(scalar);
    mr_int_close(m);
    mr_int_close(read);
}

// The first ones are the smallest that have all phases and widths that differ: the short run has
// one of them as RTL, where compiling is what costs.
enum { SMALLEST = 3 };
// By the fields of mr_train_shape: ... loss, per_step, clips, drops, port, weights.
#define IN_LUTS                                                                                    \
    { MR_STORAGE_LUTRAM, 0, 0 }
#define IN_ALL(last, rest)                                                                         \
    { MR_STORAGE_BRAM, last, rest }
static const struct shape shapes[] = {
    {{MR_TRAIN_LSTM, 2, {2, 3, 2}, 1, 1, 2, 4, 2, MR_TRAIN_BCE, 0, 1, 1, 0, IN_LUTS}, 1, 0},
    {{MR_TRAIN_GRU_RESET_FIRST, 2, {2, 3, 2}, 1, 1, 2, 4, 2, MR_TRAIN_MSE, 1, 1, 1, 0, IN_LUTS},
     1,
     2},
    {{MR_TRAIN_LSTM, 2, {2, 3, 2}, 1, 1, 1, 3, 2, MR_TRAIN_BCE, 0, 1, 1, 1, IN_ALL(7, 2)}, 1, 0},
    {{MR_TRAIN_LSTM, 3, {3, 5, 2, 4}, 1, 2, 2, 4, 3, MR_TRAIN_BCE, 1, 0, 1, 0, IN_LUTS}, 0, 0},
    // Gradients of several units leave the lanes in a cycle; of the last one as slowly as there is
    // time.
    {{MR_TRAIN_GRU, 2, {4, 41, 5}, 2, 3, 1, 3, 2, MR_TRAIN_CE, 0, 1, 0, 0, IN_LUTS}, 0, 0},
    {{MR_TRAIN_RNN_TANH, 1, {7, 40}, 1, 2, 1, 5, 4, MR_TRAIN_MSE, 0, 0, 0, 0, IN_ALL(16, 13)},
     0,
     1},
    {{MR_TRAIN_LSTM, 3, {3, 5, 2, 4}, 1, 2, 1, 4, 3, MR_TRAIN_BCE, 0, 1, 1, 1, IN_LUTS}, 0, 0},
    {{MR_TRAIN_GRU, 3, {3, 5, 2, 4}, 2, 2, 2, 6, 3, MR_TRAIN_CE, 0, 0, 1, 1, IN_LUTS}, 0, 0},
    {{MR_TRAIN_LSTM, 6, {3, 2, 1, 3, 2, 1, 2}, 1, 2, 1, 2, 2, MR_TRAIN_MSE, 0, 1, 1, 0, IN_LUTS},
     0,
     0},
    // Of the head more plans are under way than a memory takes.
    {{MR_TRAIN_RNN_TANH, 2, {3, 2, 5}, 2, 2, 2, 4, 40, MR_TRAIN_MSE, 1, 0, 0, 1, IN_LUTS}, 0, 1},
    {{MR_TRAIN_GRU_RESET_FIRST,
      2,
      {3, 5, 4},
      1,
      2,
      2,
      4,
      3,
      MR_TRAIN_BCE,
      1,
      1,
      1,
      1,
      IN_ALL(3, 4)},
     0,
     0},
};

static uint64_t say(const struct shape *s, const char *what) {
    const struct mr_train_shape *is = &s->is;
    const uint64_t seed = (uint64_t)time(NULL);
    printf("%s ", kinds[is->cell]);
    for (int l = 0; l <= is->layers; l++)
        printf("%d-", is->width[l]);
    printf("%d, LC %d, NB %d, batch %d, %d steps, units %d and %d, %s%s%s%s%s, weights in %s (%d, "
           "%d), "
           "%s: seed %llu\n",
           is->outputs, is->lc, is->nb, is->batch, is->steps, s->x_unit, s->y_unit,
           is->loss == MR_TRAIN_MSE   ? "MSE"
           : is->loss == MR_TRAIN_BCE ? "BCE"
                                      : "CE",
           is->per_step ? " per step" : "", is->clips ? ", clipped" : "",
           is->drops ? ", dropout" : "", is->port ? ", memory ports" : "",
           mr_storage_name(is->weights.storage), is->weights.last_from, is->weights.rest_from, what,
           (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

START_TEST(c_equals_trainer) {
    const uint64_t seed = say(&shapes[_i], "C");
    struct mr_int_device *engine = open_engine(&shapes[_i], false, 0, 0, seed);
    engine_trains(&shapes[_i], engine, seed, false);
    mr_int_device_close(engine);
}
END_TEST

START_TEST(rtl_equals_trainer) {
    const uint64_t seed = say(&shapes[_i], "RTL");
    struct mr_int_device *engine = open_engine(&shapes[_i], true, 0, 0, seed);
    engine_trains(&shapes[_i], engine, seed, true);
    mr_int_device_close(engine);
    engine = open_engine(&shapes[_i], true, 50, 50, seed);
    engine_trains(&shapes[_i], engine, seed + 1, false);
    mr_int_device_close(engine);
}
END_TEST

// Mini-batches that learn and predict, of sizes that change, go in one by one and wait for nothing:
// their outputs come in order, as those of the trainer. Runs of all, of 1 and of 3 at most.
static void stream(const struct mr_int_device_options *options) {
    enum { COUNT = 60 };
    static const size_t runs[] = {0, 1, 3};
    const struct shape *shape = &shapes[0];
    const struct mr_train_shape *s = &shape->is;
    uint64_t seed = say(shape, "streaming");
    for (int r = 0; r < 3; r++) {
        struct mr_int_device_options with = *options;
        with.run = runs[r];
        struct mr_int_device *engine = mr_int_device_open(s, &with, &error);
        ck_assert_msg(engine != NULL, "%s", error.text);
        struct mr_int_model *m = make_model(shape, &seed), *read = make_model(shape, &seed);
        void *scalar = mr_int_scalar.open(m);
        struct batches b[COUNT];
        struct mr_int_batch batch[COUNT];
        int32_t y[COUNT][8], wanted[8];
        bool learns = true;
        size_t most = 0;
        ck_assert_ptr_nonnull(scalar);
        ck_assert_msg(!mr_int_device_load(engine, m, &error), "%s", error.text);
        for (int i = 0; i < COUNT; i++) {
            const bool alike = i && random_between(&seed, 0, 7);
            learns = alike ? learns : random_between(&seed, 0, 3);
            b[i] = draw(s, 1, alike ? (int)b[i - 1].sequences : random_between(&seed, 1, s->batch),
                        alike ? (int)b[i - 1].steps : random_between(&seed, 1, s->steps), &seed);
            batch[i] = (struct mr_int_batch){.sequences = b[i].sequences,
                                             .steps = b[i].steps,
                                             .x = b[i].x,
                                             .targets = b[i].target,
                                             .outputs = y[i],
                                             .learns = learns,
                                             .keys = b[i].keys[0]};
            ck_assert_msg(!mr_int_device_put(engine, &batch[i], learns ? b[i].rule : NULL, &error),
                          "%s", error.text);
            const size_t waiting = mr_int_device_waiting(engine);
            most = waiting > most ? waiting : most;
        }
        ck_assert_msg(!mr_int_device_flush(engine, &error), "%s", error.text);
        ck_assert_uint_eq(mr_int_device_waiting(engine), 0);
        ck_assert_uint_le(most, mr_int_device_most_waiting(engine));
        ck_assert_uint_ge(most, runs[r] == 1 ? 2 : 3);
        for (int i = 0; i < COUNT; i++) {
            batch[i].outputs = wanted;
            if (batch[i].learns)
                learn(m, scalar, &batch[i], b[i].rule[0]);
            else
                mr_int_scalar.run(scalar, m, &batch[i]);
            ck_assert_mem_eq(y[i], wanted, b[i].sequences * sizeof *wanted);
            free_batches(&b[i]);
        }
        expect_params(engine, m, read, "after all");
        // What was put in is forgotten, and the engine goes on from what it is given.
        struct batches last = draw(s, 4, s->batch, s->steps, &seed);
        for (size_t i = 0; i < 4; i++) {
            batch[i] = (struct mr_int_batch){.sequences = last.sequences,
                                             .steps = last.steps,
                                             .x = last.x,
                                             .targets = last.target,
                                             .outputs = y[i],
                                             .learns = true,
                                             .keys = last.keys[0]};
            ck_assert_msg(!mr_int_device_put(engine, &batch[i], last.rule, &error), "%s",
                          error.text);
        }
        mr_int_device_drop(engine);
        ck_assert_uint_eq(mr_int_device_waiting(engine), 0);
        ck_assert_msg(!mr_int_device_load(engine, m, &error), "%s", error.text);
        run_batches(s, engine, m, scalar, &last, true);
        expect_params(engine, m, read, "after what was dropped");
        ck_assert_msg(!mr_int_device_put(engine, &batch[0], last.rule, &error), "%s", error.text);
        mr_int_device_close(engine); // with one under way
        free_batches(&last);
        mr_int_scalar.close(scalar);
        mr_int_close(m);
        mr_int_close(read);
    }
}

START_TEST(mini_batches_stream) {
    setenv("MILLRACE_OPTIMISE", "0", 1); // as the tests before
    stream(&(struct mr_int_device_options){.device = "hls:"});
}
END_TEST

// Of an emulated card too: runs of several mini-batches, and of fewer sequences and steps; and an
// engine whose memories are in the card's, with words of 1,152, 384 and 576 bits: by six ports.
START_TEST(card_equals_trainer) {
    static const struct shape wide = {
        {MR_TRAIN_GRU, 2, {4, 7, 5}, 1, 6, 2, 4, 3, MR_TRAIN_MSE, 0, 1, 0, 1, IN_LUTS}, 0, 0};
    static const struct shape *const on_card[] = {&shapes[0], &wide};
    ck_assert_uint_eq(mr_train_ports(&wide.is), 6);
    const struct mr_int_device_options options = {
        .device = "xrt:0", .bitstreams = "build/train_engine_test", .build_image = true};
    setenv("MILLRACE_OPTIMISE", "1", 1);
    ck_assert_int_eq(system("rm -rf build/train_engine_test"), 0); // images of other kernels
    for (int i = 0; i < 2; i++) {
        const uint64_t seed = say(on_card[i], "card");
        struct mr_int_device *engine = mr_int_device_open(&on_card[i]->is, &options, &error);
        ck_assert_msg(engine != NULL, "%s", error.text);
        engine_trains(on_card[i], engine, seed, false);
        mr_int_device_close(engine);
    }
    stream(&options);
}
END_TEST

// Groups of sequences that no engine has.
START_TEST(groups_at_their_ends) {
    static const struct { int nb, batch; } groups[] = {{0, 4}, {3, 6}, {2, 3}};
    struct mr_train_shape shape = shapes[0].is;
    const struct mr_int_device_options options = {.device = "hls:"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        shape.nb = groups[i].nb;
        shape.batch = groups[i].batch;
        ck_assert_ptr_null(mr_int_device_open(&shape, &options, &error));
        ck_assert_int_eq(error.code, MR_ERROR_ARGUMENT);
        ck_assert_msg(strstr(error.text, "1 or 2 sequences"), "%s", error.text);
    }
}
END_TEST

// The sum of all squares beyond 2^62, where the norm no longer grows.
START_TEST(norm_at_its_end) {
    static const struct shape wide = {
        {MR_TRAIN_RNN_TANH, 1, {5000, 8}, 1, 8, 1, 2, 2, MR_TRAIN_MSE, 0, 1, 0, 0, IN_LUTS}, 0, 0};
    uint64_t seed = say(&wide, "C");
    struct mr_int_device *engine = open_engine(&wide, false, 0, 0, seed);
    struct mr_int_model *m = make_model(&wide, &seed), *read = make_model(&wide, &seed);
    void *scalar = mr_int_scalar.open(m);
    ck_assert_ptr_nonnull(scalar);
    ck_assert_msg(!mr_int_device_load(engine, m, &error), "%s", error.text);
    struct batches b = draw(&wide.is, 1, wide.is.batch, wide.is.steps, &seed);
    for (int i = 0; i < wide.is.batch * wide.is.steps * wide.is.width[0]; i++)
        b.x[i] /= 1000; // no unit is at its end, where it has no gradient
    b.rule[0].scale = mr_int_number(1e12);
    run_batches(&wide.is, engine, m, scalar, &b, true);
    expect_params(engine, m, read, "after a mini-batch");
    free_batches(&b);
    mr_int_scalar.close(scalar);
    mr_int_close(m);
    mr_int_close(read);
    mr_int_device_close(engine);
}
END_TEST

// What the weights lie in: at any word and unit from which on that is another kind.
static struct mr_train_weights draw_places(const struct mr_train_shape *is, uint64_t *seed) {
    int words = 0, units = 0;
    for (int l = 0; l < is->layers; l++) {
        const int below = is->width[l], here = is->width[l + 1];
        words += (below + is->lc - 1) / is->lc + (here + is->lc - 1) / is->lc;
        units = here > units ? here : units;
    }
    const int kind = random_between(seed, MR_STORAGE_LUTRAM, MR_STORAGE_URAM);
    struct mr_train_weights weights = {.storage = (enum mr_storage)kind};
    if (kind == MR_STORAGE_BRAM)
        weights = (struct mr_train_weights){weights.storage, random_between(seed, 0, words - 1),
                                            random_between(seed, 0, units - 1)};
    return weights;
}

static struct shape draw_shape(uint64_t *seed, bool port) {
    static const enum mr_train_cell cells[] = {MR_TRAIN_LSTM, MR_TRAIN_GRU,
                                               MR_TRAIN_GRU_RESET_FIRST, MR_TRAIN_RNN_TANH};
    struct shape s = {
        .is = {.cell = cells[random_between(seed, 0, 3)],
               .layers = random_between(seed, 1, random_between(seed, 0, 3) ? 4 : MR_ENGINE_LAYERS),
               .outputs = random_between(seed, 1, 3),
               .lc = random_between(seed, 1, 6),
               .nb = random_between(seed, 1, 2),
               .steps = random_between(seed, 1, 4),
               .port = port},
        .x_unit = random_between(seed, 0, 2),
        .y_unit = random_between(seed, 0, 2)};
    s.is.loss = (enum mr_train_loss)random_between(seed, 0, 2);
    s.is.outputs += s.is.loss == MR_TRAIN_CE;
    s.is.per_step = random_between(seed, 0, 1);
    s.is.clips = random_between(seed, 0, 1);
    s.is.drops = s.is.layers > 1 && random_between(seed, 0, 1);
    if (s.is.loss != MR_TRAIN_MSE)
        s.y_unit = 0;
    for (int l = 0; l <= s.is.layers; l++)
        s.is.width[l] = random_between(seed, 1, 8);
    s.is.batch = s.is.nb * random_between(seed, 1, 4);
    s.is.weights = draw_places(&s.is, seed);
    return s;
}

START_TEST(random_shapes) {
    uint64_t seed = (uint64_t)time(NULL) * 64 + (uint64_t)_i;
    const bool rtl = _i >= RANDOM_MODELS;
    if (getenv("SEED"))
        seed = strtoull(getenv("SEED"), NULL, 10);
    printf("SEED=%llu: ", (unsigned long long)seed);
    const struct shape s = draw_shape(&seed, _i % 2 != 0);
    say(&s, rtl ? "RTL" : "C");
    struct mr_int_device *engine = open_engine(&s, rtl, 0, 0, seed);
    engine_trains(&s, engine, seed, rtl);
    mr_int_device_close(engine);
}
END_TEST

// A full mini-batch of NASA's turbofans' network: 64 sequences of 50 steps.
START_TEST(turbofan) {
    static const struct shape s3 = {
        {MR_TRAIN_LSTM, 2, {25, 25, 25}, 1, 9, 2, 64, 50, MR_TRAIN_MSE, 0, 0, 0, 0, IN_LUTS}, 0, 0};
    const uint64_t seed = say(&s3, "RTL");
    struct mr_int_device *engine = open_engine(&s3, true, 0, 0, seed);
    engine_trains(&s3, engine, seed, true);
    mr_int_device_close(engine);
}
END_TEST

// A full mini-batch of larger networks, on the engine that is chosen for them.
static const struct network {
    const char *name;
    enum mr_train_cell cell;
    int layers, inputs, units;
    size_t batch, steps;
    int multipliers; // in the lanes, at most
} networks[] = {{"S1", MR_TRAIN_LSTM, 2, 25, 64, 24, 50, MR_ENGINE_MULTIPLIERS},
                {"S1-3328", MR_TRAIN_LSTM, 2, 25, 64, 24, 50, 3328},
                {"S4", MR_TRAIN_LSTM, 4, 25, 64, 64, 50, MR_ENGINE_MULTIPLIERS},
                {"S4-6656", MR_TRAIN_LSTM, 4, 25, 64, 64, 50, 6656},
                {"GRU", MR_TRAIN_GRU, 2, 25, 64, 64, 50, MR_ENGINE_MULTIPLIERS},
                {"GRU-first", MR_TRAIN_GRU_RESET_FIRST, 2, 25, 64, 64, 50, MR_ENGINE_MULTIPLIERS},
                {"GRU-3072", MR_TRAIN_GRU, 2, 25, 64, 64, 50, 3072},
                {"S2", MR_TRAIN_GRU, 3, 170, 512, 64, 2, 7680}};

START_TEST(full_step) {
    const struct network *n = &networks[_i];
    const struct mr_trainer_options options = {
        .loss = MR_TRAIN_MSE, .batch = n->batch, .steps = n->steps};
    struct mr_train_chain chain = {.inputs = n->inputs, .layer_count = n->layers, .outputs = 1};
    struct shape s = {0};
    for (int l = 0; l < n->layers; l++)
        chain.layers[l] = (struct mr_train_layer){
            .cell = n->cell, .inputs = l ? n->units : n->inputs, .units = n->units};
    ck_assert_int_eq(mr_train_shape_of(&chain, &options, n->multipliers, &s.is, &error), 0);
    printf("%s, %d multipliers in the lanes: ", n->name, mr_train_lanes(&s.is));
    const bool rtl = n->multipliers == MR_ENGINE_MULTIPLIERS || getenv("RTL");
    uint64_t seed = say(&s, rtl ? "RTL" : "C");
    struct mr_int_device *engine = open_engine(&s, rtl, 0, 0, seed);
    struct mr_int_model *m = make_model(&s, &seed), *read = make_model(&s, &seed);
    void *scalar = mr_int_scalar.open(m);
    ck_assert_ptr_nonnull(scalar);
    ck_assert_msg(!mr_int_device_load(engine, m, &error), "%s", error.text);
    const int steps = getenv("STEPS") ? atoi(getenv("STEPS")) : s.is.steps;
    struct batches b = draw(&s.is, 1, s.is.batch, steps, &seed);
    run_batches(&s.is, engine, m, scalar, &b, true);
    const struct mr_train_cycles cycles = mr_int_device_cycles(engine, true);
    const uint64_t formula = mr_train_cycles(&s.is, steps, true);
    if (rtl)
        printf("  %s, %d steps: %llu cycles, %llu planned: %llu and %llu for the stages\n", n->name,
               steps, (unsigned long long)cycles.counted, (unsigned long long)cycles.planned,
               (unsigned long long)formula, (unsigned long long)(cycles.planned - formula));
    fflush(stdout);
    ck_assert_uint_eq(cycles.counted, cycles.planned); // of C none
    expect_params(engine, m, read, "after a mini-batch");
    free_batches(&b);
    mr_int_scalar.close(scalar);
    mr_int_close(m);
    mr_int_close(read);
    mr_int_device_close(engine);
}
END_TEST

int main(void) {
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    const bool thorough = getenv("THOROUGH") != NULL;
    Suite *suite = suite_create("train_engine");
    TCase *ends = tcase_create("ends"), *c = tcase_create("c"), *rtl = tcase_create("rtl");
    tcase_set_timeout(ends, 3000);
    tcase_set_timeout(c, 3000);
    tcase_set_timeout(rtl, 3000);
    tcase_add_test(ends, groups_at_their_ends);
    tcase_add_test(ends, norm_at_its_end);
    tcase_add_loop_test(c, c_equals_trainer, 0, SHAPES);
    tcase_add_test(c, mini_batches_stream);
    tcase_add_loop_test(c, random_shapes, 0, thorough ? RANDOM_MODELS : 2);
    // SHAPE=5 for another one of them.
    const char *const chosen = getenv("SHAPE");
    const int drawn = (chosen ? atoi(chosen) : (int)(time(NULL) % SMALLEST)) % SHAPES;
    tcase_add_loop_test(rtl, rtl_equals_trainer, thorough ? 0 : drawn,
                        thorough ? SHAPES : drawn + 1);
    if (thorough) {
        TCase *large = tcase_create("large");
        tcase_set_timeout(large, 3000);
        tcase_add_loop_test(rtl, random_shapes, RANDOM_MODELS, RANDOM_MODELS + 4);
        tcase_add_test(large, turbofan);
        TCase *card = tcase_create("card");
        tcase_set_timeout(card, 3000);
        tcase_add_test(card, card_equals_trainer);
        suite_add_tcase(suite, card);
        suite_add_tcase(suite, large);
        // CK_RUN_CASE=S1 for one of them; STEPS=3 for so many steps of the same engine. Those with
        // more multipliers than usual are C, in seconds; RTL=1: RTL, in an hour.
        for (int i = 0; i < (int)(sizeof networks / sizeof *networks); i++) {
            TCase *of_network = tcase_create(networks[i].name);
            tcase_set_timeout(of_network, 10000);
            tcase_add_loop_test(of_network, full_step, i, i + 1);
            suite_add_tcase(suite, of_network);
        }
    }
    suite_add_tcase(suite, ends);
    suite_add_tcase(suite, c);
    suite_add_tcase(suite, rtl);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
