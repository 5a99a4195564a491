// SPDX-License-Identifier: Apache-2.0
// What an engine's layers are calculated with, once for each kind of processor: sums of products,
// and the cells behind them. A kernel works on vectors of `width` numbers of 32 bits, one of each
// of so many units.
//
// A sum of products of 16 bits has up to 39 bits and a sign (host/nn/rows.h). An activation is
// split, v = 256 high + low with low from -128 to 127, and the products with either are summed in
// 32 bits, from parts of the bias on. As sum |w| < 2^24, the low part fits. The high one may reach
// 2^31 and wrap: it is right modulo 2^32, and so is
//   (256 high + low) >> shift = (high + (low >> 8)) >> (shift - 8)
// for shifts of 8 and more, in which high + (low >> 8) has 32 bits as the sum has 40.
// Columns of 8 bits (host/nn/precision.h) have a high part alone: S = 256 sum + bias.
//
// Of several rows, half of the second sum is enough. Products of 16 bits, summed in 32, give S
// modulo 2^32; products of the upper bytes alone, at a quarter of the cost where there is a product
// of bytes, tell E, from which 2^16 E is within 2^31 of S. With
//   v = 256 (p - 128) + 128 + q   p from 0 to 255, q from -128 to 127
//   w = 256 t + l                 t from -128 to 127, l from -128 to 127, but to 255 for t = 127
//   E = sum p t - 128 sum t + floor(sum t / 2)
// S - 2^16 E is at most 2^15 from sum (256 q t + v l), so at most 2^15 (1 + sum (|t| + |l|)):
// pieces of a row whose |t| + |l| sum up to MR_PIECE_MOST hold that, 171 columns of any weights do.
// Then
//   high = E << 8, low = (S - (E << 16)) modulo 2^32, with its sign.
//
// Of many rows, where there are tiles, all four products of bytes are summed apart, as upper ones
// have a sign and lower ones have none: v = 256 a + b, w = 256 c + d, and 2^16 times the lower ones
// is all that 32 bits hold of them, for as many columns as there may be,
//   S = 2^16 sum a c + 2^8 (sum a d + sum b c) + sum b d
// Of weights of 8 bits there are two, of upper and of lower bytes with them.
//
// Where a product of bytes gives sums of two in 16 bits, these saturate. Of weights w + 128, from 0
// to 255, they do not if the two columns' sum is at most 128 and at least -128: columns that have
// one sign, for with two of them one product takes away from the other. Of other pairs a half is
// multiplied with all columns, and the rest once more. 128 times the sum of all columns is too much
// then, which is a row's own number.
#ifndef MR_ENGINE_KERNELS_H
#define MR_ENGINE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_cuts;

// How columns are multiplied.
enum mr_product {
    MR_PRODUCT_SPLIT,  // pairs of 16 bits by pairs of highs and of lows
    MR_PRODUCT_WRAPS,  // pairs of 16 bits by themselves, and four tops by four p: with bytes alone
    MR_PRODUCT_HALVES, // four upper and four lower bytes, by those of weights: in tiles
    // Columns of 8 bits. Each kind of kernels has one of these:
    MR_PRODUCT_PAIRS,  // pairs of 16 bits
    MR_PRODUCT_SHORTS, // four weights of 8 bits, which are 128 more than they are, by four columns,
                       // in two sums of 16 bits each, which saturate
    MR_PRODUCT_BYTES   // four weights of 8 bits by four columns, which are 128 more than they are
};

enum {
    MR_PANEL = 4, // vectors of sums that are calculated together
    MR_PIECE_MOST = 65534,
    // Columns of any weights of which some may be added to what the others left, narrowed or not.
    MR_WRAPPED_WHOLE = 170,
    // What pays by tiles (docs/decisions.md): so many rows, and for MR_PRODUCT_HALVES so many times
    // four columns of all of them.
    MR_TILE_ROWS_LEAST = 8,
    MR_TILE_FOURS_LEAST = 128,
    MR_TILE_FOURS = 16 // of a tile
};

// Columns in a group: of 32 bits.
static inline int mr_in_group(enum mr_product product) {
    return product == MR_PRODUCT_BYTES || product == MR_PRODUCT_SHORTS ? 4 : 2;
}

// Weights of sums: [blocks][room][MR_PANEL][width] groups; of columns there are `groups`, and zeros
// behind them. A group is two columns, or four bytes: 32 bits.
struct mr_panel {
    int blocks, groups, room;
    const void *weights;
    // MR_PRODUCT_WRAPS, NULL where there is none: t of four columns, [blocks][fours][MR_PANEL]
    // [width]; and what E begins with in each piece of so many fours, [blocks][pieces][MR_PANEL]
    // [width].
    const void *tops;
    const int32_t *start;
    int piece;
    // MR_PRODUCT_HALVES: bytes of four columns, [blocks][halves][whole tiles of fours][MR_PANEL]
    // [width]. halves: 2, upper ones and then lower ones; 1, weights of 8 bits; 0, there are none.
    const void *bytes;
    int halves;
    // [blocks][MR_PANEL] where the sums of a vector are in a row of sums, in vectors. Vectors of
    // padding go to a place of their own behind the others.
    const uint16_t *place;
};

static inline int mr_panel_fours(const struct mr_panel *panel) {
    return (panel->groups + 1) / 2;
}

static inline int mr_panel_pieces(const struct mr_panel *panel) {
    return (mr_panel_fours(panel) + panel->piece - 1) / panel->piece;
}

// Numbers of 32 bits of a half of a block, of weights of so wide a kernel in whole tiles.
static inline size_t mr_panel_half(const struct mr_panel *panel, int width) {
    const int tiles = (mr_panel_fours(panel) + MR_TILE_FOURS - 1) / MR_TILE_FOURS;

    return (size_t)(tiles * MR_TILE_FOURS) * MR_PANEL * (size_t)width;
}

// Numbers of 32 bits of a block, of weights of so wide a kernel.
static inline size_t mr_panel_block(const struct mr_panel *panel, int width) {
    return (size_t)panel->room * MR_PANEL * (size_t)width;
}

// Columns: [rows][stride] groups. low: NULL where columns have a high part alone. For
// MR_PRODUCT_WRAPS p of four, and the numbers as they are; for MR_PRODUCT_HALVES a and b of four.
// For MR_PRODUCT_SHORTS of MR_BESIDE_GROUPS each, in the place of their lows, a struct mr_beside.
struct mr_columns {
    const int32_t *high, *low;
    size_t stride;
};

enum { MR_BESIDE_GROUPS = 16 };
struct mr_beside {
    uint32_t sum;                   // -128 times these columns' sum
    uint32_t which;                 // groups that have a rest, from the lowest bit on
    int32_t rest[MR_BESIDE_GROUPS]; // of those
};
_Static_assert(sizeof(struct mr_beside) <= 2 * MR_BESIDE_GROUPS * sizeof(int32_t), "finds room");

// Sums: [rows][stride] numbers; of vector v 2 width numbers, the high part before the low one.
// Where they begin: `from`, with a stride of its own (0: all rows alike). Columns that have a high
// part alone leave the low parts, which are those of the bias wherever sums are kept. Of eight rows
// and more of them no sums begin with those that are written.
struct mr_sums {
    const int32_t *from;
    size_t from_stride;
    int32_t *to;
    size_t to_stride;
    // MR_PRODUCT_WRAPS: nothing is added to them, or no more than MR_WRAPPED_WHOLE columns with
    // theirs, so low parts may have any size; else they are made to have 8 bits, for what wraps
    // adds to such ones.
    bool end;
};

// How sums become arguments, [sums][width] each, of a vector of sums those of its place. A shift
// below 8 is one to the left: ((high + (low >> 8)) << left) + ((low & 255) >> (8 - left)).
struct mr_scales {
    const int32_t *right, *left;
    bool has_left; // any
    // Of columns that have a high part alone, where no sum that is shifted to the left has more
    // than 32 bits: (low & 255) >> (8 - left), which the bias gives. NULL: low parts are read.
    const int32_t *rest;
};

// Of a function's segments in rising order slope << MR_BASE_BITS | base (activation.h), which is
// MR_BASE_HALF more than it is, half of a result's last place, and q slopes less: an argument's
// lowest 12 bits, as a number with a sign, are its fraction and q times 1,024.
enum { MR_SEGMENTS = 1024, MR_BASE_BITS = 18, MR_BASE_HALF = 2 };
struct mr_tables {
    uint32_t sigmoid[MR_SEGMENTS], tanh[MR_SEGMENTS];
};

// Activations that a kernel can have in the place of its own: tables, and max(0, min(1, x)).
enum mr_curve { MR_CURVE_SIGMOID, MR_CURVE_TANH, MR_CURVE_HARD };

// Units of a layer in one lane.
struct mr_units {
    const int32_t *sums;   // a row of them
    const int32_t *x_sums; // of a cell that keeps sums over x and over h apart: the former
    const struct mr_scales *scales;
    const struct mr_tables *tables;
    enum mr_curve gate, g; // of gates, and of the candidate
    // Peepholes of i, f and o, [units] each, and by how much the products with the state are
    // shifted, 14 or more.
    const int32_t *seen[3];
    int seen_shift;
    int vectors;   // of units
    int exponent;  // of cell states
    int16_t *h;    // [units] the state, and what becomes of it
    int32_t *cell; // [units] likewise, or NULL
    int16_t *out;  // [units] h too; of a cell with late gates what these take for it
    struct mr_cuts *cuts;
};

// A step of some rows of a layer whose blocks are its vectors of units: all products, with x and
// with h, and the cells at once, so that sums stay in registers. In its units h, cell and out are
// those of the first row, and sums those of the bias.
struct mr_step {
    struct mr_panel x, h;
    struct mr_columns of_x, of_h;
    const int32_t *start;      // MR_PRODUCT_WRAPS: as that of a panel, of x and h as one piece
    size_t stride, out_stride; // from row to row of h and cell, and of out
};

// Rows of numbers, of which whole vectors can be read.
struct mr_numbers {
    const int16_t *first;
    size_t stride, rows;
    int count; // of a row
};

// Numbers to groups: [rows][stride]; the groups behind them are not changed.
typedef void mr_columns_kernel(const struct mr_numbers *from, int32_t *high, int32_t *low,
                               size_t stride);
typedef void mr_unit_kernel(const struct mr_units *units);
typedef void mr_step_kernel(enum mr_product product, const struct mr_step *step,
                            const struct mr_units *units, size_t rows);

struct mr_kernels {
    const char *name;
    int width;
    enum mr_product bytes; // of columns of 8 bits
    bool has_wraps;        // MR_PRODUCT_WRAPS
    int fours;             // groups of bytes of which a block has room for whole multiples
    // Highs and lows, and columns of 8 bits (precision.h), which have no low; NULL: no wraps, or no
    // tiles.
    mr_columns_kernel *split, *narrow, *wrap, *halve;
    void (*sum)(enum mr_product product, const struct mr_panel *panel,
                const struct mr_columns *columns, const struct mr_sums *sums, size_t rows);
    // Cells: sums i, f, g, o; r, z, n over x, n over h; r, z, n; and one. `other`: with activations
    // that are not the cell's own, `weighed`: r h, which n of that GRU takes for h.
    // Columns that have a high part alone have scales with `rest`; others wrap where there are
    // bytes.
    mr_step_kernel *lstm_step;
    mr_unit_kernel *lstm, *lstm_other, *lstm_peephole, *gru, *gru_other, *gru_reset_first, *weighed,
        *rnn_tanh, *rnn_relu;
    // What a thread calls behind its part of a run, as it may hold registers till then; or NULL.
    void (*release)(void);
};

extern const struct mr_kernels mr_kernels_plain;
#if defined __x86_64__
extern const struct mr_kernels mr_kernels_avx2, mr_kernels_avxvnni, mr_kernels_avx512,
    mr_kernels_amx;
#endif

// Those for this processor, or that MILLRACE_CPU names. NULL with a sentence in error: it names
// none, or one that this processor has not.
const struct mr_kernels *mr_kernels_choose(char *error, size_t error_size);
// All that this processor can run, by place; NULL at the end.
const struct mr_kernels *mr_kernels_at(size_t index);

#endif
