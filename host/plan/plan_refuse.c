// SPDX-License-Identifier: Apache-2.0
// See plan_refuse.h. What would do is planned, nearest first: more of the same device, fewer bits
// on it, another device, and both.
#include "plan_refuse.h"

#include "file.h"

#include <stdio.h>
#include <string.h>

enum { MOST_PERCENT = 95 }; // that is proposed

struct mr_plan_room mr_plan_room_of(const struct mr_target *target,
                                    const struct mr_plan_request *request) {
    struct mr_plan_room room = {
        .target = target, .percent = request->budget ? request->budget : MR_PLAN_BUDGET_PERCENT};
    room.dsps = target->dsp * room.percent / 100;
    if (request->dsps && request->dsps < room.dsps)
        room.dsps = request->dsps;
    return room;
}

// ---- the same network with weights and columns of fewer bits

static const struct narrower {
    struct mr_precision precision;
    const char *what;
} narrower[] = {
    {{8, 16}, "weights of 8 bits (--precision w8a16)"},
    {{8, 8}, "weights and columns of 8 bits (--precision w8a8)"},
};
enum { NARROWER = sizeof narrower / sizeof *narrower };

// False where it has no more bits anyway. ops: for what the copy holds.
static bool make_narrow(const struct mr_network *network, const struct narrower *to,
                        struct mr_op ops[MR_MAX_OPS], struct mr_network *copy) {
    bool changed = false;
    *copy = *network;
    memcpy(ops, network->ops, (size_t)network->op_count * sizeof *ops);
    copy->ops = ops;
    for (int i = 0; i < copy->op_count; i++) {
        struct mr_precision *of = &ops[i].precision;
        if (!ops[i].kind->recurrent)
            continue;
        changed = changed || of->weight_bits > to->precision.weight_bits ||
                  of->column_bits > to->precision.column_bits;
        if (of->weight_bits > to->precision.weight_bits)
            of->weight_bits = to->precision.weight_bits;
        if (of->column_bits > to->precision.column_bits)
            of->column_bits = to->precision.column_bits;
    }
    return changed;
}

// ---- what would do

struct remedies {
    const struct mr_network *network;
    const struct mr_plan_request *request;
    char text[320];
};

static void add(struct remedies *remedies, const char *what, const char *device) {
    const size_t used = strlen(remedies->text);
    snprintf(remedies->text + used, sizeof remedies->text - used, "%s%s would fit %s",
             used ? ", and " : "", what, device);
}

static bool would_fit(const struct mr_network *network, const struct mr_target *target,
                      const struct mr_plan_request *request) {
    struct mr_plan plan;
    return mr_plan_choose(network, target, request, &plan, NULL, 0) == 0;
}

// Fewer bits on a device: the most that fit.
static bool try_narrow(struct remedies *remedies, const struct mr_target *target) {
    for (size_t i = 0; i < NARROWER; i++) {
        struct mr_op ops[MR_MAX_OPS];
        struct mr_network copy;
        if (!make_narrow(remedies->network, &narrower[i], ops, &copy) ||
            !would_fit(&copy, target, remedies->request))
            continue;
        add(remedies, narrower[i].what, target->name);
        return true;
    }
    return false;
}

static void find_remedies(struct remedies *remedies, const struct mr_plan_room *room) {
    const struct mr_target *here = room->target, *other;
    struct mr_plan_request more = *remedies->request;
    bool found = *remedies->text != '\0';
    if (more.dsps) {
        more.dsps = 0;
        if (would_fit(remedies->network, here, &more)) {
            add(remedies, "without --dsps it", here->name);
            found = true;
        }
    }
    more = *remedies->request;
    if (room->percent < MOST_PERCENT) {
        more.budget = MOST_PERCENT;
        if (would_fit(remedies->network, here, &more)) {
            char what[80];
            snprintf(what, sizeof what, "with %d %% of the device (--budget %d) it", MOST_PERCENT,
                     MOST_PERCENT);
            add(remedies, what, here->name);
            found = true;
        }
    }
    found = try_narrow(remedies, here) || found;
    for (size_t i = 0; (other = mr_target_at(i)) != NULL; i++)
        if (other != here && would_fit(remedies->network, other, remedies->request)) {
            add(remedies, "it", other->name);
            return;
        }
    for (size_t i = 0; !found && (other = mr_target_at(i)) != NULL; i++)
        found = other != here && try_narrow(remedies, other);
}

int mr_plan_refuse(const struct mr_plan *plan, const struct mr_plan_room *room,
                   const struct mr_plan_request *request, const struct mr_plan *smallest,
                   char *error, size_t error_size) {
    struct mr_plan_need need[MR_PLAN_NEEDS];
    struct remedies remedies = {.network = plan->network, .request = request};
    char wants[320] = "";
    if (!error)
        return -1;
    mr_plan_needs(plan, room, need);
    for (int n = 0; n < MR_PLAN_NEEDS; n++) {
        const size_t used = strlen(wants);
        if (need[n].needed > need[n].budget)
            snprintf(wants + used, sizeof wants - used,
                     "%s%llu %s where %llu may be used (%llu too many)", used ? ", " : "",
                     (unsigned long long)need[n].needed, need[n].what,
                     (unsigned long long)need[n].budget,
                     (unsigned long long)(need[n].needed - need[n].budget));
    }
    if (smallest && mr_plan_fits(smallest, room))
        add(&remedies, "fewer lanes", room->target->name);
    find_remedies(&remedies, room);
    if (!*remedies.text)
        snprintf(remedies.text, sizeof remedies.text,
                 "no device of the table holds it, not even "
                 "with weights and columns of 8 bits");
    return mr_fail(
        error, error_size, "the network does not fit %s%s: it needs %s, %d %% of the device; %s",
        room->target->name, smallest ? " with these lanes" : " even with the fewest lanes", wants,
        (int)room->percent, remedies.text);
}
