// SPDX-License-Identifier: Apache-2.0
// The build cache: what is damaged or incomplete is made again and told, what others own or may
// write is refused, and of builders at the same time one works.
#define _GNU_SOURCE
#include "cache.h"
#include "cache_key.h"
#include "file.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE "build/cache-test"
#define ENTRY CACHE "/entry"

static char error[2000], note[2000];

static void keep_note(void *context, const char *text) {
    (void)context;
    snprintf(note, sizeof note, "%s", text);
}

static const struct mr_notes notes = {.tell = keep_note};

static int put(const char *folder, const char *name, const char *text) {
    char path[PATH_MAX + 100];
    const struct mr_piece piece = {text, strlen(text)};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return mr_file_write(path, &piece, 1, error, sizeof error);
}

static int make(void *context, const struct mr_entry *entry, char *text, size_t size) {
    int *made = context;
    (void)text, (void)size;
    ++*made;
    return put(entry->out, "kernel.so", "what is run") || put(entry->out, "build.log", "") ||
           put(entry->out, "report.json", "{}");
}

static int fail_to_make(void *context, const struct mr_entry *entry, char *text, size_t size) {
    (void)context;
    put(entry->out, "kernel.so", "half of what");
    return mr_fail(text, size, "the tool failed");
}

// How often the entry was made by this call.
static int get(void) {
    int made = 0;
    *note = 0;
    ck_assert_msg(mr_entry_get(ENTRY, make, &made, &notes, error, sizeof error) == 0, "%s", error);
    ck_assert_int_eq(access(ENTRY "/kernel.so", R_OK), 0);
    return made;
}

static void refuse(const char *part) {
    int made = 0;
    ck_assert_int_eq(mr_entry_get(ENTRY, make, &made, &notes, error, sizeof error), -1);
    ck_assert_int_eq(made, 0);
    ck_assert_msg(strstr(error, part), "%s", error);
}

static void fresh(void) {
    ck_assert_int_eq(system("rm -rf " CACHE), 0);
    ck_assert_int_eq(mr_cache_use(CACHE, error, sizeof error), 0);
    ck_assert_int_eq(get(), 1);
    ck_assert_str_eq(note, "");
}

START_TEST(sound_entries_are_taken) {
    struct stat status;
    umask(0);
    fresh();
    ck_assert_int_eq(get(), 0);
    ck_assert_str_eq(note, "");
    ck_assert_int_eq(system("cd " ENTRY " && sha256sum -c --quiet SHA256SUMS"), 0);
    ck_assert_int_eq(access(ENTRY ".tmp", F_OK), -1);
    // Whatever the user's mask is, nobody else may write.
    ck_assert_int_eq(stat(CACHE, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0077, 0);
    ck_assert_int_eq(stat(ENTRY "/kernel.so", &status), 0);
    ck_assert_uint_eq(status.st_mode & 0022, 0);
}
END_TEST

// Each byte of each file, and lengths.
START_TEST(damage_is_found) {
    static const char *const names[] = {"kernel.so", "report.json", "SHA256SUMS"};
    fresh();
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        char path[200];
        struct stat status;
        snprintf(path, sizeof path, ENTRY "/%s", names[n]);
        ck_assert_int_eq(stat(path, &status), 0);
        for (off_t i = 0; i < status.st_size; i += n == 2 ? 7 : 1) {
            unsigned char byte;
            const int fd = open(path, O_RDWR);
            ck_assert_int_eq(pread(fd, &byte, 1, i), 1);
            byte ^= 1 << i % 8;
            ck_assert_int_eq(pwrite(fd, &byte, 1, i), 1);
            close(fd);
            ck_assert_msg(get() == 1, "%s, byte %ld", names[n], (long)i);
            ck_assert_msg(strstr(note, "is damaged") && strstr(note, "built again"), "%s", note);
        }
        ck_assert_int_eq(truncate(path, status.st_size - 2), 0);
        ck_assert_int_eq(get(), 1);
        ck_assert_int_eq(truncate(path, 0), 0);
        ck_assert_int_eq(get(), 1);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(get(), 1);
        ck_assert_msg(strstr(note, names[n]), "%s", note);
        // In place of the file: a folder, or a link to its like.
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        ck_assert_int_eq(get(), 1);
        ck_assert_int_eq(rename(path, CACHE "/elsewhere"), 0);
        char target[PATH_MAX];
        ck_assert_ptr_nonnull(realpath(CACHE "/elsewhere", target));
        ck_assert_int_eq(symlink(target, path), 0);
        ck_assert_int_eq(get(), 1);
    }
    ck_assert_int_eq(get(), 0);
}
END_TEST

START_TEST(what_is_no_entry_is_replaced) {
    fresh();
    ck_assert_int_eq(system("rm -rf " ENTRY " && mkdir " ENTRY), 0);
    ck_assert_int_eq(get(), 1);
    ck_assert_int_eq(system("rm -rf " ENTRY " && echo x >" ENTRY), 0);
    ck_assert_int_eq(get(), 1);
    // What is left from a killed builder.
    ck_assert_int_eq(system("rm -rf " ENTRY " && mkdir -p " ENTRY ".tmp/out/deep"), 0);
    ck_assert_int_eq(get(), 1);
    ck_assert_str_eq(note, "");
    ck_assert_int_eq(get(), 0);
}
END_TEST

START_TEST(failure_leaves_nothing) {
    fresh();
    ck_assert_int_eq(system("rm -rf " ENTRY), 0);
    ck_assert_int_eq(mr_entry_get(ENTRY, fail_to_make, NULL, NULL, error, sizeof error), -1);
    ck_assert_str_eq(error, "the tool failed");
    ck_assert_int_eq(access(ENTRY, F_OK) & access(ENTRY ".tmp", F_OK), -1);
    ck_assert_int_eq(get(), 1);
}
END_TEST

START_TEST(what_others_may_write_is_refused) {
    fresh();
    ck_assert_int_eq(chmod(ENTRY "/kernel.so", 0664), 0);
    refuse("kernel.so may be written by other users (mode 664)");
    ck_assert_int_eq(chmod(ENTRY "/kernel.so", 0644), 0);
    ck_assert_int_eq(chmod(ENTRY, 0777), 0);
    refuse("entry may be written by other users (mode 777)");
    ck_assert_int_eq(chmod(ENTRY, 0755), 0);
    ck_assert_int_eq(get(), 0);
    ck_assert_int_eq(chmod(CACHE, 01777), 0);
    ck_assert_int_eq(mr_cache_use(CACHE, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "may be written by other users (mode 1777)"));
    ck_assert_ptr_nonnull(strstr(error, "MILLRACE_CACHE"));
    ck_assert_int_eq(chmod(CACHE, 0755), 0);
    ck_assert_int_eq(mr_cache_use(CACHE, error, sizeof error), 0);
}
END_TEST

START_TEST(what_others_own_is_refused) {
    static const char *const owned[] = {ENTRY, ENTRY "/kernel.so", ENTRY "/SHA256SUMS"};
    fresh();
    if (geteuid() != 0)
        return; // only root gives files away
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        ck_assert_int_eq(chown(owned[i], 1234, 1234), 0);
        refuse("belongs to another user (1234)");
        ck_assert_int_eq(chown(owned[i], 0, 0), 0);
    }
    ck_assert_int_eq(get(), 0);
    ck_assert_int_eq(chown(CACHE, 1234, 1234), 0);
    ck_assert_int_eq(mr_cache_use(CACHE, error, sizeof error), -1);
    ck_assert_ptr_nonnull(strstr(error, "belongs to another user (1234)"));
}
END_TEST

static void *get_in_thread(void *made) {
    char text[600];
    return mr_entry_get(ENTRY, make, made, NULL, text, sizeof text) ? made : NULL;
}

START_TEST(one_of_many_makes_it) {
    pthread_t threads[8];
    int made[8] = {0}, sum = 0;
    fresh();
    ck_assert_int_eq(truncate(ENTRY "/kernel.so", 3), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, get_in_thread, &made[i]), 0);
    for (int i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
        sum += made[i];
    }
    ck_assert_int_eq(sum, 1);
}
END_TEST

static void key_of_files(const char *tree, const char *suffix, char hex[33]) {
    struct mr_cache_key *key = mr_key_new();
    ck_assert_ptr_nonnull(key);
    ck_assert_msg(mr_key_tree(key, "tree", tree, suffix, error, sizeof error) == 0, "%s", error);
    ck_assert_int_eq(mr_key_finish(key, hex), 0);
    mr_key_free(key);
}

static void key_of_tree(const char *tree, char hex[33]) {
    key_of_files(tree, ".h", hex);
}

// A whole name is a suffix too: a file that is called so counts, and one that ends in less does
// not.
START_TEST(keys_have_files_by_their_names) {
    char before[33], after[33], other[33];
    mkdir(CACHE, 0700);
    mkdir(CACHE "/named", 0700);
    ck_assert_int_eq(put(CACHE "/named", "pins.h", "one"), 0);
    ck_assert_int_eq(put(CACHE "/named", "ins.h", "one"), 0);
    key_of_files(CACHE "/named", "pins.h", before);
    ck_assert_int_eq(put(CACHE "/named", "ins.h", "two"), 0);
    key_of_files(CACHE "/named", "pins.h", other);
    ck_assert_str_eq(before, other);
    ck_assert_int_eq(put(CACHE "/named", "pins.h", "two"), 0);
    key_of_files(CACHE "/named", "pins.h", after);
    ck_assert_str_ne(before, after);
}
END_TEST

// The same files in the same order, but the last one is in a folder here and beside it there.
START_TEST(keys_tell_where_a_folder_ends) {
    char inside[33], beside[33], again[33];
    mkdir(CACHE, 0700);
    mkdir(CACHE "/tree", 0700);
    mkdir(CACHE "/tree/a", 0700);
    ck_assert_int_eq(put(CACHE "/tree/a", "b.h", "one"), 0);
    ck_assert_int_eq(put(CACHE "/tree/a", "c.h", "two"), 0);
    key_of_tree(CACHE "/tree", inside);
    key_of_tree(CACHE "/tree", again);
    ck_assert_str_eq(inside, again);
    ck_assert_int_eq(rename(CACHE "/tree/a/c.h", CACHE "/tree/c.h"), 0);
    key_of_tree(CACHE "/tree", beside);
    ck_assert_str_ne(inside, beside);
    ck_assert_int_eq(remove(CACHE "/tree/c.h"), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cache");
    TCase *all = tcase_create("all");

    mkdir("build", 0777);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, sound_entries_are_taken);
    tcase_add_test(all, damage_is_found);
    tcase_add_test(all, what_is_no_entry_is_replaced);
    tcase_add_test(all, failure_leaves_nothing);
    tcase_add_test(all, what_others_may_write_is_refused);
    tcase_add_test(all, what_others_own_is_refused);
    tcase_add_test(all, one_of_many_makes_it);
    tcase_add_test(all, keys_have_files_by_their_names);
    tcase_add_test(all, keys_tell_where_a_folder_ends);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
