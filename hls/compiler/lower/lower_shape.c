// SPDX-License-Identifier: Apache-2.0
// What statements contain, as far as it decides how they are lowered: loops, accesses, assignments,
// ways out of a loop.
#include "lower.h"

#include <string.h>

// ---- accesses of streams

static bool is_stream_argument(const struct expr *e, const struct variable *stream) {
    if (e->kind == EXPR_ADDR)
        e = e->a;
    return e->kind == EXPR_VAR && e->var == stream;
}

// Reads or writes: a FIFO that leads back into its process has both.
enum access { ACCESS_READ, ACCESS_WRITE };

static int stream_uses(const struct stmt *s, const struct variable *stream, enum access kind);

static int uses_in_expr(const struct expr *e, const struct variable *stream, enum access kind) {
    if (!e || !e->has_effects)
        return 0;
    int uses = 0;
    if (e->kind == EXPR_READ && kind == ACCESS_READ)
        uses += is_stream_argument(e->a, stream);
    for (int i = 0; i < e->arg_count; i++) {
        uses += uses_in_expr(e->args[i], stream, kind);
        if (e->kind == EXPR_CALL && is_stream_argument(e->args[i], stream))
            uses += stream_uses(e->callee->body, e->callee->params[i], kind);
    }
    return uses + uses_in_expr(e->a, stream, kind) + uses_in_expr(e->b, stream, kind) +
           uses_in_expr(e->c, stream, kind);
}

// Most accesses of a stream on one way through the statement.
static int stream_uses(const struct stmt *s, const struct variable *stream, enum access kind) {
    if (!s)
        return 0;
    int uses = uses_in_expr(s->b, stream, kind) + uses_in_expr(s->init, stream, kind);
    if (s->kind == STMT_WRITE)
        uses += kind == ACCESS_WRITE && is_stream_argument(s->a, stream);
    else
        uses += uses_in_expr(s->a, stream, kind);
    const int then = stream_uses(s->then, stream, kind),
              otherwise = stream_uses(s->otherwise, stream, kind);
    uses += then > otherwise ? then : otherwise;
    for (int i = 0; i < s->count; i++)
        uses += stream_uses(s->body[i], stream, kind);
    int most = 0;
    for (int i = 0; i < s->case_count; i++) {
        const int arm = stream_uses(s->cases[i].body, stream, kind);
        most = arm > most ? arm : most;
    }
    if (s->loop)
        most = stream_uses(s->loop->body, stream, kind);
    return uses + most;
}

struct stream_list {
    const struct variable *stream[16];
    int count;
};

static void list_streams_of_expr(const struct expr *e, struct stream_list *list) {
    if (!e)
        return;
    const struct type *type = e->type;
    if (e->kind == EXPR_VAR && type &&
        (type->kind == TYPE_STREAM ||
         (type->kind == TYPE_POINTER && type->elem->kind == TYPE_STREAM))) {
        for (int i = 0; i < list->count; i++)
            if (list->stream[i] == e->var)
                return;
        if (list->count < 16)
            list->stream[list->count++] = e->var;
    }
    for (int i = 0; i < e->arg_count; i++)
        list_streams_of_expr(e->args[i], list);
    list_streams_of_expr(e->a, list);
    list_streams_of_expr(e->b, list);
    list_streams_of_expr(e->c, list);
}

static void list_streams(const struct stmt *s, struct stream_list *list) {
    if (!s)
        return;
    list_streams_of_expr(s->a, list);
    list_streams_of_expr(s->b, list);
    list_streams_of_expr(s->init, list);
    list_streams(s->then, list);
    list_streams(s->otherwise, list);
    for (int i = 0; i < s->count; i++)
        list_streams(s->body[i], list);
    for (int i = 0; i < s->case_count; i++)
        list_streams(s->cases[i].body, list);
    if (s->loop)
        list_streams(s->loop->body, list);
}

static bool names_stream(const struct stmt *s) {
    struct stream_list list = {.count = 0};
    list_streams(s, &list);
    return list.count > 0;
}

static bool repeats_stream(struct stmt **body, int count) {
    struct stream_list list = {.count = 0};
    for (int i = 0; i < count; i++)
        list_streams(body[i], &list);
    for (int k = 0; k < list.count; k++) {
        int reads = 0, writes = 0;
        for (int i = 0; i < count; i++) {
            reads += stream_uses(body[i], list.stream[k], ACCESS_READ);
            writes += stream_uses(body[i], list.stream[k], ACCESS_WRITE);
        }
        if (reads > 1 || writes > 1)
            return true;
    }
    return false;
}

static bool is_state(const struct variable *var) {
    return var->is_static && !var->is_const;
}

static bool expr_has_state(const struct expr *e) {
    if (!e)
        return false;
    if ((e->kind == EXPR_VAR && is_state(e->var)) ||
        (e->kind == EXPR_CALL && has_state(e->callee->body)))
        return true;
    for (int i = 0; i < e->arg_count; i++)
        if (expr_has_state(e->args[i]))
            return true;
    return expr_has_state(e->a) || expr_has_state(e->b) || expr_has_state(e->c);
}

bool has_state(const struct stmt *s) {
    if (!s)
        return false;
    if ((s->kind == STMT_DECL && is_state(s->var)) || expr_has_state(s->a) ||
        expr_has_state(s->b) || expr_has_state(s->init) || has_state(s->then) ||
        has_state(s->otherwise))
        return true;
    if (s->loop &&
        (expr_has_state(s->loop->limit) || has_state(s->loop->body) || has_state(s->loop->next)))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_state(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_state(s->cases[i].body))
            return true;
    return false;
}

static bool expr_reads(const struct expr *e) {
    if (!e || !e->has_effects)
        return false;
    if (e->kind == EXPR_READ || (e->kind == EXPR_CALL && has_read(e->callee->body)))
        return true;
    for (int i = 0; i < e->arg_count; i++)
        if (expr_reads(e->args[i]))
            return true;
    return expr_reads(e->a) || expr_reads(e->b) || expr_reads(e->c);
}

bool has_read(const struct stmt *s) {
    if (!s)
        return false;
    if (expr_reads(s->a) || expr_reads(s->b) || expr_reads(s->init) || has_read(s->then) ||
        has_read(s->otherwise) || (s->loop && has_read(s->loop->body)))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_read(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_read(s->cases[i].body))
            return true;
    return false;
}

static bool reads_by_chance(const struct stmt *s) {
    if (s->kind == STMT_BLOCK) {
        for (int i = 0; i < s->count; i++)
            if (reads_by_chance(s->body[i]))
                return true;
        return false;
    }
    return (s->kind == STMT_IF || s->kind == STMT_SWITCH) && has_read(s);
}

// Declares a local array that may lie in a memory, which a loop then clears.
static bool clears_array(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_DECL)
        return s->var->type->kind == TYPE_ARRAY && s->var->values && !s->var->is_static;
    for (int i = 0; i < s->count; i++)
        if (clears_array(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (clears_array(s->cases[i].body))
            return true;
    return clears_array(s->then) || clears_array(s->otherwise);
}

bool needs_steps(const struct stmt *s) {
    return s && (has_loop(s) || reads_by_chance(s) || clears_array(s));
}

static bool may_leave(const struct stmt *s) {
    return has_leave(s, STMT_BREAK) || has_leave(s, STMT_CONTINUE) || has_leave(s, STMT_RETURN);
}

int straight_count(struct stmt **body, int count) {
    int n = 1;
    while (n < count && !may_leave(body[n - 1]) && !needs_steps(body[n]) && has_effect(body[n]) &&
           !repeats_stream(body, n + 1))
        n++;
    return n;
}

// ---- loops

static bool calls_loop(const struct expr *e) {
    return e && e->kind == EXPR_CALL && has_loop(e->callee->body);
}

static bool contains_loop(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_WHILE)
        return true;
    if (s->kind == STMT_FOR)
        return !s->loop->unroll || has_loop(s->loop->body) || names_stream(s->loop->body);
    if (calls_loop(s->a) || calls_loop(s->b) || calls_loop(s->init) || has_loop(s->then) ||
        has_loop(s->otherwise))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_loop(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_loop(s->cases[i].body))
            return true;
    return false;
}

bool has_loop(const struct stmt *s) {
    return s && (contains_loop(s) ||
                 ((s->kind == STMT_IF || s->kind == STMT_SWITCH || s->kind == STMT_BLOCK) &&
                  repeats_stream((struct stmt *[]){(struct stmt *)(uintptr_t)s}, 1)));
}

bool has_leave(const struct stmt *s, enum stmt_kind kind) {
    if (!s)
        return false;
    if (s->kind == kind)
        return true;
    if (s->loop) // a loop's own break and continue
        return kind == STMT_RETURN && has_leave(s->loop->body, kind);
    if (has_leave(s->then, kind) || has_leave(s->otherwise, kind))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_leave(s->body[i], kind))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_leave(s->cases[i].body, kind))
            return true;
    return false;
}

bool expr_has_effect(const struct expr *e) {
    if (!e)
        return false;
    if (e->kind == EXPR_READ || e->kind == EXPR_CALL)
        return true;
    if (e->kind == EXPR_INDEX)
        return true; // may be a memory
    return expr_has_effect(e->a) || expr_has_effect(e->b) || expr_has_effect(e->c);
}

bool has_effect(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_WRITE || expr_has_effect(s->a) || expr_has_effect(s->b) ||
        expr_has_effect(s->init) || has_effect(s->then) || has_effect(s->otherwise))
        return true;
    if (s->loop && has_effect(s->loop->body))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_effect(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_effect(s->cases[i].body))
            return true;
    return false;
}

// Marks the slots that a statement may assign: targets, and what it hands to functions by address.
static void note_target(struct lowering *lo, const struct expr *e, bool *assigned) {
    int64_t field = -1;
    while (e && e->kind != EXPR_VAR) {
        if (e->kind == EXPR_FIELD)
            field = e->field;
        e = e->a;
    }
    const struct binding *bound = e ? binding_of(lo, e->var) : NULL;
    if (!bound || bound->slot < 0)
        return;
    const struct type *type =
        e->var->type->kind == TYPE_POINTER ? e->var->type->elem : e->var->type;
    for (int i = 0; i < leaf_count(type); i++)
        if (field < 0 || field == i)
            assigned[bound->slot + i] = true;
}

static void find_assigned_in_expr(struct lowering *lo, const struct expr *e, bool *assigned) {
    if (!e)
        return;
    find_assigned_in_expr(lo, e->a, assigned);
    find_assigned_in_expr(lo, e->b, assigned);
    find_assigned_in_expr(lo, e->c, assigned);
    for (int i = 0; i < e->arg_count; i++) {
        find_assigned_in_expr(lo, e->args[i], assigned);
        const enum type_kind kind = e->args[i]->type->kind;
        if (e->args[i]->kind == EXPR_ADDR || kind == TYPE_POINTER || kind == TYPE_ARRAY)
            note_target(lo, e->args[i], assigned);
    }
}

void find_assigned(struct lowering *lo, const struct stmt *s, bool *assigned) {
    if (!s)
        return;
    if (s->kind == STMT_ASSIGN)
        note_target(lo, s->a, assigned);
    find_assigned_in_expr(lo, s->a, assigned);
    find_assigned_in_expr(lo, s->b, assigned);
    find_assigned_in_expr(lo, s->init, assigned);
    find_assigned(lo, s->then, assigned);
    find_assigned(lo, s->otherwise, assigned);
    if (s->loop) {
        find_assigned(lo, s->loop->body, assigned);
        find_assigned(lo, s->loop->next, assigned);
    }
    for (int i = 0; i < s->count; i++)
        find_assigned(lo, s->body[i], assigned);
    for (int i = 0; i < s->case_count; i++)
        find_assigned(lo, s->cases[i].body, assigned);
}
