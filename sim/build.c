// SPDX-License-Identifier: Apache-2.0
// The build recipes (build.h), whose results are entries of the build cache.
#define _GNU_SOURCE
#include "build.h"
#include "cache.h"
#include "cache_key.h"
#include "file.h"
#include "process.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Raised whenever a recipe changes in a way that its flags in the key do not show.
#define RECIPE "4"

enum kind { MODEL, RTL, CARD, USB };

// What the recipes share while one build runs.
struct work {
    const struct mr_build *build;
    enum kind kind;
    char data[PATH_MAX], gen[PATH_MAX]; // absolute
    char objects[PATH_MAX];             // CCACHE_DIR=<cache>/objects, where there is ccache; or ""
    char headers[PATH_MAX + 64]; // what clang++ makes of Verilator's headers (headers.mk); or ""
    char entry[PATH_MAX];        // <cache>/<top>-<kind>-<key>
    char *error;
    size_t error_size;
};

typedef void recipe(const struct work *work, struct mr_words *words);

static int fail(const struct work *work, const char *path, const char *what) {
    snprintf(work->error, work->error_size, "%s: %s (%s)", path, what, strerror(errno));
    return -1;
}

static int memory_error(const struct work *work) {
    snprintf(work->error, work->error_size, "not enough memory to build %s", work->build->top);
    return -1;
}

static const char *c_compiler(void) {
    const char *own = getenv("MILLRACE_CC");
    return own && *own ? own : "cc";
}

const char *mr_build_verilator(void) {
    const char *own = getenv("MILLRACE_VERILATOR");
    return own && *own ? own : "verilator";
}

static bool on_path(const char *name) {
    struct mr_cache_key *key = mr_key_new();
    const bool found = key && !mr_key_program(key, name);
    mr_key_free(key);
    return found;
}

const char *mr_build_cxx(void) {
    const char *own = getenv("MILLRACE_CXX");
    return own && *own ? own : on_path("clang++") ? "clang++" : "g++";
}

// The optimisation level of a kernel's code: what a test compiles to run it once needs none.
static int level(int usual) {
    const char *own = getenv("MILLRACE_OPTIMISE");
    return own && own[0] >= '0' && own[0] <= '3' && !own[1] ? own[0] - '0' : usual;
}

static bool is_clang(const char *cxx) {
    const char *slash = strrchr(cxx, '/');
    return strstr(slash ? slash : cxx, "clang");
}

// The loops of merged lanes look at more arrays than clang usually compares at run time; and what
// was stored where is looked for in fewer places, for functions are long. Instructions stay in
// their order: of blocks with so many of them, clang's scheduler compares each with all others.
#define FOR_CLANG                                                                                  \
    " -mllvm -runtime-memory-check-threshold=128 -mllvm -memdep-block-scan-limit=12"               \
    " -mllvm -memdep-block-number-limit=20 -mllvm -enable-misched=false"

static void model_recipe(const struct work *work, struct mr_words *words) {
    mr_words_add(words, "%s", c_compiler());
    mr_words_add(words, "-O%d", level(3));
    static const char *const flags[] = {"-std=c11",
                                        "-march=native",
                                        "-fwrapv",
                                        "-fPIC",
                                        "-shared",
                                        "-Igen",
                                        "-Idata/base/contract",
                                        "-Idata/hls/include",
                                        "-Idata/hls/kernels",
                                        "-Wno-unknown-pragmas",
                                        "-Wl,-Bsymbolic"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        mr_words_add(words, "%s", flags[i]);
    mr_words_add(words, "gen/%s_model.c", work->build->top);
    mr_words_add(words, "-o");
    mr_words_add(words, "out/kernel.so");
}

static int is_rtl(const struct dirent *entry) {
    const size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 3 && !strcmp(entry->d_name + length - 3, ".sv");
}

// Adds the SystemVerilog files of a directory; with `packages_only` those named *_pkg.sv.
static void add_rtl(struct mr_words *words, const char *directory, const char *label,
                    bool packages_only) {
    struct dirent **entries = NULL;
    const int count = scandir(directory, &entries, is_rtl, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const size_t length = strlen(name);
        if (!packages_only || (length > 7 && !strcmp(name + length - 7, "_pkg.sv")))
            mr_words_add(words, "%s/%s", label, name);
        free(entries[i]);
    }
    free(entries);
}

// Is the network in the shell of a card?
static bool has_shell(const struct work *work) {
    return work->kind == CARD || (work->kind == USB && work->build->shape);
}

static void add_folder(struct mr_words *words, const char *folder) {
    mr_words_add(words, "-y");
    mr_words_add(words, "%s", folder);
}

// The RTL of a simulator, and where other files are looked for.
static void add_sources(const struct work *work, struct mr_words *words) {
    const bool shell = has_shell(work), usb = work->kind == USB;
    mr_words_add(words, "+incdir+data/hw/include");
    if (shell || usb)
        mr_words_add(words, "+incdir+."); // mr_network.svh, mr_image.svh
    if (shell) {
        add_folder(words, "data/hw/card");
    }
    if (usb) {
        add_folder(words, "data/hw/usb");
        add_folder(words, "data/hw/board");
    }
    add_folder(words, "data/hw/rtl");
    mr_words_add(words, "+libext+.sv");
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/hw/lint/waivers.vlt", work->data);
    if (!access(path, R_OK))
        mr_words_add(words, "data/hw/lint/waivers.vlt");
    snprintf(path, sizeof path, "%s/hw/rtl", work->data);
    add_rtl(words, path, "data/hw/rtl", true);
    if (shell) {
        snprintf(path, sizeof path, "%s/hw/card", work->data);
        add_rtl(words, path, "data/hw/card", true);
        mr_words_add(words, "data/hw/card/millrace.sv");
    }
    if (usb) {
        snprintf(path, sizeof path, "%s/hw/usb", work->data);
        add_rtl(words, path, "data/hw/usb", true);
        add_folder(words, "data/sim/usb");
        mr_words_add(words, "data/sim/usb/%s.sv", work->build->usb->name);
    }
    add_rtl(words, work->gen, "gen", false);
}

static const char *cxx_flags(const struct work *work) {
#define FLAGS(more)                                                                                \
    "-std=c++17 -fPIC -fvisibility=hidden " more " -I.. -I../data/sim/harness "                    \
    "-I../data/base/contract -include ../data/sim/harness/rtl_hooks.h"
    return work->kind == CARD  ? FLAGS("-I../data/sim/card")
           : work->kind == USB ? FLAGS("-march=native -I../data/sim/usb")
                               : FLAGS("-march=native");
#undef FLAGS
}

// External memories of the network in the shell of a card, as mr_network.svh says.
static unsigned memories(const struct work *work) {
    static const char line[] = "`define MR_MEMORIES ";
    const char *found = work->kind == CARD ? strstr(work->build->shape, line) : NULL;
    return found ? (unsigned)strtoul(found + strlen(line), NULL, 10) : 0;
}

// From sim/ on.
static const char *harness(const struct work *work) {
    return work->kind == CARD  ? "card/card_harness.cpp"
           : work->kind == USB ? work->build->usb->harness
                               : "harness/harness.cpp";
}

static const char *top_module(const struct work *work) {
    return work->kind == CARD ? "millrace" : work->kind == USB ? "mr_usb_device" : work->build->top;
}

// Of the simulator of a bare network, of one in the shell of a card, or of what is behind USB.
static void rtl_recipe(const struct work *work, struct mr_words *words) {
    const struct mr_build *build = work->build;
    const bool card = work->kind == CARD;
    static const char *const flags[] = {
        "--cc", "--exe", "--build", "--prefix", "Vkernel", "--Mdir", "obj", "-O3", "--x-assign",
        "fast", "--unroll-count", "4", // lanes stay loops: a fraction of the code to compile
        // clang's time grows with the square of a function's statements
        "--output-split-cfuncs", "1000", "--x-initial", "fast", "-Wall", "-Wno-DECLFILENAME",
        "--top-module"};
    const char *cxx = mr_build_cxx();
    mr_words_add(words, "%s", mr_build_verilator());
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        mr_words_add(words, "%s", flags[i]);
    mr_words_add(words, "%s", top_module(work));
    mr_words_add(words, "--build-jobs");
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    mr_words_add(words, "%u", build->jobs ? build->jobs : cores > 0 ? (unsigned)cores : 1);
    if (build->assertions || card || work->kind == USB)
        mr_words_add(words, "--assert");
    if (build->merged && !build->trace)
        mr_words_add(words, "+define+MR_MERGED_LANES");
    if (build->trace)
        mr_words_add(words, build->vcd ? "--trace" : "--trace-fst");
    if (build->trace && build->vcd) {
        mr_words_add(words, "--trace-max-array");
        mr_words_add(words, "4096");
    }
    mr_words_add(words, "-CFLAGS");
    if (work->kind == USB)
        mr_words_add(words, "%s -DMR_USB_CLOCK_KHZ=%u", cxx_flags(work), build->usb->clock_khz);
    else if (memories(work))
        mr_words_add(words, "%s -DMR_MEMORIES=%u", cxx_flags(work), memories(work));
    else
        mr_words_add(words, "%s", cxx_flags(work));
    mr_words_add(words, "-LDFLAGS");
    mr_words_add(words, "-shared -Wl,-Bsymbolic%s%s",
                 card ? " -static-libstdc++ -static-libgcc" : "",
                 build->trace && !build->vcd // trace_file.h
                     ? " -Wl,--wrap=fopen,--wrap=fclose,--wrap=tmpfile,--wrap=mmap"
                     : "");
    mr_words_add(words, "-MAKEFLAGS");
    mr_words_add(words,
                 "CXX=%s LINK=%s VM_PARALLEL_BUILDS=0 OPT_FAST='-O%d%s' OPT_GLOBAL=-O1 %s%s%s"
                 " VERILATOR_INCLUDER='sh ../data/sim/harness/one_unit.sh ../data/sim/%s'",
                 cxx, cxx, level(2), is_clang(cxx) ? FOR_CLANG : "",
                 *work->objects ? "OBJCACHE='$(if $(filter verilated%,$@),ccache)'" : "",
                 *work->headers ? " -f ../data/sim/harness/headers.mk HEADERS=" : "", work->headers,
                 harness(work));
    add_sources(work, words);
    mr_words_add(words, "-o");
    mr_words_add(words, "../out/kernel.so");
}

// Puts all inputs of a model into the key.
static int model_inputs(const struct work *work, struct mr_cache_key *key) {
    char source[PATH_MAX + 300], folders[3][PATH_MAX + 32];
    snprintf(source, sizeof source, "%s/%s_model.c", work->gen, work->build->top);
    snprintf(folders[0], sizeof *folders, "%s/base/contract", work->data);
    snprintf(folders[1], sizeof *folders, "%s/hls/include", work->data);
    snprintf(folders[2], sizeof *folders, "%s/hls/kernels", work->data);
    const char *const directories[] = {work->gen, folders[0], folders[1], folders[2]};
    return mr_key_source(key, "model", source, directories, 4, work->error, work->error_size);
}

static int rtl_inputs(const struct work *work, struct mr_cache_key *key) {
    static const char *const files[] = {
        "sim/harness/harness.cpp",   "sim/harness/rtl_hooks.h",   "sim/harness/rtl_context.h",
        "sim/harness/trace_file.h",  "sim/harness/one_unit.sh",   "sim/harness/headers.h",
        "sim/harness/headers.mk",    "sim/harness/memory_port.h", "sim/harness/signals.h",
        "sim/harness/port_tables.h", "base/contract/kernel.h",    "base/contract/timeline.h"};
    static const struct {
        const char *folder, *suffix;
        bool card, usb; // of these only
    } shared[] = {{"hw/rtl", ".sv", false, false},   {"hw/include", ".svh", false, false},
                  {"hw/lint", ".vlt", false, false}, {"hw/card", ".sv", true, false},
                  {"sim/card", ".cpp", true, false}, {"sim/card", ".h", true, false},
                  {"hw/usb", ".sv", false, true},    {"hw/board", ".sv", false, true},
                  {"sim/usb", ".sv", false, true},   {"sim/usb", ".cpp", false, true},
                  {"sim/usb", "pins.h", false, true}};
    char path[PATH_MAX + 300];
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if ((shared[i].card && !has_shell(work)) || (shared[i].usb && work->kind != USB))
            continue;
        snprintf(path, sizeof path, "%s/%s", work->data, shared[i].folder);
        if (mr_key_directory(key, shared[i].folder, path, shared[i].suffix, work->error,
                             work->error_size))
            return -1;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", work->data, files[i]);
        if (mr_key_file(key, files[i], path, work->error, work->error_size))
            return -1;
    }
    snprintf(path, sizeof path, "%s/%s_ports.h", work->gen, work->build->top);
    if (mr_key_file(key, "ports", path, work->error, work->error_size) ||
        mr_key_directory(key, "gen", work->gen, ".sv", work->error, work->error_size) ||
        mr_key_directory(key, "gen", work->gen, ".svh", work->error, work->error_size))
        return -1;
    return 0;
}

// Puts the program into the key; `variable` is the one of the environment that may name another.
static int need_program(const struct work *work, struct mr_cache_key *key, const char *name,
                        const char *variable) {
    if (strpbrk(name, " \t\"'$`\\;&|<>()") || (strchr(name, '/') && name[0] != '/')) {
        snprintf(work->error, work->error_size,
                 "'%s' is not the plain name or absolute path of a program; set %s to one", name,
                 variable);
        return -1;
    }
    if (mr_key_program(key, name)) {
        snprintf(work->error, work->error_size,
                 "there is no program %s%s; install it, or name another by %s", name,
                 *name == '/' ? "" : " on PATH", variable);
        return -1;
    }
    return 0;
}

// Fills work->entry with the name that these inputs, flags and tools have in the cache.
static int name_entry(struct work *work, const char *cache) {
    static const char *const names[] = {
        [MODEL] = "model", [RTL] = "rtl", [CARD] = "card", [USB] = "usb"};
    const bool rtl = work->kind != MODEL;
    struct mr_cache_key *key = mr_key_new();
    struct mr_words words = {0};
    int result = -1;
    char hex[33];
    if (!key)
        return memory_error(work);
    // The number of jobs and the places of the files are no part of the result.
    struct mr_build neutral = *work->build;
    neutral.jobs = 1;
    struct work *plain = malloc(sizeof *plain);
    if (!plain)
        goto memory;
    *plain = *work;
    plain->build = &neutral;
    plain->objects[0] = plain->headers[0] = '\0';
    (rtl ? rtl_recipe : model_recipe)(plain, &words);
    free(plain);
    if (words.failed)
        goto memory;
    mr_key_text(key, RECIPE);
    for (size_t i = 0; i < words.count; i++)
        mr_key_text(key, words.items[i]);
    if (has_shell(work))
        mr_key_text(key, work->build->shape);
    if (work->kind == USB && work->build->usb->image)
        mr_key_text(key, work->build->usb->image);
    if (work->kind != CARD)
        mr_key_processor(key);
    if (rtl) {
        if (need_program(work, key, mr_build_verilator(), "MILLRACE_VERILATOR") ||
            need_program(work, key, mr_build_cxx(), "MILLRACE_CXX") ||
            need_program(work, key, "make", "PATH"))
            goto out;
        // The script `verilator` says nothing about the version of the program behind it.
        (void)mr_key_program(key, "verilator_bin");
        if (rtl_inputs(work, key))
            goto out;
    } else if (need_program(work, key, c_compiler(), "MILLRACE_CC") || model_inputs(work, key)) {
        goto out;
    }
    if (mr_key_finish(key, hex))
        goto memory;
    if (snprintf(work->entry, sizeof work->entry, "%s/%s-%s-%s", cache, work->build->top,
                 names[work->kind], hex) >= (int)sizeof work->entry) {
        snprintf(work->error, work->error_size, "%s: the path of the build cache is too long",
                 cache);
        goto out;
    }
    result = 0;
    goto out;
memory:
    result = memory_error(work);
out:
    mr_words_free(&words);
    mr_key_free(key);
    return result;
}

// Fills work->headers, in the folder `kept`, with a name that tells flags and tools.
static int name_headers(struct work *work, const char *kept) {
    const struct mr_build *build = work->build;
    const char *cxx = mr_build_cxx();
    char path[PATH_MAX + 32], optimise[2] = {(char)('0' + level(2))}, hex[33];
    if (!is_clang(cxx) || strpbrk(kept, " \t'$#:"))
        return 0;
    struct mr_cache_key *key = mr_key_new();
    if (!key)
        return memory_error(work);
    const char *const texts[] = {RECIPE, cxx_flags(work), optimise,
                                 !build->trace ? ""
                                 : build->vcd  ? "vcd"
                                               : "fst"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mr_key_text(key, texts[i]);
    mr_key_processor(key);
    (void)mr_key_program(key, cxx);
    (void)mr_key_program(key, mr_build_verilator());
    (void)mr_key_program(key, "verilator_bin");
    snprintf(path, sizeof path, "%s/sim/harness/headers.h", work->data);
    int result = mr_key_source(key, "headers", path, NULL, 0, work->error, work->error_size);
    if (!result && mr_key_finish(key, hex))
        result = memory_error(work);
    if (!result && snprintf(work->headers, sizeof work->headers, "%s/headers-%s.pch", kept, hex) >=
                       (int)sizeof work->headers)
        work->headers[0] = '\0';
    mr_key_free(key);
    return result;
}

static int write_header(const struct work *work, const char *place, const char *name,
                        const char *text) {
    char path[PATH_MAX + 32];
    const struct mr_piece piece = {text, strlen(text)};
    snprintf(path, sizeof path, "%s/%s", place, name);
    return mr_file_write(path, &piece, 1, work->error, work->error_size);
}

// Links to the inputs beside the result: all paths of a build are relative to that place, so spaces
// in the names of directories and the machine's layout stay out of command lines and results.
static int link_inputs(const struct work *work, const char *place) {
    char path[PATH_MAX + 32], ports[PATH_MAX];
    snprintf(path, sizeof path, "%s/data", place);
    if (symlink(work->data, path))
        return fail(work, path, "cannot be created");
    snprintf(path, sizeof path, "%s/gen", place);
    if (symlink(work->gen, path))
        return fail(work, path, "cannot be created");
    snprintf(path, sizeof path, "%s/kernel_ports.h", place);
    snprintf(ports, sizeof ports, "gen/%s_ports.h", work->build->top);
    if (symlink(ports, path))
        return fail(work, path, "cannot be created");
    const char *image = work->kind == USB ? work->build->usb->image : NULL;
    return (has_shell(work) && write_header(work, place, "mr_network.svh", work->build->shape)) ||
                   (image && write_header(work, place, "mr_image.svh", image))
               ? -1
               : 0;
}

// Runs the recipe (mr_entry_make).
static int run_recipe(void *context, const struct mr_entry *entry, char *error, size_t error_size) {
    const struct work *work = context;
    struct mr_words words = {0};
    char reason[300], line[300], log[PATH_MAX + 32], so[PATH_MAX + 64];
    if (link_inputs(work, entry->place))
        return -1;
    (work->kind == MODEL ? model_recipe : rtl_recipe)(work, &words);
    snprintf(log, sizeof log, "%s/build.log", entry->out);
    const int failed = mr_process_run(&words, entry->place, log, entry->lock, work->objects,
                                      work->build->verbose, reason, sizeof reason);
    mr_words_free(&words);
    if (failed) {
        mr_log_first_error(log, line, sizeof line);
        const bool moved = !rename(log, entry->kept);
        return mr_fail(error, error_size, "building %s from %s: %s%s%s%s%s", work->build->top,
                       work->build->gen_dir, reason, *line ? ": " : "", line, moved ? "; see " : "",
                       moved ? entry->kept : "");
    }
    snprintf(so, sizeof so, "%s/kernel.so", entry->out);
    return access(so, R_OK) ? fail(work, so, "was not written by the build") : 0;
}

static bool is_name(const char *text) {
    if (!text || !*text || strlen(text) > 200)
        return false;
    for (const char *c = text; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *c))
            return false;
    return true;
}

// Verilator's runtime and headers are the same in all simulators: what the compiler makes of them
// is kept. What it makes of a kernel is not, as the kernel is.
static int keep_runtime(struct work *work, const char *cache) {
    char kept[PATH_MAX];
    const char *own = getenv("CCACHE_DIR");
    if (snprintf(kept, sizeof kept, "%s%s", own && *own ? own : cache,
                 own && *own ? "" : "/objects") >= (int)sizeof kept)
        return 0;
    if (on_path("ccache") && snprintf(work->objects, sizeof work->objects, "CCACHE_DIR=%s", kept) >=
                                 (int)sizeof work->objects)
        work->objects[0] = '\0';
    return name_headers(work, kept);
}

static int build_kernel(struct work *work, char *so_path, size_t so_path_size) {
    const struct mr_build *build = work->build;
    char cache[PATH_MAX - 300], real_cache[PATH_MAX];
    if (!is_name(build->top)) {
        snprintf(work->error, work->error_size,
                 "%s: is not the name of a top function (letters, digits and _)",
                 build->top ? build->top : "(none)");
        return -1;
    }
    if (!realpath(build->data_dir, work->data))
        return fail(work, build->data_dir, "the project's data cannot be found");
    if (!realpath(build->gen_dir, work->gen))
        return fail(work, build->gen_dir, "the generated files cannot be found");
    if (!build->cache_dir) {
        if (mr_cache_dir(cache, sizeof cache, work->error, work->error_size))
            return -1;
    } else if (snprintf(cache, sizeof cache, "%s", build->cache_dir) >= (int)sizeof cache) {
        snprintf(work->error, work->error_size, "%s: is too long a path for the build cache",
                 build->cache_dir);
        return -1;
    } else if (mr_cache_use(cache, work->error, work->error_size)) {
        return -1;
    }
    if (!realpath(cache, real_cache))
        return fail(work, cache, "cannot be used as the build cache");
    if (work->kind != MODEL && strpbrk(real_cache, " \t")) {
        snprintf(work->error, work->error_size,
                 "%s: make cannot work in a directory with a space in its name; set MILLRACE_CACHE "
                 "to another",
                 real_cache);
        return -1;
    }
    if (work->kind != MODEL && keep_runtime(work, real_cache))
        return -1;
    if (name_entry(work, real_cache))
        return -1;
    if (snprintf(so_path, so_path_size, "%s/kernel.so", work->entry) >= (int)so_path_size) {
        snprintf(work->error, work->error_size, "%s: is too long a path for the caller",
                 work->entry);
        return -1;
    }
    return mr_entry_get(work->entry, run_recipe, work, &build->notes, work->error,
                        work->error_size);
}

static int build_any(const struct mr_build *build, enum kind kind, char *so_path,
                     size_t so_path_size, char *error, size_t error_size) {
    struct work *work = calloc(1, sizeof *work);
    if (!work) {
        snprintf(error, error_size, "not enough memory to build a kernel");
        return -1;
    }
    work->build = build;
    work->kind = kind;
    work->error = error;
    work->error_size = error_size;
    const int result = build_kernel(work, so_path, so_path_size);
    free(work);
    return result;
}

int mr_build_model(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                   size_t error_size) {
    return build_any(build, MODEL, so_path, so_path_size, error, error_size);
}

int mr_build_rtl(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                 size_t error_size) {
    return build_any(build, RTL, so_path, so_path_size, error, error_size);
}

int mr_build_card(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                  size_t error_size) {
    return build_any(build, CARD, so_path, so_path_size, error, error_size);
}

int mr_build_usb(const struct mr_build *build, char *so_path, size_t so_path_size, char *error,
                 size_t error_size) {
    return build_any(build, USB, so_path, so_path_size, error, error_size);
}
