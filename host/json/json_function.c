// SPDX-License-Identifier: Apache-2.0
// The activations that a description may name, and their names in ONNX. Which of them a cell or a
// layer can have is what the ONNX import says.
#include "json_parts.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

static const struct desc_function_row rows[] = {
    {"linear", "Affine", false, false, 1, 0, true, false},
    {"sigmoid", "Sigmoid", false, false, 0, 0, true, false},
    {"tanh", "Tanh", false, false, 0, 0, true, false},
    {"relu", "Relu", false, false, 0, 0, true, false},
    {"hard_sigmoid", "HardSigmoid", true, true, 0.2, 0.5, true, false},
    {"leaky_relu", "LeakyRelu", true, false, 0.01, 0, true, false},
    {"thresholded_relu", "ThresholdedRelu", true, false, 1, 0, true, false},
    {"scaled_tanh", "ScaledTanh", true, true, 1, 1, true, false},
    {"softsign", "Softsign", false, false, 0, 0, true, false},
    {"softplus", "Softplus", false, false, 0, 0, true, false},
    {"elu", "Elu", true, false, 1, 0, true, false},
    {"silu", "Swish", false, false, 0, 0, true, false},
    {"gelu", "Gelu", false, false, 0, 0, true, false},
    {"gelu_tanh", "GeluTanh", false, false, 0, 0, true, false},
    {"hard_swish", "HardSwish", false, false, 0, 0, true, false},
    {"mish", "Mish", false, false, 0, 0, true, false},
    {"log_sigmoid", "LogSigmoid", false, false, 0, 0, false, false},
    {"prelu", "LeakyRelu", true, false, 0.25, 0, false, false},
    {"selu", "Selu", false, false, 0, 0, false, false},
    {"celu", "Celu", true, false, 1, 0, false, false},
    {"softmax", "Softmax", false, false, 0, 0, false, true},
    {"log_softmax", "LogSoftmax", false, false, 0, 0, false, true},
    {"argmax", "ArgMax", false, false, 0, 0, false, true},
};
enum { ROWS = sizeof rows / sizeof *rows };

int desc_get_function(const struct desc *net, const char *path, const json_t *object,
                      const char *key, enum desc_use use, struct desc_function *function) {
    static const char *const keys[] = {"name", "alpha", "beta", NULL};
    const json_t *value = json_object_get(object, key);
    const char *given = json_string_value(value), *names[ROWS];
    char place[DESC_PATH], text[400] = "";
    size_t count = 0;

    if (!value)
        return 0;
    desc_place(place, path, key);
    if (json_is_object(value) && (desc_check_keys(net, place, value, keys) != 0 ||
                                  desc_get_text(net, place, value, "name", &given) != 0))
        return -1;
    if (!given)
        return desc_fail(net, place, "is no name of an activation, nor an object with its name");
    for (size_t i = 0; i < ROWS; i++) {
        if ((use == DESC_IN_CELL && !rows[i].in_cells) || (use != DESC_AT_END && rows[i].ends))
            continue;
        names[count++] = rows[i].name;
        if (strcmp(given, rows[i].name) != 0)
            continue;
        *function = (struct desc_function){&rows[i], rows[i].alpha, rows[i].beta};
        if ((!rows[i].has_alpha && json_object_get(value, "alpha")) ||
            (!rows[i].has_beta && json_object_get(value, "beta")))
            return desc_fail(net, place, "has a number that '%s' does not have", given);
        return desc_get_real(net, place, value, "alpha", -FLT_MAX, FLT_MAX, &function->alpha) !=
                           0 ||
                       desc_get_real(net, place, value, "beta", -FLT_MAX, FLT_MAX,
                                     &function->beta) != 0
                   ? -1
                   : 0;
    }
    desc_suggest(text, sizeof text, given, names, count);
    return desc_fail(net, place, "is '%.40s', which is no activation that it may have%s", given,
                     text);
}
