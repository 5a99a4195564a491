// SPDX-License-Identifier: Apache-2.0
// The network of the float32 trainer: one list of all weights, and panels of them as the products
// read them.
#include "float32_parts.h"

#include <stdlib.h>

const struct mr_float32_kernels *mr_float32_kernels(int index) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && index-- == 0)
        return &mr_float32_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && index-- == 0)
        return &mr_float32_avx2;
#endif
    return index == 0 ? &mr_float32_plain : NULL;
}

static int create_panel(struct mr_panel *panel, int most, int rows, int columns) {
    panel->rows = rows;
    panel->columns = columns;
    panel->tiles = (rows + most - 1) / most;
    panel->tile = (rows + panel->tiles - 1) / panel->tiles;
    panel->data =
        calloc((size_t)panel->tiles * (size_t)panel->tile * (size_t)columns, sizeof *panel->data);
    return panel->data ? 0 : -1;
}

// w: (rows, pitch), or (columns, pitch) where it is turned.
static void pack(struct mr_panel *panel, const float *w, size_t pitch, bool turned) {
    for (int i = 0; i < panel->tiles; i++) {
        const int first = i * panel->tile;
        const int rows = panel->rows - first < panel->tile ? panel->rows - first : panel->tile;
        float *to = panel->data + (size_t)first * (size_t)panel->columns;
        for (size_t k = 0; k < (size_t)panel->columns; k++, to += panel->tile)
            for (size_t r = 0; r < (size_t)rows; r++)
                to[r] =
                    turned ? w[k * pitch + (size_t)first + r] : w[((size_t)first + r) * pitch + k];
    }
}

static bool is_gru(const struct mr_train_layer *shape) {
    return shape->cell == MR_TRAIN_GRU || shape->cell == MR_TRAIN_GRU_RESET_FIRST;
}

static int create_layer(struct mr_float32_net *net, struct mr_float32_layer *layer) {
    const struct mr_train_layer *shape = &layer->shape;
    const int all = shape->gates * shape->units;
    const int most = net->kernels->most_rows, of_steps = net->kernels->steps_rows;

    layer->groups = is_gru(shape) ? 2 : 1;
    for (int g = 0; g < layer->groups; g++) {
        const int rows = layer->groups == 1 ? all : g == 0 ? 2 * shape->units : shape->units;
        if (create_panel(&layer->h[g], most, rows, shape->units) != 0)
            return -1;
    }
    return create_panel(&layer->x, of_steps, all, shape->inputs) ||
                   create_panel(&layer->x_back, of_steps, shape->inputs, all) ||
                   create_panel(&layer->h_back, most, shape->units, all)
               ? -1
               : 0;
}

// The place of weights (rows, columns) in the list.
static size_t place(struct mr_float32_net *net, int rows, int columns) {
    const size_t first = net->count;

    net->count += (size_t)rows * (size_t)columns;
    return first;
}

int mr_float32_net_create(struct mr_float32_net *net, const struct mr_train_chain *chain,
                          const struct mr_float32_kernels *kernels) {
    *net = (struct mr_float32_net){.kernels = kernels, .chain = *chain};
    int units = 0;
    for (int l = 0; l < chain->layer_count; l++) {
        struct mr_float32_layer *layer = &net->layers[l];
        layer->shape = chain->layers[l];
        const int rows = layer->shape.gates * layer->shape.units;
        layer->at.w_x = place(net, rows, layer->shape.inputs);
        layer->at.w_h = place(net, rows, layer->shape.units);
        layer->at.bias = place(net, layer->shape.sums, layer->shape.units);
        if (create_layer(net, layer) != 0)
            return -1;
        units = layer->shape.units;
    }
    net->head_at.w_x = place(net, chain->outputs, units);
    net->head_at.bias = place(net, chain->outputs, 1);
    net->w = calloc(net->count, sizeof *net->w);
    return create_panel(&net->head, kernels->most_rows, chain->outputs, units) != 0 ||
                   create_panel(&net->head_back, kernels->most_rows, units, chain->outputs) != 0 ||
                   !net->w
               ? -1
               : 0;
}

void mr_float32_net_free(struct mr_float32_net *net) {
    for (int l = 0; l < net->chain.layer_count; l++) {
        struct mr_float32_layer *layer = &net->layers[l];
        for (int g = 0; g < 2; g++)
            free(layer->h[g].data);
        free(layer->x.data);
        free(layer->x_back.data);
        free(layer->h_back.data);
    }
    free(net->head.data);
    free(net->head_back.data);
    free(net->w);
}

void mr_float32_net_pack(struct mr_float32_net *net) {
    for (int l = 0; l < net->chain.layer_count; l++) {
        struct mr_float32_layer *layer = &net->layers[l];
        const size_t inputs = (size_t)layer->shape.inputs, units = (size_t)layer->shape.units;
        const float *w_x = net->w + layer->at.w_x, *w_h = net->w + layer->at.w_h;
        for (int g = 0; g < layer->groups; g++)
            pack(&layer->h[g], w_h + (g == 0 ? 0 : 2 * units) * units, units, false);
        pack(&layer->x, w_x, inputs, false);
        if (l > 0) // nothing asks for the gradient of the network's input
            pack(&layer->x_back, w_x, inputs, true);
        pack(&layer->h_back, w_h, units, true);
    }
    const size_t units = (size_t)net->head.columns;
    pack(&net->head, net->w + net->head_at.w_x, units, false);
    pack(&net->head_back, net->w + net->head_at.w_x, units, true);
}
