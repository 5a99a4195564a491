// SPDX-License-Identifier: Apache-2.0
// Reading and writing of files: what is no file, what is too large, links, modes, devices,
// failures, and the kinds of file that people give in place of others.
#define _GNU_SOURCE
#include "file.h"
#include "file_kind.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "build/file-test"

static char error[1024];

static void fresh_folder(void) {
    ck_assert_int_eq(system("rm -rf " FOLDER " && mkdir -p " FOLDER "/inner"), 0);
}

static int put(const char *path, const char *text) {
    const struct mr_piece pieces[] = {{text, strlen(text)}, {"\n", 1}};
    return mr_file_write(path, pieces, 2, error, sizeof error);
}

// The file's text without its last newline, or "(none)".
static const char *get(const char *path) {
    static char text[100];
    unsigned char *data;
    size_t size;
    if (mr_file_read(path, sizeof text - 1, &data, &size, error, sizeof error))
        return "(none)";
    snprintf(text, sizeof text, "%.*s", (int)size - 1, (const char *)data);
    free(data);
    return text;
}

static mode_t mode_of(const char *path) {
    struct stat info;
    ck_assert_int_eq(lstat(path, &info), 0);
    return info.st_mode;
}

static int entries(void) {
    FILE *list = popen("ls -A " FOLDER " " FOLDER "/inner | grep -c '\\.tmp'", "r");
    int count = -1;
    ck_assert_ptr_nonnull(list);
    ck_assert_int_eq(fscanf(list, "%d", &count), 1);
    pclose(list);
    return count;
}

START_TEST(links_are_followed_and_modes_kept) {
    fresh_folder();
    ck_assert_int_eq(put(FOLDER "/inner/a", "old"), 0);
    ck_assert_int_eq(chmod(FOLDER "/inner/a", 0640), 0);
    ck_assert_int_eq(symlink("inner/a", FOLDER "/one"), 0);
    ck_assert_int_eq(symlink("one", FOLDER "/two"), 0);
    ck_assert_msg(put(FOLDER "/two", "new") == 0, "%s", error);
    ck_assert_str_eq(get(FOLDER "/inner/a"), "new");
    ck_assert(S_ISLNK(mode_of(FOLDER "/one")) && S_ISLNK(mode_of(FOLDER "/two")));
    ck_assert_int_eq(mode_of(FOLDER "/inner/a") & 07777, 0640);
    // A link to a file that is not there yet makes that file.
    ck_assert_int_eq(symlink("inner/b", FOLDER "/three"), 0);
    ck_assert_msg(put(FOLDER "/three", "b") == 0, "%s", error);
    ck_assert_str_eq(get(FOLDER "/inner/b"), "b");
    ck_assert_int_eq(symlink("round", FOLDER "/round"), 0);
    ck_assert_int_eq(put(FOLDER "/round", "x"), -1);
    ck_assert_ptr_nonnull(strstr(error, "symbolic links"));
    ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(owner_is_kept_by_root) {
    struct stat info;
    if (geteuid() != 0)
        return; // only root gives files away
    fresh_folder();
    ck_assert_int_eq(put(FOLDER "/a", "old"), 0);
    ck_assert_int_eq(chown(FOLDER "/a", 1234, 2345), 0);
    ck_assert_int_eq(put(FOLDER "/a", "new"), 0);
    ck_assert_int_eq(stat(FOLDER "/a", &info), 0);
    ck_assert_uint_eq(info.st_uid, 1234);
    ck_assert_uint_eq(info.st_gid, 2345);
}
END_TEST

START_TEST(devices_and_descriptors_are_written_directly) {
    int ends[2];
    char text[100], path[64];
    fresh_folder();
    ck_assert_msg(put("/dev/null", "x") == 0, "%s", error);
    ck_assert(S_ISCHR(mode_of("/dev/null")));
    ck_assert_int_eq(put("/dev/full", "x"), -1);
    ck_assert_ptr_nonnull(strstr(error, "/dev/full cannot be written: No space"));
    ck_assert_int_eq(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    ck_assert_msg(put(path, "through a pipe") == 0, "%s", error);
    ck_assert_int_eq(read(ends[0], text, sizeof text), 15);
    close(ends[0]);
    close(ends[1]);
    // Behind a descriptor the file goes on where it is, as what is written before and after must
    // stay.
    const int fd = open(FOLDER "/a", O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, "before\n", 7), 7);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ck_assert_msg(put(path, "between") == 0, "%s", error);
    ck_assert_int_eq(write(fd, "after\n", 6), 6);
    close(fd);
    ck_assert_str_eq(get(FOLDER "/a"), "before\nbetween\nafter");
    ck_assert_int_eq(put(path, "x"), -1); // closed
    ck_assert_int_eq(put(FOLDER, "x"), -1);
    ck_assert_ptr_nonnull(strstr(error, "it is a folder"));
}
END_TEST

// A file that cannot be written whole leaves the old one and nothing beside it.
START_TEST(failures_leave_the_old_file) {
    static const char big[100000] = "x";
    const struct mr_piece piece = {big, sizeof big};
    const struct rlimit limit = {50000, 50000};
    fresh_folder();
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(put(FOLDER "/a", "old"), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(mr_file_write(FOLDER "/a", &piece, 1, error, sizeof error), -1);
    ck_assert_int_eq(mr_file_write(FOLDER "/new", &piece, 1, error, sizeof error), -1);
    ck_assert_str_eq(get(FOLDER "/a"), "old");
    ck_assert_str_eq(get(FOLDER "/new"), "(none)");
    ck_assert_int_eq(entries(), 0);
    ck_assert_int_eq(put(FOLDER "/none/a", "x"), -1);
    ck_assert_ptr_nonnull(strstr(error, FOLDER "/none/a cannot be written: No such file"));
}
END_TEST

START_TEST(outputs_are_tried_without_a_trace) {
    fresh_folder();
    ck_assert_int_eq(mr_file_check_output(FOLDER "/a", error, sizeof error), 0);
    ck_assert_str_eq(get(FOLDER "/a"), "(none)");
    ck_assert_int_eq(mr_file_check_output("/dev/null", error, sizeof error), 0);
    ck_assert_int_eq(mr_file_check_output("-", error, sizeof error), 0);
    ck_assert_int_eq(mr_file_check_output(FOLDER "/none/a", error, sizeof error), -1);
    ck_assert_int_eq(mr_file_check_output(FOLDER, error, sizeof error), -1);
    ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(same_files_are_known) {
    fresh_folder();
    ck_assert_int_eq(put(FOLDER "/a", "a"), 0);
    ck_assert_int_eq(put(FOLDER "/b", "b"), 0);
    ck_assert_int_eq(symlink("a", FOLDER "/link"), 0);
    ck_assert_int_eq(link(FOLDER "/a", FOLDER "/hard"), 0);
    ck_assert(mr_file_is_same(FOLDER "/a", FOLDER "/./inner/../a"));
    ck_assert(mr_file_is_same(FOLDER "/a", FOLDER "/link"));
    ck_assert(mr_file_is_same(FOLDER "/a", FOLDER "/hard"));
    ck_assert(!mr_file_is_same(FOLDER "/a", FOLDER "/b"));
    ck_assert(!mr_file_is_same("/dev/null", "/dev/null"));
    ck_assert(mr_file_is_same(FOLDER "/new", FOLDER "/inner/../new")); // neither is there
    ck_assert(!mr_file_is_same(FOLDER "/new", FOLDER "/inner/new"));
    ck_assert(!mr_file_is_same(FOLDER "/new", FOLDER "/a"));
}
END_TEST

static int read_some(const char *path, size_t limit) {
    unsigned char *data = NULL;
    size_t size = 0;
    *error = 0;
    const int result = mr_file_read(path, limit, &data, &size, error, sizeof error);
    free(data);
    return result;
}

START_TEST(what_is_no_file_is_not_read) {
    fresh_folder();
    ck_assert_int_eq(read_some("/dev/zero", 1 << 20), -1);
    ck_assert_ptr_nonnull(strstr(error, "/dev/zero cannot be read: it is a device"));
    ck_assert_int_eq(read_some(FOLDER, 1 << 20), -1);
    ck_assert_ptr_nonnull(strstr(error, "it is a folder"));
    ck_assert_int_eq(read_some(FOLDER "/none", 1 << 20), -1);
    ck_assert_ptr_nonnull(strstr(error, "cannot be opened"));
    // A pipe that nobody writes to ends after a moment.
    ck_assert_int_eq(mkfifo(FOLDER "/pipe", 0600), 0);
    ck_assert_int_eq(read_some(FOLDER "/pipe", 1 << 20), 0);
}
END_TEST

// Sizes at the limit and around the steps in which buffers grow.
START_TEST(sizes_are_bounded) {
    static const size_t sizes[] = {0, 1, 999, 1000, 1001, 65535, 65536, 65537, 200000};
    static char bytes[200000];
    fresh_folder();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct mr_piece piece = {bytes, sizes[i]};
        unsigned char *data;
        size_t size = 1;
        ck_assert_int_eq(mr_file_write(FOLDER "/a", &piece, 1, error, sizeof error), 0);
        ck_assert_int_eq(mr_file_read(FOLDER "/a", sizes[i], &data, &size, error, sizeof error), 0);
        ck_assert_uint_eq(size, sizes[i]);
        ck_assert_uint_eq(data[size], 0);
        free(data);
        if (sizes[i] == 0)
            continue;
        ck_assert_int_eq(read_some(FOLDER "/a", sizes[i] - 1), -1);
        ck_assert_ptr_nonnull(strstr(error, "larger than this program accepts"));
    }
    // Sparse, and larger than any memory.
    ck_assert_int_eq(truncate(FOLDER "/a", (off_t)1 << 42), 0);
    ck_assert_int_eq(read_some(FOLDER "/a", SIZE_MAX / 2), -1);
    ck_assert_ptr_nonnull(strstr(error, "memory"));
}
END_TEST

static void *write_slowly(void *path) {
    usleep(100000);
    FILE *pipe = fopen(path, "w");
    for (int i = 0; pipe && i < 3000; i++) {
        fprintf(pipe, "%099d\n", i);
        if (i % 1000 == 0)
            usleep(50000);
    }
    if (pipe)
        fclose(pipe);
    return NULL;
}

START_TEST(pipes_are_read_to_their_end) {
    pthread_t writer;
    unsigned char *data;
    size_t size;
    fresh_folder();
    ck_assert_int_eq(mkfifo(FOLDER "/pipe", 0600), 0);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_slowly, FOLDER "/pipe"), 0);
    ck_assert_msg(mr_file_read(FOLDER "/pipe", 1 << 20, &data, &size, error, sizeof error) == 0,
                  "%s", error);
    pthread_join(writer, NULL);
    ck_assert_uint_eq(size, 300000);
    free(data);
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_slowly, FOLDER "/pipe"), 0);
    ck_assert_int_eq(read_some(FOLDER "/pipe", 250000), -1);
    ck_assert_ptr_nonnull(strstr(error, "larger than"));
    pthread_join(writer, NULL);
}
END_TEST

// The beginnings of files, and what each reader says of them; NULL: it reads on.
static const struct {
    const char *name, *head;
    size_t size;
    const char *model, *network, *array, *weights;
} kinds[] = {
    {"net.onnx", "\x08\x07\x12\x07pytorch", 11, "import it first: millrace import net.onnx", NULL,
     "is an ONNX file", "import it itself"},
    {"net.json", "\xef\xbb\xbf {\"inputs\": 3}", 16, "import it first: millrace import net.json",
     NULL, "is a JSON file", "list these"},
    {"x.npy", "\x93NUMPY\x01\0v", 9, "is an .npy array", "is an .npy array", NULL, "save_file"},
    {"x.csv", "1,2,3\n4,5,6\n", 12, "is not a model", NULL, NULL, NULL},
    {"net.pt", "PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0net/data.pkl", 42,
     "PyTorch", "torch.onnx.export", "PyTorch", "save_file(model.state_dict()"},
    {"x.npz", "PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0arr_0.npy", 39,
     ".npz", "a JSON description", "numpy.save", "numpy.load(\"net.npz\")"},
    {"net.keras", "PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0d\0\0\0metadata.json",
     43, "Keras", "tf2onnx", "Keras", "model.weights"},
    {"net.h5", "\x89HDF\r\n\x1a\n", 8, "HDF5", "tf2onnx", "HDF5", "model.weights"},
    {"net.tflite", "\x1c\0\0\0TFL3\x14", 9, "TensorFlow Lite", "--tflite", "TensorFlow Lite",
     "TensorFlow Lite"},
    {"net.pth", "\x80\x02\x8a\x0al", 5, "PyTorch", "torch.onnx.export", "PyTorch", "PyTorch"},
    {"x.pkl", "\x80\x04\x95", 3, "pickle", "pickle", "numpy.save", "pickle"},
    {"net.mat", "MATLAB 5.0 MAT-file, ", 21, "MATLAB", "exportONNXNetwork", "MATLAB", "loadmat"},
    {"net", "MATLAB 7.3 MAT-file, ", 21, "MATLAB", "exportONNXNetwork", "MATLAB", "loadmat"},
    {"net", "\x08\x04\x12\x5e\x0a\x0c\x0a\x01x\x1a\x07*\x05", 13, "Core ML", "convert_coreml",
     "Core ML", "Core ML"},
    {"odd.pt", "anything", 8, "PyTorch", "torch.onnx.export", "PyTorch", "PyTorch"},
    {"odd.h5", "anything", 8, "HDF5", "tf2onnx", "HDF5", "HDF5"},
    {"odd.keras", "anything", 8, "Keras", "tf2onnx", "Keras", "Keras"},
    {"odd.tflite", "anything", 8, "TensorFlow Lite", "tf2onnx", "TensorFlow Lite",
     "TensorFlow Lite"},
    {"odd.pb", "anything", 8, "(.pb)", "--saved-model", "(.pb)", "(.pb)"},
    {"odd.mlmodel", "anything", 8, "Core ML", "convert_coreml", "Core ML", "Core ML"},
    {"k.xclbin", "xclbin2\0", 8, "image of a card", "image of a card", "image of a card",
     "image of a card"},
    {"x.csv.gz", "\x1f\x8b\x08", 3, "unpack", "unpack", "unpack", "unpack"},
    {"a", "", 0, "is empty", "is empty", "is empty", "is empty"},
    {"m.millrace", "\x20\0\0\0\0\0\0\0{\"__metadata__\":{\"format\":\"millrace\"}}", 47, NULL,
     "imported already", "is a model of this program", NULL},
    {"w.safetensors", "\x20\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\",\"shape\":[]}}", 41, NULL,
     "import a JSON file", "is a safetensors file", NULL},
    {"zeros", "\0\0\0\0\0\0\0\0\0\0\0\0", 12, "is not a model", NULL, NULL, NULL},
};

static void check_kind(int i, mr_file_check *check, const char *part) {
    *error = 0;
    const int result = check((const unsigned char *)kinds[i].head, kinds[i].size, kinds[i].size,
                             kinds[i].name, error, sizeof error);
    ck_assert_msg((result != 0) == (part != NULL), "%s: %s", kinds[i].name, error);
    ck_assert_msg(!part || strstr(error, part), "%s: %s", part, error);
}

START_TEST(kinds_are_told) {
    check_kind(_i, mr_check_model_file, kinds[_i].model);
    check_kind(_i, mr_check_network_file, kinds[_i].network);
    check_kind(_i, mr_check_array_file, kinds[_i].array);
    check_kind(_i, mr_check_weights_file, kinds[_i].weights);
}
END_TEST

START_TEST(folders_of_networks_are_told) {
    static const char *const files[][2] = {
        {"saved_model.pb", "--saved-model " FOLDER "/net --output"},
        {"Manifest.json", "Core ML"},
        {"config.json", "a JSON file"}};
    char path[200];
    fresh_folder();
    ck_assert_int_eq(mkdir(FOLDER "/net", 0777), 0);
    ck_assert_int_eq(mr_check_network_folder(FOLDER "/net", error, sizeof error), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, FOLDER "/net/%s", files[i][0]);
        fclose(fopen(path, "w"));
        ck_assert_int_eq(mr_check_network_folder(FOLDER "/net", error, sizeof error), -1);
        ck_assert_msg(strstr(error, files[i][1]) != NULL, "%s", error);
        ck_assert_int_eq(mr_check_network_folder(path, error, sizeof error), 0);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(FOLDER "/net"), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("file");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 30);
    tcase_add_test(all, links_are_followed_and_modes_kept);
    tcase_add_test(all, owner_is_kept_by_root);
    tcase_add_test(all, devices_and_descriptors_are_written_directly);
    tcase_add_test(all, failures_leave_the_old_file);
    tcase_add_test(all, outputs_are_tried_without_a_trace);
    tcase_add_test(all, same_files_are_known);
    tcase_add_test(all, what_is_no_file_is_not_read);
    tcase_add_test(all, sizes_are_bounded);
    tcase_add_test(all, pipes_are_read_to_their_end);
    tcase_add_test(all, folders_of_networks_are_told);
    tcase_add_loop_test(all, kinds_are_told, 0, (int)(sizeof kinds / sizeof *kinds));
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
