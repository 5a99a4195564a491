// SPDX-License-Identifier: Apache-2.0
// A network with two memories for the tests of the card. Of each sequence it keeps words of all x
// in `kept`, and gives them back from the last to the first; to each adds the sums of what came
// before, which stand in `sums` from run to run. Weights are the sums, and state is, a beat for
// each. With the lowest of its own flags it misbehaves: it plans a word that it does not fetch.
#include "frame/words.h"

typedef struct {
    uint64_t v[9];
} kept_t; // 576 bits
HLS_STREAM_OF(kept_t)
HLS_STREAM_OF(uint64_t)
HLS_MEMORY_OF(kept_t)
HLS_MEMORY_OF(uint64_t)

enum { SUMS = 5 };

static void plan(hls_memory(kept_t) * kept, hls_memory(uint64_t) * sums, uint32_t command,
                 uint32_t sequences, uint32_t steps, uint32_t flags) {
    if (command == MR_COMMAND_LOAD || command == MR_COMMAND_WRITE_STATE) {
        hls_plan_store(uint64_t, sums, 0, SUMS);
    } else if (command == MR_COMMAND_READ_STATE) {
        hls_plan_fetch(uint64_t, sums, 0, SUMS, 0);
    } else if (command == MR_COMMAND_RUN) {
        for (uint32_t s = 0; s < sequences; s++) {
            hls_plan_store(kept_t, kept, 0, steps);
            hls_plan_fetch(uint64_t, sums, 0, SUMS, s);
            hls_plan_store(uint64_t, sums, 0, SUMS);
        back:
            for (uint32_t t = 0; t < steps; t++) {
                HLS(pipeline II = 1)
                hls_plan_fetch(kept_t, kept, steps - 1 - t, 1, s + 1);
            }
        }
        if (flags >> MR_FLAGS_OWN & 1)
            hls_plan_fetch(uint64_t, sums, 0, 1, 0);
    }
}

static uint64_t number_of(beat_t beat) {
    return (uint64_t)(uint16_t)beat.v[3] << 48 | (uint64_t)(uint16_t)beat.v[2] << 32 |
           (uint64_t)(uint16_t)beat.v[1] << 16 | (uint16_t)beat.v[0];
}

static void work(hls_stream(beat_t) * weights, hls_stream(int32_t) * x, hls_stream(int32_t) * y,
                 hls_stream(beat_t) * state_in, hls_stream(beat_t) * state_out,
                 hls_memory(kept_t) * kept, hls_memory(uint64_t) * sums, uint32_t command,
                 uint32_t sequences, uint32_t steps, uint32_t flags) {
    if (command == MR_COMMAND_LOAD) {
    load:
        for (uint32_t i = 0; i < SUMS; i++) {
            HLS(pipeline II = 1)
            const beat_t beat = hls_read(beat_t, weights);
            hls_store(uint64_t, sums, i, number_of(beat));
        }
    } else if (command == MR_COMMAND_WRITE_STATE) {
    restore:
        for (uint32_t i = 0; i < SUMS; i++) {
            HLS(pipeline II = 1)
            const beat_t beat = hls_read(beat_t, state_in);
            hls_store(uint64_t, sums, i, number_of(beat));
        }
    } else if (command == MR_COMMAND_READ_STATE) {
    save:
        for (uint32_t i = 0; i < SUMS; i++) {
            HLS(pipeline II = 1)
            const uint64_t sum = hls_fetch(uint64_t, sums, i);
            beat_t beat;
            for (int k = 0; k < 32; k++) {
                HLS(unroll)
                beat.v[k] = k < 4 ? (int16_t)(sum >> (16 * (k % 4))) : (int16_t)0;
            }
            hls_write(beat_t, state_out, beat);
        }
    } else if (command == MR_COMMAND_RUN) {
        for (uint32_t s = 0; s < sequences; s++) {
            uint64_t more = 0;
            uint32_t offset = 0;
        keep:
            for (uint32_t t = 0; t < steps; t++) {
                HLS(pipeline II = 1)
                const uint32_t in = (uint32_t)hls_read(int32_t, x);
                kept_t word;
                for (int k = 0; k < 9; k++) {
                    HLS(unroll)
                    word.v[k] = (uint64_t)in << k;
                }
                hls_store(kept_t, kept, t, word);
                more += in;
            }
        add:
            for (uint32_t i = 0; i < SUMS; i++) {
                HLS(pipeline II = 1)
                const uint64_t before = hls_fetch(uint64_t, sums, i);
                const uint64_t sum = (flags & MR_FLAG_RESET ? 0 : before) + more + i;
                hls_store(uint64_t, sums, i, sum);
                offset += (uint32_t)sum;
            }
        back:
            for (uint32_t t = 0; t < steps; t++) {
                HLS(pipeline II = 1)
                const kept_t word = hls_fetch(kept_t, kept, steps - 1 - t);
                uint64_t all = 0;
                for (int k = 0; k < 9; k++) {
                    HLS(unroll)
                    all ^= word.v[k];
                }
                hls_write(int32_t, y, (int32_t)((uint32_t)all + offset));
            }
        }
    }
}

void network(hls_stream(beat_t) * weights, hls_stream(int32_t) * x, hls_stream(int32_t) * y,
             hls_stream(beat_t) * state_in, hls_stream(beat_t) * state_out,
             hls_memory(kept_t) * kept, hls_memory(uint64_t) * sums, uint32_t command,
             uint32_t sequences, uint32_t steps, uint32_t total, uint32_t flags) {
    HLS(dataflow)
    (void)total;
    plan(kept, sums, command, sequences, steps, flags);
    work(weights, x, y, state_in, state_out, kept, sums, command, sequences, steps, flags);
}
