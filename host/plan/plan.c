// SPDX-License-Identifier: Apache-2.0
// What a plan is: cycles, multipliers and memories that follow from a shape and one LC per layer.
// The choice of the LCs is in plan_choose.c.
#include "plan.h"

#include "cells/lstm.h"
#include "file.h"
#include "frame/words.h"
#include "memory_cost.h"

#include <stdlib.h>
#include <string.h>

enum {
    GATES = 4,
    CELL_MULTIPLIERS = 8, // per cell lane: five interpolations, f * c, i * g, o * tanh(c)
    CELL_TABLES = 5,
    DISTRIBUTED_WORDS =
        64 // memories up to this depth are expected in LUTs, deeper ones in block RAM
};

static int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

const char *mr_plan_mode_name(enum mr_plan_mode mode) {
    switch (mode) {
    case MR_PLAN_BALANCED:
        return "balanced";
    case MR_PLAN_LATENCY:
        return "latency";
    case MR_PLAN_AREA:
        return "area";
    case MR_PLAN_LANES:
        return "lanes";
    }
    return "unknown";
}

bool mr_plan_has_resize(const struct mr_plan *plan, int layer) {
    return layer > 0 && layer < plan->layer_count &&
           plan->layers[layer].lc != plan->layers[layer - 1].lc;
}

int mr_plan_channel_depth(const struct mr_plan *plan, int layer) {
    const int words = plan->layers[layer].h_words;
    int depth = 2;
    while (depth < words && depth < 64)
        depth *= 2;
    return depth;
}

int mr_plan_parse_lanes(const char *text, struct mr_plan_request *request, char *error,
                        size_t error_size) {
    int count = 0;
    for (const char *at = text;;) {
        char *end = NULL;
        const long lc = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : 0;
        if (lc < 1 || lc > MR_PLAN_LC || (*end != '\0' && *end != ','))
            return mr_fail(
                error, error_size,
                "lanes '%s': give columns per cycle as numbers from 1 to %d, one for all "
                "layers (4) or one per layer (1,2)",
                text, (int)MR_PLAN_LC);
        if (count == MR_MAX_LAYERS)
            return mr_fail(error, error_size,
                           "lanes '%s': more than %d numbers; give one per layer", text,
                           (int)MR_MAX_LAYERS);
        request->lanes[count++] = (int)lc;
        if (*end == '\0')
            break;
        at = end + 1;
    }
    request->mode = MR_PLAN_LANES;
    request->lane_count = count;
    return 0;
}

static int check_width(const char *what, int layer, int width, char *error, size_t error_size) {
    if (width >= 1 && width <= MR_MAX_WIDTH)
        return 0;
    return mr_fail(error, error_size, "layer %d has %d %s; the planner takes 1 to %d", layer, width,
                   what, (int)MR_MAX_WIDTH);
}

static int check_shape(const struct mr_shape *shape, char *error, size_t error_size) {
    if (shape->layer_count < 1 || shape->layer_count > MR_MAX_LAYERS)
        return mr_fail(error, error_size,
                       "the network has %d LSTM layers; the planner takes 1 to %d",
                       shape->layer_count, (int)MR_MAX_LAYERS);
    for (int l = 0; l < shape->layer_count; l++) {
        if (check_width("inputs", l, shape->layers[l].inputs, error, error_size) ||
            check_width("hidden units", l, shape->layers[l].hidden, error, error_size))
            return -1;
        if (l > 0 && shape->layers[l].inputs != shape->layers[l - 1].hidden)
            return mr_fail(
                error, error_size,
                "layer %d has %d inputs and the layer before it %d hidden units; they must "
                "be equal",
                l, shape->layers[l].inputs, shape->layers[l - 1].hidden);
    }
    if (shape->outputs < 1 || shape->outputs > MR_MAX_WIDTH)
        return mr_fail(error, error_size, "the head has %d outputs; the planner takes 1 to %d",
                       shape->outputs, (int)MR_MAX_WIDTH);
    return 0;
}

static void expect_memory(struct mr_memory_use *use, int words, int bits, uint64_t copies) {
    mr_memory_cost(words <= DISTRIBUTED_WORDS ? "lutram" : "bram", (uint64_t)words, (uint64_t)bits,
                   copies, use);
}

// The memories of one layer: weights per unit, bias and shift, h and cell state per cell lane,
// tables.
static void expect_layer_memory(const struct mr_plan_layer *layer, struct mr_memory_use *use) {
    const uint64_t lc = (uint64_t)layer->lc;
    expect_memory(use, layer->x_words + layer->h_words, GATES * layer->lc * 16,
                  (uint64_t)layer->hidden);
    expect_memory(use, layer->h_words, GATES * (48 + 5), lc);
    expect_memory(use, layer->h_words, 16, lc);
    expect_memory(use, layer->h_words, 24, lc);
    mr_memory_cost("rom", 1024, 18 + 16, CELL_TABLES * lc, use);
}

static void fill_layer(struct mr_plan_layer *layer) {
    const uint64_t inputs = (uint64_t)layer->inputs;
    const uint64_t hidden = (uint64_t)layer->hidden;
    const uint64_t lc = (uint64_t)layer->lc;
    layer->x_words = ceil_div(layer->inputs, layer->lc);
    layer->h_words = ceil_div(layer->hidden, layer->lc);
    layer->latency = lstm_LATENCY(layer->lc);
    layer->step_cycles =
        (uint32_t)MR_MAX(layer->x_words, layer->latency) + (uint32_t)layer->h_words;
    layer->lanes = GATES * hidden * lc;
    layer->multipliers = layer->lanes + CELL_MULTIPLIERS * lc;
    layer->useful = GATES * hidden * (inputs + hidden) + CELL_MULTIPLIERS * hidden;
}

static void fill_head(const struct mr_shape *shape, struct mr_plan *plan) {
    struct mr_plan_head *head = &plan->head;
    head->inputs = plan->layers[plan->layer_count - 1].hidden;
    head->outputs = shape->outputs;
    head->lc = plan->layers[plan->layer_count - 1].lc;
    head->sigmoid = shape->sigmoid;
    head->lanes = (uint64_t)head->outputs * (uint64_t)head->lc;
    head->multipliers = head->lanes + (head->sigmoid ? 1 : 0);
    head->useful = (uint64_t)head->outputs * ((uint64_t)head->inputs + (head->sigmoid ? 1 : 0));
    expect_memory(&plan->memory, ceil_div(head->inputs, head->lc), head->lc * 16,
                  (uint64_t)head->outputs);
    expect_memory(&plan->memory, head->outputs, 48 + 5, 1);
    if (head->sigmoid)
        mr_memory_cost("rom", 1024, 18 + 16, 1, &plan->memory);
}

int mr_plan_evaluate(const struct mr_shape *shape, const int *lc, struct mr_plan *plan, char *error,
                     size_t error_size) {
    if (check_shape(shape, error, error_size))
        return -1;
    memset(plan, 0, sizeof *plan);
    plan->layer_count = shape->layer_count;
    uint64_t useful = 0;
    for (int l = 0; l < shape->layer_count; l++) {
        struct mr_plan_layer *layer = &plan->layers[l];
        layer->inputs = shape->layers[l].inputs;
        layer->hidden = shape->layers[l].hidden;
        layer->cell_exponent = shape->layers[l].cell_exponent;
        layer->lc = lc[l];
        const int most = layer->hidden < MR_PLAN_LC ? layer->hidden : (int)MR_PLAN_LC;
        if (lc[l] < 1 || lc[l] > most)
            return mr_fail(
                error, error_size,
                "layer %d cannot take %d columns per cycle; with %d hidden units it takes 1 "
                "to %d",
                l, lc[l], layer->hidden, most);
        fill_layer(layer);
        expect_layer_memory(layer, &layer->memory);
        expect_layer_memory(layer, &plan->memory);
        plan->multipliers += layer->multipliers;
        useful += layer->useful;
        if (layer->step_cycles > plan->interval)
            plan->interval = layer->step_cycles;
    }
    plan->utilisation = (double)useful / ((double)plan->multipliers * plan->interval);
    for (int l = 0; l < plan->layer_count; l++) {
        struct mr_plan_layer *layer = &plan->layers[l];
        layer->interval = plan->interval;
        layer->utilisation = (double)layer->useful / ((double)layer->multipliers * layer->interval);
    }
    fill_head(shape, plan);
    plan->multipliers += plan->head.multipliers;
    return 0;
}
