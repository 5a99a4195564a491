// SPDX-License-Identifier: Apache-2.0
// Preloaded into XRT programs that tests start by `millrace emulate`: XRT's hardware emulation
// sleeps ten seconds when it loads an image, "for the simulator to start". With MILLRACE_REAL_SLEEP
// set the tests do without.
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) unsigned sleep(unsigned seconds) {
    (void)seconds;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return 0;
}
