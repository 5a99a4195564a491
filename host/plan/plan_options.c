// SPDX-License-Identifier: Apache-2.0
// The list of what each recurrent operator can be like (plan_options.h).
#include "plan_options.h"

#include "file.h"

#include <stdlib.h>
#include <string.h>

static int most_columns(const struct mr_op *op) {
    return op->units < MR_PLAN_LC ? op->units : (int)MR_PLAN_LC;
}

static int measure_followers(const struct mr_network *network, struct mr_plan_options *options,
                             char *error, size_t error_size) {
    for (int columns = 1; columns <= MR_PLAN_LC; columns++) {
        struct mr_op_layout layouts[MR_MAX_LAYERS];
        struct mr_plan plan;
        for (int l = 0; l < options->layers; l++) {
            const struct mr_op *op = mr_network_layer(network, l);
            const int most = most_columns(op), least = mr_plan_least_lc(op, options->slots);
            const int lc = columns < most ? columns : most;
            layouts[l] = (struct mr_op_layout){.lc = lc > least ? lc : least, .passes = 1};
        }
        if (mr_plan_evaluate(network, layouts, options->slots, &plan, error, error_size))
            return -1;
        for (int i = 0; i < network->op_count; i++) {
            struct mr_plan_followers *of = &options->followers[mr_plan_leader(network, i)][columns];
            const struct mr_op_cost *cost = &plan.ops[i].cost;
            if (network->ops[i].kind->recurrent)
                continue;
            of->multipliers += cost->multipliers;
            if (mr_plan_per_step(&plan, i) && cost->row_cycles > of->pace)
                of->pace = cost->row_cycles;
        }
    }
    return 0;
}

bool mr_plan_reads_input(const struct mr_network *network, const struct mr_op *op) {
    int writer = network->streams[op->input].writer;

    while (writer >= 0 && !network->ops[writer].kind->recurrent)
        writer = network->streams[network->ops[writer].input].writer;
    return writer < 0;
}

// What it takes is not told.
struct mr_plan_option mr_plan_option_of(const struct mr_plan_options *options, int layer,
                                        const struct mr_op_layout *layout) {
    const struct mr_op *op = mr_network_layer(options->network, layer);
    const struct mr_plan_followers *followers = &options->followers[layer][layout->lc];
    struct mr_op_layout with = *layout;
    struct mr_op_cost cost = {0};

    with.slots = options->slots;
    op->kind->cost(op, &with, &cost);
    if (mr_plan_reads_input(options->network, op))
        cost.way += cost.before + (uint32_t)mr_ceil_div(op->inputs, layout->lc);
    return (struct mr_plan_option){.layout = *layout,
                                   .pace = cost.row_cycles > followers->pace ? cost.row_cycles
                                                                             : followers->pace,
                                   .way = cost.way,
                                   .giving = cost.giving,
                                   .multipliers = cost.multipliers + followers->multipliers};
}

static int compare(const struct mr_plan_option *a, const struct mr_plan_option *b,
                   uint32_t a_cycles, uint32_t b_cycles) {
    if (a_cycles != b_cycles)
        return a_cycles < b_cycles ? -1 : 1;
    if (a->takes < b->takes || a->takes > b->takes)
        return a->takes < b->takes ? -1 : 1;
    if (a->layout.h_first != b->layout.h_first) // a card's x is late
        return a->layout.h_first ? -1 : 1;
    return a->layout.passes - b->layout.passes;
}

static int by_pace(const void *left, const void *right) {
    const struct mr_plan_option *a = left, *b = right;

    return compare(a, b, a->pace, b->pace);
}

static int by_way(const void *left, const void *right) {
    const struct mr_plan_option *a = left, *b = right;

    return compare(a, b, a->way, b->way);
}

// All of an operator; the number of them.
static int list(const struct mr_plan_options *options, int layer, const struct mr_target *target,
                struct mr_plan_memories *memories, int most, enum mr_plan_measure measured,
                struct mr_plan_option *option) {
    const struct mr_op *op = mr_network_layer(options->network, layer);
    int count = 0;

    for (int lc = mr_plan_least_lc(op, options->slots); lc <= most_columns(op); lc++)
        for (int n = 0; n < (options->ways && options->slots == 1 ? 2 : 1) * most; n++) {
            const int passes = n % most + 1;
            if (mr_plan_passes(op, lc, passes) != passes ||
                mr_plan_state_words(op, lc, passes, options->slots) > MR_PLAN_STATE_WORDS)
                continue;
            const struct mr_op_layout layout = {.lc = lc, .passes = passes, .h_first = n >= most};
            struct mr_plan_option *to = &option[count++];
            *to = mr_plan_option_of(options, layer, &layout);
            // Of the operator itself.
            to->takes = (double)(to->multipliers - options->followers[layer][lc].multipliers);
            if (measured == MR_PLAN_MULTIPLIERS)
                continue;
            const double memory =
                mr_plan_memory_share(memories, layer, &layout, measured == MR_PLAN_PARTED_SHARE);
            to->takes /= target->dsp;
            to->takes = to->takes > memory ? to->takes : memory;
        }
    return count;
}

static int by_number(const void *left, const void *right) {
    const uint32_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

static int list_cycles(struct mr_plan_options *options, char *error, size_t error_size) {
    size_t all = 0;

    for (int l = 0; l < options->layers; l++)
        all += (size_t)options->count[l];
    options->cycles = calloc(all + 1, sizeof *options->cycles);
    if (!options->cycles)
        return mr_fail(error, error_size, "not enough memory for the plan");
    all = 0;
    for (int l = 0; l < options->layers; l++)
        for (int i = 0; i < options->count[l]; i++)
            options->cycles[all++] = mr_plan_option_cycles(options, &options->of[l][i]);
    qsort(options->cycles, all, sizeof *options->cycles, by_number);
    for (size_t i = 0; i < all; i++)
        if (options->cycle_count == 0 ||
            options->cycles[i] != options->cycles[options->cycle_count - 1])
            options->cycles[options->cycle_count++] = options->cycles[i];
    return 0;
}

int mr_plan_options_make(const struct mr_network *network, const struct mr_target *target,
                         struct mr_plan_memories *memories, int passes, int slots,
                         enum mr_plan_measure measured, bool ways, struct mr_plan_options *options,
                         char *error, size_t error_size) {
    *options = (struct mr_plan_options){
        .network = network, .layers = mr_network_layers(network), .slots = slots, .ways = ways};
    if (measure_followers(network, options, error, error_size))
        return -1;
    // Of each operator few of the many are kept.
    struct mr_plan_option *option = malloc(MR_PLAN_OPTIONS * sizeof *option);
    bool failed = !option;
    for (int l = 0; l < options->layers && !failed; l++) {
        const int all = list(options, l, target, memories, passes, measured, option);
        qsort(option, (size_t)all, sizeof *option, ways ? by_way : by_pace);
        int kept = 0;
        for (int i = 0; i < all; i++)
            if (kept == 0 || option[i].takes < option[kept - 1].takes)
                option[kept++] = option[i];
        options->of[l] = calloc((size_t)kept + 1, sizeof *option);
        failed = !options->of[l];
        if (!failed)
            memcpy(options->of[l], option, (size_t)kept * sizeof *option);
        options->count[l] = kept;
    }
    free(option);
    if (failed)
        return mr_fail(error, error_size, "not enough memory for the plan");
    return list_cycles(options, error, error_size);
}

void mr_plan_options_free(struct mr_plan_options *options) {
    for (int l = 0; l < options->layers; l++)
        free(options->of[l]);
    free(options->cycles);
    *options = (struct mr_plan_options){0};
}
