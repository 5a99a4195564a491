// SPDX-License-Identifier: Apache-2.0
// Data to train with, and the test of what was trained (turbofan_train.h).
#include "turbofan_train.h"

#include "array_file.h"
#include "engines.h"
#include "millrace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS = 10240, VALIDATION = 2048, MADE_UP = 100, SOON = 30 };

static int say(const char *sentence) {
    fprintf(stderr, "turbofan_demo: %s\n", sentence);
    return 1;
}

static int write_part(const char *folder, const char *part, const char *what,
                      const struct mr_array *all, size_t first, size_t count) {
    struct mr_array some = *all;
    const size_t each = all->count / all->shape[0];
    char path[4096], error[5000];

    some.shape[0] = count;
    some.count = count * each;
    some.data = all->data + first * each;
    if (snprintf(path, sizeof path, "%s/%s_%s.npy", folder, part, what) >= (int)sizeof path)
        return say("the name of the folder is too long");
    return mr_npy_write(path, &some, error, sizeof error) ? say(error) : 0;
}

// Of a set of engines so many, from `first`.
static int write_engines(const char *folder, const char *part, const struct engines *engines,
                         size_t first, size_t count) {
    const size_t shape[1] = {engines->life.count};
    struct mr_array life, fails = {0};
    char error[300];

    if (mr_array_create(&life, 1, shape, error, sizeof error) ||
        mr_array_create(&fails, 1, shape, error, sizeof error)) {
        mr_array_free(&life);
        return say(error);
    }
    for (size_t i = 0; i < life.count; i++) {
        life.data[i] = (float)(engines->life.data[i] / ENGINE_LIFE_CAP);
        fails.data[i] = engines->life.data[i] <= SOON ? 1 : 0;
    }
    const int code = write_part(folder, part, "x", &engines->x, first, count) ||
                     write_part(folder, part, "life", &life, first, count) ||
                     write_part(folder, part, "fails", &fails, first, count);
    mr_array_free(&life);
    mr_array_free(&fails);
    return code;
}

int turbofan_train_data(const char *scale_path, const char *folder, const char *cmapss) {
    struct engine_scale scale;
    struct engines train = {0}, test = {0};
    char error[5000];

    if (engine_scale_read(scale_path, &scale, error, sizeof error))
        return say(error);
    int code = cmapss ? engines_read_train(&train, WINDOWS, cmapss, &scale, error, sizeof error) ||
                            engines_read_test(&test, cmapss, &scale, error, sizeof error)
                      : engines_make(&train, WINDOWS, 3, &scale, error, sizeof error) ||
                            engines_make(&test, MADE_UP, 4, &scale, error, sizeof error);
    if (code)
        say(error);
    else
        code = write_engines(folder, "train", &train, 0, WINDOWS - VALIDATION) ||
               write_engines(folder, "validate", &train, WINDOWS - VALIDATION, VALIDATION) ||
               write_engines(folder, "test", &test, 0, test.life.count);
    if (!code)
        printf("%d histories of engines%s%s to train with, %d to validate, %zu engines to test\n",
               WINDOWS - VALIDATION, cmapss ? " from " : ", made up,", cmapss ? cmapss : "",
               VALIDATION, test.life.count);
    engines_free(&train);
    engines_free(&test);
    return code != 0;
}

// ---- the test

// The root of the mean squared error in flights, or how many are right.
static double score(const char *what, const float *y, const struct mr_array *truth) {
    double squares = 0, good = 0;

    for (size_t i = 0; i < truth->count; i++) {
        squares += pow((double)y[i] - (double)truth->data[i], 2);
        good += (y[i] >= 0.5F) == (truth->data[i] >= 0.5F);
    }
    return strcmp(what, "life") == 0 ? sqrt(squares / (double)truth->count) * ENGINE_LIFE_CAP
                                     : good;
}

static int run(const struct mr_model *model, const char *what, const struct mr_array *x,
               const struct mr_array *truth, float *y, struct turbofan_score *given) {
    const size_t engines = x->shape[0];
    struct mr_error error = {0};

    given->engines = engines;
    if (mr_model_reference(model, x->data, engines, x->shape[1], y, &error))
        return say(error.text);
    given->of_float = score(what, y, truth);
    struct mr_session *session = mr_session_open(model, "cpu:", NULL, &error);
    if (!session)
        return say(error.text);
    const int code = mr_session_run(session, x->data, engines, x->shape[1], 0, y, NULL)
                         ? say(mr_session_error(session))
                         : 0;
    if (!code)
        given->of_integers = score(what, y, truth);
    mr_session_close(session);
    return code;
}

int turbofan_train_score(const char *model_path, const char *folder, const char *what,
                         struct turbofan_score *given) {
    struct mr_array x = {0}, truth = {0};
    struct mr_error error = {0};
    char path[4096], note[600], text[5000];

    snprintf(path, sizeof path, "%s/test_x.npy", folder);
    if (mr_array_read(path, &x, note, sizeof note, text, sizeof text))
        return say(text);
    snprintf(path, sizeof path, "%s/test_%s.npy", folder, what);
    int code = mr_array_read(path, &truth, note, sizeof note, text, sizeof text) ? say(text) : 0;
    struct mr_model *model = code ? NULL : mr_model_open(model_path, &error);
    float *y = model ? calloc(truth.count, sizeof *y) : NULL;
    if (!code)
        code = y ? run(model, what, &x, &truth, y, given)
                 : say(model ? "not enough memory" : error.text);
    free(y);
    mr_model_close(model);
    mr_array_free(&x);
    mr_array_free(&truth);
    return code;
}

int turbofan_train_test(const char *model_path, const char *folder, const char *what) {
    struct turbofan_score s;
    const int code = turbofan_train_score(model_path, folder, what, &s);

    if (code)
        return code;
    printf("%zu engines that it has not seen:\n", s.engines);
    if (strcmp(what, "life") == 0)
        printf("  %-14s RMSE %.2f flights\n  %-14s RMSE %.2f flights\n", "float", s.of_float,
               "whole numbers", s.of_integers);
    else
        printf("  %-14s %.0f of %zu right\n  %-14s %.0f of %zu right\n", "float", s.of_float,
               s.engines, "whole numbers", s.of_integers, s.engines);
    return 0;
}
