// SPDX-License-Identifier: Apache-2.0
// hlsc check: the ports of the kernel, and random elements and scalars for them.
#define _GNU_SOURCE // PATH_MAX
#include "check_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t max_bytes = (uint64_t)1 << 31;

uint64_t draw(uint64_t *state) { // splitmix64
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// One element: all bits at random, or words of one width that are small, extreme or at random.
static void random_element(unsigned char *element, uint32_t bits, uint64_t *random) {
    static const uint32_t widths[] = {8, 16, 32, 64};
    const uint64_t kind = draw(random);
    const uint32_t width = bits <= 64 ? bits : widths[kind >> 8 & 3];
    memset(element, 0, (bits + 7) / 8);
    for (uint32_t at = 0; at < bits; at += width) {
        uint64_t value = draw(random);
        const uint64_t choice = draw(random) & 15;
        const uint64_t top = (uint64_t)1 << (width - 1);
        if ((kind & 3) == 0 || ((kind & 3) == 1 && choice < 8))
            value = (uint64_t)((int64_t)(value & 15) - 8);
        else if ((kind & 3) == 1)
            value = choice < 10 ? top : choice < 12 ? top - 1 : choice < 14 ? UINT64_MAX : 0;
        for (uint32_t i = 0; i < width && at + i < bits; i++)
            if (value >> i & 1)
                element[(at + i) / 8] |= (unsigned char)(1u << ((at + i) % 8));
    }
}

int make_room(struct checking *c, struct buffer *b, const struct mr_port *port, uint64_t room) {
    if (room <= b->room)
        return 0;
    if (room > max_bytes / stride(port))
        return FAIL(c,
                    "check: stream '%s' has more than %llu bytes in a run; fix scalars with --set "
                    "to make it shorter",
                    port->name, (unsigned long long)max_bytes);
    unsigned char *grown = realloc(b->data, room * stride(port));
    if (!grown)
        return FAIL(c, "check: not enough memory for %llu elements of stream '%s'",
                    (unsigned long long)room, port->name);
    b->data = grown;
    b->room = room;
    return 0;
}

int offer_more(struct checking *c, struct buffer *b, const struct mr_port *port, uint64_t count) {
    if (make_room(c, b, port, count) != 0)
        return -1;
    for (; b->count < count; b->count++)
        random_element(b->data + b->count * stride(port), port->bits, &b->random);
    return 0;
}

// A list has a value for each run; the last one stays.
int find_set(struct checking *c, const struct mr_port *port, uint64_t n, uint64_t *value) {
    for (int i = 0; i < c->options->set_count; i++) {
        const char *text = c->options->set[i], *number = strchr(text, '=');
        if (!number || (size_t)(number - text) != strlen(port->name) ||
            strncmp(text, port->name, (size_t)(number - text)) != 0)
            continue;
        char *end = (char *)number;
        for (uint64_t k = 0; k <= n && (k == 0 || *end); k++) {
            number = end + 1;
            errno = 0;
            *value =
                *number == '-' ? (uint64_t)strtoll(number, &end, 0) : strtoull(number, &end, 0);
            if (errno || end == number || (*end && *end != ',')) {
                snprintf(c->error, c->error_size, "check: --set %s: '%s' is not a number", text,
                         number);
                return -2;
            }
        }
        return 0;
    }
    return -1;
}

static void add_port(struct checking *c, int number) {
    const struct network *net = c->made.net;
    const struct variable *param = net->top->params[number];
    const struct stream *s = NULL;
    for (int p = 0; p < net->process_count; p++)
        for (int k = 0; k < net->processes[p]->stream_count; k++)
            if (net->processes[p]->streams[k].port == number)
                s = &net->processes[p]->streams[k];
    struct mr_port *port = &c->port[c->ports++];
    port->name = param->name;
    port->bits = (uint32_t)(s ? s->bits : param->type->bits);
    port->kind = !s ? MR_PORT_SCALAR : s->is_output ? MR_PORT_OUT : MR_PORT_IN;
    if (port->kind == MR_PORT_SCALAR)
        c->scalar[c->scalars++] = port;
    else if (param->memory)
        return; // served where the kernel runs
    else if (port->kind == MR_PORT_IN)
        c->in[c->ins++] = port;
    else
        c->out[c->outs++] = port;
}

int find_ports(struct checking *c) {
    const int count = c->made.net->top->param_count;
    if (count > MAX_PORTS)
        return FAIL(c, "check: %d ports; hlsc check takes up to %d", count, MAX_PORTS);
    for (int i = 0; i < count; i++)
        add_port(c, i);
    for (int i = 0; i < c->options->set_count; i++) {
        const char *text = c->options->set[i];
        const size_t length = strcspn(text, "=");
        bool known = false;
        for (uint32_t k = 0; k < c->scalars; k++)
            known |= strlen(c->scalar[k]->name) == length &&
                     strncmp(text, c->scalar[k]->name, length) == 0;
        if (!known || !text[length])
            return FAIL(
                c, "check: --set %s: %s; write --set NAME=VALUE with a scalar argument of %s", text,
                known ? "there is no value" : "the kernel has no such scalar argument",
                c->compile_with->top);
    }
    return 0;
}

uint64_t offered_again(const struct checking *c, const struct check_run *r, uint32_t input) {
    const int number = (int)(c->in[input] - c->port);
    const struct network *net = c->made.net;
    for (int p = 0; p < net->process_count; p++)
        for (int s = 0; s < net->processes[p]->stream_count; s++)
            if (net->processes[p]->streams[s].port == number &&
                net->processes[p]->streams[s].asks_more)
                return r->in[input].count;
    return r->taken[input];
}
