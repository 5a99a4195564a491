// SPDX-License-Identifier: Apache-2.0
// An ONNX graph while it is made. What cannot be had for want of memory is told by `failed`, at the
// end; until then everything may be called.
#ifndef MR_JSON_BUILD_H
#define MR_JSON_BUILD_H

#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_block;

struct net_build {
    struct net_block *blocks; // all memory
    bool failed;
    Onnx__GraphProto graph;
    size_t node_room, constant_room;
    const char *path; // names the nodes that are added
    size_t values;    // names given
    char *own_domain; // that of a user's own cells
};

void net_build_start(struct net_build *b, const char *name);
void net_build_free(struct net_build *b);
// The bytes of a file, to be freed; NULL when memory is short.
unsigned char *net_build_pack(struct net_build *b, size_t *size);

// A name for a value that has none; of this and all other calls that give a name "" where memory is
// short.
const char *net_value(struct net_build *b);
// Input or output; dims: [rank], 0 for one that is open, with the letter that names it.
void net_put_input(struct net_build *b, const char *name, int type, const char *letters,
                   const int64_t *dims);
void net_put_output(struct net_build *b, const char *name);

// Adds a node with these inputs, up to a NULL, which gives `output`.
Onnx__NodeProto *net_put(struct net_build *b, const char *type, const char *const *inputs,
                         const char *output);
// The same of a node of two inputs and one output, which gets a name.
const char *net_put2(struct net_build *b, const char *type, const char *first, const char *second);
// Another output of a node.
void net_more(struct net_build *b, Onnx__NodeProto *node, const char *output);
void net_int(struct net_build *b, Onnx__NodeProto *node, const char *name, int64_t value);
void net_ints(struct net_build *b, Onnx__NodeProto *node, const char *name, size_t count,
              const int64_t *values);
void net_float(struct net_build *b, Onnx__NodeProto *node, const char *name, double value);
void net_floats(struct net_build *b, Onnx__NodeProto *node, const char *name, size_t count,
                const double *values);
void net_text(struct net_build *b, Onnx__NodeProto *node, const char *name, const char *value);
void net_texts(struct net_build *b, Onnx__NodeProto *node, const char *name, size_t count,
               const char *const *values);

// Constants; their names. data is taken over, and freed with all else; NULL is no memory.
const char *net_constant(struct net_build *b, int rank, const int64_t *dims, double *data);
const char *net_wholes(struct net_build *b, size_t count, const int64_t *values);
// A whole number of no axes.
const char *net_whole(struct net_build *b, int64_t value);
const char *net_real(struct net_build *b, double value);

#endif
