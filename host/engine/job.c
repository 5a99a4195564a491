// SPDX-License-Identifier: Apache-2.0
// Jobs of an engine (job.h). Rows of x and elements of y are in the order in which the pipeline
// takes and gives them: sequence after sequence, or where there are slots group after group, in a
// group step after step, in a step a row of each sequence (hls/kernels/frame/slots.h). At a row
// come the elements of all outputs that have one then (host/plan/pipeline.h).
#include "job.h"

#include "engine_parts.h"
#include "failure.h"
#include "feedback.h"

#include <string.h>

enum {
    BLOCK_BYTES = 1 << 18, // what a block's sums take, about: they shall stay in a near cache
    LEAST_ROWS = 16,
    MOST_ROWS = 64
};

// Sequences that run side by side.
struct group {
    uint64_t first; // row of the job that is its first one
    uint32_t lanes, steps;
    bool by_turns; // each step has a row of each sequence, else sequence stands behind sequence
    const int16_t *x;
    size_t x_row; // numbers
    unsigned char *y;
    size_t step_words, last_words; // of every step, and more of a sequence's last one
};

static size_t word_bytes(const struct mr_engine_state *engine) {
    return mr_element_bytes(mr_plan_element_bits(engine->plan->y_lc));
}

static size_t output_words(const struct mr_engine_state *engine, int output) {
    const struct mr_network *network = engine->network;

    return (size_t)mr_plan_words(network->streams[network->outputs[output].stream].width,
                                 engine->plan->y_lc);
}

static bool per_step(const struct mr_engine_state *engine, int output) {
    return engine->network->streams[engine->network->outputs[output].stream].rate == MR_PER_STEP;
}

// ---- rows in, rows out

static void take_x(struct mr_engine_state *engine, int input, const struct group *group,
                   const struct mr_block *block) {
    const struct mr_flow *flow = &engine->flows[input];
    const size_t bytes = (size_t)engine->network->streams[input].width * sizeof(int16_t);

    for (uint32_t t = 0; t < block->steps; t++)
        for (uint32_t lane = 0; lane < block->lanes; lane++) {
            const size_t step = block->first + t;
            const size_t row = group->first + (group->by_turns ? step * group->lanes + lane
                                                               : lane * group->steps + step);
            memcpy((int16_t *)flow->data + ((size_t)t * block->lanes + lane) * flow->stride,
                   group->x + row * group->x_row, bytes);
        }
}

// Where the elements of a row begin, from those of the group's first row on.
static size_t place_of(const struct group *group, uint32_t lane, uint32_t step) {
    const size_t last = step + 1 == group->steps ? lane : 0; // rows before it that are last ones

    return group->by_turns
               ? ((size_t)step * group->lanes + lane) * group->step_words + last * group->last_words
               : (size_t)lane * (group->steps * group->step_words + group->last_words) +
                     step * group->step_words;
}

static void put_row(const struct mr_engine_state *engine, int output, size_t row,
                    unsigned char *to) {
    const int stream = engine->network->outputs[output].stream, lc = engine->plan->y_lc;
    const struct mr_flow *flow = &engine->flows[stream];
    const int width = engine->network->streams[stream].width;

    memset(to, 0, output_words(engine, output) * word_bytes(engine));
    for (int i = 0; i < width; i++) {
        const int32_t number = mr_flow_at(flow, row, (size_t)i);
        const int16_t narrow = (int16_t)number;
        if (lc)
            memcpy(to + (size_t)i * sizeof narrow, &narrow, sizeof narrow);
        else
            memcpy(to + (size_t)i * sizeof number, &number, sizeof number);
    }
}

// The elements of outputs at one rate, of a step of the block.
static void give_y(const struct mr_engine_state *engine, const struct group *group,
                   enum mr_rate rate, uint32_t step, uint32_t of_block) {
    const bool is_last = step + 1 == group->steps;

    for (uint32_t lane = 0; lane < group->lanes; lane++) {
        size_t at = place_of(group, lane, step);
        for (int o = 0; o < engine->network->output_count; o++) {
            const bool steps = per_step(engine, o);
            if (!steps && !is_last)
                continue;
            if (steps == (rate == MR_PER_STEP))
                put_row(engine, o, steps ? (size_t)of_block * group->lanes + lane : lane,
                        group->y + at * word_bytes(engine));
            at += output_words(engine, o);
        }
    }
}

// ---- groups

static void run_group(struct mr_engine_state *engine, bool encodes, const struct group *group,
                      uint32_t block_steps) {
    const int input = encodes ? engine->network->encoder : 0;
    struct mr_block block = {.lanes = group->lanes, .all = group->steps};

    mr_engine_clear(engine, encodes, false, group->lanes);
    for (; block.first < group->steps; block.first += block.steps) {
        const uint32_t left = group->steps - block.first;
        block.steps = left < block_steps ? left : block_steps;
        take_x(engine, input, group, &block);
        mr_engine_stages(engine, encodes, MR_PER_STEP, &block);
        for (uint32_t t = 0; !encodes && t < block.steps; t++)
            give_y(engine, group, MR_PER_STEP, block.first + t, t);
    }
    mr_engine_stages(engine, encodes, MR_PER_SEQUENCE, &block);
    if (!encodes)
        give_y(engine, group, MR_PER_SEQUENCE, group->steps - 1, 0);
}

static size_t rows_of_block(const struct mr_engine_state *engine) {
    size_t most = 1;

    for (int i = 0; i < engine->network->op_count; i++) {
        const struct mr_layer *layer = engine->stages[i].layer;
        const size_t bytes = layer ? mr_layer_row_bytes(layer) : 1;
        most = bytes > most ? bytes : most;
    }
    const size_t rows = BLOCK_BYTES / most;
    return rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

static bool reverses(const struct mr_engine_state *engine, bool encodes) {
    for (int i = 0; i < engine->network->op_count; i++)
        if (engine->stages[i].op->kind->reverses &&
            mr_op_encodes(engine->network, engine->stages[i].op) == encodes)
            return true;
    return false;
}

static int no_room(const struct mr_job *job, struct mr_error *error) {
    return mr_failure(error, MR_ERROR_MEMORY, "cpu: not enough memory for a run of %u steps",
                      job->steps);
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

static int run_groups(struct mr_engine_state *engine, const struct mr_job *job, struct group *group,
                      struct mr_error *error) {
    const bool whole = reverses(engine, job->encodes);
    const size_t rows = rows_of_block(engine);
    const uint32_t most = lanes_of(engine, job, rows, whole);
    unsigned char *y = group->y;

    for (uint32_t done = 0; done < job->sequences; done += group->lanes) {
        const uint32_t left = job->sequences - done, lanes = left < most ? left : most;
        const uint32_t steps = whole ? job->steps : lanes >= rows ? 1 : (uint32_t)(rows / lanes);
        group->lanes = lanes;
        group->by_turns = engine->plan->slots > 1;
        if (mr_engine_room(engine, job->encodes,
                           (size_t)lanes * (steps < job->steps ? steps : job->steps)))
            return no_room(job, error);
        if (job->flags & MR_FLAG_RESET)
            mr_engine_clear(engine, job->encodes, true, lanes);
        group->y = y;
        run_group(engine, job->encodes, group, steps);
        if (job->encodes)
            mr_engine_take(engine);
        else if (engine->plan->slots == 1)
            mr_engine_move_lane(engine, false, lanes - 1, 0);
        group->first += (uint64_t)lanes * job->steps;
        if (!job->encodes)
            y +=
                lanes * (group->steps * group->step_words + group->last_words) * word_bytes(engine);
    }
    return 0;
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
    for (int i = 0; i < engine->network->op_count; i++) {
        struct mr_stage *stage = &engine->stages[i];
        if (encodes ? stage->op->kind->recurrent || mr_op_encodes(engine->network, stage->op)
                    : !mr_op_encodes(engine->network, stage->op))
            stage->cuts = (struct mr_cuts){0};
    }
}

static void tell_counts(const struct mr_engine_state *engine, uint64_t *probes) {
    for (int i = 0; probes && i < engine->network->op_count; i++) {
        const struct mr_stage *stage = &engine->stages[i];
        if (stage->cut_probe >= 0)
            probes[stage->cut_probe] += stage->cuts.count;
        if (stage->past_probe >= 0)
            probes[stage->past_probe] += stage->cuts.past;
    }
}

static int run_job(void *self, struct mr_job *job, struct mr_error *error) {
    struct mr_engine_state *engine = self;
    const int input = job->encodes ? engine->network->encoder : 0, lc = engine->plan->x_lc;
    struct group group = {.steps = job->steps,
                          .x = job->in[0].data,
                          .x_row = (size_t)lc *
                                   (size_t)mr_plan_words(engine->network->streams[input].width, lc),
                          .y = job->out[0].data};
    const int code = check_job(engine, job, error);

    if (code)
        return code;
    for (int o = 0; o < engine->network->output_count; o++)
        *(per_step(engine, o) ? &group.step_words : &group.last_words) += output_words(engine, o);
    begin_counts(engine, job->encodes);
    job->cycles = job->last_output_cycle = 0;
    const int failed = run_groups(engine, job, &group, error);
    if (!failed)
        tell_counts(engine, job->probes);
    return failed;
}

int mr_engine_run(void *self, struct mr_job *job, struct mr_error *error) {
    const struct mr_engine_state *engine = self;

    if (!job->feedback.most)
        return run_job(self, job, error);
    return mr_feedback_run(run_job, self, mr_plan_element_bits(engine->plan->x_lc), 0, job, error);
}
