// SPDX-License-Identifier: Apache-2.0
// Engines against the integer walker, bit for bit: random networks of all operators, with inputs
// that saturate, on the kernels of every kind that this processor runs; sequences side by side, in
// slots, one after the other and in parts, with the state read and written between; by 1, 2, 3 and
// 7 threads, in layers so large that these share them too; and all kernels and threads count alike
// what was cut, as operators that go row by row do.
// Usage: engine_test [SEED [COUNT]]: COUNT networks, 120 if not given.
#define _POSIX_C_SOURCE 200809L
#include "engine_fixture.h"
#include "packed.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(random_networks) {
    check_random_networks();
}
END_TEST

// Layers of so many units that threads share them, with one behind that they do not.
START_TEST(large_layers) {
    static const char *const cells[] = {"lstm", "gru", "rnn_tanh", "lstm_peephole",
                                        "gru_reset_first"};
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++) {
        struct made m = {.seed = first_seed + c};
        uint64_t state = m.seed ^ UINT64_C(0x6c61726765);
        struct mr_network *n = &m.network;
        net_create(n, random_between(&state, 1, MADE_INPUTS), "large");
        int stream = net_add(n, cells[c], 0, random_between(&state, 256, 330), MR_ACTIVATION_TANH);
        stream = net_add(n, cells[c], stream, random_between(&state, 1, 140), MR_ACTIVATION_TANH);
        net_output(n, net_add(n, "dense", stream, 3, MR_ACTIVATION_LINEAR), "each");
        stream = net_add(n, "last", stream, 0, MR_ACTIVATION_LINEAR);
        net_output(n, net_add(n, "dense", stream, 9, MR_ACTIVATION_LINEAR), "last");
        net_weights(n, &state, 0.3);
        n->ops[0].precision = mr_precision_at(random_between(&state, 0, MR_PRECISIONS - 1));
        ck_assert_msg(calibrate_as_told(&m, &state) == 0, "%s: %s", cells[c], m.error);
        check_network(&m, &state, true);
        mr_network_free(n);
    }
}
END_TEST

// A row of a GRU's n whose weights are together more than a sum may have, but not over x nor over
// h, which it keeps apart.
START_TEST(parts_fit) {
    struct made m = {.seed = 1};
    uint64_t state = 3;
    struct mr_network *n = &m.network;
    int why;
    net_create(n, 70, "parts");
    net_output(n, net_add(n, "gru", 0, 635, MR_ACTIVATION_TANH), "y");
    struct mr_op *op = &n->ops[0];
    for (size_t i = 0; i < 3 * 635 * 70; i++)
        op->w_x[i] = random_bits(&state) & 1 ? 0.1f : -0.1f;
    for (size_t i = 0; i < 3 * 635 * 635; i++)
        op->w_h[i] = random_bits(&state) & 1 ? 0.1f : -0.1f;
    ck_assert_msg(calibrate_as_told(&m, &state) == 0, "%s", m.error);
    const int16_t *row = op->rows.weight + (size_t)(op->rows.rows - 1) * (size_t)op->rows.columns;
    int64_t size = 0;
    for (int k = 0; k < op->rows.columns; k++)
        size += abs(row[k]);
    ck_assert_int_gt(size, 1 << 24);
    struct mr_packed *packed = mr_packed_make(n, op, mr_kernels_at(0), &why);
    ck_assert_ptr_nonnull(packed);
    mr_packed_free(packed);
    check_network(&m, &state, false);
    mr_network_free(n);
}
END_TEST

// Rows whose sums reach to the last number that they may have, as no calibration draws them; what
// weights leave is the bias. With x at its end a high part alone is more than 32 bits hold.
static void fill_to_bound(struct mr_rows *rows, int x_columns, int shift, int32_t size_of_row) {
    const int64_t bias = (INT64_C(1) << MR_SUM_BITS) - 1 - (int64_t)size_of_row * 32768;
    for (int row = 0; row < rows->rows; row++) {
        int16_t *weight = rows->weight + (size_t)row * (size_t)rows->columns;
        int32_t left = size_of_row;
        for (int k = 0; k < rows->columns; k++) {
            const int32_t size = k >= x_columns ? 0 : left < INT16_MAX ? left : INT16_MAX;
            weight[k] = (int16_t)(row & 1 ? size : -size);
            left -= size;
        }
        ck_assert_int_eq(left, 0);
    }
    for (int sum = 0; sum < rows->sums; sum++) {
        rows->bias[sum] = sum & 1 ? -bias : bias;
        rows->shift[sum] = shift;
    }
}

START_TEST(sums_at_their_bound) {
    enum { INPUTS = 513, STEPS = 6 };
    // rnn_relu with shifts below 8 goes unit by unit.
    static const char *const kinds[] = {"dense", "rnn_relu", "rnn_tanh", "lstm", "gru"};
    static const int shifts[] = {MR_SHIFT_MIN, 7, 8, MR_SHIFT_MAX};
    static const int32_t sizes[] = {(1 << 24) - 1, (1 << 24) - 3, 1 << 23, 0};
    static const int16_t ends[STEPS] = {INT16_MIN, INT16_MAX, 128, -128, 32640, 0};
    static int16_t x[STEPS * INPUTS];
    for (size_t i = 0; i < STEPS * INPUTS; i++)
        x[i] = ends[i / INPUTS];
    for (size_t i = 0; i < 4 * 4 * sizeof kinds / sizeof *kinds; i++) {
        struct made m = {.seed = i};
        struct mr_network *n = &m.network;
        struct mr_op_layout layouts[] = {{.lc = 1, .passes = 1}, {.lc = 1, .passes = 1}};
        static const int32_t frac[INPUTS];
        int32_t wanted[(1 + 2) * STEPS];
        net_create(n, INPUTS, "bound");
        // No network is without a recurrent layer.
        net_output(n, net_add(n, "rnn_tanh", 0, 1, MR_ACTIVATION_LINEAR), "one");
        net_output(n, net_add(n, kinds[i / 16], 0, 2, MR_ACTIVATION_LINEAR), "y");
        net_quantise(n, frac);
        for (int o = 0; o < n->op_count; o++) {
            struct mr_rows *rows = &n->ops[o].rows;
            fill_to_bound(rows, INPUTS, shifts[i % 4], sizes[i / 4 % 4]);
            ck_assert_msg(mr_rows_check(rows, 16, INPUTS, "row", m.error, sizeof m.error) == 0,
                          "%s", m.error);
        }
        struct checked c = {.made = &m, .sequences = 1, .steps = STEPS, .x = x, .wanted = wanted};
        ck_assert_msg(mr_plan_evaluate(n, layouts, 1, &c.plan, m.error, sizeof m.error) == 0, "%s",
                      m.error);
        ck_assert_int_eq(mr_integer_run(n, x, 1, STEPS, wanted), 0);
        for (size_t k = 0; mr_kernels_at(k); k++)
            check_engine(&c, mr_kernels_at(k)->name, 1);
        mr_network_free(n);
    }
    unsetenv("MILLRACE_CPU");
}
END_TEST

// An LSTM in batches, whose sums with x and with h are one: weights and x at their ends, as many
// columns as one estimate holds, and one more; columns of 8 bits with every kind of shift.
START_TEST(batches_at_their_bound) {
    enum { HELD = 169, MOST_INPUTS = 180, UNITS = 2, STEPS = 4, SEQUENCES = 8 };
    static const int inputs[] = {1, 62, HELD, HELD + 1, MOST_INPUTS};
    static const int shifts[] = {MR_SHIFT_MIN, 7, 8, 12, MR_SHIFT_MAX};
    static const int16_t ends[] = {INT16_MIN, INT16_MAX, 32639, -32640, 127, 0};
    enum { INPUTS = sizeof inputs / sizeof *inputs, SHIFTS = sizeof shifts / sizeof *shifts };
    static int16_t x[SEQUENCES * STEPS * MOST_INPUTS];
    static const int32_t frac[MOST_INPUTS];
    for (int i = 0; i < INPUTS * SHIFTS * 4; i++) {
        struct made m = {.seed = (uint64_t)i};
        struct mr_network *n = &m.network;
        struct mr_op_layout layouts[] = {{.lc = 1, .passes = 1}};
        int32_t wanted[SEQUENCES * STEPS * UNITS];
        const int width = inputs[i / 4 % INPUTS];
        net_create(n, width, "batches");
        net_output(n, net_add(n, "lstm", 0, UNITS, MR_ACTIVATION_LINEAR), "y");
        struct mr_op *op = n->ops;
        op->precision = mr_precision_at(i & 1 ? MR_PRECISIONS - 1 : 0);
        net_quantise(n, frac);
        for (int k = 0; k < op->rows.rows * op->rows.columns; k++) {
            const int16_t most = i & 1 ? 127 : i & 2 ? INT16_MAX : 32639;
            op->rows.weight[k] = (int16_t)(k / op->rows.columns & 1 ? most : -most);
        }
        for (int sum = 0; sum < op->rows.sums; sum++) {
            op->rows.bias[sum] = (sum & 2 ? -1 : 1) * (INT64_C(1) << (i & 2 ? 30 : 5)) - sum;
            op->rows.shift[sum] = shifts[i / 4 / INPUTS];
        }
        for (int k = 0; k < SEQUENCES * STEPS * width; k++)
            x[k] = ends[(k / width * 7 + k / width / 5) % 6];
        struct checked c = {
            .made = &m, .sequences = SEQUENCES, .steps = STEPS, .x = x, .wanted = wanted};
        ck_assert_msg(mr_plan_evaluate(n, layouts, 1, &c.plan, m.error, sizeof m.error) == 0, "%s",
                      m.error);
        ck_assert_int_eq(mr_integer_run(n, x, SEQUENCES, STEPS, wanted), 0);
        for (size_t k = 0; mr_kernels_at(k); k++)
            for (c.sequences = 1; c.sequences <= SEQUENCES; c.sequences++, c.is_counted = false)
                check_engine(&c, mr_kernels_at(k)->name, 1);
        mr_network_free(n);
    }
    unsetenv("MILLRACE_CPU");
}
END_TEST

START_TEST(opened_often) {
    struct made m = {.seed = first_seed};
    uint64_t state = 5;
    struct mr_op_layout layouts[] = {{.lc = 1, .passes = 1}, {.lc = 1, .passes = 1}};
    struct mr_plan plan;
    struct mr_error error = {0};
    net_create(&m.network, 2, "often");
    int stream = net_add(&m.network, "lstm", 0, 3, MR_ACTIVATION_LINEAR);
    stream = net_add(&m.network, "gru", stream, 3, MR_ACTIVATION_LINEAR);
    net_output(&m.network, stream, "y");
    net_weights(&m.network, &state, 1);
    ck_assert_msg(calibrate_as_told(&m, &state) == 0, "%s", m.error);
    ck_assert_int_eq(mr_plan_evaluate(&m.network, layouts, 1, &plan, m.error, sizeof m.error), 0);
    int16_t x[2 * 30];
    int32_t wanted[3 * 30], y[3 * 30];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (int16_t)random_between(&state, -32768, 32767);
    ck_assert_int_eq(mr_integer_run(&m.network, x, 1, 30, wanted), 0);
    for (uint32_t i = 0; i < 300; i++) {
        struct mr_engine engine;
        const uint32_t threads = i % 65;
        ck_assert_msg(mr_engine_make(&plan, threads, &engine, &error) == 0, "%s", error.text);
        if (i % 4) // some are closed before their threads have begun
            run(&engine, &plan, x, 1, 30, true, y, NULL);
        if (i % 4)
            compare(&m, "best", threads, "opened often", y, wanted, 3 * 30);
        if (i == 35) { // a child by fork has no threads, and goes on without
            const pid_t child = fork();
            if (child == 0) {
                run(&engine, &plan, x, 1, 30, true, y, NULL);
                engine.close(engine.self);
                _exit(memcmp(y, wanted, sizeof y) != 0);
            }
            int status = -1;
            ck_assert_int_eq(waitpid(child, &status, 0), child);
            ck_assert_int_eq(status, 0);
        }
        engine.close(engine.self);
    }
    mr_network_free(&m.network);
}
END_TEST

START_TEST(kernels_by_name) {
    char text[200] = "";
    setenv("MILLRACE_CPU", "plain", 1);
    ck_assert_str_eq(mr_kernels_choose(text, sizeof text)->name, "plain");
    setenv("MILLRACE_CPU", "fast", 1);
    ck_assert_ptr_null(mr_kernels_choose(text, sizeof text));
    ck_assert_str_eq(text,
                     "MILLRACE_CPU is 'fast'; known are amx, avx512, avxvnni, avx2 and plain");
    unsetenv("MILLRACE_CPU");
    ck_assert_ptr_eq(mr_kernels_choose(text, sizeof text), mr_kernels_at(0));
}
END_TEST

int main(int argc, char **argv) {
    if (argc > 1)
        first_seed = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        network_count = atoi(argv[2]);
    printf("random networks from seed %llu on, %d of them; kernels:",
           (unsigned long long)first_seed, network_count);
    for (size_t k = 0; mr_kernels_at(k); k++)
        printf(" %s", mr_kernels_at(k)->name);
    printf("\n");
    Suite *suite = suite_create("engine");
    TCase *tests = tcase_create("engine");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, random_networks);
    tcase_add_test(tests, large_layers);
    tcase_add_test(tests, parts_fit);
    tcase_add_test(tests, sums_at_their_bound);
    tcase_add_test(tests, batches_at_their_bound);
    tcase_add_test(tests, opened_often);
    tcase_add_test(tests, kernels_by_name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
