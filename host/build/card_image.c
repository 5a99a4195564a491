// SPDX-License-Identifier: Apache-2.0
// Images of cards (card_image.h). An image holds its manifest, so it can be told from others when
// it stands alone; the file beside it adds the image's checksum.
#define _GNU_SOURCE
#include "card_image.h"
#include "build.h"
#include "card_kernel.h"
#include "driver.h"
#include "failure.h"
#include "file.h"
#include "json_append.h"
#include "kernel_hash.h"
#include "mr_registers.h"
#include "network_build.h"
#include "paths.h"
#include "plan.h"
#include "xclbin.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_BASE UINT64_C(0x4000000000)
#define IMAGE_LIMIT ((size_t)1 << 31)
#define ENDING ".xclbin"
enum { MANIFEST_LIMIT = 1 << 24, SOURCE_LIMIT = 1 << 28 };

// Is it the name of an image, with something in front of the ending?
static bool has_ending(const char *name) {
    const size_t length = strlen(name), tail = strlen(ENDING);
    return length > tail && strcmp(name + length - tail, ENDING) == 0;
}

// ---- Finding -----------------------------------------------------------------------------------

int mr_manifest_path(const char *image, char *path, size_t size) {
    static const char *const endings[] = {ENDING, ".bin", ".json"};
    size_t length = strlen(image);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t tail = strlen(endings[i]);
        if (length > tail && strcmp(image + length - tail, endings[i]) == 0) {
            length -= tail;
            break;
        }
    }
    return snprintf(path, size, "%.*s.json", (int)length, image) < (int)size ? 0 : -1;
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

json_t *mr_manifest_read(const char *image, char *error, size_t error_size) {
    char path[PATH_MAX + 8];
    unsigned char *data = NULL;
    size_t size = 0;
    if (mr_manifest_path(image, path, sizeof path)) {
        mr_fail(error, error_size, "%s: the path of the manifest is too long", image);
        return NULL;
    }
    if (mr_file_read(path, MANIFEST_LIMIT, &data, &size, error, error_size))
        return NULL;
    json_t *manifest = json_loadb((const char *)data, size, 0, NULL);
    free(data);
    if (!manifest)
        mr_fail(error, error_size, "%s: the manifest is no JSON; build the image again", path);
    return manifest;
}

static int is_manifest(const struct dirent *entry) {
    static const char ending[] = ".json";
    const size_t length = strlen(entry->d_name);
    return length >= sizeof ending && !strcmp(entry->d_name + length + 1 - sizeof ending, ending);
}

bool mr_manifests_search(const char *folder, mr_manifest_look *look, void *context) {
    char place[PATH_MAX + 16], path[2 * PATH_MAX];
    struct dirent **entries = NULL;
    bool found = false;
    if (mr_images_folder(folder, place, sizeof place, NULL, 0))
        return false;
    const int count = scandir(place, &entries, is_manifest, alphasort);
    for (int i = 0; i < count; i++) {
        if (!found) {
            snprintf(path, sizeof path, "%s/%s", place, entries[i]->d_name);
            json_t *manifest = mr_manifest_read(path, NULL, 0);
            found = manifest && look(manifest, context);
            json_decref(manifest);
        }
        free(entries[i]);
    }
    free(entries);
    return found;
}

static int check_manifest(const char *image, const char *path, char *error, size_t error_size) {
    char sum[65] = "";
    json_t *manifest = mr_manifest_read(image, error, error_size);
    if (!manifest)
        return -1;
    const char *wanted = json_string_value(json_object_get(manifest, "sha256"));
    int result = 0;
    if (!wanted)
        result = mr_fail(error, error_size, "%s: the manifest has no sha256; build the image again",
                         path);
    else if (checksum(image, sum, error, error_size))
        result = -1;
    else if (strcmp(sum, wanted) != 0)
        result = mr_fail(error, error_size,
                         "%s does not have the checksum of its manifest %s: it is damaged or was "
                         "changed; build it again",
                         image, path);
    json_decref(manifest);
    return result;
}

int mr_card_image_check(const char *image, char *error, size_t error_size) {
    char path[PATH_MAX + 8];
    if (mr_manifest_path(image, path, sizeof path) || access(path, F_OK))
        return 0;
    return check_manifest(image, path, error, error_size);
}

static void look_at(const char *path, const struct mr_card_design *design,
                    struct mr_card_images *images) {
    struct mr_xclbin_info info;
    char text[900], manifest[PATH_MAX + 8];
    if (mr_xclbin_read(path, &info, text, sizeof text) ||
        strcmp(info.target, design->target->name) != 0)
        return;
    const enum mr_design_fit fit =
        mr_design_compare(path, &info.hash, design->hash, text, sizeof text);
    if (fit != MR_DESIGN_FITS) {
        if (fit == MR_DESIGN_OTHER_KERNELS)
            snprintf(images->problem, sizeof images->problem, "%s", text);
        return;
    }
    if (mr_manifest_path(path, manifest, sizeof manifest))
        return;
    if (access(manifest, F_OK))
        snprintf(images->problem, sizeof images->problem,
                 "%.300s has no manifest %.300s beside it, so it is not taken unasked; name it: "
                 "xrt:N,IMAGE",
                 path, manifest);
    else if (check_manifest(path, manifest, text, sizeof text))
        snprintf(images->problem, sizeof images->problem, "%s", text);
    else {
        char *place = info.emulation ? images->emulation : images->hardware;
        if (!*place)
            snprintf(place, PATH_MAX, "%s", path);
    }
}

static int is_image(const struct dirent *entry) {
    return has_ending(entry->d_name);
}

static void look_in(const char *folder, const struct mr_card_design *design,
                    struct mr_card_images *images) {
    struct dirent **entries = NULL;
    char path[PATH_MAX];
    const int count = scandir(folder, &entries, is_image, alphasort);
    for (int i = 0; i < count; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) < (int)sizeof path)
            look_at(path, design, images);
        free(entries[i]);
    }
    free(entries);
}

int mr_images_folder(const char *given, char *folder, size_t size, char *error, size_t error_size) {
    const char *variable = getenv("MILLRACE_BITSTREAMS");
    char data_dir[PATH_MAX];
    if (!given && variable && *variable)
        given = variable;
    if (!given && mr_data_dir(data_dir, sizeof data_dir, error, error_size))
        return -1;
    const int used = given ? snprintf(folder, size, "%s", given)
                           : snprintf(folder, size, "%s/bitstreams", data_dir);
    return used < (int)size
               ? 0
               : mr_fail(error, error_size, "%.500s: the path of the images is too long",
                         given ? given : data_dir);
}

void mr_card_images_find(const struct mr_card_design *design, const char *folder,
                         struct mr_card_images *images) {
    char place[PATH_MAX + 16];
    *images = (struct mr_card_images){0};
    if (!mr_images_folder(folder, place, sizeof place, NULL, 0))
        look_in(place, design, images);
}

int mr_card_image_choose(const struct mr_card_design *design, const char *folder, const char *how,
                         char *path, struct mr_error *error) {
    struct mr_card_images images;
    struct mr_device_found entry;
    mr_card_images_find(design, folder, &images);
    const bool card = mr_device_first(MR_FORM_XCLBIN, &entry) != NULL;
    const char *found = card ? images.hardware : images.emulation;
    if (*found) {
        memcpy(path, found, sizeof images.hardware);
        return 0;
    }
    if (*images.problem)
        return mr_failure(error, MR_ERROR_DEVICE, "%s", images.problem);
    if (card)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "there is a card but no image of this network for the %s; link one "
                          "(hw/vitis/)%s%.600s",
                          design->target->name,
                          *images.emulation ? ", or name the emulated card's: " : "",
                          images.emulation);
    return mr_failure(error, MR_ERROR_DEVICE,
                      "there is no card, and no image of an emulated %s with this network; build "
                      "one with %s, or name its folder with --bitstreams",
                      design->target->name, how);
}

// ---- Building ----------------------------------------------------------------------------------

// Were the kernels those of which the design's hash is?
static int check_kernels(const struct mr_card_design *design, char *error, size_t error_size) {
    char path[PATH_MAX + 32];
    unsigned char *source = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/" MR_NETWORK_TOP ".c", design->gen_dir);
    const int result =
        mr_file_read(path, SOURCE_LIMIT, &source, &size, error, error_size)
            ? -1
            : mr_design_kernels_check((const char *)source, design->data_dir, error, error_size);
    free(source);
    return result;
}

unsigned mr_card_memories(const struct mr_report *report) {
    uint64_t count = 0;
    for (size_t i = 0; i < report->external_count; i++)
        count += MR_BEATS_OF((uint64_t)report->externals[i].bits);
    return count < UINT_MAX ? (unsigned)count : UINT_MAX;
}

// hw/include/mr_memory.svh.
static void print_memories(FILE *header, const struct mr_card_design *design) {
    const struct mr_report *report = design->report;
    if (!report->external_count)
        return;
    fprintf(header, "`define MR_MEMORIES %u\n`define MR_MEMORY_LIST", mr_card_memories(report));
    unsigned memory = 0;
    for (size_t i = 0; i < report->external_count; i++)
        for (uint32_t left = report->externals[i].bits, bits; left; left -= bits) {
            bits = left < MR_BEAT_BITS ? left : MR_BEAT_BITS;
            fprintf(header, " `MR_MEMORY(%u, %u, %u)", memory++, (unsigned)bits,
                    (unsigned)design->memory_words[i]);
        }
    fprintf(header, "\n`define MR_WORD_LIST");
    memory = 0;
    for (size_t i = 0; i < report->external_count; i++) {
        const unsigned bits = report->externals[i].bits, beats = MR_BEATS_OF(bits);
        fprintf(header, " `MR_WORD(%s, %u, %u, %u)", report->externals[i].name, bits, memory,
                beats);
        memory += beats;
    }
    fputc('\n', header);
}

char *mr_card_shape_header(const struct mr_card_design *design, char *error, size_t error_size) {
    char *text = NULL;
    size_t size = 0;
    if (check_kernels(design, error, error_size))
        return NULL;
    if (mr_card_memories(design->report) > MR_CARD_MEMORIES_MOST) {
        mr_fail(error, error_size,
                "the network's external memories take %u ports of %d bits, and a card's kernel has "
                "%d at most; give it words of fewer bits",
                mr_card_memories(design->report), MR_BEAT_BITS, MR_CARD_MEMORIES_MOST);
        return NULL;
    }
    FILE *header = open_memstream(&text, &size);
    if (!header) {
        mr_fail(error, error_size, "not enough memory for the image of a card");
        return NULL;
    }
    fprintf(
        header,
        "`define MR_STATE\n`define MR_X_BITS %u\n`define MR_Y_BITS %u\n`define MR_PROCESSES %zu\n",
        design->x_bits, design->y_bits, design->report->process_count);
    if (design->feeds_back)
        fputs("`define MR_FEEDBACK\n", header);
    // A kernel without probes has no port for them.
    if (design->report->probe_count)
        fprintf(header, "`define MR_PROBES %zu\n", design->report->probe_count);
    print_memories(header, design);
    fprintf(header, "`define MR_CLOCK_KHZ %.0f\n`define MR_SHAPE_HASH 128'h",
            design->clock_mhz * 1000);
    for (int i = MR_SHAPE_HASH; i--;)
        fprintf(header, "%02x", design->hash->shape[i]);
    fputc('\n', header);
    if (fclose(header) == 0)
        return text;
    free(text);
    mr_fail(error, error_size, "not enough memory for the image of a card");
    return NULL;
}

// The first line that a tool says of its version; "" when it says none.
static json_t *version_of(const char *program) {
    char command[PATH_MAX], line[200] = "";
    snprintf(command, sizeof command, "'%s' --version 2>/dev/null", program);
    FILE *tool = strchr(program, '\'') ? NULL : popen(command, "r");
    if (tool && !fgets(line, sizeof line, tool))
        *line = '\0';
    if (tool)
        pclose(tool);
    line[strcspn(line, "\n")] = '\0';
    return json_string(line);
}

static json_t *process_names(const struct mr_report *report) {
    json_t *names = json_array();
    for (size_t i = 0; i < report->process_count; i++)
        mr_json_append(&names, json_string(report->processes[i].name));
    return names;
}

// A probe's process is its place among the names.
static json_t *probe_names(const struct mr_report *report) {
    json_t *probes = json_array();
    for (size_t i = 0; i < report->process_count; i++)
        for (size_t k = 0; k < report->processes[i].probe_count; k++) {
            const struct mr_report_probe *probe = &report->processes[i].probes[k];
            mr_json_append(&probes, json_pack("{s:i, s:s, s:i}", "process", (int)i, "name",
                                              probe->name, "bits", (int)probe->bits));
        }
    return probes;
}

json_t *mr_card_manifest(const struct mr_card_design *design, const char *platform) {
    char shape[MR_HASH_TEXT], source[MR_HASH_TEXT];
    mr_hash_text(design->hash->shape, shape);
    mr_hash_text(design->hash->source, source);
    json_t *manifest =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:f, s:o, s:o, s:{s:s, s:o, s:o}}",
                  "kernel", "millrace", "target", design->target->name, "part",
                  design->target->part, "platform", platform, "shape_hash", shape, "source_hash",
                  source, "x_bits", (int)design->x_bits, "y_bits", (int)design->y_bits, "clock_mhz",
                  design->clock_mhz, "processes", process_names(design->report), "probes",
                  probe_names(design->report), "tools", "millrace", mr_version(), "verilator",
                  version_of(mr_build_verilator()), "cxx", version_of(mr_build_cxx()));
    if (manifest && json_object_update(manifest, design->described)) {
        json_decref(manifest);
        return NULL;
    }
    return manifest;
}

// "3-5-4-2_u55c_hw_emu_0123abcd.xclbin": its own name, target, platform, hash.
static void image_name(const struct mr_card_design *design, const char *platform, char *name,
                       size_t size) {
    const unsigned char *hash = design->hash->shape;
    snprintf(name, size, "%s_%s_%s_%02x%02x%02x%02x" ENDING, design->name, design->target->name,
             platform, hash[0], hash[1], hash[2], hash[3]);
}

static int make_folder(const char *folder, char *error, size_t error_size) {
    if ((mkdir(folder, 0777) && errno != EEXIST) || access(folder, W_OK | X_OK))
        return mr_fail(
            error, error_size,
            "%s: images cannot be written there (%s); choose a place with -o, and name it "
            "with --bitstreams when it is to be run",
            folder, strerror(errno));
    return 0;
}

int mr_card_image_place(const struct mr_card_design *design, const char *platform,
                        const char *output, const struct mr_options *options, char *path,
                        size_t path_size, char *error, size_t error_size) {
    const bool project = strcmp(platform, "hw") == 0;
    char folder[PATH_MAX + 16], name[300];
    int used;
    if (output && (project || has_ending(output))) {
        used = snprintf(path, path_size, "%s", output);
    } else {
        const char *given = output ? output : options ? options->bitstreams : NULL;
        if (mr_images_folder(given, folder, sizeof folder, error, error_size) ||
            make_folder(folder, error, error_size))
            return -1;
        image_name(design, platform, name, sizeof name);
        if (project)
            name[strlen(name) - strlen(ENDING)] = '\0';
        used = snprintf(path, path_size, "%s/%s", folder, name);
    }
    if (used < 0 || (size_t)used >= path_size)
        return mr_fail(error, error_size, "the image's path is too long");
    return project ? make_folder(path, error, error_size) : 0;
}

static int pack(const struct mr_card_design *design, const char *so_path, const char *manifest,
                const char *path, char *error, size_t error_size) {
    char program[PATH_MAX], registers[PATH_MAX + 32], script[200];
    const struct mr_target *target = design->target;
    // An emulated card has as much as its model.
    const uint64_t memory_size = (uint64_t)target->gib << 30;
    if (mr_card_program_path(program, sizeof program, error, error_size))
        return -1;
    snprintf(registers, sizeof registers, "%s/hw/registers.json", design->data_dir);
    snprintf(script, sizeof script,
             "#!/bin/sh\ncd \"$(dirname \"$0\")\" && exec ./millrace_card ./kernel.so 0x%llx "
             "0x%llx\n",
             (unsigned long long)MEMORY_BASE, (unsigned long long)memory_size);
    const struct mr_xclbin_file files[] = {
        {.name = MR_XCLBIN_SCRIPT_FOLDER "/simulate.sh", .executable = true, .text = script},
        {.name = MR_XCLBIN_SCRIPT_FOLDER "/millrace_card", .executable = true, .path = program},
        {.name = MR_XCLBIN_SCRIPT_FOLDER "/kernel.so", .path = so_path}};
    const struct mr_xclbin_spec spec = {.registers = registers,
                                        .target = target->name,
                                        .part = target->part,
                                        .register_base = MR_CARD_REGISTER_BASE,
                                        .memory_base = MEMORY_BASE,
                                        .memory_size = memory_size,
                                        .memories = mr_card_memories(design->report),
                                        .clock_mhz = (unsigned)design->clock_mhz,
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
    if (json_object_set_new(manifest, "image", json_string(name ? name + 1 : image)) ||
        json_object_set_new(manifest, "sha256", json_string(sum)))
        return mr_fail(error, error_size,
                       "%s: the manifest beside it cannot be made: memory is short, or the name is "
                       "no UTF-8",
                       image);
    if (mr_manifest_path(image, path, sizeof path))
        return mr_fail(error, error_size, "%s: the path of the manifest is too long", image);
    char *text = json_dumps(manifest, JSON_INDENT(2));
    if (!text)
        return mr_fail(error, error_size, "not enough memory for the image's manifest");
    const struct mr_piece pieces[] = {{text, strlen(text)}, {"\n", 1}};
    const int result = mr_file_write(path, pieces, 2, error, error_size);
    free(text);
    return result;
}

int mr_card_emulation_build(const struct mr_card_design *design, const char *output,
                            const struct mr_options *options, char *path, size_t path_size,
                            struct mr_error *error) {
    char text[900], so_path[PATH_MAX];
    char *header = mr_card_shape_header(design, text, sizeof text);
    json_t *manifest = header ? mr_card_manifest(design, "hw_emu") : NULL;
    char *embedded = manifest ? json_dumps(manifest, JSON_COMPACT) : NULL;
    const struct mr_build build = {.data_dir = design->data_dir,
                                   .gen_dir = design->gen_dir,
                                   .top = MR_NETWORK_TOP,
                                   .cache_dir = design->cache_dir,
                                   .trace = options && options->trace,
                                   .merged = true,
                                   .notes = mr_notes_of(options),
                                   .shape = header};
    int failed = embedded ? 0
                 : header ? mr_fail(text, sizeof text, "not enough memory for the image of a card")
                          : -1;
    if (!failed && options && options->progress)
        options->progress(options->progress_context,
                          "building the emulated card unless it is in the cache (verilator)");
    failed = failed || mr_build_card(&build, so_path, sizeof so_path, text, sizeof text) ||
             mr_card_image_place(design, "hw_emu", output, options, path, path_size, text,
                                 sizeof text) ||
             pack(design, so_path, embedded, path, text, sizeof text) ||
             write_manifest(manifest, path, text, sizeof text);
    free(header);
    free(embedded);
    json_decref(manifest);
    return failed ? mr_failure(error, MR_ERROR_BUILD, "%s", text) : 0;
}
