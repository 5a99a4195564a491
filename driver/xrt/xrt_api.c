// SPDX-License-Identifier: Apache-2.0
// Loads XRT (xrt_api.h).
#define _GNU_SOURCE
#include "xrt_api.h"
#include "file.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libxrt_coreutil.so.2"

// AMD's own package is not on the loader's path, but its set-up script sets XILINX_XRT.
static void *open_library(void) {
    char path[4096];
    const char *home = getenv("XILINX_XRT");
    void *library = NULL;
    if (home && snprintf(path, sizeof path, "%s/lib/" LIBRARY, home) < (int)sizeof path)
        library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        library = dlopen(LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    if (!library)
        library = dlopen("/opt/xilinx/xrt/lib/" LIBRARY, RTLD_NOW | RTLD_GLOBAL);
    return library;
}

int mr_xrt_load(struct mr_xrt_api *api, char *error, size_t error_size) {
    void *library = open_library();
    if (!library)
        return mr_fail(error, error_size,
                       "XRT, the runtime of Alveo cards, is not installed (%s); install Debian's "
                       "libxrt1 or AMD's xrt package",
                       dlerror());
#define FIND(name)                                                                                 \
    *(void **)&api->name = dlsym(library, #name);                                                  \
    if (!api->name)                                                                                \
        return mr_fail(error, error_size,                                                          \
                       LIBRARY " has no function " #name "; XRT 2.13 or later is needed");
    MR_XRT_FUNCTIONS(FIND)
    Dl_info found;
    *api->folder = '\0';
    if (dladdr(*(void **)&api->xrtDeviceOpen, &found) && found.dli_fname) {
        char *resolved = realpath(found.dli_fname, NULL);
        snprintf(api->folder, sizeof api->folder, "%s", resolved ? resolved : found.dli_fname);
        free(resolved);
        char *slash = strrchr(api->folder, '/');
        if (slash)
            *slash = '\0';
    }
    return 0;
}
