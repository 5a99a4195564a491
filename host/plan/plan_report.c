// SPDX-License-Identifier: Apache-2.0
// A plan's cycles, multipliers and memories as a table and as JSON.
#define _POSIX_C_SOURCE 200809L
#include "plan_report.h"

#include "file.h"
#include "placement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mr_plan_figures(const struct mr_plan *plan, const struct mr_report *report,
                    const struct mr_timing_result *timing, struct mr_plan_figures *figures,
                    char *error, size_t error_size) {
    *figures = (struct mr_plan_figures){0};
    figures->clock_mhz = report->clock_mhz;
    figures->microseconds = (double)timing->cycles / report->clock_mhz;
    for (size_t p = 0; p < report->process_count; p++) {
        const struct mr_report_process *process = &report->processes[p];
        figures->multipliers += process->multipliers;
        for (size_t m = 0; m < process->memory_count; m++) {
            const struct mr_report_memory *memory = &process->memories[m];
            if (mr_memory_cost(memory->impl, memory->words, memory->bits, memory->copies,
                               &figures->memory))
                return mr_fail(
                    error, error_size,
                    "memory '%s' of process '%s' is of kind '%s'; known are lutram, bram, "
                    "uram and rom",
                    memory->name, process->name, memory->impl);
        }
    }
    const double sequences = (double)timing->sequences;
    const double total = sequences * (double)timing->steps;
    double lanes = (double)plan->head.lanes;
    double lane_useful = sequences * plan->head.inputs * plan->head.outputs;
    double useful = sequences * (double)plan->head.useful;
    for (int l = 0; l < plan->layer_count; l++) {
        const struct mr_plan_layer *layer = &plan->layers[l];
        lanes += (double)layer->lanes;
        lane_useful += total * 4.0 * layer->hidden * ((double)layer->inputs + layer->hidden);
        useful += total * (double)layer->useful;
    }
    figures->utilisation = lane_useful / (lanes * (double)timing->cycles);
    if (figures->multipliers > 0)
        figures->multiplier_utilisation =
            useful / ((double)figures->multipliers * (double)timing->cycles);
    return 0;
}

static const struct mr_timing_process *timing_of(const struct mr_timing_result *timing, int layer) {
    char name[24];
    snprintf(name, sizeof name, "lstm%d", layer);
    return mr_timing_process(timing, name);
}

static uint64_t multipliers_of(const struct mr_report *report, const char *name) {
    const struct mr_report_process *process = mr_report_process(report, name);
    return process ? process->multipliers : 0;
}

static void print_use(FILE *out, const char *what, double used, uint64_t of) {
    fprintf(out, "  %-14s %10.10g of %9" PRIu64 "  %5.1f %%\n", what, used, of,
            of ? 100.0 * used / (double)of : 0.0);
}

static void print_layers(FILE *out, const struct mr_plan *plan, const struct mr_report *report,
                         const struct mr_timing_result *timing) {
    fprintf(out, "  layer     inputs  hidden   LC  cycles/step  multipliers  lanes busy\n");
    for (int l = 0; l < plan->layer_count; l++) {
        const struct mr_plan_layer *layer = &plan->layers[l];
        const struct mr_timing_process *times = timing_of(timing, l);
        if (!times)
            continue;
        const double useful = 4.0 * layer->hidden * ((double)layer->inputs + layer->hidden);
        fprintf(out, "  %-8s %7d %7d %4d %12.5g %12" PRIu64 " %9.1f %%\n", times->name,
                layer->inputs, layer->hidden, layer->lc, times->cycles_per_step,
                multipliers_of(report, times->name),
                100.0 * useful / ((double)layer->lanes * times->cycles_per_step));
    }
    fprintf(out, "  %-8s %7d %7d %4d %12s %12" PRIu64 "\n", "head", plan->head.inputs,
            plan->head.outputs, plan->head.lc, "-", multipliers_of(report, "head"));
}

static void print_dies(FILE *out, const struct mr_plan *plan) {
    struct mr_placement at;
    mr_place(plan, &at);
    fprintf(out, "  dies           %d of %u", at.dies, (unsigned)plan->target->slrs);
    const char *before = ": ";
    for (int i = 0; i < at.process_count && at.dies > 1; i++) {
        const struct mr_placed *placed = &at.processes[i];
        if (strncmp(placed->name, "lstm", 4) != 0)
            continue;
        fprintf(out, "%s%s %s%d", before, placed->name, placed->spans ? "about " : "", placed->die);
        before = ", ";
    }
    fprintf(out, "\n");
}

char *mr_plan_report_text(const struct mr_plan *plan, const struct mr_report *report,
                          const struct mr_timing_result *timing, char *error, size_t error_size) {
    struct mr_plan_figures figures;
    if (mr_plan_figures(plan, report, timing, &figures, error, error_size))
        return NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        mr_fail(error, error_size, "out of memory for the plan's table");
        return NULL;
    }
    const struct mr_target *target = plan->target;
    fprintf(out, "plan for %s (%s), mode %s\n", target ? target->name : "no device",
            target ? target->part : "-", mr_plan_mode_name(plan->mode));
    print_layers(out, plan, report, timing);
    fprintf(out,
            "  %" PRIu64 " sequence%s of %" PRIu64 " steps: %" PRIu64 " cycles, %.2f us at %g MHz\n"
            "  lanes busy %.1f %%, all multipliers %.1f %% of these cycles\n",
            timing->sequences, timing->sequences == 1 ? "" : "s", timing->steps, timing->cycles,
            figures.microseconds, figures.clock_mhz, 100 * figures.utilisation,
            100 * figures.multiplier_utilisation);
    if (target) {
        print_use(out, "DSP", (double)figures.multipliers, target->dsp);
        print_use(out, "BRAM36", (double)figures.memory.bram18 / 2, target->bram36);
        print_use(out, "URAM", (double)figures.memory.uram, target->uram);
        print_use(out, "LUT as memory", (double)figures.memory.lut, target->lut);
        print_dies(out, plan);
    }
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        mr_fail(error, error_size, "out of memory for the plan's table");
        return NULL;
    }
    return text;
}

// The die of each process.
static json_t *dies_json(const struct mr_plan *plan) {
    struct mr_placement at;
    mr_place(plan, &at);
    json_t *dies = json_object();
    for (int i = 0; i < at.process_count; i++)
        json_object_set_new(dies, at.processes[i].name, json_integer(at.processes[i].die));
    return dies;
}

static json_t *layers_json(const struct mr_plan *plan, const struct mr_report *report,
                           const struct mr_timing_result *timing) {
    json_t *layers = json_array();
    for (int l = 0; l < plan->layer_count; l++) {
        const struct mr_plan_layer *layer = &plan->layers[l];
        const struct mr_timing_process *times = timing_of(timing, l);
        if (!times)
            continue;
        json_array_append_new(
            layers,
            json_pack("{s:s, s:i, s:i, s:i, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:f}", "name",
                      times->name, "inputs", layer->inputs, "hidden", layer->hidden, "lc",
                      layer->lc, "step_cycles", (json_int_t)layer->step_cycles, "cycles_per_step",
                      times->cycles_per_step, "first_issue", (json_int_t)times->first_issue,
                      "last_issue", (json_int_t)times->last_issue, "lanes",
                      (json_int_t)layer->lanes, "multipliers",
                      (json_int_t)multipliers_of(report, times->name), "useful_per_step",
                      (json_int_t)layer->useful, "utilisation", layer->utilisation));
    }
    return layers;
}

json_t *mr_plan_report_json(const struct mr_plan *plan, const struct mr_report *report,
                            const struct mr_timing_result *timing, char *error, size_t error_size) {
    struct mr_plan_figures figures;
    if (mr_plan_figures(plan, report, timing, &figures, error, error_size))
        return NULL;
    json_t *per_step = json_array();
    for (int l = 0; l < plan->layer_count; l++) {
        const struct mr_timing_process *times = timing_of(timing, l);
        if (times)
            json_array_append_new(per_step, json_real(times->cycles_per_step));
    }
    json_t *object = json_pack(
        "{s:I, s:o, s:f, s:f, s:f, s:f, s:s*, s:s, s:I, s:I, s:I, s:{s:f, s:I, s:I}, s:o, s:o}",
        "cycles", (json_int_t)timing->cycles, "cycles_per_step", per_step, "utilisation",
        figures.utilisation, "multiplier_utilisation", figures.multiplier_utilisation, "clock_mhz",
        figures.clock_mhz, "microseconds", figures.microseconds, "target",
        plan->target ? plan->target->name : NULL, "mode", mr_plan_mode_name(plan->mode),
        "sequences", (json_int_t)timing->sequences, "steps", (json_int_t)timing->steps,
        "multipliers", (json_int_t)figures.multipliers, "memories", "bram36",
        (double)figures.memory.bram18 / 2, "uram", (json_int_t)figures.memory.uram, "lut",
        (json_int_t)figures.memory.lut, "layers", layers_json(plan, report, timing), "dies",
        dies_json(plan));
    if (!object)
        mr_fail(error, error_size, "out of memory for the plan's JSON");
    return object;
}
