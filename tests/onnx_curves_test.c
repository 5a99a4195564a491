// SPDX-License-Identifier: Apache-2.0
// Activations that a file writes out by elementary operators are those of the layers before them;
// what is nearly one is none.
#include "onnx_fixture.h"

#include "graph.h"
#include "places.h"

static void number(struct file *f, const char *name, float value) {
    number_tensor(f, name, 1, 0, 0, value, 0);
}

// A linear layer "z", what follows gives "a", and another linear layer.
static void head(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    gemm(f, "h", "z");
    number(f, "1", 1);
    number(f, "2", 2);
    number(f, "0", 0);
}

static void end(struct file *f) {
    gemm(f, "a", "y");
}

static void a_swish_by_a_sigmoid(struct file *f) {
    head(f);
    node(f, "Sigmoid", "z", "u");
    node(f, "Mul", "u z", "a");
    end(f);
}

static void a_swish_by_an_exponential(struct file *f) {
    head(f);
    node(f, "Neg", "z", "n");
    node(f, "Exp", "n", "e");
    node(f, "Add", "e 1", "d");
    node(f, "Div", "z d", "a");
    end(f);
}

// x sigmoid(2 x)
static void a_faster_swish(struct file *f) {
    head(f);
    node(f, "Mul", "2 z", "t");
    node(f, "Sigmoid", "t", "u");
    node(f, "Mul", "z u", "a");
    end(f);
}

static void a_gelu(struct file *f) {
    head(f);
    number(f, "r", 1.4142135f);
    number(f, "half", 0.5f);
    node(f, "Div", "z r", "t");
    node(f, "Erf", "t", "e");
    node(f, "Add", "1 e", "u");
    node(f, "Mul", "half z", "v");
    node(f, "Mul", "v u", "a");
    end(f);
}

static void a_hard_swish(struct file *f) {
    head(f);
    number(f, "3", 3);
    number(f, "6", 6);
    node(f, "Add", "z 3", "t");
    node(f, "Clip", "t 0 6", "k");
    node(f, "Mul", "z k", "v");
    node(f, "Div", "v 6", "a");
    end(f);
}

static void a_softplus(struct file *f) {
    head(f);
    node(f, "Exp", "z", "e");
    node(f, "Add", "1 e", "u");
    node(f, "Log", "u", "a");
    end(f);
}

static void a_leaky_relu_by_max(struct file *f) {
    head(f);
    number(f, "tenth", 0.125f);
    node(f, "Mul", "z tenth", "t");
    node(f, "Max", "t z", "a");
    end(f);
}

static void an_elu_by_where(struct file *f) {
    head(f);
    number(f, "half", 0.5f);
    node(f, "Greater", "z 0", "above");
    node(f, "Exp", "z", "e");
    node(f, "Sub", "e 1", "u");
    node(f, "Mul", "u half", "below");
    node(f, "Where", "above z below", "a");
    end(f);
}

static void a_sigmoid_by_reciprocal(struct file *f) {
    head(f);
    node(f, "Neg", "z", "n");
    node(f, "Exp", "n", "e");
    node(f, "Add", "e 1", "d");
    node(f, "Reciprocal", "d", "a");
    end(f);
}

static const struct curve_case {
    void (*make)(struct file *f);
    enum mr_activation kind;
    double alpha;
} curves[] = {
    {a_swish_by_a_sigmoid, MR_ACTIVATION_SWISH, 0},
    {a_swish_by_an_exponential, MR_ACTIVATION_SWISH, 0},
    {a_faster_swish, MR_ACTIVATION_SWISH, 0},
    {a_gelu, MR_ACTIVATION_GELU, 0},
    {a_hard_swish, MR_ACTIVATION_HARD_SWISH, 0},
    {a_softplus, MR_ACTIVATION_SOFTPLUS, 0},
    {a_leaky_relu_by_max, MR_ACTIVATION_LEAKY, 0.125},
    {an_elu_by_where, MR_ACTIVATION_ELU, 0.5},
    {a_sigmoid_by_reciprocal, MR_ACTIVATION_SIGMOID, 0},
};

START_TEST(curve_is_an_activation) {
    const struct curve_case *given = &curves[_i];
    const struct file_case network = {given->make, "lstm<0 last<1 dense<2 dense<3; y=4"};
    struct mr_network n;

    expect_network(&network, &n);
    ck_assert_int_eq(n.ops[2].places[MR_PLACE_G].kind, given->kind);
    ck_assert_double_eq_tol(n.ops[2].places[MR_PLACE_G].alpha, given->alpha, 1e-7);
    mr_network_free(&n);
}
END_TEST

// A ReLU that ends somewhere has that end, near 0 and far out.
static const float ends[] = {0.01f, 20, 252, 1000, 99999};
static float most;

static void a_relu_that_ends(struct file *f) {
    head(f);
    number(f, "most", most);
    node(f, "Max", "z 0", "t");
    node(f, "Min", "t most", "a");
    end(f);
}

START_TEST(ends_are_seen) {
    const struct file_case network = {a_relu_that_ends, "lstm<0 last<1 dense<2 dense<3; y=4"};
    struct mr_network n;

    most = ends[_i];
    expect_network(&network, &n);
    ck_assert_int_eq(n.ops[2].places[MR_PLACE_G].kind, MR_ACTIVATION_RELU);
    ck_assert_double_eq(n.ops[2].places[MR_PLACE_G].high, (double)most);
    mr_network_free(&n);
}
END_TEST

// x above a threshold, else 0: none that the network has, however near to a ReLU the threshold is.
static const float thresholds[] = {-0.1f, 1e-4f, 0.02f, 0.1f, 0.21f, 300};
static float threshold;

static void a_threshold(struct file *f) {
    head(f);
    number(f, "least", threshold);
    node(f, "Greater", "z least", "above");
    node(f, "Where", "above z 0", "a");
    end(f);
}

// The same of a function that has the threshold nowhere written: 2 x + 1 above 1.1.
static void a_threshold_of_a_line(struct file *f) {
    head(f);
    number(f, "least", 1.1f);
    node(f, "Mul", "2 z", "t");
    node(f, "Add", "t 1", "l");
    node(f, "Greater", "l least", "above");
    node(f, "Where", "above z 0", "a");
    end(f);
}

START_TEST(jumps_are_seen) {
    const struct file_case none = {a_threshold, "node 'a' has operator Where"};

    threshold = thresholds[_i];
    expect_refusal(&none);
}
END_TEST

START_TEST(jumps_that_no_constant_tells_are_seen) {
    const struct file_case none = {a_threshold_of_a_line, "node 'a' has operator Where"};

    expect_refusal(&none);
}
END_TEST

// A layer whose sum is used beside its activation is there twice.
static void a_sum_that_is_used(struct file *f) {
    a_swish_by_a_sigmoid(f);
    add_output(f, "z");
}

// x sigmoid(x) + 0.001 is none: it is computed as it is written.
static void nearly_a_swish(struct file *f) {
    head(f);
    number(f, "bit", 0.001f);
    node(f, "Sigmoid", "z", "u");
    node(f, "Add", "u bit", "t");
    node(f, "Mul", "t z", "a");
    end(f);
}

// Of two values.
static void a_gate_of_another(struct file *f) {
    head(f);
    gemm(f, "h", "w");
    node(f, "Sigmoid", "w", "u");
    node(f, "Mul", "u z", "a");
    end(f);
}

static const struct file_case others[] = {
    {a_sum_that_is_used, "lstm<0 last<1 dense<2 dense<2 dense<4; y=5 z=3"},
    {nearly_a_swish, "lstm<0 last<1 dense<2 dense<2 dense<4 multiply<5 dense<6; y=7"},
    {a_gate_of_another, "lstm<0 last<1 dense<2 dense<2 multiply<4 dense<5; y=6"},
};

START_TEST(others_stay_what_they_are) {
    struct mr_network n;

    expect_network(&others[_i], &n);
    mr_network_free(&n);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_curves");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, curve_is_an_activation, 0, sizeof curves / sizeof *curves);
    tcase_add_loop_test(all, ends_are_seen, 0, sizeof ends / sizeof *ends);
    tcase_add_loop_test(all, jumps_are_seen, 0, sizeof thresholds / sizeof *thresholds);
    tcase_add_test(all, jumps_that_no_constant_tells_are_seen);
    tcase_add_loop_test(all, others_stay_what_they_are, 0, sizeof others / sizeof *others);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
