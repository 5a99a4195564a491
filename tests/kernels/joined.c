// SPDX-License-Identifier: Apache-2.0
// Tiles that are asked for sums over all lanes, also of products, whose registers move along the
// lanes farther than a tile is long, and whose lanes write their memories themselves: some at a
// time, each what it has, or what it read and changed. No size of a tile divides the number of
// lanes.
#include "hls.h"

#ifndef LANES
#    define LANES 37
#endif
#ifndef STEP
#    define STEP 11 // lanes that are written, and that registers move by, at a time
#endif
#ifndef COLUMNS
#    define COLUMNS 4 // a power of two
#endif
enum { WORDS = 8 };

// u / STEP, which hlsc has for powers of two alone.
#define GROUP_OF(u) ((u) * (65536 / STEP + 1) >> 16)

typedef struct {
    int16_t x[COLUMNS];
    uint8_t unit, group, what;
} word_t;
typedef struct {
    int32_t sum, least, greatest, odd, next;
    int32_t of_column[COLUMNS], of_products;
    bool all, any;
} sums_t;
HLS_STREAM_OF(word_t)
HLS_STREAM_OF(sums_t)

void joined(hls_stream(word_t) * in, hls_stream(sums_t) * out, uint32_t n) {
#ifdef CROSSING
    HLS(tiles crossing = CROSSING)
#endif
    static int16_t w[WORDS][LANES][COLUMNS]; // a lane at a time
    HLS(array_partition variable = w dim = 2 complete)
    HLS(array_partition variable = w dim = 3 complete)
    static int16_t grouped[WORDS][LANES]; // a group of lanes at a time
    HLS(array_partition variable = grouped dim = 2 complete)
    static int32_t grown[WORDS][LANES]; // all lanes, each read, changed and written back
    HLS(array_partition variable = grown dim = 2 complete)
    static int32_t acc[LANES][COLUMNS], moving[LANES];
    HLS(array_partition variable = acc dim = 0 complete)
    HLS(array_partition variable = moving complete)
    for (uint32_t i = 0; i < n; i++) {
        HLS(pipeline II = 1)
        HLS(dependence variable = w type = inter direction = RAW distance = 64 assert)
        HLS(dependence variable = grouped type = inter direction = RAW distance = 64 assert)
        HLS(dependence variable = grown type = inter direction = RAW distance = 64 assert)
        const word_t s = hls_read(word_t, in);
        const uint32_t at = i % WORDS;
        const bool writes = i % 128 < WORDS && s.what & 1, reads = i % 128 >= 80;
        if (writes && s.what & 2) {
            for (int c = 0; c < COLUMNS; c++) {
                HLS(unroll)
                w[at][s.unit < LANES ? s.unit : 0][c] = s.x[c];
            }
        }
        int16_t formed[STEP];
        for (int e = 0; e < STEP; e++) {
            HLS(unroll)
            formed[e] = (int16_t)(s.x[e % COLUMNS] + e * 17);
        }
        for (int u = 0; u < LANES; u++) {
            HLS(unroll)
            if (writes && s.group == GROUP_OF(u))
                grouped[at][u] = formed[u - STEP * GROUP_OF(u)];
        }
        int16_t factor[LANES];
        int32_t current[LANES];
        for (int u = 0; u < LANES; u++) {
            HLS(unroll)
            int16_t one = 1;
            if (reads)
                one = grouped[at][u];
            factor[u] = one;
            int32_t old = 0;
            if (reads)
                old = grown[at][u];
            if (writes && s.what & 4)
                grown[at][u] = acc[u][0] + old + u;
            current[u] = s.what & 8 ? acc[u][1] : s.what & 16 ? old : moving[u];
        }
        for (int u = 0; u < LANES; u++) {
            HLS(unroll)
            moving[u] = u + STEP < LANES ? current[u + STEP] : s.x[0];
        }
        for (int u = 0; u < LANES; u++) {
            HLS(unroll)
            for (int c = 0; c < COLUMNS; c++) {
                HLS(unroll)
                int16_t one = s.x[(c + 1) % COLUMNS];
                if (reads)
                    one = w[at][u][c];
                acc[u][c] = (s.what & 32 ? 0 : acc[u][c]) + one * (int32_t)factor[u];
            }
        }
        sums_t sums;
        int32_t sum = 0, least = INT32_MAX, greatest = INT32_MIN;
        bool all = true, any = false;
        int32_t odd = 0, of_products = 0;
        for (int u = 0; u < LANES; u++) {
            HLS(unroll)
            int32_t row = 0;
            for (int c = 0; c < COLUMNS; c++) {
                HLS(unroll)
                row += acc[u][c] >> 4;
            }
            sum += row;
            of_products += (int16_t)current[u] * (int32_t)factor[u];
            least = current[u] < least ? current[u] : least;
            greatest = current[u] > greatest ? current[u] : greatest;
            all = all && acc[u][0] > -20000000;
            any = any || acc[u][0] > 20000000;
            odd ^= acc[u][0];
        }
        sums.sum = sum;
        sums.least = least;
        sums.greatest = greatest;
        sums.all = all;
        sums.any = any;
        sums.odd = odd;
        sums.of_products = of_products;
        for (int c = 0; c < COLUMNS; c++) {
            HLS(unroll)
            uint32_t column = 0;
            for (int u = 0; u < LANES; u++) {
                HLS(unroll)
                column += (uint32_t)acc[u][c] * 3;
            }
            sums.of_column[c] = (int32_t)column;
        }
        sums.next = 0;
        for (int e = 0; e < STEP; e++) {
            HLS(unroll)
            sums.next ^= current[e] + e;
        }
        hls_write(sums_t, out, sums);
    }
}
