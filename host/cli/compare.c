// SPDX-License-Identifier: Apache-2.0
// `millrace compare`: do the devices agree, and how far are they from float?
#define _POSIX_C_SOURCE 200809L
#include "accuracy.h"
#include "cli.h"
#include "device_uri.h"
#include "json_append.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES = 8 };

struct compare {
    const char *model, *input, *reference;
    const char *devices[DEVICES];
    size_t device_count;
};

// Is the text up to the next comma a file, and no device?
static bool is_file(const char *text) {
    const size_t length = strcspn(text, ",");
    return strcspn(text, ":") >= length && strcspn(text, "./") < length;
}

// Cuts the list in place. The image that a device names ("xrt:0,x.xclbin") stays with it.
static int set_devices(struct cli *cli, struct compare *compare, char *list) {
    compare->device_count = 0;
    for (char *name = list, *next; name; name = next) {
        char *end = name + strcspn(name, ",");
        if (*end && is_file(end + 1))
            end += 1 + strcspn(end + 1, ",");
        next = *end ? end + 1 : NULL;
        *end = '\0';
        if (*name && compare->device_count == DEVICES)
            return cli_usage(cli, "--devices: more than %d", DEVICES);
        if (*name)
            compare->devices[compare->device_count++] = mr_device_uri(name);
    }
    return compare->device_count ? CLI_OK : cli_usage(cli, "--devices: none is named");
}

// Expected outputs from the files that `run -o` writes, one after the other.
static int read_reference(struct cli *cli, const struct compare *compare,
                          const struct mr_model *model, const struct cli_input *input,
                          struct mr_array *reference) {
    struct mr_output_info of;
    char **paths = cli_output_paths(cli, model, compare->reference);
    size_t at = 0;
    int code = paths ? CLI_OK : CLI_FAILED;
    for (uint32_t o = 0; !code && mr_model_output(model, o, &of) == 0; o++) {
        struct mr_array one = {0};
        const size_t rows = input->sequences * cli_output_rows(&of, input->steps);
        code = cli_read_array(cli, paths[o], &one);
        if (!code && one.count != rows * of.width)
            code = cli_fail(cli,
                            "%s has %zu numbers, and %zu are expected of output '%s': %zu for each "
                            "of %zu sequences",
                            paths[o], one.count, rows * of.width, of.name,
                            rows / input->sequences * of.width, input->sequences);
        if (!code)
            memcpy(reference->data + at, one.data, one.count * sizeof *one.data);
        at += rows * of.width;
        mr_array_free(&one);
    }
    cli_free_paths(model, paths);
    return code;
}

// Expected outputs: from files, or calculated. 0, or the exit code after a message.
static int make_reference(struct cli *cli, const struct compare *compare,
                          const struct mr_model *model, const struct cli_input *input,
                          struct mr_array *reference) {
    const size_t shape[2] = {input->sequences, (size_t)mr_model_numbers(model, input->steps)};
    struct mr_error error;
    char text[900];
    if (mr_array_create(reference, 2, shape, text, sizeof text))
        return cli_fail(cli, "%s", text);
    if (compare->reference)
        return read_reference(cli, compare, model, input, reference);
    if (mr_model_reference(model, input->x, input->sequences, input->steps, reference->data,
                           &error))
        return cli_fail(cli, "%s", error.text);
    return 0;
}

// All that is compared.
struct comparison {
    struct cli *cli;
    const struct compare *compare;
    const struct mr_model *model;
    const struct cli_input *input;
    const struct mr_array *reference;
    float *first, *y;   // [reference->count]: of the first device, and of another
    json_t *first_cuts; // what the first device cut
    json_t *results;    // an object for each device
    bool agree;         // all devices, so far
};

// What a device gave.
struct given {
    const char *device;
    const float *y;
    struct mr_stats stats;
    json_t *cuts;
    size_t different, at; // numbers that are not the first device's, and the first of them
    bool same_cuts;
    struct mr_accuracy_info accuracy; // against the reference
};

// All devices cut the same, so the first one's is told.
static int run_device(const struct comparison *of, struct given *given, float *y) {
    struct cli *cli = of->cli;
    const struct cli_input *input = of->input;
    struct mr_error error;
    struct mr_session *session = mr_session_open(of->model, given->device, &cli->options, &error);
    if (!session)
        return cli_fail(cli, "%s", error.text);
    if (cli->options.progress)
        cli->options.progress(cli, given->device);
    int code =
        mr_session_run(session, input->x, input->sequences, input->steps, 0, y, &given->stats);
    if (code)
        code = cli_fail_run(cli, code, session, input);
    if (!code && y == of->first)
        cli_warn_saturation(cli, session, of->model);
    if (!code)
        given->cuts = cli_add_saturation(json_object(), session, of->model);
    mr_session_close(session);
    given->y = y;
    return code;
}

static struct mr_accuracy_info measure(const float *expected, const float *got, size_t count,
                                       size_t stride) {
    const struct mr_accuracy a = mr_accuracy_measure(expected, got, count, stride);
    return (struct mr_accuracy_info){a.count, a.rms_error, a.max_error, a.snr_db};
}

// Calls `each` with the accuracy of every number of a row, of all outputs.
static void measure_each(const struct mr_model *model, const struct cli_input *input,
                         const float *expected, const float *got,
                         void (*each)(void *context, uint32_t number,
                                      const struct mr_accuracy_info *accuracy),
                         void *context) {
    struct mr_output_info of;
    size_t at = 0;
    uint32_t number = 0;
    for (uint32_t o = 0; mr_model_output(model, o, &of) == 0; o++) {
        const size_t rows = input->sequences * cli_output_rows(&of, input->steps);
        for (uint32_t k = 0; k < of.width; k++) {
            const struct mr_accuracy_info one =
                measure(expected + at + k, got + at + k, rows, of.width);
            each(context, number++, &one);
        }
        at += rows * of.width;
    }
}

struct telling {
    struct cli *cli;
    const struct mr_model *model;
    json_t *list;
};

static void append_accuracy(void *context, uint32_t number,
                            const struct mr_accuracy_info *accuracy) {
    struct telling *telling = context;
    mr_json_append(&telling->list, cli_number_json(telling->model, number, accuracy));
}

static void print_accuracy(void *context, uint32_t number,
                           const struct mr_accuracy_info *accuracy) {
    const struct telling *telling = context;
    cli_print_number(telling->cli, telling->model, number, accuracy);
}

// Where number `at` of all that a run gives stands: "output rul, sequence 3, step 7, number 0".
static const char *place_of(const struct mr_model *model, const struct cli_input *input, size_t at,
                            char *text, size_t size) {
    struct mr_output_info of;
    *text = '\0';
    for (uint32_t o = 0; mr_model_output(model, o, &of) == 0; o++) {
        const size_t rows = cli_output_rows(&of, input->steps);
        const size_t count = input->sequences * rows * of.width, row = at / of.width;
        if (at >= count) {
            at -= count;
            continue;
        }
        int used = snprintf(text, size, "output %.80s, sequence %zu", of.name, row / rows);
        if (of.per_step)
            used += snprintf(text + used, size - (size_t)used, ", step %zu", row % rows);
        snprintf(text + used, size - (size_t)used, ", number %zu", at % of.width);
        break;
    }
    return text;
}

static void look(struct comparison *of, struct given *given) {
    const size_t count = of->reference->count;
    for (size_t i = 0; i < count; i++)
        if (given->y[i] != of->first[i] && given->different++ == 0)
            given->at = i;
    given->accuracy = measure(of->reference->data, given->y, count, 1);
    if (!of->first_cuts)
        of->first_cuts = json_incref(given->cuts);
    given->same_cuts = json_equal(of->first_cuts, given->cuts);
    of->agree = of->agree && given->different == 0 && given->same_cuts;
}

static void add_result(struct comparison *of, const struct given *given) {
    json_t *result = cli_accuracy_json(&given->accuracy);
    struct telling telling = {of->cli, of->model, json_array()};
    measure_each(of->model, of->input, of->reference->data, given->y, append_accuracy, &telling);
    mr_json_put(&result, "device", json_string(given->device));
    mr_json_put(&result, "different_outputs", json_integer((json_int_t)given->different));
    mr_json_put(&result, "cycles",
                given->stats.cycles ? json_integer((json_int_t)given->stats.cycles) : json_null());
    mr_json_put(&result, "each_output", telling.list);
    json_object_update(result, given->cuts);
    mr_json_append(&of->results, result);
}

static const char *reference_name(const struct comparison *of) {
    return of->compare->reference ? of->compare->reference : "float";
}

static void print_result(const struct comparison *of, const struct given *given) {
    const char *first = of->compare->devices[0];
    struct telling telling = {of->cli, of->model, NULL};
    struct mr_model_info info;
    char place[200];
    mr_model_info(of->model, &info);
    printf("%-6s rms error %.3g, largest %.3g, signal to error %.1f dB against %s", given->device,
           given->accuracy.rms_error, given->accuracy.max_error, given->accuracy.snr_db,
           reference_name(of));
    if (given->stats.cycles)
        printf(", %llu cycles", (unsigned long long)given->stats.cycles);
    if (given->different)
        printf("; %zu of %zu numbers differ from %s, the first is %s", given->different,
               of->reference->count, first,
               place_of(of->model, of->input, given->at, place, sizeof place));
    if (!given->same_cuts)
        printf("; its counts of cut values differ from those of %s", first);
    putchar('\n');
    if (info.outputs > 1 && (given->y == of->first || given->different))
        measure_each(of->model, of->input, of->reference->data, given->y, print_accuracy, &telling);
}

static int compare_device(struct comparison *of, const char *device, float *y) {
    struct given given = {.device = device};
    const int code = run_device(of, &given, y);
    if (!code) {
        look(of, &given);
        add_result(of, &given);
        cli_end_progress(of->cli);
        if (!of->cli->json)
            print_result(of, &given);
    }
    json_decref(given.cuts);
    return code;
}

static int conclude(const struct comparison *of) {
    const bool several = of->compare->device_count > 1;
    if (!of->cli->json) {
        if (several)
            puts(of->agree ? "the bits agree" : "the bits differ");
        return CLI_OK;
    }
    return cli_print_json(of->cli, json_pack("{s:o, s:I, s:I, s:s, s:O}", "bits_agree",
                                             several ? json_boolean(of->agree) : json_null(),
                                             "sequences", (json_int_t)of->input->sequences, "steps",
                                             (json_int_t)of->input->steps, "reference",
                                             reference_name(of), "devices", of->results));
}

static int compare_outputs(struct cli *cli, const struct compare *compare,
                           const struct mr_model *model, const struct cli_input *input,
                           const struct mr_array *reference) {
    struct comparison of = {.cli = cli,
                            .compare = compare,
                            .model = model,
                            .input = input,
                            .reference = reference,
                            .first = calloc(reference->count, sizeof *of.first),
                            .y = calloc(reference->count, sizeof *of.y),
                            .results = json_array(),
                            .agree = true};
    int code =
        of.first && of.y && of.results ? CLI_OK : cli_fail(cli, "not enough memory to compare");
    for (size_t d = 0; d < compare->device_count && !code; d++)
        code = compare_device(&of, compare->devices[d], d ? of.y : of.first);
    if (!code)
        code = conclude(&of);
    free(of.first);
    free(of.y);
    json_decref(of.first_cuts);
    json_decref(of.results);
    return code ? code : of.agree ? CLI_OK : CLI_FAILED;
}

// Before the first one runs.
static int check_devices(struct cli *cli, const struct compare *compare) {
    struct mr_error error;
    for (size_t d = 0; d < compare->device_count; d++)
        if (mr_session_check_uri(compare->devices[d], &error))
            return cli_fail(cli, "%s", error.text);
    return CLI_OK;
}

static int compare_files(struct cli *cli, const struct compare *compare) {
    struct mr_error error;
    struct mr_model *model = cli_open_model(cli, compare->model, &error);
    struct mr_model_info info;
    struct cli_input input = {0};
    struct mr_array reference = {0};
    if (!model)
        return cli_fail(cli, "%s", error.text);
    mr_model_info(model, &info);
    char text[600];
    int code = check_devices(cli, compare);
    if (!code)
        code = cli_read_sequences(cli, compare->input, model, &info, &input);
    if (!code && mr_array_check_finite(&input.array, input.name, text, sizeof text))
        code = cli_fail(cli, "%s", text);
    if (!code)
        code = make_reference(cli, compare, model, &input, &reference);
    if (!code)
        code = compare_outputs(cli, compare, model, &input, &reference);
    mr_array_free(&reference);
    mr_array_free(&input.array);
    mr_model_close(model);
    return code;
}

enum { DEVICES_GIVEN, INPUT, REFERENCE };

static const struct cli_option options[] = {
    {INPUT, 'i', "input", "X", "the same as X behind the model"},
    {DEVICES_GIVEN, 0, "devices", "A,B", "(default cpu:,sim:)"},
    {REFERENCE, 0, "reference", "Y",
     "expected outputs, in files as millrace run -o Y writes them (default: the\n"
     "network in double precision)"},
    {0},
};

static int compare_command(struct cli *cli, int argc, char **argv) {
    struct compare compare = {.devices = {"cpu:", "sim:"}, .device_count = 2};
    for (int option; (option = cli_next(cli, argc, argv)) != CLI_END;) {
        int code = CLI_OK;
        switch (option) {
        case DEVICES_GIVEN:
            code = set_devices(cli, &compare, optarg);
            break;
        case INPUT:
            compare.input = optarg;
            break;
        case REFERENCE:
            compare.reference = optarg;
            break;
        default:
            return cli->code;
        }
        if (code)
            return code;
    }
    const int code = cli_model_and_input(cli, argc, argv, &compare.model, &compare.input);
    return code ? code : compare_files(cli, &compare);
}

const struct cli_command cli_compare = {
    .name = "compare",
    .summary = "run on several devices and against float",
    .usage = "MODEL X [options]",
    .about =
        "Runs the input on several devices, says whether their bits agree, and measures the error\n"
        "against the network in floating point. X as for millrace run. Exit code 1 when the bits\n"
        "differ.",
    .options = options,
    .cards = true,
    .threads = true,
    .models = true,
    .plans = true,
    .run = compare_command,
};
