// SPDX-License-Identifier: Apache-2.0
// Finds the backend of a URI and checks what every backend would have to check.
#define _POSIX_C_SOURCE 200809L
#include "driver.h"
#include "failure.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct mr_backend *const backends[] = {
#define MR_BACKEND(name) &mr_backend_##name,
#include "backends.def"
#undef MR_BACKEND
};
enum { BACKEND_COUNT = sizeof backends / sizeof *backends };

static const char *const form_texts[MR_FORMS] = {
#define FORM_TEXT(name, text) [name] = text,
    MR_FORM_MAP(FORM_TEXT)
#undef FORM_TEXT
};

static const struct {
    uint32_t cap;
    const char *text;
} cap_texts[] = {
#define CAP_TEXT(name, bit, text) {name, text},
    MR_CAP_MAP(CAP_TEXT)
#undef CAP_TEXT
};

struct mr_device {
    const struct mr_backend *backend;
    void *state;
    struct mr_job *ahead[MR_JOBS_AHEAD]; // jobs under way, the oldest one first
    unsigned jobs;                       // of these
};

// The URIs of the backends that have these caps, as a list.
static void list_uris(uint32_t caps, char *text, size_t size) {
    const char *between = "";
    *text = '\0';
    for (size_t i = 0, used = 0; i < BACKEND_COUNT && used < size; i++)
        if ((backends[i]->caps & caps) == caps) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", between, backends[i]->uris);
            between = ", ";
        }
}

static bool is_of(const char *uri, const struct mr_backend *backend) {
    const size_t length = strlen(backend->scheme);
    return !strncmp(uri, backend->scheme, length) && uri[length] == ':';
}

static const struct mr_backend *find_scheme(const char *uri, struct mr_error *error) {
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (is_of(uri, backends[i]))
            return backends[i];
    char known[200];
    const char *meant = NULL;
    const size_t word = strcspn(uri, ":");
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (strlen(backends[i]->scheme) == word && !strncasecmp(uri, backends[i]->scheme, word))
            meant = backends[i]->uris;
    list_uris(0, known, sizeof known);
    mr_failure(error, MR_ERROR_DEVICE, "there is no device '%s'; known are %s%s%s%s", uri, known,
               meant ? " (did you mean " : "", meant ? meant : "", meant ? "?)" : "");
    return NULL;
}

static const char *rest_of(const char *uri) {
    return strchr(uri, ':') + 1;
}

const struct mr_backend *mr_device_find(const char *uri, struct mr_error *error) {
    const struct mr_backend *backend = find_scheme(uri, error);
    if (!backend)
        return NULL;
    const char *rest = rest_of(uri);
    if (backend->check ? !backend->check(rest, error) : !*rest)
        return backend;
    if (!backend->check)
        mr_failure(error, MR_ERROR_DEVICE, "device %s: nothing may follow the colon; write %s", uri,
                   backend->uris);
    return NULL;
}

const char *mr_device_usual(const char *text) {
    for (size_t i = 0; i < BACKEND_COUNT; i++) {
        const size_t length = strlen(backends[i]->scheme);
        if (!strncmp(text, backends[i]->scheme, length) &&
            (!text[length] || !strcmp(text + length, ":")))
            return backends[i]->usual;
    }
    return NULL;
}

int mr_device_require(const char *uri, uint32_t caps, struct mr_error *error) {
    const struct mr_backend *backend = find_scheme(uri, error);
    char able[200];
    if (!backend)
        return MR_ERROR_DEVICE;
    for (size_t i = 0; i < sizeof cap_texts / sizeof *cap_texts; i++)
        if (caps & ~backend->caps & cap_texts[i].cap) {
            list_uris(cap_texts[i].cap, able, sizeof able);
            return mr_failure(error, MR_ERROR_ARGUMENT, "%s is not a device that %s; use %s", uri,
                              cap_texts[i].text, able);
        }
    return 0;
}

const char *mr_device_named_image(const char *uri) {
    const struct mr_backend *backend = find_scheme(uri, NULL);
    const char *comma = strchr(uri, ',');
    return comma && backend && (backend->caps & MR_CAP_NAMES_IMAGE) ? comma + 1 : NULL;
}

enum mr_form mr_device_form(const char *uri) {
    const struct mr_backend *backend = find_scheme(uri, NULL);
    return backend->form_of ? backend->form_of(rest_of(uri)) : backend->form;
}

// *path: of the form that the device needs; NULL for one without a file.
static int find_path(const char *uri, const struct mr_image *image, const char **path,
                     struct mr_error *error) {
    const enum mr_form form = mr_device_form(uri);
    *path = mr_device_named_image(uri);
    if (!*path && image)
        *path = image->forms[form];
    if (form == MR_FORM_ENGINE   ? image && image->engine
        : form == MR_FORM_FOLDED ? image && image->folded
        : form == MR_FORM_SHAPE  ? image && image->hash
                                 : *path != NULL)
        return 0;
    return mr_failure(error, MR_ERROR_DEVICE, "%s needs %s; build it first", uri, form_texts[form]);
}

struct mr_device *mr_device_open(const char *uri, const struct mr_image *image,
                                 const struct mr_device_options *options, struct mr_error *error) {
    static const struct mr_device_options none = {0};
    if (!options)
        options = &none;
    const uint32_t caps = (options->trace ? MR_CAP_TRACE : 0u) |
                          (options->idle_chance || options->stall_chance ? MR_CAP_STALLS : 0u);
    const struct mr_backend *backend = mr_device_find(uri, error);
    if (!backend || mr_device_require(uri, caps, error))
        return NULL;
    const char *path;
    if (find_path(uri, image, &path, error))
        return NULL;
    struct mr_device *device = calloc(1, sizeof *device);
    if (!device) {
        mr_failure(error, MR_ERROR_MEMORY, "%s: not enough memory to open it", uri);
        return NULL;
    }
    device->backend = backend;
    device->state = backend->open(rest_of(uri), path, image, options, error);
    if (!device->state) {
        free(device);
        return NULL;
    }
    return device;
}

void mr_device_close(struct mr_device *device) {
    if (!device)
        return;
    while (device->jobs)
        (void)mr_device_collect(device, NULL);
    device->backend->close(device->state);
    free(device);
}

void mr_device_get_info(const struct mr_device *device, struct mr_device_info *info) {
    device->backend->info(device->state, info);
}

// While jobs are under way the device belongs to them.
static int check_idle(const struct mr_device *device, struct mr_error *error) {
    return device->jobs ? mr_failure(error, MR_ERROR_ARGUMENT,
                                     "%u job%s under way on the device; collect first",
                                     device->jobs, device->jobs == 1 ? " is" : "s are")
                        : 0;
}

int mr_device_load_weights(struct mr_device *device, const void *beats, uint64_t count,
                           struct mr_error *error) {
    if (check_idle(device, error))
        return MR_ERROR_ARGUMENT;
    return device->backend->load_weights(device->state, beats, count, error);
}

uint32_t mr_device_stream_bits(const struct mr_device_info *info, const char *name) {
    for (uint32_t i = 0; i < info->port_count; i++)
        if (info->ports[i].kind != MR_PORT_SCALAR && !strcmp(info->ports[i].name, name))
            return info->ports[i].bits;
    return 0;
}

struct mr_job mr_job_rest(const struct mr_job *job, const struct mr_device_info *info) {
    struct mr_job rest = *job;
    rest.sequences -= job->done;
    rest.done = 0;
    for (size_t i = 0; i < MR_JOB_STREAMS; i++) {
        struct mr_job_in *in = &rest.in[i];
        struct mr_job_out *out = &rest.out[i];
        const uint64_t taken = in->count / job->sequences * job->done,
                       given = out->count / job->sequences * job->done;
        if (in->name) {
            in->count -= taken;
            in->data = (const char *)in->data +
                       taken * mr_element_bytes(mr_device_stream_bits(info, in->name));
        }
        if (out->name) {
            out->count -= given;
            out->data = (char *)out->data +
                        given * mr_element_bytes(mr_device_stream_bits(info, out->name));
        }
    }
    return rest;
}

// A job with feedback has one number of x at a time and rows of numbers of y.
static int check_feedback(const struct mr_device *device, const struct mr_job *job,
                          struct mr_error *error) {
    const struct mr_feedback *feedback = &job->feedback;
    struct mr_device_info info;
    mr_device_get_info(device, &info);
    const uint32_t x_bits = mr_device_stream_bits(&info, job->in[0].name),
                   y_bits = mr_device_stream_bits(&info, job->out[0].name);
    if (job->sequences == 1 && job->steps == 1 && !job->timeline && job->in[0].count == 1 &&
        !job->in[1].name && !job->out[1].name && x_bits >= 16 && y_bits == 32 &&
        job->out[0].count % feedback->most == 0 &&
        feedback->place < job->out[0].count / feedback->most)
        return 0;
    return mr_failure(error, MR_ERROR_ARGUMENT,
                      "a run whose steps follow from one another is one sequence of single steps "
                      "with one element of x (16 bits or more) and numbers of y (32 bits)");
}

static int check_job(const struct mr_device *device, const struct mr_job *job,
                     struct mr_error *error) {
    const uint64_t total = (uint64_t)job->sequences * job->steps;
    if (!total || total > MR_STEPS_MAX)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "a run of %u sequence%s of %u step%s has %llu steps in all and may have "
                          "1 to %u; split it",
                          job->sequences, mr_plural(job->sequences), job->steps,
                          mr_plural(job->steps), (unsigned long long)total, MR_STEPS_MAX);
    if (job->flags & ((1u << MR_FLAGS_OWN) - 1) & ~(uint32_t)MR_FLAG_RESET)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "run flags 0x%x have bits that have no meaning; known is 0x%x, and bits "
                          "from %d on are the kernel's own",
                          job->flags, (unsigned)MR_FLAG_RESET, MR_FLAGS_OWN);
    return job->feedback.most ? check_feedback(device, job, error) : 0;
}

static void end_job(struct mr_job *job) {
    job->done = job->sequences;
    if (job->timeline && job->cycles)
        mr_timeline_end_run(job->timeline, job->cycles, job->activity);
}

int mr_device_run(struct mr_device *device, struct mr_job *job, struct mr_error *error) {
    if (check_idle(device, error) || check_job(device, job, error))
        return MR_ERROR_ARGUMENT;
    job->done = job->feedback.steps = 0;
    const int code = device->backend->run(device->state, job, error);
    if (!code)
        end_job(job);
    return code;
}

int mr_device_submit(struct mr_device *device, struct mr_job *job, struct mr_error *error) {
    if (device->jobs == MR_JOBS_AHEAD || job->feedback.most)
        return mr_failure(error, MR_ERROR_ARGUMENT,
                          "a job is submitted that has feedback, or behind %d that are under way",
                          MR_JOBS_AHEAD);
    if (check_job(device, job, error))
        return MR_ERROR_ARGUMENT;
    job->done = job->feedback.steps = 0;
    const int code =
        device->backend->submit ? device->backend->submit(device->state, job, error) : 0;
    if (code)
        device->jobs = 0;
    else
        device->ahead[device->jobs++] = job;
    return code;
}

int mr_device_collect(struct mr_device *device, struct mr_error *error) {
    struct mr_job *job = device->ahead[0];
    if (!device->jobs)
        return mr_failure(error, MR_ERROR_ARGUMENT, "no job is under way that could be collected");
    const int code = device->backend->collect ? device->backend->collect(device->state, error)
                                              : device->backend->run(device->state, job, error);
    if (code) {
        device->jobs = 0;
        return code;
    }
    device->jobs--;
    memmove(device->ahead, device->ahead + 1, device->jobs * sizeof(struct mr_job *));
    end_job(job);
    return 0;
}

int mr_device_read_state(struct mr_device *device, void *beats, uint64_t count,
                         struct mr_error *error) {
    if (check_idle(device, error))
        return MR_ERROR_ARGUMENT;
    return device->backend->read_state(device->state, beats, count, error);
}

int mr_device_write_state(struct mr_device *device, const void *beats, uint64_t count,
                          struct mr_error *error) {
    if (check_idle(device, error))
        return MR_ERROR_ARGUMENT;
    return device->backend->write_state(device->state, beats, count, error);
}

size_t mr_device_list(struct mr_device_found *entries, size_t capacity) {
    size_t count = 0;
    for (size_t i = 0; i < BACKEND_COUNT; i++) {
        const size_t used = count < capacity ? count : capacity;
        count += backends[i]->list(capacity ? entries + used : NULL, capacity - used);
    }
    return count;
}

const char *mr_device_first(enum mr_form form, struct mr_device_found *entry) {
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (backends[i]->form == form && backends[i]->list(entry, 1))
            return entry->uri;
    return NULL;
}
