// SPDX-License-Identifier: Apache-2.0
// The report that hlsc writes beside the RTL (report.json): what the exact cycle model and the
// resource estimate need of it.
#ifndef MR_HLS_REPORT_H
#define MR_HLS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_report_loop {
    char *name;
    uint32_t ii, depth;
};

struct mr_report_stream {
    char *name;
    bool out;
    uint32_t bits;
    uint32_t depth;       // out: elements the channel holds
    uint32_t write_stage; // out: cycles from the issue of an iteration to its push
    uint32_t crossing;    // out: registers between the push and the channel, and on the way back
};

struct mr_report_memory {
    char *name;
    char *impl; // "lutram", "bram", "uram" or "rom"
    uint32_t words, bits, copies;
};

struct mr_report_probe {
    char *name;
    uint32_t bits;
};

struct mr_report_process {
    char *name;
    uint32_t first_issue; // the cycle in which it may issue its first iteration
    uint64_t multipliers;
    size_t loop_count, stream_count, memory_count, probe_count;
    struct mr_report_loop *loops;
    struct mr_report_stream *streams;
    struct mr_report_memory *memories;
    struct mr_report_probe *probes;
};

struct mr_report {
    char *top;
    double clock_mhz;
    size_t process_count;
    struct mr_report_process *processes;
    size_t probe_count; // of all processes
};

// Reads report.json, from a file or from memory; `name` is what errors call it. NULL with a
// sentence in error.
struct mr_report *mr_report_read(const char *path, char *error, size_t error_size);
struct mr_report *mr_report_parse(const char *text, size_t size, const char *name, char *error,
                                  size_t error_size);

void mr_report_free(struct mr_report *report);

// NULL when there is none of that name.
const struct mr_report_process *mr_report_process(const struct mr_report *report, const char *name);
const struct mr_report_stream *mr_report_stream(const struct mr_report_process *process,
                                                const char *name);

#endif
