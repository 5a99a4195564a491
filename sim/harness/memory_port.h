// SPDX-License-Identifier: Apache-2.0
// The memory behind an external memory's port (hls_memory of hls.h), cycle by cycle: plans are
// taken in order and go to a side that reads and one that writes, each in order; fetched words come
// some cycles after they were asked for, and stores are known to be in memory as many cycles after
// the last word of their plan. In C and C++: the simulator of RTL and hlsc's interpreters have it.
//
// A cycle: memory_port_takes_plan, takes_store and word tell what the port offers in it, and
// memory_port_cycle what has happened.
#ifndef MR_MEMORY_PORT_H
#define MR_MEMORY_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MEMORY_PLANS = 32,    // of each side that wait
    MEMORY_AHEAD = 1024,  // words that are fetched and not taken, and stores on their way
    MEMORY_LATENCY = 200, // cycles
    MEMORY_PLAN_BYTES = 13
};

struct memory_plan {
    uint32_t address, count, after;
    bool is_store;
};

struct memory_plans {
    struct memory_plan plan[MEMORY_PLANS];
    unsigned first, count;
};

// Words of the same number of bytes; those beyond `capacity` are zero.
struct memory_words {
    unsigned char *data;
    size_t bytes, capacity;
};

struct memory_port {
    struct memory_words words;
    struct memory_plans fetches, stores;
    unsigned char *ahead; // [MEMORY_AHEAD] fetched words
    uint64_t due[MEMORY_AHEAD];
    unsigned first, count;
    uint64_t stored_at[MEMORY_AHEAD]; // when stores on their way are in memory
    unsigned first_store, store_count;
    uint32_t planned, in_memory; // stores of this run
    uint64_t time, last_due, last_stored;
    char problem[160]; // what the kernel has done wrong, or ""
};

// What has happened in a cycle.
struct memory_cycle {
    const unsigned char *plan, *store; // what was taken, as it lies on the stream, or NULL
    bool fetched;                      // the word that was offered has been taken
    unsigned latency;                  // of what begins in this cycle
};

static inline void memory_words_get(const struct memory_words *w, uint32_t address, void *word) {
    if (address < w->capacity)
        memcpy(word, w->data + address * w->bytes, w->bytes);
    else
        memset(word, 0, w->bytes);
}

// False: there is not enough memory.
static inline bool memory_words_put(struct memory_words *w, uint32_t address, const void *word) {
    if (address >= w->capacity) {
        size_t wanted = w->capacity ? w->capacity : 1024;
        while (wanted <= address)
            wanted *= 2;
        unsigned char *grown = (unsigned char *)calloc(wanted, w->bytes);
        if (!grown)
            return false;
        if (w->capacity)
            memcpy(grown, w->data, w->capacity * w->bytes);
        free(w->data);
        w->data = grown;
        w->capacity = wanted;
    }
    memcpy(w->data + address * w->bytes, word, w->bytes);
    return true;
}

static inline uint32_t memory_plan_number(const unsigned char *bytes) {
    uint32_t number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static inline struct memory_plan memory_plan_of(const unsigned char *bytes) {
    struct memory_plan plan;
    plan.address = memory_plan_number(bytes);
    plan.count = memory_plan_number(bytes + 4);
    plan.after = memory_plan_number(bytes + 8);
    plan.is_store = bytes[12] & 1;
    return plan;
}

// False: there is not enough memory.
static inline bool memory_port_open(struct memory_port *m, unsigned bits) {
    memset(m, 0, sizeof *m);
    m->words.bytes = (bits + 7) / 8;
    m->ahead = (unsigned char *)malloc(MEMORY_AHEAD * m->words.bytes);
    return m->ahead != NULL;
}

static inline void memory_port_close(struct memory_port *m) {
    free(m->words.data);
    free(m->ahead);
    memset(m, 0, sizeof *m);
}

// A run begins: all stores of the one before are in memory.
static inline void memory_port_begin(struct memory_port *m) {
    m->fetches.count = m->stores.count = m->count = m->store_count = 0;
    m->planned = m->in_memory = 0;
    m->problem[0] = '\0';
}

static inline bool memory_port_takes_plan(const struct memory_port *m) {
    return m->fetches.count < MEMORY_PLANS && m->stores.count < MEMORY_PLANS;
}

static inline bool memory_port_takes_store(const struct memory_port *m) {
    return m->stores.count && m->stores.plan[m->stores.first].count &&
           m->store_count < MEMORY_AHEAD;
}

// The word that is offered, or NULL.
static inline const unsigned char *memory_port_word(const struct memory_port *m) {
    return m->count && m->due[m->first] <= m->time ? m->ahead + m->first * m->words.bytes : NULL;
}

static inline void memory_port_plan(struct memory_port *m, const struct memory_plan *plan) {
    struct memory_plans *side = plan->is_store ? &m->stores : &m->fetches;
    if (plan->count && plan->count - 1 > UINT32_MAX - plan->address)
        snprintf(
            m->problem, sizeof m->problem, "plans %lu words from word %lu on, and the last is %lu",
            (unsigned long)plan->count, (unsigned long)plan->address, (unsigned long)UINT32_MAX);
    else if (plan->after > m->planned)
        snprintf(m->problem, sizeof m->problem,
                 "plans to fetch word %lu after %lu planned stores, and so far there are %lu",
                 (unsigned long)plan->address, (unsigned long)plan->after,
                 (unsigned long)m->planned);
    m->planned += plan->is_store;
    side->plan[(side->first + side->count++) % MEMORY_PLANS] = *plan;
}

static inline void memory_plans_drop(struct memory_plans *side) {
    side->first = (side->first + 1) % MEMORY_PLANS;
    side->count--;
}

// The address of the next word of these plans, which is planned no more then. *is_last: of its
// plan.
static inline uint32_t memory_plans_next(struct memory_plans *side, bool *is_last) {
    struct memory_plan *plan = &side->plan[side->first];
    const uint32_t address = plan->address++;
    *is_last = --plan->count == 0;
    if (*is_last)
        memory_plans_drop(side);
    return address;
}

// A plan of no words is done when its turn comes.
static inline bool memory_plans_idle(const struct memory_plans *side) {
    return side->count && !side->plan[side->first].count;
}

// The first of these plans that is of some words, or NULL.
static inline const struct memory_plan *memory_plans_left(const struct memory_plans *side) {
    for (unsigned i = 0; i < side->count; i++)
        if (side->plan[(side->first + i) % MEMORY_PLANS].count)
            return &side->plan[(side->first + i) % MEMORY_PLANS];
    return NULL;
}

static inline void memory_port_ask(struct memory_port *m, unsigned latency) {
    const unsigned at = (m->first + m->count++) % MEMORY_AHEAD;
    bool is_last;
    memory_words_get(&m->words, memory_plans_next(&m->fetches, &is_last),
                     m->ahead + at * m->words.bytes);
    if (m->last_due < m->time + latency)
        m->last_due = m->time + latency;
    m->due[at] = m->last_due;
}

static inline void memory_port_stored(struct memory_port *m, unsigned latency) {
    if (m->last_stored < m->time + latency)
        m->last_stored = m->time + latency;
    m->stored_at[(m->first_store + m->store_count++) % MEMORY_AHEAD] = m->last_stored;
}

static inline void memory_port_store(struct memory_port *m, const unsigned char *word,
                                     unsigned latency) {
    bool is_last;
    const uint32_t address = memory_plans_next(&m->stores, &is_last);
    if (!memory_words_put(&m->words, address, word))
        snprintf(m->problem, sizeof m->problem,
                 "stores word %lu, and this computer has not enough memory for it",
                 (unsigned long)address);
    if (is_last)
        memory_port_stored(m, latency);
}

static inline void memory_port_cycle(struct memory_port *m, const struct memory_cycle *cycle) {
    for (; m->store_count && m->stored_at[m->first_store] <= m->time; m->store_count--) {
        m->first_store = (m->first_store + 1) % MEMORY_AHEAD;
        m->in_memory++;
    }
    if (cycle->fetched) {
        m->first = (m->first + 1) % MEMORY_AHEAD;
        m->count--;
    }
    if (memory_plans_idle(&m->fetches))
        memory_plans_drop(&m->fetches);
    else if (m->fetches.count && m->count < MEMORY_AHEAD &&
             m->fetches.plan[m->fetches.first].after <= m->in_memory)
        memory_port_ask(m, cycle->latency);
    if (cycle->store) {
        memory_port_store(m, cycle->store, cycle->latency);
    } else if (memory_plans_idle(&m->stores) && m->store_count < MEMORY_AHEAD) {
        memory_plans_drop(&m->stores);
        memory_port_stored(m, cycle->latency);
    }
    if (cycle->plan) {
        const struct memory_plan plan = memory_plan_of(cycle->plan);
        memory_port_plan(m, &plan);
    }
    m->time++;
}

// What of the plans has not happened, as a part of a sentence on the memory; "" where all has.
static inline void memory_port_rest(const struct memory_port *m, char *text, size_t size) {
    const struct memory_plan *fetch = memory_plans_left(&m->fetches);
    const struct memory_plan *store = memory_plans_left(&m->stores);
    int at = 0;
    *text = '\0';
    if (store)
        at =
            snprintf(text, size, " waits for word %lu to be stored", (unsigned long)store->address);
    if (m->count)
        snprintf(text + at, size - (size_t)at,
                 "%s holds words that it has fetched and nobody takes (%u)", at ? " and" : "",
                 m->count);
    else if (fetch)
        snprintf(text + at, size - (size_t)at,
                 "%s does not fetch word %lu yet (%lu of %lu planned stores are in memory)",
                 at ? " and" : "", (unsigned long)fetch->address, (unsigned long)m->in_memory,
                 (unsigned long)fetch->after);
}

#endif
