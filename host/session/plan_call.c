// SPDX-License-Identifier: Apache-2.0
// mr_plan and mr_build: what a model will take, and building it ahead of its first use.
#define _POSIX_C_SOURCE 200809L
#include "board_image.h"
#include "card_project.h"
#include "driver.h"
#include "failure.h"
#include "folded_plan.h"
#include "model_handle.h"
#include "network_build.h"
#include "network_image.h"
#include "options.h"
#include "plan_report.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of a call of a session, which may take several runs.
static int time_runs(const struct mr_compiled *compiled, uint64_t sequences, uint64_t steps,
                     struct mr_timing_result *timing, char *error, size_t error_size) {
    const int slots = compiled->plan.slots;
    const uint64_t of_run = mr_session_portion(&compiled->plan, steps);
    const uint64_t groups = sequences / of_run, rest = sequences % of_run;
    struct mr_timing_result last = {0};
    if (rest && mr_timing_run(compiled->report, slots, rest, steps, &last, error, error_size))
        return -1;
    if (groups == 0)
        *timing = last;
    else if (mr_timing_run(compiled->report, slots, of_run, steps, timing, error, error_size))
        return -1;
    else
        timing->cycles = groups * timing->cycles + last.cycles;
    timing->sequences = sequences;
    return 0;
}

// Of tokens that are fed back, a step at a time.
static int time_token(const struct mr_compiled *compiled, struct mr_timing_result *timing,
                      char *error, size_t error_size) {
    struct mr_timing_result step;
    char text[400];
    if (mr_network_token(compiled->plan.network, text, sizeof text) < 0)
        return 0;
    if (mr_timing_run(compiled->report, compiled->plan.slots, 1, 1, &step, error, error_size))
        return -1;
    timing->token_cycles = step.next;
    return 0;
}

static int make_reports(const struct mr_compiled *compiled, uint64_t sequences, uint64_t steps,
                        char **json, char **text, struct mr_error *error) {
    char reason[900];
    struct mr_timing_result timing, of_encoder;
    const struct mr_timing_result *encoder = NULL;
    if (mr_session_check_size(&compiled->plan, sequences, steps, error))
        return MR_ERROR_ARGUMENT;
    if (time_runs(compiled, sequences, steps, &timing, reason, sizeof reason) ||
        time_token(compiled, &timing, reason, sizeof reason))
        return mr_failure(error, MR_ERROR_PLAN, "%s", reason);
    if (compiled->plan.network->encoder) {
        if (mr_timing_encode(compiled->report, steps, &of_encoder, reason, sizeof reason))
            return mr_failure(error, MR_ERROR_PLAN, "%s", reason);
        encoder = &of_encoder;
    }
    if (json) {
        json_t *object = mr_plan_report_json(&compiled->plan, &compiled->pipeline, compiled->report,
                                             &timing, encoder, reason, sizeof reason);
        if (!object)
            return mr_failure(error, MR_ERROR_PLAN, "%s", reason);
        *json = json_dumps(object, JSON_INDENT(2));
        json_decref(object);
        if (!*json)
            return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the plan's report");
    }
    if (text) {
        *text = mr_plan_report_text(&compiled->plan, &compiled->pipeline, compiled->report, &timing,
                                    encoder, reason, sizeof reason);
        if (!*text) {
            if (json) {
                free(*json);
                *json = NULL;
            }
            return mr_failure(error, MR_ERROR_PLAN, "%s", reason);
        }
    }
    return 0;
}

// Of a board, whose kernel has no lanes to choose.
static int plan_folded(const struct mr_network *network, const struct mr_board *board,
                       const struct mr_options *options, uint64_t sequences, uint64_t steps,
                       char **json, char **text, struct mr_error *error) {
    struct mr_folded_plan plan;
    if (options->choice != MR_LANES_BALANCED || options->slots > 1 || options->budget ||
        options->dsps)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "target %s has a folded kernel, whose multipliers serve all layers in "
                          "turn: there are no lanes, slots or budgets to choose; leave them out",
                          board->name);
    const int code = mr_folded_plan_make(network, board, &plan, error);
    if (code)
        return code;
    struct mr_board_cells cells;
    const struct mr_board_cells *image =
        mr_board_image_cells(board, options->bitstreams, &cells) ? &cells : NULL;
    if (json) {
        json_t *object = mr_folded_plan_json(&plan, image, sequences, steps);
        *json = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
        json_decref(object);
    }
    if (text)
        *text = mr_folded_plan_text(&plan, image, sequences, steps);
    if ((!json || *json) && (!text || *text))
        return 0;
    if (json) {
        free(*json);
        *json = NULL;
    }
    return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the plan's report");
}

int mr_plan(const struct mr_model *model, const struct mr_options *given, uint64_t sequences,
            uint64_t steps, char **json, char **text, struct mr_error *error) {
    if (json)
        *json = NULL;
    if (text)
        *text = NULL;
    if (!model)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_plan: the model is NULL");
    if (sequences == 0 || steps == 0)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "a plan needs at least 1 sequence of 1 step; %llu of %llu are given",
                          (unsigned long long)sequences, (unsigned long long)steps);
    char reason[300];
    const struct mr_network *network = mr_model_network(model);
    if (mr_part_check_steps(network, 0, steps, reason, sizeof reason) ||
        mr_part_check_steps(network, network->encoder, steps, reason, sizeof reason))
        return mr_failure(error, MR_ERROR_PLAN, "%s", reason);
    struct mr_options options;
    struct mr_compiled compiled = {0};
    int code = mr_options_take(given, &options, error);
    const struct mr_board *board = !code && options.target ? mr_board_find(options.target) : NULL;
    if (board)
        return plan_folded(network, board, &options, sequences, steps, json, text, error);
    if (!code)
        code = mr_compile_network(mr_model_network(model), &options, &compiled, error);
    if (!code)
        code = make_reports(&compiled, sequences, steps, json, text, error);
    mr_compiled_free(&compiled);
    return code;
}

int mr_build(const struct mr_model *model, const char *uri, const struct mr_options *given,
             char *path, size_t path_size, struct mr_error *error) {
    if (!model || !uri)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_build: the %s is NULL",
                          model ? "uri" : "model");
    if (!mr_device_find(uri, error))
        return MR_ERROR_DEVICE;
    const enum mr_form form = mr_device_form(uri);
    if (form == MR_FORM_XCLBIN)
        return mr_failure(error, MR_ERROR_DEVICE,
                          "device %.100s takes the image of a card, which is built for a platform "
                          "(millrace build --platform, mr_build_image)",
                          uri);
    struct mr_options options;
    struct mr_compiled compiled = {0};
    char so_path[PATH_MAX] = "";
    int code = mr_options_take(given, &options, error);
    if ((form == MR_FORM_ENGINE || form == MR_FORM_FOLDED || form == MR_FORM_SHAPE) && !code) {
        if (path && path_size)
            *path = '\0';
        return 0; // there is nothing to build
    }
    if (!code)
        code = mr_compile_network(mr_model_network(model), &options, &compiled, error);
    if (!code)
        code = mr_compiled_build(&compiled, form == MR_FORM_RTL ? MR_FLAVOUR_RTL : MR_FLAVOUR_MODEL,
                                 options.trace, &options, so_path, sizeof so_path, error);
    mr_compiled_free(&compiled);
    if (!code && path && snprintf(path, path_size, "%s", so_path) >= (int)path_size)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "mr_build: the path %.500s needs %zu bytes and the buffer has %zu",
                          so_path, strlen(so_path) + 1, path_size);
    return code;
}

// The image of the target, a board, on which the model fits.
static int build_board(const struct mr_model *model, const struct mr_options *options,
                       const char *output, char *path, size_t path_size, struct mr_error *error) {
    const struct mr_board *board = options->target ? mr_board_find(options->target) : NULL;
    struct mr_folded_plan plan;
    if (!board)
        return mr_failure(
            error, MR_ERROR_ARGUMENT,
            "platform board needs a board as target, and %.60s is none (millrace plan "
            "--target tells which there are)",
            options->target ? options->target : "nothing");
    const int code = mr_folded_plan_make(mr_model_network(model), board, &plan, error);
    return code ? code : mr_board_image_build(board, output, options, path, path_size, error);
}

int mr_build_image(const struct mr_model *model, const char *platform,
                   const struct mr_options *given, const char *output, char *path, size_t path_size,
                   struct mr_error *error) {
    char place[PATH_MAX];
    if (!model || !platform)
        return mr_failure(error, MR_ERROR_ARGUMENT, "mr_build_image: the %s is NULL",
                          model ? "platform" : "model");
    struct mr_options options;
    struct mr_compiled compiled = {0};
    int code = mr_options_take(given, &options, error);
    const bool is_board = strcmp(platform, "board") == 0;
    if (!code && is_board)
        code = build_board(model, &options, output, place, sizeof place, error);
    else if (!code)
        code = mr_card_platform_check(platform, error);
    if (!code && !is_board)
        code = mr_compile_network(mr_model_network(model), &options, &compiled, error);
    if (!code && !is_board)
        code = mr_network_image_build(&compiled, platform, output, &options, place, sizeof place,
                                      error);
    mr_compiled_free(&compiled);
    if (!code && path && snprintf(path, path_size, "%s", place) >= (int)path_size)
        code = mr_failure(error, MR_ERROR_ARGUMENT, "mr_build_image: the path %.500s is too long",
                          place);
    return code;
}
