// SPDX-License-Identifier: Apache-2.0
// A network's pipeline as what an image is of (network_image.h).
#define _GNU_SOURCE
#include "network_image.h"
#include "card_project.h"
#include "json_append.h"
#include "plan_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Can a number that the network gives be its input? Where it is not a token for all that
// (mr_network_token), nobody asks for it.
static bool feeds_back(const struct mr_network *network) {
    for (int o = 0; o < network->output_count && mr_network_entries(network); o++) {
        const struct mr_op *op = mr_output_op(network, o);
        if (op && op->kind->gives_place)
            return true;
    }
    return false;
}

struct mr_card_design mr_network_design(const struct mr_compiled *compiled) {
    const struct mr_plan *plan = &compiled->plan;
    return (struct mr_card_design){.data_dir = compiled->places.data_dir,
                                   .hash = &compiled->hash,
                                   .target = plan->target,
                                   .gen_dir = compiled->gen_dir,
                                   .cache_dir = compiled->places.cache_dir,
                                   .report = compiled->report,
                                   .clock_mhz = compiled->clock_mhz,
                                   .x_bits = mr_plan_element_bits(plan->x_lc),
                                   .y_bits = mr_plan_element_bits(plan->y_lc),
                                   .feeds_back = feeds_back(plan->network)};
}

static json_t *shape_json(const struct mr_plan *plan) {
    json_t *operators = json_array(), *outputs = json_array();
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        char precision[MR_PRECISION_NAME];
        mr_json_append(
            &operators,
            json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:b, s:s*}", "name", op->name, "kind",
                      op->kind->name, "inputs", op->inputs, "units", op->units, "lanes",
                      plan->ops[i].layout.lc, "passes", plan->ops[i].layout.passes, "h_first",
                      plan->ops[i].layout.h_first, "precision",
                      op->kind->gates ? mr_precision_name(op->precision, precision) : NULL));
    }
    for (int i = 0; i < plan->network->output_count; i++) {
        const int stream = plan->network->outputs[i].stream;
        mr_json_append(&outputs, json_string(plan->network->ops[stream - 1].name));
    }
    return json_pack("{s:i, s:o, s:o}", "slots", plan->slots, "operators", operators, "outputs",
                     outputs);
}

static json_t *describe(const struct mr_plan *plan) {
    return json_pack("{s:o, s:{s:I, s:I, s:I, s:I}, s:s}", "shape", shape_json(plan), "resources",
                     "multipliers", (json_int_t)plan->multipliers, "bram18",
                     (json_int_t)plan->memory.bram18, "uram", (json_int_t)plan->memory.uram,
                     "lut_memory", (json_int_t)plan->memory.lut, "resources_source",
                     "estimated by the planner, not measured");
}

// "3-5-4-2": inputs, units of the operators with weights (the first ones, where there are many).
static void name_of(const struct mr_network *network, char *name, size_t size) {
    enum { LIST = 120 }; // letters
    size_t used = (size_t)snprintf(name, size, "%d", network->streams[0].width);
    for (int i = 0; i < network->op_count && used < LIST; i++)
        if (mr_op_rows(&network->ops[i]) > 0)
            used += (size_t)snprintf(name + used, size - used, "-%d", network->ops[i].units);
}

int mr_network_image_build(const struct mr_compiled *compiled, const char *platform,
                           const char *output, const struct mr_options *options, char *path,
                           size_t path_size, struct mr_error *error) {
    char name[200];
    struct mr_card_design design = mr_network_design(compiled);
    name_of(compiled->plan.network, name, sizeof name);
    design.name = name;
    design.described = describe(&compiled->plan);
    const int code = mr_card_platform_build(&design, &compiled->pipeline, platform, output, options,
                                            path, path_size, error);
    json_decref(design.described);
    return code;
}
