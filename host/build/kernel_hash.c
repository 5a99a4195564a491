// SPDX-License-Identifier: Apache-2.0
// The hash of a kernel's file (kernel_hash.h), for the library and for make_kernel_hashes.
#define _GNU_SOURCE
#include "kernel_hash.h"
#include "cache_key.h"
#include "file.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

const char *const mr_kernel_folders[MR_KERNEL_FOLDERS] = {"base/contract", "hls/include",
                                                          "hls/kernels"};

int mr_kernel_hash_file(const char *data_dir, const char *name, char *hex, char *error,
                        size_t error_size) {
    char folders[MR_KERNEL_FOLDERS][PATH_MAX + 32], path[PATH_MAX + 200];
    const char *directories[MR_KERNEL_FOLDERS];
    struct mr_cache_key *key = mr_key_new();
    if (!key)
        return mr_fail(error, error_size, "%s: not enough memory to name it", name);
    mr_key_without_comments(key);
    for (int i = 0; i < MR_KERNEL_FOLDERS; i++) {
        snprintf(folders[i], sizeof folders[i], "%s/%s", data_dir, mr_kernel_folders[i]);
        directories[i] = folders[i];
    }
    for (int i = 0; i < MR_KERNEL_FOLDERS; i++) { // where it is nowhere, the last one is told
        snprintf(path, sizeof path, "%s/%s/%s", data_dir, mr_kernel_folders[i], name);
        if (!access(path, R_OK))
            break;
    }
    int result = mr_key_source(key, name, path, directories, MR_KERNEL_FOLDERS, error, error_size);
    if (!result && mr_key_finish(key, hex))
        result = mr_fail(error, error_size, "%s: not enough memory to name it", name);
    mr_key_free(key);
    return result;
}
