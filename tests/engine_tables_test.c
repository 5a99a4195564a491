// SPDX-License-Identifier: Apache-2.0
// Sigmoid and tanh as the engine's kernels calculate them, for every argument that there is and
// some beyond, on kernels of every kind that this processor runs.
#include "activation.h"
#include "engine_parts.h"
#include "kernels.h"

#include <check.h>
#include <stdlib.h>

enum { ARGUMENTS = 1 << 20, BEYOND = 4096, VECTORS = 64, MOST = VECTORS * 16 };

static int32_t saturated(int32_t argument, enum mr_curve curve) {
    const int32_t at = mr_argument(argument);
    return curve == MR_CURVE_SIGMOID ? mr_sigmoid(at) : mr_tanh(at);
}

// Units whose arguments are those from `first` on.
static void check_some(const struct mr_kernels *kernels, const struct mr_tables *tables,
                       enum mr_curve curve, int32_t first) {
    static int32_t sums[2 * MOST], right[MOST];
    static int16_t h[MOST], out[MOST];
    const struct mr_scales scales = {.right = right};
    const struct mr_units units = {.sums = sums,
                                   .scales = &scales,
                                   .tables = tables,
                                   .g = curve,
                                   .vectors = VECTORS,
                                   .h = h,
                                   .out = out};
    const int width = kernels->width;
    for (int i = 0; i < VECTORS * width; i++) {
        int32_t *at = sums + (size_t)(i / width * 2 * width + i % width);
        at[0] = first + i;
        at[width] = 0;
    }
    kernels->rnn_tanh(&units);
    for (int i = 0; i < VECTORS * width; i++) {
        const int32_t wanted = saturated(first + i, curve);
        if (h[i] != wanted || out[i] != wanted) // an assertion of each takes longer than all else
            ck_abort_msg("%s, %s of %d: %d, not %d", kernels->name,
                         curve == MR_CURVE_SIGMOID ? "sigmoid" : "tanh", first + i, h[i], wanted);
    }
}

START_TEST(every_argument) {
    static struct mr_tables tables;
    struct mr_error error;
    ck_assert_int_eq(mr_engine_tables(&tables, &error), 0);
    for (size_t k = 0; mr_kernels_at(k); k++)
        for (int32_t first = -ARGUMENTS / 2 - BEYOND; first < ARGUMENTS / 2 + BEYOND;
             first += VECTORS * mr_kernels_at(k)->width) {
            check_some(mr_kernels_at(k), &tables, MR_CURVE_SIGMOID, first);
            check_some(mr_kernels_at(k), &tables, MR_CURVE_TANH, first);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("engine tables");
    TCase *tests = tcase_create("engine tables");
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, every_argument);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
