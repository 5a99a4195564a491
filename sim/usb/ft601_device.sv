// SPDX-License-Identifier: Apache-2.0
// What the emulated bus has behind an FT601: the pipeline of a network.

module mr_usb_device (
    /// Clock, rising edge: the chip's.
    input  logic        clk_i,
    /// Reset, synchronous, active low.
    input  logic        rst_ni,
    /// The chip's pins.
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
  // The patience of a board is 10 ms, shorter than a host's before it sends a request again. Simulated cycles are slow, and
  // the host's time is not: here it is 2^16 cycles.
  mr_usb_pipeline #(
      .TIMER(16)
  ) u_pipeline (
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
      .be_o
  );
endmodule
