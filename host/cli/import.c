// SPDX-License-Identifier: Apache-2.0
// `millrace import`: from ONNX to a model file.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const char cli_import_help[] =
    "Usage: millrace import NET.onnx [--calibrate X.npy] [-o FILE.millrace] [--json]\n"
    "Reads an LSTM network as PyTorch exports it, chooses integer formats, and writes a model.\n\n"
    "  --calibrate X.npy typical normalised input, laid out as the network takes it; the input\n"
    "                    formats are chosen from it and the accuracy is measured on it\n"
    "                    (default: inputs within -8 to 8, accuracy not measured)\n"
    "  -o, --output FILE (default: the name of the ONNX file, in the current folder)\n"
    "  --json            layers and accuracy as JSON\n";

static int print_text(struct cli *cli, const char *output, const struct mr_model *model,
                      const struct mr_model_info *info, const struct mr_accuracy_info *accuracy) {
    (void)cli;
    printf("%s: %s, %u features, %llu parameters\n", output, info->name, info->inputs,
           (unsigned long long)info->parameters);
    for (uint32_t i = 0; i < info->layers; i++) {
        struct mr_layer_info layer;
        if (mr_model_layer(model, i, &layer) == 0)
            printf("  lstm%-3u %5u -> %u\n", i, layer.inputs, layer.hidden);
    }
    printf("  head    %5s -> %u\n", "", info->outputs);
    if (accuracy->outputs)
        printf("integers against float, on %llu outputs: rms error %.3g, largest %.3g, signal to "
               "error %.1f dB\n",
               (unsigned long long)accuracy->outputs, accuracy->rms_error, accuracy->max_error,
               accuracy->snr_db);
    else
        printf("accuracy: not measured (no --calibrate)\n");
    return CLI_OK;
}

static int print_json(struct cli *cli, const char *output, const struct mr_model *model,
                      const struct mr_model_info *info, const struct mr_accuracy_info *accuracy) {
    json_t *layers = json_array();
    for (uint32_t i = 0; i < info->layers; i++) {
        struct mr_layer_info layer;
        if (mr_model_layer(model, i, &layer) == 0)
            json_array_append_new(layers,
                                  json_pack("{s:s, s:i, s:i}", "type", "lstm", "inputs",
                                            (int)layer.inputs, "hidden", (int)layer.hidden));
    }
    json_t *measured =
        accuracy->outputs
            ? json_pack("{s:I, s:f, s:f, s:f}", "outputs", (json_int_t)accuracy->outputs,
                        "rms_error", accuracy->rms_error, "max_error", accuracy->max_error,
                        "snr_db", accuracy->snr_db)
            : json_null();
    return cli_print_json(
        cli, json_pack("{s:s, s:s, s:i, s:i, s:i, s:b, s:I, s:o, s:o}", "model", output, "name",
                       info->name, "inputs", (int)info->inputs, "outputs", (int)info->outputs,
                       "steps", (int)info->steps, "batch_first", info->batch_first, "parameters",
                       (json_int_t)info->parameters, "layers", layers, "accuracy", measured));
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

int cli_import(struct cli *cli, int argc, char **argv) {
    static const struct option options[] = {CLI_COMMON_OPTIONS,
                                            {"calibrate", required_argument, NULL, 'c'},
                                            {"output", required_argument, NULL, 'o'},
                                            {0}};
    const char *calibration = NULL, *given = NULL;
    char output[PATH_MAX];
    for (int option; (option = getopt_long(argc, argv, ":ho:", options, NULL)) != -1;) {
        if (option == 'c') {
            calibration = optarg;
        } else if (option == 'o') {
            given = optarg;
        } else {
            const int code = cli_option(cli, option == 'h' ? CLI_HELP : option, argv);
            if (code >= 0)
                return code;
        }
    }
    const char *onnx = cli_argument(cli, argc, argv, "the ONNX file");
    if (!onnx)
        return CLI_USAGE;
    int code = 0;
    if (given && strlen(given) < sizeof output)
        strcpy(output, given);
    else if (given)
        code = cli_fail(cli, "the name after -o is too long");
    else
        code = default_output(cli, onnx, output, sizeof output);
    if (code || (code = cli_check_output(cli, output)))
        return code;

    struct mr_accuracy_info accuracy = {0};
    struct mr_error error;
    if (mr_import(onnx, calibration, output, &accuracy, &error))
        return cli_fail(cli, "%s", error.text);
    struct mr_model *model = mr_model_open(output, &error);
    struct mr_model_info info;
    if (!model)
        return cli_fail(cli, "%s", error.text);
    mr_model_info(model, &info);
    code = (cli->json ? print_json : print_text)(cli, output, model, &info, &accuracy);
    mr_model_close(model);
    return code;
}
