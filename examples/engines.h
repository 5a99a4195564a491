// SPDX-License-Identifier: Apache-2.0
// Histories of jet engines as the turbofan network takes them: the last 50 flights of each, 25
// numbers a flight (flight number, 3 settings, 21 sensors), normalised as in training.
#ifndef MR_ENGINES_H
#define MR_ENGINES_H

#include "npy.h"

#include <stdint.h>

enum { ENGINE_STEPS = 50, ENGINE_FEATURES = 25 };

// Remaining life is counted in flights and capped: a young engine shows no wear.
#define ENGINE_LIFE_CAP 125.0

struct engine_scale {
    double min[ENGINE_FEATURES], range[ENGINE_FEATURES];
};

struct engines {
    struct mr_array x;    // (engines, ENGINE_STEPS, ENGINE_FEATURES)
    struct mr_array life; // (engines): true remaining life, capped
};

// All return 0, or -1 with a sentence in error. Free engines with engines_free, also after a
// failure.
int engine_scale_read(const char *path, struct engine_scale *scale, char *error, size_t error_size);

// Made-up engines whose sensors drift with wear as those of NASA's FD001 do on average. The same
// seed gives the same bits on every machine.
int engines_make(struct engines *engines, size_t count, uint64_t seed,
                 const struct engine_scale *scale, char *error, size_t error_size);

// The end of every engine of NASA's test set: test_FD001.txt and RUL_FD001.txt in the folder.
int engines_read_test(struct engines *engines, const char *folder, const struct engine_scale *scale,
                      char *error, size_t error_size);

// `count` windows spread over NASA's training set, train_FD001.txt in the folder.
int engines_read_train(struct engines *engines, size_t count, const char *folder,
                       const struct engine_scale *scale, char *error, size_t error_size);

void engines_free(struct engines *engines);

#endif
