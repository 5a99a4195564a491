// SPDX-License-Identifier: Apache-2.0
// Engines against the integer walker, bit for bit: random networks of all operators, with inputs
// that saturate, on the kernels of every kind that this processor runs; sequences side by side, in
// slots, one after the other and in parts, with the state read and written between; by 1, 2, 3 and
// 7 threads, in layers so large that these share them too; and all kernels and threads count alike
// what was cut, as operators that go row by row do.
// Usage: engine_test [SEED [COUNT]]: COUNT networks, 200 if not given.
#define _POSIX_C_SOURCE 200809L
#include "cpu_engine.h"
#include "kernels.h"
#include "made_network.h"
#include "packed.h"
#include "plan_job.h"
#include "state_image.h"
#include "weights_image.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_KERNELS = 4, MOST_STEPS = 90, MOST_SEQUENCES = 7 };

static uint64_t first_seed = 1;
static int network_count = 200;
static const uint32_t thread_counts[] = {1, 2, 3, 7};
enum { THREAD_COUNTS = sizeof thread_counts / sizeof *thread_counts };

// The states that sequences from `first` on start from, as a session writes them.
static void write_starts(const struct mr_engine *engine, const struct mr_plan *plan,
                         uint32_t first) {
    const uint32_t beats = mr_state_total_beats(plan);
    int16_t *state = make(beats * MR_IMAGE_BEAT, sizeof *state);
    struct mr_error error;
    for (uint32_t slot = 0; slot < (uint32_t)plan->slots; slot++)
        mr_state_begin(plan, slot, first + slot, state);
    ck_assert_int_eq(engine->write_state(engine->self, state, beats, &error), 0);
    free(state);
}

static void run(const struct mr_engine *engine, const struct mr_plan *plan, const int16_t *x_q,
                uint32_t sequences, uint32_t steps, bool reset, int32_t *y, uint64_t *probes) {
    struct data data = deal(plan, x_q, sequences, steps);
    const bool starts = reset && mr_network_starts(plan->network) > 0;
    const uint32_t slots = (uint32_t)plan->slots, most = starts ? slots : sequences;
    struct mr_error error = {0};
    for (uint32_t done = 0; done < sequences; done += most) {
        const uint32_t now = sequences - done < most ? sequences - done : most;
        const size_t x_words = data.x_words / sequences, y_words = data.y_words / sequences;
        struct mr_job job = {
            .sequences = now,
            .steps = steps,
            .flags = reset && !starts ? MR_FLAG_RESET : 0,
            .in = {{"x", data.x + done * x_words * (size_t)plan->x_lc, now * x_words}},
            .out = {{"y", data.y + done * y_words * data.y_bytes, now * y_words}},
            .probes = probes};
        if (starts)
            write_starts(engine, plan, done);
        ck_assert_msg(engine->run(engine->self, &job, &error) == 0, "%s", error.text);
    }
    collect(plan, &data, sequences, steps, y);
    free(data.x);
    free(data.y);
}

// The first sequence in two parts, the state taken out and put back between them.
static void run_parts(const struct mr_engine *engine, const struct mr_plan *plan,
                      const int16_t *x_q, uint32_t steps, uint32_t cut, int32_t *y) {
    const struct mr_network *n = plan->network;
    const size_t inputs = (size_t)n->streams[0].width, numbers = mr_network_numbers(n, steps);
    const uint32_t beats = mr_state_total_beats(plan);
    int32_t *part[2] = {make(numbers, sizeof *y), make(numbers, sizeof *y)};
    int16_t *state = make(beats * MR_IMAGE_BEAT, sizeof *state);
    struct mr_error error;
    run(engine, plan, x_q, 1, cut, true, part[0], NULL);
    ck_assert_int_eq(engine->read_state(engine->self, state, beats, &error), 0);
    run(engine, plan, x_q + 1, 1, 1, false, part[1], NULL); // something else
    ck_assert_int_eq(engine->write_state(engine->self, state, beats, &error), 0);
    run(engine, plan, x_q + cut * inputs, 1, steps - cut, false, part[1], NULL);
    const int32_t *from[2] = {part[0], part[1]};
    for (int o = 0; o < n->output_count; o++) {
        const struct mr_stream *stream = &n->streams[n->outputs[o].stream];
        const size_t width = (size_t)stream->width;
        const bool per_step = stream->rate == MR_PER_STEP;
        const size_t of_first = per_step ? cut * width : 0;
        const size_t of_second = per_step ? (steps - cut) * width : width;
        memcpy(y, from[0], of_first * sizeof *y);
        memcpy(y + of_first, from[1], of_second * sizeof *y);
        y += of_first + of_second;
        from[0] += per_step ? cut * width : width;
        from[1] += of_second;
    }
    free(part[0]);
    free(part[1]);
    free(state);
}

static void compare(const struct made *m, const char *kernels, uint32_t threads, const char *what,
                    const int32_t *y, const int32_t *wanted, size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(y[i] == wanted[i],
                      "seed %llu, kernels %s, %u threads, %s: number %zu of %zu is %d, not %d",
                      (unsigned long long)m->seed, kernels, threads, what, i, count, y[i],
                      wanted[i]);
}

// What was cut, by the operators themselves: of a chain of them in one sequence of no arrangement.
struct counted {
    uint64_t probes[2 * MR_MAX_OPS];
};

// A network, its x, and what the walker makes of them.
struct checked {
    struct made *made;
    struct mr_plan plan;
    uint32_t sequences, steps, cut; // cut: where the first sequence is cut in parts; 0: nowhere
    const int16_t *x;
    const int32_t *wanted, *first; // of all sequences, and of the first one
    struct counted counted;        // by the engine that was first
    bool is_counted;
};

static void check_engine(struct checked *c, const char *kernels, uint32_t threads) {
    const struct mr_network *n = &c->made->network;
    const size_t count = c->sequences * mr_network_numbers(n, c->steps);
    int32_t *y = make(count, sizeof *y);
    struct mr_engine engine;
    struct mr_error error = {0};
    struct counted counted = {{0}};
    setenv("MILLRACE_CPU", kernels, 1);
    ck_assert_msg(mr_engine_make(&c->plan, threads, &engine, &error) == 0, "%s", error.text);
    run(&engine, &c->plan, c->x, c->sequences, c->steps, true, y, counted.probes);
    compare(c->made, kernels, threads, "all at once", y, c->wanted, count);
    if (!c->is_counted)
        c->counted = counted;
    c->is_counted = true;
    ck_assert_msg(memcmp(&c->counted, &counted, sizeof counted) == 0,
                  "seed %llu: kernels %s, %u threads, count other values as cut",
                  (unsigned long long)c->made->seed, kernels, threads);
    if (c->cut) {
        run_parts(&engine, &c->plan, c->x, c->steps, c->cut, y);
        compare(c->made, kernels, threads, "in parts", y, c->first,
                mr_network_numbers(n, c->steps));
    }
    engine.close(engine.self);
    free(y);
}

// all: every kind of kernels by every number of threads; else two numbers for each but the first.
static void check_network(struct made *m, uint64_t *state, bool all) {
    const struct mr_network *n = &m->network;
    struct mr_op_layout layouts[MR_MAX_LAYERS] = {0};
    struct checked c = {.made = m};
    const int slots = mr_network_one_slot(n) || random_bits(state) & 1 ? 1 : 4;
    for (int i = 0; i < n->op_count; i++) {
        const struct mr_op *op = &n->ops[i];
        if (op->kind->recurrent)
            layouts[op->layer] = (struct mr_op_layout){
                // Slots of large layers would keep more vectors of h than there may be.
                .lc = random_between(state, op->units > 255 ? 2 : 1, op->units < 5 ? op->units : 5),
                .passes = 1};
    }
    ck_assert_msg(mr_plan_evaluate(n, layouts, slots, &c.plan, m->error, sizeof m->error) == 0,
                  "%s", m->error);
    c.sequences = (uint32_t)random_between(state, 1, MOST_SEQUENCES);
    c.steps = (uint32_t)random_between(state, 1, all || random_bits(state) & 1 ? 5 : MOST_STEPS);
    const size_t rows = (size_t)c.sequences * c.steps, of_one = mr_network_numbers(n, c.steps);
    float *x = random_x(m, state, rows, random_bits(state) & 1 ? 1 : 8);
    int16_t *x_q = make(rows * (size_t)n->streams[0].width, sizeof *x_q);
    int32_t *wanted = make(c.sequences * of_one, sizeof *wanted),
            *first = make(of_one, sizeof *first);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, m->error, sizeof m->error), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, c.sequences, c.steps, wanted), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, 1, c.steps, first), 0);
    c.x = x_q;
    c.wanted = wanted;
    c.first = first;
    if (!mr_network_pool(n) && c.steps > 1 && slots == 1)
        c.cut = (uint32_t)random_between(state, 1, (int)c.steps - 1);
    for (size_t k = 0; mr_kernels_at(k); k++) {
        const int other = random_between(state, 1, THREAD_COUNTS - 1);
        for (int t = 0; t < THREAD_COUNTS; t++)
            if (all || k == 0 || t == 0 || t == other)
                check_engine(&c, mr_kernels_at(k)->name, thread_counts[t]);
    }
    unsetenv("MILLRACE_CPU");
    free(x);
    free(x_q);
    free(wanted);
    free(first);
}

START_TEST(random_networks) {
    int refused = 0;
    for (int i = 0; i - refused < network_count; i++) {
        struct made m = {.seed = first_seed + (uint64_t)i};
        uint64_t state = m.seed ^ UINT64_C(0x656e67696e65);
        net_random_mixed(&m.network, m.seed, i % 4 == 0 ? 70 : 20);
        // Weights that are drawn may be too large for formats that are drawn.
        if (calibrate_as_told(&m, &state))
            refused++;
        else
            check_network(&m, &state, false);
        mr_network_free(&m.network);
        ck_assert_int_le(refused, network_count / 2 + 10);
    }
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
    ck_assert_str_eq(text, "MILLRACE_CPU is 'fast'; known are avx512, avxvnni, avx2 and plain");
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
