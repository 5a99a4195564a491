// SPDX-License-Identifier: Apache-2.0
// SHA-256 over the inputs of a build (cache_key.h). Every item goes in with its label and length,
// so no two lists of items give the same stream of bytes.
#define _GNU_SOURCE
#include "cache_key.h"
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#    include <cpuid.h>
#endif

enum { MAX_FILE = 1 << 30, MAX_INCLUDES = 4096 };

struct mr_cache_key {
    EVP_MD_CTX *context;
    bool failed, code_only;
    char **seen; // real paths of sources that are in the key already
    size_t seen_count;
};

struct mr_cache_key *mr_key_new(void) {
    struct mr_cache_key *key = calloc(1, sizeof *key);
    if (!key)
        return NULL;
    key->context = EVP_MD_CTX_new();
    if (!key->context || EVP_DigestInit_ex(key->context, EVP_sha256(), NULL) != 1) {
        mr_key_free(key);
        return NULL;
    }
    return key;
}

void mr_key_free(struct mr_cache_key *key) {
    if (!key)
        return;
    EVP_MD_CTX_free(key->context);
    for (size_t i = 0; i < key->seen_count; i++)
        free(key->seen[i]);
    free(key->seen);
    free(key);
}

static void add(struct mr_cache_key *key, const void *data, size_t size) {
    const uint64_t length = size;
    if (EVP_DigestUpdate(key->context, &length, sizeof length) != 1 ||
        EVP_DigestUpdate(key->context, data, size) != 1)
        key->failed = true;
}

void mr_key_text(struct mr_cache_key *key, const char *text) {
    add(key, text, strlen(text));
}

void mr_key_processor(struct mr_cache_key *key) {
    struct utsname name;
    if (!uname(&name))
        mr_key_text(key, name.machine);
#if defined(__x86_64__)
    // Vendor, family and model, and feature bits; the initial APIC number in leaf 1 differs per
    // core.
    unsigned r[4];
    if (__get_cpuid(0, &r[0], &r[1], &r[2], &r[3]))
        add(key, r, sizeof r);
    if (__get_cpuid(1, &r[0], &r[1], &r[2], &r[3])) {
        r[1] = 0;
        add(key, r, sizeof r);
    }
    for (unsigned sub = 0; sub < 2; sub++)
        if (__get_cpuid_count(7, sub, &r[0], &r[1], &r[2], &r[3]))
            add(key, r, sizeof r);
    if (__get_cpuid(0x80000001u, &r[0], &r[1], &r[2], &r[3])) {
        r[1] = 0;
        add(key, r, sizeof r);
    }
#endif
}

static bool add_program_at(struct mr_cache_key *key, const char *path) {
    struct stat status;
    char *real = realpath(path, NULL);
    const bool usable =
        real && !stat(real, &status) && S_ISREG(status.st_mode) && !access(real, X_OK);
    if (usable) {
        char facts[128];
        snprintf(facts, sizeof facts, "%lld %lld %ld", (long long)status.st_size,
                 (long long)status.st_mtim.tv_sec, (long)status.st_mtim.tv_nsec);
        mr_key_text(key, real);
        mr_key_text(key, facts);
    }
    free(real);
    return usable;
}

int mr_key_program(struct mr_cache_key *key, const char *name) {
    if (strchr(name, '/'))
        return add_program_at(key, name) ? 0 : -1;
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        const size_t length = strcspn(at, ":");
        char *full = NULL;
        if (asprintf(&full, "%.*s/%s", (int)length, at, name) < 0) {
            key->failed = true;
            return -1;
        }
        const bool found = add_program_at(key, full);
        free(full);
        if (found)
            return 0;
        at += length + (at[length] == ':');
    }
    return -1;
}

// The whole file with a zero after it, or NULL with a sentence in error.
static char *read_file(const char *path, size_t *size, char *error, size_t error_size) {
    FILE *file = fopen(path, "rbe");
    struct stat status;
    if (!file || fstat(fileno(file), &status)) {
        snprintf(error, error_size, "%s: cannot be read (%s), and the build needs it", path,
                 strerror(errno));
        if (file)
            fclose(file);
        return NULL;
    }
    if (!S_ISREG(status.st_mode) || status.st_size > MAX_FILE) {
        snprintf(error, error_size, "%s: is not a file below 1 GiB, and the build needs it", path);
        fclose(file);
        return NULL;
    }
    const size_t wanted = (size_t)status.st_size;
    char *data = malloc(wanted + 1);
    if (data) {
        *size = fread(data, 1, wanted, file);
        data[*size] = '\0';
    }
    if (!data || *size != wanted) {
        snprintf(error, error_size,
                 data ? "%s: ended early while it was read" : "%s: not enough memory to read it",
                 path);
        free(data);
        data = NULL;
    }
    fclose(file);
    return data;
}

int mr_key_file(struct mr_cache_key *key, const char *label, const char *path, char *error,
                size_t error_size) {
    size_t size = 0;
    char *data = read_file(path, &size, error, error_size);
    if (!data)
        return -1;
    mr_key_text(key, label);
    add(key, data, size);
    free(data);
    return 0;
}

// True when the path was seen before; it is remembered otherwise.
static bool remember(struct mr_cache_key *key, const char *real) {
    for (size_t i = 0; i < key->seen_count; i++)
        if (!strcmp(key->seen[i], real))
            return true;
    char **grown = realloc(key->seen, (key->seen_count + 1) * sizeof *grown);
    if (grown)
        key->seen = grown;
    char *copy = grown ? strdup(real) : NULL;
    if (!copy) {
        key->failed = true;
        return true;
    }
    key->seen[key->seen_count++] = copy;
    return false;
}

// Finds `name` beside `includer` or in the directories; NULL when it is nowhere (a system header).
static char *find_include(const char *includer, const char *name, size_t length,
                          const char *const *directories, size_t count) {
    char *path = NULL;
    if (name[0] == '/')
        return asprintf(&path, "%.*s", (int)length, name) < 0 ? NULL : path;
    const char *slash = strrchr(includer, '/');
    const int folder = slash ? (int)(slash - includer) + 1 : 0;
    if (asprintf(&path, "%.*s%.*s", folder, includer, (int)length, name) < 0)
        return NULL;
    for (size_t i = 0; access(path, R_OK); i++) {
        free(path);
        if (i == count || asprintf(&path, "%s/%.*s", directories[i], (int)length, name) < 0)
            return NULL;
    }
    return path;
}

void mr_key_without_comments(struct mr_cache_key *key) {
    key->code_only = true;
}

// Leaves out lines that are empty or comments as a whole. Returns the size of the rest.
static size_t keep_code(char *text) {
    char *to = text;
    for (const char *line = text, *next; *line; line = next) {
        const char *first = line + strspn(line, " \t\r");
        next = line + strcspn(line, "\n");
        next += *next == '\n';
        if (first < next && *first != '\n' && strncmp(first, "//", 2) != 0) {
            memmove(to, line, (size_t)(next - line));
            to += next - line;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

// The label is part of the key for the first file only: of included files the content is enough.
int mr_key_source(struct mr_cache_key *key, const char *label, const char *path,
                  const char *const *directories, size_t directory_count, char *error,
                  size_t error_size) {
    char *real = realpath(path, NULL);
    const bool known = real && remember(key, real);
    free(real);
    if (known || key->seen_count > MAX_INCLUDES)
        return 0;
    size_t size = 0;
    char *data = read_file(path, &size, error, error_size);
    if (!data)
        return -1;
    if (key->code_only && strlen(data) == size)
        size = keep_code(data);
    mr_key_text(key, label);
    add(key, data, size);
    int result = 0;
    for (char *line = data; line && !result;) {
        char *at = line + strspn(line, " \t");
        if (*at == '#') {
            at += 1 + strspn(at + 1, " \t");
            if (!strncmp(at, "include", 7)) {
                at += 7 + strspn(at + 7, " \t");
                const size_t length = *at == '"' ? strcspn(at + 1, "\"\n") : 0;
                char *found = length
                                  ? find_include(path, at + 1, length, directories, directory_count)
                                  : NULL;
                if (found && !access(found, R_OK))
                    result = mr_key_source(key, "include", found, directories, directory_count,
                                           error, error_size);
                free(found);
            }
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    free(data);
    return result;
}

static bool is_directory(const char *path) {
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

static int add_directory(struct mr_cache_key *key, const char *label, const char *path,
                         const char *suffix, bool deep, char *error, size_t error_size) {
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, NULL, alphasort);
    mr_key_text(key, label);
    if (count < 0 && errno != ENOENT) {
        snprintf(error, error_size, "%s: cannot be listed (%s)", path, strerror(errno));
        return -1;
    }
    int result = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        const size_t length = strlen(name), tail = strlen(suffix);
        const bool wanted = length >= tail && !strcmp(name + length - tail, suffix);
        if (!result && name[0] != '.' && (wanted || deep)) {
            char *full = NULL;
            if (asprintf(&full, "%s/%s", path, name) < 0) {
                snprintf(error, error_size, "%s: not enough memory to list it", path);
                result = -1;
            } else {
                if (deep && is_directory(full))
                    result = add_directory(key, name, full, suffix, deep, error, error_size);
                else if (wanted)
                    result = mr_key_file(key, name, full, error, error_size);
                free(full);
            }
        }
        free(entries[i]);
    }
    free(entries);
    if (deep)
        mr_key_text(key, ""); // nobody's name: the end, so that what follows is not in it
    return result;
}

int mr_key_directory(struct mr_cache_key *key, const char *label, const char *path,
                     const char *suffix, char *error, size_t error_size) {
    return add_directory(key, label, path, suffix, false, error, error_size);
}

int mr_key_tree(struct mr_cache_key *key, const char *label, const char *path, const char *suffix,
                char *error, size_t error_size) {
    return add_directory(key, label, path, suffix, true, error, error_size);
}

int mr_key_finish(struct mr_cache_key *key, char hex[33]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (key->failed || EVP_DigestFinal_ex(key->context, digest, &length) != 1 || length < 16)
        return -1;
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return 0;
}
