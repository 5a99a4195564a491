// SPDX-License-Identifier: Apache-2.0
// What module millrace has for each memory of its network. mr_network.svh lists them:
//   `define MR_MEMORY_LIST `MR_MEMORY(0, stash, 90, 48000) `MR_MEMORY(1, params, 480, 1200)
// each with its number, name, bits of a word and words that it needs. Where something is wanted for each, MR_MEMORY is
// defined in front of MR_MEMORY_LIST to be one of the macros below, with the same arguments.
`ifndef MR_MEMORY_SVH
`define MR_MEMORY_SVH

/// Its AXI4 master, behind other ports.
`define MR_MEMORY_PORTS(n, name, bits, words) \
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

/// Its streams, and what serves them: whole beats, rising addresses, modifiable, unprivileged secure data.
`define MR_MEMORY_SERVED(n, name, bits, words) \
  logic plan_``n``_valid, plan_``n``_ready, fetch_``n``_valid, fetch_``n``_ready, store_``n``_valid, store_``n``_ready; \
  logic [96:0] plan_``n``; \
  logic [bits-1:0] fetch_``n``, store_``n``; \
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
      .plan_valid_i(plan_``n``_valid), \
      .plan_ready_o(plan_``n``_ready), \
      .plan_data_i(plan_``n``), \
      .fetch_valid_o(fetch_``n``_valid), \
      .fetch_ready_i(fetch_``n``_ready), \
      .fetch_data_o(fetch_``n``), \
      .store_valid_i(store_``n``_valid), \
      .store_ready_o(store_``n``_ready), \
      .store_data_i(store_``n``), \
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

/// The network's ports for it, in front of others.
`define MR_MEMORY_STREAMS(n, name, bits, words) \
      .name``_plan_valid_o(plan_``n``_valid), \
      .name``_plan_ready_i(plan_``n``_ready), \
      .name``_plan_data_o(plan_``n``), \
      .name``_fetch_valid_i(fetch_``n``_valid), \
      .name``_fetch_ready_o(fetch_``n``_ready), \
      .name``_fetch_data_i(fetch_``n``), \
      .name``_store_valid_o(store_``n``_valid), \
      .name``_store_ready_i(store_``n``_ready), \
      .name``_store_data_o(store_``n``),

/// The rules of its port and of its streams, in simulation. Whether a stored word stands unchanged is not
/// checked: Verilator's C++ for assertions about very wide words does not compile.
`define MR_MEMORY_RULES(n, name, bits, words) \
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
  ); \
  mr_stream_rules #( \
      .WIDTH(97), \
      .NAME("plan") \
  ) u_plan_``n``_rules ( \
      .clk_i, \
      .rst_ni(network_rst_n), \
      .valid_i(plan_``n``_valid), \
      .ready_i(plan_``n``_ready), \
      .data_i(plan_``n``) \
  ); \
  mr_stream_rules #( \
      .WIDTH(1), \
      .NAME("store") \
  ) u_store_``n``_rules ( \
      .clk_i, \
      .rst_ni(network_rst_n), \
      .valid_i(store_``n``_valid), \
      .ready_i(store_``n``_ready), \
      .data_i(1'b0) \
  );

`endif
