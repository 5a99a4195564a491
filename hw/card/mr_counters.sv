// SPDX-License-Identifier: Apache-2.0
// Counts the cycles of a run: all of them, those in which the network ran, when its first and last outputs
// came, and for each process those in which it was busy, starved or blocked. All are cleared by clear_i. They
// and the network's probes are read at any time; a read of a low word keeps the high word for the next read of
// a high word.
module mr_counters #(
    /// Processes; >= 1.
    parameter int PROCESSES = 1,
    /// Probes; >= 1.
    parameter int PROBES = 1,
    /// Probes can be of several runs of the network.
    parameter bit FEEDBACK = 0,
    /// Cycles that a probe's value is on its way.
    parameter int PROBE_STAGES = 1
) (
    /// Clock, rising edge.
    input  logic                 clk_i,
    /// A run begins: all counters start from 0.
    input  logic                 clear_i,
    /// A run goes on.
    input  logic                 run_i,
    /// The network runs.
    input  logic                 network_i,
    /// It ends.
    input  logic                 ended_i,
    /// It gives an output.
    input  logic                 output_i,
    /// What each process does.
    input  logic [PROCESSES-1:0] busy_i,
    input  logic [PROCESSES-1:0] starved_i,
    input  logic [PROCESSES-1:0] blocked_i,
    /// The network's probes; those of its runs since clear_i are added up.
    input  logic                 add_i,
    input  logic [64*PROBES-1:0] probe_i,
    /// A read: offset in the register map; the word follows in the next cycle.
    input  logic                 rd_valid_i,
    input  logic [         15:2] rd_word_i,
    output logic [         31:0] rd_data_o
);
  logic [63:0] cycles_q, network_q, first_q, last_q;
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      cycles_q  <= '0;
      network_q <= '0;
      first_q   <= '0;
      last_q    <= '0;
    end else begin
      if (run_i) cycles_q <= cycles_q + 64'd1;
      if (network_i) network_q <= network_q + 64'd1;
      if (output_i) last_q <= cycles_q;
      if (output_i && first_q == '0) first_q <= cycles_q;
    end
  end

  logic [191:0] groups[PROCESSES];
  for (genvar p = 0; p < PROCESSES; p++) begin : g_process
    logic [63:0] busy_q, starved_q, blocked_q;
    always_ff @(posedge clk_i) begin
      if (clear_i) begin
        busy_q    <= '0;
        starved_q <= '0;
        blocked_q <= '0;
      end else if (network_i) begin
        if (busy_i[p]) busy_q <= busy_q + 64'd1;
        if (starved_i[p]) starved_q <= starved_q + 64'd1;
        if (blocked_i[p]) blocked_q <= blocked_q + 64'd1;
      end
    end
    assign groups[p] = {blocked_q, starved_q, busy_q};
  end

  logic [63:0] probes[PROBES];
  logic [PROBES-1:0] set_q;
  logic any_q;
  logic [PROBE_STAGES:0] seen_q;
  for (genvar p = 0; p < PROBES; p++) begin : g_probe
    if (FEEDBACK) begin : g_sum
      logic [63:0] sum_q;
      always_ff @(posedge clk_i) begin
        if (clear_i) sum_q <= '0;
        else if (seen_q[PROBE_STAGES]) sum_q <= sum_q + probe_i[64*p+:64];
      end
      assign probes[p] = add_i ? sum_q : probe_i[64*p+:64];
    end else begin : g_value
      assign probes[p] = probe_i[64*p+:64];
    end
    always_ff @(posedge clk_i) set_q[p] <= |probes[p];
  end
  // A run's last values are here so many cycles behind its end, and those of the next run are not yet.
  if (FEEDBACK) begin : g_seen
    always_ff @(posedge clk_i) seen_q <= clear_i ? '0 : {seen_q[PROBE_STAGES-1:0], ended_i};
  end else begin : g_unseen
    assign seen_q = '0;
    logic unused;
    assign unused = ^{ended_i, add_i, seen_q};
  end
  always_ff @(posedge clk_i) any_q <= |set_q;

  // The process first, then the counter of it.
  localparam int INDEX_WIDTH = PROCESSES > 1 ? $clog2(PROCESSES) : 1;
  localparam int PROBE_WIDTH = PROBES > 1 ? $clog2(PROBES) : 1;
  logic [15:3] place, seen;
  logic [191:0] group;
  logic [63:0] value;
  logic [31:0] high_q;
  logic there, probed;
  assign place = rd_word_i[15:3] - mr_registers_pkg::REG_BUSY[15:3];
  assign there = rd_word_i >= mr_registers_pkg::REG_BUSY[15:2] && place[15:5] < 11'(PROCESSES);
  assign group = there ? groups[INDEX_WIDTH'(place[15:5])] : '0;
  assign seen = rd_word_i[15:3] - mr_registers_pkg::REG_PROBE[15:3];
  assign probed = rd_word_i >= mr_registers_pkg::REG_PROBE[15:2] && seen < 13'(PROBES);
  always_comb begin
    value = '0;
    if (probed) begin
      value = probes[PROBE_WIDTH'(seen)];
    end else if (there) begin
      case (place[4:3])
        2'd0: value = group[63:0];
        2'd1: value = group[127:64];
        2'd2: value = group[191:128];
        default: ;
      endcase
    end else begin
      case ({rd_word_i[15:3], 3'b000})
        mr_registers_pkg::REG_CYCLES[15:0]: value = cycles_q;
        mr_registers_pkg::REG_FIRST_OUTPUT[15:0]: value = first_q;
        mr_registers_pkg::REG_LAST_OUTPUT[15:0]: value = last_q;
        mr_registers_pkg::REG_NETWORK_CYCLES[15:0]: value = network_q;
        mr_registers_pkg::REG_PROBES_ANY[15:0]: value = 64'(any_q);
        default: ;
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    rd_data_o <= rd_word_i[2] ? high_q : value[31:0];
    if (rd_valid_i && !rd_word_i[2]) high_q <= value[63:32];
  end
endmodule
