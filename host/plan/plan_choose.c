// SPDX-License-Identifier: Apache-2.0
// Chooses the lanes of a plan: for each wish the search that finds it (plan_search.h), by each of
// the measures of what lanes take, with one pass and with several, and with any number of slots.
#include "plan_refuse.h"

#include "clock.h"
#include "file.h"

#include <string.h>

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
static int plan_smallest(const struct mr_plan_search *search, struct mr_plan *plan, char *error,
                         size_t error_size) {
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    mr_plan_keep_up(search->options, UINT32_MAX, layouts);
    return mr_plan_lay_out(search, layouts, plan, error, error_size);
}

// The fewest multipliers that keep up with the interval that is asked for.
static int plan_within(const struct mr_plan_search *search, const struct mr_plan_request *request,
                       struct mr_plan *plan, char *error, size_t error_size) {
    const struct mr_plan_options *options = search->options;
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    uint32_t least = 0;
    for (int l = 0; l < options->layers; l++)
        if (options->of[l][0].pace > least)
            least = options->of[l][0].pace;
    // Lanes in several dies are late; those that are asked for are then so much sooner.
    for (uint32_t asked = request->step_cycles; mr_plan_keep_up(options, asked, layouts);
         asked -= plan->interval - request->step_cycles) {
        if (mr_plan_lay_out(search, layouts, plan, error, error_size))
            return -1;
        if (plan->interval <= request->step_cycles)
            return 0;
        // Of what was tried, which is more than is asked for.
        if (least <= request->step_cycles || plan->interval < least)
            least = plan->interval;
        if (plan->interval - request->step_cycles >= asked)
            break;
    }
    return mr_fail(error, error_size,
                   "no plan takes at most %u cycles a step; %u is the least that this network can "
                   "have",
                   (unsigned)request->step_cycles, (unsigned)least);
}

// The smallest that takes a sequence in so many cycles. *least: as of mr_plan_find_within.
static int plan_in_time(const struct mr_plan_search *search, const struct mr_plan_request *request,
                        const struct mr_plan *smallest, uint64_t *least, struct mr_plan *plan,
                        char *error, size_t error_size) {
    const uint32_t steps = request->within_steps ? request->within_steps : 1;
    const int64_t more = request->within_more;
    const int64_t cycles = (int64_t)request->within_cycles - more;
    if (mr_plan_find_within(search, cycles > 0 ? (uint64_t)cycles : 0, steps, plan, least))
        return 0;
    if (*least == UINT64_MAX)
        return mr_plan_refuse(smallest, search->room, request, NULL, error, error_size);
    const uint64_t told = more < 0 && *least < (uint64_t)-more ? 0 : *least + (uint64_t)more;
    return mr_fail(
        error, error_size,
        "no plan for %s takes %u step%s in %llu cycles (%.2f us); about %llu (%.2f us) is "
        "the least that this network can have there",
        search->room->target->name, (unsigned)steps, mr_plural(steps),
        (unsigned long long)request->within_cycles, (double)request->within_cycles / MR_CLOCK_MHZ,
        (unsigned long long)told, (double)told / MR_CLOCK_MHZ);
}

static int choose(const struct mr_plan_search *search, const struct mr_plan_request *request,
                  uint64_t *least, struct mr_plan *plan, char *error, size_t error_size) {
    const struct mr_network *network = search->network;
    const struct mr_plan_room *room = search->room;
    const bool searches = request->mode == MR_PLAN_BALANCED || request->mode == MR_PLAN_LATENCY ||
                          (request->mode == MR_PLAN_THROUGHPUT && !request->step_cycles);
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    struct mr_plan smallest;
    if (plan_smallest(search, &smallest, error, error_size))
        return -1;
    if (searches) {
        if (!mr_plan_find_pace(search, request->mode == MR_PLAN_BALANCED, plan))
            return mr_plan_refuse(&smallest, room, request, NULL, error, error_size);
        if (request->mode == MR_PLAN_LATENCY)
            mr_plan_shorten(search, false, plan);
        return 0;
    }
    if (request->mode == MR_PLAN_STEP) {
        *plan = smallest;
        if (!mr_plan_fits(plan, room))
            return mr_plan_refuse(&smallest, room, request, NULL, error, error_size);
        mr_plan_find_way(search, plan);
        return 0;
    }
    if (request->mode == MR_PLAN_AREA && request->within_cycles)
        return plan_in_time(search, request, &smallest, least, plan, error, error_size);
    const int slots = search->options->slots;
    mr_plan_fewest_columns(network, slots, layouts);
    if (request->mode == MR_PLAN_LANES && // which may be impossible
        (given_lanes(network, request, layouts, error, error_size) ||
         mr_plan_evaluate(network, layouts, slots, plan, error, error_size)))
        return -1;
    if (request->mode != MR_PLAN_LANES && request->step_cycles
            ? plan_within(search, request, plan, error, error_size)
            : mr_plan_lay_out(search, layouts, plan, error, error_size))
        return -1;
    return mr_plan_fits(plan, room)
               ? 0
               : mr_plan_refuse(plan, room, request, &smallest, error, error_size);
}

// Is a plan better than one that may be there? Only modes that spend what the device has look for
// another one at all.
static bool is_better(const struct mr_plan *plan, const struct mr_plan *best,
                      const struct mr_plan_request *request) {
    const uint32_t way = mr_plan_passage(plan), best_way = mr_plan_passage(best);
    switch (request->mode) {
    case MR_PLAN_STEP:
        return way < best_way;
    case MR_PLAN_THROUGHPUT:
        if (request->step_cycles && plan->multipliers != best->multipliers)
            return plan->multipliers < best->multipliers;
        return plan->interval < best->interval ||
               (plan->interval == best->interval && plan->multipliers < best->multipliers);
    default:
        return plan->interval < best->interval ||
               (plan->interval == best->interval && way < best_way);
    }
}

// Does it ask for the way of a step, at any pace?
static bool is_of_a_step(const struct mr_plan_request *request) {
    return request->mode == MR_PLAN_STEP ||
           (request->mode == MR_PLAN_AREA && request->within_cycles && request->within_steps <= 1);
}

// The best with at most so many passes.
static int choose_with(const struct mr_network *network, const struct mr_plan_request *request,
                       const struct mr_plan_room *room, struct mr_plan_memories *memories,
                       int passes, int slots, struct mr_plan *plan, char *error,
                       size_t error_size) {
    bool found = false;
    uint64_t least = UINT64_MAX; // cycles of a sequence, of all measures
    // By multipliers; then by memory too, where that makes it fit, or faster. What the last one
    // says is told.
    for (int measure = MR_PLAN_MULTIPLIERS; measure <= MR_PLAN_PARTED_SHARE; measure++) {
        struct mr_plan_options options;
        struct mr_plan other;
        char *told = measure == MR_PLAN_PARTED_SHARE ? error : NULL;
        const size_t size = told ? error_size : 0;
        if (found && (request->mode == MR_PLAN_BALANCED || request->mode == MR_PLAN_AREA ||
                      request->mode == MR_PLAN_LANES))
            break;
        int failed = mr_plan_options_make(network, room->target, memories, passes, slots,
                                          (enum mr_plan_measure)measure, is_of_a_step(request),
                                          &options, told, size);
        const struct mr_plan_search search = {network, room, memories, &options};
        failed = failed ||
                 choose(&search, request, &least, &other, found ? NULL : told, found ? 0 : size);
        mr_plan_options_free(&options);
        if (failed)
            continue;
        if (!found || is_better(&other, plan, request))
            *plan = other;
        found = true;
    }
    return found ? 0 : -1;
}

// The best with so many slots.
static int choose_slots(const struct mr_network *network, const struct mr_plan_request *request,
                        const struct mr_plan_room *room, int slots, struct mr_plan *plan,
                        char *error, size_t error_size) {
    // Several passes where they make it faster, or make it fit.
    struct mr_plan_memories *memories = mr_plan_memories_make(network, room->target, slots);
    int failed = -1;
    if (!memories)
        return mr_fail(error, error_size, "not enough memory for the plan");
    for (int most = request->mode == MR_PLAN_BALANCED ? 1 : MR_PLAN_PASSES;
         failed && most <= MR_PLAN_PASSES; most += MR_PLAN_PASSES - 1) {
        const bool last = most == MR_PLAN_PASSES;
        failed = choose_with(network, request, room, memories, most, slots, plan,
                             last ? error : NULL, last ? error_size : 0);
    }
    mr_plan_memories_free(memories);
    return failed;
}

// No number of slots keeps up with what is asked for. Fails, and names the least.
static int refuse_pace(const struct mr_network *network, const struct mr_target *target,
                       const struct mr_plan_request *request, char *error, size_t error_size) {
    struct mr_plan_request fastest = *request;
    struct mr_plan plan;
    fastest.step_cycles = 0;
    if (mr_plan_choose(network, target, &fastest, &plan, error, error_size))
        return -1;
    return mr_fail(error, error_size,
                   "no plan for %s takes at most %u cycles a step; %u is the least that this "
                   "network can have there, with %d slots",
                   target->name, (unsigned)request->step_cycles, (unsigned)plan.interval,
                   plan.slots);
}

int mr_plan_choose(const struct mr_network *network, const struct mr_target *target,
                   const struct mr_plan_request *request, struct mr_plan *plan, char *error,
                   size_t error_size) {
    const struct mr_plan_room room = mr_plan_room_of(target, request);
    const bool any_slots = request->mode == MR_PLAN_THROUGHPUT && request->slots == 0;
    const uint32_t asked = request->slots ? request->slots : 1;
    // What one slot does not keep up with, others may.
    const bool refused_last = any_slots && request->step_cycles;
    char *told = refused_last ? NULL : error;
    if (mr_plan_check_slots(asked, error, error_size))
        return -1;
    bool found =
        choose_slots(network, request, &room, (int)asked, plan, told, told ? error_size : 0) == 0;
    if (!found && !refused_last)
        return -1;
    for (int slots = 2; any_slots && slots <= MR_PLAN_SLOTS; slots *= 2) {
        struct mr_plan other;
        if (choose_slots(network, request, &room, slots, &other, NULL, 0) == 0 &&
            (!found || is_better(&other, plan, request))) {
            *plan = other;
            found = true;
        }
    }
    if (!found)
        return refuse_pace(network, target, request, error, error_size);
    plan->mode = request->mode;
    plan->target = target;
    return 0;
}
