// SPDX-License-Identifier: Apache-2.0
// Gives the rows of each sequence from the last one to the first. Included with REVERSE (name),
// REVERSE_COUNT (activations per row), REVERSE_LC and REVERSE_STEPS: of a sequence at most.
//
// One vector a cycle, in and out at the same time: while the rows of a sequence come, those of the
// one before go, each from the place that a coming row then takes. So the memory is that of one
// sequence, and sequences lie in it upward and downward in turn. Behind the last one `steps` rows
// more go out and none comes; total + steps have 32 bits (MR_STEPS_MAX).
#include "frame/words.h"
#include "mr_command.h"

#define WORDS MR_CEIL_DIV(REVERSE_COUNT, REVERSE_LC)
#define VEC MR_VEC(REVERSE_LC)

static void REVERSE(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command, uint32_t steps,
                    uint32_t total) {
    static int16_t kept[REVERSE_STEPS * WORDS][REVERSE_LC];
    HLS(array_partition variable = kept dim = 2 complete)
    if (command == RUN_COMMAND) {
        uint32_t left = steps;  // steps of the sequence from row t's on
        uint32_t place = 0;     // of row t: its first word
        bool upward = true;     // so the rows of the sequence lie
        bool is_opening = true; // nothing came before it
    run_steps:
        for (uint32_t t = 0; t < total + steps; t++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                VEC row = {{0}}, before;
                if (t < total)
                    row = hls_read(VEC, in);
                for (int c = 0; c < REVERSE_LC; c++) {
                    HLS(unroll)
                    before.v[c] = kept[place + k][c];
                    kept[place + k][c] = row.v[c];
                }
                if (!is_opening)
                    hls_write(VEC, out, before);
                if (k == WORDS - 1) {
                    const bool last = left == 1;
                    if (!last)
                        place = upward ? place + WORDS : place - WORDS;
                    upward = upward != last;
                    is_opening = is_opening && !last;
                    left = last ? steps : left - 1;
                }
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef REVERSE
#undef REVERSE_COUNT
#undef REVERSE_LC
#undef REVERSE_STEPS
