// SPDX-License-Identifier: Apache-2.0
// The device of a session: which one and which image, opening it, its weights.
#define _POSIX_C_SOURCE 200809L
#include "board_image.h"
#include "cpu_engine.h"
#include "failure.h"
#include "folded_image.h"
#include "network_image.h"
#include "session.h"
#include "weights_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A device of the best kind that is there.
static const char auto_uri[] = "auto:";

const char *mr_session_resolve(const char *uri, struct mr_compiled *compiled,
                               const struct mr_options *options, struct mr_device_found *entry) {
    struct mr_card_images images;
    if (uri && strcmp(uri, auto_uri) != 0)
        return uri;
    if (mr_device_first(MR_FORM_XCLBIN, entry) && !mr_compiled_name(compiled, NULL)) {
        const struct mr_card_design design = mr_network_design(compiled);
        mr_card_images_find(&design, options->bitstreams, &images);
        if (*images.hardware)
            return entry->uri;
    }
    return mr_device_first(MR_FORM_ENGINE, entry);
}

bool mr_session_runs_here(const char *uri) {
    struct mr_device_found card;
    return strcmp(uri, auto_uri) == 0 ? !mr_device_first(MR_FORM_XCLBIN, &card)
                                      : mr_device_form(uri) == MR_FORM_ENGINE;
}

// What a card does not tell of its network. The manifest beside its image does, or, of an image
// that is on its device already, one of the network in the folder of images; where there is none,
// the compiler.
static int name_parts(struct mr_session *session, const char *uri, const char *file,
                      struct mr_image *image, struct mr_error *error) {
    struct mr_image_names *names = &session->names;
    int result = file ? mr_image_names_read(file, names)
                      : mr_image_names_find(session->compiled.hash.shape,
                                            session->options.bitstreams, names);
    if (result > 0) {
        const int code = mr_compiled_complete(&session->compiled, &session->options, error);
        if (code)
            return code;
        result = mr_image_names_of_report(session->compiled.report, names);
    }
    if (result)
        return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", uri);
    image->probe_count = names->probe_count;
    image->probes = names->probes;
    image->process_count = names->process_count;
    image->processes = (const char *const *)names->processes;
    return 0;
}

static int fill_image(struct mr_session *session, const char *uri, bool trace,
                      const struct mr_options *options, struct mr_image *image, char *path,
                      size_t path_size, struct mr_error *error) {
    struct mr_compiled *compiled = &session->compiled;
    if (!mr_device_find(uri, error))
        return MR_ERROR_DEVICE;
    const enum mr_form form = mr_device_form(uri);
    if (form == MR_FORM_ENGINE || form == MR_FORM_FOLDED)
        return 0; // made when the device is opened
    image->forms[form] = path;
    if (form == MR_FORM_MODEL || form == MR_FORM_RTL) {
        const int built = mr_compiled_complete(compiled, options, error);
        return built ? built
                     : mr_compiled_build(compiled,
                                         form == MR_FORM_RTL ? MR_FLAVOUR_RTL : MR_FLAVOUR_MODEL,
                                         trace, options, path, path_size, error);
    }
    int code = mr_compiled_name(compiled, error);
    if (code)
        return code;
    image->hash = &compiled->hash;
    if (form == MR_FORM_SHAPE)
        return name_parts(session, uri, NULL, image, error);
    image->target = compiled->plan.target->name;
    const char *named = mr_device_named_image(uri);
    char text[900];
    const struct mr_card_design design = mr_network_design(compiled);
    if (!named)
        code = mr_card_image_choose(&design, options->bitstreams,
                                    "millrace build MODEL --platform hw_emu", path, error);
    else if (mr_card_image_check(named, text, sizeof text))
        code = mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    return code ? code : name_parts(session, uri, named ? named : path, image, error);
}

static void describe(struct mr_session *session, const char *uri) {
    const struct mr_device_info *info = &session->info;
    const char *named = mr_device_named_image(uri);
    snprintf(session->device_text, sizeof session->device_text, "%.*s%s%s%s%s%s",
             named ? (int)(named - 1 - uri) : (int)strlen(uri), uri, info->text ? ", " : "",
             info->text ? info->text : "", info->place ? " (" : "", info->place ? info->place : "",
             info->place ? ")" : "");
}

struct folded_network {
    const struct mr_plan *plan;
    const char *uri, *bitstreams;
    struct mr_folded_image image;
};

static int make_folded(void *self, uint32_t rows, const unsigned char *image_hash,
                       const struct mr_folded_program **program, struct mr_error *error) {
    struct folded_network *network = self;
    *program = &network->image.program;
    const int code = mr_board_image_check(image_hash, network->bitstreams, network->uri, error);
    return code ? code : mr_folded_image_make(network->plan, rows, &network->image, error);
}

static int open_device(struct mr_session *session, const char *uri, struct mr_error *error) {
    const struct mr_options *options = &session->options;
    struct mr_image image = {0};
    char path[PATH_MAX];
    const struct mr_device_options device_options = {
        .trace = options->trace,
        .idle_chance = options->idle_chance,
        .stall_chance = options->stall_chance,
        .seed = options->seed,
        .limit_ms = options->limit_ms,
    };
    int code = mr_device_require(uri, options->timeline ? MR_CAP_TIMELINE : 0u, error);
    if (!code)
        code = fill_image(session, uri, device_options.trace != NULL, options, &image, path,
                          sizeof path, error);
    if (code)
        return code;
    struct mr_error reason;
    struct mr_engine engine = {0};
    struct folded_network folded = {
        .plan = &session->compiled.plan, .uri = uri, .bitstreams = options->bitstreams};
    const struct mr_folded_maker maker = {&folded, make_folded};
    const bool has_engine = mr_device_form(uri) == MR_FORM_ENGINE;
    if (has_engine && mr_engine_make(&session->compiled.plan, options->threads, &engine, error))
        return error ? error->code : MR_ERROR_MEMORY;
    image.folded = &maker;
    image.engine = has_engine ? &engine : NULL;
    session->device = mr_device_open(uri, &image, &device_options, &reason);
    mr_folded_image_free(&folded.image);
    if (!session->device) {
        if (has_engine)
            engine.close(engine.self);
        return mr_failure(error, reason.code, "%s", reason.text);
    }
    mr_device_get_info(session->device, &session->info);
    describe(session, uri);
    const int uncounted = mr_cuts_attach(session, uri, error);
    if (uncounted)
        return uncounted;
    const struct mr_plan *plan = &session->compiled.plan;
    const struct {
        const char *name;
        uint32_t bits;
    } streams[] = {{"x", mr_plan_element_bits(plan->x_lc)},
                   {"y", mr_plan_element_bits(plan->y_lc)}};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        const uint32_t bits = mr_device_stream_bits(&session->info, streams[i].name);
        if (bits != streams[i].bits)
            return mr_failure(error, MR_ERROR_DEVICE,
                              "%s: the device's stream %s is %u bits wide and the network was "
                              "planned for %u; empty the build cache",
                              uri, streams[i].name, bits, streams[i].bits);
    }
    if (session->info.process_count) {
        session->activity = calloc(session->info.process_count, sizeof *session->activity);
        if (!session->activity)
            return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory for its counters",
                              uri);
    }
    if (options->timeline) {
        session->timeline = mr_timeline_open(session->info.process_count);
        if (!session->timeline)
            return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory for a timeline", uri);
    }
    return 0;
}

static int load_weights(struct mr_session *session, const char *uri, struct mr_error *error) {
    struct mr_error reason;
    uint64_t beats = 0;
    if (!mr_device_stream_bits(&session->info, "weights"))
        return 0; // an engine has them
    int16_t *image = mr_weights_image(&session->compiled.plan, &beats, &reason);
    if (!image)
        return mr_failure(error, reason.code, "%s: %s", uri, reason.text);
    const int failed = mr_device_load_weights(session->device, image, beats, &reason);
    free(image);
    return failed ? mr_failure(error, reason.code, "%s: loading the weights: %s", uri, reason.text)
                  : 0;
}

int mr_session_check_uri(const char *uri, struct mr_error *error) {
    return strcmp(uri, auto_uri) == 0 || mr_device_find(uri, error) ? 0 : MR_ERROR_DEVICE;
}

const char *mr_device_uri(const char *text) {
    const char *usual = mr_device_usual(text);
    return usual ? usual : strcmp(text, "auto") == 0 ? auto_uri : text;
}

int mr_session_prepare(struct mr_session *session, const char *uri, struct mr_error *error) {
    struct mr_image image = {0};
    char path[PATH_MAX];
    const int code =
        fill_image(session, uri, false, &session->options, &image, path, sizeof path, error);
    mr_image_names_free(&session->names); // of a card that is not open yet
    return code;
}

int mr_session_attach(struct mr_session *session, const char *uri, struct mr_error *error) {
    describe(session, uri);
    const int code = open_device(session, uri, error);
    return code ? code : load_weights(session, uri, error);
}

void mr_session_detach(struct mr_session *session) {
    mr_device_close(session->device);
    mr_timeline_close(session->timeline);
    mr_cuts_detach(session);
    free(session->activity);
    mr_image_names_free(&session->names);
    session->device = NULL;
    session->timeline = NULL;
    session->activity = NULL;
    session->info = (struct mr_device_info){0};
}
