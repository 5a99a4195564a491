// SPDX-License-Identifier: Apache-2.0
// A trained network in float.
#include "network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *mr_gate_name(int gate) {
    static const char *const names[MR_GATES] = {"i", "f", "g", "o"};

    return names[gate];
}

double mr_cast(struct mr_cast cast, double number) {
    if (cast.whole)
        number = trunc(number);
    return cast.truth ? number != 0 : number;
}

void mr_network_free(struct mr_network *network) {
    for (int i = 0; i < network->layer_count; i++) {
        free(network->layers[i].w_ih);
        free(network->layers[i].w_hh);
        free(network->layers[i].bias);
    }
    free(network->layers);
    free(network->head.w);
    free(network->head.bias);
    free(network->name);
    memset(network, 0, sizeof *network);
}
