// SPDX-License-Identifier: Apache-2.0
// Jobs of an engine (job.h): cuts them into groups of sequences that run side by side, and deals
// these out to threads.
#include "job.h"

#include "failure.h"
#include "feedback.h"
#include "group.h"

#include <string.h>

enum {
    BLOCK_BYTES = 1 << 16, // what a block's sums take, about: they shall stay in a near cache
    NEAR_BYTES = 1 << 20,  // of weights that stay in one from block to block
    LEAST_ROWS = 16,
    MOST_ROWS = MR_ENGINE_LANES // a block may have one of each sequence
};

// Weights from a far cache are read as seldom as can be.
static size_t rows_of_block(const struct mr_engine_state *engine) {
    size_t most = 1, weights = 0;

    for (int i = 0; i < engine->network->op_count; i++) {
        const struct mr_layer *layer = engine->stages[i].layer;
        const size_t bytes = layer ? mr_layer_row_bytes(layer) : 1;
        most = bytes > most ? bytes : most;
        weights += layer ? mr_packed_weight_bytes(engine->stages[i].packed) : 0;
    }
    if (weights > NEAR_BYTES)
        return MOST_ROWS;
    const size_t rows = BLOCK_BYTES / most;
    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

// Is a block all steps of its sequences?
static bool takes_whole(const struct mr_engine_state *engine, bool encodes) {
    for (int i = 0; i < engine->network->op_count; i++)
        if (mr_op_is_whole(engine->stages[i].op) &&
            mr_op_encodes(engine->network, engine->stages[i].op) == encodes)
            return true;
    return false;
}

// Sequences that go on from one another, or from the state that is there, cannot run side by side.
static uint32_t lanes_of(const struct mr_engine_state *engine, const struct mr_job *job,
                         size_t rows, bool whole) {
    const uint32_t slots = (uint32_t)engine->plan->slots;

    if (slots > 1)
        return slots;
    if (!(job->flags & MR_FLAG_RESET) || job->encodes)
        return 1;
    return whole && rows < job->steps ? 1 : (uint32_t)(whole ? rows / job->steps : rows);
}

// Sequences of a job, from `first` on, one group after the other. Those of a thread's own engine
// leave no state.
static int run_groups(struct mr_engine_state *engine, const struct mr_job *job,
                      const struct mr_group *all, uint32_t first, uint32_t count, bool together) {
    const bool whole = takes_whole(engine, job->encodes);
    const size_t rows = rows_of_block(engine);
    const uint32_t most = lanes_of(engine, job, rows, whole);
    const size_t of_sequence = job->encodes ? 0 : mr_group_sequence_bytes(engine, all);
    struct mr_group group = *all;

    group.by_turns = engine->plan->slots > 1;
    for (uint32_t done = 0; done < count; done += group.lanes) {
        const uint32_t left = count - done, lanes = left < most ? left : most;
        const uint32_t steps = whole ? job->steps : lanes >= rows ? 1 : (uint32_t)(rows / lanes);
        group.lanes = lanes;
        group.first = (uint64_t)(first + done) * job->steps;
        group.y = all->y + (first + done) * of_sequence;
        if (job->flags & MR_FLAG_RESET)
            mr_engine_clear(engine, job->encodes, true, lanes);
        if (mr_group_run(engine, &group, steps, together))
            return -1;
        if (job->encodes)
            mr_engine_take(engine);
        else if (engine->plan->slots == 1)
            mr_engine_move_lane(engine, false, lanes - 1, 0);
    }
    return 0;
}

// ---- threads

// Sequences that start from zero are dealt out, in whole groups of the slots: the last part, with
// what is left over, is the caller's, whose engine has the state behind them then.
struct dealt {
    struct mr_engine_state *engine;
    const struct mr_job *job;
    const struct mr_group *all;
    uint32_t groups, parts;
    atomic_bool is_short; // of memory
};

static void run_dealt(void *context, size_t part, size_t worker) {
    struct dealt *dealt = context;
    struct mr_engine_state *engine = dealt->engine;
    const uint32_t slots = (uint32_t)engine->plan->slots;
    const bool is_last = part + 1 == dealt->parts;
    const uint32_t first = (uint32_t)((uint64_t)dealt->groups * part / dealt->parts) * slots;
    const uint32_t end =
        is_last ? dealt->job->sequences
                : (uint32_t)((uint64_t)dealt->groups * (part + 1) / dealt->parts) * slots;
    // Any worker may have the last part; the others' engines are as many.
    struct mr_engine_state *own = is_last ? engine : engine->others[part];

    (void)worker;
    if (run_groups(own, dealt->job, dealt->all, first, end - first, false))
        dealt->is_short = true;
}

static int run_all(struct mr_engine_state *engine, const struct mr_job *job,
                   const struct mr_group *all) {
    const uint32_t groups = job->sequences / (uint32_t)engine->plan->slots,
                   threads = (uint32_t)mr_engine_threads(engine);
    struct dealt dealt = {.engine = engine,
                          .job = job,
                          .all = all,
                          .groups = groups,
                          .parts = groups < threads ? groups : threads};

    if (!(job->flags & MR_FLAG_RESET) || job->encodes || dealt.parts < 2)
        return run_groups(engine, job, all, 0, job->sequences, true);
    mr_workers_run(engine->workers, dealt.parts, run_dealt, &dealt);
    return dealt.is_short ? -1 : 0;
}

// ---- jobs

static int check_stream(const char *kind, const char *name, const char *due, uint64_t count,
                        uint64_t wanted, bool more, struct mr_error *error) {
    if (!name || strcmp(name, due) != 0 || more)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "cpu: a job has one %s stream, which is called %s", kind, due);
    return count == wanted
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "cpu: a job has %llu elements of %s where %llu are due; the data do "
                            "not fit the network",
                            (unsigned long long)count, due, (unsigned long long)wanted);
}

static int check_job(const struct mr_engine_state *engine, const struct mr_job *job,
                     struct mr_error *error) {
    const struct mr_plan *plan = engine->plan;
    const struct mr_network *network = engine->network;
    const int input = job->encodes ? network->encoder : 0;
    const uint64_t rows = (uint64_t)job->sequences * job->steps;
    const uint64_t words = (uint64_t)mr_plan_words(network->streams[input].width, plan->x_lc);
    const int code = check_stream("input", job->in[0].name, "x", job->in[0].count, rows * words,
                                  job->in[1].name != NULL, error);

    return code ? code
                : check_stream(
                      "output", job->out[0].name, "y", job->out[0].count,
                      job->encodes ? 0 : job->sequences * mr_plan_output_words(plan, job->steps),
                      job->out[1].name != NULL, error);
}

// What a run counts begins with it; an encoder's gives those that decode their states.
static void begin_counts(struct mr_engine_state *engine, bool encodes) {
    for (int k = 0; k < engine->other_count; k++)
        begin_counts(engine->others[k], encodes);
    for (int i = 0; i < engine->network->op_count; i++) {
        struct mr_stage *stage = &engine->stages[i];
        if (encodes ? stage->op->kind->recurrent || mr_op_encodes(engine->network, stage->op)
                    : !mr_op_encodes(engine->network, stage->op))
            stage->cuts = (struct mr_cuts){0};
    }
}

// What an engine has counted, at the places that the caller's says.
static void tell_counts(const struct mr_engine_state *engine, const struct mr_engine_state *own,
                        uint64_t *probes) {
    for (int i = 0; probes && i < engine->network->op_count; i++) {
        const struct mr_stage *stage = &engine->stages[i];
        if (stage->cut_probe >= 0)
            probes[stage->cut_probe] += own->stages[i].cuts.count;
        if (stage->past_probe >= 0)
            probes[stage->past_probe] += own->stages[i].cuts.past;
    }
    for (int k = 0; k < own->other_count; k++)
        tell_counts(engine, own->others[k], probes);
}

static int run_job(void *self, struct mr_job *job, struct mr_error *error) {
    struct mr_engine_state *engine = self;
    const int input = job->encodes ? engine->network->encoder : 0, lc = engine->plan->x_lc;
    struct mr_group group = {
        .encodes = job->encodes,
        .steps = job->steps,
        .y_steps = (uint32_t)mr_network_output_steps(engine->network, job->steps),
        .x = job->in[0].data,
        .x_row = (size_t)lc * (size_t)mr_plan_words(engine->network->streams[input].width, lc),
        .y = job->out[0].data};
    const int code = check_job(engine, job, error);

    if (code)
        return code;
    mr_group_words(engine, &group);
    begin_counts(engine, job->encodes);
    job->cycles = job->last_output_cycle = 0;
    if (run_all(engine, job, &group))
        return mr_failure(error, MR_ERROR_MEMORY, "cpu: not enough memory for a run of %u steps",
                          job->steps);
    tell_counts(engine, engine, job->probes);
    return 0;
}

int mr_engine_run(void *self, struct mr_job *job, struct mr_error *error) {
    const struct mr_engine_state *engine = self;

    if (!job->feedback.most)
        return run_job(self, job, error);
    return mr_feedback_run(run_job, self, mr_plan_element_bits(engine->plan->x_lc), 0, job, error);
}
