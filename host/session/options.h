// SPDX-License-Identifier: Apache-2.0
// Options of the library's calls, by their size: what a caller gave, with zeros for what it does
// not know yet.
#ifndef MR_OPTIONS_H
#define MR_OPTIONS_H

#include "millrace.h"

// `from` may be NULL, which is all zero. 0, or MR_ERROR_ARGUMENT with a sentence in error.
int mr_options_take(const struct mr_options *from, struct mr_options *to, struct mr_error *error);
int mr_model_options_take(const struct mr_model_options *from, struct mr_model_options *to,
                          struct mr_error *error);
int mr_import_options_take(const struct mr_import_options *from, struct mr_import_options *to,
                           struct mr_error *error);
int mr_train_options_take(const struct mr_train_options *from, struct mr_train_options *to,
                          struct mr_error *error);

#endif
