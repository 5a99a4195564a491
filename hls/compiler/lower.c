// SPDX-License-Identifier: Apache-2.0
// Statements, calls and loops to operations. The top function becomes one process, or, with a dataflow
// pragma, one process per call. Branches are computed on both sides and merged (if-conversion).
#include "lower.h"

#include <string.h>

struct value *copy_env(struct lowering *lo) {
    return arena_copy(lo->cc, lo->env, (size_t)lo->slot_count * sizeof *lo->env);
}

void add_effect(struct lowering *lo, struct op *op, struct location loc) {
    struct region *r = lo->region;
    if (!r)
        fail(lo->cc, loc, "a memory or a stream is used outside of a loop");
    r->effects = arena_grow(lo->cc, r->effects, (size_t)r->effect_count * sizeof *r->effects,
                            (size_t)(r->effect_count + 1) * sizeof *r->effects);
    r->effects[r->effect_count++] = op;
}

// The environment becomes `condition ? environment : otherwise`.
void merge_env(struct lowering *lo, struct op *condition, const struct value *otherwise, int count) {
    for (int i = 0; i < count; i++) {
        struct value *mine = &lo->env[i];
        const struct value *other = &otherwise[i];
        struct op *x = ir_resolve(mine->op), *y = ir_resolve(other->op);
        if (x == y || !y)
            continue; // unchanged, or not assigned before
        if (!x) {
            *mine = *other;
            continue;
        }
        const struct slot *s = &lo->slots[i];
        uint32_t taken = lo->lanes_in_use | x->space | y->space | ir_resolve(condition)->space;
        int lane[MAX_DIMS];
        bool aligned = true;
        for (int d = 0; d < s->dims; d++)
            aligned = aligned && mine->lane[d] == other->lane[d];
        if (aligned)
            memcpy(lane, mine->lane, sizeof lane);
        else if (x->code == IR_CONST)
            memcpy(lane, other->lane, sizeof lane);
        else if (y->code == IR_CONST)
            memcpy(lane, mine->lane, sizeof lane);
        else
            choose_lanes(lo, s->dims, s->size, taken, lane);
        struct op *at[MAX_DIMS];
        for (int d = 0; d < s->dims; d++)
            at[d] = ir_lane(&lo->b, lane[d]);
        struct op *merged = ir_select(&lo->b, lo->loc, condition,
                                      view_at(lo, *mine, s->dims, s->size, at, lo->loc),
                                      view_at(lo, *other, s->dims, s->size, at, lo->loc));
        if (!merged->name && merged->code != IR_CONST)
            merged->name = s->name;
        mine->op = merged;
        memcpy(mine->lane, lane, sizeof lane);
    }
}

static bool has_loop(const struct stmt *s);

static void lower_branch(struct lowering *lo, struct op *condition, const struct stmt *then,
                         const struct stmt *otherwise) {
    int64_t known;
    condition = ir_resolve(condition);
    if (ir_is_const(condition, &known)) {
        if (known && then)
            lower_stmt(lo, then);
        else if (!known && otherwise)
            lower_stmt(lo, otherwise);
        return;
    }
    if (!lo->region && (has_loop(then) || has_loop(otherwise)))
        condition = settled(lo, condition, lo->loc);
    struct op *guard = lo->guard;
    struct value *before = copy_env(lo);
    const int count = lo->slot_count;
    lo->guard = ir_and(&lo->b, guard, condition);
    if (then)
        lower_stmt(lo, then);
    struct value *after_then = copy_env(lo);
    memcpy(lo->env, before, (size_t)count * sizeof *before);
    if (otherwise) {
        lo->guard = ir_and(&lo->b, guard, ir_not(&lo->b, condition));
        lower_stmt(lo, otherwise);
    }
    lo->guard = guard;
    merge_env(lo, ir_not(&lo->b, condition), after_then, count);
}

static void lower_switch(struct lowering *lo, const struct stmt *s) {
    struct builder *b = &lo->b;
    struct op *on = lower_expr(lo, s->a), *any = NULL;
    const struct switch_case *fallback = NULL;
    if (!lo->region && has_loop(s))
        on = settled(lo, on, s->loc);
    for (int i = 0; i < s->case_count; i++) {
        const struct switch_case *c = &s->cases[i];
        struct op *hit = NULL;
        for (int k = 0; k < c->value_count; k++) {
            struct op *equal = ir_binary(b, IR_EQ, 1, false, s->loc, on,
                                         ir_const(b, s->a->type->bits, s->a->type->is_signed, c->values[k]));
            hit = hit ? ir_binary(b, IR_OR, 1, false, s->loc, hit, equal) : equal;
        }
        if (c->is_default)
            fallback = c;
        if (!hit)
            continue;
        any = any ? ir_binary(b, IR_OR, 1, false, s->loc, any, hit) : hit;
        if (!c->is_default)
            lower_branch(lo, hit, c->body, NULL);
    }
    if (fallback && any && fallback->value_count == 0)
        lower_branch(lo, ir_not(b, any), fallback->body, NULL);
    else if (fallback && fallback->value_count == 0)
        lower_stmt(lo, fallback->body);
    else if (fallback)
        fail(lo->cc, s->loc, "'default' shares an arm with 'case'; give it an arm of its own");
}

// ---- unrolled loops

static bool uses(const struct op *op, const struct op *wanted) {
    for (int i = 0; i < op->in_count; i++)
        if (ir_resolve(op->in[i]) == wanted)
            return true;
    return false;
}

// `mark` is the value of scalar `slot` at the start of an iteration. If its value at the end is a running sum, gives
// the sum of all iterations; if the loop does not change it, the mark itself; otherwise NULL.
static struct op *reduce(struct lowering *lo, int slot, int slots, struct op *mark, struct op *before,
                         int lane, int first_op, struct location loc) {
    struct op *last = ir_resolve(lo->env[slot].op);
    struct op *chain[16]; // conversions of the sum, then those of the mark
    int length = 0;
    struct op *add = last;
    while (add->code == IR_CAST && length < 8) {
        chain[length++] = add;
        add = ir_resolve(add->in[0]);
    }
    if (add->code != IR_ADD)
        return NULL;
    const int outer = length;
    struct op *term = NULL, *inner = NULL;
    for (int side = 0; side < 2 && !term; side++) {
        struct op *x = ir_resolve(add->in[side]);
        int depth = outer;
        while (x->code == IR_CAST && depth < 15) {
            chain[depth++] = x;
            x = ir_resolve(x->in[0]);
        }
        if (x == mark) {
            term = ir_resolve(add->in[1 - side]);
            inner = ir_resolve(add->in[side]);
            length = depth;
        }
    }
    if (!term || term == mark)
        return NULL;
    // The sum may wrap at the end only: what is kept of it must be no more than what each iteration keeps.
    int kept = add->bits, carried = mark->bits;
    for (int k = 0; k < length; k++) {
        int *least = k < outer ? &kept : &carried;
        *least = chain[k]->bits < *least ? chain[k]->bits : *least;
    }
    if (carried < kept)
        return NULL;
    // Nothing else may look at the running sum: no operation, no variable.
    for (int i = first_op; i < lo->p->op_count; i++) {
        const struct op *op = lo->p->ops[i];
        bool inside = op->alias || op == add, looks = uses(op, mark) || uses(op, add);
        for (int k = 0; k < length; k++) {
            inside = inside || op == chain[k];
            looks = looks || uses(op, chain[k]);
        }
        if (looks && !inside)
            return NULL;
    }
    for (int i = 0; i < slots; i++) {
        const struct op *op = i == slot ? NULL : ir_resolve(lo->env[i].op);
        bool looks = op && (op == add || op == mark);
        for (int k = 0; k < length; k++)
            looks = looks || (op && op == chain[k]);
        for (int k = 0; k < length; k++)
            looks = looks || term == chain[k];
        if (looks)
            return NULL;
    }
    struct builder *b = &lo->b;
    struct op *sum = term;
    if (term->space >> lane & 1)
        sum = ir_op(b, IR_SUM, add->bits, add->is_signed, loc, 1, &term, lane, NULL, 0);
    else
        sum = ir_binary(b, IR_MUL, add->bits, add->is_signed, loc, term,
                        ir_const(b, add->bits, add->is_signed, lo->p->lanes[lane].count));
    struct op *start = ir_cast(b, inner->bits, inner->is_signed, loc, before);
    struct op *total = ir_binary(b, IR_ADD, add->bits, add->is_signed, loc, start, sum);
    for (int k = outer; k-- > 0;)
        total = ir_cast(b, chain[k]->bits, chain[k]->is_signed, loc, total);
    return total;
}

// Reads of an array that the loop writes must see what they would see if the iterations ran in turn.
static bool accesses_agree(struct lowering *lo, const struct unrolled *u, int slot, const struct value *v) {
    const struct slot *s = &lo->slots[slot];
    for (int i = u->first_access; i < lo->access_count; i++) {
        const struct read_access *a = &lo->accesses[i];
        if (a->slot != slot)
            continue;
        if (!a->known)
            return false;
        bool later = false, lexical = true;
        for (int d = 0; d < s->dims; d++) {
            const struct view_index *x = &a->index[d];
            if (x->terms != 1 || x->term_coef[0] != 1 || x->term_lane[0] != v->lane[d])
                lexical = false;
            else if (!later && x->base < 0)
                lexical = false;
            else if (x->base > 0)
                later = true;
        }
        if (!lexical)
            return false;
    }
    return true;
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
    const struct type *type = e->var->type->kind == TYPE_POINTER ? e->var->type->elem : e->var->type;
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

static void find_assigned(struct lowering *lo, const struct stmt *s, bool *assigned) {
    if (!s)
        return;
    if (s->kind == STMT_ASSIGN)
        note_target(lo, s->a, assigned);
    find_assigned_in_expr(lo, s->a, assigned);
    find_assigned_in_expr(lo, s->b, assigned);
    find_assigned_in_expr(lo, s->init, assigned);
    find_assigned(lo, s->then, assigned);
    find_assigned(lo, s->otherwise, assigned);
    if (s->kind == STMT_FOR)
        find_assigned(lo, s->loop->body, assigned);
    for (int i = 0; i < s->count; i++)
        find_assigned(lo, s->body[i], assigned);
    for (int i = 0; i < s->case_count; i++)
        find_assigned(lo, s->cases[i].body, assigned);
}

static bool lower_symbolically(struct lowering *lo, const struct for_loop *loop, int64_t trips,
                               struct location loc) {
    struct builder *b = &lo->b;
    struct process *p = lo->p;
    const int first_op = p->op_count, slots = lo->slot_count;
    const int effects = lo->region ? lo->region->effect_count : 0;
    struct value *entry = copy_env(lo);
    const int lane = ir_find_lane(b, trips, lo->lanes_in_use);
    const bool gave_up = lo->give_up;
    lo->give_up = false;

    // Scalars from outside become marks, to see what the loop does to them.
    struct op **marks = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *marks);
    bool *assigned = arena_alloc(lo->cc, (size_t)(slots + 64) * sizeof *assigned);
    find_assigned(lo, loop->body, assigned);
    for (int i = 0; i < slots; i++) {
        struct slot *s = &lo->slots[i];
        if (s->kind != SLOT_VALUE || s->dims || !lo->env[i].op || !assigned[i])
            continue;
        marks[i] = ir_op(b, IR_MARK, s->scalar->bits, s->scalar->is_signed, loc, 0, NULL, i, NULL, 0);
        marks[i]->space = ir_resolve(entry[i].op)->space;
        lo->env[i].op = marks[i];
    }
    lo->unrolled[lo->unrolled_count++] =
        (struct unrolled){lane, entry, slots, lo->access_count};
    lo->lanes_in_use |= 1u << lane;
    const int index = new_slots(lo, loop->var);
    void *outer = loop->var->user;
    bind(lo, loop->var, index, -1);
    struct op *at = ir_cast(b, loop->var->type->bits, loop->var->type->is_signed, loc, ir_lane(b, lane));
    if (loop->step != 1)
        at = ir_binary(b, IR_MUL, at->bits, at->is_signed, loc, at,
                       ir_const(b, at->bits, at->is_signed, loop->step));
    if (loop->start)
        at = ir_binary(b, IR_ADD, at->bits, at->is_signed, loc, at,
                       ir_const(b, at->bits, at->is_signed, loop->start));
    lo->env[index].op = at;
    lower_stmt(lo, loop->body);
    loop->var->user = outer;
    const struct unrolled done = lo->unrolled[--lo->unrolled_count];
    lo->lanes_in_use &= ~(1u << lane);

    bool good = !lo->give_up;
    struct op **final = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *final);
    for (int i = 0; i < slots && good; i++) {
        const struct slot *s = &lo->slots[i];
        if (s->kind != SLOT_VALUE)
            continue;
        struct op *now = ir_resolve(lo->env[i].op);
        final[i] = now;
        if (s->dims) {
            if (!now || now == ir_resolve(entry[i].op))
                continue;
            bool bound_lane = false;
            for (int d = 0; d < s->dims; d++)
                bound_lane = bound_lane || lo->env[i].lane[d] == lane;
            if ((now->space >> lane & 1 && !bound_lane) || !bound_lane ||
                !accesses_agree(lo, &done, i, &lo->env[i]))
                good = false;
        } else if (!marks[i]) {
            if (assigned[i] && now && (now->space >> lane & 1)) // first assigned in the loop: the last iteration's value
                final[i] = view_at(lo, (struct value){now, {lane}}, 1, &trips,
                                   (struct op *[]){ir_const(b, 32, true, trips - 1)}, loc);
        } else if (now != marks[i]) {
            final[i] = reduce(lo, i, slots, marks[i], entry[i].op, lane, first_op, loc);
            bool marked = false;
            for (int k = first_op; !final[i] && k < p->op_count && !marked; k++)
                marked = !p->ops[k]->alias && uses(p->ops[k], marks[i]);
            if (!final[i] && !marked) // a temporary: the last iteration's value
                final[i] = now->space >> lane & 1
                               ? view_at(lo, (struct value){now, {lane}}, 1, &trips,
                                         (struct op *[]){ir_const(b, 32, true, trips - 1)}, loc)
                               : now;
            good = good && final[i];
        }
    }
    lo->give_up = gave_up;
    if (!good) {
        for (int i = first_op; i < p->op_count; i++)
            if (p->ops[i]->code == IR_MARK)
                p->ops[i]->alias = ir_const(b, p->ops[i]->bits, p->ops[i]->is_signed, 0);
        memcpy(lo->env, entry, (size_t)slots * sizeof *entry);
        if (lo->region)
            lo->region->effect_count = effects;
        lo->access_count = done.first_access;
        return false;
    }
    for (int i = 0; i < slots; i++) {
        if (lo->slots[i].kind != SLOT_VALUE || lo->slots[i].dims)
            continue;
        if (marks[i]) {
            marks[i]->alias = ir_resolve(entry[i].op);
            lo->env[i].op = final[i] == marks[i] ? entry[i].op : final[i];
        } else {
            lo->env[i].op = final[i];
        }
    }
    return true;
}

static void lower_unrolled(struct lowering *lo, const struct for_loop *loop, struct location loc) {
    int64_t limit;
    struct op *bound = ir_resolve(lower_expr(lo, loop->limit));
    if (!ir_is_const(bound, &limit))
        fail(lo->cc, loc, "an unrolled loop needs a constant bound: hardware cannot grow at run time; unroll "
             "to the largest bound and use if inside");
    if (loop->unroll_factor > 0)
        fail(lo->cc, loc, "unroll factor= is not supported; write two nested loops and unroll the inner one");
    if (loop->pipeline_ii)
        fail(lo->cc, loc, "a pipelined loop inside a pipelined or unrolled loop; pipeline only one level");
    const int64_t last = loop->inclusive ? limit : limit - 1;
    const int64_t trips = last < loop->start ? 0 : (last - loop->start) / loop->step + 1;
    if (lo->unrolled_count == MAX_UNROLLED)
        fail(lo->cc, loc, "unrolled loops are nested more than %d deep", MAX_UNROLLED);
    if (trips > 1 && lower_symbolically(lo, loop, trips, loc))
        return;
    if (trips > 4096)
        fail(lo->cc, loc, "this loop has %lld iterations that depend on one another; only loops whose "
             "iterations differ by the index alone are unrolled beyond 4096", (long long)trips);
    const int index = new_slots(lo, loop->var);
    void *outer = loop->var->user;
    bind(lo, loop->var, index, -1);
    for (int64_t i = 0; i < trips; i++) {
        lo->env[index].op = ir_const(&lo->b, loop->var->type->bits, loop->var->type->is_signed,
                                     loop->start + i * loop->step);
        lower_stmt(lo, loop->body);
    }
    loop->var->user = outer;
}

// ---- regions

struct region *begin_region(struct lowering *lo, struct location loc) {
    struct process *p = lo->p;
    struct region *r = arena_alloc(lo->cc, sizeof *r);
    r->loc = loc;
    r->enable = lo->guard;
    p->regions = arena_grow(lo->cc, p->regions, (size_t)p->region_count * sizeof *p->regions,
                            (size_t)(p->region_count + 1) * sizeof *p->regions);
    p->regions[p->region_count++] = r;
    for (int i = 0; i < lo->slot_count; i++) {
        const int state = lo->slots[i].state;
        if (lo->slots[i].kind != SLOT_VALUE || state < 0)
            continue;
        r->carried = arena_grow(lo->cc, r->carried, (size_t)r->carried_count * sizeof *r->carried,
                                (size_t)(r->carried_count + 1) * sizeof *r->carried);
        const struct state *st = &p->states[state];
        struct op *phi = ir_op(&lo->b, IR_PHI, st->bits, st->is_signed, st->loc, 0, NULL, state, NULL, 0);
        phi->name = st->name;
        for (int d = 0; d < st->dims; d++)
            phi->space |= 1u << st->lane[d];
        struct carried *c = &r->carried[r->carried_count++];
        *c = (struct carried){.state = state, .phi = phi};
        // The value before the loop, at the state's own lanes.
        struct value v = lo->env[i];
        struct op *at[MAX_DIMS];
        for (int d = 0; d < st->dims; d++)
            at[d] = ir_lane(&lo->b, st->lane[d]);
        if (v.op)
            c->init = view_at(lo, v, st->dims, st->size, at, loc);
        lo->env[i].op = phi;
        memcpy(lo->env[i].lane, st->lane, sizeof st->lane);
    }
    lo->region = r;
    lo->guard = NULL;
    return r;
}

void end_region(struct lowering *lo, struct region *r, struct op *guard, int slots, const bool *keep) {
    struct process *p = lo->p;
    int kept = 0;
    for (int i = 0, c = 0; i < slots; i++) {
        if (lo->slots[i].kind != SLOT_VALUE || lo->slots[i].state < 0)
            continue;
        struct carried carried = r->carried[c++];
        const struct state *st = &p->states[carried.state];
        struct op *at[MAX_DIMS];
        for (int d = 0; d < st->dims; d++)
            at[d] = ir_lane(&lo->b, st->lane[d]);
        struct op *next = view_at(lo, lo->env[i], st->dims, st->size, at, r->loc);
        if (ir_resolve(next) == carried.phi && !(keep && keep[i])) { // the loop only reads it
            if (carried.init) {
                carried.phi->alias = ir_resolve(carried.init);
                lo->env[i].op = carried.phi->alias;
            } else {
                carried.phi->alias = ir_const(&lo->b, st->bits, st->is_signed, 0);
                lo->env[i] = (struct value){0};
            }
            continue;
        }
        carried.next = next;
        if (ir_resolve(carried.init) == st->read)
            carried.init = NULL;
        r->carried[kept++] = carried;
        lo->env[i].op = st->read;
        memcpy(lo->env[i].lane, st->lane, sizeof st->lane);
    }
    r->carried_count = kept;
    lo->region = NULL;
    lo->guard = guard;
}

static const struct stmt *only_statement(const struct stmt *s) {
    while (s && s->kind == STMT_BLOCK && s->count == 1)
        s = s->body[0];
    return s;
}

static void lower_region(struct lowering *lo, const struct stmt *s) {
    struct builder *b = &lo->b;
    struct op *guard = lo->guard;
    const int slots = lo->slot_count;
    const struct for_loop *nest[MAX_LEVELS];
    struct location where[MAX_LEVELS];
    int levels = 0;
    for (const struct stmt *at = s;;) {
        if (levels == MAX_LEVELS)
            fail(lo->cc, at->loc, "loops are nested more than %d deep around a pipelined loop", MAX_LEVELS);
        nest[levels] = at->loop;
        where[levels++] = at->loc;
        if (at->loop->pipeline_ii)
            break;
        if (at->loop->unroll)
            fail(lo->cc, at->loc, "an unrolled loop outside of a pipelined loop");
        const struct stmt *inner = only_statement(at->loop->body);
        if (!inner || inner->kind != STMT_FOR)
            fail(lo->cc, at->loc, "this loop is neither pipelined nor does its body consist of one inner loop; "
                 "add '#pragma HLS pipeline II=1', and move statements between loops into the inner loop "
                 "under an if on its index");
        at = inner;
    }
    const struct for_loop *inner = nest[levels - 1];
    if (inner->pipeline_ii != 1)
        fail(lo->cc, where[levels - 1], "pipeline II=%d; this version makes loops of II=1",
             inner->pipeline_ii);
    settle(lo, s->loc, false);
    struct op *limit[MAX_LEVELS];
    for (int i = 0; i < levels; i++)
        limit[i] = ir_resolve(lower_expr(lo, nest[i]->limit));

    struct region *r = begin_region(lo, s->loc);
    r->levels = levels;
    r->claims = inner->dependences;
    r->claim_count = inner->dependence_count;
    r->name = nest[0]->label ? nest[0]->label : inner->label;
    if (!r->name)
        r->name = arena_printf(lo->cc, "loop_%d", s->loc.line);
    for (int i = 0; i < levels; i++) {
        const struct for_loop *loop = nest[i];
        struct level *level = &r->level[i];
        *level = (struct level){.name = loop->var->name, .start = loop->start, .step = loop->step,
                                .limit = limit[i], .inclusive = loop->inclusive, .trips = -1};
        int64_t value;
        if (ir_is_const(limit[i], &value)) {
            const int64_t last = loop->inclusive ? value : value - 1;
            level->trips = last < loop->start ? 0 : (last - loop->start) / loop->step + 1;
            if (level->trips == 0 && i > 0)
                fail(lo->cc, where[i], "this inner loop never runs");
        } else if (i > 0) {
            fail(lo->cc, where[i], "the bound of an inner loop is not constant; only the outermost loop may "
                 "have a bound known at run time");
        }
        const struct type *type = loop->var->type;
        level->index = ir_op(b, IR_INDEX, type->bits, type->is_signed, where[i], 0, NULL, i, NULL, 0);
        level->index->name = loop->var->name;
        const int slot = new_slots(lo, loop->var);
        bind(lo, loop->var, slot, -1);
        lo->env[slot].op = level->index;
    }
    lower_stmt(lo, inner->body);
    end_region(lo, r, guard, slots, NULL);
}

static bool calls_loop(const struct expr *e) {
    return e && e->kind == EXPR_CALL && has_loop(e->callee->body);
}

static bool has_loop(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_FOR)
        return !s->loop->unroll;
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

static bool expr_has_effect(const struct expr *e) {
    if (!e)
        return false;
    if (e->kind == EXPR_READ || e->kind == EXPR_CALL)
        return true;
    if (e->kind == EXPR_INDEX)
        return true; // may be a memory
    return expr_has_effect(e->a) || expr_has_effect(e->b) || expr_has_effect(e->c);
}

static bool has_effect(const struct stmt *s) {
    if (!s)
        return false;
    if (s->kind == STMT_WRITE || expr_has_effect(s->a) || expr_has_effect(s->b) ||
        expr_has_effect(s->init) || has_effect(s->then) || has_effect(s->otherwise))
        return true;
    if (s->kind == STMT_FOR && has_effect(s->loop->body))
        return true;
    for (int i = 0; i < s->count; i++)
        if (has_effect(s->body[i]))
            return true;
    for (int i = 0; i < s->case_count; i++)
        if (has_effect(s->cases[i].body))
            return true;
    return false;
}

static void declare(struct lowering *lo, struct variable *var) {
    if (var->type->kind == TYPE_STREAM)
        fail(lo->cc, var->loc, "stream '%s' is declared in a function that is not a dataflow region; add "
             "'#pragma HLS dataflow' to the top function and declare it there", var->name);
    if (var->is_static && binding_of(lo, var))
        return; // state of the process: made once
    bind(lo, var, new_slots(lo, var), -1);
}

// Statements of a process outside of loops that touch streams or memories: a region of one iteration.
static void lower_straight(struct lowering *lo, struct stmt **body, int count) {
    struct op *guard = lo->guard;
    for (int i = 0; i < count; i++)
        if (body[i]->kind == STMT_DECL)
            declare(lo, body[i]->var);
    settle(lo, body[0]->loc, false);
    const int slots = lo->slot_count;
    struct region *r = begin_region(lo, body[0]->loc);
    r->name = arena_printf(lo->cc, "line_%d", body[0]->loc.line);
    for (int i = 0; i < count; i++) {
        if (body[i]->kind != STMT_DECL) {
            lower_stmt(lo, body[i]);
        } else if (body[i]->init) {
            const struct binding *bound = binding_of(lo, body[i]->var);
            struct value leaves[64];
            lower_leaves(lo, body[i]->init, leaves);
            for (int k = 0; k < leaf_count(body[i]->var->type); k++)
                lo->env[bound->slot + k] = leaves[k];
        }
    }
    end_region(lo, r, guard, slots, NULL);
}

// ---- statements

static void lower_block(struct lowering *lo, const struct stmt *s) {
    struct op *guard = lo->guard;
    for (int i = 0; i < s->count; i++) {
        if (lo->returned) {
            int64_t known;
            if (ir_is_const(ir_resolve(lo->returned), &known) && known)
                break;
            if (!lo->region && (has_loop(s->body[i]) || has_effect(s->body[i])))
                lo->returned = settled(lo, lo->returned, s->body[i]->loc);
            struct op *go_on = ir_not(&lo->b, lo->returned);
            struct value *before = copy_env(lo);
            const int count = lo->slot_count;
            lo->guard = ir_and(&lo->b, guard, go_on);
            lower_stmt(lo, s->body[i]);
            merge_env(lo, go_on, before, count);
            continue;
        }
        if (!lo->region && !lo->unrolled_count && !has_loop(s->body[i]) && has_effect(s->body[i])) {
            int n = 1;
            while (i + n < s->count && !has_loop(s->body[i + n]) && has_effect(s->body[i + n]))
                n++;
            lower_straight(lo, &s->body[i], n);
            i += n - 1;
            continue;
        }
        lower_stmt(lo, s->body[i]);
    }
    lo->guard = guard;
}

static void lower_write(struct lowering *lo, const struct stmt *s) {
    const int stream = lowered_stream(lo, s->a);
    const struct type *type = lo->p->streams[stream].payload;
    if (lo->unrolled_count)
        fail(lo->cc, s->loc, "a stream is written in an unrolled loop: one write a cycle; put the words side "
             "by side into one struct");
    struct value leaves[64];
    lower_leaves(lo, s->b, leaves);
    for (int i = 0; lo->region && i < lo->region->effect_count; i++)
        if (lo->region->effects[i]->code == IR_WRITE && lo->region->effects[i]->imm == stream)
            fail(lo->cc, s->loc, "stream '%s' is written at two places of one pipelined loop (the other is "
                 "line %d): one write an iteration; choose the value first, then write once",
                 lo->p->streams[stream].name, lo->region->effects[i]->loc.line);
    struct op *in[65] = {lo->guard};
    const int count = leaf_count(type);
    for (int i = 0; i < count; i++) {
        const struct type *scalar;
        const char *name;
        int dims, lane[MAX_DIMS];
        int64_t size[MAX_DIMS];
        leaf_shape(type, i, &scalar, &dims, size, &name);
        choose_lanes(lo, dims, size, 0, lane); // in the order of the payload's dimensions
        struct op *at[MAX_DIMS];
        for (int d = 0; d < dims; d++)
            at[d] = ir_lane(&lo->b, lane[d]);
        in[1 + i] = leaves[i].op ? view_at(lo, leaves[i], dims, size, at, s->loc)
                                 : ir_const(&lo->b, scalar->bits, scalar->is_signed, 0);
        if (in[1 + i]->space & lo->lanes_in_use)
            fail(lo->cc, s->loc, "a stream is written in an unrolled loop");
    }
    struct stream *sink = &lo->p->streams[stream];
    if (sink->is_used && !sink->is_output)
        fail(lo->cc, s->loc, "stream '%s' is both read and written by process '%s'; a stream has one writer "
             "and another reader", sink->name, lo->p->name);
    sink->is_used = sink->is_output = true;
    struct op *op = ir_op(&lo->b, IR_WRITE, 1, false, s->loc, 1 + count, in, stream, NULL, 0);
    op->name = lo->p->streams[stream].name;
    add_effect(lo, op, s->loc);
}

void lower_stmt(struct lowering *lo, const struct stmt *s) {
    lo->loc = s->loc;
    switch (s->kind) {
    case STMT_DECL: {
        declare(lo, s->var);
        if (s->init) {
            const struct binding *bound = binding_of(lo, s->var);
            struct value leaves[64];
            lower_leaves(lo, s->init, leaves);
            for (int i = 0; i < leaf_count(s->var->type); i++) {
                lo->env[bound->slot + i] = leaves[i];
                struct op *op = ir_resolve(leaves[i].op);
                if (op && !op->name && op->code != IR_CONST)
                    op->name = lo->slots[bound->slot + i].name;
            }
        }
        return;
    }
    case STMT_ASSIGN: lower_assign(lo, s->a, s->b, s->loc); return;
    case STMT_EXPR:
        if (s->a->kind == EXPR_CALL) {
            lower_call(lo, s->a);
        } else {
            struct value leaves[64];
            lower_leaves(lo, s->a, leaves);
        }
        return;
    case STMT_WRITE: lower_write(lo, s); return;
    case STMT_IF: lower_branch(lo, lower_expr(lo, s->a), s->then, s->otherwise); return;
    case STMT_SWITCH: lower_switch(lo, s); return;
    case STMT_BLOCK: lower_block(lo, s); return;
    case STMT_FOR:
        if (lo->region || s->loop->unroll)
            lower_unrolled(lo, s->loop, s->loc);
        else
            lower_region(lo, s);
        return;
    case STMT_RETURN: {
        if (lo->region && lo->call_depth == 0)
            fail(lo->cc, s->loc, "return inside a loop; use break on a condition of the loop's index");
        struct op *now = lo->guard ? lo->guard : ir_const(&lo->b, 1, false, 1);
        if (s->a) {
            struct value leaves[64];
            lower_leaves(lo, s->a, leaves);
            const int count = leaf_count(s->a->type);
            for (int i = 0; i < count; i++) {
                if (lo->returned && lo->result[i].op) {
                    if (s->a->type->kind == TYPE_STRUCT)
                        fail(lo->cc, s->loc, "several returns of a struct; assign to one variable");
                    leaves[i].op = ir_select(&lo->b, s->loc, lo->returned, lo->result[i].op, leaves[i].op);
                }
                lo->result[i] = leaves[i];
            }
        }
        lo->returned = lo->returned ? ir_binary(&lo->b, IR_OR, 1, false, s->loc, lo->returned, now) : now;
        return;
    }
    case STMT_BREAK:
        if (!lo->region || lo->unrolled_count || lo->call_depth)
            fail(lo->cc, s->loc, "break is supported at the end of a pipelined loop only");
        if (lo->region->break_if)
            fail(lo->cc, s->loc, "a second break in one loop; join the conditions");
        lo->region->break_if = lo->guard ? lo->guard : ir_const(&lo->b, 1, false, 1);
        return;
    }
}

struct value *lower_call(struct lowering *lo, const struct expr *call) {
    const struct function *f = call->callee;
    struct binding *bound = arena_alloc(lo->cc, (size_t)(f->param_count + 1) * sizeof *bound);
    for (int i = 0; i < f->param_count; i++) {
        struct variable *param = f->params[i];
        const struct expr *arg = call->args[i];
        const struct type *type = param->type;
        bound[i] = (struct binding){-1, -1, lo->p};
        if (type->kind == TYPE_POINTER && type->elem->kind == TYPE_STREAM) {
            bound[i].stream = lowered_stream(lo, arg);
        } else if (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY) {
            const struct expr *target = arg->kind == EXPR_ADDR ? arg->a : arg;
            int field = 0;
            if (target->kind == EXPR_FIELD) {
                field = target->field;
                target = target->a;
            }
            if (target->kind == EXPR_DEREF)
                target = target->a;
            if (target->kind != EXPR_VAR)
                fail(lo->cc, arg->loc, "argument %d of '%s' must be a whole variable or array", i + 1, f->name);
            if (!binding_of(lo, target->var) && target->var->is_static)
                declare(lo, target->var);
            const struct binding *from = binding_of(lo, target->var);
            bound[i].slot = from->slot + field;
        } else {
            struct value leaves[64];
            lower_leaves(lo, arg, leaves);
            bound[i].slot = new_slots(lo, param);
            for (int k = 0; k < leaf_count(type); k++)
                lo->env[bound[i].slot + k] = leaves[k];
        }
    }
    for (int i = 0; i < f->param_count; i++)
        f->params[i]->user = &bound[i];
    struct op *returned = lo->returned, *guard = lo->guard;
    struct value *result = lo->result, mine[64] = {{0}};
    const bool in_region = lo->region != NULL;
    lo->returned = NULL;
    lo->result = mine;
    lo->call_depth += in_region;
    lower_stmt(lo, f->body);
    lo->call_depth -= in_region;
    lo->returned = returned;
    lo->result = result;
    lo->guard = guard;
    if (f->result->kind == TYPE_VOID)
        return NULL;
    if (!mine[0].op)
        fail(lo->cc, call->loc, "'%s' returns no value", f->name);
    return arena_copy(lo->cc, mine, (size_t)leaf_count(f->result) * sizeof *mine);
}
