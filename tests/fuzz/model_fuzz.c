// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of .millrace files; an accepted model is run for three steps.
#include "fuzz.h"
#include "model.h"
#include "walk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mr_model_data model;
    char error[256];

    if (mr_model_data_parse(data, size, "fuzz", &model, error, sizeof error) != 0)
        return 0;
    size_t inputs = (size_t)model.network.streams[0].width;
    int16_t *x = malloc(3 * inputs * sizeof *x);
    int32_t *y = malloc(mr_network_numbers(&model.network, 3) * sizeof *y);
    for (size_t i = 0; x && i < 3 * inputs; i++)
        x[i] = i % 2 ? INT16_MAX : INT16_MIN;
    if (x && y)
        mr_integer_run(&model.network, x, 1, 3, y);
    free(x);
    free(y);
    mr_model_data_free(&model);
    return 0;
}
