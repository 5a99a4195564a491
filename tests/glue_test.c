// SPDX-License-Identifier: Apache-2.0
// The kernels of hls/kernels/glue that no network of LSTM layers has, as C. hlsc_test.sh checks
// that their RTL gives what their C gives.
#include "kernel_fixture.h"
#include "kernels/glue.c"
#include "kernels/slots.c"

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
typedef void slots_gather_kernel(hls_stream(int32_t) *, hls_stream(int32_t) *,
                                 hls_stream(int32_t) *, uint32_t, uint32_t, uint32_t, uint32_t);

struct gather_case {
    gather_kernel *kernel; // NULL: the other one
    slots_gather_kernel *slots_kernel;
    int slots, a_step, a_last, b_step, b_last;
};

static const struct gather_case gather_cases[] = {
    {gather_all, NULL, 1, 3, 2, 1, 4},   {gather_steps, NULL, 1, 1, 0, 5, 0},
    {gather_lasts, NULL, 1, 0, 2, 0, 3}, {gather_mixed, NULL, 1, 0, 10, 1, 0},
    {gather_one, NULL, 1, 0, 0, 1, 0},   {NULL, slots_all, 4, 3, 2, 1, 4},
    {NULL, slots_steps, 2, 1, 0, 5, 0},  {NULL, slots_lasts, 8, 0, 2, 0, 3},
    {NULL, slots_mixed, 16, 0, 1, 1, 0},
};

// Is row `row` one of a last step, where `slots` sequences have their turns?
static bool is_last(int row, int slots, int sequences, int steps) {
    const int group = row / (slots * steps), left = sequences - group * slots;
    return row % (slots * steps) / (left < slots ? left : slots) == steps - 1;
}

// Of a come 0, 1, 2 and so on, of b -1, -2, -3.
static void check_gather(const struct gather_case *c, int steps, int sequences) {
    HLS_CHANNEL(int32_t, a);
    HLS_CHANNEL(int32_t, b);
    HLS_CHANNEL(int32_t, y);
    const uint32_t total = (uint32_t)(steps * sequences);
    for (int n = 0; n < sequences * (steps * c->a_step + c->a_last); n++)
        hls_write(int32_t, &a, n);
    for (int n = 0; n < sequences * (steps * c->b_step + c->b_last); n++)
        hls_write(int32_t, &b, -1 - n);
    if (c->kernel)
        c->kernel(&a, &b, &y, MR_COMMAND_RUN, (uint32_t)steps, total);
    else
        c->slots_kernel(&a, &b, &y, MR_COMMAND_RUN, (uint32_t)sequences, (uint32_t)steps, total);
    int32_t of_a = 0, of_b = 0;
    for (int row = 0; row < steps * sequences; row++) {
        const bool last = is_last(row, c->slots, sequences, steps);
        for (int n = last ? c->a_step + c->a_last : c->a_step; n > 0; n--)
            ck_assert_int_eq(hls_read(int32_t, &y), of_a++);
        for (int n = last ? c->b_step + c->b_last : c->b_step; n > 0; n--)
            ck_assert_int_eq(hls_read(int32_t, &y), -1 - of_b++);
    }
    ck_assert_empty(a);
    ck_assert_empty(b);
    ck_assert_empty(y);
}

START_TEST(gathers) {
    const struct gather_case *c = &gather_cases[_i];
    for (int steps = 1; steps <= 5; steps++) {
        for (int sequences = 0; sequences <= 3 * c->slots + 2; sequences++)
            check_gather(c, steps, sequences);
    }
}
END_TEST

// The first of each vector: of a 1, 2, 3 and so on, of b -1, -2, -3.
START_TEST(gathers_vectors) {
    enum { STEPS = 4, SEQUENCES = 5 };
    HLS_CHANNEL(vec3_t, a);
    HLS_CHANNEL(vec3_t, b);
    HLS_CHANNEL(vec3_t, y);
    for (int16_t n = 1; n <= 2 * STEPS * SEQUENCES; n++)
        hls_write(vec3_t, &a, ((vec3_t){{n, 7, (int16_t)(n * 300)}}));
    for (int16_t n = 1; n <= (STEPS + 3) * SEQUENCES; n++)
        hls_write(vec3_t, &b, ((vec3_t){{(int16_t)-n, 7, (int16_t)(n * -300)}}));
    gather_vectors(&a, &b, &y, MR_COMMAND_RUN, STEPS, STEPS * SEQUENCES);
    int16_t of_a = 0, of_b = 0;
    for (int row = 0; row < STEPS * SEQUENCES; row++)
        for (int k = 0; k < (row % STEPS == STEPS - 1 ? 6 : 3); k++) {
            const vec3_t item = hls_read(vec3_t, &y);
            const int16_t due = (int16_t)(k < 2 ? ++of_a : --of_b);
            ck_assert_int_eq(item.v[0], due);
            ck_assert_int_eq(item.v[1], 7);
            ck_assert_int_eq(item.v[2], (int16_t)(due * 300));
        }
    ck_assert_empty(a);
    ck_assert_empty(b);
    ck_assert_empty(y);
}
END_TEST

// A run over numbered words; what comes of them is read from `out`.
#define RUN_NUMBERED(kernel, VEC, words)                                                           \
    HLS_CHANNEL(VEC, in);                                                                          \
    HLS_CHANNEL(VEC, out);                                                                         \
    for (int word = 0; word < steps * sequences * (words); word++)                                 \
        hls_write(VEC, &in, (VEC){{(int16_t)word}});                                               \
    kernel(&in, &out, MR_COMMAND_RUN, (uint32_t)sequences, (uint32_t)steps,                        \
           (uint32_t)(steps * sequences))

#define CHECK_LAST(kernel, VEC, words, slots)                                                      \
    do {                                                                                           \
        RUN_NUMBERED(kernel, VEC, words);                                                          \
        for (int word = 0; word < steps * sequences * (words); word++)                             \
            if (is_last(word / (words), slots, sequences, steps))                                  \
                ck_assert_int_eq(hls_read(VEC, &out).v[0], word);                                  \
        ck_assert_empty(in);                                                                       \
        ck_assert_empty(out);                                                                      \
    } while (0)

START_TEST(last_steps) {
    for (int steps = 1; steps <= 4; steps++) {
        for (int sequences = 0; sequences <= 50; sequences++) {
            CHECK_LAST(last2, vec4_t, 3, 2);
            CHECK_LAST(last16, vec2_t, 1, 16);
        }
    }
}
END_TEST

// Rows of steps of groups come back from the last step to the first.
#define CHECK_REVERSE(kernel, VEC, words, slots)                                                   \
    do {                                                                                           \
        RUN_NUMBERED(kernel, VEC, words);                                                          \
        for (int first = 0; first < sequences; first += (slots)) {                                 \
            const int rows = sequences - first < (slots) ? sequences - first : (slots);            \
            for (int t = steps; t-- > 0;)                                                          \
                for (int word = 0; word < rows * (words); word++)                                  \
                    ck_assert_int_eq(hls_read(VEC, &out).v[0],                                     \
                                     (first * steps + t * rows) * (words) + word);                 \
        }                                                                                          \
        ck_assert_empty(in);                                                                       \
        ck_assert_empty(out);                                                                      \
    } while (0)

START_TEST(groups_are_turned_round) {
    for (int steps = 1; steps <= 6; steps++) {
        for (int sequences = 0; sequences <= 37; sequences++) {
            CHECK_REVERSE(reverse2, vec2_t, 3, 2);
            CHECK_REVERSE(reverse16, vec4_t, 1, 16);
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
    tcase_add_loop_test(tests, gathers, 0, (int)(sizeof gather_cases / sizeof *gather_cases));
    tcase_add_test(tests, gathers_vectors);
    tcase_add_test(tests, last_steps);
    tcase_add_test(tests, groups_are_turned_round);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
