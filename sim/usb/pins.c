// SPDX-License-Identifier: Apache-2.0
// A Verilated design as what is behind an emulated chip (line.h, pins.h).
#define _GNU_SOURCE
#include "pins.h"
#include "line.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICE = 512 }; // cycles between two looks at the host

struct design {
    void *library;
    const struct mr_usb_pins *pins;
    void *instance;
};

static int pass(void *self, const unsigned char *out, size_t *out_count, unsigned char *in,
                size_t *in_count, char *error, size_t error_size) {
    const struct design *design = self;
    return design->pins->pass(design->instance, SLICE, out, out_count, in, in_count, error,
                              error_size);
}

static void set_baud(void *self, double baud) {
    const struct design *design = self;
    design->pins->set_baud(design->instance, baud);
}

static uint64_t nanoseconds(const void *self) {
    const struct design *design = self;
    return design->pins->nanoseconds(design->instance);
}

// The library stays: Verilator's runtime has destructors of threads in it.
static void close_design(void *self) {
    struct design *design = self;
    if (design && design->instance)
        design->pins->close(design->instance);
    free(design);
}

static int fail(char *error, size_t error_size, const char *path, const char *why) {
    snprintf(error, error_size, "%s: %s", path, why);
    return -1;
}

int mr_usb_line_pins(struct usb_line *line, const char *path, const char *chip, char *error,
                     size_t error_size) {
    struct design *design = calloc(1, sizeof *design);
    const struct mr_usb_pins *(*describe)(void) = NULL;
    *line = (struct usb_line){design, pass, set_baud, nanoseconds, close_design};
    if (!design)
        return fail(error, error_size, path, "there is not enough memory for it");
    design->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!design->library)
        return fail(error, error_size, path, dlerror());
    *(void **)&describe = dlsym(design->library, "mr_usb_pins_describe");
    if (!describe)
        return fail(error, error_size, path, "is no design behind the pins of a USB chip");
    design->pins = describe();
    if (design->pins->abi != MR_USB_PINS_ABI)
        return fail(error, error_size, path,
                    "was built for another version of the emulator; build it again");
    if (strcmp(design->pins->chip, chip) != 0) {
        snprintf(error, error_size, "%s: has the pins of %s, and the chip in front is of %s", path,
                 design->pins->chip, chip);
        return -1;
    }
    design->instance = design->pins->open(error, error_size);
    return design->instance ? 0 : -1;
}
