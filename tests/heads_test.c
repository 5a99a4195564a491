// SPDX-License-Identifier: Apache-2.0
// The kernels of hls/kernels/heads as C, bit for bit against the plain reference. hlsc_test.sh
// checks that their RTL gives what their C gives.
#include <stdint.h>
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-label"
static uint64_t *cut_probe; // of the kernel that ran last
#define HLS_ON_PROBE(process, name, address) (cut_probe = (address))
#include "kernels/dense.c"

#include "formats.h"
#include "heads_reference.h"

#include <check.h>
#include <stdio.h>

#define SEED UINT64_C(4711)
enum { ROWS = 300, MOST = 16 };

// xorshift64*
static uint32_t draw(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * UINT64_C(2685821657736338717) >> 32);
}

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
        ck_assert_uint_eq(weights.fifo.head, weights.fifo.tail);                                   \
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
        ck_assert_uint_eq(x.fifo.head, x.fifo.tail);                                               \
        uint64_t cut = 0;                                                                          \
        for (int n = 0; n < ROWS; n++) {                                                           \
            int32_t wanted[MOST];                                                                  \
            cut += dense_row(&dense, rows[n], wanted);                                             \
            for (int first = 0; first < dense.outputs; first += step) {                            \
                int16_t vector[MOST];                                                              \
                int32_t number = 0;                                                                \
                hls_fifo_pop(&y.fifo, dense.bits == 16 ? (void *)vector : &number, sizeof(Y));     \
                for (int c = 0; c < step; c++)                                                     \
                    ck_assert_msg((dense.bits == 16 ? vector[c] : number) ==                       \
                                      (first + c < dense.outputs ? wanted[first + c] : 0),         \
                                  #kernel " row %d output %d is %d and must be %d", n, first + c,  \
                                  (int)(dense.bits == 16 ? vector[c] : number),                    \
                                  (int)wanted[first + c]);                                         \
            }                                                                                      \
        }                                                                                          \
        ck_assert(!y.fifo.failed && y.fifo.head == y.fifo.tail);                                   \
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

int main(void) {
    printf("heads_test: seed %llu\n", (unsigned long long)SEED);
    Suite *suite = suite_create("heads");
    TCase *tests = tcase_create("heads");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, dense_layers);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
