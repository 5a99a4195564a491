// SPDX-License-Identifier: Apache-2.0
#include "interp_external.h"

#include <string.h>

static noreturn void fail_memory(const struct external_memories *e, const struct external *of,
                                 struct location loc, const char *problem) {
    fail(e->cc, loc, "memory '%s': the kernel %s", of->name, problem);
}

void externals_open(struct external_memories *e, struct compiler *cc, const struct network *net) {
    *e = (struct external_memories){.cc = cc, .net = net};
    e->list = arena_alloc(cc, ((size_t)net->external_count + 1) * sizeof *e->list);
    for (int i = 0; i < net->external_count; i++) {
        struct external_memory *m = &e->list[i];
        m->of = &net->externals[i];
        m->word = arena_alloc(cc, ((size_t)m->of->bits + 63) / 64 * sizeof *m->word);
        for (int side = 0; side < 2; side++)
            queue_init(&m->plans[side], MEMORY_PLAN_BYTES * 8);
        if (!memory_port_open(&m->port, (unsigned)m->of->bits))
            fail(cc, net->top->loc, "out of memory");
    }
}

void externals_close(struct external_memories *e) {
    for (int i = 0; e->net && i < e->net->external_count; i++) {
        memory_port_close(&e->list[i].port);
        for (int side = 0; side < 2; side++)
            queue_free(&e->list[i].plans[side]);
    }
}

void externals_start(struct external_memories *e) {
    for (int i = 0; i < e->net->external_count; i++) {
        memory_port_begin(&e->list[i].port);
        for (int side = 0; side < 2; side++) {
            queue_clear(&e->list[i].plans[side]);
            e->list[i].begun[side].count = 0;
        }
    }
}

static struct external_memory *memory_at(const struct external_memories *e, int port,
                                         enum memory_part *part) {
    int i = 0;
    while (port >= e->net->externals[i].plan + MEMORY_PARTS)
        i++;
    *part = (enum memory_part)(port - e->net->externals[i].plan);
    return &e->list[i];
}

// ---- in the order of the program

static uint32_t next_address(const struct external_memories *e, struct external_memory *m,
                             bool is_store, struct location loc) {
    struct memory_plan *begun = &m->begun[is_store];
    while (!begun->count) {
        if (!m->plans[is_store].count)
            fail_memory(e, m->of, loc,
                        is_store ? "stores a word that is not planned"
                                 : "fetches a word that is not planned");
        *begun = memory_plan_of((const unsigned char *)queue_front(&m->plans[is_store]));
        queue_pop(&m->plans[is_store]);
    }
    begun->count--;
    return begun->address++;
}

void externals_write(struct external_memories *e, int port, const uint64_t *word,
                     struct location loc) {
    enum memory_part part;
    struct external_memory *m = memory_at(e, port, &part);
    if (part == PART_PLAN) {
        const struct memory_plan plan = memory_plan_of((const unsigned char *)word);
        queue_push(e->cc, &m->plans[plan.is_store], word);
    } else if (!memory_words_put(&m->port.words, next_address(e, m, true, loc), word)) {
        fail(e->cc, loc, "out of memory");
    }
}

const uint64_t *externals_read(struct external_memories *e, int port, struct location loc) {
    enum memory_part part;
    struct external_memory *m = memory_at(e, port, &part);
    memory_words_get(&m->port.words, next_address(e, m, false, loc), m->word);
    return m->word;
}

// ---- by cycles

void externals_offer(struct external_memories *e, struct queue *streams) {
    for (int i = 0; i < e->net->external_count; i++) {
        struct external_memory *m = &e->list[i];
        struct queue *fetch = &streams[m->of->plan + PART_FETCH];
        const unsigned char *word = memory_port_word(&m->port);
        if (fetch->count || !word)
            continue;
        memcpy(m->word, word, m->port.words.bytes);
        queue_push(e->cc, fetch, m->word);
    }
}

bool externals_take(const struct external_memories *e, int port) {
    enum memory_part part;
    const struct external_memory *m = memory_at(e, port, &part);
    return part == PART_PLAN ? memory_port_takes_plan(&m->port) : memory_port_takes_store(&m->port);
}

static const unsigned char *taken(const struct queue *q) {
    return q->count ? (const unsigned char *)queue_front(q) : NULL;
}

void externals_end_cycle(struct external_memories *e, struct queue *streams) {
    for (int i = 0; i < e->net->external_count; i++) {
        struct external_memory *m = &e->list[i];
        struct queue *parts = &streams[m->of->plan];
        const struct memory_cycle happened = {.plan = taken(&parts[PART_PLAN]),
                                              .store = taken(&parts[PART_STORE]),
                                              .fetched = memory_port_word(&m->port) &&
                                                         !parts[PART_FETCH].count,
                                              .latency = MEMORY_LATENCY};
        memory_port_cycle(&m->port, &happened);
        queue_clear(&parts[PART_PLAN]);
        queue_clear(&parts[PART_STORE]);
        if (m->port.problem[0])
            fail_memory(e, m->of, e->net->top->loc, m->port.problem);
    }
}
