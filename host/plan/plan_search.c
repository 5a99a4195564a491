// SPDX-License-Identifier: Apache-2.0
// See plan_search.h. For a given interval each recurrent operator takes the fewest lanes that keep
// up with it, so there is one candidate per interval that some operator can have. A plan is worked
// out only where its multipliers fit and it would be better than what was found before.
#include "plan_search.h"

#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

enum {
    TIE_PERCENT = 5,  // products of interval and multipliers this close count as equal
    PACE_PART = 32,   // paces that differ by less than this part are one
    RESIZE_CYCLES = 6 // what a repacking before an operator adds to the latency, about
};

// Shares are summed without the whole blocks that parted memories end in.
static const double share_slack = 0.01;

// ---- what fits

void mr_plan_needs(const struct mr_plan *plan, const struct mr_plan_room *room,
                   struct mr_plan_need need[MR_PLAN_NEEDS]) {
    const struct mr_target *target = room->target;
    const uint64_t lut_memory = (uint64_t)target->lut * MR_PLAN_LUT_MEMORY_PERCENT / 100;
    need[0] = (struct mr_plan_need){"DSPs", plan->multipliers, room->dsps};
    need[1] = (struct mr_plan_need){"RAMB36 block RAMs", (plan->memory.bram18 + 1) / 2,
                                    target->bram36 * room->percent / 100};
    need[2] =
        (struct mr_plan_need){"UltraRAMs", plan->memory.uram, target->uram * room->percent / 100};
    need[3] =
        (struct mr_plan_need){"LUTs as memory", plan->memory.lut, lut_memory * room->percent / 100};
}

bool mr_plan_fits(const struct mr_plan *plan, const struct mr_plan_room *room) {
    struct mr_plan_need need[MR_PLAN_NEEDS];
    mr_plan_needs(plan, room, need);
    for (int n = 0; n < MR_PLAN_NEEDS; n++)
        if (need[n].needed > need[n].budget)
            return false;
    return true;
}

// The share of the memory of which layers take most, and the plan, where `most` is not exceeded.
static int place(const struct mr_plan_search *search, bool parted, double most,
                 const struct mr_op_layout layouts[MR_MAX_LAYERS], double *share,
                 struct mr_plan *plan, char *error, size_t error_size) {
    struct mr_op_layout with[MR_MAX_LAYERS];
    memcpy(with, layouts, (size_t)mr_network_layers(search->network) * sizeof *with);
    *share = mr_plan_memories_choose(search->memories, parted, with);
    const int slots = search->options->slots;
    if (*share > most)
        return 0;
    if (mr_plan_evaluate(search->network, with, slots, plan, error, error_size))
        return -1;
    return mr_place_ways(plan, search->room->target, with)
               ? mr_plan_evaluate(search->network, with, slots, plan, error, error_size)
               : 0;
}

static double share_limit(const struct mr_plan_search *search) {
    return (double)search->room->percent / 100 + share_slack;
}

int mr_plan_lay_out(const struct mr_plan_search *search,
                    const struct mr_op_layout layouts[MR_MAX_LAYERS], struct mr_plan *plan,
                    char *error, size_t error_size) {
    const double limit = share_limit(search);
    double share = 0;
    if (place(search, false, limit, layouts, &share, plan, error, error_size))
        return -1;
    if (share <= limit && mr_plan_fits(plan, search->room))
        return 0;
    return place(search, true, share + 1, layouts, &share, plan, error, error_size);
}

// The same, and whether it fits, which is told without the plan where memories alone do not.
static bool try_plan(const struct mr_plan_search *search,
                     const struct mr_op_layout layouts[MR_MAX_LAYERS], struct mr_plan *plan) {
    const double limit = share_limit(search);
    double share = 0;
    for (int parted = 0; parted < 2; parted++)
        if (place(search, parted, limit, layouts, &share, plan, NULL, 0) == 0 && share <= limit &&
            mr_plan_fits(plan, search->room))
            return true;
    return false;
}

// ---- the pace

// What each recurrent operator is like at most at these cycles; false when one cannot.
static bool pick(const struct mr_plan_options *options, uint32_t cycles,
                 const struct mr_plan_option *picked[MR_MAX_LAYERS]) {
    for (int l = 0; l < options->layers; l++) {
        const struct mr_plan_option *of = options->of[l];
        int low = 0, high = options->count[l]; // the last that is fast enough is in [low, high)
        if (mr_plan_option_cycles(options, &of[0]) > cycles)
            return false;
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            *(mr_plan_option_cycles(options, &of[middle]) > cycles ? &high : &low) = middle;
        }
        picked[l] = &of[low];
    }
    return true;
}

bool mr_plan_keep_up(const struct mr_plan_options *options, uint32_t cycles,
                     struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    const struct mr_plan_option *picked[MR_MAX_LAYERS];
    if (!pick(options, cycles, picked))
        return false;
    for (int l = 0; l < options->layers; l++)
        layouts[l] = picked[l]->layout;
    return true;
}

void mr_plan_fewest_columns(const struct mr_network *network, int slots,
                            struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    for (int l = 0; l < mr_network_layers(network); l++)
        layouts[l] = (struct mr_op_layout){
            .lc = mr_plan_least_lc(mr_network_layer(network, l), slots), .passes = 1};
}

// The multipliers of the plan with these cycles; 0 where it is none.
static uint64_t multipliers_at(const struct mr_plan_options *options, uint32_t cycles,
                               struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    const struct mr_plan_option *picked[MR_MAX_LAYERS];
    uint64_t sum = 0;
    if (!pick(options, cycles, picked))
        return 0;
    for (int l = 0; l < options->layers; l++) {
        layouts[l] = picked[l]->layout;
        sum += picked[l]->multipliers;
    }
    return sum;
}

// The fastest whose product of interval and multipliers is at most that (0: any). A plan may have
// more cycles than its lanes, where these lie in several dies.
static bool find_fastest(const struct mr_plan_search *search, double product,
                         struct mr_plan *plan) {
    const struct mr_plan_options *options = search->options;
    bool found = false;
    for (int i = 0; i < options->cycle_count; i++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan tried;
        const uint64_t multipliers = multipliers_at(options, options->cycles[i], layouts);
        if (found && options->cycles[i] >= plan->interval)
            break;
        if (multipliers == 0 || multipliers > search->room->dsps ||
            (product > 0 && (double)multipliers * options->cycles[i] > product) ||
            !try_plan(search, layouts, &tried) || (found && tried.interval >= plan->interval) ||
            (product > 0 && (double)multipliers * tried.interval > product))
            continue;
        *plan = tried;
        found = true;
    }
    return found;
}

// The least product; 0 where nothing fits.
static double least_product(const struct mr_plan_search *search) {
    const struct mr_plan_options *options = search->options;
    double least = 0;
    for (int i = 0; i < options->cycle_count; i++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan tried;
        const uint64_t multipliers = multipliers_at(options, options->cycles[i], layouts);
        if (multipliers == 0 || multipliers > search->room->dsps ||
            (least > 0 && (double)multipliers * options->cycles[i] >= least) ||
            !try_plan(search, layouts, &tried))
            continue;
        const double product = (double)multipliers * tried.interval;
        least = least > 0 && least <= product ? least : product;
    }
    return least;
}

bool mr_plan_find_pace(const struct mr_plan_search *search, bool balanced, struct mr_plan *plan) {
    if (!balanced)
        return find_fastest(search, 0, plan);
    const double least = least_product(search);
    return least > 0 && find_fastest(search, least * (100 + TIE_PERCENT) / 100, plan);
}

// ---- the way of a step

// From the last h of an operator, of which it gives as many vectors at last, to the last column of
// x of one that takes them.
static uint32_t between(int from_lc, uint32_t giving, int lc) {
    const uint32_t columns = (uint32_t)mr_ceil_div((int)giving * from_lc, lc);
    return (columns > giving ? columns - giving : 0) + (from_lc != lc ? RESIZE_CYCLES : 0);
}

uint32_t mr_plan_passage(const struct mr_plan *plan) {
    const struct mr_network *network = plan->network;
    const struct mr_plan_op *before = NULL;
    uint32_t cycles = 0;
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_plan_op *op = &plan->ops[i];
        if (!network->ops[i].kind->recurrent)
            continue;
        const int lc = op->layout.lc;
        const uint32_t alone = op->cost.before + (uint32_t)mr_ceil_div(network->ops[i].inputs, lc);
        if (mr_plan_reads_input(network, &network->ops[i]))
            cycles += alone;
        else if (before)
            cycles += between(before->layout.lc, before->cost.giving, lc);
        cycles = (cycles > alone ? cycles : alone) + op->cost.way;
        before = op;
    }
    return cycles;
}

// Recurrent operators as they are in a plan, and whose vectors each takes.
struct lanes {
    int count;
    struct mr_plan_option at[MR_MAX_LAYERS];
    int source[MR_MAX_LAYERS];
    int reader[MR_MAX_LAYERS], next_reader[MR_MAX_LAYERS]; // lists of readers; -1 ends them
    uint64_t multipliers;
};

static void fill_lanes(const struct mr_plan_search *search, const struct mr_plan *plan,
                       struct lanes *lanes) {
    const struct mr_network *network = search->network;
    *lanes = (struct lanes){.count = mr_network_layers(network), .multipliers = plan->multipliers};
    for (int l = 0; l < lanes->count; l++)
        lanes->reader[l] = -1;
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        if (!op->kind->recurrent)
            continue;
        const struct mr_op_layout layout = {.lc = plan->ops[i].layout.lc,
                                            .passes = plan->ops[i].layout.passes,
                                            .h_first = plan->ops[i].layout.h_first};
        const int l = op->layer,
                  source = mr_plan_leader(network, network->streams[op->input].writer);
        lanes->at[l] = mr_plan_option_of(search->options, l, &layout);
        lanes->source[l] = source;
        lanes->next_reader[l] = -1;
        if (source != l) {
            lanes->next_reader[l] = lanes->reader[source];
            lanes->reader[source] = l;
        }
    }
}

// Cycles that an operator's way, and those to it and from it, take with a layout.
static uint32_t way_of(const struct lanes *lanes, int layer, const struct mr_plan_option *option) {
    const int source = lanes->source[layer];
    const int lc = option->layout.lc;
    uint32_t cycles = option->way;
    if (source != layer)
        cycles += between(lanes->at[source].layout.lc, lanes->at[source].giving, lc);
    for (int r = lanes->reader[layer]; r >= 0; r = lanes->next_reader[r])
        cycles += between(lc, option->giving, lanes->at[r].layout.lc);
    return cycles;
}

// What a change saves of a step's way, by what it costs; 0 where it saves nothing.
static double worth(const struct lanes *lanes, int layer, const struct mr_plan_option *option) {
    const struct mr_plan_option *old = &lanes->at[layer];
    const uint32_t before = way_of(lanes, layer, old), after = way_of(lanes, layer, option);
    if (after >= before)
        return 0;
    const double saved = (double)before - after;
    return option->multipliers > old->multipliers
               ? saved / (double)(option->multipliers - old->multipliers)
               : saved;
}

// Again and again the change of one operator that saves most cycles for what it costs, until the
// way is as short as the goal. One that does not fit is not tried again, for the others only grow.
static void shorten(const struct mr_plan_search *search, bool alone, uint64_t goal, uint64_t dsps,
                    struct mr_plan *plan) {
    const struct mr_plan_options *options = search->options;
    // Too much for a small stack. Without room the plan stays as it is, which fits.
    bool(*refused)[MR_PLAN_OPTIONS] = calloc((size_t)options->layers, sizeof *refused);
    struct lanes lanes;
    fill_lanes(search, plan, &lanes);
    while (refused && mr_plan_passage(plan) > goal) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan changed;
        double most = 0;
        int layer = -1, best = 0;
        for (int l = 0; l < options->layers; l++) {
            layouts[l] = lanes.at[l].layout;
            for (int i = 0; i < options->count[l]; i++) {
                const struct mr_plan_option *option = &options->of[l][i];
                if (refused[l][i] || (!alone && option->pace > plan->interval) ||
                    lanes.multipliers - lanes.at[l].multipliers + option->multipliers > dsps)
                    continue;
                const double now = worth(&lanes, l, option);
                if (now > most) {
                    most = now;
                    layer = l;
                    best = i;
                }
            }
        }
        if (layer < 0)
            break;
        const struct mr_plan_option *option = &options->of[layer][best];
        layouts[layer] = option->layout;
        // Lanes that lie in several dies then are late.
        if (!try_plan(search, layouts, &changed) || (!alone && changed.interval > plan->interval) ||
            mr_plan_passage(&changed) >= mr_plan_passage(plan)) {
            refused[layer][best] = true;
            continue;
        }
        *plan = changed;
        lanes.multipliers = changed.multipliers;
        lanes.at[layer] = *option;
    }
    free(refused);
}

void mr_plan_shorten(const struct mr_plan_search *search, bool alone, struct mr_plan *plan) {
    shorten(search, alone, 0, search->room->dsps, plan);
}

uint64_t mr_plan_sequence_cycles(const struct mr_plan *plan, uint32_t steps) {
    return mr_plan_passage(plan) + (uint64_t)(steps - 1) * plan->interval;
}

// From the fewest lanes, and from as many columns in all layers, between which nothing is repacked.
void mr_plan_find_way(const struct mr_plan_search *search, struct mr_plan *plan) {
    struct mr_plan best = *plan;
    for (int lc = 1; lc <= MR_PLAN_LC; lc++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan other;
        mr_plan_fewest_columns(search->network, search->options->slots, layouts);
        for (int l = 0; l < search->options->layers; l++) {
            const int units = mr_network_layer(search->network, l)->units;
            const int most = lc < units ? lc : units;
            layouts[l].lc = most > layouts[l].lc ? most : layouts[l].lc;
        }
        if (try_plan(search, layouts, &other) && mr_plan_passage(&other) < mr_plan_passage(&best))
            best = other;
    }
    mr_plan_shorten(search, true, plan);
    mr_plan_shorten(search, true, &best);
    if (mr_plan_passage(&best) < mr_plan_passage(plan))
        *plan = best;
}

// For each pace, in steps of some percent, what is left of the cycles is for the way. While none is
// in time, each has its shortest way, and a step that comes alone the shortest at any pace.
bool mr_plan_find_within(const struct mr_plan_search *search, uint64_t cycles, uint32_t steps,
                         struct mr_plan *plan, uint64_t *least) {
    const struct mr_plan_options *options = search->options;
    struct mr_plan tried;
    uint32_t last = 0;
    bool found = false;
    for (int i = 0; i < options->cycle_count; i++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        const uint32_t pace = options->cycles[i];
        const uint64_t most = found ? plan->multipliers - 1 : search->room->dsps;
        const uint64_t multipliers = multipliers_at(options, pace, layouts);
        if (multipliers == 0 || multipliers > most || (last && pace - last < last / PACE_PART) ||
            !try_plan(search, layouts, &tried))
            continue;
        const uint64_t others = (uint64_t)(steps - 1) * tried.interval;
        if (others > (found ? cycles : *least))
            break;
        last = pace;
        shorten(search, false, others < cycles ? cycles - others : 0, most, &tried);
        const uint64_t taken = mr_plan_sequence_cycles(&tried, steps);
        *least = taken < *least ? taken : *least;
        if (taken > cycles)
            continue;
        *plan = tried;
        found = true;
    }
    if (found || !last || steps > 1)
        return found;
    mr_plan_find_way(search, &tried);
    const uint64_t way = mr_plan_sequence_cycles(&tried, steps);
    *least = way < *least ? way : *least;
    *plan = tried;
    return way <= cycles;
}
