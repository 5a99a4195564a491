// SPDX-License-Identifier: Apache-2.0
// What an image is known by: the C that was generated and the kernels that it includes, the same on
// every machine; with other kernels it is another one, and none is built of them.
#define _GNU_SOURCE
#include "card_image.h"
#include "file.h"
#include "kernel_hash.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "build/design-hash-test"
#define SMALL "#include \"frame/words.h\"\n#include \"mr_command.h\"\n"

static char text[2000];
static struct mr_error error;

static struct mr_design_hash hash_of(const char *source) {
    struct mr_design_hash hash;
    ck_assert_msg(!mr_design_hash_make(source, &hash, &error), "%s", error.text);
    return hash;
}

static bool same(const unsigned char *a, const unsigned char *b) {
    return memcmp(a, b, MR_SHAPE_HASH) == 0;
}

static void put(const char *path, const char *content) {
    const struct mr_piece piece = {content, strlen(content)};
    ck_assert_msg(!mr_file_write(path, &piece, 1, text, sizeof text), "%s", text);
}

// A copy of the kernels, whose file NAME is changed by a sed script.
static void change(const char *name, const char *script) {
    char command[600];
    ck_assert_int_eq(system("rm -rf " FOLDER " && mkdir -p " FOLDER "/base " FOLDER "/hls " FOLDER
                            "/gen && cp -r base/contract " FOLDER "/base && cp -r hls/include "
                            "hls/kernels " FOLDER "/hls"),
                     0);
    snprintf(command, sizeof command, "sed -i '%s' " FOLDER "/%s", script, name);
    ck_assert_int_eq(system(command), 0);
}

static bool fits(const char *source) {
    return mr_design_kernels_check(source, FOLDER, text, sizeof text) == 0;
}

START_TEST(the_library_has_the_kernels_of_its_tree) {
    char hex[MR_HASH_TEXT];
    unsigned char bytes[MR_SHAPE_HASH];
    size_t count = 0;
    for (const struct mr_kernel_hash *k = mr_kernel_hashes; k->name; k++, count++) {
        ck_assert_msg(!mr_kernel_hash_file(".", k->name, hex, text, sizeof text), "%s", text);
        ck_assert_msg(strcmp(hex, k->hash) == 0, "%s", k->name);
        ck_assert(mr_hash_parse(k->hash, bytes));
        for (const struct mr_kernel_hash *other = mr_kernel_hashes; other != k; other++)
            ck_assert_msg(strcmp(other->name, k->name) != 0, "%s twice", k->name);
    }
    ck_assert_uint_gt(count, 50);
    // All that is generated is found by these names.
    ck_assert_int_eq(system("for name in cells/lstm.h frame/layer.h glue/relay.h heads/dense.h "
                            "train_engine/engine.h hls.h mr_command.h; do "
                            "grep -q \"\\\"$name\\\"\" build/gen/kernel_hashes.c || exit 1; done"),
                     0);
    ck_assert_int_ne(mr_kernel_hash_file(".", "cells/none.h", hex, text, sizeof text), 0);
    ck_assert_ptr_nonnull(strstr(text, "cells/none.h: cannot be read"));
}
END_TEST

START_TEST(what_is_included_counts) {
    const struct mr_design_hash none = hash_of(""), line = hash_of("\n"), one = hash_of(SMALL),
                                again = hash_of(SMALL);
    ck_assert(!same(none.shape, line.shape) && !same(none.source, line.source));
    ck_assert(same(one.shape, again.shape) && same(one.source, again.source));
    ck_assert(!same(one.shape, one.source));
    // What is no include of a kernel is text; so are the ends of one that is cut.
    static const char *const sources[] = {"#",
                                          "#include",
                                          "#include ",
                                          "#include \"",
                                          "#include \"frame/words.h",
                                          "#include \"frame/words.h\"",
                                          "#  include\t\"frame/words.h\"",
                                          "#include \"frame/words.hh\"",
                                          "#include \"frame/words\"",
                                          "#include <frame/words.h>",
                                          "int x;\n\n#include \"mr_command.h\"\n"};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert_msg(!same(hash_of(sources[i]).shape, hash_of(sources[k]).shape), "%s",
                          sources[i]);
}
END_TEST

START_TEST(other_kernels_are_told) {
    change("hls/kernels/frame/words.h", "");
    ck_assert_msg(fits(SMALL), "%s", text);
    ck_assert(fits("") && fits("#include \"unknown.h\"\n"));
    // Comments and empty lines give no bits.
    change("hls/kernels/frame/words.h", "3i\\    // a comment\\n\\n  \\n//\\n// #include \"x.h\"");
    ck_assert_msg(fits(SMALL), "%s", text);
    change("hls/kernels/frame/words.h", "$a\\#define MORE 1");
    ck_assert(!fits(SMALL));
    ck_assert_ptr_nonnull(strstr(text, FOLDER ": the kernel frame/words.h, or what it includes"));
    ck_assert_ptr_nonnull(strstr(text, "build the program again"));
    ck_assert(fits("#include \"mr_command.h\"\n"));
    // A constant of the interface, and a file that a kernel's own include includes.
    change("base/contract/mr_command.h", "$a\\#define MORE 1");
    ck_assert(!fits(SMALL));
    change("hls/kernels/activation_tables.h", "$a\\#define MORE 1");
    ck_assert(!fits("#include \"cells/lstm.h\"\n"));
    ck_assert_msg(fits(SMALL), "%s", text);
    change("hls/kernels/frame/words.h", "");
    ck_assert_int_eq(remove(FOLDER "/hls/kernels/frame/words.h"), 0);
    ck_assert(!fits(SMALL));
    ck_assert_ptr_nonnull(strstr(text, "frame/words.h: cannot be read"));
}
END_TEST

// The header that gives a kernel its hash is not made where the hash would not be true.
START_TEST(no_image_of_other_kernels) {
    const struct mr_design_hash hash = hash_of(SMALL);
    const struct mr_report report = {0};
    const struct mr_card_design design = {
        .hash = &hash, .data_dir = FOLDER, .gen_dir = FOLDER "/gen", .report = &report};
    change("hls/kernels/frame/words.h", "");
    ck_assert_ptr_null(mr_card_shape_header(&design, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "gen/network.c"));
    put(FOLDER "/gen/network.c", SMALL);
    char *header = mr_card_shape_header(&design, text, sizeof text);
    ck_assert_msg(header != NULL, "%s", text);
    ck_assert_ptr_nonnull(strstr(header, "`define MR_SHAPE_HASH 128'h"));
    free(header);
    change("hls/kernels/frame/words.h", "$a\\#define MORE 1");
    put(FOLDER "/gen/network.c", SMALL);
    ck_assert_ptr_null(mr_card_shape_header(&design, text, sizeof text));
    ck_assert_ptr_nonnull(strstr(text, "the kernel frame/words.h"));
}
END_TEST

START_TEST(hashes_as_text) {
    unsigned char bytes[MR_SHAPE_HASH];
    char hex[MR_HASH_TEXT];
    static const char good[] = "00112233445566778899aabbccddeeff";
    ck_assert(mr_hash_parse(good, bytes));
    mr_hash_text(bytes, hex);
    ck_assert_str_eq(hex, good);
    ck_assert(!mr_hash_parse(NULL, bytes));
    ck_assert(!mr_hash_parse("", bytes));
    ck_assert(!mr_hash_parse("00112233445566778899aabbccddeef", bytes));
    ck_assert(!mr_hash_parse("00112233445566778899aabbccddeefff", bytes));
    ck_assert(!mr_hash_parse("00112233445566778899aabbccddeefg", bytes));
    ck_assert(!mr_hash_parse(" 0112233445566778899aabbccddeeff", bytes));
}
END_TEST

START_TEST(images_are_compared) {
    struct mr_design_hash a = {{1}, {2}}, kernels = {{1}, {3}}, network = {{4}, {5}};
    ck_assert_int_eq(mr_design_compare("x.xclbin", &a, &a, text, sizeof text), MR_DESIGN_FITS);
    ck_assert_int_eq(mr_design_compare("x.xclbin", &a, &kernels, text, sizeof text),
                     MR_DESIGN_OTHER_KERNELS);
    ck_assert_str_eq(text, "x.xclbin: holds this network, made of other kernels "
                           "(02000000000000000000000000000000) than this version of Millrace has "
                           "(03000000000000000000000000000000), so it may give other bits; build "
                           "its image again");
    ck_assert_int_eq(mr_design_compare("x.xclbin", &a, &network, text, sizeof text),
                     MR_DESIGN_OTHER_NETWORK);
    ck_assert_ptr_nonnull(strstr(text, "another shape"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("design_hash");
    TCase *all = tcase_create("all");

    mkdir("build", 0777);
    tcase_add_test(all, the_library_has_the_kernels_of_its_tree);
    tcase_add_test(all, what_is_included_counts);
    tcase_add_test(all, other_kernels_are_told);
    tcase_add_test(all, no_image_of_other_kernels);
    tcase_add_test(all, hashes_as_text);
    tcase_add_test(all, images_are_compared);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
