// SPDX-License-Identifier: Apache-2.0
// Tensors that an ONNX file keeps in another file: read inside of the model's folder, and nowhere
// else.
#define _POSIX_C_SOURCE 200809L
#include "millrace.h"
#include "onnx_fixture.h"

#include <unistd.h>

#define ROOT "build/onnx-external"
#define FOLDER ROOT "/model"

// The folder, with the data of W behind 8 other bytes, and a secret beside the folder.
static void make_folder(const struct file *f) {
    const struct mr_piece data[2] = {{"12345678", 8},
                                     {f->tensor[0].raw_data.data, f->tensor[0].raw_data.len}};
    const struct mr_piece secret[1] = {data[1]};

    mkdir("build", 0777);
    mkdir(ROOT, 0777);
    mkdir(FOLDER, 0777);
    mkdir(FOLDER "/sub", 0777);
    mkdir(ROOT "/model2", 0777);
    ck_assert_int_eq(mr_file_write(FOLDER "/w.data", data, 2, error, sizeof error), 0);
    ck_assert_int_eq(mr_file_write(FOLDER "/sub/w.data", data, 2, error, sizeof error), 0);
    ck_assert_int_eq(mr_file_write(ROOT "/secret", secret, 1, error, sizeof error), 0);
    ck_assert_int_eq(mr_file_write(ROOT "/model2/secret", secret, 1, error, sizeof error), 0);
    unlink(FOLDER "/link");
    unlink(FOLDER "/out");
    unlink(FOLDER "/folder");
    unlink(FOLDER "/pipe");
    ck_assert_int_eq(symlink("w.data", FOLDER "/link"), 0);
    ck_assert_int_eq(symlink("../secret", FOLDER "/out"), 0);
    ck_assert_int_eq(symlink("../model2", FOLDER "/folder"), 0);
    ck_assert_int_eq(mkfifo(FOLDER "/pipe", 0666), 0);
}

static const struct {
    const char *location, *offset, *length, *said; // said: NULL when it is read
} cases[] = {
    {"w.data", "8", "96", NULL},
    {"w.data", "8", NULL, NULL},
    {"sub/w.data", "8", "96", NULL},
    {"./w.data", "8", "96", NULL},
    {"link", "8", "96", NULL},
    {"w.data", "9", "96", "needs 96 bytes by its shape from byte 9 of 'w.data', which holds 104"},
    {"w.data", "8", "95", "needs 96 bytes by its shape"},
    {"w.data", "8", "97", "needs 96 bytes by its shape"},
    {"w.data", "105", NULL, "needs 96 bytes"},
    {"w.data", "9223372036854775807", NULL, "needs 96 bytes"},
    {"w.data", "99999999999999999999", NULL, "offset or length is no number"},
    {"w.data", "-8", NULL, "offset or length is no number"},
    {"w.data", "8x", NULL, "offset or length is no number"},
    {"w.data", "8", "", "offset or length is no number"},
    {"../secret", NULL, NULL, "only files in the folder of the model are read"},
    {"sub/../../secret", NULL, NULL, "only files in the folder of the model are read"},
    {"..", NULL, NULL, "only files in the folder of the model are read"},
    {"/etc/passwd", NULL, NULL, "only files in the folder of the model are read"},
    {"out", NULL, NULL, "a link out of the folder"},
    {"folder/secret", NULL, NULL, "a link out of the folder"},
    {"none.data", NULL, NULL, "which is not in the folder of the model"},
    {"sub", NULL, NULL, "not a file that can be read"},
    {"pipe", NULL, NULL, "not a file that can be read"},
    {"", NULL, NULL, "that is not named"},
    {NULL, NULL, NULL, "that is not named"},
};

START_TEST(data_beside_the_model) {
    static Onnx__StringStringEntryProto entry[3], *entries[3] = {entry, entry + 1, entry + 2};
    static const char *const keys[3] = {"location", "offset", "length"};
    const char *values[3] = {cases[_i].location, cases[_i].offset, cases[_i].length};
    struct file *f = malloc(sizeof *f);
    struct mr_network n;
    size_t count = 0;

    make_good(f, 0);
    gemm(f, "h", "y");
    make_folder(f);
    for (int i = 0; i < 3; i++) {
        if (!values[i])
            continue;
        onnx__string_string_entry_proto__init(&entry[count]);
        entry[count].key = (char *)(uintptr_t)keys[i];
        entry[count++].value = (char *)(uintptr_t)values[i];
    }
    f->tensor[0].has_raw_data = 0;
    f->tensor[0].has_data_location = 1;
    f->tensor[0].data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    f->tensor[0].n_external_data = count;
    f->tensor[0].external_data = entries;
    write_file(f, FOLDER "/net.onnx");
    struct mr_onnx *onnx = mr_onnx_open(FOLDER "/net.onnx", error, sizeof error);
    if (cases[_i].said) {
        ck_assert_ptr_null(onnx);
        ck_assert_msg(strstr(error, cases[_i].said) && strstr(error, "tensor 'W'"), "%s", error);
    } else {
        ck_assert_msg(onnx && mr_onnx_network(onnx, &n, error, sizeof error) == 0, "%s", error);
        for (int k = 0; k < F; k++)
            ck_assert_float_eq(mr_network_layer(&n, 0)->w_x[k], value_at(0, k));
        mr_network_free(&n);
        mr_onnx_close(onnx);
        // The weights are not overwritten by the model that is made of them.
        struct mr_error e;
        ck_assert_int_eq(mr_import(FOLDER "/net.onnx", NULL, FOLDER "/w.data", NULL, &e),
                         strstr(cases[_i].location, "sub") ? 0 : MR_ERROR_ARGUMENT);
        if (!strstr(cases[_i].location, "sub"))
            ck_assert_msg(strstr(e.text, "holds weights of the network") != NULL, "%s", e.text);
        // In memory there is no folder; from another folder it is another file.
        ck_assert_int_ne(parse(f, &n), 0);
        ck_assert_msg(strstr(error, "there is no folder") != NULL, "%s", error);
        write_file(f, ROOT "/net.onnx");
        ck_assert_ptr_null(mr_onnx_open(ROOT "/net.onnx", error, sizeof error));
        ck_assert_msg(strstr(error, "not in the folder") != NULL, "%s", error);
    }
    free(f);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("onnx_external");
    TCase *all = tcase_create("all");

    tcase_add_loop_test(all, data_beside_the_model, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
