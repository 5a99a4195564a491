// SPDX-License-Identifier: Apache-2.0
// The planner: its choices against an exhaustive search, and what it says when nothing fits.
// plan_figures_test has the figures of what is given.
#define _POSIX_C_SOURCE 200809L
#include "plan_fixture.h"

#include <time.h>

// The way of a step: columns of x and h, and D, of each layer; with any pace.
static uint32_t way_of(const struct mr_plan *plan) {
    uint32_t way = 0;
    for (int i = 0; i < plan->network->op_count; i++)
        way += plan->ops[i].cost.way;
    return way;
}

// Each mode is the best at what it is for, and LATENCY is not.
START_TEST(modes_for_a_step_and_for_many_sequences) {
    struct mr_network network = fixture_turbofan();
    const struct mr_target *target = mr_target_find("u55c");
    struct mr_plan fast, step, many;
    char error[300] = "";
    const struct mr_plan_request latency = {.mode = MR_PLAN_LATENCY, .dsps = 1500};
    const struct mr_plan_request alone = {.mode = MR_PLAN_STEP, .dsps = 1500};
    const struct mr_plan_request throughput = {.mode = MR_PLAN_THROUGHPUT, .dsps = 1500};
    ck_assert_int_eq(mr_plan_choose(&network, target, &latency, &fast, error, sizeof error), 0);
    ck_assert_int_eq(mr_plan_choose(&network, target, &alone, &step, error, sizeof error), 0);
    ck_assert_int_eq(mr_plan_choose(&network, target, &throughput, &many, error, sizeof error), 0);
    ck_assert_uint_le(step.multipliers, 1500);
    ck_assert_uint_le(many.multipliers, 1500);
    // By hand: x and h of 25 in 5 columns a cycle and D 29 of each layer; none can have one more.
    ck_assert_uint_eq(fast.ops[0].cost.way, 5 + 5 + 29);
    ck_assert_uint_le(way_of(&step), way_of(&fast));
    ck_assert_int_eq(step.slots, 1);
    // Lanes of 6 columns have 5 words too: 10 cycles a row, with 4 slots.
    ck_assert_uint_eq(many.interval, 10);
    ck_assert_int_eq(many.slots, 4);
    ck_assert_uint_lt(many.interval, fast.interval);
    for (int slots = 1; slots <= MR_PLAN_SLOTS; slots *= 2) {
        struct mr_plan other;
        const struct mr_plan_request request = {
            .mode = MR_PLAN_THROUGHPUT, .dsps = 1500, .slots = slots};
        ck_assert_int_eq(mr_plan_choose(&network, target, &request, &other, error, sizeof error),
                         0);
        ck_assert_int_eq(other.slots, slots);
        ck_assert_uint_ge(other.interval, many.interval);
    }
    // Fewer cycles than one sequence alone can have, by the fewest multipliers of all slots.
    struct mr_plan_request paced = {.mode = MR_PLAN_THROUGHPUT, .step_cycles = 15};
    uint64_t fewest = UINT64_MAX;
    ck_assert_int_eq(mr_plan_choose(&network, target, &paced, &many, error, sizeof error), 0);
    ck_assert_uint_le(many.interval, 15);
    for (int slots = 1; slots <= MR_PLAN_SLOTS; slots *= 2) {
        struct mr_plan other;
        const struct mr_plan_request request = {
            .mode = MR_PLAN_AREA, .step_cycles = 15, .slots = (uint32_t)slots};
        const int refused = mr_plan_choose(&network, target, &request, &other, error, sizeof error);
        ck_assert(refused || slots > 1);
        if (!refused && other.multipliers < fewest)
            fewest = other.multipliers;
    }
    ck_assert_uint_eq(many.multipliers, fewest);
    // What is named as the least can be had.
    paced.step_cycles = 1;
    ck_assert_int_eq(mr_plan_choose(&network, target, &paced, &many, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "is the least that this network can have there, with"));
    paced.step_cycles = (uint32_t)strtoul(strstr(error, "step; ") + 6, NULL, 10);
    ck_assert_int_eq(mr_plan_choose(&network, target, &paced, &many, error, sizeof error), 0);
    ck_assert_uint_eq(many.interval, paced.step_cycles);
    const struct mr_plan_request none = {.mode = MR_PLAN_STEP, .dsps = 1};
    ck_assert_int_eq(mr_plan_choose(&network, target, &none, &step, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "even with the fewest lanes"));
    mr_network_free(&network);
}
END_TEST

// By hand: 64 inputs and units in 16 words, D 28.
START_TEST(the_columns_of_h_may_go_first) {
    const struct mr_target *target = mr_target_find("u55c");
    struct mr_network network;
    struct mr_plan plan;
    char error[300] = "";
    fixture_chain(&network, 64, 3, (const int[]){64, 64, 64}, 1, MR_ACTIVATION_LINEAR);
    const struct mr_op_layout layouts[] = {{.lc = 4, .passes = 1},
                                           {.lc = 4, .passes = 1, .h_first = true},
                                           {.lc = 4, .passes = 2, .h_first = true}};
    ck_assert_int_eq(mr_plan_evaluate(&network, layouts, 1, &plan, error, sizeof error), 0);
    const struct mr_op_cost *x_first = &plan.ops[0].cost, *h_first = &plan.ops[1].cost,
                            *in_passes = &plan.ops[2].cost;
    ck_assert_uint_eq(x_first->row_cycles, 28 + 16);
    ck_assert_uint_eq(x_first->way, 16 + 28 + 16);
    ck_assert_uint_eq(h_first->row_cycles, 16 + 16 + 28);
    ck_assert_uint_eq(h_first->before, 16);
    ck_assert_uint_eq(h_first->way, 28 + 16);
    ck_assert_uint_eq(in_passes->row_cycles, 2 * (16 + 16) + 2 * 16); // for 28 - 8
    ck_assert_uint_eq(in_passes->before, 2 * 16);
    ck_assert_uint_eq(in_passes->way, 16 + 28 + 8);
    ck_assert_int_eq(mr_plan_evaluate(&network, layouts, 2, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "lstm1 cannot take the columns of h first where 2"));
    // Where a step comes alone, and nowhere else, all layers but the first one gain by it.
    for (enum mr_plan_mode mode = MR_PLAN_BALANCED; mode <= MR_PLAN_THROUGHPUT; mode++) {
        const struct mr_plan_request request = {
            .mode = mode, .layout_count = 1, .layouts = {{.lc = 2, .passes = 1}}};
        ck_assert_int_eq(mr_plan_choose(&network, target, &request, &plan, error, sizeof error), 0);
        for (int l = mode == MR_PLAN_STEP; l < 3; l++)
            ck_assert_int_eq(plan.ops[l].layout.h_first, mode == MR_PLAN_STEP);
    }
    mr_network_free(&network);
}
END_TEST

START_TEST(balanced_keeps_multipliers_busy) {
    struct mr_network network = fixture_turbofan();
    struct mr_plan plan;
    fixture_choose(&network, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_int_eq(plan.ops[0].layout.lc, 1);
    ck_assert_int_eq(plan.ops[1].layout.lc, 1);
    ck_assert_double_gt(plan.utilisation, 0.96);
    mr_network_free(&network);
    // 64 units: two columns a cycle keep them just as busy, at twice the speed.
    fixture_chain(&network, 64, 1, (const int[]){64}, 1, MR_ACTIVATION_LINEAR);
    fixture_choose(&network, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_int_eq(plan.ops[0].layout.lc, 2);
    mr_network_free(&network);
    // A small first layer does not get more than the big one needs.
    fixture_chain(&network, 16, 2, (const int[]){32, 128}, 1, MR_ACTIVATION_LINEAR);
    fixture_choose(&network, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_uint_le(plan.ops[0].cost.row_cycles, plan.interval);
    for (int lc = 1; lc < plan.ops[0].layout.lc; lc++) {
        const int given[] = {lc, plan.ops[1].layout.lc};
        struct mr_plan slower;
        ck_assert_int_eq(fixture_evaluate(&network, given, &slower, NULL, 0), 0);
        ck_assert_uint_gt(slower.ops[0].cost.row_cycles, plan.interval);
    }
    mr_network_free(&network);
}
END_TEST

// A head that gives a number a cycle at every step is what the others need not be faster than.
START_TEST(operators_at_every_step_set_the_pace) {
    struct mr_network network;
    ck_assert_int_eq(mr_network_create(&network, 64), 0);
    const int h = net_add(&network, "lstm", 0, 64, MR_ACTIVATION_LINEAR);
    fixture_output(&network, net_add(&network, "dense", h, 200, MR_ACTIVATION_LINEAR));
    struct mr_plan plan;
    const int lc = 4;
    ck_assert_int_eq(fixture_evaluate(&network, &lc, &plan, NULL, 0), 0);
    ck_assert_uint_eq(plan.ops[0].cost.row_cycles, 28 + 16);
    ck_assert_uint_eq(plan.ops[1].cost.row_cycles, 16 + 200);
    ck_assert_uint_eq(plan.interval, 216);
    ck_assert_double_eq_tol(plan.ops[1].utilisation, 64 * 200.0 / (4 * 200 * 216), 1e-12);
    ck_assert_double_eq_tol(plan.utilisation, (256 * 128 + 8 * 64.0) / ((1024 + 32) * 216), 1e-12);
    fixture_choose(&network, "u55c", MR_PLAN_BALANCED, &plan);
    ck_assert_int_eq(plan.ops[0].layout.lc, 1);
    ck_assert_uint_eq(plan.interval, 264);
    mr_network_free(&network);
    // As a layer between two others it has their vectors.
    ck_assert_int_eq(mr_network_create(&network, 9), 0);
    int stream = net_add(&network, "dense", 0, 6, MR_ACTIVATION_RELU);
    stream = net_add(&network, "lstm", stream, 10, MR_ACTIVATION_LINEAR);
    stream = net_add(&network, "dense", stream, 8, MR_ACTIVATION_TANH);
    fixture_output(&network, net_add(&network, "lstm", stream, 5, MR_ACTIVATION_LINEAR));
    const int lanes[] = {3, 5};
    ck_assert_int_eq(fixture_evaluate(&network, lanes, &plan, NULL, 0), 0);
    static const int expected[] = {3, 3, 3, 5};
    ck_assert_int_eq(plan.x_lc, 3);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(plan.ops[i].layout.lc, expected[i]);
        ck_assert_int_eq(plan.ops[i].layout.out_lc, expected[i]);
        ck_assert(mr_plan_has_resize(&plan, i, network.ops[i].input) == (i == 3));
    }
    mr_network_free(&network);
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
        struct mr_network network;
        const int hidden[] = {random_between(&state, 1, 90), random_between(&state, 1, 90)};
        fixture_chain(&network, random_between(&state, 1, 90), 2, hidden, 1, MR_ACTIVATION_LINEAR);
        int lc[MR_MAX_LAYERS];
        struct mr_plan plan, fast;
        fixture_choose(&network, "u50", MR_PLAN_BALANCED, &plan);
        fixture_choose(&network, "u50", MR_PLAN_LATENCY, &fast);
        ck_assert_uint_le(fast.interval, plan.interval);
        double least = 1e300;
        uint32_t fastest = UINT32_MAX;
        for (int pass = 0; pass < 2; pass++)
            for (lc[0] = 1; lc[0] <= 32 && lc[0] <= hidden[0]; lc[0]++)
                for (lc[1] = 1; lc[1] <= 32 && lc[1] <= hidden[1]; lc[1]++) {
                    struct mr_plan other;
                    ck_assert_int_eq(fixture_evaluate(&network, lc, &other, NULL, 0), 0);
                    fixture_place_ways(target, lc, &other);
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
        mr_network_free(&network);
    }
}
END_TEST

START_TEST(area_takes_one_column) {
    struct mr_network network = fixture_turbofan();
    struct mr_plan plan;
    fixture_choose(&network, "u250", MR_PLAN_AREA, &plan);
    ck_assert_int_eq(plan.ops[0].layout.lc, 1);
    ck_assert_int_eq(plan.ops[1].layout.lc, 1);
    mr_network_free(&network);
}
END_TEST

START_TEST(lanes_as_given) {
    struct mr_network network = fixture_turbofan();
    struct mr_plan_request request = {.mode = MR_PLAN_LANES,
                                      .layout_count = 2,
                                      .layouts = {{.lc = 3, .passes = 1}, {.lc = 5, .passes = 1}}};
    char error[512] = "";
    struct mr_plan plan;
    const struct mr_target *target = mr_target_find("U55C");
    ck_assert_int_eq(mr_plan_choose(&network, target, &request, &plan, error, sizeof error), 0);
    ck_assert_int_eq(plan.ops[0].layout.lc, 3);
    ck_assert_int_eq(plan.ops[1].layout.lc, 5);
    ck_assert_int_eq(plan.ops[2].layout.lc, 5);
    ck_assert_int_eq(plan.ops[3].layout.lc, 5);
    ck_assert_int_eq(plan.ops[3].layout.out_lc, 0);
    request = (struct mr_plan_request){
        .mode = MR_PLAN_LANES, .layout_count = 1, .layouts = {{.lc = 2, .passes = 1}}};
    ck_assert_int_eq(mr_plan_choose(&network, target, &request, &plan, error, sizeof error), 0);
    ck_assert_int_eq(plan.ops[1].layout.lc, 2);
    request.layout_count = 3;
    ck_assert_int_eq(mr_plan_choose(&network, target, &request, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "given for 3 layers and the network has 2"));
    request = (struct mr_plan_request){
        .mode = MR_PLAN_LANES, .layout_count = 1, .layouts = {{.lc = 26, .passes = 1}}};
    ck_assert_int_eq(mr_plan_choose(&network, target, &request, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "lstm0 cannot take 26 columns"));
    mr_network_free(&network);
}
END_TEST

static void does_not_fit(int inputs, int layers, const int *hidden, const char *target,
                         const struct mr_plan_request *request, const char *const *expected) {
    struct mr_network network;
    struct mr_plan plan;
    char error[512] = "";
    fixture_chain(&network, inputs, layers, hidden, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(
        mr_plan_choose(&network, mr_target_find(target), request, &plan, error, sizeof error), -1);
    printf("plan_test: %s\n", error);
    for (; *expected; expected++)
        ck_assert_msg(strstr(error, *expected) != NULL, "no '%s' in '%s'", *expected, error);
    mr_network_free(&network);
}

START_TEST(what_does_not_fit_is_explained) {
    static const int big[] = {600, 600, 600, 600, 600}, bigger[] = {4000}, wide[] = {64};
    const struct mr_plan_request balanced = {.mode = MR_PLAN_BALANCED};
    const struct mr_plan_request lanes = {
        .mode = MR_PLAN_LANES, .layout_count = 1, .layouts = {{.lc = 32, .passes = 1}}};
    does_not_fit(64, 5, big, "u50", &balanced,
                 (const char *const[]){"does not fit u50", "UltraRAMs where 544 may be used",
                                       "too many)", "it would fit u55c",
                                       "weights of 8 bits (--precision w8a16) would fit u50",
                                       NULL});
    does_not_fit(64, 1, bigger, "u50", &balanced,
                 (const char *const[]){"no device of the table holds it", NULL});
    does_not_fit(
        64, 1, wide, "u50", &lanes,
        (const char *const[]){"with these lanes", "it would fit u250", "would fit u50", NULL});
}
END_TEST

// Deep memories go to UltraRAM, which two ports read; shallow ones stay in block RAM or LUTs.
START_TEST(weights_lie_where_there_is_room) {
    static const struct mr_precision precisions[] = {{8, 8}, {16, 16}};
    const struct mr_plan_request request = {.mode = MR_PLAN_LATENCY, .budget = 90};
    struct mr_network network;
    struct mr_plan plan;
    char error[512] = "";
    fixture_chain(&network, 1024, 1, (const int[]){1024}, 1, MR_ACTIVATION_LINEAR);
    for (int i = 0; i < 2; i++) {
        network.ops[0].precision = precisions[i];
        ck_assert_msg(mr_plan_choose(&network, mr_target_find("u55c"), &request, &plan, error,
                                     sizeof error) == 0,
                      "%s", error);
        ck_assert_int_eq(plan.ops[0].layout.memory, MR_STORAGE_URAM);
        ck_assert_int_eq(plan.ops[0].layout.ports, 2);
        ck_assert_uint_gt(plan.memory.uram, 432);
        ck_assert_uint_le(plan.memory.uram, 864);
    }
    mr_network_free(&network);
    network = fixture_turbofan();
    fixture_choose(&network, "u55c", MR_PLAN_BALANCED, &plan);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(plan.ops[i].layout.memory, MR_STORAGE_LUTRAM);
        ck_assert_int_eq(plan.ops[i].layout.ports, 1);
    }
    mr_network_free(&network);
}
END_TEST

// What no kind of memory holds alone lies in two: the first lanes in one, the rest in the other. As
// large as UltraRAM and block RAM together.
START_TEST(large_layers_lie_in_two_kinds) {
    static const struct {
        const char *cell;
        int units, bits;
    } cases[] = {{"lstm", 2048, 8}, {"lstm", 1536, 16}};
    const struct mr_plan_request request = {.mode = MR_PLAN_LATENCY, .budget = 90};
    const struct mr_target *target = mr_target_find("u55c");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_network network;
        struct mr_plan plan;
        char error[512] = "";
        ck_assert_int_eq(mr_network_create(&network, cases[i].units), 0);
        fixture_output(&network,
                       net_add(&network, cases[i].cell, 0, cases[i].units, MR_ACTIVATION_LINEAR));
        network.ops[0].precision = (struct mr_precision){cases[i].bits, cases[i].bits};
        ck_assert_msg(mr_plan_choose(&network, target, &request, &plan, error, sizeof error) == 0,
                      "%s", error);
        const struct mr_op_layout *layout = &plan.ops[0].layout;
        ck_assert_int_gt(layout->rest_from, 0);
        ck_assert_int_lt(layout->rest_from, mr_op_lane_units(&network.ops[0], layout));
        ck_assert_int_ne(layout->memory, layout->rest);
        ck_assert_uint_gt(plan.memory.uram, target->uram * 80 / 100);
        ck_assert_uint_le(plan.memory.uram, target->uram * 90 / 100);
        ck_assert_uint_gt(plan.memory.bram18, 2 * target->bram36 * 80 / 100);
        ck_assert_uint_le(plan.memory.bram18, 2 * target->bram36 * 90 / 100);
        mr_network_free(&network);
    }
}
END_TEST

// The smallest in time: what has less time is no smaller, and fails in the end.
START_TEST(smallest_networks_in_time) {
    static const uint32_t steps[] = {1, 7, 50};
    struct mr_network network;
    fixture_chain(&network, 30, 3, (const int[]){40, 64, 20}, 1, MR_ACTIVATION_LINEAR);
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        uint64_t larger = 0;
        char error[512] = "";
        for (uint64_t cycles = 200000; cycles > 10; cycles = cycles * 3 / 4) {
            const struct mr_plan_request request = {
                .mode = MR_PLAN_AREA, .within_cycles = cycles, .within_steps = steps[s]};
            struct mr_plan plan;
            if (mr_plan_choose(&network, mr_target_find("u55c"), &request, &plan, error,
                               sizeof error))
                break;
            ck_assert_uint_le(mr_plan_sequence_cycles(&plan, steps[s]), cycles);
            ck_assert_uint_ge(plan.multipliers, larger);
            larger = plan.multipliers;
        }
        ck_assert_uint_gt(larger, 1000);
        // What is named as the least can be had, and no less.
        const char *about = strstr(error, "about ");
        ck_assert_ptr_nonnull(strstr(error, "is the least that this network can have there"));
        ck_assert_ptr_nonnull(about);
        struct mr_plan_request request = {.mode = MR_PLAN_AREA,
                                          .within_cycles = strtoull(about + 6, NULL, 10),
                                          .within_steps = steps[s]};
        for (int less = 0; less < 2; less++) {
            struct mr_plan plan;
            ck_assert_int_eq(mr_plan_choose(&network, mr_target_find("u55c"), &request, &plan,
                                            error, sizeof error),
                             less ? -1 : 0);
            request.within_cycles--;
        }
    }
    // A step alone has as little as the shortest way takes.
    struct mr_plan shortest, plan;
    fixture_choose(&network, "u55c", MR_PLAN_STEP, &shortest);
    const struct mr_plan_request request = {.mode = MR_PLAN_AREA,
                                            .within_cycles = mr_plan_sequence_cycles(&shortest, 1),
                                            .within_steps = 1};
    ck_assert_int_eq(mr_plan_choose(&network, mr_target_find("u55c"), &request, &plan, NULL, 0), 0);
    mr_network_free(&network);
}
END_TEST

static double processor_time(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Of the most layers, all of different sizes, by every wish.
START_TEST(the_longest_stack_takes_less_than_a_second) {
    static const enum mr_plan_mode modes[] = {MR_PLAN_BALANCED, MR_PLAN_LATENCY, MR_PLAN_STEP,
                                              MR_PLAN_THROUGHPUT};
    int hidden[MR_MAX_LAYERS];
    struct mr_network network;
    for (int l = 0; l < MR_MAX_LAYERS; l++)
        hidden[l] = 16 + l % 50;
    fixture_chain(&network, 40, MR_MAX_LAYERS, hidden, 1, MR_ACTIVATION_LINEAR);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct mr_plan plan;
        const double begin = processor_time();
        fixture_choose(&network, "u250", modes[i], &plan);
        ck_assert_double_lt(processor_time() - begin, 1);
    }
    // Of a network that does not fit too.
    const double begin = processor_time();
    const struct mr_plan_request none = {.mode = MR_PLAN_LATENCY, .dsps = 100};
    struct mr_plan plan;
    char error[1024] = "";
    ck_assert_int_eq(
        mr_plan_choose(&network, mr_target_find("u50"), &none, &plan, error, sizeof error), -1);
    ck_assert_double_lt(processor_time() - begin, 1);
    ck_assert_ptr_nonnull(strstr(error, "without --dsps it would fit u50"));
    mr_network_free(&network);
}
END_TEST

// A layer's h lies in LUTs, of so many words at most.
START_TEST(large_layers_take_several_columns) {
    struct mr_network network;
    struct mr_plan plan;
    char error[512] = "";
    fixture_chain(&network, 20, 1, (const int[]){1025}, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(fixture_evaluate(&network, (const int[]){1}, &plan, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "give it 2 columns or more"));
    fixture_choose(&network, "u250", MR_PLAN_AREA, &plan);
    ck_assert_int_eq(plan.ops[0].layout.lc, 2);
    mr_network_free(&network);
}
END_TEST

START_TEST(devices) {
    char names[128];
    ck_assert_ptr_nonnull(mr_target_find("u50"));
    ck_assert_ptr_null(mr_target_find("u51"));
    ck_assert_ptr_null(mr_target_at(1000));
    ck_assert_ptr_nonnull(strstr(mr_target_names(names, sizeof names), "u50, u55c"));
    ck_assert_str_eq(mr_target_names(names, 4), "u50");
    ck_assert_uint_eq(mr_target_find("u55c")->dsp, 9024);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, modes_for_a_step_and_for_many_sequences);
    tcase_add_test(tests, the_columns_of_h_may_go_first);
    tcase_add_test(tests, balanced_keeps_multipliers_busy);
    tcase_add_test(tests, operators_at_every_step_set_the_pace);
    tcase_add_test(tests, choices_match_an_exhaustive_search);
    tcase_add_test(tests, area_takes_one_column);
    tcase_add_test(tests, lanes_as_given);
    tcase_add_test(tests, what_does_not_fit_is_explained);
    tcase_add_test(tests, weights_lie_where_there_is_room);
    tcase_add_test(tests, large_layers_lie_in_two_kinds);
    tcase_add_test(tests, the_longest_stack_takes_less_than_a_second);
    tcase_add_test(tests, smallest_networks_in_time);
    tcase_add_test(tests, large_layers_take_several_columns);
    tcase_add_test(tests, devices);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
