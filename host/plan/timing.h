// SPDX-License-Identifier: Apache-2.0
// The exact cycle model: when each process of a network issues each of its iterations, from hlsc's
// report alone. It must equal the simulated RTL with inputs always there and outputs always taken.
//
// The report tells what each process reads and writes in which cycle of some sample runs, row by
// row (a step, or a sequence). What a row does hangs on its place in the run, in its sequence and
// among those that have their turns, and how many there are on the numbers of sequences and steps;
// the model generalises from the samples, and refuses a report in which they contradict that.
//
// Start is sampled in cycle 0. An iteration that writes pushes `write_stage` cycles after its
// issue, and the reader can issue one cycle later. It needs a credit: fewer than `depth` elements
// written and not yet taken, as seen one cycle after they are taken. Where a channel leads from die
// to die, its `crossing` registers come on top, there and back. What holds an iteration up moves
// all that follow in its process. A process ends `rest` cycles behind its last iteration, when all
// credits are back at the earliest; behind the end of all another run can start.
#ifndef MR_TIMING_H
#define MR_TIMING_H

#include "hls_report.h"

enum { MR_TIMING_PROCESSES = 512, MR_TIMING_NAME = 48 };

struct mr_timing_process {
    char name[MR_TIMING_NAME];
    uint64_t first_issue;   // cycle
    uint64_t last_issue;    // cycle
    uint64_t iterations;    // cycles that its rows take when nothing holds them up
    double cycles_per_step; // of a sequence: mean over the second half of its rows
};

struct mr_timing_result {
    uint64_t cycles;           // from the start to the last output handed over, both counted
    uint64_t first_output;     // cycle in which the first output is handed over
    uint64_t next;             // the first cycle in which another run can start
    uint64_t sequences, steps; // as asked for
    // Of a token that the device feeds back: from a step's start to the next one's. 0: the network
    // has none. Not of mr_timing_run.
    uint64_t token_cycles;
    bool encodes; // of the encoder's part
    int process_count;
    struct mr_timing_process processes[MR_TIMING_PROCESSES]; // in the order of the data
};

// A run whose rows the report must tell, for the model learns from it.
struct mr_timing_sample {
    int sequences, steps;
};

// Sample `index` of those that a network with so many slots needs; false: there are not so many.
bool mr_timing_sample(int slots, int index, struct mr_timing_sample *sample);

// Of a run of the command RUN, of a network with so many slots. Processes that take no part in it
// are left out. 0, or -1 with a sentence in error: the report does not tell it (or was not asked
// for samples), or the run is too long (MR_STEPS_MAX).
int mr_timing_run(const struct mr_report *report, int slots, uint64_t sequences, uint64_t steps,
                  struct mr_timing_result *result, char *error, size_t error_size);

// The same, iteration by iteration to the end: what mr_timing_run is tested against.
int mr_timing_run_all(const struct mr_report *report, int slots, uint64_t sequences, uint64_t steps,
                      struct mr_timing_result *result, char *error, size_t error_size);

// Of a run of the command ENCODE, of one sequence: its cycles are those to the next run, for it
// has no output. Fails where there is no such part.
int mr_timing_encode(const struct mr_report *report, uint64_t steps,
                     struct mr_timing_result *result, char *error, size_t error_size);

// Of a process by its name; NULL: it takes no part.
const struct mr_timing_process *mr_timing_process(const struct mr_timing_result *result,
                                                  const char *name);

#endif
