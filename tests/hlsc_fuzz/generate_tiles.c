// SPDX-License-Identifier: Apache-2.0
// Processes whose lanes multiply and so come out in tiles: memories and registers of the lanes, of
// which a loop is made that keeps to what tiles can do (docs/hlsc.md), and little else.
#include "generate.h"

struct tiles {
    struct var *memory[3], *state[4], *local[8];
    int memories, states, locals;
    struct node *outcome;            // of the iteration: what is over lanes, together
    struct var *total;               // of all outcomes, or NULL
    bool is_filled[3], is_stored[3]; // by a loop of its own; in this iteration
};

static struct node *lanes_loop(struct generator *g, int lanes) {
    struct node *s = new_node(g->p, N_FOR);
    s->var = new_var(g, V_INDEX, B_I32);
    s->op = 1;
    s->e[0] = number(g, B_I32, lanes);
    s->var->high = lanes - 1;
    append(g->p, &s->kids, pragma(g, "unroll"));
    show(g, s->var);
    return s;
}

static struct node *begin_lanes(struct generator *g, struct list *into) {
    struct node *s = lanes_loop(g, g->lanes);
    append(g->p, into, s);
    g->lane = s->var;
    return s;
}

static void end_lanes(struct generator *g, int mark) {
    g->lane = NULL;
    g->scope_count = mark;
}

static enum base lane_base(struct generator *g) {
    static const enum base bases[] = {B_I16, B_I16, B_I8, B_U8, B_U16, B_I32};
    return bases[below(g, 6)];
}

static void add_tail(struct generator *g, struct node *s, const char *text, const char *tail) {
    struct node *kid = pragma(g, text);
    kid->tail = tail;
    append(g->p, &s->kids, kid);
}

static void make_lane_memory(struct generator *g, struct tiles *t, struct list *into) {
    static const char *const storage[] = {"impl=lutram", "impl=bram", "impl=uram",
                                          "impl=bram latency=1", "impl=lutram latency=1"};
    struct var *var = new_var(g, V_STATIC, lane_base(g));
    struct node *s = declare(g, var, NULL);
    var->is_memory = true;
    var->dims = chance(g, 25) ? 3 : 2;
    var->size[0] = 4 << below(g, 4);
    var->size[1] = g->lanes;
    var->size[2] = between(g, 2, 3);
    for (int i = 1; i < var->dims; i++)
        add_tail(g, s, "array_partition", i == 1 ? "complete dim=2" : "complete dim=3");
    if (chance(g, 60))
        add_tail(g, s, "bind_storage", storage[below(g, 5)]);
    append(g->p, into, s);
    t->memory[t->memories++] = var;
}

static struct var *make_lane_state(struct generator *g, struct tiles *t, struct list *into,
                                   enum base base) {
    struct var *var = new_var(g, V_STATIC, base);
    struct node *s = declare(g, var, NULL);
    var->dims = chance(g, 20) ? 2 : 1;
    var->size[0] = g->lanes;
    var->size[1] = between(g, 2, 3);
    if (var->dims == 1 && chance(g, 5)) { // such ones stay whole
        var->values = take(g->p, (size_t)g->lanes * sizeof *var->values);
        for (int i = 0; i < g->lanes; i++)
            var->values[i] = any_value(g, base);
    }
    add_tail(g, s, "array_partition", "complete dim=0");
    append(g->p, into, s);
    t->state[t->states++] = var;
    return var;
}

static struct var *make_lane_local(struct generator *g, struct tiles *t, struct list *into,
                                   enum base base) {
    struct var *var = new_var(g, V_LOCAL, base);
    var->dims = 1;
    var->size[0] = g->lanes;
    append(g->p, into, declare(g, var, NULL));
    if (t->locals < 8)
        t->local[t->locals++] = var;
    return var;
}

// A word of a memory: the address is the same for all lanes.
static struct node *word_at(struct generator *g, struct var *memory, struct node *address) {
    struct node *e = lane_element(g, memory);
    e->e[0] = address;
    e->e[1] = use(g, g->lane);
    return e;
}

// Of the iteration, or what the data says.
static struct node *address(struct generator *g, struct var *index) {
    if (chance(g, 60))
        return use(g, index);
    g->early = chance(g, 50);
    struct node *e = expression_of(g, 1);
    g->early = false;
    return e;
}

static void load_lanes(struct generator *g, struct tiles *t, struct list *into, struct var *index) {
    const int mark = g->scope_count;
    struct var *memory = t->memory[below(g, t->memories)];
    struct var *var = make_lane_local(g, t, into, memory->base);
    struct node *at = address(g, index), *loop = begin_lanes(g, into);
    append(g->p, &loop->kids, assign(g, O_SET, lane_element(g, var), word_at(g, memory, at)));
    end_lanes(g, mark);
    show(g, var);
}

// All lanes write, each what it has, on its own condition, also what they read and changed.
static void store_lanes(struct generator *g, struct tiles *t, struct list *into, struct var *index,
                        int which) {
    const int mark = g->scope_count;
    struct var *memory = t->memory[which];
    if (t->is_stored[which])
        return;
    t->is_stored[which] = true;
    const bool changes = chance(g, 50);
    struct var *old = changes ? make_lane_local(g, t, into, memory->base) : NULL;
    struct node *at = address(g, index), *loop = begin_lanes(g, into);
    struct node *target = word_at(g, memory, at), *some = NULL;
    if (old) {
        struct node *word = new_node(g->p, E_INDEX);
        *word = *target;
        append(g->p, &loop->kids, assign(g, O_SET, lane_element(g, old), word));
        show(g, old);
    }
    if (chance(g, 60))
        some = guard_of(g, condition_of(g, 1));
    struct node *value = expression_of(g, 2);
    if (old && chance(g, 60))
        value = binary_of(g, O_ADD, lane_element(g, old), value);
    append(g->p, some ? &some->kids : &loop->kids, assign(g, O_SET, target, value));
    if (some)
        append(g->p, &loop->kids, some);
    end_lanes(g, mark);
    if (old)
        show(g, old);
}

// One lane at a time, by an index.
static void store_one(struct generator *g, struct tiles *t, struct list *into, struct var *index,
                      int which) {
    struct var *memory = t->memory[which];
    if (t->is_stored[which])
        return;
    t->is_stored[which] = true;
    struct node *target = lane_element(g, memory), *some = guard_of(g, condition_of(g, 1));
    target->e[0] = address(g, index);
    target->e[1] = expression_of(g, 1);
    append(g->p, &some->kids, assign(g, O_SET, target, expression_of(g, 2)));
    append(g->p, into, some);
}

static void set_lanes(struct generator *g, struct tiles *t, struct list *into, struct var *var) {
    const int mark = g->scope_count;
    if (!var)
        var = make_lane_local(g, t, into, lane_base(g));
    struct node *loop = begin_lanes(g, into);
    struct list *in = &loop->kids;
    struct node *target = lane_element(g, var);
    if (var->dims == 2) {
        struct node *column = lanes_loop(g, var->size[1]);
        append(g->p, in, column);
        in = &column->kids;
        target->e[1] = use(g, column->var);
    }
    append(g->p, in, assign(g, O_SET, target, expression_of(g, 2)));
    end_lanes(g, mark);
    if (var->kind == V_LOCAL)
        show(g, var);
}

static struct var *any_lanes(struct generator *g, const struct tiles *t) {
    struct var *var =
        t->locals && chance(g, 60) ? t->local[below(g, t->locals)] : t->state[below(g, t->states)];
    return var->dims == 1 ? var : NULL;
}

// Towards the first lane, also farther than a tile is long.
static void move_lanes(struct generator *g, struct tiles *t, struct list *into, struct var *to) {
    const int mark = g->scope_count;
    struct var *from = any_lanes(g, t);
    if (!from || (to && to->dims != 1))
        return;
    struct node *behind = expression_of(g, 1), *moved = new_node(g->p, E_MOVED);
    if (!to)
        to = make_lane_local(g, t, into, from->base);
    struct node *loop = begin_lanes(g, into);
    moved->var = from;
    moved->value = chance(g, 60) ? between(g, 1, 3) : between(g, 1, g->lanes - 1);
    moved->e[0] = behind;
    moved->e[1] = use(g, loop->var);
    append(g->p, &loop->kids, assign(g, O_SET, lane_element(g, to), moved));
    end_lanes(g, mark);
    if (to->kind == V_LOCAL)
        show(g, to);
}

// What was read.
static struct var *any_number(struct generator *g) {
    for (int i = g->scope_count; i-- > 0;)
        if (!g->scope[i]->dims && !g->scope[i]->record && g->scope[i]->kind == V_LOCAL)
            return g->scope[i];
    return NULL;
}

// acc += a * b: what makes a lane of tiles.
static void accumulate(struct generator *g, struct tiles *t, struct list *into) {
    static const int ops[] = {O_ADD, O_ADD, O_ADD, O_SUB, O_SET};
    const int mark = g->scope_count;
    struct var *acc = t->state[0];
    struct node *loop = begin_lanes(g, into), *some = NULL;
    struct list *in = &loop->kids;
    struct node *target = lane_element(g, acc);
    if (acc->dims == 2) {
        struct node *column = lanes_loop(g, acc->size[1]);
        append(g->p, in, column);
        in = &column->kids;
        target->e[1] = use(g, column->var);
    }
    struct var *a = t->locals && chance(g, 80) ? t->local[below(g, t->locals)] : any_lanes(g, t),
               *b = chance(g, 40) ? any_lanes(g, t) : any_number(g);
    struct node *product = binary_of(
        g, O_MUL,
        a && a != acc
            ? lane_element(g, a)
            : binary_of(g, chance(g, 50) ? O_ADD : O_XOR, use(g, g->lane), expression_of(g, 1)),
        b && chance(g, 80) ? b->dims ? lane_element(g, b) : use(g, b) : expression_of(g, 1));
    if (chance(g, 10))
        in = &(some = guard_of(g, condition_of(g, 1)))->kids;
    append(g->p, in, assign(g, ops[below(g, 5)], target, product));
    if (some)
        append(g->p, acc->dims == 2 ? &loop->kids.items[loop->kids.count - 1]->kids : &loop->kids,
               some);
    end_lanes(g, mark);
}

// Over all lanes.
static void join_lanes(struct generator *g, struct tiles *t, struct list *into) {
    static const int ops[] = {O_ADD, O_ADD, O_ADD, O_AND, O_OR, O_XOR, O_LT, O_GT, O_LAND, O_LOR};
    const int mark = g->scope_count, op = ops[below(g, 10)];
    struct var *sum = new_var(g, V_LOCAL, chance(g, 70) ? B_I32 : B_U32);
    append(g->p, into, declare(g, sum, number(g, sum->base, any_value(g, sum->base))));
    struct node *loop = begin_lanes(g, into);
    struct var *of = t->outcome ? any_lanes(g, t) : t->state[0];
    struct node *value = expression_of(g, 2);
    if (!t->outcome || (of && chance(g, 60))) {
        struct node *e = lane_element(g, of);
        value =
            chance(g, 40) ? e : binary_of(g, chance(g, 40) ? O_MUL : ops[below(g, 6)], e, value);
        if (of->dims == 2 && chance(g, 60)) { // over its columns, too
            struct node *column = lanes_loop(g, of->size[1]);
            append(g->p, &loop->kids, column);
            e->e[1] = use(g, column->var);
            loop = column;
        }
    }
    if (op == O_LT || op == O_GT) {
        struct var *one = new_var(g, V_LOCAL, sum->base);
        struct node *pick = new_node(g->p, E_COND);
        one->is_const = true;
        append(g->p, &loop->kids, declare(g, one, value));
        pick->e[0] = binary_of(g, op, use(g, one), use(g, sum));
        pick->e[1] = use(g, one);
        pick->e[2] = use(g, sum);
        append(g->p, &loop->kids, assign(g, O_SET, use(g, sum), pick));
    } else if (op == O_LAND || op == O_LOR) {
        append(g->p, &loop->kids,
               assign(g, O_SET, use(g, sum), binary_of(g, op, use(g, sum), value)));
    } else {
        append(g->p, &loop->kids, assign(g, op, use(g, sum), value));
    }
    end_lanes(g, mark);
    if (chance(g, 30)) // what goes on with it may take too long for tiles
        show(g, sum);
    t->outcome = t->outcome ? binary_of(g, O_XOR, t->outcome, use(g, sum)) : use(g, sum);
}

// A few numbers that each lane picks its own of.
static void make_shared(struct generator *g, struct list *into) {
    const int mark = g->scope_count;
    struct var *var = new_var(g, V_LOCAL, lane_base(g));
    var->dims = 1;
    var->size[0] = between(g, 2, 7);
    append(g->p, into, declare(g, var, NULL));
    struct node *loop = lanes_loop(g, var->size[0]), *target = new_node(g->p, E_INDEX);
    target->var = var;
    target->e[0] = use(g, loop->var);
    append(g->p, &loop->kids,
           assign(g, O_SET, target, binary_of(g, O_ADD, use(g, loop->var), expression_of(g, 2))));
    append(g->p, into, loop);
    g->scope_count = mark;
    show(g, var);
}

static void lane_statement(struct generator *g, struct tiles *t, struct list *into,
                           struct var *index) {
    const int kind = below(g, 100);
    if (kind < 18 && t->memories)
        load_lanes(g, t, into, index);
    else if (kind < 32 && t->memories)
        store_lanes(g, t, into, index, below(g, t->memories));
    else if (kind < 38 && t->memories)
        store_one(g, t, into, index, below(g, t->memories));
    else if (kind < 46)
        make_shared(g, into);
    else if (kind < 62)
        set_lanes(g, t, into, NULL);
    else if (kind < 80)
        move_lanes(g, t, into, NULL);
    else if (kind < 94)
        join_lanes(g, t, into);
    else
        accumulate(g, t, into);
}

// A loop of its own that fills a memory, one lane at a time.
static void fill_lanes(struct generator *g, struct var *memory, struct list *into) {
    const int mark = g->scope_count;
    static const int order[] = {1, 2, 0}; // lanes, columns, words
    struct node *target = lane_element(g, memory);
    for (int i = 0; i < 3; i++) {
        const int size = memory->size[order[i]];
        if (order[i] >= memory->dims)
            continue;
        struct node *s = new_node(g->p, N_FOR);
        s->var = new_var(g, V_INDEX, B_I32);
        s->op = 1;
        s->e[0] = number(g, B_I32, size);
        s->var->high = size - 1;
        show(g, s->var);
        target->e[order[i]] = use(g, s->var);
        append(g->p, into, s);
        into = &s->kids;
    }
    begin_iteration(g);
    append(g->p, into,
           assign(g, O_SET, target,
                  binary_of(g, O_MUL, use(g, target->e[0]->var),
                            binary_of(g, O_ADD, use(g, target->e[1]->var), expression_of(g, 1)))));
    g->scope_count = mark;
}

void lanes_iteration(struct generator *g, struct tiles *t, struct list *into, struct var *index) {
    const int mark = g->scope_count;
    begin_iteration(g);
    t->locals = 0;
    t->outcome = NULL;
    for (int i = 0; i < t->memories; i++)
        t->is_stored[i] = false;
    for (int i = 0; i < g->stream_count; i++)
        if (!g->is_output[i])
            read_stream(g, into, i);
    for (int i = 0; i < t->states; i++)
        show(g, t->state[i]);
    if (t->total)
        show(g, t->total);
    if (t->memories && chance(g, 80))
        load_lanes(g, t, into, index);
    const int before = between(g, 0, 2), behind = between(g, 0, 3);
    for (int i = 0; i < before; i++)
        lane_statement(g, t, into, index);
    accumulate(g, t, into);
    // What nobody changes is a constant.
    for (int i = 0; i < t->memories; i++) {
        if (t->is_filled[i])
            continue;
        if (chance(g, 60))
            store_lanes(g, t, into, index, i);
        else
            store_one(g, t, into, index, i);
    }
    for (int i = 1; i < t->states; i++)
        if (t->state[i]->dims != 1 || chance(g, 50))
            set_lanes(g, t, into, t->state[i]);
        else
            move_lanes(g, t, into, t->state[i]);
    for (int i = 0; i < behind; i++)
        lane_statement(g, t, into, index);
    if (t->state[0]->dims == 1 || !t->outcome)
        join_lanes(g, t, into);
    if (t->total)
        append(g->p, into, assign(g, O_ADD, use(g, t->total), t->outcome));
    for (int i = 0; i < g->stream_count; i++) {
        if (!g->is_output[i])
            continue;
        if (g->streams[i]->record) {
            write_stream(g, into, i);
            continue;
        }
        struct node *s = new_node(g->p, N_WRITE);
        g->has_output = true;
        s->var = g->streams[i];
        s->e[0] =
            binary_of(g, O_XOR, expression_of(g, 2), t->total ? use(g, t->total) : t->outcome);
        append(g->p, into, s);
    }
    g->scope_count = mark;
}

struct tiles *begin_tiles(struct generator *g, struct list *into) {
    static const char *const crossings[] = {"tiles crossing=3", "tiles crossing=5",
                                            "tiles crossing=7"};
    struct tiles *t = take(g->p, sizeof *t);
    g->p->is_for_tiles = true;
    g->lanes = chance(g, 70) ? between(g, 8, 26) : between(g, 8, 70);
    g->is_fast = false;
    if (chance(g, 12))
        append(g->p, into, pragma(g, crossings[below(g, 3)]));
    const int memories = below(g, 4), states = below(g, 3);
    for (int i = 0; i < memories; i++)
        make_lane_memory(g, t, into);
    make_lane_state(g, t, into, chance(g, 80) ? B_I32 : any_base(g));
    for (int i = 0; i < states; i++)
        make_lane_state(g, t, into, any_base(g));
    if (chance(g, 20)) {
        t->total = new_var(g, V_STATIC, B_U32);
        append(g->p, into, declare(g, t->total, NULL));
    }
    for (int i = 0; i < memories; i++)
        if ((t->is_filled[i] = chance(g, 60)))
            fill_lanes(g, t->memory[i], into);
    return t;
}

void make_tiles(struct generator *g, struct var **scalars, int count) {
    struct node *process = new_node(g->p, N_PROCESS);
    struct list *into = &process->kids;
    g->stream_count = g->scope_count = g->dual_port_count = 0;
    g->trips = 1;
    add_param(g, process, make_stream(g), false);
    add_param(g, process, new_var(g, V_STREAM, chance(g, 70) ? B_I32 : any_base(g)), true);
    for (int i = 0; i < count; i++) {
        add_param(g, process, scalars[i], false);
        show(g, scalars[i]);
    }
    struct tiles *t = begin_tiles(g, into);
    struct node *loop = new_node(g->p, N_FOR);
    loop->var = new_var(g, V_INDEX, B_I32);
    loop->op = 1;
    loop->var->high = chance(g, 50) ? between(g, 1, 40) : 1000000;
    loop->e[0] = loop->var->high < 1000
                     ? number(g, B_I32, loop->var->high--)
                     : binary_of(g, O_AND, use(g, scalars[0]), number(g, B_I32, 63));
    show(g, loop->var);
    append(g->p, into, loop);
    append(g->p, &loop->kids, pragma(g, "pipeline"));
    lanes_iteration(g, t, &loop->kids, loop->var);
    append(g->p, &g->p->root->kids, process);
    g->lanes = 0;
}
