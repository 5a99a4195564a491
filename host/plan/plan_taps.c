// SPDX-License-Identifier: Apache-2.0
// Sequences that wait where streams part and meet again (plan_taps.h).
#include "plan_taps.h"

#include "op.h"

#include <string.h>

static int largest(int a, int b) {
    return a > b ? a : b;
}

// Sequences that the operator takes before it gives the first row of the first one.
static int lag_of(const struct mr_op *op) {
    return op->kind->reverses || op->kind->repeats ? 1 : 0;
}

// The operators and outputs that read a stream, in the order of their taps; an operator that joins
// a stream with itself stands twice. An output is NULL, and so is a state that starts from it: both
// are where a part of the network ends.
static int list_readers(const struct mr_network *network, int stream,
                        const struct mr_op *readers[MR_TAPS]) {
    int count = 0;

    for (int i = 0; i < network->op_count; i++) {
        for (int k = 0; k < MR_OP_READS; k++)
            if (mr_op_read(&network->ops[i], k) == stream)
                readers[count++] = k < 2 ? &network->ops[i] : NULL;
    }
    for (int i = 0; i < network->output_count; i++)
        if (network->outputs[i].stream == stream)
            readers[count++] = NULL;
    return count;
}

// The input of the part that a stream belongs to.
static int input_of(const struct mr_network *network, int stream) {
    return network->streams[stream].encodes ? network->encoder : 0;
}

// By how many sequences the ends of its part come behind each stream.
static void find_ways(const struct mr_network *network, int way[MR_MAX_STREAMS]) {
    memset(way, 0, MR_MAX_STREAMS * sizeof *way);
    for (int i = network->op_count; i-- > 0;) {
        const struct mr_op *op = &network->ops[i];
        const int rest = way[op->output] + lag_of(op);
        way[op->input] = largest(way[op->input], rest);
        if (op->other >= 0)
            way[op->other] = largest(way[op->other], rest);
    }
}

// What waits in front of each reader of a stream that comes `late` sequences behind x: as much as
// the reader beside it that takes most before it gives anything. So both halves of a bidirectional
// layer work on one sequence at the same time. No more than the way to the outputs leaves.
static void hold_readers(const struct mr_network *network, int stream, int late, const int *way,
                         int *hold) {
    const struct mr_op *readers[MR_TAPS];
    const int count = list_readers(network, stream, readers);
    int most = 0;

    for (int i = 0; i < count; i++)
        most = largest(most, readers[i] ? lag_of(readers[i]) : 0);
    for (int i = 0; i < count; i++) {
        const int own = readers[i] ? lag_of(readers[i]) : 0;
        const int rest = readers[i] ? way[readers[i]->output] + own : 0;
        const int slack = way[input_of(network, stream)] - late - rest;
        hold[i] = most - own < slack ? most - own : slack;
    }
}

void mr_plan_taps(const struct mr_network *network, struct mr_plan_taps *taps) {
    int way[MR_MAX_STREAMS], late[MR_MAX_STREAMS] = {0}; // of the streams
    int next[MR_MAX_STREAMS];                            // taps
    int tap = 0;

    find_ways(network, way);
    for (int s = 0; s < network->stream_count; s++) {
        next[s] = taps->first[s] = tap;
        tap += mr_network_readers(network, s);
    }
    for (int s = 0; s <= network->encoder; s++)
        hold_readers(network, s, 0, way, taps->hold + taps->first[s]);
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        int *input = &taps->hold[next[op->input]++], *other = NULL;
        int begin = late[op->input] + *input;
        if (op->other >= 0) { // both wait for the later one
            other = &taps->hold[next[op->other]++];
            const int of_other = late[op->other] + *other;
            *input += largest(of_other - begin, 0);
            *other += largest(begin - of_other, 0);
            begin = largest(begin, of_other);
        }
        for (int field = 0; field < 2; field++)
            if (op->given[field] >= 0)
                taps->hold[next[op->given[field]]++] =
                    way[network->encoder] - late[op->given[field]];
        late[op->output] = begin + lag_of(op);
        hold_readers(network, op->output, late[op->output], way,
                     taps->hold + taps->first[op->output]);
    }
    for (int i = 0; i < network->output_count; i++) {
        const int stream = network->outputs[i].stream;
        taps->hold[next[stream]++] = way[0] - late[stream];
    }
}
