// SPDX-License-Identifier: Apache-2.0
// An If as PyTorch writes it for the squeeze of an axis whose size it does not know, and others.
#define _POSIX_C_SOURCE 200809L
#include "onnx_fixture.h"

// The two branches of an If. They live in the test, as the file does.
static struct branch {
    Onnx__GraphProto graph;
    Onnx__NodeProto node[2], *nodes[2];
    Onnx__AttributeProto attribute, *attributes[1];
    Onnx__TensorProto tensor;
    Onnx__ValueInfoProto out, *outs[1];
    char *in[2], *given[2];
} branches[4];

static void add_node(struct branch *b, const char *type, const char *x, const char *axes,
                     const char *output) {
    const size_t index = b->graph.n_node++;
    Onnx__NodeProto *n = b->nodes[index] = &b->node[index];

    onnx__node_proto__init(n);
    n->op_type = (char *)(uintptr_t)type;
    b->in[0] = (char *)(uintptr_t)x;
    b->in[1] = (char *)(uintptr_t)axes;
    b->given[index] = (char *)(uintptr_t)output;
    n->n_input = (size_t)(x != NULL) + (axes != NULL);
    n->input = b->in;
    n->n_output = 1;
    n->output = &b->given[index];
    b->out.name = b->given[index];
}

static struct branch *begin_branch(int index) {
    struct branch *b = &branches[index];

    memset(b, 0, sizeof *b);
    onnx__graph_proto__init(&b->graph);
    onnx__value_info_proto__init(&b->out);
    onnx__attribute_proto__init(&b->attribute);
    b->graph.node = b->nodes;
    b->graph.n_output = 1;
    b->graph.output = b->outs;
    b->outs[0] = &b->out;
    b->attributes[0] = &b->attribute;
    return b;
}

static void give_attribute(struct branch *b, Onnx__NodeProto *node, const char *name) {
    b->attribute.name = (char *)(uintptr_t)name;
    node->n_attribute = 1;
    node->attribute = b->attributes;
}

// The axes as an attribute, or as of version 13 on from a Constant of the branch.
static struct branch *squeezes(struct file *f, int index, const char *x, int64_t axis,
                               bool constant) {
    struct branch *b = begin_branch(index);
    int64_t *list = f->numbers[f->number_count++];

    list[0] = axis;
    if (constant) {
        b->tensor = *list_tensor(f, "", 1, axis, 0, 0);
        b->tensor.name = NULL;
        f->graph.n_initializer--; // it is the branch's
        add_node(b, "Constant", NULL, NULL, "axes");
        give_attribute(b, &b->node[0], "value");
        b->attribute.t = &b->tensor;
    }
    add_node(b, "Squeeze", x, constant ? "axes" : NULL, "squeezed");
    if (!constant) {
        give_attribute(b, &b->node[0], "axes");
        b->attribute.n_ints = 1;
        b->attribute.ints = list;
    }
    return b;
}

static struct branch *computes(int index, const char *type, const char *x) {
    struct branch *b = begin_branch(index);

    add_node(b, type, x, NULL, "same");
    return b;
}

static void end_if(struct file *f, const char *condition, struct branch *yes, struct branch *no,
                   const char *output) {
    node(f, "If", condition, output);
    attribute(f, "then_branch")->g = &yes->graph;
    attribute(f, "else_branch")->g = &no->graph;
}

// y[-1:].squeeze(0) of an open length: the condition is made of the shape.
static void squeeze_of(struct file *f, int64_t axis, bool constant) {
    begin(f, 0, 0);
    states(f, "x");
    node(f, "Slice", "s minus end from", "l");
    index_tensor(f, "from", 1, 0);
    node(f, "Shape", "l", "shape");
    node(f, "Gather", "shape zero", "size");
    index_tensor(f, "wanted", 0, 1);
    node(f, "Equal", "size wanted", "is_one");
    end_if(f, "is_one", squeezes(f, 0, "l", axis, constant), computes(1, "Identity", "l"), "row");
}

static void a_squeeze_of_the_last_step(struct file *f) {
    squeeze_of(f, 0, false);
    gemm(f, "row", "y");
}

// Two of them, with the same names in their branches.
static void two_squeezes(struct file *f) {
    squeeze_of(f, 0, true);
    gemm(f, "row", "y");
    node(f, "Slice", "Y minus end from", "l2");
    end_if(f, "is_one", squeezes(f, 2, "l2", 0, true), computes(3, "Identity", "l2"), "row2");
    node(f, "Squeeze", "row2", "z");
    with_ints(f, "axes", 1, 0, 0, 0);
    add_output(f, "z");
}

static void a_squeeze_of_the_features(struct file *f) {
    squeeze_of(f, 2, false);
    f->outs[0]->name = "row";
}

static void another_value_is_left(struct file *f) {
    squeeze_of(f, 0, false);
    branches[1].in[0] = (char *)(uintptr_t) "s";
    gemm(f, "row", "y");
}

static void a_choice_of_functions(struct file *f) {
    squeeze_of(f, 0, false);
    end_if(f, "is_one", computes(2, "Tanh", "row"), computes(3, "Identity", "row"), "y");
}

static const struct file_case good[] = {
    {a_squeeze_of_the_last_step, "lstm<0 last<1 dense<2; y=3"},
    {two_squeezes, "lstm<0 last<1 dense<2; y=3 z=2"},
};

START_TEST(squeeze_is_read) {
    struct mr_network n;

    expect_network(&good[_i], &n);
    mr_network_free(&n);
}
END_TEST

static const struct file_case bad[] = {
    {a_squeeze_of_the_features, "node 'row' (Squeeze) removes axis 2, which is not of size 1"},
    {another_value_is_left, "node 'row' has operator If"},
    {a_choice_of_functions, "node 'y' has operator If"},
};

START_TEST(branches_are_refused) {
    expect_refusal(&bad[_i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_branch");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, squeeze_is_read, 0, sizeof good / sizeof *good);
    tcase_add_loop_test(all, branches_are_refused, 0, sizeof bad / sizeof *bad);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
