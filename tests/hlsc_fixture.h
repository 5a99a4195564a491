// SPDX-License-Identifier: Apache-2.0
// For tests of the whole compiler: a kernel `k` as text is compiled into FOLDER, which is defined
// before this is included.
#ifndef HLSC_FIXTURE_H
#define HLSC_FIXTURE_H

#include "compile.h"

#include <check.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static inline void make_folders(void) {
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
}

// A file in FOLDER, to be written.
static inline FILE *create_file(const char *name) {
    char path[PATH_MAX];
    make_folders();
    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

static inline void write_file(const char *name, const char *text) {
    FILE *file = create_file(name);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

// Of FOLDER/kernel.c.
static inline struct compile_options kernel_options(void) {
    static const char *const includes[] = {"hls/include", "hls/kernels", "base/contract"};
    return (struct compile_options){.source = FOLDER "/kernel.c",
                                    .top = "k",
                                    .out_dir = FOLDER "/out",
                                    .front = {.include_dirs = includes, .include_count = 3}};
}

// 0, or -1 with the message in error, which is "" before.
static inline int try_compile(const char *text, char *error, size_t error_size) {
    const struct compile_options options = kernel_options();
    write_file("kernel.c", text);
    error[0] = 0;
    return compile(&options, error, error_size);
}

static inline void compile_text(const char *text) {
    char error[2048];
    ck_assert_msg(try_compile(text, error, sizeof error) == 0, "%s", error);
}

static inline json_t *read_json(void) {
    json_error_t error;
    json_t *root = json_load_file(FOLDER "/out/report.json", 0, &error);
    ck_assert_msg(root != NULL, "line %d: %s", error.line, error.text);
    return root;
}

#endif
