// SPDX-License-Identifier: Apache-2.0
// Integer types of every width: promotions, wraps, shifts, comparisons, division by powers of two,
// products.
#include "hls.h"

typedef struct {
    int8_t a8;
    uint8_t b8;
    int16_t a16;
    uint16_t b16;
    int32_t a32;
    uint32_t b32;
    int64_t a64;
    uint64_t b64;
    bool flag;
} numbers_t;
typedef struct {
    int8_t r8[8];
    uint8_t u8[4];
    int16_t r16[8];
    uint16_t u16[4];
    int32_t r32[12];
    uint32_t u32[10];
    int64_t r64[10];
    uint64_t u64[8];
    bool b[12];
} results_t;
HLS_STREAM_OF(numbers_t)
HLS_STREAM_OF(results_t)

static void wraps(hls_stream(numbers_t) *in, hls_stream(results_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const numbers_t x = hls_read(numbers_t, in);
        results_t r = {0};
        r.r8[0] = (int8_t)(x.a8 + x.b8);
        r.r8[1] = (int8_t)(x.a16 - x.a8);
        r.r8[2] = (int8_t)(x.a8 * x.b8);
        r.r8[3] = (int8_t)-x.a8;
        r.r8[4] = (int8_t)~x.a8;
        r.r8[5] = (int8_t)(x.a64 >> 17);
        r.r8[6] = (int8_t)(x.flag ? x.a8 : -x.a16);
        r.r8[7] = (int8_t)hls_wrap(x.a32, 5);
        r.u8[0] = (uint8_t)(x.b8 + 1);
        r.u8[1] = (uint8_t)(x.a16 ^ x.b8);
        r.u8[2] = (uint8_t)(x.b8 << 3);
        r.u8[3] = (uint8_t)(x.flag + x.flag);
        r.r16[0] = (int16_t)(x.a16 + x.b16);
        r.r16[1] = (int16_t)(x.a16 * x.a16);
        r.r16[2] = (int16_t)(x.a8 * x.a16);
        r.r16[3] = (int16_t)(x.a32 >> 9);
        r.r16[4] = (int16_t)(x.b32 >> 9);
        r.r16[5] = (int16_t)(x.a8 & x.b16);
        r.r16[6] = (int16_t)hls_saturate(x.a32, 16);
        r.r16[7] = (int16_t)hls_round_shift(x.a16, 3);
        r.u16[0] = (uint16_t)(x.b16 - x.a8);
        r.u16[1] = (uint16_t)(x.b8 * x.b8);
        r.u16[2] = (uint16_t)(x.b64 >> 48);
        r.u16[3] = (uint16_t)~x.b16;
        r.r32[0] = x.a8 + x.b16;
        r.r32[1] = x.a16 * x.b8;
        r.r32[2] = (int32_t)(x.a32 + x.b32);
        r.r32[3] = (int32_t)((uint32_t)x.a32 - (uint32_t)x.a16);
        r.r32[4] = x.a32 / 8;
        r.r32[5] = x.a32 % 8;
        r.r32[6] = x.a16 / 1;
        r.r32[7] = (int32_t)(x.a64 / 4096);
        r.r32[8] = (int32_t)hls_saturate(x.a64, 24);
        r.r32[9] = x.a16 % 32;
        r.r32[10] = (x.a8 | 1) * (x.a8 & 15);
        r.r32[11] = (int32_t)(x.a16 * (int64_t)x.a32 >> 20);
        r.u32[0] = x.b32 * 7u;
        r.u32[1] = x.b32 - x.b16;
        r.u32[2] = x.b32 / 16u;
        r.u32[3] = x.b32 % 16u;
        r.u32[4] = x.b32 & ~0xffu;
        r.u32[5] = (uint32_t)x.a8 + x.b32;
        r.u32[6] = -x.b32;
        r.u32[7] = (uint32_t)(x.a8 < 0 ? -1 : x.b8);
        r.u32[8] = x.b8 * 0x1010101u;
        r.u32[9] = ~x.b32 >> 3;
        r.r64[0] = x.a32 * (int64_t)x.a32;
        r.r64[1] = x.a64 + x.b32;
        r.r64[2] = x.a64 - x.a8;
        r.r64[3] = (int64_t)((uint64_t)x.a64 * (uint64_t)x.a16);
        r.r64[4] = x.a32 * (int64_t)x.b32;
        r.r64[5] = x.a64 >> 63;
        r.r64[6] = hls_wrap(x.a64, 48);
        r.r64[7] = (int64_t)x.a32 << 20;
        r.r64[8] = hls_saturate((int64_t)x.a32 * x.a16, 40);
        r.r64[9] = x.flag ? x.a64 : x.a8;
        r.u64[0] = x.b64 + x.b64;
        r.u64[1] = (uint64_t)x.b32 * x.b32;
        r.u64[2] = x.b64 ^ (uint64_t)x.a64;
        r.u64[3] = x.b64 - 1;
        r.u64[4] = (uint64_t)x.a8;
        r.u64[5] = x.b64 >> 1 | x.b64 << 63;
        r.u64[6] = x.b64 * 3u;
        r.u64[7] = x.b64 % 1024u;
        r.b[0] = x.a8 < x.b8;
        r.b[1] = (uint32_t)x.a8 < x.b32;
        r.b[2] = x.a16 <= x.a8 && x.flag;
        r.b[3] = x.a64 > x.a32 || x.b8 == 7;
        r.b[4] = !x.a8;
        r.b[5] = x.b64 >= (uint64_t)x.a64;
        r.b[6] = x.a32 != x.a16;
        r.b[7] = x.b16;
        r.b[8] = !x.flag;
        r.b[9] = (uint64_t)x.a16 == x.b64;
        r.b[10] = x.b32 <= 0x80000000u;
        r.b[11] = x.a64 < -5;
        hls_write(results_t, out, r);
    }
}

typedef struct {
    int32_t s[6];
    uint32_t u[4];
    int64_t l[5];
    uint64_t m[3];
    int16_t h[3];
} shifted_t;
HLS_STREAM_OF(shifted_t)

static void shifts(hls_stream(numbers_t) *in, hls_stream(shifted_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const numbers_t x = hls_read(numbers_t, in);
        const int k = x.b8 & 31, l = x.b8 & 63;
        shifted_t r;
        r.s[0] = x.a32 >> k;
        r.s[1] = (int32_t)(x.b32 << k);
        r.s[2] = x.a8 >> (k & 7);
        r.s[3] = x.a16 << (k & 15);
        r.s[4] = 1 << (k & 15);
        r.s[5] = x.a32 >> (x.b16 & 3) >> (x.b16 >> 14);
        r.u[0] = x.b32 >> k;
        r.u[1] = x.b32 << (k >> 1);
        r.u[2] = x.b16 >> k;
        r.u[3] = 0xffffffffu >> k;
        r.l[0] = x.a64 >> l;
        r.l[1] = (int64_t)((uint64_t)x.a64 << l);
        r.l[2] = hls_round_shift(x.a32, 1 + (k & 15));
        r.l[3] = x.a64 >> (l & 7) << 2;
        r.l[4] = hls_round_shift(x.a16 * (int64_t)x.a32, 15);
        r.m[0] = x.b64 >> l;
        r.m[1] = x.b64 << l;
        r.m[2] = (uint64_t)1 << l;
        r.h[0] = (int16_t)(x.a16 >> (k & 15));
        r.h[1] = (int16_t)hls_saturate(x.a32 >> k, 12);
        r.h[2] = (int16_t)hls_wrap(x.a32, 9);
        hls_write(shifted_t, out, r);
    }
}

enum mode { MODE_ADD, MODE_SUB = 3, MODE_SWAP, MODE_CLAMP };

static int32_t choose(enum mode mode, int16_t a, int16_t b) {
    int32_t r = 0;
    switch (mode) {
    case MODE_ADD:
        r = a + b;
        break;
    case MODE_SUB:
        r = a - b;
        break;
    case MODE_SWAP:
        if (a > b)
            r = b;
        else
            r = -a;
        break;
    case MODE_CLAMP: {
        const int32_t low = a < -100 ? -100 : a;
        r = low > 100 ? 100 : low;
        break;
    }
    default:
        r = a * b;
        break;
    }
    return r;
}

static int32_t sign(int32_t x) {
    if (x < 0)
        return -1;
    if (x == 0)
        return 0;
    return 1;
}

static void divide(int32_t x, int32_t *quotient, int32_t *rest) {
    *quotient = x / 16;
    *rest = x % 16;
}

typedef struct {
    int32_t v[6];
    uint8_t kind;
} chosen_t;
HLS_STREAM_OF(chosen_t)

static chosen_t make(int32_t x, bool odd) {
    chosen_t c = {0};
    c.v[0] = x;
    c.kind = odd ? 3 : 4;
    return c;
}

static void choices(hls_stream(numbers_t) *in, hls_stream(chosen_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const numbers_t x = hls_read(numbers_t, in);
        chosen_t r = make(x.a32, x.a32 & 1);
        r.v[1] = choose((enum mode)(x.b8 & 7), x.a16, x.a8);
        r.v[2] = sign(x.a32) + 10 * sign(x.a8);
        int32_t quotient, rest;
        divide(x.a32, &quotient, &rest);
        r.v[3] = quotient;
        r.v[4] = rest;
        int32_t t = 0;
        if (x.flag) {
            t = x.a8;
            if (x.a16 > 0)
                t += 5;
            else if (x.a16 < -1000)
                t -= 5;
        } else {
            t = x.b8;
        }
        switch (x.b16 & 3) {
        case 0:
        case 2:
            t ^= 0x55;
            break;
        case 1:
            r.kind = 9;
            break;
        }
        r.v[5] = t + (i == 0) + (i == n - 1 ? 1000 : 0);
        hls_write(chosen_t, out, r);
    }
}

// Products wider than a multiplier: all of their bits, the low ones, by constants, and handed from
// iteration to iteration.
typedef struct {
    int64_t a, b;
} factors_t;
typedef struct {
    int64_t v[10];
} products_t;
HLS_STREAM_OF(factors_t)
HLS_STREAM_OF(products_t)
static void products(hls_stream(factors_t) *in, hls_stream(products_t) *out, uint32_t n) {
    uint64_t hash = 1469598103934665603u;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline)
        const factors_t x = hls_read(factors_t, in);
        products_t o;
        o.v[0] = (int64_t)((uint64_t)x.a * (uint64_t)x.b);
        o.v[1] = (int64_t)(int32_t)x.a * (int32_t)x.b;
        o.v[2] = (int64_t)((uint64_t)(uint32_t)x.a * (uint32_t)x.b);
        o.v[3] = (uint32_t)x.a * (uint32_t)x.b;
        o.v[4] = (x.a >> 24) * (int64_t)(int32_t)(x.b & 0xffffff);
        o.v[5] = (uint16_t)((uint32_t)x.a * (uint32_t)x.b) + (int16_t)((x.a >> 20) * (int32_t)x.b >> 3);
        o.v[6] = (int64_t)((uint32_t)x.a * 2654435761u) + (x.b >> 30) * 1000000007;
        o.v[7] = (int64_t)((uint64_t)x.a * (n ^ 0x9e3779b9u) + (uint64_t)(x.b & 7) * n);
        o.v[8] = (x.a >> 37) * (x.b >> 40) + x.b;
        hash = (hash ^ (uint8_t)x.a) * 1099511628211u;
        o.v[9] = (int64_t)hash;
        hls_write(products_t, out, o);
    }
}

void arithmetic(hls_stream(numbers_t) *w, hls_stream(results_t) *wraps_out,
                hls_stream(numbers_t) *s, hls_stream(shifted_t) *shifts_out,
                hls_stream(numbers_t) *c, hls_stream(chosen_t) *choices_out,
                hls_stream(factors_t) *p, hls_stream(products_t) *products_out, uint32_t n) {
    HLS(dataflow)
    wraps(w, wraps_out, n);
    shifts(s, shifts_out, n);
    choices(c, choices_out, n);
    products(p, products_out, n);
}
