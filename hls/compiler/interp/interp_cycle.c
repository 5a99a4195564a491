// SPDX-License-Identifier: Apache-2.0
// The network cycle by cycle, as the schedule has it. Beside each process its machine of the
// program's order runs the same iterations, each at once as it is issued, and every value that the
// schedule makes is compared with the machine's. A cycle looks at registers and memories as the
// cycle before has left them.
#include "interp_cycle.h"

#include "depth.h"

enum { QUIET_CYCLES = 100000 };

// ---- making

static int steps_of(const struct process *p) {
    return p->step_count ? p->step_count : p->region_count;
}

static void open_streams(struct cycle_interp *in, struct cycle_process *cp) {
    const struct process *p = cp->f->p;
    cp->out = arena_alloc(in->cc, ((size_t)p->stream_count + 1) * sizeof *cp->out);
    cp->from = arena_alloc(in->cc, ((size_t)p->stream_count + 1) * sizeof(struct fifo *));
    for (int s = 0; s < p->stream_count; s++) {
        struct fifo *fifo = &cp->out[s];
        if (!p->streams[s].is_output)
            continue;
        queue_init(&fifo->q, p->streams[s].bits);
        fifo->depth = fifo->credit = output_depth(in->net, p, s);
        fifo->crossing = crossing_of(in->net, &p->streams[s]);
        fifo->coming = arena_alloc(in->cc, ((size_t)fifo->crossing + 1) * sizeof *fifo->coming);
        fifo->leaving = arena_alloc(in->cc, ((size_t)fifo->crossing + 1) * sizeof *fifo->leaving);
        fifo->most = 1;
        for (int r = 0; r < p->region_count; r++)
            for (int w = 0; w < cp->plan[r]->write_count; w++)
                if (cp->plan[r]->writes[w].stream == s && cp->plan[r]->writes[w].words > fifo->most)
                    fifo->most = cp->plan[r]->writes[w].words;
    }
}

static void connect(struct cycle_interp *in, struct cycle_process *cp) {
    const struct process *p = cp->f->p;
    for (int s = 0; s < p->stream_count; s++) {
        const struct stream *st = &p->streams[s];
        if (st->is_output || st->port >= 0)
            continue;
        if (st->channel >= 0) {
            const struct channel *c = &in->net->channels[st->channel];
            cp->from[s] = &in->processes[c->from_process].out[c->from_stream];
        } else {
            cp->from[s] = &cp->out[st->partner];
        }
    }
}

static bool has_more(void *context, int stream) {
    const struct cycle_process *p = context;
    (void)stream; // the control has asked, and either issued or gone on to another loop
    return p->m.entered == p->entered;
}

static void open_process(struct cycle_interp *in, int number) {
    struct cycle_process *cp = &in->processes[number];
    const struct process *p = in->net->processes[number];
    cp->interp = in;
    cp->number = number;
    cp->f = flatten(in->cc, in->net, p);
    cp->plan = arena_alloc(in->cc, ((size_t)p->region_count + 1) * sizeof(struct plan *));
    for (int r = 0; r < p->region_count; r++)
        cp->plan[r] = make_plan(cp->f, r);
    machine_open(&cp->m, cp->f);
    cp->m.more = has_more;
    cp->m.context = cp;
    storage_reset(cp->f, &cp->s);
    cp->s.args = cp->m.args;
    cp->fixed = arena_alloc(in->cc, (cp->f->size + 1) * sizeof *cp->fixed);
    cp->is_fixed_old = true;
    cp->region = -1;
    cp->users = arena_alloc(in->cc, ((size_t)p->memory_count + 1) * sizeof *cp->users);
    open_streams(in, cp);
}

struct cycle_interp *cycle_open(struct compiler *cc, const struct network *net) {
    struct cycle_interp *in = arena_alloc(cc, sizeof *in);
    size_t words = 1;
    *in = (struct cycle_interp){.cc = cc, .net = net};
    externals_open(&in->externals, cc, net);
    in->processes = arena_alloc(cc, (size_t)net->process_count * sizeof *in->processes);
    for (int i = 0; i < net->process_count; i++) {
        open_process(in, i);
        for (int s = 0; s < net->processes[i]->stream_count; s++) {
            const size_t stride = ((size_t)net->processes[i]->streams[s].bits + 63) / 64;
            words = stride > words ? stride : words;
        }
    }
    for (int i = 0; i < net->process_count; i++)
        connect(in, &in->processes[i]);
    in->word = arena_alloc(cc, words * sizeof *in->word);
    return in;
}

uint64_t cycle_probe(const struct cycle_interp *in, struct probed probe) {
    return (uint64_t)in->processes[probe.process].s.state[probe.state][0];
}

void cycle_close(struct cycle_interp *in) {
    for (int i = 0; in && i < in->net->process_count; i++)
        for (int s = 0; s < in->net->processes[i]->stream_count; s++)
            if (in->net->processes[i]->streams[s].is_output)
                queue_free(&in->processes[i].out[s].q);
    if (in)
        externals_close(&in->externals);
}

// ---- control

static void refresh(struct cycle_process *p) {
    if (p->is_fixed_old)
        evaluate_fixed(p->f, &p->s, p->fixed);
    p->is_fixed_old = false;
}

static void set_limits(struct cycle_process *p, const struct region *r) {
    for (int i = 0; i < r->levels; i++)
        p->limit[i] = r->level[i].limit ? p->fixed[p->f->code[r->level[i].limit->id].at] : 0;
}

static bool enter(struct cycle_process *p, int region) {
    const struct region *r = p->f->p->regions[region];
    p->entered++;
    p->iteration = 0;
    p->wait = 0;
    set_limits(p, r);
    for (int i = 0; i < r->levels; i++)
        p->index[i] = r->level[i].start;
    for (int c = 0; c < r->carried_count; c++) {
        const struct ref *init = &p->f->carried_init[region][c];
        int64_t *state = p->s.state[r->carried[c].state];
        for (size_t i = 0; init->op && i < p->f->state_size[r->carried[c].state]; i++)
            state[i] = p->fixed[init->at + (init->map ? init->map[i] : i * init->step)];
        if (init->op && (p->f->regions[region].stale || !r->levels))
            p->is_fixed_old = true;
    }
    return !has_no_rounds(r, p->limit) && !ir_only_enters(r);
}

static bool is_settled(const struct cycle_process *p, const int *cycles) {
    for (int i = 0; i < ORIGINS; i++) // as it was when the step was looked for
        if (cycles[i] > 0 && p->still[i] < (uint64_t)cycles[i] + (uint64_t)p->f->p->picks_late)
            return false;
    return true;
}

static void look(struct cycle_process *p) {
    p->phase = p->f->p->picks_late ? LOOK : PICK;
}

static void pick(struct cycle_process *p) {
    const struct process *process = p->f->p;
    const int steps = steps_of(process);
    p->is_fixed_old = true;
    refresh(p);
    for (; p->step < steps; p->step++) {
        const struct step *step = process->step_count ? &process->steps[p->step] : NULL;
        if (step && !is_settled(p, step->knows))
            return;
        if (step && step->kind == STEP_JUMP) {
            if (!flag(p, NULL, step->condition))
                continue;
            p->step = step->target;
            look(p);
            return;
        }
        const int region = step ? step->region : p->step;
        if (!flag(p, NULL, process->regions[region]->enable))
            continue;
        if (step && !is_settled(p, step->settles))
            return;
        p->step++;
        if (enter(p, region)) {
            p->region = region;
            p->phase = RUN;
        } else {
            look(p);
        }
        return;
    }
    p->phase = FLUSH;
}

static bool advance(struct cycle_process *p, const struct flight *fl) {
    const struct region *r = p->f->p->regions[fl->region];
    const bool broken = r->break_if && flag(p, fl, r->break_if);
    if (r->repeats)
        return broken;
    for (int i = r->levels - 1; i >= 0; i--) {
        const bool last = level_is_last(&r->level[i], p->index[i], p->limit[i]) ||
                          (broken && (r->breaks_all || i == r->levels - 1));
        if (!last) {
            p->index[i] += r->level[i].step;
            return false;
        }
        p->index[i] = r->level[i].start;
    }
    return true;
}

static void run_loop(struct cycle_process *p, bool *is_over) {
    const struct plan *plan = p->plan[p->region];
    if (p->f->regions[p->region].stale)
        refresh(p);
    if (p->wait > 0)
        p->wait--;
    if (p->wait > 0)
        return;
    if (plan->r->more >= 0 && !has_word(p, plan->r->more)) {
        // At full speed an input of the top that offers nothing has ended.
        const int channel = p->f->p->streams[plan->r->more].channel;
        *is_over = channel < 0 ||
                   p->interp->processes[p->interp->net->channels[channel].from_process].is_done;
        return;
    }
    if (!plan->r->go_on && is_waiting(p, plan))
        return;
    prepare_flight(p);
    if (plan->r->go_on && !flag(p, p->ahead, plan->r->go_on)) {
        *is_over = true;
        return;
    }
    if (can_issue(p))
        issue(p);
}

static bool is_drained(const struct cycle_process *p) {
    for (const struct flight *fl = p->flights; fl; fl = fl->next)
        if (fl->stage > 0 && fl->stage <= p->plan[fl->region]->last_valid)
            return false;
    return true;
}

static bool is_flushed(const struct cycle_process *p) {
    for (int s = 0; s < p->f->p->stream_count; s++)
        if (p->f->p->streams[s].is_output && p->f->p->streams[s].partner < 0 &&
            (p->out[s].crossing ? p->out[s].credit < p->out[s].depth : p->out[s].is_valid))
            return false;
    return true;
}

static void finish(struct cycle_process *p) {
    p->phase = IDLE;
    p->is_done = true;
    p->entered++; // whatever it is that the program would enter, it is something else
    p->m.values = p->ahead ? p->ahead->expect : take_flight(p)->expect;
    const int region = machine_next(&p->m);
    if (region >= 0)
        fail(p->f->cc, p->f->p->regions[region]->loc,
             "schedule and program differ in process '%s': the run has ended in cycle %llu, and in "
             "the order of the program iteration %llu of loop '%s' is next",
             p->f->p->name, (unsigned long long)p->interp->cycle,
             (unsigned long long)p->m.iteration, p->f->p->regions[region]->name);
}

static void run_process(struct cycle_process *p) {
    bool is_over = false;
    const enum phase phase = p->phase;
    const uint64_t entered = p->entered;
    if (phase == RUN)
        run_loop(p, &is_over);
    run_flights(p);
    if (phase == RUN) {
        const struct plan *plan = p->plan[p->region];
        const bool is_once = !plan->r->levels && !plan->r->repeats;
        for (struct flight *fl = p->flights; fl; fl = fl->next)
            if (fl->region == p->region && fl->stage == (is_once ? 0 : plan->s->break_stage))
                is_over = advance(p, fl) || is_over;
        if (is_over)
            p->phase = DRAIN;
    } else if (phase == PICK) {
        pick(p);
    } else if (phase == LOOK) {
        p->phase = PICK;
    } else if (phase == DRAIN && is_drained(p)) {
        look(p);
    } else if (phase == FLUSH && is_flushed(p)) {
        finish(p);
    }
    if (p->phase != phase)
        p->interp->quiet = 0;
    p->still[FROM_SCALARS]++;
    p->still[FROM_REGISTERS]++;
    if (phase == RUN || p->phase == DRAIN || p->entered != entered)
        p->still[FROM_REGISTERS] = 0;
    end_flights(p);
}

// ---- the network

static void start(struct cycle_interp *in) {
    externals_start(&in->externals);
    for (int i = 0; i < in->net->process_count; i++) {
        struct cycle_process *p = &in->processes[i];
        machine_start(&p->m, in->run->scalars); // latches the arguments, too
        look(p);
        p->step = 0;
        p->entered = 0;
        p->is_done = false;
        p->is_fixed_old = true;
        p->still[FROM_SCALARS] = p->still[FROM_REGISTERS] = 0;
        for (int m = 0; m < p->f->p->memory_count; m++)
            p->users[m] = (struct memory_user){0};
        for (int s = 0; s < p->f->p->stream_count; s++) {
            if (!p->f->p->streams[s].is_output || p->f->p->streams[s].partner < 0)
                continue;
            queue_clear(&p->out[s].q); // what a run leaves in a FIFO that leads back is lost
            p->out[s].offered = 0;
            p->out[s].credit = p->out[s].depth;
            p->out[s].change = p->out[s].cancelled = p->out[s].given_back = 0;
        }
    }
}

static void begin_cycle(struct cycle_interp *in) {
    externals_offer(&in->externals, in->run->streams);
    for (int i = 0; i < in->net->process_count; i++)
        for (int s = 0; s < in->net->processes[i]->stream_count; s++)
            in->processes[i].out[s].is_valid = in->processes[i].out[s].offered > 0;
}

// Of what enters a way of registers in this cycle and what is in it, what leaves it.
static int pass(int *way, int length, uint64_t cycle, int entering) {
    if (!length)
        return entering;
    const int leaving = way[cycle % (uint64_t)length];
    way[cycle % (uint64_t)length] = entering;
    return leaving;
}

static void end_cycle(struct cycle_interp *in) {
    for (int i = 0; i < in->net->process_count; i++) {
        const struct process *p = in->net->processes[i];
        for (int s = 0; s < p->stream_count; s++) {
            struct fifo *fifo = &in->processes[i].out[s];
            const bool is_taken =
                !p->streams[s].is_memory || externals_take(&in->externals, p->streams[s].port);
            if (p->streams[s].is_output && p->streams[s].port >= 0 && fifo->is_valid && is_taken) {
                queue_push(in->cc, &in->run->streams[p->streams[s].port], queue_front(&fifo->q));
                queue_pop(&fifo->q);
                fifo->offered--;
                fifo->taken++;
                in->quiet = 0;
            }
            fifo->offered += pass(fifo->coming, fifo->crossing, in->cycle, fifo->pushed);
            fifo->credit += fifo->change + fifo->given_back +
                            pass(fifo->leaving, fifo->crossing, in->cycle, fifo->taken);
            fifo->given_back = fifo->cancelled;
            fifo->change = fifo->cancelled = fifo->pushed = fifo->taken = 0;
        }
    }
    externals_end_cycle(&in->externals, in->run->streams);
}

static noreturn void fail_quiet(struct cycle_interp *in) {
    static const char *const phases[] = {
        "has ended", "looks for its next loop",          "looks for its next loop", "runs",
        "drains",    "waits for its outputs to be taken"};
    const char *text = "";
    for (int i = 0; i < in->net->process_count; i++) {
        const struct cycle_process *p = &in->processes[i];
        text = arena_printf(in->cc, "%s; process '%s' %s", text, p->f->p->name, phases[p->phase]);
        if (p->phase == RUN)
            text =
                arena_printf(in->cc, "%s loop '%s', iteration %llu", text,
                             p->f->p->regions[p->region]->name, (unsigned long long)p->iteration);
    }
    fail(in->cc, in->net->top->loc, "the schedule makes no progress after cycle %llu%s",
         (unsigned long long)in->cycle, text);
}

void cycle_run(struct cycle_interp *in, struct interp_run *run) {
    bool is_done = false;
    in->run = run;
    in->cycle = in->quiet = 0;
    start(in); // in cycle 0
    while (!is_done) {
        in->cycle++;
        if (++in->quiet == QUIET_CYCLES)
            fail_quiet(in);
        begin_cycle(in);
        for (int i = 0; i < in->net->process_count; i++)
            run_process(&in->processes[i]);
        end_cycle(in);
        is_done = true;
        for (int i = 0; i < in->net->process_count; i++)
            is_done = is_done && in->processes[i].is_done;
    }
    run->cycles = in->cycle + 1;
}
