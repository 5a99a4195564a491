// SPDX-License-Identifier: Apache-2.0
// Targets of hlsc: what one schedules for the other refuses, or builds of other memories and
// multipliers.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-target"
#include "hlsc_fixture.h"

#include <stdlib.h>
#include <string.h>

#define KERNEL(body)                                                                               \
    "#include \"hls.h\"\nHLS_STREAM_OF(int16_t)\nHLS_STREAM_OF(int64_t)\n"                         \
    "void k(hls_stream(int16_t) *a, hls_stream(int64_t) *b, uint32_t n) {\n" body "}\n"

static int compile_for(const char *target, const char *text, char *error, size_t error_size) {
    struct compile_options options = kernel_options();
    options.target = target_find(target);
    ck_assert_ptr_nonnull(options.target);
    write_file("kernel.c", text);
    error[0] = 0;
    return compile(&options, error, error_size);
}

struct refusal {
    int line;
    const char *parts[3];
    const char *source;
};

static const struct refusal refusals[] = {
    {9,
     {"'m' is written here and read in line 9", "memory of target up5k has one address",
      "bind it to bram"},
     KERNEL("static int16_t m[2048];\n"
            "HLS(bind_storage variable=m impl=uram)\n"
            "for (uint32_t i = 0; i < n; i++) {\n"
            "HLS(pipeline II=1)\n"
            "hls_write(int64_t, b, m[i & 2047]); m[(i + 7) & 2047] = hls_read(int16_t, a);\n"
            "}\n")},
    {10,
     {"reads 'm' more than once", "target up5k has one address", "read one word"},
     KERNEL("static int16_t m[2048];\n"
            "HLS(bind_storage variable=m impl=uram)\n"
            "m[n & 2047] = hls_read(int16_t, a);\n"
            "for (uint32_t i = 0; i < n; i++) {\n"
            "HLS(pipeline II=1)\n"
            "hls_write(int64_t, b, m[i & 2047] + m[(i + 7) & 2047]);\n"
            "}\n")},
    {5,
     {"target up5k has no memories of LUTs", "'m'", "bind it to bram"},
     KERNEL("static int16_t m[32];\n"
            "HLS(bind_storage variable=m impl=lutram)\n"
            "m[n & 31] = hls_read(int16_t, a);\n"
            "hls_write(int64_t, b, m[(n + 1) & 31]);\n")},
    {5,
     {"target up5k has no memories with two ports that read", "'m'", "leave type=ram_t2p out"},
     KERNEL("static int16_t m[32];\n"
            "HLS(bind_storage variable=m type=ram_t2p impl=bram)\n"
            "for (uint32_t i = 0; i < n; i++)\n"
            "m[i & 31] = hls_read(int16_t, a);\n"
            "hls_write(int64_t, b, m[(n + 1) & 31]);\n")},
};

// The default target takes what up5k refuses.
START_TEST(test_refusal) {
    const struct refusal *r = &refusals[_i];
    char error[2048], place[200];
    ck_assert_int_eq(compile_for("up5k", r->source, error, sizeof error), -1);
    snprintf(place, sizeof place, FOLDER "/kernel.c:%d: error: ", r->line);
    ck_assert_msg(strncmp(error, place, strlen(place)) == 0, "expected %s\ngot: %s", place, error);
    const char *at = error;
    for (int i = 0; i < 3; i++) {
        at = strstr(at, r->parts[i]);
        ck_assert_msg(at != NULL, "expected: %s\ngot: %s", r->parts[i], error);
    }
    ck_assert_msg(compile_for("ultrascale", r->source, error, sizeof error) == 0, "%s", error);
}
END_TEST

static json_int_t multipliers(const char *target) {
    char error[2048];
    ck_assert_msg(compile_for(target,
                              KERNEL("for (uint32_t i = 0; i < n; i++) {\n"
                                     "HLS(pipeline II=1)\n"
                                     "const int16_t x = hls_read(int16_t, a);\n"
                                     "hls_write(int64_t, b, (int64_t)(x * 256 + 3) * x);\n"
                                     "}\n"),
                              error, sizeof error) == 0,
                  "%s", error);
    json_t *root = read_json();
    ck_assert_str_eq(json_string_value(json_object_get(root, "target")), target);
    const json_int_t count = json_integer_value(
        json_object_get(json_array_get(json_object_get(root, "processes"), 0), "multipliers"));
    json_decref(root);
    return count;
}

// A product of 24 by 16 bits is one DSP48E2, and two multipliers of 16 bits.
START_TEST(test_multipliers) {
    ck_assert_int_eq(multipliers("ultrascale"), 1);
    ck_assert_int_eq(multipliers("up5k"), 2);
}
END_TEST

static char *read_rtl(void) {
    static char text[65536];
    FILE *file = fopen(FOLDER "/out/k.sv", "r");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    return text;
}

// Where the register behind a product would go wrong inside of a multiplier it has an attribute;
// large memories are those with one address. Elsewhere neither is.
START_TEST(test_rtl) {
    const char *source = KERNEL("static int16_t m[8192];\n"
                                "HLS(bind_storage variable=m impl=uram)\n"
                                "m[n & 8191] = hls_read(int16_t, a);\n"
                                "for (uint32_t i = 0; i < n; i++) {\n"
                                "HLS(pipeline II=1)\n"
                                "const int16_t x = m[i & 8191];\n"
                                "hls_write(int64_t, b, x * x + 1);\n"
                                "}\n");
    char error[2048];
    ck_assert_int_eq(compile_for("up5k", source, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(read_rtl(), "(* keep *)"));
    ck_assert_ptr_nonnull(strstr(read_rtl(), "mr_ram_1p "));
    ck_assert_int_eq(compile_for("ultrascale", source, error, sizeof error), 0);
    ck_assert_ptr_null(strstr(read_rtl(), "(* keep *)"));
    ck_assert_ptr_null(strstr(read_rtl(), "mr_ram_1p "));
}
END_TEST

START_TEST(test_names) {
    ck_assert_ptr_null(target_find("u55c"));
    ck_assert_str_eq(target_at(0)->name, "ultrascale");
    for (int i = 0; target_at(i); i++)
        ck_assert_ptr_eq(target_find(target_at(i)->name), target_at(i));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_target");
    TCase *cases = tcase_create("targets");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, test_refusal, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(cases, test_multipliers);
    tcase_add_test(cases, test_rtl);
    tcase_add_test(cases, test_names);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
