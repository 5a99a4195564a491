// SPDX-License-Identifier: Apache-2.0
// Which tensors belong to which node: those that the text names one by one, those behind a prefix
// that it names, and else those that only one layer can have.
#define _POSIX_C_SOURCE 200809L
#include "json_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 400, MODULES = 4096, STACK = MR_MAX_LAYERS + 1 };

// Tensors of the files that belong together, as a node of some kind would have them.
struct module {
    const struct desc_form *form;
    char *prefix;
    char separator;
    int levels; // of a stack
    bool both;  // directions
    bool taken;
};

struct modules {
    struct module *list;
    size_t count;
};

static bool has_weights(const struct desc_node *node) {
    return node->kind == DESC_CELL || node->kind == DESC_DENSE || node->kind == DESC_EMBEDDING ||
           node->kind == DESC_BATCH_NORM || (node->kind == DESC_LAYER_NORM && node->affine);
}

// ---- named one by one

// The form that has a role of that name, behind which "_reverse" may stand.
static bool has_role(const struct desc_node *node, const struct desc_form *form, const char *key) {
    for (int part = 0; part < DESC_PARTS; part++) {
        const size_t length = form->roles[part] ? strlen(form->roles[part]) : 0;
        if (length == 0 || strncmp(key, form->roles[part], length) != 0)
            continue;
        if (key[length] == '\0' ||
            (node->bidirectional && !form->directed && strcmp(key + length, "_reverse") == 0))
            return true;
    }
    return false;
}

static int unknown_role(const struct desc *net, const struct desc_node *node, const char *place,
                        const char *key) {
    const char *names[DESC_PARTS * 4] = {"prefix"};
    char text[500] = "";
    size_t count = 1;

    for (size_t f = 0; f < desc_form_count; f++)
        for (int part = 0; desc_forms[f].kind == node->kind && part < DESC_PARTS; part++) {
            size_t i = 0;
            while (desc_forms[f].roles[part] && i < count &&
                   strcmp(names[i], desc_forms[f].roles[part]) != 0)
                i++;
            if (desc_forms[f].roles[part] && i == count)
                names[count++] = desc_forms[f].roles[part];
        }
    desc_suggest(text, sizeof text, key, names, count);
    return desc_fail(net, place,
                     "has a key '%.40s' that is not known, or that is of another "
                     "program than the others%s",
                     key, text);
}

static int take_object(const struct desc *net, struct desc_node *node, const char *place) {
    const char *key, *wrong = NULL;
    const json_t *value;

    if (node->levels > 1)
        return desc_fail(net, place,
                         "names tensors one by one, which is possible for one layer; "
                         "write each of the %d as a layer of its own",
                         node->levels);
    for (size_t f = 0; f < desc_form_count; f++) {
        const struct desc_form *form = &desc_forms[f];
        bool all = form->kind == node->kind;
        size_t known = 0;
        json_object_foreach((json_t *)(uintptr_t)node->weights, key, value) {
            const bool has = all && has_role(node, form, key);
            known += has;
            if (!has && form->kind == node->kind && (known > 0 || !wrong))
                wrong = key;
        }
        all = all && known == json_object_size(node->weights) && known > 0;
        if (!all)
            continue;
        node->form = form;
        return 0;
    }
    return wrong ? unknown_role(net, node, place, wrong)
                 : desc_fail(net, place, "names no tensors");
}

// ---- behind a prefix

static bool is_separated(const char *prefix) {
    const size_t length = strlen(prefix);

    return length == 0 || prefix[length - 1] == '.' || prefix[length - 1] == '/';
}

static bool has_tensor(const struct desc *net, const struct desc_node *node, enum desc_part part,
                       bool backward) {
    char name[NAME];

    if (!node->form->roles[part])
        return false;
    desc_tensor_name(node, part, backward, name, sizeof name);
    return desc_find_tensor(net, name) != NULL;
}

// The tensor by which a form is known.
static enum desc_part key_part(const struct desc_form *form) {
    if (form->kind == DESC_BATCH_NORM)
        return DESC_MEAN_PART;
    return form->kind == DESC_CELL ? DESC_RECURRENT : DESC_WEIGHT;
}

static int take_prefix(struct desc *net, struct desc_node *node, const char *place,
                       const char *prefix, int level) {
    const char *separators = is_separated(prefix) ? "" : "./";
    char name[NAME] = "", text[400];

    node->prefix = strdup(prefix);
    if (!node->prefix)
        return desc_fail_file(net, "not enough memory");
    node->file_level = level;
    for (size_t f = 0; f < desc_form_count; f++) {
        if (desc_forms[f].kind != node->kind)
            continue;
        node->form = &desc_forms[f];
        for (const char *s = separators;; s++) {
            node->separator = *s;
            if ((*s || !*separators) && has_tensor(net, node, key_part(node->form), false))
                return 0;
            if (!*name)
                desc_tensor_name(node, key_part(node->form), false, name, sizeof name);
            if (!*s)
                break;
        }
    }
    node->form = NULL;
    if (net->file_count == 0)
        return desc_fail(net, place,
                         "names tensors, and there are no \"weights\", the name of a "
                         "safetensors file");
    desc_suggest_tensor(net, name, text, sizeof text);
    return desc_fail(net, place, "is '%.100s', and there is no tensor '%.100s'%s", prefix, name,
                     text);
}

// What the text says of a node's tensors.
static int take_named(struct desc *net, struct desc_node *node) {
    static const char *const keys[] = {"prefix", "level", "reverse", NULL};
    const char *prefix = json_string_value(node->weights);
    char place[DESC_PATH];
    int level = 0;

    desc_place(place, node->path, "weights");
    if (json_is_object(node->weights) && !json_object_get(node->weights, "prefix"))
        return take_object(net, node, place);
    if (json_is_object(node->weights) &&
        (desc_check_keys(net, place, node->weights, keys) != 0 ||
         desc_get_text(net, place, node->weights, "prefix", &prefix) != 0 ||
         desc_get_text(net, place, node->weights, "reverse", &node->backward) != 0 ||
         desc_get_whole(net, place, node->weights, "level", 0, MR_MAX_LAYERS, &level) != 0))
        return -1;
    if (node->backward && !node->bidirectional)
        return desc_fail(net, place,
                         "has \"reverse\", the prefix of the second direction, and the "
                         "layer has one");
    if (!prefix)
        return desc_fail(net, place,
                         "is neither the text before the names of its tensors, nor an "
                         "object that names them");
    return take_prefix(net, node, place, prefix, level + node->level);
}

// ---- those that are left

// A node with the module's names.
static struct desc_node named_by(const struct module *module) {
    return (struct desc_node){
        .form = module->form, .prefix = module->prefix, .separator = module->separator};
}

// What a tensor alone does not tell: others of its name belong to something else.
static bool is_module(const struct desc *net, const struct module *m,
                      const struct mr_tensor *tensor) {
    struct desc_node node = named_by(m), other;

    for (size_t f = 0; f < desc_form_count; f++) {
        other = node;
        other.form = &desc_forms[f];
        if (desc_forms[f].kind == DESC_CELL && m->form->kind != DESC_CELL &&
            has_tensor(net, &other, DESC_RECURRENT, false))
            return false;
        if (desc_forms[f].kind == DESC_BATCH_NORM && m->form->kind == DESC_LAYER_NORM &&
            has_tensor(net, &other, DESC_MEAN_PART, false))
            return false;
    }
    switch (m->form->kind) {
    case DESC_DENSE:
        return tensor->rank == 2;
    case DESC_EMBEDDING:
        other = node;
        other.form = &desc_forms[0];
        while (other.form->kind != DESC_DENSE)
            other.form++;
        return tensor->rank == 2 && !has_tensor(net, &other, DESC_BIAS, false);
    case DESC_LAYER_NORM:
        return tensor->rank == 1;
    default:
        return true;
    }
}

static void measure(const struct desc *net, struct module *m) {
    struct desc_node node = named_by(m);

    m->both = m->form->levels && has_tensor(net, &node, DESC_WEIGHT, true);
    m->levels = 1;
    while (m->form->levels && m->levels < STACK) {
        node.file_level = m->levels;
        if (!has_tensor(net, &node, DESC_WEIGHT, false))
            break;
        m->levels++;
    }
}

// Adds the module that a tensor is the key of, in one form.
static int add_module(struct desc *net, const struct desc_form *form,
                      const struct mr_tensor *tensor, struct modules *modules) {
    char key[80];
    const size_t length = strlen(tensor->name);

    snprintf(key, sizeof key, "%s%s", form->roles[key_part(form)], form->levels ? "_l0" : "");
    const size_t tail = strlen(key);
    if (length < tail || strcmp(tensor->name + length - tail, key) != 0)
        return 0;
    const char separator = (char)(length > tail ? tensor->name[length - tail - 1] : 0);
    if (separator && separator != '.' && separator != '/')
        return 0;
    struct module m = {.form = form, .separator = separator};
    m.prefix = strndup(tensor->name, length - tail - (separator ? 1 : 0));
    if (!m.prefix)
        return desc_fail_file(net, "not enough memory");
    if (!is_module(net, &m, tensor)) {
        free(m.prefix);
        return 0;
    }
    if (modules->count == MODULES) {
        free(m.prefix);
        return desc_fail_file(net,
                              "the weights are of more than %d layers; say which each layer "
                              "takes by \"weights\": PREFIX",
                              MODULES);
    }
    measure(net, &m);
    modules->list[modules->count++] = m;
    return 0;
}

static int find_modules(struct desc *net, struct modules *modules) {
    modules->list = calloc(MODULES, sizeof *modules->list);
    if (!modules->list)
        return desc_fail_file(net, "not enough memory");
    for (size_t f = 0; f < net->file_count; f++)
        for (size_t i = 0; i < net->files[f].tensors.tensor_count; i++)
            for (size_t k = 0; k < desc_form_count; k++)
                if (add_module(net, &desc_forms[k], &net->files[f].tensors.tensors[i], modules) !=
                    0)
                    return -1;
    return 0;
}

static void take(struct modules *modules, const char *prefix, char separator) {
    for (size_t i = 0; i < modules->count; i++)
        if (modules->list[i].separator == separator && strcmp(modules->list[i].prefix, prefix) == 0)
            modules->list[i].taken = true;
}

static const struct mr_tensor *key_tensor(const struct desc *net, const struct module *m,
                                          enum desc_part part) {
    const struct desc_node node = named_by(m);
    char name[NAME];

    desc_tensor_name(&node, part, false, name, sizeof name);
    return desc_find_tensor(net, name);
}

// The shape of the weights that a node's module should have.
static int shape_of(const struct desc_node *node, const struct desc_form *form, size_t *shape) {
    size_t in = (size_t)node->inputs, out = (size_t)node->units;
    int rank = 0;

    if (form->kind == DESC_LAYER_NORM || form->kind == DESC_BATCH_NORM) {
        shape[0] = in;
        return 1;
    }
    if (form->kind == DESC_CELL)
        out = (size_t)desc_gate_count(node) * (size_t)node->hidden;
    if (form->directed)
        shape[rank++] = node->bidirectional ? 2 : 1;
    shape[rank++] = form->inputs_first || form->kind == DESC_EMBEDDING ? in : out;
    shape[rank++] = form->inputs_first || form->kind == DESC_EMBEDDING ? out : in;
    return rank;
}

static bool fits(const struct desc *net, const struct desc_node *node, const struct module *m) {
    struct desc_node named = named_by(m);
    size_t shape[3];

    if (m->taken || m->form->kind != node->kind)
        return false;
    const struct mr_tensor *t =
        key_tensor(net, m, m->form->kind == DESC_BATCH_NORM ? DESC_MEAN_PART : DESC_WEIGHT);
    const int rank = shape_of(node, m->form, shape);
    if (!t || t->rank != rank || memcmp(t->shape, shape, (size_t)rank * sizeof *shape) != 0)
        return false;
    if (node->kind == DESC_CELL) {
        const struct mr_tensor *r = key_tensor(net, m, DESC_RECURRENT);
        const size_t h = (size_t)desc_h(node);
        if (has_tensor(net, &named, DESC_PROJECTION, false) != (node->projection > 0) ||
            m->levels != node->levels || (m->form->levels && m->both != node->bidirectional) ||
            (!m->form->levels && !m->form->directed && node->bidirectional) || r->rank != rank ||
            r->shape[m->form->inputs_first ? 0 : rank - 1] != h)
            return false;
    }
    const bool bias = has_tensor(net, &named, DESC_BIAS, false);
    return node->bias == DESC_AS_FOUND || node->kind == DESC_LAYER_NORM ||
           bias == (node->bias == DESC_WITH_BIAS);
}

static int assign(struct desc *net, int first, struct modules *modules, struct module *m,
                  int level) {
    struct desc_node *node = &net->nodes[first];
    const int levels = node->kind == DESC_CELL ? node->levels : 1;

    for (int i = 0; i < levels; i++) {
        node[i].form = m->form;
        node[i].separator = m->separator;
        node[i].file_level = level + i;
        node[i].prefix = strdup(m->prefix);
        if (!node[i].prefix)
            return desc_fail_file(net, "not enough memory");
    }
    take(modules, m->prefix, m->separator);
    return 0;
}

static bool is_open(const struct desc_node *node) {
    return has_weights(node) && !node->form && (node->kind != DESC_CELL || node->level == 0);
}

// Several layers of the text may be one stack of the file, when there are no others.
static int assign_stack(struct desc *net, struct modules *modules) {
    struct module *only = NULL;
    int levels = 0, level = 0;

    for (size_t i = 0; i < modules->count; i++) {
        if (modules->list[i].form->kind != DESC_CELL || modules->list[i].taken)
            continue;
        if (only)
            return 0;
        only = &modules->list[i];
    }
    for (int i = 0; i < net->node_count; i++)
        if (net->nodes[i].kind == DESC_CELL && is_open(&net->nodes[i]))
            levels += net->nodes[i].levels;
    if (!only || only->levels != levels)
        return 0;
    for (int i = 0; i < net->node_count; i++) {
        const struct desc_node *node = &net->nodes[i];
        if (node->kind != DESC_CELL || !is_open(node))
            continue;
        const int own = level;
        level += node->levels;
        if (assign(net, i, modules, only, own) != 0)
            return -1;
    }
    return 0;
}

static void tell_module(const struct desc *net, const struct module *m, char *text, size_t size) {
    const struct mr_tensor *t =
        key_tensor(net, m, m->form->kind == DESC_BATCH_NORM ? DESC_MEAN_PART : DESC_WEIGHT);
    size_t used = strlen(text);

    used += (size_t)snprintf(text + used, size - used, "%s'%.60s'", used > 0 ? ", " : "",
                             *m->prefix ? m->prefix : "(no prefix)");
    for (int i = 0; t && i < t->rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu%s", i == 0 ? " [" : ", ",
                                 t->shape[i], i + 1 == t->rank ? "]" : "");
    if (m->form->kind == DESC_CELL && used < size)
        snprintf(text + used, size - used, " (%d layer%s%s)", m->levels,
                 mr_plural((uint64_t)m->levels), m->both ? ", both directions" : "");
}

static const char *what_of(const struct desc_node *node) {
    switch (node->kind) {
    case DESC_CELL:
        return "recurrent layer";
    case DESC_DENSE:
        return "dense layer";
    case DESC_EMBEDDING:
        return "embedding";
    default:
        return "normalisation";
    }
}

static int no_module(const struct desc *net, const struct desc_node *node,
                     const struct modules *modules, size_t candidates) {
    char found[360] = "", wanted[80] = "";
    size_t shape[3], told = 0;

    for (size_t i = 0; i < modules->count && told < 4; i++) {
        const struct module *m = &modules->list[i];
        if (m->taken || m->form->kind != node->kind || (candidates > 0 && !fits(net, node, m)))
            continue;
        tell_module(net, m, found, sizeof found - 60);
        told++;
    }
    if (candidates > 0)
        return desc_fail(net, node->path,
                         "may take the tensors of %s; say which with \"weights\": PREFIX", found);
    const struct desc_form *form = desc_forms;
    while (form->kind != node->kind)
        form++;
    const int rank = shape_of(node, form, shape);
    for (int i = 0; i < rank; i++)
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%zu",
                 i > 0 ? ", " : "", shape[i]);
    return desc_fail(net, node->path,
                     "finds no %s in the weights that fits: '%s' of the shape [%s] is expected%s%s"
                     "; its names or its sizes differ, say which it takes with \"weights\": PREFIX",
                     what_of(node),
                     form->roles[key_part(form) == DESC_MEAN_PART ? DESC_MEAN_PART : DESC_WEIGHT],
                     wanted, *found ? ", and there is " : ", and there is none", found);
}

// Gives each open node the only module that it can have, until none is left.
static int assign_open(struct desc *net, struct modules *modules) {
    bool moved = true;

    if (assign_stack(net, modules) != 0)
        return -1;
    while (moved) {
        moved = false;
        for (int i = 0; i < net->node_count; i++) {
            struct module *only = NULL;
            size_t count = 0;
            for (size_t k = 0; is_open(&net->nodes[i]) && k < modules->count; k++)
                if (fits(net, &net->nodes[i], &modules->list[k]) && count++ == 0)
                    only = &modules->list[k];
            if (count != 1)
                continue;
            if (assign(net, i, modules, only, 0) != 0)
                return -1;
            moved = true;
        }
    }
    for (int i = 0; i < net->node_count; i++) {
        size_t count = 0;
        if (!is_open(&net->nodes[i]))
            continue;
        for (size_t k = 0; k < modules->count; k++)
            count += fits(net, &net->nodes[i], &modules->list[k]);
        return no_module(net, &net->nodes[i], modules, count);
    }
    return 0;
}

// Of a network that is yet to be trained.
static void be_blank(const struct desc *net, struct desc_node *node) {
    node->form = desc_forms;
    while (node->form->kind != node->kind)
        node->form++;
    node->blank = *net->blank = true;
}

int desc_match(struct desc *net) {
    struct modules modules = {0};
    bool open = false;

    for (int i = 0; i < net->node_count; i++) {
        struct desc_node *node = &net->nodes[i];
        if (!has_weights(node))
            continue;
        if (node->weights && take_named(net, node) != 0)
            return -1;
        const bool bare = !node->weights && net->file_count == 0;
        if (bare && net->blank) {
            be_blank(net, node);
            continue;
        }
        open = open || !node->weights;
        if (bare)
            return desc_fail(net, node->path,
                             "has no weights: this describes a network for training, and an import "
                             "needs the trained numbers; name their file, \"weights\": "
                             "\"net.safetensors\" beside \"layers\"");
    }
    int result = open ? find_modules(net, &modules) : 0;
    for (int i = 0; result == 0 && i < net->node_count; i++) {
        const struct desc_node *node = &net->nodes[i];
        if (node->prefix)
            take(&modules, node->prefix, node->separator);
        if (node->backward)
            take(&modules, node->backward, node->separator);
    }
    if (result == 0 && open)
        result = assign_open(net, &modules);
    for (size_t i = 0; i < modules.count; i++)
        free(modules.list[i].prefix);
    free(modules.list);
    return result;
}

int desc_load_part(struct desc *net, const struct desc_node *node, enum desc_part part,
                   bool backward, struct desc_numbers *numbers) {
    char name[NAME], place[DESC_PATH];

    memset(numbers, 0, sizeof *numbers);
    if (!node->form->roles[part] || node->blank)
        return 0;
    if (node->prefix) {
        desc_tensor_name(node, part, backward, name, sizeof name);
        return desc_find_tensor(net, name) ? desc_load_tensor(net, node->path, name, numbers) : 0;
    }
    snprintf(name, sizeof name, "%s%s", node->form->roles[part],
             backward && !node->form->directed ? "_reverse" : "");
    const json_t *value = json_object_get(node->weights, name);
    char within[DESC_PATH];
    desc_place(within, node->path, "weights");
    desc_place(place, within, name);
    return value ? desc_load(net, place, value, numbers) : 0;
}

int desc_need_part(struct desc *net, const struct desc_node *node, enum desc_part part,
                   bool backward, int rank, const size_t *shape, const char *what,
                   struct desc_numbers *numbers) {
    char name[NAME];

    if (node->blank)
        return desc_zeros(net, node->path, rank, shape, numbers);
    if (desc_load_part(net, node, part, backward, numbers) != 0)
        return -1;
    if (!numbers->data && node->prefix) { // which says that it is not there
        desc_tensor_name(node, part, backward, name, sizeof name);
        return desc_load_tensor(net, node->path, name, numbers);
    }
    if (!numbers->data)
        return desc_fail(net, node->path, "names tensors of its own, and no '%s%s' among them",
                         node->form->roles[part],
                         backward && !node->form->directed ? "_reverse" : "");
    if (desc_check_shape(net, node->path, numbers, rank, shape, what) == 0)
        return 0;
    free(numbers->data);
    numbers->data = NULL;
    return -1;
}

int desc_check_bias(const struct desc *net, const struct desc_node *node, bool found) {
    if (node->bias == DESC_WITH_BIAS && !found && !node->blank)
        return desc_fail(net, node->path, "says that it has a bias, and its weights have none");
    if (node->bias == DESC_NO_BIAS && found)
        return desc_fail(net, node->path, "says that it has no bias, and its weights have one");
    return 0;
}
