// SPDX-License-Identifier: Apache-2.0
// What the library's own files see of an open model.
#ifndef MR_MODEL_HANDLE_H
#define MR_MODEL_HANDLE_H

#include "graph.h"
#include "millrace.h"

// The two halves of mr_import_with: a model that is not in a file yet, and writing it.
struct mr_model *mr_model_import(const char *onnx_path, const struct mr_import_options *options,
                                 struct mr_error *error);
int mr_model_save(const struct mr_model *model, const char *path, struct mr_error *error);

const struct mr_network *mr_model_network(const struct mr_model *model);
// [MR_MODEL_IDENTITY], of model.h.
const unsigned char *mr_model_identity(const struct mr_model *model);

#endif
