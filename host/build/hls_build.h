// SPDX-License-Identifier: Apache-2.0
// Runs the compiler hlsc on the source of a network, through the build cache.
#ifndef MR_HLS_BUILD_H
#define MR_HLS_BUILD_H

#include "cache.h"

#include <stdbool.h>
#include <stddef.h>

struct mr_hls_build {
    const char *source;    // text of the C file
    const char *hlsc;      // path of the compiler
    const char *data_dir;  // holds base/contract, hls/include and hls/kernels
    const char *cache_dir; // exists, absolute
    int slots;             // of the network
    bool encodes;          // it has an encoder's part
    struct mr_notes notes; // of what the cache holds
};

// The name of the result in the cache: <cache>/network-hls-<key>, whether it is there or not. Equal
// source, kernels and compiler have equal names. 0, or -1 with a sentence in error.
int mr_hls_name(const struct mr_hls_build *build, char *gen_dir, size_t gen_dir_size, char *error,
                size_t error_size);

// Makes the result of that name unless it is there and sound (cache.h): network.c, network.sv,
// network_ports.h, network_model.c, report.json, report.txt.
int mr_hls_compile(const struct mr_hls_build *build, const char *gen_dir, char *error,
                   size_t error_size);

#endif
