// SPDX-License-Identifier: Apache-2.0
// The part of the kernels (kernels_body.h, whose words these are in) up to the sums of products:
// columns as the products take them, and panels of weights by them.

// ---- columns

KERNEL void split(const struct mr_numbers *from, int32_t *high, int32_t *low, size_t stride) {
    for (size_t r = 0; r < from->rows; r++)
        for (int k = 0; k < from->count; k += 2 * W) {
            // Rounded to the upper 8 bits: from -128 to 128.
            const H v = h_load(from->first + r * from->stride + k);
            const H top = h_add(h_right(v, 8), h_and(h_right(v, 7), h_all(1)));
            h_store(high + r * stride + k / 2, top);
            h_store(low + r * stride + k / 2, h_sub(v, h_left(top, 8)));
        }
}

// Rounded likewise, to 127 at most.
FN H narrowed(const int16_t *from) {
    return h_right(h_add(h_min(h_load(from), h_all(INT16_MAX - 128)), h_all(128)), 8);
}

#if HAS_SHORTS
// Columns, at most those of MR_BESIDE_GROUPS, and what is beside them.
FN void narrow_groups(const int16_t *from, int count, int32_t *groups, struct mr_beside *beside) {
    static const int16_t places[2 * W] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    V sum = v_all(0);
    uint32_t which = 0;
    int32_t sums[W];

    for (int k = 0; k < count; k += 2 * W) {
        const int16_t left = (int16_t)(count - k);
        const H is_there = h_right(h_sub(h_load(places), h_all(left)), 15); // all ones, or 0
        const H column = h_and(narrowed(from + k), is_there);
        const V of_two = v_pairs(v_all(0), column, h_all(1));
        const V size = v_max(of_two, v_sub(v_all(0), of_two));
        const H saturates = v_right(v_sub(v_all(128), size), 31); // all ones, or 0
        const H rest = h_and(h_sub(column, h_right(column, 1)), saturates);
        sum = v_add(sum, of_two);
        h_store_bytes(groups + k / 4, h_sub(column, rest));
        if (!v_differ(rest, v_all(0)))
            continue;
        h_store_bytes(beside->rest + k / 4, rest);
        for (int g = k / 4; g < k / 4 + W / 2; g++)
            which |= (uint32_t)(beside->rest[g] != 0) << g;
    }
    v_store(sums, sum);
    beside->which = which;
    beside->sum = 0;
    for (int i = 0; i < W; i++)
        beside->sum -= 128 * (uint32_t)sums[i];
}

KERNEL void narrow(const struct mr_numbers *from, int32_t *high, int32_t *low, size_t stride) {
    enum { TOGETHER = 4 * MR_BESIDE_GROUPS };

    for (size_t r = 0; r < from->rows; r++)
        for (int k = 0; k < from->count; k += TOGETHER) {
            const int left = from->count - k;
            narrow_groups(from->first + r * from->stride + k, left < TOGETHER ? left : TOGETHER,
                          high + r * stride + k / 4,
                          (struct mr_beside *)(void *)(low + r * stride + k / 2));
        }
}
#else
KERNEL void narrow(const struct mr_numbers *from, int32_t *high, int32_t *low, size_t stride) {
    (void)low;
    for (size_t r = 0; r < from->rows; r++)
        for (int k = 0; k < from->count; k += 2 * W) {
            const H column = narrowed(from->first + r * from->stride + k);
#    if HAS_BYTES
            h_store_bytes(high + r * stride + k / 4, h_add(column, h_all(128)));
#    else
            h_store(high + r * stride + k / 2, column);
#    endif
        }
}
#endif

#if HAS_BYTES
KERNEL void wrap(const struct mr_numbers *from, int32_t *high, int32_t *low, size_t stride) {
    for (size_t r = 0; r < from->rows; r++)
        for (int k = 0; k < from->count; k += 2 * W) {
            const H v = h_load(from->first + r * from->stride + k);
            h_store_bytes(high + r * stride + k / 4, h_add(h_right(v, 8), h_all(128)));
            h_store(low + r * stride + k / 2, v);
        }
}
#endif

// ---- sums

enum { AHEAD = 2048 }; // bytes of weights, which may lie in a far cache

#if !HAS_BYTES
enum { WRAPS_ROWS = 1, WRAPS_VECTORS = MR_PANEL }; // there are none
#endif

// Rows whose sums are in registers together.
FN int rows_of(enum mr_product product) {
    return product == MR_PRODUCT_SPLIT   ? SPLIT_ROWS
           : product == MR_PRODUCT_WRAPS ? WRAPS_ROWS
                                         : ROWS_MAX;
}

FN V group(V weights, enum mr_product product, V sum, V column) {
#if HAS_BYTES
    if (product == MR_PRODUCT_BYTES)
        return v_bytes(sum, weights, column);
#elif HAS_SHORTS
    if (product == MR_PRODUCT_SHORTS)
        return v_shorts(sum, weights, column);
#endif
    (void)product;
    return v_pairs(sum, weights, column);
}

#if HAS_SHORTS
// What is beside the columns of some rows.
FN void add_beside(const int blocks, const int rows, const struct mr_panel *panel, int block,
                   const struct mr_columns *columns, size_t first, V (*high)[ROWS_MAX]) {
    const size_t of_block = mr_panel_block(panel, W);
    const int32_t *weights = (const int32_t *)panel->weights + (size_t)block * of_block;

    UNROLL
    for (int r = 0; r < rows; r++) {
        const int32_t *row = columns->low + (first + (size_t)r) * columns->stride;
        uint32_t sum = 0;
        for (int k = 0; k < panel->groups; k += MR_BESIDE_GROUPS) {
            const struct mr_beside *beside = (const struct mr_beside *)(const void *)(row + 2 * k);
            sum += beside->sum;
            for (uint32_t which = beside->which; which; which &= which - 1) {
                const int g = __builtin_ctz(which);
                const V rest = v_all(beside->rest[g]);
                UNROLL
                for (int v = 0; v < blocks * MR_PANEL; v++) {
                    const V w = v_load(weights + (size_t)(v / MR_PANEL) * of_block +
                                       (size_t)((k + g) * MR_PANEL + v % MR_PANEL) * W);
                    high[v][r] = group(w, MR_PRODUCT_SHORTS, high[v][r], rest);
                }
            }
        }
        UNROLL
        for (int v = 0; v < blocks * MR_PANEL; v++)
            high[v][r] = v_add(high[v][r], v_all((int32_t)sum));
    }
}
#endif

// All columns of one or two blocks of some rows. far: their weights may lie in a far cache.
FN void sum_columns(const int blocks, const int rows, const bool far, const enum mr_product product,
                    const struct mr_panel *panel, int block, const struct mr_columns *columns,
                    size_t first, V (*high)[ROWS_MAX], V (*low)[ROWS_MAX]) {
    const bool is_split = product == MR_PRODUCT_SPLIT;
    const size_t of_block = mr_panel_block(panel, W) * sizeof(int32_t);
    const char *weights = (const char *)panel->weights + (size_t)block * of_block;

    for (int k = 0; k < panel->groups; k++) {
        V up[ROWS_MAX], down[ROWS_MAX];
        UNROLL
        for (int r = 0; r < rows; r++) {
            const size_t at = (first + (size_t)r) * columns->stride + (size_t)k;
            up[r] = v_all(columns->high[at]);
            down[r] = is_split ? v_all(columns->low[at]) : up[r];
        }
        UNROLL
        for (int v = 0; v < blocks * MR_PANEL; v++) {
            const char *at = weights + (size_t)(v / MR_PANEL) * of_block +
                             (size_t)(v % MR_PANEL) * W * sizeof(int32_t);
            V w = v_load((const int32_t *)(const void *)at);
            KEEP(w);
            if (far)
                __builtin_prefetch(at + AHEAD);
            UNROLL
            for (int r = 0; r < rows; r++) {
                high[v][r] = group(w, product, high[v][r], up[r]);
                KEEP(high[v][r]); // gcc kept it in two, and so in memory
                if (is_split) {
                    low[v][r] = group(w, product, low[v][r], down[r]);
                    KEEP(low[v][r]);
                }
            }
        }
        weights += MR_PANEL * W * sizeof(int32_t);
    }
#if HAS_SHORTS
    if (product == MR_PRODUCT_SHORTS)
        add_beside(blocks, rows, panel, block, columns, first, high);
#endif
}

// One or two blocks of some rows at once: as many sums as there are registers for, so that none
// waits for itself.
FN void sum_rows(const int blocks, const int rows, const enum mr_product product,
                 const struct mr_panel *panel, int block, const struct mr_columns *columns,
                 const struct mr_sums *sums, size_t first) {
    const bool is_split = product == MR_PRODUCT_SPLIT;
    const int vectors = blocks * MR_PANEL;
    const uint16_t *place = panel->place + (size_t)block * MR_PANEL;
    V high[2 * MR_PANEL][ROWS_MAX], low[2 * MR_PANEL][ROWS_MAX];

    UNROLL
    for (int v = 0; v < vectors; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            const int32_t *from =
                sums->from + (first + (size_t)r) * sums->from_stride + (size_t)place[v] * 2 * W;
            high[v][r] = v_load(from);
            if (is_split)
                low[v][r] = v_load(from + W);
        }
    }
    // Of several rows the first ones fetch for the others.
    sum_columns(blocks, rows, rows == 1, product, panel, block, columns, first, high, low);
    UNROLL
    for (int v = 0; v < vectors; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            int32_t *to =
                sums->to + (first + (size_t)r) * sums->to_stride + (size_t)place[v] * 2 * W;
            v_store(to, high[v][r]);
            if (is_split)
                v_store(to + W, low[v][r]);
        }
    }
}

FN void sum_all(const enum mr_product product, const struct mr_panel *panel,
                const struct mr_columns *columns, const struct mr_sums *sums, size_t rows) {
    const int together = product == MR_PRODUCT_SPLIT ? SPLIT_BLOCKS : BLOCKS_MAX;
    int block = 0;

    for (; rows == 1 && block + together <= panel->blocks; block += together)
        sum_rows(together, 1, product, panel, block, columns, sums, 0);
    for (; block < panel->blocks; block++) {
        const int most = rows_of(product);
        size_t r = 0;
        for (; r + (size_t)most <= rows; r += (size_t)most)
            sum_rows(1, most, product, panel, block, columns, sums, r);
        for (; r < rows; r++)
            sum_rows(1, 1, product, panel, block, columns, sums, r);
    }
}

#if HAS_BYTES
// Columns of some rows, from one four to another, by WRAPS_VECTORS of a block from vector `vector`
// on: sums that wrap, and estimates of them (kernels.h).
FN void wrap_columns(const int rows, const struct mr_panel *panel, int block, int vector, int from,
                     int end, const struct mr_columns *columns, size_t first, V (*top)[ROWS_MAX],
                     V (*sum)[ROWS_MAX]) {
    const size_t vectors =
        ((size_t)block * (size_t)mr_panel_fours(panel) + (size_t)from) * MR_PANEL;
    const int32_t *weights = (const int32_t *)panel->weights + (2 * vectors + (size_t)vector) * W;
    const int32_t *tops = (const int32_t *)panel->tops + (vectors + (size_t)vector) * W;

    for (int k = from; k < end; k++) {
        V column[ROWS_MAX];
        UNROLL
        for (int pair = 0; pair < 2; pair++) {
            UNROLL
            for (int r = 0; r < rows; r++)
                column[r] = v_all(
                    columns->low[(first + (size_t)r) * columns->stride + (size_t)(2 * k + pair)]);
            UNROLL
            for (int v = 0; v < WRAPS_VECTORS; v++) {
                V w = v_load(weights + (pair * MR_PANEL + v) * W);
                KEEP(w);
                UNROLL
                for (int r = 0; r < rows; r++) {
                    sum[v][r] = v_pairs(sum[v][r], w, column[r]);
                    KEEP(sum[v][r]);
                }
            }
        }
        UNROLL
        for (int r = 0; r < rows; r++)
            column[r] = v_all(columns->high[(first + (size_t)r) * columns->stride + (size_t)k]);
        UNROLL
        for (int v = 0; v < WRAPS_VECTORS; v++) {
            V w = v_load(tops + v * W);
            KEEP(w);
            UNROLL
            for (int r = 0; r < rows; r++) {
                top[v][r] = v_bytes(top[v][r], w, column[r]);
                KEEP(top[v][r]);
            }
        }
        weights += 2 * MR_PANEL * W;
        tops += MR_PANEL * W;
    }
}

// A piece of some rows and those vectors of a block.
FN void wrap_rows(const int rows, const struct mr_panel *panel, int block, int vector, int piece,
                  const struct mr_columns *columns, const struct mr_sums *sums, size_t first) {
    const uint16_t *place = panel->place + (size_t)block * MR_PANEL + (size_t)vector;
    const int fours = mr_panel_fours(panel), pieces = mr_panel_pieces(panel);
    const int from_four = piece * panel->piece;
    const int end = piece == pieces - 1 ? fours : from_four + panel->piece;
    const int32_t *start =
        panel->start +
        (((size_t)block * (size_t)pieces + (size_t)piece) * MR_PANEL + (size_t)vector) * W;
    const int32_t *from = piece ? sums->to : sums->from;
    const size_t stride = piece ? sums->to_stride : sums->from_stride;
    V top[WRAPS_VECTORS][ROWS_MAX], sum[WRAPS_VECTORS][ROWS_MAX];

    UNROLL
    for (int v = 0; v < WRAPS_VECTORS; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            top[v][r] = v_load(start + v * W);
            sum[v][r] = v_load(from + (first + (size_t)r) * stride + (size_t)place[v] * 2 * W + W);
        }
    }
    wrap_columns(rows, panel, block, vector, from_four, end, columns, first, top, sum);
    const bool narrows = piece < pieces - 1 || !sums->end;
    UNROLL
    for (int v = 0; v < WRAPS_VECTORS; v++) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            const size_t row = first + (size_t)r, at = (size_t)place[v] * 2 * W;
            V high = v_add(v_load(from + row * stride + at), v_left(top[v][r], 8));
            V low = v_sub(sum[v][r], v_left(top[v][r], 16));
            if (narrows) {
                const V up = v_right(v_add(low, v_all(128)), 8);
                high = v_add(high, up);
                low = v_sub(low, v_left(up, 8));
            }
            v_store(sums->to + row * sums->to_stride + at, high);
            v_store(sums->to + row * sums->to_stride + at + W, low);
        }
    }
}

// A block's piece after piece, so that its weights stay in the nearest cache.
FN void wrap_all(const struct mr_panel *panel, const struct mr_columns *columns,
                 const struct mr_sums *sums, size_t rows) {
    for (int block = 0; block < panel->blocks; block++)
        for (int at = 0; at < MR_PANEL * mr_panel_pieces(panel); at += WRAPS_VECTORS) {
            const int piece = at / MR_PANEL, vector = at % MR_PANEL;
            size_t r = 0;
            for (; rows - r >= WRAPS_ROWS && rows - r != WRAPS_ROWS + 1; r += WRAPS_ROWS)
                wrap_rows(WRAPS_ROWS, panel, block, vector, piece, columns, sums, r);
            for (; rows - r >= 2; r += 2)
                wrap_rows(2, panel, block, vector, piece, columns, sums, r);
            if (r < rows)
                wrap_rows(1, panel, block, vector, piece, columns, sums, r);
        }
}
#endif

KERNEL void sum(enum mr_product product, const struct mr_panel *panel,
                const struct mr_columns *columns, const struct mr_sums *sums, size_t rows) {
    switch (product) {
    case MR_PRODUCT_SPLIT:
        sum_all(MR_PRODUCT_SPLIT, panel, columns, sums, rows);
        break;
    case MR_PRODUCT_WRAPS:
#if HAS_BYTES
        wrap_all(panel, columns, sums, rows);
#endif
        break;
    case MR_PRODUCT_HALVES:
        break; // kernels_tiles.h
    default:
        sum_all(NARROW, panel, columns, sums, rows);
        break;
    }
}
