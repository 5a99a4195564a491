// SPDX-License-Identifier: Apache-2.0
// Networks of many shapes on the simulated RTL: the bits of hls: and of the plain reference, the
// planned cycles exactly, state kept between runs, late inputs and stalled outputs.
// Usage: cycles_test [short|long|drawn [SEED [COUNT]]]. `long` takes those that are slow to build,
// `drawn` random ones: cells, sizes up to 200, precisions, columns, passes, ports, memories and
// dies. `short` takes a few small ones of these, too.
#define _GNU_SOURCE
#include "build.h"
#include "driver.h"
#include "network_build.h"
#include "op.h"
#include "plan_fixture.h"
#include "quantise.h"
#include "random.h"
#include "timing.h"
#include "walk.h"
#include "weights_image.h"

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { MAX_LAYERS = 6, SEQUENCES = 4, STEPS = 9, BUILDERS = 2 };

// Layer l has sizes[l] inputs and sizes[l + 1] hidden units and takes lc[l] columns a cycle.
static const struct shape {
    const char *name;
    int layers, sizes[MAX_LAYERS + 1], lc[MAX_LAYERS], outputs;
    bool sigmoid, slow;
    const char *target; // NULL: the usual one; others have dies that are too small for both layers
    int cell_exponent[MAX_LAYERS];
    bool narrow; // w8a8
    int ports;   // that read the weights, and their memory; 0: the planner's choice
    enum mr_storage memory;
    int rest_from; // of lanes whose weights lie in another kind
    enum mr_storage rest;
} shapes[] = {
    // clang-format off
    {"7 LC 3", 1, {7, 7}, {3}, 3, true, false, NULL, {0}, false, 0, 0, 0, 0},
    {"7 LC 7", 1, {7, 7}, {7}, 10, false, false, NULL, {0}, false, 0, 0, 0, 0},
    {"25 LC 1", 1, {25, 25}, {1}, 1, false, false, NULL, {0}, false, 0, 0, 0, 0},
    {"3x25 LC 1", 3, {25, 25, 25, 25}, {1, 1, 1}, 1, false, false, NULL, {0}, false, 0, 0, 0, 0},
    {"33-9 LC 3 BRAM twice, URAM from 5", 1, {33, 9}, {3}, 1, false, false, NULL, {0}, true, 2, MR_STORAGE_BRAM, 5, MR_STORAGE_URAM},
    {"25-7-33-7 LC 3,1,4", 3, {25, 7, 33, 7}, {3, 1, 4}, 1, false, false, NULL, {2, 0, 9}, false, 0, 0, 0, 0},
    {"33-40 LC 8,7 in two dies", 2, {33, 33, 40}, {8, 7}, 2, true, true, "u200", {0}, false, 0, 0, 0, 0},
    {"7 LC 1", 1, {7, 7}, {1}, 1, false, true, NULL, {0}, false, 0, 0, 0, 0},
    {"33-25 LC 2,5 (wider)", 2, {33, 25, 33}, {2, 5}, 3, false, true, NULL, {0}, false, 0, 0, 0, 0},
    {"33-25 LC 5,2 (narrower)", 2, {33, 25, 7}, {5, 2}, 10, true, true, NULL, {0}, false, 0, 0, 0, 0},
    {"170-33 LC 8", 1, {170, 33}, {8}, 1, true, true, NULL, {0}, false, 0, 0, 0, 0},
    {"25-170 LC 8", 1, {25, 170}, {8}, 3, false, true, NULL, {0}, false, 0, 0, 0, 0},
    {"170-33-170 LC 2,4", 2, {170, 33, 170}, {2, 4}, 10, true, true, NULL, {0}, false, 0, 0, 0, 0},
    {"33 LC 32", 1, {33, 33}, {32}, 1, false, true, NULL, {0}, false, 0, 0, 0, 0},
    {"25 LC 17 w8a8", 1, {25, 25}, {17}, 1, false, true, NULL, {0}, true, 0, 0, 0, 0},
    {"33-25 LC 5,2 URAM twice, BRAM from 10", 2, {33, 25, 14}, {5, 2}, 1, false, true, NULL, {0}, false, 2, MR_STORAGE_URAM, 10, MR_STORAGE_BRAM},
    // clang-format on
};
enum { SHAPES = sizeof shapes / sizeof *shapes, ONE_LAYER = 2, EQUAL_LAYERS = 3 };

// What is built before the tests run.
static struct built {
    struct shape shape;
    char name[240];
    bool drawn;
    const char *cell[MAX_LAYERS];
    struct mr_precision precision[MAX_LAYERS];
    struct mr_op_layout layout[MAX_LAYERS];
    uint64_t seed;
    struct mr_network network;
    struct mr_compiled compiled;
    char model_so[PATH_MAX], rtl_so[PATH_MAX];
    char error[1024]; // "" when all went well
    double seconds;
} * built;
static int built_count;

static uint64_t first_seed;

// Numbers as training leaves them: most are small, few are large.
static void fill(float *data, size_t count, double scale, uint64_t *state) {
    for (size_t i = 0; i < count; i++) {
        const double value = random_number(state, 1);
        data[i] = (float)(scale * value * (1 + 2 * fabs(random_number(state, 1)) * fabs(value)));
    }
}

// LSTM layers as they are listed.
static void take_shape(const struct shape *shape, uint64_t seed) {
    struct built *to = &built[built_count++];
    to->shape = *shape;
    to->seed = seed;
    snprintf(to->name, sizeof to->name, "%s", shape->name);
    for (int l = 0; l < shape->layers; l++) {
        to->cell[l] = "lstm";
        to->precision[l] =
            shape->narrow ? (struct mr_precision){8, 8} : (struct mr_precision){16, 16};
        to->layout[l] = (struct mr_op_layout){.lc = shape->lc[l],
                                              .passes = 1,
                                              .ports = shape->ports,
                                              .memory = shape->memory,
                                              .rest_from = shape->rest_from,
                                              .rest = shape->rest};
    }
}

// Most are small, some have up to so many units and inputs.
static int draw_size(uint64_t *state, int most) {
    const int size = random_between(state, 0, 9);
    return random_between(state, 1, size < 6 ? 12 : size < 9 && most > 40 ? 40 : most);
}

// What does not hang on the operators; draw_layouts does the rest.
static void draw_shape(uint64_t seed, int most, int layers) {
    static const struct mr_precision precisions[] = {{16, 16}, {8, 16}, {8, 8}};
    struct built *to = &built[built_count++];
    struct shape *shape = &to->shape;
    uint64_t state = seed ^ UINT64_C(0x736861706573);
    to->drawn = true;
    to->seed = seed;
    shape->layers = random_between(&state, 1, layers);
    shape->outputs = random_between(&state, 1, 10);
    shape->sigmoid = random_between(&state, 0, 1);
    shape->target = random_between(&state, 0, 1) ? "u200" : NULL;
    shape->sizes[0] = draw_size(&state, most);
    for (int l = 0; l < shape->layers; l++) {
        shape->sizes[l + 1] = draw_size(&state, most);
        to->cell[l] = net_cell(&state);
        to->precision[l] = precisions[random_between(&state, 0, 2)];
        if (mr_op_kind_find(to->cell[l])->second_field)
            shape->cell_exponent[l] = random_between(&state, 0, 9);
    }
}

// So many products of a layer at most, that it is simulated soon.
enum { DRAWN_LANES = 1200 };

static void draw_layouts(struct built *to) {
    uint64_t state = to->seed ^ UINT64_C(0x6c61796f757473);
    int at = snprintf(to->name, sizeof to->name, "%d", to->shape.sizes[0]);
    for (int l = 0; l < to->shape.layers; l++) {
        const struct mr_op *op = mr_network_layer(&to->network, l);
        const int most = DRAWN_LANES / (op->kind->gates * op->units);
        struct mr_op_layout *layout = &to->layout[l];
        *layout = fixture_layout(&state, op, most > 1 ? most : 1);
        layout->crossing = 0; // the card's dies decide
        if (at < (int)sizeof to->name)
            at += snprintf(
                to->name + at, sizeof to->name - (size_t)at, " %s:%d/%d%s/%d w%da%d %d%s%s%s",
                to->cell[l], op->units, layout->lc, layout->h_first ? "h" : "", layout->passes,
                op->precision.weight_bits, op->precision.column_bits, layout->ports,
                layout->ports ? mr_storage_name(layout->memory) : "", layout->rest_from ? "+" : "",
                layout->rest_from ? mr_storage_name(layout->rest) : "");
    }
}

static int make_network(const struct built *from, struct mr_network *network, char *error,
                        size_t error_size) {
    const struct shape *shape = &from->shape;
    uint64_t seed = from->seed;
    int stream = 0;
    if (mr_network_create(network, shape->sizes[0]))
        return -1;
    for (int l = 0; l <= shape->layers + 1; l++) {
        const struct mr_op_kind *kind = mr_op_kind_find(l < shape->layers    ? from->cell[l]
                                                        : l == shape->layers ? "last"
                                                                             : "dense");
        const int units = l < shape->layers    ? shape->sizes[l + 1]
                          : l == shape->layers ? 0
                                               : shape->outputs;
        struct mr_op *op = mr_network_add(
            network, kind, stream, units,
            l > shape->layers && shape->sigmoid ? MR_ACTIVATION_SIGMOID : MR_ACTIVATION_LINEAR,
            error, error_size);
        if (!op)
            return -1;
        if (kind->recurrent)
            op->precision = from->precision[l];
        const size_t rows = (size_t)kind->gates * (size_t)op->units;
        const double scale = kind->recurrent ? 1.5 / sqrt((double)units) : 1;
        if (rows)
            fill(op->w_x, rows * (size_t)op->inputs, scale, &seed);
        if (kind->recurrent)
            fill(op->w_h, rows * (size_t)op->units, scale, &seed);
        if (rows)
            fill(op->bias, (size_t)mr_op_sums(op), kind->recurrent ? 2 * scale : 1, &seed);
        fill(op->constants, (size_t)mr_op_constants(op), 1, &seed);
        stream = op->output;
    }
    if (mr_network_output(network, stream, "y", error, error_size) ||
        mr_quantise(network, NULL, NULL, error, error_size))
        return -1;
    for (int l = 0; l < shape->layers; l++)
        network->ops[l].exponent = shape->cell_exponent[l];
    return 0;
}

// ---- building, two at a time

static int build_shape(struct built *to) {
    const struct shape *shape = &to->shape;
    struct mr_plan_request request = {.mode = MR_PLAN_LANES, .layout_count = shape->layers};
    const struct mr_target *target = mr_target_find(shape->target ? shape->target : "u55c");
    struct mr_plan plan;
    struct mr_error error = {0};
    if (make_network(to, &to->network, to->error, sizeof to->error))
        return -1;
    if (to->drawn)
        draw_layouts(to);
    memcpy(request.layouts, to->layout, sizeof to->layout);
    if (mr_plan_choose(&to->network, target, &request, &plan, to->error, sizeof to->error))
        return -1;
    if (mr_compile_plan(&plan, NULL, &to->compiled, &error)) {
        snprintf(to->error, sizeof to->error, "%s", error.text);
        return -1;
    }
    // The RTL's own assertions are on.
    const struct mr_build build = {.data_dir = to->compiled.places.data_dir,
                                   .gen_dir = to->compiled.gen_dir,
                                   .top = MR_NETWORK_TOP,
                                   .cache_dir = to->compiled.places.cache_dir,
                                   .assertions = true,
                                   .jobs = 1};
    return mr_build_model(&build, to->model_so, sizeof to->model_so, to->error, sizeof to->error) ||
                   mr_build_rtl(&build, to->rtl_so, sizeof to->rtl_so, to->error, sizeof to->error)
               ? -1
               : 0;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *build_some(void *argument) {
    for (int i; (i = atomic_fetch_add((atomic_int *)argument, 1)) < built_count;) {
        const double begin = seconds_now();
        if (build_shape(&built[i]) && !built[i].error[0])
            snprintf(built[i].error, sizeof built[i].error, "it failed without a sentence");
        built[i].seconds = seconds_now() - begin;
        printf("built %-24s %5.1f s\n", built[i].name, built[i].seconds);
        fflush(stdout);
    }
    return NULL;
}

static void build_all(void) {
    atomic_int next = 0;
    pthread_t threads[BUILDERS];
    int started = 0;
    while (started < BUILDERS && !pthread_create(&threads[started], NULL, build_some, &next))
        started++;
    if (!started)
        build_some(&next);
    while (started)
        pthread_join(threads[--started], NULL);
}

// ---- one shape on its devices

struct bench {
    const struct built *from;
    const struct shape *shape;
    const struct mr_plan *plan;
    const struct mr_report *report;
    const struct mr_network *network;
    int16_t *image;
    uint64_t beats;
    size_t inputs, row, outputs; // numbers of one step as the network and as the device takes it
    int16_t *x, *x_rows;         // (SEQUENCES * STEPS, inputs), (SEQUENCES * STEPS, row)
};

static struct mr_device *open_device(const struct bench *bench, const struct built *from,
                                     const char *uri, const struct mr_device_options *options) {
    const struct mr_image image = {
        .forms = {[MR_FORM_MODEL] = from->model_so, [MR_FORM_RTL] = from->rtl_so}};
    struct mr_error error;
    struct mr_device *device = mr_device_open(uri, &image, options, &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    ck_assert_msg(!mr_device_load_weights(device, bench->image, bench->beats, &error), "%s",
                  error.text);
    return device;
}

static void set_up(int i, struct bench *bench) {
    struct mr_error error;
    uint64_t seed = built[i].seed;
    ck_assert_msg(!built[i].error[0], "%s: %s (seed %llu)", built[i].name, built[i].error,
                  (unsigned long long)seed);
    *bench = (struct bench){.from = &built[i],
                            .shape = &built[i].shape,
                            .plan = &built[i].compiled.plan,
                            .report = built[i].compiled.report};
    bench->network = &built[i].network;
    bench->image = mr_weights_image(bench->plan, &bench->beats, &error);
    ck_assert_msg(bench->image != NULL, "%s", error.text);
    bench->inputs = (size_t)built[i].shape.sizes[0];
    bench->row = (size_t)(mr_plan_words((int)bench->inputs, bench->plan->x_lc) * bench->plan->x_lc);
    bench->outputs = (size_t)built[i].shape.outputs;
    bench->x = calloc(SEQUENCES * STEPS * bench->inputs, sizeof *bench->x);
    bench->x_rows = calloc(SEQUENCES * STEPS * bench->row, sizeof *bench->x_rows);
    ck_assert(bench->x && bench->x_rows);
    // Usual inputs, and in every third step some of the whole range, where gates saturate.
    for (size_t t = 0; t < SEQUENCES * STEPS; t++)
        for (size_t k = 0; k < bench->inputs; k++) {
            const double value = random_number(&seed, 1) * (t % 3 == 2 ? 32767 : 6000);
            bench->x[t * bench->inputs + k] = (int16_t)value;
            bench->x_rows[t * bench->row + k] = (int16_t)value;
        }
}

static void tear_down(struct bench *bench) {
    free(bench->image);
    free(bench->x);
    free(bench->x_rows);
}

// Runs from step `from` of the input on. Returns the cycles to the last output, 0 on hls:.
static uint64_t run(const struct bench *bench, struct mr_device *device, size_t from,
                    uint32_t sequences, uint32_t steps, uint32_t flags, int32_t *y) {
    struct mr_error error;
    struct mr_job job = {
        .sequences = sequences,
        .steps = steps,
        .flags = flags,
        .in = {{"x", bench->x_rows + from * bench->row,
                (uint64_t)sequences * steps * (bench->row / (size_t)bench->plan->x_lc)}},
        .out = {{"y", y, sequences * bench->outputs}}};
    ck_assert_msg(!mr_device_run(device, &job, &error), "%s: %s", bench->from->name, error.text);
    return job.cycles ? job.last_output_cycle + 1 : 0;
}

static void expect_bits(const struct bench *bench, const char *what, uint32_t sequences,
                        uint32_t steps, const int32_t *y) {
    int32_t wanted[SEQUENCES * 16];
    ck_assert_int_eq(mr_integer_run(bench->network, bench->x, sequences, steps, wanted), 0);
    for (size_t i = 0; i < sequences * bench->outputs; i++)
        ck_assert_msg(y[i] == wanted[i],
                      "%s, %s, %u sequences of %u steps: output %zu is %d and should be %d "
                      "(seed %llu)",
                      bench->from->name, what, sequences, steps, i, y[i], wanted[i],
                      (unsigned long long)bench->from->seed);
}

// Registers on the way to the lanes of a layer, where these lie in several dies.
static int crossing_of(const struct mr_plan *plan, int layer) {
    const struct mr_op *op = mr_network_layer(plan->network, layer);
    return plan->ops[op - plan->network->ops].layout.crossing;
}

// The steady state by the formula of the layer, from the sizes and the dies alone.
static uint64_t slowest_step(const struct bench *bench) {
    const struct shape *shape = bench->shape;
    static const int latency[] = {0,  24, 26, 27, 28, 29, 29, 29, 29, 30, 30,
                                  30, 30, 30, 30, 30, 30, 31, 31, 31, 31, 31,
                                  31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31};
    int slowest = 0;
    for (int l = 0; l < shape->layers; l++) {
        const int lc = shape->lc[l];
        const int columns = (shape->sizes[l] + lc - 1) / lc;
        const int d = latency[lc] + crossing_of(bench->plan, l);
        const int step = (columns > d ? columns : d) + (shape->sizes[l + 1] + lc - 1) / lc;
        slowest = step > slowest ? step : slowest;
    }
    return (uint64_t)slowest;
}

static uint64_t planned_cycles(const struct bench *bench, uint32_t sequences, uint32_t steps) {
    struct mr_timing_result timing;
    char text[900];
    ck_assert_msg(!mr_timing_run(bench->report, 1, sequences, steps, &timing, text, sizeof text),
                  "%s", text);
    return timing.cycles;
}

static uint64_t check_planned(const struct bench *bench, struct mr_device *cpu,
                              struct mr_device *sim, uint32_t sequences, uint32_t steps) {
    int32_t y[SEQUENCES * 16];
    run(bench, cpu, 0, sequences, steps, MR_FLAG_RESET, y);
    expect_bits(bench, "hls:", sequences, steps, y);
    const uint64_t cycles = run(bench, sim, 0, sequences, steps, MR_FLAG_RESET, y);
    expect_bits(bench, "sim:", sequences, steps, y);
    const uint64_t planned = planned_cycles(bench, sequences, steps);
    ck_assert_msg(cycles == planned, "%s, %u sequences of %u steps: %llu cycles, planned %llu",
                  bench->from->name, sequences, steps, (unsigned long long)cycles,
                  (unsigned long long)planned);
    return cycles;
}

// A sequence in single steps, and in two parts: every output is that of the sequence so far.
static void check_state(const struct bench *bench, struct mr_device *device, const char *what) {
    enum { FIRST = 6 };
    int32_t y[16];
    for (uint32_t t = 0; t < STEPS; t++) {
        run(bench, device, t, 1, 1, t ? 0 : MR_FLAG_RESET, y);
        expect_bits(bench, what, 1, t + 1, y);
    }
    run(bench, device, 0, 1, FIRST, MR_FLAG_RESET, y);
    run(bench, device, FIRST, 1, STEPS - FIRST, 0, y);
    expect_bits(bench, what, 1, STEPS, y);
}

static void check_stalls(const struct bench *bench, const struct built *from) {
    static const struct { uint32_t idle, stall; } chances[] = {{128, 0}, {0, 200}, {90, 90}};
    int32_t y[SEQUENCES * 16];
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        const struct mr_device_options options = {.idle_chance = chances[i].idle,
                                                  .stall_chance = chances[i].stall,
                                                  .seed = first_seed + i};
        struct mr_device *sim = open_device(bench, from, "sim:", &options);
        const uint64_t cycles = run(bench, sim, 0, SEQUENCES, STEPS, MR_FLAG_RESET, y);
        expect_bits(bench, "sim: with stalls", SEQUENCES, STEPS, y);
        ck_assert_uint_ge(cycles, planned_cycles(bench, SEQUENCES, STEPS));
        if (i == 2)
            check_state(bench, sim, "sim: step by step with stalls");
        mr_device_close(sim);
    }
}

START_TEST(a_shape_runs_as_planned) {
    struct bench bench;
    set_up(_i, &bench);
    struct mr_device *cpu = open_device(&bench, &built[_i], "hls:", NULL);
    struct mr_device *sim = open_device(&bench, &built[_i], "sim:", NULL);
    const uint64_t step = bench.from->drawn ? bench.plan->interval : slowest_step(&bench);
    ck_assert_uint_eq(bench.plan->interval, step);
    check_planned(&bench, cpu, sim, 1, 1);
    const uint64_t two = check_planned(&bench, cpu, sim, 1, 2);
    const uint64_t all = check_planned(&bench, cpu, sim, 1, STEPS);
    check_planned(&bench, cpu, sim, SEQUENCES, 1);
    check_planned(&bench, cpu, sim, SEQUENCES, 2);
    const uint64_t more = check_planned(&bench, cpu, sim, SEQUENCES, STEPS);
    printf("%-24s %6llu lanes %4llu cycles a step, %u steps in %6llu cycles, %u x %u in %7llu\n",
           bench.from->name, (unsigned long long)bench.plan->multipliers, (unsigned long long)step,
           STEPS, (unsigned long long)all, SEQUENCES, STEPS, (unsigned long long)more);
    // Every further step, of this sequence or the next, costs a step of the slowest layer.
    if (!bench.from->drawn) {
        ck_assert_uint_eq(all - two, (STEPS - 2) * step);
        ck_assert_uint_eq(more - all, (SEQUENCES - 1) * STEPS * step);
    }
    check_state(&bench, cpu, "hls: step by step");
    check_state(&bench, sim, "sim: step by step");
    mr_device_close(cpu);
    mr_device_close(sim);
    check_stalls(&bench, &built[_i]);
    tear_down(&bench);
}
END_TEST

// Layers work at the same time: one more costs about a step of fill and not a sequence.
START_TEST(a_further_layer_costs_a_step) {
    uint64_t cycles[2];
    uint64_t step = 0;
    for (int n = 0; n < 2; n++) {
        const int i = n ? EQUAL_LAYERS : ONE_LAYER;
        struct bench bench;
        int32_t y[16];
        set_up(i, &bench);
        struct mr_device *sim = open_device(&bench, &built[i], "sim:", NULL);
        cycles[n] = run(&bench, sim, 0, 1, STEPS, MR_FLAG_RESET, y);
        step = slowest_step(&bench);
        mr_device_close(sim);
        tear_down(&bench);
    }
    const uint64_t layer = (cycles[1] - cycles[0]) / 2;
    printf("a further layer of 25 costs %llu cycles; a step takes %llu, %u steps %llu\n",
           (unsigned long long)layer, (unsigned long long)step, STEPS,
           (unsigned long long)(STEPS * step));
    ck_assert_uint_ge(layer, step);
    ck_assert_uint_le(layer, 2 * step);
}
END_TEST

int main(int argc, char **argv) {
    enum { FEW = 3, MANY = 100 };
    const bool is_long = argc > 1 && strcmp(argv[1], "long") == 0;
    const bool drawn = argc > 1 && strcmp(argv[1], "drawn") == 0;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    const int count = argc > 3 ? atoi(argv[3]) : drawn ? MANY : is_long ? 0 : FEW;
    mkdir("build", 0777);
    setenv("MILLRACE_CACHE", "build/cache", 0);
    printf("cycles_test: seed %llu\n", (unsigned long long)first_seed);
    fflush(stdout);
    built = calloc((size_t)(SHAPES + (count > 0 ? count : 0)), sizeof *built);
    net_need(built != NULL, "not enough memory");
    for (int i = 0; i < SHAPES && !drawn; i++)
        if (shapes[i].slow == is_long)
            take_shape(&shapes[i], first_seed + (uint64_t)i);
    for (int i = 0; i < count; i++)
        draw_shape(first_seed + (uint64_t)i, drawn ? 200 : 12, drawn ? MAX_LAYERS : 2);
    build_all();
    Suite *suite = suite_create("cycles");
    TCase *cases = tcase_create("cycles");
    tcase_set_timeout(cases, drawn ? 1200 : 300);
    tcase_add_loop_test(cases, a_shape_runs_as_planned, 0, built_count);
    if (!is_long && !drawn)
        tcase_add_test(cases, a_further_layer_costs_a_step);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    for (int i = 0; i < built_count; i++) {
        mr_compiled_free(&built[i].compiled);
        mr_network_free(&built[i].network);
    }
    free(built);
    return failed != 0;
}
