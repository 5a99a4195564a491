// SPDX-License-Identifier: Apache-2.0
// Local arrays and unrolled loops: over lanes, expanded, nested, with neighbours and with dynamic
// indices.
#include "hls.h"

typedef struct {
    int16_t v[8];
    uint8_t index;
    bool turn;
} vector_t;
typedef struct {
    int32_t v[8];
    int32_t last;
} sums_t;
HLS_STREAM_OF(vector_t)
HLS_STREAM_OF(sums_t)

// Each iteration needs the one before, so this is expanded.
static void prefix(hls_stream(vector_t) *in, hls_stream(sums_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const vector_t x = hls_read(vector_t, in);
        sums_t s;
        int32_t sum = 0;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            sum += x.v[k];
            s.v[k] = sum;
        }
        int16_t best = x.v[0];
        for (int k = 1; k < 8; k++) {
            HLS(unroll)
            if (x.v[k] > best)
                best = x.v[k];
        }
        s.last = best;
        hls_write(sums_t, out, s);
    }
}

// Neighbours, reversal, rotation, partial writes.
static void shuffle(hls_stream(vector_t) *in, hls_stream(sums_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const vector_t x = hls_read(vector_t, in);
        int32_t t[8], u[8];
        sums_t s;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            t[k] = x.v[k] * 3 + k;
        }
        t[2] = 77;
        t[5] = x.index;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            u[k] = k + 1 < 8 ? t[k + 1] : t[0];
        }
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            s.v[k] = x.turn ? u[7 - k] : u[k];
        }
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            s.v[2 * k] += 1;
        }
        for (int k = 2; k < 6; k++) {
            HLS(unroll)
            s.v[k] -= x.v[k - 2];
        }
        s.last = t[2] + u[1];
        hls_write(sums_t, out, s);
    }
}

// Dynamic indices into registers: read, and write.
static void pick(hls_stream(vector_t) *in, hls_stream(sums_t) *out, uint32_t n) {
    static int16_t seen[8];
    static int32_t count[4] = {1, 2, 3, 4};
    HLS(array_partition variable=seen complete)
    HLS(array_partition variable=count complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const vector_t x = hls_read(vector_t, in);
        sums_t s;
        seen[x.index & 7] = x.v[0];
        count[x.index & 3] += 1;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            s.v[k] = seen[k] + x.v[(k + x.index) & 7];
        }
        s.last = x.v[x.index & 7] + count[x.index >> 6];
        hls_write(sums_t, out, s);
    }
}

// Two dimensions: transposed, with a window of the past.
static void window(hls_stream(vector_t) *in, hls_stream(sums_t) *out, uint32_t n) {
    static int16_t past[3][8];
    HLS(array_partition variable=past complete dim=0)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const vector_t x = hls_read(vector_t, in);
        sums_t s;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            s.v[k] = past[0][k] + past[1][k] - past[2][k];
        }
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            past[2][k] = past[1][k];
            past[1][k] = past[0][k];
            past[0][k] = x.v[k];
        }
        int16_t turned[4][2];
        for (int a = 0; a < 2; a++) {
            HLS(unroll)
            for (int b = 0; b < 4; b++) {
                HLS(unroll)
                turned[b][a] = x.v[a * 4 + b];
            }
        }
        s.last = turned[1][1] - turned[3][0] + (x.turn ? turned[2][1] : 0);
        hls_write(sums_t, out, s);
    }
}

// Picks that take several steps: one of 600, and one of 20 rows of 33 for each of four lanes.
static void long_pick(hls_stream(vector_t) *in, hls_stream(sums_t) *out, uint32_t n) {
    static int16_t line[300], table[11][27];
    HLS(array_partition variable=line complete)
    HLS(array_partition variable=table complete dim=0)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const vector_t x = hls_read(vector_t, in);
        sums_t s = {{0}};
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            s.v[k] = table[(x.v[k] & 7) + k][(x.v[4] & 15) + (x.v[5] >> k & 7)];
        }
        s.last = line[(x.v[6] & 255) + (x.v[7] & 31)];
        line[(x.v[1] & 255) + (x.v[2] & 31)] = x.v[3];
        table[(x.v[2] & 7) + (x.v[3] & 3)][x.v[7] & 15] = x.v[0];
        hls_write(sums_t, out, s);
    }
}

void arrays(hls_stream(vector_t) *a, hls_stream(sums_t) *prefix_out, hls_stream(vector_t) *b,
            hls_stream(sums_t) *shuffle_out, hls_stream(vector_t) *c,
            hls_stream(sums_t) *pick_out, hls_stream(vector_t) *d,
            hls_stream(sums_t) *window_out, hls_stream(vector_t) *e,
            hls_stream(sums_t) *long_out, uint32_t n) {
    HLS(dataflow)
    prefix(a, prefix_out, n);
    shuffle(b, shuffle_out, n);
    pick(c, pick_out, n);
    window(d, window_out, n);
    long_pick(e, long_out, n);
}
