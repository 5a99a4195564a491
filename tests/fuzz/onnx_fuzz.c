// SPDX-License-Identifier: Apache-2.0
// Fuzzes the ONNX import; an accepted network is quantised too.
#include "fuzz.h"
#include "onnx.h"
#include "quantise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mr_network network;
    struct mr_quantised quantised;
    char error[256];

    if (mr_onnx_parse(data, size, "fuzz", &network, error, sizeof error) != 0)
        return 0;
    if (mr_quantise(&network, NULL, 0, &quantised, error, sizeof error) == 0) {
        if (mr_quantised_check(&quantised, "fuzz", error, sizeof error) != 0)
            __builtin_trap(); // what the quantiser makes must keep its own promises
        mr_quantised_free(&quantised);
    }
    mr_network_free(&network);
    return 0;
}
