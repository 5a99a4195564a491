// SPDX-License-Identifier: Apache-2.0
// The kernels of an engine (kernels.h), in words of vectors, which the file that includes this one
// defines for its processor:
//   TABLE, NAME  the struct mr_kernels that it gives, and its name
//   KERNEL       before each function that others call, FN before each that is a part of these
//   HAS_BYTES    1 where there is a product of bytes in 32 bits, else 0
//   HAS_SHORTS   1 where there is none but MR_PRODUCT_SHORTS, else 0
//   W, V         numbers of 32 bits in a vector, and its type
//   ROWS_MAX     rows whose sums are in registers together, of one block, 2 to 4;
//   SPLIT_ROWS   likewise of MR_PRODUCT_SPLIT, 1 to ROWS_MAX
//   WRAPS_ROWS   likewise of MR_PRODUCT_WRAPS and of WRAPS_VECTORS of a block: 2 or 3, of 2 or 4;
//                HAS_BYTES
//   BLOCKS_MAX   blocks likewise, 1 or 2, of one row; SPLIT_BLOCKS of MR_PRODUCT_SPLIT
//   CELL_ROWS    rows whose cells are calculated together, ROWS_MAX to 4
//   v_all(n), v_load(p), v_store(p, v)
//   v_add, v_sub, v_mul (low 32 bits), v_and, v_min, v_max
//   v_mul15(a, b)                    of a from 0 to 2^15 - 1 and b of 16 bits, at half the cost
//   v_left(v, n), v_right(v, n)      by a constant; v_lefts, v_rights, v_downs: by a vector each,
//                                    downs without sign
//   v_pairs(sum, w, a)               adds w[2 i] a[2 i] + w[2 i + 1] a[2 i + 1] of 16 bits
//   v_bytes(sum, w, a)               likewise of four bytes, those of a without sign; HAS_BYTES
//   v_shorts(sum, w, a)              likewise, those of w without sign, two sums in 16 bits, which
//                                    may saturate; HAS_SHORTS
//   KEEP(v)                          v is in a register here
//   v_load16(p), v_store16(p, v)     numbers of 16 bits
//   H, h_all, h_load, h_store, h_add, h_sub, h_and, h_min, h_left, h_right  of 2 W of these;
//   h_store_bytes(p, v)              the lowest 8 bits of each; HAS_BYTES and HAS_SHORTS
//   v_at(table, v)                   table[v[i]]
//   v_differ(a, b)                   whether any number does
// All wrap; nothing else saturates.
#include "arithmetic.h"

#include <string.h>

#if defined __clang__
#    define UNROLL _Pragma("clang loop unroll(full)")
#else
#    define UNROLL _Pragma("GCC unroll 8")
#endif

#if HAS_BYTES
#    define NARROW MR_PRODUCT_BYTES
#elif HAS_SHORTS
#    define NARROW MR_PRODUCT_SHORTS
#else
#    define NARROW MR_PRODUCT_PAIRS
#endif

#define APART __attribute__((noinline)) KERNEL // never a part of others

#include "kernels_sums.h"

// ---- cells

enum { LEFT_ROOM = 29 }; // bits of what was shifted left, which no argument has

// A sum as an argument, not cut yet: exact in 27 bits, and beyond these where it is.
FN V argument_of(const struct mr_scales *scales, int place, V high, V low) {
    V sum = v_add(high, v_right(low, 8));

    if (scales->has_left) {
        const V left = v_load(scales->left + place * W);
        const V is_left = v_right(v_sub(v_all(0), left), 31); // all ones, or 0
        const V most =
            v_downs(v_all(INT32_MAX), v_and(is_left, v_add(left, v_all(31 - LEFT_ROOM))));
        sum = v_max(v_min(sum, most), v_sub(v_all(0), most));
        const V rest = v_downs(v_and(low, v_all(255)), v_sub(v_all(8), left));
        sum = v_add(v_lefts(sum, left), rest);
    }
    return v_rights(sum, v_load(scales->right + place * W));
}

// The same of a high part alone.
FN V argument_of_high(const struct mr_scales *scales, int place, V high) {
    if (scales->has_left)
        high = v_add(v_lefts(high, v_load(scales->left + place * W)),
                     v_load(scales->rest + place * W));
    return v_rights(high, v_load(scales->right + place * W));
}

FN V argument(const struct mr_units *units, const int32_t *sums, int place) {
    const int32_t *of = sums + place * 2 * W;

    return units->scales->rest ? argument_of_high(units->scales, place, v_load(of))
                               : argument_of(units->scales, place, v_load(of), v_load(of + W));
}

FN V cut(V v, int bits) {
    return v_max(v_min(v, v_all((1 << (bits - 1)) - 1)), v_all(-(1 << (bits - 1))));
}

// Q15 of an argument of 20 bits. The line is calculated times 16, so that no bits of a segment must
// be masked, nor those of the argument (kernels.h).
FN V interpolate(const uint32_t *table, V argument) {
    const V segment = v_at(table + MR_SEGMENTS / 2, v_right(argument, 10));
    const V base = v_left(segment, 32 - MR_BASE_BITS);
    const V slope = v_downs(segment, v_all(MR_BASE_BITS));

    return v_right(v_pairs(base, slope, v_left(argument, 4)), 16);
}

// The same of one that may have any size.
FN V look_up(const uint32_t *table, V argument) {
    return interpolate(table, cut(argument, 20));
}

// (a b + 2^14) >> 15 of a from 0 to 2^15 - 1 and b of 28 bits. The product may have more than 32,
// so b's lowest 12 bits go apart; the floor of a floor is the floor.
FN V rest_of(V a, V b) {
    return v_pairs(v_all(1 << 14), a, v_and(b, v_all((1 << 12) - 1)));
}

FN V scaled_with(V a, V b, V rest) {
    return v_right(v_pairs(rest, a, v_right(b, 12)), 3);
}

FN V scaled(V a, V b) {
    return scaled_with(a, b, v_right(rest_of(a, b), 12));
}

// What was cut of cell states, in one count.
FN void count_cuts(struct mr_cuts *cuts, V whole, V kept) {
    int32_t a[W], b[W];

    v_store(a, whole);
    v_store(b, kept);
    for (int i = 0; i < W; i++) {
        cuts->count += a[i] != b[i];
        cuts->past += (uint64_t)(a[i] > b[i] ? a[i] - b[i] : b[i] - a[i]);
    }
}

// One of the activations, in Q15.
FN V curve_of(const struct mr_units *units, enum mr_curve curve, V argument) {
    if (curve == MR_CURVE_HARD)
        return v_max(v_min(argument, v_all(INT16_MAX)), v_all(0));
    return look_up(curve == MR_CURVE_TANH ? units->tables->tanh : units->tables->sigmoid, argument);
}

// What a gate sees of a cell state: (p cell + half) >> shift of numbers of 18 and of 24 bits, which
// has 28.
FN V seen(const struct mr_units *units, int gate, int n, V cell) {
    const V p = v_load(units->seen[gate] + n * W);
    const int half = 1 << (units->seen_shift - 13); // 4096 of it
    const V low = v_mul(p, v_and(cell, v_all((1 << 12) - 1)));
    const V high = v_add(v_mul(p, v_right(cell, 12)), v_all(half));

    return v_rights(v_add(high, v_right(low, 12)), v_all(units->seen_shift - 12));
}

// The argument of a gate with a peephole. It is cut where the sum is far beyond all tables.
FN V seeing(const struct mr_units *units, bool sees, int sum, int gate, int n, V cell) {
    const V own = argument(units, units->sums, sum);

    return sees ? v_add(cut(own, 30), seen(units, gate, n, cell)) : own;
}

// (host/nn/ops/lstm.c) c', not cut yet.
FN V next_cell(int exponent, V i, V f, V g, V before) {
    const V product = v_mul15(i, g), below = rest_of(f, before);
    // Twice the product, less the exponent, is added; which may have 32 bits alone.
    const V rest = exponent ? v_right(v_add(below, v_rights(product, v_all(exponent - 1))), 12)
                            : v_right(v_add(v_right(below, 1), product), 11);

    return scaled_with(f, before, rest);
}

// h' of o and of c', not cut: a tanh has reached its end where its argument ends.
FN V next_h(const struct mr_tables *tables, int exponent, V o, V whole) {
    const int32_t most = (1 << (19 - exponent)) - 1;
    const V near = v_max(v_min(whole, v_all(most)), v_all(-most - 1));
    const V squashed = interpolate(tables->tanh, v_lefts(near, v_all(exponent)));

    return v_right(v_pairs(v_all(1 << 14), o, squashed), 15);
}

FN void lstm_of(const struct mr_units *units, enum mr_curve gate, enum mr_curve of_g, bool sees) {
    for (int n = 0; n < units->vectors; n++) {
        int32_t *cell = units->cell + n * W;
        const V before = v_load(cell);
        const V i = curve_of(units, gate, seeing(units, sees, 4 * n, 0, n, before));
        const V f = curve_of(units, gate, seeing(units, sees, 4 * n + 1, 1, n, before));
        const V g = curve_of(units, of_g, argument(units, units->sums, 4 * n + 2));
        const V whole = next_cell(units->exponent, i, f, g, before), kept = cut(whole, 24);
        const V o = curve_of(units, gate, seeing(units, sees, 4 * n + 3, 2, n, kept));
        if (v_differ(whole, kept))
            count_cuts(units->cuts, whole, kept);
        v_store(cell, kept);
        const V h = next_h(units->tables, units->exponent, o, whole);
        v_store16(units->h + n * W, h);
        v_store16(units->out + n * W, h);
    }
}

KERNEL void lstm(const struct mr_units *units) {
    lstm_of(units, MR_CURVE_SIGMOID, MR_CURVE_TANH, false);
}

KERNEL void lstm_other(const struct mr_units *units) {
    lstm_of(units, units->gate, units->g, false);
}

KERNEL void lstm_peephole(const struct mr_units *units) {
    lstm_of(units, units->gate, units->g, true);
}

// Arguments of some vectors of a block from vector `vector` on, of some rows from `first` on, from
// place `to` on.
FN void lstm_arguments(const int rows, const int vectors, const enum mr_product product,
                       const struct mr_step *step, const struct mr_units *units, int block,
                       const int vector, size_t first, V (*arguments)[CELL_ROWS], const int to) {
    const bool wraps = product == MR_PRODUCT_WRAPS, is_split = product == MR_PRODUCT_SPLIT;
    const int from = block * MR_PANEL + vector;
    const int32_t *bias = units->sums + (size_t)from * 2 * W;
    V high[MR_PANEL][ROWS_MAX], low[MR_PANEL][ROWS_MAX];

    UNROLL
    for (int v = 0; v < vectors; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            high[v][r] = v_load(wraps ? step->start + (from + v) * W : bias + 2 * v * W);
            if (wraps || is_split)
                low[v][r] = v_load(bias + 2 * v * W + W);
        }
    }
#if HAS_BYTES
    if (wraps) {
        wrap_columns(rows, &step->x, block, vector, 0, mr_panel_fours(&step->x), &step->of_x, first,
                     high, low);
        wrap_columns(rows, &step->h, block, vector, 0, mr_panel_fours(&step->h), &step->of_h, first,
                     high, low);
    }
#endif
    if (!wraps) {
        sum_columns(1, rows, false, product, &step->x, block, &step->of_x, first, high, low);
        sum_columns(1, rows, false, product, &step->h, block, &step->of_h, first, high, low);
    }
    UNROLL
    for (int v = 0; v < vectors; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            if (wraps) {
                low[v][r] = v_sub(low[v][r], v_left(high[v][r], 16));
                high[v][r] = v_add(v_left(high[v][r], 8), v_load(bias + 2 * v * W));
            }
            arguments[vector + v][to + r] =
                wraps || is_split ? argument_of(units->scales, from + v, high[v][r], low[v][r])
                                  : argument_of_high(units->scales, from + v, high[v][r]);
        }
    }
}

// The cells of a block's units, of some rows, from their arguments. Stage by stage, for a row waits
// for its tables.
FN void lstm_cells(const int rows, const struct mr_step *step, const struct mr_units *units,
                   int block, size_t first, V (*of)[CELL_ROWS]) {
    const struct mr_tables *const tables = units->tables;
    const int exponent = units->exponent;
    int32_t *const cell = units->cell;
    int16_t *const to_h = units->h, *const out = units->out;
    const size_t stride = step->stride, out_stride = step->out_stride;
    V whole[CELL_ROWS];

    UNROLL
    for (int r = 0; r < rows; r++) {
        int32_t *at = cell + (first + (size_t)r) * stride + (size_t)block * W;
        const V i = look_up(tables->sigmoid, of[0][r]);
        const V f = look_up(tables->sigmoid, of[1][r]);
        const V g = look_up(tables->tanh, of[2][r]);
        whole[r] = next_cell(exponent, i, f, g, v_load(at));
        const V kept = cut(whole[r], 24);
        if (v_differ(whole[r], kept))
            count_cuts(units->cuts, whole[r], kept);
        v_store(at, kept);
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        const size_t row = first + (size_t)r, at = (size_t)block * W;
        const V h = next_h(tables, exponent, look_up(tables->sigmoid, of[3][r]), whole[r]);
        v_store16(to_h + row * stride + at, h);
        v_store16(out + row * out_stride + at, h);
    }
}

// Some rows and one block: sums, and the cells from these.
FN void lstm_rows(const int rows, const enum mr_product product, const struct mr_step *step,
                  const struct mr_units *units, int block, size_t first) {
    const int together = rows_of(product);
    const int vectors = product == MR_PRODUCT_WRAPS ? WRAPS_VECTORS : MR_PANEL;
    V of[MR_PANEL][CELL_ROWS];

    UNROLL
    for (int v = 0; v < MR_PANEL; v += vectors) {
        UNROLL
        for (int r = 0; r < rows; r += together)
            lstm_arguments(rows - r < together ? rows - r : together, vectors, product, step, units,
                           block, v, first + (size_t)r, of, r);
    }
    lstm_cells(rows, step, units, block, first, of);
}

FN void lstm_blocks(const enum mr_product product, const struct mr_step *step,
                    const struct mr_units *units, size_t rows) {
    const int most = product == MR_PRODUCT_WRAPS ? WRAPS_ROWS : CELL_ROWS;

    for (int block = 0; block < units->vectors; block++) {
        size_t r = 0;
        for (; rows - r >= (size_t)most && rows - r != (size_t)most + 1; r += (size_t)most)
            lstm_rows(most, product, step, units, block, r);
        for (; most > 3 && rows - r >= 3; r += 3)
            lstm_rows(3, product, step, units, block, r);
        for (; most > 2 && rows - r >= 2; r += 2)
            lstm_rows(2, product, step, units, block, r);
        for (; r < rows; r++)
            lstm_rows(1, product, step, units, block, r);
    }
}

// Each a function of its own, or gcc keeps sums of one in memory for those of the other.
APART void lstm_step_wide(const struct mr_step *step, const struct mr_units *units, size_t rows) {
    lstm_blocks(HAS_BYTES ? MR_PRODUCT_WRAPS : MR_PRODUCT_SPLIT, step, units, rows);
}

APART void lstm_step_narrow(const struct mr_step *step, const struct mr_units *units, size_t rows) {
    lstm_blocks(NARROW, step, units, rows);
}

KERNEL void lstm_step(enum mr_product product, const struct mr_step *step,
                      const struct mr_units *units, size_t rows) {
    if (product == NARROW)
        lstm_step_narrow(step, units, rows);
    else
        lstm_step_wide(step, units, rows);
}

// (host/nn/ops/gru.c) (1 - z) n + z h, in 32 bits as z is from 0 to 1.
FN void mix(const struct mr_units *units, int n, V z, V fresh) {
    const V h = v_load16(units->h + n * W);
    const V mixed = v_add(v_left(fresh, 15), v_mul(z, v_sub(h, fresh)));
    const V mix = v_right(v_add(mixed, v_all(1 << 14)), 15);

    v_store16(units->h + n * W, mix);
    v_store16(units->out + n * W, mix);
}

FN void gru_of(const struct mr_units *units, enum mr_curve gate, enum mr_curve of_n) {
    for (int n = 0; n < units->vectors; n++) {
        const V r = curve_of(units, gate, argument(units, units->sums, 4 * n));
        const V z = curve_of(units, gate, argument(units, units->sums, 4 * n + 1));
        const V over_x = cut(argument(units, units->x_sums, 4 * n + 2), 27);
        const V over_h = cut(argument(units, units->sums, 4 * n + 3), 27);
        mix(units, n, z, curve_of(units, of_n, v_add(over_x, scaled(r, over_h))));
    }
}

KERNEL void gru(const struct mr_units *units) {
    gru_of(units, MR_CURVE_SIGMOID, MR_CURVE_TANH);
}

KERNEL void gru_other(const struct mr_units *units) {
    gru_of(units, units->gate, units->g);
}

KERNEL void weighed(const struct mr_units *units) {
    for (int n = 0; n < units->vectors; n++) {
        const V r = curve_of(units, units->gate, argument(units, units->sums, 3 * n));
        const V product = v_pairs(v_all(1 << 14), r, v_load16(units->h + n * W));
        v_store16(units->out + n * W, v_right(product, 15));
    }
}

KERNEL void gru_reset_first(const struct mr_units *units) {
    for (int n = 0; n < units->vectors; n++) {
        const V z = curve_of(units, units->gate, argument(units, units->sums, 3 * n + 1));
        mix(units, n, z, curve_of(units, units->g, argument(units, units->sums, 3 * n + 2)));
    }
}

// (host/nn/ops/rnn.c)
KERNEL void rnn_tanh(const struct mr_units *units) {
    for (int n = 0; n < units->vectors; n++) {
        const V h = curve_of(units, units->g, argument(units, units->sums, n));
        v_store16(units->h + n * W, h);
        v_store16(units->out + n * W, h);
    }
}

KERNEL void rnn_relu(const struct mr_units *units) {
    for (int n = 0; n < units->vectors; n++) {
        const V whole = v_max(argument(units, units->sums, n), v_all(0));
        const V h = v_min(whole, v_all(INT16_MAX));
        if (v_differ(whole, h))
            count_cuts(units->cuts, whole, h);
        v_store16(units->h + n * W, h);
        v_store16(units->out + n * W, h);
    }
}

// A struct mr_kernels of what is above, and what else it is given.
#if HAS_BYTES
#    define WRAP wrap
#else
#    define WRAP NULL
#endif
#define KERNELS(...)                                                                               \
    {                                                                                              \
        .width = W, .bytes = NARROW, .has_wraps = HAS_BYTES, .split = split, .narrow = narrow,     \
        .wrap = WRAP, .lstm = lstm, .lstm_other = lstm_other, .lstm_peephole = lstm_peephole,      \
        .gru = gru, .gru_other = gru_other, .gru_reset_first = gru_reset_first,                    \
        .weighed = weighed, .rnn_tanh = rnn_tanh, .rnn_relu = rnn_relu, __VA_ARGS__                \
    }
const struct mr_kernels TABLE =
    KERNELS(.name = NAME, .fours = 2, .sum = sum, .lstm_step = lstm_step);
