// SPDX-License-Identifier: Apache-2.0
// hlsc check: an end to kernels that do not end. C and the interpreters run them in this process,
// and nothing else could stop them.
#define _GNU_SOURCE
#include "check_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { USUAL_SECONDS = 300 };

struct limit {
    const struct checking *c;
    const char *what;
    uint64_t seconds;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
};

static void *watch(void *argument) {
    struct limit *limit = argument;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)limit->seconds;
    int waited = 0;
    pthread_mutex_lock(&limit->lock);
    while (!limit->over && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&limit->changed, &limit->lock, &until);
    const bool over = limit->over;
    pthread_mutex_unlock(&limit->lock);
    if (over)
        return NULL;
    fprintf(stderr,
            "check: %s did not end within %llu s; a run must end: look for a loop whose condition "
            "nothing changes, or give it more time with --limit SECONDS\n",
            limit->what, (unsigned long long)limit->seconds);
    if (limit->c->folder[0])
        check_remove_folder(limit->c->folder);
    _exit(1);
}

struct limit *limit_begin(const struct checking *c, const char *what) {
    struct limit *limit = calloc(1, sizeof *limit);
    if (!limit)
        return NULL;
    limit->c = c;
    limit->what = what;
    limit->seconds = c->options->limit ? c->options->limit : USUAL_SECONDS;
    pthread_mutex_init(&limit->lock, NULL);
    pthread_cond_init(&limit->changed, NULL);
    if (!pthread_create(&limit->thread, NULL, watch, limit))
        return limit;
    free(limit);
    return NULL;
}

void limit_end(struct limit *limit) {
    if (!limit)
        return;
    pthread_mutex_lock(&limit->lock);
    limit->over = true;
    pthread_cond_signal(&limit->changed);
    pthread_mutex_unlock(&limit->lock);
    pthread_join(limit->thread, NULL);
    free(limit);
}
