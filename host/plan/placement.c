// SPDX-License-Identifier: Apache-2.0
// Which die (SLR) of the card each process goes to, and the registers of the channels that lead
// from die to die. Follows from the plan alone: the generated network has the registers in it, so
// the same RTL is simulated and built.
//
// Recurrent operators, with what takes their vectors as they come, fill the dies in the order of
// the data, each die up to a share of what it has, beginning with the die of the memory ports.
// There is what gives single numbers, too.
#include "pipeline.h"

#include <stdlib.h>

// Shares of a die that are tried: the rest is for the shell and for routing.
static const double shares[] = {0.75, 0.85, 0.95};
static const double spread_share = 0.85; // where layers lie in several dies

// The part of a die that is taken, by what there is least of.
static double part_of_die(const struct mr_target *target, uint64_t multipliers,
                          const struct mr_memory_use *memory) {
    const double parts[] = {(double)multipliers / target->dsp,
                            (double)memory->bram18 / (2.0 * target->bram36),
                            target->uram ? (double)memory->uram / target->uram : 0};
    double most = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        most = parts[i] > most ? parts[i] : most;
    return most * target->slrs;
}

// What goes to the dies one behind the other: a recurrent operator with what takes its vectors.
struct places {
    const struct mr_target *target;
    int layers;
    double parts[MR_MAX_LAYERS], first; // of a die; `first` of what is in the first one anyway
    int dies;                           // that are used
    int die[MR_MAX_LAYERS];             // in the order in which dies are filled, then the card's
    double begin[MR_MAX_LAYERS], end[MR_MAX_LAYERS]; // in that order, of what lies in several
    bool spans[MR_MAX_LAYERS];
};

static bool gives_numbers(const struct mr_plan *plan, int op) {
    return plan->ops[op].layout.out_lc == 0;
}

static void measure(const struct mr_plan *plan, struct places *places) {
    struct mr_memory_use memory[MR_MAX_LAYERS] = {0};
    const struct mr_memory_use none = {0};
    uint64_t multipliers[MR_MAX_LAYERS] = {0}, first = 0;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op_cost *cost = &plan->ops[i].cost;
        const int layer = mr_plan_leader(plan->network, i);
        if (gives_numbers(plan, i)) {
            first += cost->multipliers;
            continue;
        }
        multipliers[layer] += cost->multipliers;
        memory[layer].bram18 += cost->memory.bram18;
        memory[layer].uram += cost->memory.uram;
    }
    places->first = part_of_die(places->target, first, &none);
    for (int l = 0; l < places->layers; l++)
        places->parts[l] = part_of_die(places->target, multipliers[l], &memory[l]);
}

// Each die up to its share. False: they do not fit.
static bool fill(struct places *places, double share) {
    double used = places->first;
    int die = 0;
    for (int l = 0; l < places->layers; l++) {
        const double part = places->parts[l];
        if (used + part > share && used > 0) {
            die++;
            used = 0;
        }
        if (part > share || die >= (int)places->target->slrs)
            return false;
        used += part;
        places->die[l] = die;
    }
    places->dies = die + 1;
    return true;
}

// Some must lie in several dies: all are laid out along as few dies as it takes, and each is
// counted to the die of its middle.
static void spread(struct places *places) {
    double used = places->first, total = used;
    for (int l = 0; l < places->layers; l++)
        total += places->parts[l];
    int dies = 1;
    while (dies < (int)places->target->slrs && total > spread_share * dies)
        dies++;
    places->dies = dies;
    for (int l = 0; l < places->layers; l++) {
        const double begin = used * dies / total;
        const double end = (used + places->parts[l]) * dies / total;
        int *at = &places->die[l];
        *at = (int)((begin + end) / 2);
        *at = *at < dies ? *at : dies - 1;
        // What the rounding of a sum may add is no second die.
        places->spans[l] = begin < *at - 1e-9 || end > *at + 1 + 1e-9;
        places->begin[l] = begin;
        places->end[l] = end;
        used += places->parts[l];
    }
}

static int input_die(const struct mr_pipeline *pipeline, const struct mr_process *process) {
    const int writer = pipeline->channels[pipeline->ports[process->first_port]].writer;
    return writer < 0 ? pipeline->first_die : pipeline->processes[writer].die;
}

static int op_die(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                  const struct places *places, int op) {
    return gives_numbers(plan, op) ? pipeline->first_die
                                   : places->die[mr_plan_leader(plan->network, op)];
}

// The die of a process; those before it have theirs.
static int choose_die(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                      const struct places *places, const struct mr_process *process) {
    const struct mr_channel *output =
        &pipeline->channels[pipeline->ports[process->first_port + process->port_count - 1]];
    switch (process->part) {
    case MR_PART_OP:
        return op_die(plan, pipeline, places, process->op);
    case MR_PART_RESIZE: // The narrower of its two streams leads from die to die.
        if (process->out_lc > process->lc)
            return op_die(plan, pipeline, places, pipeline->processes[output->reader].op);
        return input_die(pipeline, process);
    case MR_PART_FORK:
        return input_die(pipeline, process);
    case MR_PART_ROUTE:
    case MR_PART_UNPACK:
    case MR_PART_GATHER:
    case MR_PART_LOADER:
    case MR_PART_SAVER:
        break;
    }
    return pipeline->first_die;
}

// At each border a register on both sides, and one beside the logic at either end.
static int crossing_registers(int from, int to) {
    return from == to ? 0 : 2 * abs(from - to) + 2;
}

static void settle(const struct mr_plan *plan, const struct places *places,
                   struct mr_pipeline *pipeline) {
    for (int i = 0; i < pipeline->process_count; i++) {
        struct mr_process *process = &pipeline->processes[i];
        process->die = choose_die(plan, pipeline, places, process);
        if (process->part != MR_PART_OP || !plan->network->ops[process->op].kind->recurrent)
            continue;
        const int layer = plan->network->ops[process->op].layer;
        process->spans = places->spans[layer];
        process->begin = places->begin[layer];
        process->end = places->end[layer];
    }
    for (int i = 0; i < pipeline->channel_count; i++) {
        struct mr_channel *channel = &pipeline->channels[i];
        if (channel->writer >= 0 && channel->reader >= 0)
            channel->crossing = crossing_registers(pipeline->processes[channel->writer].die,
                                                   pipeline->processes[channel->reader].die);
    }
}

// Registers on the way to the lanes of a layer (mr_way.sv), whose die is in the order of filling:
// one on each side of each border, and one beside the lanes.
static int way_registers(const struct places *places, int layer) {
    const uint8_t *order = places->target->die_order;
    int borders = 0;
    for (int d = 0; d < (int)places->target->slrs && places->spans[layer]; d++) {
        const int from = abs(order[d] - order[places->die[layer]]);
        if (d + 1 > places->begin[layer] && d < places->end[layer] && from > borders)
            borders = from;
    }
    return borders ? 2 * borders + 1 : 0;
}

static void find_places(const struct mr_plan *plan, struct places *places) {
    bool fits = false;
    measure(plan, places);
    for (size_t i = 0; i < sizeof shares / sizeof *shares && !fits; i++)
        fits = fill(places, shares[i]);
    if (!fits)
        spread(places);
}

int mr_place_of(const struct mr_target *target, const struct mr_process *process, double part) {
    const double at = process->begin + part * (process->end - process->begin);
    return target->die_order[at < target->slrs ? (int)at : (int)target->slrs - 1];
}

bool mr_place_ways(const struct mr_plan *plan, const struct mr_target *target,
                   struct mr_op_layout layouts[]) {
    struct places places = {.target = target, .layers = mr_network_layers(plan->network)};
    bool any = false;
    find_places(plan, &places);
    for (int l = 0; l < places.layers; l++) {
        const struct mr_op *op = mr_network_layer(plan->network, l);
        layouts[l].crossing = mr_op_has_tiles(op, &layouts[l]) ? way_registers(&places, l) : 0;
        any = any || layouts[l].crossing;
    }
    return any;
}

void mr_place(const struct mr_plan *plan, struct mr_pipeline *pipeline) {
    struct places places = {
        .target = plan->target, .layers = mr_network_layers(plan->network), .dies = 1};
    const uint8_t *order = plan->target ? plan->target->die_order : NULL;
    if (order)
        find_places(plan, &places);
    pipeline->dies = places.dies;
    for (int l = 0; order && l < places.layers; l++)
        places.die[l] = order[places.die[l]];
    pipeline->first_die = order ? order[0] : 0;
    settle(plan, &places, pipeline);
}
