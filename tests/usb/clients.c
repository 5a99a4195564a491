// SPDX-License-Identifier: Apache-2.0
// What libusb and libftdi see of emulated chips that echo: run by tests/usb_emulation_test.sh
// inside of the emulator, `clients CASE`. Prints a verdict for each case.
#define _GNU_SOURCE
#include <ftdi.h>
#include <libusb.h>

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FTDI = 0x0403, FT2232H = 0x6010, FT232H = 0x6014, FT601 = 0x601f };

static int failures;

static bool check(bool good, const char *what, long got) {
    if (!good) {
        printf("FAIL: %s (%ld)\n", what, got);
        failures++;
    }
    return good;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned char pattern(size_t i) {
    return (unsigned char)(i * 31 + (i >> 8) * 7 + 5);
}

// ---- libftdi ------------------------------------------------------------------------------------

static struct ftdi_context *open_serial(int product, enum ftdi_interface interface) {
    struct ftdi_context *ftdi = ftdi_new();
    if (!ftdi || ftdi_set_interface(ftdi, interface) || ftdi_usb_open(ftdi, FTDI, product))
        check(false, ftdi ? ftdi_get_error_string(ftdi) : "ftdi_new", 0);
    return ftdi;
}

static void echo_serial(int product, enum ftdi_interface interface) {
    static unsigned char sent[20000], got[sizeof sent];
    struct ftdi_context *ftdi = open_serial(product, interface);
    unsigned char latency = 0;
    unsigned short status = 0;
    if (failures)
        return;
    check(!ftdi_usb_reset(ftdi), "reset", 0);
    check(!ftdi_set_baudrate(ftdi, 3000000), "3 Mbaud", ftdi->baudrate);
    check(ftdi_set_latency_timer(ftdi, 2) == 0, "latency timer is set", 0);
    check(ftdi_get_latency_timer(ftdi, &latency) == 0 && latency == 2, "latency timer", latency);
    check(!ftdi_poll_modem_status(ftdi, &status) && (status & 0xff) == 0x32, "modem status",
          status);
    check(!ftdi_set_bitmode(ftdi, 0, BITMODE_RESET), "bit mode", 0);
    check(!ftdi_tcioflush(ftdi), "flush", 0);
    check(ftdi_read_data(ftdi, got, 100) == 0, "nothing to read yet", 0);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = pattern(i);
    size_t written = 0, read = 0;
    const double until = seconds() + 20;
    while (read < sizeof sent && seconds() < until) {
        // Not more under way than the chip has room for.
        size_t portion = written - read > 1500 ? 0 : 1000;
        if (portion > sizeof sent - written)
            portion = sizeof sent - written;
        const int w = portion ? ftdi_write_data(ftdi, sent + written, (int)portion) : 0;
        const int r = ftdi_read_data(ftdi, got + read, (int)(sizeof got - read));
        if (!check(w >= 0 && r >= 0, ftdi_get_error_string(ftdi), w < 0 ? w : r))
            break;
        written += (size_t)w;
        read += (size_t)r;
    }
    check(read == sizeof sent && !memcmp(sent, got, read), "bytes came back", (long)read);
    check(!ftdi_usb_close(ftdi), "close", 0);
    ftdi_free(ftdi);
}

static void list_serials(void) {
    struct ftdi_context *ftdi = ftdi_new();
    struct ftdi_device_list *list = NULL;
    const int count = ftdi_usb_find_all(ftdi, &list, 0, 0);
    check(count == 2, "two serial devices are there", count);
    char serials[2][64] = {"", ""};
    int n = 0;
    for (struct ftdi_device_list *at = list; at && n < 2; at = at->next, n++)
        check(!ftdi_usb_get_strings(ftdi, at->dev, NULL, 0, NULL, 0, serials[n], 64), "strings", n);
    check((!strcmp(serials[0], "MR1") && !strcmp(serials[1], "MR2")) ||
              (!strcmp(serials[0], "MR2") && !strcmp(serials[1], "MR1")),
          "serial numbers", 0);
    ftdi_list_free(&list);
    check(!ftdi_set_interface(ftdi, INTERFACE_B) &&
              !ftdi_usb_open_desc(ftdi, FTDI, FT2232H, NULL, "MR2"),
          "one is opened by its number", 0);
    ftdi_free(ftdi);
}

// ---- libusb -------------------------------------------------------------------------------------

static libusb_device_handle *open_usb(libusb_context *context, int product, int interface) {
    libusb_device_handle *handle =
        libusb_open_device_with_vid_pid(context, FTDI, (uint16_t)product);
    if (!check(handle != NULL, "the device is there", product))
        return NULL;
    check(!libusb_set_auto_detach_kernel_driver(handle, 1), "auto detach", 0);
    const int code = libusb_claim_interface(handle, interface);
    check(!code, "claim", code);
    return handle;
}

static int ask(libusb_device_handle *handle, uint32_t length) {
    static unsigned number;
    unsigned char request[20] = {0};
    int moved = 0;
    request[0] = (unsigned char)++number;
    request[4] = 0x82;
    request[5] = 1;
    for (int i = 0; i < 4; i++)
        request[8 + i] = (unsigned char)(length >> 8 * i);
    return libusb_bulk_transfer(handle, 1, request, sizeof request, &moved, 1000);
}

static void descriptors(libusb_context *context, int product, int interfaces, int speed) {
    libusb_device_handle *handle = open_usb(context, product, 0);
    struct libusb_device_descriptor device;
    struct libusb_config_descriptor *config = NULL;
    unsigned char text[64];
    if (!handle)
        return;
    libusb_device *usb = libusb_get_device(handle);
    check(!libusb_get_device_descriptor(usb, &device) && device.idProduct == product,
          "device descriptor", device.idProduct);
    check(!libusb_get_active_config_descriptor(usb, &config) &&
              config->bNumInterfaces == interfaces,
          "configuration", config ? config->bNumInterfaces : -1);
    check(libusb_get_device_speed(usb) == speed, "speed", libusb_get_device_speed(usb));
    check(libusb_get_string_descriptor_ascii(handle, device.iSerialNumber, text, sizeof text) > 0 &&
              !strncmp((char *)text, "MR", 2),
          "serial number", 0);
    check(libusb_control_transfer(handle, 0xc0, 0x77, 0, 0, text, 4, 500) == LIBUSB_ERROR_PIPE,
          "a request that the chip does not know", 0);
    libusb_free_config_descriptor(config);
    libusb_close(handle);
}

static void kernel_driver(libusb_context *context) {
    libusb_device_handle *handle = libusb_open_device_with_vid_pid(context, FTDI, FT2232H);
    if (!check(handle != NULL, "the device is there", 0))
        return;
    check(libusb_kernel_driver_active(handle, 1) == 1, "the kernel has it", 0);
    check(libusb_claim_interface(handle, 1) == LIBUSB_ERROR_BUSY, "so it is busy", 0);
    check(!libusb_detach_kernel_driver(handle, 1), "the kernel lets go", 0);
    check(!libusb_kernel_driver_active(handle, 1), "it has", 0);
    check(!libusb_claim_interface(handle, 1), "claim", 0);
    check(!libusb_release_interface(handle, 1), "release", 0);
    check(!libusb_attach_kernel_driver(handle, 1), "the kernel takes it back", 0);
    libusb_close(handle);
}

static void timeouts(libusb_context *context) {
    libusb_device_handle *handle = open_usb(context, FT601, 1);
    unsigned char bytes[64];
    int moved = 99;
    if (!handle)
        return;
    const double start = seconds();
    const int code = libusb_bulk_transfer(handle, 0x82, bytes, sizeof bytes, &moved, 150);
    check(code == LIBUSB_ERROR_TIMEOUT && moved == 0, "nothing comes: a timeout", code);
    check(seconds() - start > 0.14 && seconds() - start < 1, "in its time",
          (long)(1000 * (seconds() - start)));
    // More than the chip and what is behind it have room for.
    static unsigned char much[100000];
    const int full = libusb_bulk_transfer(handle, 2, much, sizeof much, &moved, 150);
    check(full == LIBUSB_ERROR_TIMEOUT && moved > 4096 && moved < 20000, "no room: a timeout",
          moved);
    libusb_close(handle);
}

static void fifo(libusb_context *context) {
    static unsigned char sent[3001], got[4096];
    libusb_device_handle *handle = open_usb(context, FT601, 1);
    int moved = 0;
    if (!handle)
        return;
    check(!libusb_claim_interface(handle, 0), "claim of requests", 0);
    unsigned char configuration[152];
    check(libusb_control_transfer(handle, 0xc0, 0xcf, 1, 0, configuration, 152, 500) == 152 &&
              configuration[138] == 0,
          "configuration", 0);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = pattern(i);
    check(!libusb_bulk_transfer(handle, 2, sent, 3000, &moved, 1000) && moved == 3000, "write",
          moved);
    check(!ask(handle, 3000), "request", 0);
    size_t read = 0;
    while (read < 3000) {
        const int code =
            libusb_bulk_transfer(handle, 0x82, got + read, 3000 - (int)read, &moved, 1000);
        if (!check(!code && moved > 0, "read", code))
            break;
        read += (size_t)moved;
        if (read < 3000)
            check(!ask(handle, (uint32_t)(3000 - read)), "request of the rest", 0);
    }
    check(read == 3000 && !memcmp(sent, got, 3000), "bytes came back", (long)read);
    // Less than was asked for ends a read.
    check(!libusb_bulk_transfer(handle, 2, sent, 10, &moved, 1000), "write", 0);
    check(!ask(handle, sizeof got), "request", 0);
    check(!libusb_bulk_transfer(handle, 0x82, got, sizeof got, &moved, 1000) && moved == 10,
          "a short read", moved);
    libusb_close(handle);
}

static void LIBUSB_CALL on_done(struct libusb_transfer *transfer) {
    *(int *)transfer->user_data = 1;
}

static int finish(libusb_context *context, int *done) {
    const double until = seconds() + 5;
    while (!*done && seconds() < until) {
        struct timeval wait = {0, 100000};
        libusb_handle_events_timeout_completed(context, &wait, done);
    }
    return *done;
}

static void cancellation(libusb_context *context) {
    libusb_device_handle *handle = open_usb(context, FT601, 1);
    struct libusb_transfer *transfers[3];
    static unsigned char bytes[3][2048];
    int done[3] = {0};
    if (!handle)
        return;
    for (int i = 0; i < 3; i++) {
        transfers[i] = libusb_alloc_transfer(0);
        libusb_fill_bulk_transfer(transfers[i], handle, 0x82, bytes[i], sizeof bytes[i], on_done,
                                  &done[i], 0);
        check(!libusb_submit_transfer(transfers[i]), "submit", i);
    }
    check(!libusb_cancel_transfer(transfers[1]), "cancel", 0);
    check(finish(context, &done[1]) && transfers[1]->status == LIBUSB_TRANSFER_CANCELLED,
          "the second one is cancelled", transfers[1]->status);
    check(!done[0] && !done[2], "the others wait", done[0] + 2 * done[2]);
    for (int i = 0; i < 3; i += 2) {
        libusb_cancel_transfer(transfers[i]);
        check(finish(context, &done[i]) && transfers[i]->status == LIBUSB_TRANSFER_CANCELLED,
              "cancelled too", i);
    }
    for (int i = 0; i < 3; i++)
        libusb_free_transfer(transfers[i]);
    libusb_close(handle);
}

struct arrivals {
    int arrived, left;
};

static int LIBUSB_CALL on_hotplug(libusb_context *context, libusb_device *device,
                                  libusb_hotplug_event event, void *user) {
    struct arrivals *arrivals = user;
    (void)context;
    (void)device;
    if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED)
        arrivals->arrived++;
    else
        arrivals->left++;
    return 0;
}

// The cable is pulled while it reads, and plugged in again: "pull@100,plug@200".
static void removal(libusb_context *context) {
    struct arrivals arrivals = {0};
    static unsigned char bytes[512];
    libusb_hotplug_callback_handle callback;
    int moved = 0, code = 0;
    check(!libusb_hotplug_register_callback(
              context, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT,
              LIBUSB_HOTPLUG_ENUMERATE, FTDI, FT601, LIBUSB_HOTPLUG_MATCH_ANY, on_hotplug,
              &arrivals, &callback),
          "hotplug", 0);
    check(arrivals.arrived == 1, "it is there", arrivals.arrived);
    libusb_device_handle *handle = open_usb(context, FT601, 1);
    if (!handle)
        return;
    const double start = seconds();
    check(!libusb_bulk_transfer(handle, 2, bytes, 200, &moved, 1000), "write", moved);
    for (int i = 0; i < 100 && code != LIBUSB_ERROR_NO_DEVICE; i++)
        code = libusb_bulk_transfer(handle, 0x82, bytes, 100, &moved, 3000);
    check(code == LIBUSB_ERROR_NO_DEVICE, "the read ends: no device", code);
    code = libusb_bulk_transfer(handle, 2, bytes, 200, &moved, 1000);
    check(code == LIBUSB_ERROR_NO_DEVICE || code == LIBUSB_ERROR_IO, "so does a write", code);
    libusb_close(handle);
    while ((!arrivals.left || arrivals.arrived < 2) && seconds() < start + 5) {
        struct timeval wait = {0, 50000};
        libusb_handle_events_timeout(context, &wait);
    }
    check(arrivals.left == 1 && arrivals.arrived == 2, "it left and came back", arrivals.left);
    handle = open_usb(context, FT601, 1);
    if (handle)
        check(!libusb_bulk_transfer(handle, 2, bytes, 100, &moved, 1000), "and takes bytes", moved);
    libusb_close(handle);
}

static void denied(libusb_context *context) {
    libusb_device **list;
    libusb_device_handle *handle;
    const ssize_t count = libusb_get_device_list(context, &list);
    check(count == 1, "it is in the list", count);
    const int code = count > 0 ? libusb_open(list[0], &handle) : 0;
    check(code == LIBUSB_ERROR_ACCESS, "no permission", code);
    libusb_free_device_list(list, 1);
}

enum { SENT = 200, GOT = 400, KEPT = 272 }; // of an echo with faults; KEPT: what it gives

// What a device that echoes gives for `sent`, which is filled: so many bytes.
static int echo(libusb_context *context, unsigned char *sent, unsigned char *got) {
    libusb_device_handle *handle = open_usb(context, FT601, 1);
    int moved = 0, read = 0;
    memset(got, 0, GOT);
    for (size_t i = 0; i < SENT; i++)
        sent[i] = pattern(i);
    if (!handle)
        return 0;
    libusb_claim_interface(handle, 0);
    (void)libusb_bulk_transfer(handle, 2, sent, SENT, &moved, 300);
    for (int i = 0; i < 20 && read < KEPT; i++) {
        (void)ask(handle, GOT - (unsigned)read);
        (void)libusb_bulk_transfer(handle, 0x82, got + read, GOT - read, &moved, 200);
        read += moved;
    }
    libusb_close(handle);
    return read;
}

// Faults "drop@10,garbage@20,drop-in@60,garbage-in@70" of a device that echoes.
static void faults(libusb_context *context) {
    unsigned char sent[SENT], got[GOT];
    const int read = echo(context, sent, got);
    // 10, one lost, 9 more, 37 of garbage: the 60 bytes have 4 of what follows; one of it is lost
    // on its way back (the 61st); then 37 of garbage when 70 came.
    check(!memcmp(got, sent, 10) && !memcmp(got + 10, sent + 11, 9), "a byte was lost", 0);
    check(!memcmp(got + 56, sent + 20, 4) && !memcmp(got + 60, sent + 25, 9),
          "a byte was lost on its way back", 0);
    check(!memcmp(got + 106, sent + 34, 166), "all others are there", 0);
    check(read == KEPT, "and nothing more", read);
}

// "drop@10,drop@10,garbage@20,garbage@20": two bytes are lost, and two bursts come.
static void twice(libusb_context *context) {
    unsigned char sent[SENT], got[GOT];
    const int read = echo(context, sent, got);
    check(!memcmp(got, sent, 10) && !memcmp(got + 10, sent + 12, 8), "two bytes were lost", 0);
    check(read == KEPT && !memcmp(got + 92, sent + 20, 180), "all others are behind 74", read);
}

// "stuck@100": neither takes nor gives.
static void stuck(libusb_context *context) {
    static unsigned char sent[20000];
    unsigned char got[200];
    libusb_device_handle *handle = open_usb(context, FT601, 1);
    int moved = 0;
    if (!handle)
        return;
    libusb_claim_interface(handle, 0);
    const int out = libusb_bulk_transfer(handle, 2, sent, sizeof sent, &moved, 200);
    check(out == LIBUSB_ERROR_TIMEOUT && moved >= 4096 && moved <= 4196, "takes no more", moved);
    (void)ask(handle, sizeof got);
    (void)libusb_bulk_transfer(handle, 0x82, got, sizeof got, &moved, 200);
    (void)ask(handle, sizeof got);
    const int in = libusb_bulk_transfer(handle, 0x82, got, sizeof got, &moved, 200);
    check(in == LIBUSB_ERROR_TIMEOUT && !moved, "gives nothing", moved);
    libusb_close(handle);
}

int main(int argc, char **argv) {
    const char *name = argc > 1 ? argv[1] : "";
    libusb_context *context = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (libusb_init(&context))
        return 2;
    if (!strcmp(name, "ftdi2232"))
        echo_serial(FT2232H, INTERFACE_B);
    else if (!strcmp(name, "ftdi232"))
        echo_serial(FT232H, INTERFACE_ANY);
    else if (!strcmp(name, "list"))
        list_serials();
    else if (!strcmp(name, "descriptors")) {
        descriptors(context, FT2232H, 2, LIBUSB_SPEED_HIGH);
        descriptors(context, FT232H, 1, LIBUSB_SPEED_HIGH);
        descriptors(context, FT601, 2, LIBUSB_SPEED_SUPER);
    } else if (!strcmp(name, "kernel_driver"))
        kernel_driver(context);
    else if (!strcmp(name, "timeouts"))
        timeouts(context);
    else if (!strcmp(name, "fifo"))
        fifo(context);
    else if (!strcmp(name, "cancellation"))
        cancellation(context);
    else if (!strcmp(name, "removal"))
        removal(context);
    else if (!strcmp(name, "denied"))
        denied(context);
    else if (!strcmp(name, "faults"))
        faults(context);
    else if (!strcmp(name, "twice"))
        twice(context);
    else if (!strcmp(name, "stuck"))
        stuck(context);
    else
        check(false, "no such case", 0);
    libusb_exit(context);
    printf("%s: %s\n", failures ? "FAIL" : "pass", name);
    return failures > 0;
}
