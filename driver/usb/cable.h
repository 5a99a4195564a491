// SPDX-License-Identifier: Apache-2.0
// USB devices that can be a board of Millrace's, and pipes of bytes to them: FTDI's FT2232H (its
// second channel) and FT232H are serial lines, FT601 is a FIFO.
#ifndef MR_USB_CABLE_H
#define MR_USB_CABLE_H

#include "byte_pipe.h"

#include <libusb.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    MR_CABLE_BAUD = 3000000, // of a serial line; the board's image is made for it
    MR_CABLE_SERIAL = 28
};

// A kind of chip. Functions that return int give 0 or a code of libusb.
struct mr_cable_chip {
    uint16_t vendor, product;
    const char *name;
    // The device at this place. NULL: *code, and what could not be done (a verb and its object).
    void *(*open)(const struct mr_cable_chip *chip, uint8_t bus, uint8_t address, int *code,
                  const char **what);
    // As in struct mr_byte_pipe.
    int (*write)(void *opened, const uint8_t *bytes, size_t size, unsigned limit_ms,
                 size_t *written);
    int (*read)(void *opened, uint8_t *bytes, size_t size, unsigned limit_ms, size_t *count);
    int (*reset)(void *opened);
    void (*close)(void *opened);
};

extern const struct mr_cable_chip mr_cable_ft2232h, mr_cable_ft232h, mr_cable_ft601;

// A device that is plugged in.
struct mr_cable {
    const struct mr_cable_chip *chip;
    uint8_t bus, address;
    char serial[MR_CABLE_SERIAL]; // empty: it has none, or may not be opened
    bool denied;                  // it may not be opened
};

// Writes up to `capacity` devices that are plugged in; returns how many there are. Never fails.
size_t mr_cable_list(struct mr_cable *cables, size_t capacity);
// Opens the device of this serial number, or the only one (""). name: what messages call it, [room
// for "usb:" and a serial number].
int mr_cable_open(struct mr_byte_pipe *pipe, const char *serial, char *name,
                  const struct mr_cable_chip **chip, struct mr_error *error);
enum { MR_CABLE_NAME = MR_CABLE_SERIAL + 8 };

#endif
