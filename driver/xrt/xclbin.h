// SPDX-License-Identifier: Apache-2.0
// Card images in AMD's xclbin format: writing those of the emulated card, reading what an image
// says of itself before a card is touched.
#ifndef MR_XCLBIN_H
#define MR_XCLBIN_H

#include "design_hash.h"
#include "file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MR_XCLBIN_UUID = 16 }; // bytes

struct mr_xclbin_spec {
    const char *registers;  // path of the kernel's description, hw/registers.json
    const char *target;     // "u55c"
    const char *part;       // as Vivado calls it
    uint64_t register_base; // of the kernel's window
    uint64_t memory_base, memory_size;
    unsigned memories; // of the network, each with a bank
    unsigned clock_mhz;
    const char *manifest; // JSON, kept in the image (mr_xclbin_read)
    // The emulated card: files that go into the image, and the script that starts it in a folder
    // that holds them.
    const struct mr_xclbin_file *files;
    size_t file_count;
};

struct mr_xclbin_file {
    const char *path, *name; // on this machine, and in the image
    bool executable;
    const char *text; // instead of the file at path; or NULL
};

// Writes an image for hardware emulation. Its UUID follows from its content. 0, or -1 with a
// sentence in error.
int mr_xclbin_write(const char *path, const struct mr_xclbin_spec *spec, char *error,
                    size_t error_size);

// The UUID of an image with these sections. 0, or -1 for want of memory.
int mr_xclbin_uuid(const struct mr_piece *sections, size_t count, unsigned char *uuid);

// What an image says of itself.
struct mr_xclbin_info {
    bool emulation;  // for hardware emulation, else for a card
    char target[32]; // "" when it is none of ours
    struct mr_design_hash hash;
    char platform[64]; // the card's shell that it was linked for
};

// Checks the whole frame of the file, so that a truncated one never reaches XRT, and of an emulated
// card all that XRT builds on. 0, or -1 with a sentence in error.
int mr_xclbin_read(const char *path, struct mr_xclbin_info *info, char *error, size_t error_size);

// Unpacks the files of an image for emulation into a new folder. 0, or -1 with a sentence in error.
int mr_xclbin_unpack(const char *path, const char *folder, char *error, size_t error_size);

// Where XRT looks in that folder for simulate.sh, which starts the card.
#define MR_XCLBIN_SCRIPT_FOLDER "behav_waveform/xsim"

#endif
