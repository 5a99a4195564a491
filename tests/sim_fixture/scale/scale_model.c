// SPDX-License-Identifier: Apache-2.0
// The scale fixture as a C model, in the form that hlsc writes: the same bits as scale.sv.
#include "kernel.h"
#include "scale_state.h"
#include <stdio.h>
#include <string.h>

static void *open_model(const struct mr_open_options *options, char *error, size_t error_size) {
    (void)options, (void)error, (void)error_size;
    return &runs;
}

static int run_model(void *instance, struct mr_run *run, char *error, size_t error_size) {
    (void)instance;
    const uint64_t gain = run->scalars[0] & 0xffff, count = run->scalars[1];
    for (int i = 0; i < 2; i++) {
        run->in[i].taken = run->out[i].count = 0;
        if (run->in[i].count < count || run->out[i].capacity < count) {
            snprintf(error, error_size, "kernel scale: a stream is shorter than %u",
                     (unsigned)count);
            return -1;
        }
    }
    for (uint64_t k = 0; k < count; k++) {
        uint64_t a = 0;
        memcpy(&a, (const char *)run->in[0].data + 3 * k, 3);
        const uint64_t b = gain * a + runs;
        memcpy((char *)run->out[0].data + 5 * k, &b, 5);
        const unsigned char *wide = (const unsigned char *)run->in[1].data + 13 * k;
        unsigned char *mirror = (unsigned char *)run->out[1].data + 13 * k;
        for (int i = 0; i < 13; i++)
            mirror[i] = (unsigned char)~wide[i];
        mirror[12] &= 0x0f;
    }
    for (int i = 0; i < 2; i++)
        run->in[i].taken = run->out[i].count = count;
    run->cycles = 0;
    runs++;
    return 0;
}

static void close_model(void *instance) {
    (void)instance;
}

static const struct mr_port ports[] = {{"gain", MR_PORT_SCALAR, 16}, {"count", MR_PORT_SCALAR, 32},
                                       {"a", MR_PORT_IN, 24},        {"wide", MR_PORT_IN, 100},
                                       {"b", MR_PORT_OUT, 40},       {"mirror", MR_PORT_OUT, 100}};

const struct mr_kernel *mr_kernel_describe(void) {
    static const struct mr_kernel kernel = {MR_KERNEL_ABI, "scale",   "model",    6, ports, 0, NULL,
                                            open_model,    run_model, close_model};
    return &kernel;
}
