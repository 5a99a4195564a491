// SPDX-License-Identifier: Apache-2.0
// Plans, compiles and builds a network (network_build.h).
#define _GNU_SOURCE
#include "network_build.h"
#include "board_table.h"
#include "build.h"
#include "clock.h"
#include "failure.h"
#include "generate.h"
#include "kernel_hash.h"
#include "timing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell(const struct mr_options *options, const char *text) {
    if (options && options->progress)
        options->progress(options->progress_context, text);
}

struct mr_notes mr_notes_of(const struct mr_options *options) {
    if (!options)
        return (struct mr_notes){0};
    return (struct mr_notes){options->note, options->note_context};
}

// What the caller wants, in the planner's words.
static int make_request(const struct mr_options *options, struct mr_plan_request *request,
                        struct mr_error *error) {
    *request = (struct mr_plan_request){.mode = MR_PLAN_BALANCED};
    if (!options)
        return 0;
    if (options->budget > 100)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "options: a budget of %u %% of the target is not possible; give 1 to 100",
                          (unsigned)options->budget);
    request->budget = options->budget;
    request->dsps = options->dsps;
    request->step_cycles = options->step_cycles;
    request->within_steps = options->within_steps ? options->within_steps : 1;
    request->within_cycles = (uint64_t)options->within_ns * MR_CLOCK_MHZ / 1000;
    if (options->within_ns && (options->choice != MR_LANES_AREA || options->step_cycles))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "options: within_ns is given, which is of MR_LANES_AREA without "
                          "step_cycles; leave the other out");
    if (options->within_ns && request->within_cycles == 0)
        return mr_failure(error, MR_ERROR_PLAN, "within_ns is %u, less than a cycle of %d MHz",
                          (unsigned)options->within_ns, MR_CLOCK_MHZ);
    request->slots = options->slots;
    switch (options->choice) {
    case MR_LANES_BALANCED:
        return 0;
    case MR_LANES_LATENCY:
        request->mode = MR_PLAN_LATENCY;
        return 0;
    case MR_LANES_AREA:
        request->mode = MR_PLAN_AREA;
        return 0;
    case MR_LANES_STEP:
        request->mode = MR_PLAN_STEP;
        return 0;
    case MR_LANES_THROUGHPUT:
        request->mode = MR_PLAN_THROUGHPUT;
        return 0;
    case MR_LANES_GIVEN:
        break;
    default:
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "options: choice is %d, which is no mr_lanes_choice",
                          (int)options->choice);
    }
    request->mode = MR_PLAN_LANES;
    if (!options->lanes || options->lane_count == 0 || options->lane_count > MR_MAX_LAYERS)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "options: %u lanes are given; give one for all layers or one for each, at "
            "most %d",
            (unsigned)options->lane_count, MR_MAX_LAYERS);
    request->layout_count = (int)options->lane_count;
    for (uint32_t i = 0; i < options->lane_count; i++) {
        if (options->lanes[i] == 0 || options->lanes[i] > MR_PLAN_LC)
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "lanes of layer %u: %u columns per cycle are not possible; give 1 to "
                              "%d",
                              (unsigned)i, (unsigned)options->lanes[i], MR_PLAN_LC);
        const uint32_t passes = options->passes ? options->passes[i] : 1;
        if (passes == 0 || passes > MR_MAX_WIDTH)
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "passes[%u] of the options is %u; 1 to %d are possible", (unsigned)i,
                              (unsigned)passes, MR_MAX_WIDTH);
        request->layouts[i] =
            (struct mr_op_layout){.lc = (int)options->lanes[i],
                                  .passes = (int)passes,
                                  .h_first = options->h_first && options->h_first[i]};
    }
    return 0;
}

int mr_card_target(const char *named, const struct mr_target **target, struct mr_error *error) {
    const char *name = named ? named : MR_TARGET_USUAL;
    char text[900], boards[200];
    *target = mr_target_find(name);
    if (*target)
        return 0;
    if (mr_board_find(name))
        return mr_failure(error, MR_ERROR_PLAN,
                          "target %.40s is a board with a folded kernel, and this needs a card for "
                          "a pipeline: %s",
                          name, mr_target_names(text, sizeof text));
    return mr_failure(error, MR_ERROR_PLAN, "target %.40s is not known; known are %s, %s", name,
                      mr_target_names(text, sizeof text), mr_board_names(boards, sizeof boards));
}

// The target of a network that is not built: a board is none, and asks for none.
static int find_any_target(const struct mr_options *options, const struct mr_target **target,
                           struct mr_error *error) {
    if (!options || !options->target || !mr_board_find(options->target))
        return mr_card_target(options ? options->target : NULL, target, error);
    *target = mr_target_at(0);
    return 0;
}

static int choose(const struct mr_network *network, const struct mr_options *options,
                  const struct mr_plan_request *request, struct mr_plan *plan,
                  struct mr_error *error) {
    const struct mr_target *target;
    char text[900];
    if (mr_card_target(options ? options->target : NULL, &target, error))
        return MR_ERROR_PLAN;
    if (mr_plan_choose(network, target, request, plan, text, sizeof text))
        return mr_failure(error, MR_ERROR_PLAN, "%s", text);
    return 0;
}

// The C source of the network, of which the hash is; to be freed. NULL with a sentence.
static char *make_source(struct mr_compiled *compiled, struct mr_error *error) {
    char text[900];
    char *source = mr_generate_network(&compiled->plan, &compiled->pipeline, text, sizeof text);
    if (!source) {
        mr_failure(error, MR_ERROR_BUILD, "%s", text);
        return NULL;
    }
    if (mr_design_hash_make(source, &compiled->hash, error)) {
        free(source);
        return NULL;
    }
    compiled->named = true;
    return source;
}

int mr_compiled_name(struct mr_compiled *compiled, struct mr_error *error) {
    if (compiled->named)
        return 0;
    char *source = make_source(compiled, error);
    if (!source)
        return error ? error->code : MR_ERROR_BUILD;
    free(source);
    return 0;
}

int mr_compiled_complete(struct mr_compiled *compiled, const struct mr_options *options,
                         struct mr_error *error) {
    char text[900];
    if (compiled->report)
        return 0;
    if (mr_hls_find(&compiled->places, text, sizeof text))
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    char *source = make_source(compiled, error);
    if (!source)
        return error ? error->code : MR_ERROR_BUILD;
    const struct mr_hls_build build = {
        .source = source,
        .top = MR_NETWORK_TOP,
        .places = &compiled->places,
        .slots = compiled->plan.slots,
        .encodes = compiled->plan.network->encoder > 0,
        .notes = mr_notes_of(options),
    };
    int failed =
        mr_hls_name(&build, compiled->gen_dir, sizeof compiled->gen_dir, text, sizeof text);
    if (!failed) {
        tell(options, "compiling the network unless it is in the cache (hlsc)");
        failed = mr_hls_compile(&build, compiled->gen_dir, text, sizeof text);
    }
    free(source);
    if (failed)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);

    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/report.json", compiled->gen_dir);
    compiled->report = mr_report_read(path, text, sizeof text);
    if (!compiled->report)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    compiled->clock_mhz = compiled->report->clock_mhz;
    return 0;
}

static void take_plan(const struct mr_plan *plan, struct mr_compiled *compiled) {
    memset(compiled, 0, sizeof *compiled);
    compiled->plan = *plan;
    compiled->clock_mhz = MR_CLOCK_MHZ;
    mr_pipeline_make(&compiled->plan, &compiled->pipeline);
}

int mr_compile_plan(const struct mr_plan *plan, const struct mr_options *options,
                    struct mr_compiled *compiled, struct mr_error *error) {
    take_plan(plan, compiled);
    return mr_compiled_complete(compiled, options, error);
}

int mr_plan_network(const struct mr_network *network, const struct mr_options *options,
                    struct mr_compiled *compiled, struct mr_error *error) {
    struct mr_plan_request request;
    struct mr_plan plan;
    memset(compiled, 0, sizeof *compiled);
    int code = make_request(options, &request, error);
    if (!code)
        code = choose(network, options, &request, &plan, error);
    if (!code)
        take_plan(&plan, compiled);
    return code;
}

int mr_plan_anyhow(const struct mr_network *network, const struct mr_options *options,
                   struct mr_compiled *compiled, struct mr_error *error) {
    struct mr_plan_request request;
    struct mr_op_layout layouts[MR_MAX_LAYERS] = {0};
    struct mr_plan plan;
    const struct mr_target *target;
    char text[900];
    memset(compiled, 0, sizeof *compiled);
    int code = make_request(options, &request, error);
    // Lanes that are named are looked at, and the planner knows how many slots are best.
    if (!code && (request.mode == MR_PLAN_LANES ||
                  (request.mode == MR_PLAN_THROUGHPUT && request.slots == 0)))
        return mr_plan_network(network, options, compiled, error);
    if (!code)
        code = find_any_target(options, &target, error);
    if (code)
        return code;
    const int slots = request.slots ? (int)request.slots : 1;
    for (int l = 0; l < mr_network_layers(network); l++)
        layouts[l] = (struct mr_op_layout){
            .lc = mr_plan_least_lc(mr_network_layer(network, l), slots), .passes = 1};
    if (mr_plan_evaluate(network, layouts, slots, &plan, text, sizeof text))
        return mr_failure(error, MR_ERROR_PLAN, "%s", text);
    plan.target = target;
    take_plan(&plan, compiled);
    return 0;
}

// Compiles plans until one takes a sequence in time: what is only about right of the planner's
// cycles, the compiler's first report tells.
static int compile_within(const struct mr_network *network, const struct mr_options *options,
                          struct mr_plan_request *request, struct mr_compiled *compiled,
                          struct mr_error *error) {
    enum { TRIES = 8 };
    const int64_t limit = (int64_t)request->within_cycles;
    for (int try = 0; try < TRIES; try++) {
        struct mr_plan plan;
        struct mr_timing_result timing;
        char text[300];
        int code = choose(network, options, request, &plan, error);
        if (!code)
            code = mr_compile_plan(&plan, options, compiled, error);
        if (code)
            return code;
        if (mr_timing_run(compiled->report, plan.slots, 1, request->within_steps, &timing, text,
                          sizeof text))
            return mr_failure(error, MR_ERROR_PLAN, "%s", text);
        const int64_t cycles = (int64_t)timing.cycles;
        if (try > 0 && cycles <= limit)
            return 0;
        if (try > 0)
            request->within_more += cycles - limit;
        else
            request->within_more =
                cycles - (int64_t)mr_plan_sequence_cycles(&plan, request->within_steps);
        mr_compiled_free(compiled);
    }
    return mr_failure(error, MR_ERROR_PLAN,
                      "no plan takes %u step%s in %lld cycles (%.2f us); give it more time, or ask "
                      "for --latency or --step-latency",
                      (unsigned)request->within_steps, mr_plural(request->within_steps),
                      (long long)limit, (double)limit / MR_CLOCK_MHZ);
}

int mr_compile_network(const struct mr_network *network, const struct mr_options *options,
                       struct mr_compiled *compiled, struct mr_error *error) {
    struct mr_plan_request request;
    struct mr_plan plan;
    memset(compiled, 0, sizeof *compiled);
    int code = make_request(options, &request, error);
    if (!code && request.within_cycles)
        return compile_within(network, options, &request, compiled, error);
    if (!code)
        code = choose(network, options, &request, &plan, error);
    return code ? code : mr_compile_plan(&plan, options, compiled, error);
}

void mr_compiled_free(struct mr_compiled *compiled) {
    mr_report_free(compiled->report);
    compiled->report = NULL;
}

int mr_compiled_build(const struct mr_compiled *compiled, enum mr_flavour flavour, bool trace,
                      const struct mr_options *options, char *so_path, size_t so_path_size,
                      struct mr_error *error) {
    const struct mr_build build = {
        .data_dir = compiled->places.data_dir,
        .gen_dir = compiled->gen_dir,
        .top = MR_NETWORK_TOP,
        .cache_dir = compiled->places.cache_dir,
        .trace = flavour == MR_FLAVOUR_RTL && trace,
        .merged = true,
        .notes = mr_notes_of(options),
    };
    char text[900];
    tell(options, flavour == MR_FLAVOUR_RTL
                      ? "building the simulator unless it is in the cache (verilator)"
                      : "building the hardware's C unless it is in the cache (cc)");
    const int failed = flavour == MR_FLAVOUR_RTL
                           ? mr_build_rtl(&build, so_path, so_path_size, text, sizeof text)
                           : mr_build_model(&build, so_path, so_path_size, text, sizeof text);
    return failed ? mr_failure(error, MR_ERROR_BUILD, "%s", text) : 0;
}
