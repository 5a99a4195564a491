// SPDX-License-Identifier: Apache-2.0
// An external memory: runs of words go there, and come back in another order; what one run leaves
// the next finds; and numbers there are read, changed and written again and again.
#include "hls.h"

typedef struct {
    bool last;
    int32_t number;
    int16_t v[5];
} word_t; // 113 bits
HLS_STREAM_OF(word_t)
HLS_STREAM_OF(uint64_t)
HLS_MEMORY_OF(word_t)
HLS_MEMORY_OF(uint64_t)

enum { CHUNK = 7, BINS = 5, AT = 1000 };

// Of the run before: how many chunks it wrote.
static void turn_plan(hls_memory(word_t) * m, uint32_t chunks) {
    static uint32_t before;
    if (before)
        hls_plan_fetch(word_t, m, AT, before * CHUNK, 0);
write:
    for (uint32_t c = 0; c < chunks; c++) {
        HLS(pipeline II = 1)
        hls_plan_store(word_t, m, AT + c * CHUNK, CHUNK);
    }
back:
    for (uint32_t c = 0; c < chunks; c++) {
        HLS(pipeline II = 1)
        hls_plan_fetch(word_t, m, AT + (chunks - 1 - c) * CHUNK, CHUNK, chunks - c);
    }
    before = chunks;
}

static void turn(hls_stream(word_t) * in, hls_stream(word_t) * out, hls_memory(word_t) * m,
                 uint32_t chunks) {
    static uint32_t before;
old:
    for (uint32_t i = 0; i < before * CHUNK; i++) {
        HLS(pipeline II = 1)
        const word_t x = hls_fetch(word_t, m, AT + i);
        hls_write(word_t, out, x);
    }
write:
    for (uint32_t i = 0; i < chunks * CHUNK; i++) {
        HLS(pipeline II = 1)
        const word_t x = hls_read(word_t, in);
        hls_store(word_t, m, AT + i, x);
    }
back:
    for (uint32_t c = 0; c < chunks; c++)
        for (uint32_t i = 0; i < CHUNK; i++) {
            HLS(pipeline II = 1)
            word_t x = hls_fetch(word_t, m, AT + (chunks - 1 - c) * CHUNK + i);
            for (int k = 0; k < 5; k++) {
                HLS(unroll)
                x.v[k] = (int16_t)(x.v[k] + k);
            }
            hls_write(word_t, out, x);
        }
    before = chunks;
}

static void add(hls_stream(uint64_t) * in, hls_stream(uint64_t) * sums, hls_memory(uint64_t) * bins,
                uint32_t passes) {
    for (uint32_t pass = 0; pass < passes; pass++) {
        hls_plan_fetch(uint64_t, bins, 0, BINS, pass);
        hls_plan_store(uint64_t, bins, 0, BINS);
    bin:
        for (uint32_t i = 0; i < BINS; i++) {
            HLS(pipeline II = 1)
            const uint64_t more = hls_read(uint64_t, in);
            const uint64_t sum = hls_fetch(uint64_t, bins, i) + more;
            hls_store(uint64_t, bins, i, sum);
            hls_write(uint64_t, sums, sum);
        }
    }
}

void external(hls_stream(word_t) * in, hls_stream(word_t) * out, hls_memory(word_t) * chunk,
              hls_stream(uint64_t) * numbers, hls_stream(uint64_t) * sums,
              hls_memory(uint64_t) * bins, uint32_t chunks, uint32_t passes) {
    HLS(dataflow)
    turn_plan(chunk, chunks);
    turn(in, out, chunk, chunks);
    add(numbers, sums, bins, passes);
}
