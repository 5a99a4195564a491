// SPDX-License-Identifier: Apache-2.0
// The kernel in the XML of the Vitis tools (kernel_xml.h).
#include "kernel_xml.h"

// AMD's names of AXI masters: the port of the RTL is m_axi_<memory>.
#define MASTER "m_axi_"

const char *mr_json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

uint64_t mr_json_number(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

void mr_kernel_xml_ports(FILE *xml, const json_t *description) {
    size_t i;
    json_t *memory;
    fprintf(xml,
            "     <port name=\"%s\" mode=\"slave\" range=\"0x%llx\" dataWidth=\"32\" "
            "portType=\"addressable\" base=\"0x0\"/>\n",
            mr_json_text(description, "port"),
            (unsigned long long)mr_json_number(description, "window"));
    json_array_foreach(json_object_get(description, "memories"), i, memory) fprintf(
        xml,
        "     <port name=\"" MASTER
        "%s\" mode=\"master\" range=\"0xFFFFFFFFFFFFFFFF\" dataWidth=\"%llu\" "
        "portType=\"addressable\" base=\"0x0\"/>\n",
        mr_json_text(memory, "name"), (unsigned long long)mr_json_number(memory, "data_width"));
}

void mr_kernel_xml_arguments(FILE *xml, const json_t *description) {
    size_t i;
    json_t *argument;
    json_array_foreach(json_object_get(description, "arguments"), i, argument) {
        const char *memory = mr_json_text(argument, "port");
        const unsigned size = (unsigned)mr_json_number(argument, "size");
        fprintf(
            xml,
            "     <arg name=\"%s\" addressQualifier=\"%d\" id=\"%zu\" port=\"%s%s\" size=\"0x%x\" "
            "offset=\"0x%llx\" hostOffset=\"0x0\" hostSize=\"0x%x\" type=\"%s\"/>\n",
            mr_json_text(argument, "name"), *memory ? 1 : 0, i, *memory ? MASTER : "",
            *memory ? memory : mr_json_text(description, "port"), size,
            (unsigned long long)mr_json_number(argument, "offset"), size,
            *memory     ? "void*"
            : size == 4 ? "uint"
                        : "ulong");
    }
}
