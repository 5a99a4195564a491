// SPDX-License-Identifier: Apache-2.0
// Packets to bytes and back: what is found among other bytes. Writes the seeds of packet_fuzz.
#include "packet.h"
#include "random.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PAYLOAD = 512 };

static size_t put(uint8_t *bytes, uint8_t sequence, const uint8_t *payload, uint32_t length) {
    const struct mr_packet packet = {.version = 1,
                                     .sequence = sequence,
                                     .command = MR_PACKET_COMMAND_STREAM,
                                     .length = length,
                                     .payload = payload};
    mr_packet_write(bytes, &packet);
    return mr_packet_size(length);
}

static void add(struct mr_packet_finder *finder, const uint8_t *bytes, size_t size) {
    size_t room;
    uint8_t *to = mr_packet_finder_room(finder, &room);
    ck_assert_uint_le(size, room);
    memcpy(to, bytes, size);
    mr_packet_finder_add(finder, size);
}

START_TEST(test_bytes) {
    // Of a packet that another program made: python3 -c "import zlib; zlib.crc32(...)".
    static const uint8_t wanted[] = {'M', 'R', 1,    7,    3,    0,    4,    0,
                                     1,   0,   0x34, 0x12, 0xae, 0xce, 0x18, 0x8d};
    uint8_t bytes[sizeof wanted];
    ck_assert_uint_eq(put(bytes, 7, (const uint8_t[]){1, 0, 0x34, 0x12}, 4), sizeof wanted);
    ck_assert_mem_eq(bytes, wanted, sizeof wanted);
}
END_TEST

START_TEST(test_limits) {
    struct mr_packet_finder finder;
    struct mr_packet packet;
    uint8_t payload[PAYLOAD + 2] = {0}, bytes[PAYLOAD + 16];
    ck_assert(mr_packet_finder_make(&finder, PAYLOAD));
    add(&finder, bytes, put(bytes, 1, payload, PAYLOAD));
    ck_assert(mr_packet_find(&finder, &packet));
    ck_assert_uint_eq(packet.length, PAYLOAD);
    size_t size = put(bytes, 2, payload, PAYLOAD + 2); // one that no such device gives
    add(&finder, bytes, size - 8);
    ck_assert(!mr_packet_find(&finder, &packet));
    ck_assert(!mr_packet_find_other(&finder, &packet));
    add(&finder, bytes, put(bytes, 3, payload, 0));
    ck_assert(mr_packet_find(&finder, &packet));
    ck_assert_uint_eq(packet.sequence, 3);
    // A beginning that hides the next packet is given up.
    size = put(bytes, 4, payload, 100);
    ck_assert_uint_eq(mr_packet_finder_missing(&finder), mr_packet_size(0));
    add(&finder, bytes, 7);
    ck_assert(!mr_packet_find(&finder, &packet));
    ck_assert_uint_eq(mr_packet_finder_missing(&finder), mr_packet_size(0) - 7);
    add(&finder, bytes + 7, 2);
    ck_assert(!mr_packet_find(&finder, &packet));
    ck_assert_uint_eq(mr_packet_finder_missing(&finder), mr_packet_size(100) - 9);
    add(&finder, bytes, put(bytes, 5, payload, 10));
    ck_assert(!mr_packet_find(&finder, &packet));
    ck_assert(mr_packet_find_other(&finder, &packet));
    ck_assert_uint_eq(packet.sequence, 5);
    mr_packet_finder_free(&finder);
}
END_TEST

// Packets among random bytes, in random parts: all that are whole are found, in order.
START_TEST(test_random) {
    const uint64_t seed = (uint64_t)time(NULL);
    uint64_t state = seed;
    printf("packet_test: seed %llu\n", (unsigned long long)seed);
    struct mr_packet_finder finder;
    struct mr_packet packet;
    ck_assert(mr_packet_finder_make(&finder, PAYLOAD));
    for (int round = 0; round < 2000; round++) {
        uint8_t stream[8 * (PAYLOAD + 64)], payload[PAYLOAD], sent[8];
        size_t size = 0;
        const int count = random_between(&state, 1, 8);
        for (int i = 0; i < count; i++) {
            for (int junk = random_between(&state, -20, 20); junk > 0; junk--) {
                const uint8_t byte = (uint8_t)random_bits(&state);
                stream[size++] = byte == MR_PACKET_SYNC_1 ? 0 : byte; // it begins no packet
            }
            const uint32_t length = 2 * (uint32_t)random_between(&state, 0, PAYLOAD / 2);
            for (uint32_t k = 0; k < length; k++)
                payload[k] = (uint8_t)random_bits(&state);
            sent[i] = (uint8_t)random_bits(&state);
            size += put(stream + size, sent[i], payload, length);
        }
        int found = 0;
        for (size_t at = 0; at < size;) {
            size_t room;
            mr_packet_finder_room(&finder, &room);
            size_t part = (size_t)random_between(&state, 1, 400);
            part = part < room ? part : room;
            part = part < size - at ? part : size - at;
            add(&finder, stream + at, part);
            at += part;
            while (mr_packet_find(&finder, &packet)) {
                ck_assert_int_lt(found, count);
                ck_assert_uint_eq(packet.sequence, sent[found++]);
            }
        }
        ck_assert_int_eq(found, count);
    }
    mr_packet_finder_free(&finder);
}
END_TEST

START_TEST(test_seeds) {
    uint8_t bytes[400], payload[52] = {1, 0, 0, 2};
    mkdir("build", 0777);
    mkdir("build/fuzz", 0777);
    FILE *file = fopen("build/fuzz/packets.bytes", "wb");
    ck_assert_ptr_nonnull(file);
    size_t size = put(bytes, 1, payload, 52);
    size += put(bytes + size, 2, payload, 0);
    size += put(bytes + size, 3, payload, 20);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    // Of packet_fuzz's device: an identity, an answer to RESET, and two to STREAM.
    file = fopen("build/fuzz/answers.bytes", "wb");
    ck_assert_ptr_nonnull(file);
    static const uint8_t stream[] = {0, 3, 7, 0, 8, 0, 1, 0, 0, 1, 255, 0, 0, 1, 2, 0};
    fwrite((const uint8_t[]){0, 26}, 1, 2, file);
    fwrite(payload, 1, 52, file);
    fwrite((const uint8_t[]){0, 0}, 1, 2, file);
    fwrite(stream, 1, sizeof stream, file);
    ck_assert_int_eq(fclose(file), 0);
}
END_TEST

int main(void) {
    TCase *all = tcase_create("packet");
    tcase_add_test(all, test_bytes);
    tcase_add_test(all, test_limits);
    tcase_add_test(all, test_random);
    tcase_add_test(all, test_seeds);
    Suite *suite = suite_create("packet");
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
