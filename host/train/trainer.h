// SPDX-License-Identifier: Apache-2.0
// What trains a network: a struct of functions for each arithmetic and kind of device, as an
// operator has one in host/nn/op.h. trainers.def lists them; nobody else asks which one it is.
//
// Everything that a trainer does follows from the network, its options and the mini-batches: the
// same ones give the same bits, on every processor of one kind and with any number of threads.
#ifndef MR_TRAINER_H
#define MR_TRAINER_H

#include "graph.h"
#include "millrace.h"
#include "train_chain.h"

#include <stddef.h>
#include <stdint.h>

// What a trainer is told of a training. All are given; none stands for a default.
struct mr_trainer_options {
    enum mr_train_loss loss;
    enum mr_train_optimiser optimiser;
    double momentum;              // of SGD
    double beta1, beta2, epsilon; // of Adam
    double clip;                  // the norm of the gradient of all weights at most; 0: any
    double l2;                    // so much of each weight is added to its gradient, once clipped
    double dropout;         // share of what a layer gives the next one that is 0; 0 to below 1
    uint64_t seed;          // of what the trainer draws, as dropout
    size_t batch, steps;    // sequences of a mini-batch, and steps of a sequence, at most
    const char *device;     // "cpu:", "sim:", "hls:", "xrt:0"
    const char *bitstreams; // of xrt: where images are, or NULL
    bool build_image;       // of xrt: one of an emulated card where there is none
    const char *target;     // that card, or NULL: the usual one
    int multipliers;        // in the lanes of a training engine at most; 0: as many as usual
    size_t threads; // of this processor; 0: as many as there are. Their number changes no bit
    void (*note)(void *context, const char *text); // told what the user should know; NULL: nobody
    void *context;
};

// Of the mini-batches that a device learned: cycles that it counted, and those that were planned.
struct mr_train_cycles {
    uint64_t counted, planned;
    double busy; // of those counted that the lanes' multiplications would take with all lanes busy
};

// Losses of mini-batches, in their order, as they are known.
struct mr_train_losses {
    double *of;
    size_t count;
};

struct mr_trainer_kind {
    const char *name;   // of the arithmetic: "float32", "int"
    const char *device; // the scheme of its devices: "cpu:"

    // network: one that mr_train_chain_of takes, whose float weights it starts from. It is not
    // needed afterwards. NULL with a sentence.
    void *(*open)(const struct mr_network *network, const struct mr_trainer_options *options,
                  struct mr_error *error);
    // One mini-batch. Its loss is added to those that there are, or where mini-batches go in while
    // others are calculated, that of one before, or several, or none.
    //   x: (sequences, steps, inputs)
    //   y: a row of mr_train_targets numbers for each sequence, or for each of its steps where the
    //   head gives a row per step; of MR_TRAIN_CE the number of the class
    //   rate: of this step; loss: mean over the numbers (classes: over the rows) of the batch
    // MR_ERROR_INPUT with the number of the step, from 1, where loss or weights are not finite any
    // more; the weights are of no use then.
    int (*step)(void *trainer, const float *x, const float *y, size_t sequences, size_t steps,
                double rate, struct mr_train_losses *losses, struct mr_error *error);
    // Adds the losses that are still to come; called behind mini-batches before anything else.
    // NULL: none ever is.
    int (*flush)(void *trainer, struct mr_train_losses *losses, struct mr_error *error);
    // y: (sequences, outputs), or (sequences, steps, outputs): what the network gives, behind its
    // last activation. Without dropout.
    int (*predict)(void *trainer, const float *x, size_t sequences, size_t steps, float *y,
                   struct mr_error *error);
    // Called behind the mini-batches and predictions of an epoch, before state and weights are
    // read: a device's numbers come home, and what the user should know is told. NULL: there is
    // nothing to do.
    int (*finish)(void *trainer, struct mr_error *error);
    // Since it was opened. NULL: it counts none.
    struct mr_train_cycles (*cycles)(const void *trainer);
    // Everything that the next step depends on, as bytes: a trainer that was opened alike and gets
    // them gives the bits of the one that they are from.
    size_t (*state_size)(const void *trainer);
    void (*read_state)(const void *trainer, void *bytes);
    int (*write_state)(void *trainer, const void *bytes, size_t size, struct mr_error *error);
    // Its weights as float, into a network of the same operators.
    void (*weights)(const void *trainer, struct mr_network *network);
    void (*close)(void *trainer); // NULL is legal
};

#define TRAINER(symbol) extern const struct mr_trainer_kind symbol;
#include "trainers.def"
#undef TRAINER

// All kinds, by their place in trainers.def; NULL at the end.
const struct mr_trainer_kind *mr_trainer_kind_at(size_t index);
// The kind of an arithmetic for a device's URI; NULL with a sentence that tells what there is.
const struct mr_trainer_kind *mr_trainer_kind_find(const char *arithmetic, const char *device,
                                                   struct mr_error *error);

#endif
