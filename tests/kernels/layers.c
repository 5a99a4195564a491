// SPDX-License-Identifier: Apache-2.0
// Layers of different cells in a row: what the first gives is the next one's input.
#include "frame/words.h"
MR_VECTOR(2)

#include "cells/gru.h"
#define LAYER first
#define LAYER_CELL gru
#define LAYER_INPUTS 3
#define LAYER_HIDDEN 5
#define LAYER_LC 2
#include "frame/layer.h"

#include "cells/gru_reset_first.h"
#define LAYER second
#define LAYER_CELL gru_reset_first
#define LAYER_INPUTS 5
#define LAYER_HIDDEN 6
#define LAYER_LC 2
#include "frame/layer.h"

void layers(hls_stream(beat_t) * weights_first, hls_stream(beat_t) * weights_second,
            hls_stream(vec2_t) * x, hls_stream(vec2_t) * h, hls_stream(unit_state_t) * state_first,
            hls_stream(unit_state_t) * state_second, uint32_t command, uint32_t steps,
            uint32_t total, uint32_t flags) {
    HLS(dataflow)
    HLS_CHANNEL(vec2_t, between);
    first(weights_first, x, &between, state_first, command, steps, total, flags);
    second(weights_second, &between, h, state_second, command, steps, total, flags);
}
