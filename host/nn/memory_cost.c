// SPDX-License-Identifier: Apache-2.0
// Memory estimates for UltraScale+: shapes from AMD's UG573 (block RAM, UltraRAM) and UG574 (LUT as
// memory).
#include "op.h"

#include <string.h>

static uint64_t pieces(uint64_t words, uint64_t bits, uint64_t piece_words, uint64_t piece_bits) {
    return (words / piece_words + (words % piece_words != 0)) *
           (bits / piece_bits + (bits % piece_bits != 0));
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t block_ram_halves(uint64_t words, uint64_t bits) {
    uint64_t best = pieces(words, bits, 512, 36);
    best = least(best, pieces(words, bits, 1024, 18));
    best = least(best, pieces(words, bits, 2048, 9));
    best = least(best, pieces(words, bits, 4096, 4));
    best = least(best, pieces(words, bits, 8192, 2));
    return least(best, pieces(words, bits, 16384, 1));
}

int mr_memory_cost(const char *impl, uint64_t words, uint64_t bits, uint64_t copies,
                   struct mr_memory_use *use) {
    if (strcmp(impl, "bram") == 0 || strcmp(impl, "rom") == 0)
        use->bram18 += copies * block_ram_halves(words, bits);
    else if (strcmp(impl, "uram") == 0)
        use->uram += copies * pieces(words, bits, 4096, 72);
    else if (strcmp(impl, "lutram") == 0)
        use->lut += copies * 8 * least(pieces(words, bits, 32, 14), pieces(words, bits, 64, 7));
    else
        return -1;
    return 0;
}

void mr_memory_expect(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies) {
    enum { DISTRIBUTED_WORDS = 64 };

    mr_memory_cost(words <= DISTRIBUTED_WORDS ? "lutram" : "bram", words, bits, copies, use);
}
