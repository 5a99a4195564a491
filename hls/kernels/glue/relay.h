// SPDX-License-Identifier: Apache-2.0
// What the network's loader and saver call once per layer: beats on the way to it, of weights or of
// state, and its state on the way out.
#ifndef MR_RELAY_H
#define MR_RELAY_H

#include "frame/state.h"
#include "frame/words.h"

// Hands `count` beats on to one layer.
static inline void mr_relay(hls_stream(beat_t) * in, hls_stream(beat_t) * out, uint32_t count) {
relay:
    for (uint32_t n = 0; n < count; n++) {
        HLS(pipeline II = 1)
        hls_write(beat_t, out, hls_read(beat_t, in));
    }
}

// Hands the state of one layer's `count` units on.
static inline void mr_save(hls_stream(unit_state_t) * in, hls_stream(beat_t) * out,
                           uint32_t count) {
save:
    for (uint32_t n = 0; n < count; n++) {
        HLS(pipeline II = 1)
        hls_write(beat_t, out, mr_beat_of_state(hls_read(unit_state_t, in)));
    }
}

#endif
