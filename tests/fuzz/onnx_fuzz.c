// SPDX-License-Identifier: Apache-2.0
// Fuzzes the ONNX import; an accepted network is compared with the graph, and quantised too.
#include "fuzz.h"
#include "onnx.h"
#include "quantise.h"

#include <string.h>

// As the decoder of an encoder, whose states are given. (Of a file that fixes all axes of a state
// nobody knows which one is the batch's, so what is computed may differ.)
static void read_decoder(const uint8_t *data, size_t size) {
    struct mr_network network;
    char error[1024];
    struct mr_onnx *onnx = mr_onnx_open_memory(data, size, "fuzz", error, sizeof error);

    if (!onnx)
        return;
    mr_onnx_be_decoder(onnx);
    if (mr_onnx_network(onnx, &network, error, sizeof error) == 0) {
        if (mr_onnx_try_states(onnx, &network) == 0)
            mr_onnx_verify(onnx, &network, 1 << 20, error, sizeof error);
        mr_network_free(&network);
    }
    mr_onnx_close(onnx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mr_network network;
    char error[1024];
    struct mr_onnx *onnx = mr_onnx_open_memory(data, size, "fuzz", error, sizeof error);

    if (!onnx)
        return 0;
    if (size % 4 == 0)
        read_decoder(data, size);
    if (mr_onnx_network(onnx, &network, error, sizeof error) == 0) {
        // What was understood must be what the graph computes, where that is small enough.
        if (mr_onnx_verify(onnx, &network, 1 << 20, error, sizeof error) != 0 &&
            strstr(error, "error of this program"))
            __builtin_trap();
        // What the quantiser makes must keep its own promises.
        if (mr_quantise(&network, NULL, NULL, error, sizeof error) == 0 &&
            mr_quantised_check(&network, "fuzz", error, sizeof error) != 0)
            __builtin_trap();
        mr_network_free(&network);
    }
    mr_onnx_close(onnx);
    return 0;
}
