// SPDX-License-Identifier: Apache-2.0
// Values that stand still while a loop runs and take longer than a cycle to compute: in loops, in
// their limits, in jumps, and in first values of registers; of scalars, and of registers that the
// loop before has left behind.
#include "hls.h"

HLS_STREAM_OF(uint32_t)

// Eight sums and exclusive ors of scalars, in the loop; limits and a guard of sums.
static void of_scalars(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t n,
                       uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < (n & 7) + (a & 3) + (b & 3); i++) {
        HLS(pipeline II = 1)
        uint32_t k = a;
        for (int s = 0; s < 8; s++) {
            HLS(unroll)
            k = (k ^ b) + (k >> 3) + (uint32_t)s;
        }
        uint32_t x = 0;
        if (i < ((a ^ b) + n) % 4 + (k & 3))
            x = hls_read(uint32_t, in);
        hls_write(uint32_t, out, x + k);
    }
}

// Short loops again and again, each with a chain of what the one before has summed up.
static void of_registers(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t n,
                         uint32_t a) {
    uint32_t sum = 1, turns = 0;
    for (uint32_t r = 0; r < (n & 15); r++) {
        for (uint32_t i = 0; i < (r & 3); i++) {
            HLS(pipeline II = 1)
            sum = sum + hls_read(uint32_t, in);
        }
        // A jump on a deep condition.
        if (((sum + a) ^ (sum - r)) + (sum >> 5) > a + r * 5) {
            for (uint32_t i = 0; i < ((sum + a) & 3); i++) {
                HLS(pipeline II = 1)
                uint32_t k = sum;
                for (int s = 0; s < 3; s++) {
                    HLS(unroll)
                    k = (k ^ a) + (k << 2) + r;
                }
                hls_write(uint32_t, out, k + i);
            }
            turns += 1;
        }
        uint32_t first = (sum ^ r) + a + turns; // a register's first value
        for (uint32_t i = 0; i < 2; i++) {
            HLS(pipeline)
            first += i + (sum & 3);
            hls_write(uint32_t, out, first);
        }
    }
    hls_write(uint32_t, out, sum);
}

// Straight code behind a loop: a division step by step, and what is shifted by run-time amounts.
static void behind_loop(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t n) {
    uint32_t a = 0, b = 1;
    for (uint32_t i = 0; i < (n & 31); i++) {
        HLS(pipeline II = 1)
        const uint32_t x = hls_read(uint32_t, in);
        a += x;
        b += x >> 16;
    }
    uint64_t rem = 0;
    uint32_t q = 0;
    for (int k = 15; k >= 0; k--) {
        HLS(unroll)
        rem = rem << 1 | (a >> k & 1);
        q <<= 1;
        if (rem >= b) {
            rem -= b;
            q |= 1;
        }
    }
    const int64_t wide = (int64_t)(((uint64_t)a << 32 | b) << (b & 63)) >> (a & 63);
    for (uint32_t i = 0; i < 3; i++) {
        HLS(pipeline II = 1)
        hls_write(uint32_t, out, i == 0 ? q : i == 1 ? (uint32_t)wide : (uint32_t)(wide >> 32));
    }
}

void invariants(hls_stream(uint32_t) * in0, hls_stream(uint32_t) * in1, hls_stream(uint32_t) * in2,
                hls_stream(uint32_t) * out0, hls_stream(uint32_t) * out1,
                hls_stream(uint32_t) * out2, uint32_t n, uint32_t a, uint32_t b) {
    HLS(dataflow)
    of_scalars(in0, out0, n, a, b);
    of_registers(in1, out1, n, a);
    behind_loop(in2, out2, n);
}
