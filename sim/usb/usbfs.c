// SPDX-License-Identifier: Apache-2.0
// The kernel's usbfs of an emulated device: the ioctl calls of programs on its node, as umockdev
// brings them here, in a thread of its own.
//
// A program's memory can be reached only during one of its calls: what goes to the device is taken
// when a request is submitted, what comes from it is kept until it is reaped.
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { LONGEST = 1 << 24 }; // of a request, in bytes

// What the call gives, or a negative errno value.
static void reply(UMockdevIoctlClient *client, int result) {
    umockdev_ioctl_client_complete(client, result < 0 ? -1 : result, result < 0 ? -result : 0);
}

static struct urb *new_urb(UMockdevIoctlClient *client, UMockdevIoctlData *arg) {
    struct urb *urb = calloc(1, sizeof *urb);
    if (!urb)
        return NULL;
    urb->address = *(const gulong *)(const void *)arg->data;
    urb->client = client;
    urb->data = umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_urb), NULL);
    if (!urb->data)
        goto bad;
    const struct usbdevfs_urb *asked = (const void *)urb->data->data;
    if (asked->buffer_length < 0 || asked->buffer_length > LONGEST)
        goto bad;
    urb->type = asked->type;
    urb->endpoint = asked->endpoint;
    urb->length = (size_t)asked->buffer_length;
    urb->bytes = calloc(1, urb->length + 1);
    if (!urb->bytes)
        goto bad;
    if (urb->length) {
        urb->buffer = umockdev_ioctl_data_resolve(urb->data, offsetof(struct usbdevfs_urb, buffer),
                                                  urb->length, NULL);
        if (!urb->buffer)
            goto bad;
        memcpy(urb->bytes, urb->buffer->data, urb->length);
    }
    return urb;
bad:
    mr_urb_free(urb);
    return NULL;
}

static int submit(struct usb_device *device, UMockdevIoctlClient *client, UMockdevIoctlData *arg) {
    struct urb *urb = new_urb(client, arg);
    if (!urb)
        return -EINVAL;
    if (urb->type != USBDEVFS_URB_TYPE_BULK && urb->type != USBDEVFS_URB_TYPE_CONTROL &&
        urb->type != USBDEVFS_URB_TYPE_INTERRUPT) {
        mr_urb_free(urb);
        return -EINVAL;
    }
    mr_urb_append(&device->waiting, urb);
    g_cond_signal(&device->wake);
    return 0;
}

static int discard(struct usb_device *device, const UMockdevIoctlClient *client,
                   const UMockdevIoctlData *arg) {
    const gulong address = *(const gulong *)(const void *)arg->data;
    for (struct urb **place = &device->waiting.first; *place; place = &(*place)->next)
        if ((*place)->client == client && (*place)->address == address) {
            mr_urb_finish(device, place, -ENOENT);
            return 0;
        }
    return -EINVAL;
}

static int reap(struct usb_device *device, const UMockdevIoctlClient *client,
                UMockdevIoctlData *arg) {
    struct urb **place = &device->done.first;
    while (*place && (*place)->client != client)
        place = &(*place)->next;
    struct urb *urb = *place;
    if (!urb)
        return device->plugged ? -EAGAIN : -ENODEV;
    UMockdevIoctlData *pointer = umockdev_ioctl_data_resolve(arg, 0, sizeof(void *), NULL);
    if (!pointer)
        return -EFAULT;
    mr_urb_take_out(&device->done, place);
    mr_urb_show(device);
    struct usbdevfs_urb *answer = (void *)urb->data->data;
    answer->status = urb->status;
    answer->actual_length = (int)urb->actual;
    if (urb->buffer)
        memcpy(urb->buffer->data, urb->bytes, urb->length);
    umockdev_ioctl_data_set_ptr(pointer, 0, urb->data);
    g_object_unref(pointer);
    mr_urb_free(urb);
    return 0;
}

// Writes to what the argument points to.
static int answer(UMockdevIoctlData *arg, const void *bytes, size_t count) {
    UMockdevIoctlData *data = umockdev_ioctl_data_resolve(arg, 0, count, NULL);
    if (!data)
        return -EFAULT;
    memcpy(data->data, bytes, count);
    g_object_unref(data);
    return 0;
}

static int ask(UMockdevIoctlData *arg, void *bytes, size_t count) {
    UMockdevIoctlData *data = umockdev_ioctl_data_resolve(arg, 0, count, NULL);
    if (!data)
        return -EFAULT;
    memcpy(bytes, data->data, count);
    g_object_unref(data);
    return 0;
}

static bool is_held(const struct usb_device *device, unsigned interface) {
    return interface < 32 && (device->held >> interface & 1);
}

static int get_driver(const struct usb_device *device, UMockdevIoctlData *arg) {
    struct usbdevfs_getdriver asked;
    int error = ask(arg, &asked, sizeof asked);
    if (!error && !is_held(device, asked.interface))
        error = -ENODATA;
    if (error)
        return error;
    snprintf(asked.driver, sizeof asked.driver, "%s", device->description.kind->driver);
    return answer(arg, &asked, sizeof asked);
}

static int release_driver(struct usb_device *device, unsigned interface, bool connect) {
    if (interface >= 32 || !device->description.kind->driver)
        return -ENODATA;
    const unsigned bit = 1u << interface;
    if (!connect && !(device->held & bit))
        return -ENODATA;
    device->held = connect ? device->held | bit : device->held & ~bit;
    return connect; // how many drivers took it
}

static int driver_call(struct usb_device *device, UMockdevIoctlData *arg) {
    struct usbdevfs_ioctl asked;
    const int error = ask(arg, &asked, sizeof asked);
    if (error)
        return error;
    if (asked.ioctl_code != (int)USBDEVFS_DISCONNECT && asked.ioctl_code != (int)USBDEVFS_CONNECT)
        return -ENOTTY;
    return release_driver(device, (unsigned)asked.ifno, asked.ioctl_code == (int)USBDEVFS_CONNECT);
}

static int claim(struct usb_device *device, UMockdevIoctlData *arg) {
    unsigned interface;
    const int error = ask(arg, &interface, sizeof interface);
    return error                                               ? error
           : interface >= device->description.kind->interfaces ? -ENOENT
           : is_held(device, interface)                        ? -EBUSY
                                                               : 0;
}

static int disconnect_claim(struct usb_device *device, UMockdevIoctlData *arg) {
    struct usbdevfs_disconnect_claim asked;
    const int error = ask(arg, &asked, sizeof asked);
    if (error)
        return error;
    if (asked.interface >= device->description.kind->interfaces)
        return -ENOENT;
    (void)release_driver(device, asked.interface, false);
    return 0;
}

static int call(struct usb_device *device, UMockdevIoctlClient *client, UMockdevIoctlData *arg) {
    static const uint32_t capabilities =
        USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
        USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
    const gulong request = umockdev_ioctl_client_get_request(client);
    if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY)
        return reap(device, client, arg);
    if (!device->plugged)
        return -ENODEV;
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES:
        return answer(arg, &capabilities, sizeof capabilities);
    case USBDEVFS_SUBMITURB:
        return submit(device, client, arg);
    case USBDEVFS_DISCARDURB:
        return discard(device, client, arg);
    case USBDEVFS_CLAIMINTERFACE:
        return claim(device, arg);
    case USBDEVFS_DISCONNECT_CLAIM:
        return disconnect_claim(device, arg);
    case USBDEVFS_GETDRIVER:
        return get_driver(device, arg);
    case USBDEVFS_IOCTL:
        return driver_call(device, arg);
    case USBDEVFS_RELEASEINTERFACE:
    case USBDEVFS_SETINTERFACE:
    case USBDEVFS_SETCONFIGURATION:
    case USBDEVFS_CLEAR_HALT:
    case USBDEVFS_RESETEP:
    case USBDEVFS_RESET:
        return 0;
    default:
        return -ENOTTY;
    }
}

static void forget(struct urb_queue *queue, const UMockdevIoctlClient *client) {
    for (struct urb **place = &queue->first; *place;) {
        struct urb *urb = *place;
        if (urb->client == client) {
            mr_urb_take_out(queue, place);
            mr_urb_free(urb);
        } else {
            place = &urb->next;
        }
    }
}

// A program closed the node, or ended.
static void on_closed(UMockdevIoctlClient *client, GParamSpec *what, gpointer user) {
    struct usb_device *device = user;
    (void)what;
    if (umockdev_ioctl_client_get_connected(client))
        return;
    g_mutex_lock(&device->lock);
    forget(&device->waiting, client);
    forget(&device->done, client);
    mr_urb_show(device);
    g_mutex_unlock(&device->lock);
}

static gboolean on_ioctl(UMockdevIoctlBase *handler, UMockdevIoctlClient *client, gpointer user) {
    struct usb_device *device = user;
    UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client);
    (void)handler;
    if (!g_object_get_data(G_OBJECT(client), "millrace")) {
        g_object_set_data(G_OBJECT(client), "millrace", device);
        g_signal_connect(client, "notify::connected", G_CALLBACK(on_closed), device);
    }
    g_mutex_lock(&device->lock);
    const int result = call(device, client, arg);
    g_mutex_unlock(&device->lock);
    reply(client, result);
    return TRUE;
}

int mr_usbfs_attach(struct usb_device *device, char *error, size_t error_size) {
    GError *problem = NULL;
    if (umockdev_testbed_attach_ioctl(device->testbed, device->node, device->handler, &problem))
        return 0;
    snprintf(error, error_size, "%s: cannot be emulated: %s", device->node,
             problem ? problem->message : "umockdev does not say why");
    g_clear_error(&problem);
    return -1;
}

void mr_usbfs_listen(struct usb_device *device) {
    device->handler = g_object_new(UMOCKDEV_TYPE_IOCTL_BASE, NULL);
    g_signal_connect(device->handler, "handle-ioctl", G_CALLBACK(on_ioctl), device);
}
