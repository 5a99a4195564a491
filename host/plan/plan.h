// SPDX-License-Identifier: Apache-2.0
// The planner: how many columns per cycle (LC) each operator of a network takes, and what that
// costs and gives. Recurrent operators have LCs of their own; what stands between and behind them
// takes the vectors as they come.
#ifndef MR_PLAN_H
#define MR_PLAN_H

#include "device_table.h"
#include "op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MR_PLAN_LC = 32,            // columns per cycle at most
    MR_PLAN_SLOTS = 16,         // at most
    MR_PLAN_STATE_WORDS = 1024, // vectors of h at most, and of x with passes
    MR_PLAN_BUDGET_PERCENT = 85 // of a device, what a plan may use
};

// The name of the top function of a network's HLS C.
#define MR_NETWORK_TOP "network"

enum mr_plan_mode {
    MR_PLAN_BALANCED,  // least interval x multipliers: the fastest at which multipliers stay busy
    MR_PLAN_LATENCY,   // the fastest that fits
    MR_PLAN_AREA,      // the fewest multipliers that take `step_cycles`; without: LC = 1 everywhere
    MR_PLAN_LANES,     // LC as given
    MR_PLAN_STEP,      // the shortest way of one step through the network
    MR_PLAN_THROUGHPUT // the least interval, with any number of slots; of these the fewest
                       // multipliers. With `step_cycles`: the fewest multipliers that take these
};

struct mr_plan_request {
    enum mr_plan_mode mode;
    int layout_count; // MR_PLAN_LANES: one per recurrent operator, or one for all
    struct mr_op_layout layouts[MR_MAX_LAYERS]; // MR_PLAN_LANES: lc and passes
    uint32_t slots;                             // 0: 1, THROUGHPUT: any
    uint32_t step_cycles;                       // AREA, THROUGHPUT: at most; 0: any number
    uint64_t within_cycles; // MR_PLAN_AREA: of a sequence of within_steps, about; 0: any number
    uint32_t within_steps;
    int64_t within_more; // cycles that are known to come to what the planner counts of these
    uint32_t budget;     // percent of the device; 0: the usual
    uint32_t dsps;       // at most; 0: those of the budget
};

struct mr_plan_op {
    struct mr_op_layout layout;
    struct mr_op_cost cost;
    double utilisation; // of an operator with a row per step, in steady state
};

struct mr_plan {
    const struct mr_network *network; // of the caller
    struct mr_plan_op ops[MR_MAX_OPS];
    int x_lc;             // numbers per vector of the network's input
    int y_lc;             // and of its output: that of all outputs, or 0: single numbers of 32 bits
    int slots;            // sequences that have their turns
    uint32_t interval;    // cycles per step: of the slowest operator
    uint64_t multipliers; // expected; the exact number is in hlsc's report
    struct mr_memory_use memory; // expected, of operators and forks
    double utilisation;          // of all recurrent operators in steady state
    enum mr_plan_mode mode;
    const struct mr_target *target; // one of device_table.h
};

// "balanced", "latency", "area", "lanes", "step" or "throughput".
const char *mr_plan_mode_name(enum mr_plan_mode mode);

// Chooses. 0, or -1 with a sentence in error; where the network does not fit it says what is short,
// by how much, and what would fit.
int mr_plan_choose(const struct mr_network *network, const struct mr_target *target,
                   const struct mr_plan_request *request, struct mr_plan *plan, char *error,
                   size_t error_size);

// -1 with a sentence in error where a network cannot have so many slots.
int mr_plan_check_slots(uint32_t slots, char *error, size_t error_size);

// "4", "4/3" or "4/3h", as --lanes takes it: columns per cycle, passes, and whether those of h go
// first.
void mr_plan_lanes_text(const struct mr_op_layout *layout, char *text, size_t size);

// Cycles of one sequence of so many steps, about: the way of a step, and the pace of the others.
uint64_t mr_plan_sequence_cycles(const struct mr_plan *plan, uint32_t steps);

// Fills plan from a network and LC and passes of each recurrent operator, without asking whether it
// fits. 0, or -1 with a sentence in error when a number is out of range.
int mr_plan_evaluate(const struct mr_network *network, const struct mr_op_layout *layouts,
                     int slots, struct mr_plan *plan, char *error, size_t error_size);

// The turns that a run has in the operator that has most, with a row and without, where it turns
// sequences round less those of one sequence: MR_STEPS_MAX at most are possible.
uint64_t mr_plan_turns(const struct mr_plan *plan, uint64_t sequences, uint64_t steps);

// The most passes, at most so many, of which none is empty: what a recurrent operator with this LC
// can have.
int mr_plan_passes(const struct mr_op *op, int lc, int most);

// The fewest columns per cycle that a recurrent operator can have: h lies in LUTs, a vector a word.
static inline int mr_plan_least_lc(const struct mr_op *op, int slots) {
    return mr_ceil_div(op->units, MR_PLAN_STATE_WORDS / slots);
}

// Vectors of h that it keeps, MR_PLAN_STATE_WORDS at most: each pass has the words of the first.
static inline int64_t mr_plan_state_words(const struct mr_op *op, int lc, int passes, int slots) {
    return (int64_t)slots * passes * mr_ceil_div(mr_ceil_div(op->units, lc), passes);
}

// Numbers per vector of a stream, 0 for single numbers of 32 bits.
int mr_plan_stream_lc(const struct mr_plan *plan, int stream);

// Elements of the network's output for a sequence of so many steps: each row of an output begins a
// new one.
uint64_t mr_plan_output_words(const struct mr_plan *plan, uint64_t steps);

// The recurrent operator (which layer) whose LC sets that of an operator: itself, else the next one
// toward the network's input; the first one sets that of the input.
int mr_plan_leader(const struct mr_network *network, int op);

// True when an operator has a row per step, false when it has one per sequence.
bool mr_plan_per_step(const struct mr_plan *plan, int op);
// Its rows in a sequence of so many steps.
uint64_t mr_plan_rows(const struct mr_plan *plan, int op, uint64_t steps);

// True when the rows of a stream that the operator reads are repacked before it.
bool mr_plan_has_resize(const struct mr_plan *plan, int op, int stream);

// The least power of two that is at least so large, from 2 on: depths of channels.
int mr_power_of_two(int least);

// Elements that each channel behind a fork of a stream holds: room for the rows that one branch
// takes before it gives its first one, while the other branch waits for it where they meet again.
int mr_plan_fork_depth(const struct mr_plan *plan, int stream);

// The same of a tap in which so many sequences, or groups of them, wait (plan_taps.h).
int mr_plan_tap_depth(const struct mr_plan *plan, int stream, int hold);

// Vectors of so many numbers in a row; of single numbers (lc 0) the numbers.
static inline int mr_plan_words(int width, int lc) {
    return lc ? mr_ceil_div(width, lc) : width;
}

// Bits of an element of a stream: of a vector, or a single number.
static inline uint32_t mr_plan_element_bits(int lc) {
    return lc ? 16 * (uint32_t)lc : 32;
}

#endif
