// SPDX-License-Identifier: Apache-2.0
// Gives the row of each sequence at every one of its `steps` steps. Included with REPEAT (name),
// REPEAT_COUNT (activations per row) and REPEAT_LC. `total`: steps of all sequences. One vector a
// cycle; there is one row so far, so sequences come one after the other (no slots.h).
#include "frame/words.h"
#include "mr_command.h"

#define WORDS MR_CEIL_DIV(REPEAT_COUNT, REPEAT_LC)
#define VEC MR_VEC(REPEAT_LC)

static void REPEAT(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command, uint32_t steps,
                   uint32_t total) {
    static int16_t kept[WORDS][REPEAT_LC];
#if REPEAT_COUNT > REPEAT_LC
    HLS(array_partition variable = kept dim = 2 complete)
    HLS(bind_storage variable = kept type = ram_2p impl = lutram latency = 0)
#else // what is written may be read in the next cycle
    HLS(array_partition variable = kept dim = 0 complete)
#endif
    if (command == RUN_COMMAND) {
        uint32_t left = steps; // steps of the sequence from row t's on
        bool begins = true;    // row t is its first one
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                VEC row = {{0}};
                if (begins)
                    row = hls_read(VEC, in);
                for (int c = 0; c < REPEAT_LC; c++) {
                    HLS(unroll)
                    if (begins)
                        kept[k][c] = row.v[c];
                    else
                        row.v[c] = kept[k][c];
                }
                hls_write(VEC, out, row);
                if (k == WORDS - 1) {
                    begins = left == 1;
                    left = begins ? steps : left - 1;
                }
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef REPEAT
#undef REPEAT_COUNT
#undef REPEAT_LC
