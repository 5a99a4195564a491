// SPDX-License-Identifier: Apache-2.0
// The numbers of a table (csv_field.h). Numbers are those of strtod without its hexadecimal forms.
#define _POSIX_C_SOURCE 200809L
#include "csv_field.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FIELD = 1000 }; // more digits than a double has

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static size_t digits(const char *text, size_t length) {
    size_t count = 0;
    while (count < length && is_digit(text[count]))
        count++;
    return count;
}

static size_t sign(const char *text, size_t length) {
    return length > 0 && (*text == '-' || *text == '+');
}

// Digits with a point, then perhaps an exponent after one of the letters.
static bool is_decimal(const char *text, size_t length, char point, const char *exponents) {
    size_t at = sign(text, length);
    const size_t whole = digits(text + at, length - at);
    size_t part = 0;
    at += whole;
    if (at < length && text[at] == point) {
        at++;
        part = digits(text + at, length - at);
        at += part;
    }
    if (whole + part == 0)
        return false;
    if (at < length && strchr(exponents, text[at]) && text[at]) {
        at++;
        at += sign(text + at, length - at);
        const size_t power = digits(text + at, length - at);
        if (power == 0)
            return false;
        at += power;
    }
    return at == length;
}

static bool is_one_of(const char *text, size_t length, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == length && strncasecmp(text, words[i], length) == 0)
            return true;
    return false;
}

static bool is_not_finite(const char *text, size_t length) {
    static const char *const words[] = {"nan", "inf", "infinity"};
    const size_t at = sign(text, length);
    return is_one_of(text + at, length - at, words, sizeof words / sizeof *words);
}

static bool is_missing(const char *text, size_t length) {
    static const char *const words[] = {
        "",   "na", "n/a", "#n/a",    "<na>",  "null",    "none", "nil",   "missing", "-",
        "--", "?",  ".",   "#value!", "#ref!", "#div/0!", "nat",  "#num!", "#name?"};
    return is_one_of(text, length, words, sizeof words / sizeof *words);
}

static bool is_group(char c) {
    return c == ',' || c == '.' || c == '\'' || c == '_' || c == ' ';
}

// "1,024" or "1,024,000.5": groups of three digits.
static bool is_grouped(const char *text, size_t length) {
    size_t at = sign(text, length), groups = 0;
    const size_t first = digits(text + at, length - at);
    if (first < 1 || first > 3)
        return false;
    at += first;
    while (at + 3 < length && is_group(text[at]) && digits(text + at + 1, length - at - 1) == 3) {
        at += 4;
        groups++;
    }
    return groups > 0 &&
           (at == length || ((text[at] == '.' || text[at] == ',') &&
                             digits(text + at + 1, length - at - 1) == length - at - 1));
}

static bool is_hexadecimal(const char *text, size_t length) {
    const size_t at = sign(text, length);
    return length - at > 2 && text[at] == '0' && (text[at + 1] == 'x' || text[at + 1] == 'X');
}

static bool is_date(const char *text, size_t length) {
    size_t marks = 0, count = 0;
    for (size_t i = 0; i < length; i++) {
        count += is_digit(text[i]);
        marks += i > 0 && strchr("-/:", text[i]) && text[i];
        if (!is_digit(text[i]) && !strchr("-/:. TZ+", text[i]))
            return false;
    }
    return count >= 4 && marks >= 2;
}

static bool holds_minus_sign(const char *text, size_t length) { // U+2212
    for (size_t i = 0; i + 2 < length; i++)
        if (memcmp(text + i, "\xe2\x88\x92", 3) == 0)
            return true;
    return false;
}

static bool begins_like_number(const char *text, size_t length) {
    size_t at = sign(text, length);
    if (at < length && (text[at] == '.' || text[at] == ','))
        at++;
    return (at < length && is_digit(text[at])) || (length > 3 && holds_minus_sign(text, 3));
}

enum mr_field_kind mr_field_read(const char *text, size_t length, float *value) {
    char copy[MAX_FIELD + 1];
    if (is_missing(text, length))
        return MR_FIELD_MISSING;
    if (length <= MAX_FIELD &&
        (is_decimal(text, length, '.', "eE") || is_not_finite(text, length))) {
        memcpy(copy, text, length);
        copy[length] = 0;
        *value = strtof(copy, NULL);
        if (isfinite(*value) || is_not_finite(text, length))
            return MR_FIELD_NUMBER;
        return MR_FIELD_BROKEN;
    }
    return begins_like_number(text, length) ? MR_FIELD_BROKEN : MR_FIELD_WORD;
}

const char *mr_field_problem(const char *text, size_t length) {
    if (length == 0)
        return "is empty; write a number, or leave the row out";
    if (is_missing(text, length))
        return "is a missing value; write a number, or leave the row out";
    if (is_decimal(text, length, '.', "eE"))
        return length <= MAX_FIELD ? "is too large for a number of 32 bits"
                                   : "has more than 1000 characters";
    if (is_grouped(text, length) && !(text[sign(text, length)] == '0'))
        return "has a decimal comma or separators of thousands; write digits and a decimal point "
               "only";
    if (is_decimal(text, length, ',', "eE"))
        return "has a decimal comma; write a decimal point";
    if (is_decimal(text, length, '.', "dDqQ"))
        return "has an exponent as Fortran writes it; write E";
    if (is_hexadecimal(text, length))
        return "is hexadecimal; write it as a decimal number";
    if (is_date(text, length))
        return "is a date or a time; leave columns out that the network does not take";
    if (holds_minus_sign(text, length))
        return "has a minus sign of typesetting; write '-'";
    if (text[length - 1] == '%' && is_decimal(text, length - 1, '.', "eE"))
        return "is a percentage; write the number";
    if (memchr(text, ' ', length) || memchr(text, '\t', length))
        return "is not a number; fields are separated in one way in the whole file";
    return "is not a number";
}
