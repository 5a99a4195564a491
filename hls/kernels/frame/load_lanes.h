// SPDX-License-Identifier: Apache-2.0
// A piece of a kernel's body, included inside its function: fills the lane memories
//   static MR_LANE_INT(LANE_WEIGHT_BITS) w[LANE_WORDS][LANE_GATES][LANE_UNITS][LANE_LC]
// from the stream `weights`. Unit after unit, column group after column group comes one word of
// LANE_GATES * LANE_LC weights (gates outer, columns inner). Small words share a beat, from its
// first weight on, the rest of the beat unused; large words take several beats of which the last
// is padded. lane.h says how weights lie in a beat.
#define LANE_WORD (LANE_GATES * LANE_LC)
#define LANE_WEIGHT MR_LANE_INT(LANE_WEIGHT_BITS)
#define LANE_IN_BEAT (512 / LANE_WEIGHT_BITS)
{
#if LANE_WORD <= LANE_IN_BEAT
    uint8_t part = 0; // the word within the beat
    LANE_WEIGHT rest[LANE_IN_BEAT] = {0};
    HLS(array_partition variable = rest complete dim = 0)
load_words:
    for (uint32_t unit = 0; unit < LANE_UNITS; unit++) {
        for (uint32_t column = 0; column < LANE_WORDS; column++) {
            HLS(pipeline II = 1)
            beat_t beat = {{0}};
            if (part == 0)
                beat = hls_read(beat_t, weights);
            LANE_WEIGHT now[LANE_IN_BEAT];
            for (int e = 0; e < LANE_IN_BEAT; e++) {
                HLS(unroll)
                now[e] = part == 0                      ? MR_LANE_WEIGHT(LANE_WEIGHT_BITS, beat, e)
                         : e + LANE_WORD < LANE_IN_BEAT ? rest[e + LANE_WORD]
                                                        : 0;
            }
            for (int g = 0; g < LANE_GATES; g++) {
                HLS(unroll)
                for (int c = 0; c < LANE_LC; c++) {
                    HLS(unroll)
                    w[column][g][unit][c] = now[g * LANE_LC + c];
                }
            }
            for (int e = 0; e < LANE_IN_BEAT; e++) {
                HLS(unroll)
                rest[e] = now[e];
            }
            part = part == LANE_IN_BEAT / LANE_WORD - 1 ? 0 : part + 1;
        }
    }
#else
#    define LANE_PARTS MR_CEIL_DIV(LANE_WORD, LANE_IN_BEAT)
    LANE_WEIGHT word[LANE_PARTS * LANE_IN_BEAT];
    HLS(array_partition variable = word complete dim = 0)
load_words:
    for (uint32_t unit = 0; unit < LANE_UNITS; unit++) {
        for (uint32_t column = 0; column < LANE_WORDS; column++) {
            for (uint32_t part = 0; part < LANE_PARTS; part++) {
                HLS(pipeline II = 1)
                const beat_t beat = hls_read(beat_t, weights);
                LANE_WEIGHT shifted[LANE_PARTS * LANE_IN_BEAT];
                for (int e = 0; e < LANE_PARTS * LANE_IN_BEAT; e++) {
                    HLS(unroll)
                    shifted[e] = e + LANE_IN_BEAT < LANE_PARTS * LANE_IN_BEAT
                                     ? word[e + LANE_IN_BEAT]
                                     : MR_LANE_WEIGHT(LANE_WEIGHT_BITS, beat,
                                                      e - (LANE_PARTS - 1) * LANE_IN_BEAT);
                }
                for (int e = 0; e < LANE_PARTS * LANE_IN_BEAT; e++) {
                    HLS(unroll)
                    word[e] = shifted[e];
                }
                if (part == LANE_PARTS - 1) {
                    for (int g = 0; g < LANE_GATES; g++) {
                        HLS(unroll)
                        for (int c = 0; c < LANE_LC; c++) {
                            HLS(unroll)
                            w[column][g][unit][c] = shifted[g * LANE_LC + c];
                        }
                    }
                }
            }
        }
    }
#    undef LANE_PARTS
#endif
}
#undef LANE_WORD
#undef LANE_WEIGHT
#undef LANE_IN_BEAT
