// SPDX-License-Identifier: Apache-2.0
// Depths of FIFOs. Where paths part and meet again, and where a FIFO leads back into its process,
// runs with several values of the scalars are followed (depth_run.c), first with no more room than
// one word a cycle needs. A need that grows with a scalar has no bound.
#include "depth_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIZES = 5,
    CASES_MAX = 64,             // combinations of scalars
    WORK_MAX = 40 * 1000 * 1000 // operations, and issues, that are followed
};
static const int64_t sizes[SIZES] = {7, 64, 200, 1000, 4000};

const char *process_name(const struct analysis *a, int process) {
    return a->net->processes[process]->name;
}

void set_error(struct analysis *a, struct location loc, const char *text) {
    if (a->error)
        return;
    a->error = text;
    a->error_at = loc;
}

// ---- what there is to look at

static int watch_stream(struct analysis *a, int process, int stream) {
    struct watch *w = &a->watch[process];
    for (int i = 0; i < w->count; i++)
        if (w->stream[i] == stream)
            return i;
    if (w->count == WATCHED_MAX)
        fail(a->cc, a->net->processes[process]->streams[stream].loc,
             "process '%s' has more than %d streams on paths that meet again; split it",
             process_name(a, process), WATCHED_MAX);
    w->stream[w->count] = stream;
    return w->count++;
}

static void add_link(struct analysis *a, int from, int from_stream, int to, int to_stream) {
    struct stream *out = &a->net->processes[from]->streams[from_stream];
    struct stream *in = &a->net->processes[to]->streams[to_stream];
    struct finding *f = &a->found[a->link_count];
    *f = (struct finding){.from = out, .to = in, .asked = asked_depth(a->net, out), .limit = -1};
    f->name = out->channel >= 0 ? a->net->channels[out->channel].name : out->name;
    f->loc = out->channel >= 0 ? a->net->channels[out->channel].loc : out->loc;
    a->links[a->link_count++] = (struct link){.from = from,
                                              .from_watch = from_stream,
                                              .to = to,
                                              .to_watch = to_stream,
                                              .given = f->asked >= 0,
                                              .crossing = crossing_of(a->net, out)};
}

static void add_links(struct analysis *a) {
    int room = a->net->channel_count;
    for (int i = 0; i < a->net->process_count; i++)
        room += a->net->processes[i]->stream_count;
    a->links = arena_alloc(a->cc, ((size_t)room + 1) * sizeof *a->links);
    a->found = arena_alloc(a->cc, ((size_t)room + 1) * sizeof *a->found);
    for (int i = 0; i < a->net->channel_count; i++) {
        const struct channel *c = &a->net->channels[i];
        add_link(a, c->from_process, c->from_stream, c->to_process, c->to_stream);
    }
    for (int i = 0; i < a->net->process_count; i++) {
        const struct process *p = a->net->processes[i];
        for (int k = 0; k < p->stream_count; k++)
            if (p->streams[k].is_output && p->streams[k].channel < 0 && p->streams[k].port < 0)
                add_link(a, i, k, i, p->streams[k].partner);
    }
}

// Keeps the links on cycles, and watches their ends; also streams that are asked for more words.
static void watch_cycles(struct analysis *a) {
    bool *on = arena_alloc(a->cc, (size_t)a->link_count + 1);
    memset(on, true, (size_t)a->link_count);
    a->component = arena_alloc(a->cc, ((size_t)a->link_count + 1) * sizeof *a->component);
    a->on = on;
    find_components(a->cc, a->net->process_count, a->links, a->link_count, on, a->component);
    int kept = 0;
    for (int i = 0; i < a->link_count; i++) {
        if (a->component[i] < 0)
            continue;
        struct link l = a->links[i];
        l.from_watch = watch_stream(a, l.from, l.from_watch);
        l.to_watch = watch_stream(a, l.to, l.to_watch);
        a->found[kept] = a->found[i];
        a->links[kept++] = l;
    }
    a->link_count = kept;
    for (int i = 0; kept && i < a->net->process_count; i++) {
        const struct process *p = a->net->processes[i];
        for (int k = 0; k < p->stream_count; k++) {
            if (!p->streams[k].asks_more)
                continue;
            watch_stream(a, i, k);
            if (p->streams[k].channel < 0)
                continue;
            const struct channel *c = &a->net->channels[p->streams[k].channel];
            watch_stream(a, c->from_process, c->from_stream);
        }
    }
}

// ---- runs of several sizes

static int64_t clamp_scalar(const struct type *type, int64_t value) {
    if (type->kind != TYPE_INT && type->kind != TYPE_BOOL)
        return value; // a stream: words
    const int bits = type->bits - (type->is_signed ? 1 : 0);
    const int64_t most = bits >= 62 ? INT64_MAX : ((int64_t)1 << bits) - 1;
    return value > most ? most : value;
}

// Values of a scalar that are tried: 1 and the size, or the constants that it is compared with and
// the size; in ratios also its double and fourfold.
static int choices(const struct analysis *a, int port) {
    if (!a->deciders.port[port])
        return 1;
    return (a->deciders.counts[port] ? a->deciders.counts[port] + 1 : 2) + (a->in_ratios ? 2 : 0);
}

// Sets the scalars of combination `which` at a size; `sized` tells which grow with it.
static void set_scalars(struct analysis *a, int which, int64_t size, bool *sized) {
    for (int i = a->net->top->param_count - 1; i >= 0; i--) { // the last changes fastest
        const int count = choices(a, i), choice = which % count, constants = a->deciders.counts[i];
        const int scale = choice - (constants ? constants : 1); // log2 of it
        which /= count;
        sized[i] = a->deciders.port[i] && scale >= 0;
        a->port[i] = sized[i]    ? clamp_scalar(a->net->top->params[i]->type, size << scale)
                     : constants ? a->deciders.constants[i][choice]
                                 : 1;
    }
}

// The largest scalar of a run, and the names of those that have this value.
static int64_t size_of_run(const struct analysis *a, const bool *sized, const char **names) {
    int64_t size = 0;
    *names = "";
    for (int i = 0; i < a->net->top->param_count; i++)
        if (sized[i] && a->port[i] > size)
            size = a->port[i];
    for (int i = 0; i < a->net->top->param_count; i++)
        if (sized[i] && a->port[i] == size)
            *names = arena_printf(a->cc, "%s%s%s", *names, **names ? " = " : "",
                                  a->net->top->params[i]->name);
    return size;
}

struct series { // the runs of one combination
    int64_t size;
    const char *names;
    int *safe, *fast;
};

static void compare_sizes(struct analysis *a, const struct series *before,
                          const struct series *now) {
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        if (a->links[i].idle)
            continue;
        f->fast_grows = f->fast_grows || now->fast[i] > before->fast[i];
        if (now->safe[i] <= before->safe[i])
            continue;
        f->safe_grows = true;
        const int64_t room = floor_depth(a, i, f->asked) - before->safe[i];
        const int64_t limit =
            before->size + room * (now->size - before->size) / (now->safe[i] - before->safe[i]);
        if (f->limit < 0 || limit < f->limit) {
            f->limit = limit;
            f->limit_names = now->names;
        }
    }
}

// A run has shown what its links need, or a part of it has.
static void take_needs(struct analysis *a, const struct series *s, bool part) {
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        if (a->links[i].idle)
            continue;
        f->safe = s->safe[i] > f->safe ? s->safe[i] : f->safe;
        f->fast = s->fast[i] > f->fast ? s->fast[i] : f->fast;
        f->proved = true;
        f->capped = f->capped || part;
    }
}

static void try_case(struct analysis *a, int which) {
    const size_t ports = (size_t)a->net->top->param_count, links = (size_t)a->link_count;
    struct series s[2] = {{0}};
    bool *sized = arena_alloc(a->cc, ports + 1);
    for (int i = 0; i < 2; i++) {
        s[i].safe = arena_alloc(a->cc, (links + 1) * sizeof *s[i].safe);
        s[i].fast = arena_alloc(a->cc, (links + 1) * sizeof *s[i].fast);
    }
    struct series *now = NULL, *before = NULL;
    int runs = 0, ended = 0;
    bool stuck = false; // these scalars do not belong together
    for (int n = 0; n < SIZES && !a->error && a->work > 0 && a->flow_work > 0; n++) {
        int64_t *last = arena_copy(a->cc, a->port, (ports + 1) * sizeof *last);
        set_scalars(a, which, sizes[n], sized);
        if (runs++ && memcmp(last, a->port, ports * sizeof *last) == 0)
            break; // depends on no size, or has no greater one
        struct series *mine = &s[ended & 1];
        const enum outcome outcome = try_run(a, mine->safe, mine->fast);
        stuck = stuck || outcome == RUN_STUCK;
        if (outcome == RUN_ENDED || (outcome == RUN_CAPPED && !stuck && ended < 2))
            take_needs(a, mine, outcome == RUN_CAPPED);
        if (outcome == RUN_CAPPED || (outcome == RUN_IDLE && a->is_tree))
            break;
        if (outcome != RUN_ENDED)
            continue;
        mine->size = size_of_run(a, sized, &mine->names);
        before = now;
        now = mine;
        ended++;
    }
    if (before)
        compare_sizes(a, before, now);
}

// All combinations; false: not all of them.
static bool try_cases(struct analysis *a) {
    int64_t cases = 1;
    for (int i = 0; i < a->net->top->param_count && cases <= CASES_MAX; i++)
        cases *= choices(a, i);
    for (int i = 0; i < cases && i < CASES_MAX && !a->error; i++)
        try_case(a, i);
    return cases <= CASES_MAX && a->work > 0 && a->flow_work > 0;
}

static void try_all(struct analysis *a) {
    bool all = try_cases(a);
    for (int i = 0; i < a->link_count && !a->in_ratios; i++)
        a->in_ratios = a->found[i].active && !a->found[i].proved && !a->found[i].claimed;
    if (a->in_ratios) // no run has ended
        all = try_cases(a) && all;
    for (int i = 0; i < a->link_count; i++)
        a->found[i].capped = a->found[i].capped || !all;
}

// ---- the verdict

static int count_deciders(const struct analysis *a) {
    int count = 0;
    for (int i = 0; i < a->net->top->param_count; i++)
        count += a->deciders.port[i];
    return count;
}

static void judge_unproved(struct analysis *a, int link) {
    struct finding *f = &a->found[link];
    const char *problem = f->problem ? f->problem : "its runs are too long to be followed";
    const char *run = f->problem ? f->problem_run : "";
    if (f->problem && (f->fatal || !count_deciders(a))) {
        set_error(a, f->problem_at,
                  arena_printf(a->cc,
                               "the network stops for ever: %s; read as many words as are written, "
                               "each after it was written",
                               problem));
    } else if (f->asked < 0) {
        set_error(a, f->loc,
                  arena_printf(a->cc,
                               "the depth that stream '%s' needs cannot be derived: %s, and no run "
                               "ends with the values of the scalars that were tried (%s%s%s); give "
                               "%s with the most words that it must hold",
                               f->name, f->meeting, run, *run ? ": " : "", problem,
                               pragma_text(a, link)));
    }
    f->unknown = arena_printf(a->cc, "no run that was tried ends (%s)", problem);
    f->claimed = true;
}

static void judge_growing(struct analysis *a, int link) {
    struct finding *f = &a->found[link];
    if (f->asked < 0)
        set_error(
            a, f->loc,
            arena_printf(a->cc,
                         "the network can deadlock: the words that stream '%s' must hold grow "
                         "with %s, and when it is full, %s; give %s with the most words that "
                         "a run needs, or let the processes take their words in the order in "
                         "which they are written",
                         f->name, f->limit_names, f->cycle, pragma_text(a, link)));
    f->from->why = arena_printf(a->cc, "%s; holds runs up to %s = %lld, a longer one deadlocks",
                                f->meeting, f->limit_names, (long long)f->limit);
}

static void judge(struct analysis *a, int link) {
    struct finding *f = &a->found[link];
    if (!f->active)
        return;
    if (!f->claimed && !f->proved)
        judge_unproved(a, link);
    if (f->claimed) {
        f->from->why = arena_printf(
            a->cc, "not proved free of deadlock: depth of %d is claimed, %s", f->asked, f->unknown);
        return;
    }
    if (f->safe_grows) {
        judge_growing(a, link);
        return;
    }
    // Of several scalars, some values may never go together; of one, all must.
    const bool stops = f->problem && count_deciders(a) == 1;
    const bool worth = !f->fast_grows && f->fast <= f->safe + FAST_ROOM;
    f->from->needed = worth && f->fast > f->safe ? f->fast : f->safe;
    f->from->why =
        arena_printf(a->cc, "%s%s%s%s%s", f->meeting,
                     f->safe > floor_depth(a, link, -1)
                         ? arena_printf(a->cc, ", less than %d words would deadlock", f->safe)
                         : "",
                     !worth              ? ", more room would make it faster"
                     : f->fast > f->safe ? ", for full speed"
                                         : "",
                     f->capped ? "; followed for a part of its runs only" : "",
                     stops ? arena_printf(a->cc, "; a run with %s stops for ever: %s",
                                          f->problem_run, f->problem)
                           : "");
}

void find_depths(struct compiler *cc, struct network *net) {
    const size_t n = (size_t)net->process_count, ports = (size_t)net->top->param_count + 1;
    struct analysis a = {.cc = cc, .net = net, .work = WORK_MAX, .flow_work = WORK_MAX};
    a.watch = arena_alloc(cc, n * sizeof *a.watch);
    add_links(&a);
    watch_cycles(&a);
    if (!a.link_count)
        return;
    a.traces = arena_alloc(cc, n * sizeof *a.traces);
    a.tracers = arena_alloc(cc, n * sizeof *a.tracers);
    a.port = arena_alloc(cc, ports * sizeof *a.port);
    a.channel = arena_alloc(cc, ((size_t)net->channel_count + 1) * sizeof *a.channel);
    a.deciders = (struct deciders){arena_alloc(cc, ports),
                                   arena_alloc(cc, ports * sizeof *a.deciders.constants),
                                   arena_alloc(cc, ports * sizeof *a.deciders.counts)};
    for (int i = 0; i < net->process_count; i++) {
        if (!a.watch[i].count)
            continue;
        watch_accesses(cc, net->processes[i], &a.watch[i]);
        find_deciders(cc, net, net->processes[i], &a.watch[i], &a.deciders);
        a.tracers[i] = tracer_new(cc, net, net->processes[i], &a.watch[i]);
    }
    try_all(&a);
    for (int i = 0; i < net->process_count; i++)
        trace_free(&a.traces[i]);
    for (int i = 0; i < a.link_count && !a.error; i++)
        judge(&a, i);
    if (a.error)
        fail(cc, a.error_at, "%s", a.error);
}
