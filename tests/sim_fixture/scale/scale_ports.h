// SPDX-License-Identifier: Apache-2.0
// The ports of the scale fixture, in the form that hlsc writes.
#define KERNEL_TOP scale
#define KERNEL_PORTS(SCALAR, IN, OUT)                                                              \
    SCALAR(gain, 16) SCALAR(count, 32) IN(a, 24) IN(wide, 100) OUT(b, 40) OUT(mirror, 100)
#define KERNEL_PROCESSES(P) P(scaler)
