// SPDX-License-Identifier: Apache-2.0
// The top function: its parameters become ports; with a dataflow pragma each call becomes a process
// and each local stream a channel between two of them.
#include "lower.h"

#include <string.h>

static bool is_stream_pointer(const struct type *type) {
    return type->kind == TYPE_POINTER && type->elem->kind == TYPE_STREAM;
}

static bool is_scalar(const struct type *type) {
    return type->kind == TYPE_INT || type->kind == TYPE_BOOL;
}

void refuse_crossing(struct compiler *cc, const struct variable *var) {
    if (var->stream_crossing)
        fail(cc, var->loc,
             "pragma HLS stream gives '%s' a crossing, and it is no stream between two processes; "
             "give it to a channel of the dataflow function",
             var->name);
}

static void refuse_effects(struct compiler *cc, const struct expr *e) {
    if (e && e->has_effects)
        fail(cc, e->loc,
             "what a process is given reads a stream or calls a function with side effects; do it "
             "in the process");
}

static void bind_scalars(struct lowering *lo, const struct network *net, const struct expr *e);

// The value of a scalar that the dataflow function declares; nothing changes it, for a process is
// given no address of it. NULL: it declares none.
static struct op *declared_value(struct lowering *lo, const struct network *net,
                                 const struct variable *var) {
    const struct stmt *decl = NULL;
    for (int i = 0; i < net->top->body->count && !var->is_static; i++)
        if (net->top->body->body[i]->kind == STMT_DECL && net->top->body->body[i]->var == var)
            decl = net->top->body->body[i];
    if (decl && decl->init) {
        bind_scalars(lo, net, decl->init);
        return lower_expr(lo, decl->init);
    }
    return decl && var->values
               ? ir_const(&lo->b, var->type->bits, var->type->is_signed, var->values[0])
               : NULL;
}

// A scalar parameter of the dataflow function, or a number that it declares, as the process being
// read sees it.
static void bind_scalar(struct lowering *lo, const struct network *net, const struct expr *e) {
    struct process *p = lo->p;
    struct variable *var = e->var;
    struct op *value = NULL;
    for (int port = 0; port < net->top->param_count && !value; port++) {
        if (net->top->params[port] != var)
            continue;
        int arg = 0;
        while (arg < p->arg_count && p->arg_port[arg] != port)
            arg++;
        p->arg_port[arg] = port;
        p->arg_count += arg == p->arg_count;
        value = ir_op(&lo->b, IR_ARG, var->type->bits, var->type->is_signed, var->loc, 0, NULL, arg,
                      NULL, 0);
        value->name = var->name;
    }
    if (!value)
        value = declared_value(lo, net, var);
    if (!value)
        fail(lo->cc, e->loc,
             "'%s' is neither a scalar parameter of the dataflow function nor a number that is "
             "declared there with its value (const uint32_t both = n + m;), and a process is given "
             "these only; calculate in the process",
             var->name);
    const int slot = new_slots(lo, var);
    bind(lo, var, slot, -1);
    lo->env[slot].op = value;
}

static void bind_scalars(struct lowering *lo, const struct network *net, const struct expr *e) {
    if (!e)
        return;
    if (e->kind == EXPR_VAR && is_scalar(e->type) && !binding_of(lo, e->var))
        bind_scalar(lo, net, e);
    bind_scalars(lo, net, e->a);
    bind_scalars(lo, net, e->b);
    bind_scalars(lo, net, e->c);
    for (int i = 0; i < e->arg_count; i++)
        bind_scalars(lo, net, e->args[i]);
}

// The value of a scalar argument: what C makes of the scalars of the dataflow function.
static struct op *lower_argument(struct lowering *lo, const struct network *net,
                                 const struct variable *param, const struct expr *arg) {
    refuse_effects(lo->cc, arg);
    bind_scalars(lo, net, arg);
    struct op *value = lower_expr(lo, arg);
    if (value->code == IR_ARG)
        value->name = param->name;
    return ir_cast(&lo->b, param->type->bits, param->type->is_signed, param->loc, value);
}

// Of a memory a process has the streams that it uses.
static void drop_unused_parts(struct compiler *cc, struct process *p) {
    int *number = arena_alloc(cc, ((size_t)p->stream_count + 1) * sizeof *number);
    int count = 0;
    for (int i = 0; i < p->stream_count; i++)
        number[i] = p->streams[i].is_memory && !p->streams[i].is_used ? -1 : count++;
    if (count == p->stream_count)
        return;
    for (int i = 0; i < p->stream_count; i++) {
        if (p->streams[i].partner >= 0)
            p->streams[i].partner = number[p->streams[i].partner];
        if (number[i] >= 0)
            p->streams[number[i]] = p->streams[i];
    }
    p->stream_count = count;
    for (int i = 0; i < p->op_count; i++)
        if (p->ops[i]->code == IR_READ || p->ops[i]->code == IR_WRITE)
            p->ops[i]->imm = number[p->ops[i]->imm];
    for (int i = 0; i < p->region_count; i++)
        if (p->regions[i]->more >= 0)
            p->regions[i]->more = number[p->regions[i]->more];
}

// Reads function f as a process; arg[i] is what the top passes: NULL for the top itself.
static struct process *lower_process(struct compiler *cc, struct network *net, struct function *f,
                                     const struct expr *call) {
    struct process *p = arena_alloc(cc, sizeof *p);
    struct lowering *lo = arena_alloc(cc, sizeof *lo);
    *lo = (struct lowering){.cc = cc, .b = {.cc = cc, .process = p}, .p = p, .loc = f->loc};
    p->name = f->name;
    p->target = net->target;
    p->function = f;
    p->streams = arena_alloc(cc, (size_t)(f->param_count + 1) * sizeof *p->streams);
    p->arg_port = arena_alloc(cc, (size_t)(net->top->param_count + 1) * sizeof *p->arg_port);
    if (f->result->kind != TYPE_VOID)
        fail(cc, f->loc, "process '%s' returns a value; give it an output stream", f->name);
    struct binding *bound = arena_alloc(cc, (size_t)(f->param_count + 1) * sizeof *bound);
    for (int i = 0; i < f->param_count; i++) {
        struct variable *param = f->params[i];
        refuse_crossing(cc, param);
        bound[i] = (struct binding){-1, -1, p};
        const struct expr *arg = call ? call->args[i] : NULL;
        if (arg && arg->kind == EXPR_ADDR)
            arg = arg->a;
        while (arg && arg->kind == EXPR_CAST)
            arg = arg->a;
        int port = call ? -1 : i, channel = -1;
        if (arg && arg->kind == EXPR_VAR)
            for (int k = 0; k < net->top->param_count; k++)
                if (net->top->params[k] == arg->var)
                    port = k;
        if (is_stream_pointer(param->type)) {
            struct stream *s = &p->streams[p->stream_count];
            if (arg && port < 0)
                for (int k = 0; k < net->channel_count; k++)
                    if (arg->kind == EXPR_VAR && strcmp(net->channels[k].name, arg->var->name) == 0)
                        channel = k;
            if (call && port < 0 && channel < 0)
                fail(cc, call->args[i]->loc,
                     "argument %d of process '%s' must be a stream of the dataflow function: one "
                     "of its parameters, or declare it there with HLS_CHANNEL",
                     i + 1, f->name);
            *s = (struct stream){.name = param->name,
                                 .payload = param->type->elem->elem,
                                 .channel = channel,
                                 .port = port,
                                 .is_memory = param->memory != NULL,
                                 .partner = -1,
                                 .depth = -1,
                                 .loc = param->loc};
            s->bits = payload_bits(s->payload);
            bound[i].stream = p->stream_count++;
        } else if (is_scalar(param->type)) {
            bound[i].slot = new_slots(lo, param);
            struct op *value;
            if (call) {
                value = lower_argument(lo, net, param, call->args[i]);
            } else {
                p->arg_port[p->arg_count] = i;
                value = ir_op(&lo->b, IR_ARG, param->type->bits, param->type->is_signed, param->loc,
                              0, NULL, p->arg_count++, NULL, 0);
                value->name = param->name;
            }
            lo->env[bound[i].slot].op = value;
        } else {
            fail(cc, param->loc,
                 "parameter '%s' of process '%s' is neither a stream (hls_stream(T) *) nor a "
                 "scalar; pass data by streams",
                 param->name, f->name);
        }
        param->user = &bound[i];
    }
    declare_statics(lo, f->body);
    declare_probes(lo, f);
    lo->broke = lo->continued = lo->result = -1;
    lo->returned = has_leave(f->body, STMT_RETURN) ? new_flag(lo, "returned", f->loc) : -1;
    lower_stmt(lo, f->body);
    settle(lo, f->loc, true, NULL);
    drop_unused_parts(cc, p);
    for (int i = 0; i < p->stream_count; i++) {
        struct stream *s = &p->streams[i];
        if (!s->is_used)
            fail(cc, s->loc, "stream '%s' is never %s by process '%s'; remove it",
                 s->partner >= 0 && !s->is_output ? p->streams[s->partner].name : s->name,
                 s->partner < 0 ? "read or written"
                 : s->is_output ? "written"
                                : "read",
                 p->name);
        if (s->channel < 0)
            continue;
        struct channel *c = &net->channels[s->channel];
        int *process = s->is_output ? &c->from_process : &c->to_process;
        if (*process >= 0)
            fail(cc, s->loc,
                 "stream '%s' has two %s, and a stream has one writer and one reader; use a stream "
                 "for each",
                 c->name, s->is_output ? "writers" : "readers");
        *process = net->process_count;
        *(s->is_output ? &c->from_stream : &c->to_stream) = i;
    }
    if (!p->region_count)
        fail(cc, f->loc,
             "process '%s' does nothing that can be seen; let it write a stream, or remove it",
             p->name);
    return p;
}

static void add_process(struct compiler *cc, struct network *net, struct process *p) {
    net->processes = arena_room(cc, net->processes, net->process_count, sizeof *net->processes);
    net->processes[net->process_count++] = p;
}

static void lower_dataflow(struct compiler *cc, struct network *net) {
    const struct stmt *body = net->top->body;
    if (net->top->probe_count)
        fail(cc, net->top->probes[0].loc,
             "HLS_PROBE(%s) stands in a dataflow function, which has no state; put variable and "
             "probe into a process",
             net->top->probes[0].var->name);
    for (int i = 0; i < body->count; i++) {
        const struct stmt *s = body->body[i];
        if (s->kind == STMT_DECL && s->var->type->kind == TYPE_STREAM) {
            net->channels =
                arena_room(cc, net->channels, net->channel_count, sizeof *net->channels);
            net->channels[net->channel_count++] =
                (struct channel){.name = s->var->name,
                                 .depth = s->var->stream_depth,
                                 .crossing = s->var->stream_crossing,
                                 .from_process = -1,
                                 .to_process = -1,
                                 .loc = s->var->loc};
        } else if (s->kind == STMT_DECL && is_scalar(s->var->type) &&
                   (s->var->is_const || !s->var->is_static)) {
            refuse_effects(cc, s->init); // else read where an argument names it
        } else if (s->kind == STMT_EXPR && s->a->kind == EXPR_CALL) {
            int calls = 0;
            for (int k = 0; k < net->process_count; k++)
                calls += net->processes[k]->function == s->a->callee;
            if (calls && (has_state(s->a->callee->body) || s->a->callee->probe_count))
                fail(
                    cc, s->loc,
                    "process '%s' is called twice and has static variables, which would be shared; "
                    "write a second function (for instance by including its file twice under two "
                    "names)",
                    s->a->callee->name);
            struct process *p = lower_process(cc, net, s->a->callee, s->a);
            if (calls)
                p->name = arena_printf(cc, "%s_call%d", p->name, calls + 1);
            add_process(cc, net, p);
        } else {
            fail(cc, s->loc,
                 "a dataflow function holds only streams, numbers that are declared with their "
                 "value "
                 "(const uint32_t both = n + m;) and calls of processes; move this statement into "
                 "a process");
        }
    }
    for (int i = 0; i < net->channel_count; i++) {
        const struct channel *c = &net->channels[i];
        if (c->from_process < 0 || c->to_process < 0)
            fail(cc, c->loc, "stream '%s' has no %s; let a process %s it, or remove it", c->name,
                 c->from_process < 0 ? "writer" : "reader", c->from_process < 0 ? "write" : "read");
        if (c->from_process >= c->to_process)
            fail(cc, c->loc,
                 "stream '%s' runs backwards, from process '%s' to the earlier '%s'; order the "
                 "calls from input to output",
                 c->name, net->processes[c->from_process]->name,
                 net->processes[c->to_process]->name);
    }
}

// The process that uses parameter `port` of the top, of *users.
static int user_of(const struct network *net, int port, int *users) {
    int user = -1;
    *users = 0;
    for (int k = 0; k < net->process_count; k++)
        for (int s = 0; s < net->processes[k]->stream_count; s++)
            if (net->processes[k]->streams[s].port == port) {
                ++*users;
                user = k;
            }
    return user;
}

// In C the one that runs first would fetch what is stored after it, or not.
static void check_memory(struct compiler *cc, const struct network *net, int plan) {
    static const char *const what[MEMORY_PARTS] = {"planned", "fetched", "stored"};
    const struct variable *memory = net->top->params[plan]->memory;
    int user[MEMORY_PARTS];
    for (int part = 0; part < MEMORY_PARTS; part++) {
        int users;
        user[part] = user_of(net, plan + part, &users);
        if (users != 1)
            fail(cc, memory->loc,
                 "words of memory '%s' are %s by %d processes; let one process plan, and one "
                 "process fetch and store",
                 memory->name, what[part], users);
    }
    if (user[PART_FETCH] != user[PART_STORE])
        fail(cc, memory->loc,
             "words of memory '%s' are fetched by process '%s' and stored by process '%s'; let one "
             "process do both",
             memory->name, net->processes[user[PART_FETCH]]->name,
             net->processes[user[PART_STORE]]->name);
    if (user[PART_PLAN] > user[PART_FETCH])
        fail(cc, memory->loc,
             "words of memory '%s' are planned by process '%s' behind '%s', which fetches and "
             "stores "
             "them; call the one that plans first",
             memory->name, net->processes[user[PART_PLAN]]->name,
             net->processes[user[PART_FETCH]]->name);
}

// Every port belongs to one process.
static void check_ports(struct compiler *cc, struct network *net) {
    for (int i = 0; i < net->top->param_count; i++) {
        const struct variable *param = net->top->params[i];
        int users;
        if (param->memory) {
            const struct type *word = param->memory->type->elem->elem;
            check_memory(cc, net, i);
            net->externals =
                arena_room(cc, net->externals, net->external_count, sizeof *net->externals);
            net->externals[net->external_count++] =
                (struct external){param->memory->name, i, word, payload_bits(word)};
            i += MEMORY_PARTS - 1;
            continue;
        }
        (void)user_of(net, i, &users);
        if (is_stream_pointer(param->type) && users != 1)
            fail(
                cc, param->loc,
                "stream '%s' of the top function is used by %d processes and needs exactly one; %s",
                param->name, users, users ? "give each its own stream" : "remove it");
    }
}

struct network *lower(struct compiler *cc, struct program *program, const char *top,
                      const struct target *target) {
    struct network *net = arena_alloc(cc, sizeof *net);
    net->top = find_function(program, top);
    net->name = top;
    net->target = target;
    if (!net->top)
        fail(cc, (struct location){"hlsc", 0},
             "there is no function '%s' with a body; --top names the top "
             "function",
             top);
    for (int i = 0; i < net->top->param_count; i++) {
        const struct variable *param = net->top->params[i];
        refuse_crossing(cc, param);
        if (!is_stream_pointer(param->type) && !is_scalar(param->type))
            fail(cc, param->loc,
                 "parameter '%s' of the top function is neither a stream (hls_stream(T) *) nor a "
                 "scalar; pass data by streams",
                 param->name);
    }
    const struct function *much = net->top->too_many;
    if (much)
        fail(
            cc, much->loc,
            "function '%s' makes %s%lld calls, those of the functions that it calls included; each "
            "becomes hardware of its own, and %d is the limit: keep what equal calls give in a "
            "variable, or call in a loop",
            much->name, much->calls == INT32_MAX ? "more than " : "", (long long)much->calls,
            MAX_CALLS);
    if (net->top->is_dataflow)
        lower_dataflow(cc, net);
    else
        add_process(cc, net, lower_process(cc, net, net->top, NULL));
    if (!net->process_count)
        fail(cc, net->top->loc,
             "dataflow function '%s' calls no process; call one, or remove the dataflow pragma",
             top);
    check_ports(cc, net);
    return net;
}
