// SPDX-License-Identifier: Apache-2.0
// The simulation harness, the kernel loader and the build cache, on the hand-written kernel of
// tests/sim_fixture/scale in both flavours. Writes below build/sim_test.
#define _GNU_SOURCE
#include "build.h"
#include "loader.h"
#include "random.h"
#include <check.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CACHE "build/sim_test/cache"
#define FIXTURE "tests/sim_fixture/scale"

enum { MAX_COUNT = 600, PROCESSES = 1 };

struct data {
    unsigned char a[3 * MAX_COUNT], wide[13 * MAX_COUNT];
    unsigned char b[5 * (MAX_COUNT + 1)], mirror[13 * (MAX_COUNT + 1)];
    uint64_t scalars[2];
    struct mr_stream_in in[2];
    struct mr_stream_out out[2];
    struct mr_activity activity[PROCESSES];
    struct mr_run run;
};

static char error[2000];

static struct data *make_data(uint64_t gain, uint64_t count, uint64_t seed) {
    struct data *d = calloc(1, sizeof *d);
    ck_assert_ptr_nonnull(d);
    for (size_t i = 0; i < sizeof d->a; i++)
        d->a[i] = (unsigned char)random_bits(&seed);
    for (size_t i = 0; i < sizeof d->wide; i++)
        d->wide[i] = (unsigned char)random_bits(&seed);
    for (size_t i = 12; i < sizeof d->wide; i += 13)
        d->wide[i] &= 0x0f;
    d->scalars[0] = gain;
    d->scalars[1] = count;
    d->in[0] = (struct mr_stream_in){.data = d->a, .count = count};
    d->in[1] = (struct mr_stream_in){.data = d->wide, .count = count};
    d->out[0] = (struct mr_stream_out){.data = d->b, .capacity = count};
    d->out[1] = (struct mr_stream_out){.data = d->mirror, .capacity = count};
    d->run = (struct mr_run){.scalars = d->scalars, .in = d->in, .out = d->out};
    return d;
}

static struct mr_build scale_build(void) {
    return (struct mr_build){.data_dir = ".",
                             .gen_dir = FIXTURE,
                             .top = "scale",
                             .cache_dir = CACHE,
                             .assertions = true};
}

static struct mr_loaded *load(bool rtl, bool trace) {
    char so[4096];
    struct mr_build build = scale_build();
    // The traced variant is also the one without assertions.
    build.trace = trace;
    build.assertions = !trace;
    const int failed =
        (rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so, error, sizeof error);
    ck_assert_msg(!failed, "%s", error);
    struct mr_loaded *loaded = mr_kernel_load(so, error, sizeof error);
    ck_assert_msg(loaded != NULL, "%s", error);
    return loaded;
}

static void *open_kernel(const struct mr_loaded *loaded, uint32_t idle, uint32_t stall,
                         uint64_t seed) {
    const struct mr_open_options options = {
        .idle_chance = idle, .stall_chance = stall, .seed = seed};
    void *instance = loaded->kernel->open(&options, error, sizeof error);
    ck_assert_msg(instance != NULL, "%s", error);
    return instance;
}

static void run_well(const struct mr_loaded *loaded, void *instance, struct data *d) {
    ck_assert_msg(!loaded->kernel->run(instance, &d->run, error, sizeof error), "%s", error);
}

static void expect_error(const struct mr_loaded *loaded, void *instance, struct data *d,
                         const char *words) {
    error[0] = '\0';
    ck_assert_int_ne(loaded->kernel->run(instance, &d->run, error, sizeof error), 0);
    ck_assert_msg(strstr(error, words) != NULL, "no '%s' in: %s", words, error);
}

static void remove_tree(const char *path) {
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(flavours_agree) {
    static const uint32_t chances[][2] = {{0, 0}, {64, 64}, {200, 0}, {0, 200}, {240, 240}};
    const uint64_t seed = (uint64_t)time(NULL);
    printf("flavours_agree: seed %llu\n", (unsigned long long)seed);
    struct mr_loaded *rtl = load(true, false);
    ck_assert_str_eq(rtl->kernel->top, "scale");
    ck_assert_str_eq(rtl->kernel->flavour, "rtl");
    for (size_t c = 0; c < sizeof chances / sizeof *chances; c++) {
        struct mr_loaded *model = load(false, false);
        void *golden = open_kernel(model, 0, 0, 0);
        void *dut = open_kernel(rtl, chances[c][0], chances[c][1], seed + c);
        for (uint64_t k = 0; k < 4; k++) {
            const uint64_t count = k == 3 ? 0 : 1 + (seed * 7 + 131 * c + 57 * k) % MAX_COUNT;
            struct data *want = make_data(1000 * k + 77, count, seed + k);
            struct data *got = make_data(1000 * k + 77, count, seed + k);
            got->run.activity = got->activity;
            run_well(model, golden, want);
            run_well(rtl, dut, got);
            ck_assert_uint_eq(got->out[0].count, count);
            ck_assert_uint_eq(got->out[1].count, count);
            ck_assert_uint_eq(got->in[0].taken, count);
            ck_assert_mem_eq(want->b, got->b, sizeof want->b);
            ck_assert_mem_eq(want->mirror, got->mirror, sizeof want->mirror);
            const struct mr_activity *activity = got->activity;
            ck_assert_uint_eq(activity->busy, count);
            // Start, one cycle per pair, every wait, done.
            ck_assert_uint_eq(got->run.cycles, count + activity->starved + activity->blocked + 2);
            if (count) {
                ck_assert_uint_eq(activity->last_busy + 2, got->run.cycles);
                if (!chances[c][0] && !chances[c][1])
                    ck_assert_uint_eq(got->out[0].last_cycle, count + 1);
            }
            free(want);
            free(got);
        }
        rtl->kernel->close(dut);
        model->kernel->close(golden);
        mr_kernel_unload(model);
    }
    mr_kernel_unload(rtl);
}
END_TEST

START_TEST(seed_decides) {
    struct mr_loaded *rtl = load(true, false);
    uint64_t cycles[3];
    for (int i = 0; i < 3; i++) {
        struct data *d = make_data(3, 500, 1);
        void *dut = open_kernel(rtl, 100, 100, i < 2 ? 5 : 6);
        run_well(rtl, dut, d);
        cycles[i] = d->run.cycles;
        rtl->kernel->close(dut);
        free(d);
    }
    ck_assert_uint_eq(cycles[0], cycles[1]);
    ck_assert_uint_ne(cycles[0], cycles[2]);
    mr_kernel_unload(rtl);
}
END_TEST

START_TEST(failures_are_told) {
    struct mr_loaded *rtl = load(true, false);
    void *dut = open_kernel(rtl, 0, 0, 0);
    struct data *d = make_data(3, 100, 1);

    d->in[1].count = 60;
    expect_error(rtl, dut, d, "made no progress");
    ck_assert_ptr_nonnull(strstr(error, "input a waits to be taken (element 60 of 100)"));
    ck_assert_ptr_nonnull(strstr(error, "input wide ran dry (all 60"));
    ck_assert_ptr_nonnull(strstr(error, "scaler is starved"));
    d->in[1].count = 100;

    d->out[0].capacity = 99;
    expect_error(rtl, dut, d, "output b gives more than the 99 elements");
    d->out[0].capacity = 100;

    d->scalars[0] = 0xdead;
    expect_error(rtl, dut, d, "made no progress");
    d->scalars[0] = 0xbeef;
    expect_error(rtl, dut, d, "gain is beef");
    d->scalars[0] = 0xcafe;
    expect_error(rtl, dut, d, "gain asserted");

    d->scalars[0] = 3;
    d->run.max_cycles = 50;
    expect_error(rtl, dut, d, "not done after the 50 cycles");
    d->run.max_cycles = 0;

    // It works again after every failure, from reset.
    run_well(rtl, dut, d);
    ck_assert_uint_eq(d->run.cycles, 102);
    const unsigned first = 3u * (d->a[0] | d->a[1] << 8 | d->a[2] << 16);
    ck_assert_int_eq(memcmp(d->b, &first, 4), 0);
    free(d);
    rtl->kernel->close(dut);

    const struct mr_open_options wrong[] = {{.idle_chance = 256}, {.trace = "build/no.fst"}};
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(rtl->kernel->open(&wrong[i], error, sizeof error));
        ck_assert_ptr_nonnull(strstr(error, i ? "without waveforms" : "at most 255"));
    }
    mr_kernel_unload(rtl);
}
END_TEST

START_TEST(trace_is_written) {
    struct mr_loaded *rtl = load(true, true);
    const char *path = "build/sim_test/wave.fst";
    remove(path);
    const struct mr_open_options options = {.trace = path};
    void *dut = rtl->kernel->open(&options, error, sizeof error);
    ck_assert_msg(dut != NULL, "%s", error);
    struct data *d = make_data(0xcafe, 100, 1); // assertions are off in this variant
    run_well(rtl, dut, d);
    free(d);
    rtl->kernel->close(dut);
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_gt(status.st_size, 200);
    const struct mr_open_options bad = {.trace = "build/sim_test/none/wave.fst"};
    ck_assert_ptr_null(rtl->kernel->open(&bad, error, sizeof error));
    ck_assert_ptr_nonnull(strstr(error, "none/wave.fst"));
    mr_kernel_unload(rtl);
}
END_TEST

START_TEST(instances_are_private) {
    for (int rtl = 0; rtl < 2; rtl++) {
        struct mr_loaded *one = load(rtl, false), *two = load(rtl, false);
        void *first = open_kernel(one, 0, 0, 0), *second = open_kernel(two, 0, 0, 0);
        struct data *d = make_data(0, 1, 1);
        for (int k = 0; k < 3; k++) {
            run_well(one, first, d);
            ck_assert_int_eq(d->b[0], k);
        }
        run_well(two, second, d);
        ck_assert_int_eq(d->b[0], 0);
        if (rtl) { // here two instances of one copy are apart too
            void *third = open_kernel(one, 0, 0, 0);
            run_well(one, third, d);
            ck_assert_int_eq(d->b[0], 0);
            run_well(one, first, d);
            ck_assert_int_eq(d->b[0], 3);
            one->kernel->close(third);
        }
        free(d);
        one->kernel->close(first);
        two->kernel->close(second);
        mr_kernel_unload(one);
        mr_kernel_unload(two);
    }
    mr_kernel_unload(NULL);
}
END_TEST

START_TEST(loader_refuses) {
    static const char *const cases[][2] = {{"build/sim_test/none.so", "cannot be opened"},
                                           {"tests", "is not a file"},
                                           {FIXTURE "/scale.sv", "cannot be loaded"},
                                           {"build/sim_test/empty.so", "is no kernel"},
                                           {"build/sim_test/old.so", "interface version 0"}};
    ck_assert_int_eq(system("printf 'int x;' | cc -shared -fPIC -xc - -o build/sim_test/empty.so &&"
                            "printf 'static unsigned k[64]; void *mr_kernel_describe(void)"
                            "{return k;}' | cc -shared -fPIC -xc - -o build/sim_test/old.so"),
                     0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_ptr_null(mr_kernel_load(cases[i][0], error, sizeof error));
        ck_assert_msg(strstr(error, cases[i][1]) && strstr(error, cases[i][0]), "%s", error);
    }
}
END_TEST

// A library that the system keeps after its unloading is not taken for the next one, which gets the
// same descriptor and so the same name.
START_TEST(kept_library_is_not_the_next) {
    for (int version = 100; version < 103; version++) {
        char command[300], wanted[40];
        snprintf(
            command, sizeof command,
            "printf 'static unsigned k[64] = {%d}; void *mr_kernel_describe(void) {return k;}' "
            "| cc -shared -fPIC -Wl,-z,nodelete -xc - -o build/sim_test/kept.so",
            version);
        ck_assert_int_eq(system(command), 0);
        ck_assert_ptr_null(mr_kernel_load("build/sim_test/kept.so", error, sizeof error));
        snprintf(wanted, sizeof wanted, "interface version %d", version);
        ck_assert_msg(strstr(error, wanted), "%s", error);
    }
}
END_TEST

START_TEST(cache_hit_is_fast) {
    char so[4096], again[4096];
    struct mr_build build = scale_build();
    ck_assert_msg(!mr_build_rtl(&build, so, sizeof so, error, sizeof error), "%s", error);
    double best = 1;
    for (int i = 0; i < 10; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        build.jobs = (unsigned)i; // no part of the result
        ck_assert_int_eq(mr_build_rtl(&build, again, sizeof again, error, sizeof error), 0);
        clock_gettime(CLOCK_MONOTONIC, &to);
        const double seconds =
            (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        best = seconds < best ? seconds : best;
    }
    ck_assert_str_eq(so, again);
    printf("cache hit: %.1f ms\n", 1e3 * best);
    ck_assert_double_lt(best, 0.020);
}
END_TEST

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(key_follows_includes) {
    remove_tree("build/sim_test/edit");
    ck_assert_int_eq(system("cp -r " FIXTURE " build/sim_test/edit"), 0);
    char so[3][4096];
    struct mr_build build = scale_build();
    build.gen_dir = "build/sim_test/edit";
    static const char *const states[] = {"#include <stdint.h>\nstatic uint64_t runs;\n",
                                         "#include <stdint.h>\nstatic uint64_t runs = 5;\n",
                                         "#include <stdint.h>\nstatic uint64_t runs;\n"};
    for (int i = 0; i < 3; i++) {
        write_text("build/sim_test/edit/scale_state.h", states[i]);
        ck_assert_msg(!mr_build_model(&build, so[i], sizeof so[i], error, sizeof error), "%s",
                      error);
    }
    ck_assert_str_ne(so[0], so[1]);
    ck_assert_str_eq(so[0], so[2]);
}
END_TEST

START_TEST(failed_build_names_its_log) {
    remove_tree("build/sim_test/bad");
    remove_tree("build/sim_test/bad_cache");
    ck_assert_int_eq(system("cp -r " FIXTURE " build/sim_test/bad"), 0);
    write_text("build/sim_test/bad/scale_model.c", "int x = y_is_not_there;\n");
    write_text("build/sim_test/bad/scale.sv", "module scale; wire a = b_is_not_there; endmodule\n");
    struct mr_build build = scale_build();
    build.gen_dir = "build/sim_test/bad";
    build.cache_dir = "build/sim_test/bad_cache";
    for (int rtl = 0; rtl < 2; rtl++) {
        char so[4096];
        ck_assert_int_ne(
            (rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so, error, sizeof error), 0);
        ck_assert_msg(strstr(error, rtl ? "b_is_not_there" : "y_is_not_there"), "%s", error);
        const char *log = strstr(error, "; see ");
        ck_assert_msg(log && !access(log + 6, R_OK), "%s", error);
        ck_assert_int_ne(access(so, F_OK), 0);
    }
    char so[4096];
    build.top = "no/name";
    ck_assert_int_ne(mr_build_rtl(&build, so, sizeof so, error, sizeof error), 0);
    build.top = "missing";
    ck_assert_int_ne(mr_build_model(&build, so, sizeof so, error, sizeof error), 0);
    ck_assert_msg(strstr(error, "missing_model.c: cannot be read"), "%s", error);
    ck_assert_int_ne(mr_build_model(&build, so, 5, error, sizeof error), 0);
}
END_TEST

START_TEST(a_missing_tool_is_named) {
    static const struct {
        const char *variable, *program, *words;
        bool rtl;
    } tools[] = {
        {"MILLRACE_CC", "/no/cc", "no program /no/cc; install it, or name another by MILLRACE_CC",
         false},
        {"MILLRACE_VERILATOR", "no_verilator",
         "no program no_verilator on PATH; install it, or name another by MILLRACE_VERILATOR",
         true},
        {"MILLRACE_CXX", "g++ -O3",
         "'g++ -O3' is not the plain name or absolute path of a program; set MILLRACE_CXX to one",
         true}};
    const struct mr_build build = scale_build();
    for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
        char so[4096];
        setenv(tools[i].variable, tools[i].program, 1);
        ck_assert_int_ne((tools[i].rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so,
                                                                        error, sizeof error),
                         0);
        ck_assert_msg(strstr(error, tools[i].words) != NULL, "%s", error);
        unsetenv(tools[i].variable);
    }
}
END_TEST

// What tools are told of the allocator is the user's, or else what makes them faster.
START_TEST(tools_keep_what_they_free) {
    static const char *const own[] = {NULL, "glibc.malloc.arena_max=1"};
    char place[PATH_MAX], script[3 * PATH_MAX];
    struct mr_build build = scale_build();
    build.cache_dir = "build/sim_test/tool_cache";
    ck_assert(realpath("build/sim_test", place) != NULL);
    snprintf(script, sizeof script,
             "#!/bin/sh\necho \"$GLIBC_TUNABLES\" >'%s/told'\nexec cc \"$@\"\n", place);
    write_text("build/sim_test/told_cc", script);
    ck_assert_int_eq(chmod("build/sim_test/told_cc", 0755), 0);
    snprintf(script, sizeof script, "%s/told_cc", place);
    setenv("MILLRACE_CC", script, 1);
    for (int i = 0; i < 2; i++) {
        char so[4096], told[300] = "";
        remove_tree(build.cache_dir);
        if (own[i])
            setenv("GLIBC_TUNABLES", own[i], 1);
        else
            unsetenv("GLIBC_TUNABLES");
        ck_assert_msg(!mr_build_model(&build, so, sizeof so, error, sizeof error), "%s", error);
        FILE *file = fopen("build/sim_test/told", "r");
        ck_assert(file && fgets(told, sizeof told, file));
        fclose(file);
        ck_assert_msg(strstr(told, own[i] ? own[i] : "glibc.malloc.tcache_count=65535"), "%s",
                      told);
        ck_assert(!own[i] || !strstr(told, "tcache"));
    }
    unsetenv("GLIBC_TUNABLES");
    unsetenv("MILLRACE_CC");
}
END_TEST

// Entries and work places in a cache directory; locks, logs and compiled objects aside.
static void count_entries(const char *path, int *entries, int *places) {
    *entries = *places = 0;
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        const char *dot = strchr(entry->d_name, '.');
        *entries += !dot && strcmp(entry->d_name, "objects") != 0;
        *places += dot && !strcmp(dot, ".tmp");
    }
    closedir(directory);
}

// Three builds with the same flags; before the third the headers get a later time, as by an update
// of the system.
START_TEST(headers_are_read_once) {
    const char *data = "build/sim_test/data", *objects = "build/sim_test/headers/objects";
    struct mr_build build = scale_build();
    char so[4096], kept[4096] = "";
    struct stat of[3] = {0};
    if (!strstr(mr_build_cxx(), "clang"))
        return; // g++ reads them each time
    unsetenv("CCACHE_DIR");
    remove_tree(data);
    remove_tree("build/sim_test/headers");
    ck_assert_int_eq(mkdir(data, 0777), 0);
    ck_assert_int_eq(system("cp -r --parents base/contract hls/include hw sim build/sim_test/data"),
                     0);
    build.data_dir = data;
    build.cache_dir = "build/sim_test/headers";
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            ck_assert_int_eq(system("touch -d tomorrow build/sim_test/data/sim/harness/*.h; "
                                    "rm -r build/sim_test/headers/scale-*"),
                             0);
        build.assertions = i == 1;
        ck_assert_msg(!mr_build_rtl(&build, so, sizeof so, error, sizeof error), "%s", error);
        DIR *directory = opendir(objects);
        ck_assert_ptr_nonnull(directory);
        int count = 0;
        for (struct dirent *entry; (entry = readdir(directory));)
            if (!strncmp(entry->d_name, "headers-", 8)) {
                count++;
                snprintf(kept, sizeof kept, "%s/%s", objects, entry->d_name);
            }
        closedir(directory);
        ck_assert_int_eq(count, 1);
        ck_assert_int_eq(stat(kept, &of[i]), 0);
    }
    ck_assert(of[0].st_ino == of[1].st_ino && of[0].st_mtim.tv_nsec == of[1].st_mtim.tv_nsec);
    ck_assert(of[1].st_mtim.tv_nsec != of[2].st_mtim.tv_nsec);
}
END_TEST

START_TEST(killed_build_leaves_nothing) {
    const char *cache = "build/sim_test/killed";
    remove_tree(cache);
    struct mr_build build = scale_build();
    build.cache_dir = cache;
    char so[4096];
    int entries = 0, places = 0;
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child)
        _exit(mr_build_rtl(&build, so, sizeof so, error, sizeof error) != 0);
    for (int i = 0; i < 1000 && !places; i++) {
        usleep(10000);
        count_entries(cache, &entries, &places);
    }
    usleep(100000);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    count_entries(cache, &entries, &places);
    ck_assert_int_eq(entries, 0);
    ck_assert_int_eq(places, 1);
    ck_assert_msg(!mr_build_rtl(&build, so, sizeof so, error, sizeof error), "%s", error);
    struct mr_loaded *loaded = mr_kernel_load(so, error, sizeof error);
    ck_assert_msg(loaded != NULL, "%s", error);
    mr_kernel_unload(loaded);
    count_entries(cache, &entries, &places);
    ck_assert_int_eq(entries, 1);
    ck_assert_int_eq(places, 0);
}
END_TEST

struct builder {
    pthread_t thread;
    char so[4096], error[2000];
    int result;
};

static void *build_in_thread(void *argument) {
    struct builder *builder = argument;
    struct mr_build build = scale_build();
    build.cache_dir = "build/sim_test/concurrent";
    builder->result = mr_build_model(&build, builder->so, sizeof builder->so, builder->error,
                                     sizeof builder->error);
    return NULL;
}

START_TEST(concurrent_builds_agree) {
    static struct builder builders[8];
    remove_tree("build/sim_test/concurrent");
    const pid_t child = fork(); // another process, at the same time
    if (!child) {
        build_in_thread(&builders[0]);
        _exit(builders[0].result != 0);
    }
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&builders[i].thread, NULL, build_in_thread, &builders[i]),
                         0);
    for (int i = 0; i < 8; i++) {
        pthread_join(builders[i].thread, NULL);
        ck_assert_msg(!builders[i].result, "%s", builders[i].error);
        ck_assert_str_eq(builders[i].so, builders[0].so);
    }
    int status = 1, entries = 0, places = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    count_entries("build/sim_test/concurrent", &entries, &places);
    ck_assert_int_eq(entries, 1);
    ck_assert_int_eq(places, 0);
}
END_TEST

START_TEST(cache_directory_is_found) {
    char path[4096];
    setenv("MILLRACE_CACHE", "build/sim_test/own/deep", 1);
    ck_assert_int_eq(mr_cache_dir(path, sizeof path, error, sizeof error), 0);
    ck_assert_str_eq(path, "build/sim_test/own/deep");
    ck_assert_int_eq(access(path, W_OK), 0);
    setenv("MILLRACE_CACHE", FIXTURE "/scale.sv/cache", 1);
    ck_assert_int_ne(mr_cache_dir(path, sizeof path, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "set MILLRACE_CACHE"));
    unsetenv("MILLRACE_CACHE");
    setenv("XDG_CACHE_HOME", "build/sim_test/xdg", 1);
    ck_assert_int_eq(mr_cache_dir(path, sizeof path, error, sizeof error), 0);
    ck_assert_str_eq(path, "build/sim_test/xdg/millrace");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "build/sim_test", 1);
    ck_assert_int_eq(mr_cache_dir(path, sizeof path, error, sizeof error), 0);
    ck_assert_str_eq(path, "build/sim_test/.cache/millrace");
    unsetenv("HOME");
    ck_assert_int_ne(mr_cache_dir(path, sizeof path, error, sizeof error), 0);
}
END_TEST

int main(void) {
    if (system("mkdir -p build/sim_test"))
        return 1;
    Suite *suite = suite_create("sim");
    TCase *kernels = tcase_create("kernels");
    tcase_set_timeout(kernels, 300);
    tcase_add_test(kernels, flavours_agree);
    tcase_add_test(kernels, seed_decides);
    tcase_add_test(kernels, failures_are_told);
    tcase_add_test(kernels, trace_is_written);
    tcase_add_test(kernels, instances_are_private);
    tcase_add_test(kernels, loader_refuses);
    tcase_add_test(kernels, kept_library_is_not_the_next);
    suite_add_tcase(suite, kernels);
    TCase *builds = tcase_create("builds");
    tcase_set_timeout(builds, 300);
    tcase_add_test(builds, cache_hit_is_fast);
    tcase_add_test(builds, key_follows_includes);
    tcase_add_test(builds, failed_build_names_its_log);
    tcase_add_test(builds, a_missing_tool_is_named);
    tcase_add_test(builds, tools_keep_what_they_free);
    tcase_add_test(builds, headers_are_read_once);
    tcase_add_test(builds, killed_build_leaves_nothing);
    tcase_add_test(builds, concurrent_builds_agree);
    tcase_add_test(builds, cache_directory_is_found);
    suite_add_tcase(suite, builds);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
