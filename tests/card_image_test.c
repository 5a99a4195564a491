// SPDX-License-Identifier: Apache-2.0
// Which images of cards are taken: from which folders, and with which manifest. No card is opened.
#define _GNU_SOURCE
#include "board_image.h"
#include "file.h"
#include "network_image.h"
#include "plan_fixture.h"
#include "xclbin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "build/card-image-test"

static char error[1200];
static struct mr_network network;
static struct mr_compiled compiled;
static struct mr_card_images images;

// A network without its files; all images are of it.
static void fresh(void) {
    struct mr_plan_request request = {.mode = MR_PLAN_AREA};
    ck_assert_int_eq(system("rm -rf " FOLDER), 0);
    mr_network_free(&network);
    fixture_chain(&network, 3, 1, (const int[]){4}, 1, MR_ACTIVATION_LINEAR);
    ck_assert_int_eq(system("mkdir -p " FOLDER "/own " FOLDER "/data/bitstreams " FOLDER
                            "/data/hls/include " FOLDER "/here/bitstreams " FOLDER
                            "/empty && touch " FOLDER "/data/hls/include/hls.h"),
                     0);
    ck_assert_int_eq(mr_plan_choose(&network, mr_target_find("u55c"), &request, &compiled.plan,
                                    error, sizeof error),
                     0);
    memset(compiled.hash.shape, 0x5a, sizeof compiled.hash.shape);
    memset(compiled.hash.source, 0x3c, sizeof compiled.hash.source);
    char data[PATH_MAX];
    ck_assert_ptr_nonnull(realpath(FOLDER "/data", data));
    setenv("MILLRACE_DATA", data, 1);
    unsetenv("MILLRACE_BITSTREAMS");
}

static void write_text(const char *path, const char *text) {
    const struct mr_piece piece = {text, strlen(text)};
    ck_assert_msg(mr_file_write(path, &piece, 1, error, sizeof error) == 0, "%s", error);
}

#define SHAPE "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
#define SOURCE "3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c"

// x.xclbin in the folder with these hashes, and its manifest unless it is to have none.
static void make_image_of(const char *folder, const char *hashes, int with_manifest) {
    char manifest[400];
    snprintf(manifest, sizeof manifest,
             "{\"kernel\": \"millrace\", \"target\": \"u55c\", \"platform\": \"hw_emu\", %s}",
             hashes);
    const struct mr_xclbin_file script = {
        .name = MR_XCLBIN_SCRIPT_FOLDER "/simulate.sh", .executable = true, .text = "#!/bin/sh\n"};
    const struct mr_xclbin_spec spec = {.registers = "hw/registers.json",
                                        .target = "u55c",
                                        .part = "xcu55c",
                                        .register_base = 0x1800000,
                                        .memory_base = 0x4000000000,
                                        .memory_size = 1 << 30,
                                        .clock_mhz = 300,
                                        .manifest = manifest,
                                        .files = &script,
                                        .file_count = 1};
    char path[300], command[900];
    snprintf(path, sizeof path, "%s/x.xclbin", folder);
    ck_assert_msg(mr_xclbin_write(path, &spec, error, sizeof error) == 0, "%s", error);
    snprintf(command, sizeof command,
             "printf '{\"image\": \"x.xclbin\", \"sha256\": \"%%s\"}' "
             "\"$(sha256sum <%s/x.xclbin | cut -d' ' -f1)\" >%s/x.json",
             folder, folder);
    if (with_manifest)
        ck_assert_int_eq(system(command), 0);
}

static void make_image(const char *folder, int with_manifest) {
    make_image_of(folder, "\"shape_hash\": \"" SHAPE "\", \"source_hash\": \"" SOURCE "\"",
                  with_manifest);
}

static const char *find(const char *folder) {
    const struct mr_card_design design = mr_network_design(&compiled);
    mr_card_images_find(&design, folder, &images);
    return images.emulation;
}

START_TEST(folders_are_those_that_were_named) {
    char absolute[PATH_MAX], back[PATH_MAX];
    fresh();
    ck_assert_ptr_nonnull(getcwd(back, sizeof back));
    ck_assert_ptr_nonnull(realpath(FOLDER, absolute));
    make_image(FOLDER "/here/bitstreams", 1);
    make_image(FOLDER "/own", 1);
    // An image in the current folder is taken when it is asked for, and not before.
    ck_assert_int_eq(chdir(FOLDER "/here"), 0);
    ck_assert_str_eq(find(NULL), "");
    ck_assert_str_eq(images.problem, "");
    ck_assert_str_eq(find("bitstreams"), "bitstreams/x.xclbin");
    ck_assert_int_eq(chdir(back), 0);
    make_image(FOLDER "/data/bitstreams", 1);
    ck_assert_ptr_nonnull(strstr(find(NULL), "/data/bitstreams/x.xclbin"));
    // The variable goes before the installation, and the option before the variable.
    setenv("MILLRACE_BITSTREAMS", FOLDER "/empty", 1);
    ck_assert_str_eq(find(NULL), "");
    ck_assert_str_eq(find(FOLDER "/own"), FOLDER "/own/x.xclbin");
    setenv("MILLRACE_BITSTREAMS", FOLDER "/own", 1);
    ck_assert_str_eq(find(NULL), FOLDER "/own/x.xclbin");
    ck_assert_str_eq(find(FOLDER "/empty"), "");
    ck_assert_str_eq(find(FOLDER "/none"), "");
}
END_TEST

// Where nobody names a folder and the sources are not there, no folder is looked in: not
// /bitstreams.
START_TEST(without_sources_a_folder_must_be_named) {
    char folder[64];
    fresh();
    make_image(FOLDER "/own", 1);
    setenv("MILLRACE_DATA", FOLDER "/empty", 1);
    ck_assert_int_eq(mr_images_folder(NULL, folder, sizeof folder, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "MILLRACE_DATA is " FOLDER "/empty"));
    ck_assert_str_eq(find(NULL), "");
    ck_assert_str_eq(find(FOLDER "/own"), FOLDER "/own/x.xclbin");
    setenv("MILLRACE_BITSTREAMS", FOLDER "/own", 1);
    ck_assert_str_eq(find(NULL), FOLDER "/own/x.xclbin");
    // A path that has no room is none.
    ck_assert_int_eq(mr_images_folder("123456", folder, 7, error, sizeof error), 0);
    ck_assert_int_eq(mr_images_folder("1234567", folder, 7, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "too long"));
}
END_TEST

START_TEST(images_have_the_checksum_of_their_manifest) {
    fresh();
    make_image(FOLDER "/own", 0);
    ck_assert_str_eq(find(FOLDER "/own"), "");
    ck_assert_ptr_nonnull(strstr(images.problem, "has no manifest"));
    ck_assert_int_eq(mr_card_image_check(FOLDER "/own/x.xclbin", error, sizeof error), 0);
    make_image(FOLDER "/own", 1);
    ck_assert_str_eq(find(FOLDER "/own"), FOLDER "/own/x.xclbin");
    ck_assert_str_eq(images.problem, "");
    ck_assert_int_eq(mr_card_image_check(FOLDER "/own/x.xclbin", error, sizeof error), 0);
    // One more byte at the end is no damage that XRT would see.
    ck_assert_int_eq(system("cp " FOLDER "/own/x.json " FOLDER "/kept && mv " FOLDER
                            "/own/x.xclbin " FOLDER "/own/y.xclbin"),
                     0);
    make_image(FOLDER "/own", 0);
    write_text(
        FOLDER "/own/x.json",
        "{\"sha256\": \"0000000000000000000000000000000000000000000000000000000000000000\"}");
    ck_assert_str_eq(find(FOLDER "/own"), "");
    ck_assert_ptr_nonnull(strstr(images.problem, FOLDER "/own/"));
    ck_assert_int_eq(mr_card_image_check(FOLDER "/own/x.xclbin", error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "does not have the checksum of its manifest"));
    static const struct {
        const char *text, *told;
    } bad[] = {
        {"", "is no JSON"},      {"{}", "has no sha256"}, {"{\"sha256\": 5}", "has no sha256"},
        {"[]", "has no sha256"}, {"[", "is no JSON"},     {"\"x\"", "is no JSON"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(FOLDER "/own/x.json", bad[i].text);
        ck_assert_int_eq(mr_card_image_check(FOLDER "/own/x.xclbin", error, sizeof error), -1);
        ck_assert_msg(strstr(error, bad[i].told) != NULL, "'%s': %s", bad[i].text, error);
    }
    ck_assert_int_eq(system("rm " FOLDER "/own/x.json && mkfifo " FOLDER "/own/x.json"), 0);
    ck_assert_int_eq(mr_card_image_check(FOLDER "/own/x.xclbin", error, sizeof error), -1);
}
END_TEST

// An image of this network that was made of other kernels is not taken, and why is said; that of
// another network is nobody's problem.
START_TEST(images_are_of_the_kernels_of_this_version) {
    static const char own[] = FOLDER "/own";
    char path[PATH_MAX];
    struct mr_error failure;
    fresh();
    const struct mr_card_design design = mr_network_design(&compiled);
    static const struct {
        const char *hashes;
        bool told;
    } others[] = {
        {"\"shape_hash\": \"00000000000000000000000000000000\", \"source_hash\": \"" SOURCE "\"",
         true},
        // As images were before the kernels counted.
        {"\"shape_hash\": \"" SOURCE "\"", true},
        {"\"shape_hash\": \"" SOURCE "\", \"source_hash\": 5", true},
        {"\"shape_hash\": \"00000000000000000000000000000000\"", false},
        {"\"shape_hash\": \"" SOURCE "\", \"source_hash\": \"" SHAPE "\"", false}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        make_image_of(own, others[i].hashes, 1);
        ck_assert_str_eq(find(own), "");
        ck_assert_int_eq(strstr(images.problem, "made of other kernels") != NULL, others[i].told);
        ck_assert_int_eq(mr_card_image_choose(&design, own, "--build", path, &failure),
                         MR_ERROR_DEVICE);
        ck_assert_msg(strstr(failure.text, others[i].told ? "x.xclbin: holds this network, made of "
                                                            "other kernels"
                                                          : "no image of an emulated u55c"),
                      "%s", failure.text);
    }
    // One that fits is taken beside it.
    make_image_of(own, others[0].hashes, 1);
    ck_assert_int_eq(rename(FOLDER "/own/x.xclbin", FOLDER "/own/a.xclbin"), 0);
    make_image(own, 1);
    ck_assert_str_eq(find(own), FOLDER "/own/x.xclbin");
    ck_assert_int_eq(mr_card_image_choose(&design, own, "--build", path, &failure), 0);
}
END_TEST

// A board tells the hash of its image; where images of boards are at hand, it must be of one.
START_TEST(boards_have_an_image_that_is_known) {
    static const unsigned char emulated[MR_SHAPE_HASH] = {0}, own[MR_SHAPE_HASH] = {0x5a, 1},
                               other[MR_SHAPE_HASH] = {0x5a, 2};
    struct mr_error failure;
    fresh();
    ck_assert_int_eq(mr_board_image_check(own, FOLDER "/none", "usb:", &failure), 0);
    ck_assert_int_eq(mr_board_image_check(own, FOLDER "/own", "usb:", &failure), 0);
    // What is no image of a board tells nothing.
    make_image(FOLDER "/own", 1);
    write_text(FOLDER "/own/a.json", "no JSON");
    write_text(FOLDER "/own/b.json", "{\"target\": \"icebreaker\"}");
    write_text(FOLDER "/own/c.json", "{\"target\": \"icebreaker\", \"sources\": \"5a01\"}");
    ck_assert_int_eq(mr_board_image_check(other, FOLDER "/own", "usb:", &failure), 0);
    write_text(FOLDER "/own/d.json",
               "{\"target\": \"icebreaker\", \"sources\": \"5a010000000000000000000000000000\"}");
    write_text(FOLDER "/own/e.json", "{\"target\": \"upduino\", \"sources\": \"" SOURCE "\"}");
    ck_assert_int_eq(mr_board_image_check(own, FOLDER "/own", "usb:", &failure), 0);
    ck_assert_int_eq(mr_board_image_check(emulated, FOLDER "/own", "usb:", &failure), 0);
    ck_assert_int_eq(mr_board_image_check(other, FOLDER "/own", "usb:", &failure), MR_ERROR_DEVICE);
    ck_assert_msg(strstr(failure.text, "usb: has an image (5a020000) that is none of those here "
                                       "(icebreaker 5a010000, upduino 3c3c3c3c)"),
                  "%s", failure.text);
    // As in the repository.
    ck_assert_int_eq(mr_board_image_check(own, "bitstreams", "usb:", &failure), MR_ERROR_DEVICE);
    ck_assert_ptr_nonnull(strstr(failure.text, "icebreaker "));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("card_image");
    TCase *all = tcase_create("all");

    mkdir("build", 0777);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, folders_are_those_that_were_named);
    tcase_add_test(all, without_sources_a_folder_must_be_named);
    tcase_add_test(all, images_have_the_checksum_of_their_manifest);
    tcase_add_test(all, images_are_of_the_kernels_of_this_version);
    tcase_add_test(all, boards_have_an_image_that_is_known);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
