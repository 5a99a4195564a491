// SPDX-License-Identifier: Apache-2.0
// Loading of a user's own cells (own_cell.h): the file is checked, compiled behind
// hls/kernels/frame/host_cell.h by the machine's C compiler, and what its table says becomes a kind
// of operator.
#define _GNU_SOURCE
#include "own_cell.h"

#include "arithmetic.h"
#include "cache_key.h"
#include "cell_table.h"
#include "failure.h"
#include "file.h"
#include "paths.h"
#include "pipeline.h"
#include "process.h"
#include "recurrent.h"

#include <ctype.h>
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Raised whenever a file is compiled in another way.
#define RECIPE "1"

enum { MAX_NAME = 24, MAX_FILES = 16 };
static const size_t max_text = (size_t)1 << 20;

struct own_file {
    struct mr_cell cell; // first: the kind is its first member
    const struct mr_cell_table *table;
    void *library;
    char name[MAX_NAME + 1], file[MAX_NAME + 3]; // "mgu", "mgu.c"
    char *text;
    char hash[33];
};

// ---- What a file must hold

// A part of a cell: its name behind the cell's, the declaration that a function must have, or what
// a number must be. %1$s stands for the cell.
static const struct part {
    const char *name;
    bool second; // only where there is a second phase
    const char *function, *number, *must;
} parts[] = {
    {"_GATES", false, NULL, "%1$s_GATES >= 1 && %1$s_GATES + %1$s_SPLIT <= 6",
     "gates and split ones are 1 to 6 together"},
    {"_SPLIT", false, NULL, "%1$s_SPLIT >= 0 && %1$s_SPLIT <= %1$s_GATES",
     "of the gates, so many are split: 0 to all"},
    {"_SECOND", false, NULL,
     "%1$s_SECOND >= 0 && %1$s_SECOND < %1$s_GATES && !(%1$s_SECOND && %1$s_SPLIT)",
     "of the gates, so many have a second phase: 0 to all but one, and 0 where gates are split"},
    {"_HAS_CELL", false, NULL, "%1$s_HAS_CELL == 0 || %1$s_HAS_CELL == 1", "it is 0 or 1"},
    {"_COUNTS", false, NULL, "%1$s_COUNTS == 0 || %1$s_COUNTS == 1", "it is 0 or 1"},
    {"_RANGED", false, NULL, "%1$s_RANGED == 0 || %1$s_RANGED == 1", "it is 0 or 1"},
    {"_MULTIPLIERS", false, NULL, "%1$s_MULTIPLIERS >= 0 && %1$s_MULTIPLIERS <= 64",
     "multipliers of a unit are 0 to 64"},
    {"_TABLES", false, NULL, "%1$s_TABLES >= 0 && %1$s_TABLES <= 64",
     "tables of a unit are 0 to 64"},
    {"_H_READS", false, NULL, "%1$s_H_READS >= 0 && %1$s_H_READS <= 8",
     "places that read old.h are 0 to 8"},
    {"_LATENCY", false, NULL, "%1$s_LATENCY(1) > 0 && %1$s_LATENCY(1) < 1000",
     "the latency is 1 to 999"},
    {"_SECOND_LATENCY", true, NULL, "%1$s_SECOND_LATENCY(1) > 0 && %1$s_SECOND_LATENCY(1) < 1000",
     "the latency is 1 to 999"},
    {"_ARGUMENT_FRAC", false, NULL,
     "sizeof (const int[])%1$s_ARGUMENT_FRAC == sizeof(int) * (%1$s_GATES + %1$s_SPLIT)",
     "there is a number for each gate, and one more for each split gate"},
    {"_unit", false,
     "static unit_state_t %1$s_unit(const int64_t sum[%1$s_GATES + %1$s_SPLIT], "
     "unit_state_t old, int exponent, "
     "uint32_t *past);",
     NULL, NULL},
    {"_columns", true,
     "static int16_t %1$s_columns(const int64_t sum[%1$s_GATES - %1$s_SECOND], "
     "unit_state_t old);",
     NULL, NULL},
    {"_float_unit", false,
     "static void %1$s_float_unit(const double sum[%1$s_GATES + %1$s_SPLIT], double *h, double "
     "*cell);",
     NULL, NULL},
    {"_float_columns", true,
     "static double %1$s_float_columns(const double sum[%1$s_GATES - %1$s_SECOND], double h);",
     NULL, NULL},
};
enum { PART_COUNT = sizeof parts / sizeof *parts };

static bool in_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

// The line, from 1, at which the word stands in the text for the first time behind `#define ` or,
// as a function, before `(`; 0 where it does not.
static int line_of(const char *text, const char *word, bool function) {
    const size_t length = strlen(word);

    for (const char *at = text; (at = strstr(at, word)); at += length) {
        if ((at > text && in_name(at[-1])) || in_name(at[length]))
            continue;
        const char *start = at;
        while (start > text && start[-1] != '\n')
            start--;
        const bool defines = *start == '#' || memchr(start, '#', (size_t)(at - start));
        if (function ? at[length] == '(' && !defines
                     : defines && strncmp(start + strcspn(start, "d"), "define ", 7) == 0) {
            int line = 1;
            for (const char *c = text; c < at; c++)
                line += *c == '\n';
            return line;
        }
    }
    return 0;
}

// A check of a part, at the line where it stands; 0: it is not there, and is needed only where
// there is a second phase.
static void add_check(struct mr_text *text, const struct own_file *file, const struct part *part,
                      int line) {
    char second[MAX_NAME + 8];

    snprintf(second, sizeof second, "%s_SECOND", file->name);
    if (part->second)
        mr_text_add(text, "#if %s\n", second);
    mr_text_add(text, "#line %d \"%s\"\n", line ? line : line_of(file->text, second, false),
                file->file);
    if (line == 0) {
        mr_text_add(text, "#error \"a cell with a second phase must have %s%s\"\n", file->name,
                    part->name);
    } else if (part->function) {
        mr_text_add(text, part->function, file->name);
        mr_text_add(text, "\n");
    } else {
        mr_text_add(text, "_Static_assert(");
        mr_text_add(text, part->number, file->name);
        mr_text_add(text, ", \"%s%s: %s\");\n", file->name, part->name, part->must);
    }
    if (part->second)
        mr_text_add(text, "#endif\n");
}

// The text that is compiled: the user's file, the checks, and the table. To be freed in any case.
static int wrap(const struct own_file *file, char **wrapped, struct mr_error *error) {
    struct mr_text text = {0};
    char word[MAX_NAME + 32];
    int code = 0;

    mr_text_add(&text, "#define MR_CELL_FLOAT\n#line 1 \"%s\"\n%s\n", file->file, file->text);
    for (size_t i = 0; i < PART_COUNT && !code; i++) {
        const struct part *part = &parts[i];
        snprintf(word, sizeof word, "%s%s", file->name, part->name);
        const int line = line_of(file->text, word, part->function != NULL);
        if (line > 0 || part->second)
            add_check(&text, file, part, line);
        else
            code = mr_failure(error, MR_ERROR_MODEL,
                              "the cell %s %s %s, which a cell must have (docs/own-cell.md)",
                              file->file, part->function ? "has no function" : "does not #define",
                              word);
    }
    mr_text_add(&text, "#define OWN_CELL %s\n#include \"frame/host_cell.h\"\n", file->name);
    *wrapped = text.data;
    return !code && text.failed
               ? mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the cell %s", file->file)
               : code;
}

// ---- Compiling

struct work {
    const struct own_file *file;
    char *text; // what is compiled
    char data[PATH_MAX];
};

static const char *compiler(void) {
    const char *own = getenv("MILLRACE_CC");
    return own && *own ? own : "cc";
}

static const char *const flags[] = {"-O2",
                                    "-std=c11",
                                    "-ffp-contract=off",
                                    "-fwrapv",
                                    "-fPIC",
                                    "-shared",
                                    "-fvisibility=default",
                                    "-Idata/base/contract",
                                    "-Idata/hls/include",
                                    "-Idata/hls/kernels",
                                    "-Wall",
                                    "-Wno-unknown-pragmas",
                                    "-Wno-unused",
                                    "-Werror"};

// Compiles in the entry's place, which sees the kernels as `data`.
static int make(void *context, const struct mr_entry *entry, char *error, size_t error_size) {
    const struct work *work = context;
    struct mr_words words = {0};
    char path[PATH_MAX + 64], log[PATH_MAX + 64], line[500], reason[300];
    const struct mr_piece piece = {work->text, strlen(work->text)};

    snprintf(path, sizeof path, "%s/data", entry->place);
    if (symlink(work->data, path))
        return mr_fail(error, error_size, "%s: cannot be created", path);
    snprintf(path, sizeof path, "%s/cell.c", entry->place);
    if (mr_file_write(path, &piece, 1, error, error_size))
        return -1;
    mr_words_add(&words, "%s", compiler());
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        mr_words_add(&words, "%s", flags[i]);
    for (const char *const *word =
             (const char *const[]){"cell.c", "-o", "out/cell.so", "-lm", NULL};
         *word; word++)
        mr_words_add(&words, "%s", *word);
    snprintf(log, sizeof log, "%s/cc.log", entry->place);
    const int failed = mr_process_run(&words, entry->place, log, entry->lock, "LC_ALL=C", false,
                                      reason, sizeof reason);
    mr_words_free(&words);
    if (!failed)
        return 0;
    mr_log_first_error(log, line, sizeof line);
    return mr_fail(error, error_size, "the cell %s does not compile: %s", work->file->file,
                   *line ? line : reason);
}

// The name of the entry that holds what is compiled. 0, or -1 with a sentence.
static int name_entry(const struct work *work, const char *cache, char *entry, size_t entry_size,
                      char *error, size_t error_size) {
    static const char *const folders[] = {"base/contract", "hls/include", "hls/kernels"};
    struct mr_cache_key *key = mr_key_new();
    char path[PATH_MAX + 64], hex[33];
    int failed = 0;

    if (!key)
        return mr_fail(error, error_size, "not enough memory for the cell %s", work->file->file);
    mr_key_text(key, RECIPE);
    mr_key_text(key, work->text);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        mr_key_text(key, flags[i]);
    for (size_t i = 0; !failed && i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", work->data, folders[i]);
        failed = mr_key_tree(key, folders[i], path, ".h", error, error_size);
    }
    if (!failed && mr_key_program(key, compiler()))
        failed = mr_fail(error, error_size, "the C compiler '%.100s' is not there", compiler());
    if (!failed && mr_key_finish(key, hex))
        failed = mr_fail(error, error_size, "not enough memory for the cell %s", work->file->file);
    mr_key_free(key);
    snprintf(entry, entry_size, "%s/cell-%s", cache, failed ? "" : hex);
    return failed;
}

static int compile(const struct own_file *file, char *so_path, size_t so_path_size,
                   struct mr_error *error) {
    struct work work = {.file = file};
    char cache[PATH_MAX], absolute[PATH_MAX], data[PATH_MAX], entry[PATH_MAX + 64], text[900];

    if (mr_data_dir(data, sizeof data, text, sizeof text) ||
        mr_cache_dir(cache, sizeof cache, text, sizeof text))
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    if (!realpath(data, work.data) || !realpath(cache, absolute))
        return mr_failure(error, MR_ERROR_BUILD, "%.500s: the build cache vanished", cache);
    const int code = wrap(file, &work.text, error);
    int failed = 0;
    if (!code)
        failed = name_entry(&work, absolute, entry, sizeof entry, text, sizeof text) ||
                 mr_entry_get(entry, make, &work, NULL, text, sizeof text);
    free(work.text);
    if (failed)
        return mr_failure(error, MR_ERROR_BUILD, "%s", text);
    if (!code)
        snprintf(so_path, so_path_size, "%s/cell.so", entry);
    return code;
}

// ---- The kind of operator

static const struct own_file *file_of(const struct mr_op *op) {
    return (const struct own_file *)(const void *)op->kind;
}

static int64_t integer_unit(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                            int32_t *h, int32_t *cell) {
    (void)at;
    return file_of(op)->table->unit(sum, op->exponent, h, cell);
}

static int32_t integer_gated(const struct mr_op *op, const mr_place_t *at, const int64_t *sum,
                             int32_t h) {
    (void)at;
    return file_of(op)->table->columns(sum, h);
}

static void float_unit(const struct mr_op *op, const double *sum, double *h, double *cell,
                       double *reach) {
    (void)reach;
    file_of(op)->table->float_unit(sum, h, cell);
}

static double float_gated(const struct mr_op *op, const double *sum, double h) {
    return file_of(op)->table->float_columns(sum, h);
}

static uint32_t latency(const struct mr_op *op, int lc) {
    return file_of(op)->table->latency(lc);
}

static uint32_t late_latency(const struct mr_op *op, int lc) {
    return file_of(op)->table->second_latency(lc);
}

static struct mr_op_limit limit_cell(const struct mr_network *network, const struct mr_op *op) {
    (void)network;
    return (struct mr_op_limit){mr_exponent_limit(op->exponent),
                                ldexp(1, op->exponent - MR_CELL_FRAC)};
}

static struct mr_op_limit limit_h(const struct mr_network *network, const struct mr_op *op) {
    const int frac = network->streams[op->output].frac[0];

    return (struct mr_op_limit){ldexp(1, 15 - frac), ldexp(1, -frac)};
}

// Places in the frame that read h, beside those of the cell.
enum { FRAME_H_READS = 2 };

static void make_kind(struct own_file *file) {
    const struct mr_cell_table *t = file->table;

    file->cell = (struct mr_cell){
        .kind = {.name = file->name,
                 .process = file->name,
                 MR_RECURRENT,
                 .own = file->hash,
                 .gates = t->gates,
                 .sums = t->gates + t->split,
                 .second_field = t->has_cell,
                 .one_pass = t->second > 0,
                 .limit = !t->counts    ? NULL
                          : t->has_cell ? limit_cell
                                        : limit_h},
        .header = file->file,
        .cell = file->name,
        .text = file->text,
        .ranged = t->ranged,
        .argument_frac = t->argument_frac,
        .late = t->second,
        .latency = latency,
        .late_latency = t->second ? late_latency : NULL,
        .multipliers = t->multipliers,
        .tables = t->tables,
        .h_reads = FRAME_H_READS + t->h_reads,
        .float_unit = float_unit,
        .float_gated = float_gated,
        .integer_unit = integer_unit,
        .integer_gated = integer_gated,
    };
}

// Has an operator, a cell or a process of the pipeline this name?
static bool is_taken(const char *name) {
    const struct mr_op_kind *kind;

    for (size_t i = 0; (kind = mr_op_kind_at(i)); i++) {
        if (strcmp(kind->name, name) == 0 || strcmp(kind->process, name) == 0)
            return true;
    }
    for (int part = MR_PART_OP; part <= MR_PART_SAVER; part++)
        if (strcmp(mr_part_name((enum mr_part)part), name) == 0)
            return true;
    return false;
}

// The cell's name, from that of its file: a name in C that nothing has yet.
static int take_name(struct own_file *file, const char *path, struct mr_error *error) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const size_t length = strlen(base);
    bool good = length > 2 && length <= MAX_NAME + 2 && strcmp(base + length - 2, ".c") == 0 &&
                !isdigit((unsigned char)*base);

    for (size_t i = 0; good && i + 2 < length; i++)
        good = in_name(base[i]);
    if (!good)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "%.500s: a cell has the name of its file, so that must be a name in C of "
                          "at most %d letters with .c behind it, as mgu.c",
                          path, MAX_NAME);
    snprintf(file->file, sizeof file->file, "%s", base);
    snprintf(file->name, sizeof file->name, "%.*s", (int)length - 2, base);
    if (is_taken(file->name))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "%.500s: this program has a '%s' of its own; give the file another name",
                          path, file->name);
    return 0;
}

static int open_file(const char *path, struct own_file *file, struct mr_error *error) {
    char text[900], so_path[PATH_MAX + 80];
    struct mr_cache_key *key;
    unsigned char *data = NULL; // with a zero byte behind it
    size_t size = 0;
    int code = take_name(file, path, error);

    if (code)
        return code;
    if (mr_file_read(path, max_text, &data, &size, text, sizeof text))
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    file->text = (char *)data;
    if (strlen(file->text) != size)
        return mr_failure(error, MR_ERROR_FILE, "%.500s is no text: it has a byte 0", path);
    if (!(key = mr_key_new()))
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the cell %s", file->file);
    mr_key_text(key, file->text);
    const bool named = mr_key_finish(key, file->hash) == 0;
    mr_key_free(key);
    if (!named)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the cell %s", file->file);
    code = compile(file, so_path, sizeof so_path, error);
    if (code)
        return code;
    file->library = dlopen(so_path, RTLD_NOW | RTLD_LOCAL);
    file->table = file->library ? dlsym(file->library, MR_CELL_TABLE) : NULL;
    if (!file->table)
        return mr_failure(error, MR_ERROR_BUILD, "the cell %s cannot be loaded: %.400s", file->file,
                          dlerror());
    make_kind(file);
    return 0;
}

int mr_own_cells_open(const char *const *paths, size_t count, struct mr_own_cell_files *opened,
                      struct mr_error *error) {
    *opened = (struct mr_own_cell_files){0};
    if (count == 0)
        return 0;
    if (!paths || count > MAX_FILES)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "%zu files of cells are given; at most %d are possible", count,
                          paths ? MAX_FILES : 0);
    struct mr_own_cell *list = calloc(count, sizeof *list);
    opened->files = calloc(count, sizeof *opened->files);
    opened->cells.list = list;
    if (!list || !opened->files)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for %zu cells", count);
    for (size_t i = 0; i < count; i++) {
        struct own_file *file = opened->files[i] = calloc(1, sizeof *file);
        if (!file || !paths[i])
            return mr_failure(error, file ? MR_ERROR_ARGUMENT : MR_ERROR_MEMORY,
                              file ? "the path of a cell is NULL" : "not enough memory for a cell");
        opened->cells.count = i + 1;
        const int code = open_file(paths[i], file, error);
        if (code)
            return code;
        list[i] = (struct mr_own_cell){.kind = &file->cell.kind,
                                       .second = file->table->second,
                                       .float_unit = file->table->float_unit,
                                       .float_columns = file->table->float_columns};
        for (size_t k = 0; k < i; k++)
            if (strcmp(opened->files[k]->name, file->name) == 0)
                return mr_failure(error, MR_ERROR_ARGUMENT, "the cell '%s' is given twice",
                                  file->name);
    }
    return 0;
}

void mr_own_cells_close(struct mr_own_cell_files *opened) {
    for (size_t i = 0; opened->files && i < opened->cells.count; i++) {
        struct own_file *file = opened->files[i];
        if (file && file->library)
            dlclose(file->library);
        if (file)
            free(file->text);
        free(file);
    }
    free(opened->files);
    free((void *)opened->cells.list);
    *opened = (struct mr_own_cell_files){0};
}
