// SPDX-License-Identifier: Apache-2.0
// Between the streams of a network and those of the engine (engine.h): what a mini-batch comes
// with is on one stream, parameters are on beats.
#ifndef MR_TRAIN_PORTS_H
#define MR_TRAIN_PORTS_H

#include "frame/words.h"
#include "train/update.h"
#include "train_engine/shape.h"

// The columns of a step, numbers of sequence n from n * LC on.
typedef struct {
    int16_t v[TRAIN_NB * TRAIN_LC];
} columns_t;
// Parameters, in the order of their update: the layers from the last one on, each as
// TRAIN_PARAMS says, then the head, output after output. Behind them the scales of each layer from
// the first one on: w[0] is that of dh, m[0] that of deltas, two's complement.
typedef struct {
    int32_t w[TRAIN_LC];
    uint32_t m[TRAIN_LC], v[TRAIN_LC];
} params_t;
// Dropout's key of each layer.
typedef struct {
    uint64_t layer[TRAIN_PLACES];
} keys_t;
// An element of x: columns, or a number in v[0] and v[1], the low half first.
typedef struct {
    int16_t v[TRAIN_X_NUMBERS];
} element_t;
HLS_STREAM_OF(element_t)
HLS_STREAM_OF(columns_t)
HLS_STREAM_OF(params_t)
HLS_STREAM_OF(train_rule_t)
HLS_STREAM_OF(keys_t)

#define TRAIN_BEAT_NUMBERS (TRAIN_PARAM_BEATS * MR_BEAT) // of a word of parameters

// A number of 32 bits of its halves.
static inline uint32_t train_number_of(int16_t low, int16_t high) {
    return (uint32_t)(uint16_t)high << 16 | (uint16_t)low;
}

// x of a mini-batch: where it learns the rule of its update and the keys, the columns, and where it
// learns its targets.
static void train_feed(hls_stream(element_t) * x, hls_stream(columns_t) * columns,
                       hls_stream(int32_t) * target, hls_stream(train_rule_t) * rules,
                       hls_stream(keys_t) * keys, uint8_t job, uint32_t steps, uint32_t batches) {
    const bool learns = job == TRAIN_TRAIN;
    const uint32_t runs = learns || job == TRAIN_PREDICT ? batches : 0;
    const uint32_t columns_of_all = steps * (TRAIN_GROUPS * TRAIN_XW);
    const uint32_t all = columns_of_all + (learns ? TRAIN_RULE_NUMBERS + TRAIN_TARGETS(steps) : 0);
    const uint32_t last = all - 1, last_told = TRAIN_RULE_NUMBERS - 1;
    const uint32_t last_column = (learns ? last_told : UINT32_MAX) + columns_of_all;
    uint32_t told[TRAIN_RULE_NUMBERS];
    HLS(array_partition variable = told complete)
    for (int k = 0; k < TRAIN_RULE_NUMBERS; k++) {
        HLS(unroll)
        told[k] = 0;
    }
    // Of the next element: it is told, the first column, a target.
    bool tells = learns, begins = false, is_target = false;
feed:
    for (uint32_t n = 0; n < runs; n++) {
        for (uint32_t i = 0; i < all; i++) {
            HLS(pipeline II = 1)
            const element_t element = hls_read(element_t, x);
            const uint32_t number = train_number_of(element.v[0], element.v[1]);
            if (begins) {
                train_rule_t rule;
                keys_t key;
                rule.scale = told[0];
                rule.l2 = told[1];
                rule.keep_m = told[2];
                rule.take_m = told[3];
                rule.keep_v = told[4];
                rule.take_v = told[5];
                rule.floor = told[6];
                rule.rate = told[7];
                rule.adam = told[8] != 0;
                for (int l = 0; l < TRAIN_PLACES; l++) {
                    HLS(unroll)
                    key.layer[l] = told[TRAIN_OF_RULE + 2 * l] |
                                   (uint64_t)told[TRAIN_OF_RULE + 1 + 2 * l] << 32;
                }
                hls_write(train_rule_t, rules, rule);
                hls_write(keys_t, keys, key);
            }
            if (tells) {
                for (int k = 0; k < TRAIN_RULE_NUMBERS; k++) {
                    HLS(unroll)
                    told[k] = k == TRAIN_RULE_NUMBERS - 1
                                  ? number
                                  : told[k == TRAIN_RULE_NUMBERS - 1 ? 0 : k + 1];
                }
            } else if (is_target) {
                hls_write(int32_t, target, (int32_t)number);
            } else {
                columns_t word;
                for (int k = 0; k < TRAIN_NB * TRAIN_LC; k++) {
                    HLS(unroll)
                    word.v[k] = element.v[k];
                }
                hls_write(columns_t, columns, word);
            }
            const bool end = i == last;
            begins = learns && i == last_told;
            tells = end ? learns : tells && !begins;
            is_target = !end && (is_target || i == last_column);
        }
    }
}

// Beats to words of parameters: w, m and v of LC numbers each, and zeros to the end of a beat.
static void train_take(hls_stream(beat_t) * beats, hls_stream(params_t) * params, uint8_t job) {
    const uint32_t words = job == TRAIN_LOAD ? TRAIN_PARAM_WORDS + TRAIN_LAYERS : 0;
    int16_t held[TRAIN_BEAT_NUMBERS];
    HLS(array_partition variable = held complete)
    for (int k = 0; k < TRAIN_BEAT_NUMBERS; k++) {
        HLS(unroll)
        held[k] = 0;
    }
take:
    for (uint32_t n = 0; n < words; n++) {
        for (uint32_t b = 0; b < TRAIN_PARAM_BEATS; b++) {
            HLS(pipeline II = 1)
            const beat_t beat = hls_read(beat_t, beats);
            for (int k = 0; k < TRAIN_BEAT_NUMBERS; k++) {
                HLS(unroll)
                const int next = k + MR_BEAT < TRAIN_BEAT_NUMBERS ? k + MR_BEAT : 0;
                held[k] = k + MR_BEAT < TRAIN_BEAT_NUMBERS ? held[next] : beat.v[k % MR_BEAT];
            }
            params_t word;
            for (int c = 0; c < TRAIN_LC; c++) {
                HLS(unroll)
                const int m = TRAIN_LC + c, v = 2 * TRAIN_LC + c;
                word.w[c] = (int32_t)train_number_of(held[2 * c], held[2 * c + 1]);
                word.m[c] = train_number_of(held[2 * m], held[2 * m + 1]);
                word.v[c] = train_number_of(held[2 * v], held[2 * v + 1]);
            }
            if (b == TRAIN_PARAM_BEATS - 1)
                hls_write(params_t, params, word);
        }
    }
}

// The way back.
static void train_give(hls_stream(params_t) * params, hls_stream(beat_t) * beats, uint8_t job) {
    const uint32_t words = job == TRAIN_READ ? TRAIN_PARAM_WORDS + TRAIN_LAYERS : 0;
    int16_t held[TRAIN_BEAT_NUMBERS];
    HLS(array_partition variable = held complete)
    for (int k = 0; k < TRAIN_BEAT_NUMBERS; k++) {
        HLS(unroll)
        held[k] = 0;
    }
give:
    for (uint32_t n = 0; n < words; n++) {
        for (uint32_t b = 0; b < TRAIN_PARAM_BEATS; b++) {
            HLS(pipeline II = 1)
            if (b == 0) {
                const params_t word = hls_read(params_t, params);
                for (int c = 0; c < TRAIN_LC; c++) {
                    HLS(unroll)
                    const int m = TRAIN_LC + c, v = 2 * TRAIN_LC + c;
                    held[2 * c] = (int16_t)word.w[c];
                    held[2 * c + 1] = (int16_t)(word.w[c] >> 16);
                    held[2 * m] = (int16_t)word.m[c];
                    held[2 * m + 1] = (int16_t)(word.m[c] >> 16);
                    held[2 * v] = (int16_t)word.v[c];
                    held[2 * v + 1] = (int16_t)(word.v[c] >> 16);
                }
            }
            beat_t beat;
            for (int k = 0; k < MR_BEAT; k++) {
                HLS(unroll)
                beat.v[k] = held[k];
            }
            hls_write(beat_t, beats, beat);
            for (int k = 0; k < TRAIN_BEAT_NUMBERS; k++) {
                HLS(unroll)
                const int next = k + MR_BEAT < TRAIN_BEAT_NUMBERS ? k + MR_BEAT : 0;
                held[k] = k + MR_BEAT < TRAIN_BEAT_NUMBERS ? held[next] : 0;
            }
        }
    }
}

#endif
