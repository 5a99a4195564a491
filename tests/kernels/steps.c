// SPDX-License-Identifier: Apache-2.0
// Control steps: loops around several loops, while, do, break, continue, return, late conditions of
// reads.
#include "hls.h"

HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)

// Loops with code before, between and behind inner ones; intervals of four; two writes in an
// iteration.
static void imperfect(hls_stream(int16_t) * in, hls_stream(int32_t) * out, uint8_t n, uint8_t m) {
    static int32_t buf[64];
    static int32_t hist[256];
    int32_t total = 0;
    for (uint32_t i = 0; i < (n & 15); i++) {
        int32_t rowsum = (int32_t)i * 3;
        for (uint32_t j = 0; j < (m & 7) + i; j++) {
            int16_t v = hls_read(int16_t, in);
            buf[j & 63] = v;
            rowsum += v;
        }
        hls_write(int32_t, out, rowsum);
        for (uint32_t j = 0; j < (m & 7); j++) {
            total += buf[j] * (rowsum & 255);
        }
        if (total > 100000) {
            total = total >> 4;
            hls_write(int32_t, out, total);
            for (int k = 0; k < 4; k++)
                hls_write(int32_t, out, total + k);
        }
    }
    hls_write(int32_t, out, total);
    for (int i = 0; i < 20; i++) {
        HLS(pipeline II = 4)
        int16_t x = hls_read(int16_t, in);
        hist[x & 255] += x * 3;
        hls_write(int32_t, out, hist[(x >> 8) & 255]);
    }
    for (int i = 0; i < 50; i++) {
        HLS(pipeline II = 4)
        int16_t x = hls_read(int16_t, in);
        hls_write(int32_t, out, x);
        if (x & 1)
            hls_write(int32_t, out, x + 1);
        total = total * 5 + x;
    }
    hls_write(int32_t, out, total);
}

// while, do, counting down, continue and return.
static void leaving(hls_stream(int16_t) * in, hls_stream(int32_t) * out) {
    static uint32_t seen;
    while (1) {
        int16_t c = hls_read(int16_t, in);
        if (c == 7)
            break;
        if (c < 0)
            continue;
        seen++;
        if (c & 1) {
            hls_write(int32_t, out, c);
        } else if (c & 2) {
            for (int i = 0; i < 3; i++)
                hls_write(int32_t, out, c + i);
        } else {
            int x = c & 63;
            while (x > 0) {
                hls_write(int32_t, out, x);
                x = x - 5;
            }
        }
    }
    int16_t a = hls_read(int16_t, in), b = hls_read(int16_t, in);
    do {
        int16_t t = (int16_t)(a - b);
        a = b;
        b = t;
    } while (a > 0 && b > 0);
    hls_write(int32_t, out, a);
    for (int i = 9; i >= 0; i -= 2)
        hls_write(int32_t, out, i * (int32_t)seen);
    int n = 0;
    while (1) {
        int16_t v = hls_read(int16_t, in);
        if (v == 0 || v == -1)
            return;
        n += v;
        if (v < 0)
            continue;
        hls_write(int32_t, out, n);
    }
}

// Reads and breaks under conditions that memories decide.
static void late(hls_stream(int32_t) * in, hls_stream(int32_t) * out, uint8_t n) {
    static int8_t s[300];
    uint8_t i = 0;
    while (1) {
        i++;
        if (i > 5 || s[n & 3] != 0)
            break;
        hls_write(int32_t, out, hls_read(int32_t, in));
        for (uint8_t k = 2; k <= 0; k++) {
        }
    }
    for (int k = 0; k < 300; k++)
        s[k] = (int8_t)(s[k] + k);
    for (int k = 0; k < 30; k++) {
        int8_t t = s[k * 7];
        if (t & 1)
            hls_write(int32_t, out, hls_read(int32_t, in) + t);
    }
    int8_t t = s[n];
    if (t > 3) {
        int32_t x = hls_read(int32_t, in);
        hls_write(int32_t, out, x * t);
    }
}

void steps(hls_stream(int16_t) * imperfect_in, hls_stream(int32_t) * imperfect_out,
           uint8_t imperfect_n, uint8_t imperfect_m, hls_stream(int16_t) * leaving_in,
           hls_stream(int32_t) * leaving_out, hls_stream(int32_t) * late_in,
           hls_stream(int32_t) * late_out, uint8_t late_n) {
    HLS(dataflow)
    imperfect(imperfect_in, imperfect_out, imperfect_n, imperfect_m);
    leaving(leaving_in, leaving_out);
    late(late_in, late_out, late_n);
}
