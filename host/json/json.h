// SPDX-License-Identifier: Apache-2.0
// A network described in JSON, with its weights in safetensors files (docs/json-models.md). It
// becomes an ONNX graph, so that one reader makes the operators of the network, and one evaluator
// checks them.
#ifndef MR_JSON_H
#define MR_JSON_H

#include "onnx.h"

// Reads the text of a file; the files of its weights are looked for from the file's own folder.
// own: a user's own cells, which must stay as long as what is opened; may be NULL. NULL with a
// sentence in error. Free with mr_onnx_close.
struct mr_onnx *mr_json_open(const void *text, size_t size, const char *path,
                             const struct mr_own_cells *own, char *error, size_t error_size);

// The same of a network that may be yet to be trained: where the text has no weights they are 0,
// and *blank is true.
struct mr_onnx *mr_json_open_blank(const void *text, size_t size, const char *path, bool *blank,
                                   char *error, size_t error_size);

// The same without files: `weights` stands for each that the text names, and name for the file in
// messages.
struct mr_onnx *mr_json_open_memory(const void *text, size_t size, const char *name,
                                    const void *weights, size_t weights_size,
                                    const struct mr_own_cells *own, char *error, size_t error_size);

#endif
