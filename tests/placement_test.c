// SPDX-License-Identifier: Apache-2.0
// Which die of a card each process lies in, and which channels have registers between dies.
#define _POSIX_C_SOURCE 200809L
#include "plan_fixture.h"

static void place_lanes(const char *target, int layers, const int *hidden, const int *lc,
                        struct mr_pipeline *pipeline) {
    struct mr_network network;
    struct mr_plan plan;
    fixture_chain(&network, 33, layers, hidden, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    plan.target = mr_target_find(target);
    mr_pipeline_make(&plan, pipeline);
    mr_network_free(&network);
}

static const struct mr_process *process_of(const struct mr_pipeline *pipeline, const char *name) {
    for (int i = 0; i < pipeline->process_count; i++)
        if (strcmp(pipeline->processes[i].name, name) == 0)
            return &pipeline->processes[i];
    ck_abort_msg("there is no process %s", name);
    return NULL;
}

static void expect_die(const struct mr_pipeline *pipeline, const char *process, int die) {
    ck_assert_int_eq(process_of(pipeline, process)->die, die);
}

static int crossings(const struct mr_pipeline *pipeline) {
    int count = 0;
    for (int i = 0; i < pipeline->channel_count; i++)
        count += pipeline->channels[i].crossing > 0;
    return count;
}

static void expect_crossing(const struct mr_pipeline *pipeline, const char *name, int from, int to,
                            int registers) {
    for (int i = 0; i < pipeline->channel_count; i++) {
        const struct mr_channel *channel = &pipeline->channels[i];
        if (strcmp(channel->name, name) != 0)
            continue;
        ck_assert_int_eq(pipeline->processes[channel->writer].die, from);
        ck_assert_int_eq(pipeline->processes[channel->reader].die, to);
        ck_assert_int_eq(channel->crossing, registers);
        return;
    }
    ck_abort_msg("there is no channel %s", name);
}

START_TEST(one_die_is_enough) {
    struct mr_network network = fixture_turbofan();
    struct mr_plan plan;
    struct mr_pipeline pipeline;
    fixture_choose(&network, "u55c", MR_PLAN_BALANCED, &plan);
    mr_pipeline_make(&plan, &pipeline);
    ck_assert_int_eq(pipeline.dies, 1);
    ck_assert_int_eq(pipeline.first_die, 0);
    ck_assert_int_eq(pipeline.process_count, 6);
    ck_assert_int_eq(crossings(&pipeline), 0);
    fixture_choose(&network, "u200", MR_PLAN_BALANCED, &plan);
    mr_pipeline_make(&plan, &pipeline);
    ck_assert_int_eq(pipeline.first_die, 1); // where the platform's shell is
    expect_die(&pipeline, "lstm1", 1);
    plan.target = NULL;
    mr_pipeline_make(&plan, &pipeline);
    ck_assert_int_eq(crossings(&pipeline), 0);
    mr_network_free(&network);
}
END_TEST

START_TEST(layers_fill_dies_in_their_order) {
    struct mr_pipeline at;
    const int hidden[] = {33, 40, 33}, lc[] = {8, 7, 8};
    // 2,280 DSPs a die; 1,120, 1,176 and 1,120 of them.
    place_lanes("u200", 3, hidden, lc, &at);
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
    expect_crossing(&at, "resize1_out", 1, 2, 4);
    expect_crossing(&at, "lstm1_weights", 1, 2, 4);
    expect_crossing(&at, "lstm1_state", 2, 1, 4);
    expect_crossing(&at, "lstm1_out", 2, 0, 6);
    expect_crossing(&at, "lstm2_weights", 1, 0, 4);
    expect_crossing(&at, "lstm2_state", 0, 1, 4);
    expect_crossing(&at, "last_out", 0, 1, 4);
    ck_assert_int_eq(crossings(&at), 7);
    // With a larger die two of them fit.
    place_lanes("u250", 3, hidden, lc, &at);
    ck_assert_int_eq(at.dies, 2);
    expect_die(&at, "lstm1", 0);
    expect_die(&at, "lstm2", 1);
}
END_TEST

START_TEST(large_layers_lie_in_two_dies) {
    struct mr_pipeline at;
    const int hidden[] = {64, 64, 64, 64}, lc[] = {7, 7, 7, 7};
    place_lanes("u55c", 4, hidden, lc, &at); // 1,848 of 3,008 DSPs a die, four times
    ck_assert_int_eq(at.dies, 3);
    expect_die(&at, "lstm0", 0);
    expect_die(&at, "lstm3", 2);
    for (int i = 0; i < at.process_count; i++)
        ck_assert(at.processes[i].spans == (strcmp(at.processes[i].name, "lstm1") == 0 ||
                                            strcmp(at.processes[i].name, "lstm2") == 0));
}
END_TEST

// Registers at each border that columns cross on their way to lanes, and one beside the layer; all
// that the layer does is so much later, and the lanes lie along the dies.
START_TEST(lanes_lie_in_several_dies) {
    static const struct {
        const char *target;
        int lc, crossing, dies[5]; // of fifths of the lanes
    } cases[] = {
        {"u55c", 4, 0, {0}},              // 2,240 multipliers of 3,008
        {"u55c", 9, 3, {0, 0, 1, 1, 1}},  // in two dies
        {"u55c", 14, 3, {0, 0, 1, 2, 2}}, // in three, about the middle one
        {"u200", 10, 5, {1, 1, 2, 0, 0}}, // whose order is 1, 2, 0
        {"u250", 20, 5, {0, 1, 2, 2, 3}}, // in four, about the third
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct mr_target *target = mr_target_find(cases[i].target);
        struct mr_network network;
        struct mr_plan plan, one;
        struct mr_pipeline at;
        const int hidden = 128;
        fixture_chain(&network, 16, 1, &hidden, 1, MR_ACTIVATION_LINEAR);
        ck_assert_int_eq(fixture_evaluate(&network, &cases[i].lc, &one, NULL, 0), 0);
        plan = one;
        fixture_place_ways(target, &cases[i].lc, &plan);
        plan.target = target;
        mr_pipeline_make(&plan, &at);
        ck_assert_int_eq(plan.ops[0].layout.crossing, cases[i].crossing);
        ck_assert_uint_eq(plan.interval, one.interval + (uint32_t)cases[i].crossing);
        ck_assert_uint_eq(plan.multipliers, one.multipliers);
        for (int k = 0; k < at.process_count && cases[i].crossing; k++)
            for (int part = 0; part < 5 && at.processes[k].spans; part++)
                ck_assert_int_eq(mr_place_of(target, &at.processes[k], (2 * part + 1) / 10.0),
                                 cases[i].dies[part]);
        mr_network_free(&network);
    }
}
END_TEST

// Lanes that are too few for tiles (MR_TILE_LANES_MIN) have no way of their own, wherever they lie.
START_TEST(few_lanes_have_no_way) {
    const struct mr_target *target = mr_target_find("u50");
    const int hidden[] = {100, 4, 100}, lc[] = {7, 1, 7}; // 2,856 multipliers of 2,976 a die, twice
    struct mr_network network;
    struct mr_plan plan;
    struct mr_pipeline at;
    fixture_chain(&network, 16, 3, hidden, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    fixture_place_ways(target, lc, &plan);
    plan.target = target;
    mr_pipeline_make(&plan, &at);
    ck_assert(process_of(&at, "lstm1")->spans);
    ck_assert_int_eq(plan.ops[1].layout.crossing, 0);
    mr_network_free(&network);
}
END_TEST

// What gives the outputs is at the memory ports; what takes vectors as they come is where they are.
START_TEST(outputs_are_at_the_memory_ports) {
    struct mr_network network;
    struct mr_plan plan;
    struct mr_pipeline at;
    const int lc[] = {8, 8};
    ck_assert_int_eq(mr_network_create(&network, 33), 0);
    const int h0 = net_add(&network, "lstm", 0, 50, MR_ACTIVATION_LINEAR);
    const int h1 = net_add(&network, "lstm", h0, 50, MR_ACTIVATION_LINEAR);
    const int between = net_add(&network, "dense", h1, 4, MR_ACTIVATION_RELU);
    fixture_output(&network, net_add(&network, "dense", between, 4, MR_ACTIVATION_LINEAR));
    fixture_output(&network, h1);
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    plan.target = mr_target_find("u200");
    mr_pipeline_make(&plan, &at);
    expect_die(&at, "lstm0", 1);
    expect_die(&at, "lstm1", 2);
    expect_die(&at, "fork0", 2);
    expect_die(&at, "head", 2);
    expect_die(&at, "head1", 1);
    expect_die(&at, "unpack0", 1);
    expect_die(&at, "gather0", 1);
    expect_crossing(&at, "head_out", 2, 1, 4);
    expect_crossing(&at, "fork0_b", 2, 1, 4);
    ck_assert_int_eq(crossings(&at), 6); // and weights of lstm1 and head, state, lstm0_out
    mr_network_free(&network);
}
END_TEST

// Whatever the network: a channel has registers where it joins two dies, and no die is fuller than
// it is large unless an operator spans.
START_TEST(dies_are_not_overfull) {
    const uint64_t seed = 4711;
    uint64_t state = seed;
    int split = 0;
    printf("placement_test: seed %llu\n", (unsigned long long)seed);
    for (int n = 0; n < 2000; n++) {
        struct mr_network network;
        int lc[MR_MAX_LAYERS];
        struct mr_plan plan;
        struct mr_pipeline at;
        (n % 2 ? fixture_random_chain : fixture_random_graph)(&state, 120, &network, lc);
        ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
        plan.target = mr_target_at((size_t)random_between(&state, 0, 4));
        if (plan.multipliers <= plan.target->dsp * 85 / 100) {
            uint64_t load[4] = {0};
            bool spans = false;
            mr_pipeline_make(&plan, &at);
            for (int i = 0; i < at.process_count; i++) {
                const struct mr_process *process = &at.processes[i];
                ck_assert_int_lt(process->die, (int)plan.target->slrs);
                spans = spans || process->spans;
                if (process->part == MR_PART_OP)
                    load[process->die] += plan.ops[process->op].cost.multipliers;
            }
            for (uint32_t die = 0; die < plan.target->slrs && !spans; die++)
                ck_assert_uint_le(load[die] * plan.target->slrs, plan.target->dsp * 95 / 100);
            for (int i = 0; i < at.channel_count; i++) {
                const struct mr_channel *channel = &at.channels[i];
                const bool inside = channel->writer >= 0 && channel->reader >= 0;
                ck_assert((channel->crossing > 0) ==
                          (inside &&
                           at.processes[channel->writer].die != at.processes[channel->reader].die));
            }
            ck_assert((crossings(&at) > 0) == (at.dies > 1));
            split += at.dies > 1;
        }
        mr_network_free(&network);
    }
    ck_assert_int_gt(split, 100);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("placement");
    TCase *tests = tcase_create("placement");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, one_die_is_enough);
    tcase_add_test(tests, layers_fill_dies_in_their_order);
    tcase_add_test(tests, large_layers_lie_in_two_dies);
    tcase_add_test(tests, lanes_lie_in_several_dies);
    tcase_add_test(tests, few_lanes_have_no_way);
    tcase_add_test(tests, outputs_are_at_the_memory_ports);
    tcase_add_test(tests, dies_are_not_overfull);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
