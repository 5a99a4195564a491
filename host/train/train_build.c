// SPDX-License-Identifier: Apache-2.0
// Builds a training engine for a device (train_build.h).
#define _GNU_SOURCE
#include "train_build.h"

#include "build.h"
#include "card_project.h"
#include "failure.h"
#include "hls_build.h"
#include "kernel_hash.h"
#include "network_build.h"
#include "plan_report.h"

#include <stdio.h>
#include <string.h>

enum { SOURCE = 1200 };

// What hlsc made of an engine.
struct compiled {
    struct mr_hls_places places;
    char gen_dir[PATH_MAX], report[PATH_MAX + 16];
};

static int compile(const char *source, const struct mr_int_device_options *options,
                   struct compiled *made, struct mr_error *error) {
    char text[900];
    const struct mr_hls_build build = {.source = source,
                                       .top = MR_NETWORK_TOP,
                                       .places = &made->places,
                                       .sample = mr_train_sample,
                                       .notes = options->notes};

    if (mr_hls_find(&made->places, text, sizeof text) != 0 ||
        mr_hls_name(&build, made->gen_dir, sizeof made->gen_dir, text, sizeof text) != 0 ||
        mr_hls_compile(&build, made->gen_dir, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    snprintf(made->report, sizeof made->report, "%s/report.json", made->gen_dir);
    return 0;
}

// ---- in this process

static int build_here(const struct mr_train_shape *shape, const char *source, bool rtl,
                      const struct mr_int_device_options *options, struct mr_train_built *built,
                      struct mr_error *error) {
    struct compiled made;
    char text[900];
    const int code = compile(source, options, &made, error);
    const struct mr_build build = {.data_dir = made.places.data_dir,
                                   .gen_dir = made.gen_dir,
                                   .top = MR_NETWORK_TOP,
                                   .cache_dir = made.places.cache_dir,
                                   .assertions = options->assertions,
                                   .merged = true,
                                   .notes = options->notes};

    if (code != 0)
        return code;
    if ((rtl ? mr_build_rtl : mr_build_model)(&build, built->path, sizeof built->path, text,
                                              sizeof text) != 0)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    return rtl ? mr_train_stages_of(shape, made.report, &built->stages, error) : 0;
}

// ---- a card

static const char member[] = "stages"; // of the manifest

static json_t *describe(const struct mr_train_shape *shape, const struct mr_report *report,
                        const struct mr_train_run_stages *stages) {
    uint64_t multipliers = 0;

    for (size_t i = 0; i < report->process_count; i++)
        multipliers += report->processes[i].multipliers;
    return json_pack("{s:{s:b, s:i, s:i, s:i, s:i, s:i}, s:{s:I}, s:[I, I, I, I]}", "shape",
                     "trains", 1, "layers", shape->layers, "lanes", shape->lc, "sequences_a_weight",
                     shape->nb, "batch", shape->batch, "steps", shape->steps, "resources",
                     "multipliers", (json_int_t)multipliers, member,
                     (json_int_t)stages->learns.first, (json_int_t)stages->learns.more,
                     (json_int_t)stages->predicts.first, (json_int_t)stages->predicts.more);
}

static void read_stages(const char *path, struct mr_train_run_stages *stages) {
    json_t *manifest = mr_manifest_read(path, NULL, 0);
    const json_t *numbers = json_object_get(manifest, member);
    uint64_t *const to[] = {&stages->learns.first, &stages->learns.more, &stages->predicts.first,
                            &stages->predicts.more};

    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        *to[i] = (uint64_t)json_integer_value(json_array_get(numbers, i));
    json_decref(manifest);
}

// By hlsc's report; Vivado would find out in hours.
static int check_resources(const struct mr_report *report, const struct mr_target *target,
                           struct mr_error *error) {
    struct mr_memory_use use = {0};
    uint64_t multipliers = 0;
    char text[300];

    for (size_t i = 0; i < report->process_count; i++) {
        multipliers += report->processes[i].multipliers;
        if (mr_process_memories(&report->processes[i], &use, text, sizeof text) != 0)
            return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    }
    const struct {
        const char *what;
        uint64_t needed, there;
    } kinds[] = {{"DSPs", multipliers, target->dsp},
                 {"RAMB36", (use.bram18 + 1) / 2, target->bram36},
                 {"UltraRAMs", use.uram, target->uram},
                 {"LUTs as memory", use.lut, mr_train_card_luts(target)}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].needed > kinds[i].there)
            return mr_failure(error, MR_ERROR_PLAN,
                              "the engine takes %llu %s, and a %s has %llu; fewer multipliers, a "
                              "smaller mini-batch or network, or another target would do",
                              (unsigned long long)kinds[i].needed, kinds[i].what, target->name,
                              (unsigned long long)kinds[i].there);
    return 0;
}

// "train-25-25-25": inputs, and units of the layers.
static void name_of(const struct mr_train_shape *shape, char *name, size_t size) {
    size_t used = (size_t)snprintf(name, size, "train");

    for (int l = 0; l <= shape->layers; l++)
        used += (size_t)snprintf(name + used, size - used, "-%d", shape->width[l]);
}

// Of a design with hash and target: as mr_card_platform_build. Its dies are the placer's.
static int build_image(const struct mr_train_shape *shape, const char *source,
                       struct mr_card_design *design, const char *platform, const char *output,
                       const struct mr_int_device_options *options, struct mr_train_built *built,
                       struct mr_error *error) {
    const struct mr_options wanted = {.bitstreams = options->bitstreams,
                                      .note = options->notes.tell,
                                      .note_context = options->notes.context};
    struct compiled made;
    char name[100], text[900];
    int code = compile(source, options, &made, error);

    if (code != 0)
        return code;
    struct mr_report *report = mr_report_read(made.report, text, sizeof text);
    if (!report)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    code = mr_train_stages_of(shape, made.report, &built->stages, error);
    if (code == 0 && strcmp(platform, "hw") == 0)
        code = check_resources(report, design->target, error);
    name_of(shape, name, sizeof name);
    design->data_dir = made.places.data_dir;
    design->name = name;
    design->gen_dir = made.gen_dir;
    design->cache_dir = made.places.cache_dir;
    design->report = report;
    design->clock_mhz = report->clock_mhz;
    design->x_bits = (uint32_t)mr_train_element_numbers(shape) * 16;
    design->y_bits = 32;
    for (size_t i = 0; i < report->external_count && i < MR_CARD_MEMORIES_MOST; i++)
        design->memory_words[i] = mr_train_external_words(shape, report->externals[i].name);
    design->described = describe(shape, report, &built->stages);
    if (code == 0)
        code = mr_card_platform_build(design, NULL, platform, output, &wanted, built->path,
                                      sizeof built->path, error);
    json_decref(design->described);
    mr_report_free(report);
    return code;
}

// What an image of the shape is known by, and its card.
static int design_of(const char *source, const struct mr_int_device_options *options,
                     struct mr_card_design *design, struct mr_train_built *built,
                     struct mr_error *error) {
    *design = (struct mr_card_design){.hash = &built->hash};
    const int code = mr_card_target(options->target, &design->target, error);

    return code ? code : mr_design_hash_make(source, &built->hash, error);
}

static int find_image(const struct mr_train_shape *shape, const char *source,
                      const struct mr_int_device_options *options, struct mr_train_built *built,
                      struct mr_image *image, struct mr_error *error) {
    const char *named = mr_device_named_image(options->device);
    struct mr_card_design design;
    struct mr_device_found card;
    char text[900];
    int code = design_of(source, options, &design, built, error);

    if (code != 0)
        return code;
    image->hash = &built->hash;
    image->target = design.target->name;
    if (named && mr_card_image_check(named, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    if (!named)
        code = mr_card_image_choose(&design, options->bitstreams, "--build", built->path, error);
    if (code != 0 && options->build_image && !mr_device_first(MR_FORM_XCLBIN, &card))
        return build_image(shape, source, &design, "hw_emu", NULL, options, built, error);
    if (code == 0)
        read_stages(named ? named : built->path, &built->stages);
    return code;
}

int mr_train_build(const struct mr_train_shape *shape, const struct mr_int_device_options *options,
                   struct mr_train_built *built, struct mr_image *image, struct mr_error *error) {
    char source[SOURCE];

    *built = (struct mr_train_built){0};
    *image = (struct mr_image){0};
    if (!mr_device_find(options->device, error))
        return MR_ERROR_ARGUMENT;
    const enum mr_form form = mr_device_form(options->device);
    image->forms[form] = built->path;
    const int code = mr_train_source(shape, MR_NETWORK_TOP, source, sizeof source, error);
    if (code != 0)
        return code;
    return form == MR_FORM_XCLBIN
               ? find_image(shape, source, options, built, image, error)
               : build_here(shape, source, form == MR_FORM_RTL, options, built, error);
}

int mr_train_image_build(const struct mr_train_shape *shape, const char *platform,
                         const char *output, const struct mr_int_device_options *options,
                         struct mr_train_built *built, struct mr_error *error) {
    struct mr_card_design design;
    char source[SOURCE];

    *built = (struct mr_train_built){0};
    int code = mr_card_platform_check(platform, error);
    if (code == 0)
        code = mr_train_source(shape, MR_NETWORK_TOP, source, sizeof source, error);
    if (code == 0)
        code = design_of(source, options, &design, built, error);
    return code ? code
                : build_image(shape, source, &design, platform, output, options, built, error);
}
