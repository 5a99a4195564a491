// SPDX-License-Identifier: Apache-2.0
// What the two parts of the interpreter by cycles share: the iterations in the pipelines
// (interp_flight.c), and the control and the network around them (interp_cycle.c).
#ifndef HLSC_INTERP_CYCLE_H
#define HLSC_INTERP_CYCLE_H

#include "interp_external.h"
#include "interp_plan.h"

enum phase { IDLE, LOOK, PICK, RUN, DRAIN, FLUSH };

struct flight { // an iteration in the pipeline
    int region, stage;
    uint64_t iteration;
    int64_t *values, *expect;
    bool *wanted; // NULL: not asked yet
    bool is_judged;
    struct flight *next; // a later one, or a free one
};

struct fifo { // of an output
    struct queue q;
    bool is_valid; // at the start of this cycle
    int depth, credit, change, most;
    int cancelled,
        given_back;        // credits of words that were not written: in this cycle, the one before
    int offered;           // words of q that have come to the reader's end
    int pushed, taken;     // in this cycle
    int crossing;          // registers on the way
    int *coming, *leaving; // [crossing] words and credits in them, by cycle modulo crossing
};

struct memory_user { // the loop whose iterations were at a memory last, and when
    uint64_t cycle;
    int region;
};

struct cycle_process {
    struct cycle_interp *interp;
    int number;
    struct flat *f;
    struct plan **plan;
    struct machine m;
    struct storage s;
    int64_t *fixed;
    bool is_fixed_old;
    enum phase phase;
    bool is_done;
    int step, region, wait;
    int64_t index[MAX_LEVELS], limit[MAX_LEVELS];
    uint64_t entered, iteration;
    uint64_t still[ORIGINS]; // cycles in which scalars, and registers, have not changed
    struct flight *flights, *free, *ahead; // `ahead`: the iteration that may be issued
    struct flight *issued;
    struct fifo *out;          // [stream_count]
    struct fifo **from;        // [stream_count] of inputs; NULL: a stream of the top
    struct memory_user *users; // [memory_count]
};

struct cycle_interp {
    struct compiler *cc;
    const struct network *net;
    struct cycle_process *processes;
    struct interp_run *run;
    struct external_memories externals;
    uint64_t cycle, quiet;
    uint64_t *word;
};

struct flight *take_flight(struct cycle_process *p);
// Makes p->ahead the iteration that is next, with its values of stage 0.
void prepare_flight(struct cycle_process *p);
// Is it plain, without a look at guards, that there can be no iteration?
bool is_waiting(const struct cycle_process *p, const struct plan *plan);
// Is there a word at an input?
bool has_word(const struct cycle_process *p, int stream);
bool can_issue(const struct cycle_process *p);
void issue(struct cycle_process *p);
void run_flights(struct cycle_process *p);
// What the end of the cycle changes.
void end_flights(struct cycle_process *p);
bool flag(const struct cycle_process *p, const struct flight *fl, const struct op *op);

#endif
