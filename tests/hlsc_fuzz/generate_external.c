// SPDX-License-Identifier: Apache-2.0
// Processes with external memories. A script is written twice: as plans, by one process, and as
// loops that fetch and store, by the same or another one.
#include "generate.h"

enum { WORDS = 64 };

struct external {
    struct var *var, *stored; // the memory, and in the planner the plans of stores so far
    int64_t origin;           // address of its first word that is used
    int known;                // plans of stores so far; -1: only `stored` tells
    int needed[WORDS];        // plan, from 1, that stored a word in this run; 0: none
    bool is_fetched, is_stored;
};

// A constant, or a few bits of a scalar.
struct amount {
    struct var *scalar;
    int most;
};

struct access {
    struct external *m;
    int from;        // word
    int mask, phase; // in iterations with (i & mask) == phase
};

struct script {
    struct list *plans, *work;
    struct external *memories;
    int count;
    struct var **scalars;
    int scalar_count;
    bool is_ahead;       // all plans stand before all work, in one process
    struct tiles *tiles; // whose lanes the next part has, or NULL
};

static struct node *amount_node(struct generator *g, const struct amount *n) {
    return n->scalar ? binary_of(g, O_AND, use(g, n->scalar), number(g, B_I32, n->most))
                     : number(g, B_I32, n->most);
}

static struct node *loop_of(struct generator *g, const struct amount *n) {
    struct node *s = new_node(g->p, N_FOR);
    s->var = new_var(g, V_INDEX, B_I32);
    s->op = 1;
    s->e[0] = amount_node(g, n);
    s->var->high = n->scalar ? 1000000 : n->most - 1;
    return s;
}

static struct amount any_amount(struct generator *g, const struct script *s, int bits) {
    if (chance(g, 50))
        return (struct amount){NULL, between(g, 1, 1 << bits)};
    return (struct amount){s->scalars[below(g, s->scalar_count)], (2 << below(g, bits)) - 1};
}

// Puts what follows of the script into a node, or one for each of its two sides.
static void enter(struct generator *g, struct script *s,
                  struct node *(*make)(struct generator *g, const struct amount *n),
                  const struct amount *n) {
    struct list *plans = s->plans;
    struct node *node = make(g, n);
    append(g->p, s->work, node);
    if (s->plans == s->work) {
        s->plans = s->work = &node->kids;
        return;
    }
    s->work = &node->kids;
    node = make(g, n);
    append(g->p, plans, node);
    s->plans = &node->kids;
}

// A bit of a scalar is set.
static struct node *guard_of_bit(struct generator *g, const struct amount *n) {
    return guard_of(g, binary_of(g, O_EQ, amount_node(g, n), number(g, B_I32, 1)));
}

static int shift_of(const struct access *a) {
    return a->mask == 3 ? 2 : a->mask;
}

// Words of a chunk that has n iterations.
static struct node *words_of(struct generator *g, const struct access *a, const struct amount *n) {
    struct node *e = amount_node(g, n);
    return a->mask
               ? binary_of(g, O_SHR, binary_of(g, O_ADD, e, number(g, B_I32, a->mask - a->phase)),
                           number(g, B_I32, shift_of(a)))
               : e;
}

// Of chunk `chunk`, or the last but `chunk`, each `size` words from the one before.
static struct node *address_of(struct generator *g, const struct access *a, struct var *chunk,
                               const struct amount *chunks, bool backwards, int size) {
    struct node *e = number(g, B_U32, a->m->origin + a->from);
    if (!chunk)
        return e;
    struct node *which = use(g, chunk);
    if (backwards)
        which = binary_of(g, O_SUB,
                          binary_of(g, O_SUB, amount_node(g, chunks), number(g, B_I32, 1)), which);
    return binary_of(g, O_ADD, e, binary_of(g, O_MUL, which, number(g, B_I32, size)));
}

static struct node *after_of(struct generator *g, const struct access *a, int words,
                             bool in_passes) {
    int least = 0;
    for (int i = a->from; i < a->from + words; i++)
        least = a->m->needed[i] > least ? a->m->needed[i] : least;
    return a->m->known < 0 || in_passes || chance(g, 40)
               ? use(g, a->m->stored)
               : number(g, B_U32, between(g, least, a->m->known));
}

static struct list *when_in_turn(struct generator *g, struct list *into, const struct access *a,
                                 struct var *index) {
    if (!a->mask)
        return into;
    struct node *some = guard_of(
        g, binary_of(g, O_EQ, binary_of(g, O_AND, use(g, index), number(g, B_I32, a->mask)),
                     number(g, B_I32, a->phase)));
    append(g->p, into, some);
    return &some->kids;
}

static struct node *word_address(struct generator *g, const struct access *a, struct node *first,
                                 struct var *index) {
    struct node *i = use(g, index);
    if (a->mask)
        i = binary_of(g, O_SHR, i, number(g, B_I32, shift_of(a)));
    return binary_of(g, O_ADD, first, i);
}

static struct access any_access(struct generator *g, struct external *m, int words) {
    struct access a = {.m = m};
    a.from = below(g, WORDS - words + 1);
    if (chance(g, 40))
        a.from = a.from / 16 * 16 + words <= WORDS ? a.from / 16 * 16 : 0;
    a.mask = chance(g, 75) ? 0 : chance(g, 50) ? 1 : 3;
    a.phase = below(g, a.mask + 1);
    return a;
}

// May a loop fetch and store these? Not where it would fetch what it has just stored.
static bool go_together(const struct access *a, const struct access *b, int words) {
    return a->m != b->m || a->from + words <= b->from || b->from + words <= a->from ||
           (a->from == b->from && a->mask == b->mask && a->phase == b->phase);
}

static void plan(struct generator *g, struct list *into, const struct access *a, bool is_store,
                 struct node *address, struct node *words, struct node *after) {
    struct node *s = new_node(g->p, N_PLAN);
    s->op = is_store;
    s->var = a->m->var;
    s->e[0] = address;
    s->e[1] = words;
    s->e[2] = after;
    append(g->p, into, s);
}

// A loop, or one of chunks, that fetches from a memory, or stores to one, or both.
static void part(struct generator *g, const struct script *outer, struct external *source,
                 struct external *sink) {
    struct script inner = *outer, *s = &inner;
    const int mark = g->scope_count, trips = g->trips;
    const bool in_chunks = chance(g, 40), backwards = chance(g, 30);
    const struct amount n = any_amount(g, s, in_chunks ? 3 : 4),
                        chunks = in_chunks ? any_amount(g, s, 2) : (struct amount){NULL, 1};
    const int words = n.most * chunks.most;
    const bool fetches = source, stores = sink;
    struct access from = any_access(g, source, words), to = any_access(g, sink, words);
    for (int tries = 0; fetches && stores && !go_together(&from, &to, words); tries++) {
        to = any_access(g, sink, words);
        if (chance(g, 30) || tries > 9)
            to = from;
    }
    if (fetches)
        source->is_fetched = true;
    bool counts = !chunks.scalar;
    struct amount bit = {s->scalars[below(g, s->scalar_count)], 1}, passes = {NULL, 1};
    if (chance(g, 15)) {
        enter(g, s, guard_of_bit, &bit);
        counts = false;
    }
    if (chance(g, 15)) {
        passes.most = 2;
        enter(g, s, loop_of, &passes);
        counts = false;
    }
    // The plans.
    struct list *into = s->plans;
    struct var *chunk = NULL;
    if (in_chunks) {
        struct node *loop = loop_of(g, &chunks);
        if (chance(g, 60))
            append(g->p, &loop->kids, pragma(g, "pipeline"));
        append(g->p, into, loop);
        chunk = loop->var;
        into = &loop->kids;
    }
    const bool store_first = chance(g, 30);
    for (int i = 0; i < 2; i++) {
        const bool is_store = (i == 0) == store_first;
        const struct access *a = is_store ? &to : &from;
        if (is_store ? stores : fetches)
            plan(g, into, a, is_store, address_of(g, a, chunk, &chunks, backwards, n.most),
                 words_of(g, a, &n), is_store ? NULL : after_of(g, a, words, passes.most > 1));
    }
    if (stores)
        append(g->p, into, assign(g, O_ADD, use(g, to.m->stored), number(g, B_U32, 1)));
    // The work.
    into = s->work;
    g->trips *= passes.most * words;
    if (in_chunks) {
        struct node *loop = loop_of(g, &chunks);
        append(g->p, into, loop);
        chunk = loop->var;
        show(g, chunk);
        into = &loop->kids;
        if (chance(g, 20))
            straight(g, into);
    }
    struct node *loop = loop_of(g, &n);
    append(g->p, into, loop);
    show(g, loop->var);
    if (s->tiles)
        append(g->p, &loop->kids, pragma(g, "pipeline"));
    else
        add_pragma(g, loop);
    begin_iteration(g);
    if (fetches) {
        struct node *fetch = new_node(g->p, E_FETCH);
        struct var *word = new_var(g, V_LOCAL, from.m->var->base);
        word->record = from.m->var->record;
        fetch->var = from.m->var;
        fetch->e[0] = word_address(
            g, &from, address_of(g, &from, chunk, &chunks, backwards, n.most), loop->var);
        if (from.mask) {
            append(g->p, &loop->kids, declare(g, word, NULL));
            append(g->p, when_in_turn(g, &loop->kids, &from, loop->var),
                   assign(g, O_SET, use(g, word), fetch));
        } else {
            append(g->p, &loop->kids, declare(g, word, fetch));
        }
        show(g, word);
    }
    const int shown = g->scope_count;
    if (s->tiles)
        lanes_iteration(g, s->tiles, &loop->kids, loop->var);
    else
        whole_iteration(g, &loop->kids);
    g->scope_count = shown;
    if (stores) {
        struct list *turn = when_in_turn(g, &loop->kids, &to, loop->var);
        struct node *store = new_node(g->p, N_STORE);
        store->var = to.m->var;
        store->e[0] =
            word_address(g, &to, address_of(g, &to, chunk, &chunks, backwards, n.most), loop->var);
        store->e[1] = word_of(g, turn, to.m->var);
        append(g->p, turn, store);
        sink->is_stored = true;
        to.m->known = counts && to.m->known >= 0 ? to.m->known + chunks.most : -1;
        for (int i = to.from; i < to.from + words; i++)
            to.m->needed[i] = to.m->known;
    }
    g->scope_count = mark;
    g->trips = trips;
}

static void make_memory(struct generator *g, struct external *m) {
    static const int64_t origins[] = {0, 0, 1000, 70000};
    const bool is_record = chance(g, 50);
    *m = (struct external){.var = new_var(g, V_EXTERNAL, is_record ? B_RECORD : any_base(g))};
    if (is_record)
        m->var->record = make_record(g, chance(g, 30) ? 17 : 6);
    m->origin = origins[below(g, 4)];
    m->stored = new_var(g, V_LOCAL, B_U32);
}

static struct node *new_process(struct generator *g, int id, struct var **scalars, int count) {
    struct node *process = new_node(g->p, N_PROCESS);
    process->id = id;
    g->stream_count = 0;
    for (int i = 0; i < count; i++)
        add_param(g, process, scalars[i], false);
    return process;
}

// A process that fetches and stores, and who plans: itself, or `planner`.
static struct node *make_worker(struct generator *g, struct node *planner, int id,
                                struct var **scalars, int scalar_count) {
    struct external memories[2];
    struct node *worker = new_process(g, id, scalars, scalar_count);
    const bool in_tiles = may(g, FEATURE_TILES) && chance(g, 40);
    struct script s = {.memories = memories,
                       .count = between(g, 1, 2),
                       .scalars = scalars,
                       .scalar_count = scalar_count,
                       .is_ahead = !planner && chance(g, 30)};
    struct list work = {0};
    add_param(g, worker, make_stream(g), false);
    add_param(g, worker, make_stream(g), true);
    if (chance(g, 25))
        add_param(g, worker, make_stream(g), chance(g, 50));
    begin_process(g, worker);
    struct tiles *tiles = in_tiles ? begin_tiles(g, &worker->kids) : NULL;
    struct node *const plans_in = planner ? planner : worker;
    for (int i = 0; i < s.count; i++) {
        make_memory(g, &memories[i]);
        add_param(g, worker, memories[i].var, false);
        if (planner)
            add_param(g, planner, memories[i].var, false);
        append(g->p, &plans_in->kids, declare(g, memories[i].stored, number(g, B_U32, 0)));
    }
    s.plans = &plans_in->kids;
    s.work = s.is_ahead ? &work : &worker->kids;
    const int parts = between(g, 1, tiles ? 3 : 4), for_tiles = below(g, parts);
    for (int i = 0; i < parts; i++) {
        s.tiles = i == for_tiles ? tiles : NULL;
        struct external *const a = &memories[below(g, s.count)], *b = &memories[below(g, s.count)];
        const bool fetches = chance(g, 65);
        part(g, &s, fetches ? a : NULL, !fetches || chance(g, 50) ? b : NULL);
        if (chance(g, 20))
            leaf_loop(g, s.work);
        else if (chance(g, 20))
            straight(g, s.work);
    }
    s.tiles = NULL;
    for (int i = 0; i < s.count; i++) {
        struct external *const m = &memories[i];
        if (!m->is_fetched || !m->is_stored)
            part(g, &s, m->is_fetched ? NULL : m, m->is_stored ? NULL : m);
    }
    for (int i = 0; i < work.count; i++)
        append(g->p, &worker->kids, work.items[i]);
    end_process(g, worker);
    g->lanes = 0;
    return worker;
}

void make_external(struct generator *g, struct var **scalars, int count) {
    const int workers = chance(g, 75) ? 1 : 2;
    struct node *made[4], *shared = NULL;
    int processes = 0;
    if (chance(g, 30))
        shared = made[processes++] = new_process(g, 0, scalars, count);
    for (int i = 0; i < workers; i++) {
        struct node *planner = shared;
        if (!planner && chance(g, 40)) {
            planner = new_process(g, processes, scalars, count);
            made[processes++] = planner;
        }
        made[processes] = make_worker(g, planner, processes, scalars, count);
        processes++;
    }
    for (int i = 0; i < processes; i++)
        append(g->p, &g->p->root->kids, made[i]);
}
