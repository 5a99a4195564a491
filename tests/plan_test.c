// SPDX-License-Identifier: Apache-2.0
// The planner: its figures, its choices against an exhaustive search, and what it says when nothing
// fits.
#include "memory_cost.h"
#include "network.h"
#include "placement.h"
#include "plan_fixture.h"
#include "quantise.h"

static const struct mr_shape turbofan = {
    .layer_count = 2, .layers = {{25, 25}, {25, 25}}, .outputs = 1};

static void choose(const struct mr_shape *shape, const char *target, enum mr_plan_mode mode,
                   struct mr_plan *plan) {
    const struct mr_plan_request request = {.mode = mode};
    char error[512] = "";
    ck_assert_msg(
        mr_plan_choose(shape, mr_target_find(target), &request, plan, error, sizeof error) == 0,
        "%s", error);
    ck_assert_int_eq(plan->mode, mode);
    ck_assert_str_eq(plan->target->name, target);
}

START_TEST(figures_of_a_layer) {
    struct mr_plan plan;
    const int lc[] = {1, 4};
    ck_assert_int_eq(mr_plan_evaluate(&turbofan, lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(plan.layers[0].step_cycles, 50);
    ck_assert_uint_eq(plan.layers[0].lanes, 100);
    ck_assert_uint_eq(plan.layers[0].multipliers, 108);
    ck_assert_uint_eq(plan.layers[0].useful, 4 * 25 * 50 + 8 * 25);
    ck_assert_double_eq_tol(plan.layers[0].utilisation, 5200.0 / (108 * 50), 1e-12);
    ck_assert_int_eq(plan.layers[1].latency, 28);
    ck_assert_uint_eq(plan.layers[1].step_cycles, 28 + 7);
    ck_assert_uint_eq(plan.layers[1].interval, 50);
    ck_assert_uint_eq(plan.interval, 50);
    ck_assert_uint_eq(plan.multipliers, 108 + 432 + 4);
    ck_assert(!mr_plan_has_resize(&plan, 0));
    ck_assert(mr_plan_has_resize(&plan, 1));
    ck_assert_int_eq(mr_plan_channel_depth(&plan, 0), 32);
    ck_assert_int_eq(mr_plan_channel_depth(&plan, 1), 8);
}
END_TEST

START_TEST(balanced_keeps_multipliers_busy) {
    struct mr_plan plan;
    choose(&turbofan, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_int_eq(plan.layers[0].lc, 1);
    ck_assert_int_eq(plan.layers[1].lc, 1);
    ck_assert_double_gt(plan.utilisation, 0.96);
    // 64 units: two columns a cycle keep them just as busy, at twice the speed.
    const struct mr_shape wide = {.layer_count = 1, .layers = {{64, 64}}, .outputs = 1};
    choose(&wide, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_int_eq(plan.layers[0].lc, 2);
    // A small first layer does not get more than the big one needs.
    const struct mr_shape mixed = {.layer_count = 2, .layers = {{16, 32}, {32, 128}}, .outputs = 1};
    choose(&mixed, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_uint_le(plan.layers[0].step_cycles, plan.interval);
    for (int lc = 1; lc < plan.layers[0].lc; lc++) {
        const int given[] = {lc, plan.layers[1].lc};
        struct mr_plan slower;
        ck_assert_int_eq(mr_plan_evaluate(&mixed, given, &slower, NULL, 0), 0);
        ck_assert_uint_gt(slower.layers[0].step_cycles, plan.interval);
    }
}
END_TEST

// All pairs of LCs: none that fits may have a clearly smaller product, or be faster at nearly that
// product.
START_TEST(choices_match_an_exhaustive_search) {
    const uint64_t seed = 99;
    uint64_t state = seed;
    printf("plan_test: seed %llu\n", (unsigned long long)seed);
    const struct mr_target *target = mr_target_find("u50");
    ck_assert_ptr_nonnull(target);
    for (int n = 0; n < 30; n++) {
        struct mr_shape shape;
        int lc[MR_MAX_LAYERS];
        fixture_shape(&state, 90, &shape, lc);
        struct mr_plan plan;
        if (shape.layer_count == 1) {
            shape.layer_count = 2;
            shape.layers[1].inputs = shape.layers[0].hidden;
            shape.layers[1].hidden = 30;
        }
        shape.layer_count = 2;
        struct mr_plan fast;
        choose(&shape, "u50", MR_PLAN_BALANCED, &plan);
        choose(&shape, "u50", MR_PLAN_LATENCY, &fast);
        ck_assert_uint_le(fast.interval, plan.interval);
        double least = 1e300;
        uint32_t fastest = UINT32_MAX;
        for (int pass = 0; pass < 2; pass++)
            for (lc[0] = 1; lc[0] <= 32 && lc[0] <= shape.layers[0].hidden; lc[0]++)
                for (lc[1] = 1; lc[1] <= 32 && lc[1] <= shape.layers[1].hidden; lc[1]++) {
                    struct mr_plan other;
                    ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &other, NULL, 0), 0);
                    if (other.multipliers > target->dsp * 85 / 100 ||
                        other.memory.bram18 > target->bram36 * 2 * 85 / 100 ||
                        other.memory.lut > (uint64_t)target->lut * 45 / 100 * 85 / 100)
                        continue;
                    const double product = (double)other.multipliers * other.interval;
                    if (pass == 0)
                        least = product < least ? product : least;
                    else if (product <= least * 1.05 && other.interval < fastest)
                        fastest = other.interval;
                    ck_assert_uint_ge(other.interval, fast.interval);
                }
        ck_assert_uint_eq(plan.interval, fastest);
        ck_assert_double_le((double)plan.multipliers * plan.interval, least * 1.05 + 0.5);
    }
}
END_TEST

START_TEST(area_takes_one_column) {
    struct mr_plan plan;
    choose(&turbofan, "u250", MR_PLAN_AREA, &plan);
    ck_assert_int_eq(plan.layers[0].lc, 1);
    ck_assert_int_eq(plan.layers[1].lc, 1);
}
END_TEST

START_TEST(lanes_as_given) {
    struct mr_plan_request request;
    char error[512] = "";
    ck_assert_int_eq(mr_plan_parse_lanes("3,5", &request, error, sizeof error), 0);
    struct mr_plan plan;
    const struct mr_target *target = mr_target_find("U55C");
    ck_assert_int_eq(mr_plan_choose(&turbofan, target, &request, &plan, error, sizeof error), 0);
    ck_assert_int_eq(plan.layers[0].lc, 3);
    ck_assert_int_eq(plan.layers[1].lc, 5);
    ck_assert_int_eq(plan.head.lc, 5);
    ck_assert_int_eq(mr_plan_parse_lanes("2", &request, error, sizeof error), 0);
    ck_assert_int_eq(mr_plan_choose(&turbofan, target, &request, &plan, error, sizeof error), 0);
    ck_assert_int_eq(plan.layers[1].lc, 2);
    static const char *const bad[] = {"",   "0",  "33", "1,",  ",1",  "1,,2",
                                      "-1", "+1", "1 ", "1;2", "1e1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(mr_plan_parse_lanes(bad[i], &request, error, sizeof error) == -1,
                      "'%s' was taken", bad[i]);
    ck_assert_int_eq(
        mr_plan_parse_lanes("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", &request, error, sizeof error),
        -1);
    ck_assert_int_eq(mr_plan_parse_lanes("1,2,3", &request, error, sizeof error), 0);
    ck_assert_int_eq(mr_plan_choose(&turbofan, target, &request, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "given for 3 layers and the network has 2"));
    ck_assert_int_eq(mr_plan_parse_lanes("26", &request, error, sizeof error), 0);
    ck_assert_int_eq(mr_plan_choose(&turbofan, target, &request, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "layer 0 cannot take 26 columns"));
}
END_TEST

static void does_not_fit(const struct mr_shape *shape, const char *target,
                         const struct mr_plan_request *request, const char *const *expected) {
    struct mr_plan plan;
    char error[512] = "";
    ck_assert_int_eq(
        mr_plan_choose(shape, mr_target_find(target), request, &plan, error, sizeof error), -1);
    printf("plan_test: %s\n", error);
    for (; *expected; expected++)
        ck_assert_msg(strstr(error, *expected) != NULL, "no '%s' in '%s'", *expected, error);
}

START_TEST(what_does_not_fit_is_explained) {
    const struct mr_shape big = {
        .layer_count = 5,
        .layers = {{64, 256}, {256, 256}, {256, 256}, {256, 256}, {256, 256}},
        .outputs = 1};
    const struct mr_shape bigger = {.layer_count = 1, .layers = {{64, 4000}}, .outputs = 1};
    const struct mr_shape wide = {.layer_count = 1, .layers = {{64, 64}}, .outputs = 1};
    const struct mr_plan_request balanced = {.mode = MR_PLAN_BALANCED};
    const struct mr_plan_request lanes = {.mode = MR_PLAN_LANES, .lane_count = 1, .lanes = {32}};
    does_not_fit(&big, "u50", &balanced,
                 (const char *const[]){"does not fit u50", "5161 DSPs where 5059", "(102 too many)",
                                       "it would fit u55c", NULL});
    does_not_fit(&bigger, "u50", &balanced,
                 (const char *const[]){"no device of the table holds it", NULL});
    does_not_fit(
        &wide, "u50", &lanes,
        (const char *const[]){"with these lanes", "it would fit u250", "would fit u50", NULL});
}
END_TEST

START_TEST(odd_shapes_are_refused) {
    static const struct {
        struct mr_shape shape;
        const char *expected;
    } cases[] = {
        {{.layer_count = 0, .outputs = 1}, "0 LSTM layers"},
        {{.layer_count = MR_MAX_LAYERS + 1, .outputs = 1}, "17 LSTM layers"},
        {{.layer_count = 1, .layers = {{0, 5}}, .outputs = 1}, "0 inputs"},
        {{.layer_count = 1, .layers = {{5, -5}}, .outputs = 1}, "-5 hidden units"},
        {{.layer_count = 1, .layers = {{5, 2000000000}}, .outputs = 1}, "2000000000 hidden"},
        {{.layer_count = 2, .layers = {{5, 5}, {6, 5}}, .outputs = 1}, "must be equal"},
        {{.layer_count = 1, .layers = {{5, 5}}, .outputs = 0}, "0 outputs"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mr_plan_request request = {.mode = MR_PLAN_BALANCED};
        struct mr_plan plan;
        char error[512] = "";
        ck_assert_int_eq(mr_plan_choose(&cases[i].shape, mr_target_find("u55c"), &request, &plan,
                                        error, sizeof error),
                         -1);
        ck_assert_msg(strstr(error, cases[i].expected) != NULL, "%s", error);
    }
}
END_TEST

START_TEST(shapes_of_networks) {
    struct mr_lstm lstm[2] = {{.inputs = 4, .hidden = 6}, {.inputs = 6, .hidden = 3}};
    struct mr_network network = {
        .layer_count = 2, .layers = lstm, .head = {.inputs = 3, .outputs = 2, .sigmoid = true}};
    struct mr_shape shape;
    char error[512] = "";
    ck_assert_int_eq(mr_shape_of_network(&network, &shape, error, sizeof error), 0);
    ck_assert_int_eq(shape.layers[1].hidden, 3);
    ck_assert(shape.sigmoid);
    network.head.inputs = 4;
    ck_assert_int_eq(mr_shape_of_network(&network, &shape, error, sizeof error), -1);
    struct mr_quantised_layer layers[1] = {{.inputs = 4, .hidden = 6}};
    struct mr_quantised quantised = {
        .layer_count = 1, .layers = layers, .head = {.inputs = 6, .outputs = 1}};
    ck_assert_int_eq(mr_shape_of_quantised(&quantised, &shape, error, sizeof error), 0);
    ck_assert_int_eq(shape.layers[0].inputs, 4);
    ck_assert_int_eq(shape.outputs, 1);
    quantised.layer_count = 17;
    ck_assert_int_eq(mr_shape_of_quantised(&quantised, &shape, error, sizeof error), -1);
}
END_TEST

START_TEST(devices_and_memories) {
    char names[128];
    ck_assert_ptr_nonnull(mr_target_find("u50"));
    ck_assert_ptr_null(mr_target_find("u51"));
    ck_assert_ptr_null(mr_target_at(1000));
    ck_assert_ptr_nonnull(strstr(mr_target_names(names, sizeof names), "u50, u55c"));
    ck_assert_str_eq(mr_target_names(names, 4), "u50");
    ck_assert_uint_eq(mr_target_find("u55c")->dsp, 9024);
    struct mr_memory_use use = {0};
    ck_assert_int_eq(mr_memory_cost("bram", 512, 72, 3, &use), 0);
    ck_assert_uint_eq(use.bram18, 6);
    ck_assert_int_eq(mr_memory_cost("rom", 1024, 18, 1, &use), 0);
    ck_assert_uint_eq(use.bram18, 7);
    ck_assert_int_eq(mr_memory_cost("uram", 4097, 73, 1, &use), 0);
    ck_assert_uint_eq(use.uram, 4);
    ck_assert_int_eq(mr_memory_cost("lutram", 32, 14, 2, &use), 0);
    ck_assert_uint_eq(use.lut, 16);
    ck_assert_int_eq(mr_memory_cost("tape", 1, 1, 1, &use), -1);
}
END_TEST

static void place_lanes(const char *target, int layers, const int *hidden, const int *lc,
                        struct mr_plan *plan, struct mr_placement *placement) {
    struct mr_shape shape = {.layer_count = layers, .outputs = 1};
    for (int l = 0; l < layers; l++) {
        shape.layers[l].hidden = hidden[l];
        shape.layers[l].inputs = l ? hidden[l - 1] : 33;
    }
    ck_assert_int_eq(mr_plan_evaluate(&shape, lc, plan, NULL, 0), 0);
    plan->target = mr_target_find(target);
    mr_place(plan, placement);
}

static void expect_die(const struct mr_placement *at, const char *process, int die) {
    for (int i = 0; i < at->process_count; i++)
        if (strcmp(at->processes[i].name, process) == 0) {
            ck_assert_int_eq(at->processes[i].die, die);
            return;
        }
    ck_abort_msg("there is no process %s", process);
}

static void expect_crossing(const struct mr_placement *at, int i, const char *channel, int from,
                            int to, int registers) {
    ck_assert_int_lt(i, at->crossing_count);
    ck_assert_str_eq(at->crossings[i].channel, channel);
    ck_assert_int_eq(at->crossings[i].from, from);
    ck_assert_int_eq(at->crossings[i].to, to);
    ck_assert_int_eq(mr_crossing_registers(&at->crossings[i]), registers);
}

START_TEST(one_die_is_enough) {
    struct mr_plan plan;
    struct mr_placement at;
    choose(&turbofan, "u55c", MR_PLAN_BALANCED, &plan);
    mr_place(&plan, &at);
    ck_assert_int_eq(at.dies, 1);
    ck_assert_int_eq(at.first, 0);
    ck_assert_int_eq(at.process_count, 6);
    ck_assert_int_eq(at.crossing_count, 0);
    choose(&turbofan, "u200", MR_PLAN_BALANCED, &plan);
    mr_place(&plan, &at);
    ck_assert_int_eq(at.first, 1); // where the platform's shell is
    expect_die(&at, "lstm1", 1);
    plan.target = NULL;
    mr_place(&plan, &at);
    ck_assert_int_eq(at.crossing_count, 0);
}
END_TEST

START_TEST(layers_fill_dies_in_their_order) {
    struct mr_plan plan;
    struct mr_placement at;
    const int hidden[] = {33, 40, 33}, lc[] = {8, 7, 8};
    // 2,280 DSPs a die; 1,120, 1,176 and 1,120 of them.
    place_lanes("u200", 3, hidden, lc, &plan, &at);
    ck_assert_int_eq(at.dies, 3);
    expect_die(&at, "loader", 1);
    expect_die(&at, "lstm0", 1);
    expect_die(&at, "resize1", 1); // its output is the narrower one
    expect_die(&at, "lstm1", 2);
    expect_die(&at, "resize2", 0); // its input is the narrower one
    expect_die(&at, "lstm2", 0);
    expect_die(&at, "last", 0);
    expect_die(&at, "head", 1);
    expect_die(&at, "saver", 1);
    ck_assert_int_eq(at.process_count, 9);
    expect_crossing(&at, 0, "r1", 1, 2, 4);
    expect_crossing(&at, 1, "w1", 1, 2, 4);
    expect_crossing(&at, 2, "s1", 2, 1, 4);
    expect_crossing(&at, 3, "h1", 2, 0, 6);
    expect_crossing(&at, 4, "w2", 1, 0, 4);
    expect_crossing(&at, 5, "s2", 0, 1, 4);
    expect_crossing(&at, 6, "hl", 0, 1, 4);
    ck_assert_int_eq(at.crossing_count, 7);
    // With a larger die two of them fit.
    place_lanes("u250", 3, hidden, lc, &plan, &at);
    ck_assert_int_eq(at.dies, 2);
    expect_die(&at, "lstm1", 0);
    expect_die(&at, "lstm2", 1);
}
END_TEST

START_TEST(large_layers_lie_in_two_dies) {
    struct mr_plan plan;
    struct mr_placement at;
    const int hidden[] = {64, 64, 64, 64}, lc[] = {7, 7, 7, 7};
    place_lanes("u55c", 4, hidden, lc, &plan, &at); // 1,848 of 3,008 DSPs a die, four times
    ck_assert_int_eq(at.dies, 3);
    expect_die(&at, "lstm0", 0);
    expect_die(&at, "lstm3", 2);
    for (int i = 0; i < at.process_count; i++)
        ck_assert(at.processes[i].spans == (strcmp(at.processes[i].name, "lstm1") == 0 ||
                                            strcmp(at.processes[i].name, "lstm2") == 0));
}
END_TEST

// Whatever the shape: every channel that is listed joins two dies, in the order of the layers, and
// no die is fuller than it is large unless a layer spans.
START_TEST(dies_are_not_overfull) {
    const uint64_t seed = 4711;
    uint64_t state = seed;
    int split = 0;
    for (int n = 0; n < 2000; n++) {
        struct mr_shape shape;
        int lc[MR_MAX_LAYERS];
        fixture_shape(&state, 120, &shape, lc);
        struct mr_plan plan;
        struct mr_placement at;
        ck_assert_int_eq(mr_plan_evaluate(&shape, lc, &plan, NULL, 0), 0);
        plan.target = mr_target_at((size_t)fixture_between(&state, 0, 4));
        if (plan.multipliers > plan.target->dsp * 85 / 100)
            continue;
        mr_place(&plan, &at);
        uint64_t load[4] = {0};
        bool spans = false;
        for (int i = 0; i < at.process_count; i++) {
            const struct mr_placed *placed = &at.processes[i];
            ck_assert_int_lt(placed->die, (int)plan.target->slrs);
            spans = spans || placed->spans;
            if (strncmp(placed->name, "lstm", 4) == 0)
                load[placed->die] += plan.layers[atoi(placed->name + 4)].multipliers;
        }
        for (uint32_t die = 0; die < plan.target->slrs && !spans; die++)
            ck_assert_uint_le(load[die] * plan.target->slrs, plan.target->dsp * 95 / 100);
        for (int i = 0; i < at.crossing_count; i++)
            ck_assert_int_ne(at.crossings[i].from, at.crossings[i].to);
        ck_assert((at.crossing_count > 0) == (at.dies > 1));
        split += at.dies > 1;
    }
    ck_assert_int_gt(split, 100);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, figures_of_a_layer);
    tcase_add_test(tests, balanced_keeps_multipliers_busy);
    tcase_add_test(tests, choices_match_an_exhaustive_search);
    tcase_add_test(tests, area_takes_one_column);
    tcase_add_test(tests, lanes_as_given);
    tcase_add_test(tests, what_does_not_fit_is_explained);
    tcase_add_test(tests, odd_shapes_are_refused);
    tcase_add_test(tests, shapes_of_networks);
    tcase_add_test(tests, devices_and_memories);
    tcase_add_test(tests, one_die_is_enough);
    tcase_add_test(tests, layers_fill_dies_in_their_order);
    tcase_add_test(tests, large_layers_lie_in_two_dies);
    tcase_add_test(tests, dies_are_not_overfull);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
