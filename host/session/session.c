// SPDX-License-Identifier: Apache-2.0
// Sessions: a model on an open device. Turns float steps into the device's integers, cuts long
// calls into device runs, and turns results and counters back.
#define _POSIX_C_SOURCE 200809L
#include "session.h"
#include "failure.h"
#include "model_handle.h"
#include "options.h"
#include "plan_report.h"
#include "state_image.h"
#include "weights_image.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Bytes of quantised input that one device run takes at most, unless a single sequence is longer.
enum { RUN_BYTES = 1 << 28 };

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
    session->quantised = mr_model_quantised(model);
    session->fresh = true;
    if (mr_compile_shape(mr_model_shape(model), options, &session->compiled, error)) {
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
    session->options.lanes = NULL;
    const struct mr_plan_layer *first = &session->compiled.plan.layers[0];
    session->inputs = (uint32_t)first->inputs;
    session->outputs = (uint32_t)session->compiled.plan.head.outputs;
    session->row = (uint32_t)first->x_words * (uint32_t)first->lc;
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
    free(session);
}

const char *mr_session_device(const struct mr_session *session) {
    return session ? session->device_text : "";
}

const char *mr_session_error(const struct mr_session *session) {
    return session ? session->error.text : "the session is NULL";
}

void mr_session_reset(struct mr_session *session) {
    if (session)
        session->fresh = true;
}

static int check_finite(struct mr_session *session, const float *x, uint64_t sequences,
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
    return 0;
}

// After a failure of the device and of the fallback as well there is none.
static int check_device(struct mr_session *session) {
    return session->device
               ? 0
               : mr_failure(&session->error, MR_ERROR_DEVICE,
                            "the session has no device any more, as its fallback failed as well; "
                            "open another session");
}

static int check_call(struct mr_session *session, const float *x, uint64_t sequences,
                      uint64_t steps, uint32_t flags, const float *y) {
    struct mr_error *error = &session->error;
    if (!x || !y)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_session_run: %s is NULL", x ? "y" : "x");
    if (flags & ~(uint32_t)MR_RUN_CONTINUE)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run: flags 0x%x are not known; known is MR_RUN_CONTINUE",
                          flags);
    if (sequences == 0 || steps == 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run: %llu sequences of %llu steps; both must be at least 1",
                          (unsigned long long)sequences, (unsigned long long)steps);
    // No machine has the memory for x beyond this, and the products below must not overflow.
    if (steps > UINT32_MAX || sequences > (UINT64_MAX >> 20) / steps / session->row)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_run: %llu sequences of %llu steps are too many; a sequence may "
            "have %u steps",
            (unsigned long long)sequences, (unsigned long long)steps, UINT32_MAX);
    if ((flags & MR_RUN_CONTINUE) && sequences != 1)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_run: MR_RUN_CONTINUE takes one sequence and %llu are given, for "
            "there is one state",
            (unsigned long long)sequences);
    return check_finite(session, x, sequences, steps);
}

// Whole pages, which a card's DMA can take from here without a copy.
static void *make_pages(size_t size) {
    enum { PAGE = 4096 };
    return size > SIZE_MAX - PAGE ? NULL : aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
}

static int make_room(struct mr_session *session, size_t x_count, size_t y_count) {
    if (x_count > session->x_capacity) {
        free(session->x);
        session->x_capacity = 0;
        session->x = make_pages(x_count * sizeof *session->x);
        if (!session->x)
            return -1;
        session->x_capacity = x_count;
    }
    if (y_count > session->y_capacity) {
        free(session->y);
        session->y_capacity = 0;
        session->y = make_pages(y_count * sizeof *session->y);
        if (!session->y)
            return -1;
        session->y_capacity = y_count;
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

// One device run: quantise, run, scale back.
static int run_once(struct mr_session *session, const float *x, uint32_t sequences, uint32_t steps,
                    bool reset, float *y, uint64_t *cycles) {
    const size_t rows = (size_t)sequences * steps, outputs = (size_t)sequences * session->outputs;
    struct mr_error reason;
    char text[900];
    if (make_room(session, rows * session->row, outputs))
        return mr_failure(&session->error, MR_ERROR_MEMORY,
                          "not enough memory for %u sequences of %u steps; run fewer at a time",
                          sequences, steps);
    mr_cuts_begin(session);
    for (size_t i = 0; i < rows; i++) {
        int16_t *to = session->x + i * session->row;
        if (mr_quantise_input(session->quantised, x + i * session->inputs, 1, to,
                              session->cuts.new_inputs, text, sizeof text))
            return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
        memset(to + session->inputs, 0, (session->row - session->inputs) * sizeof *to);
    }
    struct mr_job job = {
        .sequences = sequences,
        .steps = steps,
        .flags = reset ? MR_FLAG_RESET : 0,
        .in = {{"x", session->x, rows * (uint64_t)session->compiled.plan.layers[0].x_words}},
        .out = {{"y", session->y, outputs}},
        .activity = session->activity,
        .timeline = session->timeline,
    };
    while (run_device(session, &job, &reason)) {
        session->fresh = true;
        if (!mr_resume(session, reason.text))
            return mr_failure(&session->error, reason.code, "%s", reason.text);
        job.activity = session->activity;
        job.timeline = session->timeline;
    }
    session->fresh = false;
    mr_cuts_end(session, rows);
    session->activity_steps = rows;
    mr_quantised_output(session->quantised, session->y, sequences, y);
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
    for (int i = 0; i < plan->layer_count; i++)
        stats->multiplications += sequences * steps * plan->layers[i].useful;
    stats->multiplications += sequences * plan->head.useful;
    if (cycles && mr_plan_figures(plan, session->compiled.report, &measured, &figures, text,
                                  sizeof text) == 0) {
        stats->cycles = cycles;
        stats->microseconds = figures.microseconds;
        stats->utilisation = figures.utilisation;
        stats->multipliers = (uint32_t)figures.multipliers;
    }
}

int mr_session_run(struct mr_session *session, const float *x, uint64_t sequences, uint64_t steps,
                   uint32_t flags, float *y, struct mr_stats *stats) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    int code = check_call(session, x, sequences, steps, flags, y);
    if (!code)
        code = check_device(session);
    if (code)
        return code;
    // So many sequences go into one device run.
    const uint64_t sequence_bytes = steps * session->row * sizeof(int16_t);
    uint64_t portion = RUN_BYTES / sequence_bytes;
    if (portion == 0)
        portion = 1;
    if (portion > UINT32_MAX / steps)
        portion = UINT32_MAX / steps;
    const bool reset = !(flags & MR_RUN_CONTINUE) || session->fresh;
    const double start = seconds_now();
    uint64_t cut_inputs, cut_cells; // before
    mr_cuts_total(session, &cut_inputs, &cut_cells);
    uint64_t cycles = 0;
    uint32_t device_runs = 0;
    if (session->timeline)
        mr_timeline_clear(session->timeline);
    for (uint64_t done = 0; done < sequences && !code; done += portion) {
        const uint64_t left = sequences - done, now = left < portion ? left : portion;
        code = run_once(session, x + done * steps * session->inputs, (uint32_t)now, (uint32_t)steps,
                        reset, y + done * session->outputs, &cycles);
        device_runs++;
    }
    if (code && session->timeline)
        mr_timeline_clear(session->timeline);
    if (!code && stats) {
        fill_stats(session, cycles, device_runs, sequences, steps, seconds_now() - start, stats);
        mr_cuts_total(session, &stats->cut_inputs, &stats->cut_cells);
        stats->cut_inputs -= cut_inputs;
        stats->cut_cells -= cut_cells;
    }
    return code;
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
    // A layer's cells of the last step run on for h_words cycles after its last column.
    int layer = 0, end = 0;
    if (sscanf(info->name, "lstm%d%n", &layer, &end) == 1 && info->name[end] == '\0' &&
        layer >= 0 && layer < plan->layer_count && activity->last_busy > activity->first_busy &&
        session->activity_steps)
        info->cycles_per_step = ((double)(activity->last_busy - activity->first_busy) + 1 -
                                 plan->layers[layer].h_words) /
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

size_t mr_session_state_size(const struct mr_session *session) {
    return session ? mr_state_size(&session->compiled.plan) : 0;
}

static int16_t *state_beats(struct mr_session *session) {
    return calloc(mr_state_total_beats(&session->compiled.plan), MR_IMAGE_BEAT * sizeof(int16_t));
}

int mr_session_save(struct mr_session *session, void *state, size_t size) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    const struct mr_plan *plan = &session->compiled.plan;
    if (!state || size < mr_state_size(plan))
        return mr_failure(
            &session->error, MR_ERROR_ARGUMENT, "mr_session_save: %s; the state has %zu bytes",
            state ? "the buffer is too small" : "the buffer is NULL", mr_state_size(plan));
    struct mr_error reason;
    int16_t *beats = state_beats(session);
    if (!beats)
        return mr_failure(&session->error, MR_ERROR_MEMORY, "not enough memory for the state");
    int code = 0;
    if (!session->fresh &&
        mr_device_read_state(session->device, beats, mr_state_total_beats(plan), &reason))
        code =
            mr_failure(&session->error, reason.code, "the state cannot be read: %s", reason.text);
    else
        mr_state_keep(plan, mr_model_identity(session->model), beats, state);
    free(beats);
    return code;
}

int mr_session_restore(struct mr_session *session, const void *state, size_t size) {
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!state)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT,
                          "mr_session_restore: the state is NULL");
    if (check_device(session))
        return MR_ERROR_DEVICE;
    const struct mr_plan *plan = &session->compiled.plan;
    struct mr_error reason;
    char text[900];
    int16_t *beats = state_beats(session);
    if (!beats)
        return mr_failure(&session->error, MR_ERROR_MEMORY, "not enough memory for the state");
    int code = 0;
    if (mr_state_take(plan, mr_model_identity(session->model), state, size, beats, text,
                      sizeof text)) {
        code = mr_failure(&session->error, MR_ERROR_ARGUMENT, "%s", text);
    } else if (mr_device_write_state(session->device, beats, mr_state_total_beats(plan), &reason)) {
        code = mr_failure(&session->error, reason.code, "the state cannot be written: %s",
                          reason.text);
        session->fresh = true;
    } else {
        session->fresh = false;
        if (session->resume)
            mr_resume_restored(session->resume, beats,
                               (size_t)mr_state_total_beats(plan) * MR_IMAGE_BEAT);
    }
    free(beats);
    return code;
}
