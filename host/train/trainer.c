// SPDX-License-Identifier: Apache-2.0
// The table of trainers (trainer.h).
#include "trainer.h"

#include "failure.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const struct mr_trainer_kind *const kinds[] = {
#define TRAINER(symbol) &symbol,
#include "trainers.def"
#undef TRAINER
    NULL,
};

const struct mr_trainer_kind *mr_trainer_kind_at(size_t index) {
    return index < sizeof kinds / sizeof *kinds ? kinds[index] : NULL;
}

const struct mr_trainer_kind *mr_trainer_kind_find(const char *arithmetic, const char *device,
                                                   struct mr_error *error) {
    struct mr_text known = {0};

    for (size_t i = 0; kinds[i]; i++) {
        if (strcmp(kinds[i]->name, arithmetic) == 0 &&
            strncmp(device, kinds[i]->device, strlen(kinds[i]->device)) == 0) {
            free(known.data);
            return kinds[i];
        }
        mr_text_add(&known, "%s%s on %s", i ? ", " : "", kinds[i]->name, kinds[i]->device);
    }
    mr_failure(error, MR_ERROR_ARGUMENT, "nothing trains in %s on %s; there is %s", arithmetic,
               device, known.data ? known.data : "nothing");
    free(known.data);
    return NULL;
}
