// SPDX-License-Identifier: Apache-2.0
// The network in the order of the program: the processes run one after another, each until its end,
// for the streams between them lead forward and have no end.
#include "interp.h"

#include "interp_external.h"
#include "interp_flat.h"

#include <stdlib.h>
#include <string.h>

struct origin {
    const struct op *op;
    int process, region;
    uint64_t iteration;
};

struct origins { // of the words that left by one parameter
    struct origin *list;
    uint64_t count, room;
};

struct interp_process {
    struct machine m;
    struct interp *interp;
    int number, region; // of the iteration at work
    uint64_t iteration;
    struct queue **stream; // [stream_count]
};

struct interp {
    struct compiler *cc;
    const struct network *net;
    struct interp_process *processes;
    struct queue *channels;
    struct origins *origins; // [parameters of the top]
    struct external_memories externals;
    uint64_t *word;
};

static bool has_more(void *context, int stream) {
    const struct interp_process *p = context;
    return p->stream[stream]->count > 0;
}

struct interp *interp_open(struct compiler *cc, const struct network *net) {
    struct interp *in = arena_alloc(cc, sizeof *in);
    size_t words = 1;
    *in = (struct interp){.cc = cc, .net = net};
    externals_open(&in->externals, cc, net);
    in->processes = arena_alloc(cc, (size_t)net->process_count * sizeof *in->processes);
    in->channels = arena_alloc(cc, ((size_t)net->channel_count + 1) * sizeof *in->channels);
    in->origins = arena_alloc(cc, ((size_t)net->top->param_count + 1) * sizeof *in->origins);
    for (int i = 0; i < net->channel_count; i++) {
        const struct channel *c = &net->channels[i];
        queue_init(&in->channels[i], net->processes[c->from_process]->streams[c->from_stream].bits);
    }
    for (int i = 0; i < net->process_count; i++) {
        const struct process *p = net->processes[i];
        struct interp_process *ip = &in->processes[i];
        machine_open(&ip->m, flatten(cc, net, p));
        ip->m.more = has_more;
        ip->m.context = ip;
        ip->interp = in;
        ip->number = i;
        ip->stream = arena_alloc(cc, ((size_t)p->stream_count + 1) * sizeof(struct queue *));
        for (int s = 0; s < p->stream_count; s++) {
            const size_t stride = ((size_t)p->streams[s].bits + 63) / 64;
            words = stride > words ? stride : words;
            if (p->streams[s].channel >= 0) {
                ip->stream[s] = &in->channels[p->streams[s].channel];
            } else if (p->streams[s].partner >= 0) {
                const int first = s < p->streams[s].partner ? s : p->streams[s].partner;
                if (s == first) {
                    ip->stream[s] = arena_alloc(cc, sizeof(struct queue));
                    queue_init(ip->stream[s], p->streams[s].bits);
                }
                ip->stream[s] = ip->stream[first];
            }
        }
    }
    in->word = arena_alloc(cc, words * sizeof *in->word);
    return in;
}

static void read_stream(struct machine *m, const struct code *c) {
    struct interp_process *p = m->context;
    struct queue *q = p->stream[c->op->imm];
    if (m->f->p->streams[c->op->imm].is_memory) {
        const int port = m->f->p->streams[c->op->imm].port;
        memcpy(m->values + c->at, externals_read(&p->interp->externals, port, c->op->loc),
               c->count * sizeof *m->values);
        return;
    }
    if (!q->count)
        fail(m->f->cc, c->op->loc,
             "process '%s', loop '%s', iteration %llu: stream '%s' is read and has no more words",
             m->f->p->name, m->f->p->regions[p->region]->name, (unsigned long long)p->iteration,
             m->f->p->streams[c->op->imm].name);
    memcpy(m->values + c->at, queue_front(q), c->count * sizeof *m->values);
    queue_pop(q);
}

static void note_origin(struct interp_process *p, const struct op *op, int port) {
    struct origins *o = &p->interp->origins[port];
    if (o->count == o->room) {
        const uint64_t room = o->room ? o->room * 2 : 256;
        struct origin *list = realloc(o->list, room * sizeof *list);
        if (!list)
            fail(p->interp->cc, op->loc, "out of memory");
        o->list = list;
        o->room = room;
    }
    o->list[o->count++] = (struct origin){op, p->number, p->region, p->iteration};
}

static void write_stream(struct machine *m, const struct code *c) {
    struct interp_process *p = m->context;
    const int port = m->f->p->streams[c->op->imm].port;
    write_word(m->f, c, m->fixed, m->values, p->interp->word);
    if (m->f->p->streams[c->op->imm].is_memory) {
        externals_write(&p->interp->externals, port, p->interp->word, c->op->loc);
        return;
    }
    queue_push(m->f->cc, p->stream[c->op->imm], p->interp->word);
    if (port >= 0)
        note_origin(p, c->op, port);
}

void interp_start(struct interp *in, struct interp_run *run) {
    externals_start(&in->externals);
    for (int i = 0; i < in->net->process_count; i++) {
        struct interp_process *p = &in->processes[i];
        const struct process *process = in->net->processes[i];
        for (int s = 0; s < process->stream_count; s++) {
            if (process->streams[s].port >= 0)
                p->stream[s] = &run->streams[process->streams[s].port];
            else if (process->streams[s].partner >= 0)
                queue_clear(p->stream[s]);
        }
        machine_start(&p->m, run->scalars);
    }
}

int interp_step(struct interp *in, int process, struct interp_values *values) {
    struct interp_process *p = &in->processes[process];
    p->region = machine_next(&p->m);
    if (p->region < 0)
        return -1;
    p->iteration = p->m.iteration;
    machine_iterate(&p->m, read_stream, write_stream);
    *values = (struct interp_values){p->m.f, p->m.fixed, p->m.values, p->iteration};
    return p->region;
}

void interp_run(struct interp *in, struct interp_run *run) {
    struct interp_values v;
    interp_start(in, run);
    for (int i = 0; i < in->net->process_count; i++)
        for (int region; (region = interp_step(in, i, &v)) >= 0;)
            check_ranges(v.f, region, v.fixed, v.values, v.iteration);
}

const char *interp_origin(struct interp *in, int port, uint64_t element) {
    const struct origins *o = &in->origins[port];
    if (element >= o->count)
        return "nothing";
    const struct origin *from = &o->list[element];
    const struct process *p = in->net->processes[from->process];
    return arena_printf(in->cc, "line %d, process '%s', loop '%s', iteration %llu",
                        from->op->loc.line, p->name, p->regions[from->region]->name,
                        (unsigned long long)from->iteration);
}

uint64_t interp_probe(const struct interp *in, struct probed probe) {
    return (uint64_t)in->processes[probe.process].m.s.state[probe.state][0];
}

void interp_close(struct interp *in) {
    if (!in)
        return;
    for (int i = 0; i < in->net->channel_count; i++)
        queue_free(&in->channels[i]);
    for (int i = 0; i < in->net->process_count; i++)
        for (int s = 0; s < in->net->processes[i]->stream_count; s++) {
            const struct stream *stream = &in->net->processes[i]->streams[s];
            if (s < stream->partner)
                queue_free(in->processes[i].stream[s]);
        }
    for (int i = 0; i < in->net->top->param_count; i++)
        free(in->origins[i].list);
    externals_close(&in->externals);
}
