// SPDX-License-Identifier: Apache-2.0
// A network whose input is looked up in a table, by the library's calls: the numbers of its rows
// give what the plain reference says, those below zero count from the end, and what is no row is
// refused with its place.
#define _POSIX_C_SOURCE 200809L
#include "session_fixture.h"

#define MODEL "build/tokens_test.millrace"

enum { ENTRIES = 11, LENGTH = 5, ROWS = 2 * LENGTH };

static void make_tokens(struct mr_network *network) {
    uint64_t state = 5;
    net_create(network, 1, "tokens");
    const int rows = net_table(network, ENTRIES, 7);
    const int h = net_add(network, "lstm", rows, 4, MR_ACTIVATION_LINEAR);
    net_output(network, net_add(network, "dense", h, 2, MR_ACTIVATION_LINEAR), "y");
    net_weights(network, &state, 1.0);
}

START_TEST(tokens_are_looked_up) {
    static const float x[ROWS] = {0, 10, 3, 4, 10, 1, 2, 9, 0, 0};
    struct mr_network network;
    float from_end[ROWS], y[ROWS * 2], wanted[ROWS * 2];
    if (!have_compiler())
        return;
    make_tokens(&network);
    save_model(&network, MODEL);
    expect_of(&network, x, 2, LENGTH, wanted);
    for (int i = 0; i < ROWS; i++)
        from_end[i] = x[i] - ENTRIES;
    struct mr_model *model = open_model_of(MODEL);
    struct mr_session *session = open_session(model, "cpu:", NULL);
    ck_assert_int_eq(mr_session_run(session, x, 2, LENGTH, 0, y, NULL), 0);
    ck_assert_mem_eq(y, wanted, sizeof y);
    ck_assert_int_eq(mr_session_run(session, from_end, 2, LENGTH, 0, y, NULL), 0);
    ck_assert_mem_eq(y, wanted, sizeof y);
    ck_assert(memcmp(wanted, wanted + LENGTH * 2, LENGTH * 2 * sizeof *wanted) != 0);
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

START_TEST(other_numbers_are_refused) {
    static const float wrong[] = {ENTRIES, -ENTRIES - 1, 0.5f, 1e30f};
    struct mr_network network;
    float x[ROWS] = {0}, y[ROWS * 2];
    if (!have_compiler())
        return;
    make_tokens(&network);
    save_model(&network, MODEL);
    struct mr_model *model = open_model_of(MODEL);
    struct mr_session *session = open_session(model, "cpu:", NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        x[LENGTH + 3] = wrong[i];
        ck_assert_int_eq(mr_session_run(session, x, 2, LENGTH, 0, y, NULL), MR_ERROR_INPUT);
        ck_assert_msg(strstr(mr_session_error(session), "at sequence 1, step 3") != NULL, "%s",
                      mr_session_error(session));
        ck_assert_ptr_nonnull(strstr(mr_session_error(session), "has the rows 0 to 10"));
    }
    mr_session_close(session);
    mr_model_close(model);
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("tokens");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 60);
    tcase_add_test(all, tokens_are_looked_up);
    tcase_add_test(all, other_numbers_are_refused);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
