// SPDX-License-Identifier: Apache-2.0
// Thousands of sensors on one device: each has a sequence of its own, whose state is kept here
// while others have the device. A line of standard input is a step of a sensor, its number from 0
// and its features with commas between; an empty line ends a tick, whose sensors are then run
// together, as many at a time as the device has slots, and answered in the order of their lines.
//
//     cc -std=c11 sensors.c $(pkg-config --cflags --libs millrace) -o sensors
//     printf '7,0.1,0.2\n3,0.5,0.1\n\n7,0.2,0.2\n\n' | ./sensors net.millrace sim: 8
#include "millrace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1 << 16, MAX_SENSORS = 1 << 20, MAX_TICK = 1 << 16 };

struct sensors {
    const struct mr_model *model;
    struct mr_session *session;
    uint32_t features;
    size_t state, numbers;  // bytes of a state, numbers that a step gives
    unsigned char *states;  // [known][state], zeros where a sensor was not heard of yet
    uint64_t *ticks, known; // [known] the tick of its last step
    // A tick, of `count` sensors.
    uint64_t tick;
    uint32_t count, *who;
    float *x, *y;
    unsigned char *group; // their states
};

// Room for a sensor of that number.
static int make_known(struct sensors *s, uint64_t sensor) {
    uint64_t room = s->known ? s->known : 64;
    while (room <= sensor)
        room *= 2;
    if (room == s->known)
        return 0;
    unsigned char *states = realloc(s->states, room * s->state);
    if (states)
        s->states = states;
    uint64_t *ticks = states ? realloc(s->ticks, room * sizeof *ticks) : NULL;
    if (!ticks)
        return -1;
    s->ticks = ticks;
    memset(s->states + s->known * s->state, 0, (room - s->known) * s->state);
    memset(s->ticks + s->known, 0, (room - s->known) * sizeof *ticks);
    s->known = room;
    return 0;
}

// Takes the line of a sensor into the tick. NULL, or what is wrong with it.
static const char *take_line(struct sensors *s, char *line) {
    char *end;
    const unsigned long sensor = strtoul(line, &end, 10);
    float *x = s->x + (size_t)s->count * s->features;
    if (end == line || sensor >= MAX_SENSORS)
        return "it does not begin with the number of a sensor, below 2^20";
    if (make_known(s, sensor))
        return "there is no memory for its state";
    if (s->ticks[sensor] == s->tick)
        return "the sensor has a line in this tick already";
    if (s->count == MAX_TICK)
        return "the tick has too many lines";
    for (uint32_t i = 0; i < s->features; i++) {
        char *at = end;
        if (*at != ',')
            return "it has too few features";
        x[i] = strtof(at + 1, &end);
        if (end == at + 1)
            return "it has a feature that is no number";
    }
    if (*end != '\n' && *end != '\0')
        return "it has too many features";
    s->ticks[sensor] = s->tick;
    s->who[s->count++] = (uint32_t)sensor;
    return NULL;
}

// Outputs come one after the other, of each the rows of all sensors.
static void print_answers(const struct sensors *s) {
    struct mr_output_info info;
    for (uint32_t i = 0; i < s->count; i++) {
        const float *y = s->y;
        printf("%u", s->who[i]);
        for (uint32_t o = 0; mr_model_output(s->model, o, &info) == 0; o++) {
            printf(" %s=", info.name);
            for (uint32_t k = 0; k < info.width; k++)
                printf("%s%.9g", k ? "," : "", (double)y[(size_t)i * info.width + k]);
            y += (size_t)s->count * info.width;
        }
        putchar('\n');
    }
    fflush(stdout);
}

static int run_tick(struct sensors *s, uint64_t *cycles) {
    struct mr_stats stats;
    for (uint32_t i = 0; i < s->count; i++)
        memcpy(s->group + i * s->state, s->states + s->who[i] * s->state, s->state);
    if (s->count && mr_session_run_states(s->session, s->x, s->count, 1, s->group, s->y, &stats))
        return fprintf(stderr, "tick %llu: %s\n", (unsigned long long)s->tick,
                       mr_session_error(s->session)),
               -1;
    for (uint32_t i = 0; i < s->count; i++)
        memcpy(s->states + s->who[i] * s->state, s->group + i * s->state, s->state);
    *cycles += s->count ? stats.cycles : 0;
    print_answers(s);
    s->count = 0;
    s->tick++;
    return 0;
}

static int follow(struct sensors *s) {
    static char line[MAX_LINE];
    uint64_t lines = 0, cycles = 0;
    while (fgets(line, sizeof line, stdin)) {
        const char *wrong = NULL;
        lines++;
        if (*line != '\n')
            wrong = take_line(s, line);
        else if (run_tick(s, &cycles))
            return 1;
        if (wrong)
            return fprintf(stderr, "line %llu: %s\n", (unsigned long long)lines, wrong), 1;
    }
    if (s->count && run_tick(s, &cycles)) // a tick that the end of the input ends
        return 1;
    fprintf(stderr, "%llu ticks on %s, %llu cycles\n", (unsigned long long)(s->tick - 1),
            mr_session_device(s->session), (unsigned long long)cycles);
    return 0;
}

static int run(const struct mr_model *model, struct mr_session *session) {
    struct mr_model_info info;
    mr_model_info(model, &info);
    struct sensors s = {.model = model,
                        .session = session,
                        .features = info.inputs,
                        .state = mr_session_state_size(session),
                        .numbers = mr_model_numbers(model, 1),
                        .tick = 1};
    s.who = malloc(MAX_TICK * sizeof *s.who);
    s.x = malloc((size_t)MAX_TICK * s.features * sizeof *s.x);
    s.y = malloc((size_t)MAX_TICK * s.numbers * sizeof *s.y);
    s.group = malloc(MAX_TICK * s.state);
    const int code =
        s.who && s.x && s.y && s.group ? follow(&s) : (fprintf(stderr, "not enough memory\n"), 1);
    free(s.who);
    free(s.x);
    free(s.y);
    free(s.group);
    free(s.states);
    free(s.ticks);
    return code;
}

int main(int argc, char **argv) {
    struct mr_error error;
    if (argc < 3 || argc > 4)
        return fprintf(stderr, "Usage: %s MODEL.millrace DEVICE [SLOTS] <steps.csv\n", argv[0]), 2;
    const struct mr_options options = {
        MR_OPTIONS_INIT, .slots = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0};
    struct mr_model *model = mr_model_open(argv[1], &error);
    struct mr_session *session = model ? mr_session_open(model, argv[2], &options, &error) : NULL;
    const int code = session ? run(model, session) : 1;
    if (!session)
        fprintf(stderr, "%s\n", error.text);
    mr_session_close(session);
    mr_model_close(model);
    return code;
}
