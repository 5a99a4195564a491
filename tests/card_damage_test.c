// SPDX-License-Identifier: Apache-2.0
// Images of emulated cards that are damaged, impossible, or of a real card: none reaches XRT.
#define _GNU_SOURCE
#define FOLDER "build/card_damage_test"
#include "card_fixture.h"
#include "xclbin.h"
#include "xrt_way.h"

#include <xclbin.h>

static unsigned char *read_image(size_t *size) {
    FILE *file = fopen(image_path, "rb");
    ck_assert(file && !fseek(file, 0, SEEK_END));
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *image = malloc(*size);
    ck_assert(image && fread(image, 1, *size, file) == *size);
    fclose(file);
    return image;
}

static void write_image(const unsigned char *image, size_t size) {
    FILE *file = fopen(FOLDER "/damaged.xclbin", "wb");
    ck_assert(file && fwrite(image, 1, size, file) == size && !fclose(file));
}

static void refuse_damaged(const struct mr_model *model, const char *what) {
    struct mr_error error;
    struct mr_session *session = try_open(model, "xrt:0," FOLDER "/damaged.xclbin", NULL, &error);
    ck_assert_msg(session == NULL, "%s: it was opened", what);
    ck_assert_msg(strstr(error.text, "damaged") || strstr(error.text, "another shape") ||
                      strstr(error.text, "holds no network") || strstr(error.text, "target is"),
                  "%s: %s", what, error.text);
}

// A flipped bit anywhere in what XRT builds on: a sentence, before XRT sees it.
START_TEST(damaged_sections) {
    struct mr_model *model = open_model();
    size_t size;
    unsigned char *image = read_image(&size);
    const struct axlf *head = (const struct axlf *)(const void *)image;
    for (uint32_t i = 0; i < head->m_header.m_numSections; i++) {
        const struct axlf_section_header section = head->m_sections[i];
        const uint64_t step = section.m_sectionSize / 12 + 1;
        for (uint64_t at = 0; at < section.m_sectionSize; at += step) {
            char what[60];
            snprintf(what, sizeof what, "byte %llu of section %u", (unsigned long long)at,
                     section.m_sectionKind);
            image[section.m_sectionOffset + at] ^= (unsigned char)(1 << at % 8);
            write_image(image, size);
            image[section.m_sectionOffset + at] ^= (unsigned char)(1 << at % 8);
            refuse_damaged(model, what);
        }
    }
    free(image);
    mr_model_close(model);
}
END_TEST

static void *section_at(unsigned char *image, uint32_t kind) {
    struct axlf *head = (struct axlf *)(void *)image;
    for (uint32_t i = 0; i < head->m_header.m_numSections; i++)
        if (head->m_sections[i].m_sectionKind == kind)
            return image + head->m_sections[i].m_sectionOffset;
    return NULL;
}

static void sign(unsigned char *image) {
    struct axlf *head = (struct axlf *)(void *)image;
    struct mr_piece sections[16];
    for (uint32_t i = 0; i < head->m_header.m_numSections; i++)
        sections[i] = (struct mr_piece){image + head->m_sections[i].m_sectionOffset,
                                        (size_t)head->m_sections[i].m_sectionSize};
    ck_assert(!mr_xclbin_uuid(sections, head->m_header.m_numSections, head->m_header.uuid));
}

// Tables that cannot be, in an image whose UUID fits them.
START_TEST(impossible_tables) {
    struct mr_model *model = open_model();
    size_t size;
    unsigned char *good = read_image(&size), *image = malloc(size);
    ck_assert(image != NULL);
    for (int i = 0;; i++) {
        memcpy(image, good, size);
        struct mem_topology *memory = section_at(image, MEM_TOPOLOGY);
        struct ip_layout *kernels = section_at(image, IP_LAYOUT);
        struct connectivity *connections = section_at(image, CONNECTIVITY);
        struct axlf *head = (struct axlf *)(void *)image;
        ck_assert(memory && kernels && connections);
        struct mem_data *bank = &memory->m_mem_data[1];
        switch (i) {
        case 0:
            memory->m_count = INT32_MAX;
            break;
        case 1:
            memory->m_count = 3;
            break;
        case 2:
            memory->m_count = -1;
            break;
        case 3:
            memory->m_count = 0;
            break;
        case 4:
            bank->m_size = 0;
            break;
        case 5:
            bank->m_size = UINT64_MAX;
            break;
        case 6:
            bank->m_size = (UINT64_MAX >> 10) + 1;
            break;
        case 7:
            bank->m_base_address += 1;
            break;
        case 8:
            bank->m_base_address = memory->m_mem_data[0].m_base_address;
            break;
        case 9:
            bank->m_base_address = UINT64_MAX - 4095;
            break;
        case 10:
            bank->m_type = MEM_STREAMING;
            break;
        case 11:
            memory->m_mem_data[0].m_used = bank->m_used = 0;
            break;
        case 12:
            kernels->m_count = 2;
            break;
        case 13:
            kernels->m_count = 0;
            break;
        case 14:
            kernels->m_ip_data[0].m_base_address += 4;
            break;
        case 15:
            memset(kernels->m_ip_data[0].m_name, 'n', sizeof kernels->m_ip_data[0].m_name);
            break;
        case 16:
            connections->m_count = 1 << 20;
            break;
        case 17:
            connections->m_connection[0].mem_data_index = 2;
            break;
        case 18:
            connections->m_connection[0].mem_data_index = -1;
            break;
        case 19:
            connections->m_connection[0].m_ip_layout_index = 1;
            break;
        case 20:
            connections->m_connection[0].arg_index = 1 << 24;
            break;
        case 21:
            head->m_sections[1].m_sectionKind = DEBUG_DATA;
            break;
        case 22:
            head->m_sections[2].m_sectionKind = head->m_sections[1].m_sectionKind;
            break;
        case 23:
            head->m_sections[1].m_sectionSize = 3;
            break;
        default:
            free(image);
            free(good);
            mr_model_close(model);
            return;
        }
        char what[30];
        snprintf(what, sizeof what, "table %d", i);
        sign(image);
        write_image(image, size);
        refuse_damaged(model, what);
    }
}
END_TEST

// An image of a card is not for a broker, and without a card XRT, which aborts then, is not asked.
START_TEST(real_image) {
    struct mr_model *model = open_model();
    struct mr_error error;
    size_t size;
    unsigned char *image = read_image(&size);
    ((struct axlf *)(void *)image)->m_header.m_mode = XCLBIN_FLAT;
    write_image(image, size);
    setenv("XCL_EMULATION_MODE", "hw_emu", 1);
    mr_session_close(open_session(model, device, NULL)); // its broker sets it by itself
    unsetenv("XCL_EMULATION_MODE");
    if (access("/sys/bus/pci/drivers/xocl", F_OK)) {
        ck_assert(try_open(model, "xrt:0," FOLDER "/damaged.xclbin", NULL, &error) == NULL);
        ck_assert_msg(strstr(error.text, "there is no card 0") != NULL, "%s", error.text);
        for (int tries = 0; tries < 100 && find_process("millrace_broker"); tries++)
            usleep(20000); // that of the session, which was told to end
        ck_assert_int_eq(find_process("millrace_broker"), 0);
        struct mr_xrt_place place = {.index = 0, .limit_ms = 1000, .portion = 1};
        struct mr_protocol_shape shape;
        setenv("XCL_EMULATION_MODE", "hw_emu", 1);
        ck_assert(mr_xrt_here.open(&place, &shape, &error) == NULL);
        ck_assert_msg(strstr(error.text, "XCL_EMULATION_MODE") != NULL, "%s", error.text);
        unsetenv("XCL_EMULATION_MODE");
        setenv("XILINX_XRT", FOLDER, 1);
        ck_assert(mr_xrt_here.open(&place, &shape, &error) == NULL);
        ck_assert_msg(strstr(error.text, "set XILINX_XRT") != NULL, "%s", error.text);
    }
    free(image);
    mr_model_close(model);
}
END_TEST

int main(void) {
    build_image();
    Suite *suite = suite_create("card_damage");
    TCase *cases = tcase_create("damage");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, damaged_sections);
    tcase_add_test(cases, impossible_tables);
    tcase_add_test(cases, real_image);
    suite_add_tcase(suite, cases);
    return card_run(suite);
}
