// SPDX-License-Identifier: Apache-2.0
// Measures an output: passes on count_i elements for each row, marks the last of a row and numbers rows
// from 1. What comes when all rows are there is dropped, and more_o is high for the cycle.
module mr_meter (
    /// Clock, rising edge.
    input  logic        clk_i,
    /// Reset, synchronous, active low: begins with row 0.
    input  logic        rst_ni,
    /// Elements of a row; at least 1 when there are rows.
    input  logic [39:0] count_i,
    /// Rows that are wanted so far; only grows (modulo 2^32).
    input  logic [31:0] rows_i,
    /// An element comes, and is taken.
    input  logic        in_valid_i,
    output logic        in_ready_o,
    /// It is passed on.
    output logic        out_valid_o,
    input  logic        out_ready_i,
    output logic        out_last_o,
    output logic [63:0] out_number_o,
    /// All rows that are wanted were passed on.
    output logic        complete_o,
    /// An element is dropped.
    output logic        more_o
);
  logic [63:0] number_q;
  logic [39:0] left_q;
  logic done, passes;

  // Between rows `number_q` is the row to come.
  assign done = 32'(number_q - 64'd1) == rows_i;
  assign complete_o = done;
  assign out_valid_o = in_valid_i && !done;
  assign in_ready_o = done || out_ready_i;
  assign out_last_o = left_q == 40'd1;
  assign out_number_o = number_q;
  assign passes = out_valid_o && out_ready_i;
  assign more_o = rst_ni && in_valid_i && done;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      number_q <= 64'd1;
      left_q   <= count_i;
    end else if (passes) begin
      left_q <= out_last_o ? count_i : left_q - 40'd1;
      if (out_last_o) number_q <= number_q + 64'd1;
    end
  end
endmodule
