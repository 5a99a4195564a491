// SPDX-License-Identifier: Apache-2.0
// The packets between a host and a device that hangs on a pipe of bytes (docs/usb.md): header,
// commands, states and the device's identity. The driver includes these lists; hw/make_packet.c
// makes of them the package of the RTL (hw/usb/mr_packet_pkg.sv) and docs/packets.md, so that the
// two sides cannot drift.
#ifndef MR_PACKET_H
#define MR_PACKET_H

// X(name, value, text)
#define MR_PACKET_CONSTANTS(X)                                                                     \
    X(SYNC_0, 0x4d, "first byte of a packet: M")                                                   \
    X(SYNC_1, 0x52, "second byte: R")                                                              \
    X(VERSION, 1, "third byte; packets of another version are answered by status VERSION")         \
    X(ANSWER, 0x80, "added to the command in an answer")                                           \
    X(HEADER, 8, "bytes before the payload")                                                       \
    X(CHECK, 4, "bytes of CRC-32 behind it")                                                       \
    X(PAYLOAD_LEAST, 256,                                                                          \
      "a device's greatest payload is a multiple of 4, at least so many bytes")                    \
    X(PAYLOAD_MOST, 65532, "and at most so many")                                                  \
    X(EARLY, 0x8000, "added to `wanted` of STREAM: words that are not there are not waited for")

// The bytes of a header: X(name, offset, text).
#define MR_PACKET_HEADER_BYTES(X)                                                                  \
    X(SYNC, 0, "0x4d 0x52")                                                                        \
    X(VERSION, 2, "of the protocol")                                                               \
    X(SEQUENCE, 3, "number of the request; its answer has the same. 0: done each time it comes")   \
    X(COMMAND, 4, "of a request; an answer has 0x80 more")                                         \
    X(STATUS, 5, "of an answer; 0 in a request")                                                   \
    X(LENGTH, 6, "bytes of payload, 2 bytes, low one first; even")

// X(name, value, request's payload, answer's payload, what it does)
#define MR_PACKET_COMMANDS(X)                                                                      \
    X(IDENTIFY, 1, "-", "the identity", "says what the device is and what it counted")             \
    X(RESET, 2, "-", "-", "resets the kernel: what it was doing is gone")                          \
    X(STREAM, 3, "wanted (2 bytes), words for the kernel", "words of the kernel, taken (2 bytes)", \
      "gives the kernel words and takes up to `wanted` from it, both at once, until all are "      \
      "moved "                                                                                     \
      "or nothing moves for the device's patience; with 0x8000 in `wanted` until all words went "  \
      "in; "                                                                                       \
      "`taken` words of the request went in")                                                      \
    X(READ_REGISTERS, 4, "address, count", "count registers", "reads registers of 4 bytes")        \
    X(WRITE_REGISTERS, 5, "address, registers", "-", "writes registers of 4 bytes")                \
    X(READ_MEMORY, 6, "address, count", "count x 4 bytes", "reads memory")                         \
    X(WRITE_MEMORY, 7, "address, bytes", "-", "writes memory, 4 bytes at a time")

// X(name, value, text): what an answer says of its request. Of all but OK nothing more follows.
#define MR_PACKET_STATUSES(X)                                                                      \
    X(OK, 0, "done")                                                                               \
    X(VERSION, 1, "the request is of another version of the protocol")                             \
    X(COMMAND, 2, "the device does not know the command, or its kernel has nothing for it")        \
    X(ARGUMENT, 3, "the payload has a length, address or count that is not allowed")               \
    X(STALLED, 4, "the kernel's registers did not answer within the device's patience")            \
    X(BUS, 5, "the kernel's registers answered with an error")                                     \
    X(FRESH, 6, "the device was reset; it begins with a request of number 0")

// The identity: words of 16 bits, low byte first, low word first: X(name, word, words, text).
#define MR_PACKET_IDENTITY(X)                                                                      \
    X(KIND, 0, 1, "what is behind the packets: 1 a folded kernel, 2 a pipeline")                   \
    X(PAYLOAD, 1, 1, "bytes of payload that a packet has at most, either way")                     \
    X(CLOCK_KHZ, 2, 2, "the kernel's clock")                                                       \
    X(MEMORY, 4, 2, "bytes of memory; 0 of a folded kernel")                                       \
    X(HASH, 6, 8, "of the image's sources, 16 bytes")                                              \
    X(LIMITS, 14, 8, "what the kernel was built for; the kernel's documentation says what")        \
    X(BUSY, 22, 2,                                                                                 \
      "of a folded kernel: cycles since reset, modulo 2^32, in which it waited neither for a "     \
      "word nor for room for one")                                                                 \
    X(REQUESTS, 24, 1, "requests done, modulo 2^16; repeated ones count once")                     \
    X(REJECTED, 25, 1, "packets that broke off or had a wrong CRC, modulo 2^16")

#define MR_PACKET_KINDS(X)                                                                         \
    X(FOLDED, 1, "a folded kernel: two streams of words")                                          \
    X(PIPELINE, 2, "a pipeline with the registers of a card's kernel, and memory")

#define MR_PACKET_VALUE(name, value, ...) MR_PACKET_##name = (value),
enum { MR_PACKET_CONSTANTS(MR_PACKET_VALUE) };
#undef MR_PACKET_VALUE
#define MR_PACKET_VALUE(name, value, ...) MR_PACKET_AT_##name = (value),
enum { MR_PACKET_HEADER_BYTES(MR_PACKET_VALUE) };
#undef MR_PACKET_VALUE
#define MR_PACKET_VALUE(name, value, ...) MR_PACKET_COMMAND_##name = (value),
enum { MR_PACKET_COMMANDS(MR_PACKET_VALUE) };
#undef MR_PACKET_VALUE
#define MR_PACKET_VALUE(name, value, ...) MR_PACKET_STATUS_##name = (value),
enum { MR_PACKET_STATUSES(MR_PACKET_VALUE) };
#undef MR_PACKET_VALUE
#define MR_PACKET_VALUE(name, value, ...) MR_PACKET_KIND_##name = (value),
enum { MR_PACKET_KINDS(MR_PACKET_VALUE) };
#undef MR_PACKET_VALUE
#define MR_PACKET_VALUE(name, word, words, text)                                                   \
    MR_IDENTITY_##name = 2 * (word), MR_IDENTITY_##name##_END = 2 * ((word) + (words)),
enum { MR_PACKET_IDENTITY(MR_PACKET_VALUE) MR_IDENTITY_BYTES = MR_IDENTITY_REJECTED_END };
#undef MR_PACKET_VALUE

#endif
