// SPDX-License-Identifier: Apache-2.0
// What a session cut because it lies beyond the model's formats, for people and for programs.
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 3 }; // features or layers that a warning names, the worst first

static uint64_t input_cut(const struct mr_session *session, uint32_t index) {
    struct mr_input_saturation input;
    return mr_session_input_saturation(session, index, &input) ? 0 : input.cut;
}

static uint64_t cell_cut(const struct mr_session *session, uint32_t index) {
    struct mr_cell_saturation cell;
    return mr_session_cell_saturation(session, index, &cell) ? 0 : cell.cut;
}

static void describe_input(const struct mr_session *session, uint32_t index, char *text,
                           size_t size) {
    struct mr_input_saturation input;
    if (mr_session_input_saturation(session, index, &input) == 0)
        snprintf(text, size, "feature %u %llu times, as far as %.4g (range %.4g to %.4g)", index,
                 (unsigned long long)input.cut, input.farthest, input.low, input.high);
}

static void describe_cell(const struct mr_session *session, uint32_t index, char *text,
                          size_t size) {
    struct mr_cell_saturation cell;
    if (mr_session_cell_saturation(session, index, &cell) == 0)
        snprintf(text, size, "layer %u %llu times, by %.4g in all (range -%g to %g)", index,
                 (unsigned long long)cell.cut, cell.past, cell.limit, cell.limit);
}

// What a count of `count` things is made of: "feature 3 ...; feature 0 ...; 2 features more".
static void name_worst(const struct mr_session *session, uint32_t count, const char *thing,
                       uint64_t (*cut)(const struct mr_session *, uint32_t),
                       void (*describe)(const struct mr_session *, uint32_t, char *, size_t),
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
        describe(session, named[names], one, sizeof one);
        used += (size_t)snprintf(text + used, size - used, "%s%s", names ? "; " : "", one);
    }
    for (uint32_t i = 0; i < count; i++)
        others += cut(session, i) > 0;
    others -= names;
    if (others)
        snprintf(text + used, size - used, "; %u more %s%s", others, thing, others > 1 ? "s" : "");
}

void cli_warn_saturation(struct cli *cli, const struct mr_session *session,
                         const struct mr_model_info *info) {
    uint64_t inputs = 0, cells = 0, values = 0, states = 0;
    char text[800];
    for (uint32_t k = 0; k < info->inputs; k++) {
        struct mr_input_saturation input;
        mr_session_input_saturation(session, k, &input);
        inputs += input.cut;
        values += input.total;
    }
    for (uint32_t l = 0; l < info->layers; l++) {
        struct mr_cell_saturation cell;
        mr_session_cell_saturation(session, l, &cell);
        cells += cell.cut;
        states += cell.total;
    }
    if (inputs) {
        name_worst(session, info->inputs, "feature", input_cut, describe_input, text, sizeof text);
        cli_warn(
            cli,
            "%llu of %llu input values are beyond the ranges of the model and were cut: %s; "
            "import the network again with calibration data that covers them, or give ranges by "
            "--range or --statistics",
            (unsigned long long)inputs, (unsigned long long)values, text);
    }
    if (cells) {
        name_worst(session, info->layers, "layer", cell_cut, describe_cell, text, sizeof text);
        cli_warn(cli,
                 "%llu of %llu cell states are beyond the ranges of the model and were cut: %s; "
                 "import the network again with calibration data like this input, in sequences as "
                 "long",
                 (unsigned long long)cells, (unsigned long long)states, text);
    }
}

json_t *cli_add_saturation(json_t *object, const struct mr_session *session,
                           const struct mr_model_info *info) {
    json_t *list = json_array();
    uint64_t inputs = 0, cells = 0;
    for (uint32_t k = 0; k < info->inputs; k++) {
        struct mr_input_saturation input;
        if (mr_session_input_saturation(session, k, &input) || !input.cut)
            continue;
        inputs += input.cut;
        json_array_append_new(
            list, json_pack("{s:s, s:i, s:I, s:I, s:f, s:f, s:f}", "kind", "input", "feature",
                            (int)k, "cut", (json_int_t)input.cut, "total", (json_int_t)input.total,
                            "farthest", input.farthest, "low", input.low, "high", input.high));
    }
    for (uint32_t l = 0; l < info->layers; l++) {
        struct mr_cell_saturation cell;
        if (mr_session_cell_saturation(session, l, &cell) || !cell.cut)
            continue;
        cells += cell.cut;
        json_array_append_new(list, json_pack("{s:s, s:i, s:I, s:I, s:f, s:f, s:f}", "kind", "cell",
                                              "layer", (int)l, "cut", (json_int_t)cell.cut, "total",
                                              (json_int_t)cell.total, "past", cell.past, "low",
                                              -cell.limit, "high", cell.limit));
    }
    if (!object || json_object_set_new(object, "cut_inputs", json_integer((json_int_t)inputs)) ||
        json_object_set_new(object, "cut_cells", json_integer((json_int_t)cells)) ||
        json_object_set_new(object, "saturation", list)) {
        json_decref(object);
        return NULL;
    }
    return object;
}
