// SPDX-License-Identifier: Apache-2.0
// What the library's own files see of an open model.
#ifndef MR_MODEL_HANDLE_H
#define MR_MODEL_HANDLE_H

#include "accuracy.h"
#include "graph.h"
#include "millrace.h"

// Are the options of an import possible? -1 with a sentence.
int mr_import_check(const struct mr_import_options *options, char *error, size_t error_size);

// The two halves of mr_import_with, whose options have been checked: a model that is not in a file
// yet, and writing it.
struct mr_model *mr_model_import(const char *onnx_path, const struct mr_import_options *options,
                                 struct mr_error *error);
int mr_model_save(const struct mr_model *model, const char *path, struct mr_error *error);

struct mr_accuracy_info mr_accuracy_info_of(const struct mr_accuracy *accuracy);

const struct mr_network *mr_model_network(const struct mr_model *model);
// [MR_MODEL_IDENTITY], of model.h.
const unsigned char *mr_model_identity(const struct mr_model *model);

#endif
