// SPDX-License-Identifier: Apache-2.0
// Curves as SVG (base/plot.h): where points stand, and that of no list of numbers anything is
// written that is no number.
#include "plot.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mr_text text;

static void plot(const double *y, size_t count) {
    const struct mr_plot_line line = {"line", y, count};

    free(text.data);
    text = (struct mr_text){0};
    mr_plot_add(&text, &(struct mr_plot){.name = "loss", .lines = &line, .count = 1});
    ck_assert(!text.failed);
}

static size_t count_of(const char *what) {
    size_t count = 0;

    for (const char *at = text.data; (at = strstr(at, what)); at++)
        count++;
    return count;
}

// So many points, and nothing that is no number.
static void expect_points(size_t points) {
    ck_assert_uint_eq(count_of("<circle"), points);
    ck_assert_uint_eq(count_of("<polyline"), points > 0);
    ck_assert_uint_eq(count_of("nan") + count_of("inf"), 0);
    ck_assert_uint_eq(count_of("</svg>\n"), 1);
}

START_TEST(few_points) {
    plot(NULL, 0);
    expect_points(0);
    plot((const double[]){5}, 1);
    expect_points(1);
    ck_assert_uint_eq(count_of("points=\"344.0,34.0\""), 1); // in the middle
    plot((const double[]){1, 3}, 2);
    expect_points(2);
    ck_assert_uint_eq(count_of("points=\"64.0,260.0 624.0,34.0\""), 1);
}
END_TEST

START_TEST(what_is_not_finite) {
    plot((const double[]){NAN, INFINITY, -INFINITY}, 3);
    expect_points(0);
    plot((const double[]){NAN, 1, INFINITY, 3, NAN}, 5);
    expect_points(2);
    ck_assert_uint_eq(count_of("points=\"204.0,260.0 484.0,34.0\""), 1);
}
END_TEST

START_TEST(one_value) {
    static const double values[] = {0, -0.0, 1e-300, -3, 1e300, -1e300};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        plot((const double[]){values[i], values[i]}, 2);
        expect_points(2);
    }
}
END_TEST

// At most ten of the epochs are named, the first one always.
START_TEST(names_of_epochs) {
    static const size_t counts[][2] = {{1, 1},   {2, 2},  {9, 9},    {10, 10},  {11, 6},
                                       {20, 10}, {21, 7}, {100, 10}, {1000, 10}};
    double y[1000] = {0};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        plot(y, counts[i][0]);
        ck_assert_uint_eq(count_of("text-anchor=\"middle\""), counts[i][1]);
        ck_assert_uint_eq(count_of("text-anchor=\"middle\">1</text>"), 1);
    }
}
END_TEST

START_TEST(range_of_several) {
    const double one[] = {3, NAN}, other[] = {-1, 2, 7};
    const struct mr_plot_line lines[] = {{"one", one, 2}, {"other", other, 3}, {"none", NULL, 0}};
    double low = 0, high = 5;

    mr_plot_range(&(struct mr_plot){.lines = lines, .count = 3}, &low, &high);
    ck_assert(low == -1 && high == 7);
}
END_TEST

START_TEST(text_of_a_page) {
    free(text.data);
    text = (struct mr_text){0};
    mr_html_add(&text, "");
    ck_assert_uint_eq(text.size, 0);
    mr_html_add(&text, "a<b> & \"c\" %s");
    ck_assert_str_eq(text.data, "a&#60;b&#62; &#38; &#34;c&#34; %s");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plot");
    TCase *tcase = tcase_create("plot");

    tcase_add_test(tcase, few_points);
    tcase_add_test(tcase, what_is_not_finite);
    tcase_add_test(tcase, one_value);
    tcase_add_test(tcase, names_of_epochs);
    tcase_add_test(tcase, range_of_several);
    tcase_add_test(tcase, text_of_a_page);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(text.data);
    return failed != 0;
}
