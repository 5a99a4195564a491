// SPDX-License-Identifier: Apache-2.0
// `millrace devices`: what a model can be run on here.
#include "cli.h"
#include "driver.h"

#include <stdio.h>
#include <string.h>

enum { DEVICES = 64 };

static const char *needs(const char *uri) {
    if (strncmp(uri, "cpu:", 4) == 0)
        return "hlsc, a C compiler";
    if (strncmp(uri, "sim:", 4) == 0)
        return "hlsc, Verilator, a C++ compiler, make";
    if (strncmp(uri, "xrt:", 4) == 0)
        return "an image of it (hw/vitis/)";
    return "";
}

static int devices_command(struct cli *cli, int argc, char **argv) {
    if (cli_next(cli, argc, argv) == CLI_STOP)
        return cli->code;
    if (optind < argc)
        return cli_usage(cli, "one argument too many: %s", argv[optind]);
    struct mr_device_entry entries[DEVICES];
    size_t count = mr_device_list(entries, DEVICES);
    if (count > DEVICES)
        count = DEVICES;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "uri", entries[i].uri, "text",
                                              entries[i].text, "needs", needs(entries[i].uri)));
        if (!cli->json)
            printf("%-8s %s; the first run of a network needs %s\n", entries[i].uri,
                   entries[i].text, needs(entries[i].uri));
    }
    if (cli->json)
        return cli_print_json(cli, json_pack("{s:o}", "devices", list));
    json_decref(list);
    return CLI_OK;
}

const struct cli_command cli_devices = {
    .name = "devices",
    .summary = "list the devices and what they need",
    .usage = "[--json]",
    .about = "Lists the devices that can be opened on this machine.",
    .run = devices_command,
};
