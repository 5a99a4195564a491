// SPDX-License-Identifier: Apache-2.0
// What writing and reading of .millrace files share: the list of a model's tensors.
#ifndef MR_MODEL_ENTRIES_H
#define MR_MODEL_ENTRIES_H

#include "model.h"
#include "safetensors.h"

// One tensor of the file and where it lives in memory; the same list serves both directions. In
// memory numbers of the type MR_I8 are int16_t.
struct mr_entry_of_model {
    char name[2 * MR_NAME];
    enum mr_dtype dtype;
    int rank;
    size_t shape[2];
    void *data;
};

enum { MR_MODEL_ENTRIES = 9 * MR_MAX_OPS + 3 };

// Lists all tensors of a network whose sizes are set, at most MR_MODEL_ENTRIES, and returns how
// many there are.
size_t mr_model_entries(const struct mr_network *network, struct mr_entry_of_model *list);

// Numbers of a tensor, and the bytes that they take in memory.
size_t mr_entry_count(const struct mr_entry_of_model *entry);
size_t mr_entry_bytes(const struct mr_entry_of_model *entry);

// The words of a cast in the file, "int" before "bool"; NULL for none.
const char *mr_cast_words(struct mr_cast cast);

// By number, as in the file.
extern const char *const mr_activation_words[MR_ACTIVATIONS];
extern const char *const mr_place_words[MR_PLACES];

#endif
