// SPDX-License-Identifier: Apache-2.0
// The cached run of hlsc (hls_build.h).
#define _GNU_SOURCE
#include "hls_build.h"
#include "cache_key.h"
#include "file.h"
#include "mr_command.h"
#include "process.h"
#include "timing.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Raised whenever hlsc is called in another way.
#define RECIPE "6"

// What a result must hold to be one.
static const char *const results[] = {"network.sv", "network_ports.h", "network_model.c",
                                      "report.json"};
enum { RESULT_COUNT = sizeof results / sizeof *results };

int mr_hls_name(const struct mr_hls_build *build, char *gen_dir, size_t gen_dir_size, char *error,
                size_t error_size) {
    static const char *const folders[] = {"base/contract", "hls/include", "hls/kernels"};
    struct mr_cache_key *key = mr_key_new();
    char path[PATH_MAX], hex[33];
    int result = -1;
    if (!key)
        return mr_fail(error, error_size, "not enough memory to build the network");
    mr_key_text(key, RECIPE);
    mr_key_text(key, build->source);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (snprintf(path, sizeof path, "%s/%s", build->data_dir, folders[i]) >= (int)sizeof path) {
            mr_fail(error, error_size, "%s: the path is too long", build->data_dir);
            goto out;
        }
        if (mr_key_tree(key, folders[i], path, ".h", error, error_size))
            goto out;
    }
    if (mr_key_file(key, "hlsc", build->hlsc, error, error_size))
        goto out;
    if (mr_key_finish(key, hex)) {
        mr_fail(error, error_size, "not enough memory to build the network");
        goto out;
    }
    if (snprintf(gen_dir, gen_dir_size, "%s/network-hls-%s", build->cache_dir, hex) >=
        (int)gen_dir_size) {
        mr_fail(error, error_size, "%s: the path of the build cache is too long", build->cache_dir);
        goto out;
    }
    result = 0;
out:
    mr_key_free(key);
    return result;
}

static void add_samples(struct mr_words *words, int slots, int command) {
    struct mr_timing_sample sample;
    for (int i = 0; mr_timing_sample(slots, i, &sample); i++) {
        mr_words_add(words, "--sample");
        mr_words_add(words, "command=%d,sequences=%d,steps=%d,total=%d,flags=%d", command,
                     sample.sequences, sample.steps, sample.sequences * sample.steps,
                     MR_FLAG_RESET);
    }
}

// hlsc runs inside the result's directory and sees only relative paths, so the result may be moved
// and does not depend on where the source tree lies.
static int run_hlsc(const struct mr_hls_build *build, const struct mr_entry *entry, char *error,
                    size_t error_size) {
    struct mr_words words = {0};
    char reason[300], line[500], log[PATH_MAX + 32];
    snprintf(log, sizeof log, "%s/hlsc.log", entry->place);
    mr_words_add(&words, "%s", build->hlsc);
    mr_words_add(&words, "network.c");
    mr_words_add(&words, "--top");
    mr_words_add(&words, "network");
    mr_words_add(&words, "-o");
    mr_words_add(&words, ".");
    mr_words_add(&words, "-I");
    mr_words_add(&words, "../data/base/contract");
    mr_words_add(&words, "-I");
    mr_words_add(&words, "../data/hls/include");
    mr_words_add(&words, "-I");
    mr_words_add(&words, "../data/hls/kernels");
    add_samples(&words, build->slots, MR_COMMAND_RUN);
    if (build->encodes)
        add_samples(&words, build->slots, MR_COMMAND_ENCODE);
    const int failed =
        mr_process_run(&words, entry->out, log, entry->lock, "", false, reason, sizeof reason);
    mr_words_free(&words);
    if (failed) {
        mr_log_first_error(log, line, sizeof line);
        const bool moved = rename(log, entry->kept) == 0;
        return mr_fail(error, error_size, "compiling the network with hlsc: %s%s%s%s%s", reason,
                       *line ? ": " : "", line, moved ? "; see " : "", moved ? entry->kept : "");
    }
    for (size_t i = 0; i < RESULT_COUNT; i++) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/%s", entry->out, results[i]);
        if (access(path, R_OK))
            return mr_fail(error, error_size,
                           "compiling the network: %s ended well but wrote no %s; build hlsc again",
                           build->hlsc, results[i]);
    }
    return 0;
}

static int make_network(void *context, const struct mr_entry *entry, char *error,
                        size_t error_size) {
    const struct mr_hls_build *build = context;
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/data", entry->place);
    if (symlink(build->data_dir, path))
        return mr_fail(error, error_size, "%s: cannot be created (%s)", path, strerror(errno));
    snprintf(path, sizeof path, "%s/network.c", entry->out);
    const struct mr_piece piece = {build->source, strlen(build->source)};
    return mr_file_write(path, &piece, 1, error, error_size) ||
                   run_hlsc(build, entry, error, error_size)
               ? -1
               : 0;
}

int mr_hls_compile(const struct mr_hls_build *build, const char *gen_dir, char *error,
                   size_t error_size) {
    struct mr_hls_build copy = *build;
    return mr_entry_get(gen_dir, make_network, &copy, &build->notes, error, error_size);
}
