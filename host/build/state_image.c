// SPDX-License-Identifier: Apache-2.0
// The two forms of the recurrent state (state_image.h). Kept: a magic number, the model's identity,
// the number of layers, their hidden units, then of each unit h (16 bits, Q15) and the cell state
// (32 bits, in the layer's units), all little endian.
#include "state_image.h"
#include "file.h"
#include "model.h"
#include "weights_image.h"

#include <stdio.h>
#include <string.h>

static const unsigned char magic[8] = {'M', 'R', 'S', 'T', 'A', 'T', 'E', 2};
enum { HEAD = sizeof magic + MR_MODEL_IDENTITY, WORD = 4, UNIT = 6, CELL_MAX = (1 << 23) - 1 };

uint32_t mr_state_beats(const struct mr_plan *plan, int layer) {
    return (uint32_t)plan->layers[layer].h_words * (uint32_t)plan->layers[layer].lc;
}

uint32_t mr_state_total_beats(const struct mr_plan *plan) {
    uint32_t beats = 0;
    for (int l = 0; l < plan->layer_count; l++)
        beats += mr_state_beats(plan, l);
    return beats;
}

size_t mr_state_size(const struct mr_plan *plan) {
    size_t size = HEAD + WORD + WORD * (size_t)plan->layer_count;
    for (int l = 0; l < plan->layer_count; l++)
        size += UNIT * (size_t)plan->layers[l].hidden;
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

void mr_state_keep(const struct mr_plan *plan, const unsigned char *identity, const int16_t *beats,
                   void *state) {
    unsigned char *to = state;
    memcpy(to, magic, sizeof magic);
    memcpy(to + sizeof magic, identity, MR_MODEL_IDENTITY);
    to = put(to + HEAD, (uint32_t)plan->layer_count, WORD);
    for (int l = 0; l < plan->layer_count; l++)
        to = put(to, (uint32_t)plan->layers[l].hidden, WORD);
    size_t first = 0;
    for (int l = 0; l < plan->layer_count; l++) {
        for (int u = 0; u < plan->layers[l].hidden; u++) {
            const int16_t *beat = beats ? beats + (first + (size_t)u) * MR_IMAGE_BEAT : NULL;
            to = put(to, beat ? (uint16_t)beat[0] : 0, 2);
            to = put(to, beat ? (uint32_t)(uint16_t)beat[2] << 16 | (uint16_t)beat[1] : 0, 4);
        }
        first += mr_state_beats(plan, l);
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
        return mr_fail(error, error_size,
                       "the state was saved by an older version, which did not note of which model "
                       "it is; save it again");
    if ((*from)[sizeof magic - 1] != magic[sizeof magic - 1])
        return mr_fail(error, error_size, "the state was saved by a newer version");
    if (size < HEAD + WORD)
        return wrong_size(plan, size, error, error_size);
    const unsigned char *of = *from + sizeof magic;
    *from += HEAD;
    const uint32_t layers = get(from, WORD);
    bool same =
        layers == (uint32_t)plan->layer_count && size >= HEAD + WORD * (1 + (uint64_t)layers);
    for (int l = 0; same && l < plan->layer_count; l++)
        same = get(from, WORD) == (uint32_t)plan->layers[l].hidden;
    if (!same)
        return mr_fail(error, error_size,
                       "the state is that of a network with other layers (%u of them; this one has "
                       "%d); save it from a session of this model",
                       layers, plan->layer_count);
    if (memcmp(of, identity, MR_MODEL_IDENTITY) != 0)
        return mr_fail(error, error_size,
                       "the state is that of another model with the same layers (its weights or "
                       "number formats differ); save it from a session of this model");
    if (size != mr_state_size(plan))
        return wrong_size(plan, size, error, error_size);
    return 0;
}

int mr_state_take(const struct mr_plan *plan, const unsigned char *identity, const void *state,
                  size_t size, int16_t *beats, char *error, size_t error_size) {
    const unsigned char *from = state;
    if (check_header(plan, identity, &from, size, error, error_size))
        return -1;
    memset(beats, 0, (size_t)mr_state_total_beats(plan) * MR_IMAGE_BEAT * sizeof *beats);
    for (int l = 0; l < plan->layer_count; l++) {
        for (int u = 0; u < plan->layers[l].hidden; u++) {
            int16_t *beat = beats + (size_t)u * MR_IMAGE_BEAT;
            beat[0] = (int16_t)get(&from, 2);
            const int32_t cell = (int32_t)get(&from, 4);
            if (cell > CELL_MAX || cell < -CELL_MAX - 1)
                return mr_fail(error, error_size,
                               "the state is damaged: the cell state of unit %d of layer %d is %d "
                               "and has 24 bits",
                               u, l, cell);
            beat[1] = (int16_t)(cell & 0xffff);
            beat[2] = (int16_t)(cell >> 16);
        }
        beats += (size_t)mr_state_beats(plan, l) * MR_IMAGE_BEAT;
    }
    return 0;
}
