// SPDX-License-Identifier: Apache-2.0
// ONNX files that find the lengths of their sequences from x, and such that turn sequences round
// within their lengths, in the ways in which exporters write them: what they become, compared with
// what the file's operators compute, or the sentence.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

enum {
    INT32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
    INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
    FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
    BOOL = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL
};

static void cast(struct file *f, const char *from, const char *to, int type) {
    node(f, "Cast", from, to);
    with_int(f, "to", type);
}

static void reduce(struct file *f, const char *type, const char *from, const char *to, int64_t axis,
                   bool keep) {
    node(f, type, from, to);
    with_ints(f, "axes", 1, axis, 0, 0);
    with_int(f, "keepdims", keep);
}

static void direction(struct file *f, const char *word) {
    Onnx__AttributeProto *a = attribute(f, "direction");

    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(word), (uint8_t *)(uintptr_t)word};
}

// [N, T, F], a constant "v" to compare with.
static void begin_mask(struct file *f, float v) {
    begin(f, 0, 0);
    number_tensor(f, "v", 1, 0, 0, v, 0);
    number_tensor(f, "nought", 1, 0, 0, 0, 0);
}

// The layer behind a mask whose lengths are "l", with its last state.
static void end_mask(struct file *f, const char *x) {
    char inputs[32];

    node(f, "Transpose", x, "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    snprintf(inputs, sizeof inputs, "%s W R B l", "xt");
    lstm(f, inputs, "Y hn");
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    gemm(f, "h", "y");
}

// Keras' Masking: x * any(x != v), and the lengths from the same answers.
static void keras_masking(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", FLOAT);
    reduce(f, "ReduceSum", "number", "sum", -1, true);
    node(f, "Greater", "sum nought", "any");
    cast(f, "any", "factor", FLOAT);
    node(f, "Mul", "x factor", "blank");
    node(f, "Squeeze", "any", "mask");
    with_ints(f, "axes", 1, 2, 0, 0);
    cast(f, "mask", "m32", INT32);
    reduce(f, "ReduceSum", "m32", "l", -1, false);
    end_mask(f, "blank");
}

// In both directions, and every step of them; in newer files ReduceMax takes what is bool.
static void both_directions(struct file *f) {
    begin_mask(f, 0.5f);
    tensor(f, "W2", 3, 2, 4 * H, F);
    tensor(f, "R2", 3, 2, 4 * H, H);
    node(f, "Equal", "v x", "same");
    node(f, "Not", "same", "differs");
    reduce(f, "ReduceMax", "differs", "any", 2, false);
    cast(f, "any", "number", INT32);
    reduce(f, "ReduceSum", "number", "l", 1, false);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W2 R2 - l", "Y hn");
    direction(f, "bidirectional");
    f->outs[0]->name = "Y";
    add_output(f, "hn");
}

// ~(x == v).all(-1)
static void all_are_the_same(struct file *f) {
    begin_mask(f, 2);
    node(f, "Equal", "x v", "same");
    cast(f, "same", "number", INT32);
    reduce(f, "ReduceMin", "number", "all", -1, false);
    cast(f, "all", "truth", BOOL);
    node(f, "Not", "truth", "mask");
    cast(f, "mask", "m", INT64);
    reduce(f, "ReduceSum", "m", "l64", 1, false);
    cast(f, "l64", "l", INT32);
    end_mask(f, "x");
}

// sign(max(abs(x))), as it was written before there was a mask.
static void the_sign_of_the_greatest(struct file *f) {
    begin_mask(f, 0);
    node(f, "Abs", "x", "magnitude");
    reduce(f, "ReduceMax", "magnitude", "greatest", 2, false);
    node(f, "Sign", "greatest", "used");
    reduce(f, "ReduceSum", "used", "real", 1, false);
    cast(f, "real", "l", INT32);
    end_mask(f, "x");
}

// Steps with a number that is at most v, and the others blanked by a Where.
static void steps_within(struct file *f) {
    begin_mask(f, 3);
    number_tensor(f, "single", 1, 0, 0, 1, 0);
    node(f, "LessOrEqual", "x v", "within");
    cast(f, "within", "number", FLOAT);
    reduce(f, "ReduceMax", "number", "any", 2, true);
    node(f, "Sub", "single any", "masked");
    node(f, "Equal", "masked nought", "mask");
    node(f, "Where", "mask x nought", "blank");
    node(f, "Squeeze", "any", "flat");
    with_ints(f, "axes", 1, 2, 0, 0);
    reduce(f, "ReduceSum", "flat", "real", 1, false);
    cast(f, "real", "l", INT32);
    end_mask(f, "blank");
}

// mask_zero of an embedding: tokens [N, T].
static void tokens_of(struct file *f, int type, bool above) {
    begin(f, 0, 0);
    f->shape.n_dim = 2;
    f->dim[1].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    f->dim[1].dim_param = "t";
    f->type_tensor.elem_type = type;
    number_tensor(f, "table", 2, F, 0, -0.5f, 0.25f);
    if (type == FLOAT) {
        number_tensor(f, "v", 1, 0, 0, 0, 0);
        cast(f, "x", "ids", INT32);
    } else {
        list_tensor(f, "v", 1, 0, 0, 0);
        node(f, "Identity", "x", "ids");
    }
    if (above) {
        node(f, "Greater", "x v", "mask");
    } else {
        node(f, "Equal", "x v", "same");
        node(f, "Not", "same", "mask");
    }
    cast(f, "mask", "m", INT32);
    reduce(f, "ReduceSum", "m", "l", -1, false);
    node(f, "Gather", "table ids", "rows");
    end_mask(f, "rows");
}

static void tokens(struct file *f) {
    tokens_of(f, INT64, false);
}

static void tokens_above(struct file *f) {
    tokens_of(f, INT64, true);
}

static void tokens_of_float(struct file *f) {
    tokens_of(f, FLOAT, false);
}

// What a layer gives behind the end is zero already.
static void blanked_outputs(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", FLOAT);
    reduce(f, "ReduceMax", "number", "any", 2, true);
    cast(f, "any", "m32", INT32);
    node(f, "Squeeze", "m32", "mask");
    with_ints(f, "axes", 1, 2, 0, 0);
    reduce(f, "ReduceSum", "mask", "l", 1, false);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B l", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Transpose", "s", "st");
    with_ints(f, "perm", 3, 1, 0, 2);
    node(f, "Mul", "any st", "blank");
    node(f, "MatMul", "blank M", "y");
}

// ---- Turned round

// tf2onnx: a second layer on the sequence turned round as a whole, and its steps turned back.
static void reversed_by_its_size(struct file *f) {
    begin(f, 0, 0);
    index_tensor(f, "nought", 0, 0);
    tensor(f, "W2", 3, 1, 4 * H, F);
    node(f, "Shape", "x", "shape");
    node(f, "Gather", "shape nought", "steps");
    node(f, "Gather", "shape one", "n");
    node(f, "Expand", "steps n", "l");
    node(f, "ReverseSequence", "x l", "turned");
    lstm(f, "x W R B", "Y");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "turned W2 R B", "Z");
    node(f, "Squeeze", "Z one", "sz");
    node(f, "ReverseSequence", "sz l", "back");
    with_int(f, "time_axis", 0);
    with_int(f, "batch_axis", 1);
    node(f, "Concat", "s back", "y");
    with_int(f, "axis", 2);
}

// Of a known length, as a constant for each sequence; the batch first.
static void reversed_by_constants(struct file *f) {
    begin(f, 3, 5);
    list_tensor(f, "l", 3, 5, 5, 5);
    node(f, "ReverseSequence", "x l", "turned");
    with_int(f, "time_axis", 1);
    with_int(f, "batch_axis", 0);
    node(f, "Transpose", "turned", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

// Within the lengths that a mask gives: the layer too.
static void reversed_within_a_mask(struct file *f) {
    begin_mask(f, -1);
    tensor(f, "W2", 3, 1, 4 * H, F);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", INT32);
    reduce(f, "ReduceMax", "number", "any", 2, false);
    reduce(f, "ReduceSum", "any", "l", 0, false);
    node(f, "ReverseSequence", "x l", "turned");
    lstm(f, "x W R B l", "Y");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "turned W2 R B l", "Z zn");
    node(f, "Squeeze", "Z one", "sz");
    node(f, "ReverseSequence", "sz l", "back");
    node(f, "Concat", "s back", "y");
    with_int(f, "axis", 2);
    add_output(f, "zn");
}

// The rows behind the end stay where they are.
static void reversed_head(struct file *f) {
    begin(f, 0, 3);
    list_tensor(f, "l", 3, 3, 1, 6);
    lstm(f, "x W R B l", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "MatMul", "s M", "m");
    node(f, "Add", "m c", "a");
    node(f, "ReverseSequence", "a l", "y");
}

static void simple_mask(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", INT32);
    reduce(f, "ReduceMax", "number", "any", 2, false);
    reduce(f, "ReduceSum", "any", "l", 1, false);
}

// ---- What is taken of each sequence's own steps

// [N, T, F]: "l" [N] and "st" [N, T, H] of a layer with these lengths, "wide" [N, T, 1].
static void own_steps(struct file *f) {
    simple_mask(f);
    list_tensor(f, "two", 1, 2, 0, 0);
    node(f, "Unsqueeze", "any two", "wide");
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B l", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Transpose", "s", "st");
    with_ints(f, "perm", 3, 1, 0, 2);
}

// y.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, H)).squeeze(1)
static void the_last_by_its_number(struct file *f) {
    own_steps(f);
    index_tensor(f, "single", 0, 1);
    list_tensor(f, "column", 3, -1, 1, 1);
    list_tensor(f, "each", 3, 1, 1, H);
    cast(f, "l", "l64", INT64);
    node(f, "Sub", "l64 single", "at");
    node(f, "Reshape", "at column", "at3");
    node(f, "Expand", "at3 each", "places");
    node(f, "GatherElements", "st places", "g");
    with_int(f, "axis", 1);
    node(f, "Squeeze", "g one", "h");
    gemm(f, "h", "y");
}

// y[arange(N), lengths - 1]
static void the_last_among_all(struct file *f) {
    own_steps(f);
    index_tensor(f, "single", 0, 1);
    index_tensor(f, "nought0", 0, 0);
    cast(f, "l", "l64", INT64);
    node(f, "Sub", "l64 single", "at");
    node(f, "Shape", "st", "shape");
    node(f, "Gather", "shape nought0", "n");
    node(f, "Gather", "shape single", "t");
    node(f, "Range", "nought0 n single", "numbers");
    node(f, "Mul", "numbers t", "begins");
    node(f, "Add", "at begins", "places");
    node(f, "Flatten", "st", "flat");
    with_int(f, "axis", 2);
    node(f, "Gather", "flat places", "h");
    with_int(f, "axis", 0);
    gemm(f, "h", "y");
}

static void the_mean_by_lengths(struct file *f) {
    own_steps(f);
    number_tensor(f, "tiny", 1, 0, 0, 1e-9f, 0)->n_dims = 0;
    reduce(f, "ReduceSum", "st", "sum", 1, false);
    cast(f, "l", "real", FLOAT);
    node(f, "Unsqueeze", "real one", "column");
    node(f, "Clip", "column tiny", "count");
    node(f, "Div", "sum count", "h");
    gemm(f, "h", "y");
}

// Behind a layer whose padding is not zero.
static void the_mean_by_a_mask(struct file *f) {
    own_steps(f);
    node(f, "MatMul", "st M", "m");
    node(f, "Add", "m c", "z");
    cast(f, "wide", "factor", FLOAT);
    node(f, "Mul", "z factor", "blank");
    reduce(f, "ReduceSum", "blank", "sum", 1, false);
    reduce(f, "ReduceSum", "factor", "count", 1, false);
    node(f, "Div", "sum count", "y");
}

static void the_greatest_by_a_mask(struct file *f) {
    own_steps(f);
    number_tensor(f, "least", 1, 0, 0, -1e9f, 0);
    node(f, "MatMul", "st M", "m");
    node(f, "Add", "m c", "z");
    cast(f, "wide", "truth", BOOL);
    node(f, "Not", "truth", "masked");
    node(f, "Where", "masked least z", "blank");
    reduce(f, "ReduceMax", "blank", "y", 1, false);
}

static const struct {
    struct file_case file;
    struct mr_mask mask;
} good[] = {
    {{the_last_by_its_number, "lstm<0 last<1 dense<2; y=3"}, {.given = true, .than = -1}},
    {{the_last_among_all, "lstm<0 last<1 dense<2; y=3"}, {.given = true, .than = -1}},
    {{the_mean_by_lengths, "lstm<0 mean<1 dense<2; y=3"}, {.given = true, .than = -1}},
    {{the_mean_by_a_mask, "lstm<0 dense<1 mean<2; y=3"}, {.given = true, .than = -1}},
    {{the_greatest_by_a_mask, "lstm<0 dense<1 max<2; y=3"}, {.given = true, .than = -1}},
    {{keras_masking, "lstm<0 last<1 dense<2; y=3"}, {.given = true, .than = -1}},
    {{both_directions, "lstm<0 reverse<0 lstm<2 reverse<3 concat<1; Y=5"},
     {.given = true, .than = 0.5}},
    {{all_are_the_same, "lstm<0 last<1 dense<2; y=3"}, {.given = true, .than = 2}},
    {{the_sign_of_the_greatest, "lstm<0 last<1 dense<2; y=3"}, {.given = true, .than = 0}},
    {{steps_within, "lstm<0 last<1 dense<2; y=3"},
     {.given = true, .relation = MR_BELOW, .than = 3.0000000000000004}},
    {{tokens, "embedding<0 lstm<1 last<2 dense<3; y=4"}, {.given = true, .than = 0, .whole = true}},
    {{tokens_above, "embedding<0 lstm<1 last<2 dense<3; y=4"},
     {.given = true, .relation = MR_ABOVE, .than = 0, .whole = true}},
    {{tokens_of_float, "embedding<0 lstm<1 last<2 dense<3; y=4"}, {.given = true, .than = 0}},
    {{blanked_outputs, "lstm<0 dense<1; y=2"}, {.given = true, .than = -1}},
    {{reversed_by_its_size, "reverse<0 lstm<0 lstm<1 reverse<3 concat<2; y=5"}, {0}},
    {{reversed_by_constants, "reverse<0 lstm<1 last<2 dense<3; y=4"}, {0}},
    {{reversed_within_a_mask, "reverse<0 lstm<0 lstm<1 reverse<3 concat<2 last<3; y=5 zn=6"},
     {.given = true, .than = -1}},
    {{reversed_head, "lstm<0 dense<1 reverse<2; y=3"}, {0}},
};

START_TEST(lengths_are_found) {
    const struct mr_mask *mask = &good[_i].mask;
    struct mr_network n;

    expect_network(&good[_i].file, &n);
    ck_assert_int_eq(n.mask.given, mask->given);
    ck_assert_int_eq(n.mask.relation, mask->relation);
    ck_assert_double_eq(n.mask.than, mask->than);
    ck_assert_int_eq(n.mask.whole, mask->whole);
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

static void lengths_of_features(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", INT32);
    reduce(f, "ReduceSum", "number", "sums", 2, false);
    reduce(f, "ReduceSum", "sums", "l", 1, false);
    end_mask(f, "x");
}

static void masked_steps_are_counted(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    cast(f, "same", "number", INT32);
    reduce(f, "ReduceMin", "number", "all", 2, false);
    reduce(f, "ReduceSum", "all", "l", 1, false);
    end_mask(f, "x");
}

static void blanked_without_lengths(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", FLOAT);
    reduce(f, "ReduceMax", "number", "any", 2, true);
    node(f, "Mul", "x any", "blank");
    states(f, "blank");
    gemm(f, "h", "y");
}

static void a_mask_of_a_layer(struct file *f) {
    begin_mask(f, -1);
    states(f, "x");
    node(f, "Equal", "s v", "same");
    cast(f, "same", "y", INT32);
}

static void lengths_along_another_axis(struct file *f) {
    simple_mask(f); // x is [T, N, F] here
    lstm(f, "x W R B l", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
}

static void two_masks(struct file *f) {
    simple_mask(f);
    node(f, "Equal", "x nought", "same2");
    node(f, "Not", "same2", "differs2");
    cast(f, "differs2", "number2", INT32);
    reduce(f, "ReduceMax", "number2", "any2", 2, false);
    reduce(f, "ReduceSum", "any2", "l2", 1, false);
    tensor(f, "W2", 3, 1, 4 * H, H);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B l", "Y hn");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R B l2", "- y");
}

static void a_mask_and_constants(struct file *f) {
    simple_mask(f);
    list_tensor(f, "l2", 3, 2, 1, 2);
    tensor(f, "W2", 3, 1, 4 * H, H);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B l", "Y hn");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R B l2", "- y");
}

static void the_middle_of_a_mask(struct file *f) {
    simple_mask(f);
    node(f, "CumSum", "any one", "sum");
    reduce(f, "ReduceSum", "sum", "l3", 1, false);
    node(f, "Transpose", "x", "xt");
    with_ints(f, "perm", 3, 1, 0, 2);
    lstm(f, "xt W R B l3", "- y");
}

static void flipped_with_lengths(struct file *f) {
    begin_mask(f, -1);
    node(f, "Equal", "x v", "same");
    node(f, "Not", "same", "differs");
    cast(f, "differs", "number", INT32);
    reduce(f, "ReduceMax", "number", "any", 2, false);
    reduce(f, "ReduceSum", "any", "l", 0, false);
    index_tensor(f, "nought1", 1, 0);
    index_tensor(f, "begin", 1, INT64_MIN);
    node(f, "Slice", "x minus begin nought1 minus", "turned");
    lstm(f, "turned W R B l", "- y");
}

static void turned_by_other_lengths(struct file *f) {
    begin(f, 5, 3);
    list_tensor(f, "l", 3, 5, 2, 3);
    node(f, "ReverseSequence", "x l", "turned");
    states(f, "turned");
    gemm(f, "h", "y");
}

static void one_axis_for_both(struct file *f) {
    begin(f, 5, 3);
    list_tensor(f, "l", 3, 5, 5, 5);
    node(f, "ReverseSequence", "x l", "turned");
    with_int(f, "batch_axis", 0);
    states(f, "turned");
    gemm(f, "h", "y");
}

// Its padding is what the bias gives.
static void a_sum_with_padding(struct file *f) {
    own_steps(f);
    node(f, "MatMul", "st M", "m");
    node(f, "Add", "m c", "z");
    reduce(f, "ReduceSum", "z", "sum", 1, false);
    cast(f, "l", "real", FLOAT);
    node(f, "Unsqueeze", "real one", "column");
    node(f, "Div", "sum column", "y");
}

static void a_sum_alone(struct file *f) {
    own_steps(f);
    reduce(f, "ReduceSum", "st", "y", 1, false);
}

static void blanked_rows(struct file *f) {
    own_steps(f);
    number_tensor(f, "least", 1, 0, 0, -1e9f, 0);
    cast(f, "wide", "truth", BOOL);
    node(f, "Where", "truth st least", "blank");
    node(f, "MatMul", "blank M", "y");
}

static void the_last_but_one(struct file *f) {
    own_steps(f);
    list_tensor(f, "two3", 1, 2, 0, 0);
    node(f, "Sub", "l two3", "at");
    node(f, "GatherElements", "st at", "y");
}

static void lengths_as_numbers(struct file *f) {
    own_steps(f);
    cast(f, "l", "real", FLOAT);
    node(f, "Unsqueeze", "real one", "column");
    node(f, "Gather", "st zero", "h");
    with_int(f, "axis", 1);
    node(f, "Add", "h column", "y");
}

static const struct file_case bad[] = {
    {a_sum_with_padding,
     "node 'sum' (ReduceSum) adds the steps of sequences that have lengths, and"},
    {a_sum_alone, "the output 'y' is a sum of steps, or has steps that a mask has"},
    {blanked_rows, "node 'y' (MatMul) reads steps that a mask has changed behind the ends"},
    {the_last_but_one, "node 'at' (Sub) computes with the lengths of the sequences"},
    {lengths_as_numbers, "node 'y' (Add) computes with the lengths of the sequences"},
    {lengths_of_features, "node 'l' (ReduceSum) is applied to a mask of the steps in a way"},
    {masked_steps_are_counted, "node 'l' (ReduceSum) is applied to a mask of the steps in a way"},
    {blanked_without_lengths, "but no recurrent layer has sequence lengths from that mask"},
    {a_mask_of_a_layer, "node 'same' (Equal) compares what is not the input as it came"},
    {lengths_along_another_axis, "that are not the steps of each sequence that count"},
    {two_masks, "has sequence lengths of another mask than a layer before"},
    {a_mask_and_constants, "has sequence lengths that come from elsewhere"},
    {the_middle_of_a_mask, "node 'sum' has operator CumSum"},
    {flipped_with_lengths, "node 'turned' (Slice) turns round all steps of sequences that have"},
    {turned_by_other_lengths, "only some recurrent layers have sequence lengths"},
    {one_axis_for_both, "node 'turned' (ReverseSequence) has one axis for steps and sequences"},
};

START_TEST(masks_are_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_mask");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, lengths_are_found, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, masks_are_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
