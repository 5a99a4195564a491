// SPDX-License-Identifier: Apache-2.0
// Reader and writer of comma-separated tables of numbers.
#define _POSIX_C_SOURCE 200809L
#include "csv.h"

#include "file.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t max_file = (size_t)1 << 34;

enum { MAX_FIELD = 64 };

struct table {
    float *data;
    size_t used, capacity;
    size_t rows, columns;
};

static bool is_separator(char c) {
    return c == ',' || c == ';' || c == '\t';
}

// Reads the field that ends at end; false when it is not a number and nothing else.
static bool field_number(const char *at, const char *end, float *value) {
    char text[MAX_FIELD];
    char *stop;

    while (at < end && *at == ' ')
        at++;
    while (end > at && (end[-1] == ' ' || end[-1] == '\r'))
        end--;
    if (at == end || end - at >= MAX_FIELD || memchr(at, 0, (size_t)(end - at)))
        return false;
    memcpy(text, at, (size_t)(end - at));
    text[end - at] = 0;
    *value = strtof(text, &stop);
    return *stop == 0;
}

static bool push(struct table *t, float value) {
    if (t->used == t->capacity) {
        size_t larger = t->capacity ? t->capacity * 2 : 1024;
        float *grown = larger > SIZE_MAX / 8 ? NULL : realloc(t->data, larger * sizeof *grown);
        if (!grown)
            return false;
        t->data = grown;
        t->capacity = larger;
    }
    t->data[t->used++] = value;
    return true;
}

static int parse(const char *text, size_t size, const char *name, struct table *t, char *error,
                 size_t error_size) {
    const char *at = text, *end = text + size;
    bool header_possible = true;

    for (size_t line = 1; at < end; line++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        size_t fields = 0, before = t->used;
        bool header = false;
        const char *first = at;

        while (first < line_end && (*first == ' ' || *first == '\r'))
            first++;
        if (first == line_end) {
            at = line_end + 1;
            continue;
        }
        for (const char *field = at; field <= line_end && !header; fields++) {
            const char *field_end = field;
            float value;
            while (field_end < line_end && !is_separator(*field_end))
                field_end++;
            if (!field_number(field, field_end, &value)) {
                if (!header_possible)
                    return mr_fail(error, error_size,
                                   "%s: line %zu, field %zu is not a number: '%.*s'", name, line,
                                   fields + 1,
                                   (int)(field_end - field < 40 ? field_end - field : 40), field);
                header = true;
            } else if (!push(t, value)) {
                return mr_fail(error, error_size, "%s: not enough memory at line %zu", name, line);
            }
            field = field_end + 1;
        }
        header_possible = false;
        if (header) {
            t->used = before;
        } else {
            if (t->rows > 0 && fields != t->columns)
                return mr_fail(error, error_size, "%s: line %zu has %zu fields, the rows above %zu",
                               name, line, fields, t->columns);
            t->columns = fields;
            t->rows++;
        }
        at = line_end + 1;
    }
    if (t->rows == 0)
        return mr_fail(error, error_size, "%s holds no row of numbers", name);
    return 0;
}

int mr_csv_parse(const void *data, size_t size, const char *name, struct mr_array *array,
                 char *error, size_t error_size) {
    struct table t = {0};

    memset(array, 0, sizeof *array);
    // Numbers have a decimal point here whatever the user's language is.
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return mr_fail(error, error_size, "%s: not enough memory", name);
    locale_t before = uselocale(plain);
    int result = parse(data, size, name, &t, error, error_size);
    uselocale(before);
    freelocale(plain);
    if (result != 0) {
        free(t.data);
        return -1;
    }
    array->rank = 2;
    array->shape[0] = t.rows;
    array->shape[1] = t.columns;
    array->count = t.used;
    array->data = t.data;
    return 0;
}

int mr_csv_read(const char *path, struct mr_array *array, char *error, size_t error_size) {
    unsigned char *data;
    size_t size;

    memset(array, 0, sizeof *array);
    if (mr_file_read(path, max_file, &data, &size, error, error_size) != 0)
        return -1;
    int result = mr_csv_parse(data, size, path, array, error, error_size);
    free(data);
    return result;
}

int mr_csv_write(const char *path, const struct mr_array *array, char *error, size_t error_size) {
    size_t columns = array->rank > 0 ? array->shape[array->rank - 1] : 1;
    // "-1.23456789e-38," is the longest field.
    size_t room, used = 0;
    char *text = NULL;

    if (mr_multiply(array->count, 18, &room) && room < SIZE_MAX - 1)
        text = malloc(room + 1);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!text || plain == (locale_t)0) {
        free(text);
        if (plain != (locale_t)0)
            freelocale(plain);
        return mr_fail(error, error_size, "%s cannot be written: not enough memory", path);
    }
    locale_t before = uselocale(plain);
    for (size_t i = 0; i < array->count; i++)
        used += (size_t)snprintf(text + used, room + 1 - used, "%.9g%c", (double)array->data[i],
                                 (i + 1) % columns == 0 ? '\n' : ',');
    uselocale(before);
    freelocale(plain);
    const struct mr_piece piece = {text, used};
    int result = mr_file_write(path, &piece, 1, error, error_size);
    free(text);
    return result;
}
