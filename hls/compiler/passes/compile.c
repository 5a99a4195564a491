// SPDX-License-Identifier: Apache-2.0
// All passes in order, and the files that they write: all of them or none.
#define _GNU_SOURCE
#include "compile.h"

#include "control.h"

#include "ast_dump.h"
#include "depth.h"
#include "emit.h"
#include "file.h"
#include "report.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct output { // a file, held in memory until all are complete
    char path[PATH_MAX];
    FILE *file;
    char *text;
    size_t size;
};

enum { OUTPUTS = 5 };

static void discard(struct output *outputs) {
    for (int i = 0; outputs && i < OUTPUTS; i++) {
        if (outputs[i].file)
            fclose(outputs[i].file);
        free(outputs[i].text);
    }
    free(outputs);
}

static FILE *open_output(struct compiler *cc, struct output *out, const struct compile_options *o,
                         const char *name, const char *suffix) {
    const struct location nowhere = {"hlsc", 0};
    char problem[PATH_MAX + 200];
    if (snprintf(out->path, sizeof out->path, "%s/%s%s", o->out_dir, name, suffix) >=
        (int)sizeof out->path)
        fail(cc, nowhere, "the path of the output folder '%s' is too long", o->out_dir);
    if (mr_file_is_same(out->path, o->source))
        fail(cc, nowhere,
             "%s would be overwritten, and is the kernel; choose another folder with -o",
             out->path);
    if (mr_file_check_output(out->path, problem, sizeof problem) != 0)
        fail(cc, nowhere, "%s; choose another folder with -o", problem);
    out->file = open_memstream(&out->text, &out->size);
    if (!out->file)
        fail(cc, nowhere, "out of memory");
    return out->file;
}

static void write_outputs(struct compiler *cc, struct output *outputs) {
    const struct location nowhere = {"hlsc", 0};
    char problem[PATH_MAX + 200];
    for (int i = 0; i < OUTPUTS; i++) {
        const bool bad = ferror(outputs[i].file) | (fclose(outputs[i].file) != 0);
        outputs[i].file = NULL;
        if (bad)
            fail(cc, nowhere, "out of memory");
    }
    for (int i = 0; i < OUTPUTS; i++) {
        const struct mr_piece piece = {outputs[i].text, outputs[i].size};
        if (mr_file_write(outputs[i].path, &piece, 1, problem, sizeof problem) != 0)
            fail(cc, nowhere, "%s; choose another folder with -o", problem);
    }
}

static void make_folder(struct compiler *cc, const char *dir) {
    char *path = arena_strdup(cc, dir);
    for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0777);
        *slash = '/';
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail(cc, (struct location){"hlsc", 0}, "cannot make folder %s: %s", dir, strerror(errno));
}

// Path of `source` as seen from folder `dir`, so that generated files name no folder of this
// machine.
static const char *relative_path(struct compiler *cc, const char *dir, const char *source) {
    char from[PATH_MAX], to[PATH_MAX];
    if (!realpath(dir, from) || !realpath(source, to))
        fail(cc, (struct location){source, 0}, "cannot resolve the path: %s", strerror(errno));
    size_t common = 0, i = 0;
    for (; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    if (!from[i] && to[i] == '/') {
        common = i + 1;
        return arena_strdup(cc, to + common);
    }
    const char *up = "";
    for (const char *c = from + (common ? common - 1 : 0); *c; c++)
        if (*c == '/')
            up = arena_printf(cc, "../%s", up);
    return arena_printf(cc, "%s%s", up, to + common);
}

static void run_passes(struct compiled *made, const struct compile_options *o,
                       struct output *outputs) {
    struct compiler *cc = made->cc;
    cc->warnings = NULL; // of an attempt before
    guard_plain_c(cc, o->source, &o->front);
    const char *text = preprocess(cc, o->source, &o->front);
    struct program *program = parse_program(cc, o->source, text);
    if (o->dump_ast) {
        ast_dump(stdout, program);
        return;
    }
    struct network *net = lower(cc, program, o->top, o->target ? o->target : target_at(0));
    struct tile **tiles = arena_alloc(cc, (size_t)net->process_count * sizeof *tiles);
    for (int i = 0; i < net->process_count; i++) {
        struct process *p = net->processes[i];
        find_ranges(cc, p);
        check_limits(cc, p);
        bypass_casts(p);
        cut_products(cc, p);
        balance_chains(cc, p);
        fuse_multiplications(cc, p);
        ir_drop_unused(cc, p);
        find_widths(cc, p);
        tiles[i] = find_tile(cc, p);
        schedule_process(cc, p, tiles[i]);
    }
    for (int i = 0; o->dump_ir && i < net->process_count; i++)
        ir_dump(stdout, net->processes[i]);
    if (o->dump_ir)
        return;
    const struct sample *samples = take_samples(cc, net, o->samples, o->sample_count);
    find_depths(cc, net, samples, o->sample_count);
    for (int i = 0; i < net->process_count; i++)
        warn_of_control(cc, net, net->processes[i]);
    const struct rows *rows = find_rows(cc, net, samples, o->sample_count);
    net->warnings = cc->warnings;
    made->net = net;
    made->tiles = tiles;
    make_folder(cc, o->out_dir);
    emit_network(cc, net, tiles, open_output(cc, &outputs[0], o, o->top, ".sv"));
    emit_ports_header(cc, net, open_output(cc, &outputs[1], o, o->top, "_ports.h"));
    emit_model(cc, net, relative_path(cc, o->out_dir, o->source), &o->front,
               open_output(cc, &outputs[2], o, o->top, "_model.c"));
    report_json(net, tiles, rows, open_output(cc, &outputs[3], o, "report", ".json"));
    report_text(net, tiles, open_output(cc, &outputs[4], o, "report", ".txt"));
    if (o->print_report)
        report_text(net, tiles, stdout);
    write_outputs(cc, outputs);
    if (o->warnings && cc->warnings)
        fputs(cc->warnings, o->warnings);
}

int compile_keep(const struct compile_options *options, struct compiled *made, char *error,
                 size_t error_size) {
    struct output *outputs = calloc(OUTPUTS, sizeof *outputs);
    volatile int status = -1;
    *made = (struct compiled){.cc = calloc(1, sizeof *made->cc)};
    if (!made->cc || !outputs) {
        snprintf(error, error_size, "hlsc: error: out of memory");
    } else if (setjmp(made->cc->on_error) != JUMP_ERROR) {
        run_passes(made, options, outputs);
        status = 0;
    } else {
        snprintf(error, error_size, "%s", made->cc->error);
    }
    discard(outputs);
    return status;
}

void compiled_free(struct compiled *made) {
    if (made->cc)
        compiler_free(made->cc);
    free(made->cc);
    *made = (struct compiled){0};
}

int compile(const struct compile_options *options, char *error, size_t error_size) {
    struct compiled made;
    const int status = compile_keep(options, &made, error, error_size);
    compiled_free(&made);
    return status;
}
