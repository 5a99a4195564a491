// SPDX-License-Identifier: Apache-2.0
// Recurrences that a file writes out by elementary operators, step by step or in a loop. The file
// is computed with symbols; what is a step of a known cell, always with the same weights, becomes a
// recurrent operator of ONNX in another graph, which means the same and is read in the place of the
// file's.
//
// A matrix whose products feed each other is that of a recurrence. Its rows, one for each step and
// sequence, hold the states; each unit of a state is matched with the cells, and its gates are
// linear forms of the elements of these rows (onnx_terms.h).
#ifndef MR_ONNX_WRITTEN_H
#define MR_ONNX_WRITTEN_H

#include "onnx_terms.h"

enum { ONNX_WRITTEN_GATES = 4, ONNX_MOST_STEPS = 16384 };

enum onnx_written_kind { WRITTEN_LSTM, WRITTEN_GRU, WRITTEN_RNN };

// One unit of a state behind a step, as an expression of the step before.
struct onnx_unit {
    enum onnx_written_kind kind;
    struct {
        bool known;             // what is multiplied with a start of 0 is not
        bool turned;            // it is one minus what the argument gives
        int32_t argument;       // of its function
    } gate[ONNX_WRITTEN_GATES]; // in ONNX's order
    int function[3];            // activations in ONNX's order; -1: not known
    int32_t cell;               // of an LSTM the cell state behind the step
    double start;               // a constant state before it: of an LSTM c, of a GRU h
    int32_t before;             // the same where it is a symbol that was not known; or -1
};

// h, c: the unit's states before the step; -1: not known, as before the first one. stops: marks
// symbols that are not looked into (onnx_expand).
bool onnx_match_unit(const struct onnx_symbols *s, const uint8_t *stops, int32_t symbol, int32_t h,
                     int32_t c, struct onnx_unit *unit);

// A cell with its weights, found at all steps of all sequences.
struct onnx_written_cell {
    enum onnx_written_kind kind;
    int units, chains, steps;
    int32_t *h, *c;         // [chains][steps][units] symbols behind each step; c of an LSTM only
    struct onnx_unit *unit; // as h
    int32_t *before;        // [chains][units] h before the first step; -1: not known
    int32_t *x;             // [inputs][steps][chains] what it reads
    int inputs;
    double *w, *r, *b; // [gates * units][inputs], [..][units], b of x and then of h; ONNX's order
    double *p;         // [gates * units] peepholes
    bool peepholes, linear_before_reset;
    int function[3];
    double *start[2];         // [chains][units] of h and c
    int32_t *start_symbol[2]; // the same, where they are no constants; else -1
    // While it becomes a part of the new graph
    bool reversed;
    // [T, N, H], and [N, H] of the last step, in the new graph; NULL: not there yet.
    const char *rows, *last, *last_cell;
    bool emitting;
    const Onnx__NodeProto *node; // of its first unit, for messages
};

// Which axes of a base are what; -1: it has none.
struct onnx_role {
    bool known;
    int time, batch, feature;
    const char *rows; // [T, N, F] in the new graph, or NULL
};

// What is known of the file.
struct onnx_written {
    struct onnx_symbols s;
    struct onnx_graph *graph, *view; // the file's, and the new one
    struct onnx_tensor *values;      // of the file's graph
    struct onnx_written_cell **cells;
    int cell_count;
    uint8_t *stops;          // [symbols]
    int32_t *depth, *source; // [symbols] of a matrix
    int32_t *owner, *place;  // [symbols] state 2 * cell, or + 1 for c, and element of h or c; -1
    int32_t *unit_of, *x_of; // [symbols] in the state before a step, and in what it reads; -1
    bool *explained;         // [matrices]
    bool found;              // a recurrence
    // The new graph
    struct onnx_role *roles;  // [bases]
    int32_t *site_n, *site_t; // [symbols] sequence and step of what it is made of; -1
    bool *of_states;          // [symbols] is any of it a state?
    bool *there;              // [values] it is in the new graph, by its own name
    Onnx__GraphProto *g;
    size_t node_limit, tensor_limit;
    const Onnx__NodeProto *from; // of the file, for what is added now
    int made, nested;
    bool as_state; // what is taken now is a state that a decoder gives
};

// Symbols of so many columns for each step of each sequence: [width][steps][chains].
struct onnx_family {
    int width, steps, chains;
    int32_t *symbol;
};

// Rows in the new graph: [T, N, width], or [N, width] where they are not timed. Column p of a
// family is column[p], or, where that is -1, constant[p].
struct onnx_rows {
    const char *name;
    int width;
    bool reversed; // its steps are in the other order
    int *column;
    double *constant;
};

// onnx_written_steps.c: finds the cells. -1 with a sentence.
int onnx_find_cells(struct onnx_written *w);
// onnx_written_weights.c: weights of a cell whose states are known.
int onnx_read_weights(struct onnx_written *w, struct onnx_written_cell *cell);
void onnx_cell_free(struct onnx_written_cell *cell);
// A sentence about the node that made a symbol; returns -1.
int onnx_fail_symbol(struct onnx_written *w, int32_t symbol, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// onnx_written_rows.c: rows of the new graph that a family is made of. -1 with a sentence.
int onnx_find_rows(struct onnx_written *w, const struct onnx_family *family, bool timed,
                   struct onnx_rows *rows);
void onnx_rows_free(struct onnx_rows *rows);
// The same rows with the columns of the family; NULL with a sentence.
const char *onnx_exact_rows(struct onnx_written *w, const struct onnx_family *family, bool timed,
                            bool *reversed);
// Makes a cell an operator of the new graph, once.
int onnx_emit_cell(struct onnx_written *w, struct onnx_written_cell *cell);

// onnx_written_emit.c: what the new graph gets. NULL with a sentence.
const char *onnx_new_name(struct onnx_written *w);
Onnx__NodeProto *onnx_emit_node(struct onnx_written *w, const char *type, const char *const *inputs,
                                size_t input_count, const char *const *outputs,
                                size_t output_count);
// One input, or two where other is not NULL; its output gets a new name, where name is NULL.
const char *onnx_emit_simple(struct onnx_written *w, const char *type, const char *input,
                             const char *other, const char *name, const char *attribute,
                             const int64_t *list, size_t count);
int onnx_emit_int(struct onnx_written *w, Onnx__NodeProto *node, const char *name, int64_t value);
int onnx_emit_ints(struct onnx_written *w, Onnx__NodeProto *node, const char *name,
                   const int64_t *list, size_t count);
int onnx_emit_float(struct onnx_written *w, Onnx__NodeProto *node, const char *name, float value);
int onnx_emit_words(struct onnx_written *w, Onnx__NodeProto *node, const char *name,
                    const char *const *words, size_t count, bool list);
const char *onnx_emit_tensor(struct onnx_written *w, int rank, const int64_t *dims,
                             const double *numbers);
const char *onnx_emit_index(struct onnx_written *w, int64_t index);
int onnx_emit_copy(struct onnx_written *w, Onnx__NodeProto *node);

// onnx_written.c: a value of the file in the new graph, by its name. -1 with a sentence.
int onnx_take_value(struct onnx_written *w, int value);

// The graph as it means the same, in *view. 0; 1 where there is no recurrence written out, with no
// sentence; -1 with one.
int onnx_rewrite(struct onnx_graph *graph, struct onnx_graph *view);

#endif
