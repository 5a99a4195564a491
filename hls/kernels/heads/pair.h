// SPDX-License-Identifier: Apache-2.0
// Makes one row of those of two streams, number by number. Included with
//   PAIR             the process's name
//   PAIR_OP          MR_PAIR_SUM, MR_PAIR_PRODUCT, MR_PAIR_GREATER or MR_PAIR_LESS (formats.h)
//   PAIR_COUNT       numbers per row
//   PAIR_LC          numbers per vector; the last one of a row is padded with zeros, in and out
//   PAIR_A, PAIR_B   bits by which a number of a and of b is moved up to their common unit,
//                    0 to 31; not of a product
//   PAIR_SHIFT       bits by which the result is cut, 0 to 47: rounded to nearest, ties up; it
//                    saturates
// A row takes ceil(count/LC) cycles.
#include "formats.h"
#include "frame/words.h"
#include "mr_command.h"

#define WORDS MR_CEIL_DIV(PAIR_COUNT, PAIR_LC)
#define LAST (PAIR_COUNT - (WORDS - 1) * PAIR_LC) // numbers in a row's last vector
#define VEC MR_VEC(PAIR_LC)

// command MR_COMMAND_RUN: takes `rows` rows of each and gives as many. The probe `cut` counts the
// numbers of the last RUN that were beyond 16 bits.
static void PAIR(hls_stream(VEC) * a, hls_stream(VEC) * b, hls_stream(VEC) * out, uint32_t command,
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
                VEC made;
                uint32_t cut_now = 0;
                for (int c = 0; c < PAIR_LC; c++) {
                    HLS(unroll)
                    const bool real = k != WORDS - 1 || c < LAST;
#if PAIR_OP == MR_PAIR_PRODUCT
                    const int64_t exact = (int64_t)of_a.v[c] * of_b.v[c];
#else
                    const int64_t x = (int64_t)of_a.v[c] * ((int64_t)1 << PAIR_A);
                    const int64_t y = (int64_t)of_b.v[c] * ((int64_t)1 << PAIR_B);
#    if PAIR_OP == MR_PAIR_SUM
                    const int64_t exact = x + y;
#    elif PAIR_OP == MR_PAIR_GREATER
                    const int64_t exact = x > y ? x : y;
#    else
                    const int64_t exact = x < y ? x : y;
#    endif
#endif
                    const int64_t rounded =
                        (exact + (((int64_t)1 << PAIR_SHIFT) >> 1)) >> PAIR_SHIFT;
                    const int64_t ended = hls_saturate(rounded, 16);
                    made.v[c] = real ? (int16_t)ended : 0;
                    cut_now += real && ended != rounded;
                }
                hls_write(VEC, out, made);
                cut += cut_now;
            }
        }
    }
}

#undef WORDS
#undef LAST
#undef VEC
#undef PAIR
#undef PAIR_OP
#undef PAIR_COUNT
#undef PAIR_LC
#undef PAIR_A
#undef PAIR_B
#undef PAIR_SHIFT
