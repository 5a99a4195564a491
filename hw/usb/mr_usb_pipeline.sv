// SPDX-License-Identifier: Apache-2.0
// The pipeline of a network behind an FT601: the kernel `millrace` of a card, with packets in place of PCIe and a memory on
// the chip in place of a card's. Clock and kernel are the FT601's 100 MHz.

`include "mr_network.svh"

module mr_usb_pipeline #(
    /// What the device says of itself, as in mr_packet.
    parameter int CLOCK_KHZ = 100000,
    parameter logic [127:0] HASH = `MR_SHAPE_HASH,
    /// Bytes of memory; a power of two.
    parameter int MEMORY = 1 << 20,
    /// Bytes of payload of a packet, and the patience (2^TIMER cycles), as in mr_packet.
    parameter int PAYLOAD = 16384,
    parameter int TIMER = 20
) (
    /// The chip's clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low.
    input  logic        rst_ni,
    /// The chip's pins, as in mr_fifo245.
    input  logic        rxf_ni,
    input  logic        txe_ni,
    output logic        rd_no,
    output logic        wr_no,
    output logic        oe_no,
    output logic        drive_o,
    input  logic [31:0] data_i,
    input  logic [ 3:0] be_i,
    output logic [31:0] data_o,
    output logic [ 3:0] be_o
);
  logic in_valid, in_ready, out_valid, out_ready, kernel_rst_n, run, late, arg_valid, arg_ready, ans_valid, ans_ready, done;
  logic [7:0] in_data, out_data, command;
  logic [15:0] arg_data, ans_data;
  logic [2:0] status;
  mr_fifo245 #(
      .WORDS(PAYLOAD / 4 + 3)
  ) u_pins (
      .clk_i,
      .rst_ni,
      .rxf_ni,
      .txe_ni,
      .rd_no,
      .wr_no,
      .oe_no,
      .drive_o,
      .data_i,
      .be_i,
      .data_o,
      .be_o,
      .in_valid_o(in_valid),
      .in_ready_i(in_ready),
      .in_data_o(in_data),
      .out_valid_i(out_valid),
      .out_ready_o(out_ready),
      .out_data_i(out_data)
  );
  mr_packet #(
      .PAYLOAD(PAYLOAD),
      .TIMER(TIMER),
      .KIND(mr_packet_pkg::KIND_PIPELINE),
      .CLOCK_KHZ(CLOCK_KHZ),
      .MEMORY(MEMORY),
      .HASH(HASH)
  ) u_packet (
      .clk_i,
      .rst_ni,
      .in_valid_i(in_valid),
      .in_ready_o(in_ready),
      .in_data_i(in_data),
      .out_valid_o(out_valid),
      .out_ready_i(out_ready),
      .out_data_o(out_data),
      .kernel_rst_no(kernel_rst_n),
      .busy_i('0),
      .do_o(run),
      .command_o(command),
      .late_o(late),
      .arg_valid_o(arg_valid),
      .arg_ready_i(arg_ready),
      .arg_data_o(arg_data),
      .ans_valid_i(ans_valid),
      .ans_ready_o(ans_ready),
      .ans_data_i(ans_data),
      .done_i(done),
      .status_i(status)
  );

  logic axil_awvalid;
  logic axil_awready;
  logic [15:0] axil_awaddr;
  logic axil_wvalid;
  logic axil_wready;
  logic [31:0] axil_wdata;
  logic [3:0] axil_wstrb;
  logic axil_bvalid;
  logic axil_bready;
  logic [1:0] axil_bresp;
  logic axil_arvalid;
  logic axil_arready;
  logic [15:0] axil_araddr;
  logic axil_rvalid;
  logic axil_rready;
  logic [31:0] axil_rdata;
  logic [1:0] axil_rresp;
  logic mem_valid, mem_ready, mem_write, mem_given;
  logic [31:0] mem_addr, mem_data, mem_word;
  mr_packet_bus #(
      .PAYLOAD(PAYLOAD),
      .MEMORY(MEMORY)
  ) u_bus (
      .clk_i,
      .rst_ni(kernel_rst_n),
      .do_i(run),
      .command_i(command),
      .late_i(late),
      .arg_valid_i(arg_valid),
      .arg_ready_o(arg_ready),
      .arg_data_i(arg_data),
      .ans_valid_o(ans_valid),
      .ans_ready_i(ans_ready),
      .ans_data_o(ans_data),
      .done_o(done),
      .status_o(status),
      .awvalid_o(axil_awvalid),
      .awready_i(axil_awready),
      .awaddr_o(axil_awaddr),
      .wvalid_o(axil_wvalid),
      .wready_i(axil_wready),
      .wdata_o(axil_wdata),
      .wstrb_o(axil_wstrb),
      .bvalid_i(axil_bvalid),
      .bready_o(axil_bready),
      .bresp_i(axil_bresp),
      .arvalid_o(axil_arvalid),
      .arready_i(axil_arready),
      .araddr_o(axil_araddr),
      .rvalid_i(axil_rvalid),
      .rready_o(axil_rready),
      .rdata_i(axil_rdata),
      .rresp_i(axil_rresp),
      .mem_valid_o(mem_valid),
      .mem_ready_i(mem_ready),
      .mem_write_o(mem_write),
      .mem_addr_o(mem_addr),
      .mem_data_o(mem_data),
      .mem_valid_i(mem_given),
      .mem_data_i(mem_word)
  );

  logic mem_arvalid;
  logic mem_arready;
  logic [63:0] mem_araddr;
  logic [7:0] mem_arlen;
  logic mem_rvalid;
  logic mem_rready;
  logic [511:0] mem_rdata;
  logic [1:0] mem_rresp;
  logic mem_rlast;
  logic mem_awvalid;
  logic mem_awready;
  logic [63:0] mem_awaddr;
  logic [7:0] mem_awlen;
  logic mem_wvalid;
  logic mem_wready;
  logic [511:0] mem_wdata;
  logic [63:0] mem_wstrb;
  logic mem_bvalid;
  logic mem_bready;
  logic [1:0] mem_bresp;
  mr_usb_memory #(
      .BYTES(MEMORY)
  ) u_memory (
      .clk_i,
      .rst_ni(kernel_rst_n),
      .valid_i(mem_valid),
      .ready_o(mem_ready),
      .write_i(mem_write),
      .addr_i(mem_addr),
      .data_i(mem_data),
      .valid_o(mem_given),
      .data_o(mem_word),
      .arvalid_i(mem_arvalid),
      .arready_o(mem_arready),
      .araddr_i(mem_araddr),
      .arlen_i(mem_arlen),
      .rvalid_o(mem_rvalid),
      .rready_i(mem_rready),
      .rdata_o(mem_rdata),
      .rresp_o(mem_rresp),
      .rlast_o(mem_rlast),
      .awvalid_i(mem_awvalid),
      .awready_o(mem_awready),
      .awaddr_i(mem_awaddr),
      .awlen_i(mem_awlen),
      .wvalid_i(mem_wvalid),
      .wready_o(mem_wready),
      .wdata_i(mem_wdata),
      .wstrb_i(mem_wstrb),
      .bvalid_o(mem_bvalid),
      .bready_i(mem_bready),
      .bresp_o(mem_bresp)
  );

  logic unused_interrupt, unused_wlast;
  logic [2:0] unused_arsize, unused_awsize, unused_arprot, unused_awprot;
  logic [1:0] unused_arburst, unused_awburst;
  logic [3:0] unused_arcache, unused_awcache;
  millrace #(
      .CLOCK_KHZ(CLOCK_KHZ)
  ) u_kernel (
      .ap_clk(clk_i),
      .ap_rst_n(kernel_rst_n),
      .interrupt(unused_interrupt),
      .s_axi_control_awvalid(axil_awvalid),
      .s_axi_control_awready(axil_awready),
      .s_axi_control_awaddr(axil_awaddr),
      .s_axi_control_wvalid(axil_wvalid),
      .s_axi_control_wready(axil_wready),
      .s_axi_control_wdata(axil_wdata),
      .s_axi_control_wstrb(axil_wstrb),
      .s_axi_control_bvalid(axil_bvalid),
      .s_axi_control_bready(axil_bready),
      .s_axi_control_bresp(axil_bresp),
      .s_axi_control_arvalid(axil_arvalid),
      .s_axi_control_arready(axil_arready),
      .s_axi_control_araddr(axil_araddr),
      .s_axi_control_rvalid(axil_rvalid),
      .s_axi_control_rready(axil_rready),
      .s_axi_control_rdata(axil_rdata),
      .s_axi_control_rresp(axil_rresp),
      .m_axi_gmem_in_arvalid(mem_arvalid),
      .m_axi_gmem_in_arready(mem_arready),
      .m_axi_gmem_in_araddr(mem_araddr),
      .m_axi_gmem_in_arlen(mem_arlen),
      .m_axi_gmem_in_arsize(unused_arsize),
      .m_axi_gmem_in_arburst(unused_arburst),
      .m_axi_gmem_in_arcache(unused_arcache),
      .m_axi_gmem_in_arprot(unused_arprot),
      .m_axi_gmem_in_rvalid(mem_rvalid),
      .m_axi_gmem_in_rready(mem_rready),
      .m_axi_gmem_in_rdata(mem_rdata),
      .m_axi_gmem_in_rresp(mem_rresp),
      .m_axi_gmem_in_rlast(mem_rlast),
      .m_axi_gmem_out_awvalid(mem_awvalid),
      .m_axi_gmem_out_awready(mem_awready),
      .m_axi_gmem_out_awaddr(mem_awaddr),
      .m_axi_gmem_out_awlen(mem_awlen),
      .m_axi_gmem_out_awsize(unused_awsize),
      .m_axi_gmem_out_awburst(unused_awburst),
      .m_axi_gmem_out_awcache(unused_awcache),
      .m_axi_gmem_out_awprot(unused_awprot),
      .m_axi_gmem_out_wvalid(mem_wvalid),
      .m_axi_gmem_out_wready(mem_wready),
      .m_axi_gmem_out_wdata(mem_wdata),
      .m_axi_gmem_out_wstrb(mem_wstrb),
      .m_axi_gmem_out_wlast(unused_wlast),
      .m_axi_gmem_out_bvalid(mem_bvalid),
      .m_axi_gmem_out_bready(mem_bready),
      .m_axi_gmem_out_bresp(mem_bresp)
  );
endmodule
