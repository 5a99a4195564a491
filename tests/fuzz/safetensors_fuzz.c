// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of safetensors files; every byte of an accepted tensor is touched.
#include "fuzz.h"
#include "safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mr_safetensors file;
    char error[256];
    volatile unsigned sum = 0;

    if (mr_safetensors_parse(data, size, "fuzz", &file, error, sizeof error) != 0)
        return 0;
    for (size_t i = 0; i < file.tensor_count; i++) {
        const struct mr_tensor *t = &file.tensors[i];
        for (size_t k = 0; k < t->count * mr_dtype_size(t->dtype); k++)
            sum += ((const uint8_t *)t->data)[k];
    }
    mr_safetensors_free(&file);
    return 0;
}
