// SPDX-License-Identifier: Apache-2.0
// Puts a network together from the operators of others (graph.h).
#include "file.h"
#include "op.h"

#include <string.h>

int mr_network_move(struct mr_network *to, struct mr_network *from, const bool *needed, int *at,
                    char *error, size_t error_size) {
    for (int i = 0; i < from->op_count; i++) {
        struct mr_op *op = &from->ops[i];
        if (!needed[op->output])
            continue;
        if (at[op->output] == MR_STREAM_SKIPPED) {
            at[op->output] = at[op->input];
            continue;
        }
        if (op->follows)
            return mr_fail(error, error_size,
                           "'%s' starts from a state of its own file, which no layer of a network "
                           "does whose encoder has an input of its own",
                           op->name);
        struct mr_op *moved = mr_network_add_bare(
            to, op->kind, at[op->input], op->other < 0 ? -1 : at[op->other],
            op->kind->joins ? 0 : op->units, op->places[MR_PLACE_G].kind, error, error_size);
        if (!moved)
            return -1;
        const struct mr_op place = *moved;
        *moved = *op;
        memcpy(moved->name, place.name, sizeof moved->name);
        memcpy(moved->given, place.given, sizeof moved->given);
        moved->layer = place.layer;
        moved->input = place.input;
        moved->other = place.other;
        moved->output = place.output;
        moved->start = NULL;
        moved->start_rows = 0;
        moved->rows = (struct mr_rows){0};
        op->w_x = op->w_h = op->bias = op->constants = NULL;
        memcpy(to->streams[moved->output].greatest, from->streams[op->output].greatest,
               sizeof to->streams[moved->output].greatest);
        at[op->output] = moved->output;
    }
    return 0;
}

void mr_network_need(const struct mr_network *network, bool *needed) {
    for (int i = network->op_count; i-- > 0;) {
        const struct mr_op *op = &network->ops[i];
        if (!needed[op->output])
            continue;
        needed[op->input] = true;
        if (op->other >= 0)
            needed[op->other] = true;
    }
}
