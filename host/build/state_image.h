// SPDX-License-Identifier: Apache-2.0
// The recurrent state of a network, in two forms: as a device gives and takes it (beats of
// hls/kernels/state.h, one per unit, operator after operator, each padded to whole vectors), and as
// a caller keeps that of a slot, in bytes that fit the model whatever its lanes and its device.
#ifndef MR_STATE_IMAGE_H
#define MR_STATE_IMAGE_H

#include "plan.h"

// Beats of 64 bytes of one operator, slot after slot; 0 where it has no state.
uint32_t mr_state_beats(const struct mr_plan *plan, int op);

// A unit's beat, as hls/kernels/frame/state.h has it: h, and the second field, or 0.
void mr_state_write_beat(int16_t *beat, int32_t h, int32_t field);
void mr_state_read_beat(const int16_t *beat, int32_t *h, int32_t *field);

// Beats of the whole network.
uint32_t mr_state_total_beats(const struct mr_plan *plan);

// Bytes of the kept form.
size_t mr_state_size(const struct mr_plan *plan);

// From the beats of a slot (NULL: the zero state) to the kept form, mr_state_size() bytes, of the
// model with that identity (model.h).
void mr_state_keep(const struct mr_plan *plan, const unsigned char *identity, const int16_t *beats,
                   uint32_t slot, void *state);

// From the kept form to the beats of a slot, among the mr_state_total_beats() of all. 0, or -1 with
// a sentence in error when the bytes are no state of this model.
int mr_state_take(const struct mr_plan *plan, const unsigned char *identity, const void *state,
                  size_t size, uint32_t slot, int16_t *beats, char *error, size_t error_size);

// Makes the state of a slot that from which sequence `sequence` of a run starts.
void mr_state_begin(const struct mr_plan *plan, uint32_t slot, uint64_t sequence, int16_t *beats);

// Makes the state of a slot zero.
void mr_state_clear(const struct mr_plan *plan, uint32_t slot, int16_t *beats);

#endif
