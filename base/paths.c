// SPDX-License-Identifier: Apache-2.0
// Finds the project's files (paths.h). Nothing is fixed at compile time, so a tree can be moved.
#define _GNU_SOURCE
#include "paths.h"
#include "file.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool cut_file_name(char *path) {
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

// The directory of the shared library (or of the program that it is linked into).
static bool library_dir(char directory[PATH_MAX]) {
    static const char here = 0;
    Dl_info info;
    return dladdr(&here, &info) != 0 && info.dli_fname && realpath(info.dli_fname, directory) &&
           cut_file_name(directory);
}

static bool program_dir(char directory[PATH_MAX]) {
    const ssize_t length = readlink("/proc/self/exe", directory, PATH_MAX - 1);
    if (length <= 0)
        return false;
    directory[length] = '\0';
    return cut_file_name(directory);
}

typedef bool is_wanted(const char *path);

static bool is_data(const char *path) {
    char probe[PATH_MAX];
    return snprintf(probe, sizeof probe, "%s/hls/include/hls.h", path) < (int)sizeof probe &&
           access(probe, R_OK) == 0;
}

static bool is_program(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static bool try_path(const char *folder, const char *tail, is_wanted *wanted, char *path,
                     size_t path_size) {
    char joined[PATH_MAX], real[PATH_MAX];
    if (snprintf(joined, sizeof joined, "%s%s%s", folder, *tail ? "/" : "", tail) >=
        (int)sizeof joined)
        return false;
    return wanted(joined) && realpath(joined, real) &&
           snprintf(path, path_size, "%s", real) < (int)path_size;
}

// Tries all places as seen from the library, then from the program.
static bool search(const char *const *tails, size_t count, is_wanted *wanted, char *path,
                   size_t path_size) {
    char folder[2][PATH_MAX];
    const bool known[2] = {library_dir(folder[0]), program_dir(folder[1])};
    for (int from = 0; from < 2; from++)
        for (size_t i = 0; known[from] && i < count; i++)
            if (try_path(folder[from], tails[i], wanted, path, path_size))
                return true;
    return false;
}

static bool search_path(const char *name, char *path, size_t path_size) {
    const char *all = getenv("PATH");
    for (const char *at = all ? all : ""; *at;) {
        const size_t length = strcspn(at, ":");
        char folder[PATH_MAX];
        if (length > 0 && length < sizeof folder) {
            memcpy(folder, at, length);
            folder[length] = '\0';
            if (try_path(folder, name, is_program, path, path_size))
                return true;
        }
        at += length + (at[length] == ':');
    }
    return false;
}

int mr_data_dir(char *path, size_t path_size, char *error, size_t error_size) {
    // The build directory of a source tree, one below it, PREFIX/bin or PREFIX/lib,
    // PREFIX/lib/<machine>.
    static const char *const tails[] = {"..", "../..", "../share/millrace", "../../share/millrace"};
    const char *own = getenv("MILLRACE_DATA");
    if (own && *own) {
        if (try_path(own, "", is_data, path, path_size))
            return 0;
        return mr_fail(
            error, error_size,
            "MILLRACE_DATA is %s, which holds no hls/include/hls.h; set it to the source "
            "tree or to PREFIX/share/millrace",
            own);
    }
    if (search(tails, sizeof tails / sizeof *tails, is_data, path, path_size))
        return 0;
    return mr_fail(error, error_size,
                   "the files of millrace (hls/, hw/, sim/) are neither in the source tree of this "
                   "program nor in PREFIX/share/millrace; set MILLRACE_DATA to the folder that "
                   "holds them");
}

static int program_path(const char *name, const char *variable, char *path, size_t path_size,
                        char *error, size_t error_size) {
    static const char *const folders[] = {"", "../", "../bin/", "../../bin/"};
    char tail[64];
    const char *const tails[] = {tail};
    const char *own = getenv(variable);
    if (own && *own) {
        if (try_path(own, "", is_program, path, path_size))
            return 0;
        return mr_fail(error, error_size, "%s is %s, which is no program", variable, own);
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(tail, sizeof tail, "%s%s", folders[i], name);
        if (search(tails, 1, is_program, path, path_size))
            return 0;
    }
    if (search_path(name, path, path_size))
        return 0;
    return mr_fail(error, error_size,
                   "the program %s is neither beside this program nor on PATH; build it (make) "
                   "or set %s to it",
                   name, variable);
}

int mr_hlsc_path(char *path, size_t path_size, char *error, size_t error_size) {
    return program_path("hlsc", "MILLRACE_HLSC", path, path_size, error, error_size);
}

int mr_card_program_path(char *path, size_t path_size, char *error, size_t error_size) {
    return program_path("millrace_card", "MILLRACE_CARD", path, path_size, error, error_size);
}

int mr_broker_program_path(char *path, size_t path_size, char *error, size_t error_size) {
    return program_path("millrace_broker", "MILLRACE_BROKER", path, path_size, error, error_size);
}

int mr_usb_program_path(char *path, size_t path_size, char *error, size_t error_size) {
    return program_path("millrace_usb", "MILLRACE_USB", path, path_size, error, error_size);
}
