// SPDX-License-Identifier: Apache-2.0
// hlsc check: the kernel compiled by hlsc, and built by gcc and by Verilator, in a folder of its
// own in the cache.
#define _GNU_SOURCE
#include "check_parts.h"

#include "build.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int find_data_dir(struct checking *c) {
    static const char *const tails[] = {"..", "../..", "../share/millrace"};
    char program[PATH_MAX], path[2 * PATH_MAX], probe[2 * PATH_MAX + 32];
    const char *own = getenv("MILLRACE_DATA");
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    const bool given = own && *own;
    for (size_t i = 0; i < (given ? 1 : sizeof tails / sizeof *tails); i++) {
        snprintf(path, sizeof path, "%s/%s", given ? own : program, given ? "." : tails[i]);
        snprintf(probe, sizeof probe, "%s/sim/harness/harness.cpp", path);
        if (access(probe, R_OK) == 0 && realpath(path, c->data_dir))
            return 0;
    }
    return FAIL(c, "hlsc: error: the files of millrace (hls/, hw/, sim/) are not in the source "
                   "tree of this program nor "
                   "in PREFIX/share/millrace; set MILLRACE_DATA to the folder that holds them");
}

void check_remove_folder(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(folder);
}

// Hash of the preprocessed source: whatever -I brings in is part of the model's name in the cache.
static int hash_source(struct checking *c, uint64_t *hash) {
    struct compiler *cc = calloc(1, sizeof *cc);
    volatile int status = -1;
    if (!cc)
        return FAIL(c, "hlsc: error: out of memory");
    if (setjmp(cc->on_error) == 0) {
        *hash = 0xcbf29ce484222325u;
        for (const char *s = preprocess(cc, c->compile_with->source, &c->compile_with->front); *s;
             s++)
            *hash = (*hash ^ (unsigned char)*s) * 0x100000001b3u;
        status = 0;
    } else {
        snprintf(c->error, c->error_size, "%s", cc->error);
    }
    compiler_free(cc);
    free(cc);
    return status;
}

// Puts the hash of what it is of at the start of the model.
static int mark_model(struct checking *c) {
    char path[PATH_MAX + 300];
    uint64_t hash;
    if (hash_source(c, &hash) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/%s_model.c", c->folder, c->compile_with->top);
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    const ssize_t length = file ? getdelim(&text, &room, 0, file) : -1;
    if (file)
        fclose(file);
    file = length > 0 ? fopen(path, "w") : NULL;
    if (!file) {
        free(text);
        return FAIL(c, "%s: error: cannot be written: %s", path, strerror(errno));
    }
    fprintf(file, "// source %016llx\n", (unsigned long long)hash);
    fwrite(text, 1, (size_t)length, file);
    free(text);
    if (ferror(file) | (fclose(file) != 0))
        return FAIL(c, "%s: error: cannot be written", path);
    return 0;
}

// The model's compiler finds the -I folders through CPATH.
static int pass_includes(struct checking *c) {
    const char *old = getenv("CPATH");
    char *list = strdup(old ? old : "");
    for (int i = c->compile_with->front.include_count; list && i-- > 0;) {
        char real[PATH_MAX], *longer;
        if (!realpath(c->compile_with->front.include_dirs[i], real))
            continue;
        const int length = asprintf(&longer, "%s%s%s", real, *list ? ":" : "", list);
        free(list);
        list = length < 0 ? NULL : longer;
    }
    const int status = list && (!*list || setenv("CPATH", list, 1) == 0)
                           ? 0
                           : FAIL(c, "hlsc: error: out of memory");
    free(list);
    return status;
}

static void tell(void *context, const char *text) {
    (void)context;
    fprintf(stderr, "hlsc: note: %s\n", text);
}

static struct mr_build recipe_of(const struct checking *c) {
    return (struct mr_build){.data_dir = c->data_dir,
                             .gen_dir = c->folder,
                             .top = c->compile_with->top,
                             .cache_dir = c->cache,
                             .notes = {.tell = tell},
                             .assertions = true};
}

int check_build_model(struct checking *c) {
    char made[PATH_MAX];
    if (find_data_dir(c) != 0 ||
        mr_cache_dir(c->cache, sizeof c->cache, c->error, c->error_size) != 0)
        return -1;
    snprintf(made, sizeof made, "%s/check-XXXXXX", c->cache);
    if (!mkdtemp(made))
        return FAIL(c, "%s: error: no folder can be made there: %s; set MILLRACE_CACHE to another",
                    c->cache, strerror(errno));
    snprintf(c->folder, sizeof c->folder, "%s", made);
    struct compile_options compile_with = *c->compile_with;
    compile_with.out_dir = c->folder;
    if (compile_keep(&compile_with, &c->made, c->error, c->error_size) != 0 || mark_model(c) != 0 ||
        pass_includes(c) != 0)
        return -1;
    const struct mr_build recipe = recipe_of(c);
    return mr_build_model(&recipe, c->model_so, sizeof c->model_so, c->error, c->error_size);
}

int check_build_rtl(struct checking *c, enum check_trace trace) {
    struct mr_build recipe = recipe_of(c);
    recipe.trace = trace != TRACE_NONE;
    recipe.vcd = trace == TRACE_VCD;
    return mr_build_rtl(&recipe, c->rtl_so, sizeof c->rtl_so, c->error, c->error_size);
}
