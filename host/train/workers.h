// SPDX-License-Identifier: Apache-2.0
// Threads that share the parts of a job.
#ifndef MR_WORKERS_H
#define MR_WORKERS_H

#include <stddef.h>

struct mr_workers;

// So many threads, with the caller's; 0: as many as this process may have processors, at most
// `most`. NULL when they cannot be had.
struct mr_workers *mr_workers_create(size_t threads, size_t most);
void mr_workers_free(struct mr_workers *workers); // NULL is legal
size_t mr_workers_count(const struct mr_workers *workers);

// Calls work(context, part, worker) for each part below `parts`, in any order, on worker 0, which
// is the caller, to count - 1; returns when all are done.
void mr_workers_run(struct mr_workers *workers, size_t parts,
                    void (*work)(void *context, size_t part, size_t worker), void *context);

#endif
