// SPDX-License-Identifier: Apache-2.0
// hlsc check, when the RTL is wrong: its waveform beside the operations. Each iteration that the
// RTL issues is run in the order of the program, and from then on the values in its stages are
// compared; the earliest one that differs is named. What lies in tiles is not looked at.
#define _GNU_SOURCE // PATH_MAX
#include "check_parts.h"

#include "interp_flat.h"
#include "vcd.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct signal { // NAME_<op>[_r<region>]_s<stage>[element]
    int number, op, region, stage;
    size_t element;
};

struct in_flight {
    int region, stage;
    uint64_t iteration;
    int64_t *values;
    struct in_flight *next;
};

struct traced_process {
    const struct process *p;
    const char *scope;
    struct signal *signals;
    int count, room;
    int *first; // [stages + 1] of the sorted signals
    int stages;
    int *issue; // [region_count] number, or -1
    struct in_flight *flights, *free;
    bool *wanted;
};

struct trace {
    struct checking *c;
    struct compiler *cc;
    struct interp *interp;
    struct interp_run run;
    uint64_t scalars[MAX_PORTS];
    struct queue streams[MAX_PORTS];
    struct traced_process *processes;
    const char *top_scope;
    struct vcd *vcd;
    int clock, start;
    uint64_t runs, cycle;
};

// ---- signals

static const char *plain_name(struct compiler *cc, const char *name) {
    char *copy = arena_strdup(cc, name);
    for (char *at = copy; *at; at++)
        if (!isalnum((unsigned char)*at))
            *at = '_';
    return copy;
}

// Takes "_<letter><number>" off the end of a name of this length; -1: there is none.
static int take_suffix(const char *name, size_t *length, const char *letter) {
    size_t at = *length;
    const size_t tag = strlen(letter);
    while (at > 0 && isdigit((unsigned char)name[at - 1]))
        at--;
    if (at == *length || *length - at > 8 || at < tag || memcmp(name + at - tag, letter, tag) != 0)
        return -1;
    *length = at - tag;
    return (int)strtol(name + at, NULL, 10);
}

static size_t element_of(const struct process *p, const struct op *op, const char *subscripts) {
    size_t element = 0;
    for (int l = 0; l < p->lane_count; l++) {
        if (!(op->space >> l & 1))
            continue;
        if (*subscripts != '[')
            return SIZE_MAX;
        char *end;
        element = element * (size_t)p->lanes[l].count + strtoul(subscripts + 1, &end, 10);
        subscripts = *end == ']' ? end + 1 : end;
    }
    return element;
}

static void add_signal(struct trace *t, struct traced_process *tp, struct signal s) {
    if (tp->count == tp->room) {
        const int room = tp->room ? tp->room * 2 : 1024;
        tp->signals =
            arena_grow(t->cc, tp->signals, (size_t)tp->room * sizeof s, (size_t)room * sizeof s);
        tp->room = room;
    }
    tp->signals[tp->count++] = s;
}

static void declare_value_signal(struct trace *t, struct traced_process *tp, const char *name,
                                 int number) {
    size_t length = strcspn(name, "[");
    struct signal s = {.number = number};
    const char *subscripts = name + length;
    s.stage = take_suffix(name, &length, "_s");
    if (s.stage < 0)
        return;
    s.region = take_suffix(name, &length, "_r");
    s.op = take_suffix(name, &length, "_");
    if (s.op < 0 || s.op >= tp->p->op_count)
        return;
    const struct op *op = tp->p->ops[s.op];
    const char *base = plain_name(t->cc, op->name ? op->name : ir_opcode_name(op->code));
    if (op->alias || strlen(base) != length || memcmp(base, name, length) != 0)
        return;
    s.element = element_of(tp->p, op, subscripts);
    if (s.element != SIZE_MAX)
        add_signal(t, tp, s);
}

static void declare(void *context, const char *scope, const char *name, int bits, int number) {
    struct trace *t = context;
    (void)bits;
    if (strcmp(scope, t->top_scope) == 0) {
        if (strcmp(name, "clk_i") == 0)
            t->clock = number;
        if (strcmp(name, "start") == 0)
            t->start = number;
        return;
    }
    for (int i = 0; i < t->c->made.net->process_count; i++) {
        struct traced_process *tp = &t->processes[i];
        if (strcmp(scope, tp->scope) != 0)
            continue;
        for (int r = 0; r < tp->p->region_count; r++)
            if (strcmp(name, arena_printf(t->cc, "%s_%d_issue",
                                          plain_name(t->cc, tp->p->regions[r]->name), r)) == 0)
                tp->issue[r] = number;
        declare_value_signal(t, tp, name, number);
    }
}

static int by_stage(const void *a, const void *b) {
    const struct signal *x = a, *y = b;
    return x->stage != y->stage ? x->stage - y->stage
           : x->op != y->op     ? x->op - y->op
                                : (x->element > y->element) - (x->element < y->element);
}

static void sort_signals(struct trace *t, struct traced_process *tp) {
    if (tp->count)
        qsort(tp->signals, (size_t)tp->count, sizeof *tp->signals, by_stage);
    tp->stages = tp->count ? tp->signals[tp->count - 1].stage + 1 : 0;
    tp->first = arena_alloc(t->cc, ((size_t)tp->stages + 2) * sizeof *tp->first);
    for (int stage = 0, at = 0; stage <= tp->stages; stage++) {
        while (at < tp->count && tp->signals[at].stage < stage)
            at++;
        tp->first[stage] = at;
    }
}

// ---- comparing

static bool is_shown(const struct process *p, const struct in_flight *fl, const struct signal *s) {
    const struct op_time *time = &p->regions[fl->region]->schedule->time[s->op];
    return (s->region < 0 || s->region == fl->region) && time->needed && !time->invariant &&
           !time->in_tile;
}

static uint64_t low_bits(uint64_t value, int width) {
    return width < 64 ? value & (((uint64_t)1 << width) - 1) : value;
}

static bool counts(struct trace *t, struct traced_process *tp, const struct in_flight *fl,
                   const struct interp_values *v, const struct signal *s) {
    if (!tp->wanted)
        tp->wanted = arena_alloc(t->cc, 2 * v->f->size + 1);
    find_wanted(v->f, fl->region, v->fixed, fl->values, tp->wanted);
    return tp->wanted[v->f->code[s->op].at + s->element];
}

static bool compare_stage(struct trace *t, struct traced_process *tp, const struct in_flight *fl,
                          const struct interp_values *v, char *text, size_t size) {
    if (fl->stage >= tp->stages)
        return true;
    for (int i = tp->first[fl->stage]; i < tp->first[fl->stage + 1]; i++) {
        const struct signal *s = &tp->signals[i];
        const struct op *op = tp->p->ops[s->op];
        if (!is_shown(tp->p, fl, s) || !v->f->code[s->op].op ||
            s->element >= v->f->code[s->op].count)
            continue;
        const bool fixed = v->f->code[s->op].fixed; // in straight code, though in stages
        const int64_t *values = fixed ? v->fixed : fl->values;
        const uint64_t is = low_bits(vcd_value(t->vcd, s->number), op->width);
        const uint64_t wanted =
            low_bits((uint64_t)values[v->f->code[s->op].at + s->element], op->width);
        if (is == wanted || (!fixed && !counts(t, tp, fl, v, s)))
            continue;
        snprintf(text, size,
                 "%s:%d: the first value that differs is %s_%d_s%d%s of process '%s', loop '%s', "
                 "iteration %llu, in run %llu, cycle %llu: RTL has 0x%llx, schedule 0x%llx",
                 op->loc.file ? op->loc.file : t->c->compile_with->source, op->loc.line,
                 op->name ? op->name : ir_opcode_name(op->code), op->id, s->stage,
                 op->space ? arena_printf(t->cc, " element %zu", s->element) : "", tp->p->name,
                 tp->p->regions[fl->region]->name, (unsigned long long)fl->iteration,
                 (unsigned long long)t->runs, (unsigned long long)t->cycle, (unsigned long long)is,
                 (unsigned long long)wanted);
        return false;
    }
    return true;
}

// ---- iterations

static bool issue(struct trace *t, int number, int region, struct interp_values *v, char *text,
                  size_t size) {
    struct traced_process *tp = &t->processes[number];
    const int next = interp_step(t->interp, number, v);
    if (next != region) {
        snprintf(text, size,
                 "process '%s', run %llu, cycle %llu: RTL issues an iteration of loop '%s', and in "
                 "the order of the program one of '%s' is next",
                 tp->p->name, (unsigned long long)t->runs, (unsigned long long)t->cycle,
                 tp->p->regions[region]->name, next < 0 ? "none" : tp->p->regions[next]->name);
        return false;
    }
    struct in_flight *fl = tp->free;
    if (fl) {
        tp->free = fl->next;
    } else {
        fl = arena_alloc(t->cc, sizeof *fl);
        fl->values = arena_alloc(t->cc, (v->f->size + 1) * sizeof *fl->values);
    }
    memcpy(fl->values, v->values, v->f->size * sizeof *fl->values);
    fl->region = region;
    fl->stage = 0;
    fl->iteration = v->iteration;
    fl->next = tp->flights;
    tp->flights = fl;
    return true;
}

static bool run_process(struct trace *t, int number, struct interp_values *v, char *text,
                        size_t size) {
    struct traced_process *tp = &t->processes[number];
    for (int r = 0; r < tp->p->region_count; r++)
        if (tp->issue[r] >= 0 && vcd_value(t->vcd, tp->issue[r]) &&
            !issue(t, number, r, v, text, size))
            return false;
    for (struct in_flight **at = &tp->flights; *at;) {
        struct in_flight *fl = *at;
        if (!compare_stage(t, tp, fl, v, text, size))
            return false;
        if (++fl->stage < tp->stages) {
            at = &fl->next;
            continue;
        }
        *at = fl->next;
        fl->next = tp->free;
        tp->free = fl;
    }
    return true;
}

static void start_run(struct trace *t) {
    const struct check_run *r = &t->c->runs[t->runs < t->c->options->runs ? t->runs : 0];
    for (uint32_t i = 0; i < t->c->scalars; i++)
        t->scalars[t->c->scalar[i] - t->c->port] = r->scalars[i];
    for (uint32_t i = 0; i < t->c->ports; i++)
        queue_clear(&t->streams[i]);
    fill_inputs(t->c, r, t->streams);
    interp_start(t->interp, &t->run);
    t->runs++;
    t->cycle = 0;
}

static void compare_all(struct trace *t, char *text, size_t size) {
    struct interp_values *v = arena_alloc(t->cc, (size_t)t->c->made.net->process_count * sizeof *v);
    uint64_t time;
    while (vcd_step(t->vcd, &time)) {
        if (vcd_value(t->vcd, t->clock))
            continue; // the state of a cycle is what is there before the clock's edge
        t->cycle++;
        if (vcd_value(t->vcd, t->start))
            start_run(t);
        for (int i = 0; t->runs && i < t->c->made.net->process_count; i++)
            if (!run_process(t, i, &v[i], text, size))
                return;
    }
    snprintf(text, size, "no operation outside of tiles differs in the waveform");
}

static void open_trace(struct trace *t, const char *path) {
    const struct network *net = t->c->made.net;
    t->interp = interp_open(t->cc, net);
    t->processes = arena_alloc(t->cc, (size_t)net->process_count * sizeof *t->processes);
    t->top_scope = arena_printf(t->cc, "kernel.%s", net->name);
    for (int i = 0; i < net->process_count; i++) {
        struct traced_process *tp = &t->processes[i];
        tp->p = net->processes[i];
        tp->scope = arena_printf(t->cc, "%s.i_%s", t->top_scope, tp->p->name);
        tp->issue = arena_alloc(t->cc, ((size_t)tp->p->region_count + 1) * sizeof *tp->issue);
        for (int r = 0; r < tp->p->region_count; r++)
            tp->issue[r] = -1;
    }
    t->vcd = vcd_open(path, declare, t);
    for (int i = 0; i < net->process_count; i++)
        sort_signals(t, &t->processes[i]);
}

void find_in_trace(struct checking *c, const char *path, char *text, size_t size) {
    struct trace *t = calloc(1, sizeof *t);
    if (!t)
        return;
    t->c = c;
    t->cc = c->made.cc;
    t->clock = t->start = -1;
    t->run = (struct interp_run){.scalars = t->scalars, .streams = t->streams};
    for (uint32_t i = 0; i < c->ports; i++)
        queue_init(&t->streams[i], (int)c->port[i].bits);
    if (setjmp(t->cc->on_error) != 0) {
        snprintf(text, size, "%s", t->cc->error);
    } else {
        open_trace(t, path);
        if (t->vcd && t->clock >= 0 && t->start >= 0)
            compare_all(t, text, size);
        else
            snprintf(text, size, "its waveform cannot be read");
    }
    if (t->vcd)
        vcd_close(t->vcd);
    interp_close(t->interp);
    for (uint32_t i = 0; i < MAX_PORTS; i++)
        queue_free(&t->streams[i]);
    free(t);
}
