// SPDX-License-Identifier: Apache-2.0
// Opens a network that is described in JSON (json.h).
#define _POSIX_C_SOURCE 200809L
#include "json.h"

#include "json_parts.h"

#include <stdlib.h>
#include <string.h>

static const size_t max_text = (size_t)1 << 28;

static int parse(struct desc *net, const void *text, size_t size) {
    const char *from = text;
    json_error_t where;

    if (size > max_text)
        return desc_fail_file(net, "the text is larger than the %zu bytes that are possible",
                              max_text);
    if (size >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0) { // a mark of UTF-8
        from += 3;
        size -= 3;
    }
    net->root = json_loadb(from, size, JSON_REJECT_DUPLICATES, &where);
    return net->root ? 0
                     : desc_fail_file(net, "it is not JSON at line %d, column %d: %s", where.line,
                                      where.column, where.text);
}

static void free_net(struct desc *net) {
    for (int i = 0; i < net->node_count; i++)
        free(net->nodes[i].prefix);
    for (size_t i = 0; i < net->file_count; i++) {
        mr_safetensors_free(&net->files[i].tensors);
        free(net->files[i].path);
        free(net->files[i].used);
    }
    free(net->nodes);
    free(net->names);
    free(net->named);
    free(net->files);
    free(net->notes.data);
    json_decref(net->index);
    json_decref(net->root);
}

static unsigned char *make_graph(struct desc *net, const void *text, size_t text_size,
                                 size_t *size) {
    net->nodes = calloc(DESC_NODES, sizeof *net->nodes);
    net->names = calloc(DESC_NODES, sizeof *net->names);
    net->named = calloc(DESC_NODES, sizeof *net->named);
    if (!net->nodes || !net->names || !net->named) {
        desc_fail_file(net, "not enough memory");
        return NULL;
    }
    if (parse(net, text, text_size) != 0 || desc_read(net) != 0 || desc_open_files(net) != 0 ||
        desc_match(net) != 0)
        return NULL;
    return desc_graph(net, size);
}

static struct mr_onnx *open_net(struct desc *net, const void *text, size_t text_size) {
    size_t size = 0;
    unsigned char *graph = make_graph(net, text, text_size, &size);
    struct mr_onnx *onnx =
        graph ? mr_onnx_open_memory(graph, size, net->file, net->error, net->error_size) : NULL;

    free(graph);
    if (onnx) {
        desc_note_unused(net);
        if (net->notes.data)
            mr_onnx_add_notes(onnx, net->notes.data);
        for (size_t i = 0; onnx && i < net->file_count; i++)
            if (mr_onnx_add_file(onnx, net->files[i].path) != 0) {
                desc_fail_file(net, "not enough memory");
                mr_onnx_close(onnx);
                onnx = NULL;
            }
    }
    free_net(net);
    return onnx;
}

static struct mr_onnx *open_beside(struct desc *net, const void *text, size_t size) {
    const char *slash = strrchr(net->file, '/');
    char *folder = slash ? strndup(net->file, slash > net->file ? (size_t)(slash - net->file) : 1)
                         : strdup("");

    if (!folder) {
        desc_fail_file(net, "not enough memory");
        return NULL;
    }
    net->folder = folder;
    struct mr_onnx *onnx = open_net(net, text, size);
    free(folder);
    return onnx;
}

struct mr_onnx *mr_json_open(const void *text, size_t size, const char *path,
                             const struct mr_own_cells *own, char *error, size_t error_size) {
    struct desc net = {.file = path, .own = own, .error = error, .error_size = error_size};

    return open_beside(&net, text, size);
}

struct mr_onnx *mr_json_open_blank(const void *text, size_t size, const char *path, bool *blank,
                                   char *error, size_t error_size) {
    struct desc net = {.file = path, .blank = blank, .error = error, .error_size = error_size};

    *blank = false;
    return open_beside(&net, text, size);
}

struct mr_onnx *mr_json_open_memory(const void *text, size_t size, const char *name,
                                    const void *weights, size_t weights_size,
                                    const struct mr_own_cells *own, char *error,
                                    size_t error_size) {
    struct desc net = {.file = name,
                       .memory = weights,
                       .memory_size = weights_size,
                       .own = own,
                       .error = error,
                       .error_size = error_size};

    return open_net(&net, text, size);
}
