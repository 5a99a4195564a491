// SPDX-License-Identifier: Apache-2.0
// `millrace_usb DEVICE... -- PROGRAM [ARGUMENT...]`: runs a program, unchanged, on a machine whose
// only USB devices are emulated ones (bus.h says how DEVICE is written). Exit code: that of the
// program; 128 and the number of the signal that ended it; 2 for wrong usage.
//
// It owns the testbed of umockdev, whose library it and the program must have been started with
// (umockdev-wrapper): it starts itself again so.
#define _GNU_SOURCE
#include "bus.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEVICES = 8 };
#define PRELOADED "libumockdev-preload.so.0"

static int fail(const char *text) {
    fprintf(stderr, "millrace_usb: %s\n", text);
    return 1;
}

static int usage(void) {
    fprintf(stderr, "usage: millrace_usb DEVICE... -- PROGRAM [ARGUMENT...]\n");
    return 2;
}

// With the library, once.
static int start_again(char **argv) {
    const char *before = getenv("LD_PRELOAD");
    char value[4096];
    if (before && strstr(before, PRELOADED))
        return 0;
    snprintf(value, sizeof value, "%s%s%s", PRELOADED, before && *before ? ":" : "",
             before ? before : "");
    setenv("LD_PRELOAD", value, 1);
    execv("/proc/self/exe", argv);
    return fail(strerror(errno));
}

// The superuser may open what denies permission, unless it gives that right away.
static void obey_permissions(void) {
    prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
    prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
}

// A signal that ends this process is for the program, whose end is this one's.
static volatile sig_atomic_t program;
static void pass_on(int number) {
    if (program > 0)
        kill((pid_t)program, number);
}

static pid_t start_program(char **argv, bool denied) {
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
        signal(SIGINT, SIG_DFL);
        signal(SIGQUIT, SIG_DFL);
        if (denied)
            obey_permissions();
        execvp(argv[0], argv);
        fprintf(stderr, "millrace_usb: %s: cannot be started (%s)\n", argv[0], strerror(errno));
        _exit(127);
    }
    return child;
}

static int run(UMockdevTestbed *testbed, struct usb_description *descriptions, unsigned count,
               char **argv) {
    struct usb_device *devices[DEVICES] = {0};
    char error[1200];
    bool failed = false, denied = false;
    int status = 0;
    for (unsigned i = 0; i < count && !failed; i++) {
        denied |= mr_usb_faults_next_is(&descriptions[i].faults, USB_FAULT_DENY);
        devices[i] = mr_usb_plug(testbed, i, &descriptions[i], error, sizeof error);
        failed = !devices[i];
    }
    if (failed) {
        status = fail(error);
    } else {
        const pid_t child = start_program(argv, denied);
        program = child;
        while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        status = child < 0           ? fail(strerror(errno))
                 : WIFEXITED(status) ? WEXITSTATUS(status)
                                     : 128 + WTERMSIG(status);
    }
    for (unsigned i = 0; i < count; i++)
        mr_usb_remove(devices[i]);
    return status;
}

int main(int argc, char **argv) {
    static struct usb_description descriptions[DEVICES];
    char error[1200];
    int end = 1;
    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    const unsigned count = (unsigned)end - 1;
    if (end + 1 >= argc || !count)
        return usage();
    if (count > DEVICES) {
        fprintf(stderr, "millrace_usb: there are at most %d devices\n", DEVICES);
        return 2;
    }
    for (unsigned i = 0; i < count; i++)
        if (mr_usb_describe(&descriptions[i], argv[i + 1], error, sizeof error)) {
            fail(error);
            return 2;
        }
    if (start_again(argv))
        return 1;
    // Those of a terminal come to the program by themselves.
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTERM, pass_on);
    signal(SIGHUP, pass_on);
    UMockdevTestbed *testbed = umockdev_testbed_new();
    const int status = run(testbed, descriptions, count, argv + end + 1);
    g_object_unref(testbed);
    return status;
}
