// SPDX-License-Identifier: Apache-2.0
// Import of LSTM networks from ONNX files as PyTorch exports them.
#ifndef MR_ONNX_H
#define MR_ONNX_H

#include "network.h"

#include <stddef.h>

// Reads a network of LSTM layers and one dense head on the last step. Anything else in the graph
// is refused in a sentence that names the node. The network is to be freed by mr_network_free.
int mr_onnx_read(const char *path, struct mr_network *network, char *error, size_t error_size);

// The same from memory; name stands for the file in messages and becomes the network's name.
int mr_onnx_parse(const void *data, size_t size, const char *name, struct mr_network *network,
                  char *error, size_t error_size);

#endif
