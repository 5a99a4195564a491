// SPDX-License-Identifier: Apache-2.0
// What the stages of a training engine's loops take beside the cycles of its shape (train_plan.h),
// from the report that hlsc writes of its source: with them the cycles of a run are exact.
#ifndef MR_TRAIN_STAGES_H
#define MR_TRAIN_STAGES_H

#include "train_plan.h"

// Of a run that learns, and of one that predicts: as many for every number of steps.
struct mr_train_stages {
    uint64_t first; // of a run, with its first mini-batch
    uint64_t more;  // of each mini-batch behind that
};
struct mr_train_run_stages {
    struct mr_train_stages learns, predicts;
};

// Run `index` that hlsc's report must tell (its option --sample), in text; NULL past the end.
const char *mr_train_sample(size_t index, char *text, size_t size);

// From report.json of such an engine. MR_ERROR_BUILD with a sentence: it does not tell these runs.
int mr_train_stages_of(const struct mr_train_shape *shape, const char *report,
                       struct mr_train_run_stages *stages, struct mr_error *error);

// Cycles of a run of so many mini-batches that nothing holds up.
uint64_t mr_train_run_cycles(const struct mr_train_shape *shape,
                             const struct mr_train_run_stages *stages, int steps, size_t batches,
                             bool learns);

#endif
