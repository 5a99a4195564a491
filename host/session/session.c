// SPDX-License-Identifier: Apache-2.0
// Sessions: a model on an open device. Opens and closes them and checks what calls are given.
#define _POSIX_C_SOURCE 200809L
#include "session.h"
#include "failure.h"
#include "model_handle.h"
#include "op.h"
#include "options.h"
#include "plan_report.h"
#include "text.h"
#include "workers.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t *make_output_row(const struct mr_network *network) {
    int most = 1;
    for (int o = 0; o < network->output_count; o++) {
        const int width = network->streams[network->outputs[o].stream].width;
        most = width > most ? width : most;
    }
    return calloc((size_t)most, sizeof(int32_t));
}

// A device that cannot be had has failed as one does in a run.
static int open_device(struct mr_session *session, const char *uri, struct mr_error *error) {
    struct mr_error reason;
    const int code = mr_session_attach(session, uri, &reason);
    if (!code)
        return 0;
    if ((code == MR_ERROR_DEVICE || code == MR_ERROR_BUILD) && mr_resume(session, &reason))
        return 0;
    return mr_failure(error, code, "%s", reason.text);
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
    _Static_assert((int)MR_THREADS_MAX == (int)MR_WORKERS_MAX, "what an engine can have");
    if (options->threads > MR_THREADS_MAX) {
        mr_failure(error, MR_ERROR_ARGUMENT,
                   "options: %u threads are asked for; a run takes 1 to %d",
                   (unsigned)options->threads, MR_THREADS_MAX);
        return NULL;
    }
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
    if (session->network->encoder)
        session->encoder_inputs =
            (uint32_t)session->network->streams[session->network->encoder].width;
    // The plan for a time follows from the compiler's report; of an engine's the lanes are of no
    // interest.
    const bool here = mr_session_runs_here(uri) && (!fallback || mr_session_runs_here(fallback));
    const int unplanned =
        here ? mr_plan_anyhow(session->network, options, &session->compiled, error)
        : options->within_ns
            ? mr_compile_network(session->network, options, &session->compiled, error)
            : mr_plan_network(session->network, options, &session->compiled, error);
    if (unplanned) {
        mr_session_close(session);
        return NULL;
    }
    session->slots = (uint32_t)session->compiled.plan.slots;
    mr_session_reset(session);
    session->row = mr_session_row(&session->compiled.plan, 0);
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
        open_device(session, uri, error)) {
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

// How many numbers from the first on are finite for certain.
static uint64_t finite_numbers(const float *x, uint64_t count) {
    enum { TOGETHER = 16 };
    const uint32_t infinite = 0x7F800000; // the exponent of what is not finite
    uint64_t at = 0;
    for (; at + TOGETHER <= count; at += TOGETHER) {
        uint32_t bits[TOGETHER], others = 0;
        memcpy(bits, x + at, sizeof bits);
        for (int k = 0; k < TOGETHER; k++)
            others |= (bits[k] & infinite) == infinite;
        if (others)
            break;
    }
    return at;
}

int mr_session_check_numbers(struct mr_session *session, int input, const float *x,
                             uint64_t sequences, uint64_t steps) {
    const uint64_t width = (uint64_t)session->network->streams[input].width;
    const uint64_t count = sequences * steps * width;
    for (uint64_t i = finite_numbers(x, count); i < count; i++)
        if (!isfinite(x[i])) {
            const uint64_t step = i / width;
            return mr_failure(&session->error, MR_ERROR_INPUT,
                              "the input is %s at sequence %llu, step %llu, feature %llu (counted "
                              "from 0); every number must be finite",
                              isnan(x[i]) ? "NaN" : "infinite", (unsigned long long)(step / steps),
                              (unsigned long long)(step % steps), (unsigned long long)(i % width));
        }
    char text[300];
    if (mr_check_entries(session->network, input, x, sequences, steps, text, sizeof text))
        return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
    return 0;
}

int mr_session_check_size(const struct mr_plan *plan, uint64_t sequences, uint64_t steps,
                          struct mr_error *error) {
    // No machine has the memory for x beyond this, and no product of these overflows.
    if (steps <= MR_STEPS_MAX &&
        sequences <= (UINT64_MAX >> 20) / steps / mr_session_row(plan, 0) &&
        sequences <= (UINT64_MAX >> 20) / mr_session_output_bytes(plan, steps))
        return 0;
    return mr_failure(error, MR_ERROR_ARGUMENT,
                      "%llu sequence%s of %llu step%s cannot be one call; a sequence may have %u "
                      "steps",
                      (unsigned long long)sequences, mr_plural(sequences),
                      (unsigned long long)steps, mr_plural(steps), MR_STEPS_MAX);
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
    if (mr_session_check_size(&session->compiled.plan, sequences, steps, error))
        return MR_ERROR_ARGUMENT;
    if (mr_plan_turns(&session->compiled.plan, mr_session_together(session, sequences), steps) >
        MR_STEPS_MAX)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "mr_session_run: %llu sequence%s of %llu steps are too long where %u have "
            "their turns; a run has %u turns at most",
            (unsigned long long)sequences, mr_plural(sequences), (unsigned long long)steps,
            (unsigned)session->slots, MR_STEPS_MAX);
    const struct mr_op *pool = mr_network_pool(session->network);
    if (pool && ((flags & MR_RUN_CONTINUE) || steps >> mr_op_pool_bits(pool) != 0))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_session_run: the network's '%s' needs all steps of a sequence at "
                          "once, so give whole sequences, of less than 2^%d steps, in one call "
                          "without MR_RUN_CONTINUE",
                          pool->name, mr_op_pool_bits(pool));
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

int mr_session_check_unmasked(struct mr_session *session, const float *x, uint64_t sequences,
                              uint64_t steps, const uint64_t *lengths) {
    for (uint64_t i = 0; session->network->mask.given && i < sequences * steps; i++) {
        const uint64_t n = i / steps, t = i % steps;
        if ((!lengths || t < lengths[n]) && mr_network_length(session->network, x, i, 1) == 0)
            return mr_failure(&session->error, MR_ERROR_INPUT,
                              "step %llu of sequence %llu (counted from 0) is masked (the "
                              "network's mask is %g); %s",
                              (unsigned long long)t, (unsigned long long)n,
                              session->network->mask.than,
                              lengths ? "leave it out of the sequence's length"
                                      : "leave masked steps out where sequences go on");
    }
    return 0;
}

// A model may say that its sequences are not all as long.
static int run_checked(struct mr_session *session, const float *x, uint64_t sequences,
                       uint64_t steps, uint32_t flags, float *const *y, struct mr_stats *stats) {
    const bool goes_on = flags & MR_RUN_CONTINUE;
    if (mr_network_has_lengths(session->network) && !goes_on)
        return mr_session_run_own(session, x, sequences, steps, NULL, y, stats);
    const int code = mr_session_check_unmasked(session, x, sequences, steps, NULL);
    return code ? code : mr_session_run_call(session, x, sequences, steps, flags, NULL, y, stats);
}

int mr_session_check_run(struct mr_session *session, const float *x, uint64_t sequences,
                         uint64_t steps) {
    int code = mr_session_check_call(session, sequences, steps, 0);
    if (!code)
        code = mr_session_check_call(session, mr_session_together(session, sequences), steps,
                                     MR_RUN_CONTINUE);
    return code ? code : mr_session_check_numbers(session, 0, x, sequences, steps);
}

int mr_session_run(struct mr_session *session, const float *x, uint64_t sequences, uint64_t steps,
                   uint32_t flags, float *y, struct mr_stats *stats) {
    float *to[MR_MAX_OUTPUTS];
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!x || !y)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT, "mr_session_run: %s is NULL",
                          x ? "y" : "x");
    int code = mr_session_check_call(session, sequences, steps, flags);
    if (!code)
        code = mr_session_check_numbers(session, 0, x, sequences, steps);
    mr_session_outputs(session, y, sequences, steps, to);
    return code ? code : run_checked(session, x, sequences, steps, flags, to, stats);
}

// Where the wanted outputs go, or a sentence.
static int find_outputs(struct mr_session *session, const struct mr_output *outputs,
                        uint32_t output_count, uint64_t sequences, uint64_t steps, float **y) {
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
        if (y[o])
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
        y[o] = outputs[i].data;
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
    return mr_session_check_numbers(session, 0, inputs->data, sequences, steps);
}

int mr_session_run_named(struct mr_session *session, const struct mr_input *inputs,
                         uint32_t input_count, const struct mr_output *outputs,
                         uint32_t output_count, uint64_t sequences, uint64_t steps, uint32_t flags,
                         struct mr_stats *stats) {
    float *y[MR_MAX_OUTPUTS] = {NULL};
    if (!session)
        return MR_ERROR_ARGUMENT;
    if (!outputs || output_count == 0)
        return mr_failure(&session->error, MR_ERROR_ARGUMENT,
                          "mr_session_run_named: no output is wanted");
    int code = mr_session_check_call(session, sequences, steps, flags);
    if (!code)
        code = find_outputs(session, outputs, output_count, sequences, steps, y);
    if (!code)
        code = find_input(session, inputs, input_count, sequences, steps);
    return code ? code : run_checked(session, inputs->data, sequences, steps, flags, y, stats);
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
