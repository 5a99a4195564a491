// SPDX-License-Identifier: Apache-2.0
// `millrace profile`: what each process of the network does over time.
#define _POSIX_C_SOURCE 200809L
#include "profile.h"
#include "device_uri.h"
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct request {
    const char *model, *device, *input, *trace;
};

static int write_trace(struct cli *cli, const struct profile *profile, const char *path) {
    json_t *trace = profile_trace(profile);
    char *text = trace ? json_dumps(trace, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(trace);
    if (!text)
        return cli_fail(cli, "%s: not enough memory for the trace", path);
    char error[900];
    const struct mr_piece piece = {text, strlen(text)};
    const int failed = mr_file_write(path, &piece, 1, error, sizeof error);
    free(text);
    return failed ? cli_fail(cli, "%s", error) : 0;
}

static int show(struct cli *cli, const struct profile *profile, const struct mr_session *session,
                const struct mr_model *model, const char *trace) {
    if (!profile->cycles)
        return cli_fail(cli, "%s counts no cycles, so there is nothing to show; use --device sim:",
                        profile->device);
    const int code = trace ? write_trace(cli, profile, trace) : 0;
    if (code)
        return code;
    if (cli->json)
        return cli_print_json(cli,
                              cli_add_saturation(profile_json(profile, trace), session, model));
    profile_print(cli_report(cli), profile);
    return CLI_OK;
}

static int run_session(struct cli *cli, const struct request *request, struct mr_session *session,
                       const struct mr_model *model, const struct cli_input *input, float *y,
                       struct profile *profile) {
    if (cli->options.progress)
        cli->options.progress(cli, "running");
    int code =
        mr_session_run(session, input->x, input->sequences, input->steps, 0, y, &profile->stats);
    if (code)
        return cli_fail_run(cli, code, session, input);
    cli_warn_saturation(cli, session, model);
    profile->device = mr_session_device(session);
    code = profile_take(profile, session) ? cli_fail(cli, "not enough memory for the timeline")
                                          : show(cli, profile, session, model, request->trace);
    profile_free(profile);
    return code;
}

static int run_model(struct cli *cli, const struct request *request, const struct mr_model *model,
                     const struct cli_input *input) {
    struct mr_error error;
    struct profile profile = {
        .model = request->model, .sequences = input->sequences, .steps = input->steps};
    float *y = calloc(input->sequences * mr_model_numbers(model, input->steps), sizeof *y);
    if (!y)
        return cli_fail(cli, "not enough memory for the outputs of %zu sequences",
                        input->sequences);
    cli->options.timeline = 1;
    struct mr_session *session = mr_session_open(model, request->device, &cli->options, &error);
    const int code = session ? run_session(cli, request, session, model, input, y, &profile)
                             : cli_fail(cli, "%s", error.text);
    mr_session_close(session);
    free(y);
    return code;
}

static int profile_model(struct cli *cli, const struct request *request) {
    struct mr_error error;
    struct mr_model_info info;
    struct cli_input input = {0};
    struct mr_model *model = cli_open_model(cli, request->model, &error);
    if (!model)
        return cli_fail(cli, "%s", error.text);
    mr_model_info(model, &info);
    int code = cli_read_sequences(cli, request->input, model, &info, &input);
    if (!code)
        code = run_model(cli, request, model, &input);
    mr_array_free(&input.array);
    mr_model_close(model);
    return code;
}

enum { DEVICE, INPUT, TRACE };

static const struct cli_option options[] = {
    {INPUT, 'i', "input", "X", "the same as X behind the model"},
    {DEVICE, 0, "device", "URI",
     "sim: (exact in every cycle; the default) or xrt:N (a card, whose counters\n"
     "are read while it works)"},
    {TRACE, 0, "trace", "FILE.json",
     "also write the timeline as a trace, which ui.perfetto.dev and\n"
     "chrome://tracing open"},
    {0},
};

static int profile_command(struct cli *cli, int argc, char **argv) {
    struct request request = {.device = "sim:"};
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        switch (option) {
        case DEVICE:
            request.device = mr_device_uri(optarg);
            break;
        case INPUT:
            request.input = optarg;
            break;
        case TRACE:
            request.trace = optarg;
            break;
        default:
            return cli->code;
        }
    }
    const int code = cli_model_and_input(cli, argc, argv, &request.model, &request.input);
    if (code)
        return code;
    const struct cli_file files[] = {{"MODEL", request.model, false},
                                     {"--input", request.input, false},
                                     {"--trace", request.trace, true},
                                     {0}};
    const int refused = cli_check_files(cli, files);
    return refused ? refused : profile_model(cli, &request);
}

const struct cli_command cli_profile = {
    .name = "profile",
    .summary = "what each process does over time, and which sets the pace",
    .usage = "MODEL X [--device URI] [--trace FILE.json] [options]",
    .about = "Runs sequences and shows, for each process of the network, when it was busy, starved "
             "(waited\n"
             "for input) and blocked (waited for room in its output), and which process limits the "
             "run.\n"
             "X as for millrace run.",
    .options = options,
    .cards = true,
    .models = true,
    .plans = true,
    .run = profile_command,
};
