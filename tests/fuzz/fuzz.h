// SPDX-License-Identifier: Apache-2.0
// A fuzz target: takes any bytes, must neither crash nor leak.
#ifndef MR_FUZZ_H
#define MR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
