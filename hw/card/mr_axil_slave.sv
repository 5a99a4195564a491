// SPDX-License-Identifier: Apache-2.0
// AXI4-Lite to a plain register bus: one write and one read at a time, all answered OKAY.
//
// wr_valid_o is high for one cycle per write, when address and data have both come; its answer follows in
// the next cycle. rd_valid_o is high for one cycle per read; rd_data_i is looked at two cycles later.
// Reads do not wait for writes, nor writes for reads. All outputs to AXI are registers.

`include "mr_assert.svh"

module mr_axil_slave #(
    /// Bits of an address.
    parameter int ADDR_WIDTH = 16
) (
    /// Clock, rising edge.
    input  logic                  clk_i,
    /// Reset, synchronous, active low.
    input  logic                  rst_ni,
    /// AXI4-Lite.
    input  logic                  awvalid_i,
    output logic                  awready_o,
    input  logic [ADDR_WIDTH-1:0] awaddr_i,
    input  logic                  wvalid_i,
    output logic                  wready_o,
    input  logic [          31:0] wdata_i,
    input  logic [           3:0] wstrb_i,
    output logic                  bvalid_o,
    input  logic                  bready_i,
    output logic [           1:0] bresp_o,
    input  logic                  arvalid_i,
    output logic                  arready_o,
    input  logic [ADDR_WIDTH-1:0] araddr_i,
    output logic                  rvalid_o,
    input  logic                  rready_i,
    output logic [          31:0] rdata_o,
    output logic [           1:0] rresp_o,
    /// A write: address of the word, data and the bytes of it that count.
    output logic                  wr_valid_o,
    output logic [ADDR_WIDTH-1:0] wr_addr_o,
    output logic [          31:0] wr_data_o,
    output logic [           3:0] wr_strobe_o,
    /// A read, and what it gives.
    output logic                  rd_valid_o,
    output logic [ADDR_WIDTH-1:0] rd_addr_o,
    input  logic [          31:0] rd_data_i
);
  // An address or data that was taken is held until its write is answered. Nothing is taken in reset.
  logic address_held_q, data_held_q, address_held_d, data_held_d, answered;
  assign answered = bvalid_o && bready_i;
  assign address_held_d = !answered && (address_held_q || (awvalid_i && awready_o));
  assign data_held_d = !answered && (data_held_q || (wvalid_i && wready_o));
  assign wr_valid_o = address_held_q && data_held_q && !bvalid_o;
  assign bresp_o = 2'b00;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      address_held_q <= 1'b0;
      data_held_q <= 1'b0;
      awready_o <= 1'b0;
      wready_o <= 1'b0;
      bvalid_o <= 1'b0;
    end else begin
      address_held_q <= address_held_d;
      data_held_q <= data_held_d;
      awready_o <= !address_held_d;
      wready_o <= !data_held_d;
      bvalid_o <= wr_valid_o || (bvalid_o && !bready_i);
    end
    if (awvalid_i && awready_o) wr_addr_o <= awaddr_i;
    if (wvalid_i && wready_o) begin
      wr_data_o   <= wdata_i;
      wr_strobe_o <= wstrb_i;
    end
  end

  // A read goes on from its address to its answer; wait_q: the cycles since rd_valid_o.
  logic reading_q, reading_d;
  logic [1:0] wait_q;
  assign reading_d = (reading_q || (arvalid_i && arready_o)) && !(rvalid_o && rready_i);
  assign rresp_o = 2'b00;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      reading_q  <= 1'b0;
      arready_o  <= 1'b0;
      rvalid_o   <= 1'b0;
      rd_valid_o <= 1'b0;
      wait_q     <= 2'b00;
    end else begin
      reading_q  <= reading_d;
      arready_o  <= !reading_d;
      rd_valid_o <= arvalid_i && arready_o;
      wait_q     <= {wait_q[0], rd_valid_o};
      rvalid_o   <= wait_q[1] || (rvalid_o && !rready_i);
    end
    if (arvalid_i && arready_o) rd_addr_o <= araddr_i;
    if (wait_q[1]) rdata_o <= rd_data_i;
  end

`ifdef FORMAL
  `include "mr_axil_slave_proof.svh"
`endif
endmodule
