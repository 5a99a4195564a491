// SPDX-License-Identifier: Apache-2.0
// Finding the devices of cable.h, and the sentences when one is not there, not allowed or gone.
#define _POSIX_C_SOURCE 200809L
#include "cable.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 64, LOOK_MS = 100 };

static const struct mr_cable_chip *const chips[] = {&mr_cable_ft2232h, &mr_cable_ft232h,
                                                    &mr_cable_ft601};
enum { CHIPS = sizeof chips / sizeof *chips };

// ---- Which are there ---------------------------------------------------------------------------

static void read_serial(struct mr_cable *cable, libusb_device *device, uint8_t index) {
    libusb_device_handle *handle;
    const int code = libusb_open(device, &handle);
    cable->denied = code == LIBUSB_ERROR_ACCESS;
    if (code)
        return;
    unsigned char text[MR_CABLE_SERIAL];
    const int length =
        index ? libusb_get_string_descriptor_ascii(handle, index, text, sizeof text - 1) : 0;
    // It becomes a part of a URI.
    for (int i = 0; i < length && text[i] > ' ' && text[i] < 127; i++)
        cable->serial[i] = (char)text[i];
    libusb_close(handle);
}

size_t mr_cable_list(struct mr_cable *cables, size_t capacity) {
    libusb_context *context;
    libusb_device **devices = NULL;
    size_t count = 0;
    if (libusb_init(&context))
        return 0;
    const ssize_t found = libusb_get_device_list(context, &devices);
    for (ssize_t i = 0; i < found; i++) {
        struct libusb_device_descriptor descriptor;
        if (libusb_get_device_descriptor(devices[i], &descriptor))
            continue;
        for (int c = 0; c < CHIPS; c++) {
            if (descriptor.idVendor != chips[c]->vendor ||
                descriptor.idProduct != chips[c]->product)
                continue;
            if (count < capacity) {
                cables[count] = (struct mr_cable){.chip = chips[c],
                                                  .bus = libusb_get_bus_number(devices[i]),
                                                  .address = libusb_get_device_address(devices[i])};
                read_serial(&cables[count], devices[i], descriptor.iSerialNumber);
            }
            count++;
        }
    }
    if (devices)
        libusb_free_device_list(devices, 1);
    libusb_exit(context);
    return count;
}

static int denied(const struct mr_cable *cable, const char *name, struct mr_error *error) {
    return mr_failure(error, MR_ERROR_DEVICE,
                      "%s: this user may not open the %s on bus %u, device %u; write "
                      "SUBSYSTEM==\"usb\", ATTR{idVendor}==\"%04x\", ATTR{idProduct}==\"%04x\", "
                      "TAG+=\"uaccess\", MODE=\"0660\", GROUP=\"plugdev\" into "
                      "/etc/udev/rules.d/70-millrace.rules, run udevadm control --reload and plug "
                      "it in again",
                      name, cable->chip->name, cable->bus, cable->address, cable->chip->vendor,
                      cable->chip->product);
}

// "A, B": the serial numbers of those that are there.
static const char *serials(const struct mr_cable *cables, size_t count, char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                                 *cables[i].serial ? cables[i].serial : "one without a number");
    return text;
}

static int choose(struct mr_cable *chosen, const char *serial, const char *name,
                  struct mr_error *error) {
    struct mr_cable cables[MOST];
    char text[300];
    size_t count = mr_cable_list(cables, MOST);
    if (count > MOST)
        count = MOST;
    if (!count)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: no board is plugged in; lsusb shows one as 0403:6010 (FT2232H), "
                          "0403:6014 (FT232H) or 0403:601f (FT601)",
                          name);
    const struct mr_cable *match = NULL, *closed = NULL;
    size_t matches = 0;
    for (size_t i = 0; i < count; i++) {
        if (cables[i].denied)
            closed = &cables[i];
        else if (!*serial || !strcmp(cables[i].serial, serial)) {
            match = &cables[i];
            matches++;
        }
    }
    if (!matches && closed)
        return denied(closed, name, error);
    if (!matches)
        return mr_failure(error, MR_ERROR_DEVICE, "%s is not plugged in; there is %s", name,
                          serials(cables, count, text, sizeof text));
    if (matches > 1)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: %zu boards are plugged in (%s); say which by usb:SERIAL", name,
                          matches, serials(cables, count, text, sizeof text));
    *chosen = *match;
    return 0;
}

// ---- One of them as a pipe ---------------------------------------------------------------------

struct cable_pipe {
    struct mr_cable cable;
    void *opened; // the chip's; NULL: it is gone
    char name[MR_CABLE_NAME];
};

static int tell(const struct cable_pipe *pipe, int code, const char *what, struct mr_error *error) {
    if (code == LIBUSB_ERROR_ACCESS)
        return denied(&pipe->cable, pipe->name, error);
    if (code == LIBUSB_ERROR_BUSY)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: the %s is in use by another program; end that one", pipe->name,
                          pipe->cable.chip->name);
    if (code == LIBUSB_ERROR_NO_DEVICE || code == LIBUSB_ERROR_NOT_FOUND)
        return mr_failure(error, MR_ERROR_DEVICE, "%s was unplugged", pipe->name);
    return mr_failure(error, MR_ERROR_DEVICE, "%s: libusb cannot %s the %s: %s", pipe->name, what,
                      pipe->cable.chip->name, libusb_strerror(code));
}

static int open_chip(struct cable_pipe *pipe, struct mr_error *error) {
    int code = LIBUSB_ERROR_OTHER;
    const char *what = "open";
    const struct mr_cable *cable = &pipe->cable;
    pipe->opened = cable->chip->open(cable->chip, cable->bus, cable->address, &code, &what);
    return pipe->opened ? 0 : tell(pipe, code, what, error);
}

// A cable may be pulled and plugged in again: whatever is wrong, the device is opened anew then.
static int lost(struct cable_pipe *pipe, int code, const char *what, struct mr_error *error) {
    tell(pipe, code, what, error);
    pipe->cable.chip->close(pipe->opened);
    pipe->opened = NULL;
    return MR_ERROR_DEVICE;
}

static int gone(const struct cable_pipe *pipe, struct mr_error *error) {
    return tell(pipe, LIBUSB_ERROR_NO_DEVICE, "use", error);
}

static int write_bytes(void *self, const void *bytes, size_t size, unsigned limit_ms,
                       size_t *written, struct mr_error *error) {
    struct cable_pipe *pipe = self;
    *written = 0;
    if (!pipe->opened)
        return gone(pipe, error);
    const int code = pipe->cable.chip->write(pipe->opened, bytes, size, limit_ms, written);
    return code ? lost(pipe, code, "write to", error) : 0;
}

static int read_bytes(void *self, void *bytes, size_t size, unsigned limit_ms, size_t *count,
                      struct mr_error *error) {
    struct cable_pipe *pipe = self;
    *count = 0;
    if (!pipe->opened)
        return gone(pipe, error);
    const int code = pipe->cable.chip->read(pipe->opened, bytes, size, limit_ms, count);
    return code ? lost(pipe, code, "read from", error) : 0;
}

static int reset_pipe(void *self, struct mr_error *error) {
    struct cable_pipe *pipe = self;
    if (!pipe->opened)
        return gone(pipe, error);
    const int code = pipe->cable.chip->reset(pipe->opened);
    return code ? lost(pipe, code, "reset", error) : 0;
}

static int reopen(void *self, struct mr_error *error) {
    struct cable_pipe *pipe = self;
    struct mr_cable now;
    int code = choose(&now, pipe->cable.serial, pipe->name, error);
    if (!code && now.chip == pipe->cable.chip) {
        pipe->cable = now;
        code = open_chip(pipe, error);
        if (!code)
            code = reset_pipe(pipe, error);
    }
    if (!pipe->opened) {
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
        return code ? code : MR_ERROR_DEVICE;
    }
    return code;
}

static uint64_t now_ms(void *self) {
    struct timespec now;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void close_pipe(void *self) {
    struct cable_pipe *pipe = self;
    if (pipe->opened)
        pipe->cable.chip->close(pipe->opened);
    free(pipe);
}

int mr_cable_open(struct mr_byte_pipe *pipe, const char *serial, char *name,
                  const struct mr_cable_chip **chip, struct mr_error *error) {
    struct cable_pipe *made = calloc(1, sizeof *made);
    snprintf(name, MR_CABLE_NAME, "usb%s%s", *serial ? ":" : "", serial);
    if (!made)
        return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", name);
    int code = choose(&made->cable, serial, name, error);
    if (*made->cable.serial)
        snprintf(name, MR_CABLE_NAME, "usb:%s", made->cable.serial);
    memcpy(made->name, name, sizeof made->name);
    if (!code)
        code = open_chip(made, error);
    if (code) {
        free(made);
        return code;
    }
    *chip = made->cable.chip;
    *pipe = (struct mr_byte_pipe){.self = made,
                                  .write = write_bytes,
                                  .read = read_bytes,
                                  .reset = reset_pipe,
                                  .reopen = reopen,
                                  .now = now_ms,
                                  .close = close_pipe};
    return 0;
}
