// SPDX-License-Identifier: Apache-2.0
// An ONNX file with its names resolved: what the two readers of a graph share, the one that
// follows what it means (onnx_parts.h) and the one that computes what it says (onnx_eval.h).
#ifndef MR_ONNX_GRAPH_H
#define MR_ONNX_GRAPH_H

#include "graph.h"
#include "onnx_ops.h"
#include "onnx_wire.h"
#include "own_cells.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ONNX_RANK = 8, ONNX_INTS = 32, ONNX_VALUES = 65536 };

// Types of tensors beside those of ONNX: numbers of the symbols (onnx_symbols.h) that stand for
// what a run will know, and lists of tensors.
enum { ONNX_SYMBOLS = 1001, ONNX_SEQUENCE = 1002 };

// The numbers of one or more tensors; counted, so that a reshaped tensor shares them.
struct onnx_buffer {
    size_t uses, bytes;
    size_t *budget; // what is left to allocate
    max_align_t data[];
};

// A tensor whose numbers are known. Real types are kept as double, whole ones and bool as int64.
struct onnx_tensor {
    int type; // of ONNX; 0: there is no tensor
    int rank;
    int64_t dims[ONNX_RANK];
    size_t count;
    struct onnx_buffer *buffer;
    union {
        double *real;
        int64_t *whole;
        struct onnx_tensor *items; // [count] of a sequence
    };
};

// Memory of a graph, in a list.
struct onnx_memory {
    struct onnx_memory *next;
    max_align_t data[];
};

struct onnx_graph {
    const char *file;   // its name, for messages
    const char *folder; // where its external data lies; NULL: nowhere
    char *error;
    size_t error_size;
    struct onnx_wire wire;
    Onnx__ModelProto *model;
    const Onnx__GraphProto *g;
    Onnx__GraphProto inlined;         // the same with the nodes of its functions
    struct onnx_graph *outer;         // whose node has it as its body, or NULL
    struct onnx_graph *bodies, *next; // those of its own nodes that were needed, in a list
    struct onnx_memory *memory;
    int64_t opset;                   // version of the operators of ONNX itself, 0 if not said
    const Onnx__NodeProto *node;     // the one at hand
    const struct onnx_operator *row; // its row, or NULL
    size_t node_index;
    const char **names; // of the values
    bool *needed;       // by the outputs
    size_t value_count, value_limit;
    size_t input_end; // values before this are initialisers, then inputs; others are computed
    int32_t *slots;   // hash of names: index of the value, or -1
    size_t slot_count;
    struct onnx_tensor *constants; // of the values; type 0 where it is no constant
    bool *of_lengths;              // of the values: an input from which lengths of sequences come
    bool *uncut;                   // of the values: quantised, but not cut below its range
    size_t budget;                 // bytes that tensors may still take
    size_t external;               // bytes read from other files
    char **files;                  // [file_count] these files
    size_t file_count;
    int input;                   // the value that the network reads
    int outputs[MR_MAX_OUTPUTS]; // [output_count] values
    int output_count;
    // Of an encoder: its outputs are states, and stay. Of a decoder: its states are inputs, of
    // which operators of the network start; and they have numbers of their own to check it with.
    bool gives_states, takes_states, tries_states;
    struct onnx_state {
        int op, field, value;
    } states[2 * MR_MAX_LAYERS];
    int state_count;
    const struct mr_own_cells *own; // a user's own, or NULL
    struct onnx_cell *own_rows;     // [own->count] of onnx_recurrent.c, NULL before the first use
    char notes[1600];               // sentences, each with a newline behind it
};

// Number `index` of a state, not counted along the batch, that a decoder is checked with.
static inline double onnx_trial_state(int value, size_t index) {
    const unsigned bits =
        ((unsigned)value * 2654435761u + (unsigned)index * 40503u + 7u) * 2246822519u;

    return (double)(bits >> 16) / 65536 * 1.8 - 0.9;
}

// Opens the bytes of a file: names, needed values, and the constants that are needed.
int onnx_graph_open(struct onnx_graph *graph, const void *data, size_t size);
// Names, needed values and constants of graph->g.
int onnx_graph_index(struct onnx_graph *graph);
void onnx_graph_close(struct onnx_graph *graph);
// Memory that lives as long as the graph; NULL with a sentence.
void *onnx_allocate(struct onnx_graph *graph, size_t size);

// The body of a node, Loop, Scan or If, as a graph of its own; NULL with a sentence.
struct onnx_graph *onnx_body(struct onnx_graph *graph, const char *attribute);
// Calls use for each value of the graph that the bodies of a node read.
void onnx_body_uses(struct onnx_graph *graph, const Onnx__NodeProto *node,
                    void (*use)(struct onnx_graph *graph, int value, void *data), void *data);

// The value of that name, or -1; "" is nobody's name.
int onnx_find(const struct onnx_graph *graph, const char *name);
// The value that an input or output of the current node is, or -1 when it is left out.
int onnx_input_index(const struct onnx_graph *graph, size_t index);
int onnx_output_index(const struct onnx_graph *graph, size_t index);
// Makes a node the current one. Is anything that it makes needed?
bool onnx_select(struct onnx_graph *graph, size_t node);
bool onnx_is(const struct onnx_graph *graph, const char *operator_type);
bool onnx_has(const struct onnx_graph *graph, enum onnx_trait trait);
// An LSTM of this program's own domain, with a projection (onnx_projection.c).
bool onnx_is_own(const Onnx__NodeProto *node);
// The user's own cell that the current node is, or NULL.
const struct mr_own_cell *onnx_own_cell(const struct onnx_graph *graph);

// Marks what the outputs of graph->g need, in graph->needed.
void onnx_mark_needed(struct onnx_graph *graph);
// Marks the nodes that recurrent operators need, and these: leads [n_node], all false. -1 with a
// sentence.
int onnx_mark_leading(struct onnx_graph *graph, bool *leads);

// The current node's name, else what it makes, else its place; text is for the latter.
const char *onnx_node_name(const struct onnx_graph *graph, char *text, size_t size);

// What the file says of the network's input, NULL when there is none.
const Onnx__ValueInfoProto *onnx_input_info(const struct onnx_graph *graph);
// The size that the file gives an axis of the input; 0 when it leaves it open.
int64_t onnx_fixed_size(const Onnx__TensorShapeProto__Dimension *axis);

// A sentence about the file; one that begins with the current node. Both return -1.
int onnx_fail_file(struct onnx_graph *graph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int onnx_fail(struct onnx_graph *graph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// A sentence for the user about a file that is taken.
void onnx_note(struct onnx_graph *graph, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Attributes of the current node; fallback when absent or of another type.
const Onnx__AttributeProto *onnx_attribute(const struct onnx_graph *graph, const char *name);
int64_t onnx_int(const struct onnx_graph *graph, const char *name, int64_t fallback);
float onnx_float(const struct onnx_graph *graph, const char *name, float fallback);

// Turns a negative axis into a positive one and checks it.
int onnx_axis(struct onnx_graph *graph, int64_t axis, int rank, int *result);

// onnx_tensor.c
const char *onnx_type_name(int type); // NULL for types that are not read
bool onnx_is_real(int type);
// A number as the type keeps it: float16 and bfloat16 round to nearest even.
double onnx_round(int type, double number);
// Sets type and shape and allocates; -1 without a sentence when the budget is spent or a size is
// impossible.
int onnx_tensor_create(struct onnx_tensor *tensor, int type, int rank, const int64_t *dims,
                       size_t *budget);
void onnx_tensor_free(struct onnx_tensor *tensor);
// Another user of the same numbers.
struct onnx_tensor onnx_tensor_share(const struct onnx_tensor *tensor);
// How many elements a shape has; false when that, or any part of it, is no possible number.
bool onnx_shape_count(int rank, const int64_t *dims, size_t *count);
double onnx_number(const struct onnx_tensor *tensor, size_t index);
bool onnx_all_zero(const struct onnx_tensor *tensor);
// Decodes a tensor of the file, also from a file beside it.
int onnx_decode(struct onnx_graph *graph, const Onnx__TensorProto *from, struct onnx_tensor *to);

// onnx_inline.c: the graph with the nodes of the functions that it calls in their place
int onnx_inline(struct onnx_graph *graph);
// onnx_branch.c: the graph with a Squeeze in the place of each If that only squeezes
int onnx_take_branches(struct onnx_graph *graph);

// onnx_external.c: the bytes of a tensor that is kept in another file; free them with free.
int onnx_external(struct onnx_graph *graph, const Onnx__TensorProto *tensor, size_t bytes,
                  unsigned char **data);
// Keeps the name of a file that was read, which is then the graph's; false when memory is short.
bool onnx_keep_file(struct onnx_graph *graph, char *path);

#endif
