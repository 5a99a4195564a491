// SPDX-License-Identifier: Apache-2.0
// The list of emulated chips (chip.h).
#include "chip.h"

#include <string.h>

static const struct usb_chip_kind *const chips[] = {&mr_usb_ft2232h, &mr_usb_ft232h, &mr_usb_ft601};
enum { CHIPS = sizeof chips / sizeof *chips };

const struct usb_chip_kind *mr_usb_chip_at(size_t n) {
    return n < CHIPS ? chips[n] : NULL;
}

const struct usb_chip_kind *mr_usb_chip_find(const char *name) {
    for (size_t i = 0; i < CHIPS; i++)
        if (!strcmp(chips[i]->name, name))
            return chips[i];
    return NULL;
}
