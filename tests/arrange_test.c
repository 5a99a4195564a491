// SPDX-License-Identifier: Apache-2.0
// Bidirectional and reverse layers: the kernels that turn sequences round and join rows, as C
// (hlsc_test.sh compares their RTL), and networks of them, which give the bits of the plain
// reference on cpu:, hls: and sim: in the planned cycles, with slots too. Usage: arrange_test
// [SEED]. SEED draws which half of the networks are simulated, and with which of the two choices of
// lanes; without it the clock does (networks_test simulates others of the same operators). With
// THOROUGH in the environment all are, with both.
#define _GNU_SOURCE
#include "kernel_fixture.h"
#include "kernels/arrange.c"
#include "plan_taps.h"
#include "session_fixture.h"

#include <math.h>
#include <sys/stat.h>
#include <time.h>

#define MODEL "build/arrange-test/net.millrace"
#define SEED UINT64_C(815)

// ---- kernels

#define CHECK_REVERSE(kernel, VEC, words, most)                                                    \
    do {                                                                                           \
        for (int steps = 1; steps <= (most); steps += 1 + steps / 7)                               \
            for (int sequences = 0; sequences <= 5; sequences++) {                                 \
                HLS_CHANNEL(VEC, in);                                                              \
                HLS_CHANNEL(VEC, out);                                                             \
                for (int n = 0; n < steps * sequences * (words); n++)                              \
                    hls_write(VEC, &in, (VEC){{(int16_t)n}});                                      \
                kernel(&in, &out, MR_COMMAND_RUN, (uint32_t)steps, (uint32_t)(steps * sequences)); \
                for (int n = 0; n < sequences; n++)                                                \
                    for (int t = steps; t-- > 0;)                                                  \
                        for (int k = 0; k < (words); k++)                                          \
                            ck_assert_int_eq(hls_read(VEC, &out).v[0],                             \
                                             (n * steps + t) * (words) + k);                       \
                ck_assert_empty(in);                                                               \
                ck_assert_empty(out);                                                              \
            }                                                                                      \
    } while (0)

START_TEST(sequences_are_turned_round) {
    CHECK_REVERSE(reverse1, vec1_t, 1, 5);
    CHECK_REVERSE(reverse7, vec3_t, 3, 70);
}
END_TEST

// No two beside one another are alike, and some are at the ends.
#define CONCAT_NUMBER(n) (int16_t)((n) % 5 == 4 ? ((n) % 2 ? INT16_MIN : INT16_MAX) : (n)*4099 + 1)
#define CHECK_CONCAT(kernel, VEC, a_count, b_count, lc, a_cut, b_cut)                              \
    do {                                                                                           \
        enum { ROWS = 50, ALL = (a_count) + (b_count) };                                           \
        HLS_CHANNEL(VEC, a);                                                                       \
        HLS_CHANNEL(VEC, b);                                                                       \
        HLS_CHANNEL(VEC, out);                                                                     \
        for (int n = 0; n < ROWS; n++)                                                             \
            for (int i = 0; i < ALL; i++) {                                                        \
                const int at = i < (a_count) ? i : i - (a_count);                                  \
                if (at % (lc))                                                                     \
                    continue;                                                                      \
                VEC v = {{0}};                                                                     \
                for (int c = 0; c < (lc) && at + c < (i < (a_count) ? (a_count) : (b_count)); c++) \
                    v.v[c] = CONCAT_NUMBER(n * ALL + i + c);                                       \
                hls_write(VEC, i < (a_count) ? &a : &b, v);                                        \
            }                                                                                      \
        kernel(&a, &b, &out, MR_COMMAND_RUN, ROWS);                                                \
        for (int n = 0; n < ROWS; n++)                                                             \
            for (int first = 0; first < ALL; first += (lc)) {                                      \
                const VEC v = hls_read(VEC, &out);                                                 \
                for (int c = 0; c < (lc); c++) {                                                   \
                    const double number = CONCAT_NUMBER(n * ALL + first + c);                      \
                    const double due =                                                             \
                        floor(ldexp(number, first + c < (a_count) ? -(a_cut) : -(b_cut)) + 0.5);   \
                    ck_assert_double_eq(v.v[c], first + c < ALL ? due : 0);                        \
                }                                                                                  \
            }                                                                                      \
        ck_assert_empty(a);                                                                        \
        ck_assert_empty(b);                                                                        \
        ck_assert_empty(out);                                                                      \
    } while (0)

// To nearest, ties up, cut to 16 bits.
#define CHECK_PAIR(kernel, made, VEC, count, lc, a_up, b_up, down)                                 \
    do {                                                                                           \
        enum { ROWS = 300, WIDE = ((count) + (lc)-1) / (lc) * (lc) };                              \
        static int16_t rows[2][ROWS][WIDE];                                                        \
        HLS_CHANNEL(VEC, a);                                                                       \
        HLS_CHANNEL(VEC, b);                                                                       \
        HLS_CHANNEL(VEC, out);                                                                     \
        for (int n = 0; n < 2 * ROWS; n++)                                                         \
            for (int first = 0; first < WIDE; first += (lc)) {                                     \
                VEC v = {{0}};                                                                     \
                for (int c = 0; c < (lc) && first + c < (count); c++)                              \
                    v.v[c] = rows[n % 2][n / 2][first + c] =                                       \
                        (int16_t)((int16_t)random_bits(&state) >> random_bits(&state) % 16);       \
                hls_write(VEC, n % 2 ? &b : &a, v);                                                \
            }                                                                                      \
        kernel(&a, &b, &out, MR_COMMAND_RUN, ROWS);                                                \
        for (int n = 0; n < ROWS; n++)                                                             \
            for (int first = 0; first < WIDE; first += (lc)) {                                     \
                const VEC v = hls_read(VEC, &out);                                                 \
                for (int c = 0; c < (lc); c++) {                                                   \
                    const double x = ldexp(rows[0][n][first + c], (a_up) - (down)),                \
                                 y = ldexp(rows[1][n][first + c], (b_up));                         \
                    const double exact = made(x, y, down);                                         \
                    const double due = fmin(fmax(floor(exact + 0.5), INT16_MIN), INT16_MAX);       \
                    ck_assert_double_eq(v.v[c], first + c < (count) ? due : 0);                    \
                }                                                                                  \
            }                                                                                      \
        ck_assert_empty(a);                                                                        \
        ck_assert_empty(b);                                                                        \
        ck_assert_empty(out);                                                                      \
    } while (0)

static double sum_of(double x, double y, int down) {
    return x + ldexp(y, -down);
}

static double product_of(double x, double y, int down) {
    (void)down; // which x has
    return x * y;
}

static double greater_of(double x, double y, int down) {
    return fmax(x, ldexp(y, -down));
}

static double less_of(double x, double y, int down) {
    return fmin(x, ldexp(y, -down));
}

START_TEST(rows_become_one) {
    uint64_t state = SEED;
    CHECK_PAIR(add1, sum_of, vec1_t, 1, 1, 0, 0, 0);
    CHECK_PAIR(add7, sum_of, vec3_t, 7, 3, 0, 3, 4);
    CHECK_PAIR(add_far, sum_of, vec4_t, 8, 4, 31, 0, 31);
    CHECK_PAIR(multiply7, product_of, vec3_t, 7, 3, 0, 0, 13);
    CHECK_PAIR(greater5, greater_of, vec4_t, 5, 4, 0, 2, 1);
    CHECK_PAIR(less4, less_of, vec4_t, 4, 4, 5, 0, 5);
}
END_TEST

START_TEST(rows_are_joined) {
    CHECK_CONCAT(concat1, vec1_t, 1, 1, 1, 0, 0);
    CHECK_CONCAT(concat_whole, vec3_t, 6, 5, 3, 0, 0);
    CHECK_CONCAT(concat_part, vec4_t, 5, 7, 4, 0, 0);
    CHECK_CONCAT(concat_short, vec4_t, 1, 2, 4, 0, 0);
    CHECK_CONCAT(concat_flush, vec4_t, 3, 3, 4, 0, 0);
    CHECK_CONCAT(concat_cut, vec4_t, 5, 6, 4, 30, 3);
    CHECK_CONCAT(concat_cut_a, vec1_t, 2, 1, 1, 1, 0);
}
END_TEST

// ---- networks

static int join_by(struct mr_network *network, const char *kind, int a, int b) {
    char error[300];
    const struct mr_op *op =
        mr_network_join(network, mr_op_kind_find(kind), a, b, error, sizeof error);
    ck_assert_msg(op != NULL, "%s", error);
    return op->output;
}

static int join(struct mr_network *network, int a, int b) {
    return join_by(network, "concat", a, b);
}

static int reverse(struct mr_network *network, int stream) {
    const int reversed = net_add(network, "reverse", stream, 0, MR_ACTIVATION_LINEAR);
    network->ops[network->op_count - 1].most_steps = 9;
    return reversed;
}

// *last: the last states of both halves.
static int bidirectional(struct mr_network *network, const char *kind, int stream, int units,
                         int *last) {
    const int forward = net_add(network, kind, stream, units, MR_ACTIVATION_LINEAR);
    const int backward =
        net_add(network, kind, reverse(network, stream), units, MR_ACTIVATION_LINEAR);
    const int both = join(network, forward, reverse(network, backward));
    if (last)
        *last = join(network, net_add(network, "last", forward, 0, MR_ACTIVATION_LINEAR),
                     net_add(network, "last", backward, 0, MR_ACTIVATION_LINEAR));
    return both;
}

// What is arranged in each of the networks below.
static void one_layer(struct mr_network *n) {
    net_output(n, bidirectional(n, "lstm", 0, 5, NULL), "all");
}

static void states_and_steps(struct mr_network *n) {
    int last;
    const int all = bidirectional(n, "gru", 0, 4, &last);
    net_output(n, net_add(n, "dense", all, 3, MR_ACTIVATION_TANH), "all");
    net_output(n, net_add(n, "dense", last, 2, MR_ACTIVATION_LINEAR), "last");
}

static void reverse_alone(struct mr_network *n) {
    const int layer = net_add(n, "rnn_tanh", reverse(n, 0), 4, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "last", layer, 0, MR_ACTIVATION_LINEAR), "last");
    net_output(n, reverse(n, layer), "all");
}

static void stack(struct mr_network *n) {
    int last;
    const int below = bidirectional(n, "lstm", 0, 3, NULL);
    const int above = bidirectional(n, "gru_reset_first", below, 5, &last);
    const int top = net_add(n, "lstm", above, 2, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "max", above, 0, MR_ACTIVATION_LINEAR), "max");
    net_output(n, last, "states");
    net_output(n, net_add(n, "last", top, 0, MR_ACTIVATION_LINEAR), "top");
    net_output(n, below, "below");
}

// A residual round a layer, in rows joined with the layer's own input.
static void beside(struct mr_network *n) {
    const int layer = net_add(n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "dense", join(n, layer, 0), 3, MR_ACTIVATION_RELU), "y");
    net_output(n, join(n, layer, layer), "twice");
}

static void give_starts(struct mr_network *n, int layer, int rows, uint64_t seed) {
    struct mr_op *op = NULL;
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].layer == layer)
            op = &n->ops[i];
    ck_assert(op && mr_op_starts(op, rows) == 0);
    random_numbers(&seed, op->start, (size_t)(rows * mr_op_start_columns(op)), 0.9);
}

// Three sequences start from states of their own, in another layer all from the same.
static void starts(struct mr_network *n) {
    const int below = net_add(n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    const int above = net_add(n, "gru", below, 3, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "rnn_relu", above, 2, MR_ACTIVATION_LINEAR), "all");
    net_output(n, net_add(n, "last", below, 0, MR_ACTIVATION_LINEAR), "last");
    give_starts(n, 0, 3, 7);
    give_starts(n, 1, 1, 8);
    give_starts(n, 2, 3, 9);
}

static void starts_of_both_halves(struct mr_network *n) {
    net_output(n, bidirectional(n, "lstm", 0, 3, NULL), "all");
    give_starts(n, 1, 1, 8);
}

// Links past layers, which are added, and a normalisation of a sum.
static void residual(struct mr_network *n) {
    const int below = net_add(n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    const int sum = join_by(n, "add", below, net_add(n, "lstm", below, 4, MR_ACTIVATION_LINEAR));
    const int normal = net_add(n, "layer_norm", sum, 0, MR_ACTIVATION_LINEAR);
    const int above =
        join_by(n, "add", net_add(n, "rnn_relu", normal, 4, MR_ACTIVATION_LINEAR), sum);
    net_output(n, net_add(n, "dense", above, 2, MR_ACTIVATION_LINEAR), "y");
    net_output(n, above, "sum");
}

// All cells that may have hard gates.
static void hard_gates(struct mr_network *n) {
    const int lstm = net_add(n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    const int gru = net_add(n, "gru", lstm, 3, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "gru_reset_first", gru, 5, MR_ACTIVATION_LINEAR), "y");
    for (int i = 0; i < n->op_count; i++)
        n->ops[i].places[MR_PLACE_GATE] = mr_place_plain(MR_ACTIVATION_HARD);
}

// Joined rows of different formats that are compared: by a normalisation, and a softmax without a
// layer between.
static void mixed(struct mr_network *n) {
    const int relu = bidirectional(n, "rnn_relu", 0, 3, NULL);
    const int normal = net_add(n, "layer_norm", join(n, relu, 0), 0, MR_ACTIVATION_LINEAR);
    const int layer = net_add(n, "lstm", normal, 4, MR_ACTIVATION_LINEAR);
    net_output(n, net_add(n, "softmax", join(n, layer, relu), 0, MR_ACTIVATION_LINEAR), "p");
    for (int i = 0; i < n->op_count; i++)
        if (n->ops[i].kind->has_epsilon)
            n->ops[i].epsilon = 1e-5;
}

static const struct {
    const char *name;
    void (*arrange)(struct mr_network *);
} networks[] = {{"one layer", one_layer},
                {"states and steps", states_and_steps},
                {"reverse alone", reverse_alone},
                {"stack", stack},
                {"beside", beside},
                {"starts", starts},
                {"starts of both halves", starts_of_both_halves},
                {"residual", residual},
                {"hard gates", hard_gates},
                {"mixed", mixed}};
enum { STARTS = 5 };

static void make(struct mr_network *network, int index) {
    uint64_t state = SEED + (uint64_t)index;
    net_create(network, INPUTS, networks[index].name);
    networks[index].arrange(network);
    net_weights(network, &state, 0.8);
}

static struct mr_model *model_of(struct mr_network *network) {
    mkdir("build", 0777);
    mkdir("build/arrange-test", 0777);
    save_model(network, MODEL);
    return open_model_of(MODEL);
}

// A bidirectional layer, from the float runs of its two halves.
START_TEST(halves_are_joined) {
    struct mr_network both, half[2];
    float x[2][STEPS * INPUTS];
    double y[STEPS * 10], h[2][STEPS * 5];

    make(&both, 0);
    fill_input(x[0], STEPS * INPUTS);
    for (int t = 0; t < STEPS; t++)
        memcpy(x[1] + t * INPUTS, x[0] + (STEPS - 1 - t) * INPUTS, INPUTS * sizeof(float));
    ck_assert_int_eq(mr_float_run(&both, x[0], 1, STEPS, y), 0);
    for (int i = 0; i < 2; i++) {
        const struct mr_op *from = mr_network_layer(&both, i);
        net_create(&half[i], INPUTS, "half");
        net_output(&half[i], net_add(&half[i], "lstm", 0, 5, MR_ACTIVATION_LINEAR), "y");
        struct mr_op *to = &half[i].ops[0];
        memcpy(to->w_x, from->w_x, 20 * INPUTS * sizeof(float));
        memcpy(to->w_h, from->w_h, 20 * 5 * sizeof(float));
        memcpy(to->bias, from->bias, 20 * sizeof(float));
        ck_assert_int_eq(mr_float_run(&half[i], x[i], 1, STEPS, h[i]), 0);
        mr_network_free(&half[i]);
    }
    for (int t = 0; t < STEPS; t++)
        for (int j = 0; j < 5; j++) {
            ck_assert_double_eq(y[t * 10 + j], h[0][t * 5 + j]);
            ck_assert_double_eq(y[t * 10 + 5 + j], h[1][(STEPS - 1 - t) * 5 + j]);
        }
    mr_network_free(&both);
}
END_TEST

// As many cycles as the forward layer alone takes, and its fill: x as it is turned round comes in
// first, and the rows of the backward half go out last.
START_TEST(both_halves_work_at_the_same_time) {
    if (!have_compiler())
        return;
    static const size_t steps[] = {2, 9, 40, 200}, sequences[] = {1, 7};
    static const uint32_t lanes[] = {2, 2};
    struct mr_network network[2];
    struct mr_model *model[2];
    uint64_t state = 5;
    for (int i = 0; i < 2; i++) {
        net_create(&network[i], INPUTS, "halves");
        net_output(&network[i],
                   i ? bidirectional(&network[i], "lstm", 0, 12, NULL)
                     : net_add(&network[i], "lstm", 0, 12, MR_ACTIVATION_LINEAR),
                   "y");
        mr_network_set_most_steps(&network[i], 200);
        net_weights(&network[i], &state, 0.8);
        model[i] = model_of(&network[i]);
    }
    for (int t = 0; t < 4; t++)
        for (int n = 0; n < 2; n++) {
            uint64_t cycles[2];
            for (int i = 0; i < 2; i++) {
                const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN,
                                                   .lanes = lanes, .lane_count = 1u + (uint32_t)i};
                cycles[i] = planned_cycles(model[i], &options, sequences[n], steps[t]);
            }
            const uint64_t fill = steps[t] * (2 + 24); // vectors of x, numbers of y
            printf("  %zu x %zu steps: %llu cycles, both halves %llu\n", sequences[n], steps[t],
                   (unsigned long long)cycles[0], (unsigned long long)cycles[1]);
            ck_assert_uint_le(cycles[1], cycles[0] + fill + 60);
        }
    for (int i = 0; i < 2; i++) {
        mr_model_close(model[i]);
        mr_network_free(&network[i]);
    }
}
END_TEST

static void check_device(const struct mr_network *network, const struct mr_model *model,
                         const char *uri, const struct mr_options *options) {
    static const size_t sequences[] = {1, 2, 9}, steps[] = {1, 2, 3, 9};
    struct mr_session *session = open_session(model, uri, options);
    float x[10 * INPUTS] = {0}, y[400];
    for (size_t n = 0; n < 3; n++)
        for (size_t t = 0; t < 4; t++)
            check_bits(network, model, session, options, sequences[n], steps[t]);
    if (mr_network_shortest(network)) {
        ck_assert_int_eq(mr_session_run(session, x, 1, 10, 0, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(mr_session_error(session), "are too long for the network's"));
        struct mr_error error = {0};
        ck_assert_int_eq(mr_plan(model, options, 1, 10, NULL, NULL, &error), MR_ERROR_PLAN);
        ck_assert_ptr_nonnull(strstr(error.text, "are too long for the network's"));
        ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(mr_session_error(session), "needs all steps of a sequence"));
    }
    mr_session_close(session);
}

// Step by step from the state of the first sequence, saved in between.
static void check_steps(const struct mr_network *network, const struct mr_model *model,
                        const char *uri, const struct mr_options *options) {
    struct mr_session *session = open_session(model, uri, options);
    const size_t size = mr_session_state_size(session);
    float x[STEPS * INPUTS], wanted[STEPS * 2 + 4], y[6];
    void *state = malloc(size);
    ck_assert_ptr_nonnull(state);
    fill_input(x, STEPS * INPUTS);
    for (int round = 0; round < 2; round++) {
        expect_of(network, x, 1, STEPS, wanted);
        if (round == 0)
            ck_assert_int_eq(mr_session_save(session, state, size), 0);
        else
            ck_assert_int_eq(mr_session_restore(session, state, size), 0);
        for (int t = 0; t < STEPS; t++) {
            ck_assert_int_eq(mr_session_step(session, x + t * INPUTS, y, NULL), 0);
            ck_assert_mem_eq(y, wanted + t * 2, 2 * sizeof *y);
        }
        ck_assert_mem_eq(y + 2, wanted + STEPS * 2, 4 * sizeof *y);
    }
    mr_session_close(session);
    free(state);
}

// Groups of two sequences.
START_TEST(slots_start_from_their_states) {
    if (!have_compiler())
        return;
    struct mr_network network;
    make(&network, STARTS);
    const struct mr_options options = {MR_OPTIONS_INIT, .slots = 2};
    struct mr_model *model = model_of(&network);
    check_device(&network, model, "cpu:", &options);
    check_steps(&network, model, "cpu:", &options);
    check_device(&network, model, "hls:", &options);
    check_steps(&network, model, "hls:", &options);
    if (!getenv("MR_TEST_NO_SIM"))
        check_device(&network, model, "sim:", &options);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

// One of several lengths gives what it gives alone, and behind its end what a hidden state of 0
// does.
static void check_lengths(const struct mr_network *network, const struct mr_model *model,
                          const char *uri, const struct mr_options *options) {
    static const uint64_t lengths[] = {6, 1, 4, 6, 3};
    enum { N = 5, T = 6 };
    struct mr_session *session = open_session(model, uri, options);
    const size_t numbers = mr_network_numbers(network, T);
    float *y = calloc(N * numbers, sizeof *y), *alone = calloc(numbers, sizeof *alone);
    float x[N * T * INPUTS];
    struct mr_stats stats;
    ck_assert(y && alone);
    fill_input(x, N * T * INPUTS);
    ck_assert_msg(mr_session_run_lengths(session, x, N, T, lengths, y, &stats) == 0, "%s",
                  mr_session_error(session));
    ck_assert_uint_eq(stats.device_runs, 4);
    for (int n = 0; n < N; n++) {
        const float *from = alone, *at = y;
        expect_of(network, x + n * T * INPUTS, 1, lengths[n], alone);
        for (int o = 0; o < network->output_count; o++) {
            const struct mr_stream *stream = &network->streams[network->outputs[o].stream];
            const struct mr_op *op = &network->ops[stream->writer];
            const size_t width = (size_t)stream->width, rows = mr_output_rows(network, o, T);
            const size_t own = rows > 1 ? lengths[n] : 1;
            const float *of = at + (size_t)n * rows * width;
            ck_assert_mem_eq(of, from, own * width * sizeof *y);
            for (size_t i = own * width; i < rows * width; i++)
                ck_assert_float_eq_tol(
                    of[i], op->kind->has_activation ? tanhf(op->bias[i % width]) : 0, 1e-3f);
            from += own * width;
            at += N * rows * width;
        }
    }
    ck_assert_int_eq(mr_session_run_lengths(session, x, 1, 2, (uint64_t[]){3}, y, NULL),
                     MR_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(mr_session_error(session), "sequence 0 has length 3; 1 to 2"));
    ck_assert_int_eq(mr_session_run_lengths(session, x, 1, 2, NULL, y, NULL), MR_ERROR_ARGUMENT);
    mr_session_close(session);
    free(y);
    free(alone);
}

START_TEST(lengths_differ) {
    if (!have_compiler())
        return;
    struct mr_network network;
    make(&network, 1);
    const struct mr_options options = {MR_OPTIONS_INIT};
    struct mr_model *model = model_of(&network);
    check_lengths(&network, model, "cpu:", &options);
    mr_model_close(model);
    // The model says them.
    static const int32_t own[] = {3, 9, 1};
    ck_assert_int_eq(mr_network_lengths(&network, 3), 0);
    memcpy(network.lengths, own, sizeof own);
    model = model_of(&network);
    check_device(&network, model, "cpu:", &options);
    mr_model_close(model);
    mr_network_free(&network);
    // And a state for each to start from, which go through the slots.
    make(&network, STARTS);
    ck_assert_int_eq(mr_network_lengths(&network, 3), 0);
    memcpy(network.lengths, own, sizeof own);
    model = model_of(&network);
    check_device(&network, model, "cpu:", &(struct mr_options){MR_OPTIONS_INIT, .slots = 2});
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

static uint64_t drawing_seed;

START_TEST(devices_give_the_bits_of_the_reference) {
    if (!have_compiler())
        return;
    static const uint32_t lanes[][6] = {{1, 1, 1, 1, 1, 1}, {2, 3, 2, 2, 2, 1}}, slots[] = {1, 4};
    const int index = _i / 2;
    struct mr_network network;
    make(&network, index);
    const struct mr_options options = {
        MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes[_i % 2],
        .lane_count = (uint32_t)mr_network_layers(&network), .slots = slots[_i % 2]};
    struct mr_model *model = model_of(&network);
    check_device(&network, model, "cpu:", &options);
    check_device(&network, model, "hls:", &options);
    uint64_t state = drawing_seed + (uint64_t)index;
    const bool choice = random_between(&state, 0, 1) == _i % 2;
    const bool is_drawn = choice && (drawing_seed + (uint64_t)index) % 2 == 0;
    if ((is_drawn || getenv("THOROUGH")) && !getenv("MR_TEST_NO_SIM"))
        check_device(&network, model, "sim:", &options);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

int main(int argc, char **argv) {
    drawing_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
    printf("arrange_test: seed %llu\n", (unsigned long long)drawing_seed);
    fflush(stdout);
    Suite *suite = suite_create("arrange");
    TCase *tests = tcase_create("arrange");
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, sequences_are_turned_round);
    tcase_add_test(tests, rows_are_joined);
    tcase_add_test(tests, rows_become_one);
    tcase_add_test(tests, halves_are_joined);
    tcase_add_test(tests, slots_start_from_their_states);
    tcase_add_test(tests, lengths_differ);
    tcase_add_test(tests, both_halves_work_at_the_same_time);
    tcase_add_loop_test(tests, devices_give_the_bits_of_the_reference, 0,
                        2 * (int)(sizeof networks / sizeof *networks));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
