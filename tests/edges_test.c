// SPDX-License-Identifier: Apache-2.0
// Networks at the edges of what there is: one unit, one feature, one step, one entry of a table; as
// many columns a cycle as a row has, one fewer and one more; bidirectional layers on a single step.
// cpu:, hls: and sim: give the bits of the plain reference in the planned cycles.
#define _GNU_SOURCE
#include "session_fixture.h"

#include <sys/stat.h>

#define FOLDER "build/edges-test"
#define MODEL FOLDER "/net.millrace"

enum { MOST_SEQUENCES = 3, MOST_STEPS = 4 };

static int both_ways(struct mr_network *n, const char *cell, int stream, int units) {
    const int forward = net_add(n, cell, stream, units, MR_ACTIVATION_LINEAR);
    const int back = net_add(n, cell, net_reverse(n, stream), units, MR_ACTIVATION_LINEAR);
    return net_join(n, forward, net_reverse(n, back));
}

// All that there is with one number in a row; a softmax and a normalisation of one number are
// constant, and the first of one is the greatest.
static void ones(struct mr_network *n) {
    int stream = net_table(n, 1, 1);
    for (size_t i = 0; mr_op_kind_at(i); i++)
        if (mr_op_kind_at(i)->recurrent && !mr_op_kind_at(i)->gives_second)
            stream = net_add(n, mr_op_kind_at(i)->name, stream, 1, MR_ACTIVATION_LINEAR);
    char error[300] = "";
    const struct mr_op *sum =
        mr_network_join(n, mr_op_kind_find("add"), stream, 1, error, sizeof error);
    net_need(sum != NULL, error);
    const int y = net_add(n, "dense", sum->output, 1, MR_ACTIVATION_TANH);
    net_output(n, net_add(n, "layer_norm", y, 0, MR_ACTIVATION_LINEAR), "normal");
    net_output(n, net_add(n, "softmax", y, 0, MR_ACTIVATION_LINEAR), "p");
    net_output(n, net_add(n, "argmax", y, 0, MR_ACTIVATION_LINEAR), "index");
    net_output(n, net_add(n, "last", stream, 0, MR_ACTIVATION_LINEAR), "last");
}

static void one_both_ways(struct mr_network *n) {
    const int both = both_ways(n, "lstm", 0, 1);
    net_output(n, both_ways(n, "rnn_relu", both, 1), "y");
    net_output(n, net_add(n, "mean", both, 0, MR_ACTIVATION_LINEAR), "mean");
    net_output(n, net_add(n, "first", both, 0, MR_ACTIVATION_LINEAR), "first");
    net_output(n, net_add(n, "max", both, 0, MR_ACTIVATION_LINEAR), "max");
}

// 8 columns of x and 8 or 9 of h: full vectors, one that lacks a number, and one of a single
// number.
static void columns_about_eight(struct mr_network *n) {
    int stream = net_add(n, "lstm", 0, 8, MR_ACTIVATION_LINEAR);
    stream = net_add(n, "gru", stream, 9, MR_ACTIVATION_LINEAR);
    stream = net_add(n, "rnn_tanh", stream, 9, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "layer_norm", stream, 0, MR_ACTIVATION_LINEAR), "normal");
    stream = net_add(n, "gru_reset_first", stream, 8, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "dense", stream, 9, MR_ACTIVATION_SIGMOID), "y");
}

static const struct {
    const char *name;
    void (*arrange)(struct mr_network *);
    int inputs;
    uint32_t lanes[MR_MAX_LAYERS];
} nets[] = {
    {"ones", ones, 1, {1, 1, 1, 1, 1, 1, 1, 1}},
    {"one both ways", one_both_ways, 1, {1, 1, 1, 1}},
    {"columns about eight", columns_about_eight, 8, {7, 8, 9, 8}},
};

START_TEST(edges_are_the_same_everywhere) {
    static const char *const devices[] = {"cpu:", "hls:", "sim:"};
    if (!have_compiler())
        return;
    struct mr_network network;
    uint64_t state = 3;
    net_create(&network, nets[_i].inputs, nets[_i].name);
    nets[_i].arrange(&network);
    net_weights(&network, &state, 0.8);
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    save_model(&network, MODEL);
    struct mr_model *model = open_model_of(MODEL);
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                       .lanes = nets[_i].lanes,
                                       .lane_count = (uint32_t)mr_network_layers(&network)};
    for (int d = 0; d < (getenv("MR_TEST_NO_SIM") ? 2 : 3); d++) {
        struct mr_session *session = open_session(model, devices[d], &options);
        for (size_t sequences = 1; sequences <= MOST_SEQUENCES; sequences += 2)
            for (size_t steps = 1; steps <= MOST_STEPS; steps++)
                check_bits(&network, model, session, &options, sequences, steps);
        mr_session_close(session);
    }
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("edges");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 300);
    tcase_add_loop_test(all, edges_are_the_same_everywhere, 0, sizeof nets / sizeof *nets);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
