// SPDX-License-Identifier: Apache-2.0
// From the graph to what training takes of it (train_chain.h).
#include "train_chain.h"

#include "failure.h"
#include "op.h"

#include <math.h>
#include <string.h>

static const char *const cells[] = {
    [MR_TRAIN_LSTM] = "lstm",
    [MR_TRAIN_GRU] = "gru",
    [MR_TRAIN_GRU_RESET_FIRST] = "gru_reset_first",
    [MR_TRAIN_RNN_TANH] = "rnn_tanh",
    [MR_TRAIN_RNN_RELU] = "rnn_relu",
};
enum { CELLS = sizeof cells / sizeof *cells };

// Is there nothing beside an activation?
static bool is_plain(const struct mr_place *at) {
    return at->scale == 1 && isinf(at->low) && isinf(at->high) && at->factor == 1 &&
           at->offset == 0;
}

// Does a cell have its usual activation at a place, with nothing beside it?
static bool is_usual(const struct mr_op *op, int place) {
    const struct mr_place *at = &op->places[place];

    return op->kind->places[place] == 0 ||
           (at->kind == (place == MR_PLACE_GATE ? MR_ACTIVATION_SIGMOID : MR_ACTIVATION_TANH) &&
            is_plain(at));
}

static int take_layer(const struct mr_network *network, int index, struct mr_train_chain *chain,
                      struct mr_error *error) {
    const struct mr_op *op = &network->ops[index];
    struct mr_train_layer *layer = &chain->layers[chain->layer_count];
    int cell = 0;

    while (cell < CELLS && strcmp(cells[cell], op->kind->name) != 0)
        cell++;
    if (cell == CELLS)
        return mr_failure(error, MR_ERROR_MODEL,
                          "the layer %s is of the kind %s, which cannot be trained; LSTM without "
                          "peepholes, GRU, and RNN with tanh or ReLU can",
                          op->name, op->kind->name);
    for (int place = 0; place < MR_PLACES; place++)
        if (!is_usual(op, place))
            return mr_failure(error, MR_ERROR_MODEL,
                              "the layer %s has other activations than sigmoid and tanh, or clips "
                              "them; such a layer cannot be trained",
                              op->name);
    if (op->start || op->given[0] >= 0 || op->given[1] >= 0)
        return mr_failure(error, MR_ERROR_MODEL,
                          "the layer %s starts from a state of its own; only layers that start "
                          "from zero can be trained",
                          op->name);
    *layer = (struct mr_train_layer){.op = index,
                                     .cell = (enum mr_train_cell)cell,
                                     .inputs = op->inputs,
                                     .units = op->units,
                                     .gates = op->kind->gates,
                                     .sums = op->kind->sums};
    chain->layer_count++;
    return 0;
}

static int take_op(const struct mr_network *network, int index, struct mr_train_chain *chain,
                   struct mr_error *error) {
    const struct mr_op *op = &network->ops[index];
    const char *kind = op->kind->name;

    if (op->input != index)
        return mr_failure(error, MR_ERROR_MODEL,
                          "the operator %s does not read the one before it; only chains of layers "
                          "can be trained",
                          op->name);
    if (op->kind->recurrent && chain->head < 0 && chain->per_step)
        return take_layer(network, index, chain, error);
    if (strcmp(kind, "last") == 0 && chain->layer_count > 0 && chain->per_step) {
        chain->per_step = false;
        return 0;
    }
    if (strcmp(kind, "dense") == 0 && chain->head < 0 && chain->layer_count > 0 &&
        op->places[MR_PLACE_G].kind <= MR_ACTIVATION_TANH && is_plain(&op->places[MR_PLACE_G])) {
        chain->head = index;
        chain->outputs = op->units;
        chain->activation = op->places[MR_PLACE_G].kind;
        return 0;
    }
    if (strcmp(kind, "softmax") == 0 && chain->head >= 0 && !chain->softmax &&
        chain->activation == MR_ACTIVATION_LINEAR) {
        chain->softmax = true;
        return 0;
    }
    return mr_failure(error, MR_ERROR_MODEL,
                      "the operator %s (%s) cannot be trained where it stands; recurrent layers "
                      "and then one dense head, linear, sigmoid, tanh or softmax, on the last step "
                      "or on every one, can",
                      op->name, kind);
}

static int check_loss(const struct mr_network *network, enum mr_train_loss loss,
                      const struct mr_train_chain *chain, struct mr_error *error) {
    const char *name = network->ops[chain->head].name;
    const bool linear = chain->activation == MR_ACTIVATION_LINEAR && !chain->softmax;

    switch (loss) {
    case MR_TRAIN_MSE:
        if (chain->softmax)
            return mr_failure(error, MR_ERROR_MODEL,
                              "the head %s has a softmax, whose loss is cross-entropy (ce)", name);
        break;
    case MR_TRAIN_BCE:
        if (!linear && chain->activation != MR_ACTIVATION_SIGMOID)
            return mr_failure(error, MR_ERROR_MODEL,
                              "the head %s must be sigmoid, or linear, for binary cross-entropy",
                              name);
        break;
    case MR_TRAIN_CE:
        if (!linear && !chain->softmax)
            return mr_failure(error, MR_ERROR_MODEL,
                              "the head %s must be softmax, or linear, for cross-entropy", name);
        if (chain->outputs < 2)
            return mr_failure(error, MR_ERROR_MODEL,
                              "the head %s has one output; cross-entropy is of two classes or "
                              "more, and binary cross-entropy (bce) of one number",
                              name);
        break;
    default:
        return mr_failure(error, MR_ERROR_ARGUMENT, "the loss is not known");
    }
    return 0;
}

static bool has_cast(struct mr_cast cast) {
    return cast.clips || cast.side || cast.whole || cast.truth;
}

int mr_train_chain_of(const struct mr_network *network, enum mr_train_loss loss,
                      struct mr_train_chain *chain, struct mr_error *error) {
    *chain =
        (struct mr_train_chain){.inputs = network->streams[0].width, .head = -1, .per_step = true};
    if (network->encoder || network->output_count != 1 || network->length_count ||
        network->mask.given || has_cast(network->input_cast) ||
        has_cast(network->outputs[0].cast) || network->outputs[0].log_softmax ||
        network->outputs[0].stream != network->stream_count - 1)
        return mr_failure(error, MR_ERROR_MODEL,
                          "the network has an encoder, several outputs, sequences of different "
                          "lengths, or does something to its numbers before or behind its "
                          "operators; such a network cannot be trained");
    for (int i = 0; i < network->op_count; i++)
        if (take_op(network, i, chain, error) != 0)
            return MR_ERROR_MODEL;
    if (chain->head < 0)
        return mr_failure(error, MR_ERROR_MODEL, "the network has no dense head to be trained");
    return check_loss(network, loss, chain, error);
}
