// SPDX-License-Identifier: Apache-2.0
// The exact cycle model: when each process of a network issues each of its iterations, from the
// plan and hlsc's report. It must equal the simulated RTL with inputs always there and outputs
// always taken.
//
// Start is sampled in cycle 0. A process issues its first iteration in its cycle `first_issue` at
// the earliest, then at most one a cycle. An iteration that writes pushes `write_stage` cycles
// after its issue, and the reader can issue one cycle later. It needs a credit: fewer than `depth`
// elements written and not yet taken, as seen one cycle after they are taken. Where a channel leads
// from die to die, its `crossing` registers come on top, there and back.
#ifndef MR_TIMING_H
#define MR_TIMING_H

#include "hls_report.h"
#include "plan.h"

enum { MR_TIMING_PROCESSES = 2 * MR_MAX_LAYERS + 2 };

struct mr_timing_process {
    char name[32];        // "lstm0", "resize1", "last", "head"
    int layer;            // index of an LSTM layer, -1 for the others
    uint64_t first_issue; // cycle
    uint64_t last_issue;  // cycle
    uint64_t iterations;
    double cycles_per_step; // mean over the second half of the steps (of the head: per sequence)
};

struct mr_timing_result {
    uint64_t cycles;           // from the start to the last output handed over, both counted
    uint64_t first_output;     // cycle in which the first output is handed over
    uint64_t sequences, steps; // as asked for
    int process_count;
    struct mr_timing_process processes[MR_TIMING_PROCESSES]; // in the order of the data
};

// 0, or -1 with a sentence in error: the report is of another network, or the run too long (2^32
// steps).
int mr_timing_run(const struct mr_plan *plan, const struct mr_report *report, uint64_t sequences,
                  uint64_t steps, struct mr_timing_result *result, char *error, size_t error_size);

// The same, iteration by iteration to the end: what mr_timing_run is tested against.
int mr_timing_run_all(const struct mr_plan *plan, const struct mr_report *report,
                      uint64_t sequences, uint64_t steps, struct mr_timing_result *result,
                      char *error, size_t error_size);

#endif
