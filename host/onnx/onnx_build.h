// SPDX-License-Identifier: Apache-2.0
// An ONNX graph while it is made. What cannot be had for want of memory is told by `failed`, at the
// end; until then everything may be called.
#ifndef MR_ONNX_BUILD_H
#define MR_ONNX_BUILD_H

#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct onnx_build_block;

struct onnx_build {
    struct onnx_build_block *blocks; // all memory
    bool failed;
    Onnx__GraphProto graph;
    size_t node_room, constant_room;
    const char *path; // names the nodes that are added
    size_t values;    // names given
    char *own_domain; // that of a user's own cells
};

void onnx_build_start(struct onnx_build *b, const char *name);
void onnx_build_free(struct onnx_build *b);
// The bytes of a file, to be freed; NULL when memory is short.
unsigned char *onnx_build_pack(struct onnx_build *b, size_t *size);

// A name for a value that has none; of this and all other calls that give a name "" where memory is
// short.
const char *onnx_build_value(struct onnx_build *b);
// Input or output; dims: [rank], 0 for one that is open, with the letter that names it. An output
// without letters has no shape.
void onnx_build_input(struct onnx_build *b, const char *name, int type, const char *letters,
                      const int64_t *dims);
void onnx_build_output(struct onnx_build *b, const char *name, const char *letters,
                       const int64_t *dims);

// Adds a node with these inputs, up to a NULL, which gives `output`.
Onnx__NodeProto *onnx_build_node(struct onnx_build *b, const char *type, const char *const *inputs,
                                 const char *output);
// The same of a node of two inputs and one output, which gets a name.
const char *onnx_build_pair(struct onnx_build *b, const char *type, const char *first,
                            const char *second);
// Another output of a node.
void onnx_build_more(struct onnx_build *b, Onnx__NodeProto *node, const char *output);
void onnx_build_int(struct onnx_build *b, Onnx__NodeProto *node, const char *name, int64_t value);
void onnx_build_ints(struct onnx_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                     const int64_t *values);
void onnx_build_float(struct onnx_build *b, Onnx__NodeProto *node, const char *name, double value);
void onnx_build_floats(struct onnx_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                       const double *values);
void onnx_build_text(struct onnx_build *b, Onnx__NodeProto *node, const char *name,
                     const char *value);
void onnx_build_texts(struct onnx_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                      const char *const *values);

// Constants; their names. data is taken over, and freed with all else; NULL is no memory.
const char *onnx_build_constant(struct onnx_build *b, int rank, const int64_t *dims, double *data);
const char *onnx_build_wholes(struct onnx_build *b, size_t count, const int64_t *values);
// The same of float32, which is copied.
const char *onnx_build_tensor(struct onnx_build *b, int rank, const int64_t *dims,
                              const float *data);
// A whole number of no axes.
const char *onnx_build_whole(struct onnx_build *b, int64_t value);
const char *onnx_build_real(struct onnx_build *b, double value);

#endif
