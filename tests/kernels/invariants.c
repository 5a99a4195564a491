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

// Chains in lanes that lie in tiles: of scalars and what a loop has left, and of registers that one
// has filled.
static void in_tiles(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t n, uint32_t a,
                     uint32_t b) {
    static int64_t acc[8], passing[8];
    HLS(array_partition variable = acc complete)
    HLS(array_partition variable = passing complete)
    int32_t s = 0;
    for (uint32_t i = 0; i < (n & 7); i++) {
        HLS(pipeline II = 1)
        s += (int16_t)hls_read(uint32_t, in);
    }
    for (uint32_t t = 0; t < (n & 3) + 1; t++) {
        for (uint32_t i = 0; i < 12; i++) {
            HLS(pipeline II = 1)
            const int16_t x = (int16_t)hls_read(uint32_t, in);
            int64_t current[8];
            for (int j = 0; j < 8; j++) {
                HLS(unroll)
                current[j] = i == 0 ? acc[j] : j + 1 < 8 ? passing[j + 1] : 0;
                passing[j] = current[j];
            }
            for (int j = 0; j < 8; j++) {
                HLS(unroll)
                int32_t k = (int32_t)(a & 65535) + j;
                for (int r = 0; r < 3; r++) {
                    HLS(unroll)
                    k = (k ^ (int32_t)(b & 65535)) + (k >> 3) + (s >> r);
                }
                acc[j] = (i == 0 ? 0 : acc[j]) + (int64_t)x * (int16_t)k;
            }
            hls_write(uint32_t, out, (uint32_t)current[0]);
        }
    }
}

static void filter(hls_stream(uint32_t) * in, hls_stream(uint32_t) * out, uint32_t n, uint32_t a) {
    static int64_t acc[8], passing[8];
    HLS(array_partition variable = acc complete)
    HLS(array_partition variable = passing complete)
    int16_t factor[8];
    HLS(array_partition variable = factor complete)
    for (uint32_t i = 0; i < 8; i++) {
        HLS(pipeline II = 1)
        for (int j = 0; j < 7; j++) {
            HLS(unroll)
            factor[j] = factor[j + 1];
        }
        factor[7] = (int16_t)hls_read(uint32_t, in);
    }
    for (uint32_t i = 0; i < (n & 15); i++) {
        HLS(pipeline II = 1)
        const int16_t x = (int16_t)hls_read(uint32_t, in);
        for (int j = 0; j < 8; j++) {
            HLS(unroll)
            passing[j] = i == 0 ? acc[j] : j + 1 < 8 ? passing[j + 1] : 0;
            const int16_t k = (int16_t)(((factor[j] ^ (int32_t)(a & 255)) + (factor[j] >> 2)) ^ j);
            acc[j] = (i == 0 ? 0 : acc[j]) + (int64_t)x * k;
        }
        hls_write(uint32_t, out, (uint32_t)passing[0]);
    }
}

void invariants(hls_stream(uint32_t) * in0, hls_stream(uint32_t) * in1, hls_stream(uint32_t) * in2,
                hls_stream(uint32_t) * in3, hls_stream(uint32_t) * in4,
                hls_stream(uint32_t) * out0, hls_stream(uint32_t) * out1,
                hls_stream(uint32_t) * out2, hls_stream(uint32_t) * out3,
                hls_stream(uint32_t) * out4, uint32_t n, uint32_t a, uint32_t b) {
    HLS(dataflow)
    of_scalars(in0, out0, n, a, b);
    of_registers(in1, out1, n, a);
    behind_loop(in2, out2, n);
    in_tiles(in3, out3, n, a, b);
    filter(in4, out4, n, a);
}
