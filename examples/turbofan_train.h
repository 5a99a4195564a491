// SPDX-License-Identifier: Apache-2.0
// The parts of the demonstrations that train (turbofan/train.sh, study.sh). Each returns the exit
// code.
#ifndef MR_TURBOFAN_TRAIN_H
#define MR_TURBOFAN_TRAIN_H

#include <stddef.h>

// Writes x, life (1 is 125 flights) and fails (1: within 30 flights) to train with, to validate
// with, and of engines to test. Of NASA's training set the last fifth, which is other engines, is
// to validate with.
int turbofan_train_data(const char *scale_path, const char *folder, const char *cmapss);

// What a model says of the engines to test, in float and in whole numbers on cpu:, against the
// truth; what: "life", the root of the mean squared error in flights, or "fails", how many are
// right.
struct turbofan_score {
    size_t engines;
    double of_float, of_integers;
};
int turbofan_train_score(const char *model_path, const char *folder, const char *what,
                         struct turbofan_score *score);
// Prints that.
int turbofan_train_test(const char *model_path, const char *folder, const char *what);

// Writes `folder`/turbofan.html of what turbofan/study.sh trained there: throughput, what the
// networks know, and their curves. data: what they were trained with, for people.
int turbofan_train_page(const char *folder, const char *data);

#endif
