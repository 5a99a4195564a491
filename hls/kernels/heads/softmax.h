// SPDX-License-Identifier: Apache-2.0
// Softmax of rows of numbers as one process: y_i = exp(x_i) / sum of exp(x_j). Included with
//   SOFTMAX        the process's name
//   SOFTMAX_COUNT  numbers per row, 1 to 65536
//   SOFTMAX_FRAC   fraction bits of all x, -16 to 40
// A row has three phases of SOFTMAX_COUNT cycles: it comes in and its greatest is looked for; its
// exponentials are calculated and added; its quotients go out. The phases of rows do not overlap: a
// row that went out while the next ones come in would wait for them, so a stream that is gathered
// with another one of the same trunk could stop for ever (gather.h).
//
// d is the distance of an x from its row's greatest; exp(-d) = 2^-(n + f) = m 2^-n, and m = 2^-f
// comes from a table of 1,024 chords. Probabilities have MR_SOFTMAX_FRAC = 24 fraction bits. In
// units of u = 2^-24, they are off the exact softmax of the same integers by less than
// 3 + COUNT / 65536:
//   An m is known up to a factor between 1 - 5.2 u and 1 + 2.9 u: d is cut to Q24 (up by 1 u),
//   log2(e) is too large by 0.123 u of itself (down by 3.93 u where d is 32, beyond which the term
//   is 0), n + f is cut to Q24 (up by 0.70 u), chords lie above the curve (up by 0.97 u), their
//   ends are rounded to Q26 (0.25 u either way), m is cut to Q25 (down by 1 u). What all terms
//   share cancels out; of a difference between terms p (1 - p), a quarter at most, reaches a
//   probability p: 8.1 / 4 = 2.03 units.
//   Terms are cut to Q40 in the sum, so all p are too large by (COUNT - 1) / 65536 units at most.
//   The reciprocal is right up to a factor between 1 - 2^-28 and 1 + 2^-26: 0.25 units.
//   The rounding: 0.51 units.
// No probability is above 1: the sum is at least each of its terms, and 2^-26 is rounded away.
#include "exponential.h"
#include "formats.h"
#include "frame/words.h"
#include "mr_command.h"

// The least n with COUNT <= 2^n.
#define LOG_COUNT                                                                                  \
    ((SOFTMAX_COUNT > 1) + (SOFTMAX_COUNT > 2) + (SOFTMAX_COUNT > 4) + (SOFTMAX_COUNT > 8) +       \
     (SOFTMAX_COUNT > 16) + (SOFTMAX_COUNT > 32) + (SOFTMAX_COUNT > 64) + (SOFTMAX_COUNT > 128) +  \
     (SOFTMAX_COUNT > 256) + (SOFTMAX_COUNT > 512) + (SOFTMAX_COUNT > 1024) +                      \
     (SOFTMAX_COUNT > 2048) + (SOFTMAX_COUNT > 4096) + (SOFTMAX_COUNT > 8192) +                    \
     (SOFTMAX_COUNT > 16384) + (SOFTMAX_COUNT > 32768))

// command MR_COMMAND_RUN: takes `rows` rows of SOFTMAX_COUNT numbers and gives as many.
static void SOFTMAX(hls_stream(int32_t) * x, hls_stream(int32_t) * y, uint32_t command,
                    uint32_t rows) {
    static int32_t numbers[SOFTMAX_COUNT]; // of the phase before
    static uint32_t powers[SOFTMAX_COUNT]; // of the phase before
    if (command == RUN_COMMAND) {
        int32_t greatest = 0; // of the numbers of this phase so far
        int32_t top = 0;      // of the phase before
        uint64_t sum = 0;     // of the exponentials of this phase so far, Q40
        reciprocal_t reciprocal;
        reciprocal.mantissa = 0;
        reciprocal.shift = 0;
    run_rows:
        for (uint32_t row = 0; row < rows; row++) {
            for (uint32_t phase = 0; phase < 3; phase++) {
                for (uint32_t k = 0; k < SOFTMAX_COUNT; k++) {
                    HLS(pipeline II = 1)
                    int32_t fresh = 0;
                    if (phase == 0)
                        fresh = hls_read(int32_t, x);
                    if (k == 0)
                        top = greatest;
                    greatest = k == 0 || fresh > greatest ? fresh : greatest;
                    const uint32_t distance = (uint32_t)top - (uint32_t)numbers[k];
                    numbers[k] = fresh;
                    if (k == 0)
                        reciprocal = mr_reciprocal_of(sum, LOG_COUNT);
                    const uint32_t power = mr_softmax_exp(distance, SOFTMAX_FRAC);
                    const uint64_t term = ((uint64_t)(power >> 6) << 15) >> (power & 63);
                    sum = ((k == 0 ? 0 : sum) + term) & (((uint64_t)1 << (41 + LOG_COUNT)) - 1);
                    const uint32_t due = powers[k];
                    powers[k] = power;
                    if (phase == 2)
                        hls_write(int32_t, y, mr_softmax_quotient(due, reciprocal));
                }
            }
        }
    }
}

#undef LOG_COUNT
#undef SOFTMAX
#undef SOFTMAX_COUNT
#undef SOFTMAX_FRAC
