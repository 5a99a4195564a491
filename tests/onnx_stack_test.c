// SPDX-License-Identifier: Apache-2.0
// ONNX files that compute with the rows of several layers at once, stacked along axes of their own,
// as h_n of PyTorch and the halves of bidirectional layers are: what they become, compared with
// what the file's operators compute, or the sentence.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

static void direction(struct file *f, const char *word) {
    Onnx__AttributeProto *a = attribute(f, "direction");

    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(word), (uint8_t *)(uintptr_t)word};
}

// "hn" [2, N, H] of two layers.
static void two_layers(struct file *f) {
    begin(f, 0, 0);
    tensor(f, "W2", 3, 1, 4 * H, H);
    lstm(f, "x W R B", "Y hn1 cn1");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R B", "- hn2 cn2");
    node(f, "Concat", "hn1 hn2", "hn");
    with_int(f, "axis", 0);
}

// "hn" [2, N, H] and "Y" [T, 2, N, H] of a bidirectional layer.
static void two_directions(struct file *f) {
    begin(f, 0, 0);
    tensor(f, "W2", 3, 2, 4 * H, F);
    tensor(f, "R2", 3, 2, 4 * H, H);
    lstm(f, "x W2 R2", "Y hn");
    direction(f, "bidirectional");
}

// "hn" [4, N, H] of two bidirectional layers.
static void four(struct file *f) {
    static const int64_t axes[4] = {0, 2, 1, 3};

    two_directions(f);
    tensor(f, "W4", 3, 1, 4 * H, 2 * H);
    node(f, "Transpose", "Y", "yt");
    Onnx__AttributeProto *a = attribute(f, "perm");
    a->n_ints = 4;
    a->ints = (int64_t *)(uintptr_t)axes;
    list_tensor(f, "joined", 3, 0, 0, -1);
    node(f, "Reshape", "yt joined", "s");
    lstm(f, "s W4 R B", "- hn3 cn3");
    lstm(f, "s W4 R", "- hn4 cn4");
    direction(f, "reverse");
    node(f, "Concat", "hn hn3 hn4", "h4");
    with_int(f, "axis", 0);
}

static void along(struct file *f, const char *type, const char *from, const char *to, int64_t axis,
                  bool keep) {
    if (strcmp(type, "ReduceSum") == 0) {
        char inputs[48];
        static int number;
        static char names[16][16];
        char *name = names[number++ % 16];
        snprintf(name, sizeof names[0], "ax%d", number);
        list_tensor(f, name, 1, axis, 0, 0);
        snprintf(inputs, sizeof inputs, "%s %s", from, name);
        node(f, type, inputs, to);
    } else {
        node(f, type, from, to);
        with_ints(f, "axes", 1, axis, 0, 0);
    }
    with_int(f, "keepdims", keep);
}

static void the_mean_of_layers(struct file *f) {
    two_layers(f);
    along(f, "ReduceMean", "hn", "h", 0, false);
    gemm(f, "h", "y");
}

static void the_sum_of_directions(struct file *f) {
    two_directions(f);
    along(f, "ReduceSum", "hn", "h1", 0, true);
    node(f, "Squeeze", "h1", "h");
    with_ints(f, "axes", 1, 0, 0, 0);
    gemm(f, "h", "y");
}

// Keras' merge_mode="sum" on every step.
static void the_sum_of_steps(struct file *f) {
    two_directions(f);
    along(f, "ReduceSum", "Y", "s", 1, false);
    node(f, "MatMul", "s M", "y");
}

// view(N, T, 2, H).mean(2) of rows that were joined.
static void halves_are_parted(struct file *f) {
    static const int64_t axes[4] = {0, 2, 1, 3};
    static int64_t parts[4] = {0, 0, 2, -1};

    two_directions(f);
    node(f, "Transpose", "Y", "yt");
    Onnx__AttributeProto *a = attribute(f, "perm");
    a->n_ints = 4;
    a->ints = (int64_t *)(uintptr_t)axes;
    list_tensor(f, "joined", 3, 0, 0, -1);
    Onnx__TensorProto *t = list_tensor(f, "parted", 3, 0, 0, 0);
    t->dims[0] = 4;
    t->n_int64_data = 4;
    t->int64_data = parts;
    node(f, "Reshape", "yt joined", "s");
    node(f, "Reshape", "s parted", "p");
    along(f, "ReduceMean", "p", "m", 2, false);
    node(f, "MatMul", "m M", "y");
}

// A head on the stack, then one of the layers.
static void a_head_on_each(struct file *f) {
    two_layers(f);
    node(f, "MatMul", "hn M", "z");
    node(f, "Add", "z c", "b");
    node(f, "Relu", "b", "r");
    node(f, "Gather", "r last", "y");
    node(f, "Tanh", "hn", "t");
    along(f, "ReduceSum", "t", "sum", 0, false);
    add_output(f, "sum");
}

static void a_stack_as_output(struct file *f) {
    two_layers(f);
    node(f, "MatMul", "hn M", "y");
}

// A weight for each layer, as ELMo has it.
static void weights_of_layers(struct file *f) {
    two_layers(f);
    number_tensor(f, "weights", 2, 1, 1, 0.25f, 0.5f);
    node(f, "Mul", "weights hn", "w");
    along(f, "ReduceSum", "w", "h", 0, false);
    gemm(f, "h", "y");
}

static void states_and_cells(struct file *f) {
    two_layers(f);
    node(f, "Concat", "cn1 cn2", "cn");
    with_int(f, "axis", 0);
    node(f, "Add", "hn cn", "sum");
    along(f, "ReduceMean", "sum", "h", 0, false);
    gemm(f, "h", "y");
}

// Both beside each other, of each layer.
static void states_beside_cells(struct file *f) {
    two_layers(f);
    node(f, "Concat", "cn1 cn2", "cn");
    with_int(f, "axis", 0);
    node(f, "Concat", "hn cn", "both");
    with_int(f, "axis", -1);
    node(f, "Gather", "both zero", "y");
}

static void normalised_each(struct file *f) {
    two_layers(f);
    number_tensor(f, "gamma", H, 0, 0, 0.5f, 0.75f);
    node(f, "LayerNormalization", "hn gamma", "n");
    along(f, "ReduceMean", "n", "h", 0, false);
    gemm(f, "h", "y");
}

// view(2, 2, N, H): the directions of each layer are added, then the layers.
static void view4(struct file *f, const char *to) {
    static int64_t parts[4] = {2, 2, -1, H};
    char inputs[32];

    four(f);
    Onnx__TensorProto *t = list_tensor(f, "parted", 3, 0, 0, 0);
    t->dims[0] = 4;
    t->n_int64_data = 4;
    t->int64_data = parts;
    snprintf(inputs, sizeof inputs, "h4 parted");
    node(f, "Reshape", inputs, to);
}

static void directions_then_layers(struct file *f) {
    view4(f, "v");
    along(f, "ReduceSum", "v", "d", 1, false);
    along(f, "ReduceMean", "d", "h", 0, false);
    gemm(f, "h", "y");
}

static void layers_then_one_direction(struct file *f) {
    view4(f, "v");
    along(f, "ReduceMean", "v", "l", 0, true);
    node(f, "Gather", "l zero", "m");
    node(f, "Gather", "m last", "h");
    gemm(f, "h", "y");
}

static void both_axes_at_once(struct file *f) {
    view4(f, "v");
    node(f, "ReduceMean", "v", "h");
    with_ints(f, "axes", 2, 0, 1, 0);
    with_int(f, "keepdims", 0);
    gemm(f, "h", "y");
}

static void both_axes_joined(struct file *f) {
    static const int64_t axes[4] = {2, 0, 1, 3};

    view4(f, "v");
    node(f, "Transpose", "v", "t");
    Onnx__AttributeProto *a = attribute(f, "perm");
    a->n_ints = 4;
    a->ints = (int64_t *)(uintptr_t)axes;
    list_tensor(f, "flat", 2, 0, -1, 0);
    node(f, "Reshape", "t flat", "y");
}

static void two_axes_as_output(struct file *f) {
    view4(f, "v");
    node(f, "Relu", "v", "y");
}

// One axis again, and one of its layers.
static void two_axes_as_one(struct file *f) {
    view4(f, "v");
    list_tensor(f, "back", 3, 4, -1, H);
    node(f, "Reshape", "v back", "b");
    node(f, "Gather", "b one0", "h");
    index_tensor(f, "one0", 0, 1);
    gemm(f, "h", "y");
}

// hn.view(-1, H): the sequences of one layer behind those of the other.
static void layers_as_sequences(struct file *f) {
    two_layers(f);
    list_tensor(f, "rows", 2, -1, H, 0);
    node(f, "Reshape", "hn rows", "r");
    gemm(f, "r", "y");
}

static void layers_as_sequences_and_back(struct file *f) {
    two_layers(f);
    list_tensor(f, "rows", 2, -1, H, 0);
    list_tensor(f, "back", 3, 2, -1, O);
    node(f, "Reshape", "hn rows", "r");
    gemm(f, "r", "g");
    node(f, "Reshape", "g back", "b");
    along(f, "ReduceSum", "b", "y", 0, false);
}

static void a_stack_twice(struct file *f) {
    two_directions(f);
    node(f, "Add", "hn hn", "d");
    node(f, "Relu", "d", "y");
}

static void the_greatest_of_layers(struct file *f) {
    two_layers(f);
    along(f, "ReduceMax", "hn", "h", 0, false);
    gemm(f, "h", "y");
}

static const struct file_case good[] = {
    {a_stack_twice, ""},
    {the_mean_of_layers, "lstm<0 lstm<1 last<1 last<2 add<3 dense<5; y=6"},
    {the_sum_of_directions, "lstm<0 reverse<0 lstm<2 last<1 last<3 add<4 dense<6; y=7"},
    {the_sum_of_steps, "lstm<0 reverse<0 lstm<2 reverse<3 add<1 dense<5; y=6"},
    {halves_are_parted, "lstm<0 reverse<0 lstm<2 reverse<3 add<1 dense<5; y=6"},
    {a_head_on_each, "lstm<0 lstm<1 last<1 last<2 dense<4 dense<3 dense<4 add<6; y=5 sum=8"},
    {a_stack_as_output, "lstm<0 lstm<1 last<1 dense<3 last<2 dense<5 concat<4; y=7"},
    {weights_of_layers, "lstm<0 lstm<1 last<1 dense<3 last<2 dense<5 add<4 dense<7; y=8"},
    {states_and_cells, ""},
    {the_greatest_of_layers, "lstm<0 lstm<1 last<1 last<2 greater<3 dense<5; y=6"},
    {states_beside_cells, "lstm<0 lstm_cell<0 last<1 last<2 concat<3; y=5"},
    {normalised_each, ""},
    {directions_then_layers, ""},
    {layers_then_one_direction, ""},
    {both_axes_at_once, ""},
    {both_axes_joined, ""},
    {two_axes_as_output, ""},
    {two_axes_as_one, ""},
    {layers_as_sequences_and_back, "lstm<0 lstm<1 last<1 dense<3 last<2 dense<5 add<4; y=7"},
};

START_TEST(stack_is_read) {
    struct mr_network n;

    if (*good[_i].expected) {
        expect_network(&good[_i], &n);
    } else { // what it computes is enough
        struct file *f = malloc(sizeof *f);
        ck_assert_ptr_nonnull(f);
        good[_i].make(f);
        ck_assert_msg(parse(f, &n) == 0, "%s", error);
        free(f);
    }
    mr_network_free(&n);
}
END_TEST

// ---- What is refused

static void a_stack_and_a_row(struct file *f) {
    two_layers(f);
    node(f, "Add", "hn hn2", "y");
}

static void weights_of_other_layers(struct file *f) {
    two_layers(f);
    number_tensor(f, "weights", 3, 1, 1, 0.25f, 0.5f);
    node(f, "Mul", "weights hn", "y");
}

static void a_choice_of_each(struct file *f) {
    two_layers(f);
    node(f, "ArgMax", "hn", "y");
    with_int(f, "axis", -1);
}

static void the_sum_of_sequences_is_none(struct file *f) {
    begin(f, 0, 0);
    states(f, "x");
    along(f, "ReduceSum", "s", "y", 1, false);
}

static void layers_and_steps(struct file *f) {
    two_directions(f);
    node(f, "ReduceMean", "Y", "h");
    with_ints(f, "axes", 2, 0, 1, 0);
    with_int(f, "keepdims", 0);
    gemm(f, "h", "y");
}

static void layers_of_sequences_are_added(struct file *f) {
    two_layers(f);
    list_tensor(f, "rows", 2, -1, H, 0);
    node(f, "Reshape", "hn rows", "r");
    along(f, "ReduceSum", "r", "y", 0, false);
}

static const struct file_case bad[] = {
    {a_stack_and_a_row, "node 'y' (Add) computes with rows of several layers or directions"},
    {weights_of_other_layers, "node 'y' (Mul) has numbers for 3 layers, and reads the rows of 2"},
    {a_choice_of_each, "the output 'y' has numbers of 2 layers that a cast, a choice or a"},
    {layers_as_sequences, "the output 'y' has the rows of 2 layers, one layer behind the other for "
                          "all sequences"},
    {the_sum_of_sequences_is_none,
     "node 'y' (ReduceSum) goes along axis 1, which is neither that of the steps nor one of"},
    {layers_and_steps, "node 'h' (ReduceMean) goes along the layers and along another axis"},
    {layers_of_sequences_are_added, "node 'y' (ReduceSum) goes along the layers and the sequences"},
};

START_TEST(stack_is_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_stack");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, stack_is_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, stack_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
