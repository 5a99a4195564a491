// SPDX-License-Identifier: Apache-2.0
// Packs the weight image in the order in which the kernels take it (frame/load_lanes.h,
// frame/layer.h, heads/dense.h).
#include "weights_image.h"

#include "file.h"
#include "quantise.h"

#include <stdio.h>
#include <stdlib.h>

enum { GATES = 4 };

// Beats of `words` words of `gates * lc` weights each.
static uint64_t lane_beats(uint64_t words, int gates, int lc) {
    const uint64_t word = (uint64_t)gates * (uint64_t)lc;
    if (word > MR_IMAGE_BEAT)
        return words * ((word + MR_IMAGE_BEAT - 1) / MR_IMAGE_BEAT);
    const uint64_t shared = MR_IMAGE_BEAT / word;
    return (words + shared - 1) / shared;
}

uint64_t mr_weights_beats(const struct mr_plan *plan, int layer) {
    if (layer == plan->layer_count) {
        const struct mr_plan_head *head = &plan->head;
        const uint64_t x_words = (uint64_t)((head->inputs + head->lc - 1) / head->lc);
        const uint64_t outputs = (uint64_t)head->outputs;
        return lane_beats(outputs * x_words, 1, head->lc) + outputs;
    }
    const struct mr_plan_layer *part = &plan->layers[layer];
    const uint64_t columns = (uint64_t)part->x_words + (uint64_t)part->h_words;
    return lane_beats((uint64_t)part->hidden * columns, GATES, part->lc) +
           (uint64_t)part->h_words * (uint64_t)part->lc;
}

uint64_t mr_weights_total_beats(const struct mr_plan *plan) {
    uint64_t beats = 0;
    for (int l = 0; l <= plan->layer_count; l++)
        beats += mr_weights_beats(plan, l);
    return beats;
}

// One part of the image: rows of weights that the kernel sees as units with some gates each.
struct part {
    const struct mr_rows *rows; // row = gate * units + unit
    int gates, units, lc;
    int inputs, hidden; // columns of x and of h; hidden is 0 for the head
};

static int16_t weight(const struct part *part, int gate, int unit, int column, bool of_h) {
    if (column >= (of_h ? part->hidden : part->inputs))
        return 0;
    const size_t row = (size_t)gate * (size_t)part->units + (size_t)unit;
    const size_t stride = (size_t)part->inputs + (size_t)part->hidden;
    return part->rows->weight[row * stride + (size_t)(of_h ? part->inputs : 0) + (size_t)column];
}

// Writes the lane words from *at on and returns the beat behind them.
static int16_t *pack_lanes(const struct part *part, int16_t *at) {
    const int x_words = (part->inputs + part->lc - 1) / part->lc;
    const int h_words = (part->hidden + part->lc - 1) / part->lc;
    const int word = part->gates * part->lc;
    const bool shares = word <= MR_IMAGE_BEAT;
    int used = 0; // elements of the beat in hand
    for (int unit = 0; unit < part->units; unit++)
        for (int column = 0; column < x_words + h_words; column++) {
            if (!shares || used + word > MR_IMAGE_BEAT) {
                at += used > 0 ? MR_IMAGE_BEAT * ((used + MR_IMAGE_BEAT - 1) / MR_IMAGE_BEAT) : 0;
                used = 0;
            }
            const bool of_h = column >= x_words;
            const int first = (of_h ? column - x_words : column) * part->lc;
            for (int g = 0; g < part->gates; g++)
                for (int c = 0; c < part->lc; c++)
                    at[used++] = weight(part, g, unit, first + c, of_h);
        }
    return at + MR_IMAGE_BEAT * ((used + MR_IMAGE_BEAT - 1) / MR_IMAGE_BEAT);
}

// One beat per unit: per gate the bias in three parts, low first, and the shift. Units that only
// fill up the last vector stay zero, as the image was.
static int pack_bias(const struct part *part, const char *name, int16_t *at, char *error,
                     size_t error_size) {
    for (int unit = 0; unit < part->units; unit++)
        for (int g = 0; g < part->gates; g++) {
            const int row = g * part->units + unit;
            const int64_t bias = part->rows->bias[row];
            const int32_t shift = part->rows->shift[row];
            if (bias < -(INT64_C(1) << 47) || bias >= INT64_C(1) << 47)
                return mr_fail(
                    error, error_size,
                    "%s: the bias of row %d does not fit 48 bits; quantise the model again", name,
                    row);
            if (shift < MR_SHIFT_MIN || shift > MR_SHIFT_MAX)
                return mr_fail(
                    error, error_size,
                    "%s: the shift of row %d is %d and must be from %d to %d; quantise the "
                    "model again",
                    name, row, (int)shift, (int)MR_SHIFT_MIN, (int)MR_SHIFT_MAX);
            int16_t *element = at + (size_t)unit * MR_IMAGE_BEAT + 4 * g;
            const uint64_t pattern = (uint64_t)bias;
            for (int third = 0; third < 3; third++)
                element[third] = (int16_t)(uint16_t)(pattern >> (16 * third) & 0xffff);
            element[3] = (int16_t)shift;
        }
    return 0;
}

static int check_shape(const struct mr_plan *plan, const struct mr_quantised *quantised,
                       char *error, size_t error_size) {
    bool same = plan->layer_count == quantised->layer_count &&
                plan->head.inputs == quantised->head.inputs &&
                plan->head.outputs == quantised->head.outputs;
    for (int l = 0; same && l < plan->layer_count; l++)
        same = plan->layers[l].inputs == quantised->layers[l].inputs &&
               plan->layers[l].hidden == quantised->layers[l].hidden;
    if (same)
        return 0;
    return mr_fail(error, error_size,
                   "the plan is of another shape than the model; plan this model again");
}

int16_t *mr_weights_image(const struct mr_plan *plan, const struct mr_quantised *quantised,
                          uint64_t *beats, char *error, size_t error_size) {
    if (check_shape(plan, quantised, error, error_size))
        return NULL;
    *beats = mr_weights_total_beats(plan);
    if (*beats > SIZE_MAX / (MR_IMAGE_BEAT * sizeof(int16_t))) {
        mr_fail(error, error_size, "the weight image is too large for this machine");
        return NULL;
    }
    int16_t *image = calloc((size_t)*beats, MR_IMAGE_BEAT * sizeof *image);
    if (!image) {
        mr_fail(error, error_size, "out of memory for the weight image");
        return NULL;
    }
    int16_t *start = image;
    for (int l = 0; l <= plan->layer_count; l++) {
        struct part part;
        char name[24] = "head";
        if (l < plan->layer_count) {
            const struct mr_quantised_layer *layer = &quantised->layers[l];
            part = (struct part){&layer->gates,      GATES,         layer->hidden,
                                 plan->layers[l].lc, layer->inputs, layer->hidden};
            snprintf(name, sizeof name, "layer %d", l);
        } else {
            const struct mr_quantised_head *head = &quantised->head;
            part = (struct part){&head->rows, 1, head->outputs, plan->head.lc, head->inputs, 0};
        }
        if (pack_bias(&part, name, pack_lanes(&part, start), error, error_size)) {
            free(image);
            return NULL;
        }
        start += mr_weights_beats(plan, l) * MR_IMAGE_BEAT;
    }
    return image;
}
