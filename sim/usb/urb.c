// SPDX-License-Identifier: Apache-2.0
// Queues of programs' requests (device.h).
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

void mr_urb_empty(struct urb_queue *queue) {
    queue->first = NULL;
    queue->end = &queue->first;
}

void mr_urb_append(struct urb_queue *queue, struct urb *urb) {
    urb->next = NULL;
    *queue->end = urb;
    queue->end = &urb->next;
}

void mr_urb_take_out(struct urb_queue *queue, struct urb **place) {
    struct urb *urb = *place;
    *place = urb->next;
    if (queue->end == &urb->next)
        queue->end = place;
}

void mr_urb_free(struct urb *urb) {
    g_clear_object(&urb->data);
    g_clear_object(&urb->buffer);
    free(urb->bytes);
    free(urb);
}

void mr_urb_show(struct usb_device *device) {
    unsigned char bytes[16];
    if (device->done.first || !device->plugged) {
        while (read(device->fifo, bytes, sizeof bytes) > 0)
            ;
    } else if (write(device->fifo, "", 1) < 0) { // it is full already
        errno = 0;
    }
}

void mr_urb_finish(struct usb_device *device, struct urb **place, int status) {
    struct urb *urb = *place;
    mr_urb_take_out(&device->waiting, place);
    urb->status = status;
    mr_urb_append(&device->done, urb);
    mr_urb_show(device);
}
