// SPDX-License-Identifier: Apache-2.0
// .npy files: every type and order, round trips, and what is refused with which words.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "file.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char error[1024];

// Builds a file of the version with the header text and the data; returns its size.
static size_t make_file(unsigned char *file, int version, const char *header, const void *data,
                        size_t size) {
    size_t length = strlen(header), start = version == 1 ? 10 : 12;

    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    memset(file + 8, 0, 4);
    file[8] = (unsigned char)length;
    file[9] = (unsigned char)(length >> 8);
    memcpy(file + start, header, length);
    if (size > 0)
        memcpy(file + start + length, data, size);
    return start + length + size;
}

static const float f4[6] = {1, -2, 3.5f, 4, 5, 6};
static const double f8[6] = {1, -2, 3.5, 4, 5, 6};
static const int32_t i4[6] = {1, -2, 3, 4, 5, 6};
static const int64_t i8[6] = {1, -2, 3, 4, 5, 6};

static const struct {
    const char *descr;
    const void *data;
    size_t size;
} types[] = {{"<f4", f4, 4}, {"<f8", f8, 8}, {"<i4", i4, 4}, {"<i8", i8, 8}};

START_TEST(every_type_version_and_order) {
    int type = _i % 4, version = _i / 4 % 3 + 1, fortran = _i / 12;
    unsigned char file[512];
    char header[200];
    struct mr_array a;

    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': (2, 3), }  \n",
             types[type].descr, fortran ? "True" : "False");
    size_t size = make_file(file, version, header, types[type].data, 6 * types[type].size);
    ck_assert_msg(mr_npy_parse(file, size, "t", &a, error, 1024) == 0, "%s", error);
    ck_assert_int_eq(a.rank, 2);
    ck_assert_uint_eq(a.shape[0], 2);
    ck_assert_uint_eq(a.shape[1], 3);
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            int from = fortran ? j * 2 + i : i * 3 + j;
            float expected = type < 2 ? f4[from] : (float)i4[from];
            ck_assert_float_eq(a.data[i * 3 + j], expected);
        }
    }
    mr_array_free(&a);
    // Every cut is refused.
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_ne(mr_npy_parse(file, cut, "t", &a, error, 1024), 0);
}
END_TEST

static const struct {
    const char *header, *said;
} refused[] = {
    {"{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }", "big-endian"},
    {"{'descr': '<f2', 'fortran_order': False, 'shape': (6,), }", "type '<f2'"},
    {"{'descr': '|O', 'fortran_order': False, 'shape': (6,), }", "type '|O'"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }", "records"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", "asks for 28 bytes"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", "holds 24"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,), }", "lacks a number"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", "too large"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "too large"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,6), }", "8 supported"},
    {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (6,), }", "True or False"},
    {"{'descr': '<f4', 'shape': (6,), }", "lacks one of"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), } x", "text after"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,", "lacks"},
    {"{'descr': '<f4', 'order': False}", "unknown key"},
    {"", "lacks '{'"},
};

START_TEST(bad_header_is_refused) {
    unsigned char file[512];
    struct mr_array a;
    size_t size = make_file(file, 1, refused[_i].header, f4, sizeof f4);

    ck_assert_int_ne(mr_npy_parse(file, size, "t.npy", &a, error, 1024), 0);
    ck_assert_msg(strstr(error, refused[_i].said) != NULL, "%s", error);
    ck_assert_int_eq(strncmp(error, "t.npy", 5), 0);
}
END_TEST

START_TEST(written_file_is_read_again) {
    static const size_t shape[4] = {2, 3, 0, 0};
    struct mr_array a, b;

    mkdir("build", 0777);
    mkdir("build/fuzz", 0777);
    for (int rank = 0; rank <= 3; rank++) {
        ck_assert_int_eq(mr_array_create(&a, rank, shape, error, 1024), 0);
        for (size_t i = 0; i < a.count; i++)
            a.data[i] = (float)i * 0.1f;
        ck_assert_msg(mr_npy_write("build/fuzz/small.npy", &a, error, 1024) == 0, "%s", error);
        ck_assert_msg(mr_array_read("build/fuzz/small.npy", &b, NULL, 0, error, 1024) == 0, "%s",
                      error);
        ck_assert_int_eq(b.rank, rank);
        ck_assert_uint_eq(b.count, a.count);
        ck_assert_mem_eq(b.shape, a.shape, sizeof a.shape);
        ck_assert_mem_eq(b.data, a.data, a.count * sizeof(float));
        mr_array_free(&a);
        mr_array_free(&b);
    } // the file stays as a seed for the fuzzer
}
END_TEST

START_TEST(not_finite_is_named) {
    static const size_t shape[2] = {4, 5};
    struct mr_array a;

    ck_assert_int_eq(mr_array_create(&a, 2, shape, error, 1024), 0);
    ck_assert_int_eq(mr_array_check_finite(&a, "x.npy", error, 1024), 0);
    a.data[17] = NAN;
    ck_assert_int_ne(mr_array_check_finite(&a, "x.npy", error, 1024), 0);
    ck_assert_ptr_nonnull(strstr(error, "x.npy holds NaN at index [3, 2]"));
    a.data[4] = -INFINITY;
    ck_assert_int_ne(mr_array_check_finite(&a, "x.npy", error, 1024), 0);
    ck_assert_ptr_nonnull(strstr(error, "infinity at index [0, 4]"));
    mr_array_free(&a);
}
END_TEST

START_TEST(file_problems_are_named) {
    struct mr_array a;
    static const size_t shape[1] = {1};

    ck_assert_int_ne(mr_array_read("build/no/such.npy", &a, NULL, 0, error, 1024), 0);
    ck_assert_ptr_nonnull(strstr(error, "build/no/such.npy cannot be opened: No such file"));
    ck_assert_int_eq(mr_array_create(&a, 1, shape, error, 1024), 0);
    ck_assert_int_ne(mr_npy_write("build/no/such.npy", &a, error, 1024), 0);
    ck_assert_ptr_nonnull(strstr(error, "build/no/such.npy cannot be written: No such file"));
    mr_array_free(&a);
    ck_assert_int_ne(mr_array_read("tests", &a, NULL, 0, error, 1024), 0);
    ck_assert_ptr_nonnull(strstr(error, "cannot be read"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("npy");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, every_type_version_and_order, 0, 24);
    tcase_add_loop_test(all, bad_header_is_refused, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(all, written_file_is_read_again);
    tcase_add_test(all, not_finite_is_named);
    tcase_add_test(all, file_problems_are_named);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
