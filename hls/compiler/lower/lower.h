// SPDX-License-Identifier: Apache-2.0
// What the parts of the lowering share: slots (one per scalar or array that a name stands for),
// bindings of names, and the state of reading one process.
#ifndef HLSC_LOWER_H
#define HLSC_LOWER_H

#include "ir.h"

// The current value of a scalar or of a whole register array. An element [i][j] is op at lane[0]=i,
// lane[1]=j; an op without one of these lanes has the same value for all elements. op NULL: never
// assigned.
struct value {
    struct op *op;
    int lane[MAX_DIMS];
};

enum slot_kind { SLOT_VALUE, SLOT_MEMORY };

struct slot {
    enum slot_kind kind;
    const char *name;
    const struct type *scalar;
    int dims;
    int64_t size[MAX_DIMS];
    int state;  // VALUE: index of the first state, or -1 where there is none
    int states; // one, or one for each element of the dimensions in `apart`
    unsigned apart;
    struct value held; // what the states hold between regions
    int memory;        // MEMORY
    bool is_static;
    int level; // nesting of unrolled loops in which it was declared
    struct location loc;
};

// What a variable's name stands for while its function is read.
struct binding {
    int slot;                    // first slot; a struct has one per member
    int stream;                  // or a stream
    const struct process *owner; // the process in which this holds
};

struct read_access { // of a register array inside an unrolled loop, to find iterations that depend
                     // on others
    int slot;
    int dims;
    bool known;
    struct view_index index[MAX_DIMS];
    struct location loc;
};

struct unrolled { // an enclosing loop read once for all its iterations
    int lane;
    struct value *entry; // all slots at its start
    int entry_count;
    int first_access;
};

struct obstacle {               // to reading an unrolled loop once for all its iterations
    const char *what, *instead; // what: NULL: none is known
    struct location loc;
};

// What is read of an unrolled loop iteration by iteration.
struct expansion {
    int64_t trips; // of the loop of most iterations; 0: none
    struct location loc;
    struct obstacle obstacle;
};

enum { MAX_UNROLLED = 8, MAX_MEMBERS = 64 }; // of a struct

struct lowering {
    struct compiler *cc;
    struct builder b;
    struct process *p;
    struct slot *slots;
    struct value *env; // [slot_count]
    int slot_count, slot_room;
    struct op *guard; // of the statement being read; NULL: always
    struct region *region;
    uint32_t lanes_in_use;
    struct unrolled unrolled[MAX_UNROLLED];
    int unrolled_count;
    struct read_access *accesses;
    int access_count, access_room;
    struct op **reused; // loads that were looked at again
    int reused_count;
    bool give_up; // the unrolled loop being read has iterations that differ in more than the index
    struct obstacle obstacle;    // why, as far as it is known
    struct expansion *expansion; // of the outermost unrolled loop being read, or NULL
    // Hidden flags (slots of type bool, -1: there is none): under them the rest of the function, of
    // the loop or of the iteration is not executed.
    int returned, broke, continued;
    int result; // first slot of what the function being read returns, -1: nothing
    int result_leaves;
    struct location loc;
    int64_t work; // statements that have been read, each time that they are, and copies of slots
};

enum { MAX_LOWERING = 4000000 };

// ---- lower_access.c: variables, arrays, memories
int new_slots(struct lowering *lo, struct variable *var); // declares var; its first slot
struct value read_slot(struct lowering *lo, int slot, int dims, struct op **index,
                       struct location loc);
void write_slot(struct lowering *lo, int slot, int dims, struct op **index, struct op *value,
                struct location loc);
struct op *view_at(struct lowering *lo, struct value v, int dims, const int64_t *size,
                   struct op *const *index, struct location loc);
// Is the condition that some lanes have constant indices? Sets these in at[lane] (-1 before).
bool lane_constants(const struct op *c, int64_t *at);
int leaf_count(const struct type *type);
void leaf_shape(const struct type *type, int leaf, const struct type **scalar, int *dims,
                int64_t *size, const char **name);
void choose_lanes(struct lowering *lo, int dims, const int64_t *size, uint32_t taken, int *lane);
int payload_bits(const struct type *type);
// Fails where a stream pragma with crossing= names what is no channel.
void refuse_crossing(struct compiler *cc, const struct variable *var);
// ---- lower_state.c: the registers of a slot
void make_states(struct lowering *lo, struct variable *var, int slot, int leaf);
// The part of the slot's value `v` that its nth state holds.
struct op *part_of(struct lowering *lo, int slot, int nth, struct value v, struct location loc);
// The slot's value, put together from those of its states.
struct value put_together(struct lowering *lo, int slot, struct op *const *parts);
// ---- lower_linear.c

enum { LINEAR_LEAVES = 8 };

// An index as base + sum(coef * lane) + sum(coef * leaf); leaves are the same in all lanes.
struct linear {
    int64_t base;
    int lanes, lane[MAX_DIMS];
    int64_t lane_coef[MAX_DIMS];
    int leaves;
    struct op *leaf[LINEAR_LEAVES];
    int64_t leaf_coef[LINEAR_LEAVES];
};
// False: it is none, or one with more than `most` leaves.
bool linear_of(struct op *op, int most, struct linear *out);
bool keeps_index(const struct op *cast); // changes no value that an index may have

// ---- lower_view.c
bool is_lane(const struct view_index *index, int *lane); // a lane's index and nothing else?
// Adds one dimension of an access: affine if it is, else with the operation as a dynamic index.
void add_index(struct lowering *lo, struct view_index *entry, int lane, int64_t size,
               struct op *index, struct op **in, int *in_count);
bool index_of(struct op *op, struct view_index *out); // affine in lanes
// The IR_VIEW of in[0], in several steps where its run-time indices are too long for a cycle.
struct op *pick(struct lowering *lo, struct location loc, int in_count, struct op **in,
                const struct view_index *view, int count);

// NULL: the process being read has not met this variable yet.
const struct binding *binding_of(struct lowering *lo, const struct variable *var);
void bind(struct lowering *lo, struct variable *var, int slot, int stream);

// ---- lower_bank.c
// The bank and the row (NULL: there is one) that an index of dimension d leads to. Where lanes lead
// to banks that are known only iteration by iteration, lo->give_up is set.
void split_index(struct lowering *lo, const struct memory *m, int d, struct op *index,
                 struct location loc, struct op **bank, struct op **row);

// ---- lower_expr.c
struct op *lower_expr(struct lowering *lo, const struct expr *e);
// The leaves of a scalar or struct expression, arrays whole, each at lanes of its own.
void lower_leaves(struct lowering *lo, const struct expr *e, struct value *leaves);
void lower_assign(struct lowering *lo, const struct expr *target, const struct expr *source,
                  struct location loc);
int lowered_stream(struct lowering *lo, const struct expr *e);

// ---- lower_order.c
// Do the iterations of an unrolled loop find in memories what they would find in turn? What it has
// made stands from the first operation, effect and reused load on.
bool memories_agree(const struct lowering *lo, int lane, int first_op, int first_effect,
                    int first_reused);

// ---- lower_unroll.c
// The iterations of the unrolled loop being read have to be read one by one, for this reason.
void give_up(struct lowering *lo, struct location loc, const char *what, const char *instead);
void lower_unrolled(struct lowering *lo, const struct for_loop *loop, struct location loc);
void expand_while(struct lowering *lo, const struct for_loop *loop, struct location loc);

// ---- lower_region.c
// A loop outside of a region: a pipelined region, or control steps around its body.
void lower_loop(struct lowering *lo, const struct stmt *s);
// Statements of a process outside of loops, as a region of one iteration.
void lower_straight(struct lowering *lo, struct stmt **body, int count);
// The value of an expression as it is now, computed in a region of its own where it is not simple.
struct op *evaluate_outside(struct lowering *lo, const struct expr *e);
void declare_variable(struct lowering *lo, struct variable *var);

// ---- lower_shape.c: what statements contain
bool has_loop(const struct stmt *s); // needs control steps: a loop that is not unrolled, or ...
// Outside of a loop: has a loop, or reads a stream under a condition, which has to be known before.
bool needs_steps(const struct stmt *s);
bool has_read(const struct stmt *s);   // of a stream
bool has_state(const struct stmt *s);  // statics that are not constant, also in what it calls
bool has_effect(const struct stmt *s); // on a stream, or perhaps on a memory
bool expr_has_effect(const struct expr *e);
bool has_leave(const struct stmt *s,
               enum stmt_kind kind); // a break, continue or return of this loop
// Number of statements from body[0] on that can share one region: none uses a stream twice.
int straight_count(struct stmt **body, int count);
// Marks the slots that a statement may assign.
void find_assigned(struct lowering *lo, const struct stmt *s, bool *assigned);

// ---- lower.c
void lower_stmt(struct lowering *lo, const struct stmt *s);
// The body of a loop with flags of its own; gives the condition under which the loop ends, or NULL.
struct op *lower_loop_body(struct lowering *lo, const struct for_loop *loop);
// One iteration, with `continue`; nothing where a flag is set.
void lower_iteration(struct lowering *lo, const struct stmt *body);
// A hidden variable; outside of a region it has a register.
int new_hidden(struct lowering *lo, const char *name, const struct type *type, struct location loc);
int new_flag(struct lowering *lo, const char *name, struct location loc); // false at first
// What was declared from slot `first` on is out of scope: later regions do not carry it.
void forget_slots(struct lowering *lo, int first);
struct value *lower_call(struct lowering *lo,
                         const struct expr *call); // its result's leaves, or NULL
struct value *copy_env(struct lowering *lo);
// The limit of a loop has to be one that its variable can meet, if that is not clear yet. It is
// told of before the limit is settled (NULL), as a register has the ranges of all its values, and
// behind: what takes a region of its own is known there only.
void note_limit(struct lowering *lo, const struct for_loop *loop, struct op *settled);
struct value merge_values(struct lowering *lo, const struct slot *s, struct op *condition,
                          struct value mine, struct value other);
void merge_env(struct lowering *lo, struct op *condition, const struct value *otherwise, int count);
// A region begins; it ends with the first `slots` slots carried; `keep`: also those that it does
// not change.
struct region *begin_region(struct lowering *lo, struct location loc);
void end_region(struct lowering *lo, struct region *r, struct op *guard, int slots,
                const bool *keep);
void add_effect(struct lowering *lo, struct op *op, struct location loc);

// ---- lower_settle.c
// Puts values that depend on registers, and those of the slots in `also` (NULL: none), into
// registers of their own; at the end of a run, those of statics.
void settle(struct lowering *lo, struct location loc, bool at_end, const bool *also);
// `op` as it is now, whatever later loops do.
struct op *settled(struct lowering *lo, struct op *op, struct location loc);
struct op *settled_if_costly(struct lowering *lo, struct op *op, struct location loc);
// Makes the slots of all static variables that the statement uses.
void declare_statics(struct lowering *lo, const struct stmt *s);
void declare_probes(struct lowering *lo, const struct function *f);

#endif
