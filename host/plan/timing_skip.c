// SPDX-License-Identifier: Apache-2.0
// Skips what repeats itself in the cycle model. Between two rounds over the processes the model's
// state is: where each process is in its row, how full each channel is, and the times that later
// iterations depend on, all relative to the first process. When that is what it was before, all
// that follows is what followed then, later by the same number of cycles, as long as each process
// comes to rows that do what they did then, and to none whose time is told.
//
// Two kinds of repetition are looked for: of rows inside a sequence, of which those that differ by
// their place (its first or last) are no part, and of whole sequences, of which the place in the
// sequence is a part of the state.
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
    struct place *places; // by process
    uint64_t *read;       // by channel
};

struct skipper {
    size_t size; // numbers of a state
    int64_t *state;
    int64_t *next; // by process: time of its next iteration, at least
    struct watch step, sequence;
};

static bool make_watch(struct watch *watch, const struct model *model, size_t size) {
    watch->state = calloc(size, sizeof *watch->state);
    watch->places = calloc((size_t)model->process_count + 1, sizeof *watch->places);
    watch->read = calloc((size_t)model->channel_count + 1, sizeof *watch->read);
    return watch->state && watch->places && watch->read;
}

static void free_watch(struct watch *watch) {
    free(watch->state);
    free(watch->places);
    free(watch->read);
}

struct skipper *mr_skipper_new(const struct model *model) {
    struct skipper *skipper = calloc(1, sizeof *skipper);
    if (!skipper)
        return NULL;
    skipper->size = 4 * (size_t)model->process_count + 1;
    for (int i = 0; i < model->channel_count; i++)
        skipper->size += 2 + 2 * (model->channels[i].mask + 1);
    skipper->state = calloc(skipper->size, sizeof *skipper->state);
    skipper->next = calloc((size_t)model->process_count + 1, sizeof *skipper->next);
    if (skipper->state && skipper->next && make_watch(&skipper->step, model, skipper->size) &&
        make_watch(&skipper->sequence, model, skipper->size))
        return skipper;
    mr_skipper_free(skipper);
    return NULL;
}

void mr_skipper_free(struct skipper *skipper) {
    if (!skipper)
        return;
    free_watch(&skipper->step);
    free_watch(&skipper->sequence);
    free(skipper->state);
    free(skipper->next);
    free(skipper);
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// ---- the state

// At which iteration the process waits, or NULL: it is done.
static const struct event *event_of(const struct process *process) {
    return process->row < process->rows ? &mr_timing_pattern(process)->events[process->event]
                                        : NULL;
}

static int64_t next_of(const struct process *process) {
    const struct event *event = event_of(process);
    return (int64_t)(process->row_start + (event ? event->at + process->done : 0));
}

// The time of the first process's next iteration, from which others are counted.
static int64_t time_of(const struct model *model) {
    return next_of(&model->processes[0]);
}

// When a process can go on at the earliest: not before what it waits for can have been written.
static void find_next(const struct model *model, int64_t time, int64_t *next) {
    for (int i = 0; i < model->process_count; i++) {
        const struct event *event = event_of(&model->processes[i]);
        next[i] = next_of(&model->processes[i]) - time;
        for (uint32_t k = 0; event && k < event->in_count; k++) {
            const struct channel *in = event->in[k];
            const int64_t from = in->from - model->processes;
            if (in->read == in->written && from < i)
                next[i] = later(next[i], next[from] + in->write_stage + 1 + in->crossing);
        }
    }
}

// Where turns of a step differ: which of them it is.
static int64_t turn_of(const struct process *process) {
    const uint64_t bound = mr_timing_bound(process);
    return process->has_empty_turns && process->row > bound && process->other.step
               ? (int64_t)((process->row - bound) % process->other.step)
               : 0;
}

// Writes the state and returns how many numbers it has. Times that nothing depends on any more
// count as the earliest that something depends on.
static size_t write_state(const struct model *model, struct skipper *skipper) {
    const int64_t time = time_of(model), *next = skipper->next;
    int64_t *state = skipper->state;
    size_t used = 0;
    find_next(model, time, skipper->next);
    for (int i = 0; i < model->process_count; i++) {
        state[used++] = model->processes[i].event;
        state[used++] = model->processes[i].done;
        state[used++] = next[i];
        state[used++] = turn_of(&model->processes[i]);
    }
    for (int i = 0; i < model->channel_count; i++) {
        const struct channel *c = &model->channels[i];
        const int64_t reader = c->to ? next[c->to - model->processes] : INT64_MIN;
        const int64_t writer = next[c->from - model->processes];
        state[used++] = (int64_t)(c->written - c->read);
        state[used++] = (int64_t)(c->written < c->depth ? c->written : c->depth);
        for (uint64_t n = c->read; n < c->written; n++)
            state[used++] = later((int64_t)c->visible[n & c->mask] - time, reader);
        const uint64_t known = c->written < c->depth ? 0 : c->written - c->depth;
        for (uint64_t n = known; n < c->read; n++)
            state[used++] =
                later((int64_t)c->taken[n & c->mask] - time, writer - 1 - (int64_t)c->crossing);
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
    for (int i = 0; i < model->process_count; i++)
        watch->places[i] = (struct place){model->processes[i].row, model->processes[i].iterations};
    for (int i = 0; i < model->channel_count; i++)
        watch->read[i] = model->channels[i].read;
}

static void forget(struct watch *watch) {
    watch->valid = false;
    watch->patience = 0;
}

// ---- rows that differ by their place

static bool has_places(const struct process *process) {
    return process->begin_differs || process->end_differs || process->has_empty_turns ||
           process->is_behind;
}

// The first row from `row` on that is unlike those in the middle of its sequences. Where there are
// turns without a row, rows are alike in whole groups, and behind them where their turn is the
// same, which is a part of the state.
static uint64_t next_place(const struct process *process, uint64_t row) {
    const uint64_t bound = mr_timing_bound(process);
    const uint64_t end = bound + process->other.rows;
    if (process->has_empty_turns && process->is_behind)
        return row < process->whole.rows && row < bound ? process->whole.rows
               : row <= bound                           ? bound
               : row <= end                             ? end
                                                        : UINT64_MAX;
    if (process->has_empty_turns)
        return row <= bound ? bound : UINT64_MAX;
    if (process->is_behind && !process->begin_differs && !process->end_differs)
        return row < process->whole.rows ? process->whole.rows : row < bound ? bound : UINT64_MAX;
    const struct group *group = row < bound ? &process->whole : &process->other;
    const uint64_t at = row < bound ? row % group->rows : row - bound, start = row - at;
    if (!group->rows || (process->begin_differs && at < group->step))
        return has_places(process) ? row : UINT64_MAX;
    if (process->end_differs)
        return at < group->rows - group->step ? start + group->rows - group->step : row;
    return process->begin_differs ? start + group->rows : UINT64_MAX;
}

// Is what the process has done since then, and will do in its row, done in rows that are alike?
static bool is_alike(const struct process *process, uint64_t since, bool steps) {
    if (process->row == since)
        return true;
    if (since == 0 && process->first_differs)
        return false;
    if (!steps && process->is_behind && since < process->whole.rows)
        return false;
    if (steps)
        return next_place(process, since) > process->row;
    return !has_places(process) || (process->row < mr_timing_bound(process) &&
                                    (process->row - since) % process->whole.rows == 0);
}

static bool are_alike(const struct model *model, const struct watch *watch, bool steps) {
    for (int i = 0; i < model->process_count; i++)
        if (!is_alike(&model->processes[i], watch->places[i].row, steps))
            return false;
    return true;
}

// ---- repetition

// How often `step` rows fit between the row at hand and the special one, which is not reached.
static uint64_t room(const struct process *process, uint64_t special, uint64_t step) {
    if (step == 0 || process->row > special ||
        (process->row == special && (process->event > 0 || process->done > 0)))
        return UINT64_MAX;
    return process->row == special ? 0 : (special - 1 - process->row) / step;
}

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t repetitions(const struct model *model, const struct watch *watch, bool steps) {
    uint64_t count = UINT64_MAX;
    for (int i = 0; i < model->process_count; i++) {
        const struct process *process = &model->processes[i];
        const uint64_t rows = process->row - watch->places[i].row;
        const uint64_t last = process->rows - 1;
        if (rows && process->row >= last)
            return 0;
        count = least(count, room(process, (process->measured - 1) / 2, rows));
        count = least(count, room(process, process->measured - 1, rows));
        count = least(count, room(process, last, rows));
        if (steps)
            count = least(count, room(process, next_place(process, process->row), rows));
        else if (has_places(process))
            count = least(count, room(process, mr_timing_bound(process), rows));
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
    for (int i = 0; i < model->channel_count; i++) {
        struct channel *channel = &model->channels[i];
        const uint64_t elements = channel->read - watch->read[i];
        if (elements)
            move_channel(channel, count * elements, time, (uint64_t *)skipper->state,
                         (uint64_t *)skipper->state + channel->mask + 1);
    }
    for (int i = 0; i < model->process_count; i++) {
        struct process *process = &model->processes[i];
        const uint64_t rows = process->row - watch->places[i].row;
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
    const bool alike = watch->valid && are_alike(model, watch, steps);
    if (alike && memcmp(watch->state, skipper->state, size * sizeof *skipper->state) == 0) {
        const uint64_t count = repetitions(model, watch, steps);
        if (count > 0) {
            repeat(model, skipper, watch, count);
            forget(watch);
            return true;
        }
    }
    if (steps && !alike)
        forget(watch); // a sequence ended: what repeats itself in the next one is found anew
    if (!watch->valid || ++watch->rounds >= watch->patience)
        keep(watch, model, skipper->state, size);
    return false;
}

void mr_skip(struct model *model, struct skipper *skipper) {
    const struct process *first = &model->processes[0];
    if (first->row >= first->rows)
        return;
    const size_t size = write_state(model, skipper);
    if (!look(model, skipper, &skipper->step, size, true))
        look(model, skipper, &skipper->sequence, size, false);
}
