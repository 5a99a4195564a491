// SPDX-License-Identifier: Apache-2.0
// Checks the activation tables at every argument, and that the generator still
// prints the header byte for byte.
#define main make_tables_main
#include "../hls/kernels/make_tables.c"
#undef main

#include "activation.h"
#include "place.h"
#include "places.h"
#include "random.h"

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
    const struct activation a = {"sigmoid", 32768.0, 0, sigmoid, false};

    check_all(&a, mr_sigmoid_base, mr_sigmoid_slope);
}
END_TEST

START_TEST(tanh_is_within_one_unit) {
    const struct activation a = {"tanh", 65536.0, -32767, tanh, false};

    check_all(&a, mr_tanh_base, mr_tanh_slope);
    ck_assert_int_eq(mr_tanh_base[512], 0); // nothing in gives nothing out
}
END_TEST

// Tables whose segments widen, as the kernels read them: every argument below 1, those beside the
// ends of all segments, and some between.
static void check_wide(const char *name, int32_t (*value)(int64_t), double (*exact)(double),
                       int64_t most) {
    double worst = 0, begin, step;

    for (int segment = 0; wide_segment(segment, &begin, &step); segment++) {
        const int64_t first = (int64_t)begin, width = (int64_t)(step * 1024);
        const int64_t stride = segment < 128 ? 1 : width / 512 + 1;
        for (int64_t argument = first; argument < first + width && argument < most;
             argument += stride) {
            const double x = (double)argument / 65536;
            const double wanted = fmin(exact(x) * 32768, 32767);
            const double error = fabs(value(argument) - wanted);
            ck_assert_msg(error <= 1.1, "%s of %g is %d, which is %.3f off", name, x,
                          (int)value(argument), error);
            worst = fmax(worst, error);
        }
    }
    printf("%s: largest error %.3f units of 2^-15\n", name, worst);
}

#define DIP(name, kind, sign)                                                                      \
    static int32_t name(int64_t arg) {                                                             \
        return mr_dip(kind, (sign)*arg);                                                           \
    }
DIP(swish_of, MR_SWISH, 1)
DIP(gelu_of, MR_GELU, -1)
DIP(gelu_tanh_of, MR_GELU_TANH, 1)
DIP(hard_swish_of, MR_HARD_SWISH, -1)
DIP(mish_of, MR_MISH, 1)
DIP(mish_below_of, MR_MISH, -1)

// Those of places.c are written in other ways.
START_TEST(dips_are_what_smooth_relus_are_less) {
    static double (*const dips[])(double) = {swish_dip, gelu_dip, gelu_tanh_dip, hard_swish_dip};

    for (double x = -20; x <= 20; x += 0.0625) {
        for (int i = 0; i < 5; i++) {
            const struct mr_place place = mr_place_plain((enum mr_activation)(MR_SWISH + i));
            const double dip = i < 4 ? dips[i](fabs(x)) : x < 0 ? mish_below(-x) : mish_dip(x);
            ck_assert_double_eq_tol(mr_place_float(&place, x), fmax(x, 0) - dip, 1e-14);
        }
    }
}
END_TEST

// What kernels have against what networks compute, near 0, far from it, and at all formats.
START_TEST(smooth_relus_have_one_meaning) {
    uint64_t state = 77;

    for (int i = 0; i < 2000000; i++) {
        const uint8_t kind = (uint8_t)(MR_SWISH + i % 5), frac = (uint8_t)(i / 5 % 16);
        const mr_place_t place = mr_place_with(kind, frac, false, 0, 0, 0, 0, 0, 0, 0, 0);
        const int bits = (int)(random_bits(&state) % 62);
        const int64_t sum = (int64_t)random_bits(&state) >> bits;
        uint32_t past = 0;
        int64_t beyond = 0;
        ck_assert_int_eq(mr_activate(place, sum, &past), mr_place_fixed(&place, sum, &beyond));
        ck_assert_int_eq(past != 0, beyond != 0);
    }
}
END_TEST

START_TEST(wide_tables_are_within_their_bound) {
    check_wide("x / (1 + x)", mr_softsign, softsign, INT64_C(1) << 33);
    check_wide("1 - e^-x", mr_less_exp, less_exp, 1 << 20);
    check_wide("log(1 + e^-x)", mr_log_exp, log_exp, 1 << 20);
    check_wide("swish", swish_of, swish_dip, 1 << 20);
    check_wide("gelu", gelu_of, gelu_dip, 1 << 20);
    check_wide("gelu by tanh", gelu_tanh_of, gelu_tanh_dip, 1 << 20);
    check_wide("hard swish", hard_swish_of, hard_swish_dip, 1 << 20);
    check_wide("mish", mish_of, mish_dip, 1 << 20);
    check_wide("mish of -x", mish_below_of, mish_below, 1 << 20);
    // Behind the last argument, and below 0.
    ck_assert_int_ge(mr_softsign(INT64_C(1) << 40), 32767);
    ck_assert_int_eq(mr_softsign(-65536), -mr_softsign(65536));
    ck_assert_int_eq(mr_softsign(0), 0);
    ck_assert_int_ge(mr_less_exp(INT64_C(1) << 40), 32766);
    ck_assert_int_le(mr_log_exp(INT64_C(1) << 40), 1);
}
END_TEST

// What the bound of heads/softmax.h takes for granted.
START_TEST(powers_are_within_their_bound) {
    const double unit = exp2(-24);
    int64_t last = INT64_C(1) << 40;

    for (int64_t x = 0; x < 1 << 24; x++) {
        int64_t value = mr_exp_base[x >> 14] * INT64_C(16384) - mr_exp_slope[x >> 14] * (x & 16383);

        if (value > last || value < INT64_C(1) << 39)
            ck_abort_msg("2^-x rises or is below 1/2 at x = %d / 2^24", (int)x);
        last = value;
        if (x % 11 == 0) {
            double off = ((double)value / exp2(40 - x * unit) - 1) / unit;
            if (off < -0.25 || off > 0.97 + 0.25)
                ck_abort_msg("2^-x at x = %d / 2^24 is %.3f units off", (int)x, off);
        }
    }
    ck_assert_int_eq(mr_exp_base[0], 1 << 26);
}
END_TEST

START_TEST(reciprocals_are_below_and_near) {
    for (int i = 0; i < SEGMENTS; i++) {
        const double first = 1 + i / 1024.0, end = 1 + (i + 1) / 1024.0,
                     r = mr_reciprocal[i] / 32768.0;

        ck_assert_msg(r * end <= 1 && 1 - r * first < 1 / 990.0, "reciprocal %d", i);
    }
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
    tcase_add_test(all, dips_are_what_smooth_relus_are_less);
    tcase_add_test(all, smooth_relus_have_one_meaning);
    tcase_add_test(all, wide_tables_are_within_their_bound);
    tcase_add_test(all, powers_are_within_their_bound);
    tcase_add_test(all, reciprocals_are_below_and_near);
    tcase_add_test(all, generator_prints_the_header);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
