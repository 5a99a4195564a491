// SPDX-License-Identifier: Apache-2.0
// A network in training in whole numbers: master weights, moments and scales, as docs/training.md
// defines them and a card holds them. The arithmetic of a unit and of a parameter is
// hls/kernels/train; what is here says which sums there are, and in which units numbers count.
#ifndef MR_INT_MODEL_H
#define MR_INT_MODEL_H

// Those of the kernels are for hlsc.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"

#include "train/number.h"
#include "train/update.h"
#include "trainer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MR_INT_SUMS = 4,
    // Weights' gradients are sums over so many steps of all sequences at most.
    MR_INT_MOST_STEPS = 65536,
    MR_INT_DRY_RUNS = 8
};

// Which sums of a unit take which row of weights. Backwards, delta s belongs to sum s.
struct mr_int_cell {
    int gates, sums;
    int x_row[MR_INT_SUMS], h_row[MR_INT_SUMS]; // gate of the rows over x and over h, or -1
    int second; // the sum whose columns of h are r h, which come behind the others, or -1
};

// Weights that share their units: the numbers of w are w 2^(unit - 20), gradients count
// 2^(from - delta_scale), of the head without the scale.
struct mr_int_tensor {
    size_t count;
    int32_t *w;      // Q20, 24 bits
    uint32_t *m, *v; // packed numbers
    int64_t *sum;    // gradients of a mini-batch
    int unit, from;
};

struct mr_int_layer {
    enum mr_train_cell kind;
    const struct mr_int_cell *cell;
    int inputs, units;
    int x_unit;      // columns of x count 2^(x_unit - 15)
    uint32_t factor; // Q16: by what those that dropout keeps are multiplied, behind a layer
    int32_t state_scale, delta_scale;
    uint32_t seen_state, seen_delta;
    struct mr_int_tensor x, h, bias; // (gates, units, inputs), (gates, units, units), (sums, units)
};

struct mr_int_model {
    struct mr_trainer_options options;
    struct mr_train_chain chain;
    int layer_count, outputs;
    bool per_step;
    struct mr_int_layer *layers;
    struct mr_int_tensor w, bias; // of the head: (outputs, units), (outputs)
    float *start;                 // the network's weights, until the units are known
    bool settled;                 // they are
    int y_unit;                   // outputs and targets count 2^(y_unit - 20)
    uint32_t keep;                // dropout: chance to be kept, of 65536; that many: all are
    uint64_t steps;
    double beta1, beta2;   // as they are taken
    double power1, power2; // of these, by the steps
};

// A mini-batch in whole numbers.
struct mr_int_batch {
    size_t sequences, steps;
    const int16_t *x;       // (steps, sequences, inputs)
    const int32_t *targets; // (rows, outputs), or of classes (rows)
    int32_t *outputs;       // (rows, outputs): before their activation
    bool learns;
    const uint64_t *keys; // of dropout, a key for each layer
};

// Rows that a head gives.
static inline size_t mr_int_rows(const struct mr_int_model *model, size_t sequences, size_t steps) {
    return model->per_step ? sequences * steps : sequences;
}

// NULL with a sentence.
struct mr_int_model *mr_int_open(const struct mr_network *network,
                                 const struct mr_trainer_options *options, struct mr_error *error);
void mr_int_close(struct mr_int_model *model);

// Chooses units for numbers of these magnitudes, and writes the weights in them. Before the first
// step it may be done again.
void mr_int_settle(struct mr_int_model *model, double x, double y);

// The update of a tensor, whose sums count 2^exponent.
struct mr_int_job {
    struct mr_int_tensor *tensor;
    train_rule_t rule;
    int32_t exponent;
};

// What an engine calculates: outputs, and where it learns, the sums of all tensors and what layers
// have seen. The same bits from all of them.
struct mr_int_engine {
    const char *name;
    bool (*works)(void); // on this processor
    // For sequences and steps of the options at most. NULL: no memory.
    void *(*open)(const struct mr_int_model *model);
    void (*run)(void *engine, struct mr_int_model *model, const struct mr_int_batch *batch);
    void (*update)(void *engine, const struct mr_int_job *jobs, int count);
    void (*close)(void *engine);
};
extern const struct mr_int_engine mr_int_scalar, mr_int_fast;

// Errors of a row by its outputs, Q20. target: of its outputs, or the class.
void mr_int_errors(const struct mr_int_model *model, const int32_t *outputs, const int32_t *target,
                   int32_t *errors);
// What the head gives for a row of outputs, as float.
void mr_int_values(const struct mr_int_model *model, const int32_t *outputs, float *y);

// Scales for the next mini-batch; true where one has changed.
bool mr_int_rescale(struct mr_int_model *model);
// The rule of the update after a mini-batch, which is counted: of the next one it is another.
train_rule_t mr_int_next_rule(struct mr_int_model *model, size_t sequences, size_t steps,
                              double rate);
// A rule that changes nothing.
train_rule_t mr_int_no_rule(const struct mr_int_model *model);
// The update of all weights by their sums, whose norm is clipped as the options say.
void mr_int_update(struct mr_int_model *model, const struct mr_int_engine *with, void *engine,
                   train_rule_t rule);

// The nearest number.
uint32_t mr_int_number(double x);

// Weights and biases that are the greatest or the least that there are.
size_t mr_int_at_the_end(const struct mr_int_model *model);

size_t mr_int_state_size(const struct mr_int_model *model);
void mr_int_read_state(const struct mr_int_model *model, void *bytes);
int mr_int_write_state(struct mr_int_model *model, const void *bytes, size_t size,
                       struct mr_error *error);
void mr_int_weights(const struct mr_int_model *model, struct mr_network *network);

#endif
