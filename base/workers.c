// SPDX-License-Identifier: Apache-2.0
// Threads that wait for jobs (workers.h).
#define _GNU_SOURCE
#include "workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS_BEFORE_YIELD = 200 }; // of a part that waits for another

struct thread {
    struct mr_workers *workers;
    size_t number;
    pthread_t thread;
};

struct mr_workers {
    size_t count; // of threads, with the caller's
    pid_t process;
    struct thread threads[MR_WORKERS_MAX];
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    size_t sleeping;    // of those that wait for a job
    bool waits;         // the caller, for the last part
    size_t next, parts; // the part that is taken next
    void (*work)(void *context, size_t part, size_t worker);
    void *context;
    // Written with the lock, and looked at without it.
    atomic_size_t left; // parts that are not done
    atomic_uint jobs;   // that were begun
    atomic_bool over;
};

static void pause_shortly(void) {
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// When a thread that looks for something from now on shall sleep.
static int64_t end_of_spin(void) {
    return now_ns() + (int64_t)MR_WORKERS_SPIN_US * 1000;
}

// With the lock. A thread that wakes late finds nothing left, and nobody waits for it.
static void take_parts(struct mr_workers *workers, size_t number) {
    while (workers->next < workers->parts) {
        const size_t part = workers->next++;
        pthread_mutex_unlock(&workers->lock);
        workers->work(workers->context, part, number);
        pthread_mutex_lock(&workers->lock);
        if (--workers->left == 0 && workers->waits)
            pthread_cond_signal(&workers->ended);
    }
}

// With the lock, which is open meanwhile: until there is another job than `seen`.
static void wait_for_job(struct mr_workers *workers, unsigned seen) {
    pthread_mutex_unlock(&workers->lock);
    const int64_t end = end_of_spin();
    while (workers->jobs == seen && !workers->over && now_ns() < end)
        pause_shortly();
    pthread_mutex_lock(&workers->lock);
    while (workers->jobs == seen && !workers->over) {
        workers->sleeping++;
        pthread_cond_wait(&workers->begun, &workers->lock);
        workers->sleeping--;
    }
}

static void *run(void *context) {
    const struct thread *own = context;
    struct mr_workers *workers = own->workers;

    pthread_mutex_lock(&workers->lock);
    while (!workers->over) {
        const unsigned seen = workers->jobs;
        take_parts(workers, own->number);
        wait_for_job(workers, seen);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

static size_t processors(void) {
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

struct mr_workers *mr_workers_create(size_t threads, size_t most) {
    struct mr_workers *workers = calloc(1, sizeof *workers);

    if (!workers)
        return NULL;
    if (threads == 0)
        threads = processors();
    threads = threads < most ? threads : most;
    threads = threads < MR_WORKERS_MAX ? threads : MR_WORKERS_MAX;
    workers->process = getpid();
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->begun, NULL);
    pthread_cond_init(&workers->ended, NULL);
    for (workers->count = 1; workers->count < threads; workers->count++) {
        struct thread *thread = &workers->threads[workers->count];
        *thread = (struct thread){.workers = workers, .number = workers->count};
        // Fewer do the same.
        if (pthread_create(&thread->thread, NULL, run, thread) != 0)
            break;
    }
    return workers;
}

// Whether the threads are this process's: a child by fork has none of them, and perhaps a lock that
// nobody will open.
static bool has_threads(const struct mr_workers *workers) {
    return workers->count > 1 && workers->process == getpid();
}

void mr_workers_free(struct mr_workers *workers) {
    if (!workers)
        return;
    if (has_threads(workers)) {
        pthread_mutex_lock(&workers->lock);
        workers->over = true;
        pthread_cond_broadcast(&workers->begun);
        pthread_mutex_unlock(&workers->lock);
        for (size_t i = 1; i < workers->count; i++)
            pthread_join(workers->threads[i].thread, NULL);
        pthread_cond_destroy(&workers->ended);
        pthread_cond_destroy(&workers->begun);
        pthread_mutex_destroy(&workers->lock);
    }
    free(workers);
}

size_t mr_workers_count(const struct mr_workers *workers) {
    return has_threads(workers) ? workers->count : 1;
}

void mr_workers_run(struct mr_workers *workers, size_t parts,
                    void (*work)(void *context, size_t part, size_t worker), void *context) {
    if (parts < 2 || !has_threads(workers)) {
        for (size_t part = 0; part < parts; part++)
            work(context, part, 0);
        return;
    }
    pthread_mutex_lock(&workers->lock);
    workers->work = work;
    workers->context = context;
    workers->next = 0;
    workers->parts = parts;
    workers->left = parts;
    workers->jobs++;
    if (workers->sleeping)
        pthread_cond_broadcast(&workers->begun);
    take_parts(workers, 0);
    pthread_mutex_unlock(&workers->lock);
    const int64_t end = end_of_spin();
    while (workers->left > 0 && now_ns() < end)
        pause_shortly();
    pthread_mutex_lock(&workers->lock);
    workers->waits = true;
    while (workers->left > 0)
        pthread_cond_wait(&workers->ended, &workers->lock);
    workers->waits = false;
    pthread_mutex_unlock(&workers->lock);
}

// ---- waiting inside of parts

void mr_await(const atomic_uint *counter, unsigned least) {
    for (int looks = 0; (int)(atomic_load_explicit(counter, memory_order_acquire) - least) < 0;)
        if (looks < LOOKS_BEFORE_YIELD) {
            looks++;
            pause_shortly();
        } else {
            sched_yield();
        }
}

void mr_barrier_wait(struct mr_barrier *barrier) {
    const unsigned round = atomic_load_explicit(&barrier->round, memory_order_relaxed);

    if (atomic_fetch_add_explicit(&barrier->arrived, 1, memory_order_acq_rel) + 1 <
        barrier->count) {
        mr_await(&barrier->round, round + 1);
        return;
    }
    atomic_store_explicit(&barrier->arrived, 0, memory_order_relaxed);
    atomic_store_explicit(&barrier->round, round + 1, memory_order_release);
}
