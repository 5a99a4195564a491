// SPDX-License-Identifier: Apache-2.0
// A kernel whose plans for an external memory are what its caller asks for, as C and as RTL in the
// simulator: words keep from run to run in each opened instance, and what does not fit the plans is
// said by both. Writes below build/external_rtl_test.
#define FOLDER "build/external_rtl_test"
#include "build.h"
#include "hlsc_fixture.h"
#include "loader.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(5)
enum { SCALARS = 7, MOST = 2000 };

static const char source[] =
    "#include \"hls.h\"\n"
    "HLS_STREAM_OF(uint64_t)\n"
    "HLS_MEMORY_OF(uint64_t)\n"
    "void k(hls_memory(uint64_t) *m, hls_stream(uint64_t) *out, uint32_t planned_stores,\n"
    "       uint32_t stores, uint64_t word, uint32_t planned_fetches, uint32_t after,\n"
    "       uint32_t fetches, bool empty) {\n"
    "    if (planned_stores)\n"
    "        hls_plan_store(uint64_t, m, 10, planned_stores);\n"
    "    if (planned_fetches)\n"
    "        hls_plan_fetch(uint64_t, m, 10, planned_fetches, after);\n"
    "    if (empty)\n"
    "        hls_plan_fetch(uint64_t, m, 10, 0, 0);\n"
    "    for (uint32_t i = 0; i < stores; i++)\n"
    "        hls_store(uint64_t, m, 10 + i, word + i);\n"
    "    for (uint32_t i = 0; i < fetches; i++) {\n"
    "        const uint64_t x = hls_fetch(uint64_t, m, 10 + i);\n"
    "        hls_write(uint64_t, out, x);\n"
    "    }\n"
    "}\n";

static char error[2000];

static struct mr_loaded *load(bool rtl) {
    char so[4096];
    const struct mr_build build = {.data_dir = ".",
                                   .gen_dir = FOLDER "/out",
                                   .top = "k",
                                   .cache_dir = FOLDER "/cache",
                                   .assertions = true};
    compile_text(source);
    ck_assert_msg(
        (rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so, error, sizeof error) == 0,
        "%s", error);
    struct mr_loaded *loaded = mr_kernel_load(so, error, sizeof error);
    ck_assert_msg(loaded != NULL, "%s", error);
    return loaded;
}

static void *open_kernel(const struct mr_loaded *loaded, uint32_t chance) {
    const struct mr_open_options options = {
        .idle_chance = chance, .stall_chance = chance, .seed = SEED};
    void *instance = loaded->kernel->open(&options, error, sizeof error);
    ck_assert_msg(instance != NULL, "%s", error);
    return instance;
}

// Of the words that it gives, which are in `words`.
static int run(const struct mr_loaded *loaded, void *instance, const uint64_t scalars[SCALARS],
               uint64_t words[MOST], uint64_t *cycles) {
    struct mr_stream_out out = {.data = words, .capacity = MOST};
    struct mr_run run = {.scalars = scalars, .out = &out};
    error[0] = 0;
    const int status = loaded->kernel->run(instance, &run, error, sizeof error);
    *cycles = run.cycles;
    return status ? -1 : (int)out.count;
}

// Its last run stores so many words and fetches half of them and as many behind.
static void keeps_words(const struct mr_loaded *loaded, uint32_t chance) {
    static uint64_t words[MOST];
    uint64_t cycles;
    void *one = open_kernel(loaded, chance);
    void *other = strcmp(loaded->kernel->flavour, "rtl") ? NULL : open_kernel(loaded, chance);
    ck_assert_int_eq(run(loaded, one, (uint64_t[]){3, 3, 100, 0, 0, 0, 0}, words, &cycles), 0);
    ck_assert_int_eq(run(loaded, one, (uint64_t[]){0, 0, 0, 5, 0, 5, 0}, words, &cycles), 5);
    for (uint64_t i = 0; i < 5; i++)
        ck_assert_uint_eq(words[i], i < 3 ? 100 + i : 0);
    if (other) { // has words of its own
        ck_assert_int_eq(run(loaded, other, (uint64_t[]){0, 0, 0, 5, 0, 5, 0}, words, &cycles), 5);
        for (uint64_t i = 0; i < 5; i++)
            ck_assert_uint_eq(words[i], 0);
        loaded->kernel->close(other);
    }
    ck_assert_int_eq(
        run(loaded, one, (uint64_t[]){MOST, MOST, 7, MOST, 1, MOST, 0}, words, &cycles), MOST);
    for (uint64_t i = 0; i < MOST; i++)
        ck_assert_uint_eq(words[i], 7 + i);
    if (strcmp(loaded->kernel->flavour, "rtl") == 0 && !chance) {
        // A word a cycle each way, and the latency of a store and of a fetch once.
        ck_assert_uint_gt(cycles, 2 * MOST + 2 * 200);
        ck_assert_uint_lt(cycles, 2 * MOST + 2 * 200 + 40);
    }
    loaded->kernel->close(one);
}

START_TEST(words_keep) {
    for (int rtl = 0; rtl < 2; rtl++) {
        struct mr_loaded *loaded = load(rtl);
        keeps_words(loaded, 0);
        if (rtl)
            keeps_words(loaded, 90);
        mr_kernel_unload(loaded);
    }
}
END_TEST

static const struct fault {
    uint64_t scalars[SCALARS];
    const char *as_c, *as_rtl;
} faults[] = {
    {{3, 2, 0, 0, 0, 0, 0},
     "memory 'm': word 12 is planned to be stored and the run has ended",
     "memory m waits for word 12 to be stored"},
    {{0, 0, 0, 2, 0, 1, 0},
     "memory 'm': word 11 is planned to be fetched and the run has ended",
     "memory m holds words that it has fetched and nobody takes (1)"},
    {{0, 0, 0, 2, 0, 3, 0},
     "memory 'm': word 12 is fetched and is not the one that is planned",
     "memory m has no plan"},
    {{1, 2, 0, 0, 0, 0, 0},
     "memory 'm': word 11 is stored and is not the one that is planned",
     "memory m is given a word and none is planned to be stored"},
    {{1, 1, 0, 1, 2, 1, 0},
     "memory 'm': word 10 is to be fetched after stores that are not planned yet",
     "memory m: the kernel plans to fetch word 10 after 2 planned stores, and so far there are 1"},
    {{1, 0, 0, 1, 1, 1, 0},
     "memory 'm': word 10 is fetched before the stores that its plan waits for",
     "memory m waits for word 10 to be stored and does not fetch word 10 yet (0 of 1 planned "
     "stores are in memory)"},
    {{1, 1, 0, 0, 0, 0, 1},
     "memory 'm': word 10 begins a plan of no words or beyond the last address",
     "memory m: the kernel plans 0 words from address 10 on"},
};
enum { FAULTS = sizeof faults / sizeof *faults };

// After each the next run is right.
START_TEST(faults_are_told) {
    static uint64_t words[MOST];
    uint64_t cycles;
    for (int rtl = 0; rtl < 2; rtl++) {
        struct mr_loaded *loaded = load(rtl);
        void *instance = open_kernel(loaded, 0);
        for (int i = 0; i < FAULTS; i++) {
            const char *wanted = rtl ? faults[i].as_rtl : faults[i].as_c;
            ck_assert_int_eq(run(loaded, instance, faults[i].scalars, words, &cycles), -1);
            ck_assert_msg(strstr(error, wanted), "%s\n  and not %s", error, wanted);
            ck_assert_msg(
                run(loaded, instance, (uint64_t[]){2, 2, 50, 2, 1, 2, 0}, words, &cycles) == 2,
                "%s", error);
            ck_assert_uint_eq(words[1], 51);
        }
        loaded->kernel->close(instance);
        mr_kernel_unload(loaded);
    }
}
END_TEST

int main(void) {
    printf("external_rtl_test: seed %llu\n", (unsigned long long)SEED);
    Suite *suite = suite_create("external_rtl");
    TCase *tests = tcase_create("external_rtl");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, words_keep);
    tcase_add_test(tests, faults_are_told);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
