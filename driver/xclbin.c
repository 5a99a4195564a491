// SPDX-License-Identifier: Apache-2.0
// Card images (xclbin.h), over AMD's <xrt/xclbin.h>. The kernel's arguments and ports come from
// its register description, so host, RTL and image cannot differ.
#define _POSIX_C_SOURCE 200809L
#include "xclbin.h"
#include "file.h"
#include "kernel_xml.h"

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

enum { MANIFEST_LIMIT = 1 << 20, SECTION_LIMIT = 6, ALIGNMENT = 8 };
#define IMAGE_LIMIT ((size_t)1 << 31)

struct section {
    enum axlf_section_kind kind;
    const char *name;
    void *data; // owned
    size_t size;
};

struct image {
    struct section sections[SECTION_LIMIT];
    uint32_t count;
};

static int no_memory(char *error, size_t error_size) {
    return mr_fail(error, error_size, "not enough memory for the image of a card");
}

static void image_free(struct image *image) {
    for (uint32_t i = 0; i < image->count; i++)
        free(image->sections[i].data);
    image->count = 0;
}

// Takes the data over, also when it is NULL, which is an error.
static int add(struct image *image, enum axlf_section_kind kind, const char *name, void *data,
               size_t size) {
    image->sections[image->count++] =
        (struct section){.kind = kind, .name = name, .data = data, .size = size};
    return data ? 0 : -1;
}

// A bank for each of the kernel's ports, halves of the memory, as a card's ports are linked to
// banks of their own: what a buffer in the wrong one does shows in emulation too.
static const char *const bank_ports[] = {"gmem_in", "gmem_out"};
enum { BANKS = sizeof bank_ports / sizeof *bank_ports };

static int add_topology(struct image *image, const struct mr_xclbin_spec *spec) {
    const size_t size = offsetof(struct mem_topology, m_mem_data) + BANKS * sizeof(struct mem_data);
    const uint64_t bank_size = spec->memory_size / BANKS;
    struct mem_topology *topology = calloc(1, size);
    for (int i = 0; topology && i < BANKS; i++) {
        struct mem_data *bank = &topology->m_mem_data[topology->m_count++];
        bank->m_type = MEM_DDR4;
        bank->m_used = 1;
        bank->m_size = bank_size / 1024;
        bank->m_base_address = spec->memory_base + (uint64_t)i * bank_size;
        snprintf((char *)bank->m_tag, sizeof bank->m_tag, "bank%d", i);
    }
    return add(image, MEM_TOPOLOGY, "", topology, size);
}

static int add_layout(struct image *image, const struct mr_xclbin_spec *spec, const char *kernel) {
    struct ip_layout *layout = calloc(1, sizeof *layout);
    if (layout) {
        layout->m_count = 1;
        layout->m_ip_data[0].m_type = IP_KERNEL;
        layout->m_ip_data[0].properties = IP_INT_ENABLE_MASK | (uint32_t)AP_CTRL_CHAIN
                                                                   << IP_CONTROL_SHIFT;
        layout->m_ip_data[0].m_base_address = spec->register_base;
        snprintf((char *)layout->m_ip_data[0].m_name, sizeof layout->m_ip_data[0].m_name, "%s:%s_1",
                 kernel, kernel);
    }
    return add(image, IP_LAYOUT, "", layout, sizeof *layout);
}

static int add_connectivity(struct image *image, const json_t *arguments) {
    const size_t count = json_array_size(arguments);
    const size_t size = offsetof(struct connectivity, m_connection) +
                        (count ? count : 1) * sizeof(struct connection);
    struct connectivity *connectivity = calloc(1, size);
    for (size_t i = 0; connectivity && i < count; i++) {
        const char *port = mr_json_text(json_array_get(arguments, i), "port");
        for (int bank = 0; bank < BANKS; bank++)
            if (strcmp(port, bank_ports[bank]) == 0)
                connectivity->m_connection[connectivity->m_count++] =
                    (struct connection){.arg_index = (int32_t)i, .mem_data_index = bank};
    }
    return add(image, CONNECTIVITY, "", connectivity, size);
}

static int add_metadata(struct image *image, const struct mr_xclbin_spec *spec,
                        const json_t *description) {
    char *text = NULL;
    size_t size = 0;
    const char *kernel = mr_json_text(description, "kernel");
    FILE *xml = open_memstream(&text, &size);
    if (!xml)
        return -1;
    fprintf(xml,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<project name=\"%s\">\n"
            " <platform vendor=\"millrace\" boardid=\"%s\" name=\"%s\" featureRomTime=\"0\">\n"
            "  <version major=\"1\" minor=\"0\"/>\n"
            "  <device name=\"fpga0\" fpgaDevice=\"virtexuplus:%s\" addrWidth=\"0\">\n"
            "   <core name=\"OCL_REGION_0\" target=\"hw_em\" type=\"clc_region\" "
            "clockFreq=\"%uMHz\" numComputeUnits=\"1\">\n"
            "    <kernelClocks>\n     <clock port=\"KERNEL_CLK\" frequency=\"%u.0MHz\"/>\n"
            "    </kernelClocks>\n"
            "    <kernel name=\"%s\" language=\"ip_c\" type=\"pl\" "
            "hwControlProtocol=\"ap_ctrl_chain\">\n",
            kernel, spec->target, spec->target, spec->part, spec->clock_mhz, spec->clock_mhz,
            kernel);
    mr_kernel_xml_ports(xml, description);
    mr_kernel_xml_arguments(xml, description);
    fprintf(xml,
            "     <instance name=\"%s_1\">\n      <addrRemap base=\"0x%llx\" range=\"0x%llx\" "
            "port=\"%s\"/>\n     </instance>\n    </kernel>\n   </core>\n  </device>\n"
            " </platform>\n</project>\n",
            kernel, (unsigned long long)spec->register_base,
            (unsigned long long)mr_json_number(description, "window"),
            mr_json_text(description, "port"));
    if (fclose(xml)) {
        free(text);
        return -1;
    }
    return add(image, EMBEDDED_METADATA, "", text, size);
}

// The archive's bytes, from a source that was kept when the archive was closed.
static int take_archive(struct image *image, zip_source_t *source) {
    zip_stat_t status;
    if (zip_source_stat(source, &status) || !(status.valid & ZIP_STAT_SIZE) ||
        zip_source_open(source))
        return -1;
    void *data = malloc(status.size);
    const bool whole =
        data && zip_source_read(source, data, status.size) == (zip_int64_t)status.size;
    zip_source_close(source);
    if (!whole) {
        free(data);
        data = NULL;
    }
    return add(image, BITSTREAM, "", data, status.size);
}

static int add_to_archive(zip_t *archive, const struct mr_xclbin_file *file) {
    zip_source_t *source = file->text
                               ? zip_source_buffer(archive, file->text, strlen(file->text), 0)
                               : zip_source_file(archive, file->path, 0, -1);
    if (!source)
        return -1;
    const zip_int64_t index = zip_file_add(archive, file->name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return -1;
    }
    const zip_uint32_t mode = file->executable ? 0100755 : 0100644;
    // Equal content gives equal images.
    return zip_file_set_mtime(archive, (zip_uint64_t)index, 315619200, 0) ||
                   zip_file_set_external_attributes(archive, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX,
                                                    mode << 16)
               ? -1
               : 0;
}

static int add_archive(struct image *image, const struct mr_xclbin_spec *spec, char *error,
                       size_t error_size) {
    zip_error_t reason;
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &reason);
    zip_t *archive = source ? zip_open_from_source(source, ZIP_TRUNCATE, &reason) : NULL;
    if (!archive) {
        zip_source_free(source);
        return no_memory(error, error_size);
    }
    zip_source_keep(source);
    int result = 0;
    for (size_t i = 0; i < spec->file_count && !result; i++)
        result = add_to_archive(archive, &spec->files[i]);
    if (result || zip_close(archive)) {
        result = mr_fail(error, error_size, "packing the emulated card: %s", zip_strerror(archive));
        zip_discard(archive);
    } else if (take_archive(image, source)) {
        result = no_memory(error, error_size);
    }
    zip_source_free(source);
    return result;
}

static size_t aligned(size_t size) {
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// Version 4 of RFC 4122 in form, and of the content in fact.
static int make_uuid(const struct image *image, unsigned char *uuid) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    int good = hash && EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    for (uint32_t i = 0; i < image->count && good; i++)
        good = EVP_DigestUpdate(hash, image->sections[i].data, image->sections[i].size);
    good = good && EVP_DigestFinal_ex(hash, digest, NULL);
    EVP_MD_CTX_free(hash);
    if (!good)
        return -1;
    memcpy(uuid, digest, 16);
    uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80);
    return 0;
}

static int write_image(const char *path, const struct image *image,
                       const struct mr_xclbin_spec *spec, char *error, size_t error_size) {
    static const char zeros[ALIGNMENT];
    const size_t head_size =
        offsetof(struct axlf, m_sections) + image->count * sizeof(struct axlf_section_header);
    struct axlf *head = calloc(1, aligned(head_size) + sizeof *head);
    struct mr_piece pieces[2 * SECTION_LIMIT + 1];
    if (!head)
        return no_memory(error, error_size);
    memcpy(head->m_magic, "xclbin2", sizeof head->m_magic);
    head->m_signature_length = -1;
    memset(head->reserved, 0xff, sizeof head->reserved);
    memset(head->m_keyBlock, 0xff, sizeof head->m_keyBlock);
    head->m_header.m_versionMajor = 2;
    head->m_header.m_mode = XCLBIN_HW_EMU;
    head->m_header.m_numSections = image->count;
    snprintf((char *)head->m_header.m_platformVBNV, sizeof head->m_header.m_platformVBNV,
             "millrace_%s", spec->target);
    size_t count = 0, at = aligned(head_size);
    pieces[count++] = (struct mr_piece){head, at};
    for (uint32_t i = 0; i < image->count; i++) {
        const struct section *section = &image->sections[i];
        struct axlf_section_header *header = &head->m_sections[i];
        header->m_sectionKind = section->kind;
        snprintf(header->m_sectionName, sizeof header->m_sectionName, "%s", section->name);
        header->m_sectionOffset = at;
        header->m_sectionSize = section->size;
        pieces[count++] = (struct mr_piece){section->data, section->size};
        pieces[count++] = (struct mr_piece){zeros, aligned(section->size) - section->size};
        at += aligned(section->size);
    }
    head->m_header.m_length = at;
    int result = make_uuid(image, head->m_header.uuid);
    if (result)
        result = no_memory(error, error_size);
    memcpy(&head->m_uniqueId, head->m_header.uuid, sizeof head->m_uniqueId);
    if (!result)
        result = mr_file_write(path, pieces, count, error, error_size);
    free(head);
    return result;
}

int mr_xclbin_write(const char *path, const struct mr_xclbin_spec *spec, char *error,
                    size_t error_size) {
    json_error_t reason;
    struct image image = {0};
    json_t *description = json_load_file(spec->registers, 0, &reason);
    if (!description)
        return mr_fail(error, error_size, "%s:%d: %s", spec->registers, reason.line, reason.text);
    int result = add_archive(&image, spec, error, error_size);
    if (!result) {
        char *manifest = strdup(spec->manifest);
        if (add_topology(&image, spec) ||
            add_layout(&image, spec, mr_json_text(description, "kernel")) ||
            add_connectivity(&image, json_object_get(description, "arguments")) ||
            add_metadata(&image, spec, description) ||
            add(&image, USER_METADATA, "millrace", manifest, strlen(spec->manifest)))
            result = no_memory(error, error_size);
        else
            result = write_image(path, &image, spec, error, error_size);
    }
    image_free(&image);
    json_decref(description);
    return result;
}

// ---- Reading -----------------------------------------------------------------------------------

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

bool mr_shape_hash_parse(const char *text, unsigned char *hash) {
    for (int i = 0; i < MR_SHAPE_HASH; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            return false;
        hash[i] = (unsigned char)byte;
    }
    return text[2 * MR_SHAPE_HASH] == '\0';
}

static int read_manifest(const char *path, const struct axlf *image, struct mr_xclbin_info *info,
                         char *error, size_t error_size) {
    const struct axlf_section_header *section = find(image, USER_METADATA);
    json_t *manifest = NULL;
    if (section && section->m_sectionSize <= MANIFEST_LIMIT)
        manifest = json_loadb((const char *)image + section->m_sectionOffset,
                              (size_t)section->m_sectionSize, 0, NULL);
    const char *hash = json_string_value(json_object_get(manifest, "shape_hash"));
    const bool good =
        hash && strlen(hash) == 2 * MR_SHAPE_HASH && mr_shape_hash_parse(hash, info->shape_hash);
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
        if (info->emulation && !find(image, BITSTREAM))
            result = mr_fail(error, error_size,
                             "%s: holds no emulated card; build it with millrace build", path);
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
