// SPDX-License-Identifier: Apache-2.0
// What the files of `millrace train` share.
#ifndef MR_CLI_TRAIN_H
#define MR_CLI_TRAIN_H

#include "cli.h"

// What the metric of a loss is called: "RMSE", "accuracy".
const char *cli_train_metric(enum mr_train_loss loss);

// Writes curves.csv and curves.html, of all epochs, into a folder. 0, or -1 with a sentence.
int cli_train_write_curves(const struct mr_training *training, enum mr_train_loss loss,
                           const char *title, const char *folder, char *error, size_t error_size);

#endif
