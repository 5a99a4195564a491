// SPDX-License-Identifier: Apache-2.0
// State of the scale model, in a file of its own: the build cache must see what a model includes.
#ifndef SCALE_STATE_H
#define SCALE_STATE_H

#include <stdint.h>

static uint64_t runs;

#endif
