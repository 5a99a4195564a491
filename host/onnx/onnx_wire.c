// SPDX-License-Identifier: Apache-2.0
// Guards protobuf-c against hostile files: it recurses as deep as the file says and allocates
// hundreds of bytes for an empty message of two, so depth and memory are bounded here.
#include "onnx_wire.h"

#include "file.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { MAX_DEPTH = 32 };

struct cursor {
    const uint8_t *at, *end;
};

static bool varint(struct cursor *c, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < 70 && c->at < c->end; shift += 7) {
        uint8_t byte = *c->at++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

// False when a message is cut off or messages are nested deeper than any honest file has them.
static bool walk(const ProtobufCMessageDescriptor *message, struct cursor c, int depth) {
    if (depth > MAX_DEPTH)
        return false;
    while (c.at < c.end) {
        uint64_t tag, length = 0;
        if (!varint(&c, &tag))
            return false;
        switch (tag & 7) {
        case 0:
            if (!varint(&c, &length))
                return false;
            length = 0;
            break;
        case 1:
            length = 8;
            break;
        case 2:
            if (!varint(&c, &length))
                return false;
            break;
        case 5:
            length = 4;
            break;
        default:
            return false;
        }
        if (length > (uint64_t)(c.end - c.at))
            return false;
        const ProtobufCFieldDescriptor *field =
            tag >> 3 <= UINT32_MAX
                ? protobuf_c_message_descriptor_get_field(message, (unsigned)(tag >> 3))
                : NULL;
        if ((tag & 7) == 2 && field && field->type == PROTOBUF_C_TYPE_MESSAGE &&
            !walk(field->descriptor, (struct cursor){c.at, c.at + length}, depth + 1))
            return false;
        c.at += length;
    }
    return true;
}

static void *allocate(void *data, size_t size) {
    struct onnx_wire *wire = data;

    if (size > wire->budget)
        return NULL;
    wire->budget -= size;
    return malloc(size ? size : 1);
}

static void release(void *data, void *pointer) {
    (void)data;
    free(pointer);
}

Onnx__ModelProto *onnx_wire_decode(struct onnx_wire *wire, const void *data, size_t size,
                                   const char *name, char *error, size_t error_size) {
    struct cursor all = {data, (const uint8_t *)data + size};

    wire->allocator = (ProtobufCAllocator){allocate, release, wire};
    wire->budget = 8 * size + ((size_t)1 << 22);
    if (size == 0 || !walk(&onnx__model_proto__descriptor, all, 0)) {
        mr_fail(error, error_size, "%s is not an ONNX file, or it is damaged or cut off", name);
        return NULL;
    }
    Onnx__ModelProto *model = onnx__model_proto__unpack(&wire->allocator, size, data);
    if (!model)
        mr_fail(error, error_size,
                "%s is not an ONNX file, is damaged, or needs far more memory than its size", name);
    return model;
}

void onnx_wire_free(struct onnx_wire *wire, Onnx__ModelProto *model) {
    onnx__model_proto__free_unpacked(model, &wire->allocator);
}
