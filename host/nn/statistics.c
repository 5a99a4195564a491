// SPDX-License-Identifier: Apache-2.0
// Reads the statistics of training data: the range of each input feature (calibrate.h).
#define _POSIX_C_SOURCE 200809L
#include "calibrate.h"
#include "file.h"
#include "npy.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const size_t max_file = (size_t)1 << 28;
static const double deviations = 4; // to either side of a mean

enum { MIN, MAX, MEAN, STD, KINDS };
static const char *const labels[KINDS] = {"min", "max", "mean", "std"};

struct statistics {
    const char *path;
    int inputs;
    double *values; // [KINDS][inputs]
    bool there[KINDS];
    char *error;
    size_t error_size;
};

static int label_of(const char *text) {
    for (int kind = 0; kind < KINDS; kind++) {
        if (strcasecmp(text, labels[kind]) == 0)
            return kind;
    }
    return -1;
}

static int wrong_count(const struct statistics *s, const char *what, size_t count) {
    return mr_fail(s->error, s->error_size, "%s: %s is given for %zu features; the network has %d",
                   s->path, what, count, s->inputs);
}

static int not_understood(const struct statistics *s) {
    return mr_fail(s->error, s->error_size,
                   "%s: statistics name min and max, or mean and std, of each of the %d features: "
                   "JSON as {\"min\": [...], \"max\": [...]}, CSV with these words as columns or "
                   "rows, or .npy of shape [2, %d] with minima and maxima",
                   s->path, s->inputs, s->inputs);
}

// ---- JSON

static int read_json(struct statistics *s, const char *text, size_t size) {
    json_error_t where;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    int result = 0;

    if (!root)
        return mr_fail(s->error, s->error_size, "%s is not JSON at line %d: %s", s->path,
                       where.line, where.text);
    for (int kind = 0; kind < KINDS && result == 0; kind++) {
        const json_t *list = json_object_get(root, labels[kind]);
        if (!list)
            continue;
        if (!json_is_array(list) || json_array_size(list) != (size_t)s->inputs)
            result = wrong_count(s, labels[kind], json_array_size(list));
        s->there[kind] = true;
        for (int k = 0; k < s->inputs && result == 0; k++) {
            const json_t *v = json_array_get(list, (size_t)k);
            s->values[kind * s->inputs + k] = json_is_number(v) ? json_number_value(v) : NAN;
        }
    }
    json_decref(root);
    return result;
}

// ---- CSV

// The next cell of a line, cut out in place, without blanks and quotes; NULL at its end.
static char *next_cell(char **at) {
    char *cell = *at, *end;

    if (!cell)
        return NULL;
    cell += strspn(cell, " ");
    if (*cell == '"' && (end = strchr(cell + 1, '"')) != NULL) {
        *end = '\0';
        cell++;
        end++;
        end += strcspn(end, ",;\t");
    } else {
        end = cell + strcspn(cell, ",;\t");
    }
    *at = *end ? end + 1 : NULL;
    *end = '\0';
    for (size_t length = strlen(cell); length > 0 && cell[length - 1] == ' ';)
        cell[--length] = '\0';
    return cell;
}

static double cell_number(const char *cell) {
    char *end;
    const double v = strtod(cell, &end);

    return end != cell && *end == '\0' ? v : NAN;
}

// Columns: each line behind the header is a feature. columns[c] is the label of column c.
static int read_row(struct statistics *s, char *line, const int *columns, int count, int k) {
    int c = 0;

    if (k >= s->inputs)
        return wrong_count(s, "a row", (size_t)k + 1);
    for (char *cell; (cell = next_cell(&line)) != NULL; c++) {
        if (c < count && columns[c] >= 0)
            s->values[columns[c] * s->inputs + k] = cell_number(cell);
    }
    return 0;
}

// Rows: the label is the first cell, and there is a number for each feature.
static int read_labelled(struct statistics *s, char *line) {
    char *cell = next_cell(&line);
    const int kind = cell ? label_of(cell) : -1;
    int k = 0;

    if (kind < 0)
        return 0;
    for (s->there[kind] = true; (cell = next_cell(&line)) != NULL; k++) {
        if (k < s->inputs)
            s->values[kind * s->inputs + k] = cell_number(cell);
    }
    return k == s->inputs ? 0 : wrong_count(s, labels[kind], (size_t)k);
}

static int read_csv(struct statistics *s, char *text) {
    enum { COLUMNS = 64 };
    int columns[COLUMNS], count = 0, rows = 0, result = 0;
    bool header = true, by_columns = false;
    char *rest = NULL;

    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (char *line = strtok_r(text, "\r\n", &rest); line && result == 0;
         line = strtok_r(NULL, "\r\n", &rest)) {
        if (header) {
            char *copy = strdup(line), *at = copy;
            if (!copy)
                return mr_fail(s->error, s->error_size, "%s: not enough memory", s->path);
            for (char *cell; (cell = next_cell(&at)) != NULL && count < COLUMNS; count++) {
                columns[count] = label_of(cell);
                by_columns = by_columns || (columns[count] >= 0 && count > 0);
            }
            free(copy);
            for (int c = 0; by_columns && c < count; c++) {
                if (columns[c] >= 0)
                    s->there[columns[c]] = true;
            }
            header = false;
            if (by_columns)
                continue;
        }
        result = by_columns ? read_row(s, line, columns, count, rows++) : read_labelled(s, line);
    }
    if (result == 0 && by_columns && rows != s->inputs)
        result = wrong_count(s, "a row", (size_t)rows);
    return result;
}

// ---- .npy

static int read_npy(struct statistics *s, const unsigned char *data, size_t size) {
    struct mr_array array;

    if (mr_npy_parse(data, size, s->path, &array, s->error, s->error_size) != 0)
        return -1;
    const bool good = array.rank == 2 && array.shape[0] == 2 && array.shape[1] == (size_t)s->inputs;
    for (size_t i = 0; good && i < array.count; i++)
        s->values[i] = array.data[i]; // minima, then maxima
    s->there[MIN] = s->there[MAX] = good;
    mr_array_free(&array);
    return good ? 0 : not_understood(s);
}

static int take_ranges(const struct statistics *s, struct mr_feature *features) {
    const bool by_range = s->there[MIN] && s->there[MAX];

    if (!by_range && !(s->there[MEAN] && s->there[STD]))
        return not_understood(s);
    for (int k = 0; k < s->inputs; k++) {
        const double a = s->values[(by_range ? MIN : MEAN) * s->inputs + k];
        const double b = s->values[(by_range ? MAX : STD) * s->inputs + k];
        if (!isfinite(a) || !isfinite(b) || (by_range ? a > b : b < 0))
            return mr_fail(s->error, s->error_size, "%s: feature %d has no usable %s", s->path, k,
                           by_range ? "min and max" : "mean and std");
        features[k] = (struct mr_feature){MR_RANGE_STATISTICS, by_range ? a : a - deviations * b,
                                          by_range ? b : a + deviations * b};
    }
    return 0;
}

int mr_statistics_read(const char *path, int inputs, struct mr_feature *features, char *error,
                       size_t error_size) {
    struct statistics s = {
        .path = path, .inputs = inputs, .error = error, .error_size = error_size};
    unsigned char *data;
    size_t size;

    if (mr_file_read(path, max_file, &data, &size, error, error_size) != 0)
        return -1;
    s.values = malloc(KINDS * (size_t)inputs * sizeof *s.values);
    int result = 0;
    if (!s.values) {
        result = mr_fail(error, error_size, "%s: not enough memory", path);
    } else {
        for (int i = 0; i < KINDS * inputs; i++)
            s.values[i] = NAN;
        const size_t blanks = strspn((char *)data, " \t\r\n");
        if (size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0)
            result = read_npy(&s, data, size);
        else if (data[blanks] == '{' || data[blanks] == '[')
            result = read_json(&s, (char *)data, size);
        else
            result = read_csv(&s, (char *)data);
        if (result == 0)
            result = take_ranges(&s, features);
    }
    free(s.values);
    free(data);
    return result;
}
