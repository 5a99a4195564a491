// SPDX-License-Identifier: Apache-2.0
// Emulated USB devices for `millrace emulate`.
#ifndef MR_USB_EMULATION_H
#define MR_USB_EMULATION_H

#include "millrace.h"

#include <stddef.h>

// Builds what is behind an emulated device, unless the cache has it, and writes the device as the
// program millrace_usb takes it. board: its name; NULL: the pipeline of the model (else NULL)
// behind an FT601. faults: as that program takes them, "": none. 0, or a code with a sentence.
int mr_usb_emulation_device(const char *board, const struct mr_model *model,
                            const struct mr_options *options, const char *serial,
                            const char *faults, char *word, size_t word_size,
                            struct mr_error *error);
// Where that program is. 0, or a code with a sentence.
int mr_usb_emulation_program(char *path, size_t path_size, struct mr_error *error);

#endif
