// SPDX-License-Identifier: Apache-2.0
// For tests of the cycle model: random networks of processes that do what the kernels do, iteration
// by iteration, and the report that hlsc would write of them. A trunk of layers (with repacking in
// between) ends in one to three heads, which a fork gives its rows and a gather joins. Sequences
// may have their turns in slots (hls/kernels/frame/slots.h).
#ifndef TIMING_FIXTURE_H
#define TIMING_FIXTURE_H
#include "random.h"
#include "timing.h"

#include <check.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_LOOPS = 24, FIXTURE_WIRES = 24, FIXTURE_TEXT = 1 << 20, FIXTURE_SAMPLES = 20 };
enum { FIXTURE_REST = 99 }; // cycles to a process's end, longer than what it gave is on its way

struct run {
    uint64_t sequences, steps, slots;
};

// A channel, or the top's output.
struct wire {
    uint32_t depth, write_stage, crossing;
    int from, from_port, to, to_port; // loops; to: -1 for the top's output
};

// What a process does: 'l' a layer that keeps its state from row to row, 's' one that starts each
// sequence anew and has a row more in it, 'r' repacks, 'p' passes the last step on, 'h' a head per
// sequence, 'd' one per step, 'f' a fork, 'g' a gather of rows per step, 'G' per sequence.
struct loop {
    char kind;
    char name[16];
    int in_count, out_count;
    int in[2], out[2]; // wires, -1: the top's input
    int x_words, h_words, x_phase, outputs;
    int turns;                 // 'l': of a step, at least
    bool takes[64], gives[64]; // 'r', by iteration
    int length;                // 'r'
    int step[2], last[2];      // 'g', 'G': words of each side, per step and more for the last one
    uint32_t pause;            // cycles behind each row but the run's last
    // of the simulation
    uint64_t t, k, waits, first, end, row_cycles;
    bool started, done;
};

struct net {
    int loop_count, wire_count, slots;
    struct loop loops[FIXTURE_LOOPS];
    struct wire wires[FIXTURE_WIRES];
    uint32_t first_issue;
};

static inline int timed_words(int count, int lc) {
    return (count + lc - 1) / lc;
}

// ---- what the processes do

// The turns of a step in the group that is not whole, of a process that needs so many at least.
static inline uint64_t rest_turns(int least, struct run run) {
    const uint64_t rest = run.sequences % run.slots;
    return rest && rest < (uint64_t)least ? (uint64_t)least : rest;
}

// Of turn `turn` of such a process: its step, and whether it has a row.
static inline uint64_t step_of(int least, struct run run, uint64_t turn, bool *has_row) {
    const uint64_t group = run.slots * run.steps, bound = run.sequences / run.slots * group;
    const uint64_t step = turn < bound ? run.slots : rest_turns(least, run);
    const uint64_t at = turn < bound ? turn % group : turn - bound;
    *has_row = turn < bound || at % step < run.sequences % run.slots;
    return at / step;
}

static inline uint64_t loop_rows(const struct loop *p, struct run run) {
    const uint64_t total = run.sequences * run.steps, rest = run.sequences % run.slots;
    switch (p->kind) {
    case 'l':
        return total + (rest_turns(p->turns, run) - rest) * run.steps + 1;
    case 's':
        return total + run.sequences;
    case 'h':
    case 'G':
        return run.sequences;
    default:
        return total;
    }
}

static inline bool ends_sequence(const struct loop *p, struct run run, uint64_t row) {
    bool has_row;
    return p->kind == 'G' || step_of(1, run, row, &has_row) == run.steps - 1;
}

// Iterations of a row.
static inline uint64_t loop_length(const struct loop *p, struct run run, uint64_t row) {
    const uint64_t rows = loop_rows(p, run);
    switch (p->kind) {
    case 'l':
        return (uint64_t)(row == rows - 1 ? p->h_words : p->x_phase + p->h_words);
    case 's':
        return (uint64_t)(row % (run.steps + 1) == run.steps ? p->h_words
                                                             : p->x_phase + p->h_words);
    case 'r':
        return (uint64_t)p->length;
    case 'h':
    case 'd':
        return (uint64_t)(p->x_words + p->outputs);
    case 'g':
    case 'G':
        return (uint64_t)(p->step[0] + p->step[1] +
                          (ends_sequence(p, run, row) ? p->last[0] + p->last[1] : 0));
    default:
        return (uint64_t)p->x_words;
    }
}

// What iteration k of a row reads and writes, a bit for each input and output.
static inline void loop_uses(const struct loop *p, struct run run, uint64_t row, uint64_t k,
                             unsigned *reads, unsigned *writes) {
    const uint64_t rows = loop_rows(p, run), place = row % (run.steps + 1);
    const bool in_x = k < (uint64_t)p->x_words, in_h = k < (uint64_t)p->h_words;
    *reads = *writes = 0;
    switch (p->kind) {
    case 'l': {
        bool has_row = false, had_row = false;
        if (row < rows - 1)
            step_of(p->turns, run, row, &has_row);
        if (row > 0)
            step_of(p->turns, run, row - 1, &had_row);
        *reads = in_x && has_row;
        *writes = in_h && had_row;
        break;
    }
    case 's':
        *reads = in_x && place < run.steps;
        *writes = in_h && place > 0;
        break;
    case 'r':
        *reads = p->takes[k];
        *writes = p->gives[k];
        break;
    case 'p':
        *reads = 1;
        *writes = ends_sequence(p, run, row);
        break;
    case 'f':
        *reads = 1;
        *writes = 3;
        break;
    case 'g':
    case 'G': {
        const uint64_t side0 = (uint64_t)p->step[0], side1 = side0 + (uint64_t)p->step[1];
        *reads = k < side0 ? 1 : k < side1 ? 2 : k < side1 + (uint64_t)p->last[0] ? 1 : 2;
        *writes = 1;
        break;
    }
    default:
        *reads = in_x;
        *writes = !in_x;
        break;
    }
}

// The loops of resize.h.
static inline void plan_resize(struct loop *p, int count, int from, int to) {
    const int in = timed_words(count, from), out = timed_words(count, to);
    int left = 0, taken = 0;
    if (from >= to) {
        p->length = out;
        for (int k = 0; k < out; k++) {
            p->takes[k] = left < to && taken < in;
            p->gives[k] = true;
            left += (p->takes[k] ? from : 0) - to;
            taken += p->takes[k];
        }
        return;
    }
    const bool flush = in * from / to < out;
    p->length = in + (flush && in * from / to > (in - 1) * from / to);
    for (int k = 0; k < p->length; k++) {
        p->takes[k] = k < in;
        p->gives[k] = left + from >= to || (flush && k == p->length - 1);
        left += from - (p->gives[k] ? to : 0);
    }
}

// ---- building

static inline struct loop *timed_loop(struct net *net, char kind, const char *name, int in) {
    struct loop *p = &net->loops[net->loop_count];
    ck_assert_int_lt(net->loop_count, FIXTURE_LOOPS);
    *p = (struct loop){.kind = kind, .in = {in, -1}, .in_count = 1};
    snprintf(p->name, sizeof p->name, "%s%d", name, net->loop_count++);
    if (in >= 0) {
        net->wires[in].to = net->loop_count - 1;
        net->wires[in].to_port = 0;
    }
    return p;
}

// Adds an output; gives its wire.
static inline int timed_wire(struct net *net, struct loop *p) {
    ck_assert_int_lt(net->wire_count, FIXTURE_WIRES);
    p->out[p->out_count] = net->wire_count;
    net->wires[net->wire_count] = (struct wire){.depth = 64,
                                                .write_stage = 10,
                                                .from = (int)(p - net->loops),
                                                .from_port = p->out_count++,
                                                .to = -1};
    return net->wire_count++;
}

// A layer behind `in`, of `lc` columns a cycle; gives its output.
static inline int timed_layer(struct net *net, int in, char kind, int inputs, int hidden, int lc,
                              int latency, int lc_before) {
    if (lc_before && lc_before != lc) {
        struct loop *p = timed_loop(net, 'r', "resize", in);
        plan_resize(p, inputs, lc_before, lc);
        in = timed_wire(net, p);
    }
    struct loop *p = timed_loop(net, kind, "lstm", in);
    p->x_words = timed_words(inputs, lc);
    p->h_words = timed_words(hidden, lc);
    const int left = latency - (net->slots - 1) * p->h_words;
    const int gap = left > 0 ? timed_words(left, net->slots) : 0;
    p->x_phase = p->x_words > gap ? p->x_words : gap;
    p->turns = 1;
    while ((p->turns - 1) * (p->x_phase + p->h_words) + p->x_phase < latency)
        p->turns++;
    return timed_wire(net, p);
}

struct side { // an output of heads
    int wire, step, last;
};

static inline struct side timed_head(struct net *net, int in, bool per_step, int row, int outputs,
                                     uint32_t pause) {
    if (!per_step) {
        struct loop *p = timed_loop(net, 'p', "last", in);
        p->x_words = row;
        in = timed_wire(net, p);
    }
    struct loop *p = timed_loop(net, per_step ? 'd' : 'h', "head", in);
    p->x_words = row;
    p->outputs = outputs;
    p->pause = pause;
    return (struct side){timed_wire(net, p), per_step ? outputs : 0, per_step ? 0 : outputs};
}

static inline struct side timed_gather(struct net *net, struct side a, struct side b) {
    struct loop *p = timed_loop(net, a.step + b.step ? 'g' : 'G', "gather", a.wire);
    p->in[p->in_count++] = b.wire;
    net->wires[b.wire].to = (int)(p - net->loops);
    net->wires[b.wire].to_port = 1;
    p->step[0] = a.step;
    p->step[1] = b.step;
    p->last[0] = a.last;
    p->last[1] = b.last;
    return (struct side){timed_wire(net, p), a.step + b.step, a.last + b.last};
}

// `deepest`: of the channels; `most`: units of a layer.
static inline void timed_of(uint64_t *state, int most, int deepest, struct net *net) {
    memset(net, 0, sizeof *net);
    net->first_issue = (uint32_t)random_between(state, 1, 4);
    net->slots = random_between(state, 0, 1) ? 1 : 2 << random_between(state, 0, 3);
    int in = -1, lc = 0, inputs = random_between(state, 1, most);
    for (int l = random_between(state, 1, 3); l > 0; l--) {
        const int hidden = random_between(state, 1, most), before = lc;
        lc = random_between(state, 1, hidden < 12 ? hidden : 12);
        in = timed_layer(net, in, net->slots > 1 || random_between(state, 0, 3) ? 'l' : 's', inputs,
                         hidden, lc, random_between(state, 10, 30), before);
        inputs = hidden;
    }
    const int row = timed_words(inputs, lc);
    struct side all = {0};
    for (int heads = random_between(state, 1, 3), n = heads; n > 0; n--) {
        int mine = in;
        if (n > 1) {
            struct loop *p = timed_loop(net, 'f', "fork", in);
            p->x_words = row;
            mine = timed_wire(net, p);
            in = timed_wire(net, p);
        }
        const struct side side =
            timed_head(net, mine, random_between(state, 0, 1), row, random_between(state, 1, 3),
                       random_between(state, 0, 1) ? 0 : (uint32_t)random_between(state, 1, 9));
        if (n == heads)
            all = side;
        else
            all = random_between(state, 0, 1) ? timed_gather(net, all, side)
                                              : timed_gather(net, side, all);
    }
    for (int i = 0; i < net->wire_count; i++) { // shallow channels make credits run out
        struct wire *wire = &net->wires[i];
        wire->depth = (uint32_t)random_between(state, 1, deepest);
        wire->write_stage = (uint32_t)random_between(state, 1, 40);
        wire->crossing = wire->to < 0 || random_between(state, 0, 2)
                             ? 0
                             : (uint32_t)random_between(state, 1, 20);
    }
}

// ---- the report

struct text {
    char *data;
    size_t size;
};

static inline void say(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(text->data + text->size, FIXTURE_TEXT - text->size, format, arguments);
    va_end(arguments);
    ck_assert(length >= 0 && (size_t)length < FIXTURE_TEXT - text->size);
    text->size += (size_t)length;
}

static inline void say_row(struct text *text, const struct loop *p, struct run run, uint64_t row) {
    const uint64_t iterations = loop_length(p, run, row);
    const bool ends = row == loop_rows(p, run) - 1;
    say(text, "{\"length\":%llu,\"events\":[",
        (unsigned long long)(iterations + (ends ? 0 : p->pause)));
    unsigned reads_before = 0, writes_before = 0;
    uint64_t from = 0;
    const char *comma = "";
    for (uint64_t k = 0; k <= iterations; k++) {
        unsigned reads = 0, writes = 0;
        if (k < iterations)
            loop_uses(p, run, row, k, &reads, &writes);
        if (k > 0 && (k == iterations || reads != reads_before || writes != writes_before)) {
            if (reads_before || writes_before) {
                say(text, "%s{\"at\":%llu,\"count\":%llu,\"streams\":[", comma,
                    (unsigned long long)from, (unsigned long long)(k - from));
                comma = "";
                for (int i = 0; i < 2; i++) {
                    if (reads_before >> i & 1)
                        say(text, "%s\"in%d\"", comma, i);
                    comma = reads_before >> i & 1 ? "," : comma;
                }
                for (int i = 0; i < 2; i++) {
                    if (writes_before >> i & 1)
                        say(text, "%s\"out%d\"", comma, i);
                    comma = writes_before >> i & 1 ? "," : comma;
                }
                say(text, "]}");
                comma = ",";
            }
            from = k;
        }
        reads_before = reads;
        writes_before = writes;
    }
    say(text, "]}");
}

// Run s of those that the cycle model asks for; false: there are not so many.
static inline bool sample_run(const struct net *net, int s, struct run *run) {
    struct mr_timing_sample sample;
    const bool there = mr_timing_sample(net->slots, s, &sample);
    *run = (struct run){(uint64_t)sample.sequences, (uint64_t)sample.steps, (uint64_t)net->slots};
    return there && s < FIXTURE_SAMPLES;
}

// Patterns and rows of a process. A pattern is known by its text.
static inline void say_rows(struct text *text, const struct net *net, const struct loop *p) {
    char *known[64];
    int known_count = 0;
    static char order_text[FIXTURE_SAMPLES][4096];
    struct run run;
    for (int s = 0; sample_run(net, s, &run); s++) {
        size_t used = 0;
        order_text[s][0] = 0;
        for (uint64_t row = 0; row < loop_rows(p, run); row++) {
            struct text one = {malloc(FIXTURE_TEXT), 0};
            ck_assert_ptr_nonnull(one.data);
            say_row(&one, p, run, row);
            int n = 0;
            while (n < known_count && strcmp(known[n], one.data) != 0)
                n++;
            if (n == known_count) {
                ck_assert_int_lt(known_count, 64);
                known[known_count++] = strdup(one.data);
            }
            free(one.data);
            used += (size_t)snprintf(order_text[s] + used, sizeof order_text[s] - used, "%s%d,1",
                                     row ? "," : "", n);
        }
    }
    say(text, "\"row_patterns\":[");
    for (int n = 0; n < known_count; n++) {
        say(text, "%s%s", n ? "," : "", known[n]);
        free(known[n]);
    }
    say(text, "],\"rows\":[");
    for (int s = 0; sample_run(net, s, &run); s++)
        say(text, "%s{\"first\":%u,\"rest\":%u,\"order\":[%s]}", s ? "," : "", net->first_issue,
            FIXTURE_REST, order_text[s]);
    say(text, "]");
}

static inline void say_process(struct text *text, const struct net *net, const struct loop *p) {
    say(text,
        ",{\"name\":\"%s\",\"first_issue\":%u,\"multipliers\":108,\"loops\":[{\"name\":\"run_"
        "steps\",\"file\":\"f.h\",\"line\":1,\"ii\":1,\"depth\":9}],\"streams\":[",
        p->name, net->first_issue);
    for (int i = 0; i < p->in_count; i++)
        say(text, "%s{\"name\":\"in%d\",\"direction\":\"in\",\"bits\":16}", i ? "," : "", i);
    for (int i = 0; i < p->out_count; i++) {
        const struct wire *wire = &net->wires[p->out[i]];
        say(text,
            ",{\"name\":\"out%d\",\"direction\":\"out\",\"bits\":16,\"depth\":%u,\"write_stage\":%"
            "u",
            i, wire->depth, wire->write_stage);
        if (wire->crossing)
            say(text, ",\"crossing\":%u", wire->crossing);
        say(text, "}");
    }
    say(text, "],\"memories\":[{\"name\":\"w\",\"words\":50,\"bits\":64,\"copies\":25,\"ports\":1,"
              "\"impl\":\"lutram\",\"blocks\":2000},{\"name\":\"table\",\"words\":1024,\"bits\":34,"
              "\"copies\":5,\"ports\":1,\"impl\":\"rom\",\"blocks\":10}],\"dependences\":[],");
    say_rows(text, net, p);
    say(text, "}");
}

// The report of a network, to be freed.
static inline char *timed_report(const struct net *net) {
    struct text text = {malloc(FIXTURE_TEXT), 0};
    ck_assert_ptr_nonnull(text.data);
    // A process that has nothing to do in a run.
    say(&text, "{\"top\":\"network\",\"clock_mhz\":300,\"samples\":[");
    struct run run;
    for (int s = 0; sample_run(net, s, &run); s++)
        say(&text, "%s{\"sequences\":%d,\"steps\":%d}", s ? "," : "", (int)run.sequences,
            (int)run.steps);
    say(&text, "],\"processes\":[{\"name\":\"loader\",\"first_issue\":2,\"streams\":[],"
               "\"row_patterns\":[],\"rows\":[");
    for (int s = 0; sample_run(net, s, &run); s++)
        say(&text, "%s{\"first\":0,\"rest\":0,\"order\":[]}", s ? "," : "");
    say(&text, "]}");
    for (int i = 0; i < net->loop_count; i++)
        say_process(&text, net, &net->loops[i]);
    say(&text, "],\"channels\":[");
    const char *comma = "";
    for (int i = 0; i < net->wire_count; i++) {
        const struct wire *wire = &net->wires[i];
        if (wire->to < 0)
            continue;
        say(&text,
            "%s{\"name\":\"c%d\",\"from\":\"%s\",\"from_stream\":\"out%d\",\"to\":\"%s\","
            "\"to_stream\":\"in%d\"}",
            comma, i, net->loops[wire->from].name, wire->from_port, net->loops[wire->to].name,
            wire->to_port);
        comma = ",";
    }
    say(&text, "]}");
    return text.data;
}

#endif
