// SPDX-License-Identifier: Apache-2.0
// Passes on the rows of the last step of each sequence and drops the others. Included with LAST
// (name), LAST_COUNT (activations per row), LAST_LC and LAST_SLOTS (slots.h; 1 where not given).
#include "frame/slots.h"
#include "frame/words.h"
#include "mr_command.h"

#ifndef LAST_SLOTS
#    define LAST_SLOTS 1
#endif

#define WORDS MR_CEIL_DIV(LAST_COUNT, LAST_LC)
#define VEC MR_VEC(LAST_LC)

static void LAST(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command,
#if LAST_SLOTS > 1
                 uint32_t sequences,
#endif
                 uint32_t steps, uint32_t total) {
    if (command == RUN_COMMAND) {
        uint32_t left = steps; // steps of the sequence from row t's on
#if LAST_SLOTS > 1
        uint32_t to_come = sequences; // with those of the group at hand
        uint8_t last_slot = MR_LAST_SLOT(sequences, LAST_SLOTS, 1), slot = 0;
#endif
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                const VEC row = hls_read(VEC, in);
                const bool last = left == 1;
                if (last)
                    hls_write(VEC, out, row);
                const bool row_ends = k == WORDS - 1;
#if LAST_SLOTS > 1
                const bool step_ends = row_ends && slot == last_slot;
                if (row_ends)
                    slot = step_ends ? 0 : slot + 1;
                if (step_ends && last) {
                    last_slot = MR_LAST_SLOT(to_come, LAST_SLOTS, 2);
                    to_come = to_come - LAST_SLOTS;
                }
#else
                const bool step_ends = row_ends;
#endif
                if (step_ends)
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
#undef LAST_SLOTS
