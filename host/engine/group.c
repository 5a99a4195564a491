// SPDX-License-Identifier: Apache-2.0
// Runs groups (group.h): by the caller alone, by all threads layer after layer, or in a wave.
#include "group.h"

#include <string.h>

enum { WAVE_STEPS = 6 }; // of a block in a wave: a hand-over costs a fraction of it

static size_t word_bytes(const struct mr_engine_state *engine) {
    return mr_element_bytes(mr_plan_element_bits(engine->plan->y_lc));
}

static size_t output_words(const struct mr_engine_state *engine, int output) {
    const struct mr_network *network = engine->network;

    return (size_t)mr_plan_words(network->streams[network->outputs[output].stream].width,
                                 engine->plan->y_lc);
}

static bool per_step(const struct mr_engine_state *engine, int output) {
    return engine->network->streams[engine->network->outputs[output].stream].rate == MR_PER_STEP;
}

// ---- rows in, rows out

static void take_x(struct mr_engine_state *engine, const struct mr_group *group,
                   const struct mr_block *block) {
    const int input = group->encodes ? engine->network->encoder : 0;
    const struct mr_flow *flow = &engine->flows[input];
    const size_t bytes = (size_t)engine->network->streams[input].width * sizeof(int16_t);

    for (uint32_t t = 0; t < block->steps; t++)
        for (uint32_t lane = 0; lane < block->lanes; lane++) {
            const size_t step = block->first + t;
            const size_t row = group->first + (group->by_turns ? step * group->lanes + lane
                                                               : lane * group->steps + step);
            memcpy((int16_t *)flow->data +
                       (block->base + (size_t)t * block->lanes + lane) * flow->stride,
                   group->x + row * group->x_row, bytes);
        }
}

// Where the elements of a row begin, from those of the group's first row on.
static size_t place_of(const struct mr_group *group, uint32_t lane, uint32_t step) {
    const size_t last = step + 1 == group->y_steps ? lane : 0; // rows before it that are last ones

    return group->by_turns
               ? ((size_t)step * group->lanes + lane) * group->step_words + last * group->last_words
               : (size_t)lane * (group->y_steps * group->step_words + group->last_words) +
                     step * group->step_words;
}

static void put_row(const struct mr_engine_state *engine, int output, size_t row,
                    unsigned char *to) {
    const int stream = engine->network->outputs[output].stream, lc = engine->plan->y_lc;
    const struct mr_flow *flow = &engine->flows[stream];
    const int width = engine->network->streams[stream].width;

    memset(to, 0, output_words(engine, output) * word_bytes(engine));
    for (int i = 0; i < width; i++) {
        const int32_t number = mr_flow_at(flow, row, (size_t)i);
        const int16_t narrow = (int16_t)number;
        if (lc)
            memcpy(to + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
        else
            memcpy(to + (size_t)i * sizeof number, &number, sizeof number);
    }
}

// The elements of outputs at a step whose rows in the streams per step begin with row `from`.
static void give_step(const struct mr_engine_state *engine, const struct mr_group *group,
                      uint32_t step, size_t from) {
    const bool is_last = step + 1 == group->y_steps;

    for (uint32_t lane = 0; lane < group->lanes; lane++) {
        size_t at = place_of(group, lane, step);
        for (int o = 0; o < engine->network->output_count; o++) {
            const bool steps = per_step(engine, o);
            if (!steps && !is_last)
                continue;
            put_row(engine, o, steps ? from + lane : lane, group->y + at * word_bytes(engine));
            at += output_words(engine, o);
        }
    }
}

void mr_group_words(const struct mr_engine_state *engine, struct mr_group *group) {
    for (int o = 0; o < engine->network->output_count; o++)
        *(per_step(engine, o) ? &group->step_words : &group->last_words) += output_words(engine, o);
}

size_t mr_group_sequence_bytes(const struct mr_engine_state *engine, const struct mr_group *group) {
    return (group->y_steps * group->step_words + group->last_words) * word_bytes(engine);
}

// ---- runs

// Where the outputs have steps of their own, a block is the whole sequence.
static void give_y(const struct mr_engine_state *engine, const struct mr_group *group,
                   const struct mr_block *block) {
    const uint32_t steps = block->steps == group->steps ? group->y_steps : block->steps;

    for (uint32_t t = 0; !group->encodes && t < steps; t++)
        give_step(engine, group, block->first + t, block->base + (size_t)t * block->lanes);
}

// A thread's share of a group: all blocks, one after the other.
struct shared_run {
    struct mr_engine_state *engine;
    const struct mr_group *group;
    uint32_t block_steps;
    struct mr_barrier barrier; // of the threads
};

static void release(const struct mr_engine_state *engine) {
    if (engine->kernels->release)
        engine->kernels->release();
}

static void run_share(void *context, size_t part, size_t worker) {
    struct shared_run *run = context;
    struct mr_engine_state *engine = run->engine;
    const struct mr_group *group = run->group;
    const struct mr_stages all = mr_all_stages(engine, group->encodes);
    const struct mr_share share = {(int)part, run->barrier.count > 1 ? &run->barrier : NULL};
    struct mr_engine_state *counts = worker ? engine->others[worker - 1] : engine;
    struct mr_block block = {.lanes = group->lanes, .all = group->steps};

    for (; block.first < group->steps; block.first += block.steps) {
        const uint32_t left = group->steps - block.first;
        block.steps = left < run->block_steps ? left : run->block_steps;
        if (share.index == 0)
            take_x(engine, group, &block);
        mr_share_wait(&share);
        mr_engine_stages(engine, all, &block, &share, counts);
        if (share.index == 0)
            give_y(engine, group, &block);
    }
    release(engine);
}

// Blocks go from thread to thread, each of which has some of the operators. Streams have room for
// `ring` blocks: the first thread does not begin one before the last has done that which had its
// place.
struct wave {
    struct mr_engine_state *engine;
    const struct mr_group *group;
    const struct mr_together *how;
    uint32_t block_steps, blocks, ring;
    atomic_uint done[MR_WORKERS_MAX]; // blocks
};

static void run_of_wave(void *context, size_t part, size_t worker) {
    struct wave *wave = context;
    struct mr_engine_state *engine = wave->engine;
    const struct mr_group *group = wave->group;
    const size_t last = (size_t)wave->how->wave - 1;
    const struct mr_stages own = {group->encodes, part ? wave->how->ends[part - 1] : 0,
                                  wave->how->ends[part]};
    const struct mr_share alone = {0};

    (void)worker;
    for (uint32_t b = 0; b < wave->blocks; b++) {
        const uint32_t first = b * wave->block_steps, left = group->steps - first;
        const struct mr_block block = {.lanes = group->lanes,
                                       .first = first,
                                       .steps = left < wave->block_steps ? left : wave->block_steps,
                                       .all = group->steps,
                                       .base = (size_t)(b % wave->ring) * wave->block_steps *
                                               group->lanes};
        if (part > 0)
            mr_await(&wave->done[part - 1], b + 1);
        else if (b >= wave->ring)
            mr_await(&wave->done[last], b + 1 - wave->ring);
        if (part == 0)
            take_x(engine, group, &block);
        mr_engine_stages(engine, own, &block, &alone, engine);
        if (part == last)
            give_y(engine, group, &block);
        atomic_store_explicit(&wave->done[part], b + 1, memory_order_release);
    }
    release(engine);
}

static int run_wave(struct mr_engine_state *engine, const struct mr_group *group,
                    const struct mr_together *how) {
    struct wave wave = {.engine = engine,
                        .group = group,
                        .how = how,
                        .block_steps = WAVE_STEPS,
                        .blocks = (group->steps + WAVE_STEPS - 1) / WAVE_STEPS,
                        .ring = (uint32_t)how->wave + 1};

    if (mr_engine_room(engine, group->encodes, group->lanes, WAVE_STEPS, wave.ring))
        return -1;
    mr_workers_run(engine->workers, (size_t)how->wave, run_of_wave, &wave);
    return 0;
}

int mr_group_run(struct mr_engine_state *engine, const struct mr_group *group, uint32_t block_steps,
                 bool together) {
    const struct mr_together *how = &engine->together[group->encodes];
    const int threads = together ? mr_engine_threads(engine) : 1;
    const uint32_t steps = block_steps < group->steps ? block_steps : group->steps;

    mr_engine_clear(engine, group->encodes, false, group->lanes);
    if (how->wave > 1 && how->wave <= threads && group->steps > WAVE_STEPS)
        return run_wave(engine, group, how);
    if (mr_engine_room(engine, group->encodes, group->lanes, steps, 1))
        return -1;
    struct shared_run run = {.engine = engine,
                             .group = group,
                             .block_steps = steps,
                             .barrier.count = how->by_units ? (unsigned)threads : 1};
    if (run.barrier.count > 1)
        mr_workers_run(engine->workers, run.barrier.count, run_share, &run);
    else
        run_share(&run, 0, 0);
    return 0;
}
