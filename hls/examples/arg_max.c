// SPDX-License-Identifier: Apache-2.0
// Arg-max: the greatest number of a frame and where it stands, the first of equals. A frame is words
// of 16 numbers up to the one whose `last` is set. Within a word a tree of maxima finds the number and
// a tree of minima its place. Rate: a word of 16 a cycle.
#include "streams.h"

enum { ARG_MAX_LANES = 16 };

typedef struct {
    int16_t v[ARG_MAX_LANES];
    bool last;
} arg_max_word_t;
HLS_STREAM_OF(arg_max_word_t)
typedef struct {
    int16_t value;
    uint32_t place;
} arg_max_t;
HLS_STREAM_OF(arg_max_t)

void arg_max(hls_stream(arg_max_word_t) *in, hls_stream(arg_max_t) *out, uint32_t words) {
    static arg_max_t best;
    static uint32_t at; // place of the word's first number in its frame
search:
    for (uint32_t i = 0; i < words; i++) {
        HLS(pipeline II=1)
        const arg_max_word_t word = hls_read(arg_max_word_t, in);
        int16_t greatest = INT16_MIN;
        for (int k = 0; k < ARG_MAX_LANES; k++) {
            HLS(unroll)
            if (word.v[k] > greatest)
                greatest = word.v[k];
        }
        uint8_t lane = ARG_MAX_LANES - 1;
        for (int k = 0; k < ARG_MAX_LANES; k++) {
            HLS(unroll)
            const uint8_t candidate = word.v[k] == greatest ? k : ARG_MAX_LANES - 1;
            if (candidate < lane)
                lane = candidate;
        }
        if (at == 0 || greatest > best.value) {
            best.value = greatest;
            best.place = at + lane;
        }
        at += ARG_MAX_LANES;
        if (word.last) {
            hls_write(arg_max_t, out, best);
            at = 0;
        }
    }
}
