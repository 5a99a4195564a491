// SPDX-License-Identifier: Apache-2.0
// A card's thread and time limit (xrt_card.h).
#define _GNU_SOURCE
#include "xrt_card.h"
#include "failure.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 50 }; // between two looks at a card that works

static void *do_work(void *context) {
    struct mr_xrt_card *card = context;
    pthread_mutex_lock(&card->lock);
    while (!card->stop) {
        if (!card->work) {
            pthread_cond_wait(&card->changed, &card->lock);
            continue;
        }
        pthread_mutex_unlock(&card->lock);
        const int result = card->work(card, card->context);
        pthread_mutex_lock(&card->lock);
        card->result = result;
        card->work = NULL;
        pthread_cond_broadcast(&card->changed);
    }
    pthread_mutex_unlock(&card->lock);
    return NULL;
}

int mr_xrt_card_start(struct mr_xrt_card *card) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&card->lock, NULL);
    pthread_mutex_init(&card->losing, NULL);
    pthread_cond_init(&card->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return pthread_create(&card->thread, NULL, do_work, card) ? -1 : 0;
}

bool mr_xrt_card_stop(struct mr_xrt_card *card) {
    if (card->abandoned) {
        pthread_detach(card->thread);
        return false;
    }
    pthread_mutex_lock(&card->lock);
    card->stop = true;
    pthread_cond_broadcast(&card->changed);
    pthread_mutex_unlock(&card->lock);
    pthread_join(card->thread, NULL);
    pthread_cond_destroy(&card->changed);
    pthread_mutex_destroy(&card->lock);
    pthread_mutex_destroy(&card->losing);
    return true;
}

// The first reason stays.
static void set_lost(struct mr_xrt_card *card, const char *reason) {
    pthread_mutex_lock(&card->losing);
    if (!atomic_load(&card->lost)) {
        snprintf(card->lost_reason, sizeof card->lost_reason, "%.499s", reason);
        atomic_store(&card->lost, true);
    }
    pthread_mutex_unlock(&card->losing);
}

// XRT is answered in place of an emulated card that has died, and what it gives from then on is
// worth nothing.
static void look_for_death(struct mr_xrt_card *card) {
    char reason[500];
    if (card->emulation && !atomic_load(&card->lost) &&
        mr_emulation_is_dead(card->emulation, reason, sizeof reason))
        set_lost(card, reason);
}

// Called with the lock held, while the work goes on. True when there is no more hope.
static bool watch(struct mr_xrt_card *card, unsigned limit_ms) {
    char reason[500];
    look_for_death(card);
    const uint_fast64_t signs = atomic_load(&card->signs);
    const bool sign = signs != card->seen;
    card->seen = signs;
    if (!mr_too_quiet(&card->quiet, sign, limit_ms))
        return false;
    snprintf(reason, sizeof reason, "the card gave no sign of life for %.1f s", limit_ms / 1000.0);
    set_lost(card, reason);
    if (!card->emulation || card->killed)
        return true;
    mr_emulation_kill(card->emulation);
    card->killed = true;
    card->quiet = (struct mr_quiet){0}; // XRT may take as long again to come back
    return false;
}

static void wait_a_moment(struct mr_xrt_card *card) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&card->changed, &card->lock, &until);
}

int mr_xrt_card_perform(struct mr_xrt_card *card,
                        int (*work)(struct mr_xrt_card *card, void *context), void *context,
                        unsigned limit_ms, struct mr_error *error) {
    if (card->abandoned)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "the card was given up: its driver does not return");
    pthread_mutex_lock(&card->lock);
    card->quiet = (struct mr_quiet){0};
    card->work = work;
    card->context = context;
    pthread_cond_broadcast(&card->changed);
    while (card->work && !card->abandoned) {
        wait_a_moment(card);
        if (card->work && watch(card, limit_ms))
            card->abandoned = true;
    }
    int code = 0;
    if (card->abandoned)
        code = mr_failure(error, MR_ERROR_DEVICE,
                          "the card gave no sign of life for %.1f s; its driver does not return",
                          limit_ms / 1000.0);
    else if (card->result)
        code = mr_failure(error, card->error.code, "%s", card->error.text);
    pthread_mutex_unlock(&card->lock);
    return code;
}

int mr_xrt_card_touch(struct mr_xrt_card *card) {
    atomic_fetch_add(&card->signs, 1);
    look_for_death(card);
    return atomic_load(&card->lost)
               ? mr_failure(&card->error, MR_ERROR_DEVICE, "%s", card->lost_reason)
               : 0;
}

int mr_xrt_card_lose(struct mr_xrt_card *card, const char *reason) {
    char better[850], line[300] = "";
    look_for_death(card); // it says more than `reason`
    if (card->emulation)
        mr_emulation_complaint(card->emulation, line, sizeof line);
    snprintf(better, sizeof better, "%s%s%s", reason, *line ? ": " : "", line);
    set_lost(card, better);
    return mr_xrt_card_touch(card);
}
