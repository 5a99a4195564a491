// SPDX-License-Identifier: Apache-2.0
// The list of what each recurrent operator can be like (plan_options.h).
#include "plan_options.h"

#include "file.h"

#include <stdlib.h>
#include <string.h>

static int most_columns(const struct mr_op *op) {
    return op->units < MR_PLAN_LC ? op->units : (int)MR_PLAN_LC;
}

// Cycles of the operators that take a recurrent operator's vectors as they come, by its LC.
struct followers {
    uint32_t cycles[MR_MAX_LAYERS][MR_PLAN_LC + 1];
};

static int measure(const struct mr_network *network, int slots, struct followers *followers,
                   char *error, size_t error_size) {
    const int layers = mr_network_layers(network);

    memset(followers, 0, sizeof *followers);
    for (int columns = 1; columns <= MR_PLAN_LC; columns++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan plan;
        for (int l = 0; l < layers; l++) {
            const int most = most_columns(mr_network_layer(network, l));
            const int least = mr_plan_least_lc(mr_network_layer(network, l), slots);
            const int lc = columns < most ? columns : most;
            layouts[l] = (struct mr_op_layout){.lc = lc > least ? lc : least, .passes = 1};
        }
        if (mr_plan_evaluate(network, layouts, slots, &plan, error, error_size))
            return -1;
        for (int i = 0; i < network->op_count; i++) {
            uint32_t *most = &followers->cycles[mr_plan_leader(network, i)][columns];
            if (!network->ops[i].kind->recurrent && mr_plan_per_step(&plan, i) &&
                plan.ops[i].cost.row_cycles > *most)
                *most = plan.ops[i].cost.row_cycles;
        }
    }
    return 0;
}

static int by_cycles(const void *left, const void *right) {
    const struct mr_plan_option *a = left, *b = right;

    if (a->cycles != b->cycles)
        return a->cycles < b->cycles ? -1 : 1;
    if (a->takes < b->takes || a->takes > b->takes)
        return a->takes < b->takes ? -1 : 1;
    return a->layout.passes - b->layout.passes;
}

// target: of which the share is told, or NULL for multipliers.
static double takes(const struct mr_op *op, const struct mr_target *target,
                    const struct mr_op_layout *layout, const struct mr_op_cost *cost) {
    if (!target)
        return (double)cost->multipliers;
    const double dsps = (double)cost->multipliers / target->dsp;
    const double memory = mr_plan_memory_share(op, target, layout);
    return dsps > memory ? dsps : memory;
}

// All of an operator; the number of them.
static int list(const struct mr_op *op, const struct mr_target *target, const uint32_t *followers,
                int most, int slots, bool ways, struct mr_plan_option *option) {
    int count = 0;

    for (int lc = mr_plan_least_lc(op, slots); lc <= most_columns(op); lc++)
        for (int passes = 1; passes <= most; passes++) {
            if (mr_plan_passes(op, lc, passes) != passes)
                continue;
            const struct mr_op_layout layout = {
                .lc = lc, .passes = passes, .out_lc = lc, .slots = slots};
            struct mr_op_cost cost = {0};
            op->kind->cost(op, &layout, &cost);
            const uint32_t pace = cost.row_cycles > followers[lc] ? cost.row_cycles : followers[lc];
            const uint32_t cycles = ways ? cost.way : pace;
            option[count++] =
                (struct mr_plan_option){layout, cycles, takes(op, target, &layout, &cost)};
        }
    return count;
}

int mr_plan_options_make(const struct mr_network *network, const struct mr_target *target,
                         int passes, int slots, enum mr_plan_measure measured, bool ways,
                         struct mr_plan_options *options, char *error, size_t error_size) {
    const struct mr_target *shared = measured == MR_PLAN_SHARE ? target : NULL;
    struct followers followers;

    *options = (struct mr_plan_options){.layers = mr_network_layers(network), .slots = slots};
    if (measure(network, slots, &followers, error, error_size))
        return -1;
    for (int l = 0; l < options->layers; l++) {
        struct mr_plan_option *option = calloc(MR_PLAN_LC * MR_PLAN_PASSES, sizeof *option);
        if (!option)
            return mr_fail(error, error_size, "not enough memory for the plan");
        options->of[l] = option;
        const int all = list(mr_network_layer(network, l), shared, followers.cycles[l], passes,
                             slots, ways, option);
        qsort(option, (size_t)all, sizeof *option, by_cycles);
        int kept = 0;
        for (int i = 0; i < all; i++)
            if (kept == 0 || option[i].takes < option[kept - 1].takes)
                option[kept++] = option[i];
        options->count[l] = kept;
    }
    return 0;
}

void mr_plan_options_free(struct mr_plan_options *options) {
    for (int l = 0; l < options->layers; l++)
        free(options->of[l]);
    *options = (struct mr_plan_options){0};
}
