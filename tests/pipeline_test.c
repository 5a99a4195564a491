// SPDX-License-Identifier: Apache-2.0
// The pipeline of random graphs: every channel has one writer before its reader and elements that
// both take, and the numbers of y are those of the network.
#define _POSIX_C_SOURCE 200809L
#include "plan_fixture.h"

#include <string.h>

static struct mr_pipeline pipeline;

static int place_in(const struct mr_process *process, int channel) {
    for (int i = 0; i < process->port_count; i++)
        if (pipeline.ports[process->first_port + i] == channel)
            return i;
    return -1;
}

static void check_channel(int index) {
    const struct mr_channel *channel = &pipeline.channels[index];
    const int writer = channel->writer, reader = channel->reader;
    ck_assert(writer >= 0 || reader >= 0);
    if (writer >= 0 && reader >= 0)
        ck_assert_int_lt(writer, reader);
    int ports = 0;
    for (int i = 0; i < pipeline.process_count; i++) {
        const int at = place_in(&pipeline.processes[i], index);
        ck_assert((at >= 0) == (i == writer || i == reader));
        ports += at >= 0;
    }
    ck_assert_int_eq(ports, (writer >= 0) + (reader >= 0));
    for (int i = 0; i < index; i++) {
        ck_assert_str_ne(pipeline.channels[i].name, channel->name);
        ck_assert_int_le(pipeline.channels[i].writer, writer);
    }
}

// Vectors of so many numbers, or single ones.
static void check_type(const struct mr_process *process, int port, int lc) {
    char type[16] = "int32_t";
    if (lc)
        snprintf(type, sizeof type, "vec%d_t", lc);
    ck_assert_str_eq(pipeline.channels[pipeline.ports[process->first_port + port]].type, type);
}

static void check_process(const struct mr_network *network, const struct mr_process *process) {
    for (const struct mr_process *p = pipeline.processes; p < process; p++)
        ck_assert_str_ne(p->name, process->name);
    switch (process->part) {
    case MR_PART_OP: {
        const struct mr_op *op = &network->ops[process->op];
        const int first = op->kind->gates > 0;
        ck_assert_str_eq(process->name, op->name);
        ck_assert_int_eq(process->port_count, first + 2 + op->kind->recurrent);
        check_type(process, first, process->lc);
        check_type(process, first + 1, process->out_lc);
        break;
    }
    case MR_PART_RESIZE:
        ck_assert_int_ne(process->lc, process->out_lc);
        check_type(process, 0, process->lc);
        check_type(process, 1, process->out_lc);
        break;
    case MR_PART_ROUTE:
    case MR_PART_FORK:
        for (int i = 0; i < 3; i++)
            check_type(process, i, process->lc);
        break;
    case MR_PART_UNPACK:
        check_type(process, 0, process->lc);
        check_type(process, 1, 0);
        break;
    case MR_PART_GATHER:
        for (int i = 0; i < 3; i++)
            check_type(process, i, process->lc);
        break;
    case MR_PART_LOADER:
        ck_assert_ptr_eq(process, &pipeline.processes[0]);
        break;
    case MR_PART_SAVER:
        ck_assert_ptr_eq(process, &pipeline.processes[pipeline.process_count - 1]);
        break;
    }
}

// What the last gather gives in a sequence is all that the network gives.
static void check_numbers(const struct mr_plan *plan) {
    const struct mr_network *network = plan->network;
    const size_t steps = 5;
    size_t numbers = 0;
    for (int i = 0; i < pipeline.process_count; i++) {
        const struct mr_process *process = &pipeline.processes[i];
        if (process->part == MR_PART_GATHER)
            numbers = steps * (size_t)(process->side[0].step + process->side[1].step) +
                      (size_t)(process->side[0].last + process->side[1].last);
    }
    if (network->output_count > 1)
        ck_assert_uint_eq(numbers, mr_plan_output_words(plan, steps));
}

// The plan's memories are those of the operators and of the channels behind forks.
static void check_memory(const struct mr_plan *plan) {
    struct mr_memory_use sum = {0};
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_memory_use *of = &plan->ops[i].cost.memory;
        sum.bram18 += of->bram18;
        sum.uram += of->uram;
        sum.lut += of->lut;
    }
    for (int i = 0; i < pipeline.channel_count; i++) {
        const struct mr_channel *channel = &pipeline.channels[i];
        if (channel->writer < 0 || pipeline.processes[channel->writer].part != MR_PART_FORK)
            continue;
        const int lc = pipeline.processes[channel->writer].out_lc;
        mr_memory_fifo(&sum, (uint64_t)channel->depth, lc ? 16 * (uint64_t)lc : 32, 1);
    }
    ck_assert_mem_eq(&plan->memory, &sum, sizeof sum);
}

static int count(enum mr_part part) {
    int found = 0;
    for (int i = 0; i < pipeline.process_count; i++)
        found += pipeline.processes[i].part == part;
    return found;
}

static void check(const struct mr_network *network, const int *lc) {
    static const char *const top[] = {"weights", "x", "state_in", "y", "state_out"};
    struct mr_plan plan;
    ck_assert_int_eq(fixture_evaluate(network, lc, &plan, NULL, 0), 0);
    mr_pipeline_make(&plan, &pipeline);
    int at_top = 0;
    for (int i = 0; i < pipeline.channel_count; i++) {
        check_channel(i);
        const struct mr_channel *channel = &pipeline.channels[i];
        if (channel->writer < 0 || channel->reader < 0)
            ck_assert_str_eq(channel->name, top[at_top++]);
    }
    ck_assert_int_eq(at_top, 5);
    for (int i = 0; i < pipeline.process_count; i++)
        check_process(network, &pipeline.processes[i]);
    ck_assert_int_eq(count(MR_PART_OP), network->op_count);
    ck_assert_int_eq(count(MR_PART_GATHER), network->output_count - 1);
    check_numbers(&plan);
    check_memory(&plan);
}

START_TEST(random_graphs) {
    const uint64_t seed = 5;
    uint64_t state = seed;
    int forks = 0, gathers = 0, resizes = 0;
    printf("pipeline_test: seed %llu\n", (unsigned long long)seed);
    for (int n = 0; n < 2000; n++) {
        struct mr_network network;
        int lc[MR_MAX_LAYERS];
        fixture_random_graph(&state, 40, &network, lc);
        check(&network, lc);
        forks += count(MR_PART_FORK);
        gathers += count(MR_PART_GATHER);
        resizes += count(MR_PART_RESIZE);
        mr_network_free(&network);
    }
    ck_assert_int_gt(forks, 500);
    ck_assert_int_gt(gathers, 500);
    ck_assert_int_gt(resizes, 500);
}
END_TEST

// All operators, layers and outputs that a network may have, all but the first reading one stream;
// an output of numbers makes numbers of all.
START_TEST(the_largest_graph) {
    struct mr_network network;
    int lc[MR_MAX_LAYERS];
    ck_assert_int_eq(mr_network_create(&network, 5), 0);
    const int first = net_add(&network, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    for (int i = 1; i < MR_MAX_OPS; i++)
        net_add(&network, i < MR_MAX_LAYERS ? "lstm" : "dense", first, 4, MR_ACTIVATION_LINEAR);
    for (int i = 0; i < MR_MAX_OUTPUTS; i++)
        fixture_output(&network, i ? first : network.stream_count - 1);
    for (int l = 0; l < MR_MAX_LAYERS; l++)
        lc[l] = 1 + l % 4;
    struct mr_plan plan;
    ck_assert_int_eq(fixture_evaluate(&network, lc, &plan, NULL, 0), 0);
    mr_pipeline_make(&plan, &pipeline);
    ck_assert_int_eq(count(MR_PART_FORK), MR_MAX_OPS - 1 + MR_MAX_OUTPUTS - 2);
    ck_assert_int_eq(count(MR_PART_RESIZE), MR_MAX_LAYERS * 3 / 4);
    ck_assert_int_eq(count(MR_PART_UNPACK), MR_MAX_OUTPUTS - 1);
    ck_assert_int_le(pipeline.process_count, MR_PROCESSES);
    ck_assert_int_le(pipeline.channel_count, MR_CHANNELS);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pipeline");
    TCase *tests = tcase_create("pipeline");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, random_graphs);
    tcase_add_test(tests, the_largest_graph);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
