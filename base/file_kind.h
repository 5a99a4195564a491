// SPDX-License-Identifier: Apache-2.0
// Which kind of file somebody gave, so that a wrong one is refused with what would help.
#ifndef MR_FILE_KIND_H
#define MR_FILE_KIND_H

#include "file.h"

// Checks for mr_file_read_checked: each refuses files that are known to be of another kind, and
// empty ones.
mr_file_check mr_check_model_file;   // .millrace
mr_file_check mr_check_network_file; // ONNX, or a description in JSON
mr_file_check mr_check_weights_file; // safetensors
mr_file_check mr_check_array_file;   // .npy, or text

// Is it a folder in which some program keeps a network? -1 with a sentence that says what would do.
int mr_check_network_folder(const char *path, char *error, size_t error_size);

// Is the network file, by its first bytes, a description in JSON?
bool mr_is_json(const unsigned char *head, size_t size);
// Is a file a model of this program, by its first bytes?
bool mr_is_model(const unsigned char *head, size_t size);

#endif
