// SPDX-License-Identifier: Apache-2.0
// Runs the compiler hlsc on the source of a network or of what trains one, through the build cache.
#ifndef MR_HLS_BUILD_H
#define MR_HLS_BUILD_H

#include "cache.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

// Where things are on this machine.
struct mr_hls_places {
    char hlsc[PATH_MAX];      // the compiler
    char data_dir[PATH_MAX];  // holds base/contract, hls/include and hls/kernels
    char cache_dir[PATH_MAX]; // exists, absolute
};
// 0, or -1 with a sentence in error.
int mr_hls_find(struct mr_hls_places *places, char *error, size_t error_size);

struct mr_hls_build {
    const char *source; // text of the C file
    const char *top;    // its top function, and the name of all files
    const struct mr_hls_places *places;
    const char *target; // of hlsc, or NULL
    int slots;          // of the network; 0: it is none, and no runs of it are told
    bool encodes;       // it has an encoder's part
    // Runs that the report tells beside those of a network (hlsc --sample), by index; NULL past the
    // end. Or NULL: there are none.
    const char *(*sample)(size_t index, char *text, size_t size);
    struct mr_notes notes; // of what the cache holds
};

// The name of the result in the cache: <cache>/TOP-hls-<key>, whether it is there or not. Equal
// source, kernels and compiler have equal names. 0, or -1 with a sentence in error.
int mr_hls_name(const struct mr_hls_build *build, char *gen_dir, size_t gen_dir_size, char *error,
                size_t error_size);

// Makes the result of that name unless it is there and sound (cache.h): TOP.c, TOP.sv, TOP_ports.h,
// TOP_model.c, report.json, report.txt.
int mr_hls_compile(const struct mr_hls_build *build, const char *gen_dir, char *error,
                   size_t error_size);

#endif
