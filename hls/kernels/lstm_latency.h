// SPDX-License-Identifier: Apache-2.0
// The LSTM layer's one timing constant, apart from the kernel so that the host's planner uses the
// same.
#ifndef MR_LSTM_LATENCY_H
#define MR_LSTM_LATENCY_H

// Cycles from a step's last column to its first new h, for LC columns a cycle: the path through one
// multiplier and the cell, and what the sum over the columns adds (see hlsc's report).
#define LSTM_LATENCY(LC)                                                                           \
    (24 + ((LC) == 1 ? 0 : (LC) <= 4 ? (LC) : (LC) <= 8 ? 5 : (LC) <= 16 ? 6 : 7))
#define LSTM_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
