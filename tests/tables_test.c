// SPDX-License-Identifier: Apache-2.0
// Checks the activation tables at every one of the 2^20 arguments, and that the generator still
// prints the header byte for byte.
#define main make_tables_main
#include "../hls/kernels/make_tables.c"
#undef main

#include "../hls/kernels/activation_tables.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void check_all(const struct activation *a, const int32_t *base, const int16_t *slope) {
    double worst = 0.0;
    int last = a->lowest;

    for (int i = 0; i < SEGMENTS; i++)
        ck_assert_msg(abs(base[i]) <= 131071, "base[%d] does not fit 18 bits", i);
    for (int argument = -(1 << 19); argument < 1 << 19; argument++) {
        int idx = (argument + (1 << 19)) >> 10;
        int frac = argument & 1023;
        int value = (base[idx] * 1024 + slope[idx] * frac + 2048) >> 12;
        double error = fabs(value - wanted(a, argument));

        ck_assert_msg(value >= a->lowest && value <= 32767 && error <= 1.0,
                      "%s of argument %d gives %d, which is %.3f off", a->name, argument, value,
                      error);
        ck_assert_msg(value >= last - 1, "%s falls from %d to %d at argument %d", a->name, last,
                      value, argument);
        worst = fmax(worst, error);
        last = value;
    }
    printf("%s: largest error %.3f units of 2^-15\n", a->name, worst);
}

START_TEST(sigmoid_is_within_one_unit) {
    const struct activation a = {"sigmoid", 32768.0, 0, sigmoid};

    check_all(&a, mr_sigmoid_base, mr_sigmoid_slope);
}
END_TEST

START_TEST(tanh_is_within_one_unit) {
    const struct activation a = {"tanh", 65536.0, -32767, tanh};

    check_all(&a, mr_tanh_base, mr_tanh_slope);
    ck_assert_int_eq(mr_tanh_base[512], 0); // nothing in gives nothing out
}
END_TEST

START_TEST(generator_prints_the_header) {
    FILE *made = tmpfile();
    FILE *kept = fopen("hls/kernels/activation_tables.h", "rb");

    ck_assert_ptr_nonnull(made);
    ck_assert_ptr_nonnull(kept);
    ck_assert(write_header(made));
    rewind(made);
    for (long at = 0;; at++) {
        int a = fgetc(made), b = fgetc(kept);
        ck_assert_msg(a == b, "activation_tables.h differs from the generator at byte %ld", at);
        if (a == EOF)
            break;
    }
    fclose(made);
    fclose(kept);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tables");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 120);
    tcase_add_test(all, sigmoid_is_within_one_unit);
    tcase_add_test(all, tanh_is_within_one_unit);
    tcase_add_test(all, generator_prints_the_header);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
