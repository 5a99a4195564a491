// SPDX-License-Identifier: Apache-2.0
// Reads loops. A `for` that counts becomes the canonical STMT_FOR (loop_count.h), any other loop a
// STMT_WHILE.
#include "loop_count.h"

bool starts_loop(const struct token *t) {
    return token_is(t, "for") || token_is(t, "while") || token_is(t, "do");
}

// ---- heads

static struct expr *parse_more(struct front *f, bool test_last) {
    const struct token *t = next_token(f);
    expect(f, "(", "after hls_more");
    struct expr *more = expr_more(f, parse_expr(f), t->loc);
    expect(f, ")", "after the stream of hls_more");
    if (test_last)
        fail(f->cc, t->loc,
             "hls_more is the condition of a do loop, which runs once before it asks; write while "
             "(hls_more(T, stream))");
    if (!token_is(peek(f), ")") && !token_is(peek(f), ";"))
        fail(f->cc, t->loc,
             "hls_more is a part of a condition; let it be the whole condition of the loop, and "
             "leave the loop on the rest with if and break");
    return more;
}

static struct expr *parse_condition(struct front *f, bool test_last) {
    if (token_is(peek(f), "__hls_more"))
        return parse_more(f, test_last);
    struct expr *e = parse_expr(f);
    if (e->has_effects)
        fail(f->cc, e->loc,
             "a stream read or a call with side effects inside the condition of a loop; do it in "
             "the body, into a variable, and leave the loop with if and break");
    return condition(f, e);
}

static void parse_start(struct front *f, struct items *start) {
    if (accept(f, ";"))
        return;
    if (starts_type(f)) {
        parse_local(f, start);
        return;
    }
    do
        add_item(f, start, parse_simple(f));
    while (accept(f, ","));
    expect(f, ";", "after the start of a for");
}

static struct stmt *parse_next(struct front *f) {
    struct items items = {0};
    struct location loc = peek(f)->loc;
    if (accept(f, ")"))
        return NULL;
    do {
        struct stmt *s = parse_simple(f);
        if (s && (s->kind != STMT_ASSIGN || s->a->has_effects || s->b->has_effects))
            fail(f->cc, loc,
                 "the step of a for reads a stream or calls a function with side effects; do it "
                 "at the end of the body");
        add_item(f, &items, s);
    } while (accept(f, ","));
    expect(f, ")", "after the step of a for");
    return items.count == 1 ? items.list[0] : items.count ? block_of(f, &items, loc) : NULL;
}

// ---- loops

static struct stmt *parse_body(struct front *f, struct for_loop *loop, struct active_loop *active) {
    enum break_target outer = f->break_target;
    active->outer = f->loops;
    f->loops = active;
    f->break_target = BREAK_LOOP;
    struct items items = {0};
    struct location loc = peek(f)->loc;
    if (peek(f)->kind == TOK_PRAGMA)
        fail(f->cc, loc, "a pragma of a loop stands inside its body; move it behind the `{`");
    if (accept(f, "{")) {
        push_scope(f);
        struct holder holder = {.loop = loop};
        parse_items(f, &items, &holder, NULL);
        expect(f, "}", "after the body of a loop");
        pop_scope(f);
    } else {
        add_item(f, &items, parse_statement(f));
    }
    f->loops = active->outer;
    f->break_target = outer;
    return block_of(f, &items, loc);
}

// Makes a STMT_WHILE of the loop whose limit, next and body are there; NULL where it never runs.
static struct stmt *while_loop(struct front *f, struct stmt *s) {
    struct for_loop *loop = s->loop;
    s->kind = STMT_WHILE;
    if (loop->limit && loop->limit->kind != EXPR_CONST)
        return s;
    if (!loop->limit || loop->limit->value) {
        loop->limit = NULL;
        if (!contains_jump(loop->body, STMT_BREAK) && !contains_jump(loop->body, STMT_RETURN))
            fail(f->cc, s->loc,
                 "this loop never ends, and a run of the process would not either; leave it with "
                 "break, on a command say, or write while (hls_more(T, stream))");
        return s;
    }
    if (!loop->test_last)
        return NULL;
    bool leaves = contains_jump(loop->body, STMT_BREAK) || contains_jump(loop->body, STMT_CONTINUE);
    return leaves ? s : loop->body;
}

static void reject_unroll(struct front *f, const struct stmt *s, const char *why) {
    if (s->loop->unroll)
        fail(f->cc, s->loc,
             "this loop is to be unrolled and its iterations cannot be counted (%s); write `for "
             "(int i = CONSTANT; i < LIMIT; i += CONSTANT)`",
             why);
}

static struct stmt *parse_while(struct front *f, const char *label) {
    struct stmt *s = new_stmt(f, STMT_WHILE, peek(f)->loc);
    struct active_loop active = {0};
    s->loop = arena_alloc(f->cc, sizeof *s->loop);
    s->loop->label = label;
    s->loop->test_last = token_is(next_token(f), "do");
    if (s->loop->test_last) {
        s->loop->body = parse_body(f, s->loop, &active);
        expect(f, "while", "after the body of a do loop");
    }
    expect(f, "(", "after while");
    s->loop->limit = parse_condition(f, s->loop->test_last);
    expect(f, ")", "after the condition of a while");
    if (s->loop->test_last)
        expect(f, ";", "after a do loop");
    else
        s->loop->body = parse_body(f, s->loop, &active);
    reject_unroll(f, s, s->loop->test_last ? "it is a do loop" : "it is a while loop");
    return while_loop(f, s);
}

static struct stmt *parse_for(struct front *f, const char *label) {
    struct stmt *s = new_stmt(f, STMT_FOR, next_token(f)->loc);
    struct for_loop *loop = arena_alloc(f->cc, sizeof *loop);
    struct loop_head head = {0};
    struct loop_count count = {0};
    s->loop = loop;
    loop->label = label;
    push_scope(f);
    expect(f, "(", "after for");
    parse_start(f, &head.start);
    head.loc = peek(f)->loc;
    if (!token_is(peek(f), ";"))
        head.condition = parse_condition(f, false);
    expect(f, ";", "after the condition of a for");
    head.next = parse_next(f);
    const char *obstacle = find_count(f, &head, &count);
    struct active_loop active = {.var = obstacle ? NULL : count.var,
                                 .limit = obstacle    ? NULL
                                          : count.way ? count.way
                                                      : count.limit};
    loop->body = parse_body(f, loop, &active);
    obstacle = obstacle ? obstacle : active.obstacle;
    pop_scope(f);
    if (!obstacle) {
        count_loop(f, loop, &count, head.loc);
        apply_unroll(f, s);
        return s;
    }
    if (loop->unroll_factor)
        reject_unroll(f, s, obstacle);
    loop->limit = head.condition;
    loop->next = head.next;
    s = while_loop(f, s);
    if (!head.start.count)
        return s;
    add_item(f, &head.start, s);
    return block_of(f, &head.start, head.start.list[0]->loc);
}

struct stmt *parse_loop(struct front *f, const char *label) {
    return token_is(peek(f), "for") ? parse_for(f, label) : parse_while(f, label);
}
