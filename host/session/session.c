// SPDX-License-Identifier: Apache-2.0
// Sessions: a model on an open device. Turns float steps into the device's integers, cuts long
// calls into device runs, and turns results and counters back.
#define _POSIX_C_SOURCE 200809L
#include "session.h"
#include "failure.h"
#include "model_handle.h"
#include "op.h"
#include "options.h"
#include "plan_report.h"
#include "text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Bytes of quantised input that one device run takes at most, unless a single sequence is longer.
enum { RUN_BYTES = 1 << 28 };

static int32_t *make_output_row(const struct mr_network *network) {
    int most = 1;
    for (int o = 0; o < network->output_count; o++) {
        const int width = network->streams[network->outputs[o].stream].width;
        most = width > most ? width : most;
    }
    return calloc((size_t)most, sizeof(int32_t));
}

struct mr_session *mr_session_open(const struct mr_model *model, const char *uri,
                                   const struct mr_options *given, struct mr_error *error) {
    struct mr_options own;
    const struct mr_options *const options = &own;
    if (!model) {
        mr_failure(error, MR_ERROR_ARGUMENT, "mr_session_open: the model is NULL");
        return NULL;
    }
    if (!uri)
        uri = "auto:";
    if (mr_options_take(given, &own, error))
        return NULL;
    const char *fallback = options->fallback;
    if (mr_session_check_uri(uri, error) || (fallback && !mr_device_find(fallback, error)))
        return NULL;
    struct mr_session *session = calloc(1, sizeof *session);
    if (!session) {
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", uri);
        return NULL;
    }
    session->model = model;
    session->network = mr_model_network(model);
    session->inputs = (uint32_t)session->network->streams[0].width;
    if (mr_compile_network(session->network, options, &session->compiled, error)) {
        mr_session_close(session);
        return NULL;
    }
    session->slots = (uint32_t)session->compiled.plan.slots;
    mr_session_reset(session);
    const int lc = session->compiled.plan.x_lc;
    session->row = (uint32_t)(mr_plan_words((int)session->inputs, lc) * lc);
    session->y_row = make_output_row(session->network);
    if (!session->y_row) {
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", uri);
        mr_session_close(session);
        return NULL;
    }
    struct mr_device_found chosen;
    uri = mr_session_resolve(uri, &session->compiled, options, &chosen);
    session->options = *options;
    if (session->options.bitstreams) {
        snprintf(session->bitstreams, sizeof session->bitstreams, "%s",
                 session->options.bitstreams);
        session->options.bitstreams = session->bitstreams;
    }
    if ((fallback && mr_resume_open(session, fallback, error)) ||
        mr_session_attach(session, uri, error)) {
        mr_session_close(session);
        return NULL;
    }
    // The caller's texts need not outlive this call.
    session->options.target = session->options.trace = session->options.fallback = NULL;
    session->options.lanes = session->options.passes = session->options.h_first = NULL;
    if (mr_cuts_open(session, error)) {
        mr_session_close(session);
        return NULL;
    }
    return session;
}

void mr_session_close(struct mr_session *session) {
    if (!session)
        return;
    mr_session_detach(session);
    mr_resume_close(session->resume);
    mr_cuts_close(session);
    mr_compiled_free(&session->compiled);
    free(session->x);
    free(session->y);
    free(session->y_row);
    free(session);
}

const char *mr_session_device(const struct mr_session *session) {
    return session ? session->device_text : "";
}

const char *mr_session_error(const struct mr_session *session) {
    return session ? session->error.text : "the session is NULL";
}

int mr_session_check_numbers(struct mr_session *session, const float *x, uint64_t sequences,
                             uint64_t steps) {
    const uint64_t count = sequences * steps * session->inputs;
    for (uint64_t i = 0; i < count; i++)
        if (!isfinite(x[i])) {
            const uint64_t step = i / session->inputs;
            return mr_failure(&session->error, MR_ERROR_INPUT,
                              "the input is %s at sequence %llu, step %llu, feature %llu (counted "
                              "from 0); every number must be finite",
                              isnan(x[i]) ? "NaN" : "infinite", (unsigned long long)(step / steps),
                              (unsigned long long)(step % steps),
                              (unsigned long long)(i % session->inputs));
        }
    char text[300];
    if (mr_check_entries(session->network, x, sequences, steps, text, sizeof text))
        return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Of a sequence, as a device gives it.
static uint64_t output_bytes(const struct mr_session *session, uint64_t steps) {
    const struct mr_plan *plan = &session->compiled.plan;
    return mr_plan_output_words(plan, steps) * mr_element_bytes(mr_plan_element_bits(plan->y_lc));
}

int mr_session_check_call(struct mr_session *session, uint64_t sequences, uint64_t steps,
                          uint32_t flags) {
    struct mr_error *error = &session->error;
    char text[300];
    if (flags & ~(uint32_t)MR_RUN_CONTINUE)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run: flags 0x%x are not known; known is MR_RUN_CONTINUE",
                          flags);
    if (sequences == 0 || steps == 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run: %llu sequence%s of %llu step%s; both must be at least 1",
                          (unsigned long long)sequences, mr_plural(sequences),
                          (unsigned long long)steps, mr_plural(steps));
    // No machine has the memory for x beyond this, and the products below must not overflow.
    if (steps > MR_STEPS_MAX || sequences > (UINT64_MAX >> 20) / steps / session->row ||
        sequences > (UINT64_MAX >> 20) / output_bytes(session, steps))
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_run: %llu sequence%s of %llu step%s cannot be one call; a sequence may "
            "have %u steps",
            (unsigned long long)sequences, mr_plural(sequences), (unsigned long long)steps,
            mr_plural(steps), MR_STEPS_MAX);
    if (mr_plan_turns(&session->compiled.plan, least(sequences, session->slots), steps) >
        MR_STEPS_MAX)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_run: %llu sequence%s of %llu steps are too long where %u have "
            "their turns; a run has %u turns at most",
            (unsigned long long)sequences, mr_plural(sequences), (unsigned long long)steps,
            (unsigned)session->slots, MR_STEPS_MAX);
    const struct mr_op *pool = mr_network_pool(session->network);
    if (pool && ((flags & MR_RUN_CONTINUE) || steps >> pool->kind->pool_bits != 0))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run: the network's '%s' needs all steps of a sequence at "
                          "once, so give whole sequences, of less than 2^%d steps, in one call "
                          "without MR_RUN_CONTINUE",
                          pool->name, pool->kind->pool_bits);
    if (mr_network_check_steps(session->network, steps, text, sizeof text))
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_session_run: %s", text);
    if ((flags & MR_RUN_CONTINUE) && sequences > session->slots)
        return session->slots == 1
                   ? mr_failure(error, MR_ERROR_ARGUMENT,
                                "mr_session_run: MR_RUN_CONTINUE takes one sequence and %llu are "
                                "given, for there is one state",
                                (unsigned long long)sequences)
                   : mr_failure(error, MR_ERROR_ARGUMENT,
                                "mr_session_run: MR_RUN_CONTINUE takes %u sequences at most and "
                                "%llu are given, for there are as many slots",
                                (unsigned)session->slots, (unsigned long long)sequences);
    return mr_session_check_device(session);
}

// Whole pages, which a card's DMA can take from here without a copy.
static void *make_pages(size_t size) {
    enum { PAGE = 4096 };
    return size > SIZE_MAX - PAGE ? NULL : aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
}

static int make_room(struct mr_session *session, size_t x_count, size_t y_size) {
    if (x_count > session->x_capacity) {
        free(session->x);
        session->x_capacity = 0;
        session->x = make_pages(x_count * sizeof *session->x);
        if (!session->x)
            return -1;
        session->x_capacity = x_count;
    }
    if (y_size > session->y_capacity) {
        free(session->y);
        session->y_capacity = 0;
        session->y = make_pages(y_size);
        if (!session->y)
            return -1;
        session->y_capacity = y_size;
    }
    return 0;
}

// What is left of a job, after a failure too: the sequences that are done stay done.
static int run_device(struct mr_session *session, struct mr_job *job, struct mr_error *error) {
    struct mr_job part = mr_job_rest(job, &session->info);
    if (session->activity)
        memset(session->activity, 0, session->info.process_count * sizeof *session->activity);
    part.probes = session->cuts.probes;
    memset(part.probes, 0, session->info.probe_count * sizeof *part.probes);
    int code = part.sequences ? mr_device_run(session->device, &part, error) : 0;
    mr_cuts_take_probes(session);
    job->done += part.done;
    job->cycles = part.cycles;
    job->last_output_cycle = part.last_output_cycle;
    if (code)
        return code;
    code = mr_resume_note(session, job, error);
    if (code) {
        job->done = 0; // the device failed behind its last result: the state after it is lost
        mr_cuts_restart(session);
    }
    return code;
}

// Where the outputs of a call go; NULL: not wanted.
struct sinks {
    float *y[MR_MAX_OUTPUTS];
};

// From sequence `first` on.
static struct sinks sinks_from(const struct mr_session *session, const struct sinks *sinks,
                               uint64_t first, uint64_t steps) {
    struct sinks later = {{NULL}};
    for (int o = 0; o < session->network->output_count; o++)
        if (sinks->y[o])
            later.y[o] = sinks->y[o] + first * mr_output_numbers(session->network, o, steps);
    return later;
}

// Which row of a call is the nth of its device run, in which sequences have their turns
// (hls/kernels/frame/slots.h).
struct place {
    uint64_t sequence, step;
};

static struct place place_of(const struct mr_session *session, uint32_t sequences, uint32_t steps,
                             uint64_t row) {
    const uint64_t group = (uint64_t)session->slots * steps, first = row / group * session->slots;
    const uint64_t turns = least(session->slots, sequences - first), at = row % group;
    return (struct place){first + at % turns, at / turns};
}

// The next row of an output, from number *at of what a device gave on.
static const int32_t *next_output(const struct mr_session *session, int width, size_t *at) {
    const int lc = session->compiled.plan.y_lc;
    const size_t from = *at;
    if (!lc) {
        *at += (size_t)width;
        return (const int32_t *)session->y + from;
    }
    *at += (size_t)(mr_plan_words(width, lc) * lc);
    for (int i = 0; i < width; i++)
        session->y_row[i] = ((const int16_t *)session->y)[from + (size_t)i];
    return session->y_row;
}

// A device gives at each row the elements of all outputs that have a row then (pipeline.h).
static void part_outputs(const struct mr_session *session, uint32_t sequences, uint32_t steps,
                         const struct sinks *sinks) {
    const struct mr_network *network = session->network;
    size_t at = 0;
    for (uint64_t row = 0; row < (uint64_t)sequences * steps; row++) {
        const struct place place = place_of(session, sequences, steps, row);
        for (int o = 0; o < network->output_count; o++) {
            const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
            const bool per_step = stream->rate == MR_PER_STEP;
            const uint64_t to = per_step ? place.sequence * steps + place.step : place.sequence;
            if (!per_step && place.step != steps - 1)
                continue;
            const int32_t *from = next_output(session, stream->width, &at);
            if (sinks->y[o])
                mr_quantised_output(network, o, from, 1,
                                    sinks->y[o] + to * (uint64_t)stream->width);
        }
    }
}

// All rows of a device run, as it takes them.
static int quantise(struct mr_session *session, const float *x, uint32_t sequences,
                    uint32_t steps) {
    char text[900];
    for (uint64_t row = 0; row < (uint64_t)sequences * steps; row++) {
        const struct place place = place_of(session, sequences, steps, row);
        const float *from = x + (place.sequence * steps + place.step) * session->inputs;
        int16_t *to = session->x + row * session->row;
        if (mr_quantise_input(session->network, from, 1, to, session->cuts.new_inputs, text,
                              sizeof text))
            return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
        memset(to + session->inputs, 0, (session->row - session->inputs) * sizeof *to);
    }
    return 0;
}

// One device run: quantise, run, scale back.
static int run_once(struct mr_session *session, const float *x, uint32_t sequences, uint32_t steps,
                    bool reset, const struct sinks *sinks, uint64_t *cycles) {
    const struct mr_plan *plan = &session->compiled.plan;
    const size_t rows = (size_t)sequences * steps;
    struct mr_error reason;
    if (make_room(session, rows * session->row, sequences * output_bytes(session, steps)))
        return mr_failure(&session->error, MR_ERROR_MEMORY,
                          "not enough memory for %u sequence%s of %u step%s; run fewer at a time",
                          sequences, mr_plural(sequences), steps, mr_plural(steps));
    mr_cuts_begin(session);
    const int code = quantise(session, x, sequences, steps);
    if (code)
        return code;
    struct mr_job job = {
        .sequences = sequences,
        .steps = steps,
        .flags = reset ? MR_FLAG_RESET : 0,
        .in = {{"x", session->x, rows * (uint64_t)mr_plan_words((int)session->inputs, plan->x_lc)}},
        .out = {{"y", session->y, sequences * mr_plan_output_words(plan, steps)}},
        .activity = session->activity,
        .timeline = session->timeline,
    };
    while (run_device(session, &job, &reason)) {
        if (!mr_resume(session, &reason)) {
            mr_session_reset(session);
            return mr_failure(&session->error, reason.code, "%s", reason.text);
        }
        job.activity = session->activity;
        job.timeline = session->timeline;
    }
    session->fresh &= ~mr_session_slot_set(least(sequences, session->slots));
    mr_cuts_end(session, sequences, rows);
    session->activity_steps = rows;
    part_outputs(session, sequences, steps, sinks);
    // The device's own count ends when all its processes rest; a result is there when it is handed
    // over.
    *cycles += job.cycles ? job.last_output_cycle + 1 : 0;
    return 0;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void fill_stats(const struct mr_session *session, uint64_t cycles, uint32_t device_runs,
                       uint64_t sequences, uint64_t steps, double seconds, struct mr_stats *stats) {
    const struct mr_plan *plan = &session->compiled.plan;
    const struct mr_timing_result measured = {
        .cycles = cycles, .sequences = sequences, .steps = steps};
    struct mr_plan_figures figures = {0};
    char text[200];
    *stats = (struct mr_stats){.device_runs = device_runs,
                               .clock_mhz = session->compiled.clock_mhz,
                               .microseconds = seconds * 1e6};
    for (int i = 0; i < session->network->op_count; i++) {
        const uint64_t rows = sequences * (mr_plan_per_step(plan, i) ? steps : 1);
        stats->multiplications += rows * plan->ops[i].cost.useful;
    }
    if (cycles && mr_plan_figures(plan, session->compiled.report, &measured, &figures, text,
                                  sizeof text) == 0) {
        stats->cycles = cycles;
        stats->microseconds = figures.microseconds;
        stats->utilisation = figures.utilisation;
        stats->multipliers = (uint32_t)figures.multipliers;
    }
}

// Sequences that go into one device run, so that each goes through its slot.
static uint64_t portion_of(const struct mr_session *session, uint64_t steps) {
    if (mr_network_starts(session->network)) // whose states are written before
        return session->slots;
    const uint64_t x_bytes = steps * session->row * sizeof(int16_t);
    const uint64_t y_bytes = output_bytes(session, steps);
    const uint64_t portion =
        least(RUN_BYTES / (x_bytes > y_bytes ? x_bytes : y_bytes), MR_STEPS_MAX / steps);
    return portion < session->slots ? session->slots : portion - portion % session->slots;
}

// The arguments have been checked.
static int run_call(struct mr_session *session, const float *x, uint64_t sequences, uint64_t steps,
                    uint32_t flags, const uint64_t *numbers, const struct sinks *sinks,
                    struct mr_stats *stats) {
    const uint64_t portion = portion_of(session, steps);
    bool reset = !(flags & MR_RUN_CONTINUE);
    const bool starts = reset && mr_network_starts(session->network) > 0;
    const double start = seconds_now();
    uint64_t cut_inputs, cut_values; // before
    mr_cuts_total(session, &cut_inputs, &cut_values);
    uint64_t cycles = 0;
    uint32_t device_runs = 0;
    int code = reset ? 0 : mr_session_go_on(session, (uint32_t)sequences, &reset);
    if (session->timeline)
        mr_timeline_clear(session->timeline);
    for (uint64_t done = 0; done < sequences && !code; done += portion) {
        const uint64_t left = sequences - done, now = left < portion ? left : portion;
        const struct sinks to = sinks_from(session, sinks, done, steps);
        if (starts && (code = mr_session_start(session, done, sequences, numbers)))
            break;
        code = run_once(session, x + done * steps * session->inputs, (uint32_t)now, (uint32_t)steps,
                        reset && !starts, &to, &cycles);
        device_runs++;
    }
    if (code && session->timeline)
        mr_timeline_clear(session->timeline);
    if (!code && stats) {
        fill_stats(session, cycles, device_runs, sequences, steps, seconds_now() - start, stats);
        mr_cuts_total(session, &stats->cut_inputs, &stats->cut_values);
        stats->cut_inputs -= cut_inputs;
        stats->cut_values -= cut_values;
    }
    return code;
}

int mr_session_run_call(struct mr_session *session, const float *x, uint64_t sequences,
                        uint64_t steps, const uint64_t *numbers, float *const *y,
                        struct mr_stats *stats) {
    struct sinks sinks = {{NULL}};
    for (int o = 0; o < session->network->output_count; o++)
        sinks.y[o] = y[o];
    return run_call(session, x, sequences, steps, 0, numbers, &sinks, stats);
}

// A model may say that its sequences are not all as long.
static int run_checked(struct mr_session *session, const float *x, uint64_t sequences,
                       uint64_t steps, uint32_t flags, const struct sinks *sinks,
                       struct mr_stats *stats) {
    return session->network->lengths && !(flags & MR_RUN_CONTINUE)
               ? mr_session_run_own(session, x, sequences, steps, sinks->y, stats)
               : run_call(session, x, sequences, steps, flags, NULL, sinks, stats);
}

int mr_session_check_run(struct mr_session *session, const float *x, uint64_t sequences,
                         uint64_t steps) {
    int code = mr_session_check_call(session, sequences, steps, 0);
    if (!code)
        code = mr_session_check_call(session, least(sequences, session->slots), steps,
                                     MR_RUN_CONTINUE);
    return code ? code : mr_session_check_numbers(session, x, sequences, steps);
}

int mr_session_run(struct mr_session *session, const float *x, uint64_t sequences, uint64_t steps,
                   uint32_t flags, float *y, struct mr_stats *stats) {
    struct sinks sinks = {{NULL}};
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!x || !y)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT, "mr_session_run: %s is NULL",
                          x ? "y" : "x");
    int code = mr_session_check_call(session, sequences, steps, flags);
    if (!code)
        code = mr_session_check_numbers(session, x, sequences, steps);
    for (int o = 0; o < session->network->output_count && !code; o++) {
        sinks.y[o] = y;
        y += sequences * mr_output_numbers(session->network, o, steps);
    }
    return code ? code : run_checked(session, x, sequences, steps, flags, &sinks, stats);
}

// Where the wanted outputs go, or a sentence.
static int find_outputs(struct mr_session *session, const struct mr_output *outputs,
                        uint32_t output_count, uint64_t sequences, uint64_t steps,
                        struct sinks *sinks) {
    const struct mr_network *network = session->network;
    struct mr_error *error = &session->error;
    for (uint32_t i = 0; i < output_count; i++) {
        int o = 0;
        if (!outputs[i].name || !outputs[i].data)
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "mr_session_run_named: name or data of output %u is NULL", i);
        while (o < network->output_count && strcmp(network->outputs[o].name, outputs[i].name) != 0)
            o++;
        if (o == network->output_count)
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "mr_session_run_named: the model has no output '%.100s'; its first "
                              "one of %d is '%.100s'",
                              outputs[i].name, network->output_count, network->outputs[0].name);
        if (sinks->y[o])
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "mr_session_run_named: output '%.100s' is named twice",
                              outputs[i].name);
        const uint64_t count = sequences * mr_output_numbers(network, o, steps);
        if (outputs[i].count != count)
            return mr_failure(error, MR_ERROR_ARGUMENT,
                              "mr_session_run_named: output '%.100s' has room for %llu numbers; "
                              "%llu are needed for %llu sequence%s of %llu step%s",
                              outputs[i].name, (unsigned long long)outputs[i].count,
                              (unsigned long long)count, (unsigned long long)sequences,
                              mr_plural(sequences), (unsigned long long)steps, mr_plural(steps));
        sinks->y[o] = outputs[i].data;
    }
    return 0;
}

static int find_input(struct mr_session *session, const struct mr_input *inputs, uint32_t count,
                      uint64_t sequences, uint64_t steps) {
    const char *name = session->network->input_name;
    struct mr_error *error = &session->error;
    const uint64_t numbers = sequences * steps * session->inputs;
    if (!inputs || count != 1 || !inputs->name || strcmp(inputs->name, name) != 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run_named: the model takes one input, '%.100s'", name);
    if (!inputs->data)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run_named: the data of input '%.100s' is NULL", name);
    if (inputs->count != numbers)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_run_named: input '%.100s' has %llu numbers; %llu are needed for %llu "
            "sequence%s of %llu step%s",
            name, (unsigned long long)inputs->count, (unsigned long long)numbers,
            (unsigned long long)sequences, mr_plural(sequences), (unsigned long long)steps,
            mr_plural(steps));
    return mr_session_check_numbers(session, inputs->data, sequences, steps);
}

int mr_session_run_named(struct mr_session *session, const struct mr_input *inputs,
                         uint32_t input_count, const struct mr_output *outputs,
                         uint32_t output_count, uint64_t sequences, uint64_t steps, uint32_t flags,
                         struct mr_stats *stats) {
    struct sinks sinks = {{NULL}};
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!outputs || output_count == 0)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT,
                          "mr_session_run_named: no output is wanted");
    int code = mr_session_check_call(session, sequences, steps, flags);
    if (!code)
        code = find_outputs(session, outputs, output_count, sequences, steps, &sinks);
    if (!code)
        code = find_input(session, inputs, input_count, sequences, steps);
    return code ? code : run_checked(session, inputs->data, sequences, steps, flags, &sinks, stats);
}

int mr_session_step(struct mr_session *session, const float *x, float *y, struct mr_stats *stats) {
    return mr_session_run(session, x, 1, 1, MR_RUN_CONTINUE, y, stats);
}

uint32_t mr_session_process_count(const struct mr_session *session) {
    return session && session->activity ? session->info.process_count : 0;
}

int mr_session_process(const struct mr_session *session, uint32_t index,
                       struct mr_process_info *info) {
    if (!info || index >= mr_session_process_count(session))
        return MR_ERROR_ARGUMENT;
    const struct mr_activity *activity = &session->activity[index];
    const struct mr_plan *plan = &session->compiled.plan;
    *info = (struct mr_process_info){
        .name = session->info.processes[index],
        .busy = activity->busy,
        .starved = activity->starved,
        .blocked = activity->blocked,
        .first_busy = activity->first_busy,
        .last_busy = activity->last_busy,
    };
    const struct mr_op *op = NULL;
    for (int i = 0; i < session->network->op_count; i++)
        if (strcmp(session->network->ops[i].name, info->name) == 0)
            op = &session->network->ops[i];
    // The cells of the last step run on behind its last column.
    if (op && op->kind->recurrent && activity->last_busy > activity->first_busy &&
        session->activity_steps)
        info->cycles_per_step = ((double)(activity->last_busy - activity->first_busy) + 1 -
                                 plan->ops[op - session->network->ops].cost.tail) /
                                (double)session->activity_steps;
    return 0;
}

uint32_t mr_session_timeline(const struct mr_session *session, uint32_t index,
                             struct mr_sample *samples, uint32_t capacity) {
    if (!session || !session->timeline || index >= mr_session_process_count(session))
        return 0;
    const struct mr_timeline *timeline = session->timeline;
    for (uint32_t i = 0; samples && i < timeline->count && i < capacity; i++) {
        const struct mr_counts *counts =
            &timeline->counts[(size_t)i * timeline->process_count + index];
        samples[i] = (struct mr_sample){.cycle = timeline->cycles[i],
                                        .busy = counts->busy,
                                        .starved = counts->starved,
                                        .blocked = counts->blocked};
    }
    return timeline->count;
}
