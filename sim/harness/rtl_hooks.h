// SPDX-License-Identifier: Apache-2.0
// Forced into every C++ file of a Verilated build (-include): output and stops of the RTL come to
// the harness, which turns them into the error of a run, where Verilator's own versions print and
// abort.
#ifndef MR_RTL_HOOKS_H
#define MR_RTL_HOOKS_H

#define VL_USER_FINISH
#define VL_USER_STOP
#define VL_USER_FATAL
#define VL_USER_STOP_MAYBE
#define VL_USER_WARN
#define VL_PRINTF mr_rtl_print

extern "C" int mr_rtl_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The one hook that Verilator's headers do not declare.
void vl_stop_maybe(const char *file, int line, const char *scope, bool maybe);

#endif
