// SPDX-License-Identifier: Apache-2.0
// Depths of FIFOs. Where paths part and meet again, and where a FIFO leads back into its process,
// runs with several values of the scalars (depth_cases.c) are followed (depth_run.c), first with no
// more room than one word a cycle needs. A need that grows with a scalar has no bound.
#include "depth_parts.h"

#include <stdlib.h>
#include <string.h>

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
                         "with %s%s, and when it is full, %s; give %s with the most words that "
                         "a run needs, or let the processes take their words in the order in "
                         "which they are written",
                         f->name, f->limit_names, f->limit_where, f->cycle, pragma_text(a, link)));
    f->from->why = arena_printf(a->cc, "%s; holds runs up to %s = %lld%s, a longer one deadlocks",
                                f->meeting, f->limit_names, (long long)f->limit, f->limit_where);
}

// Why longer runs than those that were followed may need more, or "".
static const char *doubt_text(const struct analysis *a, int link) {
    const struct finding *f = &a->found[link];
    for (int d = 0; d < a->mixed_count; d++)
        for (int e = 0; e < d; e++)
            if (is_unmixed(a, link, e, d))
                return arena_printf(a->cc,
                                    "; no run with both '%s' and '%s' above 1 was found, --sample "
                                    "gives one",
                                    a->net->top->params[a->mixed[e]]->name,
                                    a->net->top->params[a->mixed[d]]->name);
    return f->capped && !f->sampled
               ? "; followed for a part of its runs only, --sample gives those that count"
               : "";
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
    const char *doubt = doubt_text(a, link);
    f->from->needed = worth && f->fast > f->safe ? f->fast : f->safe;
    f->from->measured = *doubt;
    if (*doubt && f->asked < 0)
        warn(a->cc, f->loc,
             "a longer run may need more than the %d words that stream '%s' holds%s; give %s with "
             "the most words that it must hold",
             f->from->needed, f->name, doubt, pragma_text(a, link));
    f->from->why =
        arena_printf(a->cc, "%s%s%s%s%s", f->meeting,
                     f->safe > floor_depth(a, link, -1)
                         ? arena_printf(a->cc, ", less than %d words would deadlock", f->safe)
                         : "",
                     !worth              ? ", more room would make it faster"
                     : f->fast > f->safe ? ", for full speed"
                                         : "",
                     doubt,
                     stops ? arena_printf(a->cc, "; a run with %s stops for ever: %s",
                                          f->problem_run, f->problem)
                           : "");
}

void find_depths(struct compiler *cc, struct network *net, const struct sample *samples,
                 int sample_count) {
    const size_t n = (size_t)net->process_count, ports = (size_t)net->top->param_count + 1;
    struct analysis a = {.cc = cc, .net = net};
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
    follow_runs(&a, samples, sample_count);
    for (int i = 0; i < net->process_count; i++)
        trace_free(&a.traces[i]);
    for (int i = 0; i < a.link_count && !a.error; i++)
        judge(&a, i);
    if (a.error)
        fail(cc, a.error_at, "%s", a.error);
}
