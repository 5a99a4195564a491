// SPDX-License-Identifier: Apache-2.0
// Accesses that take turns: writes of one memory port or stream in an iteration, their order, and
// what has to be known before the next iteration starts.
#include "schedule.h"

struct location op_location(const struct op *op, struct location fallback) {
    return op->loc.file ? op->loc : fallback;
}

struct write_turns {
    // [effect_count * effect_count], of writes of one port or stream: they may happen in one
    // iteration.
    bool *both;
    int *count;              // [effect_count] writes that take turns with this one, itself included
    const struct op **other; // [effect_count] the last of them
};

enum { MAX_WRITES = 4096 };

static bool same_banks(const struct op *x, const struct op *y) {
    for (int k = 0; k < x->view_count; k++) {
        const struct view_index *a = &x->view[k], *b = &y->view[k];
        if (a->dynamic || b->dynamic || a->base != b->base || a->terms != b->terms)
            return false;
        for (int i = 0; i < a->terms; i++)
            if (a->term_lane[i] != b->term_lane[i] || a->term_coef[i] != b->term_coef[i])
                return false;
    }
    return true;
}

bool never_both(const struct op *x, const struct op *y) {
    const int guard = x->code == IR_STORE ? 2 : 0;
    const struct op *a = x->in[guard], *b = y->in[guard];
    if (!ir_exclusive(a, b))
        return false;
    // What differs from lane to lane excludes only the same lane of the other one.
    return x->code != IR_STORE || !(a->space | b->space) || same_banks(x, y);
}

static bool both_write(const struct op *x, const struct op *y) {
    return !never_both(x, y) && !(x->code == IR_STORE && other_bank(x, y));
}

void find_turns(struct pass *a) {
    const struct region *r = a->r;
    const size_t effects = (size_t)r->effect_count;
    if (effects > MAX_WRITES)
        fail(a->cc, r->loc,
             "an iteration of '%s' has %d accesses of streams and writes of memories, and %d is "
             "the limit; split it into processes",
             r->name, r->effect_count, MAX_WRITES);
    struct write_turns *t = arena_alloc(a->cc, sizeof *t);
    t->both = arena_alloc(a->cc, effects * effects + 1);
    t->count = arena_alloc(a->cc, (effects + 1) * sizeof *t->count);
    t->other = arena_alloc(a->cc, (effects + 1) * sizeof *t->other);
    for (size_t i = 0; i < effects; i++) {
        const struct op *x = r->effects[i];
        t->count[i]++;
        for (size_t k = 0; k < i; k++) {
            const struct op *y = r->effects[k];
            if (x->code != y->code || x->imm != y->imm ||
                (x->code != IR_STORE && x->code != IR_WRITE) || !both_write(x, y))
                continue;
            t->both[i * effects + k] = t->both[k * effects + i] = true;
            t->count[i]++;
            t->count[k]++;
            t->other[i] = y;
            t->other[k] = x;
        }
    }
    a->turns = t;
}

static void explain_turns(struct pass *a, int effect) {
    const struct op *x = a->r->effects[effect], *other = a->turns->other[effect];
    const int count = a->turns->count[effect];
    if (x->code == IR_STORE)
        a->reason = arena_printf(a->cc,
                                 "memory '%s' is written at %d places of an iteration (another "
                                 "is line %d) and has one write port; join them into one write, "
                                 "or partition the array so that they go to different banks",
                                 a->p->memories[x->imm].name, count, other->loc.line);
    else
        a->reason = arena_printf(a->cc,
                                 "stream '%s' is written at %d places of an iteration (another "
                                 "is line %d), one word a cycle; choose the value first, then "
                                 "write once, or put the words side by side into a struct",
                                 a->p->streams[x->imm].name, count, other->loc.line);
    a->reason_loc = x->loc;
}

bool has_turns(struct pass *a) {
    static const enum opcode codes[] = {IR_STORE, IR_WRITE};
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < a->r->effect_count; i++) {
            if (a->r->effects[i]->code != codes[c] || a->turns->count[i] <= a->ii)
                continue;
            explain_turns(a, i);
            return false;
        }
    return true;
}

bool take_turns(struct pass *a) {
    bool moved = false;
    for (int i = 0; i < a->r->effect_count; i++) {
        for (int k = 0; k < i; k++) {
            const struct op *early = a->r->effects[k], *late = a->r->effects[i];
            if (early->code != late->code || early->imm != late->imm ||
                (early->code != IR_STORE && early->code != IR_WRITE))
                continue;
            const int x = a->s->time[early->id].start, y = a->s->time[late->id].start;
            const bool both = a->turns->both[i * a->r->effect_count + k];
            int wanted_y = y, wanted_x = x;
            if (early->code == IR_WRITE) { // in program order, within an interval and across two
                if (y < x + both)
                    wanted_y = x + both;
                else if (y - x > a->ii - 1)
                    wanted_x = (int)(y - a->ii + 1);
            } else if (both && (y - x) % a->ii == 0) {
                wanted_y = y + 1;
            }
            if (wanted_y > a->earliest[late->id]) {
                a->earliest[late->id] = wanted_y > y ? wanted_y : a->earliest[late->id];
                moved = moved || wanted_y > y;
            }
            if (wanted_x > x) {
                a->earliest[early->id] = wanted_x;
                moved = true;
            }
        }
    }
    return moved;
}

static int stage_of(const struct pass *a, const struct op *op) {
    const struct op_time *t = &a->s->time[op->id];
    return t->invariant ? 0 : op->code == IR_PHI ? t->start : t->ready;
}

// What decides over an iteration must be known when the iteration, or the next one, starts.
bool decides_in_time(struct pass *a) {
    struct schedule *s = a->s;
    for (int i = 0; i < a->r->effect_count; i++) {
        const struct op *e = a->r->effects[i];
        if (e->code != IR_READ || !e->in[0])
            continue;
        const int late = stage_of(a, e->in[0]);
        if (late == 0 && !s->time[e->in[0]->id].in_tile)
            continue;
        a->reason = arena_printf(
            a->cc,
            "whether stream '%s' is read must be known when an iteration starts; the condition "
            "here takes %d cycle%s: base it on the loop's index, on scalars, or on a variable that "
            "is updated within one cycle",
            a->p->streams[e->imm].name, late, late == 1 ? "" : "s");
        a->reason_loc = e->loc;
        return false;
    }
    if (a->r->go_on && (stage_of(a, a->r->go_on) > 0 || s->time[a->r->go_on->id].in_tile)) {
        a->reason = "the condition of the while takes more than a cycle from the last iteration's "
                    "values; compute it in the iteration before into a bool";
        a->reason_loc = op_location(a->r->go_on, a->r->loc);
        return false;
    }
    s->break_stage = a->r->break_if ? stage_of(a, a->r->break_if) : 0;
    if (a->r->break_if && s->break_stage < a->ii - 1 &&
        s->time[a->r->break_if->id].arrival + BY_CONTROL(a->p) > a->p->target->budget)
        s->break_stage++; // from a register
    if (s->break_stage > a->ii - 1 || (a->r->break_if && s->time[a->r->break_if->id].in_tile)) {
        a->reason = arena_printf(
            a->cc,
            "whether the loop ends here is known %d cycle%s after an iteration's start, "
            "too late for the next one; base the condition of break (or return, or do "
            "... while) on the loop's index, on scalars, or on what the iteration before "
            "computed",
            s->break_stage, s->break_stage == 1 ? "" : "s");
        a->reason_loc = op_location(a->r->break_if, a->r->loc);
        return false;
    }
    return true;
}
