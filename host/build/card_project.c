// SPDX-License-Identifier: Apache-2.0
// What is built for a card (card_project.h). Processes go to the dies (SLRs) of the pipeline; of a
// channel from die to die, the registers and the FIFO go to the sides that they are made for.
#define _GNU_SOURCE
#include "card_project.h"
#include "device_table.h"
#include "failure.h"
#include "file.h"
#include "kernel_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_link(FILE *file, const struct mr_card_design *design,
                       const struct mr_pipeline *at) {
    const struct mr_target *target = design->target;
    const unsigned mhz = (unsigned)design->clock_mhz;
    fprintf(file,
            "# v++ --link --config link.cfg, by hw/vitis/build.sh.\n"
            "platform=%s\nkernel_frequency=%u\n\n[connectivity]\nnk=millrace:1:millrace_1\n"
            "sp=millrace_1.m_axi_gmem_in:%s\nsp=millrace_1.m_axi_gmem_out:%s\n",
            target->platform, mhz, target->memory_in, target->memory_out);
    const unsigned memories = mr_card_memories(design->report);
    char bank[32];
    for (unsigned i = 0; i < memories; i++)
        fprintf(file, "sp=millrace_1.m_axi_memory%u:%s\n", i,
                mr_target_memory(target, i, memories, bank, sizeof bank));
    if (at && at->dies == 1)
        fprintf(file, "slr=millrace_1:SLR%d\n", at->first_die);
    fprintf(file, "\n[vivado]\nprop=run.impl_1.STEPS.PHYS_OPT_DESIGN.IS_ENABLED=true\n");
    if (at && at->dies > 1) // before the design is optimised
        fprintf(file, "prop=run.impl_1.STEPS.OPT_DESIGN.TCL.PRE=./place.tcl\n");
}

// The die of each way to tiles, which is that of the middle one of them.
static void print_ways(FILE *file, const struct mr_target *target, const struct mr_process *process,
                       const struct mr_report_process *report) {
    const uint32_t tiles = report->tiles, of_way = report->tiles_of_way;
    fprintf(file, "spread %s %d %u {", process->name, process->die, (unsigned)of_way);
    for (uint32_t t = 0; t < tiles; t += of_way) {
        const uint32_t end = tiles - t > of_way ? t + of_way : tiles;
        fprintf(file, "%s%d", t ? " " : "",
                mr_place_of(target, process, ((double)t + end) / (2.0 * tiles)));
    }
    fprintf(file, "}\n");
}

// What hw/vitis/dies.tcl does, and with what.
static void print_placement(FILE *file, const char *procedures, const struct mr_card_design *design,
                            const struct mr_pipeline *at) {
    fprintf(file, "%s\n", procedures);
    if (!at)
        fprintf(file, "# The placer has a free hand.\n");
    for (int i = 0; at && i < at->process_count; i++) {
        const struct mr_process *process = &at->processes[i];
        const struct mr_report_process *report = mr_report_process(design->report, process->name);
        if (process->spans && report && report->tiles)
            print_ways(file, design->target, process, report);
        else if (process->spans)
            fprintf(file, "# %s lies about SLR%d, and the placer has a free hand.\n", process->name,
                    process->die);
        else
            fprintf(file, "place %s %d\n", process->name, process->die);
    }
    for (int i = 0; at && i < at->channel_count; i++) {
        const struct mr_channel *channel = &at->channels[i];
        if (channel->crossing)
            fprintf(file, "cross %s %d %d\n", channel->name, at->processes[channel->writer].die,
                    at->processes[channel->reader].die);
    }
}

static void print_kernel(FILE *file, const json_t *description, unsigned memories) {
    const char *kernel = mr_json_text(description, "kernel");
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<root versionMajor=\"1\" "
            "versionMinor=\"6\">\n <kernel name=\"%s\" language=\"ip_c\" "
            "vlnv=\"millrace:kernel:%s:1.0\" attributes=\"\" "
            "preferredWorkGroupSizeMultiple=\"0\" workGroupSize=\"1\" interrupt=\"true\" "
            "hwControlProtocol=\"%s\">\n  <ports>\n",
            kernel, kernel, mr_json_text(description, "control"));
    mr_kernel_xml_ports(file, description, memories);
    fprintf(file, "  </ports>\n  <args>\n");
    mr_kernel_xml_arguments(file, description, memories);
    fprintf(file, "  </args>\n </kernel>\n</root>\n");
}

static int write_text(const char *folder, const char *name, const char *text, size_t size,
                      char *error, size_t error_size) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const struct mr_piece piece = {text, size};
    return mr_file_write(path, &piece, 1, error, error_size);
}

static char *read_text(const char *folder, const char *name, char *error, size_t error_size) {
    char path[PATH_MAX + 32];
    unsigned char *data = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (mr_file_read(path, (size_t)1 << 30, &data, &size, error, error_size))
        return NULL;
    return (char *)data;
}

static int copy_network(const struct mr_card_design *design, const char *folder, char *error,
                        size_t error_size) {
    char *text = read_text(design->gen_dir, "network.sv", error, error_size);
    const int result =
        text ? write_text(folder, "network.sv", text, strlen(text), error, error_size) : -1;
    free(text);
    return result;
}

// Into an existing folder.
static int write_files(const struct mr_card_design *design, const struct mr_pipeline *pipeline,
                       const char *header, const json_t *manifest, const char *folder, char *error,
                       size_t error_size) {
    char registers[PATH_MAX + 32], *texts[3] = {0};
    static const char *const names[3] = {"link.cfg", "place.tcl", "kernel.xml"};
    size_t sizes[3];
    snprintf(registers, sizeof registers, "%s/hw/registers.json", design->data_dir);
    json_t *description = json_load_file(registers, 0, NULL);
    if (!description)
        return mr_fail(error, error_size, "%s: cannot be read", registers);
    char *procedures = read_text(design->data_dir, "hw/vitis/dies.tcl", error, error_size);
    int failed = procedures ? copy_network(design, folder, error, error_size) : -1;
    for (int i = 0; i < 3 && !failed; i++) {
        FILE *file = open_memstream(&texts[i], &sizes[i]);
        if (file) {
            if (i == 0)
                print_link(file, design, pipeline);
            else if (i == 1)
                print_placement(file, procedures, design, pipeline);
            else
                print_kernel(file, description, mr_card_memories(design->report));
            fclose(file);
        }
        failed = texts[i] ? write_text(folder, names[i], texts[i], sizes[i], error, error_size)
                          : mr_fail(error, error_size, "not enough memory for the project");
        free(texts[i]);
    }
    free(procedures);
    char *text = failed ? NULL : json_dumps(manifest, JSON_INDENT(2));
    failed = failed || !text ||
             write_text(folder, "manifest.json", text, strlen(text), error, error_size) ||
             write_text(folder, "mr_network.svh", header, strlen(header), error, error_size);
    free(text);
    json_decref(description);
    return failed ? -1 : 0;
}

static int write_project(const struct mr_card_design *design, const struct mr_pipeline *pipeline,
                         const char *output, const struct mr_options *options, char *path,
                         size_t path_size, struct mr_error *error) {
    char text[900];
    char *header = mr_card_shape_header(design, text, sizeof text);
    json_t *manifest = header ? mr_card_manifest(design, "hw") : NULL;
    const int failed =
        !header     ? -1
        : !manifest ? mr_fail(text, sizeof text, "not enough memory for the image of a card")
                    : mr_card_image_place(design, "hw", output, options, path, path_size, text,
                                          sizeof text) ||
                          write_files(design, pipeline, header, manifest, path, text, sizeof text);
    free(header);
    json_decref(manifest);
    return failed ? mr_failure(error, MR_ERROR_BUILD, "%s", text) : 0;
}

int mr_card_platform_build(const struct mr_card_design *design, const struct mr_pipeline *pipeline,
                           const char *platform, const char *output,
                           const struct mr_options *options, char *path, size_t path_size,
                           struct mr_error *error) {
    if (strcmp(platform, "hw") == 0)
        return write_project(design, pipeline, output, options, path, path_size, error);
    return mr_card_emulation_build(design, output, options, path, path_size, error);
}

int mr_card_platform_check(const char *platform, struct mr_error *error) {
    if (strcmp(platform, "hw") == 0 || strcmp(platform, "hw_emu") == 0)
        return 0;
    return mr_failure(error, MR_ERROR_ARGUMENT,
                      "platform %.60s is not known; known are hw_emu, an emulated card, and hw, "
                      "what Vitis needs to link an image for a card",
                      platform);
}
