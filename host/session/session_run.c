// SPDX-License-Identifier: Apache-2.0
// The runs of a session: turns float steps into the device's integers, cuts long calls into device
// runs, and turns results and counters back.
#define _POSIX_C_SOURCE 200809L
#include "failure.h"
#include "op.h"
#include "plan_report.h"
#include "session.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

// Bytes of quantised input that one device run takes at most, unless a single sequence is longer.
enum { RUN_BYTES = 1 << 28 };

uint32_t mr_session_row(const struct mr_plan *plan, int input) {
    return (uint32_t)(mr_plan_words(plan->network->streams[input].width, plan->x_lc) * plan->x_lc);
}

uint64_t mr_session_output_bytes(const struct mr_plan *plan, uint64_t steps) {
    return mr_plan_output_words(plan, steps) * mr_element_bytes(mr_plan_element_bits(plan->y_lc));
}

uint64_t mr_session_portion(const struct mr_plan *plan, uint64_t steps) {
    const uint64_t slots = (uint64_t)plan->slots;
    if (mr_network_starts(plan->network)) // whose states are written before
        return slots;
    const uint64_t x_bytes = steps * mr_session_row(plan, 0) * sizeof(int16_t);
    const uint64_t y_bytes = mr_session_output_bytes(plan, steps);
    const uint64_t room = RUN_BYTES / (x_bytes > y_bytes ? x_bytes : y_bytes);
    const uint64_t rows = mr_network_most_rows(plan->network, steps);
    const uint64_t portion = room < MR_STEPS_MAX / rows ? room : MR_STEPS_MAX / rows;
    return portion < slots ? slots : portion - portion % slots;
}

// Whole pages, which a card's DMA can take from here without a copy.
static void *make_pages(size_t size) {
    enum { PAGE = 4096 };
    return size > SIZE_MAX - PAGE ? NULL : aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
}

int mr_session_make_room(struct mr_session *session, size_t x_count, size_t y_size) {
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
    mr_cuts_take_probes(session, job->encodes);
    job->done += part.done;
    job->cycles = part.cycles;
    job->last_output_cycle = part.last_output_cycle;
    job->feedback = part.feedback;
    if (code)
        return code;
    code = mr_resume_note(session, job, error);
    if (code) {
        job->done = 0; // the device failed behind its last result: the state after it is lost
        mr_cuts_restart(session);
    }
    return code;
}

int mr_session_run_job(struct mr_session *session, struct mr_job *job) {
    struct mr_error reason;
    for (;;) {
        job->activity = session->activity;
        job->timeline = job->feedback.most ? NULL : session->timeline;
        if (!run_device(session, job, &reason))
            return 0;
        if (mr_resume(session, &reason))
            continue;
        mr_session_reset(session);
        return mr_failure(&session->error, reason.code, "%s", reason.text);
    }
}

void mr_session_outputs(const struct mr_session *session, float *y, uint64_t sequences,
                        uint64_t steps, float **to) {
    for (int o = 0; o < session->network->output_count; o++) {
        to[o] = y;
        y += sequences * mr_output_numbers(session->network, o, steps);
    }
}

void mr_session_outputs_from(const struct mr_session *session, float *const *y, uint64_t first,
                             uint64_t steps, float **to) {
    for (int o = 0; o < session->network->output_count; o++)
        to[o] = y[o] ? y[o] + first * mr_output_numbers(session->network, o, steps) : NULL;
}

// Which row of a call is the nth of its device run, in which sequences have their turns
// (hls/kernels/frame/slots.h).
struct place {
    uint64_t sequence, step;
};

static struct place place_of(const struct mr_session *session, uint32_t sequences, uint32_t steps,
                             uint64_t row) {
    const uint64_t group = (uint64_t)session->slots * steps, first = row / group * session->slots;
    const uint64_t turns = mr_session_together(session, sequences - first), at = row % group;
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
                         float *const *y) {
    const struct mr_network *network = session->network;
    const uint32_t own = (uint32_t)mr_network_output_steps(network, steps);
    bool per_any_step = false;
    for (int o = 0; o < network->output_count; o++)
        per_any_step |= network->streams[network->outputs[o].stream].rate == MR_PER_STEP;
    // Where sequences come one after the other and only their ends count, these rows alone.
    const bool ends = session->slots == 1 && !per_any_step;
    const uint64_t between = ends ? own : 1;
    size_t at = 0;
    for (uint64_t row = between - 1; row < (uint64_t)sequences * own; row += between) {
        const struct place place = place_of(session, sequences, own, row);
        for (int o = 0; o < network->output_count; o++) {
            const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
            const bool per_step = stream->rate == MR_PER_STEP;
            const uint64_t to = per_step ? place.sequence * own + place.step : place.sequence;
            if (!per_step && place.step != own - 1)
                continue;
            const int32_t *from = next_output(session, stream->width, &at);
            if (y[o])
                mr_quantised_output(network, o, from, 1, y[o] + to * (uint64_t)stream->width);
        }
    }
}

// All rows of a device run, as it takes them.
static int quantise(struct mr_session *session, const float *x, uint32_t sequences,
                    uint32_t steps) {
    char text[900];
    const bool in_order = session->slots == 1; // as they are in x
    for (uint64_t row = 0; row < (uint64_t)sequences * steps; row++) {
        const struct place place =
            in_order ? (struct place){0, row} : place_of(session, sequences, steps, row);
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
                    bool reset, float *const *y, uint64_t *cycles) {
    const struct mr_plan *plan = &session->compiled.plan;
    const size_t rows = (size_t)sequences * steps;
    if (mr_session_make_room(session, rows * session->row,
                             sequences * mr_session_output_bytes(plan, steps)))
        return mr_failure(&session->error, MR_ERROR_MEMORY,
                          "not enough memory for %u sequence%s of %u step%s; run fewer at a time",
                          sequences, mr_plural(sequences), steps, mr_plural(steps));
    mr_cuts_begin(session);
    int code = quantise(session, x, sequences, steps);
    if (code)
        return code;
    struct mr_job job = {
        .sequences = sequences,
        .steps = steps,
        .flags = reset ? MR_FLAG_RESET : 0,
        .in = {{"x", session->x, rows * (uint64_t)mr_plan_words((int)session->inputs, plan->x_lc)}},
        .out = {{"y", session->y, sequences * mr_plan_output_words(plan, steps)}},
    };
    code = mr_session_run_job(session, &job);
    if (code)
        return code;
    session->fresh &= ~mr_session_slot_set(mr_session_together(session, sequences));
    mr_cuts_end(session, false, sequences, rows);
    session->activity_steps = rows;
    part_outputs(session, sequences, steps, y);
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

static void fill_stats(const struct mr_session *session, bool encodes, uint64_t cycles,
                       uint32_t device_runs, uint64_t sequences, uint64_t steps, double seconds,
                       struct mr_stats *stats) {
    const struct mr_plan *plan = &session->compiled.plan;
    const struct mr_timing_result measured = {
        .cycles = cycles, .sequences = sequences, .steps = steps, .encodes = encodes};
    *stats = (struct mr_stats){.device_runs = device_runs,
                               .clock_mhz = session->compiled.clock_mhz,
                               .microseconds = seconds * 1e6};
    for (int i = 0; i < session->network->op_count; i++) {
        const uint64_t rows = sequences * mr_plan_rows(plan, i, steps);
        if (mr_op_encodes(session->network, &session->network->ops[i]) != encodes)
            continue;
        stats->multiplications += rows * plan->ops[i].cost.useful;
    }
    if (!cycles)
        return;
    if (session->info.clock_khz)
        stats->clock_mhz = session->info.clock_khz / 1e3;
    stats->cycles = cycles;
    stats->microseconds = (double)cycles / stats->clock_mhz;
    if (session->info.process_count == 0)
        return; // a folded kernel has no lanes
    stats->utilisation = mr_plan_utilisation(plan, &measured);
    // An image that tells its names asks for no report; the planner knows as many multipliers.
    const struct mr_report *report = session->compiled.report;
    stats->multipliers = (uint32_t)(report ? mr_report_multipliers(report) : plan->multipliers);
}

struct mr_session_clock mr_session_begin(struct mr_session *session, bool asked) {
    struct mr_session_clock clock = {.start = asked ? seconds_now() : 0};
    mr_cuts_total(session, &clock.cut_inputs, &clock.cut_values);
    if (session->timeline)
        mr_timeline_clear(session->timeline);
    return clock;
}

void mr_session_end(const struct mr_session *session, const struct mr_session_clock *clock,
                    bool encodes, uint64_t cycles, uint32_t device_runs, uint64_t sequences,
                    uint64_t steps, struct mr_stats *stats) {
    fill_stats(session, encodes, cycles, device_runs, sequences, steps,
               seconds_now() - clock->start, stats);
    mr_cuts_total(session, &stats->cut_inputs, &stats->cut_values);
    stats->cut_inputs -= clock->cut_inputs;
    stats->cut_values -= clock->cut_values;
}

int mr_session_run_call(struct mr_session *session, const float *x, uint64_t sequences,
                        uint64_t steps, uint32_t flags, const uint64_t *numbers, float *const *y,
                        struct mr_stats *stats) {
    const uint64_t portion = mr_session_portion(&session->compiled.plan, steps);
    bool reset = !(flags & MR_RUN_CONTINUE);
    const bool starts = reset && mr_network_starts(session->network) > 0;
    const struct mr_session_clock clock = mr_session_begin(session, stats != NULL);
    uint64_t cycles = 0;
    uint32_t device_runs = 0;
    int code = reset ? 0 : mr_session_go_on(session, (uint32_t)sequences, &reset);
    for (uint64_t done = 0; done < sequences && !code; done += portion) {
        const uint64_t left = sequences - done, now = left < portion ? left : portion;
        float *to[MR_MAX_OUTPUTS];
        mr_session_outputs_from(session, y, done, steps, to);
        if (starts && (code = mr_session_start(session, done, sequences, numbers)))
            break;
        code = run_once(session, x + done * steps * session->inputs, (uint32_t)now, (uint32_t)steps,
                        reset && !starts, to, &cycles);
        device_runs++;
    }
    if (code && session->timeline)
        mr_timeline_clear(session->timeline);
    if (!code && stats)
        mr_session_end(session, &clock, false, cycles, device_runs, sequences, steps, stats);
    return code;
}
