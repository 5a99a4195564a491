// SPDX-License-Identifier: Apache-2.0
// Gives the rows of each sequence from the last one to the first. Included with REVERSE (name),
// REVERSE_COUNT (activations per row), REVERSE_LC, REVERSE_STEPS: of a sequence at most, and
// REVERSE_SLOTS (slots.h; 1 where not given).
//
// One vector a cycle, in and out at the same time: while the rows of a sequence come, those of the
// one before go, each from the place that a coming row then takes. So the memory is that of one
// sequence, and sequences lie in it upward and downward in turn. Behind the last one `steps` rows
// more go out and none comes; total + steps have 32 bits (MR_STEPS_MAX).
//
// With slots groups take the place of sequences: in a step a row of each of its sequences. A step
// has a turn for each slot, with a row or without, for the group before may be larger.
#include "frame/slots.h"
#include "frame/words.h"
#include "mr_command.h"

#ifndef REVERSE_SLOTS
#    define REVERSE_SLOTS 1
#endif

#define WORDS MR_CEIL_DIV(REVERSE_COUNT, REVERSE_LC)
#define VEC MR_VEC(REVERSE_LC)
#define STEP_WORDS (REVERSE_SLOTS * WORDS)
#if REVERSE_SLOTS > 1
#    define TURNS turns
#    define COMES (t < turns && slot < rows)
#    define GIVES (!is_opening && slot < rows_before)
#else
#    define TURNS total
#    define COMES (t < total)
#    define GIVES !is_opening
#endif

static void REVERSE(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command,
#if REVERSE_SLOTS > 1
                    uint32_t sequences,
#endif
                    uint32_t steps, uint32_t total) {
    static int16_t kept[REVERSE_STEPS * STEP_WORDS][REVERSE_LC];
    HLS(array_partition variable = kept dim = 2 complete)
    if (command == RUN_COMMAND) {
        uint32_t left = steps;  // steps of the sequence from row t's on
        uint32_t place = 0;     // of row t: its first word
        bool upward = true;     // so the rows of the sequence lie
        bool is_opening = true; // nothing came before it
#if REVERSE_SLOTS > 1
        const uint32_t rest = sequences % REVERSE_SLOTS; // of the last group
        const uint32_t turns = total + mr_empty_turns(rest, steps, REVERSE_SLOTS);
        uint32_t to_come = sequences; // with those of the group at hand
        uint8_t rows = sequences / REVERSE_SLOTS > 0 ? REVERSE_SLOTS : rest; // of a step
        uint8_t rows_before = REVERSE_SLOTS; // of one of the group before
        uint8_t slot = 0;
#endif
    run_steps:
        for (uint32_t t = 0; t < TURNS + REVERSE_SLOTS * steps; t++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                VEC row = {{0}}, before;
                if (COMES)
                    row = hls_read(VEC, in);
                for (int c = 0; c < REVERSE_LC; c++) {
                    HLS(unroll)
                    before.v[c] = kept[place + k][c];
                    kept[place + k][c] = row.v[c];
                }
                if (GIVES)
                    hls_write(VEC, out, before);
                if (k == WORDS - 1) {
                    const bool last = left == 1;
#if REVERSE_SLOTS > 1
                    const bool step_ends = slot == REVERSE_SLOTS - 1;
                    slot = step_ends ? 0 : slot + 1;
                    if (step_ends && last) {
                        rows_before = rows;
                        rows = to_come / (2 * REVERSE_SLOTS) > 0 ? REVERSE_SLOTS : rest;
                        to_come = to_come - REVERSE_SLOTS;
                    }
#else
                    const bool step_ends = true;
#endif
                    // The next row of the step, or the first one of the next step.
                    if (!step_ends || (upward && !last))
                        place = place + WORDS;
                    else
                        place = place - (last ? STEP_WORDS - WORDS : 2 * STEP_WORDS - WORDS);
                    if (step_ends) {
                        upward = upward != last;
                        is_opening = is_opening && !last;
                        left = last ? steps : left - 1;
                    }
                }
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef STEP_WORDS
#undef TURNS
#undef COMES
#undef GIVES
#undef REVERSE
#undef REVERSE_COUNT
#undef REVERSE_LC
#undef REVERSE_STEPS
#undef REVERSE_SLOTS
