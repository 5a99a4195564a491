// SPDX-License-Identifier: Apache-2.0
// The table of cards (base/contract/devices.def): what placement, projects and images take from a
// row is there and fits together, and each card is found by its name.
#include "device_table.h"
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool has(const char *text) {
    return text && *text;
}

START_TEST(rows_are_whole) {
    const struct mr_target *target;
    size_t count = 0;
    for (; (target = mr_target_at(count)) != NULL; count++) {
        ck_assert_msg(has(target->part) && has(target->memory_in) && has(target->memory_out),
                      "%s: part or memory is missing", target->name);
        size_t own = has(target->memory_own);
        for (const char *at = target->memory_own; at && *at; at++)
            own += *at == ' ';
        ck_assert_msg(own == 4, "%s: a memory of external memories is missing", target->name);
        char platform[64];
        snprintf(platform, sizeof platform, "xilinx_%s_", target->name);
        ck_assert_msg(strncmp(target->platform, platform, strlen(platform)) == 0,
                      "%s: %s is the platform of another card", target->name, target->platform);
        ck_assert_msg(target->lut && target->ff && target->dsp && target->bram36 && target->gib,
                      "%s: a size is missing", target->name);
    }
    ck_assert_uint_gt(count, 0);
}
END_TEST

// Each die once, and each the neighbour of one that comes before it.
START_TEST(dies_are_filled_once_each) {
    const struct mr_target *target;
    for (size_t i = 0; (target = mr_target_at(i)) != NULL; i++) {
        unsigned seen = 0;
        ck_assert_uint_ge(target->slrs, 1);
        ck_assert_uint_le(target->slrs, MR_DIES);
        for (uint32_t d = 0; d < target->slrs; d++) {
            const unsigned die = target->die_order[d];
            ck_assert_msg(die < target->slrs && !(seen >> die & 1), "%s: dies of the order",
                          target->name);
            ck_assert_msg(!d || seen >> (die + 1) & 1 || (die && seen >> (die - 1) & 1),
                          "%s: die %u has no neighbour before it", target->name, die);
            seen |= 1u << die;
        }
    }
}
END_TEST

START_TEST(names) {
    char text[128];
    const struct mr_target *target;
    for (size_t i = 0; (target = mr_target_at(i)) != NULL; i++) {
        ck_assert_ptr_eq(mr_target_find(target->name), target);
        ck_assert_ptr_nonnull(strstr(mr_target_names(text, sizeof text), target->name));
    }
    ck_assert_ptr_eq(mr_target_find("U55C"), mr_target_find("u55c"));
    ck_assert_ptr_null(mr_target_find("u51"));
    ck_assert_ptr_null(mr_target_at(1000));
    ck_assert_str_eq(mr_target_names(text, 4), "u50");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("device_table");
    TCase *tests = tcase_create("device_table");
    tcase_add_test(tests, rows_are_whole);
    tcase_add_test(tests, dies_are_filled_once_each);
    tcase_add_test(tests, names);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
