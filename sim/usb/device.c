// SPDX-License-Identifier: Apache-2.0
// An emulated USB device: it is plugged in, serves requests in a thread of its own, and is pulled
// (bus.h).
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/usb/ch9.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETUP = 8, STRING_MOST = 126, FIRST_NUMBER = 2 };

// Standard requests, from the descriptors. Bytes, or a negative errno value.
static int give(unsigned char *data, size_t room, const void *bytes, size_t count) {
    if (count > room)
        count = room;
    memcpy(data, bytes, count);
    return (int)count;
}

static int give_string(const struct usb_device *device, unsigned index, unsigned char *data,
                       size_t room) {
    const char *const strings[] = {"", "Millrace (emulated)", device->description.kind->product,
                                   device->description.serial};
    unsigned char bytes[2 + 2 * STRING_MOST] = {4, USB_DT_STRING, 0x09, 0x04};
    size_t count = 4;
    if (index >= sizeof strings / sizeof *strings)
        return -EPIPE;
    if (index) {
        count = 2;
        for (const char *c = strings[index]; *c && count < sizeof bytes; c++) {
            bytes[count++] = (unsigned char)*c;
            bytes[count++] = 0;
        }
        bytes[0] = (unsigned char)count;
    }
    return give(data, room, bytes, count);
}

static int standard(const struct usb_device *device, const struct usb_setup *setup,
                    unsigned char *data) {
    enum { GET_STATUS = 0, CLEAR_FEATURE = 1, GET_DESCRIPTOR = 6, GET_CONFIGURATION = 8 };
    const struct usb_chip_kind *kind = device->description.kind;
    const size_t first = kind->descriptors[0];
    switch (setup->request) {
    case GET_STATUS:
        return give(data, setup->length, "\0", 2);
    case CLEAR_FEATURE:
        return 0;
    case GET_CONFIGURATION:
        return give(data, setup->length, "\1", 1);
    case GET_DESCRIPTOR:
        switch (setup->value >> 8) {
        case 1:
            return give(data, setup->length, kind->descriptors, first);
        case 2:
            return give(data, setup->length, kind->descriptors + first,
                        kind->descriptors_size - first);
        case 3:
            return give_string(device, setup->value & 0xffu, data, setup->length);
        default:
            return -EPIPE;
        }
    default:
        return -EPIPE;
    }
}

static int control(struct usb_device *device, struct urb *urb) {
    const unsigned char *s = urb->bytes;
    if (urb->length < SETUP)
        return -EINVAL;
    const struct usb_setup setup = {s[0], s[1], (uint16_t)(s[2] | s[3] << 8),
                                    (uint16_t)(s[4] | s[5] << 8), (uint16_t)(s[6] | s[7] << 8)};
    if (setup.length > urb->length - SETUP)
        return -EINVAL;
    const int moved = setup.type & 0x60 ? device->description.kind->control(device->chip, &setup,
                                                                            urb->bytes + SETUP)
                                        : standard(device, &setup, urb->bytes + SETUP);
    if (moved >= 0)
        urb->actual = setup.type & 0x80 ? (size_t)moved : setup.length;
    return moved < 0 ? moved : 0;
}

// True when it is complete.
static bool bulk_in(struct usb_device *device, struct urb *urb) {
    const struct usb_chip_kind *kind = device->description.kind;
    while (urb->actual < urb->length) {
        const int count = kind->in(device->chip, urb->endpoint, urb->bytes + urb->actual,
                                   urb->length - urb->actual);
        if (count < 0)
            return false;
        urb->actual += (size_t)count;
        if (count < kind->packet)
            return true;
    }
    return true;
}

static bool bulk_out(struct usb_device *device, struct urb *urb) {
    while (urb->actual < urb->length) {
        const size_t count = device->description.kind->out(
            device->chip, urb->endpoint, urb->bytes + urb->actual, urb->length - urb->actual);
        if (!count)
            return false;
        urb->actual += count;
    }
    return true;
}

// What can be done now; of each endpoint the first request goes before the others.
static void serve(struct usb_device *device) {
    uint32_t blocked = 0; // endpoints
    for (struct urb **place = &device->waiting.first; *place;) {
        struct urb *urb = *place;
        const uint32_t bit = UINT32_C(1)
                             << ((urb->endpoint & 15u) | (urb->endpoint & 128 ? 16 : 0));
        if (urb->type == USBDEVFS_URB_TYPE_CONTROL) {
            mr_urb_finish(device, place, control(device, urb));
        } else if (!(blocked & bit) && (urb->endpoint & 128 ? bulk_in : bulk_out)(device, urb)) {
            mr_urb_finish(device, place, 0);
        } else {
            blocked |= bit;
            place = &urb->next;
        }
    }
}

// ---- The bus -----------------------------------------------------------------------------------

static int cannot(char *error, size_t error_size, const struct usb_device *device,
                  const char *what) {
    snprintf(error, error_size, "%s: %s (%s)", device->node, what, strerror(errno));
    return -1;
}

// The node becomes a FIFO of one page, so that one byte fills it.
static int make_node(struct usb_device *device, char *error, size_t error_size) {
    const bool denied = mr_usb_faults_next_is(&device->description.faults, USB_FAULT_DENY);
    if (device->fifo >= 0)
        close(device->fifo);
    device->fifo = -1;
    char *folder = g_path_get_dirname(device->file);
    const bool made = !g_mkdir_with_parents(folder, 0755) && !mkfifo(device->file, 0600);
    g_free(folder);
    if (!made)
        return cannot(error, error_size, device, "cannot be made a FIFO");
    device->fifo = open(device->file, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device->fifo < 0 || fcntl(device->fifo, F_SETPIPE_SZ, (int)sysconf(_SC_PAGESIZE)) < 0)
        return cannot(error, error_size, device, "cannot be opened as a FIFO");
    if (denied && chmod(device->file, 0))
        return cannot(error, error_size, device, "its permissions cannot be taken away");
    return 0;
}

// The device in umockdev's words.
static char *describe(const struct usb_device *device, unsigned bus_number) {
    const struct usb_chip_kind *kind = device->description.kind;
    const unsigned char *d = kind->descriptors;
    const unsigned vendor = d[8] | (unsigned)d[9] << 8, product = d[10] | (unsigned)d[11] << 8;
    GString *text = g_string_new(NULL);
    g_string_append_printf(
        text,
        "P: %s\nE: DEVNAME=/dev/bus/usb/001/%03u\nE: DEVTYPE=usb_device\n"
        "E: SUBSYSTEM=usb\nE: DRIVER=usb\nE: MAJOR=189\nE: MINOR=%u\nE: BUSNUM=001\n"
        "E: DEVNUM=%03u\nE: PRODUCT=%x/%x/0\nE: ID_VENDOR_ID=%04x\nE: ID_MODEL_ID=%04x\n"
        "E: ID_SERIAL_SHORT=%s\nA: busnum=1\nA: devnum=%u\nA: speed=%s\nA: version= 2.00\n"
        "A: bConfigurationValue=1\nA: bNumConfigurations=1\nA: bDeviceClass=00\n"
        "A: idVendor=%04x\nA: idProduct=%04x\nA: serial=%s\nA: product=%s\n"
        "A: manufacturer=Millrace (emulated)\nA: dev=189:%u\nH: descriptors=",
        device->syspath, bus_number, bus_number - 1, bus_number, vendor, product, vendor, product,
        device->description.serial, bus_number, kind->speed, vendor, product,
        device->description.serial, kind->product, bus_number - 1);
    for (size_t i = 0; i < kind->descriptors_size; i++)
        g_string_append_printf(text, "%02X", d[i]);
    g_string_append(text, "\n");
    return g_string_free(text, FALSE);
}

static int announce(struct usb_device *device, unsigned bus_number, char *error,
                    size_t error_size) {
    GError *problem = NULL;
    char *text = describe(device, bus_number);
    const bool added = umockdev_testbed_add_from_string(device->testbed, text, &problem);
    g_free(text);
    if (!added)
        snprintf(error, error_size, "%s: umockdev does not take the device (%s)", device->node,
                 problem ? problem->message : "it does not say why");
    g_clear_error(&problem);
    return added ? 0 : -1;
}

// What is behind the chip, as after power-up, unless it is there still.
static int open_line(struct usb_device *device, char *error, size_t error_size) {
    struct usb_description *description = &device->description;
    struct usb_line behind;
    if (device->line.self) {
        mr_usb_faults_back(&description->faults);
        return 0;
    }
    if (!strcmp(description->behind, "echo")
            ? mr_usb_line_echo(&behind, error, error_size)
            : mr_usb_line_pins(&behind, description->behind, description->kind->pins, error,
                               error_size)) {
        behind.close(behind.self);
        return -1;
    }
    device->line = mr_usb_faults_line(&description->faults, behind);
    return 0;
}

static void close_line(struct usb_device *device) {
    if (device->line.self)
        device->line.close(device->line.self);
    device->line = (struct usb_line){0};
}

static int open_chip(struct usb_device *device, char *error, size_t error_size) {
    if (open_line(device, error, error_size))
        return -1;
    device->chip = device->description.kind->open(&device->line);
    if (device->chip)
        return 0;
    close_line(device);
    snprintf(error, error_size, "not enough memory for a USB chip");
    return -1;
}

static void close_chip(struct usb_device *device) {
    device->description.kind->close(device->chip);
    device->chip = NULL;
    if (!mr_usb_faults_next_is(&device->description.faults, USB_FAULT_BACK))
        close_line(device);
}

// With a new number.
static int plug(struct usb_device *device, char *error, size_t error_size) {
    enum { MOST = 127 };
    const unsigned bus_number =
        FIRST_NUMBER + (device->number + 8 * device->generation) % (MOST - FIRST_NUMBER);
    gchar *root = umockdev_testbed_get_root_dir(device->testbed);
    snprintf(device->node, sizeof device->node, "/dev/bus/usb/001/%03u", bus_number);
    snprintf(device->syspath, sizeof device->syspath, "/devices/pci0000:00/0000:00:14.0/usb1/1-%u",
             device->number + 1);
    snprintf(device->file, sizeof device->file, "%s%s", root, device->node);
    g_free(root);
    if (open_chip(device, error, error_size))
        return -1;
    device->held = device->description.kind->driver ? ~0u : 0;
    device->plugged = true;
    device->generation++;
    // The node first, for programs open it when they hear of the device.
    if (make_node(device, error, error_size) || mr_usbfs_attach(device, error, error_size) ||
        announce(device, bus_number, error, error_size)) {
        device->plugged = false;
        close_chip(device);
        return -1;
    }
    mr_urb_show(device);
    return 0;
}

static void pull(struct usb_device *device) {
    char syspath[160];
    device->plugged = false;
    while (device->waiting.first)
        mr_urb_finish(device, &device->waiting.first, -ESHUTDOWN);
    mr_urb_show(device);
    umockdev_testbed_detach_ioctl(device->testbed, device->node, NULL);
    unlink(device->file);
    snprintf(syspath, sizeof syspath, "/sys%s", device->syspath);
    umockdev_testbed_uevent(device->testbed, syspath, "remove");
    umockdev_testbed_remove_device(device->testbed, syspath);
    close_chip(device);
}

// ---- The thread --------------------------------------------------------------------------------

// A device that was pulled waits for its time to come back, if it has one.
static void wait_for_plug(struct usb_device *device) {
    struct usb_faults *faults = &device->description.faults;
    char error[900];
    if (!mr_usb_faults_next_is(faults, USB_FAULT_PLUG) &&
        !mr_usb_faults_next_is(faults, USB_FAULT_BACK)) {
        g_cond_wait(&device->wake, &device->lock);
        return;
    }
    const gint64 until = g_get_monotonic_time() + (gint64)faults->list[0].at * 1000;
    mr_usb_faults_happened(faults);
    while (!device->stopping && g_cond_wait_until(&device->wake, &device->lock, until))
        ;
    if (!device->stopping && plug(device, error, sizeof error))
        fprintf(stderr, "millrace_usb: %s\n", error);
}

// Time passes for the device while a program waits for it.
static void *run(void *user) {
    struct usb_device *device = user;
    char error[900];
    g_mutex_lock(&device->lock);
    while (!device->stopping) {
        if (!device->plugged) {
            wait_for_plug(device);
            continue;
        }
        serve(device);
        if (!device->waiting.first) {
            g_cond_wait(&device->wake, &device->lock);
            continue;
        }
        g_mutex_unlock(&device->lock);
        const int failed = device->description.kind->pass(device->chip, error, sizeof error);
        g_mutex_lock(&device->lock);
        if (failed)
            fprintf(stderr, "millrace_usb: %s: %s\n", device->description.serial, error);
        if (failed || device->description.faults.pulled)
            pull(device);
    }
    g_mutex_unlock(&device->lock);
    return NULL;
}

struct usb_device *mr_usb_plug(UMockdevTestbed *testbed, unsigned number,
                               const struct usb_description *description, char *error,
                               size_t error_size) {
    struct usb_device *device = calloc(1, sizeof *device);
    if (!device) {
        snprintf(error, error_size, "not enough memory for a USB device");
        return NULL;
    }
    device->testbed = testbed;
    device->number = number;
    device->description = *description;
    device->fifo = -1;
    g_mutex_init(&device->lock);
    g_cond_init(&device->wake);
    mr_urb_empty(&device->waiting);
    mr_urb_empty(&device->done);
    mr_usbfs_listen(device);
    if (!plug(device, error, error_size)) {
        device->thread = g_thread_new("usb", run, device);
        return device;
    }
    mr_usb_remove(device);
    return NULL;
}

// The handler and its programs may call until the testbed is gone, so the memory stays.
void mr_usb_remove(struct usb_device *device) {
    if (!device)
        return;
    g_mutex_lock(&device->lock);
    device->stopping = true;
    g_cond_signal(&device->wake);
    g_mutex_unlock(&device->lock);
    if (device->thread)
        g_thread_join(device->thread);
    if (device->plugged)
        pull(device);
    close_line(device);
}

// ---- Descriptions ------------------------------------------------------------------------------

int mr_usb_describe(struct usb_description *description, const char *text, char *error,
                    size_t error_size) {
    gchar **parts = g_strsplit(text, ":", 4);
    const guint count = g_strv_length(parts);
    int result = -1;
    *description = (struct usb_description){0};
    if (count >= 3)
        description->kind = mr_usb_chip_find(parts[0]);
    if (!description->kind) {
        snprintf(error, error_size,
                 "'%s' is no USB device; one is CHIP:SERIAL:BEHIND or CHIP:SERIAL:BEHIND:FAULTS, "
                 "where CHIP is one of",
                 text);
        for (size_t i = 0; mr_usb_chip_at(i); i++) {
            const size_t length = strlen(error);
            snprintf(error + length, error_size - length, " %s", mr_usb_chip_at(i)->name);
        }
    } else if (strlen(parts[1]) >= sizeof description->serial || !*parts[1]) {
        snprintf(error, error_size, "'%s': a serial number has 1 to %zu characters", text,
                 sizeof description->serial - 1);
    } else if (strlen(parts[2]) >= sizeof description->behind) {
        snprintf(error, error_size, "'%s': the path is too long", parts[2]);
    } else {
        snprintf(description->serial, sizeof description->serial, "%s", parts[1]);
        snprintf(description->behind, sizeof description->behind, "%s", parts[2]);
        result =
            mr_usb_faults_read(&description->faults, count > 3 ? parts[3] : "", error, error_size);
    }
    g_strfreev(parts);
    return result;
}
