// SPDX-License-Identifier: Apache-2.0
// Serial lines behind FTDI's FT2232H and FT232H, by libftdi.
#define _POSIX_C_SOURCE 200809L
#include "cable.h"

#include <ftdi.h>
#include <time.h>

enum { LATENCY_MS = 1 }; // until the chip sends a packet that is not full

// libftdi gives libusb's codes, and some of its own where a device is gone.
static int code_of(int code) {
    return code >= 0                                                  ? 0
           : code == LIBUSB_ERROR_ACCESS || code == LIBUSB_ERROR_BUSY ? code
                                                                      : LIBUSB_ERROR_NO_DEVICE;
}

static libusb_device *find(struct ftdi_context *ftdi, uint8_t bus, uint8_t address,
                           libusb_device ***list) {
    const ssize_t count = libusb_get_device_list(ftdi->usb_ctx, list);
    for (ssize_t i = 0; i < count; i++)
        if (libusb_get_bus_number((*list)[i]) == bus &&
            libusb_get_device_address((*list)[i]) == address)
            return (*list)[i];
    return NULL;
}

static int set_up(struct ftdi_context *ftdi, const char **what) {
    *what = "set up";
    int code = ftdi_usb_reset(ftdi);
    if (!code)
        code = ftdi_set_bitmode(ftdi, 0, BITMODE_RESET);
    if (!code)
        code = ftdi_set_baudrate(ftdi, MR_CABLE_BAUD);
    if (!code)
        code = ftdi_set_line_property(ftdi, BITS_8, STOP_BIT_1, NONE);
    if (!code)
        code = ftdi_setflowctrl(ftdi, SIO_DISABLE_FLOW_CTRL);
    if (!code)
        code = ftdi_set_latency_timer(ftdi, LATENCY_MS);
    if (!code)
        code = ftdi_tcioflush(ftdi);
    return code;
}

static void *open_serial(const struct mr_cable_chip *chip, uint8_t bus, uint8_t address, int *code,
                         const char **what) {
    libusb_device **list = NULL;
    struct ftdi_context *ftdi = ftdi_new();
    *what = "open";
    *code = LIBUSB_ERROR_NO_MEM;
    if (!ftdi)
        return NULL;
    // The first channel of an FT2232H is on the flash memory of the board.
    if (chip == &mr_cable_ft2232h)
        ftdi_set_interface(ftdi, INTERFACE_B);
    ftdi->module_detach_mode = AUTO_DETACH_REATACH_SIO_MODULE;
    libusb_device *device = find(ftdi, bus, address, &list);
    *code = LIBUSB_ERROR_NO_DEVICE;
    int result = -1;
    if (device) {
        result = ftdi_usb_open_dev(ftdi, device);
        // Of libftdi: -4 is libusb_open, -5 the claim.
        *code = result == -4 ? LIBUSB_ERROR_ACCESS : LIBUSB_ERROR_BUSY;
    }
    if (list)
        libusb_free_device_list(list, 1);
    if (!result && set_up(ftdi, what)) {
        *code = LIBUSB_ERROR_IO;
        result = -1;
    }
    if (!result)
        return ftdi;
    ftdi_free(ftdi);
    return NULL;
}

static int write_serial(void *opened, const uint8_t *bytes, size_t size, unsigned limit_ms,
                        size_t *written) {
    struct ftdi_context *ftdi = opened;
    ftdi->usb_write_timeout = (int)limit_ms;
    const int count = ftdi_write_data(ftdi, bytes, (int)size);
    *written = count > 0 ? (size_t)count : 0;
    return count == LIBUSB_ERROR_TIMEOUT ? 0 : code_of(count);
}

static uint64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// The chip sends its status alone when it has no byte for the time of its latency timer.
static int read_serial(void *opened, uint8_t *bytes, size_t size, unsigned limit_ms,
                       size_t *count) {
    struct ftdi_context *ftdi = opened;
    const uint64_t end = now_ms() + limit_ms;
    for (uint64_t now = now_ms(); now < end; now = now_ms()) {
        ftdi->usb_read_timeout = (int)(end - now);
        const int got = ftdi_read_data(ftdi, bytes, (int)size);
        if (got < 0 && got != LIBUSB_ERROR_TIMEOUT)
            return code_of(got);
        *count = got > 0 ? (size_t)got : 0;
        if (*count)
            break;
    }
    return 0;
}

static int reset_serial(void *opened) {
    return code_of(ftdi_tcioflush(opened));
}

static void close_serial(void *opened) {
    ftdi_free(opened);
}

#define SERIAL_CHIP(product_id, product_name)                                                      \
    {                                                                                              \
        .vendor = 0x0403, .product = (product_id), .name = (product_name), .open = open_serial,    \
        .write = write_serial, .read = read_serial, .reset = reset_serial, .close = close_serial   \
    }
const struct mr_cable_chip mr_cable_ft2232h = SERIAL_CHIP(0x6010, "FT2232H");
const struct mr_cable_chip mr_cable_ft232h = SERIAL_CHIP(0x6014, "FT232H");
