// SPDX-License-Identifier: Apache-2.0
// Reader and writer of NumPy's .npy files. The header is a Python dictionary literal; only the
// part of the syntax that NumPy writes is taken.
#include "npy.h"

#include "file.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little endian");

struct header {
    const char *name; // of the file, for messages
    const char *start, *at, *end;
    char *error;
    size_t error_size;
    char descr[8];
    bool fortran, has_descr, has_fortran, has_shape;
    int rank;
    size_t shape[MR_ARRAY_RANK];
};

static int create(struct mr_array *array, const char *name, int rank, const size_t *shape,
                  char *error, size_t error_size) {
    size_t count = 1;

    memset(array, 0, sizeof *array);
    if (rank < 0 || rank > MR_ARRAY_RANK)
        return mr_fail(error, error_size, "%s has %d dimensions; up to %d are supported", name,
                       rank, MR_ARRAY_RANK);
    // Zero sizes are left out of the product first, so that no product of the others overflows.
    for (int i = 0; i < rank; i++) {
        if (shape[i] != 0 && (!mr_multiply(count, shape[i], &count) || count > SIZE_MAX / 8))
            return mr_fail(error, error_size, "%s has a shape that is too large for this machine",
                           name);
    }
    for (int i = 0; i < rank; i++) {
        array->shape[i] = shape[i];
        if (shape[i] == 0)
            count = 0;
    }
    array->data = calloc(count ? count : 1, sizeof *array->data);
    if (!array->data)
        return mr_fail(error, error_size, "%s: not enough memory for %zu numbers", name, count);
    array->rank = rank;
    array->count = count;
    return 0;
}

int mr_array_create(struct mr_array *array, int rank, const size_t *shape, char *error,
                    size_t error_size) {
    return create(array, "the array", rank, shape, error, error_size);
}

void mr_array_free(struct mr_array *array) {
    free(array->data);
    memset(array, 0, sizeof *array);
}

const char *mr_shape_text(int rank, const size_t *shape, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu", i ? ", " : "", shape[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

const char *mr_array_place_text(const struct mr_array *array, size_t index, char *text,
                                size_t size) {
    size_t place[MR_ARRAY_RANK];
    for (int axis = array->rank - 1; axis >= 0; axis--) {
        place[axis] = index % array->shape[axis];
        index /= array->shape[axis];
    }
    return mr_shape_text(array->rank, place, text, size);
}

int mr_array_check_finite(const struct mr_array *array, const char *name, char *error,
                          size_t error_size) {
    for (size_t i = 0; i < array->count; i++) {
        if (isfinite(array->data[i]))
            continue;
        char where[MR_ARRAY_RANK * 24];
        return mr_fail(error, error_size,
                       "%s holds %s at index %s; remove or replace values that are not numbers",
                       name, isnan(array->data[i]) ? "NaN" : "infinity",
                       mr_array_place_text(array, i, where, sizeof where));
    }
    return 0;
}

static int bad(struct header *h, const char *what) {
    return mr_fail(h->error, h->error_size, "%s: the .npy header %s at byte %td", h->name, what,
                   h->at - h->start);
}

static void skip_space(struct header *h) {
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\t' || *h->at == '\n' || *h->at == '\r'))
        h->at++;
}

static bool take(struct header *h, char c) {
    skip_space(h);
    if (h->at >= h->end || *h->at != c)
        return false;
    h->at++;
    return true;
}

static int take_string(struct header *h, char *text, size_t size) {
    size_t length = 0;

    skip_space(h);
    if (h->at >= h->end || (*h->at != '\'' && *h->at != '"'))
        return bad(h, "lacks a quoted word");
    char quote = *h->at++;
    while (h->at < h->end && *h->at != quote) {
        if (length + 1 >= size)
            return bad(h, "has a word that is too long");
        text[length++] = *h->at++;
    }
    if (h->at >= h->end)
        return bad(h, "has a quote that does not end");
    h->at++;
    text[length] = 0;
    return 0;
}

static int take_shape(struct header *h) {
    h->rank = 0;
    if (!take(h, '('))
        return bad(h, "lacks '(' before the shape");
    while (!take(h, ')')) {
        size_t value = 0;
        if (h->rank == MR_ARRAY_RANK)
            return bad(h, "has more dimensions than the 8 supported");
        if (h->at >= h->end || *h->at < '0' || *h->at > '9')
            return bad(h, "lacks a number in the shape");
        while (h->at < h->end && *h->at >= '0' && *h->at <= '9') {
            if (value > (SIZE_MAX - 9) / 10)
                return bad(h, "has a dimension that is too large");
            value = value * 10 + (size_t)(*h->at++ - '0');
        }
        h->shape[h->rank++] = value;
        if (!take(h, ',')) {
            if (!take(h, ')'))
                return bad(h, "lacks ')' after the shape");
            break;
        }
    }
    return 0;
}

static int take_entry(struct header *h) {
    char key[24];

    if (take_string(h, key, sizeof key) != 0)
        return -1;
    if (!take(h, ':'))
        return bad(h, "lacks ':'");
    if (strcmp(key, "descr") == 0) {
        h->has_descr = true;
        skip_space(h);
        if (h->at < h->end && *h->at == '[')
            return bad(h, "describes records; plain numbers are expected");
        return take_string(h, h->descr, sizeof h->descr);
    }
    if (strcmp(key, "fortran_order") == 0) {
        h->has_fortran = true;
        skip_space(h);
        if (h->end - h->at >= 4 && memcmp(h->at, "True", 4) == 0) {
            h->fortran = true;
            h->at += 4;
            return 0;
        }
        if (h->end - h->at >= 5 && memcmp(h->at, "False", 5) == 0) {
            h->fortran = false;
            h->at += 5;
            return 0;
        }
        return bad(h, "lacks True or False");
    }
    if (strcmp(key, "shape") == 0) {
        h->has_shape = true;
        return take_shape(h);
    }
    return bad(h, "has an unknown key");
}

static int parse_header(struct header *h) {
    if (!take(h, '{'))
        return bad(h, "lacks '{'");
    while (!take(h, '}')) {
        if (take_entry(h) != 0)
            return -1;
        if (!take(h, ',')) {
            if (!take(h, '}'))
                return bad(h, "lacks '}'");
            break;
        }
    }
    skip_space(h);
    if (h->at != h->end)
        return bad(h, "has text after '}'");
    if (!h->has_descr || !h->has_fortran || !h->has_shape)
        return bad(h, "lacks one of descr, fortran_order and shape");
    return 0;
}

static float element(const unsigned char *at, const char *type) {
    union {
        float f4;
        double f8;
        int32_t i4;
        int64_t i8;
    } v;

    memcpy(&v, at, type[1] == '4' ? 4 : 8);
    if (type[0] == 'f')
        return type[1] == '4' ? v.f4 : (float)v.f8;
    return type[1] == '4' ? (float)v.i4 : (float)v.i8;
}

// Fortran order has the first axis fastest: the index is counted up in that order.
static void convert(struct mr_array *array, const unsigned char *data, const char *type,
                    bool fortran) {
    size_t width = type[1] == '4' ? 4 : 8;
    size_t stride[MR_ARRAY_RANK], index[MR_ARRAY_RANK] = {0}, to = 0, step = 1;

    if (!fortran || array->rank < 2) {
        for (size_t i = 0; i < array->count; i++)
            array->data[i] = element(data + i * width, type);
        return;
    }
    for (int axis = array->rank - 1; axis >= 0; axis--) {
        stride[axis] = step;
        step *= array->shape[axis];
    }
    for (size_t i = 0; i < array->count; i++) {
        array->data[to] = element(data + i * width, type);
        for (int axis = 0; axis < array->rank; axis++) {
            to += stride[axis];
            if (++index[axis] < array->shape[axis])
                break;
            to -= stride[axis] * index[axis];
            index[axis] = 0;
        }
    }
}

int mr_npy_parse(const void *data, size_t size, const char *name, struct mr_array *array,
                 char *error, size_t error_size) {
    const unsigned char *bytes = data;
    size_t start, length;

    memset(array, 0, sizeof *array);
    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return mr_fail(error, error_size,
                       "%s is not an .npy file: it does not begin with \\x93NUMPY", name);
    if (bytes[6] < 1 || bytes[6] > 3)
        return mr_fail(error, error_size, "%s has .npy version %d; 1 to 3 are supported", name,
                       bytes[6]);
    if (bytes[6] == 1) {
        start = 10;
        length = bytes[8] | (size_t)bytes[9] << 8;
    } else {
        if (size < 12)
            return mr_fail(error, error_size, "%s ends inside the .npy header", name);
        start = 12;
        length =
            bytes[8] | (size_t)bytes[9] << 8 | (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (length > size - start)
        return mr_fail(error, error_size,
                       "%s ends inside the .npy header: it announces %zu bytes and %zu are left",
                       name, length, size - start);

    const char *text = (const char *)bytes;
    struct header h = {.name = name,
                       .start = text,
                       .at = text + start,
                       .end = text + start + length,
                       .error = error,
                       .error_size = error_size};
    if (parse_header(&h) != 0)
        return -1;
    const char *type = h.descr + 1;
    if (h.descr[0] == '>')
        return mr_fail(error, error_size,
                       "%s holds big-endian numbers (%s); save it as little endian", name, h.descr);
    if (h.descr[0] != '<' || (strcmp(type, "f4") != 0 && strcmp(type, "f8") != 0 &&
                              strcmp(type, "i4") != 0 && strcmp(type, "i8") != 0))
        return mr_fail(error, error_size,
                       "%s holds numbers of type '%s'; save it as float32, float64, int32 or int64",
                       name, h.descr);

    // The data must be there before memory for it is asked for.
    size_t bytes_wanted = type[1] == '4' ? 4 : 8, left = size - start - length;
    for (int i = 0; i < h.rank; i++) {
        if (!mr_multiply(bytes_wanted, h.shape[i], &bytes_wanted))
            return mr_fail(error, error_size, "%s has a shape that is too large for this machine",
                           name);
    }
    if (bytes_wanted != left)
        return mr_fail(error, error_size,
                       "%s: the shape asks for %zu bytes of data and the file holds %zu", name,
                       bytes_wanted, left);
    if (create(array, name, h.rank, h.shape, error, error_size) != 0)
        return -1;
    convert(array, bytes + start + length, type, h.fortran);
    return 0;
}

int mr_npy_write(const char *path, const struct mr_array *array, char *error, size_t error_size) {
    char shape[MR_ARRAY_RANK * 24] = "";
    char header[384];
    size_t used = 0;

    for (int i = 0; i < array->rank; i++)
        used +=
            (size_t)snprintf(shape + used, sizeof shape - used, "%s%zu%s", i > 0 ? " " : "",
                             array->shape[i], array->rank == 1 || i < array->rank - 1 ? "," : "");
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    int text = snprintf(header + 10, sizeof header - 10,
                        "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    // The data begins at a multiple of 64 bytes, and a newline ends the header.
    size_t total = (10 + (size_t)text + 1 + 63) / 64 * 64;
    memset(header + 10 + text, ' ', total - 10 - (size_t)text);
    header[total - 1] = '\n';
    header[8] = (char)((total - 10) & 255);
    header[9] = (char)((total - 10) >> 8);

    const struct mr_piece pieces[] = {{header, total},
                                      {array->data, array->count * sizeof *array->data}};
    return mr_file_write(path, pieces, 2, error, error_size);
}
