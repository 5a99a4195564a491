// SPDX-License-Identifier: Apache-2.0
// Streams of the interpreters: queues without an end.
#include "interp.h"

#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *q, int bits) {
    *q = (struct queue){.stride = ((size_t)bits + 63) / 64};
}

void queue_push(struct compiler *cc, struct queue *q, const uint64_t *word) {
    if (q->first > 64 && q->first > q->count) { // more room in front than words
        memmove(q->data, queue_front(q), q->count * q->stride * sizeof *q->data);
        q->first = 0;
    }
    if (q->first + q->count == q->room) {
        const size_t room = q->room ? q->room * 2 : 64;
        uint64_t *data = realloc(q->data, room * q->stride * sizeof *data);
        if (!data)
            fail(cc, (struct location){"hlsc", 0}, "out of memory");
        q->data = data;
        q->room = room;
    }
    memcpy(q->data + (q->first + q->count++) * q->stride, word, q->stride * sizeof *word);
}

const uint64_t *queue_front(const struct queue *q) {
    return q->data + q->first * q->stride;
}

void queue_pop(struct queue *q) {
    q->first++;
    if (--q->count == 0)
        q->first = 0;
}

void queue_clear(struct queue *q) {
    q->first = q->count = 0;
}

void queue_free(struct queue *q) {
    free(q->data);
    *q = (struct queue){0};
}
