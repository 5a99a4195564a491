// SPDX-License-Identifier: Apache-2.0
// Drives a built kernel by the ports of a network: scalars command, sequences, steps, total, flags;
// streams weights and, where there is state, state_in and state_out; all other streams are those of
// jobs. Ports are found by name, so their order is the kernel's own.
#define _POSIX_C_SOURCE 200809L
#include "kernel_device.h"
#include "failure.h"
#include "feedback.h"
#include "loader.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum scalar { COMMAND, SEQUENCES, STEPS, TOTAL, FLAGS, SCALARS };
enum { MOST_STREAMS = MR_JOB_STREAMS + 2, MAX_STREAM_BITS = 1 << 16 };

static const char *const scalar_names[SCALARS] = {[COMMAND] = "command",
                                                  [SEQUENCES] = "sequences",
                                                  [STEPS] = "steps",
                                                  [TOTAL] = "total",
                                                  [FLAGS] = "flags"};

struct mr_kernel_device {
    struct mr_loaded *loaded;
    void *instance;
    uint64_t max_cycles;
    uint64_t *probes;          // [probe_count], of a run
    uint32_t scalars[SCALARS]; // index of each among the kernel's scalars
};

static bool is_own(const char *name) {
    return !strcmp(name, "weights") || !strcmp(name, "state_in") || !strcmp(name, "state_out");
}

// The index of a port among those of its kind; -1: there is none.
static int find_port(const struct mr_kernel *kernel, enum mr_port_kind kind, const char *name) {
    int index = 0;
    for (uint32_t i = 0; i < kernel->port_count; i++) {
        if (kernel->ports[i].kind != kind)
            continue;
        if (!strcmp(kernel->ports[i].name, name))
            return index;
        index++;
    }
    return -1;
}

static bool is_scalar(const char *name) {
    for (int i = 0; i < SCALARS; i++)
        if (!strcmp(name, scalar_names[i]))
            return true;
    return false;
}

static int check_port(const struct mr_kernel *kernel, uint32_t index, const char *so_path,
                      struct mr_error *error) {
    const struct mr_port *port = &kernel->ports[index];
    const bool scalar = port->kind == MR_PORT_SCALAR;
    for (uint32_t i = 0; i < index; i++)
        if (!strcmp(kernel->ports[i].name, port->name))
            return mr_failure(error, MR_ERROR_DEVICE, "%s: kernel %s has two ports %s", so_path,
                              kernel->top, port->name);
    if (scalar != is_scalar(port->name) ||
        (is_own(port->name) &&
         port->kind != (strcmp(port->name, "state_out") ? MR_PORT_IN : MR_PORT_OUT)))
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: port %s of kernel %s is none of a network's (scalars command, "
                          "sequences, steps, total, flags; input streams weights, state_in, output "
                          "stream state_out, and streams of data)",
                          so_path, port->name, kernel->top);
    const bool state = !strncmp(port->name, "state_", 6) && is_own(port->name);
    const uint32_t bits = scalar ? 32 : MR_BEAT_BITS;
    if (scalar || state ? port->bits == bits : port->bits >= 1 && port->bits <= MAX_STREAM_BITS)
        return 0;
    char wanted[32];
    if (scalar || state)
        snprintf(wanted, sizeof wanted, "%u", bits);
    else
        snprintf(wanted, sizeof wanted, "1 to %d", MAX_STREAM_BITS);
    return mr_failure(error, MR_ERROR_DEVICE,
                      "%s: port %s of kernel %s is %u bits wide and must be %s", so_path,
                      port->name, kernel->top, port->bits, wanted);
}

static int find_ports(struct mr_kernel_device *device, const char *so_path,
                      struct mr_error *error) {
    const struct mr_kernel *kernel = device->loaded->kernel;
    uint32_t streams[3] = {0}; // of data, by kind
    for (uint32_t i = 0; i < kernel->port_count; i++) {
        const int code = check_port(kernel, i, so_path, error);
        if (code)
            return code;
        streams[kernel->ports[i].kind] += !is_own(kernel->ports[i].name);
    }
    for (int i = 0; i < SCALARS; i++) {
        const int place = find_port(kernel, MR_PORT_SCALAR, scalar_names[i]);
        if (place < 0)
            return mr_failure(error, MR_ERROR_DEVICE,
                              "%s: kernel %s has no scalar %s, which every network has", so_path,
                              kernel->top, scalar_names[i]);
        device->scalars[i] = (uint32_t)place;
    }
    if (find_port(kernel, MR_PORT_IN, "weights") < 0)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: kernel %s has no input stream weights, which every network has",
                          so_path, kernel->top);
    for (enum mr_port_kind kind = MR_PORT_IN; kind <= MR_PORT_OUT; kind++)
        if (!streams[kind] || streams[kind] > MR_JOB_STREAMS)
            return mr_failure(error, MR_ERROR_DEVICE,
                              "%s: kernel %s has %u %s streams of data; a network has 1 to %d",
                              so_path, kernel->top, streams[kind],
                              kind == MR_PORT_IN ? "input" : "output", MR_JOB_STREAMS);
    return 0;
}

static int open_kernel(struct mr_kernel_device *device, const char *so_path, const char *flavour,
                       const struct mr_device_options *options, struct mr_error *error) {
    char text[900];
    device->max_cycles = options->max_cycles;
    device->loaded = mr_kernel_load(so_path, text, sizeof text);
    if (!device->loaded)
        return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
    const struct mr_kernel *kernel = device->loaded->kernel;
    if (strcmp(kernel->flavour, flavour) != 0)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: is the %s of a kernel and this device takes its %s", so_path,
                          kernel->flavour, flavour);
    const int code = find_ports(device, so_path, error);
    if (code)
        return code;
    device->probes = calloc((size_t)kernel->probe_count + 1, sizeof *device->probes);
    if (!device->probes)
        return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", so_path);
    const struct mr_open_options open_options = {.idle_chance = options->idle_chance,
                                                 .stall_chance = options->stall_chance,
                                                 .seed = options->seed,
                                                 .trace = options->trace};
    device->instance = kernel->open(&open_options, text, sizeof text);
    return device->instance ? 0 : mr_failure(error, MR_ERROR_DEVICE, "%s", text);
}

struct mr_kernel_device *mr_kernel_device_open(const char *so_path, const char *flavour,
                                               const struct mr_device_options *options,
                                               struct mr_error *error) {
    struct mr_kernel_device *device = calloc(1, sizeof *device);
    if (!device) {
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", so_path);
        return NULL;
    }
    if (open_kernel(device, so_path, flavour, options, error)) {
        mr_kernel_device_close(device);
        return NULL;
    }
    return device;
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
    *info = (struct mr_device_info){.port_count = kernel->port_count,
                                    .ports = kernel->ports,
                                    .process_count = kernel->process_count,
                                    .processes = kernel->processes,
                                    .probe_count = kernel->probe_count,
                                    .probes = kernel->probes};
}

// ---- Commands ----------------------------------------------------------------------------------

// One start of the kernel; each stream lies at its port's place.
struct call {
    struct mr_kernel_device *device;
    uint64_t scalars[SCALARS];
    struct mr_stream_in in[MOST_STREAMS];
    struct mr_stream_out out[MOST_STREAMS];
    struct mr_run run;
};

static void begin(struct call *call, struct mr_kernel_device *device, uint32_t command) {
    *call = (struct call){.device = device, .run.max_cycles = device->max_cycles};
    call->scalars[device->scalars[COMMAND]] = command;
}

static int start(struct call *call, struct mr_error *error) {
    char text[900];
    call->run.scalars = call->scalars;
    call->run.in = call->in;
    call->run.out = call->out;
    return call->device->loaded->kernel->run(call->device->instance, &call->run, text, sizeof text)
               ? mr_failure(error, MR_ERROR_DEVICE, "%s", text)
               : 0;
}

static int all_taken(const struct mr_kernel *kernel, const char *name, uint64_t taken,
                     uint64_t count, struct mr_error *error) {
    return taken == count
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "kernel %s took %llu of the %llu elements for %s; the data do not fit "
                            "the network",
                            kernel->top, (unsigned long long)taken, (unsigned long long)count,
                            name);
}

static int all_given(const struct mr_kernel *kernel, const char *name, uint64_t given,
                     uint64_t count, struct mr_error *error) {
    return given == count
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "kernel %s gave %llu elements of %s where %llu were expected; the "
                            "buffer does not fit the network",
                            kernel->top, (unsigned long long)given, name,
                            (unsigned long long)count);
}

static int no_beats(const struct mr_kernel *kernel, const char *name, struct mr_error *error) {
    return mr_failure(error, MR_ERROR_DEVICE, "kernel %s has no stream %s", kernel->top, name);
}

// A command other than RUN that takes beats.
static int take_beats(struct mr_kernel_device *device, uint32_t command, const char *name,
                      const void *beats, uint64_t count, struct mr_error *error) {
    const struct mr_kernel *kernel = device->loaded->kernel;
    const int place = find_port(kernel, MR_PORT_IN, name);
    struct call call;
    if (place < 0)
        return no_beats(kernel, name, error);
    begin(&call, device, command);
    call.in[place] = (struct mr_stream_in){.data = beats, .count = count};
    const int code = start(&call, error);
    return code ? code : all_taken(kernel, name, call.in[place].taken, count, error);
}

int mr_kernel_device_load(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    return take_beats(device, MR_COMMAND_LOAD, "weights", beats, count, error);
}

int mr_kernel_device_write_state(void *device, const void *beats, uint64_t count,
                                 struct mr_error *error) {
    return take_beats(device, MR_COMMAND_WRITE_STATE, "state_in", beats, count, error);
}

int mr_kernel_device_read_state(void *opened, void *beats, uint64_t count, struct mr_error *error) {
    static const char name[] = "state_out";
    struct mr_kernel_device *device = opened;
    const struct mr_kernel *kernel = device->loaded->kernel;
    const int place = find_port(kernel, MR_PORT_OUT, name);
    struct call call;
    if (place < 0)
        return no_beats(kernel, name, error);
    begin(&call, device, MR_COMMAND_READ_STATE);
    call.out[place] = (struct mr_stream_out){.data = beats, .capacity = count};
    const int code = start(&call, error);
    return code ? code : all_given(kernel, name, call.out[place].count, count, error);
}

// ---- Jobs --------------------------------------------------------------------------------------

static int no_stream(const struct mr_kernel *kernel, const char *kind, const char *name,
                     struct mr_error *error) {
    return mr_failure(error, MR_ERROR_DEVICE, "kernel %s has no %s stream %s that a job could name",
                      kernel->top, kind, name);
}

// Puts the job's streams in the places of their ports. All of the kernel's must be there.
static int place_streams(struct call *call, const struct mr_job *job, struct mr_error *error) {
    const struct mr_kernel *kernel = call->device->loaded->kernel;
    uint32_t placed = 0, wanted = 0;
    for (int i = 0; i < MR_JOB_STREAMS; i++) {
        const struct mr_job_in *in = &job->in[i];
        const int place = in->name ? find_port(kernel, MR_PORT_IN, in->name) : 0;
        if (in->name && (place < 0 || is_own(in->name)))
            return no_stream(kernel, "input", in->name, error);
        if (in->name)
            call->in[place] = (struct mr_stream_in){.data = in->data, .count = in->count};
        placed += in->name != NULL;
    }
    for (int i = 0; i < MR_JOB_STREAMS; i++) {
        const struct mr_job_out *out = &job->out[i];
        const int place = out->name ? find_port(kernel, MR_PORT_OUT, out->name) : 0;
        if (out->name && (place < 0 || is_own(out->name)))
            return no_stream(kernel, "output", out->name, error);
        if (out->name)
            call->out[place] = (struct mr_stream_out){.data = out->data, .capacity = out->count};
        placed += out->name != NULL;
    }
    for (uint32_t i = 0; i < kernel->port_count; i++)
        wanted += kernel->ports[i].kind != MR_PORT_SCALAR && !is_own(kernel->ports[i].name);
    return placed == wanted ? 0
                            : mr_failure(error, MR_ERROR_ARGUMENT,
                                         "kernel %s has %u streams of data and the job names %u",
                                         kernel->top, wanted, placed);
}

static int check_streams(const struct call *call, struct mr_job *job, struct mr_error *error) {
    const struct mr_kernel *kernel = call->device->loaded->kernel;
    int code = 0;
    job->last_output_cycle = 0;
    for (int i = 0; i < MR_JOB_STREAMS && !code; i++) {
        const struct mr_job_in *in = &job->in[i];
        if (in->name)
            code =
                all_taken(kernel, in->name, call->in[find_port(kernel, MR_PORT_IN, in->name)].taken,
                          in->count, error);
    }
    for (int i = 0; i < MR_JOB_STREAMS && !code; i++) {
        const struct mr_job_out *wanted = &job->out[i];
        if (!wanted->name)
            continue;
        const struct mr_stream_out *out = &call->out[find_port(kernel, MR_PORT_OUT, wanted->name)];
        code = all_given(kernel, wanted->name, out->count, wanted->count, error);
        if (out->last_cycle > job->last_output_cycle)
            job->last_output_cycle = out->last_cycle;
    }
    return code;
}

// A start of the kernel for one job without feedback; adds to its probes.
static int run_job(struct mr_kernel_device *device, struct mr_job *job, struct mr_error *error) {
    struct call call;
    begin(&call, device, job->encodes ? MR_COMMAND_ENCODE : MR_COMMAND_RUN);
    call.scalars[device->scalars[SEQUENCES]] = job->sequences;
    call.scalars[device->scalars[STEPS]] = job->steps;
    call.scalars[device->scalars[TOTAL]] = (uint64_t)job->sequences * job->steps;
    call.scalars[device->scalars[FLAGS]] = job->flags;
    call.run.activity = job->activity;
    call.run.probes = device->probes;
    call.run.timeline = job->timeline;
    int code = place_streams(&call, job, error);
    if (!code)
        code = start(&call, error);
    job->cycles = call.run.cycles;
    if (!code)
        code = check_streams(&call, job, error);
    for (uint32_t i = 0; !code && job->probes && i < device->loaded->kernel->probe_count; i++)
        job->probes[i] += device->probes[i];
    return code;
}

static int run_step(void *device, struct mr_job *job, struct mr_error *error) {
    return run_job(device, job, error);
}

// The next step begins in the cycle behind the end of the one before, as a circuit can do that has
// the number by then.
int mr_kernel_device_run(void *opened, struct mr_job *job, struct mr_error *error) {
    if (!job->feedback.most)
        return run_job(opened, job, error);
    struct mr_device_info info;
    mr_kernel_device_info(opened, &info);
    return mr_feedback_run(run_step, opened, mr_device_stream_bits(&info, job->in->name),
                           info.process_count, job, error);
}
