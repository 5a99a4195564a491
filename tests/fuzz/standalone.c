// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: NAME_fuzz COUNT SEED FILE... mutates the files COUNT
// times. SEED 0 takes the clock. The same seed gives the same inputs; it is printed first.
#include "file.h"
#include "fuzz.h"
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Positions near the front are likelier, as headers stand there.
static size_t place(uint64_t *state, size_t size) {
    size_t limit = size;

    for (uint64_t cuts = random_bits(state) % 12; cuts > 0 && limit > 64; cuts--)
        limit /= 2;
    return (size_t)(random_bits(state) % limit);
}

static size_t mutate(uint64_t *state, unsigned char *data, size_t size) {
    static const unsigned char special[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', '-', '9'};

    for (uint64_t edits = 1 + random_bits(state) % 8; edits > 0 && size > 0; edits--) {
        size_t at = place(state, size);
        size_t length = 1 + (size_t)(random_bits(state) % 16);
        if (length > size - at)
            length = size - at;
        switch (random_bits(state) % 7) {
        case 0:
            data[at] ^= (unsigned char)(1u << random_bits(state) % 8);
            break;
        case 1:
            data[at] = (unsigned char)random_bits(state);
            break;
        case 2:
            data[at] = special[random_bits(state) % sizeof special];
            break;
        case 3: // leave some bytes out
            memmove(data + at, data + at + length, size - at - length);
            size -= length;
            break;
        case 4: // copy some bytes elsewhere
            memmove(data + at, data + place(state, size - length + 1), length);
            break;
        case 5:
            memset(data + at, (int)(random_bits(state) % 3 * 127), length);
            break;
        default: // cut off, but not always
            if (random_bits(state) % 4 == 0)
                size = at;
        }
    }
    return size;
}

int main(int count, char **words) {
    if (count < 4) {
        fprintf(stderr, "usage: %s COUNT SEED FILE...\n", words[0]);
        return 2;
    }
    unsigned long rounds = strtoul(words[1], NULL, 0);
    uint64_t seed = strtoull(words[2], NULL, 0);

    if (seed == 0)
        seed = (uint64_t)time(NULL);
    printf("%s: %lu inputs, seed %llu\n", words[0], rounds, (unsigned long long)seed);
    fflush(stdout);
    for (int i = 3; i < count; i++) {
        unsigned char *data;
        size_t size;
        char error[256];
        if (mr_file_read(words[i], (size_t)1 << 30, &data, &size, error, sizeof error) != 0) {
            fprintf(stderr, "%s\n", error);
            return 2;
        }
        LLVMFuzzerTestOneInput(data, size);
        unsigned long share = rounds / (unsigned long)(count - 3);
        for (unsigned long k = 0; k < share; k++) {
            // A block of the exact size lets the sanitizer see a read one byte too far.
            uint64_t state = seed + k;
            unsigned char *copy = malloc(size + 1);
            if (!copy)
                return 2;
            memcpy(copy, data, size);
            size_t left = mutate(&state, copy, size);
            unsigned char *exact = malloc(left ? left : 1);
            if (!exact)
                return 2;
            memcpy(exact, copy, left);
            free(copy);
            LLVMFuzzerTestOneInput(exact, left);
            free(exact);
        }
        free(data);
    }
    return 0;
}
