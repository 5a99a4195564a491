// SPDX-License-Identifier: Apache-2.0
// Top-k: the 4 greatest of `numbers` numbers and where they stood, the greatest first, the earlier of
// equals first. A row of registers is kept sorted: each compares with the new number at once, and
// keeps its entry, takes its neighbour's or the new one. Rate: a number a cycle, then 4 cycles.
#include "streams.h"

enum { TOP_K = 4 };

typedef struct {
    int16_t value;
    uint32_t place;
} top_entry_t;
HLS_STREAM_OF(top_entry_t)

void top_k(hls_stream(int16_t) *in, hls_stream(top_entry_t) *out, uint32_t numbers) {
    int32_t value[TOP_K];
    uint32_t place[TOP_K];
    HLS(array_partition variable=value complete)
    HLS(array_partition variable=place complete)
    for (int j = 0; j < TOP_K; j++) {
        HLS(unroll)
        value[j] = INT16_MIN - 1; // less than any number
        place[j] = 0;
    }
insert:
    for (uint32_t i = 0; i < numbers; i++) {
        HLS(pipeline II=1)
        const int16_t x = hls_read(int16_t, in);
        for (int j = TOP_K - 1; j >= 0; j--) {
            HLS(unroll)
            const int above = j > 0 ? j - 1 : 0;
            const bool enters = x > value[j];
            const bool moves = j > 0 && x > value[above];
            value[j] = moves ? value[above] : enters ? x : value[j];
            place[j] = moves ? place[above] : enters ? i : place[j];
        }
    }
give:
    for (uint32_t j = 0; j < TOP_K; j++) {
        HLS(pipeline II=1)
        top_entry_t entry;
        entry.value = (int16_t)value[j];
        entry.place = place[j];
        if (j < numbers)
            hls_write(top_entry_t, out, entry);
    }
}
