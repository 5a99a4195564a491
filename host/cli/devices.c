// SPDX-License-Identifier: Apache-2.0
// `millrace devices`: what a model can be run on here.
#include "cli.h"
#include "json_append.h"

#include <stdio.h>
#include <stdlib.h>

static int devices_command(struct cli *cli, int argc, char **argv) {
    if (cli_next(cli, argc, argv) == CLI_STOP)
        return cli->code;
    if (optind < argc)
        return cli_usage(cli, "one argument too many: %s", argv[optind]);
    const size_t room = mr_devices(NULL, 0);
    struct mr_device_entry *entries = calloc(room + 1, sizeof *entries);
    if (!entries)
        return cli_fail(cli, "not enough memory for the list of devices");
    const size_t found = mr_devices(entries, room), count = found < room ? found : room;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        mr_json_append(&list, json_pack("{s:s, s:s, s:s, s:s}", "uri", entries[i].uri, "text",
                                        entries[i].text, "can", entries[i].can, "needs",
                                        entries[i].needs));
        if (!cli->json)
            printf("%-8s %s; the first run of a network needs %s\n", entries[i].uri,
                   entries[i].text, entries[i].needs);
    }
    free(entries);
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
