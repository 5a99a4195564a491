// SPDX-License-Identifier: Apache-2.0
// hlsc ends: programs with thousands of functions, operations, loops and accesses compile in
// seconds, and what would become too much hardware is refused in a sentence.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-size"
#include "hlsc_fixture.h"

#include <string.h>

static void write_functions(FILE *f, int count) {
    for (int i = 0; i < count; i++)
        fprintf(f, "static int32_t f%d(int32_t a) { return (a ^ %d) + (a >> %d); }\n", i, i,
                i % 7 + 1);
}

static void write_calls(FILE *f, int count) {
    for (int i = 0; i < count; i++)
        fprintf(f, "x = f%d(x);\n", i);
}

// Each calls the one before twice.
static void write_doubling(FILE *f, int count) {
    fprintf(f, "static int32_t f0(int32_t a) { return a; }\n");
    for (int i = 1; i < count; i++)
        fprintf(f, "static int32_t f%d(int32_t a) { return f%d(a) + f%d(a + 1); }\n", i, i - 1,
                i - 1);
}

static void write_last_call(FILE *f, int count) {
    fprintf(f, "x = f%d(x);\n", count - 1);
}

// A word is read, changed by so many operations and written back.
static void write_long_way(FILE *f, int count) {
    fprintf(f, "int32_t a = m[j];\n");
    for (int i = 0; i < count; i++)
        fprintf(f, "a = (a ^ x) + (a >> 3);\n");
    fprintf(f, "m[j] = a;\nx = a;\n");
}

static void write_nest(FILE *f, int depth) {
    for (int i = 0; i < depth; i++)
        fprintf(f, "for (int k%d = 0; k%d < 16; k%d++) {\nHLS(unroll)\n", i, i, i);
    fprintf(f, "x = (x ^ (x >> 3)) + (k0 & x);\n");
    for (int i = 0; i < depth; i++)
        fprintf(f, "}\n");
}

static void write_accesses(FILE *f, int count) {
    for (int i = 0; i < count; i++)
        fprintf(f, "x += m[x & 255];\nif (x == %d) m[(x + %d) & 255] = x;\n", i, i);
}

static void write_cases(FILE *f, int count) {
    fprintf(f, "switch (x) {\n");
    for (int i = 0; i < count; i++)
        fprintf(f, "case %d: m[(x >> 3) & 255] = m[x & 255] ^ %d; break;\n", i, i);
    fprintf(f, "default: break;\n}\n");
}

static void write_loop(FILE *f, int count) {
    (void)count;
    fprintf(f, "static int32_t sum(hls_stream(int32_t) *in, int32_t a, uint32_t n) {\n"
               "for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline)\na += hls_read(int32_t, in);\n}\n"
               "return a;\n}\n");
}

static void write_loop_calls(FILE *f, int count) {
    for (int i = 0; i < count; i++)
        fprintf(f, "x = sum(in, x, n);\n");
}

struct size_case {
    const char *name;
    void (*functions)(FILE *f, int count);  // in front of the kernel, or NULL
    void (*statements)(FILE *f, int count); // with x, the word of the iteration, index j, memory m
    int count;
    const char *loops; // around the statements, which close one brace
    const char *error; // a part of it, or NULL
};

#define ONE_LOOP "for (uint32_t j = 0; j < 256; j++) {\nHLS(pipeline)\n"
static const struct size_case sizes[] = {
    {"functions", write_functions, write_calls, 5000, ONE_LOOP, NULL},
    {"calls of calls", write_doubling, write_last_call, 14, ONE_LOOP, NULL},
    {"too many calls of calls", write_doubling, write_last_call, 40, ONE_LOOP,
     "function 'f16' makes 131070 calls"},
    {"a long way from a read to a write", NULL, write_long_way, 200, ONE_LOOP, NULL},
    {"a very long way from a read to a write", NULL, write_long_way, 1000, ONE_LOOP,
     "takes 1000 cycles, more than the 480 of the longest iteration"},
    {"a nest of 4096 iterations", NULL, write_nest, 3, ONE_LOOP, NULL},
    {"a nest of 16 million iterations", NULL, write_nest, 6, ONE_LOOP,
     "becomes too large for hlsc"},
    {"accesses of a memory", NULL, write_accesses, 30, ONE_LOOP, NULL},
    {"too many accesses of a memory", NULL, write_accesses, 300, ONE_LOOP,
     "memory 'm' is written at 300 and read at 301 places"},
    {"cases", NULL, write_cases, 30, ONE_LOOP, NULL},
    {"too many cases", NULL, write_cases, 500, ONE_LOOP,
     "keeps the order of 200000 pairs of accesses at most"},
    {"loops", write_loop, write_loop_calls, 200, "{\nconst uint32_t j = 0;\n", NULL},
};

START_TEST(test_size) {
    const struct size_case *c = &sizes[_i];
    const struct compile_options options = kernel_options();
    char error[2048] = "";
    FILE *f = create_file("kernel.c");
    fprintf(f, "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n");
    if (c->functions)
        c->functions(f, c->count);
    fprintf(f,
            "void k(hls_stream(int32_t) *in, hls_stream(int32_t) *out, uint32_t n) {\n"
            "static int32_t m[256];\n%sint32_t x = hls_read(int32_t, in);\n",
            c->loops);
    c->statements(f, c->count);
    fprintf(f, "hls_write(int32_t, out, x + (int32_t)(m[j] + (n & 1)));\n}\n}\n");
    ck_assert_int_eq(fclose(f), 0);
    const int status = compile(&options, error, sizeof error);
    ck_assert_msg(c->error ? status != 0 && strstr(error, c->error) != NULL : status == 0,
                  "%s: %s, expected %s", c->name, error, c->error ? c->error : "no error");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_size");
    TCase *tcase = tcase_create("size");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, test_size, 0, (int)(sizeof sizes / sizeof *sizes));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
