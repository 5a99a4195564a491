// SPDX-License-Identifier: Apache-2.0
// The precision of the layers at an import: as it is given, or the cheapest within a tolerance.
#include "model_import.h"

#include "file.h"
#include "model_handle.h"
#include "op.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The precision of each recurrent layer.
struct choice {
    struct mr_precision of[MR_MAX_LAYERS];
};

static struct choice uniform(struct mr_precision precision) {
    struct choice choice;

    for (int l = 0; l < MR_MAX_LAYERS; l++)
        choice.of[l] = precision;
    return choice;
}

static bool is_auto(const struct mr_import_options *options) {
    return options->precision && strcmp(options->precision, "auto") == 0;
}

int mr_import_check(const struct mr_import_options *options, char *error, size_t error_size) {
    const enum mr_calibration_method method = options->calibration_method;
    const double percentile = options->percentile, tolerance = options->tolerance;
    struct mr_precision list[MR_MAX_LAYERS];

    if (method != MR_CALIBRATION_DEFAULT && method != MR_CALIBRATION_MAX &&
        method != MR_CALIBRATION_PERCENTILE && method != MR_CALIBRATION_MSE)
        return mr_fail(error, error_size, "calibration method %d is not known", (int)method);
    if (method == MR_CALIBRATION_PERCENTILE ? percentile == 0
                                            : method != MR_CALIBRATION_DEFAULT && percentile != 0)
        return mr_fail(error, error_size, "the calibration method %s",
                       percentile == 0 ? "by percentile needs a percentile"
                                       : "is given, and a percentile, which is another");
    if (is_auto(options) && !options->calibration)
        return mr_fail(error, error_size,
                       "precision auto needs calibration data, on which the error is measured");
    if (is_auto(options) ? !(tolerance > 0 && isfinite(tolerance)) : tolerance != 0)
        return mr_fail(error, error_size,
                       is_auto(options) ? "precision auto needs a tolerance above 0, and it is %g"
                                        : "a tolerance of %g is given, and no precision auto",
                       tolerance);
    if (options->decoder && (options->statistics || options->range_count))
        return mr_fail(error, error_size,
                       "ranges or statistics are given for the features, and a network with a "
                       "decoder finds those of its encoder from calibration data alone");
    if (!options->decoder && (options->first_token || options->decode_steps))
        return mr_fail(error, error_size,
                       "tokens of a decoder are asked for, and no decoder is given");
    if (options->precision && !is_auto(options) &&
        mr_precision_list(options->precision, list, MR_MAX_LAYERS) == 0)
        return mr_fail(error, error_size,
                       "precision %.100s is none: w16a16, w8a16 or w8a8 for all layers, one for "
                       "each with commas between (%d at most), or auto is expected",
                       options->precision, MR_MAX_LAYERS);
    return 0;
}

static int quantise(struct mr_importing *in, const struct choice *choice) {
    struct mr_network *network = &in->model->network;

    for (int i = 0; i < network->op_count; i++)
        if (network->ops[i].kind->recurrent)
            network->ops[i].precision = choice->of[network->ops[i].layer];
    return mr_import_quantise(in);
}

static int use_given(struct mr_importing *in) {
    const int layers = mr_network_layers(&in->model->network);
    struct choice choice = uniform(MR_PRECISION_FULL);

    if (in->options && in->options->precision) {
        const int count = mr_precision_list(in->options->precision, choice.of, MR_MAX_LAYERS);
        if (count == 1)
            choice = uniform(choice.of[0]);
        else if (count != layers)
            return mr_import_fail(in,
                                  "%d precisions are given; the network has %d recurrent layer%s",
                                  count, layers, mr_plural((uint64_t)layers));
    }
    if (quantise(in, &choice) != 0)
        return -1;
    return in->cast && (mr_import_expect(in) != 0 || mr_import_measure(in) != 0) ? -1 : 0;
}

// ---- the cheapest

// One name where all layers have the same, else one for each.
static const char *name_of(const struct choice *choice, int layers, char *text, size_t size) {
    bool same = true;
    char name[MR_PRECISION_NAME];
    size_t used = 0;

    for (int l = 1; l < layers; l++)
        same = same && mr_precision_index(choice->of[l]) == mr_precision_index(choice->of[0]);
    for (int l = 0; l < (same ? 1 : layers) && used < size; l++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", l ? "," : "",
                                 mr_precision_name(choice->of[l], name));
    return text;
}

// Is each number within the tolerance? *worst: the one of the largest error.
static bool is_within(const struct mr_importing *in, int *worst) {
    const int width = mr_network_width(&in->model->network);

    *worst = 0;
    for (int k = 1; k < width; k++)
        if (mr_import_relative_error(in, k) > mr_import_relative_error(in, *worst))
            *worst = k;
    return mr_import_relative_error(in, *worst) <= in->options->tolerance;
}

enum { NUMBER_NAME = 128 };

// Tells the caller what a choice gives; refused: why it cannot be.
static int tell(const struct mr_importing *in, const struct choice *choice, bool within,
                const char *refused) {
    const struct mr_network *network = &in->model->network;
    const int width = refused ? 0 : mr_network_width(network);
    char text[MR_MAX_LAYERS * MR_PRECISION_NAME];

    if (!in->options->trial)
        return 0;
    struct mr_trial_output *each = calloc((size_t)width + 1, sizeof *each);
    char *names = calloc((size_t)width + 1, NUMBER_NAME);
    const bool good = each && names;
    for (int k = 0; good && k < width; k++)
        each[k] = (struct mr_trial_output){
            .name = mr_network_number(network, k, names + (size_t)k * NUMBER_NAME, NUMBER_NAME),
            .accuracy = mr_accuracy_info_of(&in->model->output_accuracy[k]),
            .relative_error = mr_import_relative_error(in, k)};
    const struct mr_trial trial = {
        .precision = name_of(choice, mr_network_layers(network), text, sizeof text),
        .within = within,
        .refused = refused,
        .each = each,
        .outputs = (uint32_t)width};
    if (good)
        in->options->trial(in->options->trial_context, &trial);
    free(each);
    free(names);
    return good ? 0 : mr_import_fail(in, "not enough memory to compare precisions");
}

// What came of a choice.
struct outcome {
    bool possible; // its weights are not too large for their bits
    bool within;   // and all is within the tolerance
};

// Quantises and measures; tells the caller if it is aloud.
static int attempt(struct mr_importing *in, const struct choice *choice, bool aloud,
                   struct outcome *outcome) {
    int worst;

    outcome->possible = quantise(in, choice) == 0;
    if (outcome->possible && mr_import_measure(in) != 0)
        return -1;
    outcome->within = outcome->possible && is_within(in, &worst);
    return aloud ? tell(in, choice, outcome->within, outcome->possible ? NULL : in->error) : 0;
}

// The layer with most weights of those that are not done yet.
static int largest_layer(const struct mr_network *network, const bool *done) {
    int largest = -1;
    double most = -1;

    for (int i = 0; i < network->op_count; i++) {
        const struct mr_op *op = &network->ops[i];
        const double weights = (double)op->rows.rows * op->rows.columns;
        if (op->kind->recurrent && !done[op->layer] && weights > most) {
            largest = op->layer;
            most = weights;
        }
    }
    return largest;
}

// Makes single layers cheaper, one after the other, as long as all is within the tolerance.
static int lower_layers(struct mr_importing *in, int from, struct choice *choice) {
    const int layers = mr_network_layers(&in->model->network);
    bool done[MR_MAX_LAYERS] = {false};

    for (int n = 0; n < layers; n++) {
        const int layer = largest_layer(&in->model->network, done);
        done[layer] = true;
        for (int q = MR_PRECISIONS - 1; q > from; q--) {
            struct choice lower = *choice;
            struct outcome outcome;
            lower.of[layer] = mr_precision_at(q);
            if (attempt(in, &lower, false, &outcome) != 0)
                return -1;
            if (outcome.within) {
                *choice = lower;
                break;
            }
        }
    }
    return 0;
}

static int none_within(const struct mr_importing *in) {
    char name[128];
    int worst;

    is_within(in, &worst);
    mr_network_number(&in->model->network, worst, name, sizeof name);
    if (in->deviation[worst] == 0)
        return mr_import_fail(
            in,
            "output %s does not move on the calibration data, so that no error of "
            "it is within a tolerance; give data on which it does, more sequences "
            "or others, or choose the precision yourself",
            name);
    return mr_import_fail(
        in,
        "no precision is within the tolerance of %g: w16a16 has an RMS error of %.3g times the "
        "deviation of output %s; give more by --tolerance, or ranges that fit the inputs",
        in->options->tolerance, mr_import_relative_error(in, worst), name);
}

static int use_cheapest(struct mr_importing *in) {
    const int layers = mr_network_layers(&in->model->network);
    struct outcome outcome = {false, false};
    int cheapest = -1;

    if (mr_import_expect(in) != 0)
        return -1;
    for (int q = MR_PRECISIONS - 1; q >= 0; q--) {
        const struct choice choice = uniform(mr_precision_at(q));
        if (attempt(in, &choice, true, &outcome) != 0)
            return -1;
        if (outcome.within && cheapest < 0)
            cheapest = q;
    }
    if (cheapest < 0)
        return outcome.possible ? none_within(in) : -1;
    struct choice choice = uniform(mr_precision_at(cheapest));
    if (lower_layers(in, cheapest, &choice) != 0)
        return -1;
    bool lowered = false;
    for (int l = 0; l < layers; l++)
        lowered = lowered || mr_precision_index(choice.of[l]) != cheapest;
    return attempt(in, &choice, lowered, &outcome);
}

int mr_import_precision(struct mr_importing *in) {
    return in->options && is_auto(in->options) ? use_cheapest(in) : use_given(in);
}
