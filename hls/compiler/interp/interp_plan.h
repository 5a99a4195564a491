// SPDX-License-Identifier: Apache-2.0
// A region's schedule as a list of what happens in each stage of an iteration.
#ifndef HLSC_INTERP_PLAN_H
#define HLSC_INTERP_PLAN_H

#include "interp_flat.h"

enum event_kind { EVENT_PHI, EVENT_EVALUATE, EVENT_PRODUCT, EVENT_ADD, EVENT_STORE, EVENT_WRITE };

struct event {
    int stage, op;
    enum event_kind kind;
};

struct plan_write { // how a region uses an output
    int stream;
    int words;              // most words of an iteration; 0: none
    int last;               // stage after which it is known which were not written
    bool is_counted_early;  // there is a credit only if the guard holds
    const struct op *guard; // of the only write
};

struct plan {
    const struct region *r;
    const struct schedule *s;
    int ii;
    struct event *events; // by stage, in program order
    int event_count;
    int *first;     // [stages + 1] event of a stage
    int stages;     // with events or a valid bit
    int last_valid; // stage up to which the RTL sees that there is an iteration
    struct plan_write *writes;
    int write_count;
    bool *updated; // [carried_count]
};

// Fails where an operation looks at a value that is not there yet.
struct plan *make_plan(struct flat *f, int region);

#endif
