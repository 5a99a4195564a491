// SPDX-License-Identifier: Apache-2.0
// One interface to every device that runs a network kernel: load its weights, push steps, take
// results. A device is named by a URI, `scheme:rest`. The driver knows bytes and ports; it knows no
// model. A new kind of device is a file with its struct mr_backend and a row of backends.def.
//
// Functions return 0, or a code of MR_ERROR_MAP (or NULL) with code and sentence in error. A device
// belongs to one thread at a time; any number of devices may be open, and none shares state with
// another.
#ifndef MR_DRIVER_H
#define MR_DRIVER_H

#include "design_hash.h"
#include "kernel.h"
#include "millrace_error.h"
#include "mr_command.h"
#include "timeline.h"

// Built forms of a network: name, what it is, for messages.
#define MR_FORM_MAP(X)                                                                             \
    X(MR_FORM_ENGINE, "an engine of the network")                                                  \
    X(MR_FORM_MODEL, "the network's compiled model")                                               \
    X(MR_FORM_RTL, "the network's simulator")                                                      \
    X(MR_FORM_XCLBIN, "an image of the network")                                                   \
    X(MR_FORM_FOLDED, "the network's program for a folded kernel")                                 \
    X(MR_FORM_SHAPE, "the shape of the network's pipeline")

enum mr_form {
#define MR_FORM_ENUMERATOR(name, text) name,
    MR_FORM_MAP(MR_FORM_ENUMERATOR)
#undef MR_FORM_ENUMERATOR
        MR_FORMS
};

// What a backend can beside running a network: name, bit, what a device does that can it.
#define MR_CAP_MAP(X)                                                                              \
    X(MR_CAP_CYCLES, 0, "counts cycles")                                                           \
    X(MR_CAP_TIMELINE, 1, "records timelines")                                                     \
    X(MR_CAP_STALLS, 2, "takes random idle cycles and stalls")                                     \
    X(MR_CAP_TRACE, 3, "writes waveforms")                                                         \
    X(MR_CAP_NAMES_IMAGE, 4, "takes an image by name")

enum mr_cap {
#define MR_CAP_ENUMERATOR(name, bit, text) name = 1 << (bit),
    MR_CAP_MAP(MR_CAP_ENUMERATOR)
#undef MR_CAP_ENUMERATOR
};

struct mr_job;
struct mr_device_info;
struct mr_folded_program;

// A network that calculates in this process, made by one who knows it, with its weights in it and
// every state zero. The functions are those of struct mr_backend.
struct mr_engine {
    void *self;
    void (*info)(const void *self, struct mr_device_info *info);
    int (*run)(void *self, struct mr_job *job, struct mr_error *error);
    int (*read_state)(void *self, void *beats, uint64_t count, struct mr_error *error);
    int (*write_state)(void *self, const void *beats, uint64_t count, struct mr_error *error);
    void (*close)(void *self);
};

// A network's programs for folded kernels, made by one who knows it.
struct mr_folded_maker {
    void *self;
    // For a kernel that multiplies so many rows at a time, in an image of that hash
    // [MR_SHAPE_HASH], both of which the device says. *program is there while the device is opened.
    // 0, or a code with a sentence in error: an image that is not known, too.
    int (*make)(void *self, uint32_t rows, const unsigned char *image_hash,
                const struct mr_folded_program **program, struct mr_error *error);
};

// One network, built.
struct mr_image {
    // Of MR_FORM_ENGINE, or NULL: it becomes the device's where that is opened.
    const struct mr_engine *engine;
    // Paths. A backend uses the form that it needs, the others may be NULL. An image that the URI
    // names goes before.
    const char *forms[MR_FORMS];
    // Of MR_FORM_FOLDED, or NULL; there is no file.
    const struct mr_folded_maker *folded;
    // What the files do not tell, and what they must fit, so that a wrong one is refused; of
    // MR_FORM_XCLBIN and of MR_FORM_SHAPE, which has no file.
    const struct mr_design_hash *hash;
    const char *target; // "u55c"
    uint32_t process_count;
    const char *const *processes; // names, as a card knows none
    uint32_t probe_count;
    const struct mr_probe *probes; // likewise
};

// A backend that lacks the cap for an option refuses it.
struct mr_device_options {
    const char *trace;                  // waveform file (FST) to write, or NULL
    uint32_t idle_chance, stall_chance; // random idle and back-pressure, in 1/256 per cycle
    uint64_t seed;
    uint64_t max_cycles; // sim: only: per command; 0: no limit
    // xrt: only: a card that gives no sign of life, or whose kernel makes no progress, for so long
    // has failed. 0: 10 s.
    unsigned limit_ms;
    // xrt: only: bytes of input that move to the card while those before are computed. 0: 4 MiB.
    uint32_t portion;
};

// A stream of a job, by the name of the device's port: `count` elements of the port's bits, as
// kernel.h lays them out, the same number for each sequence.
struct mr_job_in {
    const char *name;
    const void *data;
    uint64_t count;
};
struct mr_job_out {
    const char *name;
    void *data;
    uint64_t count;
};
enum { MR_JOB_STREAMS = 8 }; // each way

// Steps that follow from one another: an element of what a step gave is the input of the next one.
// `stop` none: MR_NO_STOP.
#define MR_NO_STOP UINT32_MAX
struct mr_feedback {
    uint32_t most;  // steps at most; 0: a job without feedback
    uint32_t place; // of that element among the row that a step gives on out[0]; it is 32 bits wide
    uint32_t stop;  // the step that gives this number is the last one
    uint32_t steps; // result: those that were done
};

struct mr_job {
    uint32_t sequences, steps; // steps of one sequence; at most MR_STEPS_MAX in all
    uint32_t flags;            // MR_FLAG_RESET, and the kernel's own (MR_FLAGS_OWN)
    bool encodes;              // of the encoder's part, with the command ENCODE; it gives nothing
    // Of one sequence of one step: in[0], of one element, is the input of the first step, which
    // flags are for; those of the others are the number fed back in their lowest 16 bits, above
    // zeros. out[0] has room for `most` steps, one behind the other. There are no other streams.
    struct mr_feedback feedback;
    // All streams of the network but those of weights and state, in any order; those without a
    // name are none.
    struct mr_job_in in[MR_JOB_STREAMS];
    struct mr_job_out out[MR_JOB_STREAMS];
    // Results. Sequences whose outputs are there, also when the run fails after them; cycles are 0
    // on devices that do not count them.
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
    uint32_t port_count;
    const struct mr_port *ports; // its streams, and scalars perhaps
    uint32_t process_count;      // 0 where activity is not counted
    const char *const *processes;
    uint32_t probe_count;
    const struct mr_probe *probes;
    // Of its cycles, as the device says it; 0: the clock that the network was compiled for.
    uint32_t clock_khz;
    const char *text;  // which card it is, or NULL
    const char *place; // the image on it, or NULL
};

// Bytes of an element of so many bits, in a buffer.
static inline uint32_t mr_element_bytes(uint32_t bits) {
    return (bits + 7) / 8;
}

struct mr_device_found {
    char uri[32], text[96];
};

// A kind of device. All functions but check, form_of, submit and collect are there in every
// backend; calls on one device are never concurrent; all may block until the device has done its
// work.
struct mr_backend {
    const char *scheme; // without the colon
    const char *uris;   // for messages
    const char *usual;  // what the scheme alone stands for
    uint32_t caps;      // MR_CAP_*
    enum mr_form form;  // that it needs
    // Where that depends on the device: the form that the one of this `rest` needs. NULL: on all.
    enum mr_form (*form_of)(const char *rest);
    // 0 when `rest`, the URI after the colon, is well-formed, whether or not that device is there.
    // NULL: nothing follows the colon.
    int (*check)(const char *rest, struct mr_error *error);
    // Writes up to `capacity` devices that can be opened now; returns how many there are. Never
    // fails.
    size_t (*list)(struct mr_device_found *entries, size_t capacity);
    // rest and options were checked; `path` is that of the needed form, or of the image that the
    // URI names. image may be NULL. NULL on failure. Nothing of the arguments is kept.
    void *(*open)(const char *rest, const char *path, const struct mr_image *image,
                  const struct mr_device_options *options, struct mr_error *error);
    void (*info)(const void *device, struct mr_device_info *info);
    // Takes all `count` beats of the stream `weights`, or fails. A device without that stream has
    // its weights already.
    int (*load_weights)(void *device, const void *beats, uint64_t count, struct mr_error *error);
    // Runs the job. Fails unless all input is taken and all output filled exactly. steps,
    // sequences and feedback were checked. After a failure the device can be used again; its
    // recurrent state is then undefined.
    int (*run)(void *device, struct mr_job *job, struct mr_error *error);
    // As mr_device_submit and mr_device_collect, whose conditions were checked; a job has no
    // feedback. After a failure of either no job is under way. NULL both: a job that was submitted
    // is run when it is collected.
    int (*submit)(void *device, struct mr_job *job, struct mr_error *error);
    int (*collect)(void *device, struct mr_error *error);
    // Copies the recurrent state after the last run out of the device, or into it for the next one:
    // `count` beats of 64 bytes, all that the network has (hls/kernels/frame/state.h).
    int (*read_state)(void *device, void *beats, uint64_t count, struct mr_error *error);
    int (*write_state)(void *device, const void *beats, uint64_t count, struct mr_error *error);
    // Never fails; NULL is legal.
    void (*close)(void *device);
};

#define MR_BACKEND(name) extern const struct mr_backend mr_backend_##name;
#include "backends.def"
#undef MR_BACKEND

// The backend of a URI that is well-formed; NULL for another, or an unknown scheme: the message
// then lists the known ones.
const struct mr_backend *mr_device_find(const char *uri, struct mr_error *error);
// The form that the device of this URI, which is well-formed, needs.
enum mr_form mr_device_form(const char *uri);
// 0 when the URI's backend has all these caps; else MR_ERROR_ARGUMENT, and the message names those
// that have.
int mr_device_require(const char *uri, uint32_t caps, struct mr_error *error);
// The image that the URI names ("xrt:0,IMAGE.xclbin"), or NULL.
const char *mr_device_named_image(const char *uri);
// The URI that a scheme alone stands for, with its colon or without ("xrt:0" for "xrt"); NULL for
// all else.
const char *mr_device_usual(const char *text);
// The first device that is there and runs this form, or NULL.
const char *mr_device_first(enum mr_form form, struct mr_device_found *entry);

struct mr_device;

// options may be NULL.
struct mr_device *mr_device_open(const char *uri, const struct mr_image *image,
                                 const struct mr_device_options *options, struct mr_error *error);
void mr_device_close(struct mr_device *device); // NULL is legal; waits for jobs that are under way
void mr_device_get_info(const struct mr_device *device, struct mr_device_info *info);
// Bits of an element of this stream; 0 where the device has none of this name.
uint32_t mr_device_stream_bits(const struct mr_device_info *info, const char *name);
// Of the job the sequences that are not done, as a job of its own.
struct mr_job mr_job_rest(const struct mr_job *job, const struct mr_device_info *info);
int mr_device_load_weights(struct mr_device *device, const void *beats, uint64_t count,
                           struct mr_error *error);
int mr_device_run(struct mr_device *device, struct mr_job *job, struct mr_error *error);
// A run in two halves, so that the device need not wait for the host between runs. Submit hands a
// job over, whose input may move while the device computes the one before; collect waits for the
// end of the oldest one, has the next one start, and gives the results. Jobs, and what they point
// to, stay until they are collected; as many as MR_JOBS_AHEAD may be under way, none with feedback,
// and nothing else is asked of the device meanwhile. After a failure of either none is under way.
enum { MR_JOBS_AHEAD = 2 };
int mr_device_submit(struct mr_device *device, struct mr_job *job, struct mr_error *error);
int mr_device_collect(struct mr_device *device, struct mr_error *error);
int mr_device_read_state(struct mr_device *device, void *beats, uint64_t count,
                         struct mr_error *error);
int mr_device_write_state(struct mr_device *device, const void *beats, uint64_t count,
                          struct mr_error *error);

// Writes up to `capacity` devices of all backends; returns how many there are.
size_t mr_device_list(struct mr_device_found *entries, size_t capacity);

#endif
