// SPDX-License-Identifier: Apache-2.0
// How the tensors of a layer are named and laid out by the programs that make them.
#include "json_parts.h"

#include <stdio.h>

// Parts in the order of enum desc_part. Of forms of one kind the first that fits is taken.
const struct desc_form desc_forms[] = {
    // torch.nn.LSTM, GRU, RNN; LSTMCell and its like
    {.kind = DESC_CELL,
     .roles = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", NULL, "weight_hr"},
     .levels = true},
    {.kind = DESC_CELL, .roles = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}},
    {.kind = DESC_CELL, // Keras
     .roles = {"kernel", "recurrent_kernel", "bias"},
     .inputs_first = true,
     .split_bias = true,
     .letters = 1},
    {.kind = DESC_CELL, // ONNX
     .roles = {"W", "R", "B", NULL, "P"},
     .directed = true,
     .letters = 2},
    {.kind = DESC_DENSE, .roles = {"weight", NULL, "bias"}},
    {.kind = DESC_DENSE, .roles = {"kernel", NULL, "bias"}, .inputs_first = true},
    {.kind = DESC_EMBEDDING, .roles = {"weight"}},
    {.kind = DESC_EMBEDDING, .roles = {"embeddings"}},
    {.kind = DESC_LAYER_NORM, .roles = {"weight", NULL, "bias"}},
    {.kind = DESC_LAYER_NORM, .roles = {"gamma", NULL, "beta"}},
    {.kind = DESC_BATCH_NORM,
     .roles = {"weight", NULL, "bias", NULL, NULL, NULL, "running_mean", "running_var"}},
    {.kind = DESC_BATCH_NORM,
     .roles = {"gamma", NULL, "beta", NULL, NULL, NULL, "moving_mean", "moving_variance"}},
};
const size_t desc_form_count = sizeof desc_forms / sizeof *desc_forms;

void desc_tensor_name(const struct desc_node *node, enum desc_part part, bool backward, char *text,
                      size_t size) {
    const char separator[2] = {node->separator, 0};
    char level[24] = "";

    const bool apart = backward && node->backward;
    if (node->form->levels)
        snprintf(level, sizeof level, "_l%d%s", node->file_level,
                 backward && !apart ? "_reverse" : "");
    snprintf(text, size, "%s%s%s%s", apart ? node->backward : node->prefix, separator,
             node->form->roles[part], level);
}
