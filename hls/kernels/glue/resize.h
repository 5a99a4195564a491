// SPDX-License-Identifier: Apache-2.0
// Repacks rows of RESIZE_COUNT activations from vectors of RESIZE_FROM to vectors of RESIZE_TO,
// between two layers that take different numbers of columns a cycle. Included with RESIZE (name)
// and these three. One vector a cycle: a row takes as many cycles as it has vectors on its busier
// side (and one more where the last vector in completes two vectors out).
#include "frame/words.h"
#include "mr_command.h"

#define IN_WORDS MR_CEIL_DIV(RESIZE_COUNT, RESIZE_FROM)
#define OUT_WORDS MR_CEIL_DIV(RESIZE_COUNT, RESIZE_TO)
#define IN_VEC MR_VEC(RESIZE_FROM)
#define OUT_VEC MR_VEC(RESIZE_TO)

static void RESIZE(hls_stream(IN_VEC) * in, hls_stream(OUT_VEC) * out, uint32_t command,
                   uint32_t total) {
    if (command == RUN_COMMAND) {
        uint8_t left = 0; // activations that came in and have not gone out
#if RESIZE_FROM >= RESIZE_TO
        uint16_t taken = 0; // vectors of this row that came in
        IN_VEC held = {{0}};
    run_rows:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < OUT_WORDS; k++) {
                HLS(pipeline II = 1)
                const bool take = left < RESIZE_TO && taken < IN_WORDS;
                IN_VEC fresh = {{0}};
                if (take)
                    fresh = hls_read(IN_VEC, in);
                // What is left of the held vector, then the fresh one.
                int16_t window[2 * RESIZE_FROM];
                for (int e = 0; e < 2 * RESIZE_FROM; e++) {
                    HLS(unroll)
                    window[e] = e < RESIZE_FROM ? held.v[e] : fresh.v[e - RESIZE_FROM];
                }
                OUT_VEC packed;
                for (int e = 0; e < RESIZE_TO; e++) {
                    HLS(unroll)
                    packed.v[e] = window[RESIZE_FROM - left + e];
                }
                hls_write(OUT_VEC, out, packed);
                if (take)
                    held = fresh;
                const uint8_t rest = take ? left + (RESIZE_FROM - RESIZE_TO) : left - RESIZE_TO;
                left = k == OUT_WORDS - 1 ? 0 : rest;
                taken = k == OUT_WORDS - 1 ? 0 : take ? taken + 1 : taken;
            }
        }
#else
        // Does the row end with a vector that is not full, and does it come in the same cycle as a
        // full one?
#    define FULL(words) ((words)*RESIZE_FROM / RESIZE_TO)
#    define FLUSH (FULL(IN_WORDS) < OUT_WORDS)
#    define EXTRA (FLUSH && FULL(IN_WORDS) > FULL(IN_WORDS - 1))
#    define WINDOW (RESIZE_TO + RESIZE_FROM - 1)
        int16_t held[WINDOW];
        HLS(array_partition variable = held complete dim = 0)
    run_rows:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < IN_WORDS + EXTRA; k++) {
                HLS(pipeline II = 1)
                IN_VEC fresh = {{0}};
                if (k < IN_WORDS)
                    fresh = hls_read(IN_VEC, in);
                int16_t window[WINDOW];
                for (int e = 0; e < WINDOW; e++) {
                    HLS(unroll)
                    window[e] = e + RESIZE_FROM < WINDOW ? held[e + RESIZE_FROM]
                                                         : fresh.v[e - (RESIZE_TO - 1)];
                }
                for (int e = 0; e < WINDOW; e++) {
                    HLS(unroll)
                    held[e] = window[e];
                }
                const uint8_t ready = left + RESIZE_FROM;
                const bool full = left >= RESIZE_TO - RESIZE_FROM;
                OUT_VEC packed;
                for (int e = 0; e < RESIZE_TO; e++) {
                    HLS(unroll)
                    packed.v[e] = e < ready ? window[WINDOW - ready + e] : 0;
                }
                if (full || (FLUSH && k == IN_WORDS + EXTRA - 1))
                    hls_write(OUT_VEC, out, packed);
                const uint8_t rest = full ? left - (RESIZE_TO - RESIZE_FROM) : left + RESIZE_FROM;
                left = k == IN_WORDS + EXTRA - 1 ? 0 : rest;
            }
        }
#    undef FULL
#    undef FLUSH
#    undef EXTRA
#    undef WINDOW
#endif
    }
}

#undef IN_WORDS
#undef OUT_WORDS
#undef IN_VEC
#undef OUT_VEC
#undef RESIZE
#undef RESIZE_COUNT
#undef RESIZE_FROM
#undef RESIZE_TO
