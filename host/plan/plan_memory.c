// SPDX-License-Identifier: Apache-2.0
// Which memories the weights of the layers lie in, and how many ports read them. While there is
// plenty, that is LUTs up to some words, and block RAM. Else each layer takes what leaves the
// largest share of a kind of memory, of all layers together, the smallest: deep memories go to
// UltraRAM, shallow ones to block RAM or LUTs, and where one is used up, the next layers go to the
// other.
#include "plan_options.h"

#include <string.h>

enum {
    KINDS = 3,
    LUTRAM_WORDS = 128 // of a memory of LUTs, at most: more are slow to read
};

static const double plenty = 0.25; // a share of the device

// The first is preferred while there is plenty.
static const struct mr_op_layout choices[] = {
    {.ports = 1, .memory = MR_STORAGE_LUTRAM}, {.ports = 1, .memory = MR_STORAGE_BRAM},
    {.ports = 2, .memory = MR_STORAGE_BRAM},   {.ports = 1, .memory = MR_STORAGE_URAM},
    {.ports = 2, .memory = MR_STORAGE_URAM},
};
enum { CHOICES = sizeof choices / sizeof *choices };

// What a layer takes with each choice, as shares of a device; possible: whether it has it.
struct shares {
    bool possible;
    double of[KINDS];
};

static void add(double sum[KINDS], const struct shares *shares, double sign) {
    for (int k = 0; k < KINDS; k++)
        sum[k] += sign * shares->of[k];
}

static void measure(const struct mr_op *op, const struct mr_target *target,
                    const struct mr_op_layout *layout, struct shares shares[CHOICES]) {
    const int words =
        layout->passes * (mr_ceil_div(op->inputs, layout->lc) + mr_ceil_div(op->units, layout->lc));
    const double lut = (double)target->lut * MR_PLAN_LUT_MEMORY_PERCENT / 100;

    for (int c = 0; c < CHOICES; c++) {
        struct mr_op_layout with = *layout;
        struct mr_op_cost cost = {0};
        if (layout->ports == 0) { // else it is said
            with.ports = choices[c].ports;
            with.memory = choices[c].memory;
        }
        shares[c].possible = with.ports <= layout->lc &&
                             (with.memory != MR_STORAGE_LUTRAM || words <= LUTRAM_WORDS) &&
                             (with.memory != MR_STORAGE_URAM || target->uram > 0);
        if (!shares[c].possible)
            continue;
        op->kind->cost(op, &with, &cost);
        shares[c].of[0] = (double)cost.memory.bram18 / (2.0 * target->bram36);
        shares[c].of[1] = target->uram ? (double)cost.memory.uram / target->uram : 0;
        shares[c].of[2] = (double)cost.memory.lut / lut;
    }
}

// The choice beside what others take.
static int choose(const struct shares shares[CHOICES], const double others[KINDS]) {
    double least = 0, least_sum = 0;
    int best = -1;

    for (int c = 0; c < CHOICES; c++) {
        double most = plenty, sum = 0;
        for (int k = 0; k < KINDS; k++) {
            const double share = others[k] + shares[c].of[k];
            most = share > most ? share : most;
            sum += share;
        }
        if (shares[c].possible &&
            (best < 0 || most < least || (most <= least && most > plenty && sum < least_sum))) {
            best = c;
            least = most;
            least_sum = sum;
        }
    }
    return best;
}

double mr_plan_memory_share(const struct mr_op *op, const struct mr_target *target,
                            const struct mr_op_layout *layout) {
    const double none[KINDS] = {0};
    struct shares shares[CHOICES];
    double most = 0;

    memset(shares, 0, sizeof shares);
    measure(op, target, layout, shares);
    const struct shares *best = &shares[choose(shares, none)];
    for (int k = 0; k < KINDS; k++)
        most = best->of[k] > most ? best->of[k] : most;
    return most;
}

void mr_plan_choose_memories(const struct mr_network *network, const struct mr_target *target,
                             int slots, struct mr_op_layout layouts[MR_MAX_LAYERS]) {
    enum { ROUNDS = 3 }; // again, as the others are known
    const int layers = mr_network_layers(network);
    struct shares shares[MR_MAX_LAYERS][CHOICES];
    double sum[KINDS] = {0};
    int chosen[MR_MAX_LAYERS];

    memset(shares, 0, sizeof shares);
    for (int l = 0; l < layers; l++) {
        layouts[l].slots = slots;
        measure(mr_network_layer(network, l), target, &layouts[l], shares[l]);
        chosen[l] = choose(shares[l], sum);
        add(sum, &shares[l][chosen[l]], 1);
    }
    for (int round = 0; round < ROUNDS; round++)
        for (int l = 0; l < layers; l++) {
            add(sum, &shares[l][chosen[l]], -1);
            chosen[l] = choose(shares[l], sum);
            add(sum, &shares[l][chosen[l]], 1);
        }
    for (int l = 0; l < layers; l++) {
        if (layouts[l].ports)
            continue;
        layouts[l].ports = choices[chosen[l]].ports;
        layouts[l].memory = choices[chosen[l]].memory;
    }
}
