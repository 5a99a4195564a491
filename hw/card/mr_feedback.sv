// SPDX-License-Identifier: Apache-2.0
// Feeds a number that the network gave back to it: element place_i of a step's row of y is the input of the next
// step, its low 16 bits in those of an element of x whose others are 0. The step that gives stop_i and step most_i
// are the last ones.

`include "mr_assert.svh"

module mr_feedback #(
    /// Bits of an element of x, at least 16, and of y, 32.
    parameter int X_BITS = 16,
    parameter int Y_BITS = 32
) (
    /// Clock, rising edge.
    input  logic              clk_i,
    /// Reset, synchronous, active low: begins with the first step, whose input comes from elsewhere.
    input  logic              rst_ni,
    /// Stand still while rst_ni is high.
    input  logic [      31:0] most_i,
    input  logic [      31:0] place_i,
    input  logic [      31:0] stop_i,
    /// An element of y is passed on; it is the last one of a step.
    input  logic              passes_i,
    input  logic              last_i,
    input  logic [Y_BITS-1:0] data_i,
    /// Steps that may begin so far; the last one of all has given its number.
    output logic [      31:0] steps_o,
    output logic              ended_o,
    /// The next input; an offer stands until it is taken.
    output logic              valid_o,
    input  logic              ready_i,
    output logic [X_BITS-1:0] data_o
);
  `MR_CHECK(g_bad_bits, X_BITS >= 16 && Y_BITS == 32, "mr_feedback: X_BITS=%0d must be 16 or more.", X_BITS)

  logic [31:0] at_q, number;
  logic found, ends;
  assign number = 32'(data_i);
  assign found  = passes_i && at_q == place_i;
  assign ends   = number == stop_i || steps_o == most_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      at_q <= '0;
      steps_o <= 32'd1;
      ended_o <= 1'b0;
      valid_o <= 1'b0;
    end else begin
      if (passes_i) at_q <= last_i ? '0 : at_q + 32'd1;
      if (found && ends) ended_o <= 1'b1;
      if (found && !ends) steps_o <= steps_o + 32'd1;
      if (ready_i) valid_o <= 1'b0;
      if (found && !ends) valid_o <= 1'b1;
    end
    if (found) data_o <= X_BITS'(number[15:0]);
  end
  `MR_ASSERT(one_at_a_time, !rst_ni || !found || !valid_o, "an input is fed back before the one before was taken")
endmodule
