// SPDX-License-Identifier: Apache-2.0
// What a session's formats cannot hold and cut: values of x, counted where they are rounded, and
// cell states, counted by the probes of the layers (hls/kernels/frame/layer.h).
#define _POSIX_C_SOURCE 200809L // PATH_MAX
#include "failure.h"
#include "session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CUT, PAST };

int mr_cuts_open(struct mr_session *session, struct mr_error *error) {
    struct mr_session_cuts *cuts = &session->cuts;
    cuts->inputs = calloc(session->inputs, sizeof *cuts->inputs);
    cuts->new_inputs = calloc(session->inputs, sizeof *cuts->new_inputs);
    return cuts->inputs && cuts->new_inputs
               ? 0
               : mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the session's counters");
}

void mr_cuts_close(struct mr_session *session) {
    free(session->cuts.inputs);
    free(session->cuts.new_inputs);
}

static bool find_probe(const struct mr_device_info *info, int layer, const char *name,
                       uint32_t *index) {
    char process[24];
    snprintf(process, sizeof process, "lstm%d", layer);
    for (*index = 0; *index < info->probe_count; ++*index)
        if (strcmp(info->probes[*index].process, process) == 0 &&
            strcmp(info->probes[*index].name, name) == 0)
            return true;
    return false;
}

int mr_cuts_attach(struct mr_session *session, const char *uri, struct mr_error *error) {
    struct mr_session_cuts *cuts = &session->cuts;
    for (int l = 0; l < session->compiled.plan.layer_count; l++)
        if (!find_probe(&session->info, l, "cut", &cuts->probe[l][CUT]) ||
            !find_probe(&session->info, l, "past", &cuts->probe[l][PAST]))
            return mr_failure(error, MR_ERROR_DEVICE,
                              "%s: layer %d does not count its cut cell states; build its image "
                              "again",
                              uri, l);
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
    memset(cuts->new_inputs, 0, session->inputs * sizeof *cuts->new_inputs);
    mr_cuts_restart(session);
}

void mr_cuts_restart(struct mr_session *session) {
    memset(session->cuts.new_cells, 0, sizeof session->cuts.new_cells);
}

void mr_cuts_take_probes(struct mr_session *session) {
    struct mr_session_cuts *cuts = &session->cuts;
    for (int l = 0; l < session->compiled.plan.layer_count; l++) {
        cuts->new_cells[l].count += cuts->probes[cuts->probe[l][CUT]];
        cuts->new_cells[l].past += cuts->probes[cuts->probe[l][PAST]];
    }
}

void mr_cuts_end(struct mr_session *session, uint64_t steps) {
    struct mr_session_cuts *cuts = &session->cuts;
    for (uint32_t k = 0; k < session->inputs; k++) {
        cuts->inputs[k].count += cuts->new_inputs[k].count;
        if (fabsf(cuts->new_inputs[k].farthest) > fabsf(cuts->inputs[k].farthest))
            cuts->inputs[k].farthest = cuts->new_inputs[k].farthest;
    }
    for (int l = 0; l < session->compiled.plan.layer_count; l++) {
        cuts->cells[l].count += cuts->new_cells[l].count;
        cuts->cells[l].past += cuts->new_cells[l].past;
    }
    cuts->steps += steps;
}

void mr_cuts_total(const struct mr_session *session, uint64_t *inputs, uint64_t *cells) {
    *inputs = *cells = 0;
    for (uint32_t k = 0; k < session->inputs; k++)
        *inputs += session->cuts.inputs[k].count;
    for (int l = 0; l < session->compiled.plan.layer_count; l++)
        *cells += session->cuts.cells[l].count;
}

int mr_session_input_saturation(const struct mr_session *session, uint32_t feature,
                                struct mr_input_saturation *info) {
    if (!session || !info || feature >= session->inputs)
        return MR_ERROR_ARGUMENT;
    const struct mr_input_cuts *cuts = &session->cuts.inputs[feature];
    const double unit = ldexp(1, -session->quantised->input_frac_bits[feature]);
    *info = (struct mr_input_saturation){.cut = cuts->count,
                                         .total = session->cuts.steps,
                                         .low = INT16_MIN * unit,
                                         .high = INT16_MAX * unit,
                                         .farthest = cuts->farthest};
    return 0;
}

int mr_session_cell_saturation(const struct mr_session *session, uint32_t layer,
                               struct mr_cell_saturation *info) {
    if (!session || !info || layer >= (uint32_t)session->compiled.plan.layer_count)
        return MR_ERROR_ARGUMENT;
    const struct mr_plan_layer *plan = &session->compiled.plan.layers[layer];
    const struct mr_cell_cuts *cuts = &session->cuts.cells[layer];
    *info = (struct mr_cell_saturation){
        .cut = cuts->count,
        .total = session->cuts.steps * (uint64_t)plan->hidden,
        .limit = mr_cell_limit(plan->cell_exponent),
        .past = ldexp((double)cuts->past, plan->cell_exponent - 16),
    };
    return 0;
}
