// SPDX-License-Identifier: Apache-2.0
// The folded kernel and all that belongs to it: random networks of all cells and precisions whose
// programs the kernel runs, compiled by gcc and, some of them, by Verilator with idle inputs and
// slow outputs, against the integer walker, bit for bit; several networks one after another;
// sequences in parts, the state taken out and put back; what cannot be run.
// Usage: folded_test [SEED [COUNT]]
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "folded_device.h"
#include "folded_image.h"
#include "folded_pipe.h"
#include "folded_plan.h"
#include "made_network.h"
#include "model.h"
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

// The states that a sequence starts from, as a session writes them.
static void write_starts(struct mr_folded_device *device, const struct mr_plan *plan,
                         uint64_t sequence) {
    const uint32_t beats = mr_state_total_beats(plan);
    int16_t *state = make(beats * MR_IMAGE_BEAT, sizeof *state);
    struct mr_error error;
    mr_state_begin(plan, 0, sequence, state);
    ck_assert_int_eq(mr_folded_write_state(device, state, beats, &error), 0);
    free(state);
}

// A job on the device, or one for each sequence where they start from states of their own; y: as
// the walker gives it. Their cycles.
static uint64_t run(struct mr_folded_device *device, const struct mr_plan *plan, const int16_t *x_q,
                    uint32_t sequences, uint32_t steps, bool reset, int32_t *y) {
    struct data data = deal(plan, x_q, sequences, steps);
    const bool starts = reset && mr_network_starts(plan->network) > 0;
    const uint32_t most = starts ? 1 : sequences;
    const size_t x_words = data.x_words / sequences, y_words = data.y_words / sequences;
    uint64_t cycles = 0;
    for (uint32_t done = 0; done < sequences; done += most) {
        struct mr_error error = {0};
        struct mr_job job = {
            .sequences = most,
            .steps = steps,
            .flags = reset && !starts ? MR_FLAG_RESET : 0,
            .in = {{"x", data.x + done * x_words * (size_t)plan->x_lc, most * x_words}},
            .out = {{"y", data.y + done * y_words * data.y_bytes, most * y_words}}};
        if (starts)
            write_starts(device, plan, done);
        ck_assert_msg(mr_folded_run(device, &job, &error) == 0, "%s", error.text);
        ck_assert_uint_eq(job.done, most);
        cycles += job.cycles;
    }
    collect(plan, &data, sequences, steps, y);
    free(data.x);
    free(data.y);
    return cycles;
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

// A step that gives more than there is room for is due alone.
static size_t most_due(const struct mr_folded_image *image, uint32_t room) {
    size_t row = 0;
    for (uint32_t o = 0; o < image->program.output_count; o++)
        row += image->program.outputs[o].width * (image->program.y_wide ? 2 : 1);
    return row > room ? row : room;
}

static void check_network(struct made *m, uint64_t *state, struct folded_pipe *pipe, int most) {
    const struct mr_network *n = &m->network;
    struct mr_plan plan;
    struct mr_folded_image image;
    struct mr_error error = {0};
    plan_of(n, &plan, state);
    ck_assert_msg(mr_folded_image_make(&plan, pipe->rows, &image, &error) == 0, "seed %llu: %s",
                  (unsigned long long)m->seed, error.text);
    const uint32_t sequences = (uint32_t)random_between(state, 1, 3);
    const uint32_t steps = (uint32_t)random_between(state, 1, most);
    const uint32_t room = pipe->whole ? FOLDED_PIPE_WORDS : (uint32_t)random_between(state, 2, 200);
    const size_t rows = (size_t)sequences * steps, count = sequences * mr_network_numbers(n, steps);
    float *x = random_x(m, state, rows, random_bits(state) & 1 ? 1 : 8);
    int16_t *x_q = make(rows * (size_t)n->streams[0].width, sizeof *x_q);
    int32_t *wanted = make(count, sizeof *wanted), *y = make(count, sizeof *y);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, m->error, sizeof m->error), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, wanted), 0);
    const struct mr_word_pipe words = folded_words(pipe, room);
    pipe->most_due = 0;
    struct mr_folded_device *device =
        mr_folded_open(&words, &image.program, "the folded kernel", &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    const uint64_t cycles = run(device, &plan, x_q, sequences, steps, true, y);
    compare(m, "all at once", y, wanted, count);
    ck_assert_uint_le(pipe->most_due, pipe->whole ? SIZE_MAX : most_due(&image, room));
    if (pipe->whole) {
        struct mr_folded_plan planned;
        struct mr_board board = *mr_board_at(0);
        board.rows = (int)pipe->rows;
        ck_assert_int_eq(mr_folded_plan_make(n, &board, &planned, &error), 0);
        ck_assert_msg(cycles == mr_folded_cycles(&planned, sequences, steps),
                      "seed %llu: %llu cycles, planned are %llu", (unsigned long long)m->seed,
                      (unsigned long long)cycles,
                      (unsigned long long)mr_folded_cycles(&planned, sequences, steps));
    }
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

// Rows of the instances: the boards' one takes most networks.
static const uint32_t instances[] = {4, 8, 16};
enum { INSTANCES = sizeof instances / sizeof *instances };

START_TEST(random_networks) {
    struct folded_pipe *pipe = folded_pipe_open(instances[_i], false, 0, 0, 0);
    check_networks(pipe, _i ? network_count / 3 : network_count, 33, 40);
    folded_pipe_close(pipe);
}
END_TEST

START_TEST(random_networks_as_rtl) {
    static const uint32_t chances[][2] = {{0, 0}, {100, 100}};
    for (size_t c = 0; c < sizeof chances / sizeof *chances; c++) {
        struct folded_pipe *pipe =
            folded_pipe_open(instances[_i], true, chances[c][0], chances[c][1], first_seed);
        pipe->whole = c == 0; // its cycles are counted
        check_networks(pipe, _i ? network_count / 12 : network_count / 6, 33, 5);
        folded_pipe_close(pipe);
    }
}
END_TEST

// What the kernel has no room for, or no program, is told in one sentence.
static void refuses(struct mr_network *n, const char *words) {
    struct mr_folded_plan plan;
    struct mr_error error = {0};
    net_quantise(n, NULL);
    ck_assert_int_eq(mr_folded_plan_make(n, mr_board_at(0), &plan, &error), MR_ERROR_PLAN);
    ck_assert_msg(strstr(error.text, words) != NULL, "no '%s' in: %s", words, error.text);
    mr_network_free(n);
}

static void refuses_chain(const char *kind, int layers, int units, const char *words) {
    struct mr_network n;
    const int all[8] = {units, units, units, units, units, units, units, units};
    net_chain(&n, kind, 20, layers, all, 1, MR_ACTIVATION_LINEAR);
    refuses(&n, words);
}

START_TEST(refusals) {
    refuses_chain("lstm", 1, 65, "the lstm0 has 260 sums, and the kernel 256");
    refuses_chain("gru", 3, 64, "its weights are more than the 16384 memory words of 4 weights");
    refuses_chain("lstm", 8, 40, "its rows and states are more than the 512 numbers");
    refuses_chain("lstm_peephole", 1, 4, "layer 0 is of the kind lstm_peephole");
    struct mr_network n;
    net_create(&n, 3, "other");
    const int stream = net_add(&n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    n.ops[0].places[MR_PLACE_G].kind = MR_ACTIVATION_SOFTSIGN;
    net_output(&n, stream, "y");
    refuses(&n, "layer 0 has other activations");
    net_create(&n, 3, "mean");
    const int mean = net_add(&n, "mean", net_add(&n, "gru", 0, 4, MR_ACTIVATION_LINEAR), 0,
                             MR_ACTIVATION_LINEAR);
    net_output(&n, net_add(&n, "dense", mean, 1, MR_ACTIVATION_LINEAR), "y");
    refuses(&n, "pool is an operator of the kind mean, which it does not have");
    net_create(&n, 3, "far");
    const int far = net_add(&n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    n.ops[0].greatest = 100;
    net_output(&n, far, "y");
    refuses(&n, "the cell states of layer 0 go beyond +-128");
}
END_TEST

// A device that was built with less, with other rows, or tells rows that no kernel has.
START_TEST(limits_of_a_device) {
    struct folded_pipe *pipe = folded_pipe_open(FOLDED_ROWS, false, 0, 0, 0);
    struct mr_network n;
    const int units[] = {25, 25};
    struct mr_plan plan;
    struct mr_folded_image image;
    struct mr_error error = {0};
    uint64_t state = first_seed;
    net_chain(&n, "lstm", 24, 2, units, 1, MR_ACTIVATION_LINEAR);
    net_quantise(&n, NULL);
    plan_of(&n, &plan, &state);
    ck_assert_int_eq(mr_folded_image_make(&plan, pipe->rows, &image, &error), 0);
    struct mr_word_pipe words = folded_words(pipe, 64);
    words.limits.words = 1000;
    ck_assert_ptr_null(mr_folded_open(&words, &image.program, "usb:", &error));
    ck_assert_msg(strstr(error.text, "usb:: the network needs 2724 memory words, ") != NULL, "%s",
                  error.text);
    words = folded_words(pipe, 64);
    words.limits.rows = 8;
    ck_assert_ptr_null(mr_folded_open(&words, &image.program, "usb:", &error));
    ck_assert_str_eq(error.text, "usb:: the network's program is for 4 rows at a time, and the "
                                 "kernel on the device takes 8");
    mr_folded_image_free(&image);
    for (uint32_t rows = 0; rows < 66; rows++) {
        const bool is_known = rows == 4 || rows == 8 || rows == 16;
        ck_assert_int_eq(mr_folded_image_make(&plan, rows, &image, &error),
                         is_known ? 0 : MR_ERROR_DEVICE);
        mr_folded_image_free(&image);
    }
    mr_network_free(&n);
    folded_pipe_close(pipe);
}
END_TEST

// NASA's test engines through the sample networks, one after another on one kernel, at each
// precision. The sample data are optional.
START_TEST(sample_networks) {
    static const char data[] = "../shared/models/";
    static const char *const names[] = {"turbofan_lstm2x25_rul", "turbofan_gru2x64_rul",
                                        "turbofan_lstm2x25_fail30"};
    static const char *const precisions[] = {"w16a16", "w8a16", "w8a8"};
    char path[256], text[600];
    struct mr_array calibration, x;
    snprintf(path, sizeof path, "%sturbofan_test_x.npy", data);
    if (mr_array_read(path, &x, NULL, 0, text, sizeof text)) {
        puts("skipped: no sample networks in ../shared/models");
        return;
    }
    snprintf(path, sizeof path, "%sturbofan_calib_x.npy", data);
    ck_assert_int_eq(mr_array_read(path, &calibration, NULL, 0, text, sizeof text), 0);
    struct folded_pipe *pipe = folded_pipe_open(FOLDED_ROWS, false, 0, 0, 0);
    for (size_t k = 0; k < 9; k++) {
        const struct mr_import_options options = {MR_IMPORT_OPTIONS_INIT,
                                                  .precision = precisions[k / 3]};
        struct mr_model_data model;
        struct made m = {.seed = k};
        struct mr_plan plan;
        struct mr_folded_image image;
        struct mr_error error = {0};
        uint64_t state = first_seed;
        snprintf(path, sizeof path, "%s%s.onnx", data, names[k % 3]);
        ck_assert_msg(mr_import_onnx(path, &calibration, &options, &model, text, sizeof text) == 0,
                      "%s", text);
        const struct mr_network *n = &model.network;
        const uint32_t sequences = k ? 10 : (uint32_t)x.shape[0], steps = (uint32_t)x.shape[1];
        const size_t rows = (size_t)sequences * steps;
        const size_t count = sequences * mr_network_numbers(n, steps);
        int16_t *x_q = make(rows * (size_t)n->streams[0].width, sizeof *x_q);
        int32_t *wanted = make(count, sizeof *wanted), *y = make(count, sizeof *y);
        ck_assert_int_eq(mr_quantise_input(n, x.data, rows, x_q, NULL, text, sizeof text), 0);
        ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, wanted), 0);
        plan_of(n, &plan, &state);
        ck_assert_msg(mr_folded_image_make(&plan, pipe->rows, &image, &error) == 0, "%s",
                      error.text);
        const struct mr_word_pipe words = folded_words(pipe, 64);
        struct mr_folded_device *device = mr_folded_open(&words, &image.program, "folded", &error);
        ck_assert_msg(device != NULL, "%s", error.text);
        run(device, &plan, x_q, sequences, steps, true, y);
        compare(&m, names[k % 3], y, wanted, count);
        mr_folded_close(device);
        mr_folded_image_free(&image);
        free(x_q);
        free(wanted);
        free(y);
        mr_model_data_free(&model);
    }
    folded_pipe_close(pipe);
    mr_array_free(&calibration);
    mr_array_free(&x);
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
    tcase_add_loop_test(tests, random_networks, 0, INSTANCES);
    tcase_add_loop_test(tests, random_networks_as_rtl, 0, INSTANCES);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, limits_of_a_device);
    tcase_add_test(tests, sample_networks);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
