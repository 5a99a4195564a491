// SPDX-License-Identifier: Apache-2.0
// Recurrent operators that read the sequence from its end, or in both directions, in the ways in
// which exporters write what follows them: what they become, compared with what the file's
// operators compute, or the sentence.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

static const char *const both = "bidirectional";

static void direction(struct file *f, const char *word) {
    Onnx__AttributeProto *a = attribute(f, "direction");

    a->has_s = 1;
    a->s = (ProtobufCBinaryData){strlen(word), (uint8_t *)(uintptr_t)word};
}

// Weights of the fixture's size, small enough that the order of the steps shows.
static void small(struct file *f, const char *name, int rank, int64_t a, int64_t b, int64_t c) {
    Onnx__TensorProto *t = tensor(f, name, rank, a, b, c);
    const int64_t count = a * b * (rank > 2 ? c : 1);
    float *list = t->has_raw_data ? (float *)(void *)t->raw_data.data : t->float_data;

    for (int64_t i = 0; i < count; i++)
        list[i] = (float)((i * 7 + 3) % 11 - 5) / 8;
}

// Both directions of an LSTM of two units on x: "Y" [T, 2, N, H], "hn" and "cn" [2, N, H].
static void two_ways(struct file *f, int64_t steps) {
    begin(f, steps, 0);
    small(f, "W2", 3, 2, 4 * H, F);
    small(f, "R2", 3, 2, 4 * H, H);
    small(f, "B2", 2, 2, 8 * H, 1);
    list_tensor(f, "joined", 3, 0, 0, -1);
    list_tensor(f, "flat", 2, -1, 2 * H, 0);
    lstm(f, "x W2 R2 B2", "Y hn cn");
    direction(f, both);
}

// As PyTorch writes it: "s" [T, N, 2H].
static void joined_steps(struct file *f) {
    static int64_t perm[4] = {0, 2, 1, 3};
    two_ways(f, 0);
    node(f, "Transpose", "Y", "yt");
    attribute(f, "perm")->n_ints = 4;
    f->attribute[f->attribute_count - 1].ints = perm;
    node(f, "Reshape", "yt joined", "s");
}

// ---- What is read

static void all_steps(struct file *f) {
    joined_steps(f);
    f->out.name = "s";
}

static void steps_as_they_are(struct file *f) {
    two_ways(f, 0);
    f->out.name = "Y";
}

static void the_last_step(struct file *f) {
    joined_steps(f);
    node(f, "Gather", "s last", "y");
}

static void the_first_step(struct file *f) {
    joined_steps(f);
    node(f, "Gather", "s zero", "y");
}

// torch.cat((out[-1, :, :H], out[0, :, H:]), 1): the last step of each half.
static void ends_of_both_halves(struct file *f) {
    joined_steps(f);
    list_tensor(f, "from0", 1, 0, 0, 0);
    list_tensor(f, "from2", 1, H, 0, 0);
    list_tensor(f, "axis2", 1, 2, 0, 0);
    node(f, "Slice", "s from0 from2 axis2", "a");
    node(f, "Slice", "s from2 end axis2", "b");
    node(f, "Gather", "a last", "la");
    node(f, "Gather", "b zero", "lb");
    node(f, "Concat", "la lb", "y");
    with_int(f, "axis", -1);
}

// torch.cat((hn[-2], hn[-1]), 1)
static void states_side_by_side(struct file *f) {
    two_ways(f, 0);
    index_tensor(f, "before", 0, -2);
    node(f, "Gather", "hn before", "a");
    node(f, "Gather", "hn last", "b");
    node(f, "Concat", "a b", "y");
    with_int(f, "axis", 1);
}

// hn.transpose(0, 1).reshape(-1, 2 * H)
static void states_reshaped(struct file *f) {
    two_ways(f, 0);
    node(f, "Transpose", "hn", "t");
    with_ints(f, "perm", 3, 1, 0, 2);
    node(f, "Reshape", "t flat", "y");
}

static void states_flattened(struct file *f) {
    two_ways(f, 0);
    node(f, "Transpose", "hn", "t");
    with_ints(f, "perm", 3, 1, 0, 2);
    node(f, "Flatten", "t", "y");
}

static void states_as_they_are(struct file *f) {
    two_ways(f, 0);
    f->out.name = "hn";
}

// hn.view(layers, directions, N, H)[-1] of two layers.
static void states_of_the_upper_layer(struct file *f) {
    static int64_t shape[4] = {2, 2, -1, H};
    joined_steps(f);
    small(f, "W4", 3, 2, 4 * H, 2 * H);
    lstm(f, "s W4 R2 B2", "Y2 hn2");
    direction(f, both);
    node(f, "Concat", "hn hn2", "all");
    with_int(f, "axis", 0);
    list_tensor(f, "view", 1, 0, 0, 0);
    Onnx__TensorProto *t = &f->tensor[f->graph.n_initializer - 1];
    t->n_int64_data = 4;
    t->int64_data = shape;
    t->dims[0] = 4;
    node(f, "Reshape", "all view", "v");
    node(f, "Gather", "v last", "upper");
    node(f, "Split", "upper", "a b");
    node(f, "Squeeze", "a", "a1");
    with_ints(f, "axes", 1, 0, 0, 0);
    node(f, "Squeeze", "b", "b1");
    with_ints(f, "axes", 1, 0, 0, 0);
    node(f, "Concat", "a1 b1", "y");
    with_int(f, "axis", -1);
}

// Keras' two halves, taken apart and joined step by step.
static void halves_split(struct file *f) {
    two_ways(f, 0);
    node(f, "Split", "Y", "a b");
    with_int(f, "axis", 1);
    node(f, "Squeeze", "a one", "a1");
    node(f, "Squeeze", "b one", "b1");
    node(f, "Concat", "a1 b1", "y");
    with_int(f, "axis", 2);
}

static void a_head_on_one_half(struct file *f) {
    two_ways(f, 0);
    node(f, "Gather", "Y one", "b");
    with_int(f, "axis", 1);
    node(f, "Squeeze", "b one", "b1");
    node(f, "MatMul", "b1 M", "y");
}

static void from_the_end(struct file *f) {
    begin(f, 5, 0);
    small(f, "W1", 3, 1, 4 * H, F);
    lstm(f, "x W1 R B", "Y hn");
    direction(f, "reverse");
    node(f, "Squeeze", "Y one", "y");
    add_output(f, "hn");
}

static void two_layers_from_the_end(struct file *f) {
    from_the_end(f);
    small(f, "W3", 3, 1, 4 * H, H);
    lstm(f, "y W3 R B", "Y2");
    direction(f, "reverse");
    node(f, "Squeeze", "Y2 one", "z");
    f->out.name = "z";
}

static void flip(struct file *f, const char *input, const char *output) {
    char inputs[64];

    snprintf(inputs, sizeof inputs, "%s minus begin flip_axis minus", input);
    node(f, "Slice", inputs, output);
}

// Two LSTMs side by side, one on torch.flip(x, [0]), joined by hand.
static void flipped_by_hand(struct file *f) {
    begin(f, 0, 0);
    small(f, "W1", 3, 1, 4 * H, F);
    list_tensor(f, "begin", 1, INT64_MIN + 1, 0, 0);
    list_tensor(f, "flip_axis", 1, 0, 0, 0);
    flip(f, "x", "xr");
    lstm(f, "x W1 R B", "Y");
    lstm(f, "xr W1 R", "Z");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Squeeze", "Z one", "zs");
    flip(f, "zs", "t");
    node(f, "Concat", "s t", "y");
    with_int(f, "axis", 2);
}

static void the_batch_flipped(struct file *f) {
    begin(f, 0, 0);
    list_tensor(f, "begin", 1, INT64_MIN + 1, 0, 0);
    list_tensor(f, "flip_axis", 1, 1, 0, 0);
    flip(f, "x", "xr");
    lstm(f, "xr W R B", "y");
}

// The first layer's input beside its rows.
static void a_link_past_the_layer(struct file *f) {
    begin(f, 0, 0);
    small(f, "W1", 3, 1, 4 * H, F);
    lstm(f, "x W1 R B", "Y");
    node(f, "Squeeze", "Y one", "s");
    node(f, "Concat", "s x", "y");
    with_int(f, "axis", 2);
}

// An offset and a scale in front of both halves goes into their weights.
static void normalised(struct file *f) {
    begin(f, 0, 0);
    small(f, "W2", 3, 2, 4 * H, F);
    small(f, "R2", 3, 2, 4 * H, H);
    number_tensor(f, "mean", F, 0, 0, 0.5f, 0.25f);
    node(f, "Sub", "x mean", "xn");
    lstm(f, "xn W2 R2", "Y hn");
    direction(f, both);
    f->out.name = "hn";
}

// Their axis of features has size 1, and goes.
static void states_of_one_number(struct file *f) {
    begin(f, 0, 0);
    small(f, "W1", 3, 2, 4, F);
    small(f, "R1", 3, 2, 4, 1);
    list_tensor(f, "third", 1, 2, 0, 0);
    node(f, "LSTM", "x W1 R1", "- hn");
    direction(f, both);
    node(f, "Squeeze", "hn third", "y");
}

static const struct {
    void (*make)(struct file *f);
    const char *network;
    int most_steps; // 0: nothing is turned round
} good[] = {
    {all_steps, "lstm<0 reverse<0 lstm<2 reverse<3 concat<1; s=5", MR_MOST_STEPS},
    {steps_as_they_are, "lstm<0 reverse<0 lstm<2 reverse<3 concat<1; Y=5", MR_MOST_STEPS},
    {the_last_step, "lstm<0 reverse<0 lstm<2 last<1 first<3 concat<4; y=6", MR_MOST_STEPS},
    {the_first_step, "lstm<0 reverse<0 lstm<2 first<1 last<3 concat<4; y=6", MR_MOST_STEPS},
    {ends_of_both_halves, "lstm<0 reverse<0 lstm<2 last<3 last<1 concat<5; y=6", MR_MOST_STEPS},
    {states_side_by_side, "lstm<0 reverse<0 lstm<2 last<1 last<3 concat<4; y=6", MR_MOST_STEPS},
    {states_reshaped, "lstm<0 reverse<0 lstm<2 last<1 last<3 concat<4; y=6", MR_MOST_STEPS},
    {states_flattened, "lstm<0 reverse<0 lstm<2 last<1 last<3 concat<4; y=6", MR_MOST_STEPS},
    {states_as_they_are, "lstm<0 reverse<0 lstm<2 last<1 last<3 concat<4; hn=6", MR_MOST_STEPS},
    {states_of_one_number, "lstm<0 reverse<0 lstm<2 last<1 last<3 concat<4; y=6", MR_MOST_STEPS},
    {states_of_the_upper_layer,
     "lstm<0 reverse<0 lstm<2 reverse<3 concat<1 lstm<5 reverse<5 lstm<7 last<6 last<8 concat<9; "
     "y=11",
     MR_MOST_STEPS},
    {halves_split, "lstm<0 reverse<0 lstm<2 reverse<3 concat<1; y=5", MR_MOST_STEPS},
    {a_head_on_one_half, "reverse<0 lstm<1 reverse<2 dense<3; y=4", MR_MOST_STEPS},
    {from_the_end, "reverse<0 lstm<1 reverse<2 last<2; y=3 hn=4", 5},
    {two_layers_from_the_end, "reverse<0 lstm<1 lstm<2 reverse<3 last<2; z=4 hn=5", 5},
    {flipped_by_hand, "reverse<0 lstm<0 lstm<1 reverse<3 concat<2; y=5", MR_MOST_STEPS},
    {a_link_past_the_layer, "lstm<0 concat<1; y=2", 0},
    {normalised, "lstm<0 reverse<0 lstm<2 last<1 last<3 concat<4; hn=6", MR_MOST_STEPS},
};

START_TEST(network_is_read) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    char text[400];

    good[_i].make(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    describe(&n, text, sizeof text);
    ck_assert_str_eq(text, good[_i].network);
    const struct mr_op *shortest = mr_network_shortest(&n);
    ck_assert_int_eq(shortest ? shortest->most_steps : 0, good[_i].most_steps);
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- What is not

static void another_way(struct file *f) {
    begin(f, 0, 0);
    lstm(f, "x W R B", "y");
    direction(f, "sideways");
}

static void weights_of_one_way(struct file *f) {
    begin(f, 0, 0);
    lstm(f, "x W R B", "y");
    direction(f, both);
}

static void a_step_beside_all(struct file *f) {
    joined_steps(f);
    node(f, "Concat", "s hn", "y");
    with_int(f, "axis", 2);
}

static void a_third_way(struct file *f) {
    two_ways(f, 0);
    index_tensor(f, "two", 0, 2);
    node(f, "Gather", "hn two", "y");
}

static void too_many_steps(struct file *f) {
    two_ways(f, MR_MOST_STEPS_LIMIT + 1);
    f->out.name = "hn";
}

static const struct {
    void (*make)(struct file *f);
    const char *said;
} bad[] = {
    {another_way, "runs in direction 'sideways', and there are forward, reverse and bidirectional"},
    {weights_of_one_way, "has a W of another shape than [2, 8, 3]"},
    {a_step_beside_all, "joins values that are not rows of layers"},
    {a_third_way, "takes a layer that does not exist"},
    {the_batch_flipped, "reads the input turned round along another axis than the steps"},
    {too_many_steps, "reads sequences of 1048577 steps from their end"},
};

START_TEST(network_is_refused) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    bad[_i].make(f);
    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, bad[_i].said) != NULL, "%s", error);
    ck_assert_ptr_null(n.ops);
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_directions");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, network_is_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, network_is_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
