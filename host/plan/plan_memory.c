// SPDX-License-Identifier: Apache-2.0
// While there is plenty, weights lie in LUTs up to some words, and in block RAM. Else each layer
// takes what leaves the largest share of a kind of memory, of all layers together, the smallest:
// deep memories go to UltraRAM, shallow ones to block RAM or LUTs, and where one is used up, the
// next layers go to the other, or a part of their lanes.
#include "plan_memory.h"

#include "places.h"

#include <stdlib.h>
#include <string.h>

enum {
    KINDS = 3,
    LUTRAM_WORDS = 128, // of a memory of LUTs, at most: more are slow to read
    ROUNDS = 3          // in which each layer chooses, as the others are known
};

static const double plenty = 0.25; // a share of the device

// The first is preferred while there is plenty.
static const struct choice {
    int ports;
    enum mr_storage memory;
} choices[] = {
    {1, MR_STORAGE_LUTRAM}, {1, MR_STORAGE_BRAM}, {2, MR_STORAGE_BRAM},
    {1, MR_STORAGE_URAM},   {2, MR_STORAGE_URAM},
};
enum { CHOICES = sizeof choices / sizeof *choices };

// What a layer takes with each choice, as shares of a device; possible: whether it has it.
struct shares {
    bool asked;
    bool possible[CHOICES];
    double of[CHOICES][KINDS];
};

struct mr_plan_memories {
    const struct mr_network *network;
    const struct mr_target *target;
    int slots, layers;
    int like[MR_MAX_LAYERS];          // the first layer that takes as much
    struct shares *of[MR_MAX_LAYERS]; // [MR_PLAN_LC][MR_PLAN_PASSES] of such a one
    struct shares *said;              // [layers] of layouts that say ports and memory
};

// Where a layer lies: by one choice, or the first `fraction` of its lanes by one and the rest by
// another (rest < 0: none).
struct place {
    int first, rest;
    double fraction, of[KINDS];
};

static bool are_alike(const struct mr_op *a, const struct mr_op *b) {
    return a->kind == b->kind && mr_places_are_alike(a->places, b->places) &&
           a->inputs == b->inputs && a->units == b->units &&
           a->precision.weight_bits == b->precision.weight_bits &&
           a->precision.column_bits == b->precision.column_bits;
}

struct mr_plan_memories *mr_plan_memories_make(const struct mr_network *network,
                                               const struct mr_target *target, int slots) {
    struct mr_plan_memories *memories = calloc(1, sizeof *memories);

    if (!memories)
        return NULL;
    memories->network = network;
    memories->target = target;
    memories->slots = slots;
    memories->layers = mr_network_layers(network);
    memories->said = calloc(MR_MAX_LAYERS, sizeof *memories->said);
    bool failed = !memories->said;
    for (int l = 0; l < memories->layers; l++) {
        const struct mr_op *op = mr_network_layer(network, l);
        int like = 0;
        while (!are_alike(op, mr_network_layer(network, like)))
            like++;
        memories->like[l] = like;
        if (like == l)
            memories->of[l] = calloc((size_t)MR_PLAN_LC * MR_PLAN_PASSES, sizeof *memories->of[l]);
        failed = failed || (like == l && !memories->of[l]);
    }
    if (!failed)
        return memories;
    mr_plan_memories_free(memories);
    return NULL;
}

void mr_plan_memories_free(struct mr_plan_memories *memories) {
    for (int l = 0; memories && l < memories->layers; l++)
        free(memories->of[l]);
    if (memories)
        free(memories->said);
    free(memories);
}

// ---- what layers take

static void measure(const struct mr_op *op, const struct mr_target *target,
                    const struct mr_op_layout *layout, struct shares *shares) {
    const int words =
        layout->passes * (mr_ceil_div(op->inputs, layout->lc) + mr_ceil_div(op->units, layout->lc));
    const double lut = (double)target->lut * MR_PLAN_LUT_MEMORY_PERCENT / 100;

    shares->asked = true;
    for (int c = 0; c < CHOICES; c++) {
        struct mr_op_layout with = *layout;
        struct mr_op_cost cost = {0};
        if (layout->ports == 0) { // else it is said
            with.ports = choices[c].ports;
            with.memory = choices[c].memory;
        }
        shares->possible[c] = with.ports <= layout->lc &&
                              (with.memory != MR_STORAGE_LUTRAM || words <= LUTRAM_WORDS) &&
                              (with.memory != MR_STORAGE_URAM || target->uram > 0);
        if (!shares->possible[c])
            continue;
        op->kind->cost(op, &with, &cost);
        shares->of[c][0] = (double)cost.memory.bram18 / (2.0 * target->bram36);
        shares->of[c][1] = target->uram ? (double)cost.memory.uram / target->uram : 0;
        shares->of[c][2] = (double)cost.memory.lut / lut;
    }
}

static const struct shares *shares_of(struct mr_plan_memories *memories, int layer,
                                      const struct mr_op_layout *layout) {
    struct mr_op_layout asked = *layout;
    struct shares *shares = &memories->said[layer];

    asked.slots = memories->slots;
    if (layout->ports == 0 && layout->lc <= MR_PLAN_LC && layout->passes <= MR_PLAN_PASSES)
        shares = &memories->of[memories->like[layer]]
                              [(layout->lc - 1) * MR_PLAN_PASSES + layout->passes - 1];
    else
        shares->asked = false;
    if (!shares->asked)
        measure(mr_network_layer(memories->network, layer), memories->target, &asked, shares);
    return shares;
}

// ---- where they lie

// Of the kind of which most is taken beside what others take, at least `plenty`; and of all kinds.
struct cost {
    double most, sum;
};

static struct cost cost_of(const double of[KINDS], const double others[KINDS]) {
    struct cost cost = {plenty, 0};
    for (int k = 0; k < KINDS; k++) {
        const double share = others[k] + of[k];
        cost.most = share > cost.most ? share : cost.most;
        cost.sum += share;
    }
    return cost;
}

static bool is_cheaper(struct cost a, struct cost b) {
    return a.most < b.most || (a.most <= b.most && a.most > plenty && a.sum < b.sum);
}

// Two choices side by side. The greatest of straight lines is least at an end, or where two meet.
static struct place part(const struct shares *shares, int first, int rest,
                         const double others[KINDS]) {
    const double *a = shares->of[first], *b = shares->of[rest];
    struct place best = {.first = first, .rest = -1};
    struct cost least = cost_of(a, others);

    memcpy(best.of, a, sizeof best.of);
    for (int k = 0; k < KINDS; k++)
        for (int m = 0; m < k; m++) {
            const double slope = (a[k] - b[k]) - (a[m] - b[m]);
            const double f =
                slope > 0 || slope < 0 ? ((others[m] + b[m]) - (others[k] + b[k])) / slope : -1;
            struct place place = {.first = first, .rest = rest, .fraction = f};
            if (!(f > 0 && f < 1))
                continue;
            for (int n = 0; n < KINDS; n++)
                place.of[n] = f * a[n] + (1 - f) * b[n];
            const struct cost cost = cost_of(place.of, others);
            if (is_cheaper(cost, least)) {
                best = place;
                least = cost;
            }
        }
    return best;
}

// The place beside what others take.
static struct place choose(const struct shares *shares, bool parted, const double others[KINDS]) {
    struct place best = {.first = -1};
    struct cost least = {0};

    for (int c = 0; c < CHOICES; c++) {
        if (!shares->possible[c])
            continue;
        struct place place = {.first = c, .rest = -1};
        memcpy(place.of, shares->of[c], sizeof place.of);
        const struct cost cost = cost_of(place.of, others);
        if (best.first < 0 || is_cheaper(cost, least)) {
            best = place;
            least = cost;
        }
    }
    for (int c = 0; parted && c < CHOICES; c++)
        for (int rest = 0; rest < CHOICES; rest++) {
            if (!shares->possible[c] || !shares->possible[rest] || c <= rest ||
                choices[c].ports != choices[rest].ports)
                continue;
            const struct place place = part(shares, c, rest, others);
            const struct cost cost = cost_of(place.of, others);
            if (cost.most < least.most) {
                best = place;
                least = cost;
            }
        }
    return best;
}

double mr_plan_memory_share(struct mr_plan_memories *memories, int layer,
                            const struct mr_op_layout *layout, bool parted) {
    const double none[KINDS] = {0};
    const struct place best = choose(shares_of(memories, layer, layout), parted, none);
    double most = 0;

    for (int k = 0; k < KINDS; k++)
        most = best.of[k] > most ? best.of[k] : most;
    return most;
}

static void add(double sum[KINDS], const struct place *place, double sign) {
    for (int k = 0; k < KINDS; k++)
        sum[k] += sign * place->of[k];
}

static void lay_out(const struct mr_op *op, const struct place *place,
                    struct mr_op_layout *layout) {
    const int lanes = mr_op_lane_units(op, layout);
    const int from = place->rest < 0 ? 0 : (int)(place->fraction * lanes);

    layout->ports = choices[place->first].ports;
    layout->memory = choices[place->first].memory;
    if (place->rest < 0)
        return;
    layout->rest = choices[place->rest].memory;
    if (from == 0)
        layout->memory = layout->rest;
    else
        layout->rest_from = from;
}

double mr_plan_memories_choose(struct mr_plan_memories *memories, bool parted,
                               struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    const int layers = memories->layers;
    const struct shares *shares[MR_MAX_LAYERS];
    struct place chosen[MR_MAX_LAYERS];
    double sum[KINDS] = {0}, most = 0;

    for (int l = 0; l < layers; l++) {
        layouts[l].slots = memories->slots;
        shares[l] = shares_of(memories, l, &layouts[l]);
        chosen[l] = choose(shares[l], false, sum);
        add(sum, &chosen[l], 1);
    }
    for (int round = 0; round < (parted ? 2 : 1) * ROUNDS; round++)
        for (int l = 0; l < layers; l++) {
            add(sum, &chosen[l], -1);
            chosen[l] = choose(shares[l], round >= ROUNDS && layouts[l].ports == 0, sum);
            add(sum, &chosen[l], 1);
        }
    for (int l = 0; l < layers; l++)
        if (layouts[l].ports == 0)
            lay_out(mr_network_layer(memories->network, l), &chosen[l], &layouts[l]);
    for (int k = 0; k < KINDS; k++)
        most = sum[k] > most ? sum[k] : most;
    return most;
}
