// SPDX-License-Identifier: Apache-2.0
// Joins two streams of numbers, or of vectors. Included with GATHER (name) and
//   GATHER_LC     activations per vector, or 0: single 32-bit numbers
//   GATHER_A_STEP, GATHER_A_LAST  vectors, or numbers, of a at each step, and how many more of them
//                                 at the last step of a sequence
//   GATHER_B_STEP, GATHER_B_LAST  of b alike; any of the four may be 0, not all
//   GATHER_SLOTS  slots.h; 1 where not given
// In each row those of a come before those of b. One a cycle, from row to row too; a row without
// any takes a cycle.
#include "frame/slots.h"
#include "frame/words.h"
#include "mr_command.h"

#ifndef GATHER_SLOTS
#    define GATHER_SLOTS 1
#endif

#if GATHER_LC
#    define ITEM MR_VEC(GATHER_LC)
#    define NOTHING                                                                                \
        {                                                                                          \
            { 0 }                                                                                  \
        }
#else
#    define ITEM int32_t
#    define NOTHING 0
#endif
// Of the last step of a sequence and of others: items of a, and all items.
#define LAST_A (GATHER_A_STEP + GATHER_A_LAST)
#define LAST_ALL (LAST_A + GATHER_B_STEP + GATHER_B_LAST)
#define STEP_A GATHER_A_STEP
#define STEP_ALL (GATHER_A_STEP + GATHER_B_STEP)

static void GATHER(hls_stream(ITEM) * a, hls_stream(ITEM) * b, hls_stream(ITEM) * y,
                   uint32_t command,
#if GATHER_SLOTS > 1
                   uint32_t sequences,
#endif
                   uint32_t steps, uint32_t total) {
    if (command == RUN_COMMAND) {
        uint32_t left = steps - 1; // steps of the sequence behind this one
        bool last = steps == 1, next_last = steps == 1 || steps == 2;
        // Conditions of the next item are due when it begins, so they stand in registers.
        bool from_a = last ? LAST_A > 0 : STEP_A > 0;
        bool ends = last ? LAST_ALL <= 1 : STEP_ALL <= 1;
#if GATHER_SLOTS > 1
        uint32_t to_come = sequences; // with those of the group at hand
        uint8_t last_slot = MR_LAST_SLOT(sequences, GATHER_SLOTS, 1), slot = 0;
#endif
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (int32_t k = 0; k < MR_MAX(LAST_ALL, 1); k++) {
                HLS(pipeline II = 1)
                const bool row_last = last;
                const bool from_b = !from_a && (last || STEP_ALL > 0);
                ITEM item = NOTHING;
                if (from_a)
                    item = hls_read(ITEM, a);
                if (from_b)
                    item = hls_read(ITEM, b);
                if (from_a || from_b)
                    hls_write(ITEM, y, item);
#if GATHER_SLOTS > 1
                const bool step_ends = ends && slot == last_slot;
                if (ends)
                    slot = step_ends ? 0 : slot + 1;
                if (step_ends && last) {
                    last_slot = MR_LAST_SLOT(to_come, GATHER_SLOTS, 2);
                    to_come = to_come - GATHER_SLOTS;
                }
#else
                const bool step_ends = true; // where a row does
#endif
                if (ends) {
                    last = step_ends ? next_last : last;
                    from_a = last ? LAST_A > 0 : STEP_A > 0;
                    ends = last ? LAST_ALL <= 1 : STEP_ALL <= 1;
                    if (step_ends) {
                        next_last = steps == 1 || left == 2 || (left == 0 && steps == 2);
                        left = left == 0 ? steps - 1 : left - 1;
                    }
                    break;
                }
                from_a = k < (row_last ? LAST_A : STEP_A) - 1;
                ends = k >= (row_last ? LAST_ALL : STEP_ALL) - 2;
            }
        }
    }
}

#undef ITEM
#undef NOTHING
#undef LAST_A
#undef LAST_ALL
#undef STEP_A
#undef STEP_ALL
#undef GATHER
#undef GATHER_LC
#undef GATHER_A_STEP
#undef GATHER_A_LAST
#undef GATHER_B_STEP
#undef GATHER_B_LAST
#undef GATHER_SLOTS
