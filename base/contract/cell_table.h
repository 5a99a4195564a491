// SPDX-License-Identifier: Apache-2.0
// What a user's own cell tells the host: the table that its file gives when it is compiled with
// hls/kernels/frame/host_cell.h. docs/own-cell.md says what the file holds.
#ifndef MR_CELL_TABLE_H
#define MR_CELL_TABLE_H

#include <stdint.h>

#define MR_CELL_TABLE "mr_cell_table"

struct mr_cell_table {
    int gates, split, second, has_cell, counts; // as in hls/kernels/frame/layer.h
    int ranged;                                 // h has a format that calibration chooses, else Q15
    int multipliers, tables;                    // of one unit per cycle, for the planner's estimate
    int h_reads;                                // of places in the cell's functions that read old.h
    const int *argument_frac; // [gates + split] fraction bits of the sums, or 0: those of h
    uint32_t (*latency)(int lc);
    uint32_t (*second_latency)(int lc); // NULL without second
    // The kernel's own functions, on one unit; the first gives by how much a value was beyond its
    // range.
    uint32_t (*unit)(const int64_t *sum, int exponent, int32_t *h, int32_t *cell);
    int32_t (*columns)(const int64_t *sum, int32_t h); // NULL without second
    // Their float twins.
    void (*float_unit)(const double *sum, double *h, double *cell);
    double (*float_columns)(const double *sum, double h); // NULL without second
};

#endif
