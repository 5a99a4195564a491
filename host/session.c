// SPDX-License-Identifier: Apache-2.0
// Sessions: a model on an open device. Turns float steps into the device's integers, cuts long
// calls into device runs, and turns results and counters back.
#define _POSIX_C_SOURCE 200809L
#include "card_image.h"
#include "driver.h"
#include "failure.h"
#include "model_handle.h"
#include "network_build.h"
#include "plan_report.h"
#include "weights_image.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Bytes of quantised input that one device run takes at most, unless a single sequence is longer.
enum { RUN_BYTES = 1 << 28 };

struct mr_session {
    const struct mr_model *model;
    const struct mr_quantised *quantised;
    struct mr_compiled compiled;
    struct mr_device *device;
    struct mr_device_info info;
    struct mr_activity *activity; // [info.process_count], of the last device run
    uint64_t activity_steps;      // steps of the last device run
    struct mr_timeline *timeline; // of the last call; NULL: not asked for
    uint32_t inputs, outputs;
    uint32_t row; // int16 of one step on the device: inputs, then zeros up to whole vectors
    bool fresh;   // the next run starts from a zero state whatever the caller asks for
    int16_t *x;   // buffers of the last run, kept for the next
    int32_t *y;
    size_t x_capacity, y_capacity; // in numbers
    const char **names;            // of the processes, for a device that knows none
    char device_text[PATH_MAX + 300];
    struct mr_error error;
};

// The part of a URI up to its colon.
static bool is_of(const char *uri, const char *scheme) {
    return strncmp(uri, scheme, strlen(scheme)) == 0;
}

static bool card_is_there(void) {
    struct mr_device_entry entry;
    return mr_backend_xrt.list(&entry, 1) > 0;
}

// The image for `xrt:N`: of the card where one is there, else of an emulated one.
static int choose_image(const struct mr_compiled *compiled, char *path, struct mr_error *error) {
    struct mr_card_images images;
    mr_card_images_find(compiled, &images);
    const bool card = card_is_there();
    const char *found = card ? images.hardware : images.emulation;
    if (*found) {
        memcpy(path, found, sizeof images.hardware);
        return 0;
    }
    if (card)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "there is a card but no image of this network for the %s; link one "
                          "(hw/vitis/)%s%.600s",
                          compiled->plan.target->name,
                          *images.emulation ? ", or name the emulated card's: " : "",
                          images.emulation);
    return mr_failure(error, MR_ERROR_DEVICE,
                      "there is no card, and no image of an emulated %s with this network; build "
                      "one with millrace build MODEL --platform hw_emu",
                      compiled->plan.target->name);
}

// What `auto:` is: a card with an image of this network, else the processor.
static const char *resolve(const char *uri, const struct mr_compiled *compiled) {
    struct mr_card_images images;
    if (uri && !is_of(uri, "auto:"))
        return uri;
    if (!card_is_there())
        return "cpu:";
    mr_card_images_find(compiled, &images);
    return *images.hardware ? "xrt:0" : "cpu:";
}

static int fill_image(struct mr_session *session, const char *uri, bool trace,
                      const struct mr_options *options, struct mr_image *image, char *path,
                      size_t path_size, struct mr_error *error) {
    const struct mr_compiled *compiled = &session->compiled;
    if (is_of(uri, "cpu:") || is_of(uri, "sim:")) {
        const bool sim = is_of(uri, "sim:");
        *(sim ? &image->rtl_so : &image->model_so) = path;
        return mr_compiled_build(compiled, sim ? MR_FLAVOUR_RTL : MR_FLAVOUR_MODEL, trace, options,
                                 path, path_size, error);
    }
    if (!is_of(uri, "xrt:"))
        return 0;
    const size_t count = compiled->report->process_count;
    session->names = calloc(count + 1, sizeof *session->names);
    if (!session->names)
        return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", uri);
    for (size_t i = 0; i < count; i++)
        session->names[i] = compiled->report->processes[i].name;
    image->shape_hash = compiled->shape_hash;
    image->target = compiled->plan.target->name;
    image->process_count = (uint32_t)count;
    image->processes = session->names;
    if (strchr(uri, ','))
        return 0;
    image->xclbin = path;
    return choose_image(compiled, path, error);
}

static void describe(struct mr_session *session, const char *uri) {
    const struct mr_device_info *info = &session->info;
    const char *comma = strchr(uri, ',');
    snprintf(session->device_text, sizeof session->device_text, "%.*s%s%s%s%s%s",
             comma ? (int)(comma - uri) : (int)strlen(uri), uri, info->text ? ", " : "",
             info->text ? info->text : "", info->place ? " (" : "", info->place ? info->place : "",
             info->place ? ")" : "");
}

static int open_device(struct mr_session *session, const char *uri,
                       const struct mr_options *options, struct mr_error *error) {
    struct mr_image image = {0};
    char path[PATH_MAX], text[900];
    const struct mr_device_options device_options = {
        .trace = options ? options->trace : NULL,
        .idle_chance = options ? options->idle_chance : 0,
        .stall_chance = options ? options->stall_chance : 0,
        .seed = options ? options->seed : 0,
        .limit_ms = options ? options->limit_ms : 0,
    };
    if (options && options->timeline && is_of(uri, "cpu:"))
        return mr_failure(error, MR_ERROR_DEVICE,
                          "cpu: has no cycles, so its processes have no timeline; use sim: or a "
                          "card");
    const int code = fill_image(session, uri, device_options.trace != NULL, options, &image, path,
                                sizeof path, error);
    if (code)
        return code;
    session->device = mr_device_open(uri, &image, &device_options, text, sizeof text);
    if (!session->device)
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    mr_device_get_info(session->device, &session->info);
    describe(session, uri);
    const uint32_t lc = (uint32_t)session->compiled.plan.layers[0].lc;
    if (session->info.x_bits != 16 * lc || session->info.y_bits != 32 ||
        session->info.weights_bits != 16 * MR_IMAGE_BEAT)
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "%s: the device takes weights of %u, input of %u and output of %u bits, and "
            "the network was planned for %d, %u and 32; empty the build cache",
            uri, session->info.weights_bits, session->info.x_bits, session->info.y_bits,
            16 * MR_IMAGE_BEAT, 16 * lc);
    if (session->info.process_count) {
        session->activity = calloc(session->info.process_count, sizeof *session->activity);
        if (!session->activity)
            return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory for its counters",
                              uri);
    }
    if (options && options->timeline) {
        session->timeline = mr_timeline_open(session->info.process_count);
        if (!session->timeline)
            return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory for a timeline", uri);
    }
    return 0;
}

static int load_weights(struct mr_session *session, const char *uri, struct mr_error *error) {
    char text[900];
    uint64_t beats = 0;
    int16_t *image =
        mr_weights_image(&session->compiled.plan, session->quantised, &beats, text, sizeof text);
    if (!image)
        return mr_failure(error, MR_ERROR_MEMORY, "%s", text);
    const int failed = mr_device_load_weights(session->device, image, beats, text, sizeof text);
    free(image);
    return failed ? mr_failure(error, MR_ERROR_DEVICE, "%s: loading the weights: %s", uri, text)
                  : 0;
}

// An unknown device is found before anything is built for it.
static int check_uri(const char *uri, struct mr_error *error) {
    static const char *const schemes[] = {"auto:", "cpu:", "sim:"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(uri, schemes[i]) == 0)
            return 0;
    if (is_of(uri, "xrt:") && uri[4] >= '0' && uri[4] <= '9')
        return 0;
    // The driver has the words for it: without an image no device opens.
    char text[900];
    struct mr_device *device = mr_device_open(uri, NULL, NULL, text, sizeof text);
    if (device) {
        mr_device_close(device);
        return 0;
    }
    return mr_failure(error, MR_ERROR_DEVICE, "device %s", text);
}

struct mr_session *mr_session_open(const struct mr_model *model, const char *uri,
                                   const struct mr_options *options, struct mr_error *error) {
    if (!model) {
        mr_failure(error, MR_ERROR_ARGUMENT, "mr_session_open: the model is NULL");
        return NULL;
    }
    if (!uri)
        uri = "auto:";
    if (check_uri(uri, error))
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
    uri = resolve(uri, &session->compiled);
    if (open_device(session, uri, options, error) || load_weights(session, uri, error)) {
        mr_session_close(session);
        return NULL;
    }
    const struct mr_plan_layer *first = &session->compiled.plan.layers[0];
    session->inputs = (uint32_t)first->inputs;
    session->outputs = (uint32_t)session->compiled.plan.head.outputs;
    session->row = (uint32_t)first->x_words * (uint32_t)first->lc;
    return session;
}

void mr_session_close(struct mr_session *session) {
    if (!session)
        return;
    mr_device_close(session->device);
    mr_compiled_free(&session->compiled);
    free(session->activity);
    mr_timeline_close(session->timeline);
    free(session->names);
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

// One device run: quantise, run, scale back.
static int run_once(struct mr_session *session, const float *x, uint32_t sequences, uint32_t steps,
                    bool reset, float *y, uint64_t *cycles) {
    const size_t rows = (size_t)sequences * steps, outputs = (size_t)sequences * session->outputs;
    char text[900];
    if (make_room(session, rows * session->row, outputs))
        return mr_failure(&session->error, MR_ERROR_MEMORY,
                          "not enough memory for %u sequences of %u steps; run fewer at a time",
                          sequences, steps);
    for (size_t i = 0; i < rows; i++) {
        int16_t *to = session->x + i * session->row;
        if (mr_quantise_input(session->quantised, x + i * session->inputs, 1, to, text,
                              sizeof text))
            return mr_failure(&session->error, MR_ERROR_INPUT, "%s", text);
        memset(to + session->inputs, 0, (session->row - session->inputs) * sizeof *to);
    }
    struct mr_job job = {
        .sequences = sequences,
        .steps = steps,
        .flags = reset ? MR_FLAG_RESET : 0,
        .x = session->x,
        .x_count = rows * (uint64_t)session->compiled.plan.layers[0].x_words,
        .y = session->y,
        .y_count = outputs,
        .activity = session->activity,
        .timeline = session->timeline,
    };
    if (session->activity)
        memset(session->activity, 0, session->info.process_count * sizeof *session->activity);
    if (mr_device_run(session->device, &job, text, sizeof text)) {
        session->fresh = true;
        return mr_failure(&session->error, MR_ERROR_DEVICE, "%s", text);
    }
    session->fresh = false;
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
    if (!code && stats)
        fill_stats(session, cycles, device_runs, sequences, steps, seconds_now() - start, stats);
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
