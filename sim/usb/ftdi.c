// SPDX-License-Identifier: Apache-2.0
// FTDI's FT2232H and FT232H as serial chips (chip.h): 4 KB of buffer each way, two bytes of status
// at the head of each packet to the host, and a packet of nothing else when the latency timer ends.
// The serial line is that of the last interface, as on boards whose first one configures the FPGA;
// the first one of an FT2232H swallows what it gets.
#define _GNU_SOURCE
#include "chip.h"
#include "ring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    PACKET = 512,
    STATUS = 2,
    LATENCY_MS = 16, // when it is plugged in
    // Status of the modem (CTS, DSR, and a bit that is always set at high speed), and of the line
    // (both transmitters empty).
    MODEM = 0x32,
    LINE = 0x60,
    OVERRUN = 0x02,
    // Requests of the vendor's.
    RESET = 0,
    SET_MODEM = 1,
    SET_FLOW = 2,
    SET_BAUD = 3,
    SET_DATA = 4,
    GET_MODEM = 5,
    SET_EVENT = 6,
    SET_ERROR = 7,
    SET_LATENCY = 9,
    GET_LATENCY = 10,
    SET_BIT_MODE = 11,
    READ_PINS = 12,
    READ_EEPROM = 0x90,
    // What RESET empties.
    RESET_ALL = 0,
    RESET_OUT = 1,
    RESET_IN = 2
};

struct channel {
    struct usb_ring out, in;
    uint8_t latency_ms;
    uint64_t due; // when the latency timer ends, in the device's ns
    bool overrun;
};

struct ftdi {
    const struct usb_chip_kind *kind;
    struct usb_line *line;
    struct channel channels[2];
};

static struct channel *serial(struct ftdi *ftdi) {
    return &ftdi->channels[ftdi->kind->interfaces - 1];
}

static void wind_up(const struct ftdi *ftdi, struct channel *channel) {
    channel->due = ftdi->line->nanoseconds(ftdi->line->self) + channel->latency_ms * 1000000u;
}

static void *open_ftdi(const struct usb_chip_kind *kind, struct usb_line *line) {
    struct ftdi *ftdi = calloc(1, sizeof *ftdi);
    if (!ftdi)
        return NULL;
    ftdi->kind = kind;
    ftdi->line = line;
    for (int i = 0; i < 2; i++)
        ftdi->channels[i].latency_ms = LATENCY_MS;
    return ftdi;
}

// From the divisor of 3 MHz (12 MHz where index says so) in eighths, whose fraction is coded.
static double baud_of(uint16_t value, uint16_t index) {
    static const unsigned eighths[8] = {0, 4, 2, 1, 3, 5, 6, 7};
    const unsigned whole = value & 0x3fffu, code = value >> 14 | (index >> 8 & 1u) << 2;
    const double base = index & 0x200u ? 12e6 : 3e6;
    if (!code && whole < 2)
        return whole ? base / 1.5 : base;
    return base * 8 / (whole * 8 + eighths[code]);
}

static void reset(const struct ftdi *ftdi, struct channel *channel, uint16_t what) {
    if (what == RESET_ALL || what == RESET_OUT)
        channel->out.count = 0;
    if (what == RESET_ALL || what == RESET_IN)
        channel->in.count = 0;
    wind_up(ftdi, channel);
}

static int give(unsigned char *data, uint16_t room, unsigned first, unsigned second) {
    if (room > 0)
        data[0] = (unsigned char)first;
    if (room > 1)
        data[1] = (unsigned char)second;
    return room < 2 ? room : 2;
}

static int control(void *chip, const struct usb_setup *setup, unsigned char *data) {
    struct ftdi *ftdi = chip;
    // Interfaces count from 1 there, and 0 is the first one too.
    const unsigned named = setup->index & 0xffu, last = ftdi->kind->interfaces;
    if (named > last && setup->request != READ_EEPROM)
        return -EPIPE;
    struct channel *channel = &ftdi->channels[named > 1 && named <= last ? named - 1 : 0];
    if ((setup->type & 0x60) != 0x40)
        return -EPIPE;
    if (setup->type & 0x80)
        switch (setup->request) {
        case GET_MODEM:
            return give(data, setup->length, MODEM, LINE);
        case GET_LATENCY:
            return give(data, setup->length < 1 ? 0 : 1, channel->latency_ms, 0);
        case READ_PINS:
            return give(data, setup->length < 1 ? 0 : 1, 0, 0);
        case READ_EEPROM: // empty
            return give(data, setup->length, 0xff, 0xff);
        default:
            return -EPIPE;
        }
    switch (setup->request) {
    case RESET:
        reset(ftdi, channel, setup->value);
        return 0;
    case SET_BAUD:
        if (channel == serial(ftdi))
            ftdi->line->set_baud(ftdi->line->self, baud_of(setup->value, setup->index));
        return 0;
    case SET_LATENCY:
        channel->latency_ms = (uint8_t)(setup->value & 0xffu);
        wind_up(ftdi, channel);
        return 0;
    case SET_DATA: // 8 bits without parity and one stop bit are all that the line has
        return setup->value == 8 ? 0 : -EPIPE;
    case SET_BIT_MODE:
        return channel == serial(ftdi) && setup->value >> 8 ? -EPIPE : 0;
    case SET_MODEM:
    case SET_FLOW:
    case SET_EVENT:
    case SET_ERROR:
        return 0;
    default:
        return -EPIPE;
    }
}

// Endpoints 2 and 4 are to the device, 0x81 and 0x83 from it.
static struct channel *channel_of(struct ftdi *ftdi, uint8_t endpoint) {
    const unsigned number = ((endpoint & 0x7fu) - (endpoint & 0x80 ? 1 : 2)) / 2;
    return number < ftdi->kind->interfaces ? &ftdi->channels[number] : NULL;
}

static size_t out(void *chip, uint8_t endpoint, const unsigned char *data, size_t count) {
    struct ftdi *ftdi = chip;
    struct channel *channel = channel_of(ftdi, endpoint);
    return channel == serial(ftdi) ? usb_ring_put(&channel->out, data, count) : count;
}

static int in(void *chip, uint8_t endpoint, unsigned char *data, size_t room) {
    struct ftdi *ftdi = chip;
    struct channel *channel = channel_of(ftdi, endpoint);
    size_t count = room < PACKET ? room : PACKET;
    if (!channel || count < STATUS)
        return 0;
    count -= STATUS;
    if (channel->in.count < PACKET - STATUS &&
        ftdi->line->nanoseconds(ftdi->line->self) < channel->due)
        return -1;
    if (count > channel->in.count)
        count = channel->in.count;
    data[0] = MODEM;
    data[1] = (unsigned char)(LINE | (channel->overrun ? OVERRUN : 0));
    channel->overrun = false;
    usb_ring_take(&channel->in, data + STATUS, count);
    wind_up(ftdi, channel);
    return (int)(STATUS + count);
}

static int pass(void *chip, char *error, size_t error_size) {
    struct ftdi *ftdi = chip;
    struct channel *channel = serial(ftdi);
    unsigned char came[USB_RING];
    // The line does not wait for the host: what finds no room is lost.
    size_t out_count = channel->out.count, in_count = sizeof came;
    if (ftdi->line->pass(ftdi->line->self, channel->out.bytes, &out_count, came, &in_count, error,
                         error_size))
        return -1;
    usb_ring_drop(&channel->out, out_count);
    channel->overrun |= usb_ring_put(&channel->in, came, in_count) < in_count;
    return 0;
}

// ---- Descriptors

#define LOW_HIGH(value) (value) & 0xff, (value) >> 8
// A device of FTDI's with strings 1 to 3; one configuration of so many bytes follows.
#define DEVICE(product, version, interfaces)                                                       \
    18, 1, LOW_HIGH(0x0200), 0, 0, 0, 64, LOW_HIGH(0x0403), LOW_HIGH(product), LOW_HIGH(version),  \
        1, 2, 3, 1, 9, 2, LOW_HIGH(9 + 23 * (interfaces)), interfaces, 1, 0, 0x80, 250
#define INTERFACE(number, in, out)                                                                 \
    9, 4, number, 0, 2, 0xff, 0xff, 0xff, 2, 7, 5, in, 2, LOW_HIGH(PACKET), 0, 7, 5, out, 2,       \
        LOW_HIGH(PACKET), 0

static const unsigned char ft2232h_descriptors[] = {
    DEVICE(0x6010, 0x0700, 2), INTERFACE(0, 0x81, 0x02), INTERFACE(1, 0x83, 0x04)};
static const unsigned char ft232h_descriptors[] = {DEVICE(0x6014, 0x0900, 1),
                                                   INTERFACE(0, 0x81, 0x02)};

static void *open_ft2232h(struct usb_line *line) {
    return open_ftdi(&mr_usb_ft2232h, line);
}

static void *open_ft232h(struct usb_line *line) {
    return open_ftdi(&mr_usb_ft232h, line);
}

const struct usb_chip_kind mr_usb_ft2232h = {.name = "ft2232h",
                                             .pins = "uart",
                                             .speed = "480",
                                             .driver = "ftdi_sio",
                                             .product = "Dual RS232-HS",
                                             .interfaces = 2,
                                             .packet = PACKET,
                                             .descriptors = ft2232h_descriptors,
                                             .descriptors_size = sizeof ft2232h_descriptors,
                                             .open = open_ft2232h,
                                             .control = control,
                                             .out = out,
                                             .in = in,
                                             .pass = pass,
                                             .close = free};
const struct usb_chip_kind mr_usb_ft232h = {.name = "ft232h",
                                            .pins = "uart",
                                            .speed = "480",
                                            .driver = "ftdi_sio",
                                            .product = "Single RS232-HS",
                                            .interfaces = 1,
                                            .packet = PACKET,
                                            .descriptors = ft232h_descriptors,
                                            .descriptors_size = sizeof ft232h_descriptors,
                                            .open = open_ft232h,
                                            .control = control,
                                            .out = out,
                                            .in = in,
                                            .pass = pass,
                                            .close = free};
