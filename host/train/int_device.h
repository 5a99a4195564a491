// SPDX-License-Identifier: Apache-2.0
// A training engine (hls/kernels/train_engine) that trains a model in whole numbers, as a device of
// the driver's: its RTL in Verilator ("sim:"), its C compiled by gcc ("hls:"), or a card ("xrt:0").
// Between calls it holds the model's weights, moments and scales; the bits are those of the engines
// of the CPU (int_model.h).
#ifndef MR_INT_DEVICE_H
#define MR_INT_DEVICE_H

#include "cache.h"
#include "int_model.h"
#include "train_plan.h"
#include "workers.h"

struct mr_int_device;

struct mr_int_device_options {
    const char *device;    // "sim:", "hls:", "xrt:0"
    struct mr_notes notes; // of what is built
    // xrt: only: the folder of images, or NULL; and: one of an emulated card is built where there
    // is none.
    const char *bitstreams;
    bool build_image;
    const char *target;         // that card, or NULL: the usual one
    struct mr_workers *workers; // that pack mini-batches, and outlive the device; NULL: the caller
    size_t run; // mini-batches of a run at most; 0: as many as hide what the host does
    // sim: only, for tests: random idles and stalls (kernel.h), and assertions.
    uint32_t idle_chance, stall_chance;
    uint64_t seed;
    bool assertions;
};

// Compiles and builds the engine of that shape unless the cache has it. NULL with a sentence.
struct mr_int_device *mr_int_device_open(const struct mr_train_shape *shape,
                                         const struct mr_int_device_options *options,
                                         struct mr_error *error);
void mr_int_device_close(struct mr_int_device *device); // NULL is legal

// The functions below return 0, or MR_ERROR_DEVICE or MR_ERROR_MEMORY with a sentence; after it
// what the engine holds is of no use.

int mr_int_device_load(struct mr_int_device *device, const struct mr_int_model *model,
                       struct mr_error *error);
int mr_int_device_read(struct mr_int_device *device, struct mr_int_model *model,
                       struct mr_error *error);

// ---- Mini-batches go in one by one and their outputs come out in that order, some later. They are
// gathered to runs of the engine, of which two are under way: while it computes one the next is
// packed, and moves to it. Nothing else is asked of it until the outputs of all are there.

// Puts a mini-batch in, of which `outputs` stays until they are there; the rest is packed at once.
// rule: its update, after which the engine's scales are those of the next one; NULL: it predicts.
int mr_int_device_put(struct mr_int_device *device, const struct mr_int_batch *batch,
                      const train_rule_t *rule, struct mr_error *error);
// Waits for the outputs of all.
int mr_int_device_flush(struct mr_int_device *device, struct mr_error *error);
// Waits, and forgets what was put in; what the engine holds is of no use.
void mr_int_device_drop(struct mr_int_device *device);
// Mini-batches that were put in and whose outputs are not there yet; and how many may be.
size_t mr_int_device_waiting(const struct mr_int_device *device);
size_t mr_int_device_most_waiting(const struct mr_int_device *device);

// Of the mini-batches that learned, or those that predicted, whose outputs are there. "hls:" counts
// none: both are 0.
struct mr_train_cycles mr_int_device_cycles(const struct mr_int_device *device, bool learned);

#endif
