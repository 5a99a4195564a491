// SPDX-License-Identifier: Apache-2.0
// The planner: how many columns per cycle (LC) each layer takes, and what that costs and gives.
// A layer with LC has 4 * hidden * LC lane multipliers and takes
//   max(ceil(inputs / LC), D(LC)) + ceil(hidden / LC)
// cycles a step, with D from the kernel itself (cells/lstm.h).
#ifndef MR_PLAN_H
#define MR_PLAN_H

#include "device_table.h"
#include "network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MR_PLAN_LC = 32,            // columns per cycle at most
    MR_PLAN_BUDGET_PERCENT = 85 // of a device, what a plan may use
};

// The name of the top function of a network's HLS C.
#define MR_NETWORK_TOP "network"

struct mr_quantised;

// What there is to plan: LSTM layers in a row and a dense head on the last step.
struct mr_shape {
    int layer_count;
    struct {
        int inputs, hidden; // inputs of a layer are the hidden of the one before
        int cell_exponent;  // the cell states are within +-2^(7 + exponent) (cells/lstm.h)
    } layers[MR_MAX_LAYERS];
    int outputs; // of the head
    bool sigmoid;
};

enum mr_plan_mode {
    MR_PLAN_BALANCED, // least interval x multipliers: the fastest at which multipliers stay busy
    MR_PLAN_LATENCY,  // the fastest that fits
    MR_PLAN_AREA,     // LC = 1 everywhere
    MR_PLAN_LANES     // LC as given
};

struct mr_plan_request {
    enum mr_plan_mode mode;
    int lane_count;           // MR_PLAN_LANES: one per layer, or one for all
    int lanes[MR_MAX_LAYERS]; // MR_PLAN_LANES
};

// What memories take.
struct mr_memory_use {
    uint64_t bram18; // halves of a RAMB36
    uint64_t uram;
    uint64_t lut; // LUTs used as memory
};

struct mr_plan_layer {
    int inputs, hidden, lc, cell_exponent;
    int x_words, h_words; // vectors per row of inputs and of hidden units
    int latency;          // D
    uint32_t step_cycles; // of this layer alone
    uint32_t interval;    // cycles per step in the network: of its slowest layer
    uint64_t lanes;       // lane multipliers, 4 * hidden * LC
    uint64_t multipliers; // lanes and cells
    uint64_t useful;      // multiplications per step that the network asks for, in lanes and cells
    double utilisation;   // in steady state: useful / (multipliers * interval)
    struct mr_memory_use memory; // expected
};

struct mr_plan_head {
    int inputs, outputs, lc;
    bool sigmoid;
    uint64_t lanes;       // outputs * LC
    uint64_t multipliers; // lanes, and one for the sigmoid
    uint64_t useful;      // multiplications per sequence
};

struct mr_plan {
    int layer_count;
    struct mr_plan_layer layers[MR_MAX_LAYERS];
    struct mr_plan_head head;
    uint32_t interval;           // cycles per step of the slowest layer
    uint64_t multipliers;        // expected; the exact number is in hlsc's report
    struct mr_memory_use memory; // expected
    double utilisation;          // of all layers in steady state
    enum mr_plan_mode mode;
    const struct mr_target *target; // one of device_table.h
};

// The shape of a network. 0, or -1 with a sentence in error.
int mr_shape_of_network(const struct mr_network *network, struct mr_shape *shape, char *error,
                        size_t error_size);

// The same from the quantised network, which is what a model file holds.
int mr_shape_of_quantised(const struct mr_quantised *quantised, struct mr_shape *shape, char *error,
                          size_t error_size);

// Reads "4" or "1,2,1" into request as MR_PLAN_LANES. 0, or -1 with a sentence in error.
int mr_plan_parse_lanes(const char *text, struct mr_plan_request *request, char *error,
                        size_t error_size);

// "balanced", "latency", "area" or "lanes".
const char *mr_plan_mode_name(enum mr_plan_mode mode);

// Chooses. 0, or -1 with a sentence in error; where the network does not fit it says what is short,
// by how much, and what would fit.
int mr_plan_choose(const struct mr_shape *shape, const struct mr_target *target,
                   const struct mr_plan_request *request, struct mr_plan *plan, char *error,
                   size_t error_size);

// Fills plan from a shape and one LC per layer, without asking whether it fits. 0, or -1 with a
// sentence in error when a number is out of range.
int mr_plan_evaluate(const struct mr_shape *shape, const int *lc, struct mr_plan *plan, char *error,
                     size_t error_size);

// True when the layer's rows are repacked before it: its LC is not that of the layer before.
bool mr_plan_has_resize(const struct mr_plan *plan, int layer);

// Depth of the channel that takes the layer's rows of h.
int mr_plan_channel_depth(const struct mr_plan *plan, int layer);

#endif
