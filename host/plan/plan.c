// SPDX-License-Identifier: Apache-2.0
// What a plan is: cycles, multipliers and memories that follow from a network and one LC per
// recurrent operator. The choice of the LCs is in plan_choose.c.
#include "plan.h"

#include "file.h"
#include "frame/slots.h"
#include "mr_command.h"
#include "plan_taps.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MR_STEPS_MAX + (uint64_t)MR_MOST_STEPS_LIMIT <= UINT32_MAX,
               "what turns sequences round counts the steps of one behind the last");

const char *mr_plan_mode_name(enum mr_plan_mode mode) {
    switch (mode) {
    case MR_PLAN_BALANCED:
        return "balanced";
    case MR_PLAN_LATENCY:
        return "latency";
    case MR_PLAN_AREA:
        return "area";
    case MR_PLAN_LANES:
        return "lanes";
    case MR_PLAN_STEP:
        return "step";
    case MR_PLAN_THROUGHPUT:
        return "throughput";
    }
    return "unknown";
}

int mr_plan_stream_lc(const struct mr_plan *plan, int stream) {
    const int writer = plan->network->streams[stream].writer;
    return writer < 0 ? plan->x_lc : plan->ops[writer].layout.out_lc;
}

void mr_plan_lanes_text(const struct mr_op_layout *layout, char *text, size_t size) {
    const int used = layout->passes > 1 ? snprintf(text, size, "%d/%d", layout->lc, layout->passes)
                                        : snprintf(text, size, "%d", layout->lc);
    if (layout->h_first)
        snprintf(text + used, size - (size_t)used, "h");
}

uint64_t mr_plan_output_words(const struct mr_plan *plan, uint64_t steps) {
    const struct mr_network *network = plan->network;
    uint64_t words = 0;
    for (int o = 0; o < network->output_count; o++) {
        const int width = network->streams[network->outputs[o].stream].width;
        words += mr_output_rows(network, o, steps) * (uint64_t)mr_plan_words(width, plan->y_lc);
    }
    return words;
}

int mr_plan_leader(const struct mr_network *network, int op) {
    while (op >= 0 && !network->ops[op].kind->recurrent)
        op = network->streams[network->ops[op].input].writer;
    return op < 0 ? 0 : network->ops[op].layer;
}

bool mr_plan_per_step(const struct mr_plan *plan, int op) {
    const struct mr_network *network = plan->network;
    return network->streams[mr_op_pace(&network->ops[op])].rate == MR_PER_STEP;
}

uint64_t mr_plan_rows(const struct mr_plan *plan, int op, uint64_t steps) {
    const struct mr_network *network = plan->network;
    return mr_stream_rows(&network->streams[mr_op_pace(&network->ops[op])], steps);
}

bool mr_plan_has_resize(const struct mr_plan *plan, int op, int stream) {
    const int lc = plan->ops[op].layout.lc;
    return lc && mr_plan_stream_lc(plan, stream) != lc;
}

int mr_power_of_two(int least) {
    int power = 2;
    while (power < least)
        power *= 2;
    return power;
}

int mr_plan_fork_depth(const struct mr_plan *plan, int stream) {
    const struct mr_network *network = plan->network;
    int rows = 2;
    for (int i = 0; i < network->op_count; i++)
        rows += network->ops[i].kind->lag;
    return mr_power_of_two(
        rows * mr_plan_words(network->streams[stream].width, mr_plan_stream_lc(plan, stream)));
}

int mr_plan_tap_depth(const struct mr_plan *plan, int stream, int hold) {
    const struct mr_stream *of = &plan->network->streams[stream];
    const struct mr_op *shortest = mr_network_shortest(plan->network);
    const int steps = (int)mr_stream_rows(of, shortest ? (size_t)shortest->most_steps : 1);
    const int64_t words = mr_plan_words(of->width, mr_plan_stream_lc(plan, stream));
    const int64_t depth = mr_plan_fork_depth(plan, stream) + words * steps * hold * plan->slots;
    return depth < INT_MAX ? (int)depth : INT_MAX; // which no device has
}

static int check_layout(const struct mr_op *op, const struct mr_op_layout *layout, int slots,
                        char *error, size_t error_size) {
    const int most = op->units < MR_PLAN_LC ? op->units : (int)MR_PLAN_LC;
    if (layout->lc < 1 || layout->lc > most)
        return mr_fail(error, error_size,
                       "%s cannot take %d columns per cycle; with %d hidden units it takes 1 to %d",
                       op->name, layout->lc, op->units, most);
    if (layout->lc < mr_plan_least_lc(op, slots))
        return mr_fail(
            error, error_size,
            "%s cannot take %d column%s per cycle: it would keep %d vectors of h, and at "
            "most %d are possible; give it %d columns or more",
            op->name, layout->lc, mr_plural((uint64_t)layout->lc),
            slots * mr_ceil_div(op->units, layout->lc), (int)MR_PLAN_STATE_WORDS,
            mr_plan_least_lc(op, slots));
    if (layout->h_first && slots > 1)
        return mr_fail(error, error_size,
                       "%s cannot take the columns of h first where %d sequences have their turns; "
                       "let it take those of x first, or give the network one slot",
                       op->name, slots);
    if (layout->passes == 1)
        return 0;
    const int words = mr_ceil_div(op->units, layout->lc);
    if (layout->passes < 1 || op->kind->one_pass ||
        mr_ceil_div(op->inputs, layout->lc) > MR_PLAN_STATE_WORDS ||
        (layout->passes - 1) * mr_ceil_div(words, layout->passes) >= words)
        return mr_fail(
            error, error_size,
            "%s cannot serve its units in %d passes; with %d hidden units and %d columns "
            "per cycle %d are possible",
            op->name, layout->passes, op->units, layout->lc,
            mr_plan_passes(op, layout->lc, layout->passes));
    const int64_t kept = mr_plan_state_words(op, layout->lc, layout->passes, slots);
    if (kept > MR_PLAN_STATE_WORDS)
        return mr_fail(error, error_size,
                       "%s cannot serve its units in %d passes: it would keep %lld vectors of h, "
                       "and at most %d are possible; give it fewer passes or more than %d columns",
                       op->name, layout->passes, (long long)kept, (int)MR_PLAN_STATE_WORDS,
                       layout->lc);
    return 0;
}

int mr_plan_passes(const struct mr_op *op, int lc, int most) {
    const int words = mr_ceil_div(op->units, lc);
    if (op->kind->one_pass || most < 1 || mr_ceil_div(op->inputs, lc) > MR_PLAN_STATE_WORDS)
        return 1;
    return mr_ceil_div(words, mr_ceil_div(words, most < words ? most : words));
}

// Columns per cycle of an operator without lanes: as they come, if it can take them so. Of two
// streams both come as the wider one does.
static int passing_lc(const struct mr_plan *plan, const struct mr_op *op) {
    const int first = mr_plan_stream_lc(plan, op->input);
    const int other = op->other >= 0 ? mr_plan_stream_lc(plan, op->other) : 0;
    if (op->kind->whole_vectors)
        return op->inputs % first == 0 ? first : 1;
    return op->kind->reads_numbers ? 0 : other > first ? other : first;
}

// LCs and costs of an operator, whose inputs' are there.
static void fill_op(struct mr_plan *plan, int index, const struct mr_op_layout *layouts) {
    const struct mr_op *op = &plan->network->ops[index];
    struct mr_plan_op *to = &plan->ops[index];
    to->layout = op->kind->recurrent
                     ? layouts[op->layer]
                     : (struct mr_op_layout){.lc = passing_lc(plan, op), .passes = 1};
    to->layout.slots = plan->slots;
    to->layout.out_lc = plan->network->streams[op->output].bits == 32 ? 0 : to->layout.lc;
    op->kind->cost(op, &to->layout, &to->cost);
    plan->multipliers += to->cost.multipliers;
    plan->memory.bram18 += to->cost.memory.bram18;
    plan->memory.uram += to->cost.memory.uram;
    plan->memory.lut += to->cost.memory.lut;
    if (mr_plan_per_step(plan, index) && to->cost.row_cycles > plan->interval)
        plan->interval = to->cost.row_cycles;
}

// A stream of n readers has n - 1 forks of two channels (pipeline.h), of which n are taps.
static void add_forks(struct mr_plan *plan) {
    struct mr_plan_taps taps;
    mr_plan_taps(plan->network, &taps);
    for (int s = 0; s < plan->network->stream_count; s++) {
        const int readers = mr_network_readers(plan->network, s);
        const int lc = mr_plan_stream_lc(plan, s);
        const uint64_t bits = lc ? 16 * (uint64_t)lc : 32;
        int usual = readers > 1 ? 2 * (readers - 1) : 0;
        for (int i = 0; i < readers; i++) {
            const int hold = taps.hold[taps.first[s] + i];
            if (hold) {
                mr_memory_fifo(&plan->memory, (uint64_t)mr_plan_tap_depth(plan, s, hold), bits, 1);
                usual--;
            }
        }
        if (usual > 0)
            mr_memory_fifo(&plan->memory, (uint64_t)mr_plan_fork_depth(plan, s), bits,
                           (uint64_t)usual);
    }
}

// Vectors leave the network as they are where all outputs have the same.
static int output_lc(const struct mr_plan *plan) {
    const struct mr_network *network = plan->network;
    const int lc = mr_plan_stream_lc(plan, network->outputs[0].stream);
    for (int o = 1; o < network->output_count; o++)
        if (mr_plan_stream_lc(plan, network->outputs[o].stream) != lc)
            return 0;
    return lc;
}

static double busy(uint64_t useful, uint64_t products, uint32_t interval) {
    return products ? (double)useful / ((double)products * interval) : 0;
}

static void fill_utilisation(struct mr_plan *plan) {
    uint64_t useful = 0, products = 0;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op_cost *cost = &plan->ops[i].cost;
        if (mr_plan_per_step(plan, i))
            plan->ops[i].utilisation = busy(cost->useful, cost->products, plan->interval);
        if (plan->network->ops[i].kind->recurrent) {
            useful += cost->useful;
            products += cost->products;
        }
    }
    plan->utilisation = busy(useful, products, plan->interval);
}

// Can the operators of a network have so many slots? Those of all lanes; what they are like is
// looked at later.
static int check_slots(const struct mr_network *network, int slots, char *error,
                       size_t error_size) {
    if (mr_plan_check_slots((uint32_t)slots, error, error_size))
        return -1;
    if (slots > 1 && network->encoder)
        return mr_fail(error, error_size,
                       "a network with an encoder has no slots; plan it with one");
    const struct mr_op *one = mr_network_one_slot(network);
    if (slots > 1 && one)
        return mr_fail(error, error_size,
                       "'%s' takes sequences one after the other, each from its first step to its "
                       "last, and has no slots; plan the network with one slot",
                       one->name);
    return 0;
}

// Rows of all slots lie in one memory.
static int check_kept(const struct mr_plan *plan, int index, char *error, size_t error_size) {
    const struct mr_op *op = &plan->network->ops[index];
    const int lc = plan->ops[index].layout.lc, words = lc ? mr_ceil_div(op->units, lc) : 0;
    if (plan->slots == 1 || !mr_op_pool_bits(op) || plan->slots * words <= MR_KEPT_WORDS)
        return 0;
    return mr_fail(error, error_size,
                   "'%s' would keep %d vectors, and at most %d are possible; give the layer before "
                   "it more columns, or the network fewer slots",
                   op->name, plan->slots * words, MR_KEPT_WORDS);
}

int mr_plan_check_slots(uint32_t slots, char *error, size_t error_size) {
    if (slots >= 1 && slots <= MR_PLAN_SLOTS && (slots & (slots - 1)) == 0)
        return 0;
    return mr_fail(error, error_size,
                   "%" PRIu32 " slots are not possible; a network has 1, 2, 4, 8 or %d", slots,
                   (int)MR_PLAN_SLOTS);
}

int mr_plan_evaluate(const struct mr_network *network, const struct mr_op_layout *layouts,
                     int slots, struct mr_plan *plan, char *error, size_t error_size) {
    memset(plan, 0, sizeof *plan);
    plan->network = network;
    plan->slots = slots;
    if (check_slots(network, slots, error, error_size))
        return -1;
    if (mr_network_layers(network) == 0)
        return mr_fail(error, error_size,
                       "the network has no recurrent operator; the planner takes 1 to %d",
                       (int)MR_MAX_LAYERS);
    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->recurrent &&
            check_layout(&network->ops[i], &layouts[network->ops[i].layer], slots, error,
                         error_size))
            return -1;
    plan->x_lc = layouts[0].lc;
    for (int i = 0; i < network->op_count; i++) {
        fill_op(plan, i, layouts);
        if (check_kept(plan, i, error, error_size))
            return -1;
    }
    plan->y_lc = output_lc(plan);
    add_forks(plan);
    fill_utilisation(plan);
    return 0;
}

uint64_t mr_plan_turns(const struct mr_plan *plan, uint64_t sequences, uint64_t steps) {
    const uint64_t slots = (uint64_t)plan->slots, rest = sequences % slots;
    uint64_t turns = rest, behind = 0; // of what turns sequences round, beyond those of one
    for (int i = 0; i < plan->network->op_count; i++) {
        if (rest && plan->ops[i].cost.turns > turns)
            turns = plan->ops[i].cost.turns;
        if (plan->network->ops[i].kind->reverses)
            behind = slots - 1;
    }
    return (sequences - rest + turns + behind) * steps;
}
