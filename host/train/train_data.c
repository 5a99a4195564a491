// SPDX-License-Identifier: Apache-2.0
// Reading, checking and dealing out the data of a training (train_data.h).
#include "train_data.h"

#include "array_file.h"
#include "failure.h"
#include "train_draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int read_file(const char *path, void (*note)(void *context, const char *text), void *context,
                     struct mr_array *array, struct mr_error *error) {
    char text[900], remark[600];

    if (mr_array_read(path, array, remark, sizeof remark, text, sizeof text) != 0)
        return mr_failure(error, MR_ERROR_FILE, "%s", text);
    if (*remark && note)
        note(context, remark);
    if (array->count == 0)
        return mr_failure(error, MR_ERROR_INPUT, "%.500s is empty: it holds no number", path);
    return 0;
}

static int check_finite(const char *path, const struct mr_array *array, struct mr_error *error) {
    char text[900];

    return mr_array_check_finite(array, path, text, sizeof text)
               ? mr_failure(error, MR_ERROR_INPUT, "%s", text)
               : 0;
}

static int check_x(const char *path, const struct mr_train_chain *chain, struct mr_train_set *set,
                   struct mr_error *error) {
    const struct mr_array *x = &set->x;
    const size_t inputs = (size_t)chain->inputs;
    char text[200];

    if (x->rank == 3 && x->shape[2] == inputs) {
        set->steps = x->shape[1];
    } else if (x->rank == 2 && x->shape[1] % inputs == 0) {
        set->steps = x->shape[1] / inputs;
    } else {
        return mr_failure(error, MR_ERROR_INPUT,
                          "%.500s has the shape %s; the network takes [sequences, steps, %zu], or "
                          "[sequences, steps * %zu]",
                          path, mr_shape_text(x->rank, x->shape, text, sizeof text), inputs,
                          inputs);
    }
    set->sequences = x->shape[0];
    set->x_numbers = set->steps * inputs;
    return check_finite(path, x, error);
}

static int check_targets(const char *path, const struct mr_train_chain *chain,
                         enum mr_train_loss loss, const struct mr_array *y,
                         struct mr_error *error) {
    char place[100];

    for (size_t i = 0; i < y->count; i++) {
        const float value = y->data[i];
        const bool good = loss == MR_TRAIN_CE ? value >= 0 && value < (float)chain->outputs &&
                                                    value == floorf(value)
                          : loss == MR_TRAIN_BCE ? value >= 0 && value <= 1
                                                 : true;
        if (good)
            continue;
        mr_array_place_text(y, i, place, sizeof place);
        if (loss == MR_TRAIN_CE)
            return mr_failure(error, MR_ERROR_INPUT,
                              "%.500s has %g at index %s; the number of a class is expected, 0 "
                              "to %d",
                              path, (double)value, place, chain->outputs - 1);
        return mr_failure(error, MR_ERROR_INPUT,
                          "%.500s has %g at index %s; binary cross-entropy takes 0 to 1", path,
                          (double)value, place);
    }
    return 0;
}

static int check_y(const char *path, const struct mr_train_chain *chain, enum mr_train_loss loss,
                   struct mr_train_set *set, struct mr_error *error) {
    const struct mr_array *y = &set->y;
    const size_t targets = (size_t)mr_train_targets(chain, loss);
    const size_t rows = chain->per_step ? set->steps : 1;
    char text[200];

    set->y_numbers = rows * targets;
    if (y->rank < 1 || y->shape[0] != set->sequences || y->count != set->sequences * set->y_numbers)
        return mr_failure(error, MR_ERROR_INPUT,
                          "%.500s has the shape %s; %zu sequences need %zu number%s each%s", path,
                          mr_shape_text(y->rank, y->shape, text, sizeof text), set->sequences,
                          set->y_numbers, set->y_numbers == 1 ? "" : "s",
                          chain->per_step ? ", a row for every step" : "");
    if (check_finite(path, y, error) != 0)
        return MR_ERROR_INPUT;
    return check_targets(path, chain, loss, y, error);
}

int mr_train_read(const char *x_path, const char *y_path, const struct mr_train_chain *chain,
                  enum mr_train_loss loss, void (*note)(void *context, const char *text),
                  void *context, struct mr_train_set *set, struct mr_error *error) {
    memset(set, 0, sizeof *set);
    int code = read_file(x_path, note, context, &set->x, error);
    if (code == 0)
        code = read_file(y_path, note, context, &set->y, error);
    if (code == 0)
        code = check_x(x_path, chain, set, error);
    if (code == 0)
        code = check_y(y_path, chain, loss, set, error);
    if (code == 0 && set->sequences > UINT32_MAX)
        code = mr_failure(error, MR_ERROR_INPUT, "%.500s has %zu sequences; %u are possible",
                          x_path, set->sequences, UINT32_MAX);
    if (code != 0)
        mr_train_set_free(set);
    return code;
}

void mr_train_set_free(struct mr_train_set *set) {
    mr_array_free(&set->x);
    mr_array_free(&set->y);
    memset(set, 0, sizeof *set);
}

void mr_train_gather(const struct mr_train_set *set, const uint32_t *places, size_t count, float *x,
                     float *y) {
    for (size_t i = 0; i < count; i++) {
        memcpy(x + i * set->x_numbers, set->x.data + places[i] * set->x_numbers,
               set->x_numbers * sizeof *x);
        memcpy(y + i * set->y_numbers, set->y.data + places[i] * set->y_numbers,
               set->y_numbers * sizeof *y);
    }
}

void mr_train_shuffle(uint32_t *list, size_t count, uint64_t seed) {
    for (size_t i = count; i > 1; i--) {
        const size_t other = (size_t)(mr_draw_next(&seed) % i);
        const uint32_t kept = list[i - 1];
        list[i - 1] = list[other];
        list[other] = kept;
    }
}

// FNV-1a (Fowler, Noll and Vo) of words.
static uint64_t add_hash(uint64_t hash, const struct mr_array *array) {
    for (size_t i = 0; i < array->count; i++) {
        uint32_t bits;
        memcpy(&bits, &array->data[i], sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3U;
    }
    return hash;
}

uint64_t mr_train_set_hash(const struct mr_train_set *set) {
    return add_hash(add_hash(0xcbf29ce484222325U ^ set->sequences << 32 ^ set->steps, &set->x),
                    &set->y);
}
