// SPDX-License-Identifier: Apache-2.0
// Loops that count (loop_count.h): how a head counts, what C makes of its limit, and the canonical
// loop that does the same.
#include "loop_count.h"

// ---- what is canonical

static const struct expr *without_cast(const struct expr *e) {
    return e->kind == EXPR_CAST ? e->a : e;
}

// The variable, perhaps converted to the type in which C calculates with it.
static bool is_plain(struct front *f, const struct expr *e, const struct variable *var) {
    const struct expr *inner = without_cast(e);
    return inner->kind == EXPR_VAR && inner->var == var &&
           (inner == e || e->type == usual_type(f, e->type, inner->type));
}

// May it be computed again in each iteration?
static bool is_plain_value(const struct expr *e) {
    return !e || (e->kind != EXPR_INDEX && e->kind != EXPR_CALL && e->kind != EXPR_DEREF &&
                  !e->has_effects && is_plain_value(e->a) && is_plain_value(e->b) &&
                  is_plain_value(e->c));
}

static const char *find_start(struct front *f, const struct loop_head *head,
                              struct loop_count *count) {
    const struct stmt *decl = head->start.count == 1 ? head->start.list[0] : NULL;
    if (!decl || decl->kind != STMT_DECL)
        return "its head does not declare one variable";
    struct variable *var = decl->var;
    if (var->type->kind != TYPE_INT || var->is_static || var->is_const)
        return "its variable is not a plain integer";
    count->var = var;
    if (var->values)
        count->start = var->values[0];
    else if (decl->init && is_plain_value(decl->init))
        count->from = convert(f, decl->init, var->type);
    else
        return "its start is not a constant, nor made of scalars";
    return NULL;
}

static enum op_kind mirrored(enum op_kind op) {
    return op == OP_LT   ? OP_GT
           : op == OP_LE ? OP_GE
           : op == OP_GT ? OP_LT
           : op == OP_GE ? OP_LE
                         : op;
}

static const char *find_limit(struct front *f, const struct loop_head *head,
                              struct loop_count *count) {
    static const char *const not_compared =
        "its condition is not one comparison of its variable with a limit";
    struct expr *e = head->condition;
    if (!e || e->kind != EXPR_BINARY || e->op < OP_NE || e->op > OP_GE)
        return not_compared;
    bool on_left = is_plain(f, e->a, count->var);
    if (!on_left && !is_plain(f, e->b, count->var))
        return not_compared;
    count->op = on_left ? e->op : mirrored(e->op);
    count->limit = on_left ? e->b : e->a;
    return mentions(count->limit, count->var) ? "its limit depends on its variable" : NULL;
}

static const char *find_step(struct front *f, const struct loop_head *head,
                             struct loop_count *count) {
    static const char *const no_step = "its step does not add a constant to its variable";
    const struct stmt *next = head->next;
    if (!next || next->kind != STMT_ASSIGN || next->a->kind != EXPR_VAR ||
        next->a->var != count->var)
        return no_step;
    const struct expr *sum = without_cast(next->b);
    if (sum->kind != EXPR_BINARY || (sum->op != OP_ADD && sum->op != OP_SUB) ||
        !is_plain(f, sum->a, count->var) || sum->b->kind != EXPR_CONST)
        return no_step;
    int64_t step = sum->b->value;
    if (step < -INT32_MAX || step > INT32_MAX || step == 0)
        return no_step;
    count->step = sum->op == OP_ADD ? step : -step;
    return NULL;
}

// `i != LIMIT` counts like `<` or `>` where it meets the limit.
static bool meets_limit(const struct loop_count *count) {
    const struct expr *limit = count->limit;
    bool up = count->step > 0;
    if (count->step == 1 || count->step == -1) {
        const struct bounds type = type_bounds(count->var->type), to = bounds_of(limit);
        const struct bounds from =
            count->from ? bounds_of(count->from) : (struct bounds){count->start, count->start};
        if (from.low < 0 && (!limit->type->is_signed || !count->var->type->is_signed))
            return false; // C compares without a sign, or the number is beyond 2^63
        return up ? from.high <= to.low && to.high <= type.high
                  : from.low >= to.high && to.low >= type.low;
    }
    if (count->from || limit->kind != EXPR_CONST || (!limit->type->is_signed && limit->value < 0) ||
        (up ? limit->value < count->start : limit->value > count->start))
        return false;
    uint64_t way = (uint64_t)limit->value - (uint64_t)count->start;
    return (up ? way : 0 - way) % (uint64_t)(up ? count->step : -count->step) == 0;
}

// Where i -= step must not pass below zero: the last value in the loop is at least this.
static bool stays_above_zero(const struct loop_count *count) {
    const wide limit = bounds_of(count->limit).low;
    return limit >= 0 && limit + (count->op == OP_GT) >= -count->step;
}

// i += step meets the limit before the variable is at an end of its type.
static bool stays_in_type(const struct loop_count *count) {
    const struct bounds type = type_bounds(count->var->type), limit = bounds_of(count->limit);
    if (count->step > 0)
        return limit.high - (count->op == OP_LT) + count->step <= type.high;
    return limit.low + (count->op == OP_GT) + count->step >= type.low;
}

static const char *settle_direction(struct loop_count *count) {
    static const char *const no_sign = "it counts down and compares numbers without sign";
    const struct expr *limit = count->limit;
    const struct type *type = count->var->type, *compared = limit->type;
    const bool up = count->step > 0, is_constant = limit->kind == EXPR_CONST;
    if (count->op == OP_NE) {
        if (!meets_limit(count))
            return "its condition is != and its variable may miss the limit";
        count->op = up ? OP_LT : OP_GT;
    }
    if (up != (count->op == OP_LT || count->op == OP_LE))
        return "its step leads away from its limit";
    if (!count->from && up)
        return NULL;
    if (!count->from && is_constant)
        return !compared->is_signed && (count->start < 0 || limit->value < 0 || type->is_signed)
                   ? no_sign
                   : NULL;
    if (!compared->is_signed && (type->is_signed || compared->bits == 64 || type->bits == 64))
        return up ? "its start is not constant and it compares numbers without sign" : no_sign;
    if (!up && !type->is_signed && !stays_above_zero(count))
        return "it counts down without a sign and may pass zero";
    if (type->bits < 32 && (up ? count->step > 1 : count->step < -1 && type->is_signed) &&
        !stays_in_type(count))
        return "its variable may wrap around before it meets the limit";
    return NULL;
}

// The distance from start to limit, in a type that holds it; 0 (or -1, where it counts) if the
// condition does not hold at the start.
static void find_way(struct front *f, struct loop_count *count, struct location loc) {
    const struct type *type = count->var->type, *compared = count->limit->type;
    const bool up = count->step > 0, equal = count->op == OP_LE || count->op == OP_GE;
    const bool is_signed = type->is_signed || type->bits < 32;
    const bool is_wide = type->bits == 64 || compared->bits == 64 ||
                         (type->bits == 32 && is_signed &&
                          (up || count->limit->kind != EXPR_CONST || count->limit->value < 0));
    const struct type *in = int_type(f, is_wide ? 64 : 32, is_signed && compared->is_signed);
    struct expr *start = count->from ? count->from : expr_const(f, type, count->start, loc);
    struct expr *from = convert(f, copy_expr(f, start), in);
    struct expr *to = convert(f, copy_expr(f, count->limit), in);
    struct expr *way =
        up ? expr_binary(f, OP_SUB, to, from, loc) : expr_binary(f, OP_SUB, from, to, loc);
    struct expr *runs =
        expr_binary(f, count->op, copy_expr(f, start), copy_expr(f, count->limit), loc);
    count->inclusive = equal && in->is_signed;
    if (equal && !in->is_signed)
        way = expr_binary(f, OP_ADD, way, expr_const(f, in, 1, loc), loc);
    count->way = expr_select(f, condition(f, runs), way,
                             expr_const(f, in, count->inclusive ? -1 : 0, loc), loc);
    count->from = start;
}

const char *find_count(struct front *f, const struct loop_head *head, struct loop_count *count) {
    const char *obstacle = find_start(f, head, count);
    if (!obstacle)
        obstacle = find_limit(f, head, count);
    if (!obstacle)
        obstacle = find_step(f, head, count);
    if (!obstacle)
        obstacle = settle_direction(count);
    if (!obstacle && (count->from || (count->step < 0 && count->limit->kind != EXPR_CONST)))
        find_way(f, count, head->loc);
    return obstacle;
}

// ---- what C makes of the limit

// Iterations from `low` to `high` by `step` > 0; all constant.
static uint64_t count_trips(int64_t low, int64_t high, bool inclusive, int64_t step) {
    if (high < low || (high == low && !inclusive))
        return 0;
    uint64_t last = ((uint64_t)high - (uint64_t)low - !inclusive) / (uint64_t)step;
    return last + (last < UINT64_MAX);
}

// The type that the limit had before C widened it.
static const struct type *own_type(const struct expr *limit) {
    const struct expr *inner = without_cast(limit);
    return inner->type->bits < limit->type->bits ? inner->type : limit->type;
}

// Where a loop counts up to what is known at run time only. A limit whose own type the variable can
// hold is the user's choice, although the variable may wrap around behind its greatest value.
static const struct limit_check *check_limit(struct front *f, const struct loop_count *count,
                                             struct location loc) {
    const struct variable *var = count->var;
    const struct expr *limit = count->limit;
    const wide high = type_bounds(var->type).high;
    const wide most = high - (count->step - (count->op == OP_LT));
    if (count->step < 0 || limit->kind == EXPR_CONST || var->type->bits >= 32 ||
        type_bounds(own_type(limit)).high <= high || bounds_of(limit).high <= most)
        return NULL;
    struct limit_check *check = arena_alloc(f->cc, sizeof *check);
    *check = (struct limit_check){var, most > 0 ? (int64_t)most : 0,
                                  count->way ? copy_expr(f, limit) : NULL, loc};
    return check;
}

static void check_sign(struct front *f, const struct loop_count *count, struct location loc) {
    const struct variable *var = count->var;
    if (!count->limit->type->is_signed && count->start < 0 && var->type->is_signed)
        fail(f->cc, loc,
             "%s starts below zero and its limit is unsigned, so C compares them as unsigned; cast "
             "the limit to int",
             var->name);
}

// A variable that wraps around before it reaches the limit makes an endless loop.
static void check_end(struct front *f, const struct loop_count *count, struct location loc) {
    const struct type *type = count->var->type;
    const struct expr *limit = count->limit;
    if (limit->kind != EXPR_CONST)
        return;
    bool up = count->step > 0;
    bool huge = !limit->type->is_signed && limit->value < 0;
    uint64_t room, step = (uint64_t)(up ? count->step : -count->step), trips;
    if (up) {
        room = (uint64_t)type_bounds(type).high - (uint64_t)count->start;
        trips = count_trips(count->start, limit->value, count->op == OP_LE, (int64_t)step);
    } else {
        room = (uint64_t)count->start - (uint64_t)type_bounds(type).low;
        trips = count_trips(limit->value, count->start, count->op == OP_GE, (int64_t)step);
    }
    if (huge || trips > room / step)
        fail(f->cc, loc, "%s (%s) wraps around before it reaches its limit; use a %s type",
             count->var->name, type_text(f, type), up ? "wider" : "signed");
}

// ---- canonical loops

static struct stmt *declaration(struct front *f, struct variable *var, struct expr *init,
                                struct location loc) {
    struct stmt *s = new_stmt(f, STMT_DECL, loc);
    s->var = var;
    s->init = convert(f, init, var->type);
    return s;
}

static struct stmt *pair(struct front *f, struct stmt *first, struct stmt *second) {
    struct items items = {0};
    add_item(f, &items, first);
    add_item(f, &items, second);
    return block_of(f, &items, first->loc);
}

static struct expr *times(struct front *f, struct variable *var, int64_t factor,
                          struct location loc) {
    struct expr *e = expr_variable(f, var, loc);
    return factor == 1 ? e : expr_binary(f, OP_MUL, e, expr_const(f, var->type, factor, loc), loc);
}

static struct variable *hidden_variable(struct front *f, const struct variable *var,
                                        const char *suffix, const struct type *type) {
    return new_variable(f, arena_printf(f->cc, "%s_%s", var->name, suffix), type, var->loc);
}

static void count_up(struct for_loop *loop, const struct loop_count *count) {
    loop->var = count->var;
    loop->var->values = NULL;
    loop->var->value_count = 0;
    loop->start = count->start;
    loop->limit = count->limit;
    loop->inclusive = count->op == OP_LE;
    loop->step = count->step;
}

static struct stmt *only_statement(struct stmt *s) {
    while (s && s->kind == STMT_BLOCK && s->count == 1)
        s = s->body[0];
    return s;
}

// The variable is calculated in the innermost of loops that hold nothing else, so that these stay
// one pipeline.
static struct stmt *calculate(struct front *f, struct variable *var, struct expr *value,
                              struct stmt *body) {
    struct stmt *only = only_statement(body);
    var->values = NULL;
    var->value_count = 0;
    if (only && only->kind == STMT_FOR && !only->loop->unroll &&
        !mentions(only->loop->limit, var)) {
        only->loop->body = calculate(f, var, value, only->loop->body);
        return body;
    }
    return pair(f, declaration(f, var, value, var->loc), body);
}

// Counts the way by steps, and calculates the variable from it.
static void count_way(struct front *f, struct for_loop *loop, const struct loop_count *count) {
    struct variable *var = count->var;
    struct location loc = var->loc;
    const bool up = count->step > 0;
    loop->var = hidden_variable(f, var, "index", count->way->type);
    loop->limit = count->way;
    loop->inclusive = count->inclusive;
    loop->step = up ? count->step : -count->step;
    struct expr *way = expr_variable(f, loop->var, loc);
    loop->body =
        calculate(f, var, expr_binary(f, up ? OP_ADD : OP_SUB, copy_expr(f, count->from), way, loc),
                  loop->body);
}

// Counts the iterations upwards and calculates the variable from their number.
static void count_down(struct front *f, struct for_loop *loop, const struct loop_count *count) {
    struct variable *var = count->var;
    struct location loc = var->loc;
    uint64_t trips =
        count_trips(count->limit->value, count->start, count->op == OP_GE, -count->step);
    if (trips > INT64_MAX)
        fail(f->cc, loc, "this loop has more than 2^63 iterations; give it a smaller limit");
    const struct type *type = int_type(f, trips > INT32_MAX ? 64 : 32, true);
    loop->var = hidden_variable(f, var, "index", type);
    loop->limit = expr_const(f, type, (int64_t)trips, loc);
    loop->step = 1;
    struct expr *way = times(f, loop->var, -count->step, loc);
    struct expr *start = expr_const(f, var->type, count->start, loc);
    loop->body = calculate(f, var, expr_binary(f, OP_SUB, start, way, loc), loop->body);
}

void count_loop(struct front *f, struct for_loop *loop, const struct loop_count *count,
                struct location loc) {
    loop->check = check_limit(f, count, loc);
    if (count->way) {
        count_way(f, loop, count);
        return;
    }
    check_sign(f, count, loc);
    check_end(f, count, loc);
    if (count->step > 0)
        count_up(loop, count);
    else
        count_down(f, loop, count);
}

// ---- unrolled loops

static bool is_known_trip_count(const struct for_loop *loop, uint64_t *trips) {
    const struct expr *limit = loop->limit;
    if (limit->kind != EXPR_CONST || (!limit->type->is_signed && limit->value < 0))
        return false;
    *trips = count_trips(loop->start, limit->value, loop->inclusive, loop->step);
    return true;
}

// A type in which the variable of a loop gets beyond the limit by `stride` and less.
static const struct type *type_beyond(struct front *f, const struct for_loop *loop,
                                      int64_t stride) {
    const struct type *type = loop->var->type, *own = loop->limit->type;
    if (loop->limit->kind == EXPR_CONST && loop->limit->value <= type_bounds(type).high - stride)
        return type;
    return int_type(f, 64, own->bits < 64 || own->is_signed);
}

// Unrolled by a factor that is less than its iterations: an outer loop by strides around an inner
// loop over the iterations of a stride, which is unrolled completely.
static void split(struct front *f, struct stmt *s, int64_t factor, bool is_exact) {
    struct for_loop *outer = s->loop;
    struct variable *var = outer->var;
    if (contains_jump(outer->body, STMT_BREAK))
        fail(f->cc, s->loc,
             "break in a loop that is unrolled by a factor; remove the factor or the break");
    int64_t stride = factor * outer->step;
    const struct type *type = type_beyond(f, outer, stride);
    struct for_loop *inner = arena_alloc(f->cc, sizeof *inner);
    const struct type *lane_type = int_type(f, stride > INT32_MAX ? 64 : 32, true);
    inner->var = hidden_variable(f, var, "lane", lane_type);
    inner->limit = expr_const(f, lane_type, factor, s->loc);
    inner->step = 1;
    inner->unroll = true;
    outer->unroll = false;
    outer->var = hidden_variable(f, var, "base", type);
    outer->limit = convert(f, outer->limit, usual_type(f, type, outer->limit->type));
    struct expr *way = times(f, inner->var, outer->step, s->loc);
    struct expr *value = expr_binary(f, OP_ADD, expr_variable(f, outer->var, s->loc), way, s->loc);
    struct stmt *body = pair(f, declaration(f, var, value, s->loc), outer->body);
    if (!is_exact) {
        struct stmt *guard = new_stmt(f, STMT_IF, s->loc);
        guard->a = expr_binary(f, outer->inclusive ? OP_LE : OP_LT, copy_expr(f, value),
                               copy_expr(f, outer->limit), s->loc);
        guard->then = body;
        body = guard;
    }
    inner->body = body;
    outer->step = stride;
    struct stmt *lanes = new_stmt(f, STMT_FOR, s->loc);
    lanes->loop = inner;
    struct items items = {0};
    add_item(f, &items, lanes);
    outer->body = block_of(f, &items, s->loc);
}

void apply_unroll(struct front *f, struct stmt *s) {
    struct for_loop *loop = s->loop;
    int64_t factor = loop->unroll_factor;
    uint64_t trips = 0;
    bool is_known = is_known_trip_count(loop, &trips);
    loop->unroll_factor = 0;
    if (factor == 1)
        loop->unroll = false;
    else if (factor > 1 && (!is_known || (uint64_t)factor < trips))
        split(f, s, factor, is_known && trips % (uint64_t)factor == 0);
}
