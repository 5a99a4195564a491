// SPDX-License-Identifier: Apache-2.0
// Reads card images (xclbin.h). XRT believes what an image says; so everything that it would run
// over is checked here.
#define _POSIX_C_SOURCE 200809L
#include "file.h"
#include "kernel_xml.h"
#include "xclbin.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xclbin.h>
#include <zip.h>

enum {
    MANIFEST_LIMIT = 1 << 20,
    PAGE = 4096,
    KIBIBYTE = 1024,
    REGISTER_WINDOW = 256,
    ARGUMENTS = 256
};
#define IMAGE_LIMIT ((size_t)1 << 31)
// Of the addresses of a card's memory and of its kernels' registers.
#define ADDRESS_LIMIT (UINT64_C(1) << 52)
#define REGISTER_LIMIT (UINT64_C(1) << 32)

// The section of a kind, within the file; NULL when there is none.
static const struct axlf_section_header *find(const struct axlf *image, uint32_t kind) {
    for (uint32_t i = 0; i < image->m_header.m_numSections; i++)
        if (image->m_sections[i].m_sectionKind == kind)
            return &image->m_sections[i];
    return NULL;
}

static int check_frame(const char *path, const struct axlf *image, size_t size, char *error,
                       size_t error_size) {
    if (size < sizeof *image || memcmp(image->m_magic, "xclbin2", 8) != 0)
        return mr_fail(error, error_size, "%s: is no xclbin (it does not start with xclbin2)",
                       path);
    if (image->m_header.m_length != size)
        return mr_fail(error, error_size,
                       "%s: the image has %zu bytes and its header says %llu; it is %s", path, size,
                       (unsigned long long)image->m_header.m_length,
                       size < image->m_header.m_length ? "truncated" : "damaged");
    const uint64_t sections = image->m_header.m_numSections;
    if (sections == 0 || sections > XCLBIN_MAX_NUM_SECTION ||
        offsetof(struct axlf, m_sections) + sections * sizeof *image->m_sections > size)
        return mr_fail(error, error_size, "%s: its %llu sections do not fit the file", path,
                       (unsigned long long)sections);
    for (uint32_t i = 0; i < sections; i++) {
        const struct axlf_section_header *section = &image->m_sections[i];
        if (section->m_sectionOffset > size ||
            section->m_sectionSize > size - section->m_sectionOffset)
            return mr_fail(error, error_size, "%s: section %u does not lie within the file", path,
                           i);
    }
    return 0;
}

// Version 4 of RFC 4122 in form, and of the content in fact.
int mr_xclbin_uuid(const struct mr_piece *sections, size_t count, unsigned char *uuid) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    for (size_t i = 0; i < count && good; i++)
        good = EVP_DigestUpdate(hash, sections[i].data, sections[i].size);
    good = good && EVP_DigestFinal_ex(hash, digest, NULL);
    EVP_MD_CTX_free(hash);
    if (!good)
        return -1;
    memcpy(uuid, digest, MR_XCLBIN_UUID);
    uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80);
    return 0;
}

// ---- The tables of an image --------------------------------------------------------------------

struct table {
    const char *name;
    enum axlf_section_kind kind;
    size_t first, entry; // where its entries begin, and the size of one
    int32_t most;        // entries
    const void *data;
    int32_t count;
};

// A table of which an image has one, with as many entries as it says.
static int find_table(const char *path, const struct axlf *image, struct table *table, char *error,
                      size_t error_size) {
    const struct axlf_section_header *section = find(image, table->kind);
    int32_t count;
    for (uint32_t i = 0; i < image->m_header.m_numSections; i++)
        if (image->m_sections[i].m_sectionKind == (uint32_t)table->kind &&
            &image->m_sections[i] != section)
            return mr_fail(error, error_size, "%s: has more than one section %s; it is damaged",
                           path, table->name);
    if (!section || section->m_sectionSize < table->first)
        return mr_fail(error, error_size, "%s: has no section %s; it is damaged", path,
                       table->name);
    table->data = (const char *)image + section->m_sectionOffset;
    memcpy(&count, table->data, sizeof count);
    if (count < 0 || count > table->most ||
        table->first + (uint64_t)count * table->entry > section->m_sectionSize)
        return mr_fail(
            error, error_size,
            "%s: its section %s says that it has %d entries, of %llu bytes; it is damaged", path,
            table->name, (int)count, (unsigned long long)section->m_sectionSize);
    table->count = count;
    return 0;
}

static int check_banks(const char *path, const struct table *banks, char *error,
                       size_t error_size) {
    uint64_t end = 0;
    int32_t used = 0;
    for (int32_t i = 0; i < banks->count; i++) {
        struct mem_data bank;
        memcpy(&bank, (const char *)banks->data + banks->first + (size_t)i * banks->entry,
               sizeof bank);
        if (!bank.m_used)
            continue;
        used++;
        if (bank.m_type != MEM_DDR4 || !bank.m_size || bank.m_size > ADDRESS_LIMIT / KIBIBYTE ||
            bank.m_size * KIBIBYTE % PAGE || bank.m_base_address % PAGE ||
            bank.m_base_address < end ||
            bank.m_base_address > ADDRESS_LIMIT - bank.m_size * KIBIBYTE)
            return mr_fail(
                error, error_size,
                "%s: its memory bank %d of 0x%llx KiB at 0x%llx cannot be; it is damaged", path,
                (int)i, (unsigned long long)bank.m_size, (unsigned long long)bank.m_base_address);
        end = bank.m_base_address + bank.m_size * KIBIBYTE;
    }
    return used ? 0 : mr_fail(error, error_size, "%s: has no memory; it is damaged", path);
}

static int check_kernels(const char *path, const struct table *kernels, char *error,
                         size_t error_size) {
    for (int32_t i = 0; i < kernels->count; i++) {
        struct ip_data kernel;
        memcpy(&kernel, (const char *)kernels->data + kernels->first + (size_t)i * kernels->entry,
               sizeof kernel);
        if (kernel.m_base_address % REGISTER_WINDOW || kernel.m_base_address >= REGISTER_LIMIT ||
            !memchr(kernel.m_name, 0, sizeof kernel.m_name))
            return mr_fail(error, error_size,
                           "%s: its kernel %d with registers at 0x%llx cannot be; it is damaged",
                           path, (int)i, (unsigned long long)kernel.m_base_address);
    }
    return kernels->count ? 0
                          : mr_fail(error, error_size, "%s: has no kernel; it is damaged", path);
}

static int check_connections(const char *path, const struct table *connections, int32_t kernels,
                             int32_t banks, char *error, size_t error_size) {
    for (int32_t i = 0; i < connections->count; i++) {
        struct connection one;
        memcpy(&one,
               (const char *)connections->data + connections->first +
                   (size_t)i * connections->entry,
               sizeof one);
        if (one.arg_index < 0 || one.arg_index >= ARGUMENTS || one.m_ip_layout_index < 0 ||
            one.m_ip_layout_index >= kernels || one.mem_data_index < 0 ||
            one.mem_data_index >= banks)
            return mr_fail(
                error, error_size,
                "%s: connects argument %d of kernel %d with memory bank %d, which is not "
                "there; it is damaged",
                path, (int)one.arg_index, (int)one.m_ip_layout_index, (int)one.mem_data_index);
    }
    return 0;
}

// An image of ours carries a hash of its sections.
static int check_content(const char *path, const struct axlf *image, char *error,
                         size_t error_size) {
    struct mr_piece sections[XCLBIN_MAX_NUM_SECTION];
    unsigned char uuid[MR_XCLBIN_UUID];
    for (uint32_t i = 0; i < image->m_header.m_numSections; i++)
        sections[i] = (struct mr_piece){(const char *)image + image->m_sections[i].m_sectionOffset,
                                        (size_t)image->m_sections[i].m_sectionSize};
    if (mr_xclbin_uuid(sections, image->m_header.m_numSections, uuid))
        return mr_fail(error, error_size, "%s: not enough memory to check it", path);
    return memcmp(uuid, image->m_header.uuid, sizeof uuid) == 0
               ? 0
               : mr_fail(
                     error, error_size,
                     "%s: its content is not what its UUID is of; it is damaged, build it again",
                     path);
}

// Of an emulated card, before XRT sees it.
static int check_emulation(const char *path, const struct axlf *image, char *error,
                           size_t error_size) {
    struct table banks = {"MEM_TOPOLOGY",
                          MEM_TOPOLOGY,
                          offsetof(struct mem_topology, m_mem_data),
                          sizeof(struct mem_data),
                          64,
                          NULL,
                          0},
                 kernels = {"IP_LAYOUT",
                            IP_LAYOUT,
                            offsetof(struct ip_layout, m_ip_data),
                            sizeof(struct ip_data),
                            64,
                            NULL,
                            0},
                 connections = {"CONNECTIVITY",
                                CONNECTIVITY,
                                offsetof(struct connectivity, m_connection),
                                sizeof(struct connection),
                                4096,
                                NULL,
                                0};
    if (!find(image, BITSTREAM))
        return mr_fail(error, error_size,
                       "%s: holds no emulated card; build it with millrace build", path);
    if (!find(image, EMBEDDED_METADATA))
        return mr_fail(error, error_size, "%s: has no section EMBEDDED_METADATA; it is damaged",
                       path);
    return find_table(path, image, &banks, error, error_size) ||
                   find_table(path, image, &kernels, error, error_size) ||
                   find_table(path, image, &connections, error, error_size) ||
                   check_banks(path, &banks, error, error_size) ||
                   check_kernels(path, &kernels, error, error_size) ||
                   check_connections(path, &connections, kernels.count, banks.count, error,
                                     error_size) ||
                   check_content(path, image, error, error_size)
               ? -1
               : 0;
}

// ---- What an image says of itself --------------------------------------------------------------

static int read_manifest(const char *path, const struct axlf *image, struct mr_xclbin_info *info,
                         char *error, size_t error_size) {
    const struct axlf_section_header *section = find(image, USER_METADATA);
    json_t *manifest = NULL;
    if (section && section->m_sectionSize <= MANIFEST_LIMIT)
        manifest = json_loadb((const char *)image + section->m_sectionOffset,
                              (size_t)section->m_sectionSize, 0, NULL);
    const bool good = mr_hash_parse(mr_json_text(manifest, "shape_hash"), info->hash.shape);
    // Before kernels counted, the hash was that of the source alone.
    if (!mr_hash_parse(mr_json_text(manifest, "source_hash"), info->hash.source))
        memcpy(info->hash.source, info->hash.shape, sizeof info->hash.source);
    snprintf(info->target, sizeof info->target, "%s", mr_json_text(manifest, "target"));
    json_decref(manifest);
    return good ? 0
                : mr_fail(error, error_size,
                          "%s: holds no network of Millrace (its section USER_METADATA names no "
                          "shape); build it with millrace build",
                          path);
}

int mr_xclbin_read(const char *path, struct mr_xclbin_info *info, char *error, size_t error_size) {
    unsigned char *data = NULL;
    size_t size = 0;
    memset(info, 0, sizeof *info);
    if (mr_file_read(path, IMAGE_LIMIT, &data, &size, error, error_size))
        return -1;
    const struct axlf *image = (const struct axlf *)(const void *)data;
    int result = check_frame(path, image, size, error, error_size);
    if (!result)
        result = read_manifest(path, image, info, error, error_size);
    if (!result) {
        info->emulation = image->m_header.m_mode == XCLBIN_HW_EMU;
        snprintf(info->platform, sizeof info->platform, "%.63s",
                 (const char *)image->m_header.m_platformVBNV);
        if (info->emulation)
            result = check_emulation(path, image, error, error_size);
    }
    free(data);
    return result;
}

// ---- Unpacking ---------------------------------------------------------------------------------

static int make_folders(char *path, size_t from) {
    for (char *slash = path + from; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        const int failed = mkdir(path, 0700) && errno != EEXIST;
        *slash = '/';
        if (failed)
            return -1;
    }
    return 0;
}

static int unpack_one(zip_t *archive, zip_uint64_t index, const char *folder, char *error,
                      size_t error_size) {
    char path[PATH_MAX];
    zip_stat_t status;
    zip_uint8_t system;
    zip_uint32_t attributes = 0;
    if (zip_stat_index(archive, index, 0, &status) || status.size > IMAGE_LIMIT)
        return mr_fail(error, error_size, "the emulated card in the image is damaged");
    if (strstr(status.name, "..") ||
        snprintf(path, sizeof path, "%s/%s", folder, status.name) >= (int)sizeof path)
        return mr_fail(error, error_size, "the image holds a file %.100s, which has no place",
                       status.name);
    if (make_folders(path, strlen(folder) + 1))
        return mr_fail(error, error_size, "%s: cannot be made (%s)", path, strerror(errno));
    if (path[strlen(path) - 1] == '/')
        return 0;
    (void)zip_file_get_external_attributes(archive, index, 0, &system, &attributes);
    unsigned char *data = malloc((size_t)status.size + 1);
    zip_file_t *file = zip_fopen_index(archive, index, 0);
    int result = -1;
    // The read behind the end compares the checksum.
    if (data && file && zip_fread(file, data, status.size) == (zip_int64_t)status.size &&
        zip_fread(file, data + status.size, 1) == 0) {
        const struct mr_piece piece = {data, (size_t)status.size};
        result = mr_file_write(path, &piece, 1, error, error_size);
        if (!result && (attributes >> 16 & 0100))
            result = chmod(path, 0700);
    } else {
        mr_fail(error, error_size, "the emulated card in the image is damaged");
    }
    if (file)
        zip_fclose(file);
    free(data);
    return result;
}

static int unpack_archive(const void *data, size_t size, const char *folder, char *error,
                          size_t error_size) {
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(data, size, 0, &reason);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_RDONLY, &reason) : NULL;
    if (!archive) {
        zip_source_free(source);
        return mr_fail(error, error_size, "the emulated card in the image is damaged");
    }
    int result = 0;
    const zip_int64_t count = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < count && !result; i++)
        result = unpack_one(archive, (zip_uint64_t)i, folder, error, error_size);
    zip_discard(archive);
    return result;
}

int mr_xclbin_unpack(const char *path, const char *folder, char *error, size_t error_size) {
    unsigned char *data = NULL;
    char reason[700];
    size_t size = 0;
    if (mr_file_read(path, IMAGE_LIMIT, &data, &size, error, error_size))
        return -1;
    const struct axlf *image = (const struct axlf *)(const void *)data;
    int result = check_frame(path, image, size, error, error_size);
    const struct axlf_section_header *section = result ? NULL : find(image, BITSTREAM);
    if (!result && !section)
        result = mr_fail(error, error_size, "%s: holds no emulated card", path);
    if (!result && mkdir(folder, 0700))
        result = mr_fail(error, error_size, "%s: cannot be made (%s)", folder, strerror(errno));
    if (!result && unpack_archive(data + section->m_sectionOffset, (size_t)section->m_sectionSize,
                                  folder, reason, sizeof reason))
        result = mr_fail(error, error_size, "%s: %s", path, reason);
    free(data);
    return result;
}
