// SPDX-License-Identifier: Apache-2.0
// When things happen: conditional reads and writes, several loops, code between them, trip counts
// known at run time, break, nested loops, state of every kind.
#include "hls.h"

typedef struct {
    int16_t a;
    uint8_t kind;
    bool keep;
} item_t;
HLS_STREAM_OF(item_t)
HLS_STREAM_OF(int16_t)
HLS_STREAM_OF(int32_t)

// One output element for some inputs; whether is known late.
static void filter(hls_stream(item_t) *in, hls_stream(int32_t) *out, hls_stream(int16_t) *rest,
                   uint32_t n) {
    static int32_t sum = 5;
    static uint8_t count = 250;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const item_t x = hls_read(item_t, in);
        const int32_t p = x.a * x.a;
        if (x.keep && (p & 3) != 0) {
            sum += x.a;
            count++;
            hls_write(int32_t, out, p + sum + count);
        } else {
            hls_write(int16_t, rest, x.a);
        }
    }
}

// Reads every third iteration, and the second input only at even ones; writes what it has.
static void repeat(hls_stream(int16_t) *in, hls_stream(int16_t) *slow, hls_stream(int32_t) *out,
                   uint32_t n) {
    int16_t held = 0, other = 3;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < 3; k++) {
            HLS(pipeline II=1)
            if (k == 0)
                held = hls_read(int16_t, in);
            if ((i & 1) == 0 && k == 2)
                other = hls_read(int16_t, slow);
            hls_write(int32_t, out, held * 4 + other + (int32_t)k);
        }
    }
}

// Loops of all kinds of bounds in one process, straight code between, and scalars that live across
// them.
static void phases(hls_stream(int16_t) *in, hls_stream(int32_t) *out, uint32_t n, uint8_t m,
                   bool twice) {
    static int32_t total;
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        sum += hls_read(int16_t, in);
    }
    total += sum;
    int32_t scaled = sum >> 2;
    if (twice)
        scaled = scaled * 2 + 1;
    for (int i = 0; i < m; i++) {
        HLS(pipeline II=1)
        hls_write(int32_t, out, scaled + i);
    }
    if (n > 10) {
        for (int i = 3; i <= 9; i += 2) {
            HLS(pipeline II=1)
            hls_write(int32_t, out, total - i);
        }
    }
    for (int i = 0; i < 5; i++) {
        HLS(pipeline II=1)
        const int32_t y = i * i + sum;
        hls_write(int32_t, out, y);
    }
}

// Ends early; what the loop found is used behind it.
static void search(hls_stream(int16_t) *in, hls_stream(int32_t) *out, uint32_t n) {
    int32_t seen = 0;
    for (uint32_t i = 0; i < 100; i++) {
        HLS(pipeline II=1)
        seen += hls_read(int16_t, in) & 7;
        if (i >= n)
            break;
    }
    for (uint32_t i = 0; i < 2; i++) {
        HLS(pipeline II=1)
        hls_write(int32_t, out, seen);
    }
}

// Three levels, the outermost known at run time; the indices are used in all ways.
static void nest(hls_stream(int32_t) *out, uint8_t n) {
    for (uint32_t a = 0; a < n; a++) {
        for (int b = -2; b < 2; b++) {
            for (uint8_t c = 1; c < 9; c += 3) {
                HLS(pipeline II=1)
                if (b != 1)
                    hls_write(int32_t, out, (int32_t)a * 100 + b * 10 + c);
            }
        }
    }
}

// State that is a struct, an array, a flag; the same loop twice with a function in common.
typedef struct {
    int32_t high, low;
    bool rose;
} range_t;

static void widen(range_t *r, int16_t x) {
    if (x > r->high) {
        r->high = x;
        r->rose = true;
    } else {
        r->rose = false;
    }
    if (x < r->low)
        r->low = x;
}

static void track(hls_stream(int16_t) *in, hls_stream(int32_t) *out, uint32_t n) {
    static range_t range;
    static bool flip;
    static int16_t last[2] = {-1, 300};
    HLS(array_partition variable=last complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const int16_t x = hls_read(int16_t, in);
        widen(&range, x);
        flip = !flip;
        hls_write(int32_t, out, range.rose ? range.high - range.low : flip ? last[0] : last[1]);
        last[1] = last[0];
        last[0] = x;
    }
    for (uint32_t i = 0; i < 3; i++) {
        HLS(pipeline II=1)
        widen(&range, (int16_t)(i * 100));
        hls_write(int32_t, out, range.high + (range.rose ? 1 : 0));
    }
}

void control(hls_stream(item_t) *a, hls_stream(int32_t) *filter_out, hls_stream(int16_t) *rest,
             hls_stream(int16_t) *b, hls_stream(int16_t) *slow, hls_stream(int32_t) *repeat_out,
             hls_stream(int16_t) *c, hls_stream(int32_t) *phases_out, hls_stream(int16_t) *d,
             hls_stream(int32_t) *search_out, hls_stream(int32_t) *nest_out,
             hls_stream(int16_t) *e, hls_stream(int32_t) *track_out, uint32_t n, uint8_t m,
             bool twice) {
    HLS(dataflow)
    filter(a, filter_out, rest, n);
    repeat(b, slow, repeat_out, n);
    phases(c, phases_out, n, m, twice);
    search(d, search_out, n);
    nest(nest_out, m);
    track(e, track_out, n);
}
