// SPDX-License-Identifier: Apache-2.0
// Running the tools of a build (process.h) without a shell.
#define _GNU_SOURCE
#include "process.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void mr_words_add(struct mr_words *words, const char *format, ...) {
    if (words->failed)
        return;
    char *word = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int length = vasprintf(&word, format, arguments);
    va_end(arguments);
    char **grown =
        length < 0 ? NULL : realloc(words->items, (words->count + 2) * sizeof *words->items);
    if (!grown) {
        if (length >= 0)
            free(word);
        words->failed = true;
        return;
    }
    words->items = grown;
    words->items[words->count++] = word;
    words->items[words->count] = NULL;
}

void mr_words_free(struct mr_words *words) {
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
    memset(words, 0, sizeof *words);
}

// Verilator and compilers allocate small pieces by the million, and end soon: what they free is
// kept for their next pieces, not merged and given back. Verilator takes a quarter less time.
#define ALLOCATOR "GLIBC_TUNABLES="
#define KEEPS_PIECES                                                                               \
    ALLOCATOR "glibc.malloc.tcache_count=65535:glibc.malloc.top_pad=16777216:"                     \
              "glibc.malloc.trim_threshold=1073741824"

// The environment without what a surrounding make says to its own children, with messages in
// English, and with `setting`. What the user says of the allocator stays.
static void tool_environment(struct mr_words *words, const char *setting) {
    static const char *const dropped[] = {
        "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=", "MAKEOVERRIDES=", "LC_ALL="};
    bool own_allocator = false;
    for (char **variable = environ; variable && *variable; variable++) {
        bool keep = true;
        for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
            keep = keep && strncmp(*variable, dropped[i], strlen(dropped[i])) != 0;
        if (keep)
            mr_words_add(words, "%s", *variable);
        own_allocator = own_allocator || !strncmp(*variable, ALLOCATOR, strlen(ALLOCATOR));
    }
    mr_words_add(words, "LC_ALL=C");
    if (!own_allocator)
        mr_words_add(words, "%s", KEEPS_PIECES);
    if (*setting)
        mr_words_add(words, "%s", setting);
}

static int spawn(pid_t *pid, const struct mr_words *words, const struct mr_words *environment,
                 const char *directory, const char *log, int lock_fd) {
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    // The log is opened before the directory changes, so its name means the same to caller and
    // tool.
    if ((failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)) ||
        (failed = posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND,
                                                   0666)) ||
        (failed = posix_spawn_file_actions_adddup2(&actions, 1, 2)) ||
        // A duplicate has no close-on-exec flag, so the tool inherits the lock.
        (failed = posix_spawn_file_actions_adddup2(&actions, lock_fd, 3)) ||
        (failed = posix_spawn_file_actions_addchdir_np(&actions, directory)))
        goto out;
    failed = posix_spawnp(pid, words->items[0], &actions, NULL, words->items, environment->items);
out:
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

int mr_process_run(const struct mr_words *words, const char *directory, const char *log,
                   int lock_fd, const char *setting, bool verbose, char *error, size_t error_size) {
    struct mr_words environment = {0};
    tool_environment(&environment, setting);
    if (words->failed || environment.failed) {
        mr_words_free(&environment);
        snprintf(error, error_size, "not enough memory to run %s",
                 words->count ? words->items[0] : "a tool");
        return -1;
    }
    if (verbose) {
        for (size_t i = 0; i < words->count; i++)
            fprintf(stderr, "%s%s", i ? " " : "", words->items[i]);
        fputc('\n', stderr);
    }
    pid_t pid = 0;
    const int failed = spawn(&pid, words, &environment, directory, log, lock_fd);
    mr_words_free(&environment);
    if (failed) {
        snprintf(error, error_size, "%s cannot be run (%s); install it or name another",
                 words->items[0], strerror(failed));
        return -1;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) {
            snprintf(error, error_size, "%s: its end cannot be awaited (%s)", words->items[0],
                     strerror(errno));
            return -1;
        }
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    if (WIFSIGNALED(status))
        snprintf(error, error_size, "%s was ended by signal %d", words->items[0], WTERMSIG(status));
    else
        snprintf(error, error_size, "%s failed", words->items[0]);
    return -1;
}

void mr_log_first_error(const char *log, char *line, size_t line_size) {
    static const char *const marks[] = {
        "%Error", "%Warning", ": error:", ": fatal error:", "undefined reference", "*** "};
    line[0] = '\0';
    FILE *file = fopen(log, "re");
    if (!file)
        return;
    char *text = NULL;
    size_t capacity = 0;
    bool found = false;
    while (!found && getline(&text, &capacity, file) >= 0) {
        text[strcspn(text, "\r\n")] = '\0';
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            found = found || strstr(text, marks[i]);
        if (*text)
            snprintf(line, line_size, "%s", text);
    }
    free(text);
    fclose(file);
}
