// SPDX-License-Identifier: Apache-2.0
// The kernel in the XML of the Vitis tools (kernel_xml.h).
#include "kernel_xml.h"
#include "mr_registers.h"

// AMD's names of AXI masters: the port of the RTL is m_axi_<memory>.
#define MASTER "m_axi_"

const char *mr_json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

uint64_t mr_json_number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static void print_master(FILE *xml, const char *name, uint64_t width) {
    fprintf(xml,
            "     <port name=\"" MASTER
            "%s\" mode=\"master\" range=\"0xFFFFFFFFFFFFFFFF\" dataWidth=\"%llu\" "
            "portType=\"addressable\" base=\"0x0\"/>\n",
            name, (unsigned long long)width);
}

static void print_argument(FILE *xml, const char *name, size_t id, const char *memory,
                           const char *port, unsigned size, uint64_t offset) {
    fprintf(xml,
            "     <arg name=\"%s\" addressQualifier=\"%d\" id=\"%zu\" port=\"%s%s\" size=\"0x%x\" "
            "offset=\"0x%llx\" hostOffset=\"0x0\" hostSize=\"0x%x\" type=\"%s\"/>\n",
            name, *memory ? 1 : 0, id, *memory ? MASTER : "", *memory ? memory : port, size,
            (unsigned long long)offset, size,
            *memory     ? "void*"
            : size == 4 ? "uint"
                        : "ulong");
}

void mr_kernel_xml_ports(FILE *xml, const json_t *description, unsigned memories) {
    size_t i;
    json_t *memory;
    fprintf(xml,
            "     <port name=\"%s\" mode=\"slave\" range=\"0x%llx\" dataWidth=\"32\" "
            "portType=\"addressable\" base=\"0x0\"/>\n",
            mr_json_text(description, "port"),
            (unsigned long long)mr_json_number(description, "window"));
    json_array_foreach(json_object_get(description, "memories"), i, memory)
        print_master(xml, mr_json_text(memory, "name"), mr_json_number(memory, "data_width"));
    for (unsigned m = 0; m < memories; m++) {
        char name[20];
        snprintf(name, sizeof name, "memory%u", m);
        print_master(xml, name, MR_BEAT_BITS);
    }
}

void mr_kernel_xml_arguments(FILE *xml, const json_t *description, unsigned memories) {
    size_t i;
    json_t *argument;
    const json_t *arguments = json_object_get(description, "arguments");
    json_array_foreach(arguments, i, argument) print_argument(
        xml, mr_json_text(argument, "name"), i, mr_json_text(argument, "port"),
        mr_json_text(description, "port"), (unsigned)mr_json_number(argument, "size"),
        mr_json_number(argument, "offset"));
    for (unsigned m = 0; m < memories; m++) {
        char name[20];
        snprintf(name, sizeof name, "memory%u", m);
        print_argument(xml, name, json_array_size(arguments) + m, name, "", 8,
                       MR_CARD_MEMORY_ADDRESS + m * MR_CARD_MEMORY_ADDRESS_STRIDE);
    }
}
