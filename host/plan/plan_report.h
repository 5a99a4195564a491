// SPDX-License-Identifier: Apache-2.0
// What a plan costs and gives, as a table for people and as JSON for programs.
#ifndef MR_PLAN_REPORT_H
#define MR_PLAN_REPORT_H

#include "hls_report.h"
#include "pipeline.h"
#include "timing.h"

#include <jansson.h>

// Figures that table and JSON share.
struct mr_plan_figures {
    double clock_mhz, microseconds;
    uint64_t multipliers;          // exact, from hlsc's report
    struct mr_memory_use memory;   // of all memories and channels in hlsc's report
    double utilisation;            // as mr_plan_utilisation gives it
    double multiplier_utilisation; // the same of all multipliers, cells included
};

// Useful lane multiplications / (products a cycle * cycles) of a run.
double mr_plan_utilisation(const struct mr_plan *plan, const struct mr_timing_result *timing);

// Adds the memories of a process, and the FIFOs behind it, of the top's outputs too.
int mr_process_memories(const struct mr_report_process *process, struct mr_memory_use *use,
                        char *error, size_t error_size);

// 0, or -1 with a sentence in error (a memory of unknown kind).
int mr_plan_figures(const struct mr_plan *plan, const struct mr_report *report,
                    const struct mr_timing_result *timing, struct mr_plan_figures *figures,
                    char *error, size_t error_size);

// The table, to be freed by the caller. encoder: of a run of the encoder's part, where the network
// has one, else NULL. NULL with a sentence in error.
char *mr_plan_report_text(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                          const struct mr_report *report, const struct mr_timing_result *timing,
                          const struct mr_timing_result *encoder, char *error, size_t error_size);

// An object with cycles, cycles_per_step (one per recurrent
// operator), utilisation, multiplier_utilisation,
// clock_mhz, microseconds, target, mode, sequences, steps, multipliers, memories {bram36, uram,
// lut}, layers (the recurrent operators), dies (of each process; where it spans several, that of
// its middle), dies_used, token_cycles where a token can be fed back, and where there is an
// encoder's part {steps, cycles, microseconds} of that as encoder. A new reference. NULL with a
// sentence in error.
json_t *mr_plan_report_json(const struct mr_plan *plan, const struct mr_pipeline *pipeline,
                            const struct mr_report *report, const struct mr_timing_result *timing,
                            const struct mr_timing_result *encoder, char *error, size_t error_size);

#endif
