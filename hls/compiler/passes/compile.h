// SPDX-License-Identifier: Apache-2.0
// One compilation: from a C file to RTL, reports and what the simulator needs.
#ifndef HLSC_COMPILE_H
#define HLSC_COMPILE_H

#include "compiler.h"
#include "target.h"
#include <stdio.h>

struct compile_options {
    const char *source, *top;
    const struct target *target; // NULL: number 0
    const char *out_dir;         // made as needed
    struct front_options front;
    const char *const *samples; // runs of which the report tells the rows: "n=3,mode=1" (rows.h)
    int sample_count;
    bool dump_ast, dump_ir; // to stdout, and write nothing
    bool print_report;      // to stdout
    FILE *warnings;         // where to, or NULL
};

// Writes OUT/<top>.sv, <top>_ports.h, <top>_model.c, report.json and report.txt: all or none.
// 0, or -1 with "file:line: error: sentence".
int compile(const struct compile_options *options, char *error, size_t error_size);

struct network;
struct tile;

// A compilation that is kept: the network as it was scheduled and emitted.
struct compiled {
    struct compiler *cc; // of which network and tiles are arena memory
    struct network *net; // NULL if compile stopped early (dump_ast, dump_ir)
    struct tile **tiles;
};

// As compile; compiled_free frees what it made, also after a failure.
int compile_keep(const struct compile_options *options, struct compiled *made, char *error,
                 size_t error_size);
void compiled_free(struct compiled *made);

#endif
