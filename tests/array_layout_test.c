// SPDX-License-Identifier: Apache-2.0
// Arrays of sequences are ordered by the names of their axes.
#include "array_layout.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

// Number (n, t, k) is 100 n + 10 t + k.
static struct mr_array make(const char *layout, const size_t *sizes) {
    struct mr_array array;
    char error[200];
    size_t shape[3], at[3] = {0};
    const int rank = (int)strlen(layout);

    for (int i = 0; i < rank; i++)
        shape[i] = sizes[strchr("NTF", layout[i]) - "NTF"];
    ck_assert_int_eq(mr_array_create(&array, rank, shape, error, sizeof error), 0);
    for (size_t i = 0; i < array.count; i++) {
        size_t rest = i;
        for (int k = rank; k-- > 0;) {
            at[strchr("NTF", layout[k]) - "NTF"] = rest % shape[k];
            rest /= shape[k];
        }
        array.data[i] = (float)(100 * at[0] + 10 * at[1] + at[2]);
    }
    return array;
}

static const char *const layouts[] = {"NTF", "NFT", "TNF", "TFN", "FNT", "FTN", "TF",
                                      "FT",  "NT",  "TN",  "NF",  "FN",  "T",   "N"};

START_TEST(every_order_becomes_the_usual_one) {
    const char *layout = layouts[_i];
    size_t sizes[3] = {3, 4, 2};

    for (int i = 0; i < 3; i++)
        sizes[i] = strchr(layout, "NTF"[i]) ? sizes[i] : 1;
    struct mr_array array = make(layout, sizes), usual = make("NTF", sizes);
    ck_assert(mr_layout_is_valid(layout));
    ck_assert_str_eq(mr_array_layout(&array, layout, sizes[2]), layout);
    ck_assert_int_eq(mr_array_arrange(&array, layout), 0);
    ck_assert_int_eq(array.rank, 3);
    ck_assert_mem_eq(array.shape, sizes, sizeof sizes);
    ck_assert_mem_eq(array.data, usual.data, usual.count * sizeof *usual.data);
    mr_array_free(&array);
    mr_array_free(&usual);
}
END_TEST

START_TEST(shapes_say_which_order_it_is) {
    const size_t sizes[3] = {3, 4, 2}, single[3] = {3, 4, 1};
    struct mr_array table = make("TF", sizes), all = make("NTF", sizes), row = make("NT", single);
    char text[32];

    ck_assert_str_eq(mr_array_layout(&table, "TNF", 2), "TF");
    ck_assert_str_eq(mr_array_layout(&all, "TNF", 2), "TNF");
    ck_assert_str_eq(mr_array_layout(&all, "TF", 2), "NTF");
    ck_assert_ptr_null(mr_array_layout(&all, "TNF", 4));
    ck_assert_ptr_null(mr_array_layout(&all, "NFT", 2));
    ck_assert_str_eq(mr_array_layout(&row, "NT", 1), "NT");
    ck_assert_ptr_null(mr_array_layout(&row, "NT", 2));
    ck_assert_str_eq(mr_layout_text("NFT", text, sizeof text), "[N, F, T]");
    ck_assert(!mr_layout_is_valid("") && !mr_layout_is_valid("NTN") && !mr_layout_is_valid("NTX"));
    mr_array_free(&table);
    mr_array_free(&all);
    mr_array_free(&row);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("array_layout");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, every_order_becomes_the_usual_one, 0,
                        sizeof layouts / sizeof *layouts);
    tcase_add_test(all, shapes_say_which_order_it_is);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
