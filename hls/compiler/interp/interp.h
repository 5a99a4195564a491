// SPDX-License-Identifier: Apache-2.0
// Two interpreters of a compiled network, which serve as oracles. The first runs the operations of
// each process iteration by iteration, in the order of the program. The second runs them cycle by
// cycle as the schedule has placed them, with the control, the registers, the memories and the
// FIFOs of the RTL, and compares every value with the first one's.
#ifndef HLSC_INTERP_H
#define HLSC_INTERP_H

#include "schedule.h"

#include <stddef.h>

// Words of a stream. A word is `stride` numbers of 64 bits, the payload from bit 0 on.
struct queue {
    uint64_t *data;
    size_t stride, first, count, room;
};

void queue_init(struct queue *q, int bits);
void queue_push(struct compiler *cc, struct queue *q, const uint64_t *word);
const uint64_t *queue_front(const struct queue *q);
void queue_pop(struct queue *q);
void queue_clear(struct queue *q);
void queue_free(struct queue *q);

// One run of the top function. Index: parameter of the top.
struct interp_run {
    const uint64_t *scalars;
    struct queue *streams; // inputs are emptied as far as they are taken, outputs appended to
    uint64_t cycles;       // out, by the schedule
};

struct interp;
struct flat;

// Both take memory of cc's arena and fail through it. Free with interp_close.
struct interp *interp_open(struct compiler *cc, const struct network *net);
// Goes on with the registers, memories and channels that the run before left.
void interp_run(struct interp *interp, struct interp_run *run);
// The value of a register that can be seen, as the last run left it.
uint64_t interp_probe(const struct interp *interp, struct probed probe);
void interp_close(struct interp *interp);

// The same in steps of an iteration.
struct interp_values { // of an iteration, until the next step of its process
    const struct flat *f;
    const int64_t *fixed, *values;
    uint64_t iteration; // of the loop
};
void interp_start(struct interp *interp, struct interp_run *run);
// The region of the iteration, or -1 at the end of the run. Processes may take turns as long as
// none is ahead of what it reads.
int interp_step(struct interp *interp, int process, struct interp_values *values);

// Where the word number `element` (over all runs) that stream parameter `port` gave comes from:
// "line 12, loop 'add', iteration 3"; arena memory.
const char *interp_origin(struct interp *interp, int port, uint64_t element);

struct cycle_interp;

// The schedule is judged as it is opened: an operand must be there when it is looked at.
struct cycle_interp *cycle_open(struct compiler *cc, const struct network *net);
// All inputs have their words from the first cycle on, all outputs take one a cycle.
void cycle_run(struct cycle_interp *interp, struct interp_run *run);
uint64_t cycle_probe(const struct cycle_interp *interp, struct probed probe);
void cycle_close(struct cycle_interp *interp);

#endif
