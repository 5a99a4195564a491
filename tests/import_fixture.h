// SPDX-License-Identifier: Apache-2.0
// A small ONNX file and inputs for it, for tests of the import; FOLDER is theirs.
#ifndef IMPORT_FIXTURE_H
#define IMPORT_FIXTURE_H

#include "onnx_fixture.h"

#include "millrace.h"
#include "model.h"
#include "npy.h"

#include <math.h>

enum { N = 20, T = 6 };

static char notes[8192];

// Before any test.
static inline void make_folder(void) {
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
}

static inline void keep(void *context, const char *text) {
    (void)context;
    ck_assert_uint_lt(strlen(notes) + strlen(text) + 2, sizeof notes);
    strcat(notes, text);
    strcat(notes, "\n");
}

static inline float *numbers_of(struct file *f, int tensor_index, size_t *count) {
    Onnx__TensorProto *t = &f->tensor[tensor_index];

    *count = t->has_raw_data ? t->raw_data.len / 4 : t->n_float_data;
    return t->has_raw_data ? (float *)(void *)t->raw_data.data : t->float_data;
}

// Numbers of a tensor of the fixture that are small enough for nothing to be saturated.
static inline void set(struct file *f, int tensor_index, float scale) {
    size_t count;
    float *list = numbers_of(f, tensor_index, &count);

    for (size_t i = 0; i < count; i++)
        list[i] = scale * (float)((int)(i * 7 + (size_t)tensor_index * 3) % 11 - 5) / 5;
}

// An LSTM with a head; head: of its two outputs, biases[2].
static inline struct file *make_net(const char *path, const float head[O * H],
                                    const float bias[O]) {
    struct file *f = malloc(sizeof *f);

    ck_assert_ptr_nonnull(f);
    make_good(f, 0);
    gemm(f, "h", "y");
    for (int i = 0; i < 3; i++)
        set(f, i, 0.8f);
    for (int i = 0; i < O * H && head; i++)
        f->tensor[3].float_data[i] = head[i];
    for (int i = 0; i < O && bias; i++)
        ((float *)(void *)f->tensor[4].raw_data.data)[i] = bias[i];
    write_file(f, path);
    return f;
}

static inline double noise(int i) {
    return sin(i * 12.9898) * 43758.5453 - floor(sin(i * 12.9898) * 43758.5453) - 0.5;
}

// Typical inputs: feature 0 within ±0.45, feature 1 within ±2, feature 2 within ±0.1 about 7.
static inline struct mr_array make_x(const char *path) {
    const size_t shape[3] = {N, T, F};
    struct mr_array x;

    ck_assert_int_eq(mr_array_create(&x, 3, shape, error, sizeof error), 0);
    for (int i = 0; i < N * T; i++) {
        x.data[i * F] = (float)(0.9 * noise(i));
        x.data[i * F + 1] = (float)(4 * noise(1000 + i));
        x.data[i * F + 2] = (float)(7 + 0.2 * noise(2000 + i));
    }
    if (path)
        ck_assert_int_eq(mr_npy_write(path, &x, error, sizeof error), 0);
    return x;
}

#endif
