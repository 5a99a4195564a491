// SPDX-License-Identifier: Apache-2.0
// What the parts of `millrace run` share.
#ifndef MR_CLI_RUN_H
#define MR_CLI_RUN_H

#include "cli.h"

struct run {
    const char *model, *device, *input, *output, *restore, *save, *lengths;
    uint64_t *steps; // of each sequence; NULL: all have as many
    // With these [sequences][mr_session_state_size], which --restore and --save mean then.
    unsigned char *states;
    char **paths; // of the outputs, NULL: standard output
    bool stepwise;
    uint64_t generate;   // tokens at most for each sequence; 0: X is run
    int32_t first, stop; // -1: not given
};

// The state of --restore, and that of --save; of so many sequences where they have lengths. 0, or
// the exit code after a message.
int cli_restore(struct cli *cli, struct run *run, struct mr_session *session, size_t sequences);
int cli_save(struct cli *cli, const struct run *run, struct mr_session *session, size_t sequences);
// Says which device it is, where the command line did not.
void cli_tell_device(struct cli *cli, const struct run *run, const struct mr_session *session);
// A number of the plan of such a run, 0 when it cannot be said.
uint64_t cli_planned(const struct cli *cli, const struct mr_model *model, size_t sequences,
                     size_t steps, const char *name);

// `run --generate` (generate.c). The exit code.
int cli_generate(struct cli *cli, struct run *run);

#endif
