// SPDX-License-Identifier: Apache-2.0
// hlsc check: runs of the C model, which show how many elements each takes, and of the RTL, once at
// full speed and again with idle inputs, with slow outputs and with both.
#define _GNU_SOURCE // PATH_MAX
#include "check_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGIMES = 4 };

int run_kernel(struct checking *c, const struct mr_kernel *kernel, void *instance,
               struct check_run *r, const uint64_t *offered, struct buffer *out,
               struct mr_run *run) {
    static const unsigned char nothing[8];
    for (uint32_t i = 0; i < c->ins; i++)
        run->in[i] = (struct mr_stream_in){r->in[i].data ? r->in[i].data : nothing, offered[i], 0};
    for (uint32_t i = 0; i < c->outs; i++)
        run->out[i] = (struct mr_stream_out){.data = out[i].data, .capacity = out[i].room};
    run->scalars = r->scalars;
    run->cycles = 0;
    return kernel->run(instance, run, c->error, c->error_size);
}

int find_probes(struct checking *c) {
    const struct network *net = c->made.net;
    c->probe_count = (uint32_t)ir_probes(net, NULL);
    c->probes = arena_alloc(c->made.cc, ((size_t)c->probe_count + 1) * sizeof *c->probes);
    c->seen = arena_alloc(c->made.cc, ((size_t)c->probe_count + 1) * sizeof *c->seen);
    ir_probes(net, c->probes);
    for (uint64_t n = 0; n < c->options->runs; n++)
        c->runs[n].probes =
            arena_alloc(c->made.cc, ((size_t)c->probe_count + 1) * sizeof *c->runs[n].probes);
    return 0;
}

int compare_probes(struct checking *c, uint64_t n, const char *who, const char *where) {
    for (uint32_t i = 0; i < c->probe_count; i++) {
        if (c->seen[i] == c->runs[n].probes[i])
            continue;
        const struct process *p = c->made.net->processes[c->probes[i].process];
        const struct state *state = &p->states[c->probes[i].state];
        return FAIL(c,
                    "check: probe '%s' of process '%s' (line %d) after run %llu: C has 0x%llx, %s "
                    "%s 0x%llx (%s)",
                    state->name, p->name, state->loc.line, (unsigned long long)n + 1,
                    (unsigned long long)c->runs[n].probes[i], who,
                    who[strlen(who) - 1] == 's' ? "have" : "has", (unsigned long long)c->seen[i],
                    where);
    }
    return 0;
}

int open_model(struct checking *c) {
    const struct mr_open_options none = {0};
    mr_kernel_unload(c->model);
    c->model = mr_kernel_load(c->model_so, c->error, c->error_size);
    c->model_instance = c->model ? c->model->kernel->open(&none, c->error, c->error_size) : NULL;
    return c->model_instance ? 0 : -1;
}

// Runs the model; where an input ran dry or an output was full, the state is lost, so the model is
// loaded anew and all runs before are repeated.
static int model_run(struct checking *c, uint64_t n) {
    struct check_run *r = &c->runs[n];
    struct mr_stream_in in[MAX_PORTS];
    struct mr_stream_out out[MAX_PORTS];
    struct mr_run run = {.in = in, .out = out, .probes = r->probes};
    uint64_t offered[MAX_PORTS];
    for (;;) {
        for (uint32_t i = 0; i < c->ins; i++)
            offered[i] = r->in[i].count;
        const int status =
            run_kernel(c, c->model->kernel, c->model_instance, r, offered, r->out, &run);
        if (status == 0)
            break;
        bool grown = false;
        for (uint32_t i = 0; i < c->outs; i++) {
            if (out[i].count <= r->out[i].room)
                continue;
            grown = true;
            if (make_room(c, &r->out[i], c->out[i], out[i].count * 2) != 0)
                return -1;
        }
        for (uint32_t i = 0; i < c->ins && !grown; i++)
            if (c->is_given[i] && in[i].taken == offered[i] && strstr(c->error, c->in[i]->name))
                return FAIL(c,
                            "cosim: run %llu takes more elements of input '%s' than the file has "
                            "(%llu, of which runs before took %llu)",
                            (unsigned long long)n + 1, c->in[i]->name,
                            (unsigned long long)c->given[i].count,
                            (unsigned long long)(c->given[i].count - offered[i]));
        for (uint32_t i = 0; i < c->ins && !grown; i++)
            if (in[i].taken == offered[i] && offered[i] >= max_elements)
                return FAIL(c,
                            "check: run %llu wants more than %llu elements of input '%s'; fix "
                            "scalars with --set or "
                            "give a smaller --vectors (seed %llu)",
                            (unsigned long long)n + 1, (unsigned long long)max_elements,
                            c->in[i]->name, (unsigned long long)c->seed);
        for (uint32_t i = 0; i < c->ins && !grown; i++)
            if (in[i].taken == offered[i] && strstr(c->error, c->in[i]->name)) {
                grown = true;
                if (offer_more(c, &r->in[i], c->in[i], offered[i] ? offered[i] * 2 : 1) != 0)
                    return -1;
            }
        if (!grown || open_model(c) != 0)
            return -1;
        for (uint64_t k = 0; k < n; k++) {
            for (uint32_t i = 0; i < c->ins; i++)
                offered[i] = offered_again(c, &c->runs[k], i);
            if (run_kernel(c, c->model->kernel, c->model_instance, &c->runs[k], offered,
                           c->runs[k].out, &run) != 0)
                return -1;
        }
    }
    for (uint32_t i = 0; i < c->ins; i++)
        r->taken[i] = in[i].taken;
    for (uint32_t i = 0; i < c->outs; i++)
        r->out[i].count = out[i].count;
    return 0;
}

// What the runs before have left of the elements that a file gives.
static int offer_given(struct checking *c, uint64_t n, uint32_t input) {
    const size_t bytes = stride(c->in[input]);
    struct buffer *b = &c->runs[n].in[input];
    uint64_t first = 0;
    for (uint64_t k = 0; k < n; k++)
        first += c->runs[k].taken[input];
    b->count = c->given[input].count - first;
    if (make_room(c, b, c->in[input], b->count) != 0)
        return -1;
    if (b->count)
        memcpy(b->data, c->given[input].data + first * bytes, b->count * bytes);
    return 0;
}

int model_runs(struct checking *c, uint64_t *random) {
    for (uint64_t n = 0; n < c->options->runs; n++) {
        struct check_run *r = &c->runs[n];
        if (draw_scalars(c, n, random) != 0)
            return -1;
        for (uint32_t i = 0; i < c->ins; i++) {
            r->in[i].random = draw(random);
            if ((c->is_given[i] ? offer_given(c, n, i)
                                : offer_more(c, &r->in[i], c->in[i], c->options->vectors)) != 0)
                return -1;
        }
        for (uint32_t i = 0; i < c->outs; i++)
            if (make_room(c, &r->out[i], c->out[i], 2 * c->options->vectors + 16) != 0)
                return -1;
        if (model_run(c, n) != 0)
            return -1;
    }
    return 0;
}

static void hex(const unsigned char *element, const struct mr_port *port, char *text, size_t size) {
    size_t at = 0, bytes = stride(port);
    if (bytes > 64)
        bytes = 64; // the caller starts at the byte that differs
    for (size_t i = bytes; i-- > 0 && at + 3 < size;)
        at += (size_t)snprintf(text + at, size - at, "%02x", element[i]);
}

static void describe_run(const struct checking *c, uint64_t n, const struct mr_open_options *with,
                         char *text, size_t size) {
    size_t at =
        (size_t)snprintf(text, size, "idle %u/256, stall %u/256, seed %llu", with->idle_chance,
                         with->stall_chance, (unsigned long long)c->seed);
    for (uint32_t i = 0; i < c->scalars && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, ", %s=%llu", c->scalar[i]->name,
                               (unsigned long long)c->runs[n].scalars[i]);
}

int compare_outputs(struct checking *c, uint64_t n, const uint64_t *counts,
                    const struct buffer *got, const char *who, const char *where,
                    const char *(*origin)(void *context, uint32_t out, uint64_t element),
                    void *context) {
    const struct check_run *r = &c->runs[n];
    const char *verb = who[strlen(who) - 1] == 's' ? "" : "s";
    for (uint32_t i = 0; i < c->outs; i++) {
        const size_t bytes = stride(c->out[i]);
        const uint64_t wanted = r->out[i].count, count = counts[i];
        for (uint64_t k = 0; k < wanted && k < count; k++) {
            const unsigned char *a = r->out[i].data + k * bytes, *b = got[i].data + k * bytes;
            if (memcmp(a, b, bytes) == 0)
                continue;
            char model_text[132], rtl_text[132], from[64] = "";
            size_t first = 0;
            while (a[first] == b[first])
                first++;
            struct mr_port part = *c->out[i];
            if (bytes > 64) { // long elements are shown from the first byte that differs
                part.bits = (uint32_t)(bytes - first < 16 ? bytes - first : 16) * 8;
                snprintf(from, sizeof from, " from bit %zu", first * 8);
            } else {
                first = 0;
            }
            hex(a + first, &part, model_text, sizeof model_text);
            hex(b + first, &part, rtl_text, sizeof rtl_text);
            return FAIL(c,
                        "check: output '%s', run %llu, element %llu of %llu%s: C gives 0x%s, %s "
                        "give%s 0x%s (%s%s%s)",
                        c->out[i]->name, (unsigned long long)n + 1, (unsigned long long)k,
                        (unsigned long long)wanted, from, model_text, who, verb, rtl_text, where,
                        origin ? ", " : "", origin ? origin(context, i, k) : "");
        }
    }
    for (uint32_t i = 0; i < c->outs; i++) {
        const uint64_t wanted = r->out[i].count, count = counts[i];
        if (wanted != count)
            return FAIL(c,
                        "check: output '%s', run %llu: C gives %llu elements, %s give%s %llu (%s)",
                        c->out[i]->name, (unsigned long long)n + 1, (unsigned long long)wanted, who,
                        verb, (unsigned long long)count, where);
    }
    return 0;
}

static int compare(struct checking *c, uint64_t n, const struct mr_run *run,
                   const struct buffer *got, const char *where) {
    const struct check_run *r = &c->runs[n];
    uint64_t counts[MAX_PORTS];
    for (uint32_t i = 0; i < c->outs; i++)
        counts[i] = run->out[i].count;
    if (compare_outputs(c, n, counts, got, "RTL", where, NULL, NULL) != 0)
        return -1;
    for (uint32_t i = 0; i < c->ins; i++)
        if (run->in[i].taken != r->taken[i])
            return FAIL(c,
                        "check: input '%s', run %llu: C takes %llu elements, RTL takes %llu (%s)",
                        c->in[i]->name, (unsigned long long)n + 1, (unsigned long long)r->taken[i],
                        (unsigned long long)run->in[i].taken, where);
    return 0;
}

// What the run of a co-simulation gave and did.
static void tell_run(struct checking *c, uint64_t n, const struct mr_run *run,
                     const struct buffer *got) {
    char where[1024];
    const struct mr_open_options with = {.idle_chance = c->options->idle,
                                         .stall_chance = c->options->stall};
    describe_run(c, n, &with, where, sizeof where);
    printf("cosim: run %llu: %llu cycles (%s)\n", (unsigned long long)n + 1,
           (unsigned long long)run->cycles, where);
    for (uint32_t i = 0; i < c->ins; i++)
        printf("  input %s: %llu elements\n", c->in[i]->name, (unsigned long long)run->in[i].taken);
    for (uint32_t i = 0; i < c->outs; i++) {
        printf("  output %s: %llu elements, the last in cycle %llu\n", c->out[i]->name,
               (unsigned long long)run->out[i].count, (unsigned long long)run->out[i].last_cycle);
        if (c->output[i])
            write_vectors(c, c->out[i], &got[i], run->out[i].count, c->output[i]);
    }
    for (uint32_t i = 0; i < c->rtl->kernel->process_count; i++) {
        const struct mr_activity *a = &run->activity[i];
        printf("  process %s: busy %llu cycles (%llu to %llu), starved %llu, blocked %llu\n",
               c->rtl->kernel->processes[i], (unsigned long long)a->busy,
               (unsigned long long)a->first_busy, (unsigned long long)a->last_busy,
               (unsigned long long)a->starved, (unsigned long long)a->blocked);
    }
    for (uint32_t i = 0; i < c->probe_count; i++) {
        const struct mr_probe *probe = &c->rtl->kernel->probes[i];
        printf(probe->is_signed ? "  probe %s of process %s: %lld\n"
                                : "  probe %s of process %s: %llu\n",
               probe->name, probe->process, (unsigned long long)c->seen[i]);
    }
}

static int rtl_run(struct checking *c, uint64_t n, void *instance,
                   const struct mr_open_options *with, struct buffer *got) {
    struct check_run *r = &c->runs[n];
    struct mr_stream_in in[MAX_PORTS];
    struct mr_stream_out out[MAX_PORTS];
    uint64_t offered[MAX_PORTS];
    struct mr_run run = {
        .in = in, .out = out, .max_cycles = 50000000, .activity = c->activity, .probes = c->seen};
    char where[1024], reason[1200];
    memset(c->activity, 0, (size_t)c->made.net->process_count * sizeof *c->activity);
    describe_run(c, n, with, where, sizeof where);
    for (uint32_t i = 0; i < c->ins; i++)
        run.max_cycles += r->taken[i] * 256;
    for (uint32_t i = 0; i < c->outs; i++) {
        run.max_cycles += r->out[i].count * 256;
        if (make_room(c, &got[i], c->out[i], r->out[i].count + 16) != 0)
            return -1;
    }
    for (uint32_t i = 0; i < c->ins; i++)
        offered[i] = offered_again(c, r, i);
    if (run_kernel(c, c->rtl->kernel, instance, r, offered, got, &run) != 0) {
        // A wrong element before the stop comes first.
        snprintf(reason, sizeof reason, "%s", c->error);
        for (uint32_t i = 0; i < c->outs; i++) {
            const uint64_t count = out[i].count < r->out[i].count ? out[i].count : r->out[i].count;
            if (memcmp(got[i].data, r->out[i].data, count * stride(c->out[i])) != 0) {
                char wrong[1200];
                compare(c, n, &run, got, where);
                snprintf(wrong, sizeof wrong, "%s", c->error);
                return FAIL(c, "%s; %s", wrong, reason);
            }
        }
        return FAIL(c, "check: run %llu: %s (%s)", (unsigned long long)n + 1, reason, where);
    }
    if (c->options->is_cosim && !c->explains)
        tell_run(c, n, &run, got);
    if (compare(c, n, &run, got, where) != 0 || compare_probes(c, n, "RTL", where) != 0)
        return -1;
    if (c->options->is_cosim || (!with->idle_chance && !with->stall_chance))
        c->cycles += run.cycles;
    if (with->idle_chance || with->stall_chance)
        return 0;
    if (c->planned[n] && c->planned[n] != run.cycles)
        return FAIL(c, "check: run %llu takes %llu cycles by the schedule and %llu in RTL (%s)",
                    (unsigned long long)n + 1, (unsigned long long)c->planned[n],
                    (unsigned long long)run.cycles, where);
    return 0;
}

// Runs all, from reset on.
static int rtl_regime(struct checking *c, const struct mr_open_options *with, struct buffer *got) {
    int status = 0;
    void *instance = c->rtl->kernel->open(with, c->error, c->error_size);
    if (!instance)
        return -1;
    for (uint64_t n = 0; n < c->options->runs && status == 0; n++)
        status = rtl_run(c, n, instance, with, got);
    c->rtl->kernel->close(instance);
    return status;
}

// Once more with a waveform, to tell which operation is wrong. Adds to the sentence in c->error.
static void explain(struct checking *c, struct mr_open_options with, struct buffer *got) {
    char path[PATH_MAX + 16], sentence[2048], text[1024] = "";
    snprintf(sentence, sizeof sentence, "%s", c->error);
    snprintf(path, sizeof path, "%s/trace.vcd", c->folder);
    with.trace = path;
    c->explains = true;
    mr_kernel_unload(c->rtl);
    c->rtl = NULL;
    if (check_build_rtl(c, TRACE_VCD) == 0)
        c->rtl = mr_kernel_load(c->rtl_so, c->error, c->error_size);
    if (c->rtl) {
        (void)rtl_regime(c, &with, got);
        find_in_trace(c, path, text, sizeof text);
    }
    snprintf(c->error, c->error_size, "%s%s%s", sentence, *text ? "; " : "", text);
}

int rtl_runs(struct checking *c, uint64_t *random) {
    struct buffer got[MAX_PORTS] = {{0}};
    int status = 0;
    const int regimes = c->options->is_cosim ? 1 : REGIMES;
    for (int regime = 0; regime < regimes && status == 0; regime++) {
        const uint64_t idle = draw(random) % 200 + 8, stall = draw(random) % 200 + 8;
        const bool idles = regime & 1, stalls = regime & 2;
        const struct mr_open_options with = {
            .idle_chance = idles ? (uint32_t)idle : c->options->idle,
            .stall_chance = stalls ? (uint32_t)stall : c->options->stall,
            .seed = draw(random),
            .trace = c->options->trace};
        status = rtl_regime(c, &with, got);
        if (status != 0)
            explain(c, with, got);
    }
    for (uint32_t i = 0; i < MAX_PORTS; i++)
        free(got[i].data);
    return status;
}
