// SPDX-License-Identifier: Apache-2.0
// Unrolled loops that look like sums and are more, or are something else: running values that are
// looked at, wraps in every iteration, maxima with their place, flags, chains, nests, sums of sums.
#include "hls.h"

typedef struct {
    int16_t v[12];
    int8_t s[12];
    uint8_t mask;
} input_t;
typedef struct {
    int32_t r[16];
    int64_t wide[4];
    bool any, all;
} output_t;
HLS_STREAM_OF(input_t)
HLS_STREAM_OF(output_t)

static void sums(hls_stream(input_t) *in, hls_stream(output_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const input_t x = hls_read(input_t, in);
        output_t y = {0};
        // Looked at on the way.
        int32_t run = 3, above = 0;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            run += x.v[k];
            if (run > 0)
                above++;
        }
        y.r[0] = run;
        y.r[1] = above;
        // Wraps to 8 bits every time, and is then sign-extended.
        int64_t small = 5;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            small = (int8_t)(small + x.v[k]);
        }
        y.wide[0] = small;
        // Wraps on the way in: the last addition is not wrapped.
        int64_t other = 0;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            other = (int8_t)other + x.v[k];
        }
        y.wide[1] = other;
        uint16_t folded = 0;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            folded = (uint16_t)(folded + x.v[k] * x.v[k]);
        }
        y.wide[2] = folded;
        // The same sum into two variables, and a doubled one.
        int32_t one = 0, two = 1;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            one += x.s[k];
            two += one;
        }
        y.r[2] = one;
        y.r[3] = two;
        int32_t twice = 1;
        for (int k = 0; k < 5; k++) {
            HLS(unroll)
            twice += twice;
        }
        y.r[4] = twice + x.v[0];
        // Over two loops, and over pairs of rows and columns.
        int32_t nested = 0;
        for (int a = 0; a < 3; a++) {
            HLS(unroll)
            for (int b = 0; b < 4; b++) {
                HLS(unroll)
                nested += x.v[a * 4 + b] * x.s[b * 3 + a];
            }
        }
        y.r[5] = nested;
        for (int a = 0; a < 3; a++) {
            HLS(unroll)
            int32_t row = a;
            for (int b = 0; b < 4; b++) {
                HLS(unroll)
                row += x.v[a * 4 + b];
            }
            y.r[6 + a] = row;
        }
        // Some terms only, by the lane and by the data.
        int32_t even = 0, chosen = 0;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            if (k % 2 == 0)
                even += x.v[k];
            chosen += (x.mask >> (k & 7) & 1) ? x.v[k] : 0;
        }
        y.r[9] = even;
        y.r[10] = chosen;
        // A value that is the same for all.
        int32_t same = 2;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            same += x.mask;
        }
        y.r[11] = same;
        int32_t down = 100;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            down -= x.s[k];
        }
        y.r[12] = down;
        hls_write(output_t, out, y);
    }
}

static void others(hls_stream(input_t) *in, hls_stream(output_t) *out, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II=1)
        const input_t x = hls_read(input_t, in);
        output_t y = {0};
        // The largest and where it is; whether any, whether all.
        int16_t best = -32768;
        int32_t place = -1;
        for (int k = 0; k < 6; k++) {
            HLS(unroll)
            if (x.v[k] >= best) {
                best = x.v[k];
                place = k;
            }
        }
        y.r[0] = best;
        y.r[1] = place;
        bool any = false, all = true;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            any = any || x.s[k] == 0;
            all = all && x.v[k] != 0;
        }
        y.any = any;
        y.all = all;
        // A chain through an array, a fold of bits, the last one that is set.
        int32_t c[12];
        c[0] = x.v[0];
        for (int k = 1; k < 12; k++) {
            HLS(unroll)
            c[k] = c[k - 1] ^ x.v[k];
        }
        y.r[2] = c[11];
        y.r[3] = c[5];
        int32_t last = 7;
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            last = x.v[k];
        }
        y.r[4] = last;
        int32_t set = 7;
        for (int k = 0; k < 8; k++) {
            HLS(unroll)
            if (x.mask >> k & 1)
                set = k;
        }
        y.r[5] = set;
        // Steps and starts other than one and zero; one and no iterations; indices that overlap.
        for (int k = 1; k <= 11; k += 5) {
            HLS(unroll)
            y.r[6 + (k >> 2)] = x.v[k] - x.s[11 - k];
        }
        for (int k = 4; k < 5; k++) {
            HLS(unroll)
            y.r[9] = x.v[k] * 2;
        }
        for (int k = 3; k < 3; k++) {
            HLS(unroll)
            y.r[9] = 0;
        }
        int16_t t[12];
        for (int k = 0; k < 12; k++) {
            HLS(unroll)
            t[k] = x.v[k];
        }
        for (int k = 0; k < 11; k++) {
            HLS(unroll)
            t[k] = (int16_t)(t[k + 1] - t[k]);
        }
        for (int k = 1; k < 12; k++) {
            HLS(unroll)
            t[k] = (int16_t)(t[k - 1] + 1);
        }
        y.r[10] = t[0];
        y.r[11] = t[11];
        int32_t swap[2] = {1, 2};
        swap[x.mask & 1] += 10;
        const int32_t kept = swap[0];
        swap[0] = swap[1];
        swap[1] = kept;
        y.r[12] = swap[0] * 100 + swap[1];
        int32_t power = 1;
        for (int k = 0; k < 3; k++) {
            HLS(unroll)
            power = power * x.s[k];
        }
        y.r[13] = power;
        hls_write(output_t, out, y);
    }
}

void loops(hls_stream(input_t) *a, hls_stream(output_t) *sums_out, hls_stream(input_t) *b,
           hls_stream(output_t) *others_out, uint32_t n) {
    HLS(dataflow)
    sums(a, sums_out, n);
    others(b, others_out, n);
}
