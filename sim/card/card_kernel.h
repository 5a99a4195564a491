// SPDX-License-Identifier: Apache-2.0
// The kernel `millrace` with its AXI ports as a shared object: what the emulated card loads. It has
// one register window and reads and writes the card's memory. Time passes only inside these calls.
//
// Functions return 0, or -1 with a sentence in error; after that the kernel is of no use any more.
#ifndef MR_CARD_KERNEL_H
#define MR_CARD_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_CARD_ABI 1u

// Where the host sees the register window of the emulated card.
#define MR_CARD_REGISTER_BASE UINT64_C(0x1800000)

// The card's process finds its connection to the host there, when the host did not leave a name.
#define MR_CARD_FD_VARIABLE "MILLRACE_CARD_FD"

struct mr_card_memory {
    unsigned char *data;
    // Addresses base to base + size - 1, in banks: one of gmem_in, one of gmem_out, and one of each
    // memory of the network (mr_card_bank_size). A port answers DECERR to addresses of others.
    uint64_t base, size;
};

// Bytes of a bank: a whole part of the memory.
static inline uint64_t mr_card_bank_size(uint64_t memory_size, unsigned memories) {
    unsigned banks = 2;
    while (banks < 2 + memories)
        banks *= 2;
    return memory_size / banks;
}

struct mr_card_options {
    struct mr_card_memory memory;
    uint64_t seed;
    // AXI as the kernel sees it: cycles from an address to its first data, at least and at most,
    // and the chance in 1/256 per cycle that a channel holds back.
    uint32_t latency_least, latency_most, stall_chance;
    // SLVERR for the n-th read or write burst, counted from 1; 0: never.
    uint64_t bad_read, bad_write;
    const char *trace; // waveform (FST) to write, or NULL
};

struct mr_card_kernel {
    uint32_t abi; // MR_CARD_ABI
    // NULL on failure.
    void *(*open)(const struct mr_card_options *options, char *error, size_t error_size);
    // One word of the register window; offset is a multiple of 4.
    int (*write)(void *instance, uint32_t offset, uint32_t value, char *error, size_t error_size);
    int (*read)(void *instance, uint32_t offset, uint32_t *value, char *error, size_t error_size);
    // So many cycles. active: whether the kernel moved data in them.
    int (*advance)(void *instance, uint32_t cycles, bool *active, char *error, size_t error_size);
    uint64_t (*cycles)(const void *instance); // since reset
    void (*close)(void *instance);            // NULL is legal
};

// The shared object's only export.
const struct mr_card_kernel *mr_card_describe(void);

#endif
