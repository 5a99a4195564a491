// SPDX-License-Identifier: Apache-2.0
// Threads that share the parts of a job: each part once, whatever their numbers; parts that wait
// for each other; jobs for threads that spin and for those that sleep; and that idle ones do sleep.
#define _POSIX_C_SOURCE 200809L
#include "workers.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_PARTS = 1000, ROUNDS = 300 };

static const size_t counts[] = {1, 2, 3, MR_WORKERS_MAX};
enum { COUNTS = sizeof counts / sizeof *counts };

static struct mr_workers *make(size_t threads) {
    struct mr_workers *workers = mr_workers_create(threads, MR_WORKERS_MAX);
    ck_assert_ptr_nonnull(workers);
    ck_assert_uint_eq(mr_workers_count(workers), threads);
    return workers;
}

static void sleep_ms(long ms) {
    const struct timespec time = {0, ms * 1000000};
    nanosleep(&time, NULL);
}

// ---- parts

struct parts {
    size_t workers;
    atomic_uint done[MOST_PARTS], on[MR_WORKERS_MAX];
};

static void do_part(void *context, size_t part, size_t worker) {
    struct parts *parts = context;
    parts->done[part]++;
    ck_assert_uint_lt(worker, parts->workers);
    ck_assert_uint_eq(parts->on[worker]++, 0); // nobody else is that worker now
    parts->on[worker]--;
}

START_TEST(each_part_once) {
    for (size_t c = 0; c < COUNTS; c++) {
        struct mr_workers *workers = make(counts[c]);
        const size_t sizes[] = {0, 1, 2, counts[c] - 1, counts[c], counts[c] + 1, MOST_PARTS};
        for (int round = 0; round < 20; round++)
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                static struct parts parts;
                memset(&parts, 0, sizeof parts);
                parts.workers = counts[c];
                if (round == 10 && s < 3)
                    sleep_ms(1); // they sleep, and are woken
                mr_workers_run(workers, sizes[s], do_part, &parts);
                for (size_t p = 0; p < MOST_PARTS; p++)
                    ck_assert_uint_eq(parts.done[p], p < sizes[s]);
            }
        mr_workers_free(workers);
    }
}
END_TEST

START_TEST(as_many_as_there_may_be) {
    const size_t asked[][3] = {{0, 0, 1},
                               {0, 1, 1},
                               {5, 2, 2},
                               {1, 9, 1},
                               {MR_WORKERS_MAX + 1, MR_WORKERS_MAX + 1, MR_WORKERS_MAX}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct mr_workers *workers = mr_workers_create(asked[i][0], asked[i][1]);
        ck_assert_ptr_nonnull(workers);
        ck_assert_uint_eq(mr_workers_count(workers), asked[i][2]);
        mr_workers_free(workers); // before they have begun
    }
    mr_workers_free(NULL);
}
END_TEST

// ---- parts that wait for each other

struct waiting {
    struct mr_barrier barrier;
    atomic_uint begun;             // [parts] counters would do; one that only rises does too
    unsigned here[MR_WORKERS_MAX]; // written and read on either side of the barrier, no atomics
};

static void meet(void *context, size_t part, size_t worker) {
    struct waiting *waiting = context;
    const unsigned count = waiting->barrier.count;
    (void)worker;
    for (unsigned round = 1; round <= 10; round++) {
        waiting->here[part] = round;
        mr_barrier_wait(&waiting->barrier);
        for (unsigned p = 0; p < count; p++)
            ck_assert_uint_eq(waiting->here[p], round);
        mr_barrier_wait(&waiting->barrier);
    }
}

// Part after part, as a wave goes.
static void follow(void *context, size_t part, size_t worker) {
    struct waiting *waiting = context;
    (void)worker;
    mr_await(&waiting->begun, (unsigned)part);
    ck_assert_uint_eq(waiting->begun, part);
    waiting->here[0]++;
    waiting->begun++;
}

START_TEST(parts_wait) {
    for (size_t c = 0; c < COUNTS; c++) {
        struct mr_workers *workers = make(counts[c]);
        const int rounds = counts[c] > 3 ? 5 : ROUNDS;
        for (int round = 0; round < rounds; round++) {
            struct waiting waiting = {.barrier = {.count = (unsigned)counts[c]}};
            mr_workers_run(workers, counts[c], meet, &waiting);
            memset(waiting.here, 0, sizeof waiting.here);
            mr_workers_run(workers, counts[c], follow, &waiting);
            ck_assert_uint_eq(waiting.here[0], counts[c]);
        }
        mr_workers_free(workers);
    }
}
END_TEST

// ---- time

static double processor_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

START_TEST(idle_threads_sleep) {
    static struct parts parts = {.workers = 8};
    struct mr_workers *workers = make(8);
    mr_workers_run(workers, MOST_PARTS, do_part, &parts);
    const double begin = processor_ms();
    sleep_ms(100);
    const double spent = processor_ms() - begin;
    mr_workers_free(workers);
    // Of each MR_WORKERS_SPIN_US, and what the system takes to put it to sleep.
    ck_assert_msg(spent < 20, "8 idle threads took %.1f ms of processor time in 100", spent);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("workers");
    TCase *tests = tcase_create("workers");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_part_once);
    tcase_add_test(tests, as_many_as_there_may_be);
    tcase_add_test(tests, parts_wait);
    tcase_add_test(tests, idle_threads_sleep);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
