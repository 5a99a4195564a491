// SPDX-License-Identifier: Apache-2.0
// The network as hardware: the processes and the channels between them. A plan's operators are
// processes, and glue stands between them: repacking where two take different numbers of columns,
// forks where a stream has several readers, what collects the outputs, the loader that deals out
// the weights and the saver that collects the state. Generator, placement, images, reports and
// drivers walk this list; topology stands nowhere else.
#ifndef MR_PIPELINE_H
#define MR_PIPELINE_H

#include "plan.h"

enum {
    MR_PROCESSES = 4 * MR_MAX_OPS,
    MR_CHANNELS = 8 * MR_MAX_OPS,
    MR_CHANNEL_NAME = MR_NAME + 12
};

enum mr_part {
    MR_PART_OP,     // an operator of the network
    MR_PART_ROUTE,  // gives x to the encoder's part or to the decoder's
    MR_PART_RESIZE, // repacks rows of `count` numbers from vectors of lc to vectors of out_lc
    MR_PART_FORK,   // gives its stream to two
    MR_PART_UNPACK, // vectors to single numbers
    MR_PART_GATHER, // joins two streams of the outputs' elements
    MR_PART_LOADER,
    MR_PART_SAVER
};

// What the processes of a part are called, most with a number behind it; those of operators have
// names of their own (op.h), which must be others.
const char *mr_part_name(enum mr_part part);

// What a process takes and gives of one of its two streams.
struct mr_gather_side {
    int step, last; // elements of every step, and more of a sequence's last step
};

struct mr_process {
    char name[MR_NAME];
    enum mr_part part;
    int op;         // MR_PART_OP: which
    int count;      // numbers of a row, of route (for the decoder), resize, fork and unpack
    bool encodes;   // it is of the encoder's part
    int lc, out_lc; // as in struct mr_plan_op
    enum mr_rate rate;
    int steps; // of each sequence, where it has a number of its own (graph.h); else 0
    struct mr_gather_side side[2];
    int first_port, port_count; // its channels in the order of its kernel's arguments: ports[]
    const char *scalars;        // its last arguments; `rows` stands for total or sequences
    int die;                    // of the card
    bool spans;                 // too large for a die beside others: its lanes lie in several,
    double begin, end;          // along the dies in the order in which they are filled
};

struct mr_channel {
    char name[MR_CHANNEL_NAME];
    char type[16];      // of an element, in C
    int writer, reader; // processes, or -1: a port of the top, of the same name
    int depth;          // 0: as hlsc chooses
    int crossing;       // registers each way, where it leads from die to die
};

struct mr_pipeline {
    int process_count, channel_count, port_count;
    struct mr_process processes[MR_PROCESSES];
    struct mr_channel channels[MR_CHANNELS];
    int ports[2 * MR_CHANNELS]; // channels
    int dies;                   // that are used
    int first_die; // of the card's memory ports: loader, saver and what gives the outputs are there
};

// The processes of a plan and their places (placement.c). Processes stand in the order of the data,
// loader first; the channels in the order of their writers.
void mr_pipeline_make(const struct mr_plan *plan, struct mr_pipeline *pipeline);

// placement.c: the dies of processes, the registers of channels.
void mr_place(const struct mr_plan *plan, struct mr_pipeline *pipeline);
// Where recurrent operators lie in several dies of the target: the registers on the way to their
// lanes go into layouts. False: none does.
bool mr_place_ways(const struct mr_plan *plan, const struct mr_target *target,
                   struct mr_op_layout layouts[]);
// The die of a part, from 0 on and below 1, of the lanes of a process that spans dies.
int mr_place_of(const struct mr_target *target, const struct mr_process *process, double part);

#endif
