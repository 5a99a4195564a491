// SPDX-License-Identifier: Apache-2.0
// Reads hlsc's report.json with jansson; a missing or odd field is an error that names it.
#define _POSIX_C_SOURCE 200809L
#include "hls_report.h"

#include "file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_SIZE_MAX = 64 << 20 };

// Where we are, and where the first complaint goes.
struct reader {
    const char *name;
    char *error;
    size_t error_size;
};

static bool complain(const struct reader *reader, const char *where, const char *field,
                     const char *expected) {
    mr_fail(
        reader->error, reader->error_size,
        "%s: %s: field '%s' is missing or not %s; the report is not one of this hlsc, build the "
        "network again",
        reader->name, where, field, expected);
    return false;
}

static bool take_text(const struct reader *reader, const json_t *object, const char *where,
                      const char *field, char **value) {
    const char *text = json_string_value(json_object_get(object, field));
    if (!text)
        return complain(reader, where, field, "a text");
    *value = strdup(text);
    if (*value)
        return true;
    mr_fail(reader->error, reader->error_size, "%s: out of memory", reader->name);
    return false;
}

static bool take_number(const struct reader *reader, const json_t *object, const char *where,
                        const char *field, uint32_t *value) {
    const json_t *number = json_object_get(object, field);
    const json_int_t given = json_is_integer(number) ? json_integer_value(number) : -1;
    if (given < 0 || given > INT32_MAX)
        return complain(reader, where, field, "a number from 0 to 2147483647");
    *value = (uint32_t)given;
    return true;
}

// The array `field` and zeroed room for its elements. An absent array is empty where it may be.
static bool take_array(const struct reader *reader, const json_t *object, const char *where,
                       const char *field, bool optional, size_t element, const json_t **array,
                       size_t *count, void **room) {
    *array = json_object_get(object, field);
    *count = 0;
    if (!*array && optional)
        return true;
    if (!json_is_array(*array))
        return complain(reader, where, field, "an array");
    *room = calloc(json_array_size(*array) + 1, element);
    if (!*room) {
        mr_fail(reader->error, reader->error_size, "%s: out of memory", reader->name);
        return false;
    }
    *count = json_array_size(*array);
    return true;
}

static bool take_stream(const struct reader *reader, const json_t *object, const char *where,
                        struct mr_report_stream *stream) {
    if (!take_text(reader, object, where, "name", &stream->name) ||
        !take_number(reader, object, where, "bits", &stream->bits))
        return false;
    const char *direction = json_string_value(json_object_get(object, "direction"));
    if (!direction || (strcmp(direction, "in") != 0 && strcmp(direction, "out") != 0))
        return complain(reader, where, "direction", "'in' or 'out'");
    stream->out = strcmp(direction, "out") == 0;
    if (!stream->out)
        return true;
    if (!take_number(reader, object, where, "depth", &stream->depth) ||
        !take_number(reader, object, where, "write_stage", &stream->write_stage) ||
        (json_object_get(object, "crossing") &&
         !take_number(reader, object, where, "crossing", &stream->crossing)))
        return false;
    return stream->depth > 0 || complain(reader, where, "depth", "1 or more");
}

static bool take_memory(const struct reader *reader, const json_t *object, const char *where,
                        struct mr_report_memory *memory) {
    return take_text(reader, object, where, "name", &memory->name) &&
           take_text(reader, object, where, "impl", &memory->impl) &&
           take_number(reader, object, where, "words", &memory->words) &&
           take_number(reader, object, where, "bits", &memory->bits) &&
           take_number(reader, object, where, "copies", &memory->copies) &&
           take_number(reader, object, where, "ports", &memory->ports) &&
           take_number(reader, object, where, "blocks", &memory->blocks);
}

static bool take_loop(const struct reader *reader, const json_t *object, const char *where,
                      struct mr_report_loop *loop) {
    return take_text(reader, object, where, "name", &loop->name) &&
           take_number(reader, object, where, "ii", &loop->ii) &&
           take_number(reader, object, where, "depth", &loop->depth);
}

static bool take_probe(const struct reader *reader, const json_t *object, const char *where,
                       struct mr_report_probe *probe) {
    return take_text(reader, object, where, "name", &probe->name) &&
           take_number(reader, object, where, "bits", &probe->bits);
}

// ---- rows of sample runs

static bool take_event(const struct reader *reader, const json_t *object,
                       const struct mr_report_process *process, struct mr_report_event *event) {
    const char *where = process->name;
    const json_t *array;
    void *room = NULL;
    if (!take_number(reader, object, where, "at", &event->at) ||
        !take_number(reader, object, where, "count", &event->count) ||
        !take_array(reader, object, where, "streams", false, sizeof *event->streams, &array,
                    &event->stream_count, &room))
        return false;
    event->streams = room;
    for (size_t i = 0; i < event->stream_count; i++) {
        const char *name = json_string_value(json_array_get(array, i));
        const struct mr_report_stream *stream = name ? mr_report_stream(process, name) : NULL;
        if (!stream)
            return complain(reader, where, "streams", "a list of its streams");
        event->streams[i] = (uint32_t)(stream - process->streams);
    }
    return event->count > 0 || complain(reader, where, "count", "1 or more");
}

static bool take_pattern(const struct reader *reader, const json_t *object,
                         const struct mr_report_process *process,
                         struct mr_report_pattern *pattern) {
    const json_t *array;
    void *room = NULL;
    if (!take_number(reader, object, process->name, "length", &pattern->length) ||
        !take_array(reader, object, process->name, "events", false, sizeof *pattern->events, &array,
                    &pattern->event_count, &room))
        return false;
    pattern->events = room;
    uint64_t end = 0; // of the events so far
    for (size_t i = 0; i < pattern->event_count; i++) {
        struct mr_report_event *event = &pattern->events[i];
        if (!take_event(reader, json_array_get(array, i), process, event))
            return false;
        if (event->at < end)
            return complain(reader, process->name, "at", "behind the event before");
        end = (uint64_t)event->at + event->count;
    }
    return (pattern->length > 0 && end <= pattern->length) ||
           complain(reader, process->name, "length", "that of its events at least");
}

// The order is a list of numbers: a pattern, how many rows of it, a pattern, ...
static bool take_rows(const struct reader *reader, const json_t *object,
                      const struct mr_report_process *process, struct mr_report_rows *rows) {
    const json_t *array;
    void *room = NULL;
    if (!take_number(reader, object, process->name, "first", &rows->first) ||
        !take_number(reader, object, process->name, "rest", &rows->rest) ||
        !take_array(reader, object, process->name, "order", false, sizeof *rows->order, &array,
                    &rows->order_count, &room))
        return false;
    rows->order = room;
    rows->order_count /= 2;
    for (size_t i = 0; i < rows->order_count; i++) {
        const json_int_t pattern = json_integer_value(json_array_get(array, 2 * i));
        const json_int_t count = json_integer_value(json_array_get(array, 2 * i + 1));
        if (!json_is_integer(json_array_get(array, 2 * i)) || pattern < 0 ||
            (size_t)pattern >= process->pattern_count || count < 1 || count > INT32_MAX)
            return complain(reader, process->name, "order", "pairs of a pattern and a count");
        rows->order[i] = (struct mr_report_order){(uint32_t)pattern, (uint32_t)count};
    }
    return true;
}

static bool take_optional_text(const struct reader *reader, const json_t *object, const char *where,
                               const char *field, char **value) {
    return !json_object_get(object, field) || take_text(reader, object, where, field, value);
}

static bool take_runs(const struct reader *reader, const json_t *object,
                      struct mr_report_process *process) {
    const json_t *array;
    void *room = NULL;
    if (!take_optional_text(reader, object, process->name, "data_dependent",
                            &process->data_dependent) ||
        !take_optional_text(reader, object, process->name, "untold", &process->untold) ||
        !take_array(reader, object, process->name, "row_patterns", true, sizeof *process->patterns,
                    &array, &process->pattern_count, &room))
        return false;
    process->patterns = room;
    for (size_t i = 0; i < process->pattern_count; i++)
        if (!take_pattern(reader, json_array_get(array, i), process, &process->patterns[i]))
            return false;
    room = NULL;
    if (!take_array(reader, object, process->name, "rows", true, sizeof *process->rows, &array,
                    &process->row_count, &room))
        return false;
    process->rows = room;
    for (size_t i = 0; i < process->row_count; i++)
        if (!take_rows(reader, json_array_get(array, i), process, &process->rows[i]))
            return false;
    return true;
}

static bool take_sample(const struct reader *reader, const json_t *object,
                        struct mr_report_sample *sample) {
    if (!json_is_object(object))
        return complain(reader, "the report", "samples", "a list of objects");
    sample->scalars = calloc(json_object_size(object) + 1, sizeof *sample->scalars);
    if (!sample->scalars) {
        mr_fail(reader->error, reader->error_size, "%s: out of memory", reader->name);
        return false;
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        struct mr_report_scalar *scalar = &sample->scalars[sample->scalar_count];
        if (!json_is_integer(value))
            return complain(reader, "a sample", name, "a number");
        scalar->name = strdup(name);
        if (!scalar->name) {
            mr_fail(reader->error, reader->error_size, "%s: out of memory", reader->name);
            return false;
        }
        scalar->value = json_integer_value(value);
        sample->scalar_count++;
    }
    return true;
}

// One end of a channel: the process and its stream.
static bool take_end(const struct reader *reader, const json_t *object,
                     const struct mr_report *report, const char *process_field,
                     const char *stream_field, bool out, size_t *process, size_t *stream) {
    const char *name = json_string_value(json_object_get(object, process_field));
    const char *stream_name = json_string_value(json_object_get(object, stream_field));
    const struct mr_report_process *known = name ? mr_report_process(report, name) : NULL;
    if (!known)
        return complain(reader, "a channel", process_field, "one of the processes");
    const struct mr_report_stream *end = stream_name ? mr_report_stream(known, stream_name) : NULL;
    if (!end || end->out != out)
        return complain(reader, "a channel", stream_field,
                        out ? "an output of its process" : "an input of its process");
    *process = (size_t)(known - report->processes);
    *stream = (size_t)(end - known->streams);
    return true;
}

static bool take_channel(const struct reader *reader, const json_t *object,
                         const struct mr_report *report, struct mr_report_channel *channel) {
    return take_text(reader, object, "a channel", "name", &channel->name) &&
           take_end(reader, object, report, "from", "from_stream", true, &channel->from,
                    &channel->from_stream) &&
           take_end(reader, object, report, "to", "to_stream", false, &channel->to,
                    &channel->to_stream);
}

// ---- all of it

static bool take_process(const struct reader *reader, const json_t *object,
                         struct mr_report_process *process) {
    if (!take_text(reader, object, "a process", "name", &process->name))
        return false;
    const char *where = process->name;
    if (!take_number(reader, object, where, "first_issue", &process->first_issue))
        return false;
    uint32_t multipliers = 0;
    if (json_object_get(object, "multipliers") &&
        !take_number(reader, object, where, "multipliers", &multipliers))
        return false;
    process->multipliers = multipliers;
    if (json_object_get(object, "tiles") &&
        (!take_number(reader, object, where, "tiles", &process->tiles) ||
         !take_number(reader, object, where, "tiles_of_way", &process->tiles_of_way)))
        return false;
    if (process->tiles && !process->tiles_of_way)
        return complain(reader, where, "tiles_of_way", "1 or more");

    const json_t *array;
    void *room = NULL;
    if (!take_array(reader, object, where, "loops", true, sizeof *process->loops, &array,
                    &process->loop_count, &room))
        return false;
    process->loops = room;
    for (size_t i = 0; i < process->loop_count; i++)
        if (!take_loop(reader, json_array_get(array, i), where, &process->loops[i]))
            return false;
    room = NULL;
    if (!take_array(reader, object, where, "streams", false, sizeof *process->streams, &array,
                    &process->stream_count, &room))
        return false;
    process->streams = room;
    for (size_t i = 0; i < process->stream_count; i++)
        if (!take_stream(reader, json_array_get(array, i), where, &process->streams[i]))
            return false;
    room = NULL;
    if (!take_array(reader, object, where, "memories", true, sizeof *process->memories, &array,
                    &process->memory_count, &room))
        return false;
    process->memories = room;
    for (size_t i = 0; i < process->memory_count; i++)
        if (!take_memory(reader, json_array_get(array, i), where, &process->memories[i]))
            return false;
    room = NULL;
    if (!take_array(reader, object, where, "probes", true, sizeof *process->probes, &array,
                    &process->probe_count, &room))
        return false;
    process->probes = room;
    for (size_t i = 0; i < process->probe_count; i++)
        if (!take_probe(reader, json_array_get(array, i), where, &process->probes[i]))
            return false;
    return take_runs(reader, object, process);
}

static bool take_external(const struct reader *reader, const json_t *object,
                          struct mr_report_external *memory) {
    return take_text(reader, object, "the report", "name", &memory->name) &&
           take_number(reader, object, "the report", "bits", &memory->bits);
}

static bool take_report(const struct reader *reader, const json_t *object,
                        struct mr_report *report) {
    if (!take_text(reader, object, "the report", "top", &report->top))
        return false;
    const json_t *clock = json_object_get(object, "clock_mhz");
    report->clock_mhz = json_is_number(clock) ? json_number_value(clock) : 0;
    if (!(report->clock_mhz > 0 && report->clock_mhz < 1e6))
        return complain(reader, "the report", "clock_mhz", "a number above 0");
    const json_t *array;
    void *room = NULL;
    if (!take_array(reader, object, "the report", "processes", false, sizeof *report->processes,
                    &array, &report->process_count, &room))
        return false;
    report->processes = room;
    for (size_t i = 0; i < report->process_count; i++) {
        if (!take_process(reader, json_array_get(array, i), &report->processes[i]))
            return false;
        report->probe_count += report->processes[i].probe_count;
    }
    room = NULL;
    if (!take_array(reader, object, "the report", "channels", false, sizeof *report->channels,
                    &array, &report->channel_count, &room))
        return false;
    report->channels = room;
    for (size_t i = 0; i < report->channel_count; i++)
        if (!take_channel(reader, json_array_get(array, i), report, &report->channels[i]))
            return false;
    room = NULL;
    if (!take_array(reader, object, "the report", "external_memories", true,
                    sizeof *report->externals, &array, &report->external_count, &room))
        return false;
    report->externals = room;
    for (size_t i = 0; i < report->external_count; i++)
        if (!take_external(reader, json_array_get(array, i), &report->externals[i]))
            return false;
    room = NULL;
    if (!take_array(reader, object, "the report", "samples", true, sizeof *report->samples, &array,
                    &report->sample_count, &room))
        return false;
    report->samples = room;
    for (size_t i = 0; i < report->sample_count; i++)
        if (!take_sample(reader, json_array_get(array, i), &report->samples[i]))
            return false;
    for (size_t i = 0; i < report->process_count; i++)
        if (report->processes[i].row_count &&
            report->processes[i].row_count != report->sample_count)
            return complain(reader, report->processes[i].name, "rows", "one for each sample");
    return true;
}

struct mr_report *mr_report_parse(const char *text, size_t size, const char *name, char *error,
                                  size_t error_size) {
    const struct reader reader = {name, error, error_size};
    json_error_t problem;
    json_t *object = json_loadb(text, size, 0, &problem);
    if (!object) {
        mr_fail(error, error_size, "%s: line %d: %s; it is not a JSON report of hlsc", name,
                problem.line, problem.text);
        return NULL;
    }
    struct mr_report *report = calloc(1, sizeof *report);
    if (!report)
        mr_fail(error, error_size, "%s: out of memory", name);
    else if (!take_report(&reader, object, report)) {
        mr_report_free(report);
        report = NULL;
    }
    json_decref(object);
    return report;
}

struct mr_report *mr_report_read(const char *path, char *error, size_t error_size) {
    unsigned char *data = NULL;
    size_t size = 0;
    if (mr_file_read(path, REPORT_SIZE_MAX, &data, &size, error, error_size))
        return NULL;
    struct mr_report *report = mr_report_parse((const char *)data, size, path, error, error_size);
    free(data);
    return report;
}

static void free_process(struct mr_report_process *process) {
    for (size_t i = 0; i < process->loop_count; i++)
        free(process->loops[i].name);
    for (size_t i = 0; i < process->stream_count; i++)
        free(process->streams[i].name);
    for (size_t i = 0; i < process->memory_count; i++) {
        free(process->memories[i].name);
        free(process->memories[i].impl);
    }
    for (size_t i = 0; i < process->probe_count; i++)
        free(process->probes[i].name);
    for (size_t i = 0; i < process->pattern_count; i++) {
        for (size_t k = 0; k < process->patterns[i].event_count; k++)
            free(process->patterns[i].events[k].streams);
        free(process->patterns[i].events);
    }
    for (size_t i = 0; i < process->row_count; i++)
        free(process->rows[i].order);
    free(process->patterns);
    free(process->rows);
    free(process->data_dependent);
    free(process->untold);
    free(process->probes);
    free(process->loops);
    free(process->streams);
    free(process->memories);
    free(process->name);
}

void mr_report_free(struct mr_report *report) {
    if (!report)
        return;
    for (size_t i = 0; i < report->process_count; i++)
        free_process(&report->processes[i]);
    for (size_t i = 0; i < report->channel_count; i++)
        free(report->channels[i].name);
    for (size_t i = 0; i < report->external_count; i++)
        free(report->externals[i].name);
    for (size_t i = 0; i < report->sample_count; i++) {
        for (size_t k = 0; k < report->samples[i].scalar_count; k++)
            free(report->samples[i].scalars[k].name);
        free(report->samples[i].scalars);
    }
    free(report->channels);
    free(report->externals);
    free(report->samples);
    free(report->processes);
    free(report->top);
    free(report);
}

const struct mr_report_process *mr_report_process(const struct mr_report *report,
                                                  const char *name) {
    for (size_t i = 0; i < report->process_count; i++)
        if (strcmp(report->processes[i].name, name) == 0)
            return &report->processes[i];
    return NULL;
}

const struct mr_report_stream *mr_report_stream(const struct mr_report_process *process,
                                                const char *name) {
    for (size_t i = 0; i < process->stream_count; i++)
        if (strcmp(process->streams[i].name, name) == 0)
            return &process->streams[i];
    return NULL;
}

uint64_t mr_report_multipliers(const struct mr_report *report) {
    uint64_t multipliers = 0;
    for (size_t i = 0; i < report->process_count; i++)
        multipliers += report->processes[i].multipliers;
    return multipliers;
}
