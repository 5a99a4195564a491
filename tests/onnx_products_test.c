// SPDX-License-Identifier: Apache-2.0
// Linear layers that are written as an Einsum or as a convolution over one step, and Shrink, which
// becomes several operators. Each that is read is compared with what the file's operators compute.
#include "onnx_fixture.h"

// ---- Einsum

static const char *equation;

static void with_text(struct file *f, const char *name, const char *text) {
    Onnx__AttributeProto *a = attribute(f, name);

    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
}

static void an_einsum(struct file *f, const char *inputs) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "V", H, 3, 0, 0.5f, -0.25f);
    number_tensor(f, "U", 3, H, 0, 0.5f, -0.25f);
    node(f, "Einsum", inputs, "y");
    with_text(f, "equation", equation);
}

static void an_einsum_of_steps(struct file *f) {
    an_einsum(f, "s V");
}

static void an_einsum_of_a_row(struct file *f) {
    an_einsum(f, "h V");
}

static void an_einsum_of_outputs_first(struct file *f) {
    an_einsum(f, "s U");
}

static void an_einsum_of_the_matrix_first(struct file *f) {
    an_einsum(f, "V s");
}

static const struct equation {
    const char *text;
    struct file_case what;
} good_equations[] = {
    {"tnh,hk->tnk", {an_einsum_of_steps, "lstm<0 dense<1; y=2"}},
    {" ABc , cZ -> ABZ ", {an_einsum_of_steps, "lstm<0 dense<1; y=2"}},
    {"nh,hk->nk", {an_einsum_of_a_row, "lstm<0 last<1 dense<2; y=3"}},
    {"tnh,kh->tnk", {an_einsum_of_outputs_first, "lstm<0 dense<1; y=2"}},
    {"hk,tnh->tnk", {an_einsum_of_the_matrix_first, "lstm<0 dense<1; y=2"}},
};

static const struct equation bad_equations[] = {
    {"tnh,hk->ntk", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"tnh,tk->nhk", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"tnh,hk->tn", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"tnh,hh->tnh", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"tnh,hn->tnn", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"nnh,hk->nnk", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"tnh,h->tn", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"nh,hk->nk", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"tnh,kh->tnk", {an_einsum_of_steps, "has weights for 3 inputs"}},
    {",->", {an_einsum_of_steps, "not rows of the data times a matrix"}},
    {"", {an_einsum_of_steps, "an equation that is not of two operands"}},
    {"tnh,hk", {an_einsum_of_steps, "an equation that is not of two operands"}},
    {"tnh,hk-", {an_einsum_of_steps, "an equation that is not of two operands"}},
    {"tnh,hk->tnk->", {an_einsum_of_steps, "an equation that is not of two operands"}},
    {"...h,hk->...k", {an_einsum_of_steps, "an equation that is not of two operands"}},
    {"abcdefghi,ij->abcdefghj", {an_einsum_of_steps, "an equation that is not of two operands"}},
};

START_TEST(equations_are_read) {
    struct mr_network n;

    equation = good_equations[_i].text;
    expect_network(&good_equations[_i].what, &n);
    ck_assert_int_eq(find_op(&n, "dense")->units, 3);
    mr_network_free(&n);
}
END_TEST

START_TEST(equations_are_refused) {
    equation = bad_equations[_i].text;
    expect_refusal(&bad_equations[_i].what);
}
END_TEST

// ---- Conv

// Over [N, H, T], with weights (3, H, steps) or those of a group.
static void a_conv(struct file *f, int64_t channels, int64_t steps, bool bias) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Transpose", "s", "turned");
    with_ints(f, "perm", 3, 1, 2, 0);
    tensor(f, "V", 3, 3, channels, steps);
    number_tensor(f, "d", 3, 0, 0, -0.5f, 0.25f);
    node(f, "Conv", bias ? "turned V d" : "turned V", "z");
}

static void turn_back(struct file *f) {
    node(f, "Transpose", "z", "y");
    with_ints(f, "perm", 3, 0, 2, 1);
}

static void a_conv_over_one_step(struct file *f) {
    a_conv(f, H, 1, true);
    with_ints(f, "strides", 1, 1, 0, 0);
    with_ints(f, "pads", 2, 0, 0, 0);
    turn_back(f);
}

static void a_conv_without_a_bias(struct file *f) {
    a_conv(f, H, 1, false);
    turn_back(f);
}

static void a_conv_over_two_steps(struct file *f) {
    a_conv(f, H, 2, true);
    turn_back(f);
}

static void a_conv_that_leaves_steps_out(struct file *f) {
    a_conv(f, H, 1, true);
    with_ints(f, "strides", 1, 2, 0, 0);
    turn_back(f);
}

static void a_conv_with_padding(struct file *f) {
    a_conv(f, H, 1, true);
    with_ints(f, "pads", 2, 0, 1, 0);
    turn_back(f);
}

static void a_conv_in_groups(struct file *f) {
    a_conv(f, 1, 1, true);
    with_int(f, "group", 2);
    turn_back(f);
}

static void a_conv_of_other_channels(struct file *f) {
    a_conv(f, H + 1, 1, true);
    turn_back(f);
}

// ---- Shrink

static float lambd, bias;

static void a_shrink(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    number_tensor(f, "V", 2, 2, 0, 6, -3.7f);
    node(f, "MatMul", "h V", "z");
    node(f, "Shrink", "z", "y");
    with_float(f, "lambd", lambd);
    with_float(f, "bias", bias);
}

static const struct {
    float lambd, bias;
    bool is_taken;
} shrinks[] = {
    {0, 0, true},     {0.5f, 0, true},      {0.5f, 0.5f, true}, {256, 0, true},
    {0, 0.5f, false}, {0.5f, 0.25f, false}, {-0.5f, 0, false},  {-0.5f, -0.5f, false},
};

START_TEST(shrinks_are_their_two_halves) {
    const struct file_case refused = {a_shrink, "takes a lambd from 0 on, and the bias"};
    struct mr_network n;

    lambd = shrinks[_i].lambd;
    bias = shrinks[_i].bias;
    if (!shrinks[_i].is_taken) {
        expect_refusal(&refused);
        return;
    }
    struct file *f = malloc(sizeof *f);
    ck_assert_ptr_nonnull(f);
    a_shrink(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_ptr_nonnull(find_op(&n, "add"));
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- The test

static const struct file_case good[] = {
    {a_conv_over_one_step, "lstm<0 dense<1; y=2"},
    {a_conv_without_a_bias, "lstm<0 dense<1; y=2"},
};

static const struct file_case bad[] = {
    {a_conv_over_two_steps, "(Conv) is a convolution over several steps, or in groups"},
    {a_conv_that_leaves_steps_out, "(Conv) is a convolution over several steps, or in groups"},
    {a_conv_with_padding, "(Conv) is a convolution over several steps, or in groups"},
    {a_conv_in_groups, "(Conv) is a convolution over several steps, or in groups"},
    {a_conv_of_other_channels, "(Conv) has weights for 3 inputs"},
};

START_TEST(convolutions_are_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    mr_network_free(&n);
}
END_TEST

START_TEST(convolutions_are_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

int main(void) {
    Suite *suite = suite_create("onnx_products");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, equations_are_read, 0, COUNT(good_equations));
    tcase_add_loop_test(all, equations_are_refused, 0, COUNT(bad_equations));
    tcase_add_loop_test(all, convolutions_are_read, 0, COUNT(good));
    tcase_add_loop_test(all, convolutions_are_refused, 0, COUNT(bad));
    tcase_add_loop_test(all, shrinks_are_their_two_halves, 0, COUNT(shrinks));
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
