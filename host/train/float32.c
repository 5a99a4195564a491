// SPDX-License-Identifier: Apache-2.0
// The trainer in float32 on this processor: slices of the mini-batch on all processors, the sum of
// their gradients, and the optimiser: Adam (Kingma and Ba 2015) or SGD with momentum, as PyTorch
// has them.
#include "failure.h"
#include "float32_parts.h"
#include "train_weights.h"
#include "workers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trainer {
    struct mr_float32_net net;
    struct mr_trainer_options options;
    struct mr_workers *workers;
    struct mr_slice *slices; // [workers]
    size_t slice_count;      // of a mini-batch, at most
    double *losses;          // [slice_count]
    float *gradients;        // (slice_count, net.count)
    float *m, *v;            // [net.count]; v of Adam
    uint64_t steps;          // that were done
};

static void close_trainer(void *trainer) {
    struct trainer *own = trainer;

    if (!own)
        return;
    for (size_t i = 0; own->slices && i < mr_workers_count(own->workers); i++)
        mr_slice_free(&own->slices[i]);
    mr_workers_free(own->workers);
    mr_float32_net_free(&own->net);
    free(own->slices);
    free(own->losses);
    free(own->gradients);
    free(own->m);
    free(own->v);
    free(own);
}

static int make_room(struct trainer *own, const struct mr_train_chain *chain) {
    const struct mr_trainer_options *options = &own->options;

    if (mr_float32_net_create(&own->net, chain, mr_float32_kernels(0)) != 0)
        return -1;
    own->net.loss = options->loss;
    own->net.dropout = options->dropout;
    own->net.seed = options->seed;
    own->slice_count = (options->batch + MR_SLICE - 1) / MR_SLICE;
    own->workers = mr_workers_create(options->threads, own->slice_count);
    own->slices = own->workers ? calloc(mr_workers_count(own->workers), sizeof *own->slices) : NULL;
    own->losses = calloc(own->slice_count, sizeof *own->losses);
    own->gradients = calloc(own->net.count * own->slice_count, sizeof *own->gradients);
    own->m = calloc(own->net.count, sizeof *own->m);
    own->v = calloc(own->net.count, sizeof *own->v);
    return own->slices && own->losses && own->gradients && own->m && own->v ? 0 : -1;
}

static void *open_trainer(const struct mr_network *network,
                          const struct mr_trainer_options *options, struct mr_error *error) {
    struct mr_train_chain chain;

    if (mr_train_chain_of(network, options->loss, &chain, error) != 0)
        return NULL;
    struct trainer *own = calloc(1, sizeof *own);
    if (own)
        own->options = *options;
    if (!own || make_room(own, &chain) != 0) {
        mr_failure(error, MR_ERROR_MEMORY, "not enough memory to train the network");
        close_trainer(own);
        return NULL;
    }
    mr_train_read_weights(network, &chain, own->net.w);
    mr_float32_net_pack(&own->net);
    return own;
}

// ---- a step

// A job of the slices of a mini-batch, or of what is predicted.
struct job {
    struct trainer *own;
    const float *x, *y;
    size_t sequences, steps;
    double weight;
    float *predicted;
    double *losses; // [slices], NULL: forward only
};

static size_t rows_of(const struct job *job) {
    return job->own->net.chain.per_step ? job->steps : 1;
}

static void run_part(void *context, size_t part, size_t worker) {
    const struct job *job = context;
    const struct mr_train_chain *chain = &job->own->net.chain;
    const size_t first = part * MR_SLICE, rows = rows_of(job);
    const size_t targets = (size_t)mr_train_targets(chain, job->own->net.loss);
    const size_t left = job->sequences - first;
    struct mr_slice_work work = {
        .x = job->x + first * job->steps * (size_t)chain->inputs,
        .y = job->y ? job->y + first * rows * targets : NULL,
        .sequences = left < MR_SLICE ? left : MR_SLICE,
        .steps = job->steps,
        .predicted = job->predicted ? job->predicted + first * rows * (size_t)chain->outputs : NULL,
        .step = job->own->steps,
        .first = first,
        .weight = job->weight,
        .gradient = job->losses ? job->own->gradients + part * job->own->net.count : NULL,
    };

    mr_slice_run(&job->own->net, &job->own->slices[worker], &work);
    if (job->losses)
        job->losses[part] = work.loss;
}

static int run(struct job *job, struct mr_error *error) {
    struct trainer *own = job->own;

    for (size_t i = 0; i < mr_workers_count(own->workers); i++)
        if (mr_slice_reserve(&own->slices[i], &own->net, job->steps) != 0)
            return mr_failure(error, MR_ERROR_MEMORY,
                              "not enough memory to train on sequences of %zu steps", job->steps);
    mr_workers_run(own->workers, (job->sequences + MR_SLICE - 1) / MR_SLICE, run_part, job);
    return 0;
}

// Moves the weights. gradient: of the whole mini-batch; its norm is `norm`.
static void update(struct trainer *own, const float *gradient, double norm, double rate) {
    const struct mr_trainer_options *o = &own->options;
    struct mr_update update = {
        .scale = o->clip > 0 && norm > o->clip ? (float)(o->clip / norm) : 1,
        .l2 = (float)o->l2,
        .rate = (float)rate,
        .momentum = (float)o->momentum,
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .epsilon = (float)o->epsilon,
    };
    const double step = (double)own->steps + 1;

    if (o->optimiser == MR_TRAIN_SGD) {
        own->net.kernels->sgd(&update, gradient, own->net.w, own->m, own->net.count);
        return;
    }
    // What m and v lack, for they began with 0.
    update.rate = (float)(rate / (1 - pow(o->beta1, step)));
    update.second = (float)(1 / (1 - pow(o->beta2, step)));
    own->net.kernels->adam(&update, gradient, own->net.w, own->m, own->v, own->net.count);
}

static int step(void *trainer, const float *x, const float *y, size_t sequences, size_t steps,
                double rate, struct mr_train_losses *losses, struct mr_error *error) {
    struct trainer *own = trainer;
    const struct mr_train_chain *chain = &own->net.chain;
    const size_t slices = (sequences + MR_SLICE - 1) / MR_SLICE;
    struct job job = {
        .own = own, .x = x, .y = y, .sequences = sequences, .steps = steps, .losses = own->losses};

    job.weight = 1 / ((double)sequences * (double)rows_of(&job) *
                      mr_train_targets(chain, own->options.loss));
    const int code = run(&job, error);
    if (code)
        return code;
    double loss = own->losses[0];
    for (size_t i = 1; i < slices; i++) {
        loss += own->losses[i];
        own->net.kernels->add(own->gradients, own->gradients + i * own->net.count, own->net.count);
    }
    const double norm = sqrt(own->net.kernels->square_sum(own->gradients, own->net.count));
    if (!isfinite(loss) || !isfinite(norm))
        return mr_failure(error, MR_ERROR_INPUT,
                          "step %llu: the %s is not finite any more, training diverges; a smaller "
                          "rate, or --clip, helps",
                          (unsigned long long)own->steps + 1, isfinite(loss) ? "gradient" : "loss");
    update(own, own->gradients, norm, rate);
    mr_float32_net_pack(&own->net);
    own->steps++;
    losses->of[losses->count++] = loss;
    return 0;
}

static int predict(void *trainer, const float *x, size_t sequences, size_t steps, float *y,
                   struct mr_error *error) {
    struct job job = {
        .own = trainer, .x = x, .sequences = sequences, .steps = steps, .predicted = y};

    return run(&job, error);
}

// ---- state: the number of steps, then w, m and v

static size_t state_size(const void *trainer) {
    const struct trainer *own = trainer;

    return sizeof own->steps + 3 * own->net.count * sizeof(float);
}

static void read_state(const void *trainer, void *bytes) {
    const struct trainer *own = trainer;
    const size_t size = own->net.count * sizeof(float);
    unsigned char *at = bytes;

    memcpy(at, &own->steps, sizeof own->steps);
    at += sizeof own->steps;
    memcpy(at, own->net.w, size);
    memcpy(at + size, own->m, size);
    memcpy(at + 2 * size, own->v, size);
}

static int write_state(void *trainer, const void *bytes, size_t size, struct mr_error *error) {
    struct trainer *own = trainer;
    const size_t list = own->net.count * sizeof(float);
    const unsigned char *at = bytes;

    if (size != state_size(own))
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "the state of the training has %zu bytes; that of this network has %zu",
                          size, state_size(own));
    memcpy(&own->steps, at, sizeof own->steps);
    at += sizeof own->steps;
    memcpy(own->net.w, at, list);
    memcpy(own->m, at + list, list);
    memcpy(own->v, at + 2 * list, list);
    mr_float32_net_pack(&own->net);
    return 0;
}

static void weights(const void *trainer, struct mr_network *network) {
    const struct trainer *own = trainer;

    mr_train_write_weights(network, &own->net.chain, own->net.w);
}

const struct mr_trainer_kind mr_trainer_float32 = {
    .name = "float32",
    .device = "cpu:",
    .open = open_trainer,
    .step = step,
    .predict = predict,
    .state_size = state_size,
    .read_state = read_state,
    .write_state = write_state,
    .weights = weights,
    .close = close_trainer,
};
