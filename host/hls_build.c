// SPDX-License-Identifier: Apache-2.0
// The cached run of hlsc (hls_build.h). An entry is a directory that appears whole, by one rename;
// its builder holds a lock on <entry>.lock and works in <entry>.tmp.
#define _GNU_SOURCE
#include "hls_build.h"
#include "cache_key.h"
#include "file.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

// Raised whenever hlsc is called in another way.
#define RECIPE "1"

// What a result must hold to be one.
static const char *const results[] = {"network.sv", "network_ports.h", "network_model.c",
                                      "report.json"};
enum { RESULT_COUNT = sizeof results / sizeof *results };

int mr_hls_name(const struct mr_hls_build *build, char *gen_dir, size_t gen_dir_size, char *error,
                size_t error_size) {
    static const char *const folders[] = {"hls/include", "hls/kernels"};
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
        if (mr_key_directory(key, folders[i], path, ".h", error, error_size))
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

bool mr_hls_is_built(const char *gen_dir) {
    char path[PATH_MAX];
    return snprintf(path, sizeof path, "%s/report.json", gen_dir) < (int)sizeof path &&
           access(path, R_OK) == 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw) {
    (void)status, (void)type, (void)ftw;
    return remove(path);
}

static int remove_tree(const char *path) {
    struct stat status;
    if (lstat(path, &status))
        return errno == ENOENT ? 0 : -1;
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int fail_at(const char *path, const char *what, char *error, size_t error_size) {
    return mr_fail(error, error_size, "%s: %s (%s)", path, what, strerror(errno));
}

static int take_lock(const char *gen_dir, char *error, size_t error_size) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s.lock", gen_dir) >= (int)sizeof path)
        return mr_fail(error, error_size, "%s: the path is too long", gen_dir);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_at(path, "cannot be opened", error, error_size);
    while (flock(fd, LOCK_EX)) {
        if (errno == EINTR)
            continue;
        fail_at(path, "cannot be locked", error, error_size);
        close(fd);
        return -1;
    }
    return fd;
}

// The paths that one build works with.
struct place {
    char root[PATH_MAX]; // <entry>.tmp
    char out[PATH_MAX + 16];
    char log[PATH_MAX + 16];
    char kept[PATH_MAX + 16]; // where the log of a failed build stays: <entry>.log
};

// hlsc runs inside the result's directory and sees only relative paths, so the result may be moved
// and does not depend on where the source tree lies.
static int run_hlsc(const struct mr_hls_build *build, const struct place *place, int lock,
                    char *error, size_t error_size) {
    struct mr_words words = {0};
    char reason[300], line[500];
    mr_words_add(&words, "%s", build->hlsc);
    mr_words_add(&words, "network.c");
    mr_words_add(&words, "--top");
    mr_words_add(&words, "network");
    mr_words_add(&words, "-o");
    mr_words_add(&words, ".");
    mr_words_add(&words, "-I");
    mr_words_add(&words, "../data/hls/include");
    mr_words_add(&words, "-I");
    mr_words_add(&words, "../data/hls/kernels");
    const int failed =
        mr_process_run(&words, place->out, place->log, lock, "", false, reason, sizeof reason);
    mr_words_free(&words);
    if (failed) {
        mr_log_first_error(place->log, line, sizeof line);
        const bool moved = rename(place->log, place->kept) == 0;
        return mr_fail(error, error_size, "compiling the network with hlsc: %s%s%s%s%s", reason,
                       *line ? ": " : "", line, moved ? "; see " : "", moved ? place->kept : "");
    }
    for (size_t i = 0; i < RESULT_COUNT; i++) {
        char path[PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/%s", place->out, results[i]);
        if (access(path, R_OK))
            return mr_fail(error, error_size,
                           "compiling the network: %s ended well but wrote no %s; build hlsc again",
                           build->hlsc, results[i]);
    }
    return 0;
}

static int build_in_place(const struct mr_hls_build *build, const char *gen_dir,
                          struct place *place, int lock, char *error, size_t error_size) {
    char path[PATH_MAX + 64];
    if (snprintf(place->root, sizeof place->root, "%s.tmp", gen_dir) >= (int)sizeof place->root)
        return mr_fail(error, error_size, "%s: the path is too long", gen_dir);
    snprintf(place->out, sizeof place->out, "%s/out", place->root);
    snprintf(place->log, sizeof place->log, "%s/hlsc.log", place->root);
    snprintf(place->kept, sizeof place->kept, "%s.log", gen_dir);
    if (remove_tree(place->root))
        return fail_at(place->root, "is left from a killed build and cannot be removed", error,
                       error_size);
    // A directory of that name without a report is no result; nothing writes one, but a user may
    // have.
    if (remove_tree(gen_dir))
        return fail_at(gen_dir, "is incomplete and cannot be removed", error, error_size);
    if (mkdir(place->root, 0777) || mkdir(place->out, 0777))
        return fail_at(place->root, "cannot be created", error, error_size);
    snprintf(path, sizeof path, "%s/data", place->root);
    if (symlink(build->data_dir, path))
        return fail_at(path, "cannot be created", error, error_size);
    snprintf(path, sizeof path, "%s/network.c", place->out);
    const struct mr_piece piece = {build->source, strlen(build->source)};
    if (mr_file_write(path, &piece, 1, error, error_size) ||
        run_hlsc(build, place, lock, error, error_size))
        return -1;
    if (rename(place->out, gen_dir))
        return fail_at(gen_dir, "cannot be created", error, error_size);
    return 0;
}

int mr_hls_compile(const struct mr_hls_build *build, const char *gen_dir, char *error,
                   size_t error_size) {
    if (mr_hls_is_built(gen_dir))
        return 0;
    const int lock = take_lock(gen_dir, error, error_size);
    if (lock < 0)
        return -1;
    int result = 0;
    if (!mr_hls_is_built(gen_dir)) { // else another builder was first
        struct place *place = calloc(1, sizeof *place);
        if (place) {
            result = build_in_place(build, gen_dir, place, lock, error, error_size);
            // What stays behind is removed by the next build of the same entry.
            if (*place->root)
                (void)remove_tree(place->root);
        } else {
            result = mr_fail(error, error_size, "not enough memory to build the network");
        }
        free(place);
    }
    close(lock);
    return result;
}
