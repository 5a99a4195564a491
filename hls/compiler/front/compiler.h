// SPDX-License-Identifier: Apache-2.0
// What every pass of hlsc shares: one arena for all nodes, one place where an error ends the
// compilation.
#ifndef HLSC_COMPILER_H
#define HLSC_COMPILER_H

#include "ast.h"
#include <setjmp.h>
#include <stdnoreturn.h>

__extension__ typedef __int128
    wide; // ranges: every value of every C integer type, and their products

struct arena_block;

enum { JUMP_ERROR = 1, JUMP_AGAIN = 2, MAX_STEPPED = 64, MAX_APART = 64, MAX_WHOLE = 16 };

struct compiler {
    struct arena_block *blocks;
    jmp_buf on_error; // set by the caller of the passes; every pass leaves through it: JUMP_ERROR,
                      // or JUMP_AGAIN where all passes have to run again
    // Loops that the scheduler could not pipeline and nobody asked to: they become control steps.
    struct location stepped[MAX_STEPPED];
    const char *why_stepped[MAX_STEPPED];
    int stepped_count;
    // Register arrays whose elements the scheduler wants to time one by one, in these dimensions.
    struct location apart[MAX_APART];
    const char *apart_name[MAX_APART];
    unsigned apart_dims[MAX_APART];
    int apart_count;
    // Processes whose tiles, with sums over all of them, would lengthen an interval.
    struct location whole[MAX_WHOLE];
    int whole_count;
    char *warnings;   // lines of "file:line: warning: ..."; NULL: none so far
    char error[1024]; // "file:line: error: ...", one sentence, no newline
};

bool is_dialect(const char *file); // hls.h, whose lines tell a user nothing

// Zeroed memory that lives until compiler_free; never NULL (running out of memory is an error like
// others).
void *arena_alloc(struct compiler *cc, size_t bytes);
void *arena_copy(struct compiler *cc, const void *data, size_t bytes);
char *arena_strdup(struct compiler *cc, const char *text);
char *arena_printf(struct compiler *cc, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Grows `old` (arena memory of old_bytes) to new_bytes; the rest is zero.
// Room for one more than `count` items that were added one by one this way.
void *arena_room(struct compiler *cc, const void *items, int count, size_t item_size);
void *arena_grow(struct compiler *cc, const void *old, size_t old_bytes, size_t new_bytes);
void compiler_free(struct compiler *cc);

// Ends the compilation: formats "file:line: error: text" into cc->error and jumps to cc->on_error.
noreturn void fail(struct compiler *cc, struct location loc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Adds a line to cc->warnings, unless it is there.
void warn(struct compiler *cc, struct location loc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Why a loop is to become control steps; NULL: it is not.
const char *why_stepped(const struct compiler *cc, struct location loop);
// Notes the loop and ends this attempt by JUMP_AGAIN; returns if there is no room for one more.
void step_and_restart(struct compiler *cc, struct location loop, const char *why);

// Dimensions of a variable (or member) whose elements are registers of their own; 0: none.
unsigned dims_apart(const struct compiler *cc, struct location declared, const char *name);
// Takes these dimensions apart from the next attempt on; false: they are, or there is no room.
bool take_apart(struct compiler *cc, struct location declared, const char *name, unsigned dims);
// Has this process sums over all lanes in one module and not in tiles?
bool stays_whole(const struct compiler *cc, struct location process);
// Notes that and ends this attempt by JUMP_AGAIN; returns if there is no room for one more.
void stay_whole_and_restart(struct compiler *cc, struct location process);
noreturn void restart(struct compiler *cc);

// ---- front end

struct front_options {
    const char *const *include_dirs;
    int include_count;
    const char *const *defines; // "NAME" or "NAME=VALUE"
    int define_count;
    const char *cc; // C compiler for -E and the guard; NULL: $HLSC_CC or "gcc"
};

// Runs `cc -E -D__HLSC__` on `path` and returns the text (arena memory). Fails with cc's own first
// message.
char *preprocess(struct compiler *cc, const char *path, const struct front_options *options);
// Runs `cc -std=c11 -Wall -Werror -Wno-unknown-pragmas -fsyntax-only` (without __HLSC__): the input
// must be plain C. Fails with the first message of cc.
void guard_plain_c(struct compiler *cc, const char *path, const struct front_options *options);
// Lexes, parses and types preprocessed text. `path` names the input where no line marker does.
struct program *parse_program(struct compiler *cc, const char *path, const char *text);

struct function *find_function(const struct program *program, const char *name); // NULL: none

#endif
