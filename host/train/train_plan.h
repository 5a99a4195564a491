// SPDX-License-Identifier: Apache-2.0
// A training engine (hls/kernels/train_engine) of a chain of layers: its source, and its cycles.
#ifndef MR_TRAIN_PLAN_H
#define MR_TRAIN_PLAN_H

// Those of the kernels are for hlsc.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"

#include "device_table.h"
#include "memory_shape.h"
#include "train/update.h"
#include "trainer.h"

#include <stdint.h>

enum { MR_ENGINE_LAYERS = 16 };

// What the weights beside the lanes lie in: `storage`; but in block RAM words from `last_from` on
// in LUTs, and all of the units from `rest_from` on in UltraRAM (0: none).
struct mr_train_weights {
    enum mr_storage storage;
    int last_from, rest_from;
};

struct mr_train_shape {
    enum mr_train_cell cell;                 // of all layers: LSTM, GRUs or RNN with tanh
    int layers, width[MR_ENGINE_LAYERS + 1]; // numbers of x, then units
    int outputs;
    int lc, nb;       // columns a cycle, and sequences that share a weight
    int batch, steps; // of a mini-batch, steps at most
    enum mr_train_loss loss;
    bool per_step; // the head is on every step
    bool clips;    // the norm of all gradients
    bool drops;    // between layers
    bool port;     // the stash and the parameters are external memories
    struct mr_train_weights weights;
};

// The shape of a chain whose mini-batches are the fastest with so many multipliers in the lanes at
// most; 0: as many as usual. Where its memories are more than those of options->target, it has
// external memories. MR_ERROR_MODEL with a sentence that names what
// no engine has, or which is too large.
enum { MR_ENGINE_MULTIPLIERS = 2048 };
int mr_train_shape_of(const struct mr_train_chain *chain, const struct mr_trainer_options *options,
                      int multipliers, struct mr_train_shape *shape, struct mr_error *error);

// Multipliers of the lanes; those of the cells and the update are some 40 for each column.
int mr_train_lanes(const struct mr_train_shape *shape);

// Multiplications of the lanes that a mini-batch with so many sequences and steps needs: those that
// words fill up, and of turns that are empty, are not among them.
uint64_t mr_train_products(const struct mr_train_shape *shape, size_t sequences, size_t steps,
                           bool learn);

struct mr_train_memory {
    // Blocks of all memories that grow with the network, and of tables; hlsc's report adds some for
    // biases, the head and what it keeps of errors.
    struct mr_memory_use use;
    // Bits of its memories but for the weights and deltas beside the lanes, each counted once: hlsc
    // adds copies where several loops read.
    uint64_t gradients;  // of one layer, or where they are clipped of all
    uint64_t stash;      // of a mini-batch's steps: what the way back needs
    uint64_t parameters; // weights and moments, as the optimiser has them
    // With `port` these two are in external memories, but for windows of the stash: bytes there,
    // and those that a mini-batch stores and fetches. Else 0.
    uint64_t outside, passed;
};
struct mr_train_memory mr_train_memory(const struct mr_train_shape *shape);
// And of a card the LUTs that can be memory.
uint64_t mr_train_card_luts(const struct mr_target *target);
// Are they all there?
bool mr_train_fits(const struct mr_train_shape *shape, const struct mr_target *target);

// Lays the weights into LUTs where the target has so many, else into the kinds of memory of which
// then the least share is taken.
void mr_train_place_weights(struct mr_train_shape *shape, const struct mr_target *target);

// The text of its C file, whose top function is `top`. It has room for 1,200 characters.
// MR_ERROR_ARGUMENT where no engine has such groups of sequences.
int mr_train_source(const struct mr_train_shape *shape, const char *top, char *text, size_t size,
                    struct mr_error *error);

// What a number of the engine's parameters is, the words' numbers counted one behind the other.
enum mr_train_part {
    MR_TRAIN_OVER_X, // weight of a unit's gate and a column
    MR_TRAIN_OVER_H,
    MR_TRAIN_BIAS, // of a unit's sum
    MR_TRAIN_HEAD, // weight of an output and a column
    MR_TRAIN_HEAD_BIAS,
    MR_TRAIN_PADDING
};
struct mr_train_place {
    enum mr_train_part part;
    int layer, gate, unit, column; // gate: or sum; unit: or output
};
struct mr_train_place mr_train_place_of(const struct mr_train_shape *shape, size_t number);

// Words of LC parameters, in the order of engine.h, without those of the scales.
size_t mr_train_param_words(const struct mr_train_shape *shape);

// Words of the external memory of that name (memory_ports.h); 0: there is none. And ports of the
// card that all of them take, one for each beat of their words, so that a word comes each cycle.
uint32_t mr_train_external_words(const struct mr_train_shape *shape, const char *name);
unsigned mr_train_ports(const struct mr_train_shape *shape);

// Beats that a word of them takes (ports.h): 3 LC numbers of 32 bits, and zeros.
size_t mr_train_param_beats(const struct mr_train_shape *shape);

// x of a mini-batch as the engine takes it (ports.h), in elements of so many numbers of 16 bits:
// first those that tell the rule and the keys, then the columns, then the targets. A mini-batch to
// predict from has columns alone.
size_t mr_train_element_numbers(const struct mr_train_shape *shape);
size_t mr_train_elements(const struct mr_train_shape *shape, size_t steps, bool learns);
// Each writes its elements to `to` and gives the place behind them.
int16_t *mr_train_tell(const struct mr_train_shape *shape, const train_rule_t *rule,
                       const uint64_t keys[MR_ENGINE_LAYERS], int16_t *to);
// x: (steps, sequences, inputs); sequences: at most those of the engine, the others are 0.
int16_t *mr_train_columns(const struct mr_train_shape *shape, const int16_t *x, size_t sequences,
                          size_t steps, int16_t *to);
int16_t *mr_train_number(const struct mr_train_shape *shape, uint32_t number, int16_t *to);

// Cycles of a mini-batch of so many steps, learning or predicting, without those that the stages of
// its loops take to fill and drain (train_stages.h).
uint64_t mr_train_cycles(const struct mr_train_shape *shape, int steps, bool learn);

#endif
