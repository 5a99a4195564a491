// SPDX-License-Identifier: Apache-2.0
// The devices of devices.def as a table.
#include "device_table.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MR_DEVICE(NAME, PART, LUT, FF, DSP, BRAM36, URAM, SLRS, PLATFORM, IN, OUT, OWN, GIB, ...)  \
    {#NAME, PART, LUT, FF, DSP, BRAM36, URAM, SLRS, PLATFORM, IN, OUT, OWN, GIB, {__VA_ARGS__}},
static const struct mr_target targets[] = {
#include "devices.def"
};
#undef MR_DEVICE

const struct mr_target *mr_target_at(size_t index) {
    return index < sizeof targets / sizeof *targets ? &targets[index] : NULL;
}

const struct mr_target *mr_target_find(const char *name) {
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcasecmp(name, targets[i].name) == 0)
            return &targets[i];
    return NULL;
}

char *mr_target_names(char *text, size_t size) {
    size_t used = 0;
    if (size > 0)
        text[0] = '\0';
    for (size_t i = 0; i < sizeof targets / sizeof *targets && used < size; i++) {
        const int length =
            snprintf(text + used, size - used, "%s%s", i ? ", " : "", targets[i].name);
        used += length > 0 ? (size_t)length : 0;
    }
    return text;
}
