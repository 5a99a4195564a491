// SPDX-License-Identifier: Apache-2.0
// One run of a network: the room that its FIFOs need so that it does not stop, and so that it is
// not held up. A network that has stopped gets one word more in the smallest full FIFO of the
// blocked cycle (Parks).
#include "depth_parts.h"

// Does a run of this kind, of some length, use the link?
static bool is_possible(const struct analysis *a, int link) {
    const struct link *l = &a->links[link];
    const struct trace *from = &a->traces[l->from], *to = &a->traces[l->to];
    return from->lost || to->lost || ((from->possible >> l->from_watch) & 1) ||
           ((to->possible >> l->to_watch) & 1);
}

static bool is_active(const struct analysis *a, int link) {
    const struct link *l = &a->links[link];
    const struct trace *from = &a->traces[l->from], *to = &a->traces[l->to];
    return from->lost || to->lost || from->words[l->from_watch] || to->words[l->to_watch];
}

// Follows each process alone, finds the links that take part in cycles of this run, and takes those
// out of which the order is not known. False: nothing is left.
static bool follow_alone(struct analysis *a) {
    for (int i = 0; i < a->net->channel_count; i++)
        a->channel[i] = -1;
    const struct run run = {a->port, a->channel};
    for (int i = 0; i < a->net->process_count; i++) {
        if (!a->watch[i].count)
            continue;
        struct trace *t = &a->traces[i];
        trace_process(a->tracers[i], &run, &a->work, t);
        for (int k = 0; k < a->watch[i].count; k++) {
            const struct stream *s = &a->net->processes[i]->streams[a->watch[i].stream[k]];
            if (s->is_output && s->channel >= 0 && !t->lost && !t->capped && !t->unknown[k])
                a->channel[s->channel] = t->words[k];
        }
    }
    for (int i = 0; i < a->link_count; i++)
        a->on[i] = is_possible(a, i);
    a->is_tree = find_components(a->cc, a->net->process_count, a->links, a->link_count, a->on,
                                 a->component) == 0;
    for (int i = 0; i < a->link_count; i++)
        a->on[i] = is_active(a, i);
    const int count =
        find_components(a->cc, a->net->process_count, a->links, a->link_count, a->on, a->component);
    const char **unknown = arena_alloc(a->cc, ((size_t)count + 1) * sizeof *unknown);
    for (int i = 0; i < a->link_count; i++) {
        const struct link *l = &a->links[i];
        if (a->component[i] < 0)
            continue;
        const char *from = unknown_text(a, l->from, l->from_watch);
        const char *why = from ? from : unknown_text(a, l->to, l->to_watch);
        if (why && !unknown[a->component[i]])
            unknown[a->component[i]] = why;
    }
    bool any = false;
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        const int at = a->component[i];
        a->links[i].idle = at < 0 || unknown[at];
        any = any || !a->links[i].idle;
        if (at < 0)
            continue;
        f->active = true;
        if (!f->meeting)
            f->meeting = meeting_text(a, i);
        if (!unknown[at])
            continue;
        f->claimed = true;
        f->unknown = unknown[at];
        if (f->asked < 0)
            set_error(a, f->loc,
                      arena_printf(a->cc,
                                   "the depth that stream '%s' needs cannot be derived: %s (the "
                                   "cycle of processes %s), and %s; give %s with the most words "
                                   "that it must hold",
                                   f->name, f->meeting, members_text(a, i), f->unknown,
                                   pragma_text(a, i)));
    }
    return any;
}

static bool any_capped(const struct analysis *a) {
    for (int i = 0; i < a->net->process_count; i++)
        if (a->traces[i].capped)
            return true;
    return false;
}

// The smallest full FIFO of a blocked cycle, one with a stream pragma first; -1: none is full.
static int smallest_full(const struct flow *f, const int *cycle, int count) {
    int best = -1;
    for (int i = 0; i < count; i++) {
        const struct wait w = flow_wait(f, cycle[i]);
        if (!w.room)
            continue;
        const struct link *l = &f->links[w.link], *b = best < 0 ? NULL : &f->links[best];
        if (!b || l->given > b->given || (l->given == b->given && l->depth < b->depth))
            best = w.link;
    }
    return best;
}

// Says of the active links why the run has not come to its end. `fatal`: no depth would help.
static void note_problem(struct analysis *a, struct location at, bool fatal, const char *text) {
    for (int i = 0; i < a->link_count; i++) {
        struct finding *f = &a->found[i];
        if (a->links[i].idle || f->problem)
            continue;
        f->problem = text;
        f->problem_at = at;
        f->problem_run = run_text(a);
        f->fatal = fatal;
    }
}

static void note_stuck(struct analysis *a, const struct flow *f, const int *cycle, int count) {
    if (count) {
        const struct wait w = flow_wait(f, cycle[0]);
        const char *text = cycle_text(a, f, cycle, count);
        note_problem(a, wait_at(a, cycle[0], w), true,
                     count > 1 ? text
                               : arena_printf(a->cc,
                                              "%s, which has not written it in an earlier "
                                              "iteration",
                                              text));
    }
    for (int i = 0; !count && i < a->net->process_count; i++) {
        const struct wait w = flow_wait(f, i);
        if (w.link < 0 || w.room || flow_wait(f, a->links[w.link].from).link >= 0)
            continue;
        note_problem(a, wait_at(a, i, w), false,
                     arena_printf(a->cc, "%s, which has ended after %lld of them",
                                  wait_text(a, i, w), (long long)a->links[w.link].written));
    }
}

// Lets the processes run; FIFOs get the room without which they would stop for ever.
static enum outcome run_safely(struct analysis *a, struct flow *f, int *cycle) {
    while (!flow_run(f)) {
        const int count = flow_cycle(f, cycle);
        const int full = smallest_full(f, cycle, count);
        if (full < 0 && any_capped(a))
            return RUN_CAPPED;
        if (full < 0) {
            note_stuck(a, f, cycle, count);
            return RUN_STUCK;
        }
        if (!a->found[full].cycle)
            a->found[full].cycle = cycle_text(a, f, cycle, count);
        a->links[full].depth++;
    }
    for (int i = 0; i < a->link_count && !any_capped(a); i++) {
        const struct link *l = &a->links[i];
        // What a run leaves in a FIFO that leads back is lost with it.
        if (l->idle || l->written == l->read || l->from == l->to)
            continue;
        note_problem(a, access_at(a, l->from, l->from_watch), false,
                     arena_printf(a->cc,
                                  "%s writes %lld words of '%s' and %s reads %lld of them, "
                                  "so the run never ends",
                                  process_name(a, l->from), (long long)l->written, a->found[i].name,
                                  process_name(a, l->to), (long long)l->read));
        return RUN_STUCK;
    }
    return any_capped(a) ? RUN_CAPPED : RUN_ENDED;
}

static int64_t end_of_run(struct analysis *a, struct flow *f) {
    if (!flow_start(f) || !flow_run(f))
        return INT64_MAX;
    a->flow_work -= f->work;
    f->work = 0;
    return flow_end(f);
}

// The least depth of one link with which the run ends no later.
static void shrink(struct analysis *a, struct flow *f, int link, int least, int64_t end) {
    struct link *l = &a->links[link];
    int most = l->depth;
    while (least < most && a->flow_work > 0) {
        l->depth = least + (most - least) / 2;
        if (end_of_run(a, f) <= end)
            most = l->depth;
        else
            least = l->depth + 1;
    }
    l->depth = most;
}

// FIFOs get the room without which the run ends later.
static void run_fast(struct analysis *a, struct flow *f) {
    const size_t n = (size_t)a->link_count + 1;
    bool *critical = arena_alloc(a->cc, n);
    int *least = arena_alloc(a->cc, n * sizeof *least);
    for (int i = 0; i < a->link_count; i++)
        least[i] = a->links[i].depth;
    int64_t end = end_of_run(a, f);
    for (bool grown = true; grown && end < INT64_MAX && a->flow_work > 0;) {
        grown = false;
        if (!flow_critical(f, critical))
            break;
        for (int i = 0; i < a->link_count; i++) {
            struct link *l = &a->links[i];
            if (!critical[i] || l->depth > least[i] + FAST_ROOM)
                continue;
            l->depth += l->depth / 2 + 1;
            grown = true;
        }
        end = end_of_run(a, f);
    }
    for (int i = 0; i < a->link_count && end < INT64_MAX; i++)
        if (!a->links[i].idle)
            shrink(a, f, i, least[i], end);
}

int floor_depth(const struct analysis *a, int link, int asked) {
    const struct link *l = &a->links[link];
    return base_depth(a->net->processes[l->from], a->watch[l->from].stream[l->from_watch], asked,
                      l->crossing);
}

enum outcome try_run(struct analysis *a, int *safe, int *fast) {
    if (!follow_alone(a) || a->error)
        return RUN_IDLE;
    int *cycle = arena_alloc(a->cc, ((size_t)a->net->process_count + 2) * sizeof *cycle);
    struct flow f = {.net = a->net,
                     .link_count = a->link_count,
                     .links = a->links,
                     .watch = a->watch,
                     .traces = a->traces};
    for (int i = 0; i < a->link_count; i++)
        a->links[i].depth = floor_depth(a, i, -1);
    enum outcome outcome = flow_start(&f) ? run_safely(a, &f, cycle) : RUN_CAPPED;
    a->flow_work -= f.work;
    f.work = 0;
    for (int i = 0; i < a->link_count; i++) {
        struct link *l = &a->links[i];
        safe[i] = fast[i] = l->idle ? 0 : l->depth;
    }
    if (outcome == RUN_ENDED) {
        run_fast(a, &f);
        for (int i = 0; i < a->link_count; i++)
            if (!a->links[i].idle)
                fast[i] = a->links[i].depth;
    }
    flow_free(&f);
    return outcome;
}
