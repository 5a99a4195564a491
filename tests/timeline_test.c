// SPDX-License-Identifier: Apache-2.0
// Timelines (base/contract/timeline.h) against counters that are kept for every cycle: runs of
// random processes, of any length and number, one after the other.
#define _GNU_SOURCE
#include "random.h"
#include "timeline.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROCESSES = 3, LONGEST = 200000 };

// What was counted after each cycle, of all runs.
struct history {
    uint64_t cycles;
    struct mr_counts counts[LONGEST + 1][PROCESSES];
};

// `every`: a device tells its counters every so many cycles only.
static void run(struct mr_timeline *timeline, struct history *history, uint64_t cycles,
                uint64_t every, uint64_t *state) {
    struct mr_activity activity[PROCESSES] = {0};
    for (uint64_t c = 1; c <= cycles; c++) {
        memcpy(history->counts[history->cycles + 1], history->counts[history->cycles],
               sizeof history->counts[0]);
        history->cycles++;
        for (int p = 0; p < PROCESSES; p++) {
            struct mr_counts *counts = &history->counts[history->cycles][p];
            const uint64_t what = random_bits(state) % 4;
            activity[p].busy += what == 0;
            activity[p].starved += what == 1;
            activity[p].blocked += what == 2;
            counts->busy += what == 0;
            counts->starved += what == 1;
            counts->blocked += what == 2;
        }
        if (c % every == 0 && mr_timeline_due(timeline, c))
            mr_timeline_add(timeline, c, activity);
    }
    mr_timeline_end_run(timeline, cycles, activity);
}

static void check(const struct mr_timeline *timeline, const struct history *history) {
    ck_assert_uint_gt(timeline->count, 0);
    ck_assert_uint_le(timeline->count, MR_TIMELINE_SAMPLES);
    uint64_t before = 0;
    for (uint32_t i = 0; i < timeline->count; i++) {
        const uint64_t cycle = timeline->cycles[i];
        ck_assert_uint_gt(cycle, before);
        ck_assert_uint_le(cycle, history->cycles);
        ck_assert_mem_eq(timeline->counts + (size_t)i * PROCESSES, history->counts[cycle],
                         sizeof history->counts[cycle]);
        before = cycle;
    }
    ck_assert_uint_eq(before, history->cycles);
}

static uint64_t new_seed(void) {
    const uint64_t seed = (uint64_t)time(NULL);
    printf("timeline_test: seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

START_TEST(one_run) {
    static const uint64_t lengths[] = {1,    2,    3,    255,  256,   257,   511,   512,    513,
                                       1023, 1024, 1025, 5000, 65535, 65536, 65537, 131072, 199999};
    uint64_t state = new_seed();
    struct mr_timeline *timeline = mr_timeline_open(PROCESSES);
    struct history *history = calloc(1, sizeof *history);
    ck_assert(timeline && history);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        history->cycles = 0;
        mr_timeline_clear(timeline);
        run(timeline, history, lengths[l], 1, &state);
        check(timeline, history);
        // Evenly, but for the end, and as fine as there is room.
        uint64_t interval = 1;
        while (lengths[l] / interval >= MR_TIMELINE_SAMPLES)
            interval *= 2;
        ck_assert_uint_eq(timeline->count, (lengths[l] + interval - 1) / interval);
        for (uint32_t i = 0; i + 1 < timeline->count; i++)
            ck_assert_uint_eq(timeline->cycles[i], (i + 1) * interval);
    }
    mr_timeline_close(timeline);
    free(history);
}
END_TEST

START_TEST(many_runs) {
    static const struct {
        int runs;
        uint64_t longest, every;
    } cases[] = {{2, 1000, 1}, {3, 60000, 1}, {2000, 90, 1}, {5, 30000, 700}, {40, 3000, 4000}};
    uint64_t state = new_seed() + 1;
    struct mr_timeline *timeline = mr_timeline_open(PROCESSES);
    struct history *history = calloc(1, sizeof *history);
    ck_assert(timeline && history);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        history->cycles = 0;
        mr_timeline_clear(timeline);
        for (int r = 0; r < cases[c].runs; r++) {
            run(timeline, history, 1 + random_bits(&state) % cases[c].longest, cases[c].every,
                &state);
            check(timeline, history);
        }
        // The ends of runs take no room for long: at most one lies within an interval.
        for (uint32_t i = 2; i < timeline->count; i++)
            ck_assert_uint_ge(timeline->cycles[i] - timeline->cycles[i - 2], timeline->interval);
        if (cases[c].every == 1 && history->cycles >= MR_TIMELINE_SAMPLES)
            ck_assert_uint_ge(timeline->count, MR_TIMELINE_SAMPLES / 2);
    }
    mr_timeline_close(timeline);
    mr_timeline_close(NULL);
    free(history);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("timeline");
    TCase *cases = tcase_create("timeline");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, one_run);
    tcase_add_test(cases, many_runs);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
