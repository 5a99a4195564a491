// SPDX-License-Identifier: Apache-2.0
// Delta debugging on the tree: statements go in halves, quarters, ... and one by one, expressions
// become one of their operands or a constant, loops run less often.
#include "run.h"

#include <string.h>
#include <time.h>

struct reduction {
    const struct settings *with;
    struct program *program;
    enum verdict verdict;
    char kind[64];
    const char *name;
    time_t end;
    int trials;
    bool changed;
};

// What a failure is about: the name of a lint warning, or words of the sentence.
static void kind_of(const char *reason, char *kind, size_t size) {
    static const char *const words[] = {"no more words",   "no progress",  "elements, ",
                                        "operations give", "the schedule", "RTL gives",
                                        "memory '"};
    const char *from = strstr(reason, "%Warning-"), *other = strstr(reason, "%Error");
    from = from ? from : other;
    snprintf(kind, size, "%.*s", from ? (int)strcspn(from, ":") : 0, from ? from : "");
    for (size_t i = 0; !from && i < sizeof words / sizeof *words; i++)
        if (strstr(reason, words[i])) {
            snprintf(kind, size, "%s", words[i]);
            return;
        }
}

static bool still_fails(struct reduction *r) {
    char reason[2048];
    if (time(NULL) >= r->end)
        return false;
    r->trials++;
    enum verdict now = compile_programs(r->with, &r->program, 1, r->name, reason, sizeof reason);
    if (now == PASSED && is_of_check(r->verdict))
        now = check_programs(r->with, &r->program, 1, r->name, reason, sizeof reason);
    char kind[64];
    kind_of(reason, kind, sizeof kind);
    const bool same = now == r->verdict && strcmp(kind, r->kind) == 0;
    r->changed |= same;
    return same;
}

static bool try_without(struct reduction *r, struct list *list, int from, int count) {
    struct node *old[256];
    if (list->count > 256)
        return false;
    memcpy(old, list->items, (size_t)list->count * sizeof *old);
    const int all = list->count;
    memmove(list->items + from, list->items + from + count,
            (size_t)(all - from - count) * sizeof *old);
    list->count -= count;
    if (still_fails(r))
        return true;
    memcpy(list->items, old, (size_t)all * sizeof *old);
    list->count = all;
    return false;
}

static void reduce_list(struct reduction *r, struct list *list) {
    for (int chunk = list->count; chunk > 0; chunk /= 2)
        for (int at = list->count - chunk; at >= 0; at -= at < chunk && at > 0 ? at : chunk)
            if (at + chunk <= list->count)
                try_without(r, list, at, chunk);
}

// Puts the body of a statement in its place.
static void unwrap(struct reduction *r, struct list *list, int at) {
    struct node *s = list->items[at];
    struct list *inner = s->kids.count ? &s->kids : &s->other;
    if ((s->kind != N_IF && s->kind != N_CASE && s->kind != N_FOR && s->kind != N_WHILE) ||
        inner->count == 0)
        return;
    struct list old = *list, longer = {0};
    for (int i = 0; i < list->count; i++)
        for (int k = 0; k < (i == at ? inner->count : 1); k++) {
            struct node *item = i == at ? inner->items[k] : list->items[i];
            if (i != at || item->kind != N_PRAGMA)
                append(r->program, &longer, item);
        }
    *list = longer;
    if (!still_fails(r))
        *list = old;
}

static bool replace(struct reduction *r, struct node **slot, struct node *by) {
    struct node *old = *slot;
    *slot = by;
    if (still_fails(r))
        return true;
    *slot = old;
    return false;
}

static struct node *constant_of(struct reduction *r, enum base base, int64_t value) {
    struct node *e = new_node(r->program, E_CONST);
    e->base = base < B_NUMBERS ? base : B_I32;
    e->value = value;
    return e;
}

static void reduce_value(struct reduction *r, int64_t *value) {
    const int64_t smaller[] = {0, 1, *value / 16, *value / 2, *value - 1};
    for (int i = 0; i < 5; i++) {
        const int64_t old = *value;
        if (old == smaller[i] || old < 2)
            continue;
        *value = smaller[i];
        if (still_fails(r))
            return;
        *value = old;
    }
}

static void reduce_expression(struct reduction *r, struct node **slot, bool keep) {
    struct node *e = *slot;
    if (e->kind == E_CONST) {
        reduce_value(r, &e->value);
        return;
    }
    if (e->kind == E_READ || e->kind == E_FETCH || e->kind == E_ADDRESS ||
        (e->kind == E_VAR && e->var->record))
        keep = true;
    if (e->kind == E_MOVED) { // its lane stays
        if (!replace(r, slot, constant_of(r, type_of(e), 0)))
            reduce_expression(r, &e->e[0], false);
        return;
    }
    if (!keep) {
        for (int i = 0; i < 3 && e->e[i]; i++)
            if (replace(r, slot, e->e[i])) {
                reduce_expression(r, slot, false);
                return;
            }
        if (replace(r, slot, constant_of(r, type_of(e), 0)) ||
            replace(r, slot, constant_of(r, type_of(e), 1)))
            return;
    }
    for (int i = 0; i < 3 && (*slot)->e[i]; i++)
        reduce_expression(r, &(*slot)->e[i], false);
}

static void reduce_node(struct reduction *r, struct node *n) {
    reduce_list(r, &n->kids);
    reduce_list(r, &n->other);
    for (struct list *list = &n->kids; list; list = list == &n->kids ? &n->other : NULL) {
        for (int i = 0; i < list->count; i++)
            unwrap(r, list, i);
        for (int i = 0; i < list->count; i++)
            reduce_node(r, list->items[i]);
    }
    if (n->kind == N_WHILE)
        reduce_value(r, &n->value);
    for (int i = 0; i < 3; i++)
        if (n->e[i])
            reduce_expression(r, &n->e[i], n->kind == N_ASSIGN && i == 0);
}

int reduce(const struct settings *with, struct program *program, enum verdict verdict,
           const char *reason, const char *name, int seconds) {
    struct settings quick = *with; // a smaller program that takes long takes less long
    if (verdict == HANGING)
        quick.compile_seconds = quick.check_seconds = 6;
    struct reduction r = {&quick, program, verdict, "", name, time(NULL) + seconds, 0, true};
    kind_of(reason, r.kind, sizeof r.kind);
    while (r.changed && time(NULL) < r.end) {
        r.changed = false;
        reduce_node(&r, program->root);
    }
    return r.trials;
}
