// SPDX-License-Identifier: Apache-2.0
// ONNX files that are quantised for fixed ranges, by ONNX Runtime, PyTorch or Keras: pairs of
// QuantizeLinear and DequantizeLinear around values and weights, and the operators that ONNX
// Runtime makes of them; what they become, compared with what the file's operators compute but for
// their rounding, or the sentence.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

#include <math.h>

// A tensor of whole numbers, one, two or (a, b): number i is first + i * step.
static Onnx__TensorProto *whole(struct file *f, const char *name, int type, int64_t a, int64_t b,
                                int first, int step) {
    Onnx__TensorProto *t = tensor(f, name, b ? 2 : a ? 1 : 0, a ? a : 1, b ? b : 1, 1);
    static int32_t numbers[MAX][64];
    int32_t *list = numbers[f->graph.n_initializer];
    const size_t count = (size_t)((a ? a : 1) * (b ? b : 1));

    t->data_type = type;
    t->has_raw_data = 0;
    t->n_float_data = 0;
    t->n_int32_data = count;
    t->int32_data = list;
    for (size_t i = 0; i < count; i++)
        list[i] = first + (int)i * step;
    return t;
}

enum {
    I8 = ONNX__TENSOR_PROTO__DATA_TYPE__INT8,
    U8 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8,
    I16 = ONNX__TENSOR_PROTO__DATA_TYPE__INT16,
    U16 = ONNX__TENSOR_PROTO__DATA_TYPE__UINT16,
    I32 = ONNX__TENSOR_PROTO__DATA_TYPE__INT32
};

static void runtime(struct file *f, const char *type, const char *inputs, const char *outputs) {
    node(f, type, inputs, outputs);
    f->node[f->graph.n_node - 1].domain = "com.microsoft";
}

// The format with a name in place of each %s.
static const char *text(const char *format, const char *name) {
    static char texts[512][64];
    static int next;
    char *to = texts[next++ % 512];

    snprintf(to, sizeof texts[0], format, name, name, name);
    return to;
}

// A value and its scale, "NAME_s" and "NAME_z": NAME_q, and NAME_r behind both.
static void scales(struct file *f, const char *name, float scale, int type, int zero) {
    number_tensor(f, text("%s_s", name), 1, 0, 0, scale, 0)->n_dims = 0;
    whole(f, text("%s_z", name), type, 0, 0, zero, 0);
}

static void pair(struct file *f, const char *name, float scale, int type, int zero) {
    scales(f, name, scale, type, zero);
    node(f, "QuantizeLinear", text("%s %s_s %s_z", name), text("%s_q", name));
    node(f, "DequantizeLinear", text("%s_q %s_s %s_z", name), text("%s_r", name));
}

static void small_weights(struct file *f) {
    begin(f, 0, 0);
    for (int t = 0; t < 5; t++) {
        float *list = f->tensor[t].has_raw_data ? (float *)(void *)f->tensor[t].raw_data.data
                                                : f->tensor[t].float_data;
        for (int i = 0; i < 24 && (t < 3 || i < O * H); i++)
            list[i] = (float)(i * 5 % 7 - 3) / 8;
    }
}

static void last_state(struct file *f, const char *x) {
    lstm(f, text("%s W R B", x), "- hn");
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
}

// As ONNX Runtime writes it: everything but the cell.
static void everything_static(struct file *f) {
    small_weights(f);
    whole(f, "Mq", I8, O, H, -40, 17);
    number_tensor(f, "Ms", O, 0, 0, 0.0625f, 0.03125f);
    whole(f, "Mz", I8, O, 0, 0, 0);
    whole(f, "cq", I32, O, 0, -300, 500);
    number_tensor(f, "cs", 1, 0, 0, 0.001f, 0)->n_dims = 0;
    pair(f, "x", 0.05f, I8, 10);
    last_state(f, "x_r");
    pair(f, "h", 1 / 128.0f, U8, 128);
    node(f, "DequantizeLinear", "Mq Ms Mz", "Mr");
    with_int(f, "axis", 0);
    node(f, "DequantizeLinear", "cq cs", "cr");
    node(f, "Gemm", "h_r Mr cr", "z");
    with_int(f, "transB", 1);
    pair(f, "z", 0.04f, I8, -3);
    node(f, "Identity", "z_r", "y");
}

// int16 and uint16, and an operator that moves numbers between both.
static void wide_types(struct file *f) {
    small_weights(f);
    scales(f, "x", 0.001f, U16, 32768);
    node(f, "QuantizeLinear", "x x_s x_z", "q");
    node(f, "Transpose", "q", "qt");
    with_ints(f, "perm", 3, 1, 0, 2);
    node(f, "DequantizeLinear", "qt x_s x_z", "xt");
    last_state(f, "xt");
    pair(f, "h", 1 / 32768.0f, I16, 0);
    gemm(f, "h_r", "y");
}

// What is left of a ReLU.
static void a_range_above_zero(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    gemm(f, "h", "z");
    pair(f, "z", 0.01f, U8, 0);
    node(f, "MatMul", "z_r M", "y");
}

static void a_range_above_a_sigmoid(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    gemm(f, "h", "g");
    node(f, "Sigmoid", "g", "z");
    pair(f, "z", 1 / 256.0f, U8, 0);
    node(f, "MatMul", "z_r M", "y");
}

// A scale for each feature, and an input that is not negative.
static void channels(struct file *f) {
    small_weights(f);
    number_tensor(f, "fs", F, 0, 0, 0.01f, 0.01f);
    whole(f, "fz", U8, F, 0, 0, 0);
    node(f, "QuantizeLinear", "x fs fz", "q");
    with_int(f, "axis", 2);
    node(f, "DequantizeLinear", "q fs fz", "r");
    with_int(f, "axis", 2);
    last_state(f, "r");
    gemm(f, "h", "y");
}

// As training with quantisation is exported: weights in float go through both.
static void weights_in_float(struct file *f) {
    small_weights(f);
    number_tensor(f, "Ms", O, 0, 0, 0.3f, 0.2f);
    whole(f, "Mz", I8, O, 0, 0, 0);
    node(f, "QuantizeLinear", "M Ms Mz", "Mq");
    with_int(f, "axis", 1);
    node(f, "DequantizeLinear", "Mq Ms Mz", "Mr");
    with_int(f, "axis", 1);
    last_state(f, "x");
    node(f, "MatMul", "h Mr", "y");
}

static void both_layers_of_a_stack(struct file *f) {
    small_weights(f);
    tensor(f, "W2", 3, 1, 4 * H, H);
    lstm(f, "x W R B", "Y hn1");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R B", "- hn2");
    node(f, "Concat", "hn1 hn2", "hn");
    with_int(f, "axis", 0);
    pair(f, "hn", 1 / 128.0f, I8, 0);
    node(f, "ReduceMean", "hn_r", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    with_int(f, "keepdims", 0);
    gemm(f, "h", "y");
}

// ---- What ONNX Runtime makes of them

static void quantised_operators(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    scales(f, "h", 1 / 128.0f, U8, 128);
    scales(f, "p", 0.02f, U8, 100);
    scales(f, "t", 0.03f, U8, 100);
    scales(f, "s", 1 / 256.0f, U8, 0);
    whole(f, "Mq", U8, H, O, 90, 13);
    number_tensor(f, "Ms", O, 0, 0, 0.0625f, 0.03125f);
    whole(f, "Mz", U8, O, 0, 110, 3);
    whole(f, "bq", I8, O, 0, -30, 50);
    scales(f, "b", 0.01f, I8, 4);
    node(f, "QuantizeLinear", "h h_s h_z", "hq");
    node(f, "QLinearMatMul", "hq h_s h_z Mq Ms Mz p_s p_z", "pq");
    runtime(f, "QLinearAdd", "pq p_s p_z bq b_s b_z t_s t_z", "tq");
    runtime(f, "QLinearSigmoid", "tq t_s t_z s_s s_z", "sq");
    node(f, "DequantizeLinear", "sq s_s s_z", "y");
}

// A sum of two values; the bias of the product counts in steps of both scales.
static void quantised_gemm(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    scales(f, "h", 1 / 128.0f, I8, 0);
    scales(f, "p", 0.02f, I8, 5);
    scales(f, "t", 0.05f, I8, 5);
    whole(f, "Mq", I8, O, H, -40, 17);
    number_tensor(f, "Ms", O, 0, 0, 0.0625f, 0.03125f);
    whole(f, "Mz", I8, O, 0, 1, 1);
    whole(f, "cq", I32, O, 0, -300, 500);
    node(f, "QuantizeLinear", "h h_s h_z", "hq");
    runtime(f, "QGemm", "hq h_s h_z Mq Ms Mz cq p_s p_z", "pq");
    with_int(f, "transB", 1);
    with_float(f, "alpha", 0.5f);
    runtime(f, "QLinearAdd", "pq p_s p_z hq h_s h_z t_s t_z", "tq");
    node(f, "DequantizeLinear", "tq t_s t_z", "y");
    runtime(f, "QGemm", "hq h_s h_z Mq Ms Mz cq", "z"); // to float
    add_output(f, "z");
}

// A product whose range begins with 0.
static void quantised_gemm_with_relu(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    scales(f, "h", 1 / 128.0f, I8, 0);
    scales(f, "p", 0.02f, U8, 0);
    whole(f, "Mq", I8, H, O, -40, 27);
    scales(f, "M", 0.0625f, I8, 0);
    node(f, "QuantizeLinear", "h h_s h_z", "hq");
    runtime(f, "QGemm", "hq h_s h_z Mq M_s M_z - p_s p_z", "pq");
    node(f, "DequantizeLinear", "pq p_s p_z", "y");
}

static void dynamic_products(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    whole(f, "Mq", I8, H, O, -40, 17);
    whole(f, "Nq", U8, H, O, 100, 11);
    scales(f, "M", 0.0625f, I8, 3);
    scales(f, "N", 0.125f, U8, 117);
    runtime(f, "DynamicQuantizeMatMul", "h Mq M_s M_z c", "z");
    node(f, "DynamicQuantizeLinear", "h", "hq h_s h_z");
    runtime(f, "MatMulIntegerToFloat", "hq Nq h_s N_s h_z N_z c", "w");
    node(f, "Add", "z w", "y");
}

static void fused_operators(struct file *f) {
    small_weights(f);
    lstm(f, "x W R B", "Y hn");
    node(f, "Squeeze", "Y one", "s");
    runtime(f, "FusedMatMul", "s M", "m");
    with_float(f, "alpha", 0.5f);
    with_int(f, "transB", 1);
    number_tensor(f, "gamma", H, 0, 0, 0.5f, 0.75f);
    number_tensor(f, "beta", H, 0, 0, -0.25f, 0.5f);
    runtime(f, "SkipLayerNormalization", "m s gamma beta c", "n");
    with_float(f, "epsilon", 1e-3f);
    node(f, "Gather", "n last", "h");
    runtime(f, "FusedGemm", "h M c", "y");
    with_float(f, "beta", 2);
    Onnx__AttributeProto *a = attribute(f, "activation");
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){4, (uint8_t *)(uintptr_t) "Tanh"};
}

static const struct file_case good[] = {
    {everything_static, "lstm<0 last<1 dense<2; y=3"},
    {wide_types, "lstm<0 last<1 dense<2; y=3"},
    {a_range_above_zero, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {a_range_above_a_sigmoid, "lstm<0 last<1 dense<2 dense<3; y=4"},
    {channels, "lstm<0 last<1 dense<2; y=3"},
    {weights_in_float, "lstm<0 last<1 dense<2; y=3"},
    {both_layers_of_a_stack, "lstm<0 lstm<1 last<1 last<2 add<3 dense<5; y=6"},
    {quantised_operators, "lstm<0 last<1 dense<2; y=3"},
    {quantised_gemm, "lstm<0 last<1 dense<2 add<3 dense<2; y=4 z=5"},
    {quantised_gemm_with_relu, "lstm<0 last<1 dense<2; y=3"},
    {dynamic_products, "lstm<0 last<1 dense<2 dense<2 add<3; y=5"},
    {fused_operators, ""},
};

START_TEST(file_is_read) {
    struct mr_network n;

    if (*good[_i].expected) {
        expect_network(&good[_i], &n);
    } else {
        struct file *f = malloc(sizeof *f);
        ck_assert_ptr_nonnull(f);
        good[_i].make(f);
        ck_assert_msg(parse(f, &n) == 0, "%s", error);
        free(f);
    }
    mr_network_free(&n);
}
END_TEST

static void read_file(void (*make)(struct file *f), struct mr_network *n) {
    struct file *f = malloc(sizeof *f);

    ck_assert_ptr_nonnull(f);
    make(f);
    ck_assert_msg(parse(f, n) == 0, "%s", error);
    free(f);
}

START_TEST(scales_are_ranges) {
    struct mr_network n;

    read_file(everything_static, &n); // -128 - 10 to 127 - 10 of 0.05; -125 to 130 of 0.04
    ck_assert_double_eq_tol(n.streams[0].greatest[0], 138 * 0.05, 1e-6);
    ck_assert_double_eq_tol(n.streams[3].greatest[0], 130 * 0.04, 1e-6);
    for (int o = 0; o < O; o++) { // per channel
        ck_assert_float_eq_tol(n.ops[2].bias[o], (float)(-300 + 500 * o) * 0.001f, 1e-6f);
        for (int k = 0; k < H; k++)
            ck_assert_float_eq(n.ops[2].w_x[o * H + k],
                               (float)(-40 + 17 * (o * H + k)) * (0.0625f + 0.03125f * (float)o));
    }
    mr_network_free(&n);
    read_file(a_range_above_zero, &n);
    ck_assert_int_eq(n.ops[2].places[MR_PLACE_G].kind, MR_ACTIVATION_RELU);
    ck_assert_double_eq_tol(n.streams[3].greatest[1], 2.55, 1e-6);
    mr_network_free(&n);
    read_file(a_range_above_a_sigmoid, &n);
    ck_assert_int_eq(n.ops[2].places[MR_PLACE_G].kind, MR_ACTIVATION_SIGMOID);
    mr_network_free(&n);
    read_file(channels, &n);
    ck_assert_double_eq_tol(n.streams[0].greatest[0], 255 * 0.03, 1e-6);
    mr_network_free(&n);
    read_file(weights_in_float, &n); // M (H, O) is rounded
    for (int k = 0; k < H * O; k++) {
        const float v = (float)(k * 5 % 7 - 3) / 8, scale = k % O ? 0.5f : 0.3f;
        ck_assert_float_eq_tol(n.ops[2].w_x[k % O * H + k / O], nearbyintf(v / scale) * scale,
                               1e-6f);
    }
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

static void blocks(struct file *f) {
    small_weights(f);
    scales(f, "x", 0.05f, I8, 0);
    node(f, "QuantizeLinear", "x x_s x_z", "q");
    with_int(f, "block_size", 2);
    node(f, "DequantizeLinear", "q x_s x_z", "r");
    last_state(f, "r");
    gemm(f, "h", "y");
}

static void blocks_of_weights(struct file *f) {
    small_weights(f);
    whole(f, "Mq", I8, O, H, -40, 17);
    number_tensor(f, "Ms", O, 1, 0, 0.0625f, 0.03125f);
    node(f, "DequantizeLinear", "Mq Ms", "Mr");
    with_int(f, "block_size", 2);
    last_state(f, "x");
    node(f, "Gemm", "h Mr", "y");
}

static void another_scale(struct file *f) {
    small_weights(f);
    scales(f, "x", 0.05f, I8, 0);
    scales(f, "o", 0.06f, I8, 0);
    node(f, "QuantizeLinear", "x x_s x_z", "q");
    node(f, "DequantizeLinear", "q o_s o_z", "r");
    last_state(f, "r");
    gemm(f, "h", "y");
}

static void read_as_it_is(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    scales(f, "h", 0.05f, I8, 0);
    node(f, "QuantizeLinear", "h h_s h_z", "q");
    gemm(f, "q", "y");
}

static void as_output(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    scales(f, "h", 0.05f, I8, 0);
    node(f, "QuantizeLinear", "h h_s h_z", "y");
}

static void nothing_above_zero(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    pair(f, "h", 0.05f, U8, 255);
    gemm(f, "h_r", "y");
}

static void no_scale(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    pair(f, "h", 0, I8, 0);
    gemm(f, "h_r", "y");
}

static void a_scale_that_is_computed(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    node(f, "QuantizeLinear", "h h", "q");
    node(f, "DequantizeLinear", "q h", "r");
    gemm(f, "r", "y");
}

static void another_type(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    pair(f, "h", 0.05f, I32, 0);
    gemm(f, "h_r", "y");
}

static void another_activation(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    runtime(f, "FusedGemm", "h M c", "y");
    Onnx__AttributeProto *a = attribute(f, "activation");
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){6, (uint8_t *)(uintptr_t) "Square"};
}

static void attention(struct file *f) {
    small_weights(f);
    states(f, "x");
    runtime(f, "Attention", "s M c", "y");
    with_int(f, "num_heads", 1);
}

static void products_of_other_scales(struct file *f) {
    small_weights(f);
    last_state(f, "x");
    scales(f, "h", 1 / 128.0f, I8, 0);
    scales(f, "p", 0.02f, I8, 0);
    whole(f, "Mq", I8, H, O, -40, 27);
    scales(f, "M", 0.0625f, I8, 0);
    node(f, "QuantizeLinear", "h h_s h_z", "hq");
    node(f, "QLinearMatMul", "hq M_s h_z Mq M_s M_z p_s p_z", "pq");
    node(f, "DequantizeLinear", "pq p_s p_z", "y");
}

static const struct file_case bad[] = {
    {blocks, "node 'q' (QuantizeLinear) has a scale for each block of an axis (block_size)"},
    {blocks_of_weights, "node 'Mr' (DequantizeLinear) has a scale for each block of an axis"},
    {another_scale, "node 'r' (DequantizeLinear) reads what was not quantised with the scale"},
    {read_as_it_is, "node 'y' (Gemm) reads what a QuantizeLinear gives"},
    {as_output, "the output 'y' is what a QuantizeLinear gives"},
    {nothing_above_zero, "has a range without numbers above 0"},
    {no_scale, "has a scale or zero point that is no constant of its kind"},
    {a_scale_that_is_computed, "node 'q' (QuantizeLinear) has a scale or zero point that is no"},
    {another_type, "quantises to another type than int8, uint8, int16 and uint16"},
    {another_activation, "has the activation 'Square', which this version does not have"},
    {attention, "node 'y' has operator com.microsoft.Attention"},
    {products_of_other_scales, "(QLinearMatMul) reads what was not quantised with the scale"},
};

START_TEST(file_is_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_quantised");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, file_is_read, 0, sizeof good / sizeof *good);
    tcase_add_test(all, scales_are_ranges);
    tcase_add_loop_test(all, file_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
