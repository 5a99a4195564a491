// SPDX-License-Identifier: Apache-2.0
// The network's programs (host/nn/fold.h) and where its data and states go (folded_image.h).
#include "folded_image.h"

#include "failure.h"
#include "state_image.h"

#include <stdlib.h>

// A beat for each unit; those that fill up a vector have none.
static int make_units(const struct mr_plan *plan, struct mr_folded_image *image,
                      struct mr_error *error) {
    const struct mr_network *network = plan->network;
    const uint32_t beats = mr_state_total_beats(plan);
    struct mr_folded_unit *unit = malloc((beats + 1) * sizeof *unit);

    image->units = unit;
    if (!unit)
        return mr_failure(error, MR_ERROR_MEMORY,
                          "not enough memory for the program of the folded kernel");
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const uint32_t all = mr_state_beats(plan, i);
        for (int u = 0; u < (int)all; u++, unit++) {
            const bool is_there = u < op->units;
            unit->h = is_there ? image->fold.h[i] + u : -1;
            unit->second = is_there && op->kind->second_field ? image->fold.second[i] + u : -1;
        }
    }
    return 0;
}

int mr_folded_image_make(const struct mr_plan *plan, uint32_t rows, struct mr_folded_image *image,
                         struct mr_error *error) {
    const struct mr_network *network = plan->network;

    *image = (struct mr_folded_image){.units = NULL};
    if (plan->slots > 1)
        return mr_failure(error, MR_ERROR_PLAN,
                          "the folded kernel cannot run this network: it has one slot, and %d are "
                          "asked for",
                          plan->slots);
    if (rows < FOLDED_PARTS || rows > FOLDED_ROWS_MOST || (rows & (rows - 1)))
        return mr_failure(error, MR_ERROR_DEVICE,
                          "the folded kernel says that it multiplies %u rows at a time, and "
                          "programs are made for 4, 8 or 16; its image is damaged",
                          rows);
    int code = mr_fold_network(network, (int)rows, plan->y_lc == 0, &image->fold, error);
    if (!code)
        code = make_units(plan, image, error);
    if (code)
        return code;
    const struct mr_fold *fold = &image->fold;
    image->program = (struct mr_folded_program){
        .words = (uint32_t)fold->words,
        .rows = (uint32_t)fold->rows,
        .parts = fold->parts,
        .begin = (uint32_t)fold->begin,
        .step = (uint32_t)fold->step,
        .end = (uint32_t)fold->end,
        .numbers = (uint32_t)fold->numbers,
        .x_bits = mr_plan_element_bits(plan->x_lc),
        .x_width = (uint32_t)network->streams[0].width,
        .y_bits = mr_plan_element_bits(plan->y_lc),
        .y_wide = plan->y_lc == 0,
        .output_count = (uint32_t)network->output_count,
        .first_state = (uint32_t)fold->first_state,
        .states = (uint32_t)fold->states,
        .beats = mr_state_total_beats(plan),
        .units = image->units,
    };
    for (int o = 0; o < network->output_count; o++) {
        const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
        image->program.outputs[o] = (struct mr_folded_output){
            .width = (uint32_t)stream->width, .last = stream->rate == MR_PER_SEQUENCE};
    }
    return 0;
}

void mr_folded_image_free(struct mr_folded_image *image) {
    mr_fold_free(&image->fold);
    free(image->units);
    image->units = NULL;
}
