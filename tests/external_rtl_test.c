// SPDX-License-Identifier: Apache-2.0
// A kernel whose plans for an external memory are what its caller asks for, as C and as RTL in the
// simulator: words keep from run to run in each opened instance, and what does not fit the plans is
// said by both; and random plans, which both follow alike. Usage: external_rtl_test [SEED] of these
// (without it the clock's; printed). Writes below build/external_rtl_test.
#define FOLDER "build/external_rtl_test"
#include "build.h"
#include "hlsc_fixture.h"
#include "loader.h"
#include "random.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SCALARS = 7, MOST = 2000 };

static const char source[] =
    "#include \"hls.h\"\n"
    "HLS_STREAM_OF(uint64_t)\n"
    "HLS_MEMORY_OF(uint64_t)\n"
    "void k(hls_memory(uint64_t) *m, hls_stream(uint64_t) *out, uint32_t planned_stores,\n"
    "       uint32_t stores, uint64_t word, uint32_t planned_fetches, uint32_t after,\n"
    "       uint32_t fetches, bool beyond) {\n"
    "    if (planned_stores)\n"
    "        hls_plan_store(uint64_t, m, 10, planned_stores);\n"
    "    if (planned_fetches)\n"
    "        hls_plan_fetch(uint64_t, m, 10, planned_fetches, after);\n"
    "    if (beyond)\n"
    "        hls_plan_fetch(uint64_t, m, 0xffffffff, 2, 0);\n"
    "    for (uint32_t i = 0; i < stores; i++)\n"
    "        hls_store(uint64_t, m, 10 + i, word + i);\n"
    "    for (uint32_t i = 0; i < fetches; i++) {\n"
    "        const uint64_t x = hls_fetch(uint64_t, m, 10 + i);\n"
    "        hls_write(uint64_t, out, x);\n"
    "    }\n"
    "}\n";

static char error[2000];
static uint64_t seed;

static struct mr_loaded *load(const char *text, bool rtl) {
    char so[4096];
    const struct mr_build build = {.data_dir = ".",
                                   .gen_dir = FOLDER "/out",
                                   .top = "k",
                                   .cache_dir = FOLDER "/cache",
                                   .assertions = true};
    compile_text(text);
    ck_assert_msg(
        (rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so, error, sizeof error) == 0,
        "%s", error);
    struct mr_loaded *loaded = mr_kernel_load(so, error, sizeof error);
    ck_assert_msg(loaded != NULL, "%s", error);
    return loaded;
}

static void *open_kernel(const struct mr_loaded *loaded, uint32_t chance) {
    const struct mr_open_options options = {
        .idle_chance = chance, .stall_chance = chance, .seed = seed};
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
        struct mr_loaded *loaded = load(source, rtl);
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
     "memory 'm': word 4294967295 begins a plan that ends beyond the last address",
     "memory m: the kernel plans 2 words from word 4294967295 on, and the last is 4294967295"},
};
enum { FAULTS = sizeof faults / sizeof *faults };

// After each the next run is right.
START_TEST(faults_are_told) {
    static uint64_t words[MOST];
    uint64_t cycles;
    for (int rtl = 0; rtl < 2; rtl++) {
        struct mr_loaded *loaded = load(source, rtl);
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

// ---- random plans

// A run of accesses: of `count` words from `from` on that are fetched (0), and to `to` on that are
// stored (1), or both, word by word (2). Words carry the number of their store.
static const char follower[] =
    "#include \"hls.h\"\n"
    "typedef struct { uint32_t address, count, after; bool is_store; } asked_t;\n"
    "typedef struct { uint32_t kind, count, from, to; } access_t;\n"
    "typedef struct { uint32_t number; int8_t v[3]; bool odd; } word_t;\n"
    "HLS_STREAM_OF(asked_t)\n"
    "HLS_STREAM_OF(access_t)\n"
    "HLS_STREAM_OF(word_t)\n"
    "HLS_MEMORY_OF(word_t)\n"
    "static void plan(hls_stream(asked_t) *asked, hls_memory(word_t) *m, uint32_t plans) {\n"
    "    for (uint32_t i = 0; i < plans; i++) {\n"
    "        const asked_t a = hls_read(asked_t, asked);\n"
    "        if (a.is_store)\n"
    "            hls_plan_store(word_t, m, a.address, a.count);\n"
    "        else\n"
    "            hls_plan_fetch(word_t, m, a.address, a.count, a.after);\n"
    "    }\n"
    "}\n"
    "static word_t made(uint32_t number) {\n"
    "    word_t w;\n"
    "    w.number = number;\n"
    "    for (int k = 0; k < 3; k++)\n"
    "        w.v[k] = (int8_t)(number * 3 + (uint32_t)k);\n"
    "    w.odd = number & 1;\n"
    "    return w;\n"
    "}\n"
    "static void work(hls_stream(access_t) *accesses, hls_memory(word_t) *m,\n"
    "                 hls_stream(word_t) *out, uint32_t n) {\n"
    "    static uint32_t number;\n"
    "    for (uint32_t i = 0; i < n; i++) {\n"
    "        const access_t a = hls_read(access_t, accesses);\n"
    "        if (a.kind == 0) {\n"
    "            for (uint32_t k = 0; k < a.count; k++) {\n"
    "                HLS(pipeline II=1)\n"
    "                const word_t x = hls_fetch(word_t, m, a.from + k);\n"
    "                hls_write(word_t, out, x);\n"
    "            }\n"
    "        } else {\n"
    "            for (uint32_t k = 0; k < a.count; k++) {\n"
    "                HLS(pipeline II=1)\n"
    "                number++;\n"
    "                word_t w = made(number);\n"
    "                if (a.kind == 2) {\n"
    "                    const word_t x = hls_fetch(word_t, m, a.from + k);\n"
    "                    w.v[1] = (int8_t)(w.v[1] + x.v[0]);\n"
    "                }\n"
    "                hls_store(word_t, m, a.to + k, w);\n"
    "            }\n"
    "        }\n"
    "    }\n"
    "}\n"
    "void k(hls_stream(asked_t) *asked, hls_stream(access_t) *accesses, hls_memory(word_t) *m,\n"
    "       hls_stream(word_t) *out, uint32_t plans, uint32_t n) {\n"
    "    HLS(dataflow)\n"
    "    plan(asked, m, plans);\n"
    "    work(accesses, m, out, n);\n"
    "}\n";

enum { WORDS = 300, ACCESSES = 60, LONGEST = 40, WORD_BYTES = 8 };

struct asked { // as on its stream
    uint32_t address, count, after;
    unsigned char is_store;
} __attribute__((packed));

struct access {
    uint32_t kind, count, from, to;
};

struct schedule {
    struct asked asked[4 * ACCESSES];
    struct access access[ACCESSES];
    uint32_t plans, accesses, stores, given;
    uint32_t stored_by[WORDS]; // number of the plan of this run, from 1; 0: none
};

static uint32_t pick(uint64_t *state, uint32_t low, uint32_t high) {
    return low + (uint32_t)(random_bits(state) % (high - low + 1));
}

// Plans a run of words as one or several plans, some of no words; the least `after` of a fetch, or
// one that is more than it needs but is through by then.
static void ask(struct schedule *s, uint64_t *state, bool is_store, uint32_t address,
                uint32_t count, uint32_t through) {
    for (uint32_t left = count; left;) {
        const uint32_t part = s->plans + 4 * (ACCESSES - s->accesses) > 4 * ACCESSES - 4 ? left
                              : pick(state, 0, 7) == 0                                   ? 0
                                                       : pick(state, (left + 1) / 2, left);
        uint32_t after = 0;
        for (uint32_t i = 0; i < part && !is_store; i++)
            after = s->stored_by[address + i] > after ? s->stored_by[address + i] : after;
        s->stores += is_store;
        for (uint32_t i = 0; i < part && is_store; i++)
            s->stored_by[address + i] = s->stores;
        s->asked[s->plans++] =
            (struct asked){address, part, is_store ? 0 : pick(state, after, through), is_store};
        address += part;
        left -= part;
    }
}

// Plans of the two kinds may change places where a fetch does not wait for the store.
static void mix(struct schedule *s, uint64_t *state) {
    uint32_t stores = 0;
    for (uint32_t i = 0; i + 1 < s->plans; i++) {
        struct asked *a = &s->asked[i];
        const bool may = a[0].is_store != a[1].is_store &&
                         (a[1].is_store || a[1].after <= stores) && random_bits(state) % 2;
        if (may) {
            const struct asked first = a[0];
            a[0] = a[1];
            a[1] = first;
        }
        stores += a[0].is_store;
    }
}

static void make_schedule(struct schedule *s, uint64_t *state) {
    memset(s, 0, sizeof *s);
    const uint32_t accesses = pick(state, 0, ACCESSES);
    for (; s->accesses < accesses; s->accesses++) {
        struct access *a = &s->access[s->accesses];
        a->kind = pick(state, 0, 2);
        a->count = pick(state, 1, LONGEST);
        a->from = pick(state, 0, WORDS - a->count);
        a->to = pick(state, 0, WORDS - a->count);
        if (a->kind == 2 && a->from < a->to + a->count && a->to < a->from + a->count)
            a->kind = 0; // would fetch what it has just stored
        const uint32_t through = s->stores;
        if (a->kind != 1)
            ask(s, state, false, a->from, a->count, through);
        if (a->kind != 0)
            ask(s, state, true, a->to, a->count, 0);
        s->given += a->kind == 0 ? a->count : 0;
    }
    mix(s, state);
}

static void follow(const struct mr_loaded *loaded, void *instance, const struct schedule *s,
                   unsigned char *words) {
    const uint64_t scalars[] = {s->plans, s->accesses};
    struct mr_stream_in in[] = {{.data = s->asked, .count = s->plans},
                                {.data = s->access, .count = s->accesses}};
    struct mr_stream_out out = {.data = words, .capacity = ACCESSES * LONGEST};
    struct mr_run run = {.scalars = scalars, .in = in, .out = &out};
    ck_assert_msg(loaded->kernel->run(instance, &run, error, sizeof error) == 0, "%s", error);
    ck_assert_uint_eq(out.count, s->given);
}

START_TEST(random_plans_are_followed) {
    enum { RUNS = 12, CHANCES = 4 };
    static const uint32_t chances[CHANCES] = {0, 20, 120, 220};
    static struct schedule schedules[RUNS];
    static unsigned char wanted[RUNS][ACCESSES * LONGEST * WORD_BYTES], got[sizeof *wanted];
    uint64_t state = seed;
    struct mr_loaded *loaded = load(follower, false);
    void *instance = open_kernel(loaded, 0);
    for (int i = 0; i < RUNS; i++) {
        make_schedule(&schedules[i], &state);
        follow(loaded, instance, &schedules[i], wanted[i]);
    }
    loaded->kernel->close(instance);
    mr_kernel_unload(loaded);
    loaded = load(follower, true);
    for (int c = 0; c < CHANCES; c++) {
        instance = open_kernel(loaded, chances[c]);
        for (int i = 0; i < RUNS; i++) {
            follow(loaded, instance, &schedules[i], got);
            ck_assert_mem_eq(got, wanted[i], schedules[i].given * WORD_BYTES);
        }
        loaded->kernel->close(instance);
    }
    mr_kernel_unload(loaded);
}
END_TEST

int main(int argc, char **argv) {
    seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
    printf("external_rtl_test: seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("external_rtl");
    TCase *tests = tcase_create("external_rtl");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, words_keep);
    tcase_add_test(tests, faults_are_told);
    tcase_add_test(tests, random_plans_are_followed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
