// SPDX-License-Identifier: Apache-2.0
// What hlsc knows of a family of FPGAs: its clock and delays, its multipliers and memories.
#ifndef HLSC_TARGET_H
#define HLSC_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct target {
    const char *name; // as --target has it
    int clock_mhz;    // the design clock

    // All in ns. Nothing of a cycle may take more than `budget`, the period less what routing adds
    // to the delays below.
    double budget;
    double register_out; // from the clock's edge to a register's output
    double memory_out;   // more than that, of a memory
    double crossing;     // on the way out of a tile
    double following;    // to choose between a word that was read and one that is written meanwhile
    double lut;          // a LUT and the way to it
    int lut_inputs;
    double pick; // a LUT that picks one of several words, by so many bits of their number
    int pick_bits;
    double table; // a read of a table of 2^table_bits words in LUTs
    int table_bits;
    double field;                    // a number out of the word of a stream
    double sum, sum_bit;             // by a chain of carries: its ends, and each bit
    double magnitude, magnitude_bit; // of a comparison by it

    // Operands of a multiplier, signed, and the pieces into which longer ones are cut.
    int narrow, wide, narrow_piece, wide_piece;
    int logic_product;    // of so many bits, and fewer, a product is logic, for Yosys
    bool pairs_products;  // two products of 8 bits can take one multiplier (pairs.c)
    bool product_outside; // the register behind a product is none of the multiplier's

    bool has_lutram;
    bool has_true_dual_port;
    bool large_has_one_port; // its largest memories (impl=uram) have one address for all
    int64_t large_bits;      // of an array without has_lutram that lies there unasked
};

// NULL: there is none of that name.
const struct target *target_find(const char *name);
// All of them; NULL: there are no more. Number 0 is that of a compilation that names none.
const struct target *target_at(int i);

#endif
