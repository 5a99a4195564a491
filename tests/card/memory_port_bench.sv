// SPDX-License-Identifier: Apache-2.0
// A memory of a network as a card has it (mr_memory_parts, and a mr_memory_port for each part) with the rules of its AXI
// ports, and words of one width for all BITS, for memory_port_test.cpp. mr_network.svh lists the parts.
`include "mr_network.svh"
`include "mr_memory.svh"

module memory_port_bench #(
    parameter int BITS = 90
) (
    input  logic                               clk_i,
    input  logic                               rst_ni,
    input  logic                               stop_i,
    input  logic                               begin_i,
    // Of each part.
    input  logic [`MR_MEMORIES-1:0][63:0]      base_i,
    input  logic [`MR_MEMORIES-1:0][31:0]      words_i,
    output logic                               idle_o,
    output logic                               waiting_o,
    output logic                               moves_o,
    output logic                               read_error_o,
    output logic                               write_error_o,
    output logic                               range_error_o,
    input  logic                               plan_valid_i,
    output logic                               plan_ready_o,
    input  logic [31:0]                        address_i,
    input  logic [31:0]                        count_i,
    input  logic [31:0]                        after_i,
    input  logic                               store_i,
    output logic                               fetch_valid_o,
    input  logic                               fetch_ready_i,
    output logic [1599:0]                      fetch_data_o,
    input  logic                               store_valid_i,
    output logic                               store_ready_o,
    input  logic [1599:0]                      store_data_i
`define MR_MEMORY(n, bits, words) `MR_MEMORY_PORTS(n, bits, words)
    `MR_MEMORY_LIST
`undef MR_MEMORY
);
  localparam int MEMORIES = `MR_MEMORIES;
  localparam int MAX_BEATS = int'(mr_registers_pkg::BURST_BEATS);
  localparam int OUTSTANDING = int'(mr_registers_pkg::BURSTS);

  logic stop, memory_begin, network_rst_n;
  assign stop = stop_i;
  assign memory_begin = begin_i;
  assign network_rst_n = rst_ni && !stop_i;

  `MR_MEMORY_WIRES
  for (genvar m = 0; m < MEMORIES; m++) begin : g_base
    assign memory_base[m] = base_i[m][63:6];
  end
  assign memory_words = words_i;
`define MR_MEMORY(n, bits, words) `MR_MEMORY_SERVED(n, bits, words) `MR_MEMORY_RULES(n, bits, words)
  `MR_MEMORY_LIST
`undef MR_MEMORY
`define MR_WORD(name, bits, first, count) `MR_WORD_PARTED(name, bits, first, count) `MR_WORD_RULES(name, bits, first, count)
  `MR_WORD_LIST
`undef MR_WORD

  assign idle_o = &memory_idle;
  assign waiting_o = |memory_waiting;
  assign moves_o = |memory_moves;
  assign read_error_o = |memory_read_error;
  assign write_error_o = |memory_write_error;
  assign range_error_o = |memory_range_error;
  assign word_plan_valid = plan_valid_i;
  assign plan_ready_o = word_plan_ready;
  assign word_plan = {store_i, after_i, count_i, address_i};
  assign fetch_valid_o = word_fetch_valid;
  assign word_fetch_ready = fetch_ready_i;
  assign fetch_data_o = 1600'(word_fetch);
  assign word_store_valid = store_valid_i;
  assign store_ready_o = word_store_ready;
  assign word_store = store_data_i[BITS-1:0];

  logic unused;
  assign unused = ^{store_data_i, base_i, memory_bits, memory_needs};
endmodule
