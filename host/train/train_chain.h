// SPDX-License-Identifier: Apache-2.0
// What training takes of a network: recurrent layers in a chain, and one dense head on the last
// step or on every one, with a softmax behind it where there are classes. It is read from the
// graph, which stays the one description; a trainer walks this list in place of it.
#ifndef MR_TRAIN_CHAIN_H
#define MR_TRAIN_CHAIN_H

#include "graph.h"
#include "millrace.h"

#include <stdbool.h>
#include <stddef.h>

enum mr_train_cell {
    MR_TRAIN_LSTM,
    MR_TRAIN_GRU,             // linear_before_reset 1, as PyTorch's
    MR_TRAIN_GRU_RESET_FIRST, // linear_before_reset 0
    MR_TRAIN_RNN_TANH,
    MR_TRAIN_RNN_RELU
};

struct mr_train_layer {
    int op; // of the network: weights in the order of graph.h, gates of PyTorch
    enum mr_train_cell cell;
    int inputs, units;
    int gates, sums; // as of its kind (op.h)
};

struct mr_train_chain {
    int inputs; // features of a step
    int layer_count;
    struct mr_train_layer layers[MR_MAX_LAYERS];
    int head;                      // the dense operator
    int outputs;                   // its units
    enum mr_activation activation; // linear, sigmoid or tanh
    bool softmax;                  // behind it, which is linear then
    bool per_step;                 // a row for every step, else one of the last step
};

// Reads it. MR_ERROR_MODEL with a sentence that names the operator which cannot be trained, or what
// of the head does not go with the loss: of MR_TRAIN_BCE the head is sigmoid, or linear (what it
// gives is the argument of the sigmoid then); of MR_TRAIN_CE softmax, or linear alike, of two
// outputs or more; of MR_TRAIN_MSE no softmax.
int mr_train_chain_of(const struct mr_network *network, enum mr_train_loss loss,
                      struct mr_train_chain *chain, struct mr_error *error);

// Numbers of a row of y: outputs, or of MR_TRAIN_CE one, the number of the class.
static inline int mr_train_targets(const struct mr_train_chain *chain, enum mr_train_loss loss) {
    return loss == MR_TRAIN_CE ? 1 : chain->outputs;
}

#endif
