// SPDX-License-Identifier: Apache-2.0
// Runs of more sequences than a session has slots, each with a state of its own, which the caller
// keeps: the states go through the slots, as many at a time as there are.
#include "failure.h"
#include "model_handle.h"
#include "op.h"
#include "session.h"
#include "state_image.h"
#include "stats.h"
#include "weights_image.h"

#include <stdlib.h>
#include <string.h>

// A call.
struct swap {
    struct mr_session *session;
    uint64_t steps;
    const uint64_t *numbers; // [sequences] which they are of the caller's; NULL: the same
    unsigned char *states;   // [sequences][size]
    size_t size;
    float *const *y;
};

// Bytes that are all 0 stand for a sequence that has not begun.
static bool is_new(const struct swap *swap, uint64_t sequence) {
    const unsigned char *state = swap->states + sequence * swap->size;

    return state[0] == 0 && memcmp(state, state + 1, swap->size - 1) == 0;
}

// The states of a group to the beats of its slots, which are 0.
static int take_states(const struct swap *swap, uint64_t first, uint32_t count, int16_t *beats) {
    struct mr_session *session = swap->session;
    char text[700];

    for (uint32_t slot = 0; slot < count; slot++) {
        const uint64_t at = first + slot, number = swap->numbers ? swap->numbers[at] : at;
        if (is_new(swap, at))
            mr_state_begin(&session->compiled.plan, slot, number, beats);
        else if (mr_state_take(&session->compiled.plan, mr_model_identity(session->model),
                               swap->states + (first + slot) * swap->size, swap->size, slot, beats,
                               text, sizeof text))
            return mr_failure(&session->error, MR_ERROR_ARGUMENT, "state %llu (from 0): %s",
                              (unsigned long long)number, text);
    }
    return 0;
}

// beats: of all slots, 0.
static int run_group(const struct swap *swap, uint64_t first, uint32_t count, const float *x,
                     int16_t *beats, struct mr_stats *stats) {
    struct mr_session *session = swap->session;
    const struct mr_plan *plan = &session->compiled.plan;
    struct mr_stats own;
    float *to[MR_MAX_OUTPUTS];
    int code = take_states(swap, first, count, beats);

    if (!code)
        code = mr_session_write_states(session, beats);
    mr_session_outputs_from(session, swap->y, first, swap->steps, to);
    if (!code)
        code = mr_session_run_call(session, x + first * swap->steps * session->inputs, count,
                                   swap->steps, MR_RUN_CONTINUE, NULL, to, &own);
    if (!code)
        code = mr_session_read_states(session, beats);
    if (code)
        return code;
    for (uint32_t slot = 0; slot < count; slot++)
        mr_state_keep(plan, mr_model_identity(session->model), beats, slot,
                      swap->states + (first + slot) * swap->size);
    mr_stats_add(&own, stats);
    return 0;
}

// The beats of all slots, to be freed; NULL with the session's error.
static int16_t *make_beats(struct mr_session *session) {
    int16_t *beats =
        calloc(mr_state_total_beats(&session->compiled.plan), MR_IMAGE_BEAT * sizeof *beats);

    if (!beats)
        mr_failure(&session->error, MR_ERROR_MEMORY,
                   "not enough memory for the states of %u sequences", session->slots);
    return beats;
}

int mr_session_check_states(struct mr_session *session, unsigned char *states, uint64_t sequences) {
    const struct swap swap = {
        .session = session, .states = states, .size = mr_session_state_size(session)};
    int16_t *beats = make_beats(session);
    int code = beats ? 0 : MR_ERROR_MEMORY;

    for (uint64_t first = 0; !code && first < sequences; first++)
        code = take_states(&swap, first, 1, beats);
    free(beats);
    return code;
}

int mr_session_swap(struct mr_session *session, const float *x, uint64_t sequences, uint64_t steps,
                    const uint64_t *numbers, unsigned char *states, float *const *y,
                    struct mr_stats *stats) {
    const size_t bytes =
        (size_t)mr_state_total_beats(&session->compiled.plan) * MR_IMAGE_BEAT * sizeof(int16_t);
    const uint32_t slots = session->slots;
    const struct swap swap = {.session = session,
                              .steps = steps,
                              .numbers = numbers,
                              .states = states,
                              .size = mr_session_state_size(session),
                              .y = y};
    struct mr_stats sum = {0};
    int16_t *beats = make_beats(session);
    int code = beats ? 0 : MR_ERROR_MEMORY;

    for (uint64_t first = 0; !code && first < sequences; first += slots) {
        const uint64_t left = sequences - first;
        memset(beats, 0, bytes);
        code = run_group(&swap, first, left < slots ? (uint32_t)left : slots, x, beats, &sum);
    }
    free(beats);
    mr_session_reset(session);
    if (!code)
        *stats = sum;
    return code;
}

int mr_session_run_states(struct mr_session *session, const float *x, uint64_t sequences,
                          uint64_t steps, void *states, float *y, struct mr_stats *stats) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!x || !y || !states)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT, "mr_session_run_states: %s is NULL",
                          !x   ? "x"
                          : !y ? "y"
                               : "states");
    int code = mr_session_check_run(session, x, sequences, steps);
    if (code)
        return code;
    struct mr_stats sum;
    float *to[MR_MAX_OUTPUTS];
    mr_session_outputs(session, y, sequences, steps, to);
    if (session->network->mask.given)
        return mr_session_run_own(session, x, sequences, steps, states, to, stats);
    code = mr_session_check_states(session, states, sequences);
    if (!code)
        code = mr_session_swap(session, x, sequences, steps, NULL, states, to, &sum);
    if (!code && stats)
        *stats = sum;
    return code;
}
