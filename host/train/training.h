// SPDX-License-Identifier: Apache-2.0
// A training in progress, as the library's own files see it: the loop over epochs and mini-batches,
// whatever the arithmetic.
#ifndef MR_TRAINING_H
#define MR_TRAINING_H

#include "train_data.h"
#include "trainer.h"

struct mr_training {
    struct mr_train_options options; // none is left to a default; texts are the training's own
    struct mr_network network;       // what it began with, then the weights of the best epoch
    struct mr_train_chain chain;
    const struct mr_trainer_kind *kind;
    void *trainer;
    struct mr_train_set data, apart; // apart: files to validate with
    uint32_t *train, *validate;      // places in `data`; in `apart` where that is there
    size_t train_count, validate_count;
    float *x, *y, *given; // a mini-batch, or of what is predicted a part; what the network gives
    size_t room;          // sequences of these
    struct mr_train_epoch *history; // [epochs]
    uint32_t epochs, since_best;
    double best; // loss
    bool fell_back;
    unsigned char *state; // of the trainer behind the last epoch, where one is done
    char *texts[10];      // copies of the options' texts
};

// Takes the network over, which is to be trained from the weights that it has. options: as given,
// of this library's size. NULL with a sentence.
struct mr_training *mr_training_create(struct mr_network *network,
                                       const struct mr_train_options *options,
                                       struct mr_error *error);
static inline const struct mr_train_set *mr_training_validation(const struct mr_training *own) {
    return own->apart.sequences ? &own->apart : &own->data;
}

// ---- train_checkpoint.c

// Makes the folder, and tries whether a file can be written there.
int mr_checkpoint_prepare(const struct mr_training *training, struct mr_error *error);
// Writes all that the next epoch depends on to last.checkpoint and, where the last epoch was the
// best, to best.checkpoint.
int mr_checkpoint_write(struct mr_training *training, struct mr_error *error);
// Goes on from last.checkpoint.
int mr_checkpoint_read(struct mr_training *training, struct mr_error *error);

#endif
