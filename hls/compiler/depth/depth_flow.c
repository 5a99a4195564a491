// SPDX-License-Identifier: Apache-2.0
// The traces of all processes against each other, with FIFOs of given depths. Nothing is simulated
// cycle by cycle: the cycle of an iteration is the latest of the cycles of what it waits for.
#include "depth_parts.h"

#include <stdlib.h>
#include <string.h>

static int64_t *new_numbers(int64_t count) {
    return malloc(((size_t)count + 1) * sizeof(int64_t));
}

static bool start_link(struct link *l, const struct flow *f) {
    const int64_t writes = f->traces[l->from].words[l->from_watch];
    const int64_t reads = f->traces[l->to].words[l->to_watch];
    l->written = l->read = 0;
    if (l->visible)
        return true;
    l->visible = new_numbers(writes);
    l->popped = new_numbers(reads);
    l->writer = malloc(((size_t)writes + 1) * sizeof *l->writer);
    l->reader = malloc(((size_t)reads + 1) * sizeof *l->reader);
    return l->visible && l->popped && l->writer && l->reader;
}

bool flow_start(struct flow *f) {
    const size_t n = (size_t)f->net->process_count;
    bool good = true;
    if (!f->next) {
        f->next = calloc(n, sizeof *f->next);
        f->now = calloc(n, sizeof *f->now);
        f->cycle = calloc(n, sizeof *f->cycle);
        f->cause = calloc(n, sizeof *f->cause);
        f->word = calloc(n, sizeof *f->word);
        f->at = calloc(n, sizeof *f->at);
        good = f->next && f->now && f->cycle && f->cause && f->word && f->at;
        for (size_t i = 0; good && i < n; i++) {
            const size_t count = (size_t)f->traces[i].count + 1;
            f->cycle[i] = malloc(count * sizeof **f->cycle);
            f->cause[i] = malloc(count * sizeof **f->cause);
            f->word[i] = malloc(count * sizeof **f->word);
            good = f->cycle[i] && f->cause[i] && f->word[i];
        }
    }
    if (!good)
        return false;
    for (size_t i = 0; i < n; i++) {
        f->next[i] = f->now[i] = 0;
        for (int k = 0; k < WATCHED_MAX; k++)
            f->at[i].link[k] = -1;
    }
    for (int i = 0; good && i < f->link_count; i++) {
        struct link *l = &f->links[i];
        if (l->idle)
            continue;
        good = start_link(l, f);
        f->at[l->from].link[l->from_watch] = f->at[l->to].link[l->to_watch] = i;
    }
    return good;
}

void flow_free(struct flow *f) {
    for (int i = 0; f->cycle && f->cause && f->word && i < f->net->process_count; i++) {
        free(f->cycle[i]);
        free(f->cause[i]);
        free(f->word[i]);
    }
    free(f->next);
    free(f->now);
    free(f->cycle);
    free(f->cause);
    free(f->word);
    free(f->at);
    f->next = f->now = NULL;
    f->cycle = NULL;
    f->cause = NULL;
    f->word = NULL;
    f->at = NULL;
    for (int i = 0; i < f->link_count; i++) {
        struct link *l = &f->links[i];
        free(l->visible);
        free(l->popped);
        free(l->writer);
        free(l->reader);
        l->visible = l->popped = NULL;
        l->writer = l->reader = NULL;
    }
}

// The link of an access in this run, or NULL.
static struct link *link_of(const struct flow *f, int process, const struct access *access) {
    const int at = f->at[process].link[access->number];
    return at < 0 ? NULL : &f->links[at];
}

struct wait flow_wait(const struct flow *f, int process) {
    const struct trace *t = &f->traces[process];
    if (f->next[process] >= t->count)
        return (struct wait){.link = -1};
    const struct issue *issue = &t->issues[f->next[process]];
    const struct watch *w = &f->watch[process];
    for (int i = 0; i < w->access_count[issue->region]; i++) {
        const struct access *access = &w->access[issue->region][i];
        const struct link *l = link_of(f, process, access);
        const int k = access->number;
        if (!l)
            continue;
        if (access->op->code == IR_READ && (issue->happens >> i & 1) && l->read >= l->written)
            return (struct wait){.link = f->at[process].link[k]};
        if (access->op->code == IR_WRITE && (issue->rooms >> k & 1) &&
            l->written - l->read + w->most[k] > l->depth)
            return (struct wait){.link = f->at[process].link[k], .room = true};
    }
    return (struct wait){.link = -1};
}

// The cycle from which on the iteration can be issued, and what it waits for longest.
static int64_t issue_cycle(struct flow *f, int process, const struct issue *issue) {
    const int64_t n = f->next[process];
    int64_t cycle = f->now[process] + issue->gap;
    int cause = -1;
    int64_t word = 0;
    const struct watch *w = &f->watch[process];
    for (int pass = 0; pass < 2; pass++) { // words first: only what else delays is a lack of room
        for (int i = 0; i < w->access_count[issue->region]; i++) {
            const struct access *access = &w->access[issue->region][i];
            const struct link *l = link_of(f, process, access);
            const int k = access->number;
            if (!l || (access->op->code == IR_READ) != (pass == 0) ||
                !(pass ? issue->rooms >> k & 1 : issue->happens >> i & 1))
                continue;
            const int64_t at = pass ? l->written + w->most[k] - 1 - l->depth : l->read;
            if (at < 0)
                continue;
            const int64_t from = pass ? l->popped[at] + 1 + l->crossing : l->visible[at];
            if (from > cycle) {
                cycle = from;
                cause = f->at[process].link[k] * 2 + pass;
                word = at;
            }
        }
    }
    f->cause[process][n] = (int16_t)cause;
    f->word[process][n] = (int32_t)word;
    return cycle;
}

static void do_issue(struct flow *f, int process) {
    const struct issue *issue = &f->traces[process].issues[f->next[process]];
    const struct schedule *s = f->net->processes[process]->regions[issue->region]->schedule;
    const int64_t cycle = issue_cycle(f, process, issue);
    const int64_t n = f->next[process]++;
    f->now[process] = f->cycle[process][n] = cycle;
    f->work++;
    const struct watch *w = &f->watch[process];
    for (int i = 0; i < w->access_count[issue->region]; i++) {
        const struct access *access = &w->access[issue->region][i];
        struct link *l = link_of(f, process, access);
        if (!l || !(issue->happens >> i & 1))
            continue;
        if (access->op->code == IR_READ) {
            l->reader[l->read] = (int32_t)n;
            l->popped[l->read++] = cycle;
        } else { // on offer in the cycle after it was pushed and has come along its way
            int64_t on_offer = cycle + s->time[access->op->id].start + 1 + l->crossing;
            if (l->written && l->visible[l->written - 1] >= on_offer)
                on_offer = l->visible[l->written - 1] + 1;
            l->writer[l->written] = (int32_t)n;
            l->visible[l->written++] = on_offer;
        }
    }
}

bool flow_run(struct flow *f) {
    bool ended = false;
    for (bool moved = true; moved;) {
        moved = false;
        ended = true;
        for (int i = 0; i < f->net->process_count; i++) {
            while (f->next[i] < f->traces[i].count && flow_wait(f, i).link < 0) {
                do_issue(f, i);
                moved = true;
            }
            ended = ended && f->next[i] >= f->traces[i].count;
        }
    }
    return ended;
}

static int waits_for(const struct flow *f, struct wait w) {
    return w.room ? f->links[w.link].to : f->links[w.link].from;
}

int flow_cycle(const struct flow *f, int *processes) {
    const int n = f->net->process_count;
    for (int start = 0; start < n; start++) {
        int count = 0, at = start;
        for (; count <= n; count++) {
            const struct wait w = flow_wait(f, at);
            if (w.link < 0)
                break;
            processes[count] = at;
            at = waits_for(f, w);
            for (int i = 0; i <= count; i++) {
                if (processes[i] == at) { // from there on it is a cycle
                    memmove(processes, processes + i, (size_t)(count + 1 - i) * sizeof *processes);
                    return count + 1 - i;
                }
            }
        }
    }
    return 0;
}

int64_t flow_end(const struct flow *f) {
    int64_t end = 0;
    for (int i = 0; i < f->net->process_count; i++)
        if (f->now[i] > end)
            end = f->now[i];
    return end;
}

bool flow_critical(const struct flow *f, bool *critical) {
    int process = 0;
    bool any = false;
    for (int i = 1; i < f->net->process_count; i++)
        if (f->now[i] > f->now[process])
            process = i;
    for (int i = 0; i < f->link_count; i++)
        critical[i] = false;
    for (int64_t n = f->next[process] - 1; n >= 0;) {
        const int cause = f->cause[process][n];
        if (cause < 0) {
            n--;
            continue;
        }
        const struct link *l = &f->links[cause / 2];
        const int32_t word = f->word[process][n];
        process = cause & 1 ? l->to : l->from;
        n = cause & 1 ? l->reader[word] : l->writer[word];
        if (cause & 1)
            any = critical[cause / 2] = true;
    }
    return any;
}
