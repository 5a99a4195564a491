// SPDX-License-Identifier: Apache-2.0
// hlsc check: all runs through the C model first, which shows how many elements each run takes;
// then the same runs through the RTL, once at full speed and again with idle inputs, with slow
// outputs and with both.
#define _GNU_SOURCE
#include "check.h"

#include "build.h"
#include "loader.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PORTS = 64, MAX_RUNS = 1000, REGIMES = 4 };
static const uint64_t max_elements = (uint64_t)1 << 22, max_bytes = (uint64_t)1 << 31;

struct buffer { // elements of one stream in one run
    unsigned char *data;
    uint64_t count, room; // elements
    uint64_t random;      // state of the generator that made the last element
};

struct check_run {
    uint64_t scalars[MAX_PORTS];
    struct buffer in[MAX_PORTS], out[MAX_PORTS];
    uint64_t taken[MAX_PORTS];
};

struct checking {
    const struct compile_options *compile_with;
    const struct check_options *options;
    uint64_t seed;
    char data_dir[PATH_MAX], folder[PATH_MAX], model_so[PATH_MAX], rtl_so[PATH_MAX];
    const struct mr_port *scalar[MAX_PORTS], *in[MAX_PORTS], *out[MAX_PORTS];
    uint32_t scalars, ins, outs;
    struct check_run *runs;
    struct mr_loaded *model, *rtl;
    void *model_instance;
    uint64_t cycles; // of the RTL at full speed
    char *error;
    size_t error_size;
};

#define FAIL(c, ...) (snprintf((c)->error, (c)->error_size, __VA_ARGS__), -1)

static uint64_t draw(uint64_t *state) { // splitmix64
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t stride(const struct mr_port *port) {
    return (port->bits + 7) / 8;
}

// ---- files

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
        snprintf(probe, sizeof probe, "%s/sim/harness.cpp", path);
        if (access(probe, R_OK) == 0 && realpath(path, c->data_dir))
            return 0;
    }
    return FAIL(c, "hlsc: error: the files of millrace (hls/, hw/, sim/) are not in the source "
                   "tree of this program nor "
                   "in PREFIX/share/millrace; set MILLRACE_DATA to the folder that holds them");
}

static void remove_folder(const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(folder);
}

// Hash of the preprocessed source: whatever -I and -D bring in is part of the model's name in the
// cache.
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

// Puts the -D of the command line at the start of the model.
static int define_in_model(struct checking *c) {
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
    for (int i = 0; i < c->compile_with->front.define_count; i++) {
        const char *define = c->compile_with->front.defines[i], *value = strchr(define, '=');
        fprintf(file, "#define %.*s %s\n", (int)strcspn(define, "="), define,
                value ? value + 1 : "1");
    }
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

static int build(struct checking *c) {
    char cache[PATH_MAX - 300];
    if (find_data_dir(c) != 0 || mr_cache_dir(cache, sizeof cache, c->error, c->error_size) != 0)
        return -1;
    char made[PATH_MAX];
    snprintf(made, sizeof made, "%s/check-XXXXXX", cache);
    if (!mkdtemp(made))
        return FAIL(c, "%s: error: no folder can be made there: %s; set MILLRACE_CACHE to another",
                    cache, strerror(errno));
    snprintf(c->folder, sizeof c->folder, "%s", made);
    struct compile_options compile_with = *c->compile_with;
    compile_with.out_dir = c->folder;
    if (compile(&compile_with, c->error, c->error_size) != 0 || define_in_model(c) != 0 ||
        pass_includes(c) != 0)
        return -1;
    const struct mr_build recipe = {.data_dir = c->data_dir,
                                    .gen_dir = c->folder,
                                    .top = compile_with.top,
                                    .cache_dir = cache,
                                    .trace = c->options->trace != NULL,
                                    .assertions = true};
    if (mr_build_model(&recipe, c->model_so, sizeof c->model_so, c->error, c->error_size) != 0)
        return -1;
    return mr_build_rtl(&recipe, c->rtl_so, sizeof c->rtl_so, c->error, c->error_size);
}

// ---- random input

// One element: all bits at random, or words of one width that are small, extreme or at random.
static void random_element(unsigned char *element, uint32_t bits, uint64_t *random) {
    static const uint32_t widths[] = {8, 16, 32, 64};
    const uint64_t kind = draw(random);
    const uint32_t width = bits <= 64 ? bits : widths[kind >> 8 & 3];
    memset(element, 0, (bits + 7) / 8);
    for (uint32_t at = 0; at < bits; at += width) {
        uint64_t value = draw(random);
        const uint64_t choice = draw(random) & 15;
        const uint64_t top = (uint64_t)1 << (width - 1);
        if ((kind & 3) == 0 || ((kind & 3) == 1 && choice < 8))
            value = (uint64_t)((int64_t)(value & 15) - 8);
        else if ((kind & 3) == 1)
            value = choice < 10 ? top : choice < 12 ? top - 1 : choice < 14 ? UINT64_MAX : 0;
        for (uint32_t i = 0; i < width && at + i < bits; i++)
            if (value >> i & 1)
                element[(at + i) / 8] |= (unsigned char)(1u << ((at + i) % 8));
    }
}

static int make_room(struct checking *c, struct buffer *b, const struct mr_port *port,
                     uint64_t room) {
    if (room <= b->room)
        return 0;
    if (room > max_bytes / stride(port))
        return FAIL(c,
                    "check: stream '%s' has more than %llu bytes in a run; fix scalars with --set "
                    "to make it shorter",
                    port->name, (unsigned long long)max_bytes);
    unsigned char *grown = realloc(b->data, room * stride(port));
    if (!grown)
        return FAIL(c, "check: not enough memory for %llu elements of stream '%s'",
                    (unsigned long long)room, port->name);
    b->data = grown;
    b->room = room;
    return 0;
}

static int offer_more(struct checking *c, struct buffer *b, const struct mr_port *port,
                      uint64_t count) {
    if (make_room(c, b, port, count) != 0)
        return -1;
    for (; b->count < count; b->count++)
        random_element(b->data + b->count * stride(port), port->bits, &b->random);
    return 0;
}

// Finds the value that --set gives a scalar in run `n`: 0, -1 where there is none, -2 with a
// sentence. A list has a value for each run; the last one stays.
static int find_set(struct checking *c, const struct mr_port *port, uint64_t n, uint64_t *value) {
    for (int i = 0; i < c->options->set_count; i++) {
        const char *text = c->options->set[i], *number = strchr(text, '=');
        if (!number || (size_t)(number - text) != strlen(port->name) ||
            strncmp(text, port->name, (size_t)(number - text)) != 0)
            continue;
        char *end = (char *)number;
        for (uint64_t k = 0; k <= n && (k == 0 || *end); k++) {
            number = end + 1;
            errno = 0;
            *value =
                *number == '-' ? (uint64_t)strtoll(number, &end, 0) : strtoull(number, &end, 0);
            if (errno || end == number || (*end && *end != ',')) {
                snprintf(c->error, c->error_size, "check: --set %s: '%s' is not a number", text,
                         number);
                return -2;
            }
        }
        return 0;
    }
    return -1;
}

static int find_ports(struct checking *c) {
    const struct mr_kernel *kernel = c->model->kernel;
    if (kernel->port_count != c->rtl->kernel->port_count || kernel->port_count > MAX_PORTS)
        return FAIL(c, "check: %u ports; hlsc check takes up to %d", kernel->port_count, MAX_PORTS);
    for (uint32_t i = 0; i < kernel->port_count; i++) {
        const struct mr_port *port = &kernel->ports[i];
        if (port->kind == MR_PORT_SCALAR)
            c->scalar[c->scalars++] = port;
        else if (port->kind == MR_PORT_IN)
            c->in[c->ins++] = port;
        else
            c->out[c->outs++] = port;
    }
    for (int i = 0; i < c->options->set_count; i++) {
        const char *text = c->options->set[i];
        const size_t length = strcspn(text, "=");
        bool known = false;
        for (uint32_t k = 0; k < c->scalars; k++)
            known |= strlen(c->scalar[k]->name) == length &&
                     strncmp(text, c->scalar[k]->name, length) == 0;
        if (!known || !text[length])
            return FAIL(
                c, "check: --set %s: %s; write --set NAME=VALUE with a scalar argument of %s", text,
                known ? "there is no value" : "the kernel has no such scalar argument",
                kernel->top);
    }
    return 0;
}

// ---- running

static int run_kernel(struct checking *c, const struct mr_kernel *kernel, void *instance,
                      struct check_run *r, const uint64_t *offered, struct buffer *out,
                      struct mr_run *run) {
    static const unsigned char nothing[8];
    for (uint32_t i = 0; i < c->ins; i++)
        run->in[i] = (struct mr_stream_in){r->in[i].data ? r->in[i].data : nothing, offered[i], 0};
    for (uint32_t i = 0; i < c->outs; i++)
        run->out[i] = (struct mr_stream_out){.data = out[i].data, .capacity = out[i].room};
    run->scalars = r->scalars;
    run->cycles = 0;
    run->activity = NULL;
    return kernel->run(instance, run, c->error, c->error_size);
}

static int open_model(struct checking *c) {
    const struct mr_open_options none = {0};
    mr_kernel_unload(c->model);
    c->model = mr_kernel_load(c->model_so, c->error, c->error_size);
    c->model_instance = c->model ? c->model->kernel->open(&none, c->error, c->error_size) : NULL;
    return c->model_instance ? 0 : -1;
}

// Runs the model; where an input ran dry or an output was full, the state is lost, so the model is
// loaded anew and all runs before are repeated.
static int model_run(struct checking *c, uint64_t n) {
    struct check_run *r = &c->runs[n];
    struct mr_stream_in in[MAX_PORTS];
    struct mr_stream_out out[MAX_PORTS];
    struct mr_run run = {.in = in, .out = out};
    uint64_t offered[MAX_PORTS];
    for (;;) {
        for (uint32_t i = 0; i < c->ins; i++)
            offered[i] = r->in[i].count;
        const int status =
            run_kernel(c, c->model->kernel, c->model_instance, r, offered, r->out, &run);
        if (status == 0)
            break;
        bool grown = false;
        for (uint32_t i = 0; i < c->outs; i++) {
            if (out[i].count <= r->out[i].room)
                continue;
            grown = true;
            if (make_room(c, &r->out[i], c->out[i], out[i].count * 2) != 0)
                return -1;
        }
        for (uint32_t i = 0; i < c->ins && !grown; i++)
            if (in[i].taken == offered[i] && offered[i] >= max_elements)
                return FAIL(c,
                            "check: run %llu wants more than %llu elements of input '%s'; fix "
                            "scalars with --set or "
                            "give a smaller --vectors (seed %llu)",
                            (unsigned long long)n + 1, (unsigned long long)max_elements,
                            c->in[i]->name, (unsigned long long)c->seed);
        for (uint32_t i = 0; i < c->ins && !grown; i++)
            if (in[i].taken == offered[i] && strstr(c->error, c->in[i]->name)) {
                grown = true;
                if (offer_more(c, &r->in[i], c->in[i], offered[i] ? offered[i] * 2 : 1) != 0)
                    return -1;
            }
        if (!grown || open_model(c) != 0)
            return -1;
        for (uint64_t k = 0; k < n; k++)
            if (run_kernel(c, c->model->kernel, c->model_instance, &c->runs[k], c->runs[k].taken,
                           c->runs[k].out, &run) != 0)
                return -1;
    }
    for (uint32_t i = 0; i < c->ins; i++)
        r->taken[i] = in[i].taken;
    for (uint32_t i = 0; i < c->outs; i++)
        r->out[i].count = out[i].count;
    return 0;
}

static int model_runs(struct checking *c, uint64_t *random) {
    for (uint64_t n = 0; n < c->options->runs; n++) {
        struct check_run *r = &c->runs[n];
        for (uint32_t i = 0; i < c->scalars; i++) {
            const uint64_t drawn = draw(random) % (c->options->vectors + 1);
            const int found = find_set(c, c->scalar[i], n, &r->scalars[i]);
            if (found == -2)
                return -1;
            if (found == -1)
                r->scalars[i] = drawn;
            if (c->scalar[i]->bits < 64)
                r->scalars[i] &= ((uint64_t)1 << c->scalar[i]->bits) - 1;
        }
        for (uint32_t i = 0; i < c->ins; i++) {
            r->in[i].random = draw(random);
            if (offer_more(c, &r->in[i], c->in[i], c->options->vectors) != 0)
                return -1;
        }
        for (uint32_t i = 0; i < c->outs; i++)
            if (make_room(c, &r->out[i], c->out[i], 2 * c->options->vectors + 16) != 0)
                return -1;
        if (model_run(c, n) != 0)
            return -1;
    }
    return 0;
}

static void hex(const unsigned char *element, const struct mr_port *port, char *text, size_t size) {
    size_t at = 0, bytes = stride(port);
    if (bytes > 64)
        bytes = 64; // the caller starts at the byte that differs
    for (size_t i = bytes; i-- > 0 && at + 3 < size;)
        at += (size_t)snprintf(text + at, size - at, "%02x", element[i]);
}

static void describe_run(const struct checking *c, uint64_t n, const struct mr_open_options *with,
                         char *text, size_t size) {
    size_t at =
        (size_t)snprintf(text, size, "idle %u/256, stall %u/256, seed %llu", with->idle_chance,
                         with->stall_chance, (unsigned long long)c->seed);
    for (uint32_t i = 0; i < c->scalars && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, ", %s=%llu", c->scalar[i]->name,
                               (unsigned long long)c->runs[n].scalars[i]);
}

static int compare(struct checking *c, uint64_t n, const struct mr_run *run,
                   const struct buffer *got, const char *where) {
    const struct check_run *r = &c->runs[n];
    for (uint32_t i = 0; i < c->outs; i++) {
        const size_t bytes = stride(c->out[i]);
        const uint64_t wanted = r->out[i].count, count = run->out[i].count;
        for (uint64_t k = 0; k < wanted && k < count; k++) {
            const unsigned char *a = r->out[i].data + k * bytes, *b = got[i].data + k * bytes;
            if (memcmp(a, b, bytes) == 0)
                continue;
            char model_text[132], rtl_text[132], from[64] = "";
            size_t first = 0;
            while (a[first] == b[first])
                first++;
            struct mr_port part = *c->out[i];
            if (bytes > 64) { // long elements are shown from the first byte that differs
                part.bits = (uint32_t)(bytes - first < 16 ? bytes - first : 16) * 8;
                snprintf(from, sizeof from, " from bit %zu", first * 8);
            } else {
                first = 0;
            }
            hex(a + first, &part, model_text, sizeof model_text);
            hex(b + first, &part, rtl_text, sizeof rtl_text);
            return FAIL(c,
                        "check: output '%s', run %llu, element %llu of %llu%s: C gives 0x%s, RTL "
                        "gives 0x%s (%s)",
                        c->out[i]->name, (unsigned long long)n + 1, (unsigned long long)k,
                        (unsigned long long)wanted, from, model_text, rtl_text, where);
        }
        if (wanted != count)
            return FAIL(c,
                        "check: output '%s', run %llu: C gives %llu elements, RTL gives %llu (%s)",
                        c->out[i]->name, (unsigned long long)n + 1, (unsigned long long)wanted,
                        (unsigned long long)count, where);
    }
    for (uint32_t i = 0; i < c->ins; i++)
        if (run->in[i].taken != r->taken[i])
            return FAIL(c,
                        "check: input '%s', run %llu: C takes %llu elements, RTL takes %llu (%s)",
                        c->in[i]->name, (unsigned long long)n + 1, (unsigned long long)r->taken[i],
                        (unsigned long long)run->in[i].taken, where);
    return 0;
}

static int rtl_run(struct checking *c, uint64_t n, void *instance,
                   const struct mr_open_options *with, struct buffer *got) {
    struct check_run *r = &c->runs[n];
    struct mr_stream_in in[MAX_PORTS];
    struct mr_stream_out out[MAX_PORTS];
    struct mr_run run = {.in = in, .out = out, .max_cycles = 50000000};
    char where[1024], reason[1200];
    describe_run(c, n, with, where, sizeof where);
    for (uint32_t i = 0; i < c->ins; i++)
        run.max_cycles += r->taken[i] * 256;
    for (uint32_t i = 0; i < c->outs; i++) {
        run.max_cycles += r->out[i].count * 256;
        if (make_room(c, &got[i], c->out[i], r->out[i].count + 16) != 0)
            return -1;
    }
    if (run_kernel(c, c->rtl->kernel, instance, r, r->taken, got, &run) != 0) {
        // A wrong element before the stop says more than the stop.
        snprintf(reason, sizeof reason, "%s", c->error);
        for (uint32_t i = 0; i < c->outs; i++) {
            const uint64_t count = out[i].count < r->out[i].count ? out[i].count : r->out[i].count;
            if (memcmp(got[i].data, r->out[i].data, count * stride(c->out[i])) != 0)
                return compare(c, n, &run, got, where);
        }
        return FAIL(c, "check: run %llu: %s (%s)", (unsigned long long)n + 1, reason, where);
    }
    if (!with->idle_chance && !with->stall_chance)
        c->cycles += run.cycles;
    return compare(c, n, &run, got, where);
}

static int rtl_runs(struct checking *c, uint64_t *random) {
    struct buffer got[MAX_PORTS] = {{0}};
    int status = 0;
    for (int regime = 0; regime < REGIMES && status == 0; regime++) {
        const uint64_t idle = draw(random) % 200 + 8, stall = draw(random) % 200 + 8;
        const struct mr_open_options with = {.idle_chance = regime & 1 ? (uint32_t)idle : 0,
                                             .stall_chance = regime & 2 ? (uint32_t)stall : 0,
                                             .seed = draw(random),
                                             .trace = c->options->trace};
        void *instance = c->rtl->kernel->open(&with, c->error, c->error_size);
        if (!instance)
            status = -1;
        for (uint64_t n = 0; n < c->options->runs && status == 0; n++)
            status = rtl_run(c, n, instance, &with, got);
        if (instance)
            c->rtl->kernel->close(instance);
    }
    for (uint32_t i = 0; i < MAX_PORTS; i++)
        free(got[i].data);
    return status;
}

static int check_all(struct checking *c) {
    if (build(c) != 0 || open_model(c) != 0)
        return -1;
    c->rtl = mr_kernel_load(c->rtl_so, c->error, c->error_size);
    if (!c->rtl || find_ports(c) != 0)
        return -1;
    uint64_t random = c->seed;
    if (model_runs(c, &random) != 0 || rtl_runs(c, &random) != 0)
        return -1;
    uint64_t in = 0, out = 0;
    for (uint64_t n = 0; n < c->options->runs; n++) {
        for (uint32_t i = 0; i < c->ins; i++)
            in += c->runs[n].taken[i];
        for (uint32_t i = 0; i < c->outs; i++)
            out += c->runs[n].out[i].count;
    }
    printf("check: %llu runs, %llu elements in, %llu out, %llu cycles: C and RTL agree\n",
           (unsigned long long)c->options->runs, (unsigned long long)in, (unsigned long long)out,
           (unsigned long long)c->cycles);
    return 0;
}

int check(const struct compile_options *compile_with, const struct check_options *options,
          char *error, size_t error_size) {
    if (options->vectors == 0 || options->vectors > max_elements || options->runs == 0 ||
        options->runs > MAX_RUNS) {
        snprintf(error, error_size,
                 "check: --vectors must be from 1 to %llu and --runs from 1 to %d",
                 (unsigned long long)max_elements, MAX_RUNS);
        return -1;
    }
    struct checking *c = calloc(1, sizeof *c);
    struct check_run *runs = calloc((size_t)options->runs, sizeof *runs);
    int status = -1;
    if (!c || !runs) {
        snprintf(error, error_size, "hlsc: error: out of memory");
        goto out;
    }
    *c = (struct checking){.compile_with = compile_with, .options = options, .runs = runs};
    c->error = error;
    c->error_size = error_size;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t clock_seed =
        (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec ^ ((uint64_t)getpid() << 20);
    c->seed = options->has_seed ? options->seed : draw(&clock_seed) % 1000000000u;
    printf("seed %llu\n", (unsigned long long)c->seed);
    fflush(stdout);
    status = check_all(c);
    mr_kernel_unload(c->model);
    mr_kernel_unload(c->rtl);
    if (c->folder[0])
        remove_folder(c->folder);
out:
    for (uint64_t n = 0; runs && n < options->runs; n++)
        for (uint32_t i = 0; i < MAX_PORTS; i++) {
            free(runs[n].in[i].data);
            free(runs[n].out[i].data);
        }
    free(runs);
    free(c);
    return status;
}
