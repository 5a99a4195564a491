// SPDX-License-Identifier: Apache-2.0
#include "int_take.h"

#include "failure.h"
#include "int_numbers.h"

#include <math.h>

// x of a mini-batch, by parts of its sequences.
struct taking {
    const float *x;
    size_t sequences, steps, inputs;
    float scale;
    int16_t *to;
    size_t parts;
    double greatest[MR_INT_TAKERS]; // of each part
};

static void run(struct taking *taking, struct mr_workers *workers,
                void (*work)(void *context, size_t part, size_t worker)) {
    const size_t count = workers ? mr_workers_count(workers) : 1;

    taking->parts = count < MR_INT_TAKERS ? count : MR_INT_TAKERS;
    if (taking->parts > 1)
        mr_workers_run(workers, taking->parts, work, taking);
    else
        work(taking, 0, 0);
}

static size_t first_of(const struct taking *taking, size_t part) {
    return taking->sequences * part / taking->parts;
}

static void find_greatest(void *context, size_t part, size_t worker) {
    struct taking *taking = context;
    const size_t row = taking->steps * taking->inputs, first = first_of(taking, part);

    (void)worker;
    taking->greatest[part] =
        mr_int_greatest(taking->x + first * row, (first_of(taking, part + 1) - first) * row);
}

double mr_int_greatest_x(const struct mr_int_model *model, const float *x, size_t sequences,
                         size_t steps, struct mr_workers *workers) {
    struct taking taking = {
        .x = x, .sequences = sequences, .steps = steps, .inputs = (size_t)model->chain.inputs};
    double most = 0;

    run(&taking, workers, find_greatest);
    for (size_t i = 0; i < taking.parts; i++)
        most = fmax(most, taking.greatest[i]);
    return most;
}

static void take_part(void *context, size_t part, size_t worker) {
    const struct taking *taking = context;
    const size_t inputs = taking->inputs, steps = taking->steps;

    (void)worker;
    for (size_t b = first_of(taking, part); b < first_of(taking, part + 1); b++)
        for (size_t t = 0; t < steps; t++)
            mr_int_whole_row(taking->x + (b * steps + t) * inputs, inputs, taking->scale,
                             taking->to + (t * taking->sequences + b) * inputs);
}

void mr_int_take_x(const struct mr_int_model *model, const float *x, size_t sequences, size_t steps,
                   int16_t *to, struct mr_workers *workers) {
    struct taking taking = {.x = x,
                            .sequences = sequences,
                            .steps = steps,
                            .inputs = (size_t)model->chain.inputs,
                            .scale = ldexpf(1, 15 - model->layers[0].x_unit),
                            .to = to};

    run(&taking, workers, take_part);
}

int mr_int_take_targets(const struct mr_int_model *model, const float *y, size_t rows, int32_t *to,
                        struct mr_error *error) {
    const size_t count = rows * (size_t)mr_train_targets(&model->chain, model->options.loss);

    for (size_t k = 0; k < count; k++) {
        if (model->options.loss == MR_TRAIN_CE) {
            if (!(y[k] >= 0 && y[k] < (float)model->outputs && y[k] == floorf(y[k])))
                return mr_failure(error, MR_ERROR_INPUT,
                                  "the target %g is no class: they are whole numbers from 0 to %d",
                                  (double)y[k], model->outputs - 1);
            to[k] = (int32_t)y[k];
        } else {
            to[k] = mr_int_whole(y[k], 20 - model->y_unit, (1 << 23) - 1);
        }
    }
    return 0;
}
