// SPDX-License-Identifier: Apache-2.0
// In place of a card's kernel, for tests of the packets' registers and memory (hw/usb/mr_usb_pipeline.sv): registers that
// answer late at random, and an engine that copies words of 512 bits by AXI4.
//
// Registers: 0x00 to 0x3c hold what is written; 0x40: writing n copies n words from word [0x00] to word [0x04], reading
// gives 1 while it copies. 0x80 answers with an error, 0xc0 never, 0xc4 after 1500 cycles.

`include "mr_assert.svh"

module millrace #(
    parameter int CLOCK_KHZ = 0
) (
    /// Clock and synchronous reset.
    input  logic         ap_clk,
    input  logic         ap_rst_n,
    /// Done or ready, as the interrupt registers say.
    output logic         interrupt,
    /// Control.
    input  logic         s_axi_control_awvalid,
    output logic         s_axi_control_awready,
    input  logic [ 15:0] s_axi_control_awaddr,
    input  logic         s_axi_control_wvalid,
    output logic         s_axi_control_wready,
    input  logic [ 31:0] s_axi_control_wdata,
    input  logic [  3:0] s_axi_control_wstrb,
    output logic         s_axi_control_bvalid,
    input  logic         s_axi_control_bready,
    output logic [  1:0] s_axi_control_bresp,
    input  logic         s_axi_control_arvalid,
    output logic         s_axi_control_arready,
    input  logic [ 15:0] s_axi_control_araddr,
    output logic         s_axi_control_rvalid,
    input  logic         s_axi_control_rready,
    output logic [ 31:0] s_axi_control_rdata,
    output logic [  1:0] s_axi_control_rresp,
    /// Memory, read.
    output logic         m_axi_gmem_in_arvalid,
    input  logic         m_axi_gmem_in_arready,
    output logic [ 63:0] m_axi_gmem_in_araddr,
    output logic [  7:0] m_axi_gmem_in_arlen,
    output logic [  2:0] m_axi_gmem_in_arsize,
    output logic [  1:0] m_axi_gmem_in_arburst,
    output logic [  3:0] m_axi_gmem_in_arcache,
    output logic [  2:0] m_axi_gmem_in_arprot,
    input  logic         m_axi_gmem_in_rvalid,
    output logic         m_axi_gmem_in_rready,
    input  logic [511:0] m_axi_gmem_in_rdata,
    input  logic [  1:0] m_axi_gmem_in_rresp,
    input  logic         m_axi_gmem_in_rlast,
    /// Memory, written.
    output logic         m_axi_gmem_out_awvalid,
    input  logic         m_axi_gmem_out_awready,
    output logic [ 63:0] m_axi_gmem_out_awaddr,
    output logic [  7:0] m_axi_gmem_out_awlen,
    output logic [  2:0] m_axi_gmem_out_awsize,
    output logic [  1:0] m_axi_gmem_out_awburst,
    output logic [  3:0] m_axi_gmem_out_awcache,
    output logic [  2:0] m_axi_gmem_out_awprot,
    output logic         m_axi_gmem_out_wvalid,
    input  logic         m_axi_gmem_out_wready,
    output logic [511:0] m_axi_gmem_out_wdata,
    output logic [ 63:0] m_axi_gmem_out_wstrb,
    output logic         m_axi_gmem_out_wlast,
    input  logic         m_axi_gmem_out_bvalid,
    output logic         m_axi_gmem_out_bready,
    input  logic [  1:0] m_axi_gmem_out_bresp
);
  logic clk_i, rst_ni;
  assign clk_i  = ap_clk;
  assign rst_ni = ap_rst_n;
  logic [31:0] random_q;
  initial random_q = 32'h7;
  always_ff @(posedge clk_i) random_q <= {random_q[30:0], random_q[31] ^ random_q[21] ^ random_q[1] ^ random_q[0]};

  // ---- registers: an address or data is taken now and then, and answered later

  logic [31:0] registers_q[16];
  logic aw_q, w_q, copying_q, start;
  logic [15:0] awaddr_q;
  logic [31:0] wdata_q;
  assign s_axi_control_awready = !aw_q && random_q[0];
  assign s_axi_control_wready = !w_q && random_q[1];
  assign s_axi_control_arready = !s_axi_control_rvalid && random_q[2] && s_axi_control_araddr != 16'hc0 && (s_axi_control_araddr != 16'hc4 || late_q == 11'd1500);
  logic [10:0] late_q;
  always_ff @(posedge clk_i) late_q <= !s_axi_control_arvalid || s_axi_control_arready ? '0 : late_q == 11'd1500 ? late_q : late_q + 11'd1;
  assign start = aw_q && w_q && !s_axi_control_bvalid && random_q[3] && awaddr_q == 16'h40;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q <= 1'b0;
      w_q <= 1'b0;
      s_axi_control_bvalid <= 1'b0;
      s_axi_control_rvalid <= 1'b0;
    end else begin
      if (s_axi_control_awvalid && s_axi_control_awready) aw_q <= 1'b1;
      if (s_axi_control_wvalid && s_axi_control_wready) w_q <= 1'b1;
      if (s_axi_control_bvalid && s_axi_control_bready) s_axi_control_bvalid <= 1'b0;
      if (aw_q && w_q && !s_axi_control_bvalid && random_q[3] && awaddr_q != 16'hc0) begin
        aw_q <= 1'b0;
        w_q <= 1'b0;
        s_axi_control_bvalid <= 1'b1;
        if (awaddr_q < 16'h40) registers_q[awaddr_q[5:2]] <= wdata_q;
      end
      if (s_axi_control_arvalid && s_axi_control_arready) s_axi_control_rvalid <= 1'b1;
      if (s_axi_control_rvalid && s_axi_control_rready) s_axi_control_rvalid <= 1'b0;
    end
    if (s_axi_control_awvalid && s_axi_control_awready) awaddr_q <= s_axi_control_awaddr;
    if (s_axi_control_wvalid && s_axi_control_wready) wdata_q <= s_axi_control_wdata;
    if (aw_q && w_q) s_axi_control_bresp <= awaddr_q == 16'h80 ? 2'b10 : 2'b00;
    if (s_axi_control_arvalid && s_axi_control_arready) begin
      s_axi_control_rdata <= s_axi_control_araddr == 16'h40 ? 32'(copying_q) : registers_q[s_axi_control_araddr[5:2]];
      s_axi_control_rresp <= s_axi_control_araddr == 16'h80 ? 2'b10 : 2'b00;
    end
  end

  // ---- the engine: bursts of 8 words at most; what is read is written at once

  logic [31:0] from_q, to_q, left_q;
  logic read_q, written_q;  // of a burst: address of the read and of the write
  logic [31:0] burst, count_q;
  assign burst = left_q < 32'd8 ? left_q : 32'd8;
  assign m_axi_gmem_in_arvalid = copying_q && left_q != '0 && !read_q;
  assign m_axi_gmem_in_araddr = 64'(from_q) << 6;
  assign m_axi_gmem_in_arlen = 8'(burst - 32'd1);
  assign m_axi_gmem_out_awvalid = copying_q && left_q != '0 && !written_q;
  assign m_axi_gmem_out_awaddr = 64'(to_q) << 6;
  assign m_axi_gmem_out_awlen = 8'(burst - 32'd1);
  logic gate_q;  // an offer stands until it is taken
  assign m_axi_gmem_out_wvalid = m_axi_gmem_in_rvalid && gate_q && written_q;
  assign m_axi_gmem_in_rready = m_axi_gmem_out_wready && gate_q && written_q;
  assign m_axi_gmem_out_wdata = m_axi_gmem_in_rdata;
  assign m_axi_gmem_out_bready = random_q[5];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      copying_q <= 1'b0;
      gate_q <= 1'b0;
    end else begin
      if (!m_axi_gmem_out_wvalid || m_axi_gmem_out_wready) gate_q <= random_q[9:4] == '0;
      if (start && !copying_q) begin
        copying_q <= 1'b1;
        from_q <= registers_q[0];
        to_q <= registers_q[1];
        left_q <= wdata_q;
        read_q <= 1'b0;
        written_q <= 1'b0;
        count_q <= '0;
      end else if (copying_q) begin
        if (m_axi_gmem_in_arvalid && m_axi_gmem_in_arready) read_q <= 1'b1;
        if (m_axi_gmem_out_awvalid && m_axi_gmem_out_awready) written_q <= 1'b1;
        if (m_axi_gmem_in_rvalid && m_axi_gmem_in_rready) begin
          count_q <= count_q + 32'd1;
        end
        if (m_axi_gmem_out_bvalid && m_axi_gmem_out_bready) begin
          from_q <= from_q + burst;
          to_q <= to_q + burst;
          left_q <= left_q - burst;
          read_q <= 1'b0;
          written_q <= 1'b0;
          count_q <= '0;
        end
        if (left_q == '0) copying_q <= 1'b0;
      end
    end
  end

  `MR_ASSERT(a_last, !(m_axi_gmem_in_rvalid && m_axi_gmem_in_rready) || m_axi_gmem_in_rlast == (count_q + 32'd1 == burst),
             "a burst ends with another word than its last")
  `MR_ASSERT(a_answer, !(m_axi_gmem_out_bvalid && m_axi_gmem_out_bready) || count_q == burst,
             "an answer before all was written")
  `MR_ASSERT(a_idle, copying_q || !(m_axi_gmem_out_bvalid || m_axi_gmem_in_rvalid), "an answer to nothing")

  assign m_axi_gmem_out_wstrb = '1;
  assign m_axi_gmem_out_wlast = count_q + 32'd1 == burst;
  assign interrupt = 1'b0;
  assign m_axi_gmem_in_arsize = 3'd6;
  assign m_axi_gmem_out_awsize = 3'd6;
  assign m_axi_gmem_in_arburst = 2'd1;
  assign m_axi_gmem_out_awburst = 2'd1;
  assign m_axi_gmem_in_arcache = 4'd3;
  assign m_axi_gmem_out_awcache = 4'd3;
  assign m_axi_gmem_in_arprot = 3'd0;
  assign m_axi_gmem_out_awprot = 3'd0;
  logic unused;
  assign unused = &{s_axi_control_wstrb, m_axi_gmem_in_rresp, m_axi_gmem_out_bresp, CLOCK_KHZ == 0};
endmodule
