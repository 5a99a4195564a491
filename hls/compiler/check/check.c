// SPDX-License-Identifier: Apache-2.0
// hlsc check: all runs through the C model, then the same runs through the interpreters of the
// operations and of the schedule, and through the RTL.
#define _GNU_SOURCE
#include "check_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int runs_without_clock(struct checking *c, uint64_t *random) {
    struct limit *limit = limit_begin(c, "the kernel as C");
    int status = model_runs(c, random);
    limit_end(limit);
    if (status != 0)
        return -1;
    limit = limit_begin(c, "the kernel in the interpreters");
    status = interpret_runs(c);
    limit_end(limit);
    return status;
}

static int runs_of_rtl(struct checking *c, uint64_t *random) {
    if (c->options->without_rtl)
        return 0;
    if (check_build_rtl(c, c->options->trace ? TRACE_FST : TRACE_NONE) != 0)
        return -1;
    c->activity = calloc((size_t)c->made.net->process_count, sizeof *c->activity);
    if (!c->activity)
        return FAIL(c, "hlsc: error: out of memory");
    c->rtl = mr_kernel_load(c->rtl_so, c->error, c->error_size);
    return c->rtl ? rtl_runs(c, random) : -1;
}

static int check_all(struct checking *c) {
    uint64_t random = c->seed;
    if (check_build_model(c) != 0 || find_ports(c) != 0 || find_probes(c) != 0 ||
        find_edges(c) != 0 || open_vectors(c) != 0 || open_model(c) != 0 ||
        runs_without_clock(c, &random) != 0)
        return -1;
    int status = runs_of_rtl(c, &random);
    if (status == 0 && c->held[0])
        status = FAIL(c, "%s", c->held);
    if (close_vectors(c, status == 0) != 0 || status != 0)
        return -1;
    uint64_t in = 0, out = 0, planned = 0;
    for (uint64_t n = 0; n < c->options->runs; n++) {
        for (uint32_t i = 0; i < c->ins; i++)
            in += c->runs[n].taken[i];
        for (uint32_t i = 0; i < c->outs; i++)
            out += c->runs[n].out[i].count;
        planned += c->planned[n];
    }
    printf("%s: %llu runs, %llu elements in, %llu out, %llu cycles: C, operations%s agree\n",
           c->options->is_cosim ? "cosim" : "check", (unsigned long long)c->options->runs,
           (unsigned long long)in, (unsigned long long)out,
           (unsigned long long)(c->options->without_rtl ? planned : c->cycles),
           c->options->without_rtl ? " and schedule" : ", schedule and RTL");
    return 0;
}

int check(const struct compile_options *compile_with, const struct check_options *options,
          char *error, size_t error_size) {
    if (options->vectors == 0 || options->vectors > max_elements || options->runs == 0 ||
        options->runs > MAX_RUNS) {
        snprintf(error, error_size,
                 "check: --vectors must be from 1 to %llu and --runs from 1 to %d",
                 (unsigned long long)max_elements, MAX_RUNS);
        return -1;
    }
    struct checking *c = calloc(1, sizeof *c);
    struct check_run *runs = calloc((size_t)options->runs, sizeof *runs);
    uint64_t *planned = calloc((size_t)options->runs, sizeof *planned);
    int status = -1;
    if (!c || !runs || !planned) {
        snprintf(error, error_size, "hlsc: error: out of memory");
        goto out;
    }
    *c = (struct checking){
        .compile_with = compile_with, .options = options, .runs = runs, .planned = planned};
    c->error = error;
    c->error_size = error_size;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t clock_seed =
        (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec ^ ((uint64_t)getpid() << 20);
    c->seed = options->has_seed ? options->seed : draw(&clock_seed) % 1000000000u;
    printf("seed %llu\n", (unsigned long long)c->seed);
    fflush(stdout);
    status = check_all(c);
    if (status != 0 && options->is_cosim && strncmp(error, "check: ", 7) == 0)
        memcpy(error, "cosim", 5);
    mr_kernel_unload(c->model);
    mr_kernel_unload(c->rtl);
    (void)close_vectors(c, false);
    compiled_free(&c->made);
    free(c->activity);
    if (c->folder[0])
        check_remove_folder(c->folder);
out:
    for (uint64_t n = 0; runs && n < options->runs; n++)
        for (uint32_t i = 0; i < MAX_PORTS; i++) {
            free(runs[n].in[i].data);
            free(runs[n].out[i].data);
        }
    free(runs);
    free(planned);
    free(c);
    return status;
}
