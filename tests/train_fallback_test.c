// SPDX-License-Identifier: Apache-2.0
// A device that fails while it trains, at each of its mini-batches and predictions in turn, with
// another one to fall back on: epochs and weights are those of a training that never failed. The
// device is a training engine as C, whose calls end with an error from some time on.
#define _POSIX_C_SOURCE 200809L
#include "failure.h"
#include "network_fixture.h"
#include "npy.h"
#include "train_weights.h"
#include "training.h"

#include <check.h>
#include <stdio.h>

#define FOLDER "build/train_fallback_test"
// Of an epoch: mini-batches of 4, 4, 4 and 3 sequences, the late losses, 2 predictions and its end.
enum { SEQUENCES = 20, BATCH = 4, CALLS = 4 + 1 + 2 + 1 };
enum { STEPS = 3, EPOCHS = 3, WEIGHTS = 4 * 3 * (2 + 3) + 4 * 3 + 3 + 1 };

static struct mr_error error;
static int notes;
static char said[1200];
static int left; // calls until it fails

static void note(void *context, const char *text) {
    (void)context;
    if (strstr(text, "goes on")) {
        snprintf(said, sizeof said, "%s", text);
        notes++;
    }
}

static struct mr_trainer_kind failing;
static const struct mr_trainer_kind *real;

static int die(struct mr_error *why) {
    return mr_failure(why, MR_ERROR_DEVICE, "the card gives no sign of life");
}

static int step(void *trainer, const float *x, const float *y, size_t sequences, size_t steps,
                double rate, struct mr_train_losses *losses, struct mr_error *why) {
    return left-- <= 0 ? die(why) : real->step(trainer, x, y, sequences, steps, rate, losses, why);
}

static int flush(void *trainer, struct mr_train_losses *losses, struct mr_error *why) {
    return left-- <= 0 ? die(why) : real->flush(trainer, losses, why);
}

static int predict(void *trainer, const float *x, size_t sequences, size_t steps, float *y,
                   struct mr_error *why) {
    return left-- <= 0 ? die(why) : real->predict(trainer, x, sequences, steps, y, why);
}

static int finish(void *trainer, struct mr_error *why) {
    return left-- <= 0 ? die(why) : real->finish(trainer, why);
}

static void write_data(void) {
    const size_t shape[] = {SEQUENCES, STEPS, 2};
    uint64_t seed = 5;
    struct mr_array x, y;
    char text[300];
    ck_assert_int_eq(system("mkdir -p " FOLDER), 0);
    ck_assert_int_eq(mr_array_create(&x, 3, shape, text, sizeof text), 0);
    ck_assert_int_eq(mr_array_create(&y, 1, shape, text, sizeof text), 0);
    for (size_t i = 0; i < x.count; i++) {
        x.data[i] = (float)random_between(&seed, -1000, 1000) / 500;
        y.data[i / (x.count / y.count)] += x.data[i];
    }
    ck_assert_int_eq(mr_npy_write(FOLDER "/x.npy", &x, text, sizeof text), 0);
    ck_assert_int_eq(mr_npy_write(FOLDER "/y.npy", &y, text, sizeof text), 0);
    mr_array_free(&x);
    mr_array_free(&y);
}

static struct mr_training *open_training(const char *device, const char *fallback) {
    const struct mr_train_options options = {
        MR_TRAIN_OPTIONS_INIT, .x = FOLDER "/x.npy", .y = FOLDER "/y.npy", .validate = 0.25,
        .rate = 0.01,          .batch = BATCH,       .epochs = EPOCHS,     .arithmetic = "int",
        .device = device,      .fallback = fallback, .note = note};
    struct mr_network network;
    struct mr_train_chain chain;
    const int units = 3;
    net_chain(&network, "lstm", 2, 1, &units, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(mr_train_chain_of(&network, MR_TRAIN_MSE, &chain, &error), 0);
    mr_train_draw_weights(&network, &chain, 3);
    struct mr_training *training = mr_training_create(&network, &options, &error);
    ck_assert_msg(training != NULL, "%s", error.text);
    return training;
}

static void train(struct mr_training *training, struct mr_train_epoch *epochs, float *weights) {
    for (int i = 0; i < EPOCHS; i++)
        ck_assert_msg(mr_train_next(training, &epochs[i], &error) == 1, "%s", error.text);
    ck_assert_uint_eq(mr_train_weight_count(&training->chain), WEIGHTS);
    mr_train_read_weights(&training->network, &training->chain, weights);
    mr_train_close(training);
}

START_TEST(goes_on) {
    struct mr_train_epoch due[EPOCHS], got[EPOCHS];
    float wanted[WEIGHTS], weights[WEIGHTS];
    write_data();
    train(open_training("cpu:", NULL), due, wanted);
    for (int good = 0; good <= EPOCHS * CALLS; good++) {
        notes = 0;
        left = good;
        struct mr_training *training = open_training("hls:", "cpu:");
        real = training->kind;
        failing = *real;
        failing.step = step;
        failing.flush = flush;
        failing.predict = predict;
        failing.finish = finish;
        training->kind = &failing;
        train(training, got, weights);
        ck_assert_int_eq(notes, good < EPOCHS * CALLS);
        if (notes)
            ck_assert_msg(
                strstr(said, "no sign of life") &&
                    strstr(said, good < CALLS ? "from its beginning" : "from the last epoch"),
                "%s", said);
        ck_assert_mem_eq(weights, wanted, sizeof weights);
        for (int i = 0; i < EPOCHS; i++) {
            ck_assert(got[i].loss == due[i].loss && got[i].metric == due[i].metric);
            ck_assert(got[i].validation_loss == due[i].validation_loss);
            ck_assert_uint_eq(got[i].step, due[i].step);
            ck_assert_int_eq(got[i].best, due[i].best);
        }
    }
}
END_TEST

// Without another device an epoch that failed is none, and can be tried again: some mini-batches
// into each, of which the last ones are under way.
START_TEST(without_another_one) {
    struct mr_train_epoch due[EPOCHS], got[EPOCHS];
    float wanted[WEIGHTS], weights[WEIGHTS];
    write_data();
    train(open_training("cpu:", NULL), due, wanted);
    struct mr_training *training = open_training("hls:", NULL);
    real = training->kind;
    failing = *real;
    failing.step = step;
    training->kind = &failing;
    for (int i = 0; i < EPOCHS; i++) {
        for (left = 0; left < 4; left++) {
            const int good = left;
            ck_assert_int_eq(mr_train_next(training, &got[i], &error), MR_ERROR_DEVICE);
            ck_assert_str_eq(error.text, "the card gives no sign of life");
            ck_assert_uint_eq(mr_train_epochs(training), (uint32_t)i);
            left = good;
        }
        left = 4;
        ck_assert_msg(mr_train_next(training, &got[i], &error) == 1, "%s", error.text);
        ck_assert(got[i].loss == due[i].loss && got[i].validation_loss == due[i].validation_loss);
    }
    mr_train_read_weights(&training->network, &training->chain, weights);
    ck_assert_mem_eq(weights, wanted, sizeof weights);
    mr_train_close(training);
}
END_TEST

// A number that is not finite, in a mini-batch with others under way: its step is said, and from
// the state before all of them the steps are those of a trainer that saw none.
START_TEST(not_finite) {
    enum { BATCHES = 9, BAD = 6, NUMBERS = BATCH * STEPS * 2 };
    static const char *const devices[] = {"cpu:", "hls:"};
    static float x[BATCHES * NUMBERS], y[BATCHES * BATCH];
    double loss[2][2 * BATCHES];
    unsigned char *state[2];
    size_t size = 0;
    uint64_t seed = 8;
    for (size_t i = 0; i < BATCHES * NUMBERS; i++)
        x[i] = (float)random_between(&seed, -1000, 1000) / 500;
    for (size_t i = 0; i < BATCHES * BATCH; i++)
        y[i] = (float)random_between(&seed, -1000, 1000) / 500;
    for (int d = 0; d < 2; d++) {
        struct mr_training *training = open_training(devices[d], NULL);
        const struct mr_trainer_kind *kind = training->kind;
        struct mr_train_losses losses = {.of = loss[d]};
        size = kind->state_size(training->trainer);
        state[d] = malloc(size);
        ck_assert_ptr_nonnull(state[d]);
        for (int way = 0; way < 2; way++) {
            kind->read_state(training->trainer, state[d]);
            for (size_t i = 0; i < BATCHES; i++) {
                // The last one is smaller.
                const size_t sequences = i == BATCHES - 1 ? BATCH - 1 : BATCH;
                float *bad = x + i * NUMBERS + 5;
                const float kept = *bad;
                *bad = i == BAD && way ? (float)(d ? INFINITY : NAN) : kept;
                const int code = kind->step(training->trainer, x + i * NUMBERS, y + i * BATCH,
                                            sequences, STEPS, 0.01, &losses, &error);
                *bad = kept;
                ck_assert_int_eq(code, i == BAD && way ? MR_ERROR_INPUT : 0);
                if (code)
                    break;
            }
            if (way) {
                ck_assert_msg(strstr(error.text, "step 16: a number of the mini-batch is not"),
                              "%s", error.text);
                ck_assert_int_eq(kind->write_state(training->trainer, state[d], size, &error), 0);
            } else {
                ck_assert_msg(!kind->flush(training->trainer, &losses, &error), "%s", error.text);
                ck_assert_msg(!kind->finish(training->trainer, &error), "%s", error.text);
            }
        }
        losses.count = BATCHES;
        for (size_t i = 0; i < BATCHES; i++)
            ck_assert_msg(!kind->step(training->trainer, x + i * NUMBERS, y + i * BATCH, BATCH,
                                      STEPS, 0.01, &losses, &error),
                          "%s", error.text);
        ck_assert_msg(!kind->flush(training->trainer, &losses, &error), "%s", error.text);
        ck_assert_msg(!kind->finish(training->trainer, &error), "%s", error.text);
        ck_assert_uint_eq(losses.count, 2 * BATCHES);
        kind->read_state(training->trainer, state[d]);
        mr_train_close(training);
    }
    ck_assert_mem_eq(state[0], state[1], size);
    ck_assert_mem_eq(loss[0], loss[1], sizeof loss[0]);
    free(state[0]);
    free(state[1]);
}
END_TEST

// What cannot be built is replaced too.
START_TEST(not_built) {
    struct mr_train_epoch due[EPOCHS], got[EPOCHS];
    float wanted[WEIGHTS], weights[WEIGHTS];
    write_data();
    train(open_training("cpu:", NULL), due, wanted);
    setenv("MILLRACE_HLSC", "build/no_such_compiler", 1);
    notes = 0;
    train(open_training("sim:", "cpu:"), got, weights);
    ck_assert_int_eq(notes, 1);
    ck_assert_mem_eq(weights, wanted, sizeof weights);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("train_fallback");
    TCase *all = tcase_create("all");
    tcase_set_timeout(all, 600);
    tcase_add_test(all, goes_on);
    tcase_add_test(all, without_another_one);
    tcase_add_test(all, not_finite);
    tcase_add_test(all, not_built);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
