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
        ck_assert_msg(has(target->memory_own) && mr_target_memories(target) >= 4,
                      "%s: a bank of external memories is missing", target->name);
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

static const char *bank(const char *card, unsigned index, unsigned count) {
    static char text[32];
    return mr_target_memory(mr_target_find(card), index, count, text, sizeof text);
}

// Ports have banks of their own, as many as there are for each.
START_TEST(ports_have_banks) {
    ck_assert_uint_eq(mr_target_memories(mr_target_find("u55c")), 16);
    ck_assert_str_eq(bank("u55c", 0, 1), "HBM[16:31]");
    ck_assert_str_eq(bank("u55c", 1, 3), "HBM[21:25]");
    ck_assert_str_eq(bank("u55c", 4, 5), "HBM[28:30]");
    ck_assert_str_eq(bank("u55c", 8, 9), "HBM[24]");
    ck_assert_str_eq(bank("u55c", 15, 16), "HBM[31]");
    ck_assert_str_eq(bank("u55c", 16, 17), "HBM[16]"); // shared
    ck_assert_uint_eq(mr_target_memories(mr_target_find("u200")), 4);
    ck_assert_str_eq(bank("u200", 0, 2), "DDR[2]");
    ck_assert_str_eq(bank("u200", 3, 4), "DDR[1]");
    ck_assert_str_eq(bank("u200", 5, 6), "DDR[0]"); // shared
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
    tcase_add_test(tests, ports_have_banks);
    tcase_add_test(tests, dies_are_filled_once_each);
    tcase_add_test(tests, names);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
