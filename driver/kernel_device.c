// SPDX-License-Identifier: Apache-2.0
// Drives a built kernel by the ports of a network: scalars command, sequences, steps, total, flags;
// streams weights, x and state_in in, y and state_out out. Ports are found by name, so their order
// is the kernel's own.
#define _POSIX_C_SOURCE 200809L
#include "kernel_device.h"
#include "loader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum port {
    COMMAND,
    SEQUENCES,
    STEPS,
    TOTAL,
    FLAGS,
    WEIGHTS,
    X,
    Y,
    NEEDED, // those below are not: a network without state has none
    STATE_IN = NEEDED,
    STATE_OUT,
    PORT_COUNT
};
enum { SCALAR_COUNT = 5, IN_COUNT = 3, OUT_COUNT = 2, MAX_STREAM_BITS = 1 << 16, BEAT_BITS = 512 };

static const struct {
    const char *name;
    enum mr_port_kind kind;
} wanted[PORT_COUNT] = {{"command", MR_PORT_SCALAR}, {"sequences", MR_PORT_SCALAR},
                        {"steps", MR_PORT_SCALAR},   {"total", MR_PORT_SCALAR},
                        {"flags", MR_PORT_SCALAR},   {"weights", MR_PORT_IN},
                        {"x", MR_PORT_IN},           {"y", MR_PORT_OUT},
                        {"state_in", MR_PORT_IN},    {"state_out", MR_PORT_OUT}};

struct mr_kernel_device {
    struct mr_loaded *loaded;
    void *instance;
    uint64_t max_cycles;
    uint64_t *probes;           // [probe_count], of a run
    uint32_t bits[PORT_COUNT];  // 0: the kernel has no such port
    uint32_t place[PORT_COUNT]; // index among the kernel's ports of the same kind
};

static const char *const kind_names[] = {"scalar", "input stream", "output stream"};

static int find_ports(struct mr_kernel_device *device, const char *so_path, char *error,
                      size_t error_size) {
    const struct mr_kernel *kernel = device->loaded->kernel;
    bool found[PORT_COUNT] = {0};
    uint32_t of_kind[3] = {0};
    for (uint32_t i = 0; i < kernel->port_count; i++) {
        const struct mr_port *port = &kernel->ports[i];
        enum port p = 0;
        while (p < PORT_COUNT && (found[p] || strcmp(port->name, wanted[p].name) != 0))
            p++;
        if (p == PORT_COUNT || port->kind != wanted[p].kind) {
            snprintf(error, error_size,
                     "%s: port %s of kernel %s is none of a network's (scalars command, sequences, "
                     "steps, "
                     "total, flags; input streams weights, x, state_in; output streams y, "
                     "state_out)",
                     so_path, port->name, kernel->top);
            return -1;
        }
        const bool scalar = port->kind == MR_PORT_SCALAR;
        if (scalar ? port->bits != 32 : port->bits < 1 || port->bits > MAX_STREAM_BITS) {
            snprintf(error, error_size, "%s: port %s of kernel %s is %u bits wide and must be %s",
                     so_path, port->name, kernel->top, port->bits, scalar ? "32" : "1 to 65536");
            return -1;
        }
        found[p] = true;
        device->bits[p] = port->bits;
        device->place[p] = of_kind[port->kind]++;
    }
    for (enum port p = 0; p < NEEDED; p++)
        if (!found[p]) {
            snprintf(error, error_size, "%s: kernel %s has no %s %s, which every network has",
                     so_path, kernel->top, kind_names[wanted[p].kind], wanted[p].name);
            return -1;
        }
    return 0;
}

struct mr_kernel_device *mr_kernel_device_open(const char *so_path, const char *flavour,
                                               const struct mr_device_options *options, char *error,
                                               size_t error_size) {
    struct mr_kernel_device *device = calloc(1, sizeof *device);
    if (!device) {
        snprintf(error, error_size, "%s: not enough memory to open it", so_path);
        return NULL;
    }
    device->max_cycles = options->max_cycles;
    device->loaded = mr_kernel_load(so_path, error, error_size);
    if (!device->loaded)
        goto failed;
    const struct mr_kernel *kernel = device->loaded->kernel;
    if (strcmp(kernel->flavour, flavour) != 0) {
        snprintf(error, error_size, "%s: is the %s of a kernel and this device takes its %s",
                 so_path, kernel->flavour, flavour);
        goto failed;
    }
    if (find_ports(device, so_path, error, error_size))
        goto failed;
    device->probes = calloc((size_t)kernel->probe_count + 1, sizeof *device->probes);
    if (!device->probes) {
        snprintf(error, error_size, "%s: not enough memory to open it", so_path);
        goto failed;
    }
    const struct mr_open_options open_options = {.idle_chance = options->idle_chance,
                                                 .stall_chance = options->stall_chance,
                                                 .seed = options->seed,
                                                 .trace = options->trace};
    device->instance = kernel->open(&open_options, error, error_size);
    if (!device->instance)
        goto failed;
    return device;
failed:
    mr_kernel_device_close(device);
    return NULL;
}

void mr_kernel_device_close(void *opened) {
    struct mr_kernel_device *device = opened;
    if (!device)
        return;
    if (device->instance)
        device->loaded->kernel->close(device->instance);
    mr_kernel_unload(device->loaded);
    free(device->probes);
    free(device);
}

void mr_kernel_device_info(const void *opened, struct mr_device_info *info) {
    const struct mr_kernel_device *device = opened;
    const struct mr_kernel *kernel = device->loaded->kernel;
    *info = (struct mr_device_info){.weights_bits = device->bits[WEIGHTS],
                                    .x_bits = device->bits[X],
                                    .y_bits = device->bits[Y],
                                    .process_count = kernel->process_count,
                                    .processes = kernel->processes,
                                    .probe_count = kernel->probe_count,
                                    .probes = kernel->probes};
}

static int all_taken(const struct mr_kernel_device *device, const char *name, uint64_t taken,
                     uint64_t count, char *error, size_t error_size) {
    if (taken == count)
        return 0;
    snprintf(error, error_size,
             "kernel %s took %llu of the %llu elements for %s; the data do not fit the network",
             device->loaded->kernel->top, (unsigned long long)taken, (unsigned long long)count,
             name);
    return -1;
}

// A command other than RUN: it takes `count` beats of one stream, or gives them on another.
static int transfer(struct mr_kernel_device *device, uint32_t command, enum port port,
                    const void *beats, void *to, uint64_t count, char *error, size_t error_size) {
    uint64_t scalars[SCALAR_COUNT] = {0};
    struct mr_stream_in in[IN_COUNT] = {0};
    struct mr_stream_out out[OUT_COUNT] = {0};
    if (port >= NEEDED && device->bits[port] != BEAT_BITS) {
        snprintf(error, error_size, "kernel %s has no stream %s of beats of 64 bytes",
                 device->loaded->kernel->top, wanted[port].name);
        return -1;
    }
    scalars[device->place[COMMAND]] = command;
    if (to)
        out[device->place[port]] = (struct mr_stream_out){.data = to, .capacity = count};
    else
        in[device->place[port]] = (struct mr_stream_in){.data = beats, .count = count};
    struct mr_run run = {
        .scalars = scalars, .in = in, .out = out, .max_cycles = device->max_cycles};
    if (device->loaded->kernel->run(device->instance, &run, error, error_size))
        return -1;
    const uint64_t moved = to ? out[device->place[port]].count : in[device->place[port]].taken;
    return all_taken(device, wanted[port].name, moved, count, error, error_size);
}

int mr_kernel_device_load(void *device, const void *beats, uint64_t count, char *error,
                          size_t error_size) {
    return transfer(device, MR_COMMAND_LOAD, WEIGHTS, beats, NULL, count, error, error_size);
}

int mr_kernel_device_read_state(void *device, void *beats, uint64_t count, char *error,
                                size_t error_size) {
    return transfer(device, MR_COMMAND_READ_STATE, STATE_OUT, NULL, beats, count, error,
                    error_size);
}

int mr_kernel_device_write_state(void *device, const void *beats, uint64_t count, char *error,
                                 size_t error_size) {
    return transfer(device, MR_COMMAND_WRITE_STATE, STATE_IN, beats, NULL, count, error,
                    error_size);
}

int mr_kernel_device_run(void *opened, struct mr_job *job, char *error, size_t error_size) {
    struct mr_kernel_device *device = opened;
    uint64_t scalars[SCALAR_COUNT] = {0};
    struct mr_stream_in in[IN_COUNT] = {0};
    struct mr_stream_out out[OUT_COUNT] = {0};
    struct mr_stream_out *y = &out[device->place[Y]];
    *y = (struct mr_stream_out){.data = job->y, .capacity = job->y_count};
    scalars[device->place[COMMAND]] = MR_COMMAND_RUN;
    scalars[device->place[SEQUENCES]] = job->sequences;
    scalars[device->place[STEPS]] = job->steps;
    scalars[device->place[TOTAL]] = (uint64_t)job->sequences * job->steps;
    scalars[device->place[FLAGS]] = job->flags;
    in[device->place[X]] = (struct mr_stream_in){.data = job->x, .count = job->x_count};
    struct mr_run run = {.scalars = scalars,
                         .in = in,
                         .out = out,
                         .max_cycles = device->max_cycles,
                         .activity = job->activity,
                         .probes = device->probes,
                         .timeline = job->timeline};
    if (device->loaded->kernel->run(device->instance, &run, error, error_size))
        return -1;
    job->cycles = run.cycles;
    job->last_output_cycle = y->last_cycle;
    if (all_taken(device, "x", in[device->place[X]].taken, job->x_count, error, error_size))
        return -1;
    if (y->count != job->y_count) {
        snprintf(error, error_size,
                 "kernel %s gave %llu elements of y where %llu were expected; the buffer does not "
                 "fit the network",
                 device->loaded->kernel->top, (unsigned long long)y->count,
                 (unsigned long long)job->y_count);
        return -1;
    }
    for (uint32_t i = 0; job->probes && i < device->loaded->kernel->probe_count; i++)
        job->probes[i] += device->probes[i];
    return 0;
}
