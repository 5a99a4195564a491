// SPDX-License-Identifier: Apache-2.0
// Chooses the LCs of a plan. For a given interval each recurrent operator takes the least LC that
// keeps up with it, so there is one candidate per interval that some operator can have, and the
// search tries them all.
#include "plan.h"

#include "file.h"

#include <stdio.h>
#include <string.h>

enum {
    LUT_MEMORY_PERCENT = 45, // of the LUTs can serve as memory
    TIE_PERCENT = 5,         // products of interval and multipliers this close count as equal
    RESIZE_CYCLES = 6        // what a repacking before an operator adds to the latency, about
};

struct need {
    const char *what;
    uint64_t needed, budget;
};

enum { NEEDS = 3 };

static void needs_of(const struct mr_plan *plan, const struct mr_target *target,
                     struct need need[NEEDS]) {
    const uint64_t lut_memory = (uint64_t)target->lut * LUT_MEMORY_PERCENT / 100;
    need[0] = (struct need){"DSPs", plan->multipliers,
                            (uint64_t)target->dsp * MR_PLAN_BUDGET_PERCENT / 100};
    need[1] = (struct need){"RAMB36 block RAMs", (plan->memory.bram18 + 1) / 2,
                            (uint64_t)target->bram36 * MR_PLAN_BUDGET_PERCENT / 100};
    need[2] = (struct need){"LUTs as memory", plan->memory.lut,
                            lut_memory * MR_PLAN_BUDGET_PERCENT / 100};
}

static bool fits(const struct mr_plan *plan, const struct mr_target *target) {
    struct need need[NEEDS];
    needs_of(plan, target, need);
    for (int n = 0; n < NEEDS; n++)
        if (need[n].needed > need[n].budget)
            return false;
    return true;
}

static void one_everywhere(struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    for (int l = 0; l < MR_MAX_LAYERS; l++)
        layouts[l] = (struct mr_op_layout){.lc = 1, .passes = 1};
}

// Cycles per step by recurrent operator and LC, of the slowest among it and the operators that take
// its vectors as they come.
struct paces {
    int layers;
    int most[MR_MAX_LAYERS]; // the largest LC
    uint32_t cycles[MR_MAX_LAYERS][MR_PLAN_LC + 1];
};

static int measure(const struct mr_network *network, struct paces *paces, char *error,
                   size_t error_size) {
    *paces = (struct paces){.layers = mr_network_layers(network)};
    for (int l = 0; l < paces->layers; l++) {
        const int units = mr_network_layer(network, l)->units;
        paces->most[l] = units < MR_PLAN_LC ? units : (int)MR_PLAN_LC;
    }
    for (int columns = 1; columns <= MR_PLAN_LC; columns++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan plan;
        one_everywhere(layouts);
        for (int l = 0; l < paces->layers; l++)
            layouts[l].lc = columns < paces->most[l] ? columns : paces->most[l];
        if (mr_plan_evaluate(network, layouts, &plan, error, error_size))
            return -1;
        for (int i = 0; i < network->op_count; i++) {
            uint32_t *most = &paces->cycles[mr_plan_leader(network, i)][columns];
            if (mr_plan_per_step(&plan, i) && plan.ops[i].cost.row_cycles > *most)
                *most = plan.ops[i].cost.row_cycles;
        }
    }
    return 0;
}

// The least LCs with which all take at most `interval` cycles a step. False when one cannot.
static bool keep_up(const struct paces *paces, uint32_t interval,
                    struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    one_everywhere(layouts);
    for (int l = 0; l < paces->layers; l++) {
        while (paces->cycles[l][layouts[l].lc] > interval)
            if (++layouts[l].lc > paces->most[l])
                return false;
    }
    return true;
}

// Tries all intervals. BALANCED takes the fastest of those whose product of interval and
// multipliers is the least or nearly so, LATENCY the fastest. Returns false when none fits.
static bool search(const struct mr_network *network, const struct paces *paces,
                   const struct mr_target *target, enum mr_plan_mode mode, struct mr_plan *best) {
    double least = 0;
    bool found = false;
    // Twice: the least product first, then the fastest that comes near it.
    for (int pass = mode == MR_PLAN_BALANCED ? 0 : 1; pass < 2; pass++) {
        for (int i = 0; i < paces->layers * MR_PLAN_LC; i++) {
            const int layer = i / MR_PLAN_LC, columns = 1 + i % MR_PLAN_LC;
            struct mr_op_layout layouts[MR_MAX_LAYERS];
            struct mr_plan plan;
            if (columns > paces->most[layer] ||
                !keep_up(paces, paces->cycles[layer][columns], layouts) ||
                mr_plan_evaluate(network, layouts, &plan, NULL, 0) || !fits(&plan, target))
                continue;
            const double product = (double)plan.multipliers * plan.interval;
            if (pass == 0) {
                least = least > 0 && least <= product ? least : product;
            } else if (mode != MR_PLAN_BALANCED || product * 100 <= least * (100 + TIE_PERCENT)) {
                if (!found || plan.interval < best->interval)
                    *best = plan;
                found = true;
            }
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
                plan->ops[i].cost.row_cycles + (mr_plan_has_resize(plan, i) ? RESIZE_CYCLES : 0);
    return cycles;
}

static void layouts_of(const struct mr_plan *plan, struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    for (int i = 0; i < plan->network->op_count; i++)
        if (plan->network->ops[i].kind->recurrent)
            layouts[plan->network->ops[i].layer] = plan->ops[i].layout;
}

// Spends what is left of the device on a shorter way: again and again the change of one operator's
// LC that saves most cycles, the cheapest of those that save as many.
static void shorten(const struct mr_network *network, const struct paces *paces,
                    const struct mr_target *target, struct mr_plan *plan) {
    for (bool better = true; better;) {
        better = false;
        struct mr_plan best = *plan;
        for (int l = 0; l < paces->layers; l++) {
            struct mr_op_layout layouts[MR_MAX_LAYERS];
            layouts_of(plan, layouts);
            for (layouts[l].lc = 1; layouts[l].lc <= paces->most[l]; layouts[l].lc++) {
                struct mr_plan changed;
                if (mr_plan_evaluate(network, layouts, &changed, NULL, 0) ||
                    !fits(&changed, target) || changed.interval > plan->interval ||
                    passage(&changed) >= passage(plan))
                    continue;
                if (passage(&changed) < passage(&best) ||
                    (better && passage(&changed) == passage(&best) &&
                     changed.multipliers < best.multipliers)) {
                    best = changed;
                    better = true;
                }
            }
        }
        *plan = best;
    }
}

// A sentence on what is short, by how much, and what would do.
static int does_not_fit(const struct mr_network *network, const struct mr_plan *plan,
                        const struct mr_target *target, bool given, char *error,
                        size_t error_size) {
    struct need need[NEEDS];
    needs_of(plan, target, need);
    char wants[256] = "";
    for (int n = 0; n < NEEDS; n++) {
        const size_t used = strlen(wants);
        if (need[n].needed > need[n].budget)
            snprintf(wants + used, sizeof wants - used,
                     "%s%llu %s where %llu may be used (%llu too many)", used ? ", " : "",
                     (unsigned long long)need[n].needed, need[n].what,
                     (unsigned long long)need[n].budget,
                     (unsigned long long)(need[n].needed - need[n].budget));
    }
    char remedy[160] = "no device of the table holds it";
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    one_everywhere(layouts);
    struct mr_plan small;
    const struct mr_target *other;
    bool holds = false;
    for (size_t i = 0; !holds && (other = mr_target_at(i)) != NULL; i++)
        if (fits(plan, other)) {
            holds = true;
            snprintf(remedy, sizeof remedy, "it would fit %s", other->name);
        }
    if (given && mr_plan_evaluate(network, layouts, &small, NULL, 0) == 0 && fits(&small, target))
        snprintf(remedy + (holds ? strlen(remedy) : 0),
                 sizeof remedy - (holds ? strlen(remedy) : 0),
                 "%sfewer lanes (at least with 1 everywhere) would fit %s", holds ? ", and " : "",
                 target->name);
    return mr_fail(
        error, error_size, "the network does not fit %s%s: it needs %s, %d %% of the device; %s",
        target->name, given ? " with these lanes" : " even with one column per cycle (LC 1)", wants,
        (int)MR_PLAN_BUDGET_PERCENT, remedy);
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

int mr_plan_choose(const struct mr_network *network, const struct mr_target *target,
                   const struct mr_plan_request *request, struct mr_plan *plan, char *error,
                   size_t error_size) {
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    one_everywhere(layouts);
    // LC 1 everywhere: checks the network, and is the plan of AREA.
    if (mr_plan_evaluate(network, layouts, plan, error, error_size))
        return -1;
    const bool given = request->mode == MR_PLAN_LANES;
    if (given && (given_lanes(network, request, layouts, error, error_size) ||
                  mr_plan_evaluate(network, layouts, plan, error, error_size)))
        return -1;
    struct mr_plan found;
    struct paces paces;
    if (request->mode == MR_PLAN_BALANCED || request->mode == MR_PLAN_LATENCY) {
        if (measure(network, &paces, error, error_size))
            return -1;
        if (!search(network, &paces, target, request->mode, &found))
            return does_not_fit(network, plan, target, false, error, error_size);
        *plan = found;
        if (request->mode == MR_PLAN_LATENCY)
            shorten(network, &paces, target, plan);
    } else if (!fits(plan, target)) {
        return does_not_fit(network, plan, target, given, error, error_size);
    }
    plan->mode = request->mode;
    plan->target = target;
    return 0;
}
