// SPDX-License-Identifier: Apache-2.0
// Unrolled loops. A loop whose iterations differ in the index alone is read once, its index a lane;
// running sums become sums over the lane. Otherwise it is expanded, iteration by iteration.
//
// `for (k < 4) sum += w[k] * v[k];` is one product over a lane of 4 and one sum over the lane,
// whatever the count: passes and RTL grow with the text and not with the hardware. A prefix sum,
// `s += v[k]; out[k] = s;`, hands s on in another way and becomes four additions.
#include "lower.h"

#include <string.h>

static bool uses(const struct op *op, const struct op *wanted) {
    for (int i = 0; i < op->in_count; i++)
        if (ir_resolve(op->in[i]) == wanted)
            return true;
    return false;
}

// Through conversions that change no value.
static struct op *same_value(struct op *op) {
    op = ir_resolve(op);
    for (struct op *in; op->code == IR_CAST; op = in) {
        in = ir_resolve(op->in[0]);
        if (op->bits < in->bits || (op->bits == in->bits && op->is_signed != in->is_signed) ||
            (in->is_signed && !op->is_signed))
            break;
    }
    return op;
}

// `seen` has a byte per operation.
static bool depends_on(struct op *op, const struct op *mark, bool *seen) {
    op = ir_resolve(op);
    if (op == mark)
        return true;
    if (seen[op->id])
        return false;
    seen[op->id] = true;
    for (int i = 0; i < op->in_count; i++)
        if (op->in[i] && depends_on(op->in[i], mark, seen))
            return true;
    return false;
}

// Does an operation or a variable, other than `but`, look at the mark?
static bool is_watched(const struct lowering *lo, int slot, int slots, const struct op *mark,
                       const struct op *const *but, int but_count, int first_op) {
    for (int i = first_op; i < lo->p->op_count; i++) {
        const struct op *op = lo->p->ops[i];
        bool looks = !op->alias && uses(op, mark);
        for (int k = 0; k < but_count; k++)
            looks = looks && op != but[k];
        if (looks)
            return true;
    }
    for (int i = 0; i < slots; i++)
        if (i != slot && ir_resolve(lo->env[i].op) == mark)
            return true;
    return false;
}

// `m = x < m ? x : m` in every iteration, or the greatest: the extreme of x over the lane and of m.
static struct op *reduce_extreme(struct lowering *lo, int slot, int slots, struct op *mark,
                                 struct op *before, int lane, int first_op, struct location loc) {
    struct builder *b = &lo->b;
    struct op *outer = ir_resolve(lo->env[slot].op), *pick = outer;
    // ?: promotes to int: the choice is then between conversions, and converted back.
    if (pick->code == IR_CAST && ir_resolve(pick->in[0])->code == IR_SELECT)
        pick = ir_resolve(pick->in[0]);
    struct op *c = ir_resolve(pick->in[0]), *term = NULL;
    bool term_if = true;
    while (c->code == IR_NOT) {
        c = ir_resolve(c->in[0]);
        term_if = !term_if;
    }
    if (c->code != IR_LT && c->code != IR_LE)
        return NULL;
    for (int side = 1; side <= 2; side++) {
        if (same_value(pick->in[side]) != mark)
            continue;
        term = ir_cast(b, mark->bits, mark->is_signed, loc, same_value(pick->in[3 - side]));
        term_if = term_if == (side == 2); // taken where the comparison holds
    }
    if (!term || term == mark)
        return NULL;
    struct op *x = same_value(c->in[0]), *y = same_value(c->in[1]);
    struct op *t = same_value(term);
    const bool term_first = x == t && y == mark;
    if (!term_first && !(y == t && x == mark))
        return NULL;
    const struct op *own[7] = {pick,
                               c,
                               outer,
                               ir_resolve(c->in[0]),
                               ir_resolve(c->in[1]),
                               ir_resolve(pick->in[1]),
                               ir_resolve(pick->in[2])};
    if (is_watched(lo, slot, slots, mark, own, 7, first_op) ||
        is_watched(lo, slot, slots, outer, own, 0, first_op) ||
        (pick != outer && is_watched(lo, slot, slots, pick, own, 3, first_op)))
        return NULL;
    // Conversions of the mark must serve this alone.
    for (int k = 3; k < 7; k++)
        if (own[k] != mark && same_value((struct op *)(uintptr_t)own[k]) == mark &&
            is_watched(lo, slot, slots, own[k], own, 3, first_op))
            return NULL;
    const bool least = term_first == term_if;
    struct op *best = term;
    if (term->space >> lane & 1)
        best = ir_op(b, least ? IR_MIN : IR_MAX, term->bits, term->is_signed, loc, 1, &term, lane,
                     NULL, 0);
    struct op *better = least ? ir_binary(b, IR_LT, 1, false, loc, best, before)
                              : ir_binary(b, IR_LT, 1, false, loc, before, best);
    return ir_select(b, loc, better, best, before);
}

// `mark` is the value of scalar `slot` at the start of an iteration. If its value at the end is a
// running sum, gives the sum of all iterations; if the loop does not change it, the mark itself;
// otherwise NULL.
static struct op *reduce(struct lowering *lo, int slot, int slots, struct op *mark,
                         struct op *before, int lane, int first_op, struct location loc) {
    struct op *last = ir_resolve(lo->env[slot].op);
    struct op *chain[16]; // conversions of the sum, then those of the mark
    int length = 0;
    struct op *add = last, *when = NULL; // added under a condition only
    if (last->code == IR_SELECT && ir_resolve(last->in[2]) == mark) {
        when = ir_resolve(last->in[0]);
        add = ir_resolve(last->in[1]);
    } else if (last->code == IR_SELECT && ir_resolve(last->in[1]) == mark) {
        when = ir_not(&lo->b, ir_resolve(last->in[0]));
        add = ir_resolve(last->in[2]);
    }
    while (add->code == IR_CAST && length < 8) {
        chain[length++] = add;
        add = ir_resolve(add->in[0]);
    }
    const bool converted = last->code == IR_CAST && ir_resolve(last->in[0])->code == IR_SELECT;
    if (converted || last->code == IR_SELECT) {
        struct op *extreme = reduce_extreme(lo, slot, slots, mark, before, lane, first_op, loc);
        if (extreme || converted)
            return extreme;
    }
    if (add->code != IR_ADD && add->code != IR_AND && add->code != IR_OR && add->code != IR_XOR)
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
    // The sum may wrap at the end only: what is kept of it must be no more than what each iteration
    // keeps.
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
        bool inside = op->alias || op == add || op == last, looks = uses(op, mark) || uses(op, add);
        for (int k = 0; k < length; k++) {
            inside = inside || op == chain[k];
            looks = looks || uses(op, chain[k]);
        }
        if (looks && !inside)
            return NULL;
    }
    for (int i = 0; i < slots; i++) {
        const struct op *op = i == slot ? NULL : ir_resolve(lo->env[i].op);
        bool looks = op && (op == add || op == mark || op == last);
        for (int k = 0; k < length; k++)
            looks = looks || (op && op == chain[k]);
        for (int k = 0; k < length; k++)
            looks = looks || term == chain[k];
        if (looks)
            return NULL;
    }
    struct builder *b = &lo->b;
    if (when && depends_on(when, mark, arena_alloc(lo->cc, (size_t)lo->p->op_count)))
        return NULL;
    if (when)
        term = ir_select(b, loc, when, term,
                         ir_const(b, term->bits, term->is_signed, add->code == IR_AND ? -1 : 0));
    struct op *sum = term;
    const enum opcode over_lanes = add->code == IR_ADD   ? IR_SUM
                                   : add->code == IR_AND ? IR_ALL
                                   : add->code == IR_OR  ? IR_ANY
                                                         : IR_PARITY;
    if (term->space >> lane & 1)
        sum = ir_op(b, over_lanes, add->bits, add->is_signed, loc, 1, &term, lane, NULL, 0);
    else if (add->code == IR_ADD)
        sum = ir_binary(b, IR_MUL, add->bits, add->is_signed, loc, term,
                        ir_const(b, add->bits, add->is_signed, lo->p->lanes[lane].count));
    else if (add->code == IR_XOR && lo->p->lanes[lane].count % 2 == 0)
        sum = ir_const(b, add->bits, add->is_signed, 0);
    struct op *start = ir_cast(b, inner->bits, inner->is_signed, loc, before);
    struct op *total = ir_binary(b, add->code, add->bits, add->is_signed, loc, start, sum);
    for (int k = outer; k-- > 0;)
        total = ir_cast(b, chain[k]->bits, chain[k]->is_signed, loc, total);
    return total;
}

// Reads of an array that the loop writes must see what they would see if the iterations ran in
// turn.
static bool accesses_agree(struct lowering *lo, const struct unrolled *u, int slot,
                           const struct value *v) {
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
            if (s->size[d] == 1)
                continue; // one element, whatever the index is made of
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

void give_up(struct lowering *lo, struct location loc, const char *what, const char *instead) {
    if (!lo->give_up)
        lo->obstacle = (struct obstacle){what, instead, loc};
    lo->give_up = true;
}

static const char varies[] = "the bound of a loop in it differs from iteration to iteration",
                  largest[] = "let that loop have the largest bound, with an if inside";

// False, and why: its iterations have to be read one by one.
static bool lower_symbolically(struct lowering *lo, const struct for_loop *loop, int64_t trips,
                               struct location loc, struct obstacle *why) {
    struct builder *b = &lo->b;
    struct process *p = lo->p;
    const int first_op = p->op_count, slots = lo->slot_count;
    const int effects = lo->region ? lo->region->effect_count : 0, reused = lo->reused_count;
    struct value *entry = copy_env(lo);
    const int lane = ir_find_lane(b, trips, lo->lanes_in_use);
    const bool gave_up = lo->give_up;
    const struct obstacle outer_obstacle = lo->obstacle;
    lo->give_up = false;
    lo->obstacle = (struct obstacle){
        "its iterations depend on one another",
        "pipeline it, or let nothing but a sum, a minimum or a maximum pass from one to the next",
        loc};

    // Scalars from outside become marks, to see what the loop does to them.
    struct op **marks = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *marks);
    bool *assigned = arena_alloc(lo->cc, (size_t)(slots + 64) * sizeof *assigned);
    find_assigned(lo, loop->body, assigned);
    for (int i = 0; i < slots; i++) {
        struct slot *s = &lo->slots[i];
        if (s->kind != SLOT_VALUE || s->dims || !lo->env[i].op || !assigned[i])
            continue;
        marks[i] =
            ir_op(b, IR_MARK, s->scalar->bits, s->scalar->is_signed, loc, 0, NULL, i, NULL, 0);
        marks[i]->space = ir_resolve(entry[i].op)->space;
        lo->env[i].op = marks[i];
    }
    lo->unrolled[lo->unrolled_count++] = (struct unrolled){lane, entry, slots, lo->access_count};
    lo->lanes_in_use |= 1u << lane;
    const int index = new_slots(lo, loop->var);
    void *outer = loop->var->user;
    bind(lo, loop->var, index, -1);
    struct op *at =
        ir_cast(b, loop->var->type->bits, loop->var->type->is_signed, loc, ir_lane(b, lane));
    if (loop->step != 1)
        at = ir_binary(b, IR_MUL, at->bits, at->is_signed, loc, at,
                       ir_const(b, at->bits, at->is_signed, loop->step));
    if (loop->start)
        at = ir_binary(b, IR_ADD, at->bits, at->is_signed, loc, at,
                       ir_const(b, at->bits, at->is_signed, loop->start));
    lo->env[index].op = at;
    const int broke = lo->broke;
    lo->broke = -1;
    lower_iteration(lo, loop->body);
    lo->broke = broke;
    loop->var->user = outer;
    const struct unrolled done = lo->unrolled[--lo->unrolled_count];
    lo->lanes_in_use &= ~(1u << lane);

    bool good = !lo->give_up && memories_agree(lo, lane, first_op, effects, reused);
    struct op **final = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *final);
    bool *reduced = arena_alloc(lo->cc, (size_t)(slots + 1) * sizeof *reduced);
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
            if (assigned[i] && now &&
                (now->space >> lane & 1)) // first assigned in the loop: the last iteration's value
                final[i] = view_at(lo, (struct value){now, {lane}}, 1, &trips,
                                   (struct op *[]){ir_const(b, 32, true, trips - 1)}, loc);
        } else if (now != marks[i]) {
            final[i] = reduce(lo, i, slots, marks[i], entry[i].op, lane, first_op, loc);
            reduced[i] = final[i];
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
    *why = lo->obstacle;
    lo->give_up = gave_up;
    lo->obstacle = outer_obstacle;
    if (!good) {
        for (int i = first_op; i < p->op_count; i++)
            if (p->ops[i]->code == IR_MARK || p->ops[i]->code == IR_LOAD)
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
            // What led to a sum is not looked at any more, also not by a loop around this one.
            for (int k = first_op; reduced[i] && k < p->op_count; k++)
                if (!p->ops[k]->alias && uses(p->ops[k], marks[i]))
                    p->ops[k]->alias = ir_const(b, p->ops[k]->bits, p->ops[k]->is_signed, 0);
            marks[i]->alias = ir_resolve(entry[i].op);
            lo->env[i].op = final[i] == marks[i] ? entry[i].op : final[i];
        } else {
            lo->env[i].op = final[i];
        }
    }
    return true;
}

// A loop that cannot be counted, inside of an iteration: its condition must be constant each time.
void expand_while(struct lowering *lo, const struct for_loop *loop, struct location loc) {
    const int broke = lo->broke;
    lo->broke = has_leave(loop->body, STMT_BREAK) ? new_flag(lo, "broke", loc) : -1;
    for (int round = 0;; round++) {
        struct op *go_on = loop->limit && !(loop->test_last && round == 0)
                               ? ir_resolve(lower_expr(lo, loop->limit))
                               : NULL;
        int64_t known;
        if (go_on && go_on->space & lo->lanes_in_use) {
            give_up(lo, loc, varies, largest);
            break;
        }
        if (go_on && !ir_is_const(go_on, &known))
            fail(lo->cc, loc,
                 "this loop is to be unrolled, as all loops inside of an iteration are, and its "
                 "condition is not constant in each round; write `for (int i = CONSTANT; i < "
                 "LIMIT; i += CONSTANT)` with an if inside, or pipeline this loop itself");
        if (go_on && !known)
            break;
        if (round == 4096)
            fail(lo->cc, loc,
                 "this loop has more than 4096 rounds and is unrolled; pipeline it instead");
        lower_iteration(lo, loop->body);
        if (loop->next)
            lower_iteration(lo, loop->next);
    }
    lo->broke = broke;
}

static void read_unrolled(struct lowering *lo, const struct for_loop *loop, struct location loc) {
    int64_t limit;
    struct op *bound = ir_resolve(lower_expr(lo, loop->limit));
    if (bound->space & lo->lanes_in_use) { // constant once the loop around it is expanded
        give_up(lo, loc, varies, largest);
        return;
    }
    if (!ir_is_const(bound, &limit))
        fail(lo->cc, loc,
             loop->unroll ? "an unrolled loop needs a constant bound: hardware cannot grow at run "
                            "time; unroll to the largest bound and use if inside"
                          : "this loop lies inside of an iteration, where loops are unrolled, and "
                            "needs a constant bound for that; loop to the largest bound with an if "
                            "inside, or leave the pipeline pragma of the loop around it out");
    note_limit(lo, loop, NULL);
    note_limit(lo, loop, bound);
    if (loop->pipeline_ii > 0 || loop->pipeline_ii == PIPELINE_LEAST)
        fail(lo->cc, loc,
             "a pipelined loop inside a pipelined or unrolled loop; pipeline only one level");
    const int64_t last = loop->inclusive ? limit : limit - 1;
    const int64_t trips = last < loop->start ? 0 : (last - loop->start) / loop->step + 1;
    if (lo->unrolled_count == MAX_UNROLLED)
        fail(lo->cc, loc, "unrolled loops are nested more than %d deep; merge two of them into one",
             MAX_UNROLLED);
    const bool leaves = has_leave(loop->body, STMT_BREAK) || has_leave(loop->body, STMT_RETURN);
    const bool steps = !lo->region && (has_loop(loop->body) || has_effect(loop->body));
    struct obstacle why = {"it may be left early",
                           "note in each iteration whether it counts, and choose behind the loop",
                           loc};
    if (trips > 1 && !leaves && !steps && lower_symbolically(lo, loop, trips, loc, &why))
        return;
    if (lo->expansion && trips > lo->expansion->trips)
        *lo->expansion = (struct expansion){trips, loc, why};
    if (trips > 4096)
        fail(lo->cc, loc,
             "this loop has %lld iterations that depend on one another, and at most 4096 of such "
             "are unrolled; pipeline it, or unroll it by a factor",
             (long long)trips);
    const int index = new_slots(lo, loop->var);
    void *outer = loop->var->user;
    bind(lo, loop->var, index, -1);
    const int broke = lo->broke;
    if (has_leave(loop->body, STMT_BREAK))
        lo->broke = new_flag(lo, "broke", loc);
    else
        lo->broke = -1;
    for (int64_t i = 0; i < trips; i++) {
        lo->env[index].op = ir_const(&lo->b, loop->var->type->bits, loop->var->type->is_signed,
                                     loop->start + i * loop->step);
        lower_iteration(lo, loop->body);
    }
    lo->broke = broke;
    loop->var->user = outer;
}

// ---- loops that cost more than the reader of the program sees

enum { MANY_COPIES = 16, MANY_OPERATIONS = 4096 };

static void reach(const struct op *op, bool *seen) {
    op = ir_resolve((struct op *)(uintptr_t)op);
    if (!op || seen[op->id])
        return;
    seen[op->id] = true;
    for (int k = 0; k < op->in_count; k++)
        reach(op->in[k], seen);
}

// How often is the whole of the memory there, for reads that were made from `first_op` on?
static int64_t copies_of(const struct process *p, int memory, int first_op, const bool *seen) {
    int64_t banks = 0;
    for (int i = first_op; i < p->op_count; i++) {
        const struct op *op = p->ops[i];
        if (!seen[i] || op->code != IR_LOAD || op->imm != memory)
            continue;
        bool one = op->view_count > 0;
        for (int k = 0; k < op->view_count; k++)
            one = one && !op->view[k].dynamic && !op->view[k].terms;
        banks += one ? 1 : p->memories[memory].banks;
    }
    return banks / p->memories[memory].banks;
}

static void tell_expansion(struct lowering *lo, const struct expansion *x, int first_op,
                           int first_effect) {
    const struct process *p = lo->p;
    bool *seen = arena_alloc(lo->cc, (size_t)p->op_count + 1);
    const char *memory = NULL;
    int64_t most = 0, operations = 0;
    for (int i = first_effect; lo->region && i < lo->region->effect_count; i++)
        reach(lo->region->effects[i], seen);
    for (int i = 0; i < lo->slot_count; i++)
        reach(lo->env[i].op, seen);
    for (int i = first_op; i < p->op_count; i++)
        operations += seen[i] && p->ops[i]->code != IR_CONST;
    for (int m = 0; m < p->memory_count; m++) {
        int64_t copies = p->memories[m].kind == MEMORY_RAM ? copies_of(p, m, first_op, seen) : 0,
                stores = 0;
        for (int i = first_effect; lo->region && i < lo->region->effect_count; i++)
            stores += lo->region->effects[i]->code == IR_STORE && lo->region->effects[i]->imm == m;
        copies = stores > copies ? stores : copies;
        if (copies > most) {
            most = copies;
            memory = p->memories[m].name;
        }
    }
    if (most <= MANY_COPIES && operations <= MANY_OPERATIONS)
        return;
    const char *accesses =
        most > MANY_COPIES
            ? arena_printf(lo->cc, " and %lld ports of memory '%s'", (long long)most, memory)
            : "";
    warn(lo->cc, x->loc,
         "this unrolled loop is expanded, iteration by iteration, into %lld operations%s, for %s "
         "(line %d); %s",
         (long long)operations, accesses, x->obstacle.what, x->obstacle.loc.line,
         x->obstacle.instead);
}

void lower_unrolled(struct lowering *lo, const struct for_loop *loop, struct location loc) {
    struct expansion expansion = {.trips = 0};
    const bool outermost = !lo->expansion;
    const int first_op = lo->p->op_count;
    const int first_effect = lo->region ? lo->region->effect_count : 0;
    if (outermost)
        lo->expansion = &expansion;
    read_unrolled(lo, loop, loc);
    if (!outermost)
        return;
    lo->expansion = NULL;
    if (expansion.trips)
        tell_expansion(lo, &expansion, first_op, first_effect);
}
