// SPDX-License-Identifier: Apache-2.0
// Passes on the rows of the last step of each sequence and drops the others. Included with LAST
// (name), LAST_COUNT (activations per row) and LAST_LC.
#include "frame/words.h"
#include "mr_command.h"

#define WORDS MR_CEIL_DIV(LAST_COUNT, LAST_LC)
#define VEC MR_VEC(LAST_LC)

static void LAST(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command, uint32_t steps,
                 uint32_t total) {
    if (command == MR_COMMAND_RUN) {
        uint32_t left = steps; // steps of the sequence from step t on
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                const VEC row = hls_read(VEC, in);
                const bool last = left == 1;
                if (last)
                    hls_write(VEC, out, row);
                if (k == WORDS - 1)
                    left = last ? steps : left - 1;
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef LAST
#undef LAST_COUNT
#undef LAST_LC
