// SPDX-License-Identifier: Apache-2.0
// A folded kernel's plan as a table and as JSON (folded_plan.h).
#define _POSIX_C_SOURCE 200809L
#include "folded_plan.h"
#include "json_append.h"
#include "op.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static double microseconds(const struct mr_folded_plan *plan, uint64_t cycles) {
    return (double)cycles / plan->board->clock_mhz;
}

// Products of a step that the network asks for, of those that its multipliers can make.
static double busy(const struct mr_folded_plan *plan) {
    return (double)plan->products / (plan->board->rows * (double)plan->step_cycles);
}

static void print_use(FILE *out, const char *what, uint32_t used, uint32_t of) {
    fprintf(out, "  %-14s %6" PRIu32 " of %6" PRIu32 "  %5.1f %%\n", what, used, of,
            100.0 * used / of);
}

static void print_image(FILE *out, const struct mr_board_cells *used,
                        const struct mr_board_cells *of) {
    fprintf(out, "  of the chip, by the image for all networks:\n");
    print_use(out, "logic cells", used->logic, of->logic);
    print_use(out, "block RAMs", used->block_rams, of->block_rams);
    print_use(out, "large RAMs", used->large_rams, of->large_rams);
    print_use(out, "multipliers", used->multipliers, of->multipliers);
}

char *mr_folded_plan_text(const struct mr_folded_plan *plan, const struct mr_board_cells *image,
                          uint64_t sequences, uint64_t steps) {
    const uint64_t cycles = mr_folded_cycles(plan, sequences, steps);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "plan for %s (%s), folded: %d multipliers for all rows in turn\n",
            plan->board->name, plan->board->chip, plan->board->rows);
    fprintf(out, "  operator  inputs   units  cycles/row  memory words\n");
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        if (plan->op_words[i])
            fprintf(out, "  %-8s %7d %7d %11" PRIu64 " %13" PRIu32 "\n", op->name, op->inputs,
                    op->units, plan->op_cycles[i], plan->op_words[i]);
    }
    fprintf(out,
            "  a step: %" PRIu64 " cycles, %.2f us at %" PRIu32 " MHz, multipliers busy %.1f %%\n"
            "  %" PRIu64 " sequence%s of %" PRIu64 " step%s: %" PRIu64 " cycles, %.2f us\n",
            plan->step_cycles, microseconds(plan, plan->step_cycles), plan->board->clock_mhz,
            100 * busy(plan), sequences, mr_plural(sequences), steps, mr_plural(steps), cycles,
            microseconds(plan, cycles));
    print_use(out, "memory words", plan->words, FOLDED_WORDS);
    print_use(out, "numbers", plan->numbers, FOLDED_NUMBERS);
    print_use(out, "sums", plan->sums, FOLDED_SUMS);
    if (image)
        print_image(out, image, &plan->board->cells);
    const bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

static json_t *image_json(const struct mr_board_cells *used, const struct mr_board_cells *of) {
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "logic_cells", (json_int_t)used->logic,
        "logic_cells_limit", (json_int_t)of->logic, "block_rams", (json_int_t)used->block_rams,
        "block_rams_limit", (json_int_t)of->block_rams, "large_rams", (json_int_t)used->large_rams,
        "large_rams_limit", (json_int_t)of->large_rams, "multipliers",
        (json_int_t)used->multipliers, "multipliers_limit", (json_int_t)of->multipliers);
}

json_t *mr_folded_plan_json(const struct mr_folded_plan *plan, const struct mr_board_cells *image,
                            uint64_t sequences, uint64_t steps) {
    const uint64_t cycles = mr_folded_cycles(plan, sequences, steps);
    json_t *layers = json_array();

    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        char precision[MR_PRECISION_NAME];
        if (plan->op_words[i])
            mr_json_append(&layers, json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I}", "name",
                                              op->name, "cell", op->kind->name, "precision",
                                              mr_precision_name(op->precision, precision), "inputs",
                                              op->inputs, "hidden", op->units, "cycles",
                                              (json_int_t)plan->op_cycles[i], "memory_words",
                                              (json_int_t)plan->op_words[i]));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:s, s:s, s:I, s:I, s:I, s:i, s:I, s:i, s:I, "
                     "s:i, s:o, s:o*}",
                     "cycles", (json_int_t)cycles, "step_cycles", (json_int_t)plan->step_cycles,
                     "load_cycles", (json_int_t)mr_folded_load_cycles(plan), "clock_mhz",
                     (json_int_t)plan->board->clock_mhz, "microseconds", microseconds(plan, cycles),
                     "utilisation", busy(plan), "target", plan->board->name, "mode", "folded",
                     "sequences", (json_int_t)sequences, "steps", (json_int_t)steps, "memory_words",
                     (json_int_t)plan->words, "memory_words_limit", FOLDED_WORDS, "numbers",
                     (json_int_t)plan->numbers, "numbers_limit", FOLDED_NUMBERS, "sums",
                     (json_int_t)plan->sums, "sums_limit", FOLDED_SUMS, "layers", layers, "image",
                     image ? image_json(image, &plan->board->cells) : NULL);
}
