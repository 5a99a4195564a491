// SPDX-License-Identifier: Apache-2.0
// An emulated USB bus: devices that unmodified libusb finds in a testbed of umockdev's, each an
// emulated chip (chip.h) with something behind it (line.h), and faults on command.
#ifndef MR_USB_BUS_H
#define MR_USB_BUS_H

#include "chip.h"
#include "faults.h"

#include <umockdev.h>

// A device as the command line says it: "CHIP:SERIAL:BEHIND" or "CHIP:SERIAL:BEHIND:FAULTS".
// BEHIND is "echo" or the path of a Verilated design.
struct usb_description {
    const struct usb_chip_kind *kind;
    char serial[32], behind[4096];
    struct usb_faults faults;
};

struct usb_device;

// 0, or -1 with a sentence.
int mr_usb_describe(struct usb_description *description, const char *text, char *error,
                    size_t error_size);

// Plugs it in, as the n-th device of the testbed's bus, counted from 0. NULL with a sentence.
struct usb_device *mr_usb_plug(UMockdevTestbed *testbed, unsigned number,
                               const struct usb_description *description, char *error,
                               size_t error_size);
// Pulls it, when it was not; NULL is legal.
void mr_usb_remove(struct usb_device *device);

#endif
