// SPDX-License-Identifier: Apache-2.0
// The recurrent state on emulated cards: saved, restored on another card or device, and going on
// when a card fails, with the bits of an unbroken run. Every test is a process of its own.
#define _GNU_SOURCE
#define FOLDER "build/card_resume_test"
#include "card_fixture.h"

enum { INPUTS = 3, OUTPUTS = 2, LONG = 150 };

static void step(struct mr_session *session, const float *x, float *y) {
    ck_assert_msg(!mr_session_step(session, x, y, NULL), "%s", mr_session_error(session));
}

// Outputs of `steps` single steps from the session's state on are those of `wanted`.
static void follow(struct mr_session *session, const float *x, size_t from, size_t steps,
                   const float *wanted) {
    float y[OUTPUTS];
    for (size_t t = from; t < from + steps; t++) {
        step(session, x + t * INPUTS, y);
        ck_assert_msg(!memcmp(y, wanted + t * OUTPUTS, sizeof y), "step %zu differs", t);
    }
}

// Of each step of one long sequence, on the processor.
static float *unbroken(const struct mr_model *model, const float *x) {
    float *y = numbers(LONG * OUTPUTS, 1);
    struct mr_session *cpu = open_session(model, "cpu:", NULL);
    for (size_t t = 0; t < LONG; t++)
        step(cpu, x + t * INPUTS, y + t * OUTPUTS);
    mr_session_close(cpu);
    return y;
}

static void *save(struct mr_session *session) {
    const size_t size = mr_session_state_size(session);
    void *state = malloc(size);
    ck_assert_ptr_nonnull(state);
    ck_assert_msg(!mr_session_save(session, state, size), "%s", mr_session_error(session));
    return state;
}

static void restore(struct mr_session *session, const void *state) {
    ck_assert_msg(!mr_session_restore(session, state, mr_session_state_size(session)), "%s",
                  mr_session_error(session));
}

// Weights loaded anew and the state brought back: another card, the processor, and the card again.
START_TEST(state_moves) {
    struct mr_model *model = open_model();
    float *x = numbers(LONG * INPUTS, 5), *y = unbroken(model, x), other[OUTPUTS];
    struct mr_session *card = open_session(model, device, NULL);
    void *zero = save(card);
    follow(card, x, 0, 20, y);
    void *state = save(card);
    follow(card, x, 20, 3, y); // reading it changed nothing
    mr_session_close(card);    // which resets the card

    card = open_session(model, device, NULL);
    step(card, x, other);
    restore(card, state);
    follow(card, x, 20, 10, y);
    // A run of whole sequences in between.
    compare_with_cpu(card, model, 40, 3);
    restore(card, state);
    ck_assert(!mr_session_run(card, x + (size_t)20 * INPUTS, 1, 7, MR_RUN_CONTINUE, other, NULL));
    ck_assert_mem_eq(other, y + (size_t)26 * OUTPUTS, sizeof other);
    restore(card, zero);
    follow(card, x, 0, 4, y);

    struct mr_session *cpu = open_session(model, "cpu:", NULL);
    restore(cpu, state);
    follow(cpu, x, 20, 10, y);
    void *later = save(cpu);
    restore(card, later);
    follow(card, x, 30, 10, y);
    mr_session_close(cpu);
    mr_session_close(card);
    free(zero);
    free(state);
    free(later);
    free(x);
    free(y);
    mr_model_close(model);
}
END_TEST

// Memory answers SLVERR in the middle: the card is the same afterwards, its state comes back.
START_TEST(state_after_an_error) {
    struct mr_model *model = open_model();
    float *x = numbers(LONG * INPUTS, 5), *y = unbroken(model, x), got[OUTPUTS];
    setenv("MILLRACE_CARD_BAD_READ", "60", 1);
    struct mr_session *card = open_session(model, device, NULL);
    void *state = save(card);
    size_t t = 0, saved = 0;
    int code = 0;
    for (; t < LONG && !code; t++) {
        code = mr_session_step(card, x + t * INPUTS, got, NULL);
        if (!code && t % 4 == 3) {
            free(state);
            state = save(card);
            saved = t + 1;
        }
    }
    ck_assert_int_eq(code, MR_ERROR_DEVICE);
    ck_assert_msg(strstr(mr_session_error(card), "Reading x") != NULL, "%s",
                  mr_session_error(card));
    restore(card, state);
    follow(card, x, saved, LONG - saved, y);
    mr_session_close(card);
    free(state);
    free(x);
    free(y);
    mr_model_close(model);
}
END_TEST

static const struct mr_options falling = {MR_OPTIONS_INIT, .limit_ms = 2000, .fallback = "cpu:"};

static void check_fallen(const struct mr_session *session, const char *reason) {
    const char *text = mr_session_device(session);
    ck_assert_msg(strstr(text, "cpu:, in place of xrt:0") == text && strstr(text, reason), "%s",
                  text);
}

// The card dies after so many steps, before and after its state was first read.
START_TEST(steps_go_on) {
    static const size_t deaths[] = {1, 30, 64, 65, 100};
    struct mr_model *model = open_model();
    float *x = numbers(LONG * INPUTS, 5), *y = unbroken(model, x);
    struct mr_session *session = open_session(model, device, &falling);
    follow(session, x, 0, deaths[_i], y);
    ck_assert_int_eq(kill(find_card(), SIGKILL), 0);
    follow(session, x, deaths[_i], LONG - deaths[_i], y);
    check_fallen(session, "ended by signal 9");
    mr_session_close(session);
    free(x);
    free(y);
    mr_model_close(model);
}
END_TEST

// In the middle of a large run: killed, or stopped. No sequence is missing or wrong.
START_TEST(sequences_go_on) {
    enum { SEQUENCES = 3000, STEPS = 300 };
    static const struct {
        int signal;
        const char *reason;
    } ends[] = {{SIGKILL, "ended by signal 9"}, {SIGSTOP, "no sign of life for 2.0 s"}};
    struct mr_model *model = open_model();
    float *x = numbers((size_t)SEQUENCES * STEPS * INPUTS, 9), *y = numbers(SEQUENCES * OUTPUTS, 1),
          *wanted = numbers(SEQUENCES * OUTPUTS, 2), last[OUTPUTS];
    struct mr_session *session = open_session(model, device, &falling),
                      *cpu = open_session(model, "cpu:", NULL);
    struct shot shot = {.signal = ends[_i].signal, .card = find_card()};
    pthread_t thread;
    pthread_create(&thread, NULL, shoot, &shot);
    ck_assert_msg(!mr_session_run(session, x, SEQUENCES, STEPS, 0, y, NULL), "%s",
                  mr_session_error(session));
    pthread_join(thread, NULL);
    check_fallen(session, ends[_i].reason);
    ck_assert(!mr_session_run(cpu, x, SEQUENCES, STEPS, 0, wanted, NULL));
    ck_assert_mem_eq(y, wanted, SEQUENCES * OUTPUTS * sizeof *y);
    // The state after the last sequence too.
    step(session, x, last);
    step(cpu, x, wanted);
    ck_assert_mem_eq(last, wanted, sizeof last);
    mr_session_close(session);
    mr_session_close(cpu);
    free(x);
    free(y);
    free(wanted);
    mr_model_close(model);
}
END_TEST

static void same_cuts(const struct mr_session *one, const struct mr_session *other) {
    for (uint32_t l = 0; l < 2; l++) {
        struct mr_operator_saturation a, b;
        ck_assert(!mr_session_operator_saturation(one, l, &a));
        ck_assert(!mr_session_operator_saturation(other, l, &b));
        ck_assert_uint_eq(a.cut, b.cut);
        ck_assert_uint_eq(a.total, b.total);
        ck_assert_double_eq(a.past, b.past);
    }
    for (uint32_t k = 0; k < INPUTS; k++) {
        struct mr_input_saturation a, b;
        ck_assert(!mr_session_input_saturation(one, k, &a));
        ck_assert(!mr_session_input_saturation(other, k, &b));
        ck_assert_uint_eq(a.cut, b.cut);
        ck_assert_uint_eq(a.total, b.total);
        ck_assert_double_eq(a.farthest, b.farthest);
    }
}

// Inputs that let the cell states grow; some are beyond their format.
static float *growing_input(size_t steps) {
    float *x = numbers(steps * INPUTS, 3);
    for (size_t i = 0; i < steps * INPUTS; i++)
        x[i] = i % 31 == 7 ? 9 * x[i] : 1;
    return x;
}

// In batches and in single steps.
START_TEST(cuts_are_counted) {
    enum { STEPS = 180, SEQUENCES = 3 };
    struct mr_model *model = open_model_of(growing_path);
    float *x = growing_input(SEQUENCES * STEPS), y[SEQUENCES * OUTPUTS];
    struct mr_stats stats, wanted;
    uint64_t cells = 0;
    struct mr_session *card = open_session(model, device, NULL),
                      *cpu = open_session(model, "cpu:", NULL);
    ck_assert(!mr_session_run(cpu, x, SEQUENCES, STEPS, 0, y, &wanted));
    ck_assert_msg(!mr_session_run(card, x, SEQUENCES, STEPS, 0, y, &stats), "%s",
                  mr_session_error(card));
    ck_assert_uint_gt(wanted.cut_values, 0);
    ck_assert_uint_gt(wanted.cut_inputs, 0);
    ck_assert_uint_eq(stats.cut_values, wanted.cut_values);
    ck_assert_uint_eq(stats.cut_inputs, wanted.cut_inputs);
    same_cuts(card, cpu);
    mr_session_reset(cpu);
    mr_session_reset(card);
    for (size_t t = 0; t < STEPS; t++) {
        ck_assert(!mr_session_step(cpu, x + t * INPUTS, y, &wanted));
        ck_assert(!mr_session_step(card, x + t * INPUTS, y, &stats));
        ck_assert_uint_eq(stats.cut_values, wanted.cut_values);
        ck_assert_uint_eq(stats.cut_inputs, wanted.cut_inputs);
        cells += stats.cut_values;
    }
    ck_assert_uint_gt(cells, 0);
    same_cuts(card, cpu);
    mr_session_close(card);
    mr_session_close(cpu);
    free(x);
    mr_model_close(model);
}
END_TEST

// A card that dies takes no count with it, and what the other device repeats is not counted twice.
START_TEST(cuts_go_on) {
    enum { STEPS = 260, BATCH = 300, LENGTH = 200 };
    static const size_t deaths[] = {1, 150, 200};
    struct mr_model *model = open_model_of(growing_path);
    float *x = growing_input(BATCH * LENGTH), *y = numbers(BATCH * OUTPUTS, 1);
    struct mr_stats stats, sum = {0}, wanted = {0};
    struct mr_session *session = open_session(model, device, &falling),
                      *cpu = open_session(model, "cpu:", NULL);
    for (size_t t = 0; t < STEPS; t++) {
        if (t == deaths[_i])
            ck_assert_int_eq(kill(find_card(), SIGKILL), 0);
        ck_assert(!mr_session_step(session, x + t * INPUTS, y, &stats));
        sum.cut_values += stats.cut_values;
        ck_assert(!mr_session_step(cpu, x + t * INPUTS, y, &stats));
        wanted.cut_values += stats.cut_values;
    }
    check_fallen(session, "ended by signal 9");
    ck_assert_uint_gt(wanted.cut_values, 0);
    ck_assert_uint_eq(sum.cut_values, wanted.cut_values);
    same_cuts(session, cpu);
    mr_session_close(session);
    mr_session_close(cpu);

    session = open_session(model, device, &falling);
    cpu = open_session(model, "cpu:", NULL);
    struct shot shot = {.signal = SIGKILL, .card = find_card()};
    pthread_t thread;
    pthread_create(&thread, NULL, shoot, &shot);
    ck_assert(!mr_session_run(session, x, BATCH, LENGTH, 0, y, &stats));
    pthread_join(thread, NULL);
    ck_assert(!mr_session_run(cpu, x, BATCH, LENGTH, 0, y, &wanted));
    ck_assert_uint_eq(stats.cut_values, wanted.cut_values);
    ck_assert_uint_eq(stats.cut_inputs, wanted.cut_inputs);
    same_cuts(session, cpu);
    mr_session_close(session);
    mr_session_close(cpu);
    free(x);
    free(y);
    mr_model_close(model);
}
END_TEST

// The fallback fails too: that is an error, of every later call as well.
START_TEST(nothing_is_left) {
    struct mr_model *model = open_model();
    struct mr_options options = falling;
    options.fallback = "xrt:0," FOLDER "/none.xclbin";
    float *x = numbers(INPUTS, 5), y[OUTPUTS];
    struct mr_session *session = open_session(model, device, &options);
    step(session, x, y);
    void *state = save(session);
    ck_assert_int_eq(kill(find_card(), SIGKILL), 0);
    for (int again = 0; again < 3; again++)
        ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(mr_session_error(session), "no device any more") != NULL, "%s",
                  mr_session_error(session));
    ck_assert_int_eq(mr_session_restore(session, state, mr_session_state_size(session)),
                     MR_ERROR_DEVICE);
    ck_assert_int_eq(mr_session_save(session, state, mr_session_state_size(session)), 0);
    ck_assert_uint_eq(mr_session_process_count(session), 0);
    mr_session_close(session);
    free(state);
    free(x);
    mr_model_close(model);
}
END_TEST

// The fallback opens and fails behind that: its memory answers SLVERR while it takes the weights,
// once, so that a call that went on with it would succeed, from a state of zeros.
START_TEST(no_half_open_fallback) {
    struct mr_model *model = open_model();
    struct mr_options options = falling;
    options.fallback = device;
    float *x = numbers(INPUTS, 5), y[OUTPUTS];
    struct mr_session *session = open_session(model, device, &options);
    step(session, x, y);
    setenv("MILLRACE_CARD_BAD_READ", "1", 1);
    ck_assert_int_eq(kill(find_card(), SIGKILL), 0);
    ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(mr_session_error(session), "ended by signal 9; its fallback xrt:0") &&
                      strstr(mr_session_error(session), "loading the weights"),
                  "%s", mr_session_error(session));
    for (int again = 0; again < 3; again++)
        ck_assert_int_eq(mr_session_step(session, x, y, NULL), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(mr_session_error(session), "no device any more") != NULL, "%s",
                  mr_session_error(session));
    mr_session_close(session);
    free(x);
    mr_model_close(model);
}
END_TEST

// A card that cannot be opened has failed. A device that there is not, or that has not what was
// asked for, is the user's fault.
START_TEST(opening_falls) {
    static const char none[] = "xrt:0," FOLDER "/none.xclbin";
    struct mr_model *model = open_model();
    struct mr_error error = {0};
    struct mr_options options = falling;
    float *x = numbers(LONG * INPUTS, 5), *y = unbroken(model, x);
    struct mr_session *session = open_session(model, none, &options);
    check_fallen(session, "none.xclbin");
    follow(session, x, 0, LONG, y);
    mr_session_close(session);
    free(x);
    free(y);
    options.fallback = none;
    ck_assert_ptr_null(mr_session_open(model, none, &options, &error));
    ck_assert_msg(strstr(error.text, "failed as well") != NULL, "%s", error.text);
    ck_assert_int_eq(error.code, MR_ERROR_DEVICE);
    options.fallback = NULL;
    ck_assert_ptr_null(mr_session_open(model, none, &options, &error));
    ck_assert_msg(strstr(error.text, "none.xclbin") != NULL, "%s", error.text);
    options = falling;
    options.stall_chance = 1;
    ck_assert_ptr_null(mr_session_open(model, device, &options, &error));
    ck_assert_msg(strstr(error.text, "is not a device that") != NULL, "%s", error.text);
    ck_assert_int_eq(error.code, MR_ERROR_ARGUMENT);
    options = falling;
    options.fallback = "abacus:";
    ck_assert_ptr_null(mr_session_open(model, device, &options, &error));
    ck_assert_msg(strstr(error.text, "abacus:") != NULL, "%s", error.text);
    mr_model_close(model);
}
END_TEST

int main(void) {
    build_image();
    Suite *suite = suite_create("card_resume");
    TCase *cases = tcase_create("resume");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, state_moves);
    tcase_add_test(cases, state_after_an_error);
    tcase_add_loop_test(cases, steps_go_on, 0, 5);
    tcase_add_loop_test(cases, sequences_go_on, 0, 2);
    tcase_add_test(cases, cuts_are_counted);
    tcase_add_loop_test(cases, cuts_go_on, 0, 3);
    tcase_add_test(cases, nothing_is_left);
    tcase_add_test(cases, no_half_open_fallback);
    tcase_add_test(cases, opening_falls);
    suite_add_tcase(suite, cases);
    return card_run(suite);
}
