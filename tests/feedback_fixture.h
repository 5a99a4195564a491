// SPDX-License-Identifier: Apache-2.0
// For tests of tokens that are fed back: networks from an embedding to an arg-max.
#ifndef FEEDBACK_FIXTURE_H
#define FEEDBACK_FIXTURE_H

#include "network_fixture.h"

// Embedding, one to three layers, an arg-max; perhaps with other outputs before and behind it, and
// with fewer tokens than the table has rows.
static inline void make_token_network(struct mr_network *network, uint64_t seed) {
    uint64_t state = seed;
    const int entries = random_between(&state, 2, 24),
              tokens = random_bits(&state) % 3 ? entries : random_between(&state, 2, entries);
    const int layers = random_between(&state, 1, 3);
    net_create(network, 1, "feedback");
    int stream = net_table(network, entries, random_between(&state, 1, 8));
    for (int l = 0; l < layers; l++)
        stream = net_add(network, net_cell(&state), stream, random_between(&state, 2, 9),
                         MR_ACTIVATION_LINEAR);
    if (random_bits(&state) & 1)
        stream = net_add(network, "last", stream, 0, MR_ACTIVATION_LINEAR);
    const int scores = net_add(network, "dense", stream, tokens, MR_ACTIVATION_LINEAR);
    network->streams[scores].uniform = true;
    const int token = net_add(network, "argmax", scores, 0, MR_ACTIVATION_LINEAR);
    if (random_bits(&state) & 1)
        net_output(network, scores, "scores");
    net_output(network, token, "token");
    if (random_bits(&state) % 3 == 0)
        net_output(network, net_add(network, "dense", stream, 2, MR_ACTIVATION_TANH), "other");
    net_weights(network, &state, 1.5);
}

#endif
