// SPDX-License-Identifier: Apache-2.0
// Cards: the real XRT libraries against an emulated card, which is the Verilated kernel with its
// AXI shell. The bits are those of cpu:, and whatever goes wrong ends in a sentence within a time
// limit and leaves the library usable. Writes below build/card_test.
#define _GNU_SOURCE
#include "card_fixture.h"
#include "driver.h"
#include "model_handle.h"
#include "network_build.h"
#include "weights_image.h"

#include "millrace.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
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

// ---- At the driver: raw elements ---------------------------------------------------------------

struct raw {
    struct mr_model *model;
    struct mr_compiled compiled;
    int16_t *weights;
    uint64_t beats;
    uint64_t words, outputs; // elements of x in a step, of y in a sequence
    struct mr_image image;
    char model_so[PATH_MAX];
    const char *names[32];
    uint32_t flags;   // of a run
    uint64_t *probes; // of all runs, or NULL
};

static void raw_open_model(struct raw *raw, const char *path) {
    struct mr_error error;
    char text[900];
    *raw = (struct raw){.model = open_model_of(path), .flags = MR_FLAG_RESET};
    const struct mr_network *network = mr_model_network(raw->model);
    ck_assert(!mr_compile_network(network, NULL, &raw->compiled, &error));
    ck_assert(!mr_compiled_build(&raw->compiled, MR_FLAVOUR_MODEL, false, NULL, raw->model_so,
                                 sizeof raw->model_so, &error));
    raw->weights = mr_weights_image(&raw->compiled.plan, &raw->beats, text, sizeof text);
    ck_assert(raw->weights != NULL);
    raw->words = (uint64_t)mr_plan_words(network->streams[0].width, raw->compiled.plan.x_lc);
    raw->outputs = (uint64_t)mr_network_width(network);
    raw->image = (struct mr_image){
        .forms = {[MR_FORM_MODEL] = raw->model_so, [MR_FORM_XCLBIN] = image_path}};
}

static void raw_open(struct raw *raw) {
    raw_open_model(raw, model_path);
}

static void raw_close(struct raw *raw) {
    free(raw->weights);
    mr_compiled_free(&raw->compiled);
    mr_model_close(raw->model);
}

static struct mr_device *raw_device(const struct raw *raw, const char *uri,
                                    const struct mr_device_options *options) {
    struct mr_error error;
    mark_cards();
    struct mr_device *opened = mr_device_open(uri, &raw->image, options, &error);
    ck_assert_msg(opened != NULL, "%s", error.text);
    ck_assert_msg(!mr_device_load_weights(opened, raw->weights, raw->beats, &error), "%s",
                  error.text);
    return opened;
}

static int raw_run(const struct raw *raw, struct mr_device *on, const int16_t *x, int32_t *y,
                   uint32_t sequences, uint32_t steps, struct mr_error *error) {
    struct mr_job job = {.sequences = sequences,
                         .steps = steps,
                         .flags = raw->flags,
                         .probes = raw->probes,
                         .in = {{"x", x, sequences * steps * raw->words}},
                         .out = {{"y", y, sequences * raw->outputs}}};
    return mr_device_run(on, &job, error);
}

static int16_t *raw_numbers(size_t count, bool aligned) {
    const size_t size = (count * sizeof(int16_t) + 8191) / 4096 * 4096;
    unsigned char *memory = aligned_alloc(4096, size);
    ck_assert(memory != NULL);
    // Elements behind an odd offset are no pages, so they are copied.
    int16_t *x = (int16_t *)(void *)(memory + (aligned ? 0 : 64));
    uint64_t state = count;
    for (size_t i = 0; i < count; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        x[i] = (int16_t)(state >> 48);
    }
    return x;
}

static void raw_free(void *x) {
    free((void *)((uintptr_t)x & ~(uintptr_t)4095));
}

// Cut into many portions, with and without copies, in one buffer after the other.
START_TEST(portions) {
    enum { SEQUENCES = 1000, STEPS = 3 };
    static const uint32_t portions[] = {1, 2000, 4000, 0};
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *cpu = raw_device(&raw, "cpu:", NULL);
    int32_t *wanted = calloc(SEQUENCES * raw.outputs, sizeof *wanted);
    for (size_t i = 0; i < 4; i++) {
        const struct mr_device_options options = {.portion = portions[i]};
        const uint32_t sequences = SEQUENCES - 37 * (uint32_t)i;
        struct mr_device *card = raw_device(&raw, "xrt:0", &options);
        for (int aligned = 0; aligned < 2; aligned++) {
            int16_t *x = raw_numbers(sequences * STEPS * raw.words, aligned);
            int16_t *memory = raw_numbers(sequences * raw.outputs * 2, aligned);
            int32_t *y = (int32_t *)(void *)memory;
            ck_assert_msg(!raw_run(&raw, cpu, x, wanted, sequences, STEPS, &error), "%s",
                          error.text);
            ck_assert_msg(!raw_run(&raw, card, x, y, sequences, STEPS, &error), "%s", error.text);
            ck_assert_mem_eq(y, wanted, sequences * raw.outputs * sizeof *y);
            raw_free(x);
            raw_free(memory);
        }
        mr_device_close(card);
    }
    free(wanted);
    mr_device_close(cpu);
    raw_close(&raw);
}
END_TEST

// The probes of a job are those of its portions together.
START_TEST(probes_of_portions) {
    enum { SEQUENCES = 250, STEPS = 3, PROBES = 4 };
    struct raw raw;
    struct mr_error error;
    raw_open_model(&raw, growing_path);
    raw.flags = 0; // the state goes on, and grows
    uint64_t wanted[PROBES + 1] = {0}, got[PROBES + 1] = {0};
    const struct mr_device_options options = {.portion = 400};
    struct mr_device *cpu = raw_device(&raw, "cpu:", NULL),
                     *card = raw_device(&raw, "xrt:0", &options);
    struct mr_device_info info;
    mr_device_get_info(card, &info);
    ck_assert_uint_eq(info.probe_count, PROBES);
    int16_t *x = raw_numbers(SEQUENCES * STEPS * raw.words, true);
    int32_t *y = calloc(SEQUENCES * raw.outputs, sizeof *y);
    for (size_t i = 0; i < SEQUENCES * STEPS * raw.words; i++)
        x[i] = 4096;
    for (int round = 0; round < 2; round++) { // they are added to
        raw.probes = wanted;
        ck_assert(!raw_run(&raw, cpu, x, y, SEQUENCES, STEPS, &error));
        raw.probes = got;
        ck_assert(!raw_run(&raw, card, x, y, SEQUENCES, STEPS, &error));
    }
    ck_assert_uint_gt(wanted[0], 0);
    ck_assert_mem_eq(wanted, got, sizeof wanted);
    raw_free(x);
    free(y);
    mr_device_close(card);
    mr_device_close(cpu);
    raw_close(&raw);
}
END_TEST

// The starts of the kernel for one job follow one another in its timeline.
START_TEST(timeline_of_portions) {
    enum { SEQUENCES = 600, STEPS = 3, PROCESSES = 16 };
    static const struct mr_device_options options = {.portion = 2000};
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *card = raw_device(&raw, "xrt:0", &options);
    struct mr_device_info info;
    mr_device_get_info(card, &info);
    ck_assert_uint_le(info.process_count, PROCESSES);
    struct mr_timeline *timeline = mr_timeline_open(info.process_count);
    int16_t *x = raw_numbers(SEQUENCES * STEPS * raw.words, true);
    int32_t *y = calloc(SEQUENCES * raw.outputs, sizeof *y);
    struct mr_activity activity[PROCESSES] = {0};
    struct mr_job job = {.sequences = SEQUENCES,
                         .steps = STEPS,
                         .flags = MR_FLAG_RESET,
                         .in = {{"x", x, SEQUENCES * STEPS * raw.words}},
                         .out = {{"y", y, SEQUENCES * raw.outputs}},
                         .activity = activity,
                         .timeline = timeline};
    ck_assert_msg(!mr_device_run(card, &job, &error), "%s", error.text);
    ck_assert_uint_ge(timeline->count, 4);
    for (uint32_t i = 1; i < timeline->count; i++) {
        const struct mr_counts *now = timeline->counts + i * info.process_count,
                               *before = now - info.process_count;
        ck_assert_uint_gt(timeline->cycles[i], timeline->cycles[i - 1]);
        for (uint32_t p = 0; p < info.process_count; p++)
            ck_assert(now[p].busy >= before[p].busy && now[p].starved >= before[p].starved &&
                      now[p].blocked >= before[p].blocked);
    }
    const struct mr_counts *last = timeline->counts + (timeline->count - 1) * info.process_count;
    ck_assert_uint_eq(timeline->cycles[timeline->count - 1], job.cycles);
    for (uint32_t p = 0; p < info.process_count; p++) {
        ck_assert_uint_eq(last[p].busy, activity[p].busy);
        ck_assert_uint_eq(last[p].starved, activity[p].starved);
        ck_assert_uint_eq(last[p].blocked, activity[p].blocked);
    }
    free(y);
    raw_free(x);
    mr_timeline_close(timeline);
    mr_device_close(card);
    raw_close(&raw);
}
END_TEST

START_TEST(other_weights) {
    enum { SEQUENCES = 5, STEPS = 4 };
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *cpu = raw_device(&raw, "cpu:", NULL), *card = raw_device(&raw, "xrt:0", NULL);
    int16_t *x = raw_numbers(SEQUENCES * STEPS * raw.words, true);
    int32_t y[2][SEQUENCES * 8], first[SEQUENCES * 8];
    ck_assert(raw.outputs <= 8);
    for (int i = 0; i < 3; i++) {
        // The second time all weights are halved, the third time they are as at first.
        int16_t *weights = malloc(raw.beats * 64);
        for (uint64_t w = 0; w < raw.beats * 32; w++)
            weights[w] = (int16_t)(i == 1 ? raw.weights[w] / 2 : raw.weights[w]);
        ck_assert(!mr_device_load_weights(cpu, weights, raw.beats, &error));
        ck_assert(!mr_device_load_weights(card, weights, raw.beats, &error));
        free(weights);
        ck_assert(!raw_run(&raw, cpu, x, y[0], SEQUENCES, STEPS, &error));
        ck_assert(!raw_run(&raw, card, x, y[1], SEQUENCES, STEPS, &error));
        ck_assert_mem_eq(y[0], y[1], SEQUENCES * raw.outputs * sizeof **y);
        if (i == 0)
            memcpy(first, y[0], sizeof first);
        ck_assert((memcmp(first, y[0], SEQUENCES * raw.outputs * sizeof **y) == 0) == (i != 1));
    }
    // Too few weights: the kernel says so, and takes good ones afterwards.
    ck_assert(mr_device_load_weights(card, raw.weights, raw.beats - 1, &error) != 0);
    ck_assert_msg(strstr(error.text, "status") != NULL, "%s", error.text);
    ck_assert(!mr_device_load_weights(card, raw.weights, raw.beats, &error));
    ck_assert(!raw_run(&raw, card, x, y[1], SEQUENCES, STEPS, &error));
    ck_assert_mem_eq(first, y[1], SEQUENCES * raw.outputs * sizeof **y);
    raw_free(x);
    mr_device_close(cpu);
    mr_device_close(card);
    raw_close(&raw);
}
END_TEST

static void write_bytes(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    ck_assert(file && fwrite(data, 1, size, file) == size && !fclose(file));
}

// Our own library is not in this program, and XRT starts the card by itself. Then with a buffer in
// the wrong bank: such a program ends too, and is told.
START_TEST(plain_program) {
    enum { SEQUENCES = 9, STEPS = 7 };
    const char *prefix = getenv("MILLRACE_REAL_SLEEP")
                             ? "timeout 60 "
                             : "LD_PRELOAD=$PWD/build/card_nosleep.so timeout 60 ";
    struct raw raw;
    struct mr_error error;
    char text[2000];
    raw_open(&raw);
    struct mr_device *cpu = raw_device(&raw, "cpu:", NULL);
    const size_t count = SEQUENCES * STEPS * raw.words;
    int16_t *x = raw_numbers(count, true);
    int32_t y[SEQUENCES * 8], got[SEQUENCES * 8];
    ck_assert(!raw_run(&raw, cpu, x, y, SEQUENCES, STEPS, &error));
    write_bytes(FOLDER "/weights.bin", raw.weights, raw.beats * 64);
    write_bytes(FOLDER "/x.bin", x, count * sizeof *x);
    snprintf(text, sizeof text,
             "%sbuild/millrace emulate build/card_plain_xrt %s " FOLDER "/weights.bin " FOLDER
             "/x.bin " FOLDER "/y.bin %d %d %zu %zu",
             prefix, image_path, SEQUENCES, STEPS, count, (size_t)(SEQUENCES * raw.outputs));
    ck_assert_int_eq(system(text), 0);
    FILE *file = fopen(FOLDER "/y.bin", "rb");
    ck_assert(file != NULL);
    ck_assert_int_eq(fread(got, 1, sizeof got, file), SEQUENCES * raw.outputs * sizeof *y);
    fclose(file);
    ck_assert_mem_eq(got, y, SEQUENCES * raw.outputs * sizeof *y);
    // x in the bank of y's port.
    strcat(text,
           " wrong_bank >" FOLDER "/slip.log 2>&1; "
           "[ $? = 1 ] && grep -q 'reads from 0x.*not in its memory bank' " FOLDER "/slip.log");
    ck_assert_msg(system(text) == 0, "see " FOLDER "/slip.log");
    snprintf(text, sizeof text,
             "%sbuild/millrace emulate build/card_wrong_bank %s >" FOLDER "/slip.log 2>&1; "
             "[ $? -le 1 ] && grep -q 'in bank 1, the compute unit is connected to bank 0' " FOLDER
             "/slip.log",
             prefix, image_path);
    ck_assert_msg(system(text) == 0, "see " FOLDER "/slip.log");
    raw_free(x);
    mr_device_close(cpu);
    raw_close(&raw);
}
END_TEST

// ---- Faults ------------------------------------------------------------------------------------

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

// What a killed card had handed over is told, and is right.
START_TEST(done_before_the_end) {
    enum { SEQUENCES = 20000, STEPS = 3 };
    static const struct mr_device_options options = {.portion = 1};
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *card = raw_device(&raw, "xrt:0", &options),
                     *cpu = raw_device(&raw, "cpu:", NULL);
    int16_t *x = raw_numbers(SEQUENCES * STEPS * raw.words, true);
    int32_t *y = calloc(SEQUENCES * raw.outputs, sizeof *y),
            *wanted = calloc(SEQUENCES * raw.outputs, sizeof *wanted);
    ck_assert(y && wanted);
    struct mr_job job = {.sequences = SEQUENCES,
                         .steps = STEPS,
                         .flags = MR_FLAG_RESET,
                         .in = {{"x", x, SEQUENCES * STEPS * raw.words}},
                         .out = {{"y", y, SEQUENCES * raw.outputs}}};
    struct shot shot = {.signal = SIGKILL, .card = find_card()};
    pthread_t thread;
    pthread_create(&thread, NULL, shoot, &shot);
    ck_assert_int_eq(mr_device_run(card, &job, &error), MR_ERROR_DEVICE);
    pthread_join(thread, NULL);
    ck_assert_uint_gt(job.done, 0);
    ck_assert_uint_lt(job.done, SEQUENCES);
    ck_assert(!raw_run(&raw, cpu, x, wanted, SEQUENCES, STEPS, &error));
    ck_assert_mem_eq(y, wanted, job.done * raw.outputs * sizeof *y);
    raw_free(x);
    free(y);
    free(wanted);
    mr_device_close(card);
    mr_device_close(cpu);
    raw_close(&raw);
}
END_TEST

// A job whose buffer of results, or of input, is smaller than what the network gives or takes.
START_TEST(small_buffer) {
    enum { SEQUENCES = 40, STEPS = 3 };
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *card = raw_device(&raw, "xrt:0", NULL), *cpu = raw_device(&raw, "cpu:", NULL);
    int16_t *x = raw_numbers(SEQUENCES * STEPS * raw.words, true);
    int32_t y[SEQUENCES * 64], wanted[SEQUENCES * 64];
    ck_assert_uint_le(raw.outputs, 64);
    for (int input = 0; input < 2; input++) {
        struct mr_job job = {
            .sequences = SEQUENCES,
            .steps = STEPS,
            .flags = MR_FLAG_RESET,
            .in = {{"x", x, SEQUENCES * STEPS * raw.words - (input ? SEQUENCES : 0)}},
            .out = {{"y", y, SEQUENCES * (raw.outputs - !input)}}};
        memset(y, 0x5a, sizeof y);
        ck_assert_int_eq(mr_device_run(card, &job, &error), MR_ERROR_DEVICE);
        ck_assert_msg(strstr(error.text, "the card's kernel ended with status") != NULL, "%s",
                      error.text);
        for (size_t i = SEQUENCES * raw.outputs; i < SEQUENCES * 64; i++)
            ck_assert_int_eq(y[i], 0x5a5a5a5a);
        ck_assert(!raw_run(&raw, card, x, y, SEQUENCES, STEPS, &error));
        ck_assert(!raw_run(&raw, cpu, x, wanted, SEQUENCES, STEPS, &error));
        ck_assert_mem_eq(y, wanted, SEQUENCES * raw.outputs * sizeof *y);
    }
    raw_free(x);
    mr_device_close(card);
    mr_device_close(cpu);
    raw_close(&raw);
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
    tcase_add_test(well, portions);
    tcase_add_test(well, probes_of_portions);
    tcase_add_test(well, timeline_of_portions);
    tcase_add_test(well, other_weights);
    tcase_add_test(well, plain_program);
    tcase_add_test(well, command_line);
    tcase_add_test(well, chosen_by_itself);
    tcase_add_test(faults, wrong_images);
    tcase_add_test(faults, card_killed);
    tcase_add_test(faults, card_stopped);
    tcase_add_loop_test(faults, card_silent, 0, 2);
    tcase_add_loop_test(faults, bad_memory, 0, 3);
    tcase_add_test(faults, left_open);
    tcase_add_test(faults, done_before_the_end);
    tcase_add_test(faults, small_buffer);
    suite_add_tcase(suite, well);
    suite_add_tcase(suite, faults);
    return card_run(suite);
}
