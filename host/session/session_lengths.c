// SPDX-License-Identifier: Apache-2.0
// Sequences of different lengths in one call: those of one length make a run of their own, so that
// each is run as if it were alone, on every device alike. What comes behind the end of a shorter
// one is what the network's heads give for a hidden state of zero.
#include "failure.h"
#include "session.h"
#include "stats.h"
#include "text.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>

// A call, and the sequences of it that have one length.
struct lengths_call {
    unsigned char *states, *part_states; // [sequences][size], and of those; NULL: none
    size_t size;
    struct mr_session *session;
    const float *x;
    uint64_t sequences, steps;
    const uint64_t *lengths; // [sequences]
    float *const *y;         // of the outputs; NULL: not wanted
    uint64_t length, count;
    uint64_t *numbers; // [count] which they are
    float *part_x, *part_y;
};

static bool is_per_step(const struct mr_network *network, int output) {
    return network->streams[network->outputs[output].stream].rate == MR_PER_STEP;
}

static size_t width_of(const struct mr_network *network, int output) {
    return (size_t)network->streams[network->outputs[output].stream].width;
}

// x of the sequences that have this length, one behind the other.
static int gather(struct lengths_call *call) {
    const size_t inputs = call->session->inputs;
    const size_t row = call->length * inputs;
    const size_t numbers = mr_network_numbers(call->session->network, call->length);

    call->part_x = malloc(call->count * row * sizeof *call->part_x);
    call->part_y = calloc(call->count * numbers, sizeof *call->part_y);
    call->numbers = malloc(call->count * sizeof *call->numbers);
    call->part_states = call->states ? malloc(call->count * call->size) : NULL;
    if (!call->part_x || !call->part_y || !call->numbers || (call->states && !call->part_states))
        return mr_failure(&call->session->error, MR_ERROR_MEMORY,
                          "not enough memory for %llu sequence%s of %llu steps",
                          (unsigned long long)call->count, mr_plural(call->count),
                          (unsigned long long)call->length);
    float *to = call->part_x;
    uint64_t at = 0;
    for (uint64_t n = 0; n < call->sequences; n++)
        if (call->lengths[n] == call->length) {
            memcpy(to, call->x + n * call->steps * inputs, row * sizeof *to);
            to += row;
            if (call->states)
                memcpy(call->part_states + at * call->size, call->states + n * call->size,
                       call->size);
            call->numbers[at++] = n;
        }
    return 0;
}

// Their states back, also after a failure: those of sequences that were not run are the old ones.
static void keep_states(const struct lengths_call *call) {
    for (uint64_t i = 0; call->states && i < call->count; i++)
        memcpy(call->states + call->numbers[i] * call->size, call->part_states + i * call->size,
               call->size);
}

// Puts the rows of the outputs where the call wants them.
static void scatter(const struct lengths_call *call) {
    const struct mr_network *network = call->session->network;
    const float *from = call->part_y;

    for (int o = 0; o < network->output_count; o++) {
        const size_t width = width_of(network, o);
        const size_t rows = is_per_step(network, o) ? call->length : 1;
        const size_t stride = is_per_step(network, o) ? call->steps * width : width;
        for (uint64_t n = 0; n < call->sequences; n++)
            if (call->lengths[n] == call->length) {
                if (call->y[o])
                    memcpy(call->y[o] + n * stride, from, rows * width * sizeof *from);
                from += rows * width;
            }
    }
}

// Rows behind the ends of the sequences.
static int pad(const struct lengths_call *call) {
    const struct mr_network *network = call->session->network;
    const size_t inputs = call->session->inputs;
    int32_t *rows = malloc((size_t)mr_network_width(network) * sizeof *rows);
    int16_t *x = malloc(inputs * sizeof *x);
    char text[300];
    int code = rows && x ? 0
                         : mr_failure(&call->session->error, MR_ERROR_MEMORY,
                                      "not enough memory for the ends of sequences");

    for (uint64_t n = 0; n < call->sequences; n++)
        for (uint64_t t = call->lengths[n]; t < call->steps && !code; t++) {
            const float *at = call->x + (n * call->steps + t) * inputs;
            if (mr_quantise_input(network, at, 1, x, NULL, text, sizeof text) ||
                mr_integer_padding(network, x, rows))
                code = mr_failure(&call->session->error, MR_ERROR_INPUT,
                                  "the input behind the end of sequence %llu cannot be read",
                                  (unsigned long long)n);
            const int32_t *from = rows;
            for (int o = 0; o < network->output_count && !code; o++) {
                const size_t width = width_of(network, o);
                if (is_per_step(network, o) && call->y[o])
                    mr_quantised_output(network, o, from, 1,
                                        call->y[o] + (n * call->steps + t) * width);
                from += width;
            }
        }
    free(rows);
    free(x);
    return code;
}

static int run_length(struct lengths_call *call, struct mr_stats *stats) {
    struct mr_stats one;
    float *part[MR_MAX_OUTPUTS];
    int code = gather(call);

    if (!code) {
        mr_session_outputs(call->session, call->part_y, call->count, call->length, part);
        code = call->states
                   ? mr_session_swap(call->session, call->part_x, call->count, call->length,
                                     call->numbers, call->part_states, part, &one)
                   : mr_session_run_call(call->session, call->part_x, call->count, call->length, 0,
                                         call->numbers, part, &one);
        keep_states(call);
        if (!code || call->states)
            scatter(call);
    }
    if (!code)
        mr_stats_add(&one, stats);
    free(call->part_x);
    free(call->part_y);
    free(call->numbers);
    free(call->part_states);
    return code;
}

static int check_lengths(struct mr_session *session, const char *call, uint64_t sequences,
                         uint64_t steps, const uint64_t *lengths) {
    const struct mr_op *repeats = mr_network_repeats(session->network);

    for (uint64_t n = 0; repeats && n < sequences; n++)
        if (lengths[n] != steps)
            return mr_failure(&session->error, MR_ERROR_ARGUMENT,
                              "%s: sequence %llu has length %llu and x has %llu steps, and the "
                              "network's '%s' repeats a row at each of them; give sequences of one "
                              "length in a call",
                              call, (unsigned long long)n, (unsigned long long)lengths[n],
                              (unsigned long long)steps, repeats->name);
    for (uint64_t n = 0; n < sequences; n++)
        if (lengths[n] < 1 || lengths[n] > steps)
            return mr_failure(&session->error, MR_ERROR_ARGUMENT,
                              "%s: sequence %llu has length %llu; 1 to %llu are possible, as many "
                              "as x has steps",
                              call, (unsigned long long)n, (unsigned long long)lengths[n],
                              (unsigned long long)steps);
    return 0;
}

// Sets the call to the sequences of its next length. false: there is none.
static bool next_length(struct lengths_call *call) {
    const uint64_t last = call->length;

    call->count = 0;
    for (uint64_t n = 0; n < call->sequences; n++) {
        const uint64_t length = call->lengths[n];
        if (length > last && (call->count == 0 || length < call->length)) {
            call->length = length;
            call->count = 0;
        }
        call->count += length == call->length && length > last;
    }
    return call->count > 0;
}

int mr_session_run_apart(struct mr_session *session, const float *x, uint64_t sequences,
                         uint64_t steps, const uint64_t *lengths, unsigned char *states,
                         float *const *y, struct mr_stats *stats) {
    struct lengths_call call = {.session = session,
                                .x = x,
                                .sequences = sequences,
                                .steps = steps,
                                .lengths = lengths,
                                .states = states,
                                .size = states ? mr_session_state_size(session) : 0,
                                .y = y};
    struct mr_stats sum = {0};
    // All states are looked at before anything runs.
    int code = states ? mr_session_check_states(session, states, sequences) : 0;

    while (!code && next_length(&call))
        code = run_length(&call, &sum);
    if (!code)
        code = pad(&call);
    if (!code && stats)
        *stats = sum;
    return code;
}

int mr_session_run_own(struct mr_session *session, const float *x, uint64_t sequences,
                       uint64_t steps, unsigned char *states, float *const *y,
                       struct mr_stats *stats) {
    char text[300];
    if (mr_network_check_mask(session->network, x, sequences, steps, text, sizeof text))
        return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
    uint64_t *lengths = malloc(sequences * sizeof *lengths);
    if (!lengths)
        return mr_failure(&session->error, MR_ERROR_MEMORY, "not enough memory for the lengths");
    for (uint64_t n = 0; n < sequences; n++)
        lengths[n] = mr_network_length(session->network, x, n, steps);
    const int code = mr_session_run_apart(session, x, sequences, steps, lengths, states, y, stats);
    free(lengths);
    return code;
}

// What both calls ask of their arguments. states: given where `swaps`.
static int check_call(struct mr_session *session, const char *call, const float *x,
                      uint64_t sequences, uint64_t steps, const uint64_t *lengths,
                      const void *states, bool swaps, const float *y) {
    if (!x || !y || !lengths || (swaps && !states))
        return mr_failure(&session->error, MR_ERROR_ARGUMENT, "%s: %s is NULL", call,
                          !x         ? "x"
                          : !y       ? "y"
                          : !lengths ? "lengths"
                                     : "states");
    int code = swaps ? mr_session_check_run(session, x, sequences, steps)
                     : mr_session_check_call(session, sequences, steps, 0);
    if (!code && !swaps)
        code = mr_session_check_numbers(session, 0, x, sequences, steps);
    if (!code)
        code = check_lengths(session, call, sequences, steps, lengths);
    return code ? code : mr_session_check_unmasked(session, x, sequences, steps, lengths);
}

int mr_session_run_lengths(struct mr_session *session, const float *x, uint64_t sequences,
                           uint64_t steps, const uint64_t *lengths, float *y,
                           struct mr_stats *stats) {
    float *to[MR_MAX_OUTPUTS];

    if (!session)
        return MR_ERROR_ARGUMENT;
    const int code =
        check_call(session, "mr_session_run_lengths", x, sequences, steps, lengths, NULL, false, y);
    if (code)
        return code;
    mr_session_outputs(session, y, sequences, steps, to);
    return mr_session_run_apart(session, x, sequences, steps, lengths, NULL, to, stats);
}

int mr_session_run_states_lengths(struct mr_session *session, const float *x, uint64_t sequences,
                                  uint64_t steps, const uint64_t *lengths, void *states, float *y,
                                  struct mr_stats *stats) {
    float *to[MR_MAX_OUTPUTS];

    if (!session)
        return MR_ERROR_ARGUMENT;
    const int code = check_call(session, "mr_session_run_states_lengths", x, sequences, steps,
                                lengths, states, true, y);
    if (code)
        return code;
    mr_session_outputs(session, y, sequences, steps, to);
    return mr_session_run_apart(session, x, sequences, steps, lengths, states, to, stats);
}
