// SPDX-License-Identifier: Apache-2.0
// A built kernel (kernel.h) with two streams each way: stream p is a copy of a, stream q one of b.
// Its ports are in no order.
#include "kernel.h"

#include <string.h>

static const struct mr_port ports[] = {
    {"q", MR_PORT_OUT, 32},           {"flags", MR_PORT_SCALAR, 32}, {"b", MR_PORT_IN, 32},
    {"command", MR_PORT_SCALAR, 32},  {"weights", MR_PORT_IN, 512},  {"p", MR_PORT_OUT, 16},
    {"total", MR_PORT_SCALAR, 32},    {"a", MR_PORT_IN, 16},         {"steps", MR_PORT_SCALAR, 32},
    {"sequences", MR_PORT_SCALAR, 32}};
enum { B, WEIGHTS, A };
enum { Q, P };

static void copy(struct mr_stream_in *in, struct mr_stream_out *out, size_t size) {
    out->count = in->count < out->capacity ? in->count : out->capacity;
    in->taken = out->count;
    memcpy(out->data, in->data, out->count * size);
}

static int run(void *instance, struct mr_run *run, char *error, size_t error_size) {
    (void)instance, (void)error, (void)error_size;
    copy(&run->in[A], &run->out[P], 2);
    copy(&run->in[B], &run->out[Q], 4);
    return 0;
}

static void *open_it(const struct mr_open_options *options, char *error, size_t error_size) {
    static int instance;
    (void)options, (void)error, (void)error_size;
    return &instance;
}

static void close_it(void *instance) {
    (void)instance;
}

const struct mr_kernel *mr_kernel_describe(void) {
    static const struct mr_kernel kernel = {.abi = MR_KERNEL_ABI,
                                            .top = "two",
                                            .flavour = "model",
                                            .port_count = sizeof ports / sizeof *ports,
                                            .ports = ports,
                                            .open = open_it,
                                            .run = run,
                                            .close = close_it};
    return &kernel;
}
