// SPDX-License-Identifier: Apache-2.0
// Decodes an ONNX file with protobuf-c, after a look at its nesting and within a memory budget.
#ifndef MR_ONNX_WIRE_H
#define MR_ONNX_WIRE_H

#include "onnx.pb-c.h"

#include <stddef.h>

struct onnx_wire {
    ProtobufCAllocator allocator;
    size_t budget;
};

// NULL with a sentence when the bytes are no ONNX model. wire must stay until the free.
Onnx__ModelProto *onnx_wire_decode(struct onnx_wire *wire, const void *data, size_t size,
                                   const char *name, char *error, size_t error_size);

void onnx_wire_free(struct onnx_wire *wire, Onnx__ModelProto *model);

#endif
