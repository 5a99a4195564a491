// SPDX-License-Identifier: Apache-2.0
// How memories lie in UltraScale+ (AMD's UG573: block RAM and UltraRAM; UG574: LUTs as memory), and
// how those of many lanes lie in tiles: the one description of both, for the compiler that forms
// them and the planner that counts them before.
#ifndef MR_MEMORY_SHAPE_H
#define MR_MEMORY_SHAPE_H

#include <stdint.h>

enum mr_storage { MR_STORAGE_LUTRAM, MR_STORAGE_BRAM, MR_STORAGE_URAM };

// What memories take.
struct mr_memory_use {
    uint64_t bram18; // halves of a RAMB36
    uint64_t uram;
    uint64_t lut; // LUTs used as memory
};

struct mr_memory_shape {
    uint64_t words;
    uint64_t chunks, chunk_bits; // pieces of a word that are written apart, and bits of one
    int ports;                   // that read; 2: true dual-port, of block RAM and UltraRAM
    uint64_t last; // words at the end that lie in LUTs, whatever the others lie in; 0: none
};

// Adds `copies` memories. A block RAM has 72 bits of 512 words, or fewer of more; through two ports
// 36 of 1024 at most. An UltraRAM has 72 of 4096 words. Their bits are written in bytes: of nine in
// block RAM, of eight or nine in UltraRAM. A chunk takes whole bytes. Eight LUTs have 14 bits of 32
// words, or 7 of 64, which are written together.
void mr_memory_add(enum mr_storage storage, const struct mr_memory_shape *shape, uint64_t copies,
                   struct mr_memory_use *use);

// "lutram", "bram" or "uram", as pragmas and reports call it.
const char *mr_storage_name(enum mr_storage storage);

// What a memory of so many words and bits lies in where nobody says.
enum mr_storage mr_storage_choose(uint64_t words, uint64_t bits);

// Memories with a share for each lane: their words have `chunks` pieces for one lane.
struct mr_lane_memory {
    enum mr_storage storage;
    struct mr_memory_shape lane;
    uint64_t copies; // of a tile
    uint64_t from;   // lanes from this one on lie in `rest`; 0: none
    enum mr_storage rest;
};

enum { MR_TILE_LANES_MIN = 8 }; // fewer lanes in all have no tiles
enum { MR_TILES_NEAR = 64 };    // that one register reaches

// Lanes of a tile, which has one word for all of its lanes: at least `reach` of them, for it has to
// look so far into the next tile, and about eight. Of 4 to 16 it is the number with which block RAM
// and UltraRAM of all tiles are least (so their words are filled best: nine lanes of 64 bits are
// eight words of 72), then one that makes all tiles equal, then the one nearest to eight. Lanes
// that belong together, so many to a group, stay in one tile. Up to 512 lanes are MR_TILES_NEAR
// tiles at most.
uint64_t mr_tile_lanes(uint64_t lanes, uint64_t reach, uint64_t group,
                       const struct mr_lane_memory *memories, int count);
// Adds the memories of all tiles, of which the last one may be smaller.
void mr_tile_add(uint64_t lanes, uint64_t per_tile, const struct mr_lane_memory *memory,
                 struct mr_memory_use *use);

#endif
