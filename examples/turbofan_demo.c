// SPDX-License-Identifier: Apache-2.0
// The demonstration (demo.sh): how many flights are left to each jet engine, predicted by the
// network on the simulated FPGA, on the CPU with the same integers, and in floating point.
//     turbofan_demo prepare NORM.json FOLDER [CMAPSS]   writes calib.npy, engines.npy, life.npy
//     turbofan_demo run MODEL FOLDER                    runs them and prints what came out
// Its other half trains (turbofan/train.sh, turbofan_train.h):
//     turbofan_demo data NORM.json FOLDER [CMAPSS]      writes data to train and to test with
//     turbofan_demo test MODEL FOLDER life|fails        tells how good a trained model is
#include "array_file.h"
#include "engines.h"
#include "millrace.h"
#include "turbofan_train.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENGINES = 24, CALIBRATION = 256 };

static int say(const char *sentence) {
    fprintf(stderr, "turbofan_demo: %s\n", sentence);
    return 1;
}

static bool write_array(const char *folder, const char *name, const struct mr_array *array,
                        char *error, size_t error_size) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        snprintf(error, error_size, "%s: the path is too long", folder);
        return false;
    }
    return mr_npy_write(path, array, error, error_size) == 0;
}

static int prepare(const char *scale_path, const char *folder, const char *cmapss) {
    struct engine_scale scale;
    struct engines engines = {0}, calibration = {0};
    char error[5000];
    int code = 1;
    if (engine_scale_read(scale_path, &scale, error, sizeof error))
        return say(error);
    const int failed =
        cmapss
            ? engines_read_test(&engines, cmapss, &scale, error, sizeof error) ||
                  engines_read_train(&calibration, CALIBRATION, cmapss, &scale, error, sizeof error)
            : engines_make(&engines, ENGINES, 1, &scale, error, sizeof error) ||
                  engines_make(&calibration, CALIBRATION, 2, &scale, error, sizeof error);
    if (failed || !write_array(folder, "engines.npy", &engines.x, error, sizeof error) ||
        !write_array(folder, "life.npy", &engines.life, error, sizeof error) ||
        !write_array(folder, "calib.npy", &calibration.x, error, sizeof error)) {
        code = say(error);
    } else {
        printf("%zu engines, the last %d flights of each, %d numbers a flight%s%s\n",
               engines.x.shape[0], ENGINE_STEPS, ENGINE_FEATURES, cmapss ? ", from " : ", made up",
               cmapss ? cmapss : "");
        code = 0;
    }
    engines_free(&engines);
    engines_free(&calibration);
    return code;
}

// One line of the table; predictions as the network gives them (1 is 125 flights).
struct prediction {
    float sim, cpu, reference;
    struct mr_stats stats; // of the simulated FPGA
};

struct demo {
    struct mr_array x, life;
    size_t engines;
    struct mr_model *model;
    struct mr_session *sim, *cpu;
    struct prediction *predictions; // (engines)
    float *batch;                   // (engines): all in one run of the simulated FPGA
    struct mr_stats batch_stats;
    uint64_t planned, batch_planned;
};

static int planned_cycles(const struct mr_model *model, uint64_t sequences, uint64_t *cycles,
                          struct mr_error *error) {
    char *text = NULL;
    if (mr_plan(model, NULL, sequences, ENGINE_STEPS, &text, NULL, error))
        return -1;
    json_t *plan = json_loads(text, 0, NULL);
    *cycles = (uint64_t)json_integer_value(json_object_get(plan, "cycles"));
    json_decref(plan);
    free(text);
    return 0;
}

static int open_all(struct demo *demo, const char *model, const char *folder, char *error,
                    size_t error_size) {
    char path[2][4096];
    struct mr_error reason;
    struct mr_model_info info;
    if (snprintf(path[0], sizeof path[0], "%s/engines.npy", folder) >= (int)sizeof path[0] ||
        snprintf(path[1], sizeof path[1], "%s/life.npy", folder) >= (int)sizeof path[1]) {
        snprintf(error, error_size, "%s: the path is too long", folder);
        return -1;
    }
    if (mr_array_read(path[0], &demo->x, NULL, 0, error, error_size) ||
        mr_array_read(path[1], &demo->life, NULL, 0, error, error_size))
        return -1;
    demo->engines = demo->life.count;
    if (demo->x.rank != 3 || demo->x.shape[0] != demo->engines || demo->engines == 0 ||
        demo->x.shape[1] != ENGINE_STEPS || demo->x.shape[2] != ENGINE_FEATURES) {
        snprintf(error, error_size, "%s: engines.npy and life.npy do not belong together", folder);
        return -1;
    }
    demo->predictions = calloc(demo->engines, sizeof *demo->predictions);
    demo->batch = calloc(demo->engines, sizeof *demo->batch);
    if (!demo->predictions || !demo->batch) {
        snprintf(error, error_size, "not enough memory for %zu engines", demo->engines);
        return -1;
    }
    demo->model = mr_model_open(model, &reason);
    if (demo->model && mr_model_info(demo->model, &info) == 0 &&
        (info.inputs != ENGINE_FEATURES || info.outputs != 1)) {
        snprintf(error, error_size, "%s takes %u numbers and gives %u, expected %d and 1", model,
                 info.inputs, info.outputs, ENGINE_FEATURES);
        return -1;
    }
    if (!demo->model || !(demo->sim = mr_session_open(demo->model, "sim:", NULL, &reason)) ||
        !(demo->cpu = mr_session_open(demo->model, "cpu:", NULL, &reason)) ||
        planned_cycles(demo->model, 1, &demo->planned, &reason) ||
        planned_cycles(demo->model, demo->engines, &demo->batch_planned, &reason)) {
        snprintf(error, error_size, "%s", reason.text);
        return -1;
    }
    return 0;
}

static int predict(struct demo *demo, char *error, size_t error_size) {
    struct mr_error reason;
    for (size_t n = 0; n < demo->engines; n++) {
        const float *x = demo->x.data + n * ENGINE_STEPS * ENGINE_FEATURES;
        struct prediction *p = &demo->predictions[n];
        if (mr_session_run(demo->sim, x, 1, ENGINE_STEPS, 0, &p->sim, &p->stats)) {
            snprintf(error, error_size, "%s", mr_session_error(demo->sim));
            return -1;
        }
        if (mr_session_run(demo->cpu, x, 1, ENGINE_STEPS, 0, &p->cpu, NULL)) {
            snprintf(error, error_size, "%s", mr_session_error(demo->cpu));
            return -1;
        }
        if (mr_model_reference(demo->model, x, 1, ENGINE_STEPS, &p->reference, &reason)) {
            snprintf(error, error_size, "%s", reason.text);
            return -1;
        }
    }
    if (mr_session_run(demo->sim, demo->x.data, demo->engines, ENGINE_STEPS, 0, demo->batch,
                       &demo->batch_stats)) {
        snprintf(error, error_size, "%s", mr_session_error(demo->sim));
        return -1;
    }
    return 0;
}

static bool same_bits(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static double rmse(const struct demo *demo, bool reference) {
    double sum = 0;
    for (size_t n = 0; n < demo->engines; n++) {
        const struct prediction *p = &demo->predictions[n];
        const double output = reference ? (double)p->reference : (double)p->sim;
        const double off = output * ENGINE_LIFE_CAP - (double)demo->life.data[n];
        sum += off * off;
    }
    return sqrt(sum / (double)demo->engines);
}

// Prints everything; 0 when all bits agree and all cycles are as planned.
static int report(const struct demo *demo) {
    size_t same = 0, as_planned = 0;
    double worst = 0;
    const struct mr_stats *batch = &demo->batch_stats;
    puts("\nFlights left (the truth counts to 125), and what the FPGA took for that engine:");
    puts("engine  true |    sim:    cpu:   float | bits    cycles       us  lanes busy");
    for (size_t n = 0; n < demo->engines; n++) {
        const struct prediction *p = &demo->predictions[n];
        const bool agree = same_bits(p->sim, p->cpu) && same_bits(p->sim, demo->batch[n]);
        const bool planned = p->stats.cycles == demo->planned;
        same += agree;
        as_planned += planned;
        worst = fmax(worst, fabs((double)p->sim - (double)p->reference) * ENGINE_LIFE_CAP);
        printf("%6zu  %4.0f | %7.2f %7.2f %7.2f | %-4s %9llu %8.2f %10.1f %%%s\n", n + 1,
               (double)demo->life.data[n], (double)p->sim * ENGINE_LIFE_CAP,
               (double)p->cpu * ENGINE_LIFE_CAP, (double)p->reference * ENGINE_LIFE_CAP,
               agree ? "same" : "DIFF", (unsigned long long)p->stats.cycles, p->stats.microseconds,
               100 * p->stats.utilisation, planned ? "" : "  not as planned");
    }
    printf("\nbits: sim: equals cpu: for %zu of %zu engines, one by one and all in one run\n", same,
           demo->engines);
    printf("cycles: as the planner said (%llu) for %zu of %zu engines\n",
           (unsigned long long)demo->planned, as_planned, demo->engines);
    printf("all %zu engines in one run: %llu cycles (planned: %llu), %.2f us at %.0f MHz, %.2f us "
           "per engine, lanes busy %.1f %%\n",
           demo->engines, (unsigned long long)batch->cycles,
           (unsigned long long)demo->batch_planned, batch->microseconds, batch->clock_mhz,
           batch->microseconds / (double)demo->engines, 100 * batch->utilisation);
    printf("integers against float: largest difference %.3f flights\n", worst);
    printf("RMSE against the true remaining life: %.2f flights (float: %.2f)\n", rmse(demo, false),
           rmse(demo, true));
    const bool batch_planned =
        batch->device_runs != 1 || batch->cycles == demo->batch_planned; // a cut run takes longer
    return same == demo->engines && as_planned == demo->engines && batch_planned ? 0 : 1;
}

static int run(const char *model, const char *folder) {
    struct demo demo = {0};
    char error[5000];
    int code;
    if (open_all(&demo, model, folder, error, sizeof error) || predict(&demo, error, sizeof error))
        code = say(error);
    else
        code = report(&demo);
    mr_session_close(demo.sim);
    mr_session_close(demo.cpu);
    mr_model_close(demo.model);
    mr_array_free(&demo.x);
    mr_array_free(&demo.life);
    free(demo.predictions);
    free(demo.batch);
    return code;
}

int main(int argc, char **argv) {
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "prepare") == 0)
        return prepare(argv[2], argv[3], argc == 5 && *argv[4] ? argv[4] : NULL);
    if (argc == 4 && strcmp(argv[1], "run") == 0)
        return run(argv[2], argv[3]);
    if ((argc == 4 || argc == 5) && strcmp(argv[1], "data") == 0)
        return turbofan_train_data(argv[2], argv[3], argc == 5 && *argv[4] ? argv[4] : NULL);
    if (argc == 5 && strcmp(argv[1], "test") == 0)
        return turbofan_train_test(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "page") == 0)
        return turbofan_train_page(argv[2], argv[3]);
    fprintf(stderr,
            "usage: %s prepare NORM.json FOLDER [CMAPSS] | run MODEL FOLDER | data NORM.json "
            "FOLDER [CMAPSS] | test MODEL FOLDER life|fails | page FOLDER DATA\n",
            argv[0]);
    return 2;
}
