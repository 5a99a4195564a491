// SPDX-License-Identifier: Apache-2.0
// Names of precisions (precision.h).
#include "precision.h"

#include <stdio.h>
#include <string.h>

static const struct mr_precision all[MR_PRECISIONS] = {{16, 16}, {8, 16}, {8, 8}};

struct mr_precision mr_precision_at(int index) {
    return all[index];
}

int mr_precision_index(struct mr_precision precision) {
    int index = MR_PRECISIONS - 1;

    while (index > 0 && (all[index].weight_bits != precision.weight_bits ||
                         all[index].column_bits != precision.column_bits))
        index--;
    return index;
}

const char *mr_precision_name(struct mr_precision precision, char text[MR_PRECISION_NAME]) {
    snprintf(text, MR_PRECISION_NAME, "w%da%d", precision.weight_bits, precision.column_bits);
    return text;
}

bool mr_precision_parse(const char *name, struct mr_precision *precision) {
    char text[MR_PRECISION_NAME];

    for (int i = 0; i < MR_PRECISIONS; i++)
        if (strcmp(name, mr_precision_name(all[i], text)) == 0) {
            *precision = all[i];
            return true;
        }
    return false;
}

int mr_precision_list(const char *text, struct mr_precision *list, int most) {
    for (int count = 0; count < most; count++) {
        const size_t length = strcspn(text, ",");
        char name[MR_PRECISION_NAME];
        snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name),
                 text);
        if (length >= sizeof name || !mr_precision_parse(name, &list[count]))
            return 0;
        if (!text[length])
            return count + 1;
        text += length + 1;
    }
    return 0;
}
