// SPDX-License-Identifier: Apache-2.0
// FTDI's FT601, a FIFO of 32 bits, by libusb. The host asks on endpoint 1 for what it then reads
// from endpoint 0x82; a packet that is not full ends a read. FTDI's documents do not have these
// rules; open drivers keep them.
#include "cable.h"

#include <stdlib.h>
#include <string.h>

enum {
    SESSION = 0x01,
    OUT = 0x02,
    IN = 0x82,
    INTERFACES = 2,
    REQUEST = 20,
    REQUEST_READ = 1,
    REQUEST_MS = 1000,
    SIZE = 32768, // of a read: whole packets, and more than a packet of Millrace's
    CONFIGURATION = 0xcf,
    CONFIGURATION_SIZE = 152,
    AT_MODE = 138,
    AT_CHANNELS = 139,
    MODE_245 = 0,
    ONE_CHANNEL = 2
};

struct fifo {
    libusb_context *context;
    libusb_device_handle *handle;
    int claimed;
    bool asked; // for bytes that have not come
    uint32_t requests;
    size_t begin, end; // of what was read and not yet given
    uint8_t bytes[SIZE];
};

static void close_fifo(void *opened) {
    struct fifo *fifo = opened;
    for (int i = 0; i < fifo->claimed; i++)
        libusb_release_interface(fifo->handle, i);
    if (fifo->handle)
        libusb_close(fifo->handle);
    if (fifo->context)
        libusb_exit(fifo->context);
    free(fifo);
}

static int open_at(struct fifo *fifo, uint8_t bus, uint8_t address) {
    libusb_device **list = NULL;
    int code = LIBUSB_ERROR_NO_DEVICE;
    const ssize_t count = libusb_get_device_list(fifo->context, &list);
    for (ssize_t i = 0; i < count && !fifo->handle; i++)
        if (libusb_get_bus_number(list[i]) == bus && libusb_get_device_address(list[i]) == address)
            code = libusb_open(list[i], &fifo->handle);
    if (list)
        libusb_free_device_list(list, 1);
    return code;
}

// The chip must be a 245 FIFO of one channel, as it leaves the factory when so ordered.
static int check_mode(struct fifo *fifo, const char **what) {
    uint8_t configuration[CONFIGURATION_SIZE];
    *what =
        "use (it is set to another mode than the 245 FIFO with one channel; FTDI's configuration "
        "program sets it)";
    const int count = libusb_control_transfer(fifo->handle, 0xc0, CONFIGURATION, 1, 0,
                                              configuration, sizeof configuration, REQUEST_MS);
    if (count < 0)
        return count;
    return count > AT_CHANNELS && configuration[AT_MODE] == MODE_245 &&
                   configuration[AT_CHANNELS] == ONE_CHANNEL
               ? 0
               : LIBUSB_ERROR_NOT_SUPPORTED;
}

static void *open_fifo(const struct mr_cable_chip *chip, uint8_t bus, uint8_t address, int *code,
                       const char **what) {
    (void)chip;
    struct fifo *fifo = calloc(1, sizeof *fifo);
    *what = "open";
    *code = LIBUSB_ERROR_NO_MEM;
    if (!fifo)
        return NULL;
    *code = libusb_init(&fifo->context);
    if (!*code)
        *code = open_at(fifo, bus, address);
    if (!*code)
        libusb_set_auto_detach_kernel_driver(fifo->handle, 1);
    while (!*code && fifo->claimed < INTERFACES) {
        *code = libusb_claim_interface(fifo->handle, fifo->claimed);
        fifo->claimed += !*code;
    }
    if (!*code)
        *code = check_mode(fifo, what);
    if (!*code)
        return fifo;
    close_fifo(fifo);
    return NULL;
}

static int write_fifo(void *opened, const uint8_t *bytes, size_t size, unsigned limit_ms,
                      size_t *written) {
    struct fifo *fifo = opened;
    int count = 0;
    const int code = libusb_bulk_transfer(fifo->handle, OUT, (uint8_t *)(uintptr_t)bytes, (int)size,
                                          &count, limit_ms);
    *written = (size_t)count;
    return code == LIBUSB_ERROR_TIMEOUT ? 0 : code;
}

static int ask(struct fifo *fifo) {
    uint8_t request[REQUEST] = {0};
    int count;
    for (int i = 0; i < 4; i++) {
        request[i] = (uint8_t)(fifo->requests >> 8 * i);
        request[8 + i] = (uint8_t)((uint32_t)SIZE >> 8 * i);
    }
    request[4] = IN;
    request[5] = REQUEST_READ;
    fifo->requests++;
    return libusb_bulk_transfer(fifo->handle, SESSION, request, sizeof request, &count, REQUEST_MS);
}

static int fill(struct fifo *fifo, unsigned limit_ms) {
    int count = 0, code = fifo->asked ? 0 : ask(fifo);
    if (code)
        return code;
    fifo->asked = true;
    code = libusb_bulk_transfer(fifo->handle, IN, fifo->bytes, SIZE, &count, limit_ms);
    fifo->begin = 0;
    fifo->end = (size_t)count;
    if (!code)
        fifo->asked = false;
    return code == LIBUSB_ERROR_TIMEOUT ? 0 : code;
}

static int read_fifo(void *opened, uint8_t *bytes, size_t size, unsigned limit_ms, size_t *count) {
    struct fifo *fifo = opened;
    const int code = fifo->begin < fifo->end ? 0 : fill(fifo, limit_ms ? limit_ms : 1);
    *count = fifo->end - fifo->begin < size ? fifo->end - fifo->begin : size;
    memcpy(bytes, fifo->bytes + fifo->begin, *count);
    fifo->begin += *count;
    return code;
}

static int reset_fifo(void *opened) {
    struct fifo *fifo = opened;
    enum { QUIET_MS = 20, MOST = 100 }; // bytes that are on their way come one after the other
    fifo->begin = fifo->end = 0;
    for (int i = 0; i < MOST; i++) {
        const int code = fill(fifo, QUIET_MS);
        if (code || fifo->begin == fifo->end)
            return code;
        fifo->begin = fifo->end = 0;
    }
    return 0;
}

const struct mr_cable_chip mr_cable_ft601 = {.vendor = 0x0403,
                                             .product = 0x601f,
                                             .name = "FT601",
                                             .open = open_fifo,
                                             .write = write_fifo,
                                             .read = read_fifo,
                                             .reset = reset_fifo,
                                             .close = close_fifo};
