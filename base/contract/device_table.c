// SPDX-License-Identifier: Apache-2.0
// The devices of devices.def as a table.
#include "device_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

// "HBM[16:31]": as many banks, from the first one on. Else false.
static bool banks_of(const struct mr_target *target, unsigned *first, unsigned *count) {
    static const char hbm[] = "HBM[";
    char *end;
    if (strncmp(target->memory_own, hbm, strlen(hbm)) != 0)
        return false;
    *first = (unsigned)strtoul(target->memory_own + strlen(hbm), &end, 10);
    if (*end != ':')
        return false;
    *count = (unsigned)strtoul(end + 1, NULL, 10) - *first + 1;
    return true;
}

unsigned mr_target_memories(const struct mr_target *target) {
    unsigned first, count;
    if (banks_of(target, &first, &count))
        return count;
    count = 1;
    for (const char *at = target->memory_own; *at; at++)
        count += *at == ' ';
    return count;
}

char *mr_target_memory(const struct mr_target *target, unsigned index, unsigned count, char *text,
                       size_t size) {
    const unsigned there = mr_target_memories(target);
    unsigned first, banks;
    if (banks_of(target, &first, &banks)) {
        const unsigned each = count < banks ? banks / count : 1;
        first += index % banks * each;
        if (each > 1)
            snprintf(text, size, "HBM[%u:%u]", first, first + each - 1);
        else
            snprintf(text, size, "HBM[%u]", first);
        return text;
    }
    const char *word = target->memory_own;
    for (unsigned i = index % there; i > 0; i--)
        word += strcspn(word, " ") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(word, " "), word);
    return text;
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
