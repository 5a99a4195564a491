// SPDX-License-Identifier: Apache-2.0
// Recurrences that a file writes out by elementary operators: they are read as the layers that they
// are, and what they are not is said.
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "onnx.h"
#include "onnx_written.h"

#include <sys/stat.h>

enum { SEEDS = 200 };

static char error[1024];

static void keep_for_fuzzer(const struct random_file *f, const char *name, int number) {
    const struct mr_piece piece = {f->data, f->size};
    char path[64], said[600];

    snprintf(path, sizeof path, "build/fuzz/%s%d.onnx", name, number);
    mkdir("build", 0777);
    mkdir("build/fuzz", 0777);
    ck_assert_int_eq(mr_file_write(path, &piece, 1, said, sizeof said), 0);
}

START_TEST(random_writing_is_what_the_file_says) {
    struct random_file f;
    struct mr_network n;

    written_onnx((uint64_t)_i, &f);
    struct mr_onnx *onnx = mr_onnx_open_memory(f.data, f.size, "written", error, sizeof error);
    ck_assert_msg(onnx != NULL, "seed %d: %s", _i, error);
    ck_assert_msg(mr_onnx_network(onnx, &n, error, sizeof error) == 0, "seed %d: %s\n%s", _i, error,
                  f.about);
    ck_assert_msg(mr_onnx_verify(onnx, &n, 1 << 26, error, sizeof error) == 0, "seed %d: %s\n%s",
                  _i, error, f.about);
    ck_assert_msg(mr_network_layers(&n) == f.layers, "seed %d\n%s", _i, f.about);
    ck_assert_int_eq(n.output_count, f.outputs);
    ck_assert_int_eq(n.streams[0].width, f.inputs);
    ck_assert_str_eq(n.layout, f.batch_first ? "NTF" : "TNF");
    mr_network_free(&n);
    mr_onnx_close(onnx);
    if (f.size < 4000)
        keep_for_fuzzer(&f, "written", _i);
    free(f.data);
}
END_TEST

// ---- Files by hand. F features, H units; K [F, 4H], R [H, 4H], B [4H], M [H, 2].

enum { F = 2, H = 3 };

static void begin_case(struct random_file *f, int64_t rows, int64_t columns) {
    begin_written(7, f, rows, columns, F);
    put_weights(f, "K", 2, F, 4 * H, 0, F, 1.2);
    put_weights(f, "R", 2, H, 4 * H, 0, H, 1.2);
    put_weights(f, "R2", 2, H, 4 * H, 0, H, 1.2);
    put_weights(f, "B", 1, 4 * H, 0, 0, 1, 0.5);
    put_weights(f, "M", 2, H, 2, 0, H, 1);
    put_weights(f, "V", 2, H, F, 0, H, 1);
    put_list(f, "sizes", 4, (const int64_t[]){H, H, H, H});
    put_list(f, "units", 1, (const int64_t[]){H});
}

static void end_case(struct random_file *f, const char *output) {
    put_value_info(f, 12, output, 1, 0, NULL);
    end_written(f, 14);
}

// A state of zeros, "z" [N, H]; N is this axis of x.
static void zeros(struct random_file *f, int axis) {
    put_op(f, "Shape", "x", "shape");
    put_axis(f, "Gather", axis ? "shape axis1" : "shape axis0", "sequences", 0);
    put_axis(f, "Concat", "sequences units", "zs", 0);
    put_op(f, "ConstantOfShape", "zs", "z");
}

static void op(struct random_file *f, const char *tag, const char *type, const char *inputs,
               const char *outputs) {
    char text[2][120];
    const char *const from[2] = {inputs, outputs};

    for (int i = 0; i < 2; i++) { // a word that begins with _ gets the tag before it
        size_t used = 0;
        for (const char *c = from[i]; *c && used + 16 < sizeof text[i]; c++) {
            if (*c == '_' && (c == from[i] || c[-1] == ' '))
                used += (size_t)snprintf(text[i] + used, sizeof text[i] - used, "%s", tag);
            text[i][used++] = *c;
        }
        text[i][used] = 0;
    }
    if (strcmp(type, "Split") == 0 || strcmp(type, "Gather") == 0 || strcmp(type, "Concat") == 0 ||
        strcmp(type, "Softmax") == 0)
        put_axis(f, type, text[0], text[1], 1);
    else
        put_op(f, type, text[0], text[1]);
}

// One step of an LSTM: from x, h and c to tag_h and tag_c.
static void lstm_step(struct random_file *f, const char *tag, const char *x, const char *h,
                      const char *c, const char *r) {
    char inputs[60];

    snprintf(inputs, sizeof inputs, "%s K", x);
    op(f, tag, "MatMul", inputs, "_a");
    snprintf(inputs, sizeof inputs, "%s %s", h, r);
    op(f, tag, "MatMul", inputs, "_b");
    op(f, tag, "Add", "_a _b", "_d");
    op(f, tag, "Add", "_d B", "_s");
    op(f, tag, "Split", "_s sizes", "_i _f _g _o");
    op(f, tag, "Sigmoid", "_i", "_si");
    op(f, tag, "Sigmoid", "_f", "_sf");
    op(f, tag, "Sigmoid", "_o", "_so");
    op(f, tag, "Tanh", "_g", "_tg");
    snprintf(inputs, sizeof inputs, "_sf %s", c);
    op(f, tag, "Mul", inputs, "_fc");
    op(f, tag, "Mul", "_si _tg", "_ig");
    op(f, tag, "Add", "_fc _ig", "_c");
    op(f, tag, "Tanh", "_c", "_tc");
    op(f, tag, "Mul", "_so _tc", "_h");
}

// Steps of an LSTM over x [N, T, F], of which step `odd` has other weights: "0_h" and so on.
static void lstm_steps(struct random_file *f, int steps, int odd) {
    char tag[12], x[16], h[16] = "z", c[16] = "z", index[16], inputs[40];

    zeros(f, 0);
    for (int t = 0; t < steps; t++) {
        snprintf(tag, sizeof tag, "%d", t);
        snprintf(index, sizeof index, "at%d", t);
        snprintf(x, sizeof x, "x%d", t);
        put_whole(f, index, 0, t);
        snprintf(inputs, sizeof inputs, "x %s", index);
        put_axis(f, "Gather", inputs, x, 1);
        lstm_step(f, tag, x, h, c, t == odd ? "R2" : "R");
        snprintf(h, sizeof h, "%d_h", t);
        snprintf(c, sizeof c, "%d_c", t);
    }
}

static void steps_are_written_out(struct random_file *f) {
    begin_case(f, 0, 4);
    lstm_steps(f, 4, -1);
    put_op(f, "MatMul", "3_h M", "y");
    end_case(f, "y");
}

static void steps_of_an_open_axis(struct random_file *f) {
    begin_case(f, 0, 0);
    lstm_steps(f, 4, -1);
    put_op(f, "MatMul", "3_h M", "y");
    end_case(f, "y");
}

// As many steps as the reader takes for an open second axis, which is no reason to take others.
static void steps_of_an_open_axis_by_chance(struct random_file *f) {
    begin_case(f, 0, 0);
    lstm_steps(f, 6, -1);
    put_op(f, "MatMul", "5_h M", "y");
    end_case(f, "y");
}

static void two_steps(struct random_file *f) {
    begin_case(f, 0, 2);
    lstm_steps(f, 2, -1);
    put_op(f, "MatMul", "1_h M", "y");
    end_case(f, "y");
}

static void one_step(struct random_file *f) {
    begin_case(f, 0, 1);
    lstm_steps(f, 1, -1);
    put_op(f, "MatMul", "0_h M", "y");
    end_case(f, "y");
}

static void other_weights(struct random_file *f) {
    begin_case(f, 0, 4);
    lstm_steps(f, 4, 2);
    put_op(f, "MatMul", "3_h M", "y");
    end_case(f, "y");
}

static void state_of_a_step_between(struct random_file *f) {
    begin_case(f, 0, 4);
    lstm_steps(f, 4, -1);
    put_axis(f, "Concat", "1_h 3_h", "j", 1);
    end_case(f, "j");
}

static void some_steps_only(struct random_file *f) {
    begin_case(f, 0, 6);
    lstm_steps(f, 4, -1);
    put_op(f, "MatMul", "3_h M", "y");
    end_case(f, "y");
}

// A single step with states that come in and go out.
static void states_are_inputs(struct random_file *f) {
    const int64_t x[2] = {0, F}, h[2] = {0, H};
    struct random_file empty;

    begin_case(f, 0, 0);
    begin_written(7, &empty, 0, 0, F); // its input has too many axes
    free(empty.graph.data);
    free(f->graph.data);
    f->graph = (struct bytes){0};
    put_value_info(f, 11, "x", 1, 2, x);
    put_value_info(f, 11, "h0", 1, 2, h);
    put_value_info(f, 11, "c0", 1, 2, h);
    put_weights(f, "K", 2, F, 4 * H, 0, F, 1.2);
    put_weights(f, "R", 2, H, 4 * H, 0, H, 1.2);
    put_weights(f, "B", 1, 4 * H, 0, 0, 1, 0.5);
    put_weights(f, "M", 2, H, 2, 0, H, 1);
    put_list(f, "sizes", 4, (const int64_t[]){H, H, H, H});
    lstm_step(f, "", "x", "h0", "c0", "R");
    put_op(f, "MatMul", "_h M", "y");
    put_value_info(f, 12, "y", 1, 0, NULL);
    end_case(f, "_c");
}

enum loop { PLAIN, ENDLESS, CONDITION, SOFTMAX, NO_FORGET, FEEDBACK, MIXED, PORTS, BRANCH, LIST };

// A Loop over x [T, N, F].
static void loop_of(struct random_file *f, enum loop way) {
    begin_case(f, 0, 0);
    zeros(f, 1);
    put_axis(f, "Gather", "shape zero", "T", 0);
    put_tensor(f, "true", 9, 0, NULL, "\1", 1);
    if (way == FEEDBACK) {
        put_list(f, "features", 1, (const int64_t[]){F});
        put_axis(f, "Concat", "sequences features", "fs", 0);
        put_op(f, "ConstantOfShape", "fs", "zf");
    }
    if (way == LIST)
        put_op(f, "SequenceEmpty", "", "list");
    const struct bytes outer = begin_body(f);
    put_axis(f, "Gather", "x t", "x_t", 0);
    lstm_step(f, "", way == FEEDBACK ? "fed" : "x_t", "h", "c", "R");
    put_op(f, "Identity", "more", way == CONDITION ? "same" : "go");
    if (way == CONDITION) {
        put_list(f, "first", 1, (const int64_t[]){0});
        put_op(f, "ReduceMax", "_h", "greatest");
        put_op(f, "Greater", "greatest nought", "go");
    }
    if (way == SOFTMAX)
        op(f, "", "Softmax", "_h", "_out");
    if (way == NO_FORGET)
        put_op(f, "Add", "c _ig", "_out");
    if (way == FEEDBACK)
        put_op(f, "MatMul", "_h V", "_out");
    if (way == MIXED)
        put_op(f, "Transpose", "_h", "_out");
    if (way == BRANCH) {
        const struct bytes body = begin_body(f);
        put_op(f, "Tanh", "_h", "then");
        put_port(f, 12, "then");
        struct bytes yes = end_body(f, body);
        const struct bytes again = begin_body(f);
        put_op(f, "Softmax", "_h", "else");
        put_port(f, 12, "else");
        struct bytes no = end_body(f, again);
        open_node(f, "If", "true", "_out");
        put_body(f, "then_branch", &yes);
        put_body(f, "else_branch", &no);
        finish(f);
    }
    if (way == LIST)
        put_op(f, "SequenceInsert", "l _h", "_out");
    put_port(f, 11, "t");
    put_port(f, 11, "more");
    put_port(f, 11, "h");
    if (way != PORTS)
        put_port(f, 11, "c");
    if (way == FEEDBACK)
        put_port(f, 11, "fed");
    if (way == LIST)
        put_port(f, 11, "l");
    put_port(f, 12, "go");
    put_port(f, 12, way == SOFTMAX ? "_out" : "_h");
    put_port(f, 12, way == NO_FORGET ? "_out" : "_c");
    put_port(f, 12, way == BRANCH || way == FEEDBACK || way == LIST ? "_out" : "_h");
    struct bytes body = end_body(f, outer);
    open_node(f, "Loop",
              way == ENDLESS    ? "- true z z"
              : way == FEEDBACK ? "T - z z zf"
              : way == LIST     ? "T - z z list"
                                : "T - z z",
              way == ENDLESS ? "last - y" : "last - rows");
    put_body(f, "body", &body);
    finish(f);
    if (way == LIST) {
        open_node(f, "ConcatFromSequence", "rows", "stacked");
        put_attribute(f, "axis", 0);
        put_attribute(f, "new_axis", 1);
        finish(f);
    }
    if (way == FEEDBACK)
        put_op(f, "Identity", "rows", "y");
    else if (way != ENDLESS)
        put_op(f, "MatMul", way == LIST ? "stacked M" : "rows M", "y");
    end_case(f, "y");
}

#define LOOP(name, way)                                                                            \
    static void name(struct random_file *f) {                                                      \
        loop_of(f, way);                                                                           \
    }
LOOP(loop_over_steps, PLAIN)
LOOP(loop_without_end, ENDLESS)
LOOP(loop_until_the_data_says, CONDITION)
LOOP(softmax_of_a_state, SOFTMAX)
LOOP(cell_without_a_forget_gate, NO_FORGET)
LOOP(output_is_fed_back, FEEDBACK)
LOOP(body_has_other_inputs, PORTS)
LOOP(branch_of_a_constant, BRANCH)
LOOP(steps_go_to_a_list, LIST)

// Constants to start from, and x times the weights in front of the steps.
static void scan_from_constants(struct random_file *f) {
    begin_case(f, 0, 0);
    zeros(f, 1);
    put_weights(f, "h0", 2, 1, H, 0, 1, 0.7);
    put_weights(f, "c0", 2, 1, H, 0, 1, 0.7);
    put_op(f, "Expand", "h0 zs", "h1");
    put_op(f, "Expand", "c0 zs", "c1");
    const struct bytes outer = begin_body(f);
    lstm_step(f, "", "x_t", "h", "c", "R");
    put_port(f, 11, "h");
    put_port(f, 11, "c");
    put_port(f, 11, "x_t");
    put_port(f, 12, "_h");
    put_port(f, 12, "_c");
    struct bytes body = end_body(f, outer);
    open_node(f, "Scan", "h1 c1 x", "last -");
    put_body(f, "body", &body);
    put_attribute(f, "num_scan_inputs", 1);
    finish(f);
    put_op(f, "MatMul", "last M", "y");
    end_case(f, "y");
}

// A projection to P numbers in the place of h; start: what h starts from, [N, P] or [1, P].
static void projected(struct random_file *f, const char *start) {
    enum { P = 2 };

    begin_case(f, 0, 0);
    zeros(f, 1);
    put_list(f, "narrow", 1, (const int64_t[]){P});
    put_axis(f, "Concat", "sequences narrow", "ps", 0);
    put_op(f, "ConstantOfShape", "ps", "p0");
    put_weights(f, "p1", 2, 1, P, 0, 1, 0.2);
    put_op(f, "Expand", "p1 ps", "p2");
    put_weights(f, "R4", 2, P, 4 * H, 0, P, 0.7);
    put_weights(f, "Q", 2, H, P, 0, H, 0.7);
    put_weights(f, "M2", 2, P, 3, 0, P, 0.7);
    const struct bytes outer = begin_body(f);
    lstm_step(f, "", "x_t", "h", "c", "R4");
    put_op(f, "MatMul", "_h Q", "_p");
    put_op(f, "Identity", "_p", "_out");
    put_port(f, 11, "h");
    put_port(f, 11, "c");
    put_port(f, 11, "x_t");
    put_port(f, 12, "_p");
    put_port(f, 12, "_c");
    put_port(f, 12, "_out");
    struct bytes body = end_body(f, outer);
    char inputs[40];
    snprintf(inputs, sizeof inputs, "%s z x", start);
    open_node(f, "Scan", inputs, "- - rows");
    put_body(f, "body", &body);
    put_attribute(f, "num_scan_inputs", 1);
    finish(f);
    put_op(f, "MatMul", "rows M2", "y");
    end_case(f, "y");
}

static void scan_with_a_projection(struct random_file *f) {
    projected(f, "p0");
}

static void projection_from_a_state(struct random_file *f) {
    projected(f, "p2");
}

static void scan_of_version_8(struct random_file *f) {
    scan_from_constants(f);
    free(f->data);
    scan_from_constants(f);
    // The opset stands before the graph: {8: {2: 14}}.
    for (size_t i = 0; i + 3 < f->size && i < 16; i++)
        if (f->data[i] == 0x42 && f->data[i + 2] == 0x10)
            f->data[i + 3] = 8;
}

static const struct {
    void (*make)(struct random_file *f);
    const char *said; // a part of the sentence that refuses it; NULL: it is read
    int layers, steps;
    const char *note; // a part of the notes
} cases[] = {
    {steps_are_written_out, NULL, 1, 4, "do not limit the model"},
    {steps_of_an_open_axis, NULL, 1, 4, "4 steps written out"},
    {steps_of_an_open_axis_by_chance, NULL, 1, 6, "6 steps written out"},
    {two_steps, NULL, 1, 2, "writes 1 recurrent layer out"},
    {states_are_inputs, NULL, 1, 1, "input 'h0', a state"},
    {loop_over_steps, NULL, 1, 0, "writes 1 recurrent layer out"},
    {branch_of_a_constant, NULL, 1, 0, ""},
    {steps_go_to_a_list, NULL, 1, 0, ""},
    {scan_from_constants, NULL, 1, 0, ""},
    {scan_with_a_projection, NULL, 1, 0, ""},
    {projection_from_a_state, "of step 0 that is not made as that of the other steps", 0, 0, NULL},
    {one_step, "takes one element of axis 1 of the input", 0, 0, NULL},
    {other_weights, "node '2_h' (Mul) gives a state that does not come from", 0, 0, NULL},
    {state_of_a_step_between, "takes rows of step 1", 0, 0, NULL},
    {some_steps_only, "takes 4 of its 6 steps", 0, 0, NULL},
    {loop_without_end, "than this version follows", 0, 0, NULL},
    {loop_until_the_data_says, "in a loop with what depends on the input", 0, 0, NULL},
    {softmax_of_a_state, "node '_out' (Softmax) computes in a loop", 0, 0, NULL},
    {cell_without_a_forget_gate, "does not come from the one before it as in the steps before", 0,
     0, NULL},
    {output_is_fed_back, "a recurrence reads nothing but constants", 0, 0, NULL},
    {body_has_other_inputs, "has a body whose inputs and outputs do not fit", 0, 0, NULL},
    {scan_of_version_8, "is a Scan of version 8", 0, 0, NULL},
};

START_TEST(writing_is_read_or_refused) {
    struct random_file f;
    struct mr_network n;

    cases[_i].make(&f);
    keep_for_fuzzer(&f, "recurrence", _i);
    struct mr_onnx *onnx = mr_onnx_open_memory(f.data, f.size, "case", error, sizeof error);
    ck_assert_msg(onnx != NULL, "%d: %s", _i, error);
    const int result = mr_onnx_network(onnx, &n, error, sizeof error);
    if (cases[_i].said) {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, cases[_i].said) != NULL, "%d: %s", _i, error);
    } else {
        ck_assert_msg(result == 0, "%d: %s", _i, error);
        ck_assert_msg(mr_onnx_verify(onnx, &n, 1 << 26, error, sizeof error) == 0, "%d: %s", _i,
                      error);
        ck_assert_int_eq(mr_network_layers(&n), cases[_i].layers);
        ck_assert_int_eq(n.steps, cases[_i].steps);
        ck_assert_msg(strstr(mr_onnx_notes(onnx), cases[_i].note) != NULL, "%s",
                      mr_onnx_notes(onnx));
        mr_network_free(&n);
    }
    mr_onnx_close(onnx);
    // No cut of a file crashes the reader.
    for (size_t cut = 0; cut < f.size; cut += 31) {
        onnx = mr_onnx_open_memory(f.data, cut, "cut", error, sizeof error);
        if (onnx && mr_onnx_network(onnx, &n, error, sizeof error) == 0)
            mr_network_free(&n);
        mr_onnx_close(onnx);
    }
    free(f.data);
}
END_TEST

// The state before a single step is not zero, so that what is multiplied with it is compared too.
START_TEST(decoder_starts_from_its_inputs) {
    struct random_file f;
    struct mr_network n;
    int op_of, field, place;

    states_are_inputs(&f);
    struct mr_onnx *onnx = mr_onnx_open_memory(f.data, f.size, "decoder", error, sizeof error);
    ck_assert_msg(onnx != NULL, "%s", error);
    mr_onnx_be_decoder(onnx);
    ck_assert_msg(mr_onnx_network(onnx, &n, error, sizeof error) == 0, "%s", error);
    ck_assert_int_eq(mr_onnx_state_count(onnx), 2);
    ck_assert_str_eq(mr_onnx_state(onnx, 0, &op_of, &field, &place), "h0");
    ck_assert_int_eq(field, 0);
    ck_assert_str_eq(mr_onnx_state(onnx, 1, &op_of, &field, &place), "c0");
    ck_assert_int_eq(field, 1);
    ck_assert_int_eq(mr_onnx_try_states(onnx, &n), 0);
    ck_assert_msg(mr_onnx_verify(onnx, &n, 1 << 26, error, sizeof error) == 0, "%s", error);
    mr_network_free(&n);
    mr_onnx_close(onnx);
    free(f.data);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_written");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, random_writing_is_what_the_file_says, 0, SEEDS);
    tcase_add_loop_test(all, writing_is_read_or_refused, 0, sizeof cases / sizeof *cases);
    tcase_add_test(all, decoder_starts_from_its_inputs);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
