// SPDX-License-Identifier: Apache-2.0
// The words of a folded kernel over STREAM requests (link.h). Words that are written wait for a
// full packet, or for the first read: then they travel with what is wanted.
#include "failure.h"
#include "link.h"

#include <stdlib.h>
#include <string.h>

enum { WORD = 2 }; // bytes

struct mr_link_words {
    struct mr_link *link;
    uint32_t most;     // words of a packet beside the count
    uint16_t *waiting; // [most]
    uint32_t count;    // of those
    uint16_t *ahead;   // [ahead_room]: words that came before they were asked for
    size_t ahead_count, ahead_room;
    uint64_t moved; // when a word moved last
    uint32_t busy;  // as the device said it last
    uint64_t cycles;
};

static uint64_t now_ms(const struct mr_link_words *words) {
    return words->link->pipe.now(words->link->pipe.self);
}

static int no_memory(const struct mr_link_words *words, struct mr_error *error) {
    return mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory for what its kernel gives",
                      words->link->name);
}

// One request: the waiting words go out, up to `wanted` come in, with the flag EARLY those that are
// there. *got: how many.
static int move(struct mr_link_words *words, uint32_t wanted, uint32_t flag, uint16_t *in,
                uint32_t *got, struct mr_error *error) {
    struct mr_link *link = words->link;
    struct mr_packet answer;
    uint8_t *payload = mr_link_payload(link);
    mr_packet_put(payload, wanted | flag, WORD);
    for (uint32_t i = 0; i < words->count; i++)
        mr_packet_put(payload + WORD * (1 + i), words->waiting[i], WORD);
    const int code =
        mr_link_ask(link, MR_PACKET_COMMAND_STREAM, WORD * (1 + words->count), &answer, error);
    if (code)
        return code;
    const uint32_t given = answer.length / WORD;
    const uint32_t taken = given ? mr_packet_get(answer.payload + WORD * (given - 1), WORD) : 0;
    if (!given || given - 1 > wanted || taken > words->count)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s answered with %u words to a request for %u and took %u of %u; its "
                          "image is damaged",
                          link->name, given, wanted, taken, words->count);
    *got = given - 1;
    for (uint32_t i = 0; i < *got; i++)
        in[i] = (uint16_t)mr_packet_get(answer.payload + WORD * i, WORD);
    words->count -= taken;
    memmove(words->waiting, words->waiting + taken, words->count * sizeof *words->waiting);
    if (taken || *got)
        words->moved = now_ms(words);
    if (now_ms(words) - words->moved > link->limit_ms)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: its kernel took and gave no word for %.1f s; open it again, which "
                          "resets it",
                          link->name, link->limit_ms / 1000.0);
    return 0;
}

// Sends the waiting words. A kernel may not go on before what it gives is taken: what comes goes to
// `ahead`.
static int flush(struct mr_link_words *words, struct mr_error *error) {
    uint32_t got;
    words->moved = now_ms(words);
    while (words->count) {
        if (words->ahead_room - words->ahead_count < words->most) {
            const size_t room = 2 * words->ahead_room + words->most;
            uint16_t *ahead = realloc(words->ahead, room * sizeof *ahead);
            if (!ahead)
                return no_memory(words, error);
            words->ahead = ahead;
            words->ahead_room = room;
        }
        const int code = move(words, words->most, MR_PACKET_EARLY,
                              words->ahead + words->ahead_count, &got, error);
        if (code)
            return code;
        words->ahead_count += got;
    }
    return 0;
}

static int write_words(void *self, const uint16_t *from, size_t count, struct mr_error *error) {
    struct mr_link_words *words = self;
    while (count) {
        const size_t room = words->most - words->count, part = count < room ? count : room;
        memcpy(words->waiting + words->count, from, part * sizeof *from);
        words->count += (uint32_t)part;
        from += part;
        count -= part;
        const int code = words->count == words->most ? flush(words, error) : 0;
        if (code)
            return code;
    }
    return 0;
}

static int read_words(void *self, uint16_t *to, size_t count, struct mr_error *error) {
    struct mr_link_words *words = self;
    const size_t early = count < words->ahead_count ? count : words->ahead_count;
    if (early) {
        memcpy(to, words->ahead, early * sizeof *to);
        words->ahead_count -= early;
        memmove(words->ahead, words->ahead + early, words->ahead_count * sizeof *words->ahead);
    }
    words->moved = now_ms(words);
    for (size_t done = early; done < count;) {
        const size_t left = count - done;
        uint32_t got = 0;
        const int code = move(words, left < words->most ? (uint32_t)left : words->most, 0,
                              to + done, &got, error);
        if (code)
            return code;
        done += got;
    }
    return 0;
}

static int read_cycles(void *self, uint64_t *cycles, struct mr_error *error) {
    struct mr_link_words *words = self;
    int code = flush(words, error);
    if (!code)
        code = mr_link_identify(words->link, error);
    if (code)
        return code;
    words->cycles += (uint32_t)(words->link->identity.busy - words->busy);
    words->busy = words->link->identity.busy;
    *cycles = words->cycles;
    return 0;
}

struct mr_link_words *mr_link_words_open(struct mr_link *link, struct mr_error *error) {
    struct mr_link_words *words = calloc(1, sizeof *words);
    if (words) {
        words->link = link;
        words->most = link->identity.payload / 2 - 1;
        words->waiting = calloc(words->most, sizeof *words->waiting);
    }
    if (words && words->waiting)
        return words;
    mr_link_words_close(words);
    mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", link->name);
    return NULL;
}

void mr_link_words_pipe(struct mr_link_words *words, struct mr_word_pipe *pipe) {
    const uint16_t *limits = words->link->identity.limits;
    *pipe = (struct mr_word_pipe){
        .self = words,
        .limits = {.words = limits[0], .numbers = limits[1], .sums = limits[2], .rows = limits[3]},
        .room = UINT32_MAX,
        .write = write_words,
        .read = read_words,
        .cycles = read_cycles};
}

void mr_link_words_close(struct mr_link_words *words) {
    if (!words)
        return;
    free(words->waiting);
    free(words->ahead);
    free(words);
}
