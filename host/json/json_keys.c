// SPDX-License-Identifier: Apache-2.0
// Members of a JSON text by their types, and the sentences about them.
#include "json_parts.h"

#include "file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int desc_fail(const struct desc *net, const char *path, const char *format, ...) {
    char text[700];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return mr_fail(net->error, net->error_size, "%s: %s %s", net->file, path, text);
}

int desc_fail_file(const struct desc *net, const char *format, ...) {
    char text[800];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return mr_fail(net->error, net->error_size, "%s: %s", net->file, text);
}

void desc_place(char to[DESC_PATH], const char *path, const char *key) {
    snprintf(to, DESC_PATH, "%.*s%s%.40s", DESC_PATH - 42, path, *path ? "." : "", key);
}

void desc_suggest(char *text, size_t size, const char *given, const char *const *names,
                  size_t count) {
    const char *near = mr_nearest(given, names, count);
    size_t used = strlen(text);

    if (near) {
        snprintf(text + used, size - used, "; did you mean '%.100s'?", near);
        return;
    }
    for (size_t i = 0; i < count && used + 1 < size; i++) {
        const int more = snprintf(text + used, size - used, "%s%.60s",
                                  i == 0           ? (count == 1 ? "; known is " : "; known are ")
                                  : i + 1 == count ? " and "
                                                   : ", ",
                                  names[i]);
        used += more > 0 ? (size_t)more : 0;
    }
}

int desc_check_keys(const struct desc *net, const char *path, const json_t *object,
                    const char *const *known) {
    const char *key;
    const json_t *value;
    size_t count = 0;

    while (known[count])
        count++;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        char text[500] = "";
        size_t i = 0;
        while (i < count && strcmp(known[i], key) != 0)
            i++;
        if (i < count)
            continue;
        desc_suggest(text, sizeof text, key, known, count);
        return *path ? desc_fail(net, path, "has a key '%.40s' that is not known%s", key, text)
                     : desc_fail_file(net, "it has a key '%.40s' that is not known%s", key, text);
    }
    return 0;
}

// A member is not what is expected: tells what it is.
static int expected(const struct desc *net, const char *path, const char *key, const json_t *value,
                    const char *what) {
    char place[DESC_PATH], *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

    desc_place(place, path, key);
    const int result = desc_fail(net, place, "is %.40s%s; %s is expected", text ? text : "wrong",
                                 text && strlen(text) > 40 ? "..." : "", what);
    free(text);
    return result;
}

int desc_get_whole(const struct desc *net, const char *path, const json_t *object, const char *key,
                   int low, int high, int *value) {
    const json_t *v = json_object_get(object, key);
    char what[80];

    if (!v)
        return 0;
    snprintf(what, sizeof what, "a whole number of %d to %d", low, high);
    if (!json_is_integer(v) || json_integer_value(v) < low || json_integer_value(v) > high)
        return expected(net, path, key, v, what);
    *value = (int)json_integer_value(v);
    return 0;
}

int desc_get_real(const struct desc *net, const char *path, const json_t *object, const char *key,
                  double low, double high, double *value) {
    const json_t *v = json_object_get(object, key);
    char what[80];

    if (!v)
        return 0;
    snprintf(what, sizeof what, "a number of %g to %g", low, high);
    if (!json_is_number(v) || !(json_number_value(v) >= low && json_number_value(v) <= high))
        return expected(net, path, key, v, what);
    *value = json_number_value(v);
    return 0;
}

int desc_get_bool(const struct desc *net, const char *path, const json_t *object, const char *key,
                  bool *value) {
    const json_t *v = json_object_get(object, key);

    if (!v)
        return 0;
    if (!json_is_boolean(v))
        return expected(net, path, key, v, "true or false");
    *value = json_is_true(v);
    return 0;
}

int desc_get_bias(const struct desc *net, const char *path, const json_t *object,
                  enum desc_bias *bias) {
    bool there = true;

    if (desc_get_bool(net, path, object, "bias", &there) != 0)
        return -1;
    if (json_object_get(object, "bias"))
        *bias = there ? DESC_WITH_BIAS : DESC_NO_BIAS;
    return 0;
}

int desc_get_text(const struct desc *net, const char *path, const json_t *object, const char *key,
                  const char **value) {
    const json_t *v = json_object_get(object, key);

    if (!v)
        return 0;
    if (!json_is_string(v) || json_string_length(v) == 0)
        return expected(net, path, key, v, "a text");
    *value = json_string_value(v);
    return 0;
}

int desc_get_word(const struct desc *net, const char *path, const json_t *object, const char *key,
                  const char *const *words, int *value) {
    const char *given = NULL;
    char place[DESC_PATH], text[300] = "";
    size_t count = 0;

    if (desc_get_text(net, path, object, key, &given) != 0)
        return -1;
    for (; words[count]; count++)
        if (given && strcmp(words[count], given) == 0) {
            *value = (int)count;
            return 0;
        }
    if (!given)
        return 0;
    desc_place(place, path, key);
    desc_suggest(text, sizeof text, given, words, count);
    return desc_fail(net, place, "is '%.40s', which is not known%s", given, text);
}
