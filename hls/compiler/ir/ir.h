// SPDX-License-Identifier: Apache-2.0
// The intermediate form: one graph of operations per process, if-converted, in static single
// assignment.
//
// An unrolled loop stays a loop: its index is a *lane*, and a value that depends on it is an array
// over that lane, computed by one operation. The set of lanes of an operation is its `space`.
// Elements of such arrays are picked by OP_VIEW. Two unrolled loops of the same trip count at the
// same nesting share a lane, so that values meet without copying.
#ifndef HLSC_IR_H
#define HLSC_IR_H

#include "compiler.h"
#include "target.h"
#include <stdio.h>

enum opcode {
    IR_CONST, // imm
    IR_ARG,   // scalar argument imm of the process; fixed during a run
    IR_INDEX, // counter of loop level imm of the region
    IR_LANE,  // index of lane imm
    IR_PHI,   // state imm as an iteration of a region finds it
    IR_STATE, // state imm between regions
    IR_MARK,  // placeholder for a scalar while an unrolled loop is read; always ends as an alias
    IR_VIEW,  // in[0] at `view`; in[1...]: dynamic indices
    IR_CAST,  // in[0] converted to `type`
    IR_TRUNC, // the low imm bits of in[0] as a signed number
    IR_ADD,
    IR_SUB,
    IR_MUL,
    IR_AND,
    IR_OR,
    IR_XOR,
    IR_NOT,
    IR_NEG,
    IR_SHL,
    IR_SHR,
    IR_EQ,
    IR_LT,
    IR_LE,
    IR_SELECT, // in[0] ? in[1] : in[2]
    IR_SUM,    // sum of in[0] over lane imm
    IR_MIN,    // least, greatest, and, or, exclusive or of in[0] over lane imm
    IR_MAX,
    IR_ALL,
    IR_ANY,
    IR_PARITY,
    IR_DOT,    // sum over lane imm of in[0] * in[1], and in[2] where there is one
    IR_MULADD, // in[0] * in[1] + in[2]
    IR_LOAD,   // memory imm at address in[0]; banks in `view`. Of an access that is watched by an
               // assertion also in[1], its guard (the load itself always happens), and in[2 + k]:
               // the one bank that is wanted of the dimension view[k], or NULL
    IR_STORE,  // memory imm at address in[0] = in[1]; in[2]: guard or NULL; banks in `view`
    IR_READ,   // stream imm; in[0]: guard or NULL
    IR_FIELD,  // bits [imm, imm + type.bits) of the payload of in[0] (IR_READ), by lane strides in
               // `view`
    IR_WRITE   // stream imm; in[0]: guard or NULL; in[1...]: the leaves of the payload
};

enum { MAX_LANES = 32, NO_LANE = -1 };
enum {
    DOT_CHAIN = 4,    // products in one cascade of DSPs; more are joined by a tree
    DOT_PAIR_BITS = 8 // of the operands of a sum of which two rows may share DSPs
};
enum { MAX_OPERATIONS = 1000000 }; // of a process while it is read

// Where a VIEW, LOAD, STORE or FIELD stands in one dimension: base + sum(coef * lane) + dynamic.
struct view_index {
    int lane; // VIEW: the lane of in[0] that this replaces; FIELD: the lane that this strides over
    int64_t size; // elements in this dimension
    int64_t base; // (FIELD: stride in bits)
    int terms;
    int term_lane[MAX_DIMS];
    int64_t term_coef[MAX_DIMS];
    int dynamic; // index into in[], or 0: none
};

struct op {
    int id;
    enum opcode code;
    int bits; // of the C type of the result
    bool is_signed;
    uint32_t space; // set of lanes
    int in_count;
    struct op **in;
    int64_t imm;
    int view_count;
    struct view_index *view;
    struct location loc;
    const char *name; // of the C variable that holds it, for the reader of the RTL
    struct op *alias; // this operation turned out to be that one
    wide low, high;   // range of the value
    int width;        // bits in the RTL
    bool modular;     // only the low `width` bits are right (and wanted)
    bool fixed;       // of lanes and constants alone: synthesis knows its value in each lane
};

struct lane {
    int64_t count;
    int nth; // among the lanes of this count
};

// A register or register array of a process. A struct variable is several states, one per member.
struct state {
    const char *name;
    const char *variable; // of which this is the whole, or an element
    int bits;
    bool is_signed;
    int dims, lane[MAX_DIMS];
    int64_t size[MAX_DIMS];
    bool is_static;  // of C: keeps its value from run to run
    int64_t *reset;  // values at reset in order, or NULL for zeros
    struct op *read; // its IR_STATE
    bool is_probe;   // an output of the module and of the top
    bool live;
    wide low, high;
    int width;
    struct location loc;
};

enum memory_kind { MEMORY_RAM, MEMORY_ROM };

struct memory {
    const char *name;
    enum memory_kind kind;
    int bits;
    bool is_signed;
    int dims;
    int64_t size[MAX_DIMS];
    enum partition_kind partition[MAX_DIMS];
    int64_t
        bank_size[MAX_DIMS]; // banks of the dimension, which lie side by side; 0: not partitioned
    int64_t rows[MAX_DIMS];  // of the dimension behind the address: 1 if it is banks only
    int64_t words;           // product of rows
    int64_t banks;           // product of the bank sizes
    const int64_t *values;   // ROM
    int64_t value_count;
    enum storage_impl storage; // as asked; STORAGE_AUTO is decided by the schedule
    // Banks from index rest_from of a dimension on lie in `rest`; rest_from 0: none do.
    enum storage_impl rest;
    int rest_dim, rest_from;
    int64_t last_from; // words from this one on lie in LUTs, but those of the rest; 0: none do
    int latency;       // -1 until decided
    // Loads that a bit of an address has in one of several banks which, together, are too many for
    // one net; else 0. Decided with the storage.
    int64_t bank_loads;
    // Ports that both write and read, in turns of the loops: 2 of a true dual-port memory, 1 of one
    // that has a single address. 0: a port that writes, and a copy for each read.
    int shared_ports;
    wide low, high;
    int width;
    struct location loc;
};

struct stream {
    const char *name;
    bool is_output, is_used;
    const struct type *payload;
    int bits;        // of the payload
    int channel;     // of the network, or -1
    int port;        // parameter of the top, or -1
    bool is_memory;  // a part of an external memory: plans, or words that are fetched or stored
    int partner;     // the other end of a FIFO that leads back into this process, or -1
    int depth;       // of that FIFO as asked by a stream pragma, or -1
    bool asks_more;  // the process asks whether there are more words (EXPR_MORE)
    int needed;      // words that the FIFO behind an output must hold at least, by find_depths
    bool measured;   // so many in the runs that were followed; a longer one may need more
    const char *why; // of `needed`, or NULL: nothing is known but that one word a cycle passes
    struct location loc;
};

struct carried { // a state that a region changes
    int state;
    struct op *phi, *init /* NULL: keeps its value */, *next;
};

enum { MAX_LEVELS = 4 };

struct level {
    const char *name;
    struct op *index;
    int64_t start, step;
    struct op *limit;
    bool inclusive;
    int64_t trips; // -1: known at run time only
};

// One pipelined loop nest, or straight code (no levels, does not repeat: one iteration).
struct region {
    const char *name;
    struct location loc;
    int levels;
    struct level level[MAX_LEVELS];
    bool repeats;        // a while: has no levels and goes on until go_on fails or break_if holds
    struct op *go_on;    // asked before each iteration; if it fails there is none. NULL: always
    int more;            // go_on is also: stream `more` has another word; -1: none
    struct op *enable;   // runs only if this holds when it is reached, or NULL
    struct op *break_if; // ends the innermost loop (or the while) after this iteration, or NULL
    bool breaks_all;     // break_if is a return: it ends all levels
    int asked_ii;        // of the pipeline pragma; 0: the least that is possible
    bool is_free;        // no pragma asks for a pipeline: it may become control steps
    struct location innermost; // loop
    struct op **effects;       // stores, reads, writes in program order
    int effect_count;
    struct carried *carried;
    int carried_count;
    int first_op; // operations from here on were made for this region or later
    struct dependence *claims;
    int claim_count;
    struct schedule *schedule;
};

enum step_kind { STEP_REGION, STEP_JUMP };

// What invariants are computed from, and what they settle after: the start of a run, and the last
// change of a register.
enum invariant_origin { FROM_SCALARS, FROM_REGISTERS, ORIGINS };

// What a run of a process does, in order, from steps[0] on until it leaves the list.
struct step {
    enum step_kind kind;
    int region;           // STEP_REGION: runs if its `enable` holds
    struct op *condition; // STEP_JUMP: taken if this holds, or NULL: always
    int target;           // STEP_JUMP: step to go on with; step_count: the end of the run
    struct location loc;
    // Set by the schedule: cycles after which its condition, or the region's, is known, and after
    // which it can be picked.
    int knows[ORIGINS], settles[ORIGINS];
};

struct bounded { // the limit of a loop, where `guard` holds (NULL: always)
    struct op *limit, *guard;
    const struct limit_check *check;
};

struct process {
    const char *name;
    const struct target *target;
    struct function *function;
    struct op **ops;
    int op_count;
    struct lane lanes[MAX_LANES];
    int lane_count;
    struct state *states;
    int state_count;
    struct memory *memories;
    int memory_count;
    struct stream *streams;
    int stream_count;
    int *arg_port; // [arg_count] the top's parameter of each scalar argument
    int arg_count;
    int multipliers;   // set by the schedule
    const char *notes; // lines for the report, or NULL
    struct bounded *bounded;
    int bounded_count;
    struct region **regions;
    int region_count;
    struct step *steps;
    int step_count;
    struct invariant *invariants; // [op_count], set by the schedule
    bool picks_late; // too many steps for one cycle: what is picked goes through a register
};

struct channel {
    const char *name;
    int depth;    // as asked by a stream pragma, or -1
    int crossing; // registers on the way from writer to reader, and as many on the way of credits
    int from_process, from_stream, to_process, to_stream;
    struct location loc;
};

// The top function: one process, or a dataflow network of them.
struct network {
    const char *name;
    const struct target *target;
    struct function *top;
    struct process **processes;
    int process_count;
    struct channel *channels; // FIFOs between processes
    int channel_count;
    struct external *externals;
    int external_count;
    const char *warnings; // lines for the report, or NULL
};

// An external memory: in the parameters of the top its streams stand side by side, from number
// `plan` on, in the order of enum memory_part.
struct external {
    const char *name;
    int plan;
    const struct type *word;
    int bits; // of a word
};

// The registers of a network that can be seen from outside (HLS_PROBE), process after process.
struct probed {
    int process, state;
};
// Fills list (NULL: only counts) and returns how many there are.
int ir_probes(const struct network *net, struct probed *list);

// ---- building

struct builder {
    struct compiler *cc;
    struct process *process;
    int *table; // hash of equal operations
    int table_size;
    struct location line; // file not NULL: of all that is made, whatever else is told
};

struct op *ir_resolve(struct op *op);
// Makes an operation, or finds an equal one, or a simpler one that means the same.
struct op *ir_op(struct builder *b, enum opcode code, int bits, bool is_signed, struct location loc,
                 int in_count, struct op **in, int64_t imm, const struct view_index *view,
                 int view_count);
void ir_append(struct compiler *cc, struct process *process, struct op *op);
struct op *ir_const(struct builder *b, int bits, bool is_signed, int64_t value);
struct op *ir_lane(struct builder *b, int lane);
struct op *ir_binary(struct builder *b, enum opcode code, int bits, bool is_signed,
                     struct location loc, struct op *x, struct op *y);
struct op *ir_cast(struct builder *b, int bits, bool is_signed, struct location loc, struct op *x);
struct op *ir_select(struct builder *b, struct location loc, struct op *c, struct op *x,
                     struct op *y);
struct op *ir_not(struct builder *b, struct op *x);
struct op *ir_and(struct builder *b, struct op *x, struct op *y); // NULL is true
// The lane of this trip count that is not in `taken`.
int ir_find_lane(struct builder *b, int64_t count, uint32_t taken);
bool ir_is_const(const struct op *op, int64_t *value);
// What 64 bits of an initialiser or a constant stand for.
wide ir_number(int64_t bits, bool is_signed);
wide ir_wrap(wide value, int bits, bool is_signed);
// Can never both hold: one contains what the other denies. NULL holds always.
bool ir_exclusive(const struct op *a, const struct op *b);
int ir_index_bits(int64_t count);         // bits that number `count` things, at least 1
int ir_signed_width(wide low, wide high); // of an RTL value; 1: an unsigned flag
const char *ir_opcode_name(enum opcode code);
// Nothing but first values of registers: such a region is done as it is entered.
bool ir_only_enters(const struct region *r);
bool ir_is_reduction(enum opcode code); // IR_SUM to IR_PARITY
bool ir_is_plain(enum opcode code);     // IR_CAST to IR_SELECT: from numbers alone to a number
bool ir_adds(const struct op *op);      // products to in[2], an IR_MULADD or IR_DOT

// ---- walks (ir_graph.c)

struct reach {  // operations, and all that they are made of
    bool *seen; // [op_count]
    const struct op **stack;
};

struct reach ir_reach_none(struct compiler *cc, const struct process *p);
void ir_reach(struct reach *r, const struct op *op);         // op may be NULL
void ir_reach_all(struct reach *r, const struct process *p); // what regions and steps look at
// How often each operation is looked at [op_count], not by operations that nothing comes of.
int *ir_count_users(struct compiler *cc, const struct process *p);
// Numbers the operations such that operands come first, where some were changed or, from `made` on,
// made. Accesses of memories and streams keep their order.
void ir_renumber(struct compiler *cc, struct process *process, int made);
// Drops operations that nothing comes of, and numbers the others anew in the same order.
void ir_drop_unused(struct compiler *cc, struct process *process);

// ---- passes, in order

struct network *lower(struct compiler *cc, struct program *program, const char *top,
                      const struct target *target);
void find_ranges(struct compiler *cc, struct process *process);
void ir_find_range(const struct process *process, struct op *op); // of one that was made later
// The greatest value of op where `condition` (NULL: anything) holds.
wide ir_greatest_where(const struct op *op, const struct op *condition);
void check_limits(struct compiler *cc, const struct process *process); // of loops
int ir_range_bits(const struct op *op);
bool ir_is_exact(const struct op *sum);          // does not wrap in its type
void bypass_casts(struct process *process);      // conversions that change no value vanish
void ir_resolve_inputs(struct process *process); // nothing looks at an alias any more
void cut_products(struct compiler *cc, struct process *process);
void balance_chains(struct compiler *cc, struct process *process);
void fuse_multiplications(struct compiler *cc, struct process *process);
// Sums of products over the lane, of those in among[op_count], become sums and products.
void split_dots(struct compiler *cc, struct process *process, int lane, const bool *among);
void find_widths(struct compiler *cc, struct process *process);
void ir_dump(FILE *file, const struct process *process);

#endif
