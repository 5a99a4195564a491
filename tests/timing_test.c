// SPDX-License-Identifier: Apache-2.0
// The cycle model against a plain simulation that goes cycle by cycle through the kernels' loops,
// against figures worked out by hand, and with reports that are broken.
#define _POSIX_C_SOURCE 200809L
#include "plan_fixture.h"
#include "plan_report.h"
#include "timing.h"

#include <time.h>

// ---- the plain simulation: the loops as they stand in the kernels, one iteration per process and
// cycle

struct wire {
    uint64_t *visible;
    uint64_t written, read, read_before; // read_before: as of the cycle before
    uint64_t taken[64];                  // elements read so far, by cycle modulo 64
    struct fixture_stream stream;
};

struct loop {
    char kind; // 'l'stm, 'r'esize, 'p' (last), 'h'ead
    uint64_t t, k, position, first, last, issues;
    uint32_t left, taken;
    int x_words, h_words, x_phase, from, to, count, outputs;
    bool done, started;
};

static int words(int count, int lc) {
    return (count + lc - 1) / lc;
}

// What the iteration at hand reads and writes.
static void wants(const struct loop *p, uint64_t total, uint64_t steps, bool *reads, bool *writes) {
    switch (p->kind) {
    case 'l':
        *reads = p->k < (uint64_t)p->x_words && p->t < total;
        *writes = p->k < (uint64_t)p->h_words && p->t > 0;
        break;
    case 'r':
        if (p->from >= p->to) {
            *reads = p->left < (uint32_t)p->to && p->taken < (uint32_t)words(p->count, p->from);
            *writes = true;
        } else {
            const int in = words(p->count, p->from);
            const int out = words(p->count, p->to);
            const bool flush = in * p->from / p->to < out;
            const int extra = flush && in * p->from / p->to > (in - 1) * p->from / p->to;
            *reads = p->k < (uint64_t)in;
            *writes = p->left + (uint32_t)p->from >= (uint32_t)p->to ||
                      (flush && p->k == (uint64_t)(in + extra - 1));
        }
        break;
    case 'p':
        *reads = true;
        *writes = p->position + 1 == steps;
        break;
    default:
        *reads = p->k < (uint64_t)p->x_words;
        *writes = !*reads;
        break;
    }
}

static void step(struct loop *p, uint64_t total, uint64_t steps, uint64_t sequences, bool reads,
                 bool writes) {
    uint64_t length, rows = total;
    if (p->kind == 'l') {
        length = (uint64_t)(p->x_phase + p->h_words);
        if (p->t == total && p->k == (uint64_t)p->h_words - 1) {
            p->done = true;
            return;
        }
        rows = total + 1;
    } else if (p->kind == 'r' && p->from >= p->to) {
        length = (uint64_t)words(p->count, p->to);
        p->left = p->left + (reads ? (uint32_t)p->from : 0) - (uint32_t)p->to;
        p->taken += reads;
    } else if (p->kind == 'r') {
        const int in = words(p->count, p->from);
        const bool flush = in * p->from / p->to < words(p->count, p->to);
        length = (uint64_t)(in + (flush && in * p->from / p->to > (in - 1) * p->from / p->to));
        p->left = p->left + (uint32_t)p->from - (writes ? (uint32_t)p->to : 0);
    } else if (p->kind == 'p') {
        length = (uint64_t)p->x_words;
        if (p->k + 1 == length)
            p->position = writes ? 0 : p->position + 1;
    } else {
        length = (uint64_t)(p->x_words + p->outputs);
        rows = sequences;
    }
    (void)steps;
    if (++p->k == length) {
        p->k = 0;
        p->left = p->taken = 0;
        p->done = ++p->t == rows;
    }
}

static uint64_t simulate(const struct mr_plan *plan, const struct fixture_stream *streams,
                         uint32_t first_issue, uint64_t sequences, uint64_t steps,
                         struct loop *loops) {
    struct wire wires[MR_TIMING_PROCESSES];
    int count = 0;
    const uint64_t total = sequences * steps;
    for (int l = 0; l < plan->layer_count; l++) {
        const struct mr_plan_layer *layer = &plan->layers[l];
        if (mr_plan_has_resize(plan, l))
            loops[count++] = (struct loop){.kind = 'r',
                                           .from = plan->layers[l - 1].lc,
                                           .to = layer->lc,
                                           .count = layer->inputs};
        loops[count++] = (struct loop){.kind = 'l',
                                       .x_words = layer->x_words,
                                       .h_words = layer->h_words,
                                       .x_phase = layer->x_words > layer->latency ? layer->x_words
                                                                                  : layer->latency};
    }
    const int row = words(plan->head.inputs, plan->head.lc);
    loops[count++] = (struct loop){.kind = 'p', .x_words = row};
    loops[count++] = (struct loop){.kind = 'h', .x_words = row, .outputs = plan->head.outputs};
    for (int i = 0; i < count; i++) {
        wires[i] = (struct wire){.stream = streams[i]};
        wires[i].visible = calloc(total * 64 + 64, sizeof *wires[i].visible);
        ck_assert_ptr_nonnull(wires[i].visible);
    }
    uint64_t last = 0;
    for (uint64_t cycle = first_issue;; cycle++) {
        bool done = true;
        for (int i = 0; i < count; i++)
            wires[i].read_before = wires[i].stream.crossing
                                       ? wires[i].taken[(cycle - 1 - wires[i].stream.crossing) % 64]
                                       : wires[i].read;
        for (int i = 0; i < count; i++) {
            struct loop *p = &loops[i];
            struct wire *in = i ? &wires[i - 1] : NULL;
            struct wire *out = &wires[i];
            if (i == count - 1)
                while (out->read < out->written && out->visible[out->read] < cycle)
                    out->read_before = ++out->read;
            if (p->done)
                continue;
            done = false;
            bool reads = false;
            bool writes = false;
            wants(p, total, steps, &reads, &writes);
            if (reads && in && (in->read == in->written || in->visible[in->read] > cycle))
                continue;
            if (writes && out->written - out->read_before >= out->stream.depth)
                continue;
            if (reads && in)
                in->read++;
            if (writes) {
                last = cycle + out->stream.write_stage + 1 + out->stream.crossing;
                out->visible[out->written++] = last;
            }
            p->first = p->started ? p->first : cycle;
            p->started = true;
            p->last = cycle;
            p->issues++;
            step(p, total, steps, sequences, reads, writes);
        }
        for (int i = 0; i < count; i++)
            wires[i].taken[cycle % 64] = wires[i].read;
        if (done)
            break;
        ck_assert_uint_lt(cycle, 10000000);
    }
    last = wires[count - 1].visible[wires[count - 1].written - 1];
    for (int i = 0; i < count; i++)
        free(wires[i].visible);
    return last + 1;
}

static void time_it(const struct mr_plan *plan, uint32_t first_issue,
                    const struct fixture_stream *streams, uint64_t sequences, uint64_t steps,
                    struct mr_timing_result *result) {
    char error[512] = "";
    char *text = fixture_report(plan, first_issue, streams);
    struct mr_report *report = mr_report_parse(text, strlen(text), "report", error, sizeof error);
    ck_assert_msg(report != NULL, "%s", error);
    ck_assert_msg(mr_timing_run(plan, report, sequences, steps, result, error, sizeof error) == 0,
                  "%s", error);
    mr_report_free(report);
    free(text);
}

// Shallow channels make credits run out.
static void random_streams(uint64_t *state, const struct mr_plan *plan, int deepest,
                           struct fixture_stream streams[MR_TIMING_PROCESSES]) {
    for (int i = 0; i < MR_TIMING_PROCESSES; i++) {
        streams[i].depth = (uint32_t)fixture_between(state, 1, deepest);
        streams[i].write_stage = (uint32_t)fixture_between(state, 1, 40);
        streams[i].crossing =
            fixture_between(state, 0, 2) ? 0 : (uint32_t)fixture_between(state, 1, 20);
    }
    int head = plan->layer_count + 1; // its output is the top's
    for (int l = 1; l < plan->layer_count; l++)
        head += mr_plan_has_resize(plan, l);
    streams[head].crossing = 0;
}

START_TEST(random_networks_match_the_simulation) {
    const uint64_t seed = 20260731;
    uint64_t state = seed;
    printf("timing_test: seed %llu\n", (unsigned long long)seed);
    for (int n = 0; n < 400; n++) {
        struct mr_shape shape;
        int lc[MR_MAX_LAYERS];
        fixture_shape(&state, 40, &shape, lc);
        struct mr_plan plan;
        ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &plan, NULL, 0), 0);
        struct fixture_stream streams[MR_TIMING_PROCESSES];
        random_streams(&state, &plan, n % 2 ? 6 : 64, streams);
        const uint32_t first_issue = (uint32_t)fixture_between(&state, 1, 4);
        const uint64_t sequences = (uint64_t)fixture_between(&state, 1, 4);
        const uint64_t steps = (uint64_t)fixture_between(&state, 1, 9);
        struct mr_timing_result result;
        time_it(&plan, first_issue, streams, sequences, steps, &result);
        struct loop loops[MR_TIMING_PROCESSES];
        const uint64_t cycles = simulate(&plan, streams, first_issue, sequences, steps, loops);
        ck_assert_msg(result.cycles == cycles, "case %d: model %llu, simulation %llu", n,
                      (unsigned long long)result.cycles, (unsigned long long)cycles);
        for (int i = 0; i < result.process_count; i++) {
            ck_assert_uint_eq(result.processes[i].first_issue, loops[i].first);
            ck_assert_uint_eq(result.processes[i].last_issue, loops[i].last);
            ck_assert_uint_eq(result.processes[i].iterations, loops[i].issues);
        }
    }
}
END_TEST

// Skipping what repeats itself changes no number of the result.
START_TEST(what_is_skipped_is_as_if_it_was_run) {
    static const uint64_t longest[] = {60, 400, 3000};
    uint64_t state = 20261129;
    for (int n = 0; n < 300; n++) {
        struct mr_shape shape;
        int lc[MR_MAX_LAYERS];
        fixture_shape(&state, 40, &shape, lc);
        struct mr_plan plan;
        ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &plan, NULL, 0), 0);
        struct fixture_stream streams[MR_TIMING_PROCESSES];
        random_streams(&state, &plan, n % 2 ? 6 : 64, streams);
        const uint64_t most = longest[n % 3],
                       steps = (uint64_t)fixture_between(&state, 1, (int)most);
        const uint64_t sequences = 1 + most * (uint64_t)fixture_between(&state, 0, 3) / steps;
        char error[512] = "";
        char *text = fixture_report(&plan, 1, streams);
        struct mr_report *report = mr_report_parse(text, strlen(text), "r", error, sizeof error);
        ck_assert_msg(report != NULL, "%s", error);
        struct mr_timing_result all, skipped;
        ck_assert_int_eq(
            mr_timing_run_all(&plan, report, sequences, steps, &all, error, sizeof error), 0);
        ck_assert_int_eq(
            mr_timing_run(&plan, report, sequences, steps, &skipped, error, sizeof error), 0);
        ck_assert_msg(memcmp(&all, &skipped, sizeof all) == 0,
                      "case %d, %llu of %llu steps: %llu cycles, and with skips %llu", n,
                      (unsigned long long)sequences, (unsigned long long)steps,
                      (unsigned long long)all.cycles, (unsigned long long)skipped.cycles);
        mr_report_free(report);
        free(text);
    }
}
END_TEST

// As long as a run may be, in whatever way it is cut.
START_TEST(the_longest_runs_are_quick) {
    static const uint64_t cuts[][2] = {
        {1, UINT32_MAX}, {UINT32_MAX, 1}, {UINT32_MAX / 50, 50}, {65535, 65537}, {3, 1431655765}};
    uint64_t state = 3;
    for (int n = 0; n < 40; n++) {
        struct mr_shape shape;
        int lc[MR_MAX_LAYERS];
        fixture_shape(&state, 60, &shape, lc);
        struct mr_plan plan;
        ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &plan, NULL, 0), 0);
        struct fixture_stream streams[MR_TIMING_PROCESSES];
        random_streams(&state, &plan, 64, streams);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            struct mr_timing_result result;
            const clock_t before = clock();
            time_it(&plan, 1, streams, cuts[i][0], cuts[i][1], &result);
            const double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
            ck_assert_msg(seconds < 3, "network %d, %llu sequences: %.1f s", n,
                          (unsigned long long)cuts[i][0], seconds);
            ck_assert_uint_ge(result.cycles, cuts[i][0] * cuts[i][1]);
        }
    }
}
END_TEST

START_TEST(one_layer_by_hand) {
    // 25 inputs, 25 units, LC 1, one output: P = 25 + 25 = 50 cycles a step. The first h of step t
    // is issued in cycle 2 + 50 (t + 1).
    struct mr_shape shape = {.layer_count = 1, .layers = {{25, 25}}, .outputs = 1};
    struct mr_plan plan;
    const int lc = 1;
    ck_assert_int_eq(mr_plan_evaluate(&shape, &lc, &plan, NULL, 0), 0);
    const struct fixture_stream streams[] = {{32, 24, 0}, {8, 1, 0}, {8, 5, 0}};
    struct mr_timing_result result;
    time_it(&plan, 2, streams, 1, 30, &result);
    // Its 25th is issued 24 later and visible after 24 + 1; `last` passes it on (1 + 1), the head's
    // result follows one iteration after its last column and is handed over 5 + 1 later.
    const uint64_t h = 2 + 50 * 30 + 24 + 25;
    ck_assert_uint_eq(result.cycles, h + 2 + 1 + 6 + 1);
    ck_assert_uint_eq(result.first_output + 1, result.cycles);
    ck_assert_uint_eq(result.processes[0].first_issue, 2);
    ck_assert_uint_eq(result.processes[0].last_issue, 2 + 50 * 30 + 24);
    ck_assert_uint_eq(result.processes[0].iterations, 50 * 30 + 25);
    ck_assert_double_eq_tol(result.processes[0].cycles_per_step, 50, 1e-9);
    ck_assert_int_eq(result.processes[0].layer, 0);
    ck_assert_int_eq(result.processes[1].layer, -1);
    ck_assert_str_eq(result.processes[2].name, "head");
}
END_TEST

START_TEST(slow_layer_sets_the_pace) {
    struct mr_shape shape = {
        .layer_count = 3, .layers = {{16, 64}, {64, 64}, {64, 16}}, .outputs = 2};
    const int lc[] = {4, 2, 3};
    struct mr_plan plan;
    ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(plan.interval, 64);
    struct fixture_stream streams[MR_TIMING_PROCESSES];
    for (int i = 0; i < MR_TIMING_PROCESSES; i++)
        streams[i] = (struct fixture_stream){64, 30, 0};
    struct mr_timing_result result;
    time_it(&plan, 1, streams, 1, 200, &result);
    for (int i = 0; i < result.process_count - 2; i++)
        ck_assert_double_eq_tol(result.processes[i].cycles_per_step, 64, 0.1);
    ck_assert_uint_gt(result.cycles, 64 * 200);
    ck_assert_uint_lt(result.cycles, 64 * 200 + 500);
}
END_TEST

START_TEST(long_runs_are_quick) {
    struct mr_shape shape = {.layer_count = 6, .outputs = 1};
    int lc[MR_MAX_LAYERS];
    for (int l = 0; l < 6; l++) {
        shape.layers[l].inputs = shape.layers[l].hidden = 500;
        lc[l] = 1;
    }
    struct mr_plan plan;
    ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(plan.interval, 1000);
    struct fixture_stream streams[MR_TIMING_PROCESSES];
    for (int i = 0; i < MR_TIMING_PROCESSES; i++)
        streams[i] = (struct fixture_stream){64, 30, 0};
    struct mr_timing_result result;
    const clock_t before = clock();
    time_it(&plan, 1, streams, 1, 1500, &result);
    const double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    printf("timing_test: 1,500 steps of 1,000 cycles, 8 processes: %.3f s\n", seconds);
    ck_assert_uint_gt(result.cycles, 1500000);
    ck_assert_double_lt(seconds, 2.0); // generous: sanitizers and a busy machine
}
END_TEST

static void refused(const struct mr_plan *plan, const char *text, uint64_t sequences,
                    uint64_t steps, const char *expected) {
    char error[512] = "";
    struct mr_report *report = mr_report_parse(text, strlen(text), "r.json", error, sizeof error);
    if (report) {
        struct mr_timing_result result;
        ck_assert_int_eq(
            mr_timing_run(plan, report, sequences, steps, &result, error, sizeof error), -1);
        mr_report_free(report);
    }
    ck_assert_msg(strstr(error, expected) != NULL, "expected '%s' in '%s'", expected, error);
}

START_TEST(broken_reports_are_refused) {
    struct mr_shape shape = {.layer_count = 1, .layers = {{5, 5}}, .outputs = 1};
    const int lc = 1;
    struct mr_plan plan;
    ck_assert_int_eq(mr_plan_evaluate(&shape, &lc, &plan, NULL, 0), 0);
    const struct fixture_stream streams[] = {{8, 3, 0}, {8, 3, 0}, {8, 3, 0}};
    char *good = fixture_report(&plan, 1, streams);
    refused(&plan, good, 0, 5, "cannot be one run");
    refused(&plan, good, 65536, 65536, "cannot be one run");
    refused(&plan, "{", 1, 1, "r.json: line 1");
    refused(&plan, "[]", 1, 1, "'top'");
    refused(&plan, "{\"top\":\"network\",\"clock_mhz\":0}", 1, 1, "'clock_mhz'");
    refused(&plan, "{\"top\":\"network\",\"clock_mhz\":300}", 1, 1, "'processes'");
    refused(&plan, "{\"top\":\"other\",\"clock_mhz\":300,\"processes\":[]}", 1, 1, "of 'other'");
    refused(&plan, "{\"top\":\"network\",\"clock_mhz\":300,\"processes\":[]}", 1, 1,
            "no process 'lstm0'");
    // One change each to the good report.
    const char *const changes[][3] = {{"h_out", "h_off", "no output stream 'h_out'"},
                                      {"\"depth\":8", "\"depth\":0", "'depth'"},
                                      {"\"ii\":1", "\"ii\":2", "initiation interval 2"},
                                      {"\"out\"", "\"off\"", "'direction'"},
                                      {"write_stage", "write_stake", "'write_stage'"},
                                      {"first_issue", "last_issues", "'first_issue'"},
                                      {"copies", "copied", "'copies'"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *bad = strdup(good);
        ck_assert_ptr_nonnull(bad);
        char *at = strstr(bad, changes[i][0]);
        ck_assert_ptr_nonnull(at);
        memcpy(at, changes[i][1], strlen(changes[i][1]));
        refused(&plan, bad, 1, 1, changes[i][2]);
        free(bad);
    }
    free(good);
}
END_TEST

// Random bytes changed in a report: an error or a report, never a crash.
START_TEST(mutated_reports_do_no_harm) {
    const uint64_t seed = 77;
    uint64_t state = seed;
    printf("timing_test: mutation seed %llu\n", (unsigned long long)seed);
    struct mr_shape shape = {.layer_count = 1, .layers = {{5, 5}}, .outputs = 1};
    const int lc = 1;
    struct mr_plan plan;
    ck_assert_int_eq(mr_plan_evaluate(&shape, &lc, &plan, NULL, 0), 0);
    const struct fixture_stream streams[] = {{8, 3, 0}, {8, 3, 0}, {8, 3, 0}};
    char *good = fixture_report(&plan, 1, streams);
    const size_t size = strlen(good);
    for (int n = 0; n < 3000; n++) {
        char *bad = strdup(good);
        ck_assert_ptr_nonnull(bad);
        for (int i = fixture_between(&state, 1, 3); i > 0; i--)
            bad[fixture_random(&state) % size] =
                "\"{}[]:,0123456789-.eabntu"[fixture_random(&state) % 25];
        char error[512] = "";
        struct mr_report *report = mr_report_parse(bad, size, "r.json", error, sizeof error);
        struct mr_timing_result result;
        if (report)
            mr_timing_run(&plan, report, 1, 3, &result, error, sizeof error);
        else
            ck_assert_str_ne(error, "");
        mr_report_free(report);
        free(bad);
    }
    free(good);
}
END_TEST

START_TEST(table_and_json) {
    struct mr_shape shape = {.layer_count = 2, .layers = {{25, 25}, {25, 25}}, .outputs = 1};
    const struct mr_plan_request request = {.mode = MR_PLAN_BALANCED};
    struct mr_plan plan;
    char error[512] = "";
    ck_assert_msg(
        mr_plan_choose(&shape, mr_target_find("u55c"), &request, &plan, error, sizeof error) == 0,
        "%s", error);
    const struct fixture_stream streams[] = {{32, 24, 0}, {32, 24, 0}, {8, 1, 0}, {8, 5, 0}};
    char *text = fixture_report(&plan, 2, streams);
    struct mr_report *report = mr_report_parse(text, strlen(text), "report", error, sizeof error);
    ck_assert_msg(report != NULL, "%s", error);
    struct mr_timing_result result;
    ck_assert_int_eq(mr_timing_run(&plan, report, 1, 30, &result, error, sizeof error), 0);
    char *table = mr_plan_report_text(&plan, report, &result, error, sizeof error);
    ck_assert_msg(table != NULL, "%s", error);
    fputs(table, stdout);
    ck_assert_ptr_nonnull(strstr(table, "u55c"));
    ck_assert_ptr_nonnull(strstr(table, "lstm1"));
    json_t *object = mr_plan_report_json(&plan, report, &result, error, sizeof error);
    ck_assert_msg(object != NULL, "%s", error);
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(object, "cycles")),
                      result.cycles);
    ck_assert_uint_eq(json_array_size(json_object_get(object, "cycles_per_step")), 2);
    ck_assert_double_eq_tol(
        json_real_value(json_array_get(json_object_get(object, "cycles_per_step"), 1)), 50, 1e-9);
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(object, "multipliers")),
                      2 * 108 + 2);
    ck_assert_double_eq_tol(json_real_value(json_object_get(object, "microseconds")),
                            (double)result.cycles / 300, 1e-9);
    // 2 layers of 5,000 useful lane multiplications per step, 30 steps, and the head's 25.
    ck_assert_double_eq_tol(json_real_value(json_object_get(object, "utilisation")),
                            (2.0 * 5000 * 30 + 25) / (201.0 * (double)result.cycles), 1e-9);
    // Each of the 4 processes: 25 memories of 50 x 64 bits in LUTs, 5 tables of 1024 x 34 bits.
    const json_t *memories = json_object_get(object, "memories");
    ck_assert_double_eq_tol(json_real_value(json_object_get(memories, "bram36")), 4 * 5 * 2 / 2.0,
                            1e-9);
    ck_assert_int_eq(json_integer_value(json_object_get(memories, "lut")), 4 * 25 * 80);
    json_decref(object);
    free(table);
    free(report->processes[1].memories[0].impl);
    report->processes[1].memories[0].impl = strdup("drum");
    ck_assert_ptr_null(mr_plan_report_text(&plan, report, &result, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "'drum'"));
    mr_report_free(report);
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("timing");
    TCase *tests = tcase_create("timing");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, random_networks_match_the_simulation);
    tcase_add_test(tests, what_is_skipped_is_as_if_it_was_run);
    tcase_add_test(tests, the_longest_runs_are_quick);
    tcase_add_test(tests, one_layer_by_hand);
    tcase_add_test(tests, slow_layer_sets_the_pace);
    tcase_add_test(tests, long_runs_are_quick);
    tcase_add_test(tests, broken_reports_are_refused);
    tcase_add_test(tests, mutated_reports_do_no_harm);
    tcase_add_test(tests, table_and_json);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
