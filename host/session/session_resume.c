// SPDX-License-Identifier: Apache-2.0
// Going on with another device when a session's own fails: a saved state, and the steps since then,
// which the other device repeats before it takes over.
#define _POSIX_C_SOURCE 200809L // PATH_MAX
#include "failure.h"
#include "feedback.h"
#include "session.h"
#include "state_image.h"
#include "weights_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT_STEPS = 64 }; // more of them, and the device's state is read instead

struct mr_resume {
    char *uri;
    bool used;
    int16_t *beats; // the state before `rows`, as devices take it
    int16_t *fresh; // the next one, while it is read
    // [KEPT_STEPS][sequences][row], of which `count` are there: sequences that go on from `beats`
    // in the first slots.
    int16_t *rows;
    uint32_t count, sequences;
    size_t row; // numbers
};

static size_t state_numbers(const struct mr_session *session) {
    return (size_t)mr_state_total_beats(&session->compiled.plan) * MR_IMAGE_BEAT;
}

int mr_resume_open(struct mr_session *session, const char *uri, struct mr_error *error) {
    // What takes long is done now and not when the device has failed.
    const int code = mr_session_prepare(session, uri, error);
    if (code)
        return code;
    struct mr_resume *resume = session->resume = calloc(1, sizeof *resume);
    if (resume) {
        resume->uri = strdup(uri);
        resume->row = session->row;
        resume->beats = calloc(state_numbers(session), sizeof *resume->beats);
        resume->fresh = calloc(state_numbers(session), sizeof *resume->fresh);
        resume->rows = calloc(KEPT_STEPS * session->slots * resume->row, sizeof *resume->rows);
    }
    return resume && resume->uri && resume->beats && resume->fresh && resume->rows
               ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the fallback %s", uri);
}

void mr_resume_close(struct mr_resume *resume) {
    if (!resume)
        return;
    free(resume->uri);
    free(resume->beats);
    free(resume->fresh);
    free(resume->rows);
    free(resume);
}

// The sequences of the job that left the states of the slots behind which others lie, or 0: those
// of its last group are not in all of them.
static uint32_t last_sequences(const struct mr_session *session, const struct mr_job *job) {
    if (job->sequences <= session->slots)
        return job->sequences;
    return job->sequences % session->slots ? 0 : session->slots;
}

// Steps of each of its sequences.
static uint32_t steps_of(const struct mr_job *job) {
    return job->feedback.most ? job->feedback.steps : job->steps;
}

// Can the rows of the job be kept, behind those that are, or where it begins anew instead of them?
static bool can_keep(const struct mr_session *session, const struct mr_job *job) {
    const struct mr_resume *resume = session->resume;
    const uint32_t sequences = last_sequences(session, job);
    if (!sequences || steps_of(job) > KEPT_STEPS || job->encodes)
        return false;
    if (job->flags & MR_FLAG_RESET)
        return !resume->count || sequences >= resume->sequences;
    return !resume->count ||
           (sequences == resume->sequences && resume->count + steps_of(job) <= KEPT_STEPS);
}

// The rows that the last sequences of the job took, behind those that are there.
static void keep(struct mr_resume *resume, const struct mr_job *job) {
    const size_t step = resume->sequences * resume->row;
    const struct mr_feedback *feedback = &job->feedback;
    int16_t *to = resume->rows + resume->count * step;
    if (!feedback->most) {
        const size_t last = (size_t)(job->sequences - resume->sequences) * job->steps * resume->row;
        memcpy(to, (const int16_t *)job->in->data + last, job->steps * step * sizeof *to);
        return;
    }
    const uint64_t count = job->out->count / feedback->most;
    const uint32_t *y = (const uint32_t *)job->out->data + feedback->place;
    memcpy(to, job->in->data, step * sizeof *to);
    for (uint32_t i = 1; i < feedback->steps; i++)
        mr_feedback_element(y[(i - 1) * count], (unsigned char *)(to + i * step),
                            16 * (uint32_t)step);
}

int mr_resume_note(struct mr_session *session, const struct mr_job *job, struct mr_error *error) {
    struct mr_resume *resume = session->resume;
    if (!resume || resume->used)
        return 0;
    if (!can_keep(session, job)) {
        const int code = mr_device_read_state(session->device, resume->fresh,
                                              mr_state_total_beats(&session->compiled.plan), error);
        if (code)
            return code;
        memcpy(resume->beats, resume->fresh, state_numbers(session) * sizeof *resume->beats);
        resume->count = 0;
        return 0;
    }
    resume->sequences = last_sequences(session, job);
    if (job->flags & MR_FLAG_RESET) {
        for (uint32_t slot = 0; slot < resume->sequences; slot++)
            mr_state_clear(&session->compiled.plan, slot, resume->beats);
        resume->count = 0;
    }
    keep(resume, job);
    resume->count += steps_of(job);
    return 0;
}

void mr_resume_restored(struct mr_resume *resume, const int16_t *beats, size_t numbers) {
    memcpy(resume->beats, beats, numbers * sizeof *beats);
    resume->count = 0;
}

static int repeat(struct mr_session *session, const struct mr_resume *resume,
                  struct mr_error *error) {
    const uint32_t beats = mr_state_total_beats(&session->compiled.plan);
    const int code = mr_device_write_state(session->device, resume->beats, beats, error);
    if (code || !resume->count)
        return code;
    const struct mr_plan *plan = &session->compiled.plan;
    const int lc = plan->x_lc;
    const size_t rows = (size_t)resume->sequences * resume->count;
    const uint64_t words = resume->sequences * mr_plan_output_words(plan, resume->count);
    void *y = calloc(resume->sequences, mr_session_output_bytes(plan, resume->count));
    if (!y)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to repeat %u steps",
                          resume->count);
    struct mr_job job = {
        .sequences = resume->sequences,
        .steps = resume->count,
        .in = {{"x", resume->rows, rows * (uint64_t)(session->row / (uint32_t)lc)}},
        .out = {{"y", y, words}},
    };
    const int result = mr_device_run(session->device, &job, error);
    free(y);
    return result;
}

bool mr_resume(struct mr_session *session, struct mr_error *reason) {
    struct mr_resume *resume = session->resume;
    struct mr_error other;
    if (!resume || resume->used)
        return false;
    resume->used = true;
    char failed[sizeof session->device_text];
    snprintf(failed, sizeof failed, "%s", session->device_text);
    session->options.timeline = 0;
    session->options.trace = NULL;
    session->options.idle_chance = session->options.stall_chance = 0;
    mr_session_detach(session);
    if (mr_session_attach(session, resume->uri, &other) || repeat(session, resume, &other)) {
        mr_session_detach(session); // it may be open, without weights or state
        mr_failure(reason, reason->code, "%.400s; its fallback %.200s failed as well: %.300s",
                   reason->text, resume->uri, other.text);
        return false;
    }
    snprintf(session->device_text, sizeof session->device_text,
             "%.300s, in place of %.200s: %.900s", resume->uri, failed, reason->text);
    if (session->options.progress)
        session->options.progress(session->options.progress_context, session->device_text);
    return true;
}
