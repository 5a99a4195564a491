// SPDX-License-Identifier: Apache-2.0
// Normalises each row by itself as one process: y_i = (x_i - mean) / sqrt(variance + epsilon), over
// the numbers of the row. (The rest of a layer normalisation, a factor and an offset for each
// number, is a part of what reads it.) Included with
//   NORM          the process's name
//   NORM_COUNT    numbers per row, n, 1 to 16384
//   NORM_LC       numbers per vector; the last one of a row is padded with zeros, in and out
//   NORM_EPSILON  epsilon n^2 in the squared units of x, 1 to 2^60
//   NORM_FRAC     fraction bits of y, 0 to 15; y saturates
// A row takes 2 ceil(n/LC) cycles: it comes in and its sums grow, then it goes out.
//
// Without a division: d_i = n x_i - sum x and V = n sum x^2 - (sum x)^2 are whole numbers, and
// y_i = d_i / sqrt(V + epsilon n^2). Where |y| is Y units, a y is off the exact quotient of the
// same integers by less than 0.51 + Y 2^-16.6 units, so by less than one: the root
// (reciprocal_root.h) and one rounding, to nearest, ties up.
#include "frame/words.h"
#include "mr_command.h"
#include "reciprocal_root.h"

#define WORDS MR_CEIL_DIV(NORM_COUNT, NORM_LC)
#define LAST (NORM_COUNT - (WORDS - 1) * NORM_LC) // numbers in a row's last vector
#define VEC MR_VEC(NORM_LC)
// The least n with COUNT <= 2^n.
#define LOG_COUNT                                                                                  \
    ((NORM_COUNT > 1) + (NORM_COUNT > 2) + (NORM_COUNT > 4) + (NORM_COUNT > 8) +                   \
     (NORM_COUNT > 16) + (NORM_COUNT > 32) + (NORM_COUNT > 64) + (NORM_COUNT > 128) +              \
     (NORM_COUNT > 256) + (NORM_COUNT > 512) + (NORM_COUNT > 1024) + (NORM_COUNT > 2048) +         \
     (NORM_COUNT > 4096) + (NORM_COUNT > 8192))

// command MR_COMMAND_RUN: takes `rows` rows and gives as many. The probe `cut` counts the numbers
// of the last RUN that were beyond 16 bits.
static void NORM(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command, uint32_t rows) {
    static int16_t kept[WORDS][NORM_LC]; // of the row that came in
#if WORDS == 1                           // what is written is read in the next cycle
    HLS(array_partition variable = kept dim = 0 complete)
#else
    HLS(array_partition variable = kept dim = 2 complete)
#    if WORDS <= 64 // soon
    HLS(bind_storage variable = kept type = ram_2p impl = lutram latency = 0)
#    endif
#endif
    static uint64_t cut;
    HLS_PROBE(cut);

    if (command == RUN_COMMAND) {
        cut = 0;
        int64_t sum = 0, squares = 0; // of the row that comes in, or came in
        int64_t due = 0;              // the sum of the row that goes out
        root_t root;                  // and of its V + epsilon n^2
        root.mantissa = 0;
        root.shift = 0;
    run_rows:
        for (uint32_t row = 0; row < rows; row++) {
            for (uint32_t phase = 0; phase < 2; phase++) {
                for (uint32_t k = 0; k < WORDS; k++) {
                    HLS(pipeline II = 1)
                    VEC fresh = {{0}};
                    if (phase == 0)
                        fresh = hls_read(VEC, in);
                    if (k == 0) {
                        // The masks and cuts to bits change nothing: they tell how many there are.
                        const uint64_t v = (uint64_t)(squares * NORM_COUNT - sum * sum);
                        due = sum;
                        root = mr_root_of((v & (((uint64_t)1 << (31 + 2 * LOG_COUNT)) - 1)) +
                                          NORM_EPSILON);
                    }
                    int64_t more = 0, more_squares = 0;
                    for (int c = 0; c < NORM_LC; c++) {
                        HLS(unroll)
                        more += fresh.v[c];
                        more_squares += fresh.v[c] * fresh.v[c];
                    }
                    const bool first = phase == 0 && k == 0;
                    sum = hls_wrap((first ? 0 : sum) + more, 16 + LOG_COUNT);
                    squares = hls_wrap((first ? 0 : squares) + more_squares, 32 + LOG_COUNT);
                    VEC normal;
                    uint32_t cut_now = 0;
                    for (int c = 0; c < NORM_LC; c++) {
                        HLS(unroll)
                        const bool real = k != WORDS - 1 || c < LAST;
                        const int64_t d =
                            hls_wrap((int64_t)kept[k][c] * NORM_COUNT - due, 17 + LOG_COUNT);
                        const int64_t product = d * root.mantissa;
                        const int64_t y = ((product >> (46 - NORM_FRAC - root.shift)) + 1) >> 1;
                        const int64_t ended = hls_saturate(y, 16);
                        kept[k][c] = fresh.v[c];
                        normal.v[c] = real ? (int16_t)ended : 0;
                        cut_now += real && ended != y;
                    }
                    if (phase == 1) {
                        hls_write(VEC, out, normal);
                        cut += cut_now;
                    }
                }
            }
        }
    }
}

#undef WORDS
#undef LAST
#undef VEC
#undef LOG_COUNT
#undef NORM
#undef NORM_COUNT
#undef NORM_LC
#undef NORM_EPSILON
#undef NORM_FRAC
