// SPDX-License-Identifier: Apache-2.0
// The data of a training: files of x and y, checked number by number, and how they are dealt out.
#ifndef MR_TRAIN_DATA_H
#define MR_TRAIN_DATA_H

#include "npy.h"
#include "train_chain.h"

#include <stdint.h>

// Sequences and what they should give; some of an array, by their places in it.
struct mr_train_set {
    struct mr_array x, y; // (sequences, steps, inputs); a row of targets each, or for each step
    size_t sequences, steps;
    size_t x_numbers, y_numbers; // of a sequence
};

// Reads both files and checks them. MR_ERROR_FILE, or MR_ERROR_INPUT with file and place.
int mr_train_read(const char *x_path, const char *y_path, const struct mr_train_chain *chain,
                  enum mr_train_loss loss, void (*note)(void *context, const char *text),
                  void *context, struct mr_train_set *set, struct mr_error *error);
void mr_train_set_free(struct mr_train_set *set);

// Copies `count` sequences, by their places, one behind the other.
void mr_train_gather(const struct mr_train_set *set, const uint32_t *places, size_t count, float *x,
                     float *y);

// Puts a list in an order that is drawn (Fisher and Yates).
void mr_train_shuffle(uint32_t *list, size_t count, uint64_t seed);

// 64 bits that tell data from other data.
uint64_t mr_train_set_hash(const struct mr_train_set *set);

#endif
