// SPDX-License-Identifier: Apache-2.0
// One field of a table: the number that it is, or why it is none.
#ifndef MR_CSV_FIELD_H
#define MR_CSV_FIELD_H

#include <stdbool.h>
#include <stddef.h>

enum mr_field_kind {
    MR_FIELD_NUMBER,  // also NaN and infinity, which the readers of arrays look for
    MR_FIELD_MISSING, // empty, or a word for it
    MR_FIELD_BROKEN,  // begins like a number and is none
    MR_FIELD_WORD
};

// Of the text without the space around it. The caller's locale must be "C".
enum mr_field_kind mr_field_read(const char *text, size_t length, float *value);

// What a field that is no number is, and what would help: "is empty; write a number, ...".
const char *mr_field_problem(const char *text, size_t length);

#endif
