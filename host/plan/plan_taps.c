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

// The same of stream k that it reads, where it begins as soon as all are there: a state that starts
// a sequence comes behind another one's last step.
static int lag_of_read(const struct mr_op *op, int k) {
    return k < 2 ? lag_of(op) : op->follows ? 1 : 0;
}

// What reads a stream: in all by how many sequences the end of its part comes behind that.
struct reader {
    int lag, rest;
};

// The operators and outputs that read a stream, in the order of their taps; an operator that joins
// a stream with itself stands twice. At an output and at a state of another part one ends.
static int list_readers(const struct mr_network *network, int stream, const int *way,
                        struct reader readers[MR_TAPS]) {
    int count = 0;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        for (int k = 0; k < MR_OP_READS; k++) {
            const int lag = lag_of_read(op, k);
            if (mr_op_read(op, k) == stream)
                readers[count++] =
                    (struct reader){lag, k < 2 || op->follows ? way[op->output] + lag : 0};
        }
    }
    for (int i = 0; i < network->output_count; i++)
        if (network->outputs[i].stream == stream)
            readers[count++] = (struct reader){0};
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
        for (int k = 0; k < MR_OP_READS; k++)
            if (mr_op_read(op, k) >= 0 && (k < 2 || op->follows))
                way[mr_op_read(op, k)] =
                    largest(way[mr_op_read(op, k)], way[op->output] + lag_of_read(op, k));
    }
}

// What waits in front of each reader of a stream that comes `late` sequences behind x: as much as
// the reader beside it that takes most before it gives anything. So both halves of a bidirectional
// layer work on one sequence at the same time. No more than the way to the outputs leaves.
static void hold_readers(const struct mr_network *network, int stream, int late, const int *way,
                         int *hold) {
    struct reader readers[MR_TAPS];
    const int count = list_readers(network, stream, way, readers);
    int most = 0;

    for (int i = 0; i < count; i++)
        most = largest(most, readers[i].lag);
    for (int i = 0; i < count; i++) {
        const int slack = way[input_of(network, stream)] - late - readers[i].rest;
        hold[i] = most - readers[i].lag < slack ? most - readers[i].lag : slack;
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
        int *hold[MR_OP_READS], due[MR_OP_READS], reads = 0, end = 0;
        for (int k = 0; k < MR_OP_READS; k++) {
            const int stream = mr_op_read(op, k);
            if (stream < 0)
                continue;
            int *of = &taps->hold[next[stream]++];
            if (k >= 2 && !op->follows) {
                *of = way[network->encoder] - late[stream];
                continue;
            }
            hold[reads] = of;
            due[reads] = late[stream] + *of + lag_of_read(op, k);
            end = largest(end, due[reads++]);
        }
        while (reads-- > 0) // all wait for the last one
            *hold[reads] += end - due[reads];
        late[op->output] = end;
        hold_readers(network, op->output, late[op->output], way,
                     taps->hold + taps->first[op->output]);
    }
    for (int i = 0; i < network->output_count; i++) {
        const int stream = network->outputs[i].stream;
        taps->hold[next[stream]++] = way[0] - late[stream];
    }
}
