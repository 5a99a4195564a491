// SPDX-License-Identifier: Apache-2.0
// What an engine with TRAIN_PORT keeps in three external memories (hls.h): what of each
// step the way back needs (stash), the derivatives by h that a layer has from the one above
// (above), and all parameters (params). They are used in long runs of words, which train_plans
// knows ahead; the order is that of the engine. And what is on the chip then of that, and what
// without.
#ifndef MR_TRAIN_MEMORY_PORTS_H
#define MR_TRAIN_MEMORY_PORTS_H

#include "train_engine/ports.h"
#include "train_engine/sequencer.h"

// Words on the chip: of steps or of a window h, and what cells keep. And where the last layer has
// its h of a step's group, `at` of all.
#if TRAIN_PORT
#    define TRAIN_H_WORDS (2 * TRAIN_WINDOW)
#    define TRAIN_KEPT_WORDS TRAIN_WINDOW
#    define TRAIN_KEPT_NB TRAIN_NB // sequences of a word
#else
#    define TRAIN_H_WORDS TRAIN_OVER(TRAIN_STASH)
#    define TRAIN_KEPT_WORDS (TRAIN_H_WORDS * TRAIN_NB)
#    define TRAIN_KEPT_NB 1
#endif
#define TRAIN_TOP_H(at)                                                                            \
    (TRAIN_OVER(TRAIN_STASH) - TRAIN_STEPS * TRAIN_GROUPS * TRAIN_TOP_HW + (at)*TRAIN_TOP_HW)

// The ports as parameters and as arguments.
#if TRAIN_PORT
#    define TRAIN_PORTS(a, b, c)                                                                   \
        hls_memory(stash_t) * a, hls_memory(above_t) * b, hls_memory(params_t) * c,
#    define TRAIN_PASS(a, b, c) a, b, c,
#else
#    define TRAIN_PORTS(a, b, c)
#    define TRAIN_PASS(a, b, c)
#endif

#if TRAIN_PORT
// Of LC units of NB sequences.
typedef struct {
    uint16_t kept[TRAIN_NB][TRAIN_LC][TRAIN_KEPT];
    int16_t h[TRAIN_NB][TRAIN_LC];
} stash_t;
typedef struct {
    int32_t v[TRAIN_NB][TRAIN_LC];
} above_t;
HLS_MEMORY_OF(stash_t)
HLS_MEMORY_OF(above_t)
HLS_MEMORY_OF(params_t)

// Runs of mini-batches. Forward, each layer's steps are stored, while those of the layer below are
// fetched; and the last layer's for the head, for outputs and again for derivatives. Backward, the
// last step of a layer is fetched before its turns, and with each step the one before it, and the
// one of the layer below. What comes from above goes from the head to the last layer and from layer
// to layer, steps in falling order; those of two layers have their places in turn. An update
// fetches and stores all parameters; the ones of a mini-batch are in memory before those of the
// next are fetched.
static void train_plans(hls_memory(stash_t) * stash, hls_memory(above_t) * above,
                        hls_memory(params_t) * params, uint8_t job, uint16_t steps,
                        uint32_t batches) {
    const bool learns = job == TRAIN_TRAIN;
    const uint32_t runs = train_runs(job) ? batches : 0;
    const uint32_t groups = (uint32_t)steps * TRAIN_GROUPS;
    const uint32_t words_seen = TRAIN_SEEN((uint32_t)steps);
    const uint32_t seen = TRAIN_TOP_H(groups) - words_seen, words_top = TRAIN_SEEN(1u);
    uint32_t stashed = 0, passed = 0; // plans of stores
    if (job == TRAIN_LOAD)
        hls_plan_store(params_t, params, 0, TRAIN_PARAM_WORDS);
    if (job == TRAIN_READ)
        hls_plan_fetch(params_t, params, 0, TRAIN_PARAM_WORDS, 0);
plans:
    for (uint32_t n = 0; n < runs; n++) {
        for (uint8_t layer = 0; layer < TRAIN_LAYERS; layer++) {
            const uint8_t below = layer == 0 ? 0 : (uint8_t)(layer - 1);
            if (layer != 0)
                hls_plan_fetch(stash_t, stash, train_stash_base[below], groups * train_hw[below],
                               stashed);
            hls_plan_store(stash_t, stash, train_stash_base[layer], groups * train_hw[layer]);
            stashed++;
        }
        hls_plan_fetch(stash_t, stash, seen, words_seen, stashed);
        if (learns)
            hls_plan_fetch(stash_t, stash, seen, words_seen, stashed);
        for (uint16_t t = learns ? TRAIN_HEAD_STEPS(steps) : 0; t > 0; t--) {
            hls_plan_store(above_t, above, (t - 1u) * words_top, words_top);
            passed++;
        }
        for (uint8_t i = 0; i < (learns ? TRAIN_LAYERS : 0); i++) {
            const uint8_t layer = (uint8_t)(TRAIN_LAYERS - 1 - i);
            const uint8_t below = layer == 0 ? 0 : (uint8_t)(layer - 1);
            const uint32_t words = TRAIN_GROUPS * (uint32_t)train_hw[layer];
            const uint32_t words_below = TRAIN_GROUPS * (uint32_t)train_hw[below];
            hls_plan_fetch(above_t, above, train_above_base[layer],
                           i == 0 ? words_seen : groups * train_hw[layer], passed);
            if (layer != 0) {
                hls_plan_store(above_t, above, train_above_base[below], groups * train_hw[below]);
                passed++;
            }
            uint32_t own = train_stash_base[layer] + groups * train_hw[layer] - words;
            uint32_t place_below = train_stash_base[below] + groups * train_hw[below] - words_below;
            hls_plan_fetch(stash_t, stash, own, words, stashed);
            for (uint16_t t = steps; t > 0; t--) {
                own -= words;
                if (t > 1)
                    hls_plan_fetch(stash_t, stash, own, words, stashed);
                if (layer != 0)
                    hls_plan_fetch(stash_t, stash, place_below, words_below, stashed);
                place_below -= words_below;
            }
        }
        if (learns) {
            hls_plan_fetch(params_t, params, 0, TRAIN_PARAM_WORDS, n);
            hls_plan_store(params_t, params, 0, TRAIN_PARAM_WORDS);
        }
    }
}

#endif

#endif
