// SPDX-License-Identifier: Apache-2.0
// `millrace import`: from ONNX to a model file.
#define _POSIX_C_SOURCE 200809L
#include "cli.h"
#include "model_handle.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static int print_text(struct cli *cli, const char *output, const struct mr_model *model,
                      const struct mr_model_info *info, const struct mr_accuracy_info *accuracy) {
    FILE *to = cli_report(cli);
    fprintf(to, "%s: %s, %u features, %llu parameters\n", output, info->name, info->inputs,
            (unsigned long long)info->parameters);
    for (uint32_t i = 0; i < info->layers; i++) {
        struct mr_layer_info layer;
        if (mr_model_layer(model, i, &layer) == 0)
            fprintf(to, "  lstm%-3u %5u -> %u\n", i, layer.inputs, layer.hidden);
    }
    fprintf(to, "  head    %5s -> %u\n", "", info->outputs);
    if (accuracy->outputs)
        fprintf(to,
                "integers against float, on %llu outputs: rms error %.3g, largest %.3g, signal to "
                "error %.1f dB\n",
                (unsigned long long)accuracy->outputs, accuracy->rms_error, accuracy->max_error,
                accuracy->snr_db);
    else
        fprintf(to, "accuracy: not measured (no --calibrate)\n");
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

static int import(struct cli *cli, const char *onnx, const char *calibration, const char *output) {
    struct mr_accuracy_info accuracy = {0};
    struct mr_error error;
    struct mr_model_info info;
    char note[600];
    struct mr_model *model =
        mr_model_import(onnx, calibration, &accuracy, note, sizeof note, &error);
    if (*note)
        cli_note(cli, "%s", note);
    if (!model)
        return cli_fail(cli, "%s", error.text);
    int code = mr_model_save(model, output, &error) ? cli_fail(cli, "%s", error.text) : CLI_OK;
    mr_model_info(model, &info);
    if (!code)
        code = (cli->json ? print_json : print_text)(cli, output, model, &info, &accuracy);
    mr_model_close(model);
    return code;
}

enum { CALIBRATE, OUTPUT };

static const struct cli_option options[] = {
    {CALIBRATE, 0, "calibrate", "X",
     "typical normalised input (.npy or .csv), laid out as the network takes it;\n"
     "the input formats are chosen from it and the accuracy is measured on it\n"
     "(default: inputs within -8 to 8, accuracy not measured)"},
    {OUTPUT, 'o', "output", "FILE", "(default: the name of the ONNX file, in the current folder)"},
    {0},
};

static int import_command(struct cli *cli, int argc, char **argv) {
    const char *calibration = NULL, *output = NULL;
    char name[PATH_MAX];
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        if (option == CALIBRATE)
            calibration = optarg;
        else if (option == OUTPUT)
            output = optarg;
        else
            return cli->code;
    }
    const char *onnx = cli_argument(cli, argc, argv, "the ONNX file");
    if (!onnx)
        return CLI_USAGE;
    int code = 0;
    if (!output) {
        code = default_output(cli, onnx, name, sizeof name);
        output = name;
    }
    const struct cli_file files[] = {{"NET.onnx", onnx, false},
                                     {"--calibrate", calibration, false},
                                     {"--output", output, true},
                                     {0}};
    if (code || (code = cli_check_files(cli, files)))
        return code;
    return import(cli, onnx, calibration, output);
}

const struct cli_command cli_import = {
    .name = "import",
    .summary = "turn an ONNX file into a .millrace model",
    .usage = "NET.onnx [--calibrate X] [-o FILE.millrace] [--json]",
    .about =
        "Reads an LSTM network as PyTorch exports it, chooses integer formats, and writes a model.",
    .options = options,
    .run = import_command,
};
