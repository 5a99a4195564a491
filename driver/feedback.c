// SPDX-License-Identifier: Apache-2.0
// A run for each step of a job with feedback (feedback.h).
#include "feedback.h"
#include "failure.h"

#include <stdlib.h>
#include <string.h>

void mr_feedback_element(uint32_t number, unsigned char *element, uint32_t x_bits) {
    memset(element, 0, mr_element_bytes(x_bits));
    element[0] = (unsigned char)number;
    element[1] = (unsigned char)(number >> 8);
}

// Activity of a run that began `cycles` after the first one's.
static void add_activity(const struct mr_activity *one, uint64_t cycles, struct mr_activity *all) {
    if (one->busy && !all->busy)
        all->first_busy = cycles + one->first_busy;
    if (one->busy)
        all->last_busy = cycles + one->last_busy;
    all->busy += one->busy;
    all->starved += one->starved;
    all->blocked += one->blocked;
}

int mr_feedback_run(int (*run)(void *device, struct mr_job *job, struct mr_error *error),
                    void *device, uint32_t x_bits, uint32_t process_count, struct mr_job *job,
                    struct mr_error *error) {
    struct mr_feedback *feedback = &job->feedback;
    const uint64_t count = job->out->count / feedback->most;
    struct mr_job step = *job;
    bool stopped = false;
    int code = 0;
    unsigned char *element = calloc(1, mr_element_bytes(x_bits));
    struct mr_activity *activity = calloc((size_t)process_count + 1, sizeof *activity);
    if (!element || !activity)
        code = mr_failure(error, MR_ERROR_MEMORY, "not enough memory for a run of single steps");
    else
        memcpy(element, job->in->data, mr_element_bytes(x_bits));
    step.feedback = (struct mr_feedback){0};
    step.in->data = element;
    step.out->count = count;
    step.activity = job->activity ? activity : NULL;
    job->cycles = job->last_output_cycle = 0;
    while (!code && !stopped && feedback->steps < feedback->most) {
        uint32_t *row = (uint32_t *)job->out->data + feedback->steps * count;
        memset(activity, 0, process_count * sizeof *activity);
        step.out->data = row;
        code = run(device, &step, error);
        if (code)
            break;
        for (uint32_t i = 0; job->activity && i < process_count; i++)
            add_activity(&activity[i], job->cycles, &job->activity[i]);
        job->last_output_cycle = job->cycles + step.last_output_cycle;
        job->cycles += step.cycles;
        step.flags = 0;
        stopped = row[feedback->place] == feedback->stop;
        feedback->steps++;
        mr_feedback_element(row[feedback->place], element, x_bits);
    }
    free(element);
    free(activity);
    return code;
}
