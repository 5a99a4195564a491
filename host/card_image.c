// SPDX-License-Identifier: Apache-2.0
// Images of cards (card_image.h). An image holds its manifest, so it can be told from others when
// it stands alone; the file beside it adds the image's checksum.
#define _GNU_SOURCE
#include "card_image.h"
#include "build.h"
#include "card_kernel.h"
#include "card_project.h"
#include "failure.h"
#include "file.h"
#include "generate.h"
#include "mr_registers.h"
#include "paths.h"
#include "plan_report.h"
#include "xclbin.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MEMORY_BASE UINT64_C(0x4000000000)
#define IMAGE_LIMIT ((size_t)1 << 31)

// The memory that an emulated card has, as its model has it (HBM2 or DDR4, in GiB).
static uint64_t memory_of(const char *target) {
    static const struct {
        const char *name;
        unsigned gib;
    } sizes[] = {{"u50", 8}, {"u55c", 16}, {"u200", 64}, {"u250", 64}, {"u280", 8}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, target) == 0)
            return (uint64_t)sizes[i].gib << 30;
    return UINT64_C(16) << 30;
}

static void hash_text(const unsigned char *hash, char *text) {
    for (int i = 0; i < MR_SHAPE_HASH; i++)
        sprintf(text + 2 * i, "%02x", hash[i]);
}

// ---- Finding -----------------------------------------------------------------------------------

static void look_at(const char *path, const struct mr_compiled *compiled,
                    struct mr_card_images *images) {
    struct mr_xclbin_info info;
    char text[900];
    if (mr_xclbin_read(path, &info, text, sizeof text) ||
        memcmp(info.shape_hash, compiled->shape_hash, MR_SHAPE_HASH) != 0 ||
        strcmp(info.target, compiled->plan.target->name) != 0)
        return;
    char *place = info.emulation ? images->emulation : images->hardware;
    if (!*place)
        snprintf(place, PATH_MAX, "%s", path);
}

static int is_image(const struct dirent *entry) {
    const size_t length = strlen(entry->d_name);
    return length > 7 && strcmp(entry->d_name + length - 7, ".xclbin") == 0;
}

static void look_in(const char *folder, const struct mr_compiled *compiled,
                    struct mr_card_images *images) {
    struct dirent **entries = NULL;
    char path[PATH_MAX];
    const int count = scandir(folder, &entries, is_image, alphasort);
    for (int i = 0; i < count; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) < (int)sizeof path)
            look_at(path, compiled, images);
        free(entries[i]);
    }
    free(entries);
}

void mr_card_images_find(const struct mr_compiled *compiled, struct mr_card_images *images) {
    const char *given = getenv("MILLRACE_BITSTREAMS");
    char folder[PATH_MAX + 16];
    *images = (struct mr_card_images){0};
    if (given && *given) {
        look_in(given, compiled, images);
        return;
    }
    look_in("bitstreams", compiled, images);
    snprintf(folder, sizeof folder, "%s/bitstreams", compiled->data_dir);
    look_in(folder, compiled, images);
}

// ---- Building ----------------------------------------------------------------------------------

static uint32_t x_bits(const struct mr_plan *plan) {
    return 16 * (uint32_t)plan->layers[0].lc;
}

enum { Y_BITS = 32 };

// The text of mr_network.svh, which gives the RTL kernel its shape (docs/card.md).
static char *shape_header(const struct mr_compiled *compiled) {
    char *text = NULL;
    size_t size = 0;
    FILE *header = open_memstream(&text, &size);
    if (!header)
        return NULL;
    fprintf(
        header,
        "`define MR_STATE\n`define MR_X_BITS %u\n`define MR_Y_BITS %d\n`define MR_PROCESSES %zu\n"
        "`define MR_PROBES %zu\n`define MR_CLOCK_KHZ %.0f\n`define MR_SHAPE_HASH 128'h",
        x_bits(&compiled->plan), Y_BITS, compiled->report->process_count,
        compiled->report->probe_count, compiled->clock_mhz * 1000);
    for (int i = MR_SHAPE_HASH; i--;)
        fprintf(header, "%02x", compiled->shape_hash[i]);
    fputc('\n', header);
    return fclose(header) ? NULL : text;
}

// The first line that a tool says of its version; "" when it says none.
static json_t *version_of(const char *variable, const char *otherwise) {
    const char *own = getenv(variable);
    char command[PATH_MAX], line[200] = "";
    snprintf(command, sizeof command, "'%s' --version 2>/dev/null", own && *own ? own : otherwise);
    FILE *tool = strchr(own ? own : "", '\'') ? NULL : popen(command, "r");
    if (tool && !fgets(line, sizeof line, tool))
        *line = '\0';
    if (tool)
        pclose(tool);
    line[strcspn(line, "\n")] = '\0';
    return json_string(line);
}

static json_t *shape_json(const struct mr_plan *plan) {
    json_t *layers = json_array();
    for (int i = 0; i < plan->layer_count; i++)
        json_array_append_new(layers, json_pack("{s:i, s:i, s:i}", "inputs", plan->layers[i].inputs,
                                                "hidden", plan->layers[i].hidden, "lanes",
                                                plan->layers[i].lc));
    return json_pack("{s:o, s:i, s:b}", "layers", layers, "outputs", plan->head.outputs, "sigmoid",
                     plan->head.sigmoid);
}

static json_t *process_names(const struct mr_report *report) {
    json_t *names = json_array();
    for (size_t i = 0; i < report->process_count; i++)
        json_array_append_new(names, json_string(report->processes[i].name));
    return names;
}

static json_t *make_manifest(const struct mr_compiled *compiled, const char *platform) {
    const struct mr_plan *plan = &compiled->plan;
    char hash[2 * MR_SHAPE_HASH + 1];
    hash_text(compiled->shape_hash, hash);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:i, s:i, s:f, s:o, s:{s:I, s:I, s:I, s:I}, s:s, s:{s:s, "
        "s:o, s:o}}",
        "kernel", "millrace", "target", plan->target->name, "part", plan->target->part, "platform",
        platform, "shape_hash", hash, "shape", shape_json(plan), "x_bits", (int)x_bits(plan),
        "y_bits", Y_BITS, "clock_mhz", compiled->clock_mhz, "processes",
        process_names(compiled->report), "resources", "multipliers", (json_int_t)plan->multipliers,
        "bram18", (json_int_t)plan->memory.bram18, "uram", (json_int_t)plan->memory.uram,
        "lut_memory", (json_int_t)plan->memory.lut, "resources_source",
        "estimated by the planner, not measured", "tools", "millrace", mr_version(), "verilator",
        version_of("MILLRACE_VERILATOR", "verilator"), "cxx", version_of("MILLRACE_CXX", "c++"));
}

static int checksum(const char *path, char text[65], char *error, size_t error_size) {
    unsigned char *data = NULL, digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (mr_file_read(path, IMAGE_LIMIT, &data, &size, error, error_size))
        return -1;
    const int good = EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL);
    free(data);
    for (int i = 0; good && i < 32; i++)
        sprintf(text + 2 * i, "%02x", digest[i]);
    return good ? 0 : mr_fail(error, error_size, "not enough memory for a checksum");
}

// "3-5-4-2_u55c_hw_emu_0123abcd.xclbin": layers, target, platform, hash.
static void image_name(const struct mr_compiled *compiled, const char *platform, char *name,
                       size_t size) {
    const struct mr_plan *plan = &compiled->plan;
    size_t used = (size_t)snprintf(name, size, "%d", plan->layers[0].inputs);
    for (int i = 0; i < plan->layer_count && used < size; i++)
        used += (size_t)snprintf(name + used, size - used, "-%d", plan->layers[i].hidden);
    if (used < size)
        snprintf(name + used, size - used, "-%d_%s_%s_%02x%02x%02x%02x.xclbin", plan->head.outputs,
                 plan->target->name, platform, compiled->shape_hash[0], compiled->shape_hash[1],
                 compiled->shape_hash[2], compiled->shape_hash[3]);
}

static int place_image(const struct mr_compiled *compiled, const char *platform, const char *output,
                       char *path, size_t path_size, char *error, size_t error_size) {
    const char *given = getenv("MILLRACE_BITSTREAMS");
    const size_t length = output ? strlen(output) : 0;
    char name[300];
    int used;
    if (length > 7 && strcmp(output + length - 7, ".xclbin") == 0) {
        used = snprintf(path, path_size, "%s", output);
    } else {
        const char *folder = output ? output : given && *given ? given : "bitstreams";
        if (mkdir(folder, 0777) && errno != EEXIST)
            return mr_fail(error, error_size, "%s: cannot be made (%s); choose a place with -o",
                           folder, strerror(errno));
        image_name(compiled, platform, name, sizeof name);
        used = snprintf(path, path_size, "%s/%s", folder, name);
    }
    return used < 0 || (size_t)used >= path_size
               ? mr_fail(error, error_size, "the image's path is too long")
               : 0;
}

// A folder for the files that Vitis needs.
static int place_project(const struct mr_compiled *compiled, const char *output, char *path,
                         size_t path_size, char *error, size_t error_size) {
    char name[300];
    image_name(compiled, "hw", name, sizeof name);
    name[strlen(name) - 7] = '\0'; // the ending
    if (!output && mkdir("bitstreams", 0777) && errno != EEXIST)
        return mr_fail(error, error_size, "bitstreams: cannot be made (%s); choose a place with -o",
                       strerror(errno));
    const int used = output ? snprintf(path, path_size, "%s", output)
                            : snprintf(path, path_size, "bitstreams/%s", name);
    if (used < 0 || (size_t)used >= path_size)
        return mr_fail(error, error_size, "the folder's path is too long");
    if (mkdir(path, 0777) && errno != EEXIST)
        return mr_fail(error, error_size, "%s: cannot be made (%s)", path, strerror(errno));
    return 0;
}

static int pack(const struct mr_compiled *compiled, const char *so_path, const char *manifest,
                const char *path, char *error, size_t error_size) {
    char program[PATH_MAX], registers[PATH_MAX + 32], script[200];
    const struct mr_plan *plan = &compiled->plan;
    if (mr_card_program_path(program, sizeof program, error, error_size))
        return -1;
    snprintf(registers, sizeof registers, "%s/hw/registers.json", compiled->data_dir);
    snprintf(script, sizeof script,
             "#!/bin/sh\ncd \"$(dirname \"$0\")\" && exec ./millrace_card ./kernel.so 0x%llx "
             "0x%llx\n",
             (unsigned long long)MEMORY_BASE, (unsigned long long)memory_of(plan->target->name));
    const struct mr_xclbin_file files[] = {
        {.name = MR_XCLBIN_SCRIPT_FOLDER "/simulate.sh", .executable = true, .text = script},
        {.name = MR_XCLBIN_SCRIPT_FOLDER "/millrace_card", .executable = true, .path = program},
        {.name = MR_XCLBIN_SCRIPT_FOLDER "/kernel.so", .path = so_path}};
    const struct mr_xclbin_spec spec = {.registers = registers,
                                        .target = plan->target->name,
                                        .part = plan->target->part,
                                        .register_base = MR_CARD_REGISTER_BASE,
                                        .memory_base = MEMORY_BASE,
                                        .memory_size = memory_of(plan->target->name),
                                        .clock_mhz = (unsigned)compiled->clock_mhz,
                                        .manifest = manifest,
                                        .files = files,
                                        .file_count = sizeof files / sizeof *files};
    return mr_xclbin_write(path, &spec, error, error_size);
}

// The manifest beside the image.
static int write_manifest(json_t *manifest, const char *image, char *error, size_t error_size) {
    char path[PATH_MAX + 8], sum[65] = "";
    const char *name = strrchr(image, '/');
    if (checksum(image, sum, error, error_size))
        return -1;
    json_object_set_new(manifest, "image", json_string(name ? name + 1 : image));
    json_object_set_new(manifest, "sha256", json_string(sum));
    char *text = json_dumps(manifest, JSON_INDENT(2));
    if (!text)
        return mr_fail(error, error_size, "not enough memory for the image's manifest");
    snprintf(path, sizeof path, "%.*s.json", (int)strlen(image) - 7, image);
    const struct mr_piece pieces[] = {{text, strlen(text)}, {"\n", 1}};
    const int result = mr_file_write(path, pieces, 2, error, error_size);
    free(text);
    return result;
}

int mr_card_image_build(const struct mr_compiled *compiled, const char *platform,
                        const char *output, const struct mr_options *options, char *path,
                        size_t path_size, struct mr_error *error) {
    char text[900], so_path[PATH_MAX];
    const bool hardware = strcmp(platform, "hw") == 0;
    if (!hardware && strcmp(platform, "hw_emu") != 0)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "platform %.60s is not known; known are hw_emu, an emulated card, and hw, "
            "what Vitis needs to link an image for a card",
            platform);
    char *header = shape_header(compiled);
    json_t *manifest = make_manifest(compiled, platform);
    char *embedded = manifest ? json_dumps(manifest, JSON_COMPACT) : NULL;
    const struct mr_build build = {.data_dir = compiled->data_dir,
                                   .gen_dir = compiled->gen_dir,
                                   .top = MR_NETWORK_TOP,
                                   .cache_dir = compiled->cache_dir,
                                   .trace = options && options->trace,
                                   .notes = mr_notes_of(options),
                                   .shape = header};
    int failed = 0;
    if (!header || !embedded)
        failed = mr_fail(text, sizeof text, "not enough memory for the image of a card");
    if (!failed && hardware) {
        failed = place_project(compiled, output, path, path_size, text, sizeof text) ||
                 mr_card_project_write(compiled, header, manifest, path, text, sizeof text);
        goto out;
    }
    if (!failed && options && options->progress)
        options->progress(options->progress_context,
                          "building the emulated card unless it is in the cache (verilator)");
    failed = failed || mr_build_card(&build, so_path, sizeof so_path, text, sizeof text) ||
             place_image(compiled, platform, output, path, path_size, text, sizeof text) ||
             pack(compiled, so_path, embedded, path, text, sizeof text) ||
             write_manifest(manifest, path, text, sizeof text);
out:
    free(header);
    free(embedded);
    json_decref(manifest);
    return failed ? mr_failure(error, MR_ERROR_BUILD, "%s", text) : 0;
}
