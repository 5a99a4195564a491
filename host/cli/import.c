// SPDX-License-Identifier: Apache-2.0
// `millrace import`: from ONNX to a model file.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "json_append.h"
#include "model_handle.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES = 256 };

struct import {
    struct cli *cli;
    struct mr_range ranges[RANGES];
    json_t *notes, *trials;
};

static void keep_note(void *context, const char *text) {
    struct import *import = context;
    json_t *note = json_string(text);

    if (!note) // a name that is no UTF-8
        note = json_string("see stderr");
    mr_json_append(&import->notes, note);
    cli_note(import->cli, "%s", text);
}

static bool real(const char **at, double *value) {
    char *end;

    *value = strtod(*at, &end);
    const bool good = end != *at && isfinite(*value);
    *at = end;
    return good;
}

// LOW:HIGH, or a single number for both sides of zero, behind K= for a single feature.
static int add_range(struct cli *cli, struct mr_import_options *options, struct mr_range *ranges,
                     const char *text) {
    const char *at = text;
    struct mr_range range = {.feature = MR_ALL};
    char *end;

    if (options->range_count == RANGES)
        return cli_usage(cli, "--range is given more than %d times; use --statistics", RANGES);
    if (strchr(text, '=')) {
        errno = 0;
        const unsigned long feature = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : MR_ALL;
        if (errno || feature >= MR_ALL || *end != '=')
            return cli_usage(cli, "--range %s: what stands before = is no feature's number", text);
        range.feature = (uint32_t)feature;
        at = end + 1;
    }
    bool good = real(&at, &range.high);
    if (good && *at == ':') {
        at++;
        range.low = range.high;
        good = real(&at, &range.high);
    } else {
        range.high = fabs(range.high);
        range.low = -range.high;
    }
    if (!good || *at || range.low > range.high)
        return cli_usage(cli, "--range %s: LOW:HIGH or FEATURE=LOW:HIGH is expected, or R for -R:R",
                         text);
    ranges[options->range_count++] = range;
    return CLI_OK;
}

static int set_method(struct cli *cli, struct mr_import_options *options, const char *text) {
    static const char percentile[] = "percentile=";
    const char *at = text + sizeof percentile - 1;

    options->percentile = 0;
    if (strcmp(text, "max") == 0) {
        options->calibration_method = MR_CALIBRATION_MAX;
    } else if (strcmp(text, "mse") == 0) {
        options->calibration_method = MR_CALIBRATION_MSE;
    } else {
        options->calibration_method = MR_CALIBRATION_PERCENTILE;
        if (strncmp(text, percentile, sizeof percentile - 1) != 0 ||
            !real(&at, &options->percentile) || *at || !(options->percentile > 0) ||
            options->percentile > 100)
            return cli_usage(
                cli,
                "--calibration-method %s: max, mse, or percentile=P with P above 0, at "
                "most 100, is expected",
                text);
    }
    return CLI_OK;
}

static int set_precision(struct cli *cli, struct mr_import_options *options, const char *text) {
    struct mr_precision list[MR_MAX_LAYERS];

    if (strcmp(text, "auto") != 0 && mr_precision_list(text, list, MR_MAX_LAYERS) == 0)
        return cli_usage(
            cli,
            "--precision %s: w16a16, w8a16 or w8a8, one for each layer with commas, or "
            "auto is expected",
            text);
    options->precision = text;
    return CLI_OK;
}

static int set_tolerance(struct cli *cli, struct mr_import_options *options, const char *text) {
    const char *at = text;

    if (!real(&at, &options->tolerance) || *at || !(options->tolerance > 0))
        return cli_usage(cli, "--tolerance %s: a number above 0 is expected, as 0.01", text);
    return CLI_OK;
}

// What the options are together.
static int check_options(struct cli *cli, const struct mr_import_options *wanted) {
    const bool automatic = wanted->precision && strcmp(wanted->precision, "auto") == 0;

    if (wanted->calibration_method != MR_CALIBRATION_DEFAULT && !wanted->calibration)
        return cli_usage(cli, "--calibration-method needs --calibrate");
    if (automatic && !wanted->calibration)
        return cli_usage(cli, "--precision auto needs --calibrate, on which it measures the error");
    if (automatic && wanted->tolerance == 0)
        return cli_usage(cli, "--precision auto needs --tolerance, as --tolerance 0.01");
    if (!automatic && wanted->tolerance != 0)
        return cli_usage(cli, "--tolerance needs --precision auto");
    if ((wanted->first_token || wanted->decode_steps) && !(wanted->decoder && wanted->calibration))
        return cli_usage(cli, "--first and --decode-steps need --decoder and --calibrate");
    if (wanted->decoder && (wanted->statistics || wanted->range_count))
        return cli_usage(cli, "--statistics and --range are not for networks with a --decoder");
    return CLI_OK;
}

// ---- reports

static void keep_trial(void *context, const struct mr_trial *trial) {
    struct import *import = context;
    json_t *each = json_array();

    for (uint32_t k = 0; k < trial->outputs; k++) {
        const struct mr_trial_output *output = &trial->each[k];
        json_t *object = cli_accuracy_json(&output->accuracy);
        mr_json_put(&object, "name", json_string(output->name));
        // JSON has no number for what is infinite.
        mr_json_put(&object, "relative_error",
                    isfinite(output->relative_error) ? json_real(output->relative_error)
                                                     : json_null());
        mr_json_append(&each, object);
    }
    mr_json_append(&import->trials, json_pack("{s:s, s:b, s:s?, s:o}", "precision",
                                              trial->precision, "within_tolerance", trial->within,
                                              "refused", trial->refused, "each_output", each));
}

static void print_trial(struct cli *cli, const json_t *trial) {
    FILE *to = cli_report(cli);
    const char *refused = json_string_value(json_object_get(trial, "refused"));
    const json_t *each = json_object_get(trial, "each_output");
    const bool within = json_is_true(json_object_get(trial, "within_tolerance"));
    const size_t count = json_array_size(each);

    fprintf(to, "precision %s: %s%s\n", json_string_value(json_object_get(trial, "precision")),
            refused  ? "not possible: "
            : within ? "within the tolerance"
                     : "beyond the tolerance",
            refused ? refused : "");
    for (size_t k = 0; k < count && k < CLI_NUMBERS; k++) {
        const json_t *output = json_array_get(each, k);
        const json_t *relative = json_object_get(output, "relative_error");
        fprintf(to, "  %-9s  rms error %.3g, %.3g of its deviation\n",
                json_string_value(json_object_get(output, "name")),
                json_number_value(json_object_get(output, "rms_error")),
                json_is_number(relative) ? json_number_value(relative) : INFINITY);
    }
    if (count > CLI_NUMBERS)
        fprintf(to, "  and %zu more, all told by --json\n", count - CLI_NUMBERS);
}

static void print_accuracy(struct cli *cli, const struct mr_model *model,
                           const struct mr_model_info *info) {
    struct mr_accuracy_info accuracy;

    mr_model_accuracy(model, MR_ALL, &accuracy);
    if (!accuracy.outputs) {
        fputs("accuracy: not measured (no --calibrate)\n", cli_report(cli));
        return;
    }
    fprintf(cli_report(cli),
            "integers against float, on %llu outputs: rms error %.3g, largest %.3g, signal to "
            "error %.1f dB\n",
            (unsigned long long)accuracy.outputs, accuracy.rms_error, accuracy.max_error,
            accuracy.snr_db);
    for (uint32_t o = 0; info->outputs > 1 && o < info->outputs; o++) {
        mr_model_accuracy(model, o, &accuracy);
        cli_print_number(cli, model, o, &accuracy);
    }
}

static void print_output(FILE *to, const struct mr_output_info *output) {
    fprintf(to, "  output '%s': %u number%s per %s", output->name, output->width,
            mr_plural(output->width), output->per_step ? "step" : "sequence");
    if (output->steps)
        fprintf(to, ", %u step%s per sequence", output->steps, mr_plural(output->steps));
    fputc('\n', to);
}

static int print_text(struct cli *cli, const char *path, const struct mr_model *model,
                      const struct mr_model_info *info, const struct import *import) {
    FILE *to = cli_report(cli);
    for (size_t i = 0; i < json_array_size(import->trials); i++)
        print_trial(cli, json_array_get(import->trials, i));
    fprintf(to, "%s: %s, ", path, info->name);
    const uint32_t of_encoder = mr_model_encoder(model, NULL);
    if (of_encoder)
        fprintf(to, "an encoder of %u features and a decoder of ", of_encoder);
    fprintf(to, "%u feature%s, %llu parameters\n", info->inputs,
            of_encoder ? mr_plural(info->inputs) : "s", (unsigned long long)info->parameters);
    struct mr_operator_info of;
    for (uint32_t i = 0; mr_model_operator(model, i, &of) == 0; i++) {
        fprintf(to, "  %-10s %5u -> %u", of.name, of.inputs, of.units);
        if (of.recurrent)
            fprintf(to, ", w%ua%u", of.weight_bits, of.column_bits);
        if (of.limit > 0)
            fprintf(to, ", values within -%g to %g", of.limit, of.limit);
        fputc('\n', to);
    }
    struct mr_output_info output;
    for (uint32_t o = 0; mr_model_output(model, o, &output) == 0; o++)
        print_output(to, &output);
    print_accuracy(cli, model, info);
    return CLI_OK;
}

static json_t *accuracy_json(const struct mr_model *model, const struct mr_model_info *info) {
    struct mr_accuracy_info accuracy;

    mr_model_accuracy(model, MR_ALL, &accuracy);
    if (!accuracy.outputs)
        return json_null();
    json_t *object = cli_accuracy_json(&accuracy), *each = json_array();
    mr_json_put(&object, "outputs", json_integer((json_int_t)accuracy.outputs));
    for (uint32_t o = 0; o < info->outputs; o++) {
        mr_model_accuracy(model, o, &accuracy);
        mr_json_append(&each, cli_number_json(model, o, &accuracy));
    }
    mr_json_put(&object, "each_output", each);
    return object;
}

static int print_json(struct cli *cli, const char *path, const struct mr_model *model,
                      const struct mr_model_info *info, const struct import *import) {
    json_t *operators = json_array(), *outputs = json_array();
    struct mr_operator_info of;
    struct mr_output_info output;
    for (uint32_t i = 0; mr_model_operator(model, i, &of) == 0; i++) {
        char precision[MR_PRECISION_NAME];
        snprintf(precision, sizeof precision, "w%ua%u", of.weight_bits, of.column_bits);
        mr_json_append(&operators,
                       json_pack("{s:s, s:s, s:i, s:i, s:f, s:s?}", "name", of.name, "type",
                                 of.type, "inputs", (int)of.inputs, "units", (int)of.units, "limit",
                                 of.limit, "precision", of.recurrent ? precision : NULL));
    }
    for (uint32_t o = 0; mr_model_output(model, o, &output) == 0; o++)
        mr_json_append(&outputs, json_pack("{s:s, s:i, s:b, s:i}", "name", output.name, "width",
                                           (int)output.width, "per_step", output.per_step, "steps",
                                           (int)output.steps));
    const char *source = NULL;
    const uint32_t of_encoder = mr_model_encoder(model, &source);
    json_t *object = json_pack(
        "{s:s, s:s, s:i, s:o, s:i, s:s, s:b, s:I, s:o, s:o, s:O, s:O}", "model", path, "name",
        info->name, "inputs", (int)info->inputs, "outputs", outputs, "steps", (int)info->steps,
        "layout", mr_model_layout(model), "batch_first", info->batch_first, "parameters",
        (json_int_t)info->parameters, "operators", operators, "accuracy",
        accuracy_json(model, info), "notes", import->notes, "trials", import->trials);
    if (object && of_encoder)
        json_object_set_new(object, "encoder",
                            json_pack("{s:s, s:i}", "input", source, "inputs", (int)of_encoder));
    return cli_print_json(cli, object);
}

// The file's name with another ending, in the current folder.
static int default_output(struct cli *cli, const char *onnx, char *output, size_t size) {
    const char *slash = strrchr(onnx, '/'), *name = slash ? slash + 1 : onnx;
    const char *dot = strrchr(name, '.');
    const int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);
    if (snprintf(output, size, "%.*s.millrace", length, name) >= (int)size)
        return cli_fail(cli, "%s: the name is too long; use -o", onnx);
    return 0;
}

static int import_model(struct import *import, const char *onnx, const char *output,
                        const struct mr_import_options *options) {
    struct cli *cli = import->cli;
    struct mr_error error;
    struct mr_model_info info;
    struct mr_model *model = mr_model_import(onnx, options, &error);
    if (!model)
        return cli_fail(cli, "%s", error.text);
    int code = mr_model_save(model, output, &error) ? cli_fail(cli, "%s", error.text) : CLI_OK;
    mr_model_info(model, &info);
    if (!code)
        code = cli->json ? print_json(cli, output, model, &info, import)
                         : print_text(cli, output, model, &info, import);
    mr_model_close(model);
    return code;
}

enum {
    CALIBRATE,
    METHOD,
    STATISTICS,
    RANGE,
    PRECISION,
    TOLERANCE,
    MAX_STEPS,
    DECODER,
    FIRST,
    DECODE_STEPS,
    FORCE,
    OUTPUT
};

static const struct cli_option options[] = {
    {CALIBRATE, 0, "calibrate", "X",
     "typical normalised input (.npy or .csv), laid out as the network takes it;\n"
     "the input formats are chosen from it, and the accuracy is measured on it,\n"
     "integers against the file's own operators\n"
     "(default: inputs within -8 to 8, accuracy not measured)"},
    {METHOD, 0, "calibration-method", "M",
     "how formats follow from the calibration data. max: they hold all of it, and\n"
     "as much again; percentile=P, as percentile=99.9: so many percent of it, so\n"
     "that a single fault in it does no harm; mse: they have the least mean\n"
     "squared error, and may cut rare large values\n"
     "(default: mse for what layers of 8 bits take, max for all other)"},
    {STATISTICS, 0, "statistics", "FILE",
     "the range of each feature in the training data, for the formats: min and\n"
     "max, or mean and std, as JSON {\"min\": [...], \"max\": [...]}, as CSV with\n"
     "these words as columns or rows, or .npy [2, F] with min and max"},
    {RANGE, 0, "range", "R",
     "LOW:HIGH: the range of all features; K=LOW:HIGH: of feature K, from 0;\n"
     "one number R stands for -R:R.\n"
     "May be given several times; goes before statistics and calibration data"},
    {PRECISION, 0, "precision", "P[,P...]",
     "bits of weights and columns of the recurrent layers: w16a16, w8a16 or w8a8,\n"
     "for all layers or one for each; auto: the cheapest within --tolerance, for\n"
     "all layers and then of single ones (default w16a16)"},
    {TOLERANCE, 0, "tolerance", "X",
     "of --precision auto: the largest relative error of each output, its RMS\n"
     "error against float by its RMS deviation from its mean, both on the\n"
     "calibration data: 0.01 is a hundredth, or -40 dB"},
    {MAX_STEPS, 0, "max-steps", "N",
     "of a network with a bidirectional or reverse layer: the longest sequence\n"
     "that it can take, as the device keeps it (default: the file's steps, or 512\n"
     "where it leaves them open)"},
    {DECODER, 0, "decoder", "FILE",
     "the ONNX file of a decoder, whose layers start from what NET.onnx, its\n"
     "encoder, gives: states, by name or in their order. Both become one model,\n"
     "which reads a sequence and answers with tokens"},
    {FIRST, 0, "first", "TOKEN",
     "of --decoder with --calibrate: what the decoder is given to begin with\n"
     "(default 0)"},
    {DECODE_STEPS, 0, "decode-steps", "N",
     "the same: tokens of an answer (default: as many as the sequence has steps)"},
    {FORCE, 0, "force", NULL, "import also where the error is larger than the output"},
    {OUTPUT, 'o', "output", "FILE", "(default: the name of NET, in the current folder)"},
    {0},
};

// What the command line asks for; CLI_STOP when cli->code is to be returned.
static int read_options(struct import *import, int argc, char **argv,
                        struct mr_import_options *wanted, const char **output) {
    struct cli *cli = import->cli;
    uint64_t steps = 0, token = 0;

    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        cli->code = option == CLI_STOP ? cli->code : CLI_OK;
        switch (option) {
        case CALIBRATE:
            wanted->calibration = optarg;
            break;
        case METHOD:
            cli->code = set_method(cli, wanted, optarg);
            break;
        case PRECISION:
            cli->code = set_precision(cli, wanted, optarg);
            break;
        case TOLERANCE:
            cli->code = set_tolerance(cli, wanted, optarg);
            break;
        case MAX_STEPS:
            if (!cli_number(cli, "--max-steps", optarg, 1 << 20, &steps))
                cli->code = CLI_USAGE;
            wanted->max_steps = (uint32_t)steps;
            break;
        case DECODER:
            wanted->decoder = optarg;
            break;
        case FIRST:
            if (strcmp(optarg, "0") != 0 && !cli_number(cli, "--first", optarg, INT16_MAX, &token))
                cli->code = CLI_USAGE;
            wanted->first_token = (uint32_t)token;
            break;
        case DECODE_STEPS:
            if (!cli_number(cli, "--decode-steps", optarg, 1 << 20, &steps))
                cli->code = CLI_USAGE;
            wanted->decode_steps = (uint32_t)steps;
            break;
        case STATISTICS:
            wanted->statistics = optarg;
            break;
        case RANGE:
            cli->code = add_range(cli, wanted, import->ranges, optarg);
            break;
        case FORCE:
            wanted->force = 1;
            break;
        case OUTPUT:
            *output = optarg;
            break;
        default:
            return CLI_STOP;
        }
        if (cli->code)
            return CLI_STOP;
    }
    return CLI_OK;
}

static int import_command(struct cli *cli, int argc, char **argv) {
    struct import import = {.cli = cli};
    struct mr_import_options wanted = {MR_IMPORT_OPTIONS_INIT, .ranges = import.ranges,
                                       .note = keep_note,      .note_context = &import,
                                       .trial = keep_trial,    .trial_context = &import};
    const char *output = NULL;
    char name[PATH_MAX];
    if (read_options(&import, argc, argv, &wanted, &output) == CLI_STOP)
        return cli->code;
    wanted.cells = cli->cells;
    wanted.cell_count = cli->cell_count;
    if (check_options(cli, &wanted))
        return CLI_USAGE;
    const char *onnx = cli_argument(cli, argc, argv, "the ONNX or JSON file");
    if (!onnx)
        return CLI_USAGE;
    int code = 0;
    if (!output) {
        code = default_output(cli, onnx, name, sizeof name);
        output = name;
    }
    const struct cli_file files[] = {{"NET.onnx", onnx, false},
                                     {"--calibrate", wanted.calibration, false},
                                     {"--statistics", wanted.statistics, false},
                                     {"--decoder", wanted.decoder, false},
                                     {"--output", output, true},
                                     {0}};
    if (code || (code = cli_check_files(cli, files)))
        return code;
    import.notes = json_array();
    import.trials = json_array();
    code = import_model(&import, onnx, output, &wanted);
    json_decref(import.notes);
    json_decref(import.trials);
    return code;
}

const struct cli_command cli_import = {
    .name = "import",
    .summary = "turn an ONNX file, or a description in JSON, into a .millrace model",
    .usage = "NET.onnx|NET.json [--calibrate X] [-o FILE.millrace] [options]",
    .about =
        "Reads an LSTM, GRU or RNN network as PyTorch exports it, or a JSON file that describes "
        "one and\n"
        "names the safetensors files of its weights, chooses integer formats, and writes a "
        "model.",
    .options = options,
    .models = true,
    .run = import_command,
};
