// SPDX-License-Identifier: Apache-2.0
// A network as programs of the folded kernel (docs/folded.md): operators write their instructions
// one behind the other, as they write the text of their kernels for a pipeline.
//
// A stream's row lies in the kernel's numbers from a place of its own on, and so do states. A
// failure is kept in the fold, which does nothing from then on.
#ifndef MR_FOLD_H
#define MR_FOLD_H

#include "folded/format.h"
#include "graph.h"
#include "millrace_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_fold {
    const struct mr_network *network;
    int rows;        // FOLDED_ROWS of the kernel
    uint16_t *parts; // (words, rows)
    size_t words, room;
    size_t last; // the word of the program's last instruction; SIZE_MAX: it has none yet
    int numbers; // that are taken
    int place[MR_MAX_STREAMS];             // the first number of each stream's row
    int first_state, states;               // numbers that are states of recurrent operators
    int h[MR_MAX_OPS], second[MR_MAX_OPS]; // of recurrent operators the first ones of the state
    // Words at which programs begin: of states that become zero, of a step, and of what comes
    // behind the last one.
    size_t begin, step, end;
    size_t op_first[MR_MAX_OPS], op_end[MR_MAX_OPS]; // the words of each operator
    int code; // of a failure, whose sentence is in error; 0: none
    struct mr_error *error;
};

// Writes the three programs of a network for a kernel that multiplies so many rows at a time (4, 8
// or 16). out_wide: the host takes numbers of 32 bits, else 16. 0, or a code with a sentence in
// error where the kernel cannot run it. Free in either case.
int mr_fold_network(const struct mr_network *network, int rows, bool out_wide, struct mr_fold *fold,
                    struct mr_error *error);
void mr_fold_free(struct mr_fold *fold);

// Keeps a failure: something of the network is not possible.
void mr_fold_refuse(struct mr_fold *fold, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Takes so many numbers: the first one.
int mr_fold_take(struct mr_fold *fold, int count);

// Rows of weights. As many as the kernel has multipliers are summed at a time.
struct mr_fold_row {
    int row;         // of the operator's weights; -1: 0 everywhere
    int sum;         // its bias and shift
    bool of_x, of_h; // the columns that it has
};
// The sums of so many rows, rounded up to a group, over the numbers from x on and from h on (of a
// recurrent operator), cut to FOLDED_CUT_*.
void mr_fold_matrix(struct mr_fold *fold, const struct mr_op *op, const struct mr_fold_row *rows,
                    int count, int x, int h, unsigned cut);
// Where an element is: `first` of the first element; apart: sums or activations four from another.
struct mr_fold_at {
    int first;
    bool apart;
};
// cut((addend + p q) >> shift) for each element, or a table's value.
struct mr_fold_vector {
    int elements;
    bool activates; // by a table: of the sum, or of the number where of_number
    bool of_number;
    unsigned tanh;   // bits of elements modulo 4: tanh and not sigmoid
    unsigned addend; // FOLDED_ADD_*
    unsigned shift;  // FOLDED_SHIFT_*
    struct mr_fold_at sum;
    bool p_is_active, has_q, less; // less: 32767 - q
    int number;                    // the first one of p, or of the table's argument
    bool apart;                    // activations are
    int p, q;                      // offsets of the activations
    unsigned into;                 // FOLDED_INTO_*
    struct mr_fold_at to;
    unsigned cut; // FOLDED_CUT_*
    bool relu;
};
void mr_fold_vector(struct mr_fold *fold, struct mr_fold_vector vector);

// Takes a row from the host, or gives one: a word for each number, or two where it is wide.
void mr_fold_move(struct mr_fold *fold, int first, int count, bool gives, bool wide);

// Begins a program, and tells the word at which it does; ends it. One without instructions does
// nothing.
size_t mr_fold_begin(struct mr_fold *fold);
void mr_fold_end(struct mr_fold *fold);

#endif
