// SPDX-License-Identifier: Apache-2.0
// hlsc check: the runs of the C model through the two interpreters, so that a difference has the
// name of an operation.
#define _GNU_SOURCE // PATH_MAX
#include "check_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct oracle {
    struct checking *c;
    struct interp *interp;
    struct cycle_interp *cycle;
    struct queue streams[MAX_PORTS];
    struct buffer got[MAX_PORTS];
    uint64_t before[MAX_PORTS]; // elements of the outputs in earlier runs
};

static int port_number(const struct oracle *o, const struct mr_port *port) {
    return (int)(port - o->c->port);
}

static const char *origin_of(void *context, uint32_t out, uint64_t element) {
    struct oracle *o = context;
    return interp_origin(o->interp, port_number(o, o->c->out[out]), o->before[out] + element);
}

void fill_inputs(struct checking *c, const struct check_run *r, struct queue *streams) {
    for (uint32_t i = 0; i < c->ins; i++) {
        struct queue *q = &streams[c->in[i] - c->port];
        const size_t bytes = stride(c->in[i]);
        uint64_t *word = calloc(q->stride, sizeof *word);
        if (!word)
            fail(c->made.cc, (struct location){"hlsc", 0}, "out of memory");
        for (uint64_t k = 0; k < offered_again(c, r, i); k++) {
            memcpy(word, r->in[i].data + k * bytes, bytes);
            if (c->in[i]->bits % 64)
                word[q->stride - 1] &= ((uint64_t)1 << c->in[i]->bits % 64) - 1;
            queue_push(c->made.cc, q, word);
        }
        free(word);
    }
}

// Moves what an interpreter gave into o->got.
static int empty(struct oracle *o, uint64_t *counts) {
    struct checking *c = o->c;
    for (uint32_t i = 0; i < c->outs; i++) {
        struct queue *q = &o->streams[port_number(o, c->out[i])];
        counts[i] = q->count;
        if (make_room(c, &o->got[i], c->out[i], q->count) != 0)
            return -1;
        for (uint64_t k = 0; k < counts[i]; k++) {
            memcpy(o->got[i].data + k * stride(c->out[i]), queue_front(q), stride(c->out[i]));
            queue_pop(q);
        }
    }
    return 0;
}

static int all_taken(struct oracle *o, uint64_t n, const char *who) {
    struct checking *c = o->c;
    for (uint32_t i = 0; i < c->ins; i++) {
        struct queue *q = &o->streams[port_number(o, c->in[i])];
        const uint64_t taken = offered_again(c, &c->runs[n], i) - q->count;
        queue_clear(q);
        if (taken != c->runs[n].taken[i])
            return FAIL(c, "check: input '%s', run %llu: C takes %llu elements, %s take%s %llu",
                        c->in[i]->name, (unsigned long long)n + 1,
                        (unsigned long long)c->runs[n].taken[i], who,
                        who[strlen(who) - 1] == 's' ? "" : "s", (unsigned long long)taken);
    }
    return 0;
}

static int interpret_run(struct oracle *o, uint64_t n) {
    struct checking *c = o->c;
    uint64_t scalars[MAX_PORTS] = {0}, counts[MAX_PORTS];
    struct interp_run run = {.scalars = scalars, .streams = o->streams};
    char where[64];
    snprintf(where, sizeof where, "seed %llu", (unsigned long long)c->seed);
    for (uint32_t i = 0; i < c->scalars; i++)
        scalars[port_number(o, c->scalar[i])] = c->runs[n].scalars[i];
    fill_inputs(c, &c->runs[n], o->streams);
    interp_run(o->interp, &run);
    if (empty(o, counts) != 0 ||
        compare_outputs(c, n, counts, o->got, "the operations", where, origin_of, o) != 0 ||
        all_taken(o, n, "the operations") != 0)
        return -1;
    for (uint32_t i = 0; i < c->probe_count; i++)
        c->seen[i] = interp_probe(o->interp, c->probes[i]);
    if (compare_probes(c, n, "the operations", where) != 0)
        return -1;
    fill_inputs(c, &c->runs[n], o->streams);
    cycle_run(o->cycle, &run);
    c->planned[n] = run.cycles;
    if (empty(o, counts) != 0 ||
        compare_outputs(c, n, counts, o->got, "the schedule", where, origin_of, o) != 0 ||
        all_taken(o, n, "the schedule") != 0)
        return -1;
    for (uint32_t i = 0; i < c->probe_count; i++)
        c->seen[i] = cycle_probe(o->cycle, c->probes[i]);
    if (compare_probes(c, n, "the schedule", where) != 0)
        return -1;
    for (uint32_t i = 0; i < c->outs; i++)
        o->before[i] += counts[i];
    return 0;
}

static bool asserts_claims(const struct network *net) {
    for (int i = 0; i < net->process_count; i++)
        for (int r = 0; r < net->processes[i]->region_count; r++) {
            const struct schedule *s = net->processes[i]->regions[r]->schedule;
            for (int d = 0; d < s->dependence_count; d++)
                if (s->dependences[d].asserted)
                    return true;
        }
    return false;
}

static int interpret_all(struct oracle *o) {
    struct compiler *cc = o->c->made.cc;
    volatile int status = -1;
    if (setjmp(cc->on_error) != 0) {
        snprintf(o->c->held, sizeof o->c->held, "check: %s (seed %llu)", cc->error,
                 (unsigned long long)o->c->seed);
        if (asserts_claims(o->c->made.net))
            return 0;
        return FAIL(o->c, "%s", o->c->held);
    }
    o->interp = interp_open(cc, o->c->made.net);
    o->cycle = cycle_open(cc, o->c->made.net);
    status = 0;
    for (uint64_t n = 0; n < o->c->options->runs && status == 0; n++)
        status = interpret_run(o, n);
    return status;
}

int interpret_runs(struct checking *c) {
    struct oracle *o = calloc(1, sizeof *o);
    if (!o)
        return FAIL(c, "hlsc: error: out of memory");
    o->c = c;
    for (uint32_t i = 0; i < c->ports; i++)
        queue_init(&o->streams[i], (int)c->port[i].bits);
    const int status = interpret_all(o);
    interp_close(o->interp);
    cycle_close(o->cycle);
    for (uint32_t i = 0; i < MAX_PORTS; i++) {
        queue_free(&o->streams[i]);
        free(o->got[i].data);
    }
    free(o);
    return status;
}
