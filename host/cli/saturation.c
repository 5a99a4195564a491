// SPDX-License-Identifier: Apache-2.0
// What a session cut because it lies beyond the model's formats, for people and for programs.
#include "cli.h"
#include "json_append.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 3 }; // features or operators that a warning names, the worst first

static uint64_t input_cut(const struct mr_session *session, uint32_t index) {
    struct mr_input_saturation input;
    return mr_session_input_saturation(session, index, &input) ? 0 : input.cut;
}

static uint64_t value_cut(const struct mr_session *session, uint32_t index) {
    struct mr_operator_saturation value;
    return mr_session_operator_saturation(session, index, &value) ? 0 : value.cut;
}

static void describe_input(const struct mr_session *session, const struct mr_model *model,
                           uint32_t index, char *text, size_t size) {
    struct mr_input_saturation input;
    struct mr_model_info info;
    mr_model_info(model, &info);
    const bool encodes = index >= info.inputs;
    if (mr_session_input_saturation(session, index, &input) == 0)
        snprintf(text, size, "feature %u%s %llu times, as far as %.4g (range %.4g to %.4g)",
                 encodes ? index - info.inputs : index, encodes ? " of the encoder" : "",
                 (unsigned long long)input.cut, input.farthest, input.low, input.high);
}

// Features, with those of an encoder behind them.
static uint32_t all_inputs(const struct mr_model *model, const struct mr_model_info *info) {
    return info->inputs + mr_model_encoder(model, NULL);
}

static void describe_value(const struct mr_session *session, const struct mr_model *model,
                           uint32_t index, char *text, size_t size) {
    struct mr_operator_saturation value;
    struct mr_operator_info of;
    char past[48] = "";
    if (mr_session_operator_saturation(session, index, &value) ||
        mr_model_operator(model, index, &of))
        return;
    if (value.past > 0) // not every operator tells
        snprintf(past, sizeof past, ", by %.4g in all", value.past);
    snprintf(text, size, "%s %llu times%s (range -%g to %g)", of.name,
             (unsigned long long)value.cut, past, value.limit, value.limit);
}

// What a count of `count` things is made of: "feature 3 ...; feature 0 ...; 2 features more".
static void name_worst(const struct mr_session *session, const struct mr_model *model,
                       uint32_t count, const char *thing,
                       uint64_t (*cut)(const struct mr_session *, uint32_t),
                       void (*describe)(const struct mr_session *, const struct mr_model *,
                                        uint32_t, char *, size_t),
                       char *text, size_t size) {
    uint32_t named[NAMED], names = 0, others = 0;
    size_t used = 0;
    *text = '\0';
    for (; names < NAMED; names++) {
        uint64_t most = 0;
        for (uint32_t i = 0; i < count; i++) {
            bool known = false;
            for (uint32_t n = 0; n < names; n++)
                known = known || named[n] == i;
            if (!known && cut(session, i) > most) {
                most = cut(session, i);
                named[names] = i;
            }
        }
        if (!most)
            break;
        char one[160] = "";
        describe(session, model, named[names], one, sizeof one);
        used += (size_t)snprintf(text + used, size - used, "%s%s", names ? "; " : "", one);
    }
    for (uint32_t i = 0; i < count; i++)
        others += cut(session, i) > 0;
    others -= names;
    if (others)
        snprintf(text + used, size - used, "; %u more %s%s", others, thing, others > 1 ? "s" : "");
}

void cli_warn_saturation(struct cli *cli, const struct mr_session *session,
                         const struct mr_model *model) {
    uint64_t cut_inputs = 0, cut_values = 0, inputs = 0, values = 0;
    struct mr_model_info info;
    char text[800];
    mr_model_info(model, &info);
    for (uint32_t k = 0; k < all_inputs(model, &info); k++) {
        struct mr_input_saturation input;
        mr_session_input_saturation(session, k, &input);
        cut_inputs += input.cut;
        inputs += input.total;
    }
    for (uint32_t i = 0; i < info.operators; i++) {
        struct mr_operator_saturation value;
        mr_session_operator_saturation(session, i, &value);
        cut_values += value.cut;
        values += value.total;
    }
    if (cut_inputs) {
        name_worst(session, model, all_inputs(model, &info), "feature", input_cut, describe_input,
                   text, sizeof text);
        cli_warn(
            cli,
            "%llu of %llu input values are beyond the ranges of the model and were cut: %s; "
            "import the network again with calibration data that covers them, or give ranges by "
            "--range or --statistics",
            (unsigned long long)cut_inputs, (unsigned long long)inputs, text);
    }
    if (cut_values) {
        name_worst(session, model, info.operators, "operator", value_cut, describe_value, text,
                   sizeof text);
        cli_warn(cli,
                 "%llu of %llu values inside of the network (cell states, or outputs that another "
                 "operator reads) are beyond the ranges of the model and were cut: %s; import the "
                 "network again with calibration data like this input, in sequences as long",
                 (unsigned long long)cut_values, (unsigned long long)values, text);
    }
}

json_t *cli_add_saturation(json_t *object, const struct mr_session *session,
                           const struct mr_model *model) {
    json_t *list = json_array();
    uint64_t cut_inputs = 0, cut_values = 0;
    struct mr_model_info info;
    mr_model_info(model, &info);
    for (uint32_t k = 0; k < all_inputs(model, &info); k++) {
        struct mr_input_saturation input;
        if (mr_session_input_saturation(session, k, &input) || !input.cut)
            continue;
        cut_inputs += input.cut;
        mr_json_append(&list, json_pack("{s:s, s:i, s:I, s:I, s:f, s:f, s:f}", "kind", "input",
                                        "feature", (int)k, "cut", (json_int_t)input.cut, "total",
                                        (json_int_t)input.total, "farthest", input.farthest, "low",
                                        input.low, "high", input.high));
    }
    for (uint32_t i = 0; i < info.operators; i++) {
        struct mr_operator_saturation value;
        struct mr_operator_info of;
        if (mr_session_operator_saturation(session, i, &value) || !value.cut ||
            mr_model_operator(model, i, &of))
            continue;
        cut_values += value.cut;
        mr_json_append(&list, json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:f}", "kind", "value",
                                        "operator", of.name, "cut", (json_int_t)value.cut, "total",
                                        (json_int_t)value.total, "past", value.past, "low",
                                        -value.limit, "high", value.limit));
    }
    mr_json_put(&object, "cut_inputs", json_integer((json_int_t)cut_inputs));
    mr_json_put(&object, "cut_values", json_integer((json_int_t)cut_values));
    mr_json_put(&object, "saturation", list);
    return object;
}
