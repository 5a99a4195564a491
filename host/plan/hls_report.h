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
    uint32_t ports;  // that read
    uint32_t blocks; // RAMB18 of "bram" and "rom", URAM, or LUTs as memory, of all copies
};

struct mr_report_probe {
    char *name;
    uint32_t bits;
};

// Iterations, in cycles one behind the other, that use the same streams.
struct mr_report_event {
    uint32_t at;    // cycle of the first, from the row's first iteration on
    uint32_t count; // 1 or more
    size_t stream_count;
    uint32_t *streams; // by their place in the process's list
};

// What a row of a process is: its iterations from one round of its loop to the next.
struct mr_report_pattern {
    uint32_t length; // cycles to the next row where nothing holds it up, 1 or more
    size_t event_count;
    struct mr_report_event *events;
};

// What a process does in a sample run.
struct mr_report_rows {
    uint32_t first; // cycle in which its first iteration is issued at the earliest
    uint32_t rest;  // cycles from behind its last iteration to its end
    size_t order_count;
    struct mr_report_order {
        uint32_t pattern, count; // so many rows of it
    } * order;
};

struct mr_report_process {
    char *name;
    uint32_t first_issue; // the cycle in which it may issue its first iteration
    uint64_t multipliers;
    uint32_t tiles, tiles_of_way; // of lanes in several dies, and those with one way there; else 0
    size_t loop_count, stream_count, memory_count, probe_count;
    struct mr_report_loop *loops;
    struct mr_report_stream *streams;
    struct mr_report_memory *memories;
    struct mr_report_probe *probes;
    // Of the sample runs. data_dependent: where a condition stands that depends on data
    // ("file:line"); its rows, if there are any, tell of the streams that do not hang on data.
    // untold: another reason why there are none.
    char *data_dependent, *untold;
    size_t pattern_count;
    struct mr_report_pattern *patterns;
    size_t row_count;            // as many as the report has samples, or 0
    struct mr_report_rows *rows; // by sample
};

// A channel between two processes.
struct mr_report_channel {
    char *name;
    size_t from, to; // processes
    size_t from_stream, to_stream;
};

// A memory outside, which is three streams of the top.
struct mr_report_external {
    char *name;
    uint32_t bits; // of a word
};

// A run whose rows are told.
struct mr_report_sample {
    size_t scalar_count;
    struct mr_report_scalar {
        char *name;
        int64_t value;
    } * scalars;
};

struct mr_report {
    char *top;
    double clock_mhz;
    size_t process_count;
    struct mr_report_process *processes;
    size_t probe_count; // of all processes
    size_t channel_count, external_count, sample_count;
    struct mr_report_channel *channels;
    struct mr_report_external *externals;
    struct mr_report_sample *samples;
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
// Of all processes.
uint64_t mr_report_multipliers(const struct mr_report *report);

#endif
