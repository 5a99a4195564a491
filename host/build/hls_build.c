// SPDX-License-Identifier: Apache-2.0
// The cached run of hlsc (hls_build.h).
#define _GNU_SOURCE
#include "hls_build.h"
#include "cache_key.h"
#include "file.h"
#include "kernel_hash.h"
#include "mr_command.h"
#include "paths.h"
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

// What a result must hold to be one; of the first ones the name follows TOP.
static const char *const results[] = {".sv", "_ports.h", "_model.c", "report.json"};
enum { RESULT_COUNT = sizeof results / sizeof *results, RESULTS_OF_TOP = 3 };

int mr_hls_find(struct mr_hls_places *places, char *error, size_t error_size) {
    char found[PATH_MAX];
    if (mr_data_dir(places->data_dir, sizeof places->data_dir, error, error_size) ||
        mr_hlsc_path(places->hlsc, sizeof places->hlsc, error, error_size) ||
        mr_cache_dir(found, sizeof found, error, error_size))
        return -1;
    // Others work in other directories, so the name must hold everywhere.
    char *absolute = realpath(found, NULL);
    if (!absolute)
        return mr_fail(error, error_size, "%.500s: the build cache vanished", found);
    snprintf(places->cache_dir, sizeof places->cache_dir, "%s", absolute);
    free(absolute);
    return 0;
}

int mr_hls_name(const struct mr_hls_build *build, char *gen_dir, size_t gen_dir_size, char *error,
                size_t error_size) {
    struct mr_cache_key *key = mr_key_new();
    char path[PATH_MAX], hex[33], sample[200];
    int result = -1;
    if (!key)
        return mr_fail(error, error_size, "not enough memory to name what hlsc compiles");
    mr_key_text(key, RECIPE);
    mr_key_text(key, build->source);
    mr_key_text(key, build->target ? build->target : "");
    for (size_t i = 0; build->sample && build->sample(i, sample, sizeof sample); i++)
        mr_key_text(key, sample);
    for (int i = 0; i < MR_KERNEL_FOLDERS; i++) {
        const char *folder = mr_kernel_folders[i];
        if (snprintf(path, sizeof path, "%s/%s", build->places->data_dir, folder) >=
            (int)sizeof path) {
            mr_fail(error, error_size, "%s: the path is too long", build->places->data_dir);
            goto out;
        }
        if (mr_key_tree(key, folder, path, ".h", error, error_size) ||
            mr_key_tree(key, folder, path, ".c", error, error_size))
            goto out;
    }
    if (mr_key_file(key, "hlsc", build->places->hlsc, error, error_size))
        goto out;
    if (mr_key_finish(key, hex)) {
        mr_fail(error, error_size, "not enough memory to name what hlsc compiles");
        goto out;
    }
    if (snprintf(gen_dir, gen_dir_size, "%s/%s-hls-%s", build->places->cache_dir, build->top,
                 hex) >= (int)gen_dir_size) {
        mr_fail(error, error_size, "%s: the path of the build cache is too long",
                build->places->cache_dir);
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
    mr_words_add(&words, "%s", build->places->hlsc);
    mr_words_add(&words, "%s.c", build->top);
    mr_words_add(&words, "--top");
    mr_words_add(&words, "%s", build->top);
    if (build->target) {
        mr_words_add(&words, "--target");
        mr_words_add(&words, "%s", build->target);
    }
    mr_words_add(&words, "-o");
    mr_words_add(&words, ".");
    for (int i = 0; i < MR_KERNEL_FOLDERS; i++) {
        mr_words_add(&words, "-I");
        mr_words_add(&words, "../data/%s", mr_kernel_folders[i]);
    }
    if (build->slots)
        add_samples(&words, build->slots, MR_COMMAND_RUN);
    if (build->slots && build->encodes)
        add_samples(&words, build->slots, MR_COMMAND_ENCODE);
    for (size_t i = 0; build->sample && build->sample(i, line, sizeof line); i++) {
        mr_words_add(&words, "--sample");
        mr_words_add(&words, "%s", line);
    }
    const int failed =
        mr_process_run(&words, entry->out, log, entry->lock, "", false, reason, sizeof reason);
    mr_words_free(&words);
    if (failed) {
        mr_log_first_error(log, line, sizeof line);
        const bool moved = rename(log, entry->kept) == 0;
        return mr_fail(error, error_size, "compiling the %s with hlsc: %s%s%s%s%s", build->top,
                       reason, *line ? ": " : "", line, moved ? "; see " : "",
                       moved ? entry->kept : "");
    }
    for (size_t i = 0; i < RESULT_COUNT; i++) {
        char path[PATH_MAX + 64];
        const char *of = i < RESULTS_OF_TOP ? build->top : "";
        snprintf(path, sizeof path, "%s/%s%s", entry->out, of, results[i]);
        if (access(path, R_OK))
            return mr_fail(error, error_size,
                           "compiling the %s: %s ended well but wrote no %s%s; build hlsc again",
                           build->top, build->places->hlsc, of, results[i]);
    }
    return 0;
}

static int make_result(void *context, const struct mr_entry *entry, char *error,
                       size_t error_size) {
    const struct mr_hls_build *build = context;
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/data", entry->place);
    if (symlink(build->places->data_dir, path))
        return mr_fail(error, error_size, "%s: cannot be created (%s)", path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s.c", entry->out, build->top);
    const struct mr_piece piece = {build->source, strlen(build->source)};
    return mr_file_write(path, &piece, 1, error, error_size) ||
                   run_hlsc(build, entry, error, error_size)
               ? -1
               : 0;
}

int mr_hls_compile(const struct mr_hls_build *build, const char *gen_dir, char *error,
                   size_t error_size) {
    struct mr_hls_build copy = *build;
    return mr_entry_get(gen_dir, make_result, &copy, &build->notes, error, error_size);
}
