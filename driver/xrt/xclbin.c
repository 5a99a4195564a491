// SPDX-License-Identifier: Apache-2.0
// Writes card images (xclbin.h), over AMD's <xrt/xclbin.h>. The kernel's arguments and ports come
// from its register description, so host, RTL and image cannot differ.
#define _POSIX_C_SOURCE 200809L
#include "xclbin.h"
#include "card_kernel.h"
#include "file.h"
#include "kernel_xml.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xclbin.h>
#include <zip.h>

enum { SECTION_LIMIT = 6, ALIGNMENT = 8 };

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

// A bank for each of the kernel's ports, and behind these for each memory of the network, as a
// card's ports are linked to banks of their own: what a buffer in the wrong one does shows in
// emulation too.
static const char *const bank_ports[] = {"gmem_in", "gmem_out"};
enum { BANKS = sizeof bank_ports / sizeof *bank_ports };

static int add_topology(struct image *image, const struct mr_xclbin_spec *spec) {
    const unsigned banks = BANKS + spec->memories;
    const size_t size = offsetof(struct mem_topology, m_mem_data) + banks * sizeof(struct mem_data);
    const uint64_t bank_size = mr_card_bank_size(spec->memory_size, spec->memories);
    struct mem_topology *topology = calloc(1, size);
    for (unsigned i = 0; topology && i < banks; i++) {
        struct mem_data *bank = &topology->m_mem_data[topology->m_count++];
        bank->m_type = MEM_DDR4;
        bank->m_used = 1;
        bank->m_size = bank_size / 1024;
        bank->m_base_address = spec->memory_base + i * bank_size;
        snprintf((char *)bank->m_tag, sizeof bank->m_tag, "bank%u", i);
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

static int add_connectivity(struct image *image, const json_t *arguments, unsigned memories) {
    const size_t count = json_array_size(arguments);
    const size_t size = offsetof(struct connectivity, m_connection) +
                        (count + memories ? count + memories : 1) * sizeof(struct connection);
    struct connectivity *connectivity = calloc(1, size);
    for (size_t i = 0; connectivity && i < count; i++) {
        const char *port = mr_json_text(json_array_get(arguments, i), "port");
        for (int bank = 0; bank < BANKS; bank++)
            if (strcmp(port, bank_ports[bank]) == 0)
                connectivity->m_connection[connectivity->m_count++] =
                    (struct connection){.arg_index = (int32_t)i, .mem_data_index = bank};
    }
    for (unsigned m = 0; connectivity && m < memories; m++)
        connectivity->m_connection[connectivity->m_count++] = (struct connection){
            .arg_index = (int32_t)(count + m), .mem_data_index = (int32_t)(BANKS + m)};
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
    mr_kernel_xml_ports(xml, description, spec->memories);
    mr_kernel_xml_arguments(xml, description, spec->memories);
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

static int write_image(const char *path, const struct image *image,
                       const struct mr_xclbin_spec *spec, char *error, size_t error_size) {
    static const char zeros[ALIGNMENT];
    const size_t head_size =
        offsetof(struct axlf, m_sections) + image->count * sizeof(struct axlf_section_header);
    struct axlf *head = calloc(1, aligned(head_size) + sizeof *head);
    struct mr_piece pieces[2 * SECTION_LIMIT + 1], contents[SECTION_LIMIT];
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
        contents[i] = (struct mr_piece){section->data, section->size};
        pieces[count++] = contents[i];
        pieces[count++] = (struct mr_piece){zeros, aligned(section->size) - section->size};
        at += aligned(section->size);
    }
    head->m_header.m_length = at;
    const int hashed = mr_xclbin_uuid(contents, image->count, head->m_header.uuid);
    int result = hashed ? no_memory(error, error_size) : 0;
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
        if (add_topology(&image, spec) ||
            add_layout(&image, spec, mr_json_text(description, "kernel")) ||
            add_connectivity(&image, json_object_get(description, "arguments"), spec->memories) ||
            add_metadata(&image, spec, description) ||
            add(&image, USER_METADATA, "millrace", strdup(spec->manifest), strlen(spec->manifest)))
            result = no_memory(error, error_size);
        else
            result = write_image(path, &image, spec, error, error_size);
    }
    image_free(&image);
    json_decref(description);
    return result;
}
