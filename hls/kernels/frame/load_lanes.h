// SPDX-License-Identifier: Apache-2.0
// A piece of a kernel's body, included inside its function: fills the lane memories
//   static int16_t w[LANE_WORDS][LANE_GATES][LANE_UNITS][LANE_LC]
// from the stream `weights`. Unit after unit, column group after column group comes one word of
// LANE_GATES * LANE_LC weights (gates outer, columns inner). Small words share a beat, from its
// first element on, the rest of the beat unused; large words take several beats of which the last
// is padded.
#define LANE_WORD (LANE_GATES * LANE_LC)
{
#if LANE_WORD <= 32
    uint8_t part = 0; // the word within the beat
    beat_t rest = {{0}};
load_words:
    for (uint32_t unit = 0; unit < LANE_UNITS; unit++) {
        for (uint32_t column = 0; column < LANE_WORDS; column++) {
            HLS(pipeline II = 1)
            beat_t fresh = {{0}};
            if (part == 0)
                fresh = hls_read(beat_t, weights);
            beat_t beat;
            for (int e = 0; e < 32; e++) {
                HLS(unroll)
                beat.v[e] = part == 0 ? fresh.v[e] : e + LANE_WORD < 32 ? rest.v[e + LANE_WORD] : 0;
            }
            for (int g = 0; g < LANE_GATES; g++) {
                HLS(unroll)
                for (int c = 0; c < LANE_LC; c++) {
                    HLS(unroll)
                    w[column][g][unit][c] = beat.v[g * LANE_LC + c];
                }
            }
            rest = beat;
            part = part == 32 / LANE_WORD - 1 ? 0 : part + 1;
        }
    }
#else
#    define LANE_PARTS MR_CEIL_DIV(LANE_WORD, 32)
    int16_t word[LANE_PARTS * 32];
    HLS(array_partition variable = word complete dim = 0)
load_words:
    for (uint32_t unit = 0; unit < LANE_UNITS; unit++) {
        for (uint32_t column = 0; column < LANE_WORDS; column++) {
            for (uint32_t part = 0; part < LANE_PARTS; part++) {
                HLS(pipeline II = 1)
                const beat_t beat = hls_read(beat_t, weights);
                int16_t shifted[LANE_PARTS * 32];
                for (int e = 0; e < LANE_PARTS * 32; e++) {
                    HLS(unroll)
                    shifted[e] =
                        e + 32 < LANE_PARTS * 32 ? word[e + 32] : beat.v[e - (LANE_PARTS - 1) * 32];
                }
                for (int e = 0; e < LANE_PARTS * 32; e++) {
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
