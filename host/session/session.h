// SPDX-License-Identifier: Apache-2.0
// Inside of a session (millrace.h): a model on an open device.
#ifndef MR_SESSION_H
#define MR_SESSION_H

#include "device_uri.h"
#include "driver.h"
#include "image_names.h"
#include "network_build.h"
#include "quantise.h"

#include <limits.h>
#include <stdbool.h>

struct mr_resume;

// Values of an operator that were cut, and by how much in all, in their own units.
struct mr_value_cuts {
    uint64_t count, past;
};

// What was cut (session_saturation.c).
struct mr_session_cuts {
    // [inputs], and behind them those of the encoder; up to the last run, and of this one
    struct mr_input_cuts *inputs, *new_inputs;
    struct mr_value_cuts values[MR_MAX_OPS], new_values[MR_MAX_OPS];
    uint64_t steps[2], sequences[2]; // of all runs, up to the last one; [1]: of the encoder
    uint64_t *probes;                // [info.probe_count], of a run on the device
    uint32_t probe[MR_MAX_OPS][2];   // where each operator's `cut` and `past` are among them
};

struct mr_session {
    const struct mr_model *model;
    const struct mr_network *network;
    struct mr_compiled compiled;
    struct mr_device *device;
    struct mr_device_info info;
    struct mr_activity *activity; // [info.process_count], of the last device run
    uint64_t activity_steps;      // steps of the last device run
    struct mr_timeline *timeline; // of the last call; NULL: not asked for
    struct mr_session_cuts cuts;
    uint32_t inputs;
    uint32_t row; // int16 of one step on the device: inputs, then zeros up to whole vectors
    uint32_t encoder_inputs; // 0: there is no encoder
    uint32_t slots;
    uint32_t fresh; // slots, a bit each, in which the next run starts from a zero state whatever
                    // the caller asks for
    int16_t *x;     // buffers of the last run, kept for the next
    void *y;        // vectors of 16 bits or numbers of 32, as the plan says
    int32_t *y_row;
    size_t x_capacity, y_capacity; // in numbers; in bytes
    struct mr_image_names names;   // of a device that knows none
    char device_text[PATH_MAX + 300];
    struct mr_options options; // those that a change of the device needs again
    char bitstreams[PATH_MAX]; // of them
    struct mr_resume *resume;  // what another device needs to go on; NULL: there is none
    struct mr_error error;
};

// ---- session.c

// Of a call of a session, or the plan of one: sequences and steps, which are not 0.
int mr_session_check_size(const struct mr_plan *plan, uint64_t sequences, uint64_t steps,
                          struct mr_error *error);

// All arguments of a call but its arrays. 0, or a code with a sentence.
int mr_session_check_call(struct mr_session *session, uint64_t sequences, uint64_t steps,
                          uint32_t flags);

// Of so many sequences those that have their turns together.
static inline uint64_t mr_session_together(const struct mr_session *session, uint64_t sequences) {
    return sequences < session->slots ? sequences : session->slots;
}

// The numbers of x, of an input by its stream. 0, or a code with the session's error.
int mr_session_check_numbers(struct mr_session *session, int input, const float *x,
                             uint64_t sequences, uint64_t steps);
// What a call that goes on asks of x and its sizes, but for the number of sequences: at most the
// session's slots are run at a time. 0, or a code with the session's error.
int mr_session_check_run(struct mr_session *session, const float *x, uint64_t sequences,
                         uint64_t steps);
// Does the network's mask leave all these steps, of each sequence as many as its length? lengths:
// NULL where sequences go on: all. A masked step would be one that is not taken.
int mr_session_check_unmasked(struct mr_session *session, const float *x, uint64_t sequences,
                              uint64_t steps, const uint64_t *lengths);

// ---- session_run.c

// Numbers of 16 bits of a step of an input on a device, and bytes of a sequence's outputs.
uint32_t mr_session_row(const struct mr_plan *plan, int input);
uint64_t mr_session_output_bytes(const struct mr_plan *plan, uint64_t steps);
// Sequences that go into one device run, whole groups of the slots: more make several runs. Of a
// size that mr_session_check_size takes.
uint64_t mr_session_portion(const struct mr_plan *plan, uint64_t steps);
// Where each output is in y, one behind the other; and from sequence `first` on. to: [output_count]
void mr_session_outputs(const struct mr_session *session, float *y, uint64_t sequences,
                        uint64_t steps, float **to);
void mr_session_outputs_from(const struct mr_session *session, float *const *y, uint64_t first,
                             uint64_t steps, float **to);
// A run of arguments that were checked. numbers: [sequences] which sequences of the caller's they
// are; NULL: the same. y: of the outputs, NULL where it is not wanted.
int mr_session_run_call(struct mr_session *session, const float *x, uint64_t sequences,
                        uint64_t steps, uint32_t flags, const uint64_t *numbers, float *const *y,
                        struct mr_stats *stats);
// Room for so many numbers of x and bytes of y, in session->x and session->y. 0, or -1.
int mr_session_make_room(struct mr_session *session, size_t x_count, size_t y_size);
// A job on the device, or what is left of it, with what was cut; where the device fails on the
// fallback. 0, or a code with the session's error, and the session begins anew.
int mr_session_run_job(struct mr_session *session, struct mr_job *job);
// A call's start: the time, where somebody asks for what it took, and what was cut before. And its
// end, of so many sequences, of one part.
struct mr_session_clock {
    double start;
    uint64_t cut_inputs, cut_values;
};
struct mr_session_clock mr_session_begin(struct mr_session *session, bool asked);
void mr_session_end(const struct mr_session *session, const struct mr_session_clock *clock,
                    bool encodes, uint64_t cycles, uint32_t device_runs, uint64_t sequences,
                    uint64_t steps, struct mr_stats *stats);

// ---- session_lengths.c

// The same of sequences that have lengths of their own, or those of the model. states: of them, or
// NULL: they begin anew.
int mr_session_run_apart(struct mr_session *session, const float *x, uint64_t sequences,
                         uint64_t steps, const uint64_t *lengths, unsigned char *states,
                         float *const *y, struct mr_stats *stats);
int mr_session_run_own(struct mr_session *session, const float *x, uint64_t sequences,
                       uint64_t steps, unsigned char *states, float *const *y,
                       struct mr_stats *stats);

// ---- session_swap.c

// Are these [sequences] states of the model?
int mr_session_check_states(struct mr_session *session, unsigned char *states, uint64_t sequences);
// A run of sequences with a state each. numbers: as of mr_session_run_call. The session's slots
// begin anew behind it.
int mr_session_swap(struct mr_session *session, const float *x, uint64_t sequences, uint64_t steps,
                    const uint64_t *numbers, unsigned char *states, float *const *y,
                    struct mr_stats *stats);

// ---- session_device.c

// What `auto:` or NULL is: a card with an image of this network, else the processor. It lies in
// entry.
const char *mr_session_resolve(const char *uri, struct mr_compiled *compiled,
                               const struct mr_options *options, struct mr_device_found *entry);
// Has the device of a URI no other than this processor's engine? auto: no card is there.
bool mr_session_runs_here(const char *uri);
// Builds what the device needs, where it is not there yet.
int mr_session_prepare(struct mr_session *session, const char *uri, struct mr_error *error);
// Opens the device of session->options and loads the weights.
int mr_session_attach(struct mr_session *session, const char *uri, struct mr_error *error);
void mr_session_detach(struct mr_session *session);

// ---- session_state.c

// The first ones, a bit each.
static inline uint32_t mr_session_slot_set(uint64_t slots) {
    return (uint32_t)((UINT64_C(1) << slots) - 1);
}

// After a failure of the device and of the fallback as well there is none.
int mr_session_check_device(struct mr_session *session);
// The states of all slots, as beats (state_image.h). 0, or a code with the session's error.
int mr_session_read_states(struct mr_session *session, int16_t *beats);
int mr_session_write_states(struct mr_session *session, const int16_t *beats);
// Before a run that goes on in the first `sequences` slots: sees that those that start anew have
// the state for it. *reset: all of them start from zero.
int mr_session_go_on(struct mr_session *session, uint32_t sequences, bool *reset);
// Of a network whose sequences start from states of their own: gives the slots those of sequence
// `first` of a call and of the next ones, up to before `end`. numbers: [end] which sequences of the
// caller's they are; NULL: the same.
int mr_session_start(struct mr_session *session, uint64_t first, uint64_t end,
                     const uint64_t *numbers);

// ---- session_saturation.c

int mr_cuts_open(struct mr_session *session, struct mr_error *error);
void mr_cuts_close(struct mr_session *session);
// For a device that was opened: room for its probes. And when it is closed.
int mr_cuts_attach(struct mr_session *session, const char *uri, struct mr_error *error);
void mr_cuts_detach(struct mr_session *session);
// A run's counts begin; its sequences begin anew, for the device's state was lost; a device gave
// cuts.probes in a run of one part; the run of so many sequences, and of steps in all, is done.
void mr_cuts_begin(struct mr_session *session);
void mr_cuts_restart(struct mr_session *session);
void mr_cuts_take_probes(struct mr_session *session, bool encodes);
void mr_cuts_end(struct mr_session *session, bool encodes, uint64_t sequences, uint64_t steps);
// All that were cut so far.
void mr_cuts_total(const struct mr_session *session, uint64_t *inputs, uint64_t *values);

// ---- session_resume.c

// Makes session->resume: the session goes on with the device `uri` when its own fails.
int mr_resume_open(struct mr_session *session, const char *uri, struct mr_error *error);
void mr_resume_close(struct mr_resume *resume);
// A run was done; keeps what a resumption after it needs. May read the device's state, and fails
// with a sentence when the device does. NULL is legal.
int mr_resume_note(struct mr_session *session, const struct mr_job *job, struct mr_error *error);
// The session's state was replaced by these beats (state_image.h).
void mr_resume_restored(struct mr_resume *resume, const int16_t *beats, size_t numbers);
// After a failure, told by `reason`: opens the other device in the state after the last noted run.
// False: there is none, or it failed too; then the reason tells of both, and the session has no
// device.
bool mr_resume(struct mr_session *session, struct mr_error *reason);

#endif
