// SPDX-License-Identifier: Apache-2.0
// Jobs on a folded kernel: each sequence is the program that begins its states, that of a step as
// often as there are steps, and that behind the last one.
//
// Words are collected, and written before anything is read. As the kernel stops taking when what
// it gives has no room, the rows that are due never take more room than the pipe has.
#include "folded_device.h"
#include "failure.h"
#include "feedback.h"
#include "folded/format.h"

#include <stdlib.h>
#include <string.h>

enum {
    COMMAND_WORDS = 3,
    PORTION = 2048, // words that are written at a time, about
    DUE = 1 << 16,  // and read at most
    BEAT = 32       // 16-bit numbers of a beat: h, the second field's low and high half
};

struct mr_folded_device {
    struct mr_word_pipe pipe;
    struct mr_folded_program program;
    uint16_t *parts;
    struct mr_folded_unit *units;
    const char *name;
    struct mr_port ports[4];
    uint32_t step_words, end_words; // that a step gives, and the end of a sequence
    uint32_t filled;
    uint16_t out[PORTION + COMMAND_WORDS];
    // What is due is read at once: [most_due] words, which there is room for, and of a row that is
    // longer all of it.
    uint32_t most_due;
    uint16_t *due;
};

static bool gives_wide(const struct mr_folded_device *device) {
    return device->program.y_wide;
}

// ---- words

static int flush(struct mr_folded_device *device, struct mr_error *error) {
    const uint32_t count = device->filled;
    device->filled = 0;
    return count ? device->pipe.write(device->pipe.self, device->out, count, error) : 0;
}

static int put(struct mr_folded_device *device, const uint16_t *words, size_t count,
               struct mr_error *error) {
    int code = 0;
    for (size_t i = 0; i < count && !code; i++) {
        device->out[device->filled++] = words[i];
        if (device->filled >= PORTION)
            code = flush(device, error);
    }
    return code;
}

static int command(struct mr_folded_device *device, unsigned code, uint32_t at, uint32_t count,
                   struct mr_error *error) {
    const uint16_t words[COMMAND_WORDS] = {(uint16_t)code, (uint16_t)at, (uint16_t)count};
    return put(device, words, COMMAND_WORDS, error);
}

// Words that are due, behind all that is written.
static int get(struct mr_folded_device *device, uint16_t *words, size_t count,
               struct mr_error *error) {
    const int code = flush(device, error);
    return code || !count ? code : device->pipe.read(device->pipe.self, words, count, error);
}

// ---- opening

uint32_t mr_folded_rows(const struct mr_folded_limits *limits) {
    return limits->rows ? limits->rows : FOLDED_ROWS;
}

static int check(const struct mr_folded_device *device, struct mr_error *error) {
    const struct mr_folded_limits *limits = &device->pipe.limits;
    if (device->program.words > limits->words || device->program.numbers > limits->numbers ||
        FOLDED_SUMS > limits->sums)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: the network needs %u memory words, %u numbers and %d sums, and the "
                          "kernel on the device has %u, %u and %u",
                          device->name, device->program.words, device->program.numbers, FOLDED_SUMS,
                          limits->words, limits->numbers, limits->sums);
    if (device->program.rows != mr_folded_rows(limits))
        return mr_failure(error, MR_ERROR_DEVICE,
                          "%s: the network's program is for %u rows at a time, and the kernel on "
                          "the device takes %u",
                          device->name, device->program.rows, mr_folded_rows(limits));
    if (device->pipe.room < 2)
        return mr_failure(error, MR_ERROR_DEVICE, "%s: the way to it holds less than a number",
                          device->name);
    return 0;
}

// In pieces, as a count has 16 bits.
static int load(struct mr_folded_device *device, struct mr_error *error) {
    const struct mr_folded_program *program = &device->program;
    int code = 0;
    for (uint32_t at = 0; at < program->words && !code; at += FOLDED_LOAD_WORDS) {
        const uint32_t left = program->words - at,
                       count = left < FOLDED_LOAD_WORDS ? left : FOLDED_LOAD_WORDS;
        code = command(device, FOLDED_LOAD, at, count, error);
        if (!code)
            code = put(device, device->parts + (size_t)at * program->rows,
                       (size_t)count * program->rows, error);
    }
    return code ? code : flush(device, error);
}

static void *copy(const void *data, size_t size) {
    void *made = malloc(size + 1);
    if (made && size)
        memcpy(made, data, size);
    return made;
}

static void count_words(struct mr_folded_device *device) {
    for (uint32_t o = 0; o < device->program.output_count; o++) {
        const struct mr_folded_output *output = &device->program.outputs[o];
        *(output->last ? &device->end_words : &device->step_words) +=
            output->width * (gives_wide(device) ? 2 : 1);
    }
}

struct mr_folded_device *mr_folded_open(const struct mr_word_pipe *pipe,
                                        const struct mr_folded_program *program, const char *name,
                                        struct mr_error *error) {
    struct mr_folded_device *device = calloc(1, sizeof *device);
    if (!device) {
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", name);
        if (pipe->close)
            pipe->close(pipe->self);
        return NULL;
    }
    device->pipe = *pipe;
    device->program = *program;
    device->name = name;
    device->ports[0] = (struct mr_port){"x", MR_PORT_IN, program->x_bits};
    device->ports[1] = (struct mr_port){"y", MR_PORT_OUT, program->y_bits};
    device->ports[2] = (struct mr_port){"state_in", MR_PORT_IN, MR_BEAT_BITS};
    device->ports[3] = (struct mr_port){"state_out", MR_PORT_OUT, MR_BEAT_BITS};
    count_words(device);
    const size_t row = (size_t)device->step_words + device->end_words;
    device->most_due = pipe->room < DUE ? pipe->room : DUE;
    device->parts =
        copy(program->parts, (size_t)program->words * program->rows * sizeof *device->parts);
    device->units = copy(program->units, program->beats * sizeof *device->units);
    device->due = malloc((row > device->most_due ? row : device->most_due) * sizeof *device->due);
    int code = 0;
    if (!device->parts || !device->units || !device->due)
        code = mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", name);
    if (!code)
        code = check(device, error);
    if (!code)
        code = load(device, error);
    if (!code)
        return device;
    mr_folded_close(device);
    return NULL;
}

void mr_folded_close(void *opened) {
    struct mr_folded_device *device = opened;
    if (!device)
        return;
    if (device->pipe.close)
        device->pipe.close(device->pipe.self);
    free(device->parts);
    free(device->units);
    free(device->due);
    free(device);
}

void mr_folded_info(const void *opened, struct mr_device_info *info) {
    const struct mr_folded_device *device = opened;
    *info = (struct mr_device_info){.port_count = sizeof device->ports / sizeof *device->ports,
                                    .ports = device->ports};
}

int mr_folded_load(void *opened, const void *beats, uint64_t count, struct mr_error *error) {
    const struct mr_folded_device *device = opened;
    (void)beats, (void)count;
    return mr_failure(error, MR_ERROR_DEVICE, "%s takes no weights, its program has them",
                      device->name);
}

// ---- rows

static uint32_t in_element(uint32_t bits) {
    return bits / 16;
}

static uint64_t elements_of(uint32_t width, uint32_t numbers) {
    return (width + numbers - 1) / numbers;
}

// Elements of a row of an output.
static uint64_t y_elements(const struct mr_folded_device *device,
                           const struct mr_folded_output *output) {
    return gives_wide(device) ? output->width
                              : elements_of(output->width, in_element(device->program.y_bits));
}

// A job on its way: rows that are written and not read yet are due.
struct progress {
    struct mr_job *job;
    const uint16_t *x;
    uint64_t x_stride;       // 16-bit numbers of a row of x
    unsigned char *y;        // where the next row goes
    uint32_t sequence, step; // of the next row to read
    uint64_t written;        // steps, of all sequences
    uint64_t due;            // words
};

// Takes the rows of outputs of one kind to their places behind `to`, those of the other kind leave
// theirs where both come.
static uint64_t place_rows(const struct mr_folded_device *device, bool last, bool both,
                           const uint16_t *words, unsigned char *to) {
    const struct mr_folded_program *program = &device->program;
    const uint32_t bytes = mr_element_bytes(program->y_bits);
    uint64_t at = 0;
    for (uint32_t o = 0; o < program->output_count; o++) {
        const struct mr_folded_output *output = &program->outputs[o];
        if (output->last && !both)
            continue;
        const uint64_t size = y_elements(device, output) * bytes;
        if (output->last == last) {
            const size_t given = (size_t)output->width * (gives_wide(device) ? 2 : 1);
            memset(to + at, 0, size);
            memcpy(to + at, words, given * sizeof *words);
            words += given;
        }
        at += size;
    }
    return at;
}

// Puts the next row where it belongs, and behind a sequence's last step what comes once for it.
// Gives the words behind them.
static const uint16_t *place_row(const struct mr_folded_device *device, struct progress *at,
                                 const uint16_t *words) {
    const bool ends = at->step + 1 == at->job->steps;
    const uint64_t size = place_rows(device, false, ends, words, at->y);
    words += device->step_words;
    if (ends) {
        place_rows(device, true, true, words, at->y);
        words += device->end_words;
    }
    at->y += size;
    at->step = ends ? 0 : at->step + 1;
    at->sequence += ends;
    at->job->done = at->sequence;
    return words;
}

static int read_due(struct mr_folded_device *device, struct progress *at, struct mr_error *error) {
    const uint16_t *words = device->due;
    const int code = get(device, device->due, at->due, error);
    while (!code && (uint64_t)at->sequence * at->job->steps + at->step < at->written)
        words = place_row(device, at, words);
    at->due = 0;
    return code;
}

static int write_step(struct mr_folded_device *device, struct progress *at, bool ends,
                      struct mr_error *error) {
    const uint64_t more = device->step_words + (ends ? device->end_words : 0);
    int code = at->due && at->due + more > device->most_due ? read_due(device, at, error) : 0;
    if (!code)
        code = put(device, at->x, device->program.x_width, error);
    if (!code && ends && device->end_words)
        code = command(device, FOLDED_RUN, device->program.end, 1, error);
    at->x += at->x_stride;
    at->due += more;
    at->written++;
    return code;
}

static int run_sequence(struct mr_folded_device *device, struct progress *at,
                        struct mr_error *error) {
    const struct mr_folded_program *program = &device->program;
    const uint32_t steps = at->job->steps, most = UINT16_MAX;
    int code = 0;
    if (at->job->flags & MR_FLAG_RESET)
        code = command(device, FOLDED_RUN, program->begin, 1, error);
    for (uint32_t t = 0; t < steps && !code; t++) {
        if (t % most == 0)
            code = command(device, FOLDED_RUN, program->step, steps - t < most ? steps - t : most,
                           error);
        if (!code)
            code = write_step(device, at, t + 1 == steps, error);
    }
    return code;
}

// ---- jobs

static int check_job(const struct mr_folded_device *device, const struct mr_job *job,
                     struct mr_error *error) {
    const struct mr_folded_program *program = &device->program;
    const uint64_t rows = (uint64_t)job->sequences * job->steps;
    uint64_t y = 0;
    for (uint32_t o = 0; o < program->output_count; o++)
        y += (program->outputs[o].last ? job->sequences : rows) *
             y_elements(device, &program->outputs[o]);
    const uint64_t x = rows * elements_of(program->x_width, in_element(program->x_bits));
    if (job->encodes)
        return mr_failure(error, MR_ERROR_ARGUMENT, "%s: the network has no encoder's part",
                          device->name);
    if (!job->in[0].name || strcmp(job->in[0].name, "x") != 0 || job->in[1].name ||
        !job->out[0].name || strcmp(job->out[0].name, "y") != 0 || job->out[1].name)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "%s: a job has one input stream, x, and one output stream, y",
                          device->name);
    return job->in[0].count == x && job->out[0].count == y
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE,
                            "%s: a job has %llu elements of x and %llu of y where %llu and %llu "
                            "are due; the data do not fit the network",
                            device->name, (unsigned long long)job->in[0].count,
                            (unsigned long long)job->out[0].count, (unsigned long long)x,
                            (unsigned long long)y);
}

static int read_cycles(struct mr_folded_device *device, uint64_t *cycles, struct mr_error *error) {
    *cycles = 0;
    return device->pipe.cycles ? device->pipe.cycles(device->pipe.self, cycles, error) : 0;
}

static int run_job(void *opened, struct mr_job *job, struct mr_error *error) {
    struct mr_folded_device *device = opened;
    const struct mr_folded_program *program = &device->program;
    const uint32_t numbers = in_element(program->x_bits);
    struct progress at = {.job = job,
                          .x = job->in[0].data,
                          .x_stride = elements_of(program->x_width, numbers) * numbers,
                          .y = job->out[0].data};
    uint64_t before = 0, after = 0;
    int code = check_job(device, job, error);
    if (!code)
        code = read_cycles(device, &before, error);
    for (uint32_t n = 0; n < job->sequences && !code; n++)
        code = run_sequence(device, &at, error);
    if (!code)
        code = flush(device, error);
    if (!code)
        code = read_due(device, &at, error);
    if (!code)
        code = read_cycles(device, &after, error);
    device->filled = 0; // of a run that failed
    job->cycles = after - before;
    job->last_output_cycle = job->cycles ? job->cycles - 1 : 0; // counted from 0
    return code;
}

int mr_folded_run(void *opened, struct mr_job *job, struct mr_error *error) {
    const struct mr_folded_device *device = opened;
    if (!job->feedback.most)
        return run_job(opened, job, error);
    return mr_feedback_run(run_job, opened, device->program.x_bits, 0, job, error);
}

// ---- states

static int check_beats(const struct mr_folded_device *device, uint64_t count,
                       struct mr_error *error) {
    return count == device->program.beats && count
               ? 0
               : mr_failure(error, MR_ERROR_DEVICE, "%s has a state of %u beats, not of %llu",
                            device->name, device->program.beats, (unsigned long long)count);
}

// All numbers of the state, in pieces for which there is room.
static int read_numbers(struct mr_folded_device *device, uint32_t *numbers,
                        struct mr_error *error) {
    const uint32_t all = device->program.states;
    const uint32_t room = device->most_due / 2, most = room < all ? room : all;
    int code = 0;
    for (uint32_t at = 0; at < all && !code; at += most) {
        const uint32_t count = all - at < most ? all - at : most;
        code = command(device, FOLDED_READ, device->program.first_state + at, count, error);
        if (!code)
            code = get(device, device->due, 2 * (size_t)count, error);
        for (uint32_t i = 0; i < count && !code; i++)
            numbers[at + i] = (uint32_t)device->due[2 * i + 1] << 16 | device->due[2 * i];
    }
    return code;
}

int mr_folded_read_state(void *opened, void *beats, uint64_t count, struct mr_error *error) {
    struct mr_folded_device *device = opened;
    uint32_t numbers[FOLDED_NUMBERS];
    int code = check_beats(device, count, error);
    if (!code)
        code = read_numbers(device, numbers, error);
    device->filled = 0;
    for (uint64_t i = 0; i < count && !code; i++) {
        uint16_t *beat = (uint16_t *)beats + i * BEAT;
        const struct mr_folded_unit *unit = &device->units[i];
        const uint32_t second =
            unit->second < 0 ? 0 : numbers[(uint32_t)unit->second - device->program.first_state];
        memset(beat, 0, BEAT * sizeof *beat);
        if (unit->h < 0)
            continue;
        beat[0] = (uint16_t)numbers[(uint32_t)unit->h - device->program.first_state];
        beat[1] = (uint16_t)second;
        beat[2] = (uint16_t)(second >> 16);
    }
    return code;
}

// 16 bits of h with their sign, 24 of the second field.
static uint32_t widen(uint32_t number, unsigned bits) {
    const uint32_t sign = UINT32_C(1) << (bits - 1);
    return ((number & (2 * sign - 1)) ^ sign) - sign;
}

int mr_folded_write_state(void *opened, const void *beats, uint64_t count, struct mr_error *error) {
    struct mr_folded_device *device = opened;
    uint32_t numbers[FOLDED_NUMBERS] = {0};
    int code = check_beats(device, count, error);
    for (uint64_t i = 0; i < count && !code; i++) {
        const uint16_t *beat = (const uint16_t *)beats + i * BEAT;
        const struct mr_folded_unit *unit = &device->units[i];
        if (unit->h >= 0)
            numbers[(uint32_t)unit->h - device->program.first_state] = widen(beat[0], 16);
        if (unit->second >= 0)
            numbers[(uint32_t)unit->second - device->program.first_state] =
                widen((uint32_t)beat[2] << 16 | beat[1], 24);
    }
    if (!code)
        code = command(device, FOLDED_WRITE, device->program.first_state, device->program.states,
                       error);
    for (uint32_t i = 0; i < device->program.states && !code; i++) {
        const uint16_t halves[2] = {(uint16_t)numbers[i], (uint16_t)(numbers[i] >> 16)};
        code = put(device, halves, 2, error);
    }
    if (!code)
        code = flush(device, error);
    device->filled = 0;
    return code;
}
