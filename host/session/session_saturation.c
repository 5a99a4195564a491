// SPDX-License-Identifier: Apache-2.0
// What a session's formats cannot hold and cut: values of x, counted where they are rounded, and
// values inside of the network, counted by the probes of their operators' kernels.
#define _POSIX_C_SOURCE 200809L // PATH_MAX
#include "failure.h"
#include "op.h"
#include "session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUT, PAST };

// The encoder's stand behind the others.
static uint32_t all_inputs(const struct mr_session *session) {
    return session->inputs + session->encoder_inputs;
}

int mr_cuts_open(struct mr_session *session, struct mr_error *error) {
    struct mr_session_cuts *cuts = &session->cuts;
    cuts->inputs = calloc(all_inputs(session), sizeof *cuts->inputs);
    cuts->new_inputs = calloc(all_inputs(session), sizeof *cuts->new_inputs);
    return cuts->inputs && cuts->new_inputs
               ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the session's counters");
}

void mr_cuts_close(struct mr_session *session) {
    free(session->cuts.inputs);
    free(session->cuts.new_inputs);
}

static bool find_probe(const struct mr_device_info *info, const char *process, const char *name,
                       uint32_t *index) {
    for (*index = 0; *index < info->probe_count; ++*index)
        if (strcmp(info->probes[*index].process, process) == 0 &&
            strcmp(info->probes[*index].name, name) == 0)
            return true;
    return false;
}

static struct mr_op_limit limit_of(const struct mr_session *session, int op) {
    return mr_op_limit_of(session->network, &session->network->ops[op]);
}

int mr_cuts_attach(struct mr_session *session, const char *uri, struct mr_error *error) {
    struct mr_session_cuts *cuts = &session->cuts;
    for (int i = 0; i < session->network->op_count; i++) {
        const char *name = session->network->ops[i].name;
        // By how much is told where values are kept from step to step.
        find_probe(&session->info, name, "past", &cuts->probe[i][PAST]);
        if (!find_probe(&session->info, name, "cut", &cuts->probe[i][CUT]) &&
            limit_of(session, i).limit > 0 && session->info.probe_count)
            return mr_failure(error, MR_ERROR_DEVICE,
                              "%s: operator %s does not count its cut values; build its image "
                              "again",
                              uri, name);
    }
    cuts->probes = calloc((size_t)session->info.probe_count + 1, sizeof *cuts->probes);
    return cuts->probes
               ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory for its counters", uri);
}

void mr_cuts_detach(struct mr_session *session) {
    free(session->cuts.probes);
    session->cuts.probes = NULL;
}

void mr_cuts_begin(struct mr_session *session) {
    struct mr_session_cuts *cuts = &session->cuts;
    memset(cuts->new_inputs, 0, all_inputs(session) * sizeof *cuts->new_inputs);
    mr_cuts_restart(session);
}

void mr_cuts_restart(struct mr_session *session) {
    memset(session->cuts.new_values, 0, sizeof session->cuts.new_values);
}

void mr_cuts_take_probes(struct mr_session *session, bool encodes) {
    struct mr_session_cuts *cuts = &session->cuts;
    for (int i = 0; i < session->network->op_count; i++) {
        const struct mr_op *op = &session->network->ops[i];
        // Those of the encoder keep what they counted in its run; of those that decode, the state
        // that they are given there is counted.
        const bool runs = encodes ? mr_op_encodes(session->network, op) || op->kind->recurrent
                                  : !mr_op_encodes(session->network, op);
        if (limit_of(session, i).limit == 0 || !runs)
            continue;
        // A folded kernel counts nothing.
        if (cuts->probe[i][CUT] < session->info.probe_count)
            cuts->new_values[i].count += cuts->probes[cuts->probe[i][CUT]];
        if (cuts->probe[i][PAST] < session->info.probe_count)
            cuts->new_values[i].past += cuts->probes[cuts->probe[i][PAST]];
    }
}

void mr_cuts_end(struct mr_session *session, bool encodes, uint64_t sequences, uint64_t steps) {
    struct mr_session_cuts *cuts = &session->cuts;
    for (uint32_t k = 0; k < all_inputs(session); k++) {
        cuts->inputs[k].count += cuts->new_inputs[k].count;
        if (fabsf(cuts->new_inputs[k].farthest) > fabsf(cuts->inputs[k].farthest))
            cuts->inputs[k].farthest = cuts->new_inputs[k].farthest;
    }
    for (int i = 0; i < session->network->op_count; i++) {
        cuts->values[i].count += cuts->new_values[i].count;
        cuts->values[i].past += cuts->new_values[i].past;
    }
    cuts->steps[encodes] += steps;
    cuts->sequences[encodes] += sequences;
}

void mr_cuts_total(const struct mr_session *session, uint64_t *inputs, uint64_t *values) {
    *inputs = *values = 0;
    for (uint32_t k = 0; k < all_inputs(session); k++)
        *inputs += session->cuts.inputs[k].count;
    for (int i = 0; i < session->network->op_count; i++)
        *values += session->cuts.values[i].count;
}

int mr_session_input_saturation(const struct mr_session *session, uint32_t feature,
                                struct mr_input_saturation *info) {
    if (!session || !info || feature >= all_inputs(session))
        return MR_ERROR_ARGUMENT;
    const struct mr_network *network = session->network;
    const struct mr_input_cuts *cuts = &session->cuts.inputs[feature];
    const bool encodes = feature >= session->inputs;
    const struct mr_stream *stream = &network->streams[encodes ? network->encoder : 0];
    const double unit = ldexp(1, -stream->frac[feature - (encodes ? session->inputs : 0)]);
    const double middle = network->offset && !encodes ? network->offset[feature] : 0;
    *info = (struct mr_input_saturation){.cut = cuts->count,
                                         .total = session->cuts.steps[encodes],
                                         .low = middle + INT16_MIN * unit,
                                         .high = middle + INT16_MAX * unit,
                                         .farthest = cuts->farthest};
    return 0;
}

int mr_session_operator_saturation(const struct mr_session *session, uint32_t index,
                                   struct mr_operator_saturation *info) {
    if (!session || !info || index >= (uint32_t)session->network->op_count)
        return MR_ERROR_ARGUMENT;
    const struct mr_op *op = &session->network->ops[index];
    const struct mr_value_cuts *cuts = &session->cuts.values[index];
    const struct mr_op_limit limit = limit_of(session, (int)index);
    const struct mr_stream *stream = &session->network->streams[op->output];
    const bool per_step = stream->rate == MR_PER_STEP && !stream->steps;
    const bool encodes = mr_op_encodes(session->network, op);
    const uint64_t rows = per_step ? session->cuts.steps[encodes]
                                   : session->cuts.sequences[encodes] * mr_stream_rows(stream, 1);
    *info = (struct mr_operator_saturation){
        .cut = cuts->count,
        .total = limit.limit > 0 && session->info.probe_count ? rows * (uint64_t)op->units : 0,
        .limit = limit.limit,
        .past = (double)cuts->past * limit.unit,
    };
    return 0;
}
