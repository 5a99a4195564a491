// SPDX-License-Identifier: Apache-2.0
// The kernel's ports and arguments in the XML of the Vitis tools, out of its register description
// (hw/registers.json): in an image's metadata and in kernel.xml. Behind the ports and arguments
// that stand there come those of the network's memories.
#ifndef MR_KERNEL_XML_H
#define MR_KERNEL_XML_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

void mr_kernel_xml_ports(FILE *xml, const json_t *description, unsigned memories);
void mr_kernel_xml_arguments(FILE *xml, const json_t *description, unsigned memories);

// "" and 0 where an object has no such member.
const char *mr_json_text(const json_t *object, const char *key);
uint64_t mr_json_number(const json_t *object, const char *key);

#endif
