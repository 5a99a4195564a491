// SPDX-License-Identifier: Apache-2.0
// A network's pipeline as what an image is of (network_image.h).
#define _GNU_SOURCE
#include "network_image.h"
#include "card_project.h"
#include "failure.h"
#include "file.h"
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

// The folder with what Vitis needs.
static int write_project(const struct mr_compiled *compiled, const struct mr_card_design *design,
                         const char *output, const struct mr_options *options, char *path,
                         size_t path_size, struct mr_error *error) {
    char text[900];
    char *header = mr_card_shape_header(design, text, sizeof text);
    json_t *manifest = header ? mr_card_manifest(design, "hw") : NULL;
    const int failed =
        !header ? -1
        : !manifest
            ? mr_fail(text, sizeof text, "not enough memory for the image of a card")
            : mr_card_image_place(design, "hw", output, options, path, path_size, text,
                                  sizeof text) ||
                  mr_card_project_write(compiled, header, manifest, path, text, sizeof text);
    free(header);
    json_decref(manifest);
    return failed ? mr_failure(error, MR_ERROR_BUILD, "%s", text) : 0;
}

int mr_network_image_build(const struct mr_compiled *compiled, const char *platform,
                           const char *output, const struct mr_options *options, char *path,
                           size_t path_size, struct mr_error *error) {
    const bool hardware = strcmp(platform, "hw") == 0;
    char name[200];
    if (!hardware && strcmp(platform, "hw_emu") != 0)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "platform %.60s is not known; known are hw_emu, an emulated card, and hw, "
            "what Vitis needs to link an image for a card",
            platform);
    struct mr_card_design design = mr_network_design(compiled);
    name_of(compiled->plan.network, name, sizeof name);
    design.name = name;
    design.described = describe(&compiled->plan);
    const int code =
        hardware ? write_project(compiled, &design, output, options, path, path_size, error)
                 : mr_card_emulation_build(&design, output, options, path, path_size, error);
    json_decref(design.described);
    return code;
}
