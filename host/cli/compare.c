// SPDX-License-Identifier: Apache-2.0
// `millrace compare`: do the devices agree, and how far are they from float?
#define _POSIX_C_SOURCE 200809L
#include "accuracy.h"
#include "cli.h"

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
            compare->devices[compare->device_count++] = cli_device(name);
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
        const size_t rows = input->sequences * (of.per_step ? input->steps : 1);
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

// cuts: gets what was cut, to be freed. All devices cut the same, so the first one's is told.
static int run_device(struct cli *cli, const char *device, const struct compare *compare,
                      const struct mr_model *model, const struct cli_input *input, float *y,
                      struct mr_stats *stats, json_t **cuts) {
    struct mr_error error;
    struct mr_session *session = mr_session_open(model, device, &cli->options, &error);
    if (!session)
        return cli_fail(cli, "%s", error.text);
    if (cli->options.progress)
        cli->options.progress(cli, device);
    int code = mr_session_run(session, input->x, input->sequences, input->steps, 0, y, stats);
    if (code)
        code = cli_fail(cli, "%s%s%s", code == MR_ERROR_INPUT ? compare->input : "",
                        code == MR_ERROR_INPUT ? ": " : "", mr_session_error(session));
    if (!code && device == compare->devices[0])
        cli_warn_saturation(cli, session, model);
    if (!code)
        *cuts = cli_add_saturation(json_object(), session, model);
    mr_session_close(session);
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
        const size_t rows = input->sequences * (of.per_step ? input->steps : 1);
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
    const struct telling *telling = context;
    json_array_append_new(telling->list, cli_number_json(telling->model, number, accuracy));
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
        const size_t rows = of.per_step ? input->steps : 1;
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

static int compare_outputs(struct cli *cli, const struct compare *compare,
                           const struct mr_model *model, const struct cli_input *input,
                           const struct mr_array *reference, uint32_t outputs) {
    const size_t count = reference->count;
    float *first = calloc(count, sizeof *first), *y = calloc(count, sizeof *y);
    json_t *results = json_array(), *first_cuts = NULL;
    bool agree = true;
    char place[200];
    int code = first && y && results ? 0 : cli_fail(cli, "not enough memory to compare");
    for (size_t d = 0; d < compare->device_count && !code; d++) {
        struct mr_stats stats;
        json_t *cuts = NULL;
        code = run_device(cli, compare->devices[d], compare, model, input, d ? y : first, &stats,
                          &cuts);
        if (code)
            break;
        const float *own = d ? y : first;
        size_t different = 0, at = 0;
        for (size_t i = 0; i < count; i++) {
            if (own[i] != first[i] && different++ == 0)
                at = i;
        }
        const struct mr_accuracy_info all = measure(reference->data, own, count, 1);
        if (!first_cuts)
            first_cuts = json_incref(cuts);
        const bool same_cuts = json_equal(first_cuts, cuts);
        agree = agree && different == 0 && same_cuts;
        json_t *result = cli_accuracy_json(&all), *each = json_array();
        struct telling telling = {cli, model, each};
        measure_each(model, input, reference->data, own, append_accuracy, &telling);
        json_object_set_new(result, "device", json_string(compare->devices[d]));
        json_object_set_new(result, "different_outputs", json_integer((json_int_t)different));
        json_object_set_new(result, "cycles",
                            stats.cycles ? json_integer((json_int_t)stats.cycles) : json_null());
        json_object_set_new(result, "each_output", each);
        json_object_update(result, cuts);
        json_decref(cuts);
        json_array_append_new(results, result);
        cli_end_progress(cli);
        if (cli->json)
            continue;
        printf("%-6s rms error %.3g, largest %.3g, signal to error %.1f dB against %s",
               compare->devices[d], all.rms_error, all.max_error, all.snr_db,
               compare->reference ? compare->reference : "float");
        if (stats.cycles)
            printf(", %llu cycles", (unsigned long long)stats.cycles);
        if (different)
            printf("; %zu of %zu numbers differ from %s, the first is %s", different, count,
                   compare->devices[0], place_of(model, input, at, place, sizeof place));
        if (!same_cuts)
            printf("; its counts of cut values differ from those of %s", compare->devices[0]);
        putchar('\n');
        if (outputs > 1 && (d == 0 || different))
            measure_each(model, input, reference->data, own, print_accuracy, &telling);
    }
    free(first);
    free(y);
    json_decref(first_cuts);
    if (code) {
        json_decref(results);
        return code;
    }
    const bool several = compare->device_count > 1;
    if (cli->json) {
        code = cli_print_json(cli, json_pack("{s:o, s:I, s:I, s:s, s:o}", "bits_agree",
                                             several ? json_boolean(agree) : json_null(),
                                             "sequences", (json_int_t)input->sequences, "steps",
                                             (json_int_t)input->steps, "reference",
                                             compare->reference ? compare->reference : "float",
                                             "devices", results));
    } else {
        json_decref(results);
        if (several)
            puts(agree ? "the bits agree" : "the bits differ");
    }
    return code ? code : agree ? CLI_OK : CLI_FAILED;
}

static int compare_files(struct cli *cli, const struct compare *compare) {
    struct mr_error error;
    struct mr_model *model = mr_model_open(compare->model, &error);
    struct mr_model_info info;
    struct cli_input input = {0};
    struct mr_array reference = {0};
    if (!model)
        return cli_fail(cli, "%s", error.text);
    mr_model_info(model, &info);
    int code = cli_read_input(cli, compare->input, &info, &input);
    char text[600];
    if (!code && mr_array_check_finite(&input.array, compare->input, text, sizeof text))
        code = cli_fail(cli, "%s", text);
    if (!code)
        code = make_reference(cli, compare, model, &input, &reference);
    if (!code)
        code = compare_outputs(cli, compare, model, &input, &reference, info.outputs);
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
    .plans = true,
    .run = compare_command,
};
