// SPDX-License-Identifier: Apache-2.0
// A network for the tests of the card: one LSTM layer and a dense head, of the shape that -D gives:
// CARD_INPUTS, CARD_HIDDEN, CARD_OUTPUTS and CARD_LC (columns a cycle, at most 8). It is what a
// plan would generate.
#include "frame/words.h"

#define VECTOR(lc) MR_VECTOR(lc)
VECTOR(CARD_LC)

#include "glue/relay.h"

#include "cells/lstm.h"
#define LAYER lstm0
#define LAYER_CELL lstm
#define LAYER_INPUTS CARD_INPUTS
#define LAYER_HIDDEN CARD_HIDDEN
#define LAYER_LC CARD_LC
#include "frame/layer.h"

#define LAST last
#define LAST_COUNT CARD_HIDDEN
#define LAST_LC CARD_LC
#include "glue/last_step.h"

#define DENSE head
#define DENSE_INPUTS CARD_HIDDEN
#define DENSE_OUTPUTS CARD_OUTPUTS
#define DENSE_LC CARD_LC
#define DENSE_OUT_LC 0
#define DENSE_ACTIVATION MR_LINEAR
#include "heads/dense.h"

#define WORDS(n) MR_CEIL_DIV(n, CARD_LC)
#define LSTM_BEATS                                                                                 \
    (MR_CEIL_DIV((WORDS(CARD_INPUTS) + WORDS(CARD_HIDDEN)) * CARD_HIDDEN, 32 / (4 * CARD_LC)) +    \
     WORDS(CARD_HIDDEN) * CARD_LC)
#define HEAD_BEATS (MR_CEIL_DIV(WORDS(CARD_HIDDEN) * CARD_OUTPUTS, 32 / CARD_LC) + CARD_OUTPUTS)

#define STATE_BEATS (WORDS(CARD_HIDDEN) * CARD_LC)

static void loader(hls_stream(beat_t) * weights, hls_stream(beat_t) * state_in,
                   hls_stream(beat_t) * lstm0_weights, hls_stream(beat_t) * head_weights,
                   uint32_t command) {
    if (command == MR_COMMAND_LOAD) {
        mr_relay(weights, lstm0_weights, LSTM_BEATS);
        mr_relay(weights, head_weights, HEAD_BEATS);
    } else if (command == MR_COMMAND_WRITE_STATE) {
        mr_relay(state_in, lstm0_weights, STATE_BEATS);
    }
}

static void saver(hls_stream(unit_state_t) * lstm0_state, hls_stream(beat_t) * state_out,
                  uint32_t command) {
    if (command == MR_COMMAND_READ_STATE)
        mr_save(lstm0_state, state_out, STATE_BEATS);
}

#define VEC MR_VEC(CARD_LC)
void network(hls_stream(beat_t) * weights, hls_stream(VEC) * x, hls_stream(int32_t) * y,
             hls_stream(beat_t) * state_in, hls_stream(beat_t) * state_out, uint32_t command,
             uint32_t sequences, uint32_t steps, uint32_t total, uint32_t flags) {
    HLS(dataflow)
    HLS_CHANNEL(beat_t, w0);
    HLS_CHANNEL(beat_t, w1);
    HLS_CHANNEL(VEC, h0);
    HLS_CHANNEL(VEC, hl);
    HLS_CHANNEL(unit_state_t, s0);
    HLS(stream variable = h0 depth = 32)
    loader(weights, state_in, &w0, &w1, command);
    lstm0(&w0, x, &h0, &s0, command, steps, total, flags);
    saver(&s0, state_out, command);
    last(&h0, &hl, command, steps, total);
    head(&w1, &hl, y, command, sequences);
}
