// SPDX-License-Identifier: Apache-2.0
// Reader and writer of tables of numbers (csv.h).
#define _POSIX_C_SOURCE 200809L
#include "csv.h"

#include "csv_field.h"
#include "file.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 40 }; // characters of a field that messages quote

struct table {
    const char *name;
    const char *at, *end; // what is left of the text
    size_t line;          // of what was taken last, from 1
    char separator;       // ' ' stands for any space
    float *data;
    size_t used, capacity;
    size_t rows, columns;
    size_t first_line; // of the first row, a header too
    char *note, *error;
    size_t note_size, error_size;
};

// A piece of the text.
struct span {
    const char *at, *end;
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct span trim(struct span s) {
    while (s.at < s.end && is_space(*s.at))
        s.at++;
    while (s.end > s.at && is_space(s.end[-1]))
        s.end--;
    return s;
}

// The next line that holds something; false at the end. Lines end with \n, \r\n or \r.
static bool next_line(struct table *t, struct span *line) {
    while (t->at < t->end) {
        const char *stop = t->at;
        while (stop < t->end && *stop != '\n' && *stop != '\r')
            stop++;
        *line = trim((struct span){t->at, stop});
        // A tab at an end stands beside an empty field where tabs separate.
        struct span whole = {t->at, stop};
        t->at = stop < t->end ? stop + 1 : stop;
        if (stop + 1 < t->end && stop[0] == '\r' && stop[1] == '\n')
            t->at++;
        t->line++;
        if (line->at == line->end || *line->at == '#')
            continue;
        if (t->separator == '\t')
            *line = whole;
        return true;
    }
    return false;
}

// Takes the next field off the line, whose rest is then behind the separator; false when there was
// none. *last: no separator followed. A quoted field is given without its quotes.
static bool next_field(char separator, struct span *line, struct span *field, bool *last,
                       bool *open) {
    const char *at = line->at;
    bool quoted = false;

    *open = false;
    if (!at)
        return false;
    while (at < line->end && (quoted || !(separator == ' ' ? is_space(*at) : *at == separator))) {
        quoted ^= *at == '"';
        at++;
    }
    *open = quoted;
    *field = trim((struct span){line->at, at});
    if (field->end - field->at >= 2 && *field->at == '"' && field->end[-1] == '"')
        *field = trim((struct span){field->at + 1, field->end - 1});
    *last = at == line->end;
    while (separator == ' ' && at < line->end && is_space(*at))
        at++;
    line->at = *last ? NULL : separator == ' ' ? at : at + 1;
    return true;
}

static size_t count_fields(char separator, struct span line) {
    struct span field;
    size_t count = 0;
    bool last, open;
    while (next_field(separator, &line, &field, &last, &open))
        count++;
    return count;
}

// What separates the fields: what cuts the first two lines into equally many, or else what is in
// one of them.
static char find_separator(struct table *t) {
    static const char candidates[] = {';', '\t', ',', ' '};
    const struct table before = *t;
    struct span lines[2];
    size_t counts[2] = {1, 1};
    char found = 0, possible = 0;
    const size_t line_count = (size_t)next_line(t, &lines[0]) + next_line(t, &lines[1]);

    for (size_t i = 0; line_count > 0 && i < sizeof candidates; i++) {
        for (size_t k = 0; k < line_count; k++)
            counts[k] = count_fields(candidates[i], lines[k]);
        if (line_count == 1)
            counts[1] = counts[0];
        if (!found && counts[0] > 1 && counts[0] == counts[1])
            found = candidates[i];
        // A space alone says little: names hold spaces too.
        if (!possible && candidates[i] != ' ' && (counts[0] > 1 || counts[1] > 1))
            possible = candidates[i];
    }
    *t = before;
    if (!possible)
        possible = ',';
    if (!found)
        found = possible;
    return found;
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

static int bad_field(const struct table *t, size_t index, struct span field, const char *problem) {
    char text[SHOWN + 1];
    const size_t length = (size_t)(field.end - field.at);
    const size_t shown = length < SHOWN ? length : SHOWN;

    for (size_t i = 0; i < shown; i++)
        text[i] = field.at[i];
    for (size_t i = 0; i < shown; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            text[i] = '?';
    text[shown] = 0;
    return mr_fail(t->error, t->error_size, "%s: line %zu, field %zu%s%s%s %s%s", t->name, t->line,
                   index, length ? " ('" : "", text,
                   length > shown ? "...')"
                   : length       ? "')"
                                  : "",
                   problem,
                   t->rows == 0 && t->line == t->first_line
                       ? "; a first row is a header when none of its fields is a number"
                       : "");
}

// What the fields of a line are.
struct count {
    size_t fields, numbers, words;
    size_t ordinals, ordinals_from_1; // that are the number of their column
    bool index;                       // the first is empty, as the head of the rows' names is
    bool open;                        // a quote does not end
};

// The column's own number.
static bool is_ordinal(struct span field, size_t column) {
    char text[24];
    const int length = snprintf(text, sizeof text, "%zu", column);
    return field.end - field.at == length && memcmp(field.at, text, (size_t)length) == 0;
}

static struct count look_at(char separator, struct span line) {
    struct count count = {0};
    struct span field;
    bool last, open;
    while (next_field(separator, &line, &field, &last, &open)) {
        float value;
        const enum mr_field_kind kind =
            mr_field_read(field.at, (size_t)(field.end - field.at), &value);
        count.numbers += kind == MR_FIELD_NUMBER;
        count.words += kind == MR_FIELD_WORD;
        count.open |= open;
        count.index |= count.fields == 0 && field.at == field.end;
        count.ordinals += is_ordinal(field, count.fields - count.index);
        count.ordinals_from_1 += is_ordinal(field, count.fields - count.index + 1);
        count.fields++;
    }
    return count;
}

// 1: the first row is a header, 0: it is data, -1: an error.
static int is_header(struct table *t, struct span line) {
    const struct count count = look_at(t->separator, line);

    if (count.ordinals >= 2 && count.ordinals == count.fields - count.index)
        return mr_fail(t->error, t->error_size,
                       "%s: line %zu counts its columns from 0, as pandas does in the header of a "
                       "table without names; remove the line (to_csv with header=False, "
                       "index=False), or write 0.0 if it is a row of data",
                       t->name, t->line);
    // What people type to try a program looks like this too, so it is no error.
    if (count.ordinals_from_1 >= 3 && count.ordinals_from_1 == count.fields && t->note_size > 0)
        snprintf(
            t->note, t->note_size,
            "%s: line %zu counts its columns from 1 and is taken as data; remove it if it is a "
            "header",
            t->name, t->line);
    if (count.numbers > 0 || count.words == 0 || count.open)
        return 0;
    if (t->note_size > 0)
        snprintf(t->note, t->note_size,
                 "%s: line %zu is taken as a header, for none of its fields is a number", t->name,
                 t->line);
    return 1;
}

static int take_row(struct table *t, struct span line) {
    struct span field;
    size_t fields = 0;
    bool last = false, open = false;

    while (next_field(t->separator, &line, &field, &last, &open)) {
        const size_t length = (size_t)(field.end - field.at);
        float value = 0;
        fields++;
        if (open)
            return bad_field(t, fields, field, "has a quote that does not end");
        if (mr_field_read(field.at, length, &value) != MR_FIELD_NUMBER) {
            if (length == 0 && last && fields > 1)
                return mr_fail(t->error, t->error_size,
                               "%s: line %zu ends with a separator, so its field %zu is empty; "
                               "remove the separator or write a number",
                               t->name, t->line, fields);
            return bad_field(t, fields, field, mr_field_problem(field.at, length));
        }
        if (!push(t, value))
            return mr_fail(t->error, t->error_size, "%s: not enough memory at line %zu", t->name,
                           t->line);
    }
    if (t->columns > 0 && fields != t->columns)
        return mr_fail(t->error, t->error_size, "%s: line %zu has %zu fields and line %zu has %zu",
                       t->name, t->line, fields, t->first_line, t->columns);
    t->columns = fields;
    t->rows++;
    return 0;
}

int mr_csv_check(const void *text, size_t size, const char *name, char *error, size_t error_size) {
    const char *bytes = text, *zero = memchr(bytes, 0, size);
    const bool marked =
        size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0);
    // A letter has a byte of zero before it or behind it.
    if (marked || (size >= 2 && !bytes[0] != !bytes[1]))
        return mr_fail(error, error_size, "%s is text in UTF-16; save it as UTF-8 (\"CSV UTF-8\")",
                       name);
    if (zero)
        return mr_fail(error, error_size,
                       "%s is not text: byte %td is zero; .npy or .csv is expected", name,
                       zero - bytes);
    return 0;
}

static int parse(struct table *t) {
    struct span line;

    if (mr_csv_check(t->at, (size_t)(t->end - t->at), t->name, t->error, t->error_size) != 0)
        return -1;
    if (t->end - t->at >= 3 && memcmp(t->at, "\xef\xbb\xbf", 3) == 0)
        t->at += 3;
    t->separator = find_separator(t);
    while (next_line(t, &line)) {
        if (t->first_line == 0) {
            t->first_line = t->line;
            const int header = is_header(t, line);
            if (header < 0)
                return -1;
            if (header) {
                t->columns = count_fields(t->separator, line);
                continue;
            }
        }
        if (take_row(t, line) != 0)
            return -1;
    }
    if (t->rows == 0)
        return mr_fail(t->error, t->error_size, "%s holds no row of numbers", t->name);
    return 0;
}

int mr_csv_parse(const void *data, size_t size, const char *name, struct mr_array *array,
                 char *note, size_t note_size, char *error, size_t error_size) {
    struct table t = {.name = name,
                      .at = data,
                      .end = (const char *)data + size,
                      .note = note,
                      .note_size = note_size,
                      .error = error,
                      .error_size = error_size};

    memset(array, 0, sizeof *array);
    if (note_size > 0)
        *note = 0;
    if (size == 0)
        return mr_fail(error, error_size, "%s is empty", name);
    // Numbers have a decimal point here whatever the user's language is.
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return mr_fail(error, error_size, "%s: not enough memory", name);
    locale_t before = uselocale(plain);
    int result = parse(&t);
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
    // A first row of 0,1,2,... would be read as a header.
    bool ordinals = columns > 1 && array->count >= columns;
    for (size_t i = 0; ordinals && i < columns; i++)
        ordinals = array->data[i] == (float)i;
    locale_t before = uselocale(plain);
    for (size_t i = 0; i < array->count; i++)
        used += (size_t)snprintf(text + used, room + 1 - used,
                                 ordinals && i < columns ? "%.1f%c" : "%.9g%c",
                                 (double)array->data[i], (i + 1) % columns == 0 ? '\n' : ',');
    uselocale(before);
    freelocale(plain);
    const struct mr_piece piece = {text, used};
    int result = mr_file_write(path, &piece, 1, error, error_size);
    free(text);
    return result;
}
