// SPDX-License-Identifier: Apache-2.0
// Writes ONNX files part by part, as bytes, with weights that are drawn: for onnx_random.h and
// others whose files are larger than those of onnx_fixture.h.
#ifndef ONNX_WRITER_H
#define ONNX_WRITER_H

#include "random.h"

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The bytes of a protocol buffer

struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

static inline void put_raw(struct bytes *b, const void *data, size_t size) {
    if (b->size + size > b->capacity) {
        b->capacity = 2 * (b->size + size) + 64;
        b->data = realloc(b->data, b->capacity);
        ck_assert_ptr_nonnull(b->data);
    }
    if (size > 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
}

static inline void put_varint(struct bytes *b, uint64_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        put_raw(b, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static inline void put_int(struct bytes *b, int field, int64_t value) {
    put_varint(b, (uint64_t)field << 3);
    put_varint(b, (uint64_t)value);
}

static inline void put_data(struct bytes *b, int field, const void *data, size_t size) {
    put_varint(b, (uint64_t)field << 3 | 2);
    put_varint(b, size);
    put_raw(b, data, size);
}

static inline void put_text(struct bytes *b, int field, const char *text) {
    put_data(b, field, text, strlen(text));
}

// A message inside of one, which is freed.
static inline void put_message(struct bytes *b, int field, struct bytes *inner) {
    put_data(b, field, inner->data, inner->size);
    free(inner->data);
    *inner = (struct bytes){0};
}

// ---- A file of ONNX

enum { RANDOM_LAYERS = 4, RANDOM_TEXT = 2048 };

struct random_file {
    uint8_t *data; // to be freed
    size_t size;
    int inputs, layers, outputs;
    int backward;        // layers of the network beside those of the file: second directions
    bool one_way;        // no other direction is drawn
    int steps;           // of recurrent layers that are written out, 0: open
    bool masked, sorted; // sequences have "lengths" found from x; they stand in their order
    bool batch_first, tokens;
    char about[RANDOM_TEXT]; // for messages
    // While it is made
    uint64_t state, own; // what is drawn besides leaves the rest as it is
    bool reduced;        // of both directions of a layer there are sums
    struct bytes graph, node;
    int value_count;
};

static inline void say(struct random_file *f, const char *text, int number) {
    size_t used = strlen(f->about);

    snprintf(f->about + used, sizeof f->about - used, number < 0 ? "%s" : "%s %d", text, number);
}

// type: of ONNX, 1 for float (data: float), 7 for int64.
static inline void put_tensor(struct random_file *f, const char *name, int type, int rank,
                              const int64_t *dims, const void *data, size_t size) {
    struct bytes t = {0};

    for (int i = 0; i < rank; i++)
        put_int(&t, 1, dims[i]);
    put_int(&t, 2, type);
    put_text(&t, 8, name);
    put_data(&t, 9, data, size);
    put_message(&f->graph, 5, &t);
}

// Weights whose sum over a row of `fan` stays near 1.
static inline void put_weights(struct random_file *f, const char *name, int rank, int64_t a,
                               int64_t b, int64_t c, int fan, double gain) {
    const int64_t dims[3] = {a, b, c};
    const size_t count = (size_t)(a * (rank > 1 ? b : 1) * (rank > 2 ? c : 1));
    float *list = malloc(count * sizeof *list);

    ck_assert_ptr_nonnull(list);
    for (size_t i = 0; i < count; i++)
        list[i] = random_number(&f->state, gain / sqrt(fan));
    put_tensor(f, name, 1, rank, dims, list, count * sizeof *list);
    free(list);
}

static inline void put_whole(struct random_file *f, const char *name, int rank, int64_t value) {
    const int64_t one = 1;

    put_tensor(f, name, 7, rank, &one, &value, sizeof value);
}

// A node is begun, gets attributes and is ended. "" is an input or output left out.
static inline void begin_node(struct random_file *f, const char *type, const char *const *inputs,
                              int count) {
    put_text(&f->node, 4, type);
    for (int i = 0; i < count; i++)
        put_text(&f->node, 1, inputs[i]);
}

static inline void put_attribute(struct random_file *f, const char *name, int64_t value) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    put_int(&a, 3, value);
    put_int(&a, 20, 2);
    put_message(&f->node, 5, &a);
}

static inline void put_attribute_float(struct random_file *f, const char *name, float value) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    put_varint(&a, 2 << 3 | 5);
    put_raw(&a, &value, sizeof value);
    put_int(&a, 20, 1);
    put_message(&f->node, 5, &a);
}

static inline void put_attribute_floats(struct random_file *f, const char *name, int count,
                                        const float *list) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    for (int i = 0; i < count; i++) {
        put_varint(&a, 7 << 3 | 5);
        put_raw(&a, &list[i], sizeof *list);
    }
    put_int(&a, 20, 6);
    put_message(&f->node, 5, &a);
}

static inline void put_attribute_list(struct random_file *f, const char *name, int count,
                                      const int64_t *list) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    for (int i = 0; i < count; i++)
        put_int(&a, 8, list[i]);
    put_int(&a, 20, 7);
    put_message(&f->node, 5, &a);
}

static inline void put_attribute_word(struct random_file *f, const char *name, const char *word) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    put_text(&a, 4, word);
    put_int(&a, 20, 3);
    put_message(&f->node, 5, &a);
}

// A list of the same word so many times.
// words: with blanks between; all of them so many times.
static inline void put_attribute_words(struct random_file *f, const char *name, const char *words,
                                       int count) {
    struct bytes a = {0};

    put_text(&a, 1, name);
    for (int i = 0; i < count; i++)
        for (const char *at = words; *at; at += strspn(at, " ")) {
            put_data(&a, 9, at, strcspn(at, " "));
            at += strcspn(at, " ");
        }
    put_int(&a, 20, 8);
    put_message(&f->node, 5, &a);
}

// A new value's name: "v7".
static inline void new_value(struct random_file *f, char *name) {
    snprintf(name, 16, "v%d", f->value_count++);
}

static inline void end_node(struct random_file *f, const char *output) {
    put_text(&f->node, 2, output);
    put_message(&f->graph, 1, &f->node);
}

static inline void put_value_info(struct random_file *f, int field, const char *name, int type_of,
                                  int rank, const int64_t *dims) {
    struct bytes shape = {0}, tensor = {0}, type = {0}, info = {0};

    for (int i = 0; i < rank; i++) {
        struct bytes dim = {0};
        if (dims[i] > 0)
            put_int(&dim, 1, dims[i]);
        else
            put_text(&dim, 2, i == 0 ? "a" : "b");
        put_message(&shape, 1, &dim);
    }
    put_int(&tensor, 1, type_of);
    if (rank > 0)
        put_message(&tensor, 2, &shape);
    put_message(&type, 1, &tensor);
    put_text(&info, 1, name);
    put_message(&info, 2, &type);
    put_message(&f->graph, field, &info);
}

#include "onnx_random_mask.h"
#include "onnx_random_quantised.h"
#include "onnx_random_stack.h"

#endif
