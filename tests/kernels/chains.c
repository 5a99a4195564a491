// SPDX-License-Identifier: Apache-2.0
// Chains of sums, selections and logic that iterations hand on: they are put into another order,
// and give the same bits.
#include "hls.h"
typedef struct {
    int32_t x;
    uint16_t c;
    uint8_t u;
    int16_t y;
} w_t;
HLS_STREAM_OF(w_t)
HLS_STREAM_OF(int32_t)
HLS_STREAM_OF(uint64_t)
static void sums(hls_stream(w_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int32_t s = 5;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        s = s + w.x + (w.x >> 1) - w.y - (w.x >> 2) + w.c;
        hls_write(int32_t, out, s);
    }
}
static void narrow(hls_stream(w_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static uint8_t s = 5;
    static uint32_t t = 7;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        s = (uint8_t)(s + w.u - w.y - 3 - w.c - (w.u >> 1));
        t = t - (uint32_t)w.x - w.u - w.c + s;
        hls_write(int32_t, out, (int32_t)(t ^ s));
    }
}
static void selections(hls_stream(w_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int32_t s = 5;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        s = w.c & 1     ? w.x
            : w.c & 2   ? w.y
            : w.c & 4   ? w.u
            : w.c & 8   ? -w.x
            : w.c & 16  ? 77
            : w.c & 32  ? w.x ^ w.y
            : w.c & 64  ? 3
            : w.c & 128 ? s + w.x
                        : s;
        hls_write(int32_t, out, s);
    }
}
static void bits(hls_stream(w_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static uint32_t s = 5;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        s = (s << 1 | s >> 31) ^ (uint32_t)w.x ^ w.c ^ w.u ^ (uint32_t)w.y ^ (uint32_t)w.x >> 3 ^
            (uint32_t)w.x << 5 ^ 0x1234567 ^ (s & 0xff & w.c);
        hls_write(int32_t, out, (int32_t)s);
    }
}
// Registers that most branches hold.
static void nested(hls_stream(w_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int32_t s = 5, k;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        if (w.c & 1) {
            if (w.c & 2) {
                if (w.c & 4) {
                    s = w.x;
                } else if (w.c & 8) {
                    s -= w.x;
                    k++;
                }
            } else if (w.u > 5) {
                s = w.y;
            }
        } else if (w.u & 1) {
            if (w.c & 16)
                k = s;
            else if (w.c & 32) {
                s = k;
            }
        }
        switch (w.u & 7) {
        case 0:
            k += 3;
            break;
        case 1:
            k = w.x;
            break;
        case 2:
            k ^= s;
            break;
        case 5:
            k = k - s - w.x - w.y;
            break;
        default:
            break;
        }
        hls_write(int32_t, out, s ^ k);
    }
}
// Sums of several widths, and of products.
static void products(hls_stream(w_t) * in, hls_stream(uint64_t) * out, uint32_t n) {
    static uint64_t s = 5;
    static int64_t t;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        s = s + (uint64_t)w.x + w.y * w.c + w.u * w.u + (uint32_t)w.x;
        t = t + (w.x + w.y) - (w.u + w.c) + (int64_t)w.x * w.y;
        hls_write(uint64_t, out, s ^ (uint64_t)t);
    }
}
// Conditions of writes, and a memory that each iteration reads, changes and writes back.
static void guards(hls_stream(w_t) * in, hls_stream(int32_t) * out, uint32_t n) {
    static int32_t m[64];
    static bool a, b;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const w_t w = hls_read(w_t, in);
        a = (a && (w.c & 1) && w.x > 3 && w.y < 9 && w.u != 7 && !b) || w.x == 3 ||
            (w.c & 6) == 2 || (b && w.u > 200);
        b = b ^ (w.c & 1) ^ (w.u > 3) ^ (w.y > 2) ^ (w.x > 1) ^ a ^ (w.c > 100);
        if (a || w.x > 0 || w.y > 0 || w.u > 100)
            m[w.c & 63] = m[w.c & 63] + w.x + w.y - w.u + 1;
        hls_write(int32_t, out, m[w.u & 63] + b);
    }
}
void chains(hls_stream(w_t) * i1, hls_stream(int32_t) * o1, hls_stream(w_t) * i2,
            hls_stream(int32_t) * o2, hls_stream(w_t) * i3, hls_stream(int32_t) * o3,
            hls_stream(w_t) * i4, hls_stream(int32_t) * o4, hls_stream(w_t) * i5,
            hls_stream(int32_t) * o5, hls_stream(w_t) * i6, hls_stream(uint64_t) * o6,
            hls_stream(w_t) * i7, hls_stream(int32_t) * o7, uint32_t n) {
    HLS(dataflow)
    sums(i1, o1, n);
    narrow(i2, o2, n);
    selections(i3, o3, n);
    bits(i4, o4, n);
    nested(i5, o5, n);
    products(i6, o6, n);
    guards(i7, o7, n);
}
