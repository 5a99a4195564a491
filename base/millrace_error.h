// SPDX-License-Identifier: Apache-2.0
// Version and errors of libmillrace: a part of millrace.h, which includes it, that all rooms may
// use.
#ifndef MILLRACE_ERROR_H
#define MILLRACE_ERROR_H

#define MR_API __attribute__((visibility("default")))

#define MR_VERSION "0.2.0"

// The error codes: name, value, meaning.
#define MR_ERROR_MAP(X)                                                                            \
    X(MR_ERROR_ARGUMENT, -1, "the call has an argument that is not allowed")                       \
    X(MR_ERROR_MEMORY, -2, "not enough memory")                                                    \
    X(MR_ERROR_FILE, -3, "a file cannot be read or written")                                       \
    X(MR_ERROR_MODEL, -4, "the model cannot be used")                                              \
    X(MR_ERROR_INPUT, -5, "the input has a value that is not a number or not finite")              \
    X(MR_ERROR_PLAN, -6, "the network does not fit, or the target is not known")                   \
    X(MR_ERROR_BUILD, -7, "the network could not be built")                                        \
    X(MR_ERROR_DEVICE, -8, "the device is not known, cannot be opened, or failed")

enum mr_error_code {
#define MR_ERROR_ENUMERATOR(name, value, text) name = value,
    MR_ERROR_MAP(MR_ERROR_ENUMERATOR)
#undef MR_ERROR_ENUMERATOR
};

// What went wrong in one call. Calls write it only when they fail.
struct mr_error {
    int code; // of MR_ERROR_MAP
    char text[1024];
};

#endif
