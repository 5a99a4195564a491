// SPDX-License-Identifier: Apache-2.0
// Hands `count` beats of the weight image on to one layer. The network's loader calls it once per
// layer.
#ifndef MR_RELAY_H
#define MR_RELAY_H

#include "frame/words.h"

static inline void mr_relay(hls_stream(beat_t) * in, hls_stream(beat_t) * out, uint32_t count) {
relay:
    for (uint32_t n = 0; n < count; n++) {
        HLS(pipeline II = 1)
        hls_write(beat_t, out, hls_read(beat_t, in));
    }
}

#endif
