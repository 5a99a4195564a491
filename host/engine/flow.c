// SPDX-License-Identifier: Apache-2.0
// Rows through the operators of an engine (engine_parts.h).
#include "engine_parts.h"

#include <stdlib.h>
#include <string.h>

static bool is_of(const struct mr_engine_state *engine, const struct mr_stage *stage,
                  bool encodes) {
    return mr_op_encodes(engine->network, stage->op) == encodes;
}

static int flow_room(struct mr_flow *flow, size_t rows) {
    const size_t size = flow->wide ? sizeof(int32_t) : sizeof(int16_t);

    if (rows <= flow->rows)
        return 0;
    free(flow->data);
    flow->rows = 0;
    flow->data = calloc(rows, flow->stride * size);
    if (!flow->data)
        return -1;
    flow->rows = rows;
    return 0;
}

int mr_engine_room(struct mr_engine_state *engine, bool encodes, size_t lanes, size_t steps,
                   size_t blocks) {
    const struct mr_network *network = engine->network;
    int result = 0;

    for (int s = 0; result == 0 && s < network->stream_count; s++)
        if (network->streams[s].encodes == encodes)
            result = flow_room(&engine->flows[s],
                               blocks * lanes * mr_stream_rows(&network->streams[s], steps));
    for (int i = 0; result == 0 && i < network->op_count; i++)
        if (engine->stages[i].layer && is_of(engine, &engine->stages[i], encodes))
            result = mr_layer_room(
                engine->stages[i].layer,
                lanes * mr_stream_rows(&network->streams[network->ops[i].input], steps));
    return result;
}

// Numbers of a row of a stream, behind those that are in the stage's row already.
static size_t take_row(const struct mr_engine_state *engine, int32_t *to, int stream, size_t row,
                       size_t at) {
    const size_t width = (size_t)engine->network->streams[stream].width;

    for (size_t i = 0; i < width; i++)
        to[at + i] = mr_flow_at(&engine->flows[stream], row, i);
    return at + width;
}

static void give_row(const struct mr_engine_state *engine, const int32_t *from, int stream,
                     size_t row) {
    const struct mr_flow *flow = &engine->flows[stream];
    const size_t width = (size_t)engine->network->streams[stream].width, at = row * flow->stride;

    for (size_t i = 0; i < width; i++) {
        if (flow->wide)
            ((int32_t *)flow->data)[at + i] = from[i];
        else
            ((int16_t *)flow->data)[at + i] = (int16_t)from[i];
    }
}

// A row of a lane, at a step of a block whose rows begin with that step's of lane 0.
static void run_row(const struct mr_engine_state *engine, struct mr_stage *stage, size_t from,
                    size_t to, uint32_t lane) {
    const struct mr_op *op = stage->op;
    const struct mr_flow *out = &engine->flows[op->output];
    const size_t width = (size_t)engine->network->streams[op->output].width;
    const size_t behind = take_row(engine, stage->in, op->input, from, 0);

    if (op->kind->joins)
        take_row(engine, stage->in, op->other, from, behind);
    // What gives a row per sequence goes on from what it gave.
    for (size_t i = 0; op->kind->pool_bits && i < width; i++)
        stage->out[i] = mr_flow_at(out, to, i);
    op->kind->integer_row(engine->network, op, stage->in, stage->state + lane * stage->state_size,
                          stage->out, &stage->cuts);
    give_row(engine, stage->out, op->output, to);
}

static void run_rows(const struct mr_engine_state *engine, struct mr_stage *stage,
                     const struct mr_block *block) {
    const struct mr_op *op = stage->op;
    const bool from_one = engine->network->streams[op->input].rate == MR_PER_SEQUENCE;
    const bool to_one = engine->network->streams[op->output].rate == MR_PER_SEQUENCE;

    for (uint32_t t = 0; t < block->steps; t++) {
        const uint32_t from = op->kind->reverses ? block->steps - 1 - t : t;
        if (to_one && !op->kind->pool_bits && block->first + t + 1 < block->all)
            continue; // of what keeps nothing the last row counts
        for (uint32_t lane = 0; lane < block->lanes; lane++)
            run_row(engine, stage,
                    from_one ? lane : block->base + (size_t)from * block->lanes + lane,
                    to_one ? lane : block->base + (size_t)t * block->lanes + lane, lane);
    }
}

static void *row_of(const struct mr_flow *flow, size_t row) {
    return (char *)flow->data +
           row * flow->stride * (flow->wide ? sizeof(int32_t) : sizeof(int16_t));
}

// A row of a stream per sequence, in the stage's row from `at` on; NULL: there is none.
static const int32_t *given_row(const struct mr_engine_state *engine, int32_t *rows, int stream,
                                uint32_t lane, size_t *at) {
    const int32_t *row = rows + *at;

    if (stream < 0)
        return NULL;
    *at = take_row(engine, rows, stream, lane, *at);
    return row;
}

// What the operator starts from in a lane.
static void take_state(const struct mr_engine_state *engine, struct mr_stage *stage, uint32_t lane,
                       struct mr_cuts *cuts) {
    const struct mr_op *op = stage->op;
    size_t at = 0;
    const int32_t *h = given_row(engine, stage->in, op->given[0], lane, &at);
    const int32_t *second = given_row(engine, stage->in, op->given[1], lane, &at);

    for (int u = 0; u < op->units; u++) {
        int32_t to_h, to_second;
        op->kind->take(engine->network, op, h, second, u, &to_h, &to_second, cuts);
        mr_engine_set(stage, lane, u, to_h, to_second);
    }
}

// The block as the rows of a stream; of one per sequence, or with a number of steps of its own,
// there are some behind the last step only.
static struct mr_block block_of(const struct mr_engine_state *engine, int stream,
                                const struct mr_block *block) {
    const struct mr_stream *of = &engine->network->streams[stream];
    struct mr_block rows = *block;

    if (of->rate == MR_PER_STEP && !of->steps)
        return rows;
    const bool is_last = block->first + block->steps == block->all;
    rows.first = 0;
    rows.base = 0;
    rows.steps = rows.all = is_last ? (uint32_t)mr_stream_rows(of, 1) : 0;
    return rows;
}

void mr_engine_stages(struct mr_engine_state *engine, struct mr_stages stages,
                      const struct mr_block *block, const struct mr_share *share,
                      struct mr_engine_state *counts) {
    for (int i = stages.first; i < stages.end; i++) {
        struct mr_stage *stage = &engine->stages[i];
        const struct mr_op *op = stage->op;
        const struct mr_block rows = block_of(engine, mr_op_pace(op), block);
        if (rows.steps == 0 || !is_of(engine, stage, stages.encodes))
            continue;
        if (op->follows) {
            for (uint32_t lane = 0; share->index == 0 && lane < rows.lanes; lane++)
                take_state(engine, stage, lane, &counts->stages[i].cuts);
            mr_share_wait(share);
        }
        const struct mr_flow *in = &engine->flows[op->input], *out = &engine->flows[op->output];
        if (stage->layer) {
            mr_layer_run(stage->layer, row_of(in, rows.base), in->stride, row_of(out, rows.base),
                         out->stride, out->wide, rows.lanes, rows.steps, share,
                         &counts->stages[i].cuts);
            continue;
        }
        if (share->index == 0)
            run_rows(engine, stage, &rows);
        mr_share_wait(share);
    }
}

// ---- states

void mr_engine_clear(struct mr_engine_state *engine, bool encodes, bool all, uint32_t lanes) {
    for (int i = 0; i < engine->network->op_count; i++) {
        struct mr_stage *stage = &engine->stages[i];
        if (!is_of(engine, stage, encodes) || (!all && !stage->op->kind->pool_bits))
            continue;
        if (!stage->layer)
            memset(stage->state, 0, lanes * stage->state_size * sizeof *stage->state);
        else if (stage->op->kind->recurrent)
            mr_layer_clear(stage->layer, lanes);
    }
}

void mr_engine_move_lane(struct mr_engine_state *engine, bool encodes, uint32_t from, uint32_t to) {
    for (int i = 0; from != to && i < engine->network->op_count; i++) {
        struct mr_stage *stage = &engine->stages[i];
        if (!is_of(engine, stage, encodes) || !stage->op->kind->recurrent)
            continue;
        if (stage->layer)
            mr_layer_move(stage->layer, from, to);
        else
            memcpy(stage->state + to * stage->state_size, stage->state + from * stage->state_size,
                   stage->state_size * sizeof *stage->state);
    }
}

void mr_engine_get(const struct mr_stage *stage, uint32_t lane, int unit, int32_t *h,
                   int32_t *second) {
    const int32_t *state = stage->state + lane * stage->state_size;

    if (stage->layer) {
        mr_layer_get(stage->layer, lane, unit, h, second);
        return;
    }
    *h = state[unit];
    *second = stage->op->kind->second_field ? state[stage->op->units + unit] : 0;
}

void mr_engine_set(struct mr_stage *stage, uint32_t lane, int unit, int32_t h, int32_t second) {
    int32_t *state = stage->state + lane * stage->state_size;

    if (stage->layer) {
        mr_layer_set(stage->layer, lane, unit, h, second);
        return;
    }
    state[unit] = h;
    state[stage->op->units + unit] = second;
}

void mr_engine_take(struct mr_engine_state *engine) {
    for (int i = 0; i < engine->network->op_count; i++) {
        struct mr_stage *stage = &engine->stages[i];
        if (stage->op->kind->recurrent && !is_of(engine, stage, true))
            take_state(engine, stage, 0, &stage->cuts);
    }
}
