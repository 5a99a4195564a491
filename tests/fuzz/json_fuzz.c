// SPDX-License-Identifier: Apache-2.0
// Fuzzes the import of a description in JSON: its text, a zero byte, its weights. What is accepted
// must be what the graph that it became computes.
#include "fuzz.h"
#include "json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    const size_t text = zero ? (size_t)(zero - data) : size, behind = zero ? size - text - 1 : 0;
    struct mr_network network;
    char error[1024];
    struct mr_onnx *onnx = mr_json_open_memory(data, text, "fuzz", zero ? zero + 1 : data, behind,
                                               NULL, error, sizeof error);

    if (!onnx)
        return 0;
    if (mr_onnx_network(onnx, &network, error, sizeof error) == 0) {
        if (mr_onnx_verify(onnx, &network, 1 << 20, error, sizeof error) != 0 &&
            strstr(error, "error of this program"))
            __builtin_trap();
        mr_network_free(&network);
    }
    mr_onnx_close(onnx);
    return 0;
}
