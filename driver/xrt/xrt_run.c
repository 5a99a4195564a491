// SPDX-License-Identifier: Apache-2.0
// What is asked of a card (xrt_device.h): weights, state, runs. Registers, commands and memory
// layout are those of docs/card.md.
#define _GNU_SOURCE
#include "failure.h"
#include "mr_registers.h"
#include "xrt_opened.h"

#include <stdlib.h>
#include <string.h>

static int command_weights(struct mr_xrt *xrt) {
    const struct mr_xrt_command command = {
        .command = MR_COMMAND_LOAD,
        .weights_beats = xrt->weights_beats,
        .weights = xrt->card.api->xrtBOAddress(xrt->weights.handle),
    };
    xrt->stale = false;
    return mr_xrt_perform(xrt, &command);
}

// Beats to or from the card.
struct load {
    struct mr_xrt *xrt;
    const void *beats;
    void *to;
    uint64_t count;
};

static int work_load(struct mr_xrt_card *card, void *context) {
    const struct load *load = context;
    struct mr_xrt *xrt = load->xrt;
    if (mr_xrt_card_touch(card) || mr_xrt_stream_end(xrt) ||
        mr_xrt_reserve(xrt, &xrt->weights, load->count * MR_XRT_BEAT, MR_XRT_ARGUMENT_weights))
        return -1;
    memcpy(xrt->weights.data, load->beats, (size_t)load->count * MR_XRT_BEAT);
    xrt->weights_beats = load->count;
    if (mr_xrt_move(xrt, &xrt->weights, XCL_BO_SYNC_BO_TO_DEVICE, 0, load->count * MR_XRT_BEAT))
        return -1;
    return command_weights(xrt);
}

// ---- The recurrent state -----------------------------------------------------------------------

static int check_state(struct mr_xrt *xrt, struct mr_xrt_card *card) {
    uint32_t features;
    if (mr_xrt_card_touch(card) || mr_xrt_card_read(card, MR_CARD_FEATURES, &features))
        return -1;
    if (!(features & MR_CARD_FEATURES_STATE))
        return mr_failure(&card->error, MR_ERROR_DEVICE,
                          "%s: its kernel cannot give or take the recurrent state; build the image "
                          "again",
                          xrt->place.path);
    return mr_xrt_stream_end(xrt);
}

static int work_read_state(struct mr_xrt_card *card, void *context) {
    const struct load *load = context;
    struct mr_xrt *xrt = load->xrt;
    const uint64_t size = load->count * MR_XRT_BEAT;
    if (check_state(xrt, card))
        return -1;
    if (xrt->stale)
        return mr_failure(&card->error, MR_ERROR_DEVICE,
                          "the card lost its recurrent state by the error before");
    if (mr_xrt_reserve(xrt, &xrt->state_out, size, MR_XRT_ARGUMENT_state_out))
        return -1;
    const struct mr_xrt_command command = {
        .command = MR_COMMAND_READ_STATE,
        .state_beats = (uint32_t)load->count,
        .state_out = card->api->xrtBOAddress(xrt->state_out.handle),
    };
    if (mr_xrt_perform(xrt, &command) ||
        mr_xrt_move(xrt, &xrt->state_out, XCL_BO_SYNC_BO_FROM_DEVICE, 0, size))
        return -1;
    memcpy(load->to, xrt->state_out.data, (size_t)size);
    return 0;
}

static int work_write_state(struct mr_xrt_card *card, void *context) {
    const struct load *load = context;
    struct mr_xrt *xrt = load->xrt;
    const uint64_t size = load->count * MR_XRT_BEAT;
    if (check_state(xrt, card) || (xrt->stale && xrt->weights_beats && command_weights(xrt)) ||
        mr_xrt_reserve(xrt, &xrt->state_in, size, MR_XRT_ARGUMENT_state_in))
        return -1;
    memcpy(xrt->state_in.data, load->beats, (size_t)size);
    if (mr_xrt_move(xrt, &xrt->state_in, XCL_BO_SYNC_BO_TO_DEVICE, 0, size))
        return -1;
    const struct mr_xrt_command command = {
        .command = MR_COMMAND_WRITE_STATE,
        .state_beats = (uint32_t)load->count,
        .state_in = card->api->xrtBOAddress(xrt->state_in.handle),
    };
    return mr_xrt_perform(xrt, &command);
}

// ---- A job: portions of sequences, the next on its way to the card while one is computed -------

struct job {
    struct mr_xrt *xrt;
    struct mr_job *job;
    struct mr_xrt_buffer x, y; // what the card sees: the caller's memory or the device's buffers
    bool x_borrowed, y_borrowed;
    uint64_t x_bytes, y_bytes;       // of one sequence
    uint64_t x_elements, y_elements; // of one sequence
    uint32_t portion;                // sequences
    uint64_t probes[];               // [probe_count], of the last portion
};

// Portions must begin at whole beats.
static uint32_t portion_of(const struct job *run) {
    const uint64_t sequences = run->job->sequences,
                   fit = run->xrt->place.portion / run->x_bytes / MR_XRT_BEAT * MR_XRT_BEAT;
    const uint64_t portion = fit ? fit : MR_XRT_BEAT;
    return (uint32_t)(portion < sequences ? portion : sequences);
}

static uint32_t length_at(const struct job *run, uint32_t first) {
    const uint32_t left = run->job->sequences - first;
    return left < run->portion ? left : run->portion;
}

static int send_portion(struct job *run, uint32_t first) {
    const uint64_t offset = first * run->x_bytes, size = length_at(run, first) * run->x_bytes;
    if (!run->x_borrowed)
        memcpy(run->x.data + offset, (const char *)run->job->in->data + offset, (size_t)size);
    return mr_xrt_move(run->xrt, &run->x, XCL_BO_SYNC_BO_TO_DEVICE, offset, size);
}

static int fetch_portion(struct job *run, uint32_t first) {
    const uint64_t offset = first * run->y_bytes, size = length_at(run, first) * run->y_bytes;
    if (mr_xrt_move(run->xrt, &run->y, XCL_BO_SYNC_BO_FROM_DEVICE, offset, size))
        return -1;
    if (!run->y_borrowed)
        memcpy((char *)run->job->out->data + offset, run->y.data + offset, (size_t)size);
    return 0;
}

static int start_portion(struct job *run, uint32_t first) {
    const struct mr_xrt_api *api = run->xrt->card.api;
    const uint32_t length = length_at(run, first);
    const struct mr_xrt_command command = {
        .command = MR_COMMAND_RUN,
        .flags = run->job->flags,
        .sequences = length,
        .steps = run->job->steps,
        .x_count = length * run->x_elements,
        .y_count = length * run->y_elements,
        .x = api->xrtBOAddress(run->x.handle) + first * run->x_bytes,
        .y = api->xrtBOAddress(run->y.handle) + first * run->y_bytes,
    };
    if (run->job->timeline && mr_xrt_looks_begin(run->xrt))
        return -1;
    return mr_xrt_start(run->xrt, &command);
}

static int end_portion(struct job *run) {
    uint64_t cycles = 0, last_output = 0;
    if (mr_xrt_wait(run->xrt, run->job) || mr_xrt_read_probes(run->xrt, run->probes) ||
        mr_xrt_results(run->xrt, &cycles, &last_output, run->job->activity))
        return -1;
    run->job->last_output_cycle = run->job->cycles + last_output;
    run->job->cycles += cycles;
    return 0;
}

static void add_probes(struct job *run) {
    for (uint32_t i = 0; run->job->probes && i < run->xrt->shape.probe_count; i++)
        run->job->probes[i] += run->probes[i];
}

static int run_portions(struct job *run) {
    if (send_portion(run, 0) || start_portion(run, 0))
        return -1;
    for (uint32_t first = 0; first < run->job->sequences;) {
        const uint32_t next = first + length_at(run, first);
        const bool more = next < run->job->sequences;
        if ((more && send_portion(run, next)) || end_portion(run) ||
            (more && start_portion(run, next)) || fetch_portion(run, first))
            return -1;
        run->job->done = first = next;
        add_probes(run);
    }
    return 0;
}

static int prepare_buffers(struct job *run) {
    struct mr_xrt *xrt = run->xrt;
    const uint64_t x_size = run->job->sequences * run->x_bytes,
                   y_size = run->job->sequences * run->y_bytes;
    run->x_borrowed = mr_xrt_borrow(xrt, &run->x, run->job->in->data, x_size, MR_XRT_ARGUMENT_x);
    run->y_borrowed = mr_xrt_borrow(xrt, &run->y, run->job->out->data, y_size, MR_XRT_ARGUMENT_y);
    if ((!run->x_borrowed && mr_xrt_reserve(xrt, &xrt->x, x_size, MR_XRT_ARGUMENT_x)) ||
        (!run->y_borrowed && mr_xrt_reserve(xrt, &xrt->y, y_size, MR_XRT_ARGUMENT_y)))
        return -1;
    if (!run->x_borrowed)
        run->x = xrt->x;
    if (!run->y_borrowed)
        run->y = xrt->y;
    return 0;
}

static int work_run(struct mr_xrt_card *card, void *context) {
    struct job *run = context;
    struct mr_xrt *xrt = run->xrt;
    if (mr_xrt_card_touch(card) || (xrt->stale && xrt->weights_beats && command_weights(xrt)))
        return -1;
    if (mr_xrt_streams(xrt, run->job)) {
        if (mr_xrt_stream_row(xrt, run->job) || mr_xrt_read_probes(xrt, run->probes))
            return -1;
        add_probes(run);
        return 0;
    }
    if (mr_xrt_stream_end(xrt))
        return -1;
    int result = prepare_buffers(run);
    if (!result)
        result = run_portions(run);
    if (run->x_borrowed)
        mr_xrt_release(xrt, &run->x);
    if (run->y_borrowed)
        mr_xrt_release(xrt, &run->y);
    return result;
}

int mr_xrt_run(void *device, struct mr_job *job, struct mr_error *error) {
    struct mr_xrt *xrt = device;
    struct job *run = calloc(1, sizeof *run + xrt->shape.probe_count * sizeof *run->probes);
    if (!run)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory to run on the card");
    *run = (struct job){.xrt = xrt,
                        .job = job,
                        .x_elements = job->in->count / job->sequences,
                        .y_elements = job->out->count / job->sequences};
    run->x_bytes = run->x_elements * mr_element_bytes(xrt->shape.x_bits);
    run->y_bytes = run->y_elements * mr_element_bytes(xrt->shape.y_bits);
    run->portion = portion_of(run);
    job->cycles = job->last_output_cycle = 0;
    const int result = mr_xrt_card_perform(&xrt->card, work_run, run, xrt->place.limit_ms, error);
    if (!xrt->card.abandoned)
        free(run);
    return result;
}

static int perform_load(struct mr_xrt *xrt, int (*work)(struct mr_xrt_card *, void *),
                        struct load with, struct mr_error *error) {
    struct load *load = malloc(sizeof *load); // a card's thread that is given up keeps it
    if (!load)
        return mr_failure(error, MR_ERROR_MEMORY, "not enough memory for the card");
    *load = with;
    const int result = mr_xrt_card_perform(&xrt->card, work, load, xrt->place.limit_ms, error);
    if (!xrt->card.abandoned)
        free(load);
    return result;
}

int mr_xrt_load_weights(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    return perform_load(device, work_load,
                        (struct load){.xrt = device, .beats = beats, .count = count}, error);
}

int mr_xrt_read_state(void *device, void *beats, uint64_t count, struct mr_error *error) {
    return perform_load(device, work_read_state,
                        (struct load){.xrt = device, .to = beats, .count = count}, error);
}

int mr_xrt_write_state(void *device, const void *beats, uint64_t count, struct mr_error *error) {
    return perform_load(device, work_write_state,
                        (struct load){.xrt = device, .beats = beats, .count = count}, error);
}
