// SPDX-License-Identifier: Apache-2.0
// Projections: layers that give h = W u, to what reads them and to their own next step, where u is
// what their units make (o tanh(c) of an LSTM: proj_size of torch.nn.LSTM). The network has no such
// layer, and needs none: with u for the hidden state, the rows R over h are rows R W over u. What
// reads the layer reads W u, which a dense operator gives it; or W goes into its weights too, where
// that is less work.
//
// An importer adds the layer with as many units as u has numbers and mr_projected as its weights
// over h, where sequences start from states with mr_projection_start as these, and
// mr_projection_add behind it; when the network is whole, mr_projections_fold.
#ifndef MR_PROJECTION_H
#define MR_PROJECTION_H

#include "graph.h"

struct mr_projection {
    int width, units; // numbers of h, and of u
    const float *w;   // (width, units)
};

// Rows of weights over h become rows over u: to (rows, units) = from (rows, width) W. False where a
// number is beyond float32.
bool mr_projected(const struct mr_projection *projection, const float *from, size_t rows,
                  float *to);

// Of the states u of which W makes h the nearest to 0. 0, or -1 with a sentence: there is none, it
// is beyond the +-1 of hidden states, or memory is short.
int mr_projection_start(const struct mr_projection *projection, const float *h, float *u,
                        char *error, size_t error_size);

// Adds what gives h from a stream of u: an operator with the projection's weights. NULL with a
// sentence.
struct mr_op *mr_projection_add(struct mr_network *network, const struct mr_projection *projection,
                                int stream, char *error, size_t error_size);

// Takes those of them out of the network that are more work than they save: what reads h then has
// rows over u. -1 with a sentence: memory is short, or a weight is beyond float32.
int mr_projections_fold(struct mr_network *network, char *error, size_t error_size);

#endif
