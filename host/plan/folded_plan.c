// SPDX-License-Identifier: Apache-2.0
// Counts the cycles of a network's programs (folded_plan.h): the programs are read as the kernel
// reads them, the pace is that of hls/kernels/folded/pace.h.
#include "folded_plan.h"

#include "folded/pace.h"
#include "op.h"

struct instruction {
    unsigned kind;
    bool gives;
    uint32_t rounds; // elements, words, or columns and ends of all groups
    uint32_t words;  // of memory, with its own
    uint32_t sums;
    uint64_t products;
};

static struct instruction read_at(const struct mr_fold *fold, size_t word) {
    const uint16_t *part = fold->parts + word * (size_t)fold->rows;
    struct instruction at = {.kind = part[0] & ((1u << FOLDED_KIND_BITS) - 1), .words = 1};
    const uint32_t columns = part[3] & ((1u << FOLDED_GROUPS_AT) - 1);
    const uint32_t groups = part[3] >> FOLDED_GROUPS_AT, rows = (uint32_t)fold->rows;

    if (at.kind == FOLDED_MATRIX) {
        at.rounds = groups * (columns + rows);
        at.words += groups * ((part[0] & FOLDED_WEIGHT8 ? (columns + 1) / 2 : columns) + rows);
        at.sums = groups * rows;
        at.products = (uint64_t)groups * columns * rows;
    } else if (at.kind != FOLDED_NOTHING) {
        at.rounds = part[3];
        at.gives = at.kind == FOLDED_MOVE && (part[0] & FOLDED_GIVE);
    }
    return at;
}

static uint64_t cycles_of(const struct instruction *at) {
    const bool takes = at->kind == FOLDED_MOVE && !at->gives;

    return FOLDED_INSTRUCTION_CYCLES + at->rounds + (takes ? FOLDED_TAKE_CYCLES : 0);
}

// Cycles of the instructions from one word to another.
static uint64_t count(struct mr_folded_plan *plan, const struct mr_fold *fold, size_t from,
                      size_t to) {
    uint64_t cycles = 0;

    for (size_t word = from; word < to;) {
        const struct instruction at = read_at(fold, word);
        cycles += cycles_of(&at);
        plan->sums = at.sums > plan->sums ? at.sums : plan->sums;
        word += at.words;
    }
    return cycles;
}

static uint64_t products_of(const struct mr_op *op) {
    return (uint64_t)mr_op_rows(op) * (uint64_t)mr_op_columns(op);
}

int mr_folded_plan_make(const struct mr_network *network, const struct mr_board *board,
                        struct mr_folded_plan *plan, struct mr_error *error) {
    struct mr_fold fold;
    bool is_wide = false;

    *plan = (struct mr_folded_plan){.network = network, .board = board};
    for (int o = 0; o < network->output_count; o++)
        is_wide = is_wide || network->streams[network->outputs[o].stream].bits != 16;
    const int code = mr_fold_network(network, board->rows, is_wide, &fold, error);
    if (!code) {
        plan->begin_cycles = count(plan, &fold, fold.begin, fold.step);
        plan->step_cycles = count(plan, &fold, fold.step, fold.end);
        plan->end_cycles = count(plan, &fold, fold.end, fold.words);
        plan->words = (uint32_t)fold.words;
        plan->numbers = (uint32_t)fold.numbers;
        plan->step_in = (uint32_t)network->streams[0].width;
    }
    for (int i = 0; i < network->op_count && !code; i++) {
        plan->op_cycles[i] = count(plan, &fold, fold.op_first[i], fold.op_end[i]);
        plan->op_words[i] = (uint32_t)(fold.op_end[i] - fold.op_first[i]);
        if (network->streams[network->ops[i].output].rate == MR_PER_STEP)
            plan->products += products_of(&network->ops[i]);
    }
    for (int o = 0; o < network->output_count && !code; o++) {
        const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
        const uint32_t words = (uint32_t)stream->width * (is_wide ? 2 : 1);
        *(stream->rate == MR_PER_STEP ? &plan->step_out : &plan->last_out) += words;
    }
    plan->ends = plan->last_out > 0;
    mr_fold_free(&fold);
    return code;
}

// Of a program that runs so often, of which a command takes at most UINT16_MAX.
static uint64_t run_cycles(uint64_t cycles, uint64_t times) {
    const uint64_t commands = (times + UINT16_MAX - 1) / UINT16_MAX;

    return commands * FOLDED_RUN_CYCLES + times * cycles;
}

uint64_t mr_folded_cycles(const struct mr_folded_plan *plan, uint64_t sequences, uint64_t steps) {
    // Other states than zero are written by commands of their own.
    const bool begins = mr_network_starts(plan->network) == 0;

    return sequences * ((begins ? run_cycles(plan->begin_cycles, 1) : 0) +
                        run_cycles(plan->step_cycles, steps) +
                        (plan->ends ? run_cycles(plan->end_cycles, 1) : 0));
}

uint64_t mr_folded_load_cycles(const struct mr_folded_plan *plan) {
    const uint64_t commands = ((uint64_t)plan->words + FOLDED_LOAD_WORDS - 1) / FOLDED_LOAD_WORDS;

    return commands * FOLDED_LOAD_CYCLES + (uint64_t)plan->words * (uint64_t)plan->board->rows;
}
