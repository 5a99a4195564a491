// SPDX-License-Identifier: Apache-2.0
// hlsc cosim: the user's own input, and outputs, as text. A line is an element; the numbers of a
// struct follow one another in the order of its fields, arrays by rising index, between commas.
// Numbers are decimal or, behind 0x, hexadecimal; # begins a remark.
#define _GNU_SOURCE
#include "check_parts.h"
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VECTORS = 1 << 30 }; // bytes of a file of elements

static const struct type *payload_of(const struct checking *c, const struct mr_port *port) {
    const struct network *net = c->made.net;
    for (int p = 0; p < net->process_count; p++)
        for (int s = 0; s < net->processes[p]->stream_count; s++)
            if (net->processes[p]->streams[s].port == (int)(port - c->port))
                return net->processes[p]->streams[s].payload;
    return NULL;
}

// Calls `each` for every number of an element; stops where it gives false.
static bool each_number(const struct type *payload,
                        bool (*each)(void *context, const struct type *type, size_t bit),
                        void *context) {
    const bool is_struct = payload->kind == TYPE_STRUCT;
    size_t bit = 0;
    for (int i = 0; i < (is_struct ? payload->def->field_count : 1); i++) {
        const struct type *type = is_struct ? payload->def->fields[i].type : payload;
        int64_t count = 1;
        for (; type->kind == TYPE_ARRAY; type = type->elem)
            count *= type->count;
        for (int64_t k = 0; k < count; k++, bit += (size_t)type->bits)
            if (!each(context, type, bit))
                return false;
    }
    return true;
}

struct line {
    const char *text;
    unsigned char *element;
    FILE *file;
    char reason[256];
    bool is_first;
};

static bool in_range(const struct type *type, bool is_negative, uint64_t size) {
    if (is_negative)
        return type->is_signed && size <= (uint64_t)1 << (type->bits - 1);
    return type->bits == 64 || size < (uint64_t)1 << type->bits;
}

static bool read_number(void *context, const struct type *type, size_t bit) {
    struct line *l = context;
    l->text += strspn(l->text, " \t");
    if (strchr("\r\n#", *l->text)) {
        snprintf(l->reason, sizeof l->reason, "there are not enough numbers");
        return false;
    }
    const bool is_negative = *l->text == '-';
    const char *digits = l->text + is_negative;
    char *end;
    errno = 0;
    uint64_t value = strtoull(digits, &end, strncmp(digits, "0x", 2) == 0 ? 16 : 10);
    if (end == digits || errno || *digits == '-' || *digits == '+' ||
        !in_range(type, is_negative, value)) {
        snprintf(l->reason, sizeof l->reason, "'%.*s' is no number of %d bits",
                 (int)strcspn(l->text, ",\r\n#"), l->text, type->bits);
        return false;
    }
    value = is_negative ? 0 - value : value;
    for (int i = 0; i < type->bits; i++)
        if (value >> i & 1)
            l->element[(bit + (size_t)i) / 8] |= (unsigned char)(1u << (bit + (size_t)i) % 8);
    l->text = end + strspn(end, " \t\r\n");
    if (*l->text == ',')
        l->text++;
    return true;
}

int read_vectors(struct checking *c, const struct mr_port *port, const char *path,
                 struct buffer *b) {
    unsigned char *data = NULL;
    size_t size = 0;
    char *text = NULL, problem[600];
    size_t room = 0;
    int status = 0, number = 0;
    if (mr_file_read(path, MAX_VECTORS, &data, &size, problem, sizeof problem) != 0)
        return FAIL(c, "error: %s", problem);
    FILE *file = size > 0 ? fmemopen(data, size, "r") : NULL;
    if (!file) {
        free(data);
        return size > 0 ? FAIL(c, "%s: error: not enough memory to read it", path) : 0;
    }
    while (status == 0 && getline(&text, &room, file) > 0) {
        struct line l = {.text = text + strspn(text, " \t\r\n")};
        number++;
        if (!*l.text || *l.text == '#')
            continue;
        if (b->count == b->room)
            status = make_room(c, b, port, b->room ? 2 * b->room : 256);
        if (status != 0)
            break;
        l.element = memset(b->data + b->count * stride(port), 0, stride(port));
        if (each_number(payload_of(c, port), read_number, &l) && *l.text && *l.text != '#')
            snprintf(l.reason, sizeof l.reason, "there is more than one element on a line");
        if (*l.reason)
            status = FAIL(c,
                          "%s:%d: error: %s; an element of '%s' is a line of its numbers with "
                          "commas between",
                          path, number, l.reason, port->name);
        b->count++;
    }
    free(text);
    fclose(file);
    free(data);
    return status;
}

static bool write_number(void *context, const struct type *type, size_t bit) {
    struct line *l = context;
    uint64_t value = 0;
    for (int i = 0; i < type->bits; i++)
        value |= (uint64_t)(l->element[(bit + (size_t)i) / 8] >> (bit + (size_t)i) % 8 & 1) << i;
    fputs(l->is_first ? "" : ",", l->file);
    l->is_first = false;
    if (type->is_signed)
        fprintf(l->file, "%lld", (long long)ir_wrap((wide)value, type->bits, true));
    else
        fprintf(l->file, "%llu", (unsigned long long)value);
    return true;
}

void write_vectors(const struct checking *c, const struct mr_port *port, const struct buffer *b,
                   uint64_t count, FILE *file) {
    for (uint64_t k = 0; k < count; k++) {
        struct line l = {.element = b->data + k * stride(port), .file = file, .is_first = true};
        each_number(payload_of(c, port), write_number, &l);
        fputc('\n', file);
    }
}

// The file of "STREAM=FILE" for this port among the options, or NULL.
static const char *file_of(const char *const *list, int count, const struct mr_port *port) {
    for (int i = 0; i < count; i++) {
        const char *file = strchr(list[i], '=');
        if (file && strlen(port->name) == (size_t)(file - list[i]) &&
            strncmp(list[i], port->name, (size_t)(file - list[i])) == 0)
            return file + 1;
    }
    return NULL;
}

static int check_names(struct checking *c, const char *const *list, int count, bool is_output) {
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (uint32_t k = 0; k < (is_output ? c->outs : c->ins); k++)
            known = known || file_of(&list[i], 1, is_output ? c->out[k] : c->in[k]) != NULL;
        if (!known)
            return FAIL(c, "cosim: --%s %s: write STREAM=FILE with an %s stream of %s",
                        is_output ? "output" : "input", list[i], is_output ? "output" : "input",
                        c->compile_with->top);
    }
    return 0;
}

// What is written must be possible, and not what is read.
static int check_output(struct checking *c, const char *path) {
    const struct check_options *o = c->options;
    char problem[600];
    if (mr_file_check_output(path, problem, sizeof problem) != 0)
        return FAIL(c, "error: %s", problem);
    bool is_input = mr_file_is_same(path, c->compile_with->source);
    for (uint32_t i = 0; i < c->ins; i++) {
        const char *input = file_of(o->inputs, o->input_count, c->in[i]);
        is_input = is_input || (input && mr_file_is_same(path, input));
    }
    return is_input ? FAIL(c, "%s: error: would be overwritten, and this run reads it", path) : 0;
}

int open_vectors(struct checking *c) {
    const struct check_options *o = c->options;
    if (check_names(c, o->inputs, o->input_count, false) != 0 ||
        check_names(c, o->outputs, o->output_count, true) != 0)
        return -1;
    for (uint32_t i = 0; i < c->ins; i++) {
        const char *path = file_of(o->inputs, o->input_count, c->in[i]);
        c->is_given[i] = path != NULL;
        if (path && read_vectors(c, c->in[i], path, &c->given[i]) != 0)
            return -1;
    }
    for (uint32_t i = 0; i < c->outs; i++) {
        const char *path = file_of(o->outputs, o->output_count, c->out[i]);
        if (path && check_output(c, path) != 0)
            return -1;
        if (path && !(c->output[i] = open_memstream(&c->output_text[i], &c->output_size[i])))
            return FAIL(c, "%s: error: not enough memory for the elements", path);
    }
    return 0;
}

static int write_output(struct checking *c, uint32_t i, bool keep) {
    const struct check_options *o = c->options;
    char problem[600];
    const bool whole = !(ferror(c->output[i]) | (fclose(c->output[i]) != 0));
    if (!keep)
        return 0;
    if (!whole)
        return FAIL(c, "cosim: not enough memory for the elements of output '%s'", c->out[i]->name);
    const struct mr_piece piece = {c->output_text[i], c->output_size[i]};
    return mr_file_write(file_of(o->outputs, o->output_count, c->out[i]), &piece, 1, problem,
                         sizeof problem) != 0
               ? FAIL(c, "error: %s", problem)
               : 0;
}

int close_vectors(struct checking *c, bool keep) {
    int status = 0;
    for (uint32_t i = 0; i < MAX_PORTS; i++) {
        if (c->output[i] && write_output(c, i, keep) != 0)
            status = -1;
        c->output[i] = NULL;
        free(c->output_text[i]);
        c->output_text[i] = NULL;
        free(c->given[i].data);
        c->given[i] = (struct buffer){0};
    }
    return status;
}
