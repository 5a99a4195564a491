// SPDX-License-Identifier: Apache-2.0
// A Verilated design behind the pins of a USB chip, as a shared object: what the emulated chip
// loads. Bytes go in and come out at the pins, as the chip has them there. Time passes only inside
// these calls.
//
// Functions return 0, or -1 with a sentence in error; after that the design is of no use any more.
#ifndef MR_USB_PINS_H
#define MR_USB_PINS_H

#include <stddef.h>
#include <stdint.h>

#define MR_USB_PINS_ABI 1u

struct mr_usb_pins {
    uint32_t abi;     // MR_USB_PINS_ABI
    const char *chip; // "uart": any chip with a serial line; "ft601": its FIFO
    // NULL on failure.
    void *(*open)(char *error, size_t error_size);
    void (*set_baud)(void *instance, double baud);
    // So many cycles of the design's clock. Offers `*out_count` bytes and has room for `*in_count`;
    // sets both to those that passed.
    int (*pass)(void *instance, uint32_t cycles, const unsigned char *out, size_t *out_count,
                unsigned char *in, size_t *in_count, char *error, size_t error_size);
    uint64_t (*nanoseconds)(const void *instance);
    void (*close)(void *instance);
};

// The shared object's only export.
const struct mr_usb_pins *mr_usb_pins_describe(void);

#endif
