// SPDX-License-Identifier: Apache-2.0
// The network fixture as a C model, in the form that hlsc writes: the same bits as network.sv.
#include "kernel.h"
#include "mr_command.h"
#include <stdio.h>
#include <string.h>

static uint32_t weight[2], state;

static void *open_model(const struct mr_open_options *options, char *error, size_t error_size) {
    (void)options, (void)error, (void)error_size;
    return weight;
}

static int run_model(void *instance, struct mr_run *run, char *error, size_t error_size) {
    (void)instance;
    const uint64_t command = run->scalars[0], steps = run->scalars[2], total = run->scalars[3];
    const uint64_t wanted = command == MR_COMMAND_LOAD ? 2 : total;
    struct mr_stream_in *in = &run->in[command == MR_COMMAND_LOAD ? 0 : 1];
    run->in[0].taken = run->in[1].taken = run->out[0].count = run->cycles = 0;
    if (in->count < wanted || (command == MR_COMMAND_RUN && run->out[0].capacity < wanted)) {
        snprintf(error, error_size, "kernel network: a stream is shorter than %u",
                 (unsigned)wanted);
        return -1;
    }
    in->taken = wanted;
    if (command == MR_COMMAND_LOAD) {
        for (int i = 0; i < 2; i++)
            memcpy(&weight[i], (const char *)in->data + 64 * i, 4);
        return 0;
    }
    for (uint64_t t = 0; t < total; t++) {
        uint32_t x[2];
        memcpy(x, (const char *)in->data + 8 * t, 8);
        if ((run->scalars[4] & MR_FLAG_RESET) && t % steps == 0)
            state = 0;
        state += x[0] * weight[0] + x[1];
        const uint32_t y = state ^ weight[1];
        memcpy((char *)run->out[0].data + 4 * t, &y, 4);
    }
    run->out[0].count = total;
    return 0;
}

static void close_model(void *instance) {
    (void)instance;
}

static const struct mr_port ports[] = {
    {"command", MR_PORT_SCALAR, 32}, {"sequences", MR_PORT_SCALAR, 32}, {"steps", MR_PORT_SCALAR, 32}, {"total", MR_PORT_SCALAR, 32},
    {"flags", MR_PORT_SCALAR, 32},   {"weights", MR_PORT_IN, 512},  {"x", MR_PORT_IN, 64},
    {"y", MR_PORT_OUT, 32}};

const struct mr_kernel *mr_kernel_describe(void) {
    static const struct mr_kernel kernel = {MR_KERNEL_ABI, "network", "model", 8, ports, 0, NULL,
                                            open_model,    run_model, close_model};
    return &kernel;
}
