// SPDX-License-Identifier: Apache-2.0
// Runs the tools of a build: word lists that grow, and one tool at a time with its output in a log.
#ifndef MR_PROCESS_H
#define MR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

// A command line, ended by NULL. `failed` is set when memory ran out; mr_words_add then does
// nothing.
struct mr_words {
    char **items;
    size_t count;
    bool failed;
};

void mr_words_add(struct mr_words *words, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void mr_words_free(struct mr_words *words);

// Runs the command in `directory` with output appended to `log`. The tool keeps `lock_fd` open, so
// a lock on it lasts until the last process of the tool is gone. setting: a variable of its
// environment, "NAME=value", or "". 0, or -1 with a sentence in error.
int mr_process_run(const struct mr_words *words, const char *directory, const char *log,
                   int lock_fd, const char *setting, bool verbose, char *error, size_t error_size);
// The first line of a log that reports an error, else its last line; "" when there is none.
void mr_log_first_error(const char *log, char *line, size_t line_size);

#endif
