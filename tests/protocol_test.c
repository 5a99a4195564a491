// SPDX-License-Identifier: Apache-2.0
// The protocol of a card's kernel on a transport that is memory of this process, with a small
// kernel in C behind the registers: each y of a sequence is the sum of its x and of the state,
// which is the last y.
#include "failure.h"
#include "kernel_protocol.h"
#include "mr_command.h"
#include "random.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROCESSES = 2, PROBES = 1, STEPS = 3, SEQUENCES = 300 };

struct device {
    uint32_t registers[MR_CARD_WINDOW / 4];
    struct mr_error error;
    uint32_t state;
    bool streaming;
    bool borrows;
    int starts;  // of the kernel
    int buffers; // that are not released
    int fail_at; // the start that ends with a status; 0: none
    int hang_at; // the start that never ends; 0: none
    bool lost;
};

// What a buffer's handle is: the device's own memory, which only send and fetch bring together with
// the host's.
struct memory {
    unsigned char *there;
    bool borrowed;
};

static const unsigned char hash[MR_SHAPE_HASH] = {1, 2,  3,  4,  5,  6,  7,  8,
                                                  9, 10, 11, 12, 13, 14, 15, 16};

// ---- The kernel --------------------------------------------------------------------------------

static uint32_t *at(struct device *device, uint32_t offset) {
    return &device->registers[offset / 4];
}

static uint64_t argument(struct device *device, uint32_t offset) {
    return *at(device, offset) | (uint64_t)*at(device, offset + 4) << 32;
}

static void *pointer(struct device *device, uint32_t offset) {
    return (void *)(uintptr_t)argument(device, offset);
}

static void run_sequences(struct device *device, const int16_t *x, uint32_t *y, uint32_t sequences,
                          uint64_t elements, bool reset) {
    for (uint32_t s = 0; s < sequences; s++) {
        uint32_t sum = reset ? 0 : device->state;
        for (uint64_t i = 0; i < elements; i++)
            sum += (uint32_t)*x++;
        device->state = *y++ = sum;
        *at(device, MR_CARD_BUSY) += (uint32_t)elements;
        *at(device, MR_CARD_CYCLES) += 10;
        *at(device, MR_CARD_NETWORK_CYCLES) += 10;
        *at(device, MR_CARD_LAST_OUTPUT) = *at(device, MR_CARD_CYCLES) - 2;
        *at(device, MR_CARD_PROGRESS) += 1;
        *at(device, MR_CARD_PROBE) += 1;
        *at(device, MR_CARD_PROBES_ANY) = 1;
    }
}

static void feed_back(struct device *device);

static void start(struct device *device) {
    static const uint32_t begun_anew[] = {MR_CARD_STATUS, MR_CARD_CYCLES,
                                          MR_CARD_BUSY,   MR_CARD_LAST_OUTPUT,
                                          MR_CARD_PROBE,  MR_CARD_NETWORK_CYCLES};
    for (size_t i = 0; i < sizeof begun_anew / sizeof *begun_anew; i++)
        *at(device, begun_anew[i]) = 0;
    const uint32_t sequences = *at(device, MR_CARD_ARG_SEQUENCES),
                   flags = *at(device, MR_CARD_ARG_FLAGS);
    device->starts++;
    if (device->hang_at == device->starts)
        return;
    switch (*at(device, MR_CARD_ARG_COMMAND)) {
    case MR_COMMAND_RUN:
        run_sequences(device, pointer(device, MR_CARD_ARG_X), pointer(device, MR_CARD_ARG_Y),
                      sequences, argument(device, MR_CARD_ARG_X_COUNT) / sequences,
                      flags & MR_FLAG_RESET);
        break;
    case MR_COMMAND_STREAM:
        device->streaming = true;
        *at(device, MR_CARD_STREAM_DONE) = 0;
        if (flags)
            device->state = 0;
        return;
    case MR_COMMAND_FEEDBACK:
        feed_back(device);
        break;
    case MR_COMMAND_READ_STATE:
        memcpy(pointer(device, MR_CARD_ARG_STATE_OUT), &device->state, sizeof device->state);
        break;
    case MR_COMMAND_WRITE_STATE:
        memcpy(&device->state, pointer(device, MR_CARD_ARG_STATE_IN), sizeof device->state);
        break;
    default: // LOAD: the state begins with the first byte of the weights
        device->state = *(unsigned char *)pointer(device, MR_CARD_ARG_WEIGHTS);
    }
    if (device->fail_at == device->starts)
        *at(device, MR_CARD_STATUS) = 1u << 12;
    *at(device, MR_CARD_CONTROL) = MR_CARD_CONTROL_DONE;
}

// Steps that are fed from one another; a row's slot is a beat, its number the last 8 bytes.
static void feed_back(struct device *device) {
    const uint32_t most = *at(device, MR_CARD_ARG_SEQUENCES);
    unsigned char *slot = pointer(device, MR_CARD_ARG_Y);
    int16_t next = *(int16_t *)pointer(device, MR_CARD_ARG_X);
    uint32_t done = 0, number = 0;
    ck_assert_uint_eq(*at(device, MR_CARD_ARG_STEPS), 1);
    ck_assert_uint_eq(*at(device, MR_CARD_ARG_RING), most);
    ck_assert_uint_eq(argument(device, MR_CARD_ARG_X_COUNT), 1);
    ck_assert_uint_eq(argument(device, MR_CARD_ARG_Y_COUNT), 1);
    ck_assert_uint_eq(*at(device, MR_CARD_FEEDBACK_PLACE), 0);
    if (*at(device, MR_CARD_ARG_FLAGS) == MR_FLAG_RESET_FIRST)
        device->state = 0;
    do {
        run_sequences(device, &next, &number, 1, 1, false);
        next = (int16_t)number;
        memcpy(slot, &number, sizeof number);
        slot += MR_BEAT_BYTES;
        done++;
    } while (done < most && number != *at(device, MR_CARD_FEEDBACK_STOP));
    *at(device, MR_CARD_STREAM_DONE) = done;
}

static void take_row(struct device *device) {
    run_sequences(device, pointer(device, MR_CARD_ARG_X), pointer(device, MR_CARD_ARG_Y), 1,
                  argument(device, MR_CARD_ARG_X_COUNT),
                  *at(device, MR_CARD_ARG_FLAGS) == MR_FLAG_RESET);
    *at(device, MR_CARD_STREAM_DONE) = *at(device, MR_CARD_STREAM_ROWS);
}

// ---- The transport -----------------------------------------------------------------------------

static int check_device(void *link) {
    struct device *device = link;
    return device->lost ? mr_failure(&device->error, MR_ERROR_DEVICE, "lost") : 0;
}

static int lose(void *link, const char *reason) {
    struct device *device = link;
    device->lost = true;
    return mr_failure(&device->error, MR_ERROR_DEVICE, "%s", reason);
}

static int read_register(void *link, uint32_t offset, uint32_t *value) {
    *value = *at(link, offset);
    return check_device(link);
}

static int write_register(void *link, uint32_t offset, uint32_t value) {
    struct device *device = link;
    *at(device, offset) = value;
    if (offset == MR_CARD_CONTROL && (value & MR_CARD_CONTROL_START)) {
        *at(device, offset) = 0;
        start(device);
    } else if (offset == MR_CARD_CONTROL) {
        *at(device, offset) = 0; // continue
    } else if (offset == MR_CARD_STREAM_ROWS && device->streaming && value) {
        take_row(device);
    } else if (offset == MR_CARD_STREAM_CONTROL && (value & MR_CARD_STREAM_CONTROL_STOP)) {
        device->streaming = false;
        *at(device, MR_CARD_CONTROL) = MR_CARD_CONTROL_DONE;
    }
    return check_device(link);
}

static int allocate(void *link, struct mr_buffer *buffer, uint64_t size, enum mr_argument index) {
    struct memory *memory = calloc(1, sizeof *memory);
    (void)index;
    ck_assert(memory != NULL);
    memory->there = malloc(size);
    ck_assert(memory->there != NULL);
    memset(memory->there, 0xa5, size); // as whoever had it before left it
    *buffer = (struct mr_buffer){.handle = memory,
                                 .address = (uintptr_t)memory->there,
                                 .size = size,
                                 .data = calloc(1, size)};
    ck_assert(buffer->data != NULL);
    ((struct device *)link)->buffers++;
    return 0;
}

static bool borrow(void *link, struct mr_buffer *buffer, const void *data, uint64_t size,
                   enum mr_argument index) {
    if (!((struct device *)link)->borrows)
        return false;
    allocate(link, buffer, size, index);
    free(buffer->data);
    buffer->data = (void *)(uintptr_t)data;
    ((struct memory *)buffer->handle)->borrowed = true;
    return true;
}

static void release(void *link, struct mr_buffer *buffer) {
    struct memory *memory = buffer->handle;
    if (memory) {
        free(memory->there);
        if (!memory->borrowed)
            free(buffer->data);
        free(memory);
        ((struct device *)link)->buffers--;
    }
    *buffer = (struct mr_buffer){0};
}

static int send(void *link, const struct mr_buffer *buffer, uint64_t offset, uint64_t size) {
    ck_assert_uint_le(offset + size, buffer->size);
    memcpy(((struct memory *)buffer->handle)->there + offset, buffer->data + offset, size);
    return check_device(link);
}

static int fetch(void *link, const struct mr_buffer *buffer, uint64_t offset, uint64_t size) {
    ck_assert_uint_le(offset + size, buffer->size);
    memcpy(buffer->data + offset, ((struct memory *)buffer->handle)->there + offset, size);
    return check_device(link);
}

static void rest(void *link, unsigned looks) {
    (void)link, (void)looks;
}

static const struct mr_transport transport = {.read = read_register,
                                              .write = write_register,
                                              .allocate = allocate,
                                              .borrow = borrow,
                                              .release = release,
                                              .send = send,
                                              .fetch = fetch,
                                              .rest = rest,
                                              .check = check_device,
                                              .lose = lose};

static struct device *new_device(struct mr_protocol *protocol) {
    struct device *device = calloc(1, sizeof *device);
    ck_assert(device != NULL);
    *at(device, MR_CARD_MAGIC) = MR_CARD_MAGIC_VALUE;
    *at(device, MR_CARD_VERSION) = MR_CARD_VERSION_VALUE;
    *at(device, MR_CARD_FEATURES) = MR_CARD_FEATURES_STATE;
    *at(device, MR_CARD_X_BITS) = 16;
    *at(device, MR_CARD_Y_BITS) = 32;
    *at(device, MR_CARD_PROCESS_COUNT) = PROCESSES;
    *at(device, MR_CARD_PROBE_COUNT) = PROBES;
    memcpy(at(device, MR_CARD_SHAPE_HASH), hash, sizeof hash);
    *protocol = (struct mr_protocol){.transport = &transport,
                                     .link = device,
                                     .error = &device->error,
                                     .image = "x.image",
                                     .limit_ms = 100,
                                     .portion = 1};
    return device;
}

static struct device *open_device(struct mr_protocol *protocol) {
    static const unsigned char weights[2 * MR_BEAT_BYTES] = {7};
    struct device *device = new_device(protocol);
    ck_assert_msg(!mr_protocol_identify(protocol, hash), "%s", device->error.text);
    ck_assert_uint_eq(protocol->shape.process_count, PROCESSES);
    ck_assert_msg(!mr_protocol_load_weights(protocol, weights, 2), "%s", device->error.text);
    ck_assert_uint_eq(device->state, 7);
    return device;
}

// Nothing of the device's memory is left over.
static void close_device(struct mr_protocol *protocol) {
    struct device *device = protocol->link;
    mr_protocol_end(protocol);
    mr_protocol_free(protocol);
    ck_assert_int_eq(device->buffers, 0);
    free(device);
}

// ---- Tests -------------------------------------------------------------------------------------

static int16_t x[SEQUENCES * STEPS];
static uint32_t y[SEQUENCES];

static void fill(void) {
    uint64_t seed = (uint64_t)time(NULL);
    printf("protocol: seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < SEQUENCES * STEPS; i++)
        x[i] = (int16_t)random_bits(&seed);
}

static uint32_t sum_of(size_t first, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint32_t)x[first + i];
    return sum;
}

START_TEST(other_kernels_are_refused) {
    static const struct {
        uint32_t offset, value;
        const char *words;
    } cases[] = {{MR_CARD_MAGIC, 3, "x.image: its kernel is not Millrace's"},
                 {MR_CARD_VERSION, 0xffff0000u, "register map 65535"},
                 {MR_CARD_SHAPE_HASH, 0, "another network or from other kernels (0000"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_protocol protocol;
        struct device *device = new_device(&protocol);
        *at(device, cases[i].offset) = cases[i].value;
        ck_assert_int_ne(mr_protocol_identify(&protocol, hash), 0);
        ck_assert_int_eq(device->error.code, MR_ERROR_DEVICE);
        ck_assert_msg(strstr(device->error.text, cases[i].words) != NULL, "%s", device->error.text);
        close_device(&protocol);
    }
    struct mr_protocol protocol;
    struct device *device = new_device(&protocol);
    memset(device->registers, 0xff, sizeof device->registers);
    ck_assert_int_ne(mr_protocol_identify(&protocol, hash), 0);
    ck_assert_msg(device->lost && strstr(device->error.text, "fell off"), "%s", device->error.text);
    close_device(&protocol);
}
END_TEST

// In portions and at once, copied and from where the caller has it.
START_TEST(jobs_in_portions) {
    for (int i = 0; i < 4; i++) {
        struct mr_protocol protocol;
        struct device *device = open_device(&protocol);
        struct mr_activity activity[PROCESSES] = {0};
        uint64_t probes[PROBES] = {0};
        struct mr_job job = {.sequences = SEQUENCES,
                             .steps = STEPS,
                             .flags = MR_FLAG_RESET,
                             .in = {{"x", x, SEQUENCES * STEPS}},
                             .out = {{"y", y, SEQUENCES}},
                             .activity = activity,
                             .probes = probes};
        device->borrows = i & 1;
        protocol.portion = i & 2 ? 1 : 1 << 20; // 64 sequences at least
        memset(y, 0, sizeof y);
        ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
        for (size_t s = 0; s < SEQUENCES; s++)
            ck_assert_uint_eq(y[s], sum_of(s * STEPS, STEPS));
        ck_assert_uint_eq(job.done, SEQUENCES);
        ck_assert_uint_eq(job.cycles, 10 * SEQUENCES);
        ck_assert_uint_eq(job.last_output_cycle, 10 * SEQUENCES - 2);
        ck_assert_uint_eq(activity[0].busy, SEQUENCES * STEPS);
        ck_assert_uint_eq(probes[0], SEQUENCES);
        ck_assert_int_eq(device->starts, i & 2 ? 1 + 5 : 1 + 1); // with the weights'
        close_device(&protocol);
    }
}
END_TEST

// Rows of one kind share a start; another kind, or another command, ends it.
START_TEST(rows_stream) {
    struct mr_protocol protocol;
    struct device *device = open_device(&protocol);
    struct mr_job job = {.sequences = 1, .steps = 1, .out = {{"y", y, 1}}};
    uint32_t sum = 7;
    for (size_t i = 0; i < 20; i++) {
        job.in[0] = (struct mr_job_in){"x", x + i, 1};
        ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
        ck_assert_uint_eq(y[0], sum += (uint32_t)x[i]);
        ck_assert_uint_eq(job.cycles, 10);
    }
    ck_assert_int_eq(device->starts, 2);
    uint32_t beat[MR_BEAT_BYTES / 4] = {0}, kept[MR_BEAT_BYTES / 4];
    ck_assert_msg(!mr_protocol_read_state(&protocol, beat, 1), "%s", device->error.text);
    ck_assert_uint_eq(beat[0], sum);
    ck_assert(!device->streaming);
    memcpy(kept, beat, sizeof kept);
    beat[0] = 1000;
    ck_assert_msg(!mr_protocol_write_state(&protocol, beat, 1), "%s", device->error.text);
    ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
    ck_assert_uint_eq(y[0], 1000 + (uint32_t)x[19]);
    job = (struct mr_job){.sequences = 1,
                          .steps = STEPS,
                          .flags = MR_FLAG_RESET,
                          .in = {{"x", x, STEPS}},
                          .out = {{"y", y, 1}}};
    for (int i = 0; i < 3; i++) {
        ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
        ck_assert_uint_eq(y[0], sum_of(0, STEPS));
    }
    ck_assert_int_eq(device->starts, 6); // weights, rows, read, write, rows, rows of STEPS: 6
    close_device(&protocol);
}
END_TEST

// By one start, or where the kernel cannot, by the ring.
START_TEST(numbers_are_fed_back) {
    for (int i = 0; i < 2; i++) {
        enum { MOST = 20 };
        struct mr_protocol protocol;
        struct device *device = open_device(&protocol);
        struct mr_activity activity[PROCESSES] = {0};
        uint64_t probes[PROBES] = {0};
        uint32_t wanted[MOST], state = 0;
        int16_t next = 3;
        *at(device, MR_CARD_FEATURES) |= i ? 0 : MR_CARD_FEATURES_FEEDBACK;
        for (int n = 0; n < MOST; n++)
            next = (int16_t)(wanted[n] = state += (uint32_t)next);
        next = 3;
        for (uint32_t stop = 0; stop < 3; stop++) { // none, late and first
            struct mr_job job = {.sequences = 1,
                                 .steps = 1,
                                 .flags = MR_FLAG_RESET,
                                 .feedback = {.most = MOST,
                                              .stop = stop == 0   ? MR_NO_STOP
                                                      : stop == 1 ? wanted[7]
                                                                  : wanted[0]},
                                 .in = {{"x", &next, 1}},
                                 .out = {{"y", y, MOST}},
                                 .activity = activity,
                                 .probes = probes};
            const uint32_t steps = stop == 0 ? MOST : stop == 1 ? 8 : 1;
            const int before = device->starts;
            memset(y, 0, sizeof y);
            probes[0] = activity[0].busy = 0;
            ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
            ck_assert_uint_eq(job.feedback.steps, steps);
            ck_assert_mem_eq(y, wanted, steps * sizeof *y);
            ck_assert_uint_eq(y[steps], 0);
            ck_assert_uint_eq(job.cycles, 10 * steps);
            if (i == 0) { // by the ring this kernel in C does not count anew
                ck_assert_uint_eq(probes[0], steps);
                ck_assert_uint_eq(activity[0].busy, steps);
            }
            ck_assert_int_le(device->starts - before, i ? 2 : 1);
        }
        device->fail_at = device->starts + 1;
        struct mr_job job = {.sequences = 1,
                             .steps = 1,
                             .feedback = {.most = MOST, .stop = MR_NO_STOP},
                             .in = {{"x", &next, 1}},
                             .out = {{"y", y, MOST}}};
        if (i == 0) {
            ck_assert_int_ne(mr_protocol_run(&protocol, &job), 0);
            ck_assert_ptr_nonnull(strstr(device->error.text, "ended with status 0x1000"));
            ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
            device->hang_at = device->starts + 1;
            ck_assert_int_ne(mr_protocol_run(&protocol, &job), 0);
            ck_assert_ptr_nonnull(strstr(device->error.text, "no progress for 0.1 s"));
        }
        close_device(&protocol);
    }
}
END_TEST

// What was done before an error stays; the weights are loaded again by themselves, and the state is
// lost.
START_TEST(errors_of_the_kernel) {
    struct mr_protocol protocol;
    struct device *device = open_device(&protocol);
    struct mr_job job = {.sequences = SEQUENCES,
                         .steps = STEPS,
                         .flags = MR_FLAG_RESET,
                         .in = {{"x", x, SEQUENCES * STEPS}},
                         .out = {{"y", y, SEQUENCES}}};
    unsigned char beat[MR_BEAT_BYTES];
    device->fail_at = 4; // the third of the portions
    ck_assert_int_ne(mr_protocol_run(&protocol, &job), 0);
    ck_assert_msg(
        strstr(device->error.text, "ended with status 0x1000: All of the input was taken"), "%s",
        device->error.text);
    ck_assert_uint_eq(job.done, 128);
    ck_assert_int_ne(mr_protocol_read_state(&protocol, beat, 1), 0);
    ck_assert_msg(strstr(device->error.text, "lost its recurrent state"), "%s", device->error.text);
    const int before = device->starts;
    ck_assert_msg(!mr_protocol_run(&protocol, &job), "%s", device->error.text);
    ck_assert_int_eq(device->starts, before + 1 + 5);
    ck_assert_uint_eq(y[SEQUENCES - 1], sum_of((SEQUENCES - 1) * STEPS, STEPS));
    device->hang_at = device->starts + 2;
    ck_assert_int_ne(mr_protocol_run(&protocol, &job), 0);
    ck_assert_msg(device->lost && strstr(device->error.text, "no progress for 0.1 s"), "%s",
                  device->error.text);
    close_device(&protocol);
}
END_TEST

// Jobs of several portions or one, two at a time under way: the next one begins where the last one
// ended, without a wait for the host, and of one that fails the next one is not begun.
START_TEST(jobs_follow_one_another) {
    enum { JOBS = 5 };
    static const uint32_t sequences[JOBS] = {3, 70, 129, 1, 64};
    for (int i = 0; i < 8; i++) {
        struct mr_protocol protocol;
        struct device *device = open_device(&protocol);
        struct mr_job jobs[JOBS];
        uint64_t probes[JOBS][PROBES] = {{0}};
        size_t first = 0;
        device->borrows = i & 1;
        protocol.portion = i & 2 ? 1 : 1 << 20;
        memset(y, 0, sizeof y);
        for (size_t k = 0; k < JOBS; k++) {
            jobs[k] =
                (struct mr_job){.sequences = sequences[k],
                                .steps = STEPS,
                                .flags = MR_FLAG_RESET,
                                .in = {{"x", x + first * STEPS, (uint64_t)sequences[k] * STEPS}},
                                .out = {{"y", y + first, sequences[k]}},
                                .probes = probes[k]};
            first += sequences[k];
        }
        const int portions = i & 2 ? 1 + 2 + 3 + 1 + 1 : JOBS;
        device->fail_at = i & 4 ? 1 + (i & 2 ? 3 : 2) : 0; // the end of the second job
        ck_assert_msg(!mr_protocol_submit(&protocol, &jobs[0]), "%s", device->error.text);
        for (size_t k = 0; k < JOBS; k++) {
            if (k + 1 < JOBS)
                ck_assert_msg(!mr_protocol_submit(&protocol, &jobs[k + 1]), "%s",
                              device->error.text);
            const int starts = device->starts;
            if (device->fail_at && k == 1) {
                ck_assert_int_ne(mr_protocol_collect(&protocol), 0);
                ck_assert_msg(strstr(device->error.text, "ended with status 0x1000"), "%s",
                              device->error.text);
                ck_assert_int_eq(device->starts, device->fail_at);
                ck_assert_uint_eq(protocol.under_way, 0);
                ck_assert_uint_eq(jobs[k + 1].done, 0);
                ck_assert_msg(!mr_protocol_submit(&protocol, &jobs[k]), "%s", device->error.text);
                ck_assert_msg(!mr_protocol_submit(&protocol, &jobs[k + 1]), "%s",
                              device->error.text);
            }
            ck_assert_msg(!mr_protocol_collect(&protocol), "%s", device->error.text);
            // Behind its other portions that of the next job was started.
            if (!device->fail_at)
                ck_assert_int_eq(device->starts - starts,
                                 (i & 2 ? ((int)sequences[k] + 63) / 64 : 1) - (k + 1 == JOBS));
            ck_assert_uint_eq(jobs[k].done, sequences[k]);
            ck_assert_uint_eq(jobs[k].cycles, 10 * sequences[k]);
        }
        if (!device->fail_at) {
            ck_assert_int_eq(device->starts, 1 + portions);
            for (size_t k = 0; k < JOBS; k++)
                ck_assert_uint_eq(probes[k][0], sequences[k]);
        }
        for (size_t s = 0; s < first; s++)
            ck_assert_uint_eq(y[s], sum_of(s * STEPS, STEPS));
        // The device may be closed with jobs under way.
        ck_assert_msg(!mr_protocol_submit(&protocol, &jobs[1]), "%s", device->error.text);
        ck_assert_msg(!mr_protocol_submit(&protocol, &jobs[2]), "%s", device->error.text);
        close_device(&protocol);
    }
}
END_TEST

// As large as the kernel says, of zeros; they go at the end.
START_TEST(memories_are_placed) {
    static const uint32_t bits[] = {1, 512, 511}, words[] = {5, 100000, 3};
    static const size_t bytes[] = {5 * 64, 100000 * 64, 3 * 64};
    struct mr_protocol protocol;
    struct device *device = open_device(&protocol);
    const int before = device->buffers;
    *at(device, MR_CARD_MEMORY_COUNT) = 3;
    for (uint32_t i = 0; i < 3; i++) {
        *at(device, MR_CARD_MEMORY_BITS + i * MR_CARD_MEMORY_ADDRESS_STRIDE) = bits[i];
        *at(device, MR_CARD_MEMORY_NEEDS + i * MR_CARD_MEMORY_ADDRESS_STRIDE) = words[i];
    }
    ck_assert_msg(!mr_protocol_place_memories(&protocol), "%s", device->error.text);
    ck_assert_int_eq(device->buffers, before + 3);
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t group = i * MR_CARD_MEMORY_ADDRESS_STRIDE;
        const unsigned char *there = pointer(device, MR_CARD_MEMORY_ADDRESS + group);
        ck_assert_uint_eq(*at(device, MR_CARD_MEMORY_WORDS + group), words[i]);
        ck_assert_uint_ge(protocol.memories[i].size, bytes[i]);
        size_t zeros = 0;
        while (zeros < bytes[i] && !there[zeros])
            zeros++;
        ck_assert_uint_eq(zeros, bytes[i]);
    }
    *at(device, MR_CARD_MEMORY_BITS) = 513;
    ck_assert_int_ne(mr_protocol_place_memories(&protocol), 0);
    ck_assert_str_eq(device->error.text,
                     "x.image: words of its kernel's memory 0 have 513 bits and this program knows "
                     "512 at most; install a newer one");
    *at(device, MR_CARD_MEMORY_COUNT) = MR_PROTOCOL_MEMORIES + 1;
    ck_assert_int_ne(mr_protocol_place_memories(&protocol), 0);
    ck_assert_str_eq(device->error.text,
                     "x.image: its kernel has 17 memories and this program gives 16 at most; "
                     "install a newer one");
    close_device(&protocol);
}
END_TEST

START_TEST(names_and_jobs_are_checked) {
    static const struct mr_protocol_shape shape = {16, 32, PROCESSES, PROBES};
    static const char *const processes[] = {"load", "cell"};
    static const struct mr_probe probes[] = {{"cell", "cut", 32, false}};
    struct mr_image image = {
        .process_count = 2, .processes = processes, .probe_count = 1, .probes = probes};
    struct mr_protocol_names names = {0};
    struct mr_device_info info;
    struct mr_error error;
    ck_assert(!mr_protocol_names_take(&names, &shape, &image, "x", &error));
    mr_protocol_names_info(&names, &info);
    ck_assert_str_eq(info.processes[1], "cell");
    ck_assert_str_eq(info.probes[0].name, "cut");
    ck_assert_uint_eq(mr_device_stream_bits(&info, "y"), 32);
    mr_protocol_names_free(&names);
    ck_assert(!mr_protocol_names_take(&names, &shape, NULL, "x", &error));
    ck_assert_str_eq(names.processes[1], "process1");
    ck_assert_str_eq(names.probes[0].name, "probe0");
    mr_protocol_names_free(&names);
    names = (struct mr_protocol_names){0};
    image.probe_count = 2;
    ck_assert_int_eq(mr_protocol_names_take(&names, &shape, &image, "x", &error), MR_ERROR_DEVICE);
    ck_assert_str_eq(error.text,
                     "x: its kernel has 1 probes and the network has 2; build the image again");
    mr_protocol_names_free(&names);

    struct mr_job job = {.sequences = 2, .steps = 1, .in = {{"x", x, 2}}, .out = {{"y", y, 2}}};
    ck_assert_int_eq(mr_protocol_check_job(&job, &error), 0);
    job.in[0].count = 3;
    ck_assert_int_eq(mr_protocol_check_job(&job, &error), MR_ERROR_ARGUMENT);
    job.in[0].count = 2;
    job.out[3] = (struct mr_job_out){"z", y, 2};
    ck_assert_int_eq(mr_protocol_check_job(&job, &error), MR_ERROR_ARGUMENT);
}
END_TEST

int main(void) {
    fill();
    Suite *suite = suite_create("protocol");
    TCase *cases = tcase_create("protocol");
    tcase_add_test(cases, other_kernels_are_refused);
    tcase_add_test(cases, jobs_in_portions);
    tcase_add_test(cases, rows_stream);
    tcase_add_test(cases, numbers_are_fed_back);
    tcase_add_test(cases, errors_of_the_kernel);
    tcase_add_test(cases, jobs_follow_one_another);
    tcase_add_test(cases, memories_are_placed);
    tcase_add_test(cases, names_and_jobs_are_checked);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
