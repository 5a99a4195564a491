// SPDX-License-Identifier: Apache-2.0
// The .millrace file: a safetensors file with the quantised tensors, the float tensors they come
// from, and a description in its metadata.
#ifndef MR_MODEL_H
#define MR_MODEL_H

#include "accuracy.h"
#include "graph.h"
#include "millrace.h"
#include "npy.h"
#include "own_cells.h"

#include <stddef.h>

struct mr_model_data {
    struct mr_network network;
    // How far the integer network is from the float one on the calibration data: of all outputs
    // together, and [mr_network_width] of each number of a row, or NULL.
    struct mr_accuracy accuracy, *output_accuracy;
    // After an import: [source_count] files beside the ONNX file that hold weights.
    char **sources;
    size_t source_count;
};

// Reads an ONNX file, quantises it, and measures the accuracy. calibration may be NULL; it is
// laid out as the file's input, [N, T, F] or [T, N, F], or is one sequence [T, F]. options: of
// mr_import_with, whose calibration is not read here, nor its cells; may be NULL.
int mr_import_onnx(const char *path, const struct mr_array *calibration,
                   const struct mr_import_options *options, struct mr_model_data *model,
                   char *error, size_t error_size);
// The same of a file whose network may have a user's own cells, which must stay as long as the
// model; own may be NULL.
int mr_import_onnx_own(const char *path, const struct mr_own_cells *own,
                       const struct mr_array *calibration, const struct mr_import_options *options,
                       struct mr_model_data *model, char *error, size_t error_size);

// Writes the file atomically.
int mr_model_data_save(const struct mr_model_data *model, const char *path, char *error,
                       size_t error_size);

// Reads a file and checks everything the kernels rely on.
int mr_model_data_load(const char *path, struct mr_model_data *model, char *error,
                       size_t error_size);

// The same of a file whose network may have a user's own cells (own_cells.h), which must stay as
// long as the model; own may be NULL.
int mr_model_data_load_own(const char *path, const struct mr_own_cells *own,
                           struct mr_model_data *model, char *error, size_t error_size);

// The same from memory, without such cells; name stands for the file in messages.
int mr_model_data_parse(const void *data, size_t size, const char *name,
                        struct mr_model_data *model, char *error, size_t error_size);

// What tells a model from others whose state it cannot take: a hash over all that the integers of
// its operators, and so its state, depend on. No part of it are name, accuracy, the float weights,
// name and layout of the file's input, and the outputs: which streams they are, their names and
// casts. 0, or -1 when memory is short.
enum { MR_MODEL_IDENTITY = 16 };
int mr_model_data_identity(const struct mr_model_data *model,
                           unsigned char identity[MR_MODEL_IDENTITY]);

// Everything zero is legal.
void mr_model_data_free(struct mr_model_data *model);

#endif
