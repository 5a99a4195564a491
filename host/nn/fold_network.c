// SPDX-License-Identifier: Apache-2.0
// A network's programs (fold.h): where its rows and states lie, then operator after operator.
#include "fold.h"
#include "op.h"

#include <stdlib.h>
#include <string.h>

// Only networks that run from the first step to the last one.
static void check(struct mr_fold *fold) {
    const struct mr_network *network = fold->network;

    if (network->encoder)
        mr_fold_refuse(fold, "it has an encoder's part");
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        if (op->follows)
            mr_fold_refuse(fold, "%s starts from the state of another layer, which it does not do",
                           op->name);
        if (!op->kind->fold)
            mr_fold_refuse(fold, "%s is an operator of the kind %s, which it does not have",
                           op->name, op->kind->name);
    }
}

// States lie side by side, so that one command moves them.
static void take_places(struct mr_fold *fold) {
    const struct mr_network *network = fold->network;

    fold->place[0] = mr_fold_take(fold, network->streams[0].width);
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        if (op->kind->recurrent) {
            fold->h[i] = fold->place[op->output] = mr_fold_take(fold, op->units);
            fold->second[i] = op->kind->second_field ? mr_fold_take(fold, op->units) : 0;
        }
    }
    fold->first_state = network->streams[0].width;
    fold->states = fold->numbers - fold->first_state;
    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        if (!op->kind->recurrent && op->kind->gates > 0)
            fold->place[op->output] = mr_fold_take(fold, network->streams[op->output].width);
    }
}

static void begin_zero(struct mr_fold *fold, int first, int count) {
    for (int done = 0; done < count; done += FOLDED_SUMS)
        mr_fold_vector(fold,
                       (struct mr_fold_vector){.elements = count - done < FOLDED_SUMS ? count - done
                                                                                      : FOLDED_SUMS,
                                               .to = {first + done, false}});
}

static void begin_states(struct mr_fold *fold) {
    for (int i = 0; i < fold->network->op_count; i++) {
        const struct mr_op *op = &fold->network->ops[i];
        if (!op->kind->recurrent)
            continue;
        begin_zero(fold, fold->h[i], op->units);
        if (op->kind->second_field)
            begin_zero(fold, fold->second[i], op->units);
    }
}

static void run_op(struct mr_fold *fold, int index) {
    const struct mr_op *op = &fold->network->ops[index];

    fold->op_first[index] = fold->words;
    op->kind->fold(fold, op);
    fold->op_end[index] = fold->words;
}

// Operators that give a row at this rate, then the outputs that do.
static void run_ops(struct mr_fold *fold, enum mr_rate rate, bool out_wide) {
    const struct mr_network *network = fold->network;

    for (int i = 0; i < network->op_count && !fold->code; i++)
        if (network->streams[network->ops[i].output].rate == rate)
            run_op(fold, i);
    for (int o = 0; o < network->output_count; o++) {
        const int stream = network->outputs[o].stream;
        if (network->streams[stream].rate == rate)
            mr_fold_move(fold, fold->place[stream], network->streams[stream].width, true, out_wide);
    }
}

int mr_fold_network(const struct mr_network *network, int rows, bool out_wide, struct mr_fold *fold,
                    struct mr_error *error) {
    *fold = (struct mr_fold){.network = network, .rows = rows, .error = error};
    check(fold);
    take_places(fold);
    fold->begin = mr_fold_begin(fold);
    if (!fold->code)
        begin_states(fold);
    mr_fold_end(fold);
    fold->step = mr_fold_begin(fold);
    mr_fold_move(fold, fold->place[0], network->streams[0].width, false, false);
    run_ops(fold, MR_PER_STEP, out_wide);
    mr_fold_end(fold);
    fold->end = mr_fold_begin(fold);
    run_ops(fold, MR_PER_SEQUENCE, out_wide);
    mr_fold_end(fold);
    return fold->code;
}

void mr_fold_free(struct mr_fold *fold) {
    free(fold->parts);
    fold->parts = NULL;
}
