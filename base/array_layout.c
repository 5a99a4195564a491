// SPDX-License-Identifier: Apache-2.0
// The order of the axes of arrays of sequences (array_layout.h).
#include "array_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usual[MR_LAYOUT] = "NTF";

int mr_layout_place(const char *layout, char axis) {
    const char *at = strchr(layout, axis);

    return at ? (int)(at - layout) : -1;
}

bool mr_layout_is_valid(const char *layout) {
    const size_t count = strlen(layout);

    for (size_t i = 0; i < count; i++)
        if (!strchr(usual, layout[i]) || mr_layout_place(layout, layout[i]) != (int)i)
            return false;
    return count > 0;
}

const char *mr_layout_text(const char *layout, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");

    for (size_t i = 0; layout[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%c", i > 0 ? ", " : "", layout[i]);
    if (used < size)
        snprintf(text + used, size - used, "]");
    return text;
}

static bool fits(const struct mr_array *array, const char *layout, size_t features) {
    const int place = mr_layout_place(layout, 'F');

    return array->rank == (int)strlen(layout) &&
           (place >= 0 ? array->shape[place] == features : features == 1);
}

const char *mr_array_layout(const struct mr_array *array, const char *layout, size_t features) {
    if (fits(array, layout, features))
        return layout;
    if (fits(array, "TF", features))
        return "TF";
    return strlen(layout) < 3 && fits(array, usual, features) ? usual : NULL;
}

int mr_array_arrange(struct mr_array *array, const char *layout) {
    size_t shape[3], stride[3];
    bool moves = false;

    for (int i = 0, before = -1; i < 3; i++) {
        const int place = mr_layout_place(layout, usual[i]);
        shape[i] = place < 0 ? 1 : array->shape[place];
        stride[i] = 1;
        for (int k = place + 1; place >= 0 && k < array->rank; k++)
            stride[i] *= array->shape[k];
        moves = moves || (place >= 0 && place < before);
        before = place > before ? place : before;
    }
    float *ordered = moves && array->count > 0 ? malloc(array->count * sizeof *ordered) : NULL;
    if (moves && array->count > 0 && !ordered)
        return -1;
    float *to = ordered;
    for (size_t n = 0; to && n < shape[0]; n++)
        for (size_t t = 0; t < shape[1]; t++)
            for (size_t k = 0; k < shape[2]; k++)
                *to++ = array->data[n * stride[0] + t * stride[1] + k * stride[2]];
    if (ordered) {
        free(array->data);
        array->data = ordered;
    }
    memcpy(array->shape, shape, sizeof shape);
    array->rank = 3;
    return 0;
}
