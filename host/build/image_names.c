// SPDX-License-Identifier: Apache-2.0
// Names of processes and probes (image_names.h).
#define _POSIX_C_SOURCE 200809L
#include "image_names.h"
#include "card_image.h"
#include "design_hash.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BITS = 64 };

void mr_image_names_free(struct mr_image_names *names) {
    for (uint32_t i = 0; names->processes && i < names->process_count; i++)
        free(names->processes[i]);
    for (uint32_t i = 0; names->probes && i < names->probe_count; i++)
        free((char *)(uintptr_t)names->probes[i].name);
    free(names->processes);
    free(names->probes);
    *names = (struct mr_image_names){0};
}

static bool make_room(struct mr_image_names *names, size_t processes, size_t probes) {
    *names = (struct mr_image_names){.process_count = (uint32_t)processes,
                                     .probe_count = (uint32_t)probes,
                                     .processes = calloc(processes + 1, sizeof *names->processes),
                                     .probes = calloc(probes + 1, sizeof *names->probes)};
    return names->processes && names->probes;
}

int mr_image_names_of_report(const struct mr_report *report, struct mr_image_names *names) {
    uint32_t at = 0;
    bool good = make_room(names, report->process_count, report->probe_count);
    for (size_t i = 0; good && i < report->process_count; i++) {
        const struct mr_report_process *process = &report->processes[i];
        names->processes[i] = strdup(process->name);
        good = names->processes[i] != NULL;
        for (size_t k = 0; good && k < process->probe_count; k++, at++) {
            names->probes[at] = (struct mr_probe){.process = names->processes[i],
                                                  .name = strdup(process->probes[k].name),
                                                  .bits = process->probes[k].bits};
            good = names->probes[at].name != NULL;
        }
    }
    if (!good)
        mr_image_names_free(names);
    return good ? 0 : -1;
}

// 0, -1 or 1 as above.
static int take_names(const json_t *manifest, struct mr_image_names *names) {
    const json_t *processes = json_object_get(manifest, "processes"),
                 *probes = json_object_get(manifest, "probes");
    if (!json_is_array(processes) || !json_is_array(probes))
        return 1;
    if (!make_room(names, json_array_size(processes), json_array_size(probes)))
        return -1;
    for (uint32_t i = 0; i < names->process_count; i++) {
        const char *name = json_string_value(json_array_get(processes, i));
        if (!name)
            return 1;
        if (!(names->processes[i] = strdup(name)))
            return -1;
    }
    for (uint32_t i = 0; i < names->probe_count; i++) {
        const json_t *probe = json_array_get(probes, i);
        const char *name = json_string_value(json_object_get(probe, "name"));
        const json_int_t process = json_integer_value(json_object_get(probe, "process")),
                         bits = json_integer_value(json_object_get(probe, "bits"));
        if (!name || process < 0 || process >= (json_int_t)names->process_count || bits < 1 ||
            bits > MOST_BITS)
            return 1;
        names->probes[i] = (struct mr_probe){
            .process = names->processes[process], .name = strdup(name), .bits = (uint32_t)bits};
        if (!names->probes[i].name)
            return -1;
    }
    return 0;
}

int mr_image_names_read(const char *image, struct mr_image_names *names) {
    char text[900];
    *names = (struct mr_image_names){0};
    json_t *manifest = mr_manifest_read(image, text, sizeof text);
    const int result = take_names(manifest, names);
    json_decref(manifest);
    if (result)
        mr_image_names_free(names);
    return result;
}

struct search {
    const unsigned char *shape_hash;
    struct mr_image_names *names;
    int result;
};

static bool take_of_shape(const json_t *manifest, void *context) {
    struct search *search = context;
    unsigned char hash[MR_SHAPE_HASH];
    const char *text = json_string_value(json_object_get(manifest, "shape_hash"));
    if (!mr_hash_parse(text, hash) || memcmp(hash, search->shape_hash, sizeof hash) != 0)
        return false;
    search->result = take_names(manifest, search->names);
    if (search->result)
        mr_image_names_free(search->names);
    return search->result <= 0;
}

int mr_image_names_find(const unsigned char *shape_hash, const char *folder,
                        struct mr_image_names *names) {
    struct search search = {shape_hash, names, 1};
    *names = (struct mr_image_names){0};
    mr_manifests_search(folder, take_of_shape, &search);
    return search.result;
}
