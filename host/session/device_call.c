// SPDX-License-Identifier: Apache-2.0
// The devices of this machine as the library's users see them, and the environment of emulated
// cards for programs that call XRT themselves.
#include "driver.h"
#include "emulation.h"
#include "failure.h"
#include "millrace.h"
#include "xrt_api.h"

#include <stdio.h>
#include <stdlib.h>

// What builds a network's form, for its first run.
static const char *const builders[MR_FORMS] = {
    [MR_FORM_ENGINE] = "nothing",
    [MR_FORM_MODEL] = "hlsc, a C compiler",
    [MR_FORM_RTL] = "hlsc, Verilator, a C++ compiler, make",
    [MR_FORM_XCLBIN] = "an image of it (hw/vitis/)",
    [MR_FORM_FOLDED] = "nothing",
    [MR_FORM_SHAPE] = "a board with the network's pipeline, its manifest or hlsc",
};

static struct mr_device_entry describe(const struct mr_device_found *found) {
    static const struct {
        uint32_t cap;
        const char *text;
    } caps[] = {
#define CAP_TEXT(name, bit, text) {name, text},
        MR_CAP_MAP(CAP_TEXT)
#undef CAP_TEXT
    };
    const struct mr_backend *backend = mr_device_find(found->uri, NULL);
    struct mr_device_entry entry = {0};
    snprintf(entry.uri, sizeof entry.uri, "%s", found->uri);
    snprintf(entry.text, sizeof entry.text, "%s", found->text);
    snprintf(entry.needs, sizeof entry.needs, "%s", builders[mr_device_form(found->uri)]);
    for (size_t i = 0, used = 0; i < sizeof caps / sizeof *caps && used < sizeof entry.can; i++)
        if (backend->caps & caps[i].cap)
            used += (size_t)snprintf(entry.can + used, sizeof entry.can - used, "%s%s",
                                     used ? ", " : "", caps[i].text);
    return entry;
}

size_t mr_devices(struct mr_device_entry *devices, size_t capacity) {
    struct mr_device_found *found = capacity ? calloc(capacity, sizeof *found) : NULL;
    const size_t count = mr_device_list(found, found ? capacity : 0);
    for (size_t i = 0; found && i < count && i < capacity; i++)
        devices[i] = describe(&found[i]);
    free(found);
    return count;
}

int mr_emulation_enter(struct mr_error *error) {
    struct mr_xrt_api api;
    char text[900];
    return mr_emulation_prepare(true, text, sizeof text) || mr_xrt_load(&api, text, sizeof text) ||
                   mr_emulation_set_libraries(api.folder, text, sizeof text)
               ? mr_failure(error, MR_ERROR_DEVICE, "%s", text)
               : 0;
}

void mr_emulation_leave(void) {
    if (*mr_emulation_folder())
        mr_emulation_remove_tree(mr_emulation_folder());
}
