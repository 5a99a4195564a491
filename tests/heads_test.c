// SPDX-License-Identifier: Apache-2.0
// The kernels of hls/kernels/heads as C, bit for bit against the
// plain reference. hlsc_test.sh checks that their RTL gives what their C gives.
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

#include "formats.h"
#include "heads_reference.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#define SEED UINT64_C(4711)
enum { ROWS = 300, MOST = 16 };

static struct {
    int16_t weights[MOST * MOST];
    int64_t bias[MOST];
    uint8_t shift[MOST];
} drawn;

// Some outputs stay within 16 bits, some do not; some beyond 32 bits.
static struct dense_reference draw_dense(uint64_t *state, int inputs, int outputs, int activation,
                                         int bits) {
    for (int n = 0; n < inputs * outputs; n++)
        drawn.weights[n] = (int16_t)draw(state);
    for (int o = 0; o < outputs; o++) {
        drawn.shift[o] = (uint8_t)(draw(state) % 24);
        drawn.bias[o] = (int32_t)draw(state) * ((int64_t)1 << draw(state) % 16);
    }
    return (struct dense_reference){inputs,        outputs,    activation, bits,
                                    drawn.weights, drawn.bias, drawn.shift};
}

// Lane words share beats, then bias and shift have one each (load_lanes.h, dense.h).
static void push_weights(hls_stream(beat_t) * to, const struct dense_reference *dense, int lc) {
    beat_t beat = {{0}};
    int part = 0;
    for (int o = 0; o < dense->outputs; o++) {
        for (int first = 0; first < dense->inputs; first += lc) {
            for (int c = 0; c < lc && first + c < dense->inputs; c++)
                beat.v[part * lc + c] = dense->weights[o * dense->inputs + first + c];
            if (++part == 32 / lc || (o == dense->outputs - 1 && first + lc >= dense->inputs)) {
                hls_write(beat_t, to, beat);
                beat = (beat_t){{0}};
                part = 0;
            }
        }
    }
    for (int o = 0; o < dense->outputs; o++) {
        const uint64_t bias = (uint64_t)dense->bias[o];
        const beat_t last = {{(int16_t)bias, (int16_t)(bias >> 16), (int16_t)(bias >> 32),
                              (int16_t)(dense->shift[o] | 0x7fe0)}};
        hls_write(beat_t, to, last);
    }
}

// X, Y: types of input and output elements; lc: of the input; step: outputs per element.
#define CHECK_DENSE(kernel, X, Y, reference, lc, step)                                             \
    do {                                                                                           \
        const struct dense_reference dense = reference;                                            \
        HLS_CHANNEL(beat_t, weights);                                                              \
        HLS_CHANNEL(X, x);                                                                         \
        HLS_CHANNEL(Y, y);                                                                         \
        push_weights(&weights, &dense, lc);                                                        \
        kernel(&weights, &x, &y, MR_COMMAND_LOAD, 0);                                              \
        ck_assert_empty(weights);                                                                  \
        static int16_t rows[ROWS][MOST];                                                           \
        for (int n = 0; n < ROWS; n++) {                                                           \
            for (int first = 0; first < dense.inputs; first += lc) {                               \
                int16_t v[MOST] = {0};                                                             \
                for (int c = 0; c < lc && first + c < dense.inputs; c++)                           \
                    v[c] = rows[n][first + c] = (int16_t)draw(&state);                             \
                hls_fifo_push(&x.fifo, v, sizeof(X));                                              \
            }                                                                                      \
        }                                                                                          \
        cut_probe = NULL;                                                                          \
        kernel(&weights, &x, &y, MR_COMMAND_RUN, ROWS);                                            \
        ck_assert_empty(x);                                                                        \
        uint64_t cut = 0;                                                                          \
        for (int n = 0; n < ROWS; n++) {                                                           \
            int32_t wanted[MOST];                                                                  \
            cut += dense_row(&dense, rows[n], wanted);                                             \
            for (int first = 0; first < dense.outputs; first += step) {                            \
                int16_t vector[MOST];                                                              \
                int32_t number = 0;                                                                \
                hls_fifo_pop(&y.fifo, dense.bits == 16 ? (void *)vector : &number, sizeof(Y));     \
                for (int c = 0; c < step; c++) {                                                   \
                    const int32_t given = dense.bits == 16 ? vector[c] : number;                   \
                    const int32_t due = first + c < dense.outputs ? wanted[first + c] : 0;         \
                    if (given != due)                                                              \
                        ck_abort_msg(#kernel " row %d output %d is %d and must be %d", n,          \
                                     first + c, (int)given, (int)due);                             \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        ck_assert_empty(y);                                                                        \
        const bool counted =                                                                       \
            dense.bits == 16 && dense.activation != MR_SIGMOID && dense.activation != MR_TANH;     \
        ck_assert_int_eq(cut_probe != NULL, counted);                                              \
        ck_assert_msg(!counted || (*cut_probe == cut && cut > 0),                                  \
                      #kernel " counts %llu that are cut and must count %llu",                     \
                      (unsigned long long)*cut_probe, (unsigned long long)cut);                    \
    } while (0)

START_TEST(dense_layers) {
    uint64_t state = SEED;
    for (int n = 0; n < 50; n++) {
        CHECK_DENSE(linear_numbers, vec4_t, int32_t, draw_dense(&state, 7, 5, MR_LINEAR, 32), 4, 1);
        CHECK_DENSE(tanh_numbers, vec2_t, int32_t, draw_dense(&state, 4, 3, MR_TANH, 32), 2, 1);
        CHECK_DENSE(relu_number, vec1_t, int32_t, draw_dense(&state, 1, 1, MR_RELU, 32), 1, 1);
        CHECK_DENSE(linear_vectors, vec3_t, vec2_t, draw_dense(&state, 3, 6, MR_LINEAR, 16), 3, 2);
        CHECK_DENSE(relu_vectors, vec2_t, vec3_t, draw_dense(&state, 9, 7, MR_RELU, 16), 2, 3);
        CHECK_DENSE(tanh_vectors, vec1_t, vec1_t, draw_dense(&state, 2, 3, MR_TANH, 16), 1, 1);
        CHECK_DENSE(sigmoid_vector, vec3_t, vec4_t, draw_dense(&state, 5, 2, MR_SIGMOID, 16), 3, 4);
    }
}
END_TEST

// Rows for softmax: all kinds of widths, ties, one that is far above the others, ends of the range.
static void draw_row(uint64_t *state, int32_t *x, int count) {
    const uint32_t kind = draw(state) % 8;
    const int shift = (int)(draw(state) % 32);
    const int32_t middle = (int32_t)draw(state) >> draw(state) % 32;
    for (int i = 0; i < count; i++) {
        const int32_t wide = (int32_t)draw(state);
        x[i] = kind == 0   ? middle
               : kind == 1 ? (i == 0 ? INT32_MAX : INT32_MIN)
               : kind == 2 ? (wide < 0 ? middle : (int32_t)((uint32_t)middle + (1u << shift)))
                           : wide >> shift;
    }
    if (kind >= 6)
        x[draw(state) % (uint32_t)count] = INT32_MAX - (int32_t)(draw(state) >> shift >> 1);
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
    double worst = 0;
    HLS_CHANNEL(int32_t, in);
    HLS_CHANNEL(int32_t, out);
    for (int run = 0; run < runs; run++) {
        const int rows = 1 + (int)(draw(&state) % TOGETHER);
        for (int n = 0; n < rows; n++) {
            draw_row(&state, x[n], count);
            for (int i = 0; i < count; i++)
                hls_write(int32_t, &in, x[n][i]);
        }
        kernel(&in, &out, MR_COMMAND_RUN, (uint32_t)rows);
        for (int n = 0; n < rows; n++) {
            int32_t wanted[LONGEST];
            softmax_row(x[n], count, frac, wanted);
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
    HLS_CHANNEL(int32_t, in);
    HLS_CHANNEL(int32_t, out);
    for (int n = 0; n < ROWS; n++) {
        draw_row(&state, x[n], count);
        for (int i = 0; i < count; i++)
            hls_write(int32_t, &in, x[n][i]);
    }
    kernel(&in, &out, MR_COMMAND_RUN, ROWS);
    for (int n = 0; n < ROWS; n++)
        ck_assert_int_eq(hls_read(int32_t, &out), argmax_row(x[n], count));
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
