// SPDX-License-Identifier: Apache-2.0
// Quantisation: scales are the largest that fit, bounds hold, the integer results stay close to
// the float ones, and a network that does not fit is refused in words.
#define _POSIX_C_SOURCE 200809L
#include "arithmetic.h"
#include "bound.h"
#include "calibrate.h"
#include "walk.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char error[1024];

static uint64_t new_seed(void) {
    const char *text = getenv("MILLRACE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

    printf("quantise_test: MILLRACE_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    return seed;
}

static float *random_list(uint64_t *state, size_t count, double range) {
    float *list = calloc(count, sizeof *list);

    ck_assert_ptr_nonnull(list);
    random_numbers(state, list, count, range);
    return list;
}

// The largest format that holds a magnitude, up to the end of its 16 bits; what none holds has the
// least.
START_TEST(fraction_bits_hold_the_greatest) {
    static const struct {
        double greatest;
        int least, most, frac;
    } cases[] = {{32767, 0, 15, 0},    {32767.5, -16, 15, -1}, {32768, 0, 15, 0},
                 {1, 0, 15, 14},       {0.99996, 0, 15, 15},   {32767.0 / 32768, 0, 15, 15},
                 {0, 0, 15, 15},       {0.25, 0, 30, 16},      {1e9, -16, 15, -15},
                 {1e300, -16, 40, -16}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int frac = mr_frac_of(cases[i].greatest, cases[i].least, cases[i].most);
        ck_assert_msg(frac == cases[i].frac, "case %zu: %d, not %d", i, frac, cases[i].frac);
    }
}
END_TEST

// Would the row of a gate fit with a scale one larger?
static bool could_be_larger(const struct mr_network *n, const struct mr_op *op, int row) {
    const int shift = op->rows.shift[row] + 1;
    const int scale = shift + (row / op->units == 2 ? 16 : 15);
    const int32_t *x_frac = n->streams[op->input].frac;
    double sum = 0;

    if (shift > MR_SHIFT_MAX)
        return false;
    for (int k = 0; k < op->inputs + op->units; k++) {
        const double w = k < op->inputs ? op->w_x[row * op->inputs + k]
                                        : op->w_h[row * op->units + k - op->inputs];
        const double v = floor(ldexp(w, scale - (k < op->inputs ? x_frac[k] : 15)) + 0.5);
        if (v > 32767 || v < -32768)
            return false;
        sum += fabs(v);
    }
    const double bias = floor(ldexp(op->bias[row], scale) + 0.5) + ldexp(1, shift - 1);
    return sum * 32768 + fabs(bias) < ldexp(1, 39);
}

START_TEST(random_networks_keep_their_promises) {
    uint64_t state = new_seed();

    for (int round = 0; round < 60; round++) {
        int width[4], layers = 1 + (int)(random_bits(&state) % 3);
        for (int i = 0; i < 4; i++)
            width[i] = random_between(&state, 1, 9);
        struct mr_network n;
        net_chain(&n, "lstm", width[0], layers, width + 1, random_between(&state, 1, 3),
                  net_activation(&state));
        net_weights(&n, &state, ldexp(1, random_between(&state, -8, 7)));
        float *x =
            random_list(&state, 50 * (size_t)width[0], ldexp(1, random_between(&state, -4, 7)));

        struct mr_feature feature[9] = {0};
        int32_t frac[9];
        ck_assert_int_eq(mr_feature_ranges(x, 50, width[0], 100, feature), 0);
        ck_assert_int_eq(mr_feature_formats(feature, width[0], frac, error, sizeof error), 0);
        // Large weights on features of small values may not fit; then the sentence says which.
        if (mr_quantise(&n, frac, NULL, error, sizeof error) != 0) {
            ck_assert_msg(strstr(error, "too large for 16-bit weights") != NULL, "%s", error);
        } else {
            ck_assert_msg(mr_quantised_check(&n, "random", error, sizeof error) == 0, "%s", error);
            for (int l = 0; l < layers; l++) {
                const struct mr_op *op = mr_network_layer(&n, l);
                for (int row = 0; row < 4 * op->units; row++)
                    ck_assert_msg(!could_be_larger(&n, op, row), "layer %d, row %d", l, row);
            }
            for (int k = 0; k < width[0]; k++) {
                double largest = 0;
                for (int i = 0; i < 50; i++)
                    largest = fmax(largest, fabs(x[i * width[0] + k]));
                const int s = n.streams[0].frac[k];
                ck_assert(ldexp(2 * largest, s) <= 32767);
                ck_assert(s == 15 || ldexp(2 * largest, s + 1) > 32767);
            }
        }
        free(x);
        mr_network_free(&n);
    }
}
END_TEST

// Both walks over a network; y and z: [sequences of all outputs].
static void run_both(const struct mr_network *n, const float *x, size_t sequences, size_t steps,
                     float *y, float *z) {
    const size_t width = (size_t)n->streams[0].width, rows = sequences * steps;
    int16_t *x_q = calloc(rows * width, sizeof *x_q);
    int32_t *y_q = calloc(sequences * mr_network_numbers(n, steps), sizeof *y_q);
    size_t at = 0;

    ck_assert(x_q && y_q);
    ck_assert_int_eq(mr_quantise_input(n, x, rows, x_q, NULL, error, sizeof error), 0);
    ck_assert_int_eq(mr_float_run_cast(n, x, sequences, steps, y), 0);
    ck_assert_int_eq(mr_integer_run(n, x_q, sequences, steps, y_q), 0);
    for (int o = 0; o < n->output_count; o++) {
        mr_quantised_output(n, o, y_q + at, sequences * mr_output_rows(n, o, steps), z + at);
        at += sequences * mr_output_numbers(n, o, steps);
    }
    free(x_q);
    free(y_q);
}

START_TEST(integers_are_close_to_float) {
    uint64_t state = new_seed();
    static const int units[2] = {16, 12};

    for (int activation = MR_ACTIVATION_LINEAR; activation <= MR_ACTIVATION_RELU; activation++) {
        struct mr_network n;
        float *x = random_list(&state, 8 * 30 * 6, 2.0), y[24], z[24];
        net_chain(&n, "lstm", 6, 2, units, 3, (enum mr_activation)activation);
        net_weights(&n, &state, 0.4);
        ck_assert_msg(mr_quantise(&n, NULL, NULL, error, sizeof error) == 0, "%s", error);
        ck_assert_int_eq(n.streams[0].frac[5], MR_FRAC_DEFAULT);
        run_both(&n, x, 8, 30, y, z);
        for (int i = 0; i < 24; i++)
            ck_assert_float_eq_tol(y[i], z[i], 0.002f);
        free(x);
        mr_network_free(&n);
    }
}
END_TEST

// The same of networks of every form, with formats from what calibration saw: each number is within
// its derived bound (bound.h), which grows over the operators.
START_TEST(random_graphs_are_close_to_float) {
    enum { SEQUENCES = 3, STEPS = 12, MOST = 9, ONCE = 2 };
    // Once drawn: a bound that grew beyond all numbers, and a layer behind a product of 15,528.
    static const uint64_t once[ONCE] = {UINT64_C(435291499546587782),
                                        UINT64_C(12764936391733837755)};
    uint64_t state = new_seed();

    for (int round = 0, kept = 0; kept < 60; round++) {
        struct mr_network n;
        const uint64_t seed = round < ONCE ? once[round] : random_bits(&state);
        net_random(&n, seed, MOST);
        const size_t count = SEQUENCES * mr_network_numbers(&n, STEPS);
        float *x = random_list(&state, (size_t)SEQUENCES * STEPS * MOST, 2.0);
        float *y = calloc(count, sizeof *y), *z = calloc(count, sizeof *z);
        ck_assert(y && z);
        ck_assert_int_eq(mr_float_observe(&n, x, SEQUENCES, STEPS, NULL), 0);
        // Numbers that grow with each step, or in a product, may be too wide for what reads them.
        if (!net_is_quantised(&n, NULL)) {
            free(x);
            free(y);
            free(z);
            mr_network_free(&n);
            continue;
        }
        kept++;
        ck_assert_msg(mr_quantised_check(&n, "random", error, sizeof error) == 0, "%s", error);
        run_both(&n, x, SEQUENCES, STEPS, y, z);
        struct bound *bound = calloc(count, sizeof *bound);
        ck_assert_ptr_nonnull(bound);
        bound_network(&n, x, SEQUENCES, STEPS, bound);
        size_t at = 0;
        for (int o = 0; o < n.output_count; o++) {
            const struct mr_op *op = &n.ops[n.streams[n.outputs[o].stream].writer];
            const size_t end = at + SEQUENCES * mr_output_numbers(&n, o, STEPS);
            // Of two numbers that are nearly equal an arg-max may take either.
            const bool index = strcmp(op->kind->name, "argmax") == 0;
            for (; at < end; at++)
                ck_assert_msg(index || fabs((double)y[at] - z[at]) <= bound[at].e + 1e-6,
                              "seed %llu, number %zu: %g, in whole numbers %g, off by %g at most",
                              (unsigned long long)seed, at, (double)y[at], (double)z[at],
                              bound[at].e);
        }
        free(bound);
        free(x);
        free(y);
        free(z);
        mr_network_free(&n);
    }
}
END_TEST

START_TEST(extremes_saturate) {
    uint64_t state = 1;
    static const int units[1] = {4};
    struct mr_network n;
    int16_t x_q[400 * 4];
    int32_t y[2], wanted = 0;

    net_chain(&n, "lstm", 4, 1, units, 1, MR_ACTIVATION_LINEAR);
    net_weights(&n, &state, 8.0);
    ck_assert_msg(mr_quantise(&n, NULL, NULL, error, sizeof error) == 0, "%s", error);
    // Every gate wide open for a long time drives the state to its limit.
    for (int row = 0; row < 16; row++) {
        for (int k = 0; k < 8; k++)
            n.ops[0].rows.weight[row * 8 + k] = k < 4 ? 32767 : 0;
    }
    for (int i = 0; i < 1600; i++)
        x_q[i] = i < 800 ? 32767 : -32768;
    ck_assert_int_eq(mr_integer_run(&n, x_q, 2, 200, y), 0);
    // Open gates and a state at its end give 1 - 2^-15 or so; closed ones give 0.
    const struct mr_rows *head = &n.ops[2].rows;
    const int32_t h =
        (int32_t)((mr_table_sigmoid(1 << 30) * mr_table_tanh(1 << 30) + (1 << 14)) >> 15);
    int64_t sum = head->bias[0];
    for (int k = 0; k < 4; k++)
        sum += (int64_t)head->weight[k] * h;
    wanted = (int32_t)(sum >> head->shift[0]);
    ck_assert_int_eq(y[0], wanted);
    ck_assert_int_eq(y[1], (int32_t)(head->bias[0] >> head->shift[0]));
    mr_network_free(&n);
}
END_TEST

START_TEST(inputs_are_rounded_and_clamped) {
    int32_t frac[3] = {12, 0, -2};
    struct mr_stream stream = {.width = 3, .frac = frac};
    struct mr_network n = {.stream_count = 1, .streams = &stream};
    const float x[] = {0.5f / 4096, 2.5f, 10, -0.5f / 4096, -2.5f, -10, 8, 1e9f, -1e9f};
    const int16_t expected[] = {1, 3, 3, 0, -2, -2, 32767, 32767, -32768};
    float bad[3] = {0, NAN, 0};
    int16_t x_q[9];

    ck_assert_int_eq(mr_quantise_input(&n, x, 3, x_q, NULL, error, sizeof error), 0);
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(x_q[i], expected[i]);
    ck_assert_int_ne(mr_quantise_input(&n, bad, 1, x_q, NULL, error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "step 0, feature 1"));
    // The casts of the network's input come first: to whole numbers, and to 0 and 1.
    static const int16_t whole[] = {0, 2, 3, 0, -2, -2}, truth[] = {0, 1, 0, 0, 1, 0};
    for (int i = 0; i < 2; i++) {
        n.input_cast = (struct mr_cast){.whole = true, .truth = i};
        ck_assert_int_eq(mr_quantise_input(&n, x, 2, x_q, NULL, error, sizeof error), 0);
        for (int k = 0; k < 6; k++)
            ck_assert_int_eq(x_q[k], i ? truth[k] * (k % 3 ? 1 : 4096) : whole[k]);
    }
}
END_TEST

// Around halves and the ends, alone and beside others that are rounded together with them: what
// double precision says, and what a step that is cut counts.
START_TEST(inputs_together_are_rounded_alike) {
    enum { WIDTH = 9, FORMATS = 4 };
    static const float edges[] = {0,      0.5f,     1,       1.5f,     2.5f, 32766.5f,
                                  32767,  32767.5f, 32768,   32768.5f, 1e9f, 3e38f,
                                  1e-20f, 1e-45f,   8388607, 16777216};
    static const int32_t formats[FORMATS] = {0, -16, 14, 40};
    int32_t frac[WIDTH];
    struct mr_stream stream = {.width = WIDTH, .frac = frac};
    struct mr_network n = {.stream_count = 1, .streams = &stream};

    for (int f = 0; f < FORMATS; f++)
        for (size_t i = 0; i < 6 * sizeof edges / sizeof *edges; i++) {
            const float edge = edges[i / 6];
            const float near = i % 3 == 0 ? edge : nextafterf(edge, i % 3 == 1 ? INFINITY : 0);
            for (int at = 0; at < WIDTH; at++) {
                float x[WIDTH];
                int16_t x_q[WIDTH];
                struct mr_input_cuts cuts[WIDTH] = {{0}};
                for (int k = 0; k < WIDTH; k++) {
                    frac[k] = k == at ? formats[f] : k;
                    x[k] = k == at ? ldexpf(i / 3 % 2 ? -near : near, -formats[f]) : 1;
                }
                if (!isfinite(x[at]))
                    continue;
                ck_assert_int_eq(mr_quantise_input(&n, x, 1, x_q, cuts, error, sizeof error), 0);
                for (int k = 0; k < WIDTH; k++) {
                    const double v = floor(ldexp((double)x[k], frac[k]) + 0.5);
                    const bool is_cut = v < INT16_MIN || v > INT16_MAX;
                    ck_assert_int_eq(x_q[k], is_cut ? v < 0 ? INT16_MIN : INT16_MAX : (int)v);
                    ck_assert_uint_eq(cuts[k].count, is_cut);
                }
                x[at] = i % 2 ? NAN : -INFINITY;
                ck_assert_int_ne(mr_quantise_input(&n, x, 1, x_q, NULL, error, sizeof error), 0);
            }
        }
}
END_TEST

START_TEST(what_does_not_fit_is_named) {
    uint64_t state = 3;
    static const int units[1] = {4};
    struct mr_network n;
    static const char *const said[] = {"layer 0, gate g, unit 2: the weight of column 1",
                                       "layer 0, gate f, unit 1: the bias",
                                       "head, output 1: the weight of column 3",
                                       "head, output 0: the weight of column 0",
                                       "head, output 1: the weight of column 2",
                                       "layer 0, gate o, unit 0: the weight of column 4"};
    static const enum mr_activation activations[] = {
        [2] = MR_ACTIVATION_SIGMOID, [4] = MR_ACTIVATION_TANH, [5] = 0};
    int feature = 7;

    net_chain(&n, "lstm", 3, 1, units, 2, activations[_i]);
    net_weights(&n, &state, 0.5);
    const struct mr_op *layer = &n.ops[0], *head = &n.ops[2];
    switch (_i) {
    case 0:
        layer->w_x[(2 * 4 + 2) * 3 + 1] = 1e6f;
        break;
    case 1:
        layer->bias[4 + 1] = 1e8f;
        break;
    case 2:
        head->w_x[4 + 3] = -1e9f;
        break;
    case 3:
        head->w_x[0] = 1e30f;
        break;
    case 4:
        head->w_x[4 + 2] = 1e9f;
        break;
    default:
        layer->w_h[12 * 4 + 1] = 3e38f;
    }
    ck_assert_int_ne(mr_quantise(&n, NULL, &feature, error, sizeof error), 0);
    ck_assert_msg(strncmp(error, said[_i], strlen(said[_i])) == 0, "%s", error);
    ck_assert_int_eq(feature, _i == 0 ? 1 : -1); // of the network's input
    mr_network_free(&n);
}
END_TEST

// ---- dense operators that others read

// x -> dense of 2 outputs -> LSTM -> output; the dense operator's weights are w.
static void make_inner(struct mr_network *n, enum mr_activation activation, float w) {
    net_create(n, 3, "inner");
    const int inner = net_add(n, "dense", 0, 2, activation);
    uint64_t state = 5;
    net_output(n, net_add(n, "lstm", inner, 3, MR_ACTIVATION_LINEAR), "h");
    net_weights(n, &state, 0.5);
    for (int k = 0; k < 6; k++)
        n->ops[0].w_x[k] = k & 1 ? -w : w;
    n->ops[0].bias[0] = n->ops[0].bias[1] = 0.25f * w;
}

// What another operator reads has 16 bits in one format that holds twice what calibration saw, or
// what there can be where that is less; what is squashed is Q15; numbers for the host have 32.
START_TEST(inner_streams_have_16_bits) {
    static const float seen[3 * 3] = {1, -1, 1, -1, 1, -1, 0.5f, 0.5f, 0.5f};
    static const enum mr_activation activations[] = {MR_ACTIVATION_LINEAR, MR_ACTIVATION_SIGMOID,
                                                     MR_ACTIVATION_TANH, MR_ACTIVATION_RELU};

    for (int i = 0; i < 4; i++)
        for (int exponent = -9; exponent <= 9; exponent++) {
            const enum mr_activation activation = activations[i];
            const bool squashed =
                activation == MR_ACTIVATION_SIGMOID || activation == MR_ACTIVATION_TANH;
            const float w = (float)ldexp(1, exponent);
            struct mr_network n;
            make_inner(&n, activation, w);
            ck_assert_int_eq(n.streams[n.ops[0].output].bits, 16);
            for (int calibrated = 0; calibrated < 2; calibrated++) {
                if (calibrated)
                    ck_assert_int_eq(mr_float_observe(&n, seen, 1, 3, NULL), 0);
                ck_assert_msg(!mr_quantise(&n, NULL, NULL, error, sizeof error), "%s", error);
                ck_assert_int_eq(mr_quantised_check(&n, "inner", error, sizeof error), 0);
                const int frac = n.streams[n.ops[0].output].frac[0];
                ck_assert_int_eq(n.streams[n.ops[0].output].frac[1], frac);
                const struct mr_op_limit limit = n.ops[0].kind->limit(&n, &n.ops[0]);
                if (squashed) {
                    ck_assert_int_eq(frac, MR_HIDDEN_FRAC);
                    ck_assert_double_eq(limit.limit, 0);
                    continue;
                }
                // Rows of 3 w, and 0.25 w more; inputs are within +-8 where none was seen.
                const double held = calibrated ? 2 * 3.25 * w : 8 * 3 * w + 0.25 * w;
                ck_assert_double_eq(limit.limit, ldexp(1, 15 - frac));
                ck_assert_double_eq(limit.unit, ldexp(1, -frac));
                ck_assert_msg(ldexp(held, frac) <= 32767, "w %g: %d", (double)w, frac);
                ck_assert_msg(ldexp(held, frac + 1) > 32767, "w %g: %d", (double)w, frac);
            }
            mr_network_free(&n);
        }
}
END_TEST

// One step of such an operator by hand: rounded to its format, cut at its ends, not below 0.
START_TEST(inner_numbers_are_rounded_and_cut) {
    for (int relu = 0; relu < 2; relu++) {
        struct mr_network n;
        make_inner(&n, relu ? MR_ACTIVATION_RELU : MR_ACTIVATION_LINEAR, 1);
        n.streams[n.ops[0].output].greatest[0] = 3.25; // so +-8 at most
        ck_assert_int_eq(mr_quantise(&n, NULL, NULL, error, sizeof error), 0);
        ck_assert_int_eq(n.streams[n.ops[0].output].frac[0], 12);
        static const struct {
            double x, y; // all columns such that their products have one sign
        } cases[] = {{0, 0.25},   {1, 3.25}, {-1, -2.75}, {2.5, 7.75},
                     {-2.75, -8}, {2.6, 8},  {7.9, 8},    {-7.9, -8}};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            int32_t in[3], out[2];
            for (int k = 0; k < 3; k++)
                in[k] = (int32_t)lrint(ldexp(k & 1 ? -cases[i].x : cases[i].x, 12));
            n.ops[0].kind->integer_row(&n, &n.ops[0], in, NULL, out, NULL);
            const double y = relu && cases[i].y < 0 ? 0 : cases[i].y;
            ck_assert_msg(out[0] == (int32_t)(y * 4096) - (y == 8), "%g gives %d", cases[i].x,
                          (int)out[0]);
        }
        mr_network_free(&n);
    }
}
END_TEST

// Numbers that an operator compares get one format, that of the widest range: the network's input,
// or what a dense operator gives, whose outputs have formats of their own otherwise.
START_TEST(compared_numbers_have_one_format) {
    static const int32_t frac[3] = {12, 9, 15};
    for (int compared = 0; compared < 2; compared++) {
        struct mr_network n;
        uint64_t state = 4;
        net_create(&n, 3, "compared");
        const int h = net_add(&n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
        const int y = net_add(&n, "dense", h, 3, MR_ACTIVATION_LINEAR);
        net_output(&n, y, "y");
        net_weights(&n, &state, 0.5);
        n.ops[1].w_x[4] = 100;
        if (compared) {
            net_output(&n, net_add(&n, "softmax", y, 0, MR_ACTIVATION_LINEAR), "p");
            net_output(&n, net_add(&n, "softmax", 0, 0, MR_ACTIVATION_LINEAR), "q");
        }
        ck_assert_msg(!mr_quantise(&n, frac, NULL, error, sizeof error), "%s", error);
        ck_assert_msg(!mr_quantised_check(&n, "m", error, sizeof error), "%s", error);
        const int32_t *of_y = n.streams[y].frac, *of_x = n.streams[0].frac;
        ck_assert_int_eq(of_y[0] == of_y[1] && of_y[1] == of_y[2], compared);
        for (int k = 0; k < 3; k++)
            ck_assert_int_eq(of_x[k], compared ? 9 : frac[k]);
        for (int i = 0; i < 2 && compared; i++) {
            n.streams[i ? y : 0].frac[2]++;
            ck_assert_int_ne(mr_quantised_check(&n, "m", error, sizeof error), 0);
            ck_assert_ptr_nonnull(strstr(error, "different formats"));
            n.streams[i ? y : 0].frac[2]--;
        }
        mr_network_free(&n);
    }
}
END_TEST

// A row of the last step has the formats of every step's, so what compares it asks for one format
// where the numbers are made. An arg-max is told of different ones as well as a softmax.
START_TEST(compared_numbers_of_the_last_step_have_one_format) {
    static const char *const kinds[] = {"softmax", "argmax"};
    static const int32_t frac[3] = {12, 9, 15};
    struct mr_network n;
    net_create(&n, 3, "compared");
    const int h = net_add(&n, "lstm", 0, 4, MR_ACTIVATION_LINEAR);
    const int last = net_add(&n, "last", 0, 0, MR_ACTIVATION_LINEAR);
    net_output(&n, h, "h");
    net_output(&n, net_add(&n, kinds[_i], last, 0, MR_ACTIVATION_LINEAR), "q");
    ck_assert_msg(!mr_quantise(&n, frac, NULL, error, sizeof error), "%s", error);
    ck_assert_msg(!mr_quantised_check(&n, "m", error, sizeof error), "%s", error);
    for (int k = 0; k < 3; k++)
        ck_assert_int_eq(n.streams[last].frac[k], 9);
    n.streams[0].frac[2] = n.streams[last].frac[2] = 10;
    ck_assert_int_ne(mr_quantised_check(&n, "m", error, sizeof error), 0);
    ck_assert_ptr_nonnull(strstr(error, "numbers 0 and 2 of the input have different formats"));
    mr_network_free(&n);
}
END_TEST

// Joined rows that are compared have the format of the side with fewer fraction bits, and numbers
// of the other one are rounded to it, ties up.
START_TEST(compared_rows_are_joined_in_one_format) {
    static const int32_t fracs[] = {9, 15, 19, -16};
    for (size_t i = 0; i < sizeof fracs / sizeof *fracs; i++) {
        const int32_t frac[2] = {fracs[i], fracs[i]}, in[] = {3, -32768, 32767, -4, 5};
        const int least = fracs[i] < 15 ? fracs[i] : 15;
        struct mr_network n;
        int32_t out[5];
        net_create(&n, 2, "joined");
        const int h = net_add(&n, "lstm", 0, 3, MR_ACTIVATION_LINEAR), both = net_join(&n, h, 0);
        net_output(&n, net_add(&n, "layer_norm", both, 0, MR_ACTIVATION_LINEAR), "y");
        ck_assert_msg(!mr_quantise(&n, frac, NULL, error, sizeof error), "%s", error);
        ck_assert_msg(!mr_quantised_check(&n, "m", error, sizeof error), "%s", error);
        const struct mr_op *op = &n.ops[n.streams[both].writer];
        op->kind->integer_row(&n, op, in, NULL, out, NULL);
        for (int k = 0; k < 5; k++) {
            const int from = k < 3 ? 15 : fracs[i];
            ck_assert_int_eq(n.streams[both].frac[k], least);
            ck_assert_int_eq(out[k], (int)floor(ldexp(in[k], least - from) + 0.5));
            n.streams[both].frac[k]++;
            ck_assert_int_ne(op->kind->check(&n, op, error, sizeof error), 0);
            ck_assert_ptr_nonnull(strstr(error, "are due"));
            n.streams[both].frac[k]--;
        }
        n.streams[0].frac[1]++;
        ck_assert_int_ne(op->kind->quantise(&n, &n.ops[n.streams[both].writer],
                                            n.streams[both].frac, NULL, error, sizeof error),
                         0);
        ck_assert_ptr_nonnull(strstr(error, "numbers 3 and 4, which come from one stream"));
        mr_network_free(&n);
    }
}
END_TEST

// Compared numbers that are all but 0 could have more fraction bits than a softmax takes.
START_TEST(tiny_numbers_can_be_compared) {
    struct mr_network n;
    net_create(&n, 3, "tiny");
    const int h = net_add(&n, "gru", 0, 4, MR_ACTIVATION_LINEAR);
    const int y = net_add(&n, "dense", h, 3, MR_ACTIVATION_LINEAR);
    net_output(&n, net_add(&n, "softmax", y, 0, MR_ACTIVATION_LINEAR), "p");
    n.ops[1].bias[1] = 1e-9f;
    ck_assert_msg(!mr_quantise(&n, NULL, NULL, error, sizeof error), "%s", error);
    ck_assert_msg(!mr_quantised_check(&n, "m", error, sizeof error), "%s", error);
    ck_assert_int_eq(n.streams[y].frac[0], MR_FRAC_MAX);
    mr_network_free(&n);
}
END_TEST

// Peepholes have one format, with as many fraction bits as the largest one lets them have; the cell
// states' exponent is in it. One that leaves none is refused.
START_TEST(constants_have_the_largest_format_that_fits) {
    static const struct {
        float greatest;
        double cell; // the largest magnitude of cell states
        int frac;    // -1: refused
    } cases[] = {{0, 1, 30},      {0.4f, 1, 18},  {1, 1, 16},         {-1, 1000, 12},
                 {100000, 1, 0},  {131071, 1, 0}, {131071.6f, 1, -1}, {1.9f, 4e6, 0},
                 {1e-30f, 1, 30}, {3, 4e6, -1},   {1e30f, 1e9, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_network n;
        net_create(&n, 2, "peepholes");
        net_output(&n, net_add(&n, "lstm_peephole", 0, 3, MR_ACTIVATION_LINEAR), "h");
        struct mr_op *op = &n.ops[0];
        op->greatest = cases[i].cell;
        op->constants[4] = cases[i].greatest;
        op->constants[8] = cases[i].greatest / 3;
        const int result = mr_quantise(&n, NULL, NULL, error, sizeof error);
        ck_assert_msg((result == 0) == (cases[i].frac >= 0), "case %zu", i);
        if (result != 0) {
            ck_assert_msg(strstr(error, "layer 0 has a peephole of ") != NULL, "%s", error);
        } else {
            ck_assert_msg(op->rows.constant_frac == cases[i].frac, "case %zu: %d", i,
                          op->rows.constant_frac);
            for (int k = 0; k < 9; k++)
                ck_assert_int_eq(
                    op->rows.constant[k],
                    floor(ldexp(op->constants[k], cases[i].frac + op->exponent) + 0.5));
            ck_assert_msg(!mr_quantised_check(&n, "m", error, sizeof error), "%s", error);
            op->rows.constant[2] = -(1 << 17) - 1;
            ck_assert_int_ne(mr_quantised_check(&n, "m", error, sizeof error), 0);
            ck_assert_ptr_nonnull(strstr(error, "more than 18 bits"));
        }
        mr_network_free(&n);
    }
}
END_TEST

// ---- rows

static struct mr_float_row make_row(const float *x, int x_count, const int32_t *x_frac,
                                    const float *h, int h_count, double bias) {
    return (struct mr_float_row){.w = {x, h},
                                 .columns = {x_count, h_count},
                                 .frac = {x_frac, NULL},
                                 .bias = bias,
                                 .blame = -1,
                                 .label = "row"};
}

START_TEST(a_row_is_within_its_bound) {
    uint64_t state = new_seed();
    enum { X = 4, H = 3 };

    for (int round = 0; round < 2000; round++) {
        float x[X], h[H];
        int32_t x_frac[X], frac = -1;
        struct mr_rows rows = {0};
        random_numbers(&state, x, X, ldexp(1, random_between(&state, -12, 14)));
        random_numbers(&state, h, H, ldexp(1, random_between(&state, -12, 14)));
        for (int k = 0; k < X; k++)
            x_frac[k] = random_between(&state, MR_FRAC_MIN, MR_FRAC_USUAL);
        struct mr_float_row row = make_row(
            x, X, x_frac, h, H, random_number(&state, ldexp(1, random_between(&state, -9, 20))));
        const int most = random_between(&state, 0, MR_SCALE_MAX);
        double bound = fabs(row.bias);
        for (int k = 0; k < X; k++)
            bound += ldexp(fabs((double)x[k]), 15 - x_frac[k]);
        for (int k = 0; k < H; k++)
            bound += fabs((double)h[k]);
        ck_assert_double_eq_tol(mr_row_bound(&row), bound, 1e-9 * bound);
        ck_assert_int_eq(mr_rows_create(&rows, 1, X + H, 1), 0);
        if (mr_row_number(&row, most, &rows, 0, &frac, error, sizeof error) != 0) {
            ck_assert_msg(strstr(error, "too large") != NULL, "%s", error);
        } else {
            ck_assert(frac >= 0 && frac <= most);
            ck_assert(mr_row_fits_number(&rows, 0));
            ck_assert_msg(mr_rows_check(&rows, 16, X + H, "row", error, sizeof error) == 0, "%s",
                          error);
            // No vector leaves 32 bits, and the format is not wasted.
            int64_t high = rows.bias[0], low = rows.bias[0];
            for (int k = 0; k < X + H; k++) {
                const int64_t w = rows.weight[k], at_low = w * -32768, at_high = w * 32767;
                high += at_low > at_high ? at_low : at_high;
                low += at_low < at_high ? at_low : at_high;
            }
            ck_assert(high >> rows.shift[0] <= INT32_MAX);
            ck_assert(low >> rows.shift[0] >= INT32_MIN);
        }
        mr_rows_free(&rows);
    }
}
END_TEST

// Gates whose sums over x and over h are kept apart: each sum has a scale and a bound of its own.
START_TEST(split_rows_have_two_sums) {
    enum { GATES = 3, X = 2, H = 2 }; // the last gate is split
    static const float x[X] = {0.5f, -0.25f}, h[H] = {100, -50};
    static const int32_t x_frac[X] = {15, 15};
    struct mr_rows rows = {0};

    ck_assert_int_eq(mr_rows_create(&rows, GATES, X + H, GATES + 1), 0);
    for (int gate = 0; gate < GATES; gate++) {
        struct mr_float_row row =
            make_row(x, X, x_frac, h, gate < GATES - 1 ? H : 0, 0.125 * (gate + 1));
        ck_assert_int_eq(
            mr_row_fixed(&row, 16, MR_SIGMOID_FRAC, &rows, gate, 0, gate, error, sizeof error), 0);
    }
    struct mr_float_row apart = make_row(h, H, NULL, NULL, 0, -3);
    ck_assert_int_eq(
        mr_row_fixed(&apart, 16, MR_TANH_FRAC, &rows, GATES - 1, X, GATES, error, 1024), 0);
    // What is large in h takes no bits from x of the gate that is split, but from the others.
    ck_assert_int_eq(rows.shift[0], rows.shift[1]);
    ck_assert_int_gt(rows.shift[2], rows.shift[1] + 6);
    const int16_t *last = rows.weight + (GATES - 1) * (X + H);
    ck_assert_int_eq(last[0], (int)ldexp(0.5, rows.shift[2]));
    ck_assert_int_eq(last[1], (int)ldexp(-0.25, rows.shift[2]));
    ck_assert_int_eq(last[2], (int)ldexp(100, rows.shift[3] + 1));
    ck_assert_int_eq(last[3], (int)ldexp(-50, rows.shift[3] + 1));
    ck_assert(rows.bias[3] ==
              (int64_t)ldexp(-3, rows.shift[3] + 16) + ((int64_t)1 << (rows.shift[3] - 1)));
    ck_assert(mr_rows_bound(&rows, 2, 0, X, 2) ==
              32768 * (int64_t)(last[0] - last[1]) + rows.bias[2]);
    ck_assert(mr_rows_bound(&rows, 2, X, H, 3) ==
              32768 * (int64_t)(last[2] - last[3]) - rows.bias[3]);
    ck_assert_int_eq(mr_rows_check(&rows, 16, X, "row", error, sizeof error), 0);

    // Each sum is looked at, with the columns that it has.
    const int64_t limit = (int64_t)1 << MR_SUM_BITS;
    rows.bias[3] = limit - 1 - 32768 * (int64_t)(last[2] - last[3]);
    ck_assert_int_eq(mr_rows_check(&rows, 16, X, "row", error, sizeof error), 0);
    rows.bias[3]++;
    ck_assert_int_ne(mr_rows_check(&rows, 16, X, "part", error, sizeof error), 0);
    ck_assert_msg(strstr(error, "part, row 2") && strstr(error, "2^39"), "%s", error);
    rows.bias[3] = 0;
    rows.shift[3] = 0;
    ck_assert_int_ne(mr_rows_check(&rows, 16, X, "part", error, sizeof error), 0);
    ck_assert_msg(strstr(error, "part, row 2 has shift 0") != NULL, "%s", error);
    rows.shift[3] = 5;
    rows.bias[2] = limit - 1 - 32768 * (int64_t)(last[0] - last[1]);
    ck_assert_int_eq(mr_rows_check(&rows, 16, X, "row", error, sizeof error), 0);
    rows.bias[2]++;
    ck_assert_int_ne(mr_rows_check(&rows, 16, X, "part", error, sizeof error), 0);
    rows.bias[2] = 0;
    rows.bias[0] = limit - 1 - mr_rows_bound(&rows, 0, 0, X, 1) + rows.bias[1];
    ck_assert_int_ne(mr_rows_check(&rows, 16, X, "part", error, sizeof error), 0); // h counts there
    ck_assert_msg(strstr(error, "part, row 0") != NULL, "%s", error);
    mr_rows_free(&rows);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("quantise");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_test(all, fraction_bits_hold_the_greatest);
    tcase_add_test(all, random_networks_keep_their_promises);
    tcase_add_test(all, integers_are_close_to_float);
    tcase_add_test(all, random_graphs_are_close_to_float);
    tcase_add_test(all, extremes_saturate);
    tcase_add_test(all, inputs_are_rounded_and_clamped);
    tcase_add_test(all, inputs_together_are_rounded_alike);
    tcase_add_loop_test(all, what_does_not_fit_is_named, 0, 6);
    tcase_add_test(all, inner_streams_have_16_bits);
    tcase_add_test(all, inner_numbers_are_rounded_and_cut);
    tcase_add_test(all, compared_numbers_have_one_format);
    tcase_add_test(all, compared_rows_are_joined_in_one_format);
    tcase_add_loop_test(all, compared_numbers_of_the_last_step_have_one_format, 0, 2);
    tcase_add_test(all, tiny_numbers_can_be_compared);
    tcase_add_test(all, constants_have_the_largest_format_that_fits);
    tcase_add_test(all, a_row_is_within_its_bound);
    tcase_add_test(all, split_rows_have_two_sums);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
