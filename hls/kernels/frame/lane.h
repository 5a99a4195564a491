// SPDX-License-Identifier: Apache-2.0
// The operands of a lane's multipliers: a weight and a column, of 16 bits or of 8.
#ifndef MR_LANE_H
#define MR_LANE_H

#include "frame/words.h"

// The type of so many bits: int16_t or int8_t.
#define MR_LANE_INT(bits) HLS_JOIN(HLS_JOIN(int, bits), _t)

// Weight e of a beat, which has 32 of 16 bits, or 64 of 8, two in an element, the lower half first.
#define MR_LANE_WEIGHT(bits, beat, e) HLS_JOIN(MR_LANE_WEIGHT_, bits)(beat, e)
#define MR_LANE_WEIGHT_16(beat, e) (beat).v[e]
#define MR_LANE_WEIGHT_8(beat, e) (int8_t)((beat).v[(e) / 2] >> (e) % 2 * 8)

// What lanes take of a number of a stream or a state.
#define MR_LANE_COLUMN(bits, number) HLS_JOIN(mr_lane_column_, bits)(number)

static inline int16_t mr_lane_column_16(int16_t number) {
    return number;
}

// The upper half, rounded to nearest. Bits that do not count for it go first: the shorter sum fits
// the stage in which columns go to the tiles.
static inline int8_t mr_lane_column_8(int16_t number) {
    return (int8_t)hls_saturate(hls_round_shift(number >> 7, 1), 8);
}

// A sum of products in the units that the numbers had: columns of 8 bits are 2^8 of them.
#define MR_LANE_SUM(bits, sum) HLS_JOIN(MR_LANE_SUM_, bits)(sum)
#define MR_LANE_SUM_16(sum) (sum)
#define MR_LANE_SUM_8(sum) ((sum)*256)

#endif
