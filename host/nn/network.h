// SPDX-License-Identifier: Apache-2.0
// A trained network in float: LSTM layers one after the other, and a dense head that takes the
// hidden state of the last step.
#ifndef MR_NETWORK_H
#define MR_NETWORK_H

#include <stdbool.h>

enum { MR_GATES = 4 }; // i, f, g, o in this order

// What every part of the program takes: layers, and inputs, hidden units and outputs, at most.
enum { MR_MAX_LAYERS = 16, MR_MAX_WIDTH = 16384 };

struct mr_lstm {
    int inputs, hidden;
    float *w_ih; // (4*hidden, inputs), row = gate*hidden + unit
    float *w_hh; // (4*hidden, hidden)
    float *bias; // (4*hidden), the sum of both biases
};

struct mr_dense {
    int inputs, outputs;
    bool sigmoid; // else linear
    float *w;     // (outputs, inputs)
    float *bias;  // (outputs)
};

// What casts to whole numbers and to bool do to a number, in this order.
struct mr_cast {
    bool whole; // cut toward zero
    bool truth; // 1 unless it is 0
};

struct mr_network {
    int layer_count;
    struct mr_lstm *layers; // the inputs of a layer are the hidden of the one before
    struct mr_dense head;
    struct mr_cast input_cast, output_cast; // of every x and y, outside of the pipeline
    int steps;                              // from the file, 0 when it leaves them open
    bool batch_first;                       // layout of the ONNX input: [N, T, F], else [T, N, F]
    char *name;
};

// "i", "f", "g" or "o".
const char *mr_gate_name(int gate);

double mr_cast(struct mr_cast cast, double number);

// Frees what the network holds; a network that is all zero is legal.
void mr_network_free(struct mr_network *network);

#endif
