// SPDX-License-Identifier: Apache-2.0
// The kernels of hls/kernels/glue that no network of LSTM layers has, as C. hlsc_test.sh checks
// that their RTL gives what their C gives.
#include "kernel_fixture.h"
#include "kernels/glue.c"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SEED UINT64_C(4711)
enum { ROWS = 300, MOST = 16 };

#define CHECK_UNPACK(kernel, VEC, count, lc)                                                       \
    do {                                                                                           \
        HLS_CHANNEL(VEC, in);                                                                      \
        HLS_CHANNEL(int32_t, out);                                                                 \
        static int16_t rows[ROWS][MOST];                                                           \
        for (int n = 0; n < ROWS; n++) {                                                           \
            for (int first = 0; first < count; first += lc) {                                      \
                int16_t v[MOST];                                                                   \
                for (int c = 0; c < lc; c++)                                                       \
                    v[c] = rows[n][first + c] = (int16_t)random_bits(&state);                      \
                hls_fifo_push(&in.fifo, v, sizeof(VEC));                                           \
            }                                                                                      \
        }                                                                                          \
        kernel(&in, &out, MR_COMMAND_RUN, ROWS);                                                   \
        for (int n = 0; n < ROWS; n++)                                                             \
            for (int i = 0; i < count; i++)                                                        \
                ck_assert_int_eq(hls_read(int32_t, &out), rows[n][i]);                             \
        ck_assert_empty(in);                                                                       \
        ck_assert_empty(out);                                                                      \
    } while (0)

START_TEST(unpacks) {
    uint64_t state = SEED;
    CHECK_UNPACK(unpack1, vec1_t, 1, 1);
    CHECK_UNPACK(unpack7, vec3_t, 7, 3);
    CHECK_UNPACK(unpack10, vec5_t, 10, 5);
    CHECK_UNPACK(unpack2, vec5_t, 2, 5);
}
END_TEST

START_TEST(forks) {
    uint64_t state = SEED;
    HLS_CHANNEL(vec3_t, in);
    HLS_CHANNEL(vec3_t, a);
    HLS_CHANNEL(vec3_t, b);
    vec3_t row[3 * ROWS];
    for (int k = 0; k < 3 * ROWS; k++) {
        for (int c = 0; c < 3; c++)
            row[k].v[c] = (int16_t)random_bits(&state);
        hls_write(vec3_t, &in, row[k]);
    }
    fork8(&in, &a, &b, MR_COMMAND_RUN, ROWS);
    for (int k = 0; k < 3 * ROWS; k++) {
        const vec3_t one = hls_read(vec3_t, &a), other = hls_read(vec3_t, &b);
        ck_assert(memcmp(&one, &row[k], sizeof one) == 0);
        ck_assert(memcmp(&other, &row[k], sizeof other) == 0);
    }
    ck_assert_empty(in);
    ck_assert_empty(a);
    ck_assert_empty(b);
}
END_TEST

START_TEST(forks_numbers) {
    HLS_CHANNEL(int32_t, in);
    HLS_CHANNEL(int32_t, a);
    HLS_CHANNEL(int32_t, b);
    for (int32_t k = 0; k < 3 * ROWS; k++)
        hls_write(int32_t, &in, k * 765432);
    fork_numbers(&in, &a, &b, MR_COMMAND_RUN, ROWS);
    for (int32_t k = 0; k < 3 * ROWS; k++) {
        ck_assert_int_eq(hls_read(int32_t, &a), k * 765432);
        ck_assert_int_eq(hls_read(int32_t, &b), k * 765432);
    }
    ck_assert_empty(in);
    ck_assert_empty(a);
    ck_assert_empty(b);
}
END_TEST

typedef void gather_kernel(hls_stream(int32_t) *, hls_stream(int32_t) *, hls_stream(int32_t) *,
                           uint32_t, uint32_t, uint32_t);

// Of a come 0, 1, 2 and so on, of b -1, -2, -3.
static void check_gather(gather_kernel *kernel, int a_step, int a_last, int b_step, int b_last,
                         int steps, int sequences) {
    HLS_CHANNEL(int32_t, a);
    HLS_CHANNEL(int32_t, b);
    HLS_CHANNEL(int32_t, y);
    for (int n = 0; n < sequences * (steps * a_step + a_last); n++)
        hls_write(int32_t, &a, n);
    for (int n = 0; n < sequences * (steps * b_step + b_last); n++)
        hls_write(int32_t, &b, -1 - n);
    kernel(&a, &b, &y, MR_COMMAND_RUN, (uint32_t)steps, (uint32_t)(steps * sequences));
    int32_t of_a = 0, of_b = 0;
    for (int t = 1; t <= steps * sequences; t++) {
        const bool last = t % steps == 0;
        for (int n = last ? a_step + a_last : a_step; n > 0; n--)
            ck_assert_int_eq(hls_read(int32_t, &y), of_a++);
        for (int n = last ? b_step + b_last : b_step; n > 0; n--)
            ck_assert_int_eq(hls_read(int32_t, &y), -1 - of_b++);
    }
    ck_assert_empty(a);
    ck_assert_empty(b);
    ck_assert_empty(y);
}

START_TEST(gathers) {
    for (int steps = 1; steps <= 5; steps++) {
        for (int sequences = 0; sequences <= 4; sequences++) {
            check_gather(gather_all, 3, 2, 1, 4, steps, sequences);
            check_gather(gather_steps, 1, 0, 5, 0, steps, sequences);
            check_gather(gather_lasts, 0, 2, 0, 3, steps, sequences);
            check_gather(gather_mixed, 0, 10, 1, 0, steps, sequences);
            check_gather(gather_one, 0, 0, 1, 0, steps, sequences);
        }
    }
}
END_TEST

int main(void) {
    printf("glue_test: seed %llu\n", (unsigned long long)SEED);
    Suite *suite = suite_create("glue");
    TCase *tests = tcase_create("glue");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, unpacks);
    tcase_add_test(tests, forks);
    tcase_add_test(tests, forks_numbers);
    tcase_add_test(tests, gathers);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
