// SPDX-License-Identifier: Apache-2.0
// What the parts of the search for FIFO depths share: traces of processes, runs of their network,
// and what has been found out about each FIFO.
#ifndef HLSC_DEPTH_PARTS_H
#define HLSC_DEPTH_PARTS_H

#include "depth.h"

// ---- depth_watch.c: what of a process is looked at

enum { WATCHED_MAX = 32, ACCESSES_MAX = 64, NO_STREAM = -1 };

struct access { // of a region, to a watched stream
    const struct op *op;
    int number;        // of the stream among those watched
    bool waits_anyway; // for room, even where it turns out not to write
};

// Streams of one process that are looked at.
struct watch {
    int count;
    int stream[WATCHED_MAX];
    int most[WATCHED_MAX];  // words that an iteration may write: the room that it waits for
    int *number;            // by stream: among those watched, or NO_STREAM
    struct access **access; // by region
    int *access_count;
};

// Lists the accesses to the streams of `w`.
void watch_accesses(struct compiler *cc, const struct process *p, struct watch *w);

// Which parameters of the top decide what the watched streams of p see; `constants`: the numbers
// that they are compared with, up to CONSTANTS_MAX each, counted in `counts`.
struct deciders {
    bool *port;
    int64_t (*constants)[8];
    int *counts;
};
enum { CONSTANTS_MAX = 8 };
// Adds to d (may be NULL), and gives the states of p that decide [state_count].
bool *find_deciders(struct compiler *cc, const struct network *net, const struct process *p,
                    const struct watch *w, struct deciders *d);

static inline const struct op *resolved_op(const struct op *op) {
    while (op->alias)
        op = op->alias;
    return op;
}

// ---- depth_trace.c: the accesses of a process in their order, where that does not depend on data

struct issue {    // an iteration that uses watched streams
    uint32_t gap; // cycles after the one before, at least
    int region, row;
    uint32_t rooms;   // watched streams that must have room for it
    uint64_t happens; // set of the region's accesses
};

struct trace {
    struct issue *issues;
    int64_t count, room;
    int64_t words[WATCHED_MAX];            // read or written
    const struct op *unknown[WATCHED_MAX]; // an access whose condition depends on data, or NULL
    uint32_t possible;                     // watched streams that longer runs may use
    bool lost; // from somewhere on, what the process does depends on data
    struct location lost_at;
    bool capped; // goes on: too long to be followed
    // Of a tracer that keeps rows (rows.h): the cycle of each row's first iteration, and the one
    // behind the last iteration of the run.
    int64_t *row_start;
    int64_t row_count, row_room, end;
    int64_t done; // the cycle of its end, at the earliest
};

// What a run is: values of the top's scalars; of a stream of which a process asks for more words,
// their number. By parameter of the top.
struct run {
    const int64_t *port;
    const int64_t *channel; // words of each channel where known, -1 where not
};

struct tracer *tracer_new(struct compiler *cc, const struct network *net, const struct process *p,
                          const struct watch *w);
// From now on rows are kept, loops that use no stream are followed for the cycles that they take,
// and traces may have so many issues.
void tracer_keep_rows(struct tracer *t, int64_t issues);
// Follows a run of a process. `work` is lowered by the operations that were computed; at 0 the
// trace is capped. `trace` is what the call before left there: it stays where nothing has changed
// that the process looks at. trace_free frees what it holds.
void trace_process(struct tracer *t, const struct run *run, int64_t *work, struct trace *trace);
void trace_free(struct trace *trace);

// ---- depth_graph.c

struct link;

// Numbers the sets of links (those that are `on`) of which any two lie on a common cycle,
// directions aside; a link on no cycle gets -1. Gives their count.
int find_components(struct compiler *cc, int process_count, const struct link *links,
                    int link_count, const bool *on, int *component);
// The process at which the paths of a link's component meet again behind it (down), or part.
int find_meeting(const struct link *links, int link_count, const int *component, int link,
                 bool down);

// ---- depth_flow.c: traces of all processes against each other

struct link {                           // a FIFO
    int from, from_watch, to, to_watch; // processes, and their numbers of it
    bool idle;                          // takes part in no cycle: never waits
    bool given;                         // its depth is preferred to be enlarged
    int crossing;                       // registers on the way, and on the way back
    int depth;
    int64_t written, read;
    int64_t *visible, *popped; // cycle, by word
    int32_t *writer, *reader;  // issue, by word
};

struct wait {  // why a process does not go on
    int link;  // -1: has ended
    bool room; // or waits for a word
};

struct ends { // links of the watched streams of a process, -1: none
    int link[WATCHED_MAX];
};

struct flow {
    const struct network *net;
    int link_count;
    struct link *links;
    const struct watch *watch; // by process
    const struct trace *traces;
    struct ends *at; // by process
    int64_t *next;   // issue, by process
    int64_t *now;    // cycle of its last issue
    int64_t **cycle; // by process and issue
    int16_t **cause; // -1: the process itself, else link * 2 + (waits for room)
    int32_t **word;  // ... and the word it waited for
    int64_t work;    // issues followed
};

bool flow_start(struct flow *f); // from the first cycle on; false: out of memory
void flow_free(struct flow *f);
// Goes on until all have ended or none can go on; true: all have ended.
bool flow_run(struct flow *f);
struct wait flow_wait(const struct flow *f, int process);
// The processes of a cycle in which each waits for the next, or 0 where the network only waits for
// words that never come.
int flow_cycle(const struct flow *f, int *processes);
int64_t flow_end(const struct flow *f); // last cycle
// Marks the links whose lack of room delays the end.
bool flow_critical(const struct flow *f, bool *critical);

// ---- depth.c, depth_cases.c, depth_run.c: what is found out

enum {
    FAST_ROOM = 1024, // words that speed alone is worth
    MIXED_MAX = 16    // scalars that are looked at in pairs
};

enum outcome { RUN_IDLE, RUN_ENDED, RUN_STUCK, RUN_CAPPED };

struct finding { // about one link
    struct stream *from, *to;
    const char *name;
    struct location loc;
    int asked;      // by a stream pragma, or -1
    int safe, fast; // words that it needs not to stop; not to hold up the end
    bool safe_grows, fast_grows;
    int64_t limit; // of the scalars, where it grows
    const char *limit_names, *limit_where;
    bool active, proved, claimed, capped;
    bool compared, sampled; // in runs of several lengths of one kind; all that samples lead to
    // By scalar (analysis.mixed) that was greater than 1: those that were not in some run, and
    // those that were in some run.
    uint32_t alone[MIXED_MAX], together[MIXED_MAX];
    const char *cycle;   // as first seen: who waits for whom
    const char *problem; // of a run that did not end
    struct location problem_at;
    const char *problem_run; // its scalars
    bool fatal;              // no depth cures it
    const char *meeting;     // where paths do
    const char *unknown;     // what depends on data
};

struct analysis {
    struct compiler *cc;
    struct network *net;
    struct watch *watch;
    struct tracer **tracers;
    struct trace *traces;
    struct link *links;
    struct finding *found;
    int link_count;
    int *component;
    bool *on;
    struct deciders deciders;
    int mixed[MIXED_MAX], mixed_count; // parameters that decide
    bool in_ratios;                    // tries scalars in ratios
    bool is_tree;                      // in this run and in longer ones
    int64_t *port, *channel;           // the run in the making
    int64_t work, flow_work;
    const char *error; // the first, and where
    struct location error_at;
};

const char *process_name(const struct analysis *a, int process);
void set_error(struct analysis *a, struct location loc, const char *text);
// Words of a link's FIFO that asks for `asked`.
int floor_depth(const struct analysis *a, int link, int asked);
// Follows runs of all kinds and sizes that are affordable, and notes what they need.
void follow_runs(struct analysis *a, const struct sample *samples, int sample_count);
// Was each of two scalars (of a->mixed) greater than 1 in runs with the link, but never both?
bool is_unmixed(const struct analysis *a, int link, int one, int other);
// One run with the scalars that a->port holds; what the links need.
enum outcome try_run(struct analysis *a, int *safe, int *fast);

// ---- depth_words.c: in words
struct location access_at(const struct analysis *a, int process, int watched);
struct location wait_at(const struct analysis *a, int process, struct wait w);
const char *wait_text(const struct analysis *a, int process, struct wait w);
const char *cycle_text(const struct analysis *a, const struct flow *f, const int *cycle, int count);
const char *members_text(const struct analysis *a, int link); // the processes of its component
const char *meeting_text(const struct analysis *a, int link);
const char *unknown_text(const struct analysis *a, int process, int watched); // or NULL: is known
const char *run_text(const struct analysis *a); // "n = 7, mode = 1", or ""
const char *pragma_text(const struct analysis *a, int link);

#endif
