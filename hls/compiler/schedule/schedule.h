// SPDX-License-Identifier: Apache-2.0
// When each operation of a region happens, and where: in the process's module or in its lane tiles.
#ifndef HLSC_SCHEDULE_H
#define HLSC_SCHEDULE_H

#include "ir.h"
#include "memory_shape.h"

enum {
    MULTIPLIER_CYCLES = 3,     // operands, product, sum: the registers of a DSP48E2
    MAX_STAGES = 480,          // of an access that has to wait
    LOADS_MAX = 256,           // of a register within its module; more are shared by copies of it
    LOADS_FEW = 32,            // that a user of such a register may have without a copy of its own
    TILES_MAX = MR_TILES_NEAR, // that a register of the process leads to
    WAYS = 16                  // to tiles in several dies, where each has TILES_MAX at most
};

// Pipelines, and the choice of a step, look at invariants that took time in registers.
#define BY_PIPELINE(p) ((p)->target->budget)
// ns behind the first value of a register.
#define BY_FIRST_VALUE(p) ((p)->target->lut)
// ns behind a condition that decides over an iteration: it moves what moves counters, credits and
// FIFOs.
#define BY_CONTROL(p) (2 * (p)->target->lut)

// Of a LUT: how many bits it looks at, and the ns at which they are there.
struct lut {
    int inputs;
    double time;
};

struct op_time {
    bool needed;    // by this region
    bool invariant; // looked at where it stands still, in no stage
    bool in_tile;
    bool joined;    // of what lies in tiles: each forms a part, and the process's module the whole
    int start;      // stage in which its inputs are looked at (a multiplier registers them first)
    int ready;      // stage in which its result can be used
    double arrival; // ns into that stage
    struct lut lut; // that makes a bit of it; no inputs: none does
    int last_use;   // last stage in which the process's module looks at it
    // A load that follows the writes of its word: what the region writes to it while this iteration
    // is in the stages from start to ready - 1 replaces what was read.
    bool follows;
    int tile_first, tile_last; // stages in which a tile looks at it; first -1: none
    // Of a load of a true dual-port memory: its port, 0 or 1; not NO_LANE: the lane whose index it
    // is.
    int port, port_lane;
};

// A value that stands still while a loop runs: computed from scalars, and from registers that
// regions leave behind.
struct invariant {
    bool is_one;
    int settles[ORIGINS]; // registers on the longest way from there; -1: does not depend on it
    double arrival;       // ns behind the last of them
    // In the process's module, and in its tiles: is it computed, and put into a register?
    bool is_made[2], is_kept[2];
    // Hangs on scalars alone, and on them within a cycle: its register is loaded from the ports as
    // a run starts. Is it computed there, and put into the register?
    bool starts, is_started, is_told;
};

// An access of a memory that must come before another one, `distance` iterations later.
struct found_dependence {
    int memory;
    const struct op *from, *to; // a store and a load (the others are not for the report)
    int64_t distance;           // iterations between them, at least; -1: they never meet
    int64_t round;              // see struct nearest
    int needed;                 // cycles between them in the schedule
    bool claimed, asserted;
    struct location loc; // of the claim
};

struct schedule {
    struct op_time *time;  // [op_count of the process]
    const struct op **ops; // those that the region needs, in order
    int op_count;
    int ii;                // cycles from one iteration's issue to the next one's, at least
    const char *ii_reason; // why it is not less: a sentence, or NULL
    int *state_stage; // [carried_count]: stage at whose end it is updated; an iteration may read
                      // it in the ii stages up to this one
    int break_stage;  // stage in which it is known whether the loop ends or goes on
    int depth;        // stages
    int *write_stage; // [stream_count]: last stage in which a stream is written, or -1
    struct found_dependence *dependences;
    int dependence_count;
};

// The tile of a process: the lane over which its multipliers lie side by side.
struct tile {
    int lane;     // NO_LANE: no tile
    int region;   // the region whose operations it computes
    int per_tile; // lanes in one tile
    bool *memory; // [memory_count]: lies in the tiles
    int *dim;     // [memory_count]: which of its dimensions that have banks is the lane's
    bool *state;  // [state_count]
    bool joins;   // operations of all lanes' values are joined
};

// A sum or the like over the lane of the tiles: each tile's part goes through some registers to the
// process's module.
struct join {
    int parts, way, whole; // cycles of a tile, of the way, and of the module
    double entry;          // ns from the inputs to the first register
    double arrival;        // ns into the stage of the result
};

// A sum of products whose rows of 8 bits share their columns of 8 bits: two rows take one DSP48E2 a
// column.
struct pairing {
    int rows;       // the operand that differs from row to row; the other one are the columns
    uint32_t along; // lanes over which rows share columns, row-major; 0: none do
};

// A region on its way through the scheduler, for one initiation interval.
struct pass {
    struct compiler *cc;
    struct process *p;
    const struct tile *tile;
    struct region *r;
    int region;
    struct schedule *s;
    int64_t ii;
    bool *direct;
    int *earliest; // [op_count] stage before which it must not start
    int *ready;    // [op_count] of loads: stage before which the value is not looked at
    bool *follows; // [memory_count] loads of it follow the writes
    // What drives too many loads is looked at by those that are not few behind a register, which
    // has copies; not where that would lengthen the interval.
    bool spreads;
    bool *broad; // [op_count]
    int *latest; // [op_count] of loads: stage behind which it must not be moved; -1: none
    // Who looks at operation i: users[first_user[i]] and up to users[first_user[i + 1]], in order.
    const struct op **users;
    int *first_user;
    const char *reason; // why this interval is not possible
    struct location reason_loc;
    struct found_dependence too_near; // the reason where there is no other; from NULL: none
    struct write_turns *turns;
};

// Finds the invariants of a process and cuts their chains by registers.
void find_invariants(struct compiler *cc, struct process *process, const struct tile *tile);
// With all regions scheduled: which of them are looked at where, and how long steps wait for them.
void use_invariants(struct compiler *cc, struct process *process, const struct tile *tile);
// Is an invariant looked at in its register, by what takes `behind` ns?
bool invariant_by_register(const struct process *process, const struct op *op, double behind);
// When it is there, if it is looked at by what takes `behind` ns.
double invariant_arrival(const struct process *process, const struct op *op, double behind);
// Fails where an operation alone is longer than the period.
void check_delay(struct compiler *cc, const struct process *process, const struct op *op);

// Where an operation stands in the source.
struct location op_location(const struct op *op, struct location fallback);
// Two writes of one memory or stream that conditions keep apart.
bool never_both(const struct op *x, const struct op *y);
// Which writes of a memory's port or of a stream may not happen at the same time.
void find_turns(struct pass *a);
// Has an interval as many cycles as there are such writes of one port or stream?
bool has_turns(struct pass *a);
// Moves the bounds of writes that meet or change order; false: all are right.
bool take_turns(struct pass *a);
// Most words of a stream that one iteration writes: one where its writes, counted in `writes`,
// exclude each other.
int most_words(const struct region *r, int stream, int *writes);
// Is it known as an iteration is issued whether `guard` of a write (NULL: always) holds?
bool told_at_issue(const struct process *p, const struct schedule *s, const struct op *guard);
// Cycles from the issue of an iteration to the push of its word into the FIFO behind an output.
int write_stage(const struct process *p, int stream);
// Words of the FIFO behind an output as it would be if it asked for `asked` words of room beside
// what is in flight, also in the `crossing` registers of the way there and of the way back.
int base_depth(const struct process *p, int stream, int asked, int crossing);
// Words of the FIFO behind an output.
int output_depth(const struct network *net, const struct process *p, int stream);
// The room that a stream pragma asks for, or -1.
int asked_depth(const struct network *net, const struct stream *s);
// The registers between an output and the FIFO behind it, and between that and the credits; 0:
// none.
int crossing_of(const struct network *net, const struct stream *s);
// Is it known in time whether iterations read, go on and end?
bool decides_in_time(struct pass *a);

// An interval is not possible: arrays that the iteration looks at by constant indices become
// registers of their elements, and all passes run again. Returns where there are none.
void take_arrays_apart(struct pass *a);

// Finds which accesses of the region's memories must keep their order. Fails if a claim does not
// hold.
void find_dependences(struct pass *a);
// Banks of a memory that are named by constants and differ.
bool other_bank(const struct op *x, const struct op *y);
// Moves the bounds of accesses that the schedule has in the wrong order; false: all are right.
bool keep_dependences(struct pass *a);
// Why a->too_near needs a longer interval.
const char *explain_dependence(const struct pass *a);

struct tile *find_tile(struct compiler *cc, struct process *process);
struct pairing find_pairing(const struct process *process, const struct op *op);
// Would an odd number of this lane's elements in a tile leave a row alone in each?
bool pairs_in_even_tiles(const struct process *process, const struct op *op, int lane);
// Of an IR_DOT.
int64_t dot_multipliers(const struct process *process, const struct tile *tile, bool in_tile,
                        const struct op *op);
void schedule_process(struct compiler *cc, struct process *process, const struct tile *tile);
int shift_bits(const struct op *shift); // of the amount of an IR_SHL or IR_SHR that have a meaning
double op_delay(const struct process *process, const struct op *op);
// ---- place.c
// Places all operations, and the registers that iterations hand on, for the interval a->ii. False:
// no end to it.
bool settle_states(struct pass *a);
// Reads of memories happen as late as their users permit, so that an address waits and not a wide
// word.
void sink_loads(struct pass *a);
// So do the conditions on which lanes in tiles write what each has: what they are made of waits,
// and not a flag of each lane.
void sink_guards(struct pass *a);
// ---- loads.c
// Loads of a bit of `op` in an element of `user`.
int64_t loads_in_element(const struct op *user, const struct op *op);
// Loads of an index by which one element of an array is picked: LUTs that choose one of four.
int64_t pick_loads(const struct op *view);
// Loads of a bit of `op` in a stage, in the process's module or in a tile.
int64_t loads_of(const struct process *p, const struct tile *tile, const struct schedule *s,
                 bool in_tile, const struct op *op, int stage);
// Which operations drive too many loads.
void find_broad(struct pass *a);
// Loads that a bit of `op` has in all lanes of a user in the process's module.
int64_t broad_loads(const struct pass *a, const struct op *user, const struct op *op);
// The stage in which a register array is changed at the earliest: where it lies in tiles, or its
// bits are too many, it is not that of the issue.
int first_update(const struct pass *a, const struct carried *c);
int64_t tile_count(const struct process *p, const struct tile *tile);
// Tiles that one register leads to.
int64_t tiles_of_way(const struct process *p, const struct tile *tile);
// Registers in front of those that tiles have at their inputs: on the way to other dies (pragma
// tiles), else one where there are many tiles, else none.
int tile_stages(const struct process *p, const struct tile *tile);
// Stages from the process to a register of a tile.
int tile_entry(const struct process *p, const struct tile *tile);
int64_t state_bits(const struct process *p, const struct tile *tile, bool in_tile, int state);
// Bits that the region's iterations change in a stage, where the valid bit of it is looked at.
int64_t update_loads(const struct process *p, const struct tile *tile, int region, bool in_tile,
                     int stage);
// ---- join.c
// Is it a sum or the like of what lies in tiles?
bool op_is_joined(const struct tile *tile, int region, const struct op *op);
struct join join_of(const struct process *p, const struct tile *tile, const struct op *op);
// ---- lut.c
bool is_fixed(const struct op *op); // do lanes and constants determine it?
void mark_fixed(struct process *process);
double compare_delay(const struct target *target, const struct op *op);
// The LUT that makes a bit of `op` in `stage`; false: there is none, or it is an operand's.
bool find_lut(const struct pass *a, const struct op *op, int stage, struct lut *lut);
// ---- delay.c
double sum_delay(const struct target *target, int width);
double magnitude_delay(const struct target *target, int width); // of a comparison by it
// ns from the inputs of what takes whole cycles to its first registers.
double entry_delay(const struct process *process, const struct op *op);
// Cycles from looking at the inputs to a usable result. `direct`: the sum behind a product takes
// its register M, for it is itself the register P.
int op_latency(const struct process *process, const struct op *op, bool direct);
int tree_levels(int64_t count);                                   // of a tree that joins two by two
double bitwise_delay(const struct target *target, int64_t count); // of an IR_ALL and the like
int dot_extra_cycles(int64_t count); // cycles that a sum over `count` products adds to one product
bool op_in_tile(const struct process *process, const struct tile *tile, int region,
                const struct op *op);
// Operands of `op` are looked at from stage start + *first to start + *last.
void operand_stages(const struct process *process, const struct op *op, int input, int *first,
                    int *last);

#endif
