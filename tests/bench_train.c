// SPDX-License-Identifier: Apache-2.0
// How long a step of training takes (make bench-train): of each trainer for cpu:, with one thread
// and with two, the shortest of many and the mean of processor time. Prints a line for each: NAME
// ARITHMETIC THREADS MS PROCESSOR_MS.
#define _POSIX_C_SOURCE 200809L
#include "op.h"
#include "train_weights.h"
#include "trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct shape {
    const char *name, *cell;
    size_t batch, steps;
    int inputs, layers, units;
} shapes[] = {{"S1", "lstm", 24, 50, 25, 2, 64},
              {"S3", "lstm", 64, 50, 25, 2, 25},
              {"S4", "lstm", 64, 50, 25, 4, 64},
              {"GRU", "gru", 64, 50, 25, 2, 64}};

static void stop(const char *sentence) {
    fprintf(stderr, "bench_train: %s\n", sentence);
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e3 + 1e-6 * (double)time.tv_nsec;
}

static void make_network(struct mr_network *network, const struct shape *shape) {
    char text[400];

    if (mr_network_create(network, shape->inputs) != 0)
        stop("not enough memory");
    for (int l = 0; l < shape->layers; l++)
        if (!mr_network_add(network, mr_op_kind_find(shape->cell), l, shape->units, 0, text,
                            sizeof text))
            stop(text);
    if (!mr_network_add(network, mr_op_kind_find("last"), shape->layers, 0, 0, text, sizeof text) ||
        !mr_network_add(network, mr_op_kind_find("dense"), shape->layers + 1, 1, 0, text,
                        sizeof text) ||
        mr_network_output(network, shape->layers + 2, "y", text, sizeof text) != 0)
        stop(text);
}

static float *numbers(size_t count) {
    float *list = malloc(count * sizeof *list);

    if (!list)
        stop("not enough memory");
    for (size_t i = 0; i < count; i++)
        list[i] = (float)(i * 2654435761U % 1000) / 1000 - 0.5F;
    return list;
}

static void measure(const struct mr_trainer_kind *kind, const struct shape *shape, size_t threads,
                    int count) {
    const struct mr_trainer_options options = {.loss = MR_TRAIN_MSE,
                                               .beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .epsilon = 1e-8,
                                               .batch = shape->batch,
                                               .steps = shape->steps,
                                               .device = "cpu:",
                                               .threads = threads};
    struct mr_network network;
    struct mr_train_chain chain;
    struct mr_error error;
    double loss, best = 1e30;

    make_network(&network, shape);
    if (mr_train_chain_of(&network, MR_TRAIN_MSE, &chain, &error) != 0)
        stop(error.text);
    mr_train_draw_weights(&network, &chain, 1);
    void *trainer = kind->open(&network, &options, &error);
    float *x = numbers(shape->batch * shape->steps * (size_t)shape->inputs);
    float *y = numbers(shape->batch);
    if (!trainer)
        stop(error.text);
    double start = 0;
    for (int i = -3; i < count; i++) { // the first ones warm up
        if (i == 0)
            start = now(CLOCK_PROCESS_CPUTIME_ID);
        const double begun = now(CLOCK_MONOTONIC);
        if (kind->step(trainer, x, y, shape->batch, shape->steps, 1e-3, &loss, &error) != 0)
            stop(error.text);
        const double took = now(CLOCK_MONOTONIC) - begun;
        best = took < best ? took : best;
    }
    printf("%s %s %zu %.3f %.3f\n", shape->name, kind->name, threads, best,
           (now(CLOCK_PROCESS_CPUTIME_ID) - start) / count);
    fflush(stdout);
    kind->close(trainer);
    mr_network_free(&network);
    free(x);
    free(y);
}

int main(int argc, char **argv) {
    const int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 50;
    const struct mr_trainer_kind *kind;

    for (size_t k = 0; (kind = mr_trainer_kind_at(k)); k++)
        for (size_t s = 0; strcmp(kind->device, "cpu:") == 0 && s < sizeof shapes / sizeof *shapes;
             s++)
            for (size_t threads = 1; threads <= 2; threads++)
                measure(kind, &shapes[s], threads, count > 0 ? count : 1);
    return 0;
}
