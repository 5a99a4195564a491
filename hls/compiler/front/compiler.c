// SPDX-License-Identifier: Apache-2.0
// The arena that holds every node of a compilation, and the one way out on an error.
#include "compiler.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    _Alignas(16) unsigned char data[];
};

enum { BLOCK_BYTES = 1 << 16 };

static noreturn void out_of_memory(struct compiler *cc, size_t bytes) {
    snprintf(cc->error, sizeof cc->error,
             "hlsc: error: out of memory (%zu bytes asked for); compile a smaller kernel", bytes);
    longjmp(cc->on_error, JUMP_ERROR);
}

void *arena_alloc(struct compiler *cc, size_t bytes) {
    if (bytes > SIZE_MAX / 2)
        out_of_memory(cc, bytes);
    size_t need = (bytes + 15) & ~(size_t)15;
    struct arena_block *block = cc->blocks;
    if (!block || block->size - block->used < need) {
        size_t size = need > BLOCK_BYTES / 4 ? need : BLOCK_BYTES;
        struct arena_block *fresh = calloc(1, sizeof *fresh + size);
        if (!fresh)
            out_of_memory(cc, bytes);
        fresh->size = size;
        if (block && size == need && need != BLOCK_BYTES) {
            // A large object gets its own block behind the current one, which keeps its free room.
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            cc->blocks = fresh;
        }
        block = fresh;
    }
    void *memory = block->data + block->used;
    block->used += need;
    return memory;
}

void *arena_copy(struct compiler *cc, const void *data, size_t bytes) {
    void *copy = arena_alloc(cc, bytes);
    if (bytes)
        memcpy(copy, data, bytes);
    return copy;
}

char *arena_strdup(struct compiler *cc, const char *text) {
    return arena_copy(cc, text, strlen(text) + 1);
}

char *arena_printf(struct compiler *cc, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        out_of_memory(cc, 0);
    char *text = arena_alloc(cc, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void *arena_grow(struct compiler *cc, const void *old, size_t old_bytes, size_t new_bytes) {
    void *grown = arena_alloc(cc, new_bytes);
    size_t kept = old_bytes < new_bytes ? old_bytes : new_bytes;
    if (kept)
        memcpy(grown, old, kept);
    return grown;
}

void *arena_room(struct compiler *cc, const void *items, int count, size_t item_size) {
    if (count & (count - 1))
        return (void *)(uintptr_t)items;
    return arena_grow(cc, items, (size_t)count * item_size,
                      (count ? (size_t)count * 2 : 1) * item_size);
}

void compiler_free(struct compiler *cc) {
    while (cc->blocks) {
        struct arena_block *next = cc->blocks->next;
        free(cc->blocks);
        cc->blocks = next;
    }
}

noreturn void fail(struct compiler *cc, struct location loc, const char *format, ...) {
    int used;
    const char *file = loc.file ? loc.file : "hlsc";
    if (loc.line > 0)
        used = snprintf(cc->error, sizeof cc->error, "%s:%d: error: ", file, loc.line);
    else
        used = snprintf(cc->error, sizeof cc->error, "%s: error: ", file);
    if (used > 0 && (size_t)used < sizeof cc->error) {
        va_list args;
        va_start(args, format);
        vsnprintf(cc->error + used, sizeof cc->error - (size_t)used, format, args);
        va_end(args);
    }
    for (char *c = cc->error; *c; c++)
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    longjmp(cc->on_error, JUMP_ERROR);
}

void warn(struct compiler *cc, struct location loc, const char *format, ...) {
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *line = arena_printf(cc, "%s:%d: warning: %s\n", loc.file, loc.line, text);
    if (!cc->warnings || !strstr(cc->warnings, line))
        cc->warnings = arena_printf(cc, "%s%s", cc->warnings ? cc->warnings : "", line);
}

struct function *find_function(const struct program *program, const char *name) {
    for (int i = 0; i < program->function_count; i++)
        if (strcmp(program->functions[i]->name, name) == 0)
            return program->functions[i];
    return NULL;
}

const char *why_stepped(const struct compiler *cc, struct location loop) {
    for (int i = 0; i < cc->stepped_count; i++)
        if (cc->stepped[i].line == loop.line && strcmp(cc->stepped[i].file, loop.file) == 0)
            return cc->why_stepped[i];
    return NULL;
}

void step_and_restart(struct compiler *cc, struct location loop, const char *why) {
    if (cc->stepped_count == MAX_STEPPED || why_stepped(cc, loop))
        return;
    cc->why_stepped[cc->stepped_count] = why;
    cc->stepped[cc->stepped_count++] = loop;
    restart(cc);
}

static int apart_index(const struct compiler *cc, struct location declared, const char *name) {
    for (int i = 0; i < cc->apart_count; i++)
        if (cc->apart[i].line == declared.line && strcmp(cc->apart[i].file, declared.file) == 0 &&
            strcmp(cc->apart_name[i], name) == 0)
            return i;
    return -1;
}

unsigned dims_apart(const struct compiler *cc, struct location declared, const char *name) {
    const int at = apart_index(cc, declared, name);
    return at < 0 ? 0 : cc->apart_dims[at];
}

bool take_apart(struct compiler *cc, struct location declared, const char *name, unsigned dims) {
    int at = apart_index(cc, declared, name);
    if (at < 0 && cc->apart_count < MAX_APART) {
        at = cc->apart_count++;
        cc->apart[at] = declared;
        cc->apart_name[at] = name;
        cc->apart_dims[at] = 0;
    }
    if (at < 0 || !(dims & ~cc->apart_dims[at]))
        return false;
    cc->apart_dims[at] |= dims;
    return true;
}

bool stays_whole(const struct compiler *cc, struct location process) {
    for (int i = 0; i < cc->whole_count; i++)
        if (cc->whole[i].line == process.line && strcmp(cc->whole[i].file, process.file) == 0)
            return true;
    return false;
}

void stay_whole_and_restart(struct compiler *cc, struct location process) {
    if (cc->whole_count == MAX_WHOLE)
        return;
    cc->whole[cc->whole_count++] = process;
    restart(cc);
}

void restart(struct compiler *cc) {
    longjmp(cc->on_error, JUMP_AGAIN);
}

bool is_dialect(const char *file) {
    const char *base = strrchr(file, '/');
    return strcmp(base ? base + 1 : file, "hls.h") == 0;
}
