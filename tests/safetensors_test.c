// SPDX-License-Identifier: Apache-2.0
// The safetensors container: round trip, and each way in which a file can be wrong.
#define _POSIX_C_SOURCE 200809L
#include "safetensors.h"

#include "file.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char error[1024];

START_TEST(written_file_is_read_again) {
    static const float f[6] = {1, 2, 3, 4, 5, 6};
    static const int16_t s[3] = {-1, 0, 32767};
    static const int64_t l[2] = {INT64_MIN, 5};
    static const int32_t w[1] = {-7};
    const struct mr_tensor tensors[] = {
        {"short", MR_I16, 1, {3}, 3, s},      {"long", MR_I64, 1, {2}, 2, l},
        {"float", MR_F32, 2, {2, 3}, 6, f},   {"word", MR_I32, 0, {0}, 1, w},
        {"nothing", MR_F32, 2, {0, 3}, 0, f},
    };
    const struct mr_pair metadata[] = {{"format", "test"}, {"quote", "\"\\\n\xc3\xa9"}};
    struct mr_safetensors file;

    mkdir("build", 0777);
    ck_assert_msg(mr_safetensors_write("build/st_test.safetensors", tensors, 5, metadata, 2, error,
                                       1024) == 0,
                  "%s", error);
    ck_assert_msg(mr_safetensors_read("build/st_test.safetensors", NULL, &file, error, 1024) == 0,
                  "%s", error);
    ck_assert_uint_eq(file.tensor_count, 5);
    ck_assert_str_eq(mr_safetensors_metadata(&file, "quote"), "\"\\\n\xc3\xa9");
    ck_assert_ptr_null(mr_safetensors_metadata(&file, "none"));
    ck_assert_ptr_null(mr_safetensors_find(&file, "none"));
    for (int i = 0; i < 5; i++) {
        const struct mr_tensor *t = mr_safetensors_find(&file, tensors[i].name);
        size_t width = mr_dtype_size(tensors[i].dtype);
        ck_assert_ptr_nonnull(t);
        ck_assert_int_eq(t->dtype, tensors[i].dtype);
        ck_assert_int_eq(t->rank, tensors[i].rank);
        ck_assert_uint_eq(t->count, tensors[i].count);
        ck_assert_uint_eq((size_t)((const char *)t->data - (const char *)file.buffer) % width, 0);
        if (t->count > 0)
            ck_assert_mem_eq(t->data, tensors[i].data, t->count * width);
    }
    mr_safetensors_free(&file);
    unlink("build/st_test.safetensors");
}
END_TEST

// Eight bytes of data follow each header.
#define T(name, type, shape, from, to)                                                             \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static const struct {
    const char *header, *said; // NULL: accepted
} cases[] = {
    {"{" T("a", "F32", "[2]", "0", "8") "}", NULL},
    {"{" T("a", "I16", "[2]", "4", "8") "," T("b", "I16", "[2]", "0", "4") "}", NULL},
    {"{" T("a", "F32", "[]", "0", "4") "," T("b", "I32", "[1,1]", "4", "8") "}   ", NULL},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[0]", "8", "8") "}", NULL},
    {"{" T("a", "F64", "[1]", "0", "8") "}", NULL},
    {"{" T("a", "BF16", "[2]", "0", "4") "," T("b", "BOOL", "[2,2]", "4", "8") "}", NULL},
    {"{" T("a", "F4", "[1]", "0", "8") "}", "type F4, which this version does not know"},
    {"{" T("a", "F32", "[1]", "0", "4") "}", "4 bytes after the last tensor"},
    {"{}", "8 bytes after"},
    {"{" T("a", "F32", "[1]", "4", "8") "}", "hole"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[1]", "4", "8") "}", "overlaps"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("b", "F32", "[2]", "0", "8") "}", "overlaps"},
    {"{" T("a", "F32", "[3]", "0", "12") "}", "outside"},
    {"{" T("a", "F32", "[2]", "8", "0") "}", "outside"},
    {"{" T("a", "F32", "[2]", "-8", "0") "}", "outside"},
    {"{" T("a", "F32", "[3]", "0", "8") "}", "do not agree"},
    {"{" T("a", "F32", "[4611686018427387905,4]", "0", "8") "}", "no possible size"},
    {"{" T("a", "F32", "[4611686018427387906]", "0", "8") "}", "do not agree"},
    {"{" T("a", "F32", "[-2]", "0", "8") "}", "no possible size"},
    {"{" T("a", "F32", "[2.0]", "0", "8") "}", "no possible size"},
    {"{" T("a", "F32", "[1,1,1,1,1,1,1,1,2]", "0", "8") "}", "8 dimensions"},
    {"{" T("a", "F32", "2", "0", "8") "}", "8 dimensions"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "exactly"},
    {"{\"a\":7}", "exactly"},
    {"{" T("a", "F32", "[2]", "0", "8") "," T("a", "F32", "[2]", "0", "8") "}", "not JSON"},
    {"{\"__metadata__\":{\"x\":1}," T("a", "F32", "[2]", "0", "8") "}", "is not a string"},
    {"{\"__metadata__\":[]," T("a", "F32", "[2]", "0", "8") "}", "not an object"},
    {"[1]", "not a JSON object"},
    {"{", "not JSON"},
    {"", "not JSON"},
};

START_TEST(header_is_checked) {
    unsigned char data[1024] = {0};
    struct mr_safetensors file;
    size_t length = strlen(cases[_i].header);

    data[0] = (unsigned char)length;
    data[1] = (unsigned char)(length >> 8);
    memcpy(data + 8, cases[_i].header, length);
    int result = mr_safetensors_parse(data, 8 + length + 8, "t", &file, error, 1024);
    if (!cases[_i].said) {
        ck_assert_msg(result == 0, "%s", error);
        mr_safetensors_free(&file);
    } else {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, cases[_i].said) != NULL, "%s", error);
    }
}
END_TEST

START_TEST(weights_of_all_types_are_read) {
    static const double doubles[2] = {-1.5, 1e-300};
    static const float floats[2] = {3.25f, -0.0f};
    static const uint16_t halves[4] = {0x3c00, 0xc000, 0x0001, 0x7bff}; // 1, -2, 2^-24, 65504
    static const uint16_t brains[2] = {0x3fc0, 0xc2f7};                 // 1.5, -123.5
    const struct mr_tensor tensors[] = {{"d", MR_F64, 1, {2}, 2, doubles},
                                        {"f", MR_F32, 1, {2}, 2, floats},
                                        {"h", MR_F16, 1, {4}, 4, halves},
                                        {"b", MR_BF16, 1, {2}, 2, brains}};

    ck_assert(mr_tensor_weight(&tensors[0], 0) == -1.5 &&
              mr_tensor_weight(&tensors[0], 1) == 1e-300);
    ck_assert(mr_tensor_weight(&tensors[1], 0) == 3.25 && mr_tensor_weight(&tensors[1], 1) == 0);
    ck_assert(mr_tensor_weight(&tensors[2], 0) == 1 && mr_tensor_weight(&tensors[2], 1) == -2);
    ck_assert(mr_tensor_weight(&tensors[2], 2) == 0x1p-24 &&
              mr_tensor_weight(&tensors[2], 3) == 65504);
    ck_assert(mr_tensor_weight(&tensors[3], 0) == 1.5 &&
              mr_tensor_weight(&tensors[3], 1) == -123.5);
    ck_assert(mr_dtype_is_weight(MR_F16) && !mr_dtype_is_weight(MR_I64) &&
              !mr_dtype_is_weight(MR_U8));
}
END_TEST

START_TEST(length_is_checked) {
    unsigned char data[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    struct mr_safetensors file;

    for (size_t size = 0; size <= 16; size++)
        ck_assert_int_ne(mr_safetensors_parse(data, size, "t", &file, error, 1024), 0);
    ck_assert_ptr_nonnull(strstr(error, "18446744073709551615"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("safetensors");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, written_file_is_read_again);
    tcase_add_loop_test(all, header_is_checked, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(all, weights_of_all_types_are_read);
    tcase_add_test(all, length_is_checked);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
