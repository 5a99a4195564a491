// SPDX-License-Identifier: Apache-2.0
// The recurrent state of one unit, and as a beat of state_in and state_out: v[0] is h, v[1] and
// v[2] the cell state (low half first), the rest is zero.
#ifndef MR_STATE_H
#define MR_STATE_H

#include "frame/words.h"

typedef struct {
    int16_t h;    // Q15, where the cell says nothing else
    int32_t cell; // 24 bits, in the cell's own units; 0 where the cell has no state beside h
} unit_state_t;
HLS_STREAM_OF(unit_state_t)

static inline unit_state_t mr_state_of_beat(beat_t beat) {
    unit_state_t unit;
    unit.h = beat.v[0];
    unit.cell = (int32_t)hls_wrap((int32_t)beat.v[2] * 65536 + (uint16_t)beat.v[1], 24);
    return unit;
}

static inline beat_t mr_beat_of_state(unit_state_t unit) {
    beat_t beat = {{0}};
    beat.v[0] = unit.h;
    beat.v[1] = (int16_t)(unit.cell & 65535);
    beat.v[2] = (int16_t)(unit.cell >> 16);
    return beat;
}

#endif
