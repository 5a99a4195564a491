// SPDX-License-Identifier: Apache-2.0
// Adds the rows of two streams, number by number. Included with
//   ADD            the process's name
//   ADD_COUNT      numbers per row
//   ADD_LC         numbers per vector; the last one of a row is padded with zeros, in and out
//   ADD_A, ADD_B   bits by which a number of a and of b is moved up to their common unit, 0 to 31
//   ADD_SHIFT      bits by which the sum is cut, 0 to 47: rounded to nearest, ties up; it saturates
// A row takes ceil(count/LC) cycles.
#include "frame/words.h"
#include "mr_command.h"

#define WORDS MR_CEIL_DIV(ADD_COUNT, ADD_LC)
#define LAST (ADD_COUNT - (WORDS - 1) * ADD_LC) // numbers in a row's last vector
#define VEC MR_VEC(ADD_LC)

// command MR_COMMAND_RUN: takes `rows` rows of each and gives as many. The probe `cut` counts the
// numbers of the last RUN that were beyond 16 bits.
static void ADD(hls_stream(VEC) * a, hls_stream(VEC) * b, hls_stream(VEC) * out, uint32_t command,
                uint32_t rows) {
    static uint64_t cut;
    HLS_PROBE(cut);

    if (command == RUN_COMMAND) {
        cut = 0;
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (uint32_t k = 0; k < WORDS; k++) {
                HLS(pipeline II = 1)
                const VEC of_a = hls_read(VEC, a), of_b = hls_read(VEC, b);
                VEC sum;
                uint32_t cut_now = 0;
                for (int c = 0; c < ADD_LC; c++) {
                    HLS(unroll)
                    const bool real = k != WORDS - 1 || c < LAST;
                    const int64_t exact = (int64_t)of_a.v[c] * ((int64_t)1 << ADD_A) +
                                          (int64_t)of_b.v[c] * ((int64_t)1 << ADD_B);
                    const int64_t rounded = (exact + (((int64_t)1 << ADD_SHIFT) >> 1)) >> ADD_SHIFT;
                    const int64_t ended = hls_saturate(rounded, 16);
                    sum.v[c] = real ? (int16_t)ended : 0;
                    cut_now += real && ended != rounded;
                }
                hls_write(VEC, out, sum);
                cut += cut_now;
            }
        }
    }
}

#undef WORDS
#undef LAST
#undef VEC
#undef ADD
#undef ADD_COUNT
#undef ADD_LC
#undef ADD_A
#undef ADD_B
#undef ADD_SHIFT
