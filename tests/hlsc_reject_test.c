// SPDX-License-Identifier: Apache-2.0
// What hlsc's middle end refuses: every message with its line; and names that are taken.
#define _POSIX_C_SOURCE 200809L
#include "compile.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "build/hlsc-reject"
#define HEAD                                                                                       \
    "#include \"hls.h\"\n"                                                                         \
    "HLS_STREAM_OF(int16_t)\n"
#define KERNEL HEAD "void k(hls_stream(int16_t) *a, hls_stream(int16_t) *b, uint32_t n) {\n"
#define LOOP "for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=1)\n"

struct rejection {
    const char *source;
    int line;
    const char *message; // a part of it
};

static const struct rejection rejections[] = {
    {KERNEL LOOP "hls_write(int16_t, b, hls_read(int16_t, a));\nhls_write(int16_t, b, 1);\n}\n}\n",
     7, "stream 'b' is written at two places of one pipelined loop (the other is line 6)"},
    {KERNEL LOOP
     "int16_t x = hls_read(int16_t, a);\nx = (int16_t)(x + 1);\nint16_t y = hls_read(int16_t, a);\n"
     "hls_write(int16_t, b, (int16_t)(x + y));\n}\n}\n",
     8, "stream 'a' is read at two places of one pipelined loop (the other is line 6)"},
    {KERNEL LOOP "for (int j = 0; j < 2; j++) {\nHLS(unroll)\nhls_write(int16_t, b, 0);\n}\n"
                 "(void)hls_read(int16_t, a);\n}\n}\n",
     8, "a stream is written in an unrolled loop"},
    {KERNEL "for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline II=2)\nhls_write(int16_t, b, "
            "hls_read(int16_t, a));\n}\n}\n",
     4, "pipeline II=2; this version makes loops of II=1"},
    {KERNEL
     "for (uint32_t i = 0; i < n; i++) {\nhls_write(int16_t, b, hls_read(int16_t, a));\n}\n}\n",
     4, "this loop is neither pipelined"},
    {KERNEL
     "for (uint32_t i = 0; i < 4; i++) {\nfor (uint32_t j = 0; j < n; j++) {\nHLS(pipeline II=1)\n"
     "hls_write(int16_t, b, hls_read(int16_t, a));\n}\n}\n}\n",
     5, "the bound of an inner loop is not constant"},
    {KERNEL LOOP "for (uint32_t j = 0; j < n; j++) {\nHLS(unroll)\n}\nhls_write(int16_t, b, "
                 "hls_read(int16_t, a));\n}\n}\n",
     6, "an unrolled loop needs a constant bound"},
    {KERNEL LOOP "for (int j = 0; j < 4; j++) {\nHLS(unroll factor=2)\n}\nhls_write(int16_t, b, "
                 "hls_read(int16_t, a));\n}\n}\n",
     6, "unroll factor= is not supported"},
    // What an iteration hands to the next must take one cycle.
    {KERNEL "static int32_t s = 1;\n" LOOP
            "s = s * 3 + hls_read(int16_t, a) * s;\nhls_write(int16_t, b, (int16_t)s);\n}\n}\n",
     7, "II=1 is impossible for loop 'loop_5': 's' is handed from each iteration to the next"},
    // Read one iteration after it is written.
    {KERNEL
     "static int16_t m[64];\n" LOOP
     "const uint32_t at = i & 63;\nm[at] = (int16_t)(m[(at + 63) & 63] * hls_read(int16_t, a));\n"
     "hls_write(int16_t, b, m[at]);\n}\n}\n",
     0, "II=1 is impossible for loop 'loop_5': 'm' is read"},
    {KERNEL "static int32_t m[8];\nfor (uint32_t t = 0; t < n; t++) {\nfor (uint32_t k = 0; k < 8; "
            "k++) {\nHLS(pipeline II=1)\n"
            "HLS(dependence variable=m type=inter direction=RAW distance=9 true)\n"
            "m[k] = m[k] + hls_read(int16_t, a);\nhls_write(int16_t, b, (int16_t)m[k]);\n}\n}\n}\n",
     8, "dependence claims a distance of 9 for 'm'"},
    {KERNEL "static int32_t m[8];\n" LOOP
            "HLS(dependence variable=m type=inter direction=RAW distance=4 true)\n"
            "hls_write(int16_t, b, (int16_t)(hls_read(int16_t, a) + m[i & 7]));\n}\n}\n",
     7, "dependence names 'm', which this loop does not both write and read"},
    {KERNEL
     "static int16_t m[8];\n" LOOP
     "m[i & 7] = hls_read(int16_t, a);\nm[(i + 3) & 7] = 1;\nhls_write(int16_t, b, m[0]);\n}\n}\n",
     8, "memory 'm' is written at two places of one pipelined loop (the other is line 7)"},
    {KERNEL
     "static int32_t s;\n" LOOP
     "int16_t x = 0;\nif (hls_wrap(s * s, 5) == 3)\nx = hls_read(int16_t, a);\ns = (int32_t)i;\n"
     "hls_write(int16_t, b, x);\n}\n}\n",
     9, "whether stream 'a' is read must be known when an iteration starts"},
    {KERNEL "static int16_t m[8][4];\nHLS(array_partition variable=m complete dim=2)\n" LOOP
            "const int16_t x = hls_read(int16_t, a);\nm[i & 7][0] = x;\nhls_write(int16_t, b, "
            "m[2][x & 3]);\n}\n}\n",
     10, "'m' is partitioned in dimension 2 and read there with an index known only at run time"},
    {KERNEL "static int16_t m[8];\nHLS(array_partition variable=m cyclic factor=2)\n" LOOP
            "m[i & 7] = hls_read(int16_t, a);\nhls_write(int16_t, b, m[0]);\n}\n}\n",
     4, "array_partition of 'm' asks for cyclic or block"},
    {KERNEL "static int16_t m[8];\n" LOOP
            "const int16_t x = hls_read(int16_t, a);\nfor (int j = 0; j < 8; j++) {\nHLS(unroll)\n"
            "m[j] = x;\n}\nhls_write(int16_t, b, m[0]);\n}\n}\n",
     10, "'m' is written at several places in one cycle"},
    {HEAD "static const int16_t t[4] = {1};\nvoid k(hls_stream(int16_t) *a, hls_stream(int16_t) "
          "*b, uint32_t n) {\n"
          "hls_stream(int16_t) *c = a;\n" LOOP
          "hls_write(int16_t, b, (int16_t)(hls_read(int16_t, c) + t[0]));\n}\n}\n",
     5, ""},
    {KERNEL "static int16_t m[8];\nHLS(bind_storage variable=m impl=bram latency=0)\n" LOOP
            "m[i & 7] = hls_read(int16_t, a);\nhls_write(int16_t, b, m[0]);\n}\n}\n",
     4, "latency=0 of a block RAM"},
    {KERNEL "static int16_t m[8];\nHLS(bind_storage variable=m latency=3)\n" LOOP
            "m[i & 7] = hls_read(int16_t, a);\nhls_write(int16_t, b, m[0]);\n}\n}\n",
     4, "asks for latency=3"},
    {KERNEL LOOP "if (i == 3)\nreturn;\nhls_write(int16_t, b, hls_read(int16_t, a));\n}\n}\n", 7,
     "return inside a loop"},
    {KERNEL LOOP "const int16_t x = hls_read(int16_t, a);\nhls_write(int16_t, b, x);\nif (x * x == "
                 "9)\nbreak;\n}\n}\n",
     0, "the condition of break must be known when an iteration starts"},
    {HEAD "void k(hls_stream(int16_t) *a, hls_stream(int16_t) *b, hls_stream(int16_t) *c, uint32_t "
          "n) {\n" LOOP "hls_write(int16_t, b, hls_read(int16_t, a));\n}\n}\n",
     3, "stream 'c'"},
    {HEAD "void k(hls_stream(int16_t) *a, hls_stream(int16_t) *b, uint32_t start) {\nfor (uint32_t "
          "i = 0; i < start; i++) {\n"
          "HLS(pipeline II=1)\nhls_write(int16_t, b, hls_read(int16_t, a));\n}\n}\n",
     3, "parameter 'start' has the name of a port that every module has"},
    {HEAD "static void one(hls_stream(int16_t) *in, hls_stream(int16_t) *out, uint32_t n) {\n" LOOP
          "hls_write(int16_t, out, hls_read(int16_t, in));\n}\n}\n"
          "void k(hls_stream(int16_t) *a, hls_stream(int16_t) *b, uint32_t n) "
          "{\nHLS(dataflow)\nHLS_CHANNEL(int16_t, link);\n"
          "one(a, &link, n);\none(&link, b, n);\n}\n",
     13, "process 'one' is called twice"},
    {HEAD "static void one(hls_stream(int16_t) *in, hls_stream(int16_t) *out, uint32_t n) {\n" LOOP
          "hls_write(int16_t, out, hls_read(int16_t, in));\n}\n}\n"
          "void k(hls_stream(int16_t) *a, hls_stream(int16_t) *b, uint32_t n) {\nHLS(dataflow)\n"
          "one(a, b, n + 1);\n}\n",
     11,
     "argument 3 of process 'one' must be a scalar parameter of the dataflow function or a "
     "constant"},
};

// Compiles text; gives the message, or "" where all is well.
static void compile_text(const char *text, char *error, size_t error_size) {
    static const char *const includes[] = {"hls/include"};
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    FILE *file = fopen(FOLDER "/kernel.c", "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    const struct compile_options options = {
        .source = FOLDER "/kernel.c",
        .top = "k",
        .out_dir = FOLDER "/out",
        .front = {.include_dirs = includes, .include_count = 1}};
    error[0] = 0;
    const int status = compile(&options, error, error_size);
    ck_assert_msg((status == 0) == (error[0] == 0), "status %d and message '%s'", status, error);
}

START_TEST(test_rejection) {
    const struct rejection *r = &rejections[_i];
    char error[2048], place[200];
    compile_text(r->source, error, sizeof error);
    if (r->line)
        snprintf(place, sizeof place, FOLDER "/kernel.c:%d: error: ", r->line);
    else
        snprintf(place, sizeof place, FOLDER "/kernel.c:");
    ck_assert_msg(strncmp(error, place, strlen(place)) == 0 && strstr(error, r->message),
                  "source:\n%s\nexpected: %s...%s\ngot: %s", r->source, place, r->message, error);
}
END_TEST

// A failed compilation leaves nothing new behind and the next one works.
START_TEST(test_recovers) {
    char error[2048];
    compile_text(rejections[0].source, error, sizeof error);
    ck_assert_str_ne(error, "");
    compile_text(KERNEL LOOP "hls_write(int16_t, b, hls_read(int16_t, a));\n}\n}\n", error,
                 sizeof error);
    ck_assert_str_eq(error, "");
    FILE *file = fopen(FOLDER "/out/k.sv", "r");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_reject");
    TCase *tcase = tcase_create("rejections");
    tcase_add_loop_test(tcase, test_rejection, 0, (int)(sizeof rejections / sizeof *rejections));
    tcase_add_test(tcase, test_recovers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
