// SPDX-License-Identifier: Apache-2.0
// Engines against the integer walker, bit for bit: random networks of all operators, with inputs
// that saturate, on the kernels of every kind that this processor runs; sequences side by side, in
// slots, one after the other and in parts, with the state read and written between; and all kernels
// count alike what was cut, as operators that go row by row do.
// Usage: engine_test [SEED [COUNT]]: COUNT networks, 200 if not given.
#define _POSIX_C_SOURCE 200809L
#include "cpu_engine.h"
#include "kernels.h"
#include "made_network.h"
#include "plan_job.h"
#include "state_image.h"
#include "weights_image.h"

#include <check.h>
#include <stdlib.h>

enum { MOST_KERNELS = 4, MOST_STEPS = 90, MOST_SEQUENCES = 7 };

static uint64_t first_seed = 1;
static int network_count = 200;

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

static void compare(const struct made *m, const char *kernels, const char *what, const int32_t *y,
                    const int32_t *wanted, size_t count) {
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(y[i] == wanted[i],
                      "seed %llu, kernels %s, %s: number %zu of %zu is %d, not %d",
                      (unsigned long long)m->seed, kernels, what, i, count, y[i], wanted[i]);
}

// What was cut, by the operators themselves: of a chain of them in one sequence of no arrangement.
struct counted {
    uint64_t probes[2 * MR_MAX_OPS];
};

static void check_network(struct made *m, uint64_t *state) {
    const struct mr_network *n = &m->network;
    struct mr_op_layout layouts[MR_MAX_LAYERS] = {0};
    struct mr_plan plan;
    const int slots = mr_network_pool(n) || random_bits(state) & 1 ? 1 : 4;
    for (int i = 0; i < n->op_count; i++) {
        const struct mr_op *op = &n->ops[i];
        if (op->kind->recurrent)
            layouts[op->layer] = (struct mr_op_layout){
                .lc = random_between(state, 1, op->units < 5 ? op->units : 5), .passes = 1};
    }
    ck_assert_msg(mr_plan_evaluate(n, layouts, slots, &plan, m->error, sizeof m->error) == 0, "%s",
                  m->error);
    const uint32_t sequences = (uint32_t)random_between(state, 1, MOST_SEQUENCES);
    const uint32_t steps =
        (uint32_t)random_between(state, 1, random_bits(state) & 1 ? 5 : MOST_STEPS);
    const size_t rows = (size_t)sequences * steps, count = sequences * mr_network_numbers(n, steps);
    float *x = random_x(m, state, rows, random_bits(state) & 1 ? 1 : 8);
    int16_t *x_q = make(rows * (size_t)n->streams[0].width, sizeof *x_q);
    int32_t *wanted = make(count, sizeof *wanted), *y = make(count, sizeof *y);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, m->error, sizeof m->error), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, wanted), 0);
    struct counted first = {{0}};
    for (size_t k = 0; mr_kernels_at(k); k++) {
        const char *name = mr_kernels_at(k)->name;
        struct mr_engine engine;
        struct mr_error error = {0};
        struct counted counted = {{0}};
        setenv("MILLRACE_CPU", name, 1);
        ck_assert_msg(mr_engine_make(&plan, &engine, &error) == 0, "%s", error.text);
        run(&engine, &plan, x_q, sequences, steps, true, y, counted.probes);
        compare(m, name, "all at once", y, wanted, count);
        if (k == 0)
            first = counted;
        ck_assert_msg(memcmp(&first, &counted, sizeof first) == 0,
                      "seed %llu: kernels %s count other values as cut",
                      (unsigned long long)m->seed, name);
        if (!mr_network_pool(n) && steps > 1 && slots == 1) {
            ck_assert_int_eq(mr_integer_run(n, x_q, 1, steps, y), 0);
            int32_t *parts = make(mr_network_numbers(n, steps), sizeof *parts);
            run_parts(&engine, &plan, x_q, steps,
                      (uint32_t)random_between(state, 1, (int)steps - 1), parts);
            compare(m, name, "in parts", parts, y, mr_network_numbers(n, steps));
            free(parts);
        }
        engine.close(engine.self);
    }
    unsetenv("MILLRACE_CPU");
    free(x);
    free(x_q);
    free(wanted);
    free(y);
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
            check_network(&m, &state);
        mr_network_free(&m.network);
        ck_assert_int_le(refused, network_count / 2 + 10);
    }
}
END_TEST

START_TEST(kernels_by_name) {
    char text[200] = "";
    setenv("MILLRACE_CPU", "plain", 1);
    ck_assert_str_eq(mr_kernels_choose(text, sizeof text)->name, "plain");
    setenv("MILLRACE_CPU", "fast", 1);
    ck_assert_ptr_null(mr_kernels_choose(text, sizeof text));
    ck_assert_str_eq(text, "MILLRACE_CPU is 'fast'; known are avx512, avx2 and plain");
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
    tcase_add_test(tests, kernels_by_name);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
