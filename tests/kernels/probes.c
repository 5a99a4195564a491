// SPDX-License-Identifier: Apache-2.0
// Registers that can be seen from outside (HLS_PROBE): counted in pipelines, in control steps and
// in straight code, of every kind of number, cleared in each run and kept from run to run, beside
// ways that leave a process early, in lanes, and in a process that the file's own statics belong
// to.
#include "hls.h"

HLS_STREAM_OF(int16_t)
typedef struct {
    int16_t v[16];
} vec_t;
HLS_STREAM_OF(vec_t)

static uint64_t energy; // of all runs

// Statistics of a stream that passes: nothing but the probes looks at them.
static void watch(hls_stream(int16_t) * in, hls_stream(int16_t) * out, uint32_t n) {
    HLS_PROBE(energy);
    static uint32_t cut;
    HLS_PROBE(cut);
    static int16_t least = 5, greatest = -5;
    HLS_PROBE(least);
    HLS_PROBE(greatest);
    static bool odd = true;
    HLS_PROBE(odd);
    static int8_t untouched = -3;
    HLS_PROBE(untouched);
    cut = 0;
    least = 32767;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const int16_t x = hls_read(int16_t, in);
        const int16_t kept = (int16_t)hls_saturate(x, 12);
        if (kept != x)
            cut++;
        energy += (uint64_t)((int64_t)x * x) << 20;
        least = x < least ? x : least;
        greatest = x > greatest ? x : greatest;
        odd = odd != (x & 1);
        hls_write(int16_t, out, kept);
    }
}

// Ways that end early, a loop in steps, and straight code behind it.
static void steps(hls_stream(int16_t) * in, hls_stream(int16_t) * out, uint32_t n) {
    static uint8_t calls = 250;
    HLS_PROBE(calls);
    static int64_t sum;
    HLS_PROBE(sum);
    static uint16_t rounds;
    HLS_PROBE(rounds);
    static uint16_t late;
    HLS_PROBE(late);
    calls++;
    if (n == 0)
        return;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline off)
        const int16_t x = hls_read(int16_t, in);
        for (int k = 0; k < 3; k++) {
            HLS(pipeline II = 1)
            sum -= (int64_t)x << 30;
            rounds++;
        }
        hls_write(int16_t, out, x);
    }
    if (calls & 1)
        return;
    late = (uint16_t)(late * 3 + rounds);
}

// Counts what several lanes do in an iteration, as a layer's cells do.
static void lanes(hls_stream(vec_t) * in, hls_stream(vec_t) * out, uint32_t n) {
    static uint64_t cut;
    HLS_PROBE(cut);
    static uint64_t excess;
    HLS_PROBE(excess);
    cut = 0;
    excess = 0;
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        const vec_t x = hls_read(vec_t, in);
        vec_t y;
        uint8_t now = 0;
        uint32_t beyond = 0;
        for (int k = 0; k < 16; k++) {
            HLS(unroll)
            const int32_t wide = x.v[k] * 3;
            const int32_t kept = (int32_t)hls_saturate(wide, 16);
            const int32_t past = wide - kept;
            now += kept != wide && k < 13 ? 1 : 0;
            beyond += k < 13 ? (uint32_t)(past < 0 ? -past : past) : 0;
            y.v[k] = (int16_t)kept;
        }
        cut += now;
        excess += beyond;
        hls_write(vec_t, out, y);
    }
}

void probes(hls_stream(int16_t) * a, hls_stream(int16_t) * b, hls_stream(vec_t) * c,
            hls_stream(vec_t) * d, uint32_t n, uint32_t m) {
    HLS(dataflow)
    HLS_CHANNEL(int16_t, link);
    watch(a, &link, n);
    steps(&link, b, n);
    lanes(c, d, m);
}
