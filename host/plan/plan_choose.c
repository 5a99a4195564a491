// SPDX-License-Identifier: Apache-2.0
// Chooses the lanes of a plan. For a given interval each recurrent operator takes the fewest
// multipliers that keep up with it, so there is one candidate per interval that some operator can
// have, and the search tries them all.
#include "plan_options.h"

#include "file.h"
#include "pipeline.h"

#include <stdio.h>
#include <string.h>

enum {
    TIE_PERCENT = 5,  // products of interval and multipliers this close count as equal
    RESIZE_CYCLES = 6 // what a repacking before an operator adds to the latency, about
};

// What a plan may use.
struct room {
    const struct mr_target *target;
    uint64_t percent, dsps;
};

static struct room room_of(const struct mr_target *target, const struct mr_plan_request *request) {
    struct room room = {.target = target,
                        .percent = request->budget ? request->budget : MR_PLAN_BUDGET_PERCENT};
    room.dsps = target->dsp * room.percent / 100;
    if (request->dsps && request->dsps < room.dsps)
        room.dsps = request->dsps;
    return room;
}

struct need {
    const char *what;
    uint64_t needed, budget;
};

enum { NEEDS = 4 };

static void needs_of(const struct mr_plan *plan, const struct room *room, struct need need[NEEDS]) {
    const struct mr_target *target = room->target;
    const uint64_t lut_memory = (uint64_t)target->lut * MR_PLAN_LUT_MEMORY_PERCENT / 100;
    need[0] = (struct need){"DSPs", plan->multipliers, room->dsps};
    need[1] = (struct need){"RAMB36 block RAMs", (plan->memory.bram18 + 1) / 2,
                            target->bram36 * room->percent / 100};
    need[2] = (struct need){"UltraRAMs", plan->memory.uram, target->uram * room->percent / 100};
    need[3] = (struct need){"LUTs as memory", plan->memory.lut, lut_memory * room->percent / 100};
}

static bool fits(const struct mr_plan *plan, const struct room *room) {
    struct need need[NEEDS];
    needs_of(plan, room, need);
    for (int n = 0; n < NEEDS; n++)
        if (need[n].needed > need[n].budget)
            return false;
    return true;
}

// A column per cycle, or the fewest.
static void fewest_columns(const struct mr_network *network, int slots,
                           struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    for (int l = 0; l < mr_network_layers(network); l++)
        layouts[l] = (struct mr_op_layout){
            .lc = mr_plan_least_lc(mr_network_layer(network, l), slots), .passes = 1};
}

// The plan of these lanes, whose weights lie where the device has most room for them.
static int evaluate(const struct mr_network *network, const struct mr_target *target,
                    const struct mr_op_layout layouts[MR_MAX_LAYERS], int slots,
                    struct mr_plan *plan, char *error, size_t error_size) {
    struct mr_op_layout with[MR_MAX_LAYERS];
    memcpy(with, layouts, (size_t)mr_network_layers(network) * sizeof *with);
    mr_plan_choose_memories(network, target, slots, with);
    if (mr_plan_evaluate(network, with, slots, plan, error, error_size))
        return -1;
    return mr_place_ways(plan, target, with)
               ? mr_plan_evaluate(network, with, slots, plan, error, error_size)
               : 0;
}

// The fewest multipliers with which all take at most `interval` cycles a step. False when one
// cannot.
static bool keep_up(const struct mr_plan_options *options, uint32_t interval,
                    struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    for (int l = 0; l < options->layers; l++) {
        int low = 0, high = options->count[l]; // the last that is fast enough is in [low, high)
        if (options->of[l][0].cycles > interval)
            return false;
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            *(options->of[l][middle].cycles > interval ? &high : &low) = middle;
        }
        layouts[l] = options->of[l][low].layout;
    }
    return true;
}

// Tries all intervals. BALANCED takes the fastest of those whose product of interval and
// multipliers is the least or nearly so, LATENCY the fastest. Returns false when none fits.
static bool search(const struct mr_network *network, const struct mr_plan_options *options,
                   const struct room *room, bool balanced, struct mr_plan *best) {
    double least = 0;
    bool found = false;
    // Twice: the least product first, then the fastest that comes near it.
    for (int round = balanced ? 0 : 1; round < 2; round++)
        for (int l = 0; l < options->layers; l++)
            for (int i = 0; i < options->count[l]; i++) {
                struct mr_op_layout layouts[MR_MAX_LAYERS];
                struct mr_plan plan;
                if (!keep_up(options, options->of[l][i].cycles, layouts) ||
                    evaluate(network, room->target, layouts, options->slots, &plan, NULL, 0) ||
                    !fits(&plan, room))
                    continue;
                const double product = (double)plan.multipliers * plan.interval;
                if (round == 0) {
                    least = least > 0 && least <= product ? least : product;
                } else if (!balanced || product * 100 <= least * (100 + TIE_PERCENT)) {
                    if (!found || plan.interval < best->interval)
                        *best = plan;
                    found = true;
                }
            }
    return found;
}

// The way of one step through the recurrent operators, about.
static uint32_t passage(const struct mr_plan *plan) {
    uint32_t cycles = 0;
    for (int i = 0; i < plan->network->op_count; i++)
        if (plan->network->ops[i].kind->recurrent)
            cycles +=
                plan->ops[i].cost.way +
                (mr_plan_has_resize(plan, i, plan->network->ops[i].input) ? RESIZE_CYCLES : 0);
    return cycles;
}

static void layouts_of(const struct mr_plan *plan, struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    for (int i = 0; i < plan->network->op_count; i++)
        if (plan->network->ops[i].kind->recurrent)
            layouts[plan->network->ops[i].layer] = plan->ops[i].layout;
}

// What a change saves of a step's way, by what it costs.
static double worth(const struct mr_plan *plan, const struct mr_plan *changed) {
    const double saved = (double)passage(plan) - passage(changed);
    return changed->multipliers > plan->multipliers
               ? saved / (double)(changed->multipliers - plan->multipliers)
               : saved;
}

// Spends what is left of the device on a shorter way, at the same pace or, `alone`, at any: again
// and again the change of one operator's LC that saves most cycles for what it costs.
static void shorten(const struct mr_network *network, const struct mr_plan_options *options,
                    const struct room *room, bool alone, struct mr_plan *plan) {
    for (bool better = true; better;) {
        better = false;
        struct mr_plan best = *plan;
        for (int l = 0; l < options->layers; l++) {
            struct mr_op_layout layouts[MR_MAX_LAYERS];
            layouts_of(plan, layouts);
            for (int i = 0; i < options->count[l]; i++) {
                struct mr_plan changed;
                layouts[l] = options->of[l][i].layout;
                if (evaluate(network, room->target, layouts, options->slots, &changed, NULL, 0) ||
                    !fits(&changed, room) || (!alone && changed.interval > plan->interval) ||
                    passage(&changed) >= passage(plan))
                    continue;
                if (!better || worth(plan, &changed) > worth(plan, &best)) {
                    best = changed;
                    better = true;
                }
            }
        }
        *plan = best;
    }
}

// The shortest way that fits: from the fewest lanes, which fit, and from as many columns in all
// layers, between which nothing is repacked.
static void find_way(const struct mr_network *network, const struct mr_plan_options *options,
                     const struct room *room, struct mr_plan *plan) {
    struct mr_plan best = *plan;
    for (int lc = 1; lc <= MR_PLAN_LC; lc++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan other;
        fewest_columns(network, options->slots, layouts);
        for (int l = 0; l < options->layers; l++) {
            const int units = mr_network_layer(network, l)->units, most = lc < units ? lc : units;
            layouts[l].lc = most > layouts[l].lc ? most : layouts[l].lc;
        }
        if (evaluate(network, room->target, layouts, options->slots, &other, NULL, 0) == 0 &&
            fits(&other, room) && passage(&other) < passage(&best))
            best = other;
    }
    shorten(network, options, room, true, plan);
    shorten(network, options, room, true, &best);
    if (passage(&best) < passage(plan))
        *plan = best;
}

static void add_remedy(char *text, size_t size, const char *format, const char *what) {
    const size_t used = strlen(text);
    if (used)
        snprintf(text + used, size - used, ", and ");
    snprintf(text + strlen(text), size - strlen(text), format, what);
}

// The same network with weights of 8 bits in all layers.
static bool fits_narrow(const struct mr_plan *plan, const struct room *room) {
    struct mr_network narrow = *plan->network;
    struct mr_op ops[MR_MAX_OPS];
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    struct mr_plan other;
    bool changed = false;
    memcpy(ops, narrow.ops, (size_t)narrow.op_count * sizeof *ops);
    narrow.ops = ops;
    for (int i = 0; i < narrow.op_count; i++)
        if (ops[i].kind->recurrent && ops[i].precision.weight_bits > 8) {
            ops[i].precision.weight_bits = 8;
            changed = true;
        }
    layouts_of(plan, layouts);
    return changed && evaluate(&narrow, room->target, layouts, plan->slots, &other, NULL, 0) == 0 &&
           fits(&other, room);
}

// A sentence on what is short, by how much, and what would do. smallest: the plan with the fewest
// lanes, or NULL where plan is that.
static int does_not_fit(const struct mr_plan *plan, const struct room *room,
                        const struct mr_plan *smallest, char *error, size_t error_size) {
    struct need need[NEEDS];
    char wants[256] = "", remedy[256] = "";
    needs_of(plan, room, need);
    for (int n = 0; n < NEEDS; n++) {
        const size_t used = strlen(wants);
        if (need[n].needed > need[n].budget)
            snprintf(wants + used, sizeof wants - used,
                     "%s%llu %s where %llu may be used (%llu too many)", used ? ", " : "",
                     (unsigned long long)need[n].needed, need[n].what,
                     (unsigned long long)need[n].budget,
                     (unsigned long long)(need[n].needed - need[n].budget));
    }
    const struct mr_target *other;
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    layouts_of(plan, layouts);
    for (size_t i = 0; !*remedy && (other = mr_target_at(i)) != NULL; i++) {
        const struct room there = {other, room->percent, other->dsp * room->percent / 100};
        struct mr_plan on_other;
        if (evaluate(plan->network, other, layouts, plan->slots, &on_other, NULL, 0) == 0 &&
            fits(&on_other, &there))
            add_remedy(remedy, sizeof remedy, "it would fit %s", other->name);
    }
    if (smallest && fits(smallest, room))
        add_remedy(remedy, sizeof remedy, "fewer lanes would fit %s", room->target->name);
    if (fits_narrow(plan, room))
        add_remedy(remedy, sizeof remedy, "weights of 8 bits (--precision w8a16) would fit %s",
                   room->target->name);
    if (!*remedy)
        snprintf(remedy, sizeof remedy, "no device of the table holds it");
    return mr_fail(
        error, error_size, "the network does not fit %s%s: it needs %s, %d %% of the device; %s",
        room->target->name, smallest ? " with these lanes" : " even with the fewest lanes", wants,
        (int)room->percent, remedy);
}

static int given_lanes(const struct mr_network *network, const struct mr_plan_request *request,
                       struct mr_op_layout layouts[MR_MAX_LAYERS], char *error, size_t error_size) {
    const int layers = mr_network_layers(network);
    if (request->layout_count != 1 && request->layout_count != layers)
        return mr_fail(
            error, error_size,
            "lanes are given for %d layers and the network has %d; give one number for all "
            "or one per layer",
            request->layout_count, layers);
    for (int l = 0; l < layers; l++)
        layouts[l] = request->layouts[request->layout_count == 1 ? 0 : l];
    return 0;
}

// The plan with the fewest lanes.
static int plan_smallest(const struct mr_network *network, const struct mr_plan_options *options,
                         const struct mr_target *target, struct mr_plan *plan, char *error,
                         size_t error_size) {
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    keep_up(options, UINT32_MAX, layouts);
    return evaluate(network, target, layouts, options->slots, plan, error, error_size);
}

// The fewest multipliers that keep up with the interval that is asked for.
static int plan_within(const struct mr_network *network, const struct mr_plan_options *options,
                       const struct mr_plan_request *request, const struct mr_target *target,
                       struct mr_plan *plan, char *error, size_t error_size) {
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    uint32_t least = 0;
    for (int l = 0; l < options->layers; l++)
        if (options->of[l][0].cycles > least)
            least = options->of[l][0].cycles;
    // Lanes in several dies are late; those that are asked for are then so much sooner.
    for (uint32_t asked = request->step_cycles; keep_up(options, asked, layouts);
         asked -= plan->interval - request->step_cycles) {
        if (evaluate(network, target, layouts, options->slots, plan, error, error_size))
            return -1;
        if (plan->interval <= request->step_cycles)
            return 0;
        if (plan->interval - request->step_cycles >= asked)
            break;
    }
    return mr_fail(error, error_size,
                   "no plan takes at most %u cycles a step; %u is the least that this network can "
                   "have",
                   (unsigned)request->step_cycles, (unsigned)least);
}

static int choose(const struct mr_network *network, const struct mr_plan_options *options,
                  const struct mr_plan_request *request, const struct room *room,
                  struct mr_plan *plan, char *error, size_t error_size) {
    const bool searches = request->mode == MR_PLAN_BALANCED || request->mode == MR_PLAN_LATENCY ||
                          request->mode == MR_PLAN_THROUGHPUT;
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    struct mr_plan smallest;
    if (plan_smallest(network, options, room->target, &smallest, error, error_size))
        return -1;
    if (searches) {
        if (!search(network, options, room, request->mode == MR_PLAN_BALANCED, plan))
            return does_not_fit(&smallest, room, NULL, error, error_size);
        if (request->mode == MR_PLAN_LATENCY)
            shorten(network, options, room, false, plan);
        return 0;
    }
    if (request->mode == MR_PLAN_STEP) {
        *plan = smallest;
        if (!fits(plan, room))
            return does_not_fit(&smallest, room, NULL, error, error_size);
        find_way(network, options, room, plan);
        return 0;
    }
    fewest_columns(network, options->slots, layouts);
    if (request->mode == MR_PLAN_LANES && // which may be impossible
        (given_lanes(network, request, layouts, error, error_size) ||
         mr_plan_evaluate(network, layouts, options->slots, plan, error, error_size)))
        return -1;
    if (request->mode == MR_PLAN_AREA && request->step_cycles
            ? plan_within(network, options, request, room->target, plan, error, error_size)
            : evaluate(network, room->target, layouts, options->slots, plan, error, error_size))
        return -1;
    return fits(plan, room) ? 0 : does_not_fit(plan, room, &smallest, error, error_size);
}

// Is a plan better than one that may be there? Only modes that spend what the device has look for
// another one at all.
static bool is_better(const struct mr_plan *plan, const struct mr_plan *best,
                      enum mr_plan_mode mode) {
    const uint32_t way = passage(plan), best_way = passage(best);
    switch (mode) {
    case MR_PLAN_STEP:
        return way < best_way;
    case MR_PLAN_THROUGHPUT:
        return plan->interval < best->interval ||
               (plan->interval == best->interval && plan->multipliers < best->multipliers);
    default:
        return plan->interval < best->interval ||
               (plan->interval == best->interval && way < best_way);
    }
}

// The best with at most so many passes.
static int choose_with(const struct mr_network *network, const struct mr_plan_request *request,
                       const struct room *room, int passes, int slots, struct mr_plan *plan,
                       char *error, size_t error_size) {
    bool found = false;
    // By multipliers; then by memory too, where that makes it fit, or faster.
    for (int measure = MR_PLAN_MULTIPLIERS; measure <= MR_PLAN_SHARE; measure++) {
        struct mr_plan_options options;
        struct mr_plan other;
        const bool again = measure == MR_PLAN_SHARE; // whose sentence, if any, is the first one's
        char *told = again ? NULL : error;
        const size_t size = again ? 0 : error_size;
        if (found && (request->mode == MR_PLAN_BALANCED || request->mode == MR_PLAN_AREA ||
                      request->mode == MR_PLAN_LANES))
            break;
        const int failed = mr_plan_options_make(
                               network, room->target, passes, slots, (enum mr_plan_measure)measure,
                               request->mode == MR_PLAN_STEP, &options, told, size) ||
                           choose(network, &options, request, room, &other, told, size);
        mr_plan_options_free(&options);
        if (failed)
            continue;
        if (!found || is_better(&other, plan, request->mode))
            *plan = other;
        found = true;
    }
    return found ? 0 : -1;
}

// The best with so many slots.
static int choose_slots(const struct mr_network *network, const struct mr_plan_request *request,
                        const struct room *room, int slots, struct mr_plan *plan, char *error,
                        size_t error_size) {
    // Several passes where they make it faster, or make it fit.
    const int most_passes = slots > 1 ? 1 : (int)MR_PLAN_PASSES;
    int failed = -1;
    for (int most = request->mode == MR_PLAN_BALANCED ? 1 : most_passes;
         failed && most <= most_passes; most += MR_PLAN_PASSES - 1)
        failed = choose_with(network, request, room, most, slots, plan, error, error_size);
    return failed;
}

int mr_plan_choose(const struct mr_network *network, const struct mr_target *target,
                   const struct mr_plan_request *request, struct mr_plan *plan, char *error,
                   size_t error_size) {
    const struct room room = room_of(target, request);
    const bool any_slots = request->mode == MR_PLAN_THROUGHPUT && request->slots == 0;
    const uint32_t asked = request->slots ? request->slots : 1;
    if (mr_plan_check_slots(asked, error, error_size) ||
        choose_slots(network, request, &room, (int)asked, plan, error, error_size))
        return -1;
    for (int slots = 2; any_slots && slots <= MR_PLAN_SLOTS; slots *= 2) {
        struct mr_plan other;
        if (choose_slots(network, request, &room, slots, &other, NULL, 0) == 0 &&
            is_better(&other, plan, request->mode))
            *plan = other;
    }
    plan->mode = request->mode;
    plan->target = target;
    return 0;
}
