// SPDX-License-Identifier: Apache-2.0
// Threads that share the parts of a job. Between jobs they spin for MR_WORKERS_SPIN_US before they
// sleep, and where one waits for another some microseconds before it gives way: a hand-over takes
// 0.2 us then, and 20 where somebody must be woken.
#ifndef MR_WORKERS_H
#define MR_WORKERS_H

#include <stdatomic.h>
#include <stddef.h>

enum { MR_WORKERS_MAX = 64, MR_WORKERS_SPIN_US = 50 };

struct mr_workers;

// So many threads, with the caller's; 0: as many as this process may have processors, at most
// `most`. There may be fewer where the system gives no more. NULL: memory is short.
struct mr_workers *mr_workers_create(size_t threads, size_t most);
void mr_workers_free(struct mr_workers *workers); // NULL is legal
// Those that there are. In a child by fork the caller's is alone.
size_t mr_workers_count(const struct mr_workers *workers);

// Calls work(context, part, worker) for each part below `parts`, in any order, on worker 0, which
// is the caller, to count - 1; returns when all are done. Of as many parts as there are workers,
// or fewer, each may wait for the others. One caller at a time.
void mr_workers_run(struct mr_workers *workers, size_t parts,
                    void (*work)(void *context, size_t part, size_t worker), void *context);

// ---- waiting inside of parts

// Waits until *counter, which only rises, is `least` or more; what its writer did before is seen.
void mr_await(const atomic_uint *counter, unsigned least);

// All of `count` come to it before one goes on; all zero but the count at the beginning.
struct mr_barrier {
    unsigned count;
    atomic_uint arrived, round;
};
void mr_barrier_wait(struct mr_barrier *barrier);

// A thread's share of what those do together that come to a barrier: it is number `index` of them.
struct mr_share {
    int index;
    struct mr_barrier *barrier; // NULL: it is alone
};
static inline int mr_share_count(const struct mr_share *share) {
    return share->barrier ? (int)share->barrier->count : 1;
}
static inline void mr_share_wait(const struct mr_share *share) {
    if (share->barrier)
        mr_barrier_wait(share->barrier);
}

#endif
