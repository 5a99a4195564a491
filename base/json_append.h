// SPDX-License-Identifier: Apache-2.0
// Lists and objects of JSON that are whole or not there.
#ifndef MR_JSON_APPEND_H
#define MR_JSON_APPEND_H

#include <jansson.h>

// Appends a value, which it takes over. Where that fails, for memory is short or the value is NULL
// (a name that is no UTF-8, a number that is not finite), the list is freed and becomes NULL, and
// so it stays: what is then made of it fails too, and no list lacks a part.
static inline void mr_json_append(json_t **list, json_t *value) {
    if (json_array_append_new(*list, value) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

// The same of an object.
static inline void mr_json_put(json_t **object, const char *key, json_t *value) {
    if (json_object_set_new(*object, key, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

#endif
