// SPDX-License-Identifier: Apache-2.0
// Tables of numbers: how people write them, what a header is, and what is refused with which words.
#define _POSIX_C_SOURCE 200809L
#include "array_file.h"
#include "csv.h"

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char error[1024], note[300];

static int parse_csv(const char *text, struct mr_array *a) {
    return mr_csv_parse(text, strlen(text), "t.csv", a, note, sizeof note, error, sizeof error);
}

// All are the same table, without a remark or with that of a header.
static const struct {
    const char *text;
    bool header;
} same[] = {
    {"1,2.5,-3e2\n4,5,6\n", false},
    {"1,2.5,-3e2\n4,5,6", false},
    {"a,b,c\n1,2.5,-3e2\n4,5,6", true},
    {"1;2.5;-3e2\r\n\r\n 4; 5; 6\r\n", false},
    {"1\t2.5\t-3e2\n4\t5\t6\n", false},
    {"1 2.5 -3e2\n4 5 6\n", false},
    {"  1.00e+00   2.50e+00 \t -3.00e+02\n 4  5  6 \n", false},
    {"1,2.5,-3e2\r4,5,6\r", false},
    {"\xef\xbb\xbf"
     "1,2.5,-3e2\n4,5,6\n",
     false},
    {"\xef\xbb\xbf"
     "a,b,c\n1,2.5,-3e2\n4,5,6\n",
     true},
    {"\"1\",\"2.5\",\"-3e2\"\n\"4\",\"5\",\"6\"\n", false},
    {"\"a\",\"b, with a comma\",\"c\"\n1,2.5,-3e2\n4,5,6\n", true},
    {"# a remark\n1,2.5,-3e2\n# another\n\n4,5,6\n", false},
    {"a;b;c\n1;2.5;-3e2\n4;5;6\n", true},
    {"a, in bar\tb\tc\n1\t2.5\t-3e2\n4\t5\t6\n", true},
    {"one two,three,four\n1,2.5,-3e2\n4,5,6\n", true},
    {",b,\n1,2.5,-3e2\n4,5,6\n", true},
    {"NA,b,1st stage\n+1.,2.5,-3E+02\n.4e1,5,6\n", true},
    {"1, 2.5, -3e2\n4, 5, 6\n", false},
};

START_TEST(tables_are_read) {
    static const float expected[6] = {1, 2.5f, -300, 4, 5, 6};
    struct mr_array a;

    ck_assert_msg(parse_csv(same[_i].text, &a) == 0, "%s", error);
    ck_assert_uint_eq(a.shape[0], 2);
    ck_assert_uint_eq(a.shape[1], 3);
    ck_assert_mem_eq(a.data, expected, sizeof expected);
    ck_assert_int_eq(*note != 0, same[_i].header);
    if (same[_i].header)
        ck_assert_ptr_nonnull(strstr(note, "line 1 is taken as a header"));
    mr_array_free(&a);
}
END_TEST

static const struct {
    const char *text, *part;
} refused[] = {
    {"", "is empty"},
    {"\xef\xbb\xbf", "holds no row"},
    {"\xef\xbb\xbf"
     "\"",
     "quote"},
    {"\n\n# nothing\n", "holds no row"},
    {"a,b\n", "holds no row"},
    {"1,2\n3,x\n", "line 2, field 2 ('x') is not a number"},
    {"1,2\n3\n", "line 2 has 1 fields and line 1 has 2"},
    {"1,2\n3,4,5\n", "line 2 has 3 fields and line 1 has 2"},
    {"a,b,c\n1,2\n", "line 2 has 2 fields and line 1 has 3"},
    {"1,2,\n3,4,\n", "line 1 ends with a separator"},
    {"1,2\n3,4,\n", "line 2 ends with a separator"},
    {"1,NA,3\n4,5,6\n", "line 1, field 2 ('NA') is a missing value"},
    {"1,,3\n4,5,6\n", "line 1, field 2 is empty"},
    {",,\n4,5,6\n", "line 1, field 1 is empty"},
    {"NA,NA\n4,5\n", "line 1, field 1 ('NA') is a missing value"},
    {"1,2,3\n4,,6\n", "line 2, field 2 is empty"},
    {"\xef\xbb\xbf"
     "1,x,3\n4,5,6\n",
     "line 1, field 2 ('x') is not a number"},
    {"1,2.5x,3\n4,5,6\n", "a first row is a header when none of its fields is a number"},
    {"1.5x,2.5x\n4,5\n", "line 1, field 1 ('1.5x') is not a number"},
    {"a,b\nm/s,bar\n1,2\n", "line 2, field 1 ('m/s') is not a number"},
    {"0,15;-0,42;-0,33\n-0,26;0,62;0,23\n", "line 1, field 1 ('0,15') has a decimal comma"},
    {"a;b\n0,1512;-1,9532\n", "line 2, field 1 ('0,1512') has a decimal comma"},
    {"a;b\n1,5\t2\n", "line 2"},
    {"0,15\t0,42\n0,26\t0,62\n", "has a decimal comma"},
    {"\"0,15\",\"0,42\"\n\"1,5\",\"2\"\n", "has a decimal comma"},
    {"\"1,024\",1\n1,1\n", "line 1, field 1 ('1,024') has a decimal comma or separators"},
    {"0x1p3,0x10\n1,1\n", "line 1, field 1 ('0x1p3') is hexadecimal"},
    {"1.0D-1,1\n1,1\n", "as Fortran writes it"},
    {"time,a\n2024-01-01 00:00,1\n", "line 2, field 1 ('2024-01-01 00:00') is a date"},
    {"0,1,2\n0.5,0.25,1\n", "line 1 counts its columns from 0"},
    {"0 1 2\n0.5 0.25 1\n", "line 1 counts its columns from 0"},
    {",0,1\n0,0.25,1\n", "line 1 counts its columns from 0"},
    {"1e39,1\n1,1\n", "too large"},
    {"1,\"2\n3,4\n", "quote that does not end"},
    {"1,2 # a remark\n", "line 1, field 2 ('2 # a remark') is not a number"},
    {"1_000,1\n1,1\n", "line 1, field 1"},
    {"\xe2\x88\x92"
     "0.5,1\n1,1\n",
     "minus sign"},
    {"50%,1\n1,1\n", "percentage"},
    {"1,2;3,4\n5,6;7,8\n", "decimal comma"},
    {"1,\x1b[31m2\n", "('?[31m2')"},
};

START_TEST(other_text_is_refused) {
    struct mr_array a;

    ck_assert_int_eq(parse_csv(refused[_i].text, &a), -1);
    ck_assert_msg(strstr(error, refused[_i].part) != NULL, "%s: %s", refused[_i].text, error);
    ck_assert_ptr_null(a.data);
}
END_TEST

START_TEST(other_encodings_are_refused) {
    static const char wide[] = "\xff\xfe"
                               "1\0,\0"
                               "2\0\n",
                      bare[] = "1\0,\0"
                               "2\0\n\0",
                      big[] = "\0"
                              "1\0,\0"
                              "2\0\n",
                      binary[] = "1,2\n3,\0"
                                 "4\n";
    struct mr_array a;

    ck_assert_int_eq(mr_csv_parse(wide, sizeof wide, "t", &a, NULL, 0, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "UTF-16"));
    ck_assert_int_eq(mr_csv_parse(bare, sizeof bare - 1, "t", &a, NULL, 0, error, sizeof error),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "UTF-16"));
    ck_assert_int_eq(mr_csv_parse(big, sizeof big - 1, "t", &a, NULL, 0, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "UTF-16"));
    ck_assert_int_eq(mr_csv_parse(binary, sizeof binary - 1, "t", &a, NULL, 0, error, sizeof error),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "byte 6 is zero"));
    ck_assert_int_eq(mr_csv_parse("\0\0\0\0", 4, "t", &a, NULL, 0, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "byte 0 is zero"));
}
END_TEST

// One column has no separators; NaN and infinity are numbers here, and refused where they matter.
START_TEST(narrow_and_odd_tables) {
    struct mr_array a;

    ck_assert_msg(parse_csv("0\n1\n2\n", &a) == 0, "%s", error);
    ck_assert_uint_eq(a.shape[1], 1);
    ck_assert_uint_eq(a.shape[0], 3);
    mr_array_free(&a);
    ck_assert_msg(parse_csv("my value\n1\n", &a) == 0, "%s", error);
    ck_assert_uint_eq(a.count, 1);
    mr_array_free(&a);
    ck_assert_msg(parse_csv("0,1,3\n1,2,3\n", &a) == 0, "%s", error);
    mr_array_free(&a);
    ck_assert_msg(parse_csv("0.0,1,2\n1,2,3\n", &a) == 0, "%s", error);
    mr_array_free(&a);
    ck_assert_msg(parse_csv("nan,-Inf,INFINITY\n", &a) == 0, "%s", error);
    ck_assert(isnan(a.data[0]) && isinf(a.data[1]) && isinf(a.data[2]));
    mr_array_free(&a);
}
END_TEST

START_TEST(every_bit_is_kept) {
    static const size_t shape[2] = {3, 2};
    struct mr_array a, b;

    ck_assert_int_eq(mr_array_create(&a, 2, shape, error, 1024), 0);
    for (size_t i = 0; i < 6; i++)
        a.data[i] = _i ? (float)i : (i % 2 ? -1.0f : 1.0f) / 3.0f * powf(10, (float)i * 7 - 20);
    mkdir("build", 0777);
    mkdir("build/fuzz", 0777);
    ck_assert_int_eq(mr_array_write("build/fuzz/small.csv", &a, error, 1024), 0);
    ck_assert_msg(mr_array_read("build/fuzz/small.csv", &b, note, sizeof note, error, 1024) == 0,
                  "%s", error);
    ck_assert_str_eq(note, "");
    ck_assert_mem_eq(a.shape, b.shape, sizeof a.shape);
    ck_assert_mem_eq(a.data, b.data, 6 * sizeof(float));
    mr_array_free(&a);
    mr_array_free(&b); // the file stays as a seed for the fuzzer
}
END_TEST

int main(void) {
    Suite *suite = suite_create("csv");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, tables_are_read, 0, (int)(sizeof same / sizeof *same));
    tcase_add_loop_test(all, other_text_is_refused, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(all, other_encodings_are_refused);
    tcase_add_test(all, narrow_and_odd_tables);
    tcase_add_loop_test(all, every_bit_is_kept, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
