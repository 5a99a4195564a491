// SPDX-License-Identifier: Apache-2.0
// The build cache: a directory of entries. An entry is a directory of files that appears whole, by
// one rename, with the checksum of each in SHA256SUMS; its builder holds a lock on <entry>.lock and
// works in <entry>.tmp. What the cache holds is run as code, so neither it nor an entry may belong
// to another user or be writable by one, and an entry that is damaged or incomplete is built again.
#ifndef MR_CACHE_H
#define MR_CACHE_H

#include <limits.h>
#include <stddef.h>

// Called with what a user should know, a sentence each; NULL: nobody is told.
struct mr_notes {
    void (*tell)(void *context, const char *text);
    void *context;
};

// $MILLRACE_CACHE, else $XDG_CACHE_HOME/millrace, else ~/.cache/millrace; created where it is
// missing. 0, or -1 with a sentence in error.
int mr_cache_dir(char *path, size_t path_size, char *error, size_t error_size);
// The same for a directory of the caller's choice.
int mr_cache_use(const char *path, char *error, size_t error_size);

// An entry while it is made.
struct mr_entry {
    char path[PATH_MAX];      // <cache>/<name>
    char place[PATH_MAX + 8]; // <path>.tmp
    char out[PATH_MAX + 16];  // <place>/out, which becomes the entry
    char kept[PATH_MAX + 8];  // <path>.log, where the log of a failed build may be left
    int lock;                 // held
};

// Fills entry->out. 0, or -1 with a sentence in error.
typedef int mr_entry_make(void *context, const struct mr_entry *entry, char *error,
                          size_t error_size);

// Makes the entry of that path (<cache>/<name>, absolute) unless it is there and sound. Of several
// builders at the same time one works and the others wait for it; one that is killed leaves nothing
// that a later one would take for a result. 0, or -1 with a sentence in error.
int mr_entry_get(const char *path, mr_entry_make *make, void *context, const struct mr_notes *notes,
                 char *error, size_t error_size);

#endif
