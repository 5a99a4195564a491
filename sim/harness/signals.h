// SPDX-License-Identifier: Apache-2.0
// Signals of a Verilated module, which are numbers or arrays of words, as bytes and as bits.
#ifndef MR_SIGNALS_H
#define MR_SIGNALS_H

#include "verilated.h"
#include <cstdint>
#include <cstring>

namespace {

// Elements lie in memory as ceil(bits / 8) bytes, little endian like the host; a signal's unused
// high bits must be zero.
template <uint32_t bits, class word> void load_bits(word &signal, const unsigned char *data) {
    static_assert(bits <= 8 * sizeof(word), "port header and RTL disagree about a width");
    uint64_t value = 0;
    memcpy(&value, data, (bits + 7) / 8);
    signal = static_cast<word>(bits < 64 ? value & ((uint64_t{1} << (bits & 63)) - 1) : value);
}

template <uint32_t bits, size_t words>
void load_bits(VlWide<words> &signal, const unsigned char *data) {
    static_assert((bits + 31) / 32 == words, "port header and RTL disagree about a width");
    signal[words - 1] = 0;
    memcpy(&signal[0], data, (bits + 7) / 8);
    if (bits % 32)
        signal[words - 1] &= (uint32_t{1} << (bits % 32)) - 1;
}

template <uint32_t bits, class word> void store_bits(const word &signal, unsigned char *data) {
    static_assert(bits <= 8 * sizeof(word), "port header and RTL disagree about a width");
    memcpy(data, &signal, (bits + 7) / 8);
}

template <uint32_t bits, size_t words>
void store_bits(const VlWide<words> &signal, unsigned char *data) {
    static_assert((bits + 31) / 32 == words, "port header and RTL disagree about a width");
    memcpy(data, &signal[0], (bits + 7) / 8);
}

// Calls `each(index)` for every set bit of a vector with one bit per process.
template <class word, class function> void each_bit(const word &signal, function each) {
    for (uint64_t rest = signal; rest; rest &= rest - 1)
        each(static_cast<unsigned>(__builtin_ctzll(rest)));
}

template <size_t words, class function> void each_bit(const VlWide<words> &signal, function each) {
    for (size_t w = 0; w < words; w++)
        for (uint32_t rest = signal[w]; rest; rest &= rest - 1)
            each(static_cast<unsigned>(32 * w) + static_cast<unsigned>(__builtin_ctz(rest)));
}

template <class word> bool any_bit(const word &signal) {
    return signal != 0;
}

template <size_t words> bool any_bit(const VlWide<words> &signal) {
    uint32_t all = 0;
    for (size_t w = 0; w < words; w++)
        all |= signal[w];
    return all != 0;
}

} // namespace

#endif
