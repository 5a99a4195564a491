// SPDX-License-Identifier: Apache-2.0
// What the planner says of lanes that are given: cycles, multipliers, memories, turns.
#define _POSIX_C_SOURCE 200809L
#include "plan_fixture.h"

#include <limits.h>

// Two rows of 8 bits share a multiplier, with one column a cycle too; the figures are hlsc's.
START_TEST(rows_of_8_bits_share_multipliers) {
    struct mr_network network = fixture_turbofan();
    struct mr_plan plan;
    const int lc[] = {1, 4};
    for (int i = 0; i < 2; i++)
        network.ops[i].precision = (struct mr_precision){8, 8};
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(plan.ops[0].cost.multipliers, 50 + 8);
    ck_assert_int_eq(plan.ops[0].cost.latency, 25);
    ck_assert_uint_eq(plan.ops[0].cost.row_cycles, 25 + 25);
    ck_assert_uint_eq(plan.ops[1].cost.lanes, 400);
    ck_assert_uint_eq(plan.ops[1].cost.multipliers, 200 + 32);
    ck_assert_double_eq_tol(plan.ops[1].utilisation, 5200.0 / (432 * 50), 1e-12);
    mr_network_free(&network);
}
END_TEST

static int depth_of(const struct mr_pipeline *pipeline, const char *channel) {
    for (int i = 0; i < pipeline->channel_count; i++)
        if (strcmp(pipeline->channels[i].name, channel) == 0)
            return pipeline->channels[i].depth;
    ck_abort_msg("there is no channel %s", channel);
    return -1;
}

START_TEST(figures_of_a_layer) {
    struct mr_network network = fixture_turbofan();
    struct mr_plan plan;
    struct mr_pipeline pipeline;
    const int lc[] = {1, 4};
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(plan.ops[0].cost.row_cycles, 50);
    ck_assert_uint_eq(plan.ops[0].cost.lanes, 100);
    ck_assert_uint_eq(plan.ops[0].cost.multipliers, 108);
    ck_assert_uint_eq(plan.ops[0].cost.useful, 4 * 25 * 50 + 8 * 25);
    ck_assert_double_eq_tol(plan.ops[0].utilisation, 5200.0 / (108 * 50), 1e-12);
    ck_assert_int_eq(plan.ops[1].cost.latency, 28);
    ck_assert_uint_eq(plan.ops[1].cost.row_cycles, 28 + 7);
    ck_assert_double_eq_tol(plan.ops[1].utilisation, 5200.0 / (432 * 50), 1e-12);
    ck_assert_double_eq_tol(plan.utilisation, 10400.0 / ((108 + 432) * 50), 1e-12);
    ck_assert_uint_eq(plan.interval, 50);
    ck_assert_uint_eq(plan.multipliers, 108 + 432 + 4);
    ck_assert_int_eq(plan.x_lc, 1);
    ck_assert(!mr_plan_has_resize(&plan, 0, network.ops[0].input));
    ck_assert(mr_plan_has_resize(&plan, 1, network.ops[1].input));
    ck_assert(!mr_plan_has_resize(&plan, 2, network.ops[2].input));
    mr_pipeline_make(&plan, &pipeline);
    ck_assert_int_eq(depth_of(&pipeline, "lstm0_out"), 32);
    ck_assert_int_eq(depth_of(&pipeline, "lstm1_out"), 8);
    mr_network_free(&network);
}
END_TEST

// Weights of 8 bits take half of the memory, and nothing else.
START_TEST(figures_of_narrow_lanes) {
    struct mr_network network;
    struct mr_plan wide, narrow;
    const int lc = 4;
    fixture_chain(&network, 60, 1, (const int[]){100}, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &wide, NULL, 0), 0);
    network.ops[0].precision = (struct mr_precision){8, 16};
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &narrow, NULL, 0), 0);
    struct mr_memory_use saved = {0}, half = {0};
    mr_memory_expect(&saved, 40, 4 * lc * 16, 100);
    mr_memory_expect(&half, 40, 4 * lc * 8, 100);
    ck_assert_uint_eq(wide.memory.lut - narrow.memory.lut, saved.lut - half.lut);
    ck_assert_uint_lt(half.lut, saved.lut * 11 / 20);
    ck_assert_uint_eq(narrow.interval, wide.interval);
    ck_assert_uint_eq(narrow.multipliers, wide.multipliers);
    network.ops[0].precision = (struct mr_precision){8, 8};
    struct mr_plan least;
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &least, NULL, 0), 0);
    ck_assert_uint_eq(least.memory.lut, narrow.memory.lut);
    ck_assert_uint_eq(least.interval, wide.interval);
    mr_network_free(&network);
}
END_TEST

static int evaluate_slots(const struct mr_network *network, int lc, int passes, int slots,
                          struct mr_plan *plan, char *error, size_t error_size) {
    struct mr_op_layout layouts[MR_MAX_LAYERS];
    for (int l = 0; l < MR_MAX_LAYERS; l++)
        layouts[l] = (struct mr_op_layout){.lc = lc, .passes = passes};
    return mr_plan_evaluate(network, layouts, slots, plan, error, error_size);
}

// The turns of other sequences stand for what D takes beyond the columns of x.
START_TEST(figures_of_slots) {
    static const struct {
        int lc, passes, slots;
        uint32_t cycles, turns; // D is 24, 29 with 5 columns a cycle
    } cases[] = {{1, 1, 1, 50, 1},  {1, 1, 16, 50, 1},  {5, 1, 1, 34, 1},   {5, 1, 2, 17, 2},
                 {5, 1, 4, 10, 4},  {5, 1, 8, 10, 4},   {5, 1, 16, 10, 4},  {25, 1, 1, 32, 1},
                 {25, 1, 2, 16, 2}, {25, 1, 16, 2, 16}, {5, 2, 1, 62, 1},   {5, 2, 2, 22, 2},
                 {5, 2, 4, 20, 3},  {5, 2, 16, 20, 3},  {5, 5, 1, 150, 1},  {5, 5, 2, 50, 2},
                 {5, 5, 4, 50, 2},  {1, 5, 1, 250, 1},  {1, 5, 16, 250, 1}, {13, 2, 1, 62, 1},
                 {13, 2, 2, 22, 2}, {13, 2, 4, 10, 4},  {13, 2, 16, 8, 5}};
    struct mr_network network = fixture_turbofan();
    struct mr_plan plan;
    char error[300] = "";
    uint64_t memory = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(evaluate_slots(&network, cases[i].lc, cases[i].passes, cases[i].slots,
                                        &plan, error, sizeof error),
                         0);
        ck_assert_int_eq(plan.slots, cases[i].slots);
        ck_assert_uint_eq(plan.ops[0].cost.row_cycles, cases[i].cycles);
        ck_assert_uint_eq(plan.ops[0].cost.turns, cases[i].turns);
        ck_assert_uint_eq(plan.interval, cases[i].cycles);
        ck_assert(cases[i].slots == 1 || plan.memory.lut >= memory);
        memory = plan.memory.lut;
    }
    // Steps of whole groups have a turn for each sequence, others as many as are needed.
    ck_assert_int_eq(evaluate_slots(&network, 5, 1, 8, &plan, error, sizeof error), 0);
    ck_assert_uint_eq(mr_plan_turns(&plan, 16, 10), 160);
    ck_assert_uint_eq(mr_plan_turns(&plan, 17, 10), 200);
    ck_assert_uint_eq(mr_plan_turns(&plan, 21, 10), 210);
    ck_assert_int_eq(evaluate_slots(&network, 5, 1, 1, &plan, error, sizeof error), 0);
    ck_assert_uint_eq(mr_plan_turns(&plan, 17, 10), 170);
    for (int slots = -1; slots <= 33; slots++) {
        const bool good = slots == 1 || slots == 2 || slots == 4 || slots == 8 || slots == 16;
        ck_assert_int_eq(evaluate_slots(&network, 5, 1, slots, &plan, error, sizeof error),
                         good ? 0 : -1);
    }
    ck_assert_ptr_nonnull(strstr(error, "33 slots are not possible"));
    // The planner keeps to what is asked.
    for (enum mr_plan_mode mode = MR_PLAN_BALANCED; mode <= MR_PLAN_AREA; mode++) {
        const struct mr_plan_request request = {.mode = mode, .slots = 4};
        ck_assert_msg(mr_plan_choose(&network, mr_target_find("u55c"), &request, &plan, error,
                                     sizeof error) == 0,
                      "%s", error);
        ck_assert_int_eq(plan.slots, 4);
    }
    mr_network_free(&network);
}
END_TEST

static struct mr_memory_use memory_with(int readers, int inputs, int units, int lc) {
    struct mr_network network;
    struct mr_plan plan;
    ck_assert_int_eq(mr_network_create(&network, inputs), 0);
    const int h = net_add(&network, "lstm", 0, units, MR_ACTIVATION_LINEAR);
    for (int i = 0; i < readers; i++)
        fixture_output(&network, h);
    ck_assert_int_eq(mr_network_readers(&network, h), readers);
    ck_assert_int_eq(mr_network_readers(&network, 0), 1);
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &plan, NULL, 0), 0);
    mr_network_free(&network);
    return plan.memory;
}

// A fork is two FIFOs of three rows (one for the layer's lag), up to a power of two.
START_TEST(forks_take_memory) {
    const struct mr_memory_use one = memory_with(1, 25, 25, 1), two = memory_with(2, 25, 25, 1),
                               four = memory_with(4, 25, 25, 1);
    // 128 words of 16 bits: one RAMB18 each.
    ck_assert_uint_eq(two.bram18 - one.bram18, 2);
    ck_assert_uint_eq(four.bram18 - one.bram18, 3 * 2);
    ck_assert_uint_eq(four.lut, one.lut);
    // 7 vectors of 4: 32 words of 64 bits, which are 5 pieces of 32 x 14 bits, of 8 LUTs each.
    const struct mr_memory_use alone = memory_with(1, 25, 25, 4), both = memory_with(2, 25, 25, 4);
    ck_assert_uint_eq(both.lut - alone.lut, 2 * 5 * 8);
    ck_assert_uint_eq(both.bram18, alone.bram18);
}
END_TEST

// So many that no device holds them, but a number that a channel can have.
START_TEST(taps_of_long_sequences_are_deep) {
    struct mr_network network;
    ck_assert_int_eq(mr_network_create(&network, MR_MAX_WIDTH), 0);
    net_add(&network, "reverse", 0, 0, MR_ACTIVATION_LINEAR);
    struct mr_plan plan = {.network = &network, .x_lc = 1, .slots = 1};
    mr_network_set_most_steps(&network, 3);
    const int usual = mr_plan_fork_depth(&plan, 0);
    ck_assert_int_eq(mr_plan_tap_depth(&plan, 0, 2), usual + 2 * 3 * MR_MAX_WIDTH);
    plan.slots = 4; // groups of sequences
    ck_assert_int_eq(mr_plan_tap_depth(&plan, 0, 2), usual + 4 * 2 * 3 * MR_MAX_WIDTH);
    mr_network_set_most_steps(&network, MR_MOST_STEPS_LIMIT);
    ck_assert_int_eq(mr_plan_tap_depth(&plan, 0, 1), INT_MAX);
    mr_network_free(&network);
}
END_TEST

START_TEST(powers_of_two) {
    static const int powers[][2] = {{0, 2}, {1, 2}, {2, 2}, {3, 4}, {64, 64}, {65, 128}};
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        ck_assert_int_eq(mr_power_of_two(powers[i][0]), powers[i][1]);
}
END_TEST

START_TEST(a_recurrent_operator_is_needed) {
    struct mr_network network;
    const int lc[MR_MAX_LAYERS] = {1};
    struct mr_plan plan;
    char error[512] = "";
    ck_assert_int_eq(mr_network_create(&network, 3), 0);
    fixture_output(&network, net_add(&network, "dense", 0, 2, MR_ACTIVATION_LINEAR));
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "no recurrent operator"));
    mr_network_free(&network);
    network = fixture_turbofan();
    ck_assert_int_eq(fixture_evaluate(&network, (const int[]){1, 0}, &plan, error, sizeof error),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "lstm1 cannot take 0 columns"));
    mr_network_free(&network);
}
END_TEST

// 64 vectors of h in 16 slots are what LUTs may hold; in three passes there are 66 of each slot.
START_TEST(passes_keep_whole_words_of_h) {
    const struct mr_target *target = mr_target_find("u55c");
    struct mr_network network;
    struct mr_plan plan;
    char error[300] = "";
    fixture_chain(&network, 5, 1, (const int[]){128}, 1, MR_ACTIVATION_LINEAR);
    for (int passes = 1; passes <= 4; passes++) {
        const struct mr_op_layout layout = {.lc = 2, .passes = passes};
        ck_assert_int_eq(mr_plan_evaluate(&network, &layout, 16, &plan, error, sizeof error),
                         passes == 3 ? -1 : 0);
    }
    ck_assert_ptr_nonnull(strstr(error, "lstm0 cannot serve its units in 3 passes: it would keep "
                                        "1056 vectors of h"));
    for (enum mr_plan_mode mode = MR_PLAN_BALANCED; mode <= MR_PLAN_AREA; mode++) {
        const struct mr_plan_request request = {.mode = mode, .slots = 16};
        ck_assert_msg(mr_plan_choose(&network, target, &request, &plan, error, sizeof error) == 0,
                      "%s", error);
        ck_assert_int_le(mr_plan_state_words(&network.ops[0], plan.ops[0].layout.lc,
                                             plan.ops[0].layout.passes, 16),
                         MR_PLAN_STATE_WORDS);
    }
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan_figures");
    TCase *tests = tcase_create("plan_figures");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, figures_of_a_layer);
    tcase_add_test(tests, rows_of_8_bits_share_multipliers);
    tcase_add_test(tests, figures_of_narrow_lanes);
    tcase_add_test(tests, figures_of_slots);
    tcase_add_test(tests, passes_keep_whole_words_of_h);
    tcase_add_test(tests, forks_take_memory);
    tcase_add_test(tests, taps_of_long_sequences_are_deep);
    tcase_add_test(tests, powers_of_two);
    tcase_add_test(tests, a_recurrent_operator_is_needed);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
