// SPDX-License-Identifier: Apache-2.0
// See memory_shape.h.
#include "memory_shape.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    LUTRAM_WORDS = 128,       // at most, where nobody says
    URAM_WORDS = 2048,        // at least
    URAM_BITS = 8 * 4096 * 72 // more than so many
};

static uint64_t ceil_div(uint64_t a, uint64_t b) {
    return a / b + (a % b != 0);
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Pieces of `words` by `bits` that a memory takes, whose bytes of so many bits are written apart.
static uint64_t pieces(const struct mr_memory_shape *shape, uint64_t words, uint64_t bits,
                       uint64_t byte) {
    const uint64_t bytes = shape->chunks * ceil_div(shape->chunk_bits, byte);
    return ceil_div(shape->words, words) * ceil_div(bytes, bits / byte);
}

static uint64_t block_ram_halves(const struct mr_memory_shape *shape) {
    static const struct {
        uint64_t words, bits, byte;
    } forms[] = {{512, 36, 9}, {1024, 18, 9}, {2048, 9, 9},
                 {4096, 4, 4}, {8192, 2, 2},  {16384, 1, 1}};
    uint64_t best = UINT64_MAX;
    for (size_t i = shape->ports > 1; i < sizeof forms / sizeof *forms; i++)
        best = least(best, pieces(shape, forms[i].words, forms[i].bits, forms[i].byte));
    return best;
}

void mr_memory_add(enum mr_storage storage, const struct mr_memory_shape *shape, uint64_t copies,
                   struct mr_memory_use *use) {
    if (shape->last > 0) {
        struct mr_memory_shape part = *shape;
        part.last = 0;
        part.words = shape->last;
        mr_memory_add(MR_STORAGE_LUTRAM, &part, copies, use);
        part.words = shape->words - shape->last;
        mr_memory_add(storage, &part, copies, use);
        return;
    }
    switch (storage) {
    case MR_STORAGE_LUTRAM:
        use->lut += copies * 8 * least(pieces(shape, 32, 14, 14), pieces(shape, 64, 7, 7));
        break;
    case MR_STORAGE_BRAM:
        use->bram18 += copies * block_ram_halves(shape);
        break;
    case MR_STORAGE_URAM:
        use->uram += copies * least(pieces(shape, 4096, 72, 8), pieces(shape, 4096, 72, 9));
        break;
    }
}

const char *mr_storage_name(enum mr_storage storage) {
    static const char *const names[] = {"lutram", "bram", "uram"};
    return names[storage];
}

enum mr_storage mr_storage_choose(uint64_t words, uint64_t bits) {
    if (words <= LUTRAM_WORDS)
        return MR_STORAGE_LUTRAM;
    return words >= URAM_WORDS && words * bits > URAM_BITS ? MR_STORAGE_URAM : MR_STORAGE_BRAM;
}

// So many tiles with a memory for so many lanes.
static void add_tiles(uint64_t tiles, uint64_t lanes, enum mr_storage storage,
                      const struct mr_lane_memory *memory, struct mr_memory_use *use) {
    struct mr_memory_shape tile = memory->lane;
    tile.chunks = memory->lane.chunks * lanes;
    if (storage != memory->storage) // all words of the rest lie in one kind
        tile.last = 0;
    mr_memory_add(storage, &tile, lanes ? memory->copies * tiles : 0, use);
}

void mr_tile_add(uint64_t lanes, uint64_t per_tile, const struct mr_lane_memory *memory,
                 struct mr_memory_use *use) {
    const uint64_t first = memory->from ? least(memory->from, lanes) : lanes;
    // Of the tile that has both.
    const uint64_t beside = least((per_tile - first % per_tile) % per_tile, lanes - first);
    const uint64_t behind = lanes - first - beside;
    add_tiles(first / per_tile, per_tile, memory->storage, memory, use);
    add_tiles(1, first % per_tile, memory->storage, memory, use);
    add_tiles(1, beside, memory->rest, memory, use);
    add_tiles(behind / per_tile, per_tile, memory->rest, memory, use);
    add_tiles(1, behind % per_tile, memory->rest, memory, use);
}

// Kbit of the blocks of all tiles.
static uint64_t blocks(uint64_t lanes, uint64_t per_tile, const struct mr_lane_memory *memories,
                       int count) {
    struct mr_memory_use use = {0};
    for (int i = 0; i < count; i++)
        mr_tile_add(lanes, per_tile, &memories[i], &use);
    return 18 * use.bram18 + 288 * use.uram;
}

uint64_t mr_tile_lanes(uint64_t lanes, uint64_t reach, uint64_t group,
                       const struct mr_lane_memory *memories, int count) {
    enum { FEWEST = 4, BEST = 8, MOST = 16 };
    const uint64_t near =
        lanes <= MR_TILES_NEAR * BEST ? (lanes + MR_TILES_NEAR - 1) / MR_TILES_NEAR : 0;
    const uint64_t fewest = near > FEWEST ? near : FEWEST;
    const uint64_t first = reach > fewest ? reach : fewest, most = reach > MOST ? reach : MOST;
    const uint64_t last = most + group - 1;
    uint64_t best = lanes, best_blocks = UINT64_MAX, best_away = 0;
    bool best_equal = false;

    for (uint64_t n = first; n <= last && n <= lanes; n++) {
        if (n % group != 0 && n != lanes)
            continue;
        const uint64_t now = blocks(lanes, n, memories, count);
        const uint64_t away = n > BEST ? n - BEST : BEST - n;
        const bool equal = lanes % n == 0;
        if (now < best_blocks || (now == best_blocks && equal && !best_equal) ||
            (now == best_blocks && equal == best_equal && away < best_away)) {
            best = n;
            best_blocks = now;
            best_away = away;
            best_equal = equal;
        }
    }
    return best;
}
