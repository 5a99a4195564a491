// SPDX-License-Identifier: Apache-2.0
// The recurrent state on its way: of one unit between a layer and the network's `saver`, and as a
// beat of state_in and state_out: v[0] is h, v[1] and v[2] the cell state (low half first), the
// rest is zero.
#ifndef MR_STATE_H
#define MR_STATE_H

#include "frame/words.h"

typedef struct {
    int16_t h;    // Q15
    int32_t cell; // 24 bits, in the layer's own units (cells/lstm.h)
} unit_state_t;
HLS_STREAM_OF(unit_state_t)

static inline unit_state_t mr_state_of_beat(beat_t beat) {
    unit_state_t unit;
    unit.h = beat.v[0];
    unit.cell = (int32_t)hls_wrap((int32_t)beat.v[2] * 65536 + (uint16_t)beat.v[1], 24);
    return unit;
}

// Hands `count` units of one layer on. The network's saver calls it once per layer.
static inline void mr_save(hls_stream(unit_state_t) * in, hls_stream(beat_t) * out,
                           uint32_t count) {
save:
    for (uint32_t n = 0; n < count; n++) {
        HLS(pipeline II = 1)
        const unit_state_t unit = hls_read(unit_state_t, in);
        beat_t beat = {{0}};
        beat.v[0] = unit.h;
        beat.v[1] = (int16_t)(unit.cell & 65535);
        beat.v[2] = (int16_t)(unit.cell >> 16);
        hls_write(beat_t, out, beat);
    }
}

#endif
