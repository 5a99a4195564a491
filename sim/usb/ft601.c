// SPDX-License-Identifier: Apache-2.0
// FTDI's FT601 in the mode of a 245 FIFO with one channel (chip.h): 4 KB of buffer each way. The
// host asks on endpoint 1 for what it then reads from endpoint 0x82; without such a request nothing
// comes. A packet that is not full ends a read: the chip sends one when the design stops writing.
//
// The rule of requests is that of open drivers; FTDI's documents do not have it.
#define _GNU_SOURCE
#include "chip.h"
#include "ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKET = 1024,
    SESSION = 0x01,
    OUT = 0x02,
    IN = 0x82,
    // A request: number (4 bytes), endpoint, command, 2 bytes, length (4), 8 bytes.
    REQUEST = 20,
    COMMAND_READ = 1,
    // The chip's configuration, by a request of the vendor's.
    CONFIGURATION = 0xcf,
    CONFIGURATION_SIZE = 152,
    AT_FIFO_MODE = 138, // 0: 245
    AT_CHANNELS = 139,
    ONE_CHANNEL = 2
};

struct ft601 {
    struct usb_line *line;
    struct usb_ring out, in;
    uint64_t asked; // bytes that the host asked for and did not get
    bool ended;     // the design stopped writing
};

static void *open_ft601(struct usb_line *line) {
    struct ft601 *chip = calloc(1, sizeof *chip);
    if (chip)
        chip->line = line;
    return chip;
}

static int control(void *chip, const struct usb_setup *setup, unsigned char *data) {
    (void)chip;
    if ((setup->type & 0x60) != 0x40 || setup->request != CONFIGURATION || !(setup->type & 0x80))
        return -EPIPE;
    const int count = setup->length < CONFIGURATION_SIZE ? setup->length : CONFIGURATION_SIZE;
    unsigned char configuration[CONFIGURATION_SIZE] = {0x03, 0x04, 0x1f, 0x60};
    configuration[AT_CHANNELS] = ONE_CHANNEL;
    memcpy(data, configuration, (size_t)count);
    return count;
}

static size_t out(void *chip, uint8_t endpoint, const unsigned char *data, size_t count) {
    struct ft601 *self = chip;
    if (endpoint == OUT)
        return usb_ring_put(&self->out, data, count);
    if (endpoint == SESSION && count == REQUEST && data[4] == IN && data[5] == COMMAND_READ)
        self->asked = (uint64_t)data[8] | (uint64_t)data[9] << 8 | (uint64_t)data[10] << 16 |
                      (uint64_t)data[11] << 24;
    return count;
}

static int in(void *chip, uint8_t endpoint, unsigned char *data, size_t room) {
    struct ft601 *self = chip;
    if (endpoint != IN || !self->asked)
        return -1;
    size_t count = room < PACKET ? room : PACKET;
    if (count > self->asked)
        count = (size_t)self->asked;
    if (self->in.count < count && !(self->ended && self->in.count))
        return -1;
    if (count > self->in.count)
        count = self->in.count;
    usb_ring_take(&self->in, data, count);
    self->asked = count < PACKET ? 0 : self->asked - count;
    return (int)count;
}

static int pass(void *chip, char *error, size_t error_size) {
    struct ft601 *self = chip;
    unsigned char came[USB_RING];
    size_t out_count = self->out.count, in_count = USB_RING - self->in.count;
    if (self->line->pass(self->line->self, self->out.bytes, &out_count, came, &in_count, error,
                         error_size))
        return -1;
    usb_ring_drop(&self->out, out_count);
    self->ended = !in_count;
    usb_ring_put(&self->in, came, in_count);
    return 0;
}

#define LOW_HIGH(value) (value) & 0xff, (value) >> 8
#define COMPANION 6, 0x30, 0, 0, 0, 0
#define INTERFACE(number, endpoints) 9, 4, number, 0, endpoints, 0xff, 0xff, 0xff, 2
static const unsigned char descriptors[] = {
    // The device, with strings 1 to 3.
    18, 1, LOW_HIGH(0x0300), 0, 0, 0, 9, LOW_HIGH(0x0403), LOW_HIGH(0x601f), LOW_HIGH(0x0000), 1, 2,
    3, 1,
    // Its configuration: requests on interface 0, data on interface 1.
    9, 2, LOW_HIGH(9 + 2 * 9 + 4 * 13), 2, 1, 0, 0x80, 96, INTERFACE(0, 2), 7, 5, 0x81, 3,
    LOW_HIGH(64), 9, 6, 0x30, 0, 0, LOW_HIGH(64), 7, 5, SESSION, 2, LOW_HIGH(PACKET), 0, COMPANION,
    INTERFACE(1, 2), 7, 5, OUT, 2, LOW_HIGH(PACKET), 0, COMPANION, 7, 5, IN, 2, LOW_HIGH(PACKET), 0,
    COMPANION};

const struct usb_chip_kind mr_usb_ft601 = {.name = "ft601",
                                           .pins = "ft601",
                                           .speed = "5000",
                                           .product = "FTDI SuperSpeed-FIFO Bridge",
                                           .interfaces = 2,
                                           .packet = PACKET,
                                           .descriptors = descriptors,
                                           .descriptors_size = sizeof descriptors,
                                           .open = open_ft601,
                                           .control = control,
                                           .out = out,
                                           .in = in,
                                           .pass = pass,
                                           .close = free};
