// SPDX-License-Identifier: Apache-2.0
// Packs the weight image in the order in which the kernels take it (frame/lane.h,
// frame/load_lanes.h, frame/layer.h, heads/dense.h).
#include "weights_image.h"

#include "failure.h"

#include <stdlib.h>

// Elements of a beat per sum: bias in three parts, low first, and shift; per constant: two parts.
enum { SUM = 4, CONSTANT = 2 };

// Weights of a beat.
static int in_beat(const struct mr_op *op) {
    return MR_IMAGE_BEAT * 16 / op->precision.weight_bits;
}

// Rows of weights that lie side by side in a word: those of a lane's gates, or one of a table.
static int gates_of(const struct mr_op *op) {
    return op->kind->looks_up ? 1 : op->kind->gates;
}

// Beats of `words` words of `gates * lc` weights each.
static uint64_t lane_beats(const struct mr_op *op, uint64_t words, int lc) {
    const uint64_t word = (uint64_t)gates_of(op) * (uint64_t)lc, beat = (uint64_t)in_beat(op);
    if (word > beat)
        return words * ((word + beat - 1) / beat);
    const uint64_t shared = beat / word;
    return (words + shared - 1) / shared;
}

// Columns of x, and of h; the other operators have none.
static int h_columns(const struct mr_op *op) {
    return op->kind->recurrent ? op->units : 0;
}

static int x_columns(const struct mr_op *op) {
    return mr_op_columns(op) - h_columns(op);
}

// Of a lane, over all its ports and passes; and the lanes of a gate.
static int lane_words(const struct mr_op *op, const struct mr_op_layout *layout) {
    return (layout->ports > 1 ? layout->ports : 1) * layout->passes *
           (mr_ceil_div(x_columns(op), layout->lc) + mr_ceil_div(h_columns(op), layout->lc));
}

static int lane_units(const struct mr_op *op, const struct mr_op_layout *layout) {
    if (op->kind->looks_up)
        return op->entries;
    return op->kind->recurrent ? mr_op_lane_units(op, layout) : op->units;
}

// Beats of bias, which are a recurrent operator's whole vectors.
static uint64_t bias_beats(const struct mr_op *op, int lc) {
    if (op->kind->sums == 0)
        return 0;
    const int words = mr_ceil_div(op->units, lc);
    return (uint64_t)(op->kind->recurrent ? words * lc : op->units);
}

uint64_t mr_weights_beats(const struct mr_plan *plan, int index) {
    const struct mr_op *op = &plan->network->ops[index];
    const struct mr_op_layout *layout = &plan->ops[index].layout;
    if (mr_op_rows(op) == 0)
        return 0;
    const uint64_t words = (uint64_t)lane_units(op, layout) * (uint64_t)lane_words(op, layout);
    return lane_beats(op, words, mr_op_port_lc(layout)) + bias_beats(op, layout->lc);
}

uint64_t mr_weights_total_beats(const struct mr_plan *plan) {
    uint64_t beats = 0;
    for (int i = 0; i < plan->network->op_count; i++)
        beats += mr_weights_beats(plan, i);
    return beats;
}

static int16_t weight(const struct mr_op *op, int gate, int unit, int column, bool of_h) {
    const int units = mr_op_rows(op) / gates_of(op);
    if (unit >= units || column >= (of_h ? h_columns(op) : x_columns(op)))
        return 0;
    const size_t row = (size_t)gate * (size_t)units + (size_t)unit;
    const size_t stride = (size_t)mr_op_columns(op);
    return op->rows.weight[row * stride + (size_t)(of_h ? op->inputs : 0) + (size_t)column];
}

// Weight `index` from `at` on, where all is 0 yet; of two in an element the first is the lower
// half.
static void put_weight(const struct mr_op *op, int16_t *at, int index, int16_t value) {
    const int bits = op->precision.weight_bits, bit = index * bits;
    const unsigned pattern = (uint16_t)value & ((1u << bits) - 1);
    at[bit / 16] = (int16_t)((uint16_t)at[bit / 16] | pattern << bit % 16);
}

// Writes the lane words from *at on and returns the beat behind them.
static int16_t *pack_lanes(const struct mr_op *op, const struct mr_op_layout *layout, int16_t *at) {
    const int lc = layout->lc, units = lane_units(op, layout), words = lane_words(op, layout);
    const int x_words = mr_ceil_div(x_columns(op), lc);
    const int port_lc = mr_op_port_lc(layout),
              port_words = layout->ports > 1 ? words / layout->ports : words;
    const int pass_words = port_words / layout->passes;
    const int word = gates_of(op) * port_lc, beat = in_beat(op);
    const bool shares = word <= beat;
    int used = 0; // weights of the beat in hand
    for (int unit = 0; unit < units; unit++)
        for (int at_word = 0; at_word < words; at_word++) {
            if (!shares || used + word > beat) {
                at += MR_IMAGE_BEAT * mr_ceil_div(used, beat);
                used = 0;
            }
            const int behind = at_word / port_words * port_lc; // columns of the ports before
            const int at_port = at_word % port_words;
            const int served = at_port / pass_words * units + unit; // by this lane in this pass
            const int column = at_port % pass_words;
            const bool of_h = column >= x_words;
            const int first = (of_h ? column - x_words : column) * lc;
            for (int g = 0; g < gates_of(op); g++)
                for (int c = behind; c < behind + port_lc; c++)
                    put_weight(op, at, used++,
                               (int16_t)(c < lc ? weight(op, g, served, first + c, of_h) : 0));
        }
    return at + MR_IMAGE_BEAT * mr_ceil_div(used, beat);
}

// One beat per unit: per sum the bias in three parts, low first, and the shift, and behind them its
// constants. Units that only
// fill up the last vector stay zero, as the image was.
static int pack_bias(const struct mr_op *op, int16_t *at, struct mr_error *error) {
    for (int unit = 0; unit < op->units; unit++) // none of a table
        for (int s = 0; s < op->kind->sums; s++) {
            const int sum = s * op->units + unit;
            const int64_t bias = op->rows.bias[sum];
            const int32_t shift = op->rows.shift[sum];
            if (bias < -(INT64_C(1) << 47) || bias >= INT64_C(1) << 47)
                return mr_failure(error, MR_ERROR_MODEL,
                                  "%s: the bias of row %d does not fit 48 bits; quantise the model "
                                  "again",
                                  op->name, sum);
            if (shift < MR_SHIFT_MIN || shift > MR_SHIFT_MAX)
                return mr_failure(
                    error, MR_ERROR_MODEL,
                    "%s: the shift of row %d is %d and must be from %d to %d; quantise the "
                    "model again",
                    op->name, sum, (int)shift, (int)MR_SHIFT_MIN, (int)MR_SHIFT_MAX);
            int16_t *element = at + (size_t)unit * MR_IMAGE_BEAT + SUM * s;
            const uint64_t pattern = (uint64_t)bias;
            for (int third = 0; third < 3; third++)
                element[third] = (int16_t)(uint16_t)(pattern >> (16 * third) & 0xffff);
            element[3] = (int16_t)shift;
        }
    for (int i = 0; i < mr_op_constants(op); i++) {
        int16_t *element = at + (size_t)(i % op->units) * MR_IMAGE_BEAT + SUM * op->kind->sums +
                           CONSTANT * (i / op->units);
        element[0] = (int16_t)(uint16_t)(op->rows.constant[i] & 0xffff);
        element[1] = (int16_t)(op->rows.constant[i] >> 16);
    }
    return 0;
}

int16_t *mr_weights_image(const struct mr_plan *plan, uint64_t *beats, struct mr_error *error) {
    *beats = mr_weights_total_beats(plan);
    if (*beats > SIZE_MAX / (MR_IMAGE_BEAT * sizeof(int16_t))) {
        mr_failure(error, MR_ERROR_MEMORY, "the weight image is too large for this machine");
        return NULL;
    }
    int16_t *image = calloc((size_t)*beats, MR_IMAGE_BEAT * sizeof *image);
    if (!image) {
        mr_failure(error, MR_ERROR_MEMORY, "out of memory for the weight image");
        return NULL;
    }
    int16_t *start = image;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        if (mr_op_rows(op) > 0 &&
            pack_bias(op, pack_lanes(op, &plan->ops[i].layout, start), error)) {
            free(image);
            return NULL;
        }
        start += mr_weights_beats(plan, i) * MR_IMAGE_BEAT;
    }
    return image;
}
