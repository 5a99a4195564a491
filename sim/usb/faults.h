// SPDX-License-Identifier: Apache-2.0
// Faults of an emulated USB device: what happens to the bytes between a chip and what is behind it,
// and to its cable. A list of them: "drop@100,garbage@200,pull@5000,plug@300".
#ifndef MR_USB_FAULTS_H
#define MR_USB_FAULTS_H

#include "line.h"

#include <stdbool.h>

// Name, what happens and when: when so many bytes went to the device since it was plugged in (or
// came from it, for those that end in -in), or so many ms after the last fault.
#define MR_USB_FAULT_MAP(X)                                                                        \
    X(DROP, "drop", "a byte on its way to the device is lost")                                     \
    X(DROP_IN, "drop-in", "a byte on its way to the host is lost")                                 \
    X(GARBAGE, "garbage", "37 bytes that nobody sent go to the device")                            \
    X(GARBAGE_IN, "garbage-in", "37 bytes that nobody sent come to the host")                      \
    X(STUCK, "stuck", "the device takes and gives nothing from here on")                           \
    X(PULL, "pull", "the cable is pulled")                                                         \
    X(PLUG, "plug", "the cable is plugged in again, the device as after power-up")                 \
    X(BACK, "back", "the same, and it had power meanwhile: the device as it was")                  \
    X(DENY, "deny", "from the start: the user may not open the device")

enum usb_fault_kind {
#define MR_USB_FAULT_ENUMERATOR(name, text, what) USB_FAULT_##name,
    MR_USB_FAULT_MAP(MR_USB_FAULT_ENUMERATOR)
#undef MR_USB_FAULT_ENUMERATOR
};

enum { USB_FAULTS = 16 };

struct usb_faults {
    struct {
        enum usb_fault_kind kind;
        uint64_t at;
    } list[USB_FAULTS]; // those that did not happen yet, in order
    unsigned count;
    struct usb_line behind; // the device itself
    uint64_t to, from;      // bytes since it was plugged in
    unsigned garbage;       // bytes of it that are still to pass
    uint32_t random;
    bool drop; // the next byte
    bool stuck, pulled;
    uint64_t stuck_ns; // that passed meanwhile
};

// 0, or -1 with a sentence.
int mr_usb_faults_read(struct usb_faults *faults, const char *text, char *error, size_t error_size);
bool mr_usb_faults_next_is(const struct usb_faults *faults, enum usb_fault_kind kind);
void mr_usb_faults_happened(struct usb_faults *faults);
// The device of a line that was pulled is plugged in again as it was.
void mr_usb_faults_back(struct usb_faults *faults);
// The line with faults, of one that was just plugged in, which it becomes the owner of.
struct usb_line mr_usb_faults_line(struct usb_faults *faults, struct usb_line behind);

#endif
