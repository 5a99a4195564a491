// SPDX-License-Identifier: Apache-2.0
// The kernels amx: those of the file that includes this one behind kernels_body.h, whose vectors
// have 16 numbers, but for many rows, whose products go by tiles (tiles.h). A panel is in the
// layout of tiles as it is: 16 groups of a vector are one of weights.
//
// Rows go 16 at a time. Where they are no whole multiple, the last 16 begin among those before
// them, whose sums are calculated twice: the shape stays the same, and a tile that is full takes no
// longer than one that is not. So sums do not begin with those that are written.
#include "tiles.h"

_Static_assert((int)W == (int)MR_TILE_FOURS && (int)TILE_BYTES == 4 * W, "a row is a vector");
enum { VECTOR = TILE_BYTES, GROUP = MR_PANEL * VECTOR, TILE = MR_TILE_FOURS * GROUP }; // bytes

static int tile_shape(size_t rows) {
    const int shape = rows < TILE_ROWS ? (int)rows : TILE_ROWS;

    tiles_shape(shape);
    return shape;
}

// Where the 16 rows begin that row `row` is the next of.
static size_t tile_first(size_t row, size_t rows) {
    return rows <= TILE_ROWS ? 0 : row + TILE_ROWS > rows ? rows - TILE_ROWS : row;
}

// Adds what the columns of a block's four vectors come to, of the rows from `first` on, to tiles 0
// to 3: as many sums that none waits for itself.
FN void tile_bytes(const struct mr_panel *panel, int block, const struct mr_columns *columns,
                   size_t first) {
    const char *weights =
        (const char *)panel->weights + (size_t)block * mr_panel_block(panel, W) * sizeof(int32_t);
    const int32_t *of = columns->high + first * columns->stride;
    const size_t stride = columns->stride * sizeof *of;

    for (int k = 0; k < panel->groups; k += MR_TILE_FOURS) {
        TILE_LOAD(4, of, stride);
        TILE_LOAD(6, weights, GROUP);
        TILE_ADD_US(0, 4, 6);
        TILE_LOAD(7, weights + VECTOR, GROUP);
        TILE_ADD_US(1, 4, 7);
        TILE_LOAD(6, weights + 2 * VECTOR, GROUP);
        TILE_ADD_US(2, 4, 6);
        TILE_LOAD(7, weights + 3 * VECTOR, GROUP);
        TILE_ADD_US(3, 4, 7);
        of += MR_TILE_FOURS;
        weights += TILE;
    }
}

KERNEL void tile_sum_bytes(const struct mr_panel *panel, const struct mr_columns *columns,
                           const struct mr_sums *sums, size_t rows) {
    const size_t from_stride = sums->from_stride * sizeof(int32_t),
                 to_stride = sums->to_stride * sizeof(int32_t);

    tile_shape(rows);
    for (int block = 0; block < panel->blocks; block++) {
        const uint16_t *place = panel->place + (size_t)block * MR_PANEL;
        for (size_t row = 0; row < rows; row += TILE_ROWS) {
            const size_t first = tile_first(row, rows);
            const int32_t *from = sums->from + first * sums->from_stride;
            int32_t *to = sums->to + first * sums->to_stride;
            TILE_LOAD(0, from + (size_t)place[0] * 2 * W, from_stride);
            TILE_LOAD(1, from + (size_t)place[1] * 2 * W, from_stride);
            TILE_LOAD(2, from + (size_t)place[2] * 2 * W, from_stride);
            TILE_LOAD(3, from + (size_t)place[3] * 2 * W, from_stride);
            tile_bytes(panel, block, columns, first);
            TILE_STORE(0, to + (size_t)place[0] * 2 * W, to_stride);
            TILE_STORE(1, to + (size_t)place[1] * 2 * W, to_stride);
            TILE_STORE(2, to + (size_t)place[2] * 2 * W, to_stride);
            TILE_STORE(3, to + (size_t)place[3] * 2 * W, to_stride);
        }
    }
}

// ---- upper and lower bytes

KERNEL void halve(const struct mr_numbers *from, int32_t *high, int32_t *low, size_t stride) {
    for (size_t r = 0; r < from->rows; r++)
        for (int k = 0; k < from->count; k += 2 * W) {
            const H v = h_load(from->first + r * from->stride + k);
            h_store_bytes(high + r * stride + k / 4, h_right(v, 8));
            h_store_bytes(low + r * stride + k / 4, v);
        }
}

// The four products of a vector, or two of either of two vectors whose weights have 8 bits, of the
// rows of a tile.
struct tile_parts {
    _Alignas(TILE_BYTES) int32_t of[4][TILE_ROWS][W];
};

// Adds products to tiles 0 to 3, of vectors from `vector` of a block on.
FN void tile_halves(const int halves, const struct mr_panel *panel, int block, int vector,
                    const struct mr_columns *columns, size_t first) {
    const size_t half = mr_panel_half(panel, W) * sizeof(int32_t);
    const char *weights =
        (const char *)panel->bytes + (size_t)(block * halves) * half + (size_t)vector * VECTOR;
    const char *second = weights + (halves == 2 ? half : VECTOR);
    const int32_t *high = columns->high + first * columns->stride,
                  *low = columns->low + first * columns->stride;
    const size_t stride = columns->stride * sizeof *high;

    for (int k = 0; k < mr_panel_fours(panel); k += MR_TILE_FOURS) {
        TILE_LOAD(4, high, stride);
        TILE_LOAD(5, low, stride);
        TILE_LOAD(6, weights, GROUP);
        TILE_LOAD(7, second, GROUP);
        TILE_ADD_SS(0, 4, 6);
        TILE_ADD_US(1, 5, 6);
        if (halves == 2) {
            TILE_ADD_SU(2, 4, 7);
            TILE_ADD_UU(3, 5, 7);
        } else {
            TILE_ADD_SS(2, 4, 7);
            TILE_ADD_US(3, 5, 7);
        }
        high += MR_TILE_FOURS;
        low += MR_TILE_FOURS;
        weights += TILE;
        second += TILE;
    }
}

FN void tile_begin(void) {
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
}

FN void tile_end(struct tile_parts *parts) {
    TILE_STORE(0, parts->of[0], TILE_BYTES);
    TILE_STORE(1, parts->of[1], TILE_BYTES);
    TILE_STORE(2, parts->of[2], TILE_BYTES);
    TILE_STORE(3, parts->of[3], TILE_BYTES);
}

// A row's sum of vector v of the parts: 256 high + low, with low from 0 to 255.
FN V tile_high(const int halves, const struct tile_parts *parts, int v, size_t row, V *low) {
    const V upper = v_load(parts->of[2 * v][row]), lower = v_load(parts->of[2 * v + 1][row]);

    if (halves == 1) {
        *low = v_and(lower, v_all(255));
        return v_add(upper, v_right(lower, 8));
    }
    const V least = v_load(parts->of[3][row]);
    *low = v_and(least, v_all(255));
    return v_add(v_add(v_left(upper, 8), v_right(least, 8)),
                 v_add(lower, v_load(parts->of[2][row])));
}

// The sums of some vectors of a block from vector `vector` on, low parts made to have 8 bits.
FN void tile_sum_vectors(const int halves, const struct mr_panel *panel, int block, int vector,
                         const struct mr_columns *columns, const struct mr_sums *sums, size_t first,
                         size_t shape) {
    const uint16_t *place = panel->place + (size_t)(block * MR_PANEL + vector);
    struct tile_parts parts;

    tile_begin();
    tile_halves(halves, panel, block, vector, columns, first);
    tile_end(&parts);
    for (size_t row = 0; row < shape; row++)
        UNROLL
    for (int v = 0; v < 3 - halves; v++) {
        const size_t at = (size_t)place[v] * 2 * W;
        const int32_t *from = sums->from + (first + row) * sums->from_stride + at;
        int32_t *to = sums->to + (first + row) * sums->to_stride + at;
        V low, high = tile_high(halves, &parts, v, row, &low);
        low = v_add(low, v_load(from + W));
        const V up = v_right(v_add(low, v_all(128)), 8);
        v_store(to, v_add(v_add(high, up), v_load(from)));
        v_store(to + W, v_sub(low, v_left(up, 8)));
    }
}

FN void tile_sum_halves(const int halves, const struct mr_panel *panel,
                        const struct mr_columns *columns, const struct mr_sums *sums, size_t rows) {
    const size_t shape = (size_t)tile_shape(rows);

    for (int block = 0; block < panel->blocks; block++)
        for (size_t row = 0; row < rows; row += TILE_ROWS)
            for (int vector = 0; vector < MR_PANEL; vector += 3 - halves)
                tile_sum_vectors(halves, panel, block, vector, columns, sums, tile_first(row, rows),
                                 shape);
}

KERNEL void tile_sum(enum mr_product product, const struct mr_panel *panel,
                     const struct mr_columns *columns, const struct mr_sums *sums, size_t rows) {
    if (product == MR_PRODUCT_BYTES && rows >= MR_TILE_ROWS_LEAST)
        tile_sum_bytes(panel, columns, sums, rows);
    else if (product == MR_PRODUCT_HALVES && panel->halves == 1)
        tile_sum_halves(1, panel, columns, sums, rows);
    else if (product == MR_PRODUCT_HALVES)
        tile_sum_halves(2, panel, columns, sums, rows);
    else
        sum(product, panel, columns, sums, rows);
}

// ---- steps of an LSTM

// Of a block's units, of the rows of a tile: high parts of sums of columns of 8 bits, or arguments.
struct tile_sums {
    _Alignas(TILE_BYTES) int32_t of[MR_PANEL][TILE_ROWS][W];
};

FN void tile_step_bytes(const struct mr_step *step, const struct mr_units *units, int block,
                        size_t first, struct tile_sums *sums) {
    const int32_t *bias = units->sums + (size_t)block * MR_PANEL * 2 * W;

    TILE_LOAD(0, bias, 0);
    TILE_LOAD(1, bias + 2 * W, 0);
    TILE_LOAD(2, bias + 4 * W, 0);
    TILE_LOAD(3, bias + 6 * W, 0);
    tile_bytes(&step->x, block, &step->of_x, first);
    tile_bytes(&step->h, block, &step->of_h, first);
    TILE_STORE(0, sums->of[0], TILE_BYTES);
    TILE_STORE(1, sums->of[1], TILE_BYTES);
    TILE_STORE(2, sums->of[2], TILE_BYTES);
    TILE_STORE(3, sums->of[3], TILE_BYTES);
}

FN void tile_step_halves(const int halves, const struct mr_step *step, const struct mr_units *units,
                         int block, size_t first, size_t shape, struct tile_sums *sums) {
    struct tile_parts parts;

    for (int vector = 0; vector < MR_PANEL; vector += 3 - halves) {
        tile_begin();
        tile_halves(halves, &step->x, block, vector, &step->of_x, first);
        tile_halves(halves, &step->h, block, vector, &step->of_h, first);
        tile_end(&parts);
        UNROLL
        for (int v = 0; v < 3 - halves; v++) {
            const int place = block * MR_PANEL + vector + v;
            const V bias = v_load(units->sums + (size_t)place * 2 * W),
                    rest = v_load(units->sums + (size_t)place * 2 * W + W);
            for (size_t row = 0; row < shape; row++) {
                V low, high = tile_high(halves, &parts, v, row, &low);
                v_store(sums->of[vector + v][row],
                        argument_of(units->scales, place, v_add(high, bias), v_add(low, rest)));
            }
        }
    }
}

// The cells of some rows from row `from` of a tile on.
FN void tile_cells(const int rows, bool high, const struct mr_step *step,
                   const struct mr_units *units, int block, const struct tile_sums *sums,
                   size_t from, size_t first) {
    V of[MR_PANEL][CELL_ROWS];

    UNROLL
    for (int v = 0; v < MR_PANEL; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            of[v][r] = v_load(sums->of[v][from + (size_t)r]);
            if (high)
                of[v][r] = argument_of_high(units->scales, block * MR_PANEL + v, of[v][r]);
        }
    }
    lstm_cells(rows, step, units, block, first + from, of);
}

KERNEL void tile_lstm_step(enum mr_product product, const struct mr_step *step,
                           const struct mr_units *units, size_t rows) {
    const bool bytes = product == MR_PRODUCT_BYTES;
    struct tile_sums sums;

    if (product != MR_PRODUCT_HALVES && (!bytes || rows < MR_TILE_ROWS_LEAST)) {
        lstm_step(product, step, units, rows);
        return;
    }
    const size_t shape = (size_t)tile_shape(rows);
    for (int block = 0; block < units->vectors; block++)
        for (size_t row = 0; row < rows; row += TILE_ROWS) {
            const size_t first = tile_first(row, rows);
            size_t r = row - first;
            if (bytes)
                tile_step_bytes(step, units, block, first, &sums);
            else if (step->h.halves == 1)
                tile_step_halves(1, step, units, block, first, shape, &sums);
            else
                tile_step_halves(2, step, units, block, first, shape, &sums);
            for (; r + CELL_ROWS <= shape; r += CELL_ROWS)
                tile_cells(CELL_ROWS, bytes, step, units, block, &sums, r, first);
            for (; r < shape; r++)
                tile_cells(1, bytes, step, units, block, &sums, r, first);
        }
}

const struct mr_kernels mr_kernels_amx =
    KERNELS(.name = "amx", .fours = MR_TILE_FOURS, .halve = halve, .sum = tile_sum,
            .lstm_step = tile_lstm_step, .release = tiles_release);
