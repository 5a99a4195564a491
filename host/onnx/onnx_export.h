// SPDX-License-Identifier: Apache-2.0
// Export of a network to ONNX, in float32, for ONNX Runtime, PyTorch and mr_onnx_open.
#ifndef MR_ONNX_EXPORT_H
#define MR_ONNX_EXPORT_H

#include "graph.h"

#include <stddef.h>

// A network with float weights as the bytes of an ONNX file (opset 17), to be freed. Its input is
// [N, T, F], or of tokens [N, T] of int64; outputs are [N, T, width] or [N, width], by the names of
// the network. NULL with a sentence that names the operator: a user's own cell, states that are not
// zero at the start, lengths, an encoder, casts of outputs.
unsigned char *mr_onnx_export(const struct mr_network *network, size_t *size, char *error,
                              size_t error_size);
// The same to a file, which appears atomically. 0, or -1 with a sentence.
int mr_onnx_write(const struct mr_network *network, const char *path, char *error,
                  size_t error_size);

#endif
