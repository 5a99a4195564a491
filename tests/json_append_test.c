// SPDX-License-Identifier: Apache-2.0
// Lists and objects of JSON that are whole or not there (base/json_append.h).
#include "json_append.h"

#include <check.h>
#include <math.h>

START_TEST(what_is_whole_is_there) {
    json_t *list = json_array(), *object = json_object();
    for (int i = 0; i < 3; i++)
        mr_json_append(&list, json_integer(i));
    ck_assert_uint_eq(json_array_size(list), 3);
    mr_json_put(&object, "list", list);
    mr_json_put(&object, "name", json_string("\xc3\xa9"));
    ck_assert_uint_eq(json_object_size(object), 2);
    json_decref(object);
}
END_TEST

// What JSON has no value for, in the middle, and an object with a list that lacks it.
START_TEST(what_lacks_a_part_is_not_there) {
    json_t *const lost[] = {NULL, json_string("\xff"), json_real(INFINITY),
                            json_pack("{s:s}", "path", "y\xff.npy")};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
        json_t *list = json_array(), *object = json_object(), *outer = json_object();
        mr_json_append(&list, json_integer(1));
        mr_json_append(&list, lost[i]);
        ck_assert_ptr_null(list);
        mr_json_append(&list, json_integer(2)); // which is freed
        ck_assert_ptr_null(list);
        mr_json_put(&object, "list", list);
        ck_assert_ptr_null(object);
        mr_json_put(&object, "other", json_true());
        mr_json_put(&outer, "object", object);
        ck_assert_ptr_null(outer);
        ck_assert_ptr_null(json_pack("{s:o}", "outer", outer));
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json_append");
    TCase *all = tcase_create("all");
    tcase_add_test(all, what_is_whole_is_there);
    tcase_add_test(all, what_lacks_a_part_is_not_there);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
