// SPDX-License-Identifier: Apache-2.0
// The folded kernel and all that belongs to it: random networks of all cells and precisions whose
// programs the kernel runs, compiled by gcc and, some of them, by Verilator with idle inputs and
// slow outputs, against the integer walker, bit for bit; several networks one after another;
// sequences in parts, the state taken out and put back; what cannot be run.
// Usage: folded_test [SEED [COUNT]]
#define _POSIX_C_SOURCE 200809L
#include "folded_device.h"
#include "folded_image.h"
#include "folded_pipe.h"
#include "made_network.h"
#include "plan_job.h"
#include "state_image.h"
#include "weights_image.h"

#include <check.h>
#include <stdlib.h>

static uint64_t first_seed = 1;
static int network_count = 60;

static const char *const cells[] = {"lstm", "gru", "gru_reset_first", "rnn_tanh", "rnn_relu"};
enum { CELLS = sizeof cells / sizeof *cells };

// Layers, dense ones between them perhaps, and heads at each step and behind the last one.
static void draw(struct made *m, uint64_t *state, int units_most, int cell) {
    struct mr_network *n = &m->network;
    const int layers = random_between(state, 1, 3);
    net_create(n, random_between(state, 1, 12), "folded");
    int stream = 0;
    for (int l = 0; l < layers; l++) {
        const char *kind = cells[l == 0 ? cell : random_between(state, 0, CELLS - 1)];
        stream =
            net_add(n, kind, stream, random_between(state, 1, units_most), MR_ACTIVATION_LINEAR);
        if (random_between(state, 0, 3) == 0)
            stream =
                net_add(n, "dense", stream, random_between(state, 1, 9), net_activation(state));
    }
    const bool wide = random_bits(state) & 1; // numbers for the host, or vectors
    if (random_bits(state) & 1)
        net_output(
            n,
            wide ? net_add(n, "dense", stream, random_between(state, 1, 9), net_activation(state))
                 : stream,
            "steps");
    const int last = net_add(n, "last", stream, 0, MR_ACTIVATION_LINEAR);
    net_output(n,
               wide ? net_add(n, "dense", last, random_between(state, 1, 5), net_activation(state))
                    : last,
               "y");
    net_weights(n, state, 0.7);
    net_precisions(n, state);
}

static void plan_of(const struct mr_network *n, struct mr_plan *plan, uint64_t *state) {
    struct mr_op_layout layouts[MR_MAX_LAYERS] = {0};
    char error[600];
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].kind->recurrent)
            layouts[n->ops[i].layer] = (struct mr_op_layout){
                .lc = random_between(state, 1, n->ops[i].units < 4 ? n->ops[i].units : 4),
                .passes = 1};
    ck_assert_msg(mr_plan_evaluate(n, layouts, 1, plan, error, sizeof error) == 0, "%s", error);
}

// A job on the device; y: as the walker gives it.
static void run(struct mr_folded_device *device, const struct mr_plan *plan, const int16_t *x_q,
                uint32_t sequences, uint32_t steps, bool reset, int32_t *y) {
    struct data data = deal(plan, x_q, sequences, steps);
    struct mr_error error = {0};
    struct mr_job job = {.sequences = sequences,
                         .steps = steps,
                         .flags = reset ? MR_FLAG_RESET : 0,
                         .in = {{"x", data.x, data.x_words}},
                         .out = {{"y", data.y, data.y_words}}};
    ck_assert_msg(mr_folded_run(device, &job, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(job.done, sequences);
    collect(plan, &data, sequences, steps, y);
    free(data.x);
    free(data.y);
}

static void compare(const struct made *m, const char *what, const int32_t *y, const int32_t *wanted,
                    size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(y[i] == wanted[i], "seed %llu, %s: number %zu of %zu is %d, not %d",
                      (unsigned long long)m->seed, what, i, count, y[i], wanted[i]);
}

// One step after another, the state taken out and put back between them.
static void run_steps(struct mr_folded_device *device, const struct mr_plan *plan,
                      const int16_t *x_q, uint32_t steps, const struct made *m) {
    const struct mr_network *n = plan->network;
    const size_t inputs = (size_t)n->streams[0].width, row = (size_t)mr_network_width(n);
    const uint32_t beats = mr_state_total_beats(plan);
    int16_t *state = make(beats * MR_IMAGE_BEAT, sizeof *state);
    int32_t *y = make(row, sizeof *y), *wanted = make(steps * row, sizeof *wanted);
    struct mr_error error;
    for (uint32_t t = 0; t < steps; t++) {
        run(device, plan, x_q + t * inputs, 1, 1, t == 0, y);
        ck_assert_int_eq(mr_folded_read_state(device, state, beats, &error), 0);
        run(device, plan, x_q, 1, 1, true, y + 0); // something else
        ck_assert_int_eq(mr_folded_write_state(device, state, beats, &error), 0);
    }
    run(device, plan, x_q + (steps - 1) * inputs, 1, 1, false, y); // once more the last one
    int16_t *longer = make((steps + 1) * inputs, sizeof *longer);
    memcpy(longer, x_q, steps * inputs * sizeof *longer);
    memcpy(longer + steps * inputs, x_q + (steps - 1) * inputs, inputs * sizeof *longer);
    int32_t *all = make(mr_network_numbers(n, steps + 1), sizeof *all);
    ck_assert_int_eq(mr_integer_run(n, longer, 1, steps + 1, all), 0);
    const int32_t *from = all;
    for (int o = 0, at = 0; o < n->output_count; o++) {
        const struct mr_stream *stream = &n->streams[n->outputs[o].stream];
        const size_t numbers = mr_output_numbers(n, o, steps + 1);
        memcpy(wanted + at, from + numbers - (size_t)stream->width,
               (size_t)stream->width * sizeof *wanted);
        from += numbers;
        at += stream->width;
    }
    compare(m, "step by step", y, wanted, row);
    free(state);
    free(y);
    free(wanted);
    free(longer);
    free(all);
}

static void check_network(struct made *m, uint64_t *state, struct folded_pipe *pipe, int most) {
    const struct mr_network *n = &m->network;
    struct mr_plan plan;
    struct mr_folded_image image;
    struct mr_error error = {0};
    plan_of(n, &plan, state);
    ck_assert_msg(mr_folded_image_make(&plan, &image, &error) == 0, "seed %llu: %s",
                  (unsigned long long)m->seed, error.text);
    const uint32_t sequences = (uint32_t)random_between(state, 1, 3);
    const uint32_t steps = (uint32_t)random_between(state, 1, most);
    const uint32_t room = (uint32_t)random_between(state, 2, 200);
    const size_t rows = (size_t)sequences * steps, count = sequences * mr_network_numbers(n, steps);
    float *x = random_x(m, state, rows, random_bits(state) & 1 ? 1 : 8);
    int16_t *x_q = make(rows * (size_t)n->streams[0].width, sizeof *x_q);
    int32_t *wanted = make(count, sizeof *wanted), *y = make(count, sizeof *y);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, m->error, sizeof m->error), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, wanted), 0);
    const struct mr_word_pipe words = folded_words(pipe, room);
    struct mr_folded_device *device =
        mr_folded_open(&words, &image.program, "the folded kernel", &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    run(device, &plan, x_q, sequences, steps, true, y);
    compare(m, "all at once", y, wanted, count);
    run_steps(device, &plan, x_q, steps < 4 ? steps : 4, m);
    mr_folded_close(device);
    mr_folded_image_free(&image);
    free(x);
    free(x_q);
    free(wanted);
    free(y);
}

// Random networks until so many were possible.
static void check_networks(struct folded_pipe *pipe, int count, int units_most, int steps_most) {
    int refused = 0;
    for (int i = 0; i - refused < count; i++) {
        struct made m = {.seed = first_seed + (uint64_t)i};
        uint64_t state = m.seed ^ UINT64_C(0x666f6c646564);
        draw(&m, &state, units_most, i % CELLS);
        if (calibrate_as_told(&m, &state))
            refused++;
        else
            check_network(&m, &state, pipe, steps_most);
        mr_network_free(&m.network);
        ck_assert_int_le(refused, count / 2 + 10);
    }
}

START_TEST(random_networks) {
    struct folded_pipe *pipe = folded_pipe_open(false, 0, 0, 0);
    check_networks(pipe, network_count, 33, 40);
    folded_pipe_close(pipe);
}
END_TEST

START_TEST(random_networks_as_rtl) {
    static const uint32_t chances[][2] = {{0, 0}, {100, 100}};
    for (size_t c = 0; c < sizeof chances / sizeof *chances; c++) {
        struct folded_pipe *pipe = folded_pipe_open(true, chances[c][0], chances[c][1], first_seed);
        check_networks(pipe, network_count / 10, 9, 5);
        folded_pipe_close(pipe);
    }
}
END_TEST

int main(int argc, char **argv) {
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        network_count = atoi(argv[2]);
    printf("random networks from seed %llu on, %d of them\n", (unsigned long long)first_seed,
           network_count);
    Suite *suite = suite_create("folded");
    TCase *tests = tcase_create("folded");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, random_networks);
    tcase_add_test(tests, random_networks_as_rtl);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
