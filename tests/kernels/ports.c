// SPDX-License-Identifier: Apache-2.0
// True dual-port memories: read at two addresses in a cycle, by several loops, in banks, at an
// address for each lane, and by the lanes of tiles, whose sums go on from the columns of one port
// to those of the other.
#include "hls.h"

typedef struct {
    int16_t v[2];
} v2_t;
typedef struct {
    int16_t v[5];
} v5_t;
HLS_STREAM_OF(v2_t)
HLS_STREAM_OF(v5_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(int64_t)

// Written and read in turn, by loops that follow each other closely; straight code reads too.
static void turns(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int16_t m[300];
    HLS(bind_storage variable = m type = ram_t2p impl = bram)
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++) {
            HLS(pipeline II = 1)
            m[i + 20 * round] = hls_read(int16_t, in);
        }
        for (uint32_t i = 0; i < n; i++) {
            HLS(pipeline II = 1)
            hls_write(int32_t, out, m[i] * 3 - m[299 - i]);
        }
        hls_write(int32_t, out, m[round] + m[n]);
        for (int i = 0; i < 3; i++) {
            HLS(pipeline II = 1)
            hls_write(int32_t, out, m[i * 7]);
        }
        m[299 - round] = (int16_t)(round + 5);
    }
}

// Each bank at two addresses, and banks that are known at run time only.
static void banked(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int16_t a[96];
    HLS(array_partition variable = a cyclic factor = 4)
    HLS(bind_storage variable = a type = ram_t2p impl = bram latency = 1)
    static int16_t b[3][40];
    HLS(array_partition variable = b complete dim = 1)
    HLS(bind_storage variable = b type = ram_t2p impl = uram)
    static int16_t c[64];
    HLS(array_partition variable = c cyclic factor = 2)
    HLS(bind_storage variable = c type = ram_t2p)
    for (int i = 0; i < 96; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        a[i] = x;
        c[i & 63] = x;
        b[i / 32][i & 31] = x;
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        const int32_t j = i & 15;
        int32_t s = 0;
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            s += a[4 * j + k] - 2 * a[92 - 4 * j + k];
        }
        const int which = x & 1;
        s ^= b[which][x >> 3 & 31] + b[2 - which][x >> 8 & 31];
        hls_write(int32_t, out, s);
    }
    for (int j = 0; j < 32; j++) {
        HLS(pipeline II = 1)
        hls_write(int32_t, out, c[2 * j] - c[62 - 2 * j] + 3 * c[2 * j + 1]);
    }
}

// Two lanes with an address each are two reads, unless each has a bank of its own.
static void addressed(hls_stream(v2_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int16_t m[2048];
    HLS(bind_storage variable = m type = ram_t2p impl = uram)
    static int16_t own[2][64];
    HLS(array_partition variable = own complete dim = 1)
    HLS(bind_storage variable = own type = ram_t2p impl = bram)
    for (int i = 0; i < 128; i++) {
        HLS(pipeline II = 1)
        const v2_t x = hls_read(v2_t, in);
        m[i * 5] = x.v[0];
        for (int k = 0; k < 2; k++) {
            HLS(unroll)
            own[k][i & 63] = x.v[k];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const v2_t x = hls_read(v2_t, in);
        int32_t s = 1;
        for (int k = 0; k < 2; k++) {
            HLS(unroll)
            s += m[x.v[k] & 1023] * (k + 3) + own[k][x.v[k] & 63] - own[k][x.v[1 - k] >> 6 & 63];
        }
        hls_write(int32_t, out, s);
    }
}

// A matrix times a vector, LC columns a cycle: the first half of them from the words in front, the
// others from those behind. Rows of any number lie in tiles, and may lie in two kinds of memory
// (REST: a pragma that says so).
#define PRODUCT(NAME, TYPE, LANES, LC, WORDS, IMPL, REST)                                          \
    static void NAME(hls_stream(int16_t) * weights, hls_stream(v5_t) * in,                         \
                     hls_stream(int64_t) * out, uint8_t n) {                                       \
        static TYPE w[2 * (WORDS)][LANES][((LC) + 1) / 2];                                         \
        static int64_t acc[LANES];                                                                 \
        static int64_t chain[LANES];                                                               \
        HLS(array_partition variable = w complete dim = 2)                                         \
        HLS(array_partition variable = w complete dim = 3)                                         \
        HLS(bind_storage variable = w type = ram_t2p impl = IMPL)                                  \
        REST                                                                                       \
        HLS(array_partition variable = acc complete)                                               \
        HLS(array_partition variable = chain complete)                                             \
        for (uint32_t k = 0; k < 2 * (WORDS); k++) {                                               \
            for (uint32_t r = 0; r < (LANES); r++) {                                               \
                HLS(pipeline II = 1)                                                               \
                const int16_t x = hls_read(int16_t, weights);                                      \
                for (int c = 0; c < ((LC) + 1) / 2; c++) {                                         \
                    HLS(unroll)                                                                    \
                    w[k][r][c] = (TYPE)(x >> c);                                                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        for (uint32_t t = 0; t < n; t++) {                                                         \
            for (uint32_t k = 0; k < (WORDS); k++) {                                               \
                HLS(pipeline II = 1)                                                               \
                const v5_t x = hls_read(v5_t, in);                                                 \
                int64_t now[LANES];                                                                \
                for (int r = 0; r < (LANES); r++) {                                                \
                    HLS(unroll)                                                                    \
                    now[r] = k == 0 ? acc[r] : r + 1 < (LANES) ? chain[r + 1] : 0;                 \
                    chain[r] = now[r];                                                             \
                }                                                                                  \
                for (int r = 0; r < (LANES); r++) {                                                \
                    HLS(unroll)                                                                    \
                    int64_t sum = 0;                                                               \
                    for (int c = 0; c < ((LC) + 1) / 2; c++) {                                     \
                        HLS(unroll)                                                                \
                        sum += w[k][r][c] * x.v[c];                                                \
                    }                                                                              \
                    for (int c = 0; c < (LC) / 2; c++) {                                           \
                        HLS(unroll)                                                                \
                        sum += w[(WORDS) + k][r][c] * x.v[((LC) + 1) / 2 + c];                     \
                    }                                                                              \
                    acc[r] = hls_wrap((k == 0 ? 0 : acc[r]) + sum, 48);                            \
                }                                                                                  \
                hls_write(int64_t, out, now[0]);                                                   \
            }                                                                                      \
        }                                                                                          \
    }
PRODUCT(product2, int16_t, 18, 2, 20, uram, HLS(bind_storage variable = w impl = bram dim = 2 from = 7))
PRODUCT(product3, int16_t, 11, 3, 15, bram, HLS(bind_storage variable = w impl = uram dim = 2 from = 10))
PRODUCT(product4, int8_t, 27, 4, 9, uram, )
PRODUCT(product5, int16_t, 8, 5, 12, auto, )

void ports(hls_stream(int16_t) * turns_in, hls_stream(int32_t) * turns_out,
           hls_stream(int16_t) * banked_in, hls_stream(int32_t) * banked_out,
           hls_stream(v2_t) * addressed_in, hls_stream(int32_t) * addressed_out,
           hls_stream(int16_t) * w2, hls_stream(v5_t) * x2, hls_stream(int64_t) * y2,
           hls_stream(int16_t) * w3, hls_stream(v5_t) * x3, hls_stream(int64_t) * y3,
           hls_stream(int16_t) * w4, hls_stream(v5_t) * x4, hls_stream(int64_t) * y4,
           hls_stream(int16_t) * w5, hls_stream(v5_t) * x5, hls_stream(int64_t) * y5, uint8_t n) {
    HLS(dataflow)
    turns(turns_in, turns_out, n & 127);
    banked(banked_in, banked_out, n);
    addressed(addressed_in, addressed_out, n);
    product2(w2, x2, y2, n & 7);
    product3(w3, x3, y3, n & 7);
    product4(w4, x4, y4, n & 7);
    product5(w5, x5, y5, n & 7);
}
