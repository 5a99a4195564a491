// SPDX-License-Identifier: Apache-2.0
// Blocks that memories take, alone and in tiles. The numbers of block RAM and UltraRAM are Yosys'
// (synth_xilinx -family xcup -uram) of mr_ram, mr_ram_t2p and mr_ram_parted with these parameters.
#include "memory_shape.h"

#include <check.h>
#include <stdlib.h>

static struct mr_memory_use use_of(enum mr_storage storage, uint64_t words, uint64_t chunks,
                                   uint64_t chunk_bits, int ports) {
    const struct mr_memory_shape shape = {words, chunks, chunk_bits, ports, 0};
    struct mr_memory_use use = {0};
    mr_memory_add(storage, &shape, 1, &use);
    return use;
}

static uint64_t bram18(uint64_t words, uint64_t chunks, uint64_t chunk_bits, int ports) {
    return use_of(MR_STORAGE_BRAM, words, chunks, chunk_bits, ports).bram18;
}

static uint64_t uram(uint64_t words, uint64_t chunks, uint64_t chunk_bits, int ports) {
    return use_of(MR_STORAGE_URAM, words, chunks, chunk_bits, ports).uram;
}

static uint64_t lut(uint64_t words, uint64_t chunks, uint64_t chunk_bits) {
    return use_of(MR_STORAGE_LUTRAM, words, chunks, chunk_bits, 1).lut;
}

START_TEST(blocks) {
    ck_assert_uint_eq(bram18(512, 1, 72, 1), 2);
    ck_assert_uint_eq(bram18(512, 1, 576, 1), 2 * 8);
    ck_assert_uint_eq(bram18(512, 8, 64, 1), 2 * 8);
    ck_assert_uint_eq(bram18(256, 8, 64, 1), 2 * 8);
    ck_assert_uint_eq(bram18(512, 9, 64, 1), 2 * 9);
    ck_assert_uint_eq(bram18(1024, 9, 64, 1), 2 * 18);
    ck_assert_uint_eq(bram18(600, 8, 96, 1), 2 * 22);
    ck_assert_uint_eq(bram18(2048, 8, 48, 1), 2 * 24);
    // Two ports of 36 bits.
    ck_assert_uint_eq(bram18(1024, 1, 36, 2), 2);
    ck_assert_uint_eq(bram18(1024, 8, 32, 2), 2 * 8);
    ck_assert_uint_eq(bram18(512, 8, 64, 2), 2 * 16);
    // Bytes of eight or of nine bits, whichever fill 72 better.
    ck_assert_uint_eq(uram(2048, 9, 64, 2), 8);
    ck_assert_uint_eq(uram(2048, 1, 576, 2), 8);
    ck_assert_uint_eq(uram(1024, 9, 64, 1), 8);
    ck_assert_uint_eq(uram(2048, 4, 80, 1), 5);
    ck_assert_uint_eq(uram(4097, 1, 73, 1), 4);
    // LUTs, eight at a time: two chunks do not share them.
    ck_assert_uint_eq(use_of(MR_STORAGE_LUTRAM, 32, 1, 14, 1).lut, 8);
    ck_assert_uint_eq(use_of(MR_STORAGE_LUTRAM, 33, 2, 16, 1).lut, 2 * 3 * 8);
    // A few words beyond block RAM's 512.
    const struct mr_memory_shape parted = {549, 24, 80, 1, 37};
    struct mr_memory_use use = {0};
    mr_memory_add(MR_STORAGE_BRAM, &parted, 2, &use);
    ck_assert_uint_eq(use.bram18, 2 * 2 * 27);
    ck_assert_uint_eq(use.lut, 2 * 24 * 12 * 8);
    ck_assert_uint_eq(bram18(549, 24, 80, 1), 2 * 54);
}
END_TEST

START_TEST(kinds) {
    ck_assert_int_eq(mr_storage_choose(128, 100000), MR_STORAGE_LUTRAM);
    ck_assert_int_eq(mr_storage_choose(129, 1), MR_STORAGE_BRAM);
    ck_assert_int_eq(mr_storage_choose(2047, 100000), MR_STORAGE_BRAM);
    ck_assert_int_eq(mr_storage_choose(2048, 1152), MR_STORAGE_BRAM);
    ck_assert_int_eq(mr_storage_choose(2048, 1153), MR_STORAGE_URAM);
}
END_TEST

static uint64_t tile(uint64_t lanes, uint64_t reach, enum mr_storage storage, uint64_t lane_bits) {
    const struct mr_lane_memory memory = {
        .storage = storage, .lane = {1024, 1, lane_bits, 1, 0}, .copies = 1};
    return mr_tile_lanes(lanes, reach, 1, &memory, 1);
}

static uint64_t blocks_of(uint64_t lanes, uint64_t per_tile, enum mr_storage storage,
                          uint64_t lane_bits) {
    const struct mr_lane_memory memory = {
        .storage = storage, .lane = {1024, 1, lane_bits, 1, 0}, .copies = 1};
    struct mr_memory_use use = {0};
    mr_tile_add(lanes, per_tile, &memory, &use);
    return storage == MR_STORAGE_URAM ? use.uram : use.bram18;
}

START_TEST(tiles) {
    // Lanes by twos, where one would be left in each tile of five.
    ck_assert_uint_eq(mr_tile_lanes(25, 1, 2, NULL, 0), 8);
    ck_assert_uint_eq(mr_tile_lanes(30, 1, 2, NULL, 0), 6);
    ck_assert_uint_eq(mr_tile_lanes(9, 1, 2, NULL, 0), 9); // one tile
    ck_assert_uint_eq(mr_tile_lanes(40, 17, 2, NULL, 0), 18);
    // Without blocks that words could fill: equal tiles, about eight lanes.
    ck_assert_uint_eq(tile(8, 1, MR_STORAGE_LUTRAM, 64), 8);
    ck_assert_uint_eq(tile(25, 1, MR_STORAGE_LUTRAM, 64), 5);
    ck_assert_uint_eq(tile(1024, 2, MR_STORAGE_LUTRAM, 64), 8);
    ck_assert_uint_eq(tile(10, 1, MR_STORAGE_LUTRAM, 64), 10);
    ck_assert_uint_eq(tile(13, 1, MR_STORAGE_LUTRAM, 64), 13);
    ck_assert_uint_eq(tile(17, 1, MR_STORAGE_LUTRAM, 64), 8);
    ck_assert_uint_eq(tile(100, 12, MR_STORAGE_LUTRAM, 64), 12);
    ck_assert_uint_eq(tile(100, 32, MR_STORAGE_LUTRAM, 64), 32);
    ck_assert_uint_eq(tile(20, 32, MR_STORAGE_LUTRAM, 64), 20);
    // Nine lanes of 64 bits fill eight words of 72; the last tile has what is left.
    ck_assert_uint_eq(tile(1024, 1, MR_STORAGE_URAM, 64), 9);
    ck_assert_uint_eq(blocks_of(1024, 9, MR_STORAGE_URAM, 64), 113 * 8 + 7);
    ck_assert_uint_eq(blocks_of(1024, 8, MR_STORAGE_URAM, 64), 128 * 8);
    // In block RAM, of bytes of nine bits, all sizes take as many.
    ck_assert_uint_eq(tile(1024, 1, MR_STORAGE_BRAM, 64), 8);
    ck_assert_uint_eq(blocks_of(1024, 9, MR_STORAGE_BRAM, 64),
                      blocks_of(1024, 8, MR_STORAGE_BRAM, 64));
}
END_TEST

// Lanes in two kinds of memory, tile by tile; of the first kind the last words in LUTs.
START_TEST(parted_tiles) {
    const uint64_t last = _i ? 40 : 0;
    for (uint64_t lanes = 8; lanes < 40; lanes += 3)
        for (uint64_t from = 1; from < lanes; from++)
            for (uint64_t per_tile = 4; per_tile <= lanes; per_tile += 3) {
                const struct mr_lane_memory memory = {.storage = MR_STORAGE_URAM,
                                                      .lane = {1000, 1, 40, 1, last},
                                                      .copies = 2,
                                                      .from = from,
                                                      .rest = MR_STORAGE_BRAM};
                struct mr_memory_use use = {0}, wanted = {0};
                for (uint64_t at = 0; at < lanes; at += per_tile) {
                    uint64_t count[2] = {0}; // of its lanes
                    for (uint64_t lane = at; lane < at + per_tile && lane < lanes; lane++)
                        count[lane >= from]++;
                    wanted.uram += 2 * (count[0] ? uram(1000 - last, count[0], 40, 1) : 0);
                    wanted.lut += 2 * (last && count[0] ? lut(last, count[0], 40) : 0);
                    wanted.bram18 += 2 * (count[1] ? bram18(1000, count[1], 40, 1) : 0);
                }
                mr_tile_add(lanes, per_tile, &memory, &use);
                ck_assert_uint_eq(use.uram, wanted.uram);
                ck_assert_uint_eq(use.bram18, wanted.bram18);
                ck_assert_uint_eq(use.lut, wanted.lut);
            }
}
END_TEST

// No size of those that are tried takes fewer blocks.
START_TEST(best_tiles) {
    for (uint64_t lanes = 8; lanes < 200; lanes += 7)
        for (uint64_t bits = 8; bits < 600; bits += 24)
            for (int storage = MR_STORAGE_BRAM; storage <= MR_STORAGE_URAM; storage++) {
                const uint64_t n = tile(lanes, 1, (enum mr_storage)storage, bits);
                const uint64_t best = blocks_of(lanes, n, (enum mr_storage)storage, bits);
                ck_assert_uint_ge(n, 4);
                ck_assert_uint_le(n, 16);
                for (uint64_t k = 4; k <= 16 && k <= lanes; k++)
                    ck_assert_uint_le(best, blocks_of(lanes, k, (enum mr_storage)storage, bits));
            }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory_shape");
    TCase *tests = tcase_create("memory_shape");
    tcase_add_test(tests, blocks);
    tcase_add_test(tests, kinds);
    tcase_add_test(tests, tiles);
    tcase_add_loop_test(tests, parted_tiles, 0, 2);
    tcase_add_test(tests, best_tiles);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
