// SPDX-License-Identifier: Apache-2.0
// The hash of what is generated (kernel_hash.h).
#include "cache_key.h"
#include "failure.h"
#include "file.h"
#include "kernel_hash.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

// The library's kernel that the line includes; NULL: none. What it has not, hlsc refuses.
static const struct mr_kernel_hash *included(const char *line) {
    static const char word[] = "include";
    line += strspn(line, " \t");
    if (*line++ != '#')
        return NULL;
    line += strspn(line, " \t");
    if (strncmp(line, word, sizeof word - 1) != 0)
        return NULL;
    line += sizeof word - 1;
    line += strspn(line, " \t");
    if (*line++ != '"')
        return NULL;
    const size_t length = strcspn(line, "\"\n");
    for (const struct mr_kernel_hash *kernel = mr_kernel_hashes; kernel->name; kernel++)
        if (strlen(kernel->name) == length && !memcmp(kernel->name, line, length))
            return kernel;
    return NULL;
}

static const char *next_line(const char *line) {
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

int mr_design_hash_make(const char *source, struct mr_design_hash *hash, struct mr_error *error) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[MR_HASH_TEXT] = "";
    struct mr_cache_key *key = mr_key_new();
    bool good = key && EVP_Digest(source, strlen(source), digest, NULL, EVP_sha256(), NULL);
    if (good) {
        memcpy(hash->source, digest, sizeof hash->source);
        mr_key_text(key, source);
        for (const char *line = source; *line; line = next_line(line)) {
            const struct mr_kernel_hash *kernel = included(line);
            if (kernel)
                mr_key_text(key, kernel->hash);
        }
        good = !mr_key_finish(key, hex) && mr_hash_parse(hex, hash->shape);
    }
    mr_key_free(key);
    return good ? 0 : mr_failure(error, MR_ERROR_MEMORY, "not enough memory to name a design");
}

int mr_design_kernels_check(const char *source, const char *data_dir, char *error,
                            size_t error_size) {
    char now[MR_HASH_TEXT];
    for (const char *line = source; *line; line = next_line(line)) {
        const struct mr_kernel_hash *kernel = included(line);
        if (!kernel)
            continue;
        if (mr_kernel_hash_file(data_dir, kernel->name, now, error, error_size))
            return -1;
        if (strcmp(now, kernel->hash) != 0)
            return mr_fail(error, error_size,
                           "%s: the kernel %s, or what it includes, is not what this program was "
                           "built with, so it would refuse the image; build the program again, or "
                           "set MILLRACE_DATA to the files of its version",
                           data_dir, kernel->name);
    }
    return 0;
}
