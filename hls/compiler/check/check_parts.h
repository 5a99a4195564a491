// SPDX-License-Identifier: Apache-2.0
// What the parts of hlsc check share.
#ifndef HLSC_CHECK_PARTS_H
#define HLSC_CHECK_PARTS_H

#include "check.h"
#include "interp.h"
#include "loader.h"

#include <limits.h>
#include <stdio.h>

enum { MAX_PORTS = 64, MAX_RUNS = 1000 };

struct buffer { // elements of one stream in one run
    unsigned char *data;
    uint64_t count, room; // elements
    uint64_t random;      // state of the generator that made the last element
};

struct check_run {
    uint64_t scalars[MAX_PORTS];
    struct buffer in[MAX_PORTS], out[MAX_PORTS];
    uint64_t taken[MAX_PORTS];
    uint64_t *probes; // [probe_count], at the end of the run of C
};

enum { MAX_EDGES = 48 };

// What a scalar meets in the kernel.
struct edges {
    int64_t value[MAX_EDGES]; // that it is compared with, and sizes that it may run into
    int count;
    bool decides; // whether or how often something happens
    bool places;  // it is part of an address, an index or a shift
};

struct checking {
    const struct compile_options *compile_with;
    const struct check_options *options;
    uint64_t seed;
    struct compiled made;
    char data_dir[PATH_MAX], cache[PATH_MAX - 300], folder[PATH_MAX], model_so[PATH_MAX],
        rtl_so[PATH_MAX];
    struct mr_port port[MAX_PORTS]; // of the top, as its parameters
    const struct mr_port *scalar[MAX_PORTS], *in[MAX_PORTS], *out[MAX_PORTS];
    uint32_t ports, scalars, ins, outs;
    struct edges edges[MAX_PORTS]; // of the scalars among the ports
    struct check_run *runs;
    struct mr_loaded *model, *rtl;
    void *model_instance;
    uint64_t cycles;   // of the RTL at full speed
    uint64_t *planned; // cycles of each run by the schedule; 0: not known
    // What the schedule's interpreter found where a claim is asserted: told after the RTL, whose
    // assertion says it better.
    char held[1200];
    struct mr_activity *activity; // of the RTL's processes in a run
    uint32_t probe_count;
    struct probed *probes; // [probe_count]
    uint64_t *seen;        // [probe_count], of what runs beside C
    bool explains;         // the RTL runs once more, for a waveform
    bool is_given[MAX_PORTS];
    struct buffer given[MAX_PORTS]; // elements of inputs from files
    FILE *output[MAX_PORTS];        // for the elements of outputs, in memory, or NULL
    char *output_text[MAX_PORTS];   // theirs
    size_t output_size[MAX_PORTS];
    char *error;
    size_t error_size;
};

#define FAIL(c, ...) (snprintf((c)->error, (c)->error_size, __VA_ARGS__), -1)

static const uint64_t max_elements = (uint64_t)1 << 22;

static inline size_t stride(const struct mr_port *port) {
    return (port->bits + 7) / 8;
}

// All give 0, or -1 with a sentence in c->error.

// ---- check_build.c
int check_build_model(struct checking *c); // compiles, too
enum check_trace { TRACE_NONE, TRACE_FST, TRACE_VCD };
int check_build_rtl(struct checking *c, enum check_trace trace);
void check_remove_folder(const char *folder);

// ---- check_limit.c

// From here to limit_end the program ends with a sentence when `what` takes longer than its limit.
// NULL, when there is no memory: there is no limit then.
struct limit *limit_begin(const struct checking *c, const char *what);
void limit_end(struct limit *limit);

// ---- check_input.c
uint64_t draw(uint64_t *state);
int make_room(struct checking *c, struct buffer *b, const struct mr_port *port, uint64_t room);
int offer_more(struct checking *c, struct buffer *b, const struct mr_port *port, uint64_t count);
int find_ports(struct checking *c);
// Elements that a run of C has again, and RTL and the interpreters have: what it took, or where the
// kernel asks for the end of the input, what C had.
uint64_t offered_again(const struct checking *c, const struct check_run *r, uint32_t input);
// The value that --set gives a scalar in a run: 0, -1 where there is none, -2 with a sentence.
int find_set(struct checking *c, const struct mr_port *port, uint64_t run, uint64_t *value);

// ---- check_scalars.c
int find_edges(struct checking *c);
int draw_scalars(struct checking *c, uint64_t run, uint64_t *random);

// ---- check_run.c
int run_kernel(struct checking *c, const struct mr_kernel *kernel, void *instance,
               struct check_run *r, const uint64_t *offered, struct buffer *out,
               struct mr_run *run);
int open_model(struct checking *c);
int model_runs(struct checking *c, uint64_t *random);
int rtl_runs(struct checking *c, uint64_t *random);
// The outputs of run n against the C model's. `who` gave them, `where` is how and, if not NULL,
// `origin` tells where an element comes from.
int compare_outputs(struct checking *c, uint64_t n, const uint64_t *counts,
                    const struct buffer *got, const char *who, const char *where,
                    const char *(*origin)(void *context, uint32_t out, uint64_t element),
                    void *context);

// c->seen, what `who` has in its probes after run n, against the C model's.
int compare_probes(struct checking *c, uint64_t n, const char *who, const char *where);
int find_probes(struct checking *c);

// ---- check_vectors.c
int open_vectors(struct checking *c);
int close_vectors(struct checking *c, bool keep);
int read_vectors(struct checking *c, const struct mr_port *port, const char *path,
                 struct buffer *b);
void write_vectors(const struct checking *c, const struct mr_port *port, const struct buffer *b,
                   uint64_t count, FILE *file);

// ---- check_oracle.c
int interpret_runs(struct checking *c); // the operations, then the schedule
// The words that a run has of each input, into streams[parameter of the top].
void fill_inputs(struct checking *c, const struct check_run *r, struct queue *streams);

// ---- check_trace.c
// Compares the VCD of some runs with the operations: a sentence on the first difference.
void find_in_trace(struct checking *c, const char *path, char *text, size_t size);

#endif
