// SPDX-License-Identifier: Apache-2.0
// An emulated USB chip: what the host sees of it on the bus, and bytes behind it on a line
// (line.h). A chip belongs to one thread. Standard requests are answered by the bus, from these
// descriptors.
#ifndef MR_USB_CHIP_H
#define MR_USB_CHIP_H

#include "line.h"

#include <stddef.h>
#include <stdint.h>

// As it is on the wire, but for the order of bytes.
struct usb_setup {
    uint8_t type, request;
    uint16_t value, index, length;
};

struct usb_chip_kind {
    const char *name;   // on the command line: "ft2232h"
    const char *pins;   // what a design behind it has: that of struct mr_usb_pins
    const char *speed;  // in Mbit/s, as sysfs writes it
    const char *driver; // of the kernel, which holds its interfaces at first; or NULL
    const char *product;
    unsigned interfaces;
    uint16_t packet; // the most bytes of a bulk packet
    // The device's descriptor and that of its one configuration, one behind the other.
    const unsigned char *descriptors;
    size_t descriptors_size;
    // NULL when memory ran out. The line stays the caller's.
    void *(*open)(struct usb_line *line);
    // A request of the vendor's. data: [setup->length], to the device or from it. The bytes that
    // moved, or a negative errno value: -EPIPE for one that the chip does not know.
    int (*control)(void *chip, const struct usb_setup *setup, unsigned char *data);
    // Bulk: takes up to `count` bytes; those taken, 0: none now.
    size_t (*out)(void *chip, uint8_t endpoint, const unsigned char *data, size_t count);
    // Bulk: one packet into data, of so many bytes at most. Its size; -1: none now.
    int (*in)(void *chip, uint8_t endpoint, unsigned char *data, size_t room);
    // A while passes. 0, or -1 with a sentence.
    int (*pass)(void *chip, char *error, size_t error_size);
    void (*close)(void *chip); // NULL is legal
};

// The chip of this name, or NULL; the n-th one, or NULL.
const struct usb_chip_kind *mr_usb_chip_find(const char *name);
const struct usb_chip_kind *mr_usb_chip_at(size_t n);

extern const struct usb_chip_kind mr_usb_ft2232h, mr_usb_ft232h, mr_usb_ft601;

#endif
