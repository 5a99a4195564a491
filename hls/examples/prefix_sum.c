// SPDX-License-Identifier: Apache-2.0
// Prefix sums of a sequence that comes in words of 8 numbers: out[i] = in[0] + ... + in[i], modulo
// 2^32. Within a word by three levels of additions (Kogge and Stone); only the sum of all words before
// is handed on. Rate: a word of 8 a cycle.
#include "streams.h"

enum { PREFIX_LANES = 8, PREFIX_LEVELS = 3 };

typedef struct {
    uint32_t v[PREFIX_LANES];
} prefix_word_t;
HLS_STREAM_OF(prefix_word_t)

void prefix_sum(hls_stream(prefix_word_t) *in, hls_stream(prefix_word_t) *out, uint32_t words) {
    uint32_t before = 0; // the sum of all words that came
scan:
    for (uint32_t i = 0; i < words; i++) {
        HLS(pipeline II=1)
        prefix_word_t sums = hls_read(prefix_word_t, in);
        for (int level = 0; level < PREFIX_LEVELS; level++) {
            HLS(unroll)
            const prefix_word_t from = sums;
            for (int k = 0; k < PREFIX_LANES; k++) {
                HLS(unroll)
                if (k >= 1 << level)
                    sums.v[k] += from.v[k - (1 << level)];
            }
        }
        prefix_word_t result;
        for (int k = 0; k < PREFIX_LANES; k++) {
            HLS(unroll)
            result.v[k] = before + sums.v[k];
        }
        hls_write(prefix_word_t, out, result);
        before += sums.v[PREFIX_LANES - 1];
    }
}
