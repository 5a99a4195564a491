// SPDX-License-Identifier: Apache-2.0
// Reads NASA's C-MAPSS files (engines.h): one flight a line, 26 numbers: engine, flight, 3
// settings, 21 sensors; the lines of an engine follow each other.
#define _POSIX_C_SOURCE 200809L
#include "engines.h"
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 1 << 28, MAX_COLUMNS = 26 };

struct table {
    char path[PATH_MAX];
    size_t columns, rows;
    double *data; // (rows, columns)
};

// One line; its end is a zero byte.
static int read_row(const struct table *table, char *line, size_t number, double *row, char *error,
                    size_t error_size) {
    size_t column = 0;
    for (char *at = line;; column++) {
        at += strspn(at, " \t\r");
        if (!*at)
            break;
        char *end;
        const double value = strtod(at, &end);
        if (end == at || !strchr(" \t\r", *end) || !isfinite(value))
            return mr_fail(error, error_size, "%s, line %zu: \"%.*s\" is not a number", table->path,
                           number, (int)strcspn(at, " \t\r"), at);
        if (column < table->columns)
            row[column] = value;
        at = end;
    }
    if (column != table->columns)
        return mr_fail(error, error_size, "%s, line %zu has %zu numbers, expected %zu", table->path,
                       number, column, table->columns);
    return 0;
}

static int read_table(struct table *table, const char *folder, const char *name, size_t columns,
                      char *error, size_t error_size) {
    unsigned char *text;
    size_t size, lines = 1;
    table->columns = columns;
    table->rows = 0;
    table->data = NULL;
    if (snprintf(table->path, sizeof table->path, "%s/%s", folder, name) >= PATH_MAX)
        return mr_fail(error, error_size, "%s: the path is too long", folder);
    if (mr_file_read(table->path, MAX_FILE, &text, &size, error, error_size))
        return -1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    int result = -1;
    if (memchr(text, '\0', size)) {
        mr_fail(error, error_size, "%s is no text", table->path);
        goto out;
    }
    table->data = calloc(lines, columns * sizeof *table->data);
    if (!table->data) {
        mr_fail(error, error_size, "%s: not enough memory for %zu lines", table->path, lines);
        goto out;
    }
    size_t number = 1;
    for (char *line = (char *)text, *next; line; line = next, number++) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!line[strspn(line, " \t\r")])
            continue;
        if (read_row(table, line, number, table->data + table->rows * columns, error, error_size))
            goto out;
        table->rows++;
    }
    if (table->rows == 0) {
        mr_fail(error, error_size, "%s is empty", table->path);
        goto out;
    }
    result = 0;
out:
    free(text);
    return result;
}

static double at(const struct table *table, size_t row, size_t column) {
    return table->data[row * table->columns + column];
}

// The window of an engine whose flights begin in row `first` and that ends with row `last`. Before
// the first flight the first one is repeated, as in training.
static void fill_window(float *x, const struct table *table, size_t first, size_t last,
                        const struct engine_scale *scale) {
    for (size_t t = 0; t < ENGINE_STEPS; t++) {
        const size_t ago = ENGINE_STEPS - 1 - t;
        const size_t row = last - first >= ago ? last - ago : first;
        for (size_t i = 0; i < ENGINE_FEATURES; i++)
            *x++ = (float)((at(table, row, i + 1) - scale->min[i]) / scale->range[i]);
    }
}

// One behind the last row of the engine that begins in row `first`.
static size_t engine_end(const struct table *table, size_t first) {
    size_t end = first + 1;
    while (end < table->rows && at(table, end, 0) == at(table, first, 0))
        end++;
    return end;
}

static int create(struct engines *engines, size_t count, char *error, size_t error_size) {
    const size_t shape[3] = {count, ENGINE_STEPS, ENGINE_FEATURES};
    return mr_array_create(&engines->x, 3, shape, error, error_size) ||
                   mr_array_create(&engines->life, 1, shape, error, error_size)
               ? -1
               : 0;
}

int engines_read_test(struct engines *engines, const char *folder, const struct engine_scale *scale,
                      char *error, size_t error_size) {
    struct table flights, lives = {0};
    size_t count = 0;
    int result = -1;
    memset(engines, 0, sizeof *engines);
    if (read_table(&flights, folder, "test_FD001.txt", MAX_COLUMNS, error, error_size) ||
        read_table(&lives, folder, "RUL_FD001.txt", 1, error, error_size))
        goto out;
    for (size_t row = 0; row < flights.rows; row = engine_end(&flights, row))
        count++;
    if (count != lives.rows) {
        mr_fail(error, error_size, "%s has %zu engines, and %s has the remaining life of %zu",
                flights.path, count, lives.path, lives.rows);
        goto out;
    }
    if (create(engines, count, error, error_size))
        goto out;
    for (size_t row = 0, n = 0; row < flights.rows; n++) {
        const size_t end = engine_end(&flights, row);
        fill_window(engines->x.data + n * ENGINE_STEPS * ENGINE_FEATURES, &flights, row, end - 1,
                    scale);
        engines->life.data[n] = (float)fmin(lives.data[n], ENGINE_LIFE_CAP);
        row = end;
    }
    result = 0;
out:
    free(flights.data);
    free(lives.data);
    return result;
}

int engines_read_train(struct engines *engines, size_t count, const char *folder,
                       const struct engine_scale *scale, char *error, size_t error_size) {
    struct table flights;
    int result = -1;
    memset(engines, 0, sizeof *engines);
    if (read_table(&flights, folder, "train_FD001.txt", MAX_COLUMNS, error, error_size) ||
        create(engines, count, error, error_size))
        goto out;
    size_t first = 0, end = engine_end(&flights, 0);
    for (size_t n = 0; n < count; n++) {
        const size_t last = (n + 1) * flights.rows / count - (flights.rows >= count);
        const size_t row = last < flights.rows ? last : flights.rows - 1;
        while (row >= end) {
            first = end;
            end = engine_end(&flights, first);
        }
        fill_window(engines->x.data + n * ENGINE_STEPS * ENGINE_FEATURES, &flights, first, row,
                    scale);
        engines->life.data[n] = (float)fmin((double)(end - 1 - row), ENGINE_LIFE_CAP);
    }
    result = 0;
out:
    free(flights.data);
    return result;
}
