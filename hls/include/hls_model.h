// SPDX-License-Identifier: Apache-2.0
// The fixed part of a kernel's model (NAME_model.c of hlsc) that stands before the kernel: what the
// streams and memories of its top are, what is told of its FIFOs, and where its probes are. The
// part behind the kernel is hls_model_run.h.
#ifndef HLS_MODEL_H
#define HLS_MODEL_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hls_fifo;
struct hls_memory;

// A member of a stream's payload: `count` numbers one behind the other.
struct hls_model_field {
    size_t offset;
    size_t count;
    int bits; // 1 (bool), 8, 16, 32 or 64
};

struct hls_model_stream {
    const char *name;
    bool is_output;
    size_t bits; // of an element
    size_t size; // of the payload as a C type
    const struct hls_model_field *fields;
    int field_count;
    struct hls_fifo *fifo;
};

struct hls_model_memory {
    const char *name;
    struct hls_memory *memory;
};

// ---- A read beyond the end of a stream, or a memory that fails, leaves the kernel, which might go
// on for ever with zeros.
// What its channels hold is freed first; the streams of its ports are not on the list.

static struct hls_fifo *hls_model_open_fifos[256];
static int hls_model_open_count;
static jmp_buf hls_model_dry;

static inline void hls_model_note_open(struct hls_fifo *fifo) {
    if (hls_model_open_count < 256)
        hls_model_open_fifos[hls_model_open_count++] = fifo;
}

static inline void hls_model_note_close(struct hls_fifo *fifo) {
    for (int i = 0; i < hls_model_open_count; i++)
        if (hls_model_open_fifos[i] == fifo)
            hls_model_open_fifos[i--] = hls_model_open_fifos[--hls_model_open_count];
}

static inline void hls_model_leave(void);

#define HLS_ON_OPEN(fifo) hls_model_note_open(fifo)
#define HLS_ON_CLOSE(fifo) hls_model_note_close(fifo)
#define HLS_ON_DRY(fifo) hls_model_leave()
#define HLS_ON_ASTRAY(memory) hls_model_leave()

// ---- The kernel tells where its probes are each time it is called; before, they are as at reset.
// HLS_MODEL_PROBES(P) lists P(function, name, type, value at reset).

#define HLS_MODEL_PROBE(function, name, type, reset) {#function, #name},
static const struct {
    const char *function, *name;
} hls_model_probe[] = {HLS_MODEL_PROBES(HLS_MODEL_PROBE){NULL, NULL}};
enum { HLS_MODEL_PROBE_COUNT = sizeof hls_model_probe / sizeof *hls_model_probe - 1 };
static const void *hls_model_probe_at[HLS_MODEL_PROBE_COUNT + 1];

static inline void hls_model_note_probe(const char *function, const char *name, const void *at) {
    for (int i = 0; i < HLS_MODEL_PROBE_COUNT; i++)
        if (!strcmp(function, hls_model_probe[i].function) &&
            !strcmp(name, hls_model_probe[i].name))
            hls_model_probe_at[i] = at;
}

#define HLS_ON_PROBE(function, name, at) hls_model_note_probe(function, name, at)

#define HLS_MODEL_READ(function, name, type, reset)                                                \
    *value++ = *at ? (uint64_t) * (const type *)*at : (uint64_t)(reset);                           \
    at++;
static inline void hls_model_read_probes(uint64_t *value) {
    const void **at = hls_model_probe_at;
    HLS_MODEL_PROBES(HLS_MODEL_READ)
    (void)at, (void)value;
}

#endif
