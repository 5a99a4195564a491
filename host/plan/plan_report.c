// SPDX-License-Identifier: Apache-2.0
// A plan's cycles, multipliers and memories as a table and as JSON.
#define _POSIX_C_SOURCE 200809L
#include "plan_report.h"

#include "file.h"
#include "json_append.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)MR_PROCESSES <= (int)MR_TIMING_PROCESSES,
               "the cycle model takes all processes that a network may have");

int mr_process_memories(const struct mr_report_process *process, struct mr_memory_use *use,
                        char *error, size_t error_size) {
    for (size_t i = 0; i < process->memory_count; i++) {
        const struct mr_report_memory *memory = &process->memories[i];
        if (strcmp(memory->impl, "bram") == 0 || strcmp(memory->impl, "rom") == 0)
            use->bram18 += memory->blocks;
        else if (strcmp(memory->impl, "uram") == 0)
            use->uram += memory->blocks;
        else if (strcmp(memory->impl, "lutram") == 0)
            use->lut += memory->blocks;
        else
            return mr_fail(error, error_size,
                           "memory '%s' of process '%s' is of kind '%s'; known are lutram, bram, "
                           "uram and rom",
                           memory->name, process->name, memory->impl);
    }
    for (size_t i = 0; i < process->stream_count; i++)
        if (process->streams[i].out)
            mr_memory_fifo(use, process->streams[i].depth, process->streams[i].bits, 1);
    return 0;
}

// Rows of operator i in that run; 0: it stands still.
static double rows_of(const struct mr_plan *plan, int i, const struct mr_timing_result *timing) {
    if (mr_op_encodes(plan->network, &plan->network->ops[i]) != timing->encodes)
        return 0;
    return (double)timing->sequences * (double)mr_plan_rows(plan, i, timing->steps);
}

double mr_plan_utilisation(const struct mr_plan *plan, const struct mr_timing_result *timing) {
    double lanes = 0, useful = 0;
    for (int i = 0; i < plan->network->op_count; i++) {
        lanes += (double)plan->ops[i].cost.lanes;
        useful += rows_of(plan, i, timing) * (double)plan->ops[i].cost.lane_useful;
    }
    return useful / (lanes * (double)timing->cycles);
}

int mr_plan_figures(const struct mr_plan *plan, const struct mr_report *report,
                    const struct mr_timing_result *timing, struct mr_plan_figures *figures,
                    char *error, size_t error_size) {
    *figures = (struct mr_plan_figures){0};
    figures->clock_mhz = report->clock_mhz;
    figures->microseconds = (double)timing->cycles / report->clock_mhz;
    figures->multipliers = mr_report_multipliers(report);
    for (size_t p = 0; p < report->process_count; p++)
        if (mr_process_memories(&report->processes[p], &figures->memory, error, error_size))
            return -1;
    double useful = 0, products = (double)figures->multipliers;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op_cost *cost = &plan->ops[i].cost;
        products += (double)cost->products - (double)cost->multipliers; // what pairs add
        useful += rows_of(plan, i, timing) * (double)cost->useful;
    }
    figures->utilisation = mr_plan_utilisation(plan, timing);
    if (products > 0)
        figures->multiplier_utilisation = useful / (products * (double)timing->cycles);
    return 0;
}

static uint64_t multipliers_of(const struct mr_report *report, const char *name) {
    const struct mr_report_process *process = mr_report_process(report, name);
    return process ? process->multipliers : 0;
}

static void print_use(FILE *out, const char *what, double used, uint64_t of) {
    fprintf(out, "  %-14s %10.10g of %9" PRIu64 "  %5.1f %%\n", what, used, of,
            of ? 100.0 * used / (double)of : 0.0);
}

// An operator's in a run of its part; NULL: there was none.
static const struct mr_timing_process *times_of(const struct mr_plan *plan, const struct mr_op *op,
                                                const struct mr_timing_result *timing,
                                                const struct mr_timing_result *encoder) {
    const struct mr_timing_result *part = mr_op_encodes(plan->network, op) ? encoder : timing;

    return part ? mr_timing_process(part, op->name) : NULL;
}

// Operators that have no multipliers are of no interest.
static void print_ops(FILE *out, const struct mr_plan *plan, const struct mr_report *report,
                      const struct mr_timing_result *timing,
                      const struct mr_timing_result *encoder) {
    fprintf(out, "  operator  inputs   units   LC  cycles/step  multipliers  lanes busy\n");
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        const struct mr_plan_op *planned = &plan->ops[i];
        const struct mr_timing_process *times = times_of(plan, op, timing, encoder);
        const uint64_t multipliers = multipliers_of(report, op->name);
        if (planned->cost.multipliers == 0 || !times)
            continue;
        char columns[32] = "-", cycles[32] = "-", busy[32] = "";
        const double lanes = (double)planned->cost.lanes; // softmax has multipliers, but no lanes
        if (lanes > 0)
            mr_plan_lanes_text(&planned->layout, columns, sizeof columns);
        if (mr_plan_per_step(plan, i)) {
            snprintf(cycles, sizeof cycles, "%.5g", times->cycles_per_step);
            if (lanes > 0)
                snprintf(busy, sizeof busy, "%10.1f %%",
                         100 * (double)planned->cost.lane_useful /
                             (lanes * times->cycles_per_step));
        }
        fprintf(out, "  %-8s %7d %7d %4s %12s %12" PRIu64 "%s\n", op->name, op->inputs, op->units,
                columns, cycles, multipliers, busy);
    }
}

// Weights in two kinds of memory.
static void print_parts(FILE *out, const struct mr_plan *plan) {
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        const struct mr_op_layout *layout = &plan->ops[i].layout;
        if (op->kind->recurrent && layout->rest_from)
            fprintf(out, "  weights of %s: %d of %d lanes of a gate in %s, the others in %s\n",
                    op->name, layout->rest_from, mr_op_lane_units(op, layout),
                    mr_storage_name(layout->memory), mr_storage_name(layout->rest));
    }
}

static bool is_recurrent(const struct mr_plan *plan, const struct mr_process *process) {
    return process->part == MR_PART_OP && plan->network->ops[process->op].kind->recurrent;
}

static void print_dies(FILE *out, const struct mr_plan *plan, const struct mr_pipeline *pipeline) {
    fprintf(out, "  dies           %d of %u", pipeline->dies, (unsigned)plan->target->slrs);
    const char *before = ": ";
    for (int i = 0; i < pipeline->process_count && pipeline->dies > 1; i++) {
        const struct mr_process *process = &pipeline->processes[i];
        if (!is_recurrent(plan, process))
            continue;
        fprintf(out, "%s%s %d", before, process->name, process->die);
        const int crossing = plan->ops[process->op].layout.crossing;
        if (crossing)
            fprintf(out, " and beside it (lanes %d registers away)", crossing);
        else if (process->spans)
            fprintf(out, " and beside it");
        before = ", ";
    }
    fprintf(out, "\n");
}

char *mr_plan_report_text(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                          const struct mr_report *report, const struct mr_timing_result *timing,
                          const struct mr_timing_result *encoder, char *error, size_t error_size) {
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
    fprintf(out, "plan for %s (%s), mode %s", target ? target->name : "no device",
            target ? target->part : "-", mr_plan_mode_name(plan->mode));
    if (plan->slots > 1)
        fprintf(out, ", %d slots", plan->slots);
    fputc('\n', out);
    print_ops(out, plan, report, timing, encoder);
    if (encoder)
        fprintf(out, "  encoder, %" PRIu64 " step%s: %" PRIu64 " cycles, %.2f us at %g MHz\n",
                encoder->steps, mr_plural(encoder->steps), encoder->cycles,
                (double)encoder->cycles / figures.clock_mhz, figures.clock_mhz);
    fprintf(out,
            "  %s%" PRIu64 " sequence%s of %" PRIu64 " step%s: %" PRIu64
            " cycles, %.2f us at %g MHz\n"
            "  lanes busy %.1f %%, all multipliers %.1f %% of these cycles\n",
            encoder ? "decoder, " : "", timing->sequences, mr_plural(timing->sequences),
            timing->steps, mr_plural(timing->steps), timing->cycles, figures.microseconds,
            figures.clock_mhz, 100 * figures.utilisation, 100 * figures.multiplier_utilisation);
    if (timing->token_cycles)
        fprintf(out, "  a token that is fed back: %" PRIu64 " cycles, %.0f a second\n",
                timing->token_cycles, figures.clock_mhz * 1e6 / (double)timing->token_cycles);
    if (target) {
        print_use(out, "DSP", (double)figures.multipliers, target->dsp);
        print_use(out, "BRAM36", (double)figures.memory.bram18 / 2, target->bram36);
        print_use(out, "URAM", (double)figures.memory.uram, target->uram);
        print_use(out, "LUT as memory", (double)figures.memory.lut, target->lut);
        print_parts(out, plan);
        print_dies(out, plan, pipeline);
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
static json_t *dies_json(const struct mr_pipeline *pipeline) {
    json_t *dies = json_object();
    for (int i = 0; i < pipeline->process_count; i++)
        mr_json_put(&dies, pipeline->processes[i].name, json_integer(pipeline->processes[i].die));
    return dies;
}

static json_t *layers_json(const struct mr_plan *plan, const struct mr_report *report,
                           const struct mr_timing_result *timing,
                           const struct mr_timing_result *encoder) {
    json_t *layers = json_array();
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        const struct mr_plan_op *planned = &plan->ops[i];
        const struct mr_op_cost *cost = &planned->cost;
        const struct mr_timing_process *times = times_of(plan, op, timing, encoder);
        char precision[MR_PRECISION_NAME];
        if (!op->kind->recurrent || !times)
            continue;
        const bool parted = planned->layout.rest_from > 0;
        mr_json_append(
            &layers,
            json_pack(
                "{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:i, s:i, s:s?, s:I, s:f, s:I, s:I, "
                "s:I, s:I, s:I, s:f, s:b}",
                "name", op->name, "cell", op->kind->name, "precision",
                mr_precision_name(op->precision, precision), "inputs", op->inputs, "hidden",
                op->units, "lc", planned->layout.lc, "passes", planned->layout.passes,
                "weights_memory", mr_storage_name(planned->layout.memory), "weights_ports",
                planned->layout.ports, "weights_rest_from", planned->layout.rest_from,
                "weights_rest_memory", parted ? mr_storage_name(planned->layout.rest) : NULL,
                "step_cycles", (json_int_t)cost->row_cycles, "cycles_per_step",
                times->cycles_per_step, "first_issue", (json_int_t)times->first_issue, "last_issue",
                (json_int_t)times->last_issue, "lanes", (json_int_t)cost->lanes, "multipliers",
                (json_int_t)multipliers_of(report, op->name), "useful_per_step",
                (json_int_t)cost->useful, "utilisation", planned->utilisation, "h_first",
                planned->layout.h_first));
    }
    return layers;
}

// Cycles per step of each recurrent operator.
static json_t *cycles_json(const struct mr_plan *plan, const struct mr_timing_result *timing,
                           const struct mr_timing_result *encoder) {
    json_t *cycles = json_array();
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        const struct mr_timing_process *times = times_of(plan, op, timing, encoder);
        if (op->kind->recurrent && times)
            mr_json_append(&cycles, json_real(times->cycles_per_step));
    }
    return cycles;
}

json_t *mr_plan_report_json(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                            const struct mr_report *report, const struct mr_timing_result *timing,
                            const struct mr_timing_result *encoder, char *error,
                            size_t error_size) {
    struct mr_plan_figures figures;
    if (mr_plan_figures(plan, report, timing, &figures, error, error_size))
        return NULL;
    json_t *object = json_pack(
        "{s:I, s:o, s:f, s:f, s:f, s:f, s:s*, s:s, s:i, s:I, s:I, s:I, s:{s:f, s:I, s:I}, s:o, "
        "s:o, s:i}",
        "cycles", (json_int_t)timing->cycles, "cycles_per_step", cycles_json(plan, timing, encoder),
        "utilisation", figures.utilisation, "multiplier_utilisation",
        figures.multiplier_utilisation, "clock_mhz", figures.clock_mhz, "microseconds",
        figures.microseconds, "target", plan->target ? plan->target->name : NULL, "mode",
        mr_plan_mode_name(plan->mode), "slots", plan->slots, "sequences",
        (json_int_t)timing->sequences, "steps", (json_int_t)timing->steps, "multipliers",
        (json_int_t)figures.multipliers, "memories", "bram36", (double)figures.memory.bram18 / 2,
        "uram", (json_int_t)figures.memory.uram, "lut", (json_int_t)figures.memory.lut, "layers",
        layers_json(plan, report, timing, encoder), "dies", dies_json(pipeline), "dies_used",
        pipeline->dies);
    if (encoder)
        mr_json_put(&object, "encoder",
                    json_pack("{s:I, s:I, s:f}", "steps", (json_int_t)encoder->steps, "cycles",
                              (json_int_t)encoder->cycles, "microseconds",
                              (double)encoder->cycles / figures.clock_mhz));
    if (timing->token_cycles)
        mr_json_put(&object, "token_cycles", json_integer((json_int_t)timing->token_cycles));
    if (!object)
        mr_fail(error, error_size, "out of memory for the plan's JSON");
    return object;
}
