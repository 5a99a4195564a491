// SPDX-License-Identifier: Apache-2.0
// The weights of a chain as one list (train_weights.h).
#include "train_weights.h"

#include "train_draw.h"

#include <math.h>
#include <string.h>

// Calls `each` with every array of weights, in their order, and the width that its first values
// follow from.
static void walk(const struct mr_network *network, const struct mr_train_chain *chain,
                 void (*each)(void *context, float *weights, size_t count, int width),
                 void *context) {
    for (int l = 0; l < chain->layer_count; l++) {
        const struct mr_train_layer *layer = &chain->layers[l];
        const struct mr_op *op = network ? &network->ops[layer->op] : NULL;
        const size_t units = (size_t)layer->units, rows = units * (size_t)layer->gates;
        each(context, op ? op->w_x : NULL, rows * (size_t)layer->inputs, layer->units);
        each(context, op ? op->w_h : NULL, rows * units, layer->units);
        each(context, op ? op->bias : NULL, units * (size_t)layer->sums, layer->units);
    }
    const struct mr_op *head = network ? &network->ops[chain->head] : NULL;
    const int units = chain->layers[chain->layer_count - 1].units;
    const size_t outputs = (size_t)chain->outputs;
    each(context, head ? head->w_x : NULL, outputs * (size_t)units, units);
    each(context, head ? head->bias : NULL, outputs, units);
}

static void count_array(void *context, float *weights, size_t count, int width) {
    (void)weights, (void)width;
    *(size_t *)context += count;
}

size_t mr_train_weight_count(const struct mr_train_chain *chain) {
    size_t count = 0;

    walk(NULL, chain, count_array, &count);
    return count;
}

static void read_array(void *context, float *weights, size_t count, int width) {
    float **list = context;

    (void)width;
    memcpy(*list, weights, count * sizeof *weights);
    *list += count;
}

void mr_train_read_weights(const struct mr_network *network, const struct mr_train_chain *chain,
                           float *list) {
    walk(network, chain, read_array, &list);
}

static void write_array(void *context, float *weights, size_t count, int width) {
    const float **list = context;

    (void)width;
    memcpy(weights, *list, count * sizeof *weights);
    *list += count;
}

void mr_train_write_weights(struct mr_network *network, const struct mr_train_chain *chain,
                            const float *list) {
    walk(network, chain, write_array, &list);
}

static void draw_array(void *context, float *weights, size_t count, int width) {
    const double bound = 1 / sqrt(width);

    for (size_t i = 0; i < count; i++)
        weights[i] = (float)((ldexp((double)(mr_draw_next(context) >> 11), -52) - 1) * bound);
}

void mr_train_draw_weights(struct mr_network *network, const struct mr_train_chain *chain,
                           uint64_t seed) {
    walk(network, chain, draw_array, &seed);
}
