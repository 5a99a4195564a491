// SPDX-License-Identifier: Apache-2.0
// The part of report.json that says how the network is wired, and what each process reads and
// writes in which cycle of the sample runs (rows.h): from these the exact cycle count of any run
// follows.
#include "json_append.h"
#include "report.h"

#include <string.h>

json_t *channels_json(const struct network *net) {
    json_t *list = json_array();
    for (int i = 0; i < net->channel_count; i++) {
        const struct channel *c = &net->channels[i];
        const struct process *from = net->processes[c->from_process],
                             *to = net->processes[c->to_process];
        mr_json_append(&list,
                       json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", c->name, "from", from->name,
                                 "from_stream", from->streams[c->from_stream].name, "to", to->name,
                                 "to_stream", to->streams[c->to_stream].name));
    }
    return list;
}

// A process's stream of such a memory is named as in that process; those of the top are
// NAME_plan, NAME_fetch and NAME_store.
json_t *externals_json(const struct network *net) {
    json_t *list = json_array();
    for (int i = 0; i < net->external_count; i++)
        mr_json_append(&list, json_pack("{s:s, s:i}", "name", net->externals[i].name, "bits",
                                        net->externals[i].bits));
    return list;
}

json_t *samples_json(const struct network *net, const struct rows *rows) {
    json_t *list = json_array();
    for (int i = 0; i < rows->sample_count; i++) {
        json_t *sample = json_object();
        for (int k = 0; k < net->top->param_count; k++)
            if (rows->samples[i].given[k])
                json_object_set_new(sample, net->top->params[k]->name,
                                    json_integer(rows->samples[i].port[k]));
        mr_json_append(&list, sample);
    }
    return list;
}

static json_t *event_json(const struct process *p, const struct process_rows *rows,
                          const struct row_event *event) {
    json_t *streams = json_array();
    for (int k = 0; k < rows->stream_count; k++)
        if (event->uses >> k & 1)
            mr_json_append(&streams, json_string(p->streams[rows->stream[k]].name));
    return json_pack("{s:I, s:I, s:o}", "at", (json_int_t)event->at, "count",
                     (json_int_t)event->count, "streams", streams);
}

static json_t *patterns_json(const struct process *p, const struct process_rows *rows) {
    json_t *patterns = json_array();
    for (int i = 0; i < rows->pattern_count; i++) {
        const struct row_pattern *pattern = &rows->patterns[i];
        json_t *events = json_array();
        for (int k = 0; k < pattern->event_count; k++)
            mr_json_append(&events, event_json(p, rows, &pattern->events[k]));
        mr_json_append(&patterns, json_pack("{s:I, s:o}", "length", (json_int_t)pattern->length,
                                            "events", events));
    }
    return patterns;
}

void add_rows(json_t **process, const struct process *p, const struct rows *all,
              const struct process_rows *rows) {
    if (rows->decided_at.file) {
        const char *slash = strrchr(rows->decided_at.file, '/');
        mr_json_put(process, "data_dependent",
                    json_sprintf("%s:%d", slash ? slash + 1 : rows->decided_at.file,
                                 rows->decided_at.line));
    }
    if (rows->lost)
        return;
    if (rows->untold) {
        mr_json_put(process, "untold", json_string(rows->untold));
        return;
    }
    json_t *samples = json_array();
    for (int i = 0; i < all->sample_count; i++) {
        json_t *order = json_array();
        for (int k = 0; k < rows->samples[i].order_count; k++) {
            mr_json_append(&order, json_integer(rows->samples[i].order[k].pattern));
            mr_json_append(&order, json_integer(rows->samples[i].order[k].count));
        }
        mr_json_append(&samples,
                       json_pack("{s:I, s:I, s:o}", "first", (json_int_t)rows->samples[i].first,
                                 "rest", (json_int_t)rows->samples[i].rest, "order", order));
    }
    mr_json_put(process, "row_patterns", patterns_json(p, rows));
    mr_json_put(process, "rows", samples);
}
