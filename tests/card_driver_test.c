// SPDX-License-Identifier: Apache-2.0
// An emulated card at the driver, by raw elements: portions, probes, timelines, weights, what is
// left of jobs that fail; and a program of XRT alone that does the same.
#define _GNU_SOURCE
#define FOLDER "build/card_driver_test"
#include "card_fixture.h"
#include "driver.h"
#include "model_handle.h"
#include "network_build.h"
#include "weights_image.h"

#include <limits.h>
#include <math.h>

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
    *raw = (struct raw){.model = open_model_of(path), .flags = MR_FLAG_RESET};
    const struct mr_network *network = mr_model_network(raw->model);
    ck_assert(!mr_compile_network(network, NULL, &raw->compiled, &error));
    ck_assert(!mr_compiled_build(&raw->compiled, MR_FLAVOUR_MODEL, false, NULL, raw->model_so,
                                 sizeof raw->model_so, &error));
    raw->weights = mr_weights_image(&raw->compiled.plan, &raw->beats, &error);
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
    for (size_t i = 0; i < count; i++)
        x[i] = (int16_t)random_bits(&state);
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
    struct mr_device *cpu = raw_device(&raw, "hls:", NULL);
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

// Jobs that grow and shrink, two at a time under way, copied and not.
START_TEST(jobs_ahead) {
    enum { JOBS = 7, STEPS = 3, MOST = 900 };
    static const uint32_t sequences[JOBS] = {2, 64, 300, MOST, 5, 130, 2};
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *cpu = raw_device(&raw, "hls:", NULL);
    struct mr_device *card = raw_device(&raw, "xrt:0", NULL);
    int32_t *wanted = calloc(MOST * raw.outputs, sizeof *wanted);
    struct mr_job jobs[JOBS];
    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = (struct mr_job){
            .sequences = sequences[i],
            .steps = STEPS,
            .flags = raw.flags,
            .in = {{"x", raw_numbers(MOST * STEPS * raw.words, i & 1),
                    sequences[i] * STEPS * raw.words}},
            .out = {{"y", raw_numbers(MOST * raw.outputs * 2, i & 2), sequences[i] * raw.outputs}}};
    ck_assert_msg(!mr_device_submit(card, &jobs[0], &error), "%s", error.text);
    for (size_t i = 0; i < JOBS; i++) {
        if (i + 1 < JOBS)
            ck_assert_msg(!mr_device_submit(card, &jobs[i + 1], &error), "%s", error.text);
        ck_assert_msg(!mr_device_collect(card, &error), "%s", error.text);
        ck_assert_uint_eq(jobs[i].done, sequences[i]);
        ck_assert_uint_gt(jobs[i].cycles, 0);
        ck_assert_msg(!raw_run(&raw, cpu, jobs[i].in->data, wanted, sequences[i], STEPS, &error),
                      "%s", error.text);
        ck_assert_mem_eq(jobs[i].out->data, wanted, sequences[i] * raw.outputs * sizeof *wanted);
    }
    // It is closed with jobs under way.
    for (size_t i = 1; i < 3; i++)
        ck_assert_msg(!mr_device_submit(card, &jobs[i], &error), "%s", error.text);
    mr_device_close(card);
    mr_device_close(cpu);
    for (size_t i = 0; i < JOBS; i++) {
        raw_free((void *)(uintptr_t)jobs[i].in->data);
        raw_free(jobs[i].out->data);
    }
    free(wanted);
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
    struct mr_device *cpu = raw_device(&raw, "hls:", NULL),
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
    struct mr_device *cpu = raw_device(&raw, "hls:", NULL), *card = raw_device(&raw, "xrt:0", NULL);
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
    struct mr_device *cpu = raw_device(&raw, "hls:", NULL);
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

// What a killed card had handed over is told, and is right.
START_TEST(done_before_the_end) {
    enum { SEQUENCES = 20000, STEPS = 3 };
    static const struct mr_device_options options = {.portion = 1};
    struct raw raw;
    struct mr_error error;
    raw_open(&raw);
    struct mr_device *card = raw_device(&raw, "xrt:0", &options),
                     *cpu = raw_device(&raw, "hls:", NULL);
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
    struct mr_device *card = raw_device(&raw, "xrt:0", NULL), *cpu = raw_device(&raw, "hls:", NULL);
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

int main(void) {
    build_image();
    Suite *suite = suite_create("card_driver");
    TCase *cases = tcase_create("driver");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, portions);
    tcase_add_test(cases, jobs_ahead);
    tcase_add_test(cases, probes_of_portions);
    tcase_add_test(cases, timeline_of_portions);
    tcase_add_test(cases, other_weights);
    tcase_add_test(cases, plain_program);
    tcase_add_test(cases, done_before_the_end);
    tcase_add_test(cases, small_buffer);
    suite_add_tcase(suite, cases);
    return card_run(suite);
}
