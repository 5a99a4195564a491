// SPDX-License-Identifier: Apache-2.0
// Partitions, histograms, local memories, reductions.
#include "hls.h"

typedef struct {
    int16_t v[4];
} v4_t;
typedef struct {
    int16_t v[16];
} v16_t;
typedef struct {
    int16_t least, most;
    uint8_t all, any, odd;
    int16_t where;
} r_t;
HLS_STREAM_OF(v4_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(uint16_t)
HLS_STREAM_OF(uint32_t)
HLS_STREAM_OF(v16_t)
HLS_STREAM_OF(r_t)

// Cyclic and block banks, known and unknown, and reads at an address for each lane.
static void banked(hls_stream(v4_t) * in, hls_stream(int32_t) * out, hls_stream(int16_t) * idx) {
    static int16_t a[64];
    HLS(array_partition variable = a cyclic factor = 4)
    static int16_t bl[48];
    HLS(array_partition variable = bl block factor = 3)
    static int16_t c6[6][20];
    HLS(array_partition variable = c6 cyclic factor = 3 dim = 2)
    static int16_t plain[16];
    for (int i = 0; i < 16; i++) {
        HLS(pipeline II = 1)
        v4_t w = hls_read(v4_t, in);
        for (int k = 0; k < 4; k++) {
            HLS(unroll)
            a[4 * i + k] = w.v[k];
        }
    }
    for (int i = 0; i < 48; i++) {
        int16_t x = hls_read(int16_t, idx);
        bl[i] = x;
        plain[i & 15] = (int16_t)(x + 1);
    }
    for (int i = 0; i < 61; i++) {
        HLS(pipeline II = 1)
        int32_t s = 0;
        for (int k = 0; k < 4; k++)
            s += a[i + k] * (k + 1);
        hls_write(int32_t, out, s);
    }
    for (int i = 0; i < 16; i++) {
        HLS(pipeline II = 1)
        int32_t s = 0;
        for (int k = 0; k < 3; k++)
            s += bl[16 * k + i];
        hls_write(int32_t, out, s);
    }
    for (int i = 0; i < 64; i++) {
        HLS(unroll factor = 4)
        a[i] = (int16_t)(a[i] * 3 + i);
    }
    for (int i = 0; i < 20; i++) {
        HLS(pipeline II = 1)
        int16_t x = hls_read(int16_t, idx);
        hls_write(int32_t, out, a[x & 63]);
        a[(x >> 6) & 63] = x;
    }
    for (int r = 0; r < 6; r++)
        for (int i = 0; i < 20; i++) {
            int16_t x = hls_read(int16_t, idx);
            c6[r][i] = x;
        }
    for (int r = 0; r < 6; r++)
        for (int i = 0; i < 18; i += 3) {
            HLS(pipeline II = 1)
            int32_t s = 0;
            for (int k = 0; k < 3; k++)
                s += c6[r][i + k];
            hls_write(int32_t, out, s + c6[5 - r][19 - i]);
        }
    for (int i = 0; i < 16; i++) {
        HLS(pipeline II = 1)
        v4_t w = hls_read(v4_t, in);
        int32_t s = 0;
        for (int k = 0; k < 4; k++)
            s = s ^ plain[w.v[k] & 15];
        hls_write(int32_t, out, s);
    }
}

// Reads that follow the writes.
static void histogram(hls_stream(uint16_t) * in, hls_stream(uint32_t) * out, uint16_t n) {
    static uint32_t hist[1024];
    for (uint32_t i = 0; i < 1024; i++)
        hist[i] = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t x = hls_read(uint16_t, in) & 1023;
        if (x != 5)
            hist[x]++;
    }
    for (uint32_t i = 0; i < 1024; i++)
        hls_write(uint32_t, out, hist[i]);
}

// Local arrays in memories, cleared in each round.
static void local(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    for (int r = 0; r < 3; r++) {
        int32_t count[12][4] = {{0}};
        HLS(array_partition variable = count dim = 2 complete)
        int16_t big[200] = {0};
        for (uint32_t i = 0; i < n; i++) {
            int32_t x = hls_read(int32_t, in);
            for (int k = 0; k < 4; k++) {
                HLS(unroll)
                count[(x >> 4) % 8 & 7][k] += (x >> k) & 1;
            }
            big[x & 127] = (int16_t)(big[(x >> 3) & 127] + 1);
        }
        for (int i = 0; i < 12; i++)
            hls_write(int32_t, out, count[i][i & 3] + count[i][0] * 256 + big[i]);
    }
}

// Trees of every kind.
static void extremes(hls_stream(v16_t) * in, hls_stream(r_t) * out, uint16_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        v16_t w = hls_read(v16_t, in);
        r_t r;
        int16_t lo = 32767, hi = -32768;
        uint8_t all = 255, any = 0, odd = 0;
        for (int k = 0; k < 16; k++) {
            HLS(unroll)
            if (w.v[k] < lo)
                lo = w.v[k];
            hi = w.v[k] > hi ? w.v[k] : hi;
            all &= (uint8_t)w.v[k];
            any |= (uint8_t)(w.v[k] >> 8);
            odd ^= (uint8_t)w.v[k];
        }
        int16_t best = w.v[0], where = 0;
        for (int k = 1; k < 16; k++) {
            if (w.v[k] > best) {
                best = w.v[k];
                where = (int16_t)k;
            }
        }
        r.least = lo;
        r.most = hi;
        r.all = all;
        r.any = any;
        r.odd = odd;
        r.where = where;
        hls_write(r_t, out, r);
    }
}

// The four greatest, by an insertion in registers.
static void greatest(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    int32_t value[4] = {0};
    HLS(array_partition variable = value complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        for (int j = 3; j > 0; j--) {
            HLS(unroll)
            if (x > value[j - 1])
                value[j] = value[j - 1];
            else if (x > value[j])
                value[j] = x;
        }
        if (x > value[0])
            value[0] = x;
        hls_write(int32_t, out, value[3]);
    }
}

void banks(hls_stream(v4_t) * banked_in, hls_stream(int32_t) * banked_out,
           hls_stream(int16_t) * banked_idx, hls_stream(uint16_t) * histogram_in,
           hls_stream(uint32_t) * histogram_out, uint16_t histogram_n,
           hls_stream(int32_t) * local_in, hls_stream(int32_t) * local_out, uint8_t local_n,
           hls_stream(v16_t) * extremes_in, hls_stream(r_t) * extremes_out, uint16_t extremes_n,
           hls_stream(int16_t) * greatest_in, hls_stream(int32_t) * greatest_out,
           uint32_t greatest_n) {
    HLS(dataflow)
    banked(banked_in, banked_out, banked_idx);
    histogram(histogram_in, histogram_out, histogram_n);
    local(local_in, local_out, local_n);
    extremes(extremes_in, extremes_out, extremes_n);
    greatest(greatest_in, greatest_out, greatest_n);
}
