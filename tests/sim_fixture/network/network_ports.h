// SPDX-License-Identifier: Apache-2.0
// The ports of the network fixture, in the form that hlsc writes.
#define KERNEL_TOP network
#define KERNEL_PORTS(SCALAR, IN, OUT)                                                              \
    SCALAR(command, 32)                                                                            \
    SCALAR(sequences, 32)                                                                          \
    SCALAR(steps, 32)                                                                              \
    SCALAR(total, 32) SCALAR(flags, 32) IN(weights, 512) IN(x, 64) OUT(y, 32)
#define KERNEL_PROCESSES(P) P(loader) P(cell)
