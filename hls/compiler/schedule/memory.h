// SPDX-License-Identifier: Apache-2.0
// How memories lie in the chip: of which kind they are, what their words are made of, and which
// port an access has.
#ifndef HLSC_MEMORY_H
#define HLSC_MEMORY_H

#include "memory_shape.h"
#include "schedule.h"

// Which bank dimensions are written one at a time (by a run-time or constant index)? In tiles also
// those whose lanes are written on conditions of their own, and the tiles' lane.
void written_alone(const struct process *p, const struct tile *tile, int memory, bool *alone);
// Of a memory in tiles: do lanes write what each has, or on conditions of their own? Then each
// chunk of a word has data of its own.
bool has_own_data(const struct process *p, const struct tile *tile, int memory);
int bank_dims(const struct memory *m, int *dim); // those with banks, and how many
// Are all banks written at the same address, on one condition?
bool writes_all_alike(const struct process *p, const struct op *store);
// Do its banks have write ports of their own? Where several writes may meet in a cycle or go to
// banks in different ways, where reads look at single banks, and where lanes read at addresses of
// their own. With all regions scheduled.
bool memory_is_split(const struct process *p, const struct tile *tile, int memory);
// Does each address that the lanes of a read have go to one bank, known to synthesis? Else all
// banks are read there.
bool reads_one_bank(const struct op *load);
int64_t split_copies(const struct process *p, const struct op *load); // banks behind a read
uint32_t view_lanes(const struct op *op);
bool load_is_needed(const struct process *p, int op); // by any region, as far as they are scheduled
bool memory_is_read(const struct process *process, int memory); // by any region
bool region_reads(const struct region *r, int memory);

// Sets kind and latency of those that leave them to hlsc. Fails where the target has no such kind.
void decide_memories(struct compiler *cc, struct process *p, const struct tile *tile);
// What a word of it is made of that is not split: the banks that are written one at a time are
// chunks.
struct mr_memory_shape memory_shape(const struct process *p, const struct tile *tile, int memory);
// The part of it that lies in the tiles, for one of their lanes.
struct mr_lane_memory lane_memory(const struct process *p, const struct tile *tile, int memory);
enum mr_storage memory_storage(const struct target *target,
                               const struct memory *m); // as it will be decided
enum mr_storage storage_of(enum storage_impl asked);    // not AUTO
// The one address of a read leads to the banks by LUTs that hand it on.
bool has_branches(const struct process *p, const struct op *load);
// Does a part of it lie in LUTs?
bool memory_has_lutram(const struct memory *m);
// Of a memory in two kinds: chunks of a word for each index of the dimension that parts it. 0 where
// they do not lie in the order of that index.
int64_t rest_chunks(const struct process *p, const struct tile *tile, int memory);

// With all regions scheduled: which of its ports each read of a memory has that shares them with
// writes. Fails where there is none, or where a loop reads and writes it.
void assign_ports(struct compiler *cc, struct process *p, const struct tile *tile);
// Fails where a memory cannot lie in two kinds as it is asked to.
void check_rests(struct compiler *cc, const struct process *p, const struct tile *tile);

#endif
