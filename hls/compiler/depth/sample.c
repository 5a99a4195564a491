// SPDX-License-Identifier: Apache-2.0
// Sample runs from their texts (sample.h).
#include "sample.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static noreturn void fail_sample(struct compiler *cc, const char *text, const char *why) {
    fail(cc, (struct location){"hlsc", 0},
         "--sample %s: %s; give scalars of the top as NAME=VALUE with commas between", text, why);
}

static void take_value(struct compiler *cc, const struct network *net, struct sample *sample,
                       const char *name, size_t length, const char *value) {
    char *end;
    int i = 0;
    while (i < net->top->param_count && (strncmp(net->top->params[i]->name, name, length) != 0 ||
                                         net->top->params[i]->name[length]))
        i++;
    if (i == net->top->param_count)
        fail_sample(cc, sample->text,
                    arena_printf(cc, "'%s' has no parameter '%.*s'", net->name, (int)length, name));
    errno = 0;
    sample->port[i] = strtoll(value, &end, 0);
    sample->given[i] = true;
    if (errno || end == value || (*end && *end != ','))
        fail_sample(cc, sample->text,
                    arena_printf(cc, "the value of '%.*s' is no number", (int)length, name));
}

static void take_sample(struct compiler *cc, const struct network *net, struct sample *sample) {
    const size_t ports = (size_t)net->top->param_count + 1;
    sample->port = arena_alloc(cc, ports * sizeof *sample->port);
    sample->given = arena_alloc(cc, ports);
    for (const char *at = sample->text; at;) {
        const size_t length = strcspn(at, "=,");
        if (at[length] != '=' || !length)
            fail_sample(cc, sample->text, "a value is missing");
        take_value(cc, net, sample, at, length, at + length + 1);
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
}

struct sample *take_samples(struct compiler *cc, const struct network *net,
                            const char *const *texts, int count) {
    struct sample *samples = arena_alloc(cc, ((size_t)count + 1) * sizeof *samples);
    for (int i = 0; i < count; i++) {
        samples[i].text = texts[i];
        take_sample(cc, net, &samples[i]);
    }
    return samples;
}
