// SPDX-License-Identifier: Apache-2.0
// One interface to every device that runs a network kernel: load its weights, push steps, take
// results. A device is named by a URI, `scheme:rest`. The driver knows bytes and ports; it knows no
// model.
//
// Functions return 0, or -1 (or NULL) with a sentence in error. A device belongs to one thread at a
// time; any number of devices may be open, and none shares state with another.
#ifndef MR_DRIVER_H
#define MR_DRIVER_H

#include "kernel.h"
#include "mr_command.h"
#include "timeline.h"

// The built forms of one network. A backend uses the one it needs; the others may be NULL.
struct mr_image {
    const char *model_so; // cpu
    const char *rtl_so;   // sim
    const char *xclbin;   // xrt; a URI that names an image goes before
    // What an image must fit, so that a wrong one is refused. xrt only.
    const unsigned char *shape_hash; // [16], of the network's shape
    const char *target;              // "u55c"
    uint32_t process_count;
    const char *const *processes; // names, as a card knows none
    uint32_t probe_count;
    const struct mr_probe *probes; // likewise
};

// All of it but limit_ms and portion is for `sim:`; other devices refuse what they cannot do rather
// than ignore it.
struct mr_device_options {
    const char *trace;                  // waveform file (FST) to write, or NULL
    uint32_t idle_chance, stall_chance; // random idle and back-pressure, in 1/256 per cycle
    uint64_t seed;
    uint64_t max_cycles; // per command; 0: no limit
    // xrt: only: a card that gives no sign of life, or whose kernel makes no progress, for so long
    // has failed. 0: 10 s.
    unsigned limit_ms;
    // xrt: only: bytes of input that move to the card while those before are computed. 0: 4 MiB.
    uint32_t portion;
};

struct mr_job {
    uint32_t sequences, steps; // steps of one sequence; sequences * steps must fit 32 bits
    uint32_t flags;            // MR_FLAG_*
    const void *x; // [x_count] elements of the device's x_bits, as kernel.h lays them out
    uint64_t x_count;
    void *y; // [y_count] elements of the device's y_bits
    uint64_t y_count;
    // Results. Sequences whose y is there, also when the run fails after them; cycles are 0 on
    // devices that do not count them.
    uint32_t done;
    uint64_t cycles, last_output_cycle;
    struct mr_activity *activity; // [process_count of the device], or NULL
    // [probe_count of the device], or NULL: the probes of the sequences that are done are added, of
    // a network whose probes begin anew with each run. A device may cut a job into several.
    uint64_t *probes;
    struct mr_timeline *timeline; // gets samples of the activity, which must be there; or NULL
};

// What an open device tells of itself; valid until it is closed.
struct mr_device_info {
    uint32_t weights_bits, x_bits, y_bits; // width of one element of each stream
    uint32_t process_count;                // 0 where activity is not counted
    const char *const *processes;
    uint32_t probe_count;
    const struct mr_probe *probes;
    const char *text;  // which card it is, or NULL
    const char *place; // the image on it, or NULL
};

struct mr_device_entry {
    char uri[32], text[96];
};

// A kind of device. All functions are there in every backend; calls on one device are never
// concurrent; all may block until the device has done its work.
struct mr_backend {
    const char *scheme; // without the colon
    const char *form;   // its URIs, for messages
    // Writes up to `capacity` devices that can be opened now; returns how many there are. Never
    // fails.
    size_t (*list)(struct mr_device_entry *entries, size_t capacity);
    // `rest` is the URI after the colon. NULL on failure. Neither image nor options are kept.
    void *(*open)(const char *rest, const struct mr_image *image,
                  const struct mr_device_options *options, char *error, size_t error_size);
    void (*info)(const void *device, struct mr_device_info *info);
    // Takes all `count` beats of weights_bits each, or fails.
    int (*load_weights)(void *device, const void *beats, uint64_t count, char *error,
                        size_t error_size);
    // Runs the job. Fails unless all of x is taken and y is filled exactly. steps and sequences
    // were checked. After a failure the device can be used again; its recurrent state is then
    // undefined.
    int (*run)(void *device, struct mr_job *job, char *error, size_t error_size);
    // Copies the recurrent state after the last run out of the device, or into it for the next one:
    // `count` beats of 64 bytes, all that the network has (hls/kernels/frame/state.h).
    int (*read_state)(void *device, void *beats, uint64_t count, char *error, size_t error_size);
    int (*write_state)(void *device, const void *beats, uint64_t count, char *error,
                       size_t error_size);
    // Never fails; NULL is legal.
    void (*close)(void *device);
};

extern const struct mr_backend mr_backend_cpu, mr_backend_sim, mr_backend_xrt;

struct mr_device;

// Opens `cpu:`, `sim:` or `xrt:N`. options may be NULL. An unknown scheme's message lists the known
// ones.
struct mr_device *mr_device_open(const char *uri, const struct mr_image *image,
                                 const struct mr_device_options *options, char *error,
                                 size_t error_size);
void mr_device_close(struct mr_device *device); // NULL is legal
void mr_device_get_info(const struct mr_device *device, struct mr_device_info *info);
int mr_device_load_weights(struct mr_device *device, const void *beats, uint64_t count, char *error,
                           size_t error_size);
int mr_device_run(struct mr_device *device, struct mr_job *job, char *error, size_t error_size);
int mr_device_read_state(struct mr_device *device, void *beats, uint64_t count, char *error,
                         size_t error_size);
int mr_device_write_state(struct mr_device *device, const void *beats, uint64_t count, char *error,
                          size_t error_size);

// Writes up to `capacity` devices of all backends; returns how many there are.
size_t mr_device_list(struct mr_device_entry *entries, size_t capacity);

#endif
