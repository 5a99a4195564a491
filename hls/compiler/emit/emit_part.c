// SPDX-License-Identifier: Apache-2.0
// Memories that lie in two kinds: those of the first lanes in one, the rest in the other. Each word
// consists of a part in either, and both are addressed alike. Of a tile the first lanes that are in
// the second kind are a parameter.
#include "emit.h"

const char *memory_style(enum storage_impl storage) {
    static const char *const styles[] = {"auto", "distributed", "block", "ultra", "auto"};
    return styles[storage];
}

const char *rest_parameter(struct emit *e, const struct memory *m) {
    return arena_printf(e->cc, "REST_%s", safe_name(e, m->name));
}

int find_parts(struct emit *e, int memory, struct part part[2]) {
    const struct memory *m = &e->p->memories[memory];
    part[0] = (struct part){m->storage, chunks_text(e, memory), NULL, ""};
    if (!m->rest_from)
        return 1;
    const long long each = (long long)rest_chunks(e->p, e->tile, memory);
    const char *from = e->in_tile ? rest_parameter(e, m) : arena_printf(e->cc, "%d", m->rest_from);
    const char *count =
        e->in_tile ? "N" : arena_printf(e->cc, "%lld", (long long)m->bank_size[m->rest_dim]);
    const char *times = each > 1 ? arena_printf(e->cc, "%lld*", each) : "";
    part[0].chunks = arena_printf(e->cc, "%s%s", times, from);
    part[0].at = "0";
    part[1] = (struct part){m->rest, arena_printf(e->cc, "%s(%s-%s)", times, count, from),
                            part[0].chunks, "_rest"};
    return 2;
}

const char *slice_of(struct emit *e, const struct part *part, int64_t bits) {
    if (!part->at)
        return "";
    return bits == 1 ? arena_printf(e->cc, "[%s +: %s]", part->at, part->chunks)
                     : arena_printf(e->cc, "[%s*%lld +: %s*%lld]", part->at, (long long)bits,
                                    part->chunks, (long long)bits);
}

void put_part(struct emit *e, const struct part *part, const char *name, const char *instance) {
    if (part->at)
        put(&e->m->instances, "  if (%s > 0) begin : g_%s%s\n%s  end\n", part->chunks, name,
            *part->suffix ? part->suffix : "_first", instance);
    else
        put(&e->m->instances, "%s", instance);
}

const char *shared_ports(struct emit *e, const struct memory *m, const struct part *part,
                         int64_t bits, const char *which, const char *second) {
    const char *name = safe_name(e, m->name), *words = slice_of(e, part, bits);
    if (m->shared_ports == 1)
        return arena_printf(
            e->cc,
            "  mr_ram_1p #(.DEPTH(%lld), .CHUNKS(%s), .CHUNK_WIDTH(%lld), .LATENCY(%d)) "
            "i_%s%s (\n    .clk_i, .we_i(%s_we%s%s), .wdata_i(%s_wdata%s),\n"
            "    .addr_i(|%s_we%s ? %s_waddr%s : %s_raddr[%s]), .rdata_o(%s_word[%s]%s));\n",
            (long long)m->words, part->chunks, (long long)bits, m->latency, name, part->suffix,
            name, which, slice_of(e, part, 1), name, which, name, which, name, which, name,
            *which ? "b" : "0", name, *which ? "b" : "0", words);
    return arena_printf(
        e->cc,
        "  mr_ram_t2p #(.DEPTH(%lld), .CHUNKS(%s), .CHUNK_WIDTH(%lld), .LATENCY(%d), "
        ".STYLE(\"%s\")) i_%s%s (\n    .clk_i, .we_i(%s_we%s%s), .wdata_i(%s_wdata%s),\n"
        "    .addr_a_i(|%s_we%s ? %s_waddr%s : %s_raddr[%s]), .addr_b_i(%s_raddr[%s]),\n"
        "    .rdata_a_o(%s_word[%s]%s), .rdata_b_o(%s_word[%s]%s));\n",
        (long long)m->words, part->chunks, (long long)bits, m->latency, memory_style(part->storage),
        name, part->suffix, name, which, slice_of(e, part, 1), name, which, name, which, name,
        which, name, *which ? "b" : "0", name, second, name, *which ? "b" : "0", words, name,
        second, words);
}
