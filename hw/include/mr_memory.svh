// SPDX-License-Identifier: Apache-2.0
// What module millrace has for the memories of its network. mr_network.svh lists them, and the parts of 512 bits that
// their words are cut into, each of which is a memory of the card's:
//   `define MR_MEMORIES 3
//   `define MR_MEMORY_LIST `MR_MEMORY(0, 512, 48000) `MR_MEMORY(1, 88, 48000) `MR_MEMORY(2, 480, 1200)
//   `define MR_WORD_LIST `MR_WORD(stash, 600, 0, 2) `MR_WORD(params, 480, 2, 1)
// MR_MEMORY is a part: its number, bits of a word and words that it needs; MR_WORD a memory of the network: its name, bits
// of a word, its first part and how many it has. Where something is wanted for each, MR_MEMORY or MR_WORD is defined in
// front of the list to be one of the macros below, with the same arguments.
`ifndef MR_MEMORY_SVH
`define MR_MEMORY_SVH

/// A part's AXI4 master, behind other ports.
`define MR_MEMORY_PORTS(n, bits, words) \
    , output logic         m_axi_memory``n``_arvalid \
    , input  logic         m_axi_memory``n``_arready \
    , output logic [ 63:0] m_axi_memory``n``_araddr \
    , output logic [  7:0] m_axi_memory``n``_arlen \
    , output logic [  2:0] m_axi_memory``n``_arsize \
    , output logic [  1:0] m_axi_memory``n``_arburst \
    , output logic [  3:0] m_axi_memory``n``_arcache \
    , output logic [  2:0] m_axi_memory``n``_arprot \
    , input  logic         m_axi_memory``n``_rvalid \
    , output logic         m_axi_memory``n``_rready \
    , input  logic [511:0] m_axi_memory``n``_rdata \
    , input  logic [  1:0] m_axi_memory``n``_rresp \
    , input  logic         m_axi_memory``n``_rlast \
    , output logic         m_axi_memory``n``_awvalid \
    , input  logic         m_axi_memory``n``_awready \
    , output logic [ 63:0] m_axi_memory``n``_awaddr \
    , output logic [  7:0] m_axi_memory``n``_awlen \
    , output logic [  2:0] m_axi_memory``n``_awsize \
    , output logic [  1:0] m_axi_memory``n``_awburst \
    , output logic [  3:0] m_axi_memory``n``_awcache \
    , output logic [  2:0] m_axi_memory``n``_awprot \
    , output logic         m_axi_memory``n``_wvalid \
    , input  logic         m_axi_memory``n``_wready \
    , output logic [511:0] m_axi_memory``n``_wdata \
    , output logic [ 63:0] m_axi_memory``n``_wstrb \
    , output logic         m_axi_memory``n``_wlast \
    , input  logic         m_axi_memory``n``_bvalid \
    , output logic         m_axi_memory``n``_bready \
    , input  logic [  1:0] m_axi_memory``n``_bresp

/// What the macros below go by, of each part.
`define MR_MEMORY_WIRES \
  logic [`MR_MEMORIES-1:0] memory_idle, memory_waiting, memory_moves; \
  logic [`MR_MEMORIES-1:0] memory_read_error, memory_write_error, memory_range_error; \
  logic [`MR_MEMORIES-1:0][57:0] memory_base; \
  logic [`MR_MEMORIES-1:0][31:0] memory_words, memory_bits, memory_needs; \
  logic [`MR_MEMORIES-1:0] plan_valid, plan_ready, fetch_valid, fetch_ready, store_valid, store_ready; \
  logic [`MR_MEMORIES-1:0][96:0] plan; \
  logic [`MR_MEMORIES-1:0][511:0] fetch, store;

/// What serves it: whole beats, rising addresses, modifiable, unprivileged secure data.
`define MR_MEMORY_SERVED(n, bits, words) \
  assign memory_bits[n] = bits; \
  assign memory_needs[n] = words; \
  assign m_axi_memory``n``_arsize = 3'd6; \
  assign m_axi_memory``n``_arburst = 2'b01; \
  assign m_axi_memory``n``_arcache = 4'b0011; \
  assign m_axi_memory``n``_arprot = 3'b000; \
  assign m_axi_memory``n``_awsize = 3'd6; \
  assign m_axi_memory``n``_awburst = 2'b01; \
  assign m_axi_memory``n``_awcache = 4'b0011; \
  assign m_axi_memory``n``_awprot = 3'b000; \
  mr_memory_port #( \
      .BITS(bits), \
      .MAX_BEATS(MAX_BEATS), \
      .OUTSTANDING(OUTSTANDING) \
  ) u_memory``n ( \
      .clk_i, \
      .rst_ni, \
      .stop_i(stop), \
      .begin_i(memory_begin), \
      .base_i(memory_base[n]), \
      .words_i(memory_words[n]), \
      .idle_o(memory_idle[n]), \
      .waiting_o(memory_waiting[n]), \
      .moves_o(memory_moves[n]), \
      .read_error_o(memory_read_error[n]), \
      .write_error_o(memory_write_error[n]), \
      .range_error_o(memory_range_error[n]), \
      .plan_valid_i(plan_valid[n]), \
      .plan_ready_o(plan_ready[n]), \
      .plan_data_i(plan[n]), \
      .fetch_valid_o(fetch_valid[n]), \
      .fetch_ready_i(fetch_ready[n]), \
      .fetch_data_o(fetch[n]), \
      .store_valid_i(store_valid[n]), \
      .store_ready_o(store_ready[n]), \
      .store_data_i(store[n]), \
      .m_axi_arvalid_o(m_axi_memory``n``_arvalid), \
      .m_axi_arready_i(m_axi_memory``n``_arready), \
      .m_axi_araddr_o(m_axi_memory``n``_araddr), \
      .m_axi_arlen_o(m_axi_memory``n``_arlen), \
      .m_axi_rvalid_i(m_axi_memory``n``_rvalid), \
      .m_axi_rready_o(m_axi_memory``n``_rready), \
      .m_axi_rdata_i(m_axi_memory``n``_rdata), \
      .m_axi_rresp_i(m_axi_memory``n``_rresp), \
      .m_axi_rlast_i(m_axi_memory``n``_rlast), \
      .m_axi_awvalid_o(m_axi_memory``n``_awvalid), \
      .m_axi_awready_i(m_axi_memory``n``_awready), \
      .m_axi_awaddr_o(m_axi_memory``n``_awaddr), \
      .m_axi_awlen_o(m_axi_memory``n``_awlen), \
      .m_axi_wvalid_o(m_axi_memory``n``_wvalid), \
      .m_axi_wready_i(m_axi_memory``n``_wready), \
      .m_axi_wdata_o(m_axi_memory``n``_wdata), \
      .m_axi_wstrb_o(m_axi_memory``n``_wstrb), \
      .m_axi_wlast_o(m_axi_memory``n``_wlast), \
      .m_axi_bvalid_i(m_axi_memory``n``_bvalid), \
      .m_axi_bready_o(m_axi_memory``n``_bready), \
      .m_axi_bresp_i(m_axi_memory``n``_bresp) \
  );

/// A memory's words in their parts.
`define MR_WORD_PARTED(name, bits, first, count) \
  logic name``_plan_valid, name``_plan_ready, name``_fetch_valid, name``_fetch_ready, name``_store_valid, name``_store_ready; \
  logic [96:0] name``_plan; \
  logic [bits-1:0] name``_fetch, name``_store; \
  mr_memory_parts #( \
      .BITS(bits) \
  ) u_``name``_parts ( \
      .clk_i, \
      .rst_ni, \
      .stop_i(stop), \
      .plan_valid_i(name``_plan_valid), \
      .plan_ready_o(name``_plan_ready), \
      .plan_data_i(name``_plan), \
      .fetch_valid_o(name``_fetch_valid), \
      .fetch_ready_i(name``_fetch_ready), \
      .fetch_data_o(name``_fetch), \
      .store_valid_i(name``_store_valid), \
      .store_ready_o(name``_store_ready), \
      .store_data_i(name``_store), \
      .plan_valid_o(plan_valid[first+:count]), \
      .plan_ready_i(plan_ready[first+:count]), \
      .plan_data_o(plan[first+:count]), \
      .fetch_valid_i(fetch_valid[first+:count]), \
      .fetch_ready_o(fetch_ready[first+:count]), \
      .fetch_data_i(fetch[first+:count]), \
      .store_valid_o(store_valid[first+:count]), \
      .store_ready_i(store_ready[first+:count]), \
      .store_data_o(store[first+:count]) \
  );

/// The network's ports for it, in front of others.
`define MR_WORD_STREAMS(name, bits, first, count) \
      .name``_plan_valid_o(name``_plan_valid), \
      .name``_plan_ready_i(name``_plan_ready), \
      .name``_plan_data_o(name``_plan), \
      .name``_fetch_valid_i(name``_fetch_valid), \
      .name``_fetch_ready_o(name``_fetch_ready), \
      .name``_fetch_data_i(name``_fetch), \
      .name``_store_valid_o(name``_store_valid), \
      .name``_store_ready_i(name``_store_ready), \
      .name``_store_data_o(name``_store),

/// The rules of a part's port, in simulation.
`define MR_MEMORY_RULES(n, bits, words) \
  mr_axi_read_rules u_memory``n``_read_rules ( \
      .clk_i, \
      .rst_ni, \
      .arvalid_i(m_axi_memory``n``_arvalid), \
      .arready_i(m_axi_memory``n``_arready), \
      .araddr_i(m_axi_memory``n``_araddr), \
      .arlen_i(m_axi_memory``n``_arlen), \
      .rvalid_i(m_axi_memory``n``_rvalid), \
      .rready_i(m_axi_memory``n``_rready), \
      .rdata_i(m_axi_memory``n``_rdata), \
      .rresp_i(m_axi_memory``n``_rresp), \
      .rlast_i(m_axi_memory``n``_rlast) \
  ); \
  mr_axi_write_rules u_memory``n``_write_rules ( \
      .clk_i, \
      .rst_ni, \
      .awvalid_i(m_axi_memory``n``_awvalid), \
      .awready_i(m_axi_memory``n``_awready), \
      .awaddr_i(m_axi_memory``n``_awaddr), \
      .awlen_i(m_axi_memory``n``_awlen), \
      .wvalid_i(m_axi_memory``n``_wvalid), \
      .wready_i(m_axi_memory``n``_wready), \
      .wdata_i(m_axi_memory``n``_wdata), \
      .wstrb_i(m_axi_memory``n``_wstrb), \
      .wlast_i(m_axi_memory``n``_wlast), \
      .bvalid_i(m_axi_memory``n``_bvalid), \
      .bready_i(m_axi_memory``n``_bready), \
      .bresp_i(m_axi_memory``n``_bresp) \
  );

/// And of the network's streams. Whether a stored word stands unchanged is not checked: Verilator's C++ for assertions
/// about very wide words does not compile.
`define MR_WORD_RULES(name, bits, first, count) \
  mr_stream_rules #( \
      .WIDTH(97), \
      .NAME("plan") \
  ) u_``name``_plan_rules ( \
      .clk_i, \
      .rst_ni(network_rst_n), \
      .valid_i(name``_plan_valid), \
      .ready_i(name``_plan_ready), \
      .data_i(name``_plan) \
  ); \
  mr_stream_rules #( \
      .WIDTH(1), \
      .NAME("store") \
  ) u_``name``_store_rules ( \
      .clk_i, \
      .rst_ni(network_rst_n), \
      .valid_i(name``_store_valid), \
      .ready_i(name``_store_ready), \
      .data_i(1'b0) \
  );

`endif
