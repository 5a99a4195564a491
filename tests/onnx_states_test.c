// SPDX-License-Identifier: Apache-2.0
// States that the sequences of an ONNX file start from, and their lengths, in the ways in which
// exporters write them: what is read, compared with what the file's operators compute, or the
// sentence.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

// Small weights, and a state of [a, b, H].
static void begin_small(struct file *f, int64_t a, int64_t b) {
    begin(f, 0, 0);
    for (int t = 0; t < 3; t++) {
        float *list = f->tensor[t].has_raw_data ? (float *)(void *)f->tensor[t].raw_data.data
                                                : f->tensor[t].float_data;
        for (int i = 0; i < 16; i++)
            list[i] = (float)(i * 5 % 7 - 3) / 8;
    }
    number_tensor(f, "start", a, b, H, -0.5f, 0.25f);
    number_tensor(f, "cells", a, b, H, 1.5f, -0.5f);
}

static void an_initialiser(struct file *f) {
    begin_small(f, 1, 1);
    lstm(f, "x W R B - start cells", "- y");
}

// torch: self.h0.expand(-1, x.size(1), -1)
static void expanded(struct file *f) {
    begin_small(f, 1, 1);
    node(f, "Shape", "x", "shape");
    node(f, "Gather", "shape one", "n");
    list_tensor(f, "units", 1, H, 0, 0);
    node(f, "Concat", "one n units", "to");
    with_int(f, "axis", 0);
    node(f, "Expand", "start to", "h0");
    node(f, "Expand", "cells to", "c0");
    lstm(f, "x W R B - h0 c0", "Y y");
}

// self.h0.repeat(1, n, 1) of two layers, each of which takes its own.
static void repeated(struct file *f) {
    begin_small(f, 2, 1);
    node(f, "Shape", "x", "shape");
    node(f, "Gather", "shape one", "n");
    node(f, "Concat", "one n one", "to");
    with_int(f, "axis", 0);
    node(f, "Tile", "start to", "h0");
    node(f, "Split", "h0", "h1 h2");
    with_int(f, "axis", 0);
    lstm(f, "x W R B - h1", "Y");
    node(f, "Squeeze", "Y one", "s");
    tensor(f, "W2", 3, 1, 4 * H, H);
    lstm(f, "s W2 R B - h2", "- y");
}

static void a_number_for_all(struct file *f) {
    expanded(f);
    number_tensor(f, "half", 1, 0, 0, 0.5f, 0);
    f->node[5].input[5] = "h5";
    node(f, "Expand", "half to", "h5");
    Onnx__NodeProto swap = f->node[5];
    f->node[5] = f->node[6];
    f->node[6] = swap;
}

static void of_each_sequence(struct file *f) {
    begin_small(f, 1, 3);
    lstm(f, "x W R B - start", "- y");
}

static void batch_first_layout(struct file *f) {
    begin_small(f, 3, 1);
    lstm(f, "x W R B - start cells", "- y");
    with_int(f, "layout", 1);
}

static void of_both_directions(struct file *f) {
    begin_small(f, 2, 1);
    tensor(f, "W2", 3, 2, 4 * H, F);
    tensor(f, "R2", 3, 2, 4 * H, H);
    lstm(f, "x W2 R2 - - start cells", "- y");
    Onnx__AttributeProto *a = attribute(f, "direction");
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){13, (uint8_t *)(uintptr_t) "bidirectional"};
}

static const struct {
    void (*make)(struct file *f);
    int rows;             // that sequences start from
    float first[4];       // numbers of the first, h and c
    int layers, last_row; // numbers from there on are those of the last layer
} good[] = {
    {an_initialiser, 1, {-0.5f, -0.25f, 1.5f, 1}, 1, 0},
    {expanded, 1, {-0.5f, -0.25f, 1.5f, 1}, 1, 0},
    {repeated, 1, {-0.5f, -0.25f, 0, 0}, 2, 0},
    {a_number_for_all, 1, {0.5f, 0.5f, 1.5f, 1}, 1, 0},
    {of_each_sequence, 3, {-0.5f, -0.25f, 0, 0}, 1, 2},
    {batch_first_layout, 3, {-0.5f, -0.25f, 1.5f, 1}, 1, 2},
    {of_both_directions, 1, {-0.5f, -0.25f, 1.5f, 1}, 2, 0},
};

START_TEST(starts_are_read) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    good[_i].make(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(mr_network_starts(&n), good[_i].rows);
    ck_assert_int_eq(mr_network_layers(&n), good[_i].layers);
    const struct mr_op *op = mr_network_layer(&n, 0);
    for (int k = 0; k < 2 * H; k++)
        ck_assert_float_eq(op->start[k], good[_i].first[k]);
    op = mr_network_layer(&n, good[_i].layers - 1);
    if (good[_i].layers == 2) // the numbers behind those of the first
        ck_assert_float_eq(op->start[0], 0);
    if (good[_i].last_row)
        ck_assert_float_eq(op->start[good[_i].last_row * 2 * H], 0.5f);
    mr_network_free(&n);
    free(f);
}
END_TEST

// ---- States that the file computes

// A layer of a kind behind another one's state, in one of the ways in which files feed and start
// it; the network's numbers are compared with what the file's operators give in double precision.
static void follows(struct file *f, int way, int encoder, int decoder, bool with_cell) {
    static const char *const types[] = {"LSTM", "GRU", "RNN"};
    static const int gates[] = {4, 3, 1};
    const bool both = encoder == 0 && decoder == 0 && with_cell;
    char inputs[80];

    begin_small(f, 1, 1);
    static const char *const names[2][3] = {{"We", "Re", "Be"}, {"Wd", "Rd", "Bd"}};
    for (int l = 0; l < 2; l++) {
        const int rows = gates[l ? decoder : encoder] * H;
        tensor(f, names[l][0], 3, 1, rows, l && way >= 3 ? H : F);
        tensor(f, names[l][1], 3, 1, rows, H);
        tensor(f, names[l][2], 2, 1, 2 * rows, 1);
        for (int t = 0; t < 3; t++) {
            Onnx__TensorProto *of = f->tensors[f->graph.n_initializer - 3 + (size_t)t];
            float *list = of->has_raw_data ? (float *)(void *)of->raw_data.data : of->float_data;
            for (int i = 0; i < (t == 2 ? 2 : F) * rows; i++)
                list[i] = (float)((i + 3 * t + 5 * l) * 5 % 7 - 3) / 8;
        }
    }
    node(f, types[encoder], "x We Re Be", both ? "Y h cn" : "Y h");
    with_int(f, "hidden_size", H);
    const char *fed = "x", *state = "h";
    if (way == 1 || way == 2) { // constant steps are those of one sequence
        f->dim[1].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        f->dim[1].dim_value = 1;
    }
    if (way == 1) { // zeros, at two steps
        number_tensor(f, "zeros", 2, 1, F, 0, 0);
        fed = "zeros";
    } else if (way == 2) { // one row, at one step, and a state through a line
        number_tensor(f, "row", 1, 1, F, 0.5f, 0.25f);
        node(f, "MatMul", "h M", "line");
        node(f, "Tanh", "line", "bent");
        fed = "row";
        state = "bent";
    } else if (way == 3) { // the state itself, at five steps
        list_tensor(f, "times", 3, 5, 1, 1);
        node(f, "Tile", "h times", "fed");
        fed = "fed";
    } else if (way == 4) { // as tf2onnx writes Keras: RepeatVector and initial_state, as [N, H]
        node(f, "Squeeze", "h", "state");
        with_ints(f, "axes", 1, 0, 0, 0);
        node(f, "Unsqueeze", "state", "row");
        with_ints(f, "axes", 1, 1, 0, 0);
        list_tensor(f, "times", 3, 1, 5, 1);
        node(f, "Tile", "row times", "steps");
        node(f, "Transpose", "steps", "fed");
        with_ints(f, "perm", 3, 1, 0, 2);
        node(f, "Unsqueeze", "state", "h0");
        with_ints(f, "axes", 1, 0, 0, 0);
        fed = "fed";
        state = "h0";
    }
    snprintf(inputs, sizeof inputs, "%s Wd Rd Bd - %s%s", fed, state, both ? " cn" : "");
    node(f, types[decoder], inputs, "Z z");
    with_int(f, "hidden_size", H);
    if (decoder == 1)
        with_int(f, "linear_before_reset", way % 2);
    node(f, "Squeeze", "Z one", "y");
    add_output(f, "z");
}

enum { WAYS = 5, CELLS = 3 };

START_TEST(states_follow) {
    struct file *f = malloc(sizeof *f);
    const int way = _i % WAYS, encoder = _i / WAYS % CELLS, decoder = _i / WAYS / CELLS;
    struct mr_network n;

    ck_assert_ptr_nonnull(f);
    for (int with_cell = 0; with_cell < 2; with_cell++) {
        follows(f, way, encoder, decoder, with_cell);
        ck_assert_msg(parse(f, &n) == 0, "case %d: %s", _i, error);
        const struct mr_op *op = mr_network_layer(&n, mr_network_layers(&n) - 1);
        ck_assert(op->follows && op->given[0] >= 0);
        ck_assert_int_eq(op->given[1] >= 0, with_cell && encoder == 0 && decoder == 0);
        ck_assert_uint_eq(mr_output_rows(&n, 0, 7), way == 0 ? 7 : way == 1 ? 2 : way == 2 ? 1 : 5);
        mr_network_free(&n);
    }
    free(f);
}
END_TEST

// ---- Lengths

// An input of one axis or two beside x.
static void second_input(struct file *f, const char *name, int type_of_elements, int rank) {
    static Onnx__TypeProto type;
    static Onnx__TypeProto__Tensor tensor_type;
    static Onnx__TensorShapeProto shape;

    add_input(f, name);
    onnx__type_proto__init(&type);
    onnx__type_proto__tensor__init(&tensor_type);
    onnx__tensor_shape_proto__init(&shape);
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor_type;
    tensor_type.has_elem_type = 1;
    tensor_type.elem_type = type_of_elements;
    tensor_type.shape = &shape;
    shape.n_dim = (size_t)rank;
    shape.dim = f->dims;
    f->other.type = &type;
}

// pack_padded_sequence and the last state
static void lengths_as_input(struct file *f) {
    begin(f, 0, 0);
    second_input(f, "lengths", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 1);
    node(f, "Cast", "lengths", "l32");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    lstm(f, "x W R B l32", "Y hn");
    f->out.name = "hn";
    add_output(f, "Y");
}

static void lengths_of_mask(struct file *f, int type) {
    begin(f, 0, 0);
    second_input(f, "mask", type, 2);
    node(f, "Cast", "mask", "m");
    with_int(f, "to", ONNX__TENSOR_PROTO__DATA_TYPE__INT32);
    node(f, "ReduceSum", "m one", "l");
    with_int(f, "keepdims", 0);
    lstm(f, "x W R B l", "Y hn");
    f->out.name = "hn";
}

static void lengths_of_a_mask(struct file *f) {
    lengths_of_mask(f, ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
}

static void lengths_of_a_float_mask(struct file *f) {
    lengths_of_mask(f, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
}

// As Keras has it: [sequences, units].
static void a_state_of_two_axes(struct file *f) {
    static Onnx__TensorShapeProto__Dimension size[2], *sizes[2] = {&size[0], &size[1]};

    begin_small(f, 1, 1);
    second_input(f, "h", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 2);
    for (int i = 0; i < 2; i++)
        onnx__tensor_shape_proto__dimension__init(sizes[i]);
    sizes[1]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    sizes[1]->dim_value = H;
    f->other.type->tensor_type->shape->dim = sizes;
    list_tensor(f, "front", 1, 0, 0, 0);
    node(f, "Unsqueeze", "h front", "h0");
    lstm(f, "x W R B - h0", "Y hn");
    f->out.name = "hn";
}

static void (*const left_out[])(struct file *) = {lengths_as_input, lengths_of_a_mask,
                                                  lengths_of_a_float_mask, a_state_of_two_axes};

START_TEST(inputs_are_left_out) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    left_out[_i](f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(n.op_count, 2);
    mr_network_free(&n);
    free(f);
}
END_TEST

// Of two layers, the second in both directions, with a head behind the padding too.
static void constants_that_differ(struct file *f) {
    begin(f, 0, 3);
    list_tensor(f, "l", 3, 3, 1, 6);
    tensor(f, "W2", 3, 2, 4 * H, H);
    tensor(f, "R2", 3, 2, 4 * H, H);
    lstm(f, "x W R B l", "Y hn");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R2 - l", "Z zn");
    Onnx__AttributeProto *a = attribute(f, "direction");
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){13, (uint8_t *)(uintptr_t) "bidirectional"};
    node(f, "MatMul", "s M", "m");
    node(f, "Add", "m c", "y");
    add_output(f, "Z");
    add_output(f, "zn");
}

static void shorter_than_the_input(struct file *f) {
    begin(f, 4, 0);
    list_tensor(f, "l", 1, 3, 0, 0);
    lstm(f, "x W R B l", "y hn");
    add_output(f, "hn");
}

START_TEST(lengths_are_kept) {
    static const int32_t lengths[2][3] = {{3, 1, 6}, {3, 0, 0}};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    (_i ? shorter_than_the_input : constants_that_differ)(f);
    ck_assert_msg(parse(f, &n) == 0, "%s", error);
    ck_assert_int_eq(n.length_count, _i ? 1 : 3);
    for (int i = 0; i < n.length_count; i++)
        ck_assert_int_eq(n.lengths[i], lengths[_i][i]);
    mr_network_free(&n);
    free(f);
}
END_TEST

static void the_last_padded_step(struct file *f) {
    lengths_as_input(f);
    node(f, "Squeeze", "Y one", "s");
    node(f, "Gather", "s last", "y");
    f->out.name = "y";
}

static void the_mean_with_padding(struct file *f) {
    lengths_as_input(f);
    node(f, "Squeeze", "Y one", "s");
    node(f, "ReduceMean", "s", "y");
    with_ints(f, "axes", 1, 0, 0, 0);
    f->out.name = "y";
}

static void other_batch(struct file *f) {
    begin(f, 4, 2);
    list_tensor(f, "l", 3, 3, 2, 1);
    lstm(f, "x W R B l", "- y");
}

static void longer_than_the_input(struct file *f) {
    begin(f, 4, 0);
    list_tensor(f, "l", 2, 3, 5, 0);
    lstm(f, "x W R B l", "- y");
}

static void lengths_of_the_second(struct file *f) {
    begin(f, 4, 3);
    list_tensor(f, "l", 3, 3, 2, 1);
    tensor(f, "W2", 3, 1, 4 * H, H);
    lstm(f, "x W R B", "Y hn");
    node(f, "Squeeze", "Y one", "s");
    lstm(f, "s W2 R B l", "- y");
    add_output(f, "s");
}

static void a_state_of_every_step(struct file *f) {
    begin_small(f, 1, 1);
    lstm(f, "x W R B", "Y");
    lstm(f, "x W R B - Y", "- y");
}

static void a_state_of_other_units(struct file *f) {
    begin_small(f, 1, 1);
    tensor(f, "W2", 3, 1, 4, F);
    tensor(f, "R2", 3, 1, 4, 1);
    node(f, "LSTM", "x W2 R2", "- h");
    lstm(f, "x W R B - h", "- y");
}

static void a_state_beside_a_constant(struct file *f) {
    begin_small(f, 1, 1);
    lstm(f, "x W R B", "- h");
    lstm(f, "x W R B - h cells", "- y");
}

static void a_state_of_one_direction(struct file *f) {
    begin_small(f, 1, 1);
    tensor(f, "W2", 3, 2, 4 * H, F);
    tensor(f, "R2", 3, 2, 4 * H, H);
    lstm(f, "x W R B", "- h");
    lstm(f, "x W2 R2 - - h", "- y");
    Onnx__AttributeProto *a = attribute(f, "direction");
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){13, (uint8_t *)(uintptr_t) "bidirectional"};
}

static void steps_that_differ(struct file *f) {
    begin_small(f, 1, 1);
    number_tensor(f, "ramp", 2, 1, F, 0, 1);
    lstm(f, "x W R B", "- h");
    lstm(f, "ramp W R B - h", "- y");
}

static void no_steps(struct file *f) {
    begin_small(f, 1, 1);
    number_tensor(f, "none", 0, 1, F, 0, 1);
    lstm(f, "x W R B", "- h");
    lstm(f, "none W R B - h", "- y");
}

static void another_shape(struct file *f) {
    begin_small(f, 2, 1);
    lstm(f, "x W R B - start", "- y");
}

static void other_counts(struct file *f) {
    begin_small(f, 1, 3);
    number_tensor(f, "two", 1, 2, H, 1, 1);
    lstm(f, "x W R B - start two", "- y");
}

static const struct {
    void (*make)(struct file *f);
    const char *said;
} bad[] = {
    {a_state_of_every_step,
     "has an initial_h ('Y') that is not [directions, sequences, units] of 1"},
    {a_state_of_other_units, "has an initial_h of 1 units, and its layer has 2"},
    {a_state_beside_a_constant,
     "starts from a row of a layer and from a constant that is not zero"},
    {a_state_of_one_direction,
     "has an initial_h ('h') that is not [directions, sequences, units] of 2"},
    {steps_that_differ, "reads constants that are not the same at each step"},
    {no_steps, "reads constants of no step"},
    {another_shape, "has an initial_h that is not [directions, sequences, units] of 1 direction"},
    {other_counts, "has states for 3 sequences and for 2"},
    {the_last_padded_step, "takes the last step of sequences that have lengths of their own"},
    {the_mean_with_padding, "makes one row of all steps of sequences that have lengths"},
    {other_batch, "has 3 constant sequence lengths that are not one for each sequence"},
    {lengths_of_the_second, "only some recurrent layers have sequence lengths"},
    {longer_than_the_input, "has a sequence length of 5, which is not from 1 to the steps"},
};

START_TEST(starts_are_refused) {
    struct file *f = malloc(sizeof *f);
    struct mr_network n;

    bad[_i].make(f);
    ck_assert_int_ne(parse(f, &n), 0);
    ck_assert_msg(strstr(error, bad[_i].said) != NULL, "%s", error);
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_states");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, starts_are_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, states_follow, 0, WAYS * CELLS * CELLS);
    tcase_add_loop_test(all, inputs_are_left_out, 0, sizeof left_out / sizeof *left_out);
    tcase_add_loop_test(all, lengths_are_kept, 0, 2);
    tcase_add_loop_test(all, starts_are_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
