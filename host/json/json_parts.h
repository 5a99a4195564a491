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
    DESC_X = -1, // in the place of a node: the input
    DESC_PATH = 96,
    DESC_LABEL = 200,
    DESC_NODES = 4 * MR_MAX_OPS,
    DESC_FUNCTIONS = 3 // of a cell, at most
};

enum desc_kind {
    DESC_CELL,
    DESC_DENSE,
    DESC_EMBEDDING,
    DESC_LAYER_NORM,
    DESC_BATCH_NORM,
    DESC_AFFINE, // factor and offset of each feature
    DESC_ACTIVATION,
    DESC_ADD, // or another way to make one row of two
    DESC_CONCAT,
    DESC_SELECT, // one row of a sequence, or its state
    DESC_CLIP,
    DESC_ABOVE
};

enum desc_select {
    DESC_ALL,
    DESC_LAST,
    DESC_FIRST,
    DESC_MEAN,
    DESC_MAX,
    DESC_STATE,
    DESC_CELL_STATE
};

enum desc_bias { DESC_AS_FOUND, DESC_WITH_BIAS, DESC_NO_BIAS };

// An activation: a row of the table of json_function.c, and its numbers.
struct desc_function {
    const struct desc_function_row *row; // NULL: the cell's own
    double alpha, beta;
};

struct desc_function_row {
    const char *name; // in JSON
    const char *onnx; // "Affine": of a layer nothing is done
    bool has_alpha, has_beta;
    double alpha, beta; // where nothing is said
    bool in_cells, ends;
};

// A cell of this program. Letters name the gates in the order of PyTorch, Keras and ONNX.
struct desc_cell {
    const char *name, *onnx;
    int gates;
    const char *torch, *keras, *order;
    int functions; // for gates, candidate, output, as ONNX has them
};

struct desc_form;

struct desc_node {
    enum desc_kind kind;
    char path[DESC_PATH]; // in the text, "layers[1]"
    int input, other;     // nodes
    int inputs, units;    // widths of what it reads and gives
    bool per_step;
    const json_t *weights; // what the text says of them, or NULL
    enum desc_bias bias;
    // Of a cell; `units` are those of all directions.
    const struct desc_cell *cell;  // NULL: a user's own
    const struct mr_own_cell *own; // or NULL
    int projection;            // numbers of its h, where that is a product with a matrix; else 0
    int hidden, level, levels; // of a stack of equal layers the one from 0
    bool bidirectional, reverse;
    bool coupled;     // the forget gate is one minus the input gate
    bool reset_first; // of a GRU: its reset gate weighs h before the product
    struct desc_function functions[DESC_FUNCTIONS];
    double clip;       // of its sums; 0: none
    const char *gates; // letters, or NULL
    const json_t *start_h, *start_c;
    // Of others.
    const char *joins_by; // the operator of ONNX that makes one row of two
    struct desc_function function;
    enum desc_select select;
    bool affine;                    // a layer normalisation has factors and offsets
    double epsilon;                 // of normalisations
    const json_t *scale, *offset;   // of an affine node: x * scale + offset,
    const json_t *mean, *deviation; // or (x - mean) / deviation
    double low, high;
    // Its tensors: of this form, by this prefix, when the text does not name them one by one.
    const struct desc_form *form;
    bool blank; // its weights are 0
    char *prefix;
    const char *backward; // the prefix of the second direction, where that is another one
    char separator;       // behind the prefix, or 0
    int file_level;       // its level in the file
};

struct desc_head {
    const char *name;
    char own_name[16];
    int node;
};

struct desc_file {
    char *path;
    struct mr_safetensors tensors;
    bool *used; // [tensor_count]
};

struct desc {
    const char *file;   // its name, for messages
    const char *folder; // where its files lie; NULL: `memory` stands for all
    const void *memory;
    size_t memory_size;
    const struct mr_own_cells *own;
    bool *blank; // not NULL: nodes without weights have 0, and it becomes true
    char *error;
    size_t error_size;
    json_t *root;
    // The input.
    const char *input_name;
    int features, tokens; // one of them is 0
    char layout[MR_LAYOUT];
    int steps; // 0: open
    struct desc_node *nodes;
    int node_count;
    const char **names; // [DESC_NODES] nodes that the text has named, by
    int *named, name_count;
    struct desc_head heads[MR_MAX_OUTPUTS];
    int head_count;
    struct desc_file *files;
    size_t file_count;
    json_t *index;        // of all their tensors, by name
    struct mr_text notes; // sentences, each with a newline behind it
};

// Numbers of a tensor of a file, or of the text.
struct desc_numbers {
    char label[DESC_LABEL]; // for messages: "tensor 'fc.weight' of net.safetensors"
    int rank;
    size_t shape[MR_TENSOR_RANK], count;
    double *data; // to be freed
};

// ---- json_keys.c: what stands in the text. Each returns 0, or -1 with a sentence.

// A sentence that begins with a place in the text, "layers[1].hidden".
int desc_fail(const struct desc *net, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// One about the whole file.
int desc_fail_file(const struct desc *net, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Has the object no other keys than these? NULL ends the list.
int desc_check_keys(const struct desc *net, const char *path, const json_t *object,
                    const char *const *known);
// The place of a key in a place.
void desc_place(char to[DESC_PATH], const char *path, const char *key);
// Members that may be absent, which leaves the value as it is.
int desc_get_whole(const struct desc *net, const char *path, const json_t *object, const char *key,
                   int low, int high, int *value);
int desc_get_real(const struct desc *net, const char *path, const json_t *object, const char *key,
                  double low, double high, double *value);
int desc_get_bool(const struct desc *net, const char *path, const json_t *object, const char *key,
                  bool *value);
// "bias": true, false, or as the weights have it.
int desc_get_bias(const struct desc *net, const char *path, const json_t *object,
                  enum desc_bias *bias);
int desc_get_text(const struct desc *net, const char *path, const json_t *object, const char *key,
                  const char **value);
// The place of a text among words; NULL ends the list.
int desc_get_word(const struct desc *net, const char *path, const json_t *object, const char *key,
                  const char *const *words, int *value);
// Adds "; did you mean 'X'?" to the text, or what there is: names, count.
void desc_suggest(char *text, size_t size, const char *given, const char *const *names,
                  size_t count);

// ---- json_function.c

enum desc_use { DESC_IN_CELL, DESC_IN_LAYER, DESC_AT_END };
// A member that names an activation, which may be absent.
int desc_get_function(const struct desc *net, const char *path, const json_t *object,
                      const char *key, enum desc_use use, struct desc_function *function);

// ---- json_read.c and json_layer.c: the text to nodes

int desc_read(struct desc *net);
// Adds a node that reads another one: its kind, place, input, and what its row needs are set.
int desc_add(struct desc *net, const struct desc_node *node, int *index);
// Adds what a member of a list of layers is. *at: the node before, then the last one that is made.
int desc_read_layer(struct desc *net, const char *path, const json_t *layer, bool in_head, int *at);
// A node that the text names, or the input.
int desc_find_node(const struct desc *net, const char *path, const char *name, int *node);
int desc_width(const struct desc *net, int node);
bool desc_per_step(const struct desc *net, int node);

// ---- json_weights.c: numbers

int desc_open_files(struct desc *net);
const struct mr_tensor *desc_find_tensor(const struct desc *net, const char *name);
// What there is in the place of a name that is not there, for a sentence.
void desc_suggest_tensor(const struct desc *net, const char *name, char *text, size_t size);
// The numbers of a value in the text: the name of a tensor, a number, or lists of them.
int desc_load(struct desc *net, const char *path, const json_t *value,
              struct desc_numbers *numbers);
int desc_load_tensor(struct desc *net, const char *path, const char *name,
                     struct desc_numbers *numbers);
// Zeros of a shape.
int desc_zeros(const struct desc *net, const char *path, int rank, const size_t *shape,
               struct desc_numbers *numbers);
// Is its shape this one? what: of what it should be, for the sentence.
int desc_check_shape(const struct desc *net, const char *path, const struct desc_numbers *numbers,
                     int rank, const size_t *shape, const char *what);
// Tells of tensors that nobody has taken.
void desc_note_unused(struct desc *net);

// ---- json_forms.c and json_match.c: where a node's tensors are

// What a tensor is to its node.
enum desc_part {
    DESC_WEIGHT,    // over the input
    DESC_RECURRENT, // over h
    DESC_BIAS,      // of a cell: of the sums over x
    DESC_BIAS_H,    // of the sums over h
    DESC_PEEPHOLE,
    DESC_PROJECTION,
    DESC_MEAN_PART,
    DESC_VARIANCE,
    DESC_PARTS
};

// How some program names the tensors of a kind of node and lays them out.
struct desc_form {
    enum desc_kind kind;
    const char *roles[DESC_PARTS]; // its names, by part; NULL where it has none
    bool levels; // "_l0" stands behind each, and "_reverse" behind that of the other direction
    bool inputs_first; // matrices are (inputs, outputs)
    bool directed;     // their first axis is that of the directions
    bool split_bias;   // a bias of two rows is that of x and that of h
    int letters;       // of gates: 0 PyTorch's, 1 Keras', 2 ONNX's
};

extern const struct desc_form desc_forms[]; // [desc_form_count]
extern const size_t desc_form_count;

// The name of a tensor: prefix, separator, role, level and direction.
void desc_tensor_name(const struct desc_node *node, enum desc_part part, bool backward, char *text,
                      size_t size);
// Finds form and prefix of every node that has weights.
int desc_match(struct desc *net);
// The numbers of a part, with data NULL where it has none. backward: of the second direction.
int desc_load_part(struct desc *net, const struct desc_node *node, enum desc_part part,
                   bool backward, struct desc_numbers *numbers);
// The same of a part that must be there, of this shape; what: for the sentence.
int desc_need_part(struct desc *net, const struct desc_node *node, enum desc_part part,
                   bool backward, int rank, const size_t *shape, const char *what,
                   struct desc_numbers *numbers);
// Is there a bias where the text says so, and none where it says that?
int desc_check_bias(const struct desc *net, const struct desc_node *node, bool found);

// ---- json_cells.c

// The gates of a cell of one direction in ONNX's order: w (gates * hidden, inputs), r (gates *
// hidden, h), b (2 * gates * hidden), or NULL where there is none; p (3 * hidden), and the
// projection (h, hidden), likewise.
struct desc_gates {
    double *w, *r, *b, *p, *projection;
};
int desc_load_gates(struct desc *net, const struct desc_node *node, bool backward,
                    struct desc_gates *gates);
void desc_free_gates(struct desc_gates *gates);
int desc_gate_count(const struct desc_node *node);
// Numbers of h, of one direction.
static inline int desc_h(const struct desc_node *node) {
    return node->projection ? node->projection : node->hidden;
}
const struct desc_cell *desc_find_cell(const char *name);
void desc_cell_names(const struct desc *net, const char **names, size_t *count, size_t most);

// ---- json_graph.c

// The network as the bytes of an ONNX file, to be freed; NULL with a sentence.
unsigned char *desc_graph(struct desc *net, size_t *size);

#endif
