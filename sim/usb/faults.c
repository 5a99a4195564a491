// SPDX-License-Identifier: Apache-2.0
// Faults of an emulated USB device (faults.h).
#define _GNU_SOURCE
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GARBAGE = 37, STUCK_NS = 1000000 };

static const char *const names[] = {
#define MR_USB_FAULT_NAME(name, text, what) text,
    MR_USB_FAULT_MAP(MR_USB_FAULT_NAME)
#undef MR_USB_FAULT_NAME
};
enum { KINDS = sizeof names / sizeof *names };

static int bad(char *error, size_t error_size, const char *what, size_t length) {
    snprintf(error, error_size,
             "'%.*s' is no fault of a USB device; known are NAME@NUMBER with"
#define MR_USB_FAULT_TEXT(name, text, what) " " text
             MR_USB_FAULT_MAP(MR_USB_FAULT_TEXT) ", up to %d",
#undef MR_USB_FAULT_TEXT
             (int)length, what, USB_FAULTS);
    return -1;
}

int mr_usb_faults_read(struct usb_faults *faults, const char *text, char *error,
                       size_t error_size) {
    *faults = (struct usb_faults){.random = 1};
    while (*text) {
        const size_t length = strcspn(text, ","), name = strcspn(text, "@,");
        unsigned kind = 0;
        while (kind < KINDS &&
               (strlen(names[kind]) != name || memcmp(names[kind], text, name) != 0))
            kind++;
        char *end = (char *)text + name;
        const uint64_t at = name < length ? strtoull(text + name + 1, &end, 10) : 0;
        if (kind == KINDS || end != text + length || faults->count == USB_FAULTS)
            return bad(error, error_size, text, length);
        faults->list[faults->count].kind = (enum usb_fault_kind)kind;
        faults->list[faults->count++].at = at;
        text += length + (text[length] == ',');
    }
    return 0;
}

bool mr_usb_faults_next_is(const struct usb_faults *faults, enum usb_fault_kind kind) {
    return faults->count && faults->list[0].kind == kind;
}

void mr_usb_faults_happened(struct usb_faults *faults) {
    faults->count--;
    memmove(faults->list, faults->list + 1, faults->count * sizeof *faults->list);
}

static unsigned char draw(struct usb_faults *faults) { // xorshift
    faults->random ^= faults->random << 13;
    faults->random ^= faults->random >> 17;
    faults->random ^= faults->random << 5;
    return (unsigned char)(faults->random >> 24);
}

// Begins the faults whose time has come; both rooms end where that of the next one comes.
static void begin_due(struct usb_faults *faults, size_t *out_room, size_t *in_room) {
    while (faults->count) {
        const enum usb_fault_kind kind = faults->list[0].kind;
        const bool incoming = kind == USB_FAULT_DROP_IN || kind == USB_FAULT_GARBAGE_IN;
        const uint64_t at = faults->list[0].at, passed = incoming ? faults->from : faults->to;
        size_t *room = incoming ? in_room : out_room;
        if (kind == USB_FAULT_PLUG || kind == USB_FAULT_DENY)
            return;
        if (passed < at) {
            if (*room > at - passed)
                *room = (size_t)(at - passed);
            return;
        }
        faults->drop |= kind == USB_FAULT_DROP;
        faults->drop_in |= kind == USB_FAULT_DROP_IN;
        faults->stuck |= kind == USB_FAULT_STUCK;
        faults->pulled |= kind == USB_FAULT_PULL;
        if (kind == USB_FAULT_GARBAGE)
            faults->garbage = GARBAGE;
        if (kind == USB_FAULT_GARBAGE_IN)
            faults->garbage_in = GARBAGE;
        mr_usb_faults_happened(faults);
    }
}

static void fill(struct usb_faults *faults, unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        bytes[i] = draw(faults);
}

static int pass(void *self, const unsigned char *out, size_t *out_count, unsigned char *in,
                size_t *in_count, char *error, size_t error_size) {
    struct usb_faults *faults = self;
    const struct usb_line *behind = &faults->behind;
    unsigned char garbage[GARBAGE], lost;
    size_t out_room = *out_count, in_room = *in_count;
    begin_due(faults, &out_room, &in_room);
    if (faults->stuck || faults->pulled) { // no need to simulate it
        *out_count = *in_count = 0;
        nanosleep(&(struct timespec){.tv_nsec = STUCK_NS}, NULL);
        faults->stuck_ns += STUCK_NS;
        return 0;
    }
    const bool drop = faults->drop && *out_count, drop_in = faults->drop_in && *in_count;
    const unsigned out_garbage = faults->garbage, in_garbage = faults->garbage_in;
    fill(faults, garbage, GARBAGE);
    if (drop)
        out_room = 0;
    else if (out_garbage)
        out_room = out_garbage;
    if (in_garbage)
        in_room = 0;
    else if (drop_in)
        in_room = 1;
    if (behind->pass(behind->self, out_garbage ? garbage : out, &out_room, drop_in ? &lost : in,
                     &in_room, error, error_size))
        return -1;
    // What the chip sees of it.
    *out_count = drop ? 1 : out_garbage ? 0 : out_room;
    if (!drop && out_garbage)
        faults->garbage -= (unsigned)out_room;
    faults->drop &= !drop;
    if (in_garbage) {
        *in_count = *in_count < in_garbage ? *in_count : in_garbage;
        fill(faults, in, *in_count);
        faults->garbage_in -= (unsigned)*in_count;
    } else {
        faults->drop_in &= !(drop_in && in_room);
        faults->from += in_room;
        *in_count = drop_in ? 0 : in_room;
    }
    faults->to += *out_count;
    return 0;
}

static void set_baud(void *self, double baud) {
    const struct usb_faults *faults = self;
    faults->behind.set_baud(faults->behind.self, baud);
}

static uint64_t nanoseconds(const void *self) {
    const struct usb_faults *faults = self;
    return faults->behind.nanoseconds(faults->behind.self) + faults->stuck_ns;
}

static void close_line(void *self) {
    struct usb_faults *faults = self;
    faults->behind.close(faults->behind.self);
    faults->behind = (struct usb_line){0};
}

struct usb_line mr_usb_faults_line(struct usb_faults *faults, struct usb_line behind) {
    faults->behind = behind;
    faults->to = faults->from = 0;
    faults->garbage = faults->garbage_in = 0;
    faults->stuck_ns = 0;
    faults->drop = faults->drop_in = faults->stuck = faults->pulled = false;
    return (struct usb_line){faults, pass, set_baud, nanoseconds, close_line};
}
