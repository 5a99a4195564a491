// SPDX-License-Identifier: Apache-2.0
// Preloaded into card_test: XRT's hardware emulation sleeps ten seconds when it loads an image,
// "for the simulator to start". For tests only; with MILLRACE_REAL_SLEEP set they do without.
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#include <unistd.h>

__attribute__((visibility("default"))) unsigned sleep(unsigned seconds) {
    (void)seconds;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return 0;
}
