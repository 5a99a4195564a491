// SPDX-License-Identifier: Apache-2.0
// What tests ask of the trainer in whole numbers.
#ifndef MR_INT_TRAINER_H
#define MR_INT_TRAINER_H

#include "int_model.h"

// Goes on with another engine, the first one whose name this is; -1 where there is none, it does
// not work here, or memory is short.
int mr_int_use(void *trainer, const char *engine);
struct mr_int_model *mr_int_model_of(void *trainer);

#endif
