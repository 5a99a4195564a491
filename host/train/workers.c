// SPDX-License-Identifier: Apache-2.0
// Threads that wait for jobs (workers.h).
#define _GNU_SOURCE
#include "workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
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
    bool over;
    size_t next, parts; // the part that is taken next
    size_t left;        // parts that are not done
    void (*work)(void *context, size_t part, size_t worker);
    void *context;
};

// With the lock. A thread that wakes late finds nothing left, and nobody waits for it.
static void take_parts(struct mr_workers *workers, size_t number) {
    while (workers->next < workers->parts) {
        const size_t part = workers->next++;
        pthread_mutex_unlock(&workers->lock);
        workers->work(workers->context, part, number);
        pthread_mutex_lock(&workers->lock);
        if (--workers->left == 0)
            pthread_cond_signal(&workers->ended);
    }
}

static void *run(void *context) {
    const struct thread *own = context;
    struct mr_workers *workers = own->workers;

    pthread_mutex_lock(&workers->lock);
    while (!workers->over) {
        take_parts(workers, own->number);
        if (!workers->over)
            pthread_cond_wait(&workers->begun, &workers->lock);
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
    pthread_mutex_lock(&workers->lock);
    workers->work = work;
    workers->context = context;
    workers->next = 0;
    workers->parts = workers->left = parts;
    if (workers->count > 1 && parts > 1)
        pthread_cond_broadcast(&workers->begun);
    take_parts(workers, 0);
    while (workers->left > 0)
        pthread_cond_wait(&workers->ended, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
}
