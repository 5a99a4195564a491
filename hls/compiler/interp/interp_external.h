// SPDX-License-Identifier: Apache-2.0
// The external memories of a network behind the interpreters: in the order of the program, and
// cycle by cycle as the simulator of the RTL has them (memory_port.h).
#ifndef HLSC_INTERP_EXTERNAL_H
#define HLSC_INTERP_EXTERNAL_H

#include "interp.h"
#include "memory_port.h"

struct external_memory {
    const struct external *of;
    struct memory_port port;
    // In the order of the program: plans that have not begun, and what is left of those that have.
    struct queue plans[2]; // of fetches, and of stores
    struct memory_plan begun[2];
    uint64_t *word; // one of the memory
};

struct external_memories {
    struct compiler *cc;
    const struct network *net;
    struct external_memory *list; // [net->external_count]
};

void externals_open(struct external_memories *e, struct compiler *cc, const struct network *net);
void externals_close(struct external_memories *e);
void externals_start(struct external_memories *e); // of a run

// ---- in the order of the program

// A word for the memory's stream that is parameter `port` of the top: a plan, or one to be stored.
void externals_write(struct external_memories *e, int port, const uint64_t *word,
                     struct location loc);
// The word that is fetched next by parameter `port` of the top.
const uint64_t *externals_read(struct external_memories *e, int port, struct location loc);

// ---- by cycles, on the queues of the top's parameters

void externals_offer(struct external_memories *e, struct queue *streams);
// Is a word of this stream taken in this cycle?
bool externals_take(const struct external_memories *e, int port);
void externals_end_cycle(struct external_memories *e, struct queue *streams);

#endif
