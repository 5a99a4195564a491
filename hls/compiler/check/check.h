// SPDX-License-Identifier: Apache-2.0
// hlsc check: the same random input through the kernel as C and as RTL.
#ifndef HLSC_CHECK_H
#define HLSC_CHECK_H

#include "compile.h"

struct check_options {
    uint64_t vectors, seed, runs;
    bool has_seed;
    const char *const *set; // "NAME=VALUE"
    int set_count;
    const char *trace;
    bool without_rtl;
    // hlsc cosim: the RTL runs once, on given input, and tells what it did.
    bool is_cosim;
    const char *const *inputs, *const *outputs; // "STREAM=FILE"
    int input_count, output_count;
    unsigned idle, stall; // chances in 1/256 per cycle
    uint64_t limit;       // seconds for all runs as C, and for those of the interpreters; 0: 300
};

// 0 if all outputs agree (prints a line on stdout), -1 with a sentence.
int check(const struct compile_options *compile_with, const struct check_options *options,
          char *error, size_t error_size);

#endif
