// SPDX-License-Identifier: Apache-2.0
// The shape of a network, from its float or its quantised form.
#include "file.h"
#include "network.h"
#include "plan.h"
#include "quantise.h"

#include <string.h>

static int start(struct mr_shape *shape, int layer_count, char *error, size_t error_size) {
    memset(shape, 0, sizeof *shape);
    if (layer_count < 1 || layer_count > MR_MAX_LAYERS)
        return mr_fail(error, error_size,
                       "the network has %d LSTM layers; the planner takes 1 to %d", layer_count,
                       (int)MR_MAX_LAYERS);
    shape->layer_count = layer_count;
    return 0;
}

static int finish(struct mr_shape *shape, int head_inputs, int outputs, bool sigmoid, char *error,
                  size_t error_size) {
    const int hidden = shape->layers[shape->layer_count - 1].hidden;
    if (head_inputs != hidden)
        return mr_fail(
            error, error_size,
            "the head has %d inputs and the last layer %d hidden units; they must be equal",
            head_inputs, hidden);
    shape->outputs = outputs;
    shape->sigmoid = sigmoid;
    return 0;
}

int mr_shape_of_network(const struct mr_network *network, struct mr_shape *shape, char *error,
                        size_t error_size) {
    if (start(shape, network->layer_count, error, error_size))
        return -1;
    for (int l = 0; l < network->layer_count; l++) {
        shape->layers[l].inputs = network->layers[l].inputs;
        shape->layers[l].hidden = network->layers[l].hidden;
    }
    return finish(shape, network->head.inputs, network->head.outputs, network->head.sigmoid, error,
                  error_size);
}

int mr_shape_of_quantised(const struct mr_quantised *quantised, struct mr_shape *shape, char *error,
                          size_t error_size) {
    if (start(shape, quantised->layer_count, error, error_size))
        return -1;
    for (int l = 0; l < quantised->layer_count; l++) {
        shape->layers[l].inputs = quantised->layers[l].inputs;
        shape->layers[l].hidden = quantised->layers[l].hidden;
        shape->layers[l].cell_exponent = quantised->layers[l].cell_exponent;
    }
    return finish(shape, quantised->head.inputs, quantised->head.outputs, quantised->head.sigmoid,
                  error, error_size);
}
