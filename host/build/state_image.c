// SPDX-License-Identifier: Apache-2.0
// The two forms of the recurrent state (state_image.h). Kept: a magic number, the model's identity,
// the number of recurrent operators, their units, then of each unit h (16 bits, in its stream's
// format) and where the cell has a second field that (32 bits, in the operator's units), all little
// endian.
#include "state_image.h"
#include "arithmetic.h"
#include "file.h"
#include "model.h"
#include "text.h"
#include "weights_image.h"

#include <stdio.h>
#include <string.h>

static const unsigned char magic[8] = {'M', 'R', 'S', 'T', 'A', 'T', 'E', 3};
enum {
    HEAD = sizeof magic + MR_MODEL_IDENTITY,
    WORD = 4,
    H = 2,
    FIELD = 4,
    FIELD_MAX = (1 << (MR_CELL_BITS - 1)) - 1
};

static uint32_t slot_beats(const struct mr_plan *plan, int index) {
    const struct mr_op *op = &plan->network->ops[index];
    const int lc = plan->ops[index].layout.lc;
    return op->kind->recurrent ? (uint32_t)(mr_ceil_div(op->units, lc) * lc) : 0;
}

uint32_t mr_state_beats(const struct mr_plan *plan, int index) {
    return (uint32_t)plan->slots * slot_beats(plan, index);
}

uint32_t mr_state_total_beats(const struct mr_plan *plan) {
    uint32_t beats = 0;
    for (int i = 0; i < plan->network->op_count; i++)
        beats += mr_state_beats(plan, i);
    return beats;
}

size_t mr_state_size(const struct mr_plan *plan) {
    size_t size = HEAD + WORD;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        if (op->kind->recurrent)
            size += WORD + (size_t)op->units * (H + (op->kind->second_field ? FIELD : 0));
    }
    return size;
}

static unsigned char *put(unsigned char *to, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++)
        *to++ = (unsigned char)(value >> (8 * i));
    return to;
}

static uint32_t get(const unsigned char **from, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint32_t) * (*from)++ << (8 * i);
    return value;
}

// A unit's beat, as hls/kernels/frame/state.h has it.
void mr_state_write_beat(int16_t *beat, int32_t h, int32_t field) {
    beat[0] = (int16_t)h;
    beat[1] = (int16_t)(field & 0xffff);
    beat[2] = (int16_t)(field >> 16);
}

static int32_t field_of_beat(const int16_t *beat) {
    return (int32_t)((uint32_t)(uint16_t)beat[2] << 16 | (uint16_t)beat[1]);
}

void mr_state_read_beat(const int16_t *beat, int32_t *h, int32_t *field) {
    *h = beat[0];
    *field = field_of_beat(beat);
}

void mr_state_keep(const struct mr_plan *plan, const unsigned char *identity, const int16_t *beats,
                   uint32_t slot, void *state) {
    unsigned char *to = state;
    memcpy(to, magic, sizeof magic);
    memcpy(to + sizeof magic, identity, MR_MODEL_IDENTITY);
    to = put(to + HEAD, (uint32_t)mr_network_layers(plan->network), WORD);
    for (int i = 0; i < plan->network->op_count; i++)
        if (plan->network->ops[i].kind->recurrent)
            to = put(to, (uint32_t)plan->network->ops[i].units, WORD);
    size_t first = 0; // of the operator
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        const size_t of_slot = first + (size_t)slot * slot_beats(plan, i);
        for (int u = 0; op->kind->recurrent && u < op->units; u++) {
            const int16_t *beat = beats ? beats + (of_slot + (size_t)u) * MR_IMAGE_BEAT : NULL;
            to = put(to, beat ? (uint16_t)beat[0] : 0, H);
            if (op->kind->second_field)
                to = put(to, beat ? (uint32_t)field_of_beat(beat) : 0, FIELD);
        }
        first += mr_state_beats(plan, i);
    }
}

static int wrong_size(const struct mr_plan *plan, size_t size, char *error, size_t error_size) {
    return mr_fail(error, error_size, "the state has %zu bytes and must have %zu; %s", size,
                   mr_state_size(plan),
                   size < mr_state_size(plan) ? "it was cut" : "something stands behind it");
}

static int check_header(const struct mr_plan *plan, const unsigned char *identity,
                        const unsigned char **from, size_t size, char *error, size_t error_size) {
    if (size < sizeof magic || memcmp(*from, magic, sizeof magic - 1) != 0)
        return mr_fail(error, error_size, "the %zu bytes are no state that mr_session_save wrote",
                       size);
    if ((*from)[sizeof magic - 1] < magic[sizeof magic - 1])
        return mr_fail(error, error_size, "the state was saved by an older version; save it again");
    if ((*from)[sizeof magic - 1] != magic[sizeof magic - 1])
        return mr_fail(error, error_size, "the state was saved by a newer version");
    if (size < HEAD + WORD)
        return wrong_size(plan, size, error, error_size);
    const unsigned char *of = *from + sizeof magic;
    *from += HEAD;
    const uint32_t layers = get(from, WORD);
    const int own = mr_network_layers(plan->network);
    if (layers != (uint32_t)own)
        return mr_fail(
            error, error_size,
            "the state is that of a network of %u recurrent layer%s, and this one has %d; "
            "save it from a session of this model",
            layers, mr_plural(layers), own);
    if (size < HEAD + WORD * (1 + (uint64_t)layers))
        return wrong_size(plan, size, error, error_size);
    for (int l = 0; l < own; l++) {
        const struct mr_op *op = mr_network_layer(plan->network, l);
        const uint32_t units = get(from, WORD);
        if (units != (uint32_t)op->units)
            return mr_fail(error, error_size,
                           "the state is that of a network whose recurrent layer %d has %u units, "
                           "and %s has %d; save it from a session of this model",
                           l, units, op->name, op->units);
    }
    if (memcmp(of, identity, MR_MODEL_IDENTITY) != 0)
        return mr_fail(
            error, error_size,
            "the state is that of another model with layers of the same sizes (their kinds, "
            "weights or number formats differ); save it from a session of this model");
    if (size != mr_state_size(plan))
        return wrong_size(plan, size, error, error_size);
    return 0;
}

// One unit from the kept form to its beat.
static int take_unit(const struct mr_op *op, int unit, const unsigned char **from, int16_t *beat,
                     char *error, size_t error_size) {
    const int32_t h = (int32_t)get(from, H);
    const int32_t field = op->kind->second_field ? (int32_t)get(from, FIELD) : 0;
    if (field > FIELD_MAX || field < -FIELD_MAX - 1)
        return mr_fail(
            error, error_size,
            "the state is damaged: the cell state of unit %d of %s is %d and has %d bits", unit,
            op->name, field, MR_CELL_BITS);
    mr_state_write_beat(beat, h, field);
    return 0;
}

int mr_state_take(const struct mr_plan *plan, const unsigned char *identity, const void *state,
                  size_t size, uint32_t slot, int16_t *beats, char *error, size_t error_size) {
    const unsigned char *from = state;
    if (check_header(plan, identity, &from, size, error, error_size))
        return -1;
    mr_state_clear(plan, slot, beats);
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        int16_t *own = beats + (size_t)slot * slot_beats(plan, i) * MR_IMAGE_BEAT;
        for (int u = 0; op->kind->recurrent && u < op->units; u++)
            if (take_unit(op, u, &from, own + (size_t)u * MR_IMAGE_BEAT, error, error_size))
                return -1;
        beats += (size_t)mr_state_beats(plan, i) * MR_IMAGE_BEAT;
    }
    return 0;
}

void mr_state_begin(const struct mr_plan *plan, uint32_t slot, uint64_t sequence, int16_t *beats) {
    mr_state_clear(plan, slot, beats);
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        int16_t *own = beats + (size_t)slot * slot_beats(plan, i) * MR_IMAGE_BEAT;
        for (int u = 0; op->start && u < op->units; u++, own += MR_IMAGE_BEAT) {
            int32_t h, second;
            op->kind->start(plan->network, op, sequence, u, &h, &second);
            mr_state_write_beat(own, h, second);
        }
        beats += (size_t)mr_state_beats(plan, i) * MR_IMAGE_BEAT;
    }
}

void mr_state_clear(const struct mr_plan *plan, uint32_t slot, int16_t *beats) {
    for (int i = 0; i < plan->network->op_count; i++) {
        const size_t own = (size_t)slot_beats(plan, i) * MR_IMAGE_BEAT;
        memset(beats + slot * own, 0, own * sizeof *beats);
        beats += (size_t)mr_state_beats(plan, i) * MR_IMAGE_BEAT;
    }
}
