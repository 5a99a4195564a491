// SPDX-License-Identifier: Apache-2.0
// How threads share a network where there is one sequence at a time (engine_parts.h): layers of
// many units by units, small ones by a wave over the layers, which costs a hand-over per block and
// not one per step.
#include "engine_parts.h"

enum { MANY_UNITS = 256 };

// What a row of an operator takes, about, in cycles of AVX-512.
static double cost_of(const struct mr_engine_state *engine, int index) {
    const struct mr_stage *stage = &engine->stages[index];
    const struct mr_op *op = stage->op;
    const double columns = op->inputs + (op->kind->recurrent ? op->units : 0);
    const bool bytes = op->kind->recurrent && op->precision.column_bits == 8;

    if (!stage->layer)
        return 4.0 * (op->inputs + engine->network->streams[op->output].width);
    return op->kind->gates * (double)op->units * columns / (bytes ? 128 : 32) +
           (stage->packed->unit_kernel ? 8.0 : 60.0) * op->units;
}

static bool in_wave(const struct mr_engine_state *engine, bool encodes, int index) {
    const struct mr_op *op = engine->stages[index].op;

    return mr_op_encodes(engine->network, op) == encodes &&
           engine->network->streams[op->input].rate == MR_PER_STEP;
}

// Cuts the operators into parts that cost `most` at most; gives their number.
static int cut(const struct mr_engine_state *engine, bool encodes, double most, int *ends) {
    double sum = 0;
    int parts = 0;

    for (int i = 0; i < engine->network->op_count; i++) {
        const double cost = in_wave(engine, encodes, i) ? cost_of(engine, i) : 0;
        if (sum > 0 && sum + cost > most) {
            if (parts + 1 == MR_WORKERS_MAX)
                return MR_WORKERS_MAX + 1;
            ends[parts++] = i;
            sum = 0;
        }
        sum += cost;
    }
    ends[parts++] = engine->network->op_count;
    return parts;
}

static void plan_wave(const struct mr_engine_state *engine, bool encodes, int threads,
                      struct mr_together *together) {
    double all = 0, most = 0;

    for (int i = 0; i < engine->network->op_count; i++) {
        const double cost = in_wave(engine, encodes, i) ? cost_of(engine, i) : 0;
        // Blocks of a wave are no whole sequences.
        if (mr_op_encodes(engine->network, engine->stages[i].op) == encodes &&
            mr_op_is_whole(engine->stages[i].op))
            return;
        all += cost;
        most = cost > most ? cost : most;
    }
    // The least that so many threads can keep to, within a 20th.
    while (cut(engine, encodes, most, together->ends) > threads)
        most *= 1.05;
    const int parts = cut(engine, encodes, most, together->ends);
    together->wave = most < 0.85 * all ? parts : 0;
}

void mr_engine_plan_threads(struct mr_engine_state *engine, int threads) {
    for (int part = 0; part < 2; part++) {
        struct mr_together *together = &engine->together[part];
        for (int i = 0; i < engine->network->op_count; i++)
            together->by_units =
                together->by_units ||
                (in_wave(engine, part > 0, i) && engine->stages[i].packed &&
                 engine->stages[i].packed->cell && engine->stages[i].op->units >= MANY_UNITS);
        if (!together->by_units)
            plan_wave(engine, part > 0, threads, together);
    }
}
