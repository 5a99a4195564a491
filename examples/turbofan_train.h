// SPDX-License-Identifier: Apache-2.0
// The parts of the demonstration that trains (turbofan/train.sh). Each returns the exit code.
#ifndef MR_TURBOFAN_TRAIN_H
#define MR_TURBOFAN_TRAIN_H

// Writes x, life (1 is 125 flights) and fails (1: within 30 flights) to train with, to validate
// with, and of engines to test. Of NASA's training set the last fifth, which is other engines, is
// to validate with.
int turbofan_train_data(const char *scale_path, const char *folder, const char *cmapss);

// What a model says of the engines to test, in whole numbers on cpu: and in float, against the
// truth; what: "life" or "fails".
int turbofan_train_test(const char *model_path, const char *folder, const char *what);

#endif
