// SPDX-License-Identifier: Apache-2.0
// What is behind an emulated USB chip: a pipe of bytes to a device and back. Time is the device's
// own and passes only inside of `pass`.
//
// Functions that return int give 0, or -1 with a sentence in error; after that the device is of no
// use any more. A line belongs to one thread.
#ifndef MR_USB_LINE_H
#define MR_USB_LINE_H

#include <stddef.h>
#include <stdint.h>

struct usb_line {
    void *self;
    // A while passes. Offers `*out_count` bytes to the device and has room for `*in_count` of its
    // own; sets both to those that passed.
    int (*pass)(void *self, const unsigned char *out, size_t *out_count, unsigned char *in,
                size_t *in_count, char *error, size_t error_size);
    // Bits per second of a serial line, as the chip has them from now on.
    void (*set_baud)(void *self, double baud);
    uint64_t (*nanoseconds)(const void *self); // since the start
    void (*close)(void *self);                 // NULL is legal
};

// Each fills `line`. 0, or -1 with a sentence.
//
// A device that sends back what it gets, in C.
int mr_usb_line_echo(struct usb_line *line, char *error, size_t error_size);
// A Verilated design (pins.h) in a shared object. chip: the one that its pins are for must be this.
int mr_usb_line_pins(struct usb_line *line, const char *path, const char *chip, char *error,
                     size_t error_size);

#endif
