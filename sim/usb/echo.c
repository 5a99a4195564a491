// SPDX-License-Identifier: Apache-2.0
// A device that sends back what it gets (line.h).
#define _GNU_SOURCE
#include "line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct echo {
    unsigned char bytes[1024];
    size_t count;
};

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static int pass(void *self, const unsigned char *out, size_t *out_count, unsigned char *in,
                size_t *in_count, char *error, size_t error_size) {
    struct echo *echo = self;
    (void)error;
    (void)error_size;
    if (!*out_count && !echo->count)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    *in_count = least(*in_count, echo->count);
    memcpy(in, echo->bytes, *in_count);
    echo->count -= *in_count;
    memmove(echo->bytes, echo->bytes + *in_count, echo->count);
    *out_count = least(*out_count, sizeof echo->bytes - echo->count);
    memcpy(echo->bytes + echo->count, out, *out_count);
    echo->count += *out_count;
    return 0;
}

static void set_baud(void *self, double baud) {
    (void)self;
    (void)baud;
}

static uint64_t nanoseconds(const void *self) {
    struct timespec now;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int mr_usb_line_echo(struct usb_line *line, char *error, size_t error_size) {
    *line = (struct usb_line){calloc(1, sizeof(struct echo)), pass, set_baud, nanoseconds, free};
    if (line->self)
        return 0;
    snprintf(error, error_size, "not enough memory for a device");
    return -1;
}
