// SPDX-License-Identifier: Apache-2.0
// Names of precisions (precision.h).
#include "precision.h"

#include <stdio.h>
#include <string.h>

static const struct mr_precision all[] = {{16, 16}, {8, 16}, {8, 8}};

const char *mr_precision_name(struct mr_precision precision, char text[MR_PRECISION_NAME]) {
    snprintf(text, MR_PRECISION_NAME, "w%da%d", precision.weight_bits, precision.column_bits);
    return text;
}

bool mr_precision_parse(const char *name, struct mr_precision *precision) {
    char text[MR_PRECISION_NAME];

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, mr_precision_name(all[i], text)) == 0) {
            *precision = all[i];
            return true;
        }
    return false;
}
