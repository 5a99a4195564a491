// SPDX-License-Identifier: Apache-2.0
// The cycle model against a plain simulation that goes cycle by cycle through what the processes
// do, against figures worked out by hand, and with reports that are broken.
#define _POSIX_C_SOURCE 200809L
#include "mr_command.h"
#include "plan_fixture.h"
#include "plan_report.h"
#include "timing.h"
#include "timing_fixture.h"

#include <time.h>

// ---- the plain simulation: one iteration per process and cycle

struct flow { // of a wire
    uint64_t *visible;
    uint64_t written, read, read_before; // read_before: as of the cycle before
    uint64_t taken[64];                  // elements read so far, by cycle modulo 64
};

static bool has_room(const struct wire *wire, const struct flow *flow) {
    return flow->written - flow->read_before < wire->depth;
}

// One iteration of a process, if it can be issued in this cycle.
static bool try_issue(const struct net *net, struct loop *p, struct flow *flows, struct run run,
                      uint64_t cycle) {
    unsigned reads, writes;
    loop_uses(p, run, p->t, p->k, &reads, &writes);
    for (int i = 0; i < p->in_count; i++) {
        const struct flow *in = p->in[i] < 0 ? NULL : &flows[p->in[i]];
        if (reads >> i & 1 && in && (in->read == in->written || in->visible[in->read] > cycle))
            return false;
    }
    for (int i = 0; i < p->out_count; i++)
        if (writes >> i & 1 && !has_room(&net->wires[p->out[i]], &flows[p->out[i]]))
            return false;
    for (int i = 0; i < p->in_count; i++)
        if (reads >> i & 1 && p->in[i] >= 0)
            flows[p->in[i]].read++;
    for (int i = 0; i < p->out_count; i++) {
        const struct wire *wire = &net->wires[p->out[i]];
        struct flow *out = &flows[p->out[i]];
        if (writes >> i & 1)
            out->visible[out->written++] = cycle + wire->write_stage + 1 + wire->crossing;
    }
    return true;
}

static void step(struct loop *p, struct run run, uint64_t cycle) {
    const uint64_t length = loop_length(p, run, p->t), rows = loop_rows(p, run);
    p->first = p->started ? p->first : cycle;
    p->started = true;
    p->end = cycle;
    if (++p->k < length)
        return;
    const bool ends = p->t == rows - 1;
    p->row_cycles += length + (ends ? 0 : p->pause);
    p->waits = ends ? 0 : p->pause;
    p->k = 0;
    p->done = ++p->t == rows;
}

// The cycles of a run.
static uint64_t simulate(struct net *net, struct run run) {
    static struct flow flows[FIXTURE_WIRES];
    const uint64_t total = run.sequences * run.steps;
    memset(flows, 0, sizeof flows);
    for (int i = 0; i < net->wire_count; i++) {
        flows[i].visible = calloc((total + 1) * 128, sizeof *flows[i].visible);
        ck_assert_ptr_nonnull(flows[i].visible);
    }
    bool done = false;
    uint64_t last = 0;
    for (uint64_t cycle = net->first_issue; !done; cycle++) {
        done = true;
        for (int i = 0; i < net->wire_count; i++) {
            struct flow *flow = &flows[i];
            const uint32_t crossing = net->wires[i].crossing;
            flow->read_before = crossing ? flow->taken[(cycle - 1 - crossing) % 64] : flow->read;
            while (net->wires[i].to < 0 && flow->read < flow->written &&
                   flow->visible[flow->read] < cycle)
                flow->read_before = ++flow->read;
        }
        for (int i = 0; i < net->loop_count; i++) {
            struct loop *p = &net->loops[i];
            done = done && p->done;
            if (p->done || (p->waits && p->waits--))
                continue;
            if (try_issue(net, p, flows, run, cycle))
                step(p, run, cycle);
        }
        for (int i = 0; i < net->wire_count; i++)
            flows[i].taken[cycle % 64] = flows[i].read;
        ck_assert_uint_lt(cycle, 10000000);
    }
    for (int i = 0; i < net->wire_count; i++) {
        if (net->wires[i].to < 0)
            last = flows[i].visible[flows[i].written - 1];
        free(flows[i].visible);
    }
    return last + 1;
}

// ---- the model

static struct mr_report *report_of(const struct net *net) {
    char error[512] = "";
    char *text = timed_report(net);
    struct mr_report *report = mr_report_parse(text, strlen(text), "report", error, sizeof error);
    ck_assert_msg(report != NULL, "%s", error);
    free(text);
    return report;
}

static void time_it(const struct net *net, uint64_t sequences, uint64_t steps,
                    struct mr_timing_result *result) {
    char error[512] = "";
    struct mr_report *report = report_of(net);
    ck_assert_msg(
        mr_timing_run(report, net->slots, sequences, steps, result, error, sizeof error) == 0, "%s",
        error);
    mr_report_free(report);
}

START_TEST(random_networks_match_the_simulation) {
    const uint64_t seed = 20260731;
    uint64_t state = seed;
    printf("timing_test: seed %llu\n", (unsigned long long)seed);
    for (int n = 0; n < 300; n++) {
        static struct net net;
        timed_of(&state, 40, n % 2 ? 6 : 64, &net);
        const struct run run = {(uint64_t)random_between(&state, 1, net.slots > 1 ? 37 : 4),
                                (uint64_t)random_between(&state, 1, 9), (uint64_t)net.slots};
        struct mr_report *report = report_of(&net);
        static struct mr_timing_result result;
        char error[512] = "";
        const int status = mr_timing_run(report, net.slots, run.sequences, run.steps, &result,
                                         error, sizeof error);
        const uint64_t cycles = simulate(&net, run);
        mr_report_free(report);
        ck_assert_msg(status == 0, "case %d: %s", n, error);
        ck_assert_msg(result.cycles == cycles, "case %d: model %llu, simulation %llu", n,
                      (unsigned long long)result.cycles, (unsigned long long)cycles);
        ck_assert_int_eq(result.process_count, net.loop_count);
        uint64_t end = 0;
        for (int i = 0; i < net.loop_count; i++)
            end = net.loops[i].end > end ? net.loops[i].end : end;
        ck_assert_uint_eq(result.next, end + 1 + FIXTURE_REST + 1);
        for (int i = 0; i < result.process_count; i++) {
            ck_assert_str_eq(result.processes[i].name, net.loops[i].name);
            ck_assert_uint_eq(result.processes[i].first_issue, net.loops[i].first);
            ck_assert_uint_eq(result.processes[i].last_issue, net.loops[i].end);
            ck_assert_uint_eq(result.processes[i].iterations, net.loops[i].row_cycles);
        }
    }
}
END_TEST

// Skipping what repeats itself changes no number of the result.
START_TEST(what_is_skipped_is_as_if_it_was_run) {
    static const uint64_t longest[] = {60, 400, 3000};
    static struct net net;
    static struct mr_timing_result all, skipped;
    uint64_t state = 20261129;
    for (int n = 0; n < 400; n++) {
        timed_of(&state, 40, n % 2 ? 6 : 64, &net);
        const uint64_t most = longest[n % 3],
                       steps = (uint64_t)random_between(&state, 1, (int)most);
        const uint64_t sequences = 1 + most * (uint64_t)random_between(&state, 0, 3) / steps;
        char error[512] = "";
        struct mr_report *report = report_of(&net);
        ck_assert_int_eq(
            mr_timing_run_all(report, net.slots, sequences, steps, &all, error, sizeof error), 0);
        ck_assert_int_eq(
            mr_timing_run(report, net.slots, sequences, steps, &skipped, error, sizeof error), 0);
        ck_assert_msg(memcmp(&all, &skipped, sizeof all) == 0,
                      "case %d, %llu of %llu steps: %llu cycles, and with skips %llu", n,
                      (unsigned long long)sequences, (unsigned long long)steps,
                      (unsigned long long)all.cycles, (unsigned long long)skipped.cycles);
        mr_report_free(report);
    }
}
END_TEST

// As long as a run may be, in whatever way it is cut.
START_TEST(the_longest_runs_are_quick) {
    static const uint64_t cuts[][2] = {{1, MR_STEPS_MAX},
                                       {MR_STEPS_MAX, 1},
                                       {MR_STEPS_MAX / 50, 50},
                                       {65500, 65537},
                                       {2, MR_STEPS_MAX / 2}};
    static struct net net;
    static struct mr_timing_result result;
    uint64_t state = 3;
    double most = 0;
    for (int n = 0; n < 60; n++) {
        timed_of(&state, 60, 64, &net);
        struct mr_report *report = report_of(&net);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            // Turns without a row count too.
            const uint64_t slots = (uint64_t)net.slots;
            const uint64_t steps = cuts[i][1] > slots ? cuts[i][1] / slots : cuts[i][1];
            const uint64_t sequences = cuts[i][0] - (cuts[i][0] > slots ? cuts[i][0] % slots : 0);
            char error[512] = "";
            const clock_t before = clock();
            ck_assert_msg(mr_timing_run(report, net.slots, sequences, steps, &result, error,
                                        sizeof error) == 0,
                          "%s", error);
            const double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
            most = seconds > most ? seconds : most;
            ck_assert_msg(seconds < 3, "network %d, %llu sequences: %.1f s", n,
                          (unsigned long long)sequences, seconds);
            ck_assert_uint_ge(result.cycles, sequences * steps);
        }
        mr_report_free(report);
    }
    printf("timing_test: 2^32 - 2 steps took at most %.3f s\n", most);
}
END_TEST

// Layers of one size with as many columns a cycle, and a head on the last step.
static void timed_chain(struct net *net, const int *sizes, const int *lc, int layers, int outputs) {
    memset(net, 0, sizeof *net);
    net->first_issue = 1;
    net->slots = 1;
    int in = -1;
    for (int l = 0; l < layers; l++)
        in = timed_layer(net, in, 'l', sizes[l], sizes[l + 1], lc[l], lc[l] == 1 ? 24 : 28,
                         l ? lc[l - 1] : 0);
    timed_head(net, in, false, timed_words(sizes[layers], lc[layers - 1]), outputs, 0);
}

static void set_wire(struct wire *wire, uint32_t depth, uint32_t write_stage) {
    wire->depth = depth;
    wire->write_stage = write_stage;
}

START_TEST(one_layer_by_hand) {
    // 25 inputs, 25 units, LC 1, one output: P = 25 + 25 = 50 cycles a step. The first h of step t
    // is issued in cycle 2 + 50 (t + 1).
    static const int sizes[] = {25, 25}, lc[] = {1};
    static struct net net;
    static struct mr_timing_result result;
    timed_chain(&net, sizes, lc, 1, 1);
    net.first_issue = 2;
    set_wire(&net.wires[0], 32, 24);
    set_wire(&net.wires[1], 8, 1);
    set_wire(&net.wires[2], 8, 5);
    time_it(&net, 1, 30, &result);
    // Its 25th is issued 24 later and visible after 24 + 1; `last` passes it on (1 + 1), the head's
    // result follows one iteration after its last column and is handed over 5 + 1 later.
    const uint64_t h = 2 + 50 * 30 + 24 + 25;
    ck_assert_uint_eq(result.cycles, h + 2 + 1 + 6 + 1);
    ck_assert_uint_eq(result.first_output + 1, result.cycles);
    ck_assert_uint_eq(result.processes[0].first_issue, 2);
    ck_assert_uint_eq(result.processes[0].last_issue, 2 + 50 * 30 + 24);
    ck_assert_uint_eq(result.processes[0].iterations, 50 * 30 + 25);
    ck_assert_double_eq_tol(result.processes[0].cycles_per_step, 50, 1e-9);
    ck_assert_ptr_eq(mr_timing_process(&result, "head2"), &result.processes[2]);
    ck_assert_ptr_null(mr_timing_process(&result, "loader"));
}
END_TEST

START_TEST(slow_layer_sets_the_pace) {
    static const int sizes[] = {16, 64, 64, 16}, lc[] = {4, 2, 3};
    static struct net net;
    static struct mr_timing_result result;
    timed_chain(&net, sizes, lc, 3, 2);
    for (int i = 0; i < net.wire_count; i++)
        set_wire(&net.wires[i], 64, 30);
    time_it(&net, 1, 200, &result);
    for (int i = 0; i < result.process_count - 2; i++)
        ck_assert_double_eq_tol(result.processes[i].cycles_per_step, 64, 0.1);
    ck_assert_uint_gt(result.cycles, 64 * 200);
    ck_assert_uint_lt(result.cycles, 64 * 200 + 500);
}
END_TEST

START_TEST(long_runs_are_quick) {
    static const int sizes[] = {500, 500, 500, 500, 500, 500, 500}, lc[] = {1, 1, 1, 1, 1, 1};
    static struct net net;
    static struct mr_timing_result result;
    timed_chain(&net, sizes, lc, 6, 1);
    for (int i = 0; i < net.wire_count; i++)
        set_wire(&net.wires[i], 64, 30);
    const clock_t before = clock();
    time_it(&net, 1, 1500, &result);
    const double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    printf("timing_test: 1,500 steps of 1,000 cycles, 8 processes: %.3f s\n", seconds);
    ck_assert_uint_gt(result.cycles, 1500000);
    ck_assert_double_lt(seconds, 2.0); // generous: sanitizers and a busy machine
}
END_TEST

// ---- reports that do not tell it

static void refused(const char *text, uint64_t sequences, uint64_t steps, const char *expected) {
    static struct mr_timing_result result;
    char error[512] = "";
    struct mr_report *report = mr_report_parse(text, strlen(text), "r.json", error, sizeof error);
    if (report) {
        ck_assert_int_eq(mr_timing_run(report, 1, sequences, steps, &result, error, sizeof error),
                         -1);
        mr_report_free(report);
    }
    ck_assert_msg(strstr(error, expected) != NULL, "expected '%s' in '%s'", expected, error);
}

// The report with the first `from` replaced by `to`.
static char *changed(const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    ck_assert_msg(at != NULL, "no %s", from);
    char *made = malloc(strlen(text) + strlen(to) + 1);
    ck_assert_ptr_nonnull(made);
    sprintf(made, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return made;
}

// Five inputs, a layer of five and a head: lstm0, last1, head2.
static char *small_report(void) {
    static const int sizes[] = {5, 5}, lc[] = {1};
    static struct net net;
    timed_chain(&net, sizes, lc, 1, 1);
    return timed_report(&net);
}

START_TEST(broken_reports_are_refused) {
    char *good = small_report();
    refused(good, 0, 5, "cannot be one run");
    refused(good, 65535, 65537, "cannot be one run; it takes 1 to 4293918719 steps");
    refused(good, 65536, 65536, "cannot be one run");
    refused(good, 1, UINT64_C(1) << 32, "1 sequence of 4294967296 steps cannot be one run");
    refused(good, UINT64_C(1) << 63, 2, "9223372036854775808 sequences of 2 steps cannot be one");
    refused("{", 1, 1, "r.json: line 1");
    refused("[]", 1, 1, "'top'");
    refused("{\"top\":\"network\",\"clock_mhz\":0}", 1, 1, "'clock_mhz'");
    refused("{\"top\":\"network\",\"clock_mhz\":300}", 1, 1, "'processes'");
    refused("{\"top\":\"n\",\"clock_mhz\":300,\"processes\":[]}", 1, 1, "'channels'");
    refused("{\"top\":\"n\",\"clock_mhz\":300,\"processes\":[],\"channels\":[]}", 1, 1,
            "no process of 'n'");
    // One change each to the good report.
    static const char *const changes[][3] = {
        {"\"depth\":64", "\"depth\":0", "'depth'"},
        {"\"depth\":64", "\"depth\":16777217", "at most 2^24"},
        {"\"out\"", "\"off\"", "'direction'"},
        {"write_stage", "write_stake", "'write_stage'"},
        {"\"name\":\"lstm0\",\"first_issue", "\"name\":\"lstm0\",\"last_issues", "'first_issue'"},
        {"copies", "copied", "'copies'"},
        {"\"streams\":[\"in0\"]", "\"streams\":[\"in9\"]", "lstm0: field 'streams'"},
        {"\"in0\",\"out0\"", "\"in0\"", "stands still"},
        {"\"at\":0,\"count\":5", "\"at\":0,\"count\":0", "lstm0: field 'count'"},
        {"\"at\":0,\"count\":5", "\"at\":0,\"count\":50", "lstm0: field 'length'"},
        {"\"length\":29", "\"length\":16777217", "a row of 16777217 cycles"},
        {"\"order\":[0,1,1,1]", "\"order\":[0,1,7,1]", "lstm0: field 'order'"},
        {"\"order\":[0,1,1,1]", "\"order\":[0,1]", "do not fit together"},
        {"\"order\":[0,1,1,1]", "\"order\":[1,1,0,1]", "is unlike another one"},
        {"\"first\":1", "\"first\":2", "comes in cycle 2 of one sample"},
        {"\"name\":\"lstm0\",", "\"name\":\"lstm0\",\"data_dependent\":\"lstm.h:7\",",
         "process 'lstm0' reads and writes as its data says (lstm.h:7)"},
        {"\"name\":\"last1\",", "\"name\":\"last1\",\"untold\":\"it asks for more\",",
         "process 'last1': it asks for more"},
        {"\"samples\"", "\"simples\"", "'rows'"},
        {"\"steps\":3", "\"steps\":2", "do not fit together"},
        {"\"from\":\"lstm0\"", "\"from\":\"lstm9\"", "'from'"},
        {"\"to_stream\":\"in0\"", "\"to_stream\":\"out0\"", "'to_stream'"},
        {"\"to\":\"head2\"", "\"to\":\"last1\"", "has not one writer and one reader"}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *bad = changed(good, changes[i][0], changes[i][1]);
        refused(bad, 2, 3, changes[i][2]);
        free(bad);
    }
    free(good);
}
END_TEST

// Too few samples leave open how many rows a run has, or what one of them does.
START_TEST(samples_must_tell_enough) {
    static const struct {
        const char *samples, *rows, *expected;
    } cases[] = {{"{\"sequences\":1,\"steps\":1}", "{\"first\":1,\"rest\":3,\"order\":[0,1]}",
                  "leave it open"},
                 {"{\"sequences\":1,\"steps\":1},{\"sequences\":2,\"steps\":2},{\"sequences\":2,"
                  "\"steps\":1}",
                  "{\"first\":1,\"rest\":3,\"order\":[0,1]},{\"first\":1,\"rest\":3,\"order\":[0,4]"
                  "},{\"first\":1,\"rest\":3,"
                  "\"order\":[0,2]}",
                  "what row 1 of 12 does"},
                 {"{\"sequences\":1,\"steps\":1},{\"sequences\":2,\"steps\":2},{\"sequences\":2,"
                  "\"steps\":1}",
                  "{\"first\":1,\"rest\":3,\"order\":[0,1]},{\"first\":1,\"rest\":3,\"order\":[0,9]"
                  "},{\"first\":1,\"rest\":3,"
                  "\"order\":[0,2]}",
                  "do not fit together"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2000];
        snprintf(text, sizeof text,
                 "{\"top\":\"k\",\"clock_mhz\":300,\"samples\":[%s],\"channels\":[],"
                 "\"processes\":[{\"name\":\"p\",\"first_issue\":1,\"streams\":[{\"name\":"
                 "\"y\",\"direction\":\"out\",\"bits\":8,\"depth\":4,\"write_stage\":1}],"
                 "\"row_patterns\":[{\"length\":3,\"events\":[{\"at\":0,\"count\":1,"
                 "\"streams\":[\"y\"]}]}],\"rows\":[%s]}]}",
                 cases[i].samples, cases[i].rows);
        refused(text, 3, 4, cases[i].expected);
    }
}
END_TEST

// Random bytes changed in a report: an error or a report, never a crash.
START_TEST(mutated_reports_do_no_harm) {
    const uint64_t seed = 77;
    uint64_t state = seed;
    static struct mr_timing_result result;
    printf("timing_test: mutation seed %llu\n", (unsigned long long)seed);
    char *good = small_report();
    const size_t size = strlen(good);
    for (int n = 0; n < 6000; n++) {
        char *bad = strdup(good);
        ck_assert_ptr_nonnull(bad);
        for (int i = random_between(&state, 1, 3); i > 0; i--)
            bad[random_bits(&state) % size] =
                "\"{}[]:,0123456789-.eabntu"[random_bits(&state) % 25];
        char error[512] = "";
        struct mr_report *report = mr_report_parse(bad, size, "r.json", error, sizeof error);
        if (report)
            mr_timing_run(report, 1, 1, 3, &result, error, sizeof error);
        else
            ck_assert_str_ne(error, "");
        mr_report_free(report);
        free(bad);
    }
    free(good);
}
END_TEST

START_TEST(table_and_json) {
    struct mr_network network;
    fixture_chain(&network, 25, 2, (const int[]){25, 25}, 1, MR_ACTIVATION_LINEAR);
    const struct mr_plan_request request = {.mode = MR_PLAN_BALANCED};
    struct mr_plan plan;
    static struct mr_pipeline pipeline;
    char error[512] = "";
    ck_assert_msg(
        mr_plan_choose(&network, mr_target_find("u55c"), &request, &plan, error, sizeof error) == 0,
        "%s", error);
    mr_pipeline_make(&plan, &pipeline);
    static const int sizes[] = {25, 25, 25}, lc[] = {1, 1};
    static struct net net;
    static struct mr_timing_result result;
    timed_chain(&net, sizes, lc, 2, 1);
    net.loops[2].name[4] = net.loops[3].name[4] = 0; // "last", "head"
    struct mr_report *report = report_of(&net);
    ck_assert_int_eq(mr_timing_run(report, 1, 1, 30, &result, error, sizeof error), 0);
    char *table = mr_plan_report_text(&plan, &pipeline, report, &result, NULL, error, sizeof error);
    ck_assert_msg(table != NULL, "%s", error);
    fputs(table, stdout);
    ck_assert_ptr_nonnull(strstr(table, "u55c"));
    ck_assert_ptr_nonnull(strstr(table, "lstm1"));
    json_t *object =
        mr_plan_report_json(&plan, &pipeline, report, &result, NULL, error, sizeof error);
    ck_assert_msg(object != NULL, "%s", error);
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(object, "cycles")),
                      result.cycles);
    ck_assert_uint_eq(json_array_size(json_object_get(object, "cycles_per_step")), 2);
    ck_assert_double_eq_tol(
        json_real_value(json_array_get(json_object_get(object, "cycles_per_step"), 1)), 50, 1e-9);
    ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(object, "multipliers")),
                      4 * 108);
    ck_assert_double_eq_tol(json_real_value(json_object_get(object, "microseconds")),
                            (double)result.cycles / 300, 1e-9);
    // 2 layers of 5,000 useful lane multiplications per step, 30 steps, and the head's 25.
    ck_assert_double_eq_tol(json_real_value(json_object_get(object, "utilisation")),
                            (2.0 * 5000 * 30 + 25) / (201.0 * (double)result.cycles), 1e-9);
    // Each of the 4 processes: 25 memories of 50 x 64 bits in LUTs, 5 tables of 1024 x 34 bits.
    const json_t *memories = json_object_get(object, "memories");
    ck_assert_double_eq_tol(json_real_value(json_object_get(memories, "bram36")), 4 * 5 * 2 / 2.0,
                            1e-9);
    // One FIFO behind each of them, the last one of which is the top's output: 64 words of 16 bits,
    // which are 3 pieces of 64 x 7 bits, of 8 LUTs each.
    ck_assert_int_eq(json_integer_value(json_object_get(memories, "lut")), 4 * (25 * 80 + 3 * 8));
    json_decref(object);
    free(table);
    free(report->processes[1].memories[0].impl);
    report->processes[1].memories[0].impl = strdup("drum");
    ck_assert_ptr_null(
        mr_plan_report_text(&plan, &pipeline, report, &result, NULL, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "'drum'"));
    mr_report_free(report);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("timing");
    TCase *tests = tcase_create("timing");
    tcase_set_timeout(tests, 600);
    tcase_add_test(tests, random_networks_match_the_simulation);
    tcase_add_test(tests, what_is_skipped_is_as_if_it_was_run);
    tcase_add_test(tests, the_longest_runs_are_quick);
    tcase_add_test(tests, one_layer_by_hand);
    tcase_add_test(tests, slow_layer_sets_the_pace);
    tcase_add_test(tests, long_runs_are_quick);
    tcase_add_test(tests, broken_reports_are_refused);
    tcase_add_test(tests, samples_must_tell_enough);
    tcase_add_test(tests, mutated_reports_do_no_harm);
    tcase_add_test(tests, table_and_json);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
