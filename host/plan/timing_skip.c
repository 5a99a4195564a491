// SPDX-License-Identifier: Apache-2.0
// Skips what repeats itself in the cycle model. Between two rounds over the processes the model's
// state is: where each process is in its row, how full each channel is, and the times that later
// iterations depend on, all relative to the first process. When that is what it was before, all
// that follows is what followed then, later by the same number of cycles, as long as no row is
// special: the first and last of a layer, those whose times are told, and the last one of a
// sequence.
//
// Two kinds of repetition are looked for: of steps inside a sequence, and of whole sequences, of
// which the place in the sequence is a part of the state.
#include "timing_parts.h"

#include <stdlib.h>
#include <string.h>

struct place {
    uint64_t row, iterations;
};

// A state that is waited for, and where everything was then. It is replaced by a later one after 1,
// 2, 4, ... rounds, so that it is part of the repetition at some time, whose length may be any.
struct watch {
    bool valid;
    int64_t *state;
    int64_t time;
    uint64_t rounds, patience;
    struct place places[MR_TIMING_PROCESSES];
    uint64_t read[MR_TIMING_PROCESSES]; // of each channel
};

struct skipper {
    size_t size; // numbers of a state
    int64_t *state;
    struct watch step, sequence;
};

struct skipper *mr_skipper_new(const struct model *model) {
    struct skipper *skipper = calloc(1, sizeof *skipper);
    if (!skipper)
        return NULL;
    for (int i = 0; i < model->count; i++)
        skipper->size += 4 + 2 * (model->channels[i].mask + 1);
    skipper->state = calloc(skipper->size, sizeof *skipper->state);
    skipper->step.state = calloc(skipper->size, sizeof *skipper->state);
    skipper->sequence.state = calloc(skipper->size, sizeof *skipper->state);
    if (skipper->state && skipper->step.state && skipper->sequence.state)
        return skipper;
    mr_skipper_free(skipper);
    return NULL;
}

void mr_skipper_free(struct skipper *skipper) {
    if (!skipper)
        return;
    free(skipper->state);
    free(skipper->step.state);
    free(skipper->sequence.state);
    free(skipper);
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// The first offset of the row at which the process does something.
static int64_t offset_of(const struct model *model, const struct process *process) {
    const struct pattern *pattern = mr_timing_pattern(process, model->steps);
    return process->row < process->rows && process->event < pattern->event_count
               ? (int64_t)pattern->events[process->event].offset
               : 0;
}

static const struct process *last_of(const struct model *model) {
    return &model->processes[model->count - 2];
}

// The time of the first process's next iteration, from which others are counted.
static int64_t time_of(const struct model *model) {
    const struct process *first = &model->processes[0];
    return (int64_t)first->row_start + offset_of(model, first);
}

// Writes the state and returns how many numbers it has. Times that nothing depends on any more
// count as the earliest that something depends on.
static size_t write_state(const struct model *model, int64_t *state) {
    const int64_t time = time_of(model);
    int64_t earliest = 0; // of the next iteration of the process before, at least
    size_t used = 0;
    for (int i = 0; i < model->count; i++) {
        const struct process *process = &model->processes[i];
        const struct channel *in = process->in, *out = process->out;
        int64_t next = (int64_t)process->row_start + offset_of(model, process) - time;
        if (in && in->read == in->written)
            next = later(next, earliest + in->write_stage + 1 + in->crossing);
        earliest = next;
        state[used++] = process->event;
        state[used++] = next;
        state[used++] = (int64_t)(out->written - out->read);
        state[used++] = (int64_t)(out->written < out->depth ? out->written : out->depth);
        for (uint64_t n = out->read; n < out->written; n++)
            state[used++] = (int64_t)out->visible[n & out->mask] - time;
        const uint64_t known = out->written < out->depth ? 0 : out->written - out->depth;
        for (uint64_t n = known; n < out->read; n++)
            state[used++] =
                later((int64_t)out->taken[n & out->mask] - time, next - 1 - (int64_t)out->crossing);
    }
    return used;
}

static void keep(struct watch *watch, const struct model *model, const int64_t *state,
                 size_t size) {
    watch->valid = true;
    watch->rounds = 0;
    watch->patience = watch->patience ? 2 * watch->patience : 1;
    watch->time = time_of(model);
    memcpy(watch->state, state, size * sizeof *state);
    for (int i = 0; i < model->count; i++) {
        watch->places[i] = (struct place){model->processes[i].row, model->processes[i].iterations};
        watch->read[i] = model->channels[i].read;
    }
}

static void forget(struct watch *watch) {
    watch->valid = false;
    watch->patience = 0;
}

// How often `step` rows fit between the row at hand and the special one, which is not reached.
static uint64_t room(const struct process *process, uint64_t special, uint64_t step) {
    if (step == 0 || process->row > special || (process->row == special && process->event > 0))
        return UINT64_MAX;
    return process->row == special ? 0 : (special - 1 - process->row) / step;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t repetitions(const struct model *model, const struct watch *watch, bool steps) {
    uint64_t count = UINT64_MAX;
    for (int i = 0; i < model->count; i++) {
        const struct process *process = &model->processes[i];
        const uint64_t rows = process->row - watch->places[i].row;
        const uint64_t specials[] = {(process->steps - 1) / 2, process->steps - 1,
                                     process->rows - 1};
        for (size_t k = 0; k < sizeof specials / sizeof *specials; k++)
            count = least(count, room(process, specials[k], rows));
        if (steps && process == last_of(model))
            count = least(
                count,
                room(process, process->row - process->row % model->steps + model->steps - 1, rows));
    }
    return count == UINT64_MAX ? 0 : count;
}

// Moves the elements of the channel that are of use by `count` places and by `time` cycles.
static void move_channel(struct channel *channel, uint64_t count, uint64_t time, uint64_t *visible,
                         uint64_t *taken) {
    const uint64_t size = channel->mask + 1;
    memcpy(visible, channel->visible, size * sizeof *visible);
    memcpy(taken, channel->taken, size * sizeof *taken);
    for (uint64_t n = 0; n < size; n++) {
        channel->visible[(n + count) & channel->mask] = visible[n] + time;
        channel->taken[(n + count) & channel->mask] = taken[n] + time;
    }
    channel->read += count;
    channel->written += count;
}

// The room of `skipper->state` holds a channel's two rings.
static void repeat(struct model *model, struct skipper *skipper, const struct watch *watch,
                   uint64_t count) {
    const uint64_t time = count * (uint64_t)(time_of(model) - watch->time);
    for (int i = 0; i < model->count; i++) {
        struct process *process = &model->processes[i];
        struct channel *channel = &model->channels[i];
        const uint64_t rows = process->row - watch->places[i].row;
        const uint64_t elements = channel->read - watch->read[i];
        if (elements)
            move_channel(channel, count * elements, time, (uint64_t *)skipper->state,
                         (uint64_t *)skipper->state + channel->mask + 1);
        if (!rows)
            continue; // its times are those of long ago, and nothing depends on them
        process->iterations += count * (process->iterations - watch->places[i].iterations);
        process->row += count * rows;
        process->row_start += time;
        process->last_issue += time;
    }
}

// Looks whether the state is the one that is waited for. True when the model was moved on.
static bool look(struct model *model, struct skipper *skipper, struct watch *watch, size_t size,
                 bool steps) {
    if (watch->valid && memcmp(watch->state, skipper->state, size * sizeof *skipper->state) == 0) {
        const uint64_t count = repetitions(model, watch, steps);
        if (count > 0) {
            repeat(model, skipper, watch, count);
            forget(watch);
            return true;
        }
    }
    if (!watch->valid || ++watch->rounds >= watch->patience)
        keep(watch, model, skipper->state, size);
    return false;
}

// Rows that repeat: none of a layer's first and last.
static bool is_usual(const struct model *model) {
    for (int i = 0; i < model->count - 1; i++) {
        const struct process *process = &model->processes[i];
        if (process->row == 0 || process->row >= process->rows - 1)
            return false;
    }
    return true;
}

void mr_skip(struct model *model, struct skipper *skipper) {
    const struct process *last = last_of(model);
    const struct place *begun = &skipper->step.places[model->count - 2];
    const uint64_t place = last->row % model->steps;
    if (!is_usual(model)) {
        forget(&skipper->step);
        forget(&skipper->sequence);
        return;
    }
    const size_t size = write_state(model, skipper->state);
    // A sequence has no step but its last that is special.
    if (place == model->steps - 1 || begun->row / model->steps != last->row / model->steps)
        forget(&skipper->step);
    if (place < model->steps - 1 && look(model, skipper, &skipper->step, size, true))
        return;
    struct watch *watch = &skipper->sequence;
    const uint64_t of_watch = watch->places[model->count - 2].row % model->steps;
    if (!watch->valid || of_watch == place)
        look(model, skipper, watch, size, false);
    else if (++watch->rounds >= watch->patience)
        keep(watch, model, skipper->state, size);
}
