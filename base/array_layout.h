// SPDX-License-Identifier: Apache-2.0
// Arrays of sequences, by the order of their axes: letters N (sequences), T (steps) and F
// (features), slowest first. An axis that is not named has size 1.
#ifndef MR_ARRAY_LAYOUT_H
#define MR_ARRAY_LAYOUT_H

#include "npy.h"

#include <stdbool.h>

enum { MR_LAYOUT = 4 }; // letters, with the end

// Is it such an order: one to three of the letters, none twice?
bool mr_layout_is_valid(const char *layout);

// The place of a letter, or -1.
int mr_layout_place(const char *layout, char axis);

// "[N, T, F]". Gives text.
const char *mr_layout_text(const char *layout, char *text, size_t size);

// The order of the axes of an array that is meant for `layout` with so many features: that one, or
// what stands for it, [T, F] for one sequence and [N, T, F] where the layout lacks an axis. NULL
// where its shape is none of these.
const char *mr_array_layout(const struct mr_array *array, const char *layout, size_t features);

// Orders an array of that layout as [N, T, F]. -1 when memory is short.
int mr_array_arrange(struct mr_array *array, const char *layout);

#endif
