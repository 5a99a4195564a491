// SPDX-License-Identifier: Apache-2.0
// Faults of an emulated USB device (faults.h).
#define _GNU_SOURCE
#include "faults.h"

#include <stdio.h>
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

// Digits, up to 2^32 - 1.
static bool take_number(const char *text, size_t length, uint64_t *number) {
    *number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
        if (*number > UINT32_MAX)
            return false;
    }
    return length > 0;
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
        uint64_t at;
        if (kind == KINDS || name == length ||
            !take_number(text + name + 1, length - name - 1, &at) || faults->count == USB_FAULTS)
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

static bool incoming(enum usb_fault_kind kind) {
    return kind == USB_FAULT_DROP_IN || kind == USB_FAULT_GARBAGE_IN;
}

// Begins the faults to the device whose time has come, one after the other; the room ends where
// that of the next one comes.
static void begin_due(struct usb_faults *faults, size_t *room) {
    while (faults->count && !faults->drop && !faults->garbage) {
        const enum usb_fault_kind kind = faults->list[0].kind;
        const uint64_t at = faults->list[0].at, passed = faults->to;
        if (incoming(kind) || kind == USB_FAULT_PLUG || kind == USB_FAULT_BACK ||
            kind == USB_FAULT_DENY)
            return;
        if (passed < at) {
            if (*room > at - passed)
                *room = (size_t)(at - passed);
            return;
        }
        faults->drop |= kind == USB_FAULT_DROP;
        faults->stuck |= kind == USB_FAULT_STUCK;
        faults->pulled |= kind == USB_FAULT_PULL;
        if (kind == USB_FAULT_GARBAGE)
            faults->garbage = GARBAGE;
        mr_usb_faults_happened(faults);
    }
}

static void fill(struct usb_faults *faults, unsigned char *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        bytes[i] = draw(faults);
}

// Room that a chip must have for bytes that came from the device, beside theirs.
static size_t margin(const struct usb_faults *faults) {
    size_t bytes = 0;
    for (unsigned i = 0; i < faults->count && incoming(faults->list[i].kind); i++)
        bytes += GARBAGE;
    return bytes;
}

// Bytes that came from the device, in that room: those that the chip gets.
static size_t spoil(struct usb_faults *faults, unsigned char *in, size_t count) {
    const uint64_t from = faults->from;
    size_t gained = 0, lost = 0; // before the fault
    faults->from += count;
    while (count && faults->count && incoming(faults->list[0].kind) &&
           faults->list[0].at < faults->from) {
        const uint64_t at = faults->list[0].at;
        size_t index = (at > from ? (size_t)(at - from) : 0) + gained;
        index -= lost < index ? lost : index;
        unsigned char *place = in + index;
        if (faults->list[0].kind == USB_FAULT_DROP_IN) {
            memmove(place, place + 1, count - index - 1);
            count--;
            lost++;
        } else {
            memmove(place + GARBAGE, place, count - index);
            fill(faults, place, GARBAGE);
            count += GARBAGE;
            gained += GARBAGE;
        }
        mr_usb_faults_happened(faults);
    }
    return count;
}

static int pass(void *self, const unsigned char *out, size_t *out_count, unsigned char *in,
                size_t *in_count, char *error, size_t error_size) {
    struct usb_faults *faults = self;
    const struct usb_line *behind = &faults->behind;
    unsigned char garbage[GARBAGE];
    const size_t kept = margin(faults);
    size_t out_room = *out_count, in_room = *in_count > kept ? *in_count - kept : 0;
    begin_due(faults, &out_room);
    if (faults->stuck || faults->pulled) { // no need to simulate it
        *out_count = *in_count = 0;
        nanosleep(&(struct timespec){.tv_nsec = STUCK_NS}, NULL);
        faults->stuck_ns += STUCK_NS;
        return 0;
    }
    const bool drop = faults->drop && *out_count, more = faults->garbage && !drop;
    if (drop)
        out_room = 0;
    else if (more)
        out_room = faults->garbage;
    fill(faults, garbage, GARBAGE);
    if (behind->pass(behind->self, more ? garbage : out, &out_room, in, &in_room, error,
                     error_size))
        return -1;
    // What the chip sees of it.
    *out_count = drop ? 1 : more ? 0 : out_room;
    *in_count = spoil(faults, in, in_room);
    if (more)
        faults->garbage -= (unsigned)out_room;
    faults->drop &= !drop;
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

void mr_usb_faults_back(struct usb_faults *faults) {
    faults->to = faults->from = 0;
    faults->pulled = false;
}

struct usb_line mr_usb_faults_line(struct usb_faults *faults, struct usb_line behind) {
    faults->behind = behind;
    faults->to = faults->from = 0;
    faults->garbage = 0;
    faults->stuck_ns = 0;
    faults->drop = faults->stuck = faults->pulled = false;
    return (struct usb_line){faults, pass, set_baud, nanoseconds, close_line};
}
