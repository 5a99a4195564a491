// SPDX-License-Identifier: Apache-2.0
// The tiles of a processor (AMX): eight registers of up to 16 rows of 64 bytes each. Numbers, and
// products of four bytes by four, are those of the VNNI layout: a tile of weights has in row k the
// bytes of columns 4 k to 4 k + 3 of 16 sums.
//   TILE_LOAD(tile, from, stride), TILE_STORE(tile, to, stride)  bytes from row to row
//   TILE_ZERO(tile)
//   TILE_ADD_SS(sums, a, b), _SU, _US, _UU   sums += products of bytes, with a sign (S) or without
// A tile is a number that is written out. Where MR_TILES_IN_C is defined they are plain C, for
// tests of what uses them; what a processor faults on stops the program there.
//
// Tiles 0 to 5 have so many rows as tiles_shape says, 6 and 7 have 16. The shape is a thread's own,
// and stays till tiles_release, or till other code of the thread has tiles of its own.
#ifndef MR_ENGINE_TILES_H
#define MR_ENGINE_TILES_H

#include <stdint.h>
#include <string.h>

enum { TILE_ROWS = 16, TILE_BYTES = 64, TILES = 8, TILES_SHAPED = 6 };

// What LDTILECFG reads: of palette 1.
struct tile_shapes {
    uint8_t palette, start_row, none[14];
    uint16_t bytes[TILE_ROWS]; // of a row, of each tile
    uint8_t rows[TILE_ROWS];
};
_Static_assert(sizeof(struct tile_shapes) == 64, "as the instruction reads it");

static inline struct tile_shapes tile_shapes_of(int rows) {
    struct tile_shapes shapes = {.palette = 1};

    for (int tile = 0; tile < TILES; tile++) {
        shapes.bytes[tile] = TILE_BYTES;
        shapes.rows[tile] = (uint8_t)(tile < TILES_SHAPED ? rows : TILE_ROWS);
    }
    return shapes;
}

#ifndef MR_TILES_IN_C
// By their names for the assembler, as gcc's intrinsics do not say that they read memory.
#    define TILE_LOAD(tile, from, stride)                                                          \
        __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile                                        \
                         :                                                                         \
                         : "r"((const void *)(from)), "r"((intptr_t)(stride))                      \
                         : "memory")
#    define TILE_STORE(tile, to, stride)                                                           \
        __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)"                                    \
                         :                                                                         \
                         : "r"((void *)(to)), "r"((intptr_t)(stride))                              \
                         : "memory")
#    define TILE_ZERO(tile) __asm__ volatile("tilezero %tmm" #    tile)
#    define TILE_ADD(kind, sums, a, b)                                                             \
        __asm__ volatile("tdpb" #kind "d %tmm" #b ", %tmm" #a ", %tmm" #sums)
#    define TILE_ADD_SS(sums, a, b) TILE_ADD(ss, sums, a, b)
#    define TILE_ADD_SU(sums, a, b) TILE_ADD(su, sums, a, b)
#    define TILE_ADD_US(sums, a, b) TILE_ADD(us, sums, a, b)
#    define TILE_ADD_UU(sums, a, b) TILE_ADD(uu, sums, a, b)

static _Thread_local int tiles_shaped; // rows; 0: released

static inline void tiles_shape(int rows) {
    if (tiles_shaped == rows)
        return;
    const struct tile_shapes shapes = tile_shapes_of(rows);
    __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
    tiles_shaped = rows;
}

static inline void tiles_release(void) {
    if (!tiles_shaped)
        return;
    __asm__ volatile("tilerelease");
    tiles_shaped = 0;
}
#else
#    include <stdlib.h>

static _Thread_local struct tile_shapes tile_shapes_now; // palette 0: released
static _Thread_local uint8_t tile_data[TILES][TILE_ROWS][TILE_BYTES];

static inline void tiles_shape(int rows) {
    if (rows < 1 || rows > TILE_ROWS)
        abort();
    if (tile_shapes_now.palette && tile_shapes_now.rows[0] == rows)
        return;
    tile_shapes_now = tile_shapes_of(rows);
    memset(tile_data, 0, sizeof tile_data);
}

static inline void tiles_release(void) {
    tile_shapes_now.palette = 0;
}

static inline int tile_rows(int tile) {
    if (!tile_shapes_now.palette)
        abort();
    return tile_shapes_now.rows[tile];
}

static inline void tile_load(int tile, const void *from, size_t stride) {
    memset(tile_data[tile], 0, sizeof tile_data[tile]);
    for (int r = 0; r < tile_rows(tile); r++)
        memcpy(tile_data[tile][r], (const char *)from + (size_t)r * stride, TILE_BYTES);
}

static inline void tile_store(int tile, void *to, size_t stride) {
    for (int r = 0; r < tile_rows(tile); r++)
        memcpy((char *)to + (size_t)r * stride, tile_data[tile][r], TILE_BYTES);
}

static inline void tile_add(int sums, int a, int b, int a_sign, int b_sign) {
    if (sums == a || sums == b || a == b || tile_rows(sums) != tile_rows(a) ||
        tile_rows(b) != TILE_ROWS)
        abort();
    for (int r = 0; r < tile_rows(sums); r++)
        for (int n = 0; n < TILE_ROWS; n++) {
            uint32_t sum;
            memcpy(&sum, &tile_data[sums][r][4 * n], sizeof sum);
            for (int k = 0; k < TILE_BYTES; k++) {
                const uint8_t of_a = tile_data[a][r][k], of_b = tile_data[b][k / 4][4 * n + k % 4];
                sum += (uint32_t)((a_sign ? (int8_t)of_a : of_a) * (b_sign ? (int8_t)of_b : of_b));
            }
            memcpy(&tile_data[sums][r][4 * n], &sum, sizeof sum);
        }
}

#    define TILE_LOAD(tile, from, stride) tile_load(tile, from, stride)
#    define TILE_STORE(tile, to, stride) tile_store(tile, to, stride)
#    define TILE_ZERO(tile) memset(tile_data[tile], 0, sizeof tile_data[tile])
#    define TILE_ADD_SS(sums, a, b) tile_add(sums, a, b, 1, 1)
#    define TILE_ADD_SU(sums, a, b) tile_add(sums, a, b, 1, 0)
#    define TILE_ADD_US(sums, a, b) tile_add(sums, a, b, 0, 1)
#    define TILE_ADD_UU(sums, a, b) tile_add(sums, a, b, 0, 0)
#endif

#endif
