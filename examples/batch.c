// SPDX-License-Identifier: Apache-2.0
// A batch job: sequences of equal length from standard input, float32 [sequences][STEPS][features],
// go through the network some at a time, with the plan that has most of them per second. Of each
// output a file NAME.f32 is written into the folder, float32 [sequences][width], or where it has a
// row for every step [sequences][STEPS][width]; what no file's name should hold is '_' in NAME.
// When the device fails the processor goes on.
//
//     cc -std=c11 batch.c $(pkg-config --cflags --libs millrace) -o batch
//     ./batch net.millrace auto: 50 results <x.f32
#include "millrace.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART = 1024, MAX_OUTPUTS = 8, MAX_PATH = 4096 };

struct job {
    struct mr_session *session;
    const char *input_name;
    uint64_t steps, features;
    float *x; // [PART][steps][features]
    uint32_t count;
    struct mr_output outputs[MAX_OUTPUTS]; // of [PART]
    uint64_t each[MAX_OUTPUTS];            // numbers of a sequence
    FILE *files[MAX_OUTPUTS];
    uint64_t done, cycles, cut;
    double microseconds;
};

static void tell(void *context, const char *text) {
    (void)context;
    fprintf(stderr, "%s\n", text);
}

// FOLDER/NAME.f32, which is in the folder whatever the name is; false where it is too long.
static bool make_path(const char *folder, const char *name, char path[MAX_PATH]) {
    const int length = snprintf(path, MAX_PATH, "%s/%s.f32", folder, name);
    for (char *at = path + strlen(folder) + 1; length < MAX_PATH && *at; at++)
        if (*at == '/' || (unsigned char)*at < ' ')
            *at = '_';
    return length < MAX_PATH;
}

// The file of an output. NULL after a message.
static FILE *open_file(const struct job *job, const char *folder, const char *name) {
    char path[MAX_PATH], other[MAX_PATH];
    if (!make_path(folder, name, path))
        return fprintf(stderr, "the name of the file for '%s' is too long\n", name), NULL;
    for (uint32_t o = 0; o < job->count; o++)
        if (make_path(folder, job->outputs[o].name, other) && strcmp(path, other) == 0)
            return fprintf(stderr, "'%s' and '%s' would be one file, %s\n", name,
                           job->outputs[o].name, path),
                   NULL;
    FILE *file = fopen(path, "wb");
    if (!file)
        perror(path);
    return file;
}

// Room and a file for each output. -1 after a message.
static int open_outputs(struct job *job, const struct mr_model *model, const char *folder) {
    struct mr_output_info info;
    for (; mr_model_output(model, job->count, &info) == 0; job->count++) {
        if (job->count == MAX_OUTPUTS)
            return fprintf(stderr, "the model has more than %d outputs\n", MAX_OUTPUTS), -1;
        struct mr_output *output = &job->outputs[job->count];
        job->each[job->count] = (info.steps      ? info.steps
                                 : info.per_step ? job->steps
                                                 : 1) *
                                info.width;
        *output =
            (struct mr_output){info.name, calloc(PART * job->each[job->count], sizeof(float)), 0};
        if (!output->data)
            return perror("the outputs"), -1;
        job->files[job->count] = open_file(job, folder, info.name);
        if (!job->files[job->count]) {
            free(output->data);
            return -1;
        }
    }
    return 0;
}

static int run_part(struct job *job, uint64_t sequences) {
    const struct mr_input input = {job->input_name, job->x, sequences * job->steps * job->features};
    struct mr_stats stats;
    for (uint32_t o = 0; o < job->count; o++)
        job->outputs[o].count = sequences * job->each[o];
    if (mr_session_run_named(job->session, &input, 1, job->outputs, job->count, sequences,
                             job->steps, 0, &stats))
        return fprintf(stderr, "behind sequence %llu: %s\n", (unsigned long long)job->done,
                       mr_session_error(job->session)),
               -1;
    for (uint32_t o = 0; o < job->count; o++)
        if (fwrite(job->outputs[o].data, sizeof(float), job->outputs[o].count, job->files[o]) !=
            job->outputs[o].count)
            return perror(job->outputs[o].name), -1;
    job->done += sequences;
    job->cycles += stats.cycles;
    job->cut += stats.cut_inputs + stats.cut_values;
    job->microseconds += stats.microseconds;
    return 0;
}

static int run(struct job *job) {
    const size_t each = job->steps * job->features;
    size_t got;
    while ((got = fread(job->x, sizeof(float), PART * each, stdin)) > 0) {
        if (got % each)
            return fprintf(stderr,
                           "the input ends within a sequence: %zu numbers behind sequence %llu "
                           "are no multiple of %zu\n",
                           got, (unsigned long long)job->done, each),
                   1;
        if (run_part(job, got / each))
            return 1;
    }
    fprintf(stderr, "%llu sequences on %s, %llu cycles, %.1f us, %llu values cut\n",
            (unsigned long long)job->done, mr_session_device(job->session),
            (unsigned long long)job->cycles, job->microseconds, (unsigned long long)job->cut);
    return 0;
}

static int batch(const struct mr_model *model, struct mr_session *session, uint64_t steps,
                 const char *folder) {
    struct mr_model_info info;
    mr_model_info(model, &info);
    struct job job = {.session = session,
                      .input_name = info.input_name,
                      .steps = steps,
                      .features = info.inputs,
                      .x = malloc(PART * steps * info.inputs * sizeof *job.x)};
    int code = 1;
    if (!job.x)
        fprintf(stderr, "not enough memory for %d sequences of %llu steps\n", PART,
                (unsigned long long)steps);
    else if (!open_outputs(&job, model, folder))
        code = run(&job);
    for (uint32_t o = 0; o < job.count; o++) {
        if (fclose(job.files[o]) && !code) {
            perror(job.outputs[o].name);
            code = 1;
        }
        free(job.outputs[o].data);
    }
    free(job.x);
    return code;
}

int main(int argc, char **argv) {
    struct mr_error error;
    const unsigned long steps = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    if (steps == 0 || steps > 1000000)
        return fprintf(stderr, "Usage: %s MODEL.millrace DEVICE STEPS FOLDER <x.f32\n", argv[0]), 2;
    const struct mr_options options = {MR_OPTIONS_INIT, .choice = MR_LANES_THROUGHPUT,
                                       .fallback = "cpu:", .progress = tell};
    struct mr_model *model = mr_model_open(argv[1], &error);
    struct mr_session *session = model ? mr_session_open(model, argv[2], &options, &error) : NULL;
    const int code = session ? batch(model, session, steps, argv[4]) : 1;
    if (!session)
        fprintf(stderr, "%s\n", error.text);
    mr_session_close(session);
    mr_model_close(model);
    return code;
}
