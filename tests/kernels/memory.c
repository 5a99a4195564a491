// SPDX-License-Identifier: Apache-2.0
// Memories of each kind and latency, tables, banks, and reads of what earlier iterations wrote.
#include "hls.h"

typedef struct {
    uint16_t address;
    int16_t value;
    bool write;
} access_t;
typedef struct {
    int16_t v[4];
} bank_t;
HLS_STREAM_OF(access_t)
HLS_STREAM_OF(bank_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)

static const int16_t table[16] = {1, -2, 3,  500, -32768, 32767, 7,  8,
                                  9, 10, 11, 12,  13,     14,    15, 16};
static const uint64_t large[4] = {0xffffffffffffffffu, 1, 0x8000000000000000u, 77};
static const uint8_t matrix[3][4] = {{1, 2, 3, 4}, {50, 60, 70, 80}, {9, 255, 7}};

// One table with several readers, one with two dimensions, and one whose index is the loop's.
static void lookup(hls_stream(bank_t) *in, hls_stream(int32_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const bank_t x = hls_read(bank_t, in);
        int32_t sum = 0;
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            sum += table[x.v[k] & 15];
        }
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            sum += table[k * 3] * 2;
        }
        const uint32_t row = (uint32_t)x.v[0] & 1;
        sum += (int32_t)(large[i & 3] >> 40) + (int32_t)(large[2] >> 60);
        sum += matrix[row + 1][x.v[1] & 3] - matrix[2][1] + table[i & 15];
        hls_write(int32_t, out, sum);
    }
}

// Filled by one loop and read by the next.
#define FILLED(NAME, IMPL, LATENCY, SIZE)                                                          \
    static void NAME(hls_stream(int16_t) *in, hls_stream(int32_t) *out, uint32_t n) {            \
        static int16_t m[SIZE];                                                                    \
        HLS(bind_storage variable=m type=ram_s2p impl=IMPL latency=LATENCY)                \
    fill:                                                                                          \
        for (uint32_t i = 0; i < (SIZE); i++) {                                                    \
            HLS(pipeline II=1)                                                                   \
            m[i] = hls_read(int16_t, in);                                                          \
        }                                                                                          \
    use:                                                                                           \
        for (uint32_t i = 0; i < n; i++) {                                                         \
            HLS(pipeline II=1)                                                                   \
            hls_write(int32_t, out, m[i * 7 % (SIZE)] + m[i & 1] * 2);                             \
        }                                                                                          \
    }
FILLED(fill_lutram0, lutram, 0, 32)
FILLED(fill_lutram1, lutram, 1, 16)
FILLED(fill_bram1, bram, 1, 64)
FILLED(fill_bram2, bram, 2, 128)
FILLED(fill_uram2, uram, 2, 64)

// Every word is read again after 32 iterations.
static void history(hls_stream(int16_t) *in, hls_stream(int32_t) *out, uint32_t n) {
    static int32_t sum[32];
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t k = 0; k < 32; k++) {
            HLS(pipeline II=1)
            HLS(dependence variable=sum type=inter direction=RAW distance=32 true)
            const int16_t x = hls_read(int16_t, in);
            const int32_t s = (int32_t)(hls_wrap(sum[k], 24) + x * 3);
            sum[k] = s;
            hls_write(int32_t, out, s);
        }
    }
}

// Banks: each lane has a memory of its own.
static void banks(hls_stream(bank_t) *in, hls_stream(bank_t) *out, uint32_t n) {
    static int16_t m[20][4];
    HLS(array_partition variable=m complete dim=2)
    for (uint32_t i = 0; i < 20; i++) {
        HLS(pipeline II=1)
        const bank_t x = hls_read(bank_t, in);
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            m[i][k] = (int16_t)(x.v[k] + k);
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const uint32_t at = i & 15;
        bank_t y;
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            y.v[k] = m[at + 3][k];
        }
        hls_write(bank_t, out, y);
    }
}

// Written or not, by the input; read in another loop.
static void scatter(hls_stream(access_t) *in, hls_stream(int16_t) *out, uint32_t n) {
    static int16_t m[256];
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const access_t a = hls_read(access_t, in);
        if (a.write)
            m[a.address & 255] = a.value;
    }
    for (uint32_t i = 0; i < 256; i++) {
        HLS(pipeline II=1)
        hls_write(int16_t, out, m[i]);
    }
}

void memory(hls_stream(bank_t) *a, hls_stream(int32_t) *ya, hls_stream(int16_t) *b,
            hls_stream(int32_t) *yb, hls_stream(int16_t) *c, hls_stream(int32_t) *yc,
            hls_stream(int16_t) *d, hls_stream(int32_t) *yd, hls_stream(int16_t) *e,
            hls_stream(int32_t) *ye, hls_stream(int16_t) *f, hls_stream(int32_t) *yf,
            hls_stream(int16_t) *g, hls_stream(int32_t) *yg, hls_stream(bank_t) *h,
            hls_stream(bank_t) *yh, hls_stream(access_t) *k, hls_stream(int16_t) *yk,
            uint32_t n) {
    HLS(dataflow)
    lookup(a, ya, n);
    fill_lutram0(b, yb, n);
    fill_lutram1(c, yc, n);
    fill_bram1(d, yd, n);
    fill_bram2(e, ye, n);
    fill_uram2(f, yf, n);
    history(g, yg, n);
    banks(h, yh, n);
    scatter(k, yk, n);
}
