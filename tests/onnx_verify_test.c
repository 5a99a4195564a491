// SPDX-License-Identifier: Apache-2.0
// The check that a network is what its ONNX file computes: numbers that float32 rounds are no error
// of the program however large what they come from is, and numbers beyond float32 are refused for
// what they are.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

#include <math.h>

// Each difference of two terms is by far smaller than these, and a factor that is folded rounds
// them anew.
enum { LARGE = 1000003 };

static void set_floats(struct file *f, const char *name, const float *numbers, size_t count) {
    for (size_t i = 0; i < f->graph.n_initializer; i++) {
        Onnx__TensorProto *t = &f->tensor[i];
        if (strcmp(t->name, name) != 0)
            continue;
        float *list = t->has_raw_data ? (float *)(void *)t->raw_data.data : t->float_data;
        const size_t all = t->has_raw_data ? t->raw_data.len / 4 : t->n_float_data;
        for (size_t k = 0; k < all; k++)
            list[k] = numbers[k % count];
        return;
    }
    ck_abort_msg("%s", name);
}

// y = 1.1 (in a b'), where a and b are nearly each other's opposite.
static void scaled_difference(struct file *f, const char *in, float size) {
    char inputs[64];

    number_tensor(f, "D", H, 1, 0, 1.3f * size, -2.6000001f * size);
    number_tensor(f, "factor", 1, 0, 0, 1.1f, 0);
    snprintf(inputs, sizeof inputs, "%s D", in);
    node(f, "MatMul", inputs, "difference");
    node(f, "Mul", "difference factor", "y");
}

// The rows of a table, all of nearly the same large numbers, are compared beside a layer.
static void large_rows_of_a_table(struct file *f) {
    begin(f, 0, 0);
    f->shape.n_dim = 2;
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    number_tensor(f, "table", 2, 2, 0, LARGE, 0.0625f);
    number_tensor(f, "W2", 1, 4 * H, 2 - 1, 1e-7f, 0);
    f->tensor[f->graph.n_initializer - 1].n_dims = 3;
    node(f, "Gather", "table x", "rows");
    scaled_difference(f, "rows", 1);
    number_tensor(f, "narrow", 2, 1, 0, 1e-7f, 0);
    node(f, "MatMul", "rows narrow", "few");
    lstm(f, "few W2 R B", "- hn");
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    add_output(f, "h");
}

// y = 1.1 M h + V h, where both are large and opposite.
static void large_links(struct file *f) {
    static const float m[] = {1.3f * LARGE, 0.7f * LARGE}, v[] = {-1.43f * LARGE, -0.77f * LARGE};

    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "U", H, 2, 0, 0, 0);
    number_tensor(f, "V", H, 2, 0, 0, 0);
    number_tensor(f, "factor", 1, 0, 0, 1.1f, 0);
    set_floats(f, "U", m, 2);
    set_floats(f, "V", v, 2);
    node(f, "MatMul", "s U", "a");
    node(f, "Mul", "a factor", "b");
    node(f, "MatMul", "s V", "c2");
    node(f, "Add", "b c2", "y");
}

// Hidden states of a ReLU without bounds.
static void large_states(struct file *f) {
    static const float large[] = {LARGE};

    begin(f, 0, 0);
    number_tensor(f, "WR", 1, H, F, 0, 0);
    set_floats(f, "WR", large, 1);
    number_tensor(f, "RR", 1, H, H, 0, 0);
    node(f, "RNN", "x WR RR", "Y hn");
    with_int(f, "hidden_size", H);
    static ProtobufCBinaryData relu = {4, (uint8_t *)"Relu"};
    Onnx__AttributeProto *a = attribute(f, "activations");
    a->n_strings = 1;
    a->strings = &relu;
    node(f, "Squeeze", "Y one", "s");
    scaled_difference(f, "s", 1);
}

static const struct {
    const char *name;
    void (*make)(struct file *f);
} large[] = {{"table", large_rows_of_a_table}, {"links", large_links}, {"states", large_states}};

START_TEST(large_terms_may_cancel) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    large[_i].make(f);
    ck_assert_msg(parse(f, &n) == 0, "%s: %s", large[_i].name, error);
    mr_network_free(&n);
    free(f);
}
END_TEST

// The factor of hard gates becomes one of the weights.
static const float alphas[] = {0, 1e-30f, 1, 1e20f, 1e38f, 3e38f, -3e38f};

START_TEST(gates_beyond_float_are_refused) {
    static const float small[] = {1e-3f, -1e-3f}, two[] = {2, -2};
    static ProtobufCBinaryData words[] = {
        {11, (uint8_t *)"HardSigmoid"}, {4, (uint8_t *)"Tanh"}, {4, (uint8_t *)"Tanh"}};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    float alpha = alphas[_i / 2];

    begin(f, 0, 0);
    set_floats(f, "W", _i % 2 ? small : two, 2);
    set_floats(f, "R", _i % 2 ? two : small, 2);
    set_floats(f, "B", small, 2);
    lstm(f, "x W R B", "Y hn");
    Onnx__AttributeProto *a = attribute(f, "activations");
    a->n_strings = 3;
    a->strings = words;
    a = attribute(f, "activation_alpha");
    a->n_floats = 1;
    a->floats = &alpha;
    node(f, "Squeeze", "hn", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    gemm(f, "h", "y");
    const int result = parse(f, &n);
    if (fabsf(alpha) < 2e38f) {
        ck_assert_msg(result == 0, "alpha %g: %s", (double)alpha, error);
        mr_network_free(&n);
    } else {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, "has weights or sums of biases that are beyond float32"),
                      "alpha %g: %s", (double)alpha, error);
    }
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_verify");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, large_terms_may_cancel, 0, sizeof large / sizeof *large);
    tcase_add_loop_test(all, gates_beyond_float_are_refused, 0, 2 * sizeof alphas / sizeof *alphas);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
