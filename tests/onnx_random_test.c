// SPDX-License-Identifier: Apache-2.0
// Random networks: what is read from the file computes what the file's operators say.
// `onnx_random_test --write SEED FILE.onnx` writes the file of a seed and says what is in it; in
// the place of the seed may be a regular expression, which takes the first file that is described
// so.
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "onnx.h"
#include "onnx_random.h"

#include <regex.h>
#include <sys/stat.h>

enum { SEEDS = 400 };

START_TEST(network_is_what_the_file_says) {
    struct random_file f;
    struct mr_network n;
    char error[1024];

    random_onnx((uint64_t)_i, &f);
    struct mr_onnx *onnx = mr_onnx_open_memory(f.data, f.size, "random", error, sizeof error);
    ck_assert_msg(onnx != NULL, "seed %d: %s", _i, error);
    ck_assert_msg(mr_onnx_network(onnx, &n, error, sizeof error) == 0, "seed %d: %s\n%s", _i, error,
                  f.about);
    ck_assert_msg(mr_onnx_verify(onnx, &n, 1 << 26, error, sizeof error) == 0, "seed %d: %s\n%s",
                  _i, error, f.about);
    ck_assert_int_eq(mr_network_layers(&n), f.layers + f.backward);
    ck_assert_int_eq(n.output_count, f.outputs);
    ck_assert_int_eq(n.streams[0].width, f.inputs);
    const char *const layouts[2][2] = {{"TNF", "NTF"}, {"TN", "NT"}};
    ck_assert_str_eq(n.layout, layouts[f.tokens][f.batch_first]);
    mr_network_free(&n);
    mr_onnx_close(onnx);
    if (f.size < 1500) { // a seed of the fuzzer
        const struct mr_piece piece = {f.data, f.size};
        char path[64];
        snprintf(path, sizeof path, "build/fuzz/random%d.onnx", _i);
        mkdir("build", 0777);
        mkdir("build/fuzz", 0777);
        ck_assert_int_eq(mr_file_write(path, &piece, 1, error, sizeof error), 0);
    }
    free(f.data);
}
END_TEST

// A file with one layer more than there may be.
START_TEST(networks_have_limits) {
    static const char *const said[] = {"is one operator more than the 128 that are supported",
                                       "the network has more than 64 recurrent layers"};
    struct random_value v = {.name = "x", .width = 2, .every_step = true, .time_first = true}, last;
    const int64_t dims[3] = {0, 0, 2};
    struct bytes model = {0};
    struct random_file f;
    struct mr_network n;
    char error[1024];

    memset(&f, 0, sizeof f);
    f.one_way = true;
    put_value_info(&f, 11, "x", 1, 3, dims);
    put_whole(&f, "axis0", 1, 0);
    put_whole(&f, "axis1", 1, 1);
    for (int i = 0; i < (_i == 0 ? 1 : MR_MAX_LAYERS + 1); i++)
        random_layer(&f, &v, &last);
    for (int i = 0; _i == 0 && i < MR_MAX_OPS; i++)
        random_dense(&f, &v, 1);
    put_output(&f, &v);
    put_message(&model, 7, &f.graph);
    struct mr_onnx *onnx = mr_onnx_open_memory(model.data, model.size, "long", error, sizeof error);
    ck_assert_msg(onnx != NULL, "%s", error);
    ck_assert_int_ne(mr_onnx_network(onnx, &n, error, sizeof error), 0);
    ck_assert_msg(strstr(error, said[_i]) != NULL, "%s", error);
    mr_onnx_close(onnx);
    free(model.data);
}
END_TEST

static char **written; // the seed and the path of --write

START_TEST(file_is_written) {
    struct random_file f;
    char error[600];

    char *end;
    regex_t like;
    random_onnx(strtoull(written[0], &end, 10), &f);
    if (*end) {
        ck_assert_int_eq(regcomp(&like, written[0], REG_EXTENDED | REG_NOSUB), 0);
        for (uint64_t seed = 1; seed < 20000 && regexec(&like, f.about, 0, NULL, 0) != 0; seed++) {
            free(f.data);
            random_onnx(seed, &f);
        }
        ck_assert_int_eq(regexec(&like, f.about, 0, NULL, 0), 0);
        regfree(&like);
    }
    const struct mr_piece piece = {f.data, f.size};
    const int failed = mr_file_write(written[1], &piece, 1, error, sizeof error);
    printf("%s\n", failed ? error : f.about);
    ck_assert_int_eq(failed, 0);
    free(f.data);
}
END_TEST

int main(int argc, char **argv) {
    Suite *suite = suite_create("onnx_random");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    if (argc == 4 && strcmp(argv[1], "--write") == 0) {
        written = argv + 2;
        tcase_add_test(all, file_is_written);
    } else {
        tcase_add_loop_test(all, network_is_what_the_file_says, 0, SEEDS);
        tcase_add_loop_test(all, networks_have_limits, 0, 2);
    }
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, written ? CK_SILENT : CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
