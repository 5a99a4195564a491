// SPDX-License-Identifier: Apache-2.0
// A run of the top that the user gives as an example: values of its scalars that go together.
#ifndef HLSC_SAMPLE_H
#define HLSC_SAMPLE_H

#include "ir.h"

struct sample {
    const char *text; // "n=3,mode=1"
    int64_t *port;    // by parameter of the top: a scalar, or words of an input; 0 where not given
    bool *given;
};

// Reads the texts. Fails for a name that the top does not have, and for what is no number.
struct sample *take_samples(struct compiler *cc, const struct network *net,
                            const char *const *texts, int count);

#endif
