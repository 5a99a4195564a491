// SPDX-License-Identifier: Apache-2.0
// Random networks: what is read from the file computes what the file's operators say.
#define _POSIX_C_SOURCE 200809L
#include "onnx.h"
#include "onnx_random.h"

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
    ck_assert_int_eq(mr_network_layers(&n), f.layers);
    ck_assert_int_eq(n.output_count, f.outputs);
    ck_assert_int_eq(n.streams[0].width, f.inputs);
    ck_assert_int_eq(n.batch_first, f.batch_first);
    mr_network_free(&n);
    mr_onnx_close(onnx);
    free(f.data);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_random");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, network_is_what_the_file_says, 0, SEEDS);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
