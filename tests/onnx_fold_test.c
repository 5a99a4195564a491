// SPDX-License-Identifier: Apache-2.0
// Constant expressions in ONNX files: their numbers, states made from the size of the input, casts
// on the way of the data, and that a network that is not what the graph computes is found.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

#include <math.h>

enum {
    FLOAT = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
    INT8 = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
    INT32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32,
    INT64 = ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
    BOOL = ONNX__TENSOR_PROTO__DATA_TYPE__BOOL,
    FLOAT16 = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
    DOUBLE = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE,
    BFLOAT16 = ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16,
};

static void cast(struct file *f, const char *from, const char *to, int type) {
    node(f, "Cast", from, to);
    with_int(f, "to", type);
}

// Numbers 0 and 1 of c are 400/64 and 401/64; W (1, 8, 3) counts in 64ths.
static const double c0 = 400 / 64.0, c1 = 401 / 64.0;

// ---- The bias of the head is an expression: what does it give?

static void slice_of_a_matrix(struct file *f) {
    list_tensor(f, "s3", 1, 3, 0, 0);
    list_tensor(f, "s5", 1, 5, 0, 0);
    index_tensor(f, "k1", 0, 1);
    index_tensor(f, "k0", 1, 0);
    node(f, "Slice", "W s3 s5 one", "w1");
    node(f, "Gather", "w1 k1", "w2");
    with_int(f, "axis", -1);
    node(f, "Squeeze", "w2 k0", "bias");
}

static void slice_backwards(struct file *f) {
    list_tensor(f, "far", 1, INT64_MIN, 0, 0);
    list_tensor(f, "ax", 1, 0, 0, 0);
    node(f, "Slice", "c minus far ax minus", "bias");
}

static void slice_in_steps(struct file *f) {
    list_tensor(f, "ax", 1, 1, 0, 0);
    list_tensor(f, "step", 1, 4, 0, 0);
    list_tensor(f, "from", 1, -100, 0, 0);
    index_tensor(f, "k0", 0, 0);
    index_tensor(f, "k2", 0, 2);
    node(f, "Slice", "W from end ax step", "w1"); // rows 0 and 4
    node(f, "Gather", "w1 k0", "w2");
    with_int(f, "axis", 0);
    node(f, "Gather", "w2 k2", "bias");
    with_int(f, "axis", 1);
}

static void joined_pieces(struct file *f) {
    list_tensor(f, "s0", 1, 0, 0, 0);
    list_tensor(f, "s1", 1, 1, 0, 0);
    node(f, "Slice", "c s1 end", "tail");
    node(f, "Slice", "c s0 s1 s0", "front");
    node(f, "Concat", "tail front", "bias");
    with_int(f, "axis", 0);
}

static void expanded(struct file *f) {
    list_tensor(f, "shape", 1, 2, 0, 0);
    node(f, "Gather", "c zero", "first");
    node(f, "Expand", "first shape", "bias");
}

static void chosen(struct file *f) {
    list_tensor(f, "p", 2, 3, 4, 0);
    list_tensor(f, "q", 1, 4, 0, 0);
    node(f, "Equal", "p q", "which");
    node(f, "Add", "c c", "twice");
    node(f, "Where", "which c twice", "bias");
}

static void cut_to_whole(struct file *f) {
    cast(f, "c", "whole", INT64);
    cast(f, "whole", "bias", FLOAT);
}

static void counted(struct file *f) {
    index_tensor(f, "r0", 0, 5);
    index_tensor(f, "r1", 0, 0);
    index_tensor(f, "r2", 0, -3);
    node(f, "Range", "r0 r1 r2", "r"); // 5, 2
    cast(f, "r", "bias", FLOAT);
}

static void turned(struct file *f) {
    list_tensor(f, "shape", 2, 2, -1, 0);
    index_tensor(f, "k1", 0, 1);
    node(f, "Transpose", "M", "Mt"); // perm is the reverse
    node(f, "Flatten", "Mt", "flat");
    node(f, "Reshape", "flat shape", "back");
    node(f, "Gather", "back k1", "bias"); // the second column of M
}

static void filled(struct file *f) {
    static float value[1] = {3.5f};
    list_tensor(f, "shape", 1, 2, 0, 0);
    Onnx__TensorProto *t = tensor(f, "element", 1, 1, 1, 1);
    t->has_raw_data = 0;
    t->n_float_data = 1;
    t->float_data = value;
    node(f, "ConstantOfShape", "shape", "bias");
    with_tensor(f, "value", t);
}

static void dequantised(struct file *f) {
    static int32_t q[2] = {-128, 127}, z[1] = {-1};
    Onnx__TensorProto *a = tensor(f, "q", 1, 2, 1, 1), *b = tensor(f, "z", 1, 1, 1, 1);
    Onnx__TensorProto *list[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        list[i]->data_type = INT8;
        list[i]->has_raw_data = 0;
        list[i]->n_float_data = 0;
        list[i]->n_int32_data = i ? 1 : 2;
        list[i]->int32_data = i ? z : q;
    }
    node(f, "Gather", "c zero", "scale");
    node(f, "DequantizeLinear", "q scale z", "bias");
}

static void computed(struct file *f) {
    node(f, "Mul", "c c", "square");
    node(f, "Div", "c c", "unit");
    node(f, "Sub", "square unit", "bias");
}

static void rounded_to_half(struct file *f) {
    cast(f, "c", "half", FLOAT16);
    cast(f, "half", "bias", FLOAT);
}

static void rounded_to_bfloat(struct file *f) {
    cast(f, "c", "half", BFLOAT16);
    cast(f, "half", "bias", FLOAT);
}

static void part_of_a_shape(struct file *f) {
    node(f, "Shape", "W", "shape");
    with_int(f, "start", -2);
    with_int(f, "end", 3);
    cast(f, "shape", "bias", FLOAT);
}

static void gathered(struct file *f) {
    list_tensor(f, "order", 2, -1, 0, 0);
    node(f, "Identity", "c", "same");
    node(f, "Gather", "same order", "bias");
}

static void dropped(struct file *f) {
    node(f, "Dropout", "c", "d");
    node(f, "Unsqueeze", "d one", "u"); // (2, 1)
    node(f, "Squeeze", "u", "bias");
}

static void split(struct file *f) {
    list_tensor(f, "sizes", 2, 1, 1, 0);
    index_tensor(f, "k0", 1, 0);
    node(f, "Split", "M sizes", "- low"); // row 1 of M: numbers 2 and 3
    node(f, "Split", "low", "left right");
    with_int(f, "axis", -1);
    node(f, "Neg", "right", "minus_right");
    node(f, "Concat", "minus_right left", "both");
    with_int(f, "axis", 1);
    node(f, "Squeeze", "both k0", "bias");
}

static void cast_like(struct file *f) {
    list_tensor(f, "p", 2, 3, -4, 0);
    node(f, "Neg", "p", "q");
    node(f, "CastLike", "q c", "bias");
}

static void constant_node(struct file *f) {
    node(f, "Constant", "", "bias");
    Onnx__AttributeProto *a = attribute(f, "value_floats");
    static float list[2] = {-1, 8};
    a->n_floats = 2;
    a->floats = list;
}

static const struct {
    void (*make)(struct file *f);
    double first, second;
} expressions[] = {
    {slice_of_a_matrix, 10 / 64.0, 13 / 64.0},
    {slice_backwards, c1, c0},
    {slice_in_steps, 2 / 64.0, 14 / 64.0},
    {joined_pieces, c1, c0},
    {expanded, c0, c0},
    {chosen, 2 * c0, c1},
    {cut_to_whole, 6, 6},
    {counted, 5, 2},
    {turned, 301 / 64.0, 303 / 64.0},
    {filled, 3.5, 3.5},
    {dequantised, -127 * c0, 128 * c0},
    {computed, c0 *c0 - 1, c1 *c1 - 1},
    {rounded_to_half, c0, c1},
    {rounded_to_bfloat, c0, c0},
    {part_of_a_shape, 8, 3},
    {gathered, c1, c0},
    {dropped, c0, c1},
    {split, -303 / 64.0, 302 / 64.0},
    {cast_like, -3, 4},
    {constant_node, -1, 8},
};

START_TEST(constant_expressions_have_their_numbers) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    make_good(f, 4);
    expressions[_i].make(f);
    node(f, "Gemm", "h M bias", "y");
    with_int(f, "transB", 1);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_double_eq_tol(find_op(&n, "dense")->bias[0], expressions[_i].first, 1e-6);
    ck_assert_double_eq_tol(find_op(&n, "dense")->bias[1], expressions[_i].second, 1e-6);
    mr_network_free(&n);
    free(f);
}
END_TEST

// What a constant expression must not do: one sentence, no crash.
START_TEST(impossible_expressions_are_refused) {
    static const struct {
        const char *type, *inputs, *said;
    } bad[] = {
        {"Slice", "c s0", "of different lengths"},
        {"Slice", "c s0 end four1", "names axis 4"},
        {"Slice", "c s0 end s0 s0", "step of 0"},
        {"Gather", "c four", "takes element 4"},
        {"Gather", "c c", "no index of whole numbers"},
        {"Reshape", "c three", "does not fit"},
        {"Expand", "c three", "does not fit"},
        {"Concat", "c M", "do not fit"},
        {"Squeeze", "c s0", "not of size 1"},
        {"Unsqueeze", "c four1", "names axis 4"},
        {"Add", "c zero", "different types"},
        {"Add", "c W", "do not fit"},
        {"Div", "zero zero", "64 bits"},
        {"Split", "c three", "does not fit"},
        {"Cast", "c", "element type 0"},
        {"Shape", "", "no first input"},
        {"Constant", "", "no value"},
    };
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    make_good(f, 4);
    list_tensor(f, "s0", 1, 0, 0, 0);
    list_tensor(f, "three", 1, 3, 0, 0);
    list_tensor(f, "four1", 1, 4, 0, 0);
    node(f, bad[_i].type, bad[_i].inputs, "bias");
    node(f, "Gemm", "h M bias", "y");
    with_int(f, "transB", 1);
    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, bad[_i].said) && strstr(error, "node 'bias'"), "%s", error);
    free(f);
}
END_TEST

// ---- Weights and states

// Gates taken apart and joined again, as torch writes them from 2.9 on.
START_TEST(weights_may_be_put_together) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    list_tensor(f, "a", 1, 0, 0, 0);
    list_tensor(f, "b", 1, 3, 0, 0);
    list_tensor(f, "all", 1, 8, 0, 0);
    node(f, "Squeeze", "W", "w2");
    node(f, "Slice", "w2 a b a", "top");
    node(f, "Slice", "w2 b all a", "rest");
    node(f, "Concat", "top rest", "w");
    with_int(f, "axis", 0);
    node(f, "Unsqueeze", "w a", "W0");
    lstm(f, "x W0 R B", "- hn");
    node(f, "Gather", "hn zero", "h");
    gemm(f, "h", "y");
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    for (int k = 0; k < F; k++) // gate f is the third in ONNX
        ck_assert_float_eq(mr_network_layer(&n, 0)->w_x[H * F + k], value_at(0, 2 * H * F + k));
    mr_network_free(&n);
    free(f);
}
END_TEST

// Zero states in the ways they are written for a batch of any size.
static void make_state(struct file *f, int kind) {
    static float zeros[H];

    list_tensor(f, "a0", 1, 0, 0, 0);
    list_tensor(f, "hidden", 1, H, 0, 0);
    list_tensor(f, "two", 1, 2, 0, 0);
    Onnx__TensorProto *t = tensor(f, "row", 3, 1, 1, H);
    t->has_raw_data = 0;
    t->n_float_data = H;
    t->float_data = zeros;
    switch (kind) {
    case 0: // Shape(start, end), Expand
        node(f, "Shape", "x", "n");
        with_int(f, "start", 1);
        with_int(f, "end", 2);
        node(f, "Concat", "one n hidden", "size");
        with_int(f, "axis", 0);
        node(f, "Expand", "row size", "z");
        break;
    case 1: // as tf2onnx does
        node(f, "Shape", "x", "shape");
        cast(f, "shape", "shape4", INT32);
        node(f, "Slice", "shape4 one two a0", "n");
        cast(f, "hidden", "h4", INT32);
        cast(f, "one", "one4", INT32);
        node(f, "Concat", "one4 n h4", "size4");
        with_int(f, "axis", 0);
        cast(f, "size4", "size", INT64);
        node(f, "ConstantOfShape", "size", "z");
        break;
    case 2: // tensor.expand(1, n, -1) as torch writes it
        node(f, "Shape", "x", "shape");
        node(f, "Gather", "shape one", "n");
        node(f, "Concat", "one n minus", "size");
        with_int(f, "axis", 0);
        node(f, "Shape", "size", "rank");
        node(f, "ConstantOfShape", "rank", "floats");
        node(f, "Expand", "one rank", "ones");
        node(f, "Equal", "size minus", "which");
        node(f, "Where", "which ones size", "real");
        node(f, "Expand", "row real", "z");
        break;
    case 3: // the zeros of the batch that it was exported with
        node(f, "Identity", "row", "z");
        break;
    case 4: // taken apart
        node(f, "Shape", "x", "shape");
        node(f, "Gather", "shape one", "n");
        node(f, "Concat", "two n hidden", "size");
        with_int(f, "axis", 0);
        node(f, "ConstantOfShape", "size", "both");
        node(f, "Split", "both", "other z");
        break;
    default: // two layers' states, one of them taken
        node(f, "Shape", "x", "shape");
        node(f, "Gather", "shape one", "n");
        node(f, "Concat", "two n hidden", "size");
        with_int(f, "axis", 0);
        node(f, "ConstantOfShape", "size", "both");
        node(f, "Slice", "both one two a0", "z");
    }
}

START_TEST(zero_states_are_seen) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    begin(f, 0, 0);
    make_state(f, _i);
    lstm(f, "x W R B - z z", "- hn");
    node(f, "Gather", "hn last", "h");
    gemm(f, "h", "y");
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- Casts of the data

START_TEST(casts_of_the_data_are_done_or_refused) {
    static const struct {
        int place; // 0: the input, 1: the hidden state, 2: the head's output
        int types[3];
        bool whole, truth;
        const char *said;
    } casts[] = {
        {0, {INT32, FLOAT}, true, false, NULL},
        {0, {INT64, FLOAT}, true, false, NULL},
        {0, {BOOL, FLOAT}, false, true, NULL},
        {0, {BOOL, INT32, FLOAT}, false, true, NULL},
        {0, {INT32, BOOL, FLOAT}, true, true, NULL},
        {0, {FLOAT}, false, false, NULL},
        {0, {DOUBLE, FLOAT}, false, false, NULL},
        {0, {INT32}, false, false, "reads whole numbers"},
        {0, {FLOAT16, FLOAT}, false, false, NULL},
        {0, {BFLOAT16, FLOAT}, false, false, NULL},
        {0, {INT8, FLOAT}, false, false, "turns the data into int8"},
        {0, {99, FLOAT}, false, false, "type that is not known"},
        {1, {INT32, FLOAT}, false, false, "reads numbers that a cast has made whole or bool"},
        {1, {BOOL, FLOAT}, false, false, "reads numbers that a cast has made whole or bool"},
        {1, {DOUBLE, FLOAT}, false, false, NULL},
        {2, {INT64}, true, false, NULL},
        {2, {INT32, FLOAT}, true, false, NULL},
        {2, {BOOL}, false, true, NULL},
        {2, {INT64, BOOL}, true, true, NULL},
        {2, {FLOAT16}, false, false, NULL},
    };
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    const char *from[3] = {"x", "h0", "y0"}, *to[3] = {"x3", "h", "y"};
    char names[3][16] = {"", "", ""};

    begin(f, 0, 0);
    for (int place = 0; place < 3; place++) {
        const char *at = from[place];
        int count = place == casts[_i].place ? 3 : 0;
        while (count > 0 && casts[_i].types[count - 1] == 0)
            count--;
        for (int k = 0; k < count; k++) {
            snprintf(names[k], sizeof names[k], "t%d", k);
            cast(f, at, k == count - 1 ? to[place] : names[k], casts[_i].types[k]);
            at = names[k];
        }
        if (count == 0)
            node(f, "Identity", from[place], to[place]);
        if (place == 0) {
            lstm(f, "x3 W R B", "- hn");
            node(f, "Gather", "hn last", "h0");
        } else if (place == 1) {
            gemm(f, "h", "y0");
        }
    }
    int result = parse(f, &n);
    if (casts[_i].said) {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, casts[_i].said) != NULL, "%s", error);
    } else {
        ck_assert_msg(result == 0, "%s", error);
        struct mr_cast in = n.input_cast, out = n.outputs[0].cast;
        ck_assert(!(casts[_i].place == 0 ? out : in).whole);
        ck_assert(!(casts[_i].place == 0 ? out : in).truth);
        ck_assert_int_eq((casts[_i].place == 0 ? in : out).whole, casts[_i].whole);
        ck_assert_int_eq((casts[_i].place == 0 ? in : out).truth, casts[_i].truth);
        mr_network_free(&n);
    }
    free(f);
}
END_TEST

START_TEST(casts_cut_toward_zero) {
    const struct mr_cast whole = {.whole = true}, truth = {.truth = true},
                         both = {.whole = true, .truth = true};

    ck_assert_double_eq(mr_cast(whole, -1.9), -1);
    ck_assert_double_eq(mr_cast(whole, 0.999), 0);
    ck_assert_double_eq(mr_cast(truth, 0.001), 1);
    ck_assert_double_eq(mr_cast(truth, 0), 0);
    ck_assert_double_eq(mr_cast(both, -0.5), 0);
    ck_assert_double_eq(mr_cast(both, -1.5), 1);
}
END_TEST

// ---- The graph against the network

START_TEST(a_wrong_network_is_found) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    size_t size;

    make_good(f, 0);
    gemm(f, "h", "g");
    node(f, "Sigmoid", "g", "y");
    for (int t = 0; t < 5; t++) { // small weights, so that nothing is saturated
        Onnx__TensorProto *w = &f->tensor[t];
        float *list = w->has_raw_data ? (float *)(void *)w->raw_data.data : w->float_data;
        size_t count = w->has_raw_data ? w->raw_data.len / 4 : w->n_float_data;
        for (size_t i = 0; i < count; i++)
            list[i] = (float)((int)(i * 7 + (size_t)t) % 5 - 2) / 4;
    }
    uint8_t *data = pack(f, &size);
    struct mr_onnx *onnx = mr_onnx_open_memory(data, size, "net.onnx", error, sizeof error);
    ck_assert_msg(onnx != NULL, "%s", error);
    ck_assert_msg(mr_onnx_network(onnx, &n, error, sizeof error) == 0, "%s", error);
    ck_assert_msg(mr_onnx_verify(onnx, &n, 1 << 24, error, sizeof error) == 0, "%s", error);
    struct mr_op *head = &n.ops[n.op_count - 1];
    switch (_i) {
    case 0:
        head->w_x[1] += 0.05f;
        break;
    case 1:
        head->places[MR_PLACE_G].kind = MR_ACTIVATION_LINEAR;
        break;
    case 2:
        memcpy(n.layout, "TNF", 4);
        break;
    case 3:
        n.input_cast.whole = true;
        break;
    default:
        n.ops[0].bias[0] -= 6;
    }
    ck_assert_int_ne(mr_onnx_verify(onnx, &n, 1 << 24, error, sizeof error), 0);
    ck_assert_msg(strstr(error, "that is an error of this program") ||
                      strstr(error, "the graph gives 8 numbers of output 'y'"),
                  "%s", error);
    mr_network_free(&n);
    mr_onnx_close(onnx);
    free(data);
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_fold");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, constant_expressions_have_their_numbers, 0,
                        sizeof expressions / sizeof *expressions);
    tcase_add_loop_test(all, impossible_expressions_are_refused, 0, 17);
    tcase_add_test(all, weights_may_be_put_together);
    tcase_add_loop_test(all, zero_states_are_seen, 0, 6);
    tcase_add_loop_test(all, casts_of_the_data_are_done_or_refused, 0, 20);
    tcase_add_test(all, casts_cut_toward_zero);
    tcase_add_loop_test(all, a_wrong_network_is_found, 0, 5);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
