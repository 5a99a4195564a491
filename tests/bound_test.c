// SPDX-License-Identifier: Apache-2.0
// The derived bound (bound.h) means something: with one wrong weight a network is beyond it.
#define _GNU_SOURCE
#include "made_network.h"

// What the float network and its bound are compared with: the plain reference after a change to
// one whole weight.
static double share_with_fault(struct made *m, const float *x, size_t sequences, size_t steps,
                               int op, size_t weight, int units) {
    int16_t *w = &m->network.ops[op].rows.weight[weight], kept = *w;
    double error, bound;
    *w = (int16_t)(*w > 0 ? *w - units : *w + units);
    float *y = expected(m, x, sequences, steps);
    const double share = share_of_bound(&m->network, x, y, sequences, steps, &error, &bound);
    *w = kept;
    free(y);
    return share;
}

// A bound that means something does not hold any more where one weight is wrong by some of the
// 32767 units that it has: tried with every weight of a small network. Of some weights nothing is
// seen behind a gate that is shut.
START_TEST(a_wrong_weight_is_beyond_the_bound) {
    enum { SEQUENCES = 4, STEPS = 4 };
    static const struct {
        int units;
        double share; // of the weights, at least
    } faults[] = {{64, 0.1}, {1024, 0.6}};
    static const int units[] = {4};
    const char *cell = mr_op_kind_at((size_t)_i)->name;
    uint64_t state = 5;
    struct made m = {0};
    // Cell states as an output have no derived bound (cell_state_test compares them bit for bit).
    if (!mr_op_kind_at((size_t)_i)->recurrent || mr_op_kind_at((size_t)_i)->gives_second)
        return;
    net_chain(&m.network, cell, 3, 1, units, 2, MR_ACTIVATION_LINEAR);
    net_weights(&m.network, &state, 0.7);
    ck_assert_msg(!calibrate(&m, &state), "%s", m.error);
    float *x = random_x(&m, &state, SEQUENCES * STEPS, 1);
    const double right = share_with_fault(&m, x, SEQUENCES, STEPS, 0, 0, 0);
    ck_assert_double_le(right, 1);
    printf("%-16s %3.0f %% of its bound", cell, 100 * right);
    for (size_t f = 0; f < sizeof faults / sizeof *faults; f++) {
        size_t seen = 0, tried = 0;
        for (int op = 0; op < m.network.op_count; op++) {
            const struct mr_rows *rows = &m.network.ops[op].rows;
            for (size_t w = 0; w < (size_t)rows->rows * (size_t)rows->columns; w++, tried++)
                seen += share_with_fault(&m, x, SEQUENCES, STEPS, op, w, faults[f].units) > 1;
        }
        printf("; beyond it with a weight wrong by %d units: %zu of %zu weights", faults[f].units,
               seen, tried);
        ck_assert_double_ge((double)seen, faults[f].share * (double)tried);
    }
    putchar('\n');
    free(x);
    mr_network_free(&m.network);
}
END_TEST

int main(void) {
    int kinds = 0;
    while (mr_op_kind_at((size_t)kinds))
        kinds++;
    Suite *suite = suite_create("bound");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, a_wrong_weight_is_beyond_the_bound, 0, kinds);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
