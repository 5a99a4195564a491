// SPDX-License-Identifier: Apache-2.0
// Which unrolled loops are read once for all their iterations, and what hlsc says, on the given
// stream and in the report, of those that become many copies, and of control that is too long.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-expand"
#include "hlsc_fixture.h"

#include <stdlib.h>
#include <string.h>

static char *warnings_of(const char *text) {
    struct compile_options options = kernel_options();
    char error[2048] = "", *warnings = NULL;
    size_t size = 0;
    write_file("kernel.c", text);
    options.warnings = open_memstream(&warnings, &size);
    ck_assert_ptr_nonnull(options.warnings);
    ck_assert_msg(compile(&options, error, sizeof error) == 0, "%s", error);
    ck_assert_int_eq(fclose(options.warnings), 0);
    return warnings;
}

#define UNROLLED(name, count, body)                                                                \
    "for (int " name " = 0; " name " < " #count "; " name "++) {\nHLS(unroll)\n" body "\n}"

struct expansion_case {
    const char *body;
    const char *why; // NULL: it is not expanded
};

static const struct expansion_case cases[] = {
    {UNROLLED("g", 4,
              UNROLLED("j", 32, "if (g * 32 + j == (x & 127)) {\nw[g * 32 + j][i & 7] = 1;\n}")),
     NULL},
    {UNROLLED("k", 32, "w[4 * k + 1][i & 7] = (int16_t)(x + k);"), NULL},
    {UNROLLED("k", 128, "w[127 - k][i & 7] = (int16_t)(x >> (k & 7));"), NULL},
    {UNROLLED("k", 32, UNROLLED("c", 4, "x += w[4 * k + c][i & 7] * (k - c);")), NULL},
    {UNROLLED("k", 32, UNROLLED("c", 2, "w[k + 32 * c][i & 7] = (int16_t)(x + k);")), NULL},
    // Several iterations may write the same bank, or the bank is computed.
    {UNROLLED("k", 20, "if (x > k) {\nw[9][i & 7] = (int16_t)k;\n}"),
     "its iterations write the same bank of 'w' (line 13); write once"},
    {UNROLLED("k", 32, "w[(k * 5) & 63][i & 7] = (int16_t)(x + k);"),
     "it computes the banks of 'w' (line 12); let the index be"},
    {UNROLLED("k", 32, "x += z[k + (i & 3)];"),
     "the bank of 'z' that an iteration looks at is not known from its index alone (line 12)"},
    {UNROLLED("k", 900, "x = (x ^ k) + (x >> 3) * (x & 1) - (x << 2);"),
     "its iterations depend on one another (line 10); pipeline it"},
    {UNROLLED("k", 2000, "if (x == k * k) {\nx = k;\nbreak;\n}"),
     "it may be left early (line 10); note in each iteration"},
    // Few copies are not worth a word.
    {UNROLLED("k", 16, "x = (x ^ k) + w[k][x & 7];"), NULL},
};

START_TEST(test_expansion) {
    char text[2048];
    snprintf(
        text, sizeof text,
        "#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n"
        "void k(hls_stream(int32_t) *in, hls_stream(int32_t) *out, uint32_t n) {\n"
        "static int16_t w[128][8], z[64];\nHLS(array_partition variable=w complete)\n"
        "HLS(array_partition variable=z cyclic factor=32)\n"
        "loop: for (uint32_t i = 0; i < n; i++) {\nHLS(pipeline)\n"
        "int32_t x = hls_read(int32_t, in);\n%s\n"
        "x += w[5][i & 7] + z[9];\nz[i & 63] = (int16_t)i;\nhls_write(int32_t, out, x);\n}\n}\n",
        cases[_i].body);
    char *warnings = warnings_of(text);
    json_t *root = read_json();
    const json_t *told = json_object_get(root, "warnings");
    const char *why = cases[_i].why;
    ck_assert_msg(json_array_size(told) == (why ? 1 : 0), "%s%s", cases[_i].body, warnings);
    if (why) {
        ck_assert_msg(strstr(warnings, "kernel.c:10: warning: this unrolled loop is expanded") &&
                          strstr(warnings, why),
                      "%s", warnings);
        ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(told, 0)), why));
    } else {
        ck_assert_str_eq(warnings, "");
    }
    json_decref(root);
    free(warnings);
}
END_TEST

// What would shorten the control: here the writers of one stream are too many.
START_TEST(test_control) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    ck_assert(stream);
    fputs("#include \"hls.h\"\nHLS_STREAM_OF(int32_t)\n"
          "void k(hls_stream(int32_t) *in, hls_stream(int32_t) *out) {\n"
          "int32_t s = hls_read(int32_t, in);\n",
          stream);
    for (int i = 0; i < 150; i++)
        fprintf(stream,
                "if (s & %d)\nfor (int i = 0; i < (s & 7); i++) {\nHLS(pipeline)\n"
                "hls_write(int32_t, out, s);\ns += %d;\n}\n",
                1 << i % 6, i);
    fputs("}\n", stream);
    ck_assert_int_eq(fclose(stream), 0);
    char *warnings = warnings_of(text);
    ck_assert_msg(strstr(warnings, "kernel.c:3: warning: the control of process 'k' takes ") &&
                      strstr(warnings, " (credit), ") &&
                      strstr(warnings, "let fewer loops write the stream"),
                  "%s", warnings);
    free(warnings);
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_expand");
    TCase *tcase = tcase_create("expand");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_expansion, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(tcase, test_control);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
