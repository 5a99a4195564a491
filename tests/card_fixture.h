// SPDX-License-Identifier: Apache-2.0
// What the tests of emulated cards share: a small model, its image, and sessions on it.
#ifndef CARD_FIXTURE_H
#define CARD_FIXTURE_H

#include "millrace.h"
#include "random.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef FOLDER // of the program's own files
#    define FOLDER "build/card_test"
#endif
static const char model_path[] = FOLDER "/model.millrace", image_path[] = FOLDER "/card.xclbin";
// Of the same shape, so it runs on the same image: its cell states grow until they are cut.
static const char growing_path[] = FOLDER "/growing.millrace";
static const char device[] = "xrt:0," FOLDER "/card.xclbin";

static inline double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

// The cards that this process opens can be told from others by their environment. To be called
// before there are threads.
#define MARK "MILLRACE_TEST_OWNER"

static inline void mark_cards(void) {
    char text[32];
    const char *now = getenv(MARK);
    snprintf(text, sizeof text, "%ld", (long)getpid());
    if (!now || strcmp(now, text) != 0)
        setenv(MARK, text, 1);
}

static inline struct mr_model *open_model_of(const char *path) {
    struct mr_error error = {0};
    struct mr_model *model = mr_model_open(path, &error);
    ck_assert_msg(model != NULL, "%s", error.text);
    return model;
}

static inline struct mr_model *open_model(void) {
    return open_model_of(model_path);
}

static inline struct mr_session *open_session(const struct mr_model *model, const char *uri,
                                              const struct mr_options *options) {
    struct mr_error error = {0};
    mark_cards();
    struct mr_session *session = mr_session_open(model, uri, options, &error);
    ck_assert_msg(session != NULL, "%s: %s", uri, error.text);
    return session;
}

static inline struct mr_session *try_open(const struct mr_model *model, const char *uri,
                                          const struct mr_options *options,
                                          struct mr_error *error) {
    mark_cards();
    return mr_session_open(model, uri, options, error);
}

static inline float *numbers(size_t count, uint64_t state) {
    float *x = calloc(count + 1, sizeof *x);
    ck_assert(x != NULL);
    random_numbers(&state, x, count, 2);
    return x;
}

// The same sequences on both give the same bits.
static inline void compare(struct mr_session *one, struct mr_session *other,
                           const struct mr_model_info *info, size_t sequences, size_t steps) {
    float *x = numbers(sequences * steps * info->inputs, sequences + 1000 * steps);
    float *y = numbers(sequences * info->outputs, 1), *z = numbers(sequences * info->outputs, 2);
    struct mr_stats stats;
    ck_assert_msg(!mr_session_run(one, x, sequences, steps, 0, y, &stats), "%s",
                  mr_session_error(one));
    ck_assert(stats.cycles > 0);
    ck_assert_msg(!mr_session_run(other, x, sequences, steps, 0, z, NULL), "%s",
                  mr_session_error(other));
    ck_assert_mem_eq(y, z, sequences * info->outputs * sizeof *y);
    free(x);
    free(y);
    free(z);
}

static inline void compare_with_cpu(struct mr_session *session, const struct mr_model *model,
                                    size_t sequences, size_t steps) {
    struct mr_model_info info;
    ck_assert_int_eq(mr_model_info(model, &info), 0);
    struct mr_session *cpu = open_session(model, "cpu:", NULL);
    compare(session, cpu, &info, sequences, steps);
    mr_session_close(cpu);
}

static inline bool is_marked(long process) {
    char path[64], wanted[64], text[65536] = "";
    snprintf(path, sizeof path, "/proc/%ld/environ", process);
    snprintf(wanted, sizeof wanted, MARK "=%ld", (long)getpid());
    FILE *file = fopen(path, "r");
    const size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t at = 0; at < size; at += strlen(text + at) + 1)
        if (strcmp(text + at, wanted) == 0)
            return true;
    return false;
}

// A process of this name that belongs to a card of this process; 0: there is none.
static inline pid_t find_process(const char *wanted) {
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; processes && !found && (entry = readdir(processes));) {
        char path[300], name[64] = "", state = 0;
        if (!isdigit((unsigned char)*entry->d_name))
            continue;
        snprintf(path, sizeof path, "/proc/%.200s/stat", entry->d_name);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%*d (%63[^)]) %c", name, &state) == 2 && state != 'Z' &&
            strcmp(name, wanted) == 0 && is_marked(atol(entry->d_name)))
            found = (pid_t)atoi(entry->d_name);
        if (file)
            fclose(file);
    }
    if (processes)
        closedir(processes);
    return found;
}

static inline pid_t find_card(void) {
    return find_process("millrace_card");
}

struct shot {
    int signal;
    pid_t card;
};

static inline void *shoot(void *context) {
    const struct shot *shot = context;
    usleep(300000);
    kill(shot->card, shot->signal);
    return NULL;
}

static inline void build_image(void) {
    struct mr_error error = {0};
    const char *level = getenv("MILLRACE_OPTIMISE");
    // A card runs as long as it is open, and some of the tests wait for what it has done by then.
    if (level && strcmp(level, "0") == 0)
        setenv("MILLRACE_OPTIMISE", "1", 1);
    mkdir(FOLDER, 0777);
    if (system("build/tests/session_test --write " FOLDER "/model.millrace " FOLDER "/x.npy") !=
            0 ||
        system("build/tests/saturation_test --write " FOLDER "/growing.millrace") != 0)
        exit(1);
    struct mr_model *model = mr_model_open(model_path, &error);
    if (!model || mr_build_image(model, "hw_emu", NULL, image_path, NULL, 0, &error)) {
        fprintf(stderr, "%s\n", error.text);
        exit(1);
    }
    mr_model_close(model);
}

static inline int card_run(Suite *suite) {
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
