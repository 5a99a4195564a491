// SPDX-License-Identifier: Apache-2.0
// Steps of training, one at a time as it is asked (tests/bench_train.py, `make bench-train`): by
// the trainers for cpu:, and by oneDNN where that is there, all from the same weights on the same
// mini-batch. Usage: bench_train THREADS. Of each line of its input, "NAME ARITHMETIC", it does a
// step of the network NAME and prints its milliseconds, those of processor time, and the loss, or
// "none" where there is no such arithmetic; "NAME end" frees what it has of the network.
#define _POSIX_C_SOURCE 200809L
#include "bench_train_dnnl.h"
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
              {"S2", "gru", 64, 100, 170, 3, 512},
              {"S3", "lstm", 64, 50, 25, 2, 25},
              {"S4", "lstm", 64, 50, 25, 4, 64},
              {"GRU", "gru", 64, 50, 25, 2, 64}};

enum { CONTENDERS = 4 };
static const char *const names[CONTENDERS] = {"float32", "int", "onednn-f32", "onednn-bf16"};
static const double rate = 1e-3;

// What there is of the network that is measured.
static struct work {
    const struct shape *shape;
    struct mr_network network;
    float *x, *y;
    const struct mr_trainer_kind *kind[CONTENDERS];
    void *trainer[CONTENDERS];
    struct dnnl_training *peer[CONTENDERS];
    bool opened[CONTENDERS];
} work;

static void stop(const char *sentence) {
    fprintf(stderr, "bench_train: %s\n", sentence);
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e3 + 1e-6 * (double)time.tv_nsec;
}

static float *numbers(size_t count) {
    float *list = malloc(count * sizeof *list);

    if (!list)
        stop("not enough memory");
    for (size_t i = 0; i < count; i++)
        list[i] = (float)(i * 2654435761U % 1000) / 1000 - 0.5F;
    return list;
}

static void make_network(struct mr_network *network, const struct shape *shape) {
    struct mr_train_chain chain;
    struct mr_error error;
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
    if (mr_train_chain_of(network, MR_TRAIN_MSE, &chain, &error) != 0)
        stop(error.text);
    mr_train_draw_weights(network, &chain, 1);
}

static void begin(const char *name) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0)
            work.shape = &shapes[i];
    if (!work.shape)
        stop("there is no network of this name");
    make_network(&work.network, work.shape);
    work.x = numbers(work.shape->batch * work.shape->steps * (size_t)work.shape->inputs);
    work.y = numbers(work.shape->batch);
}

static void end(void) {
    for (int i = 0; i < CONTENDERS; i++) {
        if (work.trainer[i])
            work.kind[i]->close(work.trainer[i]);
        dnnl_training_free(work.peer[i]);
    }
    mr_network_free(&work.network);
    free(work.x);
    free(work.y);
    memset(&work, 0, sizeof work);
}

static void open_contender(int which, size_t threads) {
    const struct shape *shape = work.shape;
    const struct mr_trainer_options options = {.loss = MR_TRAIN_MSE,
                                               .beta1 = 0.9,
                                               .beta2 = 0.999,
                                               .epsilon = 1e-8,
                                               .batch = shape->batch,
                                               .steps = shape->steps,
                                               .device = "cpu:",
                                               .threads = threads};
    struct mr_error error;

    work.opened[which] = true;
    if (which >= 2) {
        work.peer[which] =
            dnnl_training_make(&work.network, which == 2 ? DNNL_TRAIN_F32 : DNNL_TRAIN_BF16,
                               (int)shape->steps, (int)shape->batch);
        return;
    }
    work.kind[which] = mr_trainer_kind_find(names[which], "cpu:", &error);
    work.trainer[which] =
        work.kind[which] ? work.kind[which]->open(&work.network, &options, &error) : NULL;
    if (!work.trainer[which])
        stop(error.text);
}

// False where there is none.
static bool step(int which, double *loss) {
    struct mr_train_losses losses = {.of = loss};
    struct mr_error error;

    if (work.peer[which])
        *loss = dnnl_training_step(work.peer[which], work.x, work.y, rate);
    else if (!work.trainer[which])
        return false;
    else if (work.kind[which]->step(work.trainer[which], work.x, work.y, work.shape->batch,
                                    work.shape->steps, rate, &losses, &error) != 0)
        stop(error.text);
    return true;
}

int main(int argc, char **argv) {
    const size_t threads = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    char name[20], by[20];

    while (scanf("%19s %19s", name, by) == 2) {
        if (strcmp(by, "end") == 0) {
            end();
            continue;
        }
        int which = 0;
        while (which < CONTENDERS && strcmp(names[which], by) != 0)
            which++;
        if (which == CONTENDERS)
            stop("there is no arithmetic of this name");
        if (!work.shape)
            begin(name);
        if (!work.opened[which])
            open_contender(which, threads);
        double loss;
        const double cpu = now(CLOCK_PROCESS_CPUTIME_ID), begun = now(CLOCK_MONOTONIC);
        if (step(which, &loss))
            printf("%.6f %.6f %.9g\n", now(CLOCK_MONOTONIC) - begun,
                   now(CLOCK_PROCESS_CPUTIME_ID) - cpu, loss);
        else
            puts("none");
        fflush(stdout);
    }
    return 0;
}
