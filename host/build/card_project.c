// SPDX-License-Identifier: Apache-2.0
// What Vitis needs (card_project.h). Processes go to the dies (SLRs) of the pipeline; of a channel
// from die to die, the registers and the FIFO go to the sides that they are made for.
#define _GNU_SOURCE
#include "card_project.h"
#include "device_table.h"
#include "file.h"
#include "kernel_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_link(FILE *file, const struct mr_compiled *compiled,
                       const struct mr_pipeline *at) {
    const struct mr_target *target = compiled->plan.target;
    const unsigned mhz = (unsigned)compiled->clock_mhz;
    fprintf(file,
            "# v++ --link --config link.cfg, by hw/vitis/build.sh.\n"
            "platform=%s\nkernel_frequency=%u\n\n[connectivity]\nnk=millrace:1:millrace_1\n"
            "sp=millrace_1.m_axi_gmem_in:%s\nsp=millrace_1.m_axi_gmem_out:%s\n",
            target->platform, mhz, target->memory_in, target->memory_out);
    if (at->dies == 1)
        fprintf(file, "slr=millrace_1:SLR%d\n", at->first_die);
    fprintf(file, "\n[vivado]\nprop=run.impl_1.STEPS.PHYS_OPT_DESIGN.IS_ENABLED=true\n");
    if (at->dies > 1) // before the design is optimised
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
static void print_placement(FILE *file, const char *procedures,
                            const struct mr_compiled *compiled) {
    const struct mr_pipeline *at = &compiled->pipeline;
    fprintf(file, "%s\n", procedures);
    for (int i = 0; i < at->process_count; i++) {
        const struct mr_process *process = &at->processes[i];
        const struct mr_report_process *report = mr_report_process(compiled->report, process->name);
        if (process->spans && report && report->tiles)
            print_ways(file, compiled->plan.target, process, report);
        else if (process->spans)
            fprintf(file, "# %s lies about SLR%d, and the placer has a free hand.\n", process->name,
                    process->die);
        else
            fprintf(file, "place %s %d\n", process->name, process->die);
    }
    for (int i = 0; i < at->channel_count; i++) {
        const struct mr_channel *channel = &at->channels[i];
        if (channel->crossing)
            fprintf(file, "cross %s %d %d\n", channel->name, at->processes[channel->writer].die,
                    at->processes[channel->reader].die);
    }
}

static void print_kernel(FILE *file, const json_t *description) {
    const char *kernel = mr_json_text(description, "kernel");
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<root versionMajor=\"1\" "
            "versionMinor=\"6\">\n <kernel name=\"%s\" language=\"ip_c\" "
            "vlnv=\"millrace:kernel:%s:1.0\" attributes=\"\" "
            "preferredWorkGroupSizeMultiple=\"0\" workGroupSize=\"1\" interrupt=\"true\" "
            "hwControlProtocol=\"%s\">\n  <ports>\n",
            kernel, kernel, mr_json_text(description, "control"));
    mr_kernel_xml_ports(file, description);
    fprintf(file, "  </ports>\n  <args>\n");
    mr_kernel_xml_arguments(file, description);
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

static int copy_network(const struct mr_compiled *compiled, const char *folder, char *error,
                        size_t error_size) {
    char *text = read_text(compiled->gen_dir, "network.sv", error, error_size);
    const int result =
        text ? write_text(folder, "network.sv", text, strlen(text), error, error_size) : -1;
    free(text);
    return result;
}

int mr_card_project_write(const struct mr_compiled *compiled, const char *header,
                          const json_t *manifest, const char *folder, char *error,
                          size_t error_size) {
    char registers[PATH_MAX + 32], *texts[3] = {0};
    static const char *const names[3] = {"link.cfg", "place.tcl", "kernel.xml"};
    size_t sizes[3];
    snprintf(registers, sizeof registers, "%s/hw/registers.json", compiled->places.data_dir);
    json_t *description = json_load_file(registers, 0, NULL);
    if (!description)
        return mr_fail(error, error_size, "%s: cannot be read", registers);
    char *procedures = read_text(compiled->places.data_dir, "hw/vitis/dies.tcl", error, error_size);
    int failed = procedures ? copy_network(compiled, folder, error, error_size) : -1;
    for (int i = 0; i < 3 && !failed; i++) {
        FILE *file = open_memstream(&texts[i], &sizes[i]);
        if (file) {
            if (i == 0)
                print_link(file, compiled, &compiled->pipeline);
            else if (i == 1)
                print_placement(file, procedures, compiled);
            else
                print_kernel(file, description);
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
