// SPDX-License-Identifier: Apache-2.0
// Many steps under conditions: of scalars, of registers that the step before has changed, of both;
// loops without a round; and so many that the choice of the next one takes two cycles.
#include "hls.h"

HLS_STREAM_OF(uint32_t)

#define STEP(n)                                                                                    \
    most = sum & 3;                                                                                \
    if (flags >> (n)&1)                                                                            \
        for (uint32_t i = 0; i < most; i++) {                                                      \
            HLS(pipeline II = 1)                                                                   \
            sum += hls_read(uint32_t, in) + n;                                                     \
        }                                                                                          \
    if ((sum >> (n) & 1) != (flags >> ((n) + 7) & 1))                                              \
        hls_write(uint32_t, out, sum);                                                             \
    if (sum & 1)                                                                                   \
        sum = sum + flags;

static void changing(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t flags,
                     uint32_t rounds) {
    uint32_t sum = flags, most;
    for (uint32_t r = 0; r < (rounds & 7); r++) {
        STEP(0)
        STEP(1)
        STEP(2)
        STEP(3)
        STEP(4)
        STEP(5)
        STEP(6)
        STEP(7)
        STEP(8)
        STEP(9)
        STEP(10)
        STEP(11)
        STEP(12)
        STEP(13)
        STEP(14)
        STEP(15)
    }
    hls_write(uint32_t, out, sum);
}

#define LOOP(n)                                                                                    \
    if ((flags >> ((n)&31) & 3) == (n) / 32)                                                         \
        for (uint32_t i = 0; i < rounds; i++) {                                                    \
            HLS(pipeline II = 1)                                                                   \
            hls_write(uint32_t, out, hls_read(uint32_t, in) ^ (n));                                \
        }
#define LOOPS(n) LOOP(n) LOOP(n + 1) LOOP(n + 2) LOOP(n + 3) LOOP(n + 4) LOOP(n + 5)

static void of_scalars(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t flags,
                       uint32_t rounds) {
    LOOPS(0)
    LOOPS(6)
    LOOPS(12)
    LOOPS(18)
    LOOPS(24)
    LOOPS(30)
    LOOPS(36)
    LOOPS(42)
    LOOPS(48)
}

void picks(hls_stream(uint32_t) * a_in, hls_stream(uint32_t) * a_out, hls_stream(uint32_t) * b_in,
           hls_stream(uint32_t) * b_out, uint32_t flags, uint8_t rounds) {
    HLS(dataflow)
    changing(a_in, a_out, flags, rounds);
    of_scalars(b_in, b_out, flags, rounds);
}
