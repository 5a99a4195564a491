// SPDX-License-Identifier: Apache-2.0
// Depths of FIFOs, and deadlock. Processes are Kahn processes with atomic iterations: one is issued
// when all words that it reads are there and all FIFOs that it writes have room. So the order of
// accesses alone decides whether a network stops for ever; the schedule tells how fast it goes.
#ifndef HLSC_DEPTH_H
#define HLSC_DEPTH_H

#include "schedule.h"

// Finds the depths that channels between reconverging paths need, and those of FIFOs that lead back
// into their process: stream.needed and stream.why of the writer's end. Fails for a network that
// stops for ever, or whose need cannot be told or has no bound, unless stream pragmas say.
void find_depths(struct compiler *cc, struct network *net);

// Most words of a stream that one iteration writes: one where its writes, counted in `writes`,
// exclude each other.
int most_words(const struct region *r, int stream, int *writes);
// Is it known as an iteration is issued whether `guard` of a write (NULL: always) holds?
bool told_at_issue(const struct schedule *s, const struct op *guard);

// Words of the FIFO behind an output as it would be if it asked for `asked` words of room beside
// what is in flight, also in the `crossing` registers of the way there and of the way back.
int base_depth(const struct process *p, int stream, int asked, int crossing);
// Words of the FIFO behind an output.
int output_depth(const struct network *net, const struct process *p, int stream);
// The room that a stream pragma asks for, or -1.
int asked_depth(const struct network *net, const struct stream *s);
// The registers between an output and the FIFO behind it, and between that and the credits; 0:
// none.
int crossing_of(const struct network *net, const struct stream *s);

#endif
