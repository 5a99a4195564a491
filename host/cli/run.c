// SPDX-License-Identifier: Apache-2.0
// `millrace run`: sequences through a model on a device.
#define _POSIX_C_SOURCE 200809L
#include "run.h"
#include "device_uri.h"
#include "file.h"
#include "json_append.h"
#include "stats.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What all device runs together took.
struct outcome {
    struct mr_stats stats;
    double *cycles_per_step; // [layers], of the last device run
};

// The states of --restore, one for each of the sequences that --lengths has.
static int take_states(struct cli *cli, struct run *run, const struct mr_session *session,
                       size_t sequences) {
    const size_t size = mr_session_state_size(session);
    unsigned char *states = NULL;
    size_t given = 0;
    char text[900];
    if (sequences > SIZE_MAX / size || !(run->states = calloc(sequences, size)))
        return cli_fail(cli, "not enough memory for the states of %zu sequences", sequences);
    if (!run->restore)
        return 0;
    if (mr_file_read(run->restore, sequences * size, &states, &given, text, sizeof text))
        return cli_fail(cli, "%s", text);
    if (given == sequences * size)
        memcpy(run->states, states, given);
    free(states);
    return given == sequences * size
               ? 0
               : cli_fail(cli,
                          "%s has %zu bytes; %zu are needed, a state of %zu for each of %zu "
                          "sequences, as --save wrote them with --lengths",
                          run->restore, given, sequences * size, size, sequences);
}

int cli_restore(struct cli *cli, struct run *run, struct mr_session *session, size_t sequences) {
    unsigned char *state = NULL;
    size_t size = 0;
    char text[900];
    if (run->steps && (run->restore || run->save))
        return take_states(cli, run, session, sequences);
    if (!run->restore)
        return 0;
    if (mr_file_read(run->restore, 1 << 24, &state, &size, text, sizeof text))
        return cli_fail(cli, "%s", text);
    const int code = mr_session_restore(session, state, size);
    free(state);
    return code ? cli_fail(cli, "%s: %s", run->restore, mr_session_error(session)) : 0;
}

int cli_save(struct cli *cli, const struct run *run, struct mr_session *session, size_t sequences) {
    if (!run->save)
        return 0;
    const size_t size = mr_session_state_size(session);
    unsigned char *state = run->states ? run->states : malloc(size);
    char text[900];
    int code = 0;
    if (!state)
        return cli_fail(cli, "not enough memory for the state");
    const struct mr_piece piece = {state, run->states ? sequences * size : size};
    if (!run->states && mr_session_save(session, state, size))
        code = cli_fail(cli, "%s", mr_session_error(session));
    else if (mr_file_write(run->save, &piece, 1, text, sizeof text))
        code = cli_fail(cli, "%s", text);
    if (!run->states)
        free(state);
    return code;
}

static int run_stepwise(struct mr_session *session, const struct run *run,
                        const struct cli_input *input, const struct mr_model_info *info,
                        const struct cli_outputs *outputs, struct mr_stats *sum) {
    for (uint32_t o = 0; o < outputs->count; o++)
        outputs->list[o].count = outputs->info[o].width;
    for (size_t n = 0; n < input->sequences; n++) {
        if (!run->restore)
            mr_session_reset(session);
        for (size_t t = 0; t < input->steps; t++) {
            const size_t step = n * input->steps + t;
            const struct mr_input x = {info->input_name, input->x + step * info->inputs,
                                       info->inputs};
            struct mr_stats one;
            const int code = mr_session_run_named(session, &x, 1, outputs->list, outputs->count, 1,
                                                  1, MR_RUN_CONTINUE, &one);
            if (code)
                return code;
            for (uint32_t o = 0; o < outputs->count; o++)
                outputs->list[o].data += outputs->info[o].width;
            mr_stats_add(&one, sum);
        }
    }
    return 0;
}

static int run_lengths(struct mr_session *session, const struct run *run,
                       const struct cli_input *input, const struct cli_outputs *outputs,
                       struct mr_stats *stats) {
    size_t numbers = 0;
    for (uint32_t o = 0; o < outputs->count; o++)
        numbers += outputs->list[o].count;
    float *y = malloc(numbers * sizeof *y), *from = y;
    int code = !y ? MR_ERROR_MEMORY
               : run->states
                   ? mr_session_run_states_lengths(session, input->x, input->sequences,
                                                   input->steps, run->steps, run->states, y, stats)
                   : mr_session_run_lengths(session, input->x, input->sequences, input->steps,
                                            run->steps, y, stats);
    for (uint32_t o = 0; !code && o < outputs->count; o++) {
        memcpy(outputs->list[o].data, from, outputs->list[o].count * sizeof *from);
        from += outputs->list[o].count;
    }
    free(y);
    return code;
}

// The file of --lengths: a whole number for each sequence.
static int read_lengths(struct cli *cli, struct run *run, const struct cli_input *input) {
    struct mr_array array = {0};
    if (!run->lengths)
        return 0;
    int code = cli_read_array(cli, run->lengths, &array);
    if (!code && array.count != input->sequences)
        code = cli_fail(cli, "%s: %zu lengths, and %s has %zu sequences", run->lengths, array.count,
                        input->name, input->sequences);
    if (!code && !(run->steps = calloc(array.count, sizeof *run->steps)))
        code = cli_fail(cli, "not enough memory for the lengths");
    for (size_t i = 0; !code && i < array.count; i++) {
        const double length = (double)array.data[i];
        if (!(length >= 1 && length <= (double)input->steps) || length != (double)(uint64_t)length)
            code = cli_fail(cli,
                            "%s: length %zu is %g; a whole number from 1 to %zu is expected, "
                            "the steps of %s",
                            run->lengths, i, length, input->steps, input->name);
        else
            run->steps[i] = (uint64_t)length;
    }
    mr_array_free(&array);
    return code;
}

static json_t *layer_cycles(const struct mr_session *session) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < mr_session_process_count(session); i++) {
        struct mr_process_info process;
        if (mr_session_process(session, i, &process) || process.cycles_per_step <= 0)
            continue;
        mr_json_append(&list, json_real(process.cycles_per_step));
    }
    if (!list || json_array_size(list) > 0)
        return list;
    json_decref(list);
    return json_null();
}

uint64_t cli_planned(const struct cli *cli, const struct mr_model *model, size_t sequences,
                     size_t steps, const char *name) {
    char *text = NULL;
    uint64_t cycles = 0;
    if (mr_plan(model, &cli->options, sequences, steps, &text, NULL, NULL) == 0) {
        json_t *plan = json_loads(text, 0, NULL);
        cycles = (uint64_t)json_integer_value(json_object_get(plan, name));
        json_decref(plan);
    }
    free(text);
    return cycles;
}

static json_t *integer_or_null(uint64_t value) {
    return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *outputs_json(const struct run *run, const struct cli_outputs *outputs) {
    json_t *list = json_array();
    for (uint32_t o = 0; o < outputs->count; o++) {
        json_t *shape = json_array();
        for (int i = 0; i < outputs->arrays[o].rank; i++)
            mr_json_append(&shape, json_integer((json_int_t)outputs->arrays[o].shape[i]));
        mr_json_append(&list, json_pack("{s:s, s:s, s:o}", "name", outputs->info[o].name, "file",
                                        run->paths[o], "shape", shape));
    }
    return list;
}

static void print_run(FILE *to, const struct run *run, const struct cli_outputs *outputs,
                      const struct cli_input *input, const char *device) {
    if (!run->paths)
        fputs("standard output", to);
    for (uint32_t o = 0; run->paths && o < outputs->count; o++)
        fprintf(to, "%s%s", o ? ", " : "", run->paths[o]);
    fprintf(to, ": %zu sequence%s of %zu step%s on %s", input->sequences,
            mr_plural(input->sequences), input->steps, mr_plural(input->steps), device);
}

static int report(struct cli *cli, const struct run *run, const struct mr_session *session,
                  const struct mr_model *model, const struct cli_input *input,
                  const struct cli_outputs *outputs, const struct mr_stats *stats) {
    const bool counted = stats->cycles > 0;
    const bool lanes = stats->multipliers > 0; // a folded kernel has none
    const uint64_t planned = counted && lanes && stats->device_runs == 1
                                 ? cli_planned(cli, model, input->sequences, input->steps, "cycles")
                                 : 0;
    cli_warn_saturation(cli, session, model);
    if (cli->json) {
        json_t *object = json_object();
        mr_json_put(&object, "device", json_string(mr_session_device(session)));
        if (run->output)
            mr_json_put(&object, "output", json_string(run->output));
        mr_json_put(&object, "outputs", outputs_json(run, outputs));
        mr_json_put(&object, "sequences", json_integer((json_int_t)input->sequences));
        mr_json_put(&object, "steps", json_integer((json_int_t)input->steps));
        mr_json_put(&object, "cycles", integer_or_null(stats->cycles));
        if (counted)
            mr_json_put(&object, "planned_cycles", integer_or_null(planned));
        mr_json_put(&object, "cycles_per_step", lanes ? layer_cycles(session) : json_null());
        mr_json_put(&object, "utilisation", lanes ? json_real(stats->utilisation) : json_null());
        mr_json_put(&object, "clock_mhz", counted ? json_real(stats->clock_mhz) : json_null());
        // At the stated clock; the CPU has none, and its own time is of this machine.
        mr_json_put(&object, "microseconds",
                    counted ? json_real(stats->microseconds) : json_null());
        if (!counted)
            mr_json_put(&object, "measured_microseconds", json_real(stats->microseconds));
        return cli_print_json(cli, cli_add_saturation(object, session, model));
    }
    FILE *to = cli_report(cli);
    print_run(to, run, outputs, input, mr_session_device(session));
    if (!counted) {
        fprintf(to, ", %.0f us on this processor\n", stats->microseconds);
        return CLI_OK;
    }
    fprintf(to, ", %llu cycles, %.2f us at %.0f MHz", (unsigned long long)stats->cycles,
            stats->microseconds, stats->clock_mhz);
    if (lanes)
        fprintf(to, ", multipliers %.1f %% used", 100 * stats->utilisation);
    fprintf(to, "\n");
    if (planned)
        fprintf(to, "the planner said %llu cycles\n", (unsigned long long)planned);
    return CLI_OK;
}

static int run_session(struct cli *cli, const struct run *run, struct mr_session *session,
                       const struct mr_model_info *info, const struct cli_input *input,
                       const struct cli_outputs *outputs, struct mr_stats *stats) {
    const struct mr_input x = {info->input_name, input->x,
                               (uint64_t)input->sequences * input->steps * info->inputs};
    char *begun = strdup(mr_session_device(session));
    const int code =
        run->steps ? run_lengths(session, run, input, outputs, stats)
        : run->stepwise
            ? run_stepwise(session, run, input, info, outputs, stats)
            : mr_session_run_named(session, &x, 1, outputs->list, outputs->count, input->sequences,
                                   input->steps, run->restore ? MR_RUN_CONTINUE : 0, stats);
    if (begun && strcmp(begun, mr_session_device(session)) != 0)
        cli_note(cli, "went on with %s", mr_session_device(session));
    free(begun);
    return code ? cli_fail_run(cli, code, session, input) : CLI_OK;
}

void cli_tell_device(struct cli *cli, const struct run *run, const struct mr_session *session) {
    if (!run->device || strcmp(mr_session_device(session), run->device) != 0)
        cli_note(cli, "running on %s", mr_session_device(session));
}

static int run_opened(struct cli *cli, struct run *run, const struct mr_model *model,
                      const struct mr_model_info *info, const struct cli_input *input,
                      struct mr_session *session, const struct cli_outputs *outputs) {
    cli_tell_device(cli, run, session);
    if (cli->options.progress)
        cli->options.progress(cli, "running");
    struct mr_stats stats = {0};
    int code = cli_restore(cli, run, session, input->sequences);
    if (!code)
        code = run_session(cli, run, session, info, input, outputs, &stats);
    if (!code)
        code = cli_write_outputs(cli, run->paths, outputs);
    if (!code)
        code = cli_save(cli, run, session, input->sequences);
    return code ? code : report(cli, run, session, model, input, outputs, &stats);
}

static int run_input(struct cli *cli, struct run *run, const struct mr_model *model,
                     const struct mr_model_info *info, const struct cli_input *input) {
    struct cli_outputs outputs;
    struct mr_session *session = NULL;
    struct mr_error error;
    int code =
        cli_make_outputs(cli, model, input->sequences, input->steps, run->stepwise, &outputs);
    if (!code) {
        session = mr_session_open(model, run->device, &cli->options, &error);
        code = session ? run_opened(cli, run, model, info, input, session, &outputs)
                       : cli_fail(cli, "%s", error.text);
    }
    mr_session_close(session);
    cli_free_outputs(&outputs);
    return code;
}

// Names the files of the outputs, and checks all that is read and written.
static int check_files(struct cli *cli, struct run *run, const struct mr_model *model,
                       const struct mr_model_info *info) {
    // The state goes on in its own file where the user says so.
    const bool in_place = run->save && run->restore && mr_file_is_same(run->save, run->restore);
    const struct cli_file others[] = {
        {"MODEL", run->model, false},       {"--input", run->input, false},
        {"--lengths", run->lengths, false}, {"--restore", in_place ? NULL : run->restore, false},
        {"--save", run->save, true},        {"--trace", cli->options.trace, true}};
    enum { OTHERS = sizeof others / sizeof *others };
    if (run->output && !(run->paths = cli_output_paths(cli, model, run->output)))
        return CLI_FAILED;
    struct cli_file *files = calloc(info->output_count + OTHERS + 1, sizeof *files);
    if (!files)
        return cli_fail(cli, "not enough memory for the names of files");
    size_t count = 0;
    for (uint32_t o = 0; run->paths && o < info->output_count; o++)
        files[count++] = (struct cli_file){"--output", run->paths[o], true};
    memcpy(files + count, others, sizeof others);
    const int code = cli_check_files(cli, files);
    free(files);
    return code;
}

static int run_files(struct cli *cli, struct run *run) {
    struct mr_error error;
    struct mr_model *model = cli_open_model(cli, run->model, &error);
    struct mr_model_info info;
    struct cli_input input = {0};
    if (!model)
        return cli_fail(cli, "%s", error.text);
    mr_model_info(model, &info);
    int code = check_files(cli, run, model, &info);
    if (!code)
        code = cli_read_sequences(cli, run->input, model, &info, &input);
    if (!code && run->restore && !run->lengths && input.sequences != 1)
        code = cli_fail(cli,
                        "%s: --restore goes on with one sequence and %s has %zu; run them one by "
                        "one, or with --lengths",
                        run->restore, input.name, input.sequences);
    if (!code)
        code = read_lengths(cli, run, &input);
    if (!code)
        code = run_input(cli, run, model, &info, &input);
    free(run->steps);
    free(run->states);
    mr_array_free(&input.array);
    cli_free_paths(model, run->paths);
    mr_model_close(model);
    return code;
}

enum { MOST_TOKENS = 1 << 24 };

enum {
    DEVICE,
    INPUT,
    OUTPUT,
    LENGTHS,
    STEPS,
    GENERATE,
    FIRST,
    STOP,
    FALLBACK,
    RESTORE,
    SAVE,
    TRACE
};

static const struct cli_option options[] = {
    {DEVICE, 0, "device", "URI",
     "cpu: (the same bits, no cycles), sim: (cycle-exact), xrt:N (Alveo card\n"
     "N; xrt:N,IMAGE.xclbin names its image), auto: (a card that is there and\n"
     "has an image of this network, else cpu:; the default)"},
    {INPUT, 'i', "input", "X", "the same as X behind the model"},
    {OUTPUT, 'o', "output", "Y", "\"-\" is standard output (default: a table on standard output)"},
    {LENGTHS, 0, "lengths", "FILE",
     "sequences of different lengths: a whole number for each, .npy or .csv; what\n"
     "X has behind the end of a sequence is of no effect. --restore and --save\n"
     "then take and write a state for each"},
    {STEPS, 0, "steps", NULL, "step by step, state kept on the device; Y becomes [N, T, width]"},
    {GENERATE, 0, "generate", "N",
     "N tokens at most behind each sequence of X, of a network from tokens to an\n"
     "arg-max: the device takes each one as its next input; Y becomes [N, tokens],\n"
     "-1 behind the last one"},
    {FIRST, 0, "first", "TOKEN",
     "of --generate: the first input behind X, which may be left out (default: the\n"
     "last number of X); of a model with an encoder, which reads X, its decoder's"},
    {STOP, 0, "stop", "TOKEN", "of --generate: nothing is given behind this token"},
    {FALLBACK, 0, "fallback", "URI",
     "the device that goes on, from the last step that was done, when this one\n"
     "fails: cpu:, for instance"},
    {RESTORE, 0, "restore", "FILE",
     "one sequence goes on from the state that --save wrote, on any device"},
    {SAVE, 0, "save", "FILE",
     "write the state after the last step (also to the file of --restore)"},
    {TRACE, 0, "trace", "FILE.fst", "sim: only: write waveforms"},
    {0},
};

// A token, from 0; false after a message.
static bool take_token(struct cli *cli, const char *name, const char *text, int32_t *token) {
    char *end = NULL;
    const unsigned long value = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    if (!end || *end || value >= MR_MAX_ENTRIES) {
        cli_usage(cli, "%s %s: a token is a whole number from 0 to %d", name, text,
                  MR_MAX_ENTRIES - 1);
        return false;
    }
    *token = (int32_t)value;
    return true;
}

static int check_generate(struct cli *cli, const struct run *run) {
    if (!run->generate && (run->first >= 0 || run->stop >= 0))
        return cli_usage(cli, "--%s is of --generate N", run->first >= 0 ? "first" : "stop");
    if (run->generate && (run->lengths || run->stepwise))
        return cli_usage(cli, "--generate goes on from whole sequences; leave out %s",
                         run->lengths ? "--lengths" : "--steps");
    return CLI_OK;
}

static int run_command(struct cli *cli, int argc, char **argv) {
    struct run run = {.first = -1, .stop = -1};
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        switch (option) {
        case DEVICE:
            run.device = mr_device_uri(optarg);
            break;
        case INPUT:
            run.input = optarg;
            break;
        case OUTPUT:
            run.output = optarg;
            break;
        case TRACE:
            cli->options.trace = optarg;
            break;
        case LENGTHS:
            run.lengths = optarg;
            break;
        case STEPS:
            run.stepwise = true;
            break;
        case GENERATE:
            if (!cli_number(cli, "--generate", optarg, MOST_TOKENS, &run.generate))
                return CLI_USAGE;
            break;
        case FIRST:
            if (!take_token(cli, "--first", optarg, &run.first))
                return CLI_USAGE;
            break;
        case STOP:
            if (!take_token(cli, "--stop", optarg, &run.stop))
                return CLI_USAGE;
            break;
        case FALLBACK:
            cli->options.fallback = mr_device_uri(optarg);
            break;
        case RESTORE:
            run.restore = optarg;
            break;
        case SAVE:
            run.save = optarg;
            break;
        default:
            return cli->code;
        }
    }
    // X may be left out where the first token is given.
    const bool bare = run.first >= 0 && !run.input && optind + 1 == argc;
    if (bare)
        run.model = argv[optind];
    int code = bare ? CLI_OK : cli_model_and_input(cli, argc, argv, &run.model, &run.input);
    if (!code)
        code = check_generate(cli, &run);
    if (!code && !run.output && cli->json)
        code = cli_usage(cli, "-o is missing: with --json the numbers do not go to standard "
                              "output");
    if (!code && run.lengths && run.stepwise)
        code = cli_usage(cli, "--lengths runs whole sequences; leave out --steps");
    if (!code && cli->options.trace && mr_file_is_stdout(cli->options.trace))
        code = cli_usage(cli, "--trace %s: a waveform needs a file", cli->options.trace);
    if (code)
        return code;
    cli->stdout_taken = !run.output;
    return run.generate ? cli_generate(cli, &run) : run_files(cli, &run);
}

const struct cli_command cli_run = {
    .name = "run",
    .summary = "run sequences on a device",
    .usage = "MODEL X [--device URI] [-o Y] [options]",
    .about =
        "Runs sequences. X is .npy or .csv: [N, T, F] or [T, N, F] as the network takes it, or [T, "
        "F]\n"
        "for one sequence; \"-\" is standard input. Y becomes [N, width], as .npy, or .csv by "
        "its\n"
        "ending; [N, T, width] where the network has a head on every step. Of several outputs "
        "each\n"
        "has its own file, with its name before the ending: y.rul.npy.",
    .options = options,
    .cards = true,
    .threads = true,
    .models = true,
    .plans = true,
    .run = run_command,
};
