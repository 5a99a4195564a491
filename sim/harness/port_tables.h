// SPDX-License-Identifier: Apache-2.0
// What hlsc's list of ports (kernel_ports.h) says, as numbers and tables of the harness.
#ifndef MR_PORT_TABLES_H
#define MR_PORT_TABLES_H

#include "kernel_ports.h"
#include <cstdint>

extern "C" {
#include "kernel.h"
}

namespace {

#define STRING_OF(text) #text
#define STRING(text) STRING_OF(text)

#define NOTHING(name, bits)
#define PLUS_ONE(name, bits) +1
#define NAME_PLUS_ONE(name) +1
constexpr uint32_t scalar_count = 0 KERNEL_PORTS(PLUS_ONE, NOTHING, NOTHING);
constexpr uint32_t in_count = 0 KERNEL_PORTS(NOTHING, PLUS_ONE, NOTHING);
constexpr uint32_t out_count = 0 KERNEL_PORTS(NOTHING, NOTHING, PLUS_ONE);
constexpr uint32_t process_count = 0 KERNEL_PROCESSES(NAME_PLUS_ONE);
#ifndef KERNEL_PROBES // there are none
#    define KERNEL_PROBES(P)
#endif
#define PROBE_PLUS_ONE(process, name, bits, is_signed) +1
constexpr uint32_t probe_count = 0 KERNEL_PROBES(PROBE_PLUS_ONE);
#ifndef KERNEL_MEMORIES // there are none
#    define KERNEL_MEMORIES(M)
#endif
constexpr uint32_t memory_count = 0 KERNEL_MEMORIES(PLUS_ONE);
constexpr uint32_t port_count = scalar_count + in_count + out_count;

#define INDEX_OF(name, bits) index_##name,
enum scalar_index { KERNEL_PORTS(INDEX_OF, NOTHING, NOTHING) scalar_end };
enum in_index { KERNEL_PORTS(NOTHING, INDEX_OF, NOTHING) in_end };
enum out_index { KERNEL_PORTS(NOTHING, NOTHING, INDEX_OF) out_end };
enum memory_index { KERNEL_MEMORIES(INDEX_OF) memory_end };

#define SCALAR_PORT(name, bits) {#name, MR_PORT_SCALAR, bits},
#define IN_PORT(name, bits) {#name, MR_PORT_IN, bits},
#define OUT_PORT(name, bits) {#name, MR_PORT_OUT, bits},
const mr_port ports[port_count + 1] = {KERNEL_PORTS(SCALAR_PORT, IN_PORT, OUT_PORT){}};

#define PROCESS_NAME(name) #name,
const char *const processes[process_count + 1] = {KERNEL_PROCESSES(PROCESS_NAME) nullptr};

#define PROBE_ENTRY(process, name, bits, is_signed) {#process, #name, bits, is_signed},
const mr_probe probes[probe_count + 1] = {KERNEL_PROBES(PROBE_ENTRY){}};

} // namespace

#endif
