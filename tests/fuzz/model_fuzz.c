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
    const int encoder = model.network.encoder;
    const size_t sources = encoder ? (size_t)model.network.streams[encoder].width : 0;
    int16_t *source = malloc((3 * sources + 1) * sizeof *source);
    const struct mr_encoded encoded = {.x = source, .steps = 3};
    for (size_t i = 0; x && i < 3 * inputs; i++)
        x[i] = i % 2 ? INT16_MAX : INT16_MIN;
    for (size_t i = 0; source && i < 3 * sources; i++)
        source[i] = i % 3 ? INT16_MIN : INT16_MAX;
    if (x && y && source)
        mr_integer_run_encoded(&model.network, encoder ? &encoded : NULL, x, 1, 3, y);
    free(source);
    free(x);
    free(y);
    mr_model_data_free(&model);
    return 0;
}
