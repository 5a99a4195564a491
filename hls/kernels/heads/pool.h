// SPDX-License-Identifier: Apache-2.0
// One row for each sequence from the rows of its steps: the first one, the greatest or the least of
// each number, the mean or the sum. Included with POOL (name), POOL_COUNT (activations per row),
// POOL_LC, and POOL_KIND; of a sum POOL_SHIFT: the bits by which it is cut, rounded to nearest,
// ties up; it saturates, and the probe `cut` counts how many numbers of the last RUN did.
// POOL_SLOTS (slots.h; 1 where not given): each slot has a row of its sequence so far. A row of one
// vector then takes a cycle more, for the next one may be of the same slot; layers take two anyway.
//
// A row goes out with the last one of its sequence, also the first one: then a stream that is
// gathered with another one of the same trunk waits for nothing (gather.h).
//
// The mean of T rows, T below 2^MR_POOL_BITS, is the sum times the reciprocal of T, which is right
// up to 2^-17 of itself at least (reciprocal.h, rounded to Q16); the sum keeps 8 bits beyond the
// activation's own. So a mean is off by less than a unit: 0.5 by the reciprocal, 0.004 by the cut
// sum, 0.5 by rounding.
#include "formats.h"
#include "frame/slots.h"
#include "frame/words.h"
#include "mr_command.h"
#include "reciprocal.h"

#ifndef POOL_SLOTS
#    define POOL_SLOTS 1
#endif

#define POOL_FIRST 0
#define POOL_MAX 1
#define POOL_MEAN 2
#define POOL_MIN 3
#define POOL_SUM 4

#define WORDS MR_CEIL_DIV(POOL_COUNT, POOL_LC)
#define VEC MR_VEC(POOL_LC)
#if POOL_SLOTS > 1
#    define ROW MR_MAX(WORDS, 2)
#    define PLACE (place + k)
#else
#    define ROW WORDS
#    define PLACE k
#endif

static void POOL(hls_stream(VEC) * in, hls_stream(VEC) * out, uint32_t command,
#if POOL_SLOTS > 1
                 uint32_t sequences,
#endif
                 uint32_t steps, uint32_t total) {
    static int64_t kept[POOL_SLOTS * WORDS][POOL_LC]; // of the rows of the sequence so far
#if POOL_SLOTS > 1 || POOL_COUNT > POOL_LC
    HLS(array_partition variable = kept dim = 2 complete)
#    if POOL_SLOTS * WORDS <= MR_KEPT_LUT_WORDS
    HLS(bind_storage variable = kept type = ram_2p impl = lutram latency = 0)
#    endif
#else // what is written may be read in the next cycle
    HLS(array_partition variable = kept dim = 0 complete)
#endif
#if POOL_KIND == POOL_SUM
    static uint64_t cut;
    HLS_PROBE(cut);
#endif
    if (command == RUN_COMMAND) {
#if POOL_KIND == POOL_SUM
        cut = 0;
#endif
        uint32_t left = steps; // steps of the sequence from row t's on
        uint32_t seen = 1;     // steps of the sequence with that of row t
#if POOL_SLOTS > 1
        uint32_t to_come = sequences; // with those of the group at hand
        uint8_t last_slot = MR_LAST_SLOT(sequences, POOL_SLOTS, 1), slot = 0;
        uint16_t place = 0; // of the slot's row
#endif
    run_steps:
        for (uint32_t t = 0; t < total; t++) {
            for (uint32_t k = 0; k < ROW; k++) {
                HLS(pipeline II = 1)
                const bool comes = ROW == WORDS || k < WORDS;
                VEC row = {{0}};
                if (comes)
                    row = hls_read(VEC, in);
                const bool first = seen == 1, last = left == 1;
#if POOL_KIND == POOL_MEAN
                const reciprocal_t per_step = mr_reciprocal_of(
                    (uint64_t)(seen & ((1 << MR_POOL_BITS) - 1)) << 40, MR_POOL_BITS - 1);
                const int32_t factor =
                    (int32_t)((per_step.mantissa + 8192) >> 14); // Q16, 1 at most
#endif
                VEC pooled;
#if POOL_KIND == POOL_SUM
                uint32_t cut_now = 0;
#endif
                for (int c = 0; c < POOL_LC; c++) {
                    HLS(unroll)
                    const int64_t old = comes ? kept[PLACE][c] : 0;
#if POOL_KIND == POOL_MEAN
                    const int64_t now = hls_wrap((first ? 0 : old) + row.v[c], 16 + MR_POOL_BITS);
                    const int64_t scaled = hls_wrap(now * 256 >> per_step.shift, 25);
                    pooled.v[c] = (int16_t)((scaled * factor + (1 << 23)) >> 24);
#elif POOL_KIND == POOL_SUM
                    const int64_t now = hls_wrap((first ? 0 : old) + row.v[c], 16 + MR_POOL_BITS);
                    const int64_t rounded = (now + (((int64_t)1 << POOL_SHIFT) >> 1)) >> POOL_SHIFT;
                    pooled.v[c] = (int16_t)hls_saturate(rounded, 16);
                    cut_now += comes && last && pooled.v[c] != rounded;
#else
                    const bool taken = first || (POOL_KIND == POOL_MAX && row.v[c] > old) ||
                                       (POOL_KIND == POOL_MIN && row.v[c] < old);
                    const int64_t now = taken ? row.v[c] : hls_wrap(old, 16);
                    pooled.v[c] = (int16_t)now;
#endif
                    if (comes)
                        kept[PLACE][c] = now;
                }
                if (comes && last)
                    hls_write(VEC, out, pooled);
#if POOL_KIND == POOL_SUM
                cut += cut_now;
#endif
                const bool row_ends = k == ROW - 1;
#if POOL_SLOTS > 1
                const bool step_ends = row_ends && slot == last_slot;
                if (row_ends) {
                    slot = step_ends ? 0 : slot + 1;
                    place = step_ends ? 0 : place + WORDS;
                }
                if (step_ends && last) {
                    last_slot = MR_LAST_SLOT(to_come, POOL_SLOTS, 2);
                    to_come = to_come - POOL_SLOTS;
                }
#else
                const bool step_ends = row_ends;
#endif
                if (step_ends) {
                    left = last ? steps : left - 1;
                    seen = last ? 1 : seen + 1;
                }
            }
        }
    }
}

#undef WORDS
#undef VEC
#undef ROW
#undef PLACE
#undef POOL
#undef POOL_COUNT
#undef POOL_LC
#undef POOL_KIND
#undef POOL_SHIFT
#undef POOL_SLOTS
