// SPDX-License-Identifier: Apache-2.0
// Made-up engines (engines.h). Only additions, multiplications and divisions of doubles, so that
// every machine gets the same bits.
#include "engines.h"
#include "file.h"

#include <jansson.h>
#include <string.h>

enum { SENSORS = 21, FIRST_SENSOR = 4 };

// Average of the healthy sensors of FD001, how far they have moved near the end of life, and the
// noise (standard deviations) from flight to flight.
static const struct {
    double healthy, wear, noise;
} sensors[SENSORS] = {
    {518.67, 0, 0},
    {642.36, 1.235, 0.37},
    {1586.75, 14.69, 4.6},
    {1402.5, 24.89, 5.8},
    {14.62, 0, 0},
    {21.61, 0, 0},
    {553.98, -2.352, 0.62},
    {2388.054, 0.1656, 0.054},
    {9056.9, 38.6, 8.2},
    {1.3, 0, 0},
    {47.344, 0.755, 0.173},
    {521.93, -2.004, 0.5},
    {2388.053, 0.1686, 0.054},
    {8138.3, 26.87, 7.7},
    {8.4171, 0.098, 0.026},
    {0.03, 0, 0},
    {392.24, 3.806, 1.14},
    {2388, 0, 0},
    {100, 0, 0},
    {38.936, -0.465, 0.1285},
    {23.3624, -0.2787, 0.0777},
};

static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// From 0 to 1.
static double uniform(uint64_t *state) {
    return (double)(next(state) >> 11) / 9007199254740992.0;
}

// Close to a normal distribution: the sum of twelve.
static double normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum;
}

// 0 for a young engine, 1 at five flights before the end: fits the averages of FD001.
static double wear_at(double remaining) {
    const double wear = (45 / (45 + remaining) - 0.2) / 0.7;
    return wear > 0 ? wear : 0;
}

static void make_flight(double *row, double flight, double remaining, uint64_t *state) {
    row[0] = flight;
    row[1] = 0.0022 * normal(state);
    row[2] = 0.0003 * normal(state);
    row[3] = 100;
    for (int i = 0; i < SENSORS; i++)
        row[FIRST_SENSOR + i] = sensors[i].healthy + sensors[i].wear * wear_at(remaining) +
                                sensors[i].noise * normal(state);
}

int engines_make(struct engines *engines, size_t count, uint64_t seed,
                 const struct engine_scale *scale, char *error, size_t error_size) {
    const size_t shape[3] = {count, ENGINE_STEPS, ENGINE_FEATURES};
    memset(engines, 0, sizeof *engines);
    if (mr_array_create(&engines->x, 3, shape, error, error_size) ||
        mr_array_create(&engines->life, 1, shape, error, error_size))
        return -1;
    float *x = engines->x.data;
    for (size_t n = 0; n < count; n++) {
        // From new to nearly worn out, evenly, in an order that looks like chance.
        const size_t rank = (n * 7 + 3) % count;
        const size_t whole = 5 + (rank * 145 + (size_t)(next(&seed) % 100)) / count;
        const double remaining = (double)whole;
        const double flights = 60 + (double)(next(&seed) % 130);
        engines->life.data[n] = (float)(remaining < ENGINE_LIFE_CAP ? remaining : ENGINE_LIFE_CAP);
        for (int t = 0; t < ENGINE_STEPS; t++) {
            const double ago = ENGINE_STEPS - 1 - t;
            double row[ENGINE_FEATURES];
            make_flight(row, flights - ago, remaining + ago, &seed);
            for (int i = 0; i < ENGINE_FEATURES; i++)
                *x++ = (float)((row[i] - scale->min[i]) / scale->range[i]);
        }
    }
    return 0;
}

static int read_numbers(const json_t *root, const char *key, const char *path, double *numbers,
                        char *error, size_t error_size) {
    const json_t *list = json_object_get(root, key);
    if (json_array_size(list) != ENGINE_FEATURES)
        return mr_fail(error, error_size, "%s: \"%s\" is not a list of %d numbers", path, key,
                       ENGINE_FEATURES);
    for (size_t i = 0; i < ENGINE_FEATURES; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_number(item))
            return mr_fail(error, error_size, "%s: \"%s\"[%zu] is not a number", path, key, i);
        numbers[i] = json_number_value(item);
    }
    return 0;
}

int engine_scale_read(const char *path, struct engine_scale *scale, char *error,
                      size_t error_size) {
    json_error_t where;
    json_t *root = json_load_file(path, 0, &where);
    int result = -1;
    if (!root)
        return mr_fail(error, error_size, "%s, line %d: %s", path, where.line, where.text);
    if (read_numbers(root, "min", path, scale->min, error, error_size) ||
        read_numbers(root, "range", path, scale->range, error, error_size))
        goto out;
    result = 0;
    for (size_t i = 0; i < ENGINE_FEATURES && !result; i++)
        if (!(scale->range[i] > 0))
            result =
                mr_fail(error, error_size, "%s: \"range\"[%zu] is not greater than 0", path, i);
out:
    json_decref(root);
    return result;
}

void engines_free(struct engines *engines) {
    mr_array_free(&engines->x);
    mr_array_free(&engines->life);
}
