// SPDX-License-Identifier: Apache-2.0
// Loop, Scan, If and lists of tensors compute what the standard says: ONNX's own test cases
// (Debian: libonnx-testdata).
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "onnx_eval.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char error[1024];

static const char *const cases[] = {"test_if", "test_loop11", "test_scan9_sum"};

static unsigned char *read_case(const char *name, const char *file, size_t *size) {
    const char *given = getenv("ONNX_TESTDATA");
    char path[400];
    unsigned char *data;

    snprintf(path, sizeof path, "%s/node/%s/%s", given ? given : "/usr/share/libonnx-testdata/data",
             name, file);
    ck_assert_msg(mr_file_read(path, 1 << 24, &data, size, error, sizeof error) == 0,
                  "%s (make deps installs the package libonnx-testdata)", error);
    return data;
}

static void read_tensor(struct onnx_graph *graph, const char *name, const char *kind, size_t index,
                        struct onnx_tensor *to) {
    char file[64];
    size_t size;

    snprintf(file, sizeof file, "test_data_set_0/%s_%zu.pb", kind, index);
    unsigned char *data = read_case(name, file, &size);
    Onnx__TensorProto *tensor = onnx__tensor_proto__unpack(NULL, size, data);
    free(data);
    ck_assert_ptr_nonnull(tensor);
    ck_assert_msg(onnx_decode(graph, tensor, to) == 0, "%s", error);
    onnx__tensor_proto__free_unpacked(tensor, NULL);
}

START_TEST(case_gives_what_the_standard_says) {
    struct onnx_graph graph = {.file = cases[_i], .error = error, .error_size = sizeof error};
    size_t size, budget = 1 << 24, work = ONNX_WORK;
    unsigned char *data = read_case(cases[_i], "model.onnx", &size);

    ck_assert_msg(onnx_graph_open(&graph, data, size) == 0, "%s", error);
    struct onnx_eval e = {.graph = &graph, .budget = &budget, .work = &work, .wide = true};
    e.values = calloc(graph.value_count + 1, sizeof *e.values);
    ck_assert_ptr_nonnull(e.values);
    for (size_t i = 0; i < graph.g->n_input; i++)
        read_tensor(&graph, cases[_i], "input", i,
                    &e.values[onnx_find(&graph, graph.g->input[i]->name)]);
    ck_assert_msg(onnx_eval_nodes(&e) == 0, "%s", error);
    for (int i = 0; i < graph.output_count; i++) {
        const struct onnx_tensor *made = &e.values[graph.outputs[i]];
        struct onnx_tensor wanted;
        read_tensor(&graph, cases[_i], "output", (size_t)i, &wanted);
        ck_assert_int_eq(made->rank, wanted.rank);
        for (int k = 0; k < wanted.rank; k++)
            ck_assert_int_eq(made->dims[k], wanted.dims[k]);
        for (size_t k = 0; k < wanted.count; k++)
            ck_assert_double_eq_tol(onnx_number(made, k), onnx_number(&wanted, k), 1e-5);
        onnx_tensor_free(&wanted);
    }
    for (size_t i = 0; i < graph.value_count; i++)
        onnx_tensor_free(&e.values[i]);
    free(e.values);
    onnx_graph_close(&graph);
    ck_assert_uint_eq(budget, 1 << 24); // all is given back
    free(data);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_nested");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, case_gives_what_the_standard_says, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
