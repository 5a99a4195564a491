// SPDX-License-Identifier: Apache-2.0
// What the library's own files see of an open model.
#ifndef MR_MODEL_HANDLE_H
#define MR_MODEL_HANDLE_H

#include "millrace.h"
#include "plan.h"
#include "quantise.h"

const struct mr_quantised *mr_model_quantised(const struct mr_model *model);
const struct mr_shape *mr_model_shape(const struct mr_model *model);

#endif
