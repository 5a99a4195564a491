// SPDX-License-Identifier: Apache-2.0
// The table of operators that move, make or convert numbers, and the look-up in all tables.
#include "onnx_ops.h"

#include "onnx_eval.h"
#include "onnx_parts.h"

#include <stdio.h>
#include <string.h>

enum {
    ONNX_NESTED = ONNX_PARTS | ONNX_HEAVY | ONNX_SOURCE,
    ONNX_SEQUENCES = ONNX_CARRIES | ONNX_LISTS
};

static const struct onnx_operator shape_operators[] = {
    {"Abs", onnx_magnitude, NULL, onnx_eval_magnitude, 0},
    {"And", NULL, NULL, onnx_eval_logic, 0},
    {"Cast", onnx_cast, onnx_fold_cast, onnx_eval_cast, ONNX_MOVES},
    {"CastLike", NULL, NULL, onnx_eval_cast, ONNX_MOVES},
    {"Clip", onnx_clip, NULL, onnx_eval_clip, 0},
    {"Concat", onnx_concat, onnx_fold_concat, onnx_eval_concat, ONNX_CARRIES},
    {"Constant", NULL, NULL, onnx_eval_constant, ONNX_SOURCE},
    {"ConcatFromSequence", NULL, NULL, onnx_eval_sequence_concat, ONNX_SEQUENCES},
    {"ConstantOfShape", NULL, onnx_fold_constant_of_shape, onnx_eval_constant_of_shape, 0},
    {"Conv", onnx_conv, NULL, onnx_eval_conv, ONNX_HEAVY},
    {"DequantizeLinear", onnx_dequantise, NULL, onnx_eval_dequantize, ONNX_TAKES_QUANTISED},
    {"Div", onnx_arithmetic, onnx_fold_arithmetic, onnx_eval_arithmetic, ONNX_EITHER},
    {"Dropout", onnx_identity, NULL, onnx_eval_identity, 0},
    {"DynamicQuantizeLinear", onnx_dynamic_quantise, NULL, onnx_eval_dynamic_quantise, ONNX_PARTS},
    {"Einsum", onnx_einsum, NULL, onnx_eval_einsum, ONNX_EITHER | ONNX_HEAVY},
    {"Equal", onnx_compare_input, onnx_fold_equal, onnx_eval_compare, ONNX_EITHER},
    {"Erf", NULL, NULL, onnx_eval_function, 0},
    {"Exp", NULL, NULL, onnx_eval_function, 0},
    {"GeluTanh", onnx_read_function, NULL, onnx_eval_function, 0}, // of onnx_curves.c
    {"Log", NULL, NULL, onnx_eval_function, 0},
    {"LogSigmoid", onnx_read_function, NULL, onnx_eval_function, 0},
    {"Expand", onnx_repeat, onnx_fold_expand, onnx_eval_expand, ONNX_CARRIES},
    {"Flatten", onnx_flatten, NULL, onnx_eval_flatten, ONNX_MOVES},
    {"Gather", onnx_gather, onnx_fold_gather, onnx_eval_gather, ONNX_MOVES | ONNX_EITHER},
    {"GatherElements", NULL, NULL, onnx_eval_gather_elements, ONNX_EITHER},
    {"GlobalAveragePool", onnx_pool, NULL, onnx_eval_pool, 0},
    {"GlobalMaxPool", onnx_pool, NULL, onnx_eval_pool, 0},
    {"Greater", onnx_compare, NULL, onnx_eval_compare, ONNX_EITHER},
    {"GreaterOrEqual", onnx_compare, NULL, onnx_eval_compare, ONNX_EITHER},
    {"If", NULL, NULL, onnx_eval_if, ONNX_PARTS | ONNX_HEAVY},
    {"Identity", onnx_identity, onnx_fold_identity, onnx_eval_identity, ONNX_MOVES | ONNX_LISTS},
    {"Less", onnx_compare, NULL, onnx_eval_compare, ONNX_EITHER},
    {"LessOrEqual", onnx_compare, NULL, onnx_eval_compare, ONNX_EITHER},
    {"Loop", NULL, NULL, onnx_eval_loop, ONNX_NESTED | ONNX_LISTS},
    {"AveragePool", onnx_pool, NULL, onnx_eval_pool, 0},
    {"MaxPool", onnx_pool, NULL, onnx_eval_pool, 0},
    {"Max", onnx_pairs, NULL, onnx_eval_extreme, ONNX_EITHER},
    {"Min", onnx_pairs, NULL, onnx_eval_extreme, ONNX_EITHER},
    {"Mul", onnx_arithmetic, onnx_fold_arithmetic, onnx_eval_arithmetic, ONNX_EITHER},
    {"Neg", onnx_negative, NULL, onnx_eval_negate, 0},
    {"NonZero", NULL, onnx_fold_places, onnx_eval_places, 0},
    {"Not", NULL, NULL, onnx_eval_not, 0},
    {"Or", NULL, NULL, onnx_eval_logic, 0},
    {"Pow", onnx_power, NULL, onnx_eval_power, 0},
    {"QLinearMatMul", onnx_qlinear_matmul, NULL, onnx_eval_qlinear_matmul,
     ONNX_HEAVY | ONNX_TAKES_QUANTISED},
    {"QuantizeLinear", onnx_quantise, NULL, onnx_eval_quantise, 0},
    {"Range", NULL, onnx_fold_range, onnx_eval_range, 0},
    {"Reciprocal", onnx_power, NULL, onnx_eval_power, 0},
    {"ReduceMax", onnx_pool, NULL, onnx_eval_pool, 0},
    {"ReduceProd", NULL, onnx_fold_product, onnx_eval_pool, 0},
    {"ReduceMin", onnx_pool, NULL, onnx_eval_pool, 0},
    {"ReduceMean", onnx_pool, NULL, onnx_eval_pool, 0},
    {"ReduceSum", onnx_pool, NULL, onnx_eval_pool, 0},
    {"Reshape", onnx_reshape, onnx_fold_reshape, onnx_eval_reshape, ONNX_MOVES},
    {"ReverseSequence", onnx_reverse_sequence, NULL, onnx_eval_reverse_sequence,
     ONNX_RECURRENT | ONNX_CARRIES},
    {"Scan", NULL, NULL, onnx_eval_scan, ONNX_NESTED},
    {"Scatter", NULL, NULL, onnx_eval_scatter, 0},
    {"ScatterElements", NULL, NULL, onnx_eval_scatter, 0},
    {"SequenceAt", NULL, NULL, onnx_eval_sequence_at, ONNX_SEQUENCES},
    {"SequenceConstruct", NULL, NULL, onnx_eval_sequence, ONNX_CARRIES},
    {"SequenceEmpty", NULL, NULL, onnx_eval_sequence, ONNX_SOURCE},
    {"SequenceErase", NULL, NULL, onnx_eval_sequence_erase, ONNX_SEQUENCES},
    {"SequenceInsert", NULL, NULL, onnx_eval_sequence_insert, ONNX_SEQUENCES},
    {"SequenceLength", NULL, NULL, onnx_eval_sequence_length, ONNX_SEQUENCES},
    {"Shape", NULL, onnx_fold_shape, onnx_eval_shape, ONNX_CARRIES},
    {"Sign", onnx_magnitude, NULL, onnx_eval_magnitude, 0},
    {"Shrink", onnx_shrink, NULL, onnx_eval_shrink, 0},
    {"Slice", onnx_slice, onnx_fold_slice, onnx_eval_slice, ONNX_MOVES},
    {"Split", onnx_split, onnx_fold_split, onnx_eval_split, ONNX_PARTS | ONNX_CARRIES},
    {"SplitToSequence", NULL, NULL, onnx_eval_sequence_split, ONNX_CARRIES},
    {"Sqrt", onnx_power, NULL, onnx_eval_power, 0},
    {"Squeeze", onnx_squeeze, onnx_fold_squeeze, onnx_eval_squeeze, ONNX_MOVES},
    {"Sub", onnx_arithmetic, onnx_fold_arithmetic, onnx_eval_arithmetic, ONNX_EITHER},
    {"Sum", onnx_pairs, NULL, onnx_eval_sum, ONNX_EITHER},
    {"Tile", onnx_repeat, onnx_fold_tile, onnx_eval_tile, ONNX_CARRIES},
    {"TopK", NULL, NULL, onnx_eval_top, ONNX_PARTS},
    {"Transpose", onnx_transpose, NULL, onnx_eval_transpose, ONNX_MOVES},
    {"Unsqueeze", onnx_unsqueeze, onnx_fold_unsqueeze, onnx_eval_unsqueeze, ONNX_MOVES},
    {"Where", NULL, onnx_fold_where, onnx_eval_where, ONNX_CARRIES},
    {0},
};

static const struct onnx_operator *const families[] = {
    shape_operators,
    onnx_recurrent_operators,
    onnx_head_operators,
};

const struct onnx_operator *onnx_operator_find(const char *type) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        for (const struct onnx_operator *o = families[i]; o->type; o++) {
            if (strcmp(o->type, type) == 0)
                return o;
        }
    }
    return NULL;
}

const struct onnx_operator *onnx_runtime_find(const char *type) {
    // One of them is a cell as others.
    if (strcmp(type, "DynamicQuantizeLSTM") == 0)
        return onnx_operator_find(type);
    for (const struct onnx_operator *o = onnx_runtime_operators; o->type; o++)
        if (strcmp(o->type, type) == 0)
            return o;
    return NULL;
}

static void list(const struct onnx_operator *family, char *text, size_t size) {
    for (const struct onnx_operator *o = family; o->type; o++) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%s", o == family ? "" : ", ", o->type);
    }
}

void onnx_operator_list(char *text, size_t size) {
    char recurrent[160] = "", heads[400] = "";

    list(onnx_recurrent_operators, recurrent, sizeof recurrent);
    list(onnx_head_operators, heads, sizeof heads);
    snprintf(text, size, "recurrent layers (%s) and linear layers with what follows them (%s)",
             recurrent, heads);
}
