// SPDX-License-Identifier: Apache-2.0
// What the files of the JSON import share. The text becomes a list of nodes (json_read.c), which
// says all of the network but its numbers; each node finds its tensors (json_match.c, by the names
// of json_forms.c) and becomes operators of an ONNX graph (json_graph.c).
#ifndef MR_JSON_PARTS_H
#define MR_JSON_PARTS_H

#include "graph.h"
#include "own_cells.h"
#include "safetensors.h"
#include "text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    NET_X = -1, // in the place of a node: the input
    NET_PATH = 96,
    NET_LABEL = 200,
    NET_NODES = 4 * MR_MAX_OPS,
    NET_FUNCTIONS = 3 // of a cell, at most
};

enum net_kind {
    NET_CELL,
    NET_DENSE,
    NET_EMBEDDING,
    NET_LAYER_NORM,
    NET_BATCH_NORM,
    NET_AFFINE, // factor and offset of each feature
    NET_ACTIVATION,
    NET_ADD,
    NET_CONCAT,
    NET_SELECT, // one row of a sequence, or its state
    NET_CLIP,
    NET_ABOVE
};

enum net_select { NET_ALL, NET_LAST, NET_FIRST, NET_MEAN, NET_MAX, NET_STATE, NET_CELL_STATE };

enum net_bias { NET_AS_FOUND, NET_WITH_BIAS, NET_NO_BIAS };

// An activation: a row of the table of json_function.c, and its numbers.
struct net_function {
    const struct net_function_row *row; // NULL: the cell's own
    double alpha, beta;
};

struct net_function_row {
    const char *name; // in JSON
    const char *onnx; // "Affine": of a layer nothing is done
    bool has_alpha, has_beta;
    double alpha, beta; // where nothing is said
    bool in_cells, ends;
};

// A cell of this program. Letters name the gates in the order of PyTorch, Keras and ONNX.
struct net_cell {
    const char *name, *onnx;
    int gates;
    const char *torch, *keras, *order;
    int functions; // for gates, candidate, output, as ONNX has them
};

struct net_form;

struct net_node {
    enum net_kind kind;
    char path[NET_PATH]; // in the text, "layers[1]"
    int input, other;    // nodes
    int inputs, units;   // widths of what it reads and gives
    bool per_step;
    const json_t *weights; // what the text says of them, or NULL
    enum net_bias bias;
    // Of a cell; `units` are those of all directions.
    const struct net_cell *cell;   // NULL: a user's own
    const struct mr_own_cell *own; // or NULL
    int projection;            // numbers of its h, where that is a product with a matrix; else 0
    int hidden, level, levels; // of a stack of equal layers the one from 0
    bool bidirectional, reverse;
    bool coupled;     // the forget gate is one minus the input gate
    bool reset_first; // of a GRU: its reset gate weighs h before the product
    struct net_function functions[NET_FUNCTIONS];
    double clip;       // of its sums; 0: none
    const char *gates; // letters, or NULL
    const json_t *start_h, *start_c;
    // Of others.
    struct net_function function;
    enum net_select select;
    bool affine;                    // a layer normalisation has factors and offsets
    double epsilon;                 // of normalisations
    const json_t *scale, *offset;   // of an affine node: x * scale + offset,
    const json_t *mean, *deviation; // or (x - mean) / deviation
    double low, high;
    // Its tensors: of this form, by this prefix, when the text does not name them one by one.
    const struct net_form *form;
    char *prefix;
    const char *backward; // the prefix of the second direction, where that is another one
    char separator;       // behind the prefix, or 0
    int file_level;       // its level in the file
};

struct net_head {
    const char *name;
    char own_name[16];
    int node;
};

struct net_file {
    char *path;
    struct mr_safetensors tensors;
    bool *used; // [tensor_count]
};

struct net {
    const char *file;   // its name, for messages
    const char *folder; // where its files lie; NULL: `memory` stands for all
    const void *memory;
    size_t memory_size;
    const struct mr_own_cells *own;
    char *error;
    size_t error_size;
    json_t *root;
    // The input.
    const char *input_name;
    int features, tokens; // one of them is 0
    char layout[MR_LAYOUT];
    int steps; // 0: open
    struct net_node *nodes;
    int node_count;
    const char **names; // [NET_NODES] nodes that the text has named, by
    int *named, name_count;
    struct net_head heads[MR_MAX_OUTPUTS];
    int head_count;
    struct net_file *files;
    size_t file_count;
    json_t *index;        // of all their tensors, by name
    struct mr_text notes; // sentences, each with a newline behind it
};

// Numbers of a tensor of a file, or of the text.
struct net_numbers {
    char label[NET_LABEL]; // for messages: "tensor 'fc.weight' of net.safetensors"
    int rank;
    size_t shape[MR_TENSOR_RANK], count;
    double *data; // to be freed
};

// ---- json_keys.c: what stands in the text. Each returns 0, or -1 with a sentence.

// A sentence that begins with a place in the text, "layers[1].hidden".
int net_fail(const struct net *net, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// One about the whole file.
int net_fail_file(const struct net *net, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Has the object no other keys than these? NULL ends the list.
int net_check_keys(const struct net *net, const char *path, const json_t *object,
                   const char *const *known);
// The place of a key in a place.
void net_place(char to[NET_PATH], const char *path, const char *key);
// Members that may be absent, which leaves the value as it is.
int net_get_whole(const struct net *net, const char *path, const json_t *object, const char *key,
                  int low, int high, int *value);
int net_get_real(const struct net *net, const char *path, const json_t *object, const char *key,
                 double low, double high, double *value);
int net_get_bool(const struct net *net, const char *path, const json_t *object, const char *key,
                 bool *value);
// "bias": true, false, or as the weights have it.
int net_get_bias(const struct net *net, const char *path, const json_t *object,
                 enum net_bias *bias);
int net_get_text(const struct net *net, const char *path, const json_t *object, const char *key,
                 const char **value);
// The place of a text among words; NULL ends the list.
int net_get_word(const struct net *net, const char *path, const json_t *object, const char *key,
                 const char *const *words, int *value);
// Adds "; did you mean 'X'?" to the text, or what there is: names, count.
void net_suggest(char *text, size_t size, const char *given, const char *const *names,
                 size_t count);

// ---- json_function.c

enum net_use { NET_IN_CELL, NET_IN_LAYER, NET_AT_END };
// A member that names an activation, which may be absent.
int net_get_function(const struct net *net, const char *path, const json_t *object, const char *key,
                     enum net_use use, struct net_function *function);

// ---- json_read.c and json_layer.c: the text to nodes

int net_read(struct net *net);
// Adds a node that reads another one: its kind, place, input, and what its row needs are set.
int net_add(struct net *net, const struct net_node *node, int *index);
// Adds what a member of a list of layers is. *at: the node before, then the last one that is made.
int net_read_layer(struct net *net, const char *path, const json_t *layer, bool in_head, int *at);
// A node that the text names, or the input.
int net_find_node(const struct net *net, const char *path, const char *name, int *node);
int net_width(const struct net *net, int node);
bool net_per_step(const struct net *net, int node);

// ---- json_weights.c: numbers

int net_open_files(struct net *net);
const struct mr_tensor *net_find_tensor(const struct net *net, const char *name);
// What there is in the place of a name that is not there, for a sentence.
void net_suggest_tensor(const struct net *net, const char *name, char *text, size_t size);
// The numbers of a value in the text: the name of a tensor, a number, or lists of them.
int net_load(struct net *net, const char *path, const json_t *value, struct net_numbers *numbers);
int net_load_tensor(struct net *net, const char *path, const char *name,
                    struct net_numbers *numbers);
// Is its shape this one? what: of what it should be, for the sentence.
int net_check_shape(const struct net *net, const char *path, const struct net_numbers *numbers,
                    int rank, const size_t *shape, const char *what);
// Tells of tensors that nobody has taken.
void net_note_unused(struct net *net);

// ---- json_forms.c and json_match.c: where a node's tensors are

// What a tensor is to its node.
enum net_part {
    NET_WEIGHT,    // over the input
    NET_RECURRENT, // over h
    NET_BIAS,      // of a cell: of the sums over x
    NET_BIAS_H,    // of the sums over h
    NET_PEEPHOLE,
    NET_PROJECTION,
    NET_MEAN_PART,
    NET_VARIANCE,
    NET_PARTS
};

// How some program names the tensors of a kind of node and lays them out.
struct net_form {
    enum net_kind kind;
    const char *roles[NET_PARTS]; // its names, by part; NULL where it has none
    bool levels; // "_l0" stands behind each, and "_reverse" behind that of the other direction
    bool inputs_first; // matrices are (inputs, outputs)
    bool directed;     // their first axis is that of the directions
    bool split_bias;   // a bias of two rows is that of x and that of h
    int letters;       // of gates: 0 PyTorch's, 1 Keras', 2 ONNX's
};

extern const struct net_form net_forms[]; // [net_form_count]
extern const size_t net_form_count;

// The name of a tensor: prefix, separator, role, level and direction.
void net_tensor_name(const struct net_node *node, enum net_part part, bool backward, char *text,
                     size_t size);
// Finds form and prefix of every node that has weights.
int net_match(struct net *net);
// The numbers of a part, with data NULL where it has none. backward: of the second direction.
int net_load_part(struct net *net, const struct net_node *node, enum net_part part, bool backward,
                  struct net_numbers *numbers);
// The same of a part that must be there, of this shape; what: for the sentence.
int net_need_part(struct net *net, const struct net_node *node, enum net_part part, bool backward,
                  int rank, const size_t *shape, const char *what, struct net_numbers *numbers);
// Is there a bias where the text says so, and none where it says that?
int net_check_bias(const struct net *net, const struct net_node *node, bool found);

// ---- json_cells.c

// The gates of a cell of one direction in ONNX's order: w (gates * hidden, inputs), r (gates *
// hidden, h), b (2 * gates * hidden), or NULL where there is none; p (3 * hidden), and the
// projection (h, hidden), likewise.
struct net_gates {
    double *w, *r, *b, *p, *projection;
};
int net_load_gates(struct net *net, const struct net_node *node, bool backward,
                   struct net_gates *gates);
void net_free_gates(struct net_gates *gates);
int net_gate_count(const struct net_node *node);
// Numbers of h, of one direction.
static inline int net_h(const struct net_node *node) {
    return node->projection ? node->projection : node->hidden;
}
const struct net_cell *net_find_cell(const char *name);
void net_cell_names(const struct net *net, const char **names, size_t *count, size_t most);

// ---- json_graph.c

// The network as the bytes of an ONNX file, to be freed; NULL with a sentence.
unsigned char *net_graph(struct net *net, size_t *size);

#endif
