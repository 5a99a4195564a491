// SPDX-License-Identifier: Apache-2.0
// What hlsc refuses, through the whole compiler: each message has the line, the construct, the
// reason, and what to write instead.
#define _POSIX_C_SOURCE 200809L
#define FOLDER "build/hlsc-messages"
#include "hlsc_fixture.h"

#include <stdlib.h>
#include <string.h>

// What is given begins at line 3 of a file, and at line 4 in a kernel with two streams and a
// number.
#define FILE_OF(text) "#include \"hls.h\"\nHLS_STREAM_OF(int16_t)\n" text
#define KERNEL(body)                                                                               \
    FILE_OF("void k(hls_stream(int16_t) *a, hls_stream(int16_t) *b, uint32_t n) {\n" body "}\n")

enum { MAX_PARTS = 4 };

struct rejection {
    int line;
    const char *parts[MAX_PARTS];
    const char *source;
};

static const struct rejection rejections[] = {
#include "hlsc_messages.def"
};

// The message, or "" where all is well.
static void message_of(const char *text, char *error, size_t error_size) {
    const int status = try_compile(text, error, error_size);
    ck_assert_msg((status == 0) == (error[0] == 0), "status %d and message '%s'", status, error);
}

START_TEST(test_rejection) {
    const struct rejection *r = &rejections[_i];
    char error[2048], place[200];
    message_of(r->source, error, sizeof error);
    if (r->line)
        snprintf(place, sizeof place, FOLDER "/kernel.c:%d: error: ", r->line);
    else
        snprintf(place, sizeof place, FOLDER "/kernel.c:");
    const char *at = error;
    bool found = strncmp(error, place, strlen(place)) == 0 && !strchr(error, '\n');
    for (int i = 0; i < MAX_PARTS && r->parts[i] && found; i++) {
        at = strstr(at, r->parts[i]);
        found = at != NULL;
        ck_assert_msg(found, "source:\n%s\nexpected: %s\ngot: %s", r->source, r->parts[i], error);
        at += strlen(r->parts[i]);
    }
    ck_assert_msg(found, "source:\n%s\nexpected: %s\ngot: %s", r->source, place, error);
}
END_TEST

// A failed compilation leaves nothing new behind and the next one works.
START_TEST(test_recovers) {
    char error[2048];
    message_of(KERNEL("goto end;\nend:\nreturn;\n"), error, sizeof error);
    ck_assert_str_ne(error, "");
    message_of(KERNEL("for (uint32_t i = 0; i < n; i++)\n"
                      "hls_write(int16_t, b, hls_read(int16_t, a));\n"),
               error, sizeof error);
    ck_assert_str_eq(error, "");
    FILE *file = fopen(FOLDER "/out/k.sv", "r");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hlsc_messages");
    TCase *tcase = tcase_create("rejections");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_rejection, 0, (int)(sizeof rejections / sizeof *rejections));
    tcase_add_test(tcase, test_recovers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
