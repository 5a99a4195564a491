// SPDX-License-Identifier: Apache-2.0
// Gives the row of each sequence at every one of its `steps` steps. Included with REPEAT (name),
// REPEAT_COUNT (activations per row), REPEAT_LC and REPEAT_SLOTS (slots.h; 1 where not given), each
// of which has a row. `total`: steps of all sequences. One vector a cycle.
#include "frame/slots.h"
#include "frame/words.h"
#include "mr_command.h"

#ifndef REPEAT_SLOTS
#    define REPEAT_SLOTS 1
#endif

#define WORDS MR_CEIL_DIV(REPEAT_COUNT, REPEAT_LC)
#define VEC MR_VEC(REPEAT_LC)

#if REPEAT_SLOTS > 1
#    define PLACE (place + k)
#else
#    define PLACE k
#endif

static void REPEAT(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command,
#if REPEAT_SLOTS > 1
                   uint32_t sequences,
#endif
                   uint32_t steps, uint32_t total) {
    static int16_t kept[REPEAT_SLOTS * WORDS][REPEAT_LC];
    HLS(array_partition variable = kept dim = 2 complete)
#if REPEAT_SLOTS * WORDS <= MR_KEPT_LUT_WORDS
    HLS(bind_storage variable = kept type = ram_2p impl = lutram latency = 0)
#endif
    if (command == RUN_COMMAND) {
        uint32_t left = steps; // steps of the sequence from row t's on
        bool begins = true;    // row t is its first one
#if REPEAT_SLOTS > 1
        uint32_t to_come = sequences; // with those of the group at hand
        uint8_t last_slot = MR_LAST_SLOT(sequences, REPEAT_SLOTS, 1), slot = 0;
        uint16_t place = 0; // of the slot's row
#endif
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
                        kept[PLACE][c] = row.v[c];
                    else
                        row.v[c] = kept[PLACE][c];
                }
                hls_write(VEC, out, row);
                const bool row_ends = k == WORDS - 1;
#if REPEAT_SLOTS > 1
                const bool step_ends = row_ends && slot == last_slot;
                if (row_ends) {
                    slot = step_ends ? 0 : slot + 1;
                    place = step_ends ? 0 : place + WORDS;
                }
                if (step_ends && left == 1) {
                    last_slot = MR_LAST_SLOT(to_come, REPEAT_SLOTS, 2);
                    to_come = to_come - REPEAT_SLOTS;
                }
#else
                const bool step_ends = row_ends;
#endif
                if (step_ends) {
                    begins = left == 1;
                    left = begins ? steps : left - 1;
                }
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef PLACE
#undef REPEAT
#undef REPEAT_COUNT
#undef REPEAT_LC
#undef REPEAT_SLOTS
