// SPDX-License-Identifier: Apache-2.0
// Rows of sample runs (rows.h), cut out of the traces of depth_trace.c.
#include "rows.h"

#include "depth_parts.h"

#include <stdlib.h>

enum { SAMPLE_ISSUES = 1 << 22 };
static const int64_t sample_work = (int64_t)1 << 30; // operations followed for a process

struct sampler {
    struct compiler *cc;
    bool *unknown; // by stream: whether it is used depends on data
    const struct network *net;
    const struct process *p;
    struct process_rows *rows;
    const struct sample *samples;
    int sample_count;
    struct trace trace;
};

// ---- one process

static bool is_told(const struct sampler *s) {
    return !s->rows->lost && !s->rows->untold;
}

// Follows a sample with the streams of `w`; false: what the process does is not told. A stream of
// which a use depends on data is noted.
static bool follow(struct sampler *s, struct tracer *tracer, const struct watch *w, int sample) {
    int64_t work = sample_work;
    const struct run run = {.port = s->samples[sample].port};
    trace_process(tracer, &run, &work, &s->trace);
    s->rows->lost = s->trace.lost;
    if (s->trace.lost)
        s->rows->decided_at = s->trace.lost_at;
    for (int k = 0; k < w->count && is_told(s); k++) {
        if (!s->trace.unknown[k])
            continue;
        s->unknown[w->stream[k]] = true;
        if (!s->rows->decided_at.file)
            s->rows->decided_at = s->trace.unknown[k]->loc;
    }
    if (is_told(s) && s->trace.capped)
        s->rows->untold = arena_printf(s->cc, "its run with %s is too long to be followed",
                                       s->samples[sample].text);
    return is_told(s);
}

static struct tracer *new_tracer(const struct sampler *s, struct watch *w) {
    watch_accesses(s->cc, s->p, w);
    struct tracer *tracer = tracer_new(s->cc, s->net, s->p, w);
    tracer_keep_rows(tracer, SAMPLE_ISSUES);
    return tracer;
}

// The streams that any sample uses and no data decide on, looked at some at a time: a process may
// have more than can be watched.
static void find_used(struct sampler *s) {
    s->rows->stream =
        arena_alloc(s->cc, ((size_t)s->p->stream_count + 1) * sizeof *s->rows->stream);
    for (int first = 0; first < s->p->stream_count && is_told(s); first += WATCHED_MAX) {
        struct watch w = {0};
        bool used[WATCHED_MAX] = {false};
        while (w.count < WATCHED_MAX && first + w.count < s->p->stream_count) {
            w.stream[w.count] = first + w.count;
            w.count++;
        }
        struct tracer *tracer = new_tracer(s, &w);
        for (int i = 0; i < s->sample_count && follow(s, tracer, &w, i); i++)
            for (int k = 0; k < w.count; k++)
                used[k] = used[k] || s->trace.words[k] > 0;
        trace_free(&s->trace);
        for (int k = 0; k < w.count; k++)
            if (used[k] && !s->unknown[w.stream[k]])
                s->rows->stream[s->rows->stream_count++] = w.stream[k];
    }
    if (is_told(s) && s->rows->stream_count > WATCHED_MAX)
        s->rows->untold = arena_printf(s->cc, "it uses more than %d streams", WATCHED_MAX);
}

// ---- rows of a trace

// What an issue uses; reasons why the model of the report would not tell its cycle are noted.
static uint64_t uses_of(struct sampler *s, const struct watch *w, const struct issue *issue) {
    const struct op_time *time = s->p->regions[issue->region]->schedule->time;
    uint64_t uses = 0, written = 0;
    for (int i = 0; i < w->access_count[issue->region]; i++) {
        const struct access *access = &w->access[issue->region][i];
        const uint64_t bit = (uint64_t)1 << access->number;
        if (!(issue->happens >> i & 1))
            continue;
        uses |= bit;
        if (access->op->code != IR_WRITE)
            continue;
        const int stream = (int)access->op->imm;
        if (written & bit || w->most[access->number] > 1)
            s->rows->untold = arena_printf(s->cc,
                                           "an iteration may write more than one word to "
                                           "'%s' (line %d)",
                                           s->p->streams[stream].name, access->op->loc.line);
        else if (time[access->op->id].start != write_stage(s->p, stream))
            s->rows->untold =
                arena_printf(s->cc, "its loops write to '%s' in different stages (line %d)",
                             s->p->streams[stream].name, access->op->loc.line);
        written |= bit;
    }
    if (is_told(s) && issue->rooms & ~written)
        s->rows->untold = arena_printf(s->cc,
                                       "it waits for room for words that it does not write, for "
                                       "whether it does is not known as an iteration is issued "
                                       "(line %d)",
                                       s->p->regions[issue->region]->loc.line);
    return uses;
}

static bool is_same_pattern(const struct row_pattern *a, const struct row_pattern *b) {
    if (a->length != b->length || a->event_count != b->event_count)
        return false;
    for (int i = 0; i < a->event_count; i++)
        if (a->events[i].at != b->events[i].at || a->events[i].count != b->events[i].count ||
            a->events[i].uses != b->events[i].uses)
            return false;
    return true;
}

// The number of the pattern, among those that there are.
static int number_of(struct sampler *s, const struct row_pattern *pattern) {
    struct process_rows *rows = s->rows;
    for (int i = 0; i < rows->pattern_count; i++)
        if (is_same_pattern(&rows->patterns[i], pattern))
            return i;
    rows->patterns = arena_room(s->cc, rows->patterns, rows->pattern_count, sizeof *rows->patterns);
    struct row_pattern *added = &rows->patterns[rows->pattern_count];
    *added = *pattern;
    added->events =
        arena_copy(s->cc, pattern->events, (size_t)pattern->event_count * sizeof *pattern->events);
    return rows->pattern_count++;
}

static void add_row(struct sampler *s, struct sample_rows *to, int pattern) {
    if (to->order_count && to->order[to->order_count - 1].pattern == pattern) {
        to->order[to->order_count - 1].count++;
        return;
    }
    to->order = arena_room(s->cc, to->order, to->order_count, sizeof *to->order);
    to->order[to->order_count++] = (struct row_order){pattern, 1};
}

// Cuts the trace into rows. `events`: room for those of the longest row.
static void cut_rows(struct sampler *s, const struct watch *w, struct sample_rows *to,
                     struct row_event *events) {
    const struct trace *t = &s->trace;
    int64_t n = 0, cycle = 0;
    to->first = t->row_count ? t->row_start[0] : 0;
    to->rest = t->row_count ? t->done - t->end : 0;
    for (int64_t row = 0; row < t->row_count && is_told(s); row++) {
        const int64_t start = t->row_start[row];
        const int64_t end = row + 1 < t->row_count ? t->row_start[row + 1] : t->end;
        struct row_pattern pattern = {.length = end - start, .events = events};
        for (; n < t->count && t->issues[n].row == row; n++) {
            const uint64_t uses = uses_of(s, w, &t->issues[n]);
            cycle += t->issues[n].gap;
            struct row_event *before =
                pattern.event_count ? &events[pattern.event_count - 1] : NULL;
            if (before && before->uses == uses && before->at + before->count == cycle - start)
                before->count++;
            else
                events[pattern.event_count++] = (struct row_event){cycle - start, 1, uses};
        }
        add_row(s, to, number_of(s, &pattern));
    }
}

static void sample_process(struct sampler *s) {
    s->unknown = arena_alloc(s->cc, ((size_t)s->p->stream_count + 1) * sizeof *s->unknown);
    for (int r = 0; r < s->p->region_count; r++)
        if (s->p->regions[r]->more >= 0)
            s->rows->untold =
                arena_printf(s->cc, "it asks for more words (line %d)", s->p->regions[r]->loc.line);
    if (is_told(s))
        find_used(s);
    if (!is_told(s))
        return;
    struct watch w = {.count = s->rows->stream_count};
    for (int k = 0; k < w.count; k++)
        w.stream[k] = s->rows->stream[k];
    struct tracer *tracer = new_tracer(s, &w);
    s->rows->samples = arena_alloc(s->cc, ((size_t)s->sample_count + 1) * sizeof *s->rows->samples);
    for (int i = 0; i < s->sample_count && follow(s, tracer, &w, i); i++) {
        struct row_event *events = malloc(((size_t)s->trace.count + 1) * sizeof *events);
        if (!events) {
            trace_free(&s->trace);
            fail(s->cc, (struct location){"hlsc", 0}, "out of memory");
        }
        cut_rows(s, &w, &s->rows->samples[i], events);
        free(events);
    }
    trace_free(&s->trace);
}

struct rows *find_rows(struct compiler *cc, const struct network *net, const struct sample *samples,
                       int sample_count) {
    struct rows *rows = arena_alloc(cc, sizeof *rows);
    rows->sample_count = sample_count;
    rows->samples = samples;
    rows->processes = arena_alloc(cc, ((size_t)net->process_count + 1) * sizeof *rows->processes);
    for (int i = 0; i < net->process_count; i++) {
        struct sampler s = {.cc = cc,
                            .net = net,
                            .p = net->processes[i],
                            .rows = &rows->processes[i],
                            .samples = rows->samples,
                            .sample_count = sample_count};
        sample_process(&s);
    }
    return rows;
}
