// SPDX-License-Identifier: Apache-2.0
// Turns the lists of mr_packet.h into what RTL and people read: make_packet sv|md prints the
// SystemVerilog package or docs/packets.md.
#include "mr_packet.h"
#include <stdio.h>
#include <string.h>

#define ORIGIN                                                                                     \
    "Generated from base/contract/mr_packet.h by hw/make_packet.c (make registers); do not edit."

static void print_sv(void) {
    printf("// SPDX-License-Identifier: Apache-2.0\n// " ORIGIN "\n"
           "// The packets between a host and a device on a pipe of bytes.\npackage "
           "mr_packet_pkg;\n");
#define CONSTANT(name, value, text)                                                                \
    printf("  // %s\n  localparam logic [%d:0] %s = %d'h%x;\n", text, (value) > 255 ? 15 : 7,      \
           #name, (value) > 255 ? 16 : 8, (unsigned)(value));
    MR_PACKET_CONSTANTS(CONSTANT)
#undef CONSTANT
    printf("\n  // Commands.\n");
#define COMMAND(name, value, ...)                                                                  \
    printf("  localparam logic [7:0] COMMAND_%s = 8'h%x;\n", #name, (unsigned)(value));
    MR_PACKET_COMMANDS(COMMAND)
#undef COMMAND
    printf("\n  // Statuses.\n");
#define STATUS(name, value, text)                                                                  \
    printf("  localparam logic [2:0] STATUS_%s = 3'd%u;  // %s\n", #name, (unsigned)(value), text);
    MR_PACKET_STATUSES(STATUS)
#undef STATUS
    printf("\n  // Kinds of devices.\n");
#define KIND(name, value, text)                                                                    \
    printf("  localparam logic [15:0] KIND_%s = 16'd%u;  // %s\n", #name, (unsigned)(value), text);
    MR_PACKET_KINDS(KIND)
#undef KIND
    printf("\n  // The identity: first word of each part, of 16 bits.\n");
#define PART(name, word, words, text)                                                              \
    printf("  localparam int IDENTITY_%s = %u;\n", #name, (unsigned)(word));
    MR_PACKET_IDENTITY(PART)
#undef PART
    printf("  localparam int IDENTITY_WORDS = %u;\nendpackage\n", MR_IDENTITY_BYTES / 2u);
}

static void print_md(void) {
    printf("# Packets\n\n" ORIGIN "\n[usb.md](usb.md) says how they are used.\n");
    printf("\n## Header\n\nBehind the header: the payload, then the CRC-32 (zlib's) of all bytes "
           "from the version on, low byte first.\n\n| byte | name | |\n|---|---|---|\n");
#define ROW(name, value, text) printf("| %u | %s | %s |\n", (unsigned)(value), #name, text);
    MR_PACKET_HEADER_BYTES(ROW)
    printf("\n## Commands\n\nAddresses, counts and registers are 4 bytes, low byte first.\n\n"
           "| value | command | request's payload | answer's payload | "
           "|\n|---|---|---|---|---|\n");
#define COMMAND(name, value, request, answer, text)                                                \
    printf("| %u | %s | %s | %s | %s |\n", (unsigned)(value), #name, request, answer, text);
    MR_PACKET_COMMANDS(COMMAND)
#undef COMMAND
    printf("\n## Statuses\n\n| value | status | |\n|---|---|---|\n");
    MR_PACKET_STATUSES(ROW)
    printf("\n## Identity\n\nNumbers of more than a byte have the low byte first.\n\n"
           "| byte | bytes | name | |\n|---|---|---|---|\n");
#define PART(name, word, words, text)                                                              \
    printf("| %u | %u | %s | %s |\n", 2u * (word), 2u * (words), #name, text);
    MR_PACKET_IDENTITY(PART)
#undef PART
}

int main(int count, char **words) {
    if (count == 2 && !strcmp(words[1], "sv"))
        print_sv();
    else if (count == 2 && !strcmp(words[1], "md"))
        print_md();
    else {
        fprintf(stderr, "usage: %s sv|md\n", words[0]);
        return 2;
    }
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
