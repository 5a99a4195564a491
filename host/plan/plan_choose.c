// SPDX-License-Identifier: Apache-2.0
// Chooses the LCs of a plan. For a given interval each layer takes the least LC that keeps up with
// it, so there is one candidate per interval that some layer can have, and the search tries them
// all.
#include "plan.h"

#include "cells/lstm.h"
#include "file.h"
#include "frame/words.h"

#include <stdio.h>
#include <string.h>

enum {
    LUT_MEMORY_PERCENT = 45, // of the LUTs can serve as memory
    TIE_PERCENT = 5,         // products of interval and multipliers this close count as equal
    RESIZE_CYCLES = 6        // what a repacking between two layers adds to the latency, about
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

static int most_columns(const struct mr_shape *shape, int layer) {
    return MR_MAX(1, shape->layers[layer].hidden < MR_PLAN_LC ? shape->layers[layer].hidden
                                                              : (int)MR_PLAN_LC);
}

static uint32_t step_cycles(const struct mr_shape *shape, int layer, int lc) {
    const int x_words = (shape->layers[layer].inputs + lc - 1) / lc;
    const int h_words = (shape->layers[layer].hidden + lc - 1) / lc;
    return (uint32_t)(MR_MAX(x_words, lstm_LATENCY(lc)) + h_words);
}

// The least LC of each layer with which it takes at most `interval` cycles a step. False when one
// cannot.
static bool keep_up(const struct mr_shape *shape, uint32_t interval, int lc[MR_MAX_LAYERS]) {
    for (int l = 0; l < shape->layer_count; l++) {
        lc[l] = 1;
        while (step_cycles(shape, l, lc[l]) > interval)
            if (++lc[l] > most_columns(shape, l))
                return false;
    }
    return true;
}

// Tries all intervals. BALANCED takes the fastest of those whose product of interval and
// multipliers is the least or nearly so, LATENCY the fastest. Returns false when none fits.
static bool search(const struct mr_shape *shape, const struct mr_target *target,
                   enum mr_plan_mode mode, struct mr_plan *best) {
    double least = 0;
    bool found = false;
    // Twice: the least product first, then the fastest that comes near it.
    for (int pass = mode == MR_PLAN_BALANCED ? 0 : 1; pass < 2; pass++) {
        for (int i = 0; i < shape->layer_count * MR_PLAN_LC; i++) {
            const int layer = i / MR_PLAN_LC;
            int lc[MR_MAX_LAYERS] = {0};
            struct mr_plan plan;
            if (1 + i % MR_PLAN_LC > most_columns(shape, layer) ||
                !keep_up(shape, step_cycles(shape, layer, 1 + i % MR_PLAN_LC), lc) ||
                mr_plan_evaluate(shape, lc, &plan, NULL, 0) || !fits(&plan, target))
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

// The way of one step through the layers, about.
static uint32_t passage(const struct mr_plan *plan) {
    uint32_t cycles = 0;
    for (int l = 0; l < plan->layer_count; l++)
        cycles += plan->layers[l].step_cycles + (mr_plan_has_resize(plan, l) ? RESIZE_CYCLES : 0);
    return cycles;
}

// Spends what is left of the device on a shorter way through the layers: again and again the change
// of one layer's LC that saves most cycles, the cheapest of those that save as many.
static void shorten(const struct mr_shape *shape, const struct mr_target *target,
                    struct mr_plan *plan) {
    for (bool better = true; better;) {
        better = false;
        struct mr_plan best = *plan;
        for (int l = 0; l < shape->layer_count; l++) {
            int lc[MR_MAX_LAYERS] = {0};
            for (int k = 0; k < shape->layer_count; k++)
                lc[k] = plan->layers[k].lc;
            for (lc[l] = 1; lc[l] <= most_columns(shape, l); lc[l]++) {
                struct mr_plan changed;
                if (mr_plan_evaluate(shape, lc, &changed, NULL, 0) || !fits(&changed, target) ||
                    changed.interval > plan->interval || passage(&changed) >= passage(plan))
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

static void one_everywhere(int lc[MR_MAX_LAYERS]) {
    for (int l = 0; l < MR_MAX_LAYERS; l++)
        lc[l] = 1;
}

// A sentence on what is short, by how much, and what would do.
static int does_not_fit(const struct mr_shape *shape, const struct mr_plan *plan,
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
    int lc[MR_MAX_LAYERS];
    one_everywhere(lc);
    struct mr_plan small;
    const struct mr_target *other;
    bool holds = false;
    for (size_t i = 0; !holds && (other = mr_target_at(i)) != NULL; i++)
        if (fits(plan, other)) {
            holds = true;
            snprintf(remedy, sizeof remedy, "it would fit %s", other->name);
        }
    if (given && mr_plan_evaluate(shape, lc, &small, NULL, 0) == 0 && fits(&small, target))
        snprintf(remedy + (holds ? strlen(remedy) : 0),
                 sizeof remedy - (holds ? strlen(remedy) : 0),
                 "%sfewer lanes (at least with 1 everywhere) would fit %s", holds ? ", and " : "",
                 target->name);
    return mr_fail(
        error, error_size, "the network does not fit %s%s: it needs %s, %d %% of the device; %s",
        target->name, given ? " with these lanes" : " even with one column per cycle (LC 1)", wants,
        (int)MR_PLAN_BUDGET_PERCENT, remedy);
}

static int given_lanes(const struct mr_shape *shape, const struct mr_plan_request *request,
                       int lc[MR_MAX_LAYERS], char *error, size_t error_size) {
    if (request->lane_count != 1 && request->lane_count != shape->layer_count)
        return mr_fail(
            error, error_size,
            "lanes are given for %d layers and the network has %d; give one number for all "
            "or one per layer",
            request->lane_count, shape->layer_count);
    for (int l = 0; l < shape->layer_count; l++)
        lc[l] = request->lanes[request->lane_count == 1 ? 0 : l];
    return 0;
}

int mr_plan_choose(const struct mr_shape *shape, const struct mr_target *target,
                   const struct mr_plan_request *request, struct mr_plan *plan, char *error,
                   size_t error_size) {
    int lc[MR_MAX_LAYERS];
    one_everywhere(lc);
    // LC 1 everywhere: checks the shape, and is the plan of AREA.
    if (mr_plan_evaluate(shape, lc, plan, error, error_size))
        return -1;
    const bool given = request->mode == MR_PLAN_LANES;
    if (given && (given_lanes(shape, request, lc, error, error_size) ||
                  mr_plan_evaluate(shape, lc, plan, error, error_size)))
        return -1;
    struct mr_plan found;
    if (request->mode == MR_PLAN_BALANCED || request->mode == MR_PLAN_LATENCY) {
        if (!search(shape, target, request->mode, &found))
            return does_not_fit(shape, plan, target, false, error, error_size);
        *plan = found;
        if (request->mode == MR_PLAN_LATENCY)
            shorten(shape, target, plan);
    } else if (!fits(plan, target)) {
        return does_not_fit(shape, plan, target, given, error, error_size);
    }
    plan->mode = request->mode;
    plan->target = target;
    return 0;
}
