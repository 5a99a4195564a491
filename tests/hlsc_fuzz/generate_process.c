// SPDX-License-Identifier: Apache-2.0
// Processes: statics and memories, and loops of all kinds one after another and in one another.
#include "generate.h"

static void phases(struct generator *g, struct list *into, int depth);

// ---- what a process declares

static void partition(struct generator *g, struct node *s, bool complete) {
    static const char *const kinds[] = {"cyclic factor=2", "cyclic factor=4", "block factor=2",
                                        "cyclic factor=2 dim=1"};
    struct node *kid = pragma(g, "array_partition");
    kid->tail = complete ? "complete dim=2" : kinds[below(g, 4)];
    append(g->p, &s->kids, kid);
}

static void make_memory(struct generator *g, struct list *into) {
    static const char *const storage[] = {"impl=lutram latency=0",
                                          "impl=lutram latency=1",
                                          "impl=bram latency=1",
                                          "impl=bram latency=2",
                                          "impl=uram latency=2",
                                          "impl=lutram",
                                          "impl=bram",
                                          "impl=auto"};
    struct var *var = new_var(g, V_STATIC, any_base(g));
    struct node *s = declare(g, var, NULL);
    var->is_memory = true;
    var->dims = chance(g, 20) ? 2 : 1;
    var->size[0] = chance(g, 70) ? 8 << below(g, 4) : between(g, 5, 40);
    var->size[1] = between(g, 2, 4);
    var->has_banks = var->dims == 2 && chance(g, 70);
    if (var->has_banks && may(g, FEATURE_LANES) && chance(g, 10))
        var->size[1] = between(g, 20, 150);
    if (var->has_banks || (may(g, FEATURE_PARTITION) && chance(g, 25)))
        partition(g, s, var->has_banks);
    if (chance(g, 60)) {
        struct node *kid = pragma(g, "bind_storage");
        kid->tail = storage[below(g, 8)];
        append(g->p, &s->kids, kid);
    }
    append(g->p, into, s);
    show(g, var);
}

// A memory that a loop reads by both ports, or writes.
static void make_dual_port(struct generator *g, struct list *into) {
    static const char *const storage[] = {"type=ram_t2p impl=bram", "type=ram_t2p impl=uram",
                                          "type=ram_t2p impl=bram latency=1", "type=ram_t2p"};
    enum base base = any_base(g);
    while (base == B_BOOL)
        base = any_base(g);
    struct var *var = new_var(g, V_STATIC, base);
    struct node *s = declare(g, var, NULL), *kid = pragma(g, "bind_storage");
    var->is_memory = true;
    var->dims = chance(g, 30) ? 2 : 1;
    var->size[0] = between(g, 2, 150);
    var->size[1] = between(g, 2, 4);
    var->has_banks = var->dims == 2 && chance(g, 70);
    if (var->has_banks || (may(g, FEATURE_PARTITION) && chance(g, 30)))
        partition(g, s, var->has_banks);
    kid->tail = storage[below(g, 4)];
    append(g->p, &s->kids, kid);
    append(g->p, into, s);
    g->dual_ports[g->dual_port_count++] = var;
}

static void make_state(struct generator *g, struct list *into) {
    const enum var_kind kind = chance(g, 60) ? V_STATIC : V_LOCAL;
    struct var *var = new_var(g, kind, any_base(g));
    struct node *s = declare(g, var, NULL);
    if (chance(g, 30)) {
        struct node *kid = pragma(g, "array_partition");
        kid->tail = "complete dim=0";
        var->dims = 1;
        var->size[0] =
            may(g, FEATURE_LANES) && chance(g, 8) ? between(g, 20, 150) : between(g, 2, 6);
        append(g->p, &s->kids, kid);
    }
    if (chance(g, 50) || var->kind == V_LOCAL) {
        const int count = var->dims ? var->size[0] : 1;
        var->values = take(g->p, (size_t)count * sizeof *var->values);
        for (int i = 0; i < count; i++)
            var->values[i] = any_value(g, var->base);
    }
    append(g->p, into, s);
    show(g, var);
}

// ---- one iteration

void read_stream(struct generator *g, struct list *into, int stream) {
    struct var *from = g->streams[stream];
    struct node *read = new_node(g->p, E_READ);
    struct var *var = new_var(g, V_LOCAL, from->base);
    g->is_busy[stream] = true;
    var->record = from->record;
    read->var = from;
    if (from->ends == 2 || !chance(g, 30)) {
        var->is_const = chance(g, 70);
        append(g->p, into, declare(g, var, read));
    } else {
        append(g->p, into, declare(g, var, NULL));
        struct node *cond =
            may(g, FEATURE_LATE) && chance(g, 30) ? condition_of(g, 1) : early_condition(g);
        struct node *some = guard_of(g, cond);
        append(g->p, &some->kids, assign(g, O_SET, use(g, var), read));
        if (may(g, FEATURE_EXCLUSIVE) && !g->is_fast && chance(g, 30)) {
            struct node *again = new_node(g->p, E_READ);
            again->var = from;
            append(g->p, &some->other, assign(g, O_SET, use(g, var), again));
        }
        append(g->p, into, some);
    }
    show(g, var);
}

void some_write(struct generator *g, struct list *into, int stream) {
    if (chance(g, 60)) {
        write_stream(g, into, stream);
        return;
    }
    struct node *some = guard_of(g, condition_of(g, 2));
    write_stream(g, &some->kids, stream);
    if (may(g, FEATURE_EXCLUSIVE) && !g->is_fast && chance(g, 40))
        write_stream(g, &some->other, stream);
    append(g->p, into, some);
}

// Memories are loaded or stored in a loop; with RECENT both.
static void choose_memories(struct generator *g) {
    for (int i = 0; i < g->scope_count; i++) {
        struct var *var = g->scope[i];
        if (!var->is_memory)
            continue;
        var->may_store = chance(g, 60);
        var->may_load = !var->may_store || may(g, FEATURE_RECENT);
    }
}

void begin_iteration(struct generator *g) {
    choose_memories(g);
    g->nodes = 30;
    g->products = 2;
    g->loads = 3;
    for (int i = 0; i < g->stream_count; i++)
        g->is_busy[i] = g->streams[i]->ends == 2; // channels: in the main loop only
}

static void exit_iteration(struct generator *g, struct list *into, enum kind kind) {
    struct node *s = new_node(g->p, kind);
    s->e[0] = chance(g, 50) ? early_condition(g) : condition_of(g, 1);
    append(g->p, into, s);
}

// One write, or one or two reads.
static void use_ports(struct generator *g, struct list *into) {
    static const int joins[] = {O_ADD, O_SUB, O_XOR, O_AND};
    if (!g->dual_port_count || chance(g, 40))
        return;
    struct var *memory = g->dual_ports[below(g, g->dual_port_count)];
    if (chance(g, 40)) {
        struct node *target = element_of(g, memory);
        struct node *write = assign(g, O_SET, target, expression_of(g, 2));
        struct node *some = chance(g, 30) ? guard_of(g, condition_of(g, 1)) : NULL;
        append(g->p, some ? &some->kids : into, write);
        if (some)
            append(g->p, into, some);
        return;
    }
    struct node *value = element_of(g, memory);
    if (chance(g, 75))
        value = binary_of(g, joins[below(g, 4)], value, element_of(g, memory));
    struct var *var = new_var(g, V_LOCAL, any_base(g));
    append(g->p, into, declare(g, var, value));
    show(g, var);
}

// The body of a pipelined loop; accesses to channels are for the main loop of a network.
static void iteration(struct generator *g, struct list *into) {
    const int mark = g->scope_count;
    begin_iteration(g);
    if (g->is_fast)
        g->products = 0;
    for (int i = 0; i < g->stream_count; i++)
        if (!g->is_output[i] && !g->is_busy[i] && chance(g, 85))
            read_stream(g, into, i);
    use_ports(g, into);
    statements_of(g, into, between(g, 0, g->is_fast ? 1 : 3));
    if (g->in_nest && may(g, FEATURE_NEST) && chance(g, 60))
        store(g, into);
    if (may(g, FEATURE_CONTINUE) && chance(g, 12))
        exit_iteration(g, into, N_CONTINUE);
    statements_of(g, into, between(g, 0, g->is_fast ? 1 : 3));
    for (int i = 0; i < g->stream_count; i++)
        if (g->is_output[i] && !g->is_busy[i] && chance(g, 85))
            some_write(g, into, i);
    if (may(g, FEATURE_BREAK) && chance(g, 12))
        exit_iteration(g, into, N_BREAK);
    statements_of(g, into, chance(g, 25));
    g->scope_count = mark;
}

// One that is not left before its end.
void whole_iteration(struct generator *g, struct list *into) {
    const uint32_t features = g->features;
    g->features &= ~(1u << FEATURE_BREAK | 1u << FEATURE_CONTINUE);
    iteration(g, into);
    g->features = features;
}

// Straight code between loops.
void straight(struct generator *g, struct list *into) {
    begin_iteration(g);
    if (chance(g, 20))
        for (int i = 0; i < g->stream_count; i++)
            if (!g->is_output[i] && !g->is_busy[i] && chance(g, 50))
                read_stream(g, into, i);
    statements_of(g, into, between(g, 1, 2));
    if (may(g, FEATURE_CONE) && chance(g, 35))
        deep_statement(g, into);
    if (chance(g, 25))
        for (int i = 0; i < g->stream_count; i++)
            if (g->is_output[i] && !g->is_busy[i] && chance(g, 50))
                some_write(g, into, i);
}

// ---- loops

// The body that follows has to fit the interval, so it is a short one where that is 1.
void add_pragma(struct generator *g, struct node *loop) {
    static const char *const intervals[] = {"pipeline II=2", "pipeline II=3", "pipeline II=4"};
    g->is_fast = !may(g, FEATURE_INTERVAL) || chance(g, 6);
    if (g->is_fast)
        append(g->p, &loop->kids, pragma(g, "pipeline II=1"));
    else if (chance(g, 8))
        append(g->p, &loop->kids, pragma(g, intervals[below(g, 3)]));
    else if (chance(g, 40))
        append(g->p, &loop->kids, pragma(g, "pipeline"));
}

static struct var *bound_of(struct generator *g, bool any) {
    struct var *fits[8];
    int count = 0;
    for (int i = 0; i < g->scope_count && count < (any ? 8 : 1); i++)
        if (g->scope[i]->kind == V_SCALAR)
            fits[count++] = g->scope[i];
    return count ? fits[below(g, count)] : NULL;
}

enum bound { CONSTANT, ARGUMENT, MASKED }; // MASKED: a few bits of an argument

// Counts down, from a constant or a run-time number to a constant.
static void turn_down(struct generator *g, struct node *s, struct node *from) {
    s->var->base = chance(g, 80) ? B_I32 : B_I16;
    s->op = -s->op;
    s->id = chance(g, 60); // >=
    s->e[1] = from;
    s->value = s->var->high;
    s->e[0] = number(g, B_I32, s->var->low - !s->id);
    if (from) // from - 1 at most, as the loop that counts up
        s->e[1] = binary_of(g, O_SUB, from, number(g, B_I32, 1));
    else if (s->op == -1 && chance(g, 50))
        return;
    s->var->low -= 3; // where it ends is not looked at
}

// A for loop without its body; its trips are at most a dozen.
static struct node *for_loop(struct generator *g, enum bound kind, int most) {
    static const enum base bases[] = {B_I32, B_U32, B_I32, B_U8, B_I16};
    struct node *s = new_node(g->p, N_FOR);
    struct var *bound = kind == CONSTANT ? NULL : bound_of(g, kind == MASKED);
    s->var = new_var(g, V_INDEX,
                     bound ? is_signed(bound->base) || kind == MASKED ? B_I32 : B_U32
                           : bases[below(g, 5)]);
    s->op = chance(g, 80) ? 1 : between(g, 2, 3);
    s->value = bound || chance(g, 70) ? 0 : between(g, is_signed(s->var->base) ? -2 : 1, 3);
    s->var->low = s->value;
    const bool down = may(g, FEATURE_DOWN) && kind != ARGUMENT && chance(g, 15);
    if (bound) {
        const int mask = (2 << below(g, most < 6 ? 2 : 3)) - 1;
        s->e[0] = use(g, bound);
        if (kind == MASKED)
            s->e[0] = binary_of(g, O_AND, s->e[0], number(g, B_I32, mask));
        s->var->high = 1000000; // not known
        g->trips *= kind == MASKED ? mask : 1;
        if (down) {
            struct node *from = new_node(g->p, E_CAST);
            from->base = B_I32;
            from->e[0] = s->e[0];
            turn_down(g, s, from);
        }
    } else {
        const int trips = between(g, 1, most < 12 ? most : 12);
        s->var->high = s->value + (int64_t)(trips - 1) * s->op;
        s->id = chance(g, 20); // <=
        s->e[0] = number(g, B_I32, s->var->high + !s->id);
        g->trips *= trips;
        if (down)
            turn_down(g, s, NULL);
    }
    show(g, s->var);
    return s;
}

// Numbers that differ, in the first words, each time that the process runs.
static void fill_dual_port(struct generator *g, struct list *into, struct var *memory) {
    const int mark = g->scope_count, trips = g->trips;
    struct node *loop = for_loop(g, CONSTANT, 1);
    begin_iteration(g);
    loop->id = 0;
    loop->op = 1;
    loop->value = loop->var->low = 0;
    loop->e[0]->value = between(g, 1, memory->size[0]);
    loop->e[1] = NULL;
    loop->var->base = B_I32;
    loop->var->high = loop->e[0]->value - 1;
    struct node *target = new_node(g->p, E_INDEX);
    target->var = memory;
    target->e[0] = use(g, loop->var);
    target->e[1] = number(g, B_I32, below(g, memory->size[1]));
    struct node *value =
        binary_of(g, O_MUL, use(g, loop->var), number(g, B_I32, between(g, 3, 99)));
    append(g->p, &loop->kids,
           assign(g, O_SET, target, binary_of(g, O_XOR, value, expression_of(g, 1))));
    append(g->p, into, loop);
    g->scope_count = mark;
    g->trips = trips;
}

// A condition of few operations: on a state, or on what is known early.
static struct node *quick_condition(struct generator *g) {
    for (int tries = 0; tries < 8 && g->scope_count && chance(g, 60); tries++) {
        struct var *var = g->scope[below(g, g->scope_count)];
        if ((var->kind != V_STATIC && var->kind != V_LOCAL) || var->dims || var->record)
            continue;
        const int op = between(g, O_EQ, O_GE);
        return binary_of(g, op, use(g, var), number(g, B_I32, below(g, 9)));
    }
    return chance(g, 5) ? condition_of(g, 1) : early_condition(g);
}

static struct node *while_loop(struct generator *g, int most) {
    struct node *s = new_node(g->p, N_WHILE);
    s->var = new_var(g, V_INDEX, chance(g, 50) ? B_U8 : B_I32);
    s->op = below(g, 3);
    s->value = between(g, 1, most < 12 ? most : 12);
    s->var->low = 0;
    s->var->high = s->value + 1;
    s->e[0] = quick_condition(g);
    g->trips *= (int)s->value;
    show(g, s->var);
    return s;
}

void leaf_loop(struct generator *g, struct list *into) {
    const int mark = g->scope_count, trips = g->trips;
    begin_iteration(g);
    struct node *s = NULL;
    if (may(g, FEATURE_WHILE) && chance(g, 25)) {
        s = while_loop(g, 12);
        add_pragma(g, s);
        iteration(g, &s->kids);
        append(g->p, into, s);
    } else {
        // Up to three levels that hold nothing else.
        const int levels = chance(g, 60) ? 1 : between(g, 2, 4);
        g->in_nest = levels > 1;
        struct list *at = into;
        for (int i = 0; i < levels; i++) {
            const bool by_argument = (i == 0 || may(g, FEATURE_SEQUENCE)) && chance(g, i ? 15 : 60),
                       is_masked = may(g, FEATURE_NEST) && chance(g, i ? 60 : 20);
            s = for_loop(g,
                         is_masked     ? MASKED
                         : by_argument ? ARGUMENT
                                       : CONSTANT,
                         levels > 1 ? 5 : 12);
            append(g->p, at, s);
            at = &s->kids;
        }
        add_pragma(g, s);
        iteration(g, at);
        g->in_nest = false;
    }
    g->scope_count = mark;
    g->trips = trips;
}

// A loop whose body is a row of loops and statements.
static void outer_loop(struct generator *g, struct list *into, int depth) {
    const int mark = g->scope_count, trips = g->trips;
    begin_iteration(g);
    const bool is_while = may(g, FEATURE_WHILE) && chance(g, 30);
    struct node *s =
        is_while ? while_loop(g, 4) : for_loop(g, chance(g, 30) ? ARGUMENT : CONSTANT, 4);
    append(g->p, into, s);
    if (chance(g, 60))
        straight(g, &s->kids);
    phases(g, &s->kids, depth + 1);
    if (may(g, FEATURE_CONTINUE) && chance(g, 10))
        exit_iteration(g, &s->kids, N_CONTINUE);
    if (chance(g, 60))
        straight(g, &s->kids);
    if (may(g, FEATURE_BREAK) && chance(g, 15))
        exit_iteration(g, &s->kids, N_BREAK);
    g->scope_count = mark;
    g->trips = trips;
}

static void conditional(struct generator *g, struct list *into, int depth) {
    const int mark = g->scope_count;
    begin_iteration(g);
    struct node *s =
        guard_of(g, chance(g, 60) ? early_condition(g)
                                  : condition_of(g, may(g, FEATURE_CONE) && chance(g, 40) ? 4 : 1));
    phases(g, &s->kids, depth + 1);
    g->scope_count = mark;
    if (chance(g, 30)) {
        phases(g, &s->other, depth + 1);
        g->scope_count = mark;
    }
    append(g->p, into, s);
}

// A FIFO that leads back: an element is read `lag` iterations after it was written, and the rest
// behind the loop.
static void feedback(struct generator *g, struct list *into) {
    const int mark = g->scope_count, trips = between(g, 5, 12), lag = between(g, 1, 4);
    struct var *fifo = new_var(g, V_STREAM, any_base(g));
    struct node *s = declare(g, fifo, NULL), *room = pragma(g, "stream");
    static const char *const depths[] = {"depth=6", "depth=8", "depth=16"};
    fifo->is_const = true; // of this process alone
    room->tail = depths[below(g, 3)];
    append(g->p, &s->kids, room);
    append(g->p, into, s);
    struct node *loop = for_loop(g, CONSTANT, 1), *read = new_node(g->p, E_READ);
    loop->id = 0;
    loop->op = 1;
    loop->value = loop->var->low = 0;
    loop->e[0]->value = trips;
    loop->var->high = trips - 1;
    add_pragma(g, loop);
    begin_iteration(g);
    struct var *item = new_var(g, V_LOCAL, fifo->base);
    read->var = fifo;
    append(g->p, &loop->kids, declare(g, item, NULL));
    struct node *late = guard_of(g, binary_of(g, O_GE, use(g, loop->var), number(g, B_I32, lag)));
    append(g->p, &late->kids, assign(g, O_SET, use(g, item), read));
    append(g->p, &loop->kids, late);
    show(g, item);
    whole_iteration(g, &loop->kids);
    struct node *write = new_node(g->p, N_WRITE);
    write->var = fifo;
    write->e[0] = expression_of(g, 2);
    append(g->p, &loop->kids, write);
    append(g->p, into, loop);
    g->scope_count = mark;
    struct node *drain = for_loop(g, CONSTANT, 1), *rest = new_node(g->p, E_READ);
    rest->var = fifo;
    drain->id = 0;
    drain->op = 1;
    drain->value = drain->var->low = 0;
    drain->e[0]->value = lag;
    struct var *state = NULL;
    for (int i = 0; i < g->scope_count; i++)
        if ((g->scope[i]->kind == V_STATIC || g->scope[i]->kind == V_LOCAL) && !g->scope[i]->dims &&
            !g->scope[i]->is_const && g->scope[i]->base < B_NUMBERS)
            state = g->scope[i];
    struct var *last = new_var(g, V_LOCAL, fifo->base);
    append(g->p, &drain->kids, declare(g, last, rest));
    if (state)
        append(g->p, &drain->kids, assign(g, O_XOR, use(g, state), use(g, last)));
    append(g->p, into, drain);
    g->scope_count = mark;
}

static void phases(struct generator *g, struct list *into, int depth) {
    const int count = depth == 0 ? between(g, 1, 3) : between(g, 1, 2);
    for (int i = 0; i < count; i++) {
        const int kind = below(g, 100);
        if (kind < 50 || depth > 2)
            leaf_loop(g, into);
        else if (kind < 68 && may(g, FEATURE_SEQUENCE))
            outer_loop(g, into, depth);
        else if (kind < 76 && (depth == 0 || may(g, FEATURE_SEQUENCE)))
            conditional(g, into, depth);
        else if (kind < 84 && depth == 0 && may(g, FEATURE_FEEDBACK))
            feedback(g, into);
        else
            straight(g, into);
    }
}

// ---- the main loop of a process of a network

// An access of a channel in those iterations in which its other end does the same.
static struct list *when(struct generator *g, struct list *into, const struct var *channel,
                         struct var *index) {
    if (!channel->phase)
        return into;
    struct node *some = guard_of(
        g, binary_of(g, O_EQ, binary_of(g, O_AND, use(g, index), number(g, B_I32, channel->phase)),
                     number(g, B_I32, 0)));
    append(g->p, into, some);
    return &some->kids;
}

static void main_loop(struct generator *g, struct list *into) {
    const int mark = g->scope_count;
    struct node *s = for_loop(g, ARGUMENT, 12);
    s->op = 1;
    add_pragma(g, s);
    begin_iteration(g);
    for (int i = 0; i < g->stream_count; i++) {
        if (g->is_output[i] || g->streams[i]->ends != 2)
            continue;
        struct var *var = new_var(g, V_LOCAL, g->streams[i]->base);
        struct node *read = new_node(g->p, E_READ);
        var->record = g->streams[i]->record;
        read->var = g->streams[i];
        append(g->p, &s->kids, declare(g, var, NULL));
        append(g->p, when(g, &s->kids, g->streams[i], s->var), assign(g, O_SET, use(g, var), read));
        show(g, var);
    }
    const int inner = g->scope_count;
    whole_iteration(g, &s->kids);
    g->scope_count = inner;
    for (int i = 0; i < g->stream_count; i++)
        if (g->is_output[i] && g->streams[i]->ends == 2)
            write_stream(g, when(g, &s->kids, g->streams[i], s->var), i);
    g->scope_count = mark;
    append(g->p, into, s);
}

void begin_process(struct generator *g, struct node *process) {
    struct list *into = &process->kids;
    g->scope_count = 0;
    g->trips = 1;
    g->has_output = false;
    for (int i = 0; i < g->table_count; i++)
        show(g, g->tables[i]);
    for (int i = 0; i < process->params; i++)
        if (process->param[i].var->kind == V_SCALAR)
            show(g, process->param[i].var);
    const int states = between(g, 0, 3);
    for (int i = 0; i < states; i++)
        make_state(g, into);
    const int memories = may(g, FEATURE_MEMORY) ? between(g, 0, 2) : 0;
    for (int i = 0; i < memories; i++)
        make_memory(g, into);
    g->dual_port_count = 0;
    for (int i = 0; i < 2 && may(g, FEATURE_PORTS); i++)
        if (chance(g, 20))
            make_dual_port(g, into);
    for (int i = 0; i < g->dual_port_count; i++)
        fill_dual_port(g, into, g->dual_ports[i]);
}

void end_process(struct generator *g, struct node *process) {
    for (int i = 0; i < g->stream_count && !g->has_output; i++)
        if (g->is_output[i])
            write_stream(g, &process->kids, i);
}

void make_process(struct generator *g, struct node *process, bool in_network) {
    struct list *into = &process->kids;
    begin_process(g, process);
    if (in_network) {
        if (chance(g, 30))
            straight(g, into);
        main_loop(g, into);
        if (chance(g, 20))
            straight(g, into);
    } else {
        phases(g, into, 0);
    }
    end_process(g, process);
}
