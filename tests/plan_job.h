// SPDX-License-Identifier: Apache-2.0
// For tests that run jobs on devices: x as a plan lays it out, and y as the walker has it.
#ifndef PLAN_JOB_H
#define PLAN_JOB_H

#include "driver.h"
#include "plan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

// A job's data in the layout of the plan.
struct data {
    int16_t *x;
    unsigned char *y;
    size_t x_words, y_words, y_bytes;
};

static inline void *make(size_t count, size_t size) {
    void *made = calloc(count + 1, size);
    ck_assert_ptr_nonnull(made);
    return made;
}

// x_q: (sequences, steps, inputs).
static inline struct data deal(const struct mr_plan *plan, const int16_t *x_q, uint32_t sequences,
                               uint32_t steps) {
    const size_t inputs = (size_t)plan->network->streams[0].width;
    const size_t words = (size_t)mr_plan_words((int)inputs, plan->x_lc);
    const size_t row = words * (size_t)plan->x_lc, slots = (size_t)plan->slots;
    struct data data = {.x_words = words * sequences * steps,
                        .y_words = sequences * mr_plan_output_words(plan, steps),
                        .y_bytes = mr_element_bytes(mr_plan_element_bits(plan->y_lc))};
    data.x = make(sequences * steps * row, sizeof *data.x);
    data.y = make(data.y_words, data.y_bytes);
    size_t at = 0;
    for (size_t group = 0; group < sequences; group += slots)
        for (size_t t = 0; t < steps; t++)
            for (size_t n = group; n < group + slots && n < sequences; n++, at += row)
                memcpy(data.x + at, x_q + (n * steps + t) * inputs, inputs * sizeof *x_q);
    return data;
}

// y: as the walker gives it.
static inline void collect(const struct mr_plan *plan, const struct data *data, uint32_t sequences,
                           uint32_t steps, int32_t *y) {
    const struct mr_network *n = plan->network;
    const unsigned char *from = data->y;
    const size_t slots = (size_t)plan->slots;
    for (size_t group = 0; group < sequences; group += slots)
        for (size_t t = 0; t < steps; t++)
            for (size_t s = group; s < group + slots && s < sequences; s++) {
                int32_t *output = y;
                for (int o = 0; o < n->output_count; o++) {
                    const struct mr_stream *stream = &n->streams[n->outputs[o].stream];
                    const bool per_step = stream->rate == MR_PER_STEP;
                    const size_t width = (size_t)stream->width;
                    for (size_t i = 0; (per_step || t + 1 == steps) && i < width; i++) {
                        int32_t wide;
                        int16_t narrow;
                        memcpy(&wide, from + 4 * i, plan->y_lc ? 0 : sizeof wide);
                        memcpy(&narrow, from + 2 * i, plan->y_lc ? sizeof narrow : 0);
                        output[(per_step ? s * steps + t : s) * width + i] =
                            plan->y_lc ? narrow : wide;
                    }
                    if (per_step || t + 1 == steps)
                        from += (size_t)mr_plan_words((int)width, plan->y_lc) * data->y_bytes;
                    output += sequences * mr_output_numbers(n, o, steps);
                }
            }
}

#endif
