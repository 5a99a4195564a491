// SPDX-License-Identifier: Apache-2.0
// As mr_usb_pipeline, with usb_copy in place of a card's kernel, less memory and smaller packets.

module usb_copy_top #(
    /// What the device says of itself, as in mr_packet.
    parameter int CLOCK_KHZ = 100000,
    /// Bytes of memory; a power of two.
    parameter int MEMORY = 1 << 14,
    /// Bytes of payload of a packet, and the patience (2^TIMER cycles), as in mr_packet.
    parameter int PAYLOAD = 1024,
    parameter int TIMER = 10
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
    output logic [ 3:0] be_o,
    output logic        wrong_o
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
      .MEMORY(MEMORY)
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
  logic [3:0] unused_wstrb;
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
      .wstrb_o(unused_wstrb),
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
  logic [1:0] unused_rresp;
  logic mem_rlast;
  logic mem_awvalid;
  logic mem_awready;
  logic [63:0] mem_awaddr;
  logic [7:0] mem_awlen;
  logic mem_wvalid;
  logic mem_wready;
  logic [511:0] mem_wdata;
  logic mem_bvalid;
  logic mem_bready;
  logic [1:0] unused_bresp;
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
      .rresp_o(unused_rresp),
      .rlast_o(mem_rlast),
      .awvalid_i(mem_awvalid),
      .awready_o(mem_awready),
      .awaddr_i(mem_awaddr),
      .awlen_i(mem_awlen),
      .wvalid_i(mem_wvalid),
      .wready_o(mem_wready),
      .wdata_i(mem_wdata),
      .wstrb_i('1),
      .bvalid_o(mem_bvalid),
      .bready_i(mem_bready),
      .bresp_o(unused_bresp)
  );

  usb_copy u_copy (
      .clk_i,
      .rst_ni(kernel_rst_n),
      .awvalid_i(axil_awvalid),
      .awready_o(axil_awready),
      .awaddr_i(axil_awaddr),
      .wvalid_i(axil_wvalid),
      .wready_o(axil_wready),
      .wdata_i(axil_wdata),
      .bvalid_o(axil_bvalid),
      .bready_i(axil_bready),
      .bresp_o(axil_bresp),
      .arvalid_i(axil_arvalid),
      .arready_o(axil_arready),
      .araddr_i(axil_araddr),
      .rvalid_o(axil_rvalid),
      .rready_i(axil_rready),
      .rdata_o(axil_rdata),
      .rresp_o(axil_rresp),
      .mem_arvalid_o(mem_arvalid),
      .mem_arready_i(mem_arready),
      .mem_araddr_o(mem_araddr),
      .mem_arlen_o(mem_arlen),
      .mem_rvalid_i(mem_rvalid),
      .mem_rready_o(mem_rready),
      .mem_rdata_i(mem_rdata),
      .mem_rlast_i(mem_rlast),
      .mem_awvalid_o(mem_awvalid),
      .mem_awready_i(mem_awready),
      .mem_awaddr_o(mem_awaddr),
      .mem_awlen_o(mem_awlen),
      .mem_wvalid_o(mem_wvalid),
      .mem_wready_i(mem_wready),
      .mem_wdata_o(mem_wdata),
      .mem_bvalid_i(mem_bvalid),
      .mem_bready_o(mem_bready),
      .wrong_o
  );
endmodule
