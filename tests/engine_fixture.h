// SPDX-License-Identifier: Apache-2.0
// Engines with all kernels of mr_kernels_at and some numbers of threads, against the integer
// walker. Who includes it defines _POSIX_C_SOURCE.
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include "cpu_engine.h"
#include "kernels.h"
#include "made_network.h"
#include "plan_job.h"
#include "state_image.h"
#include "weights_image.h"

#include <check.h>
#include <stdlib.h>

enum { MOST_STEPS = 90 };

// Of random networks; who includes it may change them.
static uint64_t first_seed = 1;
static int network_count = 120, most_sequences = 7;
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
    c.sequences = (uint32_t)random_between(state, 1, most_sequences);
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

static void check_random_networks(void) {
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

#endif
