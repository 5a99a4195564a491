// SPDX-License-Identifier: Apache-2.0
// What the kernel's header (train_engine/shape.h) says of a shape, for one that is known at run
// time only: its macros, of the fields of a `shape` that is in scope. For host/train/train_plan.c
// and train_memory.c.
#ifndef MR_TRAIN_SHAPE_OF_PLAN_H
#define MR_TRAIN_SHAPE_OF_PLAN_H

#include "train_plan.h"

extern const struct mr_train_cell_form {
    const char *name; // of the kernel's header; NULL: there is none
    int gates, sums, kept, reset, has_state;
    int sigmoids, tanhs; // that a column's cell looks up at once
} mr_train_cells[];

// Not macros: an expression of one within the other would be written out a thousand times.
int64_t mr_train_max_units(const struct mr_train_shape *shape);
int64_t mr_train_turns(const struct mr_train_shape *shape);

static inline int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline int64_t less(int64_t a, int64_t b) {
    return a < b ? a : b;
}

#define TRAIN_MAX greater
#define TRAIN_MIN less
#define TRAIN_GATES mr_train_cells[shape->cell].gates
#define TRAIN_SUMS mr_train_cells[shape->cell].sums
#define TRAIN_RESET mr_train_cells[shape->cell].reset
#define TRAIN_LAYERS shape->layers
#define TRAIN_WIDTH_0 shape->width[0]
#define TRAIN_WIDTH_1 shape->width[1]
#define TRAIN_WIDTH_2 shape->width[2]
#define TRAIN_WIDTH_3 shape->width[3]
#define TRAIN_WIDTH_4 shape->width[4]
#define TRAIN_WIDTH_5 shape->width[5]
#define TRAIN_WIDTH_6 shape->width[6]
#define TRAIN_WIDTH_7 shape->width[7]
#define TRAIN_WIDTH_8 shape->width[8]
#define TRAIN_WIDTH_9 shape->width[9]
#define TRAIN_WIDTH_10 shape->width[10]
#define TRAIN_WIDTH_11 shape->width[11]
#define TRAIN_WIDTH_12 shape->width[12]
#define TRAIN_WIDTH_13 shape->width[13]
#define TRAIN_WIDTH_14 shape->width[14]
#define TRAIN_WIDTH_15 shape->width[15]
#define TRAIN_WIDTH_16 shape->width[16]
#define TRAIN_OUTPUTS shape->outputs
#define TRAIN_LC (int64_t) shape->lc
#define TRAIN_NB shape->nb
#define TRAIN_BATCH shape->batch
#define TRAIN_STEPS (int64_t) shape->steps
#define TRAIN_LOSS ((int)shape->loss)
#define TRAIN_PER_STEP shape->per_step
#define TRAIN_CLIP shape->clips
#define TRAIN_DROPOUT shape->drops
#define TRAIN_PORT shape->port
#define TRAIN_MAX_UNITS mr_train_max_units(shape)
#define TRAIN_TURNS mr_train_turns(shape)
#include "train_engine/shape.h"

#endif
