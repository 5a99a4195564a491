// SPDX-License-Identifier: Apache-2.0
// The recurrent states of a session's slots: where they begin anew, and as bytes.
#include "failure.h"
#include "model_handle.h"
#include "session.h"
#include "state_image.h"
#include "weights_image.h"

#include <stdlib.h>

int mr_session_check_device(struct mr_session *session) {
    return session->device
               ? 0
               : mr_failure(&session->error, MR_ERROR_DEVICE,
                            "the session has no device any more, as its fallback failed as well; "
                            "open another session");
}

uint32_t mr_session_slots(const struct mr_session *session) {
    return session ? session->slots : 0;
}

void mr_session_reset(struct mr_session *session) {
    if (session)
        session->fresh = mr_session_slot_set(session->slots);
}

static int check_slot(struct mr_session *session, const char *call, uint32_t slot) {
    return slot < session->slots
               ? 0
               : mr_failure(&session->error, MR_ERROR_ARGUMENT,
                            "%s: there is no slot %u; the session has %u, from 0 on", call,
                            (unsigned)slot, (unsigned)session->slots);
}

int mr_session_reset_slot(struct mr_session *session, uint32_t slot) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    const int code = check_slot(session, "mr_session_reset_slot", slot);
    if (!code)
        session->fresh |= UINT32_C(1) << slot;
    return code;
}

size_t mr_session_state_size(const struct mr_session *session) {
    return session ? mr_state_size(&session->compiled.plan) : 0;
}

// ---- the device's states

// Those of all slots, to be freed; those that are fresh or `unwanted` are as at the start of a
// sequence. NULL on failure, with the reason.
static int16_t *read_states(struct mr_session *session, uint32_t unwanted,
                            struct mr_error *reason) {
    const struct mr_plan *plan = &session->compiled.plan;
    const uint32_t count = mr_state_total_beats(plan);
    int16_t *beats = calloc(count, MR_IMAGE_BEAT * sizeof *beats);
    if (!beats) {
        mr_failure(reason, MR_ERROR_MEMORY, "not enough memory for the state");
        return NULL;
    }
    unwanted = (unwanted | session->fresh) & mr_session_slot_set(session->slots);
    if (unwanted != mr_session_slot_set(session->slots) &&
        mr_device_read_state(session->device, beats, count, reason)) {
        free(beats);
        return NULL;
    }
    for (uint32_t slot = 0; slot < session->slots; slot++)
        if (unwanted >> slot & 1)
            mr_state_begin(plan, slot, slot, beats);
    return beats;
}

int mr_session_read_states(struct mr_session *session, int16_t *beats) {
    struct mr_error reason;

    return mr_device_read_state(session->device, beats,
                                mr_state_total_beats(&session->compiled.plan), &reason)
               ? mr_failure(&session->error, reason.code, "the state cannot be read: %s",
                            reason.text)
               : 0;
}

// All slots go on from there.
int mr_session_write_states(struct mr_session *session, const int16_t *beats) {
    const uint32_t count = mr_state_total_beats(&session->compiled.plan);
    struct mr_error reason;
    if (mr_device_write_state(session->device, beats, count, &reason)) {
        mr_session_reset(session);
        return mr_failure(&session->error, reason.code, "the state cannot be written: %s",
                          reason.text);
    }
    session->fresh = 0;
    if (session->resume)
        mr_resume_restored(session->resume, beats, (size_t)count * MR_IMAGE_BEAT);
    return 0;
}

int mr_session_go_on(struct mr_session *session, uint32_t sequences, bool *reset) {
    const uint32_t wanted = mr_session_slot_set(sequences), fresh = session->fresh & wanted;
    struct mr_error reason;
    *reset = fresh == wanted && !mr_network_starts(session->network);
    if (*reset || !fresh)
        return 0;
    int16_t *beats = read_states(session, 0, &reason);
    const int code = beats ? mr_session_write_states(session, beats)
                           : mr_failure(&session->error, reason.code,
                                        "the state cannot be read: %s", reason.text);
    free(beats);
    return code;
}

int mr_session_start(struct mr_session *session, uint64_t first, uint64_t end,
                     const uint64_t *numbers) {
    const struct mr_plan *plan = &session->compiled.plan;
    int16_t *beats = calloc(mr_state_total_beats(plan), MR_IMAGE_BEAT * sizeof *beats);
    if (!beats)
        return mr_failure(&session->error, MR_ERROR_MEMORY, "not enough memory for the state");
    for (uint32_t slot = 0; slot < session->slots; slot++) {
        const uint64_t at = first + slot;
        mr_state_begin(plan, slot, numbers && at < end ? numbers[at] : at, beats);
    }
    const int code = mr_session_write_states(session, beats);
    free(beats);
    return code;
}

// ---- as bytes

int mr_session_save_slot(struct mr_session *session, uint32_t slot, void *state, size_t size) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    const struct mr_plan *plan = &session->compiled.plan;
    if (!state || size < mr_state_size(plan))
        return mr_failure(
            &session->error, MR_ERROR_ARGUMENT, "mr_session_save: %s; the state has %zu bytes",
            state ? "the buffer is too small" : "the buffer is NULL", mr_state_size(plan));
    const int code = check_slot(session, "mr_session_save", slot);
    if (code)
        return code;
    struct mr_error reason;
    int16_t *beats = read_states(session, ~(UINT32_C(1) << slot), &reason);
    if (!beats)
        return mr_failure(&session->error, reason.code, "the state cannot be read: %s",
                          reason.text);
    mr_state_keep(plan, mr_model_identity(session->model), beats, slot, state);
    free(beats);
    return 0;
}

int mr_session_restore_slot(struct mr_session *session, uint32_t slot, const void *state,
                            size_t size) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!state)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT,
                          "mr_session_restore: the state is NULL");
    int code = check_slot(session, "mr_session_restore", slot);
    if (code || (code = mr_session_check_device(session)))
        return code;
    struct mr_error reason;
    char text[900];
    // Those of the other slots stay as they are.
    int16_t *beats = read_states(session, UINT32_C(1) << slot, &reason);
    if (!beats)
        return mr_failure(&session->error, reason.code, "the state cannot be read: %s",
                          reason.text);
    code = mr_state_take(&session->compiled.plan, mr_model_identity(session->model), state, size,
                         slot, beats, text, sizeof text)
               ? mr_failure(&session->error, MR_ERROR_ARGUMENT, "%s", text)
               : mr_session_write_states(session, beats);
    free(beats);
    return code;
}

int mr_session_save(struct mr_session *session, void *state, size_t size) {
    return mr_session_save_slot(session, 0, state, size);
}

int mr_session_restore(struct mr_session *session, const void *state, size_t size) {
    return mr_session_restore_slot(session, 0, state, size);
}
