// SPDX-License-Identifier: Apache-2.0
// Names of devices, before one is opened.
#ifndef MR_DEVICE_URI_H
#define MR_DEVICE_URI_H

#include "millrace_error.h"

// The URI that a short name stands for: "cpu:" for "cpu", "xrt:0" for "xrt"; another text is its
// own.
const char *mr_device_uri(const char *text);
// 0 for a well-formed URI of a known kind, whether or not that device is there; else the message
// lists the known ones.
int mr_session_check_uri(const char *uri, struct mr_error *error);

#endif
