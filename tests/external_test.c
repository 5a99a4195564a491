// SPDX-License-Identifier: Apache-2.0
// External memories (hls_memory) as C: words keep from run to run and are zero before, and a kernel
// that does not keep to its plans fails and says where. hlsc_test.sh compares the RTL.
#include "kernel_fixture.h"
#include "kernels/external.c"

#include <check.h>
#include <stdio.h>

#define SEED UINT64_C(77)
enum { MOST = 9 };

static word_t random_word(uint64_t *state) {
    word_t x = {.last = random_bits(state) & 1, .number = (int32_t)random_bits(state)};
    for (int k = 0; k < 5; k++)
        x.v[k] = (int16_t)random_bits(state);
    return x;
}

static void check_word(word_t given, word_t stored, int more) {
    ck_assert_int_eq(given.last, stored.last);
    ck_assert_int_eq(given.number, stored.number);
    for (int k = 0; k < 5; k++)
        ck_assert_int_eq(given.v[k], (int16_t)(stored.v[k] + more * k));
}

START_TEST(words_keep) {
    static const uint32_t runs[] = {3, 0, 1, MOST, 2};
    uint64_t state = SEED, all[BINS] = {0};
    hls_memory(word_t) m = {0};
    hls_memory(uint64_t) bins = {0};
    word_t x[MOST * CHUNK];
    uint32_t before = 0;
    for (size_t run = 0; run < sizeof runs / sizeof *runs; run++) {
        const uint32_t chunks = runs[run];
        HLS_CHANNEL(word_t, in);
        HLS_CHANNEL(word_t, out);
        HLS_CHANNEL(uint64_t, numbers);
        HLS_CHANNEL(uint64_t, sums);
        word_t old[MOST * CHUNK];
        memcpy(old, x, sizeof old);
        for (uint32_t i = 0; i < chunks * CHUNK; i++)
            hls_write(word_t, &in, x[i] = random_word(&state));
        for (uint64_t i = 0; i < chunks * BINS; i++)
            hls_write(uint64_t, &numbers, i * i);
        external(&in, &out, &m, &numbers, &sums, &bins, chunks, chunks);
        hls_memory_end(&m.memory);
        hls_memory_end(&bins.memory);
        ck_assert_ptr_null(m.memory.failed);
        ck_assert_ptr_null(bins.memory.failed);
        for (uint32_t i = 0; i < before * CHUNK; i++)
            check_word(hls_read(word_t, &out), old[i], 0);
        for (uint32_t c = chunks; c-- > 0;)
            for (uint32_t i = 0; i < CHUNK; i++)
                check_word(hls_read(word_t, &out), x[c * CHUNK + i], 1);
        for (uint64_t i = 0; i < chunks * BINS; i++) {
            all[i % BINS] += i * i;
            ck_assert_uint_eq(hls_read(uint64_t, &sums), all[i % BINS]);
        }
        ck_assert_empty(out);
        ck_assert_empty(sums);
        before = chunks;
    }
    hls_memory_free(&m.memory);
    hls_memory_free(&bins.memory);
}
END_TEST

#define PLAN_FETCH(address, count, after) hls_plan_fetch(uint64_t, &m, address, count, after)
#define PLAN_STORE(address, count) hls_plan_store(uint64_t, &m, address, count)
#define FETCH(address) hls_fetch(uint64_t, &m, address)
#define STORE(address) hls_store(uint64_t, &m, address, 5)

// What goes on in one run of a new memory, and what it must say of which word.
#define CHECK_FAILS(wanted_address, wanted, ...)                                                   \
    do {                                                                                           \
        hls_memory(uint64_t) m = {0};                                                              \
        __VA_ARGS__;                                                                               \
        hls_memory_end(&m.memory);                                                                 \
        ck_assert_ptr_nonnull(m.memory.failed);                                                    \
        ck_assert_str_eq(m.memory.failed, wanted);                                                 \
        ck_assert_uint_eq(m.memory.address, wanted_address);                                       \
        m.memory.failed = NULL;                                                                    \
        PLAN_STORE(3, 1), STORE(3), PLAN_FETCH(3, 2, 1);                                           \
        ck_assert_uint_eq(FETCH(3), 5);                                                            \
        (void)FETCH(4);                                                                            \
        hls_memory_end(&m.memory);                                                                 \
        ck_assert_ptr_null(m.memory.failed);                                                       \
        hls_memory_free(&m.memory);                                                                \
    } while (0)

START_TEST(plans_of_no_words) {
    hls_memory(uint64_t) m = {0};
    PLAN_STORE(4, 0), PLAN_STORE(9, 1), PLAN_STORE(UINT32_MAX, 0), PLAN_FETCH(3, 0, 3);
    PLAN_FETCH(9, 1, 3), PLAN_FETCH(0, 0, 0);
    STORE(9);
    ck_assert_uint_eq(FETCH(9), 5);
    hls_memory_end(&m.memory);
    ck_assert_ptr_null(m.memory.failed);
    hls_memory_free(&m.memory);
}
END_TEST

START_TEST(plans_are_kept_to) {
    CHECK_FAILS(UINT32_MAX, "begins a plan that ends beyond the last address",
                PLAN_STORE(UINT32_MAX, 2));
    CHECK_FAILS(4, "is fetched before the stores that its plan waits for", PLAN_STORE(4, 1),
                PLAN_STORE(0, 0), PLAN_FETCH(4, 1, 2), FETCH(4), STORE(4));
    CHECK_FAILS(4, "is to be fetched after stores that are not planned yet", PLAN_FETCH(4, 1, 1),
                PLAN_STORE(4, 1), STORE(4), FETCH(4));
    CHECK_FAILS(6, "is fetched and is not the one that is planned", FETCH(6));
    CHECK_FAILS(6, "is fetched and is not the one that is planned", PLAN_FETCH(5, 2, 0), FETCH(6));
    CHECK_FAILS(7, "is fetched and is not the one that is planned", PLAN_FETCH(5, 2, 0), FETCH(5),
                FETCH(6), FETCH(7));
    CHECK_FAILS(6, "is stored and is not the one that is planned", PLAN_STORE(5, 2), STORE(6));
    CHECK_FAILS(1, "is stored and is not the one that is planned", PLAN_FETCH(1, 1, 0), STORE(1));
    CHECK_FAILS(5, "is fetched before the stores that its plan waits for", PLAN_STORE(5, 2),
                PLAN_FETCH(5, 1, 1), STORE(5), FETCH(5), STORE(6));
    CHECK_FAILS(8, "is fetched by a plan that does not wait for its store", PLAN_STORE(5, 2),
                PLAN_STORE(8, 1), PLAN_FETCH(8, 1, 1), STORE(5), STORE(6), STORE(8), FETCH(8));
    CHECK_FAILS(6, "is planned to be stored and the run has ended", PLAN_STORE(5, 2), STORE(5));
    CHECK_FAILS(9, "is planned to be fetched and the run has ended", PLAN_FETCH(8, 1, 0), FETCH(8),
                PLAN_FETCH(9, 1, 0));
}
END_TEST

// `others` plans of the other kind stand in front of one, and happen behind it.
START_TEST(plans_that_wait) {
    for (int others = HLS_PLANS - 1; others <= HLS_PLANS; others++)
        for (int is_store = 0; is_store < 2; is_store++) {
            hls_memory(uint64_t) m = {0};
            for (uint32_t i = 0; i < (uint32_t)others; i++)
                hls_plan_uint64_t(&m, !is_store, i, 1, 0);
            hls_plan_uint64_t(&m, is_store, 99, 1, 0);
            if (is_store)
                STORE(99);
            else
                (void)FETCH(99);
            for (uint32_t i = 0; i < (uint32_t)others; i++)
                if (is_store)
                    (void)FETCH(i);
                else
                    STORE(i);
            hls_memory_end(&m.memory);
            if (others < HLS_PLANS) {
                ck_assert_ptr_null(m.memory.failed);
            } else {
                ck_assert_str_eq(
                    m.memory.failed,
                    is_store ? "is stored while 32 plans of fetches in front of its own are left"
                             : "is fetched while 32 plans of stores in front of its own are left");
                ck_assert_uint_eq(m.memory.address, 99);
            }
            hls_memory_free(&m.memory);
        }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("external");
    TCase *tcase = tcase_create("external");
    SRunner *runner = srunner_create(suite);
    printf("external_test: seed %llu\n", (unsigned long long)SEED);
    tcase_add_test(tcase, words_keep);
    tcase_add_test(tcase, plans_of_no_words);
    tcase_add_test(tcase, plans_are_kept_to);
    tcase_add_test(tcase, plans_that_wait);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
