// SPDX-License-Identifier: Apache-2.0
// Requests and answers (link.h).
#include "link.h"
#include "failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIMIT_MS = 10000,
    FIRST_MS = 250, // until a request is sent again; then twice as long each time,
    MOST_MS = 1000, // up to this
    AWAY_MS = 2000, // for which a device may be unplugged
    OPEN_MS = 5000, // a device that does not answer at first is none
    OPEN_PAYLOAD = MR_PACKET_PAYLOAD_LEAST // until the device has said what it takes
};

static uint64_t now_ms(const struct mr_link *link) {
    return link->pipe.now(link->pipe.self);
}

// ---- One request -------------------------------------------------------------------------------

static const char *const statuses[] = {
#define STATUS(name, value, text) [value] = text,
    MR_PACKET_STATUSES(STATUS)
#undef STATUS
};

static const char *command_name(uint8_t command) {
    switch (command) {
#define COMMAND(name, value, request, answer, text)                                                \
    case value:                                                                                    \
        return #name;
        MR_PACKET_COMMANDS(COMMAND)
#undef COMMAND
    default:
        return "request";
    }
}

// Reads until the answer is there, or until the time: *found tells.
static int await(struct mr_link *link, uint8_t sequence, uint8_t command, uint64_t until,
                 struct mr_packet *answer, bool *found, struct mr_error *error) {
    for (;;) {
        while ((*found = mr_packet_find(&link->finder, answer))) {
            if (answer->sequence == sequence && answer->command == (command | MR_PACKET_ANSWER))
                return 0;
            link->counts.strangers++;
        }
        const uint64_t now = now_ms(link);
        if (now >= until)
            break;
        // No more than is missing: a pipe that is asked for more waits for more.
        const size_t missing = mr_packet_finder_missing(&link->finder);
        size_t room, count = 0;
        uint8_t *bytes = mr_packet_finder_room(&link->finder, &room);
        room = missing < room ? missing : room;
        const int code =
            link->pipe.read(link->pipe.self, bytes, room, (unsigned)(until - now), &count, error);
        if (code)
            return code;
        mr_packet_finder_add(&link->finder, count);
    }
    // Bytes that look like the beginning of a packet may have hidden the answer.
    while ((*found = mr_packet_find_other(&link->finder, answer)))
        if (answer->sequence == sequence && answer->command == (command | MR_PACKET_ANSWER))
            break;
    return 0;
}

// The pipe failed with `error`: a cable that is plugged in again is all that is needed, as the
// device knows what it has done.
static int come_back(struct mr_link *link, struct mr_error *error) {
    const uint64_t end = now_ms(link) + AWAY_MS;
    struct mr_error again;
    char said[512];
    if (!link->pipe.reopen)
        return MR_ERROR_DEVICE;
    snprintf(said, sizeof said, "%.500s", error ? error->text : "");
    while (now_ms(link) < end)
        if (!link->pipe.reopen(link->pipe.self, &again)) {
            link->counts.returns++;
            return 0;
        }
    return mr_failure(error, MR_ERROR_DEVICE, "%s, and did not come back within %.1f s", said,
                      AWAY_MS / 1000.0);
}

static int exchange(struct mr_link *link, uint8_t sequence, uint8_t command, uint32_t length,
                    struct mr_packet *answer, struct mr_error *error) {
    const uint64_t end = now_ms(link) + link->limit_ms;
    const struct mr_packet request = {.version = MR_PACKET_VERSION,
                                      .sequence = sequence,
                                      .command = command,
                                      .length = length,
                                      .payload = link->request + MR_PACKET_HEADER};
    mr_packet_write(link->request, &request);
    link->counts.requests++;
    for (uint64_t wait = FIRST_MS;; wait = wait * 2 < MOST_MS ? wait * 2 : MOST_MS) {
        const uint64_t now = now_ms(link), again = now + wait < end ? now + wait : end;
        size_t written = 0;
        bool found = false;
        int code = link->pipe.write(link->pipe.self, link->request, mr_packet_size(length),
                                    (unsigned)(end > now ? end - now : 1), &written, error);
        if (!code && written == mr_packet_size(length))
            code = await(link, sequence, command, again, answer, &found, error);
        if (found)
            return 0;
        if (code && come_back(link, error))
            return MR_ERROR_DEVICE;
        if (now_ms(link) >= end)
            return mr_failure(error, MR_ERROR_DEVICE, "%s does not answer for %.1f s (%s)%s",
                              link->name, link->limit_ms / 1000.0, command_name(command),
                              link->identity.kind ? ""
                                                  : "; put an image of Millrace on it (millrace "
                                                    "program)");
        link->counts.repeats++;
    }
}

static int check_status(const struct mr_link *link, const struct mr_packet *answer,
                        struct mr_error *error) {
    if (answer->status == MR_PACKET_STATUS_VERSION || answer->version != MR_PACKET_VERSION)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s speaks version %u of the packets and this driver version %d; put an "
                          "image of this release on it (millrace program)",
                          link->name, answer->version, MR_PACKET_VERSION);
    if (answer->status == MR_PACKET_STATUS_OK)
        return 0;
    if (answer->status == MR_PACKET_STATUS_FRESH)
        return mr_failure(
            error, MR_ERROR_DEVICE,
            "%s was reset, by its power perhaps, and has lost network and state; open "
            "it again",
            link->name);
    const char *text =
        answer->status < sizeof statuses / sizeof *statuses ? statuses[answer->status] : NULL;
    return mr_failure(error, MR_ERROR_DEVICE, "%s refused %s: %s (status %u)", link->name,
                      command_name(answer->command & ~MR_PACKET_ANSWER),
                      text ? text : "of a status that is not known", answer->status);
}

uint8_t *mr_link_payload(struct mr_link *link) {
    return link->request + MR_PACKET_HEADER;
}

int mr_link_ask(struct mr_link *link, uint8_t command, uint32_t length, struct mr_packet *answer,
                struct mr_error *error) {
    link->sequence = link->sequence == UINT8_MAX ? 1 : (uint8_t)(link->sequence + 1);
    const int code = exchange(link, link->sequence, command, length, answer, error);
    return code ? code : check_status(link, answer, error);
}

// ---- Opening -----------------------------------------------------------------------------------

static int take_identity(struct mr_link *link, const struct mr_packet *answer,
                         struct mr_error *error) {
    const uint8_t *bytes = answer->payload;
    struct mr_link_identity *identity = &link->identity;
    if (answer->length < MR_IDENTITY_BYTES)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s says %u bytes of itself where %d were expected; its image is damaged",
                          link->name, answer->length, MR_IDENTITY_BYTES);
#define NUMBER(name)                                                                               \
    mr_packet_get(bytes + MR_IDENTITY_##name, MR_IDENTITY_##name##_END - MR_IDENTITY_##name)
    *identity = (struct mr_link_identity){.kind = NUMBER(KIND),
                                          .payload = NUMBER(PAYLOAD),
                                          .clock_khz = NUMBER(CLOCK_KHZ),
                                          .memory = NUMBER(MEMORY),
                                          .busy = NUMBER(BUSY),
                                          .requests = (uint16_t)NUMBER(REQUESTS),
                                          .rejected = (uint16_t)NUMBER(REJECTED)};
#undef NUMBER
    memcpy(identity->hash, bytes + MR_IDENTITY_HASH, MR_SHAPE_HASH);
    for (int i = 0; i < MR_LINK_LIMITS; i++)
        identity->limits[i] = (uint16_t)mr_packet_get(bytes + MR_IDENTITY_LIMITS + 2 * i, 2);
    if (identity->payload >= MR_PACKET_PAYLOAD_LEAST &&
        identity->payload <= MR_PACKET_PAYLOAD_MOST && identity->payload % 4 == 0)
        return 0;
    return mr_failure(
        error, MR_ERROR_DEVICE,
        "%s says that its packets have %u bytes, which none has; its image is damaged", link->name,
        identity->payload);
}

// Requests of number 0 are done each time, whatever the device did before.
static int ask_anew(struct mr_link *link, uint8_t command, struct mr_packet *answer,
                    struct mr_error *error) {
    const int code = exchange(link, 0, command, 0, answer, error);
    return code ? code : check_status(link, answer, error);
}

int mr_link_identify(struct mr_link *link, struct mr_error *error) {
    struct mr_packet answer;
    const int code = mr_link_ask(link, MR_PACKET_COMMAND_IDENTIFY, 0, &answer, error);
    return code ? code : take_identity(link, &answer, error);
}

static bool make_room(struct mr_link *link, uint32_t payload) {
    mr_packet_finder_free(&link->finder);
    free(link->request);
    link->request = malloc(mr_packet_size(payload));
    return mr_packet_finder_make(&link->finder, payload) && link->request;
}

static int begin(struct mr_link *link, struct mr_error *error) {
    struct mr_packet answer;
    int code = link->pipe.reset(link->pipe.self, error);
    if (!code && !make_room(link, OPEN_PAYLOAD))
        code = mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", link->name);
    if (!code)
        code = ask_anew(link, MR_PACKET_COMMAND_IDENTIFY, &answer, error);
    if (!code)
        code = take_identity(link, &answer, error);
    if (!code && !make_room(link, link->identity.payload))
        code = mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", link->name);
    return code ? code : ask_anew(link, MR_PACKET_COMMAND_RESET, &answer, error);
}

int mr_link_open(struct mr_link *link, const struct mr_byte_pipe *pipe, const char *name,
                 unsigned limit_ms, struct mr_error *error) {
    const unsigned limit = limit_ms ? limit_ms : LIMIT_MS;
    *link = (struct mr_link){.pipe = *pipe, .limit_ms = limit < OPEN_MS ? limit : OPEN_MS};
    snprintf(link->name, sizeof link->name, "%s", name);
    const int code = begin(link, error);
    link->limit_ms = limit;
    if (code)
        mr_link_close(link);
    return code;
}

void mr_link_close(struct mr_link *link) {
    if (link->pipe.close)
        link->pipe.close(link->pipe.self);
    mr_packet_finder_free(&link->finder);
    free(link->request);
    *link = (struct mr_link){0};
}
