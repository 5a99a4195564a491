// SPDX-License-Identifier: Apache-2.0
// Turns the register description (registers.json) into what RTL, hosts and people read:
//   make_registers DESCRIPTION sv|h|md
// prints the SystemVerilog package, the C header or docs/registers.md. The values of commands and
// flags come from mr_command.h, those of memory ports from mr_card_ports.h.
#include "mr_card_ports.h"
#include "mr_command.h"
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORIGIN                                                                                     \
    "Generated from hw/registers.json by hw/make_registers.c (make registers); do not edit."

static const char *description; // the file's name, for messages

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", description);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        fail("%s has no text '%s'", json_string_value(json_object_get(object, "name")), key);
    return text;
}

static const char *name_of(const json_t *object) {
    const char *name = json_string_value(json_object_get(object, "name"));
    if (!name || !*name)
        fail("a register, field or argument has no name");
    return name;
}

static unsigned number_or(const json_t *object, const char *key, unsigned otherwise) {
    const json_t *value = json_object_get(object, key);
    if (!value)
        return otherwise;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > 0x7fffffff)
        fail("%s: '%s' must be a number from 0", name_of(object), key);
    return (unsigned)json_integer_value(value);
}

static unsigned number_of(const json_t *object, const char *key) {
    if (!json_object_get(object, key))
        fail("%s has no number '%s'", name_of(object), key);
    return number_or(object, key, 0);
}

static const json_t *list_of(const json_t *root, const char *key) {
    const json_t *list = json_object_get(root, key);
    if (!json_is_array(list))
        fail("there is no list '%s'", key);
    return list;
}

// The name in capitals, in one of a few buffers that are used in turn.
static const char *upper(const char *name) {
    static char buffers[4][64];
    static unsigned turn;
    char *buffer = buffers[turn++ % 4];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof buffers[0]; i++)
        buffer[i] = (char)toupper((unsigned char)name[i]);
    buffer[i] = '\0';
    return buffer;
}

static unsigned bytes_of(const json_t *entry) {
    return number_or(entry, "size",
                     number_or(entry, "bits", 32) / 8 * number_or(entry, "words", 1));
}

// ---- checks

struct span {
    const char *name;
    unsigned from, to;
};

// Every register lies in the window, at a multiple of its word, and none on top of another.
static void check_entry(const json_t *entry, unsigned window, struct span *spans, size_t count) {
    const struct span own = {name_of(entry), number_of(entry, "offset"),
                             number_of(entry, "offset") + bytes_of(entry)};
    if (own.from % 4 || own.to > window || own.from == own.to)
        fail("%s: offset %u and size %u do not fit the window of %u bytes", own.name, own.from,
             own.to - own.from, window);
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(spans[i].name, own.name))
            fail("%s stands there twice", own.name);
        if (own.from < spans[i].to && spans[i].from < own.to)
            fail("%s lies on top of %s", own.name, spans[i].name);
    }
    spans[count] = own;
    size_t f;
    const json_t *field;
    unsigned used = 0;
    json_array_foreach(json_object_get(entry, "fields"), f, field) {
        const unsigned bit = number_of(field, "bit"), width = number_or(field, "width", 1);
        if (width < 1 || bit + width > 32)
            fail("%s.%s does not fit 32 bits", own.name, name_of(field));
        const unsigned mask = (width == 32 ? 0 : 1u << width) - 1u;
        if (used & mask << bit)
            fail("%s.%s lies on top of another field", own.name, name_of(field));
        used |= mask << bit;
    }
}

static void check(const json_t *root) {
    enum { MOST = 200 };
    struct span spans[MOST];
    size_t count = 0, i;
    const json_t *entry;
    const unsigned window = (unsigned)json_integer_value(json_object_get(root, "window"));
    if (!window || window & (window - 1))
        fail("'window' must be a power of two");
    if (json_array_size(list_of(root, "registers")) + json_array_size(list_of(root, "arguments")) >
        MOST)
        fail("there are more than %d registers", MOST);
    json_array_foreach(list_of(root, "registers"), i, entry)
        check_entry(entry, window, spans, count++);
    json_array_foreach(list_of(root, "arguments"), i, entry)
        check_entry(entry, window, spans, count++);
}

// ---- what the package and the header share: names and numbers

struct language {
    const char *number; // format of a constant: name, value
    const char *comment;
    const char *prefix; // of registers
    bool commands;      // and ports; the header leaves them to mr_command.h and mr_card_ports.h
};

static const struct language sv = {"  localparam logic [31:0] %s = 32'h%x;\n", "  //", "REG_",
                                   true};
static const struct language c = {"#define MR_CARD_%s 0x%xu\n", "//", "", false};

static void constant(const struct language *l, const char *prefix, const char *middle,
                     const char *suffix, unsigned value) {
    char name[160];
    snprintf(name, sizeof name, "%s%s%s", prefix, middle, suffix);
    printf(l->number, name, value);
}

static void fields(const struct language *l, const json_t *entry) {
    size_t f;
    const json_t *field;
    char name[140];
    json_array_foreach(json_object_get(entry, "fields"), f, field) {
        snprintf(name, sizeof name, "%s_%s", upper(name_of(entry)), upper(name_of(field)));
        constant(l, "", name, "_BIT", number_of(field, "bit"));
        if (number_or(field, "width", 1) > 1)
            constant(l, "", name, "_WIDTH", number_of(field, "width"));
        else if (!l->commands)
            constant(l, "", name, "", 1u << number_of(field, "bit"));
    }
}

static void entries(const struct language *l, const json_t *list, const char *prefix) {
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        printf("%s %s\n", l->comment, text_of(entry, "text"));
        constant(l, prefix, upper(name_of(entry)), "", number_of(entry, "offset"));
        if (json_object_get(entry, "stride"))
            constant(l, prefix, upper(name_of(entry)), "_STRIDE", number_of(entry, "stride"));
        if (json_object_get(entry, "most"))
            constant(l, prefix, upper(name_of(entry)), "_MOST", number_of(entry, "most"));
        fields(l, entry);
    }
}

static void constants(const struct language *l, const json_t *root) {
    const char *magic = text_of(root, "magic");
    unsigned value = 0;
    for (int i = 3; i >= 0; i--)
        value = value << 8 | (unsigned char)magic[i];
    const json_t *version = json_object_get(root, "version");
    printf(
        "%s Identity: the value of register magic, the version of this map, the window's bytes.\n",
        l->comment);
    constant(l, "MAGIC_VALUE", "", "", value);
    constant(l, "VERSION_VALUE", "", "",
             (unsigned)json_integer_value(json_object_get(version, "major")) << 16 |
                 (unsigned)json_integer_value(json_object_get(version, "minor")));
    constant(l, "WINDOW", "", "", (unsigned)json_integer_value(json_object_get(root, "window")));
    printf("\n%s Registers: offsets in bytes, and their fields.\n", l->comment);
    entries(l, list_of(root, "registers"), l->prefix);
    printf("\n%s Arguments of a run: offsets in bytes.\n", l->comment);
    entries(l, list_of(root, "arguments"), "ARG_");
    if (l->commands) {
        printf("\n%s Commands and flags.\n", l->comment);
#define COMMAND(name, value, text) constant(l, "COMMAND_", #name, "", value);
#define FLAG(name, value, text) constant(l, "FLAG_", #name, "", value);
        MR_COMMANDS(COMMAND)
        MR_FLAGS(FLAG)
        printf(
            "\n%s Memory ports: beats of the longest burst, and bursts under way in a direction.\n",
            l->comment);
        constant(l, "BURST_BEATS", "", "", MR_BURST_BEATS);
        constant(l, "BURSTS", "", "", MR_BURSTS);
    }
}

static void print_sv(const json_t *root) {
    printf("// SPDX-License-Identifier: Apache-2.0\n// " ORIGIN "\n"
           "// The registers of the card's kernel.\npackage mr_registers_pkg;\n");
    constants(&sv, root);
    printf("endpackage\n");
}

static void print_h(const json_t *root) {
    printf("// SPDX-License-Identifier: Apache-2.0\n// " ORIGIN "\n"
           "// The registers of the card's kernel.\n"
           "#ifndef MR_REGISTERS_H\n#define MR_REGISTERS_H\n\n#include \"mr_command.h\"\n\n");
    constants(&c, root);
    printf("\n// Arguments in order of their index: ARGUMENT(name, offset, size in bytes, memory "
           "port or "
           "\"\").\n#define MR_CARD_ARGUMENTS(ARGUMENT)");
    size_t i;
    const json_t *entry;
    json_array_foreach(list_of(root, "arguments"), i, entry) {
        const char *port = json_string_value(json_object_get(entry, "port"));
        printf(" \\\n    ARGUMENT(%s, 0x%x, %u, \"%s\")", name_of(entry),
               number_of(entry, "offset"), bytes_of(entry), port ? port : "");
    }
    const json_t *registers = list_of(root, "registers");
    printf("\n\n// Bits of status and faults: STATUS(name, bit, what it means).\n"
           "#define MR_CARD_STATUSES(STATUS)");
    json_array_foreach(registers, i, entry) {
        size_t f;
        const json_t *field;
        if (!strcmp(name_of(entry), "status"))
            json_array_foreach(json_object_get(entry, "fields"), f, field)
                printf(" \\\n    STATUS(%s, %u, \"%s\")", name_of(field), number_of(field, "bit"),
                       text_of(field, "text"));
    }
    printf("\n\n// Memory ports: MEMORY(name, mode, data width, address width).\n"
           "#define MR_CARD_MEMORIES(MEMORY)");
    json_array_foreach(list_of(root, "memories"), i, entry)
        printf(" \\\n    MEMORY(%s, \"%s\", %u, %u)", name_of(entry), text_of(entry, "mode"),
               number_of(entry, "data_width"), number_of(entry, "address_width"));
    printf("\n\n#endif\n");
}

// ---- the document

static void document_fields(const json_t *list) {
    size_t i, f;
    const json_t *entry, *field;
    json_array_foreach(list, i, entry) {
        if (!json_array_size(json_object_get(entry, "fields")))
            continue;
        printf("\n### %s\n\n| bits | name | |\n|---|---|---|\n", name_of(entry));
        json_array_foreach(json_object_get(entry, "fields"), f, field) {
            const unsigned bit = number_of(field, "bit"), width = number_or(field, "width", 1);
            if (width > 1)
                printf("| %u..%u ", bit + width - 1, bit);
            else
                printf("| %u ", bit);
            printf("| %s | %s |\n", name_of(field), text_of(field, "text"));
        }
    }
}

static void document_registers(const json_t *list) {
    printf("\n## Registers\n\n| offset | name | bits | access | |\n|---|---|---|---|---|\n");
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        printf("| 0x%04x", number_of(entry, "offset"));
        if (json_object_get(entry, "stride"))
            printf(" + %u per %s", number_of(entry, "stride"), text_of(entry, "each"));
        if (json_object_get(entry, "most"))
            printf(", at most %u", number_of(entry, "most"));
        printf(" | %s | %u | %s | %s |\n", name_of(entry), 8 * bytes_of(entry),
               text_of(entry, "access"), text_of(entry, "text"));
    }
}

static void document_arguments(const json_t *list) {
    printf("\n## Arguments\n\nTaken when a run starts; all may be written for the next run once "
           "`start` "
           "reads 0.\nAddresses are multiples of 64.\n\n"
           "| index | offset | name | bytes | memory | |\n|---|---|---|---|---|---|\n");
    size_t i;
    const json_t *entry;
    json_array_foreach(list, i, entry) {
        const char *port = json_string_value(json_object_get(entry, "port"));
        printf("| %zu | 0x%02x | %s | %u | %s | %s |\n", i, number_of(entry, "offset"),
               name_of(entry), bytes_of(entry), port ? port : "", text_of(entry, "text"));
    }
}

static void document_codes(void) {
#define ROW(name, value, text) printf("| %u | " #name " | %s |\n", (unsigned)(value), text);
    printf("\n## Commands\n\n| value | command | |\n|---|---|---|\n");
    MR_COMMANDS(ROW)
    printf("\n## Flags\n\n| value | flag | |\n|---|---|---|\n");
    MR_FLAGS(ROW)
}

static void print_md(const json_t *root) {
    printf(
        "# Registers of the card's kernel\n\n" ORIGIN "\n\n"
        "Kernel `%s`, port `%s` (AXI4-Lite, 32-bit words, %s), a window of %u bytes. The driver's\n"
        "header with these numbers is `hw/card/mr_registers.h`. How a host uses them: "
        "`card.md`.\n\n"
        "Of a 64-bit register the low word is read first: that read keeps the high word for the\n"
        "next read. Access: rw, ro (writes are ignored), toggle (writing 1 inverts the bit), w1c\n"
        "(writing 1 clears it). Offsets that are not listed read 0.\n",
        text_of(root, "kernel"), text_of(root, "port"), text_of(root, "control"),
        (unsigned)json_integer_value(json_object_get(root, "window")));
    document_registers(list_of(root, "registers"));
    document_fields(list_of(root, "registers"));
    document_arguments(list_of(root, "arguments"));
    document_codes();
}

int main(int count, char **words) {
    static const struct {
        const char *name;
        void (*print)(const json_t *);
    } forms[] = {{"sv", print_sv}, {"h", print_h}, {"md", print_md}};
    if (count != 3) {
        fprintf(stderr, "usage: %s DESCRIPTION sv|h|md\n", words[0]);
        return 2;
    }
    description = words[1];
    json_error_t error;
    json_t *root = json_load_file(description, JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail("line %d: %s", error.line, error.text);
    check(root);
    size_t form = 0;
    while (form < 3 && strcmp(forms[form].name, words[2]) != 0)
        form++;
    if (form == 3)
        fail("'%s' is no form; write sv, h or md", words[2]);
    forms[form].print(root);
    json_decref(root);
    return fflush(stdout) || ferror(stdout) ? 1 : 0;
}
