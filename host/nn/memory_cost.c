// SPDX-License-Identifier: Apache-2.0
// Memories of operators and channels, as hlsc and the RTL will form them (memory_shape.h).
#include "op.h"

static void add(enum mr_storage storage, uint64_t words, uint64_t bits, uint64_t copies,
                struct mr_memory_use *use) {
    const struct mr_memory_shape shape = {words, 1, bits, 1, 0};

    mr_memory_add(storage, &shape, copies, use);
}

void mr_memory_fifo(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies) {
    enum { DISTRIBUTED_WORDS = 64 };

    add(words <= DISTRIBUTED_WORDS ? MR_STORAGE_LUTRAM : MR_STORAGE_BRAM, words, bits, copies, use);
}

void mr_memory_expect(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies) {
    add(mr_storage_choose(words, bits), words, bits, copies, use);
}

void mr_memory_table(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies) {
    add(MR_STORAGE_BRAM, words, bits, copies, use);
}

void mr_memory_lut(struct mr_memory_use *use, uint64_t words, uint64_t bits, uint64_t copies) {
    add(MR_STORAGE_LUTRAM, words, bits, copies, use);
}
