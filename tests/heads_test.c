// SPDX-License-Identifier: Apache-2.0
// The kernels of hls/kernels/heads as C, bit for bit against the host's operators, which are
// written after the formulas (host/nn/ops). hlsc_test.sh checks that their RTL gives what their C
// gives.
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
static uint64_t *cut_probe; // of the kernel that ran last
#define HLS_ON_PROBE(process, name, address) (cut_probe = (address))
#include "kernel_fixture.h"
#include "kernels/argmax.c"
#include "kernels/dense.c"
#include "kernels/softmax.c"

#define SOFTMAX softmax1000
#define SOFTMAX_COUNT 1000
#define SOFTMAX_FRAC 26
#include "heads/softmax.h"

#include "network_fixture.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#define SEED UINT64_C(4711)
enum { ROWS = 300, MOST = 16 };

// ---- the reference: an operator of the host, alone in its network

static const struct mr_op *open_op(struct mr_network *network, const char *kind, int inputs,
                                   int units, enum mr_activation activation) {
    net_create(network, inputs, kind);
    net_add(network, kind, 0, units, activation);
    return &network->ops[0];
}

static void run_row(const struct mr_network *network, const int32_t *x, int32_t *y) {
    network->ops[0].kind->integer_row(network, &network->ops[0], x, NULL, y, NULL);
}

// Some outputs stay within 16 bits, some do not; some beyond 32 bits.
static void draw_dense(uint64_t *state, struct mr_network *network, int inputs, int outputs,
                       enum mr_activation activation) {
    open_op(network, "dense", inputs, outputs, activation);
    struct mr_rows *rows = &network->ops[0].rows;
    ck_assert_int_eq(mr_rows_create(rows, outputs, inputs, outputs), 0);
    for (int n = 0; n < inputs * outputs; n++)
        rows->weight[n] = (int16_t)random_bits(state);
    for (int o = 0; o < outputs; o++) {
        rows->shift[o] = random_between(state, 0, 23);
        rows->bias[o] = (int32_t)random_bits(state) * ((int64_t)1 << random_between(state, 0, 15));
    }
}

// Gives the outputs, and how many of them `bits` bits could not hold; of an activation that always
// gives 16 bits those at their ends, which may be some more.
static uint64_t dense_row(struct mr_network *network, int bits, const int32_t *x, int32_t *y) {
    int32_t wide[MOST];
    uint64_t cut = 0;
    network->streams[1].bits = 32;
    run_row(network, x, wide);
    network->streams[1].bits = bits;
    run_row(network, x, y);
    for (int o = 0; o < network->ops[0].units; o++)
        cut += network->ops[0].places[MR_PLACE_G].kind > MR_ACTIVATION_RELU
                   ? y[o] == INT16_MAX || y[o] == INT16_MIN
                   : y[o] != wide[o];
    return cut;
}

// Lane words share beats, then bias and shift have one each (load_lanes.h, dense.h).
static void push_weights(hls_stream(beat_t) * to, const struct mr_op *dense, int lc) {
    beat_t beat = {{0}};
    int part = 0;
    for (int o = 0; o < dense->units; o++) {
        for (int first = 0; first < dense->inputs; first += lc) {
            for (int c = 0; c < lc && first + c < dense->inputs; c++)
                beat.v[part * lc + c] = dense->rows.weight[o * dense->inputs + first + c];
            if (++part == 32 / lc || (o == dense->units - 1 && first + lc >= dense->inputs)) {
                hls_write(beat_t, to, beat);
                beat = (beat_t){{0}};
                part = 0;
            }
        }
    }
    for (int o = 0; o < dense->units; o++) {
        const uint64_t bias = (uint64_t)dense->rows.bias[o];
        const beat_t last = {{(int16_t)bias, (int16_t)(bias >> 16), (int16_t)(bias >> 32),
                              (int16_t)(dense->rows.shift[o] | 0x7fe0)}};
        hls_write(beat_t, to, last);
    }
}

// X, Y: types of input and output elements; lc, out_lc: numbers in them, 0 for numbers of 32 bits.
#define CHECK_DENSE(kernel, X, Y, inputs, outputs, activation, lc, out_lc)                         \
    do {                                                                                           \
        struct mr_network dense;                                                                   \
        draw_dense(&state, &dense, inputs, outputs, activation);                                   \
        dense.ops[0].places[MR_PLACE_G].alpha = activation == MR_ACTIVATION_ELU ? 0.5 : 0;         \
        if (activation > MR_ACTIVATION_RELU && MR_IS_OPEN(activation))                             \
            dense.ops[0].places[MR_PLACE_G].frac = 6;                                              \
        HLS_CHANNEL(beat_t, weights);                                                              \
        HLS_CHANNEL(X, x);                                                                         \
        HLS_CHANNEL(Y, y);                                                                         \
        push_weights(&weights, &dense.ops[0], lc);                                                 \
        kernel(&weights, &x, &y, MR_COMMAND_LOAD, 0);                                              \
        ck_assert_empty(weights);                                                                  \
        static int32_t rows[ROWS][MOST];                                                           \
        for (int n = 0; n < ROWS; n++) {                                                           \
            for (int first = 0; first < inputs; first += lc) {                                     \
                int16_t v[MOST] = {0};                                                             \
                for (int c = 0; c < lc && first + c < inputs; c++)                                 \
                    rows[n][first + c] = v[c] = (int16_t)random_bits(&state);                      \
                hls_fifo_push(&x.fifo, v, sizeof(X));                                              \
            }                                                                                      \
        }                                                                                          \
        cut_probe = NULL;                                                                          \
        kernel(&weights, &x, &y, MR_COMMAND_RUN, ROWS);                                            \
        ck_assert_empty(x);                                                                        \
        const int step = out_lc ? out_lc : 1;                                                      \
        uint64_t cut = 0;                                                                          \
        for (int n = 0; n < ROWS; n++) {                                                           \
            int32_t wanted[MOST];                                                                  \
            cut += dense_row(&dense, out_lc ? 16 : 32, rows[n], wanted);                           \
            for (int first = 0; first < outputs; first += step) {                                  \
                int16_t vector[MOST];                                                              \
                int32_t number = 0;                                                                \
                hls_fifo_pop(&y.fifo, out_lc ? (void *)vector : &number, sizeof(Y));               \
                for (int c = 0; c < step; c++) {                                                   \
                    const int32_t given = out_lc ? vector[c] : number;                             \
                    const int32_t due = first + c < outputs ? wanted[first + c] : 0;               \
                    if (given != due)                                                              \
                        ck_abort_msg(#kernel " row %d output %d is %d and must be %d", n,          \
                                     first + c, (int)given, (int)due);                             \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        ck_assert_empty(y);                                                                        \
        const bool placed = activation > MR_ACTIVATION_RELU;                                       \
        ck_assert_int_eq(cut_probe != NULL, (out_lc || placed) && MR_IS_OPEN(activation));         \
        all_cut[placed] += cut_probe ? *cut_probe : 0;                                             \
        ck_assert_msg(!cut_probe ||                                                                \
                          (*cut_probe <= cut && *cut_probe + (placed ? ROWS : 0) >= cut),          \
                      #kernel " counts %llu that are cut and must count %llu",                     \
                      (unsigned long long)*cut_probe, (unsigned long long)cut);                    \
        mr_network_free(&dense);                                                                   \
    } while (0)

START_TEST(dense_layers) {
    uint64_t state = SEED, all_cut[2] = {0};
    for (int n = 0; n < 50; n++) {
        CHECK_DENSE(linear_numbers, vec4_t, int32_t, 7, 5, MR_ACTIVATION_LINEAR, 4, 0);
        CHECK_DENSE(tanh_numbers, vec2_t, int32_t, 4, 3, MR_ACTIVATION_TANH, 2, 0);
        CHECK_DENSE(relu_number, vec1_t, int32_t, 1, 1, MR_ACTIVATION_RELU, 1, 0);
        CHECK_DENSE(linear_vectors, vec3_t, vec2_t, 3, 6, MR_ACTIVATION_LINEAR, 3, 2);
        CHECK_DENSE(relu_vectors, vec2_t, vec3_t, 9, 7, MR_ACTIVATION_RELU, 2, 3);
        CHECK_DENSE(tanh_vectors, vec1_t, vec1_t, 2, 3, MR_ACTIVATION_TANH, 1, 1);
        CHECK_DENSE(sigmoid_vector, vec3_t, vec4_t, 5, 2, MR_ACTIVATION_SIGMOID, 3, 4);
        CHECK_DENSE(softplus_numbers, vec2_t, int32_t, 3, 4, MR_ACTIVATION_SOFTPLUS, 2, 0);
        CHECK_DENSE(elu_vectors, vec1_t, vec2_t, 2, 5, MR_ACTIVATION_ELU, 1, 2);
        CHECK_DENSE(swish_numbers, vec3_t, int32_t, 3, 2, MR_ACTIVATION_SWISH, 3, 0);
        CHECK_DENSE(mish_vectors, vec2_t, vec3_t, 2, 3, MR_ACTIVATION_MISH, 2, 3);
        CHECK_DENSE(hard_vectors, vec2_t, vec3_t, 2, 3, MR_ACTIVATION_HARD, 2, 3);
    }
    ck_assert(all_cut[false] > 0 && all_cut[true] > 0);
}
END_TEST

// Rows for softmax: all kinds of widths, ties, one that is far above the others, ends of the range.
static void draw_row(uint64_t *state, int32_t *x, int count) {
    const uint32_t kind = random_bits(state) % 8;
    const int shift = (int)(random_bits(state) % 32);
    const int32_t middle = (int32_t)random_bits(state) >> random_bits(state) % 32;
    for (int i = 0; i < count; i++) {
        const int32_t wide = (int32_t)random_bits(state);
        x[i] = kind == 0   ? middle
               : kind == 1 ? (i == 0 ? INT32_MAX : INT32_MIN)
               : kind == 2 ? (wide < 0 ? middle : (int32_t)((uint32_t)middle + (1u << shift)))
                           : wide >> shift;
    }
    if (kind >= 6)
        x[random_bits(state) % (uint32_t)count] =
            INT32_MAX - (int32_t)(random_bits(state) >> shift >> 1);
}

// Of softmax and arg-max.
typedef void row_kernel(hls_stream(int32_t) *, hls_stream(int32_t) *, uint32_t, uint32_t);

// Runs of 1 to 3 rows: each run gives all of its rows. Against the reference to the bit, and
// against the exact softmax within the bound of softmax.h.
static void check_softmax(row_kernel *kernel, int count, int frac, int runs) {
    enum { TOGETHER = 3, LONGEST = 1000 };
    static int32_t x[TOGETHER][LONGEST];
    static double e[LONGEST];
    uint64_t state = SEED + (uint64_t)count;
    int32_t *formats = malloc((size_t)count * sizeof *formats);
    struct mr_network network;
    double worst = 0;
    ck_assert_ptr_nonnull(formats);
    for (int i = 0; i < count; i++)
        formats[i] = frac;
    open_op(&network, "softmax", count, 0, MR_ACTIVATION_LINEAR);
    network.streams[0].frac = formats; // mr_network_free frees it
    HLS_CHANNEL(int32_t, in);
    HLS_CHANNEL(int32_t, out);
    for (int run = 0; run < runs; run++) {
        const int rows = 1 + (int)(random_bits(&state) % TOGETHER);
        for (int n = 0; n < rows; n++) {
            draw_row(&state, x[n], count);
            for (int i = 0; i < count; i++)
                hls_write(int32_t, &in, x[n][i]);
        }
        kernel(&in, &out, MR_COMMAND_RUN, (uint32_t)rows);
        for (int n = 0; n < rows; n++) {
            int32_t wanted[LONGEST];
            run_row(&network, x[n], wanted);
            int32_t top = x[n][0];
            for (int i = 1; i < count; i++)
                top = x[n][i] > top ? x[n][i] : top;
            double sum = 0;
            for (int i = 0; i < count; i++)
                sum += e[i] = exp(ldexp((double)x[n][i] - top, -frac));
            for (int i = 0; i < count; i++) {
                const int32_t y = hls_read(int32_t, &out);
                if (y != wanted[i] || y < 0 || y > 1 << MR_SOFTMAX_FRAC)
                    ck_abort_msg("%d of fraction %d, run %d: %d is %d and must be %d", count, frac,
                                 run, i, (int)y, (int)wanted[i]);
                worst = fmax(worst, fabs(y - ldexp(e[i] / sum, MR_SOFTMAX_FRAC)));
            }
        }
        ck_assert_empty(out);
        ck_assert_empty(in);
    }
    const double bound = 3 + count / 65536.0;
    printf("softmax of %d, fraction %d: at most %.2f units of 2^-%d off, may be %.2f\n", count,
           frac, worst, MR_SOFTMAX_FRAC, bound);
    ck_assert(worst < bound);
    mr_network_free(&network);
}

START_TEST(softmax) {
    check_softmax(softmax1, 1, 24, 1000);
    check_softmax(softmax2, 2, 30, 100000);
    check_softmax(softmax7, 7, 12, 50000);
    check_softmax(softmax10, 10, -5, 30000);
    check_softmax(softmax10_steep, 10, -16, 30000);
    check_softmax(softmax33, 33, 0, 10000);
    check_softmax(softmax33_flat, 33, 40, 10000);
    check_softmax(softmax200, 200, 27, 2000);
    check_softmax(softmax1000, 1000, 26, 400);
}
END_TEST

static void check_argmax(row_kernel *kernel, int count) {
    static int32_t x[ROWS][1000];
    uint64_t state = SEED + (uint64_t)count;
    struct mr_network network;
    open_op(&network, "argmax", count, 0, MR_ACTIVATION_LINEAR);
    HLS_CHANNEL(int32_t, in);
    HLS_CHANNEL(int32_t, out);
    for (int n = 0; n < ROWS; n++) {
        draw_row(&state, x[n], count);
        for (int i = 0; i < count; i++)
            hls_write(int32_t, &in, x[n][i]);
    }
    kernel(&in, &out, MR_COMMAND_RUN, ROWS);
    for (int n = 0; n < ROWS; n++) {
        int32_t wanted;
        run_row(&network, x[n], &wanted);
        ck_assert_int_eq(hls_read(int32_t, &out), wanted);
    }
    mr_network_free(&network);
    ck_assert_empty(in);
    ck_assert_empty(out);
}

START_TEST(argmax_of_rows) {
    check_argmax(argmax1, 1);
    check_argmax(argmax2, 2);
    check_argmax(argmax7, 7);
    check_argmax(argmax1000, 1000);
}
END_TEST

int main(void) {
    printf("heads_test: seed %llu\n", (unsigned long long)SEED);
    Suite *suite = suite_create("heads");
    TCase *tests = tcase_create("heads");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, dense_layers);
    tcase_add_test(tests, softmax);
    tcase_add_test(tests, argmax_of_rows);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
