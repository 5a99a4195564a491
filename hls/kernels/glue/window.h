// SPDX-License-Identifier: Apache-2.0
// Gives one row for each sequence, of the rows of its last steps, one behind the other; zeros stand
// in the place of steps before the first. Included with WINDOW (name), WINDOW_COUNT (activations
// per row that comes, a multiple of LC), WINDOW_LC and WINDOW_STEPS: how many of the last, 2 at
// least.
//
// One vector a cycle: as the last row of a sequence is there, the row goes out, and none comes.
#include "frame/words.h"
#include "mr_command.h"

#define WORDS (WINDOW_COUNT / WINDOW_LC)
#define ALL (WINDOW_STEPS * WORDS)
#define VEC MR_VEC(WINDOW_LC)

static void WINDOW(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command, uint32_t steps,
                   uint32_t total) {
    static int16_t kept[ALL][WINDOW_LC]; // a ring of rows
    HLS(array_partition variable = kept dim = 2 complete)
    if (command == RUN_COMMAND) {
        uint32_t left = steps - 1; // steps of the sequence behind this one
        bool last = steps == 1, next_last = steps == 1 || steps == 2;
        bool ends = !last && WORDS == 1; // with the next word, so it stands in a register
        uint32_t missing = ALL;          // words of the window that no row has filled
        uint32_t place = 0;              // of the next word
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (int32_t k = 0; k < WORDS + ALL; k++) {
                HLS(pipeline II = 1)
                const bool comes = k < WORDS;
                VEC row = {{0}}, given;
                if (comes)
                    row = hls_read(VEC, in);
                for (int c = 0; c < WINDOW_LC; c++) {
                    HLS(unroll)
                    given.v[c] = (uint32_t)k - WORDS < missing ? 0 : kept[place][c];
                    if (comes)
                        kept[place][c] = row.v[c];
                }
                if (!comes)
                    hls_write(VEC, out, given);
                place = place == ALL - 1 ? 0 : place + 1;
                if (comes)
                    missing = missing == 0 ? 0 : missing - 1;
                if (ends) {
                    missing = last ? ALL : missing;
                    last = next_last;
                    ends = !last && WORDS == 1;
                    next_last = steps == 1 || left == 2 || (left == 0 && steps == 2);
                    left = left == 0 ? steps - 1 : left - 1;
                    break;
                }
                ends = k >= (last ? WORDS + ALL : WORDS) - 2;
            }
        }
    }
}

#undef WORDS
#undef ALL
#undef VEC
#undef WINDOW
#undef WINDOW_COUNT
#undef WINDOW_LC
#undef WINDOW_STEPS
