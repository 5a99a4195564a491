// SPDX-License-Identifier: Apache-2.0
// Pairs of ONNX files, an encoder and a decoder: those that fit become one model, whose states come
// by name or in their order; all others are refused with a sentence, and nothing is written.
#define _POSIX_C_SOURCE 200809L
#include "millrace.h"
#include "model.h"
#include "onnx_fixture.h"
#include "walk.h"

#include <math.h>
#include <unistd.h>

#define FOLDER "build/encoder_import_test"
#define ENCODER FOLDER "/encoder.onnx"
#define DECODER FOLDER "/decoder.onnx"
#define MODEL FOLDER "/model.millrace"

enum { ROWS = 4 }; // of the decoder's embedding

static void gru(struct file *f, const char *inputs, const char *outputs, int units) {
    tensor(f, "W3", 3, 1, 3 * units, F);
    tensor(f, "R3", 3, 1, 3 * units, units);
    tensor(f, "B3", 2, 1, 6 * units, 1);
    node(f, "GRU", inputs, outputs);
    with_int(f, "hidden_size", units);
    with_int(f, "linear_before_reset", 1);
}

static void encoder_of(struct file *f, const char *output) {
    begin(f, 0, 0);
    gru(f, "x W3 R3 B3", "Y hn", H);
    node(f, "Identity", "hn", output);
    f->out.name = (char *)(uintptr_t)output;
}

static void encoder(struct file *f) {
    encoder_of(f, "h0");
}

static void encoder_of_other_name(struct file *f) {
    encoder_of(f, "context");
}

// All steps too, which nobody takes.
static void encoder_with_steps(struct file *f) {
    encoder(f);
    node(f, "Squeeze", "Y one", "steps");
    add_output(f, "steps");
}

static void encoder_of_steps(struct file *f) {
    begin(f, 0, 0);
    gru(f, "x W3 R3 B3", "Y hn", H);
    node(f, "Squeeze", "Y one", "h0");
    f->out.name = "h0";
}

static void encoder_of_two(struct file *f) {
    encoder_of_other_name(f);
    node(f, "Identity", "hn", "again");
    add_output(f, "again");
}

static void encoder_of_three_units(struct file *f) {
    begin(f, 0, 0);
    gru(f, "x W3 R3 B3", "Y h0", 3);
    f->out.name = "h0";
}

static void encoder_of_two_layers(struct file *f) {
    encoder(f);
    f->graph.n_node--; // the Identity
    list_tensor(f, "front", 1, 0, 0, 0);
    node(f, "Concat", "hn hn", "h0");
    with_int(f, "axis", 0);
}

// Behind a GRU whose state is the input "h0"; scores of two tokens.
static void tokens(struct file *f) {
    static Onnx__TypeProto type;
    static Onnx__TypeProto__Tensor tensor_type;
    static Onnx__TensorShapeProto shape;
    static Onnx__TensorShapeProto__Dimension one, units, *dims[3];

    begin(f, 0, 0);
    f->shape.n_dim = 2;
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
    f->in.name = "token";
    onnx__value_info_proto__init(&f->other);
    onnx__type_proto__init(&type);
    onnx__type_proto__tensor__init(&tensor_type);
    onnx__tensor_shape_proto__init(&shape);
    onnx__tensor_shape_proto__dimension__init(&one);
    onnx__tensor_shape_proto__dimension__init(&units);
    one.value_case = units.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    one.dim_value = 1;
    units.dim_value = H;
    dims[0] = &one;
    dims[1] = f->dims[1];
    dims[2] = &units;
    shape.n_dim = 3;
    shape.dim = dims;
    tensor_type.has_elem_type = 1;
    tensor_type.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor_type.shape = &shape;
    type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type.tensor_type = &tensor_type;
    f->other.name = "h0";
    f->other.type = &type;
    f->ins[1] = &f->other;
    f->graph.n_input = 2;
    tensor(f, "E", 2, ROWS, F, 1);
    node(f, "Gather", "E token", "rows");
}

static void scores(struct file *f, const char *from, const char *to) {
    char inputs[32];

    node(f, "Transpose", "M", "Mt");
    with_ints(f, "perm", 2, 1, 0, 0);
    snprintf(inputs, sizeof inputs, "%s Mt", from);
    node(f, "MatMul", inputs, "product");
    node(f, "Add", "product c", to);
}

static void decoder(struct file *f) {
    tokens(f);
    gru(f, "rows W3 R3 B3 - h0", "Y next", H);
    node(f, "Squeeze", "Y one", "steps");
    scores(f, "steps", "y");
    add_output(f, "next");
}

// Of the last step, as a softmax.
static void decoder_of_last(struct file *f) {
    tokens(f);
    gru(f, "rows W3 R3 B3 - h0", "Y next", H);
    list_tensor(f, "front", 1, 0, 0, 0);
    node(f, "Squeeze", "next front", "row");
    scores(f, "row", "z");
    node(f, "Softmax", "z", "y");
    with_int(f, "axis", -1);
}

static void decoder_without_state(struct file *f) {
    tokens(f);
    gru(f, "rows W3 R3 B3", "Y next", H);
    node(f, "Squeeze", "Y one", "steps");
    scores(f, "steps", "y");
}

static void decoder_of_numbers(struct file *f) {
    decoder(f);
    f->shape.n_dim = 3;
    f->type_tensor.elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    f->node[0].op_type = "Identity";
    f->node[0].input[0] = "token";
    f->node[0].n_input = 1;
}

static void decoder_of_two_scores(struct file *f) {
    decoder(f);
    node(f, "Softmax", "y", "z");
    with_int(f, "axis", -1);
    add_output(f, "z");
}

static void decoder_with_context(struct file *f) {
    tokens(f);
    gru(f, "rows W3 R3 B3 - h0", "Y next", H);
    node(f, "Squeeze", "Y one", "steps");
    node(f, "Add", "steps h0", "both");
    scores(f, "both", "y");
}

static void decoder_of_the_mean(struct file *f) {
    tokens(f);
    gru(f, "rows W3 R3 B3 - h0", "Y next", H);
    node(f, "Squeeze", "Y one", "steps");
    node(f, "ReduceMean", "steps", "mean");
    with_ints(f, "axes", 1, 0, 0, 0);
    with_int(f, "keepdims", 0);
    scores(f, "mean", "y");
}

static void write_pair(void (*first)(struct file *), void (*second)(struct file *)) {
    struct file f;

    first(&f);
    write_file(&f, ENCODER);
    second(&f);
    write_file(&f, DECODER);
    unlink(MODEL);
}

static void write_rows(const char *path) {
    struct mr_array array;
    const size_t shape[] = {5, 3, F};

    ck_assert_int_eq(mr_array_create(&array, 3, shape, error, sizeof error), 0);
    for (size_t i = 0; i < array.count; i++)
        array.data[i] = (float)sin((double)i);
    ck_assert_msg(mr_npy_write(path, &array, error, sizeof error) == 0, "%s", error);
    mr_array_free(&array);
}

// What a pair becomes: the operators, with what each reads.
static const struct {
    void (*encoder)(struct file *), (*decoder)(struct file *);
} fits[] = {
    {encoder, decoder},
    {encoder_of_other_name, decoder},
    {encoder_with_steps, decoder},
    {encoder, decoder_of_last},
};

START_TEST(pairs_that_fit) {
    const struct mr_import_options options = {
        MR_IMPORT_OPTIONS_INIT, .decoder = DECODER, .calibration = FOLDER "/x.npy",
        .first_token = 1,       .decode_steps = 4,  .force = 1};
    struct mr_error reason = {0};
    struct mr_model_data data;
    char text[200];

    write_pair(fits[_i].encoder, fits[_i].decoder);
    write_rows(FOLDER "/x.npy");
    ck_assert_msg(mr_import_with(ENCODER, MODEL, &options, &reason) == 0, "%s", reason.text);
    ck_assert_msg(mr_model_data_load(MODEL, &data, error, sizeof error) == 0, "%s", error);
    const struct mr_model_data again = {.network = data.network};
    snprintf(text, sizeof text, "build/fuzz/encoder%d.millrace", _i); // for the fuzzer
    mkdir("build/fuzz", 0777);
    ck_assert_int_eq(mr_model_data_save(&again, text, error, sizeof error), 0);
    describe(&data.network, text, sizeof text);
    ck_assert_str_eq(text, "gru<1 last<2 embedding<0 gru<4 dense<5 argmax<6; token=7");
    ck_assert_int_eq(data.network.ops[3].given[0], 3);
    ck_assert_str_eq(data.network.encoder_name, "x");
    ck_assert_str_eq(data.network.input_name, "token");
    ck_assert_uint_gt(data.accuracy.count, 0);
    mr_model_data_free(&data);
}
END_TEST

static const struct {
    void (*encoder)(struct file *), (*decoder)(struct file *);
    const char *sentence;
} refused[] = {
    {encoder, decoder_without_state,
     DECODER ": no layer of the decoder starts from an input; export it with the states of its "
             "layers as inputs"},
    {encoder, decoder_of_numbers,
     DECODER ": the decoder's input 'token' is no token, which is the number of a row of its "
             "embedding"},
    {encoder, decoder_of_two_scores,
     DECODER ": the decoder has the outputs 'y' and 'z' beside its states; one, the scores of the "
             "next token, is taken"},
    {encoder, decoder_with_context, "attention over the steps of the encoder"},
    {encoder, decoder_of_the_mean,
     "needs all steps of a sequence, and a decoder has one at a time"},
    {encoder_of_steps, decoder,
     "the encoder's output 'h0' has a row for every step, and a state is one row; attention over "
     "the steps of an encoder is not supported"},
    {encoder_of_two, decoder, "the encoder gives 2 states and the decoder " DECODER " takes 1"},
    {encoder_of_three_units, decoder,
     "the encoder's output 'h0' has 3 numbers for h of 'gru0' of the decoder " DECODER
     ", which has 2 units"},
    {encoder_of_two_layers, decoder,
     "the encoder's output 'h0' has the states of 2 layers, and the decoder's input 'h0' those of "
     "1"},
};

START_TEST(pairs_that_do_not_fit) {
    const struct mr_import_options options = {MR_IMPORT_OPTIONS_INIT, .decoder = DECODER};
    struct mr_error reason = {0};

    write_pair(refused[_i].encoder, refused[_i].decoder);
    ck_assert_int_eq(mr_import_with(ENCODER, MODEL, &options, &reason), MR_ERROR_MODEL);
    ck_assert_msg(strstr(reason.text, refused[_i].sentence) != NULL, "%s", reason.text);
    ck_assert_int_ne(access(MODEL, F_OK), 0);
}
END_TEST

START_TEST(wrong_options) {
    static const struct mr_range range = {MR_ALL, -1, 1};
    const struct {
        struct mr_import_options options;
        const char *sentence;
    } cases[] = {
        {{.decoder = FOLDER "/none.onnx"}, FOLDER "/none.onnx"},
        {{.decoder = FOLDER "/x.npy"}, FOLDER "/x.npy"},
        {{.decoder = DECODER, .calibration = FOLDER "/x.npy", .first_token = ROWS},
         "the first token is 4, and the decoder has the tokens 0 to 3"},
        {{.decoder = DECODER, .ranges = &range, .range_count = 1}, "from calibration data alone"},
        {{.first_token = 1}, "no decoder is given"},
        {{.decode_steps = 1}, "no decoder is given"},
        {{.decoder = MODEL}, MODEL " would be overwritten"},
    };

    write_pair(encoder, decoder);
    write_rows(FOLDER "/x.npy");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mr_import_options options = cases[i].options;
        struct mr_error reason = {0};
        options.size = sizeof options;
        if (strcmp(cases[i].sentence, MODEL " would be overwritten") == 0)
            ck_assert_int_eq(rename(DECODER, MODEL), 0);
        ck_assert_int_ne(mr_import_with(ENCODER, MODEL, &options, &reason), 0);
        ck_assert_msg(strstr(reason.text, cases[i].sentence) != NULL, "%s", reason.text);
    }
}
END_TEST

int main(void) {
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    Suite *suite = suite_create("encoder_import");
    TCase *tc = tcase_create("pairs");
    tcase_add_loop_test(tc, pairs_that_fit, 0, sizeof fits / sizeof *fits);
    tcase_add_loop_test(tc, pairs_that_do_not_fit, 0, sizeof refused / sizeof *refused);
    tcase_add_test(tc, wrong_options);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
