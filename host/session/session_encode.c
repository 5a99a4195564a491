// SPDX-License-Identifier: Apache-2.0
// mr_session_encode: a sequence for the encoder's part, from which the decoder goes on.
#include "failure.h"
#include "op.h"
#include "session.h"
#include "text.h"

#include <string.h>

static int check_encode(struct mr_session *session, const float *x, uint64_t steps) {
    struct mr_error *error = &session->error;
    const struct mr_network *network = session->network;
    const int input = network->encoder;
    char text[300];
    if (!input)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_encode: the model has no encoder; run it with mr_session_run");
    if (!x)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_session_encode: x is NULL");
    const struct mr_op *pool = mr_part_pool(network, input);
    // No machine has the memory for x beyond this, and no product of these overflows.
    if (steps == 0 || steps > MR_STEPS_MAX ||
        steps > (UINT64_MAX >> 20) / mr_session_row(&session->compiled.plan, input) ||
        (pool && steps >> mr_op_pool_bits(pool) != 0))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_encode: a sequence of %llu step%s is not possible; give 1 to "
                          "%llu",
                          (unsigned long long)steps, mr_plural(steps),
                          pool ? (1ull << mr_op_pool_bits(pool)) - 1
                               : (unsigned long long)MR_STEPS_MAX);
    if (mr_part_check_steps(network, input, steps, text, sizeof text))
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_session_encode: %s", text);
    const int code = mr_session_check_numbers(session, input, x, 1, steps);
    return code ? code : mr_session_check_device(session);
}

static int run(struct mr_session *session, const float *x, uint64_t steps, uint64_t *cycles) {
    const struct mr_plan *plan = &session->compiled.plan;
    const int input = session->network->encoder;
    const uint32_t width = session->encoder_inputs, row = mr_session_row(plan, input);
    char text[900];
    if (mr_session_make_room(session, steps * row, 1))
        return mr_failure(&session->error, MR_ERROR_MEMORY,
                          "not enough memory for %llu step%s of the encoder",
                          (unsigned long long)steps, mr_plural(steps));
    mr_cuts_begin(session);
    for (uint64_t t = 0; t < steps; t++) {
        int16_t *to = session->x + t * row;
        if (mr_quantise_stream(session->network, input, x + t * width, 1, to,
                               session->cuts.new_inputs + session->inputs, text, sizeof text))
            return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
        memset(to + width, 0, (row - width) * sizeof *to);
    }
    struct mr_job job = {
        .sequences = 1,
        .steps = (uint32_t)steps,
        .flags = MR_FLAG_RESET,
        .encodes = true,
        .in = {{"x", session->x, steps * (uint64_t)mr_plan_words((int)width, plan->x_lc)}},
        .out = {{"y", session->y, 0}},
    };
    const int code = mr_session_run_job(session, &job);
    if (code)
        return code;
    session->fresh &= ~mr_session_slot_set(1);
    mr_cuts_end(session, true, 1, steps);
    session->activity_steps = steps;
    *cycles = job.cycles; // there is no output: up to the end
    return 0;
}

int mr_session_encode(struct mr_session *session, const float *x, uint64_t steps,
                      struct mr_stats *stats) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    uint64_t cycles = 0;
    int code = check_encode(session, x, steps);
    if (code)
        return code;
    const struct mr_session_clock clock = mr_session_begin(session, stats != NULL);
    code = run(session, x, steps, &cycles);
    if (code && session->timeline)
        mr_timeline_clear(session->timeline);
    if (!code && stats)
        mr_session_end(session, &clock, true, cycles, 1, 1, steps, stats);
    return code;
}
