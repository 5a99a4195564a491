// SPDX-License-Identifier: Apache-2.0
// Steps on cpu:, one at a time with the state kept: from the second one on none allocates, and none
// calls the system, which is asked to end the process where it does (seccomp). Of networks of all
// recurrent operators that are by themselves, at all precisions, with heads.
#define _GNU_SOURCE
#include "session_fixture.h"

#include <linux/seccomp.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER "build/streaming-test"
enum { WIDTH = 13, UNITS = 21, MANY = 300 };

// ---- the library's allocations

static atomic_ulong allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    allocations++;
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

// ---- networks

static const char *const cells[] = {"lstm",     "lstm_peephole", "gru", "gru_reset_first",
                                    "rnn_tanh", "rnn_relu"};
enum { CELLS = sizeof cells / sizeof *cells };

static struct mr_model *make(const char *cell, int precision) {
    struct mr_network network;
    uint64_t state = 5;
    net_create(&network, WIDTH, "stream");
    int stream = net_add(&network, cell, 0, UNITS, MR_ACTIVATION_LINEAR);
    network.ops[network.op_count - 1].precision = mr_precision_at(precision);
    stream = net_add(&network, "dense", stream, 3, MR_ACTIVATION_LINEAR);
    net_output(&network, net_add(&network, "softmax", stream, 0, MR_ACTIVATION_LINEAR), "y");
    net_weights(&network, &state, 0.5);
    save_model(&network, FOLDER "/net.millrace");
    mr_network_free(&network);
    return open_model_of(FOLDER "/net.millrace");
}

static struct mr_session *open_warm(const struct mr_model *model, float *x, float *y) {
    struct mr_session *session = open_session(model, "cpu:", NULL);
    fill_input(x, WIDTH);
    for (int t = 0; t < 2; t++)
        ck_assert_msg(mr_session_step(session, x, y, NULL) == 0, "%s", mr_session_error(session));
    return session;
}

START_TEST(steps_do_not_allocate) {
    const char *cell = cells[_i % CELLS];
    struct mr_model *model = make(cell, _i / CELLS);
    float x[WIDTH], y[3];
    struct mr_session *session = open_warm(model, x, y);
    const unsigned long before = allocations;
    int code = 0;
    for (int t = 0; t < MANY; t++)
        code |= mr_session_step(session, x, y, NULL);
    const unsigned long after = allocations;
    ck_assert_uint_gt(before, 0); // they are counted
    ck_assert_int_eq(code, 0);
    ck_assert_msg(after == before, "%s: %lu allocations in %d steps", cell, after - before, MANY);
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

// From here on the process may read, write and end, and nothing else.
static void run_alone(struct mr_session *session, const float *x, float *y) {
    int code = 0;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
        syscall(SYS_exit, 3);
    for (int t = 0; t < MANY; t++)
        code |= mr_session_step(session, x, y, NULL);
    syscall(SYS_exit, code ? 1 : 0);
}

START_TEST(steps_do_not_call_the_system) {
    struct mr_model *model = make(cells[_i % CELLS], _i / CELLS);
    float x[WIDTH], y[3];
    struct mr_session *session = open_warm(model, x, y);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        run_alone(session, x, y);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
        printf("skipped: this system has no seccomp\n");
    else
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %d",
                      cells[_i % CELLS], status);
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

int main(void) {
    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    Suite *suite = suite_create("streaming");
    TCase *tests = tcase_create("streaming");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, steps_do_not_allocate, 0, CELLS * MR_PRECISIONS);
    tcase_add_loop_test(tests, steps_do_not_call_the_system, 0, CELLS * MR_PRECISIONS);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
