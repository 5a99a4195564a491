// SPDX-License-Identifier: Apache-2.0
// XRT's C interface, loaded when the first card is opened: a program that uses no card neither
// needs XRT nor starts it. The environment that chooses between cards and emulation is read while
// it loads, so it must be set before.
#ifndef MR_XRT_API_H
#define MR_XRT_API_H

#include <stddef.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#define MR_XRT_FUNCTIONS(X)                                                                        \
    X(xrtDeviceOpen)                                                                               \
    X(xrtDeviceClose)                                                                              \
    X(xrtDeviceLoadXclbinFile)                                                                     \
    X(xrtDeviceGetXclbinUUID)                                                                      \
    X(xrtPLKernelOpenExclusive)                                                                    \
    X(xrtKernelClose)                                                                              \
    X(xrtKernelArgGroupId)                                                                         \
    X(xrtKernelReadRegister)                                                                       \
    X(xrtKernelWriteRegister)                                                                      \
    X(xrtBOAlloc)                                                                                  \
    X(xrtBOAllocUserPtr)                                                                           \
    X(xrtBOFree)                                                                                   \
    X(xrtBOSync)                                                                                   \
    X(xrtBOMap)                                                                                    \
    X(xrtBOAddress)

struct mr_xrt_api {
#define MR_XRT_POINTER(name) __typeof__(name) *name;
    MR_XRT_FUNCTIONS(MR_XRT_POINTER)
#undef MR_XRT_POINTER
    char folder[4096]; // of libxrt_coreutil.so.2
};

// Loads XRT; it stays. 0, or -1 with a sentence in error that says what to install.
int mr_xrt_load(struct mr_xrt_api *api, char *error, size_t error_size);

#endif
