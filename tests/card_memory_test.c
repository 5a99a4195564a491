// SPDX-License-Identifier: Apache-2.0
// A network with external memories on an emulated card, by the real XRT: the same bits as its C
// that gcc compiles. The driver gives it its memories; what they hold stays from run to run, and
// goes with the session. Environment: SEED.
#define _GNU_SOURCE
#include "build.h"
#include "card_image.h"
#include "device_table.h"
#include "driver.h"
#include "file.h"
#include "hls_build.h"
#include "kernel_hash.h"
#include "network_build.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FOLDER "build/card_memory_test"
enum { SUMS = 5, KEPT = 256 }; // words of the memories (tests/card/recall.c)

static uint64_t seed, state;

static uint32_t draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static struct mr_design_hash hash;
static char card_path[PATH_MAX], model_path[PATH_MAX];

// The image and the C of the network, unless the cache has them.
static void build(void) {
    char text[900], gen[PATH_MAX], report_path[PATH_MAX + 16];
    unsigned char *source = NULL;
    size_t size;
    struct mr_error error = {0};
    struct mr_hls_places places;
    ck_assert_msg(!mr_file_read("tests/card/recall.c", 1 << 20, &source, &size, text, sizeof text),
                  "%s", text);
    const struct mr_hls_build compile = {
        .source = (const char *)source, .top = MR_NETWORK_TOP, .places = &places};
    ck_assert_msg(!mr_hls_find(&places, text, sizeof text) &&
                      !mr_hls_name(&compile, gen, sizeof gen, text, sizeof text) &&
                      !mr_hls_compile(&compile, gen, text, sizeof text),
                  "%s", text);
    snprintf(report_path, sizeof report_path, "%s/report.json", gen);
    struct mr_report *report = mr_report_read(report_path, text, sizeof text);
    ck_assert_msg(report != NULL, "%s", text);
    ck_assert_uint_eq(report->external_count, 2);
    ck_assert_msg(!mr_design_hash_make((const char *)source, &hash, &error), "%s", error.text);

    json_t *described = json_object();
    struct mr_card_design design = {.hash = &hash,
                                    .name = "recall",
                                    .data_dir = places.data_dir,
                                    .gen_dir = gen,
                                    .cache_dir = places.cache_dir,
                                    .report = report,
                                    .clock_mhz = report->clock_mhz,
                                    .x_bits = 32,
                                    .y_bits = 32,
                                    .memory_words = {KEPT, SUMS},
                                    .described = described};
    ck_assert(!mr_card_target(NULL, &design.target, &error));
    (void)mkdir(FOLDER, 0777);
    ck_assert_msg(!mr_card_emulation_build(&design, FOLDER "/card.xclbin", NULL, card_path,
                                           sizeof card_path, &error),
                  "%s", error.text);
    const struct mr_build model = {.data_dir = places.data_dir,
                                   .gen_dir = gen,
                                   .top = MR_NETWORK_TOP,
                                   .cache_dir = places.cache_dir};
    ck_assert_msg(!mr_build_model(&model, model_path, sizeof model_path, text, sizeof text), "%s",
                  text);
    json_decref(described);
    mr_report_free(report);
    free(source);
}

static struct mr_device *open_device(const char *uri, const char *path) {
    struct mr_error error = {0};
    struct mr_image image = {0};
    image.forms[mr_device_form(uri)] = path;
    if (strcmp(uri, "xrt:0") == 0)
        image.hash = &hash;
    struct mr_device *device = mr_device_open(uri, &image, NULL, &error);
    ck_assert_msg(device != NULL, "%s", error.text);
    return device;
}

struct pair {
    struct mr_device *card, *model;
};

static struct pair open_pair(void) {
    return (struct pair){open_device("xrt:0", card_path), open_device("hls:", model_path)};
}

static void close_pair(struct pair pair) {
    mr_device_close(pair.card);
    mr_device_close(pair.model);
}

static int run(struct mr_device *device, const int32_t *x, int32_t *y, uint32_t sequences,
               uint32_t steps, uint32_t flags, struct mr_error *error) {
    const uint64_t count = (uint64_t)sequences * steps;
    struct mr_job job = {.sequences = sequences,
                         .steps = steps,
                         .flags = flags,
                         .in[0] = {.name = "x", .data = x, .count = count},
                         .out[0] = {.name = "y", .data = y, .count = count}};
    *error = (struct mr_error){0};
    return mr_device_run(device, &job, error);
}

static void compare_run(struct pair pair, uint32_t sequences, uint32_t steps, uint32_t flags) {
    const size_t count = (size_t)sequences * steps;
    int32_t *x = calloc(count, sizeof *x), *y = calloc(count, sizeof *y),
            *z = calloc(count, sizeof *z);
    struct mr_error error;
    ck_assert(x && y && z);
    for (size_t i = 0; i < count; i++)
        x[i] = (int32_t)draw();
    ck_assert_msg(!run(pair.model, x, y, sequences, steps, flags, &error), "%s", error.text);
    ck_assert_msg(!run(pair.card, x, z, sequences, steps, flags, &error), "%s", error.text);
    ck_assert_mem_eq(y, z, count * sizeof *y);
    free(x);
    free(y);
    free(z);
}

static void compare_state(struct pair pair) {
    struct mr_error error = {0};
    uint64_t one[SUMS][8] = {{0}}, other[SUMS][8] = {{0}};
    ck_assert_msg(!mr_device_read_state(pair.model, one, SUMS, &error), "%s", error.text);
    ck_assert_msg(!mr_device_read_state(pair.card, other, SUMS, &error), "%s", error.text);
    ck_assert_mem_eq(one, other, sizeof one);
}

START_TEST(runs_have_the_bits_of_the_c) {
    struct pair pair = open_pair();
    struct mr_error error = {0};
    uint64_t beats[SUMS][8];
    compare_state(pair); // zeros
    compare_run(pair, 3, 7, 0);
    for (int i = 0; i < SUMS; i++)
        for (int k = 0; k < 8; k++)
            beats[i][k] = (uint64_t)draw() << 32 | draw();
    ck_assert(!mr_device_load_weights(pair.model, beats, SUMS, &error));
    ck_assert(!mr_device_load_weights(pair.card, beats, SUMS, &error));
    compare_state(pair);
    for (int i = 0; i < 12; i++) {
        // Of one sequence: by the rings, where the network begins again within a run.
        compare_run(pair, i % 3 ? 1 : 1 + draw() % 20, 1 + draw() % (i % 4 ? 20 : KEPT),
                    draw() % 4 == 0);
        if (i % 4 == 3)
            compare_state(pair);
    }
    ck_assert(!mr_device_write_state(pair.model, beats, SUMS, &error));
    ck_assert(!mr_device_write_state(pair.card, beats, SUMS, &error));
    compare_run(pair, 2, KEPT, 0);
    compare_state(pair);
    close_pair(pair);
}
END_TEST

// A new session's memory is zero again.
START_TEST(memory_goes_with_the_session) {
    for (int i = 0; i < 2; i++) {
        struct pair pair = open_pair();
        compare_state(pair);
        compare_run(pair, 2, 9, 0);
        compare_state(pair);
        close_pair(pair);
    }
}
END_TEST

// A sentence, and the session goes on. (What is left of a plan, the watchdog finds: card_rtl_test.)
START_TEST(a_plan_beyond_the_memory_is_an_error) {
    struct pair pair = open_pair();
    struct mr_error error;
    int32_t *x = calloc(KEPT + 1, sizeof *x), *y = calloc(KEPT + 1, sizeof *y);
    ck_assert(x && y);
    compare_run(pair, 2, KEPT, 1);
    ck_assert_int_eq(run(pair.card, x, y, 1, KEPT + 1, 1u, &error), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(error.text, "behind the end of one of its memories"), "%s", error.text);
    compare_run(pair, 2, KEPT, 1);
    close_pair(pair);
    free(x);
    free(y);
}
END_TEST

// The n-th burst of a card's ports answers with an error.
static void fail_burst(const char *variable, const char *number, const char *sentence) {
    struct mr_error error;
    int32_t x[40] = {0}, y[40];
    setenv(variable, number, 1);
    struct mr_device *card = open_device("xrt:0", card_path);
    unsetenv(variable);
    ck_assert_int_eq(run(card, x, y, 4, 10, 1, &error), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(error.text, sentence), "%s", error.text);
    mr_device_close(card);
}

START_TEST(errors_of_memory_are_told) {
    fail_burst("MILLRACE_CARD_BAD_READ", "9", "Reading a memory of the network");
    fail_burst("MILLRACE_CARD_BAD_WRITE", "2", "Writing a memory of the network");
}
END_TEST

int main(void) {
    const char *given = getenv("SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("card_memory_test: SEED=%llu\n", (unsigned long long)seed);
    state = seed;
    Suite *suite = suite_create("card_memory");
    TCase *tests = tcase_create("card_memory");
    tcase_set_timeout(tests, 300);
    tcase_add_unchecked_fixture(tests, build, NULL);
    tcase_add_test(tests, runs_have_the_bits_of_the_c);
    tcase_add_test(tests, memory_goes_with_the_session);
    tcase_add_test(tests, a_plan_beyond_the_memory_is_an_error);
    tcase_add_test(tests, errors_of_memory_are_told);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
