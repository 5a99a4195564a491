// SPDX-License-Identifier: Apache-2.0
// An ONNX graph while it is made. What cannot be had for want of memory is told by `failed`, at the
// end; until then everything may be called.
#ifndef MR_JSON_BUILD_H
#define MR_JSON_BUILD_H

#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct desc_block;

struct desc_build {
    struct desc_block *blocks; // all memory
    bool failed;
    Onnx__GraphProto graph;
    size_t node_room, constant_room;
    const char *path; // names the nodes that are added
    size_t values;    // names given
    char *own_domain; // that of a user's own cells
};

void desc_build_start(struct desc_build *b, const char *name);
void desc_build_free(struct desc_build *b);
// The bytes of a file, to be freed; NULL when memory is short.
unsigned char *desc_build_pack(struct desc_build *b, size_t *size);

// A name for a value that has none; of this and all other calls that give a name "" where memory is
// short.
const char *desc_value(struct desc_build *b);
// Input or output; dims: [rank], 0 for one that is open, with the letter that names it.
void desc_put_input(struct desc_build *b, const char *name, int type, const char *letters,
                    const int64_t *dims);
void desc_put_output(struct desc_build *b, const char *name);

// Adds a node with these inputs, up to a NULL, which gives `output`.
Onnx__NodeProto *desc_put(struct desc_build *b, const char *type, const char *const *inputs,
                          const char *output);
// The same of a node of two inputs and one output, which gets a name.
const char *desc_put2(struct desc_build *b, const char *type, const char *first,
                      const char *second);
// Another output of a node.
void desc_more(struct desc_build *b, Onnx__NodeProto *node, const char *output);
void desc_int(struct desc_build *b, Onnx__NodeProto *node, const char *name, int64_t value);
void desc_ints(struct desc_build *b, Onnx__NodeProto *node, const char *name, size_t count,
               const int64_t *values);
void desc_float(struct desc_build *b, Onnx__NodeProto *node, const char *name, double value);
void desc_floats(struct desc_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                 const double *values);
void desc_text(struct desc_build *b, Onnx__NodeProto *node, const char *name, const char *value);
void desc_texts(struct desc_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                const char *const *values);

// Constants; their names. data is taken over, and freed with all else; NULL is no memory.
const char *desc_constant(struct desc_build *b, int rank, const int64_t *dims, double *data);
const char *desc_wholes(struct desc_build *b, size_t count, const int64_t *values);
// A whole number of no axes.
const char *desc_whole(struct desc_build *b, int64_t value);
const char *desc_real(struct desc_build *b, double value);

#endif
