// SPDX-License-Identifier: Apache-2.0
// `millrace profile` on a small network: what it says in JSON and in the trace file is what a
// session counts for the same run. Writes below build/profile_test.
#define _GNU_SOURCE
#include "array_file.h"

#include "millrace.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "build/profile_test"
#define COMMAND                                                                                    \
    "build/millrace profile " FOLDER "/model.millrace --input " FOLDER "/x.npy --lanes 1,2 "

// What a session counts, opened as the command opens it.
struct measured {
    struct mr_model *model;
    struct mr_session *session;
    struct mr_stats stats;
    uint64_t cycles;
};

static json_t *load(const char *path) {
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(json != NULL, "%s: %s", path, error.text);
    return json;
}

static double number_of(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    ck_assert_msg(json_is_number(value), "no number %s", name);
    return json_number_value(value);
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void measure(struct measured *measured) {
    static const uint32_t lanes[] = {1, 2};
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                       .lane_count = 2, .timeline = 1};
    struct mr_array x;
    char text[900];
    struct mr_error error = {0};
    measured->model = mr_model_open(FOLDER "/model.millrace", &error);
    measured->session = mr_session_open(measured->model, "sim:", &options, &error);
    ck_assert_msg(measured->session != NULL, "%s", error.text);
    ck_assert_msg(mr_array_read(FOLDER "/x.npy", &x, NULL, 0, text, sizeof text) == 0, "%s", text);
    float *y = calloc(x.shape[0] * 64, sizeof *y);
    ck_assert_int_eq(
        mr_session_run(measured->session, x.data, x.shape[0], x.shape[1], 0, y, &measured->stats),
        0);
    static struct mr_sample samples[512];
    const uint32_t count = mr_session_timeline(measured->session, 0, samples, 512);
    measured->cycles = samples[count - 1].cycle;
    free(y);
    mr_array_free(&x);
}

static void forget(struct measured *measured) {
    mr_session_close(measured->session);
    mr_model_close(measured->model);
}

START_TEST(totals_are_those_of_the_session) {
    struct measured measured;
    ck_assert_int_eq(system(COMMAND "--json >" FOLDER "/out.json 2>" FOLDER "/err"), 0);
    measure(&measured);
    json_t *said = load(FOLDER "/out.json");
    json_t *processes = json_object_get(said, "processes");
    const uint32_t count = mr_session_process_count(measured.session);
    ck_assert_uint_eq(json_array_size(processes), count);
    ck_assert_uint_eq((uint64_t)number_of(said, "cycles"), measured.cycles);
    uint64_t most = 0;
    for (uint32_t p = 0; p < count; p++) {
        struct mr_process_info info;
        const json_t *one = json_array_get(processes, p);
        ck_assert_int_eq(mr_session_process(measured.session, p, &info), 0);
        ck_assert_str_eq(text_of(one, "name"), info.name);
        ck_assert_uint_eq((uint64_t)number_of(one, "busy"), info.busy);
        ck_assert_uint_eq((uint64_t)number_of(one, "starved"), info.starved);
        ck_assert_uint_eq((uint64_t)number_of(one, "blocked"), info.blocked);
        if (info.busy) {
            ck_assert_uint_eq((uint64_t)number_of(one, "first_busy"), info.first_busy);
            ck_assert_uint_eq((uint64_t)number_of(one, "last_busy"), info.last_busy);
        }
        most = info.busy > most ? info.busy : most;
    }
    // Who limits the run is busiest, but for a hundredth.
    const json_t *limits = json_object_get(said, "limited_by");
    ck_assert_uint_gt(json_array_size(limits), 0);
    for (uint32_t p = 0, l = 0; p < count; p++) {
        struct mr_process_info info;
        mr_session_process(measured.session, p, &info);
        if ((double)info.busy >= 0.99 * (double)most)
            ck_assert_str_eq(json_string_value(json_array_get(limits, l++)), info.name);
    }
    ck_assert_ptr_nonnull(
        strstr(text_of(said, "verdict"), json_string_value(json_array_get(limits, 0))));
    json_decref(said);
    forget(&measured);
}
END_TEST

// What the trace tells of one process, in cycles.
struct track {
    double busy, starved, blocked; // by its counters
    double from;                   // where its last slice ended
    double shares[3];              // of its last counter event
    double at;                     // and its cycle
};

static void take_counter(struct track *track, const json_t *event, double cycle) {
    const json_t *args = json_object_get(event, "args");
    const double length = cycle - track->at;
    ck_assert(cycle >= track->at);
    track->busy += track->shares[0] * length / 100;
    track->starved += track->shares[1] * length / 100;
    track->blocked += track->shares[2] * length / 100;
    track->shares[0] = number_of(args, "busy %");
    track->shares[1] = number_of(args, "starved %");
    track->shares[2] = number_of(args, "blocked %");
    ck_assert(track->shares[0] + track->shares[1] + track->shares[2] <= 100.2);
    track->at = cycle;
}

static void take_slice(struct track *track, const json_t *event, double cycle, double mhz) {
    const char *name = text_of(event, "name");
    ck_assert_msg(strcmp(name, "busy") == 0 || strcmp(name, "starved") == 0 ||
                      strcmp(name, "blocked") == 0 || strcmp(name, "idle") == 0,
                  "%s", name);
    ck_assert_msg(fabs(cycle - track->from) < 0.01, "%g, %g", cycle, track->from);
    track->from = cycle + number_of(event, "dur") * mhz;
}

START_TEST(the_trace_adds_up) {
    enum { PROCESSES = 16 };
    struct measured measured;
    struct track tracks[PROCESSES] = {0};
    bool named[PROCESSES + 1] = {0};
    ck_assert_int_eq(system(COMMAND "--trace " FOLDER "/trace.json >" FOLDER "/table"), 0);
    measure(&measured);
    const uint32_t count = mr_session_process_count(measured.session);
    ck_assert_uint_le(count, PROCESSES);
    json_t *trace = load(FOLDER "/trace.json");
    ck_assert_str_eq(text_of(trace, "displayTimeUnit"), "ns");
    size_t index;
    json_t *event;
    json_array_foreach(json_object_get(trace, "traceEvents"), index, event) {
        const char *kind = text_of(event, "ph"), *name = text_of(event, "name");
        const uint32_t tid = (uint32_t)json_integer_value(json_object_get(event, "tid"));
        ck_assert(json_is_integer(json_object_get(event, "pid")));
        ck_assert_uint_le(tid, count);
        if (strcmp(kind, "M") == 0) {
            struct mr_process_info info;
            const char *given = text_of(json_object_get(event, "args"), "name");
            if (strcmp(name, "thread_name") == 0) {
                mr_session_process(measured.session, tid - 1, &info);
                ck_assert_str_eq(given, info.name);
                named[tid] = true;
            } else if (strcmp(name, "process_name") == 0) {
                ck_assert_str_eq(given, FOLDER "/model.millrace on sim:");
                named[0] = true;
            }
            continue;
        }
        const double cycle = number_of(event, "ts") * measured.stats.clock_mhz;
        if (strcmp(kind, "X") == 0) {
            ck_assert_uint_ge(tid, 1);
            take_slice(&tracks[tid - 1], event, cycle, measured.stats.clock_mhz);
            continue;
        }
        ck_assert_str_eq(kind, "C");
        for (uint32_t p = 0; p < count; p++) {
            struct mr_process_info info;
            mr_session_process(measured.session, p, &info);
            if (strcmp(info.name, name) == 0)
                take_counter(&tracks[p], event, cycle);
        }
    }
    ck_assert(named[0]);
    for (uint32_t p = 0; p < count; p++) {
        struct mr_process_info info;
        mr_session_process(measured.session, p, &info);
        ck_assert(named[p + 1]);
        // Shares have one decimal.
        const double near = (double)measured.cycles / 1000 + 0.5;
        ck_assert_msg(fabs(tracks[p].busy - (double)info.busy) < near, "%s: %g, %g", info.name,
                      tracks[p].busy, (double)info.busy);
        ck_assert(fabs(tracks[p].starved - (double)info.starved) < near);
        ck_assert(fabs(tracks[p].blocked - (double)info.blocked) < near);
        ck_assert(fabs(tracks[p].at - (double)measured.cycles) < 0.01);
        ck_assert(fabs(tracks[p].from - (double)measured.cycles) < 0.01);
        // After the end nothing is busy.
        ck_assert(tracks[p].shares[0] == 0);
    }
    json_decref(trace);
    forget(&measured);
}
END_TEST

int main(void) {
    mkdir(FOLDER, 0777);
    if (getenv("MR_TEST_NO_SIM")) {
        puts("skipped: MR_TEST_NO_SIM is set");
        return 0;
    }
    if (system("build/tests/session_test --write " FOLDER "/model.millrace " FOLDER "/x.npy"))
        return 1;
    Suite *suite = suite_create("profile");
    TCase *cases = tcase_create("profile");
    tcase_set_timeout(cases, 300);
    tcase_add_test(cases, totals_are_those_of_the_session);
    tcase_add_test(cases, the_trace_adds_up);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
