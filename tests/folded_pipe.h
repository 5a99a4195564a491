// SPDX-License-Identifier: Apache-2.0
// For tests: a pipe of words to the folded kernel in this process (kernel.h), which is compiled by
// gcc or by Verilator. A run of a kernel is one command, so the pipe finds where commands end.
#ifndef FOLDED_PIPE_H
#define FOLDED_PIPE_H

#include "build.h"
#include "failure.h"
#include "folded/format.h"
#include "loader.h"
#include "word_pipe.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDED_PIPE_WORDS = 1 << 18 };

struct folded_pipe {
    struct mr_loaded *loaded;
    void *instance;
    uint32_t rows;                                   // of the instance
    uint16_t memory[FOLDED_WORDS][FOLDED_ROWS_MOST]; // as it was loaded
    uint16_t in[FOLDED_PIPE_WORDS], out[FOLDED_PIPE_WORDS];
    size_t filled, given, read, most_due;
    uint32_t again; // times that the program of the command at the front runs after this one
    bool whole;     // commands run when all their words are there
    uint64_t cycles;
};

// Words that the program takes (into > 0) or gives in a run.
static inline size_t folded_moved(const struct folded_pipe *pipe, uint16_t at, bool gives) {
    size_t words = 0;
    for (bool last = false; !last;) {
        const uint16_t *part = pipe->memory[at & (FOLDED_WORDS - 1)];
        const unsigned kind = part[0] & 3u, columns = part[3] & 511u;
        const unsigned groups = part[3] >> FOLDED_GROUPS_AT;
        at++;
        if (kind == FOLDED_MATRIX)
            at =
                (uint16_t)(at + groups * ((part[0] & FOLDED_WEIGHT8 ? (columns + 1) / 2 : columns) +
                                          pipe->rows));
        if (kind == FOLDED_MOVE && ((part[0] & FOLDED_GIVE) != 0) == gives)
            words += part[3] & 1023u;
        last = (part[0] & FOLDED_LAST) != 0;
    }
    return words;
}

// Words of the command at the front, with its data; 0: more are to come. A program that runs
// several times may run once for each as soon as its words are there.
static inline size_t folded_command(struct folded_pipe *pipe, size_t *gives) {
    uint16_t *word = pipe->in;
    size_t data = 0;
    *gives = 0;
    if (pipe->filled < 3)
        return 0;
    switch (word[0] & 3) {
    case FOLDED_LOAD:
        data = (size_t)word[2] * pipe->rows;
        break;
    case FOLDED_WRITE:
        data = (size_t)word[2] * 2;
        break;
    case FOLDED_READ:
        *gives = (size_t)word[2] * 2;
        break;
    default:
        for (; !pipe->whole && word[2] > 1; word[2] -= 1, pipe->again += 1)
            ;
        data = word[2] ? word[2] * folded_moved(pipe, word[1], false) : 0;
        *gives = word[2] ? word[2] * folded_moved(pipe, word[1], true) : 0;
    }
    return pipe->filled >= 3 + data ? 3 + data : 0;
}

static inline int folded_pipe_write(void *self, const uint16_t *words, size_t count,
                                    struct mr_error *error) {
    struct folded_pipe *pipe = self;
    char text[600];
    size_t size, gives;
    ck_assert_uint_le(pipe->filled + count, FOLDED_PIPE_WORDS);
    memcpy(pipe->in + pipe->filled, words, count * sizeof *words);
    pipe->filled += count;
    while ((size = folded_command(pipe, &gives)) > 0) {
        struct mr_stream_in in = {.data = pipe->in, .count = size};
        struct mr_stream_out out = {.data = pipe->out + pipe->given, .capacity = gives};
        struct mr_run run = {.in = &in, .out = &out};
        ck_assert_uint_le(pipe->given + gives, FOLDED_PIPE_WORDS);
        if (pipe->loaded->kernel->run(pipe->instance, &run, text, sizeof text))
            return mr_failure(error, MR_ERROR_DEVICE, "%s", text);
        ck_assert_uint_eq(in.taken, size);
        ck_assert_uint_eq(out.count, gives);
        for (size_t i = 0; (pipe->in[0] & 3) == FOLDED_LOAD && i < size - 3; i++)
            pipe->memory[(pipe->in[1] + i / pipe->rows) & (FOLDED_WORDS - 1)][i % pipe->rows] =
                pipe->in[3 + i];
        pipe->given += gives;
        pipe->cycles += run.cycles;
        const size_t header = pipe->again ? 3 : 0; // stays
        pipe->again -= pipe->again > 0;
        pipe->filled -= size - header;
        memmove(pipe->in + header, pipe->in + size, (pipe->filled - header) * sizeof *pipe->in);
    }
    const size_t due = pipe->given - pipe->read;
    pipe->most_due = due > pipe->most_due ? due : pipe->most_due;
    return 0;
}

static inline int folded_pipe_read(void *self, uint16_t *words, size_t count,
                                   struct mr_error *error) {
    struct folded_pipe *pipe = self;
    if (count > pipe->given - pipe->read)
        return mr_failure(error, MR_ERROR_DEVICE, "%zu words are read and %zu are due", count,
                          pipe->given - pipe->read);
    memcpy(words, pipe->out + pipe->read, count * sizeof *words);
    pipe->read += count;
    if (pipe->read == pipe->given)
        pipe->read = pipe->given = 0;
    return 0;
}

static inline int folded_pipe_cycles(void *self, uint64_t *cycles, struct mr_error *error) {
    (void)error;
    *cycles = ((const struct folded_pipe *)self)->cycles;
    return 0;
}

// Opens an instance of the kernel, of so many rows at a time, in build/folded_kernel_ROWS, compiled
// for assertions where it is RTL.
static inline struct folded_pipe *folded_pipe_open(uint32_t rows, bool rtl, uint32_t idle,
                                                   uint32_t stall, uint64_t seed) {
    char folder[64], cache[80], command[600];
    snprintf(folder, sizeof folder, "build/folded_kernel_%u", rows);
    snprintf(cache, sizeof cache, "%s/cache", folder);
    snprintf(command, sizeof command,
             "mkdir -p %s && printf '#define FOLDED_ROWS %u\\n#include \"folded/folded.c\"\\n' "
             ">%s/folded.c && build/hlsc %s/folded.c --top folded --target up5k -I hls/kernels "
             "-o %s >/dev/null",
             cache, rows, folder, folder, folder);
    const struct mr_build build = {
        .data_dir = ".", .gen_dir = folder, .top = "folded", .cache_dir = cache, .assertions = rtl};
    const struct mr_open_options options = {
        .idle_chance = idle, .stall_chance = stall, .seed = seed};
    char so[4096], error[2000];
    struct folded_pipe *pipe = calloc(1, sizeof *pipe);
    ck_assert_ptr_nonnull(pipe);
    ck_assert_int_eq(system(command), 0);
    pipe->rows = rows;
    ck_assert_msg(
        (rtl ? mr_build_rtl : mr_build_model)(&build, so, sizeof so, error, sizeof error) == 0,
        "%s", error);
    pipe->loaded = mr_kernel_load(so, error, sizeof error);
    ck_assert_msg(pipe->loaded != NULL, "%s", error);
    pipe->instance = pipe->loaded->kernel->open(&options, error, sizeof error);
    ck_assert_msg(pipe->instance != NULL, "%s", error);
    return pipe;
}

static inline void folded_pipe_close(struct folded_pipe *pipe) {
    pipe->loaded->kernel->close(pipe->instance);
    mr_kernel_unload(pipe->loaded);
    free(pipe);
}

static inline struct mr_word_pipe folded_words(struct folded_pipe *pipe, uint32_t room) {
    return (struct mr_word_pipe){.self = pipe,
                                 .limits = {pipe->rows, FOLDED_WORDS, FOLDED_NUMBERS, FOLDED_SUMS},
                                 .room = room,
                                 .write = folded_pipe_write,
                                 .read = folded_pipe_read,
                                 .cycles = folded_pipe_cycles};
}

#endif
