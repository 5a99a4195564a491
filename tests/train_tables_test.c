// SPDX-License-Identifier: Apache-2.0
// The tables of training at every argument, that the generator prints the header byte for byte, and
// the small floats of the optimisers beside double.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#define main make_train_tables_main
#include "../hls/kernels/train/make_train_tables.c"
#undef main

#include "random.h"
#include "train/fixed_point.h"
#include "train/update.h"

#include <check.h>
#include <stdlib.h>

START_TEST(activations_are_near_the_curves) {
    int32_t sigmoid = 0, tangent = -32768;

    for (int a = -32768; a < 32768; a++) {
        const int32_t s = mr_train_sigmoid(a), t = mr_train_tanh(a);

        // h^2 f'' / 16 with h = 1/8, and what is rounded.
        ck_assert_msg(fabs(s - 65536 / (1 + exp(-a / 4096.0))) < 9, "sigmoid of %d is %d", a, s);
        ck_assert_msg(fabs(t - 32768 * tanh(a / 4096.0)) < 27, "tanh of %d is %d", a, t);
        ck_assert_msg(s >= sigmoid && t >= tangent && s <= 65535 && t >= -32767 && t <= 32767,
                      "%d: the lines fall, or leave their range", a);
        sigmoid = s;
        tangent = t;
    }
}
END_TEST

START_TEST(roots_are_near_the_curve) {
    for (uint32_t m = 0x8000; m < 0x10000; m++) {
        for (int odd = 0; odd < 2; odd++) {
            const double exact = 65536 / sqrt(ldexp(m, odd - 15));
            const double off = mr_train_root((uint16_t)m, odd) - exact;
            ck_assert_msg(fabs(off) < 1.6, "the root of %u is %.2f off", m, off);
        }
    }
}
END_TEST

START_TEST(generator_prints_the_header) {
    FILE *made = tmpfile(), *kept = fopen("hls/kernels/train/train_tables.h", "rb");

    ck_assert(made && kept && write_header(made));
    rewind(made);
    for (long at = 0;; at++) {
        const int a = fgetc(made), b = fgetc(kept);
        ck_assert_msg(a == b, "train_tables.h differs from the generator at byte %ld", at);
        if (a == EOF)
            break;
    }
    fclose(made);
    fclose(kept);
}
END_TEST

static double value_of(number_t n) {
    return ldexp(n.negative ? -(double)n.mantissa : n.mantissa, n.exponent - 15);
}

static void near(number_t n, double exact, double scale, const char *what) {
    ck_assert_msg(fabs(value_of(n) - exact) <= ldexp(scale, -16), "%s: %g is %g", what, exact,
                  value_of(n));
}

START_TEST(numbers_are_near_double) {
    uint64_t state = 1;

    for (int i = 0; i < 200000; i++) {
        const int64_t x = (int64_t)random_bits(&state) >> random_between(&state, 1, 63);
        const int64_t y = (int64_t)random_bits(&state) >> random_between(&state, 1, 63);
        const number_t a = mr_number_of(x, -40), b = mr_number_of(y, -40);
        const double p = value_of(a), q = value_of(b);

        near(a, ldexp((double)x, -40), fabs(p), "a whole number");
        near(mr_number_times(a, b), p * q, fabs(p * q), "a product");
        near(mr_number_plus(a, b), p + q, fabs(p + q) + fmax(fabs(p), fabs(q)) / 128, "a sum");
        near(mr_number_unpack(mr_number_pack(a)), p, 0, "what was packed");
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_tables");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 120);
    tcase_add_test(all, activations_are_near_the_curves);
    tcase_add_test(all, roots_are_near_the_curve);
    tcase_add_test(all, generator_prints_the_header);
    tcase_add_test(all, numbers_are_near_double);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
