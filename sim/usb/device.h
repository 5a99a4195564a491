// SPDX-License-Identifier: Apache-2.0
// An emulated USB device inside: requests of programs wait, are served by a thread of the device
// (device.c), and wait again until a program takes them back (usbfs.c). All but what is the
// thread's own is under the lock.
#ifndef MR_USB_DEVICE_H
#define MR_USB_DEVICE_H

#include "bus.h"

#include <stdbool.h>
#include <umockdev.h>

// A request (URB) of a program's.
struct urb {
    struct urb *next;
    UMockdevIoctlClient *client; // borrowed: when it is gone its requests are
    UMockdevIoctlData *data, *buffer;
    gulong address; // in the program, by which it names it
    unsigned char type, endpoint;
    unsigned char *bytes; // [length]
    size_t length, actual;
    int status;
};

struct urb_queue {
    struct urb *first, **end;
};

struct usb_device {
    UMockdevTestbed *testbed;
    UMockdevIoctlBase *handler;
    unsigned number;     // on the bus, from 0
    unsigned generation; // how often it was plugged in
    struct usb_description description;
    char syspath[128], node[64]; // the node as programs name it
    char file[600];              // and where it is
    int fifo;                    // the node is one
    GThread *thread;
    GMutex lock; // of all that follows
    GCond wake;
    struct urb_queue waiting, done;
    bool plugged, stopping;
    unsigned held; // interfaces that the kernel's driver holds, a bit each
    // The thread's own.
    struct usb_line line;
    void *chip;
};

void mr_urb_empty(struct urb_queue *queue);
void mr_urb_append(struct urb_queue *queue, struct urb *urb);
// place: the pointer of the queue that leads to it. It goes to the caller.
void mr_urb_take_out(struct urb_queue *queue, struct urb **place);
void mr_urb_free(struct urb *urb);
// Of those that wait one is complete; status: 0, or a negative errno value.
void mr_urb_finish(struct usb_device *device, struct urb **place, int status);
// The node is writable when there is something to reap, or when the device is gone: libusb polls
// for that.
void mr_urb_show(struct usb_device *device);

// Makes the handler of programs' calls, once; then has those on the device's node come there.
void mr_usbfs_listen(struct usb_device *device);
int mr_usbfs_attach(struct usb_device *device, char *error, size_t error_size);

#endif
