// SPDX-License-Identifier: Apache-2.0
// Sorts words of 16 keys of 16 bits, the least first, by a bitonic network: 10 rows of 8 comparisons.
// Rate: a word of 16 keys a cycle.
#include "streams.h"

enum { BITONIC_KEYS = 16, BITONIC_LOG = 4 };

typedef struct {
    uint16_t v[BITONIC_KEYS];
} bitonic_word_t;
HLS_STREAM_OF(bitonic_word_t)

void bitonic_sort(hls_stream(bitonic_word_t) *in, hls_stream(bitonic_word_t) *out,
                  uint32_t words) {
sort:
    for (uint32_t n = 0; n < words; n++) {
        HLS(pipeline II=1)
        bitonic_word_t keys = hls_read(bitonic_word_t, in);
        // Merges pairs of sorted runs of 2^size keys, the second run downwards, at distances that halve.
        for (int size = 0; size < BITONIC_LOG; size++) {
            HLS(unroll)
            for (int step = 0; step <= size; step++) {
                HLS(unroll)
                const int distance = 1 << (size - step);
                const bitonic_word_t from = keys;
                for (int k = 0; k < BITONIC_KEYS; k++) {
                    HLS(unroll)
                    const int other = k ^ distance;
                    const bool upward = (k >> (size + 1) & 1) == 0;
                    const bool wants_least = ((k & distance) == 0) == upward;
                    const bool is_least = from.v[k] < from.v[other];
                    keys.v[k] = is_least == wants_least ? from.v[k] : from.v[other];
                }
            }
        }
        hls_write(bitonic_word_t, out, keys);
    }
}
