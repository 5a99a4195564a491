// SPDX-License-Identifier: Apache-2.0
// Networks described in JSON, with weights in memory.
#ifndef JSON_FIXTURE_H
#define JSON_FIXTURE_H

#include "file.h"
#include "json.h"
#include "random.h"
#include "safetensors.h"

#include <check.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifndef JSON_FOLDER // of the test alone, for tests run side by side
#    error "JSON_FOLDER is not defined"
#endif

enum { TENSORS = 64, TENSOR_ROOM = 1 << 16 };

static char error[1024];

// Tensors of a file, whose numbers lie in `pool`.
struct state {
    struct mr_tensor list[TENSORS];
    char names[TENSORS][80];
    size_t count, used;
    float pool[TENSOR_ROOM];
    uint64_t seed;
};

// Adds a tensor of small random numbers.
static inline float *tensor(struct state *s, int rank, size_t a, size_t b, const char *name, ...)
    __attribute__((format(printf, 5, 6)));
static inline float *tensor(struct state *s, int rank, size_t a, size_t b, const char *name, ...) {
    struct mr_tensor *t = &s->list[s->count];
    float *data = s->pool + s->used;
    va_list arguments;

    ck_assert_uint_lt(s->count, TENSORS);
    va_start(arguments, name);
    vsnprintf(s->names[s->count], sizeof s->names[0], name, arguments);
    va_end(arguments);
    *t = (struct mr_tensor){.name = s->names[s->count++],
                            .dtype = MR_F32,
                            .rank = rank,
                            .shape = {a, b},
                            .count = rank == 2 ? a * b : a,
                            .data = data};
    s->used += t->count;
    ck_assert_uint_lt(s->used, TENSOR_ROOM);
    for (size_t i = 0; i < t->count; i++)
        data[i] = (float)(random_bits(&s->seed) % 2001) / 1000.0f - 1;
    return data;
}

static inline const float *find_tensor(const struct state *s, const char *name) {
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->names[i], name) == 0)
            return s->list[i].data;
    return NULL;
}

// The bytes of a file with the tensors.
static inline unsigned char *pack_state(const struct state *s, size_t *size) {
    unsigned char *data;

    mkdir("build", 0777);
    mkdir(JSON_FOLDER, 0777);
    ck_assert_msg(mr_safetensors_write(JSON_FOLDER "/pack.safetensors", s->list, s->count, NULL, 0,
                                       error, sizeof error) == 0,
                  "%s", error);
    ck_assert_msg(mr_file_read(JSON_FOLDER "/pack.safetensors", 1 << 30, &data, size, error,
                               sizeof error) == 0,
                  "%s", error);
    return data;
}

// Reads a description, and checks what comes of it.
static inline struct mr_onnx *read_json(const char *text, const void *weights, size_t size,
                                        struct mr_network *network) {
    struct mr_onnx *onnx = mr_json_open_memory(text, strlen(text), "net.json", weights, size, NULL,
                                               error, sizeof error);

    memset(network, 0, sizeof *network);
    if (onnx && mr_onnx_network(onnx, network, error, sizeof error) == 0) {
        if (mr_onnx_verify(onnx, network, 1 << 24, error, sizeof error) == 0)
            return onnx;
        mr_network_free(network);
    }
    mr_onnx_close(onnx);
    return NULL;
}

// A seed of the fuzzer: the text, a zero byte, the weights.
static inline void keep_seed(const char *name, int number, const char *text, const void *weights,
                             size_t size) {
    const struct mr_piece pieces[2] = {{text, strlen(text) + 1}, {weights, size}};
    char path[80];

    snprintf(path, sizeof path, "build/fuzz/%s%d.described", name, number);
    mkdir("build", 0777);
    mkdir("build/fuzz", 0777);
    ck_assert_int_eq(mr_file_write(path, pieces, 2, error, sizeof error), 0);
}

#endif
