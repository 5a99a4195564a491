// SPDX-License-Identifier: Apache-2.0
// Threads that wait for jobs (workers.h).
#define _GNU_SOURCE
#include "workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { THREADS_MAX = 64 };

struct thread {
    struct mr_workers *workers;
    size_t number;
    pthread_t thread;
};

struct mr_workers {
    size_t count; // of threads, with the caller's
    struct thread threads[THREADS_MAX];
    pthread_mutex_t lock;
    pthread_cond_t begun, ended;
    uint64_t job; // counted
    size_t busy;  // threads that have not done with it
    bool over;
    atomic_size_t next; // part
    size_t parts;
    void (*work)(void *context, size_t part, size_t worker);
    void *context;
};

static void take_parts(struct mr_workers *workers, size_t number) {
    for (size_t part; (part = atomic_fetch_add(&workers->next, 1)) < workers->parts;)
        workers->work(workers->context, part, number);
}

static void *run(void *context) {
    const struct thread *own = context;
    struct mr_workers *workers = own->workers;
    uint64_t done = 0;

    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (workers->job == done && !workers->over)
            pthread_cond_wait(&workers->begun, &workers->lock);
        if (workers->over)
            break;
        done = workers->job;
        pthread_mutex_unlock(&workers->lock);
        take_parts(workers, own->number);
        pthread_mutex_lock(&workers->lock);
        if (--workers->busy == 0)
            pthread_cond_signal(&workers->ended);
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
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
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

void mr_workers_free(struct mr_workers *workers) {
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->over = true;
    pthread_cond_broadcast(&workers->begun);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 1; i < workers->count; i++)
        pthread_join(workers->threads[i].thread, NULL);
    pthread_cond_destroy(&workers->ended);
    pthread_cond_destroy(&workers->begun);
    pthread_mutex_destroy(&workers->lock);
    free(workers);
}

size_t mr_workers_count(const struct mr_workers *workers) {
    return workers->count;
}

void mr_workers_run(struct mr_workers *workers, size_t parts,
                    void (*work)(void *context, size_t part, size_t worker), void *context) {
    const bool shared = workers->count > 1 && parts > 1;

    pthread_mutex_lock(&workers->lock);
    workers->parts = parts;
    workers->work = work;
    workers->context = context;
    atomic_store(&workers->next, 0);
    if (shared) {
        workers->job++;
        workers->busy = workers->count - 1;
        pthread_cond_broadcast(&workers->begun);
    }
    pthread_mutex_unlock(&workers->lock);
    take_parts(workers, 0);
    if (!shared)
        return;
    pthread_mutex_lock(&workers->lock);
    while (workers->busy > 0)
        pthread_cond_wait(&workers->ended, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
}
