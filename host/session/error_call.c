// SPDX-License-Identifier: Apache-2.0
// The calls on error codes and on the version.
#include "millrace.h"

const char *mr_strerror(int code) {
    switch (code) {
    case 0:
        return "success";
#define MR_ERROR_CASE(name, value, text)                                                           \
    case name:                                                                                     \
        return text;
        MR_ERROR_MAP(MR_ERROR_CASE)
#undef MR_ERROR_CASE
    default:
        return "unknown error";
    }
}

const char *mr_version(void) {
    return MR_VERSION;
}
