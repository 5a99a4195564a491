// SPDX-License-Identifier: Apache-2.0
// Tokens that a session's device gives one after the other, each of which is its next input.
#include "failure.h"
#include "op.h"
#include "session.h"

#include <stdbool.h>
#include <string.h>

// Of a device run, at most: a card keeps a beat for each token, or as many as its row takes.
enum { PORTION = 4096, PORTION_BYTES = 1 << 20 };

// A call.
struct generation {
    struct mr_session *session;
    int32_t stop;
    uint32_t place, width; // of the token in a row of the outputs, and numbers of such a row
    uint64_t cycles;
    uint32_t runs;
};

// Where the token is.
static int find_token(struct mr_session *session, struct generation *call, int32_t first,
                      uint32_t *tokens) {
    const struct mr_network *network = session->network;
    char text[400];
    const int output = mr_network_token(network, text, sizeof text);
    if (output < 0)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT, "mr_session_generate: %s", text);
    for (int o = 0; o < output; o++)
        call->place += (uint32_t)network->streams[network->outputs[o].stream].width;
    call->width = (uint32_t)mr_network_width(network);
    *tokens = (uint32_t)mr_output_op(network, output)->inputs;
    const int entries = mr_network_entries(network);
    return first >= 0 && first < entries
               ? 0
               : mr_failure(&session->error, MR_ERROR_INPUT,
                            "mr_session_generate: the first token is %d, and the table has the "
                            "rows 0 to %d",
                            (int)first, entries - 1);
}

static int check(struct mr_session *session, struct generation *call, int32_t first, uint64_t most,
                 const int32_t *tokens, const uint64_t *count) {
    uint32_t choice = 0;
    if (!tokens || !count)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT, "mr_session_generate: %s is NULL",
                          tokens ? "count" : "tokens");
    int code = find_token(session, call, first, &choice);
    if (!code)
        code = mr_session_check_call(session, 1, 1, MR_RUN_CONTINUE);
    if (!code && most == 0)
        code = mr_failure(&session->error, MR_ERROR_ARGUMENT,
                          "mr_session_generate: at most 0 tokens are asked for; ask for 1 or more");
    if (!code && (call->stop < -1 || call->stop >= (int32_t)choice))
        code = mr_failure(&session->error, MR_ERROR_ARGUMENT,
                          "mr_session_generate: the stop token is %d, and the network gives 0 to "
                          "%u; -1 is none",
                          (int)call->stop, choice - 1);
    return code;
}

// One device run: at most so many tokens.
static int run_once(struct generation *call, int32_t first, uint32_t most, bool reset,
                    int32_t *tokens, uint32_t *count) {
    struct mr_session *session = call->session;
    const uint64_t numbers = (uint64_t)most * call->width;
    if (mr_session_make_room(session, session->row, numbers * sizeof(int32_t)))
        return mr_failure(&session->error, MR_ERROR_MEMORY, "not enough memory for %u tokens",
                          most);
    mr_cuts_begin(session);
    memset(session->x, 0, session->row * sizeof *session->x);
    *session->x = (int16_t)first;
    struct mr_job job = {
        .sequences = 1,
        .steps = 1,
        .flags = reset ? MR_FLAG_RESET : 0,
        .feedback = {.most = most, .place = call->place, .stop = (uint32_t)call->stop},
        .in = {{"x", session->x, 1}},
        .out = {{"y", session->y, numbers}},
    };
    const int code = mr_session_run_job(session, &job);
    if (code)
        return code;
    *count = job.feedback.steps;
    session->fresh &= ~mr_session_slot_set(1);
    mr_cuts_end(session, false, *count, *count);
    session->activity_steps = *count;
    for (uint32_t i = 0; i < *count; i++)
        tokens[i] = ((const int32_t *)session->y)[(size_t)i * call->width + call->place];
    call->cycles += job.cycles ? job.last_output_cycle + 1 : 0;
    call->runs++;
    return 0;
}

int mr_session_generate(struct mr_session *session, int32_t first, int32_t stop, uint64_t most,
                        int32_t *tokens, uint64_t *count, struct mr_stats *stats) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    struct generation call = {.session = session, .stop = stop};
    if (count)
        *count = 0;
    int code = check(session, &call, first, most, tokens, count);
    if (code)
        return code;
    const struct mr_session_clock clock = mr_session_begin(session, stats != NULL);
    const uint64_t fit = PORTION_BYTES / (call.width * sizeof(int32_t)) + 1,
                   portion = fit < PORTION ? fit : PORTION;
    bool reset, stopped = false;
    uint64_t done = 0;
    code = mr_session_go_on(session, 1, &reset);
    while (!code && !stopped && done < most) {
        const uint64_t left = most - done;
        uint32_t given = 0;
        code = run_once(&call, done ? tokens[done - 1] : first,
                        (uint32_t)(left < portion ? left : portion), reset, tokens + done, &given);
        done += given;
        stopped = done && tokens[done - 1] == stop;
        reset = false;
    }
    *count = done;
    if (!code && stats)
        mr_session_end(session, &clock, false, call.cycles, call.runs, done, 1, stats);
    return code;
}
