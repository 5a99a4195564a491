// SPDX-License-Identifier: Apache-2.0
// Joins the rows of two streams: the numbers of a, and behind them those of b. Included with CONCAT
// (name), CONCAT_A and CONCAT_B (activations per row of each) and CONCAT_LC; CONCAT_A_SHIFT and
// CONCAT_B_SHIFT, 0 to 30, bits by which the numbers of each are cut to a common format: rounded to
// nearest, ties up; 0 where not given. One vector out a cycle, from row to row too; where a's last
// vector is not full, b's numbers move up.
#include "frame/words.h"
#include "mr_command.h"

#ifndef CONCAT_A_SHIFT
#    define CONCAT_A_SHIFT 0
#endif
#ifndef CONCAT_B_SHIFT
#    define CONCAT_B_SHIFT 0
#endif
#define CUT(vector, shift)                                                                         \
    for (int c = 0; c < CONCAT_LC; c++) {                                                          \
        HLS(unroll)                                                                                \
        vector.v[c] = (int16_t)((vector.v[c] + ((int32_t)1 << (shift) >> 1)) >> (shift));          \
    }
#define A_WORDS MR_CEIL_DIV(CONCAT_A, CONCAT_LC)
#define B_WORDS MR_CEIL_DIV(CONCAT_B, CONCAT_LC)
#define OUT_WORDS MR_CEIL_DIV(CONCAT_A + CONCAT_B, CONCAT_LC)
#define PART (CONCAT_A % CONCAT_LC) // numbers of a that b's move up to, 0 where there are none
#define B_BEGIN (PART ? A_WORDS - 1 : A_WORDS)
#define VEC MR_VEC(CONCAT_LC)

static void CONCAT(hls_stream(VEC) * a, hls_stream(VEC) * b, hls_stream(VEC) * out,
                   uint32_t command, uint32_t rows) {
    if (command == RUN_COMMAND) {
        VEC held = {{0}}; // of b's last vector, what did not go out with it
    run_rows:
        for (uint32_t n = 0; n < rows; n++) {
            for (int32_t k = 0; k < OUT_WORDS; k++) {
                HLS(pipeline II = 1)
                VEC of_a = held, of_b = {{0}}, joined;
                if (k < A_WORDS) {
                    of_a = hls_read(VEC, a);
#if CONCAT_A_SHIFT
                    CUT(of_a, CONCAT_A_SHIFT)
#endif
                }
                if (k >= B_BEGIN && k < B_BEGIN + B_WORDS)
                    of_b = hls_read(VEC, b);
#if CONCAT_B_SHIFT
                CUT(of_b, CONCAT_B_SHIFT)
#endif
                for (int c = 0; c < CONCAT_LC; c++) {
                    HLS(unroll)
                    const bool from_a = k < B_BEGIN || c < PART;
                    joined.v[c] = from_a ? of_a.v[c] : of_b.v[c < PART ? c : c - PART];
                    held.v[c] = c < PART ? of_b.v[c < PART ? CONCAT_LC - PART + c : c] : 0;
                }
                hls_write(VEC, out, joined);
            }
        }
    }
}

#undef A_WORDS
#undef B_WORDS
#undef OUT_WORDS
#undef PART
#undef B_BEGIN
#undef CUT
#undef VEC
#undef CONCAT
#undef CONCAT_A
#undef CONCAT_B
#undef CONCAT_LC
#undef CONCAT_A_SHIFT
#undef CONCAT_B_SHIFT
