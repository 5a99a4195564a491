// SPDX-License-Identifier: Apache-2.0
// The name of a build in the cache: SHA-256 over everything the result depends on.
#ifndef MR_CACHE_KEY_H
#define MR_CACHE_KEY_H

#include <stddef.h>

struct mr_cache_key;

struct mr_cache_key *mr_key_new(void); // NULL: no memory
void mr_key_free(struct mr_cache_key *key);

void mr_key_text(struct mr_cache_key *key, const char *text);
// The processor's features, because results are compiled for the one at hand.
void mr_key_processor(struct mr_cache_key *key);
// A program as found on PATH: its resolved path, size and time, cheaper than asking for its
// version. Returns 0, or -1 when there is no such program.
int mr_key_program(struct mr_cache_key *key, const char *name);
// A file that must be there, under the name `label`. 0, or -1 with a sentence in error.
int mr_key_file(struct mr_cache_key *key, const char *label, const char *path, char *error,
                size_t error_size);
// As mr_key_file, and every file that it includes with quotes, directly or not, as far as it is
// found beside the including file or in one of the directories.
int mr_key_source(struct mr_cache_key *key, const char *label, const char *path,
                  const char *const *directories, size_t directory_count, char *error,
                  size_t error_size);
// From here on, sources count without their lines that are empty or comments (//).
void mr_key_without_comments(struct mr_cache_key *key);
// All files of a directory whose name ends in `suffix`, in order of name; a missing directory
// counts as empty.
int mr_key_directory(struct mr_cache_key *key, const char *label, const char *path,
                     const char *suffix, char *error, size_t error_size);
// The same, and all files of the directories in it.
int mr_key_tree(struct mr_cache_key *key, const char *label, const char *path, const char *suffix,
                char *error, size_t error_size);

// 32 hexadecimal digits and a terminator. 0, or -1 when anything above ran out of memory.
int mr_key_finish(struct mr_cache_key *key, char hex[33]);

#endif
