// SPDX-License-Identifier: Apache-2.0
// Joins two streams of numbers. Included with GATHER (name) and
//   GATHER_A_STEP, GATHER_A_LAST  numbers of a at each step, and how many more of them at the last
//                                 step of a sequence
//   GATHER_B_STEP, GATHER_B_LAST  of b alike; any of the four may be 0, not all
// In each step those of a come before those of b. One number a cycle, from step to step too; a step
// without numbers takes a cycle.
#include "frame/words.h"
#include "mr_command.h"

// Of the last step of a sequence and of others: numbers of a, and all numbers.
#define LAST_A (GATHER_A_STEP + GATHER_A_LAST)
#define LAST_ALL (LAST_A + GATHER_B_STEP + GATHER_B_LAST)
#define STEP_A GATHER_A_STEP
#define STEP_ALL (GATHER_A_STEP + GATHER_B_STEP)

static void GATHER(hls_stream(int32_t) * a, hls_stream(int32_t) * b, hls_stream(int32_t) * y,
                   uint32_t command, uint32_t steps, uint32_t total) {
    if (command == MR_COMMAND_RUN) {
        uint32_t left = steps - 1; // steps of the sequence behind this one
        bool last = steps == 1, next_last = steps == 1 || steps == 2;
        // Conditions of the next number are due when it begins, so they stand in registers.
        bool from_a = last ? LAST_A > 0 : STEP_A > 0;
        bool ends = last ? LAST_ALL <= 1 : STEP_ALL <= 1;
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (int32_t k = 0; k < MR_MAX(LAST_ALL, 1); k++) {
                HLS(pipeline II = 1)
                const bool from_b = !from_a && (last || STEP_ALL > 0);
                int32_t number = 0;
                if (from_a)
                    number = hls_read(int32_t, a);
                if (from_b)
                    number = hls_read(int32_t, b);
                if (from_a || from_b)
                    hls_write(int32_t, y, number);
                if (ends) {
                    from_a = next_last ? LAST_A > 0 : STEP_A > 0;
                    ends = next_last ? LAST_ALL <= 1 : STEP_ALL <= 1;
                    last = next_last;
                    next_last = steps == 1 || left == 2 || (left == 0 && steps == 2);
                    left = left == 0 ? steps - 1 : left - 1;
                    break;
                }
                from_a = k < (last ? LAST_A : STEP_A) - 1;
                ends = k >= (last ? LAST_ALL : STEP_ALL) - 2;
            }
        }
    }
}

#undef LAST_A
#undef LAST_ALL
#undef STEP_A
#undef STEP_ALL
#undef GATHER
#undef GATHER_A_STEP
#undef GATHER_A_LAST
#undef GATHER_B_STEP
#undef GATHER_B_LAST
