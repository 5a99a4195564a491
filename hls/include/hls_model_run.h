// SPDX-License-Identifier: Apache-2.0
// The fixed part of a kernel's model (NAME_model.c of hlsc) that stands behind the kernel: it fills
// the streams, calls the kernel and hands over what it gave, behind the interface of kernel.h. From
// the generated part it needs
//   HLS_MODEL_TOP      the top's name, in quotes
//   hls_model_streams  an entry for each stream of the top, in the order of its parameters, and a
//                      last one without a name
//   hls_model_memories an entry for each external memory, likewise
//   hls_model_item     a union of their payloads
//   hls_model_call     calls the top with these scalars and the streams' FIFOs
// and KERNEL_PORTS and KERNEL_PROBES of NAME_ports.h.
#ifndef HLS_MODEL_RUN_H
#define HLS_MODEL_RUN_H

#include <stdio.h>

static inline void hls_model_leave(void) {
    while (hls_model_open_count)
        hls_fifo_free(hls_model_open_fifos[0]);
    longjmp(hls_model_dry, 1);
}

// ---- payloads and their bits on the stream

static inline uint64_t hls_model_get(const unsigned char *bits, size_t at, int width) {
    uint64_t value = 0;
    for (int i = 0; i < width; i++)
        value |= (uint64_t)(bits[(at + (size_t)i) >> 3] >> ((at + (size_t)i) & 7) & 1) << i;
    return value;
}

static inline void hls_model_put(unsigned char *bits, size_t at, int width, uint64_t value) {
    for (int i = 0; i < width; i++)
        if (value >> i & 1)
            bits[(at + (size_t)i) >> 3] |= (unsigned char)(1u << ((at + (size_t)i) & 7));
}

// Between the members of a payload, little endian, and the bits, which are 0 before `pack`.
static inline void hls_model_convert(const struct hls_model_stream *stream, unsigned char *item,
                                     unsigned char *bits, bool pack) {
    size_t at = 0;
    for (int f = 0; f < stream->field_count; f++) {
        const struct hls_model_field *field = &stream->fields[f];
        const size_t bytes = field->bits == 1 ? sizeof(bool) : (size_t)field->bits / 8;
        for (size_t i = 0; i < field->count; i++, at += (size_t)field->bits) {
            unsigned char *number = item + field->offset + i * bytes;
            uint64_t value = 0;
            if (pack) {
                memcpy(&value, number, bytes);
                hls_model_put(bits, at, field->bits, value);
            } else {
                value = hls_model_get(bits, at, field->bits);
                memcpy(number, &value, bytes);
            }
        }
    }
}

static inline size_t hls_model_stride(const struct hls_model_stream *stream) {
    return (stream->bits + 7) / 8;
}

// Whole bytes without padding lie in memory as they lie on the stream.
static inline bool hls_model_is_flat(const struct hls_model_stream *stream) {
    return stream->size * 8 == stream->bits;
}

// ---- a run

static inline void hls_model_offer(const struct hls_model_stream *stream,
                                   const struct mr_stream_in *in) {
    static unsigned char item[sizeof(union hls_model_item)], bits[sizeof(union hls_model_item)];
    const size_t stride = hls_model_stride(stream);
    const unsigned char *data = in->data;
    if (hls_model_is_flat(stream)) {
        if (in->count)
            hls_fifo_push(stream->fifo, data, in->count * stride);
        return;
    }
    for (uint64_t n = 0; n < in->count; n++) {
        memcpy(bits, data + n * stride, stride);
        hls_model_convert(stream, item, bits, false);
        hls_fifo_push(stream->fifo, item, stream->size);
    }
}

static inline size_t hls_model_elements(const struct hls_model_stream *stream) {
    return (stream->fifo->tail - stream->fifo->head) / stream->size;
}

static inline int hls_model_take(const struct hls_model_stream *stream, struct mr_stream_out *out,
                                 char *error, size_t error_size) {
    static unsigned char item[sizeof(union hls_model_item)];
    const size_t stride = hls_model_stride(stream);
    unsigned char *data = out->data;
    if (stream->fifo->failed) {
        snprintf(error, error_size, "out of memory");
        return -1;
    }
    if (out->count > out->capacity) {
        snprintf(error, error_size,
                 "output stream '%s' gave %llu elements, more than the %llu expected", stream->name,
                 (unsigned long long)out->count, (unsigned long long)out->capacity);
        return -1;
    }
    if (hls_model_is_flat(stream)) {
        if (out->count)
            hls_fifo_pop(stream->fifo, data, out->count * stride);
        return 0;
    }
    for (uint64_t n = 0; n < out->count; n++) {
        hls_fifo_pop(stream->fifo, item, stream->size);
        memset(data + n * stride, 0, stride);
        hls_model_convert(stream, item, data + n * stride, true);
    }
    return 0;
}

// Of the first memory that has failed, if one has.
static inline int hls_model_complain(char *error, size_t error_size) {
    for (const struct hls_model_memory *m = hls_model_memories; m->name; m++) {
        if (!m->memory->failed)
            continue;
        snprintf(error, error_size, "memory '%s': word %lu %s", m->name,
                 (unsigned long)m->memory->address, m->memory->failed);
        return -1;
    }
    return 0;
}

// What the kernel took and gave; the first complaint counts.
static inline int hls_model_finish(struct mr_run *run, char *error, size_t error_size) {
    struct mr_stream_in *in = run->in;
    struct mr_stream_out *out = run->out;
    int status = hls_model_complain(error, error_size);
    for (const struct hls_model_stream *stream = hls_model_streams; stream->name; stream++) {
        if (stream->is_output) {
            out->count = hls_model_elements(stream);
            out->last_cycle = 0;
            if (!status)
                status = hls_model_take(stream, out, error, error_size);
            out++;
            continue;
        }
        in->taken = in->count - hls_model_elements(stream);
        if (stream->fifo->failed && !status) {
            snprintf(error, error_size, "input stream '%s' ran dry after %llu elements",
                     stream->name, (unsigned long long)in->count);
            status = -1;
        }
        in++;
    }
    for (const struct hls_model_memory *m = hls_model_memories; m->name; m++)
        hls_memory_end(m->memory);
    if (!status)
        status = hls_model_complain(error, error_size);
    for (const struct hls_model_memory *m = hls_model_memories; m->name; m++)
        m->memory->failed = NULL;
    return status;
}

static int hls_model_run(void *instance, struct mr_run *run, char *error, size_t error_size) {
    const struct mr_stream_in *in = run->in;
    (void)instance;
    run->cycles = 0;
    for (const struct hls_model_stream *stream = hls_model_streams; stream->name; stream++)
        if (!stream->is_output)
            hls_model_offer(stream, in++);
    hls_model_open_count = 0; // what is open by now are the ports
    if (!setjmp(hls_model_dry))
        hls_model_call(run->scalars);
    const int status = hls_model_finish(run, error, error_size);
    for (const struct hls_model_stream *stream = hls_model_streams; stream->name; stream++)
        hls_fifo_free(stream->fifo);
    if (run->probes)
        hls_model_read_probes(run->probes);
    return status;
}

static void *hls_model_open(const struct mr_open_options *options, char *error, size_t error_size) {
    static char instance; // the state is in the kernel's own statics
    (void)options, (void)error, (void)error_size;
    return &instance;
}

static void hls_model_close(void *instance) {
    (void)instance;
    for (const struct hls_model_memory *m = hls_model_memories; m->name; m++)
        hls_memory_free(m->memory);
}

// ---- kernel.h

#define HLS_MODEL_SCALAR(name, bits) {#name, MR_PORT_SCALAR, bits},
#define HLS_MODEL_IN(name, bits) {#name, MR_PORT_IN, bits},
#define HLS_MODEL_OUT(name, bits) {#name, MR_PORT_OUT, bits},
#define HLS_MODEL_PROBE_ENTRY(process, name, bits, is_signed) {#process, #name, bits, is_signed},

__attribute__((visibility("default"))) const struct mr_kernel *mr_kernel_describe(void) {
    static const struct mr_port ports[] = {
        KERNEL_PORTS(HLS_MODEL_SCALAR, HLS_MODEL_IN, HLS_MODEL_OUT)};
    static const struct mr_probe probes[] = {KERNEL_PROBES(HLS_MODEL_PROBE_ENTRY){0}};
    static const struct mr_kernel kernel = {.abi = MR_KERNEL_ABI,
                                            .top = HLS_MODEL_TOP,
                                            .flavour = "model",
                                            .port_count = sizeof ports / sizeof *ports,
                                            .ports = ports,
                                            .open = hls_model_open,
                                            .run = hls_model_run,
                                            .close = hls_model_close,
                                            .probe_count = sizeof probes / sizeof *probes - 1,
                                            .probes = probes};
    return &kernel;
}

#endif
