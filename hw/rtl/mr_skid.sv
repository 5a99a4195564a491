// SPDX-License-Identifier: Apache-2.0
// A skid buffer: a register stage for a stream that cuts every path in both directions.
//
// Elements pass in order, each exactly once, one cycle later at the earliest and one a cycle at full
// speed. All outputs are registers. An offer stands unchanged until it is taken. The buffer holds two
// elements: the one on offer and the one that arrived while the output first stalled. Handshakes in
// cycles with rst_ni low do not count.

`include "mr_assert.svh"

module mr_skid #(
    /// Bits of an element; >= 1.
    parameter int WIDTH = 16
) (
    /// Clock, rising edge.
    input  logic             clk_i,
    /// Reset, synchronous, active low: empties the buffer.
    input  logic             rst_ni,
    /// An element is offered.
    input  logic             in_valid_i,
    /// There is room (register).
    output logic             in_ready_o,
    /// The element offered.
    input  logic [WIDTH-1:0] in_data_i,
    /// An element is on offer (register).
    output logic             out_valid_o,
    /// The element on offer is taken.
    input  logic             out_ready_i,
    /// The element on offer (register); meaningful while out_valid_o is high.
    output logic [WIDTH-1:0] out_data_o
);
  `MR_CHECK(g_bad_width, WIDTH >= 1, "mr_skid: WIDTH=%0d must be at least 1.", WIDTH)

  // ready_q low means that spare_q is occupied.
  logic ready_q, valid_q;
  logic [WIDTH-1:0] data_q, spare_q;

  assign in_ready_o = ready_q;
  assign out_valid_o = valid_q;
  assign out_data_o = data_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ready_q <= 1'b1;
      valid_q <= 1'b0;
    end else if (!valid_q || out_ready_i) begin
      ready_q <= 1'b1;
      valid_q <= in_valid_i || !ready_q;
    end else if (in_valid_i) begin
      ready_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!valid_q || out_ready_i) data_q <= ready_q ? in_data_i : spare_q;
    if (ready_q) spare_q <= in_data_i;
  end

  `MR_ASSERT(a_in_known, !$isunknown(in_valid_i), "in_valid_i is unknown")
  `MR_ASSERT(a_out_known, !$isunknown(out_ready_i), "out_ready_i is unknown")
  `MR_ASSERT(a_spare, ready_q || valid_q, "the spare is filled before the output")

`ifdef FORMAL
  `include "mr_skid_proof.svh"
`endif
endmodule
