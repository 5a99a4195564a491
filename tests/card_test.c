// SPDX-License-Identifier: Apache-2.0
// Cards: the real XRT libraries against an emulated card, which is the Verilated kernel with its
// AXI shell. The bits are those of cpu:, and whatever goes wrong ends in a sentence within a time
// limit and leaves the library usable. Writes below build/card_test.
#define _GNU_SOURCE
#include "card_fixture.h"

#include "millrace.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void refuse(const struct mr_model *model, const char *uri, const struct mr_options *options,
                   const char *words) {
    struct mr_error error = {0};
    struct mr_session *session = mr_session_open(model, uri, options, &error);
    ck_assert_msg(session == NULL, "%s was opened", uri);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s: %s", uri, error.text);
}

START_TEST(same_bits) {
    static const struct {
        size_t sequences, steps;
    } runs[] = {{1, 1}, {4, 6}, {7, 3}, {1, 100}, {1000, 2}};
    struct mr_model *model = open_model();
    struct mr_model_info info;
    struct mr_process_info process;
    mr_model_info(model, &info);
    struct mr_session *card = open_session(model, device, NULL),
                      *cpu = open_session(model, "cpu:", NULL);
    ck_assert_msg(strstr(mr_session_device(card), "an emulated u55c") != NULL, "%s",
                  mr_session_device(card));
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        compare(card, cpu, &info, runs[i].sequences, runs[i].steps);
    ck_assert_int_gt(mr_session_process_count(card), 0);
    ck_assert_int_eq(mr_session_process(card, 1, &process), 0);
    ck_assert_str_eq(process.name, "lstm0");
    ck_assert_int_gt(process.busy, 1000 * 2);
    float none = 0;
    ck_assert_int_eq(mr_session_run(card, &none, 0, 5, 0, &none, NULL), MR_ERROR_ARGUMENT);
    mr_session_close(card);
    mr_session_close(cpu);
    mr_model_close(model);
}
END_TEST

// Counters are read while the card works: samples in between, and the totals at the end. What the
// processes have to do is the same in every run of that size.
START_TEST(timeline) {
    enum { SEQUENCES = 400, STEPS = 5, SAMPLES = 512 };
    static struct mr_sample samples[SAMPLES];
    const struct mr_options options = {MR_OPTIONS_INIT, .timeline = 1};
    struct mr_model *model = open_model();
    struct mr_model_info info;
    mr_model_info(model, &info);
    struct mr_session *card = open_session(model, device, &options);
    float *x = numbers(SEQUENCES * STEPS * info.inputs, 3),
          *y = numbers(SEQUENCES * info.outputs, 4);
    uint64_t busy = 0;
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(mr_session_run(card, x, SEQUENCES, STEPS, 0, y, NULL), 0);
        for (uint32_t p = 0; p < mr_session_process_count(card); p++) {
            struct mr_process_info process;
            struct mr_sample before = {0};
            const uint32_t count = mr_session_timeline(card, p, samples, SAMPLES);
            ck_assert_uint_ge(count, 3);
            ck_assert_uint_le(count, SAMPLES);
            for (uint32_t i = 0; i < count; i++) {
                ck_assert_uint_gt(samples[i].cycle, before.cycle);
                ck_assert(samples[i].busy >= before.busy && samples[i].starved >= before.starved &&
                          samples[i].blocked >= before.blocked);
                before = samples[i];
            }
            ck_assert_int_eq(mr_session_process(card, p, &process), 0);
            ck_assert_uint_eq(before.busy, process.busy);
            ck_assert_uint_eq(before.starved, process.starved);
            ck_assert_uint_eq(before.blocked, process.blocked);
            // A layer works from the begin to the end: halfway it has done about half.
            if (strcmp(process.name, "lstm0") == 0) {
                const struct mr_sample *middle = &samples[count / 2];
                const double share = (double)middle->busy / (double)middle->cycle,
                             whole = (double)before.busy / (double)before.cycle;
                ck_assert_msg(fabs(share - whole) < 0.2, "%g, %g", share, whole);
                ck_assert(!busy || busy == process.busy);
                busy = process.busy;
            }
        }
    }
    ck_assert_uint_gt(busy, SEQUENCES * STEPS);
    free(x);
    free(y);
    mr_session_close(card);
    mr_model_close(model);
}
END_TEST

START_TEST(step_by_step) {
    enum { STEPS = 20 };
    struct mr_model *model = open_model();
    struct mr_model_info info;
    mr_model_info(model, &info);
    struct mr_session *card = open_session(model, device, NULL),
                      *cpu = open_session(model, "cpu:", NULL);
    float *x = numbers(STEPS * info.inputs, 5), y[2][64];
    for (size_t t = 0; t < STEPS; t++) {
        ck_assert_int_eq(mr_session_step(card, x + t * info.inputs, y[0], NULL), 0);
        ck_assert_int_eq(mr_session_step(cpu, x + t * info.inputs, y[1], NULL), 0);
        ck_assert_mem_eq(y[0], y[1], info.outputs * sizeof(float));
    }
    free(x);
    mr_session_close(card);
    mr_session_close(cpu);
    mr_model_close(model);
}
END_TEST

START_TEST(two_cards) {
    struct mr_model *model = open_model();
    struct mr_session *cards[2] = {open_session(model, device, NULL),
                                   open_session(model, "xrt:1," FOLDER "/card.xclbin", NULL)};
    for (size_t i = 0; i < 4; i++)
        compare_with_cpu(cards[i % 2], model, 3, 5 + i);
    mr_session_close(cards[0]);
    compare_with_cpu(cards[1], model, 3, 5);
    mr_session_close(cards[1]);
    mr_model_close(model);
}
END_TEST

START_TEST(two_processes) {
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        fflush(NULL);
        children[i] = fork();
        if (children[i] == 0) {
            struct mr_model *model = open_model();
            struct mr_session *card = open_session(model, device, NULL);
            compare_with_cpu(card, model, 20, 10);
            mr_session_close(card);
            mr_model_close(model);
            exit(0);
        }
    }
    for (int i = 0; i < 2; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}
END_TEST

START_TEST(many_opens) {
    struct mr_model *model = open_model();
    for (int i = 0; i < 100; i++) {
        struct mr_session *card = open_session(model, device, NULL);
        if (i % 25 == 24)
            compare_with_cpu(card, model, 2, 3);
        mr_session_close(card);
    }
    mr_model_close(model);
}
END_TEST

static void copy_image(const char *path, size_t size, size_t spoiled) {
    FILE *from = fopen(image_path, "rb"), *to = fopen(path, "wb");
    ck_assert(from && to);
    int c;
    for (size_t i = 0; i < size && (c = fgetc(from)) != EOF; i++)
        fputc(i == spoiled ? c ^ 0x55 : c, to);
    fclose(from);
    ck_assert_int_eq(fclose(to), 0);
}

START_TEST(wrong_images) {
    static const uint32_t lanes[] = {2};
    struct mr_model *model = open_model();
    const struct mr_options two = {MR_OPTIONS_INIT, .choice = MR_LANES_GIVEN, .lanes = lanes,
                                   .lane_count = 1},
                            other = {MR_OPTIONS_INIT, .target = "u50"};
    refuse(model, "xrt:0," FOLDER "/none.xclbin", NULL, "none.xclbin");
    copy_image(FOLDER "/cut.xclbin", 20000, SIZE_MAX);
    refuse(model, "xrt:0," FOLDER "/cut.xclbin", NULL, "truncated");
    copy_image(FOLDER "/short.xclbin", 100, SIZE_MAX);
    refuse(model, "xrt:0," FOLDER "/short.xclbin", NULL, "no xclbin");
    copy_image(FOLDER "/spoiled.xclbin", SIZE_MAX, 5);
    refuse(model, "xrt:0," FOLDER "/spoiled.xclbin", NULL, "no xclbin");
    copy_image(FOLDER "/zip.xclbin", SIZE_MAX, 3000);
    refuse(model, "xrt:0," FOLDER "/zip.xclbin", NULL, "damaged");
    refuse(model, device, &two, "another shape");
    refuse(model, device, &other, "target is u50");
    refuse(model, "xrt:0,", NULL, "write xrt:N");
    refuse(model, "xrt:x", NULL, "write xrt:N");
    refuse(model, "xrt:99," FOLDER "/card.xclbin", NULL, "cannot open card 99");
    setenv("MILLRACE_BITSTREAMS", "build/card_test/empty", 1);
    refuse(model, "xrt:0", NULL, "build one with millrace build");
    setenv("MILLRACE_BITSTREAMS", FOLDER, 1);
    struct mr_session *card = open_session(model, "xrt:0", NULL);
    compare_with_cpu(card, model, 2, 2);
    mr_session_close(card);
    mr_model_close(model);
}
END_TEST

// A run of minutes, and something happens to the card.
static void fail_in_time(int signal_number, const char *words, double limit) {
    enum { SEQUENCES = 2000, STEPS = 2000 };
    struct mr_model *model = open_model();
    struct mr_model_info info;
    mr_model_info(model, &info);
    const struct mr_options options = {MR_OPTIONS_INIT, .limit_ms = 2000};
    struct mr_session *card = open_session(model, device, &options);
    struct shot shot = {.signal = signal_number, .card = find_card()};
    ck_assert_int_gt(shot.card, 0);
    float *x = numbers((size_t)SEQUENCES * STEPS * info.inputs, 1);
    float *y = numbers((size_t)SEQUENCES * info.outputs, 1);
    pthread_t thread;
    pthread_create(&thread, NULL, shoot, &shot);
    const double start = seconds_now();
    ck_assert_int_eq(mr_session_run(card, x, SEQUENCES, STEPS, 0, y, NULL), MR_ERROR_DEVICE);
    const double took = seconds_now() - start;
    pthread_join(thread, NULL);
    ck_assert_msg(strstr(mr_session_error(card), words) != NULL, "%s", mr_session_error(card));
    ck_assert_msg(took < limit, "%.1f s", took);
    // It stays lost, at once.
    ck_assert_int_eq(mr_session_run(card, x, 1, 1, 0, y, NULL), MR_ERROR_DEVICE);
    mr_session_close(card);
    ck_assert_msg(seconds_now() - start < 2 * limit, "closing took too long");
    ck_assert_int_eq(find_card(), 0);
    // The library lives on, on the processor and on a new card.
    card = open_session(model, device, NULL);
    compare_with_cpu(card, model, 3, 3);
    mr_session_close(card);
    free(x);
    free(y);
    mr_model_close(model);
}

START_TEST(card_killed) {
    fail_in_time(SIGKILL, "ended by signal 9", 6);
}
END_TEST

START_TEST(card_stopped) {
    fail_in_time(SIGSTOP, "no sign of life for 2.0 s", 8);
}
END_TEST

// From the first byte on, or in the middle of a transfer.
START_TEST(card_silent) {
    static const char *const limits[] = {"1", "5000"};
    struct mr_model *model = open_model();
    struct mr_error error;
    const struct mr_options options = {MR_OPTIONS_INIT, .limit_ms = 1000};
    setenv("MILLRACE_CARD_SILENT", limits[_i], 1);
    const double start = seconds_now();
    struct mr_session *card = mr_session_open(model, device, &options, &error);
    if (card) {
        float *x = numbers(100 * 100 * 3, 1), y[400];
        ck_assert_int_eq(mr_session_run(card, x, 100, 100, 0, y, NULL), MR_ERROR_DEVICE);
        snprintf(error.text, sizeof error.text, "%s", mr_session_error(card));
        mr_session_close(card);
        free(x);
    }
    ck_assert_msg(strstr(error.text, "no sign of life for 1.0 s") != NULL, "%s", error.text);
    ck_assert(seconds_now() - start < 6);
    unsetenv("MILLRACE_CARD_SILENT");
    card = open_session(model, device, NULL);
    compare_with_cpu(card, model, 3, 3);
    mr_session_close(card);
    mr_model_close(model);
}
END_TEST

// Memory answers SLVERR once; the weights go to the card again by themselves.
START_TEST(bad_memory) {
    static const struct {
        const char *variable, *burst, *words;
    } faults[] = {{"MILLRACE_CARD_BAD_READ", "1", "Reading the weights"},
                  {"MILLRACE_CARD_BAD_READ", "200", "Reading x"},
                  {"MILLRACE_CARD_BAD_WRITE", "1", "Writing y"}};
    struct mr_model *model = open_model();
    struct mr_error error;
    setenv(faults[_i].variable, faults[_i].burst, 1);
    struct mr_session *card = mr_session_open(model, device, NULL, &error);
    if (card) {
        float *x = numbers(200 * 100 * 3, 1), y[800];
        int code = 0;
        for (int i = 0; i < 100 && !code; i++)
            code = mr_session_run(card, x, 200, 10, 0, y, NULL);
        ck_assert_int_eq(code, MR_ERROR_DEVICE);
        snprintf(error.text, sizeof error.text, "%s", mr_session_error(card));
        compare_with_cpu(card, model, 3, 3);
        mr_session_close(card);
        free(x);
    }
    ck_assert_msg(strstr(error.text, faults[_i].words) != NULL, "%s", error.text);
    mr_model_close(model);
}
END_TEST

// A program that forgets to close ends well and in time; its card goes with it.
START_TEST(left_open) {
    fflush(NULL);
    const double start = seconds_now();
    const pid_t child = fork();
    if (child == 0) {
        static struct mr_session *volatile forgotten; // reachable
        static struct mr_model *volatile model;
        model = open_model();
        forgotten = open_session(model, device, NULL);
        exit(forgotten ? 7 : 1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    ck_assert(seconds_now() - start < 30);
}
END_TEST

// Standard output is the command's own, though XRT's emulation talks.
START_TEST(command_line) {
    struct mr_model *model = open_model();
    struct mr_model_info info;
    mr_model_info(model, &info);
    mr_model_close(model);
    ck_assert_int_eq(system("MILLRACE_BITSTREAMS=" FOLDER " build/millrace run " FOLDER
                            "/model.millrace --device xrt:0 --input " FOLDER "/x.npy -o " FOLDER
                            "/y.npy --json >" FOLDER "/run.json 2>" FOLDER "/run.log"),
                     0);
    json_t *said = json_load_file(FOLDER "/run.json", 0, NULL);
    ck_assert(said != NULL);
    ck_assert(strstr(json_string_value(json_object_get(said, "device")), "an emulated u55c"));
    ck_assert_int_gt(json_integer_value(json_object_get(said, "cycles")), 0);
    json_decref(said);
    ck_assert_int_eq(
        system("build/millrace run " FOLDER "/model.millrace --device cpu: --input " FOLDER
               "/x.npy -o " FOLDER "/z.npy >/dev/null && cmp " FOLDER "/y.npy " FOLDER
               "/z.npy && grep -q 'running on xrt:0, an emulated u55c' " FOLDER "/run.log"),
        0);
}
END_TEST

START_TEST(chosen_by_itself) {
    struct mr_model *model = open_model();
    struct mr_session *session = open_session(model, NULL, NULL);
    // No card is here.
    if (access("/sys/bus/pci/drivers/xocl", F_OK))
        ck_assert_str_eq(mr_session_device(session), "cpu:");
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

int main(void) {
    build_image();
    Suite *suite = suite_create("card");
    TCase *well = tcase_create("well"), *faults = tcase_create("faults");
    tcase_set_timeout(well, 120);
    tcase_set_timeout(faults, 120);
    tcase_add_test(well, same_bits);
    tcase_add_test(well, timeline);
    tcase_add_test(well, step_by_step);
    tcase_add_test(well, two_cards);
    tcase_add_test(well, two_processes);
    tcase_add_test(well, many_opens);
    tcase_add_test(well, command_line);
    tcase_add_test(well, chosen_by_itself);
    tcase_add_test(faults, wrong_images);
    tcase_add_test(faults, card_killed);
    tcase_add_test(faults, card_stopped);
    tcase_add_loop_test(faults, card_silent, 0, 2);
    tcase_add_loop_test(faults, bad_memory, 0, 3);
    tcase_add_test(faults, left_open);
    suite_add_tcase(suite, well);
    suite_add_tcase(suite, faults);
    return card_run(suite);
}
