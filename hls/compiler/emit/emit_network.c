// SPDX-License-Identifier: Apache-2.0
// The top module that joins the processes, the tables that they share, and for the simulator and
// the C model the list of ports.
#include "depth.h"
#include "emit.h"

#include <string.h>

// Words of SystemVerilog that are names in C.
static const char keywords[] =
    " accept_on alias always always_comb always_ff always_latch and assert assign assume"
    " automatic before begin bind bins binsof bit buf bufif0 bufif1 byte casex casez cell"
    " chandle checker class clocking cmos config constraint context cover covergroup"
    " coverpoint cross deassign defparam design disable dist edge end endcase endchecker"
    " endclass endclocking endconfig endfunction endgenerate endgroup endinterface"
    " endmodule endpackage endprimitive endprogram endproperty endsequence endspecify"
    " endtable endtask event eventually expect export extends final first_match force"
    " foreach forever fork forkjoin function generate genvar global highz0 highz1 iff"
    " ifnone ignore_bins illegal_bins implements implies import incdir include initial"
    " inout input inside instance integer interconnect interface intersect join join_any"
    " join_none large let liblist library local localparam logic longint macromodule"
    " matches medium modport module nand negedge nettype new nexttime nmos nor"
    " noshowcancelled not notif0 notif1 null or output package packed parameter pmos"
    " posedge primitive priority program property protected pull0 pull1 pulldown pullup"
    " pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos"
    " real realtime ref reg reject_on release repeat restrict rnmos rpmos rtran rtranif0"
    " rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence"
    " shortint shortreal showcancelled small soft solve specify specparam string strong"
    " strong0 strong1 super supply0 supply1 sync_accept_on sync_reject_on table tagged"
    " task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1"
    " triand trior trireg type unique unique0 until until_with untyped use uwire var"
    " vectored virtual wait wait_order wand weak weak0 weak1 wildcard wire with within wor"
    " xnor xor"
    " ";

static bool is_keyword(const char *name) {
    char word[64];
    const int length = snprintf(word, sizeof word, " %s ", name);
    return length < (int)sizeof word && strstr(keywords, word) != NULL;
}

// The module of this process cannot have the name of its function.
static bool is_name_taken(const struct network *net, const struct process *p) {
    return strcmp(p->name, net->name) == 0 || strncmp(p->name, "mr_", 3) == 0 ||
           is_keyword(p->name);
}

static void check_names(struct compiler *cc, const struct network *net) {
    if (is_keyword(net->name) || strncmp(net->name, "mr_", 3) == 0)
        fail(cc, net->top->loc,
             "the top function cannot be called '%s', a name that SystemVerilog or Millrace's RTL "
             "has taken; rename it",
             net->name);
    for (int i = 0; i < net->top->param_count; i++) {
        const char *name = net->top->params[i]->name;
        if (strcmp(name, "clk") == 0 || strcmp(name, "start") == 0)
            fail(cc, net->top->params[i]->loc,
                 "parameter '%s' has the name of a port that every module has; rename "
                 "it",
                 name);
    }
}

// A table of constants with any number of read ports. Once per table, though several processes use
// it. In a synthesis of a target whose block RAMs have two ports each two ports have a copy of
// their own, as the report counts them; Yosys tries each way to deal ports to copies, and with 16
// never ends.
static void emit_roms(struct emit *e, FILE *out) {
    const struct memory *seen[256];
    int count = 0;
    for (int p = 0; p < e->net->process_count; p++) {
        for (int i = 0; i < e->net->processes[p]->memory_count; i++) {
            const struct memory *m = &e->net->processes[p]->memories[i];
            if (m->kind != MEMORY_ROM || !memory_is_read(e->net->processes[p], i))
                continue;
            bool known = false;
            for (int k = 0; k < count; k++) {
                if (strcmp(seen[k]->name, m->name) == 0) {
                    if (seen[k]->values != m->values)
                        fail(e->cc, m->loc, "two constant tables are called '%s'; rename one",
                             m->name);
                    known = true;
                }
            }
            if (known)
                continue;
            if (count == 256)
                fail(e->cc, m->loc,
                     "there are more than 256 constant tables; merge some of them into one");
            seen[count++] = m;
            const int bits = ir_index_bits(m->words);
            fprintf(out,
                    "\n// Constant table %s: %lld words of %d bits.\nmodule %s_rom_%s #(\n"
                    "  /// Read ports.\n  parameter int PORTS = 1,\n  /// Cycles from address to "
                    "data, 0 to 2.\n"
                    "  parameter int LATENCY = 2\n) (\n  /// Clock, rising edge.\n  input  logic "
                    "clk_i,\n"
                    "  /// Addresses, port 0 lowest.\n  input  logic [PORTS*%d-1:0] address_i,\n"
                    "  /// Words, port 0 lowest.\n  output logic [PORTS*%d-1:0] data_o\n);\n"
                    "  /* verilator no_inline_module */\n",
                    m->name, (long long)m->words, m->width, e->net->name, safe_name(e, m->name),
                    bits, m->width);
            const bool pairs =
                m->storage != STORAGE_LUTRAM && e->net->processes[p]->target->has_true_dual_port;
            fputs(pairs ? "`ifdef SYNTHESIS\n  localparam int COPY = 2;\n`else\n"
                          "  localparam int COPY = PORTS;\n`endif\n"
                        : "  localparam int COPY = PORTS;\n",
                  out);
            fprintf(out,
                    "  logic [PORTS*%d-1:0] first, first_q, second_q;\n"
                    "  for (genvar g = 0; g < PORTS; g = g + COPY) begin : g_copy\n"
                    "    (* rom_style = \"%s\" *) logic [%d:0] rom [%lld];\n    initial begin\n",
                    m->width, m->storage == STORAGE_LUTRAM ? "distributed" : "block", m->width - 1,
                    (long long)m->words);
            for (int64_t k = 0; k < m->words; k++) {
                const int64_t value = k < m->value_count ? m->values[k] : 0;
                fprintf(out, "      rom[%lld] = %d'h%llx;\n", (long long)k, m->width,
                        (unsigned long long)ir_wrap(value, m->width, false));
            }
            fprintf(out,
                    "    end\n    localparam int N = PORTS - g < COPY ? PORTS - g : COPY;\n"
                    "    logic [N*%d-1:0] word;\n    always_comb\n"
                    "      for (int p = 0; p < N; p++) word[p*%d +: %d] = "
                    "rom[address_i[(g+p)*%d +: %d]];\n"
                    "    assign first[g*%d +: N*%d] = word;\n  end\n"
                    "  always_ff @(posedge clk_i) begin\n    first_q <= first;\n    second_q <= "
                    "first_q;\n  end\n"
                    "  assign data_o = LATENCY == 0 ? first : LATENCY == 1 ? first_q : "
                    "second_q;\nendmodule\n",
                    m->width, m->width, m->width, bits, bits, m->width, m->width);
        }
    }
}

// The wires of a channel, and, where it crosses, the registers and the FIFO between its ends.
static void emit_channel(struct emit *e, const struct channel *c) {
    const struct process *from = e->net->processes[c->from_process];
    const char *name = safe_name(e, c->name);
    const int bits = from->streams[c->from_stream].bits;
    put(&e->m->declarations, "  logic %s_valid, %s_ready;\n  logic [%d:0] %s_data;\n", name, name,
        bits - 1, name);
    if (!c->crossing)
        return;
    put(&e->m->declarations, "  logic %s_push, %s_taken;\n  logic [%d:0] %s_word;\n", name, name,
        bits - 1, name);
    put(&e->m->instances,
        "  mr_crossing #(.WIDTH(%d), .DEPTH(%d), .STAGES(%d)) x_%s (\n"
        "    .clk_i, .rst_ni, .push_i(%s_push), .word_i(%s_word), .taken_o(%s_taken),\n"
        "    .out_valid_o(%s_valid), .out_ready_i(%s_ready), .out_data_o(%s_data));\n",
        bits, output_depth(e->net, from, c->from_stream), c->crossing, name, name, name, name, name,
        name, name);
}

static void emit_top(struct emit *e, const char *const *modules, FILE *out) {
    const struct network *net = e->net;
    struct module m = {0};
    e->m = &m;
    const int n = net->process_count;
    put(&m.ports,
        "  /// Clock, rising edge.\n  input  logic clk_i,\n  /// Synchronous reset, active low.\n"
        "  input  logic rst_ni,\n  /// Starts a run: taken in the first cycle in which idle_o is "
        "high.\n"
        "  input  logic start_i,\n  /// No run is going on.\n  output logic idle_o,\n"
        "  /// A pulse at the end of a run: all outputs have been taken.\n  output logic "
        "done_o,\n");
    for (int i = 0; i < net->top->param_count; i++) {
        const struct variable *param = net->top->params[i];
        const char *name = safe_name(e, param->name);
        if (!is_stream_port(param)) {
            put(&m.ports, "  input  logic [%d:0] %s_i,\n", param->type->bits - 1, name);
            continue;
        }
        const struct stream *s = stream_of_port(net, i);
        const char *a = s->is_output ? "output" : "input ", *b = s->is_output ? "input " : "output";
        put(&m.ports,
            "  %s logic %s_valid_%c,\n  %s logic %s_ready_%c,\n  %s logic [%d:0] %s_data_%c,\n", a,
            name, s->is_output ? 'o' : 'i', b, name, s->is_output ? 'i' : 'o', a, s->bits - 1, name,
            s->is_output ? 'o' : 'i');
        if (s->asks_more)
            put(&m.ports,
                "  /// In this run no word comes behind the one on offer.\n  input  logic "
                "%s_end_i,\n",
                name);
    }
    const int probe_count = ir_probes(net, NULL);
    struct probed *probes = arena_alloc(e->cc, ((size_t)probe_count + 1) * sizeof *probes);
    ir_probes(net, probes);
    if (probe_count)
        put(&m.ports, "  /// Registers that can be seen, each a number of 64 bits:\n");
    for (int i = 0; i < probe_count; i++)
        put(&m.ports, "  /// [%d +: 64]: %s of %s\n", 64 * i,
            net->processes[probes[i].process]->states[probes[i].state].name,
            net->processes[probes[i].process]->name);
    if (probe_count)
        put(&m.ports, "  output logic [%d:0] probe_o,\n", 64 * probe_count - 1);
    put(&m.ports,
        "  /// This cycle, per process: an iteration is issued; one waits for input; for room.\n"
        "  output logic [%d:0] busy_o,\n  output logic [%d:0] starved_o,\n  output logic [%d:0] "
        "blocked_o\n",
        n - 1, n - 1, n - 1);
    put(&m.declarations, "  logic running_q, start, finished;\n  logic [%d:0] done, done_q;\n",
        n - 1);
    put(&m.logic,
        "  assign idle_o = !running_q;\n  assign start = start_i && !running_q;\n"
        "  assign finished = running_q && (&(done | done_q));\n  assign done_o = finished;\n");
    put(&m.registers, "    running_q <= rst_ni && (running_q ? !finished : start);\n"
                      "    done_q <= (rst_ni && running_q && !finished) ? done | done_q : '0;\n");
    for (int i = 0; i < net->channel_count; i++)
        emit_channel(e, &net->channels[i]);
    for (int i = 0; i < n; i++) {
        const struct process *p = net->processes[i];
        put(&m.instances, "  %s i_%s (\n    .clk_i, .rst_ni, .start_i(start), .done_o(done[%d]),\n",
            modules[i], p->name, i);
        for (int k = 0; k < p->arg_count; k++)
            put(&m.instances, "    .%s_i,\n", safe_name(e, net->top->params[p->arg_port[k]]->name));
        for (int k = 0; k < p->stream_count; k++) {
            const struct stream *s = &p->streams[k];
            if (s->partner >= 0)
                continue;
            const char *name = safe_name(e, s->name);
            if (s->asks_more && s->channel >= 0)
                put(&m.instances, "    .%s_end_i(done[%d] || done_q[%d]),\n", name,
                    net->channels[s->channel].from_process, net->channels[s->channel].from_process);
            else if (s->asks_more)
                put(&m.instances, "    .%s_end_i(%s_end_i),\n", name,
                    safe_name(e, net->top->params[s->port]->name));
            const char in = s->is_output ? 'o' : 'i', back = s->is_output ? 'i' : 'o';
            if (s->channel >= 0) {
                const char *c = safe_name(e, net->channels[s->channel].name);
                const bool pushes = s->is_output && crossing_of(net, s);
                put(&m.instances,
                    "    .%s_valid_%c(%s_%s), .%s_ready_%c(%s_%s), .%s_data_%c(%s_%s),\n", name, in,
                    c, pushes ? "push" : "valid", name, back, c, pushes ? "taken" : "ready", name,
                    in, c, pushes ? "word" : "data");
            } else {
                const char *c = safe_name(e, net->top->params[s->port]->name);
                put(&m.instances,
                    "    .%s_valid_%c(%s_valid_%c), .%s_ready_%c(%s_ready_%c), "
                    ".%s_data_%c(%s_data_%c),\n",
                    name, in, c, in, name, back, c, back, name, in, c, in);
            }
        }
        for (int k = 0; k < probe_count; k++)
            if (probes[k].process == i)
                put(&m.instances, "    .%s_probe_o(probe_o[%d +: 64]),\n",
                    safe_name(e, p->states[probes[k].state].name), 64 * k);
        put(&m.instances,
            "    .busy_o(busy_o[%d]), .starved_o(starved_o[%d]), .blocked_o(blocked_o[%d]));\n", i,
            i, i);
    }
    module_print(e, out, net->name, "",
                 "// The top: all processes start together; the run ends when all have ended.\n");
    module_free(&m);
}

void emit_network(struct compiler *cc, const struct network *net, struct tile *const *tiles,
                  FILE *out) {
    struct printed *printed = NULL;
    struct source *sources = NULL;
    struct emit e = {.cc = cc, .net = net, .printed = &printed, .sources = &sources};
    const char **modules = arena_alloc(cc, (size_t)net->process_count * sizeof *modules);
    check_names(cc, net);
    fprintf(out,
            "// Generated by hlsc from function %s; do not edit.\n`include \"mr_assert.svh\"\n"
            "`include \"mr_reg.svh\"\n",
            net->name);
    emit_roms(&e, out);
    for (int i = 0; i < net->process_count; i++) {
        struct process *p = net->processes[i];
        const char *name = p->name;
        if (is_name_taken(net, p))
            p->name = arena_printf(cc, "%s_process", name);
        modules[i] = emit_process(&e, p, tiles[i], out);
        p->name = name;
    }
    emit_top(&e, modules, out);
}
