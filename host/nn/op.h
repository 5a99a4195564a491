// SPDX-License-Identifier: Apache-2.0
// What an operator of the graph can do: a struct of functions in one file of host/nn/ops/, as a
// backend is in driver/. ops/ops.def lists them; nobody else asks which operator it is.
#ifndef MR_OP_H
#define MR_OP_H

#include "arithmetic.h"
#include "graph.h"
#include "memory_shape.h"
#include "text.h"

// How an operator is laid out.
struct mr_op_layout {
    int lc;     // columns per cycle of its input
    int passes; // of a recurrent operator: units that a lane serves in turn; else 1
    int out_lc; // numbers per vector of its output, 0 for single numbers of 32 bits
    int slots;  // sequences that have their turns in the network (hls/kernels/frame/slots.h)
    // Of a recurrent operator's weights: ports that read them, 1 or 2, and where they lie. 0: one
    // port, and hlsc's choice.
    int ports;
    enum mr_storage memory;
    int crossing;  // registers on the way to its lanes, where these lie in several dies; else 0
    int rest_from; // those of lanes from this unit on lie in `rest`; 0: none
    enum mr_storage rest;
    bool h_first; // of a recurrent operator: the columns of h go before those of x
};

// What an operator takes and gives so.
struct mr_op_cost {
    uint32_t row_cycles; // cycles from one row (step, or sequence) to the next, at least
    uint32_t turns;      // of a step, at least, with a row or without; 0: those with one
    // Of a recurrent operator, of a row that comes alone, about: cycles that it may take before its
    // first column of x; those from its last column of x to its last h; and the last ones of these,
    // in which h comes one vector a cycle.
    uint32_t before, way, giving;
    uint32_t latency;     // of a recurrent operator D: from a step's last column to its first h
    int tail;             // iterations that the last row of a run takes beyond row_cycles
    uint64_t lanes;       // products a cycle of the lanes,
    uint64_t products;    // and of all multipliers
    uint64_t multipliers; // of the lanes and all others; some make two products (recurrent.c)
    uint64_t lane_useful; // multiplications of a row that the network asks for, in lanes,
    uint64_t useful;      // and in all multipliers
    struct mr_memory_use memory; // expected
};

// Values of an operator that are cut where they are beyond their format: +-limit. Its process has
// the probes `cut`, which counts them, and `past`, by how much they were beyond in all, in `unit`s.
struct mr_op_limit {
    double limit, unit; // limit 0: none are
};

struct mr_fold;

struct mr_op_kind {
    const char *name;    // in model files and messages: "lstm"
    const char *own;     // of a user's own cell what tells its file from others; else NULL
    const char *process; // of its hardware process: with the layer's number behind it where
                         // recurrent, else with a number from the second on
    bool recurrent;      // has a state and lanes of its own choice, reads and gives rows per step
    bool second_field;   // the state has a second field
    bool gives_second;   // it gives that field, in 16 bits, and not h
    int gates, sums;     // rows of weights per unit, and sums of them; 0: no weights
    int constants;       // numbers of each unit that its cell takes beside its sums, else 0
    const char *const *gate_names; // [gates], or NULL
    int places[MR_PLACES]; // activations of a unit at each place of op->places; all 0: it has none
    bool one_pass;         // of a recurrent operator: each unit has lanes of its own
    bool has_activation;   // of the caller's choice, at MR_PLACE_G
    bool has_epsilon;      // op->epsilon means something
    bool looks_up;         // reads the number of a row of its table, and gives that row

    int lag;            // rows that its process takes before it gives the first one
    bool reads_numbers; // single numbers, else vectors of 16-bit numbers
    bool compares;      // takes numbers of one format only
    bool whole_vectors; // takes rows of whole vectors only: single numbers where a row is none
    bool gives_place;   // one number, the place of one of its row
    bool gives_numbers; // that only the host takes, and operators that read numbers
    bool passes;        // gives numbers in the formats of its input, if these need not be one
    bool by_size;       // and chooses among them by their size
    int pool_bits;   // needs all steps of a sequence in one run, less than 2^pool_bits; 0: others
    bool reverses;   // gives the rows of a sequence from the last one to the first
    bool repeats;    // gives a row per sequence at each step of a stream (graph.h)
    bool one_slot;   // takes sequences one after the other: its network has no slots
    bool joins;      // reads two streams: its row is one of `input` and behind it one of `other`
    bool multiplies; // and gives their products

    // The stream that it gives: width, bits, and the rate where it is not its input's.
    void (*describe)(const struct mr_network *network, struct mr_op *op, struct mr_stream *out);

    // ---- float: one row. state: [mr_op_state_numbers], kept from step to step
    void (*float_row)(const struct mr_op *op, const double *in, double *state, double *out);

    // ---- whole numbers
    // Fills op->rows, op->exponent and frac, [width of its output], from the formats of its input.
    // *column: after a failure the input that is to blame, or -1.
    int (*quantise)(const struct mr_network *network, struct mr_op *op, int32_t *frac, int *column,
                    char *error, size_t error_size);
    // All that the kernel relies on, of numbers that come from a file.
    int (*check)(const struct mr_network *network, const struct mr_op *op, char *error,
                 size_t error_size);
    // cuts: gets what was cut; NULL: nobody asks.
    void (*integer_row)(const struct mr_network *network, const struct mr_op *op, const int32_t *in,
                        int32_t *state, int32_t *out, struct mr_cuts *cuts);
    // Of an operator without a state whose numbers are each made from the sum of one row of
    // weights, shifted: that number. Else NULL.
    int32_t (*of_sum)(const struct mr_network *network, const struct mr_op *op, int64_t sum,
                      struct mr_cuts *cuts);
    // Of a recurrent operator: a unit's state before the first step of a sequence, from op->start,
    // which is there.
    void (*start)(const struct mr_network *network, const struct mr_op *op, size_t sequence,
                  int unit, int32_t *h, int32_t *second);
    // The same from what streams give (op->given), NULL: 0.
    void (*take)(const struct mr_network *network, const struct mr_op *op, const int32_t *given_h,
                 const int32_t *given_second, int unit, int32_t *h, int32_t *second,
                 struct mr_cuts *cuts);
    // What it may cut; NULL: nothing.
    struct mr_op_limit (*limit)(const struct mr_network *network, const struct mr_op *op);

    // ---- hardware
    void (*cost)(const struct mr_op *op, const struct mr_op_layout *layout,
                 struct mr_op_cost *cost); // all 0
    // The kernel's text: macros and include. network: for formats.
    void (*emit)(const struct mr_network *network, const struct mr_op *op,
                 const struct mr_op_layout *layout, struct mr_text *text);
    const char *scalars; // its last arguments; `rows` stands for total or sequences
    // Writes its instructions for the folded kernel (fold.h), whose numbers have a place for what
    // it gives and for its state. NULL: it has none.
    void (*fold)(struct mr_fold *fold, const struct mr_op *op);
};

// All kinds, by their place in ops.def; NULL at the end.
const struct mr_op_kind *mr_op_kind_at(size_t index);
// By name; NULL where there is none.
const struct mr_op_kind *mr_op_kind_find(const char *name);

// What an operator may cut, with a state that is given; a limit of 0: nothing.
struct mr_op_limit mr_op_limit_of(const struct mr_network *network, const struct mr_op *op);

// Rows of weights, and numbers of each; sums that have a bias and a shift.
static inline int mr_op_rows(const struct mr_op *op) {
    return op->kind->looks_up ? op->entries : op->kind->gates * op->units;
}

static inline int mr_op_columns(const struct mr_op *op) {
    return op->kind->looks_up ? op->units : op->inputs + (op->kind->recurrent ? op->units : 0);
}

static inline int mr_op_sums(const struct mr_op *op) {
    return op->kind->sums * op->units;
}

static inline int mr_op_constants(const struct mr_op *op) {
    return op->kind->constants * op->units;
}

// Numbers of a state in the walkers: h of all units, the second field of all, room for a row, and
// in float the largest magnitudes of the sequence at the places of the cell; of what pools at most
// as many.
static inline size_t mr_op_state_numbers(const struct mr_op *op) {
    return op->kind->recurrent || op->kind->pool_bits ? 3 * (size_t)op->units + MR_PLACES : 0;
}

static inline bool mr_op_has_places(const struct mr_op *op) {
    return op->kind->places[MR_PLACE_GATE] + op->kind->places[MR_PLACE_G] > 0;
}

// Does it need all steps of a sequence at once, whoever computes it?
static inline bool mr_op_is_whole(const struct mr_op *op) {
    return op->kind->reverses || op->kind->repeats || op->follows;
}

// Does it need them in one run, less than 2^bits? 0: it does not.
static inline int mr_op_pool_bits(const struct mr_op *op) {
    return op->follows ? MR_MOST_STEPS_BITS + 1 : op->kind->pool_bits;
}

// The stream of which it has a row each time: what it reads, or where it repeats that, what it
// gives.
static inline int mr_op_pace(const struct mr_op *op) {
    return op->kind->repeats ? op->output : op->input;
}

// Does it take a whole sequence, of as many steps as the network's input has, before it gives the
// first row of that?
static inline bool mr_op_waits(const struct mr_network *network, const struct mr_op *op) {
    return op->kind->reverses ||
           ((op->kind->repeats || op->follows) && !network->streams[op->output].steps);
}

static inline int mr_ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

// Units of a recurrent operator that have lanes of their own: all, or where a lane serves several,
// those of one pass, in whole vectors.
static inline int mr_op_lane_units(const struct mr_op *op, const struct mr_op_layout *layout) {
    return layout->passes == 1
               ? op->units
               : mr_ceil_div(mr_ceil_div(op->units, layout->lc), layout->passes) * layout->lc;
}

// Whether hlsc cuts these lanes into tiles: not where they are few, nor where the units of all pass
// through their cells at once.
static inline bool mr_op_has_tiles(const struct mr_op *op, const struct mr_op_layout *layout) {
    const int lanes = mr_op_lane_units(op, layout);

    return lanes >= MR_TILE_LANES_MIN && lanes > layout->lc;
}

// Columns that a port reads in a cycle: the first ceil(LC / ports) of a vector, or the others.
static inline int mr_op_port_lc(const struct mr_op_layout *layout) {
    return layout->ports > 1 ? mr_ceil_div(layout->lc, layout->ports) : layout->lc;
}

// Adds memories to an estimate: those that hlsc chooses the kind of,
void mr_memory_expect(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies);
// FIFOs (hw/rtl/mr_fifo.sv), which are LUTs up to 64 words, and tables of more words, of which a
// copy has two readers.
void mr_memory_fifo(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies);
void mr_memory_table(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies);
// Those that their kernel asks to be LUTs.
void mr_memory_lut(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies);

#endif
