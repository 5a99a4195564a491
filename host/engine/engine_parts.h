// SPDX-License-Identifier: Apache-2.0
// Inside of an engine (cpu_engine.h): operators, and the rows of streams between them.
//
// A run goes through the network block by block: operator after operator takes all rows of a block,
// which has so many steps of so many sequences that run side by side ("lanes"), step by step.
#ifndef MR_ENGINE_PARTS_H
#define MR_ENGINE_PARTS_H

#include "cpu_engine.h"
#include "layer.h"
#include "workers.h"

enum { MR_ENGINE_LANES = 64 }; // at most: states have room for so many
_Static_assert((int)MR_PLAN_SLOTS <= (int)MR_ENGINE_LANES, "each slot is a lane");

// Rows of a stream in a block: of 16 bits, or 32 where it is wide.
struct mr_flow {
    bool wide;
    size_t stride; // numbers from row to row
    size_t rows;   // that there is room for
    void *data;
};

// An operator.
struct mr_stage {
    const struct mr_op *op;
    struct mr_packed *packed; // the weights of its layer
    struct mr_layer *layer;   // its kernels; NULL: it goes row by row (op.h)
    int32_t *state;           // [lanes][state_size] of op.h, where there is no layer
    size_t state_size;
    int32_t *in, *out;   // a row each, where it goes row by row
    struct mr_cuts cuts; // of the last run of its part
    // Places among the engine's probes, where it has some.
    int cut_probe, past_probe;
};

// How a part of the network (the decoder, the encoder) goes where sequences come alone.
struct mr_together {
    bool by_units; // all threads share each layer
    // A wave: thread k takes the operators before ends[k], from ends[k - 1] on, of block after
    // block. 0: none.
    int wave;
    int ends[MR_WORKERS_MAX];
};

struct mr_engine_state {
    const struct mr_plan *plan;
    const struct mr_network *network;
    const struct mr_kernels *kernels;
    struct mr_tables *tables;
    struct mr_stage stages[MR_MAX_OPS];
    struct mr_flow flows[MR_MAX_STREAMS];
    struct mr_port ports[4];
    uint32_t port_count, probe_count;
    struct mr_probe probes[2 * MR_MAX_OPS];
    // Threads, and of each but the caller's an engine of its own that has the weights of this one.
    struct mr_workers *workers; // NULL: there is the caller's alone
    int other_count;
    struct mr_engine_state *others[MR_WORKERS_MAX - 1];
    struct mr_together together[2]; // [encodes]
};

// A block: `steps` steps of `lanes` sequences, the first of them step `first` of `all`. Its rows in
// streams per step begin with row `base`.
struct mr_block {
    uint32_t lanes, first, steps, all;
    size_t base;
};

// Operators of a part: those from `first` on and before `end`.
struct mr_stages {
    bool encodes;
    int first, end;
};
static inline struct mr_stages mr_all_stages(const struct mr_engine_state *engine, bool encodes) {
    return (struct mr_stages){encodes, 0, engine->network->op_count};
}

// Fills the tables of kernels. An error: a segment does not fit.
int mr_engine_tables(struct mr_tables *tables, struct mr_error *error);
// Gives all streams of a part room for so many blocks of `lanes` sequences and `steps` steps, and
// layers for one. -1: memory is short.
int mr_engine_room(struct mr_engine_state *engine, bool encodes, size_t lanes, size_t steps,
                   size_t blocks);
// Those operators; behind the last step of the sequences those of a row per sequence too. Threads
// with a share each call it alike, but for `counts`: an engine whose stages get what was cut.
void mr_engine_stages(struct mr_engine_state *engine, struct mr_stages stages,
                      const struct mr_block *block, const struct mr_share *share,
                      struct mr_engine_state *counts);
// Fills engine->together for so many threads (together.c).
void mr_engine_plan_threads(struct mr_engine_state *engine, int threads);
// All threads that a run may have now.
int mr_engine_threads(const struct mr_engine_state *engine);
// States of a part: to zero of the first lanes, where not all then of what pools a sequence's
// steps; of a lane as another's.
void mr_engine_clear(struct mr_engine_state *engine, bool encodes, bool all, uint32_t lanes);
void mr_engine_move_lane(struct mr_engine_state *engine, bool encodes, uint32_t from, uint32_t to);
// A unit's state.
void mr_engine_get(const struct mr_stage *stage, uint32_t lane, int unit, int32_t *h,
                   int32_t *second);
void mr_engine_set(struct mr_stage *stage, uint32_t lane, int unit, int32_t h, int32_t second);
// What the operators that decode go on from, of what the encoder's part gave in lane 0.
void mr_engine_take(struct mr_engine_state *engine);

// Number i of a row.
static inline int32_t mr_flow_at(const struct mr_flow *flow, size_t row, size_t i) {
    const size_t at = row * flow->stride + i;

    return flow->wide ? ((const int32_t *)flow->data)[at] : ((const int16_t *)flow->data)[at];
}

#endif
