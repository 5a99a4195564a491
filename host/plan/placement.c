// SPDX-License-Identifier: Apache-2.0
// Layers fill the dies in the order of the data, each die up to a share of what it has, beginning
// with the die of the memory ports (placement.h).
#include "placement.h"

#include <stdio.h>
#include <stdlib.h>

// Shares of a die that are tried: the rest is for the shell and for routing.
static const double shares[] = {0.75, 0.85, 0.95};

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

// Each die up to its share. False: they do not fit.
static bool fill(const struct mr_plan *plan, double used, double share, int *at) {
    int die = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        const struct mr_plan_layer *layer = &plan->layers[l];
        const double part = part_of_die(plan->target, layer->multipliers, &layer->memory);
        if (used + part > share && used > 0) {
            die++;
            used = 0;
        }
        if (part > share || die >= (int)plan->target->slrs)
            return false;
        used += part;
        at[l] = die;
    }
    return true;
}

// Some layers must lie in two dies: all are laid out along all dies, and each is counted to the die
// of its middle.
static void spread(const struct mr_plan *plan, double used, int *at, bool *spans) {
    const int dies = (int)plan->target->slrs;
    double parts[MR_MAX_LAYERS], total = used;
    for (int l = 0; l < plan->layer_count; l++) {
        parts[l] = part_of_die(plan->target, plan->layers[l].multipliers, &plan->layers[l].memory);
        total += parts[l];
    }
    for (int l = 0; l < plan->layer_count; l++) {
        const double begin = used * dies / total, end = (used + parts[l]) * dies / total;
        at[l] = (int)((begin + end) / 2);
        at[l] = at[l] < dies ? at[l] : dies - 1;
        // What the rounding of a sum may add is no second die.
        spans[l] = begin < at[l] - 1e-9 || end > at[l] + 1 + 1e-9;
        used += parts[l];
    }
}

// "head", or with a number "lstm0".
static void label(char *text, size_t size, const char *name, int number) {
    if (number < 0)
        snprintf(text, size, "%s", name);
    else
        snprintf(text, size, "%s%d", name, number);
}

static int place(struct mr_placement *to, const char *name, int number, int die) {
    struct mr_placed *placed = &to->processes[to->process_count++];
    label(placed->name, sizeof placed->name, name, number);
    placed->die = die;
    return die;
}

static void join(struct mr_placement *to, const char *name, int number, int from, int die) {
    if (from == die)
        return;
    struct mr_crossing *crossing = &to->crossings[to->crossing_count++];
    *crossing = (struct mr_crossing){.from = from, .to = die};
    label(crossing->channel, sizeof crossing->channel, name, number);
}

// All processes and the channels between them, as generate.c writes them; `die` of each layer.
static void list(const struct mr_plan *plan, const int *die, const bool *spans,
                 struct mr_placement *to) {
    const int last = plan->layer_count - 1;
    int at = place(to, "loader", -1, to->first);
    for (int l = 0; l <= last; l++) {
        if (mr_plan_has_resize(plan, l)) {
            // The narrower of its two streams leads from die to die.
            const bool wider = plan->layers[l].lc > plan->layers[l - 1].lc;
            const int resize = place(to, "resize", l, die[wider ? l : l - 1]);
            join(to, "h", l - 1, at, resize);
            join(to, "r", l, resize, die[l]);
        } else if (l > 0) {
            join(to, "h", l - 1, at, die[l]);
        }
        join(to, "w", l, to->first, die[l]);
        at = place(to, "lstm", l, die[l]);
        to->processes[to->process_count - 1].spans = spans[l];
        join(to, "s", l, at, to->first);
    }
    place(to, "saver", -1, to->first);
    place(to, "last", -1, at);
    join(to, "hl", -1, at, place(to, "head", -1, to->first));
}

void mr_place(const struct mr_plan *plan, struct mr_placement *placement) {
    *placement = (struct mr_placement){.dies = 1};
    const uint8_t *order = plan->target ? plan->target->die_order : NULL;
    int at[MR_MAX_LAYERS] = {0};
    bool spans[MR_MAX_LAYERS] = {0}, fits = !order;
    if (order) {
        const struct mr_memory_use none = {0};
        const double head = part_of_die(plan->target, plan->head.multipliers, &none);
        for (size_t i = 0; i < sizeof shares / sizeof *shares && !fits; i++)
            fits = fill(plan, head, shares[i], at);
        if (!fits)
            spread(plan, head, at, spans);
    }
    placement->dies = at[plan->layer_count - 1] + 1;
    for (int l = 0; order && l < plan->layer_count; l++)
        at[l] = order[at[l]];
    placement->first = order ? order[0] : 0;
    list(plan, at, spans, placement);
}

int mr_crossing_registers(const struct mr_crossing *crossing) {
    return 2 * abs(crossing->from - crossing->to) + 2;
}
