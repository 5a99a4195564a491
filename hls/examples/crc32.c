// SPDX-License-Identifier: Apache-2.0
// CRC-32 (IEEE 802.3, as zlib's crc32) of messages of bytes. A message ends with the byte whose `last`
// is set; its CRC leaves then. Rate: a byte a cycle, messages back to back.
#include "streams.h"

typedef struct {
    uint8_t data;
    bool last;
} crc32_byte_t;
HLS_STREAM_OF(crc32_byte_t)

// The well-known table of 256 words, by halves of its index: the CRC is linear, so an entry is the
// xor of two of these. Tables of 16 words are LUTs and read within the cycle.
static const uint32_t crc32_low[16] = {
    0x00000000, 0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f, 0xe963a535, 0x9e6495a3,
    0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988, 0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91};
static const uint32_t crc32_high[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

static uint32_t crc32_entry(uint8_t index) {
    return crc32_low[index & 15] ^ crc32_high[index >> 4];
}

void crc32_bytes(hls_stream(crc32_byte_t) *in, hls_stream(uint32_t) *out, uint32_t bytes) {
    static uint32_t crc = 0xffffffff; // of the message that has begun
message:
    for (uint32_t i = 0; i < bytes; i++) {
        HLS(pipeline II=1)
        const crc32_byte_t byte = hls_read(crc32_byte_t, in);
        // The textbook's entry of (crc ^ data) in two, so that data is ready before the last crc is.
        const uint32_t next = crc32_entry((uint8_t)crc) ^ ((crc >> 8) ^ crc32_entry(byte.data));
        if (byte.last)
            hls_write(uint32_t, out, ~next);
        crc = byte.last ? 0xffffffff : next;
    }
}
