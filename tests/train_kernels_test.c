// SPDX-License-Identifier: Apache-2.0
// The products of the float32 trainer, of each kind of processor that this one can be, against sums
// in double precision: random sizes, steps that lie apart, and nothing written beside the result.
#include "float32_parts.h"
#include "train_draw.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROWS = 110, MOST_COLUMNS = 150, MOST_STEPS = 21, PAD = 3 };
static const float beside = 12345;
static uint64_t state;

static size_t between(size_t low, size_t high) {
    return low + mr_draw_next(&state) % (high - low + 1);
}

static float *draw(size_t count) {
    float *list = malloc((count + 1) * sizeof *list);

    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < count; i++)
        list[i] = (float)((double)(mr_draw_next(&state) >> 11) * 0x1p-52 - 1);
    return list;
}

static float *marked(size_t count) {
    float *list = malloc((count + 1) * sizeof *list);

    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < count; i++)
        list[i] = beside;
    return list;
}

// A sum, and that of the magnitudes of its terms.
struct sum {
    double due, size;
};

static void add(struct sum *sum, double term) {
    sum->due += term;
    sum->size += fabs(term);
}

// In whatever order they are added, each of n terms is rounded n times at most, once more as a
// product, and each time by 2^-24 of itself at most (Higham); one more is for all that is of second
// order. What is beside the result is as it was.
static void expect(const char *what, const char *kernels, float given, struct sum sum,
                   size_t terms) {
    ck_assert_msg(fabs((double)given - sum.due) <= 0x1p-24 * (double)(terms + 2) * sum.size,
                  "%s, %s: %.9g, not %.9g", kernels, what, (double)given, sum.due);
}

// A panel of w (rows, columns), as tiles of `most` rows at most.
static struct mr_panel panel_of(const float *w, size_t rows, size_t columns, int most) {
    struct mr_panel panel = {.rows = (int)rows, .columns = (int)columns};

    panel.tiles = ((int)rows + most - 1) / most;
    panel.tile = ((int)rows + panel.tiles - 1) / panel.tiles;
    panel.data = calloc((size_t)(panel.tiles * panel.tile) * columns, sizeof *panel.data);
    ck_assert_ptr_nonnull(panel.data);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            const size_t tile = r / (size_t)panel.tile, in = r % (size_t)panel.tile;
            panel.data[(tile * columns + c) * (size_t)panel.tile + in] = w[r * columns + c];
        }
    return panel;
}

static void try_products(const struct mr_float32_kernels *kernels) {
    const size_t rows = between(1, MOST_ROWS), columns = between(1, MOST_COLUMNS);
    const size_t steps = between(1, MOST_STEPS), v_step = (columns + between(0, PAD)) * MR_SLICE;
    const size_t out_step = (rows + between(0, PAD)) * MR_SLICE;
    float *w = draw(rows * columns), *v = draw(steps * v_step), *bias = draw(rows);
    float *out = marked(steps * out_step);
    struct mr_panel panel = panel_of(w, rows, columns, kernels->steps_rows);
    struct mr_panel single = panel_of(w, rows, columns, kernels->most_rows);
    const bool biased = between(0, 1);

    kernels->multiply_steps(&panel, v, v_step, biased ? bias : NULL, out, out_step, steps);
    for (int twice = 0; twice < 2; twice++) {
        for (size_t t = 0; t < steps; t++)
            for (size_t r = 0; r < out_step / MR_SLICE; r++)
                for (size_t n = 0; n < MR_SLICE; n++) {
                    struct sum sum = {.due = r < rows ? 0 : (double)beside};
                    if (r < rows && biased)
                        add(&sum, (double)bias[r]);
                    for (size_t c = 0; r < rows && c < columns; c++)
                        add(&sum, (1 + twice) * (double)w[r * columns + c] *
                                      (double)v[t * v_step + c * MR_SLICE + n]);
                    expect(twice ? "multiply" : "multiply_steps", kernels->name,
                           out[t * out_step + r * MR_SLICE + n], sum,
                           columns * (size_t)(1 + twice) + 1);
                }
        // The same once more, added to it step by step.
        for (size_t t = 0; t < steps && !twice; t++) {
            const struct mr_product product = {&single, 0, (int)columns, v + t * v_step};
            kernels->multiply(&product, 1, NULL, out + t * out_step);
        }
    }
    free(single.data);
    free(panel.data);
    free(out);
    free(bias);
    free(v);
    free(w);
}

static void try_outer(const struct mr_float32_kernels *kernels) {
    const size_t rows = between(1, MOST_ROWS), columns = between(1, MOST_COLUMNS);
    const size_t steps = between(0, MOST_STEPS), pitch = columns + between(0, PAD);
    const size_t a_step = (rows + between(0, PAD)) * MR_SLICE;
    const size_t b_step = (columns + between(0, PAD)) * MR_SLICE;
    float *a = draw(steps * a_step), *b = draw(steps * b_step), *gradient = marked(rows * pitch);

    kernels->outer(a, a_step, (int)rows, b, b_step, (int)columns, steps, gradient, pitch);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < pitch; c++) {
            struct sum sum = {.due = c < columns ? 0 : (double)beside};
            for (size_t t = 0; c < columns && t < steps; t++)
                for (size_t n = 0; n < MR_SLICE; n++)
                    add(&sum, (double)a[t * a_step + r * MR_SLICE + n] *
                                  (double)b[t * b_step + c * MR_SLICE + n]);
            expect("outer", kernels->name, gradient[r * pitch + c], sum, steps * MR_SLICE);
        }
    free(gradient);
    free(b);
    free(a);
}

START_TEST(test_products) {
    const int rounds = getenv("THOROUGH") ? 300 : 15;
    const struct mr_float32_kernels *kernels;

    for (int k = 0; (kernels = mr_float32_kernels(k)); k++)
        for (int i = 0; i < rounds; i++) {
            try_products(kernels);
            try_outer(kernels);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_kernels");
    TCase *tcase = tcase_create("train_kernels");

    state = getenv("THOROUGH") ? (uint64_t)time(NULL) : 1;
    printf("seed %llu\n", (unsigned long long)state);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, test_products);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
