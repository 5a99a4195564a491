// SPDX-License-Identifier: Apache-2.0
// The boards of boards.def.
#define _POSIX_C_SOURCE 200809L
#include "board_table.h"

#include <stdio.h>
#include <strings.h>

static const struct mr_board boards[] = {
#define MR_BOARD(name, chip, clock, product, rows, ...)                                            \
    {#name, chip, clock, product, rows, {__VA_ARGS__}},
#include "boards.def"
#undef MR_BOARD
};

const struct mr_board *mr_board_at(size_t index) {
    return index < sizeof boards / sizeof *boards ? &boards[index] : NULL;
}

const struct mr_board *mr_board_find(const char *name) {
    for (size_t i = 0; mr_board_at(i); i++)
        if (strcasecmp(boards[i].name, name) == 0)
            return &boards[i];
    return NULL;
}

const char *mr_board_names(char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; mr_board_at(i) && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", boards[i].name);
    return text;
}
