// SPDX-License-Identifier: Apache-2.0
// Loops that count. A `for` that counts by a constant becomes the canonical STMT_FOR, which counts
// upwards from a constant: where it counts downwards, or from what is known at run time only, its
// iterations are counted. A loop unrolled by a factor becomes two loops.
#ifndef HLSC_LOOP_COUNT_H
#define HLSC_LOOP_COUNT_H

#include "front.h"

struct loop_head { // of a for: `for (start; condition; next)`
    struct location loc;
    struct items start;
    struct expr *condition; // NULL: always
    struct stmt *next;      // NULL: none
};

struct loop_count { // how a canonical for counts
    struct variable *var;
    struct expr *from;   // its start, where that is known at run time only; else NULL
    int64_t start, step; // step below zero: downwards
    enum op_kind op;     // var op limit
    struct expr *limit;
    // Where start or limit of a loop that does not count upwards from a constant are not constant:
    struct expr *way; // limit of what counts the iterations by steps, which starts at 0
    bool inclusive;
};

// How the head counts, in *count. NULL, or why it is not canonical.
const char *find_count(struct front *f, const struct loop_head *head, struct loop_count *count);
// Makes the loop, whose body is there, count so. Fails where C's loop would never end.
void count_loop(struct front *f, struct for_loop *loop, const struct loop_count *count,
                struct location loc);
// Splits a canonical loop that is unrolled by a factor.
void apply_unroll(struct front *f, struct stmt *s);

#endif
