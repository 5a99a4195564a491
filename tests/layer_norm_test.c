// SPDX-License-Identifier: Apache-2.0
// hls/kernels/heads/layer_norm.h as C, bit for bit against the host's operator, which is written
// after the formulas (host/nn/ops/layer_norm.c), and both against the exact quotient.
// hlsc_test.sh checks that its RTL gives what its C gives.
#define _POSIX_C_SOURCE 200809L
#include <stdint.h>
static uint64_t *cut_probe; // of the kernel that ran last
#define HLS_ON_PROBE(process, name, address) (cut_probe = (address))
#include "kernel_fixture.h"
#include "kernels/layer_norm.c"

#include "network_fixture.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#define SEED UINT64_C(4712)

// Rows for a normalisation: flat ones, ends of the range, one far from the others, all widths.
static void draw_numbers(uint64_t *state, int16_t *x, int count) {
    const uint32_t kind = random_bits(state) % 8;
    const int shift = (int)(random_bits(state) % 16);
    const int16_t middle = (int16_t)((int16_t)random_bits(state) >> random_bits(state) % 16);
    for (int i = 0; i < count; i++) {
        const int16_t wide = (int16_t)random_bits(state);
        x[i] = (int16_t)(kind == 0   ? middle
                         : kind == 1 ? (wide < 0 ? INT16_MIN : INT16_MAX)
                         : kind == 2 ? middle + (i == 0)
                         : kind == 3 ? (i == 0 ? INT16_MIN : INT16_MAX)
                                     : wide >> shift);
    }
}

// Against the operator's integers to the bit, and against the exact quotient within one unit.
#define CHECK_NORM(kernel, VEC, count, lc, in_frac, own_epsilon, frac_bits)                        \
    do {                                                                                           \
        enum { COUNT = (count), TIMES = 400 };                                                     \
        struct mr_network network;                                                                 \
        static int16_t rows[TIMES][COUNT];                                                         \
        int32_t in_format[COUNT], out_format[COUNT], x[COUNT], wanted[COUNT];                      \
        uint64_t cut = 0;                                                                          \
        double worst = 0;                                                                          \
        net_create(&network, count, "norm");                                                       \
        net_add(&network, "layer_norm", 0, 0, MR_ACTIVATION_LINEAR);                               \
        network.ops[0].epsilon = ldexp((double)(own_epsilon) / count / count, -2 * (in_frac));     \
        for (int i = 0; i < count; i++) {                                                          \
            in_format[i] = in_frac;                                                                \
            out_format[i] = frac_bits;                                                             \
        }                                                                                          \
        network.streams[0].frac = in_format;                                                       \
        network.streams[1].frac = out_format;                                                      \
        HLS_CHANNEL(VEC, in);                                                                      \
        HLS_CHANNEL(VEC, out);                                                                     \
        for (int n = 0; n < TIMES; n++) {                                                          \
            draw_numbers(&state, rows[n], count);                                                  \
            for (int first = 0; first < count; first += lc) {                                      \
                VEC v = {{0}};                                                                     \
                for (int c = 0; c < lc && first + c < count; c++)                                  \
                    v.v[c] = rows[n][first + c];                                                   \
                hls_write(VEC, &in, v);                                                            \
            }                                                                                      \
        }                                                                                          \
        kernel(&in, &out, MR_COMMAND_RUN, TIMES);                                                  \
        ck_assert_empty(in);                                                                       \
        for (int n = 0; n < TIMES; n++) {                                                          \
            double sum = 0, squares = 0;                                                           \
            for (int i = 0; i < count; i++) {                                                      \
                x[i] = rows[n][i];                                                                 \
                sum += x[i];                                                                       \
                squares += (double)x[i] * x[i];                                                    \
            }                                                                                      \
            network.ops[0].kind->integer_row(&network, &network.ops[0], x, NULL, wanted, NULL);    \
            const double root = sqrt(count * squares - sum * sum + (double)(own_epsilon));         \
            for (int first = 0; first < count; first += lc) {                                      \
                const VEC v = hls_read(VEC, &out);                                                 \
                for (int c = 0; c < lc; c++) {                                                     \
                    const int i = first + c;                                                       \
                    ck_assert_int_eq(v.v[c], i < count ? wanted[i] : 0);                           \
                    if (i >= count)                                                                \
                        continue;                                                                  \
                    const double exact = ldexp((count * (double)x[i] - sum) / root, frac_bits);    \
                    cut += exact > INT16_MAX + 0.9 || exact < INT16_MIN - 0.9;                     \
                    worst = fmax(worst, fabs(v.v[c] - fmax(fmin(exact, INT16_MAX), INT16_MIN)));   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        ck_assert_empty(out);                                                                      \
        ck_assert_uint_ge(*cut_probe, cut);                                                        \
        printf(#kernel ": at most %.3f units off\n", worst);                                       \
        ck_assert(worst < 1);                                                                      \
        network.streams[0].frac = network.streams[1].frac = NULL;                                  \
        mr_network_free(&network);                                                                 \
    } while (0)

START_TEST(layer_norms) {
    uint64_t state = SEED;
    CHECK_NORM(norm1, vec1_t, 1, 1, 15, 1, 15);
    CHECK_NORM(norm2, vec2_t, 2, 2, 0, 1, 14);
    CHECK_NORM(norm7, vec3_t, 7, 3, 15, 526133, 13);
    CHECK_NORM(norm64, vec4_t, 64, 4, 15, 43980465, 12);
    CHECK_NORM(norm300, vec2_t, 300, 2, 8, UINT64_C(1) << 60, 0);
}
END_TEST

int main(void) {
    printf("layer_norm_test: seed %llu\n", (unsigned long long)SEED);
    Suite *suite = suite_create("layer_norm");
    TCase *tests = tcase_create("layer_norm");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, layer_norms);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
