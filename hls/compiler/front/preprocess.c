// SPDX-License-Identifier: Apache-2.0
// Runs the C compiler of the machine as preprocessor and as guard of plain C. No shell is involved:
// the arguments go to posix_spawnp as they are.
#define _POSIX_C_SOURCE 200809L
#include "compiler.h"
#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_TEXT = 64 << 20, MAX_SOURCE = 64 << 20 };

struct capture {
    char *data; // malloc'ed, NUL-terminated
    size_t length, capacity;
};

static bool capture_room(struct capture *c) {
    if (c->capacity - c->length > 4096)
        return true;
    size_t wanted = c->capacity ? c->capacity * 2 : 1 << 16;
    if (wanted > MAX_TEXT)
        return false;
    char *grown = realloc(c->data, wanted);
    if (!grown)
        return false;
    c->data = grown;
    c->capacity = wanted;
    return true;
}

// Reads both pipes to their ends. Returns false when the text is too long or memory runs out.
static bool drain(int fds[2], struct capture out[2]) {
    int open_count = 2;
    while (open_count > 0) {
        struct pollfd polls[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
        if (poll(polls, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        for (int i = 0; i < 2; i++) {
            if (fds[i] < 0 || !polls[i].revents)
                continue;
            if (!capture_room(&out[i]))
                return false;
            ssize_t got =
                read(fds[i], out[i].data + out[i].length, out[i].capacity - out[i].length - 1);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0) {
                close(fds[i]);
                fds[i] = -1;
                open_count--;
            } else {
                out[i].length += (size_t)got;
            }
        }
    }
    for (int i = 0; i < 2; i++) {
        if (!capture_room(&out[i]))
            return false;
        out[i].data[out[i].length] = 0;
    }
    return true;
}

// Runs argv with stdout and stderr captured; returns the exit status, or -1 and errno where it did
// not run.
static int run(char **argv, struct capture out[2]) {
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    int status = -1;
    pid_t pid = -1;
    bool ok = pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0;
    for (int i = 0; ok && i < 2; i++)
        ok = posix_spawn_file_actions_adddup2(&actions, pipes[i][1], i + 1) == 0;
    for (int i = 0; ok && i < 4; i++)
        if (pipes[i / 2][i % 2] > 2)
            ok = posix_spawn_file_actions_addclose(&actions, pipes[i / 2][i % 2]) == 0;
    int reason = ok ? posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) : errno;
    ok = ok && reason == 0;
    posix_spawn_file_actions_destroy(&actions);
    for (int i = 0; i < 2; i++)
        if (pipes[i][1] >= 0)
            close(pipes[i][1]);
    int ends[2] = {pipes[0][0], pipes[1][0]};
    bool read_all = ok && drain(ends, out);
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    if (ok) {
        int state;
        while (waitpid(pid, &state, 0) < 0)
            if (errno != EINTR)
                return -1;
        if (read_all && WIFEXITED(state))
            status = WEXITSTATUS(state);
    }
    errno = reason;
    return status;
}

// Where "file:line:col: " stands at the start of `line`, which ends before `end`.
static struct location location_of(struct compiler *cc, const char *path, const char *line,
                                   const char *end) {
    const char *number = line;
    // The first ":digits:" of the line ends the file name.
    while ((number = memchr(number, ':', (size_t)(end - number)))) {
        char *behind;
        const long value = strtol(number + 1, &behind, 10);
        if (behind > number + 1 && *behind == ':' && value > 0 && value < 1 << 30)
            return (struct location){arena_printf(cc, "%.*s", (int)(number - line), line),
                                     (int)value};
        number++;
    }
    return (struct location){path, 0};
}

// gcc and clang tell of a macro's text first, and in notes where it is used; the last of these that
// follow a message is the user's line.
static struct location outside_of_dialect(struct compiler *cc, const char *path, const char *behind,
                                          struct location loc) {
    for (const char *line = behind; *line && is_dialect(loc.file);) {
        const char *end = line + strcspn(line, "\n");
        const char *note = strstr(line, "note: "), *error = strstr(line, "error: ");
        if (error && error < end)
            break;
        if (note && note < end)
            loc = location_of(cc, path, line, note);
        line = end + (*end == '\n');
    }
    return loc;
}

// "‘hls_write_T’ is not declared", and the like: what is missing, or stands there twice, is the
// line that declares the streams, or the memories, of T.
static const char *of_streams(struct compiler *cc, const char *text) {
    static const char *const made[] = {"hls_stream_", "hls_read_", "hls_write_", "hls_more_",
                                       "hls_memory_", "hls_plan_", "hls_fetch_", "hls_store_"};
    const bool is_twice = strstr(text, "conflicting types") || strstr(text, "redefinition");
    if (!is_twice && !strstr(text, "unknown type name") && !strstr(text, "implicit declaration") &&
        !strstr(text, "undeclared"))
        return NULL;
    const char *name = NULL; // the first: others may be what the compiler suggests
    bool of_memory = false;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        const char *found = strstr(text, made[i]);
        if (!found || (name && found + strlen(made[i]) > name))
            continue;
        name = found + strlen(made[i]);
        of_memory = i >= 4;
    }
    if (!name)
        return NULL;
    const int length = (int)strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789_");
    const char *what = of_memory ? "MEMORY" : "STREAM", *those = of_memory ? "memories" : "streams";
    return is_twice ? arena_printf(cc,
                                   "HLS_%s_OF(%.*s) stands here a second time for %.*s; keep the "
                                   "first one",
                                   what, length, name, length, name)
                    : arena_printf(cc,
                                   "there are no %s of %.*s here; write HLS_%s_OF(%.*s) once "
                                   "before the first use, at file scope",
                                   those, length, name, what, length, name);
}

// "file:line:col: error: text" of gcc and clang becomes our own form; the first such line is taken.
static noreturn void fail_with_first_message(struct compiler *cc, const char *tool,
                                             const char *path, char *messages) {
    char *found = strstr(messages, "error: ");
    if (!found)
        fail(cc, (struct location){path, 0}, "%s refuses the file without an error message", tool);
    const char *line = found;
    while (line > messages && line[-1] != '\n')
        line--;
    const char *start = found + strlen("error: ");
    const int length = (int)strcspn(start, "\n");
    const char *text = arena_printf(cc, "%.*s", length, start);
    const struct location loc =
        outside_of_dialect(cc, path, start + length, location_of(cc, path, line, found));
    const char *better = of_streams(cc, text);
    free(messages);
    fail(cc, loc, "%s", better ? better : text);
}

static char *run_tool(struct compiler *cc, const char *path, const struct front_options *options,
                      const char *const *fixed, int fixed_count) {
    // The C compiler would read a device or a pipe for ever.
    struct stat status_of_file;
    if (stat(path, &status_of_file) != 0 || access(path, R_OK) != 0)
        fail(cc, (struct location){path, 0}, "cannot be read (%s); check the path of the kernel",
             strerror(errno));
    if (!S_ISREG(status_of_file.st_mode) || status_of_file.st_size > MAX_SOURCE)
        fail(cc, (struct location){path, 0},
             "is not a file of at most 64 MiB; check the path of the kernel");
    const char *tool = options && options->cc ? options->cc : getenv("HLSC_CC");
    if (!tool || !*tool)
        tool = "gcc";
    int include_count = options ? options->include_count : 0;
    int define_count = options ? options->define_count : 0;
    size_t slots = (size_t)(fixed_count + include_count + define_count) + 4;
    char **argv = arena_alloc(cc, slots * sizeof *argv);
    int n = 0;
    argv[n++] = arena_strdup(cc, tool);
    for (int i = 0; i < fixed_count; i++)
        argv[n++] = arena_strdup(cc, fixed[i]);
    for (int i = 0; i < include_count; i++)
        argv[n++] = arena_printf(cc, "-I%s", options->include_dirs[i]);
    for (int i = 0; i < define_count; i++)
        argv[n++] = arena_printf(cc, "-D%s", options->defines[i]);
    // A path that begins with '-' must not be taken for an option.
    argv[n++] = path[0] == '-' ? arena_printf(cc, "./%s", path) : arena_strdup(cc, path);
    argv[n] = NULL;

    struct capture out[2] = {{0}, {0}};
    int status = run(argv, out);
    const int reason = errno;
    if (status != 0) {
        free(out[0].data);
        if (status < 0 || status == 127 || !out[1].data) {
            free(out[1].data);
            // Short of processes or descriptors it is no use to install it.
            if (status < 0 && reason && reason != ENOENT && reason != EACCES)
                fail(cc, (struct location){path, 0},
                     "the C compiler \"%s\" could not be run on it: %s", tool, strerror(reason));
            fail(cc, (struct location){path, 0},
                 "the C compiler \"%s\" could not be run on it; install it or set HLSC_CC", tool);
        }
        if (!strstr(out[1].data, "error: ")) {
            free(out[1].data);
            fail(cc, (struct location){path, 0}, "%s ends with status %d and no message", tool,
                 status);
        }
        fail_with_first_message(cc, tool, path, out[1].data);
    }
    free(out[1].data);
    // arena_alloc may leave by longjmp; the text is then lost to the process, which ends anyway.
    char *text = arena_copy(cc, out[0].data, out[0].length + 1);
    size_t length = out[0].length;
    free(out[0].data);
    if (memchr(text, 0, length))
        fail(cc, (struct location){path, 0},
             "contains a zero byte, so it is not C source; give hlsc a text file");
    return text;
}

char *preprocess(struct compiler *cc, const char *path, const struct front_options *options) {
    static const char *const fixed[] = {"-std=c11", "-E", "-D__HLSC__"};
    return run_tool(cc, path, options, fixed, 3);
}

// Labels name loops and no goto refers to them, hence -Wno-unused-label.
void guard_plain_c(struct compiler *cc, const char *path, const struct front_options *options) {
    static const char *const fixed[] = {
        "-std=c11",     "-Wall", "-Wno-unused-label", "-Werror", "-Wno-unknown-pragmas",
        "-fsyntax-only"};
    run_tool(cc, path, options, fixed, 6);
}
